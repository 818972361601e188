"""The grid's golden values, and what it refuses."""

import numpy as np
import pytest

from kaf import Grid

GOLDEN = [
    # grid, step, gamma, sigma
    (Grid(), 0.3157895, 1.671296, 0.5469634),
    (Grid(rule="code"), 0.3157895, 1.253472, 0.6315789),
    (Grid(20, 4.0), 0.4210526, 0.9401042, 0.7292846),
    (Grid(2, 1.0), 2.0, 1 / 24, 3.464102),
]


@pytest.mark.parametrize("grid, step, gamma, sigma", GOLDEN)
def test_golden(grid, step, gamma, sigma):
    # The figures are rounded to seven digits.
    np.testing.assert_allclose([grid.step, grid.gamma, grid.sigma], [step, gamma, sigma], rtol=5e-7)


@pytest.mark.parametrize("rule, gamma_step_squared", [("paper", 1 / 6), ("code", 1 / 8)])
def test_rules_do_not_depend_on_size_and_boundary(rule, gamma_step_squared):
    for size, boundary in [(20, 3.0), (7, 0.1), (300, 40.0)]:
        grid = Grid(size, boundary, rule)
        np.testing.assert_allclose(grid.gamma * grid.step**2, gamma_step_squared, rtol=1e-14)
        np.testing.assert_allclose(grid.gamma, 1 / (2 * grid.sigma**2), rtol=1e-14)
        assert type(grid.sigma) is float  # a NumPy float64 would carry its dtype into the layer


def test_centers():
    centers = Grid(5, 2.0).centers
    np.testing.assert_array_equal(centers, np.float32([-2, -1, 0, 1, 2]))
    assert centers.dtype == np.float32
    grid = Grid()
    assert grid.centers is grid.centers
    with pytest.raises(ValueError, match="read-only"):
        grid.centers[0] = 1.0


def test_it_is_a_value():
    assert Grid() == Grid(20, 3.0, "paper") and hash(Grid()) == hash(Grid(20, 3.0, "paper"))
    assert Grid() != Grid(rule="code")
    assert Grid(np.int64(5)) == Grid(5)


SIZE = "Grid: size is the number of centres, an integer of at least 2; it is {}."
BOUNDARY = "Grid: boundary must be positive and finite; it is {}."


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"size": 1}, SIZE.format(1)),
        ({"size": 0}, SIZE.format(0)),
        ({"size": -3}, SIZE.format(-3)),
        ({"size": 2.5}, SIZE.format(2.5)),
        ({"size": True}, SIZE.format(True)),
        ({"size": "20"}, SIZE.format("'20'")),
        ({"boundary": 0.0}, BOUNDARY.format(0.0)),
        ({"boundary": -3.0}, BOUNDARY.format(-3.0)),
        ({"boundary": float("inf")}, BOUNDARY.format("inf")),
        ({"boundary": float("nan")}, BOUNDARY.format("nan")),
        ({"rule": "scott"}, "Grid: there is no rule 'scott'; choose one of paper, code."),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError) as e:
        Grid(**arguments)
    assert str(e.value) == message


# -- Grids that are not symmetric -----------------------------------------------------------------------------------------


def test_a_grid_over_an_interval():
    grid = Grid.over(1.0, 5.0, 9, "code")
    assert (grid.low, grid.high, grid.middle, grid.boundary, grid.rule) == (1.0, 5.0, 3.0, 2.0, "code")
    np.testing.assert_array_equal(grid.exact_centers, np.linspace(1, 5, 9))
    np.testing.assert_allclose(grid.sigma, Grid(9, 2.0, "code").sigma)
    assert repr(grid) == "Grid(size=9, boundary=2.0, rule='code', middle=3.0)" and eval(repr(grid)) == grid
    assert Grid.over(-3.0, 3.0) == Grid() and grid != Grid(9, 2.0, "code")


@pytest.mark.parametrize("low, high", [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_no_interval(low, high):
    with pytest.raises(ValueError) as e:
        Grid.over(low, high)
    assert str(e.value) == f"Grid.over: low must be below high, and both finite; they are {low!r} and {high!r}."
    with pytest.raises(ValueError, match="Grid: middle must be finite; it is inf"):
        Grid(middle=float("inf"))
