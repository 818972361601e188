"""Primitives that carry jaxprs, and those that call back into Python.

With them the registry is complete: import it from here to have all of it.
"""

from ..primitives.basis import registry
from . import (
    callbacks,
    checkpoint,
    cond,
    custom_batching,
    custom_derivatives,
    jit,
    linear_solve,
    scan,
    shard_map,
    while_loop,
)

__all__ = [
    "callbacks",
    "checkpoint",
    "cond",
    "custom_batching",
    "custom_derivatives",
    "jit",
    "linear_solve",
    "registry",
    "scan",
    "shard_map",
    "while_loop",
]
