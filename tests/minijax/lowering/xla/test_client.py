"""jit and pmap on XLA: the same results as on NumPy and in JAX, arrays that stay on the device, and errors."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import jax
import numpy as np
import pytest
from laws import leaves

import minijax
import minijax.numpy as jnp
from minijax.core.array import ArrayImpl
from minijax.lowering.xla import client as xla

on_xla = partial(minijax.jit, compiler="xla")


def assert_same(found, expected, **tolerances):
    found, expected = leaves(found), leaves(expected)
    assert [(x.shape, x.dtype) for x in found] == [(x.shape, x.dtype) for x in expected]
    for x, y in zip(found, expected):
        np.testing.assert_allclose(x, y, **tolerances)


def fetched(x: ArrayImpl) -> bool:
    """Whether the array's NumPy value has been computed."""
    try:
        ArrayImpl._value.__get__(x)
    except AttributeError:
        return False
    return True


@pytest.fixture
def transfers(monkeypatch) -> list:
    """What is sent to a device."""
    sent, put = [], xla._put
    monkeypatch.setattr(xla, "_put", lambda value, place: sent.append(value) or put(value, place))
    return sent


# ---------------------------------------------------------------------------------------------------------------------
# The same results


def mlp(np, lax):
    def loss(params, x):
        for w, b in params:
            x = np.tanh(x @ w + b)
        return (x**2).sum()

    return loss


def rnn(np, lax):
    def loss(params, xs):
        ((w, b),) = params
        final, ys = lax.scan(lambda h, x: (np.tanh(x @ w + h * b), h.sum()), np.zeros(3, np.float32), xs)
        return final.sum() + lax.cond(final[0] > 0, lambda y: y.mean(), lambda y: y.sum(), ys)

    return loss


def newton(np, lax):
    def loss(params, x):
        ((w, b),) = params
        a = np.abs(x @ w).sum() + 1
        return lax.while_loop(lambda y: abs(y * y - a) > 1e-3, lambda y: 0.5 * (y + a / y), a) + b.sum()

    return loss


PROGRAMS = {
    "value": (mlp, lambda jax, f: f),
    "grad": (mlp, lambda jax, f: jax.grad(f)),
    "value_and_grad": (rnn, lambda jax, f: jax.value_and_grad(f, argnums=(0, 1))),
    "vmap of grad": (rnn, lambda jax, f: jax.vmap(jax.grad(f), in_axes=(None, 0))),
    "hessian": (mlp, lambda jax, f: jax.hessian(f, argnums=1)),
    "while": (newton, lambda jax, f: f),
    "jvp": (newton, lambda jax, f: lambda p, x: jax.jvp(lambda x: f(p, x), (x,), (x,))),
}


def program_arguments(program: str):
    rng = np.random.default_rng(0)
    shape = (2, 4, 5) if "vmap" in program else (4, 5)
    layers = [(5, 3), (3, 3)] if PROGRAMS[program][0] is mlp else [(5, 3)]
    params = [(rng.normal(size=s).astype(np.float32), rng.normal(size=s[1]).astype(np.float32)) for s in layers]
    return params, rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
@pytest.mark.one_in(6)
def test_program(program, inside):
    """Of the transformed function, and transformed: grad(jit(f)) as jit(grad(f))."""
    make, transform = PROGRAMS[program]
    args = program_arguments(program)
    f = make(jnp, minijax.lax)
    found = transform(minijax, on_xla(f))(*args) if inside else on_xla(transform(minijax, f))(*args)
    oracle = jax.jit(transform(jax, make(jax.numpy, jax.lax)))(*args)
    assert_same(found, oracle, rtol=1e-5, atol=1e-5)
    assert_same(minijax.jit(transform(minijax, f))(*args), oracle, rtol=1e-5, atol=1e-5)


