"""Primitives that carry jaxprs, and primitives that call back into Python.

This module completes the registry of primitives: import the registry from here to get every primitive.
"""

from ..primitives.basis import registry
from . import (
    callbacks,
    checkpoint,
    composite,
    cond,
    custom_batching,
    custom_derivatives,
    jit,
    linear_call,
    linear_solve,
    scan,
    scatter_apply,
    shard_map,
    while_loop,
)

__all__ = [
    "callbacks",
    "checkpoint",
    "composite",
    "cond",
    "custom_batching",
    "custom_derivatives",
    "jit",
    "linear_call",
    "linear_solve",
    "registry",
    "scan",
    "scatter_apply",
    "shard_map",
    "while_loop",
]
