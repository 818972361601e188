"""Signals: convolutions, correlations, trends and spectra (`jax.scipy.signal`). Spectra are in `spectra.py`.

>>> import minijax.numpy as jnp
>>> convolve(jnp.array([1.0, 2.0]), jnp.array([1.0, 1.0]))
Array([1., 3., 2.], dtype=float32)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.vmap import vmap
from ..core.traces import Array
from ..core.types import ArrayLike
from ..numpy import fft as fourier
from ..numpy.util import canonicalize_axis, check_arraylike, ensure_arraylike, promote_dtypes_inexact
from .spectra import csd, detrend, istft, stft, welch

MODES = ("same", "full", "valid")


def _check_mode(mode: str):
    if mode not in MODES:
        raise ValueError(f"mode must be one of {list(MODES)}")


def _larger_first(shape1: Sequence[int], shape2: Sequence[int], message: str) -> bool:
    """Whether the arrays must be exchanged, so that the larger one is first. Raises ValueError if neither is larger."""
    if all(a >= b for a, b in zip(shape1, shape2)):
        return False
    if all(a <= b for a, b in zip(shape1, shape2)):
        return True
    raise ValueError(message)


def fftconvolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: Sequence[int] | None = None) -> Array:
    """The convolution of two arrays by Fourier transforms, over `axes` or all (`jax.scipy.signal.fftconvolve`).

    mode: "full"; "same": the middle of that, of the size of in1; "valid": where the smaller array lies wholly in the larger. Raises
    ValueError for arrays of other ranks, or of other sizes along the other axes.

    >>> fftconvolve(np.float32([1, 2]), np.float32([1, 1])).round(3)
    Array([1., 3., 2.], dtype=float32)
    """
    check_arraylike("fftconvolve", in1, in2)
    in1, in2 = promote_dtypes_inexact(in1, in2)
    ndim = len(in1.shape)
    if ndim != len(in2.shape):
        raise ValueError("in1 and in2 should have the same dimensionality")
    _check_mode(mode)
    axes = range(ndim) if axes is None else [axes] if np.ndim(axes) == 0 else axes
    axes = {canonicalize_axis(axis, ndim) for axis in axes}
    others = [i for i in range(ndim) if i not in axes]
    if any(in1.shape[i] != in2.shape[i] for i in others):
        raise ValueError(
            f"mapped axes must have same shape; got in1.shape={in1.shape!r} in2.shape={in2.shape!r} axes={sorted(axes)!r}"
        )
    function = lambda x, y: _by_transforms(x, y, mode)
    for axis in others:
        function = vmap(function, in_axes=axis, out_axes=axis)
    return function(in1, in2)


def _by_transforms(x: Array, y: Array, mode: str) -> Array:
    full = tuple(a + b - 1 for a, b in zip(x.shape, y.shape))
    if mode == "valid":
        message = "For 'valid' mode, One input must be at least as large as the other in every dimension."
        x, y = (y, x) if _larger_first(x.shape, y.shape, message) else (x, y)
    if all(1 in pair for pair in zip(x.shape, y.shape)):
        out = x * y
    else:
        is_complex = jnp.iscomplexobj(x)
        forward, back = (fourier.fftn, fourier.ifftn) if is_complex else (fourier.rfftn, fourier.irfftn)
        out = back(forward(x, full) * forward(y, full), full)
    shape = {"full": full, "same": x.shape, "valid": tuple(a - b + 1 for a, b in zip(x.shape, y.shape))}[mode]
    starts = tuple((a - b) // 2 for a, b in zip(full, shape))
    return lax.dynamic_slice(out, starts, shape)


def _directly(in1: Any, in2: Any, mode: str, precision: Any) -> Array:
    _check_mode(mode)
    in1, in2 = promote_dtypes_inexact(*ensure_arraylike("convolve", in1, in2))
    if len(in1.shape) != len(in2.shape):
        raise ValueError("in1 and in2 must have the same number of dimensions")
    if not in1.size or not in2.size:
        raise ValueError(f"zero-size arrays not supported in convolutions, got shapes {in1.shape} and {in2.shape}.")
    sizes = in2.shape
    if _larger_first(in1.shape, in2.shape, "One input must be smaller than the other in every dimension."):
        in1, in2 = in2, in1
    window = in2.shape
    pads = {
        "valid": [(0, 0) for _ in window],
        "same": [(k - 1 - (n - 1) // 2, k - n + (n - 1) // 2) for k, n in zip(window, sizes)],
        "full": [(k - 1, k - 1) for k in window],
    }[mode]
    reversed2 = jnp.flip(in2)
    strides = (1,) * len(window)
    return lax.conv_general_dilated(in1[None, None], reversed2[None, None], strides, pads, precision=precision)[0, 0]


def convolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto", precision: Any = None) -> Array:
    """The convolution of two arrays of one rank (`jax.scipy.signal.convolve`); mode as in `fftconvolve`.

    method: "direct" or "auto", or "fft". Raises ValueError for an unknown mode or method, for empty arrays, and unless one array is
    the larger along every axis.

    >>> convolve(np.float32([1, 2, 3]), np.float32([1, 1]), mode="valid")
    Array([3., 5.], dtype=float32)
    """
    if method == "fft":
        return fftconvolve(in1, in2, mode)
    if method not in ("direct", "auto"):
        raise ValueError(f"Got method={method!r}; expected 'auto', 'fft', or 'direct'.")
    return _directly(in1, in2, mode, precision)


def correlate(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto", precision: Any = None) -> Array:
    """The correlation of two arrays of one rank: the convolution with in2 reversed and conjugated
    (`jax.scipy.signal.correlate`).

    >>> correlate(np.float32([1, 2, 3]), np.float32([0, 1]), mode="valid")
    Array([2., 3.], dtype=float32)
    """
    return convolve(in1, jnp.flip(jnp.conj(in2)), mode, precision=precision, method=method)


def _check_plane(name: str, in1: Any, in2: Any, boundary: str, fillvalue: Any):
    if boundary != "fill" or fillvalue != 0:
        raise NotImplementedError(f"{name}() only supports boundary='fill', fillvalue=0")
    if np.ndim(in1) != 2 or np.ndim(in2) != 2:
        raise ValueError(f"{name}() only supports 2-dimensional inputs.")


def convolve2d(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0,
    precision: Any = None,
) -> Array:
    """The convolution of two matrices (`jax.scipy.signal.convolve2d`). Raises NotImplementedError for another boundary than zeros.

    >>> convolve2d(np.ones((2, 2)), np.ones((2, 2)))[1]
    Array([2., 4., 2.], dtype=float32)
    """
    _check_plane("convolve2d", in1, in2, boundary, fillvalue)
    return _directly(in1, in2, mode, precision)


def correlate2d(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0,
    precision: Any = None,
) -> Array:
    """The correlation of two matrices (`jax.scipy.signal.correlate2d`). Raises NotImplementedError for another boundary than zeros.

    >>> correlate2d(np.float32([[1, 2], [3, 4]]), np.float32([[0, 1]]), mode="valid")
    Array([[2.],
           [4.]], dtype=float32)
    """
    _check_plane("correlate2d", in1, in2, boundary, fillvalue)
    in1, in2 = ensure_arraylike("correlate2d", in1, in2)
    smaller = all(a <= b for a, b in zip(in1.shape, in2.shape)) and mode != "same"
    if smaller and (mode != "valid" or in1.shape != in2.shape):
        # A correlation with the arrays exchanged is the reversed conjugate. In "valid" mode it is not conjugated, as in JAX.
        out = _directly(jnp.flip(in2), jnp.conj(in1), mode, precision)
        return out if mode == "valid" else jnp.conj(out)
    return jnp.flip(_directly(jnp.flip(in1), jnp.conj(in2), mode, precision))


__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "csd",
    "detrend",
    "fftconvolve",
    "istft",
    "stft",
    "welch",
]
