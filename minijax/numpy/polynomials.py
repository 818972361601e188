"""Polynomials, and the convolution of vectors."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation.dtypes import finfo
from ..foundation.tracebacks import hide_our_frames
from ..primitives.basis import const, expand_dims
from ..primitives.sizes import known_value
from . import reductions, ufuncs
from .arithmetic import power
from .creation import arange, zeros, zeros_like
from .inserting import trim_zeros
from .manipulation import atleast_1d, concatenate, flip
from .util import broadcast_shapes, ensure_arraylike, in_order, promote_dtypes, promote_dtypes_inexact


def _coefficients(name: str, *polynomials: ArrayLike) -> list[Array]:
    """The arrays of coefficients. Raises TypeError for a scalar."""
    found = [ensure_arraylike(name, p) for p in polynomials]
    in_order(found)
    if not all(p.shape for p in found):
        raise TypeError(f"jnp.{name} takes polynomials as arrays of coefficients, got a scalar.")
    return found


def polyval(p: ArrayLike, x: ArrayLike, *, unroll: int = 16) -> Array:
    """The value at x of the polynomial with coefficients `p`, highest power first, by Horner's rule (`jax.numpy.polyval`).

    >>> import minijax.numpy as jnp
    >>> jnp.polyval(jnp.array([1.0, 0.0, 1.0]), 2.0)
    Array(5., dtype=float32)
    """
    p, x = promote_dtypes(*ensure_arraylike("polyval", p, x))
    start = zeros_like(x, x.dtype, broadcast_shapes(p.shape[1:], x.shape))
    value, _ = lax.scan(lambda value, coefficient: (value * x + coefficient, None), start, p, unroll=unroll)
    return value


def polyadd(a1: ArrayLike, a2: ArrayLike) -> Array:
    """The sum of two polynomials (`jax.numpy.polyadd`).

    >>> import minijax.numpy as jnp
    >>> jnp.polyadd(jnp.array([1, 2]), jnp.array([1, 0, 0]))
    Array([1, 1, 2], dtype=int32)
    """
    a1, a2 = promote_dtypes(*_coefficients("polyadd", a1, a2))
    if a1.dtype == bool:
        raise TypeError("jnp.polyadd does not add booleans: convert them with astype.")
    longer, shorter = (a1, a2) if a2.shape[0] <= a1.shape[0] else (a2, a1)
    try:
        return longer.at[-shorter.shape[0] :].add(shorter)
    except Exception as error:
        hide_our_frames(error)
        raise


def polysub(a1: ArrayLike, a2: ArrayLike) -> Array:
    """The difference of two polynomials (`jax.numpy.polysub`).

    >>> import minijax.numpy as jnp
    >>> jnp.polysub(jnp.array([1, 2]), jnp.array([1, 0]))
    Array([0, 2], dtype=int32)
    """
    a1, a2 = promote_dtypes(*_coefficients("polysub", a1, a2))
    return polyadd(a1, -a2)


def polymul(a1: ArrayLike, a2: ArrayLike, *, trim_leading_zeros: bool = False) -> Array:
    """The product of two polynomials (`jax.numpy.polymul`).

    >>> import minijax.numpy as jnp
    >>> jnp.polymul(jnp.array([1, 1]), jnp.array([1, -1]))
    Array([ 1.,  0., -1.], dtype=float32)
    """
    a1, a2 = promote_dtypes_inexact(*_coefficients("polymul", a1, a2))
    if trim_leading_zeros and (len(a1) > 1 or len(a2) > 1):
        a1, a2 = trim_zeros(a1, trim="f"), trim_zeros(a2, trim="f")
    # A polynomial without coefficients is 0.
    a1, a2 = (a if a.shape[0] else lax.full((1,), 0, a.dtype) for a in (a1, a2))
    return convolve(a1, a2)


def polydiv(u: ArrayLike, v: ArrayLike, *, trim_leading_zeros: bool = False) -> tuple[Array, Array]:
    """(quotient, remainder) of a division of polynomials, with the remainder's leading zeros, unless they are trimmed: then what
    is less than the root of the dtype's epsilon counts as zero (`jax.numpy.polydiv`).

    >>> polydiv(np.float32([1, 3, 2]), np.float32([1, 1]))
    (Array([1., 2.], dtype=float32), Array([0., 0., 0.], dtype=float32))
    """
    u, v = promote_dtypes_inexact(*_coefficients("polydiv", u, v))
    steps = u.shape[0] - v.shape[0] + 1
    scale, quotient = 1.0 / v[0], zeros(max(steps, 1), u.dtype)
    for k in range(steps):
        factor = scale * u[k]
        quotient = quotient.at[k].set(factor)
        u = u.at[k : k + v.shape[0]].add(-factor * v)
    if trim_leading_zeros:
        large = ufuncs.abs(known_value(u, "jnp.polydiv with trim_leading_zeros=True")) >= finfo(u.dtype).eps ** 0.5
        u = u[int(np.argmax(large)) :] if np.any(large) else u[:0]
    return quotient, u


def polyder(p: ArrayLike, m: int = 1) -> Array:
    """The m-th derivative of a polynomial (`jax.numpy.polyder`).

    >>> import minijax.numpy as jnp
    >>> jnp.polyder(jnp.array([1.0, 0.0, 0.0]))
    Array([2., 0.], dtype=float32)
    """
    (p,) = promote_dtypes_inexact(*_coefficients("polyder", p))
    if m < 0:
        raise ValueError(f"jnp.polyder: Order of derivative must be positive, got {m}")
    m = operator.index(m)
    if m == 0:
        return p
    factors = reductions.prod(_falling(arange(m, p.shape[0], dtype=p.dtype), m), 0)
    return p[:-m] * flip(factors)


def _falling(powers: Array, m: int) -> Array:
    """powers - 0, powers - 1, ... below each other, m rows: their product is the factor of the m-th derivative."""
    return expand_dims(powers, [0]) - expand_dims(arange(m, dtype=powers.dtype), [1])


def polyint(p: ArrayLike, m: int = 1, k: ArrayLike | None = None) -> Array:
    """The m-th antiderivative of a polynomial, with constants k (`jax.numpy.polyint`).

    >>> import minijax.numpy as jnp
    >>> jnp.polyint(jnp.array([2.0, 0.0]))
    Array([1., 0., 0.], dtype=float32)
    """
    m = operator.index(m)
    p, k = promote_dtypes_inexact(*_coefficients("polyint", p), ensure_arraylike("polyint", 0 if k is None else k))
    if m < 0:
        raise ValueError(f"jnp.polyint: Order of integral must be positive (see polyder), got {m}")
    k = atleast_1d(k)
    k = lax.full((m,), k[0]) if k.shape[0] == 1 else k
    if k.shape != (m,):
        raise ValueError(
            f"jnp.polyint: k must be a scalar or a rank-1 array of length 1 or m={m}, got shape {k.shape}."
        )
    if m == 0:
        return p
    factors = flip(reductions.prod(ufuncs.maximum(1, _falling(arange(p.shape[0] + m, dtype=p.dtype), m)), 0))
    return ufuncs.true_divide(concatenate([p, k]), factors)


def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Array:
    """A matrix whose rows are the powers of each element (`jax.numpy.vander`).

    >>> import minijax.numpy as jnp
    >>> jnp.vander(jnp.array([1, 2, 3]), 3)
    Array([[1, 1, 1],
           [4, 2, 1],
           [9, 3, 1]], dtype=int32)
    """
    x = ensure_arraylike("vander", x)
    if len(x.shape) != 1:
        raise ValueError(f"jnp.vander: x must be a one-dimensional array, got shape {x.shape}")
    N = x.shape[0] if N is None else operator.index(N)
    if N < 0:
        raise ValueError(f"jnp.vander: N must be nonnegative, got {N}")
    powers = lax.iota(x.dtype, N)
    powers = powers if increasing else const(powers, N - 1) - powers
    return power(expand_dims(x, [1]), expand_dims(powers, [0]))


def _convolve(name: str, x: Any, y: Any, mode: str, precision, preferred_element_type) -> Array:
    x, y = ensure_arraylike(name, x, y)
    if len(x.shape) != 1 or len(y.shape) != 1:
        raise ValueError(f"{name}() only support 1-dimensional inputs.")
    x, y = promote_dtypes_inexact(x, y) if preferred_element_type is None else promote_dtypes(x, y)
    if x.size == 0 or y.size == 0:
        raise ValueError(f"{name}: inputs cannot be empty, got shapes {x.shape} and {y.shape}.")
    if mode not in ("full", "same", "valid"):
        raise ValueError("mode must be one of ['full', 'same', 'valid']")
    exchanged = x.size < y.size
    if name == "correlate":
        y = ufuncs.conj(y)
    x, y = (y, x) if exchanged else (x, y)
    if name == "convolve":
        y = flip(y)
    n = y.size
    low, high = {"valid": (0, 0), "same": (n // 2, n - n // 2 - 1), "full": (n - 1, n - 1)}[mode]
    out = lax.conv_general_dilated(
        expand_dims(x, [0, 1]),
        expand_dims(y, [0, 1]),
        (1,),
        [(low, high)],
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
    return (flip(out, 2) if exchanged and name == "correlate" else out)[0, 0]


def convolve(
    a: ArrayLike,
    v: ArrayLike,
    mode: str = "full",
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """The convolution of two vectors (`jax.numpy.convolve`); mode "full", "same" or "valid".

    >>> convolve(np.float32([1, 2]), np.float32([1, 1]))
    Array([1., 3., 2.], dtype=float32)
    """
    return _convolve("convolve", a, v, mode, precision, preferred_element_type)


def correlate(
    a: ArrayLike,
    v: ArrayLike,
    mode: str = "valid",
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """The correlation of two vectors, with `v` conjugated (`jax.numpy.correlate`).

    >>> import minijax.numpy as jnp
    >>> jnp.correlate(jnp.array([1.0, 2.0, 3.0]), jnp.array([0.0, 1.0]))
    Array([2., 3.], dtype=float32)
    """
    return _convolve("correlate", a, v, mode, precision, preferred_element_type)
