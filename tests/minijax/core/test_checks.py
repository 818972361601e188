"""A rule that returns the wrong thing is named: which primitive, which rule, what it returned and what was expected, and where."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import minijax as mj
import minijax.numpy as jnp
from minijax.core import Primitive, ShapedArray
from minijax.core.checks import RuleError, checked
from minijax.primitives.basis import registry


def thrice(multiple_results: bool = False, **wrong) -> Primitive:
    """A primitive whose rules are right, except the given ones."""
    p = Primitive("thrice", multiple_results=multiple_results)
    pack = (lambda x: [x]) if multiple_results else (lambda x: x)
    rules = {
        "impl": lambda x, y: pack(3 * x + y),
        "abstract_eval": lambda x, y: pack(x.strip_weak_type()),
        "jvp": lambda primals, tangents: (p.bind(*primals), p.bind(*map(instantiate, tangents))),
        "transpose": lambda ct, x, y: [3.0 * first(ct), first(ct)],
        "batch": lambda axis, args, dims: (p.bind(*args), pack(dims[0])),
    }
    for kind, rule in {**rules, **wrong}.items():
        setattr(p, kind, rule)
    return p


def first(ct):
    return ct[0] if isinstance(ct, list) else ct


def instantiate(t):
    return jnp.zeros(t.aval.shape, t.aval.dtype) if type(t) is mj.core.Zero else t


X = np.float32([1, 2])
USES = {
    "impl": lambda p: p.bind(X, X),
    "abstract_eval": lambda p: mj.make_jaxpr(p.bind)(X, X),
    "jvp": lambda p: mj.jvp(p.bind, (X, X), (X, X)),
    "transpose": lambda p: mj.vjp(p.bind, X, X)[1](jnp.asarray(X)),
    "batch": lambda p: mj.vmap(p.bind)(np.stack([X, X, X]), np.stack([X, X, X])),
}

WRONG = {
    "impl, shape": ("impl", lambda x, y: np.sum(x), "returned f32[] as its result, where abstract_eval says f32[2]."),
    "impl, dtype": ("impl", lambda x, y: x > y, "returned bool[2] as its result, where abstract_eval says f32[2]."),
    "abstract_eval": ("abstract_eval", lambda x, y: x.shape, "must return a ShapedArray, got (2,) of type tuple."),
    "jvp, no pair": (
        "jvp",
        lambda ps, ts: ps[0],
        "must return a pair (result, tangent of the result), but returned f32[2].",
    ),
    "jvp, result": (
        "jvp",
        lambda ps, ts: (jnp.sum(ps[0]), ts[0]),
        "returned f32[] as its result, where abstract_eval says f32[2].",
    ),
    "jvp, tangent": (
        "jvp",
        lambda ps, ts: (ps[0], jnp.sum(ts[0])),
        "returned f32[] as its tangent, where the result's tangents have f32[2].",
    ),
    "jvp, dtype of the tangent": (
        "jvp",
        lambda ps, ts: (ps[0], ts[0].astype("float16")),
        "returned f16[2] as its tangent, where the result's tangents have f32[2].",
    ),
    "transpose, empty": (
        "transpose",
        lambda ct, x, y: [],
        "must return a list with a cotangent or None for each of the 2 arguments, but returned 0.",
    ),
    "transpose, no list": (
        "transpose",
        lambda ct, x, y: ct,
        "must return a list with a cotangent or None for each of the 2 arguments, got f32[2].",
    ),
    "transpose, shape": (
        "transpose",
        lambda ct, x, y: [ct, jnp.sum(ct)],
        "returned f32[] as the cotangent 1, where the argument has f32[2].",
    ),
    "batch, no pair": (
        "batch",
        lambda axis, args, dims: args[0],
        "must return a pair (result, its batch axis or None), but returned f32[3,2].",
    ),
    "batch, no such axis": (
        "batch",
        lambda axis, args, dims: (args[0], 2),
        "says that the batch axis of its result is 2: the result is f32[3,2].",
    ),
    "batch, another axis": (
        "batch",
        lambda axis, args, dims: (args[0], 1),
        "says that axis 1 of its result, f32[3,2], is the batch axis, whose size is 3.",
    ),
    "batch, axis lost": (
        "batch",
        lambda axis, args, dims: (jnp.sum(args[0], 0), None),
        None,  # The same for all examples: right, as far as types go.
    ),
    "batch, shape": (
        "batch",
        lambda axis, args, dims: (args[0][:, :1], 0),
        "returned f32[1] as an example of its result, where abstract_eval says f32[2].",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_named(name):
    kind, rule, problem = WRONG[name]
    p = thrice(**{kind: rule})
    if problem is None:
        USES[kind](p)
        return
    with pytest.raises(RuleError) as error:
        USES[kind](p)
    text = str(error.value)
    assert re.match(rf"The {kind} rule of primitive 'thrice' \({re.escape(__file__)}:\d+\) ", text)
    assert problem in text
    assert re.search(rf"The operation is at {re.escape(__file__)}:\d+:\d+ \(", text)


@pytest.mark.parametrize("kind", USES)
@pytest.mark.parametrize("multiple_results", [False, True])
def test_right_rules_pass(kind, multiple_results):
    USES[kind](thrice()) if not multiple_results else USES["impl"](thrice(True))


MANY = {
    "impl": (
        lambda x, y: x,
        "must return a list of arrays, since the primitive has multiple_results, but returned f32[2].",
    ),
    "abstract_eval": (
        lambda x, y: x,
        "must return a list of avals, since the primitive has multiple_results, but returned ShapedArray",
    ),
    "jvp": (lambda ps, ts: ([ps[0], ps[0]], [ts[0]]), "returned 2 of what there must be 1: a result each."),
    "batch": (lambda axis, args, dims: (args[0], dims[0]), "must return (list of results, list of batch axes)"),
}


@pytest.mark.parametrize("kind", MANY)
def test_a_wrong_rule_of_many_results_is_named(kind):
    rule, problem = MANY[kind]
    with pytest.raises(RuleError) as error:
        USES[kind](thrice(True, **{kind: rule}))
    assert problem in str(error.value)


def test_float64_of_an_implementation_becomes_float32():
    """As every value does: then it is compared."""
    p = thrice(impl=lambda x, y: np.asarray(x, np.float64))
    assert p.bind(X, X).dtype == "float32"


def test_an_implementation_is_enough_for_eager_calls():
    p = Primitive("only_impl")
    p.def_impl(lambda x, *, n: x * np.float64(n))
    assert p.bind(X, n=2).dtype == "float32" and p.bind(X, n=2).tolist() == [2, 4]
    with pytest.raises(NotImplementedError, match="abstract_eval"):
        mj.jit(lambda x: p.bind(x, n=2))(X)
    many = Primitive("two", multiple_results=True)
    many.def_impl(lambda x: [x, x > 1])
    assert [x.dtype.name for x in many.bind(X)] == ["float32", "bool"]


def test_a_rule_is_wrapped_once():
    p = thrice()
    rule = p.jvp
    p.jvp = rule
    assert p.jvp is rule and checked(p, "jvp", rule) is rule


def test_the_packages_rules_are_bare_unless_asked():
    """Rules are wrapped in checks only if the environment asks for checks, as the tests do: so checks cost users nothing."""
    program = (
        "from minijax.primitives.basis import registry; print(any(hasattr(p.jvp, 'checks') for p in registry.values()))"
    )
    for value, expected in (("0", "False"), ("1", "True")):
        shown = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "MINIJAX_CHECK_RULES": value},
        )
        assert shown.stdout.strip() == expected
    assert hasattr(registry["mul"].jvp, "checks")


def test_abstract_eval_may_return_avals_only():
    assert isinstance(thrice().abstract_eval(*[ShapedArray((2,), np.dtype("float32"))] * 2), ShapedArray)


def test_a_call_says_which_argument_its_jaxpr_does_not_take():
    jaxpr = mj.make_jaxpr(lambda x: x + 1)(1.0)
    words = "cond's branch got float32[3] as argument 0, but takes float32[] there: convert the argument to this type."
    with pytest.raises(TypeError, match=f"^{re.escape(words)}"):
        mj.make_jaxpr(lambda: registry["cond"].bind(jnp.int32(0), jnp.ones(3), branches=(jaxpr, jaxpr)))()
