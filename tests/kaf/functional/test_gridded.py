"""The evaluation by blocks of Horner's rule: errors against float64, derivatives, transformations, memory; both backends."""

import itertools
import re
import subprocess
import sys
import tracemalloc

import jax
import numpy as np
import pytest
from jax.ad_checkpoint import print_saved_residuals
from kaf_jaxprs import sizes_in

import minijax
from kaf import Grid, ridge_alpha, use_backend
from kaf.functional import kaf as phi
from kaf.functional.activation import METHODS
from kaf.functional.evaluation import rows_per_chunk, rows_to_join
from kaf.functional.gridded import Layout, evaluate, make_layout, pull
from kaf.functional.operations import operations

SIZES = (2, 5, 10, 20, 50, 100, 150)
METHODS_OF_BOTH = ("gridded", "loop")


def hermite_sums(x, alpha, grid, order, sigma=None):
    """The derivative of order `order` with respect to x, in float64; [..., units]."""
    sigma = grid.sigma if sigma is None else sigma
    c = np.linspace(-grid.boundary, grid.boundary, grid.size)
    t = (np.asarray(x, np.float64)[..., None] - c) / np.asarray(sigma)[..., None]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        hermite = [np.ones_like(t), t, t * t - 1, t**3 - 3 * t, t**4 - 6 * t**2 + 3][order]
        terms = np.where(np.abs(t) < 40, hermite * np.exp(-0.5 * t * t), 0)
    return (np.asarray(alpha, np.float64) * terms).sum(-1) * (-1 / np.asarray(sigma)) ** order


def kernels(x, grid):
    """The Gaussians, float64 [..., size]."""
    c = np.linspace(-grid.boundary, grid.boundary, grid.size)
    return np.exp(-0.5 * ((x[..., None].astype(np.float64) - c) / grid.sigma) ** 2)


def problem(units=3, size=20, seed=0):
    """Inputs inside the grid, near its ends and far outside, [n, units], and coefficients with the paper's spread."""
    rng = np.random.default_rng(seed)
    parts = [rng.uniform(-b, b, n) for b, n in ((3, 400), (6, 200), (40, 100), (1e6, 100))]
    x = rng.permutation(np.concatenate([*parts, [0, -0.0, 1e6, -1e6]])).astype(np.float32)
    alpha = rng.normal(0, np.sqrt(0.3), (units, size)).astype(np.float32)
    return np.stack([np.roll(x, i) for i in range(units)], 1), alpha


def relative_error(found, expected):
    """The largest difference, relative to the largest expected value."""
    found = np.asarray(found, np.float64)
    assert found.shape == expected.shape and np.isfinite(found).all()
    return np.abs(found - expected).max() / np.abs(expected).max()


# -- Against float64: at most 1e-5 of the largest value -------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rule", ["paper", "code"])
@pytest.mark.one_in(16)
def test_values(backend, method, size, rule):
    grid = Grid(size, rule=rule)
    x, alpha = problem(size=size)
    out = phi(x, alpha, grid, method=method)
    assert (out.shape, out.dtype) == (x.shape, np.float32)
    assert relative_error(out, hermite_sums(x, alpha, grid, 0)) < 1e-5


ILL_CONDITIONED = [
    Grid(),
    Grid(rule="code"),
    Grid(50, 4.0, "code"),
    Grid(20, 1000.0, "code"),
    Grid(100, 1000.0, "code"),
]


