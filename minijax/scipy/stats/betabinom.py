"""The binomial distribution whose probability has a beta distribution of parameters `a` and `b` (`jax.scipy.stats.betabinom`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import betaln


def logpmf(k: ArrayLike, n: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The logarithm of the probability of k (`jax.scipy.stats.betabinom.logpmf`).

    >>> logpmf(2, 5, 2., 3.).round(4)
    Array(-1.4351, dtype=float32, weak_type=True)
    """
    k, n, a, b, loc = promote_args_inexact("betabinom.logpmf", k, n, a, b, loc)
    y = jnp.floor(k) - loc
    one = const(y, 1)
    ways = -lax.add(jnp.log1p(n), betaln(lax.add(n - y, one), lax.add(y, one)))
    value = lax.add(ways, betaln(y + a, n - y + b) - betaln(a, b))
    value = jnp.where((y == 0) & (n == 0), 0.0, value)
    value = jnp.where((y < -loc) | (y > n) | (y + a <= 0), -np.inf, value)
    return jnp.where((n < 0) | (a <= 0) | (b <= 0), np.nan, value)


def pmf(k: ArrayLike, n: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of k (`jax.scipy.stats.betabinom.pmf`).

    >>> pmf(2, 5, 2., 3.).round(4)
    Array(0.2381, dtype=float32, weak_type=True)
    """
    return lax.exp(logpmf(k, n, a, b, loc))


__all__ = ["logpmf", "pmf"]
