"""Bad programs: each raises the exception that JAX raises, by class name, and says what, where and what to do.

A row is a program of the library, `lib`, and words of minijax's message.
"""

from __future__ import annotations

import re

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy
from minijax.core.primitive import Primitive

STATIC = "mark the argument static with jit's static_argnums"

TRACED = {
    "if": (lambda lib: lib.jit(lambda x: 1 if x > 0 else 2)(1.0), "Use jnp.where(condition, a, b)"),
    "and": (lambda lib: lib.jit(lambda x: x and 1)(1.0), "Attempted boolean conversion of traced array"),
    "int": (lambda lib: lib.jit(lambda x: int(x))(1.0), "The problem arose with the `int` function"),
    "float": (lambda lib: lib.jit(lambda x: float(x))(1.0), "The problem arose with the `float` function"),
    "complex": (lambda lib: lib.jit(lambda x: complex(x))(1.0), "The problem arose with the `complex` function"),
    "item": (lambda lib: lib.jit(lambda x: x.item())(1.0), STATIC),
    "tolist": (lambda lib: lib.jit(lambda x: x.tolist())(1.0), STATIC),
    "np.sin": (lambda lib: lib.jit(lambda x: np.sin(x))(1.0), "call the jnp function of the same name"),
    "np.asarray": (lambda lib: lib.jit(lambda x: np.asarray(x))(1.0), "NumPy cannot follow a traced value"),
    "list[i]": (lambda lib: lib.jit(lambda i: [1, 2][i])(1), "jnp.asarray(sequence)[i]"),
    "range(n)": (lambda lib: lib.jit(lambda n: [0 for _ in range(n)])(1), STATIC),
    "arange(n)": (lambda lib: lib.jit(lambda n: lib.numpy.arange(n))(2), "`jnp.arange` function"),
    "x[mask]": (lambda lib: lib.jit(lambda x: x[x > 0])(lib.numpy.arange(3.0)), "Use jnp.where(mask, x, fill)"),
    "vmap of if": (lambda lib: lib.vmap(lambda x: 1 if x > 0 else 2)(lib.numpy.arange(3.0)), "jnp.where"),
}


def raised(program, lib) -> Exception:
    with pytest.raises(Exception) as info:
        program(lib)
    return info.value


def line_of(function) -> str:
    return f"{__file__}:{function.__code__.co_firstlineno}"


@pytest.mark.parametrize("name", TRACED)
def test_traced_value_where_a_concrete_one_is_needed(name):
    program, words = TRACED[name]
    mine, theirs = raised(program, minijax), raised(program, jax)
    assert type(mine).__name__ == type(theirs).__name__
    assert type(mine) is getattr(minijax.errors, type(mine).__name__)
    assert words in str(mine)
    # Where: the user's own line, this file's.
    assert re.search(rf"{re.escape(line_of(program))}:\d+ \(<lambda>\)", str(mine))


