"""`jax.scipy.interpolate`: values between the points of a grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.pytrees import register_pytree_node_class
from ..numpy.util import check_arraylike, promote_dtypes_inexact

METHODS = ("linear", "nearest")


@register_pytree_node_class
class RegularGridInterpolator:
    """A function that is given on a grid, between the points of the grid (`jax.scipy.interpolate.RegularGridInterpolator`).

    points: for each axis, the places of the grid, in rising order. values: the function there; further axes are values of vectors.
    method: "linear" or "nearest". fill_value: the value outside of the grid; None to continue the outermost cells. bounds_error:
    must be False.

    Raises ValueError for another method, for more points than axes, and for a fill value that does not fit; NotImplementedError for
    `bounds_error`.

    >>> between = RegularGridInterpolator((jnp.array([0., 1., 2.]),), jnp.array([0., 10., 40.]))
    >>> between(jnp.array([0.5, 1.5, 3.]))
    Array([ 5., 25., nan], dtype=float32)
    """

    def __init__(
        self,
        points: Sequence[ArrayLike],
        values: ArrayLike,
        method: str = "linear",
        bounds_error: bool = False,
        fill_value: ArrayLike | None = np.nan,
    ):
        self.method = _known(method)
        self.bounds_error = bounds_error
        if bounds_error:
            raise NotImplementedError("`bounds_error` takes no effect under JIT")
        check_arraylike("RegularGridInterpolator", values, *points)
        if len(points) > np.ndim(values):
            raise ValueError(f"there are {len(points)} point arrays, but values has {np.ndim(values)} dimensions")
        (self.values,) = promote_dtypes_inexact(values)
        if fill_value is not None:
            check_arraylike("RegularGridInterpolator", fill_value)
            fill_value = jnp.asarray(fill_value)
            if not jnp.can_cast(fill_value.dtype, self.values.dtype, casting="same_kind"):
                raise ValueError("fill_value must be either 'None' or of a type compatible with values")
        self.fill_value = fill_value
        self.grid = tuple(map(jnp.asarray, points))

    def tree_flatten(self) -> tuple[tuple, tuple]:
        return (self.grid, self.values, self.fill_value), (self.method, self.bounds_error)

    @classmethod
    def tree_unflatten(cls, aux_data: tuple, children: Any) -> RegularGridInterpolator:
        new = cls.__new__(cls)
        new.grid, new.values, new.fill_value = children
        new.method, new.bounds_error = aux_data
        return new

    def __call__(self, xi: Any, method: str | None = None) -> Array:
        """The values at places, whose coordinates lie along the last axis, or are a tuple of arrays."""
        method = self.method if method is None else _known(method)
        axes = len(self.grid)
        places = _coordinates(xi, axes)
        if places.shape[-1] != axes:
            raise ValueError(
                f"the requested sample points xi have dimension {places.shape[-1]},"
                f" but this RegularGridInterpolator has dimension {axes}"
            )
        flat = places.reshape(-1, axes).T
        cells = [jnp.clip(jnp.searchsorted(g, x) - 1, 0, g.size - 2) for x, g in zip(flat, self.grid)]
        parts = [(x - g[i]) / (g[i + 1] - g[i]) for x, g, i in zip(flat, self.grid, cells)]
        if method == "linear":
            result = self._linear(cells, parts)
        else:
            result = self.values[tuple(jnp.where(part <= 0.5, i, i + 1) for i, part in zip(cells, parts))]
        if self.fill_value is not None:
            outside = [(x < g[0]) | (x > g[-1]) for x, g in zip(flat, self.grid)]
            mask = jnp.stack(outside).any(0).reshape((-1,) + (1,) * (result.ndim - 1))
            result = jnp.where(mask, self.fill_value, result)
        return result.reshape(places.shape[:-1] + self.values.shape[axes:])

    def _linear(self, cells: list, parts: list) -> Array:
        """The corners of each cell, weighted by the opposite parts of its volume."""
        further = (...,) + (None,) * (self.values.ndim - len(cells))
        total = jnp.asarray(0.0)
        for corner in itertools.product((0, 1), repeat=len(cells)):
            weight = math.prod(part if up else 1 - part for up, part in zip(corner, parts))
            value = self.values[tuple(i + up for i, up in zip(cells, corner))]
            total = total + value * jnp.asarray(weight)[further]
        return total


def _known(method: str) -> str:
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not defined")
    return method


def _coordinates(xi: Any, axes: int) -> Array:
    """The places as one array, with the coordinates along the last axis."""
    if isinstance(xi, tuple) and len(xi) == 1:
        xi = xi[0]
    if isinstance(xi, tuple):
        return jnp.stack(jnp.broadcast_arrays(*xi), axis=-1).astype(float)
    check_arraylike("RegularGridInterpolator", xi)
    xi = jnp.asarray(xi)
    return xi.reshape(-1, axes) if xi.ndim == 1 else xi


__all__ = ["RegularGridInterpolator"]
