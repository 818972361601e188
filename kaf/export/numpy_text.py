"""A network as Python source that imports NumPy alone."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy

from .formulas import INFIX, Expression, printed, without_parentheses
from .steps import (
    SILU,
    Affine,
    Edges,
    Elementwise,
    FromComplex,
    Halves,
    Kernels,
    Pairs,
    Probabilities,
    Rescale,
    Standardise,
    Sum,
    ToComplex,
)


class _Source:
    """The lines of the function, and the constants that stand before it."""

    def __init__(self):
        self.lines: list[str] = []
        self.constants: list[str] = []
        self.variables = 0

    def add(self, line: str, indent: int = 1) -> None:
        self.lines.append("    " * indent + line)

    def constant(self, name: str, array: numpy.ndarray) -> str:
        """The name of a constant array, whose numbers are written so that they are read as the same float32."""
        name = f"{name}_{len(self.constants)}"
        numbers = textwrap.fill(", ".join(map(str, array.ravel())), 118)
        shape = "" if array.ndim == 1 else f".reshape({', '.join(map(str, array.shape))})"
        self.constants.append(f"{name} = np.array([\n{numbers}\n], np.{array.dtype}){shape}")
        return name

    def formula(self, expression: Expression, names: dict[str, str], indent: int = 1) -> str:
        """The text of an expression, whose variables are called `names` here; assignments come before."""

        def write(e, texts):
            if not e.arguments:
                return names[e.operation]
            if e.operation in INFIX:
                return f"({texts[0]} {INFIX[e.operation]} {texts[1]})"
            if e.operation == "negative":
                return f"(-{texts[0]})"
            return f"np.{e.operation}({', '.join(map(str, texts))})"

        def bind(text):
            self.variables += 1
            self.add(f"t{self.variables} = {without_parentheses(text)}", indent)
            return f"t{self.variables}"

        return without_parentheses(str(printed(expression, write, bind)))


def numpy_text(steps: list[Any], inputs: int, outputs: int, name: str, about: str, classes: list[str]) -> str:
    """The source of a module with the function `name`."""
    source = _Source()
    dtype = {Standardise: "float64", FromComplex: "complex64"}.get(type(steps[0]), "float32")
    source.add(_docstring(about))
    source.add(f"x = np.asarray(x, np.{dtype})")
    source.add(f"if x.shape[-1:] != ({inputs},):")
    source.add(
        f'    raise ValueError(f"{name}: the last axis of x must have {inputs} features; x has shape {{x.shape}}.")'
    )
    for step in steps:
        _STEPS[type(step)](source, step)
    source.add("return x")
    names = [f"CLASSES = {classes!r}"] if classes else []
    constants, body = "\n\n".join([*names, *source.constants]), "\n".join(source.lines)
    return (
        f"{_docstring(about + ' Written by kaf.')}\n\nimport numpy as np\n\n{constants}\n\n\ndef {name}(x):\n{body}\n"
    )


def _docstring(text: str) -> str:
    # Names of classes may hold quotes and backslashes.
    return repr(text) if '"' in text or "\\" in text else f'"""{text}"""'


def _affine(source: _Source, step: Affine) -> None:
    source.add(f"x = x @ {source.constant('WEIGHT', step.weight)} + {source.constant('BIAS', step.bias)}")


def _elementwise(source: _Source, step: Elementwise) -> None:
    source.add(f"x = {source.formula(step.formula, {'x': 'x'})}  # {step.name}")


def _kernels(source: _Source, step: Kernels, x: str = "x", to: str = "x") -> None:
    alpha, centers = source.constant("ALPHA", step.alpha.T), source.constant("CENTERS", step.centers)
    names = {"x": "u", "c": "c", "j": "c"}
    if step.sigma is not None:
        names["s"] = source.constant("SIGMA", step.sigma)
    source.add(f"# A function for each unit: a sum of {len(step.centers)} times {step.name}.")
    source.add(f"u = {x}" if (step.low, step.step) == (0.0, 1.0) else f"u = ({x} - {step.low!r}) / {step.step!r}")
    source.add(f"out = np.zeros_like({x})")
    source.add(f"for c, a in zip({centers}, {alpha}):")
    source.add(f"out = out + a * ({source.formula(step.formula, names, 2)})", 2)
    source.add(f"{to} = out" if step.linear is None else f"{to} = out + {source.constant('LINEAR', step.linear)} * {x}")


def _sum(source: _Source, step: Sum) -> None:
    names = [f"sum{i}" for i in range(len(step.parts))]
    for name, part in zip(names, step.parts, strict=True):
        _kernels(source, part, to=name)
    source.add(f"x = {' + '.join(names)}")


def _halves(source: _Source, step: Halves) -> None:
    units = len(step.first.alpha)
    source.add(f"first, second = x[..., :{units}], x[..., {units}:]")
    _kernels(source, step.first, "first", "first")
    _kernels(source, step.second, "second", "second")
    source.add("x = np.concatenate([first, second], -1)")


def _pairs(source: _Source, step: Pairs) -> None:
    pairs, k, _ = step.alpha.shape
    alpha = source.constant("ALPHA", numpy.moveaxis(step.alpha, 0, -1))
    centers, sigma = source.constant("CENTERS", step.centers), source.constant("SIGMA", step.sigma.reshape(1))
    source.add(f"# A function of two units for each pair: a sum of {k} x {k} products of {step.name}.")
    source.add(f"first, second = x[..., :{pairs}], x[..., {pairs}:]")
    source.add("x = np.zeros_like(first)")
    source.add(f"for c, row in zip({centers}, {alpha}):")
    source.add("inner = np.zeros_like(first)", 2)
    source.add(f"for d, a in zip({centers}, row):", 2)
    value = source.formula(step.formula, {"x": "second", "c": "d", "s": sigma}, 3)
    source.add(f"inner = inner + a * ({value})", 3)
    source.add(f"x = x + inner * ({source.formula(step.formula, {'x': 'first', 'c': 'c', 's': sigma}, 2)})", 2)


def _from_complex(source: _Source, step: FromComplex) -> None:
    source.add("x = np.concatenate([x.real, x.imag], -1)")


def _to_complex(source: _Source, step: ToComplex) -> None:
    source.add(f"out = np.empty((*x.shape[:-1], {step.units}), np.complex64)")
    source.add(f"out.real, out.imag = x[..., :{step.units}], x[..., {step.units}:]")
    source.add("x = out")


def _edges(source: _Source, step: Edges) -> None:
    k, _, n_out = step.alpha.shape
    source.add(f"# A function on each edge: a sum of {k} times {step.name}.")
    inside = "x"
    if step.scale is not None:
        source.add("inside = x - x.mean(-1, keepdims=True)")
        norm = "inside / np.sqrt((inside**2).mean(-1, keepdims=True) + np.float32(1e-5))"
        source.add(f"inside = {norm} * {source.constant('SCALE', step.scale)} + {source.constant('SHIFT', step.shift)}")
        inside = "inside"
    source.add(f"u = ({inside} - {source.constant('LOW', step.low)}) / {source.constant('STEP', step.step)}")
    source.add(f"out = np.zeros((*x.shape[:-1], {n_out}), np.float32)")
    source.add(f"for j, a in enumerate({source.constant('ALPHA', step.alpha)}):")
    source.add(f"out = out + ({source.formula(step.formula, {'x': 'u', 'j': 'j'}, 2)}) @ a", 2)
    if step.base is not None:
        source.add(f"out = out + ({source.formula(SILU, {'x': 'x'})}) @ {source.constant('BASE', step.base)}")
    source.add("x = out" if step.bias is None else f"x = out + {source.constant('BIAS', step.bias)}")


def _standardise(source: _Source, step: Standardise) -> None:
    mean, scale = source.constant("MEAN", step.mean), source.constant("SCALE", step.scale)
    limit = "np.finfo(np.float32).max"
    source.add(f"x = np.clip((x - {mean}) / {scale}, -{limit}, {limit}).astype(np.float32)")


def _probabilities(source: _Source, step: Probabilities) -> None:
    if step.classes == 2:
        source.add("x = np.concatenate([np.zeros_like(x), x], -1)  # the logit of the first of two classes is 0")
    source.add("x = np.exp(x - x.max(-1, keepdims=True))")
    source.add("x = x / x.sum(-1, keepdims=True)")


def _rescale(source: _Source, step: Rescale) -> None:
    source.add(f"x = x.astype(np.float64) * {step.scale!r} + {step.mean!r}")


_STEPS = {
    Affine: _affine,
    Elementwise: _elementwise,
    Kernels: _kernels,
    Sum: _sum,
    Halves: _halves,
    Pairs: _pairs,
    FromComplex: _from_complex,
    ToComplex: _to_complex,
    Edges: _edges,
    Standardise: _standardise,
    Probabilities: _probabilities,
    Rescale: _rescale,
}
