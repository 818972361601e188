"""`fft`: discrete Fourier transforms over the last axes, of complex numbers, of real ones, and back."""

from __future__ import annotations

import enum
import math
import operator
from collections.abc import Sequence

import numpy as np

from ..core.avals import ShapedArray
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike
from ..foundation.dtypes import issubdtype, to_inexact_dtype
from .basis import broadcast_in_dim, const, full, linear_row, move_batch_dim
from .dynamic_slices import dynamic_update_slice
from .elementwise import conj, convert_element_type, div_p, mul_p


class FftType(enum.IntEnum):
    """The kinds of transform: complex to complex and its inverse, real to complex (the non-negative frequencies) and back.

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.fft(jnp.ones(4), lax.FftType.RFFT, (4,)).shape
    (3,)
    """

    __module__ = "minijax.lax"

    FFT = 0
    IFFT = 1
    RFFT = 2
    IRFFT = 3


def fft(x: ArrayLike, fft_type: FftType | str, fft_lengths: Sequence[int]) -> Array:
    """The Fourier transform over the last `len(fft_lengths)` axes (`lax.fft`).

    fft_type: an `FftType` or its name. fft_lengths: the sizes of these axes; of the real array's, where the other one is complex.
    The result is complex64 for float32 and narrower dtypes, complex128 for float64; that of IRFFT is real. Raises ValueError for
    an unknown name and for axes of other sizes.

    >>> import minijax.numpy as jnp
    >>> fft(jnp.ones(2), "rfft", (2,))
    Array([2.+0.j, 0.+0.j], dtype=complex64)
    """
    kind = _kind(fft_type)
    dtype = get_aval(x).dtype
    if kind is FftType.RFFT:
        if issubdtype(dtype, np.complexfloating):
            raise ValueError("only real valued inputs supported for rfft")
        x = convert_element_type(x, to_inexact_dtype(dtype))
    else:
        x = convert_element_type(x, _complex_dtype(to_inexact_dtype(dtype)))
    lengths = tuple(operator.index(n) for n in fft_lengths)
    return fft_p.bind(x, fft_type=kind, fft_lengths=lengths) if lengths else x


def _kind(fft_type) -> FftType:
    if isinstance(fft_type, FftType):
        return fft_type
    if not isinstance(fft_type, str):
        raise TypeError(f"Unknown FFT type value '{fft_type}'")
    if fft_type not in (name for kind in FftType for name in (kind.name, kind.name.lower())):
        raise ValueError(f"Unknown FFT type '{fft_type}'")
    return FftType[fft_type.upper()]


def _complex_dtype(dtype):
    return np.dtype("complex128" if dtype.char in "dD" else "complex64")


def _real_dtype(dtype):
    return np.dtype("float64" if dtype.char in "dD" else "float32")


def _fft_abstract_eval(x, *, fft_type, fft_lengths):
    n = len(fft_lengths)
    if n > x.ndim:
        raise ValueError(
            f"FFT input shape {x.shape} must have at least as many input dimensions as fft_lengths {fft_lengths}."
        )
    expected, accepted = fft_lengths, "fd" if fft_type is FftType.RFFT else "FD"
    if x.dtype.char not in accepted:
        kinds = "float32 or float64" if fft_type is FftType.RFFT else "complex64 or complex128"
        raise ValueError(f"{fft_type.name} input must be {kinds}, got {x.dtype}")
    found, before = x.shape[x.ndim - n :], x.shape[: x.ndim - n]
    if fft_type is FftType.IRFFT:
        found, expected = found[:-1], fft_lengths[:-1]
    if found != expected:
        raise ValueError(
            f"{fft_type.name} input shape {x.shape} minor dimensions must be equal to fft_lengths {fft_lengths}, but for the"
            " last one of an IRFFT."
        )
    if fft_type is FftType.RFFT:
        return ShapedArray((*before, *fft_lengths[:-1], fft_lengths[-1] // 2 + 1), _complex_dtype(x.dtype), x.weak_type)
    if fft_type is FftType.IRFFT:
        return ShapedArray((*before, *fft_lengths), _real_dtype(x.dtype), x.weak_type)
    return x


def _fft_impl(x, *, fft_type, fft_lengths):
    axes = tuple(range(x.ndim - len(fft_lengths), x.ndim))
    if 0 in x.shape or 0 in fft_lengths:
        last = fft_lengths[-1] // 2 + 1 if fft_type == FftType.RFFT else fft_lengths[-1]
        dtype = _real_dtype(x.dtype) if fft_type == FftType.IRFFT else _complex_dtype(x.dtype)
        return np.zeros((*x.shape[: axes[0]], *fft_lengths[:-1], last), dtype)
    function = (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn)[int(fft_type)]
    return function(x, fft_lengths, axes)


def _weights(size: int, length: int, dtype):
    """How often each non-negative frequency counts: twice, as its negative has the same part; the first, and for an even length the
    last, are their own negatives."""
    weights = dynamic_update_slice(full((size,), 2, dtype), full((1,), 1, dtype), (0,))
    return weights if length % 2 else dynamic_update_slice(weights, full((1,), 1, dtype), (size - 1,))


def _fft_transpose(ct, x, *, fft_type, fft_lengths):
    ndim, size = len(ct.shape), math.prod(fft_lengths)
    if fft_type is FftType.RFFT:
        weights = _weights(ct.shape[-1], fft_lengths[-1], ct.dtype)
        weights = broadcast_in_dim(weights, (*[1] * (ndim - 1), ct.shape[-1]), (ndim - 1,))
        out = fft(div_p.bind(conj(ct), weights), FftType.IRFFT, fft_lengths)
        return [mul_p.bind(const(out, float(size)), out)]
    out = fft(ct, FftType.RFFT if fft_type is FftType.IRFFT else fft_type, fft_lengths)
    if fft_type is FftType.IRFFT:
        weights = _weights(out.shape[-1], fft_lengths[-1], out.dtype)
        weights = broadcast_in_dim(weights, (*[1] * (ndim - 1), out.shape[-1]), (ndim - 1,))
        out = conj(mul_p.bind(mul_p.bind(const(out, 1 / size), weights), out))
    return [out]


def _fft_batch(axis, args, dims, *, fft_type, fft_lengths):
    return fft(move_batch_dim(args[0], dims[0], 0), fft_type, fft_lengths), 0


fft_p = linear_row(
    "fft",
    impl=_fft_impl,
    abstract_eval=_fft_abstract_eval,
    transpose=_fft_transpose,
    batch=_fft_batch,
)
