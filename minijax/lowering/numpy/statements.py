"""The lines of a program, and where each puts its array: in place of one that is read for the last time, if it is large.

A line whose expression is a `Call` makes a new array; every other is taken to give what it reads, or a view of it. So it is
known of an array who else may see it, and only what nobody sees any more is written over:

    d = x - c
    k = np.multiply(d, d, out=d)
    k = np.exp(k, out=k)

A program that is run here, and again and again, also gets the other large arrays from one call to the next: see `buffers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from ..origins import line_text

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

    def can_be_told(self) -> bool:
        """Whether the result can be put into any place, without more."""
        return self.function not in ("", "np.where") and not self.then

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
    # Whether it does nothing but compute what it writes from what it reads.
    pure: bool = False
    # Where a call puts its array, if that has no name: `rows[i]`.
    place: str = ""

    def mentions(self) -> Iterable[str]:
        """The names that are read or written, here or within."""
        yield from self.writes
        yield from self.reads
        for _, lines in self.blocks:
            for line in lines:
                yield from line.mentions()

    def alike(self) -> Iterable[list[str]]:
        """Names that may be of one array after this line."""
        if self.call is None and not self.blocks:
            yield [*self.writes, *self.reads]
        # A loop's results are not alike for being made together: what it carries is assigned within it.
        for _, lines in self.blocks:
            for line in lines:
                yield from line.alike()


def invariant(
    lines: Sequence[Line], varying: Iterable[str], large: Mapping[str, Type]
) -> tuple[list[Line], list[Line]]:
    """The lines of a loop's body that compute the same in every step, to be written before the loop, and the others.

    varying: the names that the loop itself assigns. What is `large` stays where it would take more room than what it is made
    of: `c = np.broadcast_to(x, shape) + y` is made anew in every step, where its memory is that of others.
    """
    changing = set(varying)
    before, within = [], []
    for line in lines:
        still = line.pure and changing.isdisjoint(line.reads)
        if still and not line.view:
            room = max([large[name].bytes for name in line.reads if name in large], default=0)
            still = all(large[name].bytes <= room for name in line.writes if name in large)
        if not still:
            changing.update(line.writes)
        (before if still else within).append(line)
    return before, within


class _Memory:
    """What some names share: the last line to mention one of them, whether one is needed after the lines, and whether these
    lines made it and nobody else has been shown it."""

    __slots__ = ("last", "alive", "ours")

    def __init__(self):
        self.last = -1
        self.alive = False
        self.ours = True

    def dead(self, i: int) -> bool:
        return self.last <= i and not self.alive


def _memories(lines: Sequence[Line], last: dict[str, int], alive: Callable[[str], bool]) -> dict[str, _Memory]:
    """For each name the memory that it may be in: that of whatever it may be a view of."""
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while (above := leaders.get(name, name)) != name:
            leaders[name] = name = leaders.get(above, above)
        return name

    ours: set[str] = set()
    foreign: set[str] = set()
    for line in lines:
        if line.call is not None:
            ours.update(line.writes)
            continue
        for names in line.alike():
            for name in names[1:]:
                leaders[leader(name)] = leader(names[0])
        if line.view:
            ours.update(line.writes)
        else:
            # A callback may keep what it is given.
            foreign.update(line.mentions())
    found: dict[str, _Memory] = {}
    for name, i in last.items():
        memory = found.setdefault(leader(name), _Memory())
        found[name] = memory
        memory.last = max(memory.last, i)
        memory.alive = memory.alive or alive(name)
        memory.ours = memory.ours and name in ours and name not in foreign
    return found


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
        self._kept = 0
        self._new_name = new_name
        self._free: dict[Type, list[Buffer]] = {}

    def text(
        self, lines: Sequence[Line], alive: Callable[[str], bool], indent: str = "    ", origin: Any = None
    ) -> list[str]:
        """The text, with comments on where it comes from, and `del` for those of the large names written here that are not
        read again: `alive` says which are still needed after these lines."""
        last = {name: i for i, line in enumerate(lines) for name in line.mentions()}
        local = {name for line in lines for name in line.writes if name in self.large}
        memories = _memories(lines, last, alive) if local else {}
        # Names of whole new arrays.
        calls = [line for line in lines if line.call is not None and not line.call.then] if local else []
        fresh = {name for line in calls for name in line.writes}
        # {name: names of the same array that go with it}, {memory: the buffers that it is in}.
        companions: dict[str, list[str]] = {}
        places: dict[_Memory, list[Buffer]] = {}

        def free(name: str, i: int) -> bool:
            return name in fresh and memories[name].ours and memories[name].dead(i)

        out = []
        for i, line in enumerate(lines):
            unread = line.writes[0] if line.view and last[line.writes[0]] == i and not alive(line.writes[0]) else None
            if unread is not None:
                line = line._replace(text="", writes=(), origin=None)
            if line.origin is not None and line.origin != origin:
                origin = line.origin
                out.append(f"{indent}# {line_text(*origin)}")
            over = None
            if line.place:
                out.append(indent + line.call.into(line.place))
            elif line.call is not None and line.writes[0] in local:
                over = self._dying_operand(line, memories, lambda name, i=i: free(name, i))
                place = memories[line.writes[0]]
                if over is None:
                    buffer = self._buffer(line)
                    places.setdefault(place, []).extend([] if buffer is None else [buffer])
                    text = line.call.text if buffer is None else line.call.into(f"{buffer.name}()")
                else:
                    places[place] = [*places.get(place, []), *places.pop(memories[over], [])]
                    text = line.call.into(over)
                out.append(f"{indent}{line.writes[0]} = {text}")
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
                gone = [n for n in gone if n != over]
            for name in gone:
                if memories[name].dead(i):
                    for buffer in places.pop(memories[name], ()):
                        self._free.setdefault(buffer.type, []).append(buffer)
            gone = [n for name in gone for n in [*companions.pop(name, ()), name]]
            if gone:
                out.append(f"{indent}del {', '.join(gone)}")
        for buffer in [b for buffers in places.values() for b in buffers]:
            buffer.arrays = 2 if indent == "    " else 3
        return out

    def _dying_operand(self, line: Line, memories: dict[str, _Memory], free: Callable[[str], bool]) -> str | None:
        """The operand in whose place the result can be put."""
        args, type_ = line.call.args, self.large[line.writes[0]]
        for name in args if line.call.elementwise else ():
            if self.large.get(name) == type_ and free(name):
                if not any(other != name and memories.get(other) is memories[name] for other in args):
                    return name
        return None

    def _buffer(self, line: Line) -> Buffer | None:
        """A buffer for the line's array: one that is free again, or a new one if there is still room."""
        type_ = self.large[line.writes[0]]
        if line.call.shape is not None:
            type_ = Type(line.call.shape, type_.dtype)
        free = self._free.get(type_)
        if free:
            return free.pop()
        if self._new_name is None or self._kept + type_.bytes > KEPT:
            return None
        self._kept += type_.bytes
        self.buffers.append(Buffer(self._new_name(), type_))
        return self.buffers[-1]
