"""Rows for systems of equations: `triangular_solve`, `tridiagonal_solve`, and the factorizations `cholesky` and `lu`.

Derivatives: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation" (2008), for
the systems; I. Murray, "Differentiation of the Cholesky decomposition" (2016); S. Walter and L. Lehmann, "Algorithmic
differentiation of linear algebra functions" (2010), and F. de Hoog, R. Anderssen and M. Lukas, "Differentiation of
matrix functionals using triangular factorization", Math. Comp. 80 (2011), for LU.
"""

from __future__ import annotations

import numpy as np

from ..core.avals import Zero
from ..core.traces import Array
from ..core.types import ArrayLike
from . import factorizations
from .basis import (
    NO_GRADIENT,
    NOT_LINEAR,
    add_tangents,
    batch_to_front,
    broadcast_in_dim,
    expand_dims,
    instantiate,
    move_batch_dim,
    reshape,
    row,
    shape_of,
    squeeze,
    zero_jvp,
    zero_like,
)
from .elementwise import neg_p
from .families import FLOAT
from .joining import concatenate
from .matrices import (
    abstract_eval,
    add,
    as_columns,
    batch_in_front,
    conjugated,
    div,
    eye,
    is_complex,
    matmul,
    mul,
    symmetrized,
    take_rows,
    transposed,
    tril,
    triu,
    zeros_like,
)
from .shapes import broadcasted_iota, pad, slice_in_dim
from .sorting import sort_key_val

JAX_HAS_NONE = "JAX has no derivative for it"


# ---------------------------------------------------------------------------------------------------------------------
# triangular_solve


def triangular_solve(
    a: ArrayLike,
    b: ArrayLike,
    *,
    left_side: bool = False,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
) -> Array:
    """The X with op(A) X = B, or with X op(A) = B unless left_side, for triangular matrices A (`lax.linalg.triangular_solve`).

    a: shape (..., m, m); only its lower or upper triangle is read. b: (..., m, n), or (..., n, m) unless left_side; or vectors,
    (..., m). op is the transpose with transpose_a and the conjugate with conjugate_a. unit_diagonal: take ones for the
    diagonal. A zero on the diagonal gives inf and NaN. Raises ValueError for shapes that do not fit and TypeError for
    integers.

    >>> a = np.float32([[2, 0], [1, 4]])
    >>> triangular_solve(a, np.float32([[2], [9]]), left_side=True, lower=True)
    Array([[1.],
           [2.]], dtype=float32)
    """
    vector = len(shape_of(b)) == len(shape_of(a)) - 1
    if vector:
        b = expand_dims(b, (-1 if left_side else -2,))
    x = triangular_solve_p.bind(
        a,
        b,
        left_side=left_side,
        lower=lower,
        transpose_a=transpose_a,
        conjugate_a=bool(conjugate_a) and np.result_type(a).kind == "c",
        unit_diagonal=unit_diagonal,
    )
    return squeeze(x, (-1 if left_side else -2,)) if vector else x


def _triangular_shapes(a, b, *, left_side, **params):
    if a[0] != a[1]:
        raise ValueError(f"The first input to triangular_solve must be a square matrix. Got shape {a}.")
    if a[1] != b[-2 if left_side else -1]:
        raise ValueError(f"Incompatible shapes for arguments to triangular_solve: {a} and {b}.")
    return b


def _triangular_jvp(primals, tangents, **params):
    (a, b), (ga, gb) = primals, tangents
    x = triangular_solve_p.bind(a, b, **params)
    terms = []
    if type(ga) is not Zero:
        terms.append(_tangent_of_matrix(ga, x, a, **params))
    if type(gb) is not Zero:
        terms.append(triangular_solve_p.bind(a, gb, **params))
    return x, add_tangents(*terms) if len(terms) == 2 else terms[0] if terms else zero_like(x)


