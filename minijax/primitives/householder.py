"""Factorizations by Householder reflectors, in NumPy: QR, with and without pivoting, Hessenberg and tridiagonal form.

A reflector is H = I - tau v v^H with v[0] = 1, whose adjoint maps a vector x to (beta, 0, ..., 0). LAPACK stores the rest of v
in the place of the zeros, and so do these functions; signs and phases are LAPACK's. Matrices are the last two axes, and each
function takes a whole batch at once. (Golub and Van Loan, Matrix Computations, chapter 5.)
"""

from __future__ import annotations

import numpy as np

from .factorizations import adjoint, check_dtype


def _reflector(x):
    """(v, tau, beta) of the reflector for vectors along the last axis."""
    alpha, rest = x[..., 0], np.linalg.norm(x[..., 1:], axis=-1)
    # LAPACK reflects nothing if x is (real number, 0, ..., 0): tau is 0.
    nothing = (rest == 0) & (alpha.imag == 0)
    beta = np.where(nothing, alpha.real, -np.copysign(np.hypot(np.abs(alpha), rest), alpha.real))
    tau = np.where(nothing, 0, (beta - alpha) / np.where(nothing, 1, beta)).astype(x.dtype)
    v = x / np.where(nothing, 1, alpha - beta).astype(x.dtype)[..., None]
    v[..., 0] = 1
    return v, tau, beta.astype(x.dtype)


def _from_left(a, v, tau):
    """H^H A, written over A."""
    a -= (np.conj(tau)[..., None] * v)[..., None] * (np.conj(v)[..., None, :] @ a)


def _from_right(a, v, tau):
    """A H, written over A."""
    a -= (a @ v[..., None]) * (tau[..., None] * np.conj(v))[..., None, :]


# ---------------------------------------------------------------------------------------------------------------------
# QR


def geqrf(x):
    """[R above the diagonal and the reflectors below it, tau]."""
    check_dtype(x)
    m, n = x.shape[-2:]
    if not x.size:
        return [x, np.zeros((*x.shape[:-2], min(m, n)), x.dtype)]
    packed, tau = np.linalg.qr(x, mode="raw")
    return [np.swapaxes(packed, -1, -2), tau]


def geqp3(x, jpvt, *, use_magma):
    """[R and the reflectors of the matrix with its columns permuted, the permutation counted from 1, tau]. Each step takes the
    column with the largest norm."""
    check_dtype(x)
    if np.any(jpvt):
        raise NotImplementedError("geqp3 has no columns that are fixed: jpvt must be 0.")
    m, n = x.shape[-2:]
    a, tau = x.copy(), np.zeros((*x.shape[:-2], min(m, n)), x.dtype)
    order = np.broadcast_to(np.arange(1, n + 1, dtype=jpvt.dtype), jpvt.shape).copy()
    with np.errstate(all="ignore"):
        for k in range(min(m, n)):
            norms = np.linalg.norm(a[..., k:, k:], axis=-2)
            chosen = norms.argmax(axis=-1)[..., None] + k
            _exchange(order, k, chosen)
            _exchange(a, k, chosen[..., None, :])
            v, tau[..., k], beta = _reflector(a[..., k:, k])
            _from_left(a[..., k:, k + 1 :], v, tau[..., k])
            a[..., k:, k], a[..., k, k] = v, beta
    return [a, order, tau]


def _exchange(x, k, chosen):
    """Exchange entry k of the last axis with the chosen one."""
    chosen = np.broadcast_to(chosen, (*x.shape[:-1], 1))
    taken = np.take_along_axis(x, chosen, axis=-1)
    np.put_along_axis(x, chosen, x[..., k, None], axis=-1)
    x[..., k, None] = taken


