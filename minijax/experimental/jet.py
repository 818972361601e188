"""Taylor mode: push truncated power series through a program (`jax.experimental.jet`).

A value x(t) = x0 + x1 t + x2 t^2 + ... is a primal x0 and its terms x1, x2, ...; the rule of a primitive makes the terms of
its result. K derivatives along a curve cost about K^2 operations, where nested jvps cost 2^K.

This file is a whole transformation: a trace and its tracer, as in `transforms/jvp.py`; a table of rules, apart from the
primitives' rows; and the function that users call. The formulas are those of A. Griewank and A. Walther, "Evaluating
Derivatives" (2nd ed., SIAM 2008), chapter 13. A term may be a symbolic `Zero`, as a tangent may.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce

import numpy as np

from .. import lax
from ..api.arguments import as_operand, as_output
from ..calls import registry
from ..calls.checkpoint import remat_p
from ..calls.cond import cond_p
from ..calls.custom_derivatives import custom_jvp_call_p, custom_vjp_call_p
from ..calls.jit import jit_p
from ..calls.linear_solve import linear_solve, linear_solve_p
from ..calls.scan import fixpoint, permuted, positions, scan_p, split_at
from ..calls.while_loop import while_p
from ..core.array import quiet_evaluation, to_array
from ..core.avals import Zero
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr, jaxpr_as_fun, jaxprs_in_params
from ..core.primitive import Absent, Primitive
from ..core.staging import trace_to_closed_jaxpr, weak_cache
from ..core.traces import (
    Array,
    Trace,
    Tracer,
    check_not_leaked,
    get_aval,
    new_trace,
    set_current_trace,
    thread_state,
    without_tangent,
)
from ..foundation.dtypes import issubdtype
from ..foundation.pytrees import tree_flatten, tree_structure, tree_unflatten, treedef_is_leaf
from ..primitives.basis import broadcast_in_dim, full, instantiate, reshape, shape_of, transpose, zero_like
from ..primitives.elementwise import convert_element_type, select
from ..transforms.linearize import linearize_flat

# ---------------------------------------------------------------------------------------------------------------------
# The trace


class JetTracer(Tracer):
    """A primal value and the terms of its Taylor series, from the first on."""

    __slots__ = ("primal", "terms")

    def __init__(self, trace: JetTrace, primal, terms: Sequence):
        self._trace = trace
        self.primal = primal
        self.terms = terms

    aval = property(lambda self: get_aval(self.primal))

    def without_tangent(self):
        return without_tangent(self.primal)

    def to_concrete_value(self):
        primal = self.primal
        return primal.to_concrete_value() if isinstance(primal, Tracer) else primal


class JetTrace(Trace):
    """Each primitive becomes its rule in `jet_rules`, applied under the parent trace."""

    __slots__ = ("order",)
    transformation = "jet"

    def __init__(self, parent: Trace, order: int):
        super().__init__(parent)
        self.order = order

    def split(self, x) -> tuple:
        """(primal, terms) of one argument; the terms are None for what is constant here."""
        if type(x) is JetTracer and x._trace is self:
            return x.primal, x.terms
        if isinstance(x, Tracer):
            check_not_leaked(x)
        return x, None

    def join(self, primal, terms: Sequence):
        if all(type(t) is Zero for t in terms):
            return primal
        # The zeros of a scalar that a rule multiplied with an array are the array's.
        return JetTracer(self, primal, [zero_like(primal) if type(t) is Zero else t for t in terms])

    def process_primitive(self, primitive, args, params):
        primals, series = zip(*map(self.split, args)) if args else ((), ())
        with set_current_trace(self.parent):
            if all(terms is None for terms in series):
                return self.parent.process_primitive(primitive, primals, params)
            primals = [x if isinstance(x, Array) else to_array(x) for x in primals]
            series = fill_series(primals, series, self.order)
            rule = jet_rules.get(primitive) or partial(rule_from_row, primitive)
            out, terms = rule(primals, series, **params)
        if primitive.multiple_results:
            return [self.join(x, s) for x, s in zip(out, terms, strict=True)]
        return self.join(out, terms)


def zero_series(x, order: int) -> list:
    """The terms of a constant."""
    return [zero_like(x)] * order


def fill_series(primals: Sequence, series: Sequence, order: int) -> list:
    return [zero_series(x, order) if terms is None else terms for x, terms in zip(primals, series, strict=True)]


def jet_flat(function: Callable, order: int, primals: Sequence, series: Sequence) -> tuple[list, list]:
    """(primals out, their series) of a function of flat arrays, each series a list of `order` terms."""
    trace = JetTrace(thread_state.trace, order)
    with new_trace(trace):
        args = (trace.join(x, terms) for x, terms in zip(primals, series, strict=True))
        pairs = [trace.split(x) for x in function(*args)]
    out_primals = [x for x, _ in pairs]
    return out_primals, fill_series(out_primals, [terms for _, terms in pairs], order)


# ---------------------------------------------------------------------------------------------------------------------
# The function


def jet(fun: Callable, primals: Sequence, series: Sequence, factorial_scaled: bool = True) -> tuple:
    """The value of `fun` at `primals` and its derivatives there along a curve (`jax.experimental.jet.jet`).

    primals: the arguments, arrays or pytrees of arrays. series: for each argument the sequence of its terms, each of the
    argument's shape (or a number, for all its elements): the derivatives x'(0), x''(0), ... of the curve, or with
    `factorial_scaled=False` the coefficients of its power series, x^(k)(0) / k!. All have the same number of terms.

    Returns (value, series out): where `fun` returns an array, the second has the list of its terms. A term that is a
    Python number or NumPy array of zeros costs nothing. Raises ValueError for sequences of different lengths and for terms
    that do not fit their argument, NotImplementedError at a primitive that has no rule in `jet_rules`.

    >>> import minijax.numpy as jnp
    >>> jet(lambda x: x * x * x, (2.0,), ((1.0, 0.0, 0.0),))[1]
    [Array(12., dtype=float32, weak_type=True), Array(12., dtype=float32, weak_type=True), Array(6., dtype=float32, weak_type=True)]
    """
    order = _order(primals, series)
    flat_primals, flat_series = [], []
    for i, (primal, terms) in enumerate(zip(primals, series)):
        leaves, tree = tree_flatten(primal)
        columns = [_term_leaves(t, tree, i, j) for j, t in enumerate(terms)]
        for n, leaf in enumerate(leaves):
            x, s = _series_of(leaf, [c[n] for c in columns], i, factorial_scaled)
            flat_primals.append(x)
            flat_series.append(s)
    in_tree, out_tree = tree_structure(tuple(primals)), None

    def flat(*args):
        nonlocal out_tree
        leaves, out_tree = tree_flatten(fun(*tree_unflatten(in_tree, args)))
        return [as_output(x, fun) for x in leaves]

    with quiet_evaluation():
        outs, out_series = jet_flat(flat, order, flat_primals, flat_series)
    out_series = [
        [
            _term_out(t, x, math.factorial(k) if factorial_scaled else 1, factorial_scaled)
            for k, t in enumerate(terms, 1)
        ]
        for x, terms in zip(outs, out_series)
    ]
    return tree_unflatten(out_tree, outs), tree_unflatten(out_tree, out_series)


def _order(primals: Sequence, series: Sequence) -> int:
    lengths = set(map(len, series))
    if len(lengths) != 1:
        raise ValueError("jet terms have inconsistent lengths for different arguments")
    if len(primals) != len(series):
        raise ValueError(f"jet got {len(primals)} primal values and {len(series)} series: give a series for each.")
    return lengths.pop()


def _term_leaves(term, tree, i: int, j: int) -> list:
    leaves, term_tree = tree_flatten(term)
    if term_tree != tree:
        if treedef_is_leaf(tree):
            raise ValueError(f"term {j} for argument {i} is not an array")
        raise ValueError(f"term {j} for argument {i} has tree structure {term_tree}, the primal value {tree}.")
    return leaves


def _series_of(x, terms: Sequence, i: int, factorial_scaled: bool) -> tuple:
    """An argument and its terms as arrays of its type, the terms as coefficients of the power series."""
    x = as_operand(x, "primal value")
    # What is an array already may be anything the next time: a jaxpr must not depend on its value.
    zero = [not isinstance(t, Array) and not np.any(t) for t in terms]
    terms = [_fitting_term(as_operand(t, "term"), x, f"term {j} for argument {i}") for j, t in enumerate(terms)]
    if not issubdtype(x.dtype, np.inexact) and not all(zero):
        # Along a curve an integer becomes a number between integers.
        x = convert_element_type(x, float, x.weak_type)
    divisors = [math.factorial(k) if factorial_scaled else 1 for k in range(1, len(terms) + 1)]
    return x, [zero_like(x) if z else _coefficient(t, x, d) for t, z, d in zip(terms, zero, divisors)]


def _fitting_term(term, x, which: str):
    if shape_of(term) not in ((), shape_of(x)):
        raise ValueError(f"{which} has shape {shape_of(term)}, the primal value {shape_of(x)}: a term has its shape.")
    if issubdtype(term.dtype, np.complexfloating) and not issubdtype(x.dtype, np.complexfloating):
        raise TypeError(
            f"{which} is {term.dtype.name}, the primal value {x.dtype.name}: make the primal value complex."
        )
    return term


def _coefficient(term, x, divisor: int):
    term = convert_element_type(term, x.dtype, x.weak_type)
    term = broadcast_in_dim(term, shape_of(x), ()) if shape_of(term) != shape_of(x) else term
    return term if divisor == 1 else term / divisor


def _term_out(term, x, factor: int, factorial_scaled: bool):
    if type(term) is Zero:
        aval = get_aval(x)
        # As in JAX, where the zeros of what is not a real number are multiplied by the (weakly typed) factorial.
        if factorial_scaled and not issubdtype(aval.dtype, np.inexact):
            return full(aval.shape, 0, np.dtype("float32"), True)
        return full(aval.shape, 0, aval.dtype, aval.weak_type)
    return scaled(factor, term)


# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic of terms, where a Zero costs nothing


def scaled(number: float, x):
    return x if type(x) is Zero or number == 1 else -x if number == -1 else x * number


def product(x, y):
    return x if type(x) is Zero else y if type(y) is Zero else x * y


def total(terms: Sequence, like):
    """The sum; the zero of `like` where there is nothing to sum."""
    moving = [t for t in terms if type(t) is not Zero]
    return reduce(lambda x, y: x + y, moving) if moving else zero_like(like)


def difference(x, y):
    return x if type(y) is Zero else -y if type(x) is Zero else x - y


def convolution(u: Sequence, w: Sequence, k: int, times: Callable = product):
    """The k-th term of the product of two series."""
    return total([times(u[j], w[k - j]) for j in range(k + 1)], u[0])


def square_term(v: Sequence, k: int, first: int = 0):
    """The k-th term of v v: what equal factors give twice is computed once. Without the terms before `first`."""
    terms = [scaled(2, product(v[j], v[k - j])) for j in range(first, (k + 1) // 2)]
    if k % 2 == 0 and k // 2 >= first:
        terms.append(product(v[k // 2], v[k // 2]))
    return total(terms, v[0])


def integral(c: Sequence, u: Sequence, k: int):
    """The k-th term of a function v with v' = c u': the sum of j/k u_j c_(k-j)."""
    return total([scaled(j / k, product(u[j], c[k - j])) for j in range(1, k + 1)], u[0])


# ---------------------------------------------------------------------------------------------------------------------
# Rules: (primals, series, **params) -> (primal out, its terms), or two lists for several results

jet_rules: dict[Primitive, Callable] = {}


def rule_from_row(primitive: Primitive, primals, series, **params):
    """What a primitive's row proves, where the table has no rule of it: what can be transposed in its only argument is
    linear in it, and a result that is not a real or complex number is constant."""
    if len(primals) == 1 and not isinstance(primitive.transpose, Absent) and not jaxprs_in_params(params):
        return linear(primitive)(primals, series, **params)
    out = primitive.bind(*primals, **params)
    zeros = [zero_series(x, len(series[0])) for x in (out if primitive.multiple_results else [out])]
    if any(issubdtype(terms[0].aval.dtype, np.inexact) for terms in zeros):
        reason = (
            f"give it one, jet_rules[{primitive}_p] = rule, with rule(primals, series, **params) -> (primal, terms)"
        )
        Absent(primitive.name, "jet", reason)()
    return out, zeros if primitive.multiple_results else zeros[0]


def constant(primitive: Primitive) -> Callable:
    """The rule of what is constant almost everywhere."""

    def rule(primals, series, **params):
        out = primitive.bind(*primals, **params)
        return out, zero_series(out, len(series[0]))

    return rule


def linear(primitive: Primitive) -> Callable:
    """The rule of what is linear in the arguments that move, or linear on either side of a kink: its derivative at the
    primals is the same linear function for the terms of every order."""

    def rule(primals, series, **params):
        def function(*args):
            out = primitive.bind(*args, **params)
            return out if primitive.multiple_results else [out]

        moving = [any(type(t) is not Zero for t in terms) for terms in series]
        outs, nonzero, jaxpr, residuals = linearize_flat(function, primals, moving)
        columns = zip(*[terms for terms, moves in zip(series, moving) if moves])
        rows = []
        for column in columns:
            terms = [zero_like(x) for x in outs]
            if not all(type(t) is Zero for t in column):
                moved = iter(eval_jaxpr(jaxpr, residuals, *map(instantiate, column)))
                terms = [next(moved) if nz else t for nz, t in zip(nonzero, terms)]
            rows.append(terms)
        terms = [list(column) for column in zip(*rows)]
        return (outs, terms) if primitive.multiple_results else (outs[0], terms[0])

    return rule


def bilinear(primitive: Primitive) -> Callable:
    """The rule of a product: the terms of order k are the sum of the products of those of orders j and k - j."""

    def rule(primals, series, **params):
        def times(x, y):
            return x if type(x) is Zero else y if type(y) is Zero else primitive.bind(x, y, **params)

        u, w = ([x, *terms] for x, terms in zip(primals, series))
        return times(u[0], w[0]), [convolution(u, w, k, times) for k in range(1, len(u))]

    return rule


def integrated(primitive: Primitive) -> Callable:
    """The rule that the row's jvp implies: with y' = jvp(x, x'), the series of y' up to order K - 1 gives y to order K.

    Where that derivative is written with y itself, as that of `erf_inv` is, it comes back here for y to order K - 1.
    """

    def rule(primals, series, **params):
        out = primitive.bind(*primals, **params)
        outs = out if primitive.multiple_results else [out]
        smooth = [issubdtype(get_aval(x).dtype, np.inexact) for x in outs]
        moving = [any(type(t) is not Zero for t in terms) for terms in series]
        # d/dt of the sum of x_k t^k has the terms (k + 1) x_(k+1).
        rates = [[scaled(k, t) for k, t in enumerate(terms, 1)] for terms, moves in zip(series, moving) if moves]

        def rates_out(*args):
            xs, moved = args[: len(primals)], iter(args[len(primals) :])
            dxs = [next(moved) if moves else zero_like(x) for x, moves in zip(xs, moving)]
            dys = primitive.jvp(xs, dxs, **params)[1]
            return [instantiate(dy) for dy, s in zip(dys if primitive.multiple_results else [dys], smooth) if s]

        args = [*primals, *[instantiate(terms[0]) for terms in rates]]
        arg_series = [terms[:-1] for terms in series] + [terms[1:] for terms in rates]
        made = iter(zip(*jet_flat(rates_out, len(series[0]) - 1, args, arg_series)))
        terms = [_integral_of(*next(made)) if s else zero_series(x, len(series[0])) for x, s in zip(outs, smooth)]
        return out, terms if primitive.multiple_results else terms[0]

    return rule


def _integral_of(first, later: Sequence) -> list:
    return [scaled(1 / k, t) for k, t in enumerate([first, *later], 1)]


def composed(primitive: Primitive, function: Callable) -> Callable:
    """The rule of what is a composition of other operations: their terms, beside the primitive's own value."""

    def rule(primals, series, **params):
        _, (terms,) = jet_flat(lambda *args: [function(*args, **params)], len(series[0]), primals, series)
        return primitive.bind(*primals, **params), terms

    return rule


def recurrence(primitive: Primitive, terms_of: Callable) -> Callable:
    """The rule of a function of one argument: `terms_of(u, v0)` makes the terms of v from the series u and its value."""

    def rule(primals, series, **params):
        out = primitive.bind(*primals, **params)
        return out, terms_of([primals[0], *series[0]], out, **params)

    return rule


# ---------------------------------------------------------------------------------------------------------------------
# Recurrences: each v solves a differential equation in u


def _exp(u, v0, rate: float = 1.0, shift: float = 0.0):
    """v' = rate (v + shift) u'"""
    v = [v0 + shift if shift else v0]
    for k in range(1, len(u)):
        v.append(scaled(rate, integral(v, u, k)))
    return v[1:]


def _log(u, v0):
    """u v' = u'"""
    v = [v0]
    for k in range(1, len(u)):
        known = integral(u, [*v, zero_like(v0)], k)
        v.append(_quotient(difference(u[k], known), u[0]))
    return v[1:]


def _quotient(x, y):
    return x if type(x) is Zero else x / y


def _log1p(u, v0):
    return _log([u[0] + 1, *u[1:]], v0)


def _circular(u, v0, w0, a: int, b: int):
    """v' = a w u' and w' = b v u'"""
    v, w = [v0], [w0]
    for k in range(1, len(u)):
        v.append(scaled(a, integral(w, u, k)))
        if k + 1 < len(u):
            w.append(scaled(b, integral(v, u, k)))
    return v[1:]


def _riccati(slope: Callable, after: Callable) -> Callable:
    """v' = w u', where w is a quadratic function of v: `slope(v0)` is its value, `after(v, k)` its k-th term."""

    def terms_of(u, v0):
        v, w = [v0], [slope(v0)]
        for k in range(1, len(u)):
            v.append(integral(w, u, k))
            if k + 1 < len(u):
                w.append(after(v, k))
        return v[1:]

    return terms_of


_tan = _riccati(lambda v: 1 + v * v, square_term)
# (1 - v)(1 + v) has more digits than 1 - v^2 where v is close to 1.
_tanh = _riccati(lambda v: (1 - v) * (1 + v), lambda v, k: scaled(-1, square_term(v, k)))
_logistic = _riccati(lambda v: v * (1 - v), lambda v, k: difference(v[k], square_term(v, k)))


def _sqrt(u, v0):
    """v v = u"""
    v = [v0]
    for k in range(1, len(u)):
        v.append(_quotient(difference(u[k], square_term(v, k, 1)), 2 * v0))
    return v[1:]


def _root(r: float) -> Callable:
    """v = u^r, by u v' = r v u'."""

    def terms_of(u, v0):
        v = [v0]
        for k in range(1, len(u)):
            terms = [scaled((r * j - (k - j)) / k, product(u[j], v[k - j])) for j in range(1, k + 1)]
            v.append(_quotient(total(terms, v0), u[0]))
        return v[1:]

    return terms_of


def _powers(u, coefficient: Callable, out) -> list:
    """The terms of u^r by the binomial series, the sum of coefficient(m) (u - u_0)^m: good where u_0 is 0, too."""
    order = len(u) - 1
    power = delta = [zero_like(u[0]), *u[1:]]
    sums: list[list] = [[] for _ in range(order)]
    for m in range(1, order + 1):
        c = coefficient(m)
        if c is None:
            break
        for k in range(m, order + 1):
            sums[k - 1].append(product(c, power[k]))
        power = [total([product(delta[j], power[k - j]) for j in range(1, k + 1)], u[0]) for k in range(order + 1)]
    return [total(terms, out) for terms in sums]


def _integer_pow(u, v0, *, y: int):
    def coefficient(m):
        binomial = math.prod(y - i for i in range(m)) // math.factorial(m)
        return None if binomial == 0 else scaled(float(binomial), lax.integer_pow_p.bind(u[0], y=y - m))

    return _powers(u, coefficient, v0)


def _pow(primals, series):
    (x, y), (xs, ys) = primals, series
    out = lax.pow_p.bind(x, y)
    if any(type(t) is not Zero for t in ys):
        # x^y = exp(y log x)
        _, (exponents,) = jet_flat(lambda x, y: [y * lax.log(x)], len(xs), primals, series)
        return out, _exp([out, *exponents], out)

    def coefficient(m):
        r = convert_element_type(y, x.dtype, y.weak_type)
        binomial = reduce(product, [(r - i) / (i + 1) for i in range(m)])
        value = binomial * lax.pow_p.bind(x, y - m)
        # A square has no third derivative at 0, though 0^-1 is infinite.
        vanishes = broadcast_in_dim_to(binomial == 0, value)
        return select(vanishes, full(shape_of(value), 0, value.dtype), value)

    return out, _powers([x, *xs], coefficient, out)


def broadcast_in_dim_to(x, like):
    """x repeated to a shape that it broadcasts to."""
    ndim = len(shape_of(x))
    return broadcast_in_dim(x, shape_of(like), tuple(range(ndim)))


def _div(primals, series):
    """v w = u"""
    (x, y), (xs, ys) = primals, series
    u, w, v = [x, *xs], [y, *ys], [lax.div_p.bind(x, y)]
    for k in range(1, len(u)):
        known = total([product(v[j], w[k - j]) for j in range(k)], v[0])
        v.append(_quotient(difference(u[k], known), y))
    return v[0], v[1:]


def _square(u, v0):
    return [square_term(u, k) for k in range(1, len(u))]


def _abs(primals, series):
    """JAX's: at 0 it is the absolute value of what is to the right."""
    (x,), (terms,) = primals, series
    if issubdtype(x.dtype, np.complexfloating):
        return integrated(lax.abs_p)(primals, series)
    out = lax.abs_p.bind(x)
    negative = x < 0
    return out, [t if type(t) is Zero else select(negative, -t, t) for t in terms]


# ---------------------------------------------------------------------------------------------------------------------
# Compositions


def _clamp(low, x, high):
    def bound(b):
        return b if shape_of(b) else broadcast_in_dim(b, shape_of(x), ())

    return lax.min(lax.max(bound(low), x), bound(high))


def _reduce_prod(x, *, axes):
    """By halves, so that no division meets a zero."""
    kept = [i for i in range(len(shape_of(x))) if i not in axes]
    kept_shape = [shape_of(x)[i] for i in kept]
    size = math.prod(shape_of(x)[i] for i in axes)
    x = reshape(transpose(x, (*axes, *kept)), (size, *kept_shape))
    while size > 1:
        half = size // 2
        rest = [lax.slice_in_dim(x, 2 * half, size)] if size % 2 else []
        x = lax.slice_in_dim(x, 0, half) * lax.slice_in_dim(x, half, 2 * half)
        x, size = lax.concatenate([x, *rest], 0) if rest else x, half + len(rest)
    return reshape(x, kept_shape) if size else full(tuple(kept_shape), 1, x.dtype)


def _cumprod(x, *, axis, reverse):
    return lax.associative_scan(lax.mul, x, reverse=reverse, axis=axis)


DIGAMMA_SHIFT = 8
# B_2n / 2n, for the asymptotic series of digamma in 1/z^2.
DIGAMMA_TERMS = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)


