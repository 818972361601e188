"""The Pareto distribution of exponent `b`, from `loc + scale` on (`jax.scipy.stats.pareto`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import broadcast_arrays, promote_args_inexact
from ...primitives import exponentials
from ...primitives.basis import const
from .slopes import beside_constant


def logpdf(x: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.pareto.logpdf`).

    >>> logpdf(2., 3.).round(4)
    Array(-1.674, dtype=float32, weak_type=True)
    """
    x, b, loc, scale = promote_args_inexact("pareto.logpdf", x, b, loc, scale)
    value = exponentials.pareto_log_density_p.bind(*broadcast_arrays((x - loc) / scale, b))
    value = lax.sub(beside_constant(x, value), jnp.log(scale))
    return jnp.where(x < loc + scale, -np.inf, value)


def pdf(x: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.pareto.pdf`).

    >>> pdf(2., 3.).round(4)
    Array(0.1875, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, b, loc, scale))


def cdf(x: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.pareto.cdf`).

    >>> cdf(2., 3.).round(4)
    Array(0.875, dtype=float32, weak_type=True)
    """
    x, b, loc, scale = promote_args_inexact("pareto.cdf", x, b, loc, scale)
    value = lax.sub(const(x, 1), lax.pow((x - loc) / scale, -b))
    return jnp.where(x < loc + scale, const(x, 0), value)


def logcdf(x: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.pareto.logcdf`).

    >>> logcdf(2., 3.).round(4)
    Array(-0.1335, dtype=float32, weak_type=True)
    """
    x, b, loc, scale = promote_args_inexact("pareto.logcdf", x, b, loc, scale)
    value = jnp.log1p(-lax.pow((x - loc) / scale, -b))
    return jnp.where(x < loc + scale, -np.inf, value)


def logsf(x: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.pareto.logsf`).

    >>> logsf(2., 3.).round(4)
    Array(-2.0794, dtype=float32, weak_type=True)
    """
    x, b, loc, scale = promote_args_inexact("pareto.logsf", x, b, loc, scale)
    value = -(b * jnp.log((x - loc) / scale))
    return jnp.where(x < loc + scale, const(x, 0), value)


def sf(x: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.pareto.sf`).

    >>> sf(2., 3.).round(4)
    Array(0.125, dtype=float32, weak_type=True)
    """
    return lax.exp(logsf(x, b, loc, scale))


def ppf(q: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The quantile: the inverse of `cdf` (`jax.scipy.stats.pareto.ppf`).

    >>> ppf(0.75, 3.).round(4)
    Array(1.5874, dtype=float32, weak_type=True)
    """
    q, b, loc, scale = promote_args_inexact("pareto.ppf", q, b, loc, scale)
    one = const(q, 1)
    value = lax.add(loc, lax.mul(scale, lax.pow(lax.sub(one, q), -lax.div(one, b))))
    return jnp.where(jnp.isnan(q) | (q < 0) | (q > 1), np.nan, value)


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
