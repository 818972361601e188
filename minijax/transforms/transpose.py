"""Reverse mode, second half: walk a linear jaxpr backwards, turning cotangents of its outputs into those of its inputs.

Each equation is linear in some of its arguments; its primitive's transpose rule maps the cotangent of the result to
cotangents of those. A variable read twice gets the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.avals import ShapedArray, UndefinedPrimal, Zero
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun
from ..core.primitive import CallPrimitive
from ..core.staging import JaxprTracer, TangentTrace, closed, convert_constvars, trace_to_closed_jaxpr, weak_cache
from ..core.traces import Tracer, get_aval, run_to_end, thread_state
from ..foundation.source_info import Origin, context, current_origin, interpreter, summarize
from ..primitives import basis
from .jvp import nonzero, without_zeros
from .linearize import linearize_flat


class Pullback:
    """The transposed derivative of a function at a point: from cotangents of its results to cotangents of its primals.

    jaxpr: the tangent program, a function of the tangents of those primals marked `in_nonzero` to those of the results marked
    `out_nonzero`. residuals: the values of its constvars. keep: whether it can be called again.
    """

    __slots__ = ("jaxpr", "residuals", "in_avals", "in_nonzero", "out_nonzero", "keep")

    def __init__(self, jaxpr: Jaxpr, residuals: Sequence, in_avals, in_nonzero, out_nonzero, keep: bool):
        self.jaxpr = jaxpr
        self.residuals = residuals
        self.in_avals = in_avals
        self.in_nonzero = in_nonzero
        self.out_nonzero = out_nonzero
        self.keep = keep

    def __call__(self, cotangents: Sequence) -> list:
        """The cotangents of all primals from those of the first results; either may be a `Zero`."""
        jaxpr, values = self.jaxpr, dict(zip(self.jaxpr.constvars, self.residuals))
        if not self.keep:
            self.residuals = None
        cotangents = [ct for ct, nz in zip(cotangents, self.out_nonzero) if nz]
        outvars = jaxpr.outvars[: len(cotangents)]
        found = iter(transpose_eqns(jaxpr.eqns, values, jaxpr.invars, outvars, cotangents, forget=not self.keep))
        pairs = zip(self.in_avals, self.in_nonzero, strict=True)
        return [next(found) if nz else Zero(aval.to_tangent_aval()) for aval, nz in pairs]


def vjp_flat(
    function: Callable, primals: Sequence, in_nonzero: Sequence[bool], keep: bool = False
) -> tuple[list, Callable[[Sequence], list]]:
    """Reverse mode: (results of a function of flat arrays, its pull-back at these primals).

    in_nonzero: which primals have a nonzero tangent. keep: the pull-back can be called more than once;
    otherwise it lets go of each residual on the way.
    """
    outs, out_nonzero, jaxpr, residuals = linearize_flat(function, primals, in_nonzero)
    return outs, Pullback(jaxpr, residuals, [get_aval(x) for x in primals], in_nonzero, out_nonzero, keep)


class LinearTrace(TangentTrace):
    """Records what a linear function does with its arguments; its parent computes everything else, now."""

    __slots__ = ()
    transformation = "linear_transpose"

    def origin(self):
        return current_origin()


def linear_jaxpr(function: Callable, in_avals: Sequence[ShapedArray]) -> tuple[Jaxpr, list]:
    """(jaxpr, constants) of a function of flat arrays that the caller promises is linear."""
    trace = LinearTrace(thread_state.trace)
    return run_to_end(trace, lambda: trace.finish(function(*[trace.new_arg(aval) for aval in in_avals])))


@weak_cache
def split_jaxpr(
    closed_jaxpr: ClosedJaxpr, unknown: tuple[bool, ...]
) -> tuple[ClosedJaxpr, ClosedJaxpr, tuple[bool, ...]]:
    """Split a jaxpr by what depends on its `unknown` arguments: (known jaxpr, unknown jaxpr, which results are unknown).

    The known jaxpr is of the known arguments, and returns the known results and then the residuals; the unknown one takes
    residuals and unknown arguments.
    """
    out_unknown, rest = None, None

    def known(*args):
        nonlocal out_unknown, rest
        trace, args = LinearTrace(thread_state.trace), iter(args)

        def run():
            values = [
                trace.new_arg(a) if u else next(args) for a, u in zip(closed_jaxpr.in_avals, unknown, strict=True)
            ]
            outs = jaxpr_as_fun(closed_jaxpr)(*values)
            flags = tuple([type(x) is JaxprTracer and x._trace is trace for x in outs])
            linear_part = trace.finish([x for x, u in zip(outs, flags) if u])
            return [x for x, u in zip(outs, flags) if not u], flags, *linear_part

        outs, out_unknown, jaxpr, residuals = run_to_end(trace, run)
        rest = closed(convert_constvars(jaxpr))
        return [*outs, *residuals]

    known_jaxpr = trace_to_closed_jaxpr(known, [a for a, u in zip(closed_jaxpr.in_avals, unknown) if not u])
    return known_jaxpr, rest, out_unknown


@interpreter
def backward_pass(jaxpr: Jaxpr, consts: Sequence, args: Sequence, cotangents: Sequence) -> list:
    """The cotangents of the `args` that are `UndefinedPrimal`, in order; `Zero` if nothing flows back.

    The other arguments are values: what is computed from values alone is run forwards first. `cotangents` belong to the
    jaxpr's outputs, and may be `Zero`.
    """
    values = dict(zip(jaxpr.constvars, consts, strict=True))
    linear: set[Var] = set()
    for v, x in zip(jaxpr.invars, args, strict=True):
        if type(x) is UndefinedPrimal:
            linear.add(v)
        else:
            values[v] = x
    linear_eqns = []
    for eqn in jaxpr.eqns:
        if any(v in linear for v in eqn.invars if type(v) is not Literal):
            linear.update(eqn.outvars)
            linear_eqns.append(eqn)
        else:
            inputs = [v.val if type(v) is Literal else values[v] for v in eqn.invars]
            around = context.origin
            try:
                context.origin = eqn.origin
                out = eqn.primitive.bind(*inputs, **eqn.params)
            finally:
                context.origin = around
            values.update(zip(eqn.outvars, out if eqn.primitive.multiple_results else [out]))
    linear_invars = [v for v in jaxpr.invars if v in linear]
    return transpose_eqns(linear_eqns, values, linear_invars, jaxpr.outvars, cotangents)


def transpose_eqns(
    eqns: Sequence[JaxprEqn], values: dict, invars: Sequence[Var], outvars: Sequence, cotangents, forget: bool = False
) -> list:
    """The cotangents of `invars`: walk backwards over equations that are linear in every variable that is not in `values`.

    forget: remove a value once the last equation that reads it is transposed. A residual then lives no longer than needed.
    """
    pending: dict[Var, object] = {}
    for v, ct in zip(outvars, cotangents, strict=True):
        if type(v) is not Literal and v not in values:
            accumulate(pending, v, ct)
    first_reader: dict[Var, JaxprEqn] = {}
    for eqn in eqns if forget else ():
        for v in eqn.invars:
            if type(v) is not Literal and v in values:
                first_reader.setdefault(v, eqn)
    for eqn in reversed(eqns):
        transpose_eqn(eqn, values, pending)
        for v in eqn.invars if forget else ():
            if type(v) is not Literal and first_reader.get(v) is eqn:
                values.pop(v, None)
    return [pending[v] if v in pending else Zero(v.aval) for v in invars]


@interpreter
def transpose_eqn(eqn: JaxprEqn, values: dict, pending: dict):
    """Replace the cotangents of an equation's results by those of its arguments."""
    primitive = eqn.primitive
    reached = [v in pending for v in eqn.outvars]
    if not any(reached):
        return
    if isinstance(primitive, CallPrimitive):
        # Without what nobody reads: a backward function does not run for it, and a loop does not carry its cotangent.
        eqn = primitive.dce(eqn, reached)
    cts = [pending.pop(v) if v in pending else Zero(v.aval) for v in eqn.outvars]
    if all(type(x) is Zero for x in cts) and not primitive.transposes_zeros:
        return reach([v for v in eqn.invars if type(v) is not Literal and v not in values], pending)
    ct = cts if primitive.multiple_results else cts[0]
    args = [v.val if type(v) is Literal else values[v] if v in values else UndefinedPrimal(v.aval) for v in eqn.invars]
    around = context.origin
    try:
        if thread_state.trace.records and eqn.origin is not None:
            context.origin = eqn.origin.derived(primitive, "transpose", "cotangent")
        arg_cotangents = primitive.transpose(ct, *args, **eqn.params)
        for v, ct in zip(eqn.invars, arg_cotangents, strict=True):
            if ct is not None:
                accumulate(pending, v, ct)
    except (NotImplementedError, TypeError) as error:
        if eqn.origin is not None:
            error.add_note(f"The operation is at {summarize(eqn.source_info)}.")
        raise
    finally:
        context.origin = around


