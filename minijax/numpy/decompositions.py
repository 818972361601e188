"""Decompositions of matrices, of `jax.numpy.linalg`: Cholesky, SVD, QR and eigenvalues."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import lax
from ..api.jit import jit
from ..core.traces import Array
from ..core.types import ArrayLike
from ..lax import linalg as lax_linalg
from ..primitives.matrices import adjoint
from ..primitives.orthogonal import geqrf
from .taking import take_along_axis
from .util import ensure_arraylike, promote_dtypes_inexact


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and eigenvectors as columns."""

    eigenvalues: Array
    eigenvectors: Array


class EigResult(NamedTuple):
    """Eigenvalues, and eigenvectors as columns."""

    eigenvalues: Array
    eigenvectors: Array


class QRResult(NamedTuple):
    """The orthogonal and the upper triangular factor."""

    Q: Array
    R: Array


class SVDResult(NamedTuple):
    """Left singular vectors as columns, singular values in descending order, right singular vectors as rows."""

    U: Array
    S: Array
    Vh: Array


def inexact(name: str, *args: Any) -> list[Array]:
    """The arguments as arrays of one float or complex dtype."""
    arrays = ensure_arraylike(f"jnp.linalg.{name}", *args)
    return promote_dtypes_inexact(*arrays) if len(args) > 1 else promote_dtypes_inexact(arrays)


def cholesky(a: ArrayLike, *, upper: bool = False, symmetrize_input: bool = True) -> Array:
    """The lower triangular L with L L^H = a (`jax.numpy.linalg.cholesky`); with `upper`, L^H.

    a: positive definite matrices, (..., n, n); if one is not, the triangle has NaN. symmetrize_input: take (a + a^H) / 2; without
    it, only the lower triangle is read. Raises ValueError for matrices that are not square.

    >>> cholesky(np.float32([[4, 2], [2, 5]]))
    Array([[2., 0.],
           [1., 2.]], dtype=float32)
    """
    (a,) = inexact("cholesky", a)
    factor = _cholesky(a, symmetrize_input)
    return adjoint(factor) if upper else factor


@partial(jit, static_argnums=1, inline=True)
def _cholesky(a: Array, symmetrize_input: bool) -> Array:
    return lax_linalg.cholesky(a, symmetrize_input=symmetrize_input)


def svd(
    a: ArrayLike,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
    subset_by_index: tuple[int, int] | None = None,
) -> Any:
    """(U, S, Vh) with U diag(S) Vh = a, or S alone unless compute_uv (`jax.numpy.linalg.svd`).

    a: (..., m, n). full_matrices: U and Vh are square, else they have min(m, n) columns or rows. hermitian: a is Hermitian, which
    is faster. Derivatives of U and Vh need full_matrices=False, or a square a. NaN where LAPACK fails.

    >>> svd(np.float32([[3, 0], [0, 4]]), compute_uv=False)
    Array([4., 3.], dtype=float32)
    """
    (a,) = inexact("svd", a)
    if hermitian:
        return _hermitian_svd(a, compute_uv, subset_by_index)
    result = lax_linalg.svd(a, full_matrices=full_matrices, compute_uv=compute_uv, subset_by_index=subset_by_index)
    return SVDResult(*result) if compute_uv else result


def _hermitian_svd(a: Array, compute_uv: bool, subset):
    vectors, values = lax_linalg.eigh(a, subset_by_index=subset)
    s, axis = lax.abs(values), values.ndim - 1
    if not compute_uv:
        return lax.rev(lax.sort(s, dimension=-1), [axis])
    order = lax.broadcasted_iota(np.uint32, s.shape, axis)
    s, order, sign = (lax.rev(x, [axis]) for x in lax.sort((s, order, lax.sign(values)), dimension=-1, num_keys=1))
    u = take_along_axis(vectors, order[..., None, :], axis=-1)
    return SVDResult(u, s, adjoint(u * sign[..., None, :].astype(u.dtype)))


