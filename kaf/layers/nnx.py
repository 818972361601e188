"""The KAF, the layer of a KAN, and the KAN as Flax NNX modules, for networks written with Flax. They compute with JAX.

Methods that change a grid or prune work in place, as Flax's own methods do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..backend import Array, named_backend
from ..functional.grid import Grid
from . import kan, plain

try:
    from flax import nnx
except ModuleNotFoundError as e:
    raise ImportError("kaf.nnx needs Flax, which is not installed: pip install flax") from e


class KAF(nnx.Module):
    """A kernel activation function for each of `units`.

    `alpha` [units, k] is an `nnx.Param`. Each of `log_sigma`, `centers` and `linear` is an `nnx.Param` if it is trained, else
    None (see `kaf.KAF`). `rngs.params()` gives the key, and the same key gives the same numbers as in `kaf.KAF.init`.
    `options` are the other options of `kaf.KAF.init`.

    >>> layer = KAF(4, rngs=nnx.Rngs(0))
    >>> layer.alpha.shape, layer([[0.0, 0.5, 1.0, 1.5]]).shape
    ((4, 20), (1, 4))
    """

    has_alpha = True

    def __init__(
        self,
        units: int | tuple[int, ...],
        grid: Grid | None = None,
        init: str | Callable = "random",
        *,
        rngs: nnx.Rngs,
        **options: Any,
    ):
        self._set(plain.KAF.init(rngs.params(), units, grid, init, **options))

    @classmethod
    def from_layer(cls, layer: plain.KAF) -> KAF:
        """The NNX module of a plain layer."""
        # NNX wants modules to be made by calling their class. A field that is None in that call cannot become an nnx.Param
        # later, so the call must already make every field that is a parameter of `layer`.
        trained = [
            field.removeprefix("log_") for field in ("log_sigma", "centers") if getattr(layer, field) is not None
        ]
        module = cls(0, layer.grid, rngs=nnx.Rngs(0), trainable=trained, residual=layer.linear is not None)
        module._set(layer)
        return module

    def to_layer(self) -> plain.KAF:
        """The plain layer of this module."""
        fields = plain.fields_of(self)
        return plain.KAF(**{name: x[...] if isinstance(x, nnx.Param) else x for name, x in fields.items()})

    def _set(self, layer: plain.KAF) -> None:
        for name, value in plain.fields_of(plain.carried_over(layer, named_backend("jax"))).items():
            trained = name in plain.TRAINED_FIELDS and value is not None
            setattr(self, name, nnx.Param(value) if trained else value)

    def __call__(self, x: Array) -> Array:
        """x [..., units] -> [..., units]; with `axis`, the units are that axis of x."""
        return self.to_layer()(x)

    def resize(self, grid: Grid) -> None:
        """As `kaf.KAF.resize`, in place."""
        self._set(self.to_layer().resize(grid))

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> None:
        """As `kaf.KAF.fit_to_data`, in place."""
        self._set(self.to_layer().fit_to_data(x, coverage))


class _OnGrids(nnx.Module):
    """The methods of the plain layer or network (see `to_layer`) that move its grids; here they work in place."""

    def resize(self, grid: Grid | Sequence[Grid]) -> None:
        """As `resize` of `kaf.KANLayer` and `kaf.KAN`, in place."""
        self._set(self.to_layer().resize(grid))

    def update_grid(self, x: Array, margin: float = 0.05) -> None:
        """As `update_grid` of `kaf.KANLayer` and `kaf.KAN`, in place."""
        self._set(self.to_layer().update_grid(x, margin))

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> None:
        """As `fit_to_data` of `kaf.KANLayer` and `kaf.KAN`, in place."""
        self._set(self.to_layer().fit_to_data(x, coverage))

    def refine(self, k: int) -> None:
        """As `refine` of `kaf.KANLayer` and `kaf.KAN`, in place."""
        self._set(self.to_layer().refine(k))


class KANLayer(_OnGrids):
    """A function on each edge from n_in inputs to n_out outputs; the arrays of `kaf.KANLayer` are `nnx.Param`s here.

    `options` are the other options of `kaf.KANLayer.init`.

    >>> KANLayer(3, 2, rngs=nnx.Rngs(0))([[1.0, 2.0, 3.0]]).shape
    (1, 2)
    """

    has_alpha = True

    def __init__(self, n_in: int, n_out: int, grid: Grid | None = None, *, rngs: nnx.Rngs, **options: Any):
        self._set(kan.KANLayer.init(rngs.params(), n_in, n_out, grid, **options))

    @classmethod
    def from_layer(cls, layer: kan.KANLayer) -> KANLayer:
        """The NNX module of a plain layer."""
        # As in `KAF.from_layer`, the call must make every parameter. A norm needs two inputs.
        module = cls(2, 1, rngs=nnx.Rngs(0), base=layer.base is not None, norm=layer.scale is not None)
        module._set(layer)
        return module

    def to_layer(self) -> kan.KANLayer:
        """The plain layer of this module."""
        fields = kan.fields_of(self)
        return kan.KANLayer(**{name: x[...] if isinstance(x, nnx.Param) else x for name, x in fields.items()})

    def _set(self, layer: kan.KANLayer) -> None:
        for name, value in kan.fields_of(kan.carried_over(layer, named_backend("jax"))).items():
            trained = name in kan.TRAINED_FIELDS and value is not None
            setattr(self, name, nnx.Param(value) if trained else nnx.static(value))

    def __call__(self, x: Array) -> Array:
        """x [..., n_in] -> [..., n_out]."""
        return self.to_layer()(x)

    def edge(self, i: int, o: int) -> kan.Edge:
        """As `kaf.KANLayer.edge`."""
        return self.to_layer().edge(i, o)


class KAN(_OnGrids):
    """A Kolmogorov-Arnold network with layers of `sizes`; the options and the methods are those of `kaf.KAN`.

    >>> net = KAN([2, 5, 1], rngs=nnx.Rngs(0))
    >>> net.update_grid([[0.0, 1.0], [1.0, 3.0]], margin=0.0)
    >>> net.layers[0].grid[1].high, net([[0.5, 2.0]]).shape
    (3.0, (1, 1))
    """

    def __init__(
        self, sizes: Sequence[int], grid: Grid | Sequence[Grid] | None = None, *, rngs: nnx.Rngs, **options: Any
    ):
        net = kan.KAN.init(rngs.params(), sizes, grid, **options)
        self.layers = nnx.List([KANLayer.from_layer(layer) for layer in net.layers])

    @classmethod
    def from_layer(cls, net: kan.KAN) -> KAN:
        """The NNX module of a plain network."""
        module = cls([1] * (len(net.layers) + 1), rngs=nnx.Rngs(0))
        module.layers = nnx.List([KANLayer.from_layer(layer) for layer in net.layers])
        return module

    def to_layer(self) -> kan.KAN:
        """The plain network of this module."""
        return kan.KAN(tuple(layer.to_layer() for layer in self.layers))

    def _set(self, net: kan.KAN) -> None:
        for layer, new in zip(self.layers, net.layers, strict=True):
            layer._set(new)

    def __call__(self, x: Array) -> Array:
        """One example [n_in] -> [n_out], or a batch [n, n_in] -> [n, n_out]."""
        return self.to_layer()(x)

    def prune(self, x: Array, threshold: float = 0.03) -> None:
        """As `kaf.KAN.prune`, in place."""
        self._set(self.to_layer().prune(x, threshold))

    def edge(self, layer: int, i: int, o: int) -> kan.Edge:
        """As `kaf.KAN.edge`."""
        return self.to_layer().edge(layer, i, o)
