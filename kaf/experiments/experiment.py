"""An experiment says what kernel activation functions are good for, and what not: data, networks, claims.

It is trained from several seeds, which decide the split, the weights and the order of the examples, by KAF and by four
fixed activations: at equal width, and at equal parameter count. `table.py` has the experiments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy
from sklearn.metrics import accuracy_score, r2_score

from ..backend import get_backend
from ..functional.grid import Grid
from ..layers.plain import KAFNet
from ..train.compare import (
    EQUAL_PARAMETERS,
    EQUAL_WIDTH,
    SeedsResult,
    fit_seeds,
    nearest_units,
    outputs_of_seeds,
    parameters_of,
)
from ..train.loop import steps_per_epoch
from ..train.optim import adam, cosine_decay_schedule
from .claims import Claim
from .data import Split

FIXED = {"ReLU": "relu", "tanh": "tanh", "ELU": "elu", "GELU": "gelu"}

# Between the keys of two starts from one seed.
_APART = 100_003


@dataclass(frozen=True)
class Network:
    """One row of the table. `units` is 0 until `networks` has decided them.

    A KAF starts as `init` says (see `KAF.init`), with `l2_alpha` the weight of the sum of alpha^2 in the loss. Of several
    `starts` from one seed, the one of the smallest training loss counts.
    """

    name: str
    activation: str
    l2_alpha: float = 0.0
    init: str = "random"
    starts: int = 1
    equal: str | None = None
    units: int = 0

    @property
    def label(self) -> str:
        return self.name + (f", {self.equal}" if self.equal else "")


@dataclass(frozen=True, eq=False)
class Outcome:
    """scores float64 [seeds], accuracies or R2; `models` and `epoch_losses` [seeds, ...] as `fit_seeds` returns them."""

    network: Network
    parameters: int
    scores: numpy.ndarray
    epoch_losses: numpy.ndarray
    models: Any


@dataclass(frozen=True, eq=False)
class Experiment:
    """`data(seed)` is a Split; `kafs` are the rows of KAF, `fixed` those of fixed activations, trained at equal width and
    at equal parameters unless they say at which; where a score below `failed` is a failure, the table counts them.
    """

    title: str
    data: Callable[[int], Split]
    units: int
    loss: str
    epochs: int
    batch_size: int
    learning_rate: float
    claims: tuple[Claim, ...]
    kafs: tuple[Network, ...]
    fixed: tuple[Network, ...] = tuple(Network(name, activation) for name, activation in FIXED.items())
    seeds: int = 10
    failed: float | None = None

    @property
    def score(self) -> str:
        return "R2" if self.loss == "mean_squared_error" else "accuracy"


# -- Running one -------------------------------------------------------------------------------------------------------


def networks(experiment: Experiment) -> list[Network]:
    """KAF in its variants, the fixed activations of equal width, and those of as many parameters.

    >>> from kaf.experiments import EXPERIMENTS
    >>> [(n.label, n.units) for n in networks(EXPERIMENTS["moons"])][:2]
    [('KAF', 3), ('ReLU, equal width', 3)]
    """
    units = experiment.units
    inputs, outputs = sizes_of(experiment)
    count = parameters_of([inputs, units, outputs]) + units * Grid().size
    (widened,) = nearest_units(inputs, (units,), outputs, count)
    found = [replace(network, units=units) for network in experiment.kafs]
    for equal, width in ((EQUAL_WIDTH, units), (EQUAL_PARAMETERS, widened)):
        fixed = [network for network in experiment.fixed if network.equal in (None, equal)]
        found += [replace(network, units=width, equal=equal) for network in fixed]
    return found


def sizes_of(experiment: Experiment) -> tuple[int, int]:
    """Inputs and outputs: two classes need one output.

    >>> from kaf.experiments import EXPERIMENTS
    >>> sizes_of(EXPERIMENTS["digits"])
    (64, 10)
    """
    split = experiment.data(0)
    classes = len(numpy.unique(split.y)) if experiment.loss == "cross_entropy" else 1
    return split.x.shape[1], classes


def run(
    experiment: Experiment,
    network: Network,
    seeds: Sequence[int],
    callback: Callable[[int, float], Any] | None = None,
    epochs: int | None = None,
) -> Outcome:
    """Train one network from all seeds at once, on the chosen backend, and score it on what it has not seen."""
    splits = [experiment.data(seed) for seed in seeds]
    x, y, x_test, y_test = (
        numpy.stack([getattr(split, part) for split in splits]) for part in ("x", "y", "x_test", "y_test")
    )
    inputs, outputs = sizes_of(experiment)
    sizes = [inputs, network.units, outputs]
    epochs = experiment.epochs if epochs is None else epochs
    steps = epochs * steps_per_epoch(x.shape[1], experiment.batch_size)
    starts = [(seed, start) for seed in seeds for start in range(network.starts)]
    trained = fit_seeds(
        [KAFNet.init(seed + _APART * start, sizes, network.activation, init=network.init) for seed, start in starts],
        x.repeat(network.starts, 0),
        y.repeat(network.starts, 0),
        loss=experiment.loss,
        epochs=epochs,
        batch_size=experiment.batch_size,
        optimizer=adam(cosine_decay_schedule(experiment.learning_rate, steps)),
        seeds=starts,
        l2_alpha=network.l2_alpha,
        callback=callback,
    )
    models, epoch_losses = _best_starts(trained, network.starts)
    found = outputs_of_seeds(models, x_test)
    scores = numpy.array([_score(experiment, *pair) for pair in zip(y_test, found, strict=True)])
    parameters = parameters_of(sizes) + (network.units * Grid().size if network.activation == "kaf" else 0)
    return Outcome(network, parameters, scores, epoch_losses, models)


def _best_starts(trained: SeedsResult, starts: int) -> tuple[Any, numpy.ndarray]:
    last = trained.epoch_losses[:, -1].reshape(-1, starts)
    chosen = numpy.arange(len(last)) * starts + last.argmin(1)
    tree_map = get_backend().tree_util.tree_map
    return tree_map(lambda leaf: leaf[chosen], trained.models), trained.epoch_losses[chosen]


def _score(experiment: Experiment, y: numpy.ndarray, outputs: numpy.ndarray) -> float:
    if experiment.loss == "mean_squared_error":
        return r2_score(y, outputs[:, 0])
    return accuracy_score(y, outputs[:, 0] > 0 if outputs.shape[1] == 1 else outputs.argmax(1))
