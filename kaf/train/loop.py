"""The training loop: mini-batches, a jitted step, validation and checkpoints, with the same loss curve on both backends."""

from __future__ import annotations

import inspect
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy

from ..backend import Backend, get_backend, get_tree_backend, library_of, use_backend
from . import checkpoint as checkpoints
from . import losses
from .checkpoint import Checkpoint
from .examples import Examples, hold_out
from .optim import Optimizer, adam, apply_updates
from .parallel import placement

LOSSES = {
    "cross_entropy": losses.cross_entropy,
    "binary_cross_entropy": losses.binary_cross_entropy,
    "mean_squared_error": losses.mean_squared_error,
}

# How many examples of the validation data are evaluated at a time.
_EVALUATED = 1024

# Without a number of epochs, the validation loss ends the training: the share of the examples that are held out, the most epochs,
# and the patience in epochs and in steps, of which the longer counts.
HELD_OUT, MOST_EPOCHS, PATIENCE, PATIENT_STEPS = 0.1, 1000, 20, 400


@dataclass(frozen=True, eq=False)
class TrainResult:
    """The trained model, and the course of the training.

    model              the trained model
    loss_curve         float32 [steps], the loss of each mini-batch before its step, without the l2 term
    epoch_losses       float32 [epochs], the mean over the examples of each finished epoch
    seconds            the time of the whole training, with compilation, and with the time before it was resumed
    interrupted        whether Ctrl-C ended the training; the model is then that of the last finished step
    validation_losses  float32 [epochs]; [0] without validation
    best_epoch         the epoch, counted from 0, of the smallest validation loss; None without validation
    stopped_early      whether `patience` ended the training
    """

    model: Any
    loss_curve: numpy.ndarray[Any, Any]
    epoch_losses: numpy.ndarray[Any, Any]
    seconds: float
    interrupted: bool = False
    validation_losses: numpy.ndarray[Any, Any] = field(default_factory=lambda: numpy.zeros(0, numpy.float32))
    best_epoch: int | None = None
    stopped_early: bool = False


