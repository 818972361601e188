"""The hypergeometric functions `hyp1f1` and `hyp2f1`, and their derivatives by the parameters, as rows.

Every sum adds terms t_k, each a multiple of the term before it. The parameters may be jets (`jets.py`): then one loop adds the sum
and its derivatives by one or two parameters. (NIST Digital Library of Mathematical Functions, DLMF, chapters 13
and 15.)
"""

from __future__ import annotations

import math

from . import jets
from .algorithms import MOST_STEPS, STRONG, absolute, row
from .arithmetic import add_p, div_p, mul_p
from .basis import const
from .elementwise import sub_p


def _sums(ops, ratio, given, active):
    """The sum of t_0 = 1, t_{k+1} = t_k r_k, where `active`. ratio: (k, the numbers and jets that are given) -> r_k."""
    count = len(given)

    def going(*numbers):
        return numbers[-1] & (numbers[count] < MOST_STEPS)

    def step(*numbers):
        k, term, total, _ = numbers[count:]
        term = term * ratio(k, *numbers[:count])
        total = total + term
        return k + 1.0, term, total, jets.counts(ops, term, total)

    zero = ops.full(jets.value(given[0]), 0.0)
    one = jets.jet(zero + 1.0)
    return jets.loop(ops, going, step, given, [zero, one, one, active])[2]


def _derivative(algorithm, s: int, t: int | None = None):
    """The derivative of an algorithm of jets by its s-th number, or by that and its t-th, as an algorithm of numbers."""

    def derivative(ops, *args):
        found = algorithm(ops, *jets.seeded(ops, args[:-1], s, t), args[-1])
        return found.parts[1 if t is None else 3]

    return derivative


def _second(name: str, algorithm, i: int, j: int, arity: int):
    """The rule of the derivative by the j-th parameter of that by the i-th: a row of its own, of all numbers."""
    derivative = _derivative(algorithm, i, j)
    derivative.__name__ = f"{name}_by_{'abc'[i]}_and_{'abc'[j]}"
    primitive = row(derivative, [_absent(name)] * arity, arity, **STRONG)
    return lambda g, ans, *args: mul_p.bind(g, primitive.bind(*args))


def _absent(name: str):
    def refuse(g, ans, *args):
        raise NotImplementedError(
            f"{name} has no third derivative with two by its parameters: differentiate it by x, the last argument."
        )

    return refuse


# ---------------------------------------------------------------------------------------------------------------------
# 1F1


def _kummer(ops, a, b, x):
    """The jet of M(a, b, x). For x < 0 by exp(x) M(b - a, b, -x) (DLMF 13.2.39), whose terms are positive for b > a > 0; else
    digits would cancel. They do not where 1 is the largest term by far."""
    few = (absolute(ops, jets.value(a) * x) < 0.25 * absolute(ops, jets.value(b))) & (absolute(ops, x) < 0.25)
    a, b = jets.jet(a), jets.jet(b)
    negative = (x < 0.0) & ~few
    p, z = jets.where(ops, negative, b - a, a), ops.where(negative, -x, x)

    def ratio(k, p, b, z):
        return (p + k) * z / ((b + k) * (k + 1.0))

    total = _sums(ops, ratio, [p, b, z], z == z)
    return total * ops.where(negative, ops.exp(ops.where(negative, x, ops.full(x, 0.0))), ops.full(x, 1.0))


def hyp1f1(ops, a, b, x):
    value = jets.value(_kummer(ops, a, b, x))
    value = ops.where(a == b, ops.exp(x), ops.where(b == 0.0, ops.full(x, math.inf), value))
    # The sum of a NaN has no terms.
    value = ops.where(x == x, value, x)
    return ops.where(a == 0.0, ops.full(x, 1.0), value)


def hyp1f1_by_a(ops, a, b, x):
    return _derivative(_kummer, 0)(ops, a, b, x)


def hyp1f1_by_b(ops, a, b, x):
    return _derivative(_kummer, 1)(ops, a, b, x)


def _one_more(*args):
    return [add_p.bind(x, const(x, 1)) for x in args]


def _by_x_1f1(a, b, x):
    """d/dx M(a, b, x) = a/b M(a + 1, b + 1, x) (DLMF 13.3.15)."""
    return mul_p.bind(div_p.bind(a, b), hyp1f1_p.bind(*_one_more(a, b), x))


def _by_a_and_x_1f1(g, ans, a, b, x):
    up = _one_more(a, b)
    value = div_p.bind(hyp1f1_p.bind(*up, x), b)
    return mul_p.bind(g, add_p.bind(value, mul_p.bind(div_p.bind(a, b), hyp1f1_by_a_p.bind(*up, x))))


