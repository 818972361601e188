"""Partial evaluation of a loop or a branch: its known results are computed now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.jaxpr import JaxprEqn, Var
from ..core.primitive import CallPrimitive
from ..core.traces import get_aval


def known_half(primitive_of: Callable[[], CallPrimitive]) -> Callable:
    """The `partial_eval` rule of a primitive whose `dce` rule can drop results. Example: `jvp` of a scan within a jvp rule.

    One equation, without the unknown results, runs now. One equation, without the known results, is recorded. It computes
    again the known values that it needs.
    """

    def partial_eval(args: Sequence, unknown: Sequence[bool], **params):
        primitive = primitive_of()
        given = {Var(get_aval(x)): x for x in args}
        outs = [Var(aval) for aval in primitive.abstract_eval(*[v.aval for v in given], **params)]
        eqn = JaxprEqn([*given], outs, primitive, params)
        unknown_vars = {v for v, u in zip(given, unknown) if u}

        def half(wanted: list[bool]) -> JaxprEqn:
            return eqn if all(wanted) else primitive.dce(eqn, wanted)

        known = [unknown_vars.isdisjoint(half([o is out for o in outs]).invars) for out in outs]
        if not any(known):
            return None
        now = half(known)
        values = dict(zip(now.outvars, primitive.bind(*[given[v] for v in now.invars], **now.params)))

        def record(unknown_args, write):
            if all(known):
                return []
            later = half([not k for k in known])
            recorded = dict(zip(later.outvars, write([given[v] for v in later.invars], later.params)))
            return [recorded[v] for v, k in zip(outs, known) if not k]

        return [values[v] if k else None for v, k in zip(outs, known)], record

    return partial_eval