def svdvals(x: ArrayLike, /) -> Array:
    """The singular values in descending order, (..., min(m, n)) (`jax.numpy.linalg.svdvals`).

    >>> svdvals(np.float32([[3, 0], [0, 4]]))
    Array([4., 3.], dtype=float32)
    """
    return svd(ensure_arraylike("jnp.linalg.svdvals", x), compute_uv=False, hermitian=False)


def qr(a: ArrayLike, mode: str = "reduced") -> Any:
    """(Q, R) with Q R = a, Q orthogonal, or unitary, and R upper triangular (`jax.numpy.linalg.qr`).

    a: (..., m, n). mode: "reduced": Q is (..., m, min(m, n)); "complete": (..., m, m); "r": R alone; "raw": LAPACK's reflectors,
    transposed, and their factors. Raises ValueError for another mode.

    >>> qr(np.float32([[3], [4]])).R
    Array([[-5.]], dtype=float32)
    """
    (a,) = inexact("qr", a)
    if mode == "raw":
        packed, taus = geqrf(a)
        return QRResult(packed.mT, taus)
    if mode not in ("reduced", "r", "full", "complete"):
        raise ValueError(f"Unsupported QR decomposition mode '{mode}'")
    q, r = lax_linalg.qr(a, pivoting=False, full_matrices=mode == "complete")
    return r if mode == "r" else QRResult(q, r)


def eigh(a: ArrayLike, UPLO: str | None = None, symmetrize_input: bool = True) -> EighResult:
    """Eigenvalues in ascending order, and eigenvectors as columns, of Hermitian matrices (`jax.numpy.linalg.eigh`).

    a: (..., n, n). UPLO: which triangle is read, "L" or "U", if symmetrize_input is False; else (a + a^H) / 2 is taken. Raises
    ValueError for another UPLO. Equal eigenvalues make the derivatives of eigenvectors NaN.

    >>> eigh(np.float32([[2, 1], [1, 2]])).eigenvalues
    Array([1., 3.], dtype=float32)
    """
    a = ensure_arraylike("jnp.linalg.eigh", a)
    if UPLO not in (None, "L", "U"):
        raise ValueError(f"UPLO must be one of None, 'L', or 'U', got {UPLO}")
    (a,) = promote_dtypes_inexact(a)
    vectors, values = lax_linalg.eigh(a, lower=UPLO != "U", symmetrize_input=symmetrize_input)
    return EighResult(values, vectors)


def eigvalsh(a: ArrayLike, UPLO: str | None = "L", *, symmetrize_input: bool = True) -> Array:
    """The eigenvalues of Hermitian matrices in ascending order (`jax.numpy.linalg.eigvalsh`); arguments as of `eigh`.

    >>> eigvalsh(np.float32([[2, 1], [1, 2]]))
    Array([1., 3.], dtype=float32)
    """
    (a,) = inexact("eigvalsh", a)
    return eigh(a, UPLO, symmetrize_input=symmetrize_input).eigenvalues


def eig(a: ArrayLike) -> EigResult:
    """Eigenvalues, and eigenvectors as columns, of general matrices, complex (`jax.numpy.linalg.eig`).

    a: (..., n, n). The eigenvectors have no derivative (see `jax.lax.linalg.eig`).

    >>> eig(np.float32([[0, 1], [-1, 0]])).eigenvalues
    Array([0.+1.j, 0.-1.j], dtype=complex64)
    """
    (a,) = inexact("eig", a)
    return EigResult(*lax_linalg.eig(a, compute_left_eigenvectors=False))


def eigvals(a: ArrayLike) -> Array:
    """The eigenvalues of general matrices, complex (`jax.numpy.linalg.eigvals`).

    >>> eigvals(np.float32([[0, 1], [-1, 0]]))
    Array([0.+1.j, 0.-1.j], dtype=complex64)
    """
    (a,) = inexact("eigvals", a)
    return lax_linalg.eig(a, compute_left_eigenvectors=False, compute_right_eigenvectors=False)[0]


__all__ = [
    "EigResult",
    "EighResult",
    "QRResult",
    "SVDResult",
    "cholesky",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inexact",
    "qr",
    "svd",
    "svdvals",
]
