"""While loops under vmap: each example runs as often as its own condition says, in each of the programs."""

from __future__ import annotations

import itertools

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy

X = np.float32([[0.5, 3.0, -1.0], [2.0, 9.0, 40.0]])
# Of two axes, which ones the condition's limit and the carry have.
AXES = list(itertools.product([(0, 0), (0, None), (None, 0)], repeat=2))


def program(lib, outer, inner):
    def loop(x, limit):
        return lib.lax.while_loop(
            lambda s: s[0] < limit, lambda s: (s[0] * 2 + 1.5, s[1] + x, s[2] + 1), (x, x * limit, 0)
        )

    return lib.vmap(lib.vmap(loop, inner), outer)


@pytest.mark.parametrize("way", ["eager", "numpy", "xla", "jvp"])
@pytest.mark.parametrize("outer, inner", AXES)
@pytest.mark.one_in(60)
def test_values(outer, inner, way):
    parts = {(0, 0): X, (0, None): X[:, 0], (None, 0): X[0], (None, None): X[0, 0]}
    x, limit = (parts[o, i] for o, i in zip(outer, inner))
    limit = limit + np.float32(20)
    expected = jax.jit(program(jax, outer, inner))(x, limit)
    f = program(minijax, outer, inner)
    if way == "jvp":
        expected = jax.jvp(program(jax, outer, inner), (x, limit), (x, limit))
        found = minijax.jvp(f, (x, limit), (x, limit))
    else:
        found = f(x, limit) if way == "eager" else minijax.jit(f, compiler=way)(x, limit)
    for a, b in zip(minijax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        if a.dtype == b.dtype and a.dtype.kind != "V":
            np.testing.assert_allclose(a, b, rtol=1e-5)


def text(lib) -> str:
    def loop(x):
        return lib.lax.while_loop(lambda s: s < 9, lambda s: s * 2, x)

    return str(lib.make_jaxpr(lib.vmap(loop))(X[0]))


def test_the_condition_of_a_batch_is_an_array():
    """The jaxpr is JAX's: no `reduce_or`, no `select_n`."""
    assert text(minijax) == text(jax)
