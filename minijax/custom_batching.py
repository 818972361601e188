"""Functions with a batching rule of their own (`jax.custom_batching`). They are defined in `api/custom_batching.py`."""

from .api.custom_batching import custom_vmap, sequential_vmap
from .foundation.doors import at_the_door

__all__ = ["custom_vmap", "sequential_vmap"]

at_the_door(globals())
