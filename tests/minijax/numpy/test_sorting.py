"""sort and top_k against JAX: orders of special values, several keys, derivatives, vmap, the text of jaxprs, errors."""

from __future__ import annotations

import itertools

import jax
import jax.numpy
import ml_dtypes
import numpy as np
import pytest
from jaxpr_text import lines

import minijax as mj
import minijax.lax
import minijax.numpy
from minijax.primitives.random_bits import random_unwrap_p, random_wrap_p, threefry

NAN, INF = np.nan, np.inf
RNG = np.random.default_rng(5)


def same(mine, theirs):
    """Trees of arrays: equal bit for bit, with dtype, weak type and shape."""
    mine, theirs = (jax.tree.leaves(x, is_leaf=lambda v: hasattr(v, "shape")) for x in (mine, theirs))
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype.char == "E":
            a, b = a.astype(np.float32), b.astype(np.float32)
        np.testing.assert_array_equal(a, b)
        if a.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def both(function, *arrays):
    same(
        function(minijax.lax, *map(minijax.numpy.asarray, arrays)),
        function(jax.lax, *map(jax.numpy.asarray, arrays)),
    )


COMPLEX = np.array([1 + 1j, complex(NAN, 0), complex(1, NAN), 0, complex(-0.0, -1), 1 - 1j, complex(NAN, NAN)])
ARRAYS = {
    "float32": np.float32([3, NAN, -0.0, INF, 0.0, -INF, -0.0, NAN, 2]),
    "float16": np.float16([3, NAN, -0.0, INF, 0.0, -INF, 2]),
    "bfloat16": np.array([3, NAN, -0.0, INF, 0.0, -INF, 2], ml_dtypes.bfloat16),
    "int32": np.int32([3, -(2**31), 2**31 - 1, 0, 3, -1]),
    "int8": np.int8([3, -128, 127, 0, 3]),
    "uint8": np.uint8([3, 255, 0, 3]),
    "bool": np.array([True, False, True, False]),
    "complex64": COMPLEX.astype(np.complex64),
    "empty": np.zeros((0,), np.float32),
    "one": np.ones((1,), np.float32),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_sort_of_special_values(name):
    both(lambda lax, x: lax.sort(x), ARRAYS[name])


@pytest.mark.parametrize("name", ARRAYS)
def test_positions_of_special_values(name):
    x = ARRAYS[name]
    both(lambda lax, x, i: lax.sort((x, i)), x, np.arange(x.size, dtype=np.int32))


@pytest.mark.parametrize("name", [n for n in ARRAYS if n != "complex64"])
@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.one_in(3)
def test_top_k_of_special_values(name, k):
    both(lambda lax, x: lax.top_k(x, min(k, x.shape[0])), ARRAYS[name])


def test_top_k_is_in_total_order():
    negative_nan = np.array([0xFFC00000], np.uint32).view(np.float32)
    both(lambda lax, x: lax.top_k(x, 8), np.concatenate([np.float32([1, NAN, -0.0, 0.0, INF, -INF, 5]), negative_nan]))


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 3, 4), (2, 0, 3), (0, 3)])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("stable", [True, False])
@pytest.mark.one_in(3)
def test_sort_along_any_axis(shape, axis, stable):
    x = RNG.normal(size=shape).astype(np.float32)
    both(lambda lax, x: lax.sort(x, dimension=axis, is_stable=stable), x)
    both(lambda lax, x: lax.top_k(x, min(2, shape[axis]), axis=axis), x)


@pytest.mark.parametrize("num_keys", [1, 2, 3])
@pytest.mark.parametrize("dimension", [0, 1])
def test_several_keys(num_keys, dimension):
    keys = [RNG.integers(0, 3, (6, 5)).astype(t) for t in (np.int32, np.float32, np.uint8)]
    keys[1][0, :3] = [NAN, -0.0, NAN]
    keys[1][1:3, 1] = [0.0, NAN]
    both(lambda lax, *xs: lax.sort(xs, dimension=dimension, num_keys=num_keys), *keys, np.arange(30.0).reshape(6, 5))


