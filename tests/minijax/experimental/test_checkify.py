"""`checkify`: a table of programs, each with both libraries. The errors in words, and the results, are JAX's."""

from __future__ import annotations

import jax
import jax.experimental.checkify
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.experimental.checkify


def checked(lib, error):
    ck = lib.experimental.checkify

    def f(x):
        ck.check(x > 0, error, x * 2, x=x)
        return lib.numpy.log(x)

    return f


def program(name):
    """lib -> (a function with a check, its argument)"""

    def make(lib):
        jnp, lax = lib.numpy, lib.lax
        f = checked(lib, "x is {x}, {}")
        return PROGRAMS[name](lib, jnp, lax, f)

    return make


# Each: (lib, jnp, lax, f) -> (a function, its arguments)
PROGRAMS = {
    "plain": lambda lib, jnp, lax, f: (f, [-1.0]),
    "no error": lambda lib, jnp, lax, f: (f, [1.0]),
    "jit": lambda lib, jnp, lax, f: (lib.jit(f), [-1.0]),
    "vmap": lambda lib, jnp, lax, f: (lib.vmap(f), [[1.0, -1.0, -2.0]]),
    "vmap of vmap": lambda lib, jnp, lax, f: (lib.vmap(lib.vmap(f)), [[[1.0, -1.0], [-2.0, 3.0]]]),
    "grad": lambda lib, jnp, lax, f: (lib.grad(f), [-1.0]),
    "scan": lambda lib, jnp, lax, f: (lambda xs: lax.scan(lambda c, x: (c + x, f(x)), 0.0, xs), [[1.0, -3.0, -2.0]]),
    "while": lambda lib, jnp, lax, f: (
        lambda x: lax.while_loop(lambda x: x > -5.0, lambda x: x - 2 + 0 * f(x), x), [3.0]
    ),
    "condition of while": lambda lib, jnp, lax, f: (
        lambda x: lax.while_loop(lambda x: (f(x), x > -5.0)[1], lambda x: x - 2, x), [3.0]
    ),
    "cond": lambda lib, jnp, lax, f: (lambda x: lax.cond(x < 0, f, lambda x: x, x), [-3.0]),
    "the other branch": lambda lib, jnp, lax, f: (lambda x: lax.cond(x > 0, f, lambda x: x, x), [-3.0]),
    "the first of two": lambda lib, jnp, lax, f: (lambda x: f(x) + f(x - 5), [3.0]),
    "checkpoint": lambda lib, jnp, lax, f: (lib.grad(lib.checkpoint(f)), [-1.0]),
    "custom_jvp": lambda lib, jnp, lax, f: (lambda x: lib.nn.relu(x) + f(x), [-1.0]),
    "array in the text": lambda lib, jnp, lax, f: (
        lambda x: (lib.experimental.checkify.check(x.sum() > 0, "{}", x), x)[1], [[-1.0, 0.5]]
    ),
    "pmap": lambda lib, jnp, lax, f: (lib.pmap(f), [[-1.0]]),
    "error of another": lambda lib, jnp, lax, f: (
        lambda x: lib.experimental.checkify.check_error(lib.experimental.checkify.checkify(f)(x)[0]), [-1.0]
    ),
    "debug": lambda lib, jnp, lax, f: (lambda x: lib.experimental.checkify.debug_check(x > 0, "not {}", x), [-1.0]),
    "nan": lambda lib, jnp, lax, f: (jnp.log, [-1.0]),
    "nan of sin": lambda lib, jnp, lax, f: (jnp.sin, [np.inf]),
    "nan in jit": lambda lib, jnp, lax, f: (lib.jit(lambda x: jnp.sqrt(x) + 1), [-1.0]),
    "division": lambda lib, jnp, lax, f: (lambda x: x / (x - x), [1.0]),
    "no division": lambda lib, jnp, lax, f: (lambda x: x / (x + x), [1.0]),
    "whole division": lambda lib, jnp, lax, f: (lambda x: x // (x - x), [np.int32(3)]),
    "index": lambda lib, jnp, lax, f: (lambda x, i: x[i], [[1.0, 2.0], 5]),
    "index in range": lambda lib, jnp, lax, f: (lambda x, i: x[i], [[1.0, 2.0], 1]),
    "negative index": lambda lib, jnp, lax, f: (lambda x, i: x[i], [[1.0, 2.0], -5]),
    "indices": lambda lib, jnp, lax, f: (lambda x, i: x[i], [np.ones((3, 4)), np.int32([1, 5])]),
    "two indices": lambda lib, jnp, lax, f: (lambda x, i: x[i, 7], [np.ones((3, 4)), np.int32([1, 2])]),
    "update": lambda lib, jnp, lax, f: (lambda x, i: x.at[i].set(0.0), [[1.0, 2.0], 5]),
    "dynamic slice": lambda lib, jnp, lax, f: (lambda x, i: lax.dynamic_slice(x, (i,), (2,)), [[1.0, 2.0, 3.0], 2]),
    "key in the text": lambda lib, jnp, lax, f: (
        lambda x: lib.experimental.checkify.check(x > 0, "a key", lib.random.key(0)), [-1.0]
    ),
}  # fmt: skip


def outcome(lib, name, errors, jitted):
    ck = lib.experimental.checkify
    f, args = program(name)(lib)
    arrays = [lib.numpy.asarray(np.asarray(x, np.float32 if np.asarray(x).dtype.kind == "f" else None)) for x in args]
    run = ck.checkify(f, errors=getattr(ck, errors))
    error, out = (lib.jit(run) if jitted else run)(*arrays)
    return error.get(), [np.asarray(x) for x in lib.tree.leaves(out)]


@pytest.mark.parametrize("errors", ["user_checks", "automatic_checks"])
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(30)
def test_errors_and_results_are_jaxs(name, errors):
    jitted = name != "pmap"
    (ours, results), (theirs, expected) = outcome(mj, name, errors, jitted), outcome(jax, name, errors, jitted)
    if name == "pmap":
        # JAX keeps an error for each device, minijax that of the last that met one.
        theirs = theirs.removeprefix("at mapped index 0: ")
    assert ours == theirs
    if errors == "user_checks":
        np.testing.assert_equal(ours is None, name in NO_CHECK)
    for x, y in zip(results, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)


# The programs whose checks hold, or that have none.
NO_CHECK = {"no error", "the other branch"} | {
    n for n in PROGRAMS if n.split()[0] in ("nan", "index", "indices", "two")
}
NO_CHECK |= {n for n in PROGRAMS if "division" in n or n in ("negative index", "update", "dynamic slice")}


def test_outside_of_checkify():
    for lib in (mj, jax):
        ck = lib.experimental.checkify
        f, x = checked(lib, "x is {x}, {}"), lib.numpy.float32(-1.0)
        with pytest.raises(ck.JaxRuntimeError, match=r"^x is -1.0, -2.0 \(`check` failed\)$"):
            f(x)
        with pytest.raises(ck.JaxRuntimeError, match=r"^x is -1.0, -2.0 \(`check` failed\)$"):
            ck.checkify(f)(x)[0].throw()
        with pytest.raises(ValueError, match="which was not functionalized"):
            lib.jit(f)(-x)
        with pytest.raises(TypeError, match="check takes a scalar pred as argument, got 1"):
            ck.check(1, "x")
        with pytest.raises(TypeError, match="need to be PyTrees of arrays, but got 'text' of type"):
            ck.check(True, "x", "text")
        mapped = lib.vmap(ck.checkify(f))(lib.numpy.array([1.0, -1.0, -2.0]))[0]
        assert mapped.get().splitlines() == [
            "at mapped index 1: x is -1.0, -2.0 (`check` failed)", "at mapped index 2: x is -2.0, -4.0 (`check` failed)"
        ]  # fmt: skip
        assert ck.init_error.get() is None and ck.check_error(ck.init_error) is None
    with pytest.raises(ValueError, match="which was not functionalized"):
        mj.jit(checked(mj, "{x} {}"), compiler="xla")(1.0)


def test_derivatives_are_those_of_the_function_alone():
    """With NaNs looked for, a custom rule stays in force."""
    ck = mj.experimental.checkify
    f = mj.custom_jvp(lambda x: x * x)
    f.defjvp(lambda primals, tangents: (primals[0] * primals[0], 100 * tangents[0]))
    assert float(mj.grad(lambda x: ck.checkify(f, errors=ck.all_checks)(x)[1])(3.0)) == 100
