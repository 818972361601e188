"""The Gumbel distribution of the largest of many numbers (`jax.scipy.stats.gumbel_r`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives import exponentials
from .slopes import beside_constant, gumbel_log_density


def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.gumbel_r.logpdf`).

    >>> logpdf(1.).round(4)
    Array(-1.3679, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_r.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return jnp.where(scale > 0, gumbel_log_density(-z) - jnp.log(scale), np.nan)


def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.gumbel_r.pdf`).

    >>> pdf(1.).round(4)
    Array(0.2546, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, loc, scale))


def logcdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.gumbel_r.logcdf`).

    >>> logcdf(1.).round(4)
    Array(-0.3679, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_r.logcdf", x, loc, scale)
    possible = scale > 0
    return jnp.where(possible, -jnp.exp(-((x - loc) / scale)), np.nan)


def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.gumbel_r.cdf`).

    >>> cdf(1.).round(4)
    Array(0.6922, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_r.cdf", x, loc, scale)
    return jnp.where(scale > 0, exponentials.gumbel_above_p.bind((loc - x) / scale), np.nan)


def sf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.gumbel_r.sf`).

    >>> sf(1.).round(4)
    Array(0.3078, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_r.sf", x, loc, scale)
    return jnp.where(scale > 0, beside_constant(x, exponentials.gumbel_below_p.bind((loc - x) / scale)), np.nan)


def logsf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.gumbel_r.logsf`).

    >>> logsf(1.).round(4)
    Array(-1.1783, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("gumbel_r.logsf", x, loc, scale)
    return exponentials.exponential_log_below_p.bind(-logcdf(x, loc, scale))


def ppf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The quantile: the inverse of `cdf` (`jax.scipy.stats.gumbel_r.ppf`).

    >>> ppf(0.75).round(4)
    Array(1.2459, dtype=float32, weak_type=True)
    """
    q, loc, scale = promote_args_inexact("gumbel_r.ppf", q, loc, scale)
    return jnp.where((q > 0) & (q < 1), loc - scale * jnp.log(-jnp.log(q)), np.nan)


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
