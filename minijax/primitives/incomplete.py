"""The incomplete gamma and beta functions: `igamma`, `igammac`, their derivative by a, and `regularized_incomplete_beta`.

Sources: NIST Digital Library of Mathematical Functions
(DLMF), chapter 8; W. Gautschi, "A computational procedure for incomplete gamma functions", ACM TOMS 5 (1979); N. M. Temme,
"Uniform asymptotic expansions of the incomplete gamma functions", Math. Comp. 29 (1975); W. J. Lentz, Applied Optics 15 (1976).

Where an argument is 0 or infinite, and for a beyond 10,000, the value is the limit, or right; JAX has NaN there, or stops early.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..core.traces import get_aval
from . import jets
from .algorithms import MOST_STEPS, absolute, row
from .basis import const, full
from .elementwise import add_p, exp_p, log1p_p, log_p, mul_p, neg_p, sub_p
from .gamma import lgamma_p, times

# Beyond this a, and within this part of it, the sums are replaced by Temme's expansion: a sum needs some 9 sqrt(a) steps.
LARGE, NEAR = 1e5, 0.05


# ---------------------------------------------------------------------------------------------------------------------
# Gamma. P(a, x) = x^a e^-x / gamma(a) sum / a, and Q(a, x) = 1 - P(a, x) = x^a e^-x / gamma(a) fraction.


def _gamma_sum(ops, a, x, active):
    """The sum of x^n / ((a + 1) ... (a + n)) (DLMF 8.11.4), where `active`, for a jet a."""

    def going(a, x, n, term, total, moved):
        return moved & (n < MOST_STEPS)

    def step(a, x, n, term, total, moved):
        n = n + 1.0
        term = term * (x / (a + n))
        total = total + term
        return n, term, total, jets.counts(ops, term, total)

    one = jets.jet(ops.full(x, 1.0))
    return jets.loop(ops, going, step, [a, x], [ops.full(x, 0.0), one, one, active])[2]


def _gamma_fraction(ops, a, x, active):
    """The continued fraction 1/(x + 1 - a - (1 - a)/(x + 3 - a - 2 (2 - a)/...)) (DLMF 8.9.2), where `active`, for a jet a. It is a
    sum of differences of its convergents (J. Steed; W. Gautschi, SIAM Review 9, 1967): what one step rounds, the next does not
    magnify."""

    # The loop ends after two steps that change nothing: one difference may be 0 by chance.
    def going(a, x, n, inverse, difference, total, moved_last, moved):
        return (moved_last | moved) & (n < MOST_STEPS)

    def step(a, x, n, inverse, difference, total, moved_last, moved):
        n = n + 1.0
        product = (n - a) * n
        new = 1.0 / (x + 1.0 + 2.0 * n - a - product * inverse)
        difference = difference * (product * inverse * new)
        total = total + difference
        return n, new, difference, total, moved, jets.counts(ops, difference, total)

    first = 1.0 / (x + 1.0 - a)
    return jets.loop(ops, going, step, [a, x], [ops.full(x, 0.0), first, first, first, active, active])[3]


def _excess(ops, mu):
    """mu - log(1 + mu) by its series: the difference has no digits for small mu."""
    total = ops.full(mu, 0.0)
    for n in range(16, 1, -1):
        total = mu * total + (-1.0) ** n / n
    return total * mu * mu


def _temme(ops, a, x):
    """(P, Q, dP/da, dx/da for a constant P) for large a and x near it (DLMF 8.12.3 and 4), with the first terms of c_0, c_1."""
    mu = (x - a) / a
    excess = _excess(ops, mu)
    eta, argument = ops.sqrt(2.0 * excess), ops.sqrt(a * excess)
    eta, argument = ops.where(mu < 0.0, -eta, eta), ops.where(mu < 0.0, -argument, argument)
    c0 = -1 / 3 + eta * (1 / 12 + eta * (-2 / 135 + eta * (1 / 864 + eta * (1 / 2835 - eta * (139 / 777600)))))
    c1 = -1 / 540 + eta * (-1 / 288 + eta * (1 / 378))
    bell = ops.exp(-a * excess) / ops.sqrt(2 * math.pi * a)
    rest = bell * (c0 + c1 / a)
    # argument^2 is x - a - a log(x / a), so its derivatives by a and by x are -log(x / a) and (x - a) / x.
    moved = ops.where(mu == 0.0, ops.full(mu, 1.0), (1.0 + mu) * ops.log1p(mu) / mu) * (1.0 + 1.0 / (6.0 * a))
    slope = -moved * bell * (a / x) * (1.0 - 1.0 / (12.0 * a))
    return 0.5 * ops.erfc(-argument) - rest, 0.5 * ops.erfc(argument) + rest, slope, moved


# ---------------------------------------------------------------------------------------------------------------------
# The functions of gamma: each computes all three ways, where they are wanted, and chooses


class _Parts(NamedTuple):
    """What the functions have in common, computed in each way where that way is wanted, and at a = 1, x = 1 elsewhere."""

    inside: Any
    near: Any
    by_temme: Any
    a: Any
    x: Any
    by_fraction: Any
    sums: Any
    fractions: Any
    front: Any


def _parts(ops, a, x, slopes: bool) -> _Parts:
    """slopes: whether the sums and the fractions are wanted with their derivatives by a."""
    inside = (a > 0.0) & (x > 0.0) & (a < math.inf) & (x < math.inf)
    near = inside & (a > LARGE) & (absolute(ops, x - a) < NEAR * a)
    by_temme = _temme(ops, *[ops.where(near, number, ops.full(number, 1.0)) for number in (a, x)])
    wanted = inside & ~near
    a, x = [ops.where(wanted, number, ops.full(number, 1.0)) for number in (a, x)]
    by_fraction = (x >= 1.0) & (x > a)
    jet = jets.Jet(a, ops.full(a, 1.0)) if slopes else jets.Jet(a)
    sums = jets.parts(_gamma_sum(ops, jet, x, wanted & ~by_fraction))
    fractions = jets.parts(_gamma_fraction(ops, jet, x, wanted & by_fraction))
    return _Parts(
        inside, near, by_temme, a, x, by_fraction, sums, fractions, ops.exp(a * ops.log(x) - x - ops.lgamma(a))
    )


def _both(ops, a, x):
    """(P, Q), where each has all its digits when it is small."""
    parts = _parts(ops, a, x, slopes=False)
    p, q = parts.front * parts.sums[0] / parts.a, parts.front * parts.fractions[0]
    p, q = ops.where(parts.by_fraction, 1.0 - q, p), ops.where(parts.by_fraction, q, 1.0 - p)
    return ops.where(parts.near, parts.by_temme[0], p), ops.where(parts.near, parts.by_temme[1], q)


def _slope(ops, parts):
    """dP/da without the factor `front`."""
    a, x = parts.a, parts.x
    total, total_slope = parts.sums
    fraction, fraction_slope = parts.fractions
    by_sum = (total * (ops.log(x) - ops.digamma(a + 1.0)) + total_slope) / a
    return ops.where(parts.by_fraction, -(fraction * (ops.log(x) - ops.digamma(a)) + fraction_slope), by_sum)


def _at_the_edges(ops, a, x, value, at_zero, at_infinity):
    """The value for a = 0, x = 0 and infinite x, and NaN outside of the domain. Where both are infinite x counts, as in JAX."""
    value = ops.where((x == 0.0) | (a == math.inf), ops.full(x, at_zero), value)
    value = ops.where((x == math.inf) | (a == 0.0), ops.full(x, at_infinity), value)
    inside = (a >= 0.0) & (x >= 0.0) & ((a > 0.0) | (x > 0.0))
    return ops.where(inside, value, ops.full(x, math.nan))


def igamma(ops, a, x):
    return _at_the_edges(ops, a, x, _both(ops, a, x)[0], 0.0, 1.0)


def igammac(ops, a, x):
    return _at_the_edges(ops, a, x, _both(ops, a, x)[1], 1.0, 0.0)


def _slope_at_the_edges(ops, a, x, inside, slope):
    flat = ((x == 0.0) | (x == math.inf)) & (a > 0.0)
    return ops.where(inside, slope, ops.where(flat, ops.full(x, 0.0), ops.full(x, math.nan)))


def igamma_grad_a(ops, a, x):
    """dP/da"""
    parts = _parts(ops, a, x, slopes=True)
    slope = ops.where(parts.near, parts.by_temme[2], parts.front * _slope(ops, parts))
    return _slope_at_the_edges(ops, a, x, parts.inside, slope)


def random_gamma_grad(ops, a, x):
    """dx/da of a number x drawn by its distribution function P: -(dP/da) / (dP/dx), in which x^a e^-x / gamma(a) cancels."""
    parts = _parts(ops, a, x, slopes=True)
    slope = ops.where(parts.near, parts.by_temme[3], -parts.x * _slope(ops, parts))
    return _slope_at_the_edges(ops, a, x, parts.inside, slope)


def random_gamma_grad_by_a(ops, a, x):
    """The derivative of `random_gamma_grad` by a, from four values of it beside a: they are float64, and lose a third of their
    digits."""
    step = 1e-3 * a

    def difference(times):
        return random_gamma_grad(ops, a + times * step, x) - random_gamma_grad(ops, a - times * step, x)

    return (8.0 * difference(1.0) - difference(2.0)) / (12.0 * step)


def random_gamma_grad_by_x(ops, a, x):
    """The derivative of `random_gamma_grad` by x."""
    return ops.digamma(a) - ops.log(x) - random_gamma_grad(ops, a, x) * ((a - 1.0) / x - 1.0)


# ---------------------------------------------------------------------------------------------------------------------
# Beta


def _beta_fraction(ops, a, b, x, active):
    """The continued fraction 1/(1 + d_1/(1 + d_2/(1 + ...))) (DLMF 8.17.22); its denominator by Lentz's method."""
    tiny = 1e-300

    def nonzero(number):
        return ops.where(number == 0.0, ops.full(number, tiny), number)

    def going(a, b, x, m, c, d, value, moved):
        return moved & (m < MOST_STEPS)

    def factor(c, d, value, coefficient):
        d = 1.0 / nonzero(1.0 + coefficient * d)
        c = nonzero(1.0 + coefficient / c)
        return c, d, value * c * d

    def step(a, b, x, m, c, d, value, moved):
        odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        # a may be so small that a + 0 is 0.
        odd = ops.where(m == 0.0, -(a + b) * x / (a + 1.0), odd)
        c, d, first = factor(c, d, value, odd)
        m = m + 1.0
        even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        c, d, second = factor(c, d, first, even)
        return m, c, d, second, absolute(ops, second - value) > ops.eps * absolute(ops, second)

    one = ops.full(x, 1.0)
    return 1.0 / ops.loop(going, step, [a, b, x], [ops.full(x, 0.0), one, ops.full(x, 0.0), one, active])[3]


