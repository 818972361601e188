"""The logarithm of the beta function, `betaln`, and its derivative by the first argument, `betaln_slope`, as rows.

Differences of `lgamma` and of `digamma` lose all digits where one argument is much larger than the other. Here Stirling's series is
subtracted term by term (NIST Digital Library of Mathematical Functions, DLMF, 5.11.1 and 2; A. R. DiDonato and A. H. Morris,
"Significant digit computation of the incomplete beta function ratios", ACM TOMS 18 (1992)).
"""

from __future__ import annotations

import math

from .algorithms import polynomial, row
from .basis import const
from .elementwise import add_p, neg_p, sub_p
from .gamma import polygamma_p, times
from .special_functions import digamma_difference

# B_2j / (2j (2j - 1)), j = 1, 2, ...: the coefficients of log gamma. From LARGE on their series has 16 digits.
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
OF_LOG_GAMMA = [b / (2 * j * (2 * j - 1)) for j, b in enumerate(BERNOULLI, 1)]
LARGE = 8


def _rest(ops, x):
    """log gamma(x) - ((x - 1/2) log x - x + log(2 pi)/2) for a large x."""
    inverse = 1.0 / x
    return inverse * polynomial(ops, OF_LOG_GAMMA[::-1], inverse * inverse)


def _positive(ops, a, b):
    return (a > 0.0) & (b > 0.0) & (a < math.inf) & (b < math.inf)


def betaln(ops, a, b):
    """log |beta(a, b)|"""

    def plain(a, b):
        return ops.lgamma(a) + ops.lgamma(b) - ops.lgamma(a + b)

    def shared(p, q):
        """log gamma(q) - log gamma(p + q), but for -p log(p + q) + p."""
        return -(q - 0.5) * ops.log1p(p / q) + _rest(ops, q) - _rest(ops, p + q)

    def one_large(p, q):
        return ops.lgamma(p) - p * (ops.log(p + q) - 1.0) + shared(p, q)

    def both_large(p, q):
        return shared(p, q) - p * ops.log1p(q / p) - 0.5 * ops.log(p / (2.0 * math.pi)) + _rest(ops, p)

    def large(a, b):
        p, q = ops.where(a < b, a, b), ops.where(a < b, b, a)
        return ops.branch(p < LARGE, one_large, both_large, p, q)

    return ops.branch(_positive(ops, a, b) & ((a >= LARGE) | (b >= LARGE)), large, plain, a, b)


def betaln_slope(ops, a, b):
    """digamma(a) - digamma(a + b)"""
    plain = ops.digamma(a) - ops.digamma(a + b)
    positive, one = _positive(ops, a, b), ops.full(a, 1.0)
    a, b = ops.where(positive, a, one), ops.where(positive, b, one)
    return ops.where(positive, digamma_difference(ops.log1p, a, b), plain)


def _trigamma(x):
    return polygamma_p.bind(const(x, 1), x)


def _slope_by_a(g, ans, a, b):
    return times(g, sub_p.bind(_trigamma(a), _trigamma(add_p.bind(a, b))))


betaln_slope_p = row(
    betaln_slope, [_slope_by_a, lambda g, ans, a, b: neg_p.bind(times(g, _trigamma(add_p.bind(a, b))))], 2
)
betaln_p = row(
    betaln,
    [
        lambda g, ans, a, b: times(g, betaln_slope_p.bind(a, b)),
        lambda g, ans, a, b: times(g, betaln_slope_p.bind(b, a)),
    ],
    2,
)
