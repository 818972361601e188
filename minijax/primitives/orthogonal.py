"""Rows of factorizations by reflectors: `qr` and the products of reflectors, Hessenberg and tridiagonal form.

The derivative of QR: S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
experimental design" (2010), and for the columns that complete a tall Q, J. Roberts and L. Roberts, "QR and LQ decomposition matrix
backpropagation algorithms for square, wide, and deep, real or complex, matrices" (2020).
"""

from __future__ import annotations

import numpy as np

from ..core.traces import Array
from ..core.types import ArrayLike
from . import householder
from .basis import NOT_LINEAR, full, row, shape_of, zero_like
from .elementwise import convert_element_type
from .families import INT, real_dtype
from .joining import concatenate
from .linear_systems import JAX_HAS_NONE, lu_p, lu_solve, triangular_solve_p
from .matrices import (
    INEXACT,
    abstract_eval,
    add,
    adjoint,
    batch_in_front,
    diagonal,
    diagonal_matrix,
    eye,
    is_complex,
    matmul,
    mul,
    real,
    sub,
    take_columns,
    tril,
)
from .shapes import slice_in_dim

_INT32 = np.dtype("int32")


# ---------------------------------------------------------------------------------------------------------------------
# Reflectors


def geqrf(a: ArrayLike) -> tuple[Array, Array]:
    """(R above the diagonal and the reflectors of Q below it, their factors tau), as LAPACK's geqrf."""
    return tuple(geqrf_p.bind(a))


geqrf_p = row(
    "geqrf",
    impl=householder.geqrf,
    abstract_eval=abstract_eval(
        "geqrf", (2,), lambda shape: [shape, (min(shape),)], dtypes=lambda dtype: [dtype, dtype], several=True
    ),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: geqrf_p),
    multiple_results=True,
)


def geqp3(a: ArrayLike, jpvt: ArrayLike, *, use_magma: bool | None = None) -> tuple[Array, Array, Array]:
    """(R and reflectors of the matrix with permuted columns, the permutation counted from 1, tau), as LAPACK's geqp3.

    jpvt: zeros, which leave every column free."""
    return tuple(geqp3_p.bind(a, jpvt, use_magma=use_magma))


geqp3_p = row(
    "geqp3",
    impl=householder.geqp3,
    abstract_eval=abstract_eval(
        "geqp3",
        (2, 1),
        lambda a, jpvt, **params: [a, jpvt, (min(a),)],
        accepts=[INEXACT, INT],
        dtypes=lambda a, jpvt, **params: [a, jpvt, a],
        several=True,
        same=False,
    ),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: geqp3_p),
    multiple_results=True,
)


def householder_product(a: ArrayLike, taus: ArrayLike) -> Array:
    """The first columns of the product of reflectors (`lax.linalg.householder_product`).

    a: (..., m, n) with m >= n, reflectors below the diagonal. taus: (..., k) with k <= n, their factors. It has no derivative, as
    in JAX. Raises ValueError for other shapes.

    >>> householder_product(np.float32([[1], [0]]), np.float32([2]))
    Array([[-1.],
           [ 0.]], dtype=float32)
    """
    return householder_product_p.bind(a, taus)


def _product_shape(a, taus):
    m, n = a
    if m < n:
        raise ValueError(
            f"The first argument to householder_product must have at least as many rows as columns, got shape {a}"
        )
    if taus[0] > min(m, n):
        raise ValueError(
            "The second argument to householder_product must not have more rows than the minimum of the first argument's rows"
            " and columns."
        )
    return a


householder_product_p = row(
    "householder_product",
    impl=householder.householder_product,
    abstract_eval=abstract_eval("householder_product", (2, 1), _product_shape),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: householder_product_p),
)


