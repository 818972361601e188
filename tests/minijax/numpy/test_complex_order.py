"""The order of complex numbers: by their real parts, then by their imaginary parts; and which functions refuse it."""

from __future__ import annotations

import itertools

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

PARTS = [-np.inf, -1.0, 0.0, 1.0, np.inf]
NUMBERS = np.array([complex(a, b) for a, b in itertools.product(PARTS, PARTS)], np.complex64)
X, Y = (a.ravel() for a in np.meshgrid(NUMBERS, NUMBERS))
SHUFFLED = np.random.default_rng(0).permutation(NUMBERS)

OF_TWO = {
    **{n: lambda lib, x, y, n=n: getattr(lib.numpy, n)(x, y) for n in ("maximum", "minimum", "fmax", "fmin")},
    **{
        n: lambda lib, x, y, n=n: getattr(lib.numpy, n)(x, y)
        for n in ("less", "less_equal", "greater", "greater_equal", "equal")
    },
    **{f"lax.{n}": lambda lib, x, y, n=n: getattr(lib.lax, n)(x, y) for n in ("max", "min", "eq", "ne")},
    **{f"lax.{n}": lambda lib, x, y, n=n: getattr(lib.lax, n)(x, y) for n in ("lt", "le", "gt", "ge")},
    "at.max": lambda lib, x, y: x.at[:].max(y),
    "at.min": lambda lib, x, y: x.at[:].min(y),
}
OF_ONE = {
    **{n: lambda lib, x, n=n: getattr(lib.numpy, n)(x) for n in ("max", "min", "nanmax", "nanmin", "sort", "argsort")},
    **{n: lambda lib, x, n=n: getattr(lib.numpy, n)(x) for n in ("argmax", "argmin", "unique", "partition")},
    "cummax": lambda lib, x: lib.lax.cummax(x),
    "cummin": lambda lib, x: lib.lax.cummin(x),
    "reduce_max": lambda lib, x: lib.lax.reduce_max(x, (0,)),
    "max of an axis": lambda lib, x: lib.numpy.max(x.reshape(5, 5), axis=1),
    "max with initial": lambda lib, x: lib.numpy.max(x, initial=-5),
    "max where": lambda lib, x: lib.numpy.max(x, initial=-5, where=lib.numpy.real(x) < 1),
    "clip": lambda lib, x: lib.numpy.clip(x, 0, 1),
    "jit": lambda lib, x: lib.jit(lib.numpy.max)(x),
}


def outcome(lib, f, *args):
    try:
        x = f(lib, *map(lib.numpy.asarray, args))
    except (TypeError, ValueError, NotImplementedError) as error:
        return type(error)
    return x.dtype, x.shape, x.weak_type, np.asarray(x).tolist()


@pytest.mark.parametrize("name", OF_TWO)
def test_of_two(name):
    assert outcome(mj, OF_TWO[name], X, Y) == outcome(jax, OF_TWO[name], X, Y)


@pytest.mark.parametrize("name", OF_ONE)
def test_of_one(name):
    mine, theirs = outcome(mj, OF_ONE[name], SHUFFLED), outcome(jax, OF_ONE[name], SHUFFLED)
    if name in ("argmax", "argmin"):
        # JAX fails where it compiles, minijax where it checks the types.
        assert isinstance(mine, type) and isinstance(theirs, type)
    else:
        assert mine == theirs