BUILTIN = {
    "zeros(n)": (lambda lib: lib.jit(lambda n: lib.numpy.zeros(n))(3), STATIC),
    "reshape(n)": (lambda lib: lib.jit(lambda n: lib.numpy.arange(4).reshape(n, 2))(2), STATIC),
    "x[:i]": (
        lambda lib: lib.jit(lambda x, i: x[:i])(lib.numpy.arange(3.0), 1),
        "use lax.dynamic_slice with a static size",
    ),
    "grad of a vector": (lambda lib: lib.grad(lambda x: x)(lib.numpy.arange(3.0)), "Output had shape: (3,). Reduce it"),
    "grad of a tuple": (lambda lib: lib.grad(lambda x: (x, x))(1.0), "has_aux=True"),
    "grad at an integer": (lambda lib: lib.grad(lambda x: x * 2.0)(3), "but got int32"),
    "grad of an integer": (lambda lib: lib.grad(lambda x: 3)(3.0), "use jax.vjp directly"),
    "grad of a complex number": (lambda lib: lib.grad(lambda x: x * 1j)(3.0), "pass holomorphic=True"),
    "grad at a string": (lambda lib: lib.grad(lambda x: x)("a"), "''a'' of type <class 'str'> is not a valid JAX type"),
    "grad, argnums": (lambda lib: lib.grad(lambda x: x, argnums=2)(1.0), "requires at least 3 positional arguments"),
    "grad of a number": (lambda lib: lib.grad(3), "Expected a callable value, got 3"),
    "grad without aux": (lambda lib: lib.grad(lambda x: x, has_aux=True)(1.0), "return (value, aux)"),
    "jacfwd at an integer": (lambda lib: lib.jacfwd(lambda x: x)(1), "jacfwd requires real-valued inputs"),
    "vmap, sizes": (
        lambda lib: lib.vmap(lambda x, y: x)(lib.numpy.zeros(3), lib.numpy.zeros(4)),
        "* axis 0 of argument args[1] of type float32[4] has size 4",
    ),
    "vmap of a scalar": (lambda lib: lib.vmap(lambda x: x)(1.0), "its rank should be at least 1, but is only 0"),
    "vmap, tree": (
        lambda lib: lib.vmap(lambda x: x, in_axes=({"a": 0},))([lib.numpy.zeros(3)]),
        "must be a tree prefix of the corresponding value",
    ),
    "vmap, len(in_axes)": (lambda lib: lib.vmap(lambda x: x, in_axes=(0, 0))(lib.numpy.zeros(3)), "len(in_axes)=2"),
    "vmap over nothing": (
        lambda lib: lib.vmap(lambda x: x, in_axes=None)(lib.numpy.zeros(3)),
        "non-None value in in_axes",
    ),
    "vmap, out_axes": (lambda lib: lib.vmap(lambda x: x, out_axes=None)(lib.numpy.zeros(3)), "out_axes is None"),
    "jvp, trees": (lambda lib: lib.jvp(lambda x: x, (1.0,), (1.0, 2.0)), "must have the same tree structure"),
    "jvp, dtypes": (
        lambda lib: lib.jvp(lambda x: x, (1.0,), (1,)),
        "tangent dtype float32, but got tangent dtype int32",
    ),
    "jvp, shapes": (lambda lib: lib.jvp(lambda x: x, (1.0,), (lib.numpy.zeros(3),)), "tangent shape as (3,)"),
    "jvp, no tuples": (lambda lib: lib.jvp(lambda x: x, 1.0, 1.0), "must be tuples or lists; found float and float"),
    "vjp, tree": (lambda lib: lib.vjp(lambda x: x, 1.0)[1]((1.0, 1.0)), "unexpected tree structure"),
    "vjp, shape": (
        lambda lib: lib.vjp(lambda x: x, 1.0)[1](lib.numpy.zeros(3)),
        "got float32[3], but expected float32[]",
    ),
    "vjp, dtype": (lambda lib: lib.vjp(lambda x: x, 1.0)[1](1), "got int32[], but expected float32[]"),
    "linearize, shape": (lambda lib: lib.linearize(lambda x: x, 1.0)[1](lib.numpy.zeros(3)), "expected float32[]"),
    "jit of a string": (lambda lib: lib.jit(lambda x: x)("a"), "an argument of the jitted function <lambda>"),
    "jit to a string": (
        lambda lib: lib.jit(lambda x: "a")(1.0),
        "function <lambda> returned a value of type <class 'str'>",
    ),
    "jit, unhashable": (lambda lib: lib.jit(lambda x: 1, static_argnums=0)([1]), "give a tuple for a list"),
    "jit, static_argnums": (
        lambda lib: lib.jit(lambda x: 1, static_argnums=3)(1),
        "only accepts 1 positional arguments",
    ),
    "jit, static_argnames": (lambda lib: lib.jit(lambda x: 1, static_argnames="y")(1), "invalid argnames {'y'}"),
    "jit of a number": (lambda lib: lib.jit(3), "Expected a callable value, got 3"),
    "shapes of +": (
        lambda lib: lib.numpy.zeros(3) + lib.numpy.zeros(4),
        "incompatible shapes for broadcasting: (3,), (4,)",
    ),
    "lax, dtypes": (lambda lib: lib.lax.add(lib.numpy.float32(1), lib.numpy.int32(1)), "jnp.add is a similar function"),
    "jnp of a list": (lambda lib: lib.numpy.sum([1, 2]), "Use jnp.asarray to make an array of it"),
    "x[0] = 1": (lambda lib: lib.numpy.zeros(3).__setitem__(0, 1), "x = x.at[idx].set(y)"),
    "hash": (lambda lib: hash(lib.numpy.zeros(3)), "unhashable type"),
    "bool of an array": (lambda lib: bool(lib.numpy.zeros(3)), "Use a.any() or a.all()"),
    "iter of a scalar": (lambda lib: list(lib.numpy.float32(1)), "iteration over a 0-d array"),
    "x['a']": (lambda lib: lib.numpy.zeros(3)["a"], "does not support string indexing"),
    "x[1.0]": (lambda lib: lib.numpy.zeros(3)[1.0], "Indexer must have integer or boolean type"),
    "x[[0, 1]]": (lambda lib: lib.numpy.zeros(3)[[0, 1]], "use `arr[array(seq)]` instead"),
    "x[0, 0]": (lambda lib: lib.numpy.zeros(3)[0, 0], "array is 1-dimensional, but 2 were indexed"),
    "x[..., ...]": (lambda lib: lib.numpy.zeros(3)[..., ...], "single ellipsis"),
    "x[short mask]": (lambda lib: lib.numpy.zeros(3)[np.array([True, False])], "boolean index did not match shape"),
    "tree.map": (
        lambda lib: lib.tree.map(lambda a, b: a, {"a": 1}, {"b": 1}),
        "expected keys: ['a']; present keys: ['b']",
    ),
}


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.one_in(3)
def test_bad_input(name):
    program, words = BUILTIN[name]
    mine, theirs = raised(program, minijax), raised(program, jax)
    assert type(mine).__name__ == type(theirs).__name__
    assert words in str(mine)


