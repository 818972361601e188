"""Every transformation, call and pass keeps the user's expression that an equation comes from."""

from __future__ import annotations

import gc
import linecache
import os
import re
import weakref

import numpy as np
import pytest
from modes import mode
from op_table import OPS, arrays

import minijax as mj
import minijax.lax
import minijax.numpy as jnp
from minijax.core.jaxpr import Jaxpr, jaxprs_in_params
from minijax.core.primitive import CallPrimitive
from minijax.foundation.source_info import PACKAGE_DIRECTORY, context
from minijax.lowering import passes

X = jnp.asarray(np.float32([0.5, 1.5, 2.5]))


def equations(jaxpr):
    """All equations, including those of jaxprs that calls carry. The jaxpr of a scatter is left out: all scatters share it."""
    for eqn in (jaxpr if isinstance(jaxpr, Jaxpr) else jaxpr.jaxpr).eqns:
        yield eqn
        inner = jaxprs_in_params(eqn.params)
        if isinstance(eqn.primitive, CallPrimitive):
            for jaxpr in inner:
                yield from equations(jaxpr)
        else:
            assert all(e.origin.place is None for jaxpr in inner for e in jaxpr.eqns)


def is_users(file: str) -> bool:
    return not file.startswith(PACKAGE_DIRECTORY) and os.path.exists(file)


# ---------------------------------------------------------------------------------------------------------------------
# Every equation comes from an expression of the user's program


def arithmetic(x):
    y = jnp.sin(x) * 2.0
    return jnp.sum(y * y + jnp.exp(y) / 3.0)


def reductions(x):
    return jnp.mean(x[:, None] * jnp.max(x) + jnp.cumsum(x)[None]) + jax_norm(x)


def jax_norm(x):
    return jnp.sqrt(jnp.sum(x**2))


def indexed(x):
    return jnp.sum(x.at[0].set(3.0)[::2] * jnp.where(x > 1, x, -x)[jnp.array([0, 2])])


def contracted(x):
    a = jnp.outer(x, x)
    return jnp.sum((a @ a) * jnp.einsum("ij,j->ij", a, x))


def with_jit(x):
    inner = mj.jit(lambda z: jnp.tanh(z) * z)
    return jnp.sum(inner(x) + inner(2 * x))


def with_cond(x):
    return mj.lax.cond(jnp.sum(x) > 0, lambda z: jnp.sum(jnp.sin(z)), lambda z: jnp.sum(z * 3), x)


def with_scan(x):
    def step(carry, z):
        carry = jnp.cos(carry) * z
        return carry, carry * 2

    total, ys = mj.lax.scan(step, 1.0, x)
    return total + jnp.sum(ys)


def with_fori(x):
    return jnp.sum(mj.lax.fori_loop(0, 3, lambda i, z: jnp.sin(z) + i, x))


def with_custom_jvp(x):
    @mj.custom_jvp
    def f(z):
        return jnp.sin(z)

    f.defjvp(lambda primals, tangents: (f(*primals), jnp.cos(primals[0]) * tangents[0]))
    return jnp.sum(f(x) * x)


def with_custom_vjp(x):
    @mj.custom_vjp
    def f(z):
        return jnp.sin(z)

    f.defvjp(lambda z: (f(z), z), lambda z, ct: (jnp.cos(z) * ct,))
    return jnp.sum(f(x) * x)


def with_checkpoint(x):
    return jnp.sum(mj.checkpoint(lambda z: jnp.sin(jnp.sin(z)))(x))


