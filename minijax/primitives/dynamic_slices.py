"""Slices whose start is a traced number: `dynamic_slice` and `dynamic_update_slice`."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from ..core.array import to_array
from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike
from ..foundation.dtypes import canonicalize_dtype
from ..foundation.tracebacks import hide_our_frames
from .basis import (
    broadcast_in_dim,
    const,
    expand_dims,
    full,
    instantiate,
    row,
    shape_of,
    squeeze,
    zero_like,
)
from .elementwise import add_p, convert_element_type, lt_p, select
from .indexing import gather_batch, scatter_p
from .joining import concatenate, unstack
from .operand_order import in_order
from .sizes import concrete_sizes
from .windows import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers


def _start_indices(operand, start_indices, allow_negative_indices: bool | Sequence[bool] = True) -> list:
    """The start indices as integer scalars; negative ones are counted from the end."""
    try:
        shape = shape_of(operand)
        if isinstance(start_indices, (tuple, list, np.ndarray)):
            indices = list(start_indices)
        else:
            indices = list(unstack(start_indices))
        if len(indices) != len(shape):
            raise ValueError(
                f"dynamic_slice or dynamic_update_slice got {len(indices)} start indices for an operand of shape {shape}"
            )
        allowed = allow_negative_indices
        allowed = [allowed] * len(indices) if isinstance(allowed, bool) else allowed
        results = []
        for index, size, from_end in zip(indices, shape, allowed):
            if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
                dtype = index.dtype if isinstance(index, np.integer) else np.dtype("int32")
                index = operator.index(index)
                if index < 0 and not from_end:
                    raise ValueError(
                        f"Index {index} is out of bounds for dimension {size} if allow_negative_indices=False"
                    )
                index = index + size if index < 0 else index
                results.append(np.asarray(index, dtype if index <= np.iinfo(dtype).max else dtype_of_index(size))[()])
                continue
            aval = get_aval(index)
            if aval.dtype.kind not in "iu" or aval.shape:
                raise TypeError(
                    f"dynamic_slice and dynamic_update_slice: start indices must be integer scalars, got {aval.str_short()}"
                )
            if from_end and aval.dtype.kind == "i":
                # -1 counts from the end, so the dtype must hold the end of the axis.
                index = widened(index, size)
                aval = get_aval(index)
                # The sign of a NumPy array is known while a program is traced: no equation for it, as in JAX.
                negative = index < 0 if isinstance(index, np.ndarray) else lt_p.bind(index, const(aval, 0))
                moved = add_p.bind(convert_element_type(index, aval.dtype), const(aval, size))
                index = select(negative, moved, index)
            results.append(index)
        return results
    except Exception as error:
        hide_our_frames(error)
        raise


def dtype_of_index(size: int) -> np.dtype:
    """The dtype of indices into an axis of that many places: int32 if it holds them."""
    return np.dtype("int32" if size < 2**31 else "int64")


def widened(index, size: int):
    """The index in a dtype that holds the size of its axis: an int8 index into an axis of 300 places becomes int32."""
    return index if size <= np.iinfo(get_aval(index).dtype).max else convert_element_type(index, dtype_of_index(size))


def dynamic_slice(
    operand: ArrayLike,
    start_indices: Sequence[ArrayLike] | ArrayLike,
    slice_sizes: Sequence[int],
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Array:
    """The window of `slice_sizes` at `start_indices`, moved inside if it sticks out (`lax.dynamic_slice`).

    >>> import minijax.numpy as jnp
    >>> dynamic_slice(jnp.arange(5), (4,), (2,))
    Array([3, 4], dtype=int32)
    """
    starts = _start_indices(operand, start_indices, allow_negative_indices)
    return dynamic_slice_p.bind(operand, *starts, slice_sizes=concrete_sizes(slice_sizes))


def _check_starts(name: str, x, starts):
    if len(starts) != x.ndim:
        raise TypeError(f"{name} needs a start index for each of the operand's {x.ndim} axes, got {len(starts)}.")
    if any(s.shape or s.dtype.kind not in "iu" for s in starts):
        raise TypeError(f"index arguments to {name} must be integers of the same type and scalar, got {starts}")


def _dynamic_slice_abstract_eval(x, *starts, slice_sizes):
    _check_starts("dynamic_slice", x, starts)
    if len(slice_sizes) != x.ndim or any(not 0 <= s <= d for s, d in zip(slice_sizes, x.shape)):
        raise TypeError(
            "slice slice_sizes must be less than or equal to operand shape, got slice_sizes"
            f" {slice_sizes} for operand shape {x.shape}."
        )
    return ShapedArray(tuple(slice_sizes), x.dtype, x.weak_type)


def _window(x, starts, sizes) -> tuple:
    """The window as NumPy slices, moved inside the array."""
    begins = [min(max(int(s), 0), d - n) for s, d, n in zip(starts, x.shape, sizes)]
    return tuple(np.s_[b : b + n] for b, n in zip(begins, sizes))


def _dynamic_slice_jvp(primals, tangents, *, slice_sizes):
    g = tangents[0]
    # The tangent first: JAX writes the two equations in this order.
    tangent = g if type(g) is Zero else dynamic_slice_p.bind(g, *primals[1:], slice_sizes=slice_sizes)
    out = dynamic_slice_p.bind(*primals, slice_sizes=slice_sizes)
    return out, zero_like(out) if type(g) is Zero else tangent


def _dynamic_slice_transpose(ct, x, *starts, slice_sizes):
    zeros = full(x.aval.shape, 0, x.aval.dtype)
    return [dynamic_update_slice_p.bind(zeros, ct, *starts), *[None] * len(starts)]


def _stack_starts(starts, dims, axis):
    """(the start indices along the last axis of one array, its batch axis): the batch axis is 0, or None if none is batched."""
    batched = any(d is not None for d in dims)
    if not starts:
        return np.zeros(0, np.int32), None
    if len({get_aval(s).dtype for s in starts}) > 1:
        starts = [convert_element_type(s, canonicalize_dtype(np.int64)) for s in starts]
    shape = (axis.size, 1) if batched else (1,)
    columns = [broadcast_in_dim(s, shape, () if d is None else (0,)) for s, d in zip(starts, dims)]
    return concatenate(columns, len(shape) - 1), 0 if batched else None


def _dynamic_slice_batch(axis, args, dims, *, slice_sizes):
    x, *starts = args
    # A gather with mode CLIP moves windows inside as dynamic_slice does.
    ndim = len(slice_sizes)
    indices, di = _stack_starts(starts, dims[1:], axis)
    numbers = GatherDimensionNumbers(tuple(range(ndim)), (), tuple(range(ndim)))
    return gather_batch(
        axis,
        (x, indices),
        (dims[0], di),
        dimension_numbers=numbers,
        slice_sizes=slice_sizes,
        indices_are_sorted=True,
        unique_indices=True,
        mode=GatherScatterMode.CLIP,
        fill_value=None,
    )


dynamic_slice_p = row(
    "dynamic_slice",
    impl=lambda x, *starts, slice_sizes: x[_window(x, starts, slice_sizes)],
    abstract_eval=_dynamic_slice_abstract_eval,
    jvp=_dynamic_slice_jvp,
    transpose=_dynamic_slice_transpose,
    batch=_dynamic_slice_batch,
)


def dynamic_update_slice(
    operand: ArrayLike,
    update: ArrayLike,
    start_indices: Sequence[ArrayLike] | ArrayLike,
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Array:
    """The operand with the window at `start_indices` replaced by `update` (`lax.dynamic_update_slice`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.dynamic_update_slice(jnp.zeros(4), jnp.ones(2), (1,))
    Array([0., 1., 1., 0.], dtype=float32)
    """
    return dynamic_update_slice_p.bind(operand, update, *_start_indices(operand, start_indices, allow_negative_indices))


def _dynamic_update_slice_abstract_eval(x, update, *starts):
    _check_starts("dynamic_update_slice", x, starts)
    if x.dtype != update.dtype:
        raise TypeError(
            "lax.dynamic_update_slice requires arguments to have the same dtypes, got"
            f" {x.dtype.name}, {update.dtype.name}."
        )
    if update.ndim != x.ndim or any(u > d for u, d in zip(update.shape, x.shape)):
        raise TypeError(
            "dynamic_update_slice update shape must be smaller than operand shape, got update shape"
            f" {update.shape} for operand shape {x.shape}."
        )
    return ShapedArray(x.shape, x.dtype)


def _dynamic_update_slice_impl(x, update, *starts):
    out = np.array(x)
    out[_window(x, starts, update.shape)] = update
    return out


def _dynamic_update_slice_jvp(primals, tangents):
    out = dynamic_update_slice_p.bind(*primals)
    if type(tangents[0]) is Zero and type(tangents[1]) is Zero:
        return out, zero_like(out)
    return out, dynamic_update_slice_p.bind(instantiate(tangents[0]), instantiate(tangents[1]), *primals[2:])


def _dynamic_update_slice_transpose(ct, x, update, *starts):
    ct_x = ct_update = None
    shape = update.aval.shape if is_undefined_primal(update) else shape_of(update)
    if is_undefined_primal(x):
        ct_x = dynamic_update_slice_p.bind(ct, full(shape, 0, ct.dtype), *starts)
    if is_undefined_primal(update):
        ct_update = dynamic_slice_p.bind(ct, *starts, slice_sizes=shape)
    return [ct_x, ct_update, *[None] * len(starts)]


def _dynamic_update_slice_batch(axis, args, dims):
    x, update, *starts = args
    ndim = len(starts)
    indices, di = _stack_starts(starts, dims[2:], axis)
    numbers = ScatterDimensionNumbers(tuple(range(ndim)), (), tuple(range(ndim)))
    return scatter_p.batch(
        axis,
        (x, indices, update),
        (dims[0], di, dims[1]),
        dimension_numbers=numbers,
        indices_are_sorted=True,
        unique_indices=True,
        mode=GatherScatterMode.CLIP,
        update_jaxpr=None,
        update_consts=(),
    )


dynamic_update_slice_p = row(
    "dynamic_update_slice",
    impl=_dynamic_update_slice_impl,
    abstract_eval=_dynamic_update_slice_abstract_eval,
    jvp=_dynamic_update_slice_jvp,
    transpose=_dynamic_update_slice_transpose,
    batch=_dynamic_update_slice_batch,
)


def dynamic_slice_in_dim(
    operand: ArrayLike,
    start_index: ArrayLike,
    slice_size: int,
    axis: int = 0,
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Array:
    """`dynamic_slice` along one axis (`lax.dynamic_slice_in_dim`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.dynamic_slice_in_dim(jnp.arange(5), 1, 3)
    Array([1, 2, 3], dtype=int32)
    """
    shape = list(shape_of(operand))
    starts = [_zero_of(start_index)] * len(shape)
    starts[axis], shape[axis] = start_index, operator.index(slice_size)
    return dynamic_slice(operand, starts, shape, allow_negative_indices=allow_negative_indices)


def _zero_of(index):
    """0, in the dtype of an index that is an array."""
    return index.dtype.type(0) if isinstance(index, (Array, np.ndarray, np.generic)) else 0


def _as_array(index):
    """A number as an array: equations bring it inside, as in JAX."""
    return to_array(index) if isinstance(index, (int, np.ndarray)) else index


def dynamic_index_in_dim(
    operand: ArrayLike,
    index: ArrayLike,
    axis: int = 0,
    keepdims: bool = True,
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Array:
    """One element along an axis (`lax.dynamic_index_in_dim`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.dynamic_index_in_dim(jnp.array([[1, 2], [3, 4]]), 1, keepdims=False)
    Array([3, 4], dtype=int32)
    """
    in_order((operand,))
    result = dynamic_slice_in_dim(operand, _as_array(index), 1, axis, allow_negative_indices=allow_negative_indices)
    return result if keepdims else squeeze(result, (axis,))


def dynamic_update_slice_in_dim(
    operand: ArrayLike,
    update: ArrayLike,
    start_index: ArrayLike,
    axis: int,
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Array:
    """`dynamic_update_slice` along one axis (`lax.dynamic_update_slice_in_dim`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.dynamic_update_slice_in_dim(jnp.zeros(4), jnp.ones(2), 1, 0)
    Array([0., 1., 1., 0.], dtype=float32)
    """
    starts = [_zero_of(start_index)] * len(shape_of(operand))
    starts[axis] = start_index
    return dynamic_update_slice(operand, update, starts, allow_negative_indices=allow_negative_indices)


def dynamic_update_index_in_dim(
    operand: ArrayLike,
    update: ArrayLike,
    index: ArrayLike,
    axis: int,
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Array:
    """The operand with one element along an axis replaced (`lax.dynamic_update_index_in_dim`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.dynamic_update_index_in_dim(jnp.zeros(3), 1.0, 1, 0)
    Array([0., 1., 0.], dtype=float32)
    """
    if len(shape_of(update)) != len(shape_of(operand)):
        update = expand_dims(update, (axis % len(shape_of(operand)),))
    index = _as_array(index)
    in_order((operand, update))
    return dynamic_update_slice_in_dim(operand, update, index, axis, allow_negative_indices=allow_negative_indices)
