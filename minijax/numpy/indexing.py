"""`x[index]` and `x.at[index].set(y)`: NumPy's indexing, written in slices, dynamic slices, gathers and scatters.

An index is parsed into entries, one for each part of it. Entries that are all integers and slices become a `slice`; with a
traced integer among them, a `dynamic_slice`; whatever has an array in it, a `gather`. An update is the same gather's
plan, followed backwards: a `scatter`. (JAX: `_src/numpy/indexing.py`, `_src/ops/scatter.py`.)
"""

from __future__ import annotations

import enum
import math
import operator
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import lax
from ..core.traces import Array, Tracer
from ..foundation import dtypes, errors
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.windows import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers
from .arithmetic import mod, power
from .ufuncs import divide
from .util import (
    as_array,
    broadcast_arrays,
    broadcast_shapes,
    broadcast_to,
    canonicalize_axis,
    check_no_out,
    convert,
    ensure_arraylike,
    promote_dtypes,
    where,
)

# ---------------------------------------------------------------------------------------------------------------------
# Parsing


class Kind(enum.Enum):
    """What an entry of an index is."""

    NEW_AXIS = enum.auto()
    ELLIPSIS = enum.auto()
    SLICE = enum.auto()
    INTEGER = enum.auto()
    MASK = enum.auto()
    ARRAY = enum.auto()


class Entry(NamedTuple):
    """One entry of an index, and the axes of the array that it indexes."""

    index: Any
    kind: Kind
    axes: tuple[int, ...]


