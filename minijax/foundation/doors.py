"""Doors: the modules that JAX names in public, which show what the rooms define."""

import inspect
from collections.abc import Collection


def at_the_door(namespace: dict, lazy: Collection[str] = ()):
    """Make the door the home of the public classes that it shows: `minijax.errors.TracerBoolConversionError` keeps that name in
    tracebacks and in pickles, whichever room's file defines it.

    namespace: the door's `globals()`, with an `__all__`. lazy: the names in it that are imported when they are asked for.
    """
    for name in set(namespace["__all__"]).difference(lazy):
        value = namespace[name]
        # Once only: `SymbolicZero` at the door of custom derivatives is the `Zero` of `minijax.core`.
        if inspect.isclass(value) and value.__module__.startswith("minijax.") and value.__module__.count(".") > 1:
            value.__module__ = namespace["__name__"]
