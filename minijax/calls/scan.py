"""`scan_p`, the primitive of a loop with a known number of steps. Each step takes a carry and a slice of the `xs`, and
returns the next carry and a slice of the `ys`.

The arguments are (consts, carry, xs), the results (carry, ys). The body's jaxpr takes (consts, carry, slices of xs) and
returns (next carry, slices of ys). Each rule binds another scan. (JAX: `_src/lax/control_flow/loops.py`.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress, repeat
from typing import NamedTuple

import numpy as np

from ..core.avals import ShapedArray, UndefinedPrimal, Zero, is_undefined_primal
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Literal, eval_jaxpr, last_used, without_dead
from ..core.staging import dce_closed_jaxpr, trace_to_closed_jaxpr
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import add_any_p, call_row, check_types, instantiate, move_batch_dim
from ..transforms.jvp import fill, jvp_jaxpr, nonzero, without_zeros
from ..transforms.linearize import linearize_jaxpr
from ..transforms.transpose import backward_pass
from ..transforms.vmap import batch_jaxpr, materialize
from .partial_eval import known_half


def split_at(xs: Sequence, *sizes: int) -> list[list]:
    """Consecutive parts of `xs` that have these sizes, and the rest of `xs` as the last part."""
    parts, start = [], 0
    for size in sizes:
        parts.append(list(xs[start : start + size]))
        start += size
    return [*parts, list(xs[start:])]


class Args(NamedTuple):
    """One item for each argument of a loop, or of its body: values, avals, variables or flags. A while loop has no xs."""

    consts: Sequence
    carry: Sequence
    xs: Sequence

    @classmethod
    def of(cls, items: Sequence, num_consts: int, num_carry: int) -> Args:
        return cls(*split_at(items, num_consts, num_carry))

    def like(self, items: Sequence) -> Args:
        """Other items, in parts of the same sizes."""
        return Args.of(items, len(self.consts), len(self.carry))

    def flat(self) -> tuple:
        return (*self.consts, *self.carry, *self.xs)

    def map(self, function: Callable) -> Args:
        return Args(*[[function(x) for x in part] for part in self])

    def marked(self, flags: Args) -> Args:
        """The items whose flag is true."""
        return Args(*[list(compress(part, marks)) for part, marks in zip(self, flags)])

    def beside(self, others: Args) -> Args:
        """The consts of both, the carries of both, the xs of both."""
        return Args(*[[*part, *more] for part, more in zip(self, others)])


def tangents_beside_primals(items: Sequence, primals: Args, tangents: Args) -> Args:
    """Items for all primals and then for all tangents, as those for each part's primals and then for its tangents."""
    of_primals, of_tangents = split_at(items, len(primals.flat()))
    return primals.like(of_primals).beside(tangents.like(of_tangents))


def bind_scan(args: Args, jaxpr: ClosedJaxpr, **params) -> list:
    return scan_p.bind(*args.flat(), jaxpr=jaxpr, num_consts=len(args.consts), num_carry=len(args.carry), **params)


def _impl(*args, jaxpr: ClosedJaxpr, length, reverse, num_consts, num_carry, unroll):
    consts, carry, xs = split_at(args, num_consts, num_carry)
    body = compile_jaxpr(jaxpr)
    ys = [np.empty((length, *aval.shape), _storage(aval)) for aval in jaxpr.out_avals[num_carry:]]
    for i in reversed(range(length)) if reverse else range(length):
        outs = body(*consts, *carry, *[x[i, ...] for x in xs])
        carry = outs[:num_carry]
        for y, out in zip(ys, outs[num_carry:]):
            y[i] = out
    return [*carry, *ys]


def _storage(aval: ShapedArray):
    # Keys are stored as pairs of words.
    return getattr(aval.dtype, "storage", aval.dtype)


def _abstract_eval(*avals, jaxpr: ClosedJaxpr, length, reverse, num_consts, num_carry, unroll):
    slices = [aval.update(shape=aval.shape[1:]) for aval in avals[num_consts + num_carry :]]
    check_types("scan's body", [*avals[: num_consts + num_carry], *slices], jaxpr.in_avals)
    carry, ys = jaxpr.out_avals[:num_carry], jaxpr.out_avals[num_carry:]
    return [*carry, *[aval.update(shape=(length, *aval.shape)) for aval in ys]]


