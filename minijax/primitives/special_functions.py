"""Special functions that NumPy lacks, in NumPy: erf, erfc, erf_inv, lgamma, digamma.

Each takes an array of float16, bfloat16, float32 or float64 and returns one of its dtype. They compute in float64, one
step at a time for the whole array. Only `erf_inv` of narrower dtypes has a polynomial of its own: it is JAX's, so that
`random.normal` draws JAX's numbers.
"""

from __future__ import annotations

import math

import numpy as np

FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")


def in_float64(function):
    """A function for any float dtype, made of a function of float64 arrays: the result is rounded once, at the end."""

    def rounded(x, *others):
        with np.errstate(all="ignore"):
            return np.asarray(function(*[np.asarray(y, FLOAT64) for y in (x, *others)])).astype(x.dtype, copy=False)

    rounded.__name__, rounded.__doc__ = function.__name__.lstrip("_"), function.__doc__
    return rounded


def _horner(coefficients, x):
    """The value of the polynomial with the given coefficients, highest power first."""
    total = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total *= x
        total += c
    return total


# ---------------------------------------------------------------------------------------------------------------------
# erf, erfc: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), with the
# coefficients of his program CALERF: numerator and denominator for |x| <= 4, and for larger |x|. For |x| <= 0.46875 by those of
# Sun's fdlibm (s_erf.c, 1993), which has the leading term x apart, so that the fraction's rounding counts for an eighth.

SMALL, LARGE = 0.46875, 4.0

NEAR = (
    (-2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02, -3.25042107247001499370e-01)
    + (1.28379167095512558561e-01,),
    (-3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03, 6.50222499887672944485e-02)
    + (3.97917223959155352819e-01, 1.0),
)
MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1)
    + (2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3)
    + (1.23033935479799725e3,),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3)
    + (3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)
FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1)
    + (1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2)
    + (2.33520497626869185e-3,),
)
# For float32 and narrower: the fraction of erf(x) / x in x^2 whose largest relative error on [0, 3.93] is least, 2e-9. It was
# found by least squares, weighted anew by the errors 60 times, with 40 digits. Beyond 3.93 erf rounds to 1.
SINGLE_EDGE = 3.93
SINGLE = (
    (-1.2859683816987908e-08, 4.620428150454592e-06, 3.77178279458332e-04, 3.840202919552017e-03, 5.425462958382962e-02)
    + (0.18514453780496395, 1.1283791692173126),
    (
        6.250431940867914e-05,
        1.3024052005273935e-03,
        1.5434699663504078e-02,
        0.11388591949387661,
        0.4974134824109639,
        1.0,
    ),
)


def _erf_near_zero(x):
    square = x * x
    return x + x * (_horner(NEAR[0], square) / _horner(NEAR[1], square))


def _gaussian(x):
    """exp(-x^2), with the square of x's leading bits exact: the exponential would magnify its rounding."""
    head = np.trunc(x * 16) / 16
    return np.exp(-head * head) * np.exp(-(x - head) * (x + head))


def _erfc_middle(x):
    return _gaussian(x) * (_horner(MIDDLE[0], x) / _horner(MIDDLE[1], x))


def _erfc_far(x):
    # Beyond 30 the result is 0; the minimum keeps x^2 from overflowing.
    x = np.minimum(x, 30.0)
    inverse = 1 / (x * x)
    tail = inverse * _horner(FAR[0], inverse) / _horner(FAR[1], inverse)
    return _gaussian(x) * ((1 / math.sqrt(math.pi) - tail) / x)


def _erfc_of_positive(x):
    """erfc for x > 0.46875; NaN for NaN."""
    return np.piecewise(x, [x <= LARGE, x > LARGE], [_erfc_middle, _erfc_far, np.nan])


def _erf(x):
    """The error function."""
    near = np.abs(x) <= SMALL
    return np.piecewise(x, [near], [_erf_near_zero, lambda x: np.copysign(1 - _erfc_of_positive(np.abs(x)), x)])


def _erfc(x):
    """The complementary error function, 1 - erf(x), with all its digits even if it is small."""
    return np.piecewise(
        x,
        [np.abs(x) <= SMALL, x < -SMALL],
        [lambda x: 1 - _erf_near_zero(x), lambda x: 2 - _erfc_of_positive(-x), _erfc_of_positive],
    )


def _erf_single(x):
    """erf with the digits of float32, without a choice of intervals: a fifth of the time."""
    x = np.clip(x, -SINGLE_EDGE, SINGLE_EDGE)
    square = x * x
    return x * (_horner(SINGLE[0], square) / _horner(SINGLE[1], square))


_erf_of_double, _erf_of_single, erfc = in_float64(_erf), in_float64(_erf_single), in_float64(_erfc)