def _tangent_of_matrix(g, x, a, *, left_side, lower, transpose_a, conjugate_a, unit_diagonal):
    """-A^-1 dA X, or -X dA A^-1: the smaller product first."""
    k = 1 if unit_diagonal else 0
    g = neg_p.bind(tril(g, -k) if lower else triu(g, k))
    g = transposed(g) if transpose_a else g
    g = conjugated(g) if conjugate_a else g

    def solved(right):
        flags = {"transpose_a": transpose_a, "conjugate_a": conjugate_a, "unit_diagonal": unit_diagonal}
        return triangular_solve_p.bind(a, right, left_side=left_side, lower=lower, **flags)

    rows, columns = shape_of(x)[-2:]
    if left_side:
        return solved(matmul(g, x)) if rows > columns else matmul(solved(g), x)
    return solved(matmul(x, g)) if rows < columns else matmul(x, solved(g))


def _triangular_transpose(ct, a, b, *, transpose_a, **params):
    return [None, triangular_solve_p.bind(a, ct, transpose_a=not transpose_a, **params)]


def _triangular_batch(axis, args, dims, *, left_side, **params):
    (a, b), (da, db) = args, dims
    if da is not None:
        a, b = batch_to_front(a, da, axis.size), batch_to_front(b, db, axis.size)
        return triangular_solve_p.bind(a, b, left_side=left_side, **params), 0
    # One matrix for the whole batch: its right sides are columns (or rows) of one system.
    place = len(shape_of(b)) - (1 if left_side else 2)
    b = move_batch_dim(b, db, place)
    shape = shape_of(b)
    flat = (*shape[:-2], shape[-2] * shape[-1]) if left_side else (*shape[:-3], shape[-3] * shape[-2], shape[-1])
    x = triangular_solve_p.bind(a, reshape(b, flat), left_side=left_side, **params)
    return reshape(x, shape), place


triangular_solve_p = row(
    "triangular_solve",
    impl=factorizations.triangular_solve,
    abstract_eval=abstract_eval("triangular_solve", (2, 2), _triangular_shapes),
    jvp=_triangular_jvp,
    transpose=_triangular_transpose,
    batch=_triangular_batch,
)


# ---------------------------------------------------------------------------------------------------------------------
# tridiagonal_solve


def tridiagonal_solve(dl: Array, d: Array, du: Array, b: Array, *, perturb_singular: bool = False) -> Array:
    """The X with A X = B for tridiagonal matrices A (`lax.linalg.tridiagonal_solve`).

    dl, d, du: the diagonals of A, each of shape (..., m): A[i, i-1] = dl[i], A[i, i] = d[i], A[i, i+1] = du[i]; dl[0] and
    du[m-1] are not read. b: (..., m, n). A singular A gives NaN; with perturb_singular, pivots near zero are replaced, as
    inverse iteration needs it. Raises TypeError for shapes that do not fit.

    >>> one = np.ones(3, np.float32)
    >>> tridiagonal_solve(one, 3 * one, one, np.float32([[4], [5], [4]])).round(3)
    Array([[1.],
           [1.],
           [1.]], dtype=float32)
    """
    return tridiagonal_solve_p.bind(dl, d, du, b, perturb_singular=perturb_singular)


def _tridiagonal_shapes(dl, d, du, b, **params):
    if not dl == d == du:
        raise TypeError("tridiagonal_solve requires that all diagonal arguments have the same shape.")
    if dl != b[:-1]:
        raise TypeError(
            "tridiagonal_solve requires that the leading ndim-1 dimensions of b equal the dimensions of the diagonal arguments."
        )
    return b


def _shifted(x, by: int):
    """The rows moved down, or up for -1, with a zero in the row that is free."""
    axis = len(shape_of(x)) - 2
    config = [(0, 0, 0)] * (axis + 2)
    config[axis] = (by, -by, 0)
    return pad(x, np.zeros((), x.dtype), config)


def _tridiagonal_product(dl, d, du, x):
    below, on, above = (as_columns(v) for v in (dl, d, du))
    return add(add(mul(on, x), mul(below, _shifted(x, 1))), mul(above, _shifted(x, -1)))


