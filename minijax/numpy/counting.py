"""Functions that count how often numbers occur: `bincount` and histograms."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from ..core.traces import Array, Tracer
from ..core.types import ArrayLike
from ..foundation import dtypes, errors
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.elementwise import convert_element_type
from . import reductions
from .analysis import diff
from .creation import asarray, linspace, ones_like, zeros
from .sorting import searchsorted
from .util import convert, default_int_dtype, ensure_arraylike, promote_dtypes_inexact, where


def known_value(x: Array, where_: str) -> Array:
    """The array itself. Raises ConcretizationTypeError for a tracer without a known value."""
    return x._concrete(errors.concretization, where_) if isinstance(x, Tracer) else x


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
        length = max(operator.index(minlength), int(known.max(initial=-1)) + 1)
    weights = convert(1, default_int_dtype()) if weights is None else ensure_arraylike("bincount", weights)
    if weights.shape and weights.shape != x.shape:
        raise ValueError(f"shape of weights must match shape of x, got {weights.shape} and {x.shape}")
    places = ew.max_p.bind(const(x, 0), x)
    return zeros(operator.index(length), weights.dtype).at[places].add(weights, mode="drop")


def histogram_bin_edges(
    a: ArrayLike,
    bins: ArrayLike | str = 10,
    range: ArrayLike | Sequence[int | float] | None = None,
    weights: ArrayLike | None = None,
) -> Array:
    """The edges of equal bins over the range of the data (`jax.numpy.histogram_bin_edges`)."""
    if isinstance(bins, str):
        raise NotImplementedError("string values for `bins` not implemented.")
    a = ensure_arraylike("histogram_bin_edges", a)
    dtype = dtypes.to_inexact_dtype(a.dtype)
    if np.ndim(bins) == 1:
        return asarray(bins, dtype)
    low, high = (reductions.min(a), reductions.max(a)) if range is None else range
    low, high = convert(low, dtype), convert(high, dtype)
    same = low == high
    return linspace(where(same, low - 0.5, low), where(same, high + 0.5, high), operator.index(bins) + 1, dtype=dtype)


def histogram(
    a: ArrayLike,
    bins: ArrayLike | str = 10,
    range: ArrayLike | Sequence[int | float] | None = None,
    weights: ArrayLike | None = None,
    density: bool | None = None,
) -> tuple[Array, Array]:
    """(number of elements in each bin, edges of the bins) (`jax.numpy.histogram`)."""
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
