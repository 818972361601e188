"""Diagonals, indices of triangles, and indices into the flattened array."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.array import number
from ..core.traces import Array, Tracer
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation import dtypes, errors
from ..primitives.basis import expand_dims as _expand_dims
from ..primitives.elementwise import convert_element_type
from . import reductions
from .creation import arange, array, asarray, zeros, zeros_like
from .grids import eye
from .manipulation import as_tuple, moveaxis, ravel, reshape
from .number_kinds import clip
from .repeating import resize
from .util import (
    as_array,
    canonicalize_axis,
    canonicalize_shape,
    check_arraylike,
    check_no_out,
    ensure_arraylike,
    static_int,
)
from .util import where as _where


def diagonal(a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonal of two axes, as the last axis (`jax.numpy.diagonal`).

    >>> import minijax.numpy as jnp
    >>> jnp.diagonal(jnp.array([[1, 2], [3, 4]]))
    Array([1, 4], dtype=int32)
    """
    a = ensure_arraylike("diagonal", a)
    if len(a.shape) < 2:
        raise ValueError("diagonal requires an array of at least two dimensions.")
    offset = operator.index(offset)
    rows, columns = (a.shape[canonicalize_axis(axis, len(a.shape))] for axis in (axis1, axis2))
    a = moveaxis(a, (axis1, axis2), (-2, -1))
    size = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    i = arange(size)
    j = arange(abs(offset), abs(offset) + size)
    found = a[..., i, j] if offset >= 0 else a[..., j, i]
    # As in JAX: there the diagonal of a square matrix is a sum with an array of zeros, whose type is strong.
    strong = found.weak_type and rows == columns and offset == 0
    return lax.convert_element_type(found, found.dtype) if strong else found


def diag(v: ArrayLike, k: int = 0) -> Array:
    """A matrix with the vector `v` on its k-th diagonal; or, for a matrix `v`, its k-th diagonal (`jax.numpy.diag`).

    >>> import minijax.numpy as jnp
    >>> jnp.diag(jnp.array([1, 2]))
    Array([[1, 0],
           [0, 2]], dtype=int32)
    """
    v = ensure_arraylike("diag", v)
    k = operator.index(k)
    if len(v.shape) == 2:
        return diagonal(v, k)
    if len(v.shape) != 1:
        raise ValueError("diag input must be 1d or 2d")
    zero = number(np.asarray(0, v.dtype), v.weak_type)
    size = v.shape[0] + abs(k)
    v = lax.pad(v, zero, [(max(0, -k), max(0, k), 0)])
    return _where(eye(size, k=k, dtype=bool), _expand_dims(v, [1]), zero)


def diagflat(v: ArrayLike, k: int = 0) -> Array:
    """A matrix with all elements of `v` on its k-th diagonal (`jax.numpy.diagflat`).

    >>> import minijax.numpy as jnp
    >>> jnp.diagflat(jnp.array([1, 2]))
    Array([[1, 0],
           [0, 2]], dtype=int32)
    """
    v = ravel(v)
    side = v.shape[0] + abs(k)
    matrix, i = zeros(side * side, v.dtype), arange(v.shape[0])
    places = i + k + i * side if k >= 0 else i + (i - k) * side
    return reshape(matrix.at[places].set(v), (side, side))


def trace(
    a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None, out: None = None
) -> Array:
    """The sum of a diagonal (`jax.numpy.trace`).

    >>> import minijax.numpy as jnp
    >>> jnp.trace(jnp.array([[1, 2], [3, 4]]))
    Array(5, dtype=int32)
    """
    a = ensure_arraylike("trace", a)
    check_no_out("trace", out)
    axis1, axis2 = canonicalize_axis(axis1, len(a.shape)), canonicalize_axis(axis2, len(a.shape))
    rows, columns = a.shape[axis1], a.shape[axis2]
    if axis1 == axis2:
        raise ValueError(f"jnp.trace: axis1 and axis2 can not be same. axis1={axis1} and axis2={axis2}")
    a = moveaxis(a, (axis1, axis2), (-2, -1))
    on_diagonal = _where(eye(rows, columns, k=offset, dtype=bool), a, zeros_like(a))
    return reductions.sum(on_diagonal, axis=(-2, -1), dtype=dtype)


