"""The initial values of alpha."""

import math

import jax
import numpy as np
import pytest

from kaf import (
    KAF,
    Grid,
    fit_to_data,
    get_backend,
    random_alpha,
    resize_alpha,
    ridge_alpha,
    share_out_of_range,
    use_backend,
    variance_preserving_scale,
)
from kaf.functional import kaf
from kaf.functional.init import FUNCTIONS

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
    # The random bits are equal; erfinv may round its last bit differently.
    np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(np.float32).eps)
    np.testing.assert_array_equal(theirs, jax.random.normal(jax.random.key(7), (4, 20)) * np.float32(math.sqrt(0.3)))


def test_the_keys_backend_draws():
    assert get_backend(random_alpha(jax.random.key(0), (3,))).name == "jax"
    assert get_backend(random_alpha(jax.random.PRNGKey(0), (3,))).name == "jax"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.one_in(4)
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
    assert fit.residual_rms < fit.residual_max < 0.06  # the largest error is at the kink of ReLU


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
            "ridge_alpha: there is no function 'swish'; choose one of relu, leaky_relu, elu, tanh, sigmoid, softplus, "
            "gelu, silu, identity, or pass your own function.",
        ),
        ("relu", 0.0, "ridge_alpha: eps must be positive and finite; it is 0.0."),
        ("relu", math.nan, "ridge_alpha: eps must be positive and finite; it is nan."),
        (lambda x: x.sum(), 1e-4, "ridge_alpha: f must be elementwise; it turned shape (20,) into shape ()."),
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


# -- Variance-preserving ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [Grid(), Grid(rule="code"), Grid(50, 6.0)], ids=str)
@pytest.mark.parametrize("kernel", ["gauss", "relu", "rational_quadratic"])
@pytest.mark.one_in(12)
def test_variance_of_normal_inputs_is_preserved(backend, grid, kernel):
    scale = variance_preserving_scale(grid, kernel)
    x = np.random.default_rng(0).normal(size=(200, 400)).astype(np.float32)
    alpha = random_alpha(1, (400, grid.size), scale)
    phi = np.asarray(kaf(x, alpha, grid, kernel=kernel), np.float64)
    # 400 functions, of a few degrees of freedom each: their mean square is known to about 10 %.
    assert abs((phi**2).mean() - 1) < 0.3


def test_scale_inside_a_wide_grid_is_the_formula():
    for rule, a in (("paper", 1 / 6), ("code", 1 / 8)):
        found = variance_preserving_scale(Grid(400, 40.0, rule), std=2.0)
        np.testing.assert_allclose(found, 2 * (2 * a / math.pi) ** 0.25, rtol=1e-3)
    with pytest.raises(ValueError) as e:
        variance_preserving_scale(Grid(), std=0.0)
    assert str(e.value) == "variance_preserving_scale: std must be positive and finite; it is 0.0."


def test_a_layer_starts_so(backend):
    grid = Grid(20, 5.0)
    plain, preserving = (np.asarray(KAF.init(0, 50, grid, init).alpha) for init in ("random", "variance_preserving"))
    np.testing.assert_allclose(preserving / plain, variance_preserving_scale(grid) / math.sqrt(0.3), rtol=1e-6)


# -- On another grid ----------------------------------------------------------------------------------------------------


def values(alpha, grid, x, sigma=None):
    c = np.linspace(-grid.boundary, grid.boundary, grid.size)
    K = np.exp(-0.5 * ((x[:, None] - c) / (sigma or grid.sigma)) ** 2)
    return K @ np.asarray(alpha, np.float64).T


@pytest.mark.parametrize("new", [Grid(20, 3.0), Grid(58, 9.0), Grid(22, 3.0 + 6 / 19)], ids=str)
def test_where_the_new_centers_contain_the_old_it_is_exact(backend, new):
    alpha = np.asarray(random_alpha(0, (5, 20)))
    found = resize_alpha(alpha, Grid(), new)
    assert found.exact and found.residual_max == 0.0 and found.alpha.shape == (5, new.size)
    at = (new.size - 20) // 2
    np.testing.assert_array_equal(found.alpha[:, at : at + 20], alpha)
    assert not found.alpha[:, :at].any() and not found.alpha[:, at + 20 :].any()


