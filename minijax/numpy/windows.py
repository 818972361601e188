"""Window functions, and the Bessel function that one of them needs."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import lax
from ..api.custom_derivatives import custom_jvp
from ..api.derivatives import jvp
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives import bessel
from ..primitives.sizes import known_value
from . import ufuncs
from .util import as_array, default_float_dtype, promote_args_inexact, where


def _size(M: Any, name: str) -> int:
    known = known_value(M, f"the M of jnp.{name}")
    if isinstance(known, (complex, list, tuple)):
        # A TypeError: NumPy would take the real part, or the only number.
        return int(known)
    known = np.asarray(known)[()]
    return int(known) if not isinstance(known, str) else operator.index(known)


def _places(M: Any, name: str) -> tuple[int, Array | None]:
    """(M, the numbers 0 ... M-1), or (M, None) for a window of one element at most, which is 1."""
    size = _size(M, name)
    return size, lax.iota(default_float_dtype(), size) if size > 1 else None


def _ones(size: int) -> Array:
    return lax.full((size,), 1, default_float_dtype())


def bartlett(M: int) -> Array:
    """The triangle that is 0 at both ends and 1 in the middle (`jax.numpy.bartlett`).

    >>> bartlett(5)
    Array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    M, n = _places(M, "bartlett")
    return _ones(M) if n is None else 1 - ufuncs.abs(2 * n + 1 - M) / (M - 1)


def blackman(M: int) -> Array:
    """Blackman's window, a constant and two cosines (`jax.numpy.blackman`).

    >>> blackman(3).round(4)
    Array([-0.,  1., -0.], dtype=float32)
    """
    M, n = _places(M, "blackman")
    if n is None:
        return _ones(M)
    return 0.42 - 0.5 * ufuncs.cos(2 * np.pi * n / (M - 1)) + 0.08 * ufuncs.cos(4 * np.pi * n / (M - 1))


def hamming(M: int) -> Array:
    """Hamming's window, a cosine that ends at 0.08 (`jax.numpy.hamming`).

    >>> hamming(3).round(4)
    Array([0.08, 1.  , 0.08], dtype=float32)
    """
    M, n = _places(M, "hamming")
    return _ones(M) if n is None else 0.54 - 0.46 * ufuncs.cos(2 * np.pi * n / (M - 1))


def hanning(M: int) -> Array:
    """Von Hann's window, a cosine that ends at 0 (`jax.numpy.hanning`).

    >>> hanning(3).round(4)
    Array([0., 1., 0.], dtype=float32)
    """
    M, n = _places(M, "hanning")
    return _ones(M) if n is None else 0.5 * (1 - ufuncs.cos(2 * np.pi * n / (M - 1)))


def kaiser(M: int, beta: ArrayLike) -> Array:
    """Kaiser's window, a ratio of Bessel functions; a greater `beta` makes it narrower (`jax.numpy.kaiser`).

    >>> kaiser(3, 2.0).round(4)
    Array([0.4387, 1.    , 0.4387], dtype=float32)
    """
    M, n = _places(M, "kaiser")
    if n is None:
        return _ones(M)
    half = 0.5 * (M - 1)
    return i0(beta * ufuncs.sqrt(1 - ((n - half) / half) ** 2)) / i0(beta)


def _i0_of(x):
    size = ufuncs.abs(x)
    return ufuncs.exp(size) * bessel.bessel_i0e_p.bind(size)


_i0 = custom_jvp(_i0_of)


@_i0.defjvp
def _i0_jvp(primals, tangents):
    # |x| has the slope 1 at 0, where I0 has the slope 0.
    value, tangent = jvp(_i0_of, primals, tangents)
    return value, where(primals[0] == 0, 0.0, tangent)


def i0(x: ArrayLike) -> Array:
    """The modified Bessel function of the first kind of order 0 (`jax.numpy.i0`). Raises ValueError for complex numbers.

    >>> i0(np.float32([0, 1])).round(4)
    Array([1.    , 1.2661], dtype=float32)
    """
    (x,) = promote_args_inexact("i0", x)
    if not dtypes.issubdtype(x.dtype, np.floating):
        raise ValueError(f"Unsupported input type to jax.numpy.i0: {x.dtype}")
    return _i0(as_array(x))