def _digamma(x):
    """digamma by elementary functions: reflected for x < 1/2, moved up by its recurrence, then its asymptotic series."""
    left = x < 0.5
    z = select(left, 1 - x, x)
    moved = z + DIGAMMA_SHIFT
    inverse = 1 / (moved * moved)
    tail = reduce(lambda s, c: (s + c) * inverse, DIGAMMA_TERMS[::-1], 0.0)
    psi = lax.log(moved) - 0.5 / moved - tail - reduce(lambda a, b: a + b, [1 / (z + i) for i in range(DIGAMMA_SHIFT)])
    return select(left, psi - math.pi / lax.tan(math.pi * x), psi)


# ---------------------------------------------------------------------------------------------------------------------
# Primitives that carry jaxprs


def pattern(series: Sequence) -> tuple[tuple[bool, ...], ...]:
    """Which terms are not symbolic zeros."""
    return tuple(tuple(type(t) is not Zero for t in terms) for terms in series)


def moving_terms(series: Sequence, wanted: Sequence) -> list:
    """The terms marked `wanted`, as arrays, argument after argument."""
    return [
        instantiate(t) for terms, flags in zip(series, wanted, strict=True) for t, want in zip(terms, flags) if want
    ]


def refill(outs: Sequence, terms: Sequence, nonzero: Sequence) -> list:
    """The series of all results: the given terms where marked, zeros elsewhere."""
    terms = iter(terms)
    return [[next(terms) if nz else zero_like(x) for nz in flags] for x, flags in zip(outs, nonzero, strict=True)]


