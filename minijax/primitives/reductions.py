"""Reductions and running reductions along axes. `reduce_sum` is in `basis.py`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..core.avals import ShapedArray, Zero
from ..core.primitive import Primitive
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation.dtypes import required_dtype
from . import complex_functions as on_complex
from .basis import (
    NO_GRADIENT,
    NOT_LINEAR,
    const,
    full,
    linear_row,
    reduce_sum_p,
    reduced_shape,
    reduction_batch,
    reshape,
    row,
    shape_of,
    zero_jvp,
    zero_like,
)
from .complex_numbers import accumulated, reduced
from .elementwise import (
    abs_p,
    add_p,
    complex_p,
    convert_element_type,
    div_p,
    eq_p,
    exp_p,
    imag_p,
    log1p_p,
    lt_p,
    max_p,
    min_p,
    mul_p,
    ne_p,
    neg_p,
    real_p,
    rem_p,
    select,
    sub_p,
)
from .families import ANY, BOOL, COMPLEX, FLOAT, INT, NUM, dtype_char
from .joining import concatenate
from .shapes import pad, rev, slice_in_dim, squeeze
from .sizes import static_int

# ---------------------------------------------------------------------------------------------------------------------
# Reductions over axes


OF_BITS = ("reduce_and", "reduce_or", "reduce_xor")


def _reduction_abstract_eval(name: str, accepts: str):
    def abstract_eval(x, *, axes, **params):
        if dtype_char(x.dtype) not in accepts:
            raise TypeError(f"{name} does not accept dtype {x.dtype.name}.")
        # As in JAX, `reduce_and`, `reduce_or` and `reduce_xor` of an array of weak type give one of strong type.
        weak = x.weak_type and name not in OF_BITS
        if name in OF_BITS and any(not -x.ndim <= i < x.ndim for i in axes):
            raise IndexError(f"{name}: axes {axes} out of range for an operand of shape {x.shape}")
        return ShapedArray(reduced_shape(x.shape, axes, name), x.dtype, weak)

    return abstract_eval


def _reduction(name: str, impl: Callable, accepts: str, jvp) -> object:
    primitive = row(
        name,
        impl=impl,
        abstract_eval=_reduction_abstract_eval(name, accepts),
        jvp=jvp,
        transpose=NOT_LINEAR,
        batch=reduction_batch(lambda: primitive),
    )
    return primitive


def _extremum_jvp(primitive_of):
    """The tangent of the extreme element; elements that tie share it equally."""

    def jvp(primals, tangents, *, axes, **params):
        (x,), (g,) = primals, tangents
        out = primitive_of().bind(x, axes=axes, **params)
        if type(g) is Zero:
            return out, zero_like(out)
        column = reshape(out, [1 if i in axes else d for i, d in enumerate(shape_of(x))])
        here = convert_element_type(eq_p.bind(x, column), g.dtype)
        # As in JAX, the sum over no axes, the tangent of a scalar's maximum, has an equation.
        count = reduce_sum_p.bind(here, axes=axes, out_sharding=None)
        return out, div_p.bind(reduce_sum_p.bind(mul_p.bind(g, here), axes=axes, out_sharding=None), count)

    return jvp


def lowest(dtype):
    """The identity of max: the lowest number of the dtype."""
    if dtype.kind == "b":
        return False
    if dtype.kind == "c":
        # Complex numbers are ordered by their real parts, then by their imaginary parts.
        return complex(-np.inf, -np.inf)
    if dtype.name in ("int2", "int4", "uint2", "uint4"):  # NumPy knows none of their limits.
        return -(2 ** (int(dtype.name[3:]) - 1)) if dtype.name[0] == "i" else 0
    return -np.inf if dtype.kind in "fV" else np.iinfo(dtype).min


def highest(dtype):
    if dtype.kind == "b":
        return True
    if dtype.kind == "c":
        return complex(np.inf, np.inf)
    if dtype.name in ("int2", "int4", "uint2", "uint4"):
        return 2 ** (int(dtype.name[3:]) - 1) - 1 if dtype.name[0] == "i" else 2 ** int(dtype.name[4:]) - 1
    return np.inf if dtype.kind in "fV" else np.iinfo(dtype).max


def _extreme_of_axes(extreme: np.ufunc, start: Callable) -> Callable:
    def impl(x, *, axes):
        if x.dtype.kind == "c" and axes and x.size:
            return reduced(extreme, x, axes)
        return extreme.reduce(x, axis=axes, initial=start(x.dtype))

    return impl


reduce_max_p = _reduction(
    "reduce_max",
    _extreme_of_axes(np.maximum, lowest),
    ANY,
    _extremum_jvp(lambda: reduce_max_p),
)
reduce_min_p = _reduction(
    "reduce_min",
    _extreme_of_axes(np.minimum, highest),
    ANY,
    _extremum_jvp(lambda: reduce_min_p),
)


def _prod_jvp(primals, tangents, *, axes):
    """The derivative of a tree of products, of the first half of the elements with the second. (x's product / x fails at 0.)"""
    (x,), (g,) = primals, tangents
    if type(g) is Zero:
        out = reduce_prod_p.bind(x, axes=axes)
        return out, zero_like(out)
    # Merge the axes to reduce into one, the first.
    shape = shape_of(x)
    order = (*axes, *(i for i in range(len(shape)) if i not in axes))
    kept = [shape[i] for i in order[len(axes) :]]
    size = math.prod(shape[i] for i in axes)
    pair = [reshape(a, (size, *kept), order) for a in (x, g)]
    while size > 1:
        half = (size + 1) // 2
        first, second = _slices(pair, 0, 0, half), _slices(pair, 0, half, size)
        if size % 2:
            config = [(0, 1, 0), *[(0, 0, 0)] * len(kept)]
            second = [pad(a, const(a, e), config) for a, e in zip(second, (1, 0))]
        pair, size = _derived(mul_p, first, second), half
    if not size:
        return full(kept, 1, x.dtype), full(kept, 0, g.dtype)
    return tuple([squeeze(a, (0,)) for a in pair])


def _slices(pair: Sequence, axis: int, start: int, limit: int, stride: int = 1) -> list:
    """A slice of a value and of its tangent."""
    return [slice_in_dim(a, start, limit, stride, axis) for a in pair]


def _derived(primitive: Primitive, *pairs) -> tuple:
    """(value, tangent) of an operation on (value, tangent) pairs."""
    primals, tangents = zip(*pairs)
    return primitive.jvp(primals, tangents)


reduce_prod_p = _reduction(
    "reduce_prod",
    lambda x, *, axes: np.multiply.reduce(x, axis=axes, dtype=x.dtype),
    NUM,
    _prod_jvp,
)
reduce_and_p = _reduction(
    "reduce_and",
    lambda x, *, axes: np.bitwise_and.reduce(x, axis=axes).astype(x.dtype),
    BOOL + INT,
    NO_GRADIENT,
)
reduce_or_p = _reduction(
    "reduce_or",
    lambda x, *, axes: np.bitwise_or.reduce(x, axis=axes).astype(x.dtype),
    BOOL + INT,
    NO_GRADIENT,
)
reduce_xor_p = _reduction(
    "reduce_xor",
    lambda x, *, axes: np.bitwise_xor.reduce(x, axis=axes).astype(x.dtype),
    BOOL + INT,
    NO_GRADIENT,
)


def _reducer(primitive, name: str, result: list[int]):
    def reduce(operand: ArrayLike, axes: Sequence[int]) -> Array:
        return primitive.bind(operand, axes=tuple(operator.index(a) for a in axes))

    reduce.__name__ = reduce.__qualname__ = name
    reduce.__doc__ = f"""`lax.{name}`: reduce over `axes`, unique and non-negative; they vanish from the shape.

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.{name}(jnp.array([[6, 3], [5, 4]]), (1,))
    Array({result}, dtype=int32)
    """
    return reduce


reduce_max = _reducer(reduce_max_p, "reduce_max", [6, 5])
reduce_min = _reducer(reduce_min_p, "reduce_min", [3, 4])
reduce_prod = _reducer(reduce_prod_p, "reduce_prod", [18, 20])
reduce_and = _reducer(reduce_and_p, "reduce_and", [2, 4])
reduce_or = _reducer(reduce_or_p, "reduce_or", [7, 5])
reduce_xor = _reducer(reduce_xor_p, "reduce_xor", [5, 1])


# ---------------------------------------------------------------------------------------------------------------------
# argmax, argmin


def _arg_reduction(name: str, function: Callable):
    def abstract_eval(x, *, axes, index_dtype):
        if dtype_char(x.dtype) not in BOOL + INT + FLOAT:
            raise TypeError(f"{name} does not accept dtype {x.dtype.name}.")
        if index_dtype.kind not in "iu":
            raise TypeError(f"index_dtype must be an integer type, but got {index_dtype.name}")
        if len(axes) != 1:
            raise ValueError(f"{name} reduces one axis, got {axes}.")
        if not x.shape[axes[0]] if 0 <= axes[0] < x.ndim else False:
            raise ValueError(f"attempt to get {name} of an empty sequence")
        return ShapedArray(reduced_shape(x.shape, axes, name), index_dtype)

    primitive = row(
        name,
        impl=lambda x, *, axes, index_dtype: np.asarray(function(x, axes[0])).astype(index_dtype),
        abstract_eval=abstract_eval,
        jvp=zero_jvp(lambda: primitive),
        transpose=NOT_LINEAR,
        batch=reduction_batch(lambda: primitive),
    )
    return primitive


argmax_p = _arg_reduction("argmax", np.argmax)
argmin_p = _arg_reduction("argmin", np.argmin)


def argmax(operand: ArrayLike, axis: int, index_dtype: DTypeLike) -> Array:
    """The index of the greatest element along an axis, or of the first NaN (`lax.argmax`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.argmax(jnp.array([1, 3, 2]), 0, jnp.int32)
    Array(1, dtype=int32)
    """
    return argmax_p.bind(operand, axes=(operator.index(axis),), index_dtype=required_dtype(index_dtype))


def argmin(operand: ArrayLike, axis: int, index_dtype: DTypeLike) -> Array:
    """The index of the least element along an axis, or of the first NaN (`lax.argmin`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.argmin(jnp.array([3, 1, 2]), 0, jnp.int32)
    Array(1, dtype=int32)
    """
    return argmin_p.bind(operand, axes=(operator.index(axis),), index_dtype=required_dtype(index_dtype))


# ---------------------------------------------------------------------------------------------------------------------
# Running reductions


def _running_impl(accumulate: Callable) -> Callable:
    def impl(x, *, axis, reverse):
        if not reverse:
            return accumulate(x, axis)
        return np.flip(accumulate(np.flip(x, axis), axis), axis)

    return impl


def _running_abstract_eval(name: str, accepts: str) -> Callable:
    def abstract_eval(x, *, axis, reverse):
        if not 0 <= axis < x.ndim:
            raise ValueError(f"axis {axis} is out of bounds for array of shape {x.shape}")
        if dtype_char(x.dtype) not in accepts:
            raise TypeError(f"{name} does not accept dtype {x.dtype.name}.")
        return x

    return abstract_eval


def _running_batch(primitive_of):
    def batch(_, args, dims, *, axis, reverse):
        return primitive_of().bind(args[0], axis=axis + (axis >= dims[0]), reverse=reverse), dims[0]

    return batch


def _wide(dtype):
    """The dtype in which a running reduction of `dtype` is accumulated. In float32, 1 + 1 + ... ends at 2**24."""
    wider = {"e": "float32", "E": "float32", "f": "float64", "F": "complex128"}
    return np.dtype(wider.get(dtype.char, dtype))


def _accumulated(function: np.ufunc) -> Callable:
    def accumulate(x, axis):
        # An array that is not NumPy's own dtype, bfloat16, is converted first: ufuncs take no `dtype` for it.
        return function.accumulate(x.astype(_wide(x.dtype), copy=False), axis).astype(x.dtype, copy=False)

    return accumulate


def _running_sum(x, axis):
    total = _accumulated(np.add)(x, axis)
    # XLA adds to 0.0, unless there is nothing to add: the running sums of -0.0, -0.0 are 0.0.
    return total if x.shape[axis] == 1 or x.dtype.kind in "iub" else total + total.dtype.type(0)


cumsum_p = linear_row(
    "cumsum",
    impl=_running_impl(_running_sum),
    abstract_eval=_running_abstract_eval("cumsum", NUM),
    transpose=lambda ct, x, *, axis, reverse: [cumsum_p.bind(ct, axis=axis, reverse=not reverse)],
    batch=_running_batch(lambda: cumsum_p),
)


def _scan_pairs(combine: Callable, pair: Sequence, axis: int) -> Sequence:
    """The running `combine` of (value, tangent) pairs along an axis: that of neighbours, two by two, gives every second result
    (G. E. Blelloch, "Prefix sums and their applications", 1990; `lax.associative_scan`)."""
    shape = shape_of(pair[0])
    size = shape[axis]
    if size < 2:
        return pair
    reduced = combine(_slices(pair, axis, 0, size - 1, 2), _slices(pair, axis, 1, size, 2))
    odd = _scan_pairs(combine, reduced, axis)
    before = _slices(odd, axis, 0, shape_of(odd[0])[axis] - 1) if size % 2 == 0 else odd
    even = combine(before, _slices(pair, axis, 2, size, 2))
    # The first element, and then the elements of `even` and `odd` in turn.
    even = [concatenate(xs, axis) for xs in zip(_slices(pair, axis, 0, 1), even)]
    config = [(0, 0, 0)] * len(shape)
    config[axis] = (0, 1 - size % 2, 1)
    even = [pad(x, const(x, 0), config) for x in even]
    config[axis] = (1, size % 2, 1)
    odd = [pad(x, const(x, 0), config) for x in odd]
    return [add_p.bind(x, y) for x, y in zip(even, odd)]


def _running_jvp(primitive_of, combine: Callable) -> Callable:
    def jvp(primals, tangents, *, axis, reverse):
        (x,), (g,) = primals, tangents
        if type(g) is Zero:
            out = primitive_of().bind(x, axis=axis, reverse=reverse)
            return out, zero_like(out)
        pair = [rev(a, (axis,)) for a in (x, g)] if reverse else [x, g]
        # JAX, too, takes an axis that counts from the end in the derivative, and only there.
        if not -len(shape_of(x)) <= axis < len(shape_of(x)):
            raise ValueError(f"axis {axis} is out of bounds for array of shape {shape_of(x)}")
        pair = _scan_pairs(combine, pair, axis % len(shape_of(x)))
        return tuple([rev(a, (axis,)) for a in pair] if reverse else pair)

    return jvp


def _turned_back(total):
    """The number with the same exponential whose imaginary part is between -pi and pi."""
    real, angle = real_p.bind(total), imag_p.bind(total)
    turn = const(angle, 2 * np.pi)
    rest = rem_p.bind(add_p.bind(angle, const(angle, np.pi)), turn)
    negative = lt_p.bind(rest, const(angle, 0))
    rest = select(negative, add_p.bind(rest, turn), rest)
    return complex_p.bind(real, sub_p.bind(rest, const(angle, np.pi)))


def _complex_logaddexp(x, y):
    """log(exp(x) + exp(y)), by JAX's equations."""
    high = max_p.bind(x, y)
    gap = sub_p.bind(add_p.bind(x, y), mul_p.bind(high, const(high, 2)))
    return _turned_back(add_p.bind(high, log1p_p.bind(exp_p.bind(gap))))


def complex_running_logsumexp(x, axis: int, reverse: bool):
    """`cumlogsumexp` of complex numbers, by other primitives."""
    # In JAX the first element is added to nothing: its imaginary part is between -pi and pi, too.
    x = _turned_back(rev(x, (axis,)) if reverse else x)
    (total,) = _scan_pairs(lambda a, b: [_complex_logaddexp(a[0], b[0])], [x], axis)
    return rev(total, (axis,)) if reverse else total


def _numpy_turned_back(total):
    out = np.empty_like(total)
    out.real, out.imag = total.real, (total.imag + np.pi) % (2 * np.pi) - np.pi
    return out


def _accumulated_logsumexp(x, axis):
    if x.dtype.kind != "c":
        return _accumulated(np.logaddexp)(x, axis)
    if not x.size:
        return x
    rows = np.moveaxis(x.astype(np.complex128), axis, 0)
    totals = [_numpy_turned_back(rows[0])]
    for elements in rows[1:]:
        high = np.maximum(totals[-1], elements)
        total = high + on_complex.log1p(np.exp(totals[-1] + elements - 2 * high))
        totals.append(_numpy_turned_back(total))
    return np.moveaxis(np.stack(totals), 0, axis).astype(x.dtype)


def _logaddexp(x, y):
    if x.dtype.kind == "c":
        return _complex_logaddexp(x, y)
    high, gap = max_p.bind(x, y), sub_p.bind(x, y)
    # For two equal infinities the gap is NaN; the result is then x + y.
    unknown, total = ne_p.bind(gap, gap), add_p.bind(x, y)
    result = add_p.bind(high, log1p_p.bind(exp_p.bind(neg_p.bind(abs_p.bind(gap)))))
    return select(unknown, total, result)


def _without_infinity(x):
    real = real_p.bind(x) if x.dtype.kind == "c" else x
    return select(eq_p.bind(real, const(real, np.inf)), full(shape_of(x), 0, x.dtype), x)


def _combine_logsumexps(a, b):
    value = _logaddexp(a[0], b[0])

    def part(x, tangent):
        return mul_p.bind(tangent, exp_p.bind(sub_p.bind(_without_infinity(x), _without_infinity(value))))

    return value, add_p.bind(part(*a), part(*b))


def _running(name: str, impl: Callable, accepts: str, combine: Callable):
    primitive = row(
        name,
        impl=impl,
        abstract_eval=_running_abstract_eval(name, accepts),
        jvp=_running_jvp(lambda: primitive, combine),
        transpose=NOT_LINEAR,
        batch=_running_batch(lambda: primitive),
    )
    return primitive


def _running_extreme(extreme: np.ufunc) -> Callable:
    of_real = _running_impl(extreme.accumulate)

    def impl(x, *, axis, reverse):
        if x.dtype.kind == "c" and x.size:
            return accumulated(extreme, x, axis, reverse)
        return of_real(x, axis=axis, reverse=reverse)

    return impl


cumprod_p = _running("cumprod", _running_impl(_accumulated(np.multiply)), NUM, partial(_derived, mul_p))
cummax_p = _running("cummax", _running_extreme(np.maximum), NUM, partial(_derived, max_p))
cummin_p = _running("cummin", _running_extreme(np.minimum), NUM, partial(_derived, min_p))
cumlogsumexp_p = _running("cumlogsumexp", _running_impl(_accumulated_logsumexp), FLOAT + COMPLEX, _combine_logsumexps)


def _runner(primitive, name: str, result: str):
    def running(operand: ArrayLike, axis: int = 0, reverse: bool = False) -> Array:
        return primitive.bind(operand, axis=static_int(axis), reverse=bool(reverse))

    running.__name__ = running.__qualname__ = name
    running.__doc__ = f"""`lax.{name}`: running along `axis`, from its end if `reverse`.

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.{name}(jnp.array([1.0, 3.0, 2.0]))
    Array({result}, dtype=float32)
    """
    return running


cumsum = _runner(cumsum_p, "cumsum", "[1., 4., 6.]")
cumprod = _runner(cumprod_p, "cumprod", "[1., 3., 6.]")
cummax = _runner(cummax_p, "cummax", "[1., 3., 3.]")
cummin = _runner(cummin_p, "cummin", "[1., 1., 1.]")
cumlogsumexp = _runner(cumlogsumexp_p, "cumlogsumexp", "[1.      , 3.126928, 3.407606]")
