"""fwd_and_bwd, live_arrays, print_environment_info."""

from __future__ import annotations

import gc

import jax
import jax.numpy
import numpy as np
import pytest
from jax_oracle import assert_same_error, assert_same_leaves

import minijax as mj
import minijax.numpy

X = np.float32([0.5, 1.5])


def passes(lib, function, argnums, args, ct, **options):
    fwd, bwd = lib.fwd_and_bwd(function, argnums, **options)
    value, residuals, *aux = fwd(*args)
    again = bwd(residuals, ct)
    return value, bwd(residuals, ct), again, aux


PROGRAMS = {
    "one": lambda lib: passes(lib, lambda x, y: x * y, 0, (X, X + 1), X),
    "two": lambda lib: passes(lib, lambda x, y: x * y, (0, 1), (X, X + 1), X),
    "of one": lambda lib: passes(lib, lambda x, y: x * y, [1], (X, X + 1), X),
    "from the end": lambda lib: passes(lib, lambda x, y, z: x * y + z, (-1, 0), (X, X + 1, X), X),
    "aux": lambda lib: passes(lib, lambda x, y: (x * y, (y, 3)), 0, (X, X + 1), X, has_aux=True),
    "plain": lambda lib: passes(lib, lambda x, y: x * y, 0, (X, X + 1), X, jitted=False),
    "trees": lambda lib: passes(lib, lambda p, n: {"a": p["w"] ** 2, "b": n}, (0,), ({"w": X}, X), {"a": X, "b": X}),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_passes_as_in_jax(name):
    assert_same_leaves(PROGRAMS[name](mj), PROGRAMS[name](jax))


def test_each_pass_is_traced_once():
    traced = []

    def f(x):
        traced.append(x)
        return x * x

    fwd, bwd = mj.fwd_and_bwd(f, 0)
    for x in (1.0, 2.0, 3.0):
        value, residuals = fwd(x)
        assert (float(value), float(bwd(residuals, 1.0))) == (x * x, 2 * x)
    assert len(traced) == 1


def test_errors():
    assert_same_error(lambda lib: lib.fwd_and_bwd(lambda x: x, 3)[0](1.0), "3", (ValueError,))
    assert_same_error(lambda lib: lib.fwd_and_bwd(3, 0), "3", (TypeError,))
    with pytest.raises(TypeError, match="argnums"):
        mj.fwd_and_bwd(lambda x: x, (0, 0))[0](1.0)
    assert_same_error(lambda lib: lib.live_arrays("moon"), "moon", (RuntimeError,))


@pytest.mark.parametrize("lib", [mj, jax])
def test_live_arrays(lib):
    x = lib.numpy.arange(7) + 1
    name = id(x)
    assert any(y is x for y in lib.live_arrays("cpu"))
    del x
    gc.collect()
    assert not any(id(y) == name and y.shape == (7,) for y in lib.live_arrays())


def test_environment(capsys, monkeypatch):
    monkeypatch.setenv("MINIJAX_FAST", "1")
    for lib in (mj, jax):
        text = lib.print_environment_info(return_string=True)
        assert lib.print_environment_info() is None and capsys.readouterr().out == text + "\n"
        for line in (
            "jax",
            f"numpy:  {np.__version__}",
            "python: 3",
            "device info: cpu-",
            "process_count: 1",
            "platform: ",
        ):
            assert line in text
    assert "MINIJAX_FAST=1" in mj.print_environment_info(True)
