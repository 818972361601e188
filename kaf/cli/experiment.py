"""`kaf experiment`: train the networks of an experiment and test its claims about kernel activation functions."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from kaf import experiments
from kaf.cli import kan_experiment, symbols_experiment, tables_experiment
from kaf.cli.arguments import KAN_EXPERIMENT, SYMBOLS_EXPERIMENT, TABLES_EXPERIMENT
from kaf.cli.backends import computing_on
from kaf.cli.checkpoints import Checkpoints
from kaf.cli.errors import CommandError, Interrupted
from kaf.cli.figures import PANELS, draw_activations, draw_losses, draw_regions, draw_scores
from kaf.cli.files import reason, replacing, require_writable
from kaf.cli.report import Report, as_markdown
from kaf.experiments import EQUAL_PARAMETERS, EQUAL_WIDTH, EXPERIMENTS
from kaf.layers.plain import KAFNet
from kaf.train import checkpoint


def run(arguments):
    """Train all networks of the experiment from all seeds, print the table and the claims, write the figures; return 0."""
    if arguments.name == KAN_EXPERIMENT:
        return kan_experiment.run(arguments)
    if arguments.name == SYMBOLS_EXPERIMENT:
        return symbols_experiment.run(arguments)
    if arguments.name == TABLES_EXPERIMENT:
        return tables_experiment.run(arguments)
    name, experiment = arguments.name, EXPERIMENTS[arguments.name]
    paths = {kind: Path(arguments.out) / f"{name}-{kind}.png" for kind in ("scores", "activations", "losses")}
    if name == "moons":
        paths["regions"] = Path(arguments.out) / "moons-regions.png"
    text_path = Path(arguments.out) / f"{name}.md"
    require_writable(arguments.out, [path.name for path in (*paths.values(), text_path)])
    count = experiment.seeds if arguments.seeds is None else arguments.seeds
    seeds = range(arguments.seed, arguments.seed + count)
    report = Report(arguments.quiet)
    # The networks have small matrices, for which several BLAS threads only wait for each other.
    with computing_on(arguments.backend, arguments.compiler) as backend, threadpool_limits(1, user_api="blas"):
        report.line(f"{name}: {experiment.title}; {count} seeds from {arguments.seed}; on {backend.name}")
        outcomes = _outcomes(arguments, experiment, seeds, report)
        _draw(paths, experiment, seeds, outcomes)
    _print(report, text_path, arguments, experiment, outcomes, paths)
    report.line(f"wrote {text_path} and {', '.join(path.name for path in paths.values())}")
    return 0


# -- Training ----------------------------------------------------------------------------------------------------------


def _outcomes(arguments, experiment, seeds, report):
    """The Outcome of every network. Each is written when it is finished, so an interruption loses the work of one network."""
    kept = Checkpoints(arguments.out, arguments.restart, f"experiment-{arguments.name}-*.npz")
    if kept:
        report.line(f"continuing the interrupted run in {kept.directory}")
    epochs = experiment.epochs if arguments.epochs is None else arguments.epochs
    outcomes = []
    for i, network in enumerate(experiments.networks(experiment)):
        path = kept.path(f"experiment-{arguments.name}-{i}.npz")
        settings = {"network": asdict(network), "seeds": [seeds.start, seeds.stop], "epochs": epochs}
        try:
            outcome = _read(path, settings, network, experiment, seeds) if path.exists() else None
            if outcome is None:
                with report.progress(f"{network.label:<28}", epochs) as show:
                    outcome = experiments.run(experiment, network, seeds, show, epochs)
                _write(path, settings, outcome)
        except checkpoint.CheckpointError as error:
            raise CommandError(f"{str(error).rstrip('.')}, or give --restart") from error
        except KeyboardInterrupt as error:
            kept_in = (
                f"the same command continues from there ({kept.directory})" if outcomes else "nothing was finished"
            )
            raise Interrupted(f"interrupted after {len(outcomes)} networks: {kept_in}") from error
        except OSError as error:
            raise CommandError(f"cannot keep {path}: {reason(error)}") from error
        outcomes.append(outcome)
    kept.forget()
    return outcomes


def _write(path, settings, outcome):
    leaves = [np.asarray(getattr(layer, name)) for layer in outcome.models.layers for name in _fields(layer)]
    arrays = {"scores": outcome.scores, "epoch_losses": outcome.epoch_losses}
    checkpoint.write(path, checkpoint.Saved({"parameters": outcome.parameters}, settings, {"models": leaves}, arrays))


def _read(path, settings, network, experiment, seeds):
    inputs, outputs = experiments.sizes_of(experiment)
    model = KAFNet.init(0, [inputs, network.units, outputs], network.activation)
    like = [
        np.broadcast_to(np.asarray(getattr(layer, name)), (len(seeds), *getattr(layer, name).shape))
        for layer in model.layers
        for name in _fields(layer)
    ]
    with checkpoint.reading(path) as saved:
        checkpoint.require_same(path, saved.settings, settings)
        leaves, layers = iter(checkpoint.restored(path, "models", saved.trees["models"], like)), []
        for layer in model.layers:
            layers.append(type(layer)(**{**vars(layer), **{name: next(leaves) for name in _fields(layer)}}))
        arrays = {name: saved.arrays[name].read() for name in ("scores", "epoch_losses")}
        return experiments.Outcome(network, saved.state["parameters"], **arrays, models=KAFNet(tuple(layers)))


def _fields(layer):
    return [name for name in ("weight", "bias", "alpha") if hasattr(layer, name)]


# -- Reporting ---------------------------------------------------------------------------------------------------------


def _print(report, path, arguments, experiment, outcomes, paths):
    columns, rows = _table(experiment, outcomes)
    report.heading("Results")
    report.table(columns, rows)
    scores = {outcome.network.label: outcome.scores for outcome in outcomes}
    claims = [(claim.text, *claim.seen(scores)) for claim in experiment.claims]
    report.heading("Claims")
    for text, seen, found in claims:
        report.line(f"{'seen    ' if seen else 'NOT SEEN'}  {text}")
        report.line(f"          {found}")
    report.line()
    text = [
        f"# kaf experiment {arguments.name}",
        f"{experiment.title}. Scores are {experiment.score}s on examples not trained on, medians and quartiles over "
        f"{len(outcomes[0].scores)} seeds from {arguments.seed}. Claims are judged by the median difference of two networks, "
        "seed by seed.",
        as_markdown(columns, rows),
        as_markdown(
            ("claim", "seen", "medians"), [(text, "yes" if seen else "no", found) for text, seen, found in claims]
        ),
        *(f"![{kind}]({each.name})" for kind, each in paths.items()),
    ]
    with replacing(path) as file:
        file.write(("\n\n".join(text) + "\n").encode())


def _table(experiment, outcomes):
    columns = ("network", "units", "params", experiment.score, "quartiles")
    columns += ("worst",) if experiment.failed is None else ("failed",)
    rows = []
    for outcome in outcomes:
        scores = outcome.scores
        low, middle, high = (f"{value:.3f}" for value in np.percentile(scores, [25, 50, 75]))
        last = f"{scores.min():.3f}"
        if experiment.failed is not None:
            last = f"{(scores < experiment.failed).sum()}/{len(scores)}"
        network = outcome.network
        row = (network.label, str(network.units), str(outcome.parameters), middle, f"{low}-{high}", last)
        rows.append(row)
    return columns, rows


def _draw(paths, experiment, seeds, outcomes):
    draw_scores(
        paths["scores"],
        experiment.title,
        experiment.score,
        [(outcome.network.label, outcome.network.name, outcome.scores) for outcome in outcomes],
    )
    panels = {
        title: {
            outcome.network.name: (list(outcome.epoch_losses), [])
            for outcome in outcomes
            if outcome.network.equal in (None, equal)
        }
        for equal, title in PANELS.items()
    }
    draw_losses(paths["losses"], f"Training losses: {experiment.title}", panels)
    best = max(outcomes, key=lambda o: (o.network.activation == "kaf", np.median(o.scores)))
    place = int(np.argsort(best.scores)[len(seeds) // 2])
    linear, activation, _ = _model(best, place).layers
    inputs = np.asarray(linear(experiment.data(seeds[place]).x))
    what = f"{best.network.label}, seed {seeds[place]}, the median"
    draw_activations(paths["activations"], inputs, activation, f"{experiment.title}\n{what}")
    if "regions" in paths:
        _draw_regions(paths["regions"], experiment, seeds, {outcome.network.label: outcome for outcome in outcomes})


def _draw_regions(path, experiment, seeds, outcomes):
    shown = [outcomes[label] for label in ("KAF", f"ReLU, {EQUAL_WIDTH}", f"ReLU, {EQUAL_PARAMETERS}")]
    # The seed with the median difference between the first two networks, so that neither has a lucky seed.
    place = int(np.argsort(shown[0].scores - shown[1].scores)[len(seeds) // 2])
    models = {f"{outcome.network.label}: {outcome.scores[place]:.3f}": _model(outcome, place) for outcome in shown}
    what = f"seed {seeds[place]}, that of the median difference between KAF and ReLU of equal width"
    draw_regions(path, experiment.data(seeds[place]), models, f"{experiment.title}\n{what}")


def _model(outcome, place):
    layers = []
    for layer in outcome.models.layers:
        own = {name: np.asarray(getattr(layer, name))[place] for name in _fields(layer)}
        layers.append(type(layer)(**{**vars(layer), **own}))
    return KAFNet(tuple(layers))
