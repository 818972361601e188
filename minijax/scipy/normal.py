"""`jax.scipy.special`: the normal distribution's functions, and integrals of exponentials, sines and logarithms."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.custom_derivatives import custom_jvp
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import issubdtype
from ..numpy.util import promote_args_inexact
from ..primitives import integrals, normal
from .gammas import real_arguments, strong


def _floats(x: ArrayLike) -> Array:
    x = jnp.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(f"x.dtype={x.dtype} is not supported, see docstring for supported types.")
    return x


def ndtr(x: ArrayLike) -> Array:
    """The distribution function of the standard normal distribution (`jax.scipy.special.ndtr`).

    x: float32 or float64; TypeError for another dtype.

    >>> ndtr(0.)
    Array(0.5, dtype=float32)
    """
    return normal.ndtr_p.bind(strong(_floats(x)))


def ndtri(p: ArrayLike) -> Array:
    """The inverse of `ndtr` on [0, 1], NaN outside (`jax.scipy.special.ndtri`). TypeError unless p is float32 or float64.

    >>> ndtri(0.975).round(4)
    Array(1.96, dtype=float32)
    """
    return normal.ndtri_p.bind(strong(_floats(p)))


def log_ndtr(x: ArrayLike, series_order: int = 3) -> Array:
    """log(ndtr(x)), with all its digits for small and for large x (`jax.scipy.special.log_ndtr`).

    x: float32 or float64; TypeError for another dtype. series_order: at most 30; it is checked, and nothing else, since no series
    is used here. Raises TypeError and ValueError for another order.

    >>> log_ndtr(-20.).round(3)
    Array(-203.917, dtype=float32)
    """
    if not isinstance(series_order, int):
        raise TypeError("series_order must be a Python integer.")
    if series_order < 0:
        raise ValueError("series_order must be non-negative.")
    if series_order > 30:
        raise ValueError("series_order must be <= 30.")
    x = jnp.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(f"x.dtype={x.dtype} is not supported.")
    return _log_ndtr(x)


@custom_jvp
def _log_ndtr(x):
    # Above -1, ndtr has all its digits, and 1 - ndtr beyond 0; below, the exponential is taken out of it.
    above = lax.log1p(-0.5 * lax.erfc(jnp.maximum(x, -1) * math.sqrt(0.5)))
    low = jnp.minimum(x, -1)
    below = -0.5 * low * low + lax.log(0.5 * normal.erfcx_p.bind(-low * math.sqrt(0.5)))
    return jnp.where(x > -1, above, below).astype(x.dtype)


@_log_ndtr.defjvp
def _log_ndtr_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    ans = _log_ndtr(x)
    return ans, lax.mul(t, lax.exp(-0.5 * x * x - ans - 0.5 * math.log(2 * math.pi)))


def erfcx(x: ArrayLike) -> Array:
    """exp(x^2) erfc(x), which stays normal where erfc is 0 (`jax.scipy.special.erfcx`).

    >>> erfcx(100.).round(6)
    Array(0.005642, dtype=float32)
    """
    (x,) = promote_args_inexact("erfcx", x)
    if issubdtype(x.dtype, np.complexfloating):
        return wofz(1j * x)
    return normal.erfcx_p.bind(strong(x))


# J. A. C. Weideman, "Computation of the complex error function", SIAM J. Numer. Anal. 31 (1994). So many terms have all digits of
# the dtype, and more would only add roundings.
TERMS = {np.dtype("complex64"): 20, np.dtype("complex128"): 48}


@cache
def _weideman(terms: int) -> tuple[float, list[float]]:
    """(L, the coefficients of the polynomial in (L + i z) / (L - i z), highest power first)."""
    scale = math.sqrt(terms / math.sqrt(2))
    angles = np.arange(-2 * terms + 1, 2 * terms) * (math.pi / (2 * terms))
    t = scale * np.tan(angles / 2)
    values = np.append(0.0, np.exp(-t * t) * (scale * scale + t * t))
    coefficients = np.fft.fft(np.fft.fftshift(values)).real / (4 * terms)
    return scale, coefficients[1 : terms + 1][::-1].tolist()


def wofz(z: ArrayLike) -> Array:
    """Faddeeva's function, exp(-z^2) erfc(-i z), of complex numbers (`jax.scipy.special.wofz`).

    >>> wofz(1j).round(4)
    Array(0.4276+0.j, dtype=complex64)
    """
    (z,) = promote_args_inexact("wofz", z)
    z = z.astype(np.result_type(z.dtype, np.complex64))
    upper = z.imag >= 0
    # w(-z) = 2 exp(-z^2) - w(z)
    y = jnp.where(upper, z, -z)
    scale, coefficients = _weideman(TERMS[z.dtype])
    below = scale - 1j * y
    total = jnp.polyval(jnp.asarray(coefficients, z.dtype), (scale + 1j * y) / below)
    value = 2 * total / (below * below) + (1 / math.sqrt(math.pi)) / below
    return jnp.where(upper, value, 2 * jnp.exp(-z * z) - value).astype(z.dtype)


def dawsn(x: ArrayLike) -> Array:
    """Dawson's integral, exp(-x^2) times the integral of exp(t^2) from 0 to x (`jax.scipy.special.dawsn`).

    >>> dawsn(1.).round(4)
    Array(0.5381, dtype=float32)
    """
    (x,) = real_arguments("dawsn", x)
    return normal.dawsn_p.bind(strong(x))


def expi(x: ArrayLike) -> Array:
    """The exponential integral Ei(x), the principal value of the integral of exp(t)/t up to x (`jax.scipy.special.expi`).

    >>> expi(1.).round(4)
    Array(1.8951, dtype=float32)
    """
    (x,) = real_arguments("expi", x)
    return integrals.expi_p.bind(x)


def exp1(x: ArrayLike) -> Array:
    """The exponential integral E_1(x), the integral of exp(-t)/t from x on; NaN for x < 0 (`jax.scipy.special.exp1`).

    >>> exp1(1.).round(4)
    Array(0.2194, dtype=float32)
    """
    (x,) = real_arguments("exp1", x)
    return integrals.exp1_p.bind(x)


def expn(n: ArrayLike, x: ArrayLike) -> Array:
    """The exponential integral E_n(x), the integral of exp(-x t) / t^n from t = 1 on, for integers n >= -4000 and x >= 0
    (`jax.scipy.special.expn`); NaN elsewhere. It has a derivative by x alone.

    >>> expn(2, 1.).round(4)
    Array(0.1485, dtype=float32)
    """
    n, x = real_arguments("expn", n, x)
    return integrals.expn_p.bind(n, x)


def sici(x: ArrayLike) -> tuple[Array, Array]:
    """The sine and the cosine integral, (Si(x), Ci(x)); Ci of a negative x is that of -x, the real part
    (`jax.scipy.special.sici`).

    >>> [integral.round(4) for integral in sici(1.)]
    [Array(0.9461, dtype=float32), Array(0.3374, dtype=float32)]
    """
    (x,) = real_arguments("sici", x)
    return integrals.si_p.bind(x), integrals.ci_p.bind(x)


def fresnel(x: ArrayLike) -> tuple[Array, Array]:
    """Fresnel's integrals (S(x), C(x)) of sin and cos of pi t^2 / 2 from 0 to x (`jax.scipy.special.fresnel`).

    >>> [integral.round(4) for integral in fresnel(1.)]
    [Array(0.4383, dtype=float32), Array(0.7799, dtype=float32)]
    """
    (x,) = promote_args_inexact("fresnel", x)
    if issubdtype(x.dtype, np.complexfloating):
        raise NotImplementedError("fresnel: Support for complex-valued inputs is not implemented yet.")
    return integrals.fresnel_s_p.bind(x), integrals.fresnel_c_p.bind(x)


def spence(x: ArrayLike) -> Array:
    """Spence's function, the integral of log(t) / (1 - t) from 1 to x; NaN for x < 0 (`jax.scipy.special.spence`).
    TypeError unless x is float32 or float64.

    >>> spence(0.).round(4)
    Array(1.6449, dtype=float32)
    """
    return integrals.spence_p.bind(strong(_floats(x)))


__all__ = [
    "dawsn",
    "erfcx",
    "exp1",
    "expi",
    "expn",
    "fresnel",
    "log_ndtr",
    "ndtr",
    "ndtri",
    "sici",
    "spence",
    "wofz",
]
