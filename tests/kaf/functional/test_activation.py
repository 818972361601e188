"""The formula: its values, its derivatives, its shapes; on both backends, against float64 NumPy."""

import typing
import warnings

import jax
import jaxtyping
import numpy as np
import pytest
from jax.experimental import jet

import kaf
from kaf import Grid, gauss_kernel
from kaf.backend import CHOICES
from kaf.functional import activation
from kaf.functional import kaf as phi
from kaf.functional.operations import operations

GRID = Grid()
EPS = np.finfo(np.float32).eps


def formula(x, alpha, centers, sigma):
    """kaf in float64, where underflow and inf - inf need no care."""
    x, alpha, centers = (np.asarray(a, np.float64) for a in (x, alpha, centers))
    with np.errstate(over="ignore", under="ignore"):
        return (alpha * np.exp(-((x[..., None] - centers) ** 2) / (2 * sigma**2))).sum(-1)


def tolerance(alpha):
    # A term alpha e^-t is off by (3 t + 3) EPS, at most (3/e + 3) EPS; and as much again for the summation.
    return 10 * EPS * np.abs(alpha).sum(-1).max()


def random_problem(shape, units, size=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-10, 10, shape).astype(np.float32)
    return x, rng.normal(0, np.sqrt(0.3), (*units, size)).astype(np.float32)


@pytest.mark.parametrize("method", ["naive", "gridded", "loop"])
@pytest.mark.one_in(6)
def test_arrays_of_no_values(backend, method, monkeypatch):
    # The tests have several devices, and most users one, for which chunks of rows have other sizes.
    monkeypatch.setattr(type(backend), "shares_arrays", lambda self: False)
    operations.cache_clear()
    for shape, units in [((2, 0), (0,)), ((0, 2), (2,)), ((3, 2, 0), (0,)), ((2, 0, 3), (0, 3)), ((2, 0), ())]:
        x, alpha = random_problem(shape, units)
        f = lambda x, alpha: phi(x, alpha, GRID, method=method)
        assert f(x, alpha).shape == shape
        of_x, of_alpha = backend.grad(lambda x, alpha, f=f: f(x, alpha).sum(), (0, 1))(x, alpha)
        assert of_x.shape == shape and of_alpha.shape == alpha.shape and not np.asarray(of_alpha).any()
    operations.cache_clear()


@pytest.mark.parametrize("wrap", [lambda f: f, jax.vmap, lambda f: jax.vmap(jax.vmap(f))], ids=["", "vmap", "vmap2"])
@pytest.mark.one_in(5)
def test_taylor_series(wrap):
    """`jet` has no rule for checkpoint, so "auto" takes the formula; the terms are those of the formula's derivatives."""
    layer = kaf.KAF.init(jax.random.key(0), 3)
    f = wrap(lambda x: kaf.kaf(x, layer.alpha if x.ndim else layer.alpha[0], GRID))
    x = jax.random.normal(jax.random.key(1), (4, 3))
    one, zero = np.ones((4, 3), np.float32), np.zeros((4, 3), np.float32)
    value, terms = jet.jet(f, (x,), ((one, zero, zero),))
    g = lambda x: kaf.kaf(x, layer.alpha if x.ndim else layer.alpha[0], GRID, method="naive")
    for found in (value, *terms):
        np.testing.assert_allclose(found, wrap(g)(x), rtol=1e-4, atol=1e-3)
        g = lambda x, g=g: jax.jvp(g, (x,), (np.ones_like(x) if not hasattr(x, "aval") else jax.numpy.ones_like(x),))[1]


AXES = {
    ((8, 8, 8), 8): True,
    ((2, 8, 5, 8), 8): True,
    ((2, 5, 8, 8), 8): True,
    ((8, 8), 8): False,  # the rows of a batch
    ((8, 5, 8), 8): False,
    ((2, 3, 8), 8): False,
    ((1, 1, 1), 1): False,
}


@pytest.mark.parametrize("shape, units", AXES)
@pytest.mark.one_in(5)
def test_units_that_could_be_another_axis(backend, shape, units):
    x, alpha = random_problem(shape, (units,))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        out = phi(x, alpha, GRID)
    assert [str(w.message).partition(",")[0] for w in found] == ["kaf: x has shape (" + str(shape[0])] * AXES[
        shape, units
    ]
    # Whoever says which axis is meant is not warned.
    np.testing.assert_array_equal(np.asarray(phi(x, alpha, GRID, axis=-1)), np.asarray(out))


