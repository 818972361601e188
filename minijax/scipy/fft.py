"""Discrete cosine transforms of type 2 and their inverses (`jax.scipy.fft`).

One Fourier transform of the reordered array gives a cosine transform (J. Makhoul, "A fast cosine transform in one and two
dimensions", IEEE Trans. ASSP 28, 1980): the even places in front, the odd ones behind in reversed order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..numpy import fft as fourier
from ..numpy.util import canonicalize_axis, canonicalize_axis_tuple, ensure_arraylike, promote_dtypes_inexact
from ..primitives.basis import const, expand_dims


def _checked(name: str, x: ArrayLike, type: int, norm: str | None) -> Array:
    x = ensure_arraylike(name, x)
    if type != 2:
        raise NotImplementedError("Only DCT type 2 is implemented.")
    if norm not in (None, "backward", "ortho"):
        raise ValueError(f"jax.scipy.fft.{name}: norm={norm!r} is not implemented")
    return x


def _by_parts(transform: Callable, x: Array) -> Array:
    """The transform of a complex array: that of its real part and of its imaginary part."""
    if not dtypes.issubdtype(x.dtype, np.complexfloating):
        return transform(x)
    return lax.complex(transform(x.real), transform(x.imag))


def _resized(x: Array, sizes: dict[int, int]) -> Array:
    """The array cut, or filled with zeros behind, to these sizes of axes."""
    widths = [(0, sizes[a] - x.shape[a] if a in sizes else 0, 0) for a in range(len(x.shape))]
    return lax.pad(x, const(x, 0), widths) if sizes else x


def _column(vector: Array, ndim: int, axis: int) -> Array:
    return expand_dims(vector, [a for a in range(ndim) if a != axis])


def _turn(size: int, ndim: int, axis: int, dtype) -> Array:
    """exp(-i pi k / 2N) for each frequency k: the reordered array begins half a step late."""
    k = _column(jnp.arange(size, dtype=dtype), ndim, axis)
    return jnp.exp(-0.5j * np.pi * k / size)


def _orthonormal(x: Array, axis: int) -> Array:
    """The transform's results divided by the norm of their cosine, which is twice as great for frequency 0."""
    size = x.shape[axis]
    squares = lax.concatenate([lax.full((1,), 4, x.dtype), lax.full((size - 1,), 2, x.dtype)], 0)
    return x / lax.sqrt(_column(squares, len(x.shape), axis) * size)


def _dct(x: Array, axis: int, norm: str | None) -> Array:
    size, ndim = x.shape[axis], len(x.shape)
    even = lax.slice_in_dim(x, 0, size, 2, axis)
    odd = lax.rev(lax.slice_in_dim(x, min(1, size), size, 2, axis), (axis,))
    spectrum = fourier.fft(lax.concatenate([even, odd], axis), axis=axis)
    out = 2 * (spectrum * _turn(size, ndim, axis, spectrum.real.dtype)).real
    return _orthonormal(out, axis) if norm == "ortho" else out


def _idct(x: Array, axis: int, norm: str | None) -> Array:
    (x,) = promote_dtypes_inexact(x)
    size, ndim = x.shape[axis], len(x.shape)
    for _ in range(1 if norm == "ortho" else 2):
        x = _orthonormal(x, axis)
    turned = x / _turn(size, ndim, axis, x.dtype) * (2 * size)
    mixed = fourier.ifft(turned, axis=axis).real
    half = -(-size // 2)
    even = lax.slice_in_dim(mixed, 0, half, 1, axis)
    odd = lax.rev(lax.slice_in_dim(mixed, half, size, 1, axis), (axis,))
    whole = (slice(None),) * axis
    out = jnp.zeros(x.shape, mixed.dtype).at[(*whole, slice(None, None, 2))].set(even)
    return out.at[(*whole, slice(1, None, 2))].set(odd)


def _along_one(transform: Callable, x: Array, n: int | None, axis: int, norm: str | None) -> Array:
    axis = canonicalize_axis(axis, len(x.shape))
    sizes = {} if n is None else {axis: n}
    return _by_parts(lambda part: transform(_resized(part, sizes), axis, norm), x)


def _along_many(transform: Callable, x: Array, s, axes, norm: str | None) -> Array:
    ndim = len(x.shape)
    if s is not None:
        s = list(s) if np.iterable(s) else [operator.index(s)]
        if len(s) > ndim:
            raise ValueError(f"s must have at most x.ndim ({ndim}) elements, got {len(s)}")
    if axes is None:
        axes = tuple(range(ndim - len(s), ndim)) if s is not None else tuple(range(ndim))
    axes = canonicalize_axis_tuple(axes, ndim)
    x = _resized(x, {} if s is None else dict(zip(axes, s)))
    for axis in axes:
        x = _by_parts(lambda part, axis=axis: transform(part, axis, norm), x)
    return x


def dct(x: ArrayLike, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The cosine transform along an axis: 2 sum_j x_j cos(pi k (2j + 1) / 2N) at k (`jax.scipy.fft.dct`).

    n: the size to which the axis is cut or filled with zeros. norm: None or "backward", or "ortho" for an orthogonal transform.
    Raises NotImplementedError for another type than 2, ValueError for another norm.

    >>> dct(np.float32([1, 1])).round(3)
    Array([4., 0.], dtype=float32)
    """
    return _along_one(_dct, _checked("dct", x, type, norm), n, axis, norm)


def dctn(
    x: ArrayLike,
    type: int = 2,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Array:
    """`dct` along several axes, by default all (`jax.scipy.fft.dctn`). s: the sizes of these axes.

    >>> dctn(np.ones((2, 2))).round(3)[0]
    Array([16.,  0.], dtype=float32)
    """
    return _along_many(_dct, _checked("dctn", x, type, norm), s, axes, norm)


def idct(x: ArrayLike, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The inverse of `dct` (`jax.scipy.fft.idct`).

    >>> idct(np.float32([4, 0])).round(3)
    Array([1., 1.], dtype=float32)
    """
    return _along_one(_idct, _checked("idct", x, type, norm), n, axis, norm)


def idctn(
    x: ArrayLike,
    type: int = 2,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Array:
    """The inverse of `dctn` (`jax.scipy.fft.idctn`).

    >>> idctn(np.float32([[16, 0], [0, 0]])).round(3)[0]
    Array([1., 1.], dtype=float32)
    """
    return _along_many(_idct, _checked("idctn", x, type, norm), s, axes, norm)


__all__ = ["dct", "dctn", "idct", "idctn"]