def diag_indices(n: int, ndim: int = 2) -> tuple[Array, ...]:
    """The indices of the main diagonal (`jax.numpy.diag_indices`).

    >>> import minijax.numpy as jnp
    >>> jnp.diag_indices(2)
    (Array([0, 1], dtype=int32), Array([0, 1], dtype=int32))
    """
    n, ndim = static_int(n, "jnp.diag_indices"), static_int(ndim, "jnp.diag_indices")
    for name, value in (("n", n), ("ndim", ndim)):
        if value < 0:
            raise ValueError(f"{name} argument to diag_indices must be nonnegative, got {value}")
    return (arange(n),) * ndim


def diag_indices_from(arr: ArrayLike) -> tuple[Array, ...]:
    """The indices of the main diagonal of `arr` (`jax.numpy.diag_indices_from`).

    >>> import minijax.numpy as jnp
    >>> jnp.diag_indices_from(jnp.ones((2, 2)))
    (Array([0, 1], dtype=int32), Array([0, 1], dtype=int32))
    """
    arr = ensure_arraylike("diag_indices_from", arr)
    if len(arr.shape) < 2:
        raise ValueError(f"jnp.diag_indices_from: input array must be at least 2-d, got shape {arr.shape}")
    if len(set(arr.shape)) != 1:
        raise ValueError(
            f"jnp.diag_indices_from: All dimensions of input must be of equal length, got shape {arr.shape}"
        )
    return diag_indices(arr.shape[0], len(arr.shape))


def _triangle_indices(n: int, k: int, m: int | None, above: bool) -> tuple[Array, Array]:
    name = f"jnp.{'triu' if above else 'tril'}_indices"
    n, k, m = (None if x is None else static_int(x, name) for x in (n, k, m))
    canonicalize_shape((n, n if m is None else m))  # NumPy takes a negative size for none.
    rows, columns = np.triu_indices(n, k, m) if above else np.tril_indices(n, k, m)
    return asarray(rows), asarray(columns)


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Array, Array]:
    """The indices on and above the k-th diagonal of an n x m matrix (`jax.numpy.triu_indices`).

    >>> import minijax.numpy as jnp
    >>> jnp.triu_indices(2)
    (Array([0, 0, 1], dtype=int32), Array([0, 1, 1], dtype=int32))
    """
    return _triangle_indices(n, k, m, above=True)


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Array, Array]:
    """The indices on and below the k-th diagonal of an n x m matrix (`jax.numpy.tril_indices`).

    >>> import minijax.numpy as jnp
    >>> jnp.tril_indices(2)
    (Array([0, 1, 1], dtype=int32), Array([0, 0, 1], dtype=int32))
    """
    return _triangle_indices(n, k, m, above=False)


def _matrix_shape(arr: Any) -> tuple[int, int]:
    shape = tuple(arr.shape) if hasattr(arr, "shape") else as_array(arr).shape
    if len(shape) != 2:
        raise ValueError("Only 2-D inputs are accepted")
    return shape


def triu_indices_from(arr: ArrayLike, k: int = 0) -> tuple[Array, Array]:
    """`triu_indices` of the shape of a matrix (`jax.numpy.triu_indices_from`).

    >>> import minijax.numpy as jnp
    >>> jnp.triu_indices_from(jnp.ones((2, 2)))
    (Array([0, 0, 1], dtype=int32), Array([0, 1, 1], dtype=int32))
    """
    rows, columns = _matrix_shape(arr)
    return triu_indices(rows, k, columns)


def tril_indices_from(arr: ArrayLike, k: int = 0) -> tuple[Array, Array]:
    """`tril_indices` of the shape of a matrix (`jax.numpy.tril_indices_from`).

    >>> import minijax.numpy as jnp
    >>> jnp.tril_indices_from(jnp.ones((2, 2)))
    (Array([0, 1, 1], dtype=int32), Array([0, 0, 1], dtype=int32))
    """
    rows, columns = _matrix_shape(arr)
    return tril_indices(rows, k, columns)


