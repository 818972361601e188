"""Primitives that carry jaxprs."""

from . import checkpoint, cond, custom_derivatives, jit, scan, while_loop

__all__ = ["checkpoint", "cond", "custom_derivatives", "jit", "scan", "while_loop"]
