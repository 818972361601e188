"""Elementwise formulas as expressions: what NumPy's functions are called on is written down, to be printed in any language.

So the formulas of kernels, bases and activations, which are written for NumPy's names, need not be written again for C or ONNX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# How C and Python write these operations of two operands.
INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "less": "<", "greater": ">"}


class FormulaError(ValueError):
    """A formula uses an operation that cannot be exported."""


@dataclass(frozen=True, eq=False)
class Expression:
    """A variable (no arguments), or an operation of expressions and numbers. The operations have NumPy's names.

    >>> import numpy
    >>> x = Expression("x")
    >>> numpy.exp(-x).operation
    'exp'
    """

    operation: str
    arguments: tuple[Any, ...] = ()

    def __array_ufunc__(self, function, method, *arguments, **options):
        if method != "__call__" or options:
            return NotImplemented
        return _operation(function.__name__, arguments)

    def __array_function__(self, function, types, arguments, options):
        if options:
            return NotImplemented
        return _operation(function.__name__, arguments)

    def __add__(self, other):
        return _operation("add", (self, other))

    def __radd__(self, other):
        return _operation("add", (other, self))

    def __sub__(self, other):
        return _operation("subtract", (self, other))

    def __rsub__(self, other):
        return _operation("subtract", (other, self))

    def __mul__(self, other):
        return _operation("multiply", (self, other))

    __rmul__ = __mul__

    def __truediv__(self, other):
        return _operation("divide", (self, other))

    def __rtruediv__(self, other):
        return _operation("divide", (other, self))

    def __neg__(self):
        return _operation("negative", (self,))

    def __lt__(self, other):
        return _operation("less", (self, other))

    def __gt__(self, other):
        return _operation("greater", (self, other))

    def __pow__(self, exponent):
        """A product: the exponents of the kernels are small integers, and `pow` of C is slow and inexact."""
        if exponent != int(exponent) or not exponent:
            raise FormulaError(f"a power with the exponent {exponent} cannot be exported")
        product = self
        for _ in range(abs(int(exponent)) - 1):
            product = product * self
        return product if exponent > 0 else 1.0 / product

    @property
    def is_condition(self) -> bool:
        """Whether the value is true or false."""
        return self.operation in ("less", "greater")


# The operations that every language of this package prints.
OPERATIONS = (
    *("add", "subtract", "multiply", "divide", "negative", "less", "greater", "where", "maximum", "minimum", "clip"),
    *("absolute", "exp", "expm1", "logaddexp", "tanh", "sin", "cos", "arccos", "floor", "round"),
)


def _operation(name: str, arguments: Sequence[Any]) -> Expression:
    name = {"abs": "absolute", "true_divide": "divide"}.get(name, name)
    if name not in OPERATIONS:
        raise FormulaError(f"the operation {name} cannot be exported")
    return Expression(name, tuple(a if isinstance(a, Expression) else float(a) for a in arguments))


def printed(
    expression: Expression, write: Callable[[Expression, list[Any]], Any], bind: Callable[[Any], Any] | None = None
) -> Any:
    """The text of an expression. `write(expression, texts of its arguments)` makes the text of one operation.

    An operation whose result is used several times is given to `bind`, which writes an assignment and returns the variable.

    >>> x = Expression("x")
    >>> write = lambda e, texts: f"{e.operation}({', '.join(map(str, texts))})" if texts else e.operation
    >>> printed((x + 1.0) ** 2, write, lambda text: print("t =", text) or "t")
    t = add(x, 1.0)
    'multiply(t, t)'
    """
    uses: dict[int, int] = {}

    def count(e):
        uses[id(e)] = uses.get(id(e), 0) + 1
        if uses[id(e)] == 1:
            for argument in e.arguments:
                if isinstance(argument, Expression):
                    count(argument)

    count(expression)
    done: dict[int, Any] = {}

    def text(e):
        if not isinstance(e, Expression):
            return e
        if id(e) not in done:
            done[id(e)] = write(e, [text(argument) for argument in e.arguments])
            if bind is not None and e.arguments and uses[id(e)] > 1:
                done[id(e)] = bind(done[id(e)])
        return done[id(e)]

    return text(expression)


def without_parentheses(text: str) -> str:
    """The text of an expression without parentheses around the whole.

    >>> without_parentheses("((a + b) * c)"), without_parentheses("(a + b) * (c)")
    ('(a + b) * c', '(a + b) * (c)')
    """
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and i < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text