def fit(
    model: Any,
    x: Any,
    y: Any,
    *,
    loss: str | Callable[..., Any] = "cross_entropy",
    epochs: int | None = None,
    batch_size: int = 64,
    optimizer: Optimizer | None = None,
    seed: int = 0,
    backend: str | Backend | None = None,
    callback: Callable[..., Any] | None = None,
    l2_alpha: float = 1e-4,
    penalty: Callable[[Any], Any] | None = None,
    validation: float | tuple[Any, Any] | None = None,
    patience: int | None = None,
    checkpoint: str | Path | Checkpoint | None = None,
    mesh: Any | None = None,
) -> TrainResult:
    """Train `model` on x [n, ...] and y [n, ...] to make loss(model(x), y) + l2_alpha * (sum of alpha^2) small.

    `loss` is a function of (outputs, targets) or a name in `LOSSES`. `optimizer` follows optax's convention; the default is
    adam(5e-3). It may be one of optax, also `optax.lbfgs()`, whose line search needs the same examples in every step:
    batch_size=len(x). On minijax, import optax within `with minijax.as_jax():`. The leaves of the model that are floating
    arrays are trained; the optimizer sees the model with None in place of the other leaves. A NumPy generator seeded with
    `seed` shuffles the examples, so both backends see the same batches. The last batch of an epoch may be smaller. `backend` is
    the library that computes, and the model is converted to it; by default it is the library of the model's arrays.

    `validation` is (x, y), or the share of the examples to hold out, which are drawn by `seed`. With `patience`, training
    ends when that many epochs in a row have not lowered the validation loss, and the model of the best epoch is returned.
    Without `epochs` the training ends so, after 1000 epochs at the latest: if no validation is given, 10 % of the examples are
    held out, and the patience is by default 20 epochs, or as many more as 400 steps take.
    `callback(epoch, loss)` is called after every epoch, counted from 0, with the mean loss of the epoch; with validation, the
    validation loss is a third argument. Ctrl-C ends the training, and the model of the last finished step is returned.

    `checkpoint` is a file, or a `Checkpoint`. The state of the training is written there. If the file exists, the training
    continues from it, and the result is bit for bit the same as without the stop, even after SIGKILL; only `epochs` may
    differ. If the first writing fails, OSError is raised; if a later one fails, a CheckpointWarning is given.

    `mesh` is a `jax.sharding.Mesh`, for example `kaf.parallel.data_mesh(8)`. Each batch is shared among its devices; the losses
    differ only by rounding. Only JAX can do this. If several processes train together, all of them must pass the same
    arguments; the first one writes the checkpoint, and all of them must be able to read it.

    Raises ValueError for sizes that do not fit, for numbers that are not finite, for labels that are not classes of the model,
    and for an optimizer of JAX's optax on minijax. Raises CheckpointError, a ValueError, for a checkpoint that cannot be read
    or belongs to another training. Raises ParallelError, a ValueError, for a mesh with minijax, and for a batch size that the
    number of devices does not divide.

    >>> from kaf.layers import KAFNet
    >>> x = numpy.linspace(-2, 2, 50, dtype="float32")[:, None]
    >>> result = fit(KAFNet.init(0, [1, 4, 1]), x, x[:, 0] ** 2, loss="mean_squared_error", epochs=20, validation=0.2)
    >>> result.loss_curve.shape, bool(result.validation_losses[-1] < result.validation_losses[0])
    ((20,), True)
    >>> fit(KAFNet.init(0, [1, 4, 1]), x, x[:, 0] ** 2, loss="mean_squared_error", callback=lambda *_: None).best_epoch > 20
    True
    """
    start = time.perf_counter()
    loss = _loss_function(loss)
    backend = _choose(model, backend)
    examples = Examples(_host(x), _host(y))
    held_out = None
    epochs, validation, patience = stopping(len(examples), batch_size, epochs, validation, patience)
    _check_settings(epochs, batch_size, validation, patience)
    if validation is not None:
        examples, held_out = hold_out(examples, validation, seed)
    place = placement(backend, mesh)
    place.check_batch(batch_size)
    with use_backend(backend.name):
        machine = _Machine(
            backend, place, model, loss, adam(5e-3) if optimizer is None else optimizer, l2_alpha, penalty
        )
        for part in filter(None, (examples, held_out)):
            _check_labels(loss, machine.model(machine.values), part)
        training = _Training(machine, examples, held_out, epochs, batch_size, seed, patience, callback)
        settings = {}
        if checkpoint is not None or mesh is not None:
            settings = _settings(loss, l2_alpha, batch_size, seed, patience, examples, held_out)
            settings |= {} if penalty is None else {"penalty": getattr(penalty, "__qualname__", type(penalty).__name__)}
        place.agree(json.dumps([settings, epochs]), "arguments and data")
        if checkpoint is not None:
            training.keep_in(checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint), settings)
        return training.run(start)


