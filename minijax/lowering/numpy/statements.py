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

    def takes_out(self) -> bool:
        """Whether the result can be put into any place, without more."""
        return self.function not in ("", "np.where") and not self.then

    def into(self, target: str) -> str:
        if not self.function:
            return target
        return f"{self.function}({', '.join(self.args)}, out={target}){self.then}"


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
    target: str = ""

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
        same = line.pure and changing.isdisjoint(line.reads)
        if same and not line.view:
            room = max([large[name].bytes for name in line.reads if name in large], default=0)
            same = all(large[name].bytes <= room for name in line.writes if name in large)
        if not same:
            changing.update(line.writes)
        (before if same else within).append(line)
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
    """Writes lines as text, and gives out the program's buffers.

    large: the names of large arrays and their types. new_name: for a buffer that is kept; None if none is.
    """

    def __init__(self, large: dict[str, Type], new_name: Callable[[], str] | None):
        self.large = large
        self.buffers: list[Buffer] = []
        self._kept = 0
        self._new_name = new_name
        self._free: dict[Type, list[Buffer]] = {}

    def text(self, lines: Sequence[Line], alive: Callable[[str], bool]) -> list[str]:
        """The text of a function's body, with comments on where it comes from, and `del` for those of the large names written
        here that are not read again: `alive` says which are still needed after these lines."""
        return _Block(self, lines, alive, "    ", None).text()

    def buffer_for(self, line: Line) -> Buffer | None:
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

    def give_back(self, buffer: Buffer):
        """The array of this buffer is not read any more: the next line that makes one of its type may have the buffer."""
        self._free.setdefault(buffer.type, []).append(buffer)


class _Block:
    """One block of lines, such as the body of a loop, while it is written: which line reads a name last, which names share
    memory, and which buffers their arrays are in."""

    def __init__(
        self, renderer: Renderer, lines: Sequence[Line], alive: Callable[[str], bool], indent: str, origin: Any
    ):
        self.renderer = renderer
        self.lines = lines
        self.alive = alive
        self.indent = indent
        # The place in the user's source that the last comment names.
        self.origin = origin
        self.out: list[str] = []
        # {name: the number of the last line that mentions it}
        self.last = {name: i for i, line in enumerate(lines) for name in line.mentions()}
        # The large names that this block writes. Only they can be written over, and only they get a `del`.
        self.local = {name for line in lines for name in line.writes if name in renderer.large}
        self.memories = _memories(lines, self.last, alive) if self.local else {}
        # Names of whole new arrays.
        calls = [line for line in lines if line.call is not None and not line.call.then] if self.local else []
        self.fresh = {name for line in calls for name in line.writes}
        # {name: earlier names of the same array, which get their `del` together with it}
        self.companions: dict[str, list[str]] = {}
        # {memory: the buffers that its arrays are in}
        self.buffers: dict[_Memory, list[Buffer]] = {}

    def text(self) -> list[str]:
        for i, line in enumerate(self.lines):
            if self._is_unread_view(i, line):
                line = line._replace(text="", writes=(), origin=None)
            self._comment(line)
            over = self._statement(i, line)
            self._inner_blocks(i, line)
            if self.local:
                self._delete(i, line, over)
        self._count_arrays()
        return self.out

    def _write(self, text: str):
        self.out.append(self.indent + text)

    def _is_unread_view(self, i: int, line: Line) -> bool:
        return line.view and self.last[line.writes[0]] == i and not self.alive(line.writes[0])

    def _comment(self, line: Line):
        """The place in the user's source, if the line before has another one."""
        if line.origin is not None and line.origin != self.origin:
            self.origin = line.origin
            self._write(f"# {line_text(*line.origin)}")

    def _statement(self, i: int, line: Line) -> str | None:
        """Write the line itself; return the operand that its result is written over, if there is one."""
        over = None
        if line.target:
            self._write(line.call.into(line.target))
        elif line.call is not None and line.writes[0] in self.local:
            over = self._dying_operand(i, line)
            text = self._in_buffer(line) if over is None else self._in_place(line, over)
            self._write(f"{line.writes[0]} = {text}")
        elif line.call is not None:
            self._write(f"{line.writes[0]} = {line.call.text}")
        elif line.text:
            self._write(line.text)
        return over

    def _dying_operand(self, i: int, line: Line) -> str | None:
        """The operand in whose place the result can be put."""
        args, large = line.call.args, self.renderer.large
        for name in args if line.call.elementwise else ():
            if large.get(name) == large[line.writes[0]] and self._is_free(i, name):
                memory = self.memories[name]
                if not any(other != name and self.memories.get(other) is memory for other in args):
                    return name
        return None

    def _is_free(self, i: int, name: str) -> bool:
        """Whether line `i` may write over the array."""
        return name in self.fresh and self.memories[name].ours and self.memories[name].dead(i)

    def _in_buffer(self, line: Line) -> str:
        """The call that puts the result into a buffer, or into new memory if no buffer is left."""
        buffer = self.renderer.buffer_for(line)
        buffers = self.buffers.setdefault(self.memories[line.writes[0]], [])
        if buffer is None:
            return line.call.text
        buffers.append(buffer)
        return line.call.into(f"{buffer.name}()")

    def _in_place(self, line: Line, over: str) -> str:
        """The call that writes the result over an operand; the operand's buffers are the result's from now on."""
        memory = self.memories[line.writes[0]]
        self.buffers[memory] = [*self.buffers.get(memory, []), *self.buffers.pop(self.memories[over], [])]
        return line.call.into(over)

    def _inner_blocks(self, i: int, line: Line):
        """Write the blocks of a compound statement. A block may run again, so that what the statement mentions is needed."""

        def alive(name: str) -> bool:
            return self.last.get(name, -1) > i or name in line.writes or name in line.reads or self.alive(name)

        for header, lines in line.blocks:
            self._write(header)
            inner = _Block(self.renderer, lines, alive, self.indent + "    ", self.origin)
            self.out += inner.text() or [f"{self.indent}    pass"]

    def _delete(self, i: int, line: Line, over: str | None):
        """Write `del` for the names that line `i` is the last to mention, and give back the buffers that they were in."""
        names = [
            n for n in dict.fromkeys(line.mentions()) if n in self.local and self.last[n] == i and not self.alive(n)
        ]
        if over is not None and self.last[line.writes[0]] > i:
            # One array of two names: they go together.
            self.companions[line.writes[0]] = [*self.companions.pop(over, []), over]
            names = [n for n in names if n != over]
        for name in names:
            if self.memories[name].dead(i):
                for buffer in self.buffers.pop(self.memories[name], ()):
                    self.renderer.give_back(buffer)
        names = [n for name in names for n in [*self.companions.pop(name, ()), name]]
        if names:
            self._write(f"del {', '.join(names)}")

    def _count_arrays(self):
        """Arrays that are still needed after the block take turns in their buffers: see `Buffer`."""
        outermost = self.indent == "    "
        for buffers in self.buffers.values():
            for buffer in buffers:
                buffer.arrays = 2 if outermost else 3
