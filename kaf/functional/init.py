"""Where alpha starts: at random, or at a function one knows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import Array, get_backend
from .grid import Grid
from .kernels import kernel_function

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


def variance_preserving_scale(grid: Grid, kernel: str | Callable = "gauss", std: float = 1.0) -> float:
    """The spread of alpha with which phi(x) has variance std^2 for normal inputs x of standard deviation `std`.

    For random alpha of variance s^2 that of phi(x) is s^2 sum_i kernel(x, c_i)^2; its mean over x, by Gauss-Hermite
    quadrature. Inside a wide grid of Gaussians that is s^2 sqrt(pi / 2a), a = gamma step^2: s = 0.571 with the paper's.

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
    """What `ridge_alpha` found. The residuals are of the float32 `alpha`, measured between the centres as well."""

    alpha: numpy.ndarray
    residual_max: float
    residual_rms: float
    max_abs_alpha: float
    grid: Grid


def ridge_alpha(
    f: str | Callable, grid: Grid | None = None, eps: float = 1e-4, kernel: str | Callable = "gauss"
) -> RidgeFit:
    """The coefficients with which a KAF starts as `f`: alpha = (K + eps I)^-1 f(c), for the kernels of `grid`.

    `f` is a name in `FUNCTIONS` or an elementwise function of an array of shape [n]. Solved in float64, because K is
    nearly singular; `alpha` is float32 [size]. A small `eps` fits better, by larger coefficients: at 1e-6 and the rule
    "code" ELU takes 705, which bfloat16 rounds by 3. Other kernels than the Gaussian have a K that is singular (ReLU's
    has a diagonal of zeros) or not symmetric: for them the least squares fit between the centres too, with the ridge
    eps. ReLUs vanish left of the first centre, where tanh, say, does not: the residual tells. Raises
    ValueError for an unknown name, an `eps` that is not positive, and a function that is not finite on the grid or
    changes the shape.

    >>> fit = ridge_alpha("elu")
    >>> fit.alpha.dtype, round(fit.max_abs_alpha), fit.residual_max < 0.02
    (dtype('float32'), 19, True)
    """
    grid = Grid() if grid is None else grid
    if not (math.isfinite(eps) and eps > 0):
        raise ValueError(f"ridge_alpha: eps must be positive and finite; it is {eps!r}.")
    centers = numpy.linspace(-grid.boundary, grid.boundary, grid.size)
    between = numpy.linspace(-grid.boundary, grid.boundary, 50 * (grid.size - 1) + 1)
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
    """kernel(x_n, c_i), float64 [n, k]; to the precision of the backend's floats, but for the Gaussian."""
    centers = numpy.linspace(-grid.boundary, grid.boundary, grid.size)
    sigma = grid.sigma if sigma is None else sigma
    if kernel == "gauss":
        return numpy.exp(-((x[:, None] - centers) ** 2) / (2 * sigma**2))
    return numpy.asarray(kernel_function(kernel)(x[:, None], centers, sigma), numpy.float64)


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


# -- On another grid -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Resized:
    """What `resize_alpha` found. residual_max: how far the new functions are from the old ones, on the new grid.

    `exact`: every old centre is a new one too and the bandwidth is the same; the coefficients were only moved.
    """

    alpha: numpy.ndarray
    residual_max: float
    max_abs_alpha: float
    exact: bool
    grid: Grid


