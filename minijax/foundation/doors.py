"""Doors: modules with JAX's public names. They show classes and functions that the rooms define."""

import inspect
from collections.abc import Collection


def at_the_door(namespace: dict, lazy: Collection[str] = ()):
    """Set the `__module__` of the public classes that a door shows: `minijax.errors.TracerBoolConversionError` has this name in
    tracebacks and pickles, and the room's file that defines it can move.

    namespace: the door's `globals()`, with an `__all__`. lazy: names in `__all__` that are imported at their first use.
    """
    for name in set(namespace["__all__"]).difference(lazy):
        value = namespace[name]
        # Set it once: the `SymbolicZero` at the door of custom derivatives is the `Zero` of `minijax.core`.
        if inspect.isclass(value) and value.__module__.startswith("minijax.") and value.__module__.count(".") > 1:
            value.__module__ = namespace["__name__"]