def _tridiagonal_jvp(primals, tangents, **params):
    *diagonals, b = primals
    *g_diagonals, right = tangents
    x = tridiagonal_solve_p.bind(*primals, **params)
    if any(type(g) is not Zero for g in g_diagonals):
        right = add_tangents(right, neg_p.bind(_tridiagonal_product(*map(instantiate, g_diagonals), x)))
    return x, zero_like(x) if type(right) is Zero else tridiagonal_solve_p.bind(*diagonals, right, **params)


def _tridiagonal_transpose(ct, dl, d, du, b, **params):
    axis, n = len(shape_of(d)) - 1, shape_of(d)[-1]
    zero = zeros_like(slice_in_dim(d, 0, min(n, 1), axis=axis))
    below = concatenate([zero, slice_in_dim(du, 0, max(n - 1, 0), axis=axis)], axis)
    above = concatenate([slice_in_dim(dl, min(n, 1), n, axis=axis), zero], axis)
    return [None, None, None, tridiagonal_solve_p.bind(below, d, above, ct, **params)]


def _tridiagonal_batch(axis, args, dims, **params):
    *diagonals, b = args
    if any(d is not None for d in dims[:-1]):
        args = [batch_to_front(x, d, axis.size) for x, d in zip(args, dims)]
        return tridiagonal_solve_p.bind(*args, **params), 0
    place = len(shape_of(b)) - 2
    b = move_batch_dim(b, dims[-1], place)
    shape = shape_of(b)
    flat = reshape(b, (*shape[:-3], shape[-3], shape[-2] * shape[-1]))
    return reshape(tridiagonal_solve_p.bind(*diagonals, flat, **params), shape), place


tridiagonal_solve_p = row(
    "tridiagonal_solve",
    impl=factorizations.tridiagonal_solve,
    abstract_eval=abstract_eval(
        "tridiagonal_solve", (1, 1, 1, 2), _tridiagonal_shapes, dtypes=lambda *dtypes, **params: dtypes[-1]
    ),
    jvp=_tridiagonal_jvp,
    transpose=_tridiagonal_transpose,
    batch=_tridiagonal_batch,
)


# ---------------------------------------------------------------------------------------------------------------------
# cholesky


def cholesky(x: Array, *, symmetrize_input: bool = True) -> Array:
    """The lower triangular L with L L^H = x, for positive definite matrices of shape (..., n, n) (`lax.linalg.cholesky`).

    symmetrize_input: take (x + x^H) / 2; without it, only the lower triangle is read. A matrix that is not positive definite gives
    NaN in the lower triangle.

    >>> cholesky(np.float32([[4, 2], [2, 5]]))
    Array([[2., 0.],
           [1., 2.]], dtype=float32)
    """
    return tril(cholesky_p.bind(symmetrized(x) if symmetrize_input else x))


def _square(name: str):
    def shapes(shape, **params):
        if shape[0] != shape[1]:
            raise ValueError(f"The input to {name} must be a square matrix. Got shape {shape}.")
        return shape

    return shapes


def _cholesky_jvp(primals, tangents):
    """L phi(L^-1 dA L^-H), where phi takes the lower triangle and half of the diagonal."""
    factor = tril(cholesky_p.bind(*primals))
    flags = {"lower": True, "unit_diagonal": False}
    half = triangular_solve_p.bind(
        factor, *tangents, left_side=False, transpose_a=True, conjugate_a=is_complex(factor), **flags
    )
    both = triangular_solve_p.bind(factor, half, left_side=True, transpose_a=False, conjugate_a=False, **flags)
    n = shape_of(factor)[-1]
    return factor, matmul(factor, div(tril(both), add(np.asarray(1, factor.dtype), eye(factor.dtype, n))))


cholesky_p = row(
    "cholesky",
    impl=factorizations.cholesky,
    abstract_eval=abstract_eval("cholesky", (2,), _square("cholesky")),
    jvp=_cholesky_jvp,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: cholesky_p),
)


