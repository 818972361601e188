"""`kaf`, the kernel activation function of plain arrays, and the choice of the method that computes it.

Scardapane, Van Vaerenbergh, Totaro, Uncini: Kafnets, Neural Networks 110 (2019), arXiv 1707.04035.
"""

# jaxtyping writes shapes as strings, and ruff mistakes the strings for names.
# ruff: noqa: F722, F821, UP037

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy

from ..backend import Backend, concrete, get_backend
from .bases import BASES, OTHER_BASES, of_the_functions
from .evaluation import Problem, rows_per_chunk
from .grid import Grid
from .gridded import Layout, make_layout, sum_over_centers, unknown_layout
from .kernels import NEED_SIGMA, as_floats, kernel_function
from .operations import sum_of_gaussians

if TYPE_CHECKING:
    from jaxtyping import Float

    from ..backend import Array

METHODS = ("auto", "gridded", "pallas", "loop", "naive")


def kaf(
    x: Float[Array, "*batch"],
    alpha: Float[Array, "*units k"],
    centers: Float[Array, "k"] | Grid,
    sigma: Float[Array, "*units"] | float | None = None,
    *,
    kernel: str | Callable[..., Any] = "gauss",
    method: str = "auto",
    axis: int | None = None,
) -> Float[Array, "*batch"]:
    """A weighted sum of k kernels at fixed centres. For Gaussians phi(x) = sum_i alpha_i exp(-(x - c_i)^2 / (2 sigma^2)).

    x         For a layer of H units [..., H]. For one function any shape, also a scalar.
    alpha     [H, k], the trainable coefficients, one function for each unit; or [k], one function that all units share.
    centers   [k]; or a `Grid`, which also has the bandwidth sigma.
    sigma     The bandwidth: one number, or [H], one for each unit.
    kernel    A name in `kaf.KERNELS`, or a function of (x, c) that is elementwise in x. Or a basis on the grid of the centres:
              "bspline" (cubic), "chebyshev", "legendre" or "fourier", whose period is the grid's width. Polynomials are constant
              outside of the grid, and B-splines 0. A basis needs a Grid, or centres that are equispaced and known.
    axis      Which axis of x the units are, if they are not the last one; 1 for the channels of a convolution. Without it, a
              UserWarning is given for an x as [8, 8, 8] with 8 units, whose units might be another axis; -1 says the last.

    The result has the shape of x, and the dtype that the arguments promote to; half precision is computed in float32. NaN
    gives NaN. With Gaussians, a value far from all centres gives 0.

    method:
    - "naive" computes the formula as written, and holds [*batch, k] values at a time. The other methods hold a few arrays of
      the size of x, and keep only x, alpha and sigma for reverse mode.
    - "gridded" computes three exponentials per value instead of k (see `kaf/functional/gridded.py`). It needs Gaussians, and
      centres that are equispaced and known when the program is traced. A NumPy program reads many float32 values from tables
      instead, which is faster (see `kaf/functional/tables.py`).
    - "pallas" computes the same with GPU kernels (see `kaf/functional/pallas.py`). Without a GPU the kernels are interpreted,
      which is slow.
    - "loop" adds one kernel after the other. It takes any kernel and any centres.
    - "auto" is "naive" for a small array, "pallas" for JAX on one GPU, else "gridded". It decides with the whole shape known, also
      under vmap. Centres and bandwidths that are traced need not be known: the program finds out whether they allow "gridded".
      Where they do not, it is "loop"; if that is known when the program is traced, one UserWarning says so.

    Precision: on a Grid of up to 200 centres the error is at most 50 eps sum_i |alpha_i| with "gridded", and 20 eps
    sum_i |alpha_i| with "naive" and "loop", where eps is 1.2e-7 in float32. This is much where the coefficients are large and
    cancel: a ridge fit of tanh on [-1000, 1000] has a sum of |alpha| of 13,000, and all its values are below 1.3. A larger eps
    of `ridge_alpha` gives smaller coefficients.

    Raises ValueError if the shapes do not fit, if sigma is not positive, and if the method is not possible.

    >>> import numpy as np
    >>> alpha = np.zeros((4, 20), np.float32)
    >>> kaf(np.ones((5, 4), np.float32), alpha, Grid()).shape
    (5, 4)
    >>> kaf(np.ones((5, 4, 8, 8), np.float32), alpha, np.linspace(-3, 3, 20, dtype=np.float32), 0.5, axis=1).shape
    (5, 4, 8, 8)
    """
    return evaluated(x, alpha, centers, sigma, kernel, method, axis)


