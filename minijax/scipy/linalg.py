"""`jax.scipy.linalg`: factorizations, systems of equations, functions of matrices and matrices with a structure.

A matrix is the last two axes of an array; the axes before them are a batch. Arguments named `overwrite_...` and `check_finite` are
taken, as SciPy has them, and not used: arrays are not overwritten, and values are unknown while a program is traced.

>>> solve_triangular(np.float32([[2, 0], [1, 4]]), np.float32([2, 9]), lower=True)
Array([1., 2.], dtype=float32)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.jit import jit
from ..api.solves import custom_linear_solve
from ..core.traces import Array
from ..core.types import ArrayLike
from ..lax import linalg as lax_linalg
from ..numpy import linalg as jnp_linalg
from ..numpy.util import promote_dtypes_inexact
from ..primitives.linear_systems import lu_solve as _solve_by_factors
from ..primitives.matrices import adjoint
from ..primitives.orthogonal import geqp3, geqrf
from .matrix_functions import expm, expm_frechet, funm, polar, rsf2csf, schur_form, solve_sylvester, sqrtm
from .special_matrices import (
    block_diag,
    circulant,
    companion,
    convolution_matrix,
    dft,
    fiedler,
    fiedler_companion,
    hadamard,
    hankel,
    helmert,
    hilbert,
    invhilbert,
    invpascal,
    leslie,
    pascal,
    toeplitz,
)
from .tridiagonal import eigh_tridiagonal


def _inexact(*args: ArrayLike) -> list[Array]:
    return promote_dtypes_inexact(*map(jnp.asarray, args))


# ---------------------------------------------------------------------------------------------------------------------
# Cholesky


def cholesky(a: ArrayLike, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """The upper triangular U with U^H U = a, or the lower L with L L^H = a (`jax.scipy.linalg.cholesky`).

    a: positive definite, (..., n, n), of which one triangle is read; else the triangle has NaN.

    >>> cholesky(np.float32([[4, 2], [2, 5]]))
    Array([[2., 1.],
           [0., 2.]], dtype=float32)
    """
    (a,) = _inexact(a)
    factor = lax_linalg.cholesky(a if lower else adjoint(a), symmetrize_input=False)
    return factor if lower else adjoint(factor)


def cho_factor(
    a: ArrayLike, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Array, bool]:
    """(`cholesky(a, lower)`, lower), for `cho_solve` (`jax.scipy.linalg.cho_factor`).

    >>> cho_factor(np.float32([[4]]))
    (Array([[2.]], dtype=float32), False)
    """
    return cholesky(a, lower=lower), lower


def cho_solve(
    c_and_lower: tuple[ArrayLike, bool], b: ArrayLike, overwrite_b: bool = False, check_finite: bool = True
) -> Array:
    """The x with a x = b, given `cho_factor(a)` (`jax.scipy.linalg.cho_solve`). b: (n,), or (..., n, k).

    >>> cho_solve(cho_factor(np.float32([[4]])), np.float32([8]))
    Array([2.], dtype=float32)
    """
    c, lower = c_and_lower
    c, b = _inexact(c, b)

    def solver(c, b):
        flags = {"left_side": True, "lower": lower}
        b = lax_linalg.triangular_solve(c, b, transpose_a=not lower, conjugate_a=not lower, **flags)
        return lax_linalg.triangular_solve(c, b, transpose_a=lower, conjugate_a=lower, **flags)

    return _broadcast(solver, "cho_solve", "(n,n),(n,k)->(n,k)", b, c)


def _broadcast(solver: Callable, name: str, signature: str, b: Array, *factors: Array) -> Array:
    """solver(*factors, b), mapped over the axes in front; b is a matrix, or a vector."""
    vectors = b.ndim == 1
    if not vectors and factors[0].ndim == b.ndim + 1 and factors[0].shape[-1] == b.shape[-1]:
        warnings.warn(
            f"jax.scipy.linalg.{name}: batched 1D solves with b.ndim > 1 are deprecated, and in the future will be treated as"
            f" a batched 2D solve. Use {name}(..., b[..., None]).squeeze(-1) to avoid this warning.",
            category=FutureWarning,
            stacklevel=3,
        )
        vectors = True
    x = jnp.vectorize(solver, signature=signature)(*factors, b[..., None] if vectors else b)
    return x[..., 0] if vectors else x


# ---------------------------------------------------------------------------------------------------------------------
# LU


def lu(a: ArrayLike, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """(P, L, U) with P L U = a, where P is a permutation matrix, or (P L, U) (`jax.scipy.linalg.lu`). a: (m, n).

    >>> p, l, u = lu(np.float32([[1, 2], [4, 2]]))
    >>> l, u
    (Array([[1.  , 0.  ],
           [0.25, 1.  ]], dtype=float32), Array([[4. , 2. ],
           [0. , 1.5]], dtype=float32))
    """
    return _lu_parts(*_inexact(a), permute_l)


@partial(jit, static_argnums=1, inline=True)
def _lu_parts(a: Array, permute_l: bool):
    packed, _, permutation = lax_linalg.lu(a)
    m, n = a.shape
    k = min(m, n)
    rows = jnp.arange(m, dtype=permutation.dtype)
    p = jnp.array(permutation[None, :] == rows[:, None], dtype=a.dtype).real
    low = jnp.tril(packed, -1)[:, :k] + jnp.eye(m, k, dtype=a.dtype)
    up = jnp.triu(packed)[:k, :]
    return (jnp.matmul(p, low), up) if permute_l else (p, low, up)


def lu_factor(a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Array, Array]:
    """(L and U in one matrix, pivots), for `lu_solve` (`jax.scipy.linalg.lu_factor`). a: (..., m, n).

    >>> lu_factor(np.float32([[1, 2], [4, 2]]))[1]
    Array([1, 1], dtype=int32)
    """
    packed, pivots, _ = lax_linalg.lu(*_inexact(a))
    return packed, pivots


def lu_solve(
    lu_and_piv: tuple[Array, ArrayLike],
    b: ArrayLike,
    trans: int = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Array:
    """The x with a x = b, given `lu_factor(a)`; of a^T with trans=1 and of a^H with trans=2 (`jax.scipy.linalg.lu_solve`).

    b: (n,), or (..., n, k). Raises ValueError for another trans.

    >>> lu_solve(lu_factor(np.float32([[0, 2], [4, 0]])), np.float32([2, 8]))
    Array([2., 1.], dtype=float32)
    """
    packed, pivots = lu_and_piv
    packed, b = _inexact(packed, b)
    if trans not in (0, 1, 2):
        raise ValueError(f"'trans' value must be 0, 1, or 2, got {trans}")
    permutation = lax_linalg.lu_pivots_to_permutation(pivots, packed.shape[-2])
    solver = partial(_solve_by_factors, trans=trans)
    return _broadcast(solver, "lu_solve", "(n,n),(n),(n,k)->(n,k)", b, packed, permutation)


# ---------------------------------------------------------------------------------------------------------------------
# Other decompositions


def svd(
    a: ArrayLike,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """(U, singular values, V^H) with U diag(s) V^H = a, or the values alone (`jax.scipy.linalg.svd`). lapack_driver: not used.

    >>> svd(np.float32([[3, 0], [0, 4]]), compute_uv=False)
    Array([4., 3.], dtype=float32)
    """
    return lax_linalg.svd(*_inexact(a), full_matrices=full_matrices, compute_uv=compute_uv)


def eigh(
    a: ArrayLike,
    b: ArrayLike | None = None,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    turbo: bool = True,
    eigvals: None = None,
    type: int = 1,
    check_finite: bool = True,
) -> Any:
    """(eigenvalues in ascending order, eigenvectors as columns) of Hermitian matrices, or the values alone
    (`jax.scipy.linalg.eigh`).

    (a + a^H) / 2 is taken. Raises NotImplementedError for b, eigvals and another type, as JAX.

    >>> eigh(np.float32([[2, 1], [1, 2]]), eigvals_only=True)
    Array([1., 3.], dtype=float32)
    """
    for missing, case in ((b is not None, "b=None"), (type != 1, "type=1"), (eigvals is not None, "eigvals=None")):
        if missing:
            raise NotImplementedError(f"Only the {case} case of eigh is implemented.")
    vectors, values = lax_linalg.eigh(*_inexact(a), lower=lower)
    return values if eigvals_only else (values, vectors)


def schur(a: ArrayLike, output: str = "real") -> list[Array]:
    """[T, Z] with Z T Z^H = a, Z unitary, T triangular or, for output="real" and a real matrix, with 2 x 2 blocks
    (`jax.scipy.linalg.schur`). Raises ValueError for another output, and ImportError without SciPy, unless XLA runs it.

    >>> schur(np.float32([[1, 2], [0, 3]]))[0]
    Array([[1., 2.],
           [0., 3.]], dtype=float32)
    """
    if output not in ("real", "complex"):
        raise ValueError(f"Expected 'output' to be either 'real' or 'complex', got {output=}.")
    return schur_form(jnp.asarray(a), output)


def hessenberg(a: ArrayLike, *, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The H with Q H Q^H = a and zeros below its subdiagonal; with calc_q (H, Q) (`jax.scipy.linalg.hessenberg`).

    >>> hessenberg(np.float32([[1, 2], [3, 4]]))
    Array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    a = jnp.asarray(a)
    n = a.shape[-1]
    if n == 0:
        return (jnp.zeros_like(a), jnp.zeros_like(a)) if calc_q else jnp.zeros_like(a)
    packed, taus = lax_linalg.hessenberg(a)
    h = jnp.triu(packed, -1)
    if not calc_q:
        return h
    q = lax_linalg.householder_product(packed[..., 1:, :-1], taus)
    whole = jnp.broadcast_to(jnp.eye(n, dtype=q.dtype), packed.shape)
    return h, whole.at[..., 1:, 1:].set(q)


def qr(
    a: ArrayLike,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """(Q, R) with Q R = a, and with pivoting (Q, R, p) with Q R = a[..., p] (`jax.scipy.linalg.qr`).

    mode: "full", "economic", or "r" for (R,) alone; else ValueError. lwork: not used.

    >>> qr(np.float32([[3], [4]]), mode="economic")[1]
    Array([[-5.]], dtype=float32)
    """
    if mode not in ("full", "r", "economic"):
        raise ValueError(f"Unsupported QR decomposition mode '{mode}'")
    parts = lax_linalg.qr(*_inexact(a), pivoting=pivoting, full_matrices=mode != "economic")
    return parts[1:] if mode == "r" else parts


def qr_multiply(
    a: ArrayLike,
    c: ArrayLike,
    mode: str = "right",
    pivoting: bool = False,
    conjugate: bool = False,
    overwrite_a: bool = False,
    overwrite_c: bool = False,
) -> Any:
    """(c Q, R), or (Q c, R) for mode="left", with Q R = a, without making Q (`jax.scipy.linalg.qr_multiply`).

    pivoting: the permutation of the columns comes third. conjugate: Q is conjugated. Raises ValueError for shapes that do not fit.

    >>> qr_multiply(np.float32([[3], [4]]), np.float32([1, 0]))[0].round(3)
    Array([-0.6], dtype=float32)
    """
    a, c = _inexact(a, c)
    if mode not in ("right", "left"):
        raise ValueError(f"mode must be 'right' or 'left', got {mode!r}")
    vector, on_left = c.ndim == 1, mode == "left"
    if vector:
        c = c[:, None] if on_left else c[None, :]
    m, n = a.shape[-2:]
    k = min(m, n)
    if (c.shape[-2] if on_left else c.shape[-1]) != (k if on_left else m):
        raise ValueError(
            f"Array shapes are not compatible for {'Q @ c' if on_left else 'c @ Q'} operation: a has shape {a.shape}, so Q has"
            f" {m} rows and {k} columns, but c has {c.shape[-2]} rows and {c.shape[-1]} columns."
        )
    batch = jnp.broadcast_shapes(a.shape[:-2], c.shape[:-2])
    a, c = (jnp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, c))
    order = []
    if pivoting:
        packed, places, taus = geqp3(a, jnp.zeros((*batch, n), np.int32))
        order = [places - 1]
    else:
        packed, taus = geqrf(a)
    if m > n and on_left:
        c = jnp.concatenate([c, jnp.zeros((*batch, m - k, c.shape[-1]), c.dtype)], axis=-2)
    c = c.mT if conjugate else c
    product = lax_linalg.ormqr(packed, taus, c, left=on_left != conjugate, transpose=conjugate)
    product = product.mT if conjugate else product
    product = product if on_left else product[..., :k]
    return (product.ravel() if vector else product, jnp.triu(packed[..., :k, :]), *order)


# ---------------------------------------------------------------------------------------------------------------------
# Systems of equations


def solve(
    a: ArrayLike,
    b: ArrayLike,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    debug: bool = False,
    check_finite: bool = True,
    assume_a: str = "gen",
) -> Array:
    """The x with a x = b (`jax.scipy.linalg.solve`), as `jnp.linalg.solve`; assume_a="pos": by `cholesky`, of the triangle `lower`.

    assume_a: "gen", "sym", "her" or "pos", else ValueError. debug: not used.

    >>> solve(np.float32([[4]]), np.float32([8]), assume_a="pos")
    Array([2.], dtype=float32)
    """
    kinds = ["gen", "sym", "her", "pos"]
    if assume_a not in kinds:
        raise ValueError(f"Expected assume_a to be one of {kinds}; got {assume_a!r}")
    if assume_a != "pos":
        return jnp_linalg.solve(a, b)
    a, b = _inexact(a, b)
    if a.ndim < 2 or b.ndim not in (a.ndim, a.ndim - 1) or not a.shape[-1] == a.shape[-2] == b.shape[a.ndim - 2]:
        raise ValueError(
            "The arguments to solve must have shapes a=[..., m, m] and b=[..., m, k] or b=[..., m];"
            f" got a={a.shape} and b={b.shape}"
        )
    factors = cho_factor(lax.stop_gradient(a), lower=lower)
    vectors = b.ndim < a.ndim

    def solver(matvec, b):
        return cho_solve(factors, b)

    x = custom_linear_solve(lambda x: a @ x, b[..., None] if vectors else b, solver, symmetric=True)
    return x[..., 0] if vectors else x


def solve_triangular(
    a: ArrayLike,
    b: ArrayLike,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    debug: Any = None,
    check_finite: bool = True,
) -> Array:
    """The x with a x = b for a triangular a, of which one triangle is read (`jax.scipy.linalg.solve_triangular`).

    a: (..., n, n). b: (n,), or (..., n, k). trans: 0 or "N"; 1 or "T" for a^T; 2 or "C" for a^H; else ValueError. unit_diagonal:
    take ones for the diagonal. debug: not used.

    >>> solve_triangular(np.float32([[2, 2], [0, 4]]), np.float32([6, 8]))
    Array([1., 2.], dtype=float32)
    """
    transposed = {0: 0, "N": 0, 1: 1, "T": 1, 2: 2, "C": 2}
    if trans not in transposed:
        raise ValueError(f"Invalid 'trans' value {trans}")
    kind = transposed[trans]
    a, b = _inexact(a, b)
    solver = partial(
        lax_linalg.triangular_solve,
        left_side=True,
        lower=lower,
        transpose_a=kind > 0,
        conjugate_a=kind == 2,
        unit_diagonal=unit_diagonal,
    )
    return _broadcast(solver, "solve_triangular", "(n,n),(n,k)->(n,k)", b, a)


def det(a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """The determinant (`jax.scipy.linalg.det`), as `jnp.linalg.det`.

    >>> det(np.float32([[1, 2], [3, 4]]))
    Array(-2., dtype=float32)
    """
    return jnp_linalg.det(a)


def inv(a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """The inverse (`jax.scipy.linalg.inv`), as `jnp.linalg.inv`.

    >>> inv(np.float32([[4]]))
    Array([[0.25]], dtype=float32)
    """
    return jnp_linalg.inv(a)


# fmt: off
__all__ = [
    "block_diag", "cho_factor", "cho_solve", "cholesky", "circulant", "companion", "convolution_matrix", "det", "dft", "eigh",
    "eigh_tridiagonal", "expm", "expm_frechet", "fiedler", "fiedler_companion", "funm", "hadamard", "hankel", "helmert",
    "hessenberg", "hilbert", "inv", "invhilbert", "invpascal", "leslie", "lu", "lu_factor", "lu_solve", "pascal", "polar",
    "qr", "qr_multiply", "rsf2csf", "schur", "solve", "solve_sylvester", "solve_triangular", "sqrtm", "svd", "toeplitz",
]
# fmt: on
