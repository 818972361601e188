"""Everyday functions under two and three nested transformations and loops: the live equations are JAX's, and a gradient has no more
than JAX's."""

from __future__ import annotations

import itertools

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
from tests.fuzz import texts

BODIES = {
    "layer": lambda lib, np_: lambda x: np_.sum(lib.nn.relu(x @ np_.ones((3, 3)) + 0.5) ** 2),
    "softmax": lambda lib, np_: lambda x: np_.sum(lib.nn.softmax(x) * x),
    "norm": lambda lib, np_: lambda x: np_.sqrt(np_.sum(x * x) + 1.0),
    "where": lambda lib, np_: lambda x: np_.sum(np_.where(x > 0, np_.sin(x), x**2)),
    "scan": lambda lib, np_: lambda x: lib.lax.scan(lambda c, a: (c * 0.9 + a, np_.sin(c)), 0.0, x)[0],
    "cond": lambda lib, np_: lambda x: lib.lax.cond(x[0] > 0, lambda y: np_.sum(np_.sin(y)), lambda y: np_.sum(y), x),
    "fori_loop": lambda lib, np_: lambda x: np_.sum(lib.lax.fori_loop(0, 3, lambda i, c: c * 0.5 + x[i], x)),
    "checkpoint": lambda lib, np_: lambda x: np_.sum(lib.checkpoint(lambda y: np_.tanh(y) * y)(x)),
    "slices": lambda lib, np_: lambda x: x[0] * x[-1] + np_.sum(x[1:] * x[:-1]),
    "logsumexp": lambda lib, np_: lambda x: lib.nn.logsumexp(x),
    "variance": lambda lib, np_: lambda x: np_.var(x) + np_.mean(x),
    "gelu": lambda lib, np_: lambda x: np_.sum(lib.nn.gelu(x)),
}


def twice(lib, x):
    return lib.numpy.stack([x, x])


AROUND = {
    "jit": lambda lib, f: lib.jit(f),
    "vmap": lambda lib, f: lambda x: lib.vmap(f)(twice(lib, x)),
    "grad": lambda lib, f: lib.grad(lambda x: lib.numpy.sum(f(x))),
    "jvp": lambda lib, f: lambda x: lib.jvp(f, (x,), (x,))[1],
    "jacfwd": lambda lib, f: lib.jacfwd(f),
    "jacrev": lambda lib, f: lib.jacrev(f),
    "checkpoint": lambda lib, f: lib.checkpoint(f),
    "map": lambda lib, f: lambda x: lib.lax.map(f, twice(lib, x)),
    "cond": lambda lib, f: lambda x: lib.lax.cond(x[0] > 0, f, f, x),
    "scan": lambda lib, f: lambda x: lib.lax.scan(lambda c, _: (c, f(c)), x, None, length=2)[1],
    "while": lambda lib, f: (
        lambda x: lib.lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1], f(c[1])), (0, x, f(x)))[2]
    ),
}
REVERSE = {"grad", "jacrev"}
# {function: around which its gradient has an equation more than JAX's}. JAX sees that what a loop keeps for its gradient is the
# same in each step of the loop around it, and computes it before.
LARGER = {"fori_loop": "map", "checkpoint": "map"}


def traced(lib, body: str, names):
    function = BODIES[body](lib, lib.numpy)
    for name in reversed(names):
        function = AROUND[name](lib, function)
    return lib.make_jaxpr(function)(np.float32([0.5, -1.0, 2.0]))


def compare(body: str, names) -> bool:
    """Whether JAX can trace the nesting: it refuses loops that transformations make inconsistent."""
    try:
        theirs = traced(jax, body, names)
    except Exception:
        return False
    ours = traced(mj, body, names)
    if not REVERSE & {*names}:
        assert texts.text(mj, ours, live=True) == texts.text(jax, theirs, live=True), (body, names)
    elif LARGER.get(body) not in names:
        assert texts.size(mj, ours) <= texts.size(jax, theirs), (body, names)
    return True


@pytest.mark.parametrize("names", [*itertools.product(AROUND, repeat=2)], ids="-".join)
@pytest.mark.one_in(40)
def test_two(names):
    # A while loop has no reverse mode.
    assert any([compare(body, names) for body in BODIES]) or (names[0] in REVERSE and names[1] == "while")


@pytest.mark.parametrize("number, names", [*enumerate(itertools.product(AROUND, repeat=3))], ids=str)
@pytest.mark.one_in(500)
def test_three(number, names):
    """Each nesting with one of the functions."""
    compare([*BODIES][number % len(BODIES)], names)
