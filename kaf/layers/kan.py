"""Kolmogorov-Arnold networks (KANs): a function that is trained on every edge of a network, and sums in its units.

Sources: Liu et al., KAN: Kolmogorov-Arnold Networks, arXiv 2404.19756; the layer with Gaussians: fast-kan, Li, arXiv 2405.06721.
Like the layers of `plain.py` they are frozen dataclasses and pytrees of both backends. No array is [batch, n_in, k].
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import Array, Backend, get_backend, register_dataclass
from ..functional.bases import BASES, basis_matrix, of_the_functions, on_other_grids
from ..functional.grid import Grid
from ..functional.init import as_key, random_alpha
from ..functional.kernels import as_floats
from .plain import Layer, moved, per_layer

# -- A layer -----------------------------------------------------------------------------------------------------------

TRAINED_FIELDS = ("alpha", "base", "bias", "scale", "shift")
FIXED_FIELDS = ("grid", "bases", "mask")


@dataclass(frozen=True, eq=False, repr=False)
class KANLayer(Layer):
    """A function on each edge of a layer: out_o = sum_i phi_io(x_i) + sum_i base_io silu(x_i) + bias_o.

    By default this is the layer of fast-kan: 8 Gaussians exp(-((x - c)/step)^2) on [-2, 2], plus a linear layer of silu(x).
    With norm=True the functions are applied to the inputs after a layer norm, and silu to the inputs before it. alpha is
    [n_in, n_out, k], base [n_in, n_out] and bias [n_out]; scale and shift [n_in] belong to the norm. A part whose arrays are
    None is left out. The sum is computed one basis function after the other, each by a matrix product, so no array is
    [batch, n_in, k].

    grid    one for all inputs, or a tuple with one for each input, all of one size
    bases   "gauss", "bspline" (cubic), "chebyshev", "legendre" or "fourier", whose period is the grid's width
    mask    which edges are there, a tuple [n_in] of tuples [n_out] of booleans; None if all are (see `prune`)

    >>> layer = KANLayer.init(0, 3, 2)
    >>> layer.alpha.shape, layer([[1.0, 2.0, 3.0]]).shape
    ((3, 2, 8), (1, 2))
    """

    alpha: Array
    base: Array | None = None
    bias: Array | None = None
    scale: Array | None = None
    shift: Array | None = None
    grid: Grid | tuple[Grid, ...] = Grid(8, 2.0)
    bases: str = "gauss"
    mask: tuple[tuple[bool, ...], ...] | None = None

    has_alpha = True

    @classmethod
    def init(
        cls,
        key: Array | int,
        n_in: int,
        n_out: int,
        grid: Grid | None = None,
        *,
        spread: float = 0.1,
        base: bool = True,
        norm: bool = False,
        bases: str = "gauss",
    ) -> KANLayer:
        """A layer with normal alpha of standard deviation `spread`, normal base of variance 1 / n_in, and zero bias.

        `base` and `norm` say whether the layer has the silu part and the layer norm. The layer norm, which fast-kan has, helps
        where a layer has many inputs (images, hidden layers of dozens of units) that would leave the grid: it brings them to
        mean 0 and variance 1. It hurts where there are few, because it takes two numbers away from every example, the mean and
        the spread of its inputs: of two inputs it leaves which one is larger, and of one input nothing.

        Raises ValueError for a norm of one input, and for an unknown basis.
        """
        if norm and n_in == 1:
            raise ValueError("KANLayer: a layer norm of one input is a constant; give norm=False, or more inputs.")
        if bases not in BASES:
            raise ValueError(f"KANLayer: there is no basis {bases!r}; choose one of {', '.join(BASES)}.")
        grid = Grid(8, 2.0) if grid is None else grid
        backend = get_backend(key)
        xp = backend.np
        keys = backend.random.split(as_key(key))
        weight = random_alpha(keys[1], (n_in, n_out), 1 / math.sqrt(max(1, n_in)))
        return cls(
            random_alpha(keys[0], (n_in, n_out, _grids(grid, n_in)[0].size), spread),
            base=weight if base else None,
            bias=xp.zeros(n_out) if base else None,
            scale=xp.ones(n_in) if norm else None,
            shift=xp.zeros(n_in) if norm else None,
            grid=grid,
            bases=bases,
        )

    def __call__(self, x: Array) -> Array:
        """x [..., n_in] -> [..., n_out]. Raises ValueError if the last axis of x has another size."""
        return apply(self, x)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The grid of each input."""
        return _grids(self.grid, self.alpha.shape[0])

    def resize(self, grid: Grid | Sequence[Grid]) -> KANLayer:
        """A layer on another grid, or on one for each input, whose functions are as near to the old ones as that grid allows.

        Outside of the new grid the functions may differ. Raises ValueError for grids of several sizes.
        """
        grid = grid if isinstance(grid, Grid) else tuple(grid)
        alpha = on_other_grids(self.alpha, self.bases, self.grids, _grids(grid, self.alpha.shape[0]))
        return dataclasses.replace(self, alpha=_as(self.alpha, alpha), grid=grid)

    def update_grid(self, x: Array, margin: float = 0.05) -> KANLayer:
        """A layer with the same functions, where the grid of each input goes from the least to the largest of x [..., n_in].

        `margin` is how far a grid goes beyond, as a share of its width. An input that is constant keeps its grid.
        """
        x = self._inputs(x).reshape(-1, self.alpha.shape[0])
        return self.resize([_around(*each, margin) for each in zip(self.grids, x.min(0), x.max(0), strict=True)])

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> KANLayer:
        """As `update_grid`, but each grid holds only the share `coverage` of the inputs, so outliers do not widen it."""
        low, high = numpy.quantile(
            self._inputs(x).reshape(-1, self.alpha.shape[0]), [(1 - coverage) / 2, (1 + coverage) / 2], axis=0
        )
        return self.resize([_around(*each, 0.0) for each in zip(self.grids, low, high, strict=True)])

    def refine(self, k: int) -> KANLayer:
        """A layer with the same functions of k basis functions, on grids of the same width."""
        grids = tuple(dataclasses.replace(grid, size=k) for grid in self.grids)
        return self.resize(grids[0] if isinstance(self.grid, Grid) else grids)

    def edge(self, i: int, o: int) -> Edge:
        """The function of the edge from input i to output o, without the bias of o. Raises ValueError with a layer norm."""
        if self.scale is not None:
            raise ValueError("KANLayer: with a layer norm an edge depends on all inputs, so it is no function of one.")
        n_in, n_out = self.alpha.shape[:2]
        if not (0 <= i < n_in and 0 <= o < n_out):
            raise ValueError(
                f"KANLayer: there is no edge from {i} to {o}; the layer has {n_in} inputs and {n_out} outputs."
            )
        one = lambda array: None if array is None else array[i : i + 1, o : o + 1]
        mask = None if self.mask is None else ((self.mask[i][o],),)
        layer = dataclasses.replace(
            self, alpha=one(self.alpha), base=one(self.base), bias=None, grid=self.grids[i], mask=mask
        )
        return Edge(layer, i, o)

    def scores(self, x: Array) -> numpy.ndarray[Any, Any]:
        """How much each edge does: the standard deviation of its output over x [..., n_in], float64 [n_in, n_out]."""
        return self._moments(x)[1]

    def _moments(self, x):
        """The mean and the standard deviation of each edge's output over x, both float64 [n_in, n_out]."""
        x = numpy.asarray(x, numpy.float64).reshape(-1, self.alpha.shape[0])
        inside, k = self._inputs(x), self.alpha.shape[-1]
        mean, spread = numpy.zeros(self.alpha.shape[:2]), numpy.zeros(self.alpha.shape[:2])
        for i, grid in enumerate(self.grids):
            out = basis_matrix(self.bases, (inside[:, i] - grid.low) / grid.step, k)
            out = out @ numpy.asarray(self.alpha[i], numpy.float64).T
            if self.base is not None:
                silu = x[:, i] * 0.5 * (1 + numpy.tanh(0.5 * x[:, i]))
                out = out + silu[:, None] * numpy.asarray(self.base[i], numpy.float64)
            if self.mask is not None:
                out = out * numpy.asarray(self.mask[i])
            mean[i], spread[i] = out.mean(0), out.std(0)
        return mean, spread

    def _inputs(self, x) -> numpy.ndarray:
        """What the functions of the edges are applied to: x, after the layer norm if there is one; float64."""
        x = numpy.asarray(x, numpy.float64)
        if self.scale is None:
            return x
        return numpy.asarray(_normed(numpy, self, x), numpy.float64)


