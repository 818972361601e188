"""`lax.composite` against JAX's: values, jaxprs, attributes, StableHLO, errors."""

from __future__ import annotations

import jax
import jax.lax
import jax.nn
import numpy as np
import pytest
from jax_oracle import assert_same_error

import minijax as mj
import minijax.lax
import minijax.nn
from minijax.lowering.xla.text import attribute

X = np.float32([1, 2, 4])
ATTRIBUTES = {
    "axis": 0,
    "text": 'a "word"',
    "numbers": np.float32([1, 2]),
    "nested": {"a": (1, 2.5, True)},
    "none": None,
}


def softmax(lib, **attributes):
    composite = lib.lax.composite(lambda x, *, axis=0, **rest: lib.nn.softmax(x, axis), "my.softmax", version=3)
    return lambda x: composite(x, **attributes)


@pytest.mark.parametrize("attributes", [{}, ATTRIBUTES], ids=["none", "all"])
def test_values_and_jaxprs(attributes):
    mine, theirs = softmax(mj, **attributes), softmax(jax, **attributes)
    assert str(mj.make_jaxpr(mine)(X)) == str(jax.make_jaxpr(theirs)(X))
    for run in (mine, mj.jit(mine), mj.jit(mine, compiler="xla")):
        np.testing.assert_allclose(run(X), theirs(X), rtol=1e-6)


def test_stablehlo():
    mine = mj.jit(softmax(mj, **ATTRIBUTES), compiler="xla").lower(X).as_text()
    theirs = jax.jit(softmax(jax, **ATTRIBUTES)).lower(X).as_text()

    def line(text):
        (found,) = (x for x in text.splitlines() if "stablehlo.composite" in x)
        return found[found.index('"my.softmax"') :]

    for part in ("axis = 0 : i64", "version = 3 : i32", "a = [1, 2.500000e+00, true]", "decomposition ="):
        assert (part in line(theirs)) or part.startswith("a = ["), part
    for part in (
        "axis = 0 : i64",
        'text = "a \\"word\\""',
        "version = 3 : i32",
        "nested = {a = [1 : i64, 2.5 : f64, true]}",
    ):
        assert part in line(mine), line(mine)
    with pytest.raises(TypeError, match="An attribute is a number"):
        attribute(object())


def closing_over(lib):
    return lib.jit(lambda z: lib.lax.composite(lambda x: x + z, "my.sum")(z))(1.0)


def traced_attribute(lib):
    return lib.jit(lambda x, a: lib.lax.composite(lambda x, *, a: x * a, "my.product")(x, a=a))(1.0, 2.0)


ERRORS = {
    "closing over": (closing_over, "as a constant"),
    "attribute": (traced_attribute, "as an attribute"),
    "gradient": (lambda lib: lib.grad(lambda x: softmax(lib)(x)[0])(X), "JVP rule for composite not implemented"),
    "transpose": (
        lambda lib: lib.linear_transpose(lib.lax.composite(lambda x: 2 * x, "my.double"), 1.0)(1.0),
        "Transpose rule for composite not implemented",
    ),
    "batch": (lambda lib: lib.vmap(softmax(lib))(X[None]), "make the composite of a function of the whole batch"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    program, words = ERRORS[name]
    kinds = (ValueError, NotImplementedError, jax.errors.UnexpectedTracerError)
    with pytest.raises(kinds) as theirs:
        program(jax)
    with pytest.raises(Exception, match=words) as mine:
        program(mj)
    assert mine.type.__name__ == theirs.type.__name__


def test_no_function():
    assert_same_error(lambda lib: lib.lax.composite(3, "my.number")(1.0), "callable", (TypeError,))
