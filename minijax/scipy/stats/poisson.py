"""The Poisson distribution of mean `mu` (`jax.scipy.stats.poisson`)."""

from __future__ import annotations

import math

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import entr, gammaincc, gammaln, xlogy


def logpmf(k: ArrayLike, mu: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The logarithm of the probability of k (`jax.scipy.stats.poisson.logpmf`).

    >>> logpmf(2, 1.5).round(4)
    Array(-1.3822, dtype=float32, weak_type=True)
    """
    k, mu, loc = promote_args_inexact("poisson.logpmf", k, mu, loc)
    x = k - loc
    value = xlogy(x, mu) - gammaln(x + 1) - mu
    return jnp.where((x < 0) | (jnp.round(k) != k), -np.inf, value)


def pmf(k: ArrayLike, mu: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of k (`jax.scipy.stats.poisson.pmf`).

    >>> pmf(2, 1.5).round(4)
    Array(0.251, dtype=float32, weak_type=True)
    """
    return lax.exp(logpmf(k, mu, loc))


def cdf(k: ArrayLike, mu: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of a number up to k (`jax.scipy.stats.poisson.cdf`).

    >>> cdf(2, 1.5).round(4)
    Array(0.8088, dtype=float32, weak_type=True)
    """
    k, mu, loc = promote_args_inexact("poisson.cdf", k, mu, loc)
    x = k - loc
    value = gammaincc(jnp.floor(1 + x), mu)
    return jnp.where(x < 0, const(k, 0), value)


def entropy(mu: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The entropy, in nats: a sum of up to 250 terms, and beyond a mean of 100 an asymptotic series
    (`jax.scipy.stats.poisson.entropy`).

    >>> entropy(1.5).round(4)
    Array(1.5394, dtype=float32)
    """
    mu, loc = promote_args_inexact("poisson.entropy", mu, loc)
    shape = jnp.broadcast_shapes(mu.shape, loc.shape)
    small = jnp.where(mu < 100, mu, 1.0)
    k = jnp.arange(250, dtype=mu.dtype).reshape((250,) + (1,) * mu.ndim)
    total = jnp.sum(entr(pmf(k, small)), axis=0)
    large = 0.5 * jnp.log(2 * math.pi * math.e * mu) - 1 / (12 * mu)
    value = jnp.where(mu == 0, 0.0, jnp.where(mu < 100, total, large))
    return jnp.broadcast_to(value, shape)


__all__ = ["cdf", "entropy", "logpmf", "pmf"]
