"""`kaf train`: train a network of KAFs on a table, and compare it with networks of ReLU and other fixed activations."""

import contextlib
import math
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kaf.cli import model_file
from kaf.cli.arguments import BUNDLED
from kaf.cli.backends import computing_on, mesh_of
from kaf.cli.checkpoints import Checkpoints
from kaf.cli.data import Scaler, listing, read_dataset, split, split_rows
from kaf.cli.errors import CommandError, Interrupted
from kaf.cli.figures import PANELS, draw_activations, draw_losses
from kaf.cli.files import reason, replacing, require_writable
from kaf.cli.jaxpr import jaxpr, title
from kaf.cli.optional import load
from kaf.cli.report import Report, as_markdown, figure
from kaf.functional.grid import Grid
from kaf.layers.plain import KAF, KAFNet, num_parameters
from kaf.train.checkpoint import Checkpoint, CheckpointError
from kaf.train.compare import EQUAL_PARAMETERS, EQUAL_WIDTH, nearest_units
from kaf.train.loop import MOST_EPOCHS, TrainResult, fit, steps_per_epoch, stopping
from kaf.train.optim import adam, cosine_decay_schedule, decay_apart, warmup_cosine_decay_schedule
from kaf.train.parallel import ParallelError, placement
from kaf.train.seeds import fit_seeds

MODEL, FIGURE, LOSSES, REPORT = "model.npz", "activations.png", "losses.png", "report.md"
# How many parts of the rows are held out, one after the other, to find the number of epochs.
FOLDS = 5
TITLES = {"kaf": "KAF", "relu": "ReLU", "tanh": "tanh", "elu": "ELU", "gelu": "GELU"}


@dataclass(frozen=True)
class Network:
    """A network of the comparison: its activation, the sizes of its hidden layers, and what it has in common with KAF's."""

    activation: str
    units: tuple[int, ...]
    equal: str | None = None

    @property
    def label(self):
        """The name in the table."""
        return TITLES[self.activation] + (f", {self.equal}" if self.equal else "")


@dataclass(frozen=True)
class _Scaled:
    """Standardised training rows of one seed, and what standardised them."""

    x: np.ndarray
    y: np.ndarray
    scaler: Scaler
    target_scaler: Scaler | None


@dataclass(frozen=True)
class Run:
    """A network after its training from one seed. The scores are accuracies, or R2."""

    network: Network
    seed: int
    trained: model_file.Trained
    train_score: float
    train_loss: float
    test_score: float
    result: TrainResult


def run(arguments):
    """Train, write the model, the figures and the report, print the comparison, and return 0."""
    if arguments.epochs is None and arguments.schedule != "constant":
        raise CommandError(f"--schedule {arguments.schedule} needs to know the last step: give --epochs")
    if arguments.patience is not None and arguments.epochs is not None and arguments.validation is None:
        raise CommandError("--patience needs a validation loss: give --validation, for example --validation 0.2")
    require_writable(arguments.out, [MODEL, FIGURE, LOSSES, REPORT])
    data = _load_data(arguments)
    # Numbers that are too large to standardise raise here, before anything is printed.
    for numbers in (data.x, data.y[:, None].astype(np.float64)):
        Scaler.of(numbers, data.name)
    with computing_on(arguments.backend, arguments.compiler) as backend:
        place = placement(backend, mesh := mesh_of(arguments))
        trainer = Trainer(arguments, Report(quiet=arguments.quiet or not place.main), data, place, mesh)
        # All processes wait here until the first one has removed old checkpoints or found some to continue from.
        place.agree(
            str(bool(trainer.checkpoints)), f"checkpoints: {arguments.out} must be a directory that all of them see"
        )
        _train(arguments, trainer, backend)
    return 0


