"""`jax.image`: images in another size.

Along each axis an output pixel is a weighted mean of input pixels; the weights are a kernel of the distance.

>>> resize(np.float32([[0, 1], [2, 3]]), (2, 4), "nearest")
Array([[0., 0., 1., 1.],
       [2., 2., 3., 3.]], dtype=float32)
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike, Shape
from ..numpy.util import canonicalize_axis, canonicalize_shape, ensure_arraylike, promote_dtypes_inexact


class ResizeMethod(enum.Enum):
    """The kernels. NEAREST takes one pixel; CUBIC_PYTORCH is the cubic kernel of PyTorch and OpenCV, without antialiasing alone."""

    NEAREST = 0
    LINEAR = 1
    LANCZOS3 = 2
    LANCZOS5 = 3
    CUBIC = 4
    CUBIC_PYTORCH = 5
    AREA = 6

    @staticmethod
    def from_string(s: str) -> ResizeMethod:
        """The method of a name. Raises ValueError for another."""
        if s not in _NAMES:
            raise ValueError(f'Unknown resize method "{s}"')
        return _NAMES[s]


_NAMES = {
    "nearest": ResizeMethod.NEAREST,
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), ResizeMethod.LINEAR),
    "lanczos3": ResizeMethod.LANCZOS3,
    "lanczos5": ResizeMethod.LANCZOS5,
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), ResizeMethod.CUBIC),
    **dict.fromkeys(("cubic-pytorch", "bicubic-pytorch"), ResizeMethod.CUBIC_PYTORCH),
    "area": ResizeMethod.AREA,
}


def _triangle(x):
    return jnp.maximum(0, 1 - x)


def _lanczos(radius: int) -> Callable:
    """C. Lanczos' window: sinc(x) sinc(x / radius)."""

    def kernel(x):
        y = radius * jnp.sin(math.pi * x) * jnp.sin(math.pi * x / radius)
        near = jnp.where(x > 1e-3, y / jnp.where(x != 0, math.pi**2 * x * x, 1), 1)
        return jnp.where(x > radius, 0.0, near)

    return kernel


def _cubic(a: float) -> Callable:
    """R. Keys, "Cubic convolution interpolation for digital image processing" (1981); a is the slope at distance 1."""

    def kernel(x):
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return jnp.where(x >= 2, 0.0, jnp.where(x >= 1, far, near))

    return kernel


# {method: (how far it reaches, the kernel as a function of the distance)}. The area kernel is computed otherwise.
_KERNELS: dict[ResizeMethod, tuple[int, Callable | None]] = {
    ResizeMethod.LINEAR: (1, _triangle),
    ResizeMethod.LANCZOS3: (3, _lanczos(3)),
    ResizeMethod.LANCZOS5: (5, _lanczos(5)),
    ResizeMethod.CUBIC: (2, _cubic(-0.5)),
    ResizeMethod.CUBIC_PYTORCH: (2, _cubic(-0.75)),
    ResizeMethod.AREA: (1, None),
}


def _normalized(weights):
    """Columns that add up to 1; zeros where they add up to nearly nothing."""
    total = jnp.sum(weights, axis=0, keepdims=True)
    enough = abs(total) > 1000 * float(np.finfo(np.float32).eps)
    return jnp.where(enough, weights / jnp.where(total != 0, total, 1), 0)


def _weights(size: int, out_size: int, scale, translation, method: ResizeMethod, antialias: bool) -> Array:
    """The matrix of the weights, (input, output), along one axis."""
    reach, kernel = _KERNELS[method]
    dtype = jnp.result_type(scale, translation)
    inverse = 1.0 / scale
    # The middle of each output pixel, in input pixels.
    middles = (jnp.arange(out_size, dtype=dtype) + 0.5) * inverse - translation * inverse - 0.5
    # Beyond the edge, PyTorch's kernel takes the pixel at the edge; the others leave out what is not there.
    beyond = reach if method is ResizeMethod.CUBIC_PYTORCH else 0
    places = jnp.arange(-beyond, size + beyond, dtype=dtype)
    if kernel is None:
        left = jnp.arange(out_size, dtype=dtype) * inverse - translation * inverse
        covered = jnp.minimum(left + inverse, places[:, None] + 1) - jnp.maximum(left, places[:, None])
        weights = jnp.maximum(0.0, covered)
    else:
        width = jnp.maximum(inverse, 1.0) if antialias else 1.0
        weights = kernel(abs(middles - places[:, None]) / width)
    if beyond:
        edge = jnp.clip(places.astype("int32"), 0, size - 1)
        return _normalized(jnp.zeros((size, out_size), dtype).at[edge].add(weights))
    inside = (middles >= -0.5) & (middles <= size - 0.5)
    return jnp.where(inside, _normalized(weights), 0)