def _by_b_and_x_1f1(g, ans, a, b, x):
    up = _one_more(a, b)
    value = div_p.bind(hyp1f1_p.bind(*up, x), b)
    return mul_p.bind(g, mul_p.bind(div_p.bind(a, b), sub_p.bind(hyp1f1_by_b_p.bind(*up, x), value)))


hyp1f1_p = row(
    hyp1f1,
    [
        lambda g, ans, a, b, x: mul_p.bind(g, hyp1f1_by_a_p.bind(a, b, x)),
        lambda g, ans, a, b, x: mul_p.bind(g, hyp1f1_by_b_p.bind(a, b, x)),
        lambda g, ans, a, b, x: mul_p.bind(g, _by_x_1f1(a, b, x)),
    ],
    3,
    **STRONG,
)
_by_aa, _by_ab, _by_bb = [_second("hyp1f1", _kummer, i, j, 3) for i, j in ((0, 0), (0, 1), (1, 1))]
hyp1f1_by_a_p = row(hyp1f1_by_a, [_by_aa, _by_ab, _by_a_and_x_1f1], 3, **STRONG)
hyp1f1_by_b_p = row(hyp1f1_by_b, [_by_ab, _by_bb, _by_b_and_x_1f1], 3, **STRONG)


# ---------------------------------------------------------------------------------------------------------------------
# 2F1

# The power series around 0 is summed up to here. From here on the function is continued towards 1, in steps of a quarter of the
# distance to 1: a Taylor series around each place, whose coefficients the differential equation gives. So no case of the parameters
# is special, unlike in the formulas that connect 0 with 1.
NEAR = 0.5
# A step of a quarter of the radius of convergence gains two bits with each coefficient.
COEFFICIENTS = 64


def _at_zero(ops, a, b, c, z, active):
    def ratio(k, a, b, c, z):
        return (a + k) * (b + k) * (z / (k + 1.0) / (c + k))

    return _sums(ops, ratio, [a, b, c, z], active)


def _continued(ops, a, b, c, z, start, slope, active):
    """F at z, from its value and its slope by z at NEAR.

    With w(p + h) = sum u_n h^n, the equation z(1-z) w'' + (c - (a+b+1) z) w' = ab w (DLMF 15.10.1) says
    p(1-p)(n+2)(n+1) u_{n+2} = (n+a)(n+b) u_n - (n+1)((1-2p) n + c - (a+b+1) p) u_{n+1}.
    """

    def going(a, b, c, z, active, p, total, slope):
        return active & (p < z)

    def step(a, b, c, z, active, p, total, slope):
        half = p + (1.0 - p) * 0.25
        # The last step ends at z.
        h = ops.where(half > z, z - p, (1.0 - p) * 0.25)
        ahead = ops.where(half > z, z, half)
        u, v = total, slope * h
        total, steep = u + v, v
        for n in range(COEFFICIENTS):
            scale = h / (p * (1.0 - p) * ((n + 2.0) * (n + 1.0)))
            right = ((1.0 - 2.0 * p) * n + c - (a + b + 1.0) * p) * (n + 1.0)
            u, v = v, ((a + n) * (b + n) * u * h - right * v) * scale
            total, steep = total + v, steep + v * (n + 2.0)
        return ahead, total, steep / h

    return jets.loop(ops, going, step, [a, b, c, z, active], [ops.full(z, NEAR), start, slope])[1]


def _gauss(ops, a, b, c, z):
    """F(a, b; c; z) for 0 <= z < 1. For c < a + b and z > NEAR as (1 - z)^d F(c-a, c-b; c; z), d = c - a - b (DLMF 15.8.1): the
    second factor stays finite at 1."""
    steep = (jets.value(c) < jets.value(a + b)) & (z > NEAR)
    p, q = jets.where(ops, steep, c - a, a), jets.where(ops, steep, c - b, b)
    log = ops.where(steep, ops.log1p(-ops.where(steep, z, ops.full(z, 0.0))), ops.full(z, 0.0))
    return _regular(ops, p, q, c, z) * jets.exp(ops, (c - a - b) * log)


def _regular(ops, a, b, c, z):
    far = z > NEAR
    place = ops.where(far, ops.full(z, NEAR), z)
    start = _at_zero(ops, a, b, c, place, z == z)
    # F' = ab/c F(a+1, b+1; c+1; z) (DLMF 15.5.1).
    slope = _at_zero(ops, a + 1.0, b + 1.0, c + 1.0, place, z == z) * (a * b / c)
    continued = _continued(ops, a, b, c, z, start, slope, far & (z < 1.0))
    return jets.where(ops, far, continued, start)


