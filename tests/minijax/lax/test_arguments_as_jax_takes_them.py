"""Arguments of lax that are nearly right: taken or refused, and by which class, as in JAX."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax as mj

X = np.arange(6, dtype=np.float32).reshape(2, 3)
CALLS = """
    lax.index_in_dim(x, 5, 5)
    lax.index_in_dim(x, 1.5, 5)
    lax.index_in_dim(x, "a", 0)
    lax.index_in_dim(x, 0, 1.0)
    lax.index_in_dim(x, 9, "a")
    lax.broadcast(x, (1.5,))
    lax.broadcast(x, (2.0, 2))
    lax.broadcast(x, "a")
    lax.broadcast_like(x, ())
    lax.broadcast_like(x, 1.0)
    lax.broadcast_like(1.0, x)
    lax.empty([2, 2], "float32")
    lax.empty(np.array([2, 2]), "float32")
    lax.empty(2, "float32")
"""


def outcome(lib, call: str) -> str:
    try:
        return str(eval(call, {"lax": lib.lax, "np": np, "x": lib.numpy.asarray(X)}))
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("call", CALLS.split("\n")[1:-1])
def test_nearly_right(call):
    assert outcome(mj, call.strip()) == outcome(jax, call.strip())
