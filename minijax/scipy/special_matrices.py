"""Matrices with a structure, of `jax.scipy.linalg`: Toeplitz, Hankel, companion matrices and others, and block diagonals.

The matrices that a size alone determines are computed in float64 and rounded once.
"""

from __future__ import annotations

import math
import operator

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation import dtypes
from ..numpy.util import (
    check_arraylike,
    default_float_dtype,
    ensure_arraylike,
    promote_args_inexact,
    promote_dtypes,
    user_dtype,
)

# ---------------------------------------------------------------------------------------------------------------------
# From arrays; the axes before the last are a batch


def block_diag(*arrs: ArrayLike) -> Array:
    """The matrix with the given matrices along its diagonal and zeros elsewhere (`jax.scipy.linalg.block_diag`).

    arrs: arrays of at most 2 axes, else ValueError; a vector is a matrix of one row.

    >>> block_diag(np.int32([[1, 2]]), np.int32([[3]]))
    Array([[1, 2, 0],
           [0, 0, 3]], dtype=int32)
    """
    arrays = promote_dtypes(*(arrs or (jnp.zeros((1, 0)),)))
    for i, a in enumerate(arrays):
        if a.ndim > 2:
            raise ValueError(
                f"Arguments to jax.scipy.linalg.block_diag must have at most 2 dimensions, got {a} at argument {i}."
            )
    blocks = [jnp.atleast_2d(a) for a in arrays]
    width, start, rows = sum(b.shape[1] for b in blocks), 0, []
    for block in blocks:
        end = start + block.shape[1]
        rows.append(lax.pad(block, np.zeros((), block.dtype), ((0, 0, 0), (start, width - end, 0))))
        start = end
    return jnp.concatenate(rows, axis=0)


def _vectors(name: str, *args: ArrayLike) -> list[Array]:
    check_arraylike(name, *args)
    return [jnp.atleast_1d(jnp.asarray(x)) for x in args]


def _joined(first: Array, second: Array) -> Array:
    """The vectors one after the other, for each entry of their common batch."""
    batch = jnp.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    return jnp.concatenate([jnp.broadcast_to(x, (*batch, x.shape[-1])) for x in (first, second)], axis=-1)


def _picked(elements: Array, places: np.ndarray) -> Array:
    """The elements of the last axis at these places; never of a weak type, as JAX's come out of a convolution."""
    if not places.size:
        return jnp.empty((*elements.shape[:-1], *places.shape), elements.dtype)
    return lax.convert_element_type(elements[..., places], elements.dtype)


def toeplitz(c: ArrayLike, r: ArrayLike | None = None) -> Array:
    """The matrix with first column c and first row r, by default c conjugated, constant along its diagonals
    (`jax.scipy.linalg.toeplitz`). r[0] is not read.

    >>> toeplitz(np.int32([1, 2]), np.int32([9, 3, 4]))
    Array([[1, 3, 4],
           [2, 1, 3]], dtype=int32)
    """
    c, r = _vectors("toeplitz", c, jnp.conjugate(ensure_arraylike("toeplitz", c)) if r is None else r)
    m, n = c.shape[-1], r.shape[-1]
    places = (m - 1 - np.arange(m))[:, None] + np.arange(n)
    elements = _joined(jnp.flip(c, -1), r[..., 1:])
    return _picked(elements, places)


def hankel(c: ArrayLike, r: ArrayLike | None = None) -> Array:
    """The matrix with first column c and last row r, by default zeros, constant along its antidiagonals
    (`jax.scipy.linalg.hankel`). r[0] is not read. Raises ValueError for scalars.

    >>> hankel(np.int32([1, 2]), np.int32([9, 3, 4]))
    Array([[1, 2, 3],
           [2, 3, 4]], dtype=int32)
    """
    check_arraylike("hankel", c, *[] if r is None else [r])
    c = jnp.asarray(c)
    r = jnp.zeros_like(c) if r is None else jnp.asarray(r)
    for name, x in (("c", c), ("r", r)):
        if x.ndim == 0:
            raise ValueError(f"hankel: {name} must be at least 1-dimensional, got a scalar.")
    m, n = c.shape[-1], r.shape[-1]
    elements = _joined(c, r[..., 1:])
    return _picked(elements, np.arange(m)[:, None] + np.arange(n))