register_dataclass(KANLayer, data_fields=TRAINED_FIELDS, meta_fields=FIXED_FIELDS)


def fields_of(layer: Any) -> dict[str, Any]:
    """The fields by name of a `KANLayer`, or of an Equinox or Flax module with the same fields."""
    return {name: getattr(layer, name) for name in (*TRAINED_FIELDS, *FIXED_FIELDS)}


def carried_over(layer: KANLayer, backend: Backend) -> KANLayer:
    """The same layer with arrays of `backend`. Arrays of the other library are converted through NumPy."""
    return dataclasses.replace(layer, **moved(layer, TRAINED_FIELDS, backend))


def apply(layer: Any, x: Array) -> Array:
    """The outputs of a `KANLayer`, or of an Equinox module with the same fields."""
    backend = get_backend(x, layer.alpha)
    xp = backend.np
    x, alpha, base = as_floats(xp, x), as_floats(xp, layer.alpha), layer.base
    n_in = alpha.shape[0]
    if not x.shape or x.shape[-1] != n_in:
        raise ValueError(
            f"KANLayer: the last axis of x must have {n_in} features; x has shape {x.shape}, alpha {alpha.shape}."
        )
    if layer.mask is not None:
        there = numpy.asarray(layer.mask)
        alpha = xp.where(there[..., None], alpha, 0)
        base = None if base is None else xp.where(there, base, 0)
    grids = (layer.grid,) if isinstance(layer.grid, Grid) else layer.grid
    low, steps = (numpy.array([getattr(grid, name) for grid in grids]) for name in ("low", "step"))
    inside = x if layer.scale is None else _normed(xp, layer, x)
    out = _edges(backend, layer.bases)(inside, alpha, low, steps)
    if base is not None:
        out = out + backend.nn.silu(x) @ base
    return out if layer.bias is None else out + layer.bias


