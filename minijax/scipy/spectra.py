"""Spectra of signals by windows that overlap, and trends: the part of `jax.scipy.signal` that P. D. Welch's method needs ("The use
of fast Fourier transform for the estimation of power spectra", IEEE Trans. Audio 15, 1967)."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array, Tracer
from ..core.types import ArrayLike
from ..foundation import dtypes, errors
from ..numpy import fft as fourier
from ..numpy.util import canonicalize_axis, ensure_arraylike, promote_dtypes_inexact
from ..primitives.basis import const, expand_dims
from ..primitives.elementwise import convert_element_type


def _complex(dtype):
    return np.dtype("complex128" if dtype == np.float64 or dtype == np.complex128 else "complex64")


def _known(x: Any, name: str) -> int:
    x = np.asarray(x._concrete(errors.concretization, name))[()] if isinstance(x, Tracer) else x
    return int(x) if isinstance(x, (float, np.floating)) else operator.index(x)


# ---------------------------------------------------------------------------------------------------------------------
# Trends


def detrend(
    data: ArrayLike,
    axis: int = -1,
    type: str = "linear",
    bp: int | Sequence[int] | np.ndarray = 0,
    overwrite_data: None = None,
) -> Array:
    """The data without their mean, or without the line of least squares, in the pieces between break points
    (`jax.scipy.signal.detrend`).

    type: "constant" or "linear"; bp: where pieces begin. Raises ValueError for another type and for break points outside.

    >>> detrend(np.float32([1, 2, 4])).round(3)
    Array([ 0.167, -0.333,  0.167], dtype=float32)
    """
    if overwrite_data is not None:
        raise NotImplementedError("overwrite_data argument not implemented.")
    if type not in ("constant", "linear"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    (data,) = promote_dtypes_inexact(jnp.asarray(data))
    if type == "constant":
        return data - data.mean(axis, keepdims=True)
    size = data.shape[axis]
    places = np.unique(np.r_[0, bp, size])
    if places[0] < 0 or places[-1] > size:
        raise ValueError("Breakpoints must be non-negative and less than length of data along given axis.")
    data = jnp.moveaxis(data, axis, 0)
    pieces = []
    for start, stop in zip(places[:-1].tolist(), places[1:].tolist()):
        piece, count = data[start:stop], stop - start
        centred = np.arange(count) - (count - 1) / 2
        squares = float((centred**2).sum())
        shape = (count, *[1] * (len(data.shape) - 1))
        line = lax.reshape(jnp.asarray(centred, np.zeros((), data.dtype).real.dtype), shape)
        slope = (piece * line).sum(0) / squares if squares else 0
        pieces.append(piece - piece.mean(0) - slope * line)
    return jnp.moveaxis(jnp.concatenate(pieces), 0, axis)


# ---------------------------------------------------------------------------------------------------------------------
# Windows and segments


def _named_window(window: Any, size: int, dtype) -> Array:
    if isinstance(window, str) and window == "hann":
        return convert_element_type(np.sin(np.arange(size) * (np.pi / size)) ** 2 if size > 1 else np.ones(1), dtype)
    try:
        signal = import_module("scipy.signal")
    except ImportError as error:
        raise ImportError(f"scipy must be available to use window={window!r}: pip install scipy") from error
    return convert_element_type(signal.get_window(window, size), dtype)


def _window(window: Any, nperseg: int | None, size: int, dtype) -> tuple[Array, int]:
    """(the window, the length of a segment)"""
    if isinstance(window, (str, tuple)):
        length = size if nperseg is None else nperseg
        if length > size:
            warnings.warn(f"nperseg={length} is greater than input_length={size}, using nperseg={size}", stacklevel=4)
            length = size
        return _named_window(window, length, dtype), length
    found = jnp.asarray(window, dtype=dtype)
    if len(found.shape) != 1:
        raise ValueError("window must be 1-D")
    if size < found.size:
        raise ValueError("window is longer than input signal")
    if nperseg not in (None, found.size):
        raise ValueError("value specified for nperseg is different from length of window")
    return found, found.size


def _odd(x: Array, n: int) -> Array:
    """The signal continued at both ends, turned by half a turn about the end."""
    size = x.shape[-1]
    before, after = jnp.flip(x[..., 1 : n + 1], -1), jnp.flip(x[..., size - n - 1 : size - 1], -1)
    return jnp.concatenate([2 * x[..., :1] - before, x, 2 * x[..., -1:] - after], -1)


def _continued(mode: str) -> Callable[[Array, int], Array]:
    return lambda x, n: jnp.pad(x, [*[(0, 0)] * (len(x.shape) - 1), (n, n)], mode)


_BOUNDARIES: dict[str | None, Callable[[Array, int], Array]] = {
    "even": _continued("reflect"),
    "odd": lambda x, n: _odd(x, n) if n else x,
    "constant": _continued("edge"),
    "zeros": _continued("constant"),
    None: lambda x, n: x,
}


def _with_zeros(x: Array, count: int) -> Array:
    return jnp.concatenate([x, jnp.zeros_like(x, shape=(*x.shape[:-1], count))], -1) if count else x


def _transformed(x: Array, window: Array, trend: Callable, step: int, nfft: int, twosided: bool) -> Array:
    """The transforms of the segments, along the last axis."""
    size = window.shape[0]
    starts = np.arange(0, x.shape[-1] - size + 1, step)
    segments = trend(x[..., (starts[:, None] + np.arange(size)).astype(np.int32)])
    segments = window * segments
    return fourier.fft(segments, n=nfft) if twosided else fourier.rfft(jnp.real(segments), n=nfft)


def _trend(detrend_type: Any, axis: int, ndim: int) -> Callable[[Array], Array]:
    if isinstance(detrend_type, str):
        return lambda x: detrend(x, type=detrend_type, axis=-1)
    if callable(detrend_type):
        if axis == ndim - 1:
            return detrend_type
        return lambda x: jnp.moveaxis(detrend_type(jnp.moveaxis(x, axis, -1)), -1, axis)
    if detrend_type:
        raise ValueError(f"Unsupported detrend type: {detrend_type}")
    return lambda x: x


def _signals(x: Any, y: Any, axis: int) -> tuple[Array, Array | None, int, tuple[int, ...]]:
    """The signals in one dtype, the axis from the front, and the shape of the other axes."""
    if y is None:
        (x,) = promote_dtypes_inexact(ensure_arraylike("spectral_helper", x))
    else:
        x, y = promote_dtypes_inexact(*ensure_arraylike("spectral_helper", x, y))
    axis = canonicalize_axis(axis, len(x.shape))
    others = lambda a: tuple(n for i, n in enumerate(a.shape) if i != axis)
    if y is None:
        return x, None, axis, others(x)
    if len(x.shape) != len(y.shape):
        raise ValueError(f"two-arguments must have the same rank ({len(x.shape)} vs {len(y.shape)}).")
    try:
        return x, y, axis, jnp.broadcast_shapes(others(x), others(y))
    except ValueError as error:
        raise ValueError("x and y cannot be broadcast together.") from error


def _sizes(nperseg: int, noverlap: Any, nfft: Any) -> tuple[int, int]:
    noverlap = nperseg // 2 if noverlap is None else _known(noverlap, "noverlap of windowed-FFT")
    nfft = nperseg if nfft is None else _known(nfft, "nfft of windowed-FFT")
    if nfft < nperseg:
        raise ValueError("nfft must be greater than or equal to nperseg.")
    if noverlap >= nperseg:
        raise ValueError("noverlap must be less than nperseg.")
    return noverlap, nfft


def _scale(scaling: str, fs: Any, window: Array, mode: str) -> Array:
    if scaling not in ("density", "spectrum"):
        raise ValueError(f"Unknown scaling: {scaling}")
    scale = 1.0 / (fs * (window * window).sum()) if scaling == "density" else 1.0 / window.sum() ** 2
    scale = jnp.sqrt(scale) if mode == "stft" else scale
    return convert_element_type(scale, _complex(scale.dtype))


def _spectra(
    x, y, fs, window, nperseg, noverlap, nfft, detrend_type, onesided, scaling, axis, mode, boundary=None, padded=False
) -> tuple[Array, Array, Array]:
    """(frequencies, times, spectra) of the segments: power or cross spectra for the mode "psd", else the transforms."""
    if boundary not in _BOUNDARIES:
        raise ValueError(f"Unknown boundary option '{boundary}', must be one of: {list(_BOUNDARIES)}")
    x, y, axis, others = _signals(x, y, _known(axis, "axis of windowed-FFT"))
    out_dtype = _complex(x.dtype)
    real = np.zeros((), out_dtype).real.dtype
    if nperseg is not None and (nperseg := _known(nperseg, "nperseg of windowed-FFT")) < 1:
        raise ValueError("nperseg must be a positive integer")
    win, nperseg = _window(window, nperseg, x.shape[axis], x.dtype)
    signals = [x] if y is None else [x, y]
    if any(s.size == 0 for s in signals):
        shape = (*others[:axis], min(s.shape[axis] for s in signals), *others[axis:])
        return jnp.zeros(shape, real), jnp.zeros(shape, real), jnp.zeros(shape, out_dtype)
    ndim, longest = len(x.shape), max(s.shape[axis] for s in signals)
    signals = [jnp.moveaxis(s, axis, -1) for s in signals]
    signals = [_with_zeros(s, longest - s.shape[-1]) for s in signals]
    noverlap, nfft = _sizes(nperseg, noverlap, nfft)
    step = nperseg - noverlap
    signals = [_BOUNDARIES[boundary](s, nperseg // 2) for s in signals]
    if padded:
        signals = [_with_zeros(s, -(s.shape[-1] - nperseg) % step % nperseg) for s in signals]
    scale = _scale(scaling, fs, win, mode)
    twosided = not onesided or any(map(jnp.iscomplexobj, signals))
    if twosided and onesided:
        warnings.warn("Input data is complex, switching to return_onesided=False", stacklevel=3)
    freqs = (fourier.fftfreq if twosided else fourier.rfftfreq)(nfft, 1 / fs, dtype=real)
    trend = _trend(detrend_type, axis, ndim)
    found = [_transformed(s, win, trend, step, nfft, twosided) for s in signals]
    out = found[0] if mode == "stft" else jnp.conj(found[0]) * found[-1]
    out = out * scale
    if mode == "psd" and not twosided:
        # The frequencies that have a negative one beside them count twice.
        out = out.at[..., 1 : None if nfft % 2 else -1].mul(2)
    time = jnp.arange(nperseg / 2, signals[0].shape[-1] - nperseg / 2 + 1, step, dtype=real) / fs
    time = time if boundary is None else time - nperseg / 2 / fs
    out = convert_element_type(out, out_dtype)
    if y is None and mode == "psd":
        out = jnp.real(out)
    return freqs, time, jnp.moveaxis(out, -1, axis)


def stft(
    x: ArrayLike,
    fs: ArrayLike = 1.0,
    window: Any = "hann",
    nperseg: int = 256,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = False,
    return_onesided: bool = True,
    boundary: str | None = "zeros",
    padded: bool = True,
    axis: int = -1,
) -> tuple[Array, Array, Array]:
    """(frequencies, times, transforms) of segments of the signal, times a window (`jax.scipy.signal.stft`).

    fs: the number of samples in a unit of time. window: an array; "hann"; or another name of SciPy's, which must be installed then.
    nperseg, noverlap: the length of a segment and how much of it is in the next; nfft: the length of the transform. boundary: how
    the signal goes on at its ends, "even", "odd", "constant", "zeros" or None. Raises ValueError for lengths that do not fit.

    >>> f, t, Z = stft(np.ones(8, np.float32), nperseg=4)
    >>> f.shape, t.shape, Z.shape
    ((3,), (5,), (3, 5))
    """
    options = (x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, "spectrum", axis, "stft")
    return _spectra(*options, boundary=boundary, padded=padded)


def csd(
    x: ArrayLike,
    y: ArrayLike | None,
    fs: ArrayLike = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Array, Array]:
    """(frequencies, cross spectrum of two signals), averaged over segments (`jax.scipy.signal.csd`).

    scaling: "density" or "spectrum"; average: "mean" or "median". The other arguments are as in `stft`.

    >>> csd(np.ones(8, np.float32), np.ones(8, np.float32), nperseg=4)[1].shape
    (3,)
    """
    options = (x, y, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, "psd")
    freqs, _, spectrum = _spectra(*options)
    if y is not None:
        spectrum = spectrum + 0j
    if len(spectrum.shape) < 2 or not spectrum.size:
        return freqs, spectrum
    if spectrum.shape[-1] == 1:
        return freqs, spectrum.reshape(spectrum.shape[:-1])
    if average == "mean":
        return freqs, spectrum.mean(-1)
    if average != "median":
        raise ValueError(f'average must be "median" or "mean", got {average}')
    parts = (jnp.real(spectrum), jnp.imag(spectrum)) if jnp.iscomplexobj(spectrum) else (spectrum,)
    medians = [jnp.median(part, -1) for part in parts]
    median = medians[0] + 1j * medians[1] if len(parts) == 2 else medians[0]
    return freqs, median / const(median, _median_bias(spectrum.shape[-1]))


def _median_bias(n: int) -> float:
    """How much greater than the mean the median of n periodograms is (B. Allen et al., "FINDCHIRP", Phys. Rev. D 85, 2012)."""
    even = np.arange(2.0, n, 2)
    return float(1 + np.sum(1 / (even + 1) - 1 / even))


def welch(
    x: ArrayLike,
    fs: ArrayLike = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Array, Array]:
    """(frequencies, power spectrum of a signal), averaged over segments (`jax.scipy.signal.welch`). Arguments as in `csd`.

    >>> welch(np.ones(8, np.float32), nperseg=4)[1].shape
    (3,)
    """
    freqs, spectrum = csd(
        x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average
    )
    return freqs, jnp.real(spectrum)


# ---------------------------------------------------------------------------------------------------------------------
# Back from the transforms


def _overlapped(x: Array, step: int) -> Array:
    """The sum of segments, (..., segments, length), each `step` behind the last."""
    *batch, count, length = x.shape
    places = (np.arange(count)[:, None] * step + np.arange(length)).astype(np.int32)
    return jnp.zeros((*batch, step * (count - 1) + length), x.dtype).at[..., places].add(x)


def _inverse_sizes(nperseg, noverlap, nfft, bins: int, onesided: bool) -> tuple[int, int]:
    default = 2 * (bins - 1) if onesided else bins
    nperseg = _known(nperseg or default, "nperseg: segment length of STFT")
    if nperseg < 1:
        raise ValueError("nperseg must be a positive integer")
    if nfft is None:
        length = default + (1 if onesided and nperseg == default + 1 else 0)
    else:
        length = _known(nfft, "nfft of STFT")
    if length < nperseg:
        raise ValueError(f"FFT length ({length}) must be longer than nperseg ({nperseg}).")
    noverlap = _known(noverlap or nperseg // 2, "noverlap of STFT")
    if noverlap >= nperseg:
        raise ValueError("noverlap must be less than nperseg.")
    return nperseg, noverlap


def istft(
    Zxx: ArrayLike,
    fs: ArrayLike = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    input_onesided: bool = True,
    boundary: bool = True,
    time_axis: int = -1,
    freq_axis: int = -2,
) -> tuple[Array, Array]:
    """(times, the signal) whose `stft` these transforms are (`jax.scipy.signal.istft`).

    boundary: whether the signal was continued at its ends. Raises ValueError for lengths and axes that do not fit.

    >>> x = np.sin(np.arange(16, dtype=np.float32))
    >>> bool(np.allclose(istft(stft(x, nperseg=4)[2])[1], x, atol=1e-5))
    True
    """
    Z = ensure_arraylike("istft", Zxx)
    ndim = len(Z.shape)
    if ndim < 2:
        raise ValueError("Input stft must be at least 2d!")
    freq_axis, time_axis = canonicalize_axis(freq_axis, ndim), canonicalize_axis(time_axis, ndim)
    if freq_axis == time_axis:
        raise ValueError("Must specify differing time and frequency axes!")
    Z = convert_element_type(Z, _complex(dtypes.to_inexact_dtype(Z.dtype)))
    nperseg, noverlap = _inverse_sizes(nperseg, noverlap, nfft, Z.shape[freq_axis], input_onesided)
    others = [i for i in range(ndim) if i not in (freq_axis, time_axis)]
    Z = jnp.transpose(Z, (*others, freq_axis, time_axis))
    parts = (fourier.irfft if input_onesided else fourier.ifft)(Z, axis=-2, n=nfft)[..., :nperseg, :]
    if isinstance(window, (str, tuple)):
        win = _named_window(window, nperseg, parts.dtype)
    else:
        win = jnp.asarray(window)
        if len(win.shape) != 1:
            raise ValueError("window must be 1-D")
        if win.shape[0] != nperseg:
            raise ValueError(f"window must have length of {nperseg}")
    step = nperseg - noverlap
    segments = jnp.swapaxes(parts * win.sum(), -2, -1) * win
    x = _overlapped(segments, step)
    weights = jnp.broadcast_to(expand_dims(win * win, [0]), segments.shape[-2:])
    norm = _overlapped(weights, step)
    if boundary:
        half = nperseg // 2
        x, norm = x[..., half:-half], norm[..., half:-half]
    x = x / jnp.where(norm > 1e-10, norm, 1.0)
    if ndim > 2 and time_axis != ndim - 1:
        x = jnp.moveaxis(x, -1, time_axis - (freq_axis < time_axis))
    return jnp.arange(x.shape[0], dtype=np.zeros((), x.dtype).real.dtype) / fs, x