def circulant(c: ArrayLike) -> Array:
    """The square matrix with first column c, whose columns are rotated by one place each (`jax.scipy.linalg.circulant`).

    >>> circulant(np.int32([1, 2, 3]))
    Array([[1, 3, 2],
           [2, 1, 3],
           [3, 2, 1]], dtype=int32)
    """
    (c,) = _vectors("circulant", c)
    places = np.arange(c.shape[-1])
    return c[..., (places[:, None] - places) % max(c.shape[-1], 1)]


def leslie(f: ArrayLike, s: ArrayLike) -> Array:
    """The Leslie matrix of fecundities f, its first row, and survivals s, its subdiagonal (`jax.scipy.linalg.leslie`).

    Raises ValueError unless f has at least 2 elements, one more than s.

    >>> leslie(np.float32([1, 2]), np.float32([0.5]))
    Array([[1. , 2. ],
           [0.5, 0. ]], dtype=float32)
    """
    f, s = _vectors("leslie", f, s)
    if f.shape[-1] < 2:
        raise ValueError(f"The length of f along the last axis must be at least 2; got shape {f.shape}.")
    if s.shape[-1] != f.shape[-1] - 1:
        raise ValueError(
            "Incorrect lengths for f and s. The length of s along the last axis must be one less than the length of f; got"
            f" f shape {f.shape} and s shape {s.shape}."
        )
    f, s = promote_dtypes(f, s)
    batch = jnp.broadcast_shapes(f.shape[:-1], s.shape[:-1])
    places = np.arange(s.shape[-1])
    zeros = jnp.zeros((*batch, f.shape[-1], f.shape[-1]), f.dtype)
    return zeros.at[..., places + 1, places].set(s).at[..., 0, :].set(f)


def companion(a: ArrayLike) -> Array:
    """The matrix whose eigenvalues are the roots of the polynomial a, highest power first (`jax.scipy.linalg.companion`).

    Raises ValueError for fewer than 2 coefficients.

    >>> companion(np.float32([1, -3, 2]))
    Array([[ 3., -2.],
           [ 1.,  0.]], dtype=float32)
    """
    (a,) = promote_args_inexact("companion", a)
    a = jnp.atleast_1d(a)
    if a.shape[-1] < 2:
        raise ValueError(f"The length of `a` along the last axis must be at least 2; got shape {a.shape}.")
    n = a.shape[-1] - 1
    ones = jnp.broadcast_to(jnp.eye(n, n, k=-1, dtype=a.dtype), (*a.shape[:-1], n, n))
    return ones.at[..., 0, :].set(-a[..., 1:] / a[..., :1])


def fiedler(a: ArrayLike) -> Array:
    """The symmetric matrix of the distances |a[i] - a[j]| (`jax.scipy.linalg.fiedler`).

    >>> fiedler(np.int32([1, 4]))
    Array([[0, 3],
           [3, 0]], dtype=int32)
    """
    (a,) = _vectors("fiedler", a)
    return jnp.abs(a[..., None] - a[..., None, :])