def _normed(xp, layer, x):
    centered = x - x.mean(-1, keepdims=True)
    return centered / xp.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5) * layer.scale + layer.shift


@functools.cache
def _edges(backend: Backend, bases: str) -> Callable:
    """A function of (x [..., n_in], alpha [n_in, n_out, k], low and steps [n_in] or [1]): sum_i phi_io(x_i), [..., n_out]."""
    xp, basis = backend.np, BASES[bases]

    def edges(x, alpha, low, steps):
        dtype, k = xp.result_type(x, alpha), alpha.shape[-1]
        computing = xp.result_type(dtype, "float32")
        x, alpha = x.astype(computing), alpha.astype(computing)
        alpha = of_the_functions(xp, bases, alpha)
        u = (x - low.astype(computing)) / steps.astype(computing)

        def add(out, number_and_alpha, u):
            j, alpha = number_and_alpha
            return out + basis(xp, u, j, k) @ alpha

        add = backend.checkpoint(add, prevent_cse=False)
        start = xp.zeros((*x.shape[:-1], alpha.shape[1]), computing)
        xs = (xp.arange(k, dtype=computing), xp.moveaxis(alpha, -1, 0))
        out, _ = backend.lax.scan(lambda out, each: (add(out, each, u), None), start, xs)
        return out.astype(dtype)

    return backend.jit(backend.checkpoint(edges))


