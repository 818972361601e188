"""`kaf train`: a network of KAFs on a table, and what ReLU makes of the same."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaf.cli import model_file
from kaf.cli.backends import computing_on
from kaf.cli.data import Scaler, listing, read_dataset, split
from kaf.cli.errors import CommandError, Interrupted
from kaf.cli.figures import draw_activations
from kaf.cli.files import require_writable
from kaf.cli.jaxpr import jaxpr, title
from kaf.cli.optional import load
from kaf.cli.report import Report
from kaf.grid import Grid
from kaf.layers import KAFNet, num_parameters
from kaf.optim import adam
from kaf.train import fit

BUNDLED = ("digits", "breast_cancer", "moons")
MODEL, FIGURE = "model.npz", "activations.png"


@dataclass(frozen=True)
class Run:
    """One network of the comparison, trained."""

    label: str
    units: int
    classifier: model_file.Classifier
    train_accuracy: float
    train_loss: float
    test_accuracy: float
    seconds: float


def run(arguments):
    """Train, write model.npz and activations.png, print the comparison, and return 0."""
    require_writable(arguments.out, [MODEL, FIGURE])
    trainer = _Trainer(arguments, Report(), _load_data(arguments))
    with computing_on(arguments.backend) as backend:
        _train(arguments, trainer, backend)
    return 0


def _train(arguments, trainer, backend):
    report, data = trainer.report, trainer.data
    report.line(
        f"{data.name}: {len(trainer.train)} rows to train, {len(trainer.test)} to test, {data.x.shape[1]} features, "
        f"{len(data.classes)} classes; on {backend.name}"
    )
    _print_jaxprs(report, backend, trainer.grid)
    report.heading("Training")
    learned = trainer.run("KAF", "kaf", arguments.units, kept="nothing of this run was written")
    model_path = Path(arguments.out) / MODEL
    # Before the comparison: what is finished is kept, whatever becomes of the rest.
    model_file.save(model_path, learned.classifier)
    figure_path = Path(arguments.out) / FIGURE
    _draw(figure_path, learned.classifier, data.x[trainer.train], data.name)
    kept = f"the KAF network was finished, and is kept in {model_path}"
    equal_units = trainer.units_of_relu(num_parameters(learned.classifier.model))
    compared = [
        trainer.run("ReLU, equal width", "relu", arguments.units, kept),
        trainer.run("ReLU, equal params", "relu", equal_units, kept),
    ]
    report.heading("Results")
    _print_results(report, [learned, *compared])
    report.line(f"wrote {model_path} and {figure_path}")


def _load_data(arguments):
    if arguments.data in BUNDLED:
        if arguments.target is not None:
            raise CommandError("--target is for CSV files; the bundled data sets know their classes")
        return load("kaf.cli.datasets", f"--data {arguments.data}").load_dataset(arguments.data)
    if not Path(arguments.data).suffix and not Path(arguments.data).exists():
        raise CommandError(
            f"--data {arguments.data}: there is no such data set and no such file; "
            f"choose {listing(BUNDLED)}, or a CSV file"
        )
    return read_dataset(arguments.data, arguments.target)


class _Trainer:
    def __init__(self, arguments, report, data):
        self.arguments, self.report, self.data = arguments, report, data
        self.train, self.test = split(data.y, arguments.seed)
        self.grid = Grid(arguments.centers, arguments.boundary)
        self.scaler = Scaler.of(data.x[self.train], data.name)
        self.inputs = data.x.shape[1]
        self.outputs = 1 if len(data.classes) == 2 else len(data.classes)

    def units_of_relu(self, parameters):
        """The width of the ReLU network whose parameter count comes nearest."""
        return max(1, round((parameters - self.outputs) / (self.inputs + 1 + self.outputs)))

    def run(self, label, activation, units, kept):
        """Train one network; `kept` is what an interruption leaves."""
        arguments = self.arguments
        model = KAFNet.init(arguments.seed, [self.inputs, units, self.outputs], activation, grid=self.grid)
        labels = self.data.y[self.train]
        with self.report.progress(f"{label:<18}", arguments.epochs) as show:
            result = fit(
                model,
                self.scaler(self.data.x[self.train]),
                labels.astype(np.float32) if self.outputs == 1 else labels.astype(np.int32),
                loss="binary_cross_entropy" if self.outputs == 1 else "cross_entropy",
                epochs=arguments.epochs,
                batch_size=arguments.batch_size,
                optimizer=adam(arguments.lr),
                seed=arguments.seed,
                callback=lambda epoch, loss: show(epoch, self._finite(epoch, loss, label, kept)),
            )
        if result.interrupted:
            done = len(result.epoch_losses)
            raise Interrupted(f"interrupted after {done} of {arguments.epochs} epochs of {label}: {kept}")
        return self._assess(label, units, result)

    def _finite(self, epoch, loss, label, kept):
        if not math.isfinite(loss):
            raise CommandError(
                f"{label}: the loss became {loss} in epoch {epoch + 1}; "
                f"choose a smaller --lr than {self.arguments.lr:g}; {kept}"
            )
        return loss

    def _assess(self, label, units, result):
        data = self.data
        classifier = model_file.Classifier(result.model, self.scaler, data.classes, data.feature_names, data.target)
        train_accuracy, train_loss = classifier.assess(data.x[self.train], data.y[self.train])
        test_accuracy, _ = classifier.assess(data.x[self.test], data.y[self.test])
        return Run(label, units, classifier, train_accuracy, train_loss, test_accuracy, result.seconds)


def _print_jaxprs(report, backend, grid):
    for grad in (False, True):
        report.heading(f"The jaxpr of {title(grad=grad)}")
        report.line(jaxpr(backend, grid, grad=grad))


def _print_results(report, runs):
    rows = [
        (
            run.label,
            str(run.units),
            str(num_parameters(run.classifier.model)),
            f"{100 * run.train_accuracy:.2f}",
            f"{100 * run.test_accuracy:.2f}",
            f"{run.train_loss:.4f}",
            f"{run.seconds:.1f}",
        )
        for run in runs
    ]
    report.table(("network", "units", "parameters", "train %", "test %", "loss", "seconds"), rows)


def _draw(path, classifier, x, name):
    linear, activation, _ = classifier.model.layers
    inputs = np.asarray(linear(classifier.scaler(x)))
    draw_activations(path, inputs, np.asarray(activation.alpha), activation.grid, f"Activations learned on {name}")
