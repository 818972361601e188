"""Jaxprs as data: an interpreter written for JAX runs on them, the checker finds faults, each equation knows its line."""

from __future__ import annotations

import inspect

import jax
import jax.extend
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.extend
import minijax.numpy
from minijax.core.avals import ShapedArray
from minijax.core.jaxpr import ClosedJaxpr, DropVar, Jaxpr, JaxprTypeError, Var, check_jaxpr, dce_jaxpr, eval_jaxpr

# ---------------------------------------------------------------------------------------------------------------------
# Interpreters, each written once, against the names both libraries have


def evaluate(lib, closed_jaxpr, *args):
    """Run a jaxpr, descending into nested ones."""
    env = {}
    core = lib.extend.core

    def read(atom):
        return atom.val if isinstance(atom, core.Literal) else env[atom]

    jaxpr = closed_jaxpr.jaxpr
    env.update(zip(jaxpr.constvars, closed_jaxpr.consts))
    env.update(zip(jaxpr.invars, args))
    for eqn in jaxpr.eqns:
        inputs = [read(v) for v in eqn.invars]
        if eqn.primitive.name == "jit":
            outs = evaluate(lib, eqn.params["jaxpr"], *inputs)
        else:
            outs = eqn.primitive.bind(*inputs, **eqn.primitive.get_bind_params(eqn.params))
            outs = outs if eqn.primitive.multiple_results else [outs]
        env.update(zip(eqn.outvars, outs))
    return [read(v) for v in jaxpr.outvars]


def inverse(lib, closed_jaxpr, *outs):
    """Invert a chain of unary functions, as in JAX's page on writing interpreters."""
    lax, core = lib.lax, lib.extend.core
    registry = {lax.exp_p: lax.log, lax.tanh_p: lax.atanh, lax.neg_p: lax.neg}
    env = dict(zip(closed_jaxpr.jaxpr.outvars, outs))
    for eqn in closed_jaxpr.jaxpr.eqns[::-1]:
        if eqn.primitive not in registry:
            raise NotImplementedError(f"{eqn.primitive} does not have a registered inverse.")
        (x,), (y,) = eqn.invars, eqn.outvars
        assert not isinstance(x, core.Literal)
        env[x] = registry[eqn.primitive](env[y])
    return [env[v] for v in closed_jaxpr.jaxpr.invars]


def count(lib, jaxpr, counts):
    """The number of equations of each primitive, including nested jaxprs."""
    for eqn in jaxpr.eqns:
        for inner in lib.extend.core.jaxprs_in_params(eqn.params):
            count(lib, inner, counts)
        if eqn.primitive.name != "jit":
            counts[eqn.primitive.name] = counts.get(eqn.primitive.name, 0) + 1
    return counts


LIBRARIES = pytest.mark.parametrize("lib", [minijax, jax], ids=["minijax", "jax"])
X = np.linspace(0.1, 0.9, 4, dtype=np.float32)


def program(lib):
    jnp = lib.numpy
    return lambda x: jnp.where(
        x > 0.5, lib.jit(lambda y: jnp.sin(y) * y)(x), jnp.outer(x, x).sum(0) + np.float32([1, 2, 3, 4])
    )


@LIBRARIES
def test_evaluating_interpreter(lib):
    f = program(lib)
    closed = lib.make_jaxpr(f)(X)
    (out,) = evaluate(lib, closed, X)
    np.testing.assert_allclose(np.asarray(out), np.asarray(f(lib.numpy.asarray(X))), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(out), np.asarray(program(jax)(X)), rtol=1e-6)


@LIBRARIES
def test_interpreters_can_be_transformed(lib):
    """An interpreter is a function like any other: it can be jitted, differentiated, mapped."""
    closed = lib.make_jaxpr(program(lib))(X)
    interpreted = lib.grad(lambda x: lib.jit(lambda y: evaluate(lib, closed, y)[0].sum())(x))
    expected = jax.grad(lambda x: program(jax)(x).sum())(X)
    np.testing.assert_allclose(np.asarray(interpreted(lib.numpy.asarray(X))), np.asarray(expected), rtol=1e-5)


@LIBRARIES
def test_inverse_interpreter(lib):
    closed = lib.make_jaxpr(lambda x: -lib.lax.tanh(lib.lax.exp(x)))(X)
    y = -np.tanh(np.exp(X))
    np.testing.assert_allclose(np.asarray(inverse(lib, closed, y)[0]), X, rtol=1e-4)
    with pytest.raises(NotImplementedError, match="sin does not have a registered inverse"):
        inverse(lib, lib.make_jaxpr(lib.lax.sin)(X), y)


def test_counting_interpreter():
    counts = [count(lib, lib.make_jaxpr(program(lib))(X), {}) for lib in (minijax, jax)]
    assert counts[0] == counts[1]
    assert counts[0]["sin"] == 1


@LIBRARIES
def test_eval_jaxpr_and_jaxpr_as_fun(lib):
    closed = lib.make_jaxpr(lambda x, y: (x * y, x))(X, 2.0)
    a, b = lib.core.eval_jaxpr(closed.jaxpr, closed.consts, X, 2.0)
    c, d = lib.extend.core.jaxpr_as_fun(closed)(X, np.float32(2))
    np.testing.assert_array_equal(np.asarray(a), np.asarray(c))
    np.testing.assert_array_equal(np.asarray(b), X)


