"""Primitives that move elements whatever their values: slice, pad, rev; and iota, which makes elements.

`broadcast_in_dim`, `reshape`, `transpose` and `squeeze` are in `basis.py`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike, DTypeLike
from ..foundation.dtypes import canonicalize_dtype, dtype_and_weak_type, issubdtype, required_dtype
from ..foundation.dtypes import dtype as dtype_of
from ..foundation.tracebacks import hide_our_frames
from .basis import (
    NO_GRADIENT,
    batch_to_front,
    broadcast_in_dim,
    expand_dims,
    instantiate,
    linear_row,
    move_batch_dim,
    reduce_sum,
    reshape,
    row,
    shape_of,
    squeeze,
    transpose,
    zero_like,
    zeros,
)
from .basis import full as _full
from .elementwise import add_p, convert_element_type, eq_p, select, sub_p
from .sizes import concrete_sizes, static_int

# ---------------------------------------------------------------------------------------------------------------------
# slice


def slice(
    operand: ArrayLike, start_indices: Sequence[int], limit_indices: Sequence[int], strides: Sequence[int] | None = None
) -> Array:
    """The elements from `start` to before `limit`, by `stride`, along every axis (`lax.slice`).

    >>> import minijax.numpy as jnp
    >>> slice(jnp.arange(6), (1,), (6,), (2,))
    Array([1, 3, 5], dtype=int32)
    """
    starts, limits = _ints(start_indices), _ints(limit_indices)
    strides = None if strides is None else _ints(strides)
    return slice_p.bind(operand, limit_indices=limits, start_indices=starts, strides=strides)


def _ints(xs: Sequence) -> tuple[int, ...]:
    try:
        return tuple(operator.index(x) for x in xs)
    except Exception as error:
        hide_our_frames(error)
        raise


def _slice_abstract_eval(x, *, limit_indices, start_indices, strides):
    strides = strides or (1,) * x.ndim
    if not len(start_indices) == len(limit_indices) == len(strides) == x.ndim:
        raise TypeError(
            f"slice indices must have length {x.ndim} for an operand of shape {x.shape}; got start_indices={start_indices},"
            f" limit_indices={limit_indices}, strides={strides}."
        )
    for start, limit, stride, size in zip(start_indices, limit_indices, strides, x.shape):
        if not 0 <= start <= limit <= size or stride < 1:
            raise TypeError(
                "slice needs 0 <= start_indices <= limit_indices <= the operand's shape and positive strides; got"
                f" start_indices={start_indices}, limit_indices={limit_indices}, strides={strides} for shape {x.shape}."
            )
    shape = tuple(-(-(b - a) // s) for a, b, s in zip(start_indices, limit_indices, strides))
    return ShapedArray(shape, x.dtype, x.weak_type)


def _slice_impl(x, *, limit_indices, start_indices, strides):
    strides = strides or (1,) * x.ndim
    return x[tuple(np.s_[a:b:s] for a, b, s in zip(start_indices, limit_indices, strides))]


def _slice_transpose(ct, x, *, limit_indices, start_indices, strides):
    shape, strides = x.aval.shape, strides or (1,) * x.aval.ndim
    config = []
    for start, stride, size, n in zip(start_indices, strides, shape, shape_of(ct)):
        covered = start + (n - 1) * stride + 1 if n else start
        config.append((start, size - covered, stride - 1))
    return [pad(ct, _full((), 0, ct.dtype), config)]


def _slice_batch(axis, args, dims, *, limit_indices, start_indices, strides):
    dim = dims[0]

    def insert(values, value):
        return (*values[:dim], value, *values[dim:])

    strides = None if strides is None else insert(strides, 1)
    return slice(args[0], insert(start_indices, 0), insert(limit_indices, axis.size), strides), dim


slice_p = linear_row(
    "slice", impl=_slice_impl, abstract_eval=_slice_abstract_eval, transpose=_slice_transpose, batch=_slice_batch
)


def slice_in_dim(
    operand: ArrayLike, start_index: int | None, limit_index: int | None, stride: int = 1, axis: int = 0
) -> Array:
    """`slice` along one axis; negative indices count from the end (`lax.slice_in_dim`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.slice_in_dim(jnp.arange(5), 1, 3)
    Array([1, 2], dtype=int32)
    """
    shape = shape_of(operand)
    size = shape[axis]
    start = 0 if start_index is None else operator.index(start_index)
    limit = size if limit_index is None else operator.index(limit_index)
    starts, limits, strides = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis] = start + size if start < 0 else start
    limits[axis] = limit + size if limit < 0 else limit
    strides[axis] = operator.index(stride)
    return slice(operand, starts, limits, strides)


def index_in_dim(operand: ArrayLike, index: int, axis: int = 0, keepdims: bool = True) -> Array:
    """One element along an axis (`lax.index_in_dim`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.index_in_dim(jnp.array([[1, 2], [3, 4]]), 1, keepdims=False)
    Array([3, 4], dtype=int32)
    """
    index, axis = operator.index(index), int(axis)
    size = shape_of(operand)[axis]
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {size}")
    index %= size
    result = slice_in_dim(operand, index, index + 1, 1, axis)
    return result if keepdims else squeeze(result, (axis,))


# ---------------------------------------------------------------------------------------------------------------------
# pad


def pad(operand: ArrayLike, padding_value: ArrayLike, padding_config: Sequence[tuple[int, int, int]]) -> Array:
    """The operand with (low, high, interior) elements added before, after and between its own along each axis (`lax.pad`).

    Negative numbers crop.

    >>> import minijax.numpy as jnp
    >>> pad(jnp.array([1., 2.]), jnp.float32(0), [(1, 0, 1)])
    Array([0., 1., 0., 2.], dtype=float32)
    """
    return pad_p.bind(operand, padding_value, padding_config=tuple(_ints(c) for c in padding_config))


def in_first_example(x, size: int):
    """A batch, in front, whose first example is `x` and whose others are zeros."""
    aval = get_aval(x)
    return pad(expand_dims(x, (0,)), zeros(aval.update(shape=())), [(0, size - 1, 0), *[(0, 0, 0)] * aval.ndim])


def _padded_size(size: int, low: int, high: int, interior: int) -> int:
    return low + high + (size + (size - 1) * interior if size else 0)


def _pad_abstract_eval(x, value, *, padding_config):
    if x.dtype != value.dtype:
        raise TypeError(f"pad operand and padding_value must be same dtype: got {x.dtype.name} and {value.dtype.name}.")
    if value.shape:
        raise ValueError(f"pad padding_value must be a scalar, got shape {value.shape}.")
    if len(padding_config) != x.ndim:
        raise ValueError(
            "length of padding_config must equal the number of axes of operand, got padding_config"
            f" {padding_config} for operand shape {x.shape}"
        )
    if any(interior < 0 for _, _, interior in padding_config):
        raise ValueError(f"interior padding in padding_config must be nonnegative, got padding_config {padding_config}")
    shape = tuple(_padded_size(d, *c) for d, c in zip(x.shape, padding_config))
    if any(d < 0 for d in shape):
        raise ValueError(
            f"Dimension size after padding is not at least 0, got result shape {shape}, for padding_config"
            f" {padding_config} and operand shape {x.shape}"
        )
    return ShapedArray(shape, x.dtype, x.weak_type and value.weak_type)


def _pad_impl(x, value, *, padding_config):
    # Spread the elements out with the non-negative padding, then crop by the negative padding.
    shape = [_padded_size(d, max(lo, 0), max(hi, 0), i) for d, (lo, hi, i) in zip(x.shape, padding_config)]
    out = np.empty(shape, x.dtype)
    out[...] = value
    places = []
    for d, (lo, _, interior) in zip(x.shape, padding_config):
        start, step = max(lo, 0), interior + 1
        places.append(np.s_[start : start + (d - 1) * step + 1 if d else start : step])
    out[tuple(places)] = x
    return out[tuple(np.s_[max(-lo, 0) : n - max(-hi, 0)] for n, (lo, hi, _) in zip(shape, padding_config))]


def _pad_jvp(primals, tangents, *, padding_config):
    out = pad_p.bind(*primals, padding_config=padding_config)
    if all(type(t) is Zero for t in tangents):
        return out, zero_like(out)
    return out, pad_p.bind(*[instantiate(t) for t in tangents], padding_config=padding_config)


def _pad_transpose(ct, x, value, *, padding_config):
    ct_x = ct_value = None
    if is_undefined_primal(x) or is_undefined_primal(value):
        unpadded = pad(ct, _full((), 0, ct.dtype), [(-lo, -hi, 0) for lo, hi, _ in padding_config])
        strides = [interior + 1 for _, _, interior in padding_config]
        inside = slice(unpadded, (0,) * len(strides), shape_of(unpadded), strides)
        ct_x = inside if is_undefined_primal(x) else None
    if is_undefined_primal(value):
        # The cotangent of the padding value: the sum of all cotangents, less the sum of those of x's elements.
        axes = tuple(range(len(padding_config)))
        total = reduce_sum(ct, axes)
        ct_value = sub_p.bind(total, reduce_sum(inside, axes))
    return [ct_x, ct_value]


def _pad_batch(axis, args, dims, *, padding_config):
    (x, value), dim = args, dims[0] or 0
    x = batch_to_front(x, None, axis.size) if dims[0] is None else x
    config = (*padding_config[:dim], (0, 0, 0), *padding_config[dim:])
    if dims[1] is None:
        return pad(x, value, config), dim
    # Each example has its own padding value: pad with zeros, then select the padding values.
    padded = pad(x, _full((), 0, x.dtype), config)
    inside = pad(_full(shape_of(x), True, np.dtype(bool)), _full((), False, np.dtype(bool)), config)
    return select(inside, padded, broadcast_in_dim(value, shape_of(padded), (dim,))), dim


pad_p = row(
    "pad",
    impl=_pad_impl,
    abstract_eval=_pad_abstract_eval,
    jvp=_pad_jvp,
    transpose=_pad_transpose,
    batch=_pad_batch,
)


# ---------------------------------------------------------------------------------------------------------------------
# rev, iota


def rev(operand: ArrayLike, dimensions: Sequence[int]) -> Array:
    """The elements in reverse order along the given axes (`lax.rev`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.rev(jnp.arange(3), (0,))
    Array([2, 1, 0], dtype=int32)
    """
    return rev_p.bind(operand, dimensions=_ints(dimensions))


def _rev_abstract_eval(x, *, dimensions):
    if len(set(dimensions)) != len(dimensions) or any(not 0 <= d < x.ndim for d in dimensions):
        raise TypeError(
            f"rev dimensions must be unique and within the operand's, got {dimensions} for shape {x.shape}."
        )
    return x


rev_p = linear_row(
    "rev",
    impl=lambda x, *, dimensions: np.flip(x, dimensions),
    abstract_eval=_rev_abstract_eval,
    transpose=lambda ct, x, *, dimensions: [rev(ct, dimensions)],
    batch=lambda axis, args, dims, *, dimensions: (
        rev(args[0], tuple(d + (d >= dims[0]) for d in dimensions)),
        dims[0],
    ),
)


def broadcasted_iota(dtype: DTypeLike, shape: Sequence[int], dimension: int) -> Array:
    """0, 1, 2, ... along one axis of an array (`lax.broadcasted_iota`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.broadcasted_iota(jnp.int32, (2, 2), 1)
    Array([[0, 1],
           [0, 1]], dtype=int32)
    """
    return iota_p.bind(
        dimension=static_int(dimension, "dimension"),
        dtype=required_dtype(dtype),
        shape=concrete_sizes(shape),
        sharding=None,
    )


def iota(dtype: DTypeLike, size: int) -> Array:
    """0, 1, ..., size - 1 (`lax.iota`).

    >>> iota('int32', 3)
    Array([0, 1, 2], dtype=int32)
    """
    return broadcasted_iota(dtype, (size,), 0)


def ones_on_diagonal(shape: Sequence[int], offset, dtype: DTypeLike) -> Array:
    """A matrix with ones on one diagonal, in the equations of JAX's `eye`. The dtype of `offset` is that of the positions."""
    rows, columns = (broadcasted_iota(offset.dtype, shape, axis) for axis in (0, 1))
    return convert_element_type(eq_p.bind(add_p.bind(rows, offset), columns), dtype)


def _iota_abstract_eval(*, dimension, dtype, shape, sharding):
    if not issubdtype(dtype, np.number):
        raise TypeError(f"iota does not accept dtype {dtype.name}. Accepted dtypes are subtypes of number.")
    if not 0 <= dimension < len(shape):
        raise ValueError(f"iota dimension must be between 0 and len(shape), got {dimension=} for {shape=}")
    if any(d < 0 for d in shape):
        raise TypeError(f"iota shape must have every element be nonnegative, got {shape}.")
    return ShapedArray(shape, dtype)


def _iota_impl(*, dimension, dtype, shape, sharding):
    line = np.arange(shape[dimension]).astype(dtype)
    return np.broadcast_to(line.reshape([-1 if i == dimension else 1 for i in range(len(shape))]), shape)


iota_p = row(
    "iota",
    impl=_iota_impl,
    abstract_eval=_iota_abstract_eval,
    jvp=NO_GRADIENT,
    transpose="it has no arguments",
    batch="it has no arguments",
)


# ---------------------------------------------------------------------------------------------------------------------
# Functions of the above


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape that the shapes broadcast to by NumPy's rules (`lax.broadcast_shapes`).

    >>> from minijax import lax
    >>> lax.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    try:
        return np.broadcast_shapes(*[tuple(s) for s in shapes])
    except ValueError:
        raise ValueError(f"Incompatible shapes for broadcasting: shapes={[tuple(s) for s in shapes]}") from None


def broadcast(operand: ArrayLike, sizes: Sequence[int]) -> Array:
    """x repeated along new leading axes (`lax.broadcast`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.broadcast(jnp.array([1, 2]), (2,))
    Array([[1, 2],
           [1, 2]], dtype=int32)
    """
    try:
        n = len(sizes)
        sizes = tuple(map(operator.index, sizes))
        shape = shape_of(operand)
        return broadcast_in_dim(operand, (*sizes, *shape), tuple(range(n, n + len(shape))))
    except Exception as error:
        hide_our_frames(error)
        raise


def collapse(operand: ArrayLike, start_dimension: int, stop_dimension: int | None = None) -> Array:
    """Merge neighbouring axes into one (`lax.collapse`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.collapse(jnp.ones((2, 3, 4)), 1).shape
    (2, 12)
    """
    shape = shape_of(operand)
    lo, hi, _ = np.s_[start_dimension:stop_dimension].indices(len(shape))
    if hi < lo:
        raise ValueError(f"Invalid dimension range passed to collapse: {shape}[{start_dimension}:{stop_dimension}]")
    return reshape(operand, (*shape[:lo], int(np.prod(shape[lo:hi], dtype=int)), *shape[hi:]))


def full(shape: Sequence[int], fill_value: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """An array of one value (`lax.full`).

    >>> from minijax import lax
    >>> lax.full((2,), 7.0)
    Array([7., 7.], dtype=float32, weak_type=True)
    """
    if shape_of(fill_value):
        raise TypeError(f"full must be called with scalar fill_value, got fill_value.shape {shape_of(fill_value)}.")
    if dtype is None:
        dtype, weak = dtype_and_weak_type(fill_value)
        dtype = canonicalize_dtype(dtype)
    else:
        dtype, weak = canonicalize_dtype(dtype), False
    return broadcast_in_dim(convert_element_type(fill_value, dtype, weak), concrete_sizes(shape), ())


def full_like(
    x: ArrayLike, fill_value: ArrayLike, dtype: DTypeLike | None = None, shape: Sequence[int] | None = None
) -> Array:
    """An array of one value, shaped and typed as `x` (`lax.full_like`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.full_like(jnp.ones(2), 7.0)
    Array([7., 7.], dtype=float32)
    """
    aval = get_aval(x)
    weak = dtype is None and aval.weak_type
    dtype = aval.dtype if dtype is None else dtype_of(dtype)
    fill = convert_element_type(fill_value, dtype, weak)
    return broadcast_in_dim(fill, aval.shape if shape is None else concrete_sizes(shape), ())


__all__ = [
    "broadcast",
    "broadcast_in_dim",
    "broadcast_shapes",
    "broadcasted_iota",
    "collapse",
    "expand_dims",
    "full",
    "full_like",
    "index_in_dim",
    "iota",
    "iota_p",
    "move_batch_dim",
    "pad",
    "pad_p",
    "reshape",
    "rev",
    "rev_p",
    "slice",
    "slice_in_dim",
    "slice_p",
    "squeeze",
    "transpose",
    "zeros",
]
