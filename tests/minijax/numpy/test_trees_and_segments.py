"""`ops` and `flatten_util` against JAX's."""

from __future__ import annotations

import jax
import jax.flatten_util
import jax.numpy
import jax.ops
import numpy as np
import pytest

import minijax
import minijax.numpy


def assert_equal(mine, theirs):
    assert str(minijax.tree.structure(mine)) == str(jax.tree.structure(theirs))
    for a, b in zip(minijax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        if isinstance(b, (jax.Array, np.ndarray)):
            assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
            np.testing.assert_allclose(a, b, rtol=1e-6)
        else:
            assert a == b


DATA = np.float32([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0], [2.0, 2.0]])
SEGMENTS = {
    "plain": (DATA, [0, 2, 0, 1], {}),
    "a number of segments, ids outside": (DATA, [0, -1, 5, 1], {"num_segments": 3}),
    "clip": (DATA, [0, -1, 5, 1], {"num_segments": 3, "mode": "clip"}),
    "buckets": (DATA, [0, 1, 0, 1], {"num_segments": 3, "bucket_size": 2}),
    "integers": (np.int32([1, 2, 3, 4]), np.int8([0, 0, 2, 2]), {}),
    "sorted": (DATA[:, 0], np.uint8([0, 0, 1, 3]), {"indices_are_sorted": True}),
    "a table of ids": (DATA[:, 0], [[0, 1, 1, 0]], {"num_segments": 2}),
    "nothing": (DATA[:0], np.int32([]), {"num_segments": 2}),
    "no segment": (DATA, [0, 1, 2, 3], {"num_segments": 0}),
}


@pytest.mark.parametrize("name", ["segment_sum", "segment_prod", "segment_max", "segment_min"])
@pytest.mark.one_in(8)
def test_segments(name):
    for case, (data, ids, options) in SEGMENTS.items():
        theirs = getattr(jax.ops, name)(jax.numpy.asarray(data), jax.numpy.asarray(ids), **options)
        mine = getattr(minijax.ops, name)(minijax.numpy.asarray(data), minijax.numpy.asarray(ids), **options)
        try:
            assert_equal(mine, theirs)
        except AssertionError as error:
            raise AssertionError(case) from error
    gradients = []
    for lib in (minijax, jax):
        f = lib.jit(
            lambda x, lib=lib: (getattr(lib.ops, name)(x, np.array([0, 2, 3, 1]), 4, unique_indices=True) ** 2).sum()
        )
        gradients.append(lib.grad(f)(lib.numpy.asarray(DATA)))
    assert_equal(*gradients)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda lib: lib.ops.segment_sum(DATA, np.array([0, 1, 2, 3]), num_segments=-1),
        lambda lib: lib.ops.segment_sum(DATA, np.array([0.0, 1.0, 2.0, 3.0]), num_segments=4),
        lambda lib: lib.ops.segment_sum([1.0], np.array([0]), num_segments=4),
        lambda lib: lib.jit(lib.ops.segment_sum)(DATA, np.array([0, 1, 2, 3])),
        lambda lib: lib.flatten_util.ravel_pytree((1, np.float32(2.0)))[1](np.array([1, 2], "int32")),
        lambda lib: lib.flatten_util.ravel_pytree(["text"]),
    ],
)
def test_mistakes(mistake):
    errors = []
    for lib in (minijax, jax):
        with pytest.raises((TypeError, ValueError)) as caught:
            mistake(lib)
        errors.append(caught.type.__name__)
    assert errors[0] == errors[1]


TREES = {
    "one dtype": {"a": DATA, "b": (np.float32(2.0), [DATA[0]])},
    "numbers": (1.0, 2, [3.5]),
    "several dtypes": [DATA, np.int32([1, 2]), np.float16(3.0), np.complex64(1 + 2j)],
    "nothing": {"a": ()},
    "empty arrays": [DATA[:0], DATA],
}


@pytest.mark.parametrize("name", TREES)
@pytest.mark.one_in(2)
def test_ravel_pytree(name):
    def run(lib):
        tree = lib.tree.map(lambda x: lib.numpy.asarray(x) if isinstance(x, np.ndarray) else x, TREES[name])
        flat, unravel = lib.flatten_util.ravel_pytree(tree)
        if name != "nothing":
            assert unravel == lib.flatten_util.ravel_pytree(tree)[1]
            hash(unravel)
        return flat, unravel(flat), lib.jit(unravel)(flat)

    assert_equal(run(minijax), run(jax))


def test_ways_back_that_differ():
    ways = [minijax.flatten_util.ravel_pytree(t)[1] for t in ([DATA], (DATA,), [DATA.T], [DATA.astype(int), 1.0])]
    assert len({*ways}) == 4
    half = ways[0](minijax.numpy.ones(8, "float16"))[0]
    assert (half.shape, half.dtype) == ((4, 2), np.float16)
