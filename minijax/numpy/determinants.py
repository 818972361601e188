"""Determinants, rank and powers of matrices, of `jax.numpy.linalg`."""

from __future__ import annotations

import operator
from functools import partial
from typing import NamedTuple

import numpy as np

from ..api.custom_derivatives import custom_jvp
from ..api.jit import jit
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import finfo, issubdtype
from ..lax import linalg as lax_linalg
from ..primitives.matrices import diagonal, take_rows
from ..primitives.orthogonal import geqrf
from .creation import arange, array, asarray, ones, zeros_like
from .cumulative import cumprod
from .decompositions import inexact, svd
from .diagonals import trace
from .grids import eye
from .manipulation import concatenate, expand_dims
from .number_kinds import isfinite
from .reductions import any, count_nonzero, prod, sum
from .ufuncs import abs, exp, log, real, sign
from .util import ensure_arraylike, promote_dtypes_inexact, to_shape, where


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Array
    logabsdet: Array


def _check_square(name: str, a: Array):
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"Argument to {name}() must have shape [..., n, n], got {a.shape}")


# ---------------------------------------------------------------------------------------------------------------------
# slogdet


def slogdet(a: ArrayLike, *, method: str | None = None) -> SlogdetResult:
    """(sign, log |det a|), without overflow (`jax.numpy.linalg.slogdet`); (0, -inf) for a singular matrix.

    a: (..., n, n). method: "lu", the default, or "qr", for real matrices. Raises ValueError for other shapes and methods, and
    NotImplementedError for complex matrices with "qr".

    >>> slogdet(np.float32([[0, 2], [3, 0]])).sign
    Array(-1., dtype=float32)
    """
    (a,) = inexact("slogdet", a)
    _check_square("slogdet", a)
    if method not in (None, "lu", "qr"):
        raise ValueError(f"Unknown slogdet method '{method}'. Supported methods are 'lu' (`None`), and 'qr'.")
    return SlogdetResult(*_slogdet(a, method == "qr"))


# Compiled, as many small operations follow the factorization.
@partial(jit, static_argnums=1, inline=True)
def _slogdet(a: Array, by_qr: bool):
    if by_qr:
        return _slogdet_qr(a)
    return _slogdet_small(a) if a.shape[-1] in (1, 2) else _slogdet_lu(a)


def _small_determinant(a: Array) -> Array:
    if a.shape[-1] == 1:
        return a[..., 0, 0]
    return a[..., 0, 0] * a[..., 1, 1] - a[..., 0, 1] * a[..., 1, 0]


@custom_jvp
def _slogdet_small(a):
    det = _small_determinant(a)
    return sign(det), real(log(abs(det)))


@custom_jvp
def _slogdet_lu(a):
    packed, pivots, _ = lax_linalg.lu(a)
    on_diagonal = diagonal(packed)
    singular = any(on_diagonal == 0, axis=-1)
    # Each exchange of two rows changes the sign.
    exchanges = count_nonzero(pivots != arange(a.shape[-1], dtype=pivots.dtype), axis=-1)
    if issubdtype(a.dtype, np.complexfloating):
        signs = prod(on_diagonal / abs(on_diagonal).astype(a.dtype), axis=-1)
    else:
        signs = array(1, a.dtype)
        exchanges = exchanges + count_nonzero(on_diagonal < 0, axis=-1)
    signs = where(singular, array(0, a.dtype), signs * (1 - 2 * (exchanges % 2)).astype(a.dtype))
    logdet = where(singular, array(-np.inf, a.dtype), sum(log(abs(on_diagonal)).astype(a.dtype), axis=-1))
    return signs, real(logdet)


@custom_jvp
def _slogdet_qr(a):
    if issubdtype(a.dtype, np.complexfloating):
        raise NotImplementedError("slogdet method='qr' not implemented for complex inputs")
    packed, taus = geqrf(a)
    on_diagonal = diagonal(packed)
    # Each reflection changes the sign.
    reflections = prod(where(taus[..., :-1] != 0, -1, 1), axis=-1).astype(a.dtype)
    return prod(sign(on_diagonal), axis=-1) * reflections, sum(log(abs(on_diagonal)), axis=-1)


def _slogdet_tangents(signs: Array, g: Array):
    """The tangents of sign and logarithm, given tr(a^-1 da)."""
    if issubdtype(g.dtype, np.complexfloating):
        return (g - real(g).astype(g.dtype)) * signs, real(g)
    return zeros_like(signs), g


@_slogdet_small.defjvp
def _slogdet_small_jvp(primals, tangents):
    (a,), (g,) = primals, tangents
    signs, logdet = _slogdet_small(a)
    if a.shape[-1] == 1:
        moved = g[..., 0, 0]
    else:
        moved = g[..., 0, 0] * a[..., 1, 1] - g[..., 0, 1] * a[..., 1, 0]
        moved = moved - a[..., 0, 1] * g[..., 1, 0] + a[..., 0, 0] * g[..., 1, 1]
    return (signs, logdet), _slogdet_tangents(signs, moved / _small_determinant(a))


def _slogdet_jvp(primals, tangents):
    (a,), (g,) = primals, tangents
    signs, logdet = slogdet(a)
    moved = trace(lax_linalg.solve_by_lu(a, g), axis1=-1, axis2=-2)
    return (signs, logdet), _slogdet_tangents(signs, moved)


_slogdet_lu.defjvp(_slogdet_jvp)
_slogdet_qr.defjvp(_slogdet_jvp)


# ---------------------------------------------------------------------------------------------------------------------
# det


