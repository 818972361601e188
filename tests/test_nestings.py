"""All nestings of two and of three transformations agree with JAX: generated, not listed.

Each transformation turns a function of one array into another such function, so that any may follow any.
"""

from __future__ import annotations

import itertools

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy


def total(lib, f):
    """A scalar function: the sum of all that `f` returns, weighted so that no two elements count the same."""

    def scalar(x):
        y = f(x)
        weights = lib.numpy.cos(lib.numpy.arange(y.size, dtype=y.dtype)).reshape(y.shape)
        return (weights * y).sum()

    return scalar


TRANSFORMATIONS = {
    "jit": lambda lib, f: lib.jit(f),
    "grad": lambda lib, f: lib.grad(total(lib, f)),
    "jvp": lambda lib, f: lambda x: lib.jvp(f, (x,), (lib.numpy.sin(x),))[1],
    "vmap": lambda lib, f: lambda x: lib.vmap(f, in_axes=0, out_axes=-1)(lib.numpy.stack([x, 2 * x], 0)),
    "jacfwd": lambda lib, f: lib.jacfwd(f),
    "jacrev": lambda lib, f: lib.jacrev(f),
    "linearize": lambda lib, f: lambda x: lib.linearize(f, x)[1](lib.numpy.cos(x)),
}

FUNCTIONS = {
    "elementwise": lambda np: lambda x: np.sin(x) * x + np.exp(-x),
    "matmul": lambda np: lambda x: np.tanh(np.outer(x, x) @ x / 8),
    "indexing": lambda np: lambda x: np.where(x > 0.5, x[0] * x, x.at[1].add(x[2])),
    "reduction": lambda np: lambda x: x / np.sqrt((x * x).sum()) + np.max(x),
}

NESTINGS = [n for length in (1, 2, 3) for n in itertools.product(TRANSFORMATIONS, repeat=length)]


def nested(lib, nesting, f):
    for name in reversed(nesting):
        f = TRANSFORMATIONS[name](lib, f)
    return f


X = np.array([0.3, 0.7, 1.1], np.float32)


def all_functions(lib, nesting):
    return lambda x: {name: nested(lib, nesting, f(lib.numpy))(x) for name, f in FUNCTIONS.items()}


@pytest.mark.parametrize("nesting", NESTINGS, ids="-".join)
def test_nesting_agrees_with_jax(nesting):
    mine = all_functions(mj, nesting)(mj.numpy.asarray(X))
    # Under one jit for all functions: eager, JAX takes a quarter of a second for each.
    theirs = jax.jit(all_functions(jax, nesting))(jax.numpy.asarray(X))
    for function in FUNCTIONS:
        a, b = mine[function], theirs[function]
        assert a.shape == b.shape, function
        assert a.dtype == b.dtype, function
        # Three derivatives of float32 values lose digits to cancellation, in both libraries.
        scale = max(1.0, float(np.max(np.abs(b))))
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=2e-5 * scale, err_msg=function)


@pytest.mark.parametrize("nesting", [n for n in NESTINGS if len(n) == 2], ids="-".join)
def test_jaxprs_of_nestings_are_well_typed(nesting):
    f = nested(mj, nesting, FUNCTIONS["elementwise"](minijax.numpy))
    mj.jaxpr.check_jaxpr(mj.make_jaxpr(f)(mj.numpy.asarray(X)))