@pytest.mark.parametrize("method, bound", [("gridded", 50), ("traced", 50), ("naive", 20), ("loop", 20)])
@pytest.mark.parametrize("grid", [*ILL_CONDITIONED, Grid(200, 5.0)], ids=str)
@pytest.mark.one_in(5)
def test_the_error_is_bounded_by_the_sum_of_alpha(backend, method, bound, grid):
    """For one coefficient, for signs that alternate, and for ridge fits, whose coefficients are large and cancel."""
    fits = [ridge_alpha(f, grid, eps).alpha for f, eps in [("tanh", 1e-4), ("elu", 1e-6), ("relu", 1e-12)]]
    alternating = (-1.0) ** np.arange(grid.size)
    alpha = np.concatenate([np.eye(grid.size), alternating[None], fits]).astype(np.float32)
    x = np.random.default_rng(0).uniform(-1.3 * grid.boundary, 1.3 * grid.boundary, (1000, 1)).astype(np.float32)
    f = lambda *args: phi(*args, method=method)
    if method == "traced":
        f = lambda x, alpha, grid: backend.jit(phi)(x, alpha, grid.centers, np.float32(grid.sigma))
    found = np.asarray(f(x.repeat(len(alpha), 1), alpha, grid), np.float64)
    kernel = np.exp(-grid.gamma * (x.astype(np.float64) - np.linspace(-grid.boundary, grid.boundary, grid.size)) ** 2)
    error = np.abs(found - kernel @ alpha.astype(np.float64).T).max(0)
    assert (error / (np.finfo(np.float32).eps * np.abs(alpha).sum(1))).max() < bound


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.one_in(50)
def test_gradients(backend, method, size):
    grid = Grid(size)
    x, alpha = problem(size=size)
    g = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)

    def loss(x, alpha, sigma):
        return (phi(x, alpha, grid, sigma, method=method) * g).sum()

    dx, dalpha, dsigma = backend.grad(loss, (0, 1, 2))(x, alpha, np.float32(grid.sigma))
    assert relative_error(dx, g * hermite_sums(x, alpha, grid, 1)) < 1e-5
    assert relative_error(dalpha, np.einsum("nh,nhk->hk", g, kernels(x, grid))) < 1e-5
    by_sigma = hermite_sums(x, alpha, grid, 0) / grid.sigma + grid.sigma * hermite_sums(x, alpha, grid, 2)
    # A sum of thousands of positive and negative terms: the error is relative to the sum of their absolute values.
    assert abs(float(dsigma) - (g * by_sigma).sum()) < 1e-5 * np.abs(g * by_sigma).sum()


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.parametrize("size", [5, 20, 50, 100])
@pytest.mark.one_in(6)
def test_second_and_third_derivatives(backend, method, size):
    grid = Grid(size)
    x, alpha = problem(units=1, size=size)
    x, alpha = x[::4, 0], alpha[0]
    derivatives = [lambda x: phi(x, alpha, grid, method=method)]
    for order in (1, 2, 3):
        derivatives.append(backend.grad(derivatives[-1]))
        found = backend.jit(backend.vmap(derivatives[-1]))(x)
        assert relative_error(found, hermite_sums(x, alpha, grid, order)) < (1e-5 if order < 3 else 1e-4)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("size", [20, 50, 100])
@pytest.mark.one_in(30)
def test_evaluators_of_each_order(backend, size, order):
    """Many values: with blocks of full size, a few second derivatives would have errors of 2e-5."""
    grid = Grid(size)
    x = np.linspace(-5, 5, 20001, dtype=np.float32)[:, None] + np.zeros(3, np.float32)
    alpha = problem(size=size)[1]
    layout = make_layout(grid.centers, grid.sigma)
    xp = backend.np
    found = evaluate(backend, layout, order, xp.asarray(x), xp.asarray(alpha.T), xp.float32(grid.sigma))
    assert relative_error(found, hermite_sums(x, alpha, grid, order)) < 1e-5


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
def test_mixed_second_derivatives(backend, method):
    """d/dalpha and d/dsigma of the slope, by finite differences of the float64 formula."""
    grid = Grid()
    alpha = problem(units=1)[1][0]
    x, h = 0.7, 1e-5
    slope = backend.grad(lambda x, alpha, sigma: phi(x, alpha, grid, sigma, method=method))
    by_alpha, by_sigma = backend.grad(slope, (1, 2))(np.float32(x), alpha, np.float32(grid.sigma))
    exact = [hermite_sums(x, row, grid, 1) for row in np.eye(20)]
    assert relative_error(by_alpha, np.array(exact)) < 1e-5
    ends = [hermite_sums(x, alpha, grid, 1, sigma=grid.sigma + e) for e in (h, -h)]
    assert abs(float(by_sigma) - (ends[0] - ends[1]) / (2 * h)) < 2e-5 * np.abs(exact).max() * np.abs(alpha).sum()


