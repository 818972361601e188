"""`scipy.fft` and derivatives of Fourier transforms, against JAX's."""

from __future__ import annotations

import jax
import jax.numpy
import jax.scipy.fft
import numpy as np
import pytest

import minijax
import minijax.numpy
import minijax.scipy.fft

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(3, 4)).astype("float32"), RNG.normal(size=(2, 3, 5)).astype("float32")
Z = (X + 1j * X[::-1]).astype("complex64")
CASES = [
    ("dct", X, {}),
    ("dct", X, {"axis": 0, "norm": "ortho"}),
    ("dct", X, {"n": 6}),
    ("dct", X, {"n": 2, "axis": 0}),
    ("dct", Z, {"norm": "backward"}),
    ("dct", np.arange(5), {}),
    ("dct", X[:1, :1], {}),
    ("idct", X, {}),
    ("idct", X, {"axis": 0, "norm": "ortho"}),
    ("idct", Y, {"n": 6, "axis": 1}),
    ("idct", Z, {"n": 2}),
    ("idct", np.arange(5), {}),
    ("dctn", Y, {}),
    ("dctn", X, {"norm": "ortho"}),
    ("dctn", Y, {"axes": (0, 2), "s": (4, 3)}),
    ("dctn", Y, {"s": 4}),
    ("dctn", Z, {"axes": 1}),
    ("idctn", Y, {}),
    ("idctn", Y, {"axes": (-1, 0), "s": (4, 3), "norm": "ortho"}),
    ("idctn", Z, {}),
    ("dct", X, {"type": 3}),
    ("dct", X, {"norm": "forward"}),
    ("idctn", X, {"s": (1, 2, 3)}),
    ("idct", X, {"axis": 2}),
]


def outcome(lib, name, x, options):
    try:
        return getattr(lib.scipy.fft, name)(lib.numpy.asarray(x), **options)
    except (ValueError, NotImplementedError) as error:
        return type(error).__name__


@pytest.mark.parametrize("name, x, options", CASES)
@pytest.mark.one_in(16)
def test_cosine_transforms(name, x, options):
    mine, theirs = outcome(minijax, name, x, options), outcome(jax, name, x, options)
    if isinstance(theirs, str):
        assert mine == theirs
    else:
        assert (mine.shape, mine.dtype, mine.weak_type) == (theirs.shape, theirs.dtype, theirs.weak_type)
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def energy(lib, x):
    fft = lib.numpy.fft
    spectrum = fft.rfftn(x * 2, axes=(0, 1)) * fft.fft(x, 3, norm="ortho")[:, :3]
    return lib.numpy.sum(lib.numpy.abs(fft.irfft(spectrum, 5, axis=0)) ** 2 + lib.scipy.fft.dct(x, n=3, axis=0)[:1, :3])


@pytest.mark.parametrize("mode", ["grad", "hessian", "vmap of grad"])
@pytest.mark.one_in(5)
def test_derivatives(mode):
    """Gradients, second derivatives and batches, and the two compilers."""

    def run(lib, **compiler):
        f = lambda x: energy(lib, x)
        x = lib.numpy.asarray(X[:2])
        if mode == "hessian":
            f = lib.hessian(f)
        elif mode == "grad":
            f = lib.grad(f)
        else:
            f, x = lib.vmap(lib.grad(f), 1), lib.numpy.stack([x, 2 * x, x * x], 1)
        return lib.jit(f, **compiler)(x)

    theirs = run(jax)
    for mine in (run(minijax), run(minijax, compiler="xla")):
        assert mine.dtype == theirs.dtype
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