@weak_cache
def jet_jaxpr(closed_jaxpr: ClosedJaxpr, order: int, nonzero: tuple, wanted: tuple | None = None) -> tuple:
    """The jaxpr of (primals, nonzero terms) -> (primals out, nonzero terms out), and which output terms those are.

    Those that `wanted` marks are among them in any case.
    """
    in_avals = closed_jaxpr.in_avals
    out_nonzero: tuple = ()

    def function(*args):
        nonlocal out_nonzero
        primals, terms = args[: len(in_avals)], args[len(in_avals) :]
        series = refill(primals, terms, nonzero)
        outs, out_series = jet_flat(jaxpr_as_fun(closed_jaxpr), order, primals, series)
        out_nonzero = pattern(out_series) if wanted is None else union(pattern(out_series), wanted)
        return [*outs, *moving_terms(out_series, out_nonzero)]

    term_avals = [aval for aval, flags in zip(in_avals, nonzero, strict=True) for nz in flags if nz]
    return trace_to_closed_jaxpr(function, [*in_avals, *term_avals]), out_nonzero


def union(*patterns: Sequence) -> tuple:
    return tuple(tuple(map(any, zip(*flags))) for flags in zip(*patterns, strict=True))


def flattened(flags: Sequence) -> list[bool]:
    return [f for row in flags for f in row]


