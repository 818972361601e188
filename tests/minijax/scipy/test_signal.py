"""`scipy.signal` against JAX's: values, dtypes, derivatives, errors."""

from __future__ import annotations

import warnings

import jax
import jax.numpy
import jax.scipy.signal
import numpy as np
import pytest

import minijax
import minijax.numpy
import minijax.scipy.signal

RNG = np.random.default_rng(0)
X, K = RNG.normal(size=(5, 6)).astype("float32"), RNG.normal(size=(2, 3)).astype("float32")
V, U = X.ravel(), K.ravel()
Z = (X + 1j * X[::-1]).astype("complex64")
LONG = RNG.normal(size=(2, 40)).astype("float32")
SPECTRUM = (RNG.normal(size=(5, 9)) + 1j * RNG.normal(size=(5, 9))).astype("complex64")

CASES = [
    *[
        (f, (a, b, mode), {})
        for f in ("convolve", "correlate", "fftconvolve")
        for mode in ("full", "same", "valid")
        for a, b in ((V, U), (K, X))
    ],
    *[
        (f, (a, b, mode), {})
        for f in ("convolve2d", "correlate2d")
        for mode in ("full", "same", "valid")
        for a, b in ((X, K), (K, X), (Z, K))
    ],
    ("correlate2d", (X, X, "valid"), {}),
    ("convolve", (np.arange(5), np.arange(3)), {}),
    ("convolve", (V, U), {"method": "fft"}),
    ("correlate", (Z.ravel(), U), {"method": "direct"}),
    ("fftconvolve", (X, X[:, :2]), {"axes": 1}),
    ("fftconvolve", (X, X[:2]), {"axes": [0], "mode": "same"}),
    ("fftconvolve", (Z, K), {}),
    ("fftconvolve", (X[:1], X[:1, :1]), {}),
    ("detrend", (X,), {}),
    ("detrend", (X,), {"type": "constant", "axis": 0}),
    ("detrend", (X,), {"bp": [2, 3]}),
    ("detrend", (X,), {"axis": 0, "bp": 2}),
    ("detrend", (np.arange(6),), {}),
    ("welch", (LONG,), {"nperseg": 8}),
    ("welch", (LONG,), {"nperseg": 8, "noverlap": 3, "nfft": 11, "scaling": "spectrum", "fs": 2.0}),
    ("welch", (LONG,), {"nperseg": 8, "average": "median", "detrend": "linear"}),
    ("welch", (LONG.T,), {"nperseg": 8, "axis": 0, "detrend": False}),
    ("welch", (LONG,), {"window": np.hanning(7).astype("float32"), "return_onesided": False}),
    ("welch", (LONG[:, :0],), {"nperseg": 8}),
    ("welch", (LONG[0],), {"window": "hamming", "nperseg": 8}),
    ("welch", (LONG,), {}),
    ("csd", (LONG, LONG[::-1, :30]), {"nperseg": 8}),
    ("csd", (LONG, LONG[::-1]), {"nperseg": 8, "average": "median"}),
    ("csd", (LONG, None), {"nperseg": 8}),
    ("csd", (Z.ravel(), Z.ravel()[::-1]), {"nperseg": 8, "return_onesided": False}),
    *[("stft", (LONG,), {"nperseg": 8, "boundary": b}) for b in ("even", "odd", "constant", "zeros", None)],
    ("stft", (LONG,), {"nperseg": 8, "padded": False, "noverlap": 2, "detrend": "constant", "fs": 2.0}),
    ("stft", (LONG.T,), {"nperseg": 8, "axis": 0, "return_onesided": False}),
    ("istft", (SPECTRUM,), {}),
    ("istft", (SPECTRUM,), {"boundary": False, "nperseg": 6, "noverlap": 2}),
    ("istft", (SPECTRUM.T,), {"time_axis": 0, "freq_axis": 1, "nperseg": 8, "nfft": 12}),
    ("istft", (np.stack([SPECTRUM, 2 * SPECTRUM]),), {"input_onesided": False, "window": np.float32([1, 2, 3, 2, 1])}),
    ("istft", (np.stack([SPECTRUM, 2 * SPECTRUM], 1),), {"freq_axis": 0}),
    # Mistakes
    ("convolve", (X, V), {}),
    ("convolve", (V, U), {"mode": "some"}),
    ("convolve", (V, U), {"method": "some"}),
    ("convolve", (X, X[:2].T), {}),
    ("convolve", (V, U[:0]), {}),
    ("fftconvolve", (X, K), {"axes": 1}),
    ("fftconvolve", (X, X[:2].T), {"mode": "valid"}),
    ("fftconvolve", (X, V), {}),
    ("convolve2d", (V, U), {}),
    ("convolve2d", (X, K), {"boundary": "wrap"}),
    ("correlate2d", (X, K), {"fillvalue": 1}),
    ("detrend", (X,), {"type": "some"}),
    ("detrend", (X,), {"bp": 9}),
    ("detrend", (X,), {"overwrite_data": True}),
    ("welch", (LONG,), {"nperseg": 0}),
    ("welch", (LONG,), {"nperseg": 8, "noverlap": 8}),
    ("welch", (LONG,), {"nperseg": 8, "nfft": 7}),
    ("welch", (LONG,), {"nperseg": 8, "scaling": "some"}),
    ("welch", (LONG,), {"nperseg": 8, "average": "some"}),
    ("welch", (LONG,), {"window": np.ones((2, 2))}),
    ("welch", (LONG,), {"window": np.ones(7), "nperseg": 8}),
    ("welch", (LONG,), {"window": np.ones(70)}),
    ("csd", (LONG, LONG[0]), {}),
    ("csd", (LONG, np.ones((3, 5))), {}),
    ("stft", (LONG,), {"nperseg": 8, "boundary": "some"}),
    ("istft", (SPECTRUM[0],), {}),
    ("istft", (SPECTRUM,), {"freq_axis": 1}),
    ("istft", (SPECTRUM,), {"nperseg": 10}),
    ("istft", (SPECTRUM,), {"noverlap": 8}),
    ("istft", (SPECTRUM,), {"window": np.ones(3)}),
]


