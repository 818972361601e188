"""Primitives that join arrays or take them apart: concatenate and split, stack and unstack, tile.

split is the transpose of concatenate, and unstack the transpose of stack.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike
from .basis import (
    batch_to_front,
    instantiate,
    linear_row,
    reduce_sum,
    reshape,
    row,
    shape_of,
    zero_like,
)


def _joined_jvp(primitive_of):
    """The jvp of a primitive that joins its arguments: join the tangents likewise."""

    def jvp(primals, tangents, **params):
        out = primitive_of().bind(*primals, **params)
        if all(type(t) is Zero for t in tangents):
            return out, zero_like(out)
        return out, primitive_of().bind(*[instantiate(t) for t in tangents], **params)

    return jvp


def _parted_jvp(primitive_of):
    """The jvp of a primitive that takes its argument apart: take the tangent apart likewise."""

    def jvp(primals, tangents, **params):
        outs = primitive_of().bind(*primals, **params)
        if type(tangents[0]) is Zero:
            return outs, [zero_like(out) for out in outs]
        return outs, primitive_of().bind(*tangents, **params)

    return jvp


# ---------------------------------------------------------------------------------------------------------------------
# concatenate


def concatenate(operands: Sequence[Any], dimension: int) -> Array:
    """The arrays joined along an existing axis (`lax.concatenate`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.concatenate([jnp.array([1, 2]), jnp.array([3])], 0)
    Array([1, 2, 3], dtype=int32)
    """
    operands = list(operands)
    if not operands:
        raise ValueError("concatenate requires a non-empty sequences of arrays")
    if len(operands) == 1 and isinstance(operands[0], Array):
        return operands[0]
    return concatenate_p.bind(*operands, dimension=operator.index(dimension))


def _concatenate_abstract_eval(*avals, dimension):
    first = avals[0]
    if any(a.ndim != first.ndim for a in avals):
        listed = ", ".join(str(a.ndim) for a in avals)
        raise TypeError(f"Cannot concatenate arrays with different numbers of dimensions: got {listed}.")
    if not 0 <= dimension < first.ndim:
        raise TypeError(f"concatenate dimension out of bounds: dimension {dimension} for shapes {first.shape}.")
    rest = [(*a.shape[:dimension], *a.shape[dimension + 1 :]) for a in avals]
    if any(r != rest[0] for r in rest) or any(a.dtype != first.dtype for a in avals):
        listed = ", ".join(a.str_short() for a in avals)
        raise TypeError(
            f"Cannot concatenate arrays with shapes that differ in dimensions other than the one being concatenated, or with"
            f" different dtypes: concatenating along dimension {dimension} for {listed}."
        )
    total = sum(a.shape[dimension] for a in avals)
    shape = (*first.shape[:dimension], total, *first.shape[dimension + 1 :])
    return ShapedArray(shape, first.dtype, all(a.weak_type for a in avals))


def _concatenate_transpose(ct, *xs, dimension):
    shapes = [x.aval.shape if is_undefined_primal(x) else shape_of(x) for x in xs]
    parts = split(ct, [shape[dimension] for shape in shapes], dimension)
    return [part if is_undefined_primal(x) else None for x, part in zip(xs, parts)]


def _concatenate_batch(axis, args, dims, *, dimension):
    xs = [batch_to_front(x, d, axis.size) for x, d in zip(args, dims)]
    return concatenate_p.bind(*xs, dimension=dimension + 1), 0


concatenate_p = row(
    "concatenate",
    impl=lambda *xs, dimension: np.concatenate(xs, dimension),
    abstract_eval=_concatenate_abstract_eval,
    jvp=_joined_jvp(lambda: concatenate_p),
    transpose=_concatenate_transpose,
    batch=_concatenate_batch,
)


# ---------------------------------------------------------------------------------------------------------------------
# split


def split(operand: ArrayLike, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    """The list of pieces of the given sizes along an axis (`lax.split`).

    >>> import minijax.numpy as jnp
    >>> split(jnp.arange(3), (1, 2))
    [Array([0], dtype=int32), Array([1, 2], dtype=int32)]
    """
    sizes = tuple(operator.index(s) for s in sizes)
    ndim = len(shape_of(operand))
    return split_p.bind(operand, sizes=sizes, axis=axis + ndim if axis < 0 else operator.index(axis))


def _split_abstract_eval(x, *, sizes, axis):
    if not 0 <= axis < x.ndim:
        raise ValueError(f"split axis {axis} is out of bounds for an operand of shape {x.shape}.")
    if any(s < 0 for s in sizes) or sum(sizes) != x.shape[axis]:
        raise ValueError(
            f"split sizes {sizes} must be non-negative and sum to the size {x.shape[axis]} of axis {axis}."
        )
    return [ShapedArray((*x.shape[:axis], s, *x.shape[axis + 1 :]), x.dtype, x.weak_type) for s in sizes]


def _split_impl(x, *, sizes, axis):
    return np.split(x, np.cumsum(sizes, dtype=int)[:-1], axis) if sizes else []


def _split_transpose(cts, x, *, sizes, axis):
    return [concatenate([instantiate(ct) for ct in cts], axis)]


def _split_batch(axis_data, args, dims, *, sizes, axis):
    dim = dims[0]
    return split_p.bind(args[0], sizes=sizes, axis=axis + (axis >= dim)), [dim] * len(sizes)


split_p = row(
    "split",
    impl=_split_impl,
    abstract_eval=_split_abstract_eval,
    jvp=_parted_jvp(lambda: split_p),
    transpose=_split_transpose,
    batch=_split_batch,
    multiple_results=True,
)


# ---------------------------------------------------------------------------------------------------------------------
# stack, unstack


def stack(operands: Sequence[Any], axis: int = 0) -> Array:
    """The arrays, of one shape, joined along a new axis (`lax.stack`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.stack([jnp.array([1, 2]), jnp.array([3, 4])])
    Array([[1, 2],
           [3, 4]], dtype=int32)
    """
    arrays = list(operands)
    if not arrays:
        raise ValueError("stack requires a non-empty sequence of arrays")
    ndim = len(shape_of(arrays[0])) + 1
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of bounds for array of dimension {ndim}")
    return stack_p.bind(*arrays, axis=axis % ndim)


def _stack_abstract_eval(*avals, axis):
    first = avals[0]
    if any(a.shape != first.shape or a.dtype != first.dtype for a in avals):
        raise ValueError(f"All input arrays must have the same shape and dtype: got {[a.str_short() for a in avals]}.")
    shape = (*first.shape[:axis], len(avals), *first.shape[axis:])
    return ShapedArray(shape, first.dtype, all(a.weak_type for a in avals))


def _stack_transpose(ct, *xs, axis):
    return [part if is_undefined_primal(x) else None for x, part in zip(xs, unstack_p.bind(ct, axis=axis))]


def _stack_batch(axis_data, args, dims, *, axis):
    dim = dims[0]
    if any(d != dim for d in dims):
        return stack_p.bind(*[batch_to_front(x, d, axis_data.size) for x, d in zip(args, dims)], axis=axis + 1), 0
    return (stack_p.bind(*args, axis=axis), dim + 1) if axis <= dim else (stack_p.bind(*args, axis=axis + 1), dim)


stack_p = row(
    "stack",
    impl=lambda *xs, axis: np.stack(xs, axis),
    abstract_eval=_stack_abstract_eval,
    jvp=_joined_jvp(lambda: stack_p),
    transpose=_stack_transpose,
    batch=_stack_batch,
)


def unstack(x: ArrayLike, axis: int = 0) -> tuple[Array, ...]:
    """The slices along an axis, which they lack (`lax.unstack`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.unstack(jnp.array([[1, 2], [3, 4]]))
    (Array([1, 2], dtype=int32), Array([3, 4], dtype=int32))
    """
    ndim = len(get_aval(x).shape)
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of bounds for array of dimension {ndim}")
    return tuple(unstack_p.bind(x, axis=axis % ndim))


def _unstack_abstract_eval(x, *, axis):
    part = ShapedArray((*x.shape[:axis], *x.shape[axis + 1 :]), x.dtype, x.weak_type)
    return [part] * x.shape[axis]


def _unstack_batch(axis_data, args, dims, *, axis):
    dim = dims[0]
    outs = unstack_p.bind(args[0], axis=axis + (axis >= dim))
    return outs, [dim - (axis < dim)] * len(outs)


unstack_p = row(
    "unstack",
    impl=lambda x, *, axis: list(np.moveaxis(x, axis, 0) if axis else x),
    abstract_eval=_unstack_abstract_eval,
    jvp=_parted_jvp(lambda: unstack_p),
    transpose=lambda cts, x, *, axis: [stack_p.bind(*[instantiate(ct) for ct in cts], axis=axis)],
    batch=_unstack_batch,
    multiple_results=True,
)


# ---------------------------------------------------------------------------------------------------------------------
# tile


def tile(operand: ArrayLike, reps: Sequence[int]) -> Array:
    """The whole array, repeated along each axis (`lax.tile`).

    >>> import minijax.numpy as jnp
    >>> tile(jnp.arange(2), (2,))
    Array([0, 1, 0, 1], dtype=int32)
    """
    return tile_p.bind(operand, reps=tuple(operator.index(r) for r in reps))


def _tile_abstract_eval(x, *, reps):
    if len(reps) != x.ndim or any(r < 0 for r in reps):
        raise TypeError(f"tile needs a non-negative count for each axis of shape {x.shape}, got reps={reps}.")
    return ShapedArray(tuple(r * d for r, d in zip(reps, x.shape)), x.dtype, x.weak_type)


def _tile_transpose(ct, x, *, reps):
    shape = x.aval.shape
    # (reps[0], shape[0], reps[1], shape[1], ...)
    apart = reshape(ct, [n for pair in zip(reps, shape) for n in pair])
    return [reduce_sum(apart, range(0, 2 * len(shape), 2))]


tile_p = linear_row(
    "tile",
    impl=lambda x, *, reps: np.tile(x, reps),
    abstract_eval=_tile_abstract_eval,
    transpose=_tile_transpose,
    batch=lambda axis, args, dims, *, reps: (
        tile_p.bind(args[0], reps=(*reps[: dims[0]], 1, *reps[dims[0] :])),
        dims[0],
    ),
)
