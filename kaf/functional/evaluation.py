"""The programs of the operations of `operations.py`: which method computes one, and how its arrays are cut into chunks of rows.

An operation is traced when it is run or lowered. Its whole shape is known then, also under vmap, so "auto" is decided here.

Arrays: x [n, *own] with n rows, coefficients alpha [*units, k], where *units broadcasts to *own; sigma [] or [*units]; centers [k]
or [*units, k].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy

from ..backend import Backend, optional_module
from . import gridded, tables
from .gridded import Layout, computing_dtype, fits, gaussian

# Rows of fewer units than this are joined to longer rows (see `_Rows`).
_ROW_SIZE = 256


class Problem(NamedTuple):
    """What the program of an operation depends on besides its arrays.

    layout: None if the centres are not equispaced. scaled: whether the layout is in units of the centres' step, because they are
    not known before the program runs. They may turn out not to be equispaced. tables: whether NumPy runs the program, so that the
    tables of `tables.py` may be faster than the blocks.
    """

    method: str
    layout: Layout | None
    scaled: bool = False
    tables: bool = False


# -- The formula -----------------------------------------------------------------------------------------------------------


def _kernels(backend: Backend, order: int, x, sigma, centers, far: bool):
    """The `order`-th derivatives by x of the Gaussians, [n, *own, k]. far: see `gaussian`."""
    return gaussian(backend, order, far)(x[..., None], centers, sigma[..., None] if sigma.ndim else sigma)


def formula_value(backend: Backend, order: int, x, alpha, sigma, centers, far: bool = True):
    """S_order(x, alpha), from all k values of each Gaussian."""
    return (_kernels(backend, order, x, sigma, centers, far) * alpha).sum(-1)


def formula_pull(
    backend: Backend,
    order: int,
    groups: int,
    units: tuple[int, ...],
    x,
    g,
    sigma,
    centers,
    alpha=None,
    far: bool = True,
) -> tuple:
    """(g S_1(x, alpha), or None for alpha None; the sums T_order(x, g) of each group)."""
    slope = None if alpha is None else g * formula_value(backend, 1, x, alpha, sigma, centers, far)
    terms = g[..., None] * _kernels(backend, order, x, sigma, centers, far)
    return slope, _sum_of_groups(terms, groups, units)


def _sum_of_groups(terms, groups: int, units: tuple[int, ...]):
    """terms [groups * n, *own, k], summed over n and over the axes along which *units is broadcast: [groups, *units, k]."""
    own = terms.shape[1:-1]
    terms = terms.reshape(groups, -1, *terms.shape[1:])
    axes = (1, *[i + 2 for i, (u, o) in enumerate(zip(units, own, strict=True)) if u != o])
    return terms.sum(axes).reshape(groups, *units, terms.shape[-1])


# -- The programs -----------------------------------------------------------------------------------------------------------


def value(backend: Backend, problem: Problem, order: int, dtype: str, x, alpha, sigma, centers):
    """The `order`-th derivative by x of the sum of Gaussians, in the given dtype."""
    if not x.size:
        return x.astype(dtype)
    method = chosen(backend, problem, order, x, alpha.shape, second=order > 1)
    if method == "formula":
        x, alpha, sigma, centers = _computed(backend, x, alpha, sigma, centers)
        return formula_value(backend, order, x, alpha, sigma, centers).astype(dtype)

    def by(layout: Layout | None):
        def run(sigma, centers, x, alpha):
            x, sigma, scale = _in_steps(problem, layout, x, sigma, centers)
            if layout and problem.tables and order < 2 and tables.fit(layout, alpha.shape[:-1], x, sigma, alpha):
                out = tables.value(backend, layout, order, x, alpha, sigma)
                return (out * scale**order if order and problem.scaled else out).astype(dtype)
            padded = None if method == "pallas" else layout
            rows = _Rows(backend, alpha.shape[:-1], x, sigma, centers, padded, join=layout is not None)

            def sums(layout, x):
                if layout is None:
                    return gridded.one_by_one(backend, order, x, c, rows.sigma, rows.centers)
                if method == "pallas":
                    return optional_module("functional.pallas").forward(layout, x, c, rows.sigma)
                return gridded.evaluate(backend, layout, order, x, c, rows.sigma)

            c = rows.coefficients(alpha)
            (out,), _ = _in_chunks(
                backend,
                problem,
                rows,
                rows.layout or layout,
                method,
                lambda layout, x: ([sums(layout, x).astype(dtype)], []),
                [rows.x],
                [],
            )
            out = rows.restored(out)
            return (out * scale**order).astype(dtype) if order and problem.scaled else out

        return run

    return _by_layout(backend, problem, method, by, sigma, centers, x, alpha)


def tangent(backend: Backend, problem: Problem, dtype: str, x, alpha, x_t, alpha_t, sigma, centers):
    """S_1(x, alpha) x_t + S_0(x, alpha_t). The exponentials of the two terms are computed once."""
    if not x.size:
        return x.astype(dtype)
    method = chosen(backend, problem, 1, x, alpha.shape)
    if method == "formula":
        x, alpha, x_t, alpha_t, sigma, centers = _computed(backend, x, alpha, x_t, alpha_t, sigma, centers)
        out = formula_value(backend, 1, x, alpha, sigma, centers) * x_t + formula_value(
            backend, 0, x, alpha_t, sigma, centers
        )
        return out.astype(dtype)

    def by(layout: Layout | None):
        def run(sigma, centers, x, alpha, x_t, alpha_t):
            x, sigma, scale = _in_steps(problem, layout, x, sigma, centers)
            x_t = x_t * scale if problem.scaled else x_t
            rows = _Rows(backend, alpha.shape[:-1], x, sigma, centers, layout, join=layout is not None)
            c, c_t = rows.coefficients(alpha), rows.coefficients(alpha_t)

            def both(layout, x, x_t):
                if layout is None:
                    slope = gridded.one_by_one(backend, 1, x, c, rows.sigma, rows.centers)
                    by_alpha = gridded.one_by_one(backend, 0, x, c_t, rows.sigma, rows.centers)
                else:
                    slope, by_alpha = gridded.evaluate_several(backend, layout, x, rows.sigma, [(c, 1), (c_t, 0)])
                return [(slope * x_t + by_alpha).astype(dtype)], []

            (out,), _ = _in_chunks(
                backend, problem, rows, rows.layout, "gridded", both, [rows.x, x_t.reshape(rows.x.shape)], []
            )
            return rows.restored(out)

        return run

    return _by_layout(backend, problem, method, by, sigma, centers, x, alpha, x_t, alpha_t)


def moments(backend: Backend, problem: Problem, order: int, groups: int, units, dtype: str, x, g, sigma, centers):
    """For each centre the sum of g times the `order`-th derivative of its Gaussian: [groups, *units, k], a sum for each of `groups`
    runs of adjacent rows."""
    return _pull(backend, problem, order, groups, tuple(units), (None, dtype), x, None, g, sigma, centers)[1]


def pull(
    backend: Backend, problem: Problem, groups: int, dtypes: tuple[str, str], x, alpha, g, sigma, centers
) -> tuple:
    """(g S_1(x, alpha), the moments of order 0), in the given dtypes."""
    return _pull(backend, problem, 0, groups, alpha.shape[:-1], dtypes, x, alpha, g, sigma, centers)


def _pull(backend: Backend, problem: Problem, order, groups: int, units, dtypes, x, alpha, g, sigma, centers) -> tuple:
    k = centers.shape[-1]
    if not x.size:
        return x.astype(dtypes[0] or dtypes[1]), backend.np.zeros((groups, *units, k), dtypes[1])
    method = chosen(backend, problem, order, x, (*units, k), groups, second=order > 0)
    if problem.scaled and order and method == "gridded":
        # Sums of this order are for gradients by bandwidths and centres. Trained centres are equispaced at the start alone, and XLA
        # would keep memory for the branches of equispaced centres to the end.
        method = "loop"
    if method == "formula":
        x, g, sigma, centers, *a = _computed(backend, x, g, sigma, centers, *([] if alpha is None else [alpha]))
        slope, sums = formula_pull(backend, order, groups, units, x, g, sigma, centers, *a)
        return None if slope is None else slope.astype(dtypes[0]), sums.astype(dtypes[1])
    if groups > 1 and backend.compiles_loops():
        # XLA computes the formula in the loop that adds up, or writes, the terms of each group.
        slope = (
            None
            if alpha is None
            else g * value(backend, problem, 1, computing_dtype(backend.np, x, alpha, sigma), x, alpha, sigma, centers)
        )
        sums = formula_pull(backend, order, groups, units, *_computed(backend, x, g, sigma, centers))[1]
        return None if slope is None else slope.astype(dtypes[0]), sums.astype(dtypes[1])

    def by(layout: Layout | None):
        def run(sigma, centers, x, g, *alphas):
            alpha = alphas[0] if alphas else None
            x, sigma, scale = _in_steps(problem, layout, x, sigma, centers)
            by_tables = layout and problem.tables and order == 0 and groups == 1
            if by_tables and tables.fit(layout, units, x, sigma, g, *alphas):
                slope, sums = tables.pull(backend, layout, units, x, alpha, g, sigma)
                return [sums.astype(dtypes[1]), *([] if slope is None else [(slope * scale).astype(dtypes[0])])]
            padded = None if method == "pallas" else layout
            join = layout is not None and groups == 1
            rows = _Rows(backend, units, x, sigma, centers, padded, join, always=True)
            c = None if alpha is None else rows.coefficients(alpha)

            def part(layout, x, g):
                if layout is None:
                    slope, sums = gridded.pull_one_by_one(backend, order, x, c, rows.sigma, g, rows.centers, rows.axes)
                elif method == "pallas":
                    some = backend.np.zeros((k, x.shape[1]), x.dtype) if c is None else c
                    slope, sums = optional_module("functional.pallas").backward(layout, x, some, rows.sigma, g)
                    slope, sums = None if c is None else slope, sums[:, None]
                else:
                    slope, sums = gridded.pull(backend, layout, order, x, c, rows.sigma, g, rows.axes)
                return [] if slope is None else [slope.astype(dtypes[0])], [sums]

            g = g.reshape(rows.x.shape)
            if groups > 1:
                slope, sums = _for_each_group(backend, rows.layout or layout, part, groups, rows.x, g)
            else:
                like = (computing_dtype(backend.np, x, sigma, g), (k, *rows.shape_of_sums))
                slope, (sums,) = _in_chunks(
                    backend, problem, rows, rows.layout or layout, method, part, [rows.x, g], [like]
                )
                sums = sums[None]
            sums = rows.sums(sums, groups, k)
            if problem.scaled and order and layout is not None:
                sums = sums * (scale[..., None] if scale.ndim else scale) ** order
            sums = sums.astype(dtypes[1])
            if not slope:
                return [sums]
            slope = rows.restored(slope[0])
            return [sums, (slope * scale).astype(dtypes[0]) if problem.scaled else slope]

        return run

    alphas = [] if alpha is None else [alpha]
    sums, *slope = _by_layout(backend, problem, method, by, sigma, centers, x, g, *alphas)
    return slope[0] if slope else None, sums


def _for_each_group(backend: Backend, layout, part: Callable, groups: int, x, g) -> tuple:
    """The sums of each of `groups` runs of adjacent rows: [groups, k, ...]."""
    xp = backend.np
    x, g = (a.reshape(groups, -1, *a.shape[1:]) for a in (x, g))
    slope, (sums,) = backend.vmap(lambda x, g: part(layout, x, g))(x, g)
    return [s.reshape(-1, *s.shape[2:]) for s in slope], xp.asarray(sums)


def chosen(
    backend: Backend, problem: Problem, order: int, x, alpha: tuple[int, ...], groups: int = 1, second: bool = False
) -> str:
    """The method for an operation of this shape: "formula", "gridded", "pallas" or "loop". second: whether it belongs to second
    derivatives."""
    method = problem.method
    if method == "auto" and backend.prefers_formula(x.size):
        return "formula"
    if problem.layout is None or order > 2 or second and backend.prefers_short_programs(x.size):
        return "loop"
    if method == "auto" and backend.prefers_pallas():
        method = "pallas"
    if method == "pallas":
        rows_of_units = (
            x.size and x.shape[1:] == alpha[:-1] != () and x.dtype != "float64" and order == 0 and groups == 1
        )
        return "pallas" if rows_of_units else "gridded"
    return "gridded" if method == "auto" else method


def _computed(backend: Backend, *arrays) -> list:
    dtype = computing_dtype(backend.np, *arrays)
    return [a.astype(dtype) for a in arrays]


def _by_layout(backend: Backend, problem: Problem, method: str, by: Callable, sigma, centers, *arrays):
    """by(layout)(sigma, centers, *arrays), with the layout that fits the bandwidth and the centres; with None, one Gaussian after
    the other, if none does."""
    layout, arrays = problem.layout, (sigma, centers, *arrays)
    if method == "loop":
        return by(None)(*arrays)
    if not layout.guarded:
        return by(layout)(*arrays)
    xp, layouts = backend.np, gridded.candidates(layout)
    if problem.scaled:
        _, sigma, _ = _in_steps(problem, layout, sigma, sigma, centers)
    # The first layout that fits. Under vmap there is one answer for all examples: a choice for each would compute every branch.
    index = sum((~fits(xp, layout, sigma)).astype("int32") for layout in layouts)
    if problem.scaled:
        index = xp.where(gridded.equispaced(xp, centers), index, len(layouts))
    return backend.lax.switch(index, [*map(by, layouts), by(None)], *arrays)


def _in_steps(problem: Problem, layout: Layout | None, x, sigma, centers) -> tuple:
    """(x, sigma, 1 / step) in units of the step between two centres, with x = 0 in their middle, for centres that are known when
    the program runs. Otherwise x and sigma as they are, and 1."""
    if layout is None or not problem.scaled:
        return x, sigma, 1
    first, last = centers[..., 0], centers[..., -1]
    scale = (centers.shape[-1] - 1) / (last - first)
    return (x - (first + last) / 2) * scale, sigma * scale, scale


# -- Rows --------------------------------------------------------------------------------------------------------------------


class _Rows:
    """x as rows of units: [n, *own] becomes [rows, columns] if *own is *units. Otherwise, as for channels that are not the last
    axis, x keeps its shape. `sigma` and `centers` fit. Rows of few units are joined, because loops over short rows are slow.

    layout: None if no blocks are evaluated. always: whether a function that all values share has rows, too; without, its x stays
    [n].
    """

    def __init__(
        self,
        backend: Backend,
        units: tuple[int, ...],
        x,
        sigma,
        centers,
        layout: Layout | None,
        join: bool,
        always=False,
    ):
        xp = self.xp = backend.np
        self.shape, self.units, own = x.shape, units, x.shape[1:]
        n, size = x.shape[0], math.prod(own)
        self.flat, self.joined, self.padding = own == units and (always or units != ()), 1, 0
        self.axes = (0, *[i + 1 for i, (u, o) in enumerate(zip(units, own, strict=True)) if u != o])
        if self.flat:
            if join and size:
                self.joined = next((m for m in range(min(n, _ROW_SIZE // size), 1, -1) if n % m == 0), 1)
            if sigma.ndim:
                sigma = self._columns(xp.broadcast_to(sigma, units).reshape(1, size))[0]
            x = x.reshape(n // self.joined, self.joined * size)
        # One row of units along some axes of which the units are broadcast, as the members of an ensemble are.
        self.alone = not self.flat and n == 1 and units != ()
        if self.alone:
            x, self.axes = x[0], tuple(i - 1 for i in self.axes if i)
        if centers.ndim > 1:
            if self.flat:
                centers = self.coefficients(xp.broadcast_to(centers, (*units, centers.shape[-1])))
            else:
                centers = xp.moveaxis(centers, -1, 0)
        self.x, self.sigma, self.centers = x, sigma, centers
        if layout is not None and self.joined == 1 and (self.flat or self.alone):
            self.padding = backend.padding(math.prod(units))
        self.layout = layout._replace(units=units if self.alone else x.shape[1:]) if self.padding else layout
        self.shape_of_sums = (1, x.shape[1]) if self.flat else units if self.alone else (1, *units)

    def _columns(self, a):
        """a [j, size], repeated for the rows that are joined: [j, columns]."""
        if self.joined == 1:
            return a
        return self.xp.broadcast_to(a[:, None], (a.shape[0], self.joined, a.shape[1])).reshape(a.shape[0], -1)

    def coefficients(self, alpha):
        """alpha [*units, k] as [k, columns] or [k, *units]."""
        # The units are last in memory too, as in x. A matrix product does it, because XLA would fuse a transposition into the loop
        # over x, and every value of x would then gather its coefficients from addresses far apart.
        k = alpha.shape[-1]
        alpha = alpha.reshape(math.prod(self.units), k) if self.flat or self.padding else alpha
        alpha = self.xp.pad(alpha, ((0, self.padding), (0, 0))) if self.padding else alpha
        eye = numpy.eye(k, dtype=alpha.dtype)
        alpha = self.xp.tensordot(eye, alpha, ((1,), (alpha.ndim - 1,)), precision="highest")
        return self._columns(alpha) if self.flat else alpha

    def restored(self, out):
        """The result for x, in the shape that x had."""
        return out.reshape(self.shape)

    def sums(self, sums, groups: int, k: int):
        """Sums [groups, k, 1, columns] or [groups, k, 1, *units] as [groups, *units, k]."""
        if self.joined > 1:
            sums = sums.reshape(groups, k, self.joined, -1).sum(2)
        return self.xp.moveaxis(sums.reshape(groups, k, -1), 1, 2).reshape(groups, *self.units, k)


def _in_chunks(
    backend: Backend,
    problem: Problem,
    rows: _Rows,
    layout: Layout | None,
    method: str,
    part: Callable,
    arrays: Sequence,
    sums: Sequence,
) -> tuple:
    """part(layout, *arrays) -> (results with the same rows, sums over rows), one chunk of rows after the other.

    sums: (dtype, shape) of the sums.
    """
    xp, n = backend.np, len(arrays[0])
    own = math.prod(arrays[0].shape[1:])
    size = backend.chunk_size(arrays[0].size, 1 if layout is None else layout.num_blocks, problem.scaled)
    chunk = n if method == "pallas" or rows.alone else rows_per_chunk(n, own, size)
    if chunk == n:
        return part(layout, *arrays)
    if layout is not None and rows.flat and not rows.sigma.ndim:
        layout = layout._replace(joined=rows_to_join(chunk, own, backend.row_size()))
    joins = 1 if layout is None else layout.joined
    whole, count = n - n % chunk, n // chunk
    # Several devices that share x have each a run of adjacent rows. A chunk then takes rows that are far apart, so that every
    # device has its part of every chunk. A chunk of adjacent rows would lie on one device and have to be sent to the others.
    apart = backend.shares_arrays()

    def cut(a):
        a = a[:whole]
        if apart:
            return xp.moveaxis(a.reshape(chunk, count, *a.shape[1:]), 1, 0)
        return (
            a.reshape(count, chunk // joins, joins * a.shape[1], *a.shape[2:])
            if a.ndim > 1
            else a.reshape(count, chunk)
        )

    def joined(a):
        return (xp.moveaxis(a, 0, 1) if apart else a).reshape(whole, *arrays[0].shape[1:])

    def step(totals, chunks, layout=layout):
        results, sums = part(layout, *chunks)
        return [total + s for total, s in zip(totals, sums, strict=True)], results

    like = xp.zeros_like(arrays[0].ravel()[0])
    start = [xp.broadcast_to(like.astype(dtype), shape) for dtype, shape in sums]
    totals, results = backend.lax.scan(step, start, [cut(a) for a in arrays])
    results = [joined(a) for a in results]
    if whole < n:
        layout = layout and layout._replace(joined=1)
        rest, sums = part(layout, *[a[whole:] for a in arrays])
        results = [xp.concatenate(pair) for pair in zip(results, rest, strict=True)]
        totals = [total + s for total, s in zip(totals, sums, strict=True)]
    return results, totals


def rows_per_chunk(n: int, row_size: int, size: int) -> int:
    """How many rows a chunk has: at most `size` values' worth.

    If possible this is a divisor of n, and at least half the maximum: the rows left over are appended by a copy. Rows of no
    units are one chunk: an array [2, 0] cannot be reshaped to [-1, 1, 0].
    """
    most = max(1, size // max(1, row_size))
    if n <= most or not row_size:
        return n
    return next((chunk for chunk in range(most, most // 2, -1) if n % chunk == 0), most)


def rows_to_join(n: int, row_size: int, size: int) -> int:
    """The smallest divisor of n for which as many rows have at least `size` values; 1 if there is none."""
    return next((m for m in range(-(-size // max(1, row_size)), n + 1) if n % m == 0), 1)