LEAKING = {
    "jit": lambda lib, keep: lib.jit(keep)(1.0),
    "grad": lambda lib, keep: lib.grad(keep)(1.0),
    "jvp": lambda lib, keep: lib.jvp(keep, (1.0,), (1.0,)),
    "vmap": lambda lib, keep: lib.vmap(keep)(lib.numpy.arange(3.0)),
    "make_jaxpr": lambda lib, keep: lib.make_jaxpr(keep)(1.0),
    "eval_shape": lambda lib, keep: lib.eval_shape(keep, 1.0),
}
USES = {
    "operator": lambda lib, x: x + 1,
    "jnp": lambda lib, x: lib.numpy.sin(x),
    "jit argument": lambda lib, x: lib.jit(lambda y: y)(x),
    "jit closure": lambda lib, x: lib.jit(lambda y: x + y)(1.0),
    "grad argument": lambda lib, x: lib.grad(lambda y: y * y)(x),
    "grad closure": lambda lib, x: lib.grad(lambda y: x * y)(1.0),
    "vmap closure": lambda lib, x: lib.vmap(lambda y: x * y)(lib.numpy.arange(2.0)),
    "at": lambda lib, x: lib.numpy.zeros(3).at[0].set(x),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("transformation", LEAKING)
@pytest.mark.one_in(4)
def test_a_leaked_tracer_is_never_computed_with(transformation, use):
    kept = []

    def keep(x):
        kept.append(x * 2)
        return x * 1.0

    LEAKING[transformation](minijax, keep)
    with pytest.raises(minijax.errors.UnexpectedTracerError, match="Encountered an unexpected tracer") as info:
        USES[use](minijax, kept[0])
    assert "escape the scope of" in str(info.value)
    assert f"{__file__}:" in str(info.value)


def test_a_leaked_tracer_raises_in_jax_too():
    kept = []
    jax.jit(lambda x: kept.append(x * 2) or x)(1.0)
    with pytest.raises(jax.errors.UnexpectedTracerError):
        kept[0] + 1


def test_a_missing_rule_is_named():
    p = Primitive("nothing")
    p.def_abstract_eval(lambda x: x)
    x = minijax.numpy.float32(1)
    for rule, run in {
        "impl": lambda: p.bind(x),
        "jvp": lambda: minijax.jvp(p.bind, (x,), (x,)),
        "batch": lambda: minijax.vmap(p.bind)(x[None]),
    }.items():
        with pytest.raises(NotImplementedError, match=f"Primitive 'nothing' has no {rule} rule.") as info:
            run()
        assert f"nothing_p.{rule} = rule" in str(info.value)
        assert f"{__file__}:" in str(info.value)


def test_an_absent_rule_gives_its_reason():
    with pytest.raises(NotImplementedError, match="Primitive 'nextafter' has no jvp rule: how far the next number"):
        minijax.jvp(minijax.lax.nextafter, (1.0, 2.0), (1.0, 1.0))


@pytest.mark.parametrize("transformation", LEAKING)
def test_an_exception_leaves_no_trace_behind(transformation):
    """A user's exception is raised unchanged, and the next program runs as usual."""

    def fails(x):
        raise KeyError(x.shape)

    with pytest.raises(KeyError, match=re.escape("()")):
        LEAKING[transformation](minijax, fails)
    assert minijax.core.current_trace() is minijax.core.array.eval_trace
    assert float(minijax.numpy.sin(minijax.numpy.float32(0))) == 0
