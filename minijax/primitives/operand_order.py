"""`in_order`, for functions that JAX jits: what a jaxpr closes over is numbered in the order of their arguments."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.staging import StagingTrace
from ..core.traces import Array, thread_state


def in_order(args: Sequence):
    """Number what the jaxpr that is written closes over in the order of a function's arguments. JAX's function is jitted, so that
    its arguments are operands of one equation. Ours may convert the last one first: `cond(p, lambda: a + b, ...)` with an integer
    b would close over b and then a."""
    trace = thread_state.trace
    if type(trace) is StagingTrace:
        for x in args:
            if isinstance(x, Array):
                trace.atom(x)
