"""The kernel activation function itself, a function of plain arrays.

Scardapane, Van Vaerenbergh, Totaro, Uncini: Kafnets, Neural Networks 110 (2019), arXiv 1707.04035.
"""

# jaxtyping writes shapes as strings, which ruff takes for names.
# ruff: noqa: F722, F821, UP037

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy

from ..backend import Backend, concrete, get_backend, optional_module
from .grid import Grid
from .gridded import Layout, evaluator, fits, gaussian, make_layout, sum_over_centers
from .kernels import NEED_SIGMA, as_floats, gauss_kernel, kernel_function

if TYPE_CHECKING:
    from jaxtyping import Float

    from ..backend import Array

METHODS = ("auto", "gridded", "pallas", "loop", "naive")

# Rows shorter than this are put together.
_ROW_SIZE = 256


def kaf(
    x: Float[Array, "*batch"],
    alpha: Float[Array, "*units k"],
    centers: Float[Array, "k"] | Grid,
    sigma: Float[Array, "*units"] | float | None = None,
    *,
    kernel: str | Callable = "gauss",
    method: str = "auto",
    axis: int | None = None,
) -> Float[Array, "*batch"]:
    """A weighted sum of k kernels at fixed centres; of Gaussians: phi(x) = sum_i alpha_i exp(-(x - c_i)^2 / (2 sigma^2)).

    For a scalar `x`, `alpha` is [k], the function's trainable coefficients. For a layer of H units `x` is [..., H] and
    `alpha` [H, k], a function for each unit; [k] shares one function among all. With `axis` the units are that axis of
    x: 1 for the channels of a convolution. `centers` [k], or a `Grid`, which knows sigma too. sigma: one for all, or
    one for each unit. `kernel` is a name in `kernels.KERNELS` or a function of (x, c), elementwise in x. The result has
    the shape of `x` and the dtype the arguments promote to; half precision is computed in float32. NaN gives NaN, a
    value far from all centres gives 0.

    method: "naive" is the formula as it stands, which holds [*batch, k] values at a time; the others hold a few of x's
    size, and keep nothing but x, alpha and sigma for reverse mode. "gridded" takes three exponentials a value (see
    `kaf.gridded`), for Gaussians whose centres are equispaced and known when the program is traced; "pallas" is the same
    by kernels for GPUs (see `kaf.pallas`; elsewhere they are interpreted, slowly). "loop" takes one kernel after the
    other, any of them. "auto" is "pallas" for JAX on one GPU and "gridded" elsewhere where that can be, else "loop".
    JAX's `jet`, which has no rule for `jax.checkpoint`, takes "naive" alone.

    Raises ValueError where the shapes do not fit, sigma is not positive, or the method cannot be.

    >>> import numpy as np
    >>> alpha = np.zeros((4, 20), np.float32)
    >>> kaf(np.ones((5, 4), np.float32), alpha, Grid()).shape
    (5, 4)
    >>> kaf(np.ones((5, 4, 8, 8), np.float32), alpha, np.linspace(-3, 3, 20, dtype=np.float32), 0.5, axis=1).shape
    (5, 4, 8, 8)
    """
    if isinstance(centers, Grid):
        # A NumPy array would take part in the promotion of dtypes.
        centers, sigma, of_dtype = centers.centers, centers.sigma if sigma is None else sigma, ()
    else:
        of_dtype = (centers,)
    backend = get_backend(x, alpha, centers, sigma)
    xp = backend.np
    x, alpha = as_floats(xp, x), as_floats(xp, alpha)
    dtype = xp.result_type(x, alpha, *[as_floats(xp, c) for c in of_dtype], *([] if sigma is None else [sigma]))
    if axis is not None:
        alpha, sigma = _move_units(x.shape, alpha, sigma, axis)
    _check(x.shape, alpha.shape, numpy.shape(centers), sigma, kernel)
    problem = _problem(backend, centers, sigma, kernel, method, dtype)
    # Without a bandwidth, any number: the kernels that have none ignore it.
    sigma = as_floats(xp, 1.0 if sigma is None else sigma)
    return _run(backend, problem)(x, alpha, as_floats(xp, centers), sigma)


