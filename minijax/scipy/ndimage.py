"""Images of several dimensions (`jax.scipy.ndimage`)."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Sequence

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes


def _mirrored(index: Array, size: int) -> Array:
    last = size - 1
    return jnp.abs((index + last) % (2 * last) - last)


# {mode: (index, size) -> the index of an element that is there}
_MODES: dict[str, Callable[[Array, int], Array]] = {
    "constant": lambda index, size: index,
    "nearest": lambda index, size: jnp.clip(index, 0, size - 1),
    "wrap": lambda index, size: index % size,
    "mirror": _mirrored,
    "reflect": lambda index, size: jnp.floor_divide(_mirrored(2 * index + 1, 2 * size + 1) - 1, 2),
}


def _rounded(x: Array) -> Array:
    return x if dtypes.issubdtype(x.dtype, np.integer) else lax.round(x)


def _nodes(coordinate: Array, order: int) -> list[tuple[Array, ArrayLike]]:
    """The places that a coordinate is between, and their weights."""
    if order == 0:
        return [(_rounded(coordinate).astype("int32"), coordinate.dtype.type(1))]
    lower = jnp.floor(coordinate)
    above = coordinate - lower
    index = lower.astype("int32")
    return [(index, 1 - above), (index + 1, above)]


def map_coordinates(
    input: ArrayLike, coordinates: Sequence[ArrayLike], order: int, mode: str = "constant", cval: ArrayLike = 0.0
) -> Array:
    """The array at places between its elements (`jax.scipy.ndimage.map_coordinates`).

    coordinates: an array for each axis of the input; the result has the shape of these. order: 0 for the nearest element, 1 for
    linear interpolation. mode: what is outside: "constant" (`cval`), "nearest", "wrap", "mirror" or "reflect". Raises ValueError
    for another number of coordinates, NotImplementedError for another order or mode.

    >>> map_coordinates(np.float32([0, 10, 20]), [np.float32([0.5, 1.9])], order=1)
    Array([ 5., 19.], dtype=float32)
    """
    image = jnp.asarray(input)
    places = [jnp.asarray(c) for c in coordinates]
    fill = jnp.asarray(cval, image.dtype)
    if len(places) != len(image.shape):
        raise ValueError(
            f"coordinates must be a sequence of length input.ndim, but {len(places)} != {len(image.shape)}"
        )
    if mode not in _MODES:
        raise NotImplementedError(
            f"jax.scipy.ndimage.map_coordinates does not yet support mode {mode}. Currently supported modes are {[*_MODES]}."
        )
    if order not in (0, 1):
        raise NotImplementedError("jax.scipy.ndimage.map_coordinates currently requires order<=1")
    along = [[(i, w, size) for i, w in _nodes(c, order)] for c, size in zip(places, image.shape)]
    terms = []
    for corner in itertools.product(*along):
        element = image[tuple(_MODES[mode](i, size) for i, _, size in corner)]
        if mode == "constant":
            inside = functools.reduce(operator.and_, [(0 <= i) & (i < size) for i, _, size in corner])
            element = jnp.where(inside, element, fill)
        terms.append(functools.reduce(operator.mul, [w for _, w, _ in corner]) * element)
    total = functools.reduce(operator.add, terms)
    return (_rounded(total) if dtypes.issubdtype(image.dtype, np.integer) else total).astype(image.dtype)


__all__ = ["map_coordinates"]
