"""Transposes there and back around elementwise operations: fewer of them in programs for XLA, and the same numbers."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import minijax as jax
import minijax.numpy as jnp
from minijax.core.jaxpr import ClosedJaxpr
from minijax.lowering.xla.turned import turned

A = np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)
B = 0.5 * A.T
CUBE = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
EVERY_ORDER = list(itertools.permutations(range(3)))

# {name: (function, arguments, its transposes, those after the pass)}
PROGRAMS = {
    "there and back": (lambda a, b: jnp.sin(a.T).T, (A, B), 2, 0),
    "with another array": (lambda a, b: (a.T + b).T, (A, B), 2, 1),
    "twice": (lambda a, b: (jnp.exp(a.T + b) * 2.0).T, (A, B), 2, 1),
    "two readers": (lambda a, b: (c := a.T + b, c.T * 2.0, (3.0 * c).T)[1:], (A, B), 3, 1),
    "cyclic": (lambda x, y: (x.transpose(1, 2, 0) + y).transpose(2, 0, 1), (CUBE, CUBE.transpose(1, 2, 0)), 2, 1),
    "with a number": (lambda a: (a.T * jnp.sin(jax.lax.transpose_p.bind(a[0, 1], permutation=()))).T, (A,), 3, 1),
    "with a number that is one": (
        lambda a: (a.T * jax.lax.transpose_p.bind(a[0, 1], permutation=())).T,
        (A,),
        3,
        1,
    ),
    # A reader or a result has the array the other way round.
    "also a result": (lambda a, b: (c := a.T + b, c.T), (A, B), 2, 2),
    "also read as it is": (lambda a, b: (c := a.T + b, c.T, c @ a)[1:], (A, B), 2, 2),
    "read in two orders": (lambda x: (y := jnp.sin(x.T), y.T, y.transpose(1, 0, 2))[1:], (CUBE,), 3, 3),
    "another order back": (lambda x: jnp.sin(x.transpose(1, 2, 0)).transpose(1, 2, 0), (CUBE,), 2, 2),
    "there alone": (lambda a, b: jnp.sin(a.T) + b, (A, B), 1, 1),
    "around a product": (lambda a, b: (a.T @ a).T, (A, B), 2, 2),
}


def transposes(jaxpr) -> int:
    return sum(eqn.primitive.name == "transpose" for eqn in jaxpr.eqns)


def before_and_after(function, arguments):
    """(the jaxpr, the jaxpr after the pass), whose results were seen to be the same."""
    arguments = [jnp.asarray(x) for x in arguments]
    before = jax.make_jaxpr(function)(*arguments)
    after = ClosedJaxpr(turned(before.jaxpr), before.consts)
    expected, found = (jax.core.eval_jaxpr(j.jaxpr, j.consts, *arguments) for j in (before, after))
    for x, y in zip(found, expected, strict=True):
        assert (x.dtype, x.weak_type) == (y.dtype, y.weak_type)
        np.testing.assert_array_equal(x, y, strict=True)
    return before.jaxpr, after.jaxpr


@pytest.mark.parametrize("name", PROGRAMS)
def test_number_of_transposes(name):
    function, arguments, *expected = PROGRAMS[name]
    before, after = before_and_after(function, arguments)
    assert [transposes(before), transposes(after)] == expected
    assert (after is before) == (expected[0] == expected[1])


@given(st.data())
def test_random_programs(data):
    """Each step transposes an array of those before, or computes with one or two of them; each result is a sum of some."""

    def program(x):
        arrays = [x]
        for _ in range(8):
            y = data.draw(st.sampled_from(arrays[-3:]))
            step = data.draw(st.sampled_from(["transpose", "transpose", "sin", "scale", "add"]))
            if step == "transpose":
                y = y.transpose(data.draw(st.sampled_from(EVERY_ORDER)))
            elif step == "add":
                same = [z for z in arrays if z.shape == y.shape]
                y = y + data.draw(st.sampled_from(same))
            else:
                y = jnp.sin(y) if step == "sin" else y * jnp.sum(data.draw(st.sampled_from(arrays)))
            arrays.append(y)
        return data.draw(st.lists(st.sampled_from(arrays[-4:]), min_size=1, max_size=2))

    before_and_after(program, [np.arange(8.0, dtype=np.float32).reshape(2, 2, 2)])


def test_of_a_hessian_on_xla():
    """vmap's transposes around a sum go, also within a loop; the result is the NumPy compiler's to rounding."""

    def loss(w, x):
        return jnp.sum(jnp.tanh(x @ w.reshape(3, 2)) ** 2)

    def looped(w, x):
        return jax.lax.fori_loop(0, 2, lambda _, h: h + jax.hessian(loss)(w, x), jnp.zeros((6, 6)))

    w, x = np.linspace(-1, 1, 6, dtype=np.float32), A
    plain = jax.make_jaxpr(jax.hessian(loss))(w, x).jaxpr
    for f in (jax.hessian(loss), looped):
        text = jax.jit(f, compiler="xla").lower(w, x).as_text()
        assert 0 < text.count("stablehlo.transpose") < transposes(plain)
        np.testing.assert_allclose(jax.jit(f, compiler="xla")(w, x), jax.jit(f)(w, x), rtol=1e-5, atol=1e-5)
