"""The hypergeometric functions `hyp1f1` and `hyp2f1`, and their derivatives by the parameters, as rows.

Every sum adds terms t_k, each a multiple of the term before it. The derivatives of a term by the parameters follow from those of
the term before, so one loop adds the sum and its derivatives. (NIST Digital Library of Mathematical Functions, DLMF, chapters 13
and 15.)
"""

from __future__ import annotations

import math

from .algorithms import EPS, MOST_STEPS, STRONG, absolute, row
from .arithmetic import add_p, div_p, mul_p
from .basis import const
from .elementwise import sub_p


def _settled(term, total):
    return (term <= EPS * total) & (term >= -EPS * total) | (term <= -EPS * total) & (term >= EPS * total)


def _sums(ops, ratio, count: int, x, active, derivatives: bool):
    """The sum of t_0 = 1, t_{k+1} = t_k r_k, and with `derivatives` its derivatives by the `count` parameters.

    ratio: k -> (r_k, [the derivative of log r_k by each parameter, times r_k]).
    """
    n = count if derivatives else 0

    def going(k, *state):
        return (state[-1] > 0.0) & (k < MOST_STEPS)

    def step(k, *state):
        terms, totals = state[: n + 1], state[n + 1 : 2 * n + 2]
        r, slopes = ratio(k)
        new = [terms[0] * r, *[t * r + terms[0] * s for t, s in zip(terms[1:], slopes)]]
        totals = [total + t for total, t in zip(totals, new)]
        settled = _settled(new[0], totals[0])
        for t, total in zip(new[1:], totals[1:]):
            settled = settled & _settled(t, total)
        return k + 1.0, *new, *totals, ops.where(settled, ops.full(x, 0.0), ops.full(x, 1.0))

    one, zero = ops.full(x, 1.0), ops.full(x, 0.0)
    start = [one, *[zero] * n]
    state = ops.loop(going, step, [zero, *start, *start, ops.where(active, one, zero)])
    return state[n + 2 : 2 * n + 3]


# ---------------------------------------------------------------------------------------------------------------------
# 1F1


def _kummer(ops, a, b, x, derivatives: bool):
    """M(a, b, x), and its derivatives by a and b. For x < 0 by exp(x) M(b - a, b, -x) (DLMF 13.2.39), whose terms are positive for
    b > a > 0; else digits would cancel."""
    negative = x < 0.0
    p, z = ops.where(negative, b - a, a), absolute(ops, x)

    def ratio(k):
        shared = z / (k + 1.0) / (b + k)
        r = (p + k) * shared
        return r, [shared, -r / (b + k)]

    sums = _sums(ops, ratio, 2, x, z == z, derivatives)
    scale = ops.where(negative, ops.exp(ops.where(negative, x, ops.full(x, 0.0))), ops.full(x, 1.0))
    sums = [s * scale for s in sums]
    if not derivatives:
        return sums
    value, by_p, by_b = sums
    return value, ops.where(negative, -by_p, by_p), ops.where(negative, by_p + by_b, by_b)


def hyp1f1(ops, a, b, x):
    value = _kummer(ops, a, b, x, False)[0]
    value = ops.where(a == b, ops.exp(x), ops.where(b == 0.0, ops.full(x, math.inf), value))
    # The sum of a NaN has no terms.
    value = ops.where(x == x, value, x)
    return ops.where(a == 0.0, ops.full(x, 1.0), value)


def hyp1f1_by_a(ops, a, b, x):
    return _kummer(ops, a, b, x, True)[1]


def hyp1f1_by_b(ops, a, b, x):
    return _kummer(ops, a, b, x, True)[2]


def _one_more(*args):
    return [add_p.bind(x, const(x, 1)) for x in args]


def _by_x_1f1(a, b, x):
    """d/dx M(a, b, x) = a/b M(a + 1, b + 1, x) (DLMF 13.3.15)."""
    return mul_p.bind(div_p.bind(a, b), hyp1f1_p.bind(*_one_more(a, b), x))


