"""A gather of one window, and a scatter to one, run as slices: the same values, also for a window that sticks out."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
# {name: (function, in_axes, further arguments)}; the index is the last argument.
PROGRAMS = {
    "x[i]": (lambda lib: lambda x, i: lib.lax.dynamic_index_in_dim(x, i, 0, False), ()),
    "rows": (lambda lib: lambda x, i: lib.lax.dynamic_slice_in_dim(x, i, 2, 0), ()),
    "columns": (lambda lib: lambda x, i: lib.lax.dynamic_slice_in_dim(x, i, 3, 1), ()),
    "both": (lambda lib: lambda x, i: lib.lax.dynamic_slice(x, (i, i), (2, 2)), ()),
    "write": (lambda lib: lambda x, i: lib.lax.dynamic_update_slice_in_dim(x, -x[:2], i, 0), ()),
    "write both": (lambda lib: lambda x, i: lib.lax.dynamic_update_slice(x, -x[:2, :2], (i, i)), ()),
}


@pytest.mark.parametrize("index", [0, 1, 2, 3, 99, -1, -99])
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(8)
def test_values(name, index):
    program = PROGRAMS[name][0]
    i = np.int32(index)
    expected = jax.vmap(program(jax), (0, None))(X, i)
    f = minijax.vmap(program(minijax), (0, None))
    for found in (f(X, i), minijax.jit(f)(X, i), minijax.jit(f, compiler="xla")(X, i)):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_has_no_gather(name):
    f = minijax.jit(minijax.vmap(PROGRAMS[name][0](minijax), (0, None)))
    assert "gather" in str(f.trace(X, 1).jaxpr) or "scatter" in str(f.trace(X, 1).jaxpr)
    text = f.lower(X, 1).as_text()
    assert "gather" not in text and "scatter" not in text


def test_a_window_for_each_example_stays_a_gather():
    f = minijax.jit(minijax.vmap(PROGRAMS["x[i]"][0](minijax)))
    i = np.int32([2, 0])
    np.testing.assert_array_equal(f(X, i), X[[0, 1], i])
