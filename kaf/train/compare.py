"""For comparisons of activations: train one network from many seeds at once, and find networks with equally many parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import get_backend
from .loop import LOSSES, make_step
from .optim import Optimizer

# What a network of fixed activations has in common with the network of KAFs: the width of its layers, or about the number of
# its parameters.
EQUAL_WIDTH, EQUAL_PARAMETERS = "equal width", "equal params"


@dataclass(frozen=True, eq=False)
class SeedsResult:
    """The result of `fit_seeds`: one model whose arrays have a first axis for the seeds, and float32 losses [seeds, epochs]."""

    models: Any
    epoch_losses: numpy.ndarray


def fit_seeds(
    models: Sequence[Any],
    x: numpy.ndarray,
    y: numpy.ndarray,
    *,
    loss: str,
    epochs: int,
    batch_size: int,
    optimizer: Optimizer,
    seeds: Sequence[Any],
    l2_alpha: float = 0.0,
    callback: Callable[[int, float], Any] | None = None,
) -> SeedsResult:
    """Train one model for each seed, all at once: the step of `fit` under vmap.

    `models` holds one model for each seed; they differ only in the values of their arrays. Model i is trained on x[i] and
    y[i], x [seeds, n, ...] and y [seeds, n, ...], and seeds[i] shuffles its examples. A seed is a number or a tuple of numbers,
    as NumPy's generators take it. The chosen backend computes. `callback(epoch, loss)` gets the median loss of the seeds.

    >>> from kaf.layers import KAFNet
    >>> from kaf.train.optim import adam
    >>> x = numpy.linspace(-2, 2, 50, dtype="float32")[None, :, None].repeat(3, 0)
    >>> models = [KAFNet.init(seed, [1, 4, 1]) for seed in range(3)]
    >>> arguments = {"loss": "mean_squared_error", "epochs": 2, "batch_size": 25, "optimizer": adam(0.01)}
    >>> result = fit_seeds(models, x, x[..., 0] ** 2, seeds=range(3), **arguments)
    >>> result.epoch_losses.shape, result.models.layers[0].weight.shape
    ((3, 2), (3, 1, 4))
    """
    backend = get_backend()
    stack = lambda *leaves: backend.np.asarray(numpy.stack([numpy.asarray(leaf) for leaf in leaves]))
    values = backend.tree_util.tree_map(stack, *models)
    state = backend.vmap(optimizer.init)(values)
    step = backend.jit(backend.vmap(make_step(backend, lambda model: model, LOSSES[loss], optimizer, l2_alpha)))
    generators = [numpy.random.default_rng(seed) for seed in seeds]
    rows, history = numpy.arange(len(models))[:, None], []
    for epoch in range(epochs):
        order = numpy.stack([generator.permutation(x.shape[1]) for generator in generators])
        found, sizes = [], []
        for i in range(0, x.shape[1], batch_size):
            batch = order[:, i : i + batch_size]
            values, state, loss_now = step(values, state, x[rows, batch], y[rows, batch])
            found.append(loss_now)
            sizes.append(batch.shape[1])
        history.append(numpy.average([numpy.asarray(value) for value in found], axis=0, weights=sizes))
        if callback is not None:
            callback(epoch, float(numpy.median(history[-1])))
    epoch_losses = numpy.asarray(history, numpy.float32).reshape(epochs, len(models)).T
    return SeedsResult(values, epoch_losses)


def outputs_of_seeds(models: Any, x: numpy.ndarray) -> numpy.ndarray:
    """The outputs of the models of a `SeedsResult`, each for its own x [seeds, n, ...]: float32 [seeds, n, outputs]."""
    backend = get_backend()
    return numpy.asarray(backend.jit(backend.vmap(lambda model, x: model(x)))(models, x))


def parameters_of(sizes: Sequence[int]) -> int:
    """How many parameters linear layers of these sizes have, with their biases.

    >>> parameters_of([30, 20, 1])
    641
    """
    return sum((n_in + 1) * n_out for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True))


def nearest_units(inputs: int, units: Sequence[int], outputs: int, parameters: int) -> tuple[int, ...]:
    """Sizes of hidden layers, proportional to `units`, for a network whose number of parameters is closest to `parameters`.

    The network has fixed activations, `inputs` inputs and `outputs` outputs.

    >>> nearest_units(64, (48,), 10, 4570), nearest_units(2, (16, 8), 1, 1000)
    ((61,), (41, 20))
    """
    scaled = lambda first: tuple(max(1, round(first * width / units[0])) for width in units)
    count = lambda hidden: parameters_of([inputs, *hidden, outputs])
    low, high = 1, max(2, parameters)  # The first layer cannot have more units than there are parameters.
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(scaled(middle)) <= parameters else (low, middle)
    return min(scaled(low), scaled(high), key=lambda hidden: abs(count(hidden) - parameters))
