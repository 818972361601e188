"""Symbolic regression: three formulas are found again from 1,000 points, by a KAN whose edges become known functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy

from ..functional.grid import Grid
from ..layers.kan import KAN
from ..train.loop import fit
from ..train.losses import sparsity
from ..train.optim import adam, cosine_decay_schedule
from ..train.symbolic import Formula, symbolic_formula

FORMULAS: dict[str, Callable[[numpy.ndarray], numpy.ndarray]] = {
    "exp(sin(pi*x1) + x2**2)": lambda x: numpy.exp(numpy.sin(numpy.pi * x[:, 0]) + x[:, 1] ** 2),
    "sqrt(x1**2 + x2**2)": lambda x: numpy.sqrt(x[:, 0] ** 2 + x[:, 1] ** 2),
    "tanh(2*x1 - x2)": lambda x: numpy.tanh(2 * x[:, 0] - x[:, 1]),
}

# A formula is found if it leaves less than this of the variance of fresh points.
FOUND = 1e-9
_STEPS, _RATE, _PENALTY, _THRESHOLD = 1500, 0.02, 1e-3, 0.05


@dataclass(frozen=True, eq=False)
class Attempt:
    """A network of one seed, its formula, and the share of the variance of 1,000 fresh points that the formula leaves."""

    seed: int
    net: KAN
    formula: Formula
    left: float

    @property
    def found(self) -> bool:
        """Whether the formula is the one that made the points, up to rounding."""
        return self.left < FOUND


def attempts(name: str, most: int = 5, first: int = 0, steps: int = _STEPS) -> Iterator[Attempt]:
    """Networks [2, 1, 1] from seeds `first`, ...: trained with a penalty, pruned, trained on, made a formula; until one is found.

    >>> attempt = next(attempts("tanh(2*x1 - x2)", steps=20))
    >>> attempt.seed, len(attempt.formula.text)
    (0, 1)
    """
    generator = numpy.random.default_rng(0)
    x = generator.uniform(-1, 1, (2000, 2))
    y = FORMULAS[name](x)
    points, targets = x[:1000].astype("float32"), y[:1000].astype("float32")
    for seed in range(first, first + most):
        net = KAN.init(seed, [2, 1, 1], Grid(8, 1.5)).update_grid(points)
        net = _trained(net, points, targets, _RATE, steps, lambda net: _PENALTY * sparsity(net)).prune(
            points, _THRESHOLD
        )
        net = _trained(net, points, targets, _RATE / 2, steps, None)
        formula = symbolic_formula(net, points, targets)
        with numpy.errstate(all="ignore"):
            left = float(numpy.mean((formula(x[1000:])[:, 0] - y[1000:]) ** 2) / y[1000:].var())
        attempt = Attempt(seed, net, formula, left if numpy.isfinite(left) else numpy.inf)
        yield attempt
        if attempt.found:
            return


def _trained(net: KAN, x: Any, y: Any, rate: float, steps: int, penalty: Callable | None) -> KAN:
    optimizer = adam(cosine_decay_schedule(rate, steps))
    whole = {"loss": "mean_squared_error", "epochs": steps, "batch_size": len(x), "l2_alpha": 0.0}
    return fit(net, x, y, optimizer=optimizer, penalty=penalty, **whole).model
