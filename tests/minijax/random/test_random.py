"""minijax.random against jax.random: equal bit for bit where the arithmetic is exact, and up to the last places elsewhere."""

from __future__ import annotations

import warnings
from functools import partial

import jax
import jax.numpy
import ml_dtypes
import numpy as np
import pytest
from jaxpr_text import lines

import minijax as mj
import minijax.numpy
import minijax.random
from minijax.primitives import random_bits

BOTH = (mj, jax)
INF = np.inf
SEEDS = (0, 1, 42, 2**31 - 1, -1)


def host(x):
    """An array of either library as a NumPy array; a key becomes its words, bfloat16 becomes float32."""
    lib = mj if isinstance(x, mj.Array) else jax
    x = np.asarray(lib.random.key_data(x) if "key" in str(x.dtype) else x)
    return x.astype(np.float32) if x.dtype.char == "E" else x


def same(function, ulp=0):
    """function(library) gives equal arrays: shape, dtype, weak type, and values to `ulp` units in the last place."""
    mine, theirs = function(mj), function(jax)
    assert (mine.shape, str(mine.dtype), mine.weak_type) == (theirs.shape, str(theirs.dtype), theirs.aval.weak_type)
    a, b = host(mine), host(theirs)
    if not ulp:
        np.testing.assert_array_equal(a, b)
        return
    eps = float(ml_dtypes.finfo(str(theirs.dtype)).eps)
    np.testing.assert_allclose(a, b, rtol=ulp * eps, atol=ulp * eps)


# ---------------------------------------------------------------------------------------------------------------------
# Keys


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("seed", [*SEEDS, 2**40 + 3, np.uint8(200), np.int8(-3), np.uint32(2**32 - 1), np.int32(-7)])
@pytest.mark.one_in(2)
def test_keys_of_seeds(seed, x64):
    def of_seed(lib):
        with lib.enable_x64(x64):
            return lib.random.PRNGKey(seed)

    same(of_seed)
    same(lambda lib: lib.random.key(lib.numpy.asarray(5)))


def test_threefry_known_answers():
    """The test vectors of the Random123 distribution."""
    words = [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ]
    for key, count, expected in words:
        out = random_bits.threefry2x32(*[np.uint32(w) for w in (*key, *count)])
        assert tuple(map(int, out)) == expected


def test_few_words_are_hashed_as_many_are(monkeypatch):
    """Up to FEW words are one Python integer, more words are an array: both give the same hash, whatever broadcasts."""
    rng = np.random.default_rng(0)

    def words(*shape):
        chosen = rng.integers(0, 2**32, shape, np.uint32)
        # Words of only ones and words of only zeros: carries go through all bits.
        return np.where(rng.random(shape) < 0.2, rng.choice(np.array([0, 2**32 - 1], np.uint32), shape), chosen)

    def both_ways(*args):
        assert np.broadcast(*args).size <= random_bits.FEW
        few = random_bits.threefry2x32(*args)
        with monkeypatch.context() as patch:
            patch.setattr(random_bits, "FEW", 0)
            many = random_bits.threefry2x32(*args)
        for a, b in zip(few, many, strict=True):
            assert (a.dtype, a.shape, a.flags.writeable) == (b.dtype, b.shape, True)
            np.testing.assert_array_equal(a, b)

    for size in (*range(71), random_bits.FEW):
        both_ways(words(1), words(1), words(1), words(size))
        both_ways(words(size), words(size), words(size), words(size))
    for shapes in [((), (), (), ()), ((2, 1), (2, 1), (1,), (3,)), ((3,), (), (2, 3), (2, 1)), ((1, 1), (), (), (1,))]:
        both_ways(*[words(*shape) for shape in shapes])
    both_ways(*[words(9)[::2] for _ in range(4)])


@pytest.mark.parametrize("width", [8, 16, 32, 64])
@pytest.mark.one_in(6)
def test_bits_of_every_small_size(width, monkeypatch):
    """Sizes around those where the hash changes its way, alone and under vmap, and arrays of several blocks."""
    small = (*range(18), 31, 32, 33, 62, 63, 64, 65, 70) if width == 32 else range(0, 71, 9)
    counts = (random_bits.FEW - 1, random_bits.FEW, random_bits.FEW + 1, random_bits.BLOCK + 1)

    def check(function):
        with jax.enable_x64(True), mj.enable_x64(True):
            same(function)

    for size in (*small, *counts):
        check(lambda lib, size=size: lib.random.bits(lib.random.key(42), (size,), f"uint{width}"))
    monkeypatch.setattr(random_bits, "BLOCK", 5)
    for shape in [(), (3,), (5,), (2, 3), (11,), (200,)]:

        def of_three_keys(lib, shape=shape):
            keys = lib.random.split(lib.random.key(7), 3)
            return lib.vmap(lambda k: lib.random.bits(k, shape, f"uint{width}"))(keys)

        check(of_three_keys)


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 127, 128, 129, 1000])
@pytest.mark.one_in(3)
def test_split_into_any_number(size):
    same(lambda lib: lib.random.split(lib.random.PRNGKey(3), size))
    same(lambda lib: lib.vmap(lambda k: lib.random.split(k, size))(lib.random.split(lib.random.PRNGKey(3), 2)))