def ormqr(a: ArrayLike, taus: ArrayLike, c: ArrayLike, *, left: bool = True, transpose: bool = False) -> Array:
    """Q C, or C Q unless `left`; with transpose, Q^H in the place of Q (`lax.linalg.ormqr`).

    a, taus: the reflectors whose product is Q, (..., m, k) and (..., k). c: (..., m, n), or (..., n, m) unless `left`. It has no
    derivative, as in JAX.

    >>> ormqr(np.float32([[1], [0]]), np.float32([2]), np.float32([[3], [4]]))
    Array([[-3.],
           [ 4.]], dtype=float32)
    """
    return ormqr_p.bind(a, taus, c, left=left, transpose=transpose)


def _ormqr_shape(a, taus, c, *, left, transpose):
    if c[0 if left else 1] != a[0]:
        what = (
            "number of rows as the Householder matrix a"
            if left
            else "number of columns as the Householder matrix a has rows"
        )
        raise ValueError(f"ormqr with {left=} expects c to have the same {what}. Got a shape {a} and c shape {c}.")
    return c


ormqr_p = row(
    "ormqr",
    impl=householder.ormqr,
    abstract_eval=abstract_eval("ormqr", (2, 1, 2), _ormqr_shape),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: ormqr_p),
)


def hessenberg(a: ArrayLike) -> list[Array]:
    """[the Hessenberg form with reflectors below its subdiagonal, their factors tau] (`lax.linalg.hessenberg`).

    a: (..., n, n). taus: (..., n - 1). It has no derivative, as in JAX.

    >>> hessenberg(np.float32([[1, 2], [3, 4]]))[1]
    Array([0.], dtype=float32)
    """
    return hessenberg_p.bind(a)


def _hessenberg_shapes(shape):
    if shape[0] != shape[1] or not shape[0]:
        raise ValueError(f"Argument to Hessenberg reduction must have shape [..., n, n], got shape {shape}")
    return [shape, (shape[0] - 1,)]


hessenberg_p = row(
    "hessenberg",
    impl=householder.hessenberg,
    abstract_eval=abstract_eval(
        "hessenberg", (2,), _hessenberg_shapes, dtypes=lambda dtype: [dtype, dtype], several=True
    ),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: hessenberg_p),
    multiple_results=True,
)


def tridiagonal(a: ArrayLike, *, lower: bool = True) -> list[Array]:
    """[the form and the reflectors, its diagonal, its subdiagonal, the factors tau] of Hermitian matrices, of shape (..., n, n)
    (`lax.linalg.tridiagonal`). One triangle is read; it has no derivative, as in JAX.

    >>> tridiagonal(np.float32([[1, 2], [2, 4]]))[1]
    Array([1., 4.], dtype=float32)
    """
    return tridiagonal_p.bind(a, lower=lower)


def _tridiagonal_shapes(shape, **params):
    n = shape[0]
    if n != shape[1] or not n:
        raise ValueError(f"The input to tridiagonal must be a square matrix. Got shape {shape}.")
    return [shape, (n,), (n - 1,), (n - 1,)]


tridiagonal_p = row(
    "tridiagonal",
    impl=householder.tridiagonal,
    abstract_eval=abstract_eval(
        "tridiagonal",
        (2,),
        _tridiagonal_shapes,
        dtypes=lambda dtype, **params: [dtype, real_dtype(dtype), real_dtype(dtype), dtype],
        several=True,
    ),
    jvp=JAX_HAS_NONE,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: tridiagonal_p),
    multiple_results=True,
)


# ---------------------------------------------------------------------------------------------------------------------
# qr


def qr(x: ArrayLike, *, pivoting: bool = False, full_matrices: bool = True, use_magma: bool | None = None) -> tuple:
    """(Q, R) with Q R = x, where Q is orthogonal, or unitary, and R upper triangular (`lax.linalg.qr`).

    x: (..., m, n). full_matrices: Q is (..., m, m), else (..., m, min(m, n)). pivoting: (Q, R, p) with Q R = x[..., p], so that the
    diagonal of R decreases in absolute value.

    >>> q, r = qr(np.float32([[3], [4]]), full_matrices=False)
    >>> r
    Array([[-5.]], dtype=float32)
    """
    return tuple(qr_p.bind(x, pivoting=pivoting, full_matrices=full_matrices, use_magma=use_magma))


