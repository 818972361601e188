"""`cond_p`, the primitive that runs one of several branches. Its arguments are the branch's index and the operands, which
are the same for all branches.

(JAX: `_src/lax/control_flow/conditionals.py`.)
"""

from __future__ import annotations

from collections import Counter

from ..core.avals import ShapedArray, is_undefined_primal
from ..core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from ..core.staging import dce_closed_jaxpr, trace_to_closed_jaxpr
from ..core.traces import get_aval
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import batch_to_front, call_row, check_types, full, move_batch_dim, zeros
from ..primitives.elementwise import eq_p, select_examples, stop_gradient_p
from ..transforms.jvp import fill, jvp_jaxpr, nonzero, without_zeros
from ..transforms.linearize import linearize_jaxpr
from ..transforms.transpose import transpose_jaxpr
from ..transforms.vmap import batch_jaxpr
from .partial_eval import known_half

Branches = tuple[ClosedJaxpr, ...]


def _impl(index, *operands, branches: Branches):
    return compile_jaxpr(branches[min(max(int(index), 0), len(branches) - 1)])(*operands)


def _abstract_eval(index, *avals, branches: Branches):
    check_types("cond's branch", avals, branches[0].in_avals)
    # As in JAX, the weak types are those of the first branch, which is `false_fun` of `cond`.
    return list(branches[0].out_avals)


def _union(flags) -> tuple[bool, ...]:
    return tuple(map(any, zip(*flags)))


def _jvp(primals, tangents, *, branches: Branches):
    in_nonzero = nonzero(tangents[1:])
    wanted = _union([jvp_jaxpr(b, in_nonzero)[1] for b in branches])
    pushed = tuple(jvp_jaxpr(b, in_nonzero, wanted)[0] for b in branches)
    results = cond_p.bind(*primals, *without_zeros(tangents[1:]), branches=pushed)
    outs = results[: len(wanted)]
    return outs, fill(outs, results[len(wanted) :], wanted)


def _linearize(primals, tangents, *, branches: Branches):
    """Two conds: one of the primals runs now, one of the tangents is recorded. The first also returns the residuals of the
    branch that ran, and zeros in the slots that only other branches use."""
    in_nonzero = nonzero(tangents[1:])
    wanted = _union([linearize_jaxpr(b, in_nonzero)[1] for b in branches])
    parts = [linearize_jaxpr(b, in_nonzero, wanted) for b in branches]
    n_out = len(wanted)
    slot_avals, slots = _shared_slots([primal.out_avals[n_out:] for primal, _, _ in parts])
    primal = tuple(_with_all_residuals(p, n_out, slot_avals, own) for (p, _, _), own in zip(parts, slots))
    results = cond_p.bind(*primals, branches=primal)
    outs, residuals = results[:n_out], results[n_out:]
    linear = tuple(_of_all_residuals(lin, slot_avals, own) for (_, _, lin), own in zip(parts, slots))

    def record(tangents):
        if not any(wanted):
            return fill(outs, [], wanted)
        out_tangents = cond_p.bind(primals[0], *residuals, *without_zeros(tangents[1:]), branches=linear)
        return fill(outs, out_tangents, wanted)

    return outs, record


def _shared_slots(avals_of_branches) -> tuple[list, list[list[int]]]:
    """(the avals of all slots for residuals, for each branch the slots of its residuals). Only one branch runs, so
    residuals of two branches share a slot if they have the same aval."""
    slot_avals, slots = [], []
    slots_of: dict[ShapedArray, list[int]] = {}
    for avals in avals_of_branches:
        used: Counter[ShapedArray] = Counter()
        own = []
        for aval in avals:
            same = slots_of.setdefault(aval, [])
            if used[aval] == len(same):
                same.append(len(slot_avals))
                slot_avals.append(aval)
            own.append(same[used[aval]])
            used[aval] += 1
        slots.append(own)
    return slot_avals, slots


def _with_all_residuals(primal: ClosedJaxpr, n_out: int, slot_avals, own: list[int]) -> ClosedJaxpr:
    """The branch as one that returns all slots for residuals: its own residuals in its own slots, zeros in the other slots."""

    def branch(*args):
        results = jaxpr_as_fun(primal)(*args)
        mine = dict(zip(own, results[n_out:], strict=True))
        return results[:n_out] + [mine[i] if i in mine else zeros(a) for i, a in enumerate(slot_avals)]

    return trace_to_closed_jaxpr(branch, primal.in_avals)


def _of_all_residuals(linear: ClosedJaxpr, slot_avals, own: list[int]) -> ClosedJaxpr:
    """The linear branch as one that takes all slots for residuals, and reads its own slots."""

    def branch(*args):
        return jaxpr_as_fun(linear)(*[args[i] for i in own], *args[len(slot_avals) :])

    return trace_to_closed_jaxpr(branch, [*slot_avals, *linear.in_avals[len(own) :]])


def _transpose(cotangents, index, *operands, branches: Branches):
    linear = tuple(is_undefined_primal(x) for x in operands)
    transposed = tuple(transpose_jaxpr(b, linear, nonzero(cotangents), True)[0] for b in branches)
    nonlinear = [x for x in operands if not is_undefined_primal(x)]
    results = iter(cond_p.bind(index, *nonlinear, *without_zeros(cotangents), branches=transposed))
    return [None, *[next(results) if lin else None for lin in linear]]


def _batch(axis, args, dims, *, branches: Branches):
    index, *operands = args
    if dims[0] is None:
        in_dims = tuple([None if d is None else 0 for d in dims[1:]])
        operands = [x if d is None else move_batch_dim(x, d, 0) for x, d in zip(operands, dims[1:], strict=True)]
        wanted = _union([[d is not None for d in batch_jaxpr(b, axis, in_dims)[1]] for b in branches])
        batched = tuple(batch_jaxpr(b, axis, in_dims, wanted)[0] for b in branches)
        return cond_p.bind(index, *operands, branches=batched), [0 if b else None for b in wanted]
    # Each example has its own index: run every branch, and select the results. A branch sees the operands of its own examples only
    # without `stop_gradient`: so no cotangent comes from a branch that was not taken, where it may be NaN.
    index = batch_to_front(index, dims[0], axis.size)
    operands = [batch_to_front(x, d, axis.size) for x, d in zip(operands, dims[1:], strict=True)]
    results = []
    for i, branch in enumerate(branches):
        taken = eq_p.bind(index, full((), i, get_aval(index).dtype))
        own = [select_examples(taken, stop_gradient_p.bind(x), x) for x in operands]
        body, _ = batch_jaxpr(branch, axis, (0,) * len(own), True)
        results.append(jaxpr_as_fun(body)(*own))
    outs = [xs[0] if all(x is xs[0] for x in xs) else select_examples(index, *xs) for xs in zip(*results)]
    return outs, [0] * len(outs)


def _dce(eqn, used):
    """The cond without its unused results, and without the operands that no branch needs for the used results."""
    branches, used = eqn.params["branches"], tuple(used)
    needed = _union([dce_closed_jaxpr(b, used)[1] for b in branches])
    smaller = tuple(dce_closed_jaxpr(b, used, needed)[0] for b in branches)
    invars = [eqn.invars[0], *[v for v, n in zip(eqn.invars[1:], needed, strict=True) if n]]
    outvars = [v for v, u in zip(eqn.outvars, used, strict=True) if u]
    return eqn.replace(invars=invars, outvars=outvars, params={**eqn.params, "branches": smaller})


cond_p = call_row(
    "cond",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    linearize=_linearize,
    partial_eval=known_half(lambda: cond_p),
    dce=_dce,
)
