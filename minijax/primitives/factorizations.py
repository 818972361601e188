"""The numerics of linear algebra in NumPy: what the rows of `linalg.py` compute.

Matrices are the last two axes, and the axes before them are the batch: each function takes the whole batch at once. NumPy's
LAPACK gives Cholesky, QR, eigenvalues and SVD. The algorithms that NumPy lacks are here: LU and triangular systems by
recursive halving, which leaves nearly all work to matrix products, and Householder reflectors. Schur's form takes SciPy.

A factorization that fails is filled with NaN, as JAX fills it; `np.linalg` raises LinAlgError.
"""

from __future__ import annotations

import importlib
import math

import numpy as np

from ..foundation import errors

# The dtypes of LAPACK.
LAPACK = "fdFD"
# Triangular systems of so many rows are solved row by row; larger ones are halved.
FEW_ROWS = 8
# So many columns are factored one by one; more are halved.
FEW_COLUMNS = 16
# A single matrix is factored, and a single system solved, number by number, if the operations are so few: NumPy takes as long for
# one function of arrays as for ten operations on numbers. The numbers are NumPy's, so that they are rounded as in arrays.
FEW_OPERATIONS = 150


def check_dtype(x):
    """Raise NotImplementedError for a 16-bit float, which LAPACK lacks."""
    if x.dtype.char not in LAPACK:
        raise NotImplementedError(f"Unsupported dtype {x.dtype.name}.")


def adjoint(x):
    """The conjugate transpose."""
    return np.conj(np.swapaxes(x, -1, -2))


def _stacked(x, ndim):
    """The array with all batch axes in one."""
    core = x.shape[x.ndim - ndim :]
    return x.reshape((math.prod(x.shape[: x.ndim - ndim]), *core))


def _with_nan(x, failed):
    """The array with NaN in the entries of the batch that failed."""
    if not np.any(failed):
        return x
    nan = complex(np.nan, np.nan) if x.dtype.kind == "c" else np.nan
    failed = np.reshape(failed, np.shape(failed) + (1,) * (x.ndim - np.ndim(failed)))
    return np.where(failed, np.asarray(nan, x.dtype), x)


def _finite(x):
    """(which matrices of the batch have NaN or inf, the batch with zeros in their place): LAPACK may not end for NaN."""
    failed = ~np.isfinite(x).all(axis=(-2, -1))
    return failed, np.where(failed[..., None, None], np.zeros((), x.dtype), x) if failed.any() else x


def _ufunc(*names):
    """The first of NumPy's LAPACK functions of these names: a ufunc of matrices, whose results are NaN where LAPACK fails.

    `np.linalg.eigh` calls the same function, on float32 converted to float64; then LAPACK gives many eigenvectors the other sign
    than in float32, where JAX computes them. It also raises if one matrix of the batch fails."""
    for name in names:
        found = getattr(np.linalg._umath_linalg, name, None)
        if found is not None:
            return found
    raise errors.numpy_lacks(names[0], np.__version__)


# ---------------------------------------------------------------------------------------------------------------------
# Triangular systems


def triangular_solve(a, b, *, left_side, lower, transpose_a, conjugate_a, unit_diagonal):
    """The X with op(A) X = B, or X op(A) = B; only one triangle of A is read."""
    if b.dtype.char in "eE":
        wide = [x.astype(np.float32) for x in (a, b)]
        flags = (left_side, lower, transpose_a, conjugate_a, unit_diagonal)
        names = ("left_side", "lower", "transpose_a", "conjugate_a", "unit_diagonal")
        return triangular_solve(*wide, **dict(zip(names, flags))).astype(b.dtype)
    # X A = B is A^T X^T = B^T.
    x = np.array(b if left_side else np.swapaxes(b, -1, -2), order="C")
    if transpose_a == left_side:
        a, lower = np.swapaxes(a, -1, -2), not lower
    a = np.conj(a) if conjugate_a else a
    with np.errstate(all="ignore"):
        few = x.ndim == 2 and 0 < x.size * x.shape[-2] <= FEW_OPERATIONS
        (_substitute_few if few else substitute)(a, x, lower, unit_diagonal)
    return x if left_side else np.ascontiguousarray(np.swapaxes(x, -1, -2))


