"""Kernels: functions of (x, center, sigma) that a KAF adds up. They are elementwise and run on either backend.

The Gaussian, the ReLU and the softplus kernel are those of Scardapane et al. (Kafnets, arXiv 1707.04035) and of their
programs.
"""

# jaxtyping writes shapes as strings, and ruff mistakes the strings for names.
# ruff: noqa: F722, UP037

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..backend import get_backend
from .bases import OTHER_BASES

if TYPE_CHECKING:
    from jaxtyping import Float

    from ..backend import Array


# The formulas of the kernels: functions of (array library, x, center, sigma). What a kernel computes is written here alone.
FORMULAS: dict[str, Callable[..., Any]] = {
    "gauss": lambda xp, x, c, sigma: xp.exp(-((x - c) ** 2) / (2 * sigma**2)),
    "relu": lambda xp, x, c, sigma: xp.maximum(x - c, 0),
    "softplus": lambda xp, x, c, sigma: xp.logaddexp(x - c, 0),
    "polynomial": lambda xp, x, c, sigma, degree=2: (1 + x * c) ** degree,
    "rational_quadratic": lambda xp, x, c, sigma, shape=1.0: (1 + (x - c) ** 2 / (2 * shape * sigma**2)) ** -shape,
    "periodic": lambda xp, x, c, sigma, period=6.0: _periodic(xp, (x - c) / period, sigma),
}


def _periodic(xp, turns, sigma):
    # Whole periods are subtracted first, because sin of a large number has few correct digits.
    return xp.exp(-2 * (xp.sin(math.pi * (turns - xp.round(turns))) / sigma) ** 2)


def gauss_kernel(
    x: Float[Array, "..."], center: Float[Array, "..."], sigma: Float[Array, ""] | float
) -> Float[Array, "..."]:
    """exp(-(x - center)^2 / (2 sigma^2)), which is 1 at the centre; sigma is the bandwidth. The shapes broadcast.

    Integers are converted to floats. NaN gives NaN. A value so far away that its square overflows gives 0.

    >>> float(gauss_kernel(2.0, 2.0, 1.0))
    1.0
    """
    return FORMULAS["gauss"](*_floats(x, center, sigma), sigma)


def relu_kernel(x: Float[Array, "..."], center: Float[Array, "..."], sigma: Any = None) -> Float[Array, "..."]:
    """max(x - center, 0). A KAF of this kernel is piecewise linear, with its knots at the centres. sigma is ignored.

    >>> float(relu_kernel(3.0, 1.0))
    2.0
    """
    return FORMULAS["relu"](*_floats(x, center), sigma)


def softplus_kernel(x: Float[Array, "..."], center: Float[Array, "..."], sigma: Any = None) -> Float[Array, "..."]:
    """log(1 + exp(x - center)), the ReLU kernel with a rounded corner. sigma is ignored.

    >>> round(float(softplus_kernel(1.0, 1.0)), 4)
    0.6931
    """
    return FORMULAS["softplus"](*_floats(x, center), sigma)


def polynomial_kernel(
    x: Float[Array, "..."], center: Float[Array, "..."], sigma: Any = None, *, degree: int = 2
) -> Float[Array, "..."]:
    """(1 + x center)^degree. A KAF of this kernel is a polynomial of that degree. sigma is ignored.

    >>> float(polynomial_kernel(2.0, 3.0))
    49.0
    """
    return FORMULAS["polynomial"](*_floats(x, center), sigma, degree)


def rational_quadratic_kernel(
    x: Float[Array, "..."], center: Float[Array, "..."], sigma: Float[Array, ""] | float, *, shape: float = 1.0
) -> Float[Array, "..."]:
    """(1 + (x - center)^2 / (2 shape sigma^2))^-shape, a mixture of Gaussians of many bandwidths.

    Far from the centre it vanishes more slowly than a Gaussian. Source: Rasmussen and Williams, Gaussian Processes for
    Machine Learning (2006), eq. 4.19.

    >>> float(rational_quadratic_kernel(3.0, 1.0, 1.0))
    0.3333333432674408
    """
    return FORMULAS["rational_quadratic"](*_floats(x, center, sigma), sigma, shape)


def periodic_kernel(
    x: Float[Array, "..."], center: Float[Array, "..."], sigma: Float[Array, ""] | float, *, period: float = 6.0
) -> Float[Array, "..."]:
    """exp(-2 sin(pi (x - center) / period)^2 / sigma^2), which repeats after every `period`.

    The default period is the length of the default grid. Infinity gives NaN. Source: Rasmussen and Williams (2006), eq. 4.31.

    >>> float(periodic_kernel(7.0, 1.0, 0.5)) > 0.999
    True
    """
    return FORMULAS["periodic"](*_floats(x, center, sigma), sigma, period)


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
    """A function of (x, center, sigma), from a name in `KERNELS` or from a user's function of (x, center).

    To use a kernel with other parameters than its defaults, write a function of your own:
    `lambda x, c: polynomial_kernel(x, c, degree=3)`. Make the function once, because every new function is compiled anew.
    Raises ValueError for an unknown name, and TypeError for a value that is neither a name nor a function.

    >>> float(kernel_function(lambda x, c: x * c)(2.0, 3.0, 1.0))
    6.0
    """
    if callable(kernel):
        return lambda x, center, sigma: kernel(x, center)
    if not isinstance(kernel, str):
        raise TypeError(f"kaf: a kernel is a name or a function of (x, center); got {kernel!r}.")
    if kernel not in KERNELS:
        raise ValueError(
            f"kaf: there is no kernel {kernel!r}; choose one of {', '.join((*KERNELS, *OTHER_BASES))}, or pass a function of "
            "(x, center)."
        )
    return KERNELS[kernel]


def _floats(x, center, *others):
    xp = get_backend(x, center, *others).np
    return xp, as_floats(xp, x), as_floats(xp, center)


def as_floats(xp, x: Array) -> Array:
    """`x` as an array of floats. The square of a large int32 would wrap round to a negative number."""
    x = xp.asarray(x)
    return x if xp.issubdtype(x.dtype, xp.floating) else x.astype(float)