def fiedler_companion(a: ArrayLike) -> Array:
    """A companion matrix with five diagonals (`jax.scipy.linalg.fiedler_companion`; Fiedler, "A note on companion matrices", Linear
    Algebra Appl. 372 (2003)). Raises ValueError for no coefficients.

    >>> fiedler_companion(np.float32([1, -3, 2]))
    Array([[ 3., -2.],
           [ 1.,  0.]], dtype=float32)
    """
    (a,) = promote_args_inexact("fiedler_companion", a)
    a = jnp.atleast_1d(a)
    if a.shape[-1] == 0:
        raise ValueError(
            "fiedler_companion requires the last axis of 'a' to have nonzero length, but got an array of shape"
            f" {a.shape}."
        )
    n = a.shape[-1] - 1
    if n == 0:
        return jnp.empty((*a.shape[:-1], 0, 0), a.dtype)
    a = a / a[..., :1]
    i, j = np.arange(n)[:, None], np.arange(n)
    even = i % 2 == 0
    # Each row of an even number holds two coefficients, and the ones stand two places from the diagonal.
    ones = ((i == 1) & (j == 0)) | ((j == i + 2) & even) | ((j == i - 2) & ~even & (i >= 3))
    which = np.where(
        (i == 0) & (j == 0), 1, np.where((j == i + 1) & even, i + 2, np.where((j == i - 1) & even & (i >= 2), i + 1, 0))
    )
    which = np.where(which > n, 0, which)
    return jnp.where(which > 0, -a[..., which], jnp.where(ones, 1, 0).astype(a.dtype))


def convolution_matrix(a: ArrayLike, n: int, mode: str = "full") -> Array:
    """The matrix that convolves a with a vector of n elements, `jnp.convolve(a, v, mode)` (`jax.scipy.linalg.convolution_matrix`).

    Raises ValueError for a scalar, an empty a, n <= 0 or another mode than "full", "same" or "valid".

    >>> convolution_matrix(np.int32([1, 2]), 2)
    Array([[1, 0],
           [2, 1],
           [0, 2]], dtype=int32)
    """
    n = operator.index(n)
    if n <= 0:
        raise ValueError(f"n must be a positive integer; got {n}.")
    a = ensure_arraylike("convolution_matrix", a)
    if a.ndim == 0:
        raise ValueError("convolution_matrix: a must be at least 1-dimensional, got a scalar.")
    m = a.shape[-1]
    if m < 1:
        raise ValueError(f"len(a) must be at least 1; got shape {a.shape}.")
    if mode not in ("full", "valid", "same"):
        raise ValueError(f"mode must be one of 'full', 'valid', 'same'; got {mode!r}.")
    trimmed = {"full": 0, "same": min(n, m) - 1, "valid": 2 * (min(n, m) - 1)}[mode]
    before = trimmed // 2
    widths = [(0, 0)] * (a.ndim - 1) + [(0, n - 1)]
    column, row = jnp.pad(a, widths), jnp.pad(jnp.flip(a, -1), widths)
    length = m + n - 1
    return toeplitz(column[..., before : length - (trimmed - before)], row[..., length - n - before : length - before])


# ---------------------------------------------------------------------------------------------------------------------
# From sizes


def _as_float(numbers, dtype=None) -> Array:
    return jnp.asarray(np.asarray(numbers, np.float64).astype(dtype or default_float_dtype()))


def hilbert(n: int) -> Array:
    """The matrix of 1 / (i + j + 1), (n, n) (`jax.scipy.linalg.hilbert`).

    >>> hilbert(2)
    Array([[1.        , 0.5       ],
           [0.5       , 0.33333334]], dtype=float32)
    """
    places = np.arange(n)
    return _as_float(1 / (places[:, None] + places + 1))


def invhilbert(n: int) -> Array:
    """The inverse of `hilbert(n)`, whose elements are integers (`jax.scipy.linalg.invhilbert`).

    >>> invhilbert(2)
    Array([[ 4., -6.],
           [-6., 12.]], dtype=float32)
    """
    comb = math.comb

    def element(i, j):
        s = i + j
        return (-1) ** s * (s + 1) * comb(n + i, n - j - 1) * comb(n + j, n - i - 1) * comb(s, i) ** 2

    return _as_float([[element(i, j) for j in range(n)] for i in range(n)])


def _check_kind(kind: str | None) -> str:
    kinds = ["symmetric", "lower", "upper"]
    if kind is not None and kind not in kinds:
        raise ValueError(f"Expected kind to be one of: {kinds}; got {kind}")
    return kind or "symmetric"


def _by_kind(lower: np.ndarray, kind: str, product: np.ndarray, dtype) -> Array:
    return _as_float({"symmetric": product, "lower": lower, "upper": lower.T}[kind], dtype)


