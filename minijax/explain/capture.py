"""Finds the function that a command names, and the arguments of a call of it: a script runs up to that call."""

from __future__ import annotations

import gc
import inspect
import os
import re
import runpy
import sys
from collections.abc import Sequence
from types import CodeType, FrameType, FunctionType
from typing import Any

from .. import numpy as jnp
from ..core.array import to_array
from ..core.avals import ShapedArray
from ..core.traces import Tracer
from ..foundation.dtypes import as_dtype, canonicalize_dtype, short_dtype_name
from ..foundation.pytrees import tree_map
from ..foundation.source_info import PACKAGE_DIRECTORY


class BadInput(Exception):
    """What the user asked for cannot be. The text is one line."""


class _Reached(BaseException):
    """The script got to the call. No `except Exception` of the script's stops it."""

    def __init__(self, function, args, kwargs):
        self.call = function, args, kwargs


def split_target(target: str) -> tuple[str, str]:
    """(file, name of the function) of `FILE.py:function`."""
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name:
        raise BadInput(f"{target} names no function: write FILE.py:function")
    if not os.path.isfile(file):
        raise BadInput(f"there is no file {file}")
    return os.path.abspath(file), name


def _without_traces(x: Any) -> Any:
    """The value behind a tracer, or its type where it has none: a function is often first called by grad, jit or vmap."""
    if not isinstance(x, Tracer):
        return x
    value = x.to_concrete_value()
    return ShapedArray(x.aval.shape, x.aval.dtype, x.aval.weak_type) if value is None else to_array(value)


def _function_of(frame: FrameType) -> FunctionType:
    """The function whose call a frame is."""
    code = frame.f_code
    found = [f for f in gc.get_referrers(code) if isinstance(f, FunctionType) and f.__code__ is code]
    for function in found:
        cells = dict(zip(code.co_freevars, function.__closure__ or ()))
        if all(frame.f_locals.get(name) is _content(cell) for name, cell in cells.items()):
            return function
    return found[0]


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _arguments(frame: FrameType) -> tuple[tuple, dict]:
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames
    args = [values[n] for n in names[: code.co_argcount]]
    keywords = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    kwargs = {n: values[n] for n in keywords}
    rest = code.co_argcount + code.co_kwonlyargcount
    if code.co_flags & inspect.CO_VARARGS:
        args += values[names[rest]]
        rest += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        kwargs |= values[names[rest]]
    return tuple(args), kwargs


def _is_called(code: CodeType, file: str | None, name: str) -> bool:
    """Whether a function is the one that is meant. file: where it is defined; None: anywhere but in this package."""
    qualified = code.co_qualname.replace("<locals>.", "")
    if qualified != name and not qualified.endswith(f".{name}"):
        return False
    return code.co_filename == file if file is not None else not code.co_filename.startswith(PACKAGE_DIRECTORY)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}{': ' + lines[0] if lines else ''}"


def run_to_call(file: str, name: str, call: int = 1, argv: Sequence[str] = ()) -> tuple[FunctionType, tuple, dict]:
    """(function, arguments, keyword arguments) of a call, the first by default, that the script makes when it runs.

    Raises BadInput if the script fails before, or never makes the call.
    """
    seen = 0
    # A name that the script does not define is a function that it imports.
    defined_in = file if any(n == name or n.endswith(f".{name}") for n in _names(file)) else None

    def watch(frame: FrameType, event: str, _):
        nonlocal seen
        if event == "call" and _is_called(frame.f_code, defined_in, name):
            seen += 1
            if seen == call:
                args, kwargs = _arguments(frame)
                raise _Reached(_function_of(frame), *tree_map(_without_traces, (args, kwargs)))

    before = sys.argv, sys.path[:], sys.getprofile()
    sys.argv, sys.path[0:0] = [file, *argv], [os.path.dirname(file)]
    sys.setprofile(watch)
    try:
        runpy.run_path(file, run_name="__main__")
    except _Reached as reached:
        return reached.call
    except SystemExit:
        pass
    except Exception as error:
        raise BadInput(f"{file} failed before it called {name}: {_first_line(error)}") from error
    finally:
        sys.setprofile(before[2])
        sys.argv, sys.path[:] = before[0], before[1]
    if seen:
        times = "once" if seen == 1 else f"{seen} times"
        raise BadInput(f"{file} calls {name} {times} only: --call {call} is too many")
    if defined_in is None:
        raise BadInput(f"{file} calls no function {name}: it defines {', '.join(_names(file)) or 'none'}")
    raise BadInput(f"{file} ran to its end and never called {name}: give its arguments by --args")


def _names(file: str) -> list[str]:
    """The functions that a file defines, as one names them on the command line."""
    with open(file, "rb") as source:
        try:
            code = compile(source.read(), file, "exec")
        except SyntaxError as error:
            raise BadInput(f"{file} is no Python: {_first_line(error)}") from None
    found: list[str] = []

    def search(code: CodeType):
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                if not constant.co_name.startswith("<") and constant.co_flags & inspect.CO_OPTIMIZED:
                    found.append(constant.co_qualname.replace("<locals>.", ""))
                search(constant)

    search(code)
    return list(dict.fromkeys(found))


# ---------------------------------------------------------------------------------------------------------------------
# Arguments from the command line

# {short name: dtype}, as jaxprs print them: f32, i8, bool.
DTYPES = {
    short_dtype_name(dtype): dtype
    for dtype in (
        *map(as_dtype, "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()),
        *(as_dtype(dtype) for dtype in (jnp.bfloat16, jnp.complex64, jnp.complex128)),
    )
}
_TYPE = re.compile(r"\b([a-z]+[0-9]*)\[([0-9, ]*)\]")


def load(file: str, name: str, argv: Sequence[str] = ()) -> tuple[Any, dict]:
    """(function, the file's names). The file runs as a module, so that what is under `if __name__ == "__main__"` does not."""
    before = sys.argv, sys.path[:]
    sys.argv, sys.path[0:0] = [file, *argv], [os.path.dirname(file)]
    try:
        names = runpy.run_path(file, run_name=os.path.splitext(os.path.basename(file))[0])
    except Exception as error:
        raise BadInput(f"{file} failed: {_first_line(error)}") from error
    finally:
        sys.argv, sys.path[:] = before
    found: Any = names
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
    if not callable(found):
        raise BadInput(f"{file} has no function {name}: it has {', '.join(_names(file)) or 'none'}")
    return found, names


def arguments(text: str, names: dict) -> tuple:
    """The arguments that a text gives: expressions in the file's names, and types such as `f32[8,3]`, within containers too."""
    types: list[ShapedArray] = []

    def of_type(match: re.Match) -> str:
        dtype, shape = match[1], match[2]
        if dtype not in DTYPES:
            if dtype in names:
                return match[0]
            raise BadInput(
                f"--args: {match[0]} is no type: a type is f32[8,3], i32[] or {', '.join(DTYPES)} with a shape"
            )
        types.append(
            ShapedArray(tuple(int(d) for d in shape.split(",") if d.strip()), canonicalize_dtype(DTYPES[dtype]))
        )
        return f"__types__[{len(types) - 1}]"

    source = _TYPE.sub(of_type, text)
    scope = {"jnp": jnp, "np": sys.modules["numpy"], "minijax": sys.modules["minijax"], **names, "__types__": types}
    try:
        return tuple(eval(f"({source},)" if source.strip() else "()", scope))
    except SyntaxError:
        raise BadInput(f"--args: {text!r} is no list of expressions and types") from None
    except Exception as error:
        raise BadInput(f"--args: {_first_line(error)}") from error