def substitute(a, x, lower, unit_diagonal):
    """Write over x, the right side of a triangular system, with the solution."""
    n = a.shape[-1]
    if n > FEW_ROWS:
        half = n // 2
        first, second = (slice(half), slice(half, n)) if lower else (slice(half, n), slice(half))
        substitute(a[..., first, first], x[..., first, :], lower, unit_diagonal)
        x[..., second, :] -= a[..., second, first] @ x[..., first, :]
        substitute(a[..., second, second], x[..., second, :], lower, unit_diagonal)
        return
    for step in range(n):
        i, known = (step, slice(step)) if lower else (n - 1 - step, slice(n - step, n))
        if step:
            x[..., i, :] -= (a[..., i : i + 1, known] @ x[..., known, :])[..., 0, :]
        if not unit_diagonal:
            x[..., i, :] /= a[..., i, i, None]


def _substitute_few(a, x, lower, unit_diagonal):
    """As `substitute`, of one small system, number by number."""
    rows, right = list(map(list, a)), list(map(list, x))
    n = len(rows)
    for i in range(n) if lower else range(n - 1, -1, -1):
        row, known = rows[i], range(i) if lower else range(i + 1, n)
        for column in range(x.shape[1]):
            total = right[i][column]
            for j in known:
                total = total - row[j] * right[j][column]
            right[i][column] = total if unit_diagonal else total / row[i]
    x[...] = right


# ---------------------------------------------------------------------------------------------------------------------
# LU: Toledo, "Locality of reference in LU decomposition with partial pivoting", SIAM J. Matrix Anal. Appl. 18 (1997)


def lu(x):
    """[L and U in one matrix, pivots: the row that was exchanged with each row, permutation of the rows]."""
    check_dtype(x)
    m, n = x.shape[-2:]
    k, batch = min(m, n), x.shape[:-2]
    if x.ndim == 2 and 0 < m * n * k <= 3 * FEW_OPERATIONS:
        with np.errstate(all="ignore"):
            parts = _lu_of_few(list(map(list, x)), k)
        return [np.array(part, dtype) for part, dtype in zip(parts, (x.dtype, np.int32, np.int32))]
    a = np.array(_stacked(x, 2), order="C")
    pivots = np.zeros((len(a), k), np.int32)
    with np.errstate(all="ignore"):
        if k and len(a):
            _lu_columns(a, pivots, 0, k)
        if n > m and m:
            substitute(a[:, :, :m], a[:, :, m:], True, True)
    permutation = lu_pivots_to_permutation(pivots, permutation_size=m)
    return [a.reshape(x.shape), pivots.reshape(*batch, k), permutation.reshape(*batch, m)]


def _lu_of_few(rows, k):
    """(L and U in the place of the matrix, pivots, permutation), number by number."""
    pivots, order = [], list(range(len(rows)))
    for step in range(k):
        sizes = [abs(row[step].real) + abs(row[step].imag) for row in rows[step:]]
        chosen = step + sizes.index(max(sizes))
        pivots.append(chosen)
        for listed in (rows, order):
            listed[step], listed[chosen] = listed[chosen], listed[step]
        first = rows[step]
        if first[step] == 0:
            continue
        for row in rows[step + 1 :]:
            factor = row[step] = row[step] / first[step]
            for j in range(step + 1, len(row)):
                row[j] -= factor * first[j]
    return rows, pivots, order


def _lu_columns(a, pivots, start, stop):
    """Factor the columns from `start` to `stop`; the columns before them are factored. Rows are exchanged as a whole."""
    if stop - start <= FEW_COLUMNS:
        _lu_panel(a, pivots, start, stop)
        return
    middle = (start + stop) // 2
    _lu_columns(a, pivots, start, middle)
    substitute(a[:, start:middle, start:middle], a[:, start:middle, middle:stop], True, True)
    a[:, middle:, middle:stop] -= a[:, middle:, start:middle] @ a[:, start:middle, middle:stop]
    _lu_columns(a, pivots, middle, stop)


