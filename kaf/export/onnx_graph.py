"""A network as an ONNX model. Needs the package onnx."""

from __future__ import annotations

import json
from typing import Any

import numpy

from .formulas import Expression, printed
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

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ModuleNotFoundError as e:
    raise ImportError(
        "exporting to ONNX needs the package onnx, which is not installed: pip install 'minijax[onnx]'"
    ) from e

# Operators of this version, in a file of this version: what onnxruntime 1.16 and later reads.
OPSET, IR = 18, 9

_OPERATORS = {
    **{"add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "negative": "Neg", "less": "Less"},
    **{"greater": "Greater", "where": "Where", "maximum": "Max", "minimum": "Min", "clip": "Clip", "absolute": "Abs"},
    **{"exp": "Exp", "tanh": "Tanh", "sin": "Sin", "cos": "Cos", "arccos": "Acos", "floor": "Floor", "round": "Round"},
}


class _Graph:
    """The nodes so far, the constants, and the name of the value that the next step reads."""

    def __init__(self):
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.now = "x"

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The name of the output of a new node."""
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, value: Any, dtype: Any = numpy.float32) -> str:
        """The name of a constant."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(numpy.asarray(value, dtype), name))
        return name

    def sum(self, value: str, axis: int) -> str:
        """The sum over an axis, which goes away."""
        return self.node("ReduceSum", value, self.constant([axis], numpy.int64), keepdims=0)

    def part(self, value: str, start: int, end: int) -> str:
        """value[:, start:end]."""
        return self.node("Slice", value, *[self.constant([i], numpy.int64) for i in (start, end, 1)])

    def formula(self, expression: Expression, names: dict[str, str]) -> str:
        """The name of the value of an expression, whose variables are called `names` here."""

        def write(e, texts):
            if not e.arguments:
                return names[e.operation]
            texts = [text if isinstance(text, str) else self.constant(text) for text in texts]
            if e.operation not in ("where", "less", "greater"):
                conditions = [isinstance(a, Expression) and a.is_condition for a in e.arguments]
                texts = [
                    self.node("Cast", text, to=TensorProto.FLOAT) if is_condition else text
                    for text, is_condition in zip(texts, conditions, strict=True)
                ]
            if e.operation == "expm1":
                return self.node("Sub", self.node("Exp", texts[0]), self.constant(1.0))
            if e.operation == "logaddexp":
                # The kernels use log(exp(x) + exp(0)) alone.
                return self.node("Add", texts[1], self.node("Softplus", self.node("Sub", *texts)))
            return self.node(_OPERATORS[e.operation], *texts)

        return printed(expression, write)


def onnx_graph(steps: list[Any], inputs: int, outputs: int, name: str, about: str, classes: list[str]) -> Any:
    """An `onnx.ModelProto`, checked, with the input x [batch, inputs] and the output y [batch, outputs].

    ONNX has no functions of complex numbers: x and y are twice as wide then, real parts first.
    """
    graph = _Graph()
    for step in steps:
        graph.now = _STEPS[type(step)](graph, step)
    graph.nodes.append(helper.make_node("Identity", [graph.now], ["y"]))
    kind = TensorProto.DOUBLE if isinstance(steps[0], Standardise) else TensorProto.FLOAT
    out = TensorProto.DOUBLE if isinstance(steps[-1], Rescale) else TensorProto.FLOAT
    if isinstance(steps[0], FromComplex):
        inputs, outputs = 2 * inputs, 2 * outputs
        about += " Of complex numbers x and y have the real parts first, and then the imaginary parts."
    made = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info("x", kind, ["batch", inputs])],
        [helper.make_tensor_value_info("y", out, ["batch", outputs])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, producer_name="kaf", opset_imports=opsets, ir_version=IR, doc_string=about)
    if classes:
        helper.set_model_props(model, {"classes": json.dumps(classes)})
    onnx.checker.check_model(model, full_check=True)
    return model


def _affine(graph: _Graph, step: Affine) -> str:
    return graph.node("Gemm", graph.now, graph.constant(step.weight), graph.constant(step.bias))


def _elementwise(graph: _Graph, step: Elementwise) -> str:
    return graph.formula(step.formula, {"x": graph.now})


def _kernels(graph: _Graph, step: Kernels) -> str:
    return _functions(graph, step, graph.now)


def _sum(graph: _Graph, step: Sum) -> str:
    return graph.node("Sum", *[_functions(graph, part, graph.now) for part in step.parts])


def _halves(graph: _Graph, step: Halves) -> str:
    units = len(step.first.alpha)
    first = _functions(graph, step.first, graph.part(graph.now, 0, units))
    second = _functions(graph, step.second, graph.part(graph.now, units, 2 * units))
    return graph.node("Concat", first, second, axis=1)


