"""Where in the user's program an equation came from.

Every equation keeps the innermost frame outside this package. Keeping the code object and the instruction's offset, and
looking the line up only when somebody asks, makes a record cost well under a microsecond.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import CodeType
from typing import NamedTuple

PACKAGE_DIRECTORY = os.path.dirname(os.path.abspath(__file__)) + os.sep

# {file name: is it ours?}: a program has few files and a trace asks about the same ones for every equation.
_internal: dict[str, bool] = {}


class SourceInfo(NamedTuple):
    """One place in a program: a code object and the offset of the instruction that ran."""

    code: CodeType
    offset: int

    @property
    def file_name(self) -> str:
        return self.code.co_filename

    @property
    def line(self) -> int:
        """The line number, from 1."""
        for start, end, line in self.code.co_lines():
            if start <= self.offset < end and line is not None:
                return line
        return self.code.co_firstlineno

    @property
    def function(self) -> str:
        return self.code.co_name

    def __str__(self) -> str:
        return f"{self.file_name}:{self.line} ({self.function})"


# The code objects of functions that run equations one by one, in a variable `eqn`.
_interpreters: set[CodeType] = set()


def interpreter(function: Callable) -> Callable:
    """Decorator for such a function: what it does for an equation comes from that equation's place, not from its caller's.

    So the gradient of a jitted function shows the lines of the function, not the line that called `grad`.
    """
    _interpreters.add(function.__code__)
    return function


def current() -> SourceInfo | None:
    """The innermost place outside minijax on the running thread's stack; None if there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        ours = _internal.get(name)
        if ours is None:
            ours = _internal[name] = name.startswith(PACKAGE_DIRECTORY)
        if not ours:
            return SourceInfo(code, frame.f_lasti)
        if code in _interpreters:
            eqn = frame.f_locals.get("eqn")
            if eqn is not None and eqn.source_info is not None:
                return eqn.source_info
        frame = frame.f_back
    return None


def summarize(source_info: SourceInfo | None) -> str:
    """`file:line (function)`, or a phrase that says that nothing is known."""
    return str(source_info) if source_info is not None else "an unknown place"
