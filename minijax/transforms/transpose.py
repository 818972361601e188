"""Reverse mode, second half: walk a linear jaxpr backwards, turning cotangents of its outputs into those of its inputs.

Each equation is linear in some of its arguments; its primitive's transpose rule maps the cotangent of the result to
cotangents of those. A variable read twice gets the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.avals import ShapedArray, UndefinedPrimal, Zero
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun
from ..core.staging import JaxprTracer, TangentTrace, closed, convert_constvars, trace_to_closed_jaxpr, weak_cache
from ..core.traces import new_trace, thread_state
from ..foundation import source_info
from ..primitives import basis


class LinearTrace(TangentTrace):
    """Records what a linear function does with its arguments; what it computes besides is computed now, and known."""

    __slots__ = ()
    transformation = "linear_transpose"
    where = property(lambda self: source_info.current())


def linear_jaxpr(function: Callable, in_avals: Sequence[ShapedArray]) -> tuple[Jaxpr, list]:
    """The jaxpr of a function of flat arrays that is promised to be linear, and the constants it closes over."""
    trace = LinearTrace(thread_state.trace)
    with new_trace(trace):
        return trace.finish(function(*[trace.new_arg(aval) for aval in in_avals]))


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
        with new_trace(trace):
            values = [
                trace.new_arg(a) if u else next(args) for a, u in zip(closed_jaxpr.in_avals, unknown, strict=True)
            ]
            outs = jaxpr_as_fun(closed_jaxpr)(*values)
            out_unknown = tuple([type(x) is JaxprTracer and x._trace is trace for x in outs])
            jaxpr, residuals = trace.finish([x for x, u in zip(outs, out_unknown) if u])
        rest = closed(convert_constvars(jaxpr))
        return [*[x for x, u in zip(outs, out_unknown) if not u], *residuals]

    known_jaxpr = trace_to_closed_jaxpr(known, [a for a, u in zip(closed_jaxpr.in_avals, unknown) if not u])
    return known_jaxpr, rest, out_unknown


@source_info.interpreter
def backward_pass(jaxpr: Jaxpr, consts: Sequence, args: Sequence, cotangents: Sequence) -> list:
    """The cotangents of those `args` that are `UndefinedPrimal`, in their order; `Zero` where nothing flows back.

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
            out = eqn.primitive.bind(*inputs, **eqn.params)
            values.update(zip(eqn.outvars, out if eqn.primitive.multiple_results else [out]))
    linear_invars = [v for v in jaxpr.invars if v in linear]
    return transpose_eqns(linear_eqns, values, linear_invars, jaxpr.outvars, cotangents)


@source_info.interpreter
def transpose_eqns(
    eqns: Sequence[JaxprEqn], values: dict, invars: Sequence[Var], outvars: Sequence, cotangents
) -> list:
    """The cotangents of `invars`, walking backwards over equations all of which are linear in what is not in `values`."""
    pending: dict[Var, object] = {}
    for v, ct in zip(outvars, cotangents, strict=True):
        if type(v) is not Literal and v not in values:
            accumulate(pending, v, ct)
    for eqn in reversed(eqns):
        transpose_eqn(eqn, values, pending)
    return [pending[v] if v in pending else Zero(v.aval) for v in invars]


def transpose_eqn(eqn: JaxprEqn, values: dict, pending: dict):
    """Replace the cotangents of an equation's results by those of its arguments."""
    primitive = eqn.primitive
    if primitive.multiple_results:
        if not any(v in pending for v in eqn.outvars):
            return
        ct = [pending.pop(v) if v in pending else Zero(v.aval) for v in eqn.outvars]
    else:
        ct = pending.pop(eqn.outvars[0], None)
        if ct is None:
            return
    args = [v.val if type(v) is Literal else values[v] if v in values else UndefinedPrimal(v.aval) for v in eqn.invars]
    try:
        arg_cotangents = primitive.transpose(ct, *args, **eqn.params)
    except (NotImplementedError, TypeError) as error:
        if eqn.source_info is not None:
            error.add_note(f"The operation is at {source_info.summarize(eqn.source_info)}.")
        raise
    for v, ct in zip(eqn.invars, arg_cotangents):
        if ct is not None:
            accumulate(pending, v, ct)


def accumulate(pending: dict, v: Var, ct):
    """Add a cotangent to a variable's, symbolic zeros adding nothing."""
    if type(ct) is Zero:
        return
    before = pending.get(v)
    pending[v] = ct if before is None else basis.add_any_p.bind(before, ct)


@weak_cache
def transpose_jaxpr(
    closed_jaxpr: ClosedJaxpr, linear: tuple[bool, ...], ct_nonzero: tuple[bool, ...], instantiate: bool = False
) -> tuple[ClosedJaxpr, tuple[bool, ...]]:
    """The jaxpr of (non-linear arguments, nonzero cotangents of the outputs) -> nonzero cotangents of the `linear`
    arguments, and which those are: with `instantiate`, all."""
    in_avals, out_avals = closed_jaxpr.in_avals, closed_jaxpr.out_avals
    known_avals = [aval for aval, lin in zip(in_avals, linear, strict=True) if not lin]
    ct_avals = [aval for aval, nz in zip(out_avals, ct_nonzero, strict=True) if nz]
    result_nonzero = None

    def function(*values):
        nonlocal result_nonzero
        known, cts = iter(values[: len(known_avals)]), iter(values[len(known_avals) :])
        args = [UndefinedPrimal(aval) if lin else next(known) for aval, lin in zip(in_avals, linear)]
        cotangents = [next(cts) if nz else Zero(aval) for aval, nz in zip(out_avals, ct_nonzero)]
        results = backward_pass(closed_jaxpr.jaxpr, closed_jaxpr.consts, args, cotangents)
        results = [basis.instantiate(ct) for ct in results] if instantiate else results
        result_nonzero = tuple(type(ct) is not Zero for ct in results)
        return [ct for ct in results if type(ct) is not Zero]

    return trace_to_closed_jaxpr(function, [*known_avals, *ct_avals]), result_nonzero
