"""Kernels: how near a value is to a centre. Functions of (x, center, sigma), elementwise, on either backend.

The Gaussian, ReLU and softplus are those of Scardapane et al. (Kafnets, arXiv 1707.04035) and of their programs.
"""

# jaxtyping writes shapes as strings, which ruff takes for names.
# ruff: noqa: F722, UP037

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..backend import get_backend

if TYPE_CHECKING:
    from jaxtyping import Float

    from ..backend import Array


def gauss_kernel(x: Float[Array, "..."], center: Float[Array, "..."], sigma: Float[Array, ""] | float):
    """exp(-(x - center)^2 / (2 sigma^2)): 1 at the centre, and sigma is the width. The shapes broadcast.

    Integers count as floats. NaN gives NaN; a value too far away to square gives 0.

    >>> float(gauss_kernel(2.0, 2.0, 1.0))
    1.0
    """
    xp, x, center = _floats(x, center, sigma)
    return xp.exp(-((x - center) ** 2) / (2 * sigma**2))


def relu_kernel(x: Float[Array, "..."], center: Float[Array, "..."], sigma=None):
    """max(x - center, 0): a KAF is then a piecewise linear function with its knots at the centres. sigma is ignored.

    >>> float(relu_kernel(3.0, 1.0))
    2.0
    """
    xp, x, center = _floats(x, center)
    return xp.maximum(x - center, 0)


def softplus_kernel(x: Float[Array, "..."], center: Float[Array, "..."], sigma=None):
    """log(1 + exp(x - center)): the ReLU kernel with its corner rounded. sigma is ignored.

    >>> round(float(softplus_kernel(1.0, 1.0)), 4)
    0.6931
    """
    xp, x, center = _floats(x, center)
    return xp.logaddexp(x - center, 0)


def polynomial_kernel(x: Float[Array, "..."], center: Float[Array, "..."], sigma=None, *, degree: int = 2):
    """(1 + x center)^degree: a KAF is then a polynomial of that degree. sigma is ignored.

    >>> float(polynomial_kernel(2.0, 3.0))
    49.0
    """
    _, x, center = _floats(x, center)
    return (1 + x * center) ** degree


def rational_quadratic_kernel(
    x: Float[Array, "..."], center: Float[Array, "..."], sigma: Float[Array, ""] | float, *, shape: float = 1.0
):
    """(1 + (x - center)^2 / (2 shape sigma^2))^-shape: Gaussians of many widths, so that far away it vanishes slowly.

    Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), eq. 4.19.

    >>> float(rational_quadratic_kernel(3.0, 1.0, 1.0))
    0.3333333432674408
    """
    _, x, center = _floats(x, center, sigma)
    return (1 + (x - center) ** 2 / (2 * shape * sigma**2)) ** -shape


def periodic_kernel(
    x: Float[Array, "..."], center: Float[Array, "..."], sigma: Float[Array, ""] | float, *, period: float = 6.0
):
    """exp(-2 sin(pi (x - center) / period)^2 / sigma^2): the same again every `period`, here the default grid's length.

    Rasmussen and Williams (2006), eq. 4.31. Infinity gives NaN.

    >>> float(periodic_kernel(7.0, 1.0, 0.5)) > 0.999
    True
    """
    xp, x, center = _floats(x, center, sigma)
    # The whole periods first: sin knows little of a large number.
    turns = (x - center) / period
    return xp.exp(-2 * (xp.sin(xp.pi * (turns - xp.round(turns))) / sigma) ** 2)


KERNELS: dict[str, Callable] = {
    "gauss": gauss_kernel,
    "relu": relu_kernel,
    "softplus": softplus_kernel,
    "polynomial": polynomial_kernel,
    "rational_quadratic": rational_quadratic_kernel,
    "periodic": periodic_kernel,
}

NEED_SIGMA = ("gauss", "rational_quadratic", "periodic")


@functools.cache
def kernel_function(kernel: str | Callable) -> Callable:
    """The function of (x, center, sigma) of a name in `KERNELS`, or of a user's function of (x, center).

    For other parameters than the defaults, a function of one's own: `lambda x, c: polynomial_kernel(x, c, degree=3)`.
    Make it once: a new function is compiled anew. Raises ValueError for an unknown name, TypeError for what is neither.

    >>> float(kernel_function(lambda x, c: x * c)(2.0, 3.0, 1.0))
    6.0
    """
    if callable(kernel):
        return lambda x, center, sigma: kernel(x, center)
    if not isinstance(kernel, str):
        raise TypeError(f"kaf: a kernel is a name or a function of (x, center); got {kernel!r}.")
    if kernel not in KERNELS:
        raise ValueError(
            f"kaf: there is no kernel {kernel!r}; choose one of {', '.join(KERNELS)}, or give a function of (x, center)."
        )
    return KERNELS[kernel]


def _floats(x, center, *others):
    xp = get_backend(x, center, *others).np
    return xp, as_floats(xp, x), as_floats(xp, center)


def as_floats(xp, x: Array) -> Array:
    """`x` as an array of floats: the square of a large int32 would wrap round, and exp would make it infinite."""
    x = xp.asarray(x)
    return x if xp.issubdtype(x.dtype, xp.floating) else x.astype(float)
