"""A trained network as a program that needs no kaf: a NumPy function, a C function, or an ONNX model.

`numpy_source`, `c_source` and `onnx_model` take a `KAFNet`, a `KAN`, or one of their layers, of kaf, Equinox or Flax: all kernels
and bases with names, all grids, trained centres and bandwidths, fixed activations; and `KAF2D`, `MultiKAF`, `GatedKAF` and
`ComplexKAF`. They compute in float32.

If a layer computes with complex numbers, all of the network does, and it may hold `Linear` and `ComplexKAF` layers alone. The NumPy
function then takes and returns complex numbers. The C function and the ONNX model take and return the real parts of all numbers and
behind them the imaginary parts.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from typing import Any

from ..backend import optional_module
from .c_text import c_text
from .numpy_text import numpy_text
from .steps import ExportError, FromComplex, steps_of

__all__ = ["ExportError", "c_source", "numpy_source", "onnx_model"]


def numpy_source(model: Any, name: str = "predict") -> str:
    """The source of a Python module that imports NumPy alone, with a function `name` of x [..., inputs] -> [..., outputs].

    Raises ExportError, a ValueError, for a model that cannot be exported and for a name that is no identifier.

    >>> from kaf.layers import KAFNet
    >>> net, module = KAFNet.init(0, [2, 3, 1]), {}
    >>> exec(numpy_source(net), module)
    >>> bool(abs(module["predict"]([[0.5, -0.5]]) - net([[0.5, -0.5]])) < 1e-5)
    True
    """
    return written(*steps_of(model), language="numpy", name=name)


def c_source(model: Any, name: str = "predict") -> str:
    """The source of a file of C99 with `void name(const float *x, float *y)`, for one example. It needs the C library alone.

    Raises ExportError, a ValueError, as `numpy_source`.

    >>> from kaf.layers import KAFNet
    >>> "void predict(const float *x, float *y)" in c_source(KAFNet.init(0, [2, 3, 1]))
    True
    """
    return written(*steps_of(model), language="c", name=name)


def onnx_model(model: Any, name: str = "predict") -> Any:
    """An `onnx.ModelProto` with the input x [batch, inputs] and the output y [batch, outputs]; `onnx.save` writes it.

    Needs the package onnx, and raises ImportError without. A layer of functions holds [batch, units, centres] values. Raises
    ExportError, a ValueError, as `numpy_source`.

    >>> from kaf.layers import KAFNet
    >>> onnx_model(KAFNet.init(0, [2, 3, 1])).graph.node[0].op_type
    'Gemm'
    """
    return written(*steps_of(model), language="onnx", name=name)


def written(
    steps: list[Any], inputs: int, outputs: int, *, language: str, name: str, classes: Sequence[str] = ()
) -> Any:
    """The text, or the ONNX model, of steps (see `kaf/export/steps.py`). `classes` are the names of the outputs."""
    is_name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and not re.search(r"_\d+$", name)  # as constants are called
    if not is_name or keyword.iskeyword(name) or name in _TAKEN:
        raise ExportError(
            f"a function cannot be called {name!r}; give a name of letters, digits and _, no keyword, without a number behind _."
        )
    of_numbers = "complex " if isinstance(steps[0], FromComplex) else ""
    out = f"{outputs} {of_numbers}output{'s' * (outputs > 1)}"
    what = f"the probabilities of the classes {', '.join(map(repr, classes))}" if classes else out
    about = f"A network of kernel activation functions: {inputs} {of_numbers}input{'s' * (inputs > 1)}, {what}."
    write = _onnx if language == "onnx" else {"numpy": numpy_text, "c": c_text}[language]
    return write(steps, inputs, outputs, name, about, list(classes))


def _onnx(*arguments: Any) -> Any:
    return optional_module("export.onnx_graph").onnx_graph(*arguments)


# Keywords of C, and names that C or the written files use for something else.
_TAKEN = "np x y larger smaller logaddexp main auto break case char const default do double enum extern float goto inline int long"
_TAKEN = {
    *_TAKEN.split(),
    *"register restrict short signed sizeof static struct switch typedef union unsigned void".split(),
}
