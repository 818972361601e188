"""The chi-square distribution of `df` degrees of freedom (`jax.scipy.stats.chi2`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import gammainc, gammaincc, gammaln


def logpdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.chi2.logpdf`).

    >>> logpdf(1., 3.).round(4)
    Array(-1.4189, dtype=float32, weak_type=True)
    """
    x, df, loc, scale = promote_args_inexact("chi2.logpdf", x, df, loc, scale)
    y = (x - loc) / scale
    two = const(x, 2)
    half = lax.div(df, two)
    kernel = lax.sub(lax.mul(lax.sub(half, const(x, 1)), jnp.log(y)), lax.div(y, two))
    normalizer = -lax.add(gammaln(half), lax.div(lax.mul(lax.log(two), df), two))
    value = lax.add(lax.sub(normalizer, jnp.log(scale)), kernel)
    return jnp.where(x < loc, -np.inf, value)


def pdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.chi2.pdf`).

    >>> pdf(1., 3.).round(4)
    Array(0.242, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, df, loc, scale))


def cdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.chi2.cdf`).

    >>> cdf(1., 3.).round(4)
    Array(0.1987, dtype=float32, weak_type=True)
    """
    x, df, loc, scale = promote_args_inexact("chi2.cdf", x, df, loc, scale)
    return gammainc(*_arguments(x, df, loc, scale))


def logcdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.chi2.logcdf`).

    >>> logcdf(1., 3.).round(4)
    Array(-1.6157, dtype=float32, weak_type=True)
    """
    return lax.log(cdf(x, df, loc, scale))


def sf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.chi2.sf`).

    >>> sf(1., 3.).round(4)
    Array(0.8013, dtype=float32, weak_type=True)
    """
    x, df, loc, scale = promote_args_inexact("chi2.sf", x, df, loc, scale)
    return gammaincc(*_arguments(x, df, loc, scale))


def logsf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.chi2.logsf`).

    >>> logsf(1., 3.).round(4)
    Array(-0.2216, dtype=float32, weak_type=True)
    """
    return lax.log(sf(x, df, loc, scale))


def _arguments(x, df, loc, scale):
    """The arguments with which a function of the gamma distribution gives that of chi2."""
    two = const(scale, 2)
    half = lax.div(df, two)
    return half, lax.clamp(const(x, 0), lax.div(x - loc, lax.mul(scale, two)), const(x, np.inf))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