def pascal(n: int, kind: str | None = None) -> Array:
    """Pascal's matrix of binomial coefficients, (n, n), in float32 (`jax.scipy.linalg.pascal`).

    kind: "symmetric" by default, or its factor "lower" or "upper", else ValueError.

    >>> pascal(3)
    Array([[1., 1., 1.],
           [1., 2., 3.],
           [1., 3., 6.]], dtype=float32)
    """
    kind = _check_kind(kind)
    lower = np.array([[float(math.comb(i, j)) for j in range(n)] for i in range(n)]).reshape(n, n)
    return _by_kind(lower, kind, lower @ lower.T, np.dtype("float32"))


def invpascal(n: int, kind: str | None = None) -> Array:
    """The inverse of `pascal(n, kind)` (`jax.scipy.linalg.invpascal`).

    >>> invpascal(2)
    Array([[ 2., -1.],
           [-1.,  1.]], dtype=float32)
    """
    kind = _check_kind(kind)
    lower = np.array([[(-1.0) ** (i - j) * math.comb(i, j) for j in range(n)] for i in range(n)]).reshape(n, n)
    return _by_kind(lower, kind, lower.T @ lower, None)


def helmert(n: int, full: bool = False) -> Array:
    """Helmert's matrix, (n - 1, n), with orthonormal rows that sum to 0; with `full`, the constant row in front
    (`jax.scipy.linalg.helmert`). Raises ValueError for n < 1.

    >>> helmert(2)
    Array([[ 0.70710677, -0.70710677]], dtype=float32)
    """
    if n < 1:
        raise ValueError(f"n must be a positive integer; got {n}.")
    rows, columns = np.arange(1, n)[:, None], np.arange(n)
    matrix = np.where(columns < rows, 1.0, np.where(columns == rows, -rows, 0)) / np.sqrt(rows * (rows + 1.0))
    return _as_float(np.concatenate([np.full((1, n), n**-0.5), matrix]) if full else matrix)


def hadamard(n: int, dtype: DTypeLike = int) -> Array:
    """Sylvester's matrix of 1 and -1 with orthogonal rows, (n, n) (`jax.scipy.linalg.hadamard`). n: a power of 2, else ValueError.

    >>> hadamard(2)
    Array([[ 1,  1],
           [ 1, -1]], dtype=int32)
    """
    if n < 1 or not math.log2(n).is_integer():
        raise ValueError(f"n must be a positive power of 2; got {n}.")
    matrix = np.ones((1, 1))
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return jnp.asarray(matrix).astype(user_dtype(dtype, "hadamard"))


def dft(n: int, scale: str | None = None, *, dtype: DTypeLike | None = None) -> Array:
    """The matrix of the discrete Fourier transform, (n, n), complex (`jax.scipy.linalg.dft`).

    scale: divide by "sqrtn" or by "n", else ValueError. dtype: a complex one, else ValueError.

    >>> dft(2).real
    Array([[ 1.,  1.],
           [ 1., -1.]], dtype=float32)
    """
    if scale not in (None, "sqrtn", "n"):
        raise ValueError(f"scale must be None, 'sqrtn', or 'n'; got {scale!r}.")
    dtype = dtypes.canonicalize_dtype(complex) if dtype is None else user_dtype(dtype, "dft")
    if not dtypes.issubdtype(dtype, np.complexfloating):
        raise ValueError(f"dtype must be a complex floating-point type; got {dtype}.")
    places = np.arange(n)
    # The exponent counts modulo n: so it stays small, and exact.
    roots = np.exp(-2j * np.pi * (places[:, None] * places % max(n, 1)) / max(n, 1))
    return jnp.asarray((roots / {None: 1, "sqrtn": n**0.5, "n": n}[scale]).astype(dtype))


__all__ = [
    "block_diag",
    "circulant",
    "companion",
    "convolution_matrix",
    "dft",
    "fiedler",
    "fiedler_companion",
    "hadamard",
    "hankel",
    "helmert",
    "hilbert",
    "invhilbert",
    "invpascal",
    "leslie",
    "pascal",
    "toeplitz",
]
