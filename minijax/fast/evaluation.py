"""Evaluating an operation with less around it.

`x + y` on arrays of one dtype and shape goes three times faster without abstract evaluation: what it would find out is what
NumPy computes. And NumPy is silenced once for a whole transformation: that takes half as long as a small ufunc.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core import shortcuts
from ..core.array import ArrayImpl, EvalTrace, evaluate
from ..core.primitive import Primitive
from ..core.traces import Trace, thread_state
from ..foundation.config import watching
from ..foundation.float_errors import SILENT, float_errors
from ..foundation.source_info import context
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
    if watching():
        return shortcuts.plain("core.array:EvalTrace.process_primitive")(self, primitive, args, params)
    before = float_errors.get()
    try:
        float_errors.set(SILENT)
        result = quick(primitive, args, params)
        float_errors.set(before)
        return result
    except BaseException:
        float_errors.set(before)
        raise


class QuietEvalTrace(EvalTrace):
    """As `EvalTrace`, where NumPy has been silenced already."""

    __slots__ = ()
    process_primitive = staticmethod(quick)
    enter = Trace.enter


_quiet_eval_trace = QuietEvalTrace(None)


def enter(self: EvalTrace, function: Callable, args: tuple, kwargs: dict):
    """`EvalTrace.enter`: silence NumPy for all that follows, and evaluate without asking for it again."""
    if watching():
        return Trace.enter(self, function, args, kwargs)
    before, around = float_errors.get(), context.origin
    try:
        float_errors.set(SILENT)
        thread_state.trace = _quiet_eval_trace
        result = function(*args, **kwargs)
        thread_state.trace, context.origin = self, around
        float_errors.set(before)
        return result
    except BaseException as error:
        thread_state.trace, context.origin = self, around
        float_errors.set(before)
        hide_our_frames(error)
        raise


ROUTES = {
    "core.array:EvalTrace.process_primitive": process_primitive,
    "core.array:EvalTrace.enter": enter,
}