def _by_pfaff(ops, a, b, c, x):
    """The jet of F(a, b; c; x), for x < 0 by (1 - x)^-a F(a, c - b; c; x / (x - 1)) (DLMF 15.8.1), so that the argument lies
    between 0 and 1."""
    a, b, c = map(jets.jet, (a, b, c))
    negative = x < 0.0
    below = ops.where(negative, x, ops.full(x, 0.0))
    z = ops.where(negative, below / (below - 1.0), ops.where(x < 1.0, x, ops.full(x, 0.0)))
    found = _gauss(ops, a, jets.where(ops, negative, c - b, b), c, z)
    return found * jets.exp(ops, -a * ops.log1p(-below))


def _sign_of_gamma(ops, x):
    """The sign of gamma(x): below 0 it changes at every integer."""
    half = ops.floor(x) * 0.5
    odd = (x < 0.0) & (half > ops.floor(half))
    return ops.where(odd, ops.full(x, -1.0), ops.full(x, 1.0))


def _at_one(ops, a, b, c):
    """gamma(c) gamma(c-a-b) / (gamma(c-a) gamma(c-b)) for c > a + b (DLMF 15.4.20), else infinity."""
    d = c - a - b
    signs = _sign_of_gamma(ops, c) * _sign_of_gamma(ops, c - a) * _sign_of_gamma(ops, c - b)
    log = ops.lgamma(c) + ops.lgamma(d) - ops.lgamma(c - a) - ops.lgamma(c - b)
    return ops.where(d > 0.0, signs * ops.exp(log), ops.full(d, math.inf))


def _whole_below(ops, x):
    return (x <= 0.0) & (ops.floor(x) == x)


def _sum_of_numbers(ops, a, b, c, x, active):
    return jets.value(_at_zero(ops, *map(jets.jet, (a, b, c)), x, active))


def _by_euler(ops, a, b, c, x):
    """(1 - x)^(c-a-b) F(c - a, c - b; c; x) (DLMF 15.8.1) for x > 1, where c - a or c - b ends the sum and the power is real."""
    d, ends = c - a - b, _whole_below(ops, c - a) | _whole_below(ops, c - b)
    applies = ends & (ops.floor(d) == d) & (x > 1.0)
    odd = ops.floor(d * 0.5) * 2.0 < d
    power = ops.exp(d * ops.log(ops.where(x > 1.0, x - 1.0, ops.full(x, 1.0))))
    total = _sum_of_numbers(ops, c - a, c - b, c, x, applies)
    return applies, ops.where(odd, -power, power) * total


def hyp2f1(ops, a, b, c, x):
    value = jets.value(_by_pfaff(ops, a, b, c, x))
    by_euler, beyond = _by_euler(ops, a, b, c, x)
    value = ops.where(x == 1.0, _at_one(ops, a, b, c), ops.where(x > 1.0, ops.full(x, math.inf), value))
    value = ops.where(by_euler, beyond, value)
    # A sum with finitely many terms holds everywhere.
    finite = _whole_below(ops, a) | _whole_below(ops, b)
    value = ops.where(finite, _sum_of_numbers(ops, a, b, c, x, finite), value)
    value = ops.where(_whole_below(ops, c), ops.full(x, math.inf), value)
    known = (a == a) & (b == b) & (c == c) & (x == x)
    value = ops.where(known, value, ops.full(x, math.nan))
    return ops.where((x == 0.0) | ((a == 0.0) | (b == 0.0)) & ~(c == 0.0), ops.full(x, 1.0), value)


# From here on Stirling's series gives log(gamma) to the last place.
LARGE = 12.0
STIRLING = 1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360


def _parts_of_gamma(ops, x):
    """(P, L), jets with 1/gamma(x) = P exp(-L), for any number x: P is the product x (x + 1) ..., which is 0 where gamma has a
    pole, up to a number that is LARGE, and L the log(gamma) of this number (DLMF 5.5.1 and 5.11.1)."""

    def going(x, k, product):
        return (jets.value(x) + k < LARGE) & (k < MOST_STEPS)

    def step(x, k, product):
        return k + 1.0, product * (x + k)

    one = ops.full(jets.value(x), 1.0)
    k, product = jets.loop(ops, going, step, [x], [one - one, jets.jet(one)])
    y = x + k
    over, series = 1.0 / y, jets.jet(one - one)
    for coefficient in reversed(STIRLING):
        series = series * (over * over) + coefficient
    return product, (y - 0.5) * jets.log(ops, y) - y + 0.5 * math.log(2 * math.pi) + series * over


