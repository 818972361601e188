"""`scan`: a loop with a known number of steps. Each step takes a carry and a slice of the `xs`, and gives the next carry
and a slice of the `ys`.

The arguments are (consts, carry, xs), the results (carry, ys); the body's jaxpr is of (consts, carry, slices of xs).
Each rule makes another scan. (JAX: `_src/lax/control_flow/loops.py`.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.avals import ShapedArray, UndefinedPrimal, Zero, is_undefined_primal
from ..core.jaxpr import ClosedJaxpr, DropVar, Jaxpr, Literal, dce_jaxpr, eval_jaxpr
from ..core.staging import trace_to_closed_jaxpr
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import add_any_p, instantiate, move_batch_dim, row
from ..transforms.jvp import fill, jvp_jaxpr
from ..transforms.linearize import linearize_jaxpr
from ..transforms.transpose import backward_pass
from ..transforms.vmap import batch_jaxpr, materialize


def split_at(xs: Sequence, *sizes: int) -> list[list]:
    """Consecutive parts of those sizes, and the rest."""
    parts, start = [], 0
    for size in sizes:
        parts.append(list(xs[start : start + size]))
        start += size
    return [*parts, list(xs[start:])]


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
    for i, (given, expected) in enumerate(zip(avals, jaxpr.in_avals, strict=True)):
        shape = given.shape if i < num_consts + num_carry else given.shape[1:]
        if (shape, given.dtype) != (expected.shape, expected.dtype):
            raise TypeError(f"scan's body takes {expected.str_short()} as argument {i}, got {given.str_short()}.")
    carry, ys = jaxpr.out_avals[:num_carry], jaxpr.out_avals[num_carry:]
    return [*carry, *[aval.update(shape=(length, *aval.shape)) for aval in ys]]


# ---------------------------------------------------------------------------------------------------------------------
# Rules


def fixpoint(step, flags: Sequence[bool]) -> list[bool]:
    """The least flags, from those given on, that `step` maps to themselves or fewer: what a carry must be in every step."""
    flags = list(flags)
    while True:
        after = [a or b for a, b in zip(flags, step(flags), strict=True)]
        if after == flags:
            return flags
        flags = after


def permuted(closed_jaxpr: ClosedJaxpr, in_order: Sequence[int], out_order: Sequence[int]) -> ClosedJaxpr:
    """The jaxpr with its arguments and results in another order: each entry is the place it had."""
    jaxpr = closed_jaxpr.jaxpr
    invars, outvars = [jaxpr.invars[i] for i in in_order], [jaxpr.outvars[i] for i in out_order]
    return ClosedJaxpr(jaxpr.replace(invars=invars, outvars=outvars), closed_jaxpr.consts)


def positions(*parts: Sequence[bool]) -> list[list[int]]:
    """Where the marked of each part are in the list of all the marked, part after part."""
    found, n = [], 0
    for part in parts:
        k = sum(part)
        found.append(list(range(n, n + k)))
        n += k
    return found


def _nonzero_carry(jaxpr: ClosedJaxpr, transform, consts_nz, carry_nz, xs_nz) -> list[bool]:
    """Which carries have tangents, in the step where most of them have."""
    n = len(carry_nz)
    return fixpoint(lambda nz: transform(jaxpr, (*consts_nz, *nz, *xs_nz))[1][:n], carry_nz)


def _jvp(primals, tangents, *, jaxpr, length, reverse, num_consts, num_carry, unroll):
    nonzero = [type(t) is not Zero for t in tangents]
    consts_nz, carry_nz, xs_nz = split_at(nonzero, num_consts, num_carry)
    carry_nz = _nonzero_carry(jaxpr, jvp_jaxpr, consts_nz, carry_nz, xs_nz)
    num_ys = len(jaxpr.out_avals) - num_carry
    pushed, out_nz = jvp_jaxpr(jaxpr, (*consts_nz, *carry_nz, *xs_nz), (*carry_nz, *[False] * num_ys))
    # (consts, carry, xs, their tangents) -> (consts, tangents, carry, tangents, xs, tangents)
    n_in, n_out = len(nonzero), len(out_nz)
    own = split_at(range(n_in), num_consts, num_carry)
    moving = [[n_in + i for i in part] for part in positions(consts_nz, carry_nz, xs_nz)]
    outs = split_at(range(n_out), num_carry)
    out_moving = [[n_out + i for i in part] for part in positions(out_nz[:num_carry], out_nz[num_carry:])]
    body = permuted(
        pushed,
        [i for a, b in zip(own, moving) for i in (*a, *b)],
        [i for a, b in zip(outs, out_moving) for i in (*a, *b)],
    )
    wanted = [*consts_nz, *carry_nz, *xs_nz]
    given = [instantiate(t) for t, want in zip(tangents, wanted) if want]
    parts = zip(split_at(primals, num_consts, num_carry), split_at(given, sum(consts_nz), sum(carry_nz)))
    results = scan_p.bind(
        *[x for a, b in parts for x in (*a, *b)],
        jaxpr=body,
        length=length,
        reverse=reverse,
        num_consts=num_consts + sum(consts_nz),
        num_carry=num_carry + sum(carry_nz),
        unroll=unroll,
    )
    carry, carry_t, ys, ys_t = split_at(results, num_carry, sum(carry_nz), num_ys)
    return [*carry, *ys], fill([*carry, *ys], [*carry_t, *ys_t], out_nz)


def _linearize(primals, tangents, *, jaxpr, length, reverse, num_consts, num_carry, unroll):
    """Two scans: one of the primals, now, which leaves the residuals; and one, recorded, of the tangents.

    A residual that is the same in every step is kept once, and one that is a slice of `xs` not at all: it is there.
    """
    nonzero = [type(t) is not Zero for t in tangents]
    consts_nz, carry_nz, xs_nz = split_at(nonzero, num_consts, num_carry)
    carry_nz = _nonzero_carry(jaxpr, _linear_nonzero, consts_nz, carry_nz, xs_nz)
    n_out = len(jaxpr.out_avals)
    wanted = (*carry_nz, *[False] * (n_out - num_carry))
    known, out_nz, linear = linearize_jaxpr(jaxpr, (*consts_nz, *carry_nz, *xs_nz), wanted)
    consts, _, xs = split_at(primals, num_consts, num_carry)
    residuals = _Residuals(known, n_out, num_consts, num_carry)
    common = dict(length=length, reverse=reverse, unroll=unroll)
    invariant, hoisted = residuals.before(consts)
    results = scan_p.bind(
        *consts,
        *hoisted,
        *primals[num_consts:],
        jaxpr=residuals.body,
        num_consts=num_consts + len(hoisted),
        num_carry=num_carry,
        **common,
    )
    outs, stacked = results[:n_out], results[n_out:]
    sliced = residuals.sliced(xs, stacked)
    # (residuals, tangents of consts, carry, xs) -> (invariant, consts; carry; sliced, xs)
    n_res = len(residuals.kinds)
    of_consts, of_carry, of_xs = ([n_res + i for i in part] for part in positions(consts_nz, carry_nz, xs_nz))
    places = [i for i, kind in enumerate(residuals.kinds) if kind == "invariant"]
    others = [i for i, kind in enumerate(residuals.kinds) if kind != "invariant"]
    body = permuted(linear, [*places, *of_consts, *of_carry, *others, *of_xs], range(len(linear.out_avals)))

    def record(tangents):
        dense = [instantiate(t) for t, nz in zip(tangents, [*consts_nz, *carry_nz, *xs_nz]) if nz]
        consts_t, carry_t, xs_t = split_at(dense, sum(consts_nz), sum(carry_nz))
        if not any(out_nz):
            return fill(outs, [], out_nz)
        moved = scan_p.bind(
            *invariant,
            *consts_t,
            *carry_t,
            *sliced,
            *xs_t,
            jaxpr=body,
            num_consts=len(invariant) + len(consts_t),
            num_carry=len(carry_t),
            **common,
        )
        return fill(outs, moved, out_nz)

    return outs, record


def _linear_nonzero(jaxpr, nonzero):
    return linearize_jaxpr(jaxpr, nonzero)[0:2]


class _Residuals:
    """What the linear body needs of the primal one. `kinds`: for each residual "invariant", "xs" or "stacked"."""

    def __init__(self, known: ClosedJaxpr, n_out: int, num_consts: int, num_carry: int):
        jaxpr = known.jaxpr
        self.known, self.n_out, self.num_consts = known, n_out, num_consts
        self.slices = {v: i for i, v in enumerate(jaxpr.invars[num_consts + num_carry :])}
        self.residuals = jaxpr.outvars[n_out:]
        fixed = self._invariant_vars(jaxpr, num_consts)
        self.kinds = [
            "invariant" if type(v) is Literal or v in fixed else "xs" if v in self.slices else "stacked"
            for v in self.residuals
        ]
        stacked = [v for v, kind in zip(self.residuals, self.kinds) if kind == "stacked"]
        self.invariant = [v for v, kind in zip(self.residuals, self.kinds) if kind == "invariant"]
        known_before = {v for v in self.invariant if type(v) is not Literal}
        # What is computed before the loop the steps get as constants.
        self.hoisted = [v for eqn in jaxpr.eqns if known_before.issuperset(eqn.outvars) for v in eqn.outvars]
        hoisted = set(self.hoisted)
        kept = jaxpr.replace(
            invars=[*jaxpr.invars[:num_consts], *self.hoisted, *jaxpr.invars[num_consts:]],
            eqns=[eqn for eqn in jaxpr.eqns if not any(v in hoisted for v in eqn.outvars)],
            outvars=[*jaxpr.outvars[:n_out], *stacked],
        )
        kept, _ = dce_jaxpr(kept, [True] * len(kept.outvars), instantiate=True)
        self.body = ClosedJaxpr(kept, known.consts)

    @staticmethod
    def _invariant_vars(jaxpr: Jaxpr, num_consts: int) -> set:
        """The variables that do not change from step to step: what depends on the consts alone."""
        fixed = {*jaxpr.constvars, *jaxpr.invars[:num_consts]}
        for eqn in jaxpr.eqns:
            if not eqn.effects and all(type(v) is Literal or v in fixed for v in eqn.invars):
                fixed.update(v for v in eqn.outvars if type(v) is not DropVar)
        return fixed

    def before(self, consts) -> tuple[list, list]:
        """What is computed once: the invariant residuals, in their order, and those among them that the body gets."""
        jaxpr = self.known.jaxpr
        # What the steps print they have printed: scan(lambda c, x: (debug.print("{}", c), c * w), ...) prints once a step.
        outvars = [*self.invariant, *self.hoisted]
        once = jaxpr.replace(outvars=outvars, eqns=[eqn for eqn in jaxpr.eqns if not eqn.effects])
        once, _ = dce_jaxpr(once, [True] * len(outvars), instantiate=True)
        once = once.replace(invars=jaxpr.invars[: self.num_consts])
        values = eval_jaxpr(once, self.known.consts, *consts)
        return values[: len(self.invariant)], values[len(self.invariant) :]

    def sliced(self, xs, stacked) -> list:
        """The other residuals, in their order: a slice for each step."""
        stacked = iter(stacked)
        return [
            xs[self.slices[v]] if kind == "xs" else next(stacked)
            for v, kind in zip(self.residuals, self.kinds)
            if kind != "invariant"
        ]


def _transpose(cotangents, *args, jaxpr, length, reverse, num_consts, num_carry, unroll):
    """A scan the other way: it carries the cotangents of the carry, and sums those of the consts."""
    linear = [is_undefined_primal(x) for x in args]
    consts_lin, carry_lin, xs_lin = split_at(linear, num_consts, num_carry)
    # A carry that begins with a known value, a zero, is linear too if what is linear flows into it later.
    moving = fixpoint(lambda flags: _reached(jaxpr.jaxpr, [*consts_lin, *flags, *xs_lin])[:num_carry], carry_lin)
    if not all(moving):
        common = dict(length=length, reverse=reverse, unroll=unroll)
        return _transpose_beside_known(cotangents, args, moving, jaxpr, num_consts, num_carry, **common)
    consts, carry, xs = split_at(args, num_consts, num_carry)
    known_consts, known_xs = ([x for x in part if not is_undefined_primal(x)] for part in (consts, xs))
    ct_carry = [instantiate(ct) for ct in cotangents[:num_carry]]
    ct_ys = cotangents[num_carry:]
    ys_nz = [type(ct) is not Zero for ct in ct_ys]
    const_avals = [x.aval for x in consts if is_undefined_primal(x)]
    zeros = [instantiate(Zero(aval)) for aval in const_avals]
    y_avals = jaxpr.out_avals[num_carry:]
    n_known, n_sums = len(known_consts), len(zeros)

    def body(*values):
        known, sums, ct_carry, known_xs, ct_ys = split_at(values, n_known, n_sums, num_carry, len(known_xs_avals))
        known, known_xs, ct_ys = iter(known), iter(known_xs), iter(ct_ys)
        inner = jaxpr.in_avals
        primals = [
            *[UndefinedPrimal(aval) if lin else next(known) for aval, lin in zip(inner, consts_lin)],
            *[UndefinedPrimal(aval) for aval in inner[num_consts : num_consts + num_carry]],
            *[
                UndefinedPrimal(aval) if lin else next(known_xs)
                for aval, lin in zip(inner[num_consts + num_carry :], xs_lin)
            ],
        ]
        cts = [*ct_carry, *[next(ct_ys) if nz else Zero(aval) for nz, aval in zip(ys_nz, y_avals)]]
        results = backward_pass(jaxpr.jaxpr, jaxpr.consts, primals, cts)
        to_consts, to_carry, to_xs = split_at(results, n_sums, num_carry)
        summed = [s if type(ct) is Zero else add_any_p.bind(s, ct) for s, ct in zip(sums, to_consts)]
        return [*summed, *[instantiate(ct) for ct in (*to_carry, *to_xs)]]

    known_xs_avals = [aval for aval, lin in zip(jaxpr.in_avals[num_consts + num_carry :], xs_lin) if not lin]
    known_avals = [aval for aval, lin in zip(jaxpr.in_avals, consts_lin) if not lin]
    moving_ys = [ct for ct in ct_ys if type(ct) is not Zero]
    carry_avals = jaxpr.in_avals[num_consts : num_consts + num_carry]
    in_avals = [*known_avals, *const_avals, *carry_avals, *known_xs_avals]
    in_avals += [aval for aval, nz in zip(y_avals, ys_nz) if nz]
    results = scan_p.bind(
        *known_consts,
        *zeros,
        *ct_carry,
        *known_xs,
        *moving_ys,
        jaxpr=trace_to_closed_jaxpr(body, in_avals),
        length=length,
        reverse=not reverse,
        num_consts=n_known,
        num_carry=n_sums + num_carry,
        unroll=unroll,
    )
    sums, to_carry, to_xs = split_at(results, n_sums, num_carry)
    sums, to_xs = iter(sums), iter(to_xs)
    return [
        *[next(sums) if lin else None for lin in consts_lin],
        *[ct if lin else None for ct, lin in zip(to_carry, carry_lin)],
        *[next(to_xs) if lin else None for lin in xs_lin],
    ]


def _transpose_beside_known(cotangents, args, moving, jaxpr: ClosedJaxpr, num_consts, num_carry, **common) -> list:
    """Transpose a scan of which a part of the carry depends on known values alone: the counter of a fori_loop. That part
    is run forwards first, and its values of all steps are further xs of the scan that remains."""
    consts, carry, xs = (list(part) for part in split_at(range(len(args)), num_consts, num_carry))
    known = [i for i, moves in zip(carry, moving) if not moves]
    carried = [i for i, moves in zip(carry, moving) if moves]
    inner = jaxpr.jaxpr
    forward, _ = dce_jaxpr(
        inner.replace(outvars=[*[inner.outvars[i - num_consts] for i in known], *[inner.invars[i] for i in known]]),
        [True] * (2 * len(known)),
        instantiate=True,
    )
    given = [i for i in [*consts, *known, *xs] if not is_undefined_primal(args[i])]
    forward = ClosedJaxpr(forward.replace(invars=[inner.invars[i] for i in given]), jaxpr.consts)
    num_given = sum(i < num_consts for i in given)
    before = scan_p.bind(
        *[args[i] for i in given], jaxpr=forward, num_consts=num_given, num_carry=len(known), **common
    )[len(known) :]
    num_ys = len(inner.outvars) - num_carry
    outs = [*[i - num_consts for i in carried], *range(num_carry, num_carry + num_ys)]
    results = _transpose(
        [cotangents[i] for i in outs],
        *[args[i] for i in [*consts, *carried]],
        *before,
        *[args[i] for i in xs],
        jaxpr=permuted(jaxpr, [*consts, *carried, *known, *xs], outs),
        num_consts=num_consts,
        num_carry=len(carried),
        **common,
    )
    by_place = dict(zip([*consts, *carried, *known, *xs], results, strict=True))
    return [by_place[i] for i in range(len(args))]


def _reached(jaxpr: Jaxpr, flags: Sequence[bool]) -> list[bool]:
    """Which results depend on the marked arguments."""
    reached = {v for v, flag in zip(jaxpr.invars, flags, strict=True) if flag}
    for eqn in jaxpr.eqns:
        if any(type(v) is not Literal and v in reached for v in eqn.invars):
            reached.update(eqn.outvars)
    return [type(v) is not Literal and v in reached for v in jaxpr.outvars]


def _batch(axis, args, dims, *, jaxpr, length, reverse, num_consts, num_carry, unroll):
    consts_b, carry_b, xs_b = split_at([d is not None for d in dims], num_consts, num_carry)

    def step(flags):
        in_dims = tuple(0 if b else None for b in (*consts_b, *flags, *xs_b))
        return [d is not None for d in batch_jaxpr(jaxpr, axis, in_dims)[1][:num_carry]]

    carry_b = fixpoint(step, carry_b)
    num_ys = len(jaxpr.out_avals) - num_carry
    in_dims = tuple(0 if b else None for b in (*consts_b, *carry_b, *xs_b))
    body, out_dims = batch_jaxpr(jaxpr, axis, in_dims, (*carry_b, *[False] * num_ys))
    consts, carry, xs = split_at(args, num_consts, num_carry)
    consts_d, carry_d, xs_d = split_at(dims, num_consts, num_carry)
    results = scan_p.bind(
        *[x if d is None else move_batch_dim(x, d, 0) for x, d in zip(consts, consts_d)],
        *[materialize(x, d, 0, axis) if b else x for x, d, b in zip(carry, carry_d, carry_b)],
        # The axis of the steps comes first.
        *[x if d is None else move_batch_dim(x, d, 1) for x, d in zip(xs, xs_d)],
        jaxpr=body,
        length=length,
        reverse=reverse,
        num_consts=num_consts,
        num_carry=num_carry,
        unroll=unroll,
    )
    return results, [*out_dims[:num_carry], *[None if d is None else 1 for d in out_dims[num_carry:]]]


def _dce(eqn, used):
    """The scan without the results that are not read: the counter that a fori_loop carries and its body does not look at."""
    closed_jaxpr, num_consts, num_carry = (eqn.params[name] for name in ("jaxpr", "num_consts", "num_carry"))
    used_carry, used_ys = split_at(used, num_carry)

    def read(carry):
        return dce_jaxpr(closed_jaxpr.jaxpr, [*carry, *used_ys])[1][num_consts : num_consts + num_carry]

    # A carry that nobody reads in the end may be what one that is read is made of.
    carried = fixpoint(read, used_carry)
    body, used_inputs = dce_jaxpr(closed_jaxpr.jaxpr, [*carried, *used_ys])
    used_consts, _, used_xs = split_at(used_inputs, num_consts, num_carry)
    kept = [*used_consts, *carried, *used_xs]
    body = body.replace(invars=[v for v, k in zip(closed_jaxpr.jaxpr.invars, kept, strict=True) if k])
    smaller = dict(jaxpr=ClosedJaxpr(body, closed_jaxpr.consts), num_consts=sum(used_consts), num_carry=sum(carried))
    return eqn.replace(
        invars=[v for v, k in zip(eqn.invars, kept, strict=True) if k],
        outvars=[v for v, k in zip(eqn.outvars, [*carried, *used_ys], strict=True) if k],
        params={**eqn.params, **smaller},
    )


scan_p = row(
    "scan",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    multiple_results=True,
)
scan_p.linearize = _linearize
scan_p.dce = _dce