def _pairs(graph: _Graph, step: Pairs) -> str:
    pairs = len(step.alpha)
    names = {"c": graph.constant(step.centers), "s": graph.constant(step.sigma)}

    def kernels(start: int, axes: list[int]) -> str:
        x = graph.node("Unsqueeze", graph.part(graph.now, start, start + pairs), graph.constant(axes, numpy.int64))
        return graph.formula(step.formula, {**names, "x": x})

    # [batch, pairs, 1, k] @ [pairs, k, k] is the sum over the centres of the second unit.
    second = kernels(pairs, [2, 3])
    inner = graph.node("MatMul", second, graph.constant(step.alpha.transpose(0, 2, 1)))
    inner = graph.node("Squeeze", inner, graph.constant([2], numpy.int64))
    return graph.sum(graph.node("Mul", inner, kernels(0, [2])), 2)


def _nothing(graph: _Graph, step: Any) -> str:
    """The parts of complex numbers are passed in as they are computed with."""
    return graph.now


def _functions(graph: _Graph, step: Kernels, x: str) -> str:
    """The values of a layer of KAFs at x [batch, units]."""
    u = x
    if (step.low, step.step) != (0.0, 1.0):
        u = graph.node("Div", graph.node("Sub", x, graph.constant(step.low)), graph.constant(step.step))
    u = graph.node("Unsqueeze", u, graph.constant([2], numpy.int64))
    centers = graph.constant(step.centers)
    names = {"x": u, "c": centers, "j": centers}
    if step.sigma is not None:
        names["s"] = graph.constant(step.sigma[:, None])
    values = graph.formula(step.formula, names)
    out = graph.sum(graph.node("Mul", values, graph.constant(step.alpha)), 2)
    if step.linear is None:
        return out
    return graph.node("Add", out, graph.node("Mul", x, graph.constant(step.linear)))


def _edges(graph: _Graph, step: Edges) -> str:
    k, n_in, n_out = step.alpha.shape
    x = inside = graph.now
    if step.scale is not None:
        inside = _normed(graph, step)
    u = graph.node("Div", graph.node("Sub", inside, graph.constant(step.low)), graph.constant(step.step))
    u = graph.node("Unsqueeze", u, graph.constant([2], numpy.int64))
    values = graph.formula(step.formula, {"x": u, "j": graph.constant(numpy.arange(k))})
    flat = graph.node("Reshape", values, graph.constant([-1, n_in * k], numpy.int64))
    out = graph.node("MatMul", flat, graph.constant(numpy.moveaxis(step.alpha, 0, 1).reshape(n_in * k, n_out)))
    if step.base is not None:
        silu = graph.formula(SILU, {"x": x})
        out = graph.node("Add", out, graph.node("MatMul", silu, graph.constant(step.base)))
    return out if step.bias is None else graph.node("Add", out, graph.constant(step.bias))


def _normed(graph: _Graph, step: Edges) -> str:
    mean = lambda value: graph.node("ReduceMean", value, graph.constant([1], numpy.int64), keepdims=1)
    centered = graph.node("Sub", graph.now, mean(graph.now))
    variance = mean(graph.node("Mul", centered, centered))
    spread = graph.node("Sqrt", graph.node("Add", variance, graph.constant(1e-5)))
    scaled = graph.node("Mul", graph.node("Div", centered, spread), graph.constant(step.scale))
    return graph.node("Add", scaled, graph.constant(step.shift))


def _standardise(graph: _Graph, step: Standardise) -> str:
    mean, scale = (graph.constant(array, numpy.float64) for array in (step.mean, step.scale))
    limit = float(numpy.finfo(numpy.float32).max)
    limits = [graph.constant(end, numpy.float64) for end in (-limit, limit)]
    scaled = graph.node("Div", graph.node("Sub", graph.now, mean), scale)
    return graph.node("Cast", graph.node("Clip", scaled, *limits), to=TensorProto.FLOAT)


def _probabilities(graph: _Graph, step: Probabilities) -> str:
    logits = graph.now
    if step.classes == 2:  # The logit of the first of two classes is 0.
        logits = graph.node("Concat", graph.node("Mul", logits, graph.constant(0.0)), logits, axis=1)
    return graph.node("Softmax", logits, axis=1)


def _rescale(graph: _Graph, step: Rescale) -> str:
    x = graph.node("Cast", graph.now, to=TensorProto.DOUBLE)
    scale, mean = (graph.constant(value, numpy.float64) for value in (step.scale, step.mean))
    return graph.node("Add", graph.node("Mul", x, scale), mean)


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
