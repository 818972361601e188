"""Run minijax with its fast path and without."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
from op_table import Op

import minijax
import minijax.lax
import minijax.numpy as jnp


@contextmanager
def mode(fast: bool):
    """A context in which the fast path is on, or off, for the whole process: a worker runs its tests one after the other."""
    before = minijax.config.minijax_fast
    minijax.config.update("minijax_fast", fast)
    try:
        yield
    finally:
        minijax.config.update("minijax_fast", before)


def loss(op: Op, args):
    """A scalar function that reads each differentiable array before the operation, in the operation and after it."""

    def f(*smooth):
        full = [jnp.asarray(x) for x in args]
        for i, x in zip(op.smooth, smooth):
            full[i] = x * 1
        y = op.function(minijax.lax, *full)
        weights = jnp.asarray(np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype))
        return sum([jnp.sum(x) * 2 for x in smooth], start=jnp.sum(y * weights)).real.astype("float32")

    return f, [jnp.asarray(args[i]) for i in op.smooth]
