"""Kernels: how near a value is to a centre."""

# jaxtyping writes shapes as strings, which ruff takes for names.
# ruff: noqa: F722, UP037

from __future__ import annotations

from typing import TYPE_CHECKING

from .backend import get_backend

if TYPE_CHECKING:
    from jaxtyping import Float

    from .backend import Array


def gauss_kernel(x: Float[Array, "..."], center: Float[Array, "..."], sigma: Float[Array, ""] | float):
    """exp(-(x - center)^2 / (2 sigma^2)): 1 at the centre, and sigma is the width. The shapes broadcast.

    Integers count as floats. NaN gives NaN; a value too far away to square gives 0.

    >>> float(gauss_kernel(2.0, 2.0, 1.0))
    1.0
    """
    xp = get_backend(x, center, sigma).np
    x, center = as_floats(xp, x), as_floats(xp, center)
    return xp.exp(-((x - center) ** 2) / (2 * sigma**2))


def as_floats(xp, x: Array) -> Array:
    """`x` as an array of floats: the square of a large int32 would wrap round, and exp would make it infinite."""
    x = xp.asarray(x)
    return x if xp.issubdtype(x.dtype, xp.floating) else x.astype(float)
