"""Rows of spectra: `eigh`, `eig`, `svd` and `schur`.

Derivatives: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation" (2008), for
eigenvalues and real singular values; J. Townsend, "Differentiating the singular value decomposition" (2016); and for the phases of
eigenvectors, C. Boeddeker et al., "On the computation of complex-valued gradients with application to statistically optimum
beamforming" (2017). Eigenvalues, or singular values, that are equal make the tangents of vectors inf or NaN, as in JAX.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.traces import Array
from ..core.types import ArrayLike
from . import factorizations
from .arithmetic import integer_pow
from .basis import NOT_LINEAR, broadcast_in_dim, reduce_sum, row, shape_of
from .elementwise import abs_p, complex_p, convert_element_type, eq_p, imag_p, neg_p, select
from .families import real_dtype
from .linear_systems import JAX_HAS_NONE, lu_p, lu_solve
from .matrices import (
    abstract_eval,
    add,
    adjoint,
    as_columns,
    as_rows,
    batch_in_front,
    conjugated,
    diagonal,
    diagonal_matrix,
    div,
    eye,
    matmul,
    mul,
    real,
    sub,
    symmetrized,
    zeros_like,
)
from .reductions import argmax
from .shapes import broadcasted_iota, full_like

Subset = tuple[int, int] | None


class EigImplementation(enum.Enum):
    """Who computes the eigenvalues of general matrices; minijax has LAPACK."""

    CUSOLVER = "cusolver"
    MAGMA = "magma"
    LAPACK = "lapack"


class EighImplementation(enum.Enum):
    """The algorithm for the eigenvalues of Hermitian matrices. minijax has one: QR, as LAPACK has it."""

    QR = "qr"
    JACOBI = "jacobi"
    QDWH = "qdwh"


class SvdAlgorithm(enum.Enum):
    """How singular values are computed; minijax has LAPACK's divide and conquer, for DEFAULT, QR and DIVIDE_AND_CONQUER."""

    DEFAULT = "default"
    QR = "QR"
    JACOBI = "Jacobi"
    POLAR = "polar"
    DIVIDE_AND_CONQUER = "divide_and_conquer"


def _inverse_differences(v):
    """1 / (v_j - v_i), and 0 on the diagonal."""
    one = eye(v.dtype, shape_of(v)[-1])
    return sub(*_same_shape(integer_pow(sub(*_same_shape(add(*_same_shape(one, as_rows(v))), as_columns(v))), -1), one))


def _same_shape(x, y):
    """The arrays, broadcast to one shape, by new leading axes and along axes of size 1."""
    a, b = shape_of(x), shape_of(y)
    ndim = max(len(a), len(b))
    a, b = ((1,) * (ndim - len(s)) + s for s in (a, b))
    shape = tuple(m if n == 1 else n for m, n in zip(a, b))
    return [broadcast_in_dim(v, shape, tuple(range(ndim - len(shape_of(v)), ndim))) for v in (x, y)]


# ---------------------------------------------------------------------------------------------------------------------
# eigh


def eigh(
    x: Array,
    *,
    lower: bool = True,
    symmetrize_input: bool = True,
    sort_eigenvalues: bool = True,
    subset_by_index: Subset = None,
    implementation: EighImplementation | None = None,
) -> tuple[Array, Array]:
    """(eigenvectors as columns, eigenvalues in ascending order) of Hermitian matrices, of shape (..., n, n) (`lax.linalg.eigh`).

    symmetrize_input: take (x + x^H) / 2; without it, only the lower (or upper) triangle is read. subset_by_index: None or
    (0, n), else NotImplementedError, as JAX on a CPU. NaN where LAPACK fails.

    >>> vectors, values = eigh(np.float32([[2, 1], [1, 2]]))
    >>> values
    Array([1., 3.], dtype=float32)
    """
    x = symmetrized(x) if symmetrize_input else x
    params = {"sort_eigenvalues": sort_eigenvalues, "subset_by_index": subset_by_index}
    return tuple(eigh_p.bind(x, lower=lower, algorithm=implementation, **params))


