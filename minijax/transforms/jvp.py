"""Forward mode: push tangents through a program beside its primal values (JAX: `_src/interpreters/ad.py`, JVPTrace).

f = lambda x: x * sin(x)
jvp(f, (2.0,), (1.0,))   # bind sees JVPTracer(2.0, 1.0); the rule of each primitive makes the next pair
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

from ..core.avals import Zero
from ..core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from ..core.staging import JaxprTracer, StagingTrace, TangentTrace, trace_to_closed_jaxpr, weak_cache
from ..core.traces import Trace, Tracer, check_not_leaked, get_aval, new_trace, thread_state, without_tangent
from ..foundation import source_info
from ..primitives.basis import instantiate, zero_like


class JVPTracer(Tracer):
    """A primal value and its tangent."""

    __slots__ = ("primal", "tangent")

    def __init__(self, trace: Trace, primal, tangent):
        self._trace = trace
        self.primal = primal
        self.tangent = tangent

    # The primal is an array or a tracer of a trace further out, which knows these without making an aval.
    aval = property(lambda self: get_aval(self.primal))
    shape = property(attrgetter("primal.shape"))
    dtype = property(attrgetter("primal.dtype"))
    weak_type = property(attrgetter("primal.weak_type"))
    ndim = property(attrgetter("primal.ndim"))

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

    def split(self, x) -> tuple:
        """(primal, tangent) of one argument; what is not ours is a constant."""
        if type(x) is self.tracer_class and x._trace is self:
            return x.primal, x.tangent
        if isinstance(x, Tracer):
            check_not_leaked(x)
        return x, None

    @source_info.deriver
    def process_primitive(self, primitive, args, params):
        primals, tangents, moving, still = [], [], False, False
        for x in args:
            # As `split`, in line: this loop is most of what an eager derivative costs beyond its arithmetic.
            if type(x) is self.tracer_class and x._trace is self:
                primals.append(x.primal)
                tangents.append(x.tangent)
                moving = True
            else:
                if isinstance(x, Tracer):
                    check_not_leaked(x)
                primals.append(x)
                tangents.append(None)
                still = True
        previous = thread_state.trace
        thread_state.trace = self.parent
        try:
            if moving:
                if still:
                    tangents = fill_zeros(primals, tangents)
                outs, out_tangents = self.apply_rule(primitive, primals, tangents, params)
            else:
                outs = self.parent.process_primitive(primitive, primals, params)
        finally:
            thread_state.trace = previous
        if type(outs) is JaxprTracer and type(self.parent) is StagingTrace:
            self.parent.is_users(outs, source_info.current(2))
        if not moving:
            return outs
        if primitive.multiple_results:
            return [self.join(p, t) for p, t in zip(outs, out_tangents)]
        return outs if type(out_tangents) is Zero else self.tracer_class(self, outs, out_tangents)

    def apply_rule(self, primitive, primals, tangents, params):
        if primitive.linearize is not None and _recording(self.parent):
            # Reverse mode of a rule that says jvp(jit(f), ...): one jit of primals and tangents would be recorded as a whole,
            # and its primals, which are known, would be unknown.
            outs, record = primitive.linearize(primals, tangents, **params)
            return outs, record(tangents)
        return primitive.jvp(primals, tangents, **params)

    def join(self, primal, tangent):
        # A constant needs no tracer, unless it must be known that its derivative is zero: it is, for a constant.
        return primal if type(tangent) is Zero else self.tracer_class(self, primal, tangent)


def _recording(trace: Trace | None) -> bool:
    """Whether what a trace does comes, in the end, to one that records what is unknown and computes the rest."""
    while trace is not None and not isinstance(trace, TangentTrace):
        trace = trace.parent
    return trace is not None


def fill_zeros(primals: Sequence, tangents: Sequence) -> list:
    return [Zero.from_primal_value(p) if t is None else t for p, t in zip(primals, tangents)]


def nonzero(tangents: Sequence) -> tuple[bool, ...]:
    """Which tangents are not symbolic zeros."""
    return tuple([type(t) is not Zero for t in tangents])


def fill(outs: Sequence, tangents: Sequence, nonzero: Sequence[bool]) -> list:
    """The tangents of all results: those given, which are the nonzero ones, and symbolic zeros where there is none."""
    tangents = iter(tangents)
    return [next(tangents) if nz else zero_like(x) for x, nz in zip(outs, nonzero, strict=True)]


def jvp_flat(function: Callable, primals: Sequence, tangents: Sequence) -> tuple[list, list]:
    """(primals out, tangents out) of a function of flat arrays; a tangent, in or out, may be a symbolic `Zero`."""
    trace = JVPTrace(thread_state.trace)
    with new_trace(trace):
        pairs = [trace.split(x) for x in function(*[trace.join(p, t) for p, t in zip(primals, tangents)])]
    out_primals = [p for p, _ in pairs]
    return out_primals, fill_zeros(out_primals, [t for _, t in pairs])


def instantiate_where(wanted: tuple[bool, ...] | bool, tangents: Sequence) -> list:
    """The tangents, with arrays for those symbolic zeros that are `wanted` as arrays."""
    wanted = wanted if isinstance(wanted, tuple) else (wanted,) * len(tangents)
    return [instantiate(t) if want else t for t, want in zip(tangents, wanted, strict=True)]


@weak_cache
def jvp_jaxpr(
    closed_jaxpr: ClosedJaxpr, nonzero: tuple[bool, ...], instantiate: tuple[bool, ...] | bool = False
) -> tuple[ClosedJaxpr, tuple[bool, ...]]:
    """The jaxpr of (primals, nonzero tangents) -> (primals out, nonzero tangents out), and which output tangents those are.

    Those that `instantiate` says so of are among them in any case.
    """
    in_avals = closed_jaxpr.in_avals
    tangent_avals = [aval.to_tangent_aval() for aval in in_avals]
    out_nonzero = None

    def function(*args):
        nonlocal out_nonzero
        primals, moving = args[: len(in_avals)], iter(args[len(in_avals) :])
        tangents = [next(moving) if nz else Zero(aval) for nz, aval in zip(nonzero, tangent_avals, strict=True)]
        outs, out_tangents = jvp_flat(jaxpr_as_fun(closed_jaxpr), primals, tangents)
        out_tangents = instantiate_where(instantiate, out_tangents)
        out_nonzero = tuple(type(t) is not Zero for t in out_tangents)
        return [*outs, *[t for t in out_tangents if type(t) is not Zero]]

    moving_avals = [aval for nz, aval in zip(nonzero, tangent_avals, strict=True) if nz]
    return trace_to_closed_jaxpr(function, [*in_avals, *moving_avals]), out_nonzero
