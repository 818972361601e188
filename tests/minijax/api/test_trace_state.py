"""The state of tracing that libraries ask for: objects made of a transformation's results are made outside of it, as in JAX."""

from __future__ import annotations

import jax
import jax.extend.core
import jax.tree_util
import numpy as np
import pytest

import minijax as mj
import minijax.extend.core
import minijax.tree_util


class Box:
    """As flax.nnx's variables, it remembers when it was made."""

    def __init__(self, value, lib):
        self.value, self.lib, self.state = value, lib, lib.extend.core.get_opaque_trace_state()


for lib in (jax, mj):
    lib.tree_util.register_pytree_node(Box, lambda b: ((b.value,), b.lib), lambda lib, xs: Box(*xs, lib))

X = np.ones(3, np.float32)
MADE = {
    "vmap": lambda lib, box: lib.vmap(box)(X),
    "jit": lambda lib, box: lib.jit(box)(X),
    "grad": lambda lib, box: lib.grad(lambda b: b.value.sum())(box(X)),
    "aux": lambda lib, box: lib.value_and_grad(lambda x: (x.sum(), box(x)), has_aux=True)(X)[0][1],
    "jvp": lambda lib, box: lib.jvp(box, (X,), (X,))[1],
    "vjp": lambda lib, box: lib.vjp(lambda b: b.value, box(X))[1](X)[0],
    "linearize": lambda lib, box: lib.linearize(box, X)[0],
    "scan": lambda lib, box: lib.lax.scan(lambda c, y: (box(c.value + y), y), box(X[0]), X)[0],
    "while": lambda lib, box: lib.lax.while_loop(lambda b: b.value.sum() < 5, lambda b: box(b.value + 1), box(X)),
    "cond": lambda lib, box: lib.lax.cond(True, box, box, X),
    "checkpoint": lambda lib, box: lib.checkpoint(box)(X),
    "eval_shape": lambda lib, box: lib.eval_shape(box, X),
    "vmap of vmap": lambda lib, box: lib.vmap(lib.vmap(box))(np.stack([X, X])),
    "vmap of grad": lambda lib, box: lib.vmap(lib.grad(lambda b: b.value))(box(X)),
}


@pytest.mark.parametrize("name", MADE)
def test_results_are_made_outside(name):
    for lib in (jax, mj):
        outside = lib.extend.core.get_opaque_trace_state()
        assert MADE[name](lib, lambda x, lib=lib: Box(x, lib)).state == outside
        inside = []
        lib.vmap(lambda x, lib=lib, inside=inside: inside.append(lib.extend.core.get_opaque_trace_state()) or x)(X)
        assert inside[0] != outside


def test_cond_of_operands_that_can_be_called():
    """Modules of flax.nnx can be called: they are operands, not the functions of JAX's older form of `cond`."""
    for lib in (jax, mj):
        call = lib.tree_util.Partial(lambda x: x + 1, X)
        assert lib.lax.cond(True, lambda f, g: f() + 1, lambda f, g: g(), call, call)[0] == 3


def test_keys_are_close_if_they_are_equal():
    for lib in (jax, mj):
        keys = lib.random.split(lib.random.key(0))
        assert np.asarray(lib.numpy.isclose(keys, keys[:1])).tolist() == [True, False]
        assert not lib.numpy.allclose(keys[0], keys[1])
