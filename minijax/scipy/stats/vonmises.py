"""The von Mises distribution of concentration `kappa` on the circle (`jax.scipy.stats.vonmises`)."""

from __future__ import annotations

import math

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact


def logpdf(x: ArrayLike, kappa: ArrayLike) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.vonmises.logpdf`).

    >>> logpdf(1., 2.).round(4)
    Array(-1.5813, dtype=float32, weak_type=True)
    """
    x, kappa = promote_args_inexact("vonmises.logpdf", x, kappa)
    value = kappa * (jnp.cos(x) - 1) - jnp.log(2 * math.pi * lax.bessel_i0e(kappa))
    return jnp.where(kappa > 0, value, np.nan)


def pdf(x: ArrayLike, kappa: ArrayLike) -> Array:
    """The density at x (`jax.scipy.stats.vonmises.pdf`).

    >>> pdf(1., 2.).round(4)
    Array(0.2057, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, kappa))


__all__ = ["logpdf", "pdf"]
