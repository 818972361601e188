"""Primitives that carry jaxprs."""

from . import cond, custom_derivatives, jit, scan, while_loop

__all__ = ["cond", "custom_derivatives", "jit", "scan", "while_loop"]
