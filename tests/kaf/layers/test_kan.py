"""KANs: each basis against its formula in float64, and that a network on other grids, or pruned, computes what it computed."""

import dataclasses

import numpy as np
import pytest
from kaf_jaxprs import sizes_in
from scipy.interpolate import BSpline

import kaf
from kaf import KAN, Grid, KANLayer
from kaf.layers import BASES

POLYNOMIALS = {"chebyshev": np.polynomial.chebyshev.chebval, "legendre": np.polynomial.legendre.legval}


def inputs(*shape, low=-2, high=2, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def in_float64(bases, alpha, grid, x):
    """sum_j alpha_j b_j(x) for x [n], as NumPy's and SciPy's polynomials and splines have it."""
    k, t = len(alpha), (x - grid.middle) / grid.boundary
    if bases in POLYNOMIALS:
        return POLYNOMIALS[bases](np.clip(t, -1, 1), alpha)
    if bases == "fourier":
        waves = [np.cos, np.sin]
        angle = np.pi * (t + 1)
        return alpha[0] + sum(alpha[j] * waves[(j - 1) % 2]((j + 1) // 2 * angle) for j in range(1, k))
    u = (x - grid.low) / grid.step
    if bases == "gauss":
        return sum(alpha[j] * np.exp(-((u - j) ** 2)) for j in range(k))
    spline = BSpline.basis_element(np.arange(-2.0, 3.0), extrapolate=False)
    return sum(alpha[j] * np.nan_to_num(spline(u - j)) for j in range(k))


@pytest.mark.parametrize("k", [2, 8, 25])
@pytest.mark.parametrize("bases", BASES)
@pytest.mark.one_in(4)
def test_bases(backend, bases, k):
    grids = (Grid.over(-1.0, 2.0, k), Grid(k, 2.5), Grid.over(0.5, 1.0, k))
    layer = KANLayer.init(0, 3, 4, grids, spread=1.0, base=False, bases=bases)
    x = inputs(40, 3)
    alpha = np.asarray(layer.alpha, np.float64)
    edges = [
        [in_float64(bases, alpha[i, o], grid, x[:, i].astype(np.float64)) for i, grid in enumerate(grids)]
        for o in range(4)
    ]
    # t = (x - middle) / boundary is rounded by at most 8 eps / 2, and basis function j has slopes up to j^2 in t.
    rounding = 5e-7 * (np.abs(alpha) * np.arange(k) ** 2).sum((0, 2)).max()
    np.testing.assert_allclose(np.asarray(layer(x)), np.sum(edges, 1).T, rtol=0, atol=rounding + 1e-5)


@pytest.mark.parametrize("bases", BASES)
@pytest.mark.one_in(2)
def test_gradients_of_a_basis_are_finite_everywhere_and_right(backend, bases):
    layer = KANLayer.init(0, 2, 3, Grid.over(-1.0, 1.0, 9), bases=bases)
    ends = np.float32([[-1, 1], [1, -1], [0, 0], [-5, 5], [1e4, -1e4]])
    both = backend.grad(lambda layer, x: layer(x).sum(), (0, 1))
    assert all(np.isfinite(np.asarray(g)).all() for g in backend.tree_util.tree_leaves(both(layer, ends)))
    x = inputs(5, 2, low=-0.9, high=0.9)
    with backend.library.enable_x64(True):
        layer = backend.tree_util.tree_map(lambda leaf: np.asarray(leaf, np.float64), layer)
        x, dx = x.astype(np.float64), 1e-6 * inputs(5, 2, seed=1).astype(np.float64)
        slope = float(layer(x + dx).sum() - layer(x - dx).sum()) / 2
        np.testing.assert_allclose((np.asarray(both(layer, x)[1]) * dx).sum(), slope, rtol=1e-6)


@pytest.mark.parametrize("bases", BASES)
@pytest.mark.one_in(9)
def test_no_value_has_an_axis_for_the_bases(backend, bases):
    layer, x = KANLayer.init(0, 16, 16, Grid(8), bases=bases), inputs(64, 16)
    program = backend.make_jaxpr(backend.grad(lambda layer, x: layer(x).sum(), (0, 1)))(layer, x)
    assert max(size for _, size in sizes_in(program.jaxpr)) <= 16 * 16 * 8


# How near the same functions are on finer grids, and then on grids for the data. Polynomials are the same anywhere; waves of
# another period are not, and Gaussians and splines are up to their resolution.
NEAR = {
    "gauss": (1e-2, 3e-2),
    "bspline": (1e-2, 3e-2),
    "chebyshev": (1e-4, 1e-4),
    "legendre": (1e-4, 1e-4),
    "fourier": (1e-4, 0.5),
}


@pytest.mark.parametrize("bases", BASES)
@pytest.mark.one_in(8)
def test_other_grids_same_functions(backend, bases):
    net = KAN.init(0, [3, 4, 2], Grid(8, 4.0), bases=bases)  # so wide that no unit of the hidden layer leaves its grid
    x = inputs(200, 3, low=-1, high=1.5)
    before = np.asarray(net(x))
    finer = net.refine(24)
    assert [layer.alpha.shape for layer in finer.layers] == [(3, 4, 24), (4, 2, 24)]
    np.testing.assert_allclose(np.asarray(finer(x)), before, rtol=0, atol=NEAR[bases][0])
    fitted = finer.update_grid(x)
    np.testing.assert_allclose(np.asarray(fitted(x)), before, rtol=0, atol=NEAR[bases][1])
    for grid, low, high in zip(fitted.layers[0].grids, x.min(0), x.max(0), strict=True):
        np.testing.assert_allclose(
            [grid.low, grid.high], [low - (high - low) / 20, high + (high - low) / 20], rtol=1e-5
        )
    hidden = np.asarray(fitted.layers[0](x))
    for grid, low, high in zip(fitted.layers[1].grids, hidden.min(0), hidden.max(0), strict=True):
        assert grid.low < low < high < grid.high and grid.high - grid.low < 1.11 * (high - low)
    # A network with a grid for each input is jitted and batched as any.
    np.testing.assert_allclose(
        np.asarray(backend.jit(backend.vmap(fitted))(x)), np.asarray(fitted(x)), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("bases", ["gauss", "bspline", "fourier"])
@pytest.mark.one_in(3)
def test_on_another_grid_no_function_is_nearer(backend, bases):
    """The error has no part along the new basis: it is orthogonal to each function of it over the new grid."""
    old, new = KANLayer.init(0, 1, 3, base=False, bases=bases), Grid.over(-1.0, 1.2, 7)
    layer = old.resize(new)
    x = np.linspace(new.low, new.high, 1001, dtype=np.float32)[:, None]
    error = np.asarray(layer(x), np.float64) - np.asarray(old(x))
    basis = np.asarray(KANLayer(np.eye(7, dtype=np.float32)[None], grid=new, bases=bases)(x), np.float64)
    along = np.abs(basis.T @ error).max() / np.linalg.norm(basis, axis=0).max()
    assert along < 0.05 * np.linalg.norm(error) or np.linalg.norm(error) < 1e-4


def test_fit_to_data_is_not_widened_by_an_outlier(backend):
    x = inputs(1000, 2, low=0, high=1)
    x[0] = 100.0
    net = KAN.init(0, [2, 3, 1], Grid(20, 4.0))
    fitted = net.fit_to_data(x, coverage=0.98)
    assert all(0 <= grid.low < grid.high <= 1.0 for grid in fitted.layers[0].grids)
    covered = [row for row in x if all(g.low <= v <= g.high for g, v in zip(fitted.layers[0].grids, row, strict=True))]
    assert len(covered) > 900
    np.testing.assert_allclose(
        np.asarray(fitted.layers[0](covered)), np.asarray(net.layers[0](covered)), rtol=0, atol=2e-2
    )


def test_a_constant_input_keeps_its_grid_and_what_is_not_finite_is_refused(backend):
    layer = KANLayer.init(0, 2, 3)
    x = np.stack([np.ones(5), np.arange(5)], 1)
    assert [grid.low for grid in layer.update_grid(x, margin=0.0).grids] == [-2.0, 0.0]
    with pytest.raises(ValueError, match="KANLayer: the samples hold numbers that are not finite"):
        layer.update_grid(np.full((2, 2), np.nan))


def test_a_layer_with_a_norm_has_grids_for_what_the_norm_returns(backend):
    layer, x = KANLayer.init(0, 4, 3, base=False, norm=True).refine(30), 50 + 7 * inputs(100, 4)
    fitted = layer.update_grid(x)
    assert all(-2 < grid.low < grid.high < 2 for grid in fitted.grids)
    np.testing.assert_allclose(np.asarray(fitted(x)), np.asarray(layer(x)), rtol=0, atol=1e-2)


# -- Edges, and fewer of them -------------------------------------------------------------------------------------------


def test_an_edge_is_its_part_of_the_sum(backend):
    net = KAN.init(0, [3, 4, 2], bases=("gauss", "bspline")).update_grid(inputs(50, 3))
    x = inputs(6, 3)
    edges = [[net.edge(0, i, o) for i in range(3)] for o in range(4)]
    total = np.array([sum(np.asarray(edge(x[:, i])) for i, edge in enumerate(row)) for row in edges]).T
    np.testing.assert_allclose(np.asarray(net.layers[0](x)), total, rtol=0, atol=1e-5)
    assert net.edge(0, 1, 2).grid == net.layers[0].grids[1] and (net.edge(0, 1, 2).i, net.edge(0, 1, 2).o) == (1, 2)
    assert net.edge(1, 3, 1)(inputs(2, 5)).shape == (2, 5)


def with_weak_parts():
    """A network whose unit 2 is weak, and whose input 1 reaches unit 0 through a constant."""
    net = KAN.init(0, [3, 4, 2], spread=0.5)
    first, last = net.layers
    alpha, base = np.array(first.alpha), np.array(first.base)
    alpha[1, 0], base[1, 0] = 1e-4 * alpha[1, 0], 0
    outgoing, silus = np.array(last.alpha), np.array(last.base)
    outgoing[2], silus[2] = 1e-4 * outgoing[2], 1e-4 * silus[2]
    as_arrays = kaf.get_backend().np.asarray
    first = dataclasses.replace(first, alpha=as_arrays(alpha), base=as_arrays(base), bias=as_arrays(inputs(4)))
    return KAN((first, dataclasses.replace(last, alpha=as_arrays(outgoing), base=as_arrays(silus))))


@pytest.mark.parametrize("grids", ["one for all", "one for each input"])
@pytest.mark.one_in(7)
def test_prune(backend, grids):
    net, x = with_weak_parts(), inputs(300, 3)
    if grids == "one for each input":
        net = net.refine(20).update_grid(x)
    pruned = net.prune(x, 0.01)
    assert [layer.alpha.shape[:2] for layer in pruned.layers] == [(3, 3), (3, 2)]
    # Unit 2 is gone, so the units are 0, 1 and 3; of the other edges one is gone.
    assert pruned.layers[0].mask == ((True, True, True), (False, True, True), (True, True, True))
    np.testing.assert_allclose(np.asarray(pruned(x)), np.asarray(net(x)), rtol=0, atol=5e-3)
    np.testing.assert_array_equal(np.asarray(pruned.edge(0, 1, 0)(x)), 0)
    scores = pruned.layers[0].scores(x)
    assert scores[1, 0] == 0 and (np.delete(scores.ravel(), 3) > 0).all()
    # The mean of what went is in the bias.
    mean = lambda net: np.asarray(net(x)).mean(0)
    np.testing.assert_allclose(mean(net.prune(x, 0.2)), mean(net), atol=0.05)


def test_pruned_edges_stay_zero_in_training(backend):
    net, x = with_weak_parts(), inputs(300, 3)
    pruned = net.prune(x, 0.01)
    result = kaf.fit(pruned, x, x[:, :2] ** 2, loss="mean_squared_error", epochs=3, l2_alpha=0.0)
    assert result.epoch_losses[-1] < result.epoch_losses[0]
    np.testing.assert_array_equal(np.asarray(result.model.edge(0, 1, 0)(x)), 0)
    grads = backend.grad(lambda net: (net(x) ** 2).sum())(pruned)
    assert not np.asarray(grads.layers[0].alpha)[1, 0].any() and np.asarray(grads.layers[0].alpha)[0, 0].any()


def test_what_there_is_not(backend):
    net = KAN.init(0, [2, 3, 1])
    for call, message in [
        (lambda: net.edge(2, 0, 0), "KAN: there is no layer 2; the network has 2."),
        (lambda: net.edge(1, 3, 0), "KANLayer: there is no edge from 3 to 0; the layer has 3 inputs and 1 outputs."),
        (
            lambda: KANLayer.init(0, 2, 3, norm=True).edge(0, 0),
            "KANLayer: with a layer norm an edge depends on all inputs, so it is no function of one.",
        ),
        (lambda: net.prune(inputs(9, 2), 2.0), "KAN: threshold=2 prunes all edges; give a smaller one."),
        (
            lambda: KAN.init(0, [2]),
            "KAN: sizes must hold the sizes of the input, of hidden layers and of the output; got [2].",
        ),
        (
            lambda: KAN.init(0, [2, 3, 1], bases=("gauss",)),
            "KAN: bases must be one for all, or hold one for each of the 2 layers; it has 1.",
        ),
        (
            lambda: KANLayer.init(0, 2, 3, bases="wavelet"),
            "KANLayer: there is no basis 'wavelet'; choose one of gauss, bspline, chebyshev, legendre, fourier.",
        ),
        (
            lambda: KANLayer.init(0, 3, 2, (Grid(4), Grid(5))),
            "KANLayer: one grid is needed, or one for each of the 3 inputs, all of one size; got 2 of sizes [4, 5].",
        ),
    ]:
        with pytest.raises(ValueError) as e:
            call()
        assert str(e.value) == message
