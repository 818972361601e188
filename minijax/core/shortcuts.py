"""Every place where a shorter route may stand in for a plain function.

The plain functions are the ones to read: with `config.update("minijax_fast", False)`, or `MINIJAX_FAST=0`, they are what runs.
The folder `fast/` holds the routes and is the only caller of `install`; minijax works without that folder. No operation asks
which mode is on: to change the mode is to put other functions in these places.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

# "module:attribute" of the plain function: what the route in fast/ saves.
PLACES = {
    "core.array:EvalTrace.process_primitive": "abstract evaluation, for elementwise operations on arrays of one dtype and shape",
    "core.array:EvalTrace.enter": "silencing NumPy for each operation: once for a transformation is enough",
    "transforms.transpose:vjp_flat": "running the rules of an operation that has met these types before: see fast/recipes.py",
    "api.jit:JitFunction.__call__": "flattening and looking up the arguments of a call that is like the last one",
    "api.jit:JitFunction.clear_cache": "nothing: the route forgets the last call",
    "numpy.util:apply_unary": "promotion, for arrays whose dtype needs none",
    "numpy.util:apply_binary": "promotion, for two arrays of one dtype, or an array and a number",
    "numpy.operators:operator_of": "promotion, and a call, for `x + y`",
    "lowering.routes:kept_buffer": "asking the system for large arrays: a program keeps them from call to call",
    "lowering.routes:select_into": "branches that the processor guesses wrongly in np.where",
    "lowering.routes:clamp": "one of the two passes of a clamp between two numbers",
}


def _find(place: str) -> tuple[Any, str]:
    """The module or class that holds the place, and the name there."""
    module, _, path = place.partition(":")
    owner = import_module(f"minijax.{module}")
    *classes, name = path.split(".")
    for part in classes:
        owner = vars(owner)[part]
    return owner, name


@cache
def plain(place: str) -> Any:
    """The plain function of a place, whatever stands there now."""
    owner, name = _find(place)
    return vars(owner)[name]


def install(place: str, route: Any):
    """Put a route, or the plain function, in a place. A place that PLACES does not name raises KeyError."""
    PLACES[place]
    plain(place)
    setattr(*_find(place), route)
