"""Every public name says what it is, and those that one meets first show an example that runs."""

from __future__ import annotations

import doctest
import inspect
import sys
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
# Every function and class of these has an example.
WITH_EXAMPLES = {
    "minijax",
    "minijax.ad_checkpoint",
    "minijax.custom_derivatives",
    "minijax.dtypes",
    "minijax.errors",
    "minijax.extend.core",
    "minijax.lax",
    "minijax.numpy",
    "minijax.testing",
    "minijax.tree",
    "minijax.tree_util",
}


def public(door: str) -> dict[str, Any]:
    module = import_module(door)
    named = {name: getattr(module, name) for name in module.__all__}
    mine = {n: x for n, x in named.items() if callable(x) and not isinstance(x, (ModuleType, GenericAlias))}
    # NumPy's own classes, as `jnp.floating` is one, have NumPy's docstrings.
    return {n: x for n, x in mine.items() if str(getattr(x, "__module__", "")).partition(".")[0] != "numpy"}


def own_docstring(x: Any) -> str | None:
    """The docstring of a function or class, not that of a class above it, nor that of an object's class."""
    if inspect.isclass(x):
        return vars(x).get("__doc__")
    return None if x.__doc__ is type(x).__doc__ else x.__doc__


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.one_in(3)
def test_every_public_name_has_a_docstring(door):
    assert [name for name, x in public(door).items() if not (own_docstring(x) or "").strip()] == []


@pytest.mark.parametrize("door", sorted(WITH_EXAMPLES))
def test_what_one_meets_first_has_an_example(door):
    assert [name for name, x in public(door).items() if ">>>" not in (own_docstring(x) or "")] == []


def is_collected(x: Any) -> bool:
    """Whether pytest finds a docstring's examples by itself: those of what stands in its own module under its own name."""
    module = sys.modules.get(str(getattr(x, "__module__", None)))
    function = inspect.unwrap(x)
    at_home = getattr(module, getattr(x, "__name__", ""), None) is x
    return at_home and (inspect.isclass(x) or getattr(function, "__globals__", None) is vars(module))


MADE = {f"{door}.{n}": x for door in sorted(WITH_EXAMPLES) for n, x in public(door).items() if not is_collected(x)}


@pytest.mark.parametrize("door", sorted(WITH_EXAMPLES))
@pytest.mark.one_in(4)
def test_the_examples_of_what_a_builder_made_run(door):
    """Pytest looks at functions whose globals are their module's. `jnp.sin` is made by `numpy/util.py`."""
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(verbose=False)
    said: list[str] = []
    for name, x in MADE.items():
        if name.rpartition(".")[0] == door:
            for test in finder.find(x, name, module=False, globs={}):
                runner.run(test, out=said.append)
    assert not said, "".join(said)


def test_there_are_such_examples():
    assert len(MADE) > 50
    assert sum(">>>" in (own_docstring(x) or "") for x in MADE.values()) > 50
