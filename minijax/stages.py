"""The stages a function goes through under `jit` (`jax.stages`). They are defined in `api/jit.py`."""

from .api.jit import Compiled, Lowered, Traced, clear_caches, jit
from .foundation.doors import at_the_door

__all__ = ["Compiled", "Lowered", "Traced", "clear_caches", "jit"]

at_the_door(globals())
