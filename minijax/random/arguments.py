"""The checks and conversions of the samplers' arguments: dtypes, shapes, parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.traces import Array, Tracer
from ..foundation import dtypes
from ..foundation.dtypes import canonicalize_dtype, check_user_dtype_supported, issubdtype
from ..foundation.errors import ConcretizationTypeError
from ..numpy.util import as_array, broadcast_shapes, static_shape
from ..primitives.basis import expand_dims, shape_of
from ..primitives.elementwise import convert_element_type_p
from .keys import checked_key


def canonical_dtype(name: str, dtype: Any, default: type):
    """The canonical dtype of the `dtype=` that a user passed; the dtype of the default for None."""
    if dtype is not None:
        check_user_dtype_supported(dtype, name)
    return canonicalize_dtype(default if dtype is None else dtype)


def dtype_of(name: str, dtype: Any, default: type, kind: type, described: str):
    """As `canonical_dtype`. Raises ValueError unless the dtype is of a kind such as np.floating."""
    dtype = canonical_dtype(name, dtype, default)
    if not issubdtype(dtype, kind):
        raise ValueError(f"dtype argument to `{name}` must be {described} dtype, got {dtype.name}")
    return dtype


def float_dtype(name: str, dtype: Any):
    """As `canonical_dtype`, by default the default float. Raises ValueError unless it is a float dtype."""
    return dtype_of(name, dtype, float, np.floating, "a float")


def shape_for(name: str, shape: Any, *parameter_shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the result, to which the parameters must broadcast; for None, the shape that they broadcast to."""
    if shape is None:
        return broadcast_shapes(*parameter_shapes) if parameter_shapes else ()
    shape = static_shape(shape)
    together = broadcast_shapes(shape, *parameter_shapes)
    if together != shape:
        raise ValueError(
            f"{name} parameter shapes must be broadcast-compatible with shape argument, and the result of broadcasting"
            f" the shapes must equal the shape argument, but got result {together} for shape argument {shape}."
        )
    return shape


def check_safe_to_cast(name: str, dtype: Any, *parameters: Any):
    """Raise TypePromotionError if a parameter and the dtype promote to another dtype."""
    for x in parameters:
        if dtypes.result_type(x, dtype) != dtype:
            raise dtypes.TypePromotionError(
                f"In arguments to {name}, cannot safely cast argument of type {as_array(x).dtype.name} to {dtype.name}"
            )


def in_dtype(x: Any, dtype: Any) -> Array:
    # Convert a weakly typed number by an equation, as in JAX: its samplers are jitted, and the number is an argument of jit.
    x = as_array(x)
    if x.dtype == dtype and not x.weak_type:
        return x
    return convert_element_type_p.bind(x, new_dtype=dtype, weak_type=False, sharding=None)


def with_rank(x: Array, name: str, shape: tuple[int, ...]) -> Array:
    """The parameter with leading axes of size 1, up to the rank of the result."""
    if len(x.shape) > len(shape):
        raise TypeError(f"{name}: a parameter of shape {x.shape} has more axes than the result's shape {shape}.")
    return expand_dims(x, range(len(shape) - len(x.shape)))


def concrete_int(x: Any, name: str, convert: Callable[[Any], int] = int) -> int:
    """A number that gives a shape. convert: `operator.index` refuses floats, as JAX does for some of them."""
    if isinstance(x, Tracer) and x.to_concrete_value() is None:
        raise ConcretizationTypeError(
            f"Abstract tracer value encountered where concrete value is expected: {name} must be known while tracing, as it gives"
            " the result's shape: mark it static for jit."
        )
    return convert(x)


def float_arguments(name: str, key: Any, shape: Any, dtype: Any, *parameters: Any) -> tuple:
    """(typed key, shape, dtype) for a sampler of floats whose parameters must broadcast to the shape and fit the dtype."""
    key, dtype = checked_key(name, key), float_dtype(name, dtype)
    shape = shape_for(name, shape, *map(shape_of, parameters))
    check_safe_to_cast(name, dtype, *parameters)
    return key, shape, dtype
