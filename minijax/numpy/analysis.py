"""Differences, integrals and interpolation."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike, Axis
from ..foundation import dtypes
from ..primitives.elementwise import convert_element_type
from . import cumulative, reductions, ufuncs
from .creation import asarray
from .manipulation import concatenate, moveaxis, ravel, reshape
from .number_kinds import clip
from .sorting import searchsorted
from .util import (
    canonicalize_axis,
    canonicalize_axis_tuple,
    check_arraylike,
    check_hashable,
    ensure_arraylike,
    promote_dtypes,
    promote_dtypes_inexact,
    to_shape,
    where,
)


def _slice(x: Array, start: int, stop: int, axis: int) -> Array:
    return lax.slice_in_dim(x, start, stop, axis=axis)


def diff(
    a: ArrayLike, n: int = 1, axis: int = -1, prepend: ArrayLike | None = None, append: ArrayLike | None = None
) -> Array:
    """The differences of neighbours along an axis, n times (`jax.numpy.diff`).

    >>> diff(np.array([1, 4, 9]))
    Array([3, 5], dtype=int32)
    """
    check_hashable("diff", axis)
    a = ensure_arraylike("diff", a)
    n = operator.index(n)
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"jnp.diff: order must be non-negative but got {n}")
    if not a.shape:
        raise ValueError(f"diff requires input that is at least one dimensional; got {a}")
    axis = canonicalize_axis(axis, len(a.shape))
    edge = tuple(1 if i == axis else d for i, d in enumerate(a.shape))

    def part(x):
        x = ensure_arraylike("diff", x)
        return x if x.shape else to_shape(x, edge)

    parts = [part(x) for x in (prepend, a, append) if x is not None]
    a = concatenate(parts, axis) if len(parts) > 1 else a
    subtract = ufuncs.not_equal if a.dtype == bool else ufuncs.subtract
    before, behind = ((slice(None),) * axis + (s,) for s in (slice(None, -1), slice(1, None)))
    for _ in range(n):
        a = subtract(a[behind], a[before])
    return a


def ediff1d(ary: ArrayLike, to_end: ArrayLike | None = None, to_begin: ArrayLike | None = None) -> Array:
    """The differences of neighbours in the flattened array (`jax.numpy.ediff1d`).

    >>> import minijax.numpy as jnp
    >>> jnp.ediff1d(jnp.array([1, 2, 4]))
    Array([1, 2], dtype=int32)
    """
    a = ravel(ensure_arraylike("ediff1d", ary))
    result = lax.sub(a[1:], a[:-1])
    if to_begin is not None:
        to_begin = ensure_arraylike("ediff1d", to_begin)
        result = concatenate([ravel(convert_element_type(to_begin, a.dtype)), result])
    if to_end is not None:
        to_end = ensure_arraylike("ediff1d", to_end)
        result = concatenate([result, ravel(convert_element_type(to_end, a.dtype))])
    return result


def gradient(
    f: ArrayLike, *varargs: ArrayLike | Sequence[ArrayLike], axis: Axis = None, edge_order: int | None = None
) -> Array | list[Array]:
    """The derivative along each axis: central differences inside, one-sided ones at the edges (`jax.numpy.gradient`).

    varargs: the spacing, for all axes or for each: a number, or the coordinates along the axis.

    >>> import minijax.numpy as jnp
    >>> jnp.gradient(jnp.array([1.0, 2.0, 4.0]))
    Array([1. , 1.5, 2. ], dtype=float32)
    """
    check_hashable("gradient", axis)
    if edge_order is not None:
        raise NotImplementedError("The 'edge_order' argument to jnp.gradient is not supported.")
    check_arraylike("gradient", f, *varargs)
    f, *spacing = promote_dtypes_inexact(f, *varargs)
    axes = canonicalize_axis_tuple(axis, len(f.shape))
    if not axes:
        return []
    if min(f.shape[a] for a in axes) < 2:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least 2 elements are required."
        )
    if len(spacing) not in (0, 1, len(axes)):
        raise TypeError(f"jnp.gradient: Invalid number of spacing arguments {len(spacing)} for axis={axis!r}")
    spacing = (spacing or [1.0]) * len(axes) if len(spacing) < 2 else spacing
    results = [_gradient_along(f, h, a) for h, a in zip(spacing, axes)]
    return results[0] if len(results) == 1 else results


def _gradient_along(f: Array, h: Any, axis: int) -> Array:
    n = f.shape[axis]
    first = _slice(f, 1, 2, axis) - _slice(f, 0, 1, axis)
    last = _slice(f, n - 1, n, axis) - _slice(f, n - 2, n - 1, axis)
    if np.ndim(h) == 0:
        inner = (_slice(f, 2, n, axis) - _slice(f, 0, n - 2, axis)) * 0.5 / h
        last = last / h
        return concatenate([first / h, inner, last], axis)
    if np.ndim(h) > 1:
        raise ValueError("Spacing arrays must be 1D arrays or scalars.")
    if h.shape[0] != n:
        raise ValueError(
            "Spacing arrays must have the same length as the dimension along which the gradient is calculated."
        )
    h = reshape(h, tuple(n if i == axis else 1 for i in range(len(f.shape))))
    first = first / (_slice(h, 1, 2, axis) - _slice(h, 0, 1, axis))
    last = last / (_slice(h, n - 1, n, axis) - _slice(h, n - 2, n - 1, axis))
    before = _slice(h, 1, n - 1, axis) - _slice(h, 0, n - 2, axis)
    behind = _slice(h, 2, n, axis) - _slice(h, 1, n - 1, axis)
    left = -behind / (before * (before + behind))
    middle = (behind - before) / (before * behind)
    right = before / (behind * (before + behind))
    inner = left * _slice(f, 0, n - 2, axis) + middle * _slice(f, 1, n - 1, axis) + right * _slice(f, 2, n, axis)
    return concatenate([first, inner, last], axis)


def trapezoid(y: ArrayLike, x: ArrayLike | None = None, dx: ArrayLike = 1.0, axis: int = -1) -> Array:
    """The integral along an axis by the trapezoidal rule (`jax.numpy.trapezoid`).

    >>> import minijax.numpy as jnp
    >>> jnp.trapezoid(jnp.array([1.0, 2.0, 3.0]))
    Array(4., dtype=float32)
    """
    check_hashable("trapezoid", axis)
    if x is None:
        (y,) = promote_dtypes_inexact(ensure_arraylike("trapezoid", y))
        steps = asarray(dx)
    else:
        y, x = promote_dtypes_inexact(*ensure_arraylike("trapezoid", y, x))
        steps = diff(x) if len(x.shape) == 1 else moveaxis(diff(x, axis=axis), axis, -1)
    y = moveaxis(y, axis, -1)
    if not steps.shape:
        return steps * (reductions.sum(y, -1) - 0.5 * (y[..., 0] + y[..., -1]))
    return 0.5 * reductions.sum(steps * (y[..., 1:] + y[..., :-1]), -1)


def interp(
    x: ArrayLike,
    xp: ArrayLike,
    fp: ArrayLike,
    left: ArrayLike | str | None = None,
    right: ArrayLike | str | None = None,
    period: ArrayLike | None = None,
) -> Array:
    """The piecewise linear function through the points (xp, fp), at x (`jax.numpy.interp`).

    xp rises. left, right: the value beyond that end, by default the last one, or "extrapolate". period: the period of x.

    >>> interp(1.5, np.float32([1, 2]), np.float32([10, 20]))
    Array(15., dtype=float32)
    """
    x, xp, fp = ensure_arraylike("interp", x, xp, fp)
    if xp.shape != fp.shape or len(xp.shape) != 1:
        raise ValueError("xp and fp must be one-dimensional arrays of equal size")
    for name, value in (("left", left), ("right", right)):
        if isinstance(value, str) and value != "extrapolate":
            raise ValueError(
                f"jnp.interp: the only valid string value of `{name}` is 'extrapolate', but got: {value!r}"
            )
    x, xp = promote_dtypes_inexact(x, xp)
    (fp,) = promote_dtypes_inexact(fp)
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        raise ValueError("jnp.interp: complex x values not supported.")
    if period is not None:
        x, xp, fp = _unroll_period(x, xp, fp, period)
    i = clip(searchsorted(xp, x, "right"), 1, xp.shape[0] - 1)
    rise, step = fp[i] - fp[i - 1], xp[i] - xp[i - 1]
    along = x - xp[i - 1]
    # Two points at one place make a jump, where the slope would be a division by zero.
    jump = lax.abs(step) <= np.spacing(np.finfo(xp.dtype).eps)
    result = where(jump, fp[i - 1], fp[i - 1] + (along / where(jump, 1, step)) * rise)
    for value, end, beyond in ((left, 0, ufuncs.less), (right, -1, ufuncs.greater)):
        if isinstance(value, str):
            continue
        value = fp[end] if value is None else value
        result = where(beyond(x, xp[end]), value, result) if period is None else result
    return result


def _unroll_period(x: Array, xp: Array, fp: Array, period: Any) -> tuple[Array, Array, Array]:
    if np.ndim(period):
        raise ValueError(f"period must be a scalar; got {period}")
    period = ufuncs.abs(period)
    x, xp = x % period, xp % period
    xp, fp = lax.sort_key_val(xp, fp)
    xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return x, xp, concatenate([fp[-1:], fp, fp[:1]])


def unwrap(p: ArrayLike, discont: ArrayLike | None = None, axis: int = -1, period: ArrayLike = 2 * math.pi) -> Array:
    """The angles with jumps of a whole period taken out (`jax.numpy.unwrap`).

    >>> import minijax.numpy as jnp
    >>> jnp.unwrap(jnp.array([0.0, 6.0]))
    Array([ 0.      , -0.283185], dtype=float32)
    """
    check_hashable("unwrap", axis)
    p, period = promote_dtypes(ensure_arraylike("unwrap", p), period)
    if dtypes.issubdtype(p.dtype, np.complexfloating):
        raise ValueError("jnp.unwrap does not support complex inputs.")
    axis = canonicalize_axis(axis, len(p.shape), IndexError)
    if p.shape[axis] == 0:
        return p
    discont = period / 2 if discont is None else discont
    half = period // 2 if dtypes.issubdtype(p.dtype, np.integer) else period / 2
    steps = diff(p, axis=axis)
    wrapped = (steps + half) % period - half
    wrapped = where((wrapped == -half) & (steps > 0), half, wrapped)
    corrections = where(abs(steps) < discont, 0, wrapped - steps)
    first = _slice(p, 0, 1, axis)
    rest = _slice(p, 1, p.shape[axis], axis) + cumulative.cumsum(corrections, axis)
    return concatenate([first, rest], axis)
