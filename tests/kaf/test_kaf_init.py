"""Where alpha starts."""

import math

import jax
import numpy as np
import pytest

from kaf import Grid, get_backend, random_alpha, ridge_alpha, use_backend
from kaf.functional import kaf
from kaf.init import FUNCTIONS

# -- At random ---------------------------------------------------------------------------------------------------------


def test_same_key_same_numbers_on_both_backends():
    drawn = {}
    for name in ("minijax", "jax"):
        with use_backend(name) as backend:
            drawn[name] = random_alpha(backend.random.key(7), (4, 20))
            assert get_backend(drawn[name]) is backend
            np.testing.assert_array_equal(np.asarray(random_alpha(7, (4, 20))), np.asarray(drawn[name]))
    ours, theirs = np.asarray(drawn["minijax"]), np.asarray(drawn["jax"])
    assert ours.dtype == theirs.dtype == np.float32
    # The bits are equal; erfinv may round its last bit another way.
    np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(np.float32).eps)
    np.testing.assert_array_equal(theirs, jax.random.normal(jax.random.key(7), (4, 20)) * np.float32(math.sqrt(0.3)))


def test_the_keys_backend_draws():
    assert get_backend(random_alpha(jax.random.key(0), (3,))).name == "jax"
    assert get_backend(random_alpha(jax.random.PRNGKey(0), (3,))).name == "jax"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_dtype_and_scale(backend, dtype):
    alpha = random_alpha(backend.random.key(0), (500, 20), scale=2.0, dtype=dtype)
    assert alpha.dtype == backend.np.dtype(dtype)
    # The standard deviation of 10,000 numbers is known to 1/sqrt(20,000); four times that.
    assert abs(np.asarray(alpha, np.float64).std() / 2.0 - 1) < 4 / math.sqrt(20_000)
    assert random_alpha(0, (0, 20)).shape == (0, 20)


def test_default_spread_makes_activations_of_standard_deviation_one(backend):
    grid = Grid()
    alpha = random_alpha(0, (4000, 20))
    x = np.zeros(4000, np.float32)
    phi = np.asarray(kaf(x, alpha, grid.centers, grid.sigma))
    # s (pi / 2a)^(1/4) with s^2 = 0.3 and a = 1/6 is 0.96; the sample knows it to 1/sqrt(8000), times four.
    expected = math.sqrt(0.3) * (math.pi * 3) ** 0.25
    assert abs(phi.std() / expected - 1) < 4 / math.sqrt(8000)
    assert abs(expected - 1) < 0.05


# -- By ridge regression -----------------------------------------------------------------------------------------------


def test_measured_facts():
    fit = ridge_alpha("elu")
    assert fit.alpha.shape == (20,) and fit.alpha.dtype == np.float32
    assert 18.5 < fit.max_abs_alpha < 19.5
    assert 0.0165 < fit.residual_max < 0.0175
    rough = ridge_alpha("elu", Grid(rule="code"), eps=1e-6)
    assert 704 < rough.max_abs_alpha < 706


@pytest.mark.parametrize("name", FUNCTIONS)
def test_alpha_solves_the_normal_equations(name):
    grid, eps = Grid(), 1e-4
    fit = ridge_alpha(name, grid, eps)
    c = np.linspace(-3, 3, 20)
    K = np.exp(-grid.gamma * (c[:, None] - c) ** 2)
    # alpha was rounded to float32 after the solution.
    bound = np.finfo(np.float32).eps * fit.max_abs_alpha * np.abs(K).sum(1).max()
    np.testing.assert_allclose(K @ fit.alpha + eps * fit.alpha, FUNCTIONS[name](c), rtol=0, atol=bound)
    assert fit.max_abs_alpha == np.abs(fit.alpha).max()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_residual_is_what_the_layer_shows(backend, name):
    fit = ridge_alpha(name)
    x = np.linspace(-3, 3, 951)
    phi = np.asarray(kaf(x.astype(np.float32), fit.alpha, fit.grid.centers, fit.grid.sigma))
    error = phi - FUNCTIONS[name](x)
    rounding = 10 * np.finfo(np.float32).eps * np.abs(fit.alpha).sum()
    assert abs(np.abs(error).max() - fit.residual_max) < rounding
    assert abs(np.sqrt(np.mean(error**2)) - fit.residual_rms) < rounding
    assert fit.residual_rms < fit.residual_max < 0.06  # the kink of ReLU is the worst


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_those_of_jax(name):
    x = np.linspace(-5, 5, 101)
    theirs = x if name == "identity" else getattr(jax.nn, name)(x.astype(np.float32))
    np.testing.assert_allclose(FUNCTIONS[name](x), np.asarray(theirs), rtol=1e-5, atol=1e-6)
    assert FUNCTIONS[name](x).dtype == np.float64


def test_a_function_of_ones_own(backend):
    by_name = ridge_alpha("tanh")
    of_numpy = ridge_alpha(np.tanh)
    of_backend = ridge_alpha(backend.np.tanh)
    np.testing.assert_array_equal(of_numpy.alpha, by_name.alpha)
    # float32 values, through a matrix whose condition the ridge bounds by 1/eps: eps32 * 1e4 of relative error.
    np.testing.assert_allclose(of_backend.alpha, by_name.alpha, rtol=0, atol=2e-3 * by_name.max_abs_alpha)


@pytest.mark.parametrize(
    "f, eps, message",
    [
        (
            "swish",
            1e-4,
            "ridge_alpha: no function is named 'swish'; choose one of relu, leaky_relu, elu, tanh, sigmoid, softplus, "
            "gelu, silu, identity, or give your own.",
        ),
        ("relu", 0.0, "ridge_alpha: eps must be positive and finite; it is 0.0."),
        ("relu", math.nan, "ridge_alpha: eps must be positive and finite; it is nan."),
        (lambda x: x.sum(), 1e-4, "ridge_alpha: f must be elementwise; it made shape () of shape (20,)."),
        (
            lambda x: np.where(x < 0, np.nan, x),
            1e-4,
            "ridge_alpha: f is not finite at x = -3, inside the grid.",
        ),
    ],
)
def test_errors(f, eps, message):
    with pytest.raises(ValueError) as e:
        ridge_alpha(f, eps=eps)
    assert str(e.value) == message
