"""JAX's options: what a program does under each is what it does in JAX."""

from __future__ import annotations

import logging
import warnings

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
from minijax.foundation.config import watching
from minijax.foundation.xla_options import ONE_VALUE, WITHOUT_EFFECT

V, M, I = np.ones(3, np.float32), np.full((2, 3), 2, np.float32), np.arange(3, dtype=np.int32)


def arrays(lib):
    return [lib.numpy.asarray(x) for x in (V, M, I)]


def outcome(lib, program):
    """The result as text, or the class of the error."""
    try:
        return str(program(lib, *arrays(lib)))
    except Exception as error:
        return type(error).__name__


def product(lib, x):
    return str(lib.make_jaxpr(lambda a: lib.lax.dot(a, a))(x))


# {what: (option, its value, a program)}
PROGRAMS = {
    "ranks, +": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: x + y),
    "ranks, reflected": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: V * y),
    "ranks, function": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: lib.numpy.minimum(y, x)),
    "ranks, number": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: y + 1),
    "ranks, scalar": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: y + x[0]),
    "ranks, equal": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: y + x[None]),
    "ranks, where": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: lib.numpy.where(x > 0, x, y)),
    "ranks, jit": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: lib.jit(lambda a, b: a * b)(x, y)),
    "ranks, grad": ("numpy_rank_promotion", "raise", lambda lib, x, y, i: lib.grad(lambda a: (a * y).sum())(x)),
    "ranks, allowed": ("numpy_rank_promotion", "allow", lambda lib, x, y, i: x + y),
    "strict, +": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: x + i),
    "strict, int and float": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: x + 1),
    "strict, float and int": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: i + 1.0),
    "strict, bool": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: i + True),
    "strict, of bool": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: (x > 0) + 1),
    "strict, numbers": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: lib.numpy.add(1, 2.0)),
    "strict, complex": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: x + 1j),
    "strict, stack": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: lib.numpy.stack([x, i])),
    "strict, where": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: lib.numpy.where(x > 0, x, i)),
    "strict, at": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: x.at[0].set(i[0])),
    "strict, matmul": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: x @ i),
    "strict, result_type": ("numpy_dtype_promotion", "strict", lambda lib, *_: lib.numpy.result_type("int8", "uint8")),
    "strict, jit": ("numpy_dtype_promotion", "strict", lambda lib, x, y, i: lib.jit(lambda a, b: a * b)(x, i)),
    "precision": ("default_matmul_precision", "highest", lambda lib, x, y, i: product(lib, x)),
    "precision, float32": ("default_matmul_precision", "float32", lambda lib, x, y, i: product(lib, x)),
    "precision, None": ("default_matmul_precision", None, lambda lib, x, y, i: product(lib, x)),
    "precision, jit": ("default_matmul_precision", "high", lambda lib, x, *_: lib.jit(lambda a: a @ a).trace(x).jaxpr),
    "no_tracing": ("no_tracing", True, lambda lib, x, y, i: lib.jit(lambda a: a)(x)),
    "no_execution, jit": ("no_execution", True, lambda lib, x, y, i: lib.jit(lambda a: a + 1)(x)),
    "no_execution, eager": ("no_execution", True, lambda lib, x, y, i: x + x),
    "no_execution, grad": ("no_execution", True, lambda lib, x, y, i: lib.grad(lambda a: (a * a).sum())(x)),
    "no_execution, tracing": ("no_execution", True, lambda lib, x, y, i: lib.make_jaxpr(lambda a: a + a)(x)),
    "keys, raw": ("legacy_prng_key", "error", lambda lib, *_: lib.random.normal(lib.random.PRNGKey(0))),
    "keys, typed": ("legacy_prng_key", "error", lambda lib, *_: lib.random.bits(lib.random.key(0))),
    "checks": ("enable_checks", True, lambda lib, x, y, i: lib.jit(lambda a: a * 2)(x)),
    "leaks": ("check_tracer_leaks", True, lambda lib, x, y, i: lib.jit(lambda a: a * 2)(x)),
    "device": ("default_device", "cpu", lambda lib, x, y, i: lib.numpy.ones(2)),
    "no device": ("default_device", 3, lambda lib, *_: None),
    "no choice": ("numpy_rank_promotion", "often", lambda lib, *_: None),
    "no dtype promotion": ("numpy_dtype_promotion", "lax", lambda lib, *_: None),
    "no precision": ("default_matmul_precision", "exact", lambda lib, *_: None),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(4)
def test_as_in_jax(name):
    option, value, program = PROGRAMS[name]

    def under(lib, *args):
        with getattr(lib, option)(value):
            return program(lib, *args)

    assert outcome(mj, under) == outcome(jax, under)


# For the whole process: what was remembered under other options is not used.
@pytest.mark.parametrize("name", [n for n in PROGRAMS if PROGRAMS[n][0] in ("numpy_rank_promotion", "no_execution")])
@pytest.mark.one_in(6)
def test_for_the_process(name):
    option, value, program = PROGRAMS[name]

    def set_for_all(lib, *args):
        before = getattr(lib.config, f"jax_{option}")
        program(lib, *args) if value != "often" else None
        lib.config.update(f"jax_{option}", value)
        try:
            return program(lib, *args)
        finally:
            lib.config.update(f"jax_{option}", before)

    if value == "raise":  # The first call, under the usual options, succeeds.
        assert outcome(mj, program) == outcome(jax, program)
    assert outcome(mj, set_for_all) == outcome(jax, set_for_all)
    assert not watching()