def grouped(flags: Sequence[bool], order: int) -> tuple:
    return tuple(tuple(flags[i : i + order]) for i in range(0, len(flags), order))


def fixpoint_pattern(step: Callable, carry: Sequence, order: int) -> tuple:
    """Which terms a loop's carry has in some step: those that it begins with, and those that a step then makes."""
    return grouped(fixpoint(lambda flat: flattened(step(grouped(flat, order))), flattened(carry)), order)


def _call(primitive: Primitive) -> Callable:
    """The rule of what just runs its jaxpr: run the jaxpr's jet."""

    def rule(primals, series, *, jaxpr: ClosedJaxpr, **params):
        nonzero = pattern(series)
        jetted, out_nonzero = jet_jaxpr(jaxpr, len(series[0]), nonzero)
        results = primitive.bind(*primals, *moving_terms(series, nonzero), jaxpr=jetted, **params)
        outs, terms = split_at(results, len(out_nonzero))
        return outs, refill(outs, terms, out_nonzero)

    return rule


def _custom_vjp(primals, series, *, call_jaxpr: ClosedJaxpr, **params):
    """The function itself, as in JAX: the user's rule is for the way back."""
    return jet_flat(jaxpr_as_fun(call_jaxpr), len(series[0]), primals, series)


def _linear_solve(primals, series, *, const_lengths, jaxprs):
    """A x = b, where any may move: A_0 x_k is b_k less what A makes of the terms before. The solver is not looked into."""
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
        still = all(type(t) is Zero for t in right)
        solved = right if still else linear_solve(consts, jaxprs, list(map(instantiate, right)))
        for before, v, t in zip(terms, x, solved):
            before.append(zero_like(v) if still else t)
    return outs, [*terms, *[zero_series(v, len(series[0])) for v in outs[len(b) :]]]