def det(a: ArrayLike) -> Array:
    """The determinant of square matrices, (..., n, n) (`jax.numpy.linalg.det`). Raises ValueError for other shapes.

    The derivative of a matrix of rank n - 1 is right, too.

    >>> det(np.float32([[1, 2], [3, 4]]))
    Array(-2., dtype=float32)
    """
    (a,) = inexact("det", a)
    _check_square("det", a)
    return _det_by_size(a)


@partial(jit, inline=True)
def _det_by_size(a: Array) -> Array:
    if a.shape[-1] == 2:
        return _small_determinant(a)
    return _det_3x3(a) if a.shape[-1] == 3 else _det(a)


def _det_3x3(a: Array) -> Array:
    x, y, z = (tuple(a[..., i, j] for j in range(3)) for i in range(3))
    return (
        x[0] * y[1] * z[2]
        + x[1] * y[2] * z[0]
        + x[2] * y[0] * z[1]
        - x[2] * y[1] * z[0]
        - x[0] * y[2] * z[1]
        - x[1] * y[0] * z[2]
    )


@custom_jvp
def _det(a):
    signs, logdet = slogdet(a)
    return signs * exp(logdet).astype(signs.dtype)


@_det.defjvp
def _det_jvp(primals, tangents):
    det, moved = _cofactor_solve(primals[0], tangents[0])
    return det, trace(moved, axis1=-1, axis2=-2)


@partial(jit, inline=True)
def _cofactor_solve(a: Array, b: Array) -> tuple[Array, Array]:
    """(det(a), adj(a) b), by LU: adj(a) = det(a) a^-1 for an invertible matrix. For a matrix of rank n - 1 the last pivot is 0,
    and the determinant of the others stands in the place of its inverse; for one of less rank adj(a) is 0."""
    n = a.shape[-1]
    if n < 2:
        return (a[..., 0, 0] if n else ones(a.shape[:-2], a.dtype)), b
    packed, pivots, permutation = lax_linalg.lu(a)
    exchanges = count_nonzero(pivots != arange(n, dtype=pivots.dtype), axis=-1)
    signs = asarray(1 - 2 * (exchanges % 2), a.dtype)
    partial = cumprod(diagonal(packed), axis=-1) * signs[..., None]
    packed = packed.at[..., -1, -1].set(1.0 / partial[..., -2])
    flags = {"left_side": True}
    probe = lax_linalg.triangular_solve(packed, ones((*b.shape[:-1], 1), b.dtype), lower=False, **flags)
    degenerate = to_shape(any(~isfinite(probe), axis=(-2, -1), keepdims=True), b.shape)
    x = take_rows(where(degenerate, zeros_like(b), b), permutation)
    x = lax_linalg.triangular_solve(packed, x, lower=True, unit_diagonal=True, **flags)
    x = concatenate((x[..., :-1, :] * partial[..., -1, None, None], x[..., -1:, :]), axis=-2)
    x = lax_linalg.triangular_solve(packed, x, lower=False, **flags)
    return partial[..., -1], where(degenerate, zeros_like(x), x)


# ---------------------------------------------------------------------------------------------------------------------
# Rank, powers


def matrix_rank(
    M: ArrayLike, rtol: ArrayLike | None = None, *, hermitian: bool = False, tol: ArrayLike | None = None
) -> Array:
    """The number of singular values above rtol, by default the largest times max(m, n) times the dtype's epsilon
    (`jax.numpy.linalg.matrix_rank`). Raises ValueError if both rtol and tol are given.

    >>> matrix_rank(np.float32([[1, 2], [2, 4]]))
    Array(1, dtype=int32)
    """
    M = ensure_arraylike("jnp.linalg.matrix_rank", M)
    if tol is not None:
        if rtol is not None:
            raise ValueError("matrix_rank: only one of tol or rtol may be specified.")
        rtol = tol
    (M,) = promote_dtypes_inexact(M)
    if M.ndim < 2:
        return (M != 0).any().astype(np.int32)
    s = svd(M, full_matrices=False, compute_uv=False, hermitian=hermitian)
    if rtol is None:
        rtol = s.max(-1) * asarray(max(M.shape[-2:])).astype(s.dtype) * finfo(s.dtype).eps
    return sum(s > expand_dims(rtol, np.ndim(rtol)), axis=-1)


def matrix_power(a: ArrayLike, n: int) -> Array:
    """The n-th power of square matrices, by repeated squaring; of the inverse for negative n (`jax.numpy.linalg.matrix_power`).

    Raises TypeError if a is not square or n is not an integer.

    >>> matrix_power(np.float32([[1, 1], [0, 1]]), 5)
    Array([[1., 5.],
           [0., 1.]], dtype=float32)
    """
    a = ensure_arraylike("jnp.linalg.matrix_power", a)
    if a.ndim < 2:
        raise TypeError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    if a.shape[-2] != a.shape[-1]:
        raise TypeError("Last 2 dimensions of the array must be square")
    try:
        n = operator.index(n)
    except TypeError as error:
        raise TypeError(f"exponent must be an integer, got {n}") from error
    if n == 0:
        return to_shape(eye(a.shape[-2], dtype=a.dtype), a.shape)
    if n < 0:
        (a,) = promote_dtypes_inexact(a)
        a, n = lax_linalg.solve_by_lu(a, to_shape(eye(a.shape[-1], dtype=a.dtype), a.shape)), -n
    if n == 3:
        return (a @ a) @ a
    result = None
    while n:
        if n & 1:
            result = a if result is None else result @ a
        n >>= 1
        a = a @ a if n else a
    return result


__all__ = ["SlogdetResult", "det", "matrix_power", "matrix_rank", "slogdet"]
