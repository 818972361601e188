"""A network as one file of C99: constants, and a function of one example."""

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

_CALLS = {
    **{"maximum": "larger", "minimum": "smaller", "logaddexp": "logaddexp", "absolute": "fabsf", "exp": "expf"},
    **{"expm1": "expm1f", "tanh": "tanhf", "sin": "sinf", "cos": "cosf", "arccos": "acosf", "floor": "floorf"},
    "round": "rintf",
}

# fmaxf ignores a NaN; these return it, as NumPy does.
_HELPERS = """static inline float larger(float a, float b) { return a > b || a != a ? a : b; }
static inline float smaller(float a, float b) { return a < b || a != a ? a : b; }
static inline float logaddexp(float a, float b) { return larger(a, b) + log1pf(expf(-fabsf(a - b))); }
"""


class _Source:
    """The lines of the function, the constants before it, and the arrays `x` (now) and `out` (next) between the steps."""

    def __init__(self):
        self.lines: list[str] = []
        self.constants: list[str] = []
        self.variables, self.indent = 0, 1
        self.now, self.next = "x", "first"
        self.width = self.units = 0

    def add(self, line: str) -> None:
        self.indent -= line.startswith("}")
        self.lines.append("    " * self.indent + line)
        self.indent += line.endswith("{")

    def take(self, width: int) -> None:
        """The next step reads what this one wrote, `width` numbers."""
        self.units = width
        self.now = self.next
        self.next = "second" if self.now == "first" else "first"
        self.width = max(self.width, width)

    def constant(self, name: str, array: numpy.ndarray) -> str:
        """The name of a constant array, whose numbers are written so that they are read as the same floats."""
        name = f"{name}_{len(self.constants)}"
        shape = "".join(f"[{n}]" for n in array.shape)
        kind = "float" if array.dtype == numpy.float32 else "double"
        self.constants.append(f"static const {kind} {name}{shape} = {_braces(array)};")
        return name

    def formula(self, expression: Expression, names: dict[str, str]) -> str:
        number = lambda t: t if isinstance(t, str) else _literal(numpy.float32(t))

        def write(e, texts):
            texts = list(map(number, texts))
            if not e.arguments:
                return names[e.operation]
            if e.operation in INFIX:
                return f"({texts[0]} {INFIX[e.operation]} {texts[1]})"
            if e.operation == "negative":
                return f"(-{texts[0]})"
            if e.operation == "where":
                return f"({texts[0]} ? {texts[1]} : {texts[2]})"
            if e.operation == "clip":
                return f"smaller(larger({texts[0]}, {texts[1]}), {texts[2]})"
            return f"{_CALLS[e.operation]}({', '.join(texts)})"

        def bind(text):
            self.variables += 1
            self.add(f"const float t{self.variables} = {without_parentheses(text)};")
            return f"t{self.variables}"

        return without_parentheses(str(printed(expression, write, bind)))


def _braces(array: numpy.ndarray) -> str:
    if array.ndim > 1:
        return "{\n" + ",\n".join(map(_braces, array)) + "\n}"
    numbers = ", ".join(_literal(v) for v in array)
    return "{\n" + textwrap.fill(numbers, 118) + "\n}" if len(numbers) > 100 else "{" + numbers + "}"


def _literal(value: Any) -> str:
    return f"{value!s}f" if isinstance(value, numpy.float32) else repr(float(value))


def c_text(steps: list[Any], inputs: int, outputs: int, name: str, about: str, classes: list[str]) -> str:
    """The source of a C file with the function `name`."""
    source = _Source()
    for step in steps:
        _STEPS[type(step)](source, step)
    if not isinstance(steps[-1], Rescale):
        numbers = outputs * (2 if isinstance(steps[-1], ToComplex) else 1)
        source.add(f"for (int o = 0; o < {numbers}; o++) y[o] = {source.now}[o];")
    kind = "double" if isinstance(steps[0], Standardise) else "float"
    constants, body = "\n\n".join(source.constants), "\n".join(source.lines)
    out = "double" if isinstance(steps[-1], Rescale) else "float"
    shapes = f"x has {inputs} numbers and y {outputs}, of one example."
    if isinstance(steps[0], FromComplex):
        shapes = f"x has {inputs} real parts and then {inputs} imaginary parts, and y {outputs} and {outputs}, of one example."
    comment = textwrap.fill(f"{about} {shapes} Written by kaf.", 118)
    # `*/` in the name of a class would end the comment.
    return (
        f"/* {comment.replace('*/', '* /')} */\n\n#include <math.h>\n\n{_HELPERS}\n{constants}\n\n"
        f"void {name}(const {kind} *x, {out} *y)\n{{\n    float first[{source.width}], second[{source.width}];\n"
        f"    (void)second;\n{body}\n}}\n"
    )