def _as(like: Array, values: numpy.ndarray) -> Array:
    """The values as an array of the library and the dtype of `like`."""
    return get_backend(like).np.asarray(values.astype(like.dtype))


def _grids(grid: Grid | Sequence[Grid], n_in: int) -> tuple[Grid, ...]:
    grids = (grid,) * n_in if isinstance(grid, Grid) else tuple(grid)
    if len(grids) != n_in or len({each.size for each in grids}) != 1:
        raise ValueError(
            f"KANLayer: one grid is needed, or one for each of the {n_in} inputs, all of one size; "
            f"got {len(grids)} of sizes {sorted({each.size for each in grids})}."
        )
    return grids


def _around(old: Grid, low: float, high: float, margin: float) -> Grid:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("KANLayer: the samples hold numbers that are not finite.")
    if not low < high:
        return old
    wider = margin * (float(high) - float(low))
    return Grid.over(float(low) - wider, float(high) + wider, old.size, old.rule)


@dataclass(frozen=True, eq=False)
class Edge:
    """The function of one edge of a KAN, from input i to output o of a layer. `layer` is a layer of this edge alone.

    >>> edge = KANLayer.init(0, 3, 2).edge(2, 1)
    >>> edge(numpy.zeros((5, 4))).shape, edge.grid
    ((5, 4), Grid(size=8, boundary=2.0, rule='paper'))
    """

    layer: KANLayer
    i: int
    o: int

    def __call__(self, x: Array) -> Array:
        """The function of x, elementwise, for any shape."""
        x = get_backend(x, self.layer.alpha).np.asarray(x)
        return self.layer(x[..., None])[..., 0]

    @property
    def grid(self) -> Grid:
        """The grid of the edge's input."""
        return self.layer.grids[0]


class PrunedAway(ValueError):
    """Nothing would be left of a network that is pruned."""


