"""Reverse mode, first half: compute the primal values now, and write the tangents' program down as a linear jaxpr.

`LinearizeTrace` is a `JVPTrace` over a `TangentTrace`. A jvp rule computes with known primals and unknown tangents:
operations on known values run at once, operations on unknown tangents are recorded. So the jvp rule is the only derivative
rule, and reverse mode needs no second table.

    linearize(sin, 2.0)  ->  0.909..., { lambda a:f32[]; b:f32[]. let c:f32[] = mul b a in (c,) }   with a = cos(2.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ..core.jaxpr import ClosedJaxpr, jaxpr_as_fun, without_dead
from ..core.primitive import CallPrimitive
from ..core.staging import JaxprTracer, TangentTrace, closed, convert_constvars, trace_to_jaxpr, weak_cache
from ..core.traces import Trace, get_aval, run_to_end, run_under, thread_state
from ..foundation.source_info import interpreter
from .jvp import JVPTrace, JVPTracer, fill_zeros, instantiate_where, nonzero, without_zeros


class LinearizeTracer(JVPTracer):
    """A known primal value, and a tangent that is a variable of the linear jaxpr."""

    __slots__ = ()

    def __repr__(self) -> str:
        tangent = self.aval.to_tangent_aval().str_short(short_dtypes=True)
        return f"GradTracer(primal={self.primal!s}, typeof(tangent)={tangent})"


class LinearizeTrace(JVPTrace):
    __slots__ = ("tangent_trace",)
    transformation = "grad, vjp or linearize"
    tracer_class = LinearizeTracer

    def __init__(self, parent: Trace):
        super().__init__(parent)
        self.tangent_trace = TangentTrace(parent)
        self.records = True

    def new_arg(self, primal) -> LinearizeTracer:
        return LinearizeTracer(self, primal, self.tangent_trace.new_arg(get_aval(primal).to_tangent_aval()))

    def join(self, primal, tangent):
        # A tangent that was computed from no unknown tangent is taken for zero, as in JAX: that of x ** 0 is an array of zeros.
        unknown = type(tangent) is JaxprTracer and tangent._trace is self.tangent_trace
        return LinearizeTracer(self, primal, tangent) if unknown else primal

    # The rule's equations that the parent gets compute primal values; those with tangents go to the tangent trace.
    role = "primal"

    @interpreter
    def apply_rule(self, primitive, primals, tangents, params):
        record = None
        if isinstance(primitive, CallPrimitive) and primitive.linearize is not None:
            # Its linearize rule runs under the parent, and returns a function that records the tangents' part.
            outs, record = primitive.linearize(primals, tangents, **params)
        previous = thread_state.trace
        try:
            thread_state.trace = self.tangent_trace
            return primitive.jvp(primals, tangents, **params) if record is None else (outs, record(tangents))
        finally:
            thread_state.trace = previous

    @interpreter
    def run_rule(self, jvp, primals, tangents, params):
        return run_under(self.tangent_trace, partial(jvp, **params), primals, tangents)

    def end(self):
        super().end()
        self.tangent_trace.end()


def linearize_flat(
    function: Callable,
    primals: Sequence,
    in_nonzero: Sequence[bool] | None = None,
    instantiate: tuple[bool, ...] | bool = False,
):
    """Run `function` on flat arrays; return (primals out, out_nonzero, linear jaxpr, its constants).

    The jaxpr takes the tangents of the inputs flagged in `in_nonzero` (by default all). It returns the tangents of the outputs
    flagged in out_nonzero: those that are nonzero, and those that are flagged in `instantiate`. Its constants, the residuals, are
    values of the current trace.
    """
    trace = LinearizeTrace(thread_state.trace)
    in_nonzero = [True] * len(primals) if in_nonzero is None else in_nonzero

    def run():
        args = (trace.new_arg(x) if nz else x for x, nz in zip(primals, in_nonzero, strict=True))
        pairs = [trace.split(x) for x in function(*args)]
        out_primals = [p for p, _ in pairs]
        out_tangents = fill_zeros(out_primals, [t for _, t in pairs])
        if instantiate:
            # The zeros are known values: they are made under the parent, not recorded.
            out_tangents = run_under(trace.parent, instantiate_where, instantiate, out_tangents)
        # A residual that only a dead equation reads is not kept: of `stop_gradient(sin(x))` no cosine.
        jaxpr, consts = trace.tangent_trace.finish(without_zeros(out_tangents), live=True)
        return out_primals, nonzero(out_tangents), jaxpr, consts

    return run_to_end(trace, run)


@weak_cache
def linearize_jaxpr(
    closed_jaxpr: ClosedJaxpr, in_nonzero: tuple[bool, ...], instantiate: tuple[bool, ...] | bool = False, live=True
) -> tuple[ClosedJaxpr, tuple[bool, ...], ClosedJaxpr]:
    """Split a jaxpr for differentiation: (primal jaxpr, which output tangents are nonzero, linear jaxpr); if `live`, without
    dead equations, as JAX differentiates what a call carries.

    The primal jaxpr returns the outputs and then the residuals; the linear one takes residuals and then the tangents of
    the inputs flagged in `in_nonzero`. This is `linearize_flat` under a staging trace, where the residuals are variables.
    """
    out_nonzero, linear = None, None

    def primal(*args):
        nonlocal out_nonzero, linear
        outs, out_nonzero, jaxpr, residuals = linearize_flat(jaxpr_as_fun(closed_jaxpr), args, in_nonzero, instantiate)
        linear = closed(convert_constvars(jaxpr))
        return [*outs, *residuals]

    jaxpr, consts = trace_to_jaxpr(primal, closed_jaxpr.in_avals)
    return ClosedJaxpr(without_dead(jaxpr) if live else jaxpr, consts), out_nonzero, linear