VALUES = {
    "scalar": jnp.float32(2),
    "weak": jnp.asarray(2.0),
    "empty": jnp.zeros((0, 3)),
    "bool": jnp.array([True, False]),
    "int8": jnp.array([-128, 127], jnp.int8),
    "uint32": jnp.array([0, 2**32 - 1], jnp.uint32),
    "float16": jnp.array([1, np.nan, np.inf, -0.0], jnp.float16),
    "bfloat16": jnp.array([1, np.nan, -np.inf, -0.0], jnp.bfloat16),
    "complex64": jnp.array([1 - 2j, complex(np.nan, -0.0)]),
    "special": jnp.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 3e38, 1e-38], jnp.float32),
    "key": minijax.random.key(3),
    "keys": minijax.random.split(minijax.random.key(3), (2, 3)),
}


@pytest.mark.parametrize("value", VALUES)
def test_there_and_back(value):
    x = VALUES[value]
    y = on_xla(lambda x: (x, jnp.stack([x, x])))(x)
    for found, expected in zip(y, (x, jnp.stack([x, x]))):
        assert not fetched(found)
        assert (found.aval, found.shape, found.dtype, found.ndim, found.size) == (
            expected.aval, expected.shape, expected.dtype, expected.ndim, expected.size,
        )  # fmt: skip
        assert found._value.tobytes() == expected._value.tobytes()
        assert repr(found) == repr(expected)


def test_64_bits_without_telling_jax():
    with minijax.enable_x64():
        x = jnp.array([1.0, 1 + 2**-50])
        y = on_xla(lambda x: x - 1)(x)
        assert y.dtype == np.float64 and y.tolist() == [0, 2**-50]


def test_results_that_are_constants_and_arguments():
    x, c = jnp.arange(3.0), jnp.array([5, 6])
    same, constant, number = on_xla(lambda x: (x, c, 2.0))(x)
    assert (same.tolist(), constant.tolist(), number.weak_type, float(number)) == ([0, 1, 2], [5, 6], True, 2)
    assert on_xla(lambda: 3)() == 3 and on_xla(lambda x: ())(x) == ()


def test_derivatives_of_integers():
    f = lambda x, n: x * n
    assert minijax.vjp(on_xla(f), 2.0, 3)[1](1.0)[1].dtype == minijax.dtypes.float0
    for _ in range(3):
        found = on_xla(minijax.grad(f, argnums=(0, 1), allow_int=True))(2.0, np.array([3]).reshape(()))
        assert (float(found[0]), found[1].dtype, found[1].shape) == (3, minijax.dtypes.float0, ())


# ---------------------------------------------------------------------------------------------------------------------
# Arrays on the device


def test_arrays_stay_on_the_device(transfers):
    f = on_xla(lambda params, x: ([p * 0.5 for p in params], x + params[0]))
    params, x = [jnp.ones(4), jnp.ones(2)], jnp.ones(4)
    f(params, x)
    assert len(transfers) == 3
    for _ in range(3):
        params, x = f(params, x)
    assert len(transfers) == 3 and not any(fetched(p) for p in [*params, x])
    assert x.tolist() == [2.75] * 4 and fetched(x)
    assert (jnp.sin(x) + x).shape == (4,), "NumPy computes with it too"
    f(params, x)
    assert len(transfers) == 3


def test_futures():
    y = on_xla(lambda x: x @ x)(jnp.ones((500, 500)))
    assert y.block_until_ready() is y and minijax.block_until_ready({"y": y})["y"] is y and not fetched(y)
    assert y.copy_to_host_async() is None and y[0, 0] == 500
    assert {str(d) for d in y.devices()} == {str(y.device)} == {"cpu:0"}


def test_donated_arrays_are_lost():
    f = on_xla(lambda given, x: ([p + x for p in given], x), donate_argnums=0)
    given, x = [on_xla(jnp.sin)(jnp.ones(4)), jnp.ones(4)], jnp.ones(4)
    for _ in range(3):  # The first call traces; the second call keeps what recognises the third.
        taken, x = f(given, x)
        assert all(g.is_deleted() for g in given) and not any(t.is_deleted() for t in taken) and not x.is_deleted()
        with pytest.raises(RuntimeError, match=r"Array has been deleted with shape=float32\[4\]"):
            given[0] + 1
        given = taken
    assert taken[1].tolist() == [4.0] * 4
    assert "%given_0_: tensor<4xf32> {tf.aliasing_output = 0 : i32}, %given_1_" in f.lower(taken, x).as_text()


