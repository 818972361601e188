"""The beta distribution of parameters `a` and `b`, from `loc` to `loc + scale` (`jax.scipy.stats.beta`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import betainc, betaln, xlog1py, xlogy


def logpdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.beta.logpdf`).

    >>> logpdf(0.25, 2., 3.).round(4)
    Array(0.5232, dtype=float32, weak_type=True)
    """
    x, a, b, loc, scale = promote_args_inexact("beta.logpdf", x, a, b, loc, scale)
    y = (x - loc) / scale
    one = const(x, 1)
    value = lax.add(xlogy(lax.sub(a, one), y), xlog1py(lax.sub(b, one), -y))
    value = lax.sub(lax.sub(value, betaln(a, b)), jnp.log(scale))
    value = jnp.where((x > loc + scale) | (x < loc), -np.inf, value)
    return jnp.where((a <= 0) | (b <= 0) | (scale <= 0), np.nan, value)


def pdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.beta.pdf`).

    >>> pdf(0.25, 2., 3.).round(4)
    Array(1.6875, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, a, b, loc, scale))


def cdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.beta.cdf`).

    >>> cdf(0.25, 2., 3.).round(4)
    Array(0.2617, dtype=float32, weak_type=True)
    """
    x, a, b, loc, scale = promote_args_inexact("beta.cdf", x, a, b, loc, scale)
    return betainc(a, b, lax.clamp(const(x, 0), (x - loc) / scale, const(x, 1)))


def logcdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.beta.logcdf`).

    >>> logcdf(0.25, 2., 3.).round(4)
    Array(-1.3405, dtype=float32, weak_type=True)
    """
    return lax.log(cdf(x, a, b, loc, scale))


def sf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.beta.sf`).

    >>> sf(0.25, 2., 3.).round(4)
    Array(0.7383, dtype=float32, weak_type=True)
    """
    x, a, b, loc, scale = promote_args_inexact("beta.sf", x, a, b, loc, scale)
    return betainc(b, a, 1 - lax.clamp(const(x, 0), (x - loc) / scale, const(x, 1)))


def logsf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.beta.logsf`).

    >>> logsf(0.25, 2., 3.).round(4)
    Array(-0.3034, dtype=float32, weak_type=True)
    """
    return lax.log(sf(x, a, b, loc, scale))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
