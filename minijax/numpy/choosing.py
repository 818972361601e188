"""Choosing elements by a condition: `where`, `select`, `choose`, `compress`, `nonzero`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from .. import lax
from ..core.traces import Array, Tracer
from ..core.types import ArrayLike
from ..foundation import dtypes, errors
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.basis import expand_dims as _expand_dims
from ..primitives.elementwise import convert_element_type
from ..primitives.sizes import known_value
from . import cumulative, reductions
from .creation import arange, array, asarray, ones, zeros
from .grids import indices
from .manipulation import atleast_1d, moveaxis, ravel, reshape, stack, transpose, vstack
from .number_kinds import clip
from .taking import take
from .util import (
    broadcast_arrays,
    canonicalize_axis,
    check_arraylike,
    check_no_out,
    convert,
    ensure_arraylike,
    promote_dtypes,
    static_int,
    to_bool,
    unwrap,
)
from .util import where as _where


@overload
def where(
    condition: ArrayLike, x: ArrayLike, y: ArrayLike, /, *, size: int | None = None, fill_value: Any = None
) -> Array: ...
@overload
def where(condition: ArrayLike, /, *, size: int | None = None, fill_value: Any = None) -> tuple[Array, ...]: ...
def where(
    condition: ArrayLike,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    /,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """x where the condition holds, else y (`jax.numpy.where`); with the condition alone, the places where it holds.

    >>> where(np.array([True, False]), 1.0, 2.0)
    Array([1., 2.], dtype=float32, weak_type=True)
    """
    if x is None and y is None:
        return nonzero(condition, size=size, fill_value=fill_value)
    check_arraylike("where", condition, x, y)
    if size is not None or fill_value is not None:
        raise ValueError("size and fill_value arguments cannot be used in three-term where function.")
    return _where(*map(unwrap, (condition, x, y)))


def select(condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: ArrayLike = 0) -> Array:
    """Elements of the choice whose condition is the first to hold, else of the default (`jax.numpy.select`).

    >>> import minijax.numpy as jnp
    >>> jnp.select([jnp.array([True, False])], [jnp.array([1, 2])], 9)
    Array([1, 9], dtype=int32)
    """
    if len(condlist) != len(choicelist):
        raise ValueError(f"condlist must have length equal to choicelist ({len(condlist)} vs {len(choicelist)})")
    if not len(condlist):
        raise ValueError("jnp.select: condlist must be non-empty")
    check_arraylike("select", *condlist, *choicelist, default)
    # Arrays of conditions and of choices are taken apart in the order in which JAX does it.
    conditions = [asarray(x) for x in condlist]
    default, *choices = promote_dtypes(default, *choicelist)
    conditions = stack(broadcast_arrays(False, *conditions))
    # The number of the first condition that holds; the first of all, which never does, stands for the default.
    first = reductions.argmax(convert_element_type(conditions, np.dtype(bool)), 0)
    return ew.select_n_p.bind(*broadcast_arrays(first, default, *choices))


def choose(a: ArrayLike, choices: ArrayLike | Sequence[ArrayLike], out: None = None, mode: str = "raise") -> Array:
    """`choices[a[i]][i]` for each place i: `a` says which of several arrays to take from (`jax.numpy.choose`).

    >>> import minijax.numpy as jnp
    >>> jnp.choose(jnp.array([0, 1]), [jnp.array([1, 2]), jnp.array([10, 20])])
    Array([ 1, 20], dtype=int32)
    """
    check_no_out("choose", out)
    check_arraylike("choose", a, *choices)
    a = asarray(a)
    if not dtypes.issubdtype(a.dtype, np.integer):
        raise ValueError(f"jnp.choose: `a` array must be integer typed, got {a.dtype.name}")
    count = len(choices)
    if mode == "raise":
        known = known_value(a, "jnp.choose with mode='raise'")
        if ((np.asarray(known) < 0) | (np.asarray(known) >= count)).any():
            raise ValueError(f"jnp.choose: invalid entry in choice array: {known}, with {count} choices")
    elif mode == "wrap":
        a = a % count
    elif mode == "clip":
        a = clip(a, 0, count - 1)
    else:
        raise ValueError(f"jnp.choose: mode={mode!r} not understood. Must be 'raise', 'wrap', or 'clip'")
    index, *arrays = broadcast_arrays(a, *map(asarray, choices))
    # One array of the choices, and an array that is made of numbers is not weak.
    return array(arrays)[(index, *indices(index.shape, sparse=True))]


def compress(
    condition: ArrayLike,
    a: ArrayLike,
    axis: int | None = None,
    *,
    size: int | None = None,
    fill_value: ArrayLike = 0,
    out: None = None,
) -> Array:
    """The slices along an axis for which the condition holds (`jax.numpy.compress`).

    >>> import minijax.numpy as jnp
    >>> jnp.compress(jnp.array([True, False, True]), jnp.arange(3))
    Array([0, 2], dtype=int32)
    """
    check_no_out("compress", out)
    check_arraylike("compress", condition, a)
    condition, a = to_bool(asarray(condition)), asarray(a)
    if len(condition.shape) != 1:
        raise ValueError("condition must be a 1D array")
    a, axis = (ravel(a), 0) if axis is None else (a, canonicalize_axis(axis, len(a.shape)))
    a = moveaxis(a, axis, 0)
    length = a.shape[0]
    if size is None:
        # The number of slices depends on the condition, so its values must be known.
        known = condition._concrete(errors.bool_conversion) if isinstance(condition, Tracer) else condition
        places = np.flatnonzero(np.asarray(known))
        if places.size and places[-1] >= length:
            raise ValueError(
                f"jnp.compress: condition contains entries that are out of bounds for an axis of size {length}"
            )
        return moveaxis(take(a, places.astype(np.int32), 0), 0, axis)
    condition = condition[:length]
    a = a[: condition.shape[0]]
    if not 0 <= size <= a.shape[0]:
        raise ValueError(
            "jnp.compress: size must be positive and not greater than the size of the array axis, of which a short condition"
            f" leaves a part; got size={size!r} for a.shape[axis]={a.shape[0]}"
        )
    a = _where(_expand_dims(condition, range(1, len(a.shape))), a, convert(fill_value, a.dtype))
    # A stable sort puts the chosen slices first and keeps their order.
    order = lax.sort_key_val(ew.not_p.bind(condition), arange(condition.shape[0]))[1]
    return moveaxis(take(a, order[:size], 0), 0, axis)


def extract(condition: ArrayLike, arr: ArrayLike, *, size: int | None = None, fill_value: ArrayLike = 0) -> Array:
    """The elements for which the condition holds (`jax.numpy.extract`).

    >>> import minijax.numpy as jnp
    >>> jnp.extract(jnp.array([True, False, True]), jnp.arange(3))
    Array([0, 2], dtype=int32)
    """
    return compress(ravel(condition), ravel(arr), size=size, fill_value=fill_value)


def nonzero(a: ArrayLike, *, size: int | None = None, fill_value: Any = None) -> tuple[Array, ...]:
    """The indices of the elements that are not zero, a vector for each axis (`jax.numpy.nonzero`).

    Their number depends on the values: under a transformation `size` must give it. If fewer elements are not zero, the
    vectors end in `fill_value`, by default 0.

    >>> nonzero(np.array([0, 3, 0, 4]))
    (Array([1, 3], dtype=int32),)
    """
    a = ensure_arraylike("nonzero", a)
    if not a.shape:
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use jnp.atleast_1d(scalar).nonzero() instead.")
    mask = to_bool(a)
    if size is None:
        known = known_value(mask, "jnp.nonzero (give it `size=`)")
        size = int(np.count_nonzero(np.asarray(known)))
    size = static_int(size, "size=")
    if a.size == 0 or size == 0:
        return tuple(zeros(size, int) for _ in a.shape)
    flat = ravel(mask)
    # The place of the k-th true element is the number of places up to which fewer than k elements are true.
    ends = cumulative.cumsum(flat)
    counts = zeros(size, int)
    counts = counts.at[lax.max(const(ends, 0), ends)].add(1, mode="drop")
    places = cumulative.cumsum(counts)
    strides = [math.prod(a.shape[i + 1 :]) for i in range(len(a.shape))]
    indices = [places // stride % d for stride, d in zip(strides, a.shape)]
    if fill_value is None:
        return tuple(indices)
    fills = fill_value if isinstance(fill_value, tuple) else (fill_value,) * len(indices)
    if any(np.shape(f) != () for f in fills):
        raise ValueError(f"fill_value must be a scalar or a tuple of length {len(a.shape)}; got {fill_value}")
    missing = arange(size) >= reductions.sum(mask)
    return tuple(_where(missing, f, i) for f, i in zip(fills, indices))


def flatnonzero(a: ArrayLike, *, size: int | None = None, fill_value: Any = None) -> Array:
    """The indices in the flattened array of the elements that are not zero (`jax.numpy.flatnonzero`).

    >>> import minijax.numpy as jnp
    >>> jnp.flatnonzero(jnp.array([0, 1, 2]))
    Array([1, 2], dtype=int32)
    """
    return nonzero(ravel(a), size=size, fill_value=fill_value)[0]


def argwhere(a: ArrayLike, *, size: int | None = None, fill_value: ArrayLike | None = None) -> Array:
    """The indices of the elements that are not zero, a row for each element (`jax.numpy.argwhere`).

    >>> import minijax.numpy as jnp
    >>> jnp.argwhere(jnp.array([0, 1, 2]))
    Array([[1],
           [2]], dtype=int32)
    """
    a = ensure_arraylike("argwhere", a)
    places = transpose(vstack(nonzero(atleast_1d(a), size=size, fill_value=fill_value)))
    return reshape(places[:, : len(a.shape)], (places.shape[0], len(a.shape)))


def mask_indices(
    n: int, mask_func: Callable[[ArrayLike, int], Array], k: int = 0, *, size: int | None = None
) -> tuple[Array, Array]:
    """The places that `mask_func(ones, k)`, such as `triu`, leaves in a matrix of n rows and columns (`jax.numpy.mask_indices`).

    >>> import minijax.numpy as jnp
    >>> mask_indices(2, jnp.triu)
    (Array([0, 0, 1], dtype=int32), Array([0, 1, 1], dtype=int32))
    """
    rows, columns = nonzero(mask_func(ones((n, n)), k), size=size)
    return rows, columns
