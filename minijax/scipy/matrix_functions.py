"""Functions of matrices, of `jax.scipy.linalg`: exponential, square root, polar form, Sylvester's equation and others.

Those that need Schur's form (sqrtm, funm, solve_sylvester) need SciPy, unless XLA runs the program.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.derivatives import jvp
from ..api.jit import jit
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import finfo, issubdtype
from ..lax import linalg as lax_linalg
from ..numpy import linalg as jnp_linalg
from ..numpy.util import promote_dtypes, promote_dtypes_inexact
from ..primitives.matrices import adjoint


def _to_complex(*args: Array) -> list[Array]:
    return promote_dtypes(*args, category=lambda dtype: np.result_type(dtype, np.complex64))


# ---------------------------------------------------------------------------------------------------------------------
# expm: N. Higham, "The scaling and squaring method for the matrix exponential revisited", SIAM J. Matrix Anal. Appl. 26 (2005)

# The coefficients of the numerators of Pade's approximants, by their degree.
PADE = {
    3: (120.0, 60.0, 12.0, 1.0),
    5: (30240.0, 15120.0, 3360.0, 420.0, 30.0, 1.0),
    7: (17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0),
    9: (17643225600.0, 8821612800.0, 2075673600.0, 302702400.0, 30270240.0, 2162160.0, 110880.0, 3960.0, 90.0, 1.0),
    13: (64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0)
    + (10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0),
}
# {bits of a real number: (up to which 1-norm each degree is exact, the largest norm of a scaled matrix)}.
EXACT_UP_TO = {
    32: ({3: 4.258730016922831e-001, 5: 1.880152677804762e000, 7: np.inf}, 3.925724783138660),
    64: (
        {3: 1.495585217958292e-2, 5: 2.539398330063230e-1, 7: 9.504178996162932e-1, 9: 2.097847961257068, 13: np.inf},
        5.371920351148152,
    ),
}


def _pade(degree: int, a: Array) -> tuple[Array, Array]:
    """The odd and the even part of the numerator at a: a times a polynomial of a^2, and another polynomial of a^2."""
    b = PADE[degree]
    powers = [jnp.eye(a.shape[-1], dtype=a.dtype), a @ a]
    while len(powers) < min(degree // 2 + 1, 5 if degree < 13 else 4):
        powers.append(powers[-1] @ powers[1])

    def polynomial(coefficients):
        return sum(c * power for c, power in zip(coefficients[1:], powers[1:])) + coefficients[0] * powers[0]

    odd, even = b[1::2], b[0::2]
    if degree < 13:
        return a @ polynomial(odd), polynomial(even)
    # The powers above the sixth by one product more.
    high = [powers[3] @ polynomial((0.0, *part[4:])) for part in (odd, even)]
    return a @ (high[0] + polynomial(odd[:4])), high[1] + polynomial(even[:4])


def expm(A: ArrayLike, *, upper_triangular: bool = False, max_squarings: int = 16) -> Array:
    """The exponential of square matrices, (..., n, n) (`jax.scipy.linalg.expm`).

    upper_triangular: A is so, which saves time. A matrix so large that it needs more than max_squarings squarings gives NaN. Raises
    ValueError for other shapes and TypeError for float16.

    >>> expm(np.float32([[0, 1], [0, 0]]))
    Array([[1., 1.],
           [0., 1.]], dtype=float32)
    """
    (A,) = promote_dtypes_inexact(A)
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"Expected A to be a (batched) square matrix, got {A.shape=}.")
    if A.dtype.char not in "fdFD":
        raise TypeError(f"A.dtype={A.dtype} is not supported.")
    function = partial(_expm, upper_triangular=upper_triangular, max_squarings=max_squarings)
    return jnp.vectorize(function, signature="(n,n)->(n,n)")(A)


# The functions with loops and branches are compiled: else each call would trace these again.
@partial(jit, static_argnames=("upper_triangular", "max_squarings"), inline=True)
def _expm(a: Array, upper_triangular: bool, max_squarings: int) -> Array:
    limits, largest = EXACT_UP_TO[finfo(a.dtype).bits]
    norm = jnp_linalg.norm(a, 1)
    squarings = jnp.maximum(0, jnp.floor(jnp.log2(norm / largest)))
    a = a / 2 ** squarings.astype(a.dtype)
    which = jnp.digitize(norm, jnp.array(list(limits.values())[:-1], norm.dtype))
    odd, even = lax.switch(which, [partial(_pade, degree) for degree in limits], a)
    p, q = even + odd, even - odd

    def compute(p, q):
        if upper_triangular:
            root = lax_linalg.triangular_solve(q, p, left_side=True, lower=False)
        else:
            root = jnp_linalg.solve(q, p)
        return _squared(root, squarings, max_squarings)

    return lax.cond(squarings > max_squarings, lambda p, q: jnp.full_like(p, np.nan), compute, p, q)


def _squared(x: Array, times: Array, most: int) -> Array:
    """x squared so many times in turn. A scan, unlike a while loop, has a derivative in reverse mode."""

    def step(x, i):
        return lax.cond(i < times, lambda x: x @ x, lambda x: x, x), None

    return lax.scan(step, x, jnp.arange(most, dtype=times.dtype))[0]


def expm_frechet(A: ArrayLike, E: ArrayLike, *, method: str | None = None, compute_expm: bool = True) -> Any:
    """(exp(A), its derivative in the direction E), or the derivative alone (`jax.scipy.linalg.expm_frechet`).

    A, E: (..., n, n), else ValueError. method: not used.

    >>> expm_frechet(np.zeros((1, 1), np.float32), np.float32([[3]]), compute_expm=False)
    Array([[3.]], dtype=float32)
    """
    A, E = jnp.asarray(A), jnp.asarray(E)
    for name, x in (("A", A), ("E", E)):
        if x.ndim < 2 or x.shape[-2] != x.shape[-1]:
            raise ValueError(f"expected {name} to be a (batched) square matrix, got {name}.shape={x.shape}")
    if A.shape != E.shape:
        raise ValueError(f"expected A and E to be the same shape, got A.shape={A.shape} E.shape={E.shape}")
    value, derivative = jvp(expm, (A,), (E,))
    return (value, derivative) if compute_expm else derivative


# ---------------------------------------------------------------------------------------------------------------------
# Functions by Schur's form


def schur_form(a: Array, output: str) -> list[Array]:
    """[T, Z] with Z T Z^H = a."""
    if output == "complex":
        (a,) = _to_complex(a)
    return lax_linalg.schur(a)


def sqrtm(A: ArrayLike, blocksize: int = 1) -> Array:
    """The principal square root of a matrix, (n, n), complex (`jax.scipy.linalg.sqrtm`; Bjoerck and Hammarling, "A Schur method
    for the square root of a matrix", Linear Algebra Appl. 52 (1983)).

    It has no derivative. Raises NotImplementedError for another blocksize, and ImportError without SciPy, unless XLA runs it.

    >>> sqrtm(np.float32([[4, 0], [0, 9]])).real
    Array([[2., 0.],
           [0., 3.]], dtype=float32)
    """
    if blocksize > 1:
        raise NotImplementedError("Blocked version is not implemented yet.")
    form, vectors = schur_form(jnp.asarray(A), "complex")
    root = vectors @ _sqrt_of_triangular(form) @ adjoint(vectors)
    # As in JAX, not of weak type.
    return root.astype(root.dtype)


@partial(jit, inline=True)
def _sqrt_of_triangular(t: Array) -> Array:
    """The U with U U = T, column by column: (U[:j, :j] + U[j, j]) U[:j, j] = T[:j, j]."""
    n = t.shape[0]
    roots, places = jnp.sqrt(jnp.diag(t)), jnp.arange(n)

    def column(j, u):
        above = places < j
        pivots = roots + roots[j]
        # Two zeros of T on the diagonal, with a zero beside them, give a zero.
        pivots = jnp.where(pivots == 0, finfo(t.dtype).tiny, pivots).astype(t.dtype)
        system = jnp.where(above[:, None] & above, jnp.triu(u, 1), 0) + jnp.diag(pivots)
        right = jnp.where(above, t[:, j], 0)
        x = lax_linalg.triangular_solve(system, right, left_side=True, lower=False)
        return u.at[:, j].set(jnp.where(above, x, jnp.where(places == j, roots, 0)))

    return lax.fori_loop(0, n, column, jnp.zeros_like(t))


def rsf2csf(T: ArrayLike, Z: ArrayLike, check_finite: bool = True) -> tuple[Array, Array]:
    """The complex Schur form and vectors, given the real ones (`jax.scipy.linalg.rsf2csf`).

    T, Z: (..., n, n), else ValueError. check_finite: not used.

    >>> rsf2csf(np.float32([[0, 1], [-1, 0]]), np.eye(2, dtype=np.float32))[0].imag.round(3)
    Array([[ 1.,  0.],
           [ 0., -1.]], dtype=float32)
    """
    T, Z = jnp.asarray(T), jnp.asarray(Z)
    for name, x in (("T", T), ("Z", Z)):
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            raise ValueError(f"Input '{name}' must be square.")
    if T.shape[-1] != Z.shape[-1]:
        raise ValueError(f"Input array shapes must match: Z: {Z.shape} vs. T: {T.shape}")
    return jnp.vectorize(_rsf2csf, signature="(n,n),(n,n)->(n,n),(n,n)")(*_to_complex(T, Z))


@partial(jit, inline=True)
def _rsf2csf(t: Array, z: Array) -> tuple[Array, Array]:
    n, epsilon = t.shape[0], finfo(t.dtype).eps

    def rotate(m, t, z):
        """Make the block of rows m - 1 and m triangular, by a plane rotation."""
        mu = jnp_linalg.eigvals(lax.dynamic_slice(t, (m - 1, m - 1), (2, 2))) - t[m, m]
        r = jnp_linalg.norm(jnp.array([mu[0], t[m, m - 1]])).astype(t.dtype)
        c, s = mu[0] / r, t[m, m - 1] / r
        g = jnp.array([[c.conj(), s], [-s, c]])
        right, high = jnp.arange(n) >= m - 1, jnp.arange(n)[:, None] < m + 1
        rows = lax.dynamic_slice_in_dim(t, m - 1, 2, 0)
        t = lax.dynamic_update_slice_in_dim(t, jnp.where(right, g @ rows, rows), m - 1, 0)
        columns = lax.dynamic_slice_in_dim(t, m - 1, 2, 1)
        t = lax.dynamic_update_slice_in_dim(t, jnp.where(high, columns @ adjoint(g), columns), m - 1, 1)
        vectors = lax.dynamic_slice_in_dim(z, m - 1, 2, 1)
        return t, lax.dynamic_update_slice_in_dim(z, vectors @ adjoint(g), m - 1, 1)

    def step(i, pair):
        m, (t, z) = n - i, pair
        coupled = jnp.abs(t[m, m - 1]) > epsilon * (jnp.abs(t[m - 1, m - 1]) + jnp.abs(t[m, m]))
        t, z = lax.cond(coupled, rotate, lambda m, t, z: (t, z), m, t, z)
        return t.at[m, m - 1].set(0.0), z

    return lax.fori_loop(1, n, step, (t, z)) if n > 1 else (t, z)


def funm(A: ArrayLike, func: Callable[[Array], Array], disp: bool = True) -> Any:
    """A function of a matrix, (n, n), complex: `func` is a function of numbers (`jax.scipy.linalg.funm`; Golub and Van Loan, Matrix
    Computations, algorithm 11.1.1).

    disp: return the matrix; without it (matrix, estimate of the error). Equal eigenvalues make it inaccurate. Raises ValueError for
    other shapes, and ImportError without SciPy, unless XLA runs it.

    >>> funm(np.float32([[4, 0], [0, 9]]), jnp.sqrt).real
    Array([[2., 0.],
           [0., 3.]], dtype=float32)
    """
    A = jnp.asarray(A)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ValueError("expected square array_like input")
    t, z = rsf2csf(*schur_form(A, "real"))
    f, smallest = _function_of_triangular(jnp.diag(func(jnp.diag(t))).astype(t.dtype), t)
    f = z @ f @ adjoint(z)
    if disp:
        return f
    epsilon = finfo(f.dtype).eps
    smallest = jnp.where(smallest == 0.0, epsilon, smallest)
    bound = (epsilon / smallest) * jnp_linalg.norm(jnp.triu(t, 1), 1)
    error = jnp.minimum(1, jnp.maximum(epsilon, bound))
    return f, jnp.where(jnp.any(jnp.isinf(f)), np.inf, error)


@partial(jit, inline=True)
def _function_of_triangular(f: Array, t: Array) -> tuple[Array, Array]:
    """(F, the smallest difference of eigenvalues), by Parlett's recurrence, one diagonal of F after the other."""
    n = t.shape[0]
    places = jnp.arange(n)
    distance = places - places[:, None]
    above, values = jnp.triu(t, 1), jnp.diag(t)
    differences = values - values[:, None]
    own = above * (jnp.diag(f) - jnp.diag(f)[:, None])

    def step(p, state):
        f, smallest = state
        known = jnp.where(distance > 0, f, 0)
        s = own + above @ known - known @ above
        here = distance == p
        s = s / jnp.where(differences == 0, 1, differences)
        least = jnp.min(jnp.where(here, jnp.abs(differences), np.inf))
        return jnp.where(here, s, f), jnp.minimum(smallest, least.astype(smallest.dtype))

    return lax.fori_loop(1, n, step, (f, jnp.abs(t[0, 0])))


def solve_sylvester(A: ArrayLike, B: ArrayLike, C: ArrayLike, *, method: str = "schur", tol: float = 1e-8) -> Array:
    """The X with A X + X B = C (`jax.scipy.linalg.solve_sylvester`; Bartels and Stewart, Comm. ACM 15 (1972)).

    A: (..., m, m). B: (..., n, n). C: (..., m, n). method: "schur", or "eigen", which needs no SciPy. NaN if an eigenvalue of A and
    one of B sum to less than tol. Raises ValueError for other shapes and methods.

    >>> one = np.ones((1, 1), np.float32)
    >>> solve_sylvester(one, 2 * one, 6 * one, method="eigen")
    Array([[2.]], dtype=float32)
    """
    A, B, C = promote_dtypes_inexact(*map(jnp.asarray, (A, B, C)))
    m, n = C.shape[-2:]
    if A.shape[-2:] != (m, m) or B.shape[-2:] != (n, n):
        raise ValueError(f"Incompatible shapes for Sylvester equation:\nA: {A.shape}\nB: {B.shape}\nC: {C.shape}")
    if method not in ("schur", "eigen"):
        raise ValueError(f'Unrecognized method {method}. The two valid methods are either "schur" or "eigen".')
    solver = partial(_solve_sylvester, method=method, tol=tol)
    return jnp.vectorize(solver, signature="(m,m),(n,n),(m,n)->(m,n)")(A, B, C)


@partial(jit, static_argnames="method", inline=True)
def _solve_sylvester(a: Array, b: Array, c: Array, method: str, tol: float) -> Array:
    if method == "schur":
        r, u = schur_form(a, "complex")
        s, v = schur_form(adjoint(b), "complex")
        y = _solve_triangular_sylvester(r, adjoint(s), adjoint(u) @ c.astype(r.dtype) @ v)
        x = u @ y @ adjoint(v)
    else:
        (wa, ua), (wb, ub) = jnp_linalg.eig(a), jnp_linalg.eig(b)
        y = jnp_linalg.solve(ua, c.astype(ua.dtype) @ ub) / (wa[:, None] + wb)
        x = ua @ y @ jnp_linalg.inv(ub)
    x = x if issubdtype(c.dtype, np.complexfloating) else x.real
    sums = jnp_linalg.eigvals(a)[:, None] + jnp_linalg.eigvals(b)
    return lax.cond(jnp.any(jnp.abs(sums) < tol), lambda x: jnp.zeros_like(x) * np.nan, lambda x: x, x)


def _solve_triangular_sylvester(r: Array, s: Array, f: Array) -> Array:
    """The Y with R Y + Y S = F for upper triangular R and lower triangular S, from the last column to the first."""
    n, one = s.shape[0], jnp.eye(r.shape[0], dtype=r.dtype)

    def column(i, y):
        j = n - 1 - i
        right = f[:, j] - y @ jnp.where(jnp.arange(n) > j, s[:, j], 0)
        return y.at[:, j].set(lax_linalg.triangular_solve(r + s[j, j] * one, right, left_side=True, lower=False))

    return lax.fori_loop(0, n, column, jnp.zeros_like(f))


# ---------------------------------------------------------------------------------------------------------------------
# polar


def polar(
    a: ArrayLike,
    side: str = "right",
    *,
    method: str = "qdwh",
    eps: float | None = None,
    max_iterations: int | None = None,
) -> tuple[Array, Array]:
    """(U, P) with U P = a, or P U = a for side="left": U has orthonormal columns, or rows, and P is positive semidefinite
    (`jax.scipy.linalg.polar`).

    a: (..., m, n). method: "qdwh" (see `jax.lax.linalg.qdwh`), for m >= n and "right" or m < n and "left", else
    NotImplementedError; or "svd". Raises ValueError for other arguments.

    >>> polar(np.float32([[0, -2], [2, 0]]), method="svd")[1]
    Array([[2., 0.],
           [0., 2.]], dtype=float32)
    """
    a = jnp.asarray(a)
    if a.ndim < 2:
        raise ValueError("The input `a` must be at least a 2-D array.")
    if side not in ("right", "left"):
        raise ValueError("The argument `side` must be either 'right' or 'left'.")
    if method not in ("qdwh", "svd"):
        raise ValueError(f"Unknown polar decomposition method {method}.")
    function = partial(_polar_by_svd, side=side) if method == "svd" else partial(_polar_by_qdwh, side=side, eps=eps)
    signature = "(m,n)->(m,n),(n,n)" if side == "right" else "(m,n)->(m,n),(m,m)"
    return jnp.vectorize(function, signature=signature)(a)


@partial(jit, static_argnames=("side", "eps"), inline=True)
def _polar_by_qdwh(a: Array, side: str, eps: float | None) -> tuple[Array, Array]:
    m, n = a.shape
    if (m >= n) != (side == "right"):
        raise NotImplementedError(
            "method='qdwh' only supports mxn matrices where m >= n with side='right', and m < n with side='left', got"
            f" {a.shape} with {side=}"
        )
    if side == "right":
        return lax_linalg.qdwh(a, eps=eps)[:2]
    unitary, positive, *_ = lax_linalg.qdwh(adjoint(a), eps=eps)
    return adjoint(unitary), adjoint(positive)


def _polar_by_svd(a: Array, side: str) -> tuple[Array, Array]:
    u, s, vh = lax_linalg.svd(a, full_matrices=False)
    s = s.astype(u.dtype)
    return u @ vh, (adjoint(vh) * s) @ vh if side == "right" else (u * s) @ adjoint(u)


__all__ = ["expm", "expm_frechet", "funm", "polar", "rsf2csf", "schur_form", "solve_sylvester", "sqrtm"]
