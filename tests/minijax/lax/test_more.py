"""The functions of `lax` that are few equations, and rows whose cases fit no table, against JAX's."""

from __future__ import annotations

import jax
import jax.lax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.lax
import minijax.numpy

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 5)).astype("float32")
R = RNG.normal(size=(3, 5, 2)).astype("float32")
N = np.int32([0, 1, -1, 7, 2**31 - 1, -(2**31), 123456789])

CASES = {
    "approx_max_k": lambda lib: lib.lax.approx_max_k(X, 2),
    "approx_min_k": lambda lib: lib.lax.approx_min_k(X, 2, reduction_dimension=0),
    "broadcast_to_rank": lambda lib: lib.lax.broadcast_to_rank(X, 4),
    "broadcast_like": lambda lib: lib.lax.broadcast_like(X[:, :1], X),
    "empty": lambda lib: lib.lax.empty((2, 3), np.float32) * 0,
    "dtype": lambda lib: [str(lib.lax.dtype(x)) for x in (X, 1.0, 2, np.float64(1))],
    "shape_as_value": lambda lib: [np.asarray(lib.lax.shape_as_value(s)) for s in ((), (2, 3))],
    "index_take": lambda lib: lib.lax.index_take(
        lib.numpy.asarray(R), [lib.numpy.array([0, -1, 4]), lib.numpy.array([5, 1, 0])], (0, 1)
    ),
    "ragged_dot": lambda lib: lib.lax.ragged_dot(X, R[:2], np.int32([1, 1])),
    "ragged_dot, its gradients": lambda lib: lib.grad(
        lambda x, r: (lib.lax.ragged_dot(x, r, np.int32([2, 0, 1])) ** 2).sum(), (0, 1)
    )(lib.numpy.asarray(X), lib.numpy.asarray(R)),
    "platform_dependent": lambda lib: lib.lax.platform_dependent(X, cpu=lambda x: x + 1, default=lambda x: x),
    "platform_dependent, the default": lambda lib: lib.lax.platform_dependent(
        X, tpu=lambda x: x + 1, default=lambda x: x
    ),
    "clz": lambda lib: lib.lax.clz(N),
    "mulhi": lambda lib: [lib.lax.mulhi(a, a[::-1]) for a in (N, N.view("uint32"), N.astype("int16"))],
    "barrier": lambda lib: lib.grad(lambda x, y: (lib.lax.optimization_barrier((x * y, y))[0] ** 2).sum())(
        lib.numpy.asarray(X), 2.0
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    mine, theirs = CASES[name](minijax), CASES[name](jax)
    for a, b in zip(minijax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        if isinstance(b, str):
            assert a == b
        else:
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bits", [(5, 10), (8, 7), (4, 3), (2, 0), (8, 23), (1, 30), (11, 52)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_reduce_precision(dtype, bits):
    """Every way of rounding, overflow, underflow, infinities and NaN; no subnormal number, which XLA takes for 0."""
    x = np.concatenate([RNG.normal(size=300) * 2.0 ** RNG.integers(-13, 14, 300), [0.0, -0.0, np.inf, -np.inf, np.nan]])
    x = np.concatenate([x, 1 + np.arange(64) / 64, 60000 + np.arange(40), [448.0, 464.0, 480.0]]).astype(dtype)
    theirs = np.asarray(jax.lax.reduce_precision(x, *bits))
    f = lambda x: minijax.lax.reduce_precision(x, *bits)
    for mine in (f(x), minijax.jit(f)(x), minijax.jit(f, compiler="xla")(x)):
        np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(np.signbit(mine), np.signbit(theirs))


def test_products_of_the_largest_words():
    with minijax.enable_x64(True):
        numbers = [0, 1, 2**32 - 1, 2**32, 2**63 - 1, 12345678901234567]
        for dtype, signed in (("int64", [*numbers, -1, -(2**63), -(2**40)]), ("uint64", [*numbers, 2**64 - 1])):
            a, b = (x.ravel() for x in np.meshgrid(np.array(signed, dtype), np.array(signed, dtype)))
            expected = [int(x) * int(y) >> 64 for x, y in zip(a, b)]
            for compiler in ("numpy", "xla"):
                assert minijax.jit(minijax.lax.mulhi, compiler=compiler)(a, b).tolist() == expected


MISTAKES = {
    "k": lambda lax: lax.approx_max_k(X, 0),
    "k too great": lambda lax: lax.approx_min_k(X, 9),
    "integers": lambda lax: lax.approx_max_k(N, 1),
    "a number": lambda lax: lax.approx_max_k(np.float32(1), 1),
    "no exponent": lambda lax: lax.reduce_precision(X, 0, 3),
    "no mantissa": lambda lax: lax.reduce_precision(X, 3, -1),
    "precision of integers": lambda lax: lax.reduce_precision(N, 3, 3),
    "clz of floats": lambda lax: lax.clz(X),
    "no function": lambda lax: lax.platform_dependent(X, cpu=3),
    "gpu": lambda lax: lax.platform_dependent(X, gpu=abs, default=abs),
    "no default": lambda lax: lax.platform_dependent(X, tpu=abs),
    "shapes": lambda lax: lax.ragged_dot(X, R[:, :2], np.int32([1, 1, 1])),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    kinds = []
    for lib in (minijax, jax):
        with pytest.raises((TypeError, ValueError, NotImplementedError)) as caught:
            MISTAKES[name](lib.lax)
        kinds.append(caught.type.__name__)
    assert kinds[0] == kinds[1]


NAMED = {
    "squeeze": lambda lax, x: lax.squeeze(array=x[:1], dimensions=(0,)),
    "expand_dims": lambda lax, x: lax.expand_dims(array=x, dimensions=(1,)),
    "stack": lambda lax, x: lax.stack(operands=[x, x], axis=1),
    "select": lambda lax, x: lax.select(pred=x > 0, on_true=x, on_false=-x),
    "reshape": lambda lax, x: lax.reshape(x, new_sizes=(2, 6), dimensions=(1, 0)),
    "slice": lambda lax, x: lax.dynamic_slice_in_dim(x, np.array(-1), 2, 1, allow_negative_indices=False),
    "index": lambda lax, x: lax.dynamic_index_in_dim(x, -1, 1, allow_negative_indices=False),
    "update a slice": lambda lax, x: lax.dynamic_update_slice_in_dim(
        x, x[:2], np.array(-1), 0, allow_negative_indices=False
    ),
    "update an index": lambda lax, x: lax.dynamic_update_index_in_dim(x, x[0], -1, 0, allow_negative_indices=False),
}


@pytest.mark.parametrize("name", NAMED)
def test_arguments_have_the_names_of_jax(name):
    x = np.arange(12.0, dtype="float32").reshape(3, 4) - 5
    mine, theirs = (NAMED[name](lib.lax, lib.numpy.asarray(x)) for lib in (minijax, jax))
    np.testing.assert_array_equal(mine, theirs)


def test_a_negative_start_that_is_not_allowed():
    for lax in (minijax.lax, jax.lax):
        assert lax.dynamic_slice(X, (-1, 0), (1, 1), allow_negative_indices=(True, False)).shape == (1, 1)
        with pytest.raises(ValueError, match="allow_negative_indices"):
            lax.dynamic_slice(X, (0, -1), (1, 1), allow_negative_indices=(True, False))