def _lu_panel(a, pivots, start, stop):
    """Factor a few columns, one by one, in a copy that stores each column in one piece."""
    panel = np.ascontiguousarray(np.swapaxes(a[:, start:, start:stop], 1, 2))
    places = np.arange(panel.shape[2])
    order, each = np.tile(places, (len(a), 1)), np.arange(len(a))
    for k in range(stop - start):
        column = panel[:, k, k:]
        # LAPACK compares complex numbers by |re| + |im|.
        size = np.abs(column.real) + np.abs(column.imag) if a.dtype.kind == "c" else np.abs(column)
        chosen = size.argmax(axis=1) + k
        pivots[:, start + k] = chosen + start
        if (chosen != k).any():
            entries, number = panel[each, :, chosen], order[each, chosen]
            panel[each, :, chosen], order[each, chosen] = panel[:, :, k], order[:, k]
            panel[:, :, k], order[:, k] = entries, number
        pivot = panel[:, k, k, None]
        if (pivot == 0).any():
            pivot = np.where(pivot == 0, np.ones((), a.dtype), pivot)
        panel[:, k, k + 1 :] /= pivot
        panel[:, k + 1 :, k + 1 :] -= panel[:, k + 1 :, k, None] * panel[:, k, None, k + 1 :]
    moved = np.flatnonzero((order != places).any(axis=0))
    a[:, start + moved] = np.take_along_axis(a[:, start:], order[:, moved, None], axis=1)
    a[:, start:, start:stop] = np.swapaxes(panel, 1, 2)


def lu_pivots_to_permutation(pivots, *, permutation_size):
    """The permutation of so many rows that exchanges row i with row pivots[i], for each i in turn."""
    flat = _stacked(pivots, 1)
    if len(flat) == 1:
        order = list(range(permutation_size))
        for i, j in enumerate(flat[0].tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int32).reshape(*pivots.shape[:-1], permutation_size)
    result = np.tile(np.arange(permutation_size, dtype=np.int32), (len(flat), 1))
    each = np.arange(len(flat))
    for i in range(flat.shape[1]):
        other = result[each, flat[:, i]]
        result[each, flat[:, i]] = result[:, i]
        result[:, i] = other
    return result.reshape(*pivots.shape[:-1], permutation_size)


# ---------------------------------------------------------------------------------------------------------------------
# Cholesky


def cholesky(x):
    """The lower factor of each matrix, of which the lower triangle is read; NaN if it is not positive definite."""
    check_dtype(x)
    with np.errstate(all="ignore"):
        return _ufunc("cholesky_lo")(x)


def cholesky_update(r, w):
    """The upper factor of R^T R + w w^T, by plane rotations (Golub and Van Loan, Matrix Computations, 6.5.4)."""
    r, w = r.copy(), w.copy()
    for k in range(len(w)):
        x, y = r[k, k], w[k]
        if y == 0:
            continue
        largest = max(abs(x), abs(y))
        x, y = x / largest, y / largest
        inverse = 1 / np.sqrt(x * x + y * y)
        c, s = x * inverse, -y * inverse
        r[k], w = c * r[k] - s * w, c * w + s * r[k]
    return r


def symmetric_product(a, c, *, alpha, beta):
    """alpha A A^T + beta C."""
    return (alpha * (a @ np.swapaxes(a, -1, -2)) + beta * c).astype(c.dtype, copy=False)


# ---------------------------------------------------------------------------------------------------------------------
# Eigenvalues and singular values