def _eigh_shapes(shape, *, subset_by_index, **params):
    n = shape[0]
    if n != shape[1]:
        raise ValueError(f"Argument to symmetric eigendecomposition must have shape [..., n, n], got shape {shape}")
    d = n if subset_by_index is None else subset_by_index[1] - subset_by_index[0]
    return [(n, d), (d,)]


def _eigh_jvp(primals, tangents, *, subset_by_index, **params):
    (x,), (g,) = primals, tangents
    if subset_by_index not in (None, (0, shape_of(x)[-1])):
        raise NotImplementedError("Derivatives not defined for partial eigen decomposition.")
    v, w = eigh_p.bind(symmetrized(x), subset_by_index=subset_by_index, **params)
    factors = _inverse_differences(convert_element_type(w, x.dtype))
    inner = matmul(matmul(adjoint(v), g), v)
    return [v, w], [matmul(v, mul(factors, inner)), diagonal(real(inner))]


eigh_p = row(
    "eigh",
    impl=factorizations.eigh,
    abstract_eval=abstract_eval(
        "eigh", (2,), _eigh_shapes, dtypes=lambda dtype, **params: [dtype, real_dtype(dtype)], several=True
    ),
    jvp=_eigh_jvp,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: eigh_p),
    multiple_results=True,
)


# ---------------------------------------------------------------------------------------------------------------------
# eig


def eig(
    x: ArrayLike,
    *,
    compute_left_eigenvectors: bool = True,
    compute_right_eigenvectors: bool = True,
    enable_eigvec_derivs: bool = False,
    implementation: EigImplementation | None = None,
    use_magma: bool | None = None,
) -> list[Array]:
    """[eigenvalues, left eigenvectors, right eigenvectors] of general matrices, of shape (..., n, n), in the complex dtype
    (`lax.linalg.eig`); or those of them that are asked for.

    Each eigenvector has norm 1 and a real component of largest absolute value. The left eigenvectors of complex eigenvalues of
    a real matrix may have the opposite sign of LAPACK's. enable_eigvec_derivs: eigenvectors have derivatives, which hold if the
    eigenvalues differ and no two components are the largest. NaN where LAPACK fails.

    >>> eig(np.float32([[0, 1], [-1, 0]]))[0]
    Array([0.+1.j, 0.-1.j], dtype=complex64)
    """
    if use_magma is not None:
        implementation = EigImplementation.MAGMA if use_magma else EigImplementation.LAPACK
    return eig_p.bind(
        x,
        compute_left_eigenvectors=compute_left_eigenvectors,
        compute_right_eigenvectors=compute_right_eigenvectors,
        enable_eigvec_derivs=enable_eigvec_derivs,
        implementation=implementation,
    )


def _eig_shapes(shape, *, compute_left_eigenvectors, compute_right_eigenvectors, **params):
    if shape[0] != shape[1]:
        raise ValueError(f"The input to eig must be a square matrix. Got shape {shape}.")
    return [shape[:1], *[shape] * (compute_left_eigenvectors + compute_right_eigenvectors)]


def _solved(a, b):
    packed, _, permutation = lu_p.bind(a)
    return lu_solve(packed, permutation, b)


def _eig_jvp(primals, tangents, *, compute_left_eigenvectors, compute_right_eigenvectors, **params):
    vectors = compute_left_eigenvectors or compute_right_eigenvectors
    if vectors and not params["enable_eigvec_derivs"]:
        raise NotImplementedError(
            "Derivatives of non-symmetric eigenvectors hold only if the eigenvalues differ and no eigenvector has two components"
            " of the largest absolute value. Pass enable_eigvec_derivs=True to jax.lax.linalg.eig to say that this is so."
        )
    w, *left, right = eig_p.bind(
        *primals,
        compute_left_eigenvectors=compute_left_eigenvectors,
        compute_right_eigenvectors=True,
        **params,
    )
    g = convert_element_type(tangents[0], right.dtype)
    inner = matmul(_solved(right, g), right)
    outs, outs_t = [w], [diagonal(inner)]
    if compute_left_eigenvectors:
        # The left eigenvectors are the right ones of the conjugate transpose.
        inner_left = matmul(_solved(left[0], adjoint(g)), left[0])
        outs, outs_t = [*outs, left[0]], [*outs_t, _eigenvector_tangent(conjugated(w), left[0], inner_left)]
    if compute_right_eigenvectors:
        outs, outs_t = [*outs, right], [*outs_t, _eigenvector_tangent(w, right, inner)]
    return outs, outs_t


