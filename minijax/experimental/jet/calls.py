"""The rules of primitives that carry jaxprs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...calls.checkpoint import remat_p
from ...calls.cond import cond_p
from ...calls.custom_derivatives import custom_jvp_call_p, custom_vjp_call_p
from ...calls.jit import jit_p
from ...calls.linear_solve import linear_solve, linear_solve_p
from ...calls.scan import Args, bind_scan, fixpoint, scan_p, split_at, tangents_beside_primals, with_vars
from ...calls.while_loop import bind_while, while_p
from ...core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from ...core.primitive import Primitive
from ...core.staging import trace_to_closed_jaxpr, weak_cache
from ...primitives.basis import instantiate, zero_like
from ...transforms.jvp import nonzero as are_nonzero
from .functions import integrated
from .rules import jet_rules
from .series import difference, zero_series
from .trace import jet_flat


def pattern(series: Sequence) -> tuple[tuple[bool, ...], ...]:
    """For each series, which of its terms are nonzero."""
    return tuple(map(are_nonzero, series))


def marked_terms(series: Sequence, wanted: Sequence) -> list:
    """The terms marked in `wanted`, as arrays, argument after argument."""
    return [
        instantiate(t) for terms, flags in zip(series, wanted, strict=True) for t, want in zip(terms, flags) if want
    ]


def refill(outs: Sequence, terms: Sequence, nonzero: Sequence) -> list:
    """The series of all results, with the given terms where `nonzero` is true and symbolic zeros elsewhere."""
    terms = iter(terms)
    return [[next(terms) if nz else zero_like(x) for nz in flags] for x, flags in zip(outs, nonzero, strict=True)]


@weak_cache
def jet_jaxpr(closed_jaxpr: ClosedJaxpr, order: int, nonzero: tuple, wanted: tuple | None = None) -> tuple:
    """(the jaxpr of (primals, nonzero terms) -> (primals out, nonzero terms out), the pattern of these output terms).

    The output terms that `wanted` marks always get an array, even if they are zero.
    """
    in_avals = closed_jaxpr.in_avals
    out_nonzero: tuple = ()

    def function(*args):
        nonlocal out_nonzero
        primals, terms = args[: len(in_avals)], args[len(in_avals) :]
        series = refill(primals, terms, nonzero)
        outs, out_series = jet_flat(jaxpr_as_fun(closed_jaxpr), order, primals, series)
        out_nonzero = pattern(out_series) if wanted is None else union(pattern(out_series), wanted)
        return [*outs, *marked_terms(out_series, out_nonzero)]

    term_avals = [aval for aval, flags in zip(in_avals, nonzero, strict=True) for nz in flags if nz]
    return trace_to_closed_jaxpr(function, [*in_avals, *term_avals]), out_nonzero


def union(*patterns: Sequence) -> tuple:
    """The pattern that marks each term that one of the patterns marks."""
    return tuple(tuple(map(any, zip(*flags))) for flags in zip(*patterns, strict=True))


def flattened(flags: Sequence) -> list[bool]:
    return [f for row in flags for f in row]


def grouped(flags: Sequence[bool], order: int) -> tuple:
    return tuple(tuple(flags[i : i + order]) for i in range(0, len(flags), order))


def fixpoint_pattern(step: Callable, carry: Sequence, order: int) -> tuple:
    """The pattern of the terms that a loop's carry has in some step: those at the start, and those that steps add."""
    return grouped(fixpoint(lambda flat: flattened(step(grouped(flat, order))), flattened(carry)), order)


def _call(primitive: Primitive) -> Callable:
    """The rule of a primitive that only runs its jaxpr: run the jaxpr's jet."""

    def rule(primals, series, *, jaxpr: ClosedJaxpr, **params):
        nonzero = pattern(series)
        jetted, out_nonzero = jet_jaxpr(jaxpr, len(series[0]), nonzero)
        results = primitive.bind(*primals, *marked_terms(series, nonzero), jaxpr=jetted, **params)
        outs, terms = split_at(results, len(out_nonzero))
        return outs, refill(outs, terms, out_nonzero)

    return rule


def _custom_vjp(primals, series, *, call_jaxpr: ClosedJaxpr, **params):
    """The jet of the function itself, as in JAX: the user's rule is for reverse mode only."""
    return jet_flat(jaxpr_as_fun(call_jaxpr), len(series[0]), primals, series)


