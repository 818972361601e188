"""Reductions and running reductions along axes. `reduce_sum` is in `basis.py`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

import numpy as np

from ..core.avals import ShapedArray, Zero
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation.dtypes import canonicalize_dtype
from .basis import (
    NOT_LINEAR,
    add_any_p,
    const,
    full,
    linear_row,
    reduce_sum,
    reduced_shape,
    reduction_batch,
    reshape,
    row,
    shape_of,
    transpose,
    zero_jvp,
    zero_like,
)
from .elementwise import (
    add_p,
    convert_element_type,
    div_p,
    eq_p,
    exp_p,
    log1p_p,
    lt_p,
    max_p,
    min_p,
    mul_p,
    select,
    sub_p,
)
from .families import ANY, BOOL, FLOAT, INT, NUM, dtype_char
from .shapes import pad, rev

# ---------------------------------------------------------------------------------------------------------------------
# Reductions over axes


def _reduction_abstract_eval(name: str, accepts: str):
    def abstract_eval(x, *, axes, **params):
        if dtype_char(x.dtype) not in accepts:
            raise TypeError(f"{name} does not accept dtype {x.dtype.name}.")
        return ShapedArray(reduced_shape(x.shape, axes, name), x.dtype, x.weak_type)

    return abstract_eval


def _reduction(name: str, impl: Callable, accepts: str, jvp) -> object:
    primitive = row(
        name,
        impl=impl,
        abstract_eval=_reduction_abstract_eval(name, accepts),
        jvp=jvp or zero_jvp(lambda: primitive),
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
        count = reduce_sum(here, axes)
        return out, div_p.bind(reduce_sum(mul_p.bind(g, here), axes), count)

    return jvp


def _lowest(dtype):
    """The identity of max: the lowest number of the dtype."""
    if dtype.kind == "b":
        return False
    if dtype.kind == "c":
        # Complex numbers are ordered by their real parts, then by their imaginary parts.
        return complex(-np.inf, -np.inf)
    return -np.inf if dtype.kind in "fV" else np.iinfo(dtype).min


def _highest(dtype):
    if dtype.kind == "b":
        return True
    if dtype.kind == "c":
        return complex(np.inf, np.inf)
    return np.inf if dtype.kind in "fV" else np.iinfo(dtype).max


reduce_max_p = _reduction(
    "reduce_max",
    lambda x, *, axes: np.maximum.reduce(x, axis=axes, initial=_lowest(x.dtype)),
    ANY,
    _extremum_jvp(lambda: reduce_max_p),
)
reduce_min_p = _reduction(
    "reduce_min",
    lambda x, *, axes: np.minimum.reduce(x, axis=axes, initial=_highest(x.dtype)),
    ANY,
    _extremum_jvp(lambda: reduce_min_p),
)


def _prod_jvp(primals, tangents, *, axes):
    """The sum of each tangent times the product of the other elements. That product is not x's product / x, which fails at 0."""
    (x,), (g,) = primals, tangents
    out = reduce_prod_p.bind(x, axes=axes)
    if type(g) is Zero:
        return out, zero_like(out)
    # Merge the axes to reduce into one, the last.
    kept = [i for i in range(len(shape_of(x))) if i not in axes]
    shape = (*(shape_of(x)[i] for i in kept), -1)
    size = math.prod(shape_of(x)[i] for i in axes)
    x, g = (reshape(transpose(a, (*kept, *axes)), (*shape[:-1], size)) for a in (x, g))
    last = len(kept)
    others = mul_p.bind(_exclusive(x, last, reverse=False), _exclusive(x, last, reverse=True))
    return out, reduce_sum(mul_p.bind(g, others), (last,))


def _exclusive(x, axis: int, reverse: bool):
    """The product of all elements before each element; with `reverse`, of all behind it: 1 if there are none."""
    config = [(0, 0, 0)] * len(shape_of(x))
    config[axis] = (-1, 1, 0) if reverse else (1, -1, 0)
    return cumprod_p.bind(pad(x, const(x, 1), config), axis=axis, reverse=reverse)


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
    None,
)
reduce_or_p = _reduction(
    "reduce_or",
    lambda x, *, axes: np.bitwise_or.reduce(x, axis=axes).astype(x.dtype),
    BOOL + INT,
    None,
)
reduce_xor_p = _reduction(
    "reduce_xor",
    lambda x, *, axes: np.bitwise_xor.reduce(x, axis=axes).astype(x.dtype),
    BOOL + INT,
    None,
)


def _reducer(primitive, name: str):
    def reduce(operand: ArrayLike, axes: Sequence[int]) -> Array:
        return primitive.bind(operand, axes=tuple(operator.index(a) for a in axes))

    reduce.__name__ = reduce.__qualname__ = name
    reduce.__doc__ = f"`lax.{name}`: reduce over `axes`, unique and non-negative; they vanish from the shape."
    return reduce


reduce_max = _reducer(reduce_max_p, "reduce_max")
reduce_min = _reducer(reduce_min_p, "reduce_min")
reduce_prod = _reducer(reduce_prod_p, "reduce_prod")
reduce_and = _reducer(reduce_and_p, "reduce_and")
reduce_or = _reducer(reduce_or_p, "reduce_or")
reduce_xor = _reducer(reduce_xor_p, "reduce_xor")


# ---------------------------------------------------------------------------------------------------------------------
# argmax, argmin