# ---------------------------------------------------------------------------------------------------------------------
# Rules


def fixpoint(step: Callable, flags: Sequence[bool]) -> list[bool]:
    """The smallest superset of the carry's flags that is closed under `step`: the flags that are true in some step.

    scan(lambda c, x: ((c[1], x), None), (0.0, 0.0), xs): `xs` has a tangent, so c[1] has one from the second step on, and
    c[0] from the third.
    """
    flags = list(flags)
    while True:
        after = [a or b for a, b in zip(flags, step(flags), strict=True)]
        if after == flags:
            return flags
        flags = after


def with_vars(closed_jaxpr: ClosedJaxpr, invars: Iterable, outvars: Iterable) -> ClosedJaxpr:
    """The jaxpr with these variables as its arguments and results: its own, in another order."""
    return ClosedJaxpr(closed_jaxpr.jaxpr.replace(invars=list(invars), outvars=list(outvars)), closed_jaxpr.consts)


def nonzero_in_some_step(jaxpr: ClosedJaxpr, transform: Callable, tangents: Args) -> tuple[Args, tuple[bool, ...]]:
    """(which arguments of the body have a nonzero tangent in some step, which of its results must have one: the carries among
    these arguments)."""
    in_nonzero = Args(*map(nonzero, tangents))
    n = len(tangents.carry)
    carry = fixpoint(lambda flags: transform(jaxpr, in_nonzero._replace(carry=flags).flat())[1][:n], in_nonzero.carry)
    return in_nonzero._replace(carry=carry), (*carry, *[False] * (len(jaxpr.out_avals) - n))


def _jvp(primals, tangents, *, jaxpr: ClosedJaxpr, num_consts, num_carry, **common):
    """One scan whose consts, carry and xs are each followed by their tangents."""
    primals, tangents = Args.of(primals, num_consts, num_carry), Args.of(tangents, num_consts, num_carry)
    in_nonzero, wanted = nonzero_in_some_step(jaxpr, jvp_jaxpr, tangents)
    tangents = tangents.marked(in_nonzero).map(instantiate)
    pushed, out_nonzero = jvp_jaxpr(jaxpr, in_nonzero.flat(), wanted)
    invars = tangents_beside_primals(pushed.jaxpr.invars, primals, tangents)
    sizes = num_carry, len(wanted) - num_carry, len(tangents.carry)
    carry, ys, carry_t, ys_t = split_at(pushed.jaxpr.outvars, *sizes)
    body = with_vars(pushed, invars.flat(), [*carry, *carry_t, *ys, *ys_t])
    results = bind_scan(primals.beside(tangents), body, **common)
    carry, carry_t, ys, ys_t = split_at(results, len(carry), len(carry_t), len(ys))
    return [*carry, *ys], fill([*carry, *ys], [*carry_t, *ys_t], out_nonzero)


def _linearize(primals, tangents, *, jaxpr: ClosedJaxpr, num_consts, num_carry, **common):
    """Two scans: one of the primals runs now and leaves the residuals; one of the tangents is recorded.

    A residual that is the same in every step is kept once. A residual that is a slice of `xs` is not kept: `xs` is there.
    """
    primals = Args.of(primals, num_consts, num_carry)
    in_nonzero, wanted = nonzero_in_some_step(jaxpr, _linear_nonzero, primals.like(tangents))
    primal_jaxpr, out_nonzero, linear = linearize_jaxpr(jaxpr, in_nonzero.flat(), wanted)
    residuals = _Residuals(primal_jaxpr, len(wanted), num_consts, num_carry)
    invariant, hoisted = residuals.before(primals.consts)
    results = bind_scan(primals._replace(consts=[*primals.consts, *hoisted]), residuals.body, **common)
    outs, stacked = split_at(results, len(wanted))
    values = Args(invariant, [], residuals.sliced(primals.xs, stacked))
    # (residuals, tangents of consts, carry, xs) -> (invariant residuals, consts; carry; sliced residuals, xs)
    of_residuals, of_tangents = split_at(linear.jaxpr.invars, len(residuals.kinds))
    of_tangents = Args.of(of_tangents, sum(in_nonzero.consts), sum(in_nonzero.carry))
    invars = residuals.as_args(of_residuals).beside(of_tangents).flat()
    body = with_vars(linear, invars, linear.jaxpr.outvars)

    def record(tangents):
        if not any(out_nonzero):
            return fill(outs, [], out_nonzero)
        arrays = primals.like(tangents).marked(in_nonzero).map(instantiate)
        return fill(outs, bind_scan(values.beside(arrays), body, **common), out_nonzero)

    return outs, record