def mean_of_chunks(evaluate: Callable[[numpy.ndarray], Any], examples: int) -> Any:
    """The mean of `evaluate` over all examples. It gets the numbers of some of them at a time, and returns their mean."""
    chunks = [numpy.arange(i, min(i + _EVALUATED, examples)) for i in range(0, examples, _EVALUATED)]
    return numpy.average([evaluate(chunk) for chunk in chunks], axis=0, weights=[len(chunk) for chunk in chunks])


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """How many mini-batches, and so how many steps, an epoch has. Schedules of the learning rate count steps.

    >>> steps_per_epoch(130, 50)
    3
    """
    return -(-examples // batch_size)


def stopping(
    examples: int, batch_size: int, epochs: int | None, validation: Any, patience: int | None
) -> tuple[int, Any, int | None]:
    """(epochs, validation, patience) of a training: as given, or without epochs those of early stopping.

    >>> stopping(1000, 50, 40, None, None), stopping(1000, 50, None, None, None), stopping(50, 50, None, 0.5, None)
    ((40, None, None), (1000, 0.1, 23), (1000, 0.5, 400))
    """
    if epochs is not None:
        return epochs, validation, patience
    validation = HELD_OUT if validation is None else validation
    if patience is None:
        share = validation if isinstance(validation, float) and 0 < validation < 1 else 0.0
        steps = steps_per_epoch(max(1, examples - round(share * examples)), max(1, batch_size))
        patience = max(PATIENCE, -(-PATIENT_STEPS // steps))
    return MOST_EPOCHS, validation, patience


# -- What computes -----------------------------------------------------------------------------------------------------


class _Machine:
    """The compiled step and the compiled evaluation. `values` is the model with None in place of leaves that are not trained."""

    def __init__(
        self, backend, place, model: Any, loss: Callable, optimizer: Optimizer, l2_weight: float, penalty=None
    ):
        self.backend, self.place, self.optimizer = backend, place, optimizer
        self._leaves, self._treedef = backend.tree_util.tree_flatten(model)
        self._where = [i for i, leaf in enumerate(self._leaves) if _is_floating(leaf)]
        if not self._where:
            raise ValueError("fit: the model has no floating arrays, and so nothing to train.")
        # Through NumPy, because the leaves may be arrays of the other library.
        self.values = self._tree([backend.np.asarray(_host(self._leaves[i])) for i in self._where], {})
        self._step = place.jit(backend, make_step(backend, self.model, loss, optimizer, l2_weight, penalty))
        self._evaluate = place.jit(backend, lambda values, x, y: loss(self.model(values)(x), y))

    def initial_state(self) -> Any:
        """The optimizer's state before the first step. Raises ValueError if its arrays are not the backend's own."""
        state = self.optimizer.init(self.values)
        leaves = self.backend.tree_util.tree_leaves(state)
        if any(library_of(leaf) not in (None, self.backend.name) for leaf in leaves):
            raise ValueError(
                f"fit: this optimizer is optax's, which computes with JAX, and {self.backend.name} computes here: import optax "
                "within `with minijax.as_jax():`, or give backend='jax', or an optimizer of kaf.optim."
            )
        return state

    def step(self, values: Any, state: Any, x: numpy.ndarray, y: numpy.ndarray) -> tuple[Any, Any, Any]:
        """One step on the batch (x, y): the new values and state, and the loss before the step."""
        return self._step(values, state, self.place.batch(x), self.place.batch(y))

    def evaluate(self, values: Any, x: numpy.ndarray, y: numpy.ndarray) -> Any:
        """The loss on (x, y), without a step and without the l2 term."""
        return self._evaluate(values, self.place.batch(x), self.place.batch(y))

    def trained(self, values: Any) -> Any:
        """The model for the user, with all its leaves. Its arrays are on one device again."""
        leaves = self.backend.tree_util.tree_leaves(self.backend.block_until_ready(values))
        return self._tree([self.backend.np.asarray(_host(leaf)) for leaf in leaves], dict(enumerate(self._leaves)))

    def model(self, values: Any) -> Any:
        """The model with these values, and with the leaves that are not trained."""
        return self._tree(self.backend.tree_util.tree_leaves(values), dict(enumerate(self._leaves)))

    def _tree(self, trained: list, others: dict[int, Any]) -> Any:
        leaves = {**others, **dict(zip(self._where, trained, strict=True))}
        return self.backend.tree_util.tree_unflatten(self._treedef, [leaves.get(i) for i in range(len(self._leaves))])


def make_step(
    backend: Backend,
    model: Callable,
    loss: Callable,
    optimizer: Optimizer,
    l2_weight: float,
    penalty: Callable | None = None,
) -> Callable:
    """A training step, not jitted: step(values, state, x, y) -> (values, state, loss). The loss is without the l2 term.

    `model` makes a callable model from the values, and the step calls it on x. `l2_weight` is the weight of the sum of
    alpha^2 in the loss, and `penalty` a function of the model that is added to it.

    >>> from kaf.layers import KAFNet
    >>> from kaf.train.optim import sgd
    >>> net, optimizer = KAFNet.init(0, [2, 3, 1]), sgd(0.1)
    >>> step = make_step(get_backend(), lambda net: net, losses.mean_squared_error, optimizer, l2_weight=0.0)
    >>> _, _, loss = step(net, optimizer.init(net), numpy.ones((4, 2), "float32"), numpy.zeros(4, "float32"))
    >>> loss.shape
    ()
    """

    # Optimizers of optax that search along a line, as L-BFGS, ask for the objective too. Others of optax ignore it.
    parameters = inspect.signature(optimizer.update).parameters.values()
    searches = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)

    def objective(values, x, y):
        made = model(values)
        value = loss(made(x), y)
        whole = value + l2_weight * losses.l2_alpha(made) if l2_weight else value
        return (whole if penalty is None else whole + penalty(made)), value

    def step(values, state, x, y):
        # What is reported is the loss of the data: with the l2 term it could not be compared with that of other networks.
        (whole, value), grads = backend.value_and_grad(objective, has_aux=True)(values, x, y)
        more = {"value": whole, "grad": grads, "value_fn": lambda values: objective(values, x, y)[0]}
        updates, state = optimizer.update(grads, state, values, **(more if searches else {}))
        return apply_updates(values, updates), state, value

    return step


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
        raise ValueError(f"fit: there is no loss {loss!r}; choose one of {', '.join(LOSSES)}, or pass a function.")
    return LOSSES[loss]


# -- The loop ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Best:
    loss: float
    epoch: int
    values: Any


@dataclass(frozen=True, eq=False)
class _Moment:
    """The state of a training between two steps.

    A _Moment is never changed, only replaced, so Ctrl-C can never leave one that is half old and half new. `generator` is the
    state of the NumPy generator before it shuffled this epoch.
    """

    values: Any
    state: Any
    epoch: int
    batch: int
    generator: dict
    best: _Best | None = None


class _Training(checkpoints.Kept):
    """A training that runs: where it is (`now`), and the losses so far."""

    def __init__(self, machine, examples, held_out, epochs, batch_size, seed, patience, callback):
        self.machine, self.examples, self.held_out = machine, examples, held_out
        self.epochs, self.batch_size, self.patience, self.callback = epochs, batch_size, patience, callback
        self.per_epoch = steps_per_epoch(len(examples), batch_size)
        generator = numpy.random.default_rng(seed).bit_generator.state
        values, state = map(machine.place.whole, (machine.values, machine.initial_state()))
        self.now = _Moment(values, state, 0, 0, generator)
        # These lists may be longer than `now` says, if Ctrl-C came between appending a loss and replacing `now`. The
        # additional losses are ignored.
        self.curve, self.epoch_losses, self.validation_losses = [], [], []
        self.checkpoint, self.settings, self.seconds_before = None, {}, 0.0

    def run(self, start: float) -> TrainResult:
        """Train until the last epoch, until `patience` ends it, or until Ctrl-C. `start` is the time when `fit` was called."""
        interrupted = False
        self.start = self.written = start
        if self.checkpoint is not None:
            self._write()  # If the file cannot be written, the user should know now, not after hours.
        try:
            while self.now.epoch < self.epochs and not self._out_of_patience():
                self._run_epoch()
        except KeyboardInterrupt:
            interrupted = True
        self._try_to_write()
        now = self.now
        values = now.best.values if self.patience is not None and now.best is not None else now.values
        return TrainResult(
            model=self.machine.trained(values),
            loss_curve=self._losses(self.curve, now.epoch * self.per_epoch + now.batch),
            epoch_losses=self._losses(self.epoch_losses, now.epoch),
            seconds=self._seconds(),
            interrupted=interrupted,
            validation_losses=self._losses(self.validation_losses, now.epoch),
            best_epoch=None if now.best is None else now.best.epoch,
            stopped_early=self._out_of_patience(),
        )

    def _out_of_patience(self) -> bool:
        best = self.now.best
        return self.patience is not None and best is not None and self.now.epoch - 1 - best.epoch >= self.patience

    def _run_epoch(self) -> None:
        generator = numpy.random.default_rng()
        generator.bit_generator.state = self.now.generator
        order = generator.permutation(len(self.examples))
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        for batch in batches[self.now.batch :]:
            values, state, loss = self.machine.step(self.now.values, self.now.state, *self.examples[batch])
            self.curve.append(loss)
            self.now = replace(self.now, values=values, state=state, batch=self.now.batch + 1)
            self._write_if_due()
        self._end_epoch(generator.bit_generator.state, [len(batch) for batch in batches])

    def _end_epoch(self, generator: dict, sizes: list[int]) -> None:
        # float() waits for the result of JAX. Only here, at the end of an epoch, does Python wait.
        self.curve[-len(sizes) :] = [float(loss) for loss in self.curve[-len(sizes) :]]
        reported = [float(numpy.average(self.curve[-len(sizes) :], weights=sizes))]
        best = self.now.best
        if self.held_out is not None:
            reported.append(self._validation_loss())
            if best is None or reported[1] < best.loss:
                best = _Best(reported[1], self.now.epoch, self.now.values if self.patience is not None else ())
        self.epoch_losses.append(reported[0])
        self.validation_losses.extend(reported[1:])
        epoch = self.now.epoch
        self.now = replace(self.now, epoch=epoch + 1, batch=0, generator=generator, best=best)
        if self.callback is not None:
            self.callback(epoch, *reported)

    def _validation_loss(self) -> float:
        evaluate = lambda rows: float(self.machine.evaluate(self.now.values, *self.held_out[rows]))
        return float(mean_of_chunks(evaluate, len(self.held_out)))

    def _losses(self, history: list, count: int) -> numpy.ndarray:
        return numpy.asarray([float(loss) for loss in history[:count]], numpy.float32)

    def _seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self.start

    # -- Checkpoints -----------------------------------------------------------------------------------------------

    def keep_in(self, checkpoint: Checkpoint, settings: dict) -> None:
        """Write checkpoints to this file from now on. If the file exists, first continue from it."""
        self.checkpoint, self.settings = checkpoint, settings | checkpoint.about
        there = Path(checkpoint.path).exists()
        if there:
            self._resume(checkpoint.path)
        found = f"{self.now.epoch} {self.now.batch}" if there else "none"
        self.machine.place.agree(found, f"checkpoint: {checkpoint.path} must be in a directory that all of them see")

    def _write(self) -> None:
        if not self.machine.place.main:
            return
        now, leaves = self.now, self.machine.backend.tree_util.tree_leaves
        best = now.best
        state = {
            "epoch": now.epoch,
            "batch": now.batch,
            "generator": now.generator,
            "seconds": self._seconds(),
            "best": None if best is None else {"loss": best.loss, "epoch": best.epoch},
        }
        trees = {
            "values": now.values,
            "optimizer's state": now.state,
            "best values": () if best is None else best.values,
        }
        arrays = {
            "curve": self._losses(self.curve, now.epoch * self.per_epoch + now.batch),
            "epoch_losses": numpy.asarray(self.epoch_losses[: now.epoch], numpy.float64),
            "validation_losses": numpy.asarray(self.validation_losses[: now.epoch], numpy.float64),
        }
        trees = {name: [_host(leaf) for leaf in leaves(tree)] for name, tree in trees.items()}
        checkpoints.write(self.checkpoint.path, checkpoints.Saved(state, self.settings, trees, arrays))

    def _resume(self, path: str | Path) -> None:
        with checkpoints.reading(path) as saved:
            checkpoints.require_same(path, saved.settings, self.settings)
            self._require_whole(saved)
            self._continue_from(path, saved)

    def _continue_from(self, path: str | Path, saved: checkpoints.Saved) -> None:
        state, best = saved.state, saved.state["best"]
        if (state["epoch"], state["batch"]) > (self.epochs, 0):
            raise checkpoints.CheckpointError(
                f"{path} holds a training of {state['epoch']} epochs and {state['batch']} batches, which is more than "
                f"epochs={self.epochs}. Ask for more epochs, or remove the file to start anew."
            )
        values = self._restored(saved, "values", self.now.values)
        kept = values if best is not None and self.patience is not None else ()
        self.now = _Moment(
            values,
            self._restored(saved, "optimizer's state", self.now.state),
            state["epoch"],
            state["batch"],
            state["generator"],
            None if best is None else _Best(**best, values=self._restored(saved, "best values", kept)),
        )
        self.curve, self.epoch_losses, self.validation_losses = (
            saved.arrays[name].read().tolist() for name in ("curve", "epoch_losses", "validation_losses")
        )
        self.seconds_before = state["seconds"]

    def _require_whole(self, saved: checkpoints.Saved) -> None:
        """Raise an error unless a training can be in the saved state. An edited file must not train on silently."""
        state, best, epoch = saved.state, saved.state["best"], saved.state["epoch"]
        validations = 0 if self.held_out is None else epoch
        _require_count("epoch", epoch)
        _require_count("batch", state["batch"], self.per_epoch)
        if not 0 <= state["seconds"] < math.inf:
            raise ValueError("seconds is not a time")
        numpy.random.default_rng().bit_generator.state = state["generator"]
        if (best is None) != (validations == 0):
            raise ValueError("a best epoch is there if and only if there are validation losses")
        if best is not None:
            _require_count("best epoch", best["epoch"], epoch - 1)
            if set(best) != {"loss", "epoch"} or type(best["loss"]) is not float:
                raise ValueError("best is not a loss and an epoch")
        lengths = {
            "curve": epoch * self.per_epoch + state["batch"],
            "epoch_losses": epoch,
            "validation_losses": validations,
        }
        for name, length in lengths.items():
            if saved.arrays[name].shape != (length,) or saved.arrays[name].dtype.kind != "f":
                raise ValueError(f"{name} is not {length} floats")
        if set(saved.trees) != {"values", "optimizer's state", "best values"}:
            raise ValueError("a tree is missing, or nobody knows it")

    def _restored(self, saved: checkpoints.Saved, name: str, like: Any) -> Any:
        backend = self.machine.backend
        leaves, treedef = backend.tree_util.tree_flatten(like)
        found = checkpoints.restored(self.checkpoint.path, name, saved.trees[name], leaves)
        found = [backend.np.asarray(leaf) for leaf in found]
        return self.machine.place.whole(backend.tree_util.tree_unflatten(treedef, found))


def _require_count(name: str, value: Any, most: float = math.inf) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name} is {value!r}, which is not a count")


def _settings(loss, l2_alpha, batch_size, seed, patience, examples, held_out) -> dict[str, Any]:
    return {
        "loss": getattr(loss, "__qualname__", type(loss).__name__),
        "l2_alpha": l2_alpha,
        "batch_size": batch_size,
        "seed": seed,
        "patience": patience,
        "the data": examples.digest(),
        "the validation data": None if held_out is None else held_out.digest(),
    }


# -- Checks ------------------------------------------------------------------------------------------------------------


def _check_settings(epochs: int, batch_size: int, validation: Any, patience: int | None) -> None:
    if epochs < 0 or batch_size < 1:
        raise ValueError(f"fit: epochs must be at least 0 and batch_size at least 1; got {epochs} and {batch_size}.")
    pair = isinstance(validation, tuple) and len(validation) == 2
    if validation is not None and not pair and not (isinstance(validation, (int, float)) and 0 < validation < 1):
        raise ValueError(f"fit: validation must be a share between 0 and 1, or examples (x, y); it is {validation!r}.")
    if patience is not None and validation is None:
        raise ValueError("fit: patience needs a validation loss; give validation=0.2, or validation=(x, y).")
    if patience is not None and patience < 1:
        raise ValueError(f"fit: patience must be a number of epochs, at least 1; it is {patience}.")


def _check_labels(loss: Callable, model: Any, examples: Examples) -> None:
    y = examples.y
    if loss is not losses.cross_entropy or y.dtype.kind not in "iu":
        return
    classes = model(examples.x[:1]).shape[-1]
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(f"fit: the model has {classes} classes; the labels run from {y.min()} to {y.max()}.")
