"""Forward mode: push tangents through a program beside its primal values (JAX: `_src/interpreters/ad.py`, JVPTrace).

f = lambda x: x * sin(x)
jvp(f, (2.0,), (1.0,))   # bind sees JVPTracer(2.0, 1.0); the rule of each primitive makes the next pair
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

from ..core.avals import Zero
from ..core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from ..core.primitive import CallPrimitive
from ..core.staging import TangentTrace, trace_to_closed_jaxpr, weak_cache
from ..core.traces import (
    Trace,
    Tracer,
    check_not_leaked,
    get_aval,
    run_to_end,
    run_under,
    thread_state,
    without_tangent,
)
from ..foundation.source_info import Origin, context, current_origin, interpreter
from ..primitives.basis import instantiate, zero_like


class JVPTracer(Tracer):
    """A primal value and its tangent."""

    __slots__ = ("primal", "tangent")

    def __init__(self, trace: Trace, primal, tangent):
        self._trace = trace
        self.primal = primal
        self.tangent = tangent

    # The primal, an array or a tracer of a trace further out, answers these without making an aval.
    aval = property(lambda self: get_aval(self.primal))
    shape = property(attrgetter("primal.shape"))
    dtype = property(attrgetter("primal.dtype"))
    weak_type = property(attrgetter("primal.weak_type"))
    ndim = property(attrgetter("primal.ndim"))

    def __repr__(self) -> str:
        return f"JVPTracer(primal={self.primal!s}, tangent={self.tangent!s})"

    def written(self):
        return self.primal.written() if isinstance(self.primal, Tracer) else None

    def _made_by(self):
        written = self.written()
        return self.tangent.written() if written is None and isinstance(self.tangent, Tracer) else written

    def without_tangent(self):
        return without_tangent(self.primal)

    def to_concrete_value(self):
        primal = self.primal
        return primal.to_concrete_value() if isinstance(primal, Tracer) else primal


class JVPTrace(Trace):
    """Each primitive becomes its jvp rule, applied under the parent trace.

    The trace that a tracer names decides whose tangent it is. In
        grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0)
    the inner trace meets the outer x and takes it for a constant: its tangent belongs to another derivative.
    """

    __slots__ = ()
    transformation = "jvp or jacfwd"
    tracer_class = JVPTracer

    def process_primitive(self, primitive, args, params):
        primals, tangents = self.split_all(args)
        user = current_origin() if self.records else None
        rule, around, previous = None, None if user is None else context.origin, thread_state.trace
        try:
            thread_state.trace = self.parent
            if tangents is None:
                return self.parent.process_primitive(primitive, primals, params)
            if user is not None:
                context.origin = rule = user.derived(primitive, "jvp", self.role)
            outs, out_tangents = self.apply_rule(primitive, primals, tangents, params)
        finally:
            thread_state.trace = previous
            if user is not None:
                context.origin = around
        if primitive.multiple_results:
            return [self.join(p, t) for p, t in zip(outs, out_tangents)]
        if rule is not None:
            name_result(outs, rule, user)
        return self.join(outs, out_tangents)

    # The role of the equations that a jvp rule writes.
    role = "tangent"

    def split_all(self, args: Sequence) -> tuple[list, list | None]:
        """(primals, tangents) of the arguments; tangents is None if no argument is a tracer of this trace."""
        primals, tangents, constants, tracer_class = [], [], 0, self.tracer_class
        for x in args:
            if type(x) is tracer_class and x._trace is self:
                primal, tangent = x.primal, x.tangent
            else:
                (primal, tangent), constants = self.split(x), constants + 1
            primals.append(primal)
            tangents.append(tangent)
        if constants == len(args):
            return primals, None
        return primals, fill_zeros(primals, tangents) if constants else tangents

    def split(self, x) -> tuple:
        """(primal, tangent) of one argument; the tangent is None for a constant."""
        if type(x) is self.tracer_class and x._trace is self:
            return x.primal, x.tangent
        if isinstance(x, Tracer):
            check_not_leaked(x)
        return x, None

    @interpreter
    def apply_rule(self, primitive, primals, tangents, params):
        if isinstance(primitive, CallPrimitive) and primitive.linearize is not None and _recording(self.parent):
            # Do not merge known primals and unknown tangents into one jit: the known part would become unknown.
            outs, record = primitive.linearize(primals, tangents, **params)
            return outs, record(tangents)
        return primitive.jvp(primals, tangents, **params)

    @interpreter
    def run_rule(self, jvp: Callable, primals, tangents, params) -> tuple:
        return jvp(primals, tangents, **params)

    def process_call(self, primitive, jvp: Callable, args: Sequence) -> list:
        """The results of a function with a jvp rule of its own, (primals, tangents) -> (primals out, tangents out)."""
        primals, tangents = self.split_all(args)
        user, around = current_origin() if self.records else None, context.origin
        try:
            context.origin = None if user is None else user.derived(primitive, "jvp", self.role)
            outs, out_tangents = run_under(self.parent, self.run_rule, jvp, primals, tangents, {})
        finally:
            context.origin = around
        return [self.join(p, t) for p, t in zip(outs, out_tangents)]

    def join(self, primal, tangent):
        # No tracer needed for a zero tangent: a value without a tracer already has a zero tangent.
        return primal if type(tangent) is Zero else self.tracer_class(self, primal, tangent)


def name_result(out, rule: Origin, user: Origin):
    """If the rule wrote the equation that computes `out`, that equation is the user's operation itself, and its result has the
    user's name."""
    written = out.written() if isinstance(out, Tracer) else None
    if written is None or written.eqn.origin is None:
        return
    origin = written.eqn.origin
    if origin is rule:
        written.eqn.origin = user
    elif origin.kind == "batch" and origin.parents[0] is rule:
        written.eqn.origin = user.batched(origin.primitive)


