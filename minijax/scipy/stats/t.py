"""Student's t distribution of `df` degrees of freedom (`jax.scipy.stats.t`)."""

from __future__ import annotations

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import betaln


def logpdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The logarithm of the density at x (`jax.scipy.stats.t.logpdf`).

    >>> logpdf(1., 3.).round(4)
    Array(-1.5763, dtype=float32, weak_type=True)
    """
    x, df, loc, scale = promote_args_inexact("t.logpdf", x, df, loc, scale)
    z = (x - loc) / scale
    # betaln(df / 2, 1 / 2) has log(pi) / 2 in it.
    half, power = const(x, 0.5), lax.mul(df, const(x, 0.5))
    normalizer = lax.add(betaln(power, half), lax.mul(half, jnp.log(scale * scale * df)))
    return -lax.add(normalizer, lax.mul(lax.add(power, half), jnp.log1p(z * z / df)))


def pdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Array:
    """The density at x (`jax.scipy.stats.t.pdf`).

    >>> pdf(1., 3.).round(4)
    Array(0.2067, dtype=float32, weak_type=True)
    """
    return lax.exp(logpdf(x, df, loc, scale))


__all__ = ["logpdf", "pdf"]