def _linear_nonzero(jaxpr, in_nonzero):
    return linearize_jaxpr(jaxpr, in_nonzero)[0:2]


class _Residuals:
    """The residuals that the primal body leaves for the linear body. `kinds`: for each one "invariant", "xs" or "stacked"."""

    def __init__(self, primal: ClosedJaxpr, n_out: int, num_consts: int, num_carry: int):
        jaxpr = primal.jaxpr
        self.primal, self.n_out, self.num_consts = primal, n_out, num_consts
        self.slices = {v: i for i, v in enumerate(jaxpr.invars[num_consts + num_carry :])}
        self.residuals = jaxpr.outvars[n_out:]
        self.once, fixed = self._invariant(jaxpr, num_consts)
        self.kinds = [
            "invariant" if type(v) is Literal or v in fixed else "xs" if v in self.slices else "stacked"
            for v in self.residuals
        ]
        stacked = [v for v, kind in zip(self.residuals, self.kinds) if kind == "stacked"]
        self.invariant = [v for v, kind in zip(self.residuals, self.kinds) if kind == "invariant"]
        before = set(map(id, self.once))
        eqns = [eqn for eqn in jaxpr.eqns if id(eqn) not in before]
        kept = without_dead(jaxpr.replace(eqns=eqns, outvars=[*jaxpr.outvars[:n_out], *stacked]))
        # The steps take the values that are computed before the loop as consts.
        read = last_used(kept)
        self.hoisted = [v for eqn in self.once for v in eqn.outvars if v in read]
        invars = [*jaxpr.invars[:num_consts], *self.hoisted, *jaxpr.invars[num_consts:]]
        self.body = ClosedJaxpr(kept.replace(invars=invars), primal.consts)

    @staticmethod
    def _invariant(jaxpr: Jaxpr, num_consts: int) -> tuple[list, set]:
        """The equations that give the same values in all steps, since they depend on the consts alone; and all such values."""
        once, fixed = [], {*jaxpr.constvars, *jaxpr.invars[:num_consts]}
        for eqn in jaxpr.eqns:
            # The loop runs an equation with effects, once in each step. Example: debug.print in the body.
            if not eqn.effects and all(type(v) is Literal or v in fixed for v in eqn.invars):
                once.append(eqn)
                fixed.update(eqn.outvars)
        return once, fixed

    def as_args(self, variables: Sequence) -> Args:
        """The linear body's variables for the residuals: the invariant ones are consts, the others slices of xs."""
        invariant = [kind == "invariant" for kind in self.kinds]
        return Args(list(compress(variables, invariant)), [], [v for v, i in zip(variables, invariant) if not i])

    def before(self, consts) -> list[list]:
        """[the invariant residuals in their order, the values that the body takes as further consts]: computed once."""
        jaxpr = self.primal.jaxpr
        outvars = [*self.invariant, *self.hoisted]
        once = without_dead(jaxpr.replace(outvars=outvars, eqns=self.once)).replace(
            invars=jaxpr.invars[: self.num_consts]
        )
        return split_at(eval_jaxpr(once, self.primal.consts, *consts), len(self.invariant))

    def sliced(self, xs, stacked) -> list:
        """The residuals that are not invariant, in their order, each with one slice for each step."""
        stacked = iter(stacked)
        return [
            xs[self.slices[v]] if kind == "xs" else next(stacked)
            for v, kind in zip(self.residuals, self.kinds)
            if kind != "invariant"
        ]