def parse(index: Any, shape: tuple[int, ...]) -> list[Entry]:
    """The entries of an index into an array of that shape; an ellipsis is left as it is."""
    parts = index if isinstance(index, tuple) else (_single_index(index),)
    parts = [_as_index(i) for i in parts]
    kinds = [_kind_of(i) for i in parts]
    taken = [
        0 if k in (Kind.NEW_AXIS, Kind.ELLIPSIS) else np.ndim(i) if k is Kind.MASK else 1 for i, k in zip(parts, kinds)
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


def _single_index(index):
    if isinstance(index, Sequence) and not isinstance(index, (str, Array, np.ndarray)):
        unpack = any(i is None or i is Ellipsis or isinstance(i, (slice, Sequence)) or np.ndim(i) for i in index)
        raise TypeError(
            "Using a non-tuple sequence for multidimensional indexing is not allowed; use"
            f" `arr[{'tuple' if unpack else 'array'}(seq)]` instead of `arr[seq]`."
        )
    return index


def _as_index(i):
    """A sequence within a tuple as an array; anything else as it is."""
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
    """The entries with whole slices in the place of an ellipsis, and for the axes behind the last entry."""
    expanded = []
    for e in entries:
        expanded += [Entry(slice(None), Kind.SLICE, (a,)) for a in e.axes] if e.kind is Kind.ELLIPSIS else [e]
    indexed = sum(len(e.axes) for e in entries)
    return expanded + [Entry(slice(None), Kind.SLICE, (a,)) for a in range(indexed, ndim)]


def _forward_slice(s: slice, size: int) -> tuple[int, int, int, bool]:
    """(start, limit, stride > 0, reversed): the same elements, read forwards and then reversed if the step is negative."""
    start, stop, step = s.indices(size)
    if step > 0:
        return start, max(start, stop), step, False
    first = min(size, stop + 1 + abs(start - stop - 1) % -step)
    return first, max(first, start + 1), -step, True


# ---------------------------------------------------------------------------------------------------------------------
# Reading


# For these modes a window is inside the array, or moved inside: what slices do.
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
    """`arr[index]` in the simplest primitives that do it."""
    entries = parse(index, arr.shape)
    mode = GatherScatterMode.PROMISE_IN_BOUNDS if mode is None else GatherScatterMode.from_any(mode)
    if mode in _LIKE_SLICES and all(_is_basic(e, arr.shape) for e in entries):
        return _take_by_slice(arr, entries, mode, normalize_indices)
    return _take_by_gather(arr, entries, normalize_indices, fill_value, indices_are_sorted, unique_indices, mode)


def _is_basic(entry: Entry, shape) -> bool:
    """Whether slices can do it: of arrays only scalars, and nothing is one element of an empty axis."""
    if entry.kind in (Kind.INTEGER, Kind.ARRAY):
        return shape[entry.axes[0]] > 0 and np.ndim(entry.index) == 0
    return entry.kind is not Kind.MASK


def _take_by_slice(arr, entries: list[Entry], mode, normalize_indices: bool):
    starts, limits, strides, reversed_axes, squeezed, new_axes = [], [], [], [], [], []
    static = True
    for entry in _expand_ellipsis(entries, arr.ndim):
        if entry.kind is Kind.NEW_AXIS:
            new_axes.append(len(starts) - len(squeezed) + len(new_axes))
            continue
        (axis,) = entry.axes
        size = arr.shape[axis]
        if entry.kind is Kind.SLICE:
            start, limit, stride, is_reversed = _forward_slice(entry.index, size)
            if is_reversed:
                reversed_axes.append(axis)
        else:
            start, limit, stride = entry.index, None, 1
            squeezed.append(axis)
            if entry.kind is Kind.INTEGER:
                start = operator.index(start)
                inside = start + size if normalize_indices and start < 0 else start
                if mode is GatherScatterMode.CLIP or 0 <= inside < size:
                    start = min(max(inside, 0), size - 1)
                    limit = start + 1
            static = static and limit is not None
        starts.append(start)
        limits.append(limit)
        strides.append(stride)
    if static:
        whole = all(s == 0 and n == d and t == 1 for s, n, t, d in zip(starts, limits, strides, arr.shape))
        y = arr if whole else lax.slice(arr, starts, limits, None if set(strides) <= {1} else strides)
    elif set(strides) <= {1}:
        sizes = [1 if n is None else n - s for s, n in zip(starts, limits)]
        if len(starts) > 1:
            # dynamic_slice wants start indices of one dtype.
            starts = [lax.convert_element_type(as_array(s), _index_dtype(arr.shape)) for s in starts]
        y = lax.dynamic_slice(arr, starts, sizes, allow_negative_indices=normalize_indices)
    else:
        return _take_by_gather(arr, entries, normalize_indices, None, False, False, mode)
    y = lax.rev(y, reversed_axes) if reversed_axes else y
    y = lax.squeeze(y, squeezed) if squeezed else y
    return lax.expand_dims(y, new_axes) if new_axes else y


def _take_by_gather(arr, entries, normalize_indices, fill_value, indices_are_sorted, unique_indices, mode):
    plan = _plan_gather(entries, arr.shape, normalize_indices)
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
    """How to read an index by a gather, or write by a scatter."""

    # Of `arr[index]`.
    shape: tuple[int, ...]
    # The window that each vector of indices moves over the array.
    window: tuple[int, ...]
    indices: Any
    numbers: GatherDimensionNumbers
    # No place is named twice, and they come in order: where no array is among the entries.
    unique: bool
    # To be reversed after the gather, then inserted: negative steps, and `None` in the index.
    reversed_axes: tuple[int, ...]
    new_axes: tuple[int, ...]
    # Axes of size 1 to give the array first: where a scalar boolean stands in the index.
    mask_axes: tuple[int, ...]


def _plan_gather(entries: list[Entry], shape: tuple[int, ...], normalize_indices: bool) -> Plan:
    entries = _expand_masks(entries, shape)
    kinds = [e.kind in (Kind.ARRAY, Kind.INTEGER) for e in entries]
    # NumPy puts the axes of several arrays where they stand if they stand together, else in front.
    together = True not in kinds or all(kinds[kinds.index(True) : len(kinds) - kinds[::-1].index(True)])
    entries = _expand_ellipsis(entries, len(shape))
    mask_axes = tuple(i for i, e in enumerate(entries) if e.kind is Kind.MASK)
    entries, shape = _expand_scalar_masks(entries, shape)
    if normalize_indices:
        entries = [_count_from_front(e, shape) for e in entries]
    arrays = _advanced(entries)
    index_dtype = _index_dtype(shape)
    # Index arrays with the axis of `batch`, the indices' own shape, at which each begins.
    columns, batch = [], []
    offset, collapsed, start_map, window, out_shape, reversed_axes, new_axes = [], [], [], [], [], [], []
    axis = out_axis = kept_axis = 0
    for position, entry in enumerate(entries):
        if arrays and position == (min(arrays) if together else 0):
            spread = broadcast_arrays(*arrays.values())
            columns += [(lax.convert_element_type(a, index_dtype), len(batch)) for a in spread]
            batch += spread[0].shape
            axes = [entries[p].axes[0] for p in arrays]
            start_map += axes
            collapsed += axes
            out_shape += spread[0].shape
            out_axis += spread[0].ndim
            kept_axis += spread[0].ndim
        if position in arrays:
            window.append(1)
            axis += 1
        elif entry.kind in (Kind.INTEGER, Kind.ARRAY):
            if shape[axis] == 0:
                raise IndexError(f"index is out of bounds for axis {axis} with size 0")
            columns.append((lax.convert_element_type(entry.index, index_dtype), len(batch)))
            collapsed.append(axis)
            start_map.append(axis)
            window.append(1)
            axis += 1
        elif entry.kind is Kind.NEW_AXIS:
            out_shape.append(1)
            new_axes.append(out_axis)
            out_axis += 1
        else:
            start, stop, step = entry.index.indices(shape[axis])
            size = len(range(start, stop, step))
            out_shape.append(size)
            if step == 1:
                if size != shape[axis]:
                    columns.append((lax.convert_element_type(start, index_dtype), len(batch)))
                    start_map.append(axis)
                window.append(size)
                offset.append(kept_axis)
            else:
                line = lax.iota(index_dtype, size)
                places = convert(start, index_dtype) + convert(step, index_dtype) * line
                if step < 0:
                    reversed_axes.append(kept_axis)
                    places = lax.rev(places, (0,))
                columns.append((places, len(batch)))
                batch.append(size)
                start_map.append(axis)
                collapsed.append(axis)
                window.append(1)
            kept_axis += 1
            out_axis += 1
            axis += 1
    return Plan(
        shape=tuple(out_shape),
        window=tuple(window),
        indices=_join(columns, batch, index_dtype),
        numbers=GatherDimensionNumbers(tuple(offset), tuple(sorted(collapsed)), tuple(start_map)),
        unique=not arrays,
        reversed_axes=tuple(reversed_axes),
        new_axes=tuple(new_axes),
        mask_axes=mask_axes,
    )


def _join(columns, batch, index_dtype):
    """The columns side by side along a new last axis."""
    if not columns:
        return np.zeros(0, index_dtype)
    if len(columns) == 1:
        column = columns[0][0]
        return lax.expand_dims(column, (column.ndim,))
    shape = (*batch, 1)
    parts = [lax.broadcast_in_dim(c, shape, tuple(range(i, i + c.ndim))) for c, i in columns]
    return lax.concatenate(parts, len(batch))


def _advanced(entries) -> dict[int, Any]:
    """{position: array} of the integers and arrays, if one of them has axes; else they are scalars, and none."""
    found = {p: e.index for p, e in enumerate(entries) if e.kind in (Kind.INTEGER, Kind.ARRAY)}
    return {p: as_array(i) for p, i in found.items()} if any(np.ndim(i) for i in found.values()) else {}


def _expand_masks(entries: list[Entry], shape) -> list[Entry]:
    """The entries with the positions of its true elements in the place of each mask; scalar masks stay."""
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
    """A scalar mask indexes an axis of size 1 that the array is given at its position: with nothing, or with its element."""
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
    """Negative indices count from the end."""
    if entry.kind is Kind.INTEGER and not isinstance(entry.index, np.unsignedinteger):
        index = operator.index(entry.index)
        return entry._replace(index=index + shape[entry.axes[0]] if index < 0 else index)
    if entry.kind is Kind.ARRAY:
        return entry._replace(index=_wrap_negative(entry.index, shape[entry.axes[0]]))
    return entry


def _wrap_negative(index, size: int):
    if dtypes.issubdtype(index.dtype, np.unsignedinteger):
        return as_array(index)
    # A NumPy array's signs are known now, also while tracing.
    negative = index < 0 if isinstance(index, np.ndarray) else ew.lt_p.bind(index, const(index, 0))
    index = as_array(index)
    return lax.select(as_array(negative), ew.add_p.bind(index, const(index, size)), index)


def _index_dtype(shape):
    return np.dtype("int64" if max(shape, default=0) > np.iinfo(np.int32).max else "int32")


# ---------------------------------------------------------------------------------------------------------------------
# Writing


def _scatter(
    x, index, y, scatter, *, indices_are_sorted=False, unique_indices=False, mode=None, wrap_negative_indices=True
):
    """x with `y` written, added, ... at `index`."""
    if type(y) is int and dtypes.issubdtype(x.dtype, np.integer):
        info = np.iinfo(x.dtype)
        y = convert(y, x.dtype) if info.min <= y <= info.max else y
    y = as_array(y)
    plan = _plan_gather(parse(index, x.shape), x.shape, wrap_negative_indices)
    if not _safe_to_cast(y, x):
        warnings.warn(
            f"scatter inputs have incompatible types: cannot safely cast value from dtype={y.dtype} to dtype={x.dtype} with"
            " jax_numpy_dtype_promotion='standard'. In future JAX releases this will result in an error.",
            FutureWarning,
            stacklevel=3,
        )
    if 0 in plan.shape:
        return x
    promoted, y = promote_dtypes(x, y)
    y = broadcast_to(y, plan.shape)
    y = lax.squeeze(y, plan.new_axes) if plan.new_axes else y
    y = lax.rev(y, plan.reversed_axes) if plan.reversed_axes else y
    out = scatter(
        lax.expand_dims(promoted, plan.mask_axes) if plan.mask_axes else promoted,
        plan.indices,
        y,
        ScatterDimensionNumbers(*plan.numbers),
        indices_are_sorted=indices_are_sorted or plan.unique,
        unique_indices=unique_indices or plan.unique,
        mode=mode,
    )
    out = lax.squeeze(out, plan.mask_axes) if plan.mask_axes else out
    return convert(out, x.dtype, x.weak_type)


def _safe_to_cast(y, x) -> bool:
    if y.dtype == x.dtype:
        return True
    return dtypes.lattice_result_type(y, x)[0] == x.dtype


class _IndexUpdateHelper:
    """`x.at[index]`: the place in x at which `.set(y)`, `.add(y)`, `.get()` and so on act; x itself never changes.

    Methods take `mode` ("drop" or "fill", "clip", "promise_in_bounds": what happens out of bounds), `indices_are_sorted`,
    `unique_indices` and `wrap_negative_indices`. Where a place is named twice, both updates are applied
    (`jax.numpy.ndarray.at`).

    >>> import minijax.numpy as jnp
    >>> jnp.zeros(3).at[jnp.array([0, 0, 2])].add(1.0)
    Array([2., 0., 1.], dtype=float32)
    """

    __slots__ = ("array",)

    def __init__(self, array: Array):
        self.array = array

    def __getitem__(self, index) -> _IndexUpdateRef:
        return _IndexUpdateRef(self.array, index)

    def __repr__(self) -> str:
        return f"_IndexUpdateHelper({self.array!r})"


class _IndexUpdateRef:
    """What `x.at[index]` gives; see `_IndexUpdateHelper`."""

    __slots__ = ("array", "index")

    def __init__(self, array: Array, index: Any):
        self.array = array
        self.index = index

    def __repr__(self) -> str:
        return f"_IndexUpdateRef({self.array!r}, {self.index!r})"

    def get(self, *, mode=None, fill_value=None, wrap_negative_indices: bool = True, **hints) -> Array:
        """`x[index]`; with mode="fill", `fill_value` (default: NaN, or the least integer) out of bounds."""
        return rewriting_take(
            self.array, self.index, mode=mode, fill_value=fill_value, normalize_indices=wrap_negative_indices, **hints
        )

    def set(self, values, **options) -> Array:
        """As `x[index] = values`."""
        return _scatter(self.array, self.index, values, lax.scatter, **options)

    def add(self, values, **options) -> Array:
        """As `x[index] += values`."""
        return _scatter(self.array, self.index, values, lax.scatter_add, **options)

    def subtract(self, values, **options) -> Array:
        """As `x[index] -= values`."""
        return _scatter(self.array, self.index, values, lax.scatter_sub, **options)

    def multiply(self, values, **options) -> Array:
        """As `x[index] *= values`."""
        return _scatter(self.array, self.index, values, lax.scatter_mul, **options)

    mul = multiply

    def divide(self, values, **options) -> Array:
        """As `x[index] /= values`."""
        ones = lax.full_like(self.array, 1)
        return divide(self.array, _scatter(ones, self.index, values, lax.scatter_mul, **options))

    def power(self, values, **options) -> Array:
        """As `x[index] **= values`."""
        ones = lax.full_like(self.array, 1)
        return power(self.array, _scatter(ones, self.index, values, lax.scatter_mul, **options))

    def min(self, values, **options) -> Array:
        """As `x[index] = minimum(x[index], values)`."""
        return _scatter(self.array, self.index, values, lax.scatter_min, **options)

    def max(self, values, **options) -> Array:
        """As `x[index] = maximum(x[index], values)`."""
        return _scatter(self.array, self.index, values, lax.scatter_max, **options)

    def apply(self, func, *, mode=None, wrap_negative_indices: bool = True, **hints) -> Array:
        """As `func.at(x, index)`: the elementwise `func` is applied as many times as a place is named."""
        x = self.array
        plan = _plan_gather(parse(self.index, x.shape), x.shape, wrap_negative_indices)
        scattered = lax.expand_dims(x, plan.mask_axes) if plan.mask_axes else x
        if 0 in plan.shape:
            return x
        if plan.unique:
            scattered = _apply_once(scattered, plan.indices, plan, func, mode)
        else:
            *batch, length = plan.indices.shape
            vectors = lax.reshape(plan.indices, (math.prod(batch), length))
            for n in range(vectors.shape[0]):
                scattered = _apply_once(scattered, lax.index_in_dim(vectors, n, keepdims=False), plan, func, mode)
        return lax.squeeze(scattered, plan.mask_axes) if plan.mask_axes else scattered


def _apply_once(x, indices, plan: Plan, func, mode):
    """`func` at the windows that the indices, none twice, name."""
    removed = len(plan.numbers.collapsed_slice_dims)
    batch = indices.ndim - 1
    numbers = plan.numbers._replace(offset_dims=tuple(range(batch, batch + x.ndim - removed)))
    read = lax.gather(x, indices, numbers, plan.window, unique_indices=True, mode="clip")
    written = convert(func(read), x.dtype, x.weak_type)
    return lax.scatter(x, indices, written, ScatterDimensionNumbers(*numbers), unique_indices=True, mode=mode)


# ---------------------------------------------------------------------------------------------------------------------
# Functions


def take(
    a, indices, axis=None, out=None, mode=None, unique_indices=False, indices_are_sorted=False, fill_value=None
) -> Array:
    """The elements of `a` at `indices` along an axis, by default of `a` flattened (`jax.numpy.take`).

    `mode`: "fill" (the default: NaN, or `fill_value`, out of bounds), "clip" or "wrap".

    >>> take(np.float32([10, 20, 30]), np.array([2, 0]))
    Array([30., 10.], dtype=float32)
    """
    check_no_out("take", out)
    a, indices = ensure_arraylike("take", a, indices)
    if axis is None:
        a, axis = lax.reshape(a, (a.size,)), 0
    axis = canonicalize_axis(operator.index(axis), a.ndim)
    size = a.shape[axis]
    if not dtypes.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"take requires integer indices, got {indices.dtype}")
    if mode in (None, "fill"):
        gather_mode = GatherScatterMode.FILL_OR_DROP
        negative = ew.lt_p.bind(indices, const(indices, 0))
        indices = where(negative, ew.add_p.bind(indices, const(indices, size)), indices)
    elif mode == "wrap":
        gather_mode = GatherScatterMode.PROMISE_IN_BOUNDS
        indices = mod(indices, const(indices, size)) if size else indices
    elif mode == "clip":
        gather_mode = GatherScatterMode.CLIP
    elif mode == "raise":
        raise NotImplementedError("The 'raise' mode to jnp.take is not supported.")
    else:
        raise ValueError(f"Invalid mode '{mode}' for np.take")
    if size == 0 and indices.size:
        raise IndexError("Cannot do a non-empty jnp.take() from an empty axis.")
    if not indices.size:
        return lax.full_like(a, 0, shape=(*a.shape[:axis], *indices.shape, *a.shape[axis + 1 :]))
    behind = range(axis + indices.ndim, a.ndim + indices.ndim - 1)
    return lax.gather(
        a,
        lax.expand_dims(indices, (indices.ndim,)),
        GatherDimensionNumbers((*range(axis), *behind), (axis,), (axis,)),
        tuple(1 if i == axis else d for i, d in enumerate(a.shape)),
        mode=gather_mode,
        unique_indices=unique_indices,
        indices_are_sorted=indices_are_sorted,
        fill_value=fill_value,
    )


