"""The figures. matplotlib draws them directly into PNG files, without windows and without global state."""

import itertools

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from kaf.cli.files import replacing
from kaf.layers import plot
from kaf.train.compare import EQUAL_PARAMETERS, EQUAL_WIDTH

# The titles of the two panels of a comparison, for `draw_losses`.
PANELS = {EQUAL_WIDTH: "at equal width", EQUAL_PARAMETERS: "at equal parameters"}

_CURVE, _SHADE, _GRID, _SECOND = plot.CURVE, plot.SHADE, plot.QUIET, plot.SECOND
_COLORS = {"KAF": _CURVE, "ReLU": _SECOND, "tanh": "#2f8f6b", "ELU": "#8e5bb5", "GELU": "#b8922a"}
_OTHER_COLORS = ("#5fb0d9", "#0d2b52", "#6c757d")


def _save(figure, path):
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=120)


def draw_activations(path, inputs, layer, title):
    """Draw the functions of a layer of KAFs over the histograms of its inputs, float [n, units]. Returns the figure."""
    figure = plot.layer(layer, inputs, title=title)
    _save(figure, path)
    return figure


def draw_losses(path, title, panels):
    """Draw the losses by epoch. `panels` is {title: {label: (training, validation)}}, both lists with a curve for each seed.

    A line is the median over the seeds, and a band holds the middle half of them. Validation losses are dashed. Returns the
    figure.
    """
    figure = Figure(figsize=(4.6 * len(panels) + 0.6, 3.8), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    dashed = False
    for ax, (name, curves) in zip(axes, panels.items(), strict=True):
        used, others = set(), itertools.cycle(_OTHER_COLORS)
        for label, (training, validation) in curves.items():
            # A second network of KAFs has a colour of its own.
            color = _color(label) if _color(label) not in used else next(others)
            used.add(color)
            _draw_curves(ax, training, color, label, "-")
            if any(len(curve) for curve in validation):
                _draw_curves(ax, validation, color, None, "--")
                dashed = True
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_title(name, fontsize=10)
        ax.legend(frameon=False, fontsize=8)
        ax.tick_params(labelsize=8)
    axes[0].set_ylabel("loss of the data, without the l2 of alpha", fontsize=9)
    figure.suptitle(title, fontsize=11)
    bands = "; bands: the middle half of the seeds" if any(ax.collections for ax in axes) else ""
    figure.supxlabel("epoch" + bands + ("; dashed: validation" if dashed else ""), fontsize=9)
    _save(figure, path)
    return figure


def _draw_curves(ax, curves, color, label, style):
    # A training that stopped early counts with its last loss in later epochs. Otherwise the median would jump.
    longest = max(map(len, curves))
    whole = np.array([np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves])
    epochs = np.arange(1, longest + 1)
    if len(curves) > 1 and style == "-":
        low, high = np.percentile(whole, [25, 75], axis=0)
        ax.fill_between(epochs, low, high, color=color, alpha=0.1, linewidth=0)
    ax.plot(epochs, np.median(whole, 0), style, color=color, linewidth=1.4, label=label)


def draw_fit(path, name, function, alpha, grid):
    """Draw `function` and the KAF fitted to it, inside the grid and a little beyond, and the difference below."""
    edge = grid.boundary + 3 * grid.sigma
    x = np.linspace(-edge, edge, 1200)
    wanted, fitted = function(x), evaluate(x, alpha, grid)
    inside = np.abs(x) <= grid.boundary
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.3))
    top.plot(x, wanted, color=_SECOND, linewidth=3.5, alpha=0.5, label=name)
    top.plot(x, fitted, color=_CURVE, linewidth=1.5, label=f"KAF, {grid.size} centres")
    centers = np.linspace(-grid.boundary, grid.boundary, grid.size)
    top.plot(centers, np.interp(centers, x, fitted), "o", color=_CURVE, markersize=3, label="at the centres")
    top.set_ylabel("output")
    top.legend(frameon=False, fontsize=9)
    top.set_title(f"{name}, fitted by a KAF on [{-grid.boundary:g}, {grid.boundary:g}]", fontsize=11)
    residual = fitted - wanted
    bottom.axhline(0, color=_GRID, linewidth=0.6)
    bottom.plot(x[inside], residual[inside], color=_CURVE, linewidth=1.2)
    limit = 1.25 * np.abs(residual[inside]).max() or 1.0
    bottom.set_ylim(-limit, limit)
    bottom.set_ylabel("KAF - " + name)
    bottom.set_xlabel("x; shaded: outside the centres, where nothing is fitted and a KAF falls to 0")
    for ax in (top, bottom):
        ax.set_xlim(-edge, edge)
        for side in (-1, 1):
            ax.axvspan(side * grid.boundary, side * edge, color=_SHADE, alpha=0.5, linewidth=0)
    _save(figure, path)