def test_sort_key_val():
    both(lambda lax, k, v: lax.sort_key_val(k, v, 0), np.int32([[3, 1], [2, 1], [1, 1]]), np.arange(6.0).reshape(3, 2))


def test_list_gives_a_tuple():
    out = minijax.lax.sort([minijax.numpy.arange(3), minijax.numpy.arange(3)])
    assert type(out) is tuple
    assert type(minijax.lax.top_k(minijax.numpy.arange(3), 1)) is type(jax.lax.top_k(jax.numpy.arange(3), 1))


def test_weak_types():
    same(minijax.lax.sort(minijax.numpy.asarray([3, 1, 2])), jax.lax.sort(jax.numpy.asarray([3, 1, 2])))
    weak = [lib.lax.sort(lib.numpy.full((3,), 1.0)) for lib in (mj, jax)]
    assert weak[0].weak_type == weak[1].weak_type


def test_keys_of_random_numbers_are_carried_along():
    keys = minijax.numpy.asarray(np.uint32([[1, 2], [3, 4], [5, 6]]))
    wrapped = random_wrap_p.bind(keys, impl=threefry)
    _, out = minijax.lax.sort((minijax.numpy.asarray([2, 3, 1]), wrapped))
    np.testing.assert_array_equal(np.asarray(random_unwrap_p.bind(out)), np.uint32([[5, 6], [1, 2], [3, 4]]))


# ---------------------------------------------------------------------------------------------------------------------
# Transformations

X = RNG.normal(size=(3, 5)).astype(np.float32)
Y = RNG.normal(size=(3, 5)).astype(np.float32)
# Ties: each result has the tangent of the element that was sorted to its position.
TIES = np.round(X)
FUNCTIONS = {
    "sort": lambda lax, x, y: lax.sort(x, dimension=0) * y,
    "sort of two": lambda lax, x, y: lax.mul(*lax.sort((x, y), dimension=1)),
    "sort by two": lambda lax, x, y: lax.sort((x, y, lax.sin(y)), dimension=1, num_keys=2)[2],
    "sort by integers": lambda lax, x, y: lax.sort((lax.convert_element_type(y, np.int32), x), dimension=0)[1],
    "top_k": lambda lax, x, y: lax.top_k(x, 2)[0] * lax.top_k(y, 2, axis=1)[0],
    "top_k of columns": lambda lax, x, y: lax.top_k(lax.sin(x), 2, axis=0)[0],
}


