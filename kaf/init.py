"""Where alpha starts: at random, or at a function one knows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from .backend import Array, get_backend
from .grid import Grid

# With this spread, and the paper's width, phi(x) has standard deviation of about 1 inside the grid.
RANDOM_SCALE = math.sqrt(0.3)

FUNCTIONS: dict[str, Callable[[numpy.ndarray], numpy.ndarray]] = {
    "relu": lambda x: numpy.maximum(x, 0.0),
    "leaky_relu": lambda x: numpy.where(x >= 0, x, 0.01 * x),
    "elu": lambda x: numpy.where(x > 0, x, numpy.expm1(numpy.minimum(x, 0.0))),
    "tanh": numpy.tanh,
    "sigmoid": lambda x: 0.5 * (1.0 + numpy.tanh(0.5 * x)),
    "softplus": lambda x: numpy.logaddexp(x, 0.0),
    "gelu": lambda x: 0.5 * x * (1.0 + numpy.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: 0.5 * x * (1.0 + numpy.tanh(0.5 * x)),
    "identity": lambda x: x,
}


def random_alpha(key: Array, shape: tuple[int, ...], scale: float = RANDOM_SCALE, dtype: Any = "float32") -> Array:
    """Normal coefficients of standard deviation `scale` and the given shape, drawn by the backend of `key`.

    `key` is a random key, or an integer that seeds one. The same key gives the same numbers on both backends.

    >>> random_alpha(0, (4, 20)).shape
    (4, 20)
    """
    random = get_backend(key).random
    return random.normal(as_key(key), shape, dtype) * numpy.asarray(scale, dtype)


def as_key(key: Array | int) -> Array:
    """A random key as it is; an integer as the key it seeds, on the chosen backend."""
    return get_backend().random.key(key) if isinstance(key, (int, numpy.integer)) else key


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """What `ridge_alpha` found. The residuals are of the float32 `alpha`, measured between the centres as well."""

    alpha: numpy.ndarray
    residual_max: float
    residual_rms: float
    max_abs_alpha: float
    grid: Grid


def ridge_alpha(f: str | Callable, grid: Grid | None = None, eps: float = 1e-4) -> RidgeFit:
    """The coefficients with which a KAF starts as `f`: alpha = (K + eps I)^-1 f(c), for the Gaussian kernels of `grid`.

    `f` is a name in `FUNCTIONS` or an elementwise function of an array of shape [n]. Solved in float64, because K is
    nearly singular; `alpha` is float32 [size]. A small `eps` fits better, by larger coefficients: at 1e-6 and the rule
    "code" ELU takes 705, which bfloat16 rounds by 3. Raises ValueError for an unknown name, an `eps` that is not
    positive, and a function that is not finite on the grid or changes the shape.

    >>> fit = ridge_alpha("elu")
    >>> fit.alpha.dtype, round(fit.max_abs_alpha), fit.residual_max < 0.02
    (dtype('float32'), 19, True)
    """
    grid = Grid() if grid is None else grid
    if not (math.isfinite(eps) and eps > 0):
        raise ValueError(f"ridge_alpha: eps must be positive and finite; it is {eps!r}.")
    centers = numpy.linspace(-grid.boundary, grid.boundary, grid.size)
    K = _kernel_matrix(centers, centers, grid.gamma)
    alpha = numpy.linalg.solve(K + eps * numpy.eye(grid.size), _values(f, centers)).astype(numpy.float32)
    between = numpy.linspace(-grid.boundary, grid.boundary, 50 * (grid.size - 1) + 1)
    residual = _kernel_matrix(between, centers, grid.gamma) @ alpha.astype(numpy.float64) - _values(f, between)
    return RidgeFit(
        alpha=alpha,
        residual_max=float(numpy.abs(residual).max()),
        residual_rms=float(numpy.sqrt(numpy.mean(residual**2))),
        max_abs_alpha=float(numpy.abs(alpha).max()),
        grid=grid,
    )


def _kernel_matrix(x: numpy.ndarray, centers: numpy.ndarray, gamma: float) -> numpy.ndarray:
    return numpy.exp(-gamma * (x[:, None] - centers) ** 2)


def _values(f: str | Callable, x: numpy.ndarray) -> numpy.ndarray:
    if isinstance(f, str) and f not in FUNCTIONS:
        raise ValueError(
            f"ridge_alpha: no function is named {f!r}; choose one of {', '.join(FUNCTIONS)}, or give your own."
        )
    y = numpy.asarray(FUNCTIONS[f](x) if isinstance(f, str) else f(x), numpy.float64)
    if y.shape != x.shape:
        raise ValueError(f"ridge_alpha: f must be elementwise; it made shape {y.shape} of shape {x.shape}.")
    if not numpy.isfinite(y).all():
        raise ValueError(f"ridge_alpha: f is not finite at x = {x[~numpy.isfinite(y)][0]:g}, inside the grid.")
    return y