def take_along_axis(arr, indices, axis=-1, mode=None, fill_value=None) -> Array:
    """For each vector of `arr` along the axis, its elements at the indices beside it (`jax.numpy.take_along_axis`).

    >>> import minijax.numpy as jnp
    >>> x = jnp.array([[3.0, 1.0], [4.0, 5.0]])
    >>> take_along_axis(x, jnp.argsort(x, axis=1), axis=1)
    Array([[1., 3.],
           [4., 5.]], dtype=float32)
    """
    a, indices = ensure_arraylike("take_along_axis", arr, indices)
    if not dtypes.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"take_along_axis indices must be of integer type, got {indices.dtype}")
    if axis is None:
        if indices.ndim != 1:
            raise ValueError(f"take_along_axis indices must be 1D if axis=None, got shape {indices.shape}")
        a, axis = lax.reshape(a, (a.size,)), 0
    if a.ndim != indices.ndim:
        raise ValueError(f"indices and arr must have the same number of dimensions; {indices.ndim} vs. {a.ndim}")
    axis = canonicalize_axis(axis, a.ndim)
    one = tuple(1 if i == axis else d for i, d in enumerate(a.shape))
    out_shape = broadcast_shapes(indices.shape, one)
    if a.shape[axis] == 0:
        return lax.full(out_shape, 0, a.dtype)
    if mode != "promise_in_bounds":
        indices = _wrap_negative(indices, a.shape[axis])
    own = [i for i, d in enumerate(indices.shape) if i == axis or d != 1]
    squeezed = [i for i in own if i != axis and a.shape[i] == 1]
    paired = [i for i in own if i != axis and a.shape[i] != 1]
    whole = [i for i in range(a.ndim) if i not in own]
    # Axis numbers after the squeeze, and among the indices' axes.
    after = {i: n for n, i in enumerate(i for i in range(a.ndim) if i not in squeezed)}
    numbers = GatherDimensionNumbers(
        tuple(whole),
        (after[axis],),
        (after[axis],),
        tuple(after[i] for i in paired),
        tuple(own.index(i) for i in paired),
    )
    sizes = tuple(a.shape[i] if i in whole else min(1, a.shape[i]) for i in after)
    places = lax.reshape(indices, (*[out_shape[i] for i in own], 1))
    a = lax.squeeze(a, squeezed) if squeezed else a
    return lax.gather(a, places, numbers, sizes, mode="fill" if mode is None else mode, fill_value=fill_value)


