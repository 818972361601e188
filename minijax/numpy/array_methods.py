"""The methods of arrays and tracers: `x.sum()`, `x[i]`, `x.at[i]`, `x @ y`. `install` puts them on `core.Array`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from .. import lax
from ..core.traces import Tracer
from ..foundation import dtypes
from . import (
    choosing,
    contractions,
    creation,
    cumulative,
    diagonals,
    indexing,
    manipulation,
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


def _getitem(self, index):
    return indexing.rewriting_take(self, index)


def _setitem(self, index, value):
    raise TypeError(
        "JAX arrays are immutable and do not support in-place item assignment. Instead of x[idx] = y, use x ="
        " x.at[idx].set(y) or another .at[] method:"
        " https://docs.jax.dev/en/latest/_autosummary/jax.numpy.ndarray.at.html"
    )


def _iter(self):
    if not self.shape:
        raise TypeError("iteration over a 0-d array")
    return iter(manipulation.unstack(self))


def _reversed(self):
    if not self.shape and not isinstance(self, Tracer):
        raise TypeError("len() of unsized object")
    return iter(self[::-1])


def _contains(self, value):
    if value is None or isinstance(value, str):
        raise TypeError(f"Array.__contains__: unsupported operand type {type(value)}.")
    if len(self.shape) != 1:
        raise ValueError(f"Array.__contains__: search array must be one-dimensional, got arr.shape={self.shape}.")
    if np.ndim(value):
        raise ValueError(f"Array.__contains__: query value must be a scalar, got query.shape={np.shape(value)}")
    return reductions.any(self == value)


def _round_operator(self, ndigits=None):
    result = ufuncs.round(self, ndigits or 0)
    return creation.astype(result, int) if ndigits is None else result


# ---------------------------------------------------------------------------------------------------------------------
# Methods


def _reshape(self, *shape, order="C", copy=None, out_sharding=None):
    """The same elements in another shape, given as a tuple or as numbers; one -1 stands for the size that fits."""
    return manipulation.reshape(self, shape[0] if len(shape) == 1 else shape, order)


def _transpose(self, *axes):
    """The array with its axes permuted; reversed, if no axes are given."""
    if not axes or axes == (None,):
        return manipulation.transpose(self)
    return manipulation.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


def _view(self, dtype=None, type=None):
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
            "When changing to a larger dtype, its size must be a divisor of the total size in bytes of the last axis"
            " of the array."
        )
    if old < new:
        parted = self.reshape(*self.shape[:-1], -1, new // old)
        return lax.bitcast_convert_type_p.bind(parted, new_dtype=dtype)
    out = lax.bitcast_convert_type_p.bind(self, new_dtype=dtype)
    return out.reshape(*self.shape[:-1], -1) if old > new else out


def _compress(self, condition, axis=None, *, out=None, size=None, fill_value=0):
    """The slices along an axis where the condition holds."""
    return choosing.compress(condition, self, axis, size=size, fill_value=fill_value, out=out)


def _to_device(self, device, *, stream=None):
    """The array itself: NumPy computes on one device."""
    return self


def _copy(self):
    """The array, by an equation `copy` for a tracer. `copy.copy` would else make a tracer of no trace."""
    return creation.copy(self)


def _deepcopy(self, memo):
    return creation.copy(self)


def _flat(self):
    raise NotImplementedError("JAX Arrays do not implement the arr.flat property: consider arr.flatten() instead.")


def _array_namespace(self, *, api_version=None):
    """The module whose functions take this array: `minijax.numpy`."""
    if api_version is not None and api_version != "2024.12":
        raise ValueError(f"{api_version=} is not available; available versions are: {['2024.12']}")
    return sys.modules[__package__]


def _split(self, indices_or_sections, axis=0):
    return manipulation.split(self, indices_or_sections, axis)


def _method(function: Callable) -> Callable:
    """A function as a method: its first argument is `self`."""

    def method(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    method.__name__ = method.__qualname__ = function.__name__
    method.__doc__ = function.__doc__
    return method


_methods = {
    name: _method(getattr(module, name))
    for module, names in (
        (reductions, "sum prod max min all any ptp argmax argmin"),
        (statistics, "mean var std"),
        (cumulative, "cumsum cumprod"),
        (creation, "astype copy"),
        (ufuncs, "clip round conj conjugate"),
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
    "device": lambda self: None,
}


def install(cls: type):
    """Give the methods to a class of arrays."""
    for name, method in _methods.items():
        setattr(cls, name, method)
    for name, getter in _properties.items():
        setattr(cls, name, property(getter))
