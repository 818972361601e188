"""`qdwh`: the polar decomposition by Halley's iteration, of `jax.lax.linalg`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..api.loops import while_loop
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import finfo
from ..primitives.basis import const, full, reduce_sum, shape_of
from ..primitives.elementwise import (
    abs_p,
    and_p,
    convert_element_type,
    eq_p,
    gt_p,
    lt_p,
    mul_p,
    rsqrt_p,
    select,
    sqrt_p,
)
from ..primitives.joining import concatenate
from ..primitives.linear_systems import cholesky_p, triangular_solve
from ..primitives.matrices import add, adjoint, conjugated, eye, matmul, mul, real, sub, symmetrized, transposed, tril
from ..primitives.orthogonal import qr
from ..primitives.reductions import reduce_max
from ..primitives.shapes import slice_in_dim

# An iteration with a larger coefficient uses QR, which is exact for ill-conditioned matrices; the others use Cholesky: quicker.
LARGEST_FOR_CHOLESKY = 100


def qdwh(
    x: ArrayLike,
    *,
    is_hermitian: bool = False,
    max_iterations: int | None = None,
    eps: float | None = None,
    dynamic_shape: tuple[int, int] | None = None,
) -> tuple[Array, Array, Any, Array]:
    """(U, H, number of iterations, whether they converged) with U H = x, U with orthonormal columns and H Hermitian
    (`lax.linalg.qdwh`; Nakatsukasa, Bai and Gygi, "Optimizing Halley's iteration for computing the matrix polar
    decomposition", SIAM J. Matrix Anal. Appl. 31 (2010)).

    x: one matrix, (m, n) with m >= n, else ValueError. eps: the unit of rounding, that of the dtype by default.

    >>> u, h, iterations, converged = qdwh(np.float32([[0, -2], [2, 0]]))
    >>> h.round(3)
    Array([[2., 0.],
           [0., 2.]], dtype=float32)
    """
    if dynamic_shape is not None:
        raise NotImplementedError("minijax: qdwh has no dynamic_shape; slice the matrix before the call.")
    m, n = shape_of(x)
    if m < n:
        raise ValueError("The input matrix of shape M x N must have M >= N.")
    most = 10 if max_iterations is None else max_iterations
    eps = float(finfo(x.dtype).eps) if eps is None else eps
    u = mul(x, convert_element_type(_inverse_of_bound(x), x.dtype))
    steps = _coefficients(eps, most)
    moving: Any = True
    for a, b, c in steps:
        if c > LARGEST_FOR_CHOLESKY:
            u = _by_qr(u, a, b, c)
        else:
            before, u = u, _by_cholesky(u, a, b, c)
            moving = _differs(u, before, eps)

    def step(state):
        k, u, _ = state
        following = _by_cholesky(u, 3.0, 1.0, 3.0)
        return add(k, np.int32(1)), following, _differs(following, u, eps)

    start = (np.int32(len(steps)), u, moving)
    count, u, moving = while_loop(lambda s: and_p.bind(s[2], lt_p.bind(s[0], np.int32(most))), step, start)
    # A step of Newton and Schulz makes the columns orthogonal to the last digit.
    u = sub(mul(const(u, 1.5), u), mul(const(u, 0.5), matmul(u, matmul(adjoint(u), u))))
    return u, symmetrized(matmul(adjoint(u), x)), count, eq_p.bind(moving, np.bool_(False))


def _inverse_of_bound(x):
    """1 / sqrt(|x|_1 |x|_inf), which makes the largest singular value at most 1."""
    size = abs_p.bind(x)
    one, infinity = (reduce_max(reduce_sum(size, (axis,)), (0,)) for axis in (0, 1))
    inverse = mul_p.bind(rsqrt_p.bind(one), rsqrt_p.bind(infinity))
    return select(eq_p.bind(one, const(one, 0)), full((), 1, size.dtype), inverse)


def _coefficients(eps: float, most: int) -> list[tuple[float, float, float]]:
    """The weights (a, b, c) of the iterations, by the lower bound of the singular values, which each iteration raises."""
    found, low = [], eps
    while low + 5 * eps < 1 and len(found) < most:
        square = low * low
        d = (4 * (1 / square - 1) / square) ** (1 / 3)
        root = (1 + d) ** 0.5
        a = root + (2 - d + 2 * (2 - square) / (square * root)) ** 0.5
        b = (a - 1) ** 2 / 4
        c = a + b - 1
        low = low * (a + b * square) / (1 + c * square)
        found.append((a, b, c))
    return found


def _by_qr(u, a, b, c):
    m, n = shape_of(u)
    q, _ = qr(concatenate([mul(const(u, c**0.5), u), eye(u.dtype, n)], 0), full_matrices=False)
    product = matmul(slice_in_dim(q, 0, m), adjoint(slice_in_dim(q, m, m + n)))
    return add(mul(const(u, b / c), u), mul(const(u, (a - b / c) / c**0.5), product))


def _by_cholesky(u, a, b, c):
    n = shape_of(u)[1]
    factor = tril(cholesky_p.bind(add(mul(const(u, c), matmul(adjoint(u), u)), eye(u.dtype, n))))
    flags = {"left_side": True, "lower": True, "conjugate_a": True}
    z = conjugated(triangular_solve(factor, transposed(u), **flags))
    z = adjoint(triangular_solve(factor, z, transpose_a=True, **flags))
    return add(mul(const(u, b / c), u), mul(const(u, a - b / c), z))


def _differs(u, before, eps: float):
    """Whether the iteration still moved."""
    change = sub(u, before)
    norm = sqrt_p.bind(reduce_sum(real(mul(change, conjugated(change))), (0, 1)))
    return gt_p.bind(norm, const(norm, (5 * eps) ** (1 / 3)))


__all__ = ["qdwh"]
