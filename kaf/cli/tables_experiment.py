"""`kaf experiment tables`: `kaf train` without options on five tables, beside gradient boosting and a tuned ReLU network."""

import tempfile
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from kaf.cli import train
from kaf.cli.arguments import make_parser
from kaf.cli.backends import computing_on
from kaf.cli.data import read_dataset
from kaf.cli.files import replacing, require_writable
from kaf.cli.report import Report, as_markdown
from kaf.experiments import tables
from kaf.train.parallel import placement

TEXT = "tables.md"
COLUMNS = ("table", "rows", "KAF", "range", "boosting", "ReLU", "range", "")


def run(arguments):
    """Train on every table, print the scores and whether KAF is level with the better of the others, and return 0."""
    require_writable(arguments.out, [TEXT])
    count = 3 if arguments.seeds is None else arguments.seeds
    seeds, report, rows = range(arguments.seed, arguments.seed + count), Report(arguments.quiet), []
    with (
        computing_on(arguments.backend, arguments.compiler) as backend,
        threadpool_limits(1, user_api="blas"),
        tempfile.TemporaryDirectory() as directory,
    ):
        report.line(f"tables: {count} seeds from {arguments.seed}; on {backend.name}")
        for name, table in tables.TABLES.items():
            path = Path(directory) / f"{name}.csv"
            tables.write_csv(path, name)
            rows.append(
                _compared(
                    path, table, seeds, arguments.epochs, lambda what, name=name: report.line(f"{name:<14} {what}")
                )
            )
    report.heading("Test scores: accuracy, or R2 of numbers; medians and ranges of the seeds")
    report.table(COLUMNS, rows)
    text = [
        "# kaf experiment tables",
        f"Test scores, medians and ranges of {count} seeds from {arguments.seed}; a seed draws the test rows, a fifth. KAF is "
        "`kaf train` without options. boosting is scikit-learn's gradient boosting without options. ReLU is the best of "
        f"{tables.DRAWS} draws of depth, width, learning rate and decay, by the loss on the first fifth of the rows that KAF "
        "holds out; it is then trained on all rows for its best number of epochs, as KAF is.",
        as_markdown(COLUMNS, rows),
    ]
    with replacing(Path(arguments.out) / TEXT) as file:
        file.write(("\n\n".join(text) + "\n").encode())
    report.line(f"wrote {Path(arguments.out) / TEXT}")
    return 0


def _compared(path, table, seeds, epochs, say):
    """A row of the table."""
    start = time.perf_counter()
    trainer, runs = _runs(path, "kaf", None, [], seeds, epochs)
    kaf = np.array([run.test_score for run in runs])
    say(f"KAF trained in {time.perf_counter() - start:.0f} s")
    data = trainer.data
    boosted = np.array([tables.boosted(data.x, data.y, *trainer.rows(s), table.is_regression) for s in seeds])
    best, relu = np.full(len(seeds), np.inf), np.zeros(len(seeds))
    for draw in tables.draws():
        options = ["--lr", f"{draw.rate}", "--weight-decay", f"{draw.decay}", "--validation", "0.2"]
        _, runs = _runs(path, "relu", draw.units, options, seeds, epochs)
        for i, run in enumerate(runs):
            loss = float(run.result.validation_losses.min())
            if loss < best[i]:
                best[i], relu[i] = loss, run.test_score
    say(f"and {tables.DRAWS} ReLU networks in {time.perf_counter() - start:.0f} s")
    other = max((boosted, relu), key=np.median)
    ranged = lambda scores: f"{_figure(scores.min())}-{_figure(scores.max())}"
    middle = lambda scores: _figure(np.median(scores))
    return (
        table.title,
        str(len(data.y)),
        middle(kaf),
        ranged(kaf),
        middle(boosted),
        middle(relu),
        ranged(relu),
        verdict(kaf, other),
    )


def verdict(scores, others):
    """Whether the median score is above that of the others, level (within their spread), or BELOW.

    >>> [verdict(np.array([s]), np.array([0.7, 0.8, 0.9])) for s in (0.8, 0.75, 0.6)]
    ['above', 'level', 'BELOW']
    """
    if np.median(scores) >= np.median(others):
        return "above"
    return "level" if np.median(scores) >= others.min() else "BELOW"


def _figure(score):
    return f"{score:.3f}".replace("0.", ".", 1)


def _runs(path, activation, units, options, seeds, epochs):
    """What `kaf train` does with a table and these options, but for its output: the trainer, and a Run for each seed."""
    options = [*options, *([] if epochs is None else ["--epochs", f"{epochs}"])]
    arguments = make_parser().parse_args(["train", "--data", str(path), "--out", str(path.parent), *options])
    data = read_dataset(arguments.data, arguments.target, arguments.task)
    trainer = train.Trainer(arguments, Report(quiet=True), data, placement(None, None), None)
    runs = trainer.runs(train.Network(activation, units or arguments.units), seeds)
    trainer.checkpoints.forget()
    return trainer, runs