def erf(x):
    """The error function."""
    return _erf_of_double(x) if x.dtype == FLOAT64 else _erf_of_single(x)


# ---------------------------------------------------------------------------------------------------------------------
# erf_inv: M. Giles, "Approximating the erfinv function", GPU Computing Gems 2 (2010): x times a polynomial in
# w = -log(1 - x^2), or in sqrt(w) where w is large.


def _in_single(coefficients):
    """The coefficients, rounded to float32."""
    return tuple(np.array(coefficients, FLOAT32).tolist())


SINGLE_CENTRAL = _in_single(
    (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087)
    + (-0.00125372503, -0.00417768164, 0.246640727, 1.50140941)
)  # fmt: skip
SINGLE_TAIL = _in_single(
    (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773)
    + (-0.0076224613, 0.00943887047, 1.00167406, 2.83297682)
)  # fmt: skip
DOUBLE_CENTRAL = (
    (-3.6444120640178196996e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18, 1.115787767802518096e-17)
    + (-1.333171662854620906e-16, 2.0972767875968561637e-17, 6.6376381343583238325e-15, -4.0545662729752068639e-14)
    + (-8.1519341976054721522e-14, 2.6335093153082322977e-12, -1.2975133253453532498e-11, -5.4154120542946279317e-11)
    + (1.051212273321532285e-09, -4.1126339803469836976e-09, -2.9070369957882005086e-08, 4.2347877827932403518e-07)
    + (-1.3654692000834678645e-06, -1.3882523362786468719e-05, 0.0001867342080340571352, -0.00074070253416626697512)
    + (-0.0060336708714301490533, 0.24015818242558961693, 1.6536545626831027356)
)
DOUBLE_TAIL = (
    (2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07, 1.8239629214389227755e-08)
    + (1.5027403968909827627e-06, -4.013867526981545969e-06, 2.9234449089955446044e-06, 1.2475304481671778723e-05)
    + (-4.7318229009055733981e-05, 6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796)
    + (0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066, -0.0037512085075692412107)
    + (0.005370914553590063617, 1.0052589676941592334, 3.0838856104922207635)
)
DOUBLE_EXTREME = (
    (-2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09, -3.7894654401267369937e-09)
    + (7.6157012080783393804e-09, -1.4960026627149240478e-08, 2.9147953450901080826e-08, -6.7711997758452339498e-08)
    + (2.2900482228026654717e-07, -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05)
    + (7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026, 1.0103004648645343977)
    + (4.8499064014085844221,)
)


def _by_limit(w, limit, below, beyond):
    """below(w) where w < limit, and beyond(w) elsewhere. `w` is a NumPy scalar or an array with an axis."""
    if w.ndim == 0:
        return below(w) if w < limit else beyond(w)
    # Nearly all random numbers are below the limit: one pass over all of them is faster than a choice of them.
    values, outside = below(w), ~(w < limit)
    if outside.any():
        values[outside] = beyond(w[outside])
    return values


def _or_infinite(slope, w):
    """The slope, but inf where w is: at the ends, where x is -1 or 1."""
    return np.where(w == np.inf, w, slope)


def _single_slope(w):
    """erf_inv(x) / x, computed from w as XLA's code does it: in float32, with fused multiply-adds."""
    return _by_limit(
        w,
        5,
        lambda w: _fused_horner(SINGLE_CENTRAL, w - FLOAT32.type(2.5)),
        lambda w: _or_infinite(_fused_horner(SINGLE_TAIL, np.sqrt(w) - FLOAT32.type(3)), w),
    )


def _fused_horner(coefficients, x):
    """As `_horner` in float32, with each product and sum rounded once: float64 holds the product exactly."""
    first, second, *others = coefficients
    if x.ndim == 0:
        # Python's floats are float64. Their arithmetic takes a fraction of the time of NumPy's.
        single, wide = FLOAT32.type, float(x)
        total = first
        for c in (second, *others):
            total = float(single(total * wide + c))
        return single(total)
    wide = x.astype(FLOAT64)
    total = wide * first
    total += second
    single = total.astype(FLOAT32)
    for c in others:
        total[...] = single
        total *= wide
        total += c
        single[...] = total
    return single


def _double_slope(w):
    return _by_limit(
        w,
        6.25,
        lambda w: _horner(DOUBLE_CENTRAL, w - 3.125),
        lambda w: _by_limit(
            w,
            16,
            lambda w: _horner(DOUBLE_TAIL, np.sqrt(w) - 3.25),
            lambda w: _or_infinite(_horner(DOUBLE_EXTREME, np.sqrt(w) - 5.0), w),
        ),
    )


