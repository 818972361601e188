"""`diff` of two jaxprs: equal equations are those that compute the same from the arguments."""

from __future__ import annotations

import numpy as np
import pytest
from explained_programs import PROGRAMS

import minijax
import minijax.numpy as jnp
from minijax.explain.listing import listing

X = np.linspace(0.1, 0.9, 3, dtype=np.float32)


def jaxpr(f, *args):
    return minijax.make_jaxpr(f)(*(args or (X,)))


@pytest.mark.parametrize("name", [*PROGRAMS][::3])
def test_a_program_is_the_same_as_itself(name):
    function, args, kwargs = PROGRAMS[name]
    if name == "count_up_to":
        return
    first, second = (minijax.make_jaxpr(function)(*args, **kwargs) for _ in range(2))
    found = minijax.diff(first, second)
    assert found.same and {sign for sign, _ in found.lines} == {" "}
    assert "\n".join(line for _, line in found.lines).count(" = ") == str(first).count(" = ")


def loop(factor):
    return lambda x: minijax.lax.scan(lambda c, a: (c * a + factor, c), 1.0, x)[0]


DIFFERENT = {
    "a number": (lambda x: jnp.sin(x) * 2.0, lambda x: jnp.sin(x) * 3.0),
    "a number in a loop": (loop(1.0), loop(2.0)),
    "an operand": (lambda x: jnp.sin(x) - x, lambda x: x - jnp.sin(x)),
    "a parameter": (lambda x: x**2, lambda x: x**3),
    "a constant": (lambda x: x * np.arange(3, dtype=np.float32), lambda x: x * np.ones(3, np.float32)),
    "one twice": (lambda x: jnp.sin(x) + jnp.sin(x), lambda x: (lambda y: y + y)(jnp.sin(x))),
    "one equation": (jnp.sin, jnp.cos),
    "one equation more": (jnp.sin, lambda x: jnp.sin(x) * 2),
    "the results": (lambda x: (jnp.sin(x), jnp.cos(x)), lambda x: (jnp.sin(x), jnp.cos(x))[::-1]),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_shown(name):
    first, second = map(jaxpr, DIFFERENT[name])
    found = minijax.diff(first, second)
    assert not found.same and {"-", "+"} & {sign for sign, _ in found.lines}
    # The second program can be read from the difference, the first but for the names of variables.
    assert [line for sign, line in found.lines if sign != "-"] == [
        line.text for line in listing(second, apart=True).lines
    ]
    assert sum(sign != "+" for sign, _ in found.lines) == len(listing(first, apart=True).lines)
    assert "\033[31m- " in found.text(color=True) or "\033[32m+ " in found.text(color=True)


def test_the_type_of_an_argument():
    assert not minijax.diff(jaxpr(jnp.sin, X), jaxpr(jnp.sin, X[:2])).same


def test_what_is_no_jaxpr_is_refused():
    with pytest.raises(TypeError, match="diff compares two jaxprs, and got a function"):
        minijax.diff(jaxpr(jnp.sin), lambda x: x)
    with pytest.raises(TypeError, match="cost takes a jaxpr, and got a float"):
        minijax.cost(1.0)


def test_cost_counts_inner_equations():
    found = minijax.cost(jaxpr(loop(1.0)))
    # scan, and in it a conversion, mul and add, for each of 3 steps.
    assert (found.equations, found.flops, found.uncounted) == (4, 9, ())
    assert minijax.cost(jaxpr(lambda k: minijax.random.bits(k, (3,)), minijax.random.key(0))).uncounted == (
        "random_bits",
    )
