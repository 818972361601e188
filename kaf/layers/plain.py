"""Layers: frozen dataclasses that are pytrees of both backends. Parameters are their fields; calling them computes."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import Array, Backend, get_backend, get_tree_backend, load_imported_backends, register_dataclass
from ..functional.activation import kaf
from ..functional.grid import Grid
from ..functional.init import (
    RANDOM_SCALE,
    as_key,
    fit_to_data,
    random_alpha,
    resize_alpha,
    ridge_alpha,
    variance_preserving_scale,
)


class Layer:
    """What the layers share."""

    def __post_init__(self):
        # A layer may be made of NumPy arrays, or by hand: a library the program has imported must know it all the same.
        load_imported_backends()


INITS = ("random", "variance_preserving")


def initial_alpha(
    key: Array | int, units: tuple[int, ...], grid: Grid, init: str | Callable, kernel: str | Callable = "gauss"
) -> Array:
    """alpha [*units, grid.size]: at random, or every unit fitted to a function (see `ridge_alpha`).

    `init`: "random" has the paper's spread, "variance_preserving" that of `variance_preserving_scale`; or a function's
    name, or a function.
    """
    if isinstance(init, str) and init in INITS:
        scale = RANDOM_SCALE if init == "random" else variance_preserving_scale(grid, kernel)
        return random_alpha(key, (*units, grid.size), scale)
    alpha = ridge_alpha(init, grid, kernel=kernel).alpha
    return get_backend(key).np.broadcast_to(alpha, (*units, grid.size))


@dataclass(frozen=True, eq=False)
class KAF(Layer):
    """A kernel activation function for each unit: alpha [*units, k] is trained, the grid of the k centres is fixed.

    log_sigma  [] or [*units], where the bandwidth is trained too: sigma = exp(log_sigma), which stays positive
    centers    [k], where the centres are trained too; they are then taken one by one (see `functional.kaf`)
    linear     [*units], where a linear function is added: phi(x) + linear * x
    kernel, axis, method   as in `functional.kaf`; fixed

    >>> layer = KAF.init(0, units=4, init="tanh")
    >>> layer.alpha.shape, layer([[0.0, 0.5, 1.0, 1.5]]).shape
    ((4, 20), (1, 4))
    >>> num_parameters(KAF.init(0, 4, trainable=("sigma", "centers"), residual=True))
    108
    """

    alpha: Array
    grid: Grid = Grid()
    log_sigma: Array | None = None
    centers: Array | None = None
    linear: Array | None = None
    kernel: str | Callable = "gauss"
    axis: int | None = None
    method: str = "auto"

    # By this `losses.l2_alpha` finds the layers whose alpha it is to keep small.
    has_alpha = True

    @classmethod
    def init(
        cls,
        key: Array | int,
        units: int | tuple[int, ...],
        grid: Grid | None = None,
        init: str | Callable = "random",
        *,
        kernel: str | Callable = "gauss",
        trainable: Sequence[str] = (),
        residual: bool = False,
        axis: int | None = None,
        method: str = "auto",
    ) -> KAF:
        """`init` is "random", "variance_preserving", or what all units start as: a name ("relu", ...) or a function.

        `units` is their number, or a shape: () is one function, for scalars or shared by all units. `trainable` may hold
        "sigma", a bandwidth for each unit, and "centers". With `residual` phi(x) + linear * x, where linear starts at 0.
        """
        grid = Grid() if grid is None else grid
        if unknown := set(trainable) - {"sigma", "centers"}:
            raise ValueError(f'KAF: trainable may hold "sigma" and "centers"; it has {", ".join(sorted(unknown))}.')
        units = tuple(units) if isinstance(units, tuple) else (operator.index(units),)
        alpha = initial_alpha(key, units, grid, init, kernel)
        xp = get_backend(alpha).np
        return cls(
            alpha,
            grid,
            log_sigma=xp.full(units, math.log(grid.sigma), "float32") if "sigma" in trainable else None,
            centers=xp.asarray(grid.centers) if "centers" in trainable else None,
            linear=xp.zeros(units, "float32") if residual else None,
            kernel=kernel,
            axis=axis,
            method=method,
        )

    def __call__(self, x: Array) -> Array:
        """x [..., *units] -> the same shape; with `axis`, the units are that axis of x."""
        return apply(self, x)

    def resize(self, grid: Grid) -> KAF:
        """The same functions on another grid, as nearly as it can represent them (see `resize_alpha`).

        A trained bandwidth is dropped: the new one is the grid's. Raises ValueError for trained centres, other kernels
        than the Gaussian, and bandwidths that differ among the units.
        """
        if self.centers is not None or self.kernel != "gauss":
            raise ValueError("KAF: resize is for Gaussians on the centres of a grid; this layer has others.")
        sigma = None
        if self.log_sigma is not None:
            widths = numpy.exp(numpy.asarray(self.log_sigma, numpy.float64))
            if widths.max(initial=0.0) > widths.min(initial=math.inf) * (1 + 1e-6):
                raise ValueError("KAF: resize needs one bandwidth; those of the units differ.")
            sigma = float(widths.max())
        resized = resize_alpha(self.alpha, self.grid, grid, sigma=sigma)
        alpha = get_backend(self.alpha).np.asarray(resized.alpha)
        return dataclasses.replace(self, alpha=alpha, grid=grid, log_sigma=None)

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> KAF:
        """The same functions on a grid as wide as the inputs x are: see `fit_to_data` and `resize`."""
        return self.resize(fit_to_data(x, self.grid.size, coverage, self.grid.rule))


TRAINED_FIELDS = ("alpha", "log_sigma", "centers", "linear")
FIXED_FIELDS = ("grid", "kernel", "axis", "method")

register_dataclass(KAF, data_fields=TRAINED_FIELDS, meta_fields=FIXED_FIELDS)


def fields_of(layer: Any) -> dict[str, Any]:
    """The fields of a KAF, by name: a `KAF`, or the module of another library that has the same."""
    return {name: getattr(layer, name) for name in (*TRAINED_FIELDS, *FIXED_FIELDS)}


def carried_over(layer: KAF, backend: Backend) -> KAF:
    """The layer with arrays of `backend`: those of the other library go by way of NumPy."""
    arrays = {name: getattr(layer, name) for name in TRAINED_FIELDS}
    moved = {
        name: x if isinstance(x, backend.np.ndarray) else backend.np.asarray(numpy.asarray(x))
        for name, x in arrays.items()
        if x is not None
    }
    return dataclasses.replace(layer, **moved)


def apply(layer: Any, x: Array) -> Array:
    """What a KAF makes of x, by its fields: a `KAF`, or the module of another library that has the same."""
    xp = get_backend(x, layer.alpha).np
    alpha, centers = layer.alpha, layer.grid if layer.centers is None else layer.centers
    sigma = layer.grid.sigma if layer.log_sigma is None else xp.exp(layer.log_sigma)
    out = kaf(x, alpha, centers, sigma, kernel=layer.kernel, method=layer.method, axis=layer.axis)
    if layer.linear is None:
        return out
    x = xp.asarray(x)
    behind = 0 if layer.axis is None else x.ndim - 1 - layer.axis % x.ndim
    return out + layer.linear.reshape(*layer.linear.shape, *(1,) * behind) * x


# Activations that keep the negative half small halve the variance: He's weights (2 / fan-in) make up for it.
_RECTIFIERS = ("relu", "elu", "gelu", "silu", "leaky_relu", "softplus")


@dataclass(frozen=True, eq=False)
class Linear(Layer):
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
class Fixed(Layer):
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
class KAFNet(Layer):
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
