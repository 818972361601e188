"""The geometric distribution: the number of trials of probability `p` up to the first success (`jax.scipy.stats.geom`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_args_inexact
from ...primitives.basis import const
from ..special import xlog1py
from .slopes import beside_constant


def logpmf(k: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The logarithm of the probability of k (`jax.scipy.stats.geom.logpmf`).

    >>> logpmf(2, 0.25).round(4)
    Array(-1.674, dtype=float32, weak_type=True)
    """
    k, p, loc = promote_args_inexact("geom.logpmf", k, p, loc)
    x = k - loc
    value = xlog1py(beside_constant(k, lax.sub(x, const(k, 1))), -p) + jnp.log(p)
    return jnp.where(x <= 0, -np.inf, value)


def pmf(k: ArrayLike, p: ArrayLike, loc: ArrayLike = 0) -> Array:
    """The probability of k (`jax.scipy.stats.geom.pmf`).

    >>> pmf(2, 0.25).round(4)
    Array(0.1875, dtype=float32, weak_type=True)
    """
    return lax.exp(logpmf(k, p, loc))


__all__ = ["logpmf", "pmf"]