def regularized_incomplete_beta(ops, a, b, x):
    """I_x(a, b). The fraction converges quickly for x < (a + 1) / (a + b + 2), and I_x(a, b) = 1 - I_(1-x)(b, a)."""
    inside = (a > 0.0) & (b > 0.0) & (a < math.inf) & (b < math.inf) & (x > 0.0) & (x < 1.0)
    p, q, y = (ops.where(inside, number, ops.full(number, 0.5)) for number in (a, b, x))
    direct = y < (p + 1.0) / (p + q + 2.0)
    log_y, log_rest = ops.log(y), ops.log1p(-y)
    p, q = ops.where(direct, p, q), ops.where(direct, q, p)
    log_y, log_rest = ops.where(direct, log_y, log_rest), ops.where(direct, log_rest, log_y)
    y = ops.where(direct, y, 1.0 - y)
    # gamma(p) p = gamma(p + 1), which is finite for the smallest p.
    front = ops.exp(p * log_y + q * log_rest - (ops.lgamma(p + 1.0) + ops.lgamma(q) - ops.lgamma(p + q)))
    value = front * _beta_fraction(ops, p, q, y, inside)
    value = ops.where(direct, value, 1.0 - value)
    # For two huge parameters `front` is all rounding error, and the value no share: -2310 for I_1e-30(1e-30, 1e30). NaN says so.
    value = ops.where((value > -1e-3) & (value < 1.001), value, ops.full(x, math.nan))
    # All mass at 0, for a = 0 or b = inf; or at 1.
    at_zero, at_one = (a == 0.0) | (b == math.inf), (b == 0.0) | (a == math.inf)
    zero, one, nan = (ops.full(x, number) for number in (0.0, 1.0, math.nan))
    value = ops.where(x == 0.0, zero, ops.where(x == 1.0, one, value))
    value = ops.where(at_zero & (x > 0.0), one, ops.where(at_one & (x < 1.0), zero, value))
    possible = (a >= 0.0) & (b >= 0.0) & (x >= 0.0) & (x <= 1.0) & ~(at_zero & at_one)
    return ops.where(possible, value, nan)


