"""A trained network as a list of steps, which the languages print: arrays in float32, and formulas as expressions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy

from ..functional.bases import BASES, OTHER_BASES, of_the_functions
from ..functional.init import FUNCTIONS
from ..functional.kernels import FORMULAS, NEED_SIGMA
from ..layers.kan import KAN, KANLayer
from ..layers.plain import KAF, Fixed, KAFNet, Linear
from ..layers.variants import KAF2D, ComplexKAF, GatedKAF, MultiKAF
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
class Sum:
    """The sum of several layers of KAFs of the same x."""

    parts: tuple[Kernels, ...]


@dataclass(frozen=True, eq=False)
class Halves:
    """A layer of KAFs for the first half of x, and another for the second."""

    first: Kernels
    second: Kernels


@dataclass(frozen=True, eq=False)
class Pairs:
    """A function of the units h and h + H/2: sum_ij alpha[h, i, j] formula(x_h, centers[i]) formula(x_(h + H/2), centers[j]).

    alpha [H/2, k, k], centers [k]; formula is of x, a centre, and the number sigma.
    """

    name: str
    alpha: numpy.ndarray
    centers: numpy.ndarray
    sigma: numpy.float32
    formula: Expression


@dataclass(frozen=True, eq=False)
class FromComplex:
    """The first step of a network of complex numbers. From here on x is their real parts, and behind them the imaginary parts.

    NumPy's function takes complex numbers. A C function and an ONNX model take the parts in that order.
    """


@dataclass(frozen=True, eq=False)
class ToComplex:
    """The last step of a network of complex numbers: `units` real parts, and then the imaginary parts, are `units` numbers."""

    units: int


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
    """(steps, inputs, outputs) of a `KAFNet`, a `KAN`, or one of their layers, also of Equinox and Flax. Raises ExportError.

    If a layer computes with complex numbers, so does the whole network, and the inputs and outputs are complex numbers.
    """
    model = model.to_layer() if hasattr(model, "to_layer") else model
    layers = model.layers if isinstance(model, (KAFNet, KAN)) else (model,)
    is_complex = any(map(_is_complex, layers))
    steps: list[Any] = [FromComplex()] if is_complex else []
    widths: list[int] = []
    for layer in layers:
        make = (_COMPLEX_STEPS if is_complex else _STEPS).get(type(layer))
        if make is None and type(layer) in _STEPS:
            raise ExportError(
                f"a {type(layer).__name__} in a network of complex numbers cannot be exported; "
                f"{' and '.join(cls.__name__ for cls in _COMPLEX_STEPS)} can."
            )
        if make is None:
            raise ExportError(
                f"a {type(layer).__name__} cannot be exported; a KAFNet, a KAN, and their layers can: "
                f"{', '.join(cls.__name__ for cls in (*_STEPS, ComplexKAF))}."
            )
        made, n_in, n_out = make(layer, widths[-1] if widths else None)
        if not widths and n_in is None:
            raise ExportError(f"a {type(layer).__name__} alone has no number of inputs, and cannot be exported.")
        if widths and n_in != widths[-1]:
            raise ExportError(f"a layer has {n_in} inputs, and the one before it {widths[-1]} outputs.")
        widths += [n_in, n_out]
        steps += made
    if is_complex:
        steps.append(ToComplex(widths[-1]))
    if not steps:
        raise ExportError("a network without layers cannot be exported.")
    return steps, widths[0], widths[-1]


def _is_complex(layer: Any) -> bool:
    arrays = [layer.weight, layer.bias] if isinstance(layer, Linear) else []
    return isinstance(layer, ComplexKAF) or any(numpy.asarray(a).dtype.kind == "c" for a in arrays)


def _float32(name: str, array: Any) -> numpy.ndarray:
    with numpy.errstate(over="ignore"):
        array = numpy.asarray(array).astype(numpy.float32)
    if not numpy.isfinite(array).all():
        raise ExportError(f"{name} holds numbers that are not finite in float32.")
    return array


def _linear(layer: Linear, width: int | None):
    weight, bias = _float32("weight", layer.weight), _float32("bias", layer.bias)
    return [Affine(weight, bias)], *weight.shape


def _complex_linear(layer: Linear, width: int | None):
    weight, bias = numpy.asarray(layer.weight), numpy.asarray(layer.bias)
    parts = numpy.block([[weight.real, weight.imag], [-weight.imag, weight.real]])
    bias = numpy.concatenate([bias.real, bias.imag])
    return [Affine(_float32("weight", parts), _float32("bias", bias))], *weight.shape


def _fixed(layer: Fixed, width: int | None):
    if layer.name not in FUNCTIONS:
        raise ExportError(f"the activation {layer.name} cannot be exported; {', '.join(FUNCTIONS)} can.")
    return [Elementwise(layer.name, FUNCTIONS[layer.name](X))], width, width


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
    return [step], units, units


def _gated_kaf(layer: GatedKAF, width: int | None):
    (step,), units, _ = _kaf(layer.kaf, width)
    linear = numpy.zeros(units, numpy.float32) if step.linear is None else step.linear
    half = numpy.float32(0.5)
    inside = replace(step, alpha=half * step.alpha, linear=half * linear + half)
    return [inside, Elementwise("sigmoid", FUNCTIONS["sigmoid"](X))], units, units


def _multi_kaf(layer: MultiKAF, width: int | None):
    alpha, mu = (numpy.asarray(a, numpy.float64) for a in (layer.alpha, layer.mu))
    each = [
        KAF(alpha * mu[..., m : m + 1], layer.grid, kernel=kernel, axis=layer.axis)
        for m, kernel in enumerate(layer.kernels)
    ]
    parts = [_kaf(one, width) for one in each]
    return [Sum(tuple(part for (part,), _, _ in parts))], *parts[0][1:]


def _kaf2d(layer: KAF2D, width: int | None):
    alpha, pairs = _float32("alpha", layer.alpha), len(layer.alpha)
    centers, sigma = _float32("centers", layer.grid.exact_centers), numpy.float32(layer.sigma)
    formula = FORMULAS["gauss"](numpy, X, CENTER, SIGMA)
    return [Pairs("gauss", alpha, centers, sigma, formula)], 2 * pairs, pairs


def _complex_kaf(layer: ComplexKAF, width: int | None):
    ((first,), units, _), ((second,), _, _) = (_kaf(part, width) for part in (layer.real, layer.imag))
    return [Halves(first, second)], units, units


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
    return [step], n_in, n_out


_STEPS = {
    **{Linear: _linear, KAF: _kaf, Fixed: _fixed, KANLayer: _kan_layer},
    **{KAF2D: _kaf2d, MultiKAF: _multi_kaf, GatedKAF: _gated_kaf},
}
_COMPLEX_STEPS = {Linear: _complex_linear, ComplexKAF: _complex_kaf}