class _Problem(NamedTuple):
    """What a compiled evaluation depends on besides its arrays. Hashable."""

    method: str
    kernel: Callable
    layout: Layout | None
    dtype: numpy.dtype


def _problem(backend: Backend, centers, sigma, kernel, method: str, dtype) -> _Problem:
    if method not in METHODS:
        raise ValueError(f"kaf: there is no method {method!r}; choose one of {', '.join(METHODS)}.")
    layout = None
    if method == "pallas" and not backend.has_pallas:
        raise ValueError('kaf: method "pallas" is for JAX on a GPU; "gridded" takes any arrays.')
    if method in ("auto", "gridded", "pallas"):
        layout = _layout(centers, sigma) if kernel == "gauss" else None
        if layout is None and method != "auto":
            raise ValueError(
                f'kaf: method "{method}" is for Gaussians whose centers are equispaced, ascending, and known when the program '
                'is traced (no tracer), with a sigma that is not small against their distance; "loop" takes any.'
            )
        if method == "auto":
            method = "loop" if layout is None else "pallas" if backend.prefers_pallas() else "gridded"
    return _Problem(method, kernel_function(kernel), layout, numpy.dtype(dtype))


def _layout(centers, sigma) -> Layout | None:
    known = concrete(centers)
    if known is None:
        return None
    widths = concrete(sigma)
    if widths is None:
        return make_layout(known, None)
    return make_layout(known, float(widths.min(initial=math.inf))) if (widths > 0).all() else None


@functools.cache
def _run(backend: Backend, problem: _Problem) -> Callable:
    """The function of (x, alpha, centers, sigma), all arrays."""
    if problem.method == "naive":
        return functools.partial(_weighted_kernels, backend.np, problem.kernel, problem.dtype)
    # Made once and compiled once for each shape, also where nobody has asked for jit. What reverse mode keeps are the
    # arguments.
    return backend.jit(
        backend.checkpoint(functools.partial(_gridded if problem.layout else _by_rows, backend, problem))
    )


def _weighted_kernels(xp, kernel, dtype, x, alpha, centers, sigma):
    # The formula as it stands: it holds [*batch, units, k] values at a time.
    K = kernel(x[..., None], centers, sigma[..., None] if sigma.ndim else sigma)
    return (K * alpha).sum(-1).astype(dtype)


def _gridded(backend: Backend, problem: _Problem, x, alpha, centers, sigma):
    if not problem.layout.guarded:
        return _by_rows(backend, problem, x, alpha, centers, sigma)
    fast = functools.partial(_by_rows, backend, problem)
    slow = functools.partial(_by_rows, backend, problem._replace(layout=None))

    return backend.lax.cond(fits(backend.np, problem.layout, sigma), fast, slow, x, alpha, centers, sigma)


def _by_rows(backend: Backend, problem: _Problem, x, alpha, centers, sigma):
    """x by blocks of rows, all axes before those of the units being one; each block is computed again in reverse mode."""

    layout = problem.layout

    def rows(x, alpha, centers, sigma):
        if layout is None:
            # The Gaussian as it stands has derivatives of inf * 0 far away.
            kernel = gaussian(backend) if problem.kernel is gauss_kernel else problem.kernel
            out = sum_over_centers(backend, kernel, x, alpha, centers, sigma)
        elif problem.method == "pallas" and x.size and x.shape[1:] == alpha.shape[1:] != () and x.dtype != "float64":
            out = optional_module("functional.pallas").evaluator(layout)(x, alpha, sigma)
        else:
            out = evaluator(backend, layout)(x, alpha, sigma)
        return out.astype(problem.dtype)

    xp, shape = backend.np, x.shape
    x, alpha, sigma = _as_rows(xp, x, alpha, sigma)
    # Units last, as in x, and in memory too. Were it a transposition, it would be fused into the loop over x, and every
    # value of x would gather its coefficients from far apart; a product is not.
    k = alpha.shape[-1]
    alpha = xp.tensordot(numpy.eye(k, dtype=alpha.dtype), alpha, ((1,), (alpha.ndim - 1,)), precision="highest")
    n = x.shape[0]
    own = math.prod(x.shape[1:])
    size = backend.block_size(x.size, 1 if layout is None else layout.num_blocks)
    block = n if problem.method == "pallas" else _rows_per_block(n, own, size)
    if block == n:
        return rows(x, alpha, centers, sigma).reshape(shape)
    if layout is not None:
        layout = layout._replace(together=_rows_together(block, own, backend.row_size()))
    # Else the loop would keep of every block what its derivatives need.
    rows = backend.checkpoint(rows, prevent_cse=False)
    whole = n - n % block
    out = _in_turn(backend, lambda x: rows(x, alpha, centers, sigma), x[:whole], block)
    if whole < n:
        out = xp.concatenate([out, rows(x[whole:], alpha, centers, sigma)])
    return out.reshape(shape)


