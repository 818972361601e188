"""The methods of arrays and tracers: `x.sum()`, `x[i]`, `x.at[i]`, `x @ y`. `install` puts them on `core.Array`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Never

import numpy as np

from .. import lax
from ..core.traces import Array, Tracer
from ..core.types import ArrayLike, DTypeLike, Index
from ..foundation import dtypes
from . import (
    choosing,
    contractions,
    creation,
    cumulative,
    diagonals,
    indexing,
    manipulation,
    number_kinds,
    reductions,
    repeating,
    sorting,
    statistics,
    taking,
    ufuncs,
    updates,
)
from .operators import operator_of

# ---------------------------------------------------------------------------------------------------------------------
# Indexing and containers


def _getitem(self: Array, index: Index) -> Array:
    return indexing.rewriting_take(self, index)


def _setitem(self: Array, index: Never, value: Never) -> None:
    raise TypeError(
        "JAX arrays are immutable and do not support in-place item assignment. Instead of x[idx] = y, use x ="
        " x.at[idx].set(y) or another .at[] method:"
        " https://docs.jax.dev/en/latest/_autosummary/jax.numpy.ndarray.at.html"
    )


def _iter(self: Array) -> Iterator[Array]:
    if not self.shape:
        raise TypeError("iteration over a 0-d array")
    if isinstance(self, Tracer):
        # One after the other, as JAX takes them: nobody may want them all.
        return (lax.index_in_dim(self, i, keepdims=False) for i in range(self.shape[0]))
    return iter(manipulation.unstack(self))


def _reversed(self: Array) -> Iterator[Array]:
    if not self.shape and not isinstance(self, Tracer):
        raise TypeError("len() of unsized object")
    return iter(self[::-1])


def _contains(self: Array, value: Any) -> bool:
    if value is None or isinstance(value, str):
        raise TypeError(f"Array.__contains__: unsupported operand type {type(value)}.")
    if len(self.shape) != 1:
        raise ValueError(f"Array.__contains__: search array must be one-dimensional, got arr.shape={self.shape}.")
    if np.ndim(value):
        raise ValueError(f"Array.__contains__: query value must be a scalar, got query.shape={np.shape(value)}")
    return reductions.any(self == value)


def _round_operator(self: Array, ndigits: int | None = None) -> Array:
    result = ufuncs.round(self, ndigits or 0)
    return creation.astype(result, int) if ndigits is None else result


# ---------------------------------------------------------------------------------------------------------------------
# Methods


def _reshape(self: Array, *shape: Any, order: str = "C", copy: bool | None = None, out_sharding: Any = None) -> Array:
    """The same elements in another shape, given as a tuple or as numbers; one -1 stands for the size that fits."""
    return manipulation.reshape(self, shape[0] if len(shape) == 1 else shape, order)


def _transpose(self: Array, *axes: Any) -> Array:
    """The array with its axes permuted; reversed, if no axes are given."""
    if not axes or axes == (None,):
        return manipulation.transpose(self)
    return manipulation.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


def _view(self: Array, dtype: DTypeLike | None = None, type: None = None) -> Array:
    """The same bytes as numbers of another dtype."""
    if type is not None:
        raise NotImplementedError("`type` argument of array.view() is not supported.")
    if dtype is None:
        return self
    dtype = dtypes.canonicalize_dtype(dtype)
    if self.dtype == dtype:
        return self
    old, new = self.dtype.itemsize, dtype.itemsize
    if not self.shape:
        if old != new:
            raise ValueError("view() of a 0d array is only supported if the itemsize is unchanged.")
        return lax.bitcast_convert_type_p.bind(self, new_dtype=dtype)
    if self.shape[-1] * old % new:
        raise ValueError(
            "view(): When changing to a larger dtype, its size must be a divisor of the total size in bytes of the last axis of"
            f" the array; the shape is {self.shape}, the dtypes are {self.dtype.name} and {dtype.name}."
        )
    if old < new:
        parted = self.reshape(*self.shape[:-1], -1, new // old)
        return lax.bitcast_convert_type_p.bind(parted, new_dtype=dtype)
    out = lax.bitcast_convert_type_p.bind(self, new_dtype=dtype)
    return out.reshape(*self.shape[:-1], -1) if old > new else out


def _astype(self: Array, dtype: DTypeLike, copy: bool = False, device: Any = None) -> Array:
    """The array in another dtype; None stands for the default float."""
    return creation.astype(self, dtype, copy=copy, device=device)


def _byteswap(self: Array) -> Array:
    """The numbers whose bytes are these numbers' in reverse."""
    if self.dtype.kind == "c":
        return lax.complex(self.real.byteswap(), self.imag.byteswap())
    if self.dtype.itemsize == 1:
        return self.copy()
    parts = lax.bitcast_convert_type(self, np.dtype("uint8"))
    return lax.bitcast_convert_type(lax.rev(parts, [len(self.shape)]), self.dtype)


