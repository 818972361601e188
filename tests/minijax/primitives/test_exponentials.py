"""Rows of distribution functions: each derivative is a difference of the function, twice; and XLA has the same values."""

from __future__ import annotations

import numpy as np
import pytest

import minijax as mj
from minijax.core.primitive import Primitive
from minijax.primitives import beta, exponentials, truncated_normal

ROWS = {
    name: value
    for module in (exponentials, beta, truncated_normal)
    for name, value in vars(module).items()
    if isinstance(value, Primitive) and value.name in vars(module)
}
Z = np.array([-3.0, -0.7, 0.2, 1.3, 2.9])
PLACES = {"exponential_log_below": (np.abs(Z),), "pareto_log_density": (np.abs(Z), Z + 4)}
# z, and the ends around it: on both sides of 0, and on one side, far out.
TRUNCATED = (
    Z + np.array([0, 0, 0, 0, 40.0]),
    Z - np.array([1, 0.5, 0.7, 2, -39]),
    Z + np.array([5, 0.6, 0.9, 0.5, 41]),
)
BETA = (np.array([0.3, 2.0, 9.0, 1e3, 0.5]), np.array([4.0, 0.2, 30.0, 2.0, 1e4]))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.one_in(3)
def test_derivatives_are_differences(name):
    row = ROWS[name]
    args = BETA if "beta" in name else TRUNCATED if "truncated" in name else PLACES.get(row.name, (Z,))
    with mj.enable_x64(True):
        functions = [row.bind]
        for _ in range(2):
            inner = functions[-1]
            for i in range(len(args)):

                def along(x, i=i, inner=inner):
                    return inner(*args[:i], x, *args[i + 1 :])

                step = 1e-5 * np.abs(args[i])
                slope = mj.jvp(along, (args[i],), (np.ones(5),))[1]
                difference = (np.asarray(along(args[i] + step)) - np.asarray(along(args[i] - step))) / (2 * step)
                np.testing.assert_allclose(slope, difference, rtol=1e-5, atol=1e-8)
            functions.append(lambda *xs, inner=inner: mj.jvp(inner, xs, [np.ones(5) for x in xs])[1])
        np.testing.assert_allclose(mj.jit(row.bind, compiler="xla")(*args), row.bind(*args), rtol=1e-13)


@pytest.mark.parametrize("name", ROWS)
def test_types(name):
    row = ROWS[name]
    for dtype in ("float32", "float16"):
        numbers = (
            [0.5] * (2 if "beta" in name or "pareto" in name else 1) if "truncated" not in name else [0.5, 0.2, 0.9]
        )
        args = [np.full(3, number, dtype) for number in numbers]
        assert row.bind(*args).dtype == dtype
