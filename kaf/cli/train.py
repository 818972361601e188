"""`kaf train`: train a network of KAFs on a table, and compare it with networks of ReLU and other fixed activations."""

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
from kaf.train.loop import TrainResult, fit, steps_per_epoch, stopping
from kaf.train.optim import adam, cosine_decay_schedule, decay_apart, warmup_cosine_decay_schedule
from kaf.train.parallel import ParallelError, placement

MODEL, FIGURE, LOSSES, REPORT = "model.npz", "activations.png", "losses.png", "report.md"
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
        trainer = _Trainer(arguments, Report(quiet=arguments.quiet or not place.main), data, place, mesh)
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
    first = trainer.run(kaf, seeds[0])
    # The first model is written before the comparison starts, so it is kept if the comparison fails or is interrupted.
    out = Path(arguments.out)
    figures = _write_model(out, first.trained, data.x[train], data.name) if trainer.place.main else []
    networks = [kaf, *trainer.baselines(num_parameters(first.trained.model))]
    runs = [[first if (n, seed) == (kaf, seeds[0]) else trainer.run(n, seed) for seed in seeds] for n in networks]
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


class _Trainer:
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

    def run(self, network, seed):
        """Train one network from one seed, or continue from its checkpoint."""
        train, _ = self.rows(seed)
        scaler, y, target_scaler = Scaler.of(self.data.x[train], self.data.name), self.data.y[train], None
        if not self.data.classes:
            target_scaler = Scaler.of(y[:, None], self.data.name)
            y = target_scaler(y[:, None])[:, 0]
        result = self._fit(network, seed, scaler(self.data.x[train]), y)
        names = (self.data.classes, self.data.feature_names, self.data.target)
        trained = model_file.Trained(result.model, scaler, *names, target_scaler)
        train_score, train_loss = trained.assess(self.data.x[train], self.data.y[train])
        _, test = self.rows(seed)
        test_score, _ = trained.assess(self.data.x[test], self.data.y[test])
        return Run(network, seed, trained, train_score, train_loss, test_score, result)

    def _fit(self, network, seed, x, y):
        """Train one network. Without --epochs, held-out rows first say for how many; then it is trained so on all rows."""
        arguments = self.arguments
        epochs, validation, patience = stopping(
            len(x), arguments.batch_size, arguments.epochs, arguments.validation, arguments.patience
        )
        result = self._fit_once(network, seed, x, y, epochs, validation, patience)
        if arguments.epochs is not None:
            return result
        self.report.line(f"{self._label(network, seed):<18}  {result.best_epoch + 1} epochs are best; now on all rows")
        whole = self._fit_once(network, seed, x, y, result.best_epoch + 1, None, None, "all-rows")
        shown = result.validation_losses[: len(whole.epoch_losses)]
        return replace(whole, validation_losses=shown, seconds=result.seconds + whole.seconds)

    def _label(self, network, seed):
        return network.label + (f", seed {seed}" if self.arguments.seeds > 1 else "")

    def _fit_once(self, network, seed, x, y, epochs, validation, patience, part=""):
        arguments, sizes = self.arguments, [self.inputs, *network.units, self.outputs]
        label = self._label(network, seed)
        checkpoint = self._checkpoint(network, seed, part)
        with self.report.progress(f"{label:<18}", epochs) as show:
            try:
                result = fit(
                    KAFNet.init(seed, sizes, network.activation, grid=self.grid, init=arguments.init),
                    x,
                    y.astype(np.int32 if self.outputs > 1 else np.float32),
                    loss=self._loss(),
                    epochs=epochs,
                    batch_size=arguments.batch_size,
                    optimizer=self._optimizer(len(x), epochs, validation),
                    seed=seed,
                    callback=lambda epoch, *losses: show(epoch, *self._finite(epoch, losses, label)),
                    l2_alpha=arguments.l2_alpha,
                    validation=validation,
                    patience=patience,
                    checkpoint=checkpoint,
                    mesh=self.mesh,
                )
            except ParallelError as error:
                raise CommandError(str(error).partition(": ")[2].rstrip(".")) from error
            except CheckpointError as error:
                raise CommandError(f"{str(error).rstrip('.')}, or give --restart") from error
            except OSError as error:
                raise CommandError(f"cannot keep {checkpoint.path}: {reason(error)}") from error
        if result.interrupted:
            raise Interrupted(
                f"interrupted after {len(result.epoch_losses)} of {epochs} epochs of {label}: the same command "
                f"continues from there ({checkpoint.path})"
            )
        return result

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

    def _checkpoint(self, network, seed, part):
        words = ("train", network.activation, (network.equal or "").replace(" ", "-"), part, f"{seed}.npz")
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
