"""Evaluating an operation with less around it.

`x + y` on arrays of one dtype and shape goes three times faster without abstract evaluation: what it would find out is what
NumPy computes. And NumPy is silenced once for a whole transformation: entering `np.errstate` costs more than a small ufunc.
"""

from __future__ import annotations

import numpy as np

from ..core import shortcuts
from ..core.array import ArrayImpl, EvalTrace, eval_trace, evaluate
from ..core.primitive import Primitive
from ..core.traces import thread_state
from ..foundation.config import debugging_floats
from ..foundation.tracebacks import hide_our_frames


def quick(primitive: Primitive, args, params):
    """`core.array.evaluate`, quickly for one or two arrays of one dtype and shape, or an array and a scalar."""
    x = args[0] if args else None
    if type(x) is ArrayImpl and x._value.dtype.char in primitive.elementwise:
        value = x._value
        if len(args) == 1:
            return ArrayImpl(primitive.impl(value, **params), x._weak_type and primitive.keeps_weak_type)
        y = args[1]
        if len(args) == 2 and type(y) is ArrayImpl:
            other = y._value
            if other.dtype is value.dtype and (other.shape == value.shape or not other.ndim or not value.ndim):
                weak = x._weak_type and y._weak_type and primitive.keeps_weak_type
                return ArrayImpl(primitive.impl(value, other, **params), weak)
    return evaluate(primitive, args, params)


def process_primitive(self: EvalTrace, primitive: Primitive, args, params):
    """As the plain `EvalTrace.process_primitive`."""
    if debugging_floats():
        return shortcuts.plain("core.array:EvalTrace.process_primitive")(self, primitive, args, params)
    with np.errstate(all="ignore"):
        return quick(primitive, args, params)


class QuietEvalTrace(EvalTrace):
    """As `EvalTrace`, where NumPy has been silenced already."""

    __slots__ = ()
    process_primitive = staticmethod(quick)


_quiet_eval_trace = QuietEvalTrace(None)


def enter(self):
    """`quiet_evaluation.__enter__`: silence NumPy for all that follows, and evaluate without asking for it again."""
    self.errstate = None
    if thread_state.trace is eval_trace and not debugging_floats():
        self.errstate = np.errstate(all="ignore")
        self.errstate.__enter__()
        thread_state.trace = _quiet_eval_trace


def leave(self, exc_type, error, traceback):
    """`quiet_evaluation.__exit__`."""
    if self.errstate is not None:
        thread_state.trace = eval_trace
        self.errstate.__exit__(exc_type, error, traceback)
    if exc_type is not None:
        hide_our_frames(error)


ROUTES = {
    "core.array:EvalTrace.process_primitive": process_primitive,
    "core.array:quiet_evaluation.__enter__": enter,
    "core.array:quiet_evaluation.__exit__": leave,
}
