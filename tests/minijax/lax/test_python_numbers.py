"""lax functions of a Python number and an array, under transformations: a rule may ask an operand for its dtype.

`grad(lambda x: lax.pow(2.0, x))` raised an AttributeError: a float has no dtype.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax_oracle import assert_same_leaves

import minijax as mj
import minijax.lax
import minijax.numpy

# The second argument of the others is an axis, a shape, a dtype, or a function.
FUNCTIONS = """
    add atan2 bitwise_and complex div eq ge gt igamma igammac le lt max min mul ne nextafter polygamma pow rem shift_left sub zeta
    igamma_grad_a dot
""".split()
TRANSFORMATIONS = {
    "eager": lambda lib, f: f,
    "jit": lambda lib, f: lib.jit(f),
    "vmap": lambda lib, f: lambda x: lib.vmap(f)(lib.numpy.stack([x, x])),
    "jvp": lambda lib, f: lambda x: lib.jvp(f, (x,), (lib.numpy.ones_like(x),)),
    "grad": lambda lib, f: lib.grad(lambda x: f(x).sum()),
    "vmap of grad": lambda lib, f: lambda x: lib.vmap(lib.grad(lambda x: f(x).sum()))(lib.numpy.stack([x, x])),
    "linearize": lambda lib, f: lambda x: lib.linearize(f, x)[1](x),
}


def outcome(lib, transformation, name, number, swapped, x):
    """The results that are not of float0, or the class of the error."""

    def function(x):
        return getattr(lib.lax, name)(*((x, number) if swapped else (number, x)))

    try:
        found = TRANSFORMATIONS[transformation](lib, function)(lib.numpy.asarray(x))
    except Exception as error:
        return type(error)
    return [y for y in lib.tree.leaves(found) if y.dtype != jax.dtypes.float0]


@pytest.mark.parametrize("number", [0.5, 2, 1j, True], ids=str)
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.one_in(336)
def test_number_and_array(name, transformation, number):
    for x in (np.float32(0.7), np.float32([0.3, 0.6]), np.int32([1, 3])):
        for swapped in (False, True):
            mine, theirs = (outcome(lib, transformation, name, number, swapped, x) for lib in (mj, jax))
            if isinstance(theirs, type):
                assert isinstance(mine, type) and issubclass(mine, (theirs, TypeError, ValueError)), (x, swapped)
            else:
                assert not isinstance(mine, type), (x, swapped)
                # Powers of complex numbers have parts that should be 0, and are rounded to either side of it.
                assert_same_leaves(mine, theirs, atol=1e-6, signs=number != 1j)