# ---------------------------------------------------------------------------------------------------------------------
# Rows


def _density(g, ans, a, x):
    """dP/dx = x^(a - 1) e^-x / gamma(a)"""
    # An argument may be a Python number.
    minus_x, aval = neg_p.bind(x), get_aval(a)
    power = mul_p.bind(sub_p.bind(a, full(aval.shape, 1, aval.dtype, aval.weak_type)), log_p.bind(x))
    return times(g, exp_p.bind(sub_p.bind(add_p.bind(minus_x, power), lgamma_p.bind(a))))


def _beta_density(g, ans, a, b, x):
    """x^(a - 1) (1 - x)^(b - 1) / beta(a, b)"""
    log_beta = sub_p.bind(add_p.bind(lgamma_p.bind(a), lgamma_p.bind(b)), lgamma_p.bind(add_p.bind(a, b)))
    below = mul_p.bind(sub_p.bind(b, const(get_aval(b), 1)), log1p_p.bind(neg_p.bind(x)))
    above = mul_p.bind(sub_p.bind(a, const(get_aval(a), 1)), log_p.bind(x))
    slope = exp_p.bind(sub_p.bind(add_p.bind(below, above), log_beta))
    # JAX's product has the slope on the left.
    return times(g, slope) if get_aval(g).weak_type else mul_p.bind(slope, g)


