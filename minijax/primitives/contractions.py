"""`dot_general`: every contraction of two arrays, from the inner product to a batch of matrix products."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation.dtypes import canonicalize_dtype, finfo, itemsize_bits, wide_dtype
from .basis import add_tangents, row, shape_of, transpose, zero_like
from .elementwise import convert_element_type
from .families import FLOAT, real_dtype
from .precision import precisions

DimensionNumbers = tuple[tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]]


def dot_general(
    lhs: ArrayLike,
    rhs: ArrayLike,
    dimension_numbers: DimensionNumbers,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """The products of two arrays summed over pairs of contracted axes, for each index of the paired batch axes
    (`lax.dot_general`).

    dimension_numbers: ((lhs contracted, rhs contracted), (lhs batch, rhs batch)). The result's axes are the batch axes, then
    the remaining axes of lhs, then those of rhs.

    >>> import minijax.numpy as jnp
    >>> dot_general(jnp.ones((2, 3)), jnp.ones((3, 4)), (((1,), (0,)), ((), ()))).shape
    (2, 4)
    """
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    numbers = ((_ints(lhs_contract), _ints(rhs_contract)), (_ints(lhs_batch), _ints(rhs_batch)))
    preferred = None if preferred_element_type is None else canonicalize_dtype(preferred_element_type)
    return dot_general_p.bind(
        lhs,
        rhs,
        dimension_numbers=numbers,
        precision=precisions(precision),
        preferred_element_type=preferred,
        out_sharding=out_sharding,
    )


def _ints(xs) -> tuple[int, ...]:
    """The numbers of axes; one axis may be given as a number."""
    return (operator.index(xs),) if isinstance(xs, (int, np.integer)) else tuple(map(operator.index, xs))


def dot(
    lhs: ArrayLike,
    rhs: ArrayLike,
    *,
    dimension_numbers: Any = None,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The product of vectors or matrices (`lax.dot`); with dimension_numbers, `dot_general`.

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.dot(jnp.array([1, 2]), jnp.array([3, 4]))
    Array(11, dtype=int32)
    """
    if dimension_numbers is None:
        left, right = shape_of(lhs), shape_of(rhs)
        if not (1 <= len(left) <= 2 and 1 <= len(right) <= 2 and left[-1] == right[0]):
            raise ValueError(
                f"lax.dot of shapes {left} and {right}: give dimension_numbers, unless it is a product of vectors and matrices."
            )
        dimension_numbers = (((len(left) - 1,), (0,)), ((), ()))
    return dot_general(lhs, rhs, dimension_numbers, precision, preferred_element_type, out_sharding=out_sharding)


def batch_matmul(lhs: ArrayLike, rhs: ArrayLike, precision: Any = None) -> Array:
    """Matrix products along leading batch axes (`lax.batch_matmul`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.batch_matmul(jnp.ones((2, 3, 4)), jnp.ones((2, 4, 5))).shape
    (2, 3, 5)
    """
    ndim = len(shape_of(lhs))
    if ndim < 2 or ndim != len(shape_of(rhs)):
        raise ValueError(
            f"Arguments to batch_matmul must be of equal ranks of at least 2, got {ndim}, {len(shape_of(rhs))}"
        )
    batch = tuple(range(ndim - 2))
    return dot_general(lhs, rhs, (((ndim - 1,), (ndim - 2,)), (batch, batch)), precision)


# Memos of pure functions: a program has few types and many equations.


