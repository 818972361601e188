"""`while_p`, the primitive of a loop that runs while a condition holds. Its arguments are (the condition's consts, the
body's consts, carry).

It has no reverse mode. Reverse mode keeps residuals of every step, and the number of steps is unknown before the loop has
run. (JAX: `_src/lax/control_flow/loops.py`.)
"""

from __future__ import annotations

from ..core.avals import Zero
from ..core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from ..core.staging import trace_to_closed_jaxpr
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import call_row, instantiate, move_batch_dim
from ..primitives.elementwise import select_examples
from ..primitives.reductions import reduce_or
from ..transforms.jvp import fill, jvp_jaxpr
from ..transforms.vmap import batch_jaxpr, materialize
from .scan import fixpoint, permuted, positions, split_at


def _impl(*args, cond_jaxpr: ClosedJaxpr, body_jaxpr: ClosedJaxpr, cond_nconsts: int, body_nconsts: int):
    cond_consts, body_consts, carry = split_at(args, cond_nconsts, body_nconsts)
    cond, body = compile_jaxpr(cond_jaxpr), compile_jaxpr(body_jaxpr)
    while cond(*cond_consts, *carry)[0]:
        carry = body(*body_consts, *carry)
    return carry


def _abstract_eval(*avals, cond_jaxpr, body_jaxpr: ClosedJaxpr, cond_nconsts, body_nconsts):
    for i, (given, expected) in enumerate(zip(avals[cond_nconsts:], body_jaxpr.in_avals, strict=True)):
        if (given.shape, given.dtype) != (expected.shape, expected.dtype):
            raise TypeError(f"while's body takes {expected.str_short()} as argument {i}, got {given.str_short()}.")
    return body_jaxpr.out_avals


def _push(tangents, *, cond_jaxpr, body_jaxpr: ClosedJaxpr, cond_nconsts, body_nconsts):
    """(the parameters of the while that also carries tangents, the consts' tangents, the carry's tangents, which carries
    have a tangent)."""
    _, consts_t, carry_t = split_at(tangents, cond_nconsts, body_nconsts)
    consts_nz = [type(t) is not Zero for t in consts_t]
    n = len(carry_t)
    carry_nz = fixpoint(lambda nz: jvp_jaxpr(body_jaxpr, (*consts_nz, *nz))[1], [type(t) is not Zero for t in carry_t])
    pushed, _ = jvp_jaxpr(body_jaxpr, (*consts_nz, *carry_nz), tuple(carry_nz))
    n_in = body_nconsts + n
    of_consts, of_carry = ([n_in + i for i in part] for part in positions(consts_nz, carry_nz))
    body = permuted(
        pushed,
        [*range(body_nconsts), *of_consts, *range(body_nconsts, n_in), *of_carry],
        range(len(pushed.out_avals)),
    )

    def cond(*args):
        return jaxpr_as_fun(cond_jaxpr)(*args[: cond_nconsts + n])

    in_avals = [
        *cond_jaxpr.in_avals,
        *[aval.to_tangent_aval() for aval, nz in zip(body_jaxpr.out_avals, carry_nz) if nz],
    ]
    params = {
        "cond_jaxpr": trace_to_closed_jaxpr(cond, in_avals),
        "body_jaxpr": body,
        "cond_nconsts": cond_nconsts,
        "body_nconsts": body_nconsts + sum(consts_nz),
    }
    dense_consts = [t for t in consts_t if type(t) is not Zero]
    dense_carry = [instantiate(t) for t, nz in zip(carry_t, carry_nz) if nz]
    return params, dense_consts, dense_carry, carry_nz


def _jvp(primals, tangents, **params):
    pushed, consts_t, carry_t, carry_nz = _push(tangents, **params)
    cond_consts, body_consts, carry = split_at(primals, params["cond_nconsts"], params["body_nconsts"])
    results = while_p.bind(*cond_consts, *body_consts, *consts_t, *carry, *carry_t, **pushed)
    outs = results[: len(carry)]
    return outs, fill(outs, results[len(carry) :], carry_nz)


def _linearize(primals, tangents, **params):
    """Two loops: one of the primals runs now; one of the primals and the tangents is recorded, and only its tangents are
    read."""
    outs = while_p.bind(*primals, **params)

    def record(tangents):
        if all(type(t) is Zero for t in tangents[params["cond_nconsts"] :]):
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

    def as_dims(flags):
        return tuple(0 if b else None for b in flags)

    def step(flags):
        if batch_jaxpr(cond_jaxpr, axis, as_dims([*cond_b, *flags]))[1][0] is not None:
            return [True] * len(flags)
        return [d is not None for d in batch_jaxpr(body_jaxpr, axis, as_dims([*body_b, *flags]))[1]]

    carry_b = fixpoint(step, carry_b)
    cond, pred_dims = batch_jaxpr(cond_jaxpr, axis, as_dims([*cond_b, *carry_b]))
    body, _ = batch_jaxpr(body_jaxpr, axis, as_dims([*body_b, *carry_b]), tuple(carry_b))
    cond_consts, body_consts, carry = (
        [x if d is None else move_batch_dim(x, d, 0) for x, d in zip(part, part_dims)]
        for part, part_dims in zip(
            split_at(args, cond_nconsts, body_nconsts), split_at(dims, cond_nconsts, body_nconsts)
        )
    )
    carry_dims = dims[cond_nconsts + body_nconsts :]
    carry = [materialize(x, None, 0, axis) if b and d is None else x for x, d, b in zip(carry, carry_dims, carry_b)]
    if pred_dims[0] is not None:
        # The examples have different numbers of steps: run until all are done, and keep the carry of those that are done.
        cond, body, body_consts = _until_all_done(cond, body, cond_consts, body_consts)
        body_nconsts = len(body_consts)
    outs = while_p.bind(
        *cond_consts,
        *body_consts,
        *carry,
        cond_jaxpr=cond,
        body_jaxpr=body,
        cond_nconsts=cond_nconsts,
        body_nconsts=body_nconsts,
    )
    return outs, list(as_dims(carry_b))


def _until_all_done(cond: ClosedJaxpr, body: ClosedJaxpr, cond_consts, body_consts):
    n_cond, n_body = len(cond_consts), len(body_consts)

    def any_running(*args):
        (running,) = jaxpr_as_fun(cond)(*args)
        return [reduce_or(running, (0,))]

    def step(*args):
        own, consts, carry = split_at(args, n_cond, n_body)
        (running,) = jaxpr_as_fun(cond)(*own, *carry)
        return [select_examples(running, new, old) for new, old in zip(jaxpr_as_fun(body)(*consts, *carry), carry)]

    cond_avals, carry_avals = cond.in_avals[:n_cond], cond.in_avals[n_cond:]
    body_avals = [*cond_avals, *body.in_avals[:n_body], *carry_avals]
    together = trace_to_closed_jaxpr(step, body_avals)
    return trace_to_closed_jaxpr(any_running, cond.in_avals), together, [*cond_consts, *body_consts]


while_p = call_row(
    "while",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    linearize=_linearize,
)