def evaluate(x, alpha, grid):
    """The KAF at x float [n], computed in float64, so that the figure shows the function and not its rounding errors."""
    centers = np.linspace(-grid.boundary, grid.boundary, grid.size)
    return np.exp(-grid.gamma * (x[:, None] - centers) ** 2) @ np.asarray(alpha, np.float64)


def draw_scores(path, title, score, rows):
    """Draw scores: a dot for each seed and a line at the median. A row is (label, name of the activation, scores)."""
    figure = Figure(figsize=(7.2, 0.34 * len(rows) + 1.3), layout="constrained")
    ax = figure.subplots()
    lowest = min(scores.min() for *_, scores in rows)
    highest = max(scores.max() for *_, scores in rows)
    for i, (_, name, scores) in enumerate(rows):
        color = _color(name)
        # The dots are shifted up and down, because equal scores would cover each other.
        shift = 0.22 * np.sin(2.4 * np.arange(len(scores)))
        ax.plot(np.sort(scores), i + shift, "o", color=color, markersize=4, alpha=0.55, markeredgewidth=0)
        ax.plot([np.median(scores)] * 2, [i - 0.36, i + 0.36], color=color, linewidth=2.2)
    ax.set_yticks(range(len(rows)), [label for label, *_ in rows], fontsize=8)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    margin = 0.04 * (highest - lowest) or 0.01
    ax.set_xlim(lowest - margin, highest + margin)
    ax.grid(axis="x", color=_SHADE, linewidth=0.5)
    ax.tick_params(labelsize=8, length=0)
    ax.set_xlabel(f"{score} on examples not trained on; a dot is a seed, a line the median", fontsize=9)
    figure.suptitle(title, fontsize=11)
    _save(figure, path)


def _color(name):
    return _COLORS.get(name.split(" ")[0].rstrip(","), _GRID)


def draw_regions(path, split, models, title):
    """Draw the regions into which networks with two inputs and one logit divide the plane, and the training examples.

    There is one panel for each of `models`, a dict by title.
    """
    figure = Figure(figsize=(3.6 * len(models), 3.7), layout="constrained")
    axes = figure.subplots(1, len(models), sharey=True)
    low, high = split.x.min(0) - 0.4, split.x.max(0) + 0.4
    xs, ys = (np.linspace(low[i], high[i], 160, dtype=np.float32) for i in (0, 1))
    points = np.stack(np.meshgrid(xs, ys), -1)
    for ax, (label, model) in zip(axes, models.items(), strict=True):
        logits = np.asarray(model(points.reshape(-1, 2)), np.float64).reshape(points.shape[:2])
        ax.contourf(xs, ys, np.tanh(logits / 2), levels=np.linspace(-1, 1, 21), cmap="RdBu", alpha=0.55)
        ax.contour(xs, ys, logits, levels=[0.0], colors="black", linewidths=1.2)
        for label_of_class, color in ((0, _SECOND), (1, _CURVE)):
            ax.plot(*split.x[split.y == label_of_class].T, ".", color=color, markersize=2.5)
        ax.set_title(label, fontsize=9)
        ax.set_xticks([])
        ax.set_yticks([])
    figure.suptitle(title, fontsize=11)
    _save(figure, path)
