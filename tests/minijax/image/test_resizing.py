"""`jax.image`: every method, growing and shrinking, with and without antialiasing, as JAX's."""

from __future__ import annotations

import jax
import jax.image
import numpy as np
import pytest

import minijax as mj

IMAGE = np.random.default_rng(0).normal(size=(5, 6, 3)).astype(np.float32)
METHODS = ["nearest", "linear", "cubic", "lanczos3", "lanczos5", "area", "cubic-pytorch"]
SHAPES = [(10, 9, 3), (2, 3, 3), (5, 1, 3), (5, 6, 3), (3, 0, 3)]


def same(mine, theirs, rtol=1e-5, atol=3e-6):
    assert (mine.shape, mine.dtype, mine.weak_type) == (theirs.shape, theirs.dtype, theirs.weak_type)
    np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=rtol, atol=atol)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.one_in(6)
def test_resize(method, antialias):
    def all_shapes(lib):
        return lambda x: [lib.image.resize(x, shape, method, antialias) for shape in SHAPES]

    for a, b in zip(all_shapes(mj)(IMAGE), jax.jit(all_shapes(jax))(IMAGE), strict=True):
        same(a, b)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.one_in(4)
def test_scale_and_translate(method, antialias):
    """Value, and derivatives by the image, the scale and the translation."""
    args = IMAGE, np.float32([1.3, 0.6]), np.float32([0.4, -1.2])

    def moved(lib):
        return lambda x, s, t: lib.image.scale_and_translate(x, (7, 8, 3), (0, -2), s, t, method, antialias)

    def slopes(lib):
        return lib.grad(lambda *xs: (moved(lib)(*xs) ** 2).sum(), (0, 1, 2))

    same(moved(mj)(*args), jax.jit(moved(jax))(*args))
    same(mj.jit(moved(mj))(*args), jax.jit(moved(jax))(*args))
    if not (method == "cubic-pytorch" and not antialias):
        for a, b in zip(slopes(mj)(*args), jax.jit(slopes(jax))(*args), strict=True):
            same(a, b, 2e-4, 5e-5)


def test_dtypes():
    for dtype in ("int32", "uint8", "float16", "bool"):
        for method in ("nearest", "linear"):
            run = lambda lib, d=dtype, m=method: lib.image.resize(lib.numpy.ones((2, 2), d), (3, 3), m)
            same(run(mj), run(jax), rtol=2e-3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda image: image.resize(IMAGE, (3, 3), "linear"), "shape must have length equal"),
        (lambda image: image.resize(IMAGE, (3, 3, 3), "quadratic"), "Unknown resize method"),
        (lambda image: image.scale_and_translate(IMAGE, (3,), (0,), [1.0], [0.0], "linear"), "shape must have length"),
        (lambda image: image.scale_and_translate(IMAGE, (3, 3, 3), (0,), [1.0], [0.0], "nearest"), "Nearest neighbor"),
    ],
)
def test_bad_arguments(call, words):
    for lib in (mj, jax):
        with pytest.raises(ValueError, match=words):
            call(lib.image)


def test_methods_have_names():
    for name in [*METHODS, "bilinear", "trilinear", "triangle", "bicubic", "tricubic", "bicubic-pytorch"]:
        assert mj.image.ResizeMethod.from_string(name).name == jax.image.ResizeMethod.from_string(name).name
