"""The modified Bessel functions of the first kind, of order 0 and 1, times exp(-|x|): `bessel_i0e` and `bessel_i1e`.

C. W. Clenshaw, "Chebyshev series for mathematical functions" (1962): exp(-x) I0(x) and exp(-x) I1(x) / x are series in x up to 8,
and beyond 8 these functions times sqrt(x) are series in 1/x. The coefficients were computed to 40 digits from the functions.
"""

from __future__ import annotations

import math

from ..foundation.dtypes import finfo
from .algorithms import absolute, polynomial, row
from .basis import const, full
from .elementwise import abs_p, add_p, gt_p, integer_pow, mul_p, select, sign_p, sub_p

# fmt: off
NEAR_0 = (
    0.33839763720473803, -0.3046826723431984, 0.17162090152220877, -0.09490109704804764,
    0.04930528423967071, -0.02373741480589947, 0.010546460394594998, -0.004324309995050576,
    0.0016394756169413357, -0.0005763755745385824, 0.00018850288509584165, -5.754195010082104e-05,
    1.6448448070728896e-05, -4.4167383584587505e-06, 1.1173875391201037e-06, -2.670793853940612e-07,
    6.046995022541919e-08, -1.300025009986248e-08, 2.6598237246823866e-09, -5.189795601635263e-10,
    9.675809035373237e-11, -1.726826291441556e-11, 2.95505266312964e-12, -4.856446783111929e-13,
    7.676185498604936e-14, -1.1685332877993451e-14, 1.715391285555133e-15, -2.431279846547955e-16,
    3.3307945188222384e-17, -4.4153416464793395e-18,
)
FAR_0 = (
    0.4022452055070544, 0.0033691164782556943, 6.889758346916825e-05, 2.8913705208347567e-06,
    2.0489185894690638e-07, 2.266668990498178e-08, 3.3962320257083865e-09, 4.94060238822497e-10,
    1.1889147107846439e-11, -3.1499165279632416e-11, -1.3215811840447713e-11, -1.7941785315068062e-12,
    7.180124451383666e-13, 3.8527783827421426e-13, 1.54008621752141e-14, -4.150569347287222e-14,
    -9.554846698828307e-15, 3.8116806693526224e-15, 1.7725601330565263e-15, -3.425485619677219e-16,
    -2.8276239805165836e-16, 3.461222867697461e-17, 4.46562142029676e-17, -4.830504485944182e-18,
    -7.233180487874754e-18,
)
NEAR_1 = (
    0.12629359322181682, -0.17641651835783406, 0.1026436586898471, -0.05294598120809499,
    0.024726449030626516, -0.010564084894626197, 0.004156422944312888, -0.0015135724506312532,
    0.0005122859561685758, -0.00016176081582589674, 4.781565107550054e-05, -1.3273163656039436e-05,
    3.4702513081376785e-06, -8.568720264695455e-07, 2.0032947535521353e-07, -4.445059128796328e-08,
    9.381537386495773e-09, -1.8872497517228294e-09, 3.625590281552117e-10, -6.663489723502027e-11,
    1.1736186298890901e-11, -1.9839743977649436e-12, 3.223793365945575e-13, -5.042185504727912e-14,
    7.600684294735408e-15, -1.1055969477353862e-15, 1.5536319577362005e-16, -2.111421214358166e-17,
    2.7779141127610464e-18,
)
FAR_1 = (
    0.38928811750914005, -0.009761097491361469, -0.00011058893876262371, -3.882564808877691e-06,
    -2.512236237870209e-07, -2.6314688468895196e-08, -3.835380385964237e-09, -5.589743462196584e-10,
    -1.8974958123505413e-11, 3.2526035830154884e-11, 1.4125807436613782e-11, 2.0356285441470896e-12,
    -7.198551776245908e-13, -4.0835511110921974e-13, -2.1015418427726643e-14, 4.272440016711951e-14,
    1.0420276984128802e-14, -3.8144030724370075e-15, -1.8803547755107825e-15, 3.3082023109209285e-16,
    2.96262899764595e-16, -3.209525921993424e-17, -4.6503053684893586e-17, 4.414348323071708e-18,
    7.517296310842105e-18,
)
# fmt: on

BORDER = 8.0


def _clenshaw(ops, coefficients, x):
    """The sum of Chebyshev polynomials with the given coefficients, lowest degree first, at x in [-1, 1]."""
    # The polynomials are at most 1.
    least = ops.eps * coefficients[0] / 16
    coefficients = [c for c in coefficients if abs(c) > least]
    double, behind, value = x + x, ops.full(x, 0.0), ops.full(x, 0.0)
    for c in coefficients[:0:-1]:
        value, behind = double * value - behind + c, value
    return x * value - behind + coefficients[0]


# Up to here a sum of few terms, of which the first is the largest by far, is exacter.
SMALL = 0.5
SERIES_0 = [0.25**k / math.factorial(k) ** 2 for k in range(8, -1, -1)]
SERIES_1 = [0.5 * 0.25**k / (math.factorial(k) * math.factorial(k + 1)) for k in range(8, -1, -1)]


def _in_parts(ops, size, small, near, far):
    """The function of a size that is `small`, `near` or `far` in its part of the line."""

    def beyond(size):
        return far(size) / ops.sqrt(size)

    return ops.branch(size <= SMALL, small, lambda size: ops.branch(size <= BORDER, near, beyond, size), size)


def bessel_i0e(ops, x):
    """exp(-|x|) I0(x), for small x by its series (DLMF 10.25.2)."""

    def small(size):
        return ops.exp(-size) * polynomial(ops, SERIES_0, size * size)

    def near(size):
        return _clenshaw(ops, NEAR_0, size / 4.0 - 1.0)

    def far(size):
        return _clenshaw(ops, FAR_0, 16.0 / size - 1.0)

    return _in_parts(ops, absolute(ops, x), small, near, far)


def bessel_i1e(ops, x):
    """exp(-|x|) I1(x), for small x by its series (DLMF 10.25.2)."""

    def small(size):
        return size * (ops.exp(-size) * polynomial(ops, SERIES_1, size * size))

    def near(size):
        return size * _clenshaw(ops, NEAR_1, size / 4.0 - 1.0)

    def far(size):
        return _clenshaw(ops, FAR_1, 16.0 / size - 1.0)

    value = _in_parts(ops, absolute(ops, x), small, near, far)
    # A zero keeps its sign.
    return ops.where(x == 0.0, x, ops.where(x < 0.0, -value, value))


def _i0e_jvp(g, ans, x):
    return mul_p.bind(g, sub_p.bind(bessel_i1e_p.bind(x), mul_p.bind(sign_p.bind(x), ans)))


def _i1e_jvp(g, ans, x):
    # I1(x) / x is 0 / 0 at 0, where the derivative is 1/2.
    eps = finfo(x.dtype).eps
    large = gt_p.bind(abs_p.bind(x), const(x, eps))
    safe = select(large, x, full(x.shape, eps, x.dtype, x.weak_type))
    order_0 = bessel_i0e_p.bind(safe)
    slope = sub_p.bind(order_0, mul_p.bind(ans, add_p.bind(sign_p.bind(safe), integer_pow(safe, -1))))
    return mul_p.bind(g, select(large, slope, full(x.shape, 0.5, x.dtype, x.weak_type)))


bessel_i0e_p = row(bessel_i0e, [_i0e_jvp])
bessel_i1e_p = row(bessel_i1e, [_i1e_jvp])
