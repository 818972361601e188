"""Linear systems by iterations that only multiply by the matrix (`jax.scipy.sparse.linalg`).

Y. Saad, "Iterative methods for sparse linear systems" (2003), has the algorithms: 6.18 and 9.1 (cg), 7.7 (bicgstab), 6.9 and 9.5
(gmres). The solution has a derivative by the matrix and the right-hand side, which solves another system: it is that of
`lax.custom_linear_solve`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...foundation import dtypes
from ...foundation.pytrees import tree_leaves, tree_map, tree_structure
from ...numpy.flat_trees import ravel_pytree
from ...numpy.util import as_array
from ...primitives.elementwise import convert_element_type

_add, _sub = partial(tree_map, operator.add), partial(tree_map, operator.sub)


def _identity(x):
    return x


def _times(scalar, tree):
    return tree_map(lambda x: scalar * x, tree)


def _dot(x, y):
    """The inner product of two trees, conjugate-linear in the first."""
    return sum(jnp.vdot(a, b, precision="highest") for a, b in zip(tree_leaves(x), tree_leaves(y), strict=True))


def _real_dot(x, y):
    return jnp.real(_dot(x, y))


def _operator(A: Any) -> Callable:
    """The matrix as a function. Raises ValueError unless it is square, TypeError for other objects."""
    if callable(A):
        return A
    if not hasattr(A, "__matmul__"):
        raise TypeError(f"linear operator must be either a function or ndarray: {A}")
    shape = np.shape(A)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"linear operator must be a square matrix, but has shape: {shape}")
    return (
        partial(jnp.dot, A, precision="highest") if isinstance(A, (np.ndarray, Array)) else partial(operator.matmul, A)
    )


def _problem(A, b, x0, maxiter, M) -> tuple:
    """The arguments as functions, arrays and numbers. Raises ValueError if x0 has not the form of b."""
    b = tree_map(as_array, b)
    x0 = tree_map(jnp.zeros_like, b) if x0 is None else tree_map(as_array, x0)
    if maxiter is None:
        maxiter = 10 * sum(x.size for x in tree_leaves(b))
    if tree_structure(x0) != tree_structure(b):
        raise ValueError(f"x0 and b must have matching tree structure: {tree_structure(x0)} vs {tree_structure(b)}")
    shapes = [[x.shape for x in tree_leaves(tree)] for tree in (x0, b)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"arrays in x0 and b must have matching shapes: {shapes[0]} vs {shapes[1]}")
    return _operator(A), b, x0, maxiter, _identity if M is None else _operator(M)


def _allowed(b, tol, atol):
    """The squared norm of a residual that is small enough."""
    return jnp.maximum(jnp.square(tol) * _real_dot(b, b), jnp.square(atol))


def _cg(A, b, *, x0, tol, atol, maxiter, M):
    enough = _allowed(b, tol, atol)
    r = _sub(b, A(x0))
    z = M(r)
    dtype = dtypes.result_type(*tree_leaves(z))

    def goes_on(state):
        _, r, gamma, _, k = state
        return ((gamma.real if M is _identity else _real_dot(r, r)) > enough) & (k < maxiter)

    def step(state):
        x, r, gamma, p, k = state
        Ap = A(p)
        alpha = gamma / _real_dot(p, Ap).astype(dtype)
        x, r = _add(x, _times(alpha, p)), _sub(r, _times(alpha, Ap))
        z = M(r)
        following = _real_dot(r, z).astype(dtype)
        return x, r, following, _add(z, _times(following / gamma, p)), k + 1

    return lax.while_loop(goes_on, step, (x0, r, _real_dot(r, z).astype(dtype), z, 0))[0]


def _bicgstab(A, b, *, x0, tol, atol, maxiter, M):
    enough = _allowed(b, tol, atol)
    r0 = _sub(b, A(x0))
    dtype, weak_type = dtypes.lattice_result_type(*tree_leaves(b))
    one = convert_element_type(1, dtype, weak_type)

    def goes_on(state):
        _, r, *_, k = state
        return (_real_dot(r, r) > enough) & (k < maxiter) & (k >= 0)

    def step(state):
        x, r, alpha, omega, rho, p, q, k = state
        new_rho = _dot(r0, r)
        beta = new_rho / rho * alpha / omega
        p = _add(r, _times(beta, _sub(p, _times(omega, q))))
        p_hat = M(p)
        q = A(p_hat)
        alpha = new_rho / _dot(r0, q)
        s = _sub(r, _times(alpha, q))
        done = _real_dot(s, s) < enough
        s_hat = M(s)
        t = A(s_hat)
        omega = _dot(t, s) / _dot(t, t)
        half = _times(alpha, p_hat)
        choose = partial(tree_map, lambda a, b: jnp.where(done, a, b))
        x = choose(_add(x, half), _add(x, _add(half, _times(omega, s_hat))))
        r = choose(s, _sub(s, _times(omega, t)))
        # A factor of 0 leads nowhere: a negative count ends the loop.
        k = jnp.where(new_rho == 0, -10, jnp.where((omega == 0) | (alpha == 0), -11, k + 1))
        return x, r, alpha, omega, new_rho, p, q, k

    return lax.while_loop(goes_on, step, (x0, r0, one, one, one, r0, r0, 0))[0]


def _iterated(iteration: Callable, A, b, x0, tol, atol, maxiter, M, symmetric: bool) -> tuple[Any, None]:
    A, b, x0, maxiter, M = _problem(A, b, x0, maxiter, M)
    solve = partial(iteration, x0=x0, tol=tol, atol=atol, maxiter=maxiter, M=M)
    symmetric = symmetric and not any(jnp.iscomplexobj(x) for x in tree_leaves(b))
    return lax.custom_linear_solve(A, b, solve=solve, transpose_solve=solve, symmetric=symmetric), None


def cg(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
) -> tuple[Any, None]:
    """(the solution of A x = b by conjugate gradients, None), for a Hermitian, positive definite A
    (`jax.scipy.sparse.linalg.cg`).

    A: a matrix or a function of arrays or pytrees; M: likewise, what approximates the inverse of A. x0: where to begin. The
    residual becomes smaller than `tol` times the norm of b, or than `atol`, unless that takes more than `maxiter` steps. Raises
    ValueError unless A is square and x0 has the form of b.

    >>> cg(np.float32([[2, 1], [1, 2]]), np.float32([3, 3]))[0].round(4)
    Array([1., 1.], dtype=float32)
    """
    return _iterated(_cg, A, b, x0, tol, atol, maxiter, M, symmetric=True)


def bicgstab(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
) -> tuple[Any, None]:
    """(the solution of A x = b, None), for any A, by the stabilised method of bi-conjugate gradients
    (`jax.scipy.sparse.linalg.bicgstab`). Arguments as in `cg`.

    >>> bicgstab(np.float32([[2, 1], [0, 2]]), np.float32([3, 2]))[0].round(4)
    Array([1., 1.], dtype=float32)
    """
    return _iterated(_bicgstab, A, b, x0, tol, atol, maxiter, M, symmetric=False)


# ---------------------------------------------------------------------------------------------------------------------
# gmres, of vectors


def _norm(x: Array) -> Array:
    return jnp.sqrt(_real_dot(x, x))


def _unit(x: Array, least: ArrayLike) -> tuple[Array, Array]:
    """(x / |x|, |x|), or zeros for a vector that is no longer than `least`."""
    size = _norm(x)
    long = size > least
    return jnp.where(long, x / jnp.where(long, size, 1).astype(x.dtype), 0), jnp.where(long, size, 0)


def _arnoldi(A: Callable, V: Array, H: Array, k) -> tuple[Array, Array]:
    """One vector more of an orthonormal basis of b, A b, A A b, ..., and the column of A in this basis."""
    v = A(V[:, k])
    before = _norm(v)
    # Twice, since one pass leaves what rounding adds.
    h = jnp.zeros(V.shape[1], V.dtype)
    for _ in range(2):
        part = V.conj().T @ v
        v, h = v - V @ part, h + part
    unit, size = _unit(v, jnp.finfo(V.dtype).eps * before)
    return V.at[:, k + 1].set(unit), H.at[:, k].set(h.at[k + 1].set(size.astype(V.dtype)))


def _least_squares(H: Array, beta: Array) -> Array:
    """The y for which |beta e_1 - H y| is least. H is zero below its first subdiagonal, which rotations of neighbouring rows make
    zero, too; an unknown that no equation has left is 0."""
    m = H.shape[1]

    def rotate(k, state):
        H, g = state
        a, b = H[k, k], H[k + 1, k]
        size = jnp.sqrt(_real_dot(a, a) + _real_dot(b, b)).astype(H.dtype)
        c, s = (jnp.where(size == 0, other, x / jnp.where(size == 0, 1, size)) for x, other in ((a, 1), (b, 0)))
        turn = lambda x, y: (jnp.conj(c) * x + jnp.conj(s) * y, c * y - s * x)
        upper, lower = turn(H[k], H[k + 1])
        g_upper, g_lower = turn(g[k], g[k + 1])
        return H.at[k].set(upper).at[k + 1].set(lower), g.at[k].set(g_upper).at[k + 1].set(g_lower)

    start = jnp.zeros(m + 1, H.dtype).at[0].set(beta.astype(H.dtype))
    H, g = lax.fori_loop(0, m, rotate, (H, start))

    def unknown(i, y):
        k = m - 1 - i
        pivot = H[k, k]
        return y.at[k].set(jnp.where(pivot == 0, 0, (g[k] - H[k] @ y) / jnp.where(pivot == 0, 1, pivot)))

    return lax.fori_loop(0, m, unknown, jnp.zeros(m, H.dtype))


def _gmres(A: Callable, b: Array, x0: Array, enough, restart: int, maxiter: int, M: Callable) -> Array:
    eps = jnp.finfo(b.dtype).eps
    product = lambda v: M(A(v))

    def goes_on(state):
        _, residual, k = state
        return (k < maxiter) & (_norm(residual) > enough)

    def cycle(state):
        x, residual, k = state
        unit, beta = _unit(residual, eps)
        V = jnp.zeros((b.shape[0], restart + 1), b.dtype).at[:, 0].set(unit)
        H = jnp.zeros((restart + 1, restart), b.dtype)
        V, H = lax.fori_loop(0, restart, lambda k, basis: _arnoldi(product, *basis, k), (V, H))
        x = x + V[:, :-1] @ _least_squares(H, beta)
        return x, M(b - A(x)), k + 1

    return lax.while_loop(goes_on, cycle, (x0, M(b - A(x0)), 0))[0]


def gmres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    restart: int = 20,
    maxiter: int | None = None,
    M: Any = None,
    solve_method: str = "batched",
) -> tuple[Any, Array]:
    """(the solution of A x = b by generalised minimal residuals, 0, or -1 if it is NaN), for any A
    (`jax.scipy.sparse.linalg.gmres`).

    restart: after so many products a new basis is begun; `maxiter` counts these. solve_method: "batched" or "incremental", which
    are one here. The other arguments are as in `cg`. Raises ValueError for another method.

    >>> gmres(np.float32([[2, 1], [0, 2]]), np.float32([3, 2]))[0].round(4)
    Array([1., 1.], dtype=float32)
    """
    if solve_method not in ("incremental", "batched"):
        raise ValueError(f"invalid solve_method {solve_method}, must be either 'incremental' or 'batched'")
    A, b, x0, maxiter, M = _problem(A, b, x0, maxiter, M)
    size = sum(x.size for x in tree_leaves(b))
    restart = min(restart, size)

    def solve(matvec, b):
        flat, unravel = ravel_pytree(b)
        of_vectors = lambda f: lambda v: ravel_pytree(f(unravel(v)))[0].astype(flat.dtype)
        start = ravel_pytree(x0)[0].astype(flat.dtype)
        enough = jnp.maximum(tol * _norm(flat), atol)
        return unravel(_gmres(of_vectors(matvec), flat, start, enough, restart, maxiter, of_vectors(M)))

    x = lax.custom_linear_solve(A, b, solve=solve, transpose_solve=solve)
    failed = jnp.isnan(jnp.sqrt(_real_dot(x, x)))
    return x, jnp.where(failed, -1, 0)


__all__ = ["bicgstab", "cg", "gmres"]