def eigh(x, *, lower, sort_eigenvalues, subset_by_index, algorithm):
    """[eigenvectors, eigenvalues in ascending order] of Hermitian matrices, of which one triangle is read."""
    check_dtype(x)
    if subset_by_index not in (None, (0, x.shape[-1])):
        raise NotImplementedError("subset_by_index not supported on CPU and GPU")
    if algorithm is not None and algorithm.name in ("QDWH", "JACOBI"):
        raise NotImplementedError(f"{algorithm.name} implementation is not supported on CPU")
    with np.errstate(all="ignore"):
        values, vectors = _ufunc("eigh_lo" if lower else "eigh_up")(x)
    return [vectors, values]


def eig(x, *, compute_left_eigenvectors, compute_right_eigenvectors, enable_eigvec_derivs, implementation):
    """[eigenvalues, left eigenvectors, right eigenvectors] of general matrices, or those of them that are asked for."""
    check_dtype(x)
    if implementation is not None and implementation.name != "LAPACK":
        raise ValueError("Only the lapack implementation is supported on CPU.")
    dtype = np.result_type(x.dtype, np.complex64)
    failed, safe = _finite(x)
    vectors = compute_left_eigenvectors or compute_right_eigenvectors
    with np.errstate(all="ignore"):
        # NumPy has no eigenvalues of complex64: it computes them in complex128.
        found = _ufunc("eig")(safe) if vectors else [_ufunc("eigvals")(safe)]
    values, *right = [_with_nan(part.astype(dtype, copy=False), failed) for part in found]
    left = [_left_eigenvectors(values, *right, x.dtype.kind != "c")] if compute_left_eigenvectors else []
    return [values, *left, *(right if compute_right_eigenvectors else [])]


def _left_eigenvectors(values, right, of_real_matrix):
    """The left eigenvectors u, with u^H A = w u^H, given the right ones: the rows of the inverse, with norm 1 and the component of
    the largest absolute value real, as LAPACK scales them. Those of real eigenvalues of a real matrix are real."""
    with np.errstate(all="ignore"):
        identity = np.broadcast_to(np.eye(right.shape[-1], dtype=right.dtype), right.shape)
        packed, _, permutation = lu(right)
        inverse = np.take_along_axis(identity, permutation[..., None], axis=-2).copy()
        substitute(packed, inverse, True, True)
        substitute(packed, inverse, False, False)
        left = adjoint(inverse)
        left = np.where((of_real_matrix & (values.imag == 0))[..., None, :], left.real, left).astype(right.dtype)
        left /= np.linalg.norm(left, axis=-2, keepdims=True)
        if not left.size:
            return left
        largest = np.take_along_axis(left, np.abs(left).argmax(axis=-2)[..., None, :], axis=-2)
        # The eigenvector of a real eigenvalue keeps its sign.
        phase = np.where(largest.imag == 0, 1, np.conj(largest) / np.abs(largest))
        return left * phase.astype(left.dtype)


def svd(x, *, full_matrices, compute_uv, subset_by_index, algorithm=None):
    """[singular values in descending order, U, V^H], or the singular values alone."""
    check_dtype(x)
    if subset_by_index not in (None, (0, min(x.shape[-2:]))):
        raise NotImplementedError("subset_by_index not implemented for CPU and GPU")
    if x.shape[-2] and x.shape[-1] and algorithm is not None and algorithm.name in ("JACOBI", "POLAR"):
        raise NotImplementedError("The SVD Jacobi and Polar algorithms are not implemented on CPU.")
    kind = "" if not compute_uv else "_f" if full_matrices else "_s"
    # NumPy 2.0 has two functions, for wide and for tall matrices.
    old = f"svd_m{kind}" if x.shape[-2] < x.shape[-1] else f"svd_n{kind}"
    with np.errstate(all="ignore"):
        found = _ufunc(f"svd{kind}", old)(x)
    return [found[1], found[0], found[2]] if compute_uv else [found]


