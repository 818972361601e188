"""Integrals (`jax.scipy.integrate`).

>>> import minijax.numpy as jnp
>>> trapezoid(jnp.array([1.0, 2.0, 3.0]))
Array(4., dtype=float32)
"""

from __future__ import annotations

from ..core.traces import Array
from ..core.types import ArrayLike
from ..numpy import analysis


def trapezoid(y: ArrayLike, x: ArrayLike | None = None, dx: ArrayLike = 1.0, axis: int = -1) -> Array:
    """The integral by trapezoids between the points x, or points `dx` apart (`jax.scipy.integrate.trapezoid`).

    >>> import minijax.numpy as jnp
    >>> trapezoid(jnp.array([1.0, 2.0]), jnp.array([0.0, 2.0]))
    Array(3., dtype=float32)
    """
    return analysis.trapezoid(y, x, dx, axis)


__all__ = ["trapezoid"]
