"""`trace_steps`: a printout of each operation on its way through the interpreters."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import numpy as np

from ..core.array import EvalTrace
from ..core.staging import JaxprBuilder, StagingTrace, TangentTrace
from ..core.traces import Array, Trace, Tracer
from ..foundation.config import config
from ..transforms.jvp import JVPTrace
from ..transforms.linearize import LinearizeTrace
from ..transforms.vmap import BatchTrace, NamedAxisTrace
from .running import WHOLE, whole

# What the interpreters are called, the most special classes first.
NAMES: list[tuple[type[Trace], str]] = [
    (EvalTrace, "eval"),
    (TangentTrace, "linear"),
    (StagingTrace, "jaxpr"),
    (LinearizeTrace, "grad"),
    (JVPTrace, "jvp"),
    (BatchTrace, "vmap"),
    (NamedAxisTrace, "axis"),
    (JaxprBuilder, "jaxpr"),
]


def _name(trace: Trace) -> str:
    return next((name for kind, name in NAMES if isinstance(trace, kind)), type(trace).__name__)


def _shown(x: Any) -> str:
    """A number or a small array as it is, with its type; a tracer as what it holds: `grad(2.:f32[])`, `vmap(f32[8])`."""
    if isinstance(x, Tracer):
        held = getattr(x, "primal", getattr(x, "val", None))
        type_ = x.aval.str_short(short_dtypes=True)
        return type_ if held is None else f"{_name(x._trace)}({_shown(held)})"
    if not isinstance(x, Array):
        return f"{x}"
    type_ = x.aval.str_short(short_dtypes=True)
    if x.size > WHOLE or np.dtype(getattr(x.dtype, "storage", x.dtype)).kind not in "biufc":
        return type_
    return f"{whole(np.asarray(x._value), ',')}:{type_}"


def _results(out: Any) -> str:
    return ", ".join(map(_shown, out)) if isinstance(out, (list, tuple)) else _shown(out)


class _Printer:
    """Prints the operations of one thread; others run as they would."""

    def __init__(self, file: TextIO):
        self.file, self.depth, self.thread = file, 0, threading.get_ident()
        # The last line, without its end: the result follows on it if nothing is printed in between.
        self.line = ""

    def flush(self):
        if self.line:
            print(self.line, file=self.file)
        self.line = ""

    def around(self, method: Callable) -> Callable:
        def process_primitive(trace, primitive, args, params):
            if threading.get_ident() != self.thread:
                return method(trace, primitive, args, params)
            self.flush()
            indent = "  " * self.depth
            self.line = line = f"{indent}{_name(trace)}: {primitive.name} {' '.join(map(_shown, args))}".rstrip()
            self.depth += 1
            try:
                out = method(trace, primitive, args, params)
            finally:
                self.depth -= 1
                if self.line is not line:
                    self.flush()
            left = self.line or indent.rstrip("\n")
            self.line = ""
            print(f"{left}{' ' if left.strip() else ''}= {_results(out)}".rstrip(), file=self.file)
            return out

        return process_primitive


def _classes(base: type) -> Iterator[type]:
    for kind in base.__subclasses__():
        yield kind
        yield from _classes(kind)


@contextmanager
def trace_steps(file: TextIO | None = None) -> Iterator[None]:
    """See `minijax.trace_steps`."""
    printer, fast = _Printer(sys.stdout if file is None else file), config.minijax_fast
    # The routes of fast/ go past the interpreters.
    config.update("minijax_fast", False)
    plain = {kind: vars(kind)["process_primitive"] for kind in _classes(Trace) if "process_primitive" in vars(kind)}
    try:
        for kind, method in plain.items():
            if not isinstance(method, staticmethod):
                kind.process_primitive = printer.around(method)
        yield
    finally:
        printer.flush()
        for kind, method in plain.items():
            kind.process_primitive = method
        config.update("minijax_fast", fast)