PROGRAMS = [
    arithmetic,
    reductions,
    indexed,
    contracted,
    with_jit,
    with_cond,
    with_scan,
    with_fori,
    with_custom_jvp,
    with_custom_vjp,
    with_checkpoint,
]
TRANSFORMATIONS = {
    "none": lambda f: f,
    "jvp": lambda f: lambda x: mj.jvp(f, (x,), (x,)),
    "grad": mj.grad,
    "value_and_grad": mj.value_and_grad,
    "vmap": lambda f: lambda x: mj.vmap(f)(jnp.stack([x, x])),
    "grad of grad": lambda f: mj.grad(lambda x: jnp.sum(mj.grad(f)(x) ** 2)),
    "vmap of grad": lambda f: lambda x: mj.vmap(mj.grad(f))(jnp.stack([x, x])),
    "grad of vmap": lambda f: mj.grad(lambda x: jnp.sum(mj.vmap(f)(jnp.stack([x, x])))),
    "jit of grad": lambda f: mj.jit(mj.grad(f)),
    "grad of jit": lambda f: mj.grad(mj.jit(f)),
    "jvp of vjp": lambda f: lambda x: mj.jvp(lambda z: mj.vjp(f, z)[1](1.0), (x,), (x,)),
    "linearize": lambda f: lambda x: mj.linearize(f, x)[1](x),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", TRANSFORMATIONS)
@pytest.mark.one_in(12)
def test_every_equation_reaches_the_user(name, program):
    """The equations that rules write, those that recipes write, and those after each pass."""
    function = TRANSFORMATIONS[name](program)
    for fast in (False, True):
        with mode(fast):
            for _ in range(3 if fast else 1):
                jaxpr = mj.make_jaxpr(function)(X)
            for stage, text in [("traced", jaxpr), *passes.stages(jaxpr)]:
                for eqn in equations(text):
                    places = [] if eqn.origin is None else list(eqn.origin.places())
                    assert places, f"{stage}: {eqn} comes from nowhere"
                    assert all(is_users(place.file_name) for place in places), f"{stage}: {eqn.origin}"
                    assert eqn.source_info.file_name == __file__, f"{stage}: {eqn} comes from {eqn.source_info}"


def test_both_modes_say_the_same():
    for program in PROGRAMS:
        described = []
        for fast in (False, True):
            with mode(fast):
                for _ in range(3):
                    jaxpr = mj.make_jaxpr(mj.grad(program))(X)
                described.append([f"{eqn.primitive} {eqn.origin}" for eqn in equations(jaxpr)])
        assert described[0] == described[1], program


# ---------------------------------------------------------------------------------------------------------------------
# What an origin says


def square_of_sine(x):
    y = jnp.sin(x)
    return y * y


def test_roles_rules_and_parents():
    line = square_of_sine.__code__.co_firstlineno
    jaxpr = mj.make_jaxpr(mj.grad(square_of_sine))(1.0)
    found = [(str(e.primitive), e.origin.role, e.origin.kind, e.source_info.line - line) for e in jaxpr.eqns]
    assert found == [
        ("sin", "primal", None, 1),
        ("cos", "primal", "jvp", 1),
        ("mul", "primal", None, 2),
        ("mul", "cotangent", "transpose", 2),
        ("mul", "cotangent", "transpose", 2),
        ("add_any", "cotangent", "transpose", 2),
        ("mul", "cotangent", "transpose", 1),
    ]
    cos, *_, total, last = [e for e in jaxpr.eqns if e.origin.primitive is not None]
    rule = cos.origin.rule
    assert (
        (rule.primitive, rule.kind) == ("sin", "jvp") and rule.file_name.startswith(PACKAGE_DIRECTORY) and rule.line > 0
    )
    assert [p.role for p in total.origin.parents] == ["cotangent", "cotangent"]
    tangent = last.origin.parents[0]
    assert (tangent.role, tangent.kind, tangent.primitive.name) == ("tangent", "jvp", "sin")
    assert tangent.parents[0].primitive is None and tangent.parents[0].place == cos.source_info


def test_columns_are_those_of_the_expression():
    def f(x):
        return jnp.sin(x) + jnp.cos(x)

    line = f.__code__.co_firstlineno + 1
    text = linecache.getline(__file__, line)
    eqns = mj.make_jaxpr(f)(1.0).eqns
    assert [text[slice(*e.source_info.columns)] for e in eqns] == [
        "jnp.sin(x)",
        "jnp.cos(x)",
        "jnp.sin(x) + jnp.cos(x)",
    ]
    assert str(eqns[0].source_info) == f"{__file__}:{line}:{text.index('jnp.sin')} (f)"


def test_columns_that_are_unknown_are_left_out():
    namespace = {"jnp": jnp}
    code = compile("def f(x):\n    return jnp.sin(x)\n", "typed.py", "exec")
    exec(code, namespace)
    f = namespace["f"]
    f.__code__ = f.__code__.replace(co_linetable=b"")
    assert str(mj.make_jaxpr(f)(1.0).eqns[0].source_info) == "typed.py:1 (f)"


def test_the_users_name_survives():
    """A value has the user's name in the text of the program, whatever transformation it went through."""

    def gated(x):
        hidden = jnp.tanh(x)
        return hidden * x

    for function, x in (
        (mj.grad(gated), 1.0),
        (mj.vmap(mj.grad(gated)), X),
        (mj.hessian(gated), 1.0),
        (mj.vmap(gated), X),
    ):
        assert re.search(r"^    hidden = np\.tanh\(", mj.jit(function).lower(x).as_text(), re.M)


def test_an_equation_of_a_rule_of_the_users_shows_the_rules_line():
    jaxpr = mj.make_jaxpr(mj.grad(with_custom_vjp))(X)
    line = with_custom_vjp.__code__.co_firstlineno + 5
    (cos,) = [e for e in equations(jaxpr) if e.primitive.name == "cos"]
    assert cos.source_info.line == line


def test_common_subexpressions_come_from_both_places():
    def f(x):
        y = jnp.sin(x) + 1.0
        return y * jnp.sin(x)

    line = f.__code__.co_firstlineno
    optimized = passes.optimized(mj.make_jaxpr(f)(X))
    (sin,) = [e for e in optimized.eqns if e.primitive.name == "sin"]
    assert [place.line - line for place in sin.origin.places()] == [1, 2]


def test_a_contraction_comes_from_the_product_and_the_sum():
    def f(x, y):
        product = x * y
        return jnp.sum(product)

    line = f.__code__.co_firstlineno
    optimized = passes.optimized(mj.make_jaxpr(f)(jnp.ones(5000), jnp.ones(5000)))
    (dot,) = [e for e in optimized.eqns if e.primitive.name == "dot_general"]
    assert sorted(place.line - line for place in dot.origin.places()) == [1, 2]


@pytest.mark.parametrize("wrap", [lambda f: f, mj.grad, lambda f: mj.vmap(f)], ids=["plain", "grad", "vmap"])
def test_an_equation_comes_also_from_the_constants_that_were_folded_into_it(wrap):
    def f(x):
        angle = minijax.lax.sin(2.0)
        factor = angle + 1.0
        return jnp.sum(x * factor)

    line = f.__code__.co_firstlineno
    optimized = passes.optimized(mj.make_jaxpr(wrap(f))(jnp.ones((3, 3))))
    assert not any(e.primitive.name == "sin" for e in optimized.eqns)
    places = {place.line - line for e in optimized.eqns for place in e.origin.places()}
    assert places >= {1, 2, 3}


# ---------------------------------------------------------------------------------------------------------------------
# An origin never names a file of minijax, and keeps nothing alive


@pytest.mark.parametrize("op", [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(OPS)])
@pytest.mark.one_in(18)
def test_no_file_of_minijax_is_the_users(op):
    dtype = op.dtypes[0]
    args = arrays(op, dtype, np.random.default_rng(3))
    jaxpr = mj.make_jaxpr(lambda *xs: op.function(minijax.lax, *xs))(*args)
    assert all(is_users(eqn.source_info.file_name) for eqn in equations(jaxpr))


def test_no_error_names_a_file_of_minijax_as_the_users():
    leaked = []
    mj.jit(lambda x: leaked.append(x * 2))(1.0)
    programs = [
        lambda: jnp.sin(leaked[0]),
        lambda: mj.jit(lambda x: 1 if x > 0 else 2)(1.0),
        lambda: mj.grad(lambda x: mj.lax.zeta(x, 2.0))(2.0),
        lambda: mj.linear_transpose(lambda x: x * x, 1.0)(1.0),
    ]
    for program in programs:
        with pytest.raises(Exception) as error:
            program()
        text = str(error.value) + "".join(getattr(error.value, "__notes__", []))
        assert PACKAGE_DIRECTORY not in text and __file__ in text


def test_an_origin_keeps_nothing_alive():
    held = [jnp.arange(1000.0)]
    jaxpr = mj.make_jaxpr(mj.grad(lambda x: jnp.sum(jnp.sin(x * held[0]))))(jnp.ones(1000))
    origins = [eqn.origin for eqn in jaxpr.eqns]
    dead = [weakref.ref(held[0]), weakref.ref(jaxpr.jaxpr)]
    held.clear()
    del jaxpr
    gc.collect()
    assert [ref() for ref in dead] == [None, None] and all(origin.places() for origin in origins)


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_nothing_stays_in_the_context(name):
    def fails(x):
        raise KeyError(x.shape)

    for function in (arithmetic, fails):
        try:
            TRANSFORMATIONS[name](function)(X)
        except KeyError:
            pass
        assert context.origin is None