# -- A network ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class KAN(Layer):
    """A Kolmogorov-Arnold network: layers of functions on edges, called from first to last.

    >>> net = KAN.init(0, [2, 5, 1])
    >>> net([[0.5, -0.5]] * 7).shape, net.layers[0].alpha.shape
    ((7, 1), (2, 5, 8))
    """

    layers: tuple[KANLayer, ...]

    @classmethod
    def init(
        cls,
        key: Array | int,
        sizes: Sequence[int],
        grid: Grid | Sequence[Grid] | None = None,
        *,
        bases: str | Sequence[str] = "gauss",
        norm: bool | Sequence[bool] = False,
        base: bool = True,
        spread: float = 0.1,
    ) -> KAN:
        """A network with layers of `sizes` [n_in, hidden..., n_out].

        `grid`, `bases` and `norm` are for all layers, or hold one for each layer (see `KANLayer.init`, also for `base` and
        `spread`). Raises ValueError for fewer than two sizes, for another number of entries, and the errors of the layers.
        """
        if len(sizes) < 2:
            raise ValueError(
                f"KAN: sizes must hold the sizes of the input, of hidden layers and of the output; got {list(sizes)}."
            )
        keys = get_backend(key).random.split(as_key(key), len(sizes) - 1)
        each = lambda name, value, one: per_layer("KAN", name, value, one, len(sizes) - 1)
        layers = zip(
            keys,
            sizes[:-1],
            sizes[1:],
            each("grid", grid, (Grid, type(None))),
            each("bases", bases, str),
            each("norm", norm, bool),
            strict=True,
        )
        return cls(
            tuple(
                KANLayer.init(key, n_in, n_out, grid, bases=bases, norm=norm, base=base, spread=spread)
                for key, n_in, n_out, grid, bases, norm in layers
            )
        )

    def __call__(self, x: Array) -> Array:
        """One example [n_in] -> [n_out], or a batch [n, n_in] -> [n, n_out]."""
        for layer in self.layers:
            x = layer(x)
        return x

    def resize(self, grid: Grid) -> KAN:
        """A network whose layers have another grid and, as near as it allows, the same functions."""
        return KAN(tuple(layer.resize(grid) for layer in self.layers))

    def update_grid(self, x: Array, margin: float = 0.05) -> KAN:
        """A network with the same functions, whose grids are as wide as the inputs of the layers are for samples x [n, n_in].

        See `KANLayer.update_grid`. Each layer gets the samples as the new layers before it return them. In the middle of
        training, `kaf.optim.carry_over` makes the optimizer's state fit the new network.
        """
        return self._by_samples(x, lambda layer, x: layer.update_grid(x, margin))

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> KAN:
        """As `update_grid`, but each grid holds only the share `coverage` of the samples, so outliers do not widen it."""
        return self._by_samples(x, lambda layer, x: layer.fit_to_data(x, coverage))

    def refine(self, k: int) -> KAN:
        """A network with the same functions of k basis functions each, on grids as wide as before."""
        return KAN(tuple(layer.refine(k) for layer in self.layers))

    def prune(self, x: Array, threshold: float = 0.03) -> KAN:
        """A network without weak edges, and without the hidden units that have lost all edges to one side.

        An edge is weak if the standard deviation of its output over the samples x [n, n_in] is below `threshold` times that of
        the strongest edge into its layer. The mean of its output goes into the bias. Weak edges stay zero in further training
        (see `mask` of `KANLayer`). Raises PrunedAway, a ValueError, if a layer would lose all edges.
        """
        layers, x = [], numpy.asarray(x)
        for layer in self.layers:
            layers.append(_without_weak_edges(layer, x, threshold))
            x = layers[-1](x)
        for number in reversed(range(1, len(layers))):
            alive = numpy.asarray(layers[number].mask).any(1)
            layers[number - 1 : number + 1] = _without_units(layers[number - 1], layers[number], alive)
        if not all(numpy.asarray(layer.mask).any() for layer in layers):
            raise PrunedAway(f"KAN: threshold={threshold:g} prunes all edges; give a smaller one.")
        return KAN(tuple(layers))

    def edge(self, layer: int, i: int, o: int) -> Edge:
        """The function of the edge from unit i to unit o of a layer, counted from 0. Raises ValueError if there is none."""
        if not 0 <= layer < len(self.layers):
            raise ValueError(f"KAN: there is no layer {layer}; the network has {len(self.layers)}.")
        return self.layers[layer].edge(i, o)

    def _by_samples(self, x, changed):
        layers, x = [], numpy.asarray(x)
        for layer in self.layers:
            layers.append(changed(layer, x))
            x = layers[-1](x)
        return KAN(tuple(layers))


register_dataclass(KAN, data_fields=["layers"], meta_fields=[])


def _without_weak_edges(layer: KANLayer, x, threshold: float) -> KANLayer:
    mean, spread = layer._moments(x)
    there = spread > threshold * spread.max()
    bias = numpy.zeros(mean.shape[1]) if layer.bias is None else numpy.asarray(layer.bias, numpy.float64)
    bias = bias + numpy.where(there, 0, mean).sum(0)
    return dataclasses.replace(layer, mask=tuple(map(tuple, there.tolist())), bias=_as(layer.alpha, bias))


def _without_units(before: KANLayer, after: KANLayer, alive: numpy.ndarray) -> tuple[KANLayer, KANLayer]:
    """The two layers without the units between them that are not alive."""
    units = numpy.flatnonzero(alive)
    pick = lambda rows: tuple(rows[unit] for unit in units)
    taken = lambda array, axis: None if array is None else _as(array, numpy.take(numpy.asarray(array), units, axis))
    before = dataclasses.replace(
        before,
        alpha=taken(before.alpha, 1),
        base=taken(before.base, 1),
        bias=taken(before.bias, 0),
        mask=tuple(map(pick, before.mask)),
    )
    after = dataclasses.replace(
        after,
        **{name: taken(getattr(after, name), 0) for name in ("alpha", "base", "scale", "shift")},
        grid=after.grid if isinstance(after.grid, Grid) else pick(after.grid),
        mask=pick(after.mask),
    )
    return before, after
