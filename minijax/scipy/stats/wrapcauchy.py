"""The Cauchy distribution wrapped around the circle, of parameter `c` in (0, 1) (`jax.scipy.stats.wrapcauchy`)."""

from __future__ import annotations

import math

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact


def logpdf(x: ArrayLike, c: ArrayLike) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.wrapcauchy.logpdf`).

    >>> logpdf(1., 0.5).round(4)
    Array(-1.7826, dtype=float32, weak_type=True)
    """
    x, c = promote_args_inexact("wrapcauchy.logpdf", x, c)
    possible = (c > 0) & (c < 1)
    inside = (x >= 0) & (x <= 2 * math.pi)
    value = jnp.log(1 - c * c) - lax.log(2 * math.pi) - jnp.log(1 + c * c - 2 * c * jnp.cos(x))
    return jnp.where(possible, jnp.where(inside, value, -np.inf), np.nan)


def pdf(x: ArrayLike, c: ArrayLike) -> Array:
    """The density at x (`jax.scipy.stats.wrapcauchy.pdf`).

    >>> pdf(1., 0.5).round(4)
    Array(0.1682, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, c))


__all__ = ["logpdf", "pdf"]
