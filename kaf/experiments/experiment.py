"""An experiment compares networks of KAFs with networks of fixed activations, and tests claims about KAFs.

The networks are trained from several seeds. A seed determines the split of the data, the initial weights and the order of the
examples. The fixed activations are ReLU, tanh, ELU and GELU, at equal width and at equal parameter count. `table.py` has the
experiments, and `claims.py` the claims.
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
from ..train.compare import EQUAL_PARAMETERS, EQUAL_WIDTH, nearest_units, parameters_of
from ..train.loop import steps_per_epoch
from ..train.optim import adam, cosine_decay_schedule
from ..train.seeds import SeedsResult, fit_seeds, outputs_of_seeds
from .claims import Claim
from .data import Split

FIXED = {"ReLU": "relu", "tanh": "tanh", "ELU": "elu", "GELU": "gelu"}

# The distance between the keys of two starts from one seed.
_APART = 100_003


@dataclass(frozen=True)
class Network:
    """A network of an experiment: one row of its table.

    name         in the table
    activation   "kaf", or the name of a fixed activation
    l2_alpha     the weight of the sum of alpha^2 in the loss
    init         what KAFs start as (see `KAF.init`)
    starts       how often the network is trained from one seed; the model with the smallest training loss counts
    equal        what the network has in common with the KAF network: EQUAL_WIDTH or EQUAL_PARAMETERS; None for KAFs, and for
                 a fixed activation that is trained both ways
    units        how many hidden units; 0 until `networks` sets it
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
        """The name, and what is equal."""
        return self.name + (f", {self.equal}" if self.equal else "")


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of one network.

    parameters     how many parameters the network has
    scores         float64 [seeds], accuracies or R2 on the test examples
    epoch_losses   float32 [seeds, epochs]
    models         one model whose arrays have a first axis for the seeds
    """

    network: Network
    parameters: int
    scores: numpy.ndarray
    epoch_losses: numpy.ndarray
    models: Any


@dataclass(frozen=True, eq=False)
class Experiment:
    """Data, networks and claims.

    data     a function of the seed that returns a Split
    units    how many hidden units the networks of KAFs have
    kafs     the networks of KAFs
    fixed    the networks of fixed activations; each is trained at equal width and at equal parameters, unless its `equal` says
             which
    seeds    how many seeds by default
    failed   a score below this counts as a failure; None if failures are not counted
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
        """The name of the score."""
        return "R2" if self.loss == "mean_squared_error" else "accuracy"


# -- Running one -------------------------------------------------------------------------------------------------------


def networks(experiment: Experiment) -> list[Network]:
    """The networks of KAFs, then the fixed activations at equal width, then the fixed activations at equal parameters.

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
    """(inputs, outputs) of the networks. Two classes need one output.

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
    """Train one network from all seeds at once, on the chosen backend, and score it on the test examples."""
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