def _compress(
    self: Array,
    condition: ArrayLike,
    axis: int | None = None,
    *,
    out: None = None,
    size: int | None = None,
    fill_value: ArrayLike = 0,
) -> Array:
    """The slices along an axis where the condition holds."""
    return choosing.compress(condition, self, axis, size=size, fill_value=fill_value, out=out)


def _to_device(self: Array, device: Any, *, stream: Any = None) -> Array:
    """The array itself: NumPy computes on one device."""
    return self


def _copy(self: Array) -> Array:
    """The array, by an equation `copy` for a tracer. `copy.copy` would else make a tracer of no trace."""
    return creation.copy(self)


def _deepcopy(self: Array, memo: Any) -> Array:
    return creation.copy(self)


def _flat(self: Array) -> Never:
    raise NotImplementedError("JAX Arrays do not implement the arr.flat property: consider arr.flatten() instead.")


def _array_namespace(self: Array, *, api_version: str | None = None) -> Any:
    """The module whose functions take this array: `minijax.numpy`."""
    if api_version is not None and api_version != "2024.12":
        raise ValueError(f"{api_version=} is not available; available versions are: {['2024.12']}")
    return sys.modules[__package__]


def _split(self: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    return manipulation.split(self, indices_or_sections, axis)


def _method(function: Callable) -> Callable:
    """A function as a method: its first argument is `self`."""

    def method(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    method.__name__ = method.__qualname__ = function.__name__
    method.__doc__ = function.__doc__
    method.__wrapped__ = function  # for inspect.signature
    return method


_methods = {
    name: _method(getattr(module, name))
    for module, names in (
        (reductions, "sum prod max min all any ptp argmax argmin"),
        (statistics, "mean var std"),
        (cumulative, "cumsum cumprod"),
        (creation, "copy"),
        (number_kinds, "clip"),
        (ufuncs, "round conj conjugate"),
        (manipulation, "ravel squeeze swapaxes"),
        (repeating, "repeat"),
        (diagonals, "diagonal trace"),
        (choosing, "nonzero choose"),
        (sorting, "sort argsort searchsorted argpartition"),
        (contractions, "dot"),
        (taking, "take"),
    )
    for name in names.split()
}
_methods |= {
    "flatten": _method(manipulation.ravel),
    "reshape": _reshape,
    "transpose": _transpose,
    "astype": _astype,
    "byteswap": _byteswap,
    "compress": _compress,
    "view": _view,
    "to_device": _to_device,
    "__array_namespace__": _array_namespace,
    "__copy__": _copy,
    "__deepcopy__": _deepcopy,
    "__getitem__": _getitem,
    "__setitem__": _setitem,
    "__iter__": _iter,
    "__reversed__": _reversed,
    "__contains__": _contains,
    "__round__": _round_operator,
    "__matmul__": operator_of(contractions.matmul, "@"),
    "__rmatmul__": operator_of(contractions.matmul, "@", reflected=True),
    "_split": _split,
}
_properties = {
    "T": manipulation.transpose,
    "mT": manipulation.matrix_transpose,
    "real": ufuncs.real,
    "imag": ufuncs.imag,
    "at": updates._IndexUpdateHelper,
    "flat": _flat,
}


def install(cls: type):
    """Give the methods to a class of arrays."""
    for name, method in _methods.items():
        setattr(cls, name, method)
    for name, getter in _properties.items():
        setattr(cls, name, property(getter))
