"""`jax.lax.linalg`: factorizations and triangular systems as primitives, on batches of matrices (the last two axes).

>>> import numpy as np
>>> cholesky(np.float32([[4, 2], [2, 5]]))
Array([[2., 0.],
       [1., 2.]], dtype=float32)
"""

from __future__ import annotations

from ..api.jit import jit as _jit
from ..api.solves import custom_linear_solve as _custom_linear_solve
from ..foundation.doors import at_the_door as _at_the_door
from ..primitives import matrices as _matrices
from ..primitives.eigenvalues import (
    EighImplementation,
    EigImplementation,
    SvdAlgorithm,
    eig,
    eig_p,
    eigh,
    eigh_p,
    schur,
    schur_p,
    svd,
    svd_p,
)
from ..primitives.elementwise import stop_gradient_p as _stop_gradient_p
from ..primitives.linear_systems import (
    cholesky,
    cholesky_p,
    cholesky_update,
    cholesky_update_p,
    lu,
    lu_p,
    lu_pivots_to_permutation,
    lu_pivots_to_permutation_p,
    symmetric_product,
    symmetric_product_p,
    triangular_solve,
    triangular_solve_p,
    tridiagonal_solve,
    tridiagonal_solve_p,
)
from ..primitives.linear_systems import lu_solve as _lu_solve
from ..primitives.orthogonal import (
    hessenberg,
    hessenberg_p,
    householder_product,
    householder_product_p,
    ormqr,
    ormqr_p,
    qr,
    qr_p,
    tridiagonal,
    tridiagonal_p,
)
from .polar import qdwh


# Compiled: to trace the four functions of a custom_linear_solve takes a hundred times as long as to solve a small system.
@_jit(inline=True)
def solve_by_lu(a, b):
    """The X with A X = B. a: (..., m, m). b: (..., m, n), with the same batch. The equation gives the derivatives."""
    # Not only without the tangent that it has now: the function may be compiled first and differentiated later.
    packed, _, permutation = lu(_stop_gradient_p.bind(a))
    return _custom_linear_solve(
        lambda x: _matrices.matmul(a, x),
        b,
        lambda _, b: _lu_solve(packed, permutation, b),
        lambda _, b: _lu_solve(packed, permutation, b, 1),
    )


# fmt: off
__all__ = [
    "EigImplementation", "EighImplementation", "SvdAlgorithm", "cholesky", "cholesky_p", "cholesky_update",
    "cholesky_update_p", "eig", "eig_p", "eigh", "eigh_p", "hessenberg", "hessenberg_p", "householder_product",
    "householder_product_p", "lu", "lu_p", "lu_pivots_to_permutation", "lu_pivots_to_permutation_p", "ormqr", "ormqr_p",
    "qdwh", "qr", "qr_p", "schur", "schur_p", "svd", "svd_p", "symmetric_product", "symmetric_product_p", "triangular_solve",
    "triangular_solve_p", "tridiagonal", "tridiagonal_p", "tridiagonal_solve", "tridiagonal_solve_p",
]
# fmt: on

_at_the_door(globals())
