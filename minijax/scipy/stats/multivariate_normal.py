"""The normal distribution of vectors (`jax.scipy.stats.multivariate_normal`)."""

from __future__ import annotations

import math

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...lax import linalg
from ...numpy.util import promote_dtypes_inexact


def logpdf(x: ArrayLike, mean: ArrayLike, cov: ArrayLike, allow_singular: None = None) -> Array:
    """The logarithm of the density at the vectors x, along the last axis (`jax.scipy.stats.multivariate_normal.logpdf`).

    cov: the covariance matrix, or one variance for all directions; batches of it broadcast. allow_singular is not supported.

    Raises ValueError for a covariance that does not fit the mean, NotImplementedError for `allow_singular`.

    >>> logpdf(jnp.zeros(2), jnp.zeros(2), jnp.eye(2)).round(4)
    Array(-1.8379, dtype=float32)
    """
    if allow_singular is not None:
        raise NotImplementedError("allow_singular argument of multivariate_normal.logpdf")
    x, mean, cov = promote_dtypes_inexact(x, mean, cov)
    y = x - mean
    if not mean.shape:
        return -0.5 * (y * y / cov + math.log(2 * math.pi) + jnp.log(cov))
    n = mean.shape[-1]
    if not cov.shape:
        return -0.5 * (jnp.sum(y * y, -1) / cov + n * (math.log(2 * math.pi) + jnp.log(cov)))
    if cov.ndim < 2 or cov.shape[-2:] != (n, n):
        raise ValueError(
            f"multivariate_normal.logpdf got incompatible shapes: mean of shape {mean.shape} needs cov of shape"
            f" (..., {n}, {n}), got {cov.shape}"
        )
    factor = linalg.cholesky(cov)
    batch = jnp.broadcast_shapes(y.shape[:-1], factor.shape[:-2])
    columns = jnp.broadcast_to(y, (*batch, n))[..., None]
    z = linalg.triangular_solve(jnp.broadcast_to(factor, (*batch, n, n)), columns, left_side=True, lower=True)[..., 0]
    log_determinant = jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), -1)
    return -0.5 * (jnp.sum(z * z, -1) + n * math.log(2 * math.pi)) - log_determinant


def pdf(x: ArrayLike, mean: ArrayLike, cov: ArrayLike) -> Array:
    """The density at the vectors x (`jax.scipy.stats.multivariate_normal.pdf`).

    >>> pdf(jnp.zeros(2), jnp.zeros(2), jnp.eye(2)).round(4)
    Array(0.1592, dtype=float32)
    """
    return lax.exp(logpdf(x, mean, cov))


__all__ = ["logpdf", "pdf"]
