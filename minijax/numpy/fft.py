"""Discrete Fourier transforms (`jax.numpy.fft`). Transforms over more than three axes are several of the primitive's.

>>> import minijax.numpy as jnp
>>> jnp.fft.ifft(jnp.fft.fft(jnp.arange(3.0))).real
Array([0., 1., 2.], dtype=float32)
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation import dtypes
from ..foundation.dtypes import finfo
from ..primitives.basis import const
from ..primitives.elementwise import convert_element_type
from ..primitives.fft import FftType
from . import reductions, ufuncs
from .creation import arange, array
from .manipulation import moveaxis
from .repeating import roll
from .util import canonicalize_axis, default_float_dtype, ensure_arraylike, promote_dtypes_inexact

Shape = Sequence[int] | None
Axes = Sequence[int] | None


def _scale(sizes: Sequence[int], dtype: Any, inverse: bool, norm: str) -> Any:
    """The factor of the primitive's result: its forward transforms have none, the inverse ones divide by the size. (As in JAX, hfft
    counts as a forward one, and ihfft as an inverse.)"""
    if norm == "backward":
        return array(1)
    if norm not in ("ortho", "forward"):
        raise ValueError(f'Invalid norm value {norm}; should be "backward","ortho" or "forward".')
    size = reductions.prod(*promote_dtypes_inexact(array(sizes, dtype=dtype)))
    size = ufuncs.sqrt(size) if norm == "ortho" else size
    return size if inverse else 1 / size


def _transform(name: str, kind: FftType, a: ArrayLike, s: Shape, axes: Axes, norm: str | None) -> Array:
    a = ensure_arraylike(f"jax.numpy.fft.{name}", a)
    ndim = len(a.shape)
    if s is not None:
        s = tuple(map(operator.index, s))
        if any(n <= 0 for n in s):
            raise ValueError("Shape should be positive.")
        if axes is not None and len(s) != len(axes):
            raise ValueError("Shape and axes have different lengths.")
    chosen = axes
    if axes is None:
        axes = range(ndim if s is None else len(s))
        axes = tuple(range(ndim - len(axes), ndim))
    if len(axes) != len(set(axes)):
        raise ValueError(f"jax.numpy.fft.{name} does not support repeated axes. Got axes {axes}.")
    if chosen is not None:
        axes = tuple(range(ndim - len(axes), ndim))
        a = moveaxis(a, tuple(chosen), axes)
    if s is not None:
        a = _resized(a, axes, s if kind is not FftType.IRFFT else (*s[:-1], s[-1] // 2 + 1))
    else:
        s = [a.shape[i] for i in axes]
        if kind is FftType.IRFFT and s:
            s[-1] = max(0, 2 * (s[-1] - 1))
    out = _by_threes(a, kind, tuple(s))
    if norm is not None:
        out = out * _scale(s, out.dtype, name.startswith("i"), norm)
    return out if chosen is None else moveaxis(out, axes, tuple(chosen))


def _resized(a: Array, axes: Sequence[int], sizes: Sequence[int]) -> Array:
    """The array cut, or filled with zeros behind, to these sizes."""
    wanted = list(a.shape)
    if len(axes) > len(wanted):
        raise ValueError(f"jax.numpy.fft transforms {len(axes)} axes, and the array has shape {a.shape}.")
    for axis, n in zip(axes, sizes):
        wanted[axis] = n
    a = a[tuple(slice(n) for n in wanted)]
    return lax.pad(a, const(a, 0), [(0, n - m, 0) for n, m in zip(wanted, a.shape)])


def _by_threes(a: Array, kind: FftType, s: tuple[int, ...]) -> Array:
    """The primitive over the last `len(s)` axes: three at a time, of which the last hold the real transform, if it is one."""
    if len(s) <= 3:
        return lax.fft(a, kind, s)
    n, ndim = (2 if len(s) == 4 else 3), len(a.shape)
    before, behind = tuple(range(ndim - len(s), ndim - n)), tuple(range(ndim - len(s) + n, ndim))
    if kind in (FftType.RFFT, FftType.FFT):
        a = moveaxis(lax.fft(a, kind, s[-n:]), before, behind)
        return moveaxis(_by_threes(a, FftType.FFT, s[:-n]), behind, before)
    a = _by_threes(moveaxis(a, before, behind), FftType.IFFT, s[:-n])
    return lax.fft(moveaxis(a, behind, before), kind, s[-n:])


def fftn(a: ArrayLike, s: Shape = None, axes: Axes = None, norm: str | None = None) -> Array:
    """The transform over several axes, by default all (`jax.numpy.fft.fftn`).

    s: the sizes to which the axes are cut or filled with zeros. norm: "backward" (as None: the inverse divides by the size),
    "forward" (this one does) or "ortho" (both divide by its root). Raises ValueError for repeated axes, sizes that are not positive
    or not one for each axis, and an unknown `norm`. The other functions of this module take these arguments likewise.

    >>> fftn(np.ones((2, 2)))
    Array([[4.+0.j, 0.+0.j],
           [0.+0.j, 0.+0.j]], dtype=complex64)
    """
    return _transform("fftn", FftType.FFT, a, s, axes, norm)


def ifftn(a: ArrayLike, s: Shape = None, axes: Axes = None, norm: str | None = None) -> Array:
    """The inverse of `fftn` (`jax.numpy.fft.ifftn`).

    >>> ifftn(np.ones((2, 2)))[0]
    Array([1.+0.j, 0.+0.j], dtype=complex64)
    """
    return _transform("ifftn", FftType.IFFT, a, s, axes, norm)


def rfftn(a: ArrayLike, s: Shape = None, axes: Axes = None, norm: str | None = None) -> Array:
    """`fftn` of a real array, without the negative frequencies of the last axis (`jax.numpy.fft.rfftn`).

    >>> rfftn(np.ones((2, 3))).shape
    (2, 2)
    """
    return _transform("rfftn", FftType.RFFT, a, s, axes, norm)


def irfftn(a: ArrayLike, s: Shape = None, axes: Axes = None, norm: str | None = None) -> Array:
    """The inverse of `rfftn`; an odd last size needs `s` (`jax.numpy.fft.irfftn`).

    >>> irfftn(rfftn(np.ones((2, 4)))).shape
    (2, 4)
    """
    return _transform("irfftn", FftType.IRFFT, a, s, axes, norm)


def _along_one(name: str, kind: FftType, a: ArrayLike, n: int | None, axis: Any, norm: str | None) -> Array:
    if isinstance(axis, (list, tuple)):
        full = f"jax.numpy.fft.{name}"
        raise ValueError(f"{full} does not support multiple axes. Please use {full}n. Got axis = {axis!r}.")
    return _transform(name, kind, a, None if n is None else [n], None if axis is None else [axis], norm)


def fft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The transform along an axis: sum_k a_k exp(-2 pi i j k / n) at j (`jax.numpy.fft.fft`).

    >>> fft(np.float32([1, 0]))
    Array([1.+0.j, 1.+0.j], dtype=complex64)
    """
    return _along_one("fft", FftType.FFT, a, n, axis, norm)


