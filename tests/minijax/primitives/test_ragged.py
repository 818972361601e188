"""Products of groups of every kind, against JAX's, and against the equations in which they are spread over the groups."""

from __future__ import annotations

import jax
import jax.lax
import numpy as np
import pytest

import minijax as mj
import minijax.lax
import minijax.numpy as jnp
from minijax.primitives.ragged import dense

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


def sizes(*shape):
    return RNG.integers(0, 3, size=shape).astype("int32")


# {name: (operands, dimension numbers)}
CASES = {
    "own": ((numbers(5, 3), numbers(4, 3, 2), sizes(4)), ((([1], [1]), ([], [])), [0], [0])),
    "own, two contracted": (
        (numbers(3, 5, 2), numbers(2, 3, 4, 6), sizes(4)),
        ((([0, 2], [1, 0]), ([], [])), [1], [2]),
    ),
    "own, batch": ((numbers(2, 5, 3), numbers(4, 2, 3, 2), sizes(2, 4)), ((([2], [2]), ([0], [1])), [1], [0])),
    "own, behind an own": ((numbers(2, 5, 3), numbers(4, 3, 2), sizes(2, 4)), ((([2], [1]), ([], [])), [1], [0])),
    "contracted": ((numbers(3, 5), numbers(5, 2), sizes(4)), ((([1], [0]), ([], [])), [1], [])),
    "contracted, batch": ((numbers(2, 3, 5), numbers(2, 5, 2), sizes(2, 4)), ((([2], [1]), ([0], [0])), [2], [])),
    "two contracted": ((numbers(3, 2, 5), numbers(5, 2, 6), sizes(4)), ((([1, 2], [1, 0]), ([], [])), [2], [])),
    "batch": ((numbers(4, 3, 5), numbers(4, 5, 2), sizes(2)), ((([2], [1]), ([0], [0])), [0], [])),
}
MISTAKES = {
    "no group axis": ((numbers(5, 3), numbers(4, 3, 2), sizes(4)), ((([1], [1]), ([], [])), [0], [])),
    "number of groups": ((numbers(5, 3), numbers(4, 3, 2), sizes(3)), ((([1], [1]), ([], [])), [0], [0])),
    "sizes are floats": ((numbers(5, 3), numbers(4, 3, 2), numbers(4)), ((([1], [1]), ([], [])), [0], [0])),
    "shape of sizes": ((numbers(5, 3), numbers(4, 3, 2), sizes(2, 4)), ((([1], [1]), ([], [])), [0], [0])),
    "one size": ((numbers(5, 3), numbers(4, 3, 2), np.int32(4)), ((([1], [1]), ([], [])), [0], [0])),
    "two ragged axes": ((numbers(5, 3), numbers(4, 3, 2), sizes(4)), ((([1], [1]), ([], [])), [0, 1], [0])),
    "no such axis": ((numbers(5, 3), numbers(4, 3, 2), sizes(4)), ((([1], [1]), ([], [])), [5], [0])),
    "the group axis is contracted": ((numbers(5, 3), numbers(4, 3, 2), sizes(4)), ((([1], [1]), ([], [])), [0], [1])),
    "a group axis too many": ((numbers(3, 5), numbers(5, 2), sizes(4)), ((([1], [0]), ([], [])), [1], [1])),
}


def product(lib, dims):
    return lambda x, y, s: lib.lax.ragged_dot_general(x, y, s, lib.lax.RaggedDotDimensionNumbers(*dims))


def spread(dims):
    dims = mj.lax.RaggedDotDimensionNumbers(*dims)
    params = {"group_offset": None, "precision": None, "preferred_element_type": None, "out_sharding": None}
    return lambda *args: dense(*map(jnp.asarray, args), ragged_dot_dimension_numbers=dims, **params)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.one_in(3)
def test_values(name):
    args, dims = CASES[name]
    theirs = product(jax, dims)(*args)
    f = product(mj, dims)
    assert str(mj.make_jaxpr(f)(*args)) == str(jax.make_jaxpr(product(jax, dims))(*args))
    for run in (f, mj.jit(f), mj.jit(f, compiler="xla")):
        np.testing.assert_allclose(run(*args), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_of_both_orders(name):
    (*factors, s), dims = CASES[name]
    mine, plain = (
        mj.hessian(lambda x, y, f=f: (f(x, y, s) ** 2).sum(), (0, 1))(*factors)
        for f in (product(mj, dims), spread(dims))
    )
    for a, b in zip(mj.tree.leaves(mine), mj.tree.leaves(plain)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("in_axes", [(0, None, None), (None, 1, None), (None, None, 0), (1, 0, 0)])
@pytest.mark.parametrize("name", CASES)
def test_batches(name, in_axes):
    args, dims = CASES[name]
    f = product(mj, dims)
    batch = [x if d is None else np.stack([x, x[::-1]], d) for x, d in zip(args, in_axes)]
    out = mj.vmap(f, in_axes)(*batch)
    for i in range(2):
        example = f(*[x if d is None else np.take(x, i, d) for x, d in zip(batch, in_axes)])
        np.testing.assert_allclose(out[i], example, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    args, dims = MISTAKES[name]
    for lib in (jax, mj):
        with pytest.raises(TypeError):
            product(lib, dims)(*args)


def test_what_has_no_rule():
    args, dims = CASES["own"]
    with pytest.raises(NotImplementedError, match="group_offset"):
        mj.lax.ragged_dot_general(*args, mj.lax.RaggedDotDimensionNumbers(*dims), group_offset=np.int32([0]))
    (x, y, _), dims = CASES["two contracted"]
    with pytest.raises(NotImplementedError, match="several contracted axes"):
        mj.grad(lambda x: product(mj, dims)(x, y, sizes(2, 4)).sum())(x)