# -- Numbers at the edge --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.parametrize("size", [20, 50, 200])
@pytest.mark.one_in(21)
def test_nan_gives_nan_and_nothing_else_does(backend, method, size):
    alpha = problem(units=1, size=size)[1][0]
    x = np.float32([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e20, 1e6, -1e6, 100.0, 1e-45, -0.0, 0.0])
    value, slope = backend.jvp(lambda x: phi(x, alpha, Grid(size), method=method), (x,), (np.ones_like(x),))
    curved = backend.vmap(backend.grad(backend.grad(lambda x: phi(x, alpha, Grid(size), method=method))))(x)
    for found in (value, slope, curved):
        np.testing.assert_array_equal(np.isnan(np.asarray(found)), [True] + [False] * 11)
        np.testing.assert_array_equal(np.asarray(found)[1:9], 0.0)
        assert np.isfinite(np.asarray(found)[9:]).all() and np.asarray(found)[9:].all()


def test_one_nan_stays_where_it_is(backend):
    x, alpha = problem()
    x[5, 1] = np.nan
    out, dx = backend.value_and_grad(lambda x: phi(x, alpha, Grid()).sum())(x)
    found = np.isnan(np.asarray(phi(x, alpha, Grid())))
    assert found[5, 1] and found.sum() == 1 and np.isnan(np.asarray(dx)).sum() == 1 and np.isnan(float(out))


@pytest.mark.parametrize("shape, units", [((0,), ()), ((0, 7), (7,)), ((5, 0), (0,)), ((), ()), ((1,), (1,))])
@pytest.mark.one_in(4)
def test_empty_and_single(backend, shape, units):
    x, alpha = np.zeros(shape, np.float32), np.ones((*units, 20), np.float32)
    out = phi(x, alpha, Grid())
    assert (out.shape, out.dtype) == (shape, np.float32)
    dx, dalpha = backend.grad(lambda x, alpha: phi(x, alpha, Grid()).sum(), (0, 1))(x, alpha)
    assert (dx.shape, dalpha.shape) == (shape, alpha.shape)


# -- dtypes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype, unit", [("bfloat16", 2.0**-8), ("float16", 2.0**-11)])
@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.one_in(7)
def test_half_precision_is_computed_in_float32(backend, dtype, unit, method):
    xp = backend.np
    x, alpha = (xp.asarray(a).astype(dtype) for a in (np.linspace(-4, 4, 101, dtype=np.float32), problem(1)[1][0]))
    out = phi(x, alpha, Grid(), method=method)
    assert out.dtype == x.dtype
    exact = hermite_sums(*(np.asarray(a, np.float64) for a in (x, alpha)), Grid(), 0)
    # The result is rounded once: if every step rounded to half precision, many errors would add up.
    assert np.abs(np.asarray(out, np.float64) - exact).max() < 1.01 * unit * np.abs(exact).max()
    dx, dalpha = backend.grad(lambda x, alpha: phi(x, alpha, Grid(), method=method).astype("float32").sum(), (0, 1))(
        x, alpha
    )
    assert dx.dtype == dalpha.dtype == x.dtype
    sums = kernels(np.asarray(x, np.float64), Grid()).sum(0)
    np.testing.assert_allclose(np.asarray(dalpha, np.float64), sums, rtol=1.01 * unit)


def test_dtypes_of_mixed_arguments(backend):
    xp = backend.np
    half = xp.ones((2, 3), "bfloat16")
    alpha = np.ones((3, 20), np.float32)
    assert phi(half, alpha, Grid()).dtype == np.float32
    assert phi(half, xp.asarray(alpha).astype("bfloat16"), Grid()).dtype == half.dtype
    assert phi(np.int32([1, 2, 3]), alpha, Grid()).dtype == np.float32
    assert phi(half, xp.asarray(alpha).astype("bfloat16"), Grid(), np.ones(3, np.float32)).dtype == np.float32