def test_an_array_that_is_looked_at_is_not_overwritten():
    x = on_xla(jnp.sin)(jnp.ones(4))
    view = np.asarray(x)
    before = view.copy()
    on_xla(lambda x: x * 2, donate_argnums=0)(x)
    np.testing.assert_array_equal(view, before)


def test_equal_programs_are_compiled_once():
    def make(c):
        return on_xla(lambda x: jnp.cos(x * c) - 0.123)

    first, x = make(2.0), jnp.ones(5)
    first(x)
    n = len(xla._executables)
    same, other = make(2.0), make(3.0)
    same(x), other(x)
    assert len(xla._executables) == n + 1
    other(jnp.ones(6))
    assert len(xla._executables) == n + 2
    first.clear_cache()


def test_memory_is_that_of_jaxs_program():
    def gradient(lib):
        def loss(w, alpha, x):
            kernels = lib.numpy.exp(-(((x @ w)[..., None] - np.float32([-1, 0, 1])) ** 2))
            return ((kernels * alpha).sum(-1) ** 2).mean()

        return lib.value_and_grad(loss, (0, 1))

    shapes = [(4, 64), (64, 3), (128, 4)]
    ours = xla.program(
        minijax.make_jaxpr(gradient(minijax))(*map(jnp.ones, shapes)), "gradient"
    ).executable.execute.memory_analysis()
    theirs = jax.jit(gradient(jax)).lower(*map(jax.numpy.ones, shapes)).compile().memory_analysis()
    for kind in ("argument", "output", "temp"):
        assert getattr(ours, f"{kind}_size_in_bytes") == getattr(theirs, f"{kind}_size_in_bytes") > 0, kind


# ---------------------------------------------------------------------------------------------------------------------
# Choosing


def test_text():
    f = minijax.jit(lambda x: 2 * jnp.sin(x))
    x = jnp.ones(3)
    text = f.lower(x, compiler="xla").as_text()
    assert text == on_xla(f.__wrapped__).lower(x).as_text() and "stablehlo.sine %x : tensor<3xf32>" in text
    assert "np.sin(x)" in f.lower(x).as_text() == f.lower(x, compiler="numpy").as_text()
    compiled = f.trace(x).lower(compiler="xla").compile()
    assert compiled.as_text() == text and not fetched(compiled(x))
    assert fetched(f.lower(x).compile()(x))


def test_configured():
    f, x = minijax.jit(lambda x: x * 2), jnp.ones(3)
    for _ in range(3):
        assert fetched(f(x))
    minijax.config.update("minijax_compiler", "xla")
    try:
        for _ in range(3):
            assert not fetched(f(x))
        assert fetched(minijax.jit(lambda x: x, compiler="numpy")(x))
    finally:
        minijax.config.update("minijax_compiler", "numpy")
    assert fetched(f(x))


def run(code: str, **env) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **env})
    assert not done.returncode, done.stderr
    return done.stdout


DIVISIONS = """
import numpy as np, minijax, minijax.numpy as jnp
from minijax import lax
for dtype in ("int8", "int32", "uint8", "uint32"):
    numbers = jnp.array([5, 0, 7, jnp.iinfo(dtype).max, jnp.iinfo(dtype).min], dtype)
    zero, n = jnp.zeros((), dtype), numbers[0]
    for operation in (lax.div, lax.rem, jnp.floor_divide, jnp.remainder):
        programs = {
            "constants": lambda: operation(n, zero),
            "arrays": lambda: operation(numbers, jnp.zeros_like(numbers)),
            "a constant that XLA finds": lambda y: operation(n, y * 0),
            "a broadcast that XLA finds": lambda y: operation(numbers, jnp.broadcast_to(y * 0, (5,))),
            "in a branch": lambda y: lax.cond(y > 100, lambda: operation(n, zero), lambda: n),
            "an argument": lambda y: operation(numbers, y - 5),
            "some are zero": lambda y: operation(y, jnp.array([0, 1, 0, 3, 2], dtype)),
        }
        for name, f in programs.items():
            args = [n] * f.__code__.co_argcount
            got, expected = minijax.jit(f, compiler="xla")(*args), f(*args)
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected, f"{operation} {dtype} {name}")
print(minijax.jit(lambda: jnp.array(5) // 0, compiler="xla")())
"""


