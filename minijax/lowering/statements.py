"""The lines of a program, and where each puts its array: in place of one that is read for the last time, if it is large.

A line whose expression is a `Call` makes a new array; every other is taken to give what it reads, or a view of it. So it is
known of an array who else may see it, and only what nobody sees any more is written over:

    d = x - c
    k = np.multiply(d, d, out=d)
    k = np.exp(k, out=k)

A program that is run here, and again and again, also gets the other large arrays from one call to the next: see `buffers.py`.
"""

from __future__ import annotations

import linecache
import os
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

# Arrays of at least so many bytes are let go of by `del` when nothing reads them any more, and written over.
LARGE = 1 << 15
# How many bytes of buffers a program keeps between calls.
KEPT = 1 << 30


class Type(NamedTuple):
    shape: tuple[int, ...]
    dtype: Any

    @property
    def bytes(self) -> int:
        return prod(self.shape) * getattr(self.dtype, "itemsize", 8)


class Call(NamedTuple):
    """An expression that makes a new array, which can be told where to: `function(*args, out=...)` followed by `then`.

    text: how one writes it otherwise. elementwise: it may be told to put its result in the place of an operand. whole: its
    operands are among `args`, by name. shape: of what the function gives, if something is to follow.
    """

    text: str
    function: str
    args: tuple[str, ...]
    elementwise: bool = False
    whole: bool = False
    then: str = ""
    shape: tuple[int, ...] | None = None

    def operands(self) -> list[str]:
        """The names among the arguments; none where there are others besides."""
        return [a for a in self.args if a.isidentifier()] if self.whole else []

    def into(self, place: str) -> str:
        if not self.function:
            return place
        return f"{self.function}({', '.join(self.args)}, out={place}){self.then}"


class Line(NamedTuple):
    """`text`, or `writes[0] = call`, which assigns `writes` and reads `reads`; a compound statement has the lines within it
    as `blocks`, each with its header."""

    text: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    blocks: tuple[tuple[str, list], ...] = ()
    origin: Any = None
    call: Call | None = None
    # Whether the result is a view of what is read, and nothing else.
    view: bool = False

    def mentions(self) -> Iterable[str]:
        """The names that are read or written, here or within."""
        yield from self.writes
        yield from self.reads
        for _, lines in self.blocks:
            for line in lines:
                yield from line.mentions()


class _Aliases:
    """Which names of some lines may be of the same memory."""

    def __init__(self, lines: Sequence[Line]):
        self._groups: dict[str, set[str]] = {}
        # Names of memory that these lines have made, and that nobody else has been shown: a callback may keep what it is given.
        self._ours: set[str] = set()
        # Names of whole new arrays.
        self.fresh: set[str] = {line.writes[0] for line in lines if line.call is not None and not line.call.then}
        foreign: set[str] = set()
        for line in lines:
            if line.call is None:
                names = list(line.mentions())
                (self._ours if line.view else foreign).update(line.writes)
                foreign.update(() if line.view else names)
                self._join(names)
            else:
                self._ours.update(line.writes)
        self._ours -= foreign

    def _join(self, names: Sequence[str]):
        joined = set(names).union(*[self._groups.get(n, ()) for n in names])
        self._groups.update(dict.fromkeys(joined, joined))

    def of(self, name: str) -> set[str]:
        return self._groups.get(name) or {name}

    def ours(self, name: str) -> bool:
        """Whether the memory was made here, and no other name of it is from elsewhere."""
        return self.of(name) <= self._ours


class Buffer:
    """A place in the program for large arrays of one type, one after the other; `name()` gives one.

    arrays: how many take turns there. One, if it is read for the last time before the place is needed again; two for a result,
    which is still held when the next is made; in a loop three, where the results of its steps take turns too.
    """

    def __init__(self, name: str, type_: Type):
        self.name = name
        self.type = type_
        self.arrays = 1


