"""Functions that move elements to other places: shapes, axes, joining and splitting."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array, Tracer, given
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation.tracebacks import hide_our_frames
from ..primitives.basis import expand_dims as _expand_dims
from .creation import asarray
from .util import (
    Axis,
    as_array,
    canonicalize_axis,
    canonicalize_axis_tuple,
    check_arraylike,
    check_hashable,
    check_no_out,
    concrete_sizes,
    ensure_arraylike,
    in_order,
    promote_dtypes,
    promote_each,
    rounded,
    static_int,
)


def as_tuple(x: Any) -> tuple[int, ...]:
    """A number, or a sequence of them, as a tuple."""
    try:
        try:
            return (static_int(x),)
        except TypeError:
            if isinstance(x, Tracer):
                raise
            return tuple([static_int(number) for number in x])
    except Exception as error:
        hide_our_frames(error)
        raise


def _arrays(name: str, xs: Any) -> list[Array]:
    """The items of a sequence as arrays; an array counts as the sequence of its rows."""
    if isinstance(xs, (Array, np.ndarray)):
        return list(unstack(xs))
    check_arraylike(name, *xs)
    return [as_array(x) for x in xs]


# ---------------------------------------------------------------------------------------------------------------------
# Shapes and axes


def reshape(
    a: ArrayLike, shape: int | Shape | Array, order: str = "C", *, copy: bool | None = None, out_sharding: Any = None
) -> Array:
    """The same elements in another shape (`jax.numpy.reshape`); one -1 stands for the size that fits.

    >>> reshape(np.arange(6), (2, -1))
    Array([[0, 1, 2],
           [3, 4, 5]], dtype=int32)
    """
    if type(a) is np.ndarray and isinstance(shape, (int, tuple, list)):
        _check_numpys_shape(a, shape, order)
    a = ensure_arraylike("reshape", a)
    sizes = _new_shape(a, shape)
    if order == "C":
        return lax.reshape(a, sizes)
    if order == "F":
        # Column-major is row-major with all axes reversed.
        return transpose(lax.reshape(a, sizes[::-1], range(len(a.shape))[::-1]))
    if order == "A":
        raise NotImplementedError("np.reshape order=A is not implemented.")
    raise ValueError(f"Unexpected value for 'order' argument: {order}.")


def _check_numpys_shape(a: np.ndarray, shape, order: str):
    """Raise NumPy's errors for an array of NumPy's: in JAX, NumPy reshapes such an array."""
    if order in ("C", "F") and all(isinstance(d, (int, np.integer)) for d in np.atleast_1d(np.array(shape, object))):
        a.reshape(shape, order=order)


def _new_shape(a: Array, shape: Any) -> tuple[int, ...]:
    sizes = concrete_sizes(shape)
    unknown = [i for i, d in enumerate(sizes) if d == -1]
    if len(unknown) > 1:
        raise TypeError(f"reshape can only specify one unknown axis size with a `-1` value, got {shape}")
    known = math.prod(d for d in sizes if d != -1)
    if unknown:
        if not known:
            raise ZeroDivisionError(
                f"reshape: integer modulo by zero: no size for the axis -1 of {shape} is the right one"
            )
        if a.size % known != 0:
            raise TypeError(
                f"cannot reshape array of shape {a.shape} (size {a.size}) into shape {shape} because the product of"
                f" specified axis sizes ({known}) does not evenly divide {a.size}"
            )
        return tuple(a.size // known if d == -1 else d for d in sizes)
    if a.size != known:
        raise TypeError(f"cannot reshape array of shape {a.shape} (size {a.size}) into shape {shape} (size {known})")
    return sizes


def ravel(a: ArrayLike, order: str = "C", *, out_sharding: Any = None) -> Array:
    """All elements along one axis (`jax.numpy.ravel`).

    >>> import minijax.numpy as jnp
    >>> jnp.ravel(jnp.array([[1, 2], [3, 4]]))
    Array([1, 2, 3, 4], dtype=int32)
    """
    a = ensure_arraylike("ravel", a)
    in_order((a,))
    if order == "K":
        raise NotImplementedError("jnp.ravel: Ravel not implemented for order='K'.")
    return reshape(a, (a.size,), order)


def transpose(a: ArrayLike, axes: Sequence[int] | None = None) -> Array:
    """The array with its axes permuted; reversed, if no order is given (`jax.numpy.transpose`).

    >>> import minijax.numpy as jnp
    >>> jnp.transpose(jnp.ones((2, 3, 4))).shape
    (4, 3, 2)
    """
    a = rounded(ensure_arraylike("transpose", a))
    order = range(len(a.shape))[::-1] if axes is None else axes
    return lax.transpose(a, tuple(canonicalize_axis(i, len(a.shape)) for i in order))


def permute_dims(a: ArrayLike, /, axes: Sequence[int]) -> Array:
    """The array with its axes permuted (`jax.numpy.permute_dims`).

    >>> import minijax.numpy as jnp
    >>> jnp.permute_dims(jnp.ones((2, 3)), (1, 0)).shape
    (3, 2)
    """
    try:
        return lax.transpose(ensure_arraylike("permute_dims", a), axes)
    except TypeError as error:
        hide_our_frames(error)
        raise


def matrix_transpose(x: ArrayLike, /) -> Array:
    """The array with its last two axes exchanged (`jax.numpy.matrix_transpose`).

    >>> import minijax.numpy as jnp
    >>> jnp.matrix_transpose(jnp.ones((2, 3, 4))).shape
    (2, 4, 3)
    """
    x = ensure_arraylike("matrix_transpose", x)
    if len(x.shape) < 2:
        raise ValueError(f"x must be at least two-dimensional for matrix_transpose; got ndim={len(x.shape)}")
    return swapaxes(x, -1, -2)


def swapaxes(a: ArrayLike, axis1: int, axis2: int) -> Array:
    """The array with two axes exchanged (`jax.numpy.swapaxes`).

    >>> import minijax.numpy as jnp
    >>> jnp.swapaxes(jnp.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    a = ensure_arraylike("swapaxes", a)
    order = list(range(len(a.shape)))
    for axis in (axis1, axis2):
        if not -len(order) <= operator.index(axis) < len(order):
            raise IndexError(f"jnp.swapaxes: axis {axis} is out of bounds for an array of shape {a.shape}")
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return lax.transpose(a, tuple(order))


def moveaxis(a: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """The array with some axes moved to other places and the others kept in order (`jax.numpy.moveaxis`).

    >>> import minijax.numpy as jnp
    >>> jnp.moveaxis(jnp.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    a = rounded(ensure_arraylike("moveaxis", a))
    ndim = len(a.shape)
    source = tuple(canonicalize_axis(i, ndim) for i in as_tuple(source))
    destination = tuple(canonicalize_axis(i, ndim) for i in as_tuple(destination))
    if len(source) != len(destination):
        raise ValueError(f"jnp.moveaxis: Inconsistent number of elements: {len(source)} vs {len(destination)}")
    order = [i for i in range(ndim) if i not in source]
    for place, axis in sorted(zip(destination, source)):
        order.insert(place, axis)
    return lax.transpose(a, tuple(order))


def rollaxis(a: ArrayLike, axis: int, start: int = 0) -> Array:
    """The array with an axis moved to stand before the axis `start` (`jax.numpy.rollaxis`).

    >>> import minijax.numpy as jnp
    >>> jnp.rollaxis(jnp.ones((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    check_hashable("rollaxis", axis)
    a = ensure_arraylike("rollaxis", a)
    ndim = len(a.shape)
    axis, start = canonicalize_axis(axis, ndim), operator.index(start)
    if not -ndim <= start <= ndim:
        raise ValueError(f"start={start!r} must satisfy {-ndim}<=start<={ndim}")
    start = start + ndim if start < 0 else start
    return moveaxis(a, axis, start - 1 if start > axis else start)


def expand_dims(a: ArrayLike, axis: int | Sequence[int]) -> Array:
    """The array with new axes of size 1 (`jax.numpy.expand_dims`).

    >>> import minijax.numpy as jnp
    >>> jnp.expand_dims(jnp.ones(3), 0).shape
    (1, 3)
    """
    a = rounded(ensure_arraylike("expand_dims", a))
    axes = as_tuple(axis)
    return _expand_dims(a, canonicalize_axis_tuple(axes, len(a.shape) + len(axes)))


def squeeze(a: ArrayLike, axis: Axis = None) -> Array:
    """The array without the given axes, of size 1; by default without all axes of size 1 (`jax.numpy.squeeze`).

    >>> import minijax.numpy as jnp
    >>> jnp.squeeze(jnp.ones((1, 3, 1))).shape
    (3,)
    """
    a = rounded(ensure_arraylike("squeeze", a))
    if axis is None:
        axes = tuple(i for i, d in enumerate(a.shape) if d == 1)
    else:
        axes = canonicalize_axis_tuple(as_tuple(axis), len(a.shape))
    return lax.squeeze(a, axes)


def _at_least(ndim: int) -> Callable:
    name = f"atleast_{ndim}d"

    def function(*arys: ArrayLike) -> Any:
        check_arraylike(name, *arys)
        results = [_with_rank(as_array(x), ndim) for x in arys]
        return results[0] if len(results) == 1 else results

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""The arrays with {ndim} axes or more; new axes have size 1 (`jax.numpy.atleast_{ndim}d`).

    >>> import minijax.numpy as jnp
    >>> jnp.{name}(3.0).shape
    {(1,) * ndim}
    """
    return function


def _with_rank(x: Array, ndim: int) -> Array:
    in_order((x,))
    missing = ndim - len(x.shape)
    if missing <= 0:
        return given(x)
    # A vector becomes the middle axis of three, a matrix the first two.
    new = {(3, 1): (0, 2), (3, 2): (2,)}.get((ndim, len(x.shape)), range(missing))
    return _expand_dims(x, new)


atleast_1d, atleast_2d, atleast_3d = _at_least(1), _at_least(2), _at_least(3)


def flip(m: ArrayLike, axis: Axis = None) -> Array:
    """The elements in reverse order along the given axes, by default along all (`jax.numpy.flip`).

    >>> import minijax.numpy as jnp
    >>> jnp.flip(jnp.arange(3))
    Array([2, 1, 0], dtype=int32)
    """
    m = ensure_arraylike("flip", m)
    ndim = len(m.shape)
    return lax.rev(m, tuple(range(ndim)) if axis is None else tuple(canonicalize_axis(i, ndim) for i in as_tuple(axis)))


def fliplr(m: ArrayLike) -> Array:
    """The columns in reverse order (`jax.numpy.fliplr`).

    >>> import minijax.numpy as jnp
    >>> jnp.fliplr(jnp.array([[1, 2], [3, 4]]))
    Array([[2, 1],
           [4, 3]], dtype=int32)
    """
    return flip(m, 1)


def flipud(m: ArrayLike) -> Array:
    """The rows in reverse order (`jax.numpy.flipud`).

    >>> import minijax.numpy as jnp
    >>> jnp.flipud(jnp.array([[1, 2], [3, 4]]))
    Array([[3, 4],
           [1, 2]], dtype=int32)
    """
    return flip(m, 0)


def rot90(m: ArrayLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """The array turned k times by 90 degrees, from the first of the two axes to the second (`jax.numpy.rot90`).

    >>> import minijax.numpy as jnp
    >>> jnp.rot90(jnp.array([[1, 2], [3, 4]]))
    Array([[2, 4],
           [1, 3]], dtype=int32)
    """
    check_hashable("rot90", axes)
    m = ensure_arraylike("rot90", m)
    ndim = len(m.shape)
    if ndim < 2:
        raise ValueError(
            "rot90 requires its first argument to have ndim at least two, but got first argument of shape"
            f" {m.shape}, which has ndim {ndim}"
        )
    one, two = (canonicalize_axis(a, ndim) for a in axes)
    if one == two:
        raise ValueError(f"jnp.rot90: Axes must be different, got {axes}")
    turns = k % 4
    if turns == 0:
        return m
    if turns == 2:
        return flip(flip(m, one), two)
    return swapaxes(flip(m, two), one, two) if turns == 1 else flip(swapaxes(m, one, two), two)


# ---------------------------------------------------------------------------------------------------------------------
# Joining and splitting


def concatenate(arrays: Sequence[ArrayLike] | ArrayLike, axis: int | None = 0, dtype: DTypeLike | None = None) -> Array:
    """The arrays one after the other along an existing axis, or flattened for None (`jax.numpy.concatenate`).

    >>> concatenate([np.arange(2), np.arange(3)])
    Array([0, 1, 0, 1, 2], dtype=int32)
    """
    axis = axis if axis is None else operator.index(axis)
    if isinstance(arrays, Array) and axis == 0 and dtype is None and len(arrays.shape) > 1 and arrays.shape[0]:
        return lax.reshape(arrays, (arrays.shape[0] * arrays.shape[1], *arrays.shape[2:]))
    arrays = _arrays("concatenate", arrays)
    if not arrays:
        raise ValueError("Need at least one array to concatenate.")
    if axis is None:
        arrays, axis = [ravel(a) for a in arrays], 0
    if not arrays[0].shape:
        raise ValueError("Zero-dimensional arrays cannot be concatenated.")
    axis = canonicalize_axis(axis, len(arrays[0].shape))
    arrays = promote_each(*arrays) if dtype is None else [asarray(a, dtype) for a in arrays]
    return lax.concatenate(arrays, axis)


def concat(arrays: Sequence[ArrayLike] | ArrayLike, /, *, axis: int | None = 0) -> Array:
    """As `concatenate` (`jax.numpy.concat`).

    >>> import minijax.numpy as jnp
    >>> jnp.concat([jnp.array([1, 2]), jnp.array([3])])
    Array([1, 2, 3], dtype=int32)
    """
    return concatenate(arrays, axis)


def stack(
    arrays: Sequence[ArrayLike] | ArrayLike, axis: int = 0, out: None = None, dtype: DTypeLike | None = None
) -> Array:
    """The arrays, of one shape, joined along a new axis (`jax.numpy.stack`).

    >>> stack([np.arange(2), np.arange(2)]).shape
    (2, 2)
    """
    check_no_out("stack", out)
    arrays = _arrays("stack", arrays)
    if not arrays:
        raise ValueError("Need at least one array to stack.")
    arrays = promote_dtypes(*arrays) if dtype is None else [asarray(a, dtype) for a in arrays]
    return lax.stack([rounded(a) for a in arrays], axis=operator.index(axis))


def vstack(tup: Sequence[ArrayLike] | ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """The arrays as rows, one below the other (`jax.numpy.vstack`).

    >>> import minijax.numpy as jnp
    >>> jnp.vstack([jnp.array([1, 2]), jnp.array([3, 4])])
    Array([[1, 2],
           [3, 4]], dtype=int32)
    """
    return concatenate([atleast_2d(a) for a in _arrays("vstack", tup)], 0, dtype)


def hstack(tup: Sequence[ArrayLike] | ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """The arrays side by side (`jax.numpy.hstack`).

    >>> import minijax.numpy as jnp
    >>> jnp.hstack([jnp.array([1, 2]), jnp.array([3])])
    Array([1, 2, 3], dtype=int32)
    """
    arrays = [atleast_1d(a) for a in _arrays("hstack", tup)]
    if not arrays and isinstance(tup, (Array, np.ndarray)):
        raise ValueError("Need at least one array to concatenate: hstack got an array without rows.")
    return concatenate(arrays, 0 if len(arrays[0].shape) == 1 else 1, dtype)


def dstack(tup: Sequence[ArrayLike] | ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """The arrays one behind the other, along a third axis (`jax.numpy.dstack`).

    >>> import minijax.numpy as jnp
    >>> jnp.dstack([jnp.ones(2), jnp.zeros(2)]).shape
    (1, 2, 2)
    """
    return concatenate([atleast_3d(a) for a in _arrays("dstack", tup)], 2, dtype)


def column_stack(tup: Sequence[ArrayLike] | ArrayLike) -> Array:
    """The arrays side by side, with vectors as columns (`jax.numpy.column_stack`).

    >>> import minijax.numpy as jnp
    >>> jnp.column_stack([jnp.array([1, 2]), jnp.array([3, 4])])
    Array([[1, 3],
           [2, 4]], dtype=int32)
    """
    arrays = _arrays("column_stack", tup)
    return concatenate([transpose(atleast_2d(a)) if len(a.shape) < 2 else a for a in arrays], 1)


def block(arrays: Any) -> Array:
    """The array that nested lists of blocks make up (`jax.numpy.block`).

    >>> import minijax.numpy as jnp
    >>> jnp.block([[jnp.ones((1, 2)), jnp.zeros((1, 1))]])
    Array([[1., 1., 0.]], dtype=float32)
    """
    return _block(arrays)[0]


def _block(blocks: Any) -> tuple[Array, int]:
    """(the array, one more than the depth to which the lists are nested)."""
    if isinstance(blocks, tuple):
        raise ValueError(f"jax.numpy.block does not allow tuples, got {blocks}")
    if not isinstance(blocks, list):
        x = asarray(blocks)
        in_order((x,))
        return x, 1
    if not blocks:
        raise ValueError("jax.numpy.block does not allow empty list arguments")
    parts, depths = zip(*map(_block, blocks))
    if len(set(depths)) > 1:
        raise ValueError("Mismatched list depths in jax.numpy.block")
    rank = max(depths[0], max(len(x.shape) for x in parts))
    parts = [_expand_dims(x, range(rank - len(x.shape))) for x in parts]
    return concatenate(parts, -depths[0]), depths[0] + 1


def append(arr: ArrayLike, values: ArrayLike, axis: int | None = None) -> Array:
    """`arr` followed by `values` along an axis; without an axis, both are flattened (`jax.numpy.append`).

    >>> import minijax.numpy as jnp
    >>> jnp.append(jnp.array([1, 2]), jnp.array([3]))
    Array([1, 2, 3], dtype=int32)
    """
    check_hashable("append", axis)
    if axis is None:
        return concatenate([ravel(arr), ravel(values)], 0)
    return concatenate([arr, values], axis)


def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The slices along an axis, as a tuple (`jax.numpy.unstack`).

    >>> import minijax.numpy as jnp
    >>> [row.tolist() for row in jnp.unstack(jnp.array([[1, 2], [3, 4]]))]
    [[1, 2], [3, 4]]
    """
    check_hashable("unstack", axis)
    x = ensure_arraylike("unstack", x)
    return lax.unstack(x, canonicalize_axis(axis, len(x.shape)))


def _split(name: str, ary: Any, indices_or_sections: Any, axis: int) -> list[Array]:
    ary = ensure_arraylike(name, ary)
    axis = canonicalize_axis(axis, len(ary.shape), IndexError)
    size = ary.shape[axis]
    if isinstance(indices_or_sections, (list, tuple)) or np.ndim(indices_or_sections) > 0:
        bounds = [0, *[static_int(i, f"jnp.{name}") for i in indices_or_sections], size]
        sizes = [stop - start for start, stop in zip(bounds, bounds[1:])]
    else:
        sections = static_int(indices_or_sections, f"jnp.{name}")
        part, rest = divmod(size, sections)
        if rest and name != "array_split":
            raise ValueError(f"array split does not result in an equal division: rest is {rest}")
        sizes = [part + 1] * rest + [part] * (sections - rest)
    return list(lax.split(ary, tuple(sizes), axis))


def split(ary: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike, axis: int = 0) -> list[Array]:
    """Equal parts along an axis, for a number of sections, or the parts between indices (`jax.numpy.split`).

    >>> import minijax.numpy as jnp
    >>> [part.tolist() for part in jnp.split(jnp.arange(4), 2)]
    [[0, 1], [2, 3]]
    """
    return _split("split", ary, indices_or_sections, axis)


def array_split(ary: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike, axis: int = 0) -> list[Array]:
    """As `split`; the parts may differ in size by one (`jax.numpy.array_split`).

    >>> import minijax.numpy as jnp
    >>> [part.tolist() for part in jnp.array_split(jnp.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    return _split("array_split", ary, indices_or_sections, axis)


def vsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike) -> list[Array]:
    """`split` along the rows (`jax.numpy.vsplit`).

    >>> import minijax.numpy as jnp
    >>> [part.shape for part in jnp.vsplit(jnp.ones((4, 2)), 2)]
    [(2, 2), (2, 2)]
    """
    return _split("vsplit", ary, indices_or_sections, 0)


def hsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike) -> list[Array]:
    """`split` along the columns (`jax.numpy.hsplit`).

    >>> import minijax.numpy as jnp
    >>> [part.shape for part in jnp.hsplit(jnp.ones((2, 4)), 2)]
    [(2, 2), (2, 2)]
    """
    return _split("hsplit", ary, indices_or_sections, 0 if len(as_array(ary).shape) == 1 else 1)


def dsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike) -> list[Array]:
    """`split` along the third axis (`jax.numpy.dsplit`).

    >>> import minijax.numpy as jnp
    >>> [part.shape for part in jnp.dsplit(jnp.ones((2, 3, 4)), 2)]
    [(2, 3, 2), (2, 3, 2)]
    """
    return _split("dsplit", ary, indices_or_sections, 2)
