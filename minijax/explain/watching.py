"""Runs a script up to a call of a function. This file needs the standard library alone: a process in which the script's library is
JAX runs it, too."""

from __future__ import annotations

import gc
import inspect
import os
import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType, FunctionType


class Reached(BaseException):
    """The script got to the call. No `except Exception` of the script's stops it."""

    def __init__(self, function: FunctionType, args: tuple, kwargs: dict):
        self.call = function, args, kwargs


def function_of(frame: FrameType) -> FunctionType:
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
    except ValueError:  # The cell is not filled yet.
        return None


def arguments_of(frame: FrameType) -> tuple[tuple, dict]:
    """The arguments that a function was called with: the frame must be at its first instruction."""
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


def is_called(code: CodeType, file: str | None, name: str, library: str) -> bool:
    """Whether a function is the one that is meant. file: where it is defined; None: anywhere but in the library's folder."""
    qualified = code.co_qualname.replace("<locals>.", "")
    if qualified != name and not qualified.endswith(f".{name}"):
        return False
    return code.co_filename == file if file is not None else not code.co_filename.startswith(library)


def run_until(file: str, defined_in: str | None, name: str, call: int, argv: Sequence[str], library: str) -> int:
    """Run a script; raise `Reached` at that call. Returns how many calls there were, if these were fewer."""
    seen, last = 0, name.rpartition(".")[2]

    def watch(frame: FrameType, event: str, _):
        nonlocal seen
        # The first two tests are quick: this runs at every call of the script's and of its libraries.
        if event == "call" and frame.f_code.co_name == last and is_called(frame.f_code, defined_in, name, library):
            seen += 1
            if seen == call:
                raise Reached(function_of(frame), *arguments_of(frame))

    before = sys.getprofile()
    with _argv_and_path_restored():
        sys.setprofile(watch)
        try:
            run_file(file, argv)
        except SystemExit:
            pass
        finally:
            sys.setprofile(before)
    return seen


def load(file: str, name: str, argv: Sequence[str]) -> tuple[object, dict]:
    """(the object of that name or None, the file's names). The file runs as a module, so that what is under
    `if __name__ == "__main__"` does not run."""
    with _argv_and_path_restored():
        names = run_file(file, argv, os.path.splitext(os.path.basename(file))[0])
    found: object = names
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
    return found, names


def run_file(file: str, argv: Sequence[str], run_name: str = "__main__") -> dict:
    """Run a file, with these arguments; return its names. A file of a package runs as `python -m package.module` runs it: its
    relative imports work, and a neighbour such as `kaf/sklearn.py` does not hide the library of that name."""
    folder, module = os.path.split(os.path.splitext(os.path.abspath(file))[0])
    own = folder
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        module = f"{package}.{module}"
    sys.argv, sys.path[0:0] = [file, *argv], [folder]
    if folder == own:
        return runpy.run_path(file, run_name=run_name)
    sys.path.append(own)
    return runpy.run_module(module, run_name=run_name, alter_sys=True)


@contextmanager
def _argv_and_path_restored() -> Iterator[None]:
    before = sys.argv, sys.path[:]
    try:
        yield
    finally:
        sys.argv, sys.path[:] = before