def _eigenvector_tangent(w, v, inner):
    """The tangent that keeps each vector's norm at 1 and its largest component real."""
    u = matmul(v, mul(_inverse_differences(w), inner))
    axis = len(shape_of(v)) - 2
    largest = broadcast_in_dim(argmax(abs_p.bind(v), axis, np.int32), shape_of(v), (*range(axis), axis + 1))
    chosen = eq_p.bind(broadcasted_iota(np.int32, shape_of(v), axis), largest)
    u_largest, v_largest = (reduce_sum(select(chosen, x, zeros_like(x)), (axis,)) for x in (u, v))
    norm = real(reduce_sum(mul(conjugated(v), u), (axis,)))
    phase = div(imag_p.bind(u_largest), real(v_largest))
    return add(u, mul(*_same_shape(v, as_rows(complex_p.bind(neg_p.bind(norm), neg_p.bind(phase))))))


def _complex_dtype(dtype):
    return np.result_type(dtype, np.complex64)


eig_p = row(
    "eig",
    impl=factorizations.eig,
    abstract_eval=abstract_eval(
        "eig", (2,), _eig_shapes, dtypes=lambda dtype, **params: [_complex_dtype(dtype)] * 3, several=True
    ),
    jvp=_eig_jvp,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: eig_p),
    multiple_results=True,
)


# ---------------------------------------------------------------------------------------------------------------------
# svd


def svd(
    x: ArrayLike,
    *,
    full_matrices: bool = True,
    compute_uv: bool = True,
    subset_by_index: Subset = None,
    algorithm: SvdAlgorithm | None = None,
) -> Any:
    """(U, singular values in descending order, V^H) with U diag(s) V^H = x, or the singular values alone (`lax.linalg.svd`).

    x: (..., m, n). full_matrices: U and V^H are square, else they have min(m, n) columns or rows. subset_by_index: None or all,
    else NotImplementedError, as JAX on a CPU. NaN where LAPACK fails.

    >>> svd(np.float32([[3, 0], [0, 4]]), compute_uv=False)
    Array([4., 3.], dtype=float32)
    """
    params = {"subset_by_index": subset_by_index, "algorithm": algorithm}
    s, *uv = svd_p.bind(x, full_matrices=full_matrices, compute_uv=compute_uv, **params)
    return (uv[0], s, uv[1]) if compute_uv else s


def _svd_shapes(shape, *, full_matrices, compute_uv, subset_by_index, algorithm=None):
    m, n = shape
    rank = min(m, n)
    if subset_by_index is not None:
        if full_matrices and subset_by_index != (0, rank):
            raise ValueError("full_matrices and subset_by_index cannot both be set")
        rank = min(rank, subset_by_index[1] - subset_by_index[0])
    if not compute_uv:
        return [(rank,)]
    return [(rank,), (m, m if full_matrices else rank), (n if full_matrices else rank, n)]


