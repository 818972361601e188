"""A Python function becomes a jaxpr: it runs on tracers that write down what is done to them.

`JaxprBuilder` collects equations; `StagingTrace` (jit, make_jaxpr, the bodies of control flow) records everything, and
`TangentTrace` (linearize) only what depends on its unknowns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

from ..foundation.config import trace_context
from ..foundation.effects import no_effects
from ..foundation.source_info import Origin, current_origin
from .array import to_array
from .avals import ShapedArray
from .jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, dce_jaxpr, effects_of, without_dead
from .primitive import CallPrimitive, Primitive
from .traces import Trace, Tracer, check_not_leaked, run_to_end, run_under, thread_state


class JaxprTracer(Tracer):
    """A variable of the jaxpr being written, and the equation that computes it; JAX calls it DynamicJaxprTracer."""

    __slots__ = ("aval", "variable", "eqn")

    def __init__(self, trace: Trace, var: Var, eqn: JaxprEqn | None = None):
        self._trace = trace
        self.variable = var
        self.aval = var.aval
        self.eqn = eqn

    def written(self) -> JaxprTracer | None:
        return None if self.eqn is None else self

    def literal(self):
        known = type(self.variable) is Literal and thread_state.trace is self._trace
        return self.variable.val if known else None

    def __repr__(self) -> str:
        return f"JitTracer({self.aval})"


class JaxprBuilder(Trace):
    """A trace that writes equations. A value that is not its own tracer becomes a literal (a number) or a constvar."""

    __slots__ = ("invars", "eqns", "constants")

    def __init__(self, parent: Trace):
        super().__init__(parent)
        self.records = True
        self.invars: list[Var] = []
        self.eqns: list[JaxprEqn] = []
        self.constants: dict[int, tuple[Var, Any]] = {}  # {id(constant): (its variable, the constant)}

    def new_arg(self, aval: ShapedArray) -> JaxprTracer:
        var = Var(aval)
        self.invars.append(var)
        return JaxprTracer(self, var)

    def atom(self, x: Any) -> Var | Literal:
        if type(x) is JaxprTracer and x._trace is self:
            return x.variable
        if isinstance(x, Tracer):
            check_not_leaked(x)
        elif hasattr(x := to_array(x), "number"):
            return Literal(x, x.aval)
        known = self.constants.get(id(x))
        if known is not None:
            return known[0]
        var = Var(x.aval)
        self.constants[id(x)] = (var, x)
        return var

    def write(self, primitive: Primitive, args: Sequence, params: dict, origin: Origin | None):
        """Append an equation of that origin; return its results as tracers."""
        invars = [x.variable if type(x) is JaxprTracer and x._trace is self else self.atom(x) for x in args]
        avals = primitive.abstract_eval(*[v.aval for v in invars], **params)
        if primitive.multiple_results:
            outvars = [Var(aval) for aval in avals]
            # Only these primitives carry jaxprs, or have effects.
            eqn = JaxprEqn(invars, outvars, primitive, params, effects_of(primitive, params), origin)
            self.eqns.append(eqn)
            return [JaxprTracer(self, v, eqn) for v in outvars]
        outvar = Var(avals)
        eqn = JaxprEqn(invars, [outvar], primitive, params, no_effects, origin)
        self.eqns.append(eqn)
        return JaxprTracer(self, outvar, eqn)

    def finish(self, outs: Sequence, live: bool = False) -> tuple[Jaxpr, list]:
        """The jaxpr that returns `outs`, and the values of its constvars; if `live`, without what no result needs."""
        outvars = [self.atom(x) for x in outs]
        if live:
            self.eqns = without_dead(Jaxpr([], self.invars, outvars, self.eqns)).eqns
        # `jnp.array([1.0])` is a constant as soon as it is made, but only what is read becomes one of the jaxpr.
        read = {id(v) for v in chain(outvars, *[eqn.invars for eqn in self.eqns if self.constants])}
        constants = [(v, c) for v, c in self.constants.values() if id(v) in read]
        return Jaxpr([v for v, _ in constants], self.invars, outvars, self.eqns), [c for _, c in constants]


class StagingTrace(JaxprBuilder):
    """Records every operation, and computes none."""

    __slots__ = ()
    transformation = "jit or make_jaxpr"

    def passes_on(self, args):
        return None

    def process_primitive(self, primitive, args, params):
        return self.write(primitive, args, params, current_origin())

    def given(self, x):
        return JaxprTracer(self, self.atom(x))

    def finish(self, outs: Sequence) -> tuple[Jaxpr, list]:
        settle_names(self.eqns)
        return super().finish(outs)


def settle_names(eqns: Sequence[JaxprEqn]):
    """Leave the user's name to one equation of each expression. One expression may be several operations; the last one holds the
    result and has the name: `y = logsumexp(x)` ends in an addition."""
    last = None
    for eqn in eqns:
        origin = eqn.origin
        if origin is not None and origin.is_result:
            if last is not None and last.origin.same_place(origin):
                last.origin = last.origin.without_name()
            last = eqn


class TangentTrace(JaxprBuilder):
    """Records the operations that depend on its tracers, the unknown tangents; its parent does all others, now."""

    __slots__ = ()
    transformation = "linearize, vjp or grad"

    def process_primitive(self, primitive, args, params):
        for x in args:
            if type(x) is JaxprTracer and x._trace is self:
                if isinstance(primitive, CallPrimitive):
                    return self.process_call(primitive, args, params)
                return self.write(primitive, args, params, self.origin())
        return self.parent.process_primitive(primitive, args, params)

    def origin(self) -> Origin | None:
        """The origin of the equation that is recorded next."""
        origin = current_origin()
        return None if origin is None else origin.as_tangent()

    def process_call(self, primitive: CallPrimitive, args, params):
        """A call with known and unknown arguments: results that depend on known arguments alone stay known."""
        unknown = tuple([type(x) is JaxprTracer and x._trace is self for x in args])
        split = run_under(self.parent, partial(primitive.partial_eval, **params), args, unknown)
        write = partial(self.write, primitive, origin=self.origin())
        if split is None:
            return write(args, params)
        outs, record = split
        recorded = iter(run_under(self, record, [x for x, u in zip(args, unknown) if u], write))
        return [next(recorded) if x is None else x for x in outs]


def trace_to_jaxpr(function: Callable, in_avals: Sequence[ShapedArray]) -> tuple[Jaxpr, list]:
    """(jaxpr of a function at the given types, constants that the function closes over)

    `function` takes the tracers and returns a flat list of arrays; the constants may be tracers of traces around this one.
    """
    trace = StagingTrace(thread_state.trace)
    trace.copies = {} if trace.copies is None else trace.copies
    return run_to_end(trace, lambda: trace.finish(function(*[trace.new_arg(aval) for aval in in_avals])))


def trace_to_closed_jaxpr(function: Callable, in_avals: Sequence[ShapedArray]) -> ClosedJaxpr:
    return ClosedJaxpr(*trace_to_jaxpr(function, in_avals))


def convert_constvars(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr whose constants are its first arguments."""
    return Jaxpr([], [*jaxpr.constvars, *jaxpr.invars], jaxpr.outvars, jaxpr.eqns, jaxpr.effects)


