"""`ensure_compile_time_eval`."""

from __future__ import annotations

from ..core.array import eval_trace
from ..core.traces import Trace, Tracer, set_current_trace, thread_state


class CompileTimeEvalTrace(Trace):
    """Computes what is known, now, and leaves tracers to its parent."""

    __slots__ = ()
    transformation = "ensure_compile_time_eval"

    def passes_on(self, args):
        return self.parent if any(isinstance(x, Tracer) for x in args) else eval_trace

    def process_primitive(self, primitive, args, params):
        trace = self.parent if any(isinstance(x, Tracer) for x in args) else eval_trace
        with set_current_trace(trace):
            return trace.process_primitive(primitive, args, params)


class ensure_compile_time_eval(set_current_trace):
    """`with ensure_compile_time_eval():` computes within a traced function what does not depend on its arguments, so that
    Python can branch on it; or raises, where it does (`jax.ensure_compile_time_eval`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> @jax.jit
    ... def f(x):
    ...     with ensure_compile_time_eval():
    ...         n = int(jnp.arange(4).sum())
    ...     return x * (2 if n > 5 else 1)
    >>> f(1.0)
    Array(2., dtype=float32, weak_type=True)
    """

    __slots__ = ()

    def __init__(self):
        pass

    def __enter__(self):
        self.trace = CompileTimeEvalTrace(thread_state.trace)
        return super().__enter__()