def _cond(primals, series, *, branches):
    order, nonzero = len(series[0]), pattern(series[1:])
    wanted = union(*[jet_jaxpr(b, order, nonzero)[1] for b in branches])
    jetted = tuple(jet_jaxpr(b, order, nonzero, wanted)[0] for b in branches)
    results = cond_p.bind(*primals, *moving_terms(series[1:], nonzero), branches=jetted)
    outs, terms = split_at(results, len(wanted))
    return outs, refill(outs, terms, wanted)


def _with_terms(parts: Sequence[Sequence[int]], flags: Sequence[Sequence]) -> list[int]:
    """The places of (part, its terms) after each other in a list that has all the parts first and then all the terms."""
    n = sum(map(len, parts))
    terms = positions(*map(flattened, flags))
    return [i for part, places in zip(parts, terms, strict=True) for i in (*part, *[n + p for p in places])]


def _scan(primals, series, *, jaxpr, num_consts, num_carry, **params):
    """A scan whose carries and slices have their terms behind them."""
    order, n_out = len(series[0]), len(jaxpr.out_avals)
    consts_nz, carry_nz, xs_nz = split_at(pattern(series), num_consts, num_carry)

    def step(carry):
        return jet_jaxpr(jaxpr, order, (*consts_nz, *carry, *xs_nz))[1][:num_carry]

    carry_nz = fixpoint_pattern(step, carry_nz, order)
    nonzero = (*consts_nz, *carry_nz, *xs_nz)
    wanted = (*carry_nz, *[(False,) * order] * (n_out - num_carry))
    jetted, out_nz = jet_jaxpr(jaxpr, order, nonzero, wanted)
    in_parts = split_at(range(len(primals)), num_consts, num_carry)
    out_parts = split_at(range(n_out), num_carry)
    in_order = _with_terms(in_parts, (consts_nz, carry_nz, xs_nz))
    out_order = _with_terms(out_parts, (out_nz[:num_carry], out_nz[num_carry:]))
    args = [*primals, *moving_terms(series, nonzero)]
    results = scan_p.bind(
        *[args[i] for i in in_order],
        jaxpr=permuted(jetted, in_order, out_order),
        num_consts=num_consts + sum(flattened(consts_nz)),
        num_carry=num_carry + sum(flattened(carry_nz)),
        **params,
    )
    results = [x for _, x in sorted(zip(out_order, results, strict=True), key=lambda pair: pair[0])]
    outs, terms = split_at(results, n_out)
    return outs, refill(outs, terms, out_nz)


