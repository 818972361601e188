"""The places of the windows of gather and scatter: dimension numbers, modes, and the positions that follow from them."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np


class GatherScatterMode(enum.Enum):
    """The treatment of windows that are not wholly inside the operand.

    >>> from minijax import lax
    >>> [mode.name for mode in (lax.GatherScatterMode.from_any("clip"), lax.GatherScatterMode.from_any("fill"))]
    ['CLIP', 'FILL_OR_DROP']
    """

    CLIP = enum.auto()
    FILL_OR_DROP = enum.auto()
    PROMISE_IN_BOUNDS = enum.auto()
    ONE_HOT = enum.auto()

    @staticmethod
    def from_any(s) -> GatherScatterMode:
        if isinstance(s, GatherScatterMode):
            return s
        names = {
            None: GatherScatterMode.FILL_OR_DROP,
            "fill": GatherScatterMode.FILL_OR_DROP,
            "drop": GatherScatterMode.FILL_OR_DROP,
            "clip": GatherScatterMode.CLIP,
            "promise_in_bounds": GatherScatterMode.PROMISE_IN_BOUNDS,
        }
        if s not in names:
            raise ValueError(f'Unknown gather mode "{s}": one of {", ".join(repr(n) for n in names if n)}.')
        return names[s]


class GatherDimensionNumbers(NamedTuple):
    """The part that each axis of a gather plays.

    offset_dims: the axes of the result that run within a window. collapsed_slice_dims: the axes of the operand that the
    result lacks; windows have size 1 there. start_index_map: the axis of the operand that each entry of an index vector
    moves along. operand_batching_dims, start_indices_batching_dims: axes that are paired, as batch axes are.

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> rows = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
    >>> lax.gather(jnp.array([[1, 2], [3, 4], [5, 6]]), jnp.array([[2], [0]]), rows, slice_sizes=(1, 2))
    Array([[5, 6],
           [1, 2]], dtype=int32)
    """

    offset_dims: tuple[int, ...]
    collapsed_slice_dims: tuple[int, ...]
    start_index_map: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    start_indices_batching_dims: tuple[int, ...] = ()


class ScatterDimensionNumbers(NamedTuple):
    """The part that each axis of a scatter plays: `update_window_dims` are the axes of the updates that run within a window;
    the other fields are as in `GatherDimensionNumbers`, in the same order.

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> rows = lax.ScatterDimensionNumbers((1,), (0,), (0,))
    >>> lax.scatter(jnp.zeros((2, 2), int), jnp.array([[1]]), jnp.array([[7, 8]]), rows)
    Array([[0, 0],
           [7, 8]], dtype=int32)
    """

    update_window_dims: Sequence[int]
    inserted_window_dims: Sequence[int]
    scatter_dims_to_operand_dims: Sequence[int]
    operand_batching_dims: Sequence[int] = ()
    scatter_indices_batching_dims: Sequence[int] = ()


def bump(dims) -> tuple[int, ...]:
    """The numbers of axes after a batch axis has been put in front."""
    return tuple(d + 1 for d in dims)


def the_window(shape, indices, slice_sizes, start_index_map, batching, mode):
    """The one window as NumPy slices; None if it is outside and the mode drops it; False if there are many windows, or none."""
    if batching or 0 in shape or math.prod(indices.shape[:-1]) != 1:
        return False
    begins = [0] * len(shape)
    for d, start in zip(start_index_map, indices.reshape(-1).tolist()):
        highest = shape[d] - slice_sizes[d]
        if mode is GatherScatterMode.FILL_OR_DROP and not 0 <= start <= highest:
            return None
        begins[d] = min(max(start, 0), highest)
    return tuple([slice(b, b + n) for b, n in zip(begins, slice_sizes)])


def whole_windows(x, indices, dimension_numbers, slice_sizes, mode, fill):
    """The result of a gather whose windows are all of the operand but for one axis, and one place of that: rows of a table, by
    `np.take`, which copies a row at once. None if the gather is another one."""
    offset, collapsed, index_map, batching, _ = dimension_numbers
    axis = index_map[0] if len(index_map) == 1 else None
    if axis is None or batching or any([d != axis for d in collapsed]) or 0 in x.shape:
        return None
    if any([size != (1 if d == axis else n) for d, (size, n) in enumerate(zip(slice_sizes, x.shape))]):
        return None
    start, after = indices[..., 0], x.shape[axis + 1 :] if collapsed else (1, *x.shape[axis + 1 :])
    out = x.take(start.astype(np.intp), axis, mode="clip").reshape((*x.shape[:axis], *start.shape, *after))
    if mode is GatherScatterMode.FILL_OR_DROP:
        inside = (start >= 0) & (start < x.shape[axis])
        if not inside.all():
            out = np.where(inside.reshape((*start.shape, *[1] * len(after))), out, fill())
    ends = axis + start.ndim
    batch, window = iter(range(axis, ends)), iter([*range(axis), *range(ends, out.ndim)])
    return out.transpose([next(window) if i in offset else next(batch) for i in range(out.ndim)])


def window_places(shape, indices, slice_sizes, start_index_map, batching, indices_batching, removed, mode):
    """(positions, inside, shape) of all elements of all windows.

    positions: an array for each axis of the operand; the arrays broadcast to `shape`, which is (batch of indices..., axes of
    a window...). inside: the mask of windows that lie inside, or None if all do.
    """
    batch_shape = indices.shape[:-1]
    window_axes = [d for d in range(len(shape)) if d not in removed and d not in batching]
    n_batch, n_window = len(batch_shape), len(window_axes)
    starts = {d: indices[..., k].astype(np.int64) for k, d in enumerate(start_index_map)}
    inside = None
    for d, start in starts.items():
        highest = shape[d] - slice_sizes[d]
        if mode is GatherScatterMode.FILL_OR_DROP:
            ok = (start >= 0) & (start <= highest)
            inside = ok if inside is None else inside & ok
        starts[d] = np.clip(start, 0, max(highest, 0))
    places = []
    for d in range(len(shape)):
        parts = []
        if d in starts:
            parts.append(starts[d].reshape(batch_shape + (1,) * n_window))
        if d in batching:
            axis = indices_batching[batching.index(d)]
            line = [1] * (n_batch + n_window)
            line[axis] = batch_shape[axis]
            parts.append(np.arange(batch_shape[axis]).reshape(line))
        if d in window_axes and (slice_sizes[d] != 1 or not parts):
            line = [1] * (n_batch + n_window)
            line[n_batch + window_axes.index(d)] = slice_sizes[d]
            parts.append(np.arange(slice_sizes[d]).reshape(line))
        places.append(reduce(np.add, parts) if parts else np.zeros((1,) * (n_batch + n_window), np.int64))
    if inside is not None:
        inside = None if inside.all() else inside.reshape(batch_shape + (1,) * n_window)
    return places, inside, batch_shape + tuple(slice_sizes[d] for d in window_axes)


def interleave(ndim: int, window_dims: Sequence[int]) -> list[int]:
    """The permutation from (batch axes, window axes) to a result whose axes `window_dims` are the window's."""
    batch = iter(range(ndim - len(window_dims)))
    window = iter(range(ndim - len(window_dims), ndim))
    return [next(window) if i in window_dims else next(batch) for i in range(ndim)]
