"""The Gumbel distribution of the smallest of many numbers (`jax.scipy.stats.gumbel_l`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives import exponentials
from .slopes import gumbel_log_density


def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.gumbel_l.logpdf`).

    >>> logpdf(1.).round(4)
    Array(-1.7183, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_l.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return jnp.where(scale > 0, gumbel_log_density(z) - jnp.log(scale), np.nan)


def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.gumbel_l.pdf`).

    >>> pdf(1.).round(4)
    Array(0.1794, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, loc, scale))


def logcdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.gumbel_l.logcdf`).

    >>> logcdf(1.).round(4)
    Array(-0.0683, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_l.logcdf", x, loc, scale)
    possible = scale > 0
    return jnp.where(possible, jnp.log(-jnp.expm1(-jnp.exp((x - loc) / scale))), np.nan)


def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.gumbel_l.cdf`).

    >>> cdf(1.).round(4)
    Array(0.934, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_l.cdf", x, loc, scale)
    return jnp.where(scale > 0, exponentials.gumbel_below_p.bind((x - loc) / scale), np.nan)


def logsf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.gumbel_l.logsf`).

    >>> logsf(1.).round(4)
    Array(-2.7183, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_l.logsf", x, loc, scale)
    return jnp.where(scale > 0, -jnp.exp((x - loc) / scale), np.nan)


def sf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.gumbel_l.sf`).

    >>> sf(1.).round(4)
    Array(0.066, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_l.sf", x, loc, scale)
    return jnp.where(scale > 0, exponentials.gumbel_above_p.bind((x - loc) / scale), np.nan)


def ppf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The quantile: the inverse of `cdf` (`jax.scipy.stats.gumbel_l.ppf`).

    >>> ppf(0.75).round(4)
    Array(0.3266, dtype=float32, weak_type=True)
    """
    q, loc, scale = promote_args_inexact("gumbel_l.ppf", q, loc, scale)
    return jnp.where((q > 0) & (q < 1), loc + scale * jnp.log(-jnp.log1p(-q)), np.nan)


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
