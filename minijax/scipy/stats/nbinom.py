"""The negative binomial distribution: the number of failures before `n` successes of probability `p` (`jax.scipy.stats.nbinom`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import with_first_strong
from ..special import gammaln, xlogy


def logpmf(k: ArrayLike, n: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The logarithm of the probability of k (`jax.scipy.stats.nbinom.logpmf`).

    >>> logpmf(2, 3, 0.25).round(4)
    Array(-2.9425, dtype=float32, weak_type=True)
    """
    k, n, p, loc = with_first_strong("nbinom.logpmf", k, n, p, loc)
    y = k - loc
    ways = gammaln(y + n) - gammaln(n) - gammaln(y + 1)
    value = ways + (xlogy(n, p) + xlogy(y, 1 - p))
    return jnp.where(k < loc, -np.inf, value)


def pmf(k: ArrayLike, n: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of k (`jax.scipy.stats.nbinom.pmf`).

    >>> pmf(2, 3, 0.25).round(4)
    Array(0.0527, dtype=float32, weak_type=True)
    """
    return lax.exp(logpmf(k, n, p, loc))


__all__ = ["logpmf", "pmf"]
