"""Functions of elements as objects with methods: `ufunc`, `frompyfunc`, and `jnp.add.reduce`, `jnp.multiply.outer`, ...

`jnp.add` and the others stay functions, which cost nothing to call; `give_methods` sets the methods as their attributes.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from ..api.make_jaxpr import eval_shape
from ..api.vmap import vmap
from ..core.traces import Array, given
from ..core.types import ArrayLike, DTypeLike
from ..foundation import dtypes
from ..foundation.pytrees import tree_map
from ..primitives.basis import const
from . import arithmetic, choosing, cumulative, reductions, ufuncs
from .creation import asarray, astype, ones
from .manipulation import append, moveaxis, ravel, reshape
from .taking import take
from .util import (
    broadcast_shapes,
    canonicalize_axis,
    canonicalize_axis_tuple,
    check_arraylike,
    promote_dtypes_inexact,
    to_shape,
)
from .vectorize import vectorize


class _Kind(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        # The functions of jnp that have the methods count as objects, too.
        return type.__instancecheck__(cls, instance) or type(getattr(instance, "_ufunc", None)) is cls


class ufunc(metaclass=_Kind):
    """A function of elements, applied with broadcasting, with methods that combine the elements of an array (`jax.numpy.ufunc`).

    func: of scalars; nin, nout: the numbers of its arguments and results. identity: what leaves the other argument of a function of
    two as it is, if there is one. call, reduce, accumulate, at, reduceat: quicker ways to do the same.

    >>> import minijax.numpy as jnp
    >>> jnp.frompyfunc(lambda x, y: x + 2 * y, 2, 1)(jnp.arange(2), 1)
    Array([2, 3], dtype=int32)
    """

    def __init__(
        self,
        func: Callable,
        /,
        nin: int,
        nout: int,
        *,
        name: str | None = None,
        nargs: int | None = None,
        identity: Any = None,
        call: Callable | None = None,
        reduce: Callable | None = None,
        accumulate: Callable | None = None,
        at: Callable | None = None,
        reduceat: Callable | None = None,
    ):
        self.__doc__ = func.__doc__
        self.__name__ = name or func.__name__
        self._func, self._own = func, {"reduce": reduce, "accumulate": accumulate, "at": at, "reduceat": reduceat}
        self._call = call or vectorize(func)
        self._counts = operator.index(nin), operator.index(nout), operator.index(nargs or nin)
        self._identity = identity

    nin = property(lambda self: self._counts[0])
    nout = property(lambda self: self._counts[1])
    nargs = property(lambda self: self._counts[2])
    identity = property(lambda self: self._identity)

    def _key(self) -> tuple:
        return self._func, self.__name__, self._identity, self._counts

    def __hash__(self) -> int:
        return hash(self._key())

    def __eq__(self, other: object) -> bool:
        return type(other) is ufunc and self._key() == other._key()

    def __repr__(self) -> str:
        return f"<jnp.ufunc '{self.__name__}'>"

    def __call__(self, *args: ArrayLike, out: None = None, where: None = None) -> Any:
        check_arraylike(self.__name__, *args)
        self._without(out=out, where=where)
        # Within jit the results are tracers, as of any function, also an argument that `func` returns as it is.
        return tree_map(given, self._call(*args))

    def _without(self, method: str = "", **arguments: Any):
        for name, value in arguments.items():
            if value is not None:
                raise NotImplementedError(f"{name} argument of {self.__name__}{method}")

    def _check_binary(self, method: str):
        if self.nin != 2:
            raise ValueError(f"{method} only supported for binary ufuncs")
        if self.nout != 1:
            raise ValueError(f"{method} only supported for functions returning a single value")

    def _result_dtype(self, *args: Array):
        return eval_shape(self._func, *[ones((), x.dtype) for x in args]).dtype

    def reduce(
        self,
        a: ArrayLike,
        axis: int | None = 0,
        dtype: DTypeLike | None = None,
        out: None = None,
        keepdims: bool = False,
        initial: ArrayLike | None = None,
        where: ArrayLike | None = None,
    ) -> Array:
        """The elements along an axis combined, from the first on (`jax.numpy.ufunc.reduce`). Raises ValueError for other functions
        than of two arguments, and for an empty axis or a mask without an identity or `initial`."""
        self._check_binary("reduce")
        check_arraylike(f"{self.__name__}.reduce", a)
        self._without(".reduce()", out=out)
        if where is not None:
            check_arraylike(f"{self.__name__}.reduce", where)
            if self.identity is None and initial is None:
                raise ValueError(
                    f"reduction operation {self.__name__!r} does not have an identity, so to use a where mask one has to"
                    " specify 'initial'."
                )
            if dtypes.dtype(where).kind != "b":
                raise ValueError(f"where argument must have dtype=bool; got dtype={dtypes.dtype(where)}")
        function = self._own["reduce"] or self._reduce
        return function(a, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)

    def _reduce(self, a, axis, dtype, keepdims, initial, where) -> Array:
        x = asarray(a)
        shape, initial = x.shape, self.identity if initial is None else initial
        dtype = self._result_dtype(x, x) if dtype is None else dtypes.canonicalize_dtype(dtype)
        mask = None if where is None else to_shape(where, shape)
        if isinstance(axis, tuple):
            raise NotImplementedError("tuple of axes")
        if axis is None:
            x, mask, kept = ravel(x), None if mask is None else ravel(mask), (1,) * len(shape) if keepdims else ()
        else:
            axis = canonicalize_axis(axis, len(shape))
            x, mask = moveaxis(x, axis, 0), None if mask is None else moveaxis(mask, axis, 0)
            kept = (*shape[:axis], *[1] * keepdims, *shape[axis + 1 :])
        if x.shape[0] == 0:
            if initial is None:
                raise ValueError(f"zero-size array to reduction operation {self.__name__} which has no identity")
            return lax.full(kept, initial, dtype)

        def step(i, total):
            after = astype(self(total, astype(x[i], dtype)), dtype)
            return after if mask is None else choosing.where(mask[i], after, total)

        first, start = (1, x[0]) if initial is None else (0, initial)
        start = to_shape(astype(asarray(start), dtype), x.shape[1:])
        return reshape(lax.fori_loop(first, x.shape[0], step, start), kept)

    def accumulate(self, a: ArrayLike, axis: int = 0, dtype: DTypeLike | None = None, out: None = None) -> Array:
        """The running results of `reduce` (`jax.numpy.ufunc.accumulate`). Raises ValueError as `reduce` does, and for several
        axes."""
        self._check_binary("accumulate")
        check_arraylike(f"{self.__name__}.accumulate", a)
        self._without(".accumulate()", out=out)
        return (self._own["accumulate"] or self._accumulate)(a, axis=axis, dtype=dtype)

    def _accumulate(self, a, axis, dtype) -> Array:
        x = asarray(a)
        dtype = self._result_dtype(x, x) if dtype is None else dtypes.canonicalize_dtype(dtype)
        if axis is None or isinstance(axis, tuple):
            raise ValueError("accumulate does not allow multiple axes")
        axis = canonicalize_axis(axis, len(x.shape))
        if x.size == 0:
            return lax.full(x.shape, 0, dtype)
        x = moveaxis(x, axis, 0)

        def step(carry, _):
            i, total = carry
            is_first, first = i == 0, astype(x[0], dtype)
            total = choosing.where(is_first, first, self(astype(total, dtype), astype(x[i], dtype)))
            return (i + 1, total), total

        _, totals = lax.scan(step, (0, astype(x[0], dtype)), None, length=x.shape[0])
        return moveaxis(totals, 0, axis)

    def at(self, a: ArrayLike, indices: Any, b: ArrayLike | None = None, /, *, inplace: bool = True) -> Array:
        """The array with the function applied at places, once more for a place that is named again (`jax.numpy.ufunc.at`). Raises
        NotImplementedError unless `inplace=False`: arrays do not change."""
        if inplace:
            raise NotImplementedError(
                "Because JAX arrays are immutable, jnp.ufunc.at() cannot operate inplace like np.ufunc.at(). Instead, you can"
                " pass inplace=False and capture the result; e.g. >>> arr = jnp.add.at(arr, ind, val, inplace=False)"
            )
        args = () if b is None else (b,)
        return (self._own["at"] or self._at)(a, indices, *args)

    def _at(self, a, indices, *args) -> Array:
        check_arraylike(f"{self.__name__}.at", a, *args)
        x, *more = map(asarray, (a, *args))
        dtype = self._result_dtype(x, *more)
        x, more = astype(x, dtype), [astype(m, dtype) for m in more]
        indices = indices if isinstance(indices, tuple) else (indices,)
        shapes = [np.shape(i) for i in indices if not isinstance(i, slice)]
        shape = broadcast_shapes(*shapes) if shapes else ()
        if not shape:
            return x.at[indices].set(self(x[indices], *more))
        count = math.prod(shape)
        if more:
            rest = more[0].shape[len(shape) :]
            more = [reshape(to_shape(more[0], (*shape, *rest)), (count, *rest))]
        flat = [i if isinstance(i, slice) else ravel(to_shape(asarray(i), shape)) for i in indices]

        def step(carry, _):
            i, x = carry
            place = tuple(index if isinstance(index, slice) else index[i] for index in flat)
            x = x.at[place].set(astype(self(x[place], *[m[i] for m in more]), dtype))
            return (i + 1, x), None

        return lax.scan(step, (0, x), None, length=count)[0][1]

    def reduceat(
        self, a: ArrayLike, indices: Any, axis: int = 0, dtype: DTypeLike | None = None, out: None = None
    ) -> Array:
        """`reduce` of the slices that begin at the indices and end at the next ones; of one element where the next index is not
        greater (`jax.numpy.ufunc.reduceat`)."""
        self._check_binary("reduceat")
        self._without(".reduceat()", out=out)
        return (self._own["reduceat"] or self._reduceat)(a, indices, axis=axis, dtype=dtype)

    def _reduceat(self, a, indices, axis, dtype) -> Array:
        check_arraylike(f"{self.__name__}.reduceat", a, indices)
        x, places = asarray(a), asarray(indices)
        if not x.shape:
            raise ValueError(f"reduceat: a must have 1 or more dimension, got a.shape={x.shape}")
        if len(places.shape) != 1:
            raise ValueError(f"reduceat: indices must be one-dimensional, got indices.shape={places.shape}")
        if axis is None or isinstance(axis, (tuple, list)):
            raise ValueError("reduceat requires a single integer axis.")
        axis = canonicalize_axis(axis, len(x.shape))
        out = take(x, places, axis=axis)
        bounds = lax.expand_dims(append(places, x.shape[axis]), [i for i in range(len(x.shape)) if i != axis])
        starts = lax.slice_in_dim(bounds, 0, bounds.shape[axis] - 1, axis=axis)
        ends = lax.slice_in_dim(bounds, 1, bounds.shape[axis], axis=axis)

        def step(i, out):
            within = (i > starts) & (i < ends)
            element = take(x, lax.expand_dims(i, (0,)), axis=axis)
            return choosing.where(within, astype(self(out, element), out.dtype), out)

        return lax.fori_loop(0, x.shape[axis], step, out)

    def outer(self, A: ArrayLike, B: ArrayLike, /) -> Array:
        """The function of each pair of elements (`jax.numpy.ufunc.outer`)."""
        self._check_binary("outer")
        check_arraylike(f"{self.__name__}.outer", A, B)
        x, y = asarray(A), asarray(B)
        table = vmap(vmap(self, (None, 0)), (0, None))(ravel(x), ravel(y))
        return reshape(table, (*x.shape, *y.shape))


def frompyfunc(func: Callable[..., Any], /, nin: int, nout: int, *, identity: Any = None) -> ufunc:
    """A `ufunc` of a Python function (`jax.numpy.frompyfunc`).

    >>> import minijax.numpy as jnp
    >>> jnp.frompyfunc(lambda x, y: x * y, 2, 1, identity=1).reduce(jnp.arange(1, 5))
    Array(24, dtype=int32)
    """
    return ufunc(func, nin, nout, identity=identity)


def _added(name: str) -> Callable:
    def at(a, indices, *args):
        x, *more = map(asarray, (a, *args))
        if x.dtype == bool:
            x, more = astype(x, "int32"), [astype(astype(m, bool), "int32") for m in more]
            return astype(getattr(x.at[indices], name)(*more), bool)
        return getattr(x.at[indices], name)(*more)

    return at


def _of_method(function: Callable) -> Callable:
    """A reduction without a `dtype` of its own: the elements are converted first."""

    def reduce(a, axis, dtype, keepdims, initial, where):
        a = a if dtype is None else astype(a, dtype)
        return function(a, axis=axis, keepdims=keepdims, initial=initial, where=where)

    return reduce


def _of_truth(function: Callable, combined: Callable, of_bits: Callable) -> Callable:
    """A reduction of truth values; with a dtype, of these as bits of that dtype."""

    def reduce(a, axis, dtype, keepdims, initial, where):
        if dtype is not None:
            return of_bits(a, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)
        out = function(a, axis=axis, keepdims=keepdims, where=where)
        return out if initial is None else combined(asarray(initial, bool), out)

    return reduce


def _of_bits(function: Callable, name: str, truth: bool = False) -> Callable:
    """A reduction of bits or of truth values by a primitive."""

    def reduce(a, axis, dtype, keepdims, initial, where):
        x = astype(asarray(a), bool) if truth else asarray(a)
        x = x if dtype is None else astype(x, dtype)
        if where is not None:
            x = choosing.where(where, x, _OBJECTS[name][0])
        axes = canonicalize_axis_tuple(axis, len(x.shape))
        out = function(x, axes)
        if initial is not None:
            out = getattr(lax, f"bitwise_{name.rpartition('_')[2]}")(const(out, initial), out)
        return lax.expand_dims(out, axes) if keepdims else out

    return reduce


def _of_exponentials(scale: float | None = None):
    """log(sum(exp(x))), with the largest element taken out, so that no exponential overflows; of x * scale, divided by scale."""

    def reduce(a, axis, dtype, keepdims, initial, where):
        (x,) = promote_dtypes_inexact(asarray(a))
        x = x if scale is None else x * scale
        axes = canonicalize_axis_tuple(axis, len(x.shape))
        largest = reductions.max(ufuncs.real(x), axes, keepdims=keepdims, where=where, initial=-np.inf)
        finite = lax.select(lax.is_finite(largest), largest, lax.full_like(largest, 0))
        largest = lax.stop_gradient(finite)
        spread = astype(largest if keepdims else lax.expand_dims(largest, axes), x.dtype)
        total = reductions.sum(lax.exp(lax.sub(x, spread)), axes, keepdims=keepdims, where=where)
        result = lax.add(lax.log(total), astype(largest, total.dtype))
        if initial is not None:
            result = arithmetic.logaddexp(initial if scale is None else initial * scale, result)
        return result if scale is None else result / scale

    return reduce


_AND = _of_bits(lax.reduce_and, "logical_and", truth=True)
_OR = _of_bits(lax.reduce_or, "logical_or", truth=True)

# {function: (identity, the ways that are quicker than a loop)}
_OBJECTS: dict[str, tuple[Any, dict[str, Callable]]] = {
    "add": (0, {"reduce": reductions.sum, "accumulate": cumulative.cumsum, "at": _added("add")}),
    "multiply": (1, {"reduce": reductions.prod, "accumulate": cumulative.cumprod, "at": _added("multiply")}),
    "subtract": (None, {"at": _added("subtract")}),
    "maximum": (None, {"reduce": _of_method(reductions.max)}),
    "minimum": (None, {"reduce": _of_method(reductions.min)}),
    "logical_and": (True, {"reduce": _of_truth(reductions.all, ufuncs.logical_and, _AND)}),
    "logical_or": (False, {"reduce": _of_truth(reductions.any, ufuncs.logical_or, _OR)}),
    "logical_xor": (False, {"reduce": _of_bits(lax.reduce_xor, "logical_xor", truth=True)}),
    "bitwise_and": (-1, {"reduce": _of_bits(lax.reduce_and, "bitwise_and")}),
    "bitwise_or": (0, {"reduce": _of_bits(lax.reduce_or, "bitwise_or")}),
    "bitwise_xor": (0, {"reduce": _of_bits(lax.reduce_xor, "bitwise_xor")}),
    "logaddexp": (-np.inf, {"reduce": _of_exponentials()}),
    "logaddexp2": (-np.inf, {"reduce": _of_exponentials(math.log(2))}),
}


def give_methods(namespace: dict[str, Any]):
    """Make `add`, `negative` and the others of a namespace count as ufuncs, with methods."""
    for name, (identity, ways) in {**_OBJECTS, "negative": (None, {})}.items():
        function = namespace[name]
        nin = 1 if name == "negative" else 2
        made = ufunc(function, nin, 1, name=name, identity=identity, call=function, **ways)
        for attribute in ("reduce", "accumulate", "at", "reduceat", "outer", "nin", "nout", "nargs", "identity"):
            setattr(function, attribute, getattr(made, attribute))
        function._ufunc = made