def _train(arguments, trainer, backend):
    report, data = trainer.report, trainer.data
    train, test = trainer.rows(arguments.seed)
    report.line(
        f"{data.name}: {len(train)} rows to train, {len(test)} to test, {data.x.shape[1]} features, {_target(data)}; "
        f"on {backend.name}" + (f", {trainer.mesh.size} devices" if trainer.mesh is not None else "")
    )
    _print_jaxprs(report, backend, trainer.grid)
    report.heading("Training")
    if trainer.checkpoints:
        report.line(f"continuing the interrupted run in {trainer.checkpoints.directory}")
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    kaf = Network("kaf", arguments.units)
    runs = [trainer.runs(kaf, seeds)]
    # The first model is written before the comparison starts, so it is kept if the comparison fails or is interrupted.
    first, out = runs[0][0], Path(arguments.out)
    figures = _write_model(out, first.trained, data.x[train], data.name) if trainer.place.main else []
    runs += [trainer.runs(network, seeds) for network in trainer.baselines(num_parameters(first.trained.model))]
    if trainer.place.main:
        _report(arguments, trainer, runs, figures)


def _report(arguments, trainer, runs, figures):
    report, data, out = trainer.report, trainer.data, Path(arguments.out)
    report.heading("Results")
    columns, rows = _table(runs, data)
    report.table(columns, rows)
    # Without --epochs each network was trained twice: see `_fit`.
    searched = "; validation: of the training that found the number of epochs" if arguments.epochs is None else ""
    draw_losses(out / LOSSES, f"Losses on {data.name}{searched}", _curves(runs))
    _write_report(out / REPORT, arguments, trainer, columns, rows, [*figures, out / LOSSES])
    trainer.checkpoints.forget()
    report.line(f"wrote {out / MODEL} and {', '.join(path.name for path in [*figures, out / LOSSES, out / REPORT])}")


def _load_data(arguments):
    if arguments.data in BUNDLED:
        for option in ("target", "task"):
            if getattr(arguments, option) is not None:
                raise CommandError(f"--{option} is for files; the bundled data sets have their own targets and tasks")
        return load("kaf.cli.datasets", f"--data {arguments.data}").load_dataset(arguments.data)
    if not Path(arguments.data).suffix and not Path(arguments.data).exists():
        raise CommandError(
            f"--data {arguments.data}: there is no such data set and no such file; "
            f"choose {listing(BUNDLED)}, or a CSV or .npz file"
        )
    return read_dataset(arguments.data, arguments.target, arguments.task)


# -- Training ----------------------------------------------------------------------------------------------------------