def _in_turn(backend: Backend, rows: Callable, x, block: int):
    """rows(x), so many at a time."""
    xp, row = backend.np, x.shape[1:]
    if not backend.shares_arrays():
        return backend.lax.map(rows, x.reshape(-1, block, *row)).reshape(x.shape)
    # Rows that lie far apart: of those of each turn every device has its own. Of rows side by side it would take all.
    blocks = xp.moveaxis(x.reshape(block, -1, *row), 1, 0)
    return xp.moveaxis(backend.lax.map(rows, blocks), 0, 1).reshape(x.shape)


def _as_rows(xp, x, alpha, sigma):
    """x as [n, *units], and alpha and sigma to fit. Rows of a few units are put together: loops over short rows are slow."""
    units, k = alpha.shape[:-1], alpha.shape[-1]
    own = x.shape[x.ndim - len(units) :]
    n, size = math.prod(x.shape[: x.ndim - len(units)]), math.prod(own)
    if own != units or not units or not size:
        return x.reshape(n, *own), alpha, sigma
    together = next((m for m in range(min(n, _ROW_SIZE // size), 1, -1) if n % m == 0), 1)
    alpha = xp.broadcast_to(alpha, (together, *units, k)).reshape(together * size, k)
    if sigma.ndim:
        sigma = xp.broadcast_to(sigma, (together, *units)).reshape(together * size)
    return x.reshape(n // together, together * size), alpha, sigma


def _rows_per_block(n: int, row_size: int, size: int) -> int:
    """At most so many rows; if there is one near it, a number that divides n: a remainder would be put behind by a copy."""
    most = max(1, size // max(1, row_size))
    if n <= most:
        return n
    return next((block for block in range(most, most // 2, -1) if n % block == 0), most)


def _rows_together(n: int, row_size: int, size: int) -> int:
    """How many rows make one of at least `size`: a number that divides n, which has as many; else 1."""
    return next((m for m in range(-(-size // max(1, row_size)), n + 1) if n % m == 0), 1)


def _move_units(x: tuple[int, ...], alpha, sigma, axis: int):
    if alpha.ndim != 2 or not -len(x) <= axis < len(x):
        raise ValueError(
            f"kaf: with axis, alpha is [units, k] and axis an axis of x; axis is {axis}, x has shape {x}, alpha {alpha.shape}."
        )
    behind = (1,) * (len(x) - 1 - axis % len(x))
    if sigma is not None and numpy.ndim(sigma) == 1:
        sigma = sigma.reshape(*sigma.shape, *behind)
    return alpha.reshape(alpha.shape[0], *behind, alpha.shape[1]), sigma


def _check(x: tuple[int, ...], alpha: tuple[int, ...], centers: tuple[int, ...], sigma, kernel) -> None:
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
    if sigma is None:
        if kernel in NEED_SIGMA:
            raise ValueError(f"kaf: the kernel {kernel!r} needs sigma, its width, or a Grid for centers.")
        return
    if not _broadcasts_to(numpy.shape(sigma), alpha[:-1]):
        raise ValueError(
            f"kaf: sigma is one number, or one for each unit; it has shape {numpy.shape(sigma)}; {shapes}."
        )
    widths = concrete(sigma)
    if widths is not None and not (widths > 0).all():
        raise ValueError(f"kaf: sigma, the width of the kernel, must be positive, and is {widths.min()}.")


def _broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return numpy.broadcast_shapes(shape, target) == target
    except ValueError:  # The two do not broadcast at all.
        return False
