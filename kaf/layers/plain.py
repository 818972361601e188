"""The plain layers: frozen dataclasses that are pytrees of both backends. Their fields are the parameters."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import Array, Backend, get_backend, get_tree_backend, load_imported_backends, register_dataclass
from ..functional.activation import evaluated
from ..functional.bases import OTHER_BASES, on_other_grids
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
    """The base class of the layers."""

    def __post_init__(self):
        # A program may make a layer from NumPy arrays, without asking kaf for a backend. The layer must still be a pytree of
        # every library that the program has imported.
        load_imported_backends()

    def __repr__(self) -> str:
        """The fields that are not their defaults, an array as its dtype and shape: KAF(alpha=float32[4,20])."""
        fields = [(field, getattr(self, field.name)) for field in dataclasses.fields(self)]
        others = [(field.name, value) for field, value in fields if _is_array(value) or value != field.default]
        return f"{type(self).__name__}({', '.join(f'{name}={_short(value)}' for name, value in others)})"


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")


# How many entries of a tuple are printed.
_SHOWN = 12


def _short(value: Any) -> str:
    if isinstance(value, tuple) and len(value) > _SHOWN:
        return f"({_short(value[0])}, ... {len(value)} in all)"
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))}{',' * (len(value) == 1)})"
    return f"{value.dtype}[{','.join(map(str, value.shape))}]" if _is_array(value) else repr(value)


INITS = ("random", "variance_preserving")


def initial_alpha(
    key: Array | int, units: tuple[int, ...], grid: Grid, init: str | Callable, kernel: str | Callable = "gauss"
) -> Array:
    """Initial coefficients alpha [*units, grid.size].

    `init` is "random" (normal, with the paper's standard deviation), "variance_preserving" (normal, with that of
    `variance_preserving_scale`), or a function or its name, to which every unit is fitted (see `ridge_alpha`).
    """
    if isinstance(init, str) and init in INITS:
        scale = RANDOM_SCALE if init == "random" else variance_preserving_scale(grid, kernel)
        return random_alpha(key, (*units, grid.size), scale)
    alpha = ridge_alpha(init, grid, kernel=kernel).alpha
    xp = get_backend(key).np
    return xp.broadcast_to(xp.asarray(alpha, float), (*units, grid.size))


@dataclass(frozen=True, eq=False, repr=False)
class KAF(Layer):
    """A kernel activation function for each unit: alpha [*units, k] is trained, the grid of the k centres is fixed.

    log_sigma  [] or [*units] if the bandwidth is trained, else None: sigma = exp(log_sigma), which stays positive
    centers    [k] if the centres are trained, else None; "auto" takes the fast path for as long as they are equispaced
    linear     [*units] if a linear function is added, else None: phi(x) + linear * x
    kernel, axis, method   as in `kaf.kaf`; not trained. A kernel may be a basis: B-splines, polynomials, waves

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
    kernel: str | Callable[..., Any] = "gauss"
    axis: int | None = None
    method: str = "auto"

    # `losses.l2_alpha` adds up the squares of alpha in layers whose class has this attribute.
    has_alpha = True

    @classmethod
    def init(
        cls,
        key: Array | int,
        units: int | tuple[int, ...],
        grid: Grid | None = None,
        init: str | Callable[..., Any] = "random",
        *,
        kernel: str | Callable[..., Any] = "gauss",
        trainable: Sequence[str] = (),
        residual: bool = False,
        axis: int | None = None,
        method: str = "auto",
    ) -> KAF:
        """A layer with initial coefficients.

        units       how many units; or a shape: () is one function, for scalars or shared by all units
        init        "random", "variance_preserving", or the function that every unit starts as: a name ("relu", ...) or a
                    function
        trainable   may hold "sigma" (a bandwidth for each unit is trained) and "centers" (the centres are trained)
        residual    whether linear * x is added, where linear starts at 0

        Raises ValueError for an unknown entry of `trainable`, for any with a basis, and for an unknown `init`.
        """
        grid = Grid() if grid is None else grid
        if kernel in OTHER_BASES and trainable:
            raise ValueError(f"KAF: the basis {kernel!r} has no bandwidths and no centres to train; give no trainable.")
        if unknown := set(trainable) - {"sigma", "centers"}:
            raise ValueError(f'KAF: trainable may hold "sigma" and "centers"; it holds {", ".join(sorted(unknown))}.')
        units = tuple(units) if isinstance(units, tuple) else (operator.index(units),)
        alpha = initial_alpha(key, units, grid, init, kernel)
        xp = get_backend(alpha).np
        return cls(
            alpha,
            grid,
            log_sigma=xp.full(units, math.log(grid.sigma), float) if "sigma" in trainable else None,
            centers=xp.asarray(grid.exact_centers, float) if "centers" in trainable else None,
            linear=xp.zeros(units) if residual else None,
            kernel=kernel,
            axis=axis,
            method=method,
        )

    def __call__(self, x: Array) -> Array:
        """phi(x), with the shape of x [..., *units]; with `axis`, the units are that axis of x."""
        return apply(self, x)

    def resize(self, grid: Grid) -> KAF:
        """A layer on another grid whose functions are as near to the old ones as that grid allows (see `resize_alpha`).

        The new layer has the bandwidth of the new grid, also if the old bandwidth was trained. Raises ValueError if the
        centres were trained, if the kernel is neither the Gaussian nor a basis, and if the units have different bandwidths.
        """
        if self.kernel in OTHER_BASES:
            flat = numpy.asarray(self.alpha)
            moved = on_other_grids(flat.reshape(1, -1, self.grid.size), self.kernel, [self.grid], [grid])
            moved = moved.reshape(*flat.shape[:-1], grid.size).astype(flat.dtype)
            return dataclasses.replace(self, alpha=get_backend(self.alpha).np.asarray(moved), grid=grid)
        if self.centers is not None or self.kernel != "gauss":
            raise ValueError(
                "KAF: resize needs Gaussians or a basis on the centres of a grid; this layer has other kernels or centres."
            )
        sigma = None
        if self.log_sigma is not None:
            widths = numpy.exp(numpy.asarray(self.log_sigma, numpy.float64))
            if widths.max(initial=0.0) > widths.min(initial=math.inf) * (1 + 1e-6):
                raise ValueError("KAF: resize needs one bandwidth; the units of this layer have different ones.")
            sigma = float(widths.max())
        resized = resize_alpha(self.alpha, self.grid, grid, sigma=sigma)
        alpha = get_backend(self.alpha).np.asarray(resized.alpha)
        return dataclasses.replace(self, alpha=alpha, grid=grid, log_sigma=None)

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> KAF:
        """A layer with the same functions on a grid as wide as the inputs x; see `kaf.fit_to_data` and `resize`."""
        return self.resize(fit_to_data(x, self.grid.size, coverage, self.grid.rule))


