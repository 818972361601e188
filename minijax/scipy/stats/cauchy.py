"""The Cauchy distribution around `loc` (`jax.scipy.stats.cauchy`)."""

from __future__ import annotations

import math

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const


def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.cauchy.logpdf`).

    >>> logpdf(1.).round(4)
    Array(-1.8379, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("cauchy.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return -lax.add(jnp.log(lax.mul(const(x, math.pi), scale)), jnp.log1p(z * z))


def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.cauchy.pdf`).

    >>> pdf(1.).round(4)
    Array(0.1592, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, loc, scale))


def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.cauchy.cdf`).

    >>> cdf(1.).round(4)
    Array(0.75, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("cauchy.cdf", x, loc, scale)
    z = (x - loc) / scale
    return 0.5 + lax.div(const(x, 1), const(x, math.pi)) * jnp.arctan(z)


def logcdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.cauchy.logcdf`).

    >>> logcdf(1.).round(4)
    Array(-0.2877, dtype=float32, weak_type=True)
    """
    return lax.log(cdf(x, loc, scale))


def sf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.cauchy.sf`).

    >>> sf(1.).round(4)
    Array(0.25, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("cauchy.sf", x, loc, scale)
    return cdf(-x, -loc, scale)


def logsf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.cauchy.logsf`).

    >>> logsf(1.).round(4)
    Array(-1.3863, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("cauchy.logsf", x, loc, scale)
    return logcdf(-x, -loc, scale)


def ppf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The quantile: the inverse of `cdf` (`jax.scipy.stats.cauchy.ppf`).

    >>> ppf(0.75).round(4)
    Array(1., dtype=float32, weak_type=True)
    """
    q, loc, scale = promote_args_inexact("cauchy.ppf", q, loc, scale)
    return _placed(lax.sub(lax.mul(const(q, math.pi), q), const(q, math.pi / 2)), loc, scale)


def isf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The inverse of `sf` (`jax.scipy.stats.cauchy.isf`).

    >>> isf(0.75).round(4)
    Array(-1., dtype=float32, weak_type=True)
    """
    q, loc, scale = promote_args_inexact("cauchy.isf", q, loc, scale)
    return _placed(lax.sub(const(q, math.pi / 2), lax.mul(const(q, math.pi), q)), loc, scale)


def _placed(angle, loc, scale):
    return lax.add(lax.mul(jnp.tan(angle), scale), loc)


__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
