"""Convolutions under their shorter names, transposed ones, and the patches that a convolution sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.array import to_array
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..primitives.basis import broadcast_in_dim, reshape, shape_of, transpose
from ..primitives.contractions import dot_general
from ..primitives.convolution import conv_general_dilated
from ..primitives.convolution_shapes import conv_dimension_numbers, conv_transpose_padding, dilated
from ..primitives.precision import Precision
from ..primitives.shapes import rev

# The axes of operands without dimension numbers, by rank.
_DEFAULT_AXES = {
    2: ("NC", "IO", "NC"),
    3: ("NHC", "HIO", "NHC"),
    4: ("NHWC", "HWIO", "NHWC"),
    5: ("NHWDC", "HWDIO", "NHWDC"),
}


def conv(
    lhs: ArrayLike,
    rhs: ArrayLike,
    window_strides: Sequence[int],
    padding: str,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """The convolution of an operand (batch, features, spatial...) with a kernel (outputs, features, spatial...) (`lax.conv`).

    >>> import minijax.numpy as jnp
    >>> conv(jnp.ones((1, 1, 3)), jnp.ones((1, 1, 3)), (1,), "SAME")
    Array([[[2., 3., 2.]]], dtype=float32)
    """
    return conv_general_dilated(
        lhs, rhs, window_strides, padding, precision=precision, preferred_element_type=preferred_element_type
    )


def conv_with_general_padding(
    lhs: ArrayLike,
    rhs: ArrayLike,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """As `conv`, with any padding and dilation (`lax.conv_with_general_padding`).

    >>> import minijax.numpy as jnp
    >>> conv_with_general_padding(jnp.ones((1, 1, 3)), jnp.ones((1, 1, 2)), (1,), [(0, 0)], None, (2,))
    Array([[[2.]]], dtype=float32)
    """
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def conv_transpose(
    lhs: ArrayLike,
    rhs: ArrayLike,
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    use_consistent_padding: bool = False,
) -> Array:
    """The convolution that makes an operand larger by `strides`: it has the shape of a convolution's gradient
    (`lax.conv_transpose`).

    padding: "SAME", "VALID", or (low, high) for each axis of the dilated operand; with `use_consistent_padding`, of the convolution
    that this one is the transpose of. transpose_kernel: exchange the features of the kernel and reverse it, so that the result is
    that gradient. Raises ValueError for more than three spatial axes without dimension numbers.

    >>> import minijax.numpy as jnp
    >>> conv_transpose(jnp.ones((1, 2, 1)), jnp.ones((2, 1, 1)), (2,), "SAME").shape
    (1, 4, 1)
    """
    lhs_shape, rhs_shape = shape_of(lhs), shape_of(rhs)
    ndim = len(lhs_shape)
    if ndim != len(rhs_shape) or ndim < 2:
        raise AssertionError(f"conv_transpose takes arrays of one rank, of 2 at least, got {lhs_shape}, {rhs_shape}.")
    if dimension_numbers is None:
        if ndim not in _DEFAULT_AXES:
            raise ValueError("No 4+ dimensional dimension_number defaults.")
        dimension_numbers = _DEFAULT_AXES[ndim]
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    kernel_axes = numbers.rhs_spec
    if rhs_dilation is None:
        rhs_dilation = (1,) * (ndim - 2)
    if use_consistent_padding or (isinstance(padding, str) and padding in ("SAME", "VALID")):
        window = dilated([rhs_shape[i] for i in kernel_axes[2:]], rhs_dilation)
        each = [padding] * len(strides) if isinstance(padding, str) else padding
        padding = tuple(conv_transpose_padding(k, s, p) for k, s, p in zip(window, strides, each))
    if transpose_kernel:
        order = list(range(ndim))
        order[kernel_axes[0]], order[kernel_axes[1]] = kernel_axes[1], kernel_axes[0]
        rhs = transpose(rev(rhs, kernel_axes[2:]), order)
    return conv_general_dilated(
        lhs,
        rhs,
        (1,) * (ndim - 2),
        padding,
        strides,
        rhs_dilation,
        numbers,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def _moved(x, sources: Sequence[int], destinations: Sequence[int]):
    """As `jnp.moveaxis`."""
    ndim = len(shape_of(x))
    order = [i for i in range(ndim) if i not in sources]
    for source, destination in sorted(zip(sources, destinations), key=lambda pair: pair[1]):
        order.insert(destination, source)
    return transpose(x, order)


def conv_general_dilated_patches(
    lhs: ArrayLike,
    filter_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """The windows of an operand, each along the feature axis of the result, channel by channel
    (`lax.conv_general_dilated_patches`).

    >>> import minijax.numpy as jnp
    >>> conv_general_dilated_patches(jnp.arange(4.0).reshape(1, 1, 4), (2,), (1,), "VALID")
    Array([[[0., 1., 2.],
            [1., 2., 3.]]], dtype=float32)
    """
    lhs = to_array(lhs) if not isinstance(lhs, Array) else lhs
    window, ndim = tuple(filter_shape), len(shape_of(lhs))
    numbers = conv_dimension_numbers(lhs.shape, (1, 1, *window), dimension_numbers)
    size, channels = math.prod(window), lhs.shape[numbers.lhs_spec[1]]
    # A kernel for each place of the window, with a 1 there.
    kernel = broadcast_in_dim(np.eye(size, dtype=lhs.dtype), (channels, size, size), (1, 2))
    kernel = _moved(reshape(kernel, (channels * size, 1, *window)), (0, 1), numbers.rhs_spec[:2])
    assert len(kernel.shape) == ndim
    return conv_general_dilated(
        lhs,
        kernel,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        numbers,
        feature_group_count=channels,
        precision=None if precision is None else (Precision(precision), Precision.DEFAULT),
        preferred_element_type=preferred_element_type,
    )


def conv_general_dilated_local(
    lhs: ArrayLike,
    rhs: ArrayLike,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    filter_shape: Sequence[int],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    precision: Any = None,
) -> Array:
    """A convolution with a kernel of its own at each position (`lax.conv_general_dilated_local`).

    rhs: (outputs, features * window, positions...), unless `dimension_numbers` says otherwise.

    >>> import minijax.numpy as jnp
    >>> kernels = jnp.array([[[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]])
    >>> conv_general_dilated_local(jnp.arange(4.0).reshape(1, 1, 4), kernels, (1,), "VALID", (2,))
    Array([[[0., 2., 4.]]], dtype=float32)
    """
    of_patches = precision[0] if isinstance(precision, tuple) else precision
    patches = conv_general_dilated_patches(
        lhs, filter_shape, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers, of_patches
    )
    _, kernel_axes, out_axes = conv_dimension_numbers(shape_of(lhs), (1, 1, *filter_shape), dimension_numbers)
    positions = sorted(zip(out_axes[2:], kernel_axes[2:]))
    batch = tuple(zip(*positions)) if positions else ((), ())
    out = dot_general(patches, rhs, (((out_axes[1],), (kernel_axes[1],)), batch), precision)
    ndim = len(out.shape)
    return _moved(out, (ndim - 2, ndim - 1), out_axes[:2])
