"""Python function -> jaxpr: run it on tracers that write down what is done to them.

`JaxprBuilder` collects equations; `StagingTrace` (jit, make_jaxpr, the bodies of control flow) records everything, and
`TangentTrace` (linearize) only what depends on its unknowns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from ..foundation import source_info
from ..foundation.config import x64_enabled
from ..foundation.effects import no_effects
from .array import ArrayImpl, to_array
from .avals import ShapedArray
from .jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, effects_of
from .primitive import Primitive
from .traces import Trace, Tracer, check_not_leaked, get_aval, new_trace, set_current_trace, thread_state


class JaxprTracer(Tracer):
    """A variable of the jaxpr being written; JAX calls it DynamicJaxprTracer."""

    __slots__ = ("aval", "var")

    def __init__(self, trace: Trace, var: Var):
        self._trace = trace
        self.var = var
        self.aval = var.aval

    def _origin(self) -> str:
        makers = [eqn for eqn in self._trace.eqns if self.var in eqn.outvars]
        made = f"made at {makers[0].source_info}" if makers else "an argument of the traced function"
        return f"The value was {made}.\n{super()._origin()}"


class JaxprBuilder(Trace):
    """A trace that writes equations. What is not its own tracer becomes a literal (scalars) or a constvar (the rest)."""

    __slots__ = ("invars", "eqns", "constants")

    def __init__(self, parent: Trace):
        super().__init__(parent)
        self.invars: list[Var] = []
        self.eqns: list[JaxprEqn] = []
        # {id(value): (var, constant, value)}: the value is kept so that its id stays its own.
        self.constants: dict[int, tuple[Var, Any, Any]] = {}

    def new_arg(self, aval: ShapedArray) -> JaxprTracer:
        var = Var(aval)
        self.invars.append(var)
        return JaxprTracer(self, var)

    def atom(self, x: Any) -> Var | Literal:
        if type(x) is JaxprTracer and x._trace is self:
            return x.var
        constant = x
        if isinstance(x, Tracer):
            check_not_leaked(x)
        else:
            constant = x if type(x) is ArrayImpl else to_array(x)
            if constant._value.ndim == 0 and constant._value.dtype.char != "V":
                return Literal(constant, constant.aval)
        known = self.constants.get(id(x))
        if known is not None:
            return known[0]
        var = Var(constant.aval)
        self.constants[id(x)] = (var, constant, x)
        return var

    def write(self, primitive: Primitive, args: Sequence, params: dict, where: source_info.SourceInfo | None):
        """Append an equation from that place in the user's program; return its results as tracers."""
        invars = [x.var if type(x) is JaxprTracer and x._trace is self else self.atom(x) for x in args]
        avals = primitive.abstract_eval(*[v.aval for v in invars], **params)
        if primitive.multiple_results:
            outvars = [Var(aval) for aval in avals]
            # Only these carry jaxprs, or do something besides.
            self.eqns.append(JaxprEqn(invars, outvars, primitive, params, effects_of(primitive, params), where))
            return [JaxprTracer(self, v) for v in outvars]
        outvar = Var(avals)
        self.eqns.append(JaxprEqn(invars, [outvar], primitive, params, no_effects, where))
        return JaxprTracer(self, outvar)

    def finish(self, outs: Sequence) -> tuple[Jaxpr, list]:
        """The jaxpr that returns `outs`, and the values of its constvars."""
        outvars = [self.atom(x) for x in outs]
        constvars = [v for v, _, _ in self.constants.values()]
        return Jaxpr(constvars, self.invars, outvars, self.eqns), [c for _, c, _ in self.constants.values()]


class StagingTrace(JaxprBuilder):
    """Records every primitive; nothing is computed."""

    __slots__ = ()
    transformation = "jit or make_jaxpr"

    def process_primitive(self, primitive, args, params):
        return self.write(primitive, args, params, source_info.current())

    def is_users(self, out: JaxprTracer, where: source_info.SourceInfo | None):
        """Say of the equation that made `out` that it is the user's operation there, and not the work of its derivative's rule:
        programs give its result the name that the user gives it."""
        if where is None or where.derived:
            return
        found = False
        for eqn in reversed(self.eqns):
            place = eqn.source_info
            if place is None or place.code is not where.code or place.offset != where.offset:
                return
            if not found and out.var in eqn.outvars:
                eqn.source_info, found = where, True
            elif not place.derived:
                # Of an operation of several equations the last has the result: `logsumexp`, say, takes an exp and a log.
                if found:
                    eqn.source_info = where.as_derived()
                return


