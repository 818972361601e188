"""Functions of complex numbers as XLA computes them where a part is zero, infinite or NaN.

NumPy follows the C standard: the sign of a zero tells the sides of a branch cut apart, and a part of the result may be known
where a part of the argument is not: exp(-inf+nanj) is 0. XLA computes sqrt(-1-0j) as sqrt(-1+0j), and exp(-inf+nanj) from
exp(-inf) cos(nan), which is NaN. So NumPy computes, and the functions here change what differs. Where XLA's values are a fault,
such as atan(1+nanj) with the real part pi/2, NumPy's stay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .complex_numbers import is_ordinary, joined, reciprocal

NAN = complex(np.nan, np.nan)


def _mended(function: Callable, mend: Callable, given: Callable = np.asarray) -> Callable:
    """A function of real and complex arrays; `out` is not the argument.

    If a part of an argument is zero, infinite or NaN, the function is applied to given(x), and mend(x, out) changes the results
    that differ.
    """

    def impl(x, out=None):
        if x.dtype.kind != "c" or is_ordinary(x):
            return function(x, out=out)
        x = given(x)
        out = np.asarray(function(x, out=out))
        mend(x, out)
        return out

    impl.__name__ = function.__name__
    return impl


def _plus_real(x):
    """x, where a real part of -0.0 is 0.0."""
    return joined(x.real + 0, x.imag)


def _plus_imag(x):
    """x, where an imaginary part of -0.0 is 0.0."""
    return joined(x.real, x.imag + 0)


def _plus(x):
    """x, where a part of -0.0 is 0.0."""
    return joined(x.real + 0, x.imag + 0)


def _put(out, where, value):
    if np.any(where):
        np.copyto(out, value, where=where)


def _from_formula(formula: Callable) -> Callable:
    """Compute by a formula what an infinite argument or NaN gives."""

    def mend(x, out):
        odd = ~np.isfinite(x)
        if odd.any():
            out[odd] = formula(x[odd])

    return mend


def _exp(x):
    size = np.exp(x.real)
    return joined(size * np.cos(x.imag), np.where(x.imag == 0, 0, size * np.sin(x.imag)))


def _expm1(x, out):
    _put(out.imag, x.imag == 0, 0)


def _log(x, out):
    _put(out, np.isnan(x), NAN)


def _log1p(x, out):
    """log(1 + x). NumPy's of complex numbers is log|1 + x|, which is 0 for all small x."""
    if x.dtype.kind != "c":
        return np.log1p(x, out=out)
    a, b = x.real, x.imag
    size = np.log(np.hypot(1 + a, b))
    small = (np.abs(a) < 0.5) & (np.abs(b) < 0.5)
    # |1 + x|^2 = 1 + a (2 + a) + b^2
    size = np.where(small, np.log1p(np.where(small, a * (2 + a) + b * b, 0)) / 2, size)
    return joined(size, np.arctan2(b, 1 + a), out)


def _rsqrt(x, out):
    _put(out, x == 0, complex(np.inf, np.nan))
    infinite = np.isinf(x)
    _put(out.real, infinite, np.where(x.real == -np.inf, -0.0, 0.0))
    _put(out.imag, infinite, np.where(np.signbit(x.imag) & ~np.isnan(x.imag), 0.0, -0.0))


def _sin(x, out):
    _put(out, ~np.isfinite(x.real), NAN)


def _cos(x, out):
    _put(out, ~np.isfinite(x.real), NAN)
    _put(out.imag, x.real == 0, 0)


def _tan(x, out):
    odd, infinite = ~np.isfinite(x.real), np.isinf(x.imag)
    _put(out, odd & ~infinite, NAN)
    _put(out.real, odd & infinite, 0)


def _sinh(x, out):
    _put(out, ~np.isfinite(x.imag), NAN)
    _put(out.real, (x.real == 0) & np.isfinite(x.imag), 0)