def schur(x, *, compute_schur_vectors, sort_eig_vals, select_callable):
    """[Schur's form, Schur's vectors], or the form alone; quasi-triangular for a real matrix."""
    check_dtype(x)
    if sort_eig_vals:
        raise NotImplementedError("The sort feature of LAPACK's gees routine is not implemented.")
    try:
        linalg = importlib.import_module("scipy.linalg")
    except ImportError as error:
        raise errors.scipy_missing("schur") from error
    if not x.size:
        return [np.zeros_like(x)] * (1 + compute_schur_vectors)
    output = "complex" if x.dtype.kind == "c" else "real"

    failed, safe = _finite(x)
    # SciPy takes one matrix.
    pairs = [linalg.schur(matrix, output, check_finite=False) for matrix in _stacked(safe, 2)]
    form, vectors = (
        _with_nan(np.stack(part).reshape(x.shape).astype(x.dtype, copy=False), failed) for part in zip(*pairs)
    )
    # Below its blocks the form is 0 exactly; so LAPACK leaves a matrix of NaN, too.
    under, blocks = (np.tri(x.shape[-1], k=k, dtype=bool) for k in (-1, -2))
    form = np.where(under & (np.isnan(form) | blocks | (output == "complex")), np.zeros((), x.dtype), form)
    return [form, vectors] if compute_schur_vectors else [form]


# ---------------------------------------------------------------------------------------------------------------------
# Tridiagonal systems: Gaussian elimination that exchanges neighbouring rows, as LAPACK's gtsv


def tridiagonal_solve(dl, d, du, b, *, perturb_singular):
    """The X with A X = B for the tridiagonal A with diagonals dl (dl[0] unused), d and du (du[-1] unused); NaN if A is singular.
    perturb_singular: replace pivots near zero by the smallest that count, for inverse iteration (LAPACK's lagts)."""
    check_dtype(b)
    if not b.size:
        return b
    # The rows in front, so that each step of the loop is one of whole arrays.
    x = np.moveaxis(b, -2, 0).copy()
    lower, pivot, upper = (np.moveaxis(v, -1, 0) for v in (dl, d, du))
    pivot, upper = pivot.copy(), upper.copy()
    upper[-1] = 0
    with np.errstate(all="ignore"):
        second = _eliminate(lower, pivot, upper, x)
        singular = (pivot == 0).any(axis=0)
        if perturb_singular:
            tiny = np.finfo(pivot.dtype).eps * max(np.abs(v).max() for v in (pivot, upper, second))
            sign = np.where(pivot.real < 0, -1, 1)
            pivot = np.where(np.abs(pivot) < tiny, (tiny * sign).astype(pivot.dtype), pivot)
        x[-1] /= pivot[-1, ..., None]
        for i in reversed(range(len(x) - 1)):
            rest = upper[i, ..., None] * x[i + 1]
            if i + 2 < len(x):
                rest += second[i, ..., None] * x[i + 2]
            x[i] = (x[i] - rest) / pivot[i, ..., None]
    solution = np.moveaxis(x, 0, -2)
    return solution if perturb_singular else _with_nan(solution, singular)


def _eliminate(lower, pivot, upper, x):
    """Write over the diagonals and the right side; return the second diagonal above the main one, which the exchanges fill."""
    second = np.zeros_like(upper)
    size = (lambda v: np.abs(v.real) + np.abs(v.imag)) if pivot.dtype.kind == "c" else np.abs
    for i in range(len(pivot) - 1):
        exchanged = size(pivot[i]) < size(lower[i + 1])
        first, other = np.where(exchanged, lower[i + 1], pivot[i]), np.where(exchanged, pivot[i], lower[i + 1])
        factor = np.where(other == 0, other, other / first)
        here, below = np.where(exchanged, pivot[i + 1], upper[i]), np.where(exchanged, upper[i], pivot[i + 1])
        second[i] = np.where(exchanged, upper[i + 1], 0)
        pivot[i], upper[i] = first, here
        pivot[i + 1] = below - factor * here
        upper[i + 1] = np.where(exchanged, -factor * upper[i + 1], upper[i + 1])
        swap = exchanged[..., None]
        high, low = np.where(swap, x[i + 1], x[i]), np.where(swap, x[i], x[i + 1])
        x[i], x[i + 1] = high, low - factor[..., None] * high
    return second
