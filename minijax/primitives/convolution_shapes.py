"""The axes and sizes of convolutions and of sliding windows: dimension numbers, paddings, shapes of results."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

Padding = str | Sequence[tuple[int, int]]


class ConvDimensionNumbers(NamedTuple):
    """The part that each axis of a convolution plays (`lax.ConvDimensionNumbers`): the axes of the operand, the kernel and the
    result, each in the order (batch, feature, spatial...), for the kernel (output feature, input feature, spatial...).

    >>> from minijax import lax
    >>> lax.conv_dimension_numbers((1, 3, 8, 8), (4, 3, 2, 2), ("NCHW", "OIHW", "NCHW"))
    ConvDimensionNumbers(lhs_spec=(0, 1, 2, 3), rhs_spec=(0, 1, 2, 3), out_spec=(0, 1, 2, 3))
    """

    __module__ = "minijax.lax"

    lhs_spec: Sequence[int]
    rhs_spec: Sequence[int]
    out_spec: Sequence[int]


def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: Any
) -> ConvDimensionNumbers:
    """The dimension numbers of strings such as ("NHWC", "HWIO", "NHWC"), or of None for ("NC...", "OI...", "NC...")
    (`lax.conv_dimension_numbers`). Raises TypeError for other objects and for strings that do not fit the shapes.

    >>> conv_dimension_numbers((1, 8, 8, 3), (3, 3, 3, 4), ("NHWC", "HWIO", "NHWC"))
    ConvDimensionNumbers(lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2))
    """
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return dimension_numbers
    if len(lhs_shape) != len(rhs_shape):
        raise TypeError(
            f"convolution requires lhs and rhs ndim to be equal, got {len(lhs_shape)} and {len(rhs_shape)}."
        )
    if dimension_numbers is None:
        axes = tuple(range(len(lhs_shape)))
        return ConvDimensionNumbers(axes, axes, axes)
    if not isinstance(dimension_numbers, (list, tuple)):
        raise TypeError(f"convolution dimension_numbers must be tuple/list or None, got {type(dimension_numbers)}.")
    if len(dimension_numbers) != 3:
        raise TypeError(f"convolution dimension_numbers list/tuple must be length 3, got {len(dimension_numbers)}.")
    if not all(isinstance(spec, str) for spec in dimension_numbers):
        raise TypeError(
            f"convolution dimension_numbers elements must be strings, got {tuple(map(type, dimension_numbers))}."
        )
    for i, spec in enumerate(dimension_numbers):
        if len(spec) != len(lhs_shape):
            raise TypeError(
                f"convolution dimension_numbers[{i}] must have len equal to the ndim of lhs and rhs, got {len(spec)} for lhs"
                f" and rhs shapes {lhs_shape} and {rhs_shape}."
            )
    return ConvDimensionNumbers(*conv_general_permutations(dimension_numbers))


def conv_general_permutations(dimension_numbers: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """The three orders of axes of three strings (`lax.conv_general_permutations`). Spatial axes follow the kernel's string.

    >>> conv_general_permutations(("NHWC", "HWIO", "NHWC"))
    ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))
    """
    letters = (("N", "C"), ("O", "I"), ("N", "C"))
    for i, (spec, (a, b)) in enumerate(zip(dimension_numbers, letters)):
        if not spec.count(a) == spec.count(b) == 1:
            raise TypeError(
                f"convolution dimension_numbers[{i}] must contain the characters '{a}' and '{b}' exactly once, got {spec}."
            )
        if len(spec) != len(set(spec)):
            raise TypeError(f"convolution dimension_numbers[{i}] cannot have duplicate characters, got {spec}.")
    spatial = [set(spec) - set(pair) for spec, pair in zip(dimension_numbers, letters)]
    if not spatial[0] == spatial[1] == spatial[2]:
        raise TypeError(
            "convolution dimension_numbers elements must each have the same set of spatial characters, got"
            f" {dimension_numbers}."
        )
    order = [c for c in dimension_numbers[1] if c in spatial[1]]
    return tuple(tuple(spec.index(c) for c in (*pair, *order)) for spec, pair in zip(dimension_numbers, letters))


def dilated_size(size: int, dilation: int) -> int:
    """The size of an axis between whose elements `dilation - 1` places are put."""
    return size if dilation == 1 else max(1 + dilation * (size - 1), 0)


def dilated(shape: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """`dilated_size` of each of the last `len(dilation)` axes."""
    if any(d <= 0 for d in dilation):
        raise TypeError(f"All dilations must be positive, got {tuple(dilation)}.")
    factors = (*[1] * (len(shape) - len(dilation)), *dilation)
    return tuple(dilated_size(size, d) for size, d in zip(shape, factors))


def count_windows(size: int, window: int, stride: int) -> int:
    """How often a window fits into an axis when it moves by `stride`."""
    return max((size - window) // stride + 1, 0)


def padtype_to_pads(
    in_shape: Sequence[int], window_shape: Sequence[int], window_strides: Sequence[int], padding: Any
) -> list[tuple[int, int]]:
    """The (low, high) padding of each axis for "VALID" (none), "SAME" (as many windows as strides, the odd one behind) or
    "SAME_LOWER" (the odd one in front) (`lax.padtype_to_pads`). Raises RuntimeError for another string, TypeError for
    what is no string.

    >>> padtype_to_pads((5, 5), (3, 2), (1, 2), "SAME")
    [(1, 1), (0, 1)]
    """
    if not isinstance(getattr(padding, "name", padding), str):
        raise TypeError(f"Unknown padding type: {padding}.")
    kind = str(getattr(padding, "name", padding)).upper()
    if kind not in ("VALID", "SAME", "SAME_LOWER"):
        raise RuntimeError(f"Unrecognized padding type: expected 'VALID', 'SAME', or 'SAME_LOWER', got {padding}.")
    if kind == "VALID":
        return [(0, 0)] * len(in_shape)
    pads = []
    for size, window, stride in zip(in_shape, window_shape, window_strides):
        total = max((-(-size // stride) - 1) * stride + window - size, 0)
        half = total // 2
        pads.append((half, total - half) if kind == "SAME" else (total - half, half))
    return pads


def explicit_pads(padding: Any, name: str) -> tuple[tuple[int, int], ...]:
    """A sequence of (low, high) pairs as ints. Raises ValueError for anything else."""
    try:
        return tuple((operator.index(low), operator.index(high)) for low, high in padding)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"padding argument to {name} should be a string or a sequence of (low, high) pairs, got {padding}"
        ) from error


def conv_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    strides: Sequence[int],
    pads: Padding,
    batch_group_count: int = 1,
) -> tuple[int, ...]:
    """The shape (batch, feature, spatial...) of a convolution of shapes in that order (`lax.conv_shape_tuple`).

    Raises TypeError for another number of paddings, ValueError for one that takes away more than there is.

    >>> conv_shape_tuple((1, 3, 8, 8), (4, 3, 3, 3), (1, 2), "VALID")
    (1, 4, 6, 3)
    """
    if isinstance(pads, str):
        pads = padtype_to_pads(lhs_shape[2:], rhs_shape[2:], strides, pads)
    if len(pads) != len(lhs_shape) - 2:
        raise TypeError(
            f"Wrong number of explicit pads for convolution: expected {len(lhs_shape) - 2}, got {len(pads)}."
        )
    padded = [size + low + high for size, (low, high) in zip(lhs_shape[2:], pads)]
    if any(size < 0 for size in padded):
        raise ValueError(
            f"Negative padding is larger than the size of the corresponding dimension: got padding={pads} for"
            f" lhs_shape[2:]={tuple(lhs_shape[2:])}"
        )
    spatial = map(count_windows, padded, rhs_shape[2:], strides)
    return (lhs_shape[0] // batch_group_count, rhs_shape[0], *spatial)


def _permuted(shape: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    return tuple(shape[i] for i in order)


def in_place(shape: Sequence[Any], order: Sequence[int]) -> tuple:
    """The sequence whose entry `order[i]` is the i-th of `shape`: what `_permuted` undoes."""
    placed = [0] * len(order)
    for i, size in zip(order, shape):
        placed[i] = size
    return tuple(placed)


def conv_general_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Padding,
    dimension_numbers: Sequence[str],
) -> tuple[int, ...]:
    """The shape of a convolution, by strings (`lax.conv_general_shape_tuple`).

    >>> conv_general_shape_tuple((1, 8, 8, 3), (3, 3, 3, 4), (1, 1), "SAME", ("NHWC", "HWIO", "NHWC"))
    (1, 8, 8, 4)
    """
    lhs, rhs, out = conv_general_permutations(dimension_numbers)
    shape = conv_shape_tuple(_permuted(lhs_shape, lhs), _permuted(rhs_shape, rhs), window_strides, padding)
    return in_place(shape, out)


def conv_transpose_padding(window: int, stride: int, padding: Any) -> tuple[int, int]:
    """The padding of the dilated operand of a transposed convolution for that of the convolution it is the transpose of. Raises
    ValueError for an unknown string."""
    if isinstance(padding, tuple):
        low, high = (window - p - 1 for p in padding)
        return low, high
    if padding == "SAME":
        total = window + stride - 2
        low = window - 1 if stride > window - 1 else -(-total // 2)
    elif padding == "VALID":
        total, low = window + stride - 2 + max(window - stride, 0), window - 1
    else:
        raise ValueError(f"Invalid padding mode: {padding}")
    return low, total - low


def conv_transpose_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Padding,
    dimension_numbers: Sequence[str],
) -> tuple[int, ...]:
    """The shape of a transposed convolution, by strings (`lax.conv_transpose_shape_tuple`).

    >>> conv_transpose_shape_tuple((1, 4, 4, 3), (3, 3, 2, 3), (2, 2), "SAME", ("NHWC", "HWOI", "NHWC"))
    (1, 8, 8, 2)
    """
    lhs_order, rhs_order, out_order = conv_general_permutations(dimension_numbers)
    lhs, rhs = _permuted(lhs_shape, lhs_order), _permuted(rhs_shape, rhs_order)
    if isinstance(padding, str):
        padding = [conv_transpose_padding(k, s, padding) for k, s in zip(rhs[2:], window_strides)]
    spatial = [(n - 1) * s - k + 2 + sum(p) for n, k, s, p in zip(lhs[2:], rhs[2:], window_strides, padding)]
    return in_place((lhs[0], rhs[0], *spatial), out_order)


def input_pads(in_sizes, window, strides, out_sizes, pads, in_dilation, window_dilation) -> tuple[tuple[int, int], ...]:
    """The padding of the convolution that pulls a cotangent back to the operand: the result, dilated by the strides, is padded so
    that the reversed window gives each element of the dilated operand its sum."""
    found = []
    sizes = (dilated(in_sizes, in_dilation), dilated(window, window_dilation), dilated(out_sizes, strides))
    for n, k, out, (low, _) in zip(*sizes, pads):
        before = k - low - 1
        found.append((before, n + k - 1 - out - before))
    return tuple(found)


def kernel_pads(
    in_sizes, window, strides, out_sizes, pads, in_dilation, window_dilation
) -> tuple[tuple[int, int], ...]:
    """The padding of the convolution of the operand with a cotangent, which pulls the cotangent back to the kernel."""
    sizes = (dilated(in_sizes, in_dilation), dilated(window, window_dilation), dilated(out_sizes, strides))
    return tuple((low, out - n + k - low - 1) for n, k, out, (low, _) in zip(*sizes, pads))
