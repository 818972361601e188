"""eq_to, lt_to and le_to compare by the total order: -NaN, -inf, ..., -0.0, 0.0, ..., inf, NaN."""

from __future__ import annotations

import jax
import jax.lax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.lax
import minijax.numpy

VALUES = [-np.nan, -np.inf, -3e4, -1.0, -6e-8, -0.0, 0.0, 6e-8, 1.0, 3e4, np.inf, np.nan]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", ["eq_to_p", "lt_to_p", "le_to_p"])
@pytest.mark.one_in(24)
def test_floats(name, dtype):
    with jax.enable_x64(dtype == "float64"), minijax.enable_x64(dtype == "float64"):
        expected = [
            np.asarray(getattr(jax.lax, name).bind(x[:, None] + 0 * x, x[None] + 0 * x[:, None]))
            for x in [jax.numpy.array(VALUES[1:-1], dtype)]
        ][0]
        x = minijax.numpy.array(VALUES[1:-1], dtype)
        bind = getattr(minijax.lax, name).bind
        for f in (bind, minijax.jit(bind), minijax.jit(bind, compiler="xla")):
            found = np.asarray(f(x[:, None] + 0 * x, x[None] + 0 * x[:, None]))
            infinite = ~np.isfinite(np.asarray(VALUES[1:-1]))
            finite = np.ix_(~infinite, ~infinite)
            np.testing.assert_array_equal(found[finite], expected[finite])


def test_the_order_is_that_of_the_list():
    x = minijax.numpy.array(VALUES, "float32")
    place = np.arange(len(VALUES))
    for name, compare in (("eq_to_p", np.equal), ("lt_to_p", np.less), ("le_to_p", np.less_equal)):
        found = getattr(minijax.lax, name).bind(*np.broadcast_arrays(np.asarray(x)[:, None], np.asarray(x)[None]))
        np.testing.assert_array_equal(found, compare.outer(place, place))