class Renderer:
    """Writes lines as text.

    large: the names of large arrays and their types. new_name: for a buffer that is kept; None if none is.
    """

    def __init__(self, large: dict[str, Type], new_name: Callable[[], str] | None):
        self.large = large
        self.buffers: list[Buffer] = []
        self._new_name = new_name
        self._free: dict[Type, list[Buffer]] = {}

    def text(
        self, lines: Sequence[Line], alive: Callable[[str], bool], indent: str = "    ", origin: Any = None
    ) -> list[str]:
        """The text, with comments on where it comes from, and `del` for those of the large names written here that are not
        read again: `alive` says which are still needed after these lines."""
        last = {name: i for i, line in enumerate(lines) for name in line.mentions()}
        local = {name for line in lines for name in line.writes if name in self.large}
        aliases = _Aliases(lines) if local else None
        # {name: names of the same array that go with it}, {name: the buffer that it is in}.
        companions: dict[str, list[str]] = {}
        places: dict[str, Buffer] = {}

        def dead(name: str, i: int) -> bool:
            return all(last.get(n, -1) <= i and not alive(n) for n in aliases.of(name))

        out = []
        for i, line in enumerate(lines):
            if line.view and last[line.writes[0]] == i and not alive(line.writes[0]):
                continue
            if line.origin is not None and line.origin != origin:
                origin = line.origin
                out += [f"{indent}# {text}" for text in _where(origin)]
            over = None
            if line.call is not None and line.writes[0] in local:
                over = self._dying_operand(line, aliases, lambda name, i=i: dead(name, i))
                out.append(f"{indent}{line.writes[0]} = {self._placed(line, over, places)}")
            elif line.call is not None:
                out.append(f"{indent}{line.writes[0]} = {line.call.text}")
            elif line.text:
                out.append(indent + line.text)
            for header, block in line.blocks:

                def alive_within(name, i=i, line=line):
                    return last.get(name, -1) > i or name in line.writes or name in line.reads or alive(name)

                out.append(indent + header)
                out += self.text(block, alive_within, indent + "    ", origin) or [f"{indent}    pass"]
            if not local:
                continue
            gone = [n for n in dict.fromkeys(line.mentions()) if n in local and last[n] == i and not alive(n)]
            if over is not None and last[line.writes[0]] > i:
                # One array of two names: they go together.
                companions[line.writes[0]] = [*companions.pop(over, []), over]
                gone.remove(over)
            for name in [n for n in gone if n in places and dead(n, i)]:
                buffer = places.pop(name)
                self._free.setdefault(buffer.type, []).append(buffer)
            gone = [n for name in gone for n in [*companions.pop(name, ()), name]]
            if gone:
                out.append(f"{indent}del {', '.join(gone)}")
        for buffer in places.values():
            buffer.arrays = 2 if indent == "    " else 3
        return out

    def _dying_operand(self, line: Line, aliases: _Aliases, dead: Callable[[str], bool]) -> str | None:
        """The operand in whose place the result can be put."""
        call, target = line.call, line.writes[0]
        if not call.elementwise:
            return None
        for name in call.args:
            same_type = self.large.get(name) == self.large[target]
            if same_type and name in aliases.fresh and aliases.ours(name) and dead(name):
                if not any(other != name and other in aliases.of(name) for other in call.args):
                    return name
        return None

    def _placed(self, line: Line, over: str | None, places: dict[str, Buffer]) -> str:
        """The call, told where to put its result; if it is worth it."""
        call, target = line.call, line.writes[0]
        if over is not None:
            if over in places:
                places[target] = places.pop(over)
            return call.into(over)
        buffer = self._buffer(self.large[target] if call.shape is None else Type(call.shape, self.large[target].dtype))
        if buffer is None:
            return call.text
        places[target] = buffer
        return call.into(f"{buffer.name}()")

    def _buffer(self, type_: Type) -> Buffer | None:
        free = self._free.get(type_)
        if free:
            return free.pop()
        if self._new_name is None or sum(b.type.bytes for b in self.buffers) + type_.bytes > KEPT:
            return None
        self.buffers.append(Buffer(self._new_name(), type_))
        return self.buffers[-1]


def _where(origin: tuple[str, int]) -> list[str]:
    file, number = origin
    code = linecache.getline(file, number).strip()
    place = f"{os.path.basename(file)}:{number}"
    return [f"{place}  {code}" if code else place]
