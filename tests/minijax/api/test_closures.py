"""What a loop, a branch, a jit or a custom rule closes over stands in its jaxpr where it stands in JAX's: as an argument, as a
constant of the inner jaxpr, or as a number. The printed jaxprs are compared letter by letter."""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy

X = np.ones(3, np.float32)


def with_jvp(lib, f):
    g = lib.custom_jvp(f)
    g.defjvp(lambda primals, tangents: (g(*primals), tangents[0]))
    return g


def with_vjp(lib, f):
    g = lib.custom_vjp(f)
    g.defvjp(lambda x: (g(x), None), lambda residuals, ct: (ct,))
    return g


# {what closes over c(): a function of x}
AROUND = {
    "jit": lambda lib, c: lib.jit(lambda x: x + c()),
    "jit in jit": lambda lib, c: lib.jit(lambda x: lib.jit(lambda x: x * c())(x) + c()),
    "checkpoint": lambda lib, c: lib.checkpoint(lambda x: x + c()),
    "scan": lambda lib, c: lambda x: lib.lax.scan(lambda s, _: (s + c(), None), x, None, length=2)[0],
    "while": lambda lib, c: lambda x: lib.lax.while_loop(lambda s: s[0] < 3, lambda s: s + c() + 1, x),
    "condition of a while": lambda lib, c: lambda x: lib.lax.while_loop(lambda s: (s < c()).all(), lambda s: s + 1, x),
    "fori": lambda lib, c: lambda x: lib.lax.fori_loop(0, 3, lambda i, s: s + c(), x),
    "cond": lambda lib, c: lambda x: lib.lax.cond(x[0] > 0, lambda x: x + c(), lambda x: x, x),
    "switch": lambda lib, c: lambda x: lib.lax.switch(1, [lambda x: x, lambda x: x + c(), lambda x: 2 * x], x),
    "map": lambda lib, c: lambda x: lib.lax.map(lambda s: s + c(), x),
    "custom_jvp": lambda lib, c: with_jvp(lib, lambda x: x + c()),
    "custom_vjp": lambda lib, c: with_vjp(lib, lambda x: x + c()),
}
VALUES = {
    "number": lambda lib: 2.0,
    "scalar array": lambda lib: lib.numpy.array(2.0),
    "strong scalar": lambda lib: lib.numpy.float32(2),
    "NumPy's scalar": lambda lib: np.float32(2),
    "array": lambda lib: lib.numpy.array([1.0, 2.0, 3.0]),
    "NumPy's array": lambda lib: np.float32([1, 2, 3]),
    "made by an operation": lambda lib: lib.numpy.zeros(3),
}
# Where the value is made: once, by nobody's trace; in the traced function; or again and again, in the inner one.
PLACES = {
    "before": lambda lib, around, value: (lambda c: around(lib, lambda: c))(value(lib)),
    "outside": lambda lib, around, value: lambda x: (lambda c: around(lib, lambda: c)(x))(value(lib)),
    "inside": lambda lib, around, value: around(lib, lambda: value(lib)),
}


def text(lib, place: str, around: str, value: str) -> str:
    return str(lib.make_jaxpr(PLACES[place](lib, AROUND[around], VALUES[value]))(X))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.one_in(12)
def test_closures(around, place):
    ours, theirs = ({v: text(lib, place, around, v) for v in VALUES} for lib in (minijax, jax))
    # JAX writes an operation that no argument reaches where it is met: in the inner jaxpr, in a jit that it makes.
    if place == "inside":
        ours.pop("made by an operation"), theirs.pop("made by an operation")
    assert ours == theirs


@pytest.mark.parametrize("compiler", ["numpy", "xla"])
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.one_in(18)
def test_values(around, compiler):
    for value in VALUES.values():
        f = AROUND[around](minijax, lambda value=value: value(minijax))
        expected = AROUND[around](jax, lambda value=value: value(jax))(X)
        np.testing.assert_array_equal(minijax.jit(f, compiler=compiler)(X), expected)
        np.testing.assert_array_equal(f(X), expected)
