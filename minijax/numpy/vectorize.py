"""Functions of functions: `vectorize`, which maps a function of small arrays over all the axes in front of them, and
`apply_along_axis`, `apply_over_axes`, `fromfunction`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ..api.vmap import vmap
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation.pytrees import tree_map
from ..foundation.wrapping import wraps
from ..primitives.basis import expand_dims
from ..primitives.basis import squeeze as _squeeze
from .creation import arange, asarray
from .util import broadcast_shapes, canonicalize_axis, canonicalize_shape, ensure_arraylike

_DIMENSION = r"\w+"
_DIMENSIONS = rf"(?:{_DIMENSION}(?:,{_DIMENSION})*)?"
_ARGUMENT = rf"\({_DIMENSIONS}\)"
_ARGUMENTS = rf"{_ARGUMENT}(?:,{_ARGUMENT})*"
_SIGNATURE = rf"^{_ARGUMENTS}->{_ARGUMENTS}$"

CoreDims = list[tuple[str, ...]]


def _parse_signature(signature: str) -> tuple[CoreDims, CoreDims]:
    """The names of the axes of the arguments and of the results: '(n,m),(m)->(n)'."""
    text = signature.replace(" ", "")
    if not re.match(_SIGNATURE, text):
        raise ValueError(f"vectorize: not a valid gufunc signature: {signature}")
    return tuple(
        [tuple(re.findall(_DIMENSION, argument)) for argument in re.findall(_ARGUMENT, side)]
        for side in text.split("->")
    )


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Collection[int | str] = frozenset(), signature: str | None = None
) -> Callable[..., Any]:
    """A function of arrays, made of a function of scalars or of small arrays (`jax.numpy.vectorize`).

    signature: the axes of the small arrays, such as "(n,m),(m)->(n)". The axes in front of them are broadcast and mapped
    over. excluded: the positions and names of arguments that are passed on as they are.

    >>> import numpy as np
    >>> mean = vectorize(lambda x: x.mean(), signature='(n)->()')
    >>> mean(np.float32([[1, 3], [2, 6]]))
    Array([2., 4.], dtype=float32)
    """
    if any(not isinstance(exclude, (str, int)) for exclude in excluded):
        raise TypeError(f"jax.numpy.vectorize can only exclude integer or string arguments, but excluded={excluded!r}")
    if any(isinstance(exclude, int) and exclude < 0 for exclude in excluded):
        raise ValueError(f"vectorize: excluded={excluded!r} contains negative numbers")

    @wraps(pyfunc)
    def wrapped(*args, **kwargs):
        excluded_args = {i: a for i, a in enumerate(args) if i in excluded or a is None}
        mapped_names = [k for k in kwargs if k not in excluded]
        mapped = [a for i, a in enumerate(args) if i not in excluded_args]
        arrays = [asarray(a) for a in (*mapped, *(kwargs[k] for k in mapped_names))]

        def function(*values):
            positional = list(values[: len(mapped)])
            for i in sorted(excluded_args):
                positional.insert(i, excluded_args[i])
            named = dict(zip(mapped_names, values[len(mapped) :]))
            return pyfunc(*positional, **{k: named.get(k, v) for k, v in kwargs.items()})

        return _map_leading(function, arrays, signature)

    return wrapped


def _map_leading(function: Callable, arrays: list[Array], signature: str | None):
    if signature is None:
        inputs, outputs = [()] * len(arrays), None
    else:
        inputs, outputs = _parse_signature(signature)
        if len(inputs) != len(arrays):
            raise TypeError(
                f"wrong number of positional arguments: expected {len(inputs)}, got {len(arrays)}, in vectorize with"
                f" signature {signature}"
            )
    sizes: dict[str, int] = {}
    leading = []
    for x, names in zip(arrays, inputs):
        if len(x.shape) < len(names):
            raise ValueError(
                f"vectorize: input with shape {x.shape} does not have enough dimensions for all core dimensions {names}"
            )
        split = len(x.shape) - len(names)
        leading.append(x.shape[:split])
        _check_sizes(x.shape[split:], names, sizes, "input")
    function = _checked(function, outputs, sizes)
    shape = broadcast_shapes(*leading)
    squeezed, is_mapped = (
        zip(*(_squeeze_ones(x, front, shape) for x, front in zip(arrays, leading))) if arrays else ((), ())
    )
    # From the last mapped axis to the first, since each vmap adds an axis in front of the axes mapped before.
    for axis in reversed(range(len(shape))):
        axes = tuple(0 if mapped[axis] else None for mapped in is_mapped)
        if any(a == 0 for a in axes):
            function = vmap(function, in_axes=axes)
        else:
            function = _with_new_axis(function)
    return function(*squeezed)


def _squeeze_ones(x: Array, front: tuple[int, ...], shape: tuple[int, ...]) -> tuple[Array, list[bool]]:
    """(the array without its leading axes of size 1, for each mapped axis whether the array has it)."""
    missing = len(shape) - len(front)
    x = _squeeze(x, [i for i, d in enumerate(front) if d == 1])
    return x, [False] * missing + [d != 1 for d in front]


def _with_new_axis(function: Callable) -> Callable:
    """The function with a new first axis of size 1 in its results: for an axis along which all arguments have size 1."""

    def expanded(*args):
        return tree_map(lambda x: expand_dims(asarray(x), [0]), function(*args))

    return expanded


def _checked(function: Callable, outputs: CoreDims | None, sizes: dict[str, int]) -> Callable:
    if outputs is None:
        return function

    def checked(*args):
        results = function(*args)
        listed = results if isinstance(results, (tuple, list)) else (results,)
        if len(listed) != len(outputs):
            raise TypeError(f"vectorize: wrong number of outputs: expected {len(outputs)}, got {len(listed)}")
        for x, names in zip(listed, outputs):
            _check_sizes(asarray(x).shape, names, dict(sizes), "output")
        return results

    return checked


def _check_sizes(shape: tuple[int, ...], names: tuple[str, ...], sizes: dict[str, int], what: str):
    if len(shape) != len(names):
        raise ValueError(f"vectorize: {what} has shape {shape}, which does not have the core dimensions {names}")
    for size, name in zip(shape, names):
        expected: Any = int(name) if name.isdigit() else sizes.setdefault(name, size)
        if size != expected:
            raise ValueError(
                f"vectorize: inconsistent size for core dimension {name!r}: {size} vs {expected}, in an {what} of shape {shape}"
            )


# ---------------------------------------------------------------------------------------------------------------------
# Functions along axes, and of indices


def fromfunction(
    function: Callable[..., Any], shape: Sequence[int], *, dtype: DTypeLike = float, **kwargs: Any
) -> Array:
    """The results of function(i, j, ...) for every index of a grid (`jax.numpy.fromfunction`).

    >>> import minijax.numpy as jnp
    >>> jnp.fromfunction(lambda i, j: i + j, (2, 2), dtype=int)
    Array([[0, 1],
           [1, 2]], dtype=int32)
    """
    sizes = canonicalize_shape(shape)
    for i in range(len(sizes)):
        axes = tuple(0 if j == len(sizes) - 1 - i else None for j in range(len(sizes)))
        function = vmap(function, in_axes=axes)
    return function(*(arange(size, dtype=dtype) for size in sizes), **kwargs)


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: Any, **kwargs: Any) -> Array:
    """The results of `func1d` for every vector along an axis (`jax.numpy.apply_along_axis`).

    >>> import minijax.numpy as jnp
    >>> jnp.apply_along_axis(jnp.sum, 1, jnp.array([[1, 2], [3, 4]]))
    Array([3, 7], dtype=int32)
    """
    arr = ensure_arraylike("apply_along_axis", arr)
    ndim = len(arr.shape)
    axis = canonicalize_axis(axis, ndim)
    function = lambda x: func1d(x, *args, **kwargs)
    for i in range(1, ndim - axis):
        function = vmap(function, in_axes=i, out_axes=-1)
    for _ in range(axis):
        function = vmap(function, in_axes=0, out_axes=0)
    return function(arr)


def apply_over_axes(func: Callable[..., Any], a: ArrayLike, axes: Sequence[int]) -> Array:
    """The result of `func(a, axis)`, applied for one axis after the other (`jax.numpy.apply_over_axes`).

    >>> import minijax.numpy as jnp
    >>> jnp.apply_over_axes(jnp.sum, jnp.ones((2, 3)), (0, 1))
    Array([[6.]], dtype=float32)
    """
    a = ensure_arraylike("apply_over_axes", a)
    for axis in axes:
        result = func(a, axis)
        if len(result.shape) == len(a.shape) - 1:
            result = expand_dims(result, [axis])
        if len(result.shape) != len(a.shape):
            raise ValueError(
                f"apply_over_axes: function is not returning an array of the correct shape, but {result.shape} for {a.shape}"
            )
        a = result
    return a