def _chosen(method: str | ResizeMethod, antialias: bool) -> ResizeMethod:
    method = ResizeMethod.from_string(method) if isinstance(method, str) else method
    return ResizeMethod.CUBIC if method is ResizeMethod.CUBIC_PYTORCH and antialias else method


def _scaled(image, shape, axes, scale, translation, method, antialias, precision):
    operands: list[Any] = [image, list(range(image.ndim))]
    result = list(range(image.ndim))
    for i, axis in enumerate(canonicalize_axis(axis, image.ndim) for axis in axes):
        weights = _weights(image.shape[axis], shape[axis], scale[i], translation[i], method, antialias)
        operands += [weights.astype(image.dtype), [axis, image.ndim + i]]
        result[axis] = image.ndim + i
    return jnp.einsum(*operands, result, precision=precision) if len(operands) > 2 else image


def _check_rank(image: Array, shape: tuple[int, ...]):
    if len(shape) != image.ndim:
        raise ValueError(f"shape must have length equal to the number of dimensions of x;  {shape} vs {image.shape}")


def scale_and_translate(
    image: ArrayLike,
    shape: Shape,
    spatial_dims: Sequence[int],
    scale: ArrayLike,
    translation: ArrayLike,
    method: str | ResizeMethod,
    antialias: bool = True,
    precision: Any = lax.Precision.HIGHEST,
) -> Array:
    """The image scaled and moved along some of its axes, in an array of another shape (`jax.image.scale_and_translate`).

    spatial_dims: the axes. scale, translation: a number for each of them; they may be traced and differentiated. method: a kernel
    or its name, but for "nearest". antialias: widen the kernel where the image shrinks. Pixels from outside of the image are 0.

    Raises ValueError for a shape of another rank and for another method.

    >>> scale_and_translate(np.float32([1, 2]), (4,), (0,), np.float32([2]), np.float32([0]), "linear")
    Array([1.  , 1.25, 1.75, 2.  ], dtype=float32)
    """
    shape = canonicalize_shape(shape)
    image = ensure_arraylike("scale_and_translate", image)
    _check_rank(image, shape)
    method = _chosen(method, antialias)
    if method is ResizeMethod.NEAREST:
        raise ValueError("Nearest neighbor resampling is not currently supported for scale_and_translate.")
    (image,) = promote_dtypes_inexact(image)
    scale, translation = promote_dtypes_inexact(scale, translation)
    return _scaled(image, shape, spatial_dims, scale, translation, method, antialias, precision)


def resize(
    image: ArrayLike,
    shape: Shape,
    method: str | ResizeMethod,
    antialias: bool = True,
    precision: Any = lax.Precision.HIGHEST,
) -> Array:
    """The image in another shape of the same rank (`jax.image.resize`).

    method: "nearest", "linear", "cubic", "lanczos3", "lanczos5", "area", "cubic-pytorch", or a `ResizeMethod`; "bilinear" and the
    like are other names. antialias: widen the kernel along axes that shrink.

    Raises ValueError for a shape of another rank and for an unknown method.

    >>> resize(np.float32([1, 2, 3, 4]), (2,), "linear")
    Array([1.7142857, 3.2857144], dtype=float32)
    """
    shape = canonicalize_shape(shape)
    image = ensure_arraylike("resize", image)
    _check_rank(image, shape)
    axes = [i for i, (old, new) in enumerate(zip(image.shape, shape)) if old != new]
    method = _chosen(method, antialias)
    if method is ResizeMethod.NEAREST:
        for axis in axes:
            places = (np.arange(shape[axis], dtype=np.float32) + np.float32(0.5)) * np.float32(image.shape[axis])
            nearest = np.floor(places / np.float32(shape[axis])).astype(np.int32)
            image = image[(slice(None),) * axis + (jnp.asarray(nearest),)]
        return image
    (image,) = promote_dtypes_inexact(image)
    scale = [shape[axis] / image.shape[axis] if shape[axis] else 1.0 for axis in axes]
    return _scaled(image, shape, axes, scale, [0.0] * len(axes), method, antialias, precision)


__all__ = ["ResizeMethod", "resize", "scale_and_translate"]
