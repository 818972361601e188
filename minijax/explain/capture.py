"""Finds the function that a command names, and the arguments of a call of it: a script runs up to that call."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from .. import numpy as jnp
from ..core.array import to_array
from ..core.avals import ShapedArray
from ..core.traces import Tracer
from ..foundation.dtypes import as_dtype, canonicalize_dtype, short_dtype_name
from ..foundation.pytrees import tree_map
from ..foundation.source_info import PACKAGE_DIRECTORY
from .watching import Reached, load, run_until


class BadInput(Exception):
    """What the user asked for cannot be. The text is one line."""


def split_target(target: str) -> tuple[str, str]:
    """(file, name of the function) of `FILE.py:function`."""
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name:
        raise BadInput(f"{target} names no function: write FILE.py:function")
    check_is_file(file)
    return os.path.abspath(file), name


def check_is_file(file: str) -> None:
    if not os.path.isfile(file):
        raise BadInput(f"there is no file {file}")


def _without_traces(x: Any) -> Any:
    """The value behind a tracer, or its type where it has none: a function is often first called by grad, jit or vmap."""
    if not isinstance(x, Tracer):
        return x
    value = x.to_concrete_value()
    return ShapedArray(x.aval.shape, x.aval.dtype, x.aval.weak_type) if value is None else to_array(value)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}{': ' + lines[0] if lines else ''}"


def run_to_call(file: str, name: str, call: int = 1, argv: Sequence[str] = ()) -> tuple[FunctionType, tuple, dict]:
    """(function, arguments, keyword arguments) of a call, the first by default, that the script makes when it runs.

    Raises BadInput if the script fails before, or never makes the call.
    """
    where = defined_in(file, name)
    try:
        seen = run_until(file, where, name, call, argv, PACKAGE_DIRECTORY)
    except Reached as reached:
        function, args, kwargs = reached.call
        return function, *tree_map(_without_traces, (args, kwargs))
    except Exception as error:
        raise BadInput(f"{file} failed before it called {name}: {_first_line(error)}") from error
    if seen:
        times = "once" if seen == 1 else f"{seen} times"
        raise BadInput(f"{file} calls {name} {times} only: --call {call} is too many")
    if where is None:
        raise BadInput(f"{file} calls no function {name}: it defines {', '.join(functions_in(file)) or 'none'}")
    raise BadInput(f"{file} ran to its end and never called {name}: give its arguments by --args")


def defined_in(file: str, name: str) -> str | None:
    """The script if it defines the function; else None: the script imports it."""
    return file if any(n == name or n.endswith(f".{name}") for n in functions_in(file)) else None


def functions_in(file: str) -> list[str]:
    """The functions that a file defines, as one names them on the command line."""
    with open(file, "rb") as source:
        try:
            code = compile(source.read(), file, "exec")
        except SyntaxError as error:
            raise BadInput(f"{file} is no Python: {_first_line(error)}") from None
    return list(dict.fromkeys(_defined(code)))


def _defined(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if not constant.co_name.startswith("<") and constant.co_flags & inspect.CO_OPTIMIZED:
                yield constant.co_qualname.replace("<locals>.", "")
            yield from _defined(constant)


# ---------------------------------------------------------------------------------------------------------------------
# Arguments from the command line


@cache
def _dtypes() -> dict[str, np.dtype]:
    """{short name: dtype}, as jaxprs print them: f32, i8, bool; bf16 where ml_dtypes is installed."""
    names = (
        "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()
    )
    found = [*map(as_dtype, names)]
    try:
        found.append(as_dtype(jnp.bfloat16))
    except ImportError:
        pass
    return {short_dtype_name(dtype): dtype for dtype in found}


_TYPE = re.compile(r"\b([a-z]+[0-9]*)\[([0-9, ]*)\]")


def loaded(file: str, name: str, argv: Sequence[str] = ()) -> tuple[Any, dict]:
    """(function, the file's names), without running what is under `if __name__ == "__main__"`."""
    try:
        found, names = load(file, name, argv)
    except (Exception, SystemExit) as error:
        raise BadInput(f"{file} failed: {_first_line(error)}") from error
    if not callable(found):
        raise BadInput(f"{file} has no function {name}: it has {', '.join(functions_in(file)) or 'none'}")
    return found, names


def with_types(text: str, names: dict) -> tuple[str, list[ShapedArray]]:
    """(an expression for the tuple of arguments, the types in it) of a text: expressions in the file's names, and types such as
    `f32[8,3]`, within containers too. The expression calls the types `__types__[0]` and so on."""
    types: list[ShapedArray] = []

    def of_type(match: re.Match) -> str:
        dtype, shape = match[1], match[2]
        if dtype not in _dtypes():
            if dtype in names:
                return match[0]
            raise BadInput(
                f"--args: {match[0]} is no type: a type is f32[8,3], i32[] or {', '.join(_dtypes())} with a shape"
            )
        types.append(
            ShapedArray(tuple(int(d) for d in shape.split(",") if d.strip()), canonicalize_dtype(_dtypes()[dtype]))
        )
        return f"__types__[{len(types) - 1}]"

    source = _TYPE.sub(of_type, text)
    return f"({source},)" if source.strip() else "()", types


def arguments(text: str, names: dict) -> tuple:
    """The arguments that a text gives."""
    source, types = with_types(text, names)
    scope = {"jnp": jnp, "np": sys.modules["numpy"], "minijax": sys.modules["minijax"], **names, "__types__": types}
    try:
        return eval(source, scope)
    except SyntaxError:
        raise BadInput(f"--args: {text!r} is no list of expressions and types") from None
    except Exception as error:
        raise BadInput(f"--args: {_first_line(error)}") from error
