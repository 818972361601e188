"""One compiled program for jaxprs that are the same program."""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy as jnp
from minijax.lowering import compile as compiling
from minijax.lowering.keys import NoKey, jaxpr_key


@pytest.fixture
def written(monkeypatch):
    """The jaxprs for which programs are compiled."""
    seen = []
    write = compiling._written

    def noting(closed_jaxpr, *args, **kwargs):
        seen.append(closed_jaxpr)
        return write(closed_jaxpr, *args, **kwargs)

    monkeypatch.setattr(compiling, "_written", noting)
    mj.clear_caches()
    yield seen
    mj.clear_caches()


def loss(params, x):
    w, b = params
    h, _ = mj.lax.scan(lambda h, w: (mj.nn.relu(h @ w + b), None), x, w)
    return mj.lax.cond(x[0] > 0, lambda h: h.sum(), lambda h: (h * 2.0).sum(), h)


PARAMS, X = (jnp.ones((3, 4, 4)), jnp.ones(4)), jnp.arange(4.0)


def test_two_jits_of_one_function_share_a_program(written):
    first, second = mj.jit(mj.grad(loss)), mj.jit(mj.grad(loss))
    expected = mj.grad(loss)(PARAMS, X)
    written.clear()
    for f in (first, second):
        for got, want in zip(f(PARAMS, X), expected, strict=True):
            np.testing.assert_array_equal(got, want)
    assert len(written) == 1


def test_a_retrace_shares_a_program(written):
    f = mj.jit(lambda x: jnp.sin(x) * 2.0)
    f(X)
    f.clear_cache()
    f(X)
    assert len(written) == 1


def test_a_loop_over_an_eager_scan_compiles_its_body_once(written):
    for i in range(3):
        mj.lax.scan(lambda c, x: (c * x + 1.0, c), jnp.float32(i), X)
    assert len(written) == 1


def test_constants_are_arguments(written):
    """Jaxprs that differ only in an array that they close over share one program."""
    for i in range(3):
        array = jnp.arange(4.0) + i
        carry, _ = mj.lax.scan(lambda c, x, array=array: (c + x * array, None), jnp.zeros(4), X)
        np.testing.assert_array_equal(carry, 6 * array)
    assert len(written) == 1


def scaled(number):
    return lambda x: x * number


def branch(f):
    return lambda x: mj.lax.cond(x[0] > 0, f, jnp.cos, x)


# Pairs of programs with one difference.
DIFFERENT = {
    "a number": (scaled(2.0), scaled(3.0), X, X),
    "the sign of zero": (scaled(0.0), scaled(-0.0), X, X),
    "a parameter": (lambda x: jnp.cumsum(x), lambda x: mj.lax.cumsum(x, reverse=True), X, X),
    "an exponent": (lambda x: x**3, lambda x: x**4, X, X),
    "dtype": (scaled(2), scaled(2), X, X.astype(jnp.int32)),
    "weak type": (jnp.sin, jnp.sin, 1.0, jnp.float32(1)),
    "shape": (jnp.sin, jnp.sin, X, X[:3]),
    "operation": (jnp.sin, jnp.cos, X, X),
    "operands": (lambda x: x - x[::-1], lambda x: x[::-1] - x, X, X),
    "results": (lambda x: (x, jnp.sin(x)), lambda x: (jnp.sin(x), x), X, X),
    "a branch": (branch(jnp.sin), branch(jnp.tan), X, X),
    "the length of a loop": (
        lambda x: mj.lax.fori_loop(0, 3, lambda i, c: c * 2, x),
        lambda x: mj.lax.fori_loop(0, 4, lambda i, c: c * 2, x),
        X,
        X,
    ),
    "what jit runs": (lambda x: mj.jit(jnp.sin)(x), lambda x: mj.jit(jnp.cos)(x), X, X),
    "an effect": (lambda x: [x * 2, mj.debug.print("{}", x[0])][0], scaled(2.0), X, X),
    "what is printed": (
        lambda x: [x * 2, mj.debug.print("{}", x[0])][0],
        lambda x: [x * 2, mj.debug.print("{}!", x[0])][0],
        X,
        X,
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_another_program(written, name, capsys):
    f, g, x, y = DIFFERENT[name]
    expected = [mj.tree.leaves(f(x)), mj.tree.leaves(g(y))]
    written.clear()
    for function, argument, want in ((f, x, expected[0]), (g, y, expected[1]), (f, x, expected[0])):
        got = mj.tree.leaves(mj.jit(function)(argument))
        for a, b in zip(got, want, strict=True):
            assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert len(written) >= 2


def test_callbacks_are_never_shared(written):
    seen: list = []
    for i in range(2):
        mj.jit(lambda x, i=i: [x * 2, mj.debug.callback(lambda x, i=i: seen.append(i), x)][0])(X)
    assert seen == [0, 1]
    assert len(written) == 2
    with pytest.raises(NoKey, match="is a function"):
        jaxpr_key(mj.make_jaxpr(lambda x: mj.pure_callback(np.sin, mj.ShapeDtypeStruct((4,), np.float32), x))(X).jaxpr)


def test_clear_caches_forgets_programs(written):
    f = mj.jit(scaled(2.0))
    f(X)
    mj.clear_caches()
    assert compiling._shared.cache_info().currsize == 0
    assert not compiling._compiled
    f(X)
    assert len(written) == 2


def test_what_is_kept_is_bounded():
    assert compiling._shared.cache_info().maxsize == 256


def test_a_planted_key_is_seen(written, monkeypatch):
    monkeypatch.setattr(compiling, "jaxpr_key", lambda jaxpr: 0)
    with pytest.raises(AssertionError):
        test_what_differs_is_another_program(written, "a number", None)


@pytest.mark.parametrize("compiler", [None, "xla"])
def test_an_array_says_where_it_is(compiler):
    """NumPy's array and XLA's, which has a buffer of jaxlib's."""
    x = jnp.ones(2)
    if compiler is not None:
        x = mj.jit(lambda x: x + 1, compiler=compiler)(x)
    assert (x._buffer is not None) == (compiler is not None)
    says = lambda x: [str(v) for v in (x.device, x.devices(), x.sharding.device_set, x.committed)]
    assert says(x) == says(jax.numpy.ones(2))