@pytest.mark.parametrize(
    "new, bound",
    [
        (Grid(40), 5e-3),
        (Grid(80), 5e-3),
        (Grid(60, 4.0), 5e-4),
        (Grid(10), 0.5),
        (Grid(20, 6.0), 0.5),
        (Grid(20, 2.0), 5e-3),
    ],
    ids=str,
)
def test_the_nearest_functions(new, bound):
    alpha = np.asarray(random_alpha(0, (3, 20)))
    found = resize_alpha(alpha, Grid(), new)
    assert not found.exact and found.residual_max < bound
    x = np.linspace(-new.boundary, new.boundary, 3001)
    error = values(found.alpha, new, x) - values(alpha, Grid(), x)
    # The reported residual is the largest one at the points of the fit.
    assert abs(np.abs(error).max() - found.residual_max) < 0.02 * found.residual_max + 1e-4
    # Nearest in the mean square: no combination of the new Gaussians with coefficients like these comes nearer.
    K = values(np.eye(new.size), new, x)
    rng = np.random.default_rng(0)
    for _ in range(50):
        step = rng.normal(size=found.alpha.shape) * 10.0 ** rng.uniform(-5, 0)
        # The residual is exact at the points of the fit; these points are different.
        assert (error**2).sum() <= 1.001 * ((error + K @ step.T) ** 2).sum()


def test_finer_and_back(backend):
    """What the finer grid represents to the residual, the old one does again."""
    alpha = np.asarray(ridge_alpha("tanh").alpha)
    fine = resize_alpha(alpha, Grid(), Grid(40))
    back = resize_alpha(fine.alpha, Grid(40), Grid())
    x = np.linspace(-6, 6, 1001)
    assert np.abs(values(back.alpha, Grid(), x) - values(alpha, Grid(), x)).max() < fine.residual_max + 1e-2


def test_a_layer_is_resized(backend):
    layer = KAF.init(0, 4, init="tanh")
    x = np.linspace(-3, 3, 40, dtype=np.float32).reshape(10, 4)
    wider = layer.resize(Grid(58, 9.0))
    assert isinstance(wider, KAF) and wider.grid == Grid(58, 9.0) and get_backend(wider.alpha) is backend
    np.testing.assert_allclose(np.asarray(wider(x)), np.asarray(layer(x)), rtol=0, atol=1e-4)
    trained = KAF(layer.alpha, log_sigma=backend.np.log(backend.np.full(4, 0.7)))
    again = trained.resize(Grid(40, 4.0))
    assert again.log_sigma is None
    np.testing.assert_allclose(np.asarray(again(x)), np.asarray(trained(x)), rtol=0, atol=5e-2)


@pytest.mark.parametrize(
    "layer, message",
    [
        (
            lambda: KAF.init(0, 4, kernel="relu", init="random"),
            "KAF: resize needs Gaussians or a basis on the centres of a grid; this layer has other kernels or centres.",
        ),
        (
            lambda: KAF.init(0, 4, trainable=("centers",)),
            "KAF: resize needs Gaussians or a basis on the centres of a grid; this layer has other kernels or centres.",
        ),
        (
            lambda: KAF(np.ones((2, 20), np.float32), log_sigma=np.float32([0.0, 1.0])),
            "KAF: resize needs one bandwidth; the units of this layer have different ones.",
        ),
    ],
)
def test_layers_that_cannot_be_resized(backend, layer, message):
    with pytest.raises(ValueError) as e:
        layer().resize(Grid(30))
    assert str(e.value) == message


def test_alpha_must_fit_the_old_grid():
    with pytest.raises(ValueError) as e:
        resize_alpha(np.ones((3, 10)), Grid(), Grid(30))
    assert str(e.value) == "resize_alpha: the old grid has 20 centres; alpha has shape (3, 10)."


