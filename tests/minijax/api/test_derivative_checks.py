"""`test_util.check_grads` accepts and refuses what JAX's does."""

from __future__ import annotations

import jax
import jax.numpy
import jax.test_util
import numpy as np
import pytest

import minijax
import minijax.numpy


def function(lib, factor: float, mode: str):
    """x sin(x), whose derivative in that mode is multiplied by a factor."""

    @lib.custom_jvp
    def f(x):
        return lib.numpy.sin(x) * x

    @f.defjvp
    def f_jvp(primals, tangents):
        ((x,), (t,)) = primals, tangents
        return f(x), factor * (lib.numpy.sin(x) + lib.numpy.cos(x) * x) * t

    return f


ARGUMENTS = {
    "number": (0.7,),
    "array": (np.float32([0.3, -1.0]),),
    "tree": ({"a": np.float32([0.3, -1.0])},),
    "complex": (np.complex64([0.3 + 0.5j]),),
}


@pytest.mark.parametrize("factor", [1.0, 1.02])
@pytest.mark.parametrize("modes", [("fwd",), ("rev",), ("lin",)])
@pytest.mark.parametrize("arguments", ARGUMENTS)
@pytest.mark.one_in(28)
def test_check_grads(factor, modes, arguments):
    verdicts = []
    for lib in (minijax, jax):
        f = function(lib, factor, modes[0])
        tree = lambda x, f=f, lib=lib: lib.tree.map(f, x)
        try:
            lib.test_util.check_grads(tree, ARGUMENTS[arguments], order=2, modes=modes, rtol=5e-3, atol=5e-3)
            verdicts.append("right")
        except AssertionError:
            verdicts.append("wrong")
    assert verdicts == ["right" if factor == 1.0 else "wrong"] * 2


def test_a_wrong_second_derivative_is_seen():
    @minijax.custom_jvp
    def slope(x):
        return minijax.numpy.cos(x)

    slope.defjvp(lambda primals, tangents: (slope(*primals), 1.05 * -minijax.numpy.sin(primals[0]) * tangents[0]))

    @minijax.custom_jvp
    def sine(x):
        return minijax.numpy.sin(x)

    sine.defjvp(lambda primals, tangents: (sine(*primals), slope(primals[0]) * tangents[0]))
    minijax.test_util.check_grads(sine, (1.0,), order=1)
    with pytest.raises(AssertionError, match="JVP of JVP"):
        minijax.test_util.check_grads(sine, (1.0,), order=2)


def test_tolerances_by_dtype():
    f = function(minijax, 1.02, "fwd")
    x = (np.float32([0.3, -1.0]),)
    check = minijax.test_util.check_grads
    check(f, x, 1, modes=["fwd"], atol={np.float32: 0.1}, rtol={"float32": 0.1})
    with pytest.raises(AssertionError, match="JVP tangent"):
        check(f, x, 1, modes=["fwd"], atol={np.float64: 0.1})
    with pytest.raises(AssertionError, match="dtypes"):
        minijax.test_util.check_jvp(lambda x: x, lambda x, t: (x[0].astype("float16"), t[0]), x)


def test_the_same_directions_as_jax():
    """A function that fails along a direction: the directions come from NumPy's generator with seed 0, as JAX's."""
    seen = []
    for lib in (minijax, jax):
        lib.test_util.check_jvp(
            lambda x: x["a"] * 2,
            lambda x, t, lib=lib: seen.append(t) or lib.jvp(lambda x: x["a"] * 2, x, t),
            ({"a": np.float32([1.0, 2.0])},),
        )
    np.testing.assert_array_equal(seen[0][0]["a"], seen[1][0]["a"])


def test_each_part_of_a_wrong_derivative_is_named():
    x, f = (np.float32([0.3, -1.0]),), lambda x: 2 * x
    half = lambda y: y.astype("float16")
    wrong = {
        "primal": lambda x, t: (2.1 * x[0], 2 * t[0]),
        "tangent": lambda x, t: (2 * x[0], 2.1 * t[0]),
        # The value and the tangent have one dtype, which is not that of the function's value.
        "primal.*dtype|dtype.*primal": lambda x, t: (half(2 * x[0]), half(2 * t[0])),
    }
    for message, f_jvp in wrong.items():
        for lib in (minijax, jax):
            with pytest.raises(AssertionError, match=message if lib is minijax else None):
                lib.test_util.check_jvp(f, f_jvp, x, rtol=1e-2, atol=1e-2)
    wrong = {
        "primal": lambda x: (2.1 * x, lambda ct: (2 * ct,)),
        "cotangent projection": lambda x: (2 * x, lambda ct: (2.1 * ct,)),
    }
    for message, f_vjp in wrong.items():
        for lib in (minijax, jax):
            with pytest.raises(AssertionError, match=message):
                lib.test_util.check_vjp(f, f_vjp, x, rtol=1e-2, atol=1e-2)
