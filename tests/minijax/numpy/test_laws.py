"""Laws of every expression of the tables, at NaN, infinities, -0.0, ties and zeros: jit changes nothing, vmap is a stack of calls,
linearize is jvp, reverse mode is its adjoint, and checkpoint and jit commute with derivatives. No other library is asked.

A short run tries one expression in forty; HYPOTHESIS_PROFILE=long all 37,000 laws, in four minutes.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy_table import TABLES, VARIABLES
from thinned import part

import minijax as mj
import minijax.numpy as jnp

SPECIAL = np.float32([np.nan, np.inf, -np.inf, -0.0, 0, 1, 1, -1, 1e30, -1e-30, 0.5, 2])
DRAWN_FROM = {"special": SPECIAL, "ties": np.float32([0, 1, 1, -1]), "zeros": np.float32([0])}
# About 160 times the rounding of float32: two programs of one expression add in another order.
TOLERANCE = 2e-5
# {expressions: the laws that do not hold of them}
NO_DERIVATIVE = ("nextafter", "spacing", "multiply.at")  # A step of rounding; a product of factors at one place.
NO_ORDER = ("prod(t", "nanprod(t")  # 0 * 1e30 * 1e30 is 0 or NaN, by the order.


def floats_of(expression: str) -> list[str]:
    """The names of the arrays of floats that an expression reads."""
    names = {name for name in re.findall(r"\b[A-Za-z]\w*\b", expression) if name in VARIABLES}
    return sorted(name for name in names if VARIABLES[name].dtype.kind == "f")


def takes_floats(expression: str) -> bool:
    # The numbers of `random` and what an attribute says are no functions of floats.
    return bool(floats_of(expression)) and "random" not in expression


CASES = [
    pytest.param(expression, kind, id=f"{expression}-{kind}")
    for name, table in TABLES.items()
    if name != "attributes"
    for expression in dict.fromkeys(table)
    if takes_floats(expression)
    for kind in DRAWN_FROM
]


def drawn(kind: str) -> dict:
    """The arrays of the tables, with other numbers in the place of floats."""
    rng, numbers = np.random.default_rng(1), DRAWN_FROM[kind]
    return {
        name: jnp.asarray(numbers[rng.integers(0, len(numbers), x.shape)].astype(x.dtype) if x.dtype.kind == "f" else x)
        for name, x in VARIABLES.items()
    }


def assert_same(law: str, found, expected):
    found, expected = (list(map(np.asarray, mj.tree.leaves(tree))) for tree in (found, expected))
    assert [(a.shape, a.dtype) for a in found] == [(b.shape, b.dtype) for b in expected], law
    for a, b in zip(found, expected):
        if a.dtype.kind not in "fcV":
            np.testing.assert_array_equal(a, b, err_msg=law)
            continue
        a, b = a.astype(complex), b.astype(complex)
        with np.errstate(all="ignore"):
            largest = np.max(np.abs(b), initial=0, where=np.isfinite(b))
            near = np.abs(a - b) <= TOLERANCE * (np.abs(b) + largest)
        # lowering/contraction.py: an infinite factor goes before a sum, and inf - inf in it becomes inf.
        before_sum = np.isnan(b) & np.isinf(a) | np.isnan(a) & np.isinf(b)
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | near | ("jit" in law or "checkpoint" in law) & before_sum
        assert np.all(same), f"{law}\n{a}\n{b}"


def of_a_batch(f, args):
    batch = jnp.stack([args[0], args[0][::-1] if args[0].ndim else args[0] * 2])

    def g(x):
        return f(x, *args[1:])

    calls = mj.tree.map(lambda *results: jnp.stack(results), g(batch[0]), g(batch[1]))
    assert_same("vmap is a stack of calls", mj.vmap(g)(batch), calls)
    assert_same("vmap along the last axis", mj.vmap(g, in_axes=-1)(jnp.moveaxis(batch, 0, -1)), calls)
    assert_same("map is a stack of calls", mj.lax.map(g, batch), calls)


def of_tangents(f, args):
    tangents = [jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape) for x in args]
    primals, tangent = mj.jvp(f, args, tangents)
    assert_same("jvp's value", primals, f(*args))
    assert_same("linearize is jvp", mj.linearize(f, *args)[1](*tangents), tangent)
    assert_same("jit of jvp", mj.jit(lambda *xs: mj.jvp(f, xs, tangents)[1])(*args), tangent)
    assert_same("jvp of checkpoint", mj.jvp(mj.checkpoint(f), args, tangents)[1], tangent)


def of_cotangents(f, args):
    results, pull_back = mj.vjp(f, *args)
    weights = [jnp.sin(1 + jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape) for y in results]
    cotangents = pull_back(weights)
    assert_same("vjp of checkpoint", mj.vjp(mj.checkpoint(f), *args)[1](weights), cotangents)
    assert_same("vjp of jit", mj.vjp(mj.jit(f), *args)[1](weights), cotangents)
    assert_same("jit of vjp", mj.jit(lambda *xs: mj.vjp(f, *xs)[1](weights))(*args), cotangents)


def function_of(expression: str, kind: str):
    """(the expression as a function of its arrays of floats, these arrays), or None if it is none: it needs numbers, as `repeat`
    does, or refuses these arrays."""
    scope, names = drawn(kind), floats_of(expression)

    def f(*floats):
        return eval(expression, {"jnp": jnp, "np": np, **scope, **dict(zip(names, floats))})

    args = [scope[name] for name in names]
    try:
        mj.make_jaxpr(f)(*args)
    except (TypeError, ValueError, IndexError):
        return None
    return (f, args) if all(isinstance(y, mj.Array) for y in mj.tree.leaves(f(*args))) else None


@pytest.mark.parametrize("expression, kind", CASES)
@pytest.mark.one_in(400)
@pytest.mark.filterwarnings("ignore")
def test_laws(expression, kind):
    found = function_of(expression, kind)
    if found is None:
        return
    f, args = found
    results = mj.tree.leaves(f(*args))
    assert_same("jit changes nothing", mj.jit(f)(*args), f(*args))
    of_a_batch(f, args)
    places = [i for i, y in enumerate(results) if y.dtype.kind == "f"]
    if places and not any(name in expression for name in (*NO_DERIVATIVE, *NO_ORDER)):
        smooth = lambda *xs: [mj.tree.leaves(f(*xs))[i] for i in places]
        of_tangents(smooth, args)
        of_cotangents(smooth, args)


@pytest.mark.filterwarnings("ignore")
def test_few_expressions_are_no_functions_of_arrays():
    expressions = part((case.values[0] for case in CASES if case.values[1] == "ties"), 5)
    assert sum(function_of(e, "ties") is None for e in expressions) < len(expressions) / 15


def test_a_law_that_does_not_hold_is_seen():
    wrong = mj.custom_jvp(jnp.sin)
    wrong.defjvp(lambda primals, tangents: (jnp.sin(*primals) * 1.001, tangents[0]))
    with pytest.raises(AssertionError, match="jvp's value"):
        of_tangents(lambda x: [wrong(x)], [jnp.ones(3)])
