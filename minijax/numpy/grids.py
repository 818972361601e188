"""Grids of coordinates, and matrices of ones and triangles."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array, given
from ..core.types import ArrayLike, DTypeLike
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import broadcast_in_dim
from ..primitives.elementwise import convert_element_type, select
from ..primitives.shapes import ones_on_diagonal
from .creation import asarray, zeros_like
from .util import (
    canonicalize_shape,
    check_arraylike,
    concrete_sizes,
    convert,
    default_int_dtype,
    ensure_arraylike,
    static_int,
    to_shape,
    user_dtype,
)


def meshgrid(*xi: ArrayLike, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> list[Array]:
    """Coordinate arrays of the grid spanned by vectors (`jax.numpy.meshgrid`).

    >>> import minijax.numpy as jnp
    >>> x, y = jnp.meshgrid(jnp.arange(2), jnp.arange(3))
    >>> x.shape, y.shape
    ((3, 2), (3, 2))
    """
    check_arraylike("meshgrid", *xi)
    vectors = [asarray(x) for x in xi]
    if not copy:
        raise ValueError("jax.numpy.meshgrid only supports copy=True")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"jnp.meshgrid: Valid values for indexing are 'xy' and 'ij', got {indexing}")
    if any(len(x.shape) != 1 for x in vectors):
        raise ValueError(f"Arguments to jax.numpy.meshgrid must be 1D, got shapes {[x.shape for x in vectors]}")
    places = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) >= 2:
        places[:2] = 1, 0
    sizes = {place: x.shape[0] for place, x in zip(places, vectors)}

    grids = {}
    for place, x in sorted(zip(places, vectors), key=lambda pair: pair[0]):
        shape = tuple(1 if sparse and i != place else sizes[i] for i in range(len(vectors)))
        grids[place] = broadcast_in_dim(x, shape, (place,))
    return [grids[place] for place in places]


def indices(dimensions: Sequence[int], dtype: DTypeLike | None = None, sparse: bool = False) -> Any:
    """The index of every element of a grid along each axis (`jax.numpy.indices`).

    >>> import minijax.numpy as jnp
    >>> rows, columns = jnp.indices((2, 3))
    >>> rows
    Array([[0, 0, 0],
           [1, 1, 1]], dtype=int32)
    """
    dtype = user_dtype(int if dtype is None else dtype, "indices")
    sizes = canonicalize_shape(tuple([static_int(size, "the dimensions of jnp.indices") for size in dimensions]))
    grids = []
    for i, size in enumerate(sizes):
        shape = tuple(size if j == i else 1 for j in range(len(sizes))) if sparse else sizes
        grids.append(broadcast_in_dim(lax.iota(dtype, size), shape, (i,)))
    if sparse:
        return tuple(grids)
    return lax.stack(grids) if grids else given(np.zeros(0, dtype))


def ix_(*args: ArrayLike) -> tuple[Array, ...]:
    """Open grids of index vectors, for `x[ix_(rows, columns)]` (`jax.numpy.ix_`).

    >>> import minijax.numpy as jnp
    >>> jnp.arange(9).reshape(3, 3)[jnp.ix_(jnp.array([0, 2]), jnp.array([1, 2]))]
    Array([[1, 2],
           [7, 8]], dtype=int32)
    """
    check_arraylike("ix", *args)
    vectors = [asarray(x) for x in args]
    for x in vectors:
        if len(x.shape) != 1:
            raise ValueError(f"Arguments to jax.numpy.ix_ must be 1-dimensional, got shape {x.shape}")
        if x.dtype == bool:
            raise NotImplementedError("Boolean arguments to jax.numpy.ix_ are not implemented")
    shapes = [tuple(x.shape[0] if j == i else 1 for j in range(len(vectors))) for i, x in enumerate(vectors)]
    # As in NumPy, an empty list of indices is one of integers: `x[ix_([])]`.
    return tuple(
        broadcast_in_dim(x, shape, (i,)) if x.shape[0] else lax.full(shape, default_int_dtype().type(0))
        for i, (x, shape) in enumerate(zip(vectors, shapes))
    )


# ---------------------------------------------------------------------------------------------------------------------
# Diagonals and triangles


def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None, *, device: Any = None) -> Array:
    """A matrix with ones on its k-th diagonal (`jax.numpy.eye`).

    >>> eye(2)
    Array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    dtype = user_dtype(float if dtype is None else dtype, "eye")
    offset = ensure_arraylike("eye", k)
    if offset.shape or not dtypes.issubdtype(offset.dtype, np.integer):
        raise ValueError(f"k must be a scalar integer; got {k}")
    rows, columns = concrete_sizes((N, N if M is None else M))
    if rows < 0 or columns < 0:
        raise ValueError(f"negative dimensions are not allowed, got {N} and {M}")
    return ones_on_diagonal((rows, columns), convert_element_type(offset, offset.dtype), dtype)


def identity(n: int, dtype: DTypeLike | None = None) -> Array:
    """The n x n identity matrix (`jax.numpy.identity`).

    >>> import minijax.numpy as jnp
    >>> jnp.identity(2)
    Array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Array:
    """A matrix with ones on and below its k-th diagonal (`jax.numpy.tri`).

    >>> import minijax.numpy as jnp
    >>> jnp.tri(2, 3)
    Array([[1., 0., 0.],
           [1., 1., 0.]], dtype=float32)
    """
    dtype = np.dtype("float32") if dtype is None else user_dtype(dtype, "tri")
    shape = concrete_sizes((N, N if M is None else M))
    offset = asarray(k if isinstance(k, Array) else operator.index(k))
    if not dtypes.issubdtype(offset.dtype, np.integer):
        raise TypeError(f"offset must be an integer, got {offset!r}")
    # Positions have the offset's dtype, but at least 32 bits.
    of_places = dtypes.canonicalize_dtype(np.promote_types(offset.dtype, np.int32))
    i = ew.add_p.bind(lax.broadcasted_iota(of_places, shape, 0), convert(offset, of_places))
    return convert_element_type(ew.ge_p.bind(i, lax.broadcasted_iota(of_places, shape, 1)), dtype)


def _triangle(name: str, m: Any, k: int, above: bool) -> Array:
    m = ensure_arraylike(name, m)
    if len(m.shape) < 2:
        raise ValueError(f"Argument to jax.numpy.{name} must be at least 2D")
    *batch, rows, columns = m.shape
    k = static_int(k, f"jnp.{name}")
    mask = to_shape(tri(rows, columns, k - 1 if above else k, bool), m.shape)
    zero = zeros_like(m)
    return select(mask, zero, m) if above else select(mask, m, zero)


def tril(m: ArrayLike, k: int = 0) -> Array:
    """A matrix with zeros above its k-th diagonal (`jax.numpy.tril`).

    >>> import minijax.numpy as jnp
    >>> jnp.tril(jnp.ones((2, 2)))
    Array([[1., 0.],
           [1., 1.]], dtype=float32)
    """
    return _triangle("tril", m, k, above=False)


def triu(m: ArrayLike, k: int = 0) -> Array:
    """A matrix with zeros below its k-th diagonal (`jax.numpy.triu`).

    >>> import minijax.numpy as jnp
    >>> jnp.triu(jnp.ones((2, 2)))
    Array([[1., 1.],
           [0., 1.]], dtype=float32)
    """
    return _triangle("triu", m, k, above=True)
