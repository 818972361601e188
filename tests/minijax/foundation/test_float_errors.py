"""NumPy is silent while minijax computes, and afterwards handles errors as it did before."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from minijax.foundation.float_errors import DEFAULT, SILENT, with_float_errors

ZERO = np.float32(0)


def quotient():
    return np.float32(1) / ZERO


def test_silent():
    assert with_float_errors(SILENT, quotient) == np.inf
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        quotient()
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        with_float_errors(SILENT, with_float_errors, DEFAULT, quotient)


def test_what_the_user_has_set_is_kept():
    with np.errstate(divide="raise", under="print"):
        before = np.geterr()
        assert with_float_errors(SILENT, quotient) == np.inf
        with pytest.raises(KeyError):
            with_float_errors(SILENT, {}.__getitem__, 1)
        assert np.geterr() == before
        with pytest.raises(FloatingPointError):
            quotient()


X = jnp.float32([0, 1])
CALLS = {
    "eager": lambda: 1 / X,
    "grad": lambda: minijax.grad(lambda x: (1 / x).sum())(X),
    "jit": lambda: minijax.jit(lambda x: 1 / x)(X),
    "vmap": lambda: minijax.vmap(lambda x: 1 / x)(X),
    "number": lambda: jnp.array(1e300, jnp.float32),
    "constant": lambda: minijax.jit(lambda: jnp.float32(1) / jnp.float32(0))(),
}


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "plain"])
@pytest.mark.parametrize("name", CALLS)
def test_no_call_warns_or_changes_the_users_setting(name, fast):
    given = minijax.config.minijax_fast
    minijax.config.update("minijax_fast", fast)
    try:
        for handling in ("warn", "raise", "ignore"):
            with np.errstate(all=handling), warnings.catch_warnings(action="error"):
                before = np.geterr()
                assert np.isinf(np.asarray(CALLS[name]())).any()
                assert np.geterr() == before
    finally:
        minijax.config.update("minijax_fast", given)


def test_a_thread_begins_with_numpys_default():
    seen = []

    def run():
        seen.append(np.geterr())
        jnp.sin(X)
        seen.append(np.geterr())

    with np.errstate(all="raise"):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert seen[0] == seen[1]


def test_a_users_callback_is_warned():
    def callback(x):
        return np.float32(1) / np.asarray(x)

    f = minijax.jit(lambda x: minijax.pure_callback(callback, minijax.ShapeDtypeStruct((), np.float32), x))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        f(0.0)
