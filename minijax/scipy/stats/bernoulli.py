"""The Bernoulli distribution: 1 with probability `p`, else 0 (`jax.scipy.stats.bernoulli`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import xlog1py, xlogy
from .slopes import beside_constant


def logpmf(k: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The logarithm of the probability of k (`jax.scipy.stats.bernoulli.logpmf`).

    >>> logpmf(1, 0.25).round(4)
    Array(-1.3863, dtype=float32, weak_type=True)
    """
    k, p, loc = promote_args_inexact("bernoulli.logpmf", k, p, loc)
    x = k - loc
    value = xlogy(x, p) + xlog1py(beside_constant(k, lax.sub(const(k, 1), x)), -p)
    return jnp.where((x < 0) | (x > 1), -np.inf, value)


def pmf(k: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of k (`jax.scipy.stats.bernoulli.pmf`).

    >>> pmf(1, 0.25).round(4)
    Array(0.25, dtype=float32, weak_type=True)
    """
    return lax.exp(logpmf(k, p, loc))


def cdf(k: ArrayLike, p: ArrayLike) -> Array:
    """The probability of a number up to k (`jax.scipy.stats.bernoulli.cdf`).

    >>> cdf(1, 0.25).round(4)
    Array(1., dtype=float32, weak_type=True)
    """
    k, p = promote_args_inexact("bernoulli.cdf", k, p)
    impossible = jnp.isnan(k) | jnp.isnan(p) | (p < 0) | (p > 1)
    conditions = [impossible, k < 0, (k >= 0) & (k < 1), k >= 1]
    return jnp.select(conditions, [np.nan, 0.0, const(k, 1) - p, 1.0])


def ppf(q: ArrayLike, p: ArrayLike) -> Array:
    """The quantile: the inverse of `cdf` (`jax.scipy.stats.bernoulli.ppf`).

    >>> ppf(0.75, 0.25).round(4)
    Array(0., dtype=float32, weak_type=True)
    """
    q, p = promote_args_inexact("bernoulli.ppf", q, p)
    impossible = jnp.isnan(q) | jnp.isnan(p) | (p < 0) | (p > 1) | (q < 0) | (q > 1)
    return jnp.where(impossible, np.nan, jnp.where(q <= 1 - p, const(q, 0), const(q, 1)))


__all__ = ["cdf", "logpmf", "pmf", "ppf"]
