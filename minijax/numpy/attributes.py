"""Facts about arrays and dtypes that need no computation: shapes, kinds, limits."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Never

import numpy as np

from ..core.traces import Array
from ..core.types import DTypeLike
from ..foundation import dtypes
from ..foundation.dtypes import finfo, iinfo, promote_types, result_type
from .creation import asarray
from .util import as_array, canonicalize_axis_tuple

dtype = np.dtype
ndarray = Array

pi, e, euler_gamma = np.pi, np.e, np.euler_gamma
inf, nan, newaxis = np.inf, np.nan, None

# The classes of dtypes, for issubdtype.
generic, number, character, flexible, object_ = np.generic, np.number, np.character, np.flexible, np.object_
integer, signedinteger, unsignedinteger = np.integer, np.signedinteger, np.unsignedinteger
inexact, floating, complexfloating = np.inexact, np.floating, np.complexfloating
ComplexWarning = np.exceptions.ComplexWarning

can_cast = np.can_cast
array_repr, array_str = np.array_repr, np.array_str
get_printoptions, set_printoptions, printoptions = np.get_printoptions, np.set_printoptions, np.printoptions
save, savez = np.save, np.savez
index_exp, s_, iterable = np.index_exp, np.s_, np.iterable


def shape(a: Any) -> tuple[int, ...]:
    """The shape of an array or number (`jax.numpy.shape`).

    >>> import minijax.numpy as jnp
    >>> jnp.shape(jnp.ones((2, 3)))
    (2, 3)
    """
    return _shape("shape", a)


def _shape(name: str, a: Any) -> tuple[int, ...]:
    if hasattr(a, "shape"):
        return tuple(a.shape)
    if not isinstance(a, (bool, int, float, complex, str)):
        warnings.warn(
            f"{name} requires ndarray or scalar arguments, got {type(a)} at position 0. In a future JAX release this will be an"
            " error.",
            DeprecationWarning,
            stacklevel=3,
        )
    # NumPy takes None, and every object, for a scalar.
    return asarray(a).shape if isinstance(a, (list, tuple)) else np.shape(a)


def ndim(a: Any) -> int:
    """The number of axes (`jax.numpy.ndim`).

    >>> import minijax.numpy as jnp
    >>> jnp.ndim(jnp.ones((2, 3)))
    2
    """
    return len(_shape("ndim", a))


def size(a: Any, axis: int | tuple[int, ...] | None = None) -> int:
    """The number of elements, in all or along the given axes (`jax.numpy.size`).

    >>> import minijax.numpy as jnp
    >>> jnp.size(jnp.ones((2, 3)))
    6
    """
    sizes = _shape("size", a)
    return math.prod(sizes if axis is None else [sizes[i] for i in canonicalize_axis_tuple(axis, len(sizes))])


def isscalar(element: Any) -> bool:
    """Whether x is a number or an array without axes (`jax.numpy.isscalar`).

    >>> import minijax.numpy as jnp
    >>> jnp.isscalar(2.0)
    True
    """
    if np.isscalar(element):
        return True
    return isinstance(element, (np.ndarray, Array)) and not element.shape


def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is complex (`jax.numpy.iscomplexobj`).

    >>> import minijax.numpy as jnp
    >>> jnp.iscomplexobj(jnp.array([1j]))
    True
    """
    if x is None or isinstance(x, str):
        return False
    return issubdtype(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype, np.complexfloating)


def isrealobj(x: Any) -> bool:
    """Whether the dtype is not complex (`jax.numpy.isrealobj`).

    >>> import minijax.numpy as jnp
    >>> jnp.isrealobj(jnp.array([1.0]))
    True
    """
    return not iscomplexobj(x)


_KINDS = {
    "bool": (np.bool_,),
    "signed integer": (np.signedinteger,),
    "unsigned integer": (np.unsignedinteger,),
    "integral": (np.integer,),
    "real floating": (np.floating,),
    "complex floating": (np.complexfloating,),
    "numeric": (np.number,),
}