def _beta_by_parameter(g, ans, a, b, x):
    raise ValueError("Betainc gradient with respect to a and b not supported.")


igamma_grad_a_p = row(
    igamma_grad_a, "the derivative of an incomplete gamma function by a has no derivative, as in JAX", 2
)
NO_THIRD = "a sample of a gamma distribution has no third derivative by a"
random_gamma_grad_by_a_p = row(random_gamma_grad_by_a, NO_THIRD, 2)
random_gamma_grad_by_x_p = row(random_gamma_grad_by_x, NO_THIRD, 2)
random_gamma_grad_p = row(
    random_gamma_grad,
    [
        lambda g, ans, a, x: times(g, random_gamma_grad_by_a_p.bind(a, x)),
        lambda g, ans, a, x: times(g, random_gamma_grad_by_x_p.bind(a, x)),
    ],
    2,
    keeps_weak_type=False,
)
igamma_p = row(igamma, [lambda g, ans, a, x: times(g, igamma_grad_a_p.bind(a, x)), _density], 2)
igammac_p = row(
    igammac,
    [
        lambda g, ans, a, x: neg_p.bind(times(g, igamma_grad_a_p.bind(a, x))),
        lambda g, ans, a, x: neg_p.bind(_density(g, ans, a, x)),
    ],
    2,
)
regularized_incomplete_beta_p = row(
    regularized_incomplete_beta, [_beta_by_parameter, _beta_by_parameter, _beta_density], 3
)
