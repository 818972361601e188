"""A list or an array where a function takes an axis: refused where JAX's jit must hash it, taken where JAX takes it."""

from __future__ import annotations

import importlib
import inspect
import warnings

import jax
import numpy as np
import pytest

import minijax as mj

MODULES = "numpy numpy.linalg nn scipy.special scipy.stats scipy.integrate".split()
AXES = {"[0]": [0], "[0, 1]": [0, 1], "[]": [], "np.array(0)": np.array(0)}


def functions(module: str) -> list[tuple[str, str]]:
    """(function, parameter)"""
    theirs, ours = (importlib.import_module(f"{lib.__name__}.{module}") for lib in (jax, mj))
    found = []
    for name in sorted(set(dir(theirs)) & set(dir(ours))):
        f = getattr(theirs, name)
        if name[0] != "_" and callable(f) and not isinstance(f, type):
            found += [(name, p) for p in ("axis", "axes") if p in inspect.signature(f).parameters]
    return found


def error(lib, module: str, name: str, parameter: str, axis) -> str:
    function = getattr(importlib.import_module(f"{lib.__name__}.{module}"), name)
    parameters = inspect.signature(getattr(importlib.import_module(f"jax.{module}"), name)).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind in (0, 1) and p.name != parameter]
    try:
        function(*[lib.numpy.ones((2, 2))] * len(needed), **{parameter: axis})
    except Exception as error:
        return f"{type(error).__name__}{' of jit' * ('Non-hashable static' in str(error))}"
    return "none"


@pytest.mark.parametrize("axis", list(AXES))
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.one_in(6)
def test_an_axis_that_is_no_integer(module, axis):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in functions(module):
            theirs = error(jax, module, *case, AXES[axis])
            if theirs == "none" or theirs == "ValueError of jit":
                ours = error(mj, module, *case, AXES[axis])
                assert (ours == "none") == (theirs == "none"), (case, ours, theirs)


SHAPES = {
    "np.int32(2)": np.int32(2),
    "np.array(2)": np.array(2),
    "2": 2,
    "(np.int32(2),)": (np.int32(2),),
    "(1.5,)": (1.5,),
}


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.one_in(2)
def test_a_single_number_as_a_shape(shape):
    calls = {
        "zeros": lambda lib, s: lib.numpy.zeros(s),
        "full": lambda lib, s: lib.lax.full(s, 1.0),
        "full_like": lambda lib, s: lib.lax.full_like(lib.numpy.ones(3), 1.0, shape=s),
        "broadcast": lambda lib, s: lib.lax.broadcast(1.0, s),
        "iota": lambda lib, s: lib.lax.broadcasted_iota("int32", s, 0),
        "reshape": lambda lib, s: lib.lax.reshape(lib.numpy.ones(2), s),
        "uniform": lambda lib, s: lib.random.uniform(lib.random.key(0), s),
        "gamma": lambda lib, s: lib.random.gamma(lib.random.key(0), 1.0, s),
        "poisson": lambda lib, s: lib.random.poisson(lib.random.key(0), 1.0, s),
        "split": lambda lib, s: lib.random.split(lib.random.key(0), s),
        "initializer": lambda lib, s: lib.nn.initializers.normal()(lib.random.key(0), s),
        "broadcast_to": lambda lib, s: lib.numpy.broadcast_to(1.0, s),
    }

    def outcome(lib, call):
        try:
            return call(lib, SHAPES[shape]).shape
        except Exception as error:
            return type(error).__name__

    assert {n: outcome(mj, c) for n, c in calls.items()} == {n: outcome(jax, c) for n, c in calls.items()}


@pytest.mark.parametrize("shape", [(-1, 3), (-1, 2, 2), -1, (2, -1)])
def test_broadcast_to_a_negative_size(shape):
    for lib in (jax, mj):
        with pytest.raises(ValueError, match="Incompatible|broadcast"):
            lib.numpy.broadcast_to(np.ones((2, 3), np.float32), shape)
