"""While loops of a batch: in a jaxpr, as in JAX's, their condition is an array, true for each example that goes on."""

from __future__ import annotations

from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun
from ..core.staging import trace_to_closed_jaxpr, weak_cache
from ..primitives.elementwise import select_examples
from ..primitives.reductions import reduce_or


@weak_cache
def until_all_done(
    cond: ClosedJaxpr, body: ClosedJaxpr, cond_nconsts: int, body_nconsts: int
) -> tuple[ClosedJaxpr, ClosedJaxpr]:
    """(condition, body) of a loop with one condition: it runs until all examples are done, and keeps the carry of those that are.
    The body takes the condition's consts before its own."""
    axes = tuple(range(len(cond.out_avals[0].shape)))

    def any_running(*args):
        (running,) = jaxpr_as_fun(cond)(*args)
        return [reduce_or(running, axes)]

    def step(*args):
        n = cond_nconsts + body_nconsts
        own, consts, carry = args[:cond_nconsts], args[cond_nconsts:n], args[n:]
        (running,) = jaxpr_as_fun(cond)(*own, *carry)
        return [select_examples(running, old, new) for new, old in zip(jaxpr_as_fun(body)(*consts, *carry), carry)]

    together = trace_to_closed_jaxpr(step, [*cond.in_avals[:cond_nconsts], *body.in_avals])
    return trace_to_closed_jaxpr(any_running, cond.in_avals), together


def with_one_condition(args, *, cond_jaxpr, body_jaxpr, cond_nconsts, body_nconsts) -> tuple[list, dict]:
    """The arguments and parameters of a while loop, for a condition that is one truth value."""
    params = {"cond_nconsts": cond_nconsts, "body_nconsts": body_nconsts}
    if cond_jaxpr.out_avals[0].shape:
        cond_jaxpr, body_jaxpr = until_all_done(cond_jaxpr, body_jaxpr, cond_nconsts, body_nconsts)
        args, params["body_nconsts"] = [*args[:cond_nconsts], *args], cond_nconsts + body_nconsts
    return args, {"cond_jaxpr": cond_jaxpr, "body_jaxpr": body_jaxpr, **params}


def one_condition(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with such a loop in place of each one of a batch."""
    if not any([eqn.primitive.name == "while" for eqn in jaxpr.eqns]):
        return jaxpr

    def changed(eqn: JaxprEqn) -> JaxprEqn:
        if eqn.primitive.name != "while" or not eqn.params["cond_jaxpr"].out_avals[0].shape:
            return eqn
        invars, params = with_one_condition(eqn.invars, **eqn.params)
        return eqn.replace(invars=invars, params=params)

    eqns = list(map(changed, jaxpr.eqns))
    return jaxpr if all(a is b for a, b in zip(eqns, jaxpr.eqns)) else jaxpr.replace(eqns=eqns, effects=jaxpr.effects)
