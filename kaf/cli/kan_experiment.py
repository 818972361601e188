"""`kaf experiment kan`: KANs beside networks with as many parameters."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from kaf.backend import get_backend
from kaf.cli.backends import computing_on
from kaf.cli.files import replacing, require_writable
from kaf.cli.report import Report, as_markdown
from kaf.experiments import kans
from kaf.layers import plot

TEXT, FIGURE = "kan.md", "kan-edges.png"


def run(arguments):
    """Train the networks of every task, print the tables and whether the KAN reached its limits, and return 0."""
    require_writable(arguments.out, [TEXT, FIGURE])
    count = 3 if arguments.seeds is None else arguments.seeds
    seeds = range(arguments.seed, arguments.seed + count)
    report, texts = Report(arguments.quiet), ["# kaf experiment kan"]
    with computing_on(arguments.backend, arguments.compiler) as backend, threadpool_limits(1, user_api="blas"):
        report.line(f"kan: {count} seeds from {arguments.seed}; on {backend.name}")
        for name, task in kans.TASKS.items():
            task = task if arguments.epochs is None else kans.shortened(task, arguments.epochs)
            report.heading(task.title)
            results = [_trained(report, task, network, seeds) for network in kans.networks(task)]
            columns, rows = _table(task, results)
            report.table(columns, rows)
            texts += [f"## {task.title}", as_markdown(columns, rows), *_verdicts(report, task, results)]
            if name == "first":
                _draw(Path(arguments.out) / FIGURE, task, results[0], seeds)
    texts.append(f"![{FIGURE}]({FIGURE})")
    with replacing(Path(arguments.out) / TEXT) as file:
        file.write(("\n\n".join(texts) + "\n").encode())
    report.line(f"wrote {Path(arguments.out) / TEXT} and {FIGURE}")
    return 0


def _trained(report, task, network, seeds):
    with report.progress(f"{network:<16}", task.epochs * len(kans.RATES)) as show:
        return kans.run(task, network, seeds, show)


def _table(task, results):
    score = (lambda s: f"{s:.4f}") if task.is_regression else (lambda s: f"{100 * s:.2f}")
    columns = ("network", "sizes", "params", "rate", "test RMSE" if task.is_regression else "test %", "range")
    rows = [
        (
            result.network,
            "-".join(map(str, result.sizes)),
            str(result.parameters),
            f"{result.rate:g}",
            score(np.median(result.scores)),
            f"{score(result.scores.min())}-{score(result.scores.max())}",
        )
        for result in results
    ]
    return columns, rows


def _verdicts(report, task, results):
    if task.limit is None:
        return []
    found = float(np.median(results[0].scores))
    text = f"{'seen' if found <= task.limit else 'NOT SEEN'}: the KAN has an error of at most {task.limit:g}; it has {found:.4f}"
    report.line(text)
    return [text]


def _draw(path, task, result, seeds):
    place = int(np.argsort(result.scores)[len(seeds) // 2])
    net = get_backend().tree_util.tree_map(lambda leaf: leaf[place], result.models)
    x = task.data(seeds[place]).split.x
    with replacing(path) as file:
        plot.kan(net, x, title=task.title).savefig(file, format="png", dpi=100)
