"""The scalar types of `jnp`: `jnp.float32` names a dtype, and `jnp.float32(1)` makes an array of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.traces import Array
from ..foundation import dtypes
from .creation import asarray


class _ScalarMeta(type):
    """The type of `jnp.float32` and the other scalar types, which equal the dtype they name and make arrays when called.

    >>> int8(3)
    Array(3, dtype=int8)
    >>> float32 == np.float32, np.dtype(float32)
    (True, dtype('float32'))
    """

    dtype: np.dtype[Any]

    def __hash__(cls) -> int:
        return hash(cls.dtype.type)

    def __eq__(cls, other) -> bool:
        return cls is other or cls.dtype.type == other

    def __ne__(cls, other) -> bool:
        return not cls == other

    def __call__(cls, x: Any) -> Array:
        return asarray(x, dtype=cls.dtype)

    def __instancecheck__(cls, instance) -> bool:
        return isinstance(instance, cls.dtype.type)


def _scalar_type(dtype) -> _ScalarMeta:
    dtype = np.dtype(dtype)
    made = _ScalarMeta(dtype.name if dtype.kind != "b" else "bool_", (object,), {"dtype": dtype})
    made.__module__ = "minijax.numpy"
    made.__doc__ = f"""The dtype {dtype.name}; called, it makes an array of that dtype.

    >>> import minijax.numpy as jnp
    >>> jnp.{made.__name__}.dtype
    {dtype!r}
    """
    return made


bool_ = _scalar_type("bool")
int8, int16, int32, int64 = map(_scalar_type, ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = map(_scalar_type, ("uint8", "uint16", "uint32", "uint64"))
float16, float32, float64 = map(_scalar_type, ("float16", "float32", "float64"))
complex64, complex128 = map(_scalar_type, ("complex64", "complex128"))

int_, uint, float_, complex_ = int64, uint64, float64, complex128
half, single, double, csingle, cdouble = float16, float32, float64, complex64, complex128


# The names of the dtypes that ml_dtypes adds.
OF_ML_DTYPES = ("bfloat16", *dtypes.NARROW_FLOATS, *dtypes.NARROW_INTS)


def type_of_ml_dtypes(name: str) -> _ScalarMeta:
    """`jnp.bfloat16` or `jnp.float8_e4m3fn`, made when a program asks for it: NumPy alone does not have the dtype."""
    return _scalar_type(dtypes.as_dtype(name))
