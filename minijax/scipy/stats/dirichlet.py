"""The Dirichlet distribution (`jax.scipy.stats.dirichlet`)."""

from __future__ import annotations

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import promote_dtypes_inexact
from ..special import gammaln, xlogy


def logpdf(x: ArrayLike, alpha: ArrayLike) -> Array:
    """The logarithm of the density at x, whose first axis has an entry for each of `alpha`, or one less: then it is what is
    missing to a sum of 1 (`jax.scipy.stats.dirichlet.logpdf`). -inf where the entries are not positive or do not add up to 1.

    Raises ValueError for an `alpha` that has not one axis, and for an x of another size.

    >>> logpdf(np.float32([0.5, 0.5]), np.float32([2., 2.])).round(4)
    Array(0.4055, dtype=float32)
    """
    x, alpha = promote_dtypes_inexact(x, alpha)
    if alpha.ndim != 1:
        raise ValueError(f"`alpha` must be one-dimensional; got alpha.shape={alpha.shape}")
    if x.shape[0] not in (alpha.shape[0], alpha.shape[0] - 1):
        raise ValueError(
            "`x` must have either the same number of entries as `alpha` or one entry fewer;"
            f" got x.shape={x.shape}, alpha.shape={alpha.shape}"
        )
    if x.shape[0] != alpha.shape[0]:
        x = jnp.concatenate([x, 1 - x.sum(0, keepdims=True)], axis=0)
    normalizer = jnp.sum(gammaln(alpha)) - gammaln(jnp.sum(alpha))
    value = jnp.sum(xlogy((alpha - 1).reshape((-1,) + (1,) * (x.ndim - 1)), x), axis=0) - normalizer
    adds_up = jnp.all(x > 0, axis=0) & (abs(jnp.sum(x, axis=0) - 1) < 1e-6)
    return jnp.where(adds_up, value, -np.inf)


def pdf(x: ArrayLike, alpha: ArrayLike) -> Array:
    """The density at x (`jax.scipy.stats.dirichlet.pdf`).

    >>> pdf(np.float32([0.5, 0.5]), np.float32([2., 2.])).round(4)
    Array(1.5, dtype=float32)
    """
    return lax.exp(logpdf(x, alpha))


__all__ = ["logpdf", "pdf"]
