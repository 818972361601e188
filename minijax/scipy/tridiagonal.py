"""`eigh_tridiagonal`, of `jax.scipy.linalg`: bisection for the eigenvalues, inverse iteration for the eigenvectors.

W. Barth, R. Martin and J. Wilkinson, "Calculation of the eigenvalues of a symmetric tridiagonal matrix by the method of bisection",
Numer. Math. 9 (1967); I. Dhillon, "A new O(n^2) algorithm for the symmetric tridiagonal eigenvalue/eigenvector problem" (1997),
and LAPACK's stein.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .. import lax, random
from .. import numpy as jnp
from ..api.jit import jit
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import finfo
from ..lax import linalg as lax_linalg
from ..numpy import linalg as jnp_linalg

# The starting interval is a little wider than Gershgorin's.
FUDGE = 2.1
# The most steps of inverse iteration, and by how much the norm of the solution grows in one that is worth it: those of stein.
MOST_STEPS, GROWTH = 5, 1.1


def eigh_tridiagonal(
    d: ArrayLike,
    e: ArrayLike,
    *,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: tuple[float, float] | None = None,
    tol: float | None = None,
    key: Array | None = None,
) -> Any:
    """(eigenvalues in ascending order, eigenvectors as columns) of a Hermitian tridiagonal matrix, or the eigenvalues alone
    (`jax.scipy.linalg.eigh_tridiagonal`).

    d: the diagonal, (n,). e: the diagonal above it, (n - 1,), of the same dtype, else TypeError. select: "a" for all, or "i" for
    those with the numbers from select_range[0] to select_range[1]; "v" raises NotImplementedError. tol: the eigenvalues' absolute
    error, by default the dtype's. key: of the random vectors that inverse iteration begins with.

    >>> eigh_tridiagonal(np.float32([2, 2]), np.float32([1]), eigvals_only=True).round(3)
    Array([1., 3.], dtype=float32)
    """
    d, e = jnp.asarray(d), jnp.asarray(e)
    if d.dtype != e.dtype:
        raise TypeError(f"diagonal and off-diagonal values must have same dtype, got {d.dtype} and {e.dtype}")
    if d.dtype.char not in "fdFD":
        raise TypeError(
            "Only float32 and float64 inputs are supported as inputs to jax.scipy.linalg.eigh_tridiagonal, got"
            f" {d.dtype} and {e.dtype}"
        )
    n = d.shape[0]
    if n <= 1:
        return d.real if eigvals_only else (d.real, jnp.eye(n, dtype=d.dtype))
    wanted = _wanted(n, select, select_range)
    values = _eigenvalues(d.real, jnp.abs(e), wanted, tol)
    if eigvals_only:
        return values
    return values, _eigenvectors(d.real, e, values, random.key(42) if key is None else key).T


def _wanted(n: int, select: str, select_range) -> np.ndarray:
    """The numbers of the eigenvalues that are asked for."""
    if select == "a":
        return np.arange(n, dtype=np.int32)
    if select == "v":
        raise NotImplementedError("eigh_tridiagonal(..., select='v') is not implemented")
    if select != "i":
        raise ValueError("'select must have a value in {'a', 'i', 'v'}.")
    if select_range is None:
        raise ValueError("for select='i', select_range must be specified.")
    if select_range[0] > select_range[1]:
        raise ValueError("Got empty index range in select_range.")
    return np.arange(select_range[0], select_range[1] + 1, dtype=np.int32)


# Compiled: else each call would trace the loops again.
@partial(jit, inline=True)
def _eigenvalues(alpha: Array, beta: Array, wanted: np.ndarray, tol: float | None) -> Array:
    """The eigenvalues with these numbers, all bisected at once."""
    info, n = finfo(alpha.dtype), alpha.shape[0]
    radius = jnp.pad(beta, (1, 0)) + jnp.pad(beta, (0, 1))
    low, high = jnp.min(alpha - radius), jnp.max(alpha + radius)
    norm = jnp.maximum(jnp.abs(low), jnp.abs(high))
    squares = jnp.square(beta)
    safe = max(1 / float(info.max), (1 + float(info.eps)) * float(info.tiny))
    pivmin = safe * jnp.maximum(1, jnp.max(squares))
    tolerance = info.eps * norm if tol is None else jnp.maximum(tol, info.eps * norm)
    slack = n * FUDGE * info.eps * norm + 2 * FUDGE * pivmin
    bounds = [jnp.broadcast_to(x, wanted.shape).astype(alpha.dtype) for x in (low - slack, high + slack)]

    def bisect(state):
        i, low, high = state
        middle = 0.5 * (low + high)
        counts = _count_below(alpha, squares, pivmin, middle)
        return i + 1, jnp.where(counts <= wanted, middle, low), jnp.where(counts > wanted, middle, high)

    def wide(state):
        i, low, high = state
        return (i <= info.nmant) & (jnp.max(high - low) > tolerance)

    _, low, high = lax.while_loop(wide, bisect, (np.int32(0), *bounds))
    return 0.5 * (low + high)


def _count_below(alpha: Array, squares: Array, pivmin: Array, x: Array) -> Array:
    """How many eigenvalues are less than each x: the number of negative pivots (Sturm)."""

    def row(state, entries):
        q, count = state
        diagonal, square = entries
        q = diagonal - square / q - x
        negative = q <= pivmin
        return (jnp.where(negative, jnp.minimum(q, -pivmin), q), count + negative.astype(np.int32)), None

    start = (jnp.ones_like(x), jnp.zeros(x.shape, np.int32))
    return lax.scan(row, start, (alpha, jnp.pad(squares, (1, 0))))[0][1]


@partial(jit, inline=True)
def _eigenvectors(alpha: Array, beta: Array, values: Array, key: Array) -> Array:
    """The eigenvectors as rows."""
    k, n, dtype = values.shape[0], alpha.shape[0], beta.dtype
    real_dtype = values.dtype
    v = random.normal(key, (k, n), real_dtype).astype(dtype)
    v = v / jnp_linalg.norm(v, axis=-1, keepdims=True).astype(dtype)
    gap = jnp.sqrt(finfo(real_dtype).eps) * jnp.maximum(jnp.abs(values[0]), jnp.abs(values[-1]))
    # Eigenvalues closer than the gap are one cluster: inverse iteration alone would find one vector for all of them.
    cluster = jnp.cumsum(jnp.pad(values[1:] - values[:-1] >= gap, (1, 0)))
    shifted = (alpha - values[:, None]).astype(dtype)
    below, above = (
        jnp.broadcast_to(jnp.pad(x, widths), (k, n)) for x, widths in ((beta.conj(), (1, 0)), (beta, (0, 1)))
    )

    def step(state):
        i, v, norm, _ = state
        v = lax_linalg.tridiagonal_solve(below, shifted, above, v[..., None], perturb_singular=True)[..., 0]
        grown = jnp_linalg.norm(v, axis=-1)
        return i + 1, _orthogonalized(v / grown[:, None].astype(dtype), cluster), grown, norm

    def growing(state):
        i, _, norm, before = state
        return (i < MOST_STEPS) & jnp.any(norm >= GROWTH * before)

    start = (np.int32(0), v, jnp.ones(k, real_dtype), jnp.zeros(k, real_dtype))
    return lax.while_loop(growing, step, start)[1]


def _orthogonalized(v: Array, cluster: Array) -> Array:
    """The rows, each made orthogonal to those before it in its cluster (Gram and Schmidt, twice for each row)."""
    places = jnp.arange(v.shape[0])

    def row(i, v):
        before = (cluster == cluster[i]) & (places < i)
        x = v[i]
        for _ in range(2):
            x = x - jnp.where(before, v.conj() @ x, 0) @ v
        return v.at[i].set(x / jnp_linalg.norm(x).astype(x.dtype))

    return lax.fori_loop(0, v.shape[0], row, v)


__all__ = ["eigh_tridiagonal"]
