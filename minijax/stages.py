"""The stages a function goes through under `jit` (`jax.stages`). They are defined in `api/stages.py`."""

from .api.jit import clear_caches, jit
from .api.stages import ArgInfo, Compiled, CompilerOptions, Lowered, Traced, Wrapped
from .foundation.doors import at_the_door

__all__ = ["ArgInfo", "Compiled", "CompilerOptions", "Lowered", "Traced", "Wrapped", "clear_caches", "jit"]

at_the_door(globals())