def cholesky_update(r_matrix: ArrayLike, w_vector: ArrayLike) -> Array:
    """The upper triangular factor of R^T R + w w^T (`lax.linalg.cholesky_update`).

    r_matrix: R, upper triangular, (n, n). w_vector: w, (n,). Neither has a batch or a derivative, as in JAX.

    >>> cholesky_update(np.float32([[3]]), np.float32([4]))
    Array([[5.]], dtype=float32)
    """
    return cholesky_update_p.bind(r_matrix, w_vector)


def _update_shapes(r, w):
    if r[0] != r[1] or w[0] != r[1]:
        raise ValueError(
            "Rank-1 update to Cholesky decomposition takes a square matrix and a vector of the same size as input. Got shapes"
            f" {r} and {w} instead"
        )
    return r


cholesky_update_p = row(
    "cholesky_update",
    impl=factorizations.cholesky_update,
    abstract_eval=abstract_eval("cholesky_update", (2, 1), _update_shapes, accepts=[FLOAT, FLOAT], batched=False),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch="JAX has no batch rule for it",
)


def symmetric_product(
    a_matrix: ArrayLike,
    c_matrix: ArrayLike,
    *,
    alpha: float = 1.0,
    beta: float = 0.0,
    symmetrize_output: bool = False,
) -> Array:
    """alpha A A^T + beta C (`lax.linalg.symmetric_product`).

    a_matrix: (..., m, n). c_matrix: symmetric, (..., m, m). symmetrize_output: copy the lower triangle to the upper one. It has
    no derivative, as in JAX.

    >>> symmetric_product(np.float32([[1, 2]]), np.float32([[3]]), beta=2.0)
    Array([[11.]], dtype=float32)
    """
    out = symmetric_product_p.bind(a_matrix, c_matrix, alpha=alpha, beta=beta)
    return add(tril(out), transposed(tril(out, -1))) if symmetrize_output else out


def _product_shapes(a, c, **params):
    if a[0] != c[1] or c[0] != c[1]:
        raise ValueError(
            "symmetric_update expects a rectangular matrix of shape (m, n) and a square matrix of shape (n, n). Got shapes"
            f" {a} and {c}."
        )
    return c


symmetric_product_p = row(
    "symmetric_product",
    impl=factorizations.symmetric_product,
    abstract_eval=abstract_eval("symmetric_product", (2, 2), _product_shapes, accepts=[FLOAT, FLOAT]),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: symmetric_product_p),
)


# ---------------------------------------------------------------------------------------------------------------------
# lu


def lu(x: ArrayLike) -> list[Array]:
    """[L and U in one matrix, pivots, permutation] with P x = L U, by partial pivoting (`lax.linalg.lu`).

    x: (..., m, n). L has ones on its diagonal, which are not stored. pivots: int32, (..., min(m, n)): row i was exchanged with
    row pivots[i]. permutation: int32, (..., m): row i of L U is row permutation[i] of x.

    >>> packed, pivots, permutation = lu(np.float32([[1, 2], [4, 2]]))
    >>> packed, permutation
    (Array([[4.  , 2.  ],
           [0.25, 1.5 ]], dtype=float32), Array([1, 0], dtype=int32))
    """
    return lu_p.bind(x)


def _lu_jvp(primals, tangents):
    """dL = L low(L^-1 dA U^-1) and dU = up(L^-1 dA U^-1) U, where L and U are filled up to square matrices."""
    packed, pivots, permutation = lu_p.bind(*primals)
    g = take_rows(*tangents, permutation)
    m, n = shape_of(packed)[-2:]
    k, dtype = min(m, n), packed.dtype
    axis = len(shape_of(packed)) - 1
    low = add(_padded(tril(slice_in_dim(packed, 0, k, axis=axis), -1), 0, m - k), _broadcast(eye(dtype, m), packed))
    rest = pad(eye(dtype, n - k), np.zeros((), dtype), ((k, 0, 0), (k, 0, 0)))
    up = add(_padded(triu(slice_in_dim(packed, 0, k, axis=axis - 1)), n - k, 0), _broadcast(rest, packed))
    flags = {"transpose_a": False, "conjugate_a": False}
    left = triangular_solve_p.bind(low, g, left_side=True, lower=True, unit_diagonal=True, **flags)
    both = triangular_solve_p.bind(up, left, left_side=False, lower=False, unit_diagonal=False, **flags)
    tangent = add(matmul(low, tril(both, -1)), matmul(triu(both), up))
    return [packed, pivots, permutation], [tangent, zero_like(pivots), zero_like(permutation)]


