"""The KAF, the layer of a KAN, and the KAN as Equinox modules, for networks written with Equinox. They compute with JAX."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy

from ..backend import Array, named_backend
from ..functional.grid import Grid
from ..functional.init import RANDOM_SCALE, random_alpha
from . import kan, plain

try:
    import equinox as eqx
except ModuleNotFoundError as e:
    raise ImportError("kaf.equinox needs Equinox, which is not installed: pip install 'minijax[jax]'") from e


class KAF(eqx.Module):
    """A kernel activation function: alpha [k] for scalars, or [units, k]. It has the fields of `kaf.KAF`.

    The activation of an `eqx.nn.MLP` must be a scalar function, `KAF.init(key)`. The MLP copies alpha for every unit of every
    hidden layer, so `mlp.activation.alpha` is [depth, width, k], and trains each copy on its own. All copies start as the same
    function; `redraw` gives each a random one of its own.

    >>> import jax
    >>> mlp = eqx.nn.MLP(2, 1, 8, 3, activation=KAF.init(jax.random.key(0)), key=jax.random.key(1))
    >>> mlp.activation.alpha.shape
    (3, 8, 20)
    """

    alpha: Array
    grid: Grid = eqx.field(static=True, default=Grid())
    log_sigma: Array | None = None
    centers: Array | None = None
    linear: Array | None = None
    kernel: str | Callable = eqx.field(static=True, default="gauss")
    axis: int | None = eqx.field(static=True, default=None)
    method: str = eqx.field(static=True, default="auto")

    has_alpha = True

    @classmethod
    def init(
        cls,
        key: Array,
        units: int | tuple[int, ...] = (),
        grid: Grid | None = None,
        init: str | Callable = "random",
        **options: Any,
    ) -> KAF:
        """As `kaf.KAF.init`, with the same numbers from the same key. Without `units` it is a scalar function."""
        return cls.from_layer(plain.KAF.init(key, units, grid, init, **options))

    @classmethod
    def from_layer(cls, layer: plain.KAF) -> KAF:
        """The Equinox module of a plain layer."""
        return cls(**plain.fields_of(plain.carried_over(layer, named_backend("jax"))))

    def to_layer(self) -> plain.KAF:
        """The plain layer of this module."""
        return plain.KAF(**plain.fields_of(self))

    def __call__(self, x: Array, *, key: Array | None = None) -> Array:
        """x [..., units] -> [..., units], or elementwise if alpha is [k]. `key` is ignored; Equinox may pass one."""
        return plain.apply(self, x)

    def resize(self, grid: Grid) -> KAF:
        """As `kaf.KAF.resize`."""
        return self.from_layer(self.to_layer().resize(grid))

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> KAF:
        """As `kaf.KAF.fit_to_data`."""
        return self.from_layer(self.to_layer().fit_to_data(x, coverage))


class _OnGrids(eqx.Module):
    """The methods of the plain layer or network (see `to_layer`) that move its grids, as methods of the module."""

    def resize(self, grid: Grid | Sequence[Grid]) -> Self:
        """As `resize` of `kaf.KANLayer` and `kaf.KAN`."""
        return self.from_layer(self.to_layer().resize(grid))

    def update_grid(self, x: Array, margin: float = 0.05) -> Self:
        """As `update_grid` of `kaf.KANLayer` and `kaf.KAN`."""
        return self.from_layer(self.to_layer().update_grid(x, margin))

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> Self:
        """As `fit_to_data` of `kaf.KANLayer` and `kaf.KAN`."""
        return self.from_layer(self.to_layer().fit_to_data(x, coverage))

    def refine(self, k: int) -> Self:
        """As `refine` of `kaf.KANLayer` and `kaf.KAN`."""
        return self.from_layer(self.to_layer().refine(k))


class KANLayer(_OnGrids):
    """A function on each edge from n_in inputs to n_out outputs. It has the fields of `kaf.KANLayer`, and its methods.

    >>> import jax
    >>> KANLayer.init(jax.random.key(0), 3, 2)(jax.numpy.ones(3)).shape
    (2,)
    """

    alpha: Array
    base: Array | None = None
    bias: Array | None = None
    scale: Array | None = None
    shift: Array | None = None
    grid: Grid | tuple[Grid, ...] = eqx.field(static=True, default=Grid(8, 2.0))
    bases: str = eqx.field(static=True, default="gauss")
    mask: tuple[tuple[bool, ...], ...] | None = eqx.field(static=True, default=None)

    has_alpha = True

    @classmethod
    def init(cls, key: Array, n_in: int, n_out: int, grid: Grid | None = None, **options: Any) -> KANLayer:
        """As `kaf.KANLayer.init`, with the same numbers from the same key."""
        return cls.from_layer(kan.KANLayer.init(key, n_in, n_out, grid, **options))

    @classmethod
    def from_layer(cls, layer: kan.KANLayer) -> KANLayer:
        """The Equinox module of a plain layer."""
        return cls(**kan.fields_of(kan.carried_over(layer, named_backend("jax"))))

    def to_layer(self) -> kan.KANLayer:
        """The plain layer of this module."""
        return kan.KANLayer(**kan.fields_of(self))

    def __call__(self, x: Array, *, key: Array | None = None) -> Array:
        """x [..., n_in] -> [..., n_out]. `key` is ignored; Equinox may pass one."""
        return kan.apply(self, x)

    def edge(self, i: int, o: int) -> kan.Edge:
        """As `kaf.KANLayer.edge`."""
        return self.to_layer().edge(i, o)

    def scores(self, x: Array) -> numpy.ndarray[Any, Any]:
        """As `kaf.KANLayer.scores`."""
        return self.to_layer().scores(x)


class KAN(_OnGrids):
    """A Kolmogorov-Arnold network with layers of `sizes`; the options and the methods are those of `kaf.KAN`.

    >>> import jax
    >>> net = KAN([2, 5, 1], key=jax.random.key(0))
    >>> jax.vmap(net)(jax.numpy.ones((7, 2))).shape
    (7, 1)
    """

    layers: tuple[KANLayer, ...]

    def __init__(self, sizes: Sequence[int], grid: Grid | Sequence[Grid] | None = None, *, key: Array, **options: Any):
        self.layers = tuple(map(KANLayer.from_layer, kan.KAN.init(key, sizes, grid, **options).layers))

    @classmethod
    def from_layer(cls, net: kan.KAN) -> KAN:
        """The Equinox module of a plain network."""
        module = object.__new__(cls)  # __init__ would draw a network, to throw it away
        object.__setattr__(module, "layers", tuple(map(KANLayer.from_layer, net.layers)))
        return module

    def to_layer(self) -> kan.KAN:
        """The plain network of this module."""
        return kan.KAN(tuple(layer.to_layer() for layer in self.layers))

    def __call__(self, x: Array, *, key: Array | None = None) -> Array:
        """One example [n_in] -> [n_out], or a batch [n, n_in] -> [n, n_out]. `key` is ignored; Equinox may pass one."""
        for layer in self.layers:
            x = layer(x)
        return x

    def prune(self, x: Array, threshold: float = 0.03) -> KAN:
        """As `kaf.KAN.prune`."""
        return self.from_layer(self.to_layer().prune(x, threshold))

    def edge(self, layer: int, i: int, o: int) -> kan.Edge:
        """As `kaf.KAN.edge`."""
        return self.to_layer().edge(layer, i, o)


def redraw(model: Any, key: Array, scale: float = RANDOM_SCALE) -> Any:
    """The model with normal random coefficients of its own for every unit of every `KAF` in it.

    For an `eqx.nn.MLP(activation=KAF.init(key))`, whose units all start as copies of one random function. `scale` is the
    standard deviation of the coefficients. The shapes stay.

    >>> import jax
    >>> mlp = eqx.nn.MLP(2, 1, 8, 3, activation=KAF.init(jax.random.key(0)), key=jax.random.key(1))
    >>> mlp = redraw(mlp, jax.random.key(2))
    >>> bool((mlp.activation.alpha[0, 0] == mlp.activation.alpha[0, 1]).any())
    False
    """
    jax = named_backend("jax")
    is_kaf = lambda node: isinstance(node, KAF)
    number = itertools.count()

    def drawn(node):
        if not is_kaf(node):
            return node
        own = jax.random.fold_in(key, next(number))
        return eqx.tree_at(lambda k: k.alpha, node, random_alpha(own, node.alpha.shape, scale, node.alpha.dtype))

    return jax.tree_util.tree_map(drawn, model, is_leaf=is_kaf)
