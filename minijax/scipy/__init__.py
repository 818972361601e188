"""`jax.scipy`: so far its `special` functions."""

from . import special

__all__ = ["special"]