def test_counters_of_more_than_32_bits():
    key = random_bits._keys(np.uint32(5), np.uint32(6))
    start = 2**32 - 2
    found = random_bits._hash_of_counters(key, start, start + 5)
    counters = [(n >> 32, n % 2**32) for n in range(start, start + 5)]
    expected = random_bits.threefry2x32(np.uint32(5), np.uint32(6), *np.array(counters, np.uint32).T)
    np.testing.assert_array_equal(found, expected)


KEYED = {
    "split": lambda r, k: r.split(k),
    "split into 5": lambda r, k: r.split(k, 5),
    "split into a square": lambda r, k: r.split(k, (2, 3)),
    "split into none": lambda r, k: r.split(k, 0),
    "fold_in": lambda r, k: r.fold_in(k, 7),
    "fold_in large": lambda r, k: r.fold_in(k, 2**32 - 1),
    "fold_in array": lambda r, k: r.fold_in(k, np.int32(-1)),
    "fold_in float": lambda r, k: r.fold_in(k, 1.5),
    "clone": lambda r, k: r.clone(k),
    "chain": lambda r, k: r.fold_in(r.split(r.fold_in(k, 3))[1], 9),
}


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("ctor", ["key", "PRNGKey"])
@pytest.mark.one_in(4)
def test_keys_of_keys(name, ctor):
    for seed in SEEDS:
        same(lambda lib, seed=seed: KEYED[name](lib.random, getattr(lib.random, ctor)(seed)))


def test_typed_and_raw_keys_are_the_same():
    for lib in BOTH:
        raw, typed = lib.random.PRNGKey(3), lib.random.key(3)
        np.testing.assert_array_equal(host(lib.random.uniform(raw, (4,))), host(lib.random.uniform(typed, (4,))))
        np.testing.assert_array_equal(np.asarray(lib.random.key_data(typed)), np.asarray(raw))
        np.testing.assert_array_equal(host(lib.random.wrap_key_data(raw)), np.asarray(raw))
        assert lib.random.key_impl(typed) == lib.random.key_impl(raw) == "threefry2x32"
        assert str(lib.random.key_dtype()) == str(typed.dtype) == "key<fry>"
        assert lib.dtypes.issubdtype(typed.dtype, lib.dtypes.prng_key)
    assert repr(mj.random.key(3)) == repr(jax.random.key(3))


def test_keys_are_equal_or_not():
    same(lambda lib: lib.random.key(3) == lib.random.key(3))
    same(lambda lib: lib.random.split(lib.random.key(3)) != lib.random.split(lib.random.key(3))[0])
    same(lambda lib: lib.vmap(lambda k: k == lib.random.key(1))(lib.vmap(lib.random.key)(lib.numpy.arange(3))))
    same(lambda lib: lib.jit(lambda k: k == k)(lib.random.key(3)))


# ---------------------------------------------------------------------------------------------------------------------
# Numbers. A row: a function of (jax.random, key, shape, dtype), the kinds of dtype it takes, units in the last place