TRAINED_FIELDS = ("alpha", "log_sigma", "centers", "linear")
FIXED_FIELDS = ("grid", "kernel", "axis", "method")

register_dataclass(KAF, data_fields=TRAINED_FIELDS, meta_fields=FIXED_FIELDS)


def fields_of(layer: Any) -> dict[str, Any]:
    """The fields by name of a `KAF`, or of an Equinox or Flax module with the same fields."""
    return {name: getattr(layer, name) for name in (*TRAINED_FIELDS, *FIXED_FIELDS)}


def carried_over(layer: KAF, backend: Backend) -> KAF:
    """The same layer with arrays of `backend`. Arrays of the other library are converted through NumPy."""
    return dataclasses.replace(layer, **moved(layer, TRAINED_FIELDS, backend))


def moved(layer: Layer, names: Sequence[str], backend: Backend) -> dict[str, Array]:
    """{name: array of `backend`} of the named fields; a field that is None is left out."""
    arrays = {name: getattr(layer, name) for name in names}
    return {
        name: x if isinstance(x, backend.np.ndarray) else backend.np.asarray(numpy.asarray(x))
        for name, x in arrays.items()
        if x is not None
    }


def apply(layer: Any, x: Array) -> Array:
    """phi(x) for a `KAF`, or for an Equinox or Flax module with the same fields."""
    xp = get_backend(x, layer.alpha).np
    alpha, centers = layer.alpha, layer.grid if layer.centers is None else layer.centers
    sigma = layer.grid.sigma if layer.log_sigma is None else xp.exp(layer.log_sigma)
    trained = layer.centers is not None
    out = evaluated(x, alpha, centers, sigma, layer.kernel, layer.method, layer.axis, trained)
    if layer.linear is None:
        return out
    x = xp.asarray(x)
    behind = 0 if layer.axis is None else x.ndim - 1 - layer.axis % x.ndim
    return out + layer.linear.reshape(*layer.linear.shape, *(1,) * behind) * x