class Trainer:
    """Trains networks on one table, with the options of the command line."""

    def __init__(self, arguments, report, data, place, mesh):
        self.arguments, self.report, self.data, self.place, self.mesh = arguments, report, data, place, mesh
        self.grid = Grid(arguments.centers, arguments.boundary)
        self.inputs = data.x.shape[1]
        self.outputs = len(data.classes) if len(data.classes) > 2 else 1
        self.checkpoints = Checkpoints(arguments.out, arguments.restart and place.main, "train-*.npz")

    def rows(self, seed):
        """Row numbers (train, test)."""
        return split(self.data.y, seed) if self.data.classes else split_rows(len(self.data.y), seed)

    def baselines(self, parameters):
        """The networks to compare with: first those of equal width, then those with the closest parameter count."""
        units = self.arguments.units
        narrowed = nearest_units(self.inputs, units, self.outputs, parameters)
        for equal, sizes in ((EQUAL_WIDTH, units), (EQUAL_PARAMETERS, narrowed)):
            yield from (Network(activation, sizes, equal) for activation in self.arguments.compare)

    def runs(self, network, seeds):
        """Train one network from every seed, all at once if they can, or continue from a checkpoint: a list of Runs."""
        at_once = self.mesh is None and not self.arguments.one_by_one
        parts = [list(seeds)] if at_once else [[seed] for seed in seeds]
        return [run for part in parts for run in self._runs(network, part)]

    def _runs(self, network, seeds):
        scaled = [self._scaled(seed) for seed in seeds]
        x, y = (np.stack([getattr(each, part) for each in scaled]) for part in ("x", "y"))
        results = self._fit(network, seeds, x, y)
        return [self._assessed(network, *each) for each in zip(seeds, scaled, results, strict=True)]

    def _scaled(self, seed):
        train, _ = self.rows(seed)
        scaler, y, target_scaler = Scaler.of(self.data.x[train], self.data.name), self.data.y[train], None
        if not self.data.classes:
            target_scaler = Scaler.of(y[:, None], self.data.name)
            y = target_scaler(y[:, None])[:, 0]
        y = y.astype(np.int32 if self.outputs > 1 else np.float32)
        return _Scaled(scaler(self.data.x[train]), y, scaler, target_scaler)

    def _assessed(self, network, seed, scaled, result):
        train, test = self.rows(seed)
        names = (self.data.classes, self.data.feature_names, self.data.target)
        trained = model_file.Trained(result.model, scaled.scaler, *names, scaled.target_scaler)
        train_score, train_loss = trained.assess(self.data.x[train], self.data.y[train])
        test_score, _ = trained.assess(self.data.x[test], self.data.y[test])
        return Run(network, seed, trained, train_score, train_loss, test_score, result)

    def _fit(self, network, seeds, x, y):
        """Train one network from the seeds. Without --epochs, held-out rows first say for how many; then it is trained anew on
        all rows for so many."""
        arguments = self.arguments
        if arguments.epochs is not None:
            return self._train(network, seeds, x, y, arguments.epochs, arguments.validation, arguments.patience)
        search = (
            self._searched if self.mesh is not None or arguments.validation is not None else self._searched_by_folds
        )
        found = search(network, seeds, x, y)
        epochs = [result.best_epoch + 1 for result in found]
        few, many = min(epochs), max(epochs)
        best = f"{few} epochs are" if few == many else f"{few} to {many} epochs are"
        self.report.line(f"{self._label(network, seeds):<18}  {best} best; now on all rows")
        whole = self._train(network, seeds, x, y, epochs, None, None, "all-rows")
        return [
            replace(
                result,
                validation_losses=search.validation_losses[: len(result.epoch_losses)],
                seconds=search.seconds + result.seconds,
            )
            for search, result in zip(found, whole, strict=True)
        ]

    def _searched(self, network, seeds, x, y):
        """Results with the best number of epochs, found on a share of the rows that is held out."""
        arguments = self.arguments
        rules = stopping(x.shape[1], arguments.batch_size, None, arguments.validation, arguments.patience)
        return self._train(network, seeds, x, y, *rules)

    def _searched_by_folds(self, network, seeds, x, y):
        """As `_searched`, but the mean loss of five networks counts, each of which holds out another fifth of the rows.

        The loss on one tenth of a small table is noise: on 442 rows the number of epochs that it chose had a mean R2 of .31, and
        the number that eight of them chose together .43.
        """
        arguments, n = self.arguments, x.shape[1]
        size = n // FOLDS
        rows = [np.random.default_rng([seed, 1]).permutation(n) for seed in seeds]
        held = [order[fold * size : (fold + 1) * size] for order in rows for fold in range(FOLDS)]
        trained = [np.setdiff1d(order, part) for order, part in zip(np.repeat(rows, FOLDS, 0), held, strict=True)]
        numbers = np.repeat(np.arange(len(seeds)), FOLDS)
        pick = lambda array, parts: np.stack([array[i][part] for i, part in zip(numbers, parts, strict=True)])
        _, _, patience = stopping(n - size, arguments.batch_size, None, None, arguments.patience)
        found = self._train_at_once(
            network,
            [(seeds[i], fold) for i, fold in zip(numbers, list(range(FOLDS)) * len(seeds), strict=True)],
            pick(x, trained),
            pick(y, trained),
            MOST_EPOCHS,
            (pick(x, held), pick(y, held)),
            patience,
            self._checkpoint(network, seeds, "folds"),
            self._label(network, seeds),
            together=FOLDS,
        )
        # The time of a seed is that of all its folds.
        return [replace(result, seconds=result.seconds * FOLDS) for result in found[::FOLDS]]

    def _label(self, network, seeds):
        if self.arguments.seeds == 1:
            return network.label
        return network.label + (f", seed {seeds[0]}" if len(seeds) == 1 else f", {len(seeds)} seeds")

    def _train(self, network, seeds, x, y, epochs, validation, patience, part=""):
        """A result for each seed. `epochs` is a number, or one for each seed."""
        each = list(np.broadcast_to(epochs, len(seeds)))
        label, checkpoint = self._label(network, seeds), self._checkpoint(network, seeds, part)
        if len(seeds) > 1:
            arguments = (network, seeds, x, y, each, validation, patience, checkpoint, label)
            return self._train_at_once(*arguments)
        with self._training(label, int(each[0]), checkpoint) as callback:
            result = fit(
                self._network(network, seeds[0]),
                x[0],
                y[0],
                epochs=int(each[0]),
                optimizer=self._optimizer(x.shape[1], int(each[0]), validation),
                seed=seeds[0],
                callback=callback,
                validation=validation,
                patience=patience,
                checkpoint=checkpoint,
                mesh=self.mesh,
                **self._options(),
            )
        self._require_whole(result, len(result.epoch_losses), int(each[0]), label, checkpoint)
        return [result]

    def _train_at_once(self, network, seeds, x, y, epochs, validation, patience, checkpoint, label, together=1):
        most = int(np.max(epochs))
        with self._training(label, most, checkpoint) as callback:
            result = fit_seeds(
                [self._network(network, seed[0] if isinstance(seed, tuple) else seed) for seed in seeds],
                x,
                y,
                epochs=epochs,
                optimizer=self._optimizer(x.shape[1], most, validation if isinstance(validation, float) else None),
                seeds=seeds,
                callback=callback,
                validation=validation,
                patience=patience,
                together=together,
                checkpoint=checkpoint,
                **self._options(),
            )
        self._require_whole(result, result.epoch_losses.shape[1], most, label, checkpoint)
        return [result.of(i) for i in range(len(seeds))]

    def _network(self, network, seed):
        sizes = [self.inputs, *network.units, self.outputs]
        return KAFNet.init(seed, sizes, network.activation, grid=self.grid, init=self.arguments.init)

    def _options(self):
        arguments = self.arguments
        return {"loss": self._loss(), "batch_size": arguments.batch_size, "l2_alpha": arguments.l2_alpha}

    @contextlib.contextmanager
    def _training(self, label, epochs, checkpoint):
        """Yield the callback that shows the progress. An error in the block that is the user's becomes a CommandError."""
        with self.report.progress(f"{label:<18}", epochs) as show:
            try:
                yield lambda epoch, *losses: show(epoch, *self._finite(epoch, losses, label))
            except ParallelError as error:
                raise CommandError(str(error).partition(": ")[2].rstrip(".")) from error
            except CheckpointError as error:
                raise CommandError(f"{str(error).rstrip('.')}, or give --restart") from error
            except OSError as error:
                raise CommandError(f"cannot keep {checkpoint.path}: {reason(error)}") from error

    def _require_whole(self, result, trained, epochs, label, checkpoint):
        if result.interrupted:
            raise Interrupted(
                f"interrupted after {trained} of {epochs} epochs of {label}: the same command "
                f"continues from there ({checkpoint.path})"
            )

    def _loss(self):
        if not self.data.classes:
            return "mean_squared_error"
        return "cross_entropy" if self.outputs > 1 else "binary_cross_entropy"

    def _optimizer(self, rows, epochs, validation):
        arguments = self.arguments
        held_out = round(rows * (validation or 0))
        if validation and not 0 < held_out < rows:
            raise CommandError(f"--validation {validation:g} of {rows} rows leaves {held_out} to hold out")
        steps = epochs * steps_per_epoch(rows - held_out, arguments.batch_size)
        decay = decay_apart(alpha=arguments.alpha_decay, weights=arguments.weight_decay)
        decays = arguments.alpha_decay or arguments.weight_decay
        return adam(_SCHEDULES[arguments.schedule](arguments.lr, steps), weight_decay=decay if decays else 0.0)

    def _finite(self, epoch, losses, label):
        if not all(map(math.isfinite, losses)):
            raise CommandError(
                f"{label}: the loss became {losses[0]} in epoch {epoch + 1}; "
                f"choose a smaller --lr than {self.arguments.lr:g}, and --restart"
            )
        return losses

    def _checkpoint(self, network, seeds, part):
        last = f"-{seeds[-1]}" if len(seeds) > 1 else ""
        equal = (network.equal or "").replace(" ", "-")
        words = ("train", network.activation, equal, part, f"{seeds[0]}{last}.npz")
        path = self.checkpoints.path("-".join(filter(None, words)))
        asked = ("centers", "boundary", "init", "lr", "schedule", "alpha_decay", "weight_decay")
        about = {"units": network.units, **{option: getattr(self.arguments, option) for option in asked}}
        if self.arguments.schedule != "constant":
            about["epochs"] = self.arguments.epochs  # The schedule depends on the number of epochs.
        return Checkpoint(path, about=about)


