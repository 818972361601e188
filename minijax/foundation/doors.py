"""Doors: modules with JAX's public names. They show classes and functions that the rooms define."""

import inspect
from collections.abc import Collection
from functools import partial

from .left_out import absent


def at_the_door(namespace: dict, lazy: Collection[str] = ()):
    """Set the `__module__` of the public classes that a door shows: `minijax.errors.TracerBoolConversionError` has this name in
    tracebacks and pickles, and the room's file that defines it can move.

    namespace: the door's `globals()`, with an `__all__`. lazy: names in `__all__` that are imported at their first use. A
    name that the door has not raises an AttributeError, with the reason if minijax leaves the name out.
    """
    # Python calls a module's `__getattr__` for names that the module has not.
    namespace.setdefault("__getattr__", partial(_missing, namespace["__name__"]))
    for name in set(namespace["__all__"]).difference(lazy):
        value = namespace[name]
        # Set it once: the `SymbolicZero` at the door of custom derivatives is the `Zero` of `minijax.core`.
        if inspect.isclass(value) and value.__module__.startswith("minijax.") and value.__module__.count(".") > 1:
            value.__module__ = namespace["__name__"]


def _missing(module: str, name: str):
    raise absent(module, name)
