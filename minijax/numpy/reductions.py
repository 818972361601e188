"""Reductions of `jnp`: sums, products, extremes, whether all or any hold, and where the largest is."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation import dtypes
from ..foundation.tracebacks import hide_our_frames
from ..primitives import elementwise as ew
from ..primitives.basis import const, expand_dims
from ..primitives.elementwise import convert_element_type
from .util import (
    Axis,
    canonicalize_axis,
    canonicalize_axis_tuple,
    check_hashable,
    check_no_out,
    convert,
    default_int_dtype,
    default_uint_dtype,
    ensure_arraylike,
    is_listed,
    promote_dtypes_numeric,
    static_int,
    user_dtype,
)
from .util import where as _where


def static_axis(axis: Any) -> Axis:
    """The axis argument as an int, a tuple of ints, or None. It must be known, since it decides the result's shape. A name of an
    axis, as `vmap(..., axis_name="i")` gives one, stays as it is."""
    try:
        if axis is None:
            return None
        if is_listed(axis):
            return tuple(a if isinstance(a, str) else static_int(a) for a in axis)
        return axis if isinstance(axis, str) else static_int(axis)
    except Exception as error:
        hide_our_frames(error)
        raise


def split_axis(axis: Axis, ndim: int, error: type[Exception] = ValueError) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """(the axes of the array itself, the named axes) of an axis argument, as `static_axis` gives it."""
    listed = axis if isinstance(axis, tuple) else (axis,)
    names = tuple(a for a in listed if isinstance(a, str))
    own = tuple(a for a in listed if not isinstance(a, str)) if names else axis
    return canonicalize_axis_tuple(own, ndim, error), names


# The functions of lax for reductions along named axes, which few programs name.
_ALONG_NAMES = {"sum": "psum", "max": "pmax", "min": "pmin"}


def _is_half(dtype) -> bool:
    """Whether the dtype is a 16-bit float, whose sums are computed in float32."""
    return dtypes.issubdtype(dtype, np.floating) and dtype.itemsize == 2


def half_to_float32(dtype):
    return np.dtype("float32") if _is_half(dtype) else dtype


def promote_integer(dtype):
    """The dtype that sums of the given dtype have: for booleans and small integers, the default integer of their kind."""
    if dtype.kind == "b":
        return default_int_dtype()
    for kind, default in (
        (np.unsignedinteger, default_uint_dtype),
        (np.integer, default_int_dtype),
    ):
        if dtypes.issubdtype(dtype, kind):
            return default() if dtype.itemsize < default().itemsize else dtype
    return dtype


def check_where(name: str, where: Any):
    if where is None:
        return None
    where = ensure_arraylike(name, where)
    if where.dtype != bool:
        raise ValueError(f"jnp.{name}: where must be None or a boolean array; got where.dtype={where.dtype!r}.")
    return where


def identity_element(dtype, value) -> np.ndarray:
    """The starting value of a reduction as a scalar of the dtype; in an integer dtype, infinity becomes the largest integer."""
    if dtype.kind == "b":
        return np.array(value > 0)
    if math.isinf(value) and dtypes.issubdtype(dtype, np.integer):
        info = dtypes.iinfo(dtype)
        value = info.max if value > 0 else info.min
    return np.array(value, dtype)


def _reduce(
    a: Any,
    name: str,
    bind: Callable,
    combine: Callable,
    identity: float | None,
    *,
    axis: Axis,
    keepdims: bool,
    initial: Any,
    where: Any,
    dtype: Any = None,
    start: float | None = None,
    prepare: Callable | None = None,
    promote_integers: bool = False,
    upcast_half: bool = False,
) -> Array:
    """A reduction: `bind(x, axes)` reduces an array, `combine(x, y)` joins two results.

    If a reduction of no elements is an error, `identity` is None, and masked elements count as `start`.
    """
    try:
        a = ensure_arraylike(name, a)
        where = check_where(name, where)
        if identity is None and where is not None and initial is None:
            raise ValueError(
                f"reduction operation {name} does not have an identity, so to use a where mask one has to specify 'initial'"
            )
        a = prepare(a) if prepare else a
        axes, names = split_axis(static_axis(axis), len(a.shape))
        if names and name not in _ALONG_NAMES:
            raise NotImplementedError(f"Named reductions not implemented for jnp.{name}()")
        if identity is None and initial is None and builtins.any(a.shape[d] == 0 for d in axes):
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
        dtype = user_dtype(dtype, name)
        result_dtype = dtype or (promote_integer(a.dtype) if promote_integers else a.dtype)
        a = convert_element_type(a, half_to_float32(result_dtype) if upcast_half and dtype is None else result_dtype)
        if where is not None:
            a = _where(where, a, identity_element(a.dtype, start if identity is None else identity))
        result = bind(a, axes)
        result = getattr(lax, _ALONG_NAMES[name])(result, names) if names else result
        if initial is not None:
            initial = convert(ensure_arraylike(name, initial), a.dtype)
            if initial.shape:
                raise ValueError(f"{name}: initial value must be a scalar. Got array of shape {initial.shape}")
            result = combine(initial, result)
        if keepdims:
            result = expand_dims(result, axes)
        return convert_element_type(result, result_dtype)
    except Exception as error:
        hide_our_frames(error)
        raise


def _numeric(x: Array) -> Array:
    return promote_dtypes_numeric(x)[0]


def truth(x: Array) -> Array:
    x = ew.real_p.bind(x) if dtypes.issubdtype(x.dtype, np.complexfloating) else x
    return convert_element_type(x, np.dtype(bool))


def _bind_sum(x: Array, axes: tuple[int, ...]) -> Array:
    if x.dtype == bool:
        return lax.reduce_or_p.bind(x, axes=axes)
    return lax.reduce_sum_p.bind(x, axes=axes, out_sharding=None)


def _bind_prod(x: Array, axes: tuple[int, ...]) -> Array:
    if x.dtype == bool:
        return lax.reduce_and_p.bind(x, axes=axes)
    return lax.reduce_prod_p.bind(x, axes=axes)


def _add(x, y):
    return ew.or_p.bind(x, y) if x.dtype == bool else ew.add_p.bind(x, y)


def _multiply(x, y):
    return ew.and_p.bind(x, y) if x.dtype == bool else ew.mul_p.bind(x, y)


# ---------------------------------------------------------------------------------------------------------------------
# Sums, products, extremes, truth


def sum(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
    promote_integers: bool = True,
) -> Array:
    """The sum over axes (`jax.numpy.sum`). Booleans and small integers are summed as int32.

    >>> sum(np.float32([1, 2, 3]))
    Array(6., dtype=float32)
    """
    check_no_out("sum", out)
    return _reduce(
        a, "sum", _bind_sum, _add, 0, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where,
        prepare=_numeric, promote_integers=promote_integers, upcast_half=True,
    )  # fmt: skip


def prod(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
    promote_integers: bool = True,
) -> Array:
    """The product over axes (`jax.numpy.prod`).

    >>> import minijax.numpy as jnp
    >>> jnp.prod(jnp.array([2, 3, 4]))
    Array(24, dtype=int32)
    """
    check_no_out("prod", out)
    return _reduce(
        a, "prod", _bind_prod, _multiply, 1, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where,
        prepare=_numeric, promote_integers=promote_integers, upcast_half=True,
    )  # fmt: skip


def max(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """The largest element over axes (`jax.numpy.max`); NaN if one is NaN. Raises ValueError if there is none.

    >>> import minijax.numpy as jnp
    >>> jnp.max(jnp.array([[1, 3], [2, 0]]), axis=0)
    Array([2, 3], dtype=int32)
    """
    check_no_out("max", out)
    return _reduce(
        a, "max", lambda x, axes: lax.reduce_max_p.bind(x, axes=axes), ew.max_p.bind, None,
        start=-math.inf, axis=axis, keepdims=keepdims, initial=initial, where=where,
    )  # fmt: skip


def min(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """The smallest element over axes (`jax.numpy.min`); NaN if one is NaN. Raises ValueError if there is none.

    >>> import minijax.numpy as jnp
    >>> jnp.min(jnp.array([[1, 3], [2, 0]]), axis=0)
    Array([1, 0], dtype=int32)
    """
    check_no_out("min", out)
    return _reduce(
        a, "min", lambda x, axes: lax.reduce_min_p.bind(x, axes=axes), ew.min_p.bind, None,
        start=math.inf, axis=axis, keepdims=keepdims, initial=initial, where=where,
    )  # fmt: skip


def amax(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """As `max` (`jax.numpy.amax`).

    >>> import minijax.numpy as jnp
    >>> jnp.amax(jnp.array([1, 3, 2]))
    Array(3, dtype=int32)
    """
    return max(a, axis, out, keepdims, initial, where)


def amin(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """As `min` (`jax.numpy.amin`).

    >>> import minijax.numpy as jnp
    >>> jnp.amin(jnp.array([3, 1, 2]))
    Array(1, dtype=int32)
    """
    return min(a, axis, out, keepdims, initial, where)


def all(
    a: ArrayLike, axis: Axis = None, out: None = None, keepdims: bool = False, *, where: ArrayLike | None = None
) -> Array:
    """Whether all elements over axes are true (`jax.numpy.all`).

    >>> import minijax.numpy as jnp
    >>> jnp.all(jnp.array([True, False]))
    Array(False, dtype=bool)
    """
    check_no_out("all", out)
    return _reduce(
        a, "all", lambda x, axes: lax.reduce_and_p.bind(x, axes=axes), ew.and_p.bind, 1,
        axis=axis, keepdims=keepdims, initial=None, where=where, prepare=truth,
    )  # fmt: skip


def any(
    a: ArrayLike, axis: Axis = None, out: None = None, keepdims: bool = False, *, where: ArrayLike | None = None
) -> Array:
    """Whether some element over axes is true (`jax.numpy.any`).

    >>> import minijax.numpy as jnp
    >>> jnp.any(jnp.array([True, False]))
    Array(True, dtype=bool)
    """
    check_no_out("any", out)
    return _reduce(
        a, "any", lambda x, axes: lax.reduce_or_p.bind(x, axes=axes), ew.or_p.bind, 0,
        axis=axis, keepdims=keepdims, initial=None, where=where, prepare=truth,
    )  # fmt: skip


def ptp(a: ArrayLike, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    """The largest minus the smallest element over axes (`jax.numpy.ptp`).

    >>> import minijax.numpy as jnp
    >>> jnp.ptp(jnp.array([1, 5, 3]))
    Array(4, dtype=int32)
    """
    check_no_out("ptp", out)
    a = ensure_arraylike("ptp", a)
    return ew.sub_p.bind(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims))


def count_nonzero(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The number of elements that are not zero (`jax.numpy.count_nonzero`).

    >>> import minijax.numpy as jnp
    >>> jnp.count_nonzero(jnp.array([0, 1, 2]))
    Array(2, dtype=int32)
    """
    check_hashable("count_nonzero", axis)
    a = ensure_arraylike("count_nonzero", a)
    return sum(ew.ne_p.bind(a, const(a, 0)), axis, default_int_dtype(), keepdims=keepdims)


