"""Functions around the normal distribution: `erfcx`, which is exp(x^2) erfc(x); `ndtri`, the quantile; `dawsn`, Dawson's integral.

JAX composes them of other operations; here they are rows, so that every algorithm of special functions is of one kind.
"""

from __future__ import annotations

import math

from .algorithms import STRONG, absolute, polynomial, row
from .basis import const
from .elementwise import add_p, exp_p, mul_p, neg_p, square_p, sub_p

# exp(x^2) erfc(x) is a product below this x, and a continued fraction above, of so many levels (NIST Digital Library of
# Mathematical Functions, 7.9.2).
BORDER, LEVELS = 5.0, 40


def erfcx(ops, x):
    far = ops.where(x > BORDER, x, ops.full(x, BORDER))
    fraction = far
    for n in range(LEVELS, 0, -1):
        fraction = far + 0.5 * n / fraction
    near = ops.where(x > BORDER, ops.full(x, 0.0), x)
    return ops.where(x > BORDER, 1.0 / (math.sqrt(math.pi) * fraction), ops.exp(near * near) * ops.erfc(near))


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


def ndtri(ops, p):
    lower = p <= 0.5
    inside = (p > 0.0) & (p < 1.0)
    q = ops.where(inside, ops.where(lower, p, 1.0 - p), ops.full(p, 0.5))
    centred = q - 0.5
    square = centred * centred
    central = centred * polynomial(ops, CENTRAL[0], square) / polynomial(ops, CENTRAL[1], square)
    root = ops.sqrt(-2.0 * ops.log(q))
    tail = polynomial(ops, TAIL[0], root) / polynomial(ops, TAIL[1], root)
    x = ops.where(q < TAIL_BELOW, tail, central)
    # One step of Halley's method gives the other digits. exp(x^2 / 2) is finite: x is above -38.5.
    error = (0.5 * ops.erfc(-x / math.sqrt(2)) - q) * math.sqrt(2 * math.pi) * ops.exp(x * x / 2.0)
    x = x - error / (1.0 + x * error / 2.0)
    x = ops.where(lower, x, -x)
    ends = ops.where(
        p == 0.0, ops.full(p, -math.inf), ops.where(p == 1.0, ops.full(p, math.inf), ops.full(p, math.nan))
    )
    return ops.where(inside, x, ends)


# G. B. Rybicki, "Dawson's integral and the sampling theorem", Computers in Physics 3 (1989): a sum of Gaussians at odd multiples
# of a step, whose error is exp(-(pi / (2 step))^2).
STEP, LAST = 0.25, 27
# x (1 - 2/3 x^2 + 4/15 x^4 - ...) where the sum would lose digits.
SMALL = 0.25
SERIES = [math.prod(-2.0 / (2 * k + 1) for k in range(1, n + 1)) for n in range(12, -1, -1)]


def dawsn(ops, x):
    finite = ops.where(absolute(ops, x) < math.inf, x, ops.full(x, 0.0))
    multiple = 2.0 * ops.floor(finite / (2 * STEP) + 0.5)
    rest = finite - multiple * STEP
    total = ops.full(x, 0.0)
    for n in range(1, LAST + 2, 2):
        for k in (n, -n):
            distance = rest - k * STEP
            total = total + ops.exp(-distance * distance) / (k + multiple)
    series = finite * polynomial(ops, SERIES, finite * finite)
    value = ops.where(absolute(ops, finite) < SMALL, series, total / math.sqrt(math.pi))
    # An infinite x gives a zero of its sign; NaN stays.
    return ops.where(absolute(ops, x) < math.inf, value, 1.0 / x)


def _erfcx_jvp(g, ans, x):
    return mul_p.bind(g, sub_p.bind(mul_p.bind(const(x, 2), mul_p.bind(x, ans)), const(x, 2 / math.sqrt(math.pi))))


def _ndtri_jvp(g, ans, p):
    """g / pdf(ans)"""
    inverse = exp_p.bind(mul_p.bind(square_p.bind(ans), const(ans, 0.5)))
    return mul_p.bind(g, mul_p.bind(inverse, const(ans, math.sqrt(2 * math.pi))))


def _dawsn_jvp(g, ans, x):
    return mul_p.bind(g, add_p.bind(neg_p.bind(mul_p.bind(const(x, 2), mul_p.bind(x, ans))), const(x, 1)))


erfcx_p = row(erfcx, [_erfcx_jvp], **STRONG)
ndtri_p = row(ndtri, [_ndtri_jvp], **STRONG)
dawsn_p = row(dawsn, [_dawsn_jvp], **STRONG)
