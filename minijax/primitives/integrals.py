"""Integrals of exponentials, sines and logarithms: `expi`, `exp1`, `expn`, `si`, `ci`, `fresnel_s`, `fresnel_c`, `spence`.

JAX composes them of other operations; here they are rows, so that every algorithm of special functions is of one kind. Near 0 they
are power series, and elsewhere continued fractions, by Lentz's method (W. J. Lentz, Applied Optics 15 (1976)). The formulas have
numbers in the NIST Digital Library of Mathematical Functions (DLMF), chapters 6, 7, 8 and 25.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.traces import get_aval
from .algorithms import MOST_STEPS, STRONG, absolute, polynomial, row
from .basis import const, full
from .elementwise import cos_p, div_p, eq_p, exp_p, log1p_p, log_p, lt_p, mul_p, neg_p, select, sin_p, sub_p

TINY = 1e-300


def _power_series(coefficient, count: int) -> list[float]:
    """The coefficients of a polynomial, highest power first."""
    return [coefficient(k) for k in range(count - 1, -1, -1)]


# ---------------------------------------------------------------------------------------------------------------------
# Exponential integrals


def _fraction_of_expn(ops, n, x, active):
    """exp(x) E_n(x) = 1/(x + n - 1 n/(x + n + 2 - 2 (n + 1)/(...))) (DLMF 8.19.17), where `active`."""

    def going(n, x, k, b, c, d, value, unfinished):
        return unfinished & (k < MOST_STEPS)

    def step(n, x, k, b, c, d, value, _):
        k, b = k + 1.0, b + 2.0
        a = -k * (n - 1.0 + k)
        d = 1.0 / (a * d + b)
        c = b + a / c
        factor = c * d
        return k, b, c, d, value * factor, absolute(ops, factor - 1.0) > ops.eps

    b = x + n
    return ops.loop(going, step, [n, x], [ops.full(x, 0.0), b, ops.full(x, 1 / TINY), 1.0 / b, 1.0 / b, active])[4]


# Ei(x) = gamma + log|x| + the sum of x^k / (k k!) (DLMF 6.6.2).
NEAR_0 = _power_series(lambda k: 1 / ((k + 1) * math.factorial(k + 1)), 20)
FAR = 40.0


def _expi_by_sum(ops, x, active):
    """The same sum for x up to 40: all terms are positive."""

    def going(x, k, term, total, unfinished):
        return unfinished & (k < MOST_STEPS)

    def step(x, k, term, total, _):
        k = k + 1.0
        term = term * x / k
        return k, term, total + term / k, term / k > ops.eps * total

    total = ops.loop(going, step, [x], [ops.full(x, 0.0), ops.full(x, 1.0), ops.full(x, 0.0), active])[2]
    return np.euler_gamma + ops.log(x) + total


# The zero of Ei, and what is missing to it.
EXPI_ZERO, EXPI_ZERO_REST = 0.3725074107813666, 1.3140183414386028e-17


def _expi_near_zero(ops, x):
    """Ei(x) near its zero: log(x / zero) and the divided difference of the sum, times the distance, where the sum would cancel."""
    # XLA would add the two constants: the rest moves the value instead.
    distance = x - EXPI_ZERO
    value, difference = ops.full(x, 0.0), ops.full(x, 0.0)
    for c in (*NEAR_0, 0.0):
        difference = difference * x + value
        value = value * EXPI_ZERO + c
    return ops.log1p(distance / EXPI_ZERO) + distance * difference - EXPI_ZERO_REST * math.exp(EXPI_ZERO) / EXPI_ZERO


# The levels of the continued fraction of exp(x) E_1(x) that have 16 digits from 1 on, and 12 digits.
LEVELS, FEWER_LEVELS = 90, 50


def _exp1(ops, x):
    """E_1(x) for x > 0."""

    def series(x):
        return -np.euler_gamma - ops.log(x) + x * polynomial(ops, NEAR_0, -x)

    def fraction(x):
        z = ops.where(x < math.inf, x, ops.full(x, 2.0))
        # x + 1/(1 + 1/(x + 2/(1 + 2/(x + ...)))), from below (DLMF 6.9.1): each step shrinks the rounding of the steps before it.
        denominator = z
        for n in range(LEVELS if ops.eps < 1e-15 else FEWER_LEVELS, 0, -1):
            denominator = z + n / (1.0 + n / denominator)
        return ops.where(x < math.inf, ops.exp(-z) / denominator, ops.full(x, 0.0))

    return ops.branch(x <= 1.0, series, fraction, x)


def expi(ops, x):

    def at_zero(x):
        return _expi_near_zero(ops, x)

    def by_sum(x):
        middle = (x > 0.0) & (x <= FAR)
        return _expi_by_sum(ops, ops.where(middle, x, ops.full(x, 1.0)), middle)

    def above(x):
        # exp(x) / x (1 + 1!/x + 2!/x^2 + ...), whose 40 terms fall for x > 40 (DLMF 6.12.2).
        asymptotic = polynomial(ops, _power_series(lambda k: float(math.factorial(k)), 40), 1.0 / x)
        # In two factors: exp(x) overflows before Ei(x) does.
        return ops.where(x < math.inf, ops.exp(x / 2.0) / x * asymptotic * ops.exp(x / 2.0), x)

    def positive(x):
        beside_zero = absolute(ops, x - EXPI_ZERO) < 0.2
        return ops.branch(beside_zero, at_zero, lambda x: ops.branch(x <= FAR, by_sum, above, x), x)

    value = ops.branch(x < 0.0, lambda x: -_exp1(ops, -x), positive, x)
    return ops.where((x > 0.0) | (x < 0.0), value, ops.where(x == 0.0, ops.full(x, -math.inf), x))


def exp1(ops, x):
    """E_1(x); NaN for negative x, as in JAX."""
    return ops.where(x < 0.0, ops.full(x, math.nan), -expi(ops, -x))


def _expn_below_0(ops, n, x, active):
    """E_n(x) for a negative n, from E_0(x): x E_{n-1}(x) = exp(-x) - (n - 1) E_n(x) (DLMF 8.19.12). No term is negative."""

    def going(n, x, k, value, unfinished):
        return unfinished & (k < -n) & (k < MOST_STEPS)

    def step(n, x, k, value, unfinished):
        return k + 1.0, (ops.exp(-x) + (k + 1.0) * value) / x, unfinished

    return ops.loop(going, step, [n, x], [ops.full(x, 0.0), ops.exp(-x) / x, active])[1]


def expn(ops, n, x):
    """E_n(x), for an integer n and x >= 0. The derivative of E_0 is -E_{-1}."""
    near, far = (x > 0.0) & (x <= 1.0), (x > 1.0) & (x < math.inf)
    order = ops.where(n > 0.0, n, ops.full(x, 1.0))
    z = ops.where(near, x, ops.full(x, 1.0))
    logarithm = ops.digamma(order) - ops.log(z)
    # The sum of -(-x)^k / ((k - n + 1) k!), but for k = n - 1 (DLMF 8.19.8).
    total, term = ops.full(x, 0.0), ops.full(x, 1.0)
    for k in range(24):
        term = term * (-z / k) if k else term
        own = order == k + 1.0
        total = total + ops.where(own, term * logarithm, -term / ops.where(own, ops.full(x, 1.0), k + 1.0 - order))
    # For a larger n that term is below the last digit.
    z = ops.where(far, x, ops.full(x, 2.0))
    value = ops.where(near, total, ops.exp(-z) * _fraction_of_expn(ops, order, z, far))
    value = ops.where(x == 0.0, ops.where(n > 1.0, 1.0 / (order - 1.0), ops.full(x, math.inf)), value)
    value = ops.where(n == 0.0, ops.exp(-x) / x, value)
    low = (n < 0.0) & (x > 0.0) & (x < math.inf)
    value = ops.where(low, _expn_below_0(ops, n, ops.where(low, x, ops.full(x, 1.0)), low), value)
    value = ops.where(x == math.inf, ops.full(x, 0.0), value)
    possible = (n >= -MOST_STEPS) & (x >= 0.0) & (n == ops.floor(n)) & (n < math.inf)
    return ops.where(possible, value, ops.full(x, math.nan))


# ---------------------------------------------------------------------------------------------------------------------
# Sine, cosine and Fresnel integrals: below a border power series, above it one fraction of complex numbers for both


def _complex_fraction(ops, real, imaginary, increment: float, coefficient, active):
    """The real and imaginary part of 1/(b + a_1/(b + increment + a_2/(b + 2 increment + ...))), b = real + i imaginary, as a sum of
    differences of its convergents (J. Steed; W. Gautschi, SIAM Review 9, 1967)."""

    def inverse(re, im):
        size = re * re + im * im
        return re / size, -im / size

    # The loop ends after two steps that change nothing: one difference may be 0 by chance.
    def going(imaginary, n, *state):
        return (state[-1] | state[-2]) & (n < MOST_STEPS)

    def step(imaginary, n, b, dr, di, tr, ti, hr, hi, _, moved_last):
        n, b = n + 1.0, b + increment
        a = coefficient(n)
        nr, ni = inverse(a * dr + b, a * di + imaginary)
        fr, fi = -a * (dr * nr - di * ni), -a * (dr * ni + di * nr)
        tr, ti = tr * fr - ti * fi, tr * fi + ti * fr
        hr, hi = hr + tr, hi + ti
        moved = (absolute(ops, tr) > ops.eps * absolute(ops, hr)) | (absolute(ops, ti) > ops.eps * absolute(ops, hi))
        return n, b, nr, ni, tr, ti, hr, hi, moved_last, moved

    first = inverse(real, imaginary)
    state = [ops.full(real, 0.0), real, *first, *first, *first, active, active]
    return ops.loop(going, step, [imaginary], state)[6:8]


BORDER = 4.0
SINE = _power_series(lambda k: (-1) ** k / ((2 * k + 1) * math.factorial(2 * k + 1)), 18)
COSINE = _power_series(lambda k: (-1) ** (k + 1) / ((2 * k + 2) * math.factorial(2 * k + 2)), 18)


# The zeros of Ci below the border: each is the sum of a float64 and what its rounding lost.
ZEROS = ((0.6165054856207163, -4.209920321433186e-17), (3.3841804225511862, 1.972125462363411e-16))


def _beside_a_zero(ops, x, value):
    """Ci(x), from `value`; beside a zero z, where the value has lost digits, log(x / z) and the difference of the two series."""
    first = x < 2.0
    zero, missing = [ops.where(first, ops.full(x, a), ops.full(x, b)) for a, b in zip(*ZEROS)]
    distance = (x - zero) - missing
    beside = absolute(ops, distance) < 0.25
    distance = ops.where(beside, distance, ops.full(x, 0.0))
    place, square = zero + distance, zero * zero
    # The series is a polynomial of the square: its divided difference between the two squares.
    other, total, difference = place * place, ops.full(x, 0.0), ops.full(x, 0.0)
    for c in (*COSINE, 0.0):
        difference, total = difference * other + total, total * square + c
    return ops.where(beside, ops.log1p(distance / zero) + distance * (zero + place) * difference, value)


def _sine_and_cosine_integral(ops, x):
    """(Si(|x|), Ci(|x|)) (DLMF 6.6.5, 6.6.6, 6.9.1)"""
    x = absolute(ops, x)
    near = ops.where(x <= BORDER, x, ops.full(x, 1.0))
    square = near * near
    si = near * polynomial(ops, SINE, square)
    ci = _beside_a_zero(ops, near, np.euler_gamma + ops.log(near) + square * polynomial(ops, COSINE, square))
    far = ops.where((x > BORDER) & (x < math.inf), x, ops.full(x, 2 * BORDER))
    # E_1(i x) = exp(-i x) times the fraction = -Ci(x) + i (Si(x) - pi/2).
    hr, hi = _complex_fraction(ops, ops.full(x, 1.0), far, 2.0, lambda n: -n * n, x > BORDER)
    sine, cosine = ops.sin(far), ops.cos(far)
    beyond = x > BORDER
    si = ops.where(beyond, math.pi / 2 + (hi * cosine - hr * sine), si)
    ci = ops.where(beyond, -(hr * cosine + hi * sine), ci)
    si = ops.where(x == math.inf, ops.full(x, math.pi / 2), si)
    return si, ops.where(x == math.inf, ops.full(x, 0.0), ci)


def si(ops, x):
    value = _sine_and_cosine_integral(ops, x)[0]
    # Zeros keep their sign, and NaN stays.
    return ops.where(x == x, ops.where(x == 0.0, x, ops.where(x < 0.0, -value, value)), x)


def ci(ops, x):
    value = _sine_and_cosine_integral(ops, x)[1]
    return ops.where(x > -math.inf, value, ops.full(x, math.nan))


FRESNEL_SINE = _power_series(lambda k: (-1) ** k / ((4 * k + 3) * math.factorial(2 * k + 1)), 18)
FRESNEL_COSINE = _power_series(lambda k: (-1) ** k / ((4 * k + 1) * math.factorial(2 * k)), 18)
FRESNEL_BORDER = 1.5


# The upper half of a double's digits: T. J. Dekker, "A floating-point technique for extending the available precision" (1971).
SPLITTER = 2.0**27 + 1


def _turn(ops, x):
    """x^2 modulo 4, between -2 and 2, made of parts that are exact: pi x^2 / 2 would lose the digits behind the point. It is 0 from
    2^54 on, where x is a multiple of 4."""
    x = ops.where(absolute(ops, x) < 2.0**54, x, ops.full(x, 0.0))
    scaled = SPLITTER * x
    upper = scaled - (scaled - x)
    lower = x - upper
    turn = ops.full(x, 0.0)
    for part in (upper * upper, 2.0 * upper * lower, lower * lower):
        turn = turn + (part - 4.0 * ops.floor(part / 4.0 + 0.5))
    return turn - 4.0 * ops.floor(turn / 4.0 + 0.5)


def _sine_of_quarters(ops, x, quarters):
    """sin(pi / 2 quarters) for -1 <= quarters <= 1; NaN for an infinite x."""
    return ops.where(absolute(ops, x) < math.inf, ops.sin(math.pi / 2 * quarters), ops.full(x, math.nan))


def fresnel_s_slope(ops, x):
    """sin(pi x^2 / 2)"""
    turn = _turn(ops, x)
    turn = ops.where(turn > 1.0, 2.0 - turn, ops.where(turn < -1.0, -2.0 - turn, turn))
    return _sine_of_quarters(ops, x, turn)


def fresnel_c_slope(ops, x):
    """cos(pi x^2 / 2)"""
    return _sine_of_quarters(ops, x, 1.0 - absolute(ops, _turn(ops, x)))


def _fresnel(ops, x):
    """(S(x), C(x)) (DLMF 7.6.4, 7.6.6, 7.9.2 of a complex argument)"""
    size = absolute(ops, x)
    near = ops.where(size <= FRESNEL_BORDER, size, ops.full(x, 1.0))
    angle = near * near * (math.pi / 2)
    s = near * angle * polynomial(ops, FRESNEL_SINE, angle * angle)
    c = near * polynomial(ops, FRESNEL_COSINE, angle * angle)
    # Beyond 1e8 the two are 1/2 to the last digit.
    beyond = (size > FRESNEL_BORDER) & (size < 1e8)
    far = ops.where(beyond, size, ops.full(x, 2 * FRESNEL_BORDER))
    hr, hi = _complex_fraction(
        ops, ops.full(x, 1.0), -math.pi * far * far, 4.0, lambda n: -(2.0 * n - 1.0) * (2.0 * n), beyond
    )
    # C + i S = (1 + i)/2 (1 - exp(i pi x^2 / 2) (1 - i) x h)
    hr, hi = far * (hr + hi), far * (hi - hr)
    cosine, sine = fresnel_c_slope(ops, far), fresnel_s_slope(ops, far)
    re, im = 1.0 - (cosine * hr - sine * hi), -(cosine * hi + sine * hr)
    s = ops.where(beyond, 0.5 * (re + im), s)
    c = ops.where(beyond, 0.5 * (re - im), c)
    s, c = (ops.where(size >= 1e8, ops.full(x, 0.5), value) for value in (s, c))
    return [ops.where(x == x, ops.where(x < 0.0, -value, value), x) for value in (s, c)]


def fresnel_s(ops, x):
    return _fresnel(ops, x)[0]


def fresnel_c(ops, x):
    return _fresnel(ops, x)[1]


# ---------------------------------------------------------------------------------------------------------------------
# The dilogarithm

DILOGARITHM = _power_series(lambda k: 1 / (k + 1) ** 2, 56)


def spence(ops, x):
    """Li_2(1 - x), brought to 1 - x in [-1/2, 1/2] by inversion and reflection (DLMF 25.12.4 and 6), where it is a sum."""
    inside = (x > 0.0) & (x < math.inf)
    given = ops.where(inside, x, ops.full(x, 1.0))
    inverted = given > 1.5
    w = ops.where(inverted, 1.0 / given, given)
    reflected = w < 0.5
    v = ops.where(reflected, w, ops.full(x, 0.5))
    y = ops.where(reflected, 1.0 - w, w)
    value = (1.0 - y) * polynomial(ops, DILOGARITHM, 1.0 - y)
    # The product is 0 where v is below TINY: there XLA may take v for 0.
    value = ops.where(reflected, math.pi**2 / 6 - ops.log(v + TINY) * ops.log1p(-v) - value, value)
    logarithm = ops.log(given)
    value = ops.where(inverted, -0.5 * logarithm * logarithm - value, value)
    # At 0, and for a number that XLA takes for 0 since it is so small, the limit; NaN stays.
    ends = ops.where(x < 0.0, ops.full(x, math.nan), ops.where(x < math.inf, ops.full(x, math.pi**2 / 6), -x))
    return ops.where(inside, value, ends)


# ---------------------------------------------------------------------------------------------------------------------
# Rows


def _slope(numerator, limit: float):
    """numerator(x) / x, and the limit at x = 0."""

    def jvp(g, ans, x):
        at_zero = eq_p.bind(x, const(x, 0))
        safe = select(at_zero, full(x.shape, 1, x.dtype, x.weak_type), x)
        value = div_p.bind(numerator(safe), safe)
        return mul_p.bind(g, select(at_zero, full(x.shape, limit, x.dtype, x.weak_type), value))

    return jvp


def _spence_jvp(g, ans, x):
    """log(x) / (1 - x), which is -1 at x = 1. x - 1 is exact from 1/2 on; below, x has digits that x - 1 has not."""
    near_0 = lt_p.bind(x, const(x, 0.5))
    half, one = (full(x.shape, number, x.dtype, x.weak_type) for number in (0.5, 1))
    small, other = select(near_0, x, half), select(near_0, one, x)
    below = div_p.bind(log_p.bind(small), sub_p.bind(const(x, 1), small))
    above = _slope(lambda y: neg_p.bind(log1p_p.bind(y)), -1)(g, ans, sub_p.bind(other, const(x, 1)))
    return select(near_0, mul_p.bind(g, below), above)


def _by_angle(sign: float, other):
    """The derivative of the sine or the cosine of pi x^2 / 2: sign pi x times the other one."""
    return lambda g, ans, x: mul_p.bind(g, mul_p.bind(mul_p.bind(const(x, sign * math.pi), x), other().bind(x)))


def _by_order(g, ans, n, x):
    raise ValueError("The gradient of expn with respect to n is not supported.")


def _expn_jvp(g, ans, n, x):
    return neg_p.bind(mul_p.bind(g, expn_p.bind(sub_p.bind(n, const(get_aval(n), 1)), x)))


expi_p = row(expi, [lambda g, ans, x: mul_p.bind(g, div_p.bind(exp_p.bind(x), x))], **STRONG)
exp1_p = row(exp1, [lambda g, ans, x: neg_p.bind(mul_p.bind(g, div_p.bind(exp_p.bind(neg_p.bind(x)), x)))], **STRONG)
expn_p = row(expn, [_by_order, _expn_jvp], 2, **STRONG)
si_p = row(si, [_slope(sin_p.bind, 1)], **STRONG)
ci_p = row(ci, [lambda g, ans, x: mul_p.bind(g, div_p.bind(cos_p.bind(x), x))], **STRONG)
fresnel_s_slope_p = row(fresnel_s_slope, [_by_angle(1, lambda: fresnel_c_slope_p)], **STRONG)
fresnel_c_slope_p = row(fresnel_c_slope, [_by_angle(-1, lambda: fresnel_s_slope_p)], **STRONG)
fresnel_s_p = row(fresnel_s, [lambda g, ans, x: mul_p.bind(g, fresnel_s_slope_p.bind(x))], **STRONG)
fresnel_c_p = row(fresnel_c, [lambda g, ans, x: mul_p.bind(g, fresnel_c_slope_p.bind(x))], **STRONG)
spence_p = row(spence, [_spence_jvp], **STRONG)