def _linear_solve(primals, series, *, const_lengths, jaxprs):
    """The jet of A x = b, where A and b may both have terms: A_0 x_k is b_k less the k-th term of A times the series of x so far.
    No term of the solver is computed."""
    *consts, b = split_at(primals, *const_lengths)
    *consts_s, b_s = split_at(series, *const_lengths)
    outs = linear_solve_p.bind(*primals, const_lengths=const_lengths, jaxprs=jaxprs)
    x = outs[: len(b)]
    terms: list[list] = [[] for _ in x]
    for k in range(1, len(series[0]) + 1):
        x_s = [[*before, zero_like(v)] for v, before in zip(x, terms)]
        matvec = jaxpr_as_fun(jaxprs[0])
        _, made = jet_flat(matvec, k, [*consts[0], *x], [*[s[:k] for s in consts_s[0]], *x_s])
        right = [difference(s[k - 1], m[k - 1]) for s, m in zip(b_s, made)]
        if any(are_nonzero(right)):
            solved = linear_solve(consts, jaxprs, list(map(instantiate, right)))
        else:
            solved = map(zero_like, x)
        for before, t in zip(terms, solved):
            before.append(t)
    return outs, [*terms, *[zero_series(v, len(series[0])) for v in outs[len(b) :]]]


def _cond(primals, series, *, branches):
    order, nonzero = len(series[0]), pattern(series[1:])
    wanted = union(*[jet_jaxpr(b, order, nonzero)[1] for b in branches])
    jetted = tuple(jet_jaxpr(b, order, nonzero, wanted)[0] for b in branches)
    results = cond_p.bind(*primals, *marked_terms(series[1:], nonzero), branches=jetted)
    outs, terms = split_at(results, len(wanted))
    return outs, refill(outs, terms, wanted)


def _terms_in_some_step(body: ClosedJaxpr, order: int, series: Args) -> Args:
    """The patterns of the terms that the arguments of a loop's body have in some step."""
    nonzero = Args(*map(pattern, series))

    def step(carry):
        return jet_jaxpr(body, order, nonzero._replace(carry=carry).flat())[1][: len(carry)]

    return nonzero._replace(carry=fixpoint_pattern(step, nonzero.carry, order))


def _scan(primals, series, *, jaxpr, num_consts, num_carry, **params):
    """The jet of a scan: a scan in which the terms of the constants, of the carries and of the slices stand behind them."""
    order, n_ys = len(series[0]), len(jaxpr.out_avals) - num_carry
    primals, series = Args.of(primals, num_consts, num_carry), Args.of(series, num_consts, num_carry)
    nonzero = _terms_in_some_step(jaxpr, order, series)
    wanted = (*nonzero.carry, *[(False,) * order] * n_ys)
    jetted, out_nonzero = jet_jaxpr(jaxpr, order, nonzero.flat(), wanted)
    terms = Args(*map(marked_terms, series, nonzero))
    invars = tangents_beside_primals(jetted.jaxpr.invars, primals, terms)
    carry, ys, carry_terms, ys_terms = split_at(jetted.jaxpr.outvars, num_carry, n_ys, len(terms.carry))
    body = with_vars(jetted, invars.flat(), [*carry, *carry_terms, *ys, *ys_terms])
    results = bind_scan(primals.beside(terms), body, **params)
    carry, carry_terms, ys, ys_terms = split_at(results, num_carry, len(carry_terms), n_ys)
    outs = [*carry, *ys]
    return outs, refill(outs, [*carry_terms, *ys_terms], out_nonzero)


def _while(primals, series, *, cond_jaxpr, body_jaxpr, cond_nconsts, body_nconsts):
    """The jet of a while loop: a loop over the carry and its terms. The condition reads the carry alone."""
    order, n = len(series[0]), len(body_jaxpr.out_avals)
    cond_consts, primals = primals[:cond_nconsts], Args.of(primals[cond_nconsts:], body_nconsts, n)
    series = primals.like(series[cond_nconsts:])
    nonzero = _terms_in_some_step(body_jaxpr, order, series)
    jetted, _ = jet_jaxpr(body_jaxpr, order, nonzero.flat(), nonzero.carry)
    terms = Args(*map(marked_terms, series, nonzero))
    body = with_vars(jetted, tangents_beside_primals(jetted.jaxpr.invars, primals, terms).flat(), jetted.jaxpr.outvars)
    outs, out_terms = split_at(bind_while(cond_consts, primals.beside(terms), cond_jaxpr, body), n)
    return outs, refill(outs, out_terms, nonzero.carry)


jet_rules |= {
    jit_p: _call(jit_p),
    remat_p: _call(remat_p),
    # By the user's rule: without it, the derivatives of softplus at 0, or of a root found by bisection, would be wrong.
    custom_jvp_call_p: integrated(custom_jvp_call_p),
    custom_vjp_call_p: _custom_vjp,
    linear_solve_p: _linear_solve,
    cond_p: _cond,
    scan_p: _scan,
    while_p: _while,
}
