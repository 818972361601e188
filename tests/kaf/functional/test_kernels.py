"""Kernels by name and of one's own: values against NumPy, and all that a KAF does with them; both backends."""

import numpy as np
import pytest
import scipy.special

from kaf import KAF, KERNELS, Grid, ridge_alpha
from kaf.functional import kaf as phi
from kaf.functional.init import FUNCTIONS
from kaf.functional.kernels import (
    kernel_function,
    periodic_kernel,
    polynomial_kernel,
    rational_quadratic_kernel,
    relu_kernel,
    softplus_kernel,
)

EPS = np.finfo(np.float32).eps

FORMULAS = {
    "gauss": lambda x, c, s: np.exp(-((x - c) ** 2) / (2 * s * s)),
    "relu": lambda x, c, s: np.maximum(x - c, 0),
    "softplus": lambda x, c, s: np.logaddexp(x - c, 0),
    "polynomial": lambda x, c, s: (1 + x * c) ** 2,
    "rational_quadratic": lambda x, c, s: 1 / (1 + (x - c) ** 2 / (2 * s * s)),
    "periodic": lambda x, c, s: np.exp(-2 * np.sin(np.pi * (x - c) / 6) ** 2 / s**2),
}

SLOPES = {
    "gauss": lambda x, c, s: -(x - c) / s**2 * FORMULAS["gauss"](x, c, s),
    "relu": lambda x, c, s: (x > c) * 1.0,
    "softplus": lambda x, c, s: scipy.special.expit(x - c),
    "polynomial": lambda x, c, s: 2 * c * (1 + x * c),
    "rational_quadratic": lambda x, c, s: -(x - c) / s**2 * FORMULAS["rational_quadratic"](x, c, s) ** 2,
    "periodic": lambda x, c, s: -2 * np.pi / (6 * s**2) * np.sin(np.pi * (x - c) / 3) * FORMULAS["periodic"](x, c, s),
}


def problem(units=3):
    rng = np.random.default_rng(0)
    x = rng.uniform(-6, 6, (40, units)).astype(np.float32)
    return x, rng.normal(0, 0.5, (units, 20)).astype(np.float32)


def exact(formula, x, alpha, sigma=None):
    grid = Grid()
    return (formula(x[..., None].astype(float), np.linspace(-3, 3, 20), sigma or grid.sigma) * alpha).sum(-1)


def test_every_kernel_is_tested():
    assert set(FORMULAS) == set(SLOPES) == set(KERNELS)


@pytest.mark.parametrize("method", ["auto", "naive"])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.one_in(6)
def test_values_and_slopes(backend, kernel, method):
    x, alpha = problem()
    value, slope = backend.jvp(lambda x: phi(x, alpha, Grid(), kernel=kernel, method=method), (x,), (np.ones_like(x),))
    for found, formula in ((value, FORMULAS[kernel]), (slope, SLOPES[kernel])):
        expected = exact(formula, x, alpha)
        # A sum of twenty terms, of which each is rounded a few times.
        bound = 40 * EPS * exact(lambda *a, formula=formula: np.abs(formula(*a)), x, np.abs(alpha)).max()
        np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=bound)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.one_in(20)
def test_gradients_are_those_of_the_formula(backend, kernel):
    x, alpha = problem()
    sigma = np.float32(0.7)

    def gradients(method):
        loss = lambda x, alpha, c, s: (phi(x, alpha, c, s, kernel=kernel, method=method) ** 2).sum()
        return backend.grad(loss, (0, 1, 2, 3))(x, alpha, Grid().centers, sigma)

    for found, expected in zip(gradients("auto"), gradients("naive"), strict=True):
        found, expected = np.asarray(found), np.asarray(expected)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(np.abs(expected).max(), 1e-30))


def test_a_function_of_ones_own(backend):
    def wave(x, c):
        return backend.np.sin(x * c)

    x, alpha = problem()
    found = phi(x, alpha, Grid(), kernel=wave)
    expected = exact(lambda x, c, s: np.sin(x * c), x, alpha)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=40 * EPS * np.abs(alpha).sum(-1).max())
    layer = KAF.init(0, 3, init="tanh", kernel=wave)
    assert np.abs(np.asarray(layer(x[:5] / 2)) - np.tanh(x[:5] / 2)).max() < 0.1