# ---------------------------------------------------------------------------------------------------------------------
# Where the largest is


def _arg(name: str, primitive_name: str):
    def function(a: ArrayLike, axis: int | None = None, out: None = None, keepdims: bool | None = None) -> Array:
        a = ensure_arraylike(name, a)
        check_no_out(name, out)
        ndim = len(a.shape)
        if axis is None:
            a, position, axes = lax.reshape(a, (a.size,)), 0, tuple(range(ndim))
        else:
            position = canonicalize_axis(operator.index(axis), ndim, IndexError)
            axes = (position,)
        if a.shape[position] == 0:
            raise ValueError(f"attempt to get {name} of an empty sequence")
        result = getattr(lax, primitive_name)(a, position, default_int_dtype())
        return expand_dims(result, axes) if keepdims else result

    function.__name__ = function.__qualname__ = name
    which = "largest" if name == "argmax" else "smallest"
    function.__doc__ = f"""The index of the first {which} element along an axis, or of all (`jax.numpy.{name}`).

    >>> import minijax.numpy as jnp
    >>> jnp.{name}(jnp.array([2, 5, 1]))
    Array({1 if name == "argmax" else 2}, dtype=int32)
    """
    return function


argmax, argmin = _arg("argmax", "argmax"), _arg("argmin", "argmin")