def test_integer_divisions_by_zero_in_a_process_of_their_own():
    """XLA divides constants when it compiles, and a division by zero would end the process."""
    assert run(DIVISIONS).split() == ["-2"]


def test_configured_by_the_environment():
    code = "import minijax, sys; y = minijax.jit(lambda x: x * 2)(3.0); print(y, 'jax' in sys.modules)"
    assert run(code, MINIJAX_COMPILER="xla") == "6.0 True\n"
    assert run(code) == "6.0 False\n"


def test_unknown_compiler():
    message = "There is no compiler 'tpu': choose one of 'numpy', 'xla'."
    for call in (
        lambda: minijax.jit(lambda x: x, compiler="tpu"),
        lambda: minijax.jit(lambda x: x).lower(1.0, compiler="tpu"),
        lambda: minijax.pmap(lambda x: x, compiler="tpu")(jnp.ones(1)),
    ):
        with pytest.raises(ValueError, match="^" + message):
            call()


@pytest.fixture
def forgotten():
    """Resets the state of the module to that before the first use of XLA."""
    known = xla._xla()
    xla._xla.cache_clear()
    yield
    xla._xla.cache_clear()
    assert xla._xla().client is known.client


def test_without_jaxlib(forgotten, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError) as e:
        on_xla(lambda x: x * 3)(1.0)
    assert str(e.value) == (
        "compiler=\"xla\" needs jaxlib, and jax around it: python -m pip install 'jax>=0.10,<0.13'. Without them use"
        ' compiler="numpy", the default, which needs NumPy alone.'
    )


@pytest.mark.parametrize(
    ("version", "word"), [("0.9.2", "older"), ("0.4.38", "older"), ("0.13.0", "newer"), ("1.0", "newer")]
)
def test_versions_outside_the_tested_range(forgotten, monkeypatch, version, word):
    monkeypatch.setattr(jax, "__version__", version)
    message = (
        f'compiler="xla": the installed jax {version} is {word} than those that minijax is tested with. If something fails,'
        " or is not there: python -m pip install 'jax>=0.10,<0.13', or use compiler=\"numpy\"."
    )
    f = on_xla(lambda x: x * 3)
    if word == "older":
        with pytest.raises(ImportError) as e:
            f(1.0)
        assert str(e.value) == message
    else:
        with pytest.warns(UserWarning) as caught:
            assert f(1.0) == 3
        assert [str(w.message) for w in caught] == [message]


def test_refused_by_name_and_line():
    @on_xla
    def f(x):
        minijax.debug.print("{}", x)
        return x

    with pytest.raises(NotImplementedError, match=r"Primitive 'debug_print', at .*test_client.py:\d+:\d+ \(f\)"):
        f(1.0)


def test_debug_nans():
    f = on_xla(lambda x: jnp.log(x) + 1)
    with minijax.debug_nans(), pytest.raises(FloatingPointError, match="log"):
        f(-1.0)
    assert np.isnan(f(-1.0))


# ---------------------------------------------------------------------------------------------------------------------
# Several devices

COLLECTIVES = {
    "psum": lambda lax, np: lambda x: x / lax.psum(x, "i"),
    "pmean, pmax, pmin": lambda lax, np: lambda x: (lax.pmean(x, "i"), lax.pmax(x, "i"), lax.pmin(x, "i")),
    "all_gather": lambda lax, np: lambda x: lax.all_gather(x, "i"),
    "psum_scatter": lambda lax, np: lambda x: lax.psum_scatter(x, "i"),
    "all_to_all": lambda lax, np: lambda x: lax.all_to_all(x, "i", 0, 0),
    "ppermute": lambda lax, np: lambda x: lax.ppermute(x, "i", [(0, 1), (1, 2), (2, 0)]),
    "axis_index": lambda lax, np: lambda x: x * lax.axis_index("i"),
    "loop": lambda lax, np: lambda x: lax.fori_loop(0, 3, lambda k, y: y + lax.psum(x, "i"), x),
}


