"""What carries a body, mapped along each axis: the equations are JAX's, with no axis moved that JAX leaves in its place; and the
values and gradients are JAX's."""

from __future__ import annotations

import re

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
from tests.fuzz.texts import flat


def with_jvp(lib, f):
    g = lib.custom_jvp(f)
    g.defjvp(lambda primals, tangents: (f(*primals), 3.0 * tangents[0] * primals[0]))
    return g


def with_vjp(lib, f):
    g = lib.custom_vjp(f)
    g.defvjp(lambda x: (f(x), x), lambda x, ct: (3.0 * ct * x,))
    return g


def two_results(lib):
    g = lib.custom_jvp(lambda x: (lib.numpy.sum(x), x.T))
    g.defjvp(lambda p, t: ((lib.numpy.sum(p[0]), p[0].T), (lib.numpy.sum(t[0]), 2.0 * t[0].T)))
    return lambda x: g(x)[0] * g(x)[1]


BODIES = {
    "jit": lambda lib: lib.jit(lambda x: lib.numpy.sin(x) * x),
    "jit of a transpose": lambda lib: lib.jit(lambda x: lib.numpy.sin(x.T)),
    "jit in jit": lambda lib: lib.jit(lambda x: lib.jit(lib.numpy.cos)(x) + 1.0),
    "jit of what all share": lambda lib: lambda x: lib.jit(lambda x: (x, lib.numpy.ones((3, 4))))(x)[1],
    "checkpoint": lambda lib: lib.checkpoint(lambda x: lib.numpy.sin(x) * x),
    "custom_jvp": lambda lib: with_jvp(lib, lambda x: lib.numpy.sin(x)),
    "custom_jvp, two results": two_results,
    "custom_vjp": lambda lib: with_vjp(lib, lambda x: lib.numpy.sin(x)),
    "softplus": lambda lib: lib.nn.softplus,
    "relu": lambda lib: lib.nn.relu,
    "silu": lambda lib: lib.nn.silu,
    "cond": lambda lib: lambda x: lib.lax.cond(True, lib.numpy.sin, lib.numpy.cos, x),
    "cond on an element": lambda lib: lambda x: lib.lax.cond(x[0, 0] > 1, lib.numpy.sin, lib.numpy.cos, x),
    "scan": lambda lib: lambda x: lib.lax.scan(lambda c, a: (c * a, lib.numpy.sin(a)), x[0], x)[1],
    "fori_loop": lambda lib: lambda x: lib.lax.fori_loop(0, 2, lambda i, c: lib.numpy.sin(c), x),
    "map": lambda lib: lambda x: lib.lax.map(lib.jit(lib.numpy.sin), x),
    "while_loop": lambda lib: (
        lambda x: lib.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] + lib.numpy.sin(x)), (0, x))[1]
    ),
    "while_loop whose condition reads": lambda lib: (
        lambda x: lib.lax.while_loop(lambda c: c[0] < x[0, 0], lambda c: (c[0] + 1.0, c[1] * x), (0.0, x))[1]
    ),
}
MAPS = {
    "0": lambda lib, f: lib.vmap(f),
    "1 to 1": lambda lib, f: lib.vmap(f, 1, 1),
    "2 to 0": lambda lib, f: lib.vmap(f, 2, 0),
    "0 to -1": lambda lib, f: lib.vmap(f, 0, -1),
    "1 to 1, twice": lambda lib, f: lib.vmap(lib.vmap(lambda x: f(x[None])[0], 1, 1), 1, 1),
    "1 to 1, jitted": lambda lib, f: lib.jit(lib.vmap(lib.jit(f), 1, 1)),
    "tangents": lambda lib, f: lambda x: lib.jvp(lib.vmap(f, 1, 1), (x,), (x,))[1],
    "mapped tangents": lambda lib, f: lib.vmap(lambda x: lib.jvp(f, (x,), (x,))[1], 1, 1),
}
X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 10


@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.one_in(6)
def test_the_equations_are_those_of_jax(body, kind):
    if body == "custom_vjp" and "tangents" in kind:
        return
    texts = [
        str(flat(lib, lib.make_jaxpr(MAPS[kind](lib, BODIES[body](lib)))(X).jaxpr, live=False)) for lib in (mj, jax)
    ]
    ours, theirs = (re.sub(r"\s+", "", re.sub(r"<.*?>|np\.int64\((-?\d+)\)|0x\w+", r"\1", text)) for text in texts)
    assert ours == theirs


@pytest.mark.parametrize("kind", [k for k in MAPS if "tangents" not in k])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.one_in(150)
def test_values_and_gradients(body, kind):
    def results(lib):
        function = MAPS[kind](lib, BODIES[body](lib))
        weighted = lambda x: lib.numpy.sum(function(x) * lib.numpy.cos(lib.numpy.sum(x)))
        x = lib.numpy.asarray(X)
        # A while loop has no reverse mode.
        return function(x), lib.jvp(weighted, (x,), (x,))[1] if "while" in body else lib.grad(weighted)(x)

    for ours, theirs in zip(results(mj), results(jax), strict=True):
        assert ours.shape == theirs.shape
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


SHARED = {
    "psum": lambda lib, x, u: lib.lax.psum(x, "i"),
    "psum of a number": lambda lib, x, u: u * lib.lax.psum(1, "i"),
    "pmean": lambda lib, x, u: lib.lax.pmean(x[0], "i"),
    "psum, tangent": lambda lib, x, u: lib.jvp(lambda x: lib.lax.psum(x, "i"), (x,), (x,)),
}


@pytest.mark.parametrize("name", SHARED)
def test_collectives_of_what_all_examples_share(name):
    def text(lib) -> str:
        def program(x):
            return lib.vmap(lambda u: SHARED[name](lib, x, u), axis_name="i")(x)

        return re.sub(r"\s+", "", str(flat(lib, lib.make_jaxpr(program)(X[0, 0]).jaxpr, live=False)))

    assert text(mj) == text(jax)