def fill_diagonal(a: ArrayLike, val: ArrayLike, wrap: bool = False, *, inplace: bool = True) -> Array:
    """The array with `val` on its diagonal (`jax.numpy.fill_diagonal`). Arrays are immutable: pass `inplace=False`.

    >>> import minijax.numpy as jnp
    >>> jnp.fill_diagonal(jnp.zeros((2, 2)), 1.0, inplace=False)
    Array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    if inplace:
        raise NotImplementedError("jnp.fill_diagonal: JAX arrays are immutable, must use inplace=False")
    if wrap:
        raise NotImplementedError("jnp.fill_diagonal: wrap=True is not implemented, must use wrap=False")
    a, val = ensure_arraylike("fill_diagonal", a, val)
    if len(a.shape) < 2:
        raise ValueError(f"jnp.fill_diagonal: array must be at least 2-d, got shape {a.shape}")
    if len(a.shape) > 2 and len(set(a.shape)) > 1:
        raise ValueError(f"jnp.fill_diagonal: All dimensions of input must be of equal length, got shape {a.shape}")
    n = min(a.shape)
    values = val if not val.shape else resize(ravel(val), (n,))
    return a.at[diag_indices(n, len(a.shape))].set(values)


def unravel_index(indices: ArrayLike, shape: Shape) -> tuple[Array, ...]:
    """The indices along each axis, for indices into the flattened array (`jax.numpy.unravel_index`).

    >>> import minijax.numpy as jnp
    >>> jnp.unravel_index(5, (2, 3))
    (Array(1, dtype=int32, weak_type=True), Array(2, dtype=int32, weak_type=True))
    """
    left = ensure_arraylike("unravel_index", indices)
    sizes = as_tuple(shape)
    found = []
    for size in reversed(sizes):
        left, index = divmod(left, size)
        found.append(index)
    beyond = left > 0
    # No unsigned number is below -1, which would become the largest of them.
    before = left < -1 if left.dtype.kind == "i" else False
    return tuple(_where(beyond, size - 1, _where(before, 0, index)) for size, index in zip(sizes, reversed(found)))


def ravel_multi_index(
    multi_index: Sequence[ArrayLike],
    dims: Sequence[int],
    mode: str = "raise",
    order: str = "C",
    *,
    dtype: DTypeLike | None = None,
) -> Array:
    """The indices into the flattened array, for indices along each axis (`jax.numpy.ravel_multi_index`).

    >>> import minijax.numpy as jnp
    >>> jnp.ravel_multi_index((jnp.array([1]), jnp.array([2])), (2, 3))
    Array([5], dtype=int32)
    """
    sizes = as_tuple(dims)
    if len(multi_index) != len(sizes):
        raise ValueError(f"jnp.ravel_multi_index: len(multi_index)={len(multi_index)} != len(dims)={len(sizes)}")
    check_arraylike("ravel_multi_index", *multi_index)
    parts = [asarray(i) for i in multi_index]
    for part in parts:
        if not dtypes.issubdtype(part.dtype, np.integer):
            raise ValueError(f"jnp.ravel_multi_index: dtype={part.dtype.name} is not an integer type.")
    if order not in ("C", "F"):
        raise ValueError(f"jnp.ravel_multi_index: invalid order={order!r}. Expected 'C' or 'F'")
    parts = [_bring_inside(i, size, mode) for i, size in zip(parts, sizes)]
    steps = [math.prod(sizes[i + 1 :]) if order == "C" else math.prod(sizes[:i]) for i in range(len(sizes))]
    total = array(0, dtype or dtypes.result_type(int, *parts))
    for index, step in zip(parts, steps):
        total = total + convert_element_type(index, total.dtype) * step
    return total


def _bring_inside(index: Array, size: int, mode: str) -> Array:
    if mode == "raise":
        known = index
        if isinstance(index, Tracer):
            known = index._concrete(errors.concretization, "jnp.ravel_multi_index with mode='raise'")
        if ((np.asarray(known) < 0) | (np.asarray(known) >= size)).any():
            raise ValueError(
                f"jnp.ravel_multi_index: invalid entry in coordinates array: {known}, for an axis of size {size}"
            )
        return index
    if mode == "clip":
        return clip(index, 0, size - 1)
    if mode == "wrap":
        return index % size
    raise ValueError(f"jnp.ravel_multi_index: invalid mode={mode!r}. Expected 'raise', 'wrap' or 'clip'")
