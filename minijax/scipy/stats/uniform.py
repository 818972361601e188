"""The uniform distribution from `loc` to `loc + scale` (`jax.scipy.stats.uniform`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact


def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.uniform.logpdf`).

    >>> logpdf(0.25).round(4)
    Array(-0., dtype=float32, weak_type=True)
    """
    x, loc, scale = promote_args_inexact("uniform.logpdf", x, loc, scale)
    value = -jnp.log(scale)
    return jnp.where((x > loc + scale) | (x < loc), -np.inf, value)


def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.uniform.pdf`).

    >>> pdf(0.25).round(4)
    Array(1., dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, loc, scale))


def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The probability of a number up to x (`jax.scipy.stats.uniform.cdf`).

    >>> cdf(0.25).round(4)
    Array(0.25, dtype=float32)
    """
    x, loc, scale = promote_args_inexact("uniform.cdf", x, loc, scale)
    conditions = [x < loc, x > loc + scale, (x >= loc) & (x <= loc + scale)]
    return jnp.select(conditions, [jnp.array(0, x.dtype), jnp.array(1, x.dtype), (x - loc) / scale])


def ppf(q: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The quantile: the inverse of `cdf` (`jax.scipy.stats.uniform.ppf`).

    >>> ppf(0.75).round(4)
    Array(0.75, dtype=float32, weak_type=True)
    """
    q, loc, scale = promote_args_inexact("uniform.ppf", q, loc, scale)
    return jnp.where(jnp.isnan(q) | (q < 0) | (q > 1), np.nan, loc + scale * q)


__all__ = ["cdf", "logpdf", "pdf", "ppf"]
