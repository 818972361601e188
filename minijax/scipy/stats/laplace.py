"""The Laplace distribution around `loc` (`jax.scipy.stats.laplace`)."""

from __future__ import annotations

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const


def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.laplace.logpdf`).

    >>> logpdf(1.).round(4)
    Array(-1.6931, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("laplace.logpdf", x, loc, scale)
    return -lax.add(abs(x - loc) / scale, jnp.log(lax.mul(const(x, 2), scale)))


def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.laplace.pdf`).

    >>> pdf(1.).round(4)
    Array(0.1839, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, loc, scale))


def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.laplace.cdf`).

    >>> cdf(1.).round(4)
    Array(0.8161, dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("laplace.cdf", x, loc, scale)
    z = (x - loc) / scale
    tail = lax.mul(const(x, 0.5), jnp.exp(-abs(z)))
    # The derivative of |z| at 0 is 1.
    return jnp.where(z < 0, tail, lax.sub(const(x, 1), tail))


__all__ = ["cdf", "logpdf", "pdf"]
