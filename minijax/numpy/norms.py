"""Norms of vectors and matrices, of `jax.numpy.linalg`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.traces import Array
from ..core.types import ArrayLike, Axis
from ..foundation.dtypes import finfo
from ..primitives.basis import const
from .arithmetic import power
from .decompositions import inexact, svd
from .manipulation import expand_dims, moveaxis
from .reductions import amax, amin, sum
from .ufuncs import abs, conjugate, real, sqrt
from .util import canonicalize_axis, check_hashable, ensure_arraylike

Order = int | float | str | None


def norm(x: ArrayLike, ord: Order = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """The norm of vectors, or of matrices (`jax.numpy.linalg.norm`).

    axis: one axis for vectors, two for matrices, None for all axes. ord: of vectors any number (2 by default), inf or -inf, or 0,
    which counts; of matrices "fro" (by default), "nuc", 1, -1, 2, -2, inf or -inf. Without ord and axis, it is the root of the sum
    of all squares. Raises ValueError for another ord or number of axes. Where the norm is 0, its derivative is NaN.

    >>> x = np.float32([[3, 4], [0, 0]])
    >>> norm(x), norm(x, axis=1), norm(x, 1)
    (Array(5., dtype=float32), Array([5., 0.], dtype=float32), Array(4., dtype=float32))
    """
    check_hashable("norm", axis)
    (x,) = inexact("norm", x)
    if axis is None and ord is None:
        return _root_of_squares(x, None, keepdims)
    if axis is None:
        axes = tuple(range(x.ndim))
    else:
        axes = tuple(canonicalize_axis(a, x.ndim) for a in (axis if isinstance(axis, tuple) else (axis,)))
    if len(axes) == 1:
        return vector_norm(x, ord=2 if ord is None else ord, axis=axes, keepdims=keepdims)
    if len(axes) == 2:
        return _norm_of_matrix(x, "fro" if ord is None else ord, axes, keepdims)
    raise ValueError(
        f"Improper number of axes for norm: axis={axes}. Pass one axis to compute a vector-norm, or two axes to compute a"
        " matrix-norm."
    )


def _root_of_squares(x: Array, axis: Axis, keepdims: bool) -> Array:
    return sqrt(sum(real(x * conjugate(x)), axis=axis, keepdims=keepdims))


def _norm_of_matrix(x: Array, ord: Any, axes: tuple[int, int], keepdims: bool) -> Array:
    if ord in ("f", "fro"):
        return _root_of_squares(x, axes, keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        # The largest or smallest sum of a column, or of a row.
        summed, other = axes if ord in (1, -1) else axes[::-1]
        sums = sum(abs(x), axis=summed, keepdims=keepdims)
        other -= not keepdims and other > summed
        return amax(sums, axis=other, keepdims=keepdims, initial=0) if ord > 0 else amin(sums, other, keepdims=keepdims)
    if ord not in ("nuc", 2, -2):
        raise ValueError(f"Invalid order '{ord}' for matrix norm.")
    s = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
    if ord == "nuc":
        result = sum(s, axis=-1)
    else:
        result = amax(s, axis=-1, initial=0) if ord == 2 else amin(s, axis=-1)
    return expand_dims(result, axes) if keepdims else result


def matrix_norm(x: ArrayLike, /, *, keepdims: bool = False, ord: str | int | float = "fro") -> Array:
    """The norm of the matrices in the last two axes (`jax.numpy.linalg.matrix_norm`); ord as of `norm`.

    >>> matrix_norm(np.float32([[3, 4], [0, 0]]))
    Array(5., dtype=float32)
    """
    return norm(ensure_arraylike("jnp.linalg.matrix_norm", x), ord=ord, keepdims=keepdims, axis=(-2, -1))


def vector_norm(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False, ord: Order = 2) -> Array:
    """The norm of vectors along an axis, or of all elements together along several (`jax.numpy.linalg.vector_norm`).

    ord: a number, inf, -inf, or 0, which counts the elements other than 0. Raises ValueError for a word.

    >>> vector_norm(np.float32([3, -4]), ord=1)
    Array(7., dtype=float32)
    """
    x = ensure_arraylike("jnp.linalg.vector_norm", x)
    if ord is None or ord == 2:
        return _root_of_squares(x, axis, keepdims)
    if isinstance(ord, str):
        hint = {"inf": " Use jnp.inf instead.", "-inf": " Use -jnp.inf instead."}.get(ord, "")
        raise ValueError(f"Invalid order '{ord}' for vector norm.{hint}")
    if ord == np.inf:
        return amax(abs(x), axis=axis, keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return amin(abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return sum(x != 0, dtype=finfo(x.dtype).dtype, axis=axis, keepdims=keepdims)
    if ord == 1:
        return sum(abs(x), axis=axis, keepdims=keepdims)
    size = abs(x)
    total = sum(size ** const(size, ord), axis=axis, keepdims=keepdims)
    return power(total, const(size, 1.0 / ord))


__all__ = ["matrix_norm", "norm", "vector_norm"]
