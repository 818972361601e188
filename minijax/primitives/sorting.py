"""Sorting primitives: `sort`, of one array or of several arrays by the first of them, and `top_k`.

Their derivative is the permutation that they find: the jvp sorts the positions, too, and gathers the tangents from there.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, Zero
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike
from ..foundation.dtypes import issubdtype, prng_key
from ..foundation.tracebacks import hide_our_frames
from .basis import (
    NOT_LINEAR,
    broadcast_in_dim,
    const,
    expand_dims,
    full,
    move_batch_dim,
    reshape,
    row,
    shape_of,
    zero_like,
)
from .complex_numbers import sort_keys
from .elementwise import and_p, eq_p, eq_to_p, imag_p, le_to_p, lt_to_p, ne_p, or_p, real_p, select
from .indexing import gather
from .shapes import broadcasted_iota
from .windows import GatherDimensionNumbers, GatherScatterMode


def _canonicalize_axis(axis: int, ndim: int) -> int:
    try:
        axis = operator.index(axis)
        if not -ndim <= axis < ndim:
            raise ValueError(f"axis {axis} is out of bounds for array of dimension {ndim}")
        return axis % ndim
    except Exception as error:
        hide_our_frames(error)
        raise


def _gather_along(x, indices, axis: int):
    """The elements of x at the given positions along an axis; `indices` has a last axis of size 1, for `gather`."""
    if 0 in shape_of(x):
        # x itself where it has the shape: a tangent that is a constant would make 0 of the NaN of `jnp.mean(lax.sort(x))`.
        shape = shape_of(indices)[:-1]
        return x if shape == shape_of(x) else full(shape, 0, get_aval(x).dtype)
    others = tuple(i for i in range(len(shape_of(x))) if i != axis)
    numbers = GatherDimensionNumbers((), (axis,), (axis,), others, others)
    sizes = (1,) * len(shape_of(x))
    return gather(x, indices, numbers, sizes, mode=GatherScatterMode.PROMISE_IN_BOUNDS)


# ---------------------------------------------------------------------------------------------------------------------
# The total order of floating-point numbers: -NaN, -inf, ..., -0.0, 0.0, ..., inf, NaN


def sorted_before(x: Array, y: Array, or_equal: bool = False) -> Array:
    """Whether x stands before y in sorted order: -0.0 equals 0.0, every NaN equals every other and comes last, complex numbers are
    ordered by their real parts, then by their imaginary parts."""
    last = le_to_p if or_equal else lt_to_p
    if get_aval(x).dtype.kind == "c":
        (real_x, imag_x), (real_y, imag_y) = (map(_sort_key, (real_p.bind(z), imag_p.bind(z))) for z in (x, y))
        tied = and_p.bind(eq_to_p.bind(real_x, real_y), last.bind(imag_x, imag_y))
        return or_p.bind(lt_to_p.bind(real_x, real_y), tied)
    return last.bind(_sort_key(x), _sort_key(y))


def _sort_key(x: Array) -> Array:
    aval = get_aval(x)
    if aval.dtype.kind not in "fV":
        return x
    zeroed = select(eq_p.bind(x, const(x, 0)), full(aval.shape, 0, aval.dtype), x)
    return select(ne_p.bind(x, x), full(aval.shape, np.nan, aval.dtype), zeroed)


# ---------------------------------------------------------------------------------------------------------------------
# sort


def sort(operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int = 1) -> Any:
    """An array sorted along an axis; or several arrays, all put in the order of the first `num_keys` (`lax.sort`).

    operand: an array, or a sequence of arrays of one shape, for which the result is a tuple. The first key decides; a later
    key decides if the keys before it are equal. -0.0 equals 0.0. Every NaN equals every other and comes last. Complex
    numbers are ordered by their real parts, then by their imaginary parts.

    >>> import minijax.numpy as jnp
    >>> sort(jnp.array([3, 1, 2]))
    Array([1, 2, 3], dtype=int32)
    >>> sort((jnp.array([3, 1, 2]), jnp.arange(3)))
    (Array([1, 2, 3], dtype=int32), Array([1, 2, 0], dtype=int32))
    """
    several = isinstance(operand, Sequence)
    operands = tuple(operand) if several else (operand,)
    if not operands:
        raise TypeError("Sort requires at least one operand")
    if not several and num_keys != 1:
        raise ValueError(f"{num_keys=} must equal 1 for a single operand.")
    if not 1 <= num_keys <= len(operands):
        raise ValueError(f"{num_keys=} must be between 1 and {len(operand)=}")
    dimension = _canonicalize_axis(dimension, len(shape_of(operands[0])))
    if not isinstance(is_stable, bool):
        # `np.argsort(x)` calls `x.argsort(stable=None)`; after a TypeError it sorts the NumPy array itself.
        raise TypeError(f"is_stable must be True or False, got {is_stable!r}")
    out = sort_p.bind(*operands, dimension=dimension, is_stable=is_stable, num_keys=operator.index(num_keys))
    return tuple(out) if several else out[0]


def sort_key_val(
    keys: ArrayLike, values: ArrayLike, dimension: int = -1, is_stable: bool = True
) -> tuple[Array, Array]:
    """The keys in order along an axis, and the values in the keys' order (`lax.sort_key_val`).

    >>> import minijax.numpy as jnp
    >>> sort_key_val(jnp.array([2, 1]), jnp.array([5., 6.]))
    (Array([1, 2], dtype=int32), Array([6., 5.], dtype=float32))
    """
    return sort((keys, values), dimension, is_stable)


def _sort_abstract_eval(*avals, dimension, is_stable, num_keys):
    if any(a.shape != avals[0].shape for a in avals):
        raise TypeError(f"Arguments to sort must have equal shapes, got: {' '.join(str(a.shape) for a in avals)}")
    for a in avals[:num_keys]:
        if issubdtype(a.dtype, prng_key):
            raise TypeError(
                f"sort does not accept dtype {a.dtype.name}: random keys have no order, sort their key_data."
            )
    return list(avals)


def _comparable(key: np.ndarray) -> np.ndarray:
    # NumPy sorts its own dtypes in the wanted order; bfloat16 is not one of them, so it is sorted as float32.
    return key.astype(np.float32) if key.dtype.char == "E" else key


def _sort_impl(*operands, dimension, is_stable, num_keys):
    keys = [_comparable(x) for x in operands[:num_keys]]
    if num_keys > 1 or keys[0].dtype.kind == "c" and np.isnan(keys[0]).any():
        order = np.lexsort(sort_keys(keys)[::-1], axis=dimension)
    elif len(operands) == 1 and keys[0] is operands[0]:
        return [np.sort(operands[0], axis=dimension, kind="stable")]
    else:
        order = np.argsort(keys[0], axis=dimension, kind="stable")
    return [np.take_along_axis(x, order, axis=dimension) for x in operands]


def _sort_jvp(primals, tangents, *, dimension, is_stable, num_keys):
    params = {"dimension": dimension, "is_stable": is_stable, "num_keys": num_keys}
    if all(type(t) is Zero for t in tangents):
        outs = sort_p.bind(*primals, **params)
        return outs, [zero_like(x) for x in outs]
    shape = shape_of(primals[0])
    positions = broadcasted_iota(np.uint32 if max(shape) < 2**32 else np.uint64, shape, dimension)
    *outs, positions = sort_p.bind(*primals, positions, **params)
    indices = expand_dims(positions, (len(shape),))
    return outs, [t if type(t) is Zero else _gather_along(t, indices, dimension) for t in tangents]


def _sort_batch(axis, args, dims, *, dimension, is_stable, num_keys):
    shape, dim = next((shape_of(x), d) for x, d in zip(args, dims) if d is not None)
    others = tuple(i for i in range(len(shape)) if i != dim)
    args = [broadcast_in_dim(x, shape, others) if d is None else move_batch_dim(x, d, dim) for x, d in zip(args, dims)]
    dimension += dim <= dimension
    outs = sort_p.bind(*args, dimension=dimension, is_stable=is_stable, num_keys=num_keys)
    return outs, [dim] * len(outs)


sort_p = row(
    "sort",
    impl=_sort_impl,
    abstract_eval=_sort_abstract_eval,
    jvp=_sort_jvp,
    transpose=NOT_LINEAR,
    batch=_sort_batch,
    multiple_results=True,
)


# ---------------------------------------------------------------------------------------------------------------------
# top_k


def top_k(operand: ArrayLike, k: int, *, axis: int = -1) -> tuple[Array, Array]:
    """(the k largest elements along an axis, the largest first; their positions, in int32) (`lax.top_k`).

    Equal elements keep their order. Floats are in IEEE's total order: 0.0 is larger than -0.0, and NaN is larger than inf.

    >>> import minijax.numpy as jnp
    >>> values, indices = top_k(jnp.array([9., 3., 6., 4., 10.]), 3)
    >>> values, indices
    (Array([10.,  9.,  6.], dtype=float32), Array([4, 0, 2], dtype=int32))
    """
    k = operator.index(k)
    if k < 0:
        raise ValueError(f"k argument to top_k must be nonnegative, got {k}")
    return top_k_p.bind(operand, k=k, axis=_canonicalize_axis(axis, len(shape_of(operand))))


def _top_k_abstract_eval(x, *, k, axis):
    if issubdtype(x.dtype, np.complexfloating):
        raise ValueError("top_k is not compatible with complex inputs.")
    if issubdtype(x.dtype, prng_key):
        raise ValueError(f"top_k does not accept dtype {x.dtype.name}: random keys have no order.")
    shape = list(x.shape)
    if shape[axis] < k:
        raise ValueError(
            f"k argument to top_k must be no larger than size along axis; got {k=} with {shape=} and {axis=}"
        )
    shape[axis] = k
    shape = tuple(shape)
    return [ShapedArray(shape, x.dtype, x.weak_type), ShapedArray(shape, np.dtype("int32"), x.weak_type)]


def _descending(x: np.ndarray) -> np.ndarray:
    """Integers in the opposite order of the elements of x: sorting the integers sorts x from the largest to the smallest."""
    if x.dtype.kind in "biu":
        return ~x
    # The bits of positive floats, read as integers, have the order of the floats; those of negative floats the opposite.
    bits = np.ascontiguousarray(x).view(f"i{x.dtype.itemsize}").reshape(x.shape)
    return ~np.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits)


def _top_k_impl(x, *, k, axis):
    order = np.argsort(_descending(x), axis=axis, kind="stable")
    first = np.take(order, np.arange(k), axis=axis)
    return [np.take_along_axis(x, first, axis=axis), first.astype(np.int32)]


def _top_k_jvp(primals, tangents, *, k, axis):
    values, indices = top_k_p.bind(*primals, k=k, axis=axis)
    if type(tangents[0]) is Zero:
        return [values, indices], [zero_like(values), zero_like(indices)]
    tangent = _gather_along(tangents[0], reshape(indices, (*shape_of(indices), 1)), axis)
    return [values, indices], [tangent, zero_like(indices)]


def _top_k_batch(axis_data, args, dims, *, k, axis):
    dim = dims[0]
    return top_k_p.bind(args[0], k=k, axis=axis + (dim <= axis)), [dim, dim]


top_k_p = row(
    "top_k",
    impl=_top_k_impl,
    abstract_eval=_top_k_abstract_eval,
    jvp=_top_k_jvp,
    transpose=NOT_LINEAR,
    batch=_top_k_batch,
    multiple_results=True,
)


__all__ = ["sort", "sort_key_val", "sort_p", "top_k", "top_k_p"]