def _padded(x, rows: int, columns: int):
    config = [(0, 0, 0)] * (len(shape_of(x)) - 2) + [(0, rows, 0), (0, columns, 0)]
    return pad(x, np.zeros((), x.dtype), config)


def _broadcast(matrix, like):
    """The matrix, repeated along the batch axes of `like`."""
    batch = shape_of(like)[:-2]
    return broadcast_in_dim(matrix, (*batch, *shape_of(matrix)), (len(batch), len(batch) + 1))


_INT32 = np.dtype("int32")

lu_p = row(
    "lu",
    impl=factorizations.lu,
    abstract_eval=abstract_eval(
        "lu",
        (2,),
        lambda shape: [shape, (min(shape),), (shape[0],)],
        dtypes=lambda dtype: [dtype, _INT32, _INT32],
        several=True,
    ),
    jvp=_lu_jvp,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: lu_p),
    multiple_results=True,
)


def lu_pivots_to_permutation(pivots: ArrayLike, permutation_size: int) -> Array:
    """The permutation of so many rows that exchanges row i with row pivots[i], in turn (`lax.linalg.lu_pivots_to_permutation`).

    >>> lu_pivots_to_permutation(np.int32([2, 2, 2]), 3)
    Array([2, 0, 1], dtype=int32)
    """
    return lu_pivots_to_permutation_p.bind(pivots, permutation_size=permutation_size)


def _permutation_shape(shape, *, permutation_size):
    if permutation_size < shape[0]:
        raise ValueError(
            f"Output permutation size {permutation_size} has to exceed the trailing dimension of the pivots. Got pivots size"
            f" {shape[0]}"
        )
    return (permutation_size,)


lu_pivots_to_permutation_p = row(
    "lu_pivots_to_permutation",
    impl=factorizations.lu_pivots_to_permutation,
    abstract_eval=abstract_eval("lu_pivots_to_permutation", (1,), _permutation_shape, accepts=["i"]),
    jvp=zero_jvp(lambda: lu_pivots_to_permutation_p),
    transpose=NO_GRADIENT,
    batch=batch_in_front(lambda: lu_pivots_to_permutation_p),
)


def lu_solve(packed, permutation, b, trans: int = 0):
    """The X with A X = B, A^T X = B (trans=1) or A^H X = B (trans=2), for A with these factors. b: (..., m, n)."""
    flags = {"left_side": True, "transpose_a": trans != 0, "conjugate_a": trans == 2 and is_complex(packed)}
    if trans == 0:
        b = take_rows(b, permutation)
        b = triangular_solve_p.bind(packed, b, lower=True, unit_diagonal=True, **flags)
        return triangular_solve_p.bind(packed, b, lower=False, unit_diagonal=False, **flags)
    b = triangular_solve_p.bind(packed, b, lower=False, unit_diagonal=False, **flags)
    b = triangular_solve_p.bind(packed, b, lower=True, unit_diagonal=True, **flags)
    shape = shape_of(permutation)
    return take_rows(b, sort_key_val(permutation, broadcasted_iota(np.int32, shape, len(shape) - 1))[1])


__all__ = [
    "cholesky",
    "cholesky_p",
    "cholesky_update",
    "cholesky_update_p",
    "lu",
    "lu_p",
    "lu_pivots_to_permutation",
    "lu_pivots_to_permutation_p",
    "lu_solve",
    "symmetric_product",
    "symmetric_product_p",
    "triangular_solve",
    "triangular_solve_p",
    "tridiagonal_solve",
    "tridiagonal_solve_p",
]
