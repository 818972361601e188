"""pdb for a program of minijax's: it stops where it is told to, in a running function of the user's or in a frame that is made
for a line of the user's whose function has returned; its stack has the user's frames only."""

from __future__ import annotations

import ast
import bdb
import gc
import os
import pdb
import sys
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any

from ..foundation.source_info import SourceInfo
from .names import is_of_user


class Left(BaseException):
    """The user leaves the debugger. No `except Exception` of the script's stops it."""


_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep


def _is_shown(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return is_of_user(frame) and ("-packages" in file or not file.startswith(_STANDARD_LIBRARY))


class Debugger(pdb.Pdb):
    """`stop(frame)` opens the prompt at that frame, at the line that is running there."""

    def __init__(self) -> None:
        super().__init__(skip=["numpy", "numpy.*"])
        self.reset()
        self.prompt = "(minijax) "
        self.text = ""

    def stop(self, frame: FrameType, text: str, made: bool = False) -> None:
        """Show the text, and ask for commands, until one of them runs the program on. Raises Left where that is `quit`.

        made: whether the frame has nothing left to run, so that `next` leads to the user's next line.
        """
        self.text = text
        self.message(text)
        self.set_trace(frame)
        # What runs here is not to be traced.
        sys.settrace(None)
        # Since Python 3.13 `set_trace` asks for each instruction of this frame. A command takes that back from the frame that it
        # finds here; else the next one would stop at the same line again.
        self.enterframe = frame
        self.interaction(frame, None)
        self.enterframe = None
        if self.quitting:
            raise Left
        continues = self.stoplineno == -1
        if made:
            del frame.f_trace
            if not continues:
                self.set_step()
        sys.settrace(None if continues and not self.breaks else self.trace_dispatch)

    def trace_dispatch(self, frame: FrameType, event: str, arg: Any) -> Any:
        try:
            return super().trace_dispatch(frame, event, arg)
        except bdb.BdbQuit:
            raise Left from None

    def stop_here(self, frame: FrameType) -> bool:
        """`step` goes into functions of the user's, and not into what minijax calls."""
        return _is_shown(frame) and super().stop_here(frame)

    def get_stack(self, f: FrameType | None, t: Any) -> tuple[list[tuple[FrameType, int]], int]:
        stack, _ = super().get_stack(f, t)
        # A thread may run a function of minijax's.
        stack = [entry for entry in stack if _is_shown(entry[0])] or stack
        return stack, max(len(stack) - 1, 0)

    def do_values(self, arg: str) -> None:
        """values

        Show again what arose, the operands and the result.
        """
        self.message(self.text)

    def do_run(self, arg: str) -> None:
        """run

        A script runs once, from its start: leave by `quit`, and give the command again.
        """
        self.error("A script runs once, from its start: leave by quit, and give the command again.")

    do_restart = do_run


class _Operands(dict):
    """The locals of a made frame. The expression that runs there calls `stop`, which is none of them."""

    def __init__(self, operands: dict[str, Any], stop: Callable[[], None]):
        super().__init__(operands)
        self.stop = stop

    def __missing__(self, name: str) -> Any:
        if name == _STOP:
            return self.stop
        raise KeyError(name)


_STOP = "__stop_here__"


def in_frame_of(place: SourceInfo, operands: dict[str, Any], stop: Callable[[FrameType], None]) -> None:
    """`stop(frame)` with a frame at a line of the user's, whose locals are the operands. Its globals are the user's own."""
    first = place.code.co_firstlineno
    call = ast.parse(f"{_STOP}()", mode="eval")
    for node in ast.walk(call):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = place.line - first + 1
    code = compile(call, place.file_name, "eval").replace(
        co_name=place.code.co_name, co_qualname=place.code.co_qualname, co_firstlineno=first
    )
    eval(code, _globals_of(place.code), _Operands(operands, lambda: stop(sys._getframe(1))))


def _globals_of(code: CodeType) -> dict[str, Any]:
    """The globals of the module that a function of the user's is in."""
    for function in gc.get_referrers(code):
        if isinstance(function, FunctionType) and function.__code__ is code:
            return function.__globals__
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == code.co_filename:
            return frame.f_globals
        frame = frame.f_back
    return {}
