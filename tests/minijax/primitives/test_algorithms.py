"""The operations that the algorithms of special functions are written in: an element's result is its own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from minijax.lowering.xla import special  # noqa: F401  (it imports every module that fills ALGORITHMS)
from minijax.primitives.algorithms import ALGORITHMS, NUMPY, NUMPY_BRIEF

NUMBERS = [0.0, -0.0, 1e-30, 0.01, 0.3725, 0.7, 1.0, 3.0, 5.5, 41.0, 1e9, -0.4, -7.3, np.inf, -np.inf, np.nan]
OPERATIONS = pytest.mark.parametrize("ops", [NUMPY, NUMPY_BRIEF], ids=["float64", "narrower"])


def arity(name: str) -> int:
    """Second derivatives take `*args`: as many as their function."""
    code = ALGORITHMS[name.partition("_by_")[0] if name.startswith("hyp") else name].__code__
    return code.co_argcount - 1


def halvings(ops, x):
    """How often x is halved until it is below 1, and what is left."""
    return ops.loop(
        lambda x, n, rest: rest >= 1.0, lambda x, n, rest: (n + 1.0, x / 2.0 ** (n + 1.0)), [x], [x * 0.0, x]
    )


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (3, 0), (2, 3)], ids=str)
def test_a_loop_ends_for_each_element_by_itself(shape):
    x = np.exp(np.random.default_rng(0).uniform(-3, 20, shape))
    steps, rest = halvings(NUMPY, x)
    expected = np.maximum(np.floor(np.log2(x)) + 1, 0)
    np.testing.assert_array_equal(steps, expected)
    np.testing.assert_array_equal(rest, x / 2.0**expected)
    assert steps.shape == rest.shape == shape


@pytest.mark.parametrize("which", list(itertools.product([False, True], repeat=3)), ids=str)
def test_a_branch_is_computed_for_its_elements_alone(which):
    seen = {True: [], False: []}

    def of(branch):
        def function(x, y):
            seen[branch] += [*x]
            return x + (y if branch else -y)

        return function

    x, which = np.array([1.0, 2.0, 3.0]), np.array(which)
    out = NUMPY.branch(which, of(True), of(False), x, 10 * x)
    np.testing.assert_array_equal(out, np.where(which, 11 * x, -9 * x))
    assert seen == {True: [*x[which]], False: [*x[~which]]}


@pytest.mark.one_in(112)
@OPERATIONS
@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_an_element_does_not_depend_on_the_others(name, ops):
    algorithm, count = ALGORITHMS[name], arity(name)
    rows = np.random.default_rng(1).permutation([*itertools.product(NUMBERS, repeat=min(count, 2))])[:40]
    args = [np.array(x) for x in zip(*rows)]
    args = [*args, *[np.resize(NUMBERS[2:9], len(rows))] * (count - len(args))]
    with np.errstate(all="ignore"):
        together = algorithm(ops, *args)
        alone = [algorithm(ops, *[x[i : i + 1] for x in args]) for i in range(len(rows))]
    # NumPy may round exp and log of an array's last elements otherwise than of the others, and an algorithm may magnify that: 1e-12
    # is some thousand roundings of float64. An element that has another's value is further off.
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-12, err_msg=name)