def evaluated(x, alpha, centers, sigma, kernel, method: str, axis: int | None, trained: bool = False) -> Any:
    """`kaf`. trained: whether the centres change from call to call. The program then finds out whether they are equispaced, also
    where they are known when it is traced. Otherwise each call with other centres would compile a program."""
    if isinstance(centers, Grid):
        # The dtype of a Grid's centres must not count: a float64 NumPy array would turn float32 arguments into float64.
        centers, sigma, of_dtype = centers.exact_centers, centers.sigma if sigma is None else sigma, ()
    else:
        of_dtype = (centers,)
    backend = get_backend(x, alpha, centers, sigma)
    xp = backend.np
    x, alpha = as_floats(xp, x), as_floats(xp, alpha)
    dtype = xp.result_type(x, alpha, *[as_floats(xp, c) for c in of_dtype], *([] if sigma is None else [sigma]))
    if axis is None:
        _warn_of_other_axes(x.shape, alpha.shape)
    else:
        alpha, sigma = _move_units(x.shape, alpha, sigma, axis)
    _check(x.shape, alpha.shape, numpy.shape(centers), sigma, kernel)
    problem = _problem(backend, centers, sigma, kernel, method, trained)
    if kernel in OTHER_BASES:
        return _on_basis(backend, kernel, problem.method, numpy.dtype(dtype), x, alpha, centers)
    # The kernels that have no bandwidth ignore this 1.
    given = 1.0 if sigma is None else sigma
    sigma = as_floats(xp, given)
    centers = as_floats(xp, centers) if of_dtype else xp.asarray(centers, xp.result_type(dtype, "float32"))
    dtype = numpy.dtype(dtype)
    if problem.method == "naive":
        # A Python number stays one. Then 2 sigma^2 is a number in the jaxpr, and not the result of three equations.
        stays = type(given) is float and isinstance(kernel, str)
        return _weighted_kernels(kernel_function(kernel), dtype, x, alpha, centers, given if stays else sigma)
    if kernel == "gauss":
        return sum_of_gaussians(backend, problem, x, alpha, sigma, centers, str(dtype))
    return _one_by_one(backend, kernel_function(kernel), dtype)(x, alpha, centers, sigma)


def _problem(backend: Backend, centers, sigma, kernel, method: str, trained: bool) -> Problem:
    """The method, and the layout of the centres if they are equispaced, or not known yet."""
    if method not in METHODS:
        raise ValueError(f"kaf: there is no method {method!r}; choose one of {', '.join(METHODS)}.")
    if method == "pallas" and not backend.has_pallas:
        raise ValueError('kaf: method "pallas" is for JAX on a GPU; "gridded" takes arrays of either backend.')
    if method in ("naive", "loop") or kernel != "gauss" and method == "auto":
        return Problem(method, None)
    if method == "auto" and (trained or concrete(centers) is None):
        return Problem(method, unknown_layout(centers.shape[0]), scaled=True)
    layout = _layout(centers, sigma) if kernel == "gauss" else None
    if layout is None and method != "auto":
        raise ValueError(
            f'kaf: method "{method}" needs Gaussians whose centers are equispaced, ascending and known when the program is '
            'traced (not tracers), and a sigma that is not small compared with their step; "loop" takes any centers.'
        )
    if layout is None:
        _warn_of_the_loop(concrete(centers))
    return Problem(method, layout)


