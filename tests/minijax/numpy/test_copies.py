"""`copy.copy` and `copy.deepcopy` of arrays, tracers and functions."""

from __future__ import annotations

import copy

import jax
import numpy as np
import pytest

import minijax as mj
import minijax.nn

COPIES = [copy.copy, copy.deepcopy]
FUNCTIONS = [n for n in dir(mj.nn) if n[0] != "_" and callable(getattr(mj.nn, n)) and hasattr(jax.nn, n)]


@pytest.mark.parametrize("duplicate", COPIES)
def test_tracers(duplicate):
    assert str(mj.make_jaxpr(duplicate)(1.0)) == str(jax.make_jaxpr(duplicate)(1.0))
    assert mj.grad(lambda x: duplicate({"a": x})["a"] ** 2)(3.0) == 6
    assert mj.vmap(lambda x: duplicate(x) * 2)(np.ones(2)).tolist() == [2, 2]
    assert mj.jit(lambda x: duplicate([x, x])[1] * 2)(1.0) == 2
    assert mj.jvp(duplicate, (2.0,), (3.0,)) == (2, 3)


@pytest.mark.parametrize("duplicate", COPIES)
def test_arrays(duplicate):
    for value in (1.0, np.arange(3), mj.random.key(0)):
        x = mj.numpy.asarray(value)
        y = duplicate(x)
        assert (y.shape, y.dtype, y.weak_type) == (x.shape, x.dtype, x.weak_type)
        assert repr(y) == repr(x)


@pytest.mark.parametrize("duplicate", COPIES)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.one_in(3)
def test_functions(name, duplicate):
    assert callable(duplicate(getattr(mj.nn, name)))


@pytest.mark.parametrize("duplicate", COPIES)
def test_copied_functions_differentiate(duplicate):
    relu = duplicate(mj.nn.relu)
    assert mj.grad(relu)(0.0) == 0 and mj.grad(relu)(2.0) == 1
    double = duplicate(mj.jit(lambda x: 2 * x))
    assert double(2.0) == 4
