"""Reductions over segments: rows of an array that share a number are combined (`jax.ops`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives.sizes import known_value
from . import reductions
from .creation import arange, full
from .util import as_array, check_arraylike, static_int, to_shape


def _lowest(dtype):
    if dtype.kind == "b":
        return False
    return dtypes.iinfo(dtype).min if dtypes.issubdtype(dtype, np.integer) else -np.inf


def _highest(dtype):
    if dtype.kind == "b":
        return True
    return dtypes.iinfo(dtype).max if dtypes.issubdtype(dtype, np.integer) else np.inf


def _segment(name: str, scatter: Callable, identity: Callable, reduce: Callable) -> Callable:
    """One of the four functions. identity: dtype -> the value of an empty segment."""

    def segment(
        data: ArrayLike,
        segment_ids: ArrayLike,
        num_segments: int | None = None,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        bucket_size: int | None = None,
        mode: Any = None,
        out_sharding: Any = None,
    ) -> Array:
        check_arraylike(name, data, segment_ids)
        data, ids = as_array(data), as_array(segment_ids)
        if not dtypes.issubdtype(ids.dtype, np.integer):
            raise TypeError(f"{name}: segment_ids must be integers, got dtype {ids.dtype.name}.")
        if num_segments is None:
            known = known_value(ids, f"jnp.ops.{name} (give it `num_segments=`)")
            num_segments = int(np.max(np.asarray(known))) + 1
        num_segments = static_int(num_segments, f"num_segments of jnp.ops.{name}")
        if num_segments < 0:
            raise ValueError("num_segments must be non-negative.")
        rest = data.shape[1:]
        shape, places = (num_segments, *rest), [ids]
        if bucket_size is not None:
            # The buckets are reduced one by one, so that a long sum rounds less.
            buckets = -(-ids.size // bucket_size)
            shape, places = (buckets, *shape), [arange(ids.shape[0], dtype=ids.dtype) // bucket_size, ids]
        start = full(shape, identity(data.dtype), data.dtype)
        updates = to_shape(data, (*ids.shape, *rest))
        if 0 not in updates.shape:
            axes = tuple(range(len(places)))
            window = tuple(range(len(ids.shape), len(updates.shape)))
            numbers = lax.ScatterDimensionNumbers(window, axes, axes)
            columns = lax.concatenate([lax.expand_dims(p, (len(p.shape),)) for p in places], len(ids.shape))
            options = {"indices_are_sorted": indices_are_sorted, "unique_indices": unique_indices, "mode": mode}
            start = scatter(start, columns, updates, numbers, **options)
        return start if bucket_size is None else reduce(start, axis=0).astype(data.dtype)

    segment.__name__ = segment.__qualname__ = name
    return segment


segment_sum = _segment("segment_sum", lax.scatter_add, lambda dtype: 0, reductions.sum)
segment_prod = _segment("segment_prod", lax.scatter_mul, lambda dtype: 1, reductions.prod)
segment_max = _segment("segment_max", lax.scatter_max, _lowest, reductions.max)
segment_min = _segment("segment_min", lax.scatter_min, _highest, reductions.min)

segment_sum.__doc__ = """The sums of the rows of each segment (`jax.ops.segment_sum`).

data: array; segment_ids: integers, one for each row of `data`, in any order; a row whose number is not in [0, num_segments) does
not count. num_segments: the number of rows of the result; by default the greatest number + 1, which only known ids have.
Raises ValueError for a negative `num_segments`, TypeError for ids that are no integers.

>>> import minijax.numpy as jnp
>>> segment_sum(jnp.arange(5), jnp.array([0, 0, 1, 1, 2]))
Array([1, 5, 4], dtype=int32)
"""
segment_prod.__doc__ = """The products of the rows of each segment; 1 for an empty one (`jax.ops.segment_prod`).

>>> import minijax.numpy as jnp
>>> segment_prod(jnp.arange(5), jnp.array([0, 0, 1, 1, 2]))
Array([0, 6, 4], dtype=int32)
"""
segment_max.__doc__ = """The greatest elements of each segment; the least number for an empty one (`jax.ops.segment_max`).

>>> import minijax.numpy as jnp
>>> segment_max(jnp.arange(5.0), jnp.array([0, 0, 1, 1, 2]), 4)
Array([  1.,   3.,   4., -inf], dtype=float32)
"""
segment_min.__doc__ = """The least elements of each segment; the greatest number for an empty one (`jax.ops.segment_min`).

>>> import minijax.numpy as jnp
>>> segment_min(jnp.arange(5.0), jnp.array([0, 0, 1, 1, 2]), 4)
Array([ 0.,  2.,  4., inf], dtype=float32)
"""
