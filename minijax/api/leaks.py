"""The search for leaked tracers, for `checking_leaks`."""

from __future__ import annotations

import gc
import types

from ..core.traces import Trace, Tracer, set_leak_search
from ..foundation import errors


def _check_no_tracers_left(trace: Trace):
    """Raise if an object still refers to a tracer of a trace that has ended. The code that ends a trace keeps no tracers."""

    def tracers():
        return [x for x in gc.get_objects() if issubclass(type(x), Tracer) and x._trace is trace]

    # Garbage in a reference cycle is no leak, so collect it. Collecting is slow: do it only if a tracer is left.
    if tracers():
        gc.collect()
        left = tracers()
        if left:
            gc.unfreeze()  # Who holds them may be among what `checking_leaks` has put aside.
            holders = [_holders(x, left) for x in left]
            raise errors.leaked_trace(type(trace).__name__, trace.transformation, holders)


def _holders(tracer: Tracer, but: list) -> str:
    """A text: the tracer, and the objects that refer to it, with their names if they have one."""
    lines = [f"{tracer!r}. {tracer._origin()}".rstrip()]
    for holder in gc.get_referrers(tracer):
        if holder is but or isinstance(holder, types.FrameType):
            continue
        names = [
            f"{d['__name__']}.{k}"
            for d in gc.get_referrers(holder)
            if isinstance(d, dict) and "__name__" in d
            for k, v in d.items()
            if v is holder
        ]
        lines.append(f"  held by a {type(holder).__name__}{', ' + ', '.join(names) if names else ''}")
    return "\n".join(lines)


set_leak_search(_check_no_tracers_left)