def put_along_axis(arr, indices, values, axis, inplace=True, *, mode=None) -> Array:
    """`arr` with the values at the indices along the axis replaced (`jax.numpy.put_along_axis`, with `inplace=False`)."""
    if inplace:
        raise ValueError(
            "jax.numpy.put_along_axis cannot modify arrays in-place, because JAX arrays are immutable. Pass inplace=False"
            " to instead return an updated array."
        )
    a, indices, values = ensure_arraylike("put_along_axis", arr, indices, values)
    shape = a.shape
    if axis is None:
        a, axis = lax.reshape(a, (a.size,)), 0
    axis = canonicalize_axis(axis, a.ndim)
    if a.ndim != indices.ndim:
        raise ValueError("put_along_axis arguments 'arr' and 'indices' must have same ndim")
    others = [
        lax.expand_dims(lax.iota(np.dtype("int32"), d), [j for j in range(a.ndim) if j != i])
        for i, d in enumerate(a.shape)
    ]
    index = tuple(indices if i == axis else line for i, line in enumerate(others))
    return lax.reshape(a.at[index].set(values, mode=mode), shape)


def put(a, ind, v, mode=None, *, inplace=True) -> Array:
    """`a` with the elements at flat indices replaced by `v`, repeated as needed (`jax.numpy.put`, with `inplace=False`)."""
    if inplace:
        raise ValueError(
            "jax.numpy.put cannot modify arrays in-place, because JAX arrays are immutable. Pass inplace=False to instead"
            " return an updated array."
        )
    a, ind, v = ensure_arraylike("put", a, ind, v)
    ind, v = lax.reshape(ind, (ind.size,)), lax.reshape(v, (v.size,))
    if not a.size or not ind.size or not v.size:
        return a
    if mode == "wrap":
        ind = mod(ind, const(ind, a.size))
    elif mode not in (None, "clip"):
        raise ValueError(f"mode should be one of 'wrap' or 'clip'; got mode={mode!r}")
    v = take(v, lax.rem(lax.iota(np.dtype("int32"), ind.size), lax.full((ind.size,), v.size, np.dtype("int32"))))
    flat = lax.reshape(a, (a.size,))
    return lax.reshape(flat.at[ind].set(v, mode="clip" if mode == "clip" else None), a.shape)


def place(arr, mask, vals, *, inplace=True) -> Array:
    """`arr` with the elements where the mask holds replaced by `vals` in turn (`jax.numpy.place`, with `inplace=False`)."""
    if inplace:
        raise ValueError(
            "jax.numpy.place cannot modify arrays in-place, because JAX arrays are immutable. Pass inplace=False to instead"
            " return an updated array."
        )
    a, mask, vals = ensure_arraylike("place", arr, mask, vals)
    if a.size != mask.size:
        raise ValueError("place: arr and mask must be the same size")
    if not vals.size:
        raise ValueError("Cannot place values from an empty array")
    if not a.size:
        return a
    flat = lax.reshape(mask, (mask.size,))
    flat = flat if flat.dtype == bool else ew.ne_p.bind(flat, const(flat, 0))
    # The k-th true element takes the k-th value.
    order = lax.sub(lax.cumsum(lax.convert_element_type(flat, np.int32)), np.int32(1))
    chosen = take(lax.reshape(vals, (vals.size,)), mod(order, np.int32(vals.size)))
    return lax.reshape(where(flat, convert(chosen, a.dtype), lax.reshape(a, (a.size,))), a.shape)
