"""A trained network as a list of steps, which the languages print: arrays in float32, and formulas as expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy

from ..functional.bases import BASES, OTHER_BASES, of_the_functions
from ..functional.init import FUNCTIONS
from ..functional.kernels import FORMULAS, NEED_SIGMA
from ..layers.kan import KAN, KANLayer
from ..layers.plain import KAF, Fixed, KAFNet, Linear
from .formulas import Expression

X, CENTER, SIGMA, INDEX = (Expression(name) for name in ("x", "c", "s", "j"))
SILU = FUNCTIONS["silu"](X)


class ExportError(ValueError):
    """A model cannot be exported. The message says which part, and what can be."""


@dataclass(frozen=True, eq=False)
class Affine:
    """x @ weight + bias; weight [n_in, n_out], bias [n_out]."""

    weight: numpy.ndarray
    bias: numpy.ndarray


@dataclass(frozen=True, eq=False)
class Elementwise:
    """A fixed activation: a formula of x."""

    name: str
    formula: Expression


@dataclass(frozen=True, eq=False)
class Kernels:
    """A layer of KAFs: sum_i alpha[h, i] formula(x_h, centers[i], sigma[h]) + linear[h] x_h.

    alpha [units, k], centers [k], sigma [units] or None, linear [units] or None. On a basis x is first (x - low) / step.
    """

    name: str
    alpha: numpy.ndarray
    centers: numpy.ndarray
    sigma: numpy.ndarray | None
    linear: numpy.ndarray | None
    formula: Expression
    low: float = 0.0
    step: float = 1.0


@dataclass(frozen=True, eq=False)
class Edges:
    """The layer of a KAN: sum_ij alpha[j, i, o] formula(u_i, j) + sum_i base[i, o] silu(x_i) + bias[o], u = (x - low) / step.

    alpha [k, n_in, n_out], low and step [n_in], base, bias, scale and shift as in `kaf.KANLayer`, or None.
    """

    name: str
    alpha: numpy.ndarray
    low: numpy.ndarray
    step: numpy.ndarray
    formula: Expression
    base: numpy.ndarray | None
    bias: numpy.ndarray | None
    scale: numpy.ndarray | None
    shift: numpy.ndarray | None


@dataclass(frozen=True, eq=False)
class Standardise:
    """float32((x - mean) / scale), of an x in float64; mean and scale float64 [n]."""

    mean: numpy.ndarray
    scale: numpy.ndarray


@dataclass(frozen=True, eq=False)
class Probabilities:
    """The probabilities of the classes, from logits; of one logit, those of two classes."""

    classes: int


@dataclass(frozen=True, eq=False)
class Rescale:
    """x * scale + mean, numbers."""

    mean: float
    scale: float


def steps_of(model: Any) -> tuple[list[Any], int, int]:
    """(steps, inputs, outputs) of a `KAFNet`, a `KAN`, or one of their layers, also of Equinox and Flax. Raises ExportError."""
    model = model.to_layer() if hasattr(model, "to_layer") else model
    layers = model.layers if isinstance(model, (KAFNet, KAN)) else (model,)
    steps: list[Any] = []
    widths: list[int] = []
    for layer in layers:
        make = _STEPS.get(type(layer))
        if make is None:
            raise ExportError(
                f"a {type(layer).__name__} cannot be exported; a KAFNet, a KAN, and their layers can: "
                f"{', '.join(cls.__name__ for cls in _STEPS)}."
            )
        step, n_in, n_out = make(layer, widths[-1] if widths else None)
        if not widths and n_in is None:
            raise ExportError(f"a {type(layer).__name__} alone has no number of inputs, and cannot be exported.")
        if widths and n_in != widths[-1]:
            raise ExportError(f"a layer has {n_in} inputs, and the one before it {widths[-1]} outputs.")
        widths += [n_in, n_out]
        steps.append(step)
    if not steps:
        raise ExportError("a network without layers cannot be exported.")
    return steps, widths[0], widths[-1]


def _float32(name: str, array: Any) -> numpy.ndarray:
    with numpy.errstate(over="ignore"):
        array = numpy.asarray(array).astype(numpy.float32)
    if not numpy.isfinite(array).all():
        raise ExportError(f"{name} holds numbers that are not finite in float32.")
    return array


def _linear(layer: Linear, width: int | None):
    weight, bias = _float32("weight", layer.weight), _float32("bias", layer.bias)
    return Affine(weight, bias), *weight.shape


def _fixed(layer: Fixed, width: int | None):
    if layer.name not in FUNCTIONS:
        raise ExportError(f"the activation {layer.name} cannot be exported; {', '.join(FUNCTIONS)} can.")
    return Elementwise(layer.name, FUNCTIONS[layer.name](X)), width, width


def _kaf(layer: KAF, width: int | None):
    if not isinstance(layer.kernel, str):
        raise ExportError(
            "the kernel of a KAF is a function, which cannot be exported; the kernels and bases with names can."
        )
    alpha = numpy.asarray(layer.alpha, numpy.float64)
    if alpha.ndim > 2 or layer.axis not in (None, -1):
        raise ExportError("a KAF whose units are not the last axis cannot be exported.")
    grid, units = layer.grid, width if alpha.ndim == 1 else len(alpha)
    if units is None:
        raise ExportError("one KAF for any number of inputs cannot be exported alone; a layer of units can.")
    each = lambda name, value: (
        None if value is None else _float32(name, numpy.broadcast_to(numpy.asarray(value), (units,)))
    )
    centers = grid.exact_centers if layer.centers is None else layer.centers
    sigma, low, step = None, 0.0, 1.0
    if layer.kernel in OTHER_BASES:
        alpha, centers = of_the_functions(numpy, layer.kernel, alpha), numpy.arange(grid.size)
        formula, low, step = BASES[layer.kernel](numpy, X, INDEX, grid.size), grid.low, grid.step
    else:
        formula = FORMULAS[layer.kernel](numpy, X, CENTER, SIGMA)
        if layer.kernel in NEED_SIGMA:
            sigma = grid.sigma if layer.log_sigma is None else numpy.exp(numpy.asarray(layer.log_sigma, numpy.float64))
    alpha = _float32("alpha", numpy.broadcast_to(alpha, (units, grid.size)))
    step = Kernels(
        layer.kernel,
        alpha,
        _float32("centers", centers),
        each("sigma", sigma),
        each("linear", layer.linear),
        formula,
        low,
        step,
    )
    return step, units, units


def _kan_layer(layer: KANLayer, width: int | None):
    alpha = of_the_functions(numpy, layer.bases, numpy.asarray(layer.alpha, numpy.float64))
    there = 1.0 if layer.mask is None else numpy.asarray(layer.mask, numpy.float64)
    n_in, n_out, k = alpha.shape
    alpha = alpha * (there if layer.mask is None else there[..., None])
    given = lambda name: None if getattr(layer, name) is None else _float32(name, getattr(layer, name))
    step = Edges(
        layer.bases,
        _float32("alpha", numpy.moveaxis(alpha, -1, 0)),
        _float32("grid", [grid.low for grid in layer.grids]),
        _float32("grid", [grid.step for grid in layer.grids]),
        BASES[layer.bases](numpy, X, INDEX, k),
        None if layer.base is None else _float32("base", numpy.asarray(layer.base) * there),
        *map(given, ("bias", "scale", "shift")),
    )
    return step, n_in, n_out


_STEPS = {Linear: _linear, KAF: _kaf, Fixed: _fixed, KANLayer: _kan_layer}
