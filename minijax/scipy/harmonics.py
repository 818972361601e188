"""Special functions that are sums over orders or nodes: Bessel functions of whole orders, spherical harmonics, Owen's T
(`jax.scipy.special`)."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.custom_derivatives import custom_jvp
from ..core.traces import Array
from ..core.types import ArrayLike
from ..numpy.util import promote_args_inexact, static_int
from ..primitives.basis import const


def bessel_jn(z: ArrayLike, *, v: int, n_iter: int = 50) -> Array:
    """J0(z), J1(z), ..., Jv(z), the Bessel functions of the first kind, for real z (`jax.scipy.special.bessel_jn`).

    The result has shape (v + 1, *z.shape). J. C. P. Miller's algorithm: the recurrence J(k-1) = 2k/z J(k) - J(k+1), downwards
    from order n_iter, which must be larger than v and than |z|; then J0 + 2 (J2 + J4 + ...) = 1 gives the scale. Raises TypeError
    for complex z, and for orders that are not integers.

    >>> bessel_jn(1.0, v=2).round(4)
    Array([0.7652, 0.4401, 0.1149], dtype=float32)
    """
    (z,) = promote_args_inexact("bessel_jn", z)
    if z.dtype.kind == "c":
        raise TypeError("bessel_jn takes real numbers, got an array of complex numbers.")
    v, n_iter = operator.index(v), int(n_iter)
    zero = z == 0
    divisor = jnp.where(zero, 1, z)
    nothing = jnp.zeros_like(z)

    def step(carry, k):
        above, here, total, kept = carry
        # A quotient for each k: the rounding of one inverse for all would be that of another z.
        below = 2 * k / divisor * here - above
        # The next sum: J0 once, the other even orders twice. `k` is the order of `here`.
        total = total + jnp.where(k % 2 == 1, jnp.where(k == 1, 1, 2), 0) * below
        kept = jnp.concatenate([below[None], kept[:-1]])
        # For a small z the terms grow beyond the largest float. A power of two rounds nothing.
        scale = jnp.where(abs(below) > 2.0**33, const(z, 2.0**-33), const(z, 1))
        return (here * scale, below * scale, total * scale, kept * scale), None

    rows = min(v, n_iter) + 1
    start = (nothing, nothing + 1e-10, nothing, jnp.zeros((rows, *z.shape), z.dtype) + nothing)
    orders = jnp.arange(n_iter + 1, 0, -1, dtype=z.dtype)
    (_, _, total, kept), _ = lax.scan(step, start, orders)
    at_zero = jnp.zeros((rows,) + (1,) * len(z.shape), z.dtype).at[0].set(1)
    return jnp.where(zero, at_zero, kept / total)


def sph_harm_y(
    n: ArrayLike, m: ArrayLike, theta: ArrayLike, phi: ArrayLike, diff_n: Any = None, n_max: int | None = None
) -> Array:
    """The spherical harmonics of degree n and order m at colatitude theta in [0, pi] and longitude phi
    (`jax.scipy.special.sph_harm_y`), complex numbers, orthonormal on the sphere.

    n, m: arrays of integers, -n <= m <= n; n has an axis at least. n_max: the largest degree, a number that is known while
    tracing; larger degrees are taken for n_max. Raises NotImplementedError for diff_n, and TypeError for angles that are complex or
    have 16 bits.

    >>> sph_harm_y(np.array([1]), np.array([0]), 0.0, 0.0).round(4)
    Array([0.4886+0.j], dtype=complex64)
    """
    if diff_n is not None:
        raise NotImplementedError("The 'diff_n' argument to jax.scipy.special.sph_harm_y is not supported.")
    known = None if n_max is None else static_int(n_max, "the n_max of sph_harm_y")
    if not np.ndim(n):
        raise TypeError(f"sph_harm_y takes an array of degrees n, got the scalar {n}: make it jnp.array([n]).")
    n_max = int(np.max(n)) if known is None else known
    theta, phi = promote_args_inexact("sph_harm_y", theta, phi)
    if theta.dtype.kind == "c" or theta.dtype.itemsize == 2:
        raise TypeError(f"sph_harm_y takes angles of float32 or float64, got {theta.dtype}.")
    # JAX's recurrence is in the default float, and so is its result.
    theta, phi = theta.astype(float), phi.astype(float)
    n, order = jnp.minimum(n, n_max), jnp.minimum(abs(jnp.asarray(m)), n_max)
    x, sine = jnp.cos(theta), jnp.sin(theta)
    square = (order * order).astype(x.dtype)
    nothing = jnp.zeros(jnp.broadcast_shapes(n.shape, order.shape, theta.shape), x.dtype) * x

    def step(carry, degree):
        """The normalized Legendre functions of the order: P(m, m) from P(m-1, m-1), and the others from the two degrees before."""
        diagonal, before, here, found = carry
        diagonal = diagonal * jnp.where(degree > 0, -jnp.sqrt((2 * degree + 1) / jnp.maximum(2 * degree, 1)) * sine, 1)
        above = degree > order
        # Where the degree is not larger than the order, any numbers serve, if they are positive.
        up = jnp.sqrt(
            (4 * degree**2 - 1) / jnp.where(above, degree**2 - square, 1) * jnp.where(above, 1, 0) + (1 - above)
        )
        lower = jnp.where(above, ((degree - 1) ** 2 - square) / (4 * (degree - 1) ** 2 - 1), 0)
        following = up * (x * here - jnp.where(lower > 0, jnp.sqrt(jnp.where(lower > 0, lower, 1)), 0) * before)
        following = jnp.where(above, following, jnp.where(degree == order, diagonal, 0))
        return (diagonal, here, following, jnp.where(degree == n, following, found)), None

    start = (nothing + math.sqrt(0.25 / math.pi), nothing, nothing, nothing)
    (_, _, _, legendre), _ = lax.scan(step, start, jnp.arange(n_max + 1, dtype=x.dtype))
    angle = order * phi
    sign = jnp.where(jnp.asarray(m) < 0, 1 - 2 * (order % 2), 1)
    mirrored = jnp.where(jnp.asarray(m) < 0, -1, 1)
    return lax.complex(
        *jnp.broadcast_arrays(sign * legendre * jnp.cos(angle), sign * mirrored * legendre * jnp.sin(angle))
    )


NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)


@custom_jvp
def _owens_t(h, a):
    """The integral by Gauss-Legendre quadrature for |a| <= 1. A larger |a| is exchanged for 1/|a| (M. Patefield and D. Tandy,
    "Fast and accurate calculation of Owen's T-function", 2000)."""
    h, sign, a = abs(h), jnp.sign(a), abs(a)
    large = a > 1
    ah = jnp.where(h == 0, 0, a * h)
    inner_h, inner_a = jnp.where(large, ah, h), jnp.where(large, 1 / a, a)
    square = (inner_a[..., None] * ((NODES + 1) / 2).astype(h.dtype)) ** 2 + 1
    values = jnp.exp(-0.5 * inner_h[..., None] ** 2 * square) / square
    result = inner_a * jnp.sum(values * (WEIGHTS / (4 * math.pi)).astype(h.dtype), -1)
    x, y = h * math.sqrt(0.5), ah * math.sqrt(0.5)
    near = 0.25 - 0.25 * lax.erf(x) * lax.erf(y)
    far = 0.25 * (lax.erfc(x) + lax.erfc(y) - lax.erfc(x) * lax.erfc(y))
    result = sign * jnp.where(large, jnp.where(ah <= 0.67, near, far) - result, result)
    return jnp.where(jnp.isnan(h) | jnp.isnan(a), jnp.nan, result)


@_owens_t.defjvp
def _owens_t_jvp(primals, tangents):
    (h, a), (dh, da) = primals, tangents
    scale = a * a + 1
    # The roundings of the two roots cancel: with a product by the root of 1/2 they add up, to four units in the last place.
    by_h = -jnp.exp(-0.5 * h * h) * lax.erf(a * h / math.sqrt(2)) / (2 * math.sqrt(2 * math.pi))
    by_a = jnp.exp(-0.5 * h * h * scale) / (2 * math.pi * scale)
    return _owens_t(h, a), by_h * dh + by_a * da


def owens_t(h: ArrayLike, a: ArrayLike) -> Array:
    """Owen's T function, 1/(2 pi) times the integral of exp(-h^2 (1 + x^2) / 2) / (1 + x^2) for x from 0 to a
    (`jax.scipy.special.owens_t`). Raises TypeError for complex numbers.

    >>> owens_t(0.0, 1.0)
    Array(0.125, dtype=float32)
    """
    h, a = promote_args_inexact("owens_t", h, a)
    if h.dtype.kind == "c":
        raise TypeError("owens_t takes real numbers, got complex numbers.")
    # JAX's nodes are of the default float, and so is its result.
    return _owens_t(*jnp.broadcast_arrays(h.astype(float), a.astype(float)))
