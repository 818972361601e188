"""Symbols for a KAN: which known function an edge has become, and the formula of a whole network.

An edge is compared with c g(a x + b) + d for every g of a library (as in pykan, Liu et al., arXiv 2404.19756), and the formula of
a network puts these together. Everything here is NumPy in float64.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy

from ..layers.kan import KAN, Edge, PrunedAway


@dataclass(frozen=True, eq=False)
class Symbol:
    """A function of the library.

    value       of an array
    text        as SymPy reads it, with {} for the argument
    complexity  the smaller one is preferred of two that fit about equally well
    """

    value: Callable[[numpy.ndarray], numpy.ndarray]
    text: str
    complexity: int


LIBRARY: dict[str, Symbol] = {
    "x": Symbol(lambda t: t, "({})", 1),
    "x^2": Symbol(lambda t: t**2, "({})**2", 2),
    "x^3": Symbol(lambda t: t**3, "({})**3", 3),
    "x^4": Symbol(lambda t: t**4, "({})**4", 4),
    "1/x": Symbol(lambda t: 1 / t, "1/({})", 3),
    "sqrt": Symbol(numpy.sqrt, "sqrt({})", 3),
    "exp": Symbol(numpy.exp, "exp({})", 2),
    "log": Symbol(numpy.log, "log({})", 3),
    "sin": Symbol(numpy.sin, "sin({})", 2),
    "tanh": Symbol(numpy.tanh, "tanh({})", 3),
    "abs": Symbol(numpy.abs, "Abs({})", 3),
    "gaussian": Symbol(lambda t: numpy.exp(-(t**2)), "exp(-({})**2)", 4),
}

# One more step of complexity must lower 1 - R2 by this factor.
_WORTH = 0.5
# A smaller 1 - R2 is rounding of float32.
_EXACT = 1e-7


@dataclass(frozen=True)
class Suggestion:
    """c g(a x + b) + d, for the function g called `name`, and its R2 on the samples."""

    name: str
    a: float
    b: float
    c: float
    d: float
    r2: float

    def __call__(self, x: numpy.ndarray) -> numpy.ndarray:
        """The function of x, elementwise; NaN where g is not defined."""
        with numpy.errstate(all="ignore"):
            return self.c * LIBRARY[self.name].value(self.a * x + self.b) + self.d

    def expression(self, argument: str = "x", digits: int = 4) -> str:
        """The function as text that SymPy reads, with numbers of `digits` significant digits.

        >>> Suggestion("sin", -3.14159, 0.0, -1.0, 0.5, 1.0).expression()
        'sin(3.142*x) + 0.5'
        """
        return _text(_after(self, ([(1.0, argument)], 0.0), digits), digits)


def suggest_symbolic(
    edge: Edge | Callable[..., Any], x: Any, library: Sequence[str] = tuple(LIBRARY)
) -> list[Suggestion]:
    """What the edge may be, the best first: for each function of the library the nearest c g(a x + b) + d on samples x [n].

    A function that is more complex comes first only if it is much nearer. `edge` is a function of one array, such as
    `KAN.edge` returns. Raises ValueError for samples that are all equal, and for unknown names.

    >>> best, *_ = suggest_symbolic(lambda x: 2 * numpy.sin(3 * x) + 1, numpy.linspace(-1, 1, 100))
    >>> best.name, round(abs(best.a), 3), round(abs(best.c), 3), round(best.d, 3)
    ('sin', 3.0, 2.0, 1.0)
    """
    if unknown := [name for name in library if name not in LIBRARY]:
        raise ValueError(f"suggest_symbolic: there is no function {unknown[0]!r}; choose from {', '.join(LIBRARY)}.")
    x = numpy.asarray(x, numpy.float64).ravel()
    if not x.size or x.min() == x.max():
        raise ValueError("suggest_symbolic: the samples must hold two different numbers or more.")
    y = numpy.asarray(edge(x.astype(numpy.float32)), numpy.float64)
    found = [suggestion for name in library if (suggestion := _fitted(name, x, y)) is not None]
    return sorted(found, key=lambda each: max(1 - each.r2, _EXACT) * _WORTH ** -LIBRARY[each.name].complexity)


# The first search has so many values of a and of b; how often it is repeated around the best one, in a square of a fifth the width.
_SIDE, _ZOOMS, _SAMPLES = 41, 12, 60


def _fitted(name: str, x: numpy.ndarray, y: numpy.ndarray) -> Suggestion | None:
    """The best a, b, c and d for one function; None if it is not defined on the samples for any."""
    if y.std() <= 1e-12 * max(1.0, numpy.abs(y).max()):
        return Suggestion("x", 0.0, 0.0, 0.0, float(y.mean()), 1.0) if name == "x" else None
    middle, half = float(x.max() + x.min()) / 2, float(x.max() - x.min()) / 2
    few = numpy.unique(numpy.quantile(x, numpy.linspace(0, 1, _SAMPLES), method="nearest"))
    values = numpy.interp(few, *(array[numpy.argsort(x)] for array in (x, y)))
    t = (few - middle) / half
    best, wide = (1.0, 0.0), 10.0
    for _ in range(_ZOOMS if name != "x" else 0):  # every line is c x + d
        around = numpy.linspace(-wide, wide, _SIDE)
        a, b = (grid.ravel() for grid in numpy.meshgrid(best[0] + around, best[1] + around))
        place = _best_place(LIBRARY[name].value, a, b, t, values)
        if place is None:
            return None
        best, wide = (float(a[place]), float(b[place])), wide / 3
    with numpy.errstate(all="ignore"):
        g = LIBRARY[name].value(best[0] * (x - middle) / half + best[1])
    if not numpy.isfinite(g).all():
        return None
    c, d = numpy.polyfit(g, y, 1) if g.std() > 0 else (0.0, y.mean())
    r2 = 1 - float(((c * g + d - y) ** 2).mean() / y.var())
    return Suggestion(name, best[0] / half, best[1] - best[0] * middle / half, float(c), float(d), r2)


def _best_place(g: Callable, a: numpy.ndarray, b: numpy.ndarray, t: numpy.ndarray, y: numpy.ndarray) -> int | None:
    """The index of the (a, b) whose g(a t + b) has the largest correlation with y; None if none is defined on all t."""
    with numpy.errstate(all="ignore"):
        values = g(a[:, None] * t + b[:, None])
        values = values - values.mean(1, keepdims=True)
        size = (values**2).sum(1)
        score = (values @ (y - y.mean())) ** 2 / size
    score = numpy.where(numpy.isfinite(score) & (size > 1e-20), score, -1.0)
    place = int(score.argmax())
    return place if score[place] >= 0 else None


# -- The formula of a network --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Formula:
    """A network as a formula.

    text     for each output an expression that SymPy reads
    edges    the function of each edge that is left, by (layer, input, output)
    r2       of each output's formula against the targets, or else against the network, float64 [outputs]
    """

    text: tuple[str, ...]
    edges: dict[tuple[int, int, int], Suggestion]
    r2: numpy.ndarray[Any, Any]
    biases: tuple[numpy.ndarray[Any, Any], ...]

    def __call__(self, x: Any) -> numpy.ndarray[Any, Any]:
        """The outputs [n, outputs] of the formula, float64, for x [n, inputs]."""
        return _evaluated(self.edges, self.biases, numpy.asarray(x, numpy.float64))


def symbolic_formula(
    net: KAN,
    x: Any,
    y: Any = None,
    names: Sequence[str] | None = None,
    library: Sequence[str] = tuple(LIBRARY),
    digits: int = 4,
) -> Formula:
    """The formula of a KAN: every edge is replaced by the best function of the library on samples x [n, n_in].

    With targets y [n] or [n, outputs], all constants are then fitted to them by least squares (Levenberg-Marquardt). Prune the
    network first: an edge that does little gets a symbol too. `names` are those of the inputs, else x1, x2, ... Raises ValueError
    for a network with layer norms, and for a function that is not defined on the samples.

    >>> net = KAN.init(0, [1, 1])
    >>> formula = symbolic_formula(net, numpy.linspace(-1, 1, 50)[:, None], library=["x", "x^2", "x^3"])
    >>> formula.text[0].count("x1"), formula.r2.shape
    (1, (1,))
    """
    x = numpy.asarray(x, numpy.float64)
    inside, edges, biases = x, {}, []
    for number, layer in enumerate(net.layers):
        n_in, n_out = layer.alpha.shape[:2]
        out = numpy.zeros((len(x), n_out))
        for i, o in itertools.product(range(n_in), range(n_out)):
            if layer.mask is None or layer.mask[i][o]:
                edges[number, i, o] = suggest_symbolic(layer.edge(i, o), _spread(inside[:, i]), library)[0]
        biases.append(numpy.zeros(n_out) if layer.bias is None else numpy.asarray(layer.bias, numpy.float64))
        out = numpy.asarray(layer(inside.astype(numpy.float32)), numpy.float64)
        inside = out
    targets = inside if y is None else numpy.asarray(y, numpy.float64).reshape(len(x), -1)
    edges, biases = _refitted(edges, biases, x, targets)
    found = _evaluated(edges, biases, x)
    if not numpy.isfinite(found).all():
        raise ValueError("symbolic_formula: the formula is not defined on all samples; give a smaller library.")
    r2 = 1 - ((found - targets) ** 2).mean(0) / targets.var(0)
    inputs = x.shape[1]
    names = [f"x{i + 1}" for i in range(inputs)] if names is None else list(names)
    return Formula(_texts(edges, biases, names, digits), edges, r2, tuple(biases))


def _spread(column: numpy.ndarray) -> numpy.ndarray:
    """The column, if its numbers differ; else numbers around it."""
    return column if column.min() < column.max() else column[0] + numpy.linspace(-1, 1, 20)


def _evaluated(edges, biases, x: numpy.ndarray) -> numpy.ndarray:
    for number, bias in enumerate(biases):
        out = numpy.tile(bias, (len(x), 1))
        for (layer, i, o), suggestion in edges.items():
            if layer == number:
                out[:, o] += suggestion(x[:, i])
        x = out
    return x


def _packed(edges) -> numpy.ndarray:
    return numpy.array([[s.a, s.b, s.c, s.d] for s in edges.values()]).ravel()


def _unpacked(edges, constants: numpy.ndarray) -> dict:
    rows = constants.reshape(-1, 4).tolist()
    return {key: replace(s, a=a, b=b, c=c, d=d) for (key, s), (a, b, c, d) in zip(edges.items(), rows, strict=True)}


def _refitted(edges, biases, x, targets, steps: int = 60):
    """The edges with constants that are fitted to the targets by Levenberg-Marquardt; the former ones if that is no better."""
    constants, damping = _packed(edges), 1e-3

    def residual(constants):
        return (_evaluated(_unpacked(edges, constants), biases, x) - targets).ravel()

    now = residual(constants)
    if not numpy.isfinite(now).all():
        return edges, biases
    for _ in range(steps):
        moves = 1e-6 * numpy.maximum(1.0, numpy.abs(constants))
        columns = [(residual(constants + move) - now) / move.max() for move in numpy.diag(moves)]
        jacobian = numpy.nan_to_num(numpy.stack(columns, 1))
        normal, slope = jacobian.T @ jacobian, jacobian.T @ now
        for _ in range(8):
            damped = normal + damping * numpy.diag(numpy.diag(normal) + 1e-12)
            tried = constants - numpy.linalg.lstsq(damped, slope, rcond=None)[0]
            new = residual(tried)
            if numpy.isfinite(new).all() and new @ new < now @ now:
                constants, now, damping = tried, new, damping / 4
                break
            damping *= 4
        else:
            break
    return _unpacked(edges, constants), biases


def _texts(edges, biases, names: Sequence[str], digits: int) -> tuple[str, ...]:
    sums = [([(1.0, name)], 0.0) for name in names]
    for number, bias in enumerate(biases):
        following: list = [([], float(constant)) for constant in bias]
        for (layer, i, o), suggestion in edges.items():
            if layer == number:
                terms, constant = _after(suggestion, sums[i], digits)
                following[o] = (following[o][0] + terms, following[o][1] + constant)
        sums = following
    return tuple(_text(each, digits) for each in sums)


# A sum is a list of terms (coefficient, text) and a constant. Of a function, what can be is moved out of its argument.
_DEGREES = {"x^2": 2, "x^3": 3, "x^4": 4, "1/x": -1}


def _after(suggestion: Suggestion, argument: tuple, digits: int) -> tuple:
    """The sum that the function makes of a sum."""
    name, a, c, d = suggestion.name, suggestion.a, suggestion.c, suggestion.d
    terms = [(a * coefficient, text) for coefficient, text in argument[0]]
    constant = a * argument[1] + suggestion.b
    if name == "x" or not terms:
        return [(c * coefficient, text) for coefficient, text in terms], c * constant + d
    first = terms[0][0] or 1.0
    scale = 1.0
    if name in _DEGREES and len(terms) == 1:
        scale, c = first, c * first ** _DEGREES[name]
    elif name in ("sqrt", "log", "abs"):
        scale = abs(first)
        c, d = (c, d + c * math.log(scale)) if name == "log" else (c * (scale**0.5 if name == "sqrt" else scale), d)
    elif name in ("sin", "tanh", "gaussian") and first < 0:
        scale, c = -1.0, c if name == "gaussian" else -c
    elif name == "exp" and abs(constant) < 500:
        c, constant = c * math.exp(constant), 0.0
    terms, constant = [(coefficient / scale, text) for coefficient, text in terms], constant / scale
    if name == "sin":
        turns = round(constant / math.pi)
        c, constant = c * (-1) ** turns, constant - turns * math.pi
    return [(c, LIBRARY[name].text.format(_text((terms, constant), digits)))], d


def _text(total: tuple, digits: int) -> str:
    """The sum as text. What is zero, rounded beside the largest coefficient, is left out."""
    terms, constant = total
    largest = max((abs(coefficient) for coefficient, _ in terms), default=0.0)
    shown = lambda number: repr(float(f"{number:.{digits}g}"))
    parts = []
    for coefficient, text in terms:
        if abs(coefficient) > 10.0**-digits * largest:
            sign = {"1.0": "", "-1.0": "-"}.get(shown(coefficient), shown(coefficient) + "*")
            parts.append(sign + (f"({text})" if sign == "-" and not text.isidentifier() else text))
    if abs(constant) > 10.0**-digits * largest or not parts:
        parts.append(shown(constant))
    return " + ".join(parts).replace("+ -", "- ")


# -- What pruning costs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pruned:
    """A network that was pruned with a threshold, how many edges, units and inputs it has, and its loss."""

    threshold: float
    edges: int
    units: int
    inputs: int
    loss: float
    net: KAN


def pruning_costs(
    net: KAN, x: Any, y: Any, loss: Callable[..., Any], thresholds: Sequence[float] = (0.01, 0.03, 0.1, 0.2, 0.3)
) -> list[Pruned]:
    """What pruning costs: for each threshold the network of `KAN.prune` and its loss(net(x), y), the network itself first.

    Thresholds that prune all edges are left out. `units` are the hidden units that are left, and `inputs` those with an edge.

    >>> from kaf.train.losses import mean_squared_error
    >>> x = numpy.random.default_rng(0).normal(size=(50, 3))
    >>> costs = pruning_costs(KAN.init(0, [3, 4, 1]), x, x[:, 0], mean_squared_error)
    >>> costs[0].edges, costs[0].inputs, costs[-1].edges < 16
    (16, 3, True)
    """
    inputs = numpy.asarray(x, numpy.float32)
    found = []
    for threshold in (0.0, *thresholds):
        try:
            pruned = net.prune(inputs, threshold) if threshold else net
        except PrunedAway:  # larger thresholds prune no less
            break
        masks = [
            numpy.ones(layer.alpha.shape[:2], bool) if layer.mask is None else numpy.asarray(layer.mask)
            for layer in pruned.layers
        ]
        found.append(
            Pruned(
                threshold,
                edges=int(sum(mask.sum() for mask in masks)),
                units=sum(mask.shape[0] for mask in masks[1:]),
                inputs=int(masks[0].any(1).sum()),
                loss=float(loss(pruned(inputs), y)),
                net=pruned,
            )
        )
    return found
