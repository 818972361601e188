"""The exponential distribution from `loc` on, with mean `loc + scale` (`jax.scipy.stats.expon`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives import exponentials
from .slopes import one_less_exp


def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.expon.logpdf`).

    >>> logpdf(1.).round(4)
    Array(-1., dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("expon.logpdf", x, loc, scale)
    log_scale = jnp.log(scale)
    value = -((x - loc) / scale + log_scale)
    return jnp.where(x < loc, -np.inf, value)


def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.expon.pdf`).

    >>> pdf(1.).round(4)
    Array(0.3679, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, loc, scale))


def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.expon.cdf`).

    >>> cdf(1.).round(4)
    Array(0.6321, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("expon.cdf", x, loc, scale)
    return jnp.where(x < loc, 0.0, one_less_exp((x - loc) / scale))


def logcdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.expon.logcdf`).

    >>> logcdf(1.).round(4)
    Array(-0.4587, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("expon.logcdf", x, loc, scale)
    return jnp.where(
        x < loc, -np.inf, exponentials.exponential_log_below_p.bind(jnp.where(x < loc, 1.0, (x - loc) / scale))
    )


def logsf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.expon.logsf`).

    >>> logsf(1.).round(4)
    Array(-1., dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("expon.logsf", x, loc, scale)
    value = (loc - x) / scale
    return jnp.where(x < loc, 0.0, value)


def sf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.expon.sf`).

    >>> sf(1.).round(4)
    Array(0.3679, dtype=float32, weak_type=True)
    """
    return lax.exp(logsf(x, loc, scale))


def ppf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The quantile: the inverse of `cdf` (`jax.scipy.stats.expon.ppf`).

    >>> ppf(0.75).round(4)
    Array(1.3863, dtype=float32, weak_type=True)
    """
    q, loc, scale = promote_args_inexact("expon.ppf", q, loc, scale)
    return jnp.where(jnp.isnan(q) | (q < 0) | (q > 1), np.nan, loc - scale * jnp.log1p(-q))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
