"""Primitives that carry jaxprs."""

from . import custom_derivatives, jit

__all__ = ["custom_derivatives", "jit"]
