"""Initial coefficients alpha: random, or fitted to a known function. And how to move coefficients to another grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import Array, get_backend
from .bases import OTHER_BASES, basis_matrix
from .grid import Grid
from .kernels import kernel_function

# The standard deviation of random coefficients. With the paper's bandwidth, phi(x) then has a standard deviation of about 1
# inside the grid.
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


def random_alpha(key: Array, shape: tuple[int, ...], scale: float = RANDOM_SCALE, dtype: Any = float) -> Array:
    """Normal random coefficients with standard deviation `scale` and the given shape, drawn by the backend of `key`.

    `key` is a random key, or an integer that seeds one. The same key gives the same numbers on both backends. By default
    they are float32, and float64 where x64 is enabled, as other layers' weights are.

    >>> random_alpha(0, (4, 20)).shape
    (4, 20)
    """
    random = get_backend(key).random
    return random.normal(as_key(key), shape, dtype) * float(scale)


def as_key(key: Array | int) -> Array:
    """A random key: `key` itself, or the key that the integer `key` seeds on the chosen backend."""
    return get_backend().random.key(key) if isinstance(key, (int, numpy.integer)) else key


def variance_preserving_scale(grid: Grid, kernel: str | Callable[..., Any] = "gauss", std: float = 1.0) -> float:
    """The standard deviation s of alpha for which phi(x) has variance std^2, when x is normal with standard deviation `std`.

    If alpha has variance s^2, then phi(x) has variance s^2 sum_i kernel(x, c_i)^2. The mean of this over x is computed by
    Gauss-Hermite quadrature. Inside a wide grid of Gaussians the mean is s^2 sqrt(pi / 2a) with a = gamma step^2, which gives
    s = 0.571 for the paper's gamma and std = 1.

    >>> round(variance_preserving_scale(Grid(200, 30.0)), 3)
    0.571
    """
    if not (math.isfinite(std) and std > 0):
        raise ValueError(f"variance_preserving_scale: std must be positive and finite; it is {std!r}.")
    nodes, weights = numpy.polynomial.hermite_e.hermegauss(100)
    K = _kernel_matrix(std * nodes, grid, kernel)
    return std / math.sqrt(float(weights / weights.sum() @ (K**2).sum(1)))


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """The result of `ridge_alpha`: the coefficients, and how well they fit.

    alpha           float32 [size]
    residual_max    largest absolute error of the fit, on 50 points per step of the grid
    residual_rms    root of the mean squared error, on the same points
    max_abs_alpha   largest absolute coefficient
    grid            the grid of the coefficients
    """

    alpha: numpy.ndarray[Any, Any]
    residual_max: float
    residual_rms: float
    max_abs_alpha: float
    grid: Grid


def ridge_alpha(
    f: str | Callable[..., Any], grid: Grid | None = None, eps: float = 1e-4, kernel: str | Callable[..., Any] = "gauss"
) -> RidgeFit:
    """The coefficients of a KAF that starts as the function `f`: alpha = (K + eps I)^-1 f(c), with K_ij = kernel(c_i, c_j).

    `f` is a name in `FUNCTIONS`, or an elementwise function of an array of shape [n]. The system is solved in float64,
    because K is nearly singular; `alpha` is float32 [size]. A smaller `eps` fits better but needs larger coefficients: with
    eps = 1e-6 and the rule "code", the largest coefficient of ELU is 705, which bfloat16 rounds by 3.

    For other kernels than the Gaussian, K is singular (the K of the ReLU kernel has a diagonal of zeros) or not symmetric.
    Their coefficients minimise the squared error on 50 points per step, with the ridge eps. All ReLU kernels vanish left of
    the first centre, where tanh, for example, does not; the residual shows this.

    Raises ValueError for an unknown name, for an `eps` that is not positive, and for a function that is not finite on the
    grid or changes the shape.

    >>> fit = ridge_alpha("elu")
    >>> fit.alpha.dtype, round(fit.max_abs_alpha), fit.residual_max < 0.02
    (dtype('float32'), 19, True)
    """
    grid = Grid() if grid is None else grid
    if not (math.isfinite(eps) and eps > 0):
        raise ValueError(f"ridge_alpha: eps must be positive and finite; it is {eps!r}.")
    centers = grid.exact_centers
    between = numpy.linspace(grid.low, grid.high, 50 * (grid.size - 1) + 1)
    K = _kernel_matrix(between, grid, kernel)
    y = _values(f, centers)
    if kernel == "gauss":
        alpha = numpy.linalg.solve(_kernel_matrix(centers, grid, kernel) + eps * numpy.eye(grid.size), y)
    else:
        normal = K.T @ K / len(between) + eps * numpy.eye(grid.size)
        alpha = numpy.linalg.solve(normal, K.T @ _values(f, between) / len(between))
    alpha = alpha.astype(numpy.float32)
    residual = K @ alpha.astype(numpy.float64) - _values(f, between)
    return RidgeFit(
        alpha=alpha,
        residual_max=float(numpy.abs(residual).max()),
        residual_rms=float(numpy.sqrt(numpy.mean(residual**2))),
        max_abs_alpha=float(numpy.abs(alpha).max()),
        grid=grid,
    )


def _kernel_matrix(
    x: numpy.ndarray, grid: Grid, kernel: str | Callable = "gauss", sigma: float | None = None
) -> numpy.ndarray:
    """kernel(x_n, c_i), float64 [n, k]. Kernels other than Gaussians and bases are only as precise as the backend's floats."""
    centers = grid.exact_centers
    sigma = grid.sigma if sigma is None else sigma
    if kernel in OTHER_BASES:
        return basis_matrix(kernel, (x - grid.low) / grid.step, grid.size)
    if kernel == "gauss":
        return numpy.exp(-((x[:, None] - centers) ** 2) / (2 * sigma**2))
    return numpy.asarray(kernel_function(kernel)(x[:, None], centers, sigma), numpy.float64)