def _jet_at_one(ops, a, b, c, there):
    """The jet of `_at_one` for c > a + b, and anything where `there` is false."""
    a, b, c = (jets.where(ops, there, x, ops.full(jets.value(x), other)) for x, other in ((a, 0.0), (b, 0.0), (c, 1.0)))
    below = [_parts_of_gamma(ops, x) for x in (c - a, c - b)]
    above = [_parts_of_gamma(ops, x) for x in (c, c - a - b)]
    logs = above[0][1] + above[1][1] - below[0][1] - below[1][1]
    return below[0][0] / above[0][0] * (below[1][0] / above[1][0]) * jets.exp(ops, logs)


def _of_parameters(ops, a, b, c, x):
    """The jet of F(a, b; c; x) for every x: what `hyp2f1` does for the value alone. From 1 on, unless c > a + b at 1, only a sum
    with finitely many terms has derivatives: by the parameters that do not end it."""
    found = _by_pfaff(ops, a, b, c, x)
    a, b, c = map(jets.jet, (a, b, c))
    finite = x != x
    for p in (a, b):
        if p.parts[1] is None and p.parts[2] is None:
            finite = finite | _whole_below(ops, p.parts[0])
    at_one = (x == 1.0) & (jets.value(c - a - b) > 0.0)
    beyond = (x >= 1.0) & ~at_one
    total = _at_zero(ops, a, b, c, ops.where(beyond & finite, x, x - x), beyond & finite)
    undefined = jets.Jet(*[None if part is None else ops.full(x, math.nan) for part in total.parts])
    found = jets.where(ops, beyond, jets.where(ops, finite, total, undefined), found)
    return jets.where(ops, at_one, _jet_at_one(ops, a, b, c, at_one), found)


def hyp2f1_by_a(ops, a, b, c, x):
    return _derivative(_of_parameters, 0)(ops, a, b, c, x)


def hyp2f1_by_c(ops, a, b, c, x):
    return _derivative(_of_parameters, 2)(ops, a, b, c, x)


def _by_x_2f1(a, b, c, x):
    """d/dx F(a, b; c; x) = ab/c F(a + 1, b + 1; c + 1; x) (DLMF 15.5.1)."""
    return mul_p.bind(div_p.bind(mul_p.bind(a, b), c), hyp2f1_p.bind(*_one_more(a, b, c), x))


def _by_a_and_x_2f1(g, ans, a, b, c, x):
    up = _one_more(a, b, c)
    slope = mul_p.bind(div_p.bind(b, c), hyp2f1_p.bind(*up, x))
    rest = mul_p.bind(div_p.bind(mul_p.bind(a, b), c), hyp2f1_by_a_p.bind(*up, x))
    return mul_p.bind(g, add_p.bind(slope, rest))


def _by_c_and_x_2f1(g, ans, a, b, c, x):
    up = _one_more(a, b, c)
    change = sub_p.bind(hyp2f1_by_c_p.bind(*up, x), div_p.bind(hyp2f1_p.bind(*up, x), c))
    return mul_p.bind(g, mul_p.bind(div_p.bind(mul_p.bind(a, b), c), change))


hyp2f1_p = row(
    hyp2f1,
    [
        lambda g, ans, a, b, c, x: mul_p.bind(g, hyp2f1_by_a_p.bind(a, b, c, x)),
        lambda g, ans, a, b, c, x: mul_p.bind(g, hyp2f1_by_a_p.bind(b, a, c, x)),
        lambda g, ans, a, b, c, x: mul_p.bind(g, hyp2f1_by_c_p.bind(a, b, c, x)),
        lambda g, ans, a, b, c, x: mul_p.bind(g, _by_x_2f1(a, b, c, x)),
    ],
    4,
    **STRONG,
)
_by_aa, _by_ab, _by_ac, _by_cc = [
    _second("hyp2f1", _of_parameters, i, j, 4) for i, j in ((0, 0), (0, 1), (0, 2), (2, 2))
]
# F is symmetric in a and b.
_by_bc = lambda g, ans, a, b, c, x: _by_ac(g, ans, b, a, c, x)
hyp2f1_by_a_p = row(hyp2f1_by_a, [_by_aa, _by_ab, _by_ac, _by_a_and_x_2f1], 4, **STRONG)
hyp2f1_by_c_p = row(hyp2f1_by_c, [_by_ac, _by_bc, _by_cc, _by_c_and_x_2f1], 4, **STRONG)
