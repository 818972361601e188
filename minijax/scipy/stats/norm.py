"""The normal distribution, with mean `loc` and standard deviation `scale` (`jax.scipy.stats.norm`)."""

from __future__ import annotations

import math

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import log_ndtr, ndtr, ndtri
from .slopes import beside_constant


def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.norm.logpdf`).

    >>> logpdf(1.).round(4)
    Array(-1.4189, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("norm.logpdf", x, loc, scale)
    variance = lax.square(scale)
    normalizer = jnp.log(lax.mul(const(x, 2 * math.pi), variance))
    return lax.div(lax.add(normalizer, lax.square(x - loc) / variance), const(x, -2))


def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.norm.pdf`).

    >>> pdf(1.).round(4)
    Array(0.242, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, loc, scale))


def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.norm.cdf`).

    >>> cdf(1.).round(4)
    Array(0.8413, dtype=float32)
    """
    x, loc, scale = promote_args_inexact("norm.cdf", x, loc, scale)
    return ndtr((x - loc) / scale)


def logcdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.norm.logcdf`).

    >>> logcdf(1.).round(4)
    Array(-0.1728, dtype=float32)
    """
    x, loc, scale = promote_args_inexact("norm.logcdf", x, loc, scale)
    return log_ndtr((x - loc) / scale)


def sf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.norm.sf`).

    >>> sf(1.).round(4)
    Array(0.1587, dtype=float32)
    """
    x, loc, scale = promote_args_inexact("norm.sf", x, loc, scale)
    return cdf(-x, -loc, scale)


def logsf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.norm.logsf`).

    >>> logsf(1.).round(4)
    Array(-1.841, dtype=float32)
    """
    x, loc, scale = promote_args_inexact("norm.logsf", x, loc, scale)
    return logcdf(-x, -loc, scale)


def ppf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The quantile: the inverse of `cdf`; TypeError unless q is float32 or float64 (`jax.scipy.stats.norm.ppf`).

    >>> ppf(0.75).round(4)
    Array(0.6745, dtype=float32)
    """
    return jnp.asarray(ndtri(q) * scale + loc, float)


def isf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The inverse of `sf` (`jax.scipy.stats.norm.isf`).

    >>> isf(0.75).round(4)
    Array(-0.6745, dtype=float32)
    """
    q = jnp.asarray(q)
    return jnp.asarray(loc - ndtri(beside_constant(q, q)) * scale, float)


__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
