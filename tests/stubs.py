"""Stubs for type checkers, of the modules whose functions are made from tables: `python -m tests.stubs` writes them.

A type checker does not run the loops that make `lax.sin` and `Array.sum`, so it does not know them. The stubs are made from
the running modules: a function that a `def` in a module's text defines is imported from there, with its annotations; a function
that a table makes is written out with its signature.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, get_origin

import minijax
from minijax.core import traces
from minijax.core.array import ArrayImpl
from minijax.core.primitive import Primitive
from minijax.numpy import array_methods, operators
from minijax.numpy.scalar_types import _ScalarMeta

PACKAGE = Path(minijax.__file__).parent
NOTE = '"""Made by `python -m tests.stubs` from the code: do not edit."""\n\n'
TYPING = """\
from builtins import bool as _bool
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Never

"""


def parameter(p: inspect.Parameter) -> str:
    star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
    type_ = "" if p.annotation is p.empty else f": {p.annotation}"
    default = "" if p.default is p.empty else " = ..." if type_ else "=..."
    return star + p.name + type_ + default


def definition(name: str, function: Callable, indent: str = "", first: str | None = None) -> str:
    """The line `def name(x: ArrayLike) -> Array: ...`. first: what stands in the place of the first parameter."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    written = [parameter(p) for p in parameters]
    if first is not None:
        written[0] = first
    # Marks of the kinds of parameters: `/` after the positional ones, `*` before those by name.
    for i in reversed(range(len(parameters))):
        kind, before = parameters[i].kind, parameters[i - 1].kind if i else None
        if kind is inspect.Parameter.KEYWORD_ONLY and before not in (kind, inspect.Parameter.VAR_POSITIONAL):
            written.insert(i, "*")
        if kind is inspect.Parameter.POSITIONAL_ONLY and (
            i + 1 == len(parameters) or parameters[i + 1].kind is not kind
        ):
            written.insert(i + 1, "/")
    text = f"{indent}def {name}({', '.join(written)}) -> {signature.return_annotation}: ..."
    # `jnp.bool` and the method `Array.bool` would hide the type.
    return re.sub(r"\bbool\b", "_bool", text)


def written_in_its_module(name: str, function: FunctionType) -> bool:
    """Whether the text of a module has `def name` at its top level."""
    tree = ast.parse(Path(inspect.getfile(function)).read_text())
    return any(isinstance(node, ast.FunctionDef) and node.name == function.__name__ == name for node in tree.body)


def imported(module: str, name: str, package: str) -> str:
    """`from .reductions import sum as sum`, for a module's name within the package."""
    here, there = package.split("."), module.split(".")
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    dots = "." * (len(here) - shared + 1)
    return f"from {dots}{'.'.join(there[shared:])} import {name} as {name}"


def line_of(name: str, value: object, package: str) -> str:
    """How a stub declares one public name of a package."""
    if isinstance(value, Primitive):
        return f"{name}: Primitive"
    if isinstance(value, _ScalarMeta):
        return f"{name}: _ScalarMeta"
    if value is traces.Array:
        return f"from ..core.traces import Array as {name}"
    module = getattr(value, "__module__", None) or ""
    if isinstance(value, FunctionType) and module.startswith("minijax"):
        by_hand = written_in_its_module(name, value) and module != f"minijax.{package}"
        return imported(module, name, f"minijax.{package}") if by_hand else definition(name, value)
    if isinstance(value, type) and module.startswith("numpy"):
        return f"from {module} import {value.__name__} as {name}"
    if isinstance(value, type):
        return imported(home(value.__name__, value), value.__name__, f"minijax.{package}")
    if get_origin(value):
        return imported(home(name, value), name, f"minijax.{package}")
    if isinstance(value, (float, type(None))):
        return f"{name}: {'None' if value is None else 'float'}"
    return f"{name}: {'Callable[..., Any]' if callable(value) else 'Any'}"


def home(name: str, value: Any) -> str:
    """The module whose text defines a class, or another name of types. A door gives its own name to classes that it shows:
    `__module__` names the door."""
    defines = re.compile(rf"^(class {name}\b|{name}: TypeAlias)", re.MULTILINE)
    for module_name, module in sorted(sys.modules.items()):
        if module_name.startswith("minijax") and getattr(module, name, None) is value:
            if defines.search(Path(inspect.getfile(module)).read_text()):
                return module_name
    return value.__module__


def package_stub(package: str, more: str = "") -> str:
    module = getattr(minijax, package)
    lines = [line_of(name, getattr(module, name), package) for name in sorted(module.__all__) if name not in more]
    imports = (
        f"{TYPING}\nfrom ..core.primitive import Primitive\nfrom ..core.traces import Array\n"
        "from ..core.types import ArrayLike, Axis, DTypeLike, Index, Shape\n"
    )
    return NOTE + imports + more + "\n" + "\n".join(sorted(lines, key=lambda line: not line.startswith("from"))) + "\n"


