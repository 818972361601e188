"""The source text of a Python function, with the source of everything that the function refers to: the text needs only NumPy.

Some operations of a program are longer than an expression: `gather`, `threefry2x32`. The program calls the primitives'
implementations for them. A `Bundle` copies the source of these implementations from their files, and the source of the functions
that they call, from any module.
"""

from __future__ import annotations

import ast
import builtins
import enum
import functools
import importlib
import inspect
import itertools
import math
import operator
import textwrap
import types
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ...core.checks import bare
from ...core.primitive import Primitive
from ..origins import numbered

_MEMO = type(cache(len))

# Modules that a program may import. Every program imports NumPy.
MODULES = {
    np: "numpy as np",
    math: "math",
    operator: "operator",
    functools: "functools",
    itertools: "itertools",
    importlib: "importlib",
}

_MODULE_NAMES = {"enum", "collections", "types", *[text.rpartition(" ")[2] for text in MODULES.values()]}


@cache
def _functions_in(file: str) -> dict[int, list[ast.AST]]:
    """{line number: the functions and lambdas of a file that begin on the line}."""
    with open(file, encoding="utf-8") as stream:
        tree = ast.parse(stream.read())
    found: dict[int, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            line = min([node.lineno, *[d.lineno for d in getattr(node, "decorator_list", [])]])
            found.setdefault(line, []).append(node)
    return found


def _syntax_of(function: types.FunctionType) -> ast.AST | None:
    """The syntax tree of a function; None without a source file, or if two functions on one line look the same."""
    code = function.__code__
    try:
        nodes = _functions_in(code.co_filename).get(code.co_firstlineno, [])
    except (OSError, SyntaxError):
        return None
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    nodes = [n for n in nodes if tuple(a.arg for a in [*n.args.args, *n.args.kwonlyargs]) == names]
    nodes = [n for n in nodes if getattr(n, "name", "<lambda>") == code.co_name]
    if len(nodes) > 1:
        # Several lambdas are on the line: take the lambda whose body begins at the column where the code begins.
        columns = {(line, column) for line, _, column, _ in code.co_positions() if line is not None and column}
        nodes = [n for n in nodes if (n.body.lineno, n.body.col_offset) in columns] if columns else []
    return nodes[0] if len(nodes) == 1 else None


class Bundle:
    """Definitions with distinct names, in an order in which Python can run them.

    externals: {name: an object without source}. The program gets these objects when it is made.
    """

    def __init__(self):
        self.imports: set[str] = {MODULES[np]}
        self.definitions: list[str] = []
        self.externals: dict[str, Any] = {}
        # {name of a function that returns large arrays to the program: the function that makes it}
        self.buffers: dict[str, Callable] = {}
        # {id of an object with a definition: (its name, the object)}. While the object is held, no other object gets its id.
        self._names: dict[int, tuple[str, Any]] = {}
        self._taken: set[str] = {*_MODULE_NAMES, *dir(builtins)}
        # Names of local variables. A definition must not have one of these names, because the variable would hide the definition.
        self.locals: set[str] = set()

    def text(self) -> str:
        return "\n\n\n".join(["\n".join(sorted(f"import {name}" for name in self.imports)), *self.definitions])

    def has(self, name: str) -> bool:
        return name in self._taken

    def reserve(self, name: str) -> str:
        """An unused name: `name`, or `name` with a number."""
        name = next(n for n in numbered(name) if n not in self._taken and n not in self.locals)
        self._taken.add(name)
        return name

    def expression(self, value: Any, hint: str = "constant") -> str:
        """Text that evaluates to `value`. The definitions that the text needs are added to the bundle."""
        if isinstance(value, Primitive):
            # An implementation asks for no more than the name of a primitive among its parameters.
            return repr(value.name)
        if value is None or value is Ellipsis or type(value) in (bool, int, str, bytes):
            return repr(value)
        if type(value) in (float, complex):
            return self._number(value)
        if isinstance(value, types.ModuleType) and value in MODULES:
            self.imports.add(MODULES[value])
            return MODULES[value].rpartition(" ")[2]
        if isinstance(value, np.dtype) and value.names is None and value.kind != "V":
            return f"np.dtype({value.name!r})"
        if isinstance(value, types.SimpleNamespace):
            self.imports.add("types")
            inner = ", ".join(f"{name}={self.expression(v, name)}" for name, v in vars(value).items())
            return f"types.SimpleNamespace({inner})"
        if isinstance(value, enum.Enum):
            return f"{self.expression(type(value))}.{value.name}"
        if type(value) in (tuple, list):
            inner = ", ".join(self.expression(v, hint) for v in value)
            return f"[{inner}]" if type(value) is list else f"({inner},)" if len(value) == 1 else f"({inner})"
        if type(value) is dict:
            return f"{{{', '.join(f'{self.expression(k)}: {self.expression(v, hint)}' for k, v in value.items())}}}"
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return f"{self.expression(type(value))}({', '.join(self.expression(v, hint) for v in value)})"
        if isinstance(value, np.ufunc) or (isinstance(value, type) and issubclass(value, np.generic)):
            name = value.__name__
            if getattr(np, name, None) is value:
                return f"np.{name}"
        if isinstance(value, np.generic) and value.dtype.kind in "biufc":
            return f"np.{value.dtype.name.replace('bool', 'bool_')}({self.expression(value.item())})"
        return self._named(value, hint)

    def _number(self, value) -> str:
        if value == value and value not in (float("inf"), float("-inf")) and type(value) is float:
            return repr(value)
        if type(value) is complex:
            return f"complex({self._number(value.real)}, {self._number(value.imag)})"
        return "np.nan" if value != value else "np.inf" if value > 0 else "-np.inf"

    def _named(self, value: Any, hint: str, own_name: bool = True) -> str:
        value = bare(value)
        if isinstance(value, _MEMO):
            # A memo is for speed alone: the text has the function itself.
            value = value.__wrapped__
        found = self._names.get(id(value))
        if found is not None:
            return found[0]
        if isinstance(value, types.FunctionType) and (syntax := _syntax_of(value)) is not None:
            # Keep underscores in the function's name: `places = _places(...)` must not become `places = places(...)`.
            name = self.reserve(value.__name__ if own_name and value.__name__ != "<lambda>" else hint)
            self._names[id(value)] = (name, value)
            self.definitions.append(self._function(value, syntax, name))
            return name
        if isinstance(value, type) and (issubclass(value, enum.Enum) or hasattr(value, "_fields")):
            name = self.reserve(value.__name__)
            self._names[id(value)] = (name, value)
            self.definitions.append(self._class(value))
            return name
        if _is_plain_class(value):
            name = self.reserve(value.__name__)
            self._names[id(value)] = (name, value)
            self.definitions.append(self._plain_class(value, name))
            return name
        owner, attribute = getattr(value, "__self__", None), getattr(value, "__name__", None)
        if isinstance(owner, np.ufunc):
            # A method of a ufunc: `np.add.at`.
            return f"{self.expression(owner)}.{attribute}"
        if getattr(value, "__module__", None) is not None and attribute is not None:
            for module in MODULES:
                if getattr(module, attribute, None) is value:
                    return f"{self.expression(module)}.{attribute}"
        if isinstance(value, np.ndarray) and value.size <= 64 and value.dtype.kind in "biufc":
            name = self.reserve(hint)
            self._names[id(value)] = (name, value)
            dtype = self.expression(value.dtype)
            self.definitions.append(f"{name} = np.array({self.expression(value.tolist())}, {dtype})")
            return name
        if isinstance(value, np.dtype):
            return f"np.dtype({value.descr!r})"
        name = self.reserve(hint)
        self._names[id(value)] = (name, value)
        self.externals[name] = value
        return name

    def function(self, function: Callable, name: str) -> str:
        """Text for a function. If the bundle defines the function, its name is `name`, or `name` with a number."""
        if isinstance(function, types.FunctionType):
            return self._named(function, name, own_name=False)
        return self.expression(function, name)

    def _function(self, function: types.FunctionType, syntax: ast.AST, name: str) -> str:
        values = dict(zip(function.__code__.co_freevars, [c.cell_contents for c in function.__closure__ or ()]))
        own = set(function.__code__.co_varnames) | set(function.__code__.co_cellvars)
        tree = _copy(syntax)
        if isinstance(tree, ast.FunctionDef):
            tree.decorator_list = []
        tree = _References(self, name, own, values, function.__globals__).visit(tree)
        if isinstance(tree, ast.Lambda):
            body: list[ast.stmt] = [ast.Return(tree.body)]
        else:
            body = [s for s in tree.body if not _is_docstring(s)]
        definition = ast.FunctionDef(name, _without_annotations(tree.args), body, [], None)
        definition.type_params = []
        return ast.unparse(ast.fix_missing_locations(definition))

    def _class(self, cls: type) -> str:
        if issubclass(cls, enum.Enum):
            self.imports.add("enum")
            kind = "enum.IntEnum" if issubclass(cls, int) else "enum.Enum"
            members = "\n".join(f"    {m.name} = {m.value!r}" for m in cls)
            return f"class {cls.__name__}({kind}):\n{members}"
        self.imports.add("collections")
        return f"{cls.__name__} = collections.namedtuple({cls.__name__!r}, {list(cls._fields)!r})"

    def _plain_class(self, cls: type, name: str) -> str:
        parts, written = [], {}
        for attribute, value in vars(cls).items():
            if not isinstance(value, types.FunctionType):
                if attribute in _CLASS_CONSTANTS:
                    parts.append(f"{attribute} = {self.expression(value)}")
            elif value in written:
                # `__radd__ = __add__`
                parts.append(f"{attribute} = {written[value]}")
            else:
                written[value] = attribute
                parts.append(self._function(value, _syntax_of(value), attribute))
        return f"class {name}:\n" + textwrap.indent("\n\n".join(parts), "    ")


# What a class may have beside its methods.
_CLASS_CONSTANTS = ("__slots__", "__array_ufunc__")
_OF_EVERY_CLASS = (
    "__module__",
    "__doc__",
    "__dict__",
    "__weakref__",
    "__qualname__",
    "__firstlineno__",
    "__static_attributes__",
)


def _is_plain_class(value: Any) -> bool:
    """Whether a class is one of minijax's own, without bases, whose methods have sources."""
    if type(value) is not type or value.__bases__ != (object,) or not value.__module__.startswith("minijax."):
        return False
    allowed = (*_CLASS_CONSTANTS, *_OF_EVERY_CLASS, *getattr(value, "__slots__", ()))
    return all(
        _syntax_of(x) is not None if isinstance(x, types.FunctionType) else name in allowed
        for name, x in vars(value).items()
    )


class Given(Bundle):
    """A bundle for a program that runs here: the program gets functions and arrays as objects, not as source."""

    def expression(self, value: Any, hint: str = "constant") -> str:
        # To make a NumPy number in each step of a loop takes longer than to multiply two; so do dtypes and named tuples.
        made = isinstance(value, (np.generic, np.dtype, enum.Enum)) or (
            isinstance(value, tuple) and hasattr(value, "_fields")
        )
        return self.given(value) if made else super().expression(value, hint)

    def given(self, value: Any) -> str:
        """The name of a number or another constant, which is an object of the program."""
        return self._named(value, "constant")

    def _named(self, value: Any, hint: str, own_name: bool = True) -> str:
        value = bare(value)
        found = self._names.get(id(value))
        if found is None:
            found = self._names[id(value)] = (self.reserve(hint), value)
            self.externals[found[0]] = value
        return found[0]


class _References(ast.NodeTransformer):
    """Replaces every name that a function takes from its module or closure by text that means the same in the bundle."""

    def __init__(self, bundle: Bundle, name: str, own: set[str], values: dict, module: dict):
        self.bundle, self.name, self.own, self.values, self.module = bundle, name, own, values, module

    def visit_Name(self, node: ast.Name):
        if node.id in self.values:
            return self._text(self.values[node.id], f"{self.name}_{node.id}")
        if node.id in self.own or node.id not in self.module:
            return node
        return self._text(self.module[node.id], node.id)

    def visit_Attribute(self, node: ast.Attribute):
        # An attribute of a module or object of minijax, such as `special.erf` or `key_fry.storage`: define the attribute alone.
        if isinstance(node.value, ast.Name) and node.value.id in self.module and node.value.id not in self.own:
            owner = self.module[node.value.id]
            home = owner.__name__ if isinstance(owner, types.ModuleType) else type(owner).__module__
            if home.partition(".")[0] == "minijax" and not isinstance(owner, (enum.Enum, type, types.FunctionType)):
                return self._text(getattr(owner, node.attr), node.attr)
        return self.generic_visit(node)

    def _text(self, value, hint: str) -> ast.expr:
        return ast.parse(self.bundle.expression(value, hint), mode="eval").body

    def _inner(self, node):
        # The parameters of an inner function are not names of the module.
        before = self.own
        self.own = before | {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        if isinstance(node, ast.FunctionDef):
            self.own |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            node.args = _without_annotations(node.args)
            node.returns = None
        self.generic_visit(node)
        self.own = before
        return node

    visit_Lambda = visit_FunctionDef = _inner

    def _comprehension(self, node):
        before = self.own
        self.own = before | {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.generic_visit(node)
        self.own = before
        return node

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension


def _copy(syntax: ast.AST) -> ast.AST:
    if isinstance(syntax, ast.stmt):
        return ast.parse(ast.unparse(syntax)).body[0]
    return ast.parse(ast.unparse(syntax), mode="eval").body


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _without_annotations(args: ast.arguments) -> ast.arguments:
    for a in ast.walk(args):
        if isinstance(a, ast.arg):
            a.annotation = None
    return args


@cache
def parameters(function: Callable) -> dict[str, Any]:
    """{a keyword parameter that a function names: its default}. Other parameters go into its `**params`, and
    the function ignores them."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {p.name: p.default for p in found if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