def _while(primals, series, *, cond_jaxpr, body_jaxpr, cond_nconsts, body_nconsts):
    """A loop over the carry and its terms, which the condition does not look at."""
    order, n = len(series[0]), len(body_jaxpr.out_avals)
    cond_consts, args = primals[:cond_nconsts], primals[cond_nconsts:]
    series = series[cond_nconsts:]
    consts_nz, carry_nz = split_at(pattern(series), body_nconsts)
    carry_nz = fixpoint_pattern(lambda carry: jet_jaxpr(body_jaxpr, order, (*consts_nz, *carry))[1], carry_nz, order)
    nonzero = (*consts_nz, *carry_nz)
    body, _ = jet_jaxpr(body_jaxpr, order, nonzero, carry_nz)
    in_order = _with_terms(split_at(range(len(args)), body_nconsts), (consts_nz, carry_nz))

    def cond(*xs):
        return jaxpr_as_fun(cond_jaxpr)(*xs[: cond_nconsts + n])

    term_avals = [aval for aval, flags in zip(body_jaxpr.out_avals, carry_nz) for nz in flags if nz]
    args = [*args, *moving_terms(series, nonzero)]
    results = while_p.bind(
        *cond_consts,
        *[args[i] for i in in_order],
        cond_jaxpr=trace_to_closed_jaxpr(cond, [*cond_jaxpr.in_avals, *term_avals]),
        body_jaxpr=permuted(body, in_order, range(len(body.out_avals))),
        cond_nconsts=cond_nconsts,
        body_nconsts=body_nconsts + sum(flattened(consts_nz)),
    )
    outs, terms = split_at(results, n)
    return outs, refill(outs, terms, carry_nz)


