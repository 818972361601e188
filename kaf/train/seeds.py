"""Train one network from many seeds at once: the step of `fit` under vmap. Each seed has its own examples, order and end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy

from ..backend import get_backend
from . import checkpoint as checkpoints
from .checkpoint import Checkpoint
from .examples import Examples, hold_out
from .loop import LOSSES, TrainResult, make_step, mean_of_chunks
from .optim import Optimizer


@dataclass(frozen=True, eq=False)
class SeedsResult:
    """The result of `fit_seeds`.

    models             one model whose arrays have a first axis for the seeds, NumPy arrays
    loss_curve         float32 [steps, seeds]; NaN after the end of a seed
    epoch_losses       float32 [seeds, epochs]; NaN after the end of a seed
    validation_losses  float32 [seeds, epochs]; [seeds, 0] without validation
    best_epochs        int [seeds], of the smallest validation losses; None without validation
    ends               int [seeds], how many epochs each seed was trained
    seconds            the time of the whole training of all seeds
    interrupted        whether Ctrl-C ended the training, after the last finished epoch
    """

    models: Any
    loss_curve: numpy.ndarray
    epoch_losses: numpy.ndarray
    validation_losses: numpy.ndarray
    best_epochs: numpy.ndarray | None
    ends: numpy.ndarray
    seconds: float
    interrupted: bool = False

    def of(self, i: int) -> TrainResult:
        """The result of one seed, as `fit` returns it; its time is its share of the whole."""
        backend, end = get_backend(), int(self.ends[i])
        per_epoch = len(self.loss_curve) // max(1, self.epoch_losses.shape[1])
        validated = self.validation_losses[i, :end]
        return TrainResult(
            model=backend.tree_util.tree_map(lambda leaf: backend.np.asarray(leaf[i]), self.models),
            loss_curve=self.loss_curve[: end * per_epoch, i],
            epoch_losses=self.epoch_losses[i, :end],
            seconds=self.seconds / len(self.ends),
            interrupted=self.interrupted,
            validation_losses=validated,
            best_epoch=None if self.best_epochs is None else int(self.best_epochs[i]),
            stopped_early=end < self.epoch_losses.shape[1],
        )


def fit_seeds(
    models: Sequence[Any],
    x: numpy.ndarray,
    y: numpy.ndarray,
    *,
    loss: str,
    epochs: int | Sequence[int],
    batch_size: int,
    optimizer: Optimizer,
    seeds: Sequence[Any],
    l2_alpha: float = 0.0,
    validation: float | tuple[numpy.ndarray, numpy.ndarray] | None = None,
    patience: int | None = None,
    together: int = 1,
    callback: Callable[..., Any] | None = None,
    checkpoint: Checkpoint | None = None,
) -> SeedsResult:
    """Train one model for each seed, all at once: each as `fit` would, up to rounding.

    `models` holds one model for each seed; they differ only in the values of their arrays. Model i is trained on x[i] and
    y[i], x [seeds, n, ...] and y [seeds, n, ...], for epochs[i] epochs, and seeds[i] shuffles its examples. A seed is a number or a
    tuple of numbers, as NumPy's generators take it. `validation` and `patience` are those of `fit`, for each seed by itself: a
    share, or arrays with a first axis for the seeds. `together` seeds at a time have the mean of their validation losses in
    common, and end together. The chosen backend computes; when half of the seeds have ended, it goes on without them.

    `callback(epoch, loss)` gets the median loss of the seeds that still train, and with validation that of their validation losses.
    `checkpoint` is as in `fit`, and the training continues after the last epoch that was written. Raises the errors of `fit`.

    >>> from kaf.layers import KAFNet
    >>> from kaf.train.optim import adam
    >>> x = numpy.linspace(-2, 2, 50, dtype="float32")[None, :, None].repeat(3, 0)
    >>> models = [KAFNet.init(seed, [1, 4, 1]) for seed in range(3)]
    >>> arguments = {"loss": "mean_squared_error", "epochs": 2, "batch_size": 25, "optimizer": adam(0.01)}
    >>> result = fit_seeds(models, x, x[..., 0] ** 2, seeds=range(3), **arguments)
    >>> result.epoch_losses.shape, result.models.layers[0].weight.shape
    ((3, 2), (3, 1, 4))
    """
    pairs = [(Examples(*each), None) for each in zip(x, y, strict=True)]
    if validation is not None:
        shares = zip(*validation, strict=True) if isinstance(validation, tuple) else [validation] * len(models)
        each = zip(pairs, shares, seeds, strict=True)
        pairs = [hold_out(examples, share, seed) for (examples, _), share, seed in each]
    most = numpy.broadcast_to(numpy.asarray(epochs), (len(models),))
    step = (LOSSES[loss], optimizer, l2_alpha)
    training = _Training(models, pairs, step, most, batch_size, seeds, patience, together, callback)
    if checkpoint is not None:
        settings = {
            "loss": loss,
            "l2_alpha": l2_alpha,
            "batch_size": batch_size,
            "seeds": list(seeds),
            "patience": patience,
        }
        settings["the data"] = checkpoints.digest(numpy.asarray(x), numpy.asarray(y))
        held_out = checkpoints.digest(*validation) if isinstance(validation, tuple) else validation
        training.keep_in(checkpoint, {**settings, "validation": held_out, "together": together, **checkpoint.about})
    return training.run()


def outputs_of_seeds(models: Any, x: numpy.ndarray) -> numpy.ndarray:
    """The outputs of the models of a `SeedsResult`, each for its own x [seeds, n, ...]: float32 [seeds, n, outputs]."""
    backend = get_backend()
    return numpy.asarray(backend.jit(backend.vmap(lambda model, x: model(x)))(models, x))


@dataclass(frozen=True, eq=False)
class _Moment:
    """The state of a training between two epochs. It is never changed, only replaced, so Ctrl-C leaves a whole one.

    values, state   of the seeds `alive`, stacked: all of them at first, and at least those that still train
    kept            leaves [seeds, ...] of the models to return, so far
    generators      the states of the generators of all seeds
    best            float64 [seeds], the smallest validation losses; best_epochs int [seeds]
    curve, losses, validations   lists, by step and by epoch, of arrays [seeds]
    """

    values: Any
    state: Any
    alive: numpy.ndarray
    kept: list[numpy.ndarray]
    generators: list[dict]
    epoch: int
    best: numpy.ndarray
    best_epochs: numpy.ndarray
    ends: numpy.ndarray
    curve: list[numpy.ndarray]
    losses: list[numpy.ndarray]
    validations: list[numpy.ndarray]


class _Training(checkpoints.Kept):
    def __init__(self, models, pairs, step, most, batch_size, seeds, patience, together, callback):
        self.backend, (loss, optimizer, l2_alpha) = get_backend(), step
        self.most, self.batch_size, self.patience, self.together, self.callback = (
            most,
            batch_size,
            patience,
            together,
            callback,
        )
        backend = self.backend
        stack = lambda *leaves: numpy.stack([numpy.asarray(leaf) for leaf in leaves])
        values = backend.tree_util.tree_map(lambda *leaves: backend.np.asarray(stack(*leaves)), *models)
        self.x, self.y = (stack(*[getattr(train, part) for train, _ in pairs]) for part in ("x", "y"))
        self.held_out = None
        if pairs[0][1] is not None:
            self.held_out = tuple(stack(*[getattr(held, part) for _, held in pairs]) for part in ("x", "y"))
        self.step = backend.jit(backend.vmap(make_step(backend, lambda model: model, loss, optimizer, l2_alpha)))
        self.evaluate = backend.jit(backend.vmap(lambda model, x, y: loss(model(x), y)))
        n, leaves = len(models), backend.tree_util.tree_leaves(values)
        self.first = _Moment(
            values,
            backend.vmap(optimizer.init)(values),
            numpy.arange(n),
            [numpy.asarray(leaf) for leaf in leaves],
            [numpy.random.default_rng(seed).bit_generator.state for seed in seeds],
            0,
            numpy.full(n, numpy.inf),
            numpy.zeros(n, int),
            numpy.zeros(n, int),
            [],
            [],
            [],
        )
        self.now = self._without_ended(self.first)
        self.checkpoint, self.settings, self.before = None, {}, 0.0

    def run(self) -> SeedsResult:
        """Train until every seed has ended, or until Ctrl-C."""
        self.start = self.written = time.perf_counter()
        interrupted = False
        if self.checkpoint is not None:
            self._write()  # If the file cannot be written, the user should know now, not after hours.
        try:
            while self._running(self.now).any():
                self._run_epoch()
                self._write_if_due()
        except KeyboardInterrupt:
            interrupted = True
        self._try_to_write()
        now = self.now
        # After Ctrl-C the models of the last finished epoch count, as in `fit`.
        kept = now.kept if self.patience is not None else self._kept(now, now.values, self._running(now))
        treedef = self.backend.tree_util.tree_structure(now.values)
        return SeedsResult(
            models=self.backend.tree_util.tree_unflatten(treedef, kept),
            loss_curve=self._table(now.curve),
            epoch_losses=self._table(now.losses).T,
            validation_losses=self._table(now.validations).T,
            best_epochs=None if self.held_out is None else now.best_epochs,
            ends=now.ends,
            seconds=self._seconds(),
            interrupted=interrupted,
        )

    def _seconds(self) -> float:
        return self.before + time.perf_counter() - self.start

    def _table(self, rows: list[numpy.ndarray]) -> numpy.ndarray:
        return numpy.asarray(rows, numpy.float32).reshape(len(rows), len(self.most))

    def _running(self, now: _Moment) -> numpy.ndarray:
        """Which of the seeds that are computed still train, bool [alive]."""
        running = self.most[now.alive] > now.epoch
        if self.patience is not None and now.epoch:
            running &= now.epoch - 1 - now.best_epochs[now.alive] < self.patience
        return running

    def _run_epoch(self) -> None:
        now, n = self.now, self.x.shape[1]
        values, state, running = now.values, now.state, self._running(now)
        order, generators = self._shuffled(now, n)
        found, sizes = [], []
        for start in range(0, n, self.batch_size):
            batch = order[:, start : start + self.batch_size]
            rows = now.alive[:, None], batch
            values, state, loss = self.step(values, state, self.x[rows], self.y[rows])
            found.append(loss)
            sizes.append(batch.shape[1])
        found = [self._of_all(numpy.asarray(loss), now, running) for loss in found]
        losses = numpy.average(found, axis=0, weights=sizes)
        best, best_epochs, ends = now.best.copy(), now.best_epochs.copy(), now.ends.copy()
        keep, validations, reported = running & (self.most[now.alive] == now.epoch + 1), now.validations, [losses]
        if self.held_out is not None:
            validation = self._of_all(self._validation(values, now.alive), now, running)
            better = validation < best  # False for NaN, which the seeds have that have ended
            best[better], best_epochs[better] = validation[better], now.epoch
            keep = better[now.alive] if self.patience is not None else keep
            validations, reported = [*validations, validation], [losses, validation]
        ends[now.alive[running]] = now.epoch + 1
        self.now = self._without_ended(
            replace(
                now,
                values=values,
                state=state,
                kept=self._kept(now, values, keep),
                generators=generators,
                epoch=now.epoch + 1,
                best=best,
                best_epochs=best_epochs,
                ends=ends,
                curve=now.curve + found,
                losses=[*now.losses, losses],
                validations=validations,
            )
        )
        if self.callback is not None:
            of_running = [each[now.alive[running]] for each in reported]
            self.callback(now.epoch, *[float(numpy.median(each)) for each in of_running])

    def _shuffled(self, now: _Moment, n: int) -> tuple[numpy.ndarray, list[dict]]:
        """The order of the examples of each seed that is computed, and the generators after the shuffling."""
        generators, order = list(now.generators), []
        generator = numpy.random.default_rng(0)  # To make one takes longer than to shuffle.
        for i in now.alive:
            generator.bit_generator.state = generators[i]
            order.append(generator.permutation(n))
            generators[i] = generator.bit_generator.state
        return numpy.stack(order), generators

    def _validation(self, values: Any, alive: numpy.ndarray) -> numpy.ndarray:
        x, y = (part[alive] for part in self.held_out)
        evaluate = lambda rows: numpy.asarray(self.evaluate(values, x[:, rows], y[:, rows]))
        return mean_of_chunks(evaluate, x.shape[1]).reshape(-1, self.together).mean(1).repeat(self.together)

    def _of_all(self, numbers: numpy.ndarray, now: _Moment, running: numpy.ndarray) -> numpy.ndarray:
        """float64 [seeds] of numbers [alive]; NaN for the seeds that have ended."""
        found = numpy.full(len(self.most), numpy.nan)
        found[now.alive[running]] = numbers[running]
        return found

    def _kept(self, now: _Moment, values: Any, keep: numpy.ndarray) -> list[numpy.ndarray]:
        """The models to return, where those of `values` with `keep` [alive] take the place of the former."""
        if not keep.any():
            return now.kept
        kept = [leaf.copy() for leaf in now.kept]
        for old, new in zip(kept, self.backend.tree_util.tree_leaves(values), strict=True):
            old[now.alive[keep]] = numpy.asarray(new)[keep]
        return kept

    def _without_ended(self, now: _Moment) -> _Moment:
        """Drop the seeds that have ended, once they are half of those that are computed. The step is compiled anew for each
        number of seeds, so they are not dropped one by one."""
        running = self._running(now)
        if running.all() or 2 * running.sum() > len(running):
            return now
        places = numpy.flatnonzero(running)
        pick = lambda tree: self.backend.tree_util.tree_map(lambda leaf: leaf[places], tree)
        return replace(now, values=pick(now.values), state=pick(now.state), alive=now.alive[places])

    # -- Checkpoints ---------------------------------------------------------------------------------------------------

    def keep_in(self, checkpoint: Checkpoint, settings: dict[str, Any]) -> None:
        """Write checkpoints to this file from now on. If the file exists, first continue from it."""
        self.checkpoint, self.settings = checkpoint, settings
        if not Path(checkpoint.path).exists():
            return
        with checkpoints.reading(checkpoint.path) as saved:
            checkpoints.require_same(checkpoint.path, saved.settings, settings)
            self._continue_from(checkpoint.path, saved)

    def _write(self) -> None:
        now, leaves = self.now, self.backend.tree_util.tree_leaves
        state = {
            "epoch": now.epoch,
            "generators": now.generators,
            "alive": now.alive.tolist(),
            "best_epochs": now.best_epochs.tolist(),
            "ends": now.ends.tolist(),
            "seconds": self._seconds(),
        }
        trees = {"values": now.values, "optimizer's state": now.state, "kept models": now.kept}
        trees = {name: [numpy.asarray(leaf) for leaf in leaves(tree)] for name, tree in trees.items()}
        histories = {"curve": now.curve, "losses": now.losses, "validations": now.validations}
        arrays = {
            name: numpy.asarray(rows, numpy.float64).reshape(-1, len(self.most)) for name, rows in histories.items()
        }
        saved = checkpoints.Saved(state, self.settings, trees, {**arrays, "best": now.best})
        checkpoints.write(self.checkpoint.path, saved)

    def _continue_from(self, path: str | Path, saved: checkpoints.Saved) -> None:
        state, n = saved.state, len(self.most)
        epoch, alive = state["epoch"], numpy.asarray(state["alive"], int)
        counts = {name: numpy.asarray(state[name], int) for name in ("best_epochs", "ends")}
        histories = {"curve": epoch * -(-self.x.shape[1] // self.batch_size), "losses": epoch}
        histories["validations"] = epoch if self.held_out is not None else 0
        shapes = {**{name: (rows, n) for name, rows in histories.items()}, "best": (n,)}
        fits = len(state["generators"]) == n and all(each.shape == (n,) for each in counts.values()) and epoch >= 0
        fits = fits and all(saved.arrays[name].shape == shape for name, shape in shapes.items())
        fits = fits and alive.ndim == 1 and set(alive.tolist()) <= set(range(n)) and (numpy.diff(alive) > 0).all()
        if not fits or not 0 <= state["seconds"] < numpy.inf:
            raise ValueError("the parts of the checkpoint do not fit together")
        arrays = {name: saved.arrays[name].read() for name in shapes}
        picked = self.backend.tree_util.tree_map(lambda leaf: leaf[alive], (self.first.values, self.first.state))
        parts = zip(("values", "optimizer's state"), picked, strict=True)
        values, optimizer_state = (self._restored(path, saved, name, like) for name, like in parts)
        kept = checkpoints.restored(path, "kept models", saved.trees["kept models"], self.first.kept)
        rows = {name: list(arrays[name]) for name in histories}
        self.now = _Moment(
            values, optimizer_state, alive, kept, state["generators"], epoch, arrays["best"], **counts, **rows
        )
        self.before = state["seconds"]

    def _restored(self, path: str | Path, saved: checkpoints.Saved, name: str, like: Any) -> Any:
        leaves, treedef = self.backend.tree_util.tree_flatten(like)
        found = checkpoints.restored(path, name, saved.trees[name], leaves)
        return self.backend.tree_util.tree_unflatten(treedef, [self.backend.np.asarray(leaf) for leaf in found])
