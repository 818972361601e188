"""The binomial distribution: the number of successes of `n` trials of probability `p` (`jax.scipy.stats.binom`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ..special import gammaln, xlog1py, xlogy


def logpmf(k: ArrayLike, n: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The logarithm of the probability of k (`jax.scipy.stats.binom.logpmf`).

    >>> logpmf(2, 5, 0.25).round(4)
    Array(-1.333, dtype=float32, weak_type=True)
    """
    k, n, p, loc = promote_args_inexact("binom.logpmf", k, n, p, loc)
    y = k - loc
    ways = gammaln(n + 1) - (gammaln(y + 1) + gammaln(n - y + 1))
    outcomes = xlogy(y, p) + xlog1py(n - y, -p)
    value = ways + outcomes
    value = jnp.where((y == 0) & (n == 0) | (outcomes == 0), 0.0, value)
    return jnp.where((k >= loc) & (k < loc + n + 1), value, -np.inf)


def pmf(k: ArrayLike, n: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of k (`jax.scipy.stats.binom.pmf`).

    >>> pmf(2, 5, 0.25).round(4)
    Array(0.2637, dtype=float32, weak_type=True)
    """
    return lax.exp(logpmf(k, n, p, loc))


__all__ = ["logpmf", "pmf"]
