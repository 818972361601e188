"""The true values of special functions, by mpmath: what `accuracy_table.py` measures against.

Each function takes and gives mpmath's numbers, at the precision that is set. Where mpmath's own function is slow, or loses digits,
the formula is another one; its source stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
from mpmath import mp, mpf

HALF = mpf(1) / 2


def expit(x):
    return 1 / (1 + mp.exp(-x)) if x >= 0 else mp.exp(x) / (1 + mp.exp(x))


def log1pexp(x):
    return x + mp.log1p(mp.exp(-x)) if x > 0 else mp.log1p(mp.exp(x))


def xlogy(x, y):
    return mpf(0) if x == 0 else x * mp.log(y)


def xlog1py(x, y):
    return mpf(0) if x == 0 else x * mp.log1p(y)


def log1m(x):
    """log(1 - x)"""
    return mp.log1p(-x)


def logaddexp(x, y):
    return max(x, y) + mp.log1p(mp.exp(-abs(x - y)))


def sign(x):
    return mpf((x > 0) - (x < 0))


# ---------------------------------------------------------------------------------------------------------------------
# The normal distribution


def erfcx(x):
    """exp(x^2) erfc(x); for large x the asymptotic series (DLMF 7.12.1), whose 12 terms have 60 digits beyond 1e4."""
    if x < 1e4:
        return mp.exp(x * x) * mp.erfc(x)
    total = term = mpf(1)
    for k in range(1, 12):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
    return total / (x * mp.sqrt(mp.pi))


def erfc(x):
    return mp.exp(-x * x) * erfcx(x) if x > 1e4 else mp.erfc(x)


def ndtr(x):
    return erfc(-x / mp.sqrt(2)) / 2


def log_ndtr(x):
    return mp.log1p(-ndtr(-x)) if x > 0 else -x * x / 2 + mp.log(erfcx(-x / mp.sqrt(2)) / 2)


def dawsn(x):
    if abs(x) < 100:
        return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)
    total = term = mpf(1)
    for k in range(1, 25):
        term *= (2 * k - 1) / (2 * x * x)
        total += term
    return total / (2 * x)


def newton(function: Callable, slope: Callable, y, x):
    """The x near the given one with function(x) = y."""
    for _ in range(40):
        step = (function(x) - y) / slope(x)
        x -= step
        if abs(step) <= abs(x) * mpf(2) ** (-0.7 * mp.prec):
            # The error is the square of the last step's.
            return x
    raise ArithmeticError("Newton's method does not settle")


def ndtri(p):
    """By Newton's method for log ndtr, which is concave: it settles from every start to the left."""
    if not 0 < p < 1:
        raise ValueError
    if p == HALF:
        return mpf(0)
    if p > HALF:
        return -ndtri(1 - p)
    start = -mp.sqrt(-2 * mp.log(p)) if p < 0.1 else mpf(-1)
    return newton(log_ndtr, lambda x: mp.exp(-x * x / 2 - log_ndtr(x)) / mp.sqrt(2 * mp.pi), mp.log(p), start)


def erfinv(x):
    if abs(x) < 0.3:
        start = x * mp.sqrt(mp.pi) / 2
        return newton(mp.erf, lambda t: 2 / mp.sqrt(mp.pi) * mp.exp(-t * t), x, start) if x else mpf(0)
    return -sign(x) * ndtri((1 - abs(x)) / 2) / mp.sqrt(2)


def owens_t(h, a):
    return mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi)


# ---------------------------------------------------------------------------------------------------------------------
# Gamma and beta


def gammaln(x):
    if x <= 0 and x == mp.floor(x):
        raise ValueError
    return mp.loggamma(x).real if x < 0 else mp.loggamma(x)


def gamma(x):
    return sign_of_gamma(x) * mp.exp(gammaln(x))


def sign_of_gamma(x):
    return mpf(-1) if x < 0 and mp.floor(x) % 2 else mpf(1)


def betaln(a, b):
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def beta(a, b):
    return sign_of_gamma(a) * sign_of_gamma(b) * sign_of_gamma(a + b) * mp.exp(betaln(a, b))


def _lower_sum(a, x):
    """x^a e^-x / gamma(a + 1) (1 + x/(a+1) + ...): all terms are positive (DLMF 8.11.4)."""
    total = term = mpf(1)
    n = 1
    while term > total * mp.eps:
        term *= x / (a + n)
        total += term
        n += 1
    return total * mp.exp(a * mp.log(x) - x - gammaln(a + 1))


def _upper_fraction(a, x):
    """x^a e^-x / gamma(a) by Legendre's continued fraction (DLMF 8.9.2), by Lentz's method."""
    b = x + 1 - a
    d, c = 1 / b, mpf(10) ** 300
    h, n = d, 0
    while True:
        n += 1
        k, b = -n * (n - a), b + 2
        d = 1 / (b + k * d)
        c = b + k / c
        h *= c * d
        if abs(c * d - 1) < mp.eps:
            return h * mp.exp(a * mp.log(x) - x - gammaln(a))