def _recording(trace: Trace | None) -> bool:
    """Whether a `TangentTrace`, which records unknown tangents and computes the rest, is this trace or one around it."""
    while trace is not None and not isinstance(trace, TangentTrace):
        trace = trace.parent
    return trace is not None


def fill_zeros(primals: Sequence, tangents: Sequence) -> list:
    """The tangents, with symbolic zeros in place of None."""
    return [zero_like(p) if t is None else t for p, t in zip(primals, tangents)]


def nonzero(tangents: Sequence) -> tuple[bool, ...]:
    """For each tangent or cotangent, whether it is nonzero: an array or a tracer, and not a symbolic zero."""
    return tuple([type(t) is not Zero for t in tangents])


def without_zeros(tangents: Sequence) -> list:
    """The nonzero tangents or cotangents."""
    return [t for t in tangents if type(t) is not Zero]


def fill(outs: Sequence, tangents: Sequence, out_nonzero: Sequence[bool]) -> list:
    """The tangents of all results: the given tangents where `out_nonzero` is true, symbolic zeros elsewhere."""
    tangents = iter(tangents)
    return [next(tangents) if nz else zero_like(x) for x, nz in zip(outs, out_nonzero, strict=True)]


def jvp_flat(function: Callable, primals: Sequence, tangents: Sequence) -> tuple[list, list]:
    """(primals out, tangents out) of a function of flat arrays; a tangent, in or out, may be a symbolic `Zero`."""
    trace = JVPTrace(thread_state.trace)

    def run():
        return [trace.split(x) for x in function(*[trace.join(p, t) for p, t in zip(primals, tangents)])]

    pairs = run_to_end(trace, run)
    out_primals = [p for p, _ in pairs]
    return out_primals, fill_zeros(out_primals, [t for _, t in pairs])


def instantiate_where(wanted: tuple[bool, ...] | bool, tangents: Sequence) -> list:
    """The tangents, with an array of zeros for each symbolic zero that is `wanted` as an array."""
    wanted = wanted if isinstance(wanted, tuple) else (wanted,) * len(tangents)
    return [instantiate(t) if want else t for t, want in zip(tangents, wanted, strict=True)]


@weak_cache
def jvp_jaxpr(
    closed_jaxpr: ClosedJaxpr, in_nonzero: tuple[bool, ...], instantiate: tuple[bool, ...] | bool = False
) -> tuple[ClosedJaxpr, tuple[bool, ...]]:
    """(jaxpr of (primals, nonzero tangents) -> (primals out, nonzero tangents out), which outputs have a nonzero tangent).

    in_nonzero: which arguments have a nonzero tangent. An output flagged in `instantiate` always gets a tangent array.
    """
    in_avals = closed_jaxpr.in_avals
    tangent_avals = [aval.to_tangent_aval() for aval in in_avals]
    out_nonzero = None

    def function(*args):
        nonlocal out_nonzero
        primals, given = args[: len(in_avals)], iter(args[len(in_avals) :])
        tangents = [next(given) if nz else Zero(aval) for nz, aval in zip(in_nonzero, tangent_avals, strict=True)]
        outs, out_tangents = jvp_flat(jaxpr_as_fun(closed_jaxpr), primals, tangents)
        out_tangents = instantiate_where(instantiate, out_tangents)
        out_nonzero = nonzero(out_tangents)
        return [*outs, *without_zeros(out_tangents)]

    given_avals = [aval for nz, aval in zip(in_nonzero, tangent_avals, strict=True) if nz]
    return trace_to_closed_jaxpr(function, [*in_avals, *given_avals]), out_nonzero
