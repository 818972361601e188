"""The hypergeometric functions of `jax.scipy.special`."""

from __future__ import annotations

from ..core.traces import Array
from ..core.types import ArrayLike
from ..numpy.util import broadcast_arrays, promote_args_inexact
from ..primitives.hypergeometric import hyp1f1_p, hyp2f1_p
from .gammas import real_arguments, strong


def hyp1f1(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Array:
    """Kummer's function M(a, b, x), the sum of (a)_k x^k / ((b)_k k!) (`jax.scipy.special.hyp1f1`).

    As in JAX, it is 1 for a = 0, also if b is 0. NaN for x below about -700. Raises ValueError for complex numbers,
    NotImplementedError for second derivatives by a and b.

    >>> hyp1f1(1.0, 2.0, 1.0).round(4)
    Array(1.7183, dtype=float32)
    """
    return hyp1f1_p.bind(*map(strong, broadcast_arrays(*real_arguments("hyp1f1", a, b, x))))


def hyp2f1(a: ArrayLike, b: ArrayLike, c: ArrayLike, x: ArrayLike) -> Array:
    """Gauss's function F(a, b; c; x), the sum of (a)_k (b)_k x^k / ((c)_k k!), continued to all x < 1 (`jax.scipy.special.hyp2f1`).

    Infinity for x > 1, unless a sum with finitely many terms gives the value, and for a c that is 0 or a negative integer. Raises
    TypeError for complex numbers, NotImplementedError for second derivatives by a, b and c.

    >>> hyp2f1(1.0, 1.0, 2.0, 0.5).round(4)
    Array(1.3863, dtype=float32)
    """
    return hyp2f1_p.bind(*map(strong, broadcast_arrays(*promote_args_inexact("hyp2f1", a, b, c, x))))
