"""`ensure_compile_time_eval`: a `with` block that computes known values while a function is traced."""

from __future__ import annotations

from ..core.array import EvalTrace, eval_trace
from ..core.traces import Trace, Tracer, run_under, thread_state


class CompileTimeEvalTrace(Trace):
    """A trace that evaluates operations on known values at once, and hands operations on tracers to its parent."""

    __slots__ = ()
    transformation = "ensure_compile_time_eval"

    def passes_on(self, args):
        return self.parent if any(isinstance(x, Tracer) for x in args) else eval_trace

    def given(self, x):
        return eval_trace.given(x)

    def process_primitive(self, primitive, args, params):
        trace = self.parent if any(isinstance(x, Tracer) for x in args) else eval_trace
        return run_under(trace, trace.process_primitive, primitive, args, params)


class ensure_compile_time_eval:
    """`with ensure_compile_time_eval():` evaluates known values at once within a traced function
    (`jax.ensure_compile_time_eval`).

    Python can branch on these values. A value that depends on the function's arguments stays a tracer; a branch on it raises
    the usual error.

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

    __slots__ = ("previous",)

    def __enter__(self):
        self.previous = thread_state.trace
        # Known values are evaluated at once anyway where no transformation runs.
        if not isinstance(self.previous, EvalTrace):
            thread_state.trace = CompileTimeEvalTrace(self.previous)

    def __exit__(self, *exc):
        thread_state.trace = self.previous
