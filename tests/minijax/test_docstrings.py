"""Every public name says what it is, and those that one meets first show an example that runs."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from types import GenericAlias, ModuleType
from typing import Any

import pytest

import minijax

FOLDER = Path(minijax.__file__).parent
# The doors: modules that say what is public.
DOORS = sorted(
    name
    for path in FOLDER.rglob("*.py")
    if "\n__all__" in path.read_text()
    for name in [".".join(["minijax", *path.relative_to(FOLDER).with_suffix("").parts]).removesuffix(".__init__")]
    if not {"course", "explain", "alias", "fast", "foundation", "api"}.intersection(name.split(".")[1:])
)
# Every function and class of these has an example. The rest of the library is functions that do what NumPy's and JAX's do, and
# the machines that the notes explain.
WITH_EXAMPLES = {
    "minijax",
    "minijax.ad_checkpoint",
    "minijax.custom_derivatives",
    "minijax.dtypes",
    "minijax.errors",
    "minijax.extend.core",
    "minijax.testing",
    "minijax.tree",
    "minijax.tree_util",
}


def public(door: str) -> dict[str, Any]:
    module = import_module(door)
    named = {name: getattr(module, name) for name in module.__all__}
    return {n: x for n, x in named.items() if callable(x) and not isinstance(x, (ModuleType, GenericAlias))}


def own_docstring(x: Any) -> str | None:
    """The docstring of a function or class, not that of a class above it, nor that of an object's class."""
    if inspect.isclass(x):
        return vars(x).get("__doc__")
    return None if x.__doc__ is type(x).__doc__ else x.__doc__


@pytest.mark.parametrize("door", DOORS)
def test_every_public_name_has_a_docstring(door):
    assert [name for name, x in public(door).items() if not (own_docstring(x) or "").strip()] == []


@pytest.mark.parametrize("door", sorted(WITH_EXAMPLES))
def test_what_one_meets_first_has_an_example(door):
    assert [name for name, x in public(door).items() if ">>>" not in (own_docstring(x) or "")] == []
