"""`jax.scipy.special`: the gamma and beta functions, what is counted by them, and zeta."""

from __future__ import annotations

import math

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.custom_derivatives import custom_jvp
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import issubdtype
from ..numpy.util import broadcast_arrays, promote_args_inexact, static_int
from ..primitives import beta as beta_rows
from ..primitives.special_functions import LANCZOS_BASE, LANCZOS_G, LANCZOS_TERMS


def real_arguments(name: str, *args: ArrayLike) -> list[Array]:
    """The arguments as arrays of one float dtype. Raises ValueError for complex numbers."""
    arrays = promote_args_inexact(name, *args)
    if issubdtype(arrays[0].dtype, np.complexfloating):
        raise ValueError(f"{name} does not support complex-valued inputs.")
    return arrays


def strong(x: Array) -> Array:
    """x in its own dtype, not weak: for functions whose cotangent JAX turns as weak as the argument was."""
    return lax.convert_element_type(x, x.dtype)


def gammaln(x: ArrayLike) -> Array:
    """log |gamma(x)| (`jax.scipy.special.gammaln`).

    >>> gammaln(5.).round(4)
    Array(3.1781, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("gammaln", x)
    return lax.lgamma(x)


def loggamma(x: ArrayLike) -> Array:
    """log gamma(x), NaN for a real x <= 0 (`jax.scipy.special.loggamma`); of complex x, on the branch that is real for x > 0.

    >>> loggamma(5.).round(4)
    Array(3.1781, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("loggamma", x)
    if issubdtype(x.dtype, np.complexfloating):
        return _complex_loggamma(x)
    value = lax.lgamma(x)
    return jnp.where(x > 0, value, np.nan)


def _lanczos(z):
    """log gamma(z) for Re(z) >= 1/2 (C. Lanczos, SIAM J. Numer. Anal. B 1, 1964), with the numbers of `special_functions`."""
    z = z - 1
    total = sum((c / (z + k) for k, c in enumerate(LANCZOS_TERMS, 1)), LANCZOS_BASE)
    t = z + (LANCZOS_G + 0.5)
    return (z + 0.5) * jnp.log(t) - t + jnp.log(total) + 0.5 * math.log(2 * math.pi)


def _complex_loggamma(z):
    left = z.real < 0.5
    # gamma(z) gamma(1 - z) = pi / sin(pi z). In the upper half plane, the branch of log sin(pi z) that follows that of log gamma
    # is -i pi z + i pi/2 - log 2 + log(1 - exp(2 pi i z)); below it, it is the conjugate.
    upper = jnp.where(z.imag < 0, jnp.conj(z), z)
    turned = 2j * math.pi * (upper - jnp.floor(upper.real))
    log_sine = -1j * math.pi * upper + (0.5j * math.pi - math.log(2)) + jnp.log1p(-jnp.exp(turned))
    log_sine = jnp.where(z.imag < 0, jnp.conj(log_sine), log_sine)
    right = _lanczos(jnp.where(left, 1 - z, z))
    value = jnp.where(left, math.log(math.pi) - log_sine - right, right)
    pole = (z.imag == 0) & (z.real <= 0) & (z.real == jnp.floor(z.real))
    return jnp.where(pole | jnp.isnan(z), complex(np.nan, np.nan), value).astype(z.dtype)


def gammasgn(x: ArrayLike) -> Array:
    """The sign of gamma(x): 1 or -1, and NaN at negative integers (`jax.scipy.special.gammasgn`).

    >>> gammasgn(np.float32([0.5, -0.5, -1.5, -2.]))
    Array([ 1., -1.,  1., nan], dtype=float32)
    """
    (x,) = real_arguments("gammasgn", x)
    below, negative = lax.floor(x), x < 0
    undefined = (negative & (x == below)) | jnp.isnan(x)
    odd = (negative & (below % 2 != 0)) | ((x == 0) & jnp.signbit(x))
    of_undefined, of_odd, of_even = (np.array(v, x.dtype)[()] for v in (np.nan, -1, 1))
    return jnp.select([undefined, odd], [of_undefined, of_odd], of_even)


def gamma(x: ArrayLike) -> Array:
    """The gamma function, also of complex numbers; NaN at its poles (`jax.scipy.special.gamma`).

    >>> gamma(5.).round(4)
    Array(24., dtype=float32)
    """
    (x,) = promote_args_inexact("gamma", x)
    if issubdtype(x.dtype, np.complexfloating):
        return jnp.exp(_complex_loggamma(x))
    return gammasgn(x) * lax.exp(lax.lgamma(x))


def factorial(n: ArrayLike, exact: bool = False) -> Array:
    """n!, as a float: gamma(n + 1), and 0 for negative n (`jax.scipy.special.factorial`).

    Raises NotImplementedError for exact=True, as JAX.

    >>> factorial(4).round(4)
    Array(24., dtype=float32, weak_type=True)
    """
    if exact:
        raise NotImplementedError("factorial with exact=True: an exact factorial above 20! fits in no integer dtype.")
    (n,) = promote_args_inexact("factorial", n)
    return jnp.where(n < 0, 0, lax.exp(lax.lgamma(n + 1)))


def comb(N: ArrayLike, k: ArrayLike, *, repetition: bool = False) -> Array:
    """The number of ways to choose k of N things, as a float (`jax.scipy.special.comb`).

    repetition: whether a thing may be chosen more than once.

    >>> comb(5, 2).round(4)
    Array(10., dtype=float32, weak_type=True)
    """
    N, k = promote_args_inexact("comb", N, k)
    if repetition:
        return jnp.where((k == 0) & (N >= 0), 1.0, comb(N + k - 1, k))
    possible = (k <= N) & (N >= 0) & (k >= 0)
    # Elsewhere a place is computed whose derivative is finite.
    N, k = jnp.where(possible, N, 0.0), jnp.where(possible, k, 0.0)
    logarithm = lax.lgamma(N + 1) - lax.lgamma(k + 1) - lax.lgamma(N + 1 - k)
    return jnp.where(possible, lax.exp(logarithm), 0.0)


def poch(z: ArrayLike, m: ArrayLike) -> Array:
    """Pochhammer's symbol, gamma(z + m) / gamma(z) (`jax.scipy.special.poch`).

    >>> poch(2., 3.).round(4)
    Array(24., dtype=float32)
    """
    z, m = real_arguments("jnp.poch", z, m)
    return _poch(*broadcast_arrays(z, m))


@custom_jvp
def _poch(z, m):
    return jnp.where(m == 0, jnp.ones_like(z), gamma(z + m) / gamma(z))


# Also at m = 0, where the value is chosen.
_poch.defjvps(
    lambda g, ans, z, m: g * (ans * (lax.digamma(z + m) - lax.digamma(z))),
    lambda g, ans, z, m: g * (ans * lax.digamma(z + m)),
)


def multigammaln(a: ArrayLike, d: int) -> Array:
    """The logarithm of the multivariate gamma function of dimension d (`jax.scipy.special.multigammaln`).

    >>> multigammaln(3., 2).round(4)
    Array(1.5502, dtype=float32)
    """
    d = static_int(d, "multigammaln")
    a, _ = promote_args_inexact("multigammaln", a, d)
    halves = jnp.arange(d, dtype=a.dtype) / 2
    terms = lax.lgamma(jnp.expand_dims(a, -1) - halves)
    return jnp.sum(terms, -1) + d * (d - 1) / 4 * math.log(math.pi)


def betaln(a: ArrayLike, b: ArrayLike) -> Array:
    """log |beta(a, b)| (`jax.scipy.special.betaln`).

    >>> betaln(2., 3.).round(4)
    Array(-2.4849, dtype=float32, weak_type=True)
    """
    a, b = promote_args_inexact("betaln", a, b)
    return beta_rows.betaln_p.bind(*broadcast_arrays(a, b))


def beta(a: ArrayLike, b: ArrayLike) -> Array:
    """The beta function, gamma(a) gamma(b) / gamma(a + b) (`jax.scipy.special.beta`).

    >>> beta(2., 2.).round(4)
    Array(0.1667, dtype=float32)
    """
    a, b = real_arguments("beta", a, b)
    return gammasgn(a) * gammasgn(b) * gammasgn(a + b) * lax.exp(betaln(a, b))


def betainc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Array:
    """The regularized incomplete beta function, I_x(a, b) (`jax.scipy.special.betainc`). It has a derivative by x alone.

    >>> betainc(1., 2., 0.5)
    Array(0.75, dtype=float32, weak_type=True)
    """
    a, b, x = real_arguments("betainc", a, b, x)
    return lax.betainc(a, b, x)


def gammainc(a: ArrayLike, x: ArrayLike) -> Array:
    """The regularized lower incomplete gamma function, P(a, x) (`jax.scipy.special.gammainc`).

    >>> gammainc(1., 1.).round(4)
    Array(0.6321, dtype=float32, weak_type=True)
    """
    return lax.igamma(*promote_args_inexact("gammainc", a, x))


def gammaincc(a: ArrayLike, x: ArrayLike) -> Array:
    """The regularized upper incomplete gamma function, Q(a, x) = 1 - P(a, x) (`jax.scipy.special.gammaincc`).

    >>> gammaincc(1., 1.).round(4)
    Array(0.3679, dtype=float32, weak_type=True)
    """
    return lax.igammac(*promote_args_inexact("gammaincc", a, x))


def digamma(x: ArrayLike) -> Array:
    """The derivative of `gammaln` (`jax.scipy.special.digamma`).

    >>> digamma(1.).round(4)
    Array(-0.5772, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("digamma", x)
    return lax.digamma(x)


def polygamma(n: ArrayLike, x: ArrayLike) -> Array:
    """The n-th derivative of `digamma` (`jax.scipy.special.polygamma`). Raises ValueError if n is no integer.

    >>> polygamma(1, 1.).round(4)
    Array(1.6449, dtype=float32, weak_type=True)
    """
    dtype = jnp.result_type(n)
    if not issubdtype(dtype, np.integer):
        raise ValueError(f"Argument `n` to polygamma must be of integer type. Got dtype {dtype}.")
    return lax.polygamma(*real_arguments("polygamma", n, x))


def zeta(x: ArrayLike, q: ArrayLike | None = None) -> Array:
    """Hurwitz' zeta function, the sum of (q + k)^-x over k = 0, 1, ... (`jax.scipy.special.zeta`).

    Raises NotImplementedError without q, as JAX.

    >>> zeta(2., 1.).round(4)
    Array(1.6449, dtype=float32, weak_type=True)
    """
    if q is None:
        raise NotImplementedError(
            "Riemann zeta function not implemented; pass q != None to compute the Hurwitz Zeta function."
        )
    return lax.zeta(*promote_args_inexact("zeta", x, q))


def bernoulli(n: int) -> Array:
    """The Bernoulli numbers B_0 to B_n, with B_1 = -1/2; at least three (`jax.scipy.special.bernoulli`).

    >>> bernoulli(4).round(4)
    Array([ 1.    , -0.5   ,  0.1667,  0.    , -0.0333], dtype=float32)
    """
    n = static_int(n, "bernoulli's n")
    if n < 0:
        raise ValueError("n must be a non-negative integer.")
    # B_m = -(sum over k < m of binomial(m + 1, k) B_k) / (m + 1): exact, with fractions of integers.
    numbers: list[tuple[int, int]] = []
    for m in range(n + 1):
        top, bottom = (1, 1) if m == 0 else (0, 1)
        for k, (a, b) in enumerate(numbers):
            top, bottom = top * b - math.comb(m + 1, k) * a * bottom, bottom * b
        common = math.gcd(top, bottom * (m + 1)) or 1
        numbers.append((top // common, bottom * (m + 1) // common) if m else (1, 1))
    dtype = jnp.zeros(()).dtype
    return jnp.asarray(
        np.array([a / b if abs(a) < abs(b) << 1000 else math.copysign(math.inf, a) for a, b in numbers], dtype)
    )


__all__ = [
    "bernoulli",
    "beta",
    "betainc",
    "betaln",
    "comb",
    "digamma",
    "factorial",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammaln",
    "gammasgn",
    "loggamma",
    "multigammaln",
    "poch",
    "polygamma",
    "zeta",
]
