"""NumPy's own functions called on arrays: `np.argsort(x)` gives what it gives for JAX's arrays."""

from __future__ import annotations

import inspect
import warnings

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

# They write files, print, change NumPy's state, or read the array's memory.
LEFT_OUT = set(
    "load loadtxt genfromtxt fromfile frombuffer save savez savez_compressed savetxt info show_config show_runtime test"
    " set_printoptions printoptions errstate seterr seterrcall setbufsize memmap empty empty_like put place putmask copyto"
    " fill_diagonal put_along_axis array_repr array_str array2string bincount get_include"
    # NumPy 2.5 reads JAX's arrays as buffers, which it does not cast to dates; it casts what `__array__` returns.
    " is_busday".split()
)


def one_array_functions() -> list[str]:
    names = [n for n in dir(np) if n[0] != "_" and n not in LEFT_OUT]
    return [n for n in names if callable(getattr(np, n)) and not inspect.isclass(getattr(np, n))]


def described(x):
    if isinstance(x, (list, tuple)):
        return [type(x).__name__, *map(described, x)]
    kind = "array of the library" if isinstance(x, (mj.Array, jax.Array)) else type(x).__name__
    return (kind, str(x.dtype), x.shape) if hasattr(x, "dtype") and hasattr(x, "shape") else kind


def value(x):
    return [value(v) for v in x] if isinstance(x, (list, tuple)) else np.asarray(x)


def call(lib, name, array):
    try:
        return getattr(np, name)(lib.numpy.asarray(array))
    except Exception as error:
        return error


ARRAYS = [
    np.array([[3, 1], [2, 5]]).astype(dtype) for dtype in ("float32", "int32", "bool", "complex64", "int8", "float16")
] + [np.array([2, 0, 1], np.float32), np.array(2, np.int32), np.zeros((0, 2), np.float32)]


@pytest.mark.parametrize("name", one_array_functions())
@pytest.mark.one_in(192)
def test_function(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for array in ARRAYS:
            mine, theirs = call(mj, name, array), call(jax, name, array)
            assert isinstance(mine, Exception) == isinstance(theirs, Exception), (array, mine, theirs)
            if not isinstance(mine, Exception):
                assert described(mine) == described(theirs)
                if array.size and name not in ("iterable", "isfortran"):
                    for a, b in zip(*[jax.tree.leaves(value(x)) for x in (mine, theirs)], strict=True):
                        if b.dtype != object:
                            np.testing.assert_array_equal(a, b)