def close(mine, theirs):
    mine, theirs = jax.tree.leaves(mine), jax.tree.leaves(theirs)
    for a, b in zip(mine, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("x", [X, TIES], ids=["distinct", "ties"])
@pytest.mark.one_in(30)
def test_derivatives(name, x):
    def everything(lib):
        f = lambda x, y: FUNCTIONS[name](lib.lax, x, y)
        args = (lib.numpy.asarray(x), lib.numpy.asarray(Y))
        total = lambda x, y: (f(x, y) * f(x, y)).sum()
        gradient = lib.grad(total, argnums=(0, 1))
        second = lib.grad(lambda x, y: (gradient(x, y)[0] * y).sum(), argnums=(0, 1))
        return [*lib.jvp(f, args, args[::-1]), *gradient(*args), *second(*args), *lib.jit(gradient)(*args)]

    close([np.asarray(v) for v in everything(mj)], [np.asarray(v) for v in everything(jax)])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.one_in(7)
def test_vmap(name):
    x, y = RNG.normal(size=(2, 4, 3, 5)).astype(np.float32)
    for axes in [(0, 0), (0, None), (None, 0), (1, 2)]:
        args = [a[0] if d is None else np.moveaxis(a, 0, d) for a, d in zip((x, y), axes)]
        mine = mj.vmap(lambda x, y: FUNCTIONS[name](mj.lax, x, y), axes)(*map(mj.numpy.asarray, args))
        theirs = jax.vmap(lambda x, y: FUNCTIONS[name](jax.lax, x, y), axes)(*map(jax.numpy.asarray, args))
        close([mine], [np.asarray(theirs)])


def test_vmap_of_gradient():
    def run(lib):
        f = lambda x: (lib.lax.sort(x, dimension=0)[0] * lib.lax.top_k(x, 1, axis=0)[0]).sum()
        return lib.vmap(lib.grad(f), in_axes=1)(lib.numpy.asarray(X))

    close([run(mj)], [np.asarray(run(jax))])


TEXTS = {
    "sort": lambda lax, x: lax.sort(x, dimension=0),
    "two": lambda lax, x: lax.sort((x, x), num_keys=2),
    "unstable": lambda lax, x: lax.sort_key_val(x, x, is_stable=False),
    "top_k": lambda lax, x: lax.top_k(x, 2),
    "top_k of columns": lambda lax, x: lax.top_k(x, 2, axis=0),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_jaxprs(name):
    mine = mj.make_jaxpr(lambda x: TEXTS[name](mj.lax, x))(mj.numpy.asarray(X))
    theirs = jax.make_jaxpr(lambda x: TEXTS[name](jax.lax, x))(jax.numpy.asarray(X))
    assert lines(mine) == lines(theirs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_have_no_more_equations_than_jax(name):
    def count(lib):
        gradient = lib.grad(lambda x, y: FUNCTIONS[name](lib.lax, x, y).sum(), argnums=(0, 1))
        return len(lib.make_jaxpr(gradient)(lib.numpy.asarray(X), lib.numpy.asarray(Y)).eqns)

    assert count(mj) <= count(jax)


# ---------------------------------------------------------------------------------------------------------------------
# Errors: JAX's words

ERRORS = {
    "scalar": lambda lib: lib.lax.sort(lib.numpy.float32(1)),
    "no such axis": lambda lib: lib.lax.sort(lib.numpy.ones((2, 3)), dimension=2),
    "nothing": lambda lib: lib.lax.sort(()),
    "shapes": lambda lib: lib.lax.sort((lib.numpy.ones(2), lib.numpy.ones(3))),
    "too many keys": lambda lib: lib.lax.sort((lib.numpy.ones(2), lib.numpy.ones(2)), num_keys=3),
    "no key": lambda lib: lib.lax.sort((lib.numpy.ones(2), lib.numpy.ones(2)), num_keys=0),
    "keys of one": lambda lib: lib.lax.sort(lib.numpy.ones(2), num_keys=2),
    "k too large": lambda lib: lib.lax.top_k(lib.numpy.ones(2), 3),
    "k negative": lambda lib: lib.lax.top_k(lib.numpy.ones(2), -1),
    "complex": lambda lib: lib.lax.top_k(lib.numpy.ones(2, "complex64"), 1),
    "top_k of a scalar": lambda lib: lib.lax.top_k(1.0, 1),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    with pytest.raises((TypeError, ValueError)) as theirs:
        ERRORS[name](jax)
    with pytest.raises(type(theirs.value)) as mine:
        ERRORS[name](mj)
    assert str(mine.value) == str(theirs.value)


def test_random_keys_have_no_order():
    keys = random_wrap_p.bind(minijax.numpy.zeros((3, 2), np.uint32), impl=threefry)
    with pytest.raises(TypeError, match="random keys have no order, sort their key_data"):
        minijax.lax.sort(keys)
    with pytest.raises(ValueError, match="random keys have no order"):
        minijax.lax.top_k(keys, 1)


# ---------------------------------------------------------------------------------------------------------------------
# jnp's functions, which use these primitives

JNP = {
    "sort": lambda jnp, x: jnp.sort(x),
    "sort all": lambda jnp, x: jnp.sort(x, axis=None, descending=True),
    "argsort": lambda jnp, x: jnp.argsort(x, axis=0),
    "argsort descending": lambda jnp, x: jnp.argsort(x, descending=True),
}


@pytest.mark.parametrize(("name", "x"), list(itertools.product(JNP, [X, TIES, ARRAYS["float32"], COMPLEX])))
@pytest.mark.one_in(2)
def test_numpy_functions(name, x):
    x = x.astype(np.complex64) if x.dtype.kind == "c" else x
    same(JNP[name](minijax.numpy, minijax.numpy.asarray(x)), JNP[name](jax.numpy, jax.numpy.asarray(x)))
