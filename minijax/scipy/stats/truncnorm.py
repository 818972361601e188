"""The normal distribution of mean `loc` and deviation `scale`, cut to `loc + scale * [a, b]` (`jax.scipy.stats.truncnorm`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives import truncated_normal


def _standard(name: str, x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike, scale: ArrayLike) -> list[Array]:
    """[(x - loc) / scale, a, b, and the size of the scale]. TypeError for other numbers than float32 and float64, as JAX's."""
    x, a, b, loc, scale = promote_args_inexact(f"truncnorm.{name}", x, a, b, loc, scale)
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(f"truncnorm.{name} takes numbers of float32 or float64, got {x.dtype}.")
    return [(x - loc) / scale, a, b, abs(scale)]


def logpdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.truncnorm.logpdf`).

    >>> logpdf(0.5, -1., 2.).round(4)
    Array(-0.8438, dtype=float32)
    """
    z, a, b, scale = _standard("logpdf", x, a, b, loc, scale)
    density = lax.sub(truncated_normal.truncated_log_density_p.bind(z, a, b), jnp.log(scale))
    return jnp.where(a >= b, np.nan, jnp.where((z < a) | (z > b), -np.inf, density))


def pdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.truncnorm.pdf`).

    >>> pdf(0.5, -1., 2.).round(4)
    Array(0.4301, dtype=float32)
    """
    z, a, b, scale = _standard("pdf", x, a, b, loc, scale)
    density = lax.div(truncated_normal.truncated_density_p.bind(z, a, b), scale)
    return jnp.where(a >= b, np.nan, jnp.where((z < a) | (z > b), 0.0, density))


def logcdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `cdf` (`jax.scipy.stats.truncnorm.logcdf`).

    >>> logcdf(0.5, -1., 2.).round(4)
    Array(-0.4294, dtype=float32)
    """
    z, a, b, _ = _standard("logcdf", x, a, b, loc, scale)
    value = truncated_normal.truncated_log_below_p.bind(z, a, b)
    return jnp.where(a >= b, np.nan, jnp.where(z >= b, 0.0, jnp.where(z <= a, -np.inf, value)))


def cdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.truncnorm.cdf`).

    >>> cdf(0.5, -1., 2.).round(4)
    Array(0.6509, dtype=float32)
    """
    z, a, b, _ = _standard("cdf", x, a, b, loc, scale)
    value = truncated_normal.truncated_below_p.bind(z, a, b)
    return jnp.where(a >= b, np.nan, jnp.where(z >= b, 1.0, jnp.where(z <= a, 0.0, value)))


def logsf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of `sf` (`jax.scipy.stats.truncnorm.logsf`).

    >>> logsf(0.5, -1., 2.).round(4)
    Array(-1.0523, dtype=float32)
    """
    x, a, b, loc, scale = promote_args_inexact("truncnorm.logsf", x, a, b, loc, scale)
    return logcdf(-x, -b, -a, -loc, scale)


def sf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number above x: 1 - cdf (`jax.scipy.stats.truncnorm.sf`).

    >>> sf(0.5, -1., 2.).round(4)
    Array(0.3491, dtype=float32)
    """
    x, a, b, loc, scale = promote_args_inexact("truncnorm.sf", x, a, b, loc, scale)
    return cdf(-x, -b, -a, -loc, scale)


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
