"""`x[jax.ds(start, size)]` against JAX's: values, jaxprs, gradients, errors."""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

X = np.arange(12, dtype="float32").reshape(3, 4)
CASES = {
    "known": lambda lib, x, i: x[lib.ds(1, 2)],
    "traced": lambda lib, x, i: x[lib.ds(i, 2)],
    "and a number": lambda lib, x, i: x[lib.ds(i, 2), 0],
    "behind a number": lambda lib, x, i: x[0, lib.ds(i, 2)],
    "two": lambda lib, x, i: x[lib.ds(1, 2), lib.ds(i, 2)],
    "behind an ellipsis": lambda lib, x, i: x[..., lib.ds(i, 2)],
    "a new axis": lambda lib, x, i: x[None, lib.ds(0, 2)],
    "beyond the end": lambda lib, x, i: x[lib.ds(5, 2)],
    "negative": lambda lib, x, i: x[lib.ds(-1, 2)],
    "all": lambda lib, x, i: x[lib.ds(None)],
    "the first": lambda lib, x, i: x[lib.ds(2)],
    "and an array": lambda lib, x, i: x[lib.ds(0, 2, 2), np.array([0, 1])],
    "set": lambda lib, x, i: x.at[lib.ds(i, 2)].set(0.0),
    "add": lambda lib, x, i: x.at[0, lib.ds(i, 2)].add(1.0),
    "float": lambda lib, x, i: x[lib.ds(0.0, 2)],
    "too large": lambda lib, x, i: x[lib.ds(0, 5)],
    "negative size": lambda lib, x, i: x[lib.ds(0, -1)],
    "many starts": lambda lib, x, i: x[lib.ds(np.array([0, 1]), 2)],
}


def outcome(run):
    try:
        return run()
    except (TypeError, ValueError, IndexError) as error:
        return type(error).__name__


@pytest.mark.parametrize("name", CASES)
@pytest.mark.one_in(6)
def test_reading_and_writing(name):
    def results(lib):
        def f(x, i):
            return CASES[name](lib, x, i)

        yield lambda: np.asarray(f(lib.numpy.asarray(X), 1))
        yield lambda: np.asarray(lib.jit(f)(X, 1))
        yield lambda: np.asarray(lib.grad(lambda x: (f(x, 1) ** 2).sum())(X))
        yield lambda: str(lib.make_jaxpr(f)(X, 1))

    for mine, theirs in zip(results(mj), results(jax)):
        np.testing.assert_array_equal(outcome(mine), outcome(theirs))


@pytest.mark.parametrize("stride", [1, 2])
def test_with_a_stride(stride):
    for i in range(2):
        read = mj.jit(lambda i: mj.numpy.asarray(X)[:, mj.ds(i, 2, stride)])(i)
        np.testing.assert_array_equal(read, X[:, i : i + 1 + stride : stride])


MISTAKES = {
    "negative stride": lambda lib: lib.ds(1, 2, -1),
    "stride of floats": lambda lib: lib.ds(1, 2, 1.5),
    "backwards": lambda lib: type(lib.ds(1, 2)).from_slice(slice(3, 0, -1), 5),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    for lib in (mj, jax):
        with pytest.raises(ValueError):
            MISTAKES[name](lib)
    with pytest.raises(TypeError):
        mj.jit(lambda n: mj.numpy.asarray(X)[mj.ds(0, n)])(2)


def test_as_a_pytree():
    def moved(lib):
        return lib.jit(lambda i: lib.tree.map(lambda n: n + 1, lib.ds(i, 2)).start)(3)

    assert int(moved(mj)) == int(moved(jax)) == 4
    for lib in (mj, jax):
        assert type(lib.ds(1, 2)).from_slice(slice(1, 9, 2), 6) == lib.ds(1, 3, 2)
        assert not lib.ds(1, 2).is_dynamic_start and not lib.ds(1, 2).is_dynamic_size
