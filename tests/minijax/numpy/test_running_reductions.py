"""Running sums and products of many small numbers: they do not stop where the dtype cannot count by ones any more."""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy as jnp
from minijax import lax
from tests.fuzz.texts import text

VARIANTS = {"eager": lambda f: f, "jit": mj.jit, "vmap": lambda f: lambda x: mj.vmap(f)(x[None])[0]}
LENGTHS = {"bfloat16": 300, "float16": 3000, "float32": 2**24 + 1000, "complex64": 2**24 + 1000}


def ones(dtype, length):
    return jnp.ones(length, getattr(jnp, dtype))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", LENGTHS)
@pytest.mark.one_in(28)
def test_cumsum_counts_on(dtype, variant):
    length = LENGTHS[dtype]
    x = VARIANTS[variant](lambda x: lax.cumsum(x))(ones(dtype, length))
    assert x.dtype == ones(dtype, 1).dtype
    assert abs(complex(np.asarray(x[-1])) - length) <= length * float(jnp.finfo(x.dtype).eps)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cumlogsumexp"])
@pytest.mark.parametrize("reverse", [False, True])
def test_halves_are_as_good_as_float32(name, dtype, reverse):
    """Each result is the exact one, rounded once."""
    x = np.random.default_rng(0).uniform(0.9, 1.1, 2000)
    x = jnp.asarray(x).astype(getattr(jnp, dtype))
    running = getattr(lax, name)
    got = running(x, reverse=reverse)
    assert got.dtype == x.dtype
    exact = np.asarray(running(x.astype("float32"), reverse=reverse), np.float64)
    eps = float(jnp.finfo(x.dtype).eps)
    np.testing.assert_allclose(np.asarray(got).astype(np.float64), exact, rtol=eps)


FLOATS = ["float16", "float32"]
DTYPES = {name: ["int8", "int32", "uint8", *FLOATS, "complex64"] for name in ("cumsum", "cumprod", "cummax", "cummin")}
DTYPES["cumlogsumexp"] = FLOATS


@pytest.mark.parametrize(("name", "dtype"), [(name, dtype) for name in DTYPES for dtype in DTYPES[name]])
@pytest.mark.one_in(6)
def test_types_and_values(name, dtype):
    x = np.array([[1, 3, 2], [2, 1, 3]]).astype(dtype)
    for axis in (0, 1):
        mine, theirs = (getattr(lib.lax, name)(lib.numpy.asarray(x), axis=axis) for lib in (mj, jax))
        assert (mine.dtype, mine.shape, mine.weak_type) == (theirs.dtype, theirs.shape, theirs.weak_type)
        # Integers are equal. Of floats, three are added or multiplied, each with a rounding of half a unit in both libraries.
        rtol = 3 * np.finfo(dtype).eps if dtype[0] in "fc" else 0
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=rtol)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumsum", "nancumprod"])
@pytest.mark.parametrize("value", [2.5, float("nan"), 3, True], ids=repr)
def test_scalars(name, value):
    mine, theirs = (getattr(lib.numpy, name)(value) for lib in (mj, jax))
    assert (mine.dtype, mine.shape, mine.weak_type) == (theirs.dtype, theirs.shape, theirs.weak_type)
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


@pytest.mark.parametrize(("reverse", "order"), [(False, 0), (True, 0), (True, 1)])
@pytest.mark.one_in(2)
def test_running_logsumexp_of_complex_numbers(reverse, order):
    """Eager, as a NumPy program and by XLA: imaginary parts come out between -pi and pi."""
    x = np.complex64([1 + 2j, 3 - 1j, -2 + 0.5j, 7 + 3j, -1 - 9j])

    def function(lib):
        f = lambda x: lib.lax.cumlogsumexp(x, 0, reverse)
        return (lambda x: lib.jvp(f, (x,), (1j * x,))[1]) if order else f

    theirs = jax.jit(function(jax))(x)
    for mine in (function(mj), mj.jit(function(mj)), mj.jit(function(mj), compiler="xla")):
        np.testing.assert_allclose(mine(mj.numpy.asarray(x)), theirs, rtol=2e-6)


NOT_FINITE = {
    "NaN before a number": [np.nan, 1.0],
    "NaN behind one": [1.0, np.nan, 2.0],
    "inf": [np.inf, 1.0, np.inf],
    "-inf": [-np.inf, 1.0, 2.0],
    "two of -inf": [-np.inf, -np.inf, 1.0],
    "the largest": [3e38, -3e38, 3.0],
}


@pytest.mark.parametrize("x", NOT_FINITE.values(), ids=NOT_FINITE)
def test_derivatives_of_the_running_logsumexp_of_what_is_not_finite(x):
    def derivatives(lib):
        value, pull = lib.vjp(lib.lax.cumlogsumexp, lib.numpy.array(x))
        return [*pull(lib.numpy.ones(len(x))), *lib.jvp(lib.lax.cumlogsumexp, (lib.numpy.array(x),), (value * 0 + 1,))]

    for mine, theirs in zip(derivatives(mj), derivatives(jax), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=8 * np.finfo(np.float32).eps)


def test_the_derivative_of_the_running_logsumexp_has_jax_s_equations():
    def shown(lib):
        return text(lib, lib.make_jaxpr(lambda x: lib.jvp(lib.lax.cumlogsumexp, (x,), (x,)))(lib.numpy.arange(5.0)))

    assert shown(mj) == shown(jax)
