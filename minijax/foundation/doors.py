"""Doors: modules with JAX's public names. They show classes and functions that the rooms define."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import partial
from importlib import import_module
from typing import Any

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
        _show(namespace, namespace[name])


def _show(namespace: dict, value: Any):
    # Set it once: the `SymbolicZero` at the door of custom derivatives is the `Zero` of `minijax.core`.
    if inspect.isclass(value) and value.__module__.startswith("minijax.") and value.__module__.count(".") > 1:
        value.__module__ = namespace["__name__"]


def _missing(module: str, name: str):
    raise absent(module, name)


def on_demand(namespace: dict, modules: Collection[str], names: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a door that imports what many programs do without, when a program first asks for it. Sets the door's
    `__dir__`.

    modules: modules of the package. names: {module, relative to the package: the names of it that the door shows, in one
    string}. No name is that of a module beside it: to import the module would put it in the name's place.
    """
    door, package = namespace["__name__"], namespace["__package__"]
    module_of = {name: module for module, members in names.items() for name in members.split()}

    def find(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in module_of:
            raise absent(door, name)
        value = namespace[name] = getattr(import_module(module_of[name], package), name)
        _show(namespace, value)
        return value

    namespace["__dir__"] = lambda: sorted({*namespace, *modules, *module_of})
    return find
