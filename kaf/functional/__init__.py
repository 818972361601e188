"""The kernel activation function of plain arrays: its kernels, its grid of centres, its coefficients, its fast evaluation."""

from .activation import METHODS, kaf
from .grid import Grid
from .init import (
    FUNCTIONS,
    RANDOM_SCALE,
    Resized,
    RidgeFit,
    fit_to_data,
    random_alpha,
    resize_alpha,
    ridge_alpha,
    share_out_of_range,
    variance_preserving_scale,
)
from .kernels import (
    KERNELS,
    gauss_kernel,
    periodic_kernel,
    polynomial_kernel,
    rational_quadratic_kernel,
    relu_kernel,
    softplus_kernel,
)

__all__ = [
    "FUNCTIONS",
    "KERNELS",
    "METHODS",
    "RANDOM_SCALE",
    "Grid",
    "Resized",
    "RidgeFit",
    "fit_to_data",
    "gauss_kernel",
    "kaf",
    "periodic_kernel",
    "polynomial_kernel",
    "random_alpha",
    "rational_quadratic_kernel",
    "relu_kernel",
    "resize_alpha",
    "ridge_alpha",
    "share_out_of_range",
    "softplus_kernel",
    "variance_preserving_scale",
]
