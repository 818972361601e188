"""Functions that repeat or roll elements: `tile`, `repeat`, `roll`, `resize`."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.array import number
from ..core.traces import Array, Tracer
from ..core.types import ArrayLike, Axis, Shape
from ..primitives.basis import broadcast_in_dim
from ..primitives.basis import expand_dims as _expand_dims
from ..primitives.elementwise import convert_element_type
from ..primitives.sizes import known_value
from . import cumulative
from .arithmetic import remainder
from .creation import array, asarray, full, zeros, zeros_like
from .manipulation import as_tuple, ravel, reshape
from .taking import take
from .util import (
    canonicalize_axis,
    canonicalize_shape,
    check_arraylike,
    concrete_sizes,
    ensure_arraylike,
    rounded,
    static_int,
    to_shape,
)


def tile(A: ArrayLike, reps: int | Sequence[int]) -> Array:
    """The array repeated along each axis (`jax.numpy.tile`).

    >>> import minijax.numpy as jnp
    >>> jnp.tile(jnp.array([1, 2]), 2)
    Array([1, 2, 1, 2], dtype=int32)
    """
    A = rounded(ensure_arraylike("tile", A))
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
    a, axis = (ravel(a), 0) if axis is None else (a, static_int(axis))
    if total_repeat_length is None:
        repeats = known_value(repeats, "jnp.repeat")
        if np.ndim(repeats) == 0 and a.shape:
            return _repeat_each(a, operator.index(repeats), canonicalize_axis(axis, len(a.shape)))
        repeats = np.ravel(repeats)
        repeats = np.broadcast_to(repeats, (a.shape[axis],)) if a.shape else repeats
        total_repeat_length = int(np.sum(repeats))
    else:
        repeats = ravel(repeats)
        repeats = to_shape(repeats, (a.shape[axis],)) if a.shape else repeats
    if not a.shape:
        if repeats.shape != (1,):
            raise ValueError(
                f"jnp.repeat: a scalar is repeated a single number of times, got repeats of {repeats.shape}."
            )
        return full((total_repeat_length,), a)
    if total_repeat_length == 0 or a.shape[axis] == 0:
        shape = tuple(total_repeat_length if i == axis % len(a.shape) else d for i, d in enumerate(a.shape))
        return a if total_repeat_length else reshape(array([], a.dtype), shape)
    # The place at which the run of each slice begins; a 1 there, so that the running sum counts the runs that have begun.
    starts = cumulative.cumsum(roll(repeats, 1).at[0].set(0))
    begins = zeros((total_repeat_length,), np.dtype("int32")).at[starts].add(1)
    return take(a, cumulative.cumsum(begins) - 1, axis)


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
    for amount, axis in zip(to_shape(shift, (len(axes),)), axes):
        size = number(np.int32(a.shape[axis]))
        amount = remainder(convert_element_type(amount, np.dtype("int32")), lax.max(size, np.int32(1)))
        doubled = lax.concatenate([a, a], axis)
        a = lax.dynamic_slice_in_dim(doubled, size - amount, a.shape[axis], axis=axis)
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
