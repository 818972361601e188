"""Printing, calling back and stopping in traced code (`jax.debug`). It is defined in `api/debug.py` and `api/breakpoints.py`."""

from .api.breakpoints import breakpoint
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
    "breakpoint",
    "callback",
    "log",
    "print",
]

at_the_door(globals())