def _cosh(x, out):
    _put(out, ~np.isfinite(x.imag), NAN)
    _put(out.imag, (x.imag == 0) | (x.real == 0) & np.isfinite(x.imag), 0)


def _tanh(x, out):
    odd, infinite = ~np.isfinite(x.imag), np.isinf(x.real)
    _put(out, odd & ~infinite, NAN)
    _put(out.imag, odd & infinite, 0)


def _of_imaginary_nan(x, out):
    _put(out, (x.real == 0) & np.isnan(x.imag), NAN)


def _asinh(x, out):
    _put(out, (x.imag == 0) & np.isnan(x.real), NAN)


def _atan(x, out):
    _put(out.imag, (x.imag == 0) & ~np.isnan(x.real), -0.0)
    _put(out.real, (x.real == 0) & np.isinf(x.imag), np.pi / 2)


def _atanh(x, out):
    _put(out.imag, np.isinf(x.real) & (x.imag == 0), np.pi / 2)


exp = _mended(np.exp, _from_formula(_exp), _plus_imag)
expm1 = _mended(np.expm1, _expm1, _plus)
log = _mended(np.log, _log)
log1p = _mended(_log1p, _log)
sqrt = _mended(np.sqrt, _log, _plus)
rsqrt = _mended(lambda x, out: np.reciprocal(np.sqrt(x, out=out), out=out), _rsqrt)
sin = _mended(np.sin, _sin, _plus_real)
cos = _mended(np.cos, _cos, _plus_real)
tan = _mended(np.tan, _tan, _plus_real)
sinh = _mended(np.sinh, _sinh, _plus)
cosh = _mended(np.cosh, _cosh, _plus_imag)
tanh = _mended(np.tanh, _tanh, _plus_imag)
asin = _mended(np.arcsin, _of_imaginary_nan, _plus_imag)
acos = _mended(np.arccos, _of_imaginary_nan, _plus_imag)
atan = _mended(np.arctan, _atan)
asinh = _mended(np.arcsinh, _asinh, _plus_real)
acosh = _mended(np.arccosh, _of_imaginary_nan, _plus_imag)
atanh = _mended(np.arctanh, _atanh, _plus_real)


def exp2(x):
    """2 to the power x, for complex numbers from exp, as in JAX."""
    return np.exp2(x) if x.dtype.kind != "c" else exp(x * x.dtype.type(np.log(2)))


def sign(x):
    """x / |x|, each part by itself; 0 of 0."""
    size = np.abs(x)
    size = np.where(size == 0, 1, size)
    return joined(x.real / size, x.imag / size)


def logistic(x):
    """1 / (1 + exp(-x))."""
    return reciprocal(1 + exp(-x))


def power(x, y):
    """x to the power y. What NumPy makes of zeros, infinities, NaN and 1 differs."""
    out = np.asarray(np.power(x, y))
    x, y = (np.broadcast_to(z, out.shape) for z in (x, y))
    odd = ~np.isfinite(x) | ~np.isfinite(y) | (x == 0) | (y == 0) | (x == 1)
    if odd.any():
        out[odd] = _power(x[odd], y[odd])
    return out


def _power(x, y):
    """|x|^Re(y) exp(-Im(y) arg(x)), at the angle Re(y) arg(x) + Im(y) log|x|."""
    (a, b), (c, d) = (x.real, x.imag), (y.real, y.imag)
    square, angle, half = a * a + b * b, np.arctan2(b, a), x.real.dtype.type(0.5)
    size, turned = np.power(square, half * c) * np.exp(-d * angle), c * angle + half * d * np.log(square)
    out = joined(size * np.cos(turned), size * np.sin(turned))
    endless = (a == np.inf) & (b == 0)
    _put(out, endless & (c > 0) & (d == 0), complex(np.inf, 0))
    _put(out, ((x == 0) & (c > 0) | endless & (c < 0)) & (d == 0), 0)
    _put(out, (x == 1) | (y == 0), 1)
    return out
