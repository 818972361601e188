"""Functions around the normal distribution: `erfcx`, which is exp(x^2) erfc(x); `ndtri`, the quantile; `dawsn`, Dawson's integral.

JAX composes them of other operations; here they are rows, so that every algorithm of special functions is of one kind.
"""

from __future__ import annotations

import math

from .algorithms import STRONG, absolute, polynomial, row
from .basis import const
from .elementwise import add_p, mul_p, neg_p, sub_p

# exp(x^2) erfc(x) is a product below this x, and a continued fraction above, of so many levels (NIST Digital Library of
# Mathematical Functions, 7.9.2).
BORDER, LEVELS = 5.0, 40


# The root of 2 in two parts, of which the first has eight bits.
ROOT_HEAD, ROOT_REST = 1.4140625, 1.51062373095048801689e-4


def ndtr(ops, x):
    z = -x / math.sqrt(2)
    # erfc falls as exp(-z^2), which magnifies the rounding of z: a thousandfold for x = -30. Products with the heads are exact.
    head = ops.floor(z * 1024.0) / 1024.0
    rounding = ((x + ROOT_HEAD * head) + ROOT_HEAD * (z - head)) + ROOT_REST * z
    lost = ops.where((x < 0.0) & (x > -40.0), math.sqrt(2) * z * rounding, ops.full(x, 0.0))
    return 0.5 * ops.erfc(z) * (1.0 + lost)


def normal_density(ops, x):
    return ops.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def erfcx(ops, x):
    def far(x):
        fraction = x
        for n in range(LEVELS, 0, -1):
            fraction = x + 0.5 * n / fraction
        return 1.0 / (math.sqrt(math.pi) * fraction)

    def near(x):
        x = ops.where(x < -30.0, ops.full(x, -30.0), x)
        # The square in two parts, of which the first is exact: the exponential would magnify its rounding.
        head = ops.floor(x * 16.0) / 16.0
        return ops.exp(head * head) * ops.exp((x - head) * (x + head)) * ops.erfc(x)

    return ops.branch(x > BORDER, far, near, x)


# The quantile to 9 digits: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003).
CENTRAL = (
    (-3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02)
    + (1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00),
    (-5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01, -1.328068155288572e01, 1.0),
)  # fmt: skip
TAIL = (
    (-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00)
    + (-2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00),
    (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0),
)
TAIL_BELOW = 0.02425


# (ndtr(x) - 1/2) sqrt(2 pi) / x, as a polynomial in x^2.
AROUND_0 = [(-0.5) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(14, -1, -1)]


def _excess(ops, x, q):
    """(ndtr(x) - q) / pdf(x) for x <= 0 that is right to 9 digits. The difference itself has no digits where x or q is small."""

    def near_0(x, q):
        return x * polynomial(ops, AROUND_0, x * x) / math.sqrt(2 * math.pi) - (q - 0.5)

    def middle(x, q):
        return 0.5 * ops.erfc(-x / math.sqrt(2)) - q

    def central(x, q):
        # Beyond -4 the exponential, which may overflow, does not count.
        power = ops.exp(ops.where(x > -4.0, x * x / 2.0, ops.full(x, 8.0)))
        return ops.branch(x > -0.6, near_0, middle, x, q) * math.sqrt(2 * math.pi) * power

    def tail(x, q):
        scaled = 0.5 * erfcx(ops, -x / math.sqrt(2))
        ratio = ops.log(scaled) - x * x / 2.0 - ops.log(q)
        return scaled * math.sqrt(2 * math.pi) * (ratio - 0.5 * ratio * ratio)

    return ops.branch(q < TAIL_BELOW, tail, central, x, q)


def _lower_quantile(ops, p):
    """(q, x), where ndtr(x) = q is p or 1 - p, the smaller one."""

    def central(q):
        centred = q - 0.5
        square = centred * centred
        return centred * polynomial(ops, CENTRAL[0], square) / polynomial(ops, CENTRAL[1], square)

    def tail(q):
        root = ops.sqrt(-2.0 * ops.log(q))
        return polynomial(ops, TAIL[0], root) / polynomial(ops, TAIL[1], root)

    q = ops.where((p > 0.0) & (p < 1.0), ops.where(p <= 0.5, p, 1.0 - p), ops.full(p, 0.5))
    x = ops.branch(q < TAIL_BELOW, tail, central, q)
    if ops.eps > 1e-15:
        return q, x
    # float64 has more digits: one step of Halley's method computes them.
    error = _excess(ops, x, q)
    return q, x - error / (1.0 + x * error / 2.0)


def ndtri(ops, p):
    x = _lower_quantile(ops, p)[1]
    x = ops.where(p <= 0.5, x, -x)
    ends = ops.where(
        p == 0.0, ops.full(p, -math.inf), ops.where(p == 1.0, ops.full(p, math.inf), ops.full(p, math.nan))
    )
    return ops.where((p > 0.0) & (p < 1.0), x, ends)


