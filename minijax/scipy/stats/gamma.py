"""The gamma distribution of parameter `a` (`jax.scipy.stats.gamma`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import gammainc, gammaincc, gammaln, xlogy


def logpdf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.gamma.logpdf`).

    >>> logpdf(1., 2.).round(4)
    Array(-1., dtype=float32, weak_type=True)
    """
    x, a, loc, scale = promote_args_inexact("gamma.logpdf", x, a, loc, scale)
    inside = x >= loc
    one = const(x, 1)
    y = jnp.where(inside, (x - loc) / scale, one)
    value = lax.sub(lax.sub(xlogy(lax.sub(a, one), y), y), gammaln(a) + jnp.log(scale))
    return jnp.where(inside, value, -np.inf)


def pdf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.gamma.pdf`).

    >>> pdf(1., 2.).round(4)
    Array(0.3679, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, a, loc, scale))


def cdf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.gamma.cdf`).

    >>> cdf(1., 2.).round(4)
    Array(0.2642, dtype=float32, weak_type=True)
    """
    x, a, loc, scale = promote_args_inexact("gamma.cdf", x, a, loc, scale)
    return gammainc(a, lax.clamp(const(x, 0), (x - loc) / scale, const(x, np.inf)))


def logcdf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.gamma.logcdf`).

    >>> logcdf(1., 2.).round(4)
    Array(-1.3309, dtype=float32, weak_type=True)
    """
    return lax.log(cdf(x, a, loc, scale))


def sf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.gamma.sf`).

    >>> sf(1., 2.).round(4)
    Array(0.7358, dtype=float32, weak_type=True)
    """
    x, a, loc, scale = promote_args_inexact("gamma.sf", x, a, loc, scale)
    y = (x - loc) / scale
    # Below 0 a place is computed whose derivative is finite.
    return jnp.where(y < 0, 1, gammaincc(a, jnp.where(y < 0, 1, y)))


def logsf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.gamma.logsf`).

    >>> logsf(1., 2.).round(4)
    Array(-0.3069, dtype=float32, weak_type=True)
    """
    return lax.log(sf(x, a, loc, scale))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
