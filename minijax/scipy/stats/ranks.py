"""`jax.scipy.stats`: ranks, the most frequent value, and the standard error of a mean."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import canonicalize_axis, check_hashable, ensure_arraylike, promote_args_inexact

METHODS = ("average", "min", "max", "dense", "ordinal")


class ModeResult(NamedTuple):
    """What `mode` returns."""

    mode: Array
    count: Array


def _only_propagate(function: str, nan_policy: str):
    if nan_policy not in ("propagate", "omit", "raise"):
        raise ValueError(f"Illegal nan_policy value {nan_policy!r}; expected one of {{'propagate', 'omit', 'raise'}}")
    if nan_policy == "omit":
        raise NotImplementedError(f"Logic for `nan_policy` of {nan_policy} is not implemented")
    if nan_policy == "raise":
        raise NotImplementedError(
            f"{function} cannot see in a traced program whether its argument contains NaN: look for them before the call."
        )


def mode(a: ArrayLike, axis: int | None = 0, nan_policy: str = "propagate", keepdims: bool = False) -> ModeResult:
    """(the most frequent value along an axis, how often it stands there); of several the smallest (`jax.scipy.stats.mode`).

    axis: None for all elements. nan_policy: "propagate" alone; the others raise NotImplementedError, as in JAX.

    >>> mode(np.int32([3, 1, 3, 2]))
    ModeResult(mode=Array(3, dtype=int32), count=Array(2, dtype=int32))
    """
    check_hashable("mode", axis)
    x = jnp.atleast_1d(ensure_arraylike("mode", a))
    _only_propagate("mode", nan_policy)
    if axis is None:
        kept, x, axis = (1,) * x.ndim, x.ravel(), 0
        shape: tuple[int, ...] = kept if keepdims else ()
    else:
        axis = canonicalize_axis(axis, x.ndim)
        shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape) if keepdims or i != axis)
    if x.shape[axis] == 0:
        dtype = jnp.zeros(()).dtype
        return ModeResult(jnp.full(shape, np.nan, dtype), jnp.zeros(shape, dtype))
    x = jnp.moveaxis(x, axis, 0)
    x = lax.sort(x.reshape(x.shape[0], math.prod(x.shape[1:])), dimension=0)
    # Of sorted numbers, those equal to one of them stand from its place on: the first place with the longest run has the mode.
    places = jnp.arange(x.shape[0])[:, None]
    starts = lax.cummax(jnp.where(jnp.concatenate([jnp.ones_like(x[:1], bool), x[1:] != x[:-1]]), places, 0), axis=0)
    length = places - starts + 1
    last = jnp.argmax(length, axis=0)
    value = jnp.take_along_axis(x, last[None], 0)[0]
    return ModeResult(value.reshape(shape), jnp.max(length, axis=0).reshape(shape))


def rankdata(a: ArrayLike, method: str = "average", *, axis: int | None = None, nan_policy: str = "propagate") -> Array:
    """The ranks of numbers, from 1 on, as floats (`jax.scipy.stats.rankdata`). With a NaN among them all are NaN.

    method: what equal numbers get: the "average", "min" or "max" of their ranks; "dense": as "min", and the next number gets
    the next rank; "ordinal": different ranks, in their order. axis: None for all elements, in one axis.

    >>> rankdata(np.float32([0., 2., 3., 2.]))
    Array([1. , 2.5, 4. , 2.5], dtype=float32)
    """
    check_hashable("rankdata", axis)
    a = ensure_arraylike("rankdata", a)
    _only_propagate("rankdata", nan_policy)
    if method not in METHODS:
        raise ValueError(f"unknown method '{method}'")
    if axis is not None:
        return jnp.apply_along_axis(rankdata, axis, a, method)
    a, dtype = jnp.ravel(a), jnp.zeros(()).dtype
    size = a.size
    if size == 0:
        return jnp.zeros(0, dtype)
    ordered, places = lax.sort_key_val(a, jnp.arange(size))
    own = jnp.zeros_like(places).at[places].set(jnp.arange(size))
    if method == "ordinal":
        ranks = own + 1
    else:
        first = jnp.concatenate([jnp.ones(1, bool), ordered[1:] != ordered[:-1]])
        dense = jnp.cumsum(first)[own]
        starts = jnp.nonzero(first, size=size + 1, fill_value=size)[0]
        low, high = starts[dense - 1] + 1, starts[dense]
        ranks = {"dense": dense, "min": low, "max": high, "average": (low + high).astype(dtype) / 2}[method]
    return jnp.where(jnp.any(jnp.isnan(a)), np.nan, ranks.astype(dtype))


def sem(
    a: ArrayLike, axis: int | None = 0, ddof: int = 1, nan_policy: str = "propagate", *, keepdims: bool = False
) -> Array:
    """The standard error of the mean: the standard deviation divided by the root of the count (`jax.scipy.stats.sem`).

    nan_policy: "propagate", or "omit" to leave NaN out. Raises ValueError for another.

    >>> sem(np.float32([1., 2., 3.])).round(4)
    Array(0.5774, dtype=float32)
    """
    check_hashable("sem", axis)
    (b,) = promote_args_inexact("sem", a)
    if nan_policy == "propagate":
        count = b.size if axis is None else b.shape[axis]
        return b.std(axis, ddof=ddof, keepdims=keepdims) / jnp.sqrt(count).astype(b.dtype)
    if nan_policy == "omit":
        present = (~jnp.isnan(b)).sum(axis, keepdims=keepdims)
        return jnp.nanstd(b, axis, ddof=ddof, keepdims=keepdims) / jnp.sqrt(present).astype(b.dtype)
    raise ValueError(f"{nan_policy} is not supported")


__all__ = ["mode", "rankdata", "sem"]