@pytest.mark.parametrize(
    "arguments, why",
    [
        ((np.float32([-2, -1, 0, 1, 2, 3.5]), 1.0), "the 6 centers are not equispaced and ascending"),
        ((np.linspace(3, -3, 20), 0.5), "the 20 centers are not equispaced and ascending"),
        ((GRID.centers, 0.05), "sigma is less than a third of the distance between two centers"),
        ((GRID, 0.05), "sigma is less than a third of the distance between two centers"),
        ((GRID.centers, 0.5), None),
        ((np.float32([-2, -1, 0.5]), 1.0), None),
        ((GRID.centers, 0.05, "loop"), None),
        ((GRID.centers, 0.05, "naive"), None),
    ],
)
@pytest.mark.one_in(7)
def test_one_warning_says_that_the_fast_path_is_lost(backend, arguments, why):
    centers, sigma, *method = arguments
    alpha = np.ones(len(np.atleast_1d(getattr(centers, "centers", centers))), np.float32)
    activation._warned.clear()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for _ in range(2):
            f = lambda x: phi(x, alpha, centers, sigma, method=method[0] if method else "auto")
            backend.jit(backend.vmap(f))(np.ones(3, np.float32))
    assert [str(w.message).partition(", so")[0] for w in found] == ([f"kaf: {why}"] if why else [])


# -- Values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, units",
    [
        ((), ()),
        ((5,), ()),
        ((7,), (7,)),
        ((64, 7), (7,)),
        ((2, 3, 7), (7,)),
        ((2, 3, 4, 4), (3, 1, 1)),
        ((64, 7), ()),
        ((0,), ()),
        ((0, 7), (7,)),
        ((5, 0), (0,)),
    ],
)
@pytest.mark.parametrize("grid", [Grid(), Grid(50, 4.0, "code"), Grid(2)], ids=str)
@pytest.mark.one_in(7)
def test_against_float64(backend, shape, units, grid):
    x, alpha = random_problem(shape, units, grid.size)
    out = phi(x, alpha, grid.centers, grid.sigma)
    assert (out.shape, out.dtype) == (shape, np.float32)
    assert kaf.get_backend(out) is backend
    expected = formula(x, alpha, grid.centers, grid.sigma)
    np.testing.assert_allclose(np.asarray(out), expected, rtol=0, atol=tolerance(alpha) if alpha.size else 0)


@pytest.mark.parametrize(
    "x, expected",
    [
        (np.nan, np.nan),
        (np.inf, 0.0),
        (-np.inf, 0.0),
        (1e6, 0.0),
        (-1e6, 0.0),
        (3e38, 0),
        (1e-45, None),
        (-0.0, None),
    ],
)
def test_values_at_the_edge(backend, x, expected):
    _, alpha = random_problem((), ())
    out = np.asarray(phi(np.float32([x, 0.0]), alpha, GRID.centers, GRID.sigma))
    at_zero = formula(0.0, alpha, GRID.centers, GRID.sigma)
    np.testing.assert_allclose(out, [at_zero if expected is None else expected, at_zero], rtol=0, atol=tolerance(alpha))


@pytest.mark.parametrize("x", [1e6, -1e6, 1e20, -1e38])
def test_far_away_the_gradient_is_zero_not_nan(backend, x):
    _, alpha = random_problem((), ())
    assert float(backend.grad(phi)(np.float32(x), alpha, GRID.centers, GRID.sigma)) == 0.0


def test_integers_count_as_floats(backend):
    # 10^6 squared is no int32: it would wrap round to a negative number, and its exponential to infinity.
    x = np.int32([0, 1, 10**6])
    out = gauss_kernel(x, np.int32(0), 1.0)
    np.testing.assert_allclose(np.asarray(out), [1.0, np.exp(-0.5), 0.0], rtol=2 * EPS)
    assert phi(x, np.ones(20, np.float32), GRID.centers, GRID.sigma).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtype_is_what_the_arguments_promote_to(backend, dtype):
    x = backend.np.ones((2, 3), dtype)
    alpha = backend.np.ones((3, 20), dtype)
    assert phi(x, alpha, GRID.centers, GRID.sigma).dtype == np.float32
    assert phi(x, alpha, backend.np.asarray(GRID.centers, dtype), GRID.sigma).dtype == x.dtype


