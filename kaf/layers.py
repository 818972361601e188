"""Layers: frozen dataclasses that are pytrees of both backends. Parameters are their fields; calling them computes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .backend import Array, get_backend, get_tree_backend, load_imported_backends, register_dataclass
from .functional import kaf
from .grid import Grid
from .init import as_key, random_alpha, ridge_alpha


class _Layer:
    def __post_init__(self):
        # A layer may be made of NumPy arrays, or by hand: a library the program has imported must know it all the same.
        load_imported_backends()


def initial_alpha(key: Array | int, units: tuple[int, ...], grid: Grid, init: str | Callable) -> Array:
    """alpha [*units, grid.size] at random (init "random"), or every unit fitted to a function (see `ridge_alpha`)."""
    if isinstance(init, str) and init == "random":
        return random_alpha(key, (*units, grid.size))
    alpha = ridge_alpha(init, grid).alpha
    return get_backend(key).np.broadcast_to(alpha, (*units, grid.size))


@dataclass(frozen=True, eq=False)
class KAF(_Layer):
    """A kernel activation function for each unit: alpha [units, k] is trained, the grid of the k centres is fixed.

    >>> layer = KAF.init(0, units=4, init="tanh")
    >>> layer.alpha.shape, layer([[0.0, 0.5, 1.0, 1.5]]).shape
    ((4, 20), (1, 4))
    """

    alpha: Array
    grid: Grid = Grid()

    # By this `losses.l2_alpha` finds the layers whose alpha it is to keep small.
    has_alpha = True

    @classmethod
    def init(
        cls, key: Array | int, units: int | tuple[int, ...], grid: Grid | None = None, init: str | Callable = "random"
    ) -> KAF:
        """`init` is "random", or what all units start as: a name ("relu", "elu", "tanh", ...) or a function.

        `units` is their number, or a shape: () is one function, for scalars or shared by all units.
        """
        grid = Grid() if grid is None else grid
        units = tuple(units) if isinstance(units, tuple) else (operator.index(units),)
        return cls(initial_alpha(key, units, grid, init), grid)

    def __call__(self, x: Array) -> Array:
        """x [..., units] -> [..., units]."""
        return kaf(x, self.alpha, self.grid.centers, self.grid.sigma)


register_dataclass(KAF, data_fields=["alpha"], meta_fields=["grid"])


# Activations that keep the negative half small halve the variance: He's weights (2 / fan-in) make up for it.
_RECTIFIERS = ("relu", "elu", "gelu", "silu", "leaky_relu", "softplus")


@dataclass(frozen=True, eq=False)
class Linear(_Layer):
    """x @ weight + bias; weight [n_in, n_out], bias [n_out].

    >>> Linear.init(0, 3, 2)([1.0, 2.0, 3.0]).shape
    (2,)
    """

    weight: Array
    bias: Array

    @classmethod
    def init(cls, key: Array | int, n_in: int, n_out: int, before: str | None = None) -> Linear:
        """Normal weights: He's variance 2 / n_in `before` a rectifier, else Glorot's 2 / (n_in + n_out); bias 0."""
        backend = get_backend(key)
        variance = 2.0 / n_in if before in _RECTIFIERS else 2.0 / (n_in + n_out)
        weight = backend.random.normal(as_key(key), (n_in, n_out)) * math.sqrt(variance)
        return cls(weight, backend.np.zeros(n_out))

    def __call__(self, x: Array) -> Array:
        """x [..., n_in] -> [..., n_out]. Raises ValueError for another last axis."""
        x = get_backend(x, self.weight).np.asarray(x)
        if not x.shape or x.shape[-1] != self.weight.shape[0]:
            raise ValueError(
                f"Linear: the last axis of x must have {self.weight.shape[0]} features; "
                f"x has shape {x.shape}, weight {self.weight.shape}."
            )
        return x @ self.weight + self.bias


register_dataclass(Linear, data_fields=["weight", "bias"], meta_fields=[])


@dataclass(frozen=True, eq=False)
class Fixed(_Layer):
    """An activation with nothing to train, by its name in the backend's `nn`.

    >>> float(Fixed("relu")(-1.0))
    0.0
    """

    name: str

    def __call__(self, x: Array) -> Array:
        """Elementwise, any shape."""
        return getattr(get_backend(x).nn, self.name)(x)


register_dataclass(Fixed, data_fields=[], meta_fields=["name"])

ACTIVATIONS = ("kaf", "relu", "tanh", "elu", "gelu")


@dataclass(frozen=True, eq=False)
class KAFNet(_Layer):
    """Linear layers with an activation between any two of them: `layers` is what is called, first to last.

    >>> net = KAFNet.init(0, [30, 20, 1])
    >>> num_parameters(net), net([[0.0] * 30] * 7).shape
    (1041, (7, 1))
    """

    layers: tuple[Any, ...]

    @classmethod
    def init(
        cls,
        key: Array | int,
        sizes: Sequence[int],
        activation: str = "kaf",
        grid: Grid | None = None,
        init: str | Callable = "random",
    ) -> KAFNet:
        """A network of `sizes` [n_in, hidden..., n_out]; `grid` and `init` are those of its KAFs.

        The weights are He's before a rectifier (a KAF that starts as one counts), else Glorot's; see `Linear.init`.
        """
        if len(sizes) < 2:
            raise ValueError(
                f"KAFNet: sizes are those of the input, the hidden layers and the output; got {list(sizes)}."
            )
        if activation not in ACTIVATIONS:
            raise ValueError(f"KAFNet: no activation {activation!r}; choose one of {', '.join(ACTIVATIONS)}.")
        shape_of_activation = init if activation == "kaf" else activation
        keys = get_backend(key).random.split(as_key(key), 2 * len(sizes))
        layers = []
        for i, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            last = i == len(sizes) - 2
            layers.append(Linear.init(keys[2 * i], n_in, n_out, before=None if last else shape_of_activation))
            if not last:
                layers.append(
                    KAF.init(keys[2 * i + 1], n_out, grid, init) if activation == "kaf" else Fixed(activation)
                )
        return cls(tuple(layers))

    def __call__(self, x: Array) -> Array:
        """One example [n_in] -> [n_out], or a batch [n, n_in] -> [n, n_out]."""
        for layer in self.layers:
            x = layer(x)
        return x


register_dataclass(KAFNet, data_fields=["layers"], meta_fields=[])


def num_parameters(model: Any) -> int:
    """How many numbers the arrays of a model hold.

    >>> num_parameters(KAF.init(0, units=3, grid=Grid(size=10)))
    30
    """
    return sum(math.prod(getattr(leaf, "shape", ())) for leaf in array_leaves(model))


def array_leaves(model: Any) -> list[Array]:
    """The leaves of a model that are arrays; Equinox keeps functions among them."""
    return [leaf for leaf in get_tree_backend(model).tree_util.tree_leaves(model) if hasattr(leaf, "dtype")]