# -- A grid for data ----------------------------------------------------------------------------------------------------


def test_fit_to_data(backend):
    x = np.random.default_rng(0).normal(0, 4, (1000, 3)).astype(np.float32)
    grid = fit_to_data(backend.np.asarray(x), 30, 0.95, "code")
    assert (grid.size, grid.rule) == (30, "code")
    np.testing.assert_allclose(grid.boundary, np.quantile(np.abs(x), 0.95), rtol=1e-6)
    np.testing.assert_allclose(share_out_of_range(backend.np.asarray(x), grid), 0.05, atol=1e-3)
    assert share_out_of_range(x, fit_to_data(x, coverage=1.0)) == 0
    layer = KAF.init(0, 3, init="tanh")
    wider = layer.fit_to_data(x)
    assert wider.grid.boundary > 8 and wider.grid.size == 20


def test_share_out_of_range(backend):
    x = backend.np.asarray([[-4.0, 0.0], [3.0, 3.1], [float("nan"), 1.0], [float("inf"), -9.0]])
    np.testing.assert_allclose(share_out_of_range(x), 5 / 8)
    np.testing.assert_allclose(share_out_of_range(x, axis=-1), [3 / 4, 2 / 4])
    np.testing.assert_allclose(share_out_of_range(x, Grid(20, 5.0), axis=0), [0, 0, 1 / 2, 1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"coverage": 0.0}, "fit_to_data: coverage is a share, above 0 and at most 1; it is 0.0."),
        ({"coverage": 1.5}, "fit_to_data: coverage is a share, above 0 and at most 1; it is 1.5."),
        ({"x": []}, "fit_to_data: x must hold finite numbers, and at least one that is not zero."),
        ({"x": [np.nan]}, "fit_to_data: x must hold finite numbers, and at least one that is not zero."),
        ({"x": [0.0, 0.0]}, "fit_to_data: x must hold finite numbers, and at least one that is not zero."),
    ],
)
def test_errors_of_fit_to_data(arguments, message):
    with pytest.raises(ValueError) as e:
        fit_to_data(**{"x": [1.0], **arguments})
    assert str(e.value) == message


# -- Grids that are not symmetric -----------------------------------------------------------------------------------------


def test_a_kaf_on_a_grid_that_is_not_symmetric(backend):
    grid = Grid.over(10.0, 16.0)
    x = np.linspace(10, 16, 50, dtype=np.float32)
    alpha = ridge_alpha(lambda x: np.sin(x), grid).alpha
    np.testing.assert_allclose(np.asarray(kaf(x, alpha, grid)), np.sin(x), atol=0.02)
    same = kaf(x - 13, alpha, Grid())
    np.testing.assert_allclose(np.asarray(kaf(x, alpha, grid)), np.asarray(same), atol=1e-4)
    moved = resize_alpha(alpha, grid, Grid.over(9.5, 16.5, 40))
    assert moved.residual_max < 1e-2
    wider = resize_alpha(alpha, grid, Grid.over(10.0 - 19 * grid.step, 16.0, 39))
    assert wider.exact and not wider.alpha[:19].any() and (wider.alpha[19:] == alpha).all()
    np.testing.assert_allclose(share_out_of_range([9.0, 11.0, 15.0, 17.0], grid), 0.5)


def test_fit_to_data_without_symmetry():
    x = np.random.default_rng(0).uniform(100, 104, 1000)
    grid = fit_to_data(x, coverage=0.9, symmetric=False)
    np.testing.assert_allclose([grid.low, grid.high], np.quantile(x, [0.05, 0.95]))
    mostly_equal = np.array([1.0] * 99 + [2.0])
    assert fit_to_data(mostly_equal, coverage=0.5, symmetric=False) == Grid.over(1.0, 2.0)
    with pytest.raises(ValueError) as e:
        fit_to_data([1.0, 1.0], symmetric=False)
    assert str(e.value) == "fit_to_data: a grid that is not symmetric needs an x of at least two different numbers."
