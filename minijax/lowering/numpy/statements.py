"""The lines of a program, and the memory of each line's array: a large result is written over an operand that nobody needs.

A line whose expression is a `Call` makes a new array. Any other line may return one of its operands, or a view of one. From these
two facts follows which names may share memory. In this program nobody needs `d` after the second line, so the line writes its
result over `d`:

    d = x - c
    k = np.multiply(d, d, out=d)
    k = np.exp(k, out=k)

A program that runs here, often many times, keeps the arrays of its other large results from call to call: see `fast/buffers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from ...foundation.config import config
from ..origins import line_text

# Arrays of at least this many bytes are large: a program writes over them, and frees them by `del` after their last use. If all
# arrays of a page or more lived to the end of a call, the system would take their pages back and clear new ones at each call: a
# KAF's gradient at [124, 64] took 5.2 ms, and 0.26 ms now.
LARGE = 1 << 12
# Arrays of at least this many bytes get a buffer. Memory for smaller ones is at hand as soon as another one is freed.
BUFFERED = 1 << 15


class Type(NamedTuple):
    shape: tuple[int, ...]
    dtype: Any

    @property
    def bytes(self) -> int:
        return prod(self.shape) * getattr(self.dtype, "itemsize", 8)


class Call(NamedTuple):
    """An expression that makes a new array, or writes its result into a given array: `function(*args, out=...)` and then `then`.

    text: the expression without `out`, as a person writes it. elementwise: the result may be written over an operand. whole: `args`
    has the names of all operands. then: text after the call, such as `.reshape(2, 3)`. shape: the shape of the function's own
    result, if `then` changes it.
    """

    text: str
    function: str
    args: tuple[str, ...]
    elementwise: bool = False
    whole: bool = False
    then: str = ""
    shape: tuple[int, ...] | None = None

    def operands(self) -> list[str]:
        """The names of the operands; an empty list unless `args` has all of them."""
        return [a for a in self.args if a.isidentifier()] if self.whole else []

    def takes_out(self) -> bool:
        """Whether the call can write its result into any given array."""
        return self.function not in ("", "np.where") and not self.then

    def into(self, target: str) -> str:
        if not self.function:
            return target
        return f"{self.function}({', '.join(self.args)}, out={target}){self.then}"


class Line(NamedTuple):
    """One statement of a program: `text`, or `writes[0] = call`. It assigns the names `writes` and reads the names `reads`.

    blocks: for a compound statement, the header and the lines of each block. origin: the file and the line in the user's source.
    """

    text: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    blocks: tuple[tuple[str, list], ...] = ()
    origin: Any = None
    call: Call | None = None
    # Whether the line does nothing but make a view of its operand.
    view: bool = False
    # Whether the line does nothing but compute `writes` from `reads`.
    pure: bool = False
    # The array that a call writes into, if the array has no name of its own, such as `rows[i]`.
    target: str = ""

    def mentions(self) -> Iterable[str]:
        """The names that the line, or a line of its blocks, reads or writes."""
        yield from self.writes
        yield from self.reads
        for _, lines in self.blocks:
            for line in lines:
                yield from line.mentions()

    def alike(self) -> Iterable[list[str]]:
        """Groups of names that may share memory after this line."""
        if self.call is None and not self.blocks:
            yield [*self.writes, *self.reads]
        # Two results of one loop do not share memory just because one statement makes them. The assignments within the loop say
        # which names share memory.
        for _, lines in self.blocks:
            for line in lines:
                yield from line.alike()


def invariant(
    lines: Sequence[Line], varying: Iterable[str], large: Mapping[str, Type]
) -> tuple[list[Line], list[Line]]:
    """(the lines of a loop's body that compute the same in every step, the other lines). The first go before the loop.

    varying: the names that the loop itself assigns. A line stays in the loop if its result is `large` and larger than its operands:
    before the loop, the result of `c = np.broadcast_to(x, shape) + y` would occupy memory during the whole loop.
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
    """The memory that some names may share.

    last: the number of the last line that mentions one of the names. alive: whether one of them is needed after these lines. ours:
    whether these lines made the memory, and no other code, such as a callback, has got a reference to it.
    """

    __slots__ = ("last", "alive", "ours")

    def __init__(self):
        self.last = -1
        self.alive = False
        self.ours = True

    def dead(self, i: int) -> bool:
        return self.last <= i and not self.alive


def _memories(lines: Sequence[Line], last: dict[str, int], alive: Callable[[str], bool]) -> dict[str, _Memory]:
    """{name: its memory}. A name that may be a view of another name's array has the same memory as that name."""
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
            # A callback may keep a reference to its arguments.
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
    """A source of large arrays of one type: in the program, `name()` returns an array that nobody holds.

    arrays: how many arrays take turns. One array is enough if its last use comes before the next `name()`. A result needs two,
    because the caller may hold one result when the next call makes the next one. A result of a loop's body needs three, because the
    results of two steps are held at once.
    """

    def __init__(self, name: str, type_: Type):
        self.name = name
        self.type = type_
        self.arrays = 1


class Renderer:
    """Writes lines as text, and hands out the program's buffers.

    large: {name of a large array: its type}. new_name: returns the name of a new buffer; None for a program without buffers.
    """

    def __init__(self, large: dict[str, Type], new_name: Callable[[], str] | None):
        self.large = large
        self.buffers: list[Buffer] = []
        self._kept = 0
        self._new_name = new_name
        self._free: dict[Type, list[Buffer]] = {}

    def text(self, lines: Sequence[Line], alive: Callable[[str], bool]) -> list[str]:
        """The text of a function's body: the lines, comments with the user's lines, and a `del` after the last use of each large
        array that the lines make. alive: whether a name is needed after the lines."""
        return _Block(self, lines, alive, "    ", None).text()

    def buffer_for(self, line: Line) -> Buffer | None:
        """A buffer for the line's array: a free one, or a new one; None if the array is small, or if the program would keep more
        than all programs may."""
        type_ = self.large[line.writes[0]]
        if line.call.shape is not None:
            type_ = Type(line.call.shape, type_.dtype)
        if type_.bytes < BUFFERED:
            return None
        free = self._free.get(type_)
        if free:
            return free.pop()
        if self._new_name is None or self._kept + type_.bytes > config.minijax_kept_bytes:
            return None
        self._kept += type_.bytes
        self.buffers.append(Buffer(self._new_name(), type_))
        return self.buffers[-1]

    def give_back(self, buffer: Buffer):
        """Mark a buffer as free, after the last use of its array: a later line of the same type may use the buffer."""
        self._free.setdefault(buffer.type, []).append(buffer)


class _Block:
    """The state of one block of lines, such as a loop's body, while the block is written: the last line that mentions each name,
    the names that share memory, and the buffers that hold their arrays."""

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
        # Names of whole new arrays. A call with `then` may make a view of a larger array.
        calls = [line for line in lines if line.call is not None and not line.call.then] if self.local else []
        self.fresh = {name for line in calls for name in line.writes}
        # {name: earlier names of the same array, which get their `del` together with it}
        self.companions: dict[str, list[str]] = {}
        # {memory: the buffers that its arrays are in}
        self.buffers: dict[_Memory, list[Buffer]] = {}

    def text(self) -> list[str]:
        for i, line in enumerate(self.lines):
            if line.view and self._is_unread(i, line):
                line = line._replace(text="", writes=(), origin=None)
            if line.origin is not None and line.origin != self.origin:
                self._comment(line)
            over = self._statement(i, line)
            if line.blocks:
                self._inner_blocks(i, line)
            if self.local:
                self._delete(i, line, over)
        self._count_arrays()
        return self.out

    def _write(self, text: str):
        self.out.append(self.indent + text)

    def _is_unread(self, i: int, line: Line) -> bool:
        return self.last[line.writes[0]] == i and not self.alive(line.writes[0])

    def _comment(self, line: Line):
        """Write the line in the user's source."""
        self.origin = line.origin
        self._write(f"# {line_text(*line.origin)}")

    def _statement(self, i: int, line: Line) -> str | None:
        """Write the line itself. Return the operand that the result is written over; None if the result gets other memory."""
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
        """The operand that the result can be written over; None if there is none."""
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
        """The text of the call that writes the result into a buffer, or into new memory if there is no buffer for it."""
        buffer = self.renderer.buffer_for(line)
        buffers = self.buffers.setdefault(self.memories[line.writes[0]], [])
        if buffer is None:
            return line.call.text
        buffers.append(buffer)
        return line.call.into(f"{buffer.name}()")

    def _in_place(self, line: Line, over: str) -> str:
        """The text of the call that writes the result over an operand. The operand's buffers then belong to the result."""
        memory = self.memories[line.writes[0]]
        self.buffers[memory] = [*self.buffers.get(memory, []), *self.buffers.pop(self.memories[over], [])]
        return line.call.into(over)

    def _inner_blocks(self, i: int, line: Line):
        """Write the blocks of a compound statement. All names that the statement itself reads or writes stay alive within its
        blocks, because a block of a loop runs again."""

        def alive(name: str) -> bool:
            return self.last.get(name, -1) > i or name in line.writes or name in line.reads or self.alive(name)

        for header, lines in line.blocks:
            self._write(header)
            inner = _Block(self.renderer, lines, alive, self.indent + "    ", self.origin)
            self.out += inner.text() or [f"{self.indent}    pass"]

    def _delete(self, i: int, line: Line, over: str | None):
        """Write `del` for the names that line `i` is the last to mention, and mark their buffers as free."""
        names = [
            n for n in dict.fromkeys(line.mentions()) if n in self.local and self.last[n] == i and not self.alive(n)
        ]
        if over is not None and self.last[line.writes[0]] > i:
            # Two names of one array: one `del` deletes both, since the array is freed only when no name refers to it.
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
        """Set how many arrays take turns in each buffer whose array is needed after the block: see `Buffer`."""
        outermost = self.indent == "    "
        for buffers in self.buffers.values():
            for buffer in buffers:
                buffer.arrays = 2 if outermost else 3