def _values(f: str | Callable, x: numpy.ndarray) -> numpy.ndarray:
    if isinstance(f, str) and f not in FUNCTIONS:
        raise ValueError(
            f"ridge_alpha: there is no function {f!r}; choose one of {', '.join(FUNCTIONS)}, or pass your own function."
        )
    y = numpy.asarray(FUNCTIONS[f](x) if isinstance(f, str) else f(x), numpy.float64)
    if y.shape != x.shape:
        raise ValueError(f"ridge_alpha: f must be elementwise; it turned shape {x.shape} into shape {y.shape}.")
    if not numpy.isfinite(y).all():
        raise ValueError(f"ridge_alpha: f is not finite at x = {x[~numpy.isfinite(y)][0]:g}, inside the grid.")
    return y


# -- On another grid -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Resized:
    """The result of `resize_alpha`.

    alpha           float32 [*units, new.size], or float64 if the old coefficients are a float64 array
    residual_max    largest absolute difference between the new functions and the old ones, on the new grid
    max_abs_alpha   largest absolute coefficient
    exact           whether every old centre is also a new centre and the bandwidth is the same; the coefficients are then
                    the old ones in other places, and the functions are equal everywhere
    grid            the new grid
    """

    alpha: numpy.ndarray[Any, Any]
    residual_max: float
    max_abs_alpha: float
    exact: bool
    grid: Grid