# ---------------------------------------------------------------------------------------------------------------------
# The stub of `core/traces.py`: the text of the module without the bodies of functions, and the methods of Array


def skeleton(node: ast.stmt) -> Iterator[str]:
    """The lines of a class or function without bodies and docstrings."""
    if isinstance(node, ast.FunctionDef):
        node = ast.parse(ast.unparse(node)).body[0]
        node.body = [ast.Expr(ast.Constant(...))]
        yield from ast.unparse(node).splitlines()
    elif isinstance(node, ast.ClassDef):
        inside = [line for inner in node.body for line in skeleton(inner)]
        bases = f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""
        yield f"class {node.name}{bases}:"
        yield from ([f"    {line}" for line in inside] or ["    ..."])
    elif isinstance(node, ast.AnnAssign):
        yield f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}"
    elif isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
        yield ast.unparse(node)


SELF = "self"
COMPARED_WITH_ANYTHING = ("__eq__", "__ne__")


def array_lines() -> Iterator[str]:
    """The body of `class Array`: what tables install on it, and what arrays have beside."""
    yield "    __array_priority__: int"
    # An array has no hash. That is no override of `object.__hash__` for a type checker, which knows it from NumPy's arrays.
    yield "    __hash__: None  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]"
    properties = {name: getter for name, getter in array_methods._properties.items() if name not in ("at", "flat")}
    fixed = {"at": "_IndexUpdateHelper", "flat": "Never"}
    for name in sorted({*properties, *fixed}):
        yield f"    @property\n    def {name}(self) -> {fixed.get(name) or 'Array'}: ..."
    for cls in (traces.Array, ArrayImpl):
        for name, value in sorted(vars(cls).items()):
            if isinstance(value, property) and name not in array_methods._properties and value.fget.__annotations__:
                if cls is traces.Array or not isinstance(vars(traces.Array).get(name), property):
                    yield f"    @property\n{definition(name, value.fget, '    ', SELF)}"
    for name, value in sorted(vars(ArrayImpl).items()):
        if isinstance(value, FunctionType) and "return" in value.__annotations__ and name not in array_methods._methods:
            yield definition(name, value, "    ", SELF)
    yield definition("__len__", traces.Array.__len__, "    ", SELF)
    for name, method in sorted(array_methods._methods.items()):
        if name not in ("__matmul__", "__rmatmul__", "_split", "__setitem__"):
            yield definition(name, method, "    ", SELF)
    yield "    def __matmul__(self, other: ArrayLike, /) -> Array: ..."
    yield "    def __rmatmul__(self, other: ArrayLike, /) -> Array: ..."
    for name, (function, *_) in {**operators._arithmetic, **operators._comparisons}.items():
        result = inspect.signature(function).return_annotation
        dunders = [f"__{name}__"] + [f"__r{name}__"] * (name in operators._arithmetic)
        for dunder in dunders:
            ignored = ""
            if dunder in COMPARED_WITH_ANYTHING:
                ignored = "  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]"
            yield f"    def {dunder}(self, other: ArrayLike, /) -> {result}: ...{ignored}"
    for name in ("neg", "pos", "abs", "invert"):
        yield f"    def __{name}__(self) -> Array: ..."


def traces_stub() -> str:
    source = ast.parse((PACKAGE / "core/traces.py").read_text())
    imports = [
        line for node in source.body if isinstance(node, (ast.Import, ast.ImportFrom)) for line in skeleton(node)
    ]
    lines = [*TYPING.splitlines(), *imports, "from ..foundation.device import Device"]
    lines += [
        "from ..numpy.updates import _IndexUpdateHelper",
        "from .avals import ShapedArray",
        "from .types import ArrayLike, Axis, DTypeLike, Index, Shape",
        "",
    ]
    for node in source.body:
        if isinstance(node, ast.ClassDef) and node.name == "Array":
            lines += ["class Array:", *array_lines()]
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            lines += skeleton(node)
    lines += ["thread_state: _ThreadState"]
    return (
        NOTE + "\n".join(dict.fromkeys(lines[: lines.index("")])) + "\n\n" + "\n".join(lines[lines.index("") :]) + "\n"
    )


ROUNDING = """
import enum

class RoundingMethod(enum.IntEnum):
    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1
"""
STUBS: dict[str, Callable[[], str]] = {
    "core/traces.pyi": traces_stub,
    "lax/__init__.pyi": lambda: package_stub("lax", "from . import linalg as linalg\n" + ROUNDING),
    "numpy/__init__.pyi": lambda: package_stub(
        "numpy",
        "from . import fft as fft\nfrom . import linalg as linalg\nfrom .scalar_types import _ScalarMeta\n\n"
        "bfloat16: _ScalarMeta\n",
    ),
}

if __name__ == "__main__":
    for name, make in STUBS.items():
        (PACKAGE / name).write_text(make())
        print(PACKAGE / name)