def resize_alpha(alpha: Array, old: Grid, new: Grid, sigma: float | None = None, rcond: float = 1e-5) -> Resized:
    """The coefficients [*units, new.size] of the functions nearest to those of alpha [*units, old.size], for Gaussians.

    The projection onto the span of the new Gaussians in the mean square over the new grid, by least squares on points 20
    to a step (float64; singular values below `rcond` times the largest are left out: smaller residuals take larger
    coefficients). Where the new centres contain the old ones and the bandwidth is the same, the projection is the
    function itself, everywhere, and found exactly. `sigma` is the old bandwidth where it is not the old grid's; the new
    one is the new grid's. Raises ValueError where alpha does not fit the old grid.

    >>> alpha = ridge_alpha("tanh").alpha
    >>> wider = resize_alpha(alpha, Grid(20, 3.0), Grid(58, 9.0))
    >>> wider.alpha.shape, wider.exact, wider.residual_max
    ((58,), True, 0.0)
    >>> resize_alpha(alpha, Grid(20, 3.0), Grid(40, 4.0)).residual_max < 1e-3
    True
    """
    alpha = numpy.asarray(alpha, numpy.float64)
    if not alpha.ndim or alpha.shape[-1] != old.size:
        raise ValueError(f"resize_alpha: the old grid has {old.size} centres; alpha has shape {alpha.shape}.")
    sigma = old.sigma if sigma is None else float(sigma)
    place = _places(old, new) if math.isclose(sigma, new.sigma, rel_tol=1e-6) else None
    if place is not None:
        resized = numpy.zeros((*alpha.shape[:-1], new.size), numpy.float32)
        resized[..., place] = alpha
        return Resized(resized, 0.0, float(numpy.abs(resized).max(initial=0.0)), True, new)
    points = math.ceil(40 * new.boundary / min(old.step, new.step)) + 1
    x = numpy.linspace(-new.boundary, new.boundary, points)
    y = _kernel_matrix(x, old, sigma=sigma) @ alpha.reshape(-1, old.size).T
    K = _kernel_matrix(x, new)
    resized = numpy.linalg.lstsq(K, y, rcond=rcond)[0].astype(numpy.float32)
    return Resized(
        alpha=resized.T.reshape(*alpha.shape[:-1], new.size),
        residual_max=float(numpy.abs(K @ resized.astype(numpy.float64) - y).max(initial=0.0)),
        max_abs_alpha=float(numpy.abs(resized).max(initial=0.0)),
        exact=False,
        grid=new,
    )


def _places(old: Grid, new: Grid) -> numpy.ndarray | None:
    """Which of the new centres the old ones are; None if they are not all among them."""
    exact = (numpy.linspace(-old.boundary, old.boundary, old.size) + new.boundary) / new.step
    place = numpy.round(exact).astype(int)
    if numpy.abs(exact - place).max() > 1e-6 or place.min() < 0 or place.max() >= new.size:
        return None
    return place


def fit_to_data(x: Array, size: int = 20, coverage: float = 0.99, rule: str = "paper") -> Grid:
    """The grid of `size` centres whose boundary holds the share `coverage` of the inputs x, of any shape.

    Beyond it a KAF of Gaussians falls to zero, and learns nothing. Raises ValueError for an x that is empty, not finite,
    or zero throughout, and a coverage that is not in (0, 1].

    >>> fit_to_data(numpy.linspace(-8, 8, 1001), coverage=1.0).boundary
    8.0
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"fit_to_data: coverage is a share, above 0 and at most 1; it is {coverage!r}.")
    x = numpy.abs(numpy.asarray(x, numpy.float64))
    if not x.size or not numpy.isfinite(x).all() or not x.any():
        raise ValueError("fit_to_data: x must hold finite numbers, and not zeros alone.")
    return Grid(size, float(numpy.quantile(x, coverage)) or float(x.max()), rule)


def share_out_of_range(x: Array, grid: Grid | None = None, axis: int | None = None) -> numpy.ndarray:
    """The share of the inputs x beyond the outermost centres, float64 []; with `axis`, for each unit along it.

    Where much is out of range the layer is dead for it: see `fit_to_data`. NaN counts as out of range.

    >>> float(share_out_of_range([-5.0, 0.0, 1.0, 2.0], Grid(20, 3.0)))
    0.25
    """
    grid = Grid() if grid is None else grid
    x = numpy.asarray(x, numpy.float64)
    outside = ~(numpy.abs(x) <= grid.boundary)
    if axis is None:
        return outside.mean()
    return outside.mean(tuple(i for i in range(x.ndim) if i != axis % x.ndim))
