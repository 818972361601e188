"""Relatives of the KAF: of two inputs, of several kernels, of complex numbers, and as a gate.

Like the layers of `plain.py` they are frozen dataclasses and pytrees of both backends. None of them computes an array in
which every value of x has an axis for the centres, and none keeps such an array for reverse mode.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import Array, Backend, get_backend, register_dataclass
from ..functional.activation import kaf
from ..functional.evaluation import Problem
from ..functional.grid import Grid
from ..functional.gridded import make_layout
from ..functional.init import RANDOM_SCALE, as_key, fit_to_data, random_alpha
from ..functional.kernels import as_floats, gauss_kernel, kernel_function
from ..functional.operations import sum_of_gaussians
from .kan import KANLayer  # noqa: F401  (pickles of older versions name it by the door to this file)
from .plain import KAF, Layer

# -- Two inputs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class KAF2D(Layer):
    """A function of two inputs for each pair of units k and k + H/2: alpha [H/2, D, D], out [..., H/2].

    phi(s, t) = sum_ij alpha_ij exp(-gamma ((s - c_i)^2 + (t - c_j)^2)), gamma = 1/(4 step^2) (the 2D-KAF of Scardapane et
    al., arXiv 1707.04035). The kernel is a product, so phi = k(s)^T alpha k(t). The sum over j is evaluated as in
    `functional/gridded.py`, so each of the D values of i takes three exponentials, and the whole does not take D^2.

    >>> layer = KAF2D.init(0, units=4)
    >>> layer.alpha.shape, layer([[0.0, 0.5, 1.0, 1.5]]).shape
    ((2, 10, 10), (1, 2))
    """

    alpha: Array
    grid: Grid = Grid(10)

    has_alpha = True

    @classmethod
    def init(cls, key: Array | int, units: int, grid: Grid | None = None, scale: float = RANDOM_SCALE) -> KAF2D:
        """A layer with normal coefficients of standard deviation `scale`. Raises ValueError for an odd number of units."""
        if units % 2:
            raise ValueError(f"KAF2D: units come in pairs, so their number must be even; it is {units}.")
        grid = Grid(10) if grid is None else grid
        return cls(random_alpha(key, (units // 2, grid.size, grid.size), scale), grid)

    @property
    def sigma(self) -> float:
        """The bandwidth: sigma = sqrt(2) step, which is gamma = 1/(4 step^2)."""
        return math.sqrt(2.0) * self.grid.step

    def __call__(self, x: Array) -> Array:
        """x [..., H] -> [..., H/2]. Raises ValueError if the last axis of x has another size."""
        backend = get_backend(x, self.alpha)
        x, alpha = as_floats(backend.np, x), as_floats(backend.np, self.alpha)
        pairs = alpha.shape[0]
        if not x.shape or x.shape[-1] != 2 * pairs:
            raise ValueError(
                f"KAF2D: the last axis of x must have {2 * pairs} units; x has shape {x.shape}, alpha {alpha.shape}."
            )
        sigma = backend.np.asarray(self.sigma)
        return _kaf2d(backend, self.grid)(x[..., :pairs], x[..., pairs:], alpha, sigma)

    def resize(self, grid: Grid) -> KAF2D:
        """A layer on another grid, whose functions are as near to the old ones as that grid allows, in the mean square."""
        there = _between(grid, self.grid)
        new, old = (gauss_kernel(there[:, None], g.exact_centers, math.sqrt(2.0) * g.step) for g in (grid, self.grid))
        moved = numpy.linalg.pinv(new, rcond=1e-5) @ old
        alpha = moved @ numpy.asarray(self.alpha, numpy.float64) @ moved.T
        return dataclasses.replace(self, alpha=_like(self.alpha, alpha), grid=grid)

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> KAF2D:
        """A layer with the same functions on a grid as wide as the inputs x; see `kaf.fit_to_data` and `resize`."""
        return self.resize(fit_to_data(x, self.grid.size, coverage, self.grid.rule))


register_dataclass(KAF2D, data_fields=["alpha"], meta_fields=["grid"])


@functools.cache
def _kaf2d(backend: Backend, grid: Grid) -> Callable:
    """The function phi of (s [..., pairs], t [..., pairs], alpha [pairs, D, D], sigma).

    Reverse mode keeps only these arguments.
    """
    xp = backend.np
    problem = Problem("auto", make_layout(grid.exact_centers, math.sqrt(2.0) * grid.step))

    def along_t(t, alpha, sigma):
        centers = xp.asarray(grid.exact_centers, t.dtype)
        return sum_of_gaussians(backend, problem, t, alpha, sigma, centers, str(t.dtype))

    def add(out, center_and_alpha, s, t, sigma):
        center, alpha = center_and_alpha
        return out + gauss_kernel(s, center, sigma) * along_t(t, alpha, sigma)

    add = backend.checkpoint(add, prevent_cse=False)

    def kaf2d(s, t, alpha, sigma):
        dtype = xp.result_type(s, alpha)
        start = xp.zeros(s.shape, xp.result_type(dtype, "float32"))
        s, sigma = s.astype(start.dtype), sigma.astype(start.dtype)
        xs = (xp.asarray(grid.exact_centers, start.dtype), xp.moveaxis(alpha, 1, 0).astype(start.dtype))
        out, _ = backend.lax.scan(lambda out, c: (add(out, c, s, t, sigma), None), start, xs)
        return out.astype(dtype)

    return backend.jit(backend.checkpoint(kaf2d))


# -- Several kernels -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class MultiKAF(Layer):
    """A KAF whose kernel is a linear combination of several kernels: sum_i alpha_i sum_m mu_m kappa_m(x, c_i).

    alpha [units, k] and mu [units, kernels] are trained. Source: Scardapane et al., Multikernel activation functions,
    arXiv 1901.10232.

    >>> layer = MultiKAF.init(0, 4, kernels=("gauss", "relu"))
    >>> layer.mu.shape, layer([[0.0, 0.5, 1.0, 1.5]]).shape
    ((4, 2), (1, 4))
    """

    alpha: Array
    mu: Array
    kernels: tuple[str | Callable[..., Any], ...]
    grid: Grid = Grid()
    axis: int | None = None

    has_alpha = True

    @classmethod
    def init(
        cls,
        key: Array | int,
        units: int,
        kernels: Sequence[str | Callable[..., Any]] = ("gauss", "relu", "softplus"),
        grid: Grid | None = None,
        axis: int | None = None,
    ) -> MultiKAF:
        """A layer with random alpha, as for a `KAF`, and equal weights mu. Raises ValueError without kernels."""
        if not kernels:
            raise ValueError("MultiKAF: at least one kernel is needed.")
        for kernel in kernels:
            kernel_function(kernel)
        grid = Grid() if grid is None else grid
        alpha = random_alpha(key, (units, grid.size))
        mu = get_backend(alpha).np.full((units, len(kernels)), 1 / len(kernels), float)
        return cls(alpha, mu, tuple(kernels), grid, axis)

    def __call__(self, x: Array) -> Array:
        """x [..., units] -> [..., units]; with `axis`, the units are that axis of x."""

        def part(m):
            alpha = self.alpha * self.mu[..., m : m + 1]
            return kaf(x, alpha, self.grid, kernel=self.kernels[m], axis=self.axis)

        return sum((part(m) for m in range(1, len(self.kernels))), part(0))

    def resize(self, grid: Grid) -> MultiKAF:
        """A layer on another grid, with the same mu, whose functions are as near to the old ones as that grid allows.

        Near means in the mean square over the new grid. Outside of it ReLU and softplus kernels go on growing.
        """
        there = _between(grid, self.grid)

        def basis(grid, mu):
            kernels = [kernel_function(kernel) for kernel in self.kernels]
            matrices = [numpy.asarray(kernel(there[:, None], grid.exact_centers, grid.sigma)) for kernel in kernels]
            return numpy.tensordot(mu, numpy.stack(matrices).astype(numpy.float64), 1)

        rows = zip(numpy.asarray(self.alpha, numpy.float64), numpy.asarray(self.mu, numpy.float64), strict=True)
        moved = [numpy.linalg.lstsq(basis(grid, mu), basis(self.grid, mu) @ alpha, rcond=1e-5)[0] for alpha, mu in rows]
        return dataclasses.replace(self, alpha=_like(self.alpha, numpy.stack(moved)), grid=grid)

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> MultiKAF:
        """A layer with the same functions on a grid as wide as the inputs x; see `kaf.fit_to_data` and `resize`."""
        return self.resize(fit_to_data(x, self.grid.size, coverage, self.grid.rule))


register_dataclass(MultiKAF, data_fields=["alpha", "mu"], meta_fields=["kernels", "grid", "axis"])


# -- Complex numbers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class ComplexKAF(Layer):
    """A KAF for the real part and another for the imaginary part: phi(z) = real(Re z) + i imag(Im z).

    This is the split activation of Scardapane et al., Complex-valued neural networks with non-parametric activation
    functions, arXiv 1802.08026.

    >>> ComplexKAF.init(0, 2)([1 + 2j, 3j]).dtype
    dtype('complex64')
    """

    real: KAF
    imag: KAF

    @classmethod
    def init(
        cls, key: Array | int, units: int | tuple[int, ...], grid: Grid | None = None, init="random", **options
    ) -> ComplexKAF:
        """Two KAFs as `KAF.init` makes them, from two keys."""
        keys = get_backend(key).random.split(as_key(key))
        return cls(*[KAF.init(k, units, grid, init, **options) for k in keys])

    def __call__(self, z: Array) -> Array:
        """z [..., units] -> the same shape, complex. z is complex; real numbers are converted."""
        backend = get_backend(z, self.real.alpha)
        z = backend.np.asarray(z)
        return backend.lax.complex(self.real(backend.np.real(z)), self.imag(backend.np.imag(z)))

    def resize(self, grid: Grid) -> ComplexKAF:
        """As `KAF.resize`, of both parts."""
        return ComplexKAF(self.real.resize(grid), self.imag.resize(grid))

    def fit_to_data(self, z: Array, coverage: float = 0.99) -> ComplexKAF:
        """As `KAF.fit_to_data`, one for the real parts of z and the other for the imaginary parts; for zeros it stays."""
        z = numpy.asarray(z)
        pairs = ((self.real, z.real), (self.imag, z.imag))
        return ComplexKAF(*[layer.fit_to_data(part, coverage) if part.any() else layer for layer, part in pairs])


register_dataclass(ComplexKAF, data_fields=["real", "imag"], meta_fields=[])


# -- Gates ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class GatedKAF(Layer):
    """A gate for recurrent networks, trained for each unit: sigmoid(phi(x)/2 + x/2), in (0, 1).

    At the start phi is the identity, so the gate is the sigmoid inside the grid. Outside the grid phi falls to zero, and x/2
    keeps the gate increasing. Source: Scardapane et al., Recurrent neural networks with flexible gates using kernel activation
    functions, arXiv 1807.04065.

    >>> [round(float(g), 2) for g in GatedKAF.init(0, 2)([0.0, 2.0])]
    [0.5, 0.88]
    """

    kaf: KAF

    @classmethod
    def init(
        cls, key: Array | int, units: int | tuple[int, ...], grid: Grid | None = None, init="identity", **options
    ) -> GatedKAF:
        """As `KAF.init`. With init="identity" the gate starts as the sigmoid."""
        return cls(KAF.init(key, units, grid, init, **options))

    def __call__(self, x: Array) -> Array:
        """x [..., units] -> [..., units], in (0, 1)."""
        backend = get_backend(x, self.kaf.alpha)
        x = as_floats(backend.np, x)
        return backend.nn.sigmoid(0.5 * self.kaf(x) + 0.5 * x)

    def resize(self, grid: Grid) -> GatedKAF:
        """As `KAF.resize`."""
        return GatedKAF(self.kaf.resize(grid))

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> GatedKAF:
        """As `KAF.fit_to_data`."""
        return GatedKAF(self.kaf.fit_to_data(x, coverage))


register_dataclass(GatedKAF, data_fields=["kaf"], meta_fields=[])


# -- On another grid -----------------------------------------------------------------------------------------------------


def _between(new: Grid, old: Grid) -> numpy.ndarray:
    """Points over the new grid for a fit, 20 for each step of the finer grid; float64."""
    return numpy.linspace(new.low, new.high, 20 * math.ceil((new.high - new.low) / min(new.step, old.step)) + 1)


def _like(alpha: Array, values: numpy.ndarray) -> Array:
    """The values as an array of the library and the dtype of `alpha`."""
    alpha = get_backend(alpha).np.asarray(alpha)
    return get_backend(alpha).np.asarray(values.astype(alpha.dtype))
