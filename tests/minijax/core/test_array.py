"""`Array`: it prints as JAX's, is immutable, and works with NumPy, pickle, copy, DLPack and Python's functions."""

from __future__ import annotations

import copy
import pickle

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy as jnp

VALUES = {
    "scalar": 1.5,
    "weak int": 3,
    "bool": True,
    "complex": 1 + 2j,
    "float32": np.float32([1.0, -0.0, np.nan, np.inf]),
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "large": np.arange(2000, dtype=np.int32),
    "large matrix": np.linspace(0, 1, 3000, dtype=np.float32).reshape(50, 60),
    "long line": np.linspace(-1e5, 1e-5, 23, dtype=np.float32),
    "empty": np.zeros((0, 3), np.float32),
    "int8": np.int8([[1], [-128]]),
    "uint32": np.uint32([2**32 - 1]),
    "float16": np.float16([0.1, 6e4]),
    "complex64": np.complex64([1 + 1j, -1j]),
    "bools": np.array([True, False]),
    "cube": np.zeros((2, 2, 2), np.int32),
}


@pytest.fixture(params=VALUES)
def pair(request):
    return jnp.asarray(VALUES[request.param]), jax.numpy.asarray(VALUES[request.param])


def test_prints_as_jax(pair):
    mine, theirs = pair
    assert repr(mine) == repr(theirs)
    assert str(mine) == str(theirs)
    assert f"{mine}" == f"{theirs}"


def test_attributes(pair):
    mine, theirs = pair
    for name in "shape dtype ndim size itemsize nbytes weak_type".split():
        assert getattr(mine, name) == getattr(theirs, name), name
    assert mine.aval.str_short() == theirs.aval.str_short()


def test_to_numpy_is_no_copy_and_read_only(pair):
    mine, theirs = pair
    view = np.asarray(mine)
    assert np.shares_memory(view, np.asarray(mine)) or not mine.size
    assert not view.flags.writeable
    np.testing.assert_array_equal(view, np.asarray(theirs))
    copied = np.array(mine)
    assert copied.flags.writeable and not np.shares_memory(copied, view)
    assert np.asarray(mine, dtype=np.complex64).dtype == np.complex64


def test_numpy_arrays_are_copied_in():
    x = np.zeros(3, np.float32)
    mine = jnp.asarray(x)
    x[0] = 1
    assert float(mine[0]) == 0


def test_round_trips(pair):
    mine, _ = pair
    for other in (pickle.loads(pickle.dumps(mine)), copy.copy(mine), copy.deepcopy(mine)):
        assert type(other) is type(mine)
        assert (other.dtype, other.weak_type, other.shape) == (mine.dtype, mine.weak_type, mine.shape)
        np.testing.assert_array_equal(np.asarray(other), np.asarray(mine))


@pytest.mark.parametrize("name", ["float32", "matrix", "int8", "complex64", "bools"])
def test_dlpack(name):
    mine = jnp.asarray(VALUES[name])
    np.testing.assert_array_equal(np.from_dlpack(mine), VALUES[name])
    back = jnp.from_dlpack(jax.numpy.asarray(VALUES[name]))
    np.testing.assert_array_equal(np.asarray(back), VALUES[name])
    np.testing.assert_array_equal(np.asarray(jax.numpy.from_dlpack(mine)), VALUES[name])


def test_array_namespace():
    assert jnp.ones(3).__array_namespace__() is jnp


def test_immutable():
    x = jnp.zeros(3)
    with pytest.raises(TypeError, match="immutable"):
        x[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(x)[0] = 1.0
    with pytest.raises(AttributeError):
        x.shape = (1, 3)


def test_python_numbers():
    x = jnp.float32(2.5)
    assert (int(x), float(x), complex(x), bool(x)) == (2, 2.5, 2.5 + 0j, True)
    assert [10, 20][jnp.int32(1)] == 20
    assert (x.item(), jnp.arange(3).tolist()) == (2.5, [0, 1, 2])
    assert (f"{x:.2f}", f"{jnp.int32(3):04d}") == ("2.50", "0003")
    assert int(round(x)) == int(round(jax.numpy.float32(2.5)))


def test_containers():
    x = jnp.arange(6).reshape(3, 2)
    assert len(x) == 3
    assert [row.tolist() for row in x] == [[0, 1], [2, 3], [4, 5]]
    a, b, c = x
    assert c.tolist() == [4, 5]
    assert [row.tolist() for row in reversed(x)][0] == [4, 5]
    assert 3 in jnp.arange(4) and 7 not in jnp.arange(4)


def test_instances():
    assert isinstance(jnp.ones(3), minijax.Array)
    assert isinstance(jnp.ones(3), jnp.ndarray)
    seen = []
    minijax.jit(lambda x: seen.append(isinstance(x, minijax.Array)) or x)(1.0)
    minijax.grad(lambda x: seen.append(isinstance(x, minijax.Array)) or x)(1.0)
    assert seen == [True, True]


def test_numpy_meets_arrays():
    """NumPy's functions take our arrays; NumPy's operators defer to ours, so that the result is an Array."""
    x = jnp.asarray([1.0, 2.0])
    assert isinstance(np.sin(np.asarray(x)), np.ndarray)
    assert isinstance(np.float32([1, 2]) + x, minijax.Array)
    assert isinstance(np.float32(2) * x, minijax.Array)
    assert np.sum(x) == 3


def test_x64():
    with minijax.enable_x64(True):
        assert jnp.asarray(1.5).dtype == np.float64
        assert jnp.asarray(np.int64(2**40)).item() == 2**40
        assert jnp.arange(3).dtype == np.int64
    assert jnp.asarray(1.5).dtype == np.float32
    assert jnp.asarray(np.float64([1.5])).dtype == np.float32
