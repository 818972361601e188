"""The negative binomial distribution: the number of failures before `n` successes of probability `p` (`jax.scipy.stats.nbinom`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import gammaln, xlogy
from .slopes import beside_constant


def logpmf(k: ArrayLike, n: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The logarithm of the probability of k (`jax.scipy.stats.nbinom.logpmf`).

    >>> logpmf(2, 3, 0.25).round(4)
    Array(-2.9425, dtype=float32, weak_type=True)
    """
    k, n, p, loc = promote_args_inexact("nbinom.logpmf", k, n, p, loc)
    y = k - loc
    one = const(k, 1)
    ways = lax.sub(gammaln(y + n) - gammaln(n), gammaln(lax.add(y, one)))
    value = lax.add(ways, lax.add(xlogy(n, p), xlogy(y, beside_constant(k, lax.sub(one, p)))))
    return jnp.where(k < loc, -np.inf, value)


def pmf(k: ArrayLike, n: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of k (`jax.scipy.stats.nbinom.pmf`).

    >>> pmf(2, 3, 0.25).round(4)
    Array(0.0527, dtype=float32, weak_type=True)
    """
    return lax.exp(logpmf(k, n, p, loc))


__all__ = ["logpmf", "pmf"]
