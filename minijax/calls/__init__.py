"""Primitives that carry jaxprs."""

from . import jit

__all__ = ["jit"]
