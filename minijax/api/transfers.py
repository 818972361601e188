"""`device_put`, `device_get`, `block_until_ready`: they move arrays to and from the device, or wait for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.array import ArrayImpl
from ..core.traces import Tracer, check_not_leaked, given
from ..foundation.pytrees import (
    tree_leaves,
    tree_map,
)
from .arguments import as_operand


def device_get(tree: Any) -> Any:
    """The arrays of a pytree as NumPy arrays (`jax.device_get`). Tracers have no values, and stay as they are.

    >>> import minijax.numpy as jnp
    >>> device_get({'a': jnp.arange(3)})
    {'a': array([0, 1, 2], dtype=int32)}
    """

    def get(x):
        if not isinstance(x, Tracer):
            return np.asarray(x)
        check_not_leaked(x)
        return x

    return tree_map(get, tree)


def device_put(tree: Any, device: Any = None) -> Any:
    """The NumPy arrays and numbers of a pytree as arrays (`jax.device_put`); there is one device, the host.

    >>> import numpy as np
    >>> device_put([np.float32(1.0), 2])
    [Array(1., dtype=float32), Array(2, dtype=int32, weak_type=True)]
    """
    return tree_map(lambda x: given(as_operand(x)), tree)


def block_until_ready(tree: Any) -> Any:
    """The pytree, as soon as its arrays are computed (`jax.block_until_ready`). Only arrays of XLA can make it wait.

    >>> import minijax.numpy as jnp
    >>> block_until_ready(jnp.arange(3))
    Array([0, 1, 2], dtype=int32)
    """
    for leaf in tree_leaves(tree):
        if isinstance(leaf, ArrayImpl):
            leaf.block_until_ready()
        elif isinstance(leaf, Tracer):
            check_not_leaked(leaf)
    return tree


__all__ = ["block_until_ready", "device_get", "device_put"]
