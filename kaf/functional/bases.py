"""Bases beside the kernels: B-splines, Chebyshev and Legendre polynomials, and waves, on the grid of the centres.

Function j of a basis is one function of x in units of the grid, so it is evaluated without those before it: a sum over j holds a
few arrays of the size of x, and rounds no worse for a large j.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ..backend import Array
from .grid import Grid


def _gauss(xp, u, j, k):
    return xp.exp(-((u - j) ** 2))


def _bspline(xp, u, j, k):
    far = xp.abs(u - j)
    return xp.where(far < 1, 2 / 3 - far**2 + far**3 / 2, xp.maximum(2 - far, 0) ** 3 / 6)


def _chebyshev(xp, u, j, k):
    # T_j(t) = cos(j arccos t) rounds no worse for a large j, as the recurrence does. The slope of arccos is infinite at 1, so t
    # stays a little below.
    t = xp.clip(2 * u / (k - 1) - 1, -1 + 1e-7, 1 - 1e-7)
    return xp.cos(j * xp.arccos(t))


def _fourier(xp, u, j, k):
    # 1, cos t, sin t, cos 2t, sin 2t, ...: one period is as wide as the grid.
    frequency = xp.floor((j + 1) / 2)
    return xp.cos(2 * math.pi * frequency * u / (k - 1) - math.pi / 2 * (j - 2 * frequency + 1) * (j > 0))


# Basis functions by name. Basis function j of k, where u is x in units of the grid: 0 at its first centre, k - 1 at its last.
BASES: dict[str, Callable[..., Any]] = {
    "gauss": _gauss,
    "bspline": _bspline,
    "chebyshev": _chebyshev,
    "legendre": _chebyshev,  # with coefficients that `_conversion` has turned into those of Chebyshev polynomials
    "fourier": _fourier,
}


# The bases that are names of kernels of a KAF too; its Gaussians have a bandwidth of their own.
OTHER_BASES = tuple(name for name in BASES if name != "gauss")


@functools.cache
def _conversion(bases: str, k: int) -> numpy.ndarray | None:
    """The matrix [k, k] that turns coefficients of a basis into those of the functions in `BASES`; None if they are the same."""
    if bases != "legendre":
        return None
    # Legendre polynomials at the Chebyshev nodes, and the discrete cosine transform of these values. Both are stable, where the
    # way over the powers of x loses all digits at degree 40.
    angles = math.pi * (numpy.arange(2 * k) + 0.5) / (2 * k)
    values = numpy.polynomial.legendre.legval(numpy.cos(angles), numpy.eye(k))
    matrix = values @ numpy.cos(angles[:, None] * numpy.arange(k)) / k
    matrix[:, 0] /= 2
    return matrix


def basis_matrix(bases: str, u: numpy.ndarray, k: int) -> numpy.ndarray:
    """The basis functions at u [points], float64 [points, k].

    >>> basis_matrix("bspline", numpy.array([1.0]), 3).round(3).tolist()
    [[0.167, 0.667, 0.167]]
    """
    matrix = BASES[bases](numpy, u[:, None], numpy.arange(k), k)
    conversion = _conversion(bases, k)
    return matrix if conversion is None else matrix @ conversion.T


def of_the_functions(xp: Any, bases: str, alpha: Array) -> Array:
    """The coefficients of the functions in `BASES`, for coefficients alpha [..., k] of a basis; of the same dtype.

    >>> of_the_functions(numpy, "legendre", numpy.array([0.0, 0.0, 1.0])).round(2).tolist()
    [0.25, 0.0, 0.75]
    """
    matrix = _conversion(bases, alpha.shape[-1])
    if matrix is None:
        return alpha
    # A matrix product of the library would be of low precision on some devices.
    precise = {} if xp is numpy else {"precision": "highest"}
    return xp.tensordot(alpha, xp.asarray(matrix, alpha.dtype), 1, **precise)


# Points for a fit, for each step of the finer grid.
_POINTS = 20


def on_other_grids(alpha: Array, bases: str, old: Sequence[Grid], new: Sequence[Grid]) -> numpy.ndarray:
    """Coefficients [n_in, n_out, new size] of the nearest functions, in the mean square over each new grid; float64."""
    alpha = numpy.asarray(alpha, numpy.float64)
    size = new[0].size
    points = numpy.linspace(0, size - 1, _POINTS * (max(size, old[0].size) - 1) + 1)
    inverse = numpy.linalg.pinv(basis_matrix(bases, points, size), rcond=1e-6)

    @functools.cache
    def moved(old: Grid, new: Grid) -> numpy.ndarray:
        x = new.low + points * new.step
        return inverse @ basis_matrix(bases, (x - old.low) / old.step, old.size)

    return numpy.stack([a @ moved(*pair).T for a, *pair in zip(alpha, old, new, strict=True)])
