"""The GPU kernels, interpreted on the CPU, against the gridded evaluation; and lowered for a GPU, without one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kaf import Grid, use_backend
from kaf.backend import named_backend
from kaf.functional import kaf as phi
from kaf.functional import pallas
from kaf.functional.evaluation import Problem, chosen
from kaf.functional.gridded import make_layout


def problem(n, units, size=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-5, 5, (n, units)).astype(np.float32)
    x.flat[: x.size // 10] *= 1e5
    return jnp.asarray(x), jnp.asarray(rng.normal(0, 0.5, (units, size)).astype(np.float32))


def close(found, expected, tolerance=1e-5):
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype) and np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


SHAPES = [(32, 64), (1, 1), (33, 65), (100, 70), (700, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [2, 20, 50])
@pytest.mark.one_in(16)
def test_value_and_gradients(shape, size):
    x, alpha = problem(*shape, size)
    sigma = jnp.float32(Grid(size).sigma)
    g = jnp.cos(jnp.arange(x.size, dtype="float32")).reshape(x.shape)

    def value_and_gradients(method):
        def loss(x, alpha, sigma):
            return (phi(x, alpha, Grid(size), sigma, method=method) * g).sum()

        return phi(x, alpha, Grid(size), sigma, method=method), *jax.grad(loss, (0, 1))(x, alpha, sigma)

    for found, expected in zip(value_and_gradients("pallas"), value_and_gradients("gridded"), strict=True):
        close(found, expected)


def test_many_tiles_are_walked_down_in_stripes(monkeypatch):
    monkeypatch.setattr(pallas, "MAX_STRIPES", 3)
    x, alpha = problem(300, 70)
    layout = make_layout(Grid().centers, Grid().sigma)
    g = jnp.sin(x)
    dx, dalpha = pallas.backward(layout, x, alpha.T, jnp.float32(Grid().sigma), g)
    gradients = jax.grad(lambda x, alpha: (phi(x, alpha, Grid(), method="gridded") * g).sum(), (0, 1))(x, alpha)
    close(dx, gradients[0])
    close(dalpha.T, gradients[1])


TRANSFORMS = {
    "jvp": lambda f, x, alpha: jax.jvp(f, (x, alpha), (jnp.cos(x), jnp.sin(alpha)))[1],
    "grad by x": lambda f, x, alpha: jax.grad(lambda x: (f(x, alpha) ** 2).sum())(x),
    "grad by alpha": lambda f, x, alpha: jax.grad(lambda alpha: (f(x, alpha) ** 2).sum())(alpha),
    "jit(grad)": lambda f, x, alpha: jax.jit(jax.grad(lambda x, alpha: (f(x, alpha) ** 2).sum(), (0, 1)))(x, alpha),
    "jvp(grad)": lambda f, x, alpha: jax.jvp(
        jax.grad(lambda x, alpha: (f(x, alpha) ** 2).sum(), (0, 1)), (x, alpha), (jnp.cos(x), jnp.sin(alpha))
    )[1],
    "hessian by alpha of a linear loss": lambda f, x, alpha: jax.hessian(lambda alpha: f(x[:5, :3], alpha).sum())(
        alpha[:3]
    ),
    "vmap": lambda f, x, alpha: jax.vmap(f, (0, None))(jnp.stack([x, x + 1]), alpha),
    "vmap(grad)": lambda f, x, alpha: jax.vmap(jax.grad(lambda x, alpha: (f(x, alpha) ** 2).sum(), (0, 1)), (0, None))(
        jnp.stack([x, x + 1]), alpha
    ),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.one_in(4)
def test_transformations(name):
    x, alpha = problem(40, 70)
    x = jnp.clip(x, -100, 100)
    found, expected = (
        jax.tree.leaves(TRANSFORMS[name](functools.partial(phi, centers=Grid(), method=method), x, alpha))
        for method in ("pallas", "gridded")
    )
    for a, b in zip(found, expected, strict=True):
        close(a, b, 2e-5)


def test_bandwidths_of_the_units_and_by_the_bandwidth():
    x, alpha = problem(40, 300)
    sigma = jnp.linspace(0.3, 0.9, 300)
    both = [phi(x, alpha, Grid(), sigma, method=method) for method in ("pallas", "gridded")]
    close(*both)
    gradients = [
        jax.grad(lambda s, method=method: phi(x, alpha, Grid(), s, method=method).sum())(sigma)
        for method in ("pallas", "gridded")
    ]
    close(*gradients, 2e-5)


def test_nan_far_away_and_half_precision():
    x = jnp.asarray([[np.nan, np.inf, -1e30, 1e6, 0.0]], "float32")
    alpha = problem(1, 5)[1]
    out = np.asarray(phi(x, alpha, Grid(), method="pallas"))
    np.testing.assert_array_equal(np.isnan(out), [[True, False, False, False, False]])
    np.testing.assert_array_equal(out[0, 1:4], 0.0)
    half = phi(x.astype("bfloat16"), alpha.astype("bfloat16"), Grid(), method="pallas")
    assert half.dtype == jnp.bfloat16
    close(half[:, 3:].astype("float32"), phi(x, alpha.astype("bfloat16"), Grid(), method="gridded")[:, 3:], 2.0**-7)


@pytest.mark.parametrize("shape, units", [((), ()), ((5,), ()), ((2, 3, 8, 8), (3, 1, 1)), ((0, 7), (7,))])
@pytest.mark.one_in(3)
def test_shapes_that_are_no_rows_of_units(shape, units):
    x = jnp.asarray(np.random.default_rng(0).uniform(-3, 3, shape), "float32")
    alpha = jnp.asarray(np.random.default_rng(1).normal(size=(*units, 20)), "float32")
    found, expected = (phi(x, alpha, Grid(), method=method) for method in ("pallas", "gridded"))
    assert found.shape == expected.shape == shape
    np.testing.assert_allclose(found, expected, atol=1e-5)


# -- Chosen on a GPU ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "platform, devices, method",
    [("gpu", 1, "pallas"), ("gpu", 2, "gridded"), ("cpu", 1, "gridded"), ("tpu", 1, "gridded")],
)
def test_chosen_on_a_gpu(monkeypatch, platform, devices, method):
    backend = named_backend("jax")
    monkeypatch.setitem(vars(backend), "default_backend", lambda: platform)
    monkeypatch.setattr(jax, "device_count", lambda: devices)
    problem = Problem("auto", make_layout(Grid().centers, 0.5))
    x = np.zeros((4096, 256), np.float32)
    assert chosen(backend, problem, 0, x, (256, 20)) == method
    assert chosen(backend, problem._replace(layout=None), 0, x, (256, 20)) == "loop"
    # The kernels are for rows of units in float32, and have no second derivatives.
    assert chosen(backend, problem, 2, x, (256, 20)) == "gridded"
    assert chosen(backend, problem, 0, x.astype("float64"), (256, 20)) == "gridded"
    assert chosen(backend, problem, 0, x, (20,)) == "gridded"
    assert chosen(named_backend("minijax"), problem, 0, x, (256, 20)) == "gridded"


def test_minijax_has_none():
    with use_backend("minijax"), pytest.raises(ValueError) as e:
        phi(0.0, np.ones(20, np.float32), Grid(), method="pallas")
    assert str(e.value) == 'kaf: method "pallas" is for JAX on a GPU; "gridded" takes arrays of either backend.'


@pytest.mark.parametrize("size, rows, units", [(20, 4096, 256), (50, 100, 70)])
@pytest.mark.one_in(3)
def test_lowers_for_a_gpu(monkeypatch, size, rows, units):
    """To Triton's language, as far as one gets without a GPU."""
    options = pallas._options
    monkeypatch.setattr(pallas, "_options", lambda name: {**options(name), "interpret": False})
    function = lambda x, alpha: phi(x, alpha, Grid(size), method="pallas")
    arguments = [jax.ShapeDtypeStruct(shape, "float32") for shape in ((rows, units), (units, size))]
    gradients = jax.grad(lambda *a: (function(*a) ** 2).sum(), (0, 1))
    for traced, name in ((function, "kaf_forward"), (gradients, "kaf_backward")):
        text = jax.jit(traced).trace(*arguments).lower(lowering_platforms=("cuda",)).as_text()
        assert text.count("stablehlo.custom_call") >= 1 and "triton" in text and name in text
    assert functools.partial(options, "x")()["interpret"]