def reach(variables: Sequence[Var], pending: dict):
    """Give the variables that have no cotangent yet a zero: see `accumulate`."""
    for v in variables:
        pending.setdefault(v, Zero(v.aval))


def accumulate(pending: dict, v: Var, ct):
    """Add a cotangent to a variable's. A symbolic zero adds nothing, but the variable is reached: the backward function of a
    custom_vjp runs then, and may return cotangents of its own."""
    before = pending.get(v)
    if before is None or type(before) is Zero:
        pending[v] = ct
    elif type(ct) is not Zero:
        pending[v] = add_cotangents(before, ct)


@interpreter
def add_cotangents(before, ct):
    """The sum of two cotangents of one variable; it comes from both."""
    around = context.origin
    try:
        context.origin = origin_of_sum(around, before, ct)
        return basis.add_any_p.bind(before, ct)
    finally:
        context.origin = around


def origin_of_sum(around: Origin | None, before, ct) -> Origin | None:
    """The origin of the sum of two cotangents, in a rule of origin `around`; its parents are the origins of the two."""
    if around is None:
        return None
    written = [x.written() for x in (before, ct) if isinstance(x, Tracer)]
    parents = tuple([x.eqn.origin for x in written if x is not None and x.eqn.origin is not None])
    return around.of_sum(basis.add_any_p, parents) if parents else around