EXACT_FLOAT = ("float16", "bfloat16", "float32", "float64")
FLOAT = ("float32", "float64", "float16")
INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
ROWS = {
    "uniform": (lambda r, k, s, d: r.uniform(k, s, d), EXACT_FLOAT, 0),
    "uniform between": (lambda r, k, s, d: r.uniform(k, s, d, -3.0, 5), EXACT_FLOAT, 2),
    "bits": (lambda r, k, s, d: r.bits(k, s, d), INTS[4:], 0),
    "randint": (lambda r, k, s, d: r.randint(k, s, 0, 100, d), INTS, 0),
    "randint negative": (lambda r, k, s, d: r.randint(k, s, -100, 100, d), INTS[:4], 0),
    "randint past the end": (lambda r, k, s, d: r.randint(k, s, 3, 2**31 - 1, d), INTS, 0),
    "randint of nothing": (lambda r, k, s, d: r.randint(k, s, 5, 5, d), INTS, 0),
    "randint of floats": (lambda r, k, s, d: r.randint(k, s, 0.5, 5.5, d), INTS[2:3], 0),
    "whole range": (lambda r, k, s, d: r.randint(k, s, -128, 128, d), ("int8", "int16"), 0),
    "bernoulli": (lambda r, k, s, d: r.bernoulli(k, 0.3, s), ("float32",), 0),
    "bernoulli high": (lambda r, k, s, d: r.bernoulli(k, 0.3, s, mode="high"), ("float32",), 0),
    "rademacher": (lambda r, k, s, d: r.rademacher(k, s, d), ("int32", "int8", "float32"), 0),
    "normal": (lambda r, k, s, d: r.normal(k, s, d), ("bfloat16", "complex64", "complex128", *FLOAT), 4),
    "truncated_normal": (lambda r, k, s, d: r.truncated_normal(k, -1.5, 2, s, d), FLOAT, 64),
    "exponential": (lambda r, k, s, d: r.exponential(k, s, d), FLOAT, 4),
    "gumbel": (lambda r, k, s, d: r.gumbel(k, s, d), FLOAT, 16),
    "gumbel high": (lambda r, k, s, d: r.gumbel(k, s, d, mode="high"), FLOAT, 16),
    "gumbel highest": (lambda r, k, s, d: r.gumbel(k, s, d, mode="highest"), FLOAT, 16),
    "laplace": (lambda r, k, s, d: r.laplace(k, s, d), FLOAT, 8),
    "logistic": (lambda r, k, s, d: r.logistic(k, s, d), FLOAT, 8),
    "cauchy": (lambda r, k, s, d: r.cauchy(k, s, d), FLOAT, 16),
    "maxwell": (lambda r, k, s, d: r.maxwell(k, s, d), FLOAT, 16),
    "double_sided_maxwell": (lambda r, k, s, d: r.double_sided_maxwell(k, 0.5, 2.0, s, d), FLOAT, 16),
    "pareto": (lambda r, k, s, d: r.pareto(k, 2.0, s, d), FLOAT, 16),
    "rayleigh": (lambda r, k, s, d: r.rayleigh(k, np.float16(2.0), s, d), FLOAT, 8),
    "weibull_min": (lambda r, k, s, d: r.weibull_min(k, 2.0, 3.0, s, d), FLOAT, 16),
    "triangular": (lambda r, k, s, d: r.triangular(k, -1.0, 0.5, 2.0, s, d), FLOAT, 16),
    "lognormal": (lambda r, k, s, d: r.lognormal(k, np.float16(0.5), s, d), FLOAT, 64),
    "geometric": (lambda r, k, s, d: r.geometric(k, 0.3, s, d), ("int32", "int64"), 0),
    "poisson": (lambda r, k, s, d: r.poisson(k, 3.5, s, d), ("int32", "int64"), 0),
    "poisson of many": (lambda r, k, s, d: r.poisson(k, 55.0, s, d), ("int32",), 0),
    "binomial": (lambda r, k, s, d: r.binomial(k, 12, 0.4, s, d), FLOAT[:1], 0),
    "binomial of many": (lambda r, k, s, d: r.binomial(k, 300, 0.6, s, d), FLOAT[:1], 0),
    "wald": (lambda r, k, s, d: r.wald(k, np.float16(1.5), s, d), FLOAT[:2], 256),
    "gamma": (lambda r, k, s, d: r.gamma(k, 2.5, s, d), FLOAT[:2], 32),
    "gamma below 1": (lambda r, k, s, d: r.gamma(k, 0.3, s, d), FLOAT[:1], 128),
    "loggamma": (lambda r, k, s, d: r.loggamma(k, 0.3, s, d), FLOAT[:1], 128),
    "beta": (lambda r, k, s, d: r.beta(k, np.float16(2.0), np.float16(0.5), s, d), FLOAT[:1], 64),
    "chisquare": (lambda r, k, s, d: r.chisquare(k, np.float16(3.0), s, d), FLOAT[:1], 64),
    "f": (lambda r, k, s, d: r.f(k, np.float16(3.0), np.float16(4.0), s, d), FLOAT[:1], 64),
    "t": (lambda r, k, s, d: r.t(k, np.float16(3.0), s, d), FLOAT[:1], 64),
    "generalized_normal": (lambda r, k, s, d: r.generalized_normal(k, 1.5, s, d), FLOAT[:1], 64),
    "ball": (lambda r, k, s, d: r.ball(k, 3, 2.0, s, d), FLOAT[:1], 64),
}
CASES = [(name, dtype) for name, (_, names, _) in ROWS.items() for dtype in names]
SHAPES = [(), (0,), (7,), (3, 0, 2), (2, 3, 5)]


@pytest.mark.parametrize(("name", "dtype"), CASES)
@pytest.mark.one_in(80)
def test_numbers(name, dtype):
    function, _, ulp = ROWS[name]
    # XLA's log1p of a float64 is 128 units off around -0.4.
    ulp *= 64 if dtype in ("float64", "complex128") else 1

    def draw(lib, seed, shape):
        with lib.enable_x64(dtype in ("float64", "complex128", "int64", "uint64")):
            return function(lib.random, lib.random.key(seed), shape, dtype)

    # XLA compiles once for each shape: many shapes are tried only where the code looks at shapes.
    for shape in SHAPES if name in ("uniform", "bits", "randint", "bernoulli", "normal") and "32" in dtype else ():
        same(partial(draw, seed=0, shape=shape), ulp)
    for seed in SEEDS:
        same(partial(draw, seed=seed, shape=(64,)), ulp)


@pytest.mark.parametrize("name", [n for n, (_, names, _) in ROWS.items() if "float32" in names])
@pytest.mark.one_in(2)
def test_shapes(name):
    for shape in SHAPES:
        drawn = ROWS[name][0](mj.random, mj.random.key(0), shape, "float32")
        assert drawn.shape == ((*shape, 3) if name == "ball" else shape)


def test_many_numbers():
    """Arrays of more than one block of the hash; all numbers are equal to JAX's."""
    same(lambda lib: lib.random.uniform(lib.random.key(5), (3, 30_011)))
    same(lambda lib: lib.random.normal(lib.random.key(5), (50_000,)), 8)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.one_in(2)
