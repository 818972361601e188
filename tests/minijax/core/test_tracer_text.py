"""A tracer prints as JAX's: a print within a transformed function is the first thing that a learner sees."""

from __future__ import annotations

import jax
import jax.numpy
import jax.random
import pytest

import minijax
import minijax.numpy
import minijax.random


def printed(jax, program) -> list[str]:
    """What the program prints of the values that it hands to `show`."""
    seen = []

    def show(x):
        assert str(x) == repr(x) == f"{x}"
        seen.append(str(x))
        return x

    # Doubling is exact, so that both libraries print the same digits.
    program(jax, show, lambda x: show(2 * show(x)))
    assert seen
    return seen


def v(jax):
    return jax.numpy.arange(3.0)


def matrix(jax):
    return jax.numpy.ones((3, 4))


# Each program takes the library, `show`, and `f`, which shows its argument and its result.
PROGRAMS = {
    "jit": lambda jax, show, f: jax.jit(f)(matrix(jax)),
    "jit, weak": lambda jax, show, f: jax.jit(f)(1.0),
    "jit, integers": lambda jax, show, f: jax.jit(f)(jax.numpy.arange(3)),
    "jit, truth values": lambda jax, show, f: jax.jit(lambda x: show(x > 2))(v(jax)),
    "jit, bfloat16": lambda jax, show, f: jax.jit(f)(jax.numpy.ones(2, jax.numpy.bfloat16)),
    "jit, keys": lambda jax, show, f: jax.jit(show)(jax.random.key(0)),
    "make_jaxpr": lambda jax, show, f: jax.make_jaxpr(f)(v(jax)),
    "scan": lambda jax, show, f: jax.lax.scan(lambda c, x: (c + f(x), show(c)), 0.0, v(jax)),
    "while_loop": lambda jax, show, f: jax.lax.while_loop(lambda x: f(x) < 3, lambda x: show(x) + 1, 0.0),
    "fori_loop": lambda jax, show, f: jax.lax.fori_loop(0, 3, lambda i, x: show(x) + show(i), 0.0),
    "checkpoint": lambda jax, show, f: jax.grad(jax.checkpoint(f))(1.0),
    "grad": lambda jax, show, f: jax.grad(f)(3.0),
    "grad, strong": lambda jax, show, f: jax.grad(f)(jax.numpy.float32(3)),
    "grad, vector": lambda jax, show, f: jax.grad(lambda x: f(x).sum())(v(jax)),
    "grad, complex": lambda jax, show, f: jax.grad(f, holomorphic=True)(jax.numpy.complex64(1 + 2j)),
    "linearize": lambda jax, show, f: jax.linearize(f, 2.0),
    "vjp": lambda jax, show, f: jax.vjp(f, v(jax)),
    "jvp": lambda jax, show, f: jax.jvp(f, (1.0,), (1.0,)),
    "jvp, vector": lambda jax, show, f: jax.jvp(f, (v(jax),), (v(jax),)),
    "vmap": lambda jax, show, f: jax.vmap(f)(v(jax)),
    "vmap, axis 1": lambda jax, show, f: jax.vmap(f, in_axes=1)(matrix(jax)),
    "vmap, shared": lambda jax, show, f: jax.vmap(lambda x, y: f(x * y), in_axes=(0, None))(v(jax), v(jax)),
    "vmap, keys": lambda jax, show, f: jax.vmap(show)(jax.random.split(jax.random.key(0))),
    "jacfwd": lambda jax, show, f: jax.jacfwd(f)(v(jax)),
    "jacrev": lambda jax, show, f: jax.jacrev(f)(v(jax)),
    "hessian": lambda jax, show, f: jax.hessian(lambda x: f(x).sum())(v(jax)),
}
INNER = {
    "jit": lambda jax, g: jax.jit(g),
    "grad": lambda jax, g: jax.grad(lambda x: g(x) * x),
    "jvp": lambda jax, g: lambda x: jax.jvp(g, (x,), (x,))[1],
    "vmap": lambda jax, g: lambda x: jax.vmap(g)(jax.numpy.stack([x, x])).sum(),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(4)
def test_a_tracer_prints_as_in_jax(name):
    assert printed(minijax, PROGRAMS[name]) == printed(jax, PROGRAMS[name])


@pytest.mark.parametrize("outer", INNER)
@pytest.mark.parametrize("middle", INNER)
@pytest.mark.parametrize("inner", INNER)
@pytest.mark.one_in(56)
def test_tracers_of_three_transformations_print_as_in_jax(outer, middle, inner):
    def program(jax, show, f):
        for name in (inner, middle, outer):
            f = INNER[name](jax, f)
        f(3.0)

    assert printed(minijax, program) == printed(jax, program)


def test_a_type_prints_as_in_jax():
    for x in (1.0, True, minijax.numpy.ones((2, 3))):
        assert str(minijax.typeof(x)) == str(jax.typeof(x if isinstance(x, float | bool) else jax.numpy.ones((2, 3))))


def test_a_tracer_of_a_trace_outside_the_package_has_a_text():
    class Mine(minijax.core.Tracer):
        aval = minijax.typeof(2.0)

    assert repr(Mine()) == "Mine<~float32[]>"
