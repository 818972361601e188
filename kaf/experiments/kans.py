"""KANs beside networks with as many parameters: two formulas that are known to suit KANs, and handwritten digits, which do not.

All networks of a task make equally many steps of Adam, each with the learning rate that is best on validation examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy
from sklearn.datasets import load_digits

from ..functional.grid import Grid
from ..layers.kan import KAN
from ..layers.plain import KAFNet, num_parameters
from ..train.compare import nearest_units, parameters_of
from ..train.optim import adam
from ..train.seeds import fit_seeds, outputs_of_seeds
from .data import Split, bundled

RATES = (0.005, 0.01, 0.02, 0.05)


@dataclass(frozen=True)
class Examples:
    """A `Split`, and validation examples x_choice and y_choice by which the learning rate is chosen."""

    split: Split
    x_choice: numpy.ndarray
    y_choice: numpy.ndarray


def first_formula(x: numpy.ndarray) -> numpy.ndarray:
    """exp(sin(pi x1) + x2^2) for x [n, 2]."""
    return numpy.exp(numpy.sin(numpy.pi * x[:, 0]) + x[:, 1] ** 2)


def second_formula(x: numpy.ndarray) -> numpy.ndarray:
    """exp((sin(pi (x1^2 + x2^2)) + sin(pi (x3^2 + x4^2))) / 2) for x [n, 4]."""
    squares = x**2
    waves = numpy.sin(numpy.pi * (squares[:, :2].sum(1))) + numpy.sin(numpy.pi * squares[:, 2:].sum(1))
    return numpy.exp(waves / 2)


def _of_formula(formula: Callable, inputs: int) -> Callable[[int], Examples]:
    def data(seed: int) -> Examples:
        x = numpy.random.default_rng([seed, inputs]).uniform(-1, 1, (3000, inputs))
        y = formula(x).astype("float32")
        x = x.astype("float32")
        return Examples(Split(x[:1000], y[:1000], x[1000:2000], y[1000:2000]), x[2000:], y[2000:])

    return data


def _digits(seed: int) -> Examples:
    split = bundled(load_digits)(seed)
    held_out = len(split.x) // 5  # The rows were shuffled by the split.
    rest = Split(split.x[held_out:], split.y[held_out:], split.x_test, split.y_test)
    return Examples(rest, split.x[:held_out], split.y[:held_out])


@dataclass(frozen=True)
class Task:
    """What networks are compared on.

    sizes    of the KAN; the other networks have as many layers, and widths for about as many parameters
    limit    a score that the KAN should reach; None without
    """

    title: str
    data: Callable[[int], Examples]
    sizes: tuple[int, ...]
    loss: str
    epochs: int
    batch_size: int
    kans: dict[str, dict[str, Any]]
    limit: float | None = None

    @property
    def is_regression(self) -> bool:
        """Whether scores are root mean squared errors, not accuracies."""
        return self.loss == "mean_squared_error"


_FORMULA = {
    "loss": "mean_squared_error",
    "epochs": 1000,
    "batch_size": 1000,
    "kans": {"KAN": {}, "KAN, B-splines": {"bases": "bspline"}},
}
TASKS = {
    "first": Task("exp(sin(pi x1) + x2^2)", _of_formula(first_formula, 2), (2, 8, 8, 1), limit=0.0106, **_FORMULA),
    "second": Task(
        "exp((sin(pi (x1^2 + x2^2)) + sin(pi (x3^2 + x4^2))) / 2)",
        _of_formula(second_formula, 4),
        (4, 8, 8, 1),
        limit=0.024,
        **_FORMULA,
    ),
    "digits": Task(
        "handwritten digits",
        _digits,
        (64, 8, 10),
        loss="cross_entropy",
        epochs=56,  # of 18 steps
        batch_size=64,
        kans={"KAN": {}, "KAN, layer norm": {"norm": True}},
    ),
}


@dataclass(frozen=True, eq=False)
class Result:
    """A network of a task: the chosen learning rate, the scores [seeds] on test examples, and the models of all seeds."""

    network: str
    sizes: tuple[int, ...]
    parameters: int
    rate: float
    scores: numpy.ndarray
    models: Any


def networks(task: Task) -> dict[str, tuple[tuple[int, ...], Callable[[int], Any]]]:
    """(sizes, function of the seed that makes the network) of each network, by name.

    >>> {name: sizes for name, (sizes, _) in networks(TASKS["first"]).items()}["ReLU"]
    (2, 26, 26, 1)
    """
    inputs, *units, outputs = task.sizes
    kans = {name: (task.sizes, _maker(KAN, task.sizes, **options)) for name, options in task.kans.items()}
    parameters = num_parameters(kans["KAN"][1](0))
    # A KAF has a coefficient for each centre, beside its bias.
    widths = range(1, parameters)
    own = lambda width: parameters_of([inputs, *[width] * len(units), outputs]) + width * len(units) * Grid().size
    width = min(widths, key=lambda width: abs(own(width) - parameters))
    found = {"KAF": (inputs, *[width] * len(units), outputs)}
    equal = (inputs, *nearest_units(inputs, units, outputs, parameters), outputs)
    found |= {"ReLU": equal, "tanh": equal}
    makers = {
        name: (sizes, _maker(KAFNet, sizes, activation=name.lower(), **({"grid": Grid()} if name == "KAF" else {})))
        for name, sizes in found.items()
    }
    return kans | makers


def _maker(cls: type, sizes: Sequence[int], **options: Any) -> Callable[[int], Any]:
    return lambda seed: cls.init(seed, list(sizes), **options)


def run(
    task: Task,
    name: str,
    seeds: Sequence[int],
    callback: Callable[[int, float], Any] | None = None,
    rates: Sequence[float] = RATES,
) -> Result:
    """Train one network of a task from all seeds at once, with each learning rate, and score the best on the test examples."""
    sizes, make = networks(task)[name]
    examples = [task.data(seed) for seed in seeds]
    stack = lambda get: numpy.stack([get(each) for each in examples])
    best = None
    for number, rate in enumerate(rates):
        shown = (
            None
            if callback is None
            else lambda epoch, loss, number=number: callback(number * task.epochs + epoch, loss)
        )
        models = fit_seeds(
            [make(seed) for seed in seeds],
            stack(lambda each: each.split.x),
            stack(lambda each: each.split.y),
            loss=task.loss,
            epochs=task.epochs,
            batch_size=task.batch_size,
            optimizer=adam(rate),
            seeds=list(seeds),
            callback=shown,
        ).models
        chosen_by = _scores(task, models, stack(lambda each: each.x_choice), stack(lambda each: each.y_choice))
        median = float(numpy.median(chosen_by)) * (1 if task.is_regression else -1)
        if best is None or median < best[0]:
            best = (median, rate, models)
    _, rate, models = best
    scores = _scores(task, models, stack(lambda each: each.split.x_test), stack(lambda each: each.split.y_test))
    return Result(name, sizes, num_parameters(make(0)), rate, scores, models)


def _scores(task: Task, models: Any, x: numpy.ndarray, y: numpy.ndarray) -> numpy.ndarray:
    outputs = outputs_of_seeds(models, x).astype(numpy.float64)
    if task.is_regression:
        return numpy.sqrt(((outputs[..., 0] - y) ** 2).mean(1))
    return (outputs.argmax(-1) == y).mean(1)


def shortened(task: Task, epochs: int) -> Task:
    """The task with another number of epochs."""
    return replace(task, epochs=epochs)
