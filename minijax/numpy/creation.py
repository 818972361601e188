"""Making arrays: from values, from shapes, from ranges."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np

from .. import lax
from ..core.array import to_array
from ..core.traces import Array, given
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation import dtypes
from ..foundation.float_errors import SILENT, with_float_errors
from ..foundation.tracebacks import hide_our_frames
from ..primitives import elementwise as ew
from ..primitives.basis import broadcast_in_dim, expand_dims
from ..primitives.elementwise import convert_element_type, copy_p
from ..primitives.sizes import known_value
from .arithmetic import power
from .ufuncs import log10, sign
from .util import (
    as_array,
    broadcast_shapes,
    canonicalize_axis,
    canonicalize_shape,
    check_arraylike,
    check_arraylike_or_none,
    constant,
    convert,
    default_float_dtype,
    ensure_arraylike,
    static_int,
    to_shape,
    unwrap,
    user_dtype,
)

# ---------------------------------------------------------------------------------------------------------------------
# From values


def array(
    object: Any,
    dtype: DTypeLike | None = None,
    copy: bool = True,
    order: str | None = "K",
    ndmin: int = 0,
    *,
    device: Any = None,
) -> Array:
    """An array made of a number, an array, or nested lists of them, which may be traced (`jax.numpy.array`).

    A lone Python number is weakly typed, unless `dtype` is given. Raises TypeError for other objects.

    >>> array([[1, 2], [3, 4]])
    Array([[1, 2],
           [3, 4]], dtype=int32)
    >>> array(1.5).weak_type
    True
    """
    if order not in (None, "K"):
        raise NotImplementedError("Only implemented for order='K'")
    dtype = user_dtype(dtype, "array")
    object = unwrap(object)
    if isinstance(object, Array):
        result = _array_of_array(object, dtype, copy)
    elif isinstance(object, (list, tuple)):
        result = _array_of_list(object, dtype)
    else:
        result = _array_of_value(object, dtype)
    missing = ndmin - len(result.shape)
    return expand_dims(result, range(missing)) if missing > 0 else result


def asarray(
    a: Any, dtype: DTypeLike | None = None, order: str | None = None, *, copy: bool | None = None, device: Any = None
) -> Array:
    """As `array`, but without a copy if `a` is an array already (`jax.numpy.asarray`).

    >>> asarray((1, 2.5))
    Array([1. , 2.5], dtype=float32)
    """
    if isinstance(a, Array) and dtype is None and not copy and order is None:
        return as_array(a)
    dtype = user_dtype(dtype, "asarray")
    return array(a, dtype, copy=bool(copy), order=order)


def _array_of_array(x: Array, dtype, copy: bool) -> Array:
    x = as_array(x)
    x = copy_p.bind(x) if copy else x
    return convert_element_type(x, dtype) if dtype is not None and (x.dtype != dtype or x.weak_type) else x


def _array_of_value(x: Any, dtype) -> Array:
    try:
        if dtypes.python_scalar_type(x) is not None and dtype is None:
            return given(x)
        if isinstance(x, (bool, int, float, complex, str, np.ndarray, np.generic)) and dtype is not None:
            # NumPy refuses numbers that the dtype cannot hold: OverflowError for 300 as uint8, TypeError for 1j as float32.
            return given(with_float_errors(SILENT, np.array, x, dtype))
        if not isinstance(x, (np.ndarray, np.generic)):
            x = _from_foreign(x)
        if x.dtype.kind not in "biufcV" or x.dtype.names:
            raise TypeError(
                f"Value {x!r} with dtype {x.dtype} is not a valid JAX array type. Only arrays of numeric types are"
                " supported by JAX."
            )
        return given(x) if dtype is None else convert(to_array(x), dtype)
    except Exception as error:
        hide_our_frames(error)
        raise


def _from_foreign(x: Any) -> np.ndarray:
    """A NumPy array of an object that offers its data by `__array__`, by `__dlpack__` or as a buffer."""
    if x is None:
        raise ValueError("None is not a valid value for jnp.array")
    if hasattr(x, "__array__") or isinstance(x, str):
        return np.asarray(x)
    if hasattr(x, "__dlpack__"):
        return np.from_dlpack(x)
    return np.asarray(x)


def _leaves(x: Any):
    if isinstance(x, (list, tuple)):
        for item in x:
            yield from _leaves(item)
    else:
        yield x


def _array_of_list(nested: list | tuple, dtype) -> Array:
    try:
        leaves = [unwrap(leaf) for leaf in _leaves(nested)]
        if any(leaf is None for leaf in leaves):
            raise ValueError("None is not a valid value for jnp.array")
        if dtype is None:
            typed = [leaf if _has_dtype(leaf) else _from_foreign(leaf) for leaf in leaves]
            dtype = dtypes.lattice_result_type(*typed)[0] if leaves else default_float_dtype()
        if any(isinstance(leaf, Array) for leaf in leaves):
            return _stack_list(nested, dtype)
        return given(np.array(nested, dtype))
    except Exception as error:
        hide_our_frames(error)
        raise


def _has_dtype(x: Any) -> bool:
    return dtypes.python_scalar_type(x) is not None or isinstance(x, (Array, np.ndarray, np.generic))


def _stack_list(nested: Any, dtype) -> Array:
    """An array of nested lists that hold arrays, stacked by equations, so that traced values stay traced."""
    if not isinstance(nested, (list, tuple)):
        return asarray(nested, dtype)
    if not nested:
        return given(np.zeros(0, dtype))
    rows = [expand_dims(_stack_list(item, dtype), [0]) for item in nested]
    return lax.concatenate(rows, 0)


def copy(a: ArrayLike, order: str | None = None) -> Array:
    """A copy (`jax.numpy.copy`).

    >>> import minijax.numpy as jnp
    >>> jnp.copy(jnp.array([1, 2]))
    Array([1, 2], dtype=int32)
    """
    check_arraylike("copy", a)
    return array(a, copy=True, order=order)


def astype(x: ArrayLike, dtype: DTypeLike, /, *, copy: bool = False, device: Any = None) -> Array:
    """x in another dtype (`jax.numpy.astype`); None stands for the default float.

    >>> import minijax.numpy as jnp
    >>> jnp.astype(jnp.array([1.7, -1.7]), int)
    Array([ 1, -1], dtype=int32)
    """
    x = ensure_arraylike("astype", x)
    dtype = default_float_dtype() if dtype is None else user_dtype(dtype, "astype")
    if dtype.kind == "b" and dtypes.issubdtype(x.dtype, np.complexfloating):
        x = x != 0
    result = convert_element_type(x, dtype)
    return copy_p.bind(result) if copy else result


def frombuffer(buffer: Any, dtype: DTypeLike = float, count: int = -1, offset: int = 0) -> Array:
    """The numbers in a buffer of bytes (`jax.numpy.frombuffer`).

    >>> import minijax.numpy as jnp
    >>> jnp.frombuffer(bytes([1, 0, 2, 0]), dtype="int16")
    Array([1, 2], dtype=int16)
    """
    buffer = np.asarray(buffer) if isinstance(buffer, Array) else buffer
    return asarray(np.frombuffer(buffer, dtype, count, offset))


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
    """The array of an object with `__dlpack__` (`jax.numpy.from_dlpack`).

    >>> import minijax.numpy as jnp
    >>> import numpy as np
    >>> jnp.from_dlpack(np.arange(3, dtype=np.int32))
    Array([0, 1, 2], dtype=int32)
    """
    return asarray(np.from_dlpack(x))


def from_external(external_array: Any, device: Any = None, copy: bool | None = None) -> Array:
    """The array of an object with `__dlpack__`, such as another library's (`jax.dlpack.from_dlpack`).

    >>> import numpy as np
    >>> from_external(np.arange(3, dtype=np.int32))
    Array([0, 1, 2], dtype=int32)
    """
    return from_dlpack(external_array, device=device, copy=copy)


def is_supported_dtype(dtype: DTypeLike) -> bool:
    """Whether `from_dlpack` takes arrays of a dtype (`jax.dlpack.is_supported_dtype`): those that NumPy itself has.

    >>> is_supported_dtype("float32"), is_supported_dtype("bfloat16")
    (True, False)
    """
    return dtypes.as_dtype(dtype).kind in "biufc"


# ---------------------------------------------------------------------------------------------------------------------
# From shapes


def _check_forgot_tuple(name: str, shape: Any, dtype: Any):
    if isinstance(dtype, int) and isinstance(shape, int):
        raise TypeError(
            f"Cannot interpret '{dtype}' as a data type.\n\nDid you accidentally write"
            f" `jax.numpy.{name}({shape}, {dtype})` when you meant `jax.numpy.{name}(({shape}, {dtype}))`, i.e. with a"
            " single tuple argument for the shape?"
        )


def _filled(shape: tuple[int, ...], value: Any, dtype, weak_type: bool = False) -> Array:
    return broadcast_in_dim(convert(value, dtype, weak_type), shape, ())


def _of_one_value(name: str, value: int) -> Callable:
    def function(
        shape: int | Shape, dtype: DTypeLike | None = None, *, device: Any = None, out_sharding: Any = None
    ) -> Array:
        _check_forgot_tuple(name, shape, dtype)
        dtype = user_dtype(float if dtype is None else dtype, name)
        return _filled(canonicalize_shape(shape), value, dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""An array of {value}s; float32 unless a dtype is given (`jax.numpy.{name}`).

    >>> {name}(2)
    Array([{value}., {value}.], dtype=float32)
    """
    return function


