"""The kernel activation function itself, a function of plain arrays.

Scardapane, Van Vaerenbergh, Totaro, Uncini: Kafnets, Neural Networks 110 (2019), arXiv 1707.04035.
"""

# jaxtyping writes shapes as strings, which ruff takes for names.
# ruff: noqa: F722, F821, UP037

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy

from .backend import get_backend
from .kernels import as_floats, gauss_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

    from .backend import Array


def kaf(
    x: Float[Array, "*batch"],
    alpha: Float[Array, "*units k"],
    centers: Float[Array, "k"],
    sigma: Float[Array, ""] | float,
) -> Float[Array, "*batch"]:
    """A weighted sum of k Gaussians at fixed centres: phi(x) = sum_i alpha_i exp(-(x - c_i)^2 / (2 sigma^2)).

    For a scalar `x`, `alpha` is [k], the function's trainable coefficients. For a layer of H units `x` is [..., H] and
    `alpha` [H, k], a function for each unit; [k] shares one function among all. The result has the shape of `x` and the
    dtype the arguments promote to. NaN gives NaN, a value far from all centres gives 0.

    Raises ValueError where the shapes do not fit, or sigma is a number that is not positive.

    >>> import numpy as np
    >>> centers = np.linspace(-3, 3, 20, dtype=np.float32)
    >>> alpha = np.zeros((4, 20), np.float32)
    >>> kaf(np.ones((5, 4), np.float32), alpha, centers, 0.5).shape
    (5, 4)
    """
    xp = get_backend(x, alpha, centers, sigma).np
    x, alpha, centers = as_floats(xp, x), xp.asarray(alpha), xp.asarray(centers)
    _check(x.shape, alpha.shape, centers.shape, sigma)
    return _weighted_kernels(x, alpha, centers, sigma)


def _weighted_kernels(x, alpha, centers, sigma):
    # The formula as it stands, and the one place where it is evaluated: it holds [*batch, units, k] values at a time.
    K = gauss_kernel(x[..., None], centers, sigma)
    return (K * alpha).sum(-1)


def _check(x: tuple[int, ...], alpha: tuple[int, ...], centers: tuple[int, ...], sigma) -> None:
    shapes = f"x has shape {x}, alpha {alpha}, centers {centers}"
    if len(centers) != 1:
        raise ValueError(f"kaf: centers must have one axis, [k]; {shapes}.")
    if not alpha or alpha[-1] != centers[0]:
        raise ValueError(f"kaf: the last axis of alpha must have one coefficient for each of the centers; {shapes}.")
    if not _broadcasts_to(alpha[:-1], x):
        raise ValueError(
            f"kaf: alpha without its last axis, {alpha[:-1]}, must fit the last axes of x: "
            f"alpha is [H, k] for x of shape [..., H]; {shapes}."
        )
    if isinstance(sigma, (int, float)) and not sigma > 0:
        raise ValueError(f"kaf: sigma, the width of the kernel, must be positive, and is {sigma}.")


def _broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return numpy.broadcast_shapes(shape, target) == target
    except ValueError:  # The two do not broadcast at all.
        return False