def isdtype(dtype: DTypeLike, kind: Any) -> bool:
    """Whether a dtype is of the given kind, or of one of several kinds (`jax.numpy.isdtype`).

    >>> isdtype('float32', 'real floating')
    True
    """
    dtype = dtypes.of_array_too(dtype)
    return any(_is_of_kind(dtype, k) for k in (kind if isinstance(kind, tuple) else (kind,)))


def _is_of_kind(dtype, kind) -> bool:
    if isinstance(kind, str) and kind in _KINDS:
        return any(issubdtype(dtype, c) for c in _KINDS[kind])
    try:
        return dtype == dtypes.of_array_too(kind)
    except TypeError:
        if not isinstance(kind, str):
            raise TypeError(f"Expected kind to be a dtype, string, or tuple; got kind={kind!r}") from None
        raise ValueError(
            f"Unrecognized kind={kind!r} expected one of {list(_KINDS)}, or a compatible input for jnp.dtype()"
        ) from None


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """Whether a dtype is of a class of dtypes (`jax.numpy.issubdtype`).

    >>> import minijax.numpy as jnp
    >>> jnp.issubdtype('bfloat16', jnp.floating)
    True
    """
    return dtypes.issubdtype(arg1, arg2)


def load(file: Any, *args: Any, **kwargs: Any) -> Any:
    """The array in a file that `save` wrote (`jax.numpy.load`); NumPy's, if it is of texts, objects or times.

    >>> import minijax.numpy as jnp
    >>> import io
    >>> file = io.BytesIO()
    >>> jnp.save(file, jnp.array([1, 2]))
    >>> _ = file.seek(0)
    >>> jnp.load(file)
    Array([1, 2], dtype=int32)
    """
    loaded = np.load(file, *args, **kwargs)
    if not isinstance(loaded, np.ndarray) or loaded.dtype.kind in "OSUMm":
        return loaded
    # NumPy's format has no bfloat16: its numbers are written as two bytes each, and JAX takes two bytes for that.
    return as_array(loaded.view(dtypes.as_dtype("bfloat16")) if loaded.dtype == "V2" else loaded)


__all__ = [
    "ComplexWarning", "array_repr", "array_str", "can_cast", "character", "complexfloating", "dtype", "e",
    "euler_gamma", "finfo", "flexible", "floating", "generic", "get_printoptions", "iinfo", "index_exp",
    "inexact", "inf", "integer", "iscomplexobj", "isdtype", "isrealobj", "isscalar", "issubdtype", "load",
    "nan", "ndarray", "ndim", "newaxis", "number", "object_", "pi", "printoptions", "promote_types",
    "result_type", "s_", "save", "savez", "set_printoptions", "shape", "signedinteger", "size",
    "unsignedinteger",
]  # fmt: skip


def _impure(name: str) -> Callable:
    why = (
        f"jnp.{name}() is not implemented: each call would read on, which no transformation can repeat. Use"
        f" jnp.asarray(np.{name}(...)), outside of transformed functions."
    )

    def function(*args: Any, **kwargs: Any) -> Never:
        raise NotImplementedError(why)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Not there, as in JAX: raises NotImplementedError (`jax.numpy.{name}`).

    >>> import minijax.numpy as jnp
    >>> jnp.{name}([1, 2], int)
    Traceback (most recent call last):
    NotImplementedError: {why}
    """
    return function


fromfile, fromiter = _impure("fromfile"), _impure("fromiter")


def fromstring(string: str, dtype: DTypeLike = float, count: int = -1, *, sep: str) -> Array:
    """The array of the numbers in a text (`jax.numpy.fromstring`).

    >>> fromstring("1, 2", sep=",")
    Array([1., 2.], dtype=float32)
    """
    return asarray(np.fromstring(string, dtype, count, sep=sep))