def _erf_inv(x):
    """erf_inv of a NumPy scalar or an array with an axis."""
    wide = x.astype(FLOAT32, copy=False) if x.dtype.itemsize < 4 else x
    w = -np.log1p(-wide * wide)
    return (_double_slope(w) if wide.dtype == FLOAT64 else _single_slope(w)) * wide


# The number of elements of one step. The arrays of a step fit in a processor's cache.
BLOCK = 1 << 15
# So many elements are computed one by one. A NumPy scalar takes 5 us, an array 25 us, however few its elements are.
FEW = 4


def erf_inv(x):
    """The inverse of erf. -1 and 1 give -inf and inf; numbers beyond them give NaN."""
    with np.errstate(all="ignore"):
        if x.size <= FEW:
            return np.array([_erf_inv(element) for element in x.reshape(-1)], x.dtype).reshape(x.shape)
        flat, values = x.reshape(-1), np.empty(x.size, x.dtype)
        for start in range(0, x.size, BLOCK):
            values[start : start + BLOCK] = _erf_inv(flat[start : start + BLOCK])
        return values.reshape(x.shape)


# ---------------------------------------------------------------------------------------------------------------------
# lgamma, digamma: C. Lanczos, "A precision approximation of the gamma function", SIAM J. Numer. Anal. B 1 (1964), with
# g = 7 and 9 terms; reflection for x < 1/2.

LANCZOS_G = 7.0
LANCZOS_BASE = 0.99999999999980993227684700473478
LANCZOS_TERMS = (
    (676.520368121885098567009190444019, -1259.13921672240287047156078755283, 771.3234287776530788486528258894)
    + (-176.61502916214059906584551354, 12.507343278686904814458936853, -0.13857109526572011689554707)
    + (9.984369578019570859563e-6, 1.50563273514931155834e-7)
)


def _lanczos_argument(x):
    """(z, log(z + 7.5)) with z + 1 = x, or 1 - x where x < 1/2."""
    z = np.where(x < 0.5, -x, x - 1)
    return z, math.log(LANCZOS_G + 0.5) + np.log1p(z / (LANCZOS_G + 0.5))


# (-1)^k (zeta(k) - 1) / k for k = 32, ..., 2, and 1 - Euler's constant: log gamma(2 + e) is e times this polynomial of e (NIST
# Digital Library of Mathematical Functions, DLMF, 5.7.3), to 16 digits for |e| <= 0.6.
LOG_GAMMA_AT_2 = (
    (7.275974480239079e-12, -1.5021384080754142e-11, 3.1044247747322276e-11, -6.4229645638381e-11)
    + (1.330476437424449e-10, -2.7595228851242334e-10, 5.731367241678862e-10, -1.1921401405860912e-09)
    + (2.4836745438024785e-09, -5.183475041970047e-09, 1.0838659214896955e-08, -2.2711094608943164e-08)
    + (4.7698101693639804e-08, -1.0043224823968099e-07, 2.1207184805554665e-07, -4.492469198764566e-07)
    + (9.55141213040742e-07, -2.039215753801366e-06, 4.374866789907488e-06, -9.439488275268397e-06)
    + (2.050721277567069e-05, -4.492623673813314e-05, 9.945751278180853e-05, -0.00022315475845357939)
    + (0.0005096695247430425, -0.001192753911703261, 0.0028905103307415234, -0.007385551028673986)
    + (0.020580808427784546, -0.0673523010531981, 0.3224670334241132, 0.42278433509846713)
)


def _near_zeros(z, log_gamma):
    """log gamma(z + 1), z >= -1/2, and up to z = 3/2 by the series around its zeros: the parts of Lanczos' formula cancel there."""
    at_1, at_2 = z <= 0.4, (z > 0.4) & (z <= 1.5)
    if not (at_1 | at_2).any():
        return log_gamma
    e = np.where(at_1, z, np.where(at_2, z - 1, 0.0))
    series = e * _horner(LOG_GAMMA_AT_2, e)
    return np.where(at_1, series - np.log1p(e), np.where(at_2, series, log_gamma))


def _lgamma(x):
    """log |gamma(x)|; inf at 0 and the negative integers."""
    z, log_t = _lanczos_argument(x)
    total = LANCZOS_BASE + sum(c / (z + i) for i, c in enumerate(LANCZOS_TERMS, 1))
    log_gamma = (z + 0.5 - (LANCZOS_G + 0.5 + z) / log_t) * log_t + (math.log(2 * math.pi) / 2 + np.log(total))
    log_gamma = _near_zeros(z, log_gamma)
    # gamma(x) gamma(1 - x) = pi / sin(pi x). The sine is that of the distance to an integer, which keeps its digits.
    fraction = np.abs(x) - np.floor(np.abs(x))
    log_sine = np.log(np.sin(math.pi * np.minimum(fraction, 1 - fraction)))
    reflected = np.where(np.isfinite(log_sine), math.log(math.pi) - log_sine - log_gamma, -log_sine)
    return np.where(np.isinf(x), np.inf, np.where(x < 0.5, reflected, log_gamma))


