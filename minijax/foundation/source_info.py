"""Where in the user's program an equation came from.

Every equation keeps the innermost frame outside this package. Keeping the code object and the instruction's offset, and
looking the line up only when somebody asks, makes a record cost well under a microsecond.
"""

from __future__ import annotations

import dis
import functools
import os
import sys
from collections.abc import Callable
from types import CodeType
from typing import NamedTuple

PACKAGE_DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class SourceInfo(NamedTuple):
    """One place in a program: a code object and the offset of the instruction that ran.

    derived: whether this is the work of a derivative's rule for what the user does there.
    """

    code: CodeType
    offset: int
    derived: bool = False

    def as_derived(self) -> SourceInfo:
        """The same place, as that of what a derivative's rule does."""
        return self if self.derived else tuple.__new__(SourceInfo, (self.code, self.offset, True))

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

    @property
    def target(self) -> str | None:
        """The variable that gets the result, where the next thing that is done with it is to store it."""
        return None if self.derived else _targets(self.code).get(self.offset)

    def __str__(self) -> str:
        return f"{self.file_name}:{self.line} ({self.function})"


@functools.cache
def _targets(code: CodeType) -> dict[int, str]:
    """{offset of an instruction: the variable that the instruction after it stores into}."""
    instructions = [i for i in dis.get_instructions(code) if i.opname != "CACHE"]
    found = {}
    for instruction, after in zip(instructions, instructions[1:]):
        if after.opname.startswith("STORE_") and after.opname not in ("STORE_SUBSCR", "STORE_ATTR", "STORE_SLICE"):
            # Python 3.13 joins two instructions in one, with the names of both.
            name = after.argval if isinstance(after.argval, str) else after.argval[0]
            # A call is at its own offset, or at one of the cache entries behind it.
            found.update(dict.fromkeys(range(instruction.offset, after.offset), name))
    return found


# {id of the code object of a function of ours: its mark, or ""}. By id, since comparing code objects takes long; their code
# objects are kept, so that no other has their id.
_marks: dict[int, str] = {}
_ours: list[CodeType] = []


def interpreter(function: Callable) -> Callable:
    """Decorator for a function that runs equations one by one, in a variable `eqn`: what it does for an equation comes from
    that equation's place, not from its caller's.

    So the gradient of a jitted function shows the lines of the function, not the line that called `grad`.
    """
    return _mark(function, "interpreter")


def deriver(function: Callable) -> Callable:
    """Decorator for a function that applies derivatives' rules: what it does is `derived`."""
    return _mark(function, "deriver")


def _mark(function: Callable, mark: str) -> Callable:
    _remember(function.__code__, mark)
    return function


def _remember(code: CodeType, mark: str) -> str:
    _marks[id(code)] = mark
    _ours.append(code)
    return mark


def current(depth: int = 1) -> SourceInfo | None:
    """The innermost place outside minijax on the running thread's stack; None if there is none. depth: how many of the
    innermost calls are known to be ours, and unmarked."""
    # Asked for every operation of a derivative: each step of this loop is felt.
    derived, frame = False, sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        mark = _marks.get(id(code))
        if mark is None:
            if not code.co_filename.startswith(PACKAGE_DIRECTORY):
                return tuple.__new__(SourceInfo, (code, frame.f_lasti, derived))
            mark = _remember(code, "")
        if mark:
            if mark == "deriver":
                derived = True
            else:
                eqn = frame.f_locals.get("eqn")
                if eqn is not None and eqn.source_info is not None:
                    where = eqn.source_info
                    return where.as_derived() if derived else where
        frame = frame.f_back
    return None


def summarize(source_info: SourceInfo | None) -> str:
    """`file:line (function)`, or a phrase that says that nothing is known."""
    return str(source_info) if source_info is not None else "an unknown place"
