"""Quantiles along an axis: `quantile`, `nanquantile` and all that is made of them."""

from __future__ import annotations

import math

import numpy as np

from .. import lax
from ..core.array import number
from ..core.traces import Array
from ..core.types import ArrayLike, Axis
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import const, expand_dims
from ..primitives.elementwise import convert_element_type
from .manipulation import moveaxis
from .reductions import any, static_axis, sum
from .taking import take_along_axis
from .util import (
    canonicalize_axis_tuple,
    check_hashable,
    default_int_dtype,
    ensure_arraylike,
    isnan,
    promote_dtypes_inexact,
)
from .util import where as _where

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf")


def quantile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
    interpolation: str | None = None,
) -> Array:
    """The value below which a fraction `q` of the elements lies (`jax.numpy.quantile`).

    q: a number in [0, 1], or a vector of them, which becomes the result's first axis. NaN if an element is NaN.

    >>> quantile(np.float32([1, 2, 3, 4]), 0.5)
    Array(2.5, dtype=float32)
    """
    return quantile_along("quantile", a, q, axis, out, overwrite_input, method, keepdims, weights, skip_nan=False)


def nanquantile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
    interpolation: str | None = None,
) -> Array:
    """As `quantile`, without the elements that are NaN (`jax.numpy.nanquantile`).

    >>> import minijax.numpy as jnp
    >>> jnp.nanquantile(jnp.array([1.0, jnp.nan, 3.0]), 0.5)
    Array(2., dtype=float32)
    """
    return quantile_along("nanquantile", a, q, axis, out, overwrite_input, method, keepdims, weights, skip_nan=True)


def percentile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Array:
    """`quantile` in percent (`jax.numpy.percentile`).

    >>> import minijax.numpy as jnp
    >>> jnp.percentile(jnp.array([1.0, 2.0, 3.0]), 50)
    Array(2., dtype=float32)
    """
    (q,) = promote_dtypes_inexact(ensure_arraylike("percentile", a, q)[1])
    return quantile_along(
        "percentile", a, q / 100, axis, out, overwrite_input, method, keepdims, weights, skip_nan=False
    )


def nanpercentile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Array:
    """`nanquantile` in percent (`jax.numpy.nanpercentile`).

    >>> import minijax.numpy as jnp
    >>> jnp.nanpercentile(jnp.array([1.0, jnp.nan, 3.0]), 50)
    Array(2., dtype=float32)
    """
    (q,) = promote_dtypes_inexact(ensure_arraylike("nanpercentile", a, q)[1])
    return quantile_along(
        "nanpercentile", a, q / 100, axis, out, overwrite_input, method, keepdims, weights, skip_nan=True
    )