# -- Bandwidths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1e-3, 0.1, 0.2, 0.27, 0.5, 1.0, 10.0])
@pytest.mark.one_in(8)
def test_any_bandwidth_known_or_not(backend, sigma):
    """Blocks that are made for an unknown bandwidth begin to overflow at 0.26."""
    grid = Grid()
    x, alpha = problem()
    x = x[np.abs(x[:, 0]) < 100]
    exact = hermite_sums(x, alpha, grid, 0, sigma)
    known = phi(x, alpha, grid, sigma)
    # The centres are float32, so x - c has an error of 2e-7, which matters for a small sigma.
    assert relative_error(known, exact) < 1e-5 + 3e-7 / sigma
    traced = backend.jit(lambda sigma: phi(x, alpha, grid, sigma))(np.float32(sigma))
    assert relative_error(traced, exact) < 1e-5 + 3e-7 / sigma
    slope = backend.jit(backend.grad(lambda x, sigma: phi(x, alpha, grid, sigma).sum()))(x, np.float32(sigma))
    assert relative_error(slope, hermite_sums(x, alpha, grid, 1, sigma)) < 1e-5 + 1e-6 / sigma


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.parametrize("shape, units", [((5, 3), (1,)), ((2, 5, 3), (1,)), ((5, 3, 2), (1, 2)), ((5, 3, 2), (3, 1))])
@pytest.mark.one_in(20)
def test_the_gradient_of_shared_coefficients_is_the_sum_over_the_units(backend, method, shape, units):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    alpha = np.random.default_rng(1).normal(size=(*units, 20)).astype(np.float32)
    own = shape[-len(units) :]
    whole = lambda alpha: (phi(x, alpha, Grid(), method=method) * x).sum()
    repeated = np.asarray(backend.grad(whole)(np.broadcast_to(alpha, (*own, 20)).copy()))
    shared = [i for i, (u, o) in enumerate(zip(units, own)) if u != o]
    np.testing.assert_allclose(
        backend.grad(whole)(alpha), repeated.sum(tuple(shared), keepdims=True), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.one_in(2)
def test_a_bandwidth_for_each_unit(backend, method):
    x, alpha = problem()
    sigma = np.float32([0.4, 0.5, 0.8])
    assert relative_error(phi(x, alpha, Grid(), sigma, method=method), hermite_sums(x, alpha, Grid(), 0, sigma)) < 1e-5
    dsigma = backend.grad(lambda sigma: phi(x, alpha, Grid(), sigma, method=method).sum())(sigma)
    terms = hermite_sums(x, alpha, Grid(), 0, sigma) / sigma + sigma * hermite_sums(x, alpha, Grid(), 2, sigma)
    assert (np.abs(np.asarray(dsigma) - terms.sum(0)) < 1e-5 * np.abs(terms).sum(0)).all()


# -- Which method ---------------------------------------------------------------------------------------------------------


def test_layouts():
    assert make_layout(Grid().centers, Grid().sigma) == Layout(-3.0, 6 / 19, 20, 20, False)
    assert make_layout(Grid(50).centers, Grid(50).sigma).num_blocks == 3
    assert make_layout(Grid().centers, None).guarded
    for centers in ([0.0], [0.0, 1.0, 3.0], [1.0, 0.0], [0.0, np.inf], [1e9, 1e9 + 64], [0.0, 0.0]):
        assert make_layout(np.float32(centers), 1.0) is None
    # The bandwidth is so small that a block cannot hold two centres.
    assert make_layout(Grid().centers, 0.05) is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"centers": np.float32([-1.0, 0.0, 3.0])},
        {"centers": lambda backend: backend.np.asarray(np.linspace(-1, 1, 7), "bfloat16")},
        {"kernel": "relu"},
        {"sigma": 0.01},
    ],
)
@pytest.mark.one_in(5)
def test_gridded_is_refused_where_it_cannot_be(backend, arguments):
    given = {"centers": np.float32([-1, 0, 1]), "sigma": 0.5, "kernel": "gauss", **arguments}
    centers = given.pop("centers")
    centers = centers(backend) if callable(centers) else centers
    x, alpha = np.ones(3, np.float32), np.ones(len(centers), np.float32)
    with pytest.raises(ValueError) as e:
        phi(x, alpha, centers, method="gridded", **given)
    assert str(e.value) == (
        'kaf: method "gridded" needs Gaussians whose centers are equispaced, ascending and known when the program is '
        'traced (not tracers), and a sigma that is not small compared with their step; "loop" takes any centers.'
    )
    np.testing.assert_allclose(
        np.asarray(phi(x, alpha, centers, method="auto", **given), np.float64),
        np.asarray(phi(x, alpha, centers, method="naive", **given), np.float64),
        rtol=1e-6,
    )


def test_unknown_method(backend):
    with pytest.raises(ValueError) as e:
        phi(0.0, np.ones(20, np.float32), Grid(), method="fast")
    assert str(e.value) == ("kaf: there is no method 'fast'; choose one of auto, gridded, pallas, loop, naive.")
    assert METHODS[0] == "auto"


