"""`minijax.numpy` against `jax.numpy`: the expressions of `numpy_table.py`, by value, dtype, weak type and shape."""

from __future__ import annotations

import functools

import jax
import jax.numpy
import numpy as np
import pytest
from numpy_table import TABLES, VARIABLES, value
from thinned import chosen

import minijax
import minijax.numpy


def assert_equal(mine, theirs):
    """The same structure, kinds of values, dtypes, weak types and shapes; values to a few units in the last place."""
    if isinstance(theirs, jax.Array):
        assert isinstance(mine, minijax.Array)
        assert (mine.shape, mine.dtype, mine.weak_type) == (theirs.shape, theirs.dtype, theirs.weak_type)
        assert_close(np.asarray(mine), np.asarray(theirs))
    elif isinstance(theirs, (list, tuple)):
        assert isinstance(mine, tuple if isinstance(theirs, tuple) else list)
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs):
            assert_equal(a, b)
    elif isinstance(theirs, (np.ndarray, np.generic)):
        assert_close(np.asarray(mine), np.asarray(theirs))
    else:
        assert str(mine) == str(theirs)


def assert_close(a, b):
    if b.dtype.kind in "fc":
        eps = np.finfo(b.dtype).eps
        finite = np.abs(b[np.isfinite(b)])
        scale = min(1.0, float(finite.max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=32 * eps, atol=32 * eps * scale)
        # -0.0 is not 0.0.
        if b.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(a[(b == 0) & (a == 0)]), np.signbit(b[(b == 0) & (a == 0)]))
    else:
        np.testing.assert_array_equal(a, b)


# A short run tries one in 12. They are chosen here and not by a mark, so that JAX computes no others.
EXPRESSIONS = [pytest.param(e, id=f"{kind}: {e}") for kind, table in TABLES.items() for e in table if chosen(e, 12)]
ORDER = list(dict.fromkeys(p.values[0] for p in EXPRESSIONS))


@functools.lru_cache(maxsize=2)
def some_values_in_jax(start: int) -> dict:
    """The values in JAX of a hundred expressions from there on. One program for all takes a fifth of the time of a hundred. Not
    among them: expressions that jit refuses, or that give no arrays."""

    def program(variables):
        found = {}
        for expression in ORDER[start : start + 100]:
            try:
                result = value(expression, jax.numpy, variables)
            except Exception:
                continue
            if all(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(result)):
                found[expression] = result
        return found

    return jax.jit(program)({name: jax.numpy.asarray(x) for name, x in VARIABLES.items()})


def value_in_jax(expression: str):
    several = some_values_in_jax(ORDER.index(expression) // 100 * 100)
    return several[expression] if expression in several else value(expression, jax.numpy)


# What these give of 0.0 and -0.0 is up to XLA's optimizer.
SIGN_OF_ZERO_UNSPECIFIED = {"jnp.multiply(b, x)", "jnp.minimum(X, Y)"}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression_equals_jax(expression):
    try:
        theirs = value_in_jax(expression)
    except (TypeError, ValueError):
        # What JAX refuses is refused here too.
        with pytest.raises((TypeError, ValueError)):
            value(expression, minijax.numpy)
    else:
        mine = value(expression, minijax.numpy)
        if expression in SIGN_OF_ZERO_UNSPECIFIED:
            mine, theirs = mine + 0, theirs + 0
        assert_equal(mine, theirs)


@pytest.mark.parametrize("expression", [e for t in ("manipulation", "analysis", "pieces") for e in TABLES[t]])
@pytest.mark.one_in(8)
def test_expression_is_refused_under_jit_as_in_jax(expression):
    """Functions whose result's shape depends on values."""

    def outcome(lib) -> str:
        scope = {"jnp": lib.numpy, "np": np}
        program = eval(f"lambda {', '.join(VARIABLES)}: ({expression}, 0)[1]", scope)
        try:
            lib.make_jaxpr(program)(*VARIABLES.values())
        except Exception as error:
            return type(error).__name__
        return "accepted"

    assert outcome(minijax) == outcome(jax)
