"""Printing and calling back from traced code (`jax.debug`). It is defined in `api/debug.py`."""

from .api.debug import callback, print
from .foundation.doors import at_the_door

__all__ = ["callback", "print"]

at_the_door(globals())