def _affine(source: _Source, step: Affine) -> None:
    n_in, n_out = step.weight.shape
    weight, bias = source.constant("weight", step.weight), source.constant("bias", step.bias)
    source.add(f"for (int o = 0; o < {n_out}; o++) {{")
    source.add(f"float sum = {bias}[o];")
    source.add(f"for (int i = 0; i < {n_in}; i++) sum += {source.now}[i] * {weight}[i][o];")
    source.add(f"{source.next}[o] = sum;")
    source.add("}")
    source.take(n_out)


def _elementwise(source: _Source, step: Elementwise) -> None:
    source.add(f"for (int h = 0; h < {source.units}; h++) {{")
    source.add(f"const float v = {source.now}[h];")
    source.add(f"{source.next}[h] = {source.formula(step.formula, {'x': 'v'})};")
    source.add("}")
    source.take(source.units)


def _kernels(source: _Source, step: Kernels) -> None:
    _functions(source, step, "h", "")
    source.take(len(step.alpha))


def _sum(source: _Source, step: Sum) -> None:
    for i, part in enumerate(step.parts):
        _functions(source, part, "h", f"{source.next}[h] + " if i else "")
    source.take(len(step.parts[0].alpha))


def _halves(source: _Source, step: Halves) -> None:
    units = len(step.first.alpha)
    _functions(source, step.first, "h", "")
    _functions(source, step.second, f"h + {units}", "")
    source.take(2 * units)


def _functions(source: _Source, step: Kernels, index: str, before: str) -> None:
    """The lines of a layer of KAFs for the units from `index` on, whose results are added to what is `before`."""
    units, k = step.alpha.shape
    alpha, centers = source.constant("alpha", step.alpha), source.constant("centers", step.centers)
    names = {"x": "u", "c": "c", "j": "c"}
    if step.sigma is not None:
        names["s"] = f"{source.constant('sigma', step.sigma)}[h]"
    source.add(f"for (int h = 0; h < {units}; h++) {{")
    source.add(f"const float v = {source.now}[{index}];")
    is_basis = (step.low, step.step) != (0.0, 1.0)
    low, width = (_literal(numpy.float32(v)) for v in (step.low, step.step))
    source.add(f"const float u = {f'(v - {low}) / {width}' if is_basis else 'v'};")
    linear = "0.0f" if step.linear is None else f"{source.constant('linear', step.linear)}[h] * v"
    source.add(f"float sum = {before}{linear};")
    source.add(f"for (int i = 0; i < {k}; i++) {{")
    source.add(f"const float c = {centers}[i];")
    source.add(f"sum += {alpha}[h][i] * ({source.formula(step.formula, names)});")
    source.add("}")
    source.add(f"{source.next}[{index}] = sum;")
    source.add("}")


def _pairs(source: _Source, step: Pairs) -> None:
    pairs, k, _ = step.alpha.shape
    alpha, centers = source.constant("alpha", step.alpha), source.constant("centers", step.centers)
    names = {"c": "c", "s": _literal(step.sigma)}
    source.add(f"for (int h = 0; h < {pairs}; h++) {{")
    source.add(f"const float v = {source.now}[h], w = {source.now}[h + {pairs}];")
    source.add(f"float sum = 0.0f, second_kernel[{k}];")
    source.add(f"for (int j = 0; j < {k}; j++) {{")
    source.add(f"const float c = {centers}[j];")
    source.add(f"second_kernel[j] = {source.formula(step.formula, {**names, 'x': 'w'})};")
    source.add("}")
    source.add(f"for (int i = 0; i < {k}; i++) {{")
    source.add(f"const float c = {centers}[i];")
    source.add("float inner = 0.0f;")
    source.add(f"for (int j = 0; j < {k}; j++) inner += {alpha}[h][i][j] * second_kernel[j];")
    source.add(f"sum += inner * ({source.formula(step.formula, {**names, 'x': 'v'})});")
    source.add("}")
    source.add(f"{source.next}[h] = sum;")
    source.add("}")
    source.take(pairs)