def test_attributes_are_those_of_jax():
    mine, theirs = (lib.make_jaxpr(program(lib))(X) for lib in (minijax, jax))
    assert [a.str_short() for a in mine.in_avals] == [a.str_short() for a in theirs.in_avals]
    assert [a.str_short() for a in mine.out_avals] == [a.str_short() for a in theirs.out_avals]
    assert len(mine.consts) == len(theirs.consts) == len(mine.jaxpr.constvars)
    for name in ("jaxpr", "consts", "in_avals", "out_avals", "literals", "eqns", "effects"):
        assert hasattr(mine, name) and hasattr(theirs, name), name
    for name in ("constvars", "invars", "outvars", "eqns", "effects"):
        assert hasattr(mine.jaxpr, name) and hasattr(theirs.jaxpr, name), name
    for name in ("primitive", "invars", "outvars", "params", "effects", "source_info"):
        assert hasattr(mine.eqns[0], name) and hasattr(theirs.eqns[0], name), name


@LIBRARIES
def test_a_primitive_of_the_users(lib):
    """`Primitive`, `def_impl`, `def_abstract_eval`, `bind`: what JAX's page on primitives teaches."""
    p = lib.extend.core.Primitive("multiply_add")
    p.def_impl(lambda x, y, z: x * y + z)
    p.def_abstract_eval(lambda x, y, z: lib.core.ShapedArray(x.shape, x.dtype))
    assert p.bind(2.0, 3.0, 4.0) == 10.0
    closed = lib.make_jaxpr(lambda x: p.bind(x, x, x))(np.float32(2))
    assert [str(e.primitive) for e in closed.eqns] == ["multiply_add"]


# ---------------------------------------------------------------------------------------------------------------------
# Lines


def test_each_equation_knows_the_users_line():
    def f(x):
        y = minijax.numpy.sin(x)
        return y * 2.0

    first = inspect.getsourcelines(f)[1]
    closed = minijax.make_jaxpr(f)(1.0)
    places = [minijax.foundation.source_info.summarize(eqn.source_info) for eqn in closed.eqns]
    assert places == [f"{__file__}:{first + 1}:12 (f)", f"{__file__}:{first + 2}:15 (f)"]
    # The equations that grad derives from an equation come from the same line.
    closed = minijax.make_jaxpr(minijax.grad(f))(1.0)
    lines = {minijax.foundation.source_info.summarize(eqn.source_info) for eqn in closed.eqns}
    caller = "test_each_equation_knows_the_users_line"
    assert all(line in places or line.startswith(f"{__file__}:") and line.endswith(f"({caller})") for line in lines)
    assert places[0] in lines


# ---------------------------------------------------------------------------------------------------------------------
# The checker, and dead code


def small():
    closed = minijax.make_jaxpr(lambda x, y: minijax.lax.sin(x) * y)(1.0, 2.0)
    return closed.jaxpr


def fault_unbound(j):
    return j.replace(eqns=j.eqns[1:])


def fault_twice(j):
    return j.replace(eqns=[j.eqns[0], *j.eqns])


def fault_type(j):
    eqn = j.eqns[0].replace(outvars=[Var(ShapedArray((3,), np.dtype("float32")))])
    return j.replace(eqns=[eqn, *j.eqns[1:]], outvars=j.invars)


def fault_count(j):
    eqn = j.eqns[1].replace(outvars=[*j.eqns[1].outvars, Var(j.invars[0].aval)])
    return j.replace(eqns=[j.eqns[0], eqn])


def fault_result(j):
    return j.replace(outvars=[Var(j.invars[0].aval)])


def fault_const(j):
    return ClosedJaxpr(
        Jaxpr([Var(ShapedArray((), np.dtype("int32")))], j.invars, j.outvars, j.eqns), [np.zeros(2, np.int32)]
    )


@pytest.mark.parametrize(
    "fault, words",
    [
        (fault_unbound, "is read by `mul` from .* before it is bound"),
        (fault_twice, "is bound twice, again by `sin`"),
        (fault_type, "its rule gives"),
        (fault_count, "binds 2 variables, its rule gives 1"),
        (fault_result, "is read by the jaxpr's results before it is bound"),
        (fault_const, "constant of type"),
    ],
)
def test_check_jaxpr_finds_planted_faults(fault, words):
    jaxpr = small()
    check_jaxpr(jaxpr)
    with pytest.raises(JaxprTypeError, match=words):
        check_jaxpr(fault(jaxpr))


def test_dead_code():
    jaxpr = minijax.make_jaxpr(lambda x, y: (minijax.lax.sin(x), minijax.lax.cos(y)))(1.0, 2.0).jaxpr
    smaller, used = dce_jaxpr(jaxpr, [True, False])
    assert [str(e.primitive) for e in smaller.eqns] == ["sin"]
    assert used == [True, False]
    check_jaxpr(smaller)
    assert float(eval_jaxpr(smaller, [], 0.5)[0]) == pytest.approx(np.sin(0.5))


def test_dead_code_puts_dropped_variables():
    jaxpr = minijax.make_jaxpr(lambda x: minijax.lax.top_k(x, 2))(np.ones(3)).jaxpr
    smaller, _ = dce_jaxpr(jaxpr, [True, False])
    assert [type(v) for v in smaller.eqns[0].outvars] == [Var, DropVar]
    check_jaxpr(smaller)
