"""Printing and calling back from traced code (`jax.debug`). It is defined in `api/debug.py`."""

from .api.debug import (
    DebugEffect,
    OrderedDebugEffect,
    callback,
    log,
    print,
)
from .foundation.doors import at_the_door

__all__ = [
    "DebugEffect",
    "OrderedDebugEffect",
    "callback",
    "log",
    "print",
]

at_the_door(globals())