def _svd_jvp(primals, tangents, *, full_matrices, compute_uv, **params):
    (x,), (g,) = primals, tangents
    m, n = shape_of(x)[-2:]
    if compute_uv and full_matrices and m != n:
        raise NotImplementedError("Singular value decomposition JVP not implemented for full matrices")
    s, u, vh = svd_p.bind(x, full_matrices=False, compute_uv=True, **params)
    uh, v = adjoint(u), adjoint(vh)
    inner = matmul(matmul(uh, g), v)
    gs = diagonal(real(inner))
    if not compute_uv:
        return [s], [gs]
    gu, gv = _vectors_tangents(s, inner, x.dtype)
    gu, gv = matmul(u, gu), matmul(v, gv)
    scale = convert_element_type(as_rows(s), x.dtype)
    if m > n:
        moved = matmul(g, v)
        gu = add(gu, div(*_same_shape(sub(moved, matmul(u, matmul(uh, moved))), scale)))
    if n > m:
        moved = matmul(adjoint(g), u)
        gv = add(gv, div(*_same_shape(sub(moved, matmul(v, matmul(vh, moved))), scale)))
    return [s, u, vh], [gs, gu, adjoint(gv)]


def _vectors_tangents(s, inner, dtype):
    """U^H dU and V^H dV of a square matrix, given U^H dA V."""
    rows, columns = _same_shape(as_rows(s), as_columns(s))
    differences = mul(add(rows, columns), sub(rows, columns))
    one = _same_shape(eye(s.dtype, shape_of(s)[-1]), differences)[0]
    factors = convert_element_type(sub(div(full_like(one, 1), add(differences, one)), one), dtype)
    rows, columns = (convert_element_type(v, dtype) for v in (rows, columns))
    by_columns, by_rows = mul(rows, inner), mul(columns, inner)
    # The phases of u and v move together; where the singular value is 0, they are free.
    zero = convert_element_type(eq_p.bind(s, zeros_like(s)), s.dtype)
    inverse = sub(div(full_like(s, 1), add(s, zero)), zero)
    turned = mul(sub(inner, adjoint(inner)), np.asarray(0.5, dtype))
    phases = mul(turned, convert_element_type(diagonal_matrix(inverse), dtype))
    gu = add(mul(factors, add(by_columns, adjoint(by_columns))), phases)
    return gu, mul(factors, add(by_rows, adjoint(by_rows)))


svd_p = row(
    "svd",
    impl=factorizations.svd,
    abstract_eval=abstract_eval(
        "svd", (2,), _svd_shapes, dtypes=lambda dtype, **params: [real_dtype(dtype), dtype, dtype], several=True
    ),
    jvp=_svd_jvp,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: svd_p),
    multiple_results=True,
)


# ---------------------------------------------------------------------------------------------------------------------
# schur


def schur(
    x: ArrayLike,
    *,
    compute_schur_vectors: bool = True,
    sort_eig_vals: bool = False,
    select_callable: Callable[..., Any] | None = None,
) -> list[Array]:
    """[T, Z] with Z T Z^H = x, where Z is unitary and T triangular, or, for a real matrix, has 2 x 2 blocks for pairs of complex
    eigenvalues; without compute_schur_vectors [T] (`lax.linalg.schur`).

    x: (..., n, n). It needs SciPy, else it raises ImportError, and has no derivative, as in JAX.

    >>> schur(np.float32([[1, 2], [0, 3]]))[0]
    Array([[1., 2.],
           [0., 3.]], dtype=float32)
    """
    params = {"sort_eig_vals": sort_eig_vals, "select_callable": select_callable}
    return schur_p.bind(x, compute_schur_vectors=compute_schur_vectors, **params)


def _schur_shapes(shape, *, compute_schur_vectors, **params):
    if shape[0] != shape[1]:
        raise ValueError(f"The input to schur must be a square matrix. Got shape {shape}.")
    return [shape] * (1 + compute_schur_vectors)


schur_p = row(
    "schur",
    impl=factorizations.schur,
    abstract_eval=abstract_eval(
        "schur", (2,), _schur_shapes, dtypes=lambda dtype, **params: [dtype, dtype], several=True
    ),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: schur_p),
    multiple_results=True,
)


__all__ = [
    "EigImplementation",
    "EighImplementation",
    "SvdAlgorithm",
    "eig",
    "eig_p",
    "eigh",
    "eigh_p",
    "schur",
    "schur_p",
    "svd",
    "svd_p",
]