# -- Transformations ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[1, 2], ids=["one device", "two devices"])
def devices(request, monkeypatch):
    """With several devices, which may share an array, JAX transposes the gradient itself."""
    monkeypatch.setattr(jax, "device_count", lambda: request.param)
    operations.cache_clear()
    yield request.param
    operations.cache_clear()


MAPS = {
    "jvp": lambda b, f, x, alpha: b.jvp(f, (x, alpha), (b.np.cos(x), b.np.sin(alpha)))[1],
    "jit(jvp)": lambda b, f, x, alpha: b.jit(lambda x, alpha: b.jvp(f, (x, alpha), (b.np.cos(x), b.np.sin(alpha)))[1])(
        x, alpha
    ),
    "grad": lambda b, f, x, alpha: b.grad(lambda x, alpha: (f(x, alpha) ** 2).sum(), (0, 1))(x, alpha),
    "vmap(grad), an example each": lambda b, f, x, alpha: b.vmap(b.grad(lambda x: (f(x, alpha) ** 2).sum()))(x),
    "vmap(grad by alpha)": lambda b, f, x, alpha: b.vmap(b.grad(lambda alpha, x: (f(x, alpha) ** 2).sum()), (None, 0))(
        alpha, x
    ),
    "vmap over units": lambda b, f, x, alpha: b.vmap(f, (1, 0), 1)(x, alpha),
    "hessian by alpha": lambda b, f, x, alpha: b.hessian(lambda alpha: (f(x[:50], alpha) ** 2).sum())(alpha),
    "hessian by alpha of a linear loss": lambda b, f, x, alpha: b.hessian(lambda alpha: f(x[:50], alpha).sum())(alpha),
    "jvp(grad)": lambda b, f, x, alpha: b.jvp(
        b.grad(lambda x, alpha: (f(x, alpha) ** 3).sum(), (0, 1)), (x, alpha), (b.np.cos(x), b.np.sin(alpha))
    )[1],
    "grad(jvp)": lambda b, f, x, alpha: b.grad(
        lambda x, alpha: (b.jvp(f, (x, alpha), (b.np.cos(x), b.np.sin(alpha)))[1] ** 2).sum(), (0, 1)
    )(x, alpha),
    "checkpoint": lambda b, f, x, alpha: b.grad(b.checkpoint(lambda x, alpha: (f(x, alpha) ** 2).sum()), (0, 1))(
        x, alpha
    ),
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.one_in(80)
def test_transformations_are_those_of_the_formula(backend, name, method, devices):
    x, alpha = problem()
    x = np.clip(x[:200], -1e3, 1e3)
    results = []
    for m in (method, "naive"):
        found = MAPS[name](backend, lambda x, alpha, m=m: phi(x, alpha, Grid(), method=m), x, alpha)
        results.append([np.asarray(leaf) for leaf in backend.tree_util.tree_leaves(found)])
    for found, expected in zip(*results, strict=True):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("rows, units", [(1000, 100), (65537, 1), (40000, 3), (7, 20000), (131, 700)])
@pytest.mark.one_in(32)
def test_chunks_of_rows(backend, rows, units, devices):
    """Sizes at which x is cut into chunks, with and without a remainder, and short rows are joined."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-4, 4, (rows, units)).astype(np.float32)
    alpha = rng.normal(0, 0.5, (units, 5)).astype(np.float32)
    grid = Grid(5)
    value, (dx, dalpha) = backend.value_and_grad(lambda x, alpha: phi(x, alpha, grid).sum(), (0, 1))(x, alpha)
    exact = kernels(x, grid)
    # float32 sums of `rows` terms, pairwise or in order.
    assert relative_error(dalpha, exact.sum(0)) < 1e-4
    assert relative_error(dx, hermite_sums(x, alpha, grid, 1)) < 1e-5
    assert relative_error(phi(x, alpha, grid), (exact * alpha).sum(-1)) < 1e-5
    assert abs(float(value) - (exact * alpha).sum()) < 1e-4 * np.abs(exact * alpha).sum()


@pytest.mark.parametrize("rows", [1, 7, 8, 21])
@pytest.mark.parametrize("size, wide", [(2, False), (5, True), (20, False), (50, True)])
@pytest.mark.parametrize("joined", [1, 7])
@pytest.mark.one_in(35)
def test_gradients_written_by_hand(backend, rows, size, wide, joined):
    """Numbers of rows that are taken eight at a time or not, that are joined or not, one block and
    several, one bandwidth or one for each unit."""
    rng = np.random.default_rng(rows)
    grid, units = Grid(size), 3
    sigma = np.float32(grid.sigma) * (np.array([1, 1.5, 2], np.float32) if wide else np.float32(1))
    x, g = (rng.normal(0, 2, (rows, units)).astype(np.float32) for _ in range(2))
    alpha = rng.normal(0, 0.5, (size, units)).astype(np.float32)
    layout = make_layout(np.asarray(grid.centers), float(sigma.min()))._replace(joined=joined)
    if wide or rows % joined or backend.compiles_loops():  # Rows are joined for NumPy alone.
        layout, joined = layout._replace(joined=1), 1
    arrays = [*map(backend.np.asarray, (x.reshape(-1, joined * units), alpha, sigma, g.reshape(-1, joined * units)))]
    found = backend.jit(lambda *a: pull(backend, layout, 0, *a, (0,)))(*arrays)
    value = evaluate(backend, layout, 0, *arrays[:3])
    found = [np.asarray(found[0]).reshape(rows, units), np.asarray(found[1])[:, 0]]
    value = np.asarray(value).reshape(rows, units)
    t = (x[:, :, None].astype(np.float64) - np.linspace(-3, 3, size)) / np.broadcast_to(sigma, units)[:, None]
    kappa = np.exp(-0.5 * t * t)
    slope = hermite_sums(x, alpha.T, grid, 1, np.broadcast_to(sigma, units))
    assert relative_error(value, (kappa * alpha.T).sum(-1)) < 1e-5
    assert relative_error(found[0], g * slope) < 1e-5
    assert relative_error(found[1], (g[:, :, None] * kappa).sum(0).T) < 1e-5


@pytest.mark.one_in(2)
def test_the_sums_of_a_gradient_are_one_reduction_on_xla_and_products_on_numpy(backend, devices):
    x, alpha = np.zeros((64, 8), np.float32), np.zeros((20, 8), np.float32)
    layout = make_layout(Grid().centers, Grid().sigma)
    gradients = lambda x, alpha: pull(backend, layout, 0, x, alpha, backend.np.float32(Grid().sigma), x, (0,))
    text = str(backend.make_jaxpr(gradients)(x, alpha))
    assert bool(re.search(r"\breduce\[", text)) == (backend.name == "jax" and devices == 1)
    assert (len(re.findall(r"\bdot_general\[", text)) >= 20) == (backend.name == "minijax")


def test_sizes_of_chunks():
    for n, row, size in itertools.product(
        (0, 1, 5, 256, 4096, 4097, 65536, 1000003), (1, 7, 256, 10**6), (32768, 65536)
    ):
        chunk = rows_per_chunk(n, row, size)
        assert chunk == n or 1 <= chunk and (chunk * row <= size or chunk == 1)
    assert rows_per_chunk(4096, 256, 65536) == 256
    # The chunk is a divisor of the number of rows if there is one near: a remainder costs a copy.
    assert 3 * 10**6 % rows_per_chunk(3 * 10**6, 1, 65536) == 0 and rows_per_chunk(1000003, 1, 65536) == 65536


def test_how_many_rows_are_joined():
    for n, row, size in itertools.product((1, 7, 256, 655), (1, 3, 256, 20000), (1, 8192)):
        joined = rows_to_join(n, row, size)
        assert n % joined == 0 and (joined == 1 or (joined - 1) * row < size or n % (joined - 1))
    assert rows_to_join(256, 256, 8192) == 32
    # Too few rows to join, or rows that are long.
    assert rows_to_join(7, 256, 8192) == rows_to_join(256, 8192, 8192) == 1


@pytest.mark.long
def test_an_array_that_devices_share_stays_with_them():
    """Gradients of a batch that two devices share: no array is gathered, and the devices exchange only the gradient of alpha."""
    program = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax, numpy as np, re
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from kaf import Grid, kaf
mesh = Mesh(np.array(jax.devices()), ("batch",))
x = jax.device_put(np.linspace(-4, 4, 4096 * 64, dtype="float32").reshape(4096, 64), NamedSharding(mesh, PartitionSpec("batch")))
alpha = jax.device_put(np.ones((64, 20), "float32"), NamedSharding(mesh, PartitionSpec()))
step = {
    method: jax.jit(jax.grad(lambda x, alpha: (kaf(x, alpha, Grid(), method=method) ** 2).mean(), (0, 1)))
    for method in ("auto", "naive")
}
text = step["auto"].lower(x, alpha).compile().as_text()
print("all-gather(" in text, "all-reduce(" in text)
for found, expected in zip(step["auto"](x, alpha), step["naive"](x, alpha)):
    print(found.sharding.spec, bool(abs(found - expected).max() < 1e-5 * abs(expected).max()))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["False True", "P('batch',) True", "P() True"]


# -- Memory ---------------------------------------------------------------------------------------------------------------

N, H = 1024, 256
X_BYTES = 4 * N * H


def value_and_gradients(backend, method):
    def loss(x, alpha, g):
        return (phi(x, alpha, Grid(), method=method) * g).sum()

    return backend.jit(backend.value_and_grad(loss, (0, 1)))


def arrays():
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=(4 * N, H)).astype(np.float32) for _ in range(2))
    return x, rng.normal(size=(H, 20)).astype(np.float32), g


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.one_in(4)
def test_peak_memory_of_value_and_gradients_in_arrays_of_xs_size_on_jax(method, devices):
    x, alpha, g = map(jax.numpy.asarray, arrays())
    with use_backend("jax") as backend:
        memory = value_and_gradients(backend, method).lower(x, alpha, g).compile().memory_analysis()
    # What the program holds besides its arguments: its results, the gradient of x among them, and all it computes with.
    peak = (memory.temp_size_in_bytes + memory.output_size_in_bytes) / x.nbytes
    # Where several devices may share x, its rows are put in another order, and those of the gradient back.
    assert 1 <= peak < (3.1 if devices == 1 else 5.2)


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
def test_peak_memory_of_value_and_gradients_in_arrays_of_xs_size_on_minijax(method):
    with use_backend("minijax") as backend:
        x, alpha, g = map(backend.np.asarray, arrays())
        # The function is compiled and not yet run, so that memory that a program keeps for its next run is counted too.
        run = value_and_gradients(backend, method).lower(x, alpha, g).compile()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            run(x, alpha, g)
            peak = (tracemalloc.get_traced_memory()[1] - before) / x.nbytes
        finally:
            tracemalloc.stop()
    # The results, and what the program keeps for its next run: minijax keeps large arrays that nobody else holds.
    assert 1 <= peak < 3


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.parametrize(
    "library, print_residuals",
    [("jax", print_saved_residuals), ("minijax", minijax.ad_checkpoint.print_saved_residuals)],
)
def test_what_reverse_mode_keeps_is_x_and_alpha(library, print_residuals, method, capsys):
    with use_backend(library) as backend:
        x, alpha = backend.np.zeros((4096, 256)), backend.np.zeros((256, 20))
        print_residuals(
            lambda x, alpha, sigma: phi(x, alpha, Grid(), sigma, method=method), x, alpha, backend.np.float32(0.5)
        )
    kept = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    large = [aval for aval in kept if aval not in ("f32[]", "f32[20]", "f32[20,20]")]
    assert sorted(large) == ["f32[256,20]", "f32[4096,256]"]


@pytest.mark.parametrize("method", METHODS_OF_BOTH)
@pytest.mark.parametrize("kernel", ["gauss", "relu"])
def test_no_value_has_an_axis_for_the_centers(backend, method, kernel):
    method = "loop" if kernel == "relu" else method
    x, alpha = np.zeros((64, 8), np.float32), np.zeros((8, 100), np.float32)

    def f(x, alpha):
        return phi(x, alpha, Grid(100), kernel=kernel, method=method).sum()

    largest = max(size for _, size in sizes_in(backend.make_jaxpr(backend.grad(f, (0, 1)))(x, alpha).jaxpr))
    # The largest values are alpha, once for each of the rows that were joined, and the matrix that turns it.
    assert largest <= max(100 * 256, 100 * 100)
    naive = backend.make_jaxpr(lambda x, alpha: phi(x, alpha, Grid(100), method="naive"))(x, alpha)
    assert max(size for _, size in sizes_in(naive.jaxpr)) == 64 * 8 * 100
