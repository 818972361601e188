"""The rules of smooth functions, by their jvps, by recurrences or by compositions; and the table of rules by primitive."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce

import numpy as np

from ... import lax
from ...calls import registry
from ...core.avals import Zero
from ...core.primitive import Primitive
from ...core.traces import get_aval
from ...foundation.dtypes import issubdtype
from ...primitives.basis import broadcast_in_dim, full, instantiate, reshape, shape_of, transpose, zero_like
from ...primitives.elementwise import convert_element_type, select
from ...transforms.jvp import fill, nonzero
from .rules import bilinear, constant, jet_rules, linear
from .series import difference, integral, product, scaled, square_term, total, zero_series
from .trace import jet_flat

# ---------------------------------------------------------------------------------------------------------------------
# Makers of rules: from jvps, from compositions, from recurrences


def integrated(primitive: Primitive) -> Callable:
    """The rule that the row's jvp implies: with y' = jvp(x, x'), the series of y' up to order K - 1 gives y to order K.

    If the derivative contains y itself, as that of `erf_inv` does, its jet calls this rule for y to order K - 1.
    """

    def rule(primals, series, **params):
        out = primitive.bind(*primals, **params)
        outs = out if primitive.multiple_results else [out]
        smooth = [issubdtype(get_aval(x).dtype, np.inexact) for x in outs]
        in_nonzero = [any(nonzero(terms)) for terms in series]
        # d/dt of the sum of x_k t^k has the terms (k + 1) x_(k+1).
        rates = [[scaled(k, t) for k, t in enumerate(terms, 1)] for terms, nz in zip(series, in_nonzero) if nz]

        def rates_out(*args):
            xs = args[: len(primals)]
            dxs = fill(xs, args[len(primals) :], in_nonzero)
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
    """The rule of a primitive that is a composition of other operations: the terms of that composition, beside the primitive's
    own value."""

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
    """The terms of v with v' = rate (v + shift) u'."""
    v = [v0 + shift if shift else v0]
    for k in range(1, len(u)):
        v.append(scaled(rate, integral(v, u, k)))
    return v[1:]


def _log(u, v0):
    """The terms of v with u v' = u'."""
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
    """The terms of v with v' = a w u' and w' = b v u'."""
    v, w = [v0], [w0]
    for k in range(1, len(u)):
        v.append(scaled(a, integral(w, u, k)))
        if k + 1 < len(u):
            w.append(scaled(b, integral(v, u, k)))
    return v[1:]


def _riccati(slope: Callable, after: Callable) -> Callable:
    """A maker of the terms of v with v' = w u', for a quadratic function w of v: `slope(v0)` is the value of w and
    `after(v, k)` its k-th term."""

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
    """The terms of v with v v = u."""
    v = [v0]
    for k in range(1, len(u)):
        v.append(_quotient(difference(u[k], square_term(v, k, 1)), 2 * v0))
    return v[1:]


def _root(r: float) -> Callable:
    """A maker of the terms of v = u^r, by u v' = r v u'."""

    def terms_of(u, v0):
        v = [v0]
        for k in range(1, len(u)):
            terms = [scaled((r * j - (k - j)) / k, product(u[j], v[k - j])) for j in range(1, k + 1)]
            v.append(_quotient(total(terms, v0), u[0]))
        return v[1:]

    return terms_of


def _powers(u, coefficient: Callable, out) -> list:
    """The terms of u^r by the binomial series, the sum of coefficient(m) (u - u_0)^m, which holds for u_0 = 0, too."""
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
    if any(nonzero(ys)):
        # x^y = exp(y log x)
        _, (exponents,) = jet_flat(lambda x, y: [y * lax.log(x)], len(xs), primals, series)
        return out, _exp([out, *exponents], out)

    def coefficient(m):
        r = convert_element_type(y, x.dtype, y.weak_type)
        binomial = reduce(product, [(r - i) / (i + 1) for i in range(m)])
        value = binomial * lax.pow_p.bind(x, y - m)
        # The third derivative of a square is 0 even at 0, where its formula is 0 * 0^-1 = 0 * inf.
        vanishes = broadcast_in_dim_to(binomial == 0, value)
        return select(vanishes, full(shape_of(value), 0, value.dtype), value)

    return out, _powers([x, *xs], coefficient, out)


def broadcast_in_dim_to(x, like):
    """x repeated to a shape that it broadcasts to."""
    ndim = len(shape_of(x))
    return broadcast_in_dim(x, shape_of(like), tuple(range(ndim)))


def _div(primals, series):
    """The value and the terms of v with v w = u."""
    (x, y), (xs, ys) = primals, series
    u, w, v = [x, *xs], [y, *ys], [lax.div_p.bind(x, y)]
    for k in range(1, len(u)):
        known = total([product(v[j], w[k - j]) for j in range(k)], v[0])
        v.append(_quotient(difference(u[k], known), y))
    return v[0], v[1:]


def _square(u, v0):
    return [square_term(u, k) for k in range(1, len(u))]


def _abs(primals, series):
    """The jet of abs as JAX defines it: at 0, it is the jet of x itself."""
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
    """The product over axes, by halves: the formula without divisions, as elements may be zero."""
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


# ---------------------------------------------------------------------------------------------------------------------
# The table


CONSTANT = "sign floor ceil round stop_gradient bitcast_convert_type"
# Primitives that are linear in their only argument (reshape, reduce_sum, ...) are not listed: see `rule_from_row`.
LINEAR = (
    "add sub add_any complex concatenate stack pad select_n gather dynamic_slice dynamic_update_slice"
    " scatter scatter-add scatter-sub psum optimization_barrier"
)
# Linear on either side of a kink. At a tie the derivative of max is the mean of its arguments', as in JAX.
KINKED = (
    "max min rem reduce_max reduce_min cummax cummin scatter-min scatter-max sort top_k reduce_window_max reduce_window_min"
    " select_and_gather_add select_and_scatter_add"
)
BILINEAR = "mul dot_general conv_general_dilated"
INTEGRATED = (
    "asin acos atan asinh acosh atanh atan2 erf erfc erf_inv lgamma digamma polygamma bessel_i0e bessel_i1e igamma igammac"
    " regularized_incomplete_beta cumlogsumexp scatter-mul"
)

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
}.items():
    jet_rules[_primitive] = composed(_primitive, _function)

jet_rules |= {lax.pow_p: _pow, lax.div_p: _div, lax.abs_p: _abs}