def _qr_shapes(shape, *, pivoting, full_matrices, **params):
    m, n = shape
    k = m if full_matrices else min(m, n)
    return [(m, k), (k, n), *[(n,)] * pivoting]


def _thin_jvp(q, r, g):
    """The tangents of Q and R for a Q with as many columns as R has."""
    scaled = _right_divided(g, r)
    inner = matmul(adjoint(q), scaled)
    low = tril(inner, -1)
    skew = sub(low, adjoint(low))
    if is_complex(q):
        on = diagonal(inner)
        skew = add(skew, diagonal_matrix(sub(on, convert_element_type(real(on), on.dtype))))
    return add(matmul(q, sub(skew, inner)), scaled), matmul(sub(inner, skew), r)


def _right_divided(g, r):
    """g r^-1"""
    flags = {"left_side": False, "lower": False, "transpose_a": False, "conjugate_a": False, "unit_diagonal": False}
    return triangular_solve_p.bind(r, g, **flags)


def _rows(x, start, stop):
    return slice_in_dim(x, start, stop, axis=len(shape_of(x)) - 2)


def _columns(x, start, stop):
    return slice_in_dim(x, start, stop, axis=len(shape_of(x)) - 1)


def _qr_jvp(primals, tangents, *, pivoting, full_matrices, use_magma):
    (x,), (g,) = primals, tangents
    q, r, *p = qr_p.bind(x, pivoting=pivoting, full_matrices=full_matrices, use_magma=use_magma)
    if pivoting:
        x, g = take_columns(x, p[0]), take_columns(g, p[0])
    m, n = shape_of(x)[-2:]
    last = len(shape_of(x)) - 1
    if m < n:
        gq, first = _thin_jvp(q, _columns(r, 0, m), _columns(g, 0, m))
        rest = add(matmul(adjoint(gq), _columns(x, m, n)), matmul(adjoint(q), _columns(g, m, n)))
        gr = concatenate([first, rest], last)
    elif m > n and full_matrices:
        gq, first = _thin_jvp(_columns(q, 0, n), _rows(r, 0, n), g)
        gq = concatenate([gq, _tangent_of_completion(q, gq, n)], last)
        gr = concatenate([first, full((*shape_of(x)[:-2], m - n, n), 0, r.dtype)], last - 1)
    else:
        gq, gr = _thin_jvp(q, r, g)
    return [q, r, *p], [gq, gr, *map(zero_like, p)]


def _tangent_of_completion(q, g, n: int):
    """The tangent of the columns of Q after the n-th, given that of the first n."""
    m = shape_of(q)[-2]
    own, rest = _columns(q, 0, n), _columns(q, n, m)
    # The columns that LAPACK adds are those of I - V T V^H: they depend on the first columns alone.
    square = sub(_rows(own, 0, n), mul(eye(q.dtype, n), full(shape_of(own)[:-2] + (n, n), 1, q.dtype)))
    packed, _, permutation = lu_p.bind(square)
    zh = lu_solve(packed, permutation, adjoint(_rows(own, n, m)), trans=2)
    z = adjoint(zh)
    moved = sub(_rows(g, n, m), matmul(z, _rows(g, 0, n)))
    return sub(matmul(g, zh), matmul(add(own, matmul(rest, z)), adjoint(moved)))


qr_p = row(
    "qr",
    impl=householder.qr,
    abstract_eval=abstract_eval(
        "qr",
        (2,),
        _qr_shapes,
        dtypes=lambda dtype, *, pivoting, **params: [dtype, dtype, *[_INT32] * pivoting],
        several=True,
    ),
    jvp=_qr_jvp,
    transpose=NOT_LINEAR,
    batch=batch_in_front(lambda: qr_p),
    multiple_results=True,
)


__all__ = [
    "geqp3",
    "geqp3_p",
    "geqrf",
    "geqrf_p",
    "hessenberg",
    "hessenberg_p",
    "householder_product",
    "householder_product_p",
    "ormqr",
    "ormqr_p",
    "qr",
    "qr_p",
    "tridiagonal",
    "tridiagonal_p",
]