zeros, ones = _of_one_value("zeros", 0), _of_one_value("ones", 1)
# Zeros, as in JAX: with arbitrary values, a program would not give the same result twice.
empty = _of_one_value("empty", 0)


def full(
    shape: int | Shape,
    fill_value: ArrayLike,
    dtype: DTypeLike | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array of one value, or of an array repeated (`jax.numpy.full`).

    >>> full((2, 2), 7.0, dtype=int)
    Array([[7, 7],
           [7, 7]], dtype=int32)
    """
    check_arraylike("full", fill_value)
    dtype = user_dtype(dtype, "full")
    shape = canonicalize_shape(shape)
    fill_value = unwrap(fill_value)
    if np.ndim(fill_value) == 0:
        return lax.full(shape, fill_value, dtype)
    return to_shape(asarray(fill_value, dtype), shape)


def full_like(
    a: ArrayLike,
    fill_value: ArrayLike,
    dtype: DTypeLike | None = None,
    shape: int | Shape | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """As `full`, by default in the shape and dtype of `a` (`jax.numpy.full_like`).

    >>> import minijax.numpy as jnp
    >>> jnp.full_like(jnp.array([1, 2]), 7)
    Array([7, 7], dtype=int32)
    """
    check_arraylike("full_like", fill_value)
    aval_shape, aval_dtype, weak_type = _type_of("full_like", a)
    dtype = user_dtype(dtype, "full_like")
    shape = aval_shape if shape is None else canonicalize_shape(shape)
    if np.ndim(fill_value) == 0:
        weak_type = weak_type and dtype is None
        return _filled(shape, fill_value, aval_dtype if dtype is None else dtype, weak_type)
    return to_shape(asarray(fill_value, aval_dtype if dtype is None else dtype), shape)


def _type_of(name: str, a: Any) -> tuple[tuple[int, ...], Any, bool]:
    """Shape, dtype and weak type of an array, or of an object that has a shape and a dtype (`jax.ShapeDtypeStruct`)."""
    if not isinstance(a, Array) and hasattr(a, "shape") and hasattr(a, "dtype"):
        return tuple(a.shape), dtypes.canonicalize_dtype(a.dtype), getattr(a, "weak_type", False)
    a = ensure_arraylike(name, a)
    return a.shape, a.dtype, a.weak_type


def _like(name: str, value: int) -> Callable:
    def function(
        a: ArrayLike,
        dtype: DTypeLike | None = None,
        shape: int | Shape | None = None,
        *,
        device: Any = None,
        out_sharding: Any = None,
    ) -> Array:
        _type_of(name, a)
        return full_like(a, value, dtype, shape)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""`{name[:-5]}` in the shape and dtype of `a` (`jax.numpy.{name}`).

    >>> import minijax.numpy as jnp
    >>> jnp.{name}(jnp.array([7, 8]))
    Array([{value}, {value}], dtype=int32)
    """
    return function


zeros_like, ones_like = _like("zeros_like", 0), _like("ones_like", 1)


def empty_like(
    prototype: ArrayLike, dtype: DTypeLike | None = None, shape: int | Shape | None = None, *, device: Any = None
) -> Array:
    """Zeros in the shape and dtype of `prototype` (`jax.numpy.empty_like`).

    >>> import minijax.numpy as jnp
    >>> jnp.empty_like(jnp.array([1, 2]))
    Array([0, 0], dtype=int32)
    """
    _type_of("empty_like", prototype)
    return full_like(prototype, 0, dtype, shape)


# ---------------------------------------------------------------------------------------------------------------------
# From ranges


def arange(
    start: ArrayLike,
    stop: ArrayLike | None = None,
    step: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """Equally spaced numbers from `start`, by default 0, up to but without `stop` (`jax.numpy.arange`).

    >>> arange(4), arange(1, 2, 0.25)
    (Array([0, 1, 2, 3], dtype=int32), Array([1.  , 1.25, 1.5 , 1.75], dtype=float32))
    """
    check_arraylike_or_none("arange", start, stop, step)
    start, stop, step = (known_value(unwrap(x), "jnp.arange") for x in (start, stop, step))
    given = [x for x in (start, stop, step) if x is not None]
    for x in given:
        if np.ndim(x):
            raise ValueError(f"jax.numpy.arange: arguments must be scalars; got {x}")
    dtype = dtypes.result_type(*given) if dtype is None else user_dtype(dtype, "arange")
    if any(np.iscomplexobj(x) for x in given):
        raise ValueError("Passing complex start/stop/step to jnp.arange is not supported.")
    if stop is None:
        start, stop = 0, start
    # As Python numbers, since arithmetic in 32 bits could round the size.
    low, high = (np.asarray(x).item() for x in (start, stop))
    if step is not None:
        return _arange_by_step(low, high, np.asarray(step).item(), dtype)
    size = max(0, math.ceil(high - low))
    steps = lax.broadcasted_iota(dtype, (size,), 0)
    return steps if low == 0 else ew.add_p.bind(convert(low, dtype), steps)


def _arange_by_step(start, stop, step, dtype) -> Array:
    half = dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4
    work_dtype = np.dtype("float32") if half else dtype
    size = max(0, math.ceil((stop - start) / step))
    steps = lax.broadcasted_iota(work_dtype, (size,), 0)
    scaled = ew.mul_p.bind(convert(step, work_dtype), steps)
    return convert_element_type(ew.add_p.bind(convert(start, work_dtype), scaled), dtype)


@overload
def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: Literal[False] = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Array: ...
@overload
def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    *,
    retstep: Literal[True],
    dtype: DTypeLike | None = None,
    axis: int = 0,
    device: Any = None,
) -> tuple[Array, Array]: ...
def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """`num` equally spaced numbers from `start` to `stop`, which `endpoint=False` leaves out (`jax.numpy.linspace`).

    start, stop: numbers or arrays; `axis` is the new axis. With `retstep`: (numbers, the distance between two).

    >>> linspace(0, 1, 5)
    Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    num, axis = static_int(num, "jnp.linspace"), static_int(axis)
    if num < 0:
        raise ValueError(f"jnp.linspace: Number of samples, {num}, must be non-negative.")
    check_arraylike("linspace", start, stop)
    start, stop = unwrap(start), unwrap(stop)
    if dtype is None:
        dtype = dtypes.to_inexact_dtype(dtypes.result_type(start, stop))
    dtype = user_dtype(dtype, "linspace")
    work_dtype = dtypes.to_inexact_dtype(dtype)
    start, stop = convert(start, work_dtype), convert(stop, work_dtype)
    result, step = _linspace(start, stop, num, endpoint, work_dtype, axis)
    if dtypes.issubdtype(dtype, np.integer):
        result = ew.floor_p.bind(result)
    result = convert_element_type(result, dtype)
    return (result, step) if retstep else result


def _linspace(start: Array, stop: Array, num: int, endpoint: bool, dtype, axis: int) -> tuple[Array, Array]:
    shape = broadcast_shapes(start.shape, stop.shape)
    first, last = to_shape(start, shape), to_shape(stop, shape)
    axis = canonicalize_axis(axis, len(shape) + 1, IndexError)
    place = (*shape[:axis], 1, *shape[axis:])
    parts = num - 1 if endpoint else num
    if num == 0:
        return _filled((*shape[:axis], 0, *shape[axis:]), 0, dtype), constant(math.nan, dtype)
    if num == 1:
        step = constant(math.nan, dtype) if endpoint else stop - start
        return lax.reshape(first, place), step
    step = (stop - start) / constant(parts, dtype)
    real_dtype = dtypes.finfo(dtype).dtype
    along = tuple(parts if i == axis else 1 for i in range(len(place)))
    fraction = lax.reshape(lax.iota(real_dtype, parts), along) / constant(parts, real_dtype)
    fraction = convert_element_type(fraction, dtype)
    # start (1 - t) + stop t hits both ends exactly; start + t step may miss `stop` by rounding.
    result = lax.reshape(first, place) * (1 - fraction) + lax.reshape(last, place) * fraction
    if endpoint:
        result = lax.concatenate([result, expand_dims(last, [axis])], axis)
    return result, step


def logspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: ArrayLike = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Array:
    """`base` to the power of each of `linspace(start, stop, num)` (`jax.numpy.logspace`).

    >>> import minijax.numpy as jnp
    >>> jnp.logspace(0, 2, 3)
    Array([  1.,  10., 100.], dtype=float32)
    """
    check_arraylike("logspace", start, stop)
    if dtype is None:
        dtype = dtypes.to_inexact_dtype(dtypes.result_type(start, stop))
    dtype = user_dtype(dtype, "logspace")
    work_dtype = dtypes.to_inexact_dtype(dtype)
    exponents = linspace(convert(start, work_dtype), convert(stop, work_dtype), num, endpoint, axis=axis)
    return convert_element_type(power(base, exponents), dtype)


def geomspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Array:
    """`num` numbers from `start` to `stop`, each a constant multiple of the one before (`jax.numpy.geomspace`).

    >>> import minijax.numpy as jnp
    >>> jnp.geomspace(1, 100, 3)
    Array([  1.,  10., 100.], dtype=float32)
    """
    try:
        check_arraylike("geomspace", start, stop)
        if dtype is None:
            dtype = dtypes.to_inexact_dtype(dtypes.result_type(start, stop))
        dtype = user_dtype(dtype, "geomspace")
        work_dtype = dtypes.to_inexact_dtype(dtype)
        start, stop = convert(start, work_dtype), convert(stop, work_dtype)
        direction = sign(start)
        exponents = (log10(start / direction), log10(stop / direction))
        result = direction * logspace(*exponents, num, endpoint, 10.0, work_dtype, axis=0)
        axis = canonicalize_axis(axis, len(result.shape))
        order = [*range(1, axis + 1), 0, *range(axis + 1, len(result.shape))]
        return convert_element_type(lax.transpose(result, order), dtype)
    except Exception as error:
        hide_our_frames(error)
        raise
