"""The residuals of jit, cond, scan and checkpoint: as many as in JAX, and none for a value that nobody reads."""

from __future__ import annotations

import jax
import jax.numpy
import pytest

import minijax as mj
import minijax.numpy
from tests.fuzz.texts import flat


def wasteful(lib):
    """Nobody reads the cosine, exp(x) + 1, or the derivative of the sine."""

    def f(x):
        lib.lax.cos(x)
        lib.lax.exp(x) + 1.0
        return (lib.lax.stop_gradient(lib.lax.sin(x)) * lib.lax.tanh(x)).sum()

    return f


CALLS = {
    "jit": lambda lib, f: lib.jit(f),
    "jit in jit": lambda lib, f: lib.jit(lambda x: lib.jit(f)(2 * x)),
    "cond": lambda lib, f: lambda x: lib.lax.cond(x[0] > 0, f, lambda x: x.sum(), x),
    "switch": lambda lib, f: lambda x: lib.lax.switch(x[0].astype(int), [f, lambda x: x.sum()], x),
    "scan": lambda lib, f: lambda x: lib.lax.scan(lambda c, y: (c + f(c * x) * y, None), x[0], x)[0],
    "fori_loop": lambda lib, f: lambda x: lib.lax.fori_loop(0, 2, lambda i, c: c * f(c * x), x[0]),
    "checkpoint": lambda lib, f: lib.checkpoint(f),
}


def gradient(lib, call: str):
    return lib.make_jaxpr(lib.grad(CALLS[call](lib, wasteful(lib))))(lib.numpy.arange(3.0)).jaxpr


@pytest.mark.parametrize("call", CALLS)
def test_calls_return_as_much_as_in_jax(call):
    def results(lib):
        return [(str(e.primitive), len(e.outvars)) for e in gradient(lib, call).eqns]

    assert results(mj) == results(jax)


@pytest.mark.parametrize("call", ["jit", "jit in jit"])
def test_the_gradient_of_a_jitted_function_has_jax_s_equations(call):
    ours, theirs = (str(flat(lib, gradient(lib, call), live=False)) for lib in (mj, jax))
    assert ours == theirs
    assert "cos" not in ours and "exp" not in ours


def test_without_a_call_the_equations_stay():
    """A jaxpr shows all that a function did, as JAX's does: also the equations whose results nobody reads."""
    f = {lib: lib.make_jaxpr(lib.grad(wasteful(lib)))(lib.numpy.arange(3.0)) for lib in (mj, jax)}
    assert str(f[mj]) == str(f[jax])
    assert "cos" in str(f[mj])