def closed(jaxpr: Jaxpr) -> ClosedJaxpr:
    """A jaxpr without constants as a closed jaxpr."""
    return ClosedJaxpr(jaxpr, ())


def weak_cache(function: Callable) -> Callable:
    """Remember the results of a function of (closed jaxpr, *hashable arguments) for as long as the jaxpr lives.

    Without it a jitted function would be differentiated anew at every call of its gradient.
    """
    cache: WeakKeyDictionary[ClosedJaxpr, dict] = WeakKeyDictionary()

    @wraps(function)
    def cached(closed_jaxpr: ClosedJaxpr, *args):
        results = cache.setdefault(closed_jaxpr, {})
        key = (*args, trace_context())
        if key not in results:
            results[key] = function(closed_jaxpr, *args)
        return results[key]

    return cached


@weak_cache
def dce_closed_jaxpr(
    closed_jaxpr: ClosedJaxpr, used: tuple[bool, ...], kept: tuple[bool, ...] = ()
) -> tuple[ClosedJaxpr, list[bool]]:
    """`dce_jaxpr` of a closed jaxpr. An argument flagged in `kept` stays. The same jaxpr comes each time, and compiles once."""
    jaxpr, used_inputs = dce_jaxpr(closed_jaxpr.jaxpr, used)
    used_inputs = [a or b for a, b in zip(used_inputs, kept or used_inputs, strict=True)]
    if all(used) and all(used_inputs) and jaxpr.eqns == closed_jaxpr.jaxpr.eqns:
        return closed_jaxpr, used_inputs
    invars = [v for v, use in zip(closed_jaxpr.jaxpr.invars, used_inputs) if use]
    return ClosedJaxpr(jaxpr.replace(invars=invars), closed_jaxpr.consts), used_inputs
