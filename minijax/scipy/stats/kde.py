"""`jax.scipy.stats.gaussian_kde`: a density as a sum of normal densities around the points of a data set."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import lax, random
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike, Shape
from ...foundation.dtypes import issubdtype
from ...foundation.pytrees import register_pytree_node_class
from ...numpy import linalg
from ...numpy.util import check_arraylike, promote_dtypes_inexact
from ..special import logsumexp, ndtr


@register_pytree_node_class
class gaussian_kde:
    """The density of a data set's distribution, estimated with a normal density around each point (`jax.scipy.stats.gaussian_kde`).

    dataset: the points, of shape (dimensions, points), or one axis for points of one dimension. bw_method: what the standard
    deviation of the data is multiplied with: "scott" (the default), "silverman", a number, or a function of this object.
    weights: one for each point, by default equal.

    Raises ValueError for a data set of one number, another `bw_method`, and weights that do not fit; NotImplementedError for
    complex data.

    >>> density = gaussian_kde(jnp.array([0., 1., 2.]))
    >>> density(jnp.array([1., 3.])).round(4)
    Array([0.3182, 0.0838], dtype=float32)
    """

    def __init__(self, dataset: ArrayLike, bw_method: Any = None, weights: ArrayLike | None = None):
        check_arraylike("gaussian_kde", dataset)
        dataset = jnp.atleast_2d(dataset)
        if issubdtype(dataset.dtype, np.complexfloating):
            raise NotImplementedError("gaussian_kde does not support complex data")
        if not dataset.size > 1:
            raise ValueError("`dataset` input should have multiple elements.")
        d, n = dataset.shape
        if weights is None:
            (dataset,) = promote_dtypes_inexact(dataset)
            weights = jnp.full(n, 1 / n, dataset.dtype)
        else:
            check_arraylike("gaussian_kde", weights)
            dataset, weights = promote_dtypes_inexact(dataset, jnp.atleast_1d(weights))
            if weights.ndim != 1:
                raise ValueError("`weights` input should be one-dimensional.")
            if len(weights) != n:
                raise ValueError("`weights` input should be of length n")
            weights = weights / jnp.sum(weights)
        self.dataset: Array = dataset
        self.weights: Array = weights
        self.neff: Array = 1 / jnp.sum(weights * weights)
        factor = self._factor("scott" if bw_method is None else bw_method)
        centred = dataset - jnp.sum(weights * dataset, 1, keepdims=True)
        covariance = (weights * centred) @ centred.T / (1 - jnp.sum(weights * weights))
        self.covariance: Array = covariance * factor**2
        self.inv_cov: Array = linalg.inv(covariance) / factor**2

    def _factor(self, bw_method: Any) -> Any:
        if isinstance(bw_method, str) and bw_method == "scott":
            return self.neff ** (-1 / (self.d + 4))
        if isinstance(bw_method, str) and bw_method == "silverman":
            return (self.neff * (self.d + 2) / 4) ** (-1 / (self.d + 4))
        if not isinstance(bw_method, str) and jnp.isscalar(bw_method):
            return bw_method
        if callable(bw_method):
            return bw_method(self)
        raise ValueError("`bw_method` should be 'scott', 'silverman', a scalar, or a callable.")

    def tree_flatten(self) -> tuple[tuple, None]:
        return (self.neff, self.dataset, self.weights, self.covariance, self.inv_cov), None

    @classmethod
    def tree_unflatten(cls, aux_data: None, children: Any) -> gaussian_kde:
        kde = cls.__new__(cls)
        kde.neff, kde.dataset, kde.weights, kde.covariance, kde.inv_cov = children
        return kde

    @property
    def d(self) -> int:
        """The number of dimensions."""
        return self.dataset.shape[0]

    @property
    def n(self) -> int:
        """The number of points of the data set."""
        return self.dataset.shape[1]

    def evaluate(self, points: ArrayLike) -> Array:
        """The density at points, of shape (dimensions, points)."""
        return jnp.exp(self._log_terms(points)) @ self.weights

    __call__ = evaluate

    def pdf(self, x: ArrayLike) -> Array:
        """The estimated density at points: the same as `evaluate`."""
        return self.evaluate(x)

    def logpdf(self, x: ArrayLike) -> Array:
        """The logarithm of the density at points."""
        return logsumexp(self._log_terms(x) + jnp.log(self.weights), axis=1)

    def _log_terms(self, points: ArrayLike) -> Array:
        """The logarithm of each normal density at each point, of shape (points, points of the data set)."""
        points = self._columns(points)
        # inv_cov = whitening @ whitening.T, so in whitened coordinates the covariance is 1.
        whitening = linalg.cholesky(self.inv_cov)
        x, centres = points.T @ whitening, self.dataset.T @ whitening
        log_norm = jnp.sum(jnp.log(jnp.diagonal(whitening))) - 0.5 * self.d * math.log(2 * math.pi)
        return log_norm - 0.5 * jnp.sum((x[:, None] - centres[None]) ** 2, axis=2)

    def _columns(self, points: ArrayLike) -> Array:
        check_arraylike("evaluate", points)
        points = jnp.atleast_2d(points)
        if issubdtype(points.dtype, np.complexfloating):
            raise NotImplementedError("gaussian_kde does not support complex coordinates")
        d, m = points.shape
        if d == self.d:
            return points
        if d == 1 and m == self.d:
            return points.T
        raise ValueError(f"points have dimension {d}, dataset has dimension {self.d}")

    def integrate_gaussian(self, mean: ArrayLike, cov: ArrayLike) -> Array:
        """The integral of the density times a normal density. Raises ValueError for a mean or covariance that does not fit."""
        mean, cov = jnp.atleast_1d(jnp.squeeze(jnp.asarray(mean))), jnp.atleast_2d(cov)
        if mean.shape != (self.d,):
            raise ValueError(f"mean does not have dimension {self.d}")
        if cov.shape != (self.d, self.d):
            raise ValueError(f"covariance does not have dimension {self.d}")
        return _convolved(self, mean[:, None], self.covariance + cov)[0]

    def integrate_box_1d(self, low: ArrayLike, high: ArrayLike) -> Array:
        """The probability of [low, high], in one dimension. Raises ValueError for more, and for limits that are no scalars."""
        if self.d != 1:
            raise ValueError("integrate_box_1d() only handles 1D pdfs")
        if np.ndim(low) != 0 or np.ndim(high) != 0:
            raise ValueError("the limits of integration in integrate_box_1d must be scalars")
        deviation = jnp.sqrt(self.covariance[0, 0])
        below, above = ((limit - self.dataset[0]) / deviation for limit in (low, high))
        return jnp.sum(self.weights * (ndtr(above) - ndtr(below)))

    def integrate_kde(self, other: gaussian_kde) -> Array:
        """The integral of the product of two such densities. Raises ValueError if their dimensions differ."""
        if other.d != self.d:
            raise ValueError("KDEs are not the same dimensionality")
        return jnp.sum(_convolved(self, other.dataset, self.covariance + other.covariance) * other.weights)

    def resample(self, key: ArrayLike, shape: Shape = ()) -> Array:
        """Points drawn from the density, of shape (dimensions, *shape)."""
        of_place, of_noise = random.split(key)
        places = random.choice(of_place, self.n, shape=shape, p=self.weights)
        zero = jnp.zeros(self.d, self.covariance.dtype)
        noise = random.multivariate_normal(of_noise, zero, self.covariance, shape=shape, dtype=self.dataset.dtype)
        return self.dataset[:, places] + noise.T

    def integrate_box(self, low_bounds: ArrayLike, high_bounds: ArrayLike, maxpts: Any = None) -> Array:
        """Not supported, as in JAX: it raises NotImplementedError."""
        raise NotImplementedError("only 1D box integrations are supported; use `integrate_box_1d`")

    def set_bandwidth(self, bw_method: str | ArrayLike | Callable | None = None) -> None:
        """Not supported, as in JAX: it raises NotImplementedError."""
        raise NotImplementedError("dynamically changing the bandwidth method is not supported")


def _convolved(kde: gaussian_kde, places: Array, covariance: Array) -> Array:
    """The weighted sum of normal densities of a covariance, around the data, at each of the places (dimensions, places)."""
    factor = linalg.cholesky(covariance)
    whitened = [lax.linalg.triangular_solve(factor, x, left_side=True, lower=True) for x in (places, kde.dataset)]
    norm = (2 * math.pi) ** (-kde.d / 2) / jnp.prod(jnp.diagonal(factor))
    distances = jnp.sum((whitened[0][:, :, None] - whitened[1][:, None]) ** 2, axis=0)
    return norm * jnp.exp(-0.5 * distances) @ kde.weights


__all__ = ["gaussian_kde"]