def _absent(name: str):
    def refuse(g, ans, *args):
        raise NotImplementedError(
            f"{name} has no second derivative by its parameters: differentiate it by x, the last argument."
        )

    return refuse


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
hyp1f1_by_a_p = row(hyp1f1_by_a, [*[_absent("hyp1f1")] * 2, _by_a_and_x_1f1], 3, **STRONG)
hyp1f1_by_b_p = row(hyp1f1_by_b, [*[_absent("hyp1f1")] * 2, _by_b_and_x_1f1], 3, **STRONG)


# ---------------------------------------------------------------------------------------------------------------------
# 2F1

# The power series around 0 is summed up to here. From here on the function is continued towards 1, in steps of a quarter of the
# distance to 1: a Taylor series around each place, whose coefficients the differential equation gives. So no case of the parameters
# is special, unlike in the formulas that connect 0 with 1.
NEAR = 0.5
# A step of a quarter of the radius of convergence gains two bits with each coefficient.
COEFFICIENTS = 64


def _at_zero(ops, a, b, c, z, active, derivatives: bool):
    def ratio(k):
        shared = z / (k + 1.0) / (c + k)
        r = (a + k) * (b + k) * shared
        return r, [(b + k) * shared, (a + k) * shared, -r / (c + k)]

    return _sums(ops, ratio, 3, z, active, derivatives)


def _slopes_at(ops, a, b, c, z, active, derivatives: bool):
    """The values and the derivatives by z of [F, and F's derivatives by a, b and c] at z: F' = ab/c F(a+1, b+1; c+1; z)."""
    values = _at_zero(ops, a, b, c, z, active, derivatives)
    above = _at_zero(ops, a + 1.0, b + 1.0, c + 1.0, z, active, derivatives)
    factor = a * b / c
    slopes = [factor * v for v in above]
    if derivatives:
        for i, s in enumerate((b / c, a / c, -factor / c)):
            slopes[i + 1] = slopes[i + 1] + s * above[0]
    return values, slopes


def _continued(ops, a, b, c, z, values, slopes, active):
    """The functions at z, from their values and slopes at NEAR.

    With w(p + h) = sum u_n h^n, the equation z(1-z) w'' + (c - (a+b+1) z) w' = ab w (DLMF 15.10.1) says
    p(1-p)(n+2)(n+1) u_{n+2} = (n+a)(n+b) u_n - (n+1)((1-2p) n + c - (a+b+1) p) u_{n+1}.
    """
    many = len(values)

    def going(p, *state):
        return active & (p < z)

    def step(p, *state):
        old, new = list(state[:many]), list(state[many:])
        half = p + (1.0 - p) * 0.25
        # The last step ends at z.
        h = ops.where(half > z, z - p, (1.0 - p) * 0.25)
        ahead = ops.where(half > z, z, half)
        u, v = old, [s * h for s in new]
        totals, steeps = [x + y for x, y in zip(u, v)], list(v)
        for n in range(COEFFICIENTS):
            scale = h / (p * (1.0 - p) * ((n + 2.0) * (n + 1.0)))
            left, right = (a + n) * (b + n), (n + 1.0) * ((1.0 - 2.0 * p) * n + c - (a + b + 1.0) * p)
            ahead_u = [left * x * h - right * y for x, y in zip(u, v)]
            if many > 1:
                by = ((b + n, (n + 1.0) * p), (a + n, (n + 1.0) * p), (0.0, -(n + 1.0)))
                for i, (of_left, of_right) in enumerate(by):
                    ahead_u[i + 1] = ahead_u[i + 1] + u[0] * of_left * h + v[0] * of_right
            u, v = v, [x * scale for x in ahead_u]
            totals = [x + y for x, y in zip(totals, v)]
            steeps = [x + y * (n + 2.0) for x, y in zip(steeps, v)]
        return ahead, *totals, *[s / h for s in steeps]

    return ops.loop(going, step, [ops.full(z, NEAR), *values, *slopes])[1 : many + 1]