def resize_alpha(alpha: Array, old: Grid, new: Grid, sigma: float | None = None, rcond: float = 1e-5) -> Resized:
    """Coefficients on the grid `new` for the functions with coefficients alpha [*units, old.size] on the grid `old`.

    For Gaussians. The new functions have the smallest mean squared difference from the old ones over the new grid. They are
    found by least squares in float64, on 20 points per step. Singular values below `rcond` times the largest are left out: a
    smaller `rcond` gives smaller residuals and larger coefficients. If the new centres contain the old ones and the
    bandwidth is the same, the new functions equal the old ones everywhere.

    `sigma` is the old bandwidth if it is not the bandwidth of `old`. The new bandwidth is that of `new`. Raises ValueError if
    alpha does not fit the old grid.

    >>> alpha = ridge_alpha("tanh").alpha
    >>> wider = resize_alpha(alpha, Grid(20, 3.0), Grid(58, 9.0))
    >>> wider.alpha.shape, wider.exact, wider.residual_max
    ((58,), True, 0.0)
    >>> resize_alpha(alpha, Grid(20, 3.0), Grid(40, 4.0)).residual_max < 1e-3
    True
    """
    dtype = numpy.float64 if getattr(alpha, "dtype", None) == numpy.float64 else numpy.float32
    alpha = numpy.asarray(alpha, numpy.float64)
    if not alpha.ndim or alpha.shape[-1] != old.size:
        raise ValueError(f"resize_alpha: the old grid has {old.size} centres; alpha has shape {alpha.shape}.")
    sigma = old.sigma if sigma is None else float(sigma)
    place = _places(old, new) if math.isclose(sigma, new.sigma, rel_tol=1e-6) else None
    if place is not None:
        resized = numpy.zeros((*alpha.shape[:-1], new.size), dtype)
        resized[..., place] = alpha
        return Resized(resized, 0.0, float(numpy.abs(resized).max(initial=0.0)), True, new)
    points = math.ceil(40 * new.boundary / min(old.step, new.step)) + 1
    x = numpy.linspace(new.low, new.high, points)
    y = _kernel_matrix(x, old, sigma=sigma) @ alpha.reshape(-1, old.size).T
    K = _kernel_matrix(x, new)
    resized = numpy.linalg.lstsq(K, y, rcond=rcond)[0].astype(dtype)
    return Resized(
        alpha=resized.T.reshape(*alpha.shape[:-1], new.size),
        residual_max=float(numpy.abs(K @ resized.astype(numpy.float64) - y).max(initial=0.0)),
        max_abs_alpha=float(numpy.abs(resized).max(initial=0.0)),
        exact=False,
        grid=new,
    )


def _places(old: Grid, new: Grid) -> numpy.ndarray | None:
    """The index of every old centre among the new centres, int [old.size]; None if an old centre is not a new one."""
    exact = (old.exact_centers - new.low) / new.step
    place = numpy.round(exact).astype(int)
    if numpy.abs(exact - place).max() > 1e-6 or place.min() < 0 or place.max() >= new.size:
        return None
    return place


def fit_to_data(x: Array, size: int = 20, coverage: float = 0.99, rule: str = "paper", symmetric: bool = True) -> Grid:
    """A grid of `size` centres, as wide as needed to contain the share `coverage` of the inputs x [any shape].

    Outside its grid a KAF of Gaussians falls to zero and learns nothing. The grid is symmetric about 0 or, with
    symmetric=False, goes from one quantile of x to another. Raises ValueError for an x that is empty, not finite, or all zeros
    (all equal, with symmetric=False), and for a coverage that is not in (0, 1].

    >>> fit_to_data(numpy.linspace(-8, 8, 1001), coverage=1.0).boundary
    8.0
    >>> fit_to_data(numpy.linspace(100, 104, 1001), coverage=1.0, symmetric=False).low
    100.0
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"fit_to_data: coverage is a share, above 0 and at most 1; it is {coverage!r}.")
    x = numpy.asarray(x, numpy.float64)
    if not x.size or not numpy.isfinite(x).all() or not x.any():
        raise ValueError("fit_to_data: x must hold finite numbers, and at least one that is not zero.")
    if not symmetric:
        if x.min() == x.max():
            raise ValueError("fit_to_data: a grid that is not symmetric needs an x of at least two different numbers.")
        low, high = numpy.quantile(x, [(1 - coverage) / 2, (1 + coverage) / 2]).tolist()
        return Grid.over(low, high, size, rule) if low < high else Grid.over(float(x.min()), float(x.max()), size, rule)
    x = numpy.abs(x)
    return Grid(size, float(numpy.quantile(x, coverage)) or float(x.max()), rule)


def share_out_of_range(x: Array, grid: Grid | None = None, axis: int | None = None) -> numpy.ndarray[Any, Any]:
    """The share of the inputs x that lie beyond the outermost centres, float64 []; with `axis`, one share for each unit.

    The units are the axis `axis` of x. A KAF of Gaussians learns nothing from inputs out of range; `fit_to_data` finds a
    wider grid. NaN counts as out of range.

    >>> float(share_out_of_range([-5.0, 0.0, 1.0, 2.0], Grid(20, 3.0)))
    0.25
    """
    grid = Grid() if grid is None else grid
    x = numpy.asarray(x, numpy.float64)
    outside = ~(numpy.abs(x - grid.middle) <= grid.boundary)
    if axis is None:
        return outside.mean()
    return outside.mean(tuple(i for i in range(x.ndim) if i != axis % x.ndim))