@weak_cache
def transpose_jaxpr(
    closed_jaxpr: ClosedJaxpr, linear: tuple[bool, ...], ct_nonzero: tuple[bool, ...], instantiate: bool = False
) -> tuple[ClosedJaxpr, tuple[bool, ...]]:
    """The jaxpr of (non-linear arguments, nonzero cotangents of the outputs) -> nonzero cotangents of the `linear`
    arguments, and which those are: with `instantiate`, all."""
    in_avals, out_avals = closed_jaxpr.in_avals, closed_jaxpr.out_avals
    nonlinear_avals = [aval for aval, lin in zip(in_avals, linear, strict=True) if not lin]
    ct_avals = [aval for aval, nz in zip(out_avals, ct_nonzero, strict=True) if nz]
    result_nonzero = None

    def function(*values):
        nonlocal result_nonzero
        nonlinear, cts = iter(values[: len(nonlinear_avals)]), iter(values[len(nonlinear_avals) :])
        args = [UndefinedPrimal(aval) if lin else next(nonlinear) for aval, lin in zip(in_avals, linear)]
        cotangents = [next(cts) if nz else Zero(aval) for aval, nz in zip(out_avals, ct_nonzero)]
        results = backward_pass(closed_jaxpr.jaxpr, closed_jaxpr.consts, args, cotangents)
        results = [basis.instantiate(ct) for ct in results] if instantiate else results
        result_nonzero = nonzero(results)
        return without_zeros(results)

    return trace_to_closed_jaxpr(function, [*nonlinear_avals, *ct_avals]), result_nonzero