class TangentTrace(JaxprBuilder):
    """Records what depends on its tracers, the unknown tangents; does everything else under its parent, now."""

    # `where`: the place of the user's operation being differentiated, the same for all that its rule does.
    __slots__ = ("where",)
    transformation = "linearize, vjp or grad"

    def process_primitive(self, primitive, args, params):
        for x in args:
            if type(x) is JaxprTracer and x._trace is self:
                if primitive.split is not None:
                    return self.process_split(primitive, args, params)
                if primitive.dce is not None:
                    return self.process_halves(primitive, args, params)
                return self.write(primitive, args, params, self.where)
        return self.parent.process_primitive(primitive, args, params)

    def process_split(self, primitive, args, params):
        """A jit of known and unknown: its known results must not become unknown with the others. The rule returns None where
        there are none, else the results, with None for the unknown, and a function that records those."""
        unknown = tuple([type(x) is JaxprTracer and x._trace is self for x in args])
        with set_current_trace(self.parent):
            split = primitive.split(args, unknown, **params)
        if split is None:
            return self.write(primitive, args, params, self.where)
        outs, record = split
        with set_current_trace(self):
            recorded = iter(record([x for x, u in zip(args, unknown) if u]))
        return [next(recorded) if x is None else x for x in outs]

    def process_halves(self, primitive, args, params):
        """A scan or cond of known and unknown: `jvp` of one, within a rule. What is known is computed now, by the equation
        without the rest; recorded is the equation without what is known, which computes again what it needs of that."""
        given = {Var(x.aval if isinstance(x, Tracer) else get_aval(x)): x for x in args}
        outs = [Var(aval) for aval in primitive.abstract_eval(*[v.aval for v in given], **params)]
        eqn = JaxprEqn([*given], outs, primitive, params)
        unknown = {v for v, x in given.items() if type(x) is JaxprTracer and x._trace is self}

        def half(wanted: list[bool]) -> JaxprEqn:
            return eqn if all(wanted) else primitive.dce(eqn, wanted)

        known = [unknown.isdisjoint(half([o is out for o in outs]).invars) for out in outs]
        if not any(known):
            return self.write(primitive, args, params, self.where)
        now, later = half(known), half([not k for k in known])
        with set_current_trace(self.parent):
            values = dict(zip(now.outvars, primitive.bind(*[given[v] for v in now.invars], **now.params)))
        if not all(known):
            recorded = self.write(primitive, [given[v] for v in later.invars], later.params, self.where)
            values |= {v: x for v, x in zip(later.outvars, recorded) if v not in values}
        return [values[v] for v in outs]


def trace_to_jaxpr(function: Callable, in_avals: Sequence[ShapedArray]) -> tuple[Jaxpr, list]:
    """Run `function` on tracers of the given types: its jaxpr and the constants it closed over.

    `function` takes the tracers and returns a flat list of arrays; the constants may be tracers of traces around this one.
    """
    trace = StagingTrace(thread_state.trace)
    with new_trace(trace):
        jaxpr, consts = trace.finish(function(*[trace.new_arg(aval) for aval in in_avals]))
    return jaxpr, consts


def trace_to_closed_jaxpr(function: Callable, in_avals: Sequence[ShapedArray]) -> ClosedJaxpr:
    return ClosedJaxpr(*trace_to_jaxpr(function, in_avals))


def convert_constvars(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr that takes its constants as its first arguments."""
    return Jaxpr([], [*jaxpr.constvars, *jaxpr.invars], jaxpr.outvars, jaxpr.eqns, jaxpr.effects)


def closed(jaxpr: Jaxpr) -> ClosedJaxpr:
    """Close a jaxpr without constants."""
    return ClosedJaxpr(jaxpr, ())


def weak_cache(function: Callable) -> Callable:
    """Remember the results of a function of (closed jaxpr, *hashable arguments) for as long as the jaxpr lives.

    Without it a jitted function would be differentiated anew at every call of its gradient.
    """
    cache: WeakKeyDictionary[ClosedJaxpr, dict] = WeakKeyDictionary()

    @wraps(function)
    def cached(closed_jaxpr: ClosedJaxpr, *args):
        results = cache.setdefault(closed_jaxpr, {})
        key = (*args, x64_enabled())
        if key not in results:
            results[key] = function(closed_jaxpr, *args)
        return results[key]

    return cached