@lru_cache(4096)
def _kept(ndim: int, contract: tuple[int, ...], batch: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([i for i in range(ndim) if i not in contract and i not in batch])


def _bits(dtype) -> int:
    return 1 if dtype.kind == "b" else itemsize_bits(dtype)


@lru_cache(4096)
def _product_dtype(x, y):
    """The dtype of a product of arrays of two dtypes: the one that is complex, has the wider exponent, the longer fraction, more
    bits, or a sign. Not the dtype that they promote to: this is XLA's rule."""

    def rank(dtype):
        part = real_dtype(dtype)
        info = finfo(part) if wide_dtype(part).kind not in "biu" else None
        exponent, fraction = (-1, -1) if info is None else (info.maxexp, info.nmant)
        return dtype.kind == "c", exponent, fraction, _bits(part), wide_dtype(dtype).kind != "u"

    return max(x, y, key=rank)


@lru_cache(4096)
def _dot_abstract_eval(x, y, *, dimension_numbers, precision, preferred_element_type, out_sharding):
    (x_contract, y_contract), (x_batch, y_batch) = dimension_numbers
    for side, aval, numbers in (("lhs", x, (*x_contract, *x_batch)), ("rhs", y, (*y_contract, *y_batch))):
        if len({*numbers}) != len(numbers) or any(not 0 <= i < aval.ndim for i in numbers):
            raise TypeError(
                f"dot_general requires {side} dimension numbers to be distinct, nonnegative and less than the number of axes of"
                f" the {side} value, {aval.ndim}, got {numbers}."
            )
    for name, a, b in (("contracting", x_contract, y_contract), ("batch", x_batch, y_batch)):
        if len(a) != len(b):
            raise TypeError(f"dot_general requires equal numbers of {name} dimensions, got {a} and {b}.")
        if [x.shape[i] for i in a] != [y.shape[i] for i in b]:
            raise TypeError(
                f"dot_general requires {name} dimensions to have the same shape, got"
                f" {tuple(x.shape[i] for i in a)} and {tuple(y.shape[i] for i in b)}."
            )
    own = _product_dtype(x.dtype, y.dtype)
    dtype = preferred_element_type or own
    # As in JAX, a product of floats may have a narrower dtype. A product of complex numbers must be complex: XLA has no other.
    narrower = own.char not in FLOAT and _bits(real_dtype(dtype)) < _bits(real_dtype(own))
    if narrower or own.kind == "c" and dtype.kind != "c":
        raise TypeError(
            "`preferred_element_type` must not be narrower than the original type, got preferred_element_type of"
            f" {dtype.name} for result type of {own.name}."
        )
    shape = [x.shape[i] for i in x_batch]
    shape += [x.shape[i] for i in _kept(x.ndim, x_contract, x_batch)]
    shape += [y.shape[i] for i in _kept(y.ndim, y_contract, y_batch)]
    return ShapedArray(tuple(shape), dtype, x.weak_type and y.weak_type)


def _cast(x, dtype):
    """The array in the dtype that an algorithm computes in; of a complex number the real part, as XLA's conversion gives it."""
    return (x.real if x.dtype.kind == "c" and dtype.kind != "c" else x).astype(dtype, copy=False)


def in_computing_dtypes(product, x, y, precision, preferred_element_type):
    """`product(x, y, dtype of the result)` of operands that are cast as an algorithm asks, in the dtype of the result."""
    dtype = preferred_element_type or _product_dtype(x.dtype, y.dtype)
    if precision is None or type(precision) is tuple:
        return product(x, y, dtype)
    x_dtype, y_dtype, out_dtype = precision.computing_dtypes(x.dtype, y.dtype, dtype)
    return _cast(product(_cast(x, x_dtype), _cast(y, y_dtype), out_dtype), dtype)


def _dot_impl(x, y, *, dimension_numbers, precision, preferred_element_type, out_sharding):
    def dot(x, y, dtype):
        return product(x, y, dimension_numbers=dimension_numbers, preferred_element_type=dtype)

    return in_computing_dtypes(dot, x, y, precision, preferred_element_type)


def product(x, y, *, dimension_numbers, preferred_element_type):
    """The product of NumPy arrays. preferred_element_type: the result's dtype; None only if the operands' is one, which it has."""
    (x_contract, y_contract), (x_batch, y_batch) = dimension_numbers
    dtype = preferred_element_type or x.dtype
    if x.dtype != dtype or y.dtype != dtype:
        # float16 and bfloat16 have no common dtype in NumPy.
        common = np.result_type(*["float32" if d.char in "eE" else d for d in (x.dtype, y.dtype, dtype)])
        x, y = x.astype(common, copy=False), y.astype(common, copy=False)
    # In the common cases, matmul takes the arrays as they are.
    inner = math.prod(x.shape[i] for i in x_contract)
    if (
        not x_batch
        and x_contract == (x.ndim - 1,)
        and x.ndim <= 2
        and y.ndim <= 2
        and y_contract == (0,)
        and inner != 1
    ):
        return _matmul(x, y).astype(dtype, copy=False)
    x_kept, y_kept = _kept(x.ndim, x_contract, x_batch), _kept(y.ndim, y_contract, y_batch)
    batch_shape = tuple(x.shape[i] for i in x_batch)
    rows, columns = tuple(x.shape[i] for i in x_kept), tuple(y.shape[i] for i in y_kept)
    left = x.transpose([*x_batch, *x_kept, *x_contract]).reshape(*batch_shape, math.prod(rows), inner)
    right = y.transpose([*y_batch, *y_contract, *y_kept]).reshape(*batch_shape, inner, math.prod(columns))
    # Each result may be one product, as in XLA. np.matmul would add it to 0.0, which turns -0.0 into 0.0.
    product = left * right if inner == 1 else _matmul(left, right)
    return product.reshape((*batch_shape, *rows, *columns)).astype(dtype, copy=False)


# The text of a program shows the product itself: a pass has taken the algorithms out of the equations.
_dot_impl.users = product


def _matmul(x, y):
    if x.dtype.kind == "b":
        return np.matmul(x.astype(np.int32), y.astype(np.int32)) != 0
    if x.dtype == np.float16:
        # In float32, as XLA and most hardware accumulate: NumPy would accumulate in float16.
        return np.matmul(x.astype(np.float32), y.astype(np.float32)).astype(np.float16)
    return np.matmul(x, y)


def _dot_jvp(primals, tangents, **params):
    (x, y), (gx, gy) = primals, tangents
    out = dot_general_p.bind(x, y, **params)
    left = zero_like(out) if type(gx) is Zero else dot_general_p.bind(gx, y, **params)
    right = zero_like(out) if type(gy) is Zero else dot_general_p.bind(x, gy, **params)
    return out, add_tangents(left, right)


def _transpose_lhs(ct, x_aval, y, dimension_numbers, precision, preferred_element_type, swapped):
    """The cotangent of the first factor: the result's cotangent, contracted with y over the axes that came from y."""
    (x_contract, y_contract), (x_batch, y_batch) = dimension_numbers
    x_kept = _kept(x_aval.ndim, x_contract, x_batch)
    y_kept = _kept(len(shape_of(y)), y_contract, y_batch)
    n_batch = len(x_batch)
    # The place of y's own axes in the result: last; or right after the batch axes, if x and y are swapped.
    start = n_batch if swapped else n_batch + len(x_kept)
    ct_y = range(start, start + len(y_kept))
    out = dot_general(
        ct, y, ((tuple(ct_y), tuple(y_kept)), (tuple(range(n_batch)), y_batch)), precision, preferred_element_type
    )
    # `out` has the batch axes, x's kept axes, and then y's contracted axes in y's order.
    contracted = [x_contract[i] for i in sorted(range(len(y_contract)), key=lambda i: y_contract[i])]
    order = [*x_batch, *x_kept, *contracted]
    out = transpose(out, [order.index(i) for i in range(len(order))])
    return convert_element_type(out, x_aval.dtype, x_aval.weak_type)


def _dot_transpose(ct, x, y, *, dimension_numbers, precision, preferred_element_type, out_sharding):
    contract, batch = dimension_numbers
    if is_undefined_primal(x):
        return [_transpose_lhs(ct, x.aval, y, dimension_numbers, precision, preferred_element_type, False), None]
    swapped = (contract[::-1], batch[::-1])
    return [None, _transpose_lhs(ct, y.aval, x, swapped, precision, preferred_element_type, True)]


def _bump(axes, dim) -> tuple[int, ...]:
    return tuple(a + (a >= dim) for a in axes)


def _dot_batch(axis, args, dims, *, dimension_numbers, **params):
    (x, y), (dx, dy) = args, dims
    (x_contract, y_contract), (x_batch, y_batch) = dimension_numbers
    if dx is not None:
        x_contract, x_batch = _bump(x_contract, dx), _bump(x_batch, dx)
    if dy is not None:
        y_contract, y_batch = _bump(y_contract, dy), _bump(y_batch, dy)
    if dx is not None and dy is not None:
        x_batch, y_batch, out_dim = (dx, *x_batch), (dy, *y_batch), 0
    elif dx is not None:
        # x's batch axis counts as one more of x's own axes.
        out_dim = len(x_batch) + _kept(len(shape_of(x)), x_contract, x_batch).index(dx)
    else:
        x_kept = _kept(len(shape_of(x)), x_contract, x_batch)
        out_dim = len(x_batch) + len(x_kept) + _kept(len(shape_of(y)), y_contract, y_batch).index(dy)
    numbers = ((x_contract, y_contract), (x_batch, y_batch))
    return dot_general_p.bind(x, y, dimension_numbers=numbers, **params), out_dim


dot_general_p = row(
    "dot_general",
    impl=_dot_impl,
    abstract_eval=_dot_abstract_eval,
    jvp=_dot_jvp,
    transpose=_dot_transpose,
    batch=_dot_batch,
)