# Activations that are small for negative inputs halve the variance. He's weights, of variance 2 / n_in, make up for it.
_RECTIFIERS = ("relu", "elu", "gelu", "silu", "leaky_relu", "softplus")


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Layer):
    """x @ weight + bias; weight [n_in, n_out], bias [n_out].

    >>> Linear.init(0, 3, 2)([1.0, 2.0, 3.0]).shape
    (2,)
    """

    weight: Array
    bias: Array

    @classmethod
    def init(cls, key: Array | int, n_in: int, n_out: int, before: str | None = None) -> Linear:
        """A layer with normal weights and zero biases. `before` is the name of the activation that follows.

        The variance of the weights is He's 2 / n_in before a rectifier, else Glorot's 2 / (n_in + n_out).
        """
        backend = get_backend(key)
        variance = 2.0 / n_in if before in _RECTIFIERS else 2.0 / (n_in + n_out)
        weight = backend.random.normal(as_key(key), (n_in, n_out)) * math.sqrt(variance)
        return cls(weight, backend.np.zeros(n_out))

    def __call__(self, x: Array) -> Array:
        """x [..., n_in] -> [..., n_out]. Raises ValueError if the last axis of x has another size."""
        x = get_backend(x, self.weight).np.asarray(x)
        if not x.shape or x.shape[-1] != self.weight.shape[0]:
            raise ValueError(
                f"Linear: the last axis of x must have {self.weight.shape[0]} features; "
                f"x has shape {x.shape}, weight {self.weight.shape}."
            )
        return x @ self.weight + self.bias


register_dataclass(Linear, data_fields=["weight", "bias"], meta_fields=[])


@dataclass(frozen=True, eq=False, repr=False)
class Fixed(Layer):
    """An activation without parameters, by its name in the backend's `nn`.

    >>> float(Fixed("relu")(-1.0))
    0.0
    """

    name: str

    def __call__(self, x: Array) -> Array:
        """The activation of x, elementwise, for any shape."""
        return getattr(get_backend(x).nn, self.name)(x)


register_dataclass(Fixed, data_fields=[], meta_fields=["name"])

ACTIVATIONS = ("kaf", "relu", "tanh", "elu", "gelu")


