"""The von Mises distribution of concentration `kappa` on the circle (`jax.scipy.stats.vonmises`)."""

from __future__ import annotations

import math

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...api.custom_derivatives import custom_jvp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import broadcast_arrays, promote_args_inexact


def logpdf(x: ArrayLike, kappa: ArrayLike) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.vonmises.logpdf`).

    >>> logpdf(1., 2.).round(4)
    Array(-1.5813, dtype=float32, weak_type=True)
    """
    x, kappa = promote_args_inexact("vonmises.logpdf", x, kappa)
    return jnp.where(kappa > 0, _log_density(*broadcast_arrays(x, kappa)), np.nan)


@custom_jvp
def _log_density(x, kappa):
    return kappa * (jnp.cos(x) - 1) - jnp.log(2 * math.pi * lax.bessel_i0e(kappa))


# By the formula, the derivative by kappa would add 1 and subtract it.
_log_density.defjvps(
    lambda g, ans, x, kappa: -g * (kappa * jnp.sin(x)),
    lambda g, ans, x, kappa: g * (jnp.cos(x) - lax.bessel_i1e(kappa) / lax.bessel_i0e(kappa)),
)


def pdf(x: ArrayLike, kappa: ArrayLike) -> Array:
    """The density at x (`jax.scipy.stats.vonmises.pdf`).

    >>> pdf(1., 2.).round(4)
    Array(0.2057, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, kappa))


__all__ = ["logpdf", "pdf"]
