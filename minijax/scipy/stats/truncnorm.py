"""The normal distribution of mean `loc` and deviation `scale`, cut to `loc + scale * [a, b]` (`jax.scipy.stats.truncnorm`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ..special import log_ndtr, ndtr
from . import norm


def logpdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.truncnorm.logpdf`).

    >>> logpdf(0.5, -1., 2.).round(4)
    Array(-0.8438, dtype=float32)
    """
    x, a, b, loc, scale = promote_args_inexact("truncnorm.logpdf", x, a, b, loc, scale)
    z = (x - loc) / scale
    value = jnp.where((z < a) | (z > b), -np.inf, norm.logpdf(x, loc, scale) - _log_mass(a, b))
    return jnp.where(a >= b, np.nan, value)


def pdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.truncnorm.pdf`).

    >>> pdf(0.5, -1., 2.).round(4)
    Array(0.4301, dtype=float32)
    """
    return lax.exp(logpdf(x, a, b, loc, scale))


def logcdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.truncnorm.logcdf`).

    >>> logcdf(0.5, -1., 2.).round(4)
    Array(-0.4294, dtype=float32)
    """
    x, a, b, loc, scale = promote_args_inexact("truncnorm.logcdf", x, a, b, loc, scale)
    x, a, b = jnp.broadcast_arrays((x - loc) / scale, a, b)
    whole = _log_mass(a, b)
    below, above = _log_mass(a, x) - whole, _log_mass(x, b) - whole
    # Near 1 the probability above has the digits.
    value = jnp.where(below > -0.1, jnp.log1p(-jnp.exp(above)), below)
    value = jnp.where(x >= b, 0.0, jnp.where(x <= a, -np.inf, value))
    return jnp.where(a >= b, np.nan, value)


def cdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.truncnorm.cdf`).

    >>> cdf(0.5, -1., 2.).round(4)
    Array(0.6509, dtype=float32)
    """
    return lax.exp(logcdf(x, a, b, loc, scale))


def logsf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.truncnorm.logsf`).

    >>> logsf(0.5, -1., 2.).round(4)
    Array(-1.0523, dtype=float32)
    """
    x, a, b, loc, scale = promote_args_inexact("truncnorm.logsf", x, a, b, loc, scale)
    return logcdf(-x, -b, -a, -loc, scale)


def sf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.truncnorm.sf`).

    >>> sf(0.5, -1., 2.).round(4)
    Array(0.3491, dtype=float32)
    """
    return lax.exp(logsf(x, a, b, loc, scale))


def _log_mass(a: ArrayLike, b: ArrayLike) -> Array:
    """The logarithm of the probability that the standard normal distribution gives to [a, b]."""
    a, b = jnp.broadcast_arrays(jnp.asarray(a), jnp.asarray(b))
    right = a > 0
    # By symmetry both ends are brought to the left of 0, where log_ndtr has all its digits.
    low, high = log_ndtr(jnp.where(right, -b, a)), log_ndtr(jnp.where(right, -a, b))
    tail = high + jnp.log1p(-jnp.exp(jnp.where(low < high, low - high, -np.inf)))
    return jnp.where((b <= 0) | right, tail, jnp.log1p(-ndtr(a) - ndtr(-b)))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
