"""A number given where an array of a dtype is wanted: the same array as JAX makes, or an error of the same class."""

from __future__ import annotations

import enum
import warnings

import jax
import jax.numpy
import numpy as np
import pytest
from thinned import chosen

import minijax as mj
import minijax.numpy
import minijax.random


class Color(enum.IntEnum):
    RED = 3


class MyInt(int):
    pass


class MyFloat(float):
    pass


DTYPES = "bool int8 uint8 int16 uint16 int32 uint32 float16 bfloat16 float32 complex64".split()
EDGES = [0, 1, -1, *(s * 2**k + d for k in (7, 8, 15, 16, 31, 32, 63, 64) for s in (1, -1) for d in (-1, 0, 1))]
PYTHON_NUMBERS = [*EDGES, 300, 0x9E3779B9, True, 1.5, -1.5, 3e9, 1e300, float("nan"), float("inf"), 1j, 2 + 0j]
NUMPY_NUMBERS = [
    np.int64(300), np.int64(-1), np.uint32(2**32 - 1), np.complex64(1j), np.array([300, -1]), np.array(1j),
]  # fmt: skip
LISTS = [[300], [1.5, 2.5], [-1], [1j], [2**32 - 1]]
VALUES = [*PYTHON_NUMBERS, *NUMPY_NUMBERS, *LISTS, "3"]
SUBCLASSES = [Color.RED, MyInt(5), MyFloat(2.5)]

INTO_DTYPE = {
    "array": lambda lib, v, d: lib.numpy.array(v, dtype=d),
    "asarray": lambda lib, v, d: lib.numpy.asarray(v, dtype=d),
    "scalar type": lambda lib, v, d: getattr(lib.numpy, "bool_" if d == "bool" else d)(v),
    "full": lambda lib, v, d: lib.numpy.full(2, v, d),
    "full_like": lambda lib, v, d: lib.numpy.full_like(lib.numpy.zeros(2, d), v),
    "lax.full": lambda lib, v, d: lib.lax.full((2,), v, lib.numpy.dtype(d)),
    "convert_element_type": lambda lib, v, d: lib.lax.convert_element_type(v, lib.numpy.dtype(d)),
    "astype": lambda lib, v, d: lib.numpy.astype(lib.numpy.asarray(v), d),
    "arange": lambda lib, v, d: lib.numpy.arange(v, v + 2, dtype=d),
}
BESIDE_ARRAY = {
    "at.set": lambda lib, v, d: lib.numpy.zeros(2, d).at[0].set(v),
    "at.add": lambda lib, v, d: lib.numpy.zeros(2, d).at[0].add(v),
    "+": lambda lib, v, d: lib.numpy.zeros(2, d) + v,
    "equal": lambda lib, v, d: lib.numpy.equal(lib.numpy.zeros(2, d), v),
    "where": lambda lib, v, d: lib.numpy.where(True, lib.numpy.zeros(2, d), v),
    "minimum": lambda lib, v, d: lib.numpy.minimum(lib.numpy.zeros(2, d), v),
    "lax.add": lambda lib, v, d: lib.lax.add(lib.numpy.zeros(2, d), v),
    "sum": lambda lib, v, d: lib.numpy.sum(lib.numpy.zeros(2, d), initial=v),
}


def outcome(lib, program, value, dtype):
    try:
        x = program(lib, value, dtype)
    except (TypeError, ValueError, OverflowError) as error:
        return type(error).__name__
    return outcome_of(x)


def outcome_of(x):
    return str(x.dtype), x.weak_type, x.shape, np.asarray(x).tobytes()


def is_asked(name: str, dtype: str, value) -> bool:
    """`arange` takes integers, `sum` a scalar; which error `equal` of a string or a list is, JAX leaves to its `==`."""
    if name == "arange":
        return type(value) is int and dtype != "bool"
    if name == "equal":
        return not isinstance(value, (str, list))
    return not (name == "sum" and np.ndim(value))


def assert_same_outcomes(name, program, values, dtypes=DTYPES):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [(d, v) for d in dtypes for v in values if is_asked(name, d, v)]
        mine, theirs = ({(d, repr(v)): outcome(lib, program, v, d) for d, v in cases} for lib in (mj, jax))
    assert mine == theirs


@pytest.mark.parametrize("name", INTO_DTYPE)
@pytest.mark.one_in(2)
def test_into_a_dtype(name):
    assert_same_outcomes(name, INTO_DTYPE[name], VALUES)


@pytest.mark.parametrize("name", BESIDE_ARRAY)
@pytest.mark.one_in(4)
def test_beside_an_array(name):
    assert_same_outcomes(name, BESIDE_ARRAY[name], [v for v in VALUES if chosen(f"{name} {v!r}", 4)])


@pytest.mark.parametrize("name", BESIDE_ARRAY)
@pytest.mark.one_in(3)
def test_subclasses_of_numbers(name):
    assert_same_outcomes(name, BESIDE_ARRAY[name], SUBCLASSES)


@pytest.mark.parametrize("name", ["array", "asarray", "scalar type"])
def test_subclasses_of_numbers_into_a_dtype(name):
    assert_same_outcomes(name, INTO_DTYPE[name], SUBCLASSES)


@pytest.mark.parametrize("value", SUBCLASSES, ids=repr)
def test_functions_of_subclasses_of_numbers(value):
    for program in (
        lambda lib: lib.numpy.sqrt(value),
        lambda lib: lib.numpy.asarray(value),
        lambda lib: lib.jit(lambda x: x + 1)(value),
        lambda lib: lib.grad(lambda x: x * value)(2.0),
        lambda lib: lib.vmap(lambda x: x + value)(np.float32([1, 2])),
    ):
        assert outcome_of(program(mj)) == outcome_of(program(jax))


@pytest.mark.parametrize("kind", [int, float, complex, bool], ids=lambda k: k.__name__)
@pytest.mark.parametrize("value", [1j, 1.5, True, 3, 0, float("nan")], ids=repr)
def test_back_to_python(kind, value):
    def back(lib):
        try:
            return repr(kind(lib.numpy.array(value)))
        except (TypeError, ValueError) as error:
            return type(error)

    assert back(mj) == back(jax)


@pytest.mark.parametrize("seed", [0, -1, 2**31, 0x9E3779B9, 2**32 - 1, 2**32, 2**63 - 1])
def test_seeds(seed):
    for make in (
        lambda lib: lib.random.PRNGKey(seed),
        lambda lib: lib.random.key_data(lib.random.key(seed)),
        lambda lib: lib.random.PRNGKey(lib.numpy.uint32(seed % 2**32)),
        lambda lib: lib.random.fold_in(lib.random.PRNGKey(0), seed % 2**32),
        lambda lib: lib.random.PRNGKey(np.uint32(seed % 2**32)),
    ):
        assert outcome_of(make(mj)) == outcome_of(make(jax))
