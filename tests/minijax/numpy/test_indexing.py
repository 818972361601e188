"""`x[index]` and `x.at[index]`: every form of index, read, written, differentiated, batched; JAX and NumPy are the oracles."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 8
I, J, K = np.array([1, 0, -1]), np.array([[0], [2]]), np.array([2, -3, 0])
MASK = np.array([[True, False, True], [False, True, True]])

INDICES = {
    "0": 0,
    "-1": -1,
    "numpy integer": np.int32(1),
    "(1, 2)": (1, 2),
    "(1, 2, 3)": (1, 2, 3),
    ":": np.s_[:],
    "1:": np.s_[1:],
    ":, 1:3": np.s_[:, 1:3],
    "::-1": np.s_[::-1],
    ":, ::-2": np.s_[:, ::-2],
    "..., 1:4:2": np.s_[..., 1:4:2],
    "..., -3:-1": np.s_[..., -3:-1],
    "empty slice": np.s_[:, 2:1],
    "beyond": np.s_[:, 1:100],
    "...": np.s_[...],
    "..., 0": np.s_[..., 0],
    "0, ..., 0": np.s_[0, ..., 0],
    "None": None,
    ":, None, 1": np.s_[:, None, 1],
    "None, ..., None": np.s_[None, ..., None],
    "()": (),
    "array": I,
    "array of rank 2": J % 2,
    "empty array": np.zeros(0, int),
    "scalar array": np.array(1),
    "list in a tuple": ([0, 1, 1],),
    "two arrays": (I % 2, K),
    "arrays that broadcast": (np.s_[:], J, K),
    "arrays apart": (np.s_[:], J[:, 0], np.s_[1:]),
    "arrays on both sides": (I % 2, np.s_[:], K),
    "array and number": (1, np.s_[:], K),
    "number and array": (I % 2, 0),
    "array and None": (I % 2, None, np.s_[1:]),
    "array and ...": np.s_[..., K],
    "array and reversed slice": (I % 2, np.s_[::-1], np.s_[::2]),
    "uint8": I.astype("uint8") % 2,
    "mask": MASK,
    "mask of all axes": X > 1,
    "mask of one axis": np.array([True, False]),
    "mask behind": np.s_[:, MASK[0]],
    "mask and array": (np.array([True, True]), np.array([0, 2])),
    "mask of nothing": np.zeros((2, 3), bool),
    "True": True,
    "False": False,
    "True, 0": (True, 0),
}


def same(a, b):
    assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)


def both(program):
    same(*[program(lib) for lib in (mj, jax)])


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.one_in(24)
def test_reading(name):
    index = INDICES[name]
    mine = mj.numpy.asarray(X)[index]
    expected = X[index]
    assert mine.shape == expected.shape
    np.testing.assert_array_equal(np.asarray(mine), expected)
    both(lambda lib: lib.numpy.asarray(X)[index])
    # Under jit too, where masks are known constants.
    same(mj.jit(lambda x: x[index])(X), mine)


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.one_in(64)
def test_writing(name):
    index = INDICES[name]
    values = np.arange(X[index].size, dtype=np.float32).reshape(X[index].shape) - 2

    def update(lib):
        x = lib.numpy.asarray(X)
        return lib.numpy.stack([x.at[index].set(7.0), x.at[index].add(values), x.at[index].multiply(2)])

    both(update)


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.one_in(2)
def test_derivatives(name):
    """The gradient of reading is an addition, and that of adding is a reading."""
    index = INDICES[name]
    weights = np.arange(X[index].size, dtype=np.float32).reshape(X[index].shape)
    expected = np.zeros_like(X)
    np.add.at(expected, index, weights)
    got = mj.grad(lambda x: (x[index] * weights).sum())(mj.numpy.asarray(X))
    np.testing.assert_array_equal(np.asarray(got), expected)
    cotangent = np.cos(X)
    got = mj.grad(lambda v: (mj.numpy.asarray(X).at[index].add(v) * cotangent).sum())(mj.numpy.asarray(weights))
    np.testing.assert_allclose(np.asarray(got), cotangent[index], rtol=1e-6)


TRACED = {
    "number": (lambda x, i: x[i], 1),
    "negative": (lambda x, i: x[i], -1),
    "number and slice": (lambda x, i: x[i, 1:], 1),
    "two numbers": (lambda x, i: x[i, ..., i], 1),
    "strided": (lambda x, i: x[i, ::2], 1),
    "reversed": (lambda x, i: x[i, ::-1], 0),
    "new axis": (lambda x, i: x[:, i, None], 2),
    "array": (lambda x, i: x[i], np.array([0, 1, -1])),
    "two arrays": (lambda x, i: x[i, :, i], np.array([0, 1])),
    "set": (lambda x, i: x.at[i].set(1.0), 1),
    "add twice": (lambda x, i: x.at[i].add(1.0), np.array([1, 1])),
    "min": (lambda x, i: x.at[:, i].min(0.5), np.array([0, 2])),
    "max": (lambda x, i: x.at[:, i].max(0.5), np.array([0, 2])),
    "divide": (lambda x, i: x.at[i].divide(4.0), 1),
    "power": (lambda x, i: x.at[i].power(2.0), 1),
    "subtract": (lambda x, i: x.at[i].subtract(2.0), 1),
    "apply": (lambda x, i: x.at[i].apply(lambda v: v * v), 1),
    "apply twice": (lambda x, i: x.at[i].apply(lambda v: v + 1), np.array([1, 1, 0])),
    "out of bounds": (lambda x, i: x[i], np.array([5, -7, 1])),
    "fill": (lambda x, i: x.at[i].get(mode="fill", fill_value=9.0), np.array([5, -7, 1])),
    "fill with NaN": (lambda x, i: x.at[i].get(mode="fill"), np.array([5, 1])),
    "clip": (lambda x, i: x.at[i].get(mode="clip"), np.array([5, 1])),
    "not wrapped": (lambda x, i: x.at[i].get(mode="fill", wrap_negative_indices=False), np.array([-1, 1])),
    "set out of bounds": (lambda x, i: x.at[i].set(1.0), np.array([5, 1])),
    "set clipped": (lambda x, i: x.at[i].set(1.0, mode="clip"), np.array([5])),
    "number out of bounds": (lambda x, i: x[i], 17),
    "float16": (lambda x, i: x.astype("float16").at[i].add(1.0), 1),
    "integers": (lambda x, i: x.astype("int32").at[i].add(1), 1),
}


@pytest.mark.parametrize("name", TRACED)
@pytest.mark.one_in(20)
def test_traced_indices(name):
    f, i = TRACED[name]
    i = np.asarray(i, np.int32)
    both(lambda lib: lib.jit(f)(X, i))
    same(f(mj.numpy.asarray(X), mj.numpy.asarray(i)), jax.jit(f)(X, i))
    # A map over the array, over the index, and over both.
    for axes in ((0, None), (None, 0), (0, 0)):
        arguments = [np.stack([v, v[::-1]] if v.ndim else [v, 0 * v]) if a == 0 else v for v, a in zip((X, i), axes)]
        both(lambda lib, axes=axes, arguments=arguments: lib.vmap(f, axes)(*map(lib.numpy.asarray, arguments)))


@pytest.mark.parametrize("name", [n for n in TRACED if not any(word in n for word in ("integers", "NaN", "apply"))])
@pytest.mark.one_in(12)
def test_derivatives_at_traced_indices(name):
    f, i = TRACED[name]
    i = np.asarray(i, np.int32)
    both(lambda lib: lib.jit(lib.grad(lambda x, i: (f(x, i) ** 2).sum()))(X, i))


def indices(shape):
    """Any index of integers, slices, new axes, an ellipsis, and one array."""

    def entry(size):
        bound = st.integers(-size - 1, size + 1) | st.none()
        step = st.integers(-2, 2).filter(bool) | st.none()
        return (
            st.integers(-size, size - 1)
            | st.builds(slice, bound, bound, step)
            | st.lists(st.integers(-size, size - 1), max_size=3).map(lambda v: np.array(v, int))
        )

    def assemble(entries):
        *entries, n, ellipsis, new = entries
        entries = list(entries[:n])
        if new is not None:
            entries.insert(min(new, len(entries)), None)
        if ellipsis is not None and n < len(shape):
            entries.insert(len(entries), Ellipsis)
        return tuple(entries)

    n = st.integers(0, len(shape))
    place = st.integers(0, 2) | st.none()
    return st.tuples(*map(entry, shape), n, place, place).map(assemble)


@hypothesis.given(indices((2, 3, 4)))
def test_any_index_reads_as_in_numpy(index):
    try:
        expected = X[index]
    except IndexError:
        # Arrays that do not broadcast.
        with pytest.raises((IndexError, ValueError)):
            mj.numpy.asarray(X)[index]
        return
    np.testing.assert_array_equal(np.asarray(mj.numpy.asarray(X)[index]), expected)
    written = X.copy()
    written[index] = 5
    np.testing.assert_array_equal(np.asarray(mj.numpy.asarray(X).at[index].set(5)), written)


def test_updates_of_another_dtype_warn():
    with pytest.warns(FutureWarning, match="scatter inputs have incompatible types"):
        mj.numpy.arange(3).at[0].set(1.5)
    with pytest.warns(FutureWarning, match="scatter inputs have incompatible types"):
        jax.numpy.arange(3).at[0].set(1.5)


@pytest.mark.parametrize("shape", [(1,), (3,), (2, 3), (2, 1, 3)])
@pytest.mark.parametrize("index", [0, -1, 3, -4, (1, 0), (5, 0), (0, 5), (-7, -7), (slice(1), 4)], ids=str)
def test_an_index_outside_prints_as_in_jax(shape, index):
    """A number outside of the axis is moved inside by equations, one inside is a slice."""
    if isinstance(index, tuple) and len(index) > len(shape):
        return
    program = lambda x: x[index]
    x = np.zeros(shape, np.float32)
    assert str(mj.make_jaxpr(program)(x)) == str(jax.make_jaxpr(program)(x))


def test_one_window_of_one_example():
    """vmap over one example makes a gather, and a scatter, of one window whose batch axis is paired."""
    x, i = np.arange(24, dtype=np.float32).reshape(1, 2, 4, 3), np.array([2], np.int32)
    for lib in (jax, mj):
        rows = lib.vmap(lambda x, i, lib=lib: lib.lax.dynamic_slice(x, (0, i, 0), (2, 1, 2)))(x, i)
        np.testing.assert_array_equal(rows, x[:, :, 2:3, :2])
        moved = lib.vmap(lambda x, i: x.at[:, i].add(1))(lib.numpy.asarray(x), i)
        np.testing.assert_array_equal(moved - x, np.arange(4)[:, None] == np.full((1, 2, 4, 3), 2))