def _nothing(source: _Source, step: Any) -> None:
    """The parts of complex numbers are passed in as they are computed with."""


def _edges(source: _Source, step: Edges) -> None:
    k, n_in, n_out = step.alpha.shape
    alpha, low, width = (
        source.constant(*each) for each in (("alpha", step.alpha), ("low", step.low), ("step", step.step))
    )
    bias = "0.0f" if step.bias is None else f"{source.constant('bias', step.bias)}[o]"
    inside = "v"
    source.add(f"for (int o = 0; o < {n_out}; o++) {source.next}[o] = {bias};")
    source.add("{")
    if step.scale is not None:
        scale, shift = source.constant("scale", step.scale), source.constant("shift", step.shift)
        source.add("float mean = 0.0f, variance = 0.0f;")
        source.add(f"for (int i = 0; i < {n_in}; i++) mean += {source.now}[i] / {n_in}.0f;")
        each = f"({source.now}[i] - mean)"
        source.add(f"for (int i = 0; i < {n_in}; i++) variance += {each} * {each} / {n_in}.0f;")
        inside = f"((v - mean) / sqrtf(variance + 1e-05f) * {scale}[i] + {shift}[i])"
    source.add(f"for (int i = 0; i < {n_in}; i++) {{")
    source.add(f"const float v = {source.now}[i];")
    source.add(f"const float u = ({inside} - {low}[i]) / {width}[i];")
    source.add(f"for (int j = 0; j < {k}; j++) {{")
    source.add(f"const float basis = {source.formula(step.formula, {'x': 'u', 'j': '(float)j'})};")
    source.add(f"for (int o = 0; o < {n_out}; o++) {source.next}[o] += basis * {alpha}[j][i][o];")
    source.add("}")
    if step.base is not None:
        base = source.constant("base", step.base)
        source.add(f"const float silu = {source.formula(SILU, {'x': 'v'})};")
        source.add(f"for (int o = 0; o < {n_out}; o++) {source.next}[o] += silu * {base}[i][o];")
    source.add("}")
    source.add("}")
    source.take(n_out)


def _standardise(source: _Source, step: Standardise) -> None:
    mean, scale = source.constant("mean", step.mean), source.constant("scale", step.scale)
    n = len(step.mean)
    source.add(f"for (int i = 0; i < {n}; i++) {{")
    source.add(f"const double v = ({source.now}[i] - {mean}[i]) / {scale}[i], limit = 3.4028234663852886e+38;")
    source.add(f"{source.next}[i] = (float)(v > limit ? limit : v < -limit ? -limit : v);")
    source.add("}")
    source.take(n)


def _probabilities(source: _Source, step: Probabilities) -> None:
    n = step.classes
    first, then = source.now, source.next
    if n == 2:  # The logit of the first of two classes is 0.
        source.add(f"{then}[0] = 0.0f, {then}[1] = {first}[0];")
    else:
        source.add(f"for (int o = 0; o < {n}; o++) {then}[o] = {first}[o];")
    source.add("{")
    source.add(f"float most = {then}[0], sum = 0.0f;")
    source.add(f"for (int o = 1; o < {n}; o++) most = larger(most, {then}[o]);")
    source.add(f"for (int o = 0; o < {n}; o++) sum += {then}[o] = expf({then}[o] - most);")
    source.add(f"for (int o = 0; o < {n}; o++) {then}[o] /= sum;")
    source.add("}")
    source.take(n)


def _rescale(source: _Source, step: Rescale) -> None:
    source.add(f"y[0] = {source.now}[0] * {step.scale!r} + {step.mean!r};")


_STEPS = {
    Affine: _affine,
    Elementwise: _elementwise,
    Kernels: _kernels,
    Sum: _sum,
    Halves: _halves,
    Pairs: _pairs,
    FromComplex: _nothing,
    ToComplex: _nothing,
    Edges: _edges,
    Standardise: _standardise,
    Probabilities: _probabilities,
    Rescale: _rescale,
}
