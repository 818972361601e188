"""Moving elements about: shapes, axes, joining, splitting, repeating, padding, choosing, diagonals."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from ..core.array import ArrayImpl
from ..core.traces import Array, Tracer
from ..foundation import dtypes, errors
from ..primitives import elementwise as ew
from ..primitives.basis import broadcast_in_dim, const
from ..primitives.basis import expand_dims as _expand_dims
from ..primitives.elementwise import convert_element_type
from . import cumulative, reductions, statistics
from .creation import arange, array, asarray, eye, linspace, zeros, zeros_like
from .taking import take
from .util import (
    Axis,
    as_array,
    broadcast_arrays,
    broadcast_to,
    canonicalize_axis,
    canonicalize_axis_tuple,
    canonicalize_shape,
    check_arraylike,
    check_no_out,
    concrete_sizes,
    convert,
    default_int_dtype,
    ensure_arraylike,
    promote_dtypes,
    to_bool,
)
from .util import where as _where


def _tuple(x: Any) -> tuple[int, ...]:
    """A number, or a sequence of them, as a tuple."""
    try:
        return (operator.index(x),)
    except TypeError:
        return tuple(map(operator.index, x))


def _arrays(name: str, xs: Any) -> list[Array]:
    """The items of a sequence as arrays; an array is the sequence of its rows."""
    if isinstance(xs, (Array, np.ndarray)):
        return list(unstack(xs))
    check_arraylike(name, *xs)
    return [as_array(x) for x in xs]


# ---------------------------------------------------------------------------------------------------------------------
# Shapes and axes


def reshape(a, shape, order="C", *, copy=None, out_sharding=None):
    """The same elements in another shape (`jax.numpy.reshape`); one -1 is worked out from the rest.

    >>> reshape(np.arange(6), (2, -1))
    Array([[0, 1, 2],
           [3, 4, 5]], dtype=int32)
    """
    a = ensure_arraylike("reshape", a)
    sizes = _new_shape(a, shape)
    if order == "C":
        return lax.reshape(a, sizes)
    if order == "F":
        # Column-major is row-major with all axes reversed.
        return transpose(lax.reshape(transpose(a), sizes[::-1]))
    if order == "A":
        raise NotImplementedError("np.reshape order=A is not implemented.")
    raise ValueError(f"Unexpected value for 'order' argument: {order}.")


def _new_shape(a: Array, shape: Any) -> tuple[int, ...]:
    sizes = concrete_sizes(shape)
    unknown = [i for i, d in enumerate(sizes) if d == -1]
    if len(unknown) > 1:
        raise TypeError(f"can only specify one unknown axis size with a `-1` value, got {shape}")
    known = math.prod(d for d in sizes if d != -1)
    if unknown:
        if (a.size % known if known else a.size) != 0:
            raise TypeError(
                f"cannot reshape array of shape {a.shape} (size {a.size}) into shape {shape} because the product of"
                f" specified axis sizes ({known}) does not evenly divide {a.size}"
            )
        if not known:
            raise ZeroDivisionError("integer modulo by zero")
        return tuple(a.size // known if d == -1 else d for d in sizes)
    if a.size != known:
        raise TypeError(f"cannot reshape array of shape {a.shape} (size {a.size}) into shape {shape} (size {known})")
    return sizes


def ravel(a, order="C", *, out_sharding=None):
    """All elements in one axis (`jax.numpy.ravel`)."""
    a = ensure_arraylike("ravel", a)
    if order == "K":
        raise NotImplementedError("Ravel not implemented for order='K'.")
    return reshape(a, (a.size,), order)


def transpose(a, axes=None):
    """The axes permuted, reversed if nothing is said (`jax.numpy.transpose`)."""
    a = ensure_arraylike("transpose", a)
    order = range(len(a.shape))[::-1] if axes is None else axes
    return lax.transpose(a, tuple(canonicalize_axis(i, len(a.shape)) for i in order))


def permute_dims(a, /, axes):
    """The axes permuted (`jax.numpy.permute_dims`)."""
    return transpose(ensure_arraylike("permute_dims", a), axes)


def matrix_transpose(x, /):
    """The last two axes exchanged (`jax.numpy.matrix_transpose`)."""
    x = ensure_arraylike("matrix_transpose", x)
    if len(x.shape) < 2:
        raise ValueError(f"x must be at least two-dimensional for matrix_transpose; got ndim={len(x.shape)}")
    return swapaxes(x, -1, -2)


def swapaxes(a, axis1, axis2):
    """Two axes exchanged (`jax.numpy.swapaxes`)."""
    a = ensure_arraylike("swapaxes", a)
    order = list(range(len(a.shape)))
    one, two = canonicalize_axis(axis1, len(order)), canonicalize_axis(axis2, len(order))
    order[one], order[two] = order[two], order[one]
    return lax.transpose(a, tuple(order))


def moveaxis(a, source, destination):
    """Axes moved to other places, the others kept in order (`jax.numpy.moveaxis`)."""
    a = ensure_arraylike("moveaxis", a)
    ndim = len(a.shape)
    source = tuple(canonicalize_axis(i, ndim) for i in _tuple(source))
    destination = tuple(canonicalize_axis(i, ndim) for i in _tuple(destination))
    if len(source) != len(destination):
        raise ValueError(f"Inconsistent number of elements: {len(source)} vs {len(destination)}")
    order = [i for i in range(ndim) if i not in source]
    for place, axis in sorted(zip(destination, source)):
        order.insert(place, axis)
    return lax.transpose(a, tuple(order))


def rollaxis(a, axis, start=0):
    """An axis moved backwards until it is before `start` (`jax.numpy.rollaxis`)."""
    a = ensure_arraylike("rollaxis", a)
    ndim = len(a.shape)
    axis = canonicalize_axis(axis, ndim)
    if not -ndim <= start <= ndim:
        raise ValueError(f"start={start!r} must satisfy {-ndim}<=start<={ndim}")
    start = start + ndim if start < 0 else start
    return moveaxis(a, axis, start - 1 if start > axis else start)


def expand_dims(a, axis):
    """New axes of size 1 (`jax.numpy.expand_dims`)."""
    a = ensure_arraylike("expand_dims", a)
    axes = _tuple(axis)
    return _expand_dims(a, canonicalize_axis_tuple(axes, len(a.shape) + len(axes)))


def squeeze(a, axis: Axis = None):
    """Axes of size 1 removed, all of them if nothing is said (`jax.numpy.squeeze`)."""
    a = ensure_arraylike("squeeze", a)
    if axis is None:
        axes = tuple(i for i, d in enumerate(a.shape) if d == 1)
    else:
        axes = canonicalize_axis_tuple(_tuple(axis), len(a.shape))
    return lax.squeeze(a, axes)


def _at_least(ndim: int) -> Callable:
    def function(*arys):
        check_arraylike(function.__name__, *arys)
        results = [_with_rank(as_array(x), ndim) for x in arys]
        return results[0] if len(results) == 1 else results

    function.__name__ = function.__qualname__ = f"atleast_{ndim}d"
    function.__doc__ = f"Arrays with {ndim} axes or more, new ones of size 1 (`jax.numpy.atleast_{ndim}d`)."
    return function


def _with_rank(x: Array, ndim: int) -> Array:
    missing = ndim - len(x.shape)
    if missing <= 0:
        return x
    # A vector becomes the middle axis of three, a matrix the first two.
    new = {(3, 1): (0, 2), (3, 2): (2,)}.get((ndim, len(x.shape)), range(missing))
    return _expand_dims(x, new)


atleast_1d, atleast_2d, atleast_3d = _at_least(1), _at_least(2), _at_least(3)


def flip(m, axis: Axis = None):
    """The elements in reverse order along axes, all of them if nothing is said (`jax.numpy.flip`)."""
    m = ensure_arraylike("flip", m)
    axes = canonicalize_axis_tuple(None if axis is None else _tuple(axis), len(m.shape))
    return lax.rev(m, axes)


def fliplr(m):
    """The columns in reverse order (`jax.numpy.fliplr`)."""
    return flip(m, 1)


def flipud(m):
    """The rows in reverse order (`jax.numpy.flipud`)."""
    return flip(m, 0)


def rot90(m, k=1, axes=(0, 1)):
    """Turned k times by 90 degrees, from the first of the axes to the second (`jax.numpy.rot90`)."""
    m = ensure_arraylike("rot90", m)
    ndim = len(m.shape)
    if ndim < 2:
        raise ValueError(
            "rot90 requires its first argument to have ndim at least two, but got first argument of shape"
            f" {m.shape}, which has ndim {ndim}"
        )
    one, two = (canonicalize_axis(a, ndim) for a in axes)
    if one == two:
        raise ValueError("Axes must be different")
    turns = k % 4
    if turns == 0:
        return m
    if turns == 2:
        return flip(flip(m, one), two)
    return swapaxes(flip(m, two), one, two) if turns == 1 else flip(swapaxes(m, one, two), two)


# ---------------------------------------------------------------------------------------------------------------------
# Joining and splitting


def concatenate(arrays, axis=0, dtype=None):
    """Arrays one after the other along an axis they have (`jax.numpy.concatenate`); flattened for None.

    >>> concatenate([np.arange(2), np.arange(3)])
    Array([0, 1, 0, 1, 2], dtype=int32)
    """
    arrays = _arrays("concatenate", arrays)
    if not arrays:
        raise ValueError("Need at least one array to concatenate.")
    if axis is None:
        arrays, axis = [ravel(a) for a in arrays], 0
    if not arrays[0].shape:
        raise ValueError("Zero-dimensional arrays cannot be concatenated.")
    axis = canonicalize_axis(axis, len(arrays[0].shape))
    arrays = promote_dtypes(*arrays) if dtype is None else [asarray(a, dtype) for a in arrays]
    return lax.concatenate(arrays, axis)


def concat(arrays, /, *, axis=0):
    """As `concatenate` (`jax.numpy.concat`)."""
    return concatenate(arrays, axis)


def stack(arrays, axis=0, out=None, dtype=None):
    """Arrays of one shape joined along a new axis (`jax.numpy.stack`).

    >>> stack([np.arange(2), np.arange(2)]).shape
    (2, 2)
    """
    check_no_out("stack", out)
    arrays = _arrays("stack", arrays)
    if not arrays:
        raise ValueError("Need at least one array to stack.")
    arrays = promote_dtypes(*arrays) if dtype is None else [asarray(a, dtype) for a in arrays]
    return lax.stack(arrays, axis=axis)


def vstack(tup, dtype=None):
    """Arrays as rows, one below the other (`jax.numpy.vstack`)."""
    return concatenate([atleast_2d(a) for a in _arrays("vstack", tup)], 0, dtype)


def hstack(tup, dtype=None):
    """Arrays side by side (`jax.numpy.hstack`)."""
    arrays = [atleast_1d(a) for a in _arrays("hstack", tup)]
    return concatenate(arrays, 0 if len(arrays[0].shape) == 1 else 1, dtype)


def dstack(tup, dtype=None):
    """Arrays one behind the other, along a third axis (`jax.numpy.dstack`)."""
    return concatenate([atleast_3d(a) for a in _arrays("dstack", tup)], 2, dtype)


def column_stack(tup):
    """Vectors as columns, beside matrices (`jax.numpy.column_stack`)."""
    arrays = _arrays("column_stack", tup)
    return concatenate([transpose(atleast_2d(a)) if len(a.shape) < 2 else a for a in arrays], 1)


def block(arrays):
    """An array put together from nested lists of blocks (`jax.numpy.block`)."""
    return _block(arrays)[0]


def _block(blocks: Any) -> tuple[Array, int]:
    """The array, and how deep the lists were nested."""
    if isinstance(blocks, tuple):
        raise ValueError(f"jax.numpy.block does not allow tuples, got {blocks}")
    if not isinstance(blocks, list):
        return asarray(blocks), 1
    if not blocks:
        raise ValueError("jax.numpy.block does not allow empty list arguments")
    parts, depths = zip(*map(_block, blocks))
    if len(set(depths)) > 1:
        raise ValueError("Mismatched list depths in jax.numpy.block")
    rank = max(depths[0], max(len(x.shape) for x in parts))
    parts = [_expand_dims(x, range(rank - len(x.shape))) for x in parts]
    return concatenate(parts, -depths[0]), depths[0] + 1


def append(arr, values, axis=None):
    """`values` behind `arr` (`jax.numpy.append`); both flattened unless there is an axis."""
    if axis is None:
        return concatenate([ravel(arr), ravel(values)], 0)
    return concatenate([arr, values], axis)


def unstack(x, /, *, axis=0):
    """The slices along an axis, as a tuple (`jax.numpy.unstack`)."""
    x = ensure_arraylike("unstack", x)
    return tuple(lax.unstack(x, canonicalize_axis(axis, len(x.shape))))


def _split(name: str, ary: Any, indices_or_sections: Any, axis: int) -> list[Array]:
    ary = ensure_arraylike(name, ary)
    axis = canonicalize_axis(axis, len(ary.shape))
    size = ary.shape[axis]
    if np.ndim(indices_or_sections) > 0:
        bounds = [0, *map(operator.index, indices_or_sections), size]
        sizes = [stop - start for start, stop in zip(bounds, bounds[1:])]
    else:
        sections = operator.index(indices_or_sections)
        part, rest = divmod(size, sections)
        if rest and name != "array_split":
            raise ValueError(f"array split does not result in an equal division: rest is {rest}")
        sizes = [part + 1] * rest + [part] * (sections - rest)
    return list(lax.split(ary, tuple(sizes), axis))


def split(ary, indices_or_sections, axis=0):
    """Equal parts along an axis, or parts between indices (`jax.numpy.split`)."""
    return _split("split", ary, indices_or_sections, axis)


def array_split(ary, indices_or_sections, axis=0):
    """As `split`; the parts may differ in size by one (`jax.numpy.array_split`)."""
    return _split("array_split", ary, indices_or_sections, axis)


def vsplit(ary, indices_or_sections):
    """`split` along the rows (`jax.numpy.vsplit`)."""
    return _split("vsplit", ary, indices_or_sections, 0)


def hsplit(ary, indices_or_sections):
    """`split` along the columns (`jax.numpy.hsplit`)."""
    return _split("hsplit", ary, indices_or_sections, 0 if len(as_array(ary).shape) == 1 else 1)


def dsplit(ary, indices_or_sections):
    """`split` along the third axis (`jax.numpy.dsplit`)."""
    return _split("dsplit", ary, indices_or_sections, 2)


# ---------------------------------------------------------------------------------------------------------------------
# Repeating, rolling, padding


def tile(A, reps):
    """The array repeated along each axis (`jax.numpy.tile`)."""
    A = ensure_arraylike("tile", A)
    reps = _tuple(reps)
    reps = (1,) * (len(A.shape) - len(reps)) + reps
    return lax.tile(_expand_dims(A, range(len(reps) - len(A.shape))), reps)


def repeat(a, repeats, axis=None, *, total_repeat_length=None, out_sharding=None):
    """Every element, or slice along an axis, several times (`jax.numpy.repeat`).

    repeats: a number, or one for each slice. Where it is traced, `total_repeat_length` gives the result's size.

    >>> repeat(np.arange(3), 2)
    Array([0, 0, 1, 1, 2, 2], dtype=int32)
    """
    check_arraylike("repeat", a, repeats)
    a = asarray(a)
    a, axis = (ravel(a), 0) if axis is None else (a, axis)
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
    # The slice at a place is the first whose run ends behind it; behind the last run, the last slice.
    places = arange(total_repeat_length)
    found = reductions.sum(_expand_dims(ends, [1]) <= _expand_dims(places, [0]), 0, dtype=default_int_dtype())
    return take(a, ew.min_p.bind(found, const(found, max(size - 1, 0))), axis)


def _repeat_each(a: Array, repeats: int, axis: int) -> Array:
    shape = a.shape
    wide = (*shape[: axis + 1], repeats, *shape[axis + 1 :])
    a = broadcast_in_dim(a, wide, tuple(i for i in range(len(wide)) if i != axis + 1))
    return reshape(a, (*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :]))


def roll(a, shift, axis=None):
    """Elements moved along an axis, those behind the end to the start (`jax.numpy.roll`)."""
    a = ensure_arraylike("roll", a)
    if axis is None:
        return reshape(roll(ravel(a), shift, 0), a.shape)
    axes = tuple(canonicalize_axis(i, len(a.shape)) for i in _tuple(axis))
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


def resize(a, new_shape):
    """The elements, again and again, in another shape (`jax.numpy.resize`)."""
    a = ravel(ensure_arraylike("resize", a))
    shape = canonicalize_shape(new_shape)
    size = math.prod(shape)
    if a.size == 0 or size == 0:
        return zeros_like(a, shape=shape)
    return reshape(tile(a, -(-size // a.size))[:size], shape)


_PAD_OPTIONS = {
    "constant": ("constant_values",),
    "edge": (),
    "wrap": (),
    "empty": (),
    "linear_ramp": ("end_values",),
    "reflect": ("reflect_type",),
    "symmetric": ("reflect_type",),
    "maximum": ("stat_length",),
    "minimum": ("stat_length",),
    "mean": ("stat_length",),
    "median": ("stat_length",),
}


def pad(array, pad_width, mode="constant", **kwargs):
    """Elements added before and behind along every axis (`jax.numpy.pad`).

    pad_width: (before, behind), or one such pair for each axis, or a number. mode: "constant" (`constant_values`),
    "edge", "wrap", "reflect", "symmetric" (`reflect_type`), "linear_ramp" (`end_values`), "empty", or "maximum",
    "minimum", "mean", "median" (`stat_length`).

    >>> pad(np.arange(2), 1)
    Array([0, 0, 1, 0], dtype=int32)
    """
    a = ensure_arraylike("pad", array)
    widths = _pairs(pad_width, len(a.shape), "pad_width")
    if any(type(w) is not int for pair in widths for w in pair):
        raise TypeError("`pad_width` must be of integral type.")
    if any(w < 0 for pair in widths for w in pair):
        raise ValueError("index can't contain negative values")
    if not isinstance(mode, str) or mode not in _PAD_OPTIONS:
        raise NotImplementedError(f"Unimplemented padding mode '{mode}' for np.pad.")
    unsupported = set(kwargs) - set(_PAD_OPTIONS[mode])
    if unsupported:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {unsupported}")
    if not a.shape:
        return a
    if mode == "constant":
        return _pad_constant(a, widths, kwargs.get("constant_values", 0))
    ends = _pairs(kwargs.get("end_values", 0), len(a.shape), "end_values")
    lengths = kwargs.get("stat_length")
    lengths = None if lengths is None else _pairs(lengths, len(a.shape), "stat_length")
    for axis, (before, behind) in enumerate(widths):
        if a.shape[axis] == 0 and mode != "empty":
            if before or behind:
                raise ValueError(f"Cannot apply '{mode}' padding to empty axis")
            continue
        if mode in ("reflect", "symmetric"):
            a = _pad_mirrored(a, axis, before, behind, mode, kwargs.get("reflect_type", "even"))
        elif mode == "wrap":
            a = _pad_wrapped(a, axis, before, behind)
        elif mode == "linear_ramp":
            a = _pad_ramp(a, axis, before, behind, ends[axis])
        else:
            first, last = _pad_slices(a, axis, mode, None if lengths is None else lengths[axis])
            a = lax.concatenate([repeat(first, before, axis), a, repeat(last, behind, axis)], axis)
    return a


def _pairs(values: Any, ndim: int, name: str) -> tuple[tuple[Any, Any], ...]:
    """(before, behind) for every axis, from a pair for each, one pair, or one number."""
    try:
        values = np.asarray(values)
    except ValueError as error:
        raise TypeError(f"`{name}` entries must be the same shape: {values}") from error
    if values.shape not in ((ndim, 2), (1, 2), (2,), (1,), ()):
        raise ValueError(
            f"jnp.pad: {name} with nd={ndim} has unsupported shape {values.shape}. Valid shapes are ({ndim}, 2),"
            " (1, 2), (2,), (1,), or ()."
        )
    return tuple(map(tuple, np.broadcast_to(values, (ndim, 2)).tolist()))


def _pad_constant(a: Array, widths, values: Any) -> Array:
    values = convert(values, a.dtype, a.weak_type) if np.ndim(values) == 0 else asarray(values, a.dtype)
    if values.shape in ((), (1,)):
        return lax.pad(a, lax.reshape(values, ()), [(before, behind, 0) for before, behind in widths])
    values = broadcast_to(values, (len(a.shape), 2))
    for axis, (before, behind) in enumerate(widths):
        for amount, side in (((before, 0, 0), 0), ((0, behind, 0), 1)):
            if any(amount):
                config = [amount if i == axis else (0, 0, 0) for i in range(len(a.shape))]
                a = lax.pad(a, values[axis, side], config)
    return a


def _pad_slices(a: Array, axis: int, mode: str, lengths) -> tuple[Array, Array]:
    """The slices to repeat before and behind."""
    size = a.shape[axis]
    if mode == "empty":
        shape = tuple(1 if i == axis else d for i, d in enumerate(a.shape))
        return (zeros_like(a, shape=shape),) * 2
    if mode == "edge":
        return lax.slice_in_dim(a, 0, 1, axis=axis), lax.slice_in_dim(a, size - 1, size, axis=axis)
    reduce = {
        "maximum": reductions.max,
        "minimum": reductions.min,
        "mean": statistics.mean,
        "median": statistics.median,
    }
    before, behind = (size, size) if lengths is None else (min(n, size) for n in lengths)
    if before == 0 or behind == 0:
        raise ValueError("stat_length of 0 yields no value for padding")
    parts = (lax.slice_in_dim(a, 0, before, axis=axis), lax.slice_in_dim(a, size - behind, size, axis=axis))
    return tuple(_as_dtype_of(a, reduce[mode](part, axis=axis, keepdims=True)) for part in parts)


def _as_dtype_of(a: Array, x: Array) -> Array:
    if dtypes.issubdtype(a.dtype, np.integer) and dtypes.issubdtype(x.dtype, np.floating):
        x = ew.round_p.bind(x, rounding_method=1)
    return convert_element_type(x, a.dtype, a.weak_type)


def _pad_wrapped(a: Array, axis: int, before: int, behind: int) -> Array:
    size = a.shape[axis]
    (whole_before, part_before), (whole_behind, part_behind) = divmod(before, size), divmod(behind, size)
    parts = [lax.slice_in_dim(a, size - part_before, size, axis=axis)] if part_before else []
    parts += [a] * (whole_before + whole_behind + 1)
    parts += [lax.slice_in_dim(a, 0, part_behind, axis=axis)] if part_behind else []
    return lax.concatenate(parts, axis)


def _pad_ramp(a: Array, axis: int, before: int, behind: int, ends) -> Array:
    size = a.shape[axis]

    def ramp(end, edge, num):
        edge = lax.squeeze(edge, (axis,))
        values = linspace(end, edge, num, endpoint=False, dtype=a.dtype, axis=axis)
        return convert_element_type(values, a.dtype, a.weak_type)

    first = ramp(ends[0], lax.slice_in_dim(a, 0, 1, axis=axis), before)
    last = ramp(ends[1], lax.slice_in_dim(a, size - 1, size, axis=axis), behind)
    return lax.concatenate([first, a, lax.rev(last, (axis,))], axis)


def _pad_mirrored(a: Array, axis: int, before: int, behind: int, mode: str, reflect_type: str) -> Array:
    """Mirrored at the edges; as often as it takes, since an axis may be shorter than its padding."""
    size = a.shape[axis]
    offset = 1 if mode == "reflect" and size > 1 else 0

    def mirror(a: Array, amount: int, in_front: bool) -> Array:
        length = a.shape[axis]
        start = offset if in_front else length - amount - offset
        x = lax.rev(lax.slice_in_dim(a, start, start + amount, axis=axis), (axis,))
        if reflect_type == "odd":
            at = 0 if in_front else length - 1
            x = 2 * lax.slice_in_dim(a, at, at + 1, axis=axis) - x
        return lax.concatenate([x, a] if in_front else [a, x], axis)

    for padding, in_front in ((before, True), (behind, False)):
        while padding > 0:
            amount = min(padding, size - offset)
            a = mirror(a, amount, in_front)
            padding -= amount
    return a


# ---------------------------------------------------------------------------------------------------------------------
# Choosing


def where(condition, x=None, y=None, /, *, size=None, fill_value=None):
    """x where the condition holds, else y (`jax.numpy.where`); with the condition alone, the places where it holds.

    >>> where(np.array([True, False]), 1.0, 2.0)
    Array([1., 2.], dtype=float32, weak_type=True)
    """
    if x is None and y is None:
        return nonzero(condition, size=size, fill_value=fill_value)
    if size is not None or fill_value is not None:
        raise ValueError("size and fill_value arguments cannot be used in three-term where function.")
    if x is None or y is None:
        raise ValueError(
            f"Either both or neither of the x and y arguments should be provided to jax.numpy.where, got {x} and {y}."
        )
    return _where(condition, x, y)


def select(condlist, choicelist, default=0):
    """The choice of the first condition that holds, else the default (`jax.numpy.select`)."""
    if len(condlist) != len(choicelist):
        raise ValueError(f"condlist must have length equal to choicelist ({len(condlist)} vs {len(choicelist)})")
    if not condlist:
        raise ValueError("condlist must be non-empty")
    check_arraylike("select", *condlist, *choicelist, default)
    default, *choices = promote_dtypes(*map(asarray, (default, *choicelist)))
    for condition, choice in zip(reversed(condlist), reversed(choices)):
        default = _where(condition, choice, default)
    return default


def choose(a, choices, out=None, mode="raise"):
    """From each of several arrays, the elements whose place in `a` has its number (`jax.numpy.choose`)."""
    check_no_out("choose", out)
    check_arraylike("choose", a, *choices)
    a = asarray(a)
    if not dtypes.issubdtype(a.dtype, np.integer):
        raise ValueError("`a` array must be integer typed")
    count = len(choices)
    if mode == "raise":
        known = a._concrete(errors.concretization, "jnp.choose with mode='raise'") if isinstance(a, Tracer) else a
        if ((np.asarray(known) < 0) | (np.asarray(known) >= count)).any():
            raise ValueError("invalid entry in choice array")
    elif mode == "wrap":
        a = a % count
    elif mode == "clip":
        a = ew.clamp_p.bind(const(a, 0), a, const(a, count - 1))
    else:
        raise ValueError(f"mode={mode!r} not understood. Must be 'raise', 'wrap', or 'clip'")
    index, *arrays = broadcast_arrays(a, *promote_dtypes(*map(asarray, choices)))
    return ew.select_n_p.bind(convert_element_type(index, np.dtype("int32")), *arrays)


def compress(condition, a, axis=None, *, size=None, fill_value=0, out=None):
    """The slices along an axis for which the condition holds (`jax.numpy.compress`)."""
    check_no_out("compress", out)
    check_arraylike("compress", condition, a)
    condition, a = to_bool(asarray(condition)), asarray(a)
    if len(condition.shape) != 1:
        raise ValueError("condition must be a 1D array")
    a, axis = (ravel(a), 0) if axis is None else (a, canonicalize_axis(axis, len(a.shape)))
    a = moveaxis(a, axis, 0)
    length = a.shape[0]
    if size is None:
        # How many slices there are depends on the condition, which so must be known.
        known = (
            condition._concrete(errors.concretization, "jnp.compress") if isinstance(condition, Tracer) else condition
        )
        places = np.flatnonzero(np.asarray(known))
        if places.size and places[-1] >= length:
            raise ValueError("condition contains entries that are out of bounds")
        return moveaxis(take(a, places.astype(np.int32), 0), 0, axis)
    if not 0 <= size <= length:
        raise ValueError(
            "size must be positive and not greater than the size of the array axis; got"
            f" size={size!r} for a.shape[axis]={length}"
        )
    condition = condition[:length]
    a = a[: condition.shape[0]]
    a = _where(_expand_dims(condition, range(1, len(a.shape))), a, convert(fill_value, a.dtype))
    # The chosen slices first, each group in its order.
    order = lax.sort_key_val(ew.not_p.bind(condition), arange(condition.shape[0]))[1]
    return moveaxis(take(a, order[:size], 0), 0, axis)


def extract(condition, arr, *, size=None, fill_value=0):
    """The elements for which the condition holds (`jax.numpy.extract`)."""
    return compress(ravel(condition), ravel(arr), size=size, fill_value=fill_value)


def nonzero(a, *, size=None, fill_value=None):
    """The indices of the elements that are not zero, a vector for each axis (`jax.numpy.nonzero`).

    How many there are depends on the values: under a transformation `size` must say it. What is missing is filled with
    `fill_value`, 0 if there is none.

    >>> nonzero(np.array([0, 3, 0, 4]))
    (Array([1, 3], dtype=int32),)
    """
    a = ensure_arraylike("nonzero", a)
    if not a.shape:
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use jnp.atleast_1d(scalar).nonzero() instead.")
    mask = to_bool(a)
    if size is None:
        known = (
            mask._concrete(errors.concretization, "jnp.nonzero (give it `size=`)") if isinstance(mask, Tracer) else mask
        )
        size = int(np.count_nonzero(np.asarray(known)))
    size = operator.index(size)
    if a.size == 0 or size == 0:
        return tuple(zeros(size, int) for _ in a.shape)
    flat = ravel(mask)
    ends = cumulative.cumsum(flat)
    # The place of the k-th true element is the number of places up to which fewer than k are true.
    counts = zeros(size, int).at[ends].add(1, mode="drop")
    places = cumulative.cumsum(counts)
    strides = [math.prod(a.shape[i + 1 :]) for i in range(len(a.shape))]
    indices = [places // stride % d for stride, d in zip(strides, a.shape)]
    if fill_value is None:
        return tuple(indices)
    fills = fill_value if isinstance(fill_value, tuple) else (fill_value,) * len(indices)
    if any(np.shape(f) != () for f in fills):
        raise ValueError(f"fill_value must be a scalar or a tuple of length {len(a.shape)}; got {fill_value}")
    missing = arange(size) >= ends[-1]
    return tuple(_where(missing, f, i) for f, i in zip(fills, indices))


def flatnonzero(a, *, size=None, fill_value=None):
    """The indices, in the flattened array, of what is not zero (`jax.numpy.flatnonzero`)."""
    return nonzero(ravel(a), size=size, fill_value=fill_value)[0]


def argwhere(a, *, size=None, fill_value=None):
    """The indices of what is not zero, a row for each (`jax.numpy.argwhere`)."""
    a = ensure_arraylike("argwhere", a)
    places = transpose(vstack(nonzero(atleast_1d(a), size=size, fill_value=fill_value)))
    return reshape(places[:, : len(a.shape)], (places.shape[0], len(a.shape)))


# ---------------------------------------------------------------------------------------------------------------------
# Diagonals and index arithmetic


def diagonal(a, offset=0, axis1=0, axis2=1):
    """The diagonal of two axes, as the last axis (`jax.numpy.diagonal`)."""
    a = ensure_arraylike("diagonal", a)
    if len(a.shape) < 2:
        raise ValueError("diagonal requires an array of at least two dimensions.")
    offset = operator.index(offset)
    rows, columns = a.shape[axis1], a.shape[axis2]
    a = moveaxis(a, (axis1, axis2), (-2, -1))
    size = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    i = arange(size)
    j = arange(abs(offset), abs(offset) + size)
    return a[..., i, j] if offset >= 0 else a[..., j, i]


def diag(v, k=0):
    """A vector on the k-th diagonal of a matrix, or the k-th diagonal of a matrix (`jax.numpy.diag`)."""
    v = ensure_arraylike("diag", v)
    k = operator.index(k)
    if len(v.shape) == 2:
        return diagonal(v, k)
    if len(v.shape) != 1:
        raise ValueError("diag input must be 1d or 2d")
    zero = ArrayImpl(np.asarray(0, v.dtype), v.weak_type)
    size = v.shape[0] + abs(k)
    v = lax.pad(v, zero, [(max(0, -k), max(0, k), 0)])
    return _where(eye(size, k=k, dtype=bool), _expand_dims(v, [1]), zero)


def diagflat(v, k=0):
    """All elements on the k-th diagonal of a matrix (`jax.numpy.diagflat`)."""
    return diag(ravel(v), k)


def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """The sum of a diagonal (`jax.numpy.trace`)."""
    a = ensure_arraylike("trace", a)
    check_no_out("trace", out)
    rows, columns = a.shape[axis1], a.shape[axis2]
    if canonicalize_axis(axis1, len(a.shape)) == canonicalize_axis(axis2, len(a.shape)):
        raise ValueError(f"axis1 and axis2 can not be same. axis1={axis1} and axis2={axis2}")
    a = moveaxis(a, (axis1, axis2), (-2, -1))
    on_diagonal = _where(eye(rows, columns, k=offset, dtype=bool), a, zeros_like(a))
    return reductions.sum(on_diagonal, axis=(-2, -1), dtype=dtype)


def diag_indices(n, ndim=2):
    """The indices of the main diagonal (`jax.numpy.diag_indices`)."""
    n, ndim = operator.index(n), operator.index(ndim)
    for name, value in (("n", n), ("ndim", ndim)):
        if value < 0:
            raise ValueError(f"{name} argument to diag_indices must be nonnegative, got {value}")
    return (arange(n),) * ndim


def diag_indices_from(arr):
    """The indices of the main diagonal of `arr` (`jax.numpy.diag_indices_from`)."""
    arr = ensure_arraylike("diag_indices_from", arr)
    if len(arr.shape) < 2:
        raise ValueError("input array must be at least 2-d")
    if len(set(arr.shape)) != 1:
        raise ValueError("All dimensions of input must be of equal length")
    return diag_indices(arr.shape[0], len(arr.shape))


def _triangle_indices(n: int, k: int, m: int | None, above: bool) -> tuple[Array, Array]:
    rows, columns = np.triu_indices(n, k, m) if above else np.tril_indices(n, k, m)
    return asarray(rows), asarray(columns)


def triu_indices(n, k=0, m=None):
    """The indices on and above the k-th diagonal of an n x m matrix (`jax.numpy.triu_indices`)."""
    return _triangle_indices(operator.index(n), operator.index(k), m, above=True)


def tril_indices(n, k=0, m=None):
    """The indices on and below the k-th diagonal of an n x m matrix (`jax.numpy.tril_indices`)."""
    return _triangle_indices(operator.index(n), operator.index(k), m, above=False)


def _matrix_shape(arr: Any) -> tuple[int, int]:
    shape = tuple(arr.shape) if hasattr(arr, "shape") else as_array(arr).shape
    if len(shape) != 2:
        raise ValueError("Only 2-D inputs are accepted")
    return shape


def triu_indices_from(arr, k=0):
    """`triu_indices` of the shape of a matrix (`jax.numpy.triu_indices_from`)."""
    rows, columns = _matrix_shape(arr)
    return triu_indices(rows, k, columns)


def tril_indices_from(arr, k=0):
    """`tril_indices` of the shape of a matrix (`jax.numpy.tril_indices_from`)."""
    rows, columns = _matrix_shape(arr)
    return tril_indices(rows, k, columns)


def fill_diagonal(a, val, wrap=False, *, inplace=True):
    """The array with `val` on its diagonal (`jax.numpy.fill_diagonal`). Arrays are immutable: pass `inplace=False`."""
    if inplace:
        raise NotImplementedError("JAX arrays are immutable, must use inplace=False")
    if wrap:
        raise NotImplementedError("wrap=True is not implemented, must use wrap=False")
    a, val = ensure_arraylike("fill_diagonal", a, val)
    if len(a.shape) < 2:
        raise ValueError("array must be at least 2-d")
    if len(a.shape) > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    n = min(a.shape)
    values = val if not val.shape else resize(ravel(val), (n,))
    return a.at[diag_indices(n, len(a.shape))].set(values)


def unravel_index(indices, shape):
    """The indices along each axis of places in the flattened array (`jax.numpy.unravel_index`)."""
    left = ensure_arraylike("unravel_index", indices)
    sizes = _tuple(shape)
    found = []
    for size in reversed(sizes):
        found.append(left % size)
        left = left // size
    beyond, before = left > 0, left < -1
    return tuple(_where(beyond, size - 1, _where(before, 0, index)) for size, index in zip(sizes, reversed(found)))


def ravel_multi_index(multi_index, dims, mode="raise", order="C", *, dtype=None):
    """The places in the flattened array of indices along each axis (`jax.numpy.ravel_multi_index`)."""
    sizes = _tuple(dims)
    if len(multi_index) != len(sizes):
        raise ValueError(f"len(multi_index)={len(multi_index)} != len(dims)={len(sizes)}")
    check_arraylike("ravel_multi_index", *multi_index)
    parts = [asarray(i) for i in multi_index]
    if any(not dtypes.issubdtype(i.dtype, np.integer) for i in parts):
        raise TypeError("only int indices permitted")
    if order not in ("C", "F"):
        raise ValueError(f"invalid order={order!r}. Expected 'C' or 'F'")
    parts = [_bring_inside(i, size, mode) for i, size in zip(parts, sizes)]
    steps = [math.prod(sizes[i + 1 :]) if order == "C" else math.prod(sizes[:i]) for i in range(len(sizes))]
    total = array(0, dtype or dtypes.result_type(int, *parts))
    for index, step in zip(parts, steps):
        total = total + convert_element_type(index, total.dtype) * step
    return total


def _bring_inside(index: Array, size: int, mode: str) -> Array:
    if mode == "raise":
        known = index
        if isinstance(index, Tracer):
            known = index._concrete(errors.concretization, "jnp.ravel_multi_index with mode='raise'")
        if ((np.asarray(known) < 0) | (np.asarray(known) >= size)).any():
            raise ValueError("invalid entry in coordinates array")
        return index
    if mode == "clip":
        return ew.clamp_p.bind(const(index, 0), index, const(index, size - 1))
    if mode == "wrap":
        return index % size
    raise ValueError(f"invalid mode={mode!r}. Expected 'raise', 'wrap' or 'clip'")
