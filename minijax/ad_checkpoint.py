"""Checkpointing: `jax.checkpoint` and its policies (`jax.ad_checkpoint`). It is defined in `api/checkpoint.py`."""

from .api.checkpoint import (
    Recompute,
    Saveable,
    checkpoint,
    checkpoint_name,
    checkpoint_policies,
    print_saved_residuals,
    remat,
)
from .foundation.doors import at_the_door

__all__ = [
    "Recompute",
    "Saveable",
    "checkpoint",
    "checkpoint_name",
    "checkpoint_policies",
    "print_saved_residuals",
    "remat",
]

at_the_door(globals())