def ifft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The inverse of `fft` (`jax.numpy.fft.ifft`).

    >>> ifft(np.float32([1, 1]))
    Array([1.+0.j, 0.+0.j], dtype=complex64)
    """
    return _along_one("ifft", FftType.IFFT, a, n, axis, norm)


def rfft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """`fft` of a real array, without the negative frequencies (`jax.numpy.fft.rfft`).

    >>> rfft(np.float32([1, 0, 0])).shape
    (2,)
    """
    return _along_one("rfft", FftType.RFFT, a, n, axis, norm)


def irfft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The inverse of `rfft`; an odd size needs `n` (`jax.numpy.fft.irfft`).

    >>> irfft(np.float32([1, 1]))
    Array([1., 0.], dtype=float32)
    """
    return _along_one("irfft", FftType.IRFFT, a, n, axis, norm)


def hfft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """`fft` of an array whose negative part is the conjugate of the given one, and which is real for it (`jax.numpy.fft.hfft`).

    >>> hfft(np.float32([1, 1]))
    Array([2., 0.], dtype=float32)
    """
    conjugate = ufuncs.conj(a)
    size = n
    if n is None and not isinstance(axis, (list, tuple)):
        size = (conjugate.shape[canonicalize_axis(axis, len(conjugate.shape), IndexError)] - 1) * 2
    return _along_one("hfft", FftType.IRFFT, conjugate, n, axis, norm) * size