def outcome(lib, name, args, options):
    args = [lib.numpy.asarray(x) if isinstance(x, np.ndarray) else x for x in args]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return getattr(lib.scipy.signal, name)(*args, **options)
        except (TypeError, ValueError, NotImplementedError) as error:
            return type(error).__name__


@pytest.mark.parametrize("i", range(len(CASES)))
@pytest.mark.one_in(128)
def test_values(i):
    mine, theirs = outcome(minijax, *CASES[i]), outcome(jax, *CASES[i])
    if isinstance(theirs, str):
        assert mine == theirs
        return
    for a, b in zip(minijax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=3e-5)


def program(lib):
    signal, abs_ = lib.scipy.signal, lib.numpy.abs

    def f(x):
        spectrum = signal.stft(x, nperseg=8)[2]
        smooth = signal.correlate(signal.convolve(x, U, mode="same"), V[:7], mode="valid")
        return (
            (abs_(spectrum) ** 3).sum()
            + (signal.istft(spectrum)[1][:9] * smooth[:9]).sum()
            + signal.welch(x, nperseg=8)[1].sum()
        )

    return f


@pytest.mark.parametrize("mode", ["gradient", "batch"])
@pytest.mark.one_in(7)
def test_derivatives(mode):
    x = V.copy()

    def run(lib, **compiler):
        f = lib.grad(program(lib))
        f, args = (f, x) if mode == "gradient" else (lib.vmap(f, 1), np.stack([x, 2 * x], 1))
        return lib.jit(f, **compiler)(lib.numpy.asarray(args))

    theirs = run(jax)
    for mine in (run(minijax), run(minijax, compiler="xla")):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4 * float(np.abs(theirs).max()))