@dataclass(frozen=True, eq=False, repr=False)
class KAFNet(Layer):
    """Linear layers with an activation between any two of them. `layers` are called from first to last.

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
        grid: Grid | Sequence[Grid] | None = None,
        init: str | Callable[..., Any] = "random",
        **options: Any,
    ) -> KAFNet:
        """A network with layers of `sizes` [n_in, hidden..., n_out].

        `grid` is for all layers of KAFs, or holds one for each. `init` and the `options` `kernel`, `trainable`, `residual` and
        `method` are for all of them (see `KAF.init`). The weights are He's before a rectifier, or before a KAF that starts as
        one, else Glorot's; see `Linear.init`. Raises ValueError for fewer than two sizes, for an unknown activation, for another
        number of grids, and for options of KAFs with another activation.
        """
        if len(sizes) < 2:
            raise ValueError(
                f"KAFNet: sizes must hold the sizes of the input, of the hidden layers and of the output; got {list(sizes)}."
            )
        if activation not in ACTIVATIONS:
            raise ValueError(f"KAFNet: there is no activation {activation!r}; choose one of {', '.join(ACTIVATIONS)}.")
        if options and activation != "kaf":
            raise ValueError(f"KAFNet: {', '.join(options)} can be given for KAFs alone, not for {activation}.")
        shape_of_activation = init if activation == "kaf" else activation
        keys = get_backend(key).random.split(as_key(key), 2 * len(sizes))
        grids = per_layer("KAFNet", "grid", grid, (Grid, type(None)), len(sizes) - 2)
        layers = []
        for i, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            last = i == len(sizes) - 2
            layers.append(Linear.init(keys[2 * i], n_in, n_out, before=None if last else shape_of_activation))
            if not last and activation == "kaf":
                layers.append(KAF.init(keys[2 * i + 1], n_out, grids[i], init, **options))
            elif not last:
                layers.append(Fixed(activation))
        return cls(tuple(layers))

    def resize(self, grid: Grid) -> KAFNet:
        """A network whose KAFs have another grid and, as near as it allows, the same functions (see `KAF.resize`)."""
        return KAFNet(tuple(layer.resize(grid) if hasattr(layer, "resize") else layer for layer in self.layers))

    def fit_to_data(self, x: Array, coverage: float = 0.99) -> KAFNet:
        """A network with the same functions, on grids as wide as the inputs of the KAFs are for samples x [n, n_in].

        See `KAF.fit_to_data`. Each layer gets the samples as the new layers before it return them.
        """
        layers = []
        for layer in self.layers:
            layers.append(layer.fit_to_data(x, coverage) if hasattr(layer, "fit_to_data") else layer)
            x = layers[-1](x)
        return KAFNet(tuple(layers))

    def __call__(self, x: Array) -> Array:
        """One example [n_in] -> [n_out], or a batch [n, n_in] -> [n, n_out]."""
        for layer in self.layers:
            x = layer(x)
        return x


register_dataclass(KAFNet, data_fields=["layers"], meta_fields=[])


def per_layer(what: str, name: str, value: Any, one: Any, layers: int) -> tuple[Any, ...]:
    """`value` for each of the layers if it is an instance of `one`, else its entries. Raises ValueError for another number."""
    values = (value,) * layers if isinstance(value, one) else tuple(value)
    if len(values) != layers:
        raise ValueError(
            f"{what}: {name} must be one for all, or hold one for each of the {layers} layers; it has {len(values)}."
        )
    return values


def num_parameters(model: Any) -> int:
    """How many numbers the arrays of a model hold in all.

    >>> num_parameters(KAF.init(0, units=3, grid=Grid(size=10)))
    30
    """
    return sum(math.prod(getattr(leaf, "shape", ())) for leaf in array_leaves(model))


def array_leaves(model: Any) -> list[Array]:
    """The leaves of a model that are arrays. In an Equinox module, functions are leaves too; they are left out."""
    return [leaf for leaf in get_tree_backend(model).tree_util.tree_leaves(model) if hasattr(leaf, "dtype")]


def path_keys(path: Sequence[Any]) -> tuple[Any, ...]:
    """The names, keys and indices of a path. Flax's variables hold their arrays as `value`, which is left out."""
    keys = [next(getattr(entry, name) for name in ("name", "key", "idx") if hasattr(entry, name)) for entry in path]
    return tuple(keys[:-1] if keys[-1:] == ["value"] else keys)