def test_python_numbers_and_lists(backend):
    out = phi(0.5, [1.0, 2.0], [0.0, 1.0], 1.0)
    assert (out.shape, out.dtype) == ((), np.float32)
    np.testing.assert_allclose(float(out), 3 * np.exp(-0.125), rtol=4 * EPS)


def test_kernel_reads_as_its_formula(backend):
    x, _ = random_problem((6, 1), ())
    expected = np.exp(-((x.astype(np.float64) - GRID.centers) ** 2) / (2 * 0.7**2))
    out = gauss_kernel(x, GRID.centers, 0.7)
    assert (out.shape, out.dtype) == ((6, 20), np.float32)
    np.testing.assert_allclose(np.asarray(out), expected, rtol=0, atol=4 * EPS)
    assert float(gauss_kernel(2.0, 2.0, 0.1)) == 1.0


# -- Derivatives: the formulas written out ----------------------------------------------------------------------------


def terms(x, alpha):
    z = float(x) - GRID.centers.astype(np.float64)
    return z, np.exp(-GRID.gamma * z**2), alpha.astype(np.float64)


DERIVATIVES = {
    "dx": (lambda grad, f: grad(f, 0), lambda z, k, a: -2 * GRID.gamma * (a * z * k).sum()),
    "dalpha": (lambda grad, f: grad(f, 1), lambda z, k, a: k),
    "dcenters": (lambda grad, f: grad(f, 2), lambda z, k, a: 2 * GRID.gamma * a * z * k),
    "dsigma": (lambda grad, f: grad(f, 3), lambda z, k, a: (a * z**2 * k).sum() / GRID.sigma**3),
    "dxdx": (
        lambda grad, f: grad(grad(f)),
        lambda z, k, a: (a * k * (4 * GRID.gamma**2 * z**2 - 2 * GRID.gamma)).sum(),
    ),
}


@pytest.mark.parametrize("name", DERIVATIVES)
@pytest.mark.parametrize("x", [-4.0, -0.3, 0.0, 2.9])
@pytest.mark.one_in(10)
def test_derivatives(backend, name, x):
    differentiate, expected = DERIVATIVES[name]
    _, alpha = random_problem((), ())
    out = differentiate(backend.grad, phi)(np.float32(x), alpha, GRID.centers, np.float32(GRID.sigma))
    assert out.dtype == np.float32
    # z/sigma and gamma z^2 reach 30 here only where k is below EPS: the factors before k are of order 10.
    np.testing.assert_allclose(np.asarray(out), expected(*terms(x, alpha)), rtol=0, atol=10 * tolerance(alpha))


def test_hessian_in_alpha_is_zero_and_jvp_agrees_with_grad(backend):
    x, alpha = random_problem((), ())
    assert not np.asarray(backend.hessian(phi, 1)(x, alpha, GRID.centers, GRID.sigma)).any()
    value, tangent = backend.jvp(
        lambda x: phi(x, alpha, GRID.centers, GRID.sigma), (np.float32(0.4),), (np.float32(1.0),)
    )
    slope = backend.grad(phi)(np.float32(0.4), alpha, GRID.centers, GRID.sigma)
    np.testing.assert_allclose(float(tangent), float(slope), rtol=0, atol=10 * tolerance(alpha))
    np.testing.assert_allclose(float(value), formula(0.4, alpha, GRID.centers, GRID.sigma), atol=tolerance(alpha))


# -- Transformations ---------------------------------------------------------------------------------------------------


def test_vmap_of_the_scalar_function_is_the_layer(backend):
    x, alpha = random_problem((16, 5), (5,))
    unit = lambda x, alpha: phi(x, alpha, GRID.centers, GRID.sigma)
    mapped = backend.vmap(backend.vmap(unit), (0, None))(x, alpha)
    np.testing.assert_allclose(np.asarray(mapped), np.asarray(unit(x, alpha)), rtol=0, atol=tolerance(alpha))