def _arg_reduction(name: str, function: Callable):
    def abstract_eval(x, *, axes, index_dtype):
        if x.dtype.char not in BOOL + INT + FLOAT:
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
    """The index of the greatest element along an axis, or of the first NaN (`lax.argmax`)."""
    return argmax_p.bind(operand, axes=(operator.index(axis),), index_dtype=canonicalize_dtype(index_dtype))


def argmin(operand: ArrayLike, axis: int, index_dtype: DTypeLike) -> Array:
    """The index of the least element along an axis, or of the first NaN (`lax.argmin`)."""
    return argmin_p.bind(operand, axes=(operator.index(axis),), index_dtype=canonicalize_dtype(index_dtype))


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
        if x.dtype.char not in accepts:
            raise TypeError(f"{name} does not accept dtype {x.dtype.name}.")
        if not 0 <= axis < x.ndim:
            raise ValueError(f"axis {axis} is out of bounds for array of shape {x.shape}")
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


def _scan_pairs(combine: Callable, pair: tuple, axis: int, identity: tuple) -> tuple:
    """The running `combine` of (value, tangent) pairs, in log2(size) steps, each with neighbours twice as far away.

    `combine` must be linear in the tangents. `identity` stands for the values before the start.
    """
    size, step = shape_of(pair[0])[axis], 1
    config = [(0, 0, 0)] * len(shape_of(pair[0]))
    while step < size:
        config[axis] = (step, -step, 0)
        earlier = tuple(pad(x, const(x, e), config) for x, e in zip(pair, identity))
        pair = combine(earlier, pair)
        step *= 2
    return pair


def _running_jvp(primitive_of, combine: Callable, identity: Callable) -> Callable:
    def jvp(primals, tangents, *, axis, reverse):
        (x,), (g,) = primals, tangents
        out = primitive_of().bind(x, axis=axis, reverse=reverse)
        if type(g) is Zero:
            return out, zero_like(out)
        flip = (lambda a: rev(a, (axis,))) if reverse else (lambda a: a)
        _, tangent = _scan_pairs(combine, (flip(x), flip(g)), axis, (identity(x.dtype), 0))
        return out, flip(tangent)

    return jvp


def _combine_products(a, b):
    return mul_p.bind(a[0], b[0]), add_any_p.bind(mul_p.bind(a[1], b[0]), mul_p.bind(a[0], b[1]))


def _combine_extrema(primitive):
    def combine(a, b):
        value = primitive.bind(a[0], b[0])
        # The extremum keeps its tangent; if the two tie, half of each.
        from_a, from_b = eq_p.bind(a[0], value), eq_p.bind(b[0], value)
        zero, half, one = (full(shape_of(value), v, value.dtype) for v in (0, 0.5, 1))
        weight_a = select(from_a, select(from_b, half, one), zero)
        weight_b = select(from_b, select(from_a, half, one), zero)
        return value, add_any_p.bind(mul_p.bind(a[1], weight_a), mul_p.bind(b[1], weight_b))

    return combine


def _logaddexp(x, y):
    high = max_p.bind(x, y)
    low = min_p.bind(x, y)
    gap = sub_p.bind(low, high)
    result = add_p.bind(high, log1p_p.bind(exp_p.bind(gap)))
    # For two equal infinities the gap is NaN, but the answer is infinite; for equal numbers it is high + log(2).
    return select(eq_p.bind(low, high), add_p.bind(high, full(shape_of(x), np.log(2), x.dtype)), result)


def _combine_logsumexps(a, b):
    value = _logaddexp(a[0], b[0])
    finite = lt_p.bind(full(shape_of(value), -np.inf, value.dtype), value)
    safe = select(finite, value, full(shape_of(value), 0, value.dtype))
    share_a, share_b = exp_p.bind(sub_p.bind(a[0], safe)), exp_p.bind(sub_p.bind(b[0], safe))
    return value, add_any_p.bind(mul_p.bind(a[1], share_a), mul_p.bind(b[1], share_b))


def _running(name: str, accumulate: Callable, accepts: str, combine: Callable, identity: Callable):
    primitive = row(
        name,
        impl=_running_impl(accumulate),
        abstract_eval=_running_abstract_eval(name, accepts),
        jvp=_running_jvp(lambda: primitive, combine, identity),
        transpose=NOT_LINEAR,
        batch=_running_batch(lambda: primitive),
    )
    return primitive


cumprod_p = _running("cumprod", _accumulated(np.multiply), NUM, _combine_products, lambda dtype: 1)
cummax_p = _running("cummax", np.maximum.accumulate, NUM, _combine_extrema(max_p), _lowest)
cummin_p = _running("cummin", np.minimum.accumulate, NUM, _combine_extrema(min_p), _highest)
cumlogsumexp_p = _running("cumlogsumexp", _accumulated(np.logaddexp), FLOAT, _combine_logsumexps, _lowest)


def _runner(primitive, name: str):
    def running(operand: ArrayLike, axis: int = 0, reverse: bool = False) -> Array:
        return primitive.bind(operand, axis=operator.index(axis), reverse=bool(reverse))

    running.__name__ = running.__qualname__ = name
    running.__doc__ = f"`lax.{name}`: running along `axis`, from its end if `reverse`."
    return running


cumsum = _runner(cumsum_p, "cumsum")
cumprod = _runner(cumprod_p, "cumprod")
cummax = _runner(cummax_p, "cummax")
cummin = _runner(cummin_p, "cummin")
cumlogsumexp = _runner(cumlogsumexp_p, "cumlogsumexp")
