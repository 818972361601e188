"""Functions of lax, jnp and random get an object that is no dtype in place of one: each accepts or refuses it as JAX does."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax as mj

# `asks(lib, d)` gives d as a dtype to a function.
FUNCTIONS = {
    "full": lambda lib, d: lib.lax.full((2,), 1, d),
    "full_like": lambda lib, d: lib.lax.full_like(lib.numpy.ones(2, int), 1, d),
    "convert_element_type": lambda lib, d: lib.lax.convert_element_type(1, d),
    "iota": lambda lib, d: lib.lax.iota(d, 2),
    "broadcasted_iota": lambda lib, d: lib.lax.broadcasted_iota(d, (2,), 0),
    "bitcast_convert_type": lambda lib, d: lib.lax.bitcast_convert_type(lib.numpy.ones(2, "int32"), d),
    "argmax": lambda lib, d: lib.lax.argmax(lib.numpy.ones(2), 0, d),
    "argmin": lambda lib, d: lib.lax.argmin(lib.numpy.ones(2), 0, d),
    "dot": lambda lib, d: lib.lax.dot(lib.numpy.ones(2), lib.numpy.ones(2), preferred_element_type=d),
    "conv": lambda lib, d: lib.lax.conv(
        lib.numpy.ones((1, 1, 4)), lib.numpy.ones((1, 1, 2)), (1,), "VALID", preferred_element_type=d
    ),
    "ShapeDtypeStruct": lambda lib, d: lib.ShapeDtypeStruct((2,), d),
    "normal": lambda lib, d: lib.random.normal(lib.random.key(0), (2,), d),
    "uniform": lambda lib, d: lib.random.uniform(lib.random.key(0), (2,), d),
    "randint": lambda lib, d: lib.random.randint(lib.random.key(0), (2,), 0, 9, d),
    "one_hot": lambda lib, d: lib.nn.one_hot(lib.numpy.array([1]), 3, dtype=d),
    "astype": lambda lib, d: lib.numpy.ones(2).astype(d),
    "view": lambda lib, d: lib.numpy.ones(2, "int32").view(d),
    "zeros": lambda lib, d: lib.numpy.zeros(2, d),
    "cumsum": lambda lib, d: lib.numpy.cumsum(lib.numpy.ones(2), dtype=d),
    "an initializer": lambda lib, d: lib.nn.initializers.normal(1.0)(lib.random.key(0), (2,), d),
}
GIVEN = {
    "array": lambda lib: lib.numpy.ones(2, "float32"),
    "scalar array": lambda lib: lib.numpy.ones((), "int32"),
    "float": lambda lib: 1.0,
    "complex": lambda lib: 2j,
    "scalar of NumPy": lambda lib: np.float32(1),
    "struct": lambda lib: lib.ShapeDtypeStruct((2,), "float32"),
    "None": lambda lib: None,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.one_in(12)
def test_what_is_no_dtype(name, given):
    def outcome(lib):
        try:
            found = FUNCTIONS[name](lib, GIVEN[given](lib))
        except Exception as error:
            return type(error).__name__
        return str(getattr(found, "dtype", found)), getattr(found, "weak_type", None)

    assert outcome(mj) == outcome(jax)