# ---------------------------------------------------------------------------------------------------------------------
# The table


CONSTANT = "sign floor ceil round stop_gradient bitcast_convert_type"
# Those that are linear in their only argument (reshape, reduce_sum, ...) are known by their rows: see `rule_from_row`.
LINEAR = (
    "add sub add_any complex concatenate stack pad select_n gather dynamic_slice dynamic_update_slice"
    " scatter scatter-add scatter-sub psum"
)
# Linear on either side of a kink. At a tie the derivative of max is the mean of its arguments', as in JAX.
KINKED = "max min rem reduce_max reduce_min cummax cummin scatter-min scatter-max sort top_k"
BILINEAR = "mul dot_general"
INTEGRATED = "asin acos atan asinh acosh atanh atan2 erf erfc erf_inv lgamma cumlogsumexp scatter-mul"

for _names, _make in (
    (CONSTANT, constant),
    (LINEAR, linear),
    (KINKED, linear),
    (BILINEAR, bilinear),
    (INTEGRATED, integrated),
):
    jet_rules.update({registry[name]: _make(registry[name]) for name in _names.split()})

for _primitive, _terms_of in {
    lax.exp_p: _exp,
    lax.exp2_p: partial(_exp, rate=math.log(2)),
    lax.expm1_p: partial(_exp, shift=1.0),
    lax.log_p: _log,
    lax.log1p_p: _log1p,
    lax.sin_p: lambda u, v0: _circular(u, v0, lax.cos(u[0]), 1, -1),
    lax.cos_p: lambda u, v0: _circular(u, v0, lax.sin(u[0]), -1, 1),
    lax.sinh_p: lambda u, v0: _circular(u, v0, lax.cosh(u[0]), 1, 1),
    lax.cosh_p: lambda u, v0: _circular(u, v0, lax.sinh(u[0]), 1, 1),
    lax.tan_p: _tan,
    lax.tanh_p: _tanh,
    lax.logistic_p: _logistic,
    lax.square_p: _square,
    lax.sqrt_p: _sqrt,
    lax.rsqrt_p: _root(-1 / 2),
    lax.cbrt_p: _root(1 / 3),
    lax.integer_pow_p: _integer_pow,
}.items():
    jet_rules[_primitive] = recurrence(_primitive, _terms_of)

for _primitive, _function in {
    lax.clamp_p: _clamp,
    lax.reduce_prod_p: _reduce_prod,
    lax.cumprod_p: _cumprod,
    lax.digamma_p: _digamma,
}.items():
    jet_rules[_primitive] = composed(_primitive, _function)

jet_rules |= {
    lax.pow_p: _pow,
    lax.div_p: _div,
    lax.abs_p: _abs,
    jit_p: _call(jit_p),
    remat_p: _call(remat_p),
    # By the user's rule, on which the derivatives of softplus at 0, or of a root found by bisection, depend.
    custom_jvp_call_p: integrated(custom_jvp_call_p),
    custom_vjp_call_p: _custom_vjp,
    linear_solve_p: _linear_solve,
    cond_p: _cond,
    scan_p: _scan,
    while_p: _while,
}

__all__ = ["JetTrace", "JetTracer", "jet", "jet_rules"]
