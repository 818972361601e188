"""`debug.breakpoint`: the running program stops at a prompt, with the frames and local variables of the function that was traced.

A traced function has returned by the time its program runs. So its frames are written down while it is traced, and the arrays
among its variables are arguments of a callback, which opens the prompt with their values. (JAX: `_src/debugger/`.)

`python -m minijax debug` starts a whole script in a debugger instead, and needs no call in the script.
"""

from __future__ import annotations

import cmd
import inspect
import pprint
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NamedTuple

from ..core.traces import Tracer
from ..foundation.pytrees import tree_flatten, tree_unflatten
from ..foundation.source_info import PACKAGE_DIRECTORY
from .debug import callback


class _Frame(NamedTuple):
    """A frame as the prompt shows it. `locals`: the values of the function's variables."""

    file_name: str
    line: int
    source: list[str]
    first_line: int
    locals: dict[str, Any]
    globals: dict[str, Any]

    def context(self, around: int) -> str:
        """The lines of the function from the `around + 1` lines before the running line."""
        here = self.line - self.first_line
        shown = [
            ("->  " if i == here else "    ") + text
            for i, text in enumerate(self.source)
            if here - around - 1 <= i < here + around + 1
        ]
        return "\n".join([f"> {self.file_name}({self.line})", *shown])


def _frames(frame: FrameType | None, all_of_them: bool) -> Iterator[_Frame]:
    """The frames from this one outwards: the user's, or all of them."""
    while frame is not None:
        name = frame.f_code.co_filename
        if all_of_them or not name.startswith((PACKAGE_DIRECTORY, "<frozen")):
            yield _frame(frame)
        frame = frame.f_back


def _frame(frame: FrameType) -> _Frame:
    try:
        text, first = inspect.getsourcelines(frame)
    except OSError:  # The program was given as text, and no file has it.
        text, first = [], frame.f_lineno
    # The lines of a module are counted from 0, those of a function from its own number. A module's variables are its globals.
    first = max(first, 1)
    variables = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)
    source = "".join(text).split("\n")
    return _Frame(frame.f_code.co_filename, frame.f_lineno, source, first, variables, frame.f_globals)


def _is_traced(x: Any) -> bool:
    # A tracer whose transformation has ended has no value, and is shown as what it is.
    return isinstance(x, Tracer) and not x._trace.ended


class Prompt(cmd.Cmd):
    """The prompt of `debug.breakpoint`. `frames`: from the innermost one outwards."""

    prompt = "(jdb) "
    use_rawinput = False

    def __init__(self, frames: list[_Frame], stdin: Any = None, stdout: Any = None, completekey: str = "tab"):
        super().__init__(completekey, stdin, stdout)
        self.use_rawinput = stdin is None
        self.frames, self.place = frames, 0

    def say(self, text: str):
        self.stdout.write(text + "\n")

    def _evaluate(self, text: str, shown: Callable[[Any], str]):
        frame = self.frames[self.place]
        try:
            self.say(shown(eval(text, {**frame.globals, **frame.locals})))
        except Exception as error:
            # The text is the user's, and so is its error.
            self.say(f"*** {''.join(_words(error))}")

    def do_p(self, arg: str):
        """p expression
        Print the value of the expression, in the frame that is chosen."""
        self._evaluate(arg, repr)

    def do_pp(self, arg: str):
        """pp expression
        Pretty-print the value of the expression."""
        self._evaluate(arg, pprint.pformat)

    def default(self, line: str):
        """What is no command is an expression."""
        if line == "EOF":
            return self.do_quit("")
        self.do_p(line)

    def do_list(self, arg: str):
        """l(ist)
        List the lines of the function around the running line."""
        self.say(self.frames[self.place].context(5))

    def do_up(self, arg: str):
        """u(p)
        Choose the frame that called this one."""
        self._move(1, "At topmost frame.")

    def do_down(self, arg: str):
        """d(own)
        Choose the frame that this one called."""
        self._move(-1, "At bottommost frame.")

    def _move(self, step: int, at_the_end: str):
        if 0 <= self.place + step < len(self.frames):
            self.place += step
        else:
            self.say(at_the_end)
        self.say(self.frames[self.place].context(2))

    def do_where(self, arg: str):
        """w(here), bt
        Show the frames, the innermost one last."""
        self.say("Traceback:")
        for frame in reversed(self.frames):
            here = frame.line - frame.first_line
            self.say(f'  File "{frame.file_name}", line {frame.line}')
            self.say(f"    {frame.source[here].strip()}" if here < len(frame.source) else "    <no source>")

    def do_continue(self, arg: str) -> bool:
        """c(ont(inue))
        Run the program on."""
        return True

    def do_quit(self, arg: str) -> bool:
        """q(uit), exit
        Leave the program: raises SystemExit."""
        sys.exit(0)

    do_l, do_u, do_d, do_w, do_bt = do_list, do_up, do_down, do_where, do_where
    do_c = do_cont = do_continue
    do_q = do_exit = do_EOF = do_quit


def _words(error: Exception) -> list[str]:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return [type(error).__name__, f": {text}" if text else ""]


def breakpoint(
    *,
    backend: str | None = None,
    filter_frames: bool = True,
    num_frames: int | None = None,
    ordered: bool = False,
    token: Any = None,
    **kwargs: Any,
) -> None:
    """Stop the program here when it runs, at a prompt that shows the values of the local variables (`jax.debug.breakpoint`).

    It works within every transformation: under vmap the program stops once for each example, in a loop once for each step. The
    commands are `p expression`, `pp expression`, `l(ist)`, `u(p)`, `d(own)`, `w(here)` or `bt`, `c(ontinue)`, `q(uit)`, `help`.

    backend: None or "cli"; the prompt is text, as there is no other one. filter_frames: show no frames of minijax's. num_frames:
    how many frames to keep. ordered: as for `debug.callback`. token: not used, as effects keep their order here. `stdin` and
    `stdout`, files for the prompt, may be given by name.

    >>> import io, sys
    >>> import minijax as jax
    >>> @jax.jit
    ... def f(x):
    ...     y = x + 1
    ...     breakpoint(stdin=io.StringIO("p x, y\\nc\\n"), stdout=sys.stdout)
    ...     return y
    >>> y = f(1.0)  # doctest: +NORMALIZE_WHITESPACE
    Entering jdb:
    (jdb) (Array(1., dtype=float32), Array(2., dtype=float32))
    (jdb)
    """
    frames = list(_frames(sys._getframe(1), not filter_frames))[:num_frames]
    leaves, tree = tree_flatten([frame.locals for frame in frames])
    traced = {i: x for i, x in enumerate(leaves) if _is_traced(x)}
    others = [None if i in traced else x for i, x in enumerate(leaves)]

    def stop(*values):
        known = dict(zip(traced, values))
        variables = tree_unflatten(tree, [known.get(i, x) for i, x in enumerate(others)])
        prompt = Prompt([frame._replace(locals=own) for frame, own in zip(frames, variables)], **kwargs)
        prompt.say("Entering jdb:")
        prompt.cmdloop()

    callback(stop, *traced.values(), ordered=ordered)