@pytest.mark.parametrize("lib", [mj, jax])
def test_a_function_that_was_traced_is_traced_again(lib):
    x, y, _ = arrays(lib)
    f = lib.jit(lambda a, b: a * b)
    f(x, y)
    with lib.no_tracing():
        f(x, y)
        with pytest.raises(RuntimeError, match="no_tracing"):
            f(y, y)
    with lib.numpy_rank_promotion("raise"), pytest.raises(ValueError, match="jax_numpy_rank_promotion='raise'"):
        f(x, y)
    f(x, y)
    with lib.no_execution(), pytest.raises(RuntimeError, match="no_execution"):
        f(x, y)
    f(x, y)


@pytest.mark.parametrize("lib", [mj, jax])
def test_warnings(lib):
    x, y, _ = arrays(lib)
    with lib.numpy_rank_promotion("warn"), pytest.warns(UserWarning, match="rank promotion .*on shapes"):
        x + y
    with lib.legacy_prng_key("warn"), pytest.warns(UserWarning, match="Legacy uint32 key"):
        lib.random.bits(lib.random.PRNGKey(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x + y
        lib.random.bits(lib.random.PRNGKey(0))


@pytest.mark.parametrize("lib", [mj, jax])
def test_options_decorate_functions(lib):
    x, y, _ = arrays(lib)

    @lib.numpy_rank_promotion("raise")
    def f(depth):
        return f(depth - 1) if depth else x + y

    with pytest.raises(ValueError):
        f(3)
    x + y


def test_an_option_of_the_process_within_a_block():
    with mj.numpy_rank_promotion("raise"):
        f = mj.jit(lambda x: x)
        f(V)
        mj.config.update("jax_enable_x64", True)
        try:
            assert mj.numpy.ones(2).dtype == "float64" and f(1.0).dtype == "float64"
        finally:
            mj.config.update("jax_enable_x64", False)
        assert mj.numpy.ones(2).dtype == "float32"


@pytest.mark.parametrize("lib", [mj, jax])
def test_a_context_of_the_user(lib):
    context, traced = lib.make_user_context(1), []

    @lib.jit
    def f(x):
        traced.append(context.value)
        return x * context.value

    found = [float(f(2.0))]
    for value in (5, 7, 5):
        with context(value):
            found.append(float(f(2.0)))
    assert found == [2, 10, 14, 10] and traced == [1, 5, 7] and context.value == 1


def test_checks_find_a_rule_that_lies():
    f = mj.jit(lambda x: x * 2)

    def lie(jaxpr):
        raise mj.errors.JaxprTypeError("found")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minijax.api.jit.check_jaxpr", lie)
        with mj.enable_checks(), pytest.raises(mj.errors.JaxprTypeError, match="found"):
            f(1.0)
        f(1.0)


@pytest.mark.parametrize("lib", [mj, jax])
def test_log_compiles(lib, caplog):
    def double(x):
        return x * 2

    with caplog.at_level(logging.WARNING):
        lib.jit(double)(V)
        assert not caplog.records
        with lib.log_compiles():
            lib.jit(double)(M)
    texts = [r.getMessage() for r in caplog.records if "double" in r.getMessage()]
    for words in ("Finished tracing double for jit in", "Compiling jit(double) with global shapes and types"):
        assert any(words in text for text in texts), words
    assert any("compilation of jit(double) in" in text for text in texts)


def test_why_a_program_is_traced_again(caplog):
    f = mj.jit(lambda x: x)
    f(V)
    with caplog.at_level(logging.WARNING), mj.explain_cache_misses(), mj.numpy_rank_promotion("raise"):
        f(V)
    assert "jax_numpy_rank_promotion, now raise and before allow" in caplog.text


def test_options_of_xla_may_be_set():
    """They have JAX's names and defaults, and change nothing; a value that would give other numbers is refused."""
    for name, default in WITHOUT_EFFECT.items():
        # The tests set these two.
        if name not in ("jax_enable_compilation_cache", "jax_platforms"):
            assert jax.config.values[name] == default, name
        assert mj.config.values[name] == default
        mj.config.update(name, default)
        assert getattr(mj.config, name) == default
    for name in ONE_VALUE:
        with pytest.raises(NotImplementedError, match=name):
            mj.config.update(name, "another")
    try:
        for platforms in ("cpu", "cuda,cpu", "", None):
            mj.config.update("jax_platforms", platforms)
        with pytest.raises(RuntimeError, match="Unknown backend: jax_platform_name is 'gpu'"):
            mj.config.update("jax_platform_name", "gpu")
    finally:
        mj.config.update("jax_platforms", None)
    with mj.transfer_guard("disallow"), mj.threefry_partitionable(True):
        assert mj.config.jax_transfer_guard == "disallow"
    assert mj.config.jax_transfer_guard is None


def test_options_are_read_by_name_and_from_the_command_line(monkeypatch):
    for lib in (mj, jax):
        assert lib.config.read("jax_enable_x64") is False and lib.config.values["jax_enable_x64"] is False
        with lib.enable_x64(True):
            assert lib.config.read("jax_enable_x64") is True and lib.config.x64_enabled is True
        with lib.disable_jit(disable=False):
            assert lib.config.jax_disable_jit is False
        with pytest.raises(AttributeError, match="Unrecognized config option: nothing"):
            lib.config.read("nothing")
    try:
        monkeypatch.setattr(
            "sys.argv", ["program", "--jax_num_cpu_devices=3", "--jax_enable_x64", "--other=1", "--jax_no=1"]
        )
        mj.config.parse_flags_with_absl()
        assert (mj.device_count(), mj.config.jax_enable_x64) == (3, True)
        monkeypatch.setattr("sys.argv", ["program", "--nojax_enable_x64"])
        mj.config.parse_flags_with_absl()
        assert mj.config.jax_enable_x64 is False
    finally:
        mj.config.update("jax_num_cpu_devices", -1)
        mj.config.update("jax_enable_x64", False)