@pytest.mark.parametrize("collective", COLLECTIVES)
@pytest.mark.one_in(7)
def test_pmap(collective):
    x = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
    f = COLLECTIVES[collective](minijax.lax, jnp)
    found = minijax.pmap(f, axis_name="i", compiler="xla")(x)
    for y in minijax.tree.leaves(found):
        assert not fetched(y) and len(y.devices()) == 8
    assert_same(found, jax.pmap(COLLECTIVES[collective](jax.lax, jax.numpy), axis_name="i")(x), rtol=1e-6)


def test_pmap_keeps_the_pieces_where_they_are(transfers):
    step = minijax.pmap(lambda w, x: (w - 0.1 * minijax.lax.pmean(w * x, "i"), x), axis_name="i", compiler="xla")
    w, x = step(jnp.ones((8, 2)), jnp.ones((8, 2)))
    sent = len(transfers)
    for _ in range(3):
        w, x = step(w, x)
    assert len(transfers) == sent and not fetched(w)
    np.testing.assert_allclose(w, np.full((8, 2), 0.9**4), rtol=1e-6)


def test_pmap_within_programs():
    """The equations around the pmap run on one device, and so do other programs that take its results."""

    def loss(jax, np, **compiler):
        f = jax.pmap(
            lambda x, k: x * k / jax.lax.psum(x, "i"), axis_name="i", in_axes=(0, None), out_axes=1, **compiler
        )
        return lambda x: (np.sin(f(x * 2, 3.0)) * x.T).sum()

    x = np.random.default_rng(0).uniform(1, 2, size=(4, 3)).astype(np.float32)
    expected = jax.value_and_grad(loss(jax, jax.numpy))(x)
    ours = loss(minijax, jnp, compiler="xla")
    assert_same(minijax.value_and_grad(ours)(x), expected, rtol=1e-5, atol=1e-6)
    assert_same(on_xla(minijax.value_and_grad(ours))(x), expected, rtol=1e-5, atol=1e-6)
    y = minijax.pmap(lambda x: x + 1, compiler="xla")(x)
    assert_same(on_xla(lambda y: y.sum(0))(y), (x + 1).sum(0), rtol=1e-6)


def test_pmap_of_keys():
    keys = minijax.random.split(minijax.random.key(0), 4)
    f = lambda key: (minijax.random.split(key), minijax.random.uniform(key, (2,)))
    split, numbers = minijax.pmap(f, compiler="xla")(keys)
    expected = minijax.vmap(f)(keys)
    assert split._value.tobytes() == expected[0]._value.tobytes()
    np.testing.assert_array_equal(numbers, expected[1])


def test_pmap_over_chosen_devices():
    devices = minijax.devices()[2:5]
    y = minijax.pmap(lambda x: x * minijax.lax.axis_index("i"), "i", devices=devices, compiler="xla")(jnp.ones(3))
    assert y.tolist() == [0, 1, 2] and {d.id for d in y.devices()} == {2, 3, 4}


def test_too_few_devices():
    with pytest.raises(ValueError) as e:
        minijax.pmap(lambda x: x, compiler="xla")(jnp.ones(9))
    assert str(e.value) == (
        "pmap of an axis of size 9 requires 9 replicas, but only 8 devices are available. Ask for more with the environment"
        " variable XLA_FLAGS=--xla_force_host_platform_device_count=9, before jax is imported, or use vmap."
    )
    with pytest.raises(ValueError, match='pmap with compiler="xla" over 12 devices: jaxlib has 8.'):
        devices = [minijax.foundation.device.device_of_id(i) for i in range(12)]
        minijax.pmap(lambda x: x, devices=devices, compiler="xla")(jnp.ones(12))
