"""`device_put`, `device_get`, `block_until_ready`."""

from __future__ import annotations

import numpy as np

from ..core.array import ArrayImpl
from ..foundation.pytrees import (
    tree_leaves,
    tree_map,
)
from .arguments import as_operand


def device_get(tree):
    """The arrays of a pytree as NumPy arrays (`jax.device_get`)."""
    return tree_map(np.asarray, tree)


def device_put(tree, device=None):
    """The NumPy arrays and numbers of a pytree as arrays (`jax.device_put`); there is one device, the host."""
    return tree_map(as_operand, tree)


def block_until_ready(tree):
    """Return the pytree when its arrays are computed: at once, unless XLA is computing them (`jax.block_until_ready`)."""
    for leaf in tree_leaves(tree):
        if isinstance(leaf, ArrayImpl):
            leaf.block_until_ready()
    return tree


__all__ = ["block_until_ready", "device_get", "device_put"]