def ndtri_slope(ops, p):
    """1 / pdf(ndtri(p)): the exponential of the quantile's square would magnify its rounding."""

    def central(x, q):
        return math.sqrt(2 * math.pi) * ops.exp(x * x / 2.0)

    def tail(x, q):
        return math.sqrt(math.pi / 2) * erfcx(ops, -x / math.sqrt(2)) / q

    q, x = _lower_quantile(ops, p)
    slope = ops.branch(q < TAIL_BELOW, tail, central, x, q)
    ends = ops.where((p == 0.0) | (p == 1.0), ops.full(p, math.inf), ops.full(p, math.nan))
    return ops.where((p > 0.0) & (p < 1.0), slope, ends)


# G. B. Rybicki, "Dawson's integral and the sampling theorem", Computers in Physics 3 (1989): a sum of Gaussians at odd multiples
# of a step, whose error is exp(-(pi / (2 step))^2).
STEP, LAST = 0.25, 27
# x (1 - 2/3 x^2 + 4/15 x^4 - ...) where the sum would lose digits.
SMALL = 0.25
SERIES = [math.prod(-2.0 / (2 * k + 1) for k in range(1, n + 1)) for n in range(12, -1, -1)]


# 1 - 2 x dawsn(x) is -(1/(2 x^2) + 3/(2 x^2)^2 + 15/(2 x^2)^3 + ...) from here on (DLMF 7.12.4 and 5).
FAR = 6.5
ODD_FACTORIALS = [float(math.prod(range(1, 2 * k, 2))) for k in range(28, 0, -1)] + [0.0]


def _far_slope(ops, x):
    inverse = 0.5 / x / x
    return -polynomial(ops, ODD_FACTORIALS, inverse)


def dawsn(ops, x):
    finite = ops.where(absolute(ops, x) < math.inf, x, ops.full(x, 0.0))
    multiple = 2.0 * ops.floor(finite / (2 * STEP) + 0.5)
    rest = finite - multiple * STEP
    total = ops.full(x, 0.0)
    # Small terms come first.
    for n in range(LAST, 0, -2):
        for k in (n, -n):
            distance = rest - k * STEP
            total = total + ops.exp(-distance * distance) / (k + multiple)
    series = finite * polynomial(ops, SERIES, finite * finite)
    value = ops.where(absolute(ops, finite) < SMALL, series, total / math.sqrt(math.pi))
    far = ops.where(absolute(ops, finite) > FAR, finite, ops.full(x, FAR))
    value = ops.where(absolute(ops, finite) > FAR, 0.5 * (1.0 - _far_slope(ops, far)) / far, value)
    # An infinite x gives a zero of its sign; NaN stays.
    return ops.where(absolute(ops, x) < math.inf, value, 1.0 / x)


def _erfcx_jvp(g, ans, x):
    return mul_p.bind(g, sub_p.bind(mul_p.bind(const(x, 2), mul_p.bind(x, ans)), const(x, 2 / math.sqrt(math.pi))))


def dawsn_slope(ops, x):
    """1 - 2 x dawsn(x)"""
    size = absolute(ops, x)
    far = (size > FAR) & (size < math.inf)
    near = ops.where(far, ops.full(x, 1.0), x)
    # JAX's derivative has no value for an infinite x.
    return ops.where(far, _far_slope(ops, ops.where(far, x, ops.full(x, FAR))), 1.0 - 2.0 * near * dawsn(ops, near))


def _change_of_slope(g, ans, x):
    """-2 (dawsn(x) + x ans)"""
    change = mul_p.bind(const(x, -2), add_p.bind(dawsn_p.bind(x), mul_p.bind(x, ans)))
    return mul_p.bind(g, change)


normal_density_p = row(normal_density, [lambda g, ans, x: neg_p.bind(mul_p.bind(g, mul_p.bind(x, ans)))], **STRONG)
ndtr_p = row(ndtr, [lambda g, ans, x: mul_p.bind(g, normal_density_p.bind(x))], **STRONG)
erfcx_p = row(erfcx, [_erfcx_jvp], **STRONG)
ndtri_p = row(ndtri, [lambda g, ans, p: mul_p.bind(g, ndtri_slope_p.bind(p))], **STRONG)
ndtri_slope_p = row(
    ndtri_slope, [lambda g, ans, p: mul_p.bind(g, mul_p.bind(ndtri_p.bind(p), mul_p.bind(ans, ans)))], **STRONG
)
dawsn_slope_p = row(dawsn_slope, [_change_of_slope], **STRONG)
dawsn_p = row(dawsn, [lambda g, ans, x: mul_p.bind(g, dawsn_slope_p.bind(x))], **STRONG)
