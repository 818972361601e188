"""Elements put in or taken out, and pieces of functions: `insert`, `delete`, `trim_zeros`, `piecewise`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives.sizes import known_value
from . import number_kinds, reductions
from .choosing import where
from .creation import arange, array, asarray, astype, full, ones, zeros_like
from .cumulative import cumsum
from .manipulation import concatenate, moveaxis, ravel
from .sorting import argsort, sort
from .util import broadcast_shapes, canonicalize_axis, canonicalize_axis_tuple, ensure_arraylike
from .vectorize import vectorize


def _along(axis: int, index: Any) -> tuple:
    return (*[slice(None)] * axis, index)


def delete(
    arr: ArrayLike, obj: ArrayLike | slice, axis: int | None = None, *, assume_unique_indices: bool = False
) -> Array:
    """The array without some places along an axis, or of the flat array (`jax.numpy.delete`).

    obj: an integer, a slice, an array of integers or a mask. Under a transformation an array of indices must be known, unless
    `assume_unique_indices` says that no place is named twice. Raises ValueError for a place that is not there, and for a mask
    of another size.

    >>> delete(np.arange(5), [1, 3] and np.array([1, 3]))
    Array([0, 2, 4], dtype=int32)
    """
    a = ensure_arraylike("delete", arr)
    a, axis = (ravel(a), 0) if axis is None else (a, canonicalize_axis(operator.index(axis), len(a.shape)))
    size = a.shape[axis]
    if isinstance(obj, slice):
        obj, assume_unique_indices = arange(size)[obj], True
    elif not hasattr(obj, "dtype") or not np.ndim(obj):
        try:
            place = canonicalize_axis(operator.index(obj), size)
        except TypeError:
            pass
        else:
            return concatenate([a[_along(axis, slice(0, place))], a[_along(axis, slice(place + 1, None))]], axis)
    places = ensure_arraylike("delete", obj)
    if assume_unique_indices and dtypes.issubdtype(places.dtype, np.integer):
        # The k-th of the sorted places has k deleted places before it: a kept place moves by the number of those up to it.
        places = ravel(places)
        places = sort(number_kinds.clip(where(places < 0, places + size, places), 0, size))
        places = places - arange(places.size, dtype=places.dtype)
        kept = arange(size - places.size, dtype=places.dtype)
        return a[_along(axis, kept + reductions.sum(kept[None, :] >= places[:, None], 0, dtype=kept.dtype))]
    known = np.asarray(known_value(places, "the 'obj' array argument of jnp.delete()"))
    if dtypes.issubdtype(known.dtype, np.integer):
        kept = np.ones(size, bool)
        kept[known] = False
    elif known.dtype == bool:
        if known.shape != (size,):
            raise ValueError(
                f"np.delete(arr, obj): a mask must have the shape ({size},) of the axis, but has {known.shape}."
            )
        kept = ~known
    else:
        raise ValueError(f"np.delete(arr, obj): got obj.dtype={known.dtype}; must be integer or bool.")
    return a[_along(axis, kept)]


def insert(arr: ArrayLike, obj: ArrayLike | slice, values: ArrayLike, axis: int | None = None) -> Array:
    """The array with `values` put before the places `obj` along an axis, or of the flat array (`jax.numpy.insert`).

    Raises ValueError for places that are no integers or have more than one axis.

    >>> insert(np.arange(3), 1, 7)
    Array([0, 7, 1, 2], dtype=int32)
    """
    a, _, values = ensure_arraylike("insert", arr, 0 if isinstance(obj, slice) else obj, values)
    a, axis = (ravel(a), 0) if axis is None else (a, canonicalize_axis(axis, len(a.shape)))
    size = a.shape[axis]
    places = arange(*obj.indices(size)) if isinstance(obj, slice) else asarray(obj)
    if len(places.shape) > 1:
        raise ValueError(f"jnp.insert(): obj must be a slice, a one-dimensional array, or a scalar; got {obj}")
    if not dtypes.issubdtype(places.dtype, np.integer):
        if places.size or isinstance(obj, Array):
            raise ValueError(f"jnp.insert(): index array must be integer typed; got {obj}")
        places = astype(places, int)
    values = array(values, a.dtype, copy=False, ndmin=len(a.shape))
    if places.size == 1:
        alone = not places.shape
        places = full(values.shape[0 if alone else axis], ravel(places)[0])
        values = moveaxis(values, 0, axis) if alone else values
    count = broadcast_shapes(places.shape, (values.shape[axis],))[0]
    out = zeros_like(a, shape=(*a.shape[:axis], size + count, *a.shape[axis + 1 :]))
    places = number_kinds.clip(where(places < 0, places + size, places), 0, size)
    # The k-th new element, in the order of places, is preceded by k new ones.
    places = places.at[argsort(places)].add(arange(count, dtype=places.dtype))
    old = where(ones(size + count, bool).at[places].set(False), size=size)[0]
    return out.at[_along(axis, places)].set(values).at[_along(axis, old)].set(a)


def trim_zeros(filt: ArrayLike, trim: str = "fb", axis: int | Sequence[int] | None = None) -> Array:
    """The array without the zeros at its front ("f" in `trim`) and back ("b"), along each axis (`jax.numpy.trim_zeros`). The
    array must be known.

    >>> trim_zeros(np.array([0, 0, 1, 0, 2, 0]))
    Array([1, 0, 2], dtype=int32)
    """
    a = ensure_arraylike("trim_zeros", filt)
    known = np.asarray(known_value(a, "the `filt` argument of jnp.trim_zeros")) != 0
    parts = [slice(None)] * known.ndim
    for i in canonicalize_axis_tuple(axis, known.ndim):
        filled = np.flatnonzero(known.any(tuple(j for j in range(known.ndim) if j != i)))
        front, back = ("f" in trim.lower(), "b" in trim.lower())
        if front or back:
            first, last = (filled[0], filled[-1] + 1) if filled.size else (0, 0)
            empty = not filled.size
            parts[i] = slice(0, 0) if empty else slice(int(first) if front else None, int(last) if back else None)
    return a[tuple(parts)]


def piecewise(
    x: ArrayLike, condlist: Any, funclist: Sequence[ArrayLike | Callable[..., Array]], *args: Any, **kw: Any
) -> Array:
    """The function or number of the first condition that holds at each element, in x's dtype (`jax.numpy.piecewise`).

    funclist: as many as there are conditions, or one more for the elements where no condition holds, which get 0 otherwise.
    args, kw: further arguments of the functions. Raises ValueError for another number of functions.

    >>> piecewise(np.float32([-1, 2]), [np.array([True, False])], [lambda v: -v, 5.0])
    Array([1., 5.], dtype=float32)
    """
    x = ensure_arraylike("piecewise", x)
    count, functions = len(condlist), list(funclist)
    if len(functions) not in (count, count + 1):
        raise ValueError(
            f"with {count} condition(s), either {count} or {count + 1} functions are expected; got {len(functions)}"
        )
    functions = [functions[-1] if len(functions) > count else 0, *functions[:count]]
    conditions = asarray(condlist, dtype=bool)

    def branch(f):
        if callable(f):
            return lambda v: astype(asarray(f(v, *args, **kw)), x.dtype)
        return lambda v: astype(asarray(f), x.dtype)

    # The running sum of conditions, before which stands a row of zeros, is greatest first where the last one holds.
    which = reductions.argmax(cumsum(concatenate([zeros_like(conditions[:1]), conditions]), 0), 0)
    branches = [branch(f) for f in functions]
    return vectorize(lambda i, v: lax.switch(i, branches, v))(which, x)
