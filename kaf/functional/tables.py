"""The weighted sum of Gaussians from tables: the fastest method of NumPy for many values.

In NumPy each operation is a pass over memory. With 20 centres, Horner's rule takes 50 passes for the values and 130 for their
gradients, and four exponentials, each of which may take as long as 20 passes. With tables there are 18 and 30 passes, however many
centres there are; eight of them read from a table, and four add to one.

The line is cut into cells, six to a sigma. In a cell each Gaussian is a cubic polynomial in the place s within the cell,
-1/2 <= s <= 1/2, up to 8e-7. With the polynomials of all Gaussians as a matrix K [4, cells, k],

    S(x)       = sum_p s^p (K_p alpha)[cell],               four numbers from a table K alpha of each unit
    dS/dalpha  = sum_p K_p^T (sum of g s^p over each cell)  the transpose: four numbers are added to a table

and the slope S' is as S, with the polynomials of the slopes.
The functions here are the implementations of primitives that only the NumPy compiler sees; `operations.py` has their rules.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..backend import Backend
from .gridded import Layout

_DEGREE = 3
_CELLS_PER_SIGMA = 6
# The cells reach this many sigma beyond the centres. There the Gaussians are below 2e-8.
_REACH = 6.0
# For fewer centres the blocks are as fast.
_FEWEST_CENTERS = 15
# With more cells, x in units of cells would not be exact enough in float32.
_MOST_CELLS = 2000
# How many values are computed at a time: seven arrays of this size nearly fit the second-level cache of a CPU.
_CHUNK = 32768
# So many rows are added up in float32. Longer sums would have too large rounding errors.
_ROWS_OF_A_SUM = 16384


class _Table(NamedTuple):
    """Cell c, -last <= c <= last, is around middle + c / scale. polynomials: K, [4, cells, k]. Those of the last cells are 0."""

    middle: np.float32
    scale: np.float32
    last: int
    polynomials: np.ndarray


def _last_cell(layout: Layout, sigma: float) -> int:
    return math.ceil(_CELLS_PER_SIGMA * ((layout.size - 1) * layout.step / 2 / sigma + _REACH)) + 1


@functools.lru_cache(maxsize=32)
def _table(layout: Layout, order: int, sigma: float) -> _Table:
    """The polynomials of the Gaussians, or of their slopes for order 1: they have the exact values at Chebyshev's nodes."""
    centers = layout.first + layout.step * np.arange(layout.size)
    middle = (centers[0] + centers[-1]) / 2
    # An infinite sigma has constant Gaussians, and with NaN all results are NaN: the cells do not matter.
    exists = not math.isnan(sigma)
    width = min(sigma, 1e30) if exists else 1.0
    cell, last = width / _CELLS_PER_SIGMA, _last_cell(layout, width)
    count = _DEGREE + 1
    nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count) / 2
    x = middle + cell * (np.arange(1 - last, last) + nodes[:, None])
    t = (x[..., None] - centers) / sigma
    values = np.exp(-0.5 * t * t) * (-t / sigma if order else 1)
    K = np.full((count, 2 * last + 1, layout.size), 0.0 if exists else np.nan, np.float32)
    K[:, 1:-1] = np.tensordot(np.linalg.inv(np.vander(nodes, increasing=True)), values, 1)
    return _Table(np.float32(middle), np.float32(1 / cell), last, K)


def _arrays(shape: tuple[int, int], *dtypes) -> list[np.ndarray]:
    """Arrays with any content, which begin at cache lines and at different offsets in their pages: NumPy's own begin 16 bytes into
    a page, so that each vector lies across two cache lines, and a write waits for a read at the same offset of another page."""
    size, made = math.prod(shape), []
    for i, dtype in enumerate(dtypes):
        memory = np.empty(size * np.dtype(dtype).itemsize + 4096, np.uint8)
        start = (64 * (9 * i + 1) - memory.ctypes.data) % 4096
        made.append(memory[start : start + memory.size - 4096].view(dtype).reshape(shape))
    return made


