"""`pad` and its modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives.elementwise import convert_element_type
from ..primitives.sizes import known_value
from . import quantiles, reductions, statistics, ufuncs
from .creation import asarray, linspace, zeros_like
from .repeating import repeat
from .util import convert, ensure_arraylike, in_order, to_shape
from .vectorize import apply_along_axis

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


def pad(
    array: ArrayLike,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]] | ArrayLike,
    mode: str | Callable[..., Any] = "constant",
    **kwargs: Any,
) -> Array:
    """The array with elements added before and behind it along every axis (`jax.numpy.pad`).

    pad_width: (before, behind), or one such pair for each axis, or a number. mode: "constant" (`constant_values`),
    "edge", "wrap", "reflect", "symmetric" (`reflect_type`), "linear_ramp" (`end_values`), "empty", or "maximum",
    "minimum", "mean", "median" (`stat_length`), or a function (vector, (before, behind), axis, options) -> vector, which gets each
    row, column, ... of the array with zeros around it, and returns it with the padding.

    >>> pad(np.arange(2), 1)
    Array([0, 0, 1, 0], dtype=int32)
    """
    a = ensure_arraylike("pad", array)
    widths = _pairs(_known(pad_width), len(a.shape), "pad_width")
    if any(type(w) is not int for pair in widths for w in pair):
        raise TypeError(f"jnp.pad: `pad_width` must be of integral type, got {pad_width}.")
    if any(w < 0 for pair in widths for w in pair):
        raise ValueError(f"jnp.pad: index can't contain negative values, got {widths}")
    if callable(mode):
        return _pad_by(mode, a, widths, kwargs)
    if not isinstance(mode, str) or mode not in _PAD_OPTIONS:
        raise NotImplementedError(f"Unimplemented padding mode '{mode}' for np.pad.")
    unsupported = set(kwargs) - set(_PAD_OPTIONS[mode])
    if unsupported:
        raise ValueError(f"jnp.pad: unsupported keyword arguments for mode '{mode}': {unsupported}")
    if not a.shape:
        return a
    if mode == "constant":
        return _pad_constant(a, widths, kwargs.get("constant_values", 0))
    ends = _pairs(kwargs.get("end_values", 0), len(a.shape), "end_values")
    lengths = kwargs.get("stat_length")
    lengths = None if lengths is None else _pairs(lengths, len(a.shape), "stat_length")
    for axis, (before, behind) in enumerate(widths):
        # The mean of no numbers is NaN.
        if a.shape[axis] == 0 and mode not in ("empty", "mean"):
            if before or behind:
                raise ValueError(f"Cannot apply '{mode}' padding to empty axis")
            continue
        if mode in ("reflect", "symmetric"):
            a = _pad_mirrored(a, axis, before, behind, mode, kwargs.get("reflect_type", "even"))
        elif mode == "wrap":
            a = _pad_wrapped(a, axis, before, behind)
        elif mode == "linear_ramp":
            a = _pad_ramp(a, axis, before, behind, ends[axis])
        elif mode == "empty":
            sizes = [tuple(n if i == axis else d for i, d in enumerate(a.shape)) for n in (before, behind)]
            first, last = (zeros_like(a, shape=shape) for shape in sizes)
            a = lax.concatenate([first, a, last], axis)
        elif mode == "edge":
            n = a.shape[axis]
            first = repeat(lax.slice_in_dim(a, 0, 1, axis=axis), before, axis)
            last = repeat(lax.slice_in_dim(a, n - 1, n, axis=axis), behind, axis)
            a = lax.concatenate([first, a, last], axis)
        else:
            first, last = _statistics(a, axis, mode, None if lengths is None else lengths[axis])
            a = lax.concatenate([repeat(first, before, axis), a, repeat(last, behind, axis)], axis)
    return a


def _pad_by(function: Callable[..., Any], a: Array, widths, options: dict) -> Array:
    padded = _pad_constant(a, widths, 0)
    for axis in range(len(a.shape)):
        padded = apply_along_axis(function, axis, padded, widths[axis], axis, options)
    return padded


def _known(widths: Any) -> Any:
    """The same numbers. Raises ConcretizationTypeError for a tracer without a known value."""
    if isinstance(widths, (list, tuple)):
        # A tuple stays one: an error shows what the caller gave.
        return tuple(map(_known, widths)) if isinstance(widths, tuple) else list(map(_known, widths))
    return known_value(widths, "pad_width of jnp.pad")


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
    in_order((a,))
    values = convert(asarray(values), a.dtype, a.weak_type)
    if values.shape in ((), (1,)):
        value = lax.squeeze(values, range(len(values.shape)))
        return lax.pad(a, value, [(before, behind, 0) for before, behind in widths])
    values = to_shape(values, (len(a.shape), 2))
    for axis, (before, behind) in enumerate(widths):
        for amount, side in (((before, 0, 0), 0), ((0, behind, 0), 1)):
            if any(amount):
                config = [amount if i == axis else (0, 0, 0) for i in range(len(a.shape))]
                a = lax.pad(a, values[axis, side], config)
    return a


def _statistics(a: Array, axis: int, mode: str, lengths) -> tuple[Array, Array]:
    """(the slice to repeat before the array, the slice to repeat behind it): a statistic of so many elements at each end."""
    size = a.shape[axis]
    reduce = {
        "maximum": reductions.max,
        "minimum": reductions.min,
        "mean": statistics.mean,
        "median": quantiles.median,
    }[mode]
    if lengths is None:
        found = (reduce(a, axis=axis, keepdims=True),) * 2
    else:
        if 0 in lengths:
            raise ValueError("jnp.pad: stat_length of 0 yields no value for padding")
        before, behind = (min(n, size) for n in lengths)
        parts = (lax.slice_in_dim(a, 0, before, axis=axis), lax.slice_in_dim(a, size - behind, size, axis=axis))
        found = tuple([reduce(part, axis=axis, keepdims=True) for part in parts])
    if dtypes.issubdtype(a.dtype, np.integer):
        found = tuple([ufuncs.round(x) for x in found])
    return tuple([convert_element_type(x, a.dtype, a.weak_type) for x in found])


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

    first, last = lax.slice_in_dim(a, 0, 1, axis=axis), lax.slice_in_dim(a, size - 1, size, axis=axis)
    first, last = ramp(ends[0], first, before), ramp(ends[1], last, behind)
    return lax.concatenate([first, a, lax.rev(last, (axis,))], axis)


def _pad_mirrored(a: Array, axis: int, before: int, behind: int, mode: str, reflect_type: str) -> Array:
    """The array with its mirror images added at the edges, again and again: the padding may be longer than the axis."""
    size = a.shape[axis]
    offset = 1 if mode == "reflect" and size > 1 else 0

    def edge_of(x: Array, in_front: bool) -> Array:
        at = 0 if in_front else x.shape[axis] - 1
        return lax.slice_in_dim(x, at, at + 1, axis=axis)

    for padding, in_front in ((before, True), (behind, False)) if before or behind else ():
        edge = edge_of(a, in_front)
        while padding > 0:
            amount = min(padding, size - offset)
            start = offset if in_front else a.shape[axis] - amount - offset
            x = lax.rev(lax.slice_in_dim(a, start, start + amount, axis=axis), (axis,))
            if reflect_type == "odd":
                x = 2 * edge - x
                edge = edge_of(x, in_front) if size > 1 else edge
            a = lax.concatenate([x, a] if in_front else [a, x], axis)
            padding -= amount
    return a