# Whether `_warn_of_the_loop` has warned. A list, so that a test can empty it.
_warned: list[str] = []


def _warn_of_the_loop(centers: numpy.ndarray) -> None:
    """Warn, once in a program, that "auto" cannot be "gridded" for these centres; a few are as fast one after the other."""
    if len(centers) < 5 or _warned:
        return
    regular = make_layout(centers, math.inf) is not None
    why = (
        "sigma is less than a third of the distance between two centers"
        if regular
        else f"the {len(centers)} centers are not equispaced and ascending"
    )
    _warned.append(why)
    warnings.warn(
        f"kaf: {why}, so the sum takes one Gaussian after the other, which takes several times as long. Take a Grid, or centers "
        'like numpy.linspace(-3, 3, 20) and a larger sigma; or say method="loop" if this is meant. This is said once.',
        stacklevel=5,
    )


def _layout(centers, sigma) -> Layout | None:
    known = concrete(centers)
    if known is None:
        return None
    widths = concrete(sigma)
    if widths is None:
        return make_layout(known, None)
    return make_layout(known, float(widths.min(initial=math.inf))) if (widths > 0).all() else None


def _on_basis(backend: Backend, basis: str, method: str, dtype, x, alpha, centers):
    """The sum of the functions of a basis: a KAF whose centres are the numbers of the functions, for x in units of the grid."""
    xp, computing = backend.np, backend.np.result_type(dtype, "float32")
    known = concrete(centers)
    steps = None if known is None else numpy.diff(numpy.asarray(known, numpy.float64))
    if steps is None or not len(steps) or not numpy.ptp(steps) <= 1e-5 * steps[0] or not steps[0] > 0:
        raise ValueError(
            f"kaf: the basis {basis!r} is on a grid: give a Grid, or two or more centers that are equispaced, ascending and known "
            "when the program is traced."
        )
    step = float(steps.mean())
    u = (x.astype(computing) - float(known[0])) / step
    alpha = of_the_functions(xp, basis, alpha.astype(computing))
    numbers = xp.arange(len(known), dtype=computing)
    function = _function_of_basis(basis, len(known), xp)
    if method == "naive":
        return _weighted_kernels(function, dtype, u, alpha, numbers, 1.0)
    return _one_by_one(backend, function, dtype)(u, alpha, numbers, xp.ones((), computing))


@functools.cache
def _function_of_basis(basis: str, k: int, xp) -> Callable:
    return lambda u, j, sigma: BASES[basis](xp, u, j, k)


def _weighted_kernels(kernel, dtype, x, alpha, centers, sigma):
    # The formula as written. It holds [*batch, units, k] values at a time.
    K = kernel(x[..., None], centers, sigma[..., None] if numpy.ndim(sigma) else sigma)
    return (K * alpha).sum(-1).astype(dtype)


@functools.cache
def _one_by_one(backend: Backend, kernel: Callable, dtype) -> Callable:
    """The function of (x, alpha, centers, sigma) that adds one kernel after the other.

    It is made once and compiled once for each shape, even if the user does not ask for jit. Because of the checkpoint, reverse mode
    keeps only the arguments.
    """
    xp = backend.np

    def by_rows(x, alpha, centers, sigma):
        units, k = alpha.shape[:-1], alpha.shape[-1]
        own = x.shape[x.ndim - len(units) :]
        n = math.prod(x.shape[: x.ndim - len(units)])
        # alpha as [k, *units], by a matrix product, for the reason that `evaluation._Rows.coefficients` has.
        c = xp.tensordot(numpy.eye(k, dtype=alpha.dtype), alpha, ((1,), (alpha.ndim - 1,)), precision="highest")

        def rows(x):
            return sum_over_centers(backend, kernel, x, c, centers, sigma).astype(dtype)

        shape, x = x.shape, x.reshape(n, *own)
        chunk = rows_per_chunk(n, math.prod(own), backend.chunk_size(x.size, 1))
        if chunk == n:
            return rows(x).reshape(shape)
        # Without this checkpoint the loop would keep, for every chunk, the values that its derivatives need.
        rows = backend.checkpoint(rows, prevent_cse=False)
        whole = n - n % chunk
        out = _in_turn(backend, rows, x[:whole], chunk)
        if whole < n:
            out = xp.concatenate([out, rows(x[whole:])])
        return out.reshape(shape)

    return backend.jit(backend.checkpoint(by_rows))