def _gauss(ops, a, b, c, z, derivatives: bool):
    """F(a, b; c; z) for 0 <= z < 1, and its derivatives by a, b and c. For c < a + b and z > NEAR as (1 - z)^d F(c-a, c-b; c; z),
    d = c - a - b (DLMF 15.8.1): the second factor stays finite at 1."""
    steep = (c < a + b) & (z > NEAR)
    p, q = ops.where(steep, c - a, a), ops.where(steep, c - b, b)
    values = _regular(ops, p, q, c, z, derivatives)
    log = ops.where(steep, ops.log1p(-ops.where(steep, z, ops.full(z, 0.0))), ops.full(z, 0.0))
    values = [v * ops.exp((c - a - b) * log) for v in values]
    if not derivatives:
        return values
    value, by_p, by_q, by_c = values
    return [
        value,
        ops.where(steep, -log * value - by_p, by_p),
        ops.where(steep, -log * value - by_q, by_q),
        ops.where(steep, log * value + by_p + by_q + by_c, by_c),
    ]


def _regular(ops, a, b, c, z, derivatives: bool):
    far = z > NEAR
    start = ops.where(far, ops.full(z, NEAR), z)
    values, slopes = _slopes_at(ops, a, b, c, start, z == z, derivatives)
    continued = _continued(ops, a, b, c, z, values, slopes, far & (z < 1.0))
    return [ops.where(far, x, y) for x, y in zip(continued, values)]


def _by_pfaff(ops, a, b, c, x, derivatives: bool):
    """For x < 0 by (1 - x)^-a F(a, c - b; c; x / (x - 1)) (DLMF 15.8.1), so that the argument lies between 0 and 1."""
    negative = x < 0.0
    below = ops.where(negative, x, ops.full(x, 0.0))
    z = ops.where(negative, below / (below - 1.0), ops.where(x < 1.0, x, ops.full(x, 0.0)))
    values = _gauss(ops, a, ops.where(negative, c - b, b), c, z, derivatives)
    log = ops.log1p(-below)
    values = [v * ops.exp(-a * log) for v in values]
    if not derivatives:
        return values
    value, by_a, by_b, by_c = values
    return (
        value,
        by_a - log * value,
        ops.where(negative, -by_b, by_b),
        ops.where(negative, by_b + by_c, by_c),
    )


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


def _by_euler(ops, a, b, c, x):
    """(1 - x)^(c-a-b) F(c - a, c - b; c; x) (DLMF 15.8.1) for x > 1, where c - a or c - b ends the sum and the power is real."""
    d, ends = c - a - b, _whole_below(ops, c - a) | _whole_below(ops, c - b)
    applies = ends & (ops.floor(d) == d) & (x > 1.0)
    odd = ops.floor(d * 0.5) * 2.0 < d
    power = ops.exp(d * ops.log(ops.where(x > 1.0, x - 1.0, ops.full(x, 1.0))))
    total = _at_zero(ops, c - a, c - b, c, x, applies, False)[0]
    return applies, ops.where(odd, -power, power) * total


def hyp2f1(ops, a, b, c, x):
    value = _by_pfaff(ops, a, b, c, x, False)[0]
    by_euler, beyond = _by_euler(ops, a, b, c, x)
    value = ops.where(x == 1.0, _at_one(ops, a, b, c), ops.where(x > 1.0, ops.full(x, math.inf), value))
    value = ops.where(by_euler, beyond, value)
    # A sum with finitely many terms holds everywhere.
    finite = _whole_below(ops, a) | _whole_below(ops, b)
    value = ops.where(finite, _at_zero(ops, a, b, c, x, finite, False)[0], value)
    value = ops.where(_whole_below(ops, c), ops.full(x, math.inf), value)
    known = (a == a) & (b == b) & (c == c) & (x == x)
    value = ops.where(known, value, ops.full(x, math.nan))
    return ops.where((x == 0.0) | ((a == 0.0) | (b == 0.0)) & ~(c == 0.0), ops.full(x, 1.0), value)


def hyp2f1_by_a(ops, a, b, c, x):
    return _by_pfaff(ops, a, b, c, x, True)[1]


def hyp2f1_by_c(ops, a, b, c, x):
    return _by_pfaff(ops, a, b, c, x, True)[3]


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
hyp2f1_by_a_p = row(hyp2f1_by_a, [*[_absent("hyp2f1")] * 3, _by_a_and_x_2f1], 4, **STRONG)
hyp2f1_by_c_p = row(hyp2f1_by_c, [*[_absent("hyp2f1")] * 3, _by_c_and_x_2f1], 4, **STRONG)
