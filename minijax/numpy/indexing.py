"""`x[index]`: NumPy's indexing, written in slices, dynamic slices and gathers.

An index is parsed into entries, one for each of its parts. If all entries are integers and slices, the index becomes a
`slice`; if one of the integers is traced, a `dynamic_slice`; if an entry is an array, a `gather`. `x.at[index].set(y)`
follows the plan of the same gather (`updates.py`). (JAX: `_src/numpy/indexing.py`.)
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import lax
from ..core.traces import Array, Tracer
from ..foundation import dtypes, errors
from ..foundation.pytree_nodes import register_pytree_node_class
from ..foundation.tracebacks import hide_our_frames
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.dynamic_slices import dtype_of_index, widened
from ..primitives.windows import GatherDimensionNumbers, GatherScatterMode
from .util import as_array, broadcast_arrays, convert

# ---------------------------------------------------------------------------------------------------------------------
# Windows


@register_pytree_node_class
class Slice:
    """`size` elements from `start` on, every `stride`-th: an index whose start may be traced. See `dslice`.

    A traced start or size is a leaf of the pytree. Raises ValueError for a negative stride.

    >>> Slice(1, 2)
    Slice(start=1, size=2, stride=1)
    """

    def __init__(self, start: Any, size: Any, stride: int = 1):
        if stride < 0:
            raise ValueError("`stride` must be >= 0.")
        self.start, self.size, self.stride = start, size, stride

    def __repr__(self) -> str:
        return f"Slice(start={self.start!r}, size={self.size!r}, stride={self.stride!r})"

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Slice) else NotImplemented

    __hash__ = None  # A start may be an array.

    @property
    def is_dynamic_start(self) -> bool:
        """Whether the start is traced."""
        return isinstance(self.start, Tracer)

    @property
    def is_dynamic_size(self) -> bool:
        """Whether the size is traced."""
        return isinstance(self.size, Tracer)

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """(the start and the size that are traced, those that are known and the stride)."""
        start = (self.start, None) if self.is_dynamic_start else (None, self.start)
        size = (self.size, None) if self.is_dynamic_size else (None, self.size)
        return (start[0], size[0]), (start[1], size[1], self.stride)

    @classmethod
    def tree_unflatten(cls, aux_data: tuple[Any, ...], children: Sequence[Any]) -> Slice:
        """The slice of leaves and data of `tree_flatten`."""
        start, size = (static if leaf is None else leaf for leaf, static in zip(children, aux_data))
        return cls(start, size, aux_data[2])

    @classmethod
    def from_slice(cls, slc: slice, size: int) -> Slice:
        """A slice of an axis of `size` elements. Raises ValueError for a step below 1."""
        start, stop, step = slc.indices(size)
        if step < 1:
            raise ValueError(f"slice must have a step >= 1 (found: {step})")
        return cls(start, len(range(start, stop, step)), step)


def dslice(start: Any, size: Any = None, stride: int | None = None) -> slice | Slice:
    """An index of `size` elements from `start` on, where `start` may be traced (`jax.ds`). dslice(n): the first n; dslice(None):
    all.

    A window that reaches beyond the end of the axis begins earlier, as that of `lax.dynamic_slice`.

    >>> import minijax as jax
    >>> x = jax.numpy.arange(6)
    >>> jax.jit(lambda i: x[jax.ds(i, 2)])(3)
    Array([3, 4], dtype=int32)
    """
    if start is None:
        return slice(None)
    if stride is not None and not isinstance(stride, int):
        raise ValueError("Non-static stride in `dslice`")
    start, size = (0, start) if size is None else (start, size)
    return Slice(start, size, 1 if stride is None else stride)


# ---------------------------------------------------------------------------------------------------------------------
# Parsing


class Kind(enum.Enum):
    """The kinds of entries of an index."""

    NEW_AXIS = enum.auto()
    ELLIPSIS = enum.auto()
    SLICE = enum.auto()
    WINDOW = enum.auto()
    INTEGER = enum.auto()
    MASK = enum.auto()
    ARRAY = enum.auto()


class Entry(NamedTuple):
    """One entry of an index, and the axes of the array that it indexes."""

    index: Any
    kind: Kind
    axes: tuple[int, ...]


def parse(index: Any, shape: tuple[int, ...]) -> list[Entry]:
    """The entries of an index into an array of that shape. An ellipsis stays one entry, with the axes that it stands for."""
    try:
        parts = index if isinstance(index, tuple) else (_single_index(index),)
        parts = [_as_index(i) for i in parts]
        kinds = [_kind_of(i) for i in parts]
        taken = [
            0 if k in (Kind.NEW_AXIS, Kind.ELLIPSIS) else np.ndim(i) if k is Kind.MASK else 1
            for i, k in zip(parts, kinds)
        ]
        if kinds.count(Kind.ELLIPSIS) > 1:
            raise IndexError("an index can only have a single ellipsis ('...')")
        if sum(taken) > len(shape):
            raise IndexError(f"Too many indices: array is {len(shape)}-dimensional, but {sum(taken)} were indexed")
        if Kind.ELLIPSIS in kinds:
            taken[kinds.index(Kind.ELLIPSIS)] = len(shape) - sum(taken)
        entries, axis = [], 0
        for part, kind, n in zip(parts, kinds, taken):
            entries.append(Entry(part, kind, tuple(range(axis, axis + n))))
            axis += n
        for position, entry in enumerate(entries):
            if entry.kind is Kind.SLICE:
                _check_slice(entry.index, position)
        return entries
    except Exception as error:
        hide_our_frames(error)
        raise


def _single_index(index):
    if isinstance(index, Sequence) and not isinstance(index, (str, Array, np.ndarray)):
        unpack = any(i is None or i is Ellipsis or isinstance(i, (slice, Sequence)) or np.ndim(i) for i in index)
        raise TypeError(
            "Using a non-tuple sequence for multidimensional indexing is not allowed; use"
            f" `arr[{'tuple' if unpack else 'array'}(seq)]` instead of `arr[seq]`."
        )
    return index


def _as_index(i):
    """A sequence within a tuple, as an array; any other part of the index, unchanged."""
    if isinstance(i, Sequence) and not isinstance(i, (str, Array, np.ndarray)):
        array = np.asarray(i)
        return array if array.size or array.dtype == bool else array.astype(np.int32)
    return i


def _kind_of(i) -> Kind:
    if i is None:
        return Kind.NEW_AXIS
    if i is Ellipsis:
        return Kind.ELLIPSIS
    if isinstance(i, slice):
        return Kind.SLICE
    if isinstance(i, Slice):
        return Kind.WINDOW
    if isinstance(i, (bool, np.bool_)):
        return Kind.MASK
    if isinstance(i, (int, np.integer)):
        return Kind.INTEGER
    if isinstance(i, (Array, np.ndarray)):
        if i.dtype == bool:
            return Kind.MASK
        if dtypes.issubdtype(i.dtype, np.integer):
            return Kind.ARRAY
        raise TypeError(f"Indexer must have integer or boolean type, got indexer with type {i.dtype}")
    if isinstance(i, str):
        raise TypeError(f"JAX does not support string indexing; got idx={i!r}")
    if isinstance(i, (float, complex, np.generic)):
        raise TypeError(f"Indexer must have integer or boolean type, got indexer with type {np.dtype(type(i))}")
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), newaxis (`None`) and integer or boolean arrays are valid indices."
        f" Got {i}"
    )


def _check_slice(s: slice, position: int):
    for bound in (s.start, s.stop, s.step):
        if isinstance(bound, Tracer) and bound.to_concrete_value() is None:
            raise IndexError(
                f"Slice entries must be static integers. Got {s} at position {position}. {bound._origin()}"
                "To slice from a traced place, use lax.dynamic_slice with a static size."
            )


def _expand_ellipsis(entries: list[Entry], ndim: int) -> list[Entry]:
    """The entries with `:` for each axis of the ellipsis and for each axis behind the last entry."""
    expanded = []
    for e in entries:
        expanded += [Entry(slice(None), Kind.SLICE, (a,)) for a in e.axes] if e.kind is Kind.ELLIPSIS else [e]
    indexed = sum(len(e.axes) for e in entries)
    return expanded + [Entry(slice(None), Kind.SLICE, (a,)) for a in range(indexed, ndim)]


def _forward_slice(s: slice, size: int) -> tuple[int, int, int, bool]:
    """(start, limit, stride, is reversed): a slice of negative step as one of positive stride, to be reversed after reading."""
    start, stop, step = s.indices(size)
    if step > 0:
        return start, max(start, stop), step, False
    first = min(size, stop + 1 + abs(start - stop - 1) % -step)
    return first, max(first, start + 1), -step, True


# ---------------------------------------------------------------------------------------------------------------------
# Reading


# In these modes a window lies inside the array or is moved inside, as `slice` and `dynamic_slice` do.
_LIKE_SLICES = (GatherScatterMode.PROMISE_IN_BOUNDS, GatherScatterMode.CLIP)


def rewriting_take(
    arr: Array,
    index: Any,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode=None,
    fill_value=None,
    normalize_indices: bool = True,
) -> Array:
    """`arr[index]`, by slices where they suffice, else by a gather."""
    entries = parse(index, as_array(arr).shape)
    if all(e.kind in (Kind.ELLIPSIS, Kind.NEW_AXIS) for e in entries):
        # As in JAX, nobody reads the mode of `x[...]`.
        mode = None
    mode = GatherScatterMode.PROMISE_IN_BOUNDS if mode is None else GatherScatterMode.from_any(mode)
    if mode in _LIKE_SLICES and all(_is_basic(e, arr.shape) for e in entries):
        return _take_by_slice(arr, entries, mode, normalize_indices)
    return _take_by_gather(arr, entries, normalize_indices, fill_value, indices_are_sorted, unique_indices, mode)


def _is_basic(entry: Entry, shape) -> bool:
    """Whether slices can read the entry: not if it is a mask, an array with axes, or an integer into an empty axis."""
    if entry.kind in (Kind.INTEGER, Kind.ARRAY):
        return shape[entry.axes[0]] > 0 and np.ndim(entry.index) == 0
    if entry.kind is Kind.WINDOW:
        return entry.index.stride == 1
    return entry.kind is not Kind.MASK


def _take_by_slice(arr, entries: list[Entry], mode, normalize_indices: bool):
    given, starts, limits, sizes, strides, reversed_axes, squeezed, new_axes = [], [], [], [], [], [], [], []
    static = True
    for entry in _expand_ellipsis(entries, arr.ndim):
        if entry.kind is Kind.NEW_AXIS:
            new_axes.append(len(starts) - len(squeezed) + len(new_axes))
            continue
        (axis,) = entry.axes
        size = arr.shape[axis]
        if entry.kind is Kind.SLICE:
            start, limit, stride, is_reversed = _forward_slice(entry.index, size)
            length = limit - start
            if is_reversed:
                reversed_axes.append(axis)
        elif entry.kind is Kind.WINDOW:
            start, limit, stride, length = entry.index.start, None, 1, operator.index(entry.index.size)
            static = False
        else:
            start, limit, stride, length = entry.index, None, 1, 1
            squeezed.append(axis)
            if entry.kind is Kind.INTEGER:
                start = operator.index(start)
                inside = start + size if normalize_indices and start < 0 else start
                if mode is GatherScatterMode.CLIP or 0 <= inside < size:
                    start = min(max(inside, 0), size - 1)
                    limit = start + 1
            static = static and limit is not None
        # A dynamic slice counts a negative start from the end by equations.
        given.append(start if entry.kind is not Kind.INTEGER else operator.index(entry.index))
        starts.append(start)
        limits.append(limit)
        sizes.append(length)
        strides.append(stride)
    if static:
        whole = all(s == 0 and n == d and t == 1 for s, n, t, d in zip(starts, limits, strides, arr.shape))
        y = arr if whole else lax.slice(arr, starts, limits, None if set(strides) <= {1} else strides)
    elif set(strides) <= {1}:
        starts = [as_array(s) for s in given]
        if len(starts) > 1:
            # dynamic_slice takes start indices of one dtype only.
            starts = [lax.convert_element_type(s, dtype_of_index(max(arr.shape))) for s in starts]
        y = lax.dynamic_slice(arr, starts, sizes, allow_negative_indices=normalize_indices)
    else:
        return _take_by_gather(arr, entries, normalize_indices, None, False, False, mode)
    y = lax.rev(y, reversed_axes) if reversed_axes else y
    y = lax.squeeze(y, squeezed) if squeezed else y
    return lax.expand_dims(y, new_axes) if new_axes else y


def _take_by_gather(arr, entries, normalize_indices, fill_value, indices_are_sorted, unique_indices, mode):
    plan = plan_gather(entries, arr.shape, normalize_indices)
    if fill_value is not None:
        if isinstance(fill_value, Tracer) and fill_value.to_concrete_value() is None:
            raise errors.concretization(fill_value.aval.str_short(), fill_value._origin(), "get(fill_value=...)")
        if np.ndim(fill_value):
            raise ValueError("fill_value argument to indexed get() must be a scalar")
        fill_value = np.asarray(fill_value).item()
    y = lax.expand_dims(arr, plan.mask_axes) if plan.mask_axes else arr
    if 0 in plan.shape:
        return lax.full_like(y, 0, shape=plan.shape)
    if 0 not in plan.indices.shape:
        y = lax.gather(
            y,
            plan.indices,
            plan.numbers,
            plan.window,
            unique_indices=unique_indices or plan.unique,
            indices_are_sorted=indices_are_sorted or plan.unique,
            mode=mode,
            fill_value=fill_value,
        )
    y = lax.rev(y, plan.reversed_axes) if plan.reversed_axes else y
    return lax.expand_dims(y, plan.new_axes) if plan.new_axes else y


# ---------------------------------------------------------------------------------------------------------------------
# The plan of a gather or scatter


class Plan(NamedTuple):
    """The arguments of the gather that reads at an index, or of the scatter that writes there."""

    # The shape of `arr[index]`.
    shape: tuple[int, ...]
    # The window that each vector of indices moves over the array.
    window: tuple[int, ...]
    indices: Any
    numbers: GatherDimensionNumbers
    # The index names no place twice, and names the places in order: so it is without an array among the entries.
    unique: bool
    # The axes to reverse after the gather, for negative steps, and those to insert then, for `None` in the index.
    reversed_axes: tuple[int, ...]
    new_axes: tuple[int, ...]
    # The axes of size 1 to insert into the array before the gather, one for each scalar boolean in the index.
    mask_axes: tuple[int, ...]


class Part(NamedTuple):
    """The part of a plan that one entry of an index adds, or all arrays of the index together."""

    # {axis of the array: where the windows start along it}; the starts have one shape.
    starts: dict[int, Array]
    # The axes that the part adds to the result.
    shape: tuple[int, ...] = ()
    # The axis of the array that the window spans. None: each element has a window of its own, of size 1.
    kept: int | None = None
    # The axis is inserted after the gather.
    is_new: bool = False
    # The axis is reversed after the gather.
    is_reversed: bool = False


def plan_gather(entries: list[Entry], shape: tuple[int, ...], normalize_indices: bool) -> Plan:
    """The plan for the entries of an index into an array of that shape.

    normalize_indices: whether negative indices count from the end. Raises IndexError for an integer into an empty axis and
    for a mask of another shape.
    """
    entries = _expand_masks(entries, shape)
    together = _arrays_stand_together(entries)
    entries = _expand_ellipsis(entries, len(shape))
    mask_axes = tuple([i for i, e in enumerate(entries) if e.kind is Kind.MASK])
    if mask_axes:
        entries, shape = _expand_scalar_masks(entries, shape)
    if normalize_indices:
        entries = [_count_from_front(e, shape) for e in entries]
    arrays = _advanced(entries)
    index_dtype = dtype_of_index(max(shape, default=0))
    parts = list(_parts(entries, shape, arrays, together, index_dtype))
    # For each axis of the result, the part that adds it.
    axes = [part for part in parts for _ in part.shape]
    gathered = [part for part in axes if not part.is_new]
    window = {part.kept: part.shape[0] for part in parts if part.kept is not None}
    return Plan(
        shape=tuple([d for part in parts for d in part.shape]),
        window=tuple([window.get(axis, 1) for axis in range(len(shape))]),
        indices=_join(parts, index_dtype),
        numbers=GatherDimensionNumbers(
            offset_dims=tuple([i for i, part in enumerate(gathered) if part.kept is not None]),
            collapsed_slice_dims=tuple(sorted([axis for part in parts if part.kept is None for axis in part.starts])),
            start_index_map=tuple([axis for part in parts for axis in part.starts]),
        ),
        unique=not arrays,
        reversed_axes=tuple([i for i, part in enumerate(gathered) if part.is_reversed]),
        new_axes=tuple([i for i, part in enumerate(axes) if part.is_new]),
        mask_axes=mask_axes,
    )


def _arrays_stand_together(entries: list[Entry]) -> bool:
    """Whether nothing stands between the integers and arrays of an index. NumPy puts their axes there, else in front:
    `x[:, i, j]` has shape (n, *k) and `x[i, :, j]` has shape (*k, n), for i and j of shape k."""
    kinds = [e.kind in (Kind.ARRAY, Kind.INTEGER) for e in entries]
    return True not in kinds or all(kinds[kinds.index(True) : len(kinds) - kinds[::-1].index(True)])


def _parts(entries: list[Entry], shape, arrays: dict[int, Any], together: bool, index_dtype) -> Iterator[Part]:
    """The parts of a plan, in the order of the axes that they add to the result."""
    place_of_arrays = min(arrays, default=-1) if together else 0
    for position, entry in enumerate(entries):
        if arrays and position == place_of_arrays:
            yield _part_of_arrays({entries[p].axes[0]: a for p, a in arrays.items()}, index_dtype)
        if position in arrays:
            continue
        if entry.kind is Kind.NEW_AXIS:
            yield Part({}, (1,), is_new=True)
        elif entry.kind is Kind.SLICE:
            yield _part_of_slice(entry.index, entry.axes[0], shape[entry.axes[0]], index_dtype)
        elif entry.kind is Kind.WINDOW:
            yield _part_of_window(entry.index, entry.axes[0], index_dtype)
        else:
            yield _part_of_scalar(entry.index, entry.axes[0], shape[entry.axes[0]], index_dtype)


def _part_of_arrays(arrays: dict[int, Any], index_dtype) -> Part:
    """{axis: array}: the arrays are broadcast against each other and read element by element."""
    spread = broadcast_arrays(*arrays.values())
    starts = {axis: lax.convert_element_type(a, index_dtype) for axis, a in zip(arrays, spread)}
    return Part(starts, spread[0].shape)


def _part_of_scalar(index: Any, axis: int, size: int, index_dtype) -> Part:
    if size == 0:
        raise IndexError(f"index is out of bounds for axis {axis} with size 0")
    return Part({axis: lax.convert_element_type(index, index_dtype)})


def _part_of_slice(s: slice, axis: int, size: int, index_dtype) -> Part:
    """A slice of step 1 is one window; with another step, each element has a window of its own."""
    start, stop, step = s.indices(size)
    length = len(range(start, stop, step))
    if step == 1:
        starts = {} if length == size else {axis: lax.convert_element_type(start, index_dtype)}
        return Part(starts, (length,), kept=axis)
    line = lax.iota(index_dtype, length)
    places = convert(start, index_dtype) + convert(step, index_dtype) * line
    # JAX reads a slice of negative step forwards and reverses the result.
    places = lax.rev(places, (0,)) if step < 0 else places
    return Part({axis: places}, (length,), is_reversed=step < 0)


def _part_of_window(window: Slice, axis: int, index_dtype) -> Part:
    """As of a slice: with a stride, each element has a window of its own."""
    start, size = lax.convert_element_type(window.start, index_dtype), operator.index(window.size)
    if window.stride == 1:
        return Part({axis: start}, (size,), kept=axis)
    return Part({axis: start + convert(window.stride, index_dtype) * lax.iota(index_dtype, size)}, (size,))


def _join(parts: Sequence[Part], index_dtype):
    """The starts side by side along a new last axis: the vectors of indices."""
    # Each column of the starts, and the axis of `batch`, the indices' own shape, at which the column begins.
    columns, batch = [], ()
    for part in parts:
        for start in part.starts.values():
            columns.append((start, len(batch)))
        if part.starts:
            batch += start.shape
    if not columns:
        return np.zeros(0, index_dtype)
    if len(columns) == 1:
        column = columns[0][0]
        return lax.expand_dims(column, (column.ndim,))
    shape = (*batch, 1)
    parts = [lax.broadcast_in_dim(c, shape, tuple(range(i, i + c.ndim))) for c, i in columns]
    return lax.concatenate(parts, len(batch))


def _advanced(entries) -> dict[int, Any]:
    """{position: array} of the integers and arrays, if one of them has axes. If all are scalars: empty, as then none is
    broadcast against another."""
    found = {p: e.index for p, e in enumerate(entries) if e.kind in (Kind.INTEGER, Kind.ARRAY)}
    return {p: as_array(i) for p, i in found.items()} if any(np.ndim(i) for i in found.values()) else {}


def _expand_masks(entries: list[Entry], shape) -> list[Entry]:
    """The entries with each mask replaced by the positions of its true elements, an array for each axis; scalar masks stay."""
    expanded = []
    for position, entry in enumerate(entries):
        if entry.kind is not Kind.MASK:
            expanded.append(entry)
            continue
        mask = _concrete_mask(entry.index)
        if not mask.ndim:
            expanded.append(Entry(bool(mask), Kind.MASK, ()))
            continue
        expected = [shape[a] for a in entry.axes]
        if any(have not in (0, want) for have, want in zip(mask.shape, expected)):
            raise IndexError(
                f"boolean index did not match shape of indexed array in index {position}: got {mask.shape}, expected"
                f" {expected}"
            )
        expanded += [Entry(places, Kind.ARRAY, (a,)) for places, a in zip(np.nonzero(mask), entry.axes)]
    return expanded


def _concrete_mask(mask) -> np.ndarray:
    if isinstance(mask, Tracer):
        value = mask.to_concrete_value()
        if value is None:
            raise errors.boolean_index(mask.aval.str_short(), mask._origin())
        mask = value
    return np.asarray(mask)


def _expand_scalar_masks(entries: list[Entry], shape):
    """(entries, shape) with a new axis of size 1 for each scalar mask, indexed by [0] for True and by [] for False."""
    shape, expanded, axis = list(shape), [], 0
    for position, entry in enumerate(entries):
        if entry.kind is Kind.MASK:
            shape.insert(position, 1)
            entry = Entry(np.arange(int(entry.index), dtype=np.int32), Kind.ARRAY, (axis,))
        else:
            entry = entry._replace(axes=tuple(range(axis, axis + len(entry.axes))))
        axis += len(entry.axes)
        expanded.append(entry)
    return expanded, tuple(shape)


def _count_from_front(entry: Entry, shape) -> Entry:
    """The entry with negative indices replaced by the places that they count from the end."""
    if entry.kind is Kind.INTEGER and not isinstance(entry.index, np.unsignedinteger):
        index = operator.index(entry.index)
        return Entry(index + shape[entry.axes[0]] if index < 0 else index, entry.kind, entry.axes)
    if entry.kind is Kind.ARRAY:
        return Entry(wrap_negative(entry.index, shape[entry.axes[0]]), entry.kind, entry.axes)
    return entry


def wrap_negative(index, size: int):
    if dtypes.issubdtype(index.dtype, np.unsignedinteger):
        return as_array(index)
    index = widened(index, size)
    # The signs of a NumPy array are known even while a program is traced: no equation for the comparison, as in JAX.
    negative = index < 0 if isinstance(index, np.ndarray) else ew.lt_p.bind(index, const(index, 0))
    index = as_array(index)
    return lax.select(as_array(negative), ew.add_p.bind(index, const(index, size)), index)
