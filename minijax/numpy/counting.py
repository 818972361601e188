"""Functions that count how often numbers occur: `bincount` and histograms."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.elementwise import convert_element_type
from ..primitives.sizes import known_value
from . import reductions
from .analysis import diff
from .creation import array, asarray, linspace, ones_like, zeros
from .diagonals import ravel_multi_index
from .grids import ix_
from .manipulation import reshape
from .sorting import searchsorted
from .util import convert, default_int_dtype, ensure_arraylike, promote_dtypes_inexact, static_int, where


def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0, *, length: int | None = None) -> Array:
    """The number of times that each of 0, 1, 2, ... occurs, or the sum of its weights (`jax.numpy.bincount`).

    Under a transformation `length` must give the result's size; numbers that do not fit are not counted.

    >>> bincount(np.array([0, 2, 2]))
    Array([1, 0, 2], dtype=int32)
    """
    x = ensure_arraylike("bincount", x)
    x = convert_element_type(x, np.dtype("int32")) if x.dtype == bool else x
    if not dtypes.issubdtype(x.dtype, np.integer):
        raise TypeError(f"x argument to bincount must have an integer type; got {x.dtype}")
    if len(x.shape) != 1:
        raise ValueError("only 1-dimensional input supported.")
    if length is None:
        known = np.asarray(known_value(x, "jnp.bincount (give it `length=`)"))
        length = max(operator.index(minlength), int(known.max()) + 1 if known.size else 0)
    weights = convert(1, default_int_dtype()) if weights is None else ensure_arraylike("bincount", weights)
    if weights.shape and weights.shape != x.shape:
        raise ValueError(f"shape of weights must match shape of x, got {weights.shape} and {x.shape}")
    counts = zeros(static_int(length, "jnp.bincount's length"), weights.dtype)
    return counts.at[ew.max_p.bind(const(x, 0), x)].add(weights, mode="drop")


def histogram_bin_edges(
    a: ArrayLike,
    bins: ArrayLike | str = 10,
    range: ArrayLike | Sequence[int | float] | None = None,
    weights: ArrayLike | None = None,
) -> Array:
    """The edges of equal bins over the range of the data (`jax.numpy.histogram_bin_edges`).

    >>> import minijax.numpy as jnp
    >>> jnp.histogram_bin_edges(jnp.array([1.0, 3.0]), bins=2)
    Array([1., 2., 3.], dtype=float32)
    """
    if isinstance(bins, str):
        raise NotImplementedError("string values for `bins` not implemented.")
    a = ensure_arraylike("histogram_bin_edges", a)
    dtype = dtypes.to_inexact_dtype(a.dtype)
    if np.ndim(bins) == 1:
        return asarray(bins, dtype)
    ends = asarray([reductions.min(a), reductions.max(a)] if range is None else range, dtype)
    if ends.shape != (2,):
        raise ValueError(f"`range` must be either None or a sequence of scalars, got {range}")
    low = where(reductions.ptp(ends) == 0, ends[0] - 0.5, ends[0])
    high = where(reductions.ptp(ends) == 0, ends[1] + 0.5, ends[1])
    return linspace(low, high, static_int(bins, "jnp.histogram's bins") + 1, dtype=dtype)


def histogram(
    a: ArrayLike,
    bins: ArrayLike | str = 10,
    range: ArrayLike | Sequence[int | float] | None = None,
    weights: ArrayLike | None = None,
    density: bool | None = None,
) -> tuple[Array, Array]:
    """(number of elements in each bin, edges of the bins) (`jax.numpy.histogram`).

    >>> import minijax.numpy as jnp
    >>> jnp.histogram(jnp.array([1.0, 2.0, 2.0]), bins=2)[0]
    Array([1., 2.], dtype=float32)
    """
    if weights is None:
        (a,) = promote_dtypes_inexact(ensure_arraylike("histogram", a))
        weights = ones_like(a)
    else:
        a, weights = ensure_arraylike("histogram", a, weights)
        if a.shape != weights.shape:
            raise ValueError(
                f"jnp.histogram: weights should have the same shape as a, got {weights.shape} and {a.shape}."
            )
        a, weights = promote_dtypes_inexact(a, weights)
    edges = histogram_bin_edges(a, bins, range, weights)
    places = searchsorted(edges, a, "right")
    # The last bin includes its right edge.
    places = where(a == edges[-1], edges.shape[0] - 1, places)
    counts = zeros(edges.shape[0], weights.dtype).at[places].add(weights)[1:]
    if density:
        counts = counts / diff(edges) / reductions.sum(counts)
    return counts, edges


def histogramdd(
    sample: ArrayLike,
    bins: Any = 10,
    range: Sequence[Any] | None = None,
    weights: ArrayLike | None = None,
    density: bool | None = None,
) -> tuple[Array, list[Array]]:
    """(number of points in each bin, edges of the bins along each axis) of points in several dimensions, one in each row
    (`jax.numpy.histogramdd`).

    bins: a number or edges, for all axes, or a list with one of them for each. range: (low, high) or None, for each axis. Raises
    ValueError if they do not fit the number of dimensions, or the weights the number of points.

    >>> histogramdd(np.float32([[0, 0], [1, 1], [1, 0]]), bins=2)[0]
    Array([[1, 0],
           [1, 1]], dtype=int32)
    """
    if weights is None:
        (sample,) = promote_dtypes_inexact(ensure_arraylike("histogramdd", sample))
    else:
        sample, weights = ensure_arraylike("histogramdd", sample, weights)
        if weights.shape != sample.shape[:1]:
            raise ValueError("should have one weight for each sample.")
        sample, weights = promote_dtypes_inexact(sample, weights)
    if len(sample.shape) != 2:
        raise ValueError(f"histogramdd takes a table with a point in each row, got shape {sample.shape}.")
    D = sample.shape[1]
    ranges = [None] * D if range is None else list(range)
    if len(ranges) != D or any(r is not None and np.shape(r)[0] != 2 for r in ranges):
        raise ValueError(f"range must be a sequence of {D} pairs or Nones; got range={range!r}")
    counts = list(bins) if np.iterable(bins) else [bins] * D
    if len(counts) != D:
        raise ValueError("should be a bin for each dimension.")
    edges, places = [], []
    for i, count in enumerate(counts):
        edges.append(histogram_bin_edges(sample[:, i], count, ranges[i], weights))
        place = searchsorted(edges[i], sample[:, i], side="right")
        # The last bin includes its right edge. The first and the last place count what lies outside.
        places.append(where(sample[:, i] == edges[i][-1], place - 1, place))
    shape = tuple(e.shape[0] + 1 for e in edges)
    widths = [diff(e) for e in edges]
    flat = ravel_multi_index(tuple(places), shape, mode="clip")
    found = reshape(bincount(flat, weights, length=math.prod(shape)), shape)[(slice(1, -1),) * D]
    if density:
        found = convert_element_type(found, sample.dtype)
        found = found / reductions.sum(found)
        for width in ix_(*widths):
            found = found / width
    return found, edges


def histogram2d(
    x: ArrayLike,
    y: ArrayLike,
    bins: Any = 10,
    range: Sequence[Any] | None = None,
    weights: ArrayLike | None = None,
    density: bool | None = None,
) -> tuple[Array, Array, Array]:
    """(number of points (x, y) in each bin, edges along x, edges along y) (`jax.numpy.histogram2d`).

    bins: a number, edges for both axes, or a list of two.

    >>> histogram2d(np.float32([0, 1, 1]), np.float32([0, 1, 0]), bins=2)[0]
    Array([[1, 0],
           [1, 1]], dtype=int32)
    """
    x, y = ensure_arraylike("histogram2d", x, y)
    if np.iterable(bins) and len(bins) not in (1, 2):
        bins = [asarray(bins)] * 2
    found, edges = histogramdd(array([x, y]).T, bins, range, weights, density)
    return found, edges[0], edges[1]
