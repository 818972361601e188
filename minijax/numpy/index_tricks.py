"""Objects that make arrays of what stands in their square brackets: `mgrid`, `ogrid`, `r_`, `c_`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.array import to_array
from ..core.traces import Array, Tracer
from ..foundation import errors
from ..foundation.tracebacks import hide_our_frames
from ..primitives.basis import expand_dims, transpose
from .creation import arange, array, linspace
from .grids import meshgrid
from .manipulation import concatenate, stack
from .util import promote_dtypes


def _known(x: Any, where: str):
    return np.asarray(x._concrete(errors.concretization, where))[()] if isinstance(x, Tracer) else x


def _line(part: slice, name: str) -> Array:
    """The numbers of a slice; a step of `5j` stands for 5 numbers from start to stop, which is among them."""
    start, stop, step = (_known(x, f"a slice of jnp.{name}") for x in (part.start, part.stop, part.step))
    if np.iscomplex(step or 1):
        return linspace(start or 0, stop, int(abs(step)))
    return arange(start or 0, stop, step or 1)


class _Grid:
    """`mgrid` (sparse=False) or `ogrid` (sparse=True)."""

    def __init__(self, name: str, sparse: bool):
        self.name, self.sparse = name, sparse

    def __repr__(self) -> str:
        return f"<jnp.{self.name}>"

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Any:
        if isinstance(key, slice):
            return _line(key, self.name)
        if not key:
            return [] if self.sparse else arange(0)
        lines = promote_dtypes(*[_line(part, self.name) for part in key])
        grids = meshgrid(*lines, indexing="ij", sparse=self.sparse)
        return grids if self.sparse else stack(grids)


class _Joined:
    """`r_` or `c_`: the items joined along an axis. A first item that is a string, "axis,ndim,place", sets the axis, the least
    number of axes of each item, and where the axes of an item with fewer go; "r" and "c" make a row or a column of the result."""

    def __init__(self, name: str, axis: int, ndim: int, place: int):
        self.name, self.defaults = name, (axis, ndim, place)

    def __repr__(self) -> str:
        return f"<jnp.{self.name}>"

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: Any) -> Array:
        items = key if isinstance(key, tuple) else (key,)
        (axis, ndim, place), new_axis = self.defaults, -1
        if items and isinstance(items[0], str):
            directive, *items = items
            if directive in ("r", "c"):
                new_axis = ("r", "c").index(directive)
            else:
                axis, ndim, place = self._directive(directive)
        result = concatenate([self._item(item, ndim, place) for item in items], axis=axis)
        return expand_dims(result, [new_axis]) if new_axis != -1 and len(result.shape) == 1 else result

    def _directive(self, text: str) -> tuple[int, int, int]:
        given = text.split(",")[:3]
        try:
            axis, ndim, place = (*map(int, given), *self.defaults[len(given) :])
        except ValueError:
            error = ValueError(
                f"could not understand directive {text!r}: jnp.{self.name} takes 'r', 'c' or up to 3 integers."
            )
            hide_our_frames(error)
            raise error from None
        return axis, ndim, place

    def _item(self, item: Any, ndim: int, place: int) -> Array:
        if isinstance(item, str):
            raise ValueError("string directive must be placed at the beginning")
        made = _line(item, self.name) if isinstance(item, slice) else item if isinstance(item, Array) else array(item)
        own = 0 if isinstance(item, slice) else len(made.shape)
        made = array(made, copy=False, ndmin=ndim)
        if place != -1 and own < ndim:
            # The new axes come first; shift the axes so that the item's own begin at `place`.
            shift = ndim - abs(ndim + place + 1) % ndim
            order = list(range(ndim))
            made = transpose(made, order[shift:] + order[:shift])
        return to_array(made) if not isinstance(made, Array) else made


mgrid = _Grid("mgrid", sparse=False)
ogrid = _Grid("ogrid", sparse=True)
r_ = _Joined("r_", 0, 1, -1)
c_ = _Joined("c_", -1, 2, 0)

mgrid.__doc__ = """The coordinates of the points of a grid, one array for each axis, stacked (`jax.numpy.mgrid`).

>>> mgrid[:2, 1:3]
Array([[[0, 0],
        [1, 1]],
<BLANKLINE>
       [[1, 2],
        [1, 2]]], dtype=int32)
"""
ogrid.__doc__ = """As `mgrid`, with axes of size 1 where the coordinate does not change (`jax.numpy.ogrid`).

>>> ogrid[:2, 1:3]
[Array([[0],
       [1]], dtype=int32), Array([[1, 2]], dtype=int32)]
"""
r_.__doc__ = """The items joined along the first axis; a slice is its numbers (`jax.numpy.r_`).

>>> r_[1:3, 7, [5, 6]]
Array([1, 2, 7, 5, 6], dtype=int32)
"""
c_.__doc__ = """The items as columns, joined along the last axis (`jax.numpy.c_`).

>>> c_[[1, 2], [3, 4]]
Array([[1, 3],
       [2, 4]], dtype=int32)
"""
