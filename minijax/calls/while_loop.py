"""`while_p`, the primitive of a loop that runs while a condition holds. Its arguments are (the condition's consts, the
body's consts, carry).

It has no reverse mode. Reverse mode keeps residuals of every step, and the number of steps is unknown before the loop has
run. (JAX: `_src/lax/control_flow/loops.py`.)
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from ..core.staging import trace_to_closed_jaxpr
from ..lowering.batched_loops import with_one_condition
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import call_row, check_types, instantiate, move_batch_dim
from ..transforms.jvp import fill, jvp_jaxpr, nonzero
from ..transforms.vmap import batch_jaxpr, materialize
from .scan import Args, fixpoint, nonzero_in_some_step, split_at, tangents_beside_primals, with_vars


def _impl(*args, **params):
    args, params = with_one_condition(args, **params)
    cond_consts, body_consts, carry = split_at(args, params["cond_nconsts"], params["body_nconsts"])
    cond, body = compile_jaxpr(params["cond_jaxpr"]), compile_jaxpr(params["body_jaxpr"])
    while cond(*cond_consts, *carry)[0]:
        carry = body(*body_consts, *carry)
    return carry


def _abstract_eval(*avals, cond_jaxpr, body_jaxpr: ClosedJaxpr, cond_nconsts, body_nconsts):
    check_types("while's body", avals[cond_nconsts:], body_jaxpr.in_avals)
    return body_jaxpr.out_avals


def _jvp(primals, tangents, *, cond_jaxpr, body_jaxpr: ClosedJaxpr, cond_nconsts, body_nconsts):
    """One loop whose body's consts and carry are each followed by their tangents."""
    cond_consts = primals[:cond_nconsts]
    primals = Args.of(primals[cond_nconsts:], body_nconsts, len(body_jaxpr.out_avals))
    tangents = primals.like(tangents[cond_nconsts:])
    in_nonzero, wanted = nonzero_in_some_step(body_jaxpr, jvp_jaxpr, tangents)
    tangents = tangents.marked(in_nonzero).map(instantiate)
    pushed, _ = jvp_jaxpr(body_jaxpr, in_nonzero.flat(), wanted)
    invars = tangents_beside_primals(pushed.jaxpr.invars, primals, tangents)
    body = with_vars(pushed, invars.flat(), pushed.jaxpr.outvars)
    outs, out_tangents = split_at(bind_while(cond_consts, primals.beside(tangents), cond_jaxpr, body), len(wanted))
    return outs, fill(outs, out_tangents, wanted)


def bind_while(cond_consts: Sequence, args: Args, cond_jaxpr: ClosedJaxpr, body_jaxpr: ClosedJaxpr) -> list:
    """A while loop whose condition `cond_jaxpr` reads only the first carries: the primals, and not the tangents."""
    n = len(cond_jaxpr.in_avals)

    def cond(*values):
        return jaxpr_as_fun(cond_jaxpr)(*values[:n])

    unread = args.like(body_jaxpr.in_avals).carry[n - len(cond_consts) :]
    return while_p.bind(
        *cond_consts,
        *args.flat(),
        cond_jaxpr=trace_to_closed_jaxpr(cond, [*cond_jaxpr.in_avals, *unread]),
        body_jaxpr=body_jaxpr,
        cond_nconsts=len(cond_consts),
        body_nconsts=len(args.consts),
    )


def _linearize(primals, tangents, **params):
    """Two loops: one of the primals runs now; one of the primals and the tangents is recorded, and only its tangents are
    read."""
    outs = while_p.bind(*primals, **params)

    def record(tangents):
        if not any(nonzero(tangents[params["cond_nconsts"] :])):
            return fill(outs, [], [False] * len(outs))
        return _jvp(primals, tangents, **params)[1]

    return outs, record


def _transpose(cotangents, *args, **params):
    raise ValueError(
        "Reverse-mode differentiation does not work for lax.while_loop or lax.fori_loop with dynamic start/stop values. Try"
        " using lax.scan, or using fori_loop with static start/stop."
    )


def _batch(axis, args, dims, *, cond_jaxpr, body_jaxpr, cond_nconsts, body_nconsts):
    cond_b, body_b, carry_b = split_at([d is not None for d in dims], cond_nconsts, body_nconsts)

    def as_dims(flags, place=0):
        return tuple(place if b else None for b in flags)

    def asks_each(flags):
        return batch_jaxpr(cond_jaxpr, axis, as_dims([*cond_b, *flags]))[1][0] is not None

    def step(flags):
        if asks_each(flags):
            return [True] * len(flags)
        return [d is not None for d in batch_jaxpr(body_jaxpr, axis, as_dims([*body_b, *flags]))[1]]

    carry_b = fixpoint(step, carry_b)
    # If the examples have different numbers of steps, the condition is an array from now on, whose axes are the first ones of
    # each carry (see `lowering/batched_loops.py`): a new axis that it does not have comes behind them.
    place = 0 if asks_each(carry_b) else len(cond_jaxpr.out_avals[0].shape)
    carry_dims = as_dims(carry_b, place)
    # As in JAX, the batch axes of the consts stay where they are.
    wanted = [*dims[: cond_nconsts + body_nconsts], *carry_dims]
    cond, _ = batch_jaxpr(cond_jaxpr, axis, (*wanted[:cond_nconsts], *carry_dims))
    body, _ = batch_jaxpr(body_jaxpr, axis, tuple(wanted[cond_nconsts:]), tuple(carry_b))
    if place:
        body = _with_axes_at(body, carry_dims)
    operands = [x if to is None else materialize(x, d, to, axis) for x, d, to in zip(args, dims, wanted)]
    nconsts = {"cond_nconsts": cond_nconsts, "body_nconsts": body_nconsts}
    return while_p.bind(*operands, cond_jaxpr=cond, body_jaxpr=body, **nconsts), list(carry_dims)


def _with_axes_at(body: ClosedJaxpr, dims: Sequence[int | None]) -> ClosedJaxpr:
    """The body with the batch axes of its results, which are the first ones, at those places."""

    def moved(*args):
        outs = jaxpr_as_fun(body)(*args)
        return [x if d is None else move_batch_dim(x, 0, d) for x, d in zip(outs, dims)]

    return trace_to_closed_jaxpr(moved, body.in_avals)


while_p = call_row(
    "while",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    linearize=_linearize,
)
