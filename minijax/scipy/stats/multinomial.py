"""The multinomial distribution (`jax.scipy.stats.multinomial`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...foundation.dtypes import issubdtype
from ...numpy.util import promote_args_inexact, promote_args_numeric
from ..special import gammaln, xlogy


def logpmf(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Array:
    """The logarithm of the probability that `n` trials, of probabilities `p` along the last axis, give the counts x
    (`jax.scipy.stats.multinomial.logpmf`). Raises ValueError unless x and n are integers.

    >>> logpmf(np.int32([1, 2]), 3, np.float32([0.5, 0.5])).round(4)
    Array(-0.9808, dtype=float32)
    """
    (p,) = promote_args_inexact("multinomial.logpmf", p)
    x, n = promote_args_numeric("multinomial.logpmf", x, n)
    if not issubdtype(x.dtype, np.integer):
        raise ValueError(f"x and n must be of integer type; got x.dtype={x.dtype}, n.dtype={n.dtype}")
    x, n = x.astype(p.dtype), n.astype(p.dtype)
    value = gammaln(n + 1) + jnp.sum(xlogy(x, p) - gammaln(x + 1), axis=-1)
    return jnp.where(jnp.sum(x) == n, value, -np.inf)


def pmf(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Array:
    """The probability of the counts x (`jax.scipy.stats.multinomial.pmf`).

    >>> pmf(np.int32([1, 2]), 3, np.float32([0.5, 0.5])).round(4)
    Array(0.375, dtype=float32)
    """
    return lax.exp(logpmf(x, n, p))


__all__ = ["logpmf", "pmf"]
