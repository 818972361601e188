"""Sorting, and searching in sorted arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from ..api.vmap import vmap
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import full
from ..primitives.elementwise import convert_element_type, select
from ..primitives.sorting import sorted_before
from .creation import ones
from .manipulation import ravel, swapaxes
from .reductions import sum as _sum
from .taking import put_along_axis
from .util import (
    as_array,
    canonicalize_axis,
    check_arraylike,
    check_hashable,
    default_int_dtype,
    ensure_arraylike,
    promote_dtypes,
    user_dtype,
    where,
)


def _check_kind(name: str, kind: Any, order: Any):
    if kind is not None:
        raise TypeError(
            f"'kind' argument to {name} is not supported. Use stable=True or stable=False to specify sort stability."
        )
    if order is not None:
        raise TypeError(f"'order' argument to {name} is not supported.")


def sort(
    a: ArrayLike,
    axis: int | None = -1,
    *,
    kind: str | None = None,
    order: str | None = None,
    stable: bool = True,
    descending: bool = False,
) -> Array:
    """The elements in order along an axis, or of the flattened array for None (`jax.numpy.sort`); NaN comes last.

    >>> sort(np.float32([3, 1, 2]))
    Array([1., 2., 3.], dtype=float32)
    """
    check_hashable("sort", axis)
    a = ensure_arraylike("sort", a)
    _check_kind("sort", kind, order)
    a, axis = (ravel(a), 0) if axis is None else (a, axis)
    dimension = canonicalize_axis(axis, len(a.shape))
    result = lax.sort(a, dimension=dimension, is_stable=stable)
    return lax.rev(result, (dimension,)) if descending else result


def argsort(
    a: ArrayLike,
    axis: int | None = -1,
    *,
    kind: str | None = None,
    order: str | None = None,
    stable: bool = True,
    descending: bool = False,
    dtype: DTypeLike | None = None,
) -> Array:
    """The indices that sort the array along an axis (`jax.numpy.argsort`).

    >>> import minijax.numpy as jnp
    >>> jnp.argsort(jnp.array([3, 1, 2]))
    Array([1, 2, 0], dtype=int32)
    """
    check_hashable("argsort", axis)
    a = ensure_arraylike("argsort", a)
    _check_kind("argsort", kind, order)
    a, axis = (ravel(a), 0) if axis is None else (a, axis)
    dimension = canonicalize_axis(axis, len(a.shape))
    index_dtype = default_int_dtype() if dtype is None else user_dtype(dtype, "argsort")
    indices = lax.broadcasted_iota(index_dtype, a.shape, dimension)
    if descending and stable:
        # Reversed before and after, so that equal elements keep their order although the result is descending.
        a, indices = lax.rev(a, (dimension,)), lax.rev(indices, (dimension,))
    _, indices = lax.sort_key_val(a, indices, dimension=dimension, is_stable=stable)
    return lax.rev(indices, (dimension,)) if descending else indices


def lexsort(keys: ArrayLike | Sequence[ArrayLike], axis: int = -1) -> Array:
    """The indices that sort by the last key, then by the one before, and so on (`jax.numpy.lexsort`).

    >>> import minijax.numpy as jnp
    >>> jnp.lexsort((jnp.array([1, 0, 2]), jnp.array([1, 1, 0])))
    Array([2, 1, 0], dtype=int32)
    """
    check_hashable("lexsort", axis)
    keys = tuple(keys)
    check_arraylike("lexsort", *keys)
    arrays = [as_array(k) for k in keys]
    if not arrays:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    if len({k.shape for k in arrays}) > 1:
        raise ValueError(f"jnp.lexsort: all keys need to be the same shape, got {[k.shape for k in arrays]}")
    if not arrays[0].shape:
        return full((), 0, default_int_dtype())
    axis = canonicalize_axis(axis, len(arrays[0].shape))
    indices = lax.broadcasted_iota(default_int_dtype(), arrays[0].shape, axis)
    return lax.sort((*arrays[::-1], indices), dimension=axis, num_keys=len(arrays))[-1]


def partition(a: ArrayLike, kth: int, axis: int = -1) -> Array:
    """The elements with the kth in its sorted place, no larger one before it and no smaller one behind (`jax.numpy.partition`).

    >>> import minijax.numpy as jnp
    >>> jnp.partition(jnp.array([3, 1, 2]), 1)
    Array([1, 2, 3], dtype=int32)
    """
    a = ensure_arraylike("partition", a)
    if dtypes.issubdtype(a.dtype, np.complexfloating):
        raise NotImplementedError("jnp.partition for complex dtype is not implemented.")
    axis = canonicalize_axis(axis, len(a.shape))
    kth = canonicalize_axis(kth, a.shape[axis])
    a = swapaxes(a, axis, -1)
    smallest = _reverse_order(lax.top_k(_reverse_order(a), kth + 1)[0])
    largest = lax.top_k(a, a.shape[-1] - kth - 1)[0]
    return swapaxes(lax.concatenate([smallest, largest], len(a.shape) - 1), axis, -1)


def _reverse_order(a: Array) -> Array:
    """An array with the smallest number where `a` has its largest. Not -a for integers: -(-128) is -128 in int8."""
    return ew.neg_p.bind(a) if dtypes.issubdtype(a.dtype, np.inexact) else ew.not_p.bind(a)


def argpartition(a: ArrayLike, kth: int, axis: int = -1) -> Array:
    """The indices of `partition` (`jax.numpy.argpartition`).

    >>> import minijax.numpy as jnp
    >>> jnp.argpartition(jnp.array([3, 1, 2]), 1)
    Array([1, 2, 0], dtype=int32)
    """
    a = ensure_arraylike("partition", a)
    if dtypes.issubdtype(a.dtype, np.complexfloating):
        raise NotImplementedError("jnp.argpartition for complex dtype is not implemented.")
    axis = canonicalize_axis(axis, len(a.shape))
    kth = canonicalize_axis(kth, a.shape[axis])
    a = swapaxes(a, axis, -1)
    smallest = lax.top_k(_reverse_order(a), kth + 1)[1]
    # The others in the order of their places: of equal elements, the largest ones may be the smallest ones again.
    is_other = put_along_axis(ones(a.shape), smallest, 0, -1, inplace=False)
    others = lax.top_k(is_other, a.shape[-1] - kth - 1)[1]
    return swapaxes(lax.concatenate([smallest, others], len(a.shape) - 1), axis, -1)


def sort_complex(a: ArrayLike) -> Array:
    """The elements as complex numbers, sorted along the last axis (`jax.numpy.sort_complex`).

    >>> import minijax.numpy as jnp
    >>> jnp.sort_complex(jnp.array([2.0, 1.0]))
    Array([1.+0.j, 2.+0.j], dtype=complex64)
    """
    a = lax.sort(ensure_arraylike("sort_complex", a))
    is_wide = a.dtype.itemsize == 8 and a.dtype.kind != "c"
    return convert_element_type(
        a, a.dtype if a.dtype.kind == "c" else np.dtype("complex128" if is_wide else "complex64")
    )


# ---------------------------------------------------------------------------------------------------------------------
# Searching


def searchsorted(
    a: ArrayLike, v: ArrayLike, side: str = "left", sorter: ArrayLike | None = None, *, method: str = "scan"
) -> Array:
    """The places at which inserting `v` keeps the sorted vector `a` sorted (`jax.numpy.searchsorted`).

    side: "left" gives the first such place, "right" the last. method: "compare_all" compares with every element; the
    other methods halve the range again and again.

    >>> searchsorted(np.float32([1, 2, 3]), 2.5)
    Array(2, dtype=int32)
    """
    a, v = ensure_arraylike("searchsorted", a, v)
    if len(a.shape) != 1:
        raise ValueError(f"jnp.searchsorted: a should be 1-dimensional, got shape {a.shape}")
    if side not in ("left", "right"):
        raise ValueError(
            f"jnp.searchsorted: {side!r} is an invalid value for keyword 'side'. Expected one of ['left', 'right']."
        )
    if method not in ("scan", "scan_unrolled", "sort", "compare_all"):
        raise ValueError(
            f"jnp.searchsorted: {method!r} is an invalid value for keyword 'method'. Expected one of ['sort', 'scan',"
            " 'scan_unrolled', 'compare_all']."
        )
    a, v = promote_dtypes(a, v)
    if sorter is not None:
        a = a[ensure_arraylike("searchsorted", sorter)]
    if len(a.shape) > 1:
        # A sorter with more axes makes a batch of vectors, sorted along the first axis.
        return vmap(lambda a: searchsorted(a, v, side, method=method), 1)(a)
    dtype = np.dtype("int32" if a.shape[0] < np.iinfo("int32").max else "int64")
    if method == "compare_all":
        before = vmap(lambda x: sorted_before(x, v, side == "right"))(a)
        return _sum(before, 0, dtype=dtype)
    if method == "sort":
        return _search_by_sorting(a, v, side, dtype)
    return _search_by_halving(a, v, side, dtype, method == "scan_unrolled")


def _search_by_sorting(a: Array, v: Array, side: str, dtype) -> Array:
    """The rank of each query among queries and elements, less its rank among the queries."""
    queries, integer = ravel(v), np.dtype("int32" if a.size + v.size <= np.iinfo("int32").max else "int64")

    def rank(x):
        numbers = lax.iota(integer, x.shape[0])
        return lax.full_like(numbers, 0).at[lax.sort_key_val(x, numbers)[1]].set(numbers)

    # Of equal numbers, those that stand in front come first.
    if side == "left":
        ranks = rank(lax.concatenate([queries, a], 0))[: v.size]
    else:
        ranks = rank(lax.concatenate([a, queries], 0))[a.size :]
    return convert_element_type(lax.reshape(lax.sub(ranks, rank(queries)), v.shape), dtype)


def _search_by_halving(a: Array, v: Array, side: str, dtype, unrolled: bool) -> Array:
    size = a.shape[0]
    if not size:
        return full(v.shape, 0, dtype)
    if v.shape:
        return vmap(lambda v: _search_by_halving(a, v, side, dtype, unrolled))(v)
    unsigned = np.dtype(f"u{dtype.name}").type

    def step(bounds, _):
        low, high = bounds
        middle = low + (high - low) // 2
        left = sorted_before(v, a[middle], side == "left")
        return (select(left, low, middle), select(left, middle, high)), ()

    levels = math.ceil(math.log2(size + 1))
    bounds = (unsigned(0), unsigned(size))
    (_, high), _ = lax.scan(step, bounds, (), length=levels, unroll=levels if unrolled else 1)
    return convert_element_type(high, dtype)


def digitize(x: ArrayLike, bins: ArrayLike, right: bool = False, *, method: str | None = None) -> Array:
    """The number of the bin that each element falls into (`jax.numpy.digitize`); the bins' edges rise or fall.

    >>> import minijax.numpy as jnp
    >>> jnp.digitize(jnp.array([0.5, 2.5]), jnp.array([1.0, 2.0, 3.0]))
    Array([0, 2], dtype=int32)
    """
    x, edges = ensure_arraylike("digitize", x, bins)
    if len(edges.shape) != 1:
        raise ValueError(f"digitize: bins must be a 1-dimensional array; got bins={bins!r}")
    size = edges.shape[0]
    if size == 0:
        return full(x.shape, 0, np.dtype("int32"))
    side, method = ("left" if right else "right"), method or "scan"
    rises = edges[-1] >= edges[0]
    rising = searchsorted(edges, x, side, method=method)
    return where(rises, rising, size - searchsorted(lax.rev(edges, (0,)), x, side, method=method))
