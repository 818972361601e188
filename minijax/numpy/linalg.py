"""`jax.numpy.linalg`: norms, systems of equations, determinants, inverses and decompositions of matrices.

A matrix is the last two axes of an array; the axes before them are a batch. Integers and booleans become floats. Nothing raises
for a matrix that is singular or not positive definite: the result has inf or NaN, since values are unknown while a program
is traced.

>>> norm(np.float32([3, 4]))
Array(5., dtype=float32)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from .. import lax
from ..api.custom_derivatives import custom_jvp
from ..api.jit import jit
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation.doors import at_the_door
from ..foundation.dtypes import finfo
from ..lax import linalg as lax_linalg
from ..primitives.matrices import HIGHEST, adjoint, symmetrized
from . import contractions
from . import diagonals as _diagonals
from .creation import array, asarray, empty, zeros
from .decompositions import (
    EighResult,
    EigResult,
    QRResult,
    SVDResult,
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    inexact,
    qr,
    svd,
    svdvals,
)
from .determinants import SlogdetResult, det, matrix_power, matrix_rank, slogdet
from .grids import eye
from .manipulation import moveaxis
from .norms import matrix_norm, norm, vector_norm
from .number_kinds import isnan
from .util import ensure_arraylike, promote_dtypes_inexact, where
from .vectorize import vectorize

# ---------------------------------------------------------------------------------------------------------------------
# Systems of equations


def solve(a: ArrayLike, b: ArrayLike) -> Array:
    """The x with a x = b (`jax.numpy.linalg.solve`). A singular a gives inf or NaN.

    a: (..., m, m). b: a vector (m,), or matrices (..., m, n); leading axes broadcast. Raises ValueError for other shapes.

    >>> solve(np.float32([[2, 0], [0, 4]]), np.float32([2, 8]))
    Array([1., 2.], dtype=float32)
    """
    a, b = inexact("solve", a, b)
    if a.ndim < 2:
        raise ValueError(f"left hand array must be at least two dimensional; got {a.shape=}")
    if b.ndim > 1 and a.ndim == b.ndim + 1 and a.shape[-1] == b.shape[-1] and a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"Invalid shapes for solve: {a.shape}, {b.shape}. For a batch of vectors, use solve(a, b[..., None]).squeeze(-1)."
        )
    if a.shape[-1] != a.shape[-2] or b.shape[-2 if b.ndim > 1 else -1] != a.shape[-1]:
        raise ValueError(
            "The arguments to solve must have shapes a=[..., m, m] and b=[..., m, k] or b=[..., m];"
            f" got a={a.shape} and b={b.shape}"
        )
    return _solve(a, b)


@partial(jit, inline=True)
def _solve(a: Array, b: Array) -> Array:
    if b.ndim == 1:
        return lax.squeeze(_solve(a, lax.expand_dims(b, (1,))), (a.ndim - 1,))
    # One matrix for many right sides is factored once: `vectorize` maps over the axes that each argument has.
    whole = a.shape[:-2] == b.shape[:-2]
    solver = lax_linalg.solve_by_lu if whole else vectorize(lax_linalg.solve_by_lu, signature="(m,m),(m,n)->(m,n)")
    return solver(a, b)


def inv(a: ArrayLike) -> Array:
    """The inverse of square matrices, (..., n, n) (`jax.numpy.linalg.inv`). That of a singular matrix has inf or NaN.

    >>> inv(np.float32([[2, 0], [0, 4]]))
    Array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)
    """
    a = ensure_arraylike("jnp.linalg.inv", a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"Argument to inv must have shape [..., n, n], got {a.shape}.")
    return _inv(*promote_dtypes_inexact(a))


@partial(jit, inline=True)
def _inv(a: Array) -> Array:
    return _solve(a, lax.broadcast(eye(a.shape[-1], dtype=a.dtype), a.shape[:-2]))


def lstsq(
    a: ArrayLike, b: ArrayLike, rcond: float | None = None, *, numpy_resid: bool = False
) -> tuple[Array, Array, Array, Array]:
    """(x, residuals, rank, singular values), where x minimizes |a x - b| (`jax.numpy.linalg.lstsq`).

    a: (m, n). b: (m,) or (m, k). rcond: singular values below rcond times the largest count as 0; by default the dtype's epsilon
    times max(m, n). numpy_resid: residuals are empty where NumPy's are; this does not work under jit. Raises ValueError or
    TypeError for other shapes.

    >>> x, residuals, rank, s = lstsq(np.float32([[1, 0], [0, 2], [0, 0]]), np.float32([1, 4, 3]))
    >>> x, residuals, rank
    (Array([1., 2.], dtype=float32), Array([9.], dtype=float32), Array(2, dtype=int32))
    """
    a, b = inexact("lstsq", a, b)
    if a.shape[0] != b.shape[0]:
        raise ValueError("Leading dimensions of input arrays must match")
    vector = b.ndim == 1
    b = b[:, None] if vector else b
    if a.ndim != 2:
        raise TypeError(f"{a.ndim}-dimensional array given. Array must be two-dimensional")
    if b.ndim != 2:
        raise TypeError(f"{b.ndim}-dimensional array given. Array must be one or two-dimensional")
    m, n = a.shape
    if a.size:
        x, rank, s = _least_squares(a, b, rcond)
    else:
        x, rank, s = zeros((n, b.shape[1]), a.dtype), array(0, int), empty(0, a.dtype)
    if numpy_resid and (rank < n or m <= n):
        residuals = asarray([])
    else:
        residuals = norm(b - contractions.matmul(a, x, precision=HIGHEST), axis=0) ** 2
    return x.ravel() if vector else x, residuals, rank, s


@partial(jit, inline=True)
def _least_squares(a: Array, b: Array, rcond) -> tuple[Array, Array, Array]:
    epsilon = np.asarray(finfo(a.dtype).eps, finfo(a.dtype).dtype)[()]
    rcond = float(epsilon) * max(a.shape) if rcond is None else where(rcond < 0, epsilon, rcond)
    u, s, vh = svd(a, full_matrices=False)
    counts = (s > 0) & (s >= array(rcond, s.dtype) * s[0])
    rank = counts.sum()
    # A singular value of 0 is replaced before the division, so that no derivative is inf.
    inverse = where(counts, 1 / where(counts, s, 1).astype(a.dtype), 0)[:, None]
    x = contractions.matmul(u.conj().T, b, precision=HIGHEST)
    x = contractions.matmul(vh.conj().T, inverse * x, precision=HIGHEST)
    return x, rank, s


def pinv(
    a: ArrayLike, rtol: ArrayLike | None = None, hermitian: bool = False, *, rcond: ArrayLike | None = None
) -> Array:
    """The pseudo-inverse, (..., n, m) for a of shape (..., m, n) (`jax.numpy.linalg.pinv`).

    rtol, or rcond: singular values below rtol times the largest count as 0; by default ten times max(m, n) times the dtype's
    epsilon. hermitian: a is Hermitian. The derivative holds where the rank does not change (Golub and Pereyra, "The
    differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate", 1973).

    >>> pinv(np.float32([[2], [0]]))
    Array([[0.5, 0. ]], dtype=float32)
    """
    if rcond is not None:
        if rtol is not None:
            raise ValueError("pinv: only one of rtol and rcond may be specified.")
        rtol = rcond
    return _pinv(a, rtol, hermitian)


@partial(custom_jvp, nondiff_argnums=(1, 2))
@partial(jit, static_argnums=2, inline=True)
def _pinv(a, rtol, hermitian):
    (a,) = inexact("pinv", a)
    m, n = a.shape[-2:]
    if not (m and n):
        return empty((*a.shape[:-2], n, m), a.dtype)
    if rtol is None:
        rtol = 10.0 * max(m, n) * array(finfo(a.dtype).eps)
    rtol = asarray(rtol)
    u, s, vh = svd(a.conj(), full_matrices=False, hermitian=hermitian)
    cutoff = lax.expand_dims(rtol[..., None], range(s.ndim - rtol.ndim - 1)) * s[..., :1]
    s = where(s > cutoff, s, np.inf).astype(u.dtype)
    return contractions.matmul(vh.mT, u.mT / s[..., None], precision=HIGHEST).astype(a.dtype)


@_pinv.defjvp
def _pinv_jvp(rtol, hermitian, primals, tangents):
    (a,), (g,) = primals, tangents
    p = _pinv(a, rtol, hermitian)
    if hermitian:
        a, g = symmetrized(a), symmetrized(g)
    ph, gh = adjoint(p), adjoint(g)
    # The products are taken in the order that keeps them small.
    if a.shape[-2] >= a.shape[-1]:
        s, t = (p @ ph) @ gh, (gh @ ph) @ p
        return p, -(p @ g) @ p + s - (s @ a) @ p + t - (p @ a) @ t
    s, t = p @ (ph @ gh), gh @ (ph @ p)
    return p, -p @ (g @ p) + s - s @ (a @ p) + t - p @ (a @ t)


def tensorinv(a: ArrayLike, ind: int = 2) -> Array:
    """The inverse for `tensordot(..., ind)`: of a as a matrix whose rows are its first `ind` axes (`jax.numpy.linalg.tensorinv`).

    Raises ValueError unless the sizes of the first axes and those of the others have one product.

    >>> tensorinv(np.eye(4, dtype=np.float32).reshape(2, 2, 4)).shape
    (4, 2, 2)
    """
    a = ensure_arraylike("tensorinv", a)
    ind = operator.index(ind)
    if ind <= 0:
        raise ValueError(f"ind must be a positive integer; got {ind=}")
    rows, columns = a.shape[:ind], a.shape[ind:]
    if math.prod(rows) != math.prod(columns):
        raise ValueError(
            "tensorinv is only possible when the product of the first `ind` dimensions equals that of the remaining dimensions."
            f" got {a.shape=} with {ind=}."
        )
    return inv(a.reshape(math.prod(rows), math.prod(columns))).reshape(*columns, *rows)


def tensorsolve(a: ArrayLike, b: ArrayLike, axes: tuple[int, ...] | None = None) -> Array:
    """The x with `tensordot(a, x, x.ndim) == b` (`jax.numpy.linalg.tensorsolve`). axes: those of a to move to its end first.

    >>> tensorsolve(2 * np.eye(4, dtype=np.float32).reshape(2, 2, 4), np.ones((2, 2), np.float32))
    Array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    """
    a, b = ensure_arraylike("tensorsolve", a, b)
    if axes is not None:
        a = moveaxis(a, axes, len(axes) * (a.ndim - 1,))
    shape = a.shape[b.ndim :]
    if a.shape[: b.ndim] != b.shape:
        raise ValueError(
            f"After moving axes to end, leading shape of a must match shape of b. got a.shape={a.shape}, b.shape={b.shape}"
        )
    if b.size != math.prod(shape):
        raise ValueError(
            "Input arrays must have prod(a.shape[:b.ndim]) == prod(a.shape[b.ndim:]);"
            f" got a.shape={a.shape}, b.ndim={b.ndim}."
        )
    return solve(a.reshape(b.size, math.prod(shape)), b.ravel()).reshape(shape)


# ---------------------------------------------------------------------------------------------------------------------
# Products of vectors and matrices, and condition numbers


def multi_dot(arrays: Sequence[ArrayLike], *, precision: Any = None) -> Array:
    """The product of several matrices, in the order that needs the fewest operations (`jax.numpy.linalg.multi_dot`).

    arrays: at least two; the first and the last may be vectors. Raises ValueError for shapes that do not fit.

    >>> multi_dot([np.float32([1, 2]), np.eye(2, dtype=np.float32), np.float32([3, 4])])
    Array(11., dtype=float32)
    """
    arrays = [ensure_arraylike("jnp.linalg.multi_dot", a) for a in arrays]
    shapes = [a.shape for a in arrays]
    if len(arrays) < 2:
        raise ValueError(f"multi_dot requires at least two arrays; got len(arrays)={len(arrays)}")
    if not (len(shapes[0]) in (1, 2) and len(shapes[-1]) in (1, 2) and all(len(s) == 2 for s in shapes[1:-1])):
        raise ValueError(
            "multi_dot: input arrays must all be two-dimensional, except for the first and last array which may be 1 or 2"
            f" dimensional. Got array shapes {shapes}"
        )
    if any(a[-1] != b[0] for a, b in zip(shapes, shapes[1:])):
        raise ValueError(
            "multi_dot: last dimension of each array must match first dimension of following array. Got array shapes"
            f" {shapes}"
        )
    axes = [(i, i + 1) for i in range(len(arrays))]
    axes[0] = axes[0][2 - len(shapes[0]) :]
    axes[-1] = axes[-1][: len(shapes[-1])]
    return contractions.einsum(*chain(*zip(arrays, axes)), optimize="auto", precision=precision)


def cond(x: ArrayLike, p: Any = None) -> Array:
    """The condition number, by the norm p: 2 (by default) and -2 by singular values, else |x| |x^-1|, of square matrices
    (`jax.numpy.linalg.cond`). Raises ValueError for empty matrices and other shapes.

    >>> cond(np.float32([[2, 0], [0, 4]]))
    Array(2., dtype=float32)
    """
    x = ensure_arraylike("cond", x)
    if x.ndim < 2:
        raise ValueError(f"jnp.linalg.cond: input array must be at least 2D; got {x.shape=}")
    if x.shape[-1] == 0 or x.shape[-2] == 0:
        raise ValueError(f"jnp.linalg.cond: input array must not be empty; got {x.shape=}")
    if p is None or p == 2:
        s = svdvals(x)
        return s[..., 0] / s[..., -1]
    if p == -2:
        s = svdvals(x)
        result = s[..., -1] / s[..., 0]
    else:
        if x.shape[-2] != x.shape[-1]:
            raise ValueError(f"jnp.linalg.cond: for {p=}, array must be square; got {x.shape=}")
        result = norm(x, ord=p, axis=(-2, -1)) * norm(inv(x), ord=p, axis=(-2, -1))
    return where(isnan(result) & ~isnan(x).any(axis=(-2, -1)), np.inf, result)


def cross(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Array:
    """The cross product of vectors of 3 components (`jax.numpy.linalg.cross`). Raises ValueError for other vectors.

    >>> cross(np.float32([1, 0, 0]), np.float32([0, 1, 0]))
    Array([0., 0., 1.], dtype=float32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.cross", x1, x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they have"
            f" {x1.shape[axis]=} and {x2.shape[axis]=}"
        )
    return contractions.cross(x1, x2, axis=axis)


def outer(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Every element of a vector times every element of another (`jax.numpy.linalg.outer`). Raises ValueError for other ranks.

    >>> outer(np.int32([1, 2]), np.int32([3, 4]))
    Array([[3, 4],
           [6, 8]], dtype=int32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.outer", x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are {x1.ndim=} {x2.ndim=}")
    return x1[:, None] * x2[None, :]


def matrix_transpose(x: ArrayLike, /) -> Array:
    """The matrices with rows and columns exchanged (`jax.numpy.linalg.matrix_transpose`).

    >>> matrix_transpose(np.int32([[1, 2]])).shape
    (2, 1)
    """
    x = ensure_arraylike("jnp.linalg.matrix_transpose", x)
    ndim = x.ndim
    if ndim < 2:
        raise ValueError(f"matrix_transpose requires at least 2 dimensions; got {ndim=}")
    return lax.transpose(x, (*range(ndim - 2), ndim - 1, ndim - 2))


def vecdot(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    axis: int = -1,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """The inner products of vectors along an axis, the first conjugated (`jax.numpy.linalg.vecdot`).

    >>> vecdot(np.float32([1, 2]), np.float32([3, 4]))
    Array(11., dtype=float32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.vecdot", x1, x2)
    return contractions.vecdot(x1, x2, axis=axis, precision=precision, preferred_element_type=preferred_element_type)


def matmul(
    x1: ArrayLike, x2: ArrayLike, /, *, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> Array:
    """The product of matrices (`jax.numpy.linalg.matmul`), as `jnp.matmul`.

    >>> matmul(np.float32([[1, 2]]), np.float32([[3], [4]]))
    Array([[11.]], dtype=float32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.matmul", x1, x2)
    return contractions.matmul(x1, x2, precision=precision, preferred_element_type=preferred_element_type)


def tensordot(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    axes: Any = 2,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The sum of products over pairs of axes (`jax.numpy.linalg.tensordot`), as `jnp.tensordot`.

    >>> tensordot(np.ones((2, 3), np.float32), np.ones((3, 4), np.float32), axes=1).shape
    (2, 4)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.tensordot", x1, x2)
    return contractions.tensordot(x1, x2, axes=axes, precision=precision, preferred_element_type=preferred_element_type)


def diagonal(x: ArrayLike, /, *, offset: int = 0) -> Array:
    """The diagonals of the matrices in the last two axes (`jax.numpy.linalg.diagonal`).

    >>> diagonal(np.int32([[1, 2], [3, 4]]))
    Array([1, 4], dtype=int32)
    """
    x = ensure_arraylike("jnp.linalg.diagonal", x)
    return _diagonals.diagonal(x, offset=offset, axis1=-2, axis2=-1)


def trace(x: ArrayLike, /, *, offset: int = 0, dtype: DTypeLike | None = None) -> Array:
    """The sums of the diagonals of the matrices in the last two axes (`jax.numpy.linalg.trace`).

    >>> trace(np.int32([[1, 2], [3, 4]]))
    Array(5, dtype=int32)
    """
    x = ensure_arraylike("jnp.linalg.trace", x)
    return _diagonals.trace(x, offset=offset, axis1=-2, axis2=-1, dtype=dtype)


# fmt: off
__all__ = [
    "EigResult", "EighResult", "QRResult", "SVDResult", "SlogdetResult", "cholesky", "cond", "cross", "det", "diagonal",
    "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot",
    "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]
# fmt: on

at_the_door(globals())
