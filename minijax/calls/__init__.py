"""Primitives that carry jaxprs. With them the registry is complete: import it from here to have all of it."""

from ..primitives.basis import registry
from . import checkpoint, cond, custom_derivatives, jit, scan, while_loop

__all__ = ["checkpoint", "cond", "custom_derivatives", "jit", "registry", "scan", "while_loop"]
