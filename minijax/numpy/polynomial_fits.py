"""Polynomials by linear algebra: those that fit points, their roots, and those that have given roots."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import finfo
from ..primitives.sizes import known_value
from . import linalg, reductions, ufuncs
from .contractions import dot, outer
from .creation import arange, array, asarray, ones
from .diagonals import diag
from .manipulation import atleast_1d
from .polynomials import convolve, vander
from .repeating import roll
from .util import ensure_arraylike, promote_dtypes_inexact, where


def _complex_dtype(dtype):
    return np.dtype("complex128" if dtype.char in "dD" else "complex64")


def poly(seq_of_zeros: ArrayLike) -> Array:
    """The coefficients of the polynomial with the given roots, highest power first; a square matrix stands for its eigenvalues
    (`jax.numpy.poly`). Raises ValueError for other matrices.

    >>> poly(np.float32([1, 2]))
    Array([ 1., -3.,  2.], dtype=float32)
    """
    (roots,) = promote_dtypes_inexact(ensure_arraylike("poly", seq_of_zeros))
    roots = atleast_1d(roots)
    if len(roots.shape) == 2 and roots.shape[0] == roots.shape[1] != 0:
        roots = linalg.eigvals(roots)
    if len(roots.shape) != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if not roots.shape[0]:
        return ones((), roots.dtype)
    coefficients = ones((1,), roots.dtype)
    for k in range(roots.shape[0]):
        coefficients = convolve(coefficients, array([1, -roots[k]], roots.dtype))
    return coefficients


def _check_points(x: Array, y: Array, w: Array | None, degree: int):
    if degree < 0:
        raise ValueError("expected deg >= 0")
    if len(x.shape) != 1:
        raise TypeError("expected 1D vector for x")
    if x.size == 0:
        raise TypeError("expected non-empty vector for x")
    if len(y.shape) not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
    if w is not None and len(w.shape) != 1:
        raise TypeError("expected a 1-d array for weights")
    if w is not None and w.shape[0] != y.shape[0]:
        raise TypeError("expected w and y to have the same length")


def polyfit(
    x: ArrayLike,
    y: ArrayLike,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: ArrayLike | None = None,
    cov: Any = False,
) -> Any:
    """The coefficients of the polynomial of degree `deg` with the least squares of differences to y at x, highest power first
    (`jax.numpy.polyfit`).

    y: a vector, or a matrix with a polynomial for each column. w: the weights of the differences. rcond: singular values smaller
    than this share of the largest count as 0. full: return (coefficients, sum of squares, rank, singular values, rcond); cov:
    return (coefficients, their covariance), not scaled by the sum of squares if "unscaled". Raises TypeError for other shapes,
    ValueError for a negative degree and for fewer points than a covariance needs.

    >>> polyfit(np.float32([0, 1, 2]), np.float32([1, 3, 5]), 1).round(3)
    Array([2., 1.], dtype=float32)
    """
    x, y = ensure_arraylike("polyfit", x, y)
    w = None if w is None else promote_dtypes_inexact(ensure_arraylike("polyfit", w))[0]
    degree = operator.index(deg)
    _check_points(x, y, w, degree)
    rcond = x.shape[0] * float(finfo(x.dtype).eps) if rcond is None else float(rcond)
    lhs, rhs = vander(x, degree + 1), y
    if w is not None:
        lhs, rhs = lhs * w[:, None], rhs * (w[:, None] if len(rhs.shape) == 2 else w)
    # Columns of one norm: else the highest power would decide which singular values are small.
    scale = ufuncs.sqrt(reductions.sum(lhs * lhs, 0))
    lhs = lhs / scale
    coefficients, squares, rank, singular = linalg.lstsq(lhs, rhs, rcond)
    coefficients = (coefficients.T / scale).T
    if full:
        return coefficients, squares, rank, singular, asarray(rcond)
    if not cov:
        return coefficients
    base = linalg.inv(dot(lhs.T, lhs)) / outer(scale, scale)
    if isinstance(cov, str) and cov == "unscaled":
        factor = array(1.0)
    elif x.shape[0] <= degree + 1:
        raise ValueError("the number of data points must exceed order to scale the covariance matrix")
    else:
        factor = squares / (x.shape[0] - degree - 1)
    factor = atleast_1d(factor)
    return coefficients, base * factor if len(y.shape) == 1 else base[:, :, None] * factor


def _roots(p: Array) -> Array:
    """The eigenvalues of the matrix whose characteristic polynomial is p."""
    if p.size < 2:
        return array([], _complex_dtype(p.dtype))
    companion = diag(ones((p.size - 2,), p.dtype), -1)
    return linalg.eigvals(companion.at[0, :].set(-p[1:] / p[0]))


def roots(p: ArrayLike, *, strip_zeros: bool = True) -> Array:
    """The complex roots of the polynomial with the given coefficients, highest power first (`jax.numpy.roots`).

    strip_zeros: whether leading zeros are taken away, for which they must be known; if not, NaN stands for each root that they
    leave out. Raises ValueError for a matrix.

    >>> roots(np.float32([1, 0, -4])).real.round(3)
    Array([-2.,  2.], dtype=float32)
    """
    (p,) = promote_dtypes_inexact(ensure_arraylike("roots", p))
    p = atleast_1d(p)
    if len(p.shape) != 1:
        raise ValueError("Input must be a rank-1 array.")
    if p.size < 2:
        return array([], _complex_dtype(p.dtype))
    zeros = where(reductions.all(p == 0), p.size, reductions.argmin(p == 0))
    if strip_zeros:
        zeros = int(np.asarray(known_value(zeros, "jnp.roots (pass strip_zeros=False)")))
        return _roots(p[zeros:])
    p = where(zeros == p.size, 1.0, p)
    found = _roots(roll(p, -zeros))
    # The roots that are 0, of the zeros that now stand behind, go to the end.
    _, found = lax.sort_key_val(found == 0, found)
    return where(arange(found.size) < found.size - zeros, found, complex(np.nan, np.nan))
