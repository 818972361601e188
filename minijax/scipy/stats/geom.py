"""The geometric distribution: the number of trials of probability `p` up to the first success (`jax.scipy.stats.geom`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import with_first_strong
from ..special import xlog1py


def logpmf(k: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The logarithm of the probability of k (`jax.scipy.stats.geom.logpmf`).

    >>> logpmf(2, 0.25).round(4)
    Array(-1.674, dtype=float32, weak_type=True)
    """
    k, p, loc = with_first_strong("geom.logpmf", k, p, loc)
    x = k - loc
    value = xlog1py(x - 1, -p) + jnp.log(p)
    return jnp.where(x <= 0, -np.inf, value)


def pmf(k: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of k (`jax.scipy.stats.geom.pmf`).

    >>> pmf(2, 0.25).round(4)
    Array(0.1875, dtype=float32, weak_type=True)
    """
    return lax.exp(logpmf(k, p, loc))


__all__ = ["logpmf", "pmf"]
