"""The generalized normal distribution of exponent `beta` (`jax.scipy.stats.gennorm`)."""

from __future__ import annotations

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ..special import gammaln


def logpdf(x: ArrayLike, beta: ArrayLike) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.gennorm.logpdf`).

    >>> logpdf(1., 2.).round(4)
    Array(-1.5724, dtype=float32, weak_type=True)
    """
    x, beta = promote_args_inexact("gennorm.logpdf", x, beta)
    return jnp.log(0.5 * beta) - gammaln(1 / beta) - abs(x) ** beta


def pdf(x: ArrayLike, beta: ArrayLike) -> Array:
    """The density at x (`jax.scipy.stats.gennorm.pdf`).

    >>> pdf(1., 2.).round(4)
    Array(0.2076, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, beta))


def cdf(x: ArrayLike, beta: ArrayLike) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.gennorm.cdf`).

    >>> cdf(1., 2.).round(4)
    Array(0.9214, dtype=float32, weak_type=True)
    """
    x, beta = promote_args_inexact("gennorm.cdf", x, beta)
    return 0.5 * (1 + jnp.sign(x) * lax.igamma(1 / beta, abs(x) ** beta))


__all__ = ["cdf", "logpdf", "pdf"]