def test_parameters(backend):
    x = np.float32([-2.0, 0.0, 0.5])
    np.testing.assert_allclose(np.asarray(polynomial_kernel(x, 2.0, degree=3)), (1 + 2.0 * x) ** 3, rtol=4 * EPS)
    np.testing.assert_allclose(
        np.asarray(rational_quadratic_kernel(x, 0.0, 0.5, shape=2.0)), (1 + x**2) ** -2.0, rtol=8 * EPS
    )
    np.testing.assert_allclose(
        np.asarray(periodic_kernel(x, 0.0, 1.0, period=2.0)),
        np.exp(-2 * np.sin(np.pi * x / 2) ** 2),
        rtol=1e-6,
        atol=EPS,
    )
    # Ten thousand periods on, the same to what float32 knows of x.
    np.testing.assert_allclose(np.asarray(periodic_kernel(np.float32(60000.0), 0.0, 0.5)), 1.0, rtol=EPS)


@pytest.mark.parametrize("kernel", [relu_kernel, softplus_kernel])
def test_large_values(backend, kernel):
    found = np.asarray(kernel(np.float32([-1e30, 1e30, np.nan, np.inf, -np.inf]), 0.0))
    np.testing.assert_array_equal(found, np.float32([0.0, 1e30, np.nan, np.inf, 0.0]))
    slope = backend.vmap(backend.grad(lambda x: kernel(x, 0.0)))(np.float32([-1e30, 1e30]))
    np.testing.assert_array_equal(np.asarray(slope), [0.0, 1.0])


@pytest.mark.parametrize("kernel", ["relu", "softplus", "polynomial"])
def test_kernels_without_a_width_need_none(backend, kernel):
    x, alpha = problem()
    without = phi(x, alpha, Grid().centers, kernel=kernel)
    np.testing.assert_array_equal(np.asarray(without), np.asarray(phi(x, alpha, Grid(), kernel=kernel)))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (
            {"kernel": "gaus"},
            ValueError,
            "kaf: there is no kernel 'gaus'; choose one of gauss, relu, softplus, polynomial, rational_quadratic, periodic, "
            "bspline, chebyshev, legendre, fourier, or pass a function of (x, center).",
        ),
        ({"kernel": 3}, TypeError, "kaf: a kernel is a name or a function of (x, center); got 3."),
        ({"sigma": None}, ValueError, "kaf: the kernel 'gauss' needs a bandwidth: give sigma, or a Grid for centers."),
        (
            {"sigma": None, "kernel": "periodic"},
            ValueError,
            "kaf: the kernel 'periodic' needs a bandwidth: give sigma, or a Grid for centers.",
        ),
        (
            {"sigma": np.float32([1, 2])},
            ValueError,
            "kaf: sigma must be one number, or one for each unit; it has shape (2,); x has shape (40, 3), alpha (3, 20), "
            "centers (20,).",
        ),
        (
            {"sigma": np.float32([1, -2, 1])},
            ValueError,
            "kaf: sigma, the bandwidth of the kernel, must be positive; it is -2.0.",
        ),
        (
            {"axis": 2},
            ValueError,
            "kaf: with axis, alpha must be [units, k] and axis an axis of x; axis is 2, x has shape (40, 3), alpha (3, 20).",
        ),
    ],
)
def test_errors(backend, arguments, error, message):
    x, alpha = problem()
    with pytest.raises(error) as e:
        phi(x, alpha, Grid().centers, **{"sigma": 1.0, **arguments})
    assert str(e.value) == message


def test_names_and_functions():
    assert kernel_function("gauss") is KERNELS["gauss"]
    with pytest.raises(ValueError, match="there is no kernel 'rbf'"):
        kernel_function("rbf")


# -- What a layer starts as, by another kernel ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kernel, f, worst",
    [
        ("relu", "relu", 0.08),
        ("relu", lambda x: np.tanh(x) - np.tanh(-3), 0.02),
        ("softplus", "softplus", 0.2),
        ("rational_quadratic", "tanh", 0.05),
        ("periodic", np.sin, 1.0),
        ("gauss", "tanh", 0.01),
    ],
)
@pytest.mark.one_in(2)
def test_ridge(backend, kernel, f, worst):
    """ReLUs vanish at the left end, where tanh does not; what is periodic has the same slope at both ends."""
    fit = ridge_alpha(f, kernel=kernel)
    assert fit.residual_rms <= fit.residual_max < worst
    x = np.linspace(-3, 3, 951)
    exact = FUNCTIONS[f](x) if isinstance(f, str) else f(x)
    error = np.asarray(phi(x.astype(np.float32), fit.alpha, Grid(), kernel=kernel), np.float64) - exact
    # Values of x rounded to float32, each term to its own size.
    assert abs(np.abs(error).max() - fit.residual_max) < 100 * EPS * np.abs(fit.alpha).sum()


def test_ridge_of_a_parabola_by_polynomials_is_one(backend):
    assert ridge_alpha(lambda x: 1 + x + x**2, kernel="polynomial", eps=1e-6).residual_max < 1e-3