def _transpose(cotangents, *args, jaxpr: ClosedJaxpr, num_consts, num_carry, reverse, **common):
    """A scan in the other direction: it carries the cotangents of the carry, and sums the cotangents of the consts."""
    args, avals = Args.of(args, num_consts, num_carry), Args.of(jaxpr.in_avals, num_consts, num_carry)
    given_linear = args.map(is_undefined_primal)
    # A carry that begins with a non-linear zero is linear too if a linear value flows into it in a later step.
    carry = fixpoint(
        lambda flags: _reached(jaxpr.jaxpr, given_linear._replace(carry=flags).flat())[:num_carry], given_linear.carry
    )
    if not all(carry):
        return _transpose_beside_nonlinear(cotangents, args, carry, jaxpr, reverse=reverse, **common)
    linear = given_linear._replace(carry=carry)
    is_nonlinear = linear.map(lambda lin: not lin)
    nonlinear, nonlinear_avals = args.marked(is_nonlinear), avals.marked(is_nonlinear)
    ct_carry, ct_ys = split_at(cotangents, num_carry)
    y_avals, ys_nonzero = jaxpr.out_avals[num_carry:], nonzero(ct_ys)
    sum_avals = [x.aval for x in args.marked(linear).consts]
    carried = [instantiate(ct) for ct in (*map(Zero, sum_avals), *ct_carry)]
    start = Args(nonlinear.consts, carried, [*nonlinear.xs, *compress(ct_ys, ys_nonzero)])
    xs_nonzero = []

    def body(*values):
        consts, carry, slices = Args.of(values, len(start.consts), len(start.carry))
        sums, ct_carry = split_at(carry, len(sum_avals))
        xs, ct_ys = split_at(slices, len(nonlinear.xs))
        primals = _filled(iter([*consts, *xs]), is_nonlinear.flat(), map(UndefinedPrimal, jaxpr.in_avals))
        cts = [*ct_carry, *_filled(iter(ct_ys), ys_nonzero, map(Zero, y_avals))]
        results = backward_pass(jaxpr.jaxpr, jaxpr.consts, primals, cts)
        to_consts, to_carry, to_xs = split_at(results, len(sums), num_carry)
        summed = [s if type(ct) is Zero else add_any_p.bind(s, ct) for s, ct in zip(sums, to_consts)]
        xs_nonzero[:] = nonzero(to_xs)
        return [*summed, *map(instantiate, to_carry), *without_zeros(to_xs)]

    of_xs = [*nonlinear_avals.xs, *compress(y_avals, ys_nonzero)]
    step = trace_to_closed_jaxpr(body, [*nonlinear_avals.consts, *sum_avals, *avals.carry, *of_xs])
    results = bind_scan(start, step, reverse=not reverse, **common)
    # A slice that the body does not read has the cotangent zero: no array of zeros is made for each step.
    to_others, to_xs = split_at(results, len(start.carry))
    to_xs = _filled(iter(to_xs), xs_nonzero, [Zero(x.aval) for x in args.marked(linear).xs])
    found = _filled(iter([*to_others, *to_xs]), linear.flat(), repeat(None))
    return [ct if lin else None for ct, lin in zip(found, given_linear.flat())]


def _filled(items: Iterator, flags: Iterable[bool], others: Iterable) -> list:
    """The next item where the flag is true, the entry of `others` where it is false."""
    return [next(items) if flag else other for flag, other in zip(flags, others)]


def _transpose_beside_nonlinear(cotangents, args: Args, linear: Sequence[bool], jaxpr: ClosedJaxpr, **common) -> list:
    """Transpose a scan of which some carries depend on non-linear values alone: the counter of a fori_loop.

    A first scan, forwards, computes the non-linear carries. Their values in all steps are xs of a scan that carries the others.
    """
    is_nonlinear = [not lin for lin in linear]
    num_nonlinear = sum(is_nonlinear)
    invars = Args.of(jaxpr.jaxpr.invars, len(args.consts), len(args.carry))
    next_carry, ys = split_at(jaxpr.jaxpr.outvars, len(args.carry))
    nonlinear_vars = list(compress(invars.carry, is_nonlinear))
    outvars = [*compress(next_carry, is_nonlinear), *nonlinear_vars]
    forward = without_dead(jaxpr.jaxpr.replace(outvars=outvars))
    given = args.map(lambda x: not is_undefined_primal(x))._replace(carry=is_nonlinear)
    forward = with_vars(ClosedJaxpr(forward, jaxpr.consts), invars.marked(given).flat(), forward.outvars)
    nonlinear_xs = bind_scan(args.marked(given), forward, **common)[num_nonlinear:]

    def remaining(args: Args, nonlinear: Sequence) -> Args:
        return Args(args.consts, list(compress(args.carry, linear)), [*nonlinear, *args.xs])

    ct_carry, ct_ys = split_at(cotangents, len(args.carry))
    rest = remaining(args, nonlinear_xs)
    results = _transpose(
        [*compress(ct_carry, linear), *ct_ys],
        *rest.flat(),
        jaxpr=with_vars(jaxpr, remaining(invars, nonlinear_vars).flat(), [*compress(next_carry, linear), *ys]),
        num_consts=len(rest.consts),
        num_carry=len(rest.carry),
        **common,
    )
    to_consts, to_carry, to_xs = Args.of(results, len(rest.consts), len(rest.carry))
    return [*to_consts, *_filled(iter(to_carry), linear, repeat(None)), *to_xs[num_nonlinear:]]