def qr(x, *, pivoting, full_matrices, use_magma):
    """[Q, R], and with pivoting the permutation of the columns of which Q R is the factorization."""
    check_dtype(x)
    *batch, m, n = x.shape
    k = m if full_matrices else min(m, n)
    if not (m and n):
        q = np.broadcast_to(np.eye(m, k, dtype=x.dtype), (*batch, m, k))
        return [q, np.zeros((*batch, k, n), x.dtype), *[np.zeros((*batch, n), np.int32)] * pivoting]
    if not pivoting:
        return list(np.linalg.qr(x, "complete" if full_matrices else "reduced"))
    packed, order, tau = geqp3(x, np.zeros((*batch, n), np.int32), use_magma=use_magma)
    columns = np.zeros((*batch, m, k), x.dtype)
    columns[..., : min(k, n)] = packed[..., : min(k, n)]
    return [householder_product(columns, tau), np.triu(packed[..., :k, :]), order - 1]


def _block_reflector(a, taus):
    """(V, T) with H_1 H_2 ... H_k = I - V T V^H: Schreiber and Van Loan, "A storage-efficient WY representation for products of
    Householder transformations", SIAM J. Sci. Stat. Comput. 10 (1989)."""
    k = taus.shape[-1]
    v = np.tril(a[..., :k], -1)
    v[..., range(k), range(k)] = 1
    products = adjoint(v) @ v
    t = np.zeros_like(products)
    for i in range(k):
        t[..., :i, i] = -taus[..., i, None] * (t[..., :i, :i] @ products[..., :i, i, None])[..., 0]
        t[..., i, i] = taus[..., i]
    return v, t


def householder_product(a, taus):
    """The first columns of H_1 H_2 ... H_k, of which `a` has the reflectors below its diagonal."""
    check_dtype(a)
    v, t = _block_reflector(a, taus)
    return np.eye(*a.shape[-2:], dtype=a.dtype) - v @ (t @ adjoint(v[..., : a.shape[-1], :]))


def ormqr(a, taus, c, *, left, transpose):
    """Q C or C Q, or the same with Q^H, for Q = H_1 H_2 ... H_k."""
    check_dtype(a)
    v, t = _block_reflector(a, taus)
    t = adjoint(t) if transpose else t
    return c - v @ (t @ (adjoint(v) @ c)) if left else c - ((c @ v) @ t) @ adjoint(v)


# ---------------------------------------------------------------------------------------------------------------------
# Similar matrices with many zeros


def hessenberg(x):
    """[the Hessenberg form, and the reflectors below its subdiagonal; tau]."""
    check_dtype(x)
    a, n = x.copy(), x.shape[-1]
    taus = np.zeros((*x.shape[:-2], max(n - 1, 0)), x.dtype)
    with np.errstate(all="ignore"):
        for k in range(n - 1):
            v, taus[..., k], beta = _reflector(a[..., k + 1 :, k])
            _from_right(a[..., :, k + 1 :], v, taus[..., k])
            _from_left(a[..., k + 1 :, k + 1 :], v, taus[..., k])
            a[..., k + 1 :, k], a[..., k + 1, k] = v, beta
    return [a, taus]


def tridiagonal(x, *, lower):
    """[the tridiagonal form of a Hermitian matrix and the reflectors, its diagonal, its subdiagonal, tau]; one triangle is read and
    written."""
    check_dtype(x)
    if not lower:
        # The upper triangle, read from the last row and column, is a lower one.
        parts = tridiagonal(x[..., ::-1, ::-1], lower=True)
        return [parts[0][..., ::-1, ::-1], *[part[..., ::-1] for part in parts[1:]]]
    n = x.shape[-1]
    a = np.tril(x) + adjoint(np.tril(x, -1))
    a[..., range(n), range(n)] = a[..., range(n), range(n)].real
    taus = np.zeros((*x.shape[:-2], n - 1), x.dtype)
    with np.errstate(all="ignore"):
        for k in range(n - 1):
            v, taus[..., k], beta = _reflector(a[..., k + 1 :, k])
            _from_right(a[..., k + 1 :, k + 1 :], v, taus[..., k])
            _from_left(a[..., k + 1 :, k + 1 :], v, taus[..., k])
            a[..., k + 1 :, k], a[..., k + 1, k] = v, beta
    below = a[..., range(1, n), range(n - 1)]
    return [np.tril(a) + np.triu(x, 1), a[..., range(n), range(n)].real, below.real, taus]


__all__ = ["geqp3", "geqrf", "hessenberg", "householder_product", "ormqr", "qr", "tridiagonal"]
