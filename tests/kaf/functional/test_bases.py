"""A KAF on a basis: values against NumPy's own polynomials, gradients, memory, layers, other grids; both backends."""

import numpy as np
import pytest
from kaf_jaxprs import sizes_in

from kaf import KAF, Grid, KAFNet, ridge_alpha
from kaf.functional import kaf as phi
from kaf.functional.bases import OTHER_BASES

EPS = np.finfo(np.float32).eps
POLYNOMIALS = {"chebyshev": np.polynomial.chebyshev.chebval, "legendre": np.polynomial.legendre.legval}


def exact(basis, x, alpha, grid):
    """phi of one unit, in float64, by formulas that are written without the ones of kaf."""
    k = grid.size
    if basis in POLYNOMIALS:
        return POLYNOMIALS[basis](np.clip((x - grid.middle) / grid.boundary, -1, 1), alpha)
    if basis == "fourier":
        turns = 2 * np.pi * (x - grid.low) / (grid.high - grid.low)
        waves = [np.ones_like(x)] + [f(n * turns) for n in range(1, k) for f in (np.cos, np.sin)]
        return sum(a * wave for a, wave in zip(alpha, waves, strict=False))
    pieces = np.abs((x - grid.low) / grid.step - np.arange(k)[:, None])
    cubic = np.where(pieces < 1, (4 - 6 * pieces**2 + 3 * pieces**3) / 6, np.clip(2 - pieces, 0, None) ** 3 / 6)
    return alpha @ cubic


@pytest.mark.parametrize("k", [5, 40])
@pytest.mark.parametrize("basis", OTHER_BASES)
@pytest.mark.one_in(10)
def test_values(backend, basis, k):
    grid, rng = Grid.over(-1.0, 4.0, k), np.random.default_rng(0)
    x, alpha = rng.uniform(-2, 5, (50, 3)).astype(np.float32), rng.normal(size=(3, k)).astype(np.float32)
    expected = np.stack([exact(basis, x[:, h].astype(float), alpha[h].astype(float), grid) for h in range(3)], -1)
    # x in units of the grid is rounded, and at an end of the grid the polynomial of degree k has the slope k^2.
    bound = (k if basis in POLYNOMIALS else 4) * k * EPS * np.abs(alpha).sum(-1).max()
    for arguments in ({}, {"method": "naive"}, {"method": "loop"}):
        np.testing.assert_allclose(
            np.asarray(phi(x, alpha, grid, kernel=basis, **arguments)), expected, rtol=0, atol=bound
        )
    np.testing.assert_allclose(
        np.asarray(phi(x.T, alpha, grid.centers, kernel=basis, axis=0)), expected.T, rtol=0, atol=bound
    )


@pytest.mark.parametrize("basis", OTHER_BASES)
@pytest.mark.one_in(3)
def test_gradients_are_those_of_the_formula(backend, basis):
    rng, grid = np.random.default_rng(1), Grid(9, 2.0)
    x, alpha = rng.uniform(-3, 3, (40, 3)).astype(np.float32), rng.normal(size=(3, 9)).astype(np.float32)
    gradient = lambda method: backend.grad(
        lambda x, alpha: (phi(x, alpha, grid, kernel=basis, method=method) ** 2).sum(), (0, 1)
    )(x, alpha)
    for found, expected in zip(gradient("auto"), gradient("naive"), strict=True):
        expected = np.asarray(expected)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("basis", OTHER_BASES)
@pytest.mark.one_in(8)
def test_no_value_has_an_axis_for_the_functions(backend, basis):
    layer, x = KAF.init(0, 16, Grid(12), kernel=basis), np.ones((64, 16), np.float32)
    loss = lambda layer, x: (layer(x) ** 2).sum()
    program = backend.make_jaxpr(backend.grad(loss, (0, 1)))(layer, x)
    assert max(size for _, size in sizes_in(program.jaxpr)) <= x.size


@pytest.mark.parametrize("basis", OTHER_BASES)
@pytest.mark.one_in(7)
def test_layers_start_as_a_function_and_move_to_another_grid(backend, basis):
    f = np.sin if basis == "fourier" else np.tanh
    grid = Grid(20, np.pi)
    x = np.linspace(-3, 3, 101, dtype=np.float32)[:, None].repeat(2, 1)
    layer = KAF.init(0, 2, grid, init=f, kernel=basis)
    assert np.abs(np.asarray(layer(x)) - f(x)).max() < 0.03
    assert ridge_alpha(f, grid, kernel=basis).residual_max < 0.1  # of B-splines at the ends, where some are missing
    finer = layer.resize(Grid(39, np.pi))
    np.testing.assert_allclose(np.asarray(finer(x)), np.asarray(layer(x)), rtol=0, atol=1e-2)
    net = KAFNet.init(0, [2, 3, 1], kernel=basis, init="variance_preserving")
    assert np.isfinite(np.asarray(net(x))).all() and net.fit_to_data(x).layers[1].kernel == basis


def test_errors(backend):
    x, alpha = np.ones((4, 3), np.float32), np.ones((3, 5), np.float32)
    apart = np.float32([0, 1, 2, 3, 5])
    message = (
        "kaf: the basis 'bspline' is on a grid: give a Grid, or two or more centers that are equispaced, ascending and known "
        "when the program is traced."
    )
    for centers in (apart, apart[::-1], np.zeros(5)):
        with pytest.raises(ValueError) as e:
            phi(x, alpha, centers, kernel="bspline")
        assert str(e.value) == message
    with pytest.raises(ValueError, match="the basis 'bspline' is on a grid"):
        backend.jit(lambda c: phi(x, alpha, c, kernel="bspline"))(np.arange(5.0, dtype=np.float32))
    with pytest.raises(ValueError, match='method "gridded" needs Gaussians'):
        phi(x, alpha, Grid(5), kernel="bspline", method="gridded")
    with pytest.raises(ValueError, match="the basis 'fourier' has no bandwidths and no centres to train"):
        KAF.init(0, 2, kernel="fourier", trainable=("sigma",))