def test_jit_changes_nothing(backend):
    x, alpha = random_problem((16, 5), (5,))
    out = backend.jit(phi)(x, alpha, GRID.centers, GRID.sigma)
    expected = phi(x, alpha, GRID.centers, GRID.sigma)
    assert (out.dtype, out.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(np.asarray(out), np.asarray(expected), rtol=0, atol=tolerance(alpha))


def test_both_backends_agree():
    x, alpha = random_problem((32, 5), (5,))
    results = {}
    for name in CHOICES:
        with kaf.use_backend(name) as library:
            loss = lambda x, alpha: (phi(x, alpha, GRID.centers, GRID.sigma) ** 2).sum()
            value, grads = library.value_and_grad(loss, (0, 1))(x, alpha)
            results[name] = [np.asarray(leaf) for leaf in (value, *grads)]
    for ours, theirs in zip(results["minijax"], results["jax"], strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


# -- Errors ------------------------------------------------------------------------------------------------------------


def zeros(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    "x, alpha, centers, sigma, message",
    [
        (
            zeros(5, 4),
            zeros(3, 20),
            zeros(20),
            1.0,
            "kaf: alpha without its last axis has shape (3,), which must fit the last axes of x: "
            "alpha is [H, k] for x of shape [..., H]; x has shape (5, 4), alpha (3, 20), centers (20,).",
        ),
        (
            zeros(),
            zeros(3, 20),
            zeros(20),
            1.0,
            "kaf: alpha without its last axis has shape (3,), which must fit the last axes of x: "
            "alpha is [H, k] for x of shape [..., H]; x has shape (), alpha (3, 20), centers (20,).",
        ),
        (
            zeros(1),
            zeros(3, 20),
            zeros(20),
            1.0,
            "kaf: alpha without its last axis has shape (3,), which must fit the last axes of x: "
            "alpha is [H, k] for x of shape [..., H]; x has shape (1,), alpha (3, 20), centers (20,).",
        ),
        (
            zeros(3),
            zeros(3, 10),
            zeros(20),
            1.0,
            "kaf: the last axis of alpha must have one coefficient for each of the centers; "
            "x has shape (3,), alpha (3, 10), centers (20,).",
        ),
        (
            zeros(3),
            zeros(),
            zeros(20),
            1.0,
            "kaf: the last axis of alpha must have one coefficient for each of the centers; "
            "x has shape (3,), alpha (), centers (20,).",
        ),
        (
            zeros(3),
            zeros(3, 20),
            zeros(3, 20),
            1.0,
            "kaf: centers must have one axis, [k]; x has shape (3,), alpha (3, 20), centers (3, 20).",
        ),
        (
            zeros(3),
            zeros(3, 20),
            zeros(20),
            0.0,
            "kaf: sigma, the bandwidth of the kernel, must be positive; it is 0.0.",
        ),
        (zeros(3), zeros(3, 20), zeros(20), -1, "kaf: sigma, the bandwidth of the kernel, must be positive; it is -1."),
    ],
)
def test_errors(backend, x, alpha, centers, sigma, message):
    with pytest.raises(ValueError) as e:
        phi(x, alpha, centers, sigma)
    assert str(e.value) == message


# -- Annotations -------------------------------------------------------------------------------------------------------


def hints(function):
    # kaf imports jaxtyping for type checkers alone; a reader may evaluate the annotations.
    return typing.get_type_hints(function, localns={"Float": jaxtyping.Float, "Array": typing.Any})


@pytest.mark.parametrize(
    "x, alpha, centers, fits",
    [
        (zeros(), zeros(20), zeros(20), (True, True, True)),
        (zeros(5, 3), zeros(3, 20), zeros(20), (True, True, True)),
        (zeros(5, 3), zeros(3, 20), zeros(10), (True, True, False)),
        (zeros(5), zeros(), zeros(20), (True, False, True)),
        (np.zeros(5, np.int32), zeros(20), zeros(20), (False, True, True)),
    ],
)
def test_annotations_say_the_shapes(backend, x, alpha, centers, fits):
    kinds = hints(phi)
    x, alpha, centers = map(backend.np.asarray, (x, alpha, centers))
    with jaxtyping.jaxtyped("context"):
        found = (
            isinstance(x, kinds["x"]),
            isinstance(alpha, kinds["alpha"]),
            isinstance(centers, kinds["centers"]),
        )
    assert found == fits


def test_annotation_of_the_result(backend):
    x, alpha = random_problem((5, 3), (3,))
    with jaxtyping.jaxtyped("context"):
        assert isinstance(x, hints(phi)["x"])
        assert isinstance(phi(x, alpha, GRID.centers, GRID.sigma), hints(phi)["return"])
        assert not isinstance(zeros(5, 4), hints(phi)["return"])
    assert set(hints(gauss_kernel)) == {"x", "center", "sigma", "return"}
    assert isinstance(backend.np.zeros((2, 3)), hints(gauss_kernel)["x"])
    assert not isinstance(backend.np.zeros(3, "int32"), hints(gauss_kernel)["x"])
