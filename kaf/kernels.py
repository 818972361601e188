"""`kaf.kernels`: the kernels, by name and one by one. A door to `kaf/functional/kernels.py`.

Pickled layers of older versions name a kernel that is a function by this path.
"""

from .functional.kernels import (
    KERNELS,
    gauss_kernel,
    periodic_kernel,
    polynomial_kernel,
    rational_quadratic_kernel,
    relu_kernel,
    softplus_kernel,
)

__all__ = [
    "KERNELS",
    "gauss_kernel",
    "periodic_kernel",
    "polynomial_kernel",
    "rational_quadratic_kernel",
    "relu_kernel",
    "softplus_kernel",
]