def _reached(jaxpr: Jaxpr, flags: Sequence[bool]) -> list[bool]:
    """For each result, whether it depends on an argument whose flag is true."""
    reached = {v for v, flag in zip(jaxpr.invars, flags, strict=True) if flag}
    for eqn in jaxpr.eqns:
        if any(type(v) is not Literal and v in reached for v in eqn.invars):
            reached.update(eqn.outvars)
    return [type(v) is not Literal and v in reached for v in jaxpr.outvars]


def _batch(axis, args, dims, *, jaxpr: ClosedJaxpr, num_consts, num_carry, **common):
    args, dims = Args.of(args, num_consts, num_carry), Args.of(dims, num_consts, num_carry)
    batched = dims.map(lambda d: d is not None)

    def in_dims(carry: Sequence[bool]) -> tuple:
        return batched._replace(carry=carry).map(lambda b: 0 if b else None).flat()

    def step(flags):
        return [d is not None for d in batch_jaxpr(jaxpr, axis, in_dims(flags))[1][:num_carry]]

    carry_b = fixpoint(step, batched.carry)
    num_ys = len(jaxpr.out_avals) - num_carry
    body, out_dims = batch_jaxpr(jaxpr, axis, in_dims(carry_b), (*carry_b, *[False] * num_ys))
    in_front = Args(
        [x if d is None else move_batch_dim(x, d, 0) for x, d in zip(args.consts, dims.consts)],
        [materialize(x, d, 0, axis) if b else x for x, d, b in zip(args.carry, dims.carry, carry_b)],
        # Axis 0 of the xs and the ys counts the steps.
        [x if d is None else move_batch_dim(x, d, 1) for x, d in zip(args.xs, dims.xs)],
    )
    results = bind_scan(in_front, body, **common)
    return results, [*out_dims[:num_carry], *[None if d is None else 1 for d in out_dims[num_carry:]]]


def _dce(eqn, used):
    """The scan without the results that nobody reads: the counter that a fori_loop carries and its body does not read."""
    closed_jaxpr, num_consts, num_carry = (eqn.params[name] for name in ("jaxpr", "num_consts", "num_carry"))
    used_carry, used_ys = split_at(used, num_carry)

    def pruned(carry: Sequence[bool]) -> tuple[ClosedJaxpr, Args]:
        given = Args.of([False] * len(eqn.invars), num_consts, num_carry)._replace(carry=carry)
        body, used_inputs = dce_closed_jaxpr(closed_jaxpr, (*carry, *used_ys), given.flat())
        return body, given.like(used_inputs)

    # A carry whose last value nobody reads stays if the next value of another carry is computed from it.
    carry = fixpoint(lambda flags: pruned(flags)[1].carry, used_carry)
    body, kept = pruned(carry)
    return eqn.replace(
        invars=list(compress(eqn.invars, kept.flat())),
        outvars=list(compress(eqn.outvars, [*carry, *used_ys])),
        params={**eqn.params, "jaxpr": body, "num_consts": sum(kept.consts), "num_carry": sum(carry)},
    )


scan_p = call_row(
    "scan",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    linearize=_linearize,
    partial_eval=known_half(lambda: scan_p),
    dce=_dce,
)
