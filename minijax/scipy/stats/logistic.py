"""The logistic distribution around `loc` (`jax.scipy.stats.logistic`)."""

from __future__ import annotations

from ... import lax
from ... import numpy as jnp
from ...api.custom_derivatives import custom_jvp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import broadcast_arrays, promote_args_inexact
from ...primitives import exponentials
from ..special import logit
from .slopes import beside_constant


def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.logistic.logpdf`).

    >>> logpdf(1.).round(4)
    Array(-1.6265, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("logistic.logpdf", x, loc, scale)
    return beside_constant(x, _log_density(*broadcast_arrays(x, loc, scale)))


@custom_jvp
def _log_density(x, loc, scale):
    return exponentials.logistic_log_density_p.bind((x - loc) / scale) - jnp.log(scale)


@_log_density.defjvp
def _log_density_jvp(primals, tangents):
    """The derivative by the scale has a row: by the formula it would be a difference of numbers that are nearly equal."""
    (x, loc, scale), (by_x, by_loc, by_scale) = primals, tangents
    z = (x - loc) / scale
    slope, spread = exponentials.half_tanh_p.bind(z), exponentials.logistic_spread_p.bind(z)
    return _log_density(x, loc, scale), (slope * (by_loc - by_x) + spread * by_scale) / scale


def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.logistic.pdf`).

    >>> pdf(1.).round(4)
    Array(0.1966, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, loc, scale))


def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.logistic.cdf`).

    >>> cdf(1.).round(4)
    Array(0.7311, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("logistic.cdf", x, loc, scale)
    return exponentials.logistic_below_p.bind((x - loc) / scale)


def sf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.logistic.sf`).

    >>> sf(1.).round(4)
    Array(0.2689, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("logistic.sf", x, loc, scale)
    return exponentials.logistic_below_p.bind((loc - x) / scale)


def ppf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The quantile: the inverse of `cdf` (`jax.scipy.stats.logistic.ppf`).

    >>> ppf(0.75).round(4)
    Array(1.0986, dtype=float32, weak_type=True)
    """
    q, loc, scale = promote_args_inexact("logistic.ppf", q, loc, scale)
    return lax.add(lax.mul(logit(q), scale), loc)


def isf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The inverse of `sf` (`jax.scipy.stats.logistic.isf`).

    >>> isf(0.75).round(4)
    Array(-1.0986, dtype=float32, weak_type=True)
    """
    q, loc, scale = promote_args_inexact("logistic.isf", q, loc, scale)
    return lax.add(lax.mul(-logit(q), scale), loc)


__all__ = ["cdf", "isf", "logpdf", "pdf", "ppf", "sf"]
