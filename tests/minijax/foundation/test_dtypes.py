"""Dtypes: promotion of every pair, weak or not, canonical dtypes, x64; JAX is the oracle."""

from __future__ import annotations

import itertools
import warnings

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

NAMES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 complex128".split()
SCALARS = [True, 1, 1.0, 1j]


def operands(lib):
    """An array of each dtype that there is, and Python's scalars."""
    dtypes = [lib.numpy.bfloat16 if n == "bfloat16" else n for n in NAMES]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of 64 bits becoming 32
        return [*[lib.numpy.ones((), d) for d in dtypes], *SCALARS]


def result(lib, a, b):
    try:
        return str(lib.numpy.result_type(a, b))
    except TypeError:
        return "refused"


@pytest.mark.parametrize("x64", [False, True])
def test_promotion_of_every_pair(x64):
    with mj.enable_x64(x64), jax.enable_x64(x64):
        mine, theirs = operands(mj), operands(jax)
        for (a, c), (b, d) in itertools.product(zip(mine, theirs), repeat=2):
            assert result(mj, a, b) == result(jax, c, d), (c, d)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.one_in(3)
def test_dtype_and_weak_type_of_sums(x64):
    with mj.enable_x64(x64), jax.enable_x64(x64):
        mine, theirs = operands(mj), operands(jax)
        # One of each kind: JAX compiles a program for every pair.
        some = [NAMES.index(n) for n in ("bool", "int8", "uint32", "float16", "float32", "complex64")]
        for i, j in itertools.product([*some, *range(len(NAMES), len(mine))], some):
            a, b = mine[i] + mine[j], theirs[i] + theirs[j]
            assert (str(a.dtype), a.weak_type) == (str(b.dtype), b.weak_type), (theirs[i], theirs[j])


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("name", [*NAMES, "int", "float", "complex", "bool"])
def test_canonical_dtypes(name, x64):
    with mj.enable_x64(x64), jax.enable_x64(x64):
        mine, theirs = (getattr(lib.numpy, name, None) or __builtins__[name] for lib in (mj, jax))
        assert mj.dtypes.canonicalize_dtype(mine) == jax.dtypes.canonicalize_dtype(theirs)


NO_DTYPES = [np.ones(2), np.array(1), np.array("int32"), 1.0, 1, True, 0j, (1,), "up", np.float32(1), np.bool_(1)]
ASKED = """
    jnp.promote_types(d, 'float32') | jnp.promote_types('float32', d) | jnp.issubdtype(d, 'float32') | jnp.zeros(2, d)
    jnp.ones(2).astype(d) | lax.convert_element_type(jnp.ones(2), d) | jnp.asarray([1], d) | jnp.full(2, 1, d)
    jnp.arange(2, dtype=d)
    jnp.isdtype(d, 'numeric') | lax.iota(d, 2) | lax.full((2,), 1, d) | jnp.zeros_like(1, d) | jnp.eye(2, dtype=d)
    lax.bitcast_convert_type(jnp.ones(2), d) | jnp.concatenate([jnp.ones(2)], dtype=d) | jnp.ones(2).view(d)
""".strip().replace("\n", "|")


@pytest.mark.parametrize("call", [call.strip() for call in ASKED.split("|")])
@pytest.mark.one_in(3)
def test_what_is_no_dtype_is_refused(call):
    """A number that was a dtype once would stay one: `np.float32(1)`, which has a dtype, equals 1, 1.0 and True."""

    def outcome(lib, d) -> str:
        try:
            return str(eval(call, {"jnp": lib.numpy, "lax": lib.lax, "d": d}))
        except Exception as error:
            return type(error).__name__

    np.testing.assert_equal([outcome(mj, d) for d in NO_DTYPES], [outcome(jax, d) for d in NO_DTYPES])
    mj.numpy.zeros(2, np.float32(1))
    np.testing.assert_equal([outcome(mj, d) for d in NO_DTYPES], [outcome(jax, d) for d in NO_DTYPES])


def test_truncation_warns_as_in_jax():
    with pytest.warns(
        UserWarning, match="Explicitly requested dtype float64 .* is not available, .*truncated to dtype float32"
    ):
        assert mj.numpy.zeros(3, "float64").dtype == np.float32
    with pytest.warns(UserWarning, match="is not available"):
        jax.numpy.zeros(3, "float64")


def test_bfloat16():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mine, theirs = (lib.numpy.asarray([1.0, 3.14159], lib.numpy.bfloat16) for lib in (mj, jax))
    assert str(mine.dtype) == str(theirs.dtype) == "bfloat16"
    for f in (lambda x: x * 3, lambda x: x @ x, lambda x: x.sum(), lambda x: x.astype("int32"), lambda x: x > 2):
        a, b = f(mine), f(theirs)
        assert str(a.dtype) == str(b.dtype)
        np.testing.assert_array_equal(np.asarray(a, np.float32), np.asarray(b, np.float32))
    infinite = [lib.numpy.asarray([np.inf, -np.inf], lib.numpy.bfloat16).astype("int8") for lib in (mj, jax)]
    np.testing.assert_array_equal(np.asarray(infinite[0]), np.asarray(infinite[1]))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "bfloat16", "float64", "complex64", "i4", int])
def test_bits(dtype):
    assert minijax.dtypes.itemsize_bits(dtype) == jax.dtypes.itemsize_bits(dtype)


def test_errors_are_those_of_jax():
    for lib in (minijax, jax):
        for dtype in (None, lib.dtypes.float0):
            with pytest.raises(ValueError):
                lib.dtypes.itemsize_bits(dtype)
        with pytest.raises(lib.dtypes.TypePromotionError):
            lib.random.beta(lib.random.key(0), lib.numpy.ones(2), 2.0, dtype="float16")


def test_float0():
    assert mj.float0 == jax.float0
    zeros = mj.grad(lambda n, x: x * n, argnums=(0, 1), allow_int=True)(3, 2.0)[0]
    assert zeros.dtype == mj.float0 and zeros.shape == ()


def test_config():
    mj.config.update("jax_enable_x64", True)
    try:
        assert mj.numpy.arange(3.0).dtype == np.float64
    finally:
        mj.config.update("jax_enable_x64", False)
    with pytest.raises(AttributeError, match="Unrecognized config option: jax_nothing"):
        mj.config.update("jax_nothing", 1)
