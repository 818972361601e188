"""Training: mini-batches, a jitted step, and the same loss curve on both backends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy

from . import losses
from .backend import Backend, get_backend, get_tree_backend, use_backend
from .optim import Optimizer, adam, apply_updates

LOSSES = {
    "cross_entropy": losses.cross_entropy,
    "binary_cross_entropy": losses.binary_cross_entropy,
    "mean_squared_error": losses.mean_squared_error,
}


@dataclass(frozen=True, eq=False)
class TrainResult:
    """The trained model and how it got there.

    loss_curve    float32 [steps], the loss of each mini-batch before its step, with the l2 term
    epoch_losses  float32 [epochs], the means over the examples of each finished epoch
    seconds       of the whole training, compilation included
    interrupted   whether the user stopped it; the model is then that of the last finished step
    """

    model: Any
    loss_curve: numpy.ndarray
    epoch_losses: numpy.ndarray
    seconds: float
    interrupted: bool = False


def fit(
    model: Any,
    x: Any,
    y: Any,
    *,
    loss: str | Callable = "cross_entropy",
    epochs: int = 30,
    batch_size: int = 64,
    optimizer: Optimizer | None = None,
    seed: int = 0,
    backend: str | Backend | None = None,
    callback: Callable[[int, float], Any] | None = None,
    l2_alpha: float = 1e-4,
) -> TrainResult:
    """Train `model` on x [n, ...] and y [n, ...] to make loss(model(x), y) + l2_alpha * (sum of alpha^2) small.

    `loss` is a function of (outputs, targets) or a name in `LOSSES`; `optimizer` follows optax's convention (default:
    adam(5e-3)). The floating arrays among the leaves of the model are trained. A NumPy generator seeded with `seed`
    shuffles, so that both backends see the same batches; the last batch of an epoch may be smaller. `backend` carries
    the model over to a library; without it that of the model's arrays computes. `callback(epoch, loss)` is called after
    every epoch, counted from 0, with its mean loss. Ctrl-C ends the training; what was trained so far is returned.

    Raises ValueError for sizes that do not fit, and labels that are no class of the model.

    >>> from kaf.layers import KAFNet
    >>> x = numpy.linspace(-2, 2, 50, dtype="float32")[:, None]
    >>> result = fit(KAFNet.init(0, [1, 4, 1]), x, x[:, 0] ** 2, loss="mean_squared_error", epochs=20)
    >>> result.loss_curve.shape, bool(result.epoch_losses[-1] < result.epoch_losses[0])
    ((20,), True)
    """
    start = time.perf_counter()
    loss = _loss_function(loss)
    optimizer = adam(5e-3) if optimizer is None else optimizer
    backend = _choose(model, backend)
    x, y = _host(x), _host(y)
    _check_sizes(x, y, epochs, batch_size)
    with use_backend(backend.name):
        parameters = _Parameters(backend, model)
        values = parameters.values
        _check_labels(loss, parameters.model(values), x, y)
        step = _make_step(backend, parameters, loss, optimizer, l2_alpha)
        state = optimizer.init(values)
        curve, epoch_losses, interrupted = [], [], False
        try:
            for epoch, batches in enumerate(_epochs(len(x), epochs, batch_size, seed)):
                first = len(curve)
                for batch in batches:
                    values, state, value = step(values, state, x[batch], y[batch])
                    curve.append(value)
                # Only here is a number asked for: JAX computes ahead of Python until then.
                epoch_losses.append(_mean(curve[first:], batches))
                if callback is not None:
                    callback(epoch, epoch_losses[-1])
        except KeyboardInterrupt:
            interrupted = True
        return TrainResult(
            model=parameters.model(backend.block_until_ready(values)),
            loss_curve=numpy.asarray([float(value) for value in curve], numpy.float32),
            epoch_losses=numpy.asarray(epoch_losses, numpy.float32),
            seconds=time.perf_counter() - start,
            interrupted=interrupted,
        )


def _make_step(backend: Backend, parameters: _Parameters, loss: Callable, optimizer: Optimizer, l2_weight: float):
    def objective(values, x, y):
        model = parameters.model(values)
        value = loss(model(x), y)
        return value + l2_weight * losses.l2_alpha(model) if l2_weight else value

    @backend.jit
    def step(values, state, x, y):
        value, grads = backend.value_and_grad(objective)(values, x, y)
        updates, state = optimizer.update(grads, state, values)
        return apply_updates(values, updates), state, value

    return step


class _Parameters:
    """The floating arrays of a model, a list `values`; `model(values)` joins them with what is not trained."""

    def __init__(self, backend: Backend, model: Any):
        self.leaves, self.treedef = backend.tree_util.tree_flatten(model)
        self.unflatten = backend.tree_util.tree_unflatten
        self.where = [i for i, leaf in enumerate(self.leaves) if _is_floating(leaf)]
        # By way of NumPy: the leaves may be of the other library.
        self.values = [backend.np.asarray(_host(self.leaves[i])) for i in self.where]
        if not self.values:
            raise ValueError("fit: the model has no floating arrays, and so nothing to train.")

    def model(self, values: list) -> Any:
        leaves = list(self.leaves)
        for i, value in zip(self.where, values, strict=True):
            leaves[i] = value
        return self.unflatten(self.treedef, leaves)


def _is_floating(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and hasattr(leaf, "shape") and numpy.dtype(leaf.dtype).kind in "fV"


def _host(array: Any) -> numpy.ndarray:
    return numpy.asarray(array)


def _choose(model: Any, backend: str | Backend | None) -> Backend:
    if isinstance(backend, Backend):
        return backend
    if backend is None:
        return get_tree_backend(model)
    with use_backend(backend):
        return get_backend()


def _loss_function(loss: str | Callable) -> Callable:
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise ValueError(f"fit: no loss is named {loss!r}; choose one of {', '.join(LOSSES)}, or give a function.")
    return LOSSES[loss]


def _epochs(n: int, epochs: int, batch_size: int, seed: int) -> Iterator[list[numpy.ndarray]]:
    rng = numpy.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(n)
        yield [order[i : i + batch_size] for i in range(0, n, batch_size)]


def _mean(batch_losses: list, batches: list[numpy.ndarray]) -> float:
    return float(numpy.average([float(value) for value in batch_losses], weights=[len(batch) for batch in batches]))


def _check_sizes(x: numpy.ndarray, y: numpy.ndarray, epochs: int, batch_size: int) -> None:
    if not x.ndim or not y.ndim or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"fit: x and y must hold the same number of examples, one or more; shapes {x.shape} and {y.shape}."
        )
    if epochs < 0 or batch_size < 1:
        raise ValueError(f"fit: epochs must be at least 0 and batch_size at least 1; got {epochs} and {batch_size}.")


def _check_labels(loss: Callable, model: Any, x: numpy.ndarray, y: numpy.ndarray) -> None:
    if loss is not losses.cross_entropy or y.dtype.kind not in "iu":
        return
    classes = model(x[:1]).shape[-1]
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(f"fit: the model has {classes} classes; the labels run from {y.min()} to {y.max()}.")