def _in_turn(backend: Backend, rows: Callable, x, chunk: int):
    """rows(x), a chunk of rows at a time. Where several devices share x, a chunk takes rows that are far apart (see
    `evaluation._in_chunks`)."""
    xp, row = backend.np, x.shape[1:]
    if not backend.shares_arrays():
        return backend.lax.map(rows, x.reshape(-1, chunk, *row)).reshape(x.shape)
    chunks = xp.moveaxis(x.reshape(chunk, -1, *row), 1, 0)
    return xp.moveaxis(backend.lax.map(rows, chunks), 0, 1).reshape(x.shape)


def _move_units(x: tuple[int, ...], alpha, sigma, axis: int):
    if alpha.ndim != 2 or not -len(x) <= axis < len(x):
        raise ValueError(
            f"kaf: with axis, alpha must be [units, k] and axis an axis of x; axis is {axis}, x has shape {x}, alpha {alpha.shape}."
        )
    behind = (1,) * (len(x) - 1 - axis % len(x))
    if sigma is not None and numpy.ndim(sigma) == 1:
        sigma = sigma.reshape(*sigma.shape, *behind)
    return alpha.reshape(alpha.shape[0], *behind, alpha.shape[1]), sigma


def _warn_of_other_axes(x: tuple[int, ...], alpha: tuple[int, ...]) -> None:
    """Warn of an x [batch, units, ..., units]: channels of a convolution would silently be taken for something else."""
    if len(alpha) == 2 and alpha[0] > 1 and x[-1:] == alpha[:1] and alpha[0] in x[1:-1]:
        warnings.warn(
            f"kaf: x has shape {x}, and its last axis is taken as the {alpha[0]} units, though another axis has that size too. "
            f"Say which one by axis: -1 is the last, {x.index(alpha[0], 1)} the other.",
            stacklevel=4,
        )


def _check(x: tuple[int, ...], alpha: tuple[int, ...], centers: tuple[int, ...], sigma, kernel) -> None:
    shapes = f"x has shape {x}, alpha {alpha}, centers {centers}"
    if len(centers) != 1:
        raise ValueError(f"kaf: centers must have one axis, [k]; {shapes}.")
    if not alpha or alpha[-1] != centers[0]:
        raise ValueError(f"kaf: the last axis of alpha must have one coefficient for each of the centers; {shapes}.")
    if not _broadcasts_to(alpha[:-1], x):
        raise ValueError(
            f"kaf: alpha without its last axis has shape {alpha[:-1]}, which must fit the last axes of x: "
            f"alpha is [H, k] for x of shape [..., H]; {shapes}."
        )
    if sigma is None:
        if kernel in NEED_SIGMA:
            raise ValueError(f"kaf: the kernel {kernel!r} needs a bandwidth: give sigma, or a Grid for centers.")
        return
    if not _broadcasts_to(numpy.shape(sigma), alpha[:-1]):
        raise ValueError(
            f"kaf: sigma must be one number, or one for each unit; it has shape {numpy.shape(sigma)}; {shapes}."
        )
    widths = concrete(sigma)
    if widths is not None and not (widths > 0).all():
        raise ValueError(f"kaf: sigma, the bandwidth of the kernel, must be positive; it is {widths.min()}.")


def _broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return numpy.broadcast_shapes(shape, target) == target
    except ValueError:  # The two do not broadcast at all.
        return False
