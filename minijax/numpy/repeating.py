"""Functions that repeat or roll elements: `tile`, `repeat`, `roll`, `resize`."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array, Tracer
from ..core.types import ArrayLike, Axis, Shape
from ..foundation import errors
from ..primitives import elementwise as ew
from ..primitives.basis import broadcast_in_dim, const
from ..primitives.basis import expand_dims as _expand_dims
from . import cumulative, reductions
from .creation import arange, asarray, zeros_like
from .manipulation import as_tuple, ravel, reshape, unstack
from .taking import take
from .util import (
    broadcast_to,
    canonicalize_axis,
    canonicalize_shape,
    check_arraylike,
    concrete_sizes,
    default_int_dtype,
    ensure_arraylike,
)


def tile(A: ArrayLike, reps: int | Sequence[int]) -> Array:
    """The array repeated along each axis (`jax.numpy.tile`).

    >>> import minijax.numpy as jnp
    >>> jnp.tile(jnp.array([1, 2]), 2)
    Array([1, 2, 1, 2], dtype=int32)
    """
    A = ensure_arraylike("tile", A)
    reps = as_tuple(reps)
    reps = (1,) * (len(A.shape) - len(reps)) + reps
    return lax.tile(_expand_dims(A, range(len(reps) - len(A.shape))), reps)


def repeat(
    a: ArrayLike,
    repeats: ArrayLike,
    axis: int | None = None,
    *,
    total_repeat_length: int | None = None,
    out_sharding: Any = None,
) -> Array:
    """Every element, or slice along an axis, several times (`jax.numpy.repeat`).

    repeats: a number, or one for each slice. If it is traced, `total_repeat_length` must give the result's size.

    >>> repeat(np.arange(3), 2)
    Array([0, 0, 1, 1, 2, 2], dtype=int32)
    """
    check_arraylike("repeat", a, repeats)
    a = asarray(a)
    # A scalar is repeated whatever the axis, as in JAX.
    a, axis = (ravel(a), 0) if axis is None or not a.shape else (a, axis)
    axis = canonicalize_axis(axis, len(a.shape))
    if total_repeat_length is None and isinstance(repeats, Tracer):
        repeats = repeats._concrete(errors.concretization, "jnp.repeat")
    if total_repeat_length is None and np.ndim(repeats) == 0:
        return _repeat_each(a, operator.index(repeats), axis)
    size = a.shape[axis]
    if total_repeat_length is None:
        counts = np.broadcast_to(np.asarray(repeats), (size,))
        return take(a, np.repeat(np.arange(size, dtype=np.int32), counts), axis)
    counts = broadcast_to(asarray(repeats), (size,))
    ends = cumulative.cumsum(counts)
    # Each place gets the first slice whose run ends behind that place; places behind the last run get the last slice.
    places = arange(total_repeat_length)
    found = reductions.sum(_expand_dims(ends, [1]) <= _expand_dims(places, [0]), 0, dtype=default_int_dtype())
    return take(a, ew.min_p.bind(found, const(found, max(size - 1, 0))), axis)


def _repeat_each(a: Array, repeats: int, axis: int) -> Array:
    shape = a.shape
    wide = (*shape[: axis + 1], repeats, *shape[axis + 1 :])
    a = broadcast_in_dim(a, wide, tuple(i for i in range(len(wide)) if i != axis + 1))
    return reshape(a, (*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :]))


def roll(a: ArrayLike, shift: ArrayLike | Sequence[int], axis: Axis = None) -> Array:
    """The elements moved along an axis; those moved past the end come in at the start (`jax.numpy.roll`).

    >>> import minijax.numpy as jnp
    >>> jnp.roll(jnp.arange(3), 1)
    Array([2, 0, 1], dtype=int32)
    """
    a = ensure_arraylike("roll", a)
    if axis is None:
        return reshape(roll(ravel(a), shift, 0), a.shape)
    axes = tuple(canonicalize_axis(i, len(a.shape)) for i in as_tuple(axis))
    if isinstance(shift, Tracer):
        return _roll_traced(a, asarray(shift), axes)
    for i, s in zip(*np.broadcast_arrays(axes, np.asarray(shift))):
        a = _roll_by(a, int(s), int(i))
    return a


def _roll_by(a: Array, shift: int, axis: int) -> Array:
    size = a.shape[axis]
    if size == 0:
        return a
    cut = -shift % size
    return lax.concatenate([lax.slice_in_dim(a, cut, size, axis=axis), lax.slice_in_dim(a, 0, cut, axis=axis)], axis)


def _roll_traced(a: Array, shift: Array, axes: tuple[int, ...]) -> Array:
    shifts = unstack(broadcast_to(shift, (len(axes),)))
    for amount, axis in zip(shifts, axes):
        size = max(a.shape[axis], 1)
        doubled = lax.concatenate([a, a], axis)
        a = lax.dynamic_slice_in_dim(doubled, size - amount % size, a.shape[axis], axis=axis)
    return a


def resize(a: ArrayLike, new_shape: int | Shape) -> Array:
    """The elements in another shape, repeated as often as needed to fill it (`jax.numpy.resize`).

    >>> import minijax.numpy as jnp
    >>> jnp.resize(jnp.arange(3), (2, 2))
    Array([[0, 1],
           [2, 0]], dtype=int32)
    """
    a = ravel(ensure_arraylike("resize", a))
    if any(d < 0 for d in concrete_sizes(new_shape)):
        raise ValueError(f"all elements of `new_shape` must be non-negative, got {new_shape}.")
    shape = canonicalize_shape(new_shape)
    size = math.prod(shape)
    if a.size == 0 or size == 0:
        return zeros_like(a, shape=shape)
    return reshape(tile(a, -(-size // a.size))[:size], shape)