def gammainc(a, x):
    if not (a > 0 and x > 0):
        raise ValueError
    return 1 - _upper_fraction(a, x) if x > a + 1 + mp.sqrt(a) and x > 30 else _lower_sum(a, x)


def gammaincc(a, x):
    if not (a > 0 and x > 0):
        raise ValueError
    if x > a + 1 + mp.sqrt(a) and x > 30:
        return _upper_fraction(a, x)
    # For a small a the sum is close to 1; here x is at most 30, or the result at least 0.1.
    with mp.extradps(40 + max(0, int(mp.log10(1 / a)))):
        return 1 - _lower_sum(a, x)


def _beta_fraction(a, b, x):
    """The continued fraction of DLMF 8.17.22, by Lentz's method, times the power in front."""
    c, d, h, m = mpf(1), mpf(0), mpf(1), 0
    while True:
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) if m else -(a + b) * x / (a + 1)
        before = h
        for k in (odd, (m + 1) * (b - m - 1) * x / ((a + 2 * m + 1) * (a + 2 * m + 2))):
            d = 1 / (1 + k * d)
            c = 1 + k / c
            h *= c * d
        m += 1
        if abs(h / before - 1) < mp.eps:
            return mp.exp(a * mp.log(x) + b * mp.log1p(-x) - betaln(a, b)) / a / h


def betainc(a, b, x):
    if not (a > 0 and b > 0 and 0 <= x <= 1):
        raise ValueError
    if x in (0, 1):
        return x
    if x < (a + 1) / (a + b + 2):
        return _beta_fraction(a, b, x)
    with mp.extradps(60):
        return 1 - _beta_fraction(b, a, 1 - x)


def igamma_grad_a(a, x):
    return slope(gammainc, (a, x), 0)


def random_gamma_grad(a, x):
    return -slope(gammainc, (a, x), 0) / mp.exp((a - 1) * mp.log(x) - x - gammaln(a))


# ---------------------------------------------------------------------------------------------------------------------
# Bessel, integrals


def scaled_bessel_i(order, x):
    """exp(-|x|) I(x); for large x the asymptotic series (DLMF 10.40.1)."""
    if abs(x) < 500:
        return mp.exp(-abs(x)) * mp.besseli(order, x)
    size, total, term = abs(x), mpf(1), mpf(1)
    for k in range(1, 40):
        term *= -(4 * order**2 - (2 * k - 1) ** 2) / (8 * size * k)
        total += term
    return total / mp.sqrt(2 * mp.pi * size) * (sign(x) if order % 2 else 1)


def bessel_i(order, x):
    return mp.exp(abs(x)) * scaled_bessel_i(order, x)


def exp1(x):
    if x == 0:
        raise ValueError
    return mp.e1(x) if x > 0 else -mp.ei(-x)


def expn(n, x):
    if n < 0 or x < 0 or n != mp.floor(n):
        raise ValueError
    return mp.exp(-x) / x if n == 0 else mp.expint(n, x)


def fresnel(of: Callable, x):
    """S or C of x; their difference from 1/2 is at most 1 / (pi x)."""
    return of(x) if abs(x) < 1e10 else sign(x) * HALF


def spence(x):
    """Li2(1 - x), by inversion and reflection (DLMF 25.12.4 and 6)."""
    if x < 0:
        raise ValueError
    if x > 2:
        return -(mp.log(x) ** 2) / 2 - spence(1 / x)
    if 0 < x < HALF:
        return mp.pi**2 / 6 - mp.log(x) * log1m(x) - spence(1 - x)
    return mp.polylog(2, 1 - x).real


def zeta(x, q):
    if x <= 1 or q <= 0:
        raise ValueError
    return mp.zeta(x, q)


def polygamma(n, x):
    if n < 0 or n != mp.floor(n) or x <= 0 and x == mp.floor(x):
        raise ValueError
    return mp.psi(int(n), x)


def von_mises(x, kappa):
    if not kappa > 0:
        raise ValueError
    return kappa * (mp.cos(x) - 1) - mp.log(2 * mp.pi * scaled_bessel_i(0, kappa))


def poisson_entropy(mu):
    """The sum over all counts whose probability counts."""
    width = 14 * mp.sqrt(mu) + 80
    low, high = max(0, int(mu - width)), int(mu + width)
    total, log_p = mpf(0), low * mp.log(mu) - mu - gammaln(mpf(low + 1))
    for k in range(low, high):
        total -= log_p * mp.exp(log_p)
        log_p += mp.log(mu) - mp.log(k + 1)
    return total


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives


def slope(function: Callable, args, i: int):
    """The derivative by argument i, by a central difference of so small a step that its error is 2^-180 of it."""
    difference = mpf(0)
    for digits in (110, 220, 900):
        with mp.workdps(digits):
            step = mp.ldexp(abs(args[i]) or mpf(1), -90)
            up, down = (function(*args[:i], args[i] + s, *args[i + 1 :]) for s in (step, -step))
            difference = (up - down) / (2 * step)
            if difference and mp.mag(up) - mp.mag(up - down) < mp.prec - 80:
                break
    return difference


__all__ = [name for name in dir() if not name.startswith("_")]
assert mpmath.__version__
