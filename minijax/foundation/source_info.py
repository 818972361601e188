"""Where an equation comes from: the user's expression, and the rules that were applied to it.

Every equation has an `Origin`. Its place is the innermost frame outside this package: keeping the code object and the
instruction's offset, and looking up line and columns only when somebody asks, costs well under a microsecond.

A function that applies rules, or runs equations one by one, says with `context.origin` what the equations that it writes
stand for, and is marked by `interpreter`. `current_origin` walks up the stack to the first frame of the user's, or to such a
function, whichever is nearer. So the gradient of a jitted function shows the lines of the function, not the line that called
`grad`; and an equation of a rule that the user wrote shows the line of that rule.
"""

from __future__ import annotations

import dis
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from types import CodeType
from typing import Any, NamedTuple

from .threads import PerThread

# The folder of the package: the user's frames are those outside.
PACKAGE_DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


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
        return self._position()[0] or self.code.co_firstlineno

    @property
    def columns(self) -> tuple[int, int] | None:
        """The first column of the expression, from 0, and the one behind its end; None if Python did not keep them."""
        _, _, start, end = self._position()
        return None if start is None or end is None else (start, end)

    def _position(self) -> tuple[int | None, int | None, int | None, int | None]:
        """(line, last line, column, last column)"""
        return next(islice(self.code.co_positions(), self.offset // 2, None), (None,) * 4)

    @property
    def function(self) -> str:
        return self.code.co_name

    @property
    def name_stack(self) -> str:
        """The names of `named_scope`, which minijax does not keep: none."""
        return ""

    @property
    def target(self) -> str | None:
        """The variable that gets the result, if storing it is the next thing the program does."""
        return _targets(self.code).get(self.offset)

    def __str__(self) -> str:
        column = "" if self.columns is None else f":{self.columns[0]}"
        return f"{self.file_name}:{self.line}{column} ({self.function})"


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


class Rule(NamedTuple):
    """A rule of a primitive: "jvp", "transpose" or "batch", and where it stands in the source."""

    primitive: str
    kind: str
    file_name: str | None
    line: int | None


class Origin(NamedTuple):
    """Where an equation comes from.

    place: the user's expression, or None. primitive, kind: the rule that wrote the equation; None if the user's program did.
    role: "primal", "tangent", "cotangent" or "batch". parents: the origins that the rule was applied to. is_result: whether the
    equation computes the value of the user's expression, and so may have the user's name for it; the other equations of a rule
    do not. An origin refers to no equation, variable or parameter: it keeps no array alive.
    """

    place: SourceInfo | None
    primitive: Any = None
    kind: str | None = None
    role: str = "primal"
    parents: tuple[Origin, ...] = ()
    is_result: bool = True

    # One is made for every equation that is written. `tuple.__new__` takes half the time of the constructor.

    def derived(self, primitive: Any, kind: str, role: str) -> Origin:
        """The origin of what a rule of `primitive` writes, applied to an equation of this origin."""
        return tuple.__new__(Origin, (self[0], primitive, kind, role, (self,), False))

    def batched(self, primitive: Any) -> Origin:
        """The origin of the equation that computes the same for a batch: its result has the same name."""
        return tuple.__new__(Origin, (self[0], primitive, "batch", "batch", (self,), self[5]))

    def within(self, around: Origin) -> Origin:
        """The origin of a line in a rule that the user wrote; the rule works on an equation of origin `around`."""
        return tuple.__new__(Origin, (self[0], around[1], around[2], around[3], (around,), False))

    def lowered_from(self, around: Origin, primitive: Any) -> Origin:
        """The origin of a line in the function to which the user lowers a primitive, for an equation of origin `around`."""
        return tuple.__new__(Origin, (self[0], primitive, "lowering", around[3], (around,), self[5]))

    def of_sum(self, add: Any, parents: tuple[Origin, ...]) -> Origin:
        """The origin of a sum of cotangents; a rule that works on an equation of this origin asks for the sum."""
        return tuple.__new__(Origin, (self[0], add, "transpose", "cotangent", parents, False))

    def without_name(self) -> Origin:
        return tuple.__new__(Origin, (*self[:5], False))

    def as_tangent(self) -> Origin:
        return tuple.__new__(Origin, (self[0], self[1], self[2], "tangent", self[4], False))

    def same_place(self, other: Origin) -> bool:
        """Whether both come from one run of one expression. (To compare code objects by value takes long.)"""
        a, b = self[0], other[0]
        return a is b or (a is not None and b is not None and a[1] == b[1] and a[0] is b[0])

    def has_parents_of(self, other: Origin) -> bool:
        return all([any([a is b for b in self[4]]) for a in other[4]])

    def merged(self, other: Origin | None) -> Origin:
        """The origin of one equation that does the work of two."""
        if other is None or (self.same_place(other) and self[3] == other[3] and self.has_parents_of(other)):
            return self
        return tuple.__new__(Origin, (*self[:4], (self, other), self[5]))

    @property
    def rule(self) -> Rule | None:
        """The rule that wrote the equation."""
        if self.primitive is None:
            return None
        function = inspect.unwrap(getattr(self.primitive, self.kind, None))
        code = getattr(function, "__code__", None)
        name = self.primitive.name
        return (
            Rule(name, self.kind, None, None)
            if code is None
            else Rule(name, self.kind, code.co_filename, code.co_firstlineno)
        )

    def places(self) -> Iterator[SourceInfo]:
        """Every expression of the user's that the equation comes from, the nearest first, each once."""
        seen, waiting = set(), [self]
        while waiting:
            origin, *waiting = waiting
            key = None if origin.place is None else (id(origin.place.code), origin.place.offset)
            if key is not None and key not in seen:
                seen.add(key)
                yield origin.place
            waiting += origin.parents

    def __repr__(self) -> str:
        rule = "" if self.primitive is None else f", {self.kind} of {self.primitive.name}"
        return f"Origin({summarize(self.place)}, {self.role}{rule})"


class _Context(PerThread):
    # The origin of the equations that the running rule writes; None outside of rules.
    origin: Origin | None = None


context = _Context()

# {id of a code object: what is known of the function}. True: it is an `interpreter`. False: another function of this package. A
# dictionary: a function of the user's, {offset: the origin of an equation that is written there}. By id, since comparing code
# objects takes long; the objects are kept, so that no other has their id.
_functions: dict[int, bool | dict[int, Origin]] = {}
_codes: list[CodeType] = []
# Beyond so many functions all of the user's are forgotten: a program may make new ones without end.
_MAXIMUM = 10_000


def interpreter(function: Callable) -> Callable:
    """Decorator for a function that sets `context.origin` and puts back what was: what it does comes from there, and not from
    its caller's place."""
    _functions[id(function.__code__)] = True
    _codes.append(function.__code__)
    return function


def _met(code: CodeType) -> bool | dict[int, Origin]:
    """What is known of a function that was not met before."""
    if len(_codes) >= _MAXIMUM:
        _codes[:] = [c for c in _codes if type(_functions[id(c)]) is bool]
        for key in [key for key, known in _functions.items() if type(known) is dict]:
            del _functions[key]
    _codes.append(code)
    known = _functions[id(code)] = False if code.co_filename.startswith(PACKAGE_DIRECTORY) else {}
    return known


def current_origin() -> Origin | None:
    """The origin of an equation that is written now; None if nothing is known. The caller is a function of this package, and so
    the search begins with the caller's caller."""
    # Asked for every operation of a derivative: each step of this loop is felt.
    frame = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        known = _functions.get(id(code))
        if known is None:
            known = _met(code)
        if known is True:
            if context.origin is not None:
                return context.origin
        elif known is not False:
            offset, around = frame.f_lasti, context.origin
            origin = known.get(offset)
            if origin is None:
                origin = known[offset] = Origin(SourceInfo(code, offset))
            # Within a rule of the user's own: a line of the rule.
            return origin if around is None else origin.within(around)
        frame = frame.f_back
    return None


def current() -> SourceInfo | None:
    """The user's expression that is running, or the one that the running rule was applied to."""
    origin = current_origin()
    return None if origin is None else origin.place


def summarize(source_info: SourceInfo | None) -> str:
    """`file:line:column (function)`, or a phrase that says that nothing is known."""
    return str(source_info) if source_info is not None else "an unknown place"
