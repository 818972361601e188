"""`jax.scipy.interpolate` and `jax.scipy.cluster.vq` beside JAX."""

from __future__ import annotations

import jax
import jax.scipy.cluster.vq
import jax.scipy.interpolate
import numpy as np
import pytest

import minijax as mj

GRID = (np.float32([0, 1, 2.5]), np.float32([-1, 0, 3, 4]))
RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(3, 4)).astype(np.float32)
VECTORS = RNG.normal(size=(3, 4, 2)).astype(np.float32)
PLACES = np.float32([[0, -1], [0.5, 1.5], [2.5, 4], [3, 0], [1, -2], [1.75, 0]])


@pytest.mark.parametrize("method", ["linear", "nearest"])
@pytest.mark.parametrize("fill_value", [np.nan, 0.5, None])
@pytest.mark.parametrize("values", [VALUES, VECTORS, (VALUES * 10).astype(int)], ids=["numbers", "vectors", "integers"])
@pytest.mark.one_in(40)
def test_between_points(method, fill_value, values):
    def run(lib):
        def between(places, values):
            f = lib.scipy.interpolate.RegularGridInterpolator(GRID, values, method, fill_value=fill_value)
            return f(places), f((places[:, 0], 1.0)), f(places.reshape(2, 3, 2)), f(places[0])

        return between

    for a, b in zip(run(mj)(PLACES, values), jax.jit(run(jax))(PLACES, values), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6)


def test_derivatives_and_trees():
    def slope(lib):
        f = lib.scipy.interpolate.RegularGridInterpolator(GRID, VALUES)
        return lib.grad(lambda f, x: lib.numpy.sum(f(x) ** 2), (0, 1))(f, PLACES[1:3])

    for a, b in zip(mj.tree.leaves(slope(mj)), jax.tree.leaves(slope(jax)), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_nearest_vector(dtype):
    for shape, other in (((6, 3), (4, 3)), ((5,), (3,)), ((0, 2), (3, 2))):
        args = [(RNG.normal(size=s) * 5).astype(dtype) for s in (shape, other)]
        for a, b in zip(mj.scipy.cluster.vq.vq(*args), jax.scipy.cluster.vq.vq(*args), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.interpolate.RegularGridInterpolator(GRID, VALUES, "cubic"), ValueError),
        (lambda s: s.interpolate.RegularGridInterpolator(GRID, VALUES)(PLACES, "cubic"), ValueError),
        (lambda s: s.interpolate.RegularGridInterpolator(GRID, VALUES)(PLACES[:, :1]), ValueError),
        (lambda s: s.interpolate.RegularGridInterpolator(GRID, VALUES[0]), ValueError),
        (lambda s: s.interpolate.RegularGridInterpolator(GRID, VALUES, fill_value=1j), ValueError),
        (lambda s: s.interpolate.RegularGridInterpolator(GRID, VALUES, bounds_error=True), NotImplementedError),
        (lambda s: s.cluster.vq.vq(VALUES, VALUES[0]), ValueError),
        (lambda s: s.cluster.vq.vq(VECTORS, VECTORS), ValueError),
    ],
)
def test_bad_arguments(call, error):
    for lib in (mj, jax):
        with pytest.raises(error):
            call(lib.scipy)