def median(
    a: ArrayLike, axis: Axis = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    """The middle element, or the mean of the two in the middle (`jax.numpy.median`).

    >>> import minijax.numpy as jnp
    >>> jnp.median(jnp.array([1.0, 4.0, 2.0]))
    Array(2., dtype=float32)
    """
    return quantile(a, 0.5, axis, out, overwrite_input, "midpoint", keepdims)


def nanmedian(
    a: ArrayLike, axis: Axis = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    """As `median`, without the elements that are NaN (`jax.numpy.nanmedian`).

    >>> import minijax.numpy as jnp
    >>> jnp.nanmedian(jnp.array([1.0, jnp.nan, 3.0]))
    Array(2., dtype=float32)
    """
    return nanquantile(a, 0.5, axis, out, overwrite_input, "midpoint", keepdims)


def quantile_along(name, a, q, axis, out, overwrite_input, method, keepdims, weights, skip_nan):
    check_hashable(name, axis)
    a, q = ensure_arraylike(name, a, q)
    if overwrite_input or out is not None:
        raise ValueError(f"jax.numpy.{name} does not support overwrite_input=True or out != None")
    if method not in _METHODS:
        raise ValueError(f"jnp.{name}: method can only be one of {', '.join(map(repr, _METHODS))}; got {method!r}")
    if weights is None:
        (a,) = promote_dtypes_inexact(a)
    else:
        a, weights = _with_weights(name, a, ensure_arraylike(name, weights), axis, method)
    if dtypes.issubdtype(a.dtype, np.complexfloating):
        raise ValueError(f"jnp.{name}: quantile does not support complex input, as the operation is poorly defined.")
    rank = len(q.shape)
    whole, axis, turned = _one_axis(a.shape, static_axis(axis))
    a, weights = turned(a), None if weights is None else turned(weights)
    if rank > 1:
        raise ValueError(f"jnp.{name}: q must be have rank <= 1, got shape {q.shape}")
    missing = isnan(a) if skip_nan else any(isnan(a), axis, keepdims=True)
    a = _where(missing, math.nan, a)  # The NaNs are equal, and come last in the order.
    if weights is None:
        ordered = lax.sort(a, dimension=axis)
    else:
        ordered, weights = lax.sort_key_val(a, weights, dimension=axis)
    found = (_present_neighbours if skip_nan else _neighbours)(ordered, q, axis, keepdims)
    if method == "inverted_cdf":
        weights = lax.full_like(ordered, 1.0) if weights is None else weights
        result = _inverted_cdf(ordered, weights, q, axis, keepdims, skip_nan)
    else:
        result = _between(*found, method)
    if keepdims and whole is not None:
        result = lax.reshape(result, (*q.shape, *whole))
    return convert_element_type(result, a.dtype)


def _with_weights(name: str, a: Array, weights: Array, axis: Axis, method: str) -> tuple[Array, Array]:
    """(the array, weights of its shape), in one inexact dtype."""
    if dtypes.issubdtype(weights.dtype, np.complexfloating):
        raise ValueError(f"jnp.{name}: weights cannot be complex, got {weights.dtype.name}.")
    if method != "inverted_cdf":
        raise NotImplementedError(
            f"jnp.{name}: method {method!r} doesn't support weights. Only method 'inverted_cdf' supports weights."
        )
    a, weights = promote_dtypes_inexact(a, weights)
    if weights.shape != a.shape:
        if axis is None:
            raise ValueError(
                f"jnp.{name}: weights must have the shape of a when axis is None, got {weights.shape} and {a.shape}."
            )
        axes = canonicalize_axis_tuple(static_axis(axis), len(a.shape))
        if weights.shape != tuple(a.shape[d] for d in axes):
            raise ValueError(
                f"jnp.{name}: weights of shape {weights.shape} must match the axes {axes} of a, whose shape is {a.shape}."
            )
        weights = lax.broadcast_in_dim(weights, a.shape, axes)
    return a, weights


def _one_axis(shape: tuple[int, ...], axis: Axis):
    """(the shape with 1 for each axis to reduce, or None if there is one axis; the axis; a function that merges the axes into
    it)."""
    if axis is None:
        return (1,) * len(shape), 0, lambda x: lax.reshape(x, (math.prod(shape),))
    axes = canonicalize_axis_tuple(axis, len(shape))
    if not isinstance(axis, tuple):
        return None, axes[0], lambda x: x
    kept = [i for i in range(len(shape)) if i not in axes]
    order = list(range(len(shape)))
    for place, i in enumerate(kept):
        order[place], order[i] = order[i], order[place]
    sizes = (*(shape[i] for i in kept), math.prod(shape[i] for i in axes))
    whole = tuple(1 if i in axes else d for i, d in enumerate(shape))
    return whole, len(kept), lambda x: lax.reshape(x, sizes, order)


def _fractions(position: Array) -> tuple[Array, Array, Array, Array]:
    """The numbers of the elements below and above a position, and what each of them counts."""
    low, high = ew.floor_p.bind(position), ew.ceil_p.bind(position)
    high_weight = lax.sub(position, low)
    return low, high, lax.sub(const(high_weight, 1), high_weight), high_weight


def _neighbours(ordered: Array, q: Array, axis: int, keepdims: bool):
    """(element below each quantile, element above, weights of the two); q's axis comes first."""
    rank, shape = len(q.shape), ordered.shape
    n = number(np.asarray(shape[axis], q.dtype))
    low, high, *weights = _fractions(lax.mul(q, n - 1))
    places = [lax.clamp(const(place, 0), place, n - 1) for place in (low, high)]
    places = [convert_element_type(place, default_int_dtype()) for place in places]
    numbers = lax.GatherDimensionNumbers(
        offset_dims=tuple(range(rank, rank + len(shape) - (not keepdims))),
        collapsed_slice_dims=() if keepdims else (axis,),
        start_index_map=(axis,),
    )
    sizes = tuple(1 if i == axis else d for i, d in enumerate(shape))
    found = [lax.gather(ordered, expand_dims(place, [rank]), numbers, sizes) for place in places]
    if rank:
        weights = [lax.broadcast_in_dim(weight, found[0].shape, (0,)) for weight in weights]
    return *found, *weights


def _present_neighbours(ordered: Array, q: Array, axis: int, keepdims: bool):
    """As `_neighbours`, but NaN does not count. One row may have more elements that count than another."""
    rank = len(q.shape)
    count = sum(lax.bitwise_not(isnan(ordered)), axis, dtype=q.dtype, keepdims=keepdims)
    shape = count.shape
    q = expand_dims(q, range(rank, rank + len(shape)))
    count = expand_dims(count, range(rank))
    low, high, *weights = _fractions(lax.mul(q, lax.sub(count, const(q, 1))))
    # At least 0: if no element is left, the last one has the number -1.
    places = [lax.max(const(place, 0), lax.min(place, count - 1)) for place in (low, high)]
    places = [convert_element_type(place, default_int_dtype()) for place in places]
    sizes = (*low.shape[:rank], *shape)
    index = [lax.broadcasted_iota(default_int_dtype(), sizes, i + rank) for i in range(len(shape))]
    found = []
    for place in places:
        found.append(ordered[(*index[:axis], place, *index[axis + keepdims :])])
    return *found, *weights


def _between(low: Array, high: Array, low_weight: Array, high_weight: Array, method: str) -> Array:
    if method == "lower":
        return low
    if method == "higher":
        return high
    if method == "nearest":
        return lax.select(lax.le(high_weight, const(high_weight, 0.5)), low, high)
    if method == "midpoint":
        return lax.mul(lax.add(low, high), const(low, 0.5))
    weighted = [lax.mul(convert_element_type(x, w.dtype), w) for x, w in ((low, low_weight), (high, high_weight))]
    return lax.add(*weighted)


def _inverted_cdf(ordered: Array, weights: Array, q: Array, axis: int, keepdims: bool, skip_nan: bool) -> Array:
    """The first element, in order, up to which the weights sum to a fraction q of all; q's axis comes first. NaN if a weight is
    negative or NaN. An element that is NaN has no weight."""
    rank, zeros = len(q.shape), lax.full_like(weights, 0)
    bad, absent = lax.bitwise_or(lax.lt(weights, zeros), isnan(weights)), isnan(ordered)
    sums = lax.cumsum(lax.select(lax.bitwise_or(bad, absent), zeros, weights), axis)
    total = lax.index_in_dim(sums, -1, axis, keepdims)
    spread = expand_dims(total, range(rank))
    target = lax.mul(lax.reshape(q, (*q.shape, *[1] * len(total.shape))), spread)
    target = target if keepdims else expand_dims(target, [axis + rank])
    before = lax.lt(expand_dims(sums, range(rank)), target)
    index = sum(convert_element_type(before, default_int_dtype()), axis + rank, keepdims=keepdims)
    if skip_nan:
        count = sum(lax.bitwise_not(absent), axis, dtype=q.dtype, keepdims=keepdims)
    else:
        count = lax.full_like(total, ordered.shape[axis], dtype=q.dtype)
    last = convert_element_type(lax.sub(count, const(count, 1)), default_int_dtype())
    index = lax.max(const(index, 0), lax.min(index, expand_dims(last, range(rank))))
    index = lax.squeeze(index, (rank + axis,)) if keepdims else index
    # The axis that is reduced, of which take_along_axis takes as many elements as there are quantiles.
    if rank:
        result = moveaxis(take_along_axis(ordered, moveaxis(index, 0, axis), axis), axis, 0)
    else:
        result = lax.squeeze(take_along_axis(ordered, expand_dims(index, [axis]), axis), (axis,))
    result = expand_dims(result, [rank + axis]) if keepdims else result
    none, bad = lax.eq(count, lax.full_like(count, 0)), any(bad, axis, keepdims=keepdims)
    unknown = lax.bitwise_or(bad, none if skip_nan else any(absent, axis, keepdims=keepdims))
    return _where(expand_dims(unknown, range(rank)), lax.full_like(result, math.nan), result)