def test_default_dtypes(x64):
    def of(function):
        def run(lib):
            with lib.enable_x64(x64):
                return function(lib.random, lib.random.PRNGKey(3))

        return run

    same(of(lambda r, k: r.uniform(k, (3,))))
    same(of(lambda r, k: r.bits(k, (3,))))
    same(of(lambda r, k: r.randint(k, (3,), 0, 9)))
    same(of(lambda r, k: r.rademacher(k, (3,))))
    same(of(lambda r, k: r.permutation(k, 7)))
    same(of(lambda r, k: r.normal(k)), 32)


ARRAYS = {
    "uniform": (lambda r, k, xp: r.uniform(k, (2, 3), minval=xp.arange(3), maxval=xp.full((2, 1), 4.0)), 2),
    "randint": (lambda r, k, xp: r.randint(k, (2, 3), xp.arange(3), 10), 0),
    "randint of columns": (lambda r, k, xp: r.randint(k, (2, 3), 0, xp.array([[1], [1000]])), 0),
    "randint mixed": (lambda r, k, xp: r.randint(k, (3,), xp.int8(3), xp.uint8([4, 200, 255]), "uint8"), 0),
    "bernoulli": (lambda r, k, xp: r.bernoulli(k, xp.array([0.1, 0.5, 0.9])), 0),
    "bernoulli more": (lambda r, k, xp: r.bernoulli(k, xp.array([0.1, 0.5, 0.9]), (4, 3)), 0),
    "truncated_normal": (lambda r, k, xp: r.truncated_normal(k, xp.array([-1.0, 0.0]), xp.array([[1.0], [2.0]])), 64),
    "pareto": (lambda r, k, xp: r.pareto(k, xp.array([1.0, 2.0])), 16),
    "rayleigh": (lambda r, k, xp: r.rayleigh(k, xp.array([1.0, 2.0]), (3, 2)), 8),
    "weibull_min": (lambda r, k, xp: r.weibull_min(k, xp.array([1.0, 2.0]), 2.0, (2,)), 16),
    "triangular": (lambda r, k, xp: r.triangular(k, xp.zeros(2), 0.25, xp.ones((3, 1))), 16),
    "double_sided_maxwell": (lambda r, k, xp: r.double_sided_maxwell(k, xp.zeros(2), 1.0), 16),
    "geometric": (lambda r, k, xp: r.geometric(k, xp.array([0.2, 0.9])), 0),
    "poisson": (lambda r, k, xp: r.poisson(k, xp.array([0.0, 0.3, 9.9, 10.0, 200.0, xp.nan]), (3, 6)), 0),
    "binomial": (
        lambda r, k, xp: r.binomial(k, xp.array([0, 5, 5, 5, -1, 100]), xp.array([0.5, 0, 1, 1.5, 0.5, 0.25])),
        0,
    ),
    "binomial of infinitely many": (lambda r, k, xp: r.binomial(k, xp.array([INF, xp.nan]), 0.25, (3, 2)), 0),
    "multinomial": (
        lambda r, k, xp: r.multinomial(k, xp.array([10, 500.0]), xp.array([[0.2, 0.3, 0.5], [0, 0.1, 0.9]])),
        0,
    ),
    "multinomial in a shape": (
        lambda r, k, xp: r.multinomial(k, 10, xp.array([0.2, 0.8]), shape=(3, 2), dtype="int32"),
        0,
    ),
    "gamma": (lambda r, k, xp: r.gamma(k, xp.array([0.0, 0.5, 1.0, 8.0, INF]), (2, 5)), 64),
    "loggamma": (lambda r, k, xp: r.loggamma(k, xp.array([0.0, 1e-3, 20.0])), 64),
    "beta": (lambda r, k, xp: r.beta(k, xp.array([0.5, 3.0]), xp.array([[1.0], [2.0]])), 64),
    "dirichlet": (lambda r, k, xp: r.dirichlet(k, xp.array([0.1, 1.0, 3.0]), (4,)), 64),
    "dirichlet of rows": (lambda r, k, xp: r.dirichlet(k, xp.ones((2, 3))), 64),
    "ball": (lambda r, k, xp: r.ball(k, 2, 1, (3,)), 64),
    "permutation": (lambda r, k, xp: r.permutation(k, xp.arange(12.0)), 0),
    "permutation of rows": (lambda r, k, xp: r.permutation(k, xp.arange(12.0).reshape(4, 3)), 0),
    "permutation of columns": (lambda r, k, xp: r.permutation(k, xp.arange(12).reshape(3, 4), 1), 0),
    "permutation independent": (lambda r, k, xp: r.permutation(k, xp.arange(12).reshape(3, 4), -1, True), 0),
    "permutation of nothing": (lambda r, k, xp: r.permutation(k, 0), 0),
    "permutation of one": (lambda r, k, xp: r.permutation(k, xp.ones(1)), 0),
    "long permutation": (lambda r, k, xp: r.permutation(k, 3000), 0),
    "choice": (lambda r, k, xp: r.choice(k, 10, (4, 2)), 0),
    "choice of elements": (lambda r, k, xp: r.choice(k, xp.arange(5.0), (3,)), 0),
    "choice of columns": (lambda r, k, xp: r.choice(k, xp.arange(15).reshape(3, 5), (2, 2), axis=1), 0),
    "choice without replacement": (lambda r, k, xp: r.choice(k, 10, (2, 3), replace=False), 0),
    "choice of rows without": (lambda r, k, xp: r.choice(k, xp.arange(12).reshape(4, 3), (2,), replace=False), 0),
    "choice weighted": (lambda r, k, xp: r.choice(k, 4, (20,), p=xp.array([0.1, 0.2, 0.3, 0.4])), 0),
    "choice weighted without": (lambda r, k, xp: r.choice(k, 4, (3,), False, p=xp.array([0.1, 0.2, 0.3, 0.4])), 0),
    "choice of none": (lambda r, k, xp: r.choice(k, xp.arange(3.0), (0, 2)), 0),
    "categorical": (lambda r, k, xp: r.categorical(k, xp.array([0.0, 1.0, -2.0])), 0),
    "categorical of rows": (lambda r, k, xp: r.categorical(k, xp.arange(12.0).reshape(3, 4) % 5), 0),
    "categorical of columns": (lambda r, k, xp: r.categorical(k, xp.arange(12.0).reshape(3, 4) % 5, axis=0), 0),
    "categorical many": (lambda r, k, xp: r.categorical(k, xp.zeros((3, 4)), shape=(5, 2, 3)), 0),
    "categorical distinct": (lambda r, k, xp: r.categorical(k, xp.zeros((3, 9)), shape=(4, 2, 3), replace=False), 0),
    "categorical distinct columns": (
        lambda r, k, xp: r.categorical(k, xp.zeros((9, 2)), axis=0, shape=(4, 2), replace=False),
        0,
    ),
    "categorical high": (lambda r, k, xp: r.categorical(k, xp.zeros(9), shape=(7,), mode="high"), 0),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.one_in(42)
def test_array_parameters(name):
    function, ulp = ARRAYS[name]
    for seed in SEEDS[:3]:
        same(lambda lib, seed=seed: function(lib.random, lib.random.key(seed), lib.numpy), ulp)


# ---------------------------------------------------------------------------------------------------------------------
# Transformations


@pytest.mark.parametrize("name", ["uniform", "normal", "randint", "bernoulli", "gumbel", "truncated_normal"])
@pytest.mark.parametrize("ctor", ["key", "PRNGKey"])
@pytest.mark.one_in(5)
def test_vmap_over_keys(name, ctor):
    function, _, ulp = ROWS[name]
    dtype = "int32" if name == "randint" else "float32"

    def draw(lib):
        keys = lib.random.split(getattr(lib.random, ctor)(4), (3, 2))
        inner = lib.vmap(lambda k: function(lib.random, k, (5,), dtype))
        return lib.vmap(inner)(keys)

    same(draw, ulp)


def test_vmap_of_what_keys_are_made_of():
    same(lambda lib: lib.vmap(lib.random.key)(lib.numpy.arange(4)))
    same(lambda lib: lib.vmap(lib.random.split)(lib.random.split(lib.random.key(0), 3)))
    same(lambda lib: lib.vmap(lib.random.fold_in, (None, 0))(lib.random.key(0), lib.numpy.arange(3)))
    same(lambda lib: lib.vmap(lib.random.fold_in, (0, None))(lib.random.split(lib.random.PRNGKey(0), 3), 5))
    same(lambda lib: lib.vmap(lib.random.key_data, 0, 1)(lib.random.split(lib.random.key(0), 3)))
    same(lambda lib: lib.vmap(lib.random.wrap_key_data, 1)(lib.random.split(lib.random.PRNGKey(0), 3).T))
    same(lambda lib: lib.vmap(lambda s: lib.random.uniform(lib.random.key(s), (2,)))(lib.numpy.arange(3)))


def test_vmap_of_gamma():
    keys = lambda lib: lib.random.split(lib.random.key(1), 3)
    alphas = lambda lib: lib.numpy.array([0.5, 2.0, 7.0])
    same(lambda lib: lib.vmap(lib.random.gamma)(keys(lib), alphas(lib)), 64)
    same(lambda lib: lib.vmap(lib.random.gamma, (None, 0))(lib.random.key(1), alphas(lib)), 64)
    same(lambda lib: lib.vmap(lambda k: lib.random.gamma(k, 2.0, (2, 4)))(keys(lib)), 64)
    same(lambda lib: lib.vmap(lambda k: lib.random.gamma(k, alphas(lib)), 0, 1)(keys(lib)), 64)


@pytest.mark.parametrize(
    "function",
    [
        lambda r, k, a: r.gamma(k, a).sum(),
        lambda r, k, a: r.loggamma(k, a).sum(),
        lambda r, k, a: r.beta(k, a, 2 * a).sum(),
        lambda r, k, a: r.dirichlet(k, a)[0],
        lambda r, k, a: r.t(k, a).sum(),
        lambda r, k, a: r.chisquare(k, a).sum(),
    ],
    ids="gamma loggamma beta dirichlet t chisquare".split(),
)
@pytest.mark.one_in(14)
def test_derivatives_by_the_parameter(function):
    def slopes(lib):
        alpha = lib.numpy.array([0.2, 0.9, 1.0, 3.0, 40.0], "float32")
        return lib.grad(lambda a: function(lib.random, lib.random.key(3), a))(alpha)

    np.testing.assert_allclose(np.asarray(slopes(mj)), np.asarray(jax.jit(lambda: slopes(jax))()), rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["gamma", "loggamma", "chisquare", "t"])
@pytest.mark.one_in(2)
def test_second_derivatives_by_the_parameter(name):
    """JAX has them forwards alone."""

    def curvature(lib):
        draw = lambda a: getattr(lib.random, name)(lib.random.key(3), a)
        return np.asarray(lib.jacfwd(lib.grad(draw))(0.63))

    # JAX's loop ends at the eps of float32 in each of its sums; ours runs in float64.
    np.testing.assert_allclose(curvature(mj), curvature(jax), rtol=2e-5)
    draw = lambda a: getattr(mj.random, name)(mj.random.key(3), a)
    np.testing.assert_allclose(mj.grad(mj.grad(draw))(0.63), curvature(mj), rtol=1e-6)


def test_derivative_of_a_scaled_gamma():
    scaled = mj.grad(lambda s: s * mj.random.gamma(mj.random.key(0), 2.0))(3.0)
    np.testing.assert_allclose(np.asarray(scaled), np.asarray(mj.random.gamma(mj.random.key(0), 2.0)))


@pytest.mark.parametrize("name", ["permutation", "categorical of rows", "choice", "bernoulli", "choice weighted"])
@pytest.mark.one_in(4)
def test_vmap_of_choices(name):
    function, ulp = ARRAYS[name]
    same(
        lambda lib: lib.vmap(lambda k: function(lib.random, k, lib.numpy))(lib.random.split(lib.random.key(1), 4)), ulp
    )


@pytest.mark.parametrize("name", ["uniform", "randint", "normal", "permutation", "categorical", "choice weighted"])
@pytest.mark.one_in(2)
def test_jit(name):
    if name in ROWS:
        draw = lambda lib: lambda k: ROWS[name][0](lib.random, k, (5,), "int32" if name == "randint" else "float32")
        ulp = ROWS[name][2]
    else:
        draw, ulp = lambda lib: lambda k: ARRAYS[name][0](lib.random, k, lib.numpy), ARRAYS[name][1]
    same(lambda lib: lib.jit(draw(lib))(lib.random.key(3)), ulp)
    same(lambda lib: lib.jit(lib.vmap(draw(lib)))(lib.random.split(lib.random.PRNGKey(3), 4)), ulp)


def test_gradients_flow_through_parameters():
    def slope(lib):
        draw = lambda low, high: lib.random.uniform(lib.random.key(0), (5,), minval=low, maxval=high).sum()
        return lib.numpy.stack(lib.grad(draw, argnums=(0, 1))(-1.0, 3.0))

    same(slope, 8)

    def truncated(lib):
        draw = lambda low, high: lib.random.truncated_normal(lib.random.key(0), low, high, (5,)).sum()
        return lib.numpy.stack(lib.grad(draw, argnums=(0, 1))(-1.0, 1.5))

    same(truncated, 256)


def test_no_derivative_of_keys_is_asked_for():
    loss = lambda lib: lambda w: (lib.random.normal(lib.random.split(lib.random.PRNGKey(0))[0], (3,)) * w).sum()
    same(lambda lib: lib.grad(loss(lib))(2.0), 8)


# ---------------------------------------------------------------------------------------------------------------------
# Jaxprs

TEXTS = {
    "uniform": lambda r, k, xp: r.uniform(k, (3,)),
    "uniform scalar": lambda r, k, xp: r.uniform(k),
    "uniform between": lambda r, k, xp: r.uniform(k, (2, 3), minval=-1.0, maxval=1),
    "uniform bfloat16": lambda r, k, xp: r.uniform(k, (3,), "bfloat16"),
    "uniform float16": lambda r, k, xp: r.uniform(k, (3,), "float16"),
    "normal": lambda r, k, xp: r.normal(k, (2, 3)),
    "normal scalar": lambda r, k, xp: r.normal(k),
    "bernoulli": lambda r, k, xp: r.bernoulli(k, 0.3, (3,)),
    "split": lambda r, k, xp: r.split(k),
    "split 3": lambda r, k, xp: r.split(k, (3,)),
    "fold_in": lambda r, k, xp: r.fold_in(k, 3),
    "bits": lambda r, k, xp: r.bits(k, (3,), "uint8"),
    "key_data": lambda r, k, xp: r.key_data(k),
    "clone": lambda r, k, xp: r.clone(k),
    "randint": lambda r, k, xp: r.randint(k, (3,), 0, 5),
    "permutation": lambda r, k, xp: r.permutation(k, 5),
    "choice": lambda r, k, xp: r.choice(k, 5, (3,)),
    "choice without replacement": lambda r, k, xp: r.choice(k, 5, (3,), replace=False),
    "categorical": lambda r, k, xp: r.categorical(k, xp.ones(4)),
    "truncated_normal": lambda r, k, xp: r.truncated_normal(k, -2.0, 2, (3,)),
    "exponential": lambda r, k, xp: r.exponential(k, (3,)),
    "gumbel": lambda r, k, xp: r.gumbel(k, (3,)),
    "laplace": lambda r, k, xp: r.laplace(k, (3,)),
    "logistic": lambda r, k, xp: r.logistic(k, (3,)),
    "cauchy": lambda r, k, xp: r.cauchy(k, (3,)),
    "rademacher": lambda r, k, xp: r.rademacher(k, (3,)),
    "pareto": lambda r, k, xp: r.pareto(k, xp.ones(3)),
    "gamma": lambda r, k, xp: r.gamma(k, xp.ones(3)),
    "loggamma": lambda r, k, xp: r.loggamma(k, 2.0, (3,)),
    **{
        f"{name} of integers": lambda r, k, xp, name=name: getattr(r, name)(k, xp.arange(1, 4))
        for name in "chisquare dirichlet gamma loggamma lognormal pareto rayleigh t".split()
    },
    "beta of integers": lambda r, k, xp: r.beta(k, xp.arange(1, 4), xp.arange(2, 5)),
    "truncated_normal of integers": lambda r, k, xp: r.truncated_normal(k, -xp.arange(1, 4), xp.arange(1, 4)),
}


def text(lib, name, key):
    return lines(lib.make_jaxpr(lambda k: TEXTS[name](lib.random, k, lib.numpy))(key))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("ctor", ["key", "PRNGKey"])
@pytest.mark.one_in(6)
def test_text_of_jaxprs(name, ctor):
    mine, theirs = (text(lib, name, getattr(lib.random, ctor)(0)) for lib in BOTH)
    assert mine == theirs


def test_text_of_making_keys():
    for make in ("key", "PRNGKey"):
        mine, theirs = (lines(lib.make_jaxpr(getattr(lib.random, make))(3)) for lib in BOTH)
        assert mine == theirs


# ---------------------------------------------------------------------------------------------------------------------
# Errors: JAX's class and words

ERRORS = {
    "not a key": lambda lib, k: lib.random.uniform(None),
    "a list": lambda lib, k: lib.random.uniform([1, 2]),
    "a number": lambda lib, k: lib.random.uniform(0),
    "words of floats": lambda lib, k: lib.random.uniform(lib.numpy.zeros(2)),
    "many keys": lambda lib, k: lib.random.uniform(lib.random.split(k, 3)),
    "many raw keys": lambda lib, k: lib.random.normal(lib.numpy.zeros((3, 2), "uint32")),
    "integer dtype": lambda lib, k: lib.random.uniform(k, (2,), int),
    "normal dtype": lambda lib, k: lib.random.normal(k, (2,), int),
    "bits dtype": lambda lib, k: lib.random.bits(k, (2,), int),
    "randint dtype": lambda lib, k: lib.random.randint(k, (2,), 0, 5, float),
    "gumbel dtype": lambda lib, k: lib.random.gumbel(k, (2,), int),
    "pareto dtype": lambda lib, k: lib.random.pareto(k, 1.0, dtype=int),
    "shape of floats": lambda lib, k: lib.random.uniform(k, (2.5,)),
    "minval's shape": lambda lib, k: lib.random.uniform(k, (3,), minval=lib.numpy.ones(2)),
    "minval's rank": lambda lib, k: lib.random.uniform(k, (3,), minval=lib.numpy.ones((2, 3))),
    "maxval's shape": lambda lib, k: lib.random.randint(k, (2,), 0, lib.numpy.ones(3, int)),
    "p's shape": lambda lib, k: lib.random.bernoulli(k, lib.numpy.full(3, 0.5), (2,)),
    "p's dtype": lambda lib, k: lib.random.bernoulli(k, 1),
    "mode": lambda lib, k: lib.random.bernoulli(k, 0.5, mode="x"),
    "gumbel mode": lambda lib, k: lib.random.gumbel(k, (2,), mode="x"),
    "split many": lambda lib, k: lib.random.split(lib.random.split(k, 3)),
    "split by a float": lambda lib, k: lib.random.split(k, 2.5),
    "fold in a negative number": lambda lib, k: lib.random.fold_in(k, -1),
    "fold in too much": lambda lib, k: lib.random.fold_in(k, 2**33),
    "fold in many": lambda lib, k: lib.random.fold_in(k, lib.numpy.arange(3)),
    "many seeds": lambda lib, k: lib.random.key(lib.numpy.arange(3)),
    "a key as seed": lambda lib, k: lib.random.key(k),
    "a float as seed": lambda lib, k: lib.random.key(1.5),
    "unknown generator": lambda lib, k: lib.random.key(0, impl="foo"),
    "generator's type": lambda lib, k: lib.random.key(0, impl=3),
    "impl and dtype": lambda lib, k: lib.random.key(0, impl="threefry2x32", dtype="threefry2x32"),
    "seed too large": lambda lib, k: lib.random.key(2**63),
    "three words": lambda lib, k: lib.random.wrap_key_data(lib.numpy.zeros(3, "uint32")),
    "words of wrong dtype": lambda lib, k: lib.random.wrap_key_data(lib.numpy.zeros(2)),
    "a ball of 2.5 dimensions": lambda lib, k: lib.random.ball(k, 2.5),
    "a ball of 2.0 dimensions": lambda lib, k: lib.random.ball(k, lib.numpy.array(2.0)),
    "a matrix of 2.0 rows": lambda lib, k: lib.random.orthogonal(k, 2.0),
    "a matrix of traced size": lambda lib, k: lib.jit(lambda n: lib.random.orthogonal(k, n))(2),
    "a ball of traced dimensions": lambda lib, k: lib.jit(lambda n: lib.random.ball(k, n))(2),
    "permutation of a float": lambda lib, k: lib.random.permutation(k, 1.5),
    "permutation's axis": lambda lib, k: lib.random.permutation(k, lib.numpy.ones(3), axis=2),
    "choice's shape": lambda lib, k: lib.random.choice(k, 5, 3),
    "choice of too many": lambda lib, k: lib.random.choice(k, 5, (6,), replace=False),
    "choice of nothing": lambda lib, k: lib.random.choice(k, 0, (6,)),
    "choice's weights": lambda lib, k: lib.random.choice(k, 5, (2,), p=lib.numpy.ones(3)),
    "categorical's shape": lambda lib, k: lib.random.categorical(k, lib.numpy.ones((3, 2)), shape=(4,)),
    "too many categories": lambda lib, k: lib.random.categorical(k, lib.numpy.ones(3), -1, (2, 2), False),
    "bounds' shapes": lambda lib, k: lib.random.truncated_normal(k, lib.numpy.zeros(2), lib.numpy.ones(3)),
    "unsafe cast": lambda lib, k: lib.random.lognormal(k, lib.numpy.array(1 + 1j)),
}
# Where the text differs on purpose, or JAX's is XLA's: words of minijax's text.
OWN_WORDS = {
    "a matrix of traced size": "argument n of jax.random.orthogonal() must be known while tracing",
    "a ball of traced dimensions": "argument d of jax.random.ball() must be known while tracing",
    "not a key": "unexpected PRNG key type <class 'NoneType'>: make keys with jax.random.key(seed).",
    "a list": "unexpected PRNG key type <class 'list'>: make keys with jax.random.key(seed).",
    "a number": "Got 0; make keys with jax.random.key(seed).",
    "shape of floats": "Shapes must be 1D sequences of concrete values of integer type, got (2.5,).",
    "minval's shape": "uniform: minval of shape (2,) and maxval of shape (1,) must broadcast to shape (3,).",
    "minval's rank": "uniform: a parameter of shape (2, 3) has more axes than the result's shape (3,).",
    "split by a float": "Shapes must be 1D sequences of concrete values of integer type, got (2.5,).",
    "fold in a negative number": "Python integer -1 out of bounds for uint32, the dtype that fold_in folds in.",
    "fold in too much": "Python integer 8589934592 out of bounds for uint32, the dtype that fold_in folds in.",
    "fold in many": "fold_in accepts a scalar, but was given an array of shape (3,) != (). Use jax.vmap for batching.",
    "a float as seed": "PRNG key seed must be an integer; got float32[]",
    "unknown generator": 'unrecognized PRNG implementation "foo". Did you mean one of: "threefry2x32"?',
    "three words": "expected key_data.shape to end with (2,); got shape=(3,) for impl=fry",
    "categorical's shape": "Incompatible shapes for broadcasting: shapes=[(4,), (3,)]",
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.one_in(2)
def test_errors(name):
    with pytest.raises(Exception) as theirs:
        ERRORS[name](jax, jax.random.key(0))
    with pytest.raises(Exception) as mine:
        ERRORS[name](mj, mj.random.key(0))
    assert type(mine.value).__name__ == type(theirs.value).__name__
    if name in OWN_WORDS:
        assert OWN_WORDS[name] in str(mine.value)
    else:
        assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize("shape", [(-1,), (2, -3)])
def test_negative_shapes(shape):
    with pytest.raises(TypeError, match="Negative dimensions are not allowed"):
        mj.random.uniform(mj.random.key(0), shape)
    with pytest.raises(TypeError, match="Negative dimensions are not allowed"):
        mj.random.split(mj.random.key(0), shape)


def test_wide_dtypes_warn_as_in_jax():
    for lib in BOTH:
        with pytest.warns(UserWarning, match="Explicitly requested dtype float64"):
            assert lib.random.uniform(lib.random.key(0), (2,), "float64").dtype == np.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mj.random.uniform(mj.random.key(0), (2,), float)


def test_other_generators_are_refused():
    with pytest.raises(NotImplementedError, match='"rbg" is not in minijax'):
        mj.random.key(0, impl="rbg")


def test_every_public_name_of_jax_is_there():
    names = {n for n in dir(jax.random) if not n.startswith("_") and n not in ("stateful_rng", "random_gamma_p")}
    assert names - {*mj.random.__all__} == set()
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        mj.random.nonsense  # noqa: B018


def test_size_known_while_tracing():
    with pytest.raises(TypeError, match="must be known while tracing"):
        mj.jit(lambda n: mj.random.permutation(mj.random.key(0), n))(5)


@pytest.mark.parametrize("p", [[-0.61, np.inf, 1.0], [-0.5, 0.5, 1.0], [0.0, -0.0, 1.0]], ids=repr)
def test_multinomial_of_what_is_no_probability_ends(p):
    """A share of -0.0, for which the trials up to a success would be -inf, is clipped to 0.0."""
    drawn = [lib.random.multinomial(lib.random.key(3), 2, lib.numpy.array(p)) for lib in (mj, jax)]
    np.testing.assert_array_equal(*drawn)
    np.testing.assert_array_equal(
        mj.jit(lambda p: mj.random.multinomial(mj.random.key(3), 2, p))(mj.numpy.array(p)), drawn[1]
    )