_SCHEDULES = {
    "constant": lambda rate, steps: rate,
    "cosine": cosine_decay_schedule,
    "warmup_cosine": lambda rate, steps: warmup_cosine_decay_schedule(0.0, rate, max(1, steps // 10), max(2, steps)),
}


# -- Reporting ---------------------------------------------------------------------------------------------------------


def _print_jaxprs(report, backend, grid):
    for grad in (False, True):
        report.heading(f"The jaxpr of {title(grad=grad)}")
        report.line(jaxpr(backend, grid, grad=grad))


def _table(runs, data):
    """Columns and rows of the table: the figures of one seed, or the medians of several and the range of the test scores."""
    score = (lambda s: f"{100 * s:.2f}") if data.classes else (lambda s: f"{s:.4f}")
    unit = "%" if data.classes else "R2"
    several = len(runs[0]) > 1
    columns = ("network", "units", "parameters", f"train {unit}", f"test {unit}")
    columns += ("range",) if several else ("loss", "seconds")
    rows = []
    for group in runs:
        tests = [run.test_score for run in group]
        first = group[0]
        alone = (figure(first.train_loss), f"{first.result.seconds:.1f}")
        rows.append(
            (
                first.network.label,
                ",".join(map(str, first.network.units)),
                str(num_parameters(first.trained.model)),
                score(np.median([run.train_score for run in group])),
                score(np.median(tests)),
                *((f"{score(min(tests))}-{score(max(tests))}",) if several else alone),
            )
        )
    return columns, rows


def _curves(runs):
    panels = {}
    for equal in (EQUAL_WIDTH, EQUAL_PARAMETERS):
        groups = [group for group in runs if group[0].network.equal in (None, equal)]
        panels[PANELS[equal]] = {
            TITLES[group[0].network.activation]: (
                [run.result.epoch_losses for run in group],
                [run.result.validation_losses for run in group],
            )
            for group in groups
        }
    return panels


def _write_model(out, trained, x, name):
    """Write the model, and a figure for each of its layers of KAFs. Return the paths of the figures."""
    model_file.save(out / MODEL, trained)
    values, paths = trained.scaler(x), []
    for layer in trained.model.layers:
        if isinstance(layer, KAF):
            number = len(paths) + 1
            paths.append(out / (FIGURE if number == 1 else FIGURE.replace(".", f"-{number}.")))
            where = f"Activations learned on {name}" + (f", layer {number}" if number > 1 else "")
            draw_activations(paths[-1], np.asarray(values), layer, where)
        values = layer(values)
    return paths


def _target(data):
    return f"{len(data.classes)} classes" if data.classes else f"numbers to predict{data.inferred}"


def _write_report(path, arguments, trainer, columns, rows, figures):
    data, seeds = trainer.data, arguments.seeds
    many = f"{seeds} seeds from {arguments.seed}: medians, and the range of the test scores; model.npz is of the first seed"
    text = [
        f"# kaf train on {data.name}",
        f"Command: `{shlex.join(['kaf', *arguments.argv])}`",
        f"{len(data.y)} rows, {data.x.shape[1]} features, {_target(data)}; a fifth is for the test. "
        + (many if seeds > 1 else f"Seed {arguments.seed}")
        + ".",
        as_markdown(columns, rows),
        *(f"![{figure.stem}]({figure.name})" for figure in figures),
    ]
    with replacing(path) as file:
        file.write(("\n\n".join(text) + "\n").encode())
