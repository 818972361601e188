"""`conv_general_dilated`: convolutions of any number of axes, padded, strided, dilated and in groups.

The convolution of deep learning: the kernel is not reversed. It is linear in the operand and in the kernel: the transpose rules are
convolutions, too, with the parts of the axes exchanged.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike, DTypeLike
from ..foundation.dtypes import canonicalize_dtype
from .basis import add_tangents, full, reshape, row, shape_of, zero_like
from .convolution_numpy import convolve, window_counts
from .convolution_shapes import (
    ConvDimensionNumbers,
    conv_dimension_numbers,
    conv_shape_tuple,
    dilated,
    explicit_pads,
    in_place,
    input_pads,
    kernel_pads,
    padtype_to_pads,
)
from .elementwise import convert_element_type
from .families import COMPLEX, FLOAT, INT, SIGNED, UNSIGNED
from .precision import precisions
from .shapes import rev


def conv_general_dilated(
    lhs: ArrayLike,
    rhs: ArrayLike,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The sums of products of a kernel with the windows of an operand (`lax.conv_general_dilated`).

    lhs: the operand, (batch, features, spatial...) unless `dimension_numbers` says otherwise; rhs: the kernel, (output features,
    input features, spatial...). window_strides: how far the window moves along each spatial axis. padding: "VALID", "SAME",
    "SAME_LOWER", or (low, high) for each axis; a negative one takes away. lhs_dilation, rhs_dilation: the distance of neighbours
    in the operand and in the window. feature_group_count: the features of both are split in so many groups, which do not mix;
    batch_group_count: so are the batch, and the output features. Raises TypeError and ValueError for sizes and dtypes that do not
    fit.

    >>> import minijax.numpy as jnp
    >>> conv_general_dilated(jnp.arange(4.0).reshape(1, 1, 4), jnp.ones((1, 1, 2)), (1,), "VALID")
    Array([[[1., 3., 5.]]], dtype=float32)
    """
    lhs_shape, rhs_shape = shape_of(lhs), shape_of(rhs)
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    if lhs_dilation is None:
        lhs_dilation = (1,) * (len(lhs_shape) - 2)
    elif isinstance(padding, str) and any(d != 1 for d in lhs_dilation):
        raise ValueError(
            "String padding is not implemented for transposed convolution using this op. Please either exactly specify the"
            " required padding or use conv_transpose."
        )
    if rhs_dilation is None:
        rhs_dilation = (1,) * (len(rhs_shape) - 2)
    if isinstance(padding, str):
        window = dilated([rhs_shape[i] for i in numbers.rhs_spec[2:]], rhs_dilation)
        padding = padtype_to_pads([lhs_shape[i] for i in numbers.lhs_spec[2:]], window, window_strides, padding)
    return conv_general_dilated_p.bind(
        lhs,
        rhs,
        window_strides=tuple(map(operator.index, window_strides)),
        padding=explicit_pads(padding, "conv_general_dilated"),
        lhs_dilation=tuple(map(operator.index, lhs_dilation)),
        rhs_dilation=tuple(map(operator.index, rhs_dilation)),
        dimension_numbers=ConvDimensionNumbers(*map(tuple, numbers)),
        feature_group_count=operator.index(feature_group_count),
        batch_group_count=operator.index(batch_group_count),
        precision=precisions(precision),
        preferred_element_type=None if preferred_element_type is None else canonicalize_dtype(preferred_element_type),
        out_sharding=out_sharding,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Types


def _check_groups(lhs: ShapedArray, rhs: ShapedArray, numbers, feature_group_count: int, batch_group_count: int):
    name = "conv_general_dilated"
    features, batch = (lhs.shape[numbers.lhs_spec[i]] for i in (1, 0))
    outputs, inputs = (rhs.shape[i] for i in numbers.rhs_spec[:2])
    for count, label in ((feature_group_count, "feature_group_count"), (batch_group_count, "batch_group_count")):
        if count <= 0:
            raise ValueError(f"{name} {label} must be a positive integer, got {count}.")
        if outputs % count:
            raise ValueError(f"{name} rhs output feature dimension size must be a multiple of {label}, but {outputs} is not a multiple of {count}.")  # fmt: skip  # noqa: E501
    if features % feature_group_count:
        raise ValueError(f"{name} feature_group_count must divide lhs feature dimension size, but {feature_group_count} does not divide {features}.")  # fmt: skip  # noqa: E501
    if features // feature_group_count != inputs:
        raise ValueError(
            f"{name} lhs feature dimension size divided by feature_group_count must equal the rhs input feature dimension"
            f" size, but {features} // {feature_group_count} != {inputs}."
        )
    if batch % batch_group_count:
        raise ValueError(f"{name} batch_group_count must divide lhs batch dimension size, but {batch_group_count} does not divide {batch}.")  # fmt: skip  # noqa: E501
    if batch_group_count > 1 and feature_group_count > 1:
        raise ValueError(
            "At most one of batch_group_count and feature_group_count may be > 1, got"
            f" batch_group_count={batch_group_count} and feature_group_count={feature_group_count}"
        )


def _result_dtype(x, y, preferred):
    if x != y:
        raise TypeError(
            f"lax.conv_general_dilated requires arguments to have the same dtypes, got {x.name}, {y.name}."
            " (Tip: convert the arguments with astype.)"
        )
    if preferred is None:
        return x
    for accepted, allowed in ((INT, INT + FLOAT), (FLOAT, FLOAT), (COMPLEX, COMPLEX)):
        if x.char in accepted and preferred.char not in allowed:
            raise TypeError(
                "Input type is incompatible with `preferred_element_type`. The compatible combinations of (input_type,"
                " preferred_element_type) are (integral, integral), (integral, floating), (floating, floating), (complex,"
                " complex.)"
            )
    if x.char in SIGNED and preferred.char in UNSIGNED:
        raise TypeError("`preferred_element_type` must have the same signedness as the original type.")
    if preferred.itemsize < x.itemsize:
        raise TypeError("`preferred_element_type` must not be narrower than the original type.")
    return preferred


@lru_cache(4096)
def _conv_abstract_eval(
    lhs,
    rhs,
    *,
    window_strides,
    padding,
    lhs_dilation,
    rhs_dilation,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    precision,
    preferred_element_type,
    out_sharding,
):
    if lhs.ndim != rhs.ndim:
        raise ValueError(
            "conv_general_dilated lhs and rhs must have the same number of dimensions, but got"
            f" {lhs.shape} and {rhs.shape}."
        )
    dtype = _result_dtype(lhs.dtype, rhs.dtype, preferred_element_type)
    _check_groups(lhs, rhs, dimension_numbers, feature_group_count, batch_group_count)
    if lhs.ndim - 2 != len(window_strides):
        raise ValueError(
            "conv_general_dilated window and window_strides must have the same number of dimensions, but got"
            f" {lhs.ndim - 2} and {len(window_strides)}"
        )
    if any(s <= 0 for s in window_strides):
        raise TypeError(f"conv_general_dilated window_strides must be positive, got {window_strides}.")
    lhs_order, rhs_order, out_order = dimension_numbers
    shapes = [dilated([a.shape[i] for i in order], d) for a, order, d in ((lhs, lhs_order, lhs_dilation), (rhs, rhs_order, rhs_dilation))]  # fmt: skip  # noqa: E501
    shape = conv_shape_tuple(*shapes, window_strides, padding, batch_group_count)
    weak = lhs.weak_type and rhs.weak_type and preferred_element_type is None
    return ShapedArray(in_place(shape, out_order), dtype, weak)


# ---------------------------------------------------------------------------------------------------------------------
# NumPy


def _wide(x, dtype):
    """The dtype in which NumPy computes: half precision in float32, truth values as integers."""
    if x.dtype == dtype and dtype.char in "fd":
        return dtype
    widest = np.promote_types(*[np.dtype("float32") if d.char in "eE" else d for d in (x.dtype, dtype)])
    return np.dtype("int32") if widest.kind == "b" else widest


def _conv_impl(
    x,
    w,
    *,
    window_strides,
    padding,
    lhs_dilation,
    rhs_dilation,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    preferred_element_type,
    **params,
):
    dtype = preferred_element_type or x.dtype
    wide = _wide(x, dtype)
    lhs_order, rhs_order, out_order = dimension_numbers
    x, w = x.transpose(lhs_order).astype(wide, copy=False), w.transpose(rhs_order).astype(wide, copy=False)
    groups = feature_group_count * batch_group_count
    batch, features, *sizes = x.shape
    if groups == 1:
        x, w = x[None], w[None]
    else:
        if batch_group_count > 1:
            x = x.reshape(groups, batch // groups, features, *sizes)
        else:
            x = x.reshape(batch, groups, features // groups, *sizes).swapaxes(0, 1)
        w = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    options = {"strides": window_strides, "pads": padding, "dilation": lhs_dilation, "window_dilation": rhs_dilation}
    out = convolve(x, w, **options, out_sizes=window_counts(x.shape[3:], w.shape[3:], **options))
    out = out != 0 if dtype.kind == "b" else out.astype(dtype, copy=False)
    return out.transpose(_inverse(out_order))


@lru_cache(4096)
def _inverse(order):
    return tuple([order.index(i) for i in range(len(order))])


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives


def _conv_jvp(primals, tangents, **params):
    (x, w), (gx, gw) = primals, tangents
    out = conv_general_dilated_p.bind(x, w, **params)
    left = zero_like(out) if type(gx) is Zero else conv_general_dilated_p.bind(gx, w, **params)
    right = zero_like(out) if type(gw) is Zero else conv_general_dilated_p.bind(x, gw, **params)
    return out, add_tangents(left, right)


def _into(source: int, destination: int, x):
    """Move axis `source` before axis `destination` of the others, and make one axis of the two."""
    shape = shape_of(x)
    order = [i for i in range(len(shape)) if i != source]
    order.insert(destination, source)
    merged = [shape[i] for i in order]
    merged[destination : destination + 2] = [merged[destination] * merged[destination + 1]]
    return reshape(x, merged, order)


def _out_of(axis: int, count: int, x):
    """Split an axis into `count` and the rest."""
    shape = list(shape_of(x))
    shape[axis : axis + 1] = [count, shape[axis] // count]
    return reshape(x, shape)


def _exchanged(order: Sequence[int]) -> tuple[int, ...]:
    return (order[1], order[0], *order[2:])


def _of_spatial(shape, order: Sequence[int]) -> list[int]:
    return [shape[i] for i in order[2:]]


def _pull_to_operand(ct, aval, w, *, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers, feature_group_count, batch_group_count, **params):  # fmt: skip  # noqa: E501
    """The convolution of the cotangent, dilated by the strides, with the reversed kernel."""
    lhs_order, rhs_order, out_order = dimension_numbers
    pads = input_pads(
        _of_spatial(aval.shape, lhs_order),
        _of_spatial(w.shape, rhs_order),
        window_strides,
        _of_spatial(ct.shape, out_order),
        padding,
        lhs_dilation,
        rhs_dilation,
    )
    groups = feature_group_count * batch_group_count
    if groups > 1:
        w = _into(rhs_order[0], rhs_order[1], _out_of(rhs_order[0], groups, w))
    w = convert_element_type(rev(w, rhs_order[2:]), ct.dtype) if w.dtype != ct.dtype else rev(w, rhs_order[2:])
    out = conv_general_dilated(
        ct,
        w,
        window_strides=lhs_dilation,
        padding=pads,
        lhs_dilation=window_strides,
        rhs_dilation=rhs_dilation,
        dimension_numbers=ConvDimensionNumbers(out_order, _exchanged(rhs_order), lhs_order),
        feature_group_count=groups,
        **params,
    )
    out = convert_element_type(out, aval.dtype) if out.dtype != aval.dtype else out
    if batch_group_count > 1:
        out = _into(lhs_order[1], lhs_order[0], _out_of(lhs_order[1], batch_group_count, out))
    return out


def _pull_to_kernel(ct, x, aval, *, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers, feature_group_count, batch_group_count, **params):  # fmt: skip  # noqa: E501
    """The convolution of the operand, its batch as features, with the cotangent, whose batch is its input features."""
    if 0 in shape_of(ct):
        return full(aval.shape, 0, aval.dtype)
    lhs_order, rhs_order, out_order = dimension_numbers
    pads = kernel_pads(
        _of_spatial(x.shape, lhs_order),
        _of_spatial(aval.shape, rhs_order),
        window_strides,
        _of_spatial(ct.shape, out_order),
        padding,
        lhs_dilation,
        rhs_dilation,
    )
    x = convert_element_type(x, ct.dtype) if x.dtype != ct.dtype else x
    out = conv_general_dilated(
        x,
        ct,
        window_strides=rhs_dilation,
        padding=pads,
        lhs_dilation=lhs_dilation,
        rhs_dilation=window_strides,
        dimension_numbers=ConvDimensionNumbers(*map(_exchanged, (lhs_order, out_order, rhs_order))),
        feature_group_count=batch_group_count,
        batch_group_count=feature_group_count,
        **params,
    )
    return convert_element_type(out, aval.dtype) if out.dtype != aval.dtype else out


def _conv_transpose(ct, x, w, **params):
    if is_undefined_primal(x):
        return [_pull_to_operand(ct, x.aval, w, **params), None]
    return [None, _pull_to_kernel(ct, x, w.aval, **params)]


# ---------------------------------------------------------------------------------------------------------------------
# Batching


def _without(shape, dim: int | None) -> tuple[int, ...]:
    return tuple(d for i, d in enumerate(shape) if i != dim)


def _conv_batch(axis, args, dims, *, dimension_numbers, feature_group_count, batch_group_count, **params):
    (x, w), (dx, dw) = args, dims
    lhs_order, rhs_order, out_order = dimension_numbers
    groups = {"feature_group_count": feature_group_count, "batch_group_count": batch_group_count}
    size = axis.size
    if size == 0:
        avals = [get_aval(a).update(shape=_without(shape_of(a), d)) for a, d in zip(args, dims)]
        aval = conv_general_dilated_p.abstract_eval(*avals, dimension_numbers=dimension_numbers, **groups, **params)
        return full((0, *aval.shape), 0, aval.dtype), 0
    out_axis = out_order[1]
    if dx is not None and dw is not None:
        # The examples are groups more.
        if batch_group_count > 1:
            x, groups["batch_group_count"] = _into(dx, lhs_order[0], x), batch_group_count * size
        else:
            x, groups["feature_group_count"] = _into(dx, lhs_order[1], x), feature_group_count * size
        w = _into(dw, rhs_order[0], w)
    elif dx is not None:
        out_axis = out_order[0]
        x = _beside_groups(x, dx, lhs_order[0], batch_group_count)
    else:
        w = _beside_groups(w, dw, rhs_order[0], feature_group_count * batch_group_count)
    out = conv_general_dilated_p.bind(x, w, dimension_numbers=dimension_numbers, **groups, **params)
    count = feature_group_count * batch_group_count
    if dx is None and count > 1:
        # (groups, examples, features of a group): the examples go to the front.
        out = _out_of(out_axis + 1, size, _out_of(out_axis, count, out))
        return _into(out_axis, out_axis + 1, out), out_axis
    return _out_of(out_axis, size, out), out_axis


def _beside_groups(x, dim: int, target: int, groups: int):
    """The array with its batch axis merged into axis `target`, behind the groups into which this axis is split."""
    if groups == 1:
        return _into(dim, target, x)
    place = target + (dim <= target)
    x = _out_of(place, groups, x)
    x = _into(dim + (dim > place), target + 1, x)
    return _into(target, target, x)


conv_general_dilated_p = row(
    "conv_general_dilated",
    impl=_conv_impl,
    abstract_eval=_conv_abstract_eval,
    jvp=_conv_jvp,
    transpose=_conv_transpose,
    batch=_conv_batch,
)