# B_2j / 2j, j = 1, 2, ...: the coefficients of digamma's asymptotic series (DLMF 5.11.2).
OF_DIGAMMA = [
    b / (2 * j) for j, b in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510), 1)
]
# From here on that series has 16 digits.
SHIFT = 10


def digamma_difference(log1p, a, b):
    """digamma(a) - digamma(a + b) for positive a and a + b. By the recurrence (5.5.2) and the series, subtracted term by term, no
    digits cancel. The numbers may be arrays or stand for lines of a program."""
    total = 0.0
    for k in range(SHIFT):
        total = total - b / (a + b + k) / (a + k)
    low, high = a + SHIFT, a + b + SHIFT
    quotient = b / low / high
    # The series is a polynomial of the inverse square: its divided difference between two of them.
    u, v = 1.0 / low / low, 1.0 / high / high
    value = difference = 0.0
    for c in (*OF_DIGAMMA[::-1], 0.0):
        difference = difference * v + value
        value = value * u + c
    return total - log1p(b / low) - quotient * (0.5 + (1.0 / low + 1.0 / high) * difference)


# The zero of digamma, and what is missing to it.
DIGAMMA_ZERO, DIGAMMA_ZERO_REST = 1.4616321449683623, 9.549995429965697e-17


# pi is math.pi + PI_REST. SPLITTER cuts a float64 into two halves whose products are exact (T. J. Dekker, Numer. Math. 18, 1971).
PI_REST, SPLITTER = 1.2246467991473532e-16, 2.0**27 + 1


def _halves(x):
    high = x * SPLITTER
    high = high - (high - x)
    return high, x - high


def _product(x, y):
    """(x y, what its rounding has lost)."""
    product, (high, low), (other, rest) = x * y, _halves(x), _halves(y)
    return product, ((high * other - product) + high * rest + low * other) + low * rest


def _pi_cot_pi(x):
    """pi cot(pi x) for |x| <= 1/2, as a sum of two numbers. Beyond 1/4 it is a tangent of the distance to 1/2, whose argument has
    all its digits. Around 0 it is 1/x, which may be too large to be split."""
    inner = np.abs(x) <= 0.25
    place = np.where(inner, x, np.copysign(0.5 - np.abs(x), x))
    angle, lost = _product(place, math.pi)
    tangent = np.tan(angle)
    more = (lost + place * PI_REST) * (1 + tangent * tangent)
    inverse = 1 / tangent
    product, lost_too = _product(inverse, tangent)
    value = np.where(inner, inverse, tangent)
    more = np.where(inner, ((1 - product) - lost_too - inverse * more) * inverse, more)
    product, lost = _product(value, math.pi)
    tiny = np.abs(x) < 2.0**-28
    return np.where(tiny, 1 / x, product), np.where(tiny, 0.0, lost + value * PI_REST + more * math.pi)


def _digamma(x):
    """The derivative of lgamma; NaN at 0 and the negative integers."""
    y = np.where(x < 0.5, 1 - x, x)
    # Small terms come first.
    shift = np.where(y < SHIFT, float(SHIFT), 0.0)
    far = y + shift
    inverse = 1 / far
    series = 0.5 * inverse + inverse * inverse * _horner(OF_DIGAMMA[::-1], inverse * inverse)
    psi = np.log(far) - (series + np.where(shift > 0, sum(1 / (y + k) for k in range(SHIFT - 1, -1, -1)), 0.0))
    distance = np.where(np.abs(y - DIGAMMA_ZERO) < 0.3, (y - DIGAMMA_ZERO) - DIGAMMA_ZERO_REST, 0.0)
    psi = np.where(distance != 0, -digamma_difference(np.log1p, np.float64(DIGAMMA_ZERO), distance), psi)
    if not (x < 0.5).any():
        return psi
    cotangent, rest = _pi_cot_pi(x + np.abs(np.floor(x + 0.5)))
    reflected = (psi - cotangent) - rest
    pole = (x <= 0) & (x == np.floor(x))
    return np.where(pole, np.nan, np.where(x < 0.5, reflected, psi))


lgamma, digamma = in_float64(_lgamma), in_float64(_digamma)


def _cbrt(x):
    return np.cbrt(x)


# NumPy's own cbrt of float32 is off by more than a rounding, and takes three quarters of the time.
cbrt = in_float64(_cbrt)