def _places(x: np.ndarray, table: _Table) -> Iterator[tuple]:
    """For one chunk of rows after the other: (rows, index, place, spare).

    index: where the units' tables [units * cells] have the values' cells. place: where in their cells the values are. spare: an
    array to compute with.
    """
    n, units = x.shape
    size = max(1, min(n, _CHUNK // units))
    place, nearest, cell, own, index = _arrays((size, units), np.float32, np.float32, np.int32, np.int32, np.intp)
    own[:] = (2 * table.last + 1) * np.arange(units) + table.last
    # np.clip takes as long as four other operations, and few arrays need it. The result of a comparison with NaN is false.
    end = np.float32(table.last)
    within = (table.last - 1) / table.scale
    inside = table.middle - within <= x.min() and x.max() <= table.middle + within
    for start in range(0, n, size):
        rows = slice(start, start + size)
        m = len(x[rows])
        s, r, c, i = place[:m], nearest[:m], cell[:m], index[:m]
        with np.errstate(invalid="ignore", over="ignore"):
            np.subtract(x[rows], table.middle, out=s)
            np.multiply(s, table.scale, out=s)
            if not inside:
                np.clip(s, -end, end, out=s)
            np.rint(s, out=r)
            np.subtract(s, r, out=s)
            np.copyto(c, r, casting="unsafe")
        if not inside:
            # The cell of NaN is any integer. Its place is NaN, and so is the result.
            np.clip(c, -table.last, table.last, out=c)
        np.add(c, own[:m], out=c)
        np.copyto(i, c)
        yield rows, i, s, r


def _of_units(table: _Table, alpha: np.ndarray) -> list[np.ndarray]:
    """The polynomials of the units' sums: for each power of the place an array [units * cells]."""
    return [(alpha @ K.T).ravel() for K in table.polynomials]


def _evaluate(tables: Sequence[np.ndarray], index: np.ndarray, place: np.ndarray, spare: np.ndarray, out: np.ndarray):
    """Write the polynomials of all places to `out`. mode="wrap" is NumPy's fastest; no index is out of bounds."""
    np.take(tables[-1], index, mode="wrap", out=out)
    for table in tables[-2::-1]:
        np.multiply(out, place, out=out)
        np.take(table, index, mode="wrap", out=spare)
        np.add(out, spare, out=out)


def table_value(x, alpha, sigma, *, layout: Layout, order: int):
    """The `order`-th derivative by x of the sum, order 0 or 1, for x [n, units] and alpha [units, k] in float32."""
    table, (out,) = _table(layout, order, float(sigma)), _arrays(x.shape, np.float32)
    tables = _of_units(table, alpha)
    for rows, index, place, spare in _places(x, table):
        _evaluate(tables, index, place, spare, out[rows])
    return out


def table_pull(x, g, sigma, *alpha, layout: Layout):
    """[the sums over rows of g times each Gaussian, [units, k]; g times the slope of the sum, if alpha is given]."""
    table, units = _table(layout, 0, float(sigma)), x.shape[1]
    tables = [_of_units(_table(layout, 1, float(sigma)), a) for a in alpha]
    slopes = _arrays(x.shape, np.float32) if alpha else []
    total = np.zeros((units, layout.size), np.float32)
    for start in range(0, len(x), _ROWS_OF_A_SUM):
        some = slice(start, start + _ROWS_OF_A_SUM)
        sums = np.zeros((_DEGREE + 1, units, 2 * table.last + 1), np.float32)
        for rows, index, place, spare in _places(x[some], table):
            weight = g[some][rows]
            for slope, of_slope in zip(slopes, tables, strict=True):
                out = slope[some][rows]
                _evaluate(of_slope, index, place, spare, out)
                np.multiply(out, weight, out=out)
            for power, sum_of_cells in enumerate(sums):
                weight = np.multiply(weight, place, out=spare) if power else weight
                np.add.at(sum_of_cells.ravel(), index.ravel(), weight.ravel())
        total += (sums @ table.polynomials).sum(0)
    return [total, *slopes]


def fit(layout: Layout, units: tuple[int, ...], x, sigma, *others) -> bool:
    """Whether tables are exact enough for these arrays, and faster than blocks: for many values of each unit, and many centres.

    Value and gradients of [1024, 256], measured on a CPU without AVX-512, by the time of blocks: 10 centres 0.8 to 1.1, 20 centres
    0.6, 50 centres 0.2. With fewer rows the tables themselves take long: as long as 100 to 200 rows.
    """
    if sigma.ndim or x.shape[1:] != units or any(a.dtype == np.float64 for a in (x, sigma, *others)):
        return False
    cells = 2 * _last_cell(layout, layout.smallest_sigma) + 1
    many = layout.size >= _FEWEST_CENTERS and 3 * cells <= 2 * x.shape[0]
    return many and cells <= _MOST_CELLS and math.prod(units) * cells < 1 << 31


class Primitives(NamedTuple):
    """The functions above as primitives: their arrays are flat, [n, units] and [units, k]."""

    value: object
    pull: object


@functools.cache
def primitives(backend: Backend) -> Primitives:
    """The primitives. They have no rules: the operations whose programs they are in have them."""
    value, pull = (backend.extend.Primitive(f"kaf_table_{name}") for name in Primitives._fields)
    pull.multiple_results = True
    value.def_impl(table_value)
    pull.def_impl(table_pull)
    value.def_abstract_eval(lambda x, alpha, sigma, **params: x)

    def type_of_pull(x, g, sigma, *alpha, layout):
        return [x.update(shape=(x.shape[1], layout.size)), *([x] if alpha else [])]

    pull.def_abstract_eval(type_of_pull)
    return Primitives(value, pull)


def _flat(x, units: int):
    return x.astype("float32").reshape(-1, units)


def value(backend: Backend, layout: Layout, order: int, x, alpha, sigma):
    """The sum's value or slope, of x's shape [n, *units], for alpha [*units, k]."""
    units = math.prod(alpha.shape[:-1])
    arrays = _flat(x, units), alpha.astype("float32").reshape(units, -1), sigma.astype("float32")
    return primitives(backend).value.bind(*arrays, layout=layout, order=order).reshape(x.shape)


def pull(backend: Backend, layout: Layout, units: tuple[int, ...], x, alpha, g, sigma) -> tuple:
    """(g times the slope, or None for alpha None; the sums over rows of g times each Gaussian, [1, *units, k])."""
    size = math.prod(units)
    coefficients = [] if alpha is None else [alpha.astype("float32").reshape(size, -1)]
    arrays = _flat(x, size), _flat(g, size), sigma.astype("float32"), *coefficients
    sums, *slope = primitives(backend).pull.bind(*arrays, layout=layout)
    return slope[0].reshape(x.shape) if slope else None, sums.reshape(1, *units, -1)