def ihfft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The inverse of `hfft` (`jax.numpy.fft.ihfft`).

    >>> ihfft(np.float32([2, 0])).real
    Array([1., 1.], dtype=float32)
    """
    a = ensure_arraylike("ihfft", a)
    size = n
    if n is None and not isinstance(axis, (list, tuple)):
        size = a.shape[axis]
    out = _along_one("ihfft", FftType.RFFT, a, n, axis, norm)
    if not size:
        raise ValueError("jax.numpy.fft.ihfft needs an element to divide by the number of elements, got none.")
    return ufuncs.conj(out) * (1 / size)


def _along_two(name: str, kind: FftType, a: ArrayLike, s: Shape, axes: Sequence[int], norm: str | None) -> Array:
    if len(axes) != 2:
        raise ValueError(f"jax.numpy.fft.{name} only supports 2 axes. Got axes = {axes!r}.")
    return _transform(name, kind, a, s, axes, norm)


def fft2(a: ArrayLike, s: Shape = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Array:
    """`fftn` over two axes (`jax.numpy.fft.fft2`).

    >>> fft2(np.ones((2, 2)))[0]
    Array([4.+0.j, 0.+0.j], dtype=complex64)
    """
    return _along_two("fft2", FftType.FFT, a, s, axes, norm)


def ifft2(a: ArrayLike, s: Shape = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Array:
    """`ifftn` over two axes (`jax.numpy.fft.ifft2`).

    >>> ifft2(np.ones((2, 2)))[0]
    Array([1.+0.j, 0.+0.j], dtype=complex64)
    """
    return _along_two("ifft2", FftType.IFFT, a, s, axes, norm)


def rfft2(a: ArrayLike, s: Shape = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Array:
    """`rfftn` over two axes (`jax.numpy.fft.rfft2`).

    >>> rfft2(np.ones((2, 3))).shape
    (2, 2)
    """
    return _along_two("rfft2", FftType.RFFT, a, s, axes, norm)


def irfft2(a: ArrayLike, s: Shape = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Array:
    """`irfftn` over two axes (`jax.numpy.fft.irfft2`).

    >>> irfft2(np.ones((2, 2))).shape
    (2, 2)
    """
    return _along_two("irfft2", FftType.IRFFT, a, s, axes, norm)


def _check_numbers(name: str, n: Any, d: Any):
    if isinstance(n, (list, tuple)):
        raise ValueError(f"The n argument of jax.numpy.fft.{name} only takes an int. Got n = {list(n)}.")
    if isinstance(d, (list, tuple)):
        raise ValueError(f"The d argument of jax.numpy.fft.{name} only takes a single value. Got d = {list(d)}.")


def fftfreq(n: int, d: ArrayLike = 1.0, *, dtype: DTypeLike | None = None, device: Any = None) -> Array:
    """The frequencies of `fft`'s results, in cycles per unit of the step `d`: first the positive ones (`jax.numpy.fft.fftfreq`).

    >>> fftfreq(4)
    Array([ 0.  ,  0.25, -0.5 , -0.25], dtype=float32)
    """
    _check_numbers("fftfreq", n, d)
    wanted = default_float_dtype() if dtype is None else dtypes.canonicalize_dtype(dtype)
    real = finfo(dtypes.to_inexact_dtype(wanted)).dtype
    places = arange(n, dtype=real, device=device)
    k = (places + n // 2) % n - n // 2
    return convert_element_type(k / array(d * n, dtype=real), wanted)


def rfftfreq(n: int, d: ArrayLike = 1.0, *, dtype: DTypeLike | None = None, device: Any = None) -> Array:
    """The frequencies of `rfft`'s results (`jax.numpy.fft.rfftfreq`).

    >>> rfftfreq(4)
    Array([0.  , 0.25, 0.5 ], dtype=float32)
    """
    _check_numbers("rfftfreq", n, d)
    wanted = default_float_dtype() if dtype is None else dtypes.canonicalize_dtype(dtype)
    return arange(0, n // 2 + 1, dtype=wanted, device=device) / array(d * n, dtype=wanted)


def _shifted(name: str, x: ArrayLike, axes: int | Sequence[int] | None, sign: int) -> Array:
    x = ensure_arraylike(name, x)
    if axes is None:
        axes = range(len(x.shape))
    axes = (axes,) if np.ndim(axes) == 0 else tuple(axes)
    return roll(x, [sign * (x.shape[canonicalize_axis(axis, len(x.shape), IndexError)] // 2) for axis in axes], axes)


def fftshift(x: ArrayLike, axes: int | Sequence[int] | None = None) -> Array:
    """The array with frequency 0 in the middle of the axes, by default of all (`jax.numpy.fft.fftshift`).

    >>> fftshift(fftfreq(4))
    Array([-0.5 , -0.25,  0.  ,  0.25], dtype=float32)
    """
    return _shifted("fftshift", x, axes, 1)


def ifftshift(x: ArrayLike, axes: int | Sequence[int] | None = None) -> Array:
    """The inverse of `fftshift` (`jax.numpy.fft.ifftshift`).

    >>> ifftshift(fftshift(np.arange(3)))
    Array([0, 1, 2], dtype=int32)
    """
    return _shifted("ifftshift", x, axes, -1)


# fmt: off
__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "irfft", "irfft2",
    "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]
# fmt: on
