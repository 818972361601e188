"""Figures of what was learned: one unit, a layer, the edges of a KAN. matplotlib draws them, without windows or global state.

Every function returns a figure, which a notebook shows, and which `figure.savefig("file.png")` writes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy

from ..backend import Array
from ..functional.grid import Grid

try:
    from matplotlib import figure
except ModuleNotFoundError as e:
    # With `name`, so that the command `kaf` knows which package is missing.
    raise ModuleNotFoundError(
        "kaf.plot needs matplotlib, which is not installed: pip install 'minijax[kaf]'", name="matplotlib"
    ) from e

CURVE, SHADE, QUIET, SECOND = "#1f5fa8", "#c9ced6", "#8a9099", "#c8501e"

# More panels are too small to be read.
MOST_PANELS, MOST_COLUMNS, MOST_EDGES = 24, 6, 16


class Figure(figure.Figure):
    """A figure of matplotlib that notebooks show, whether or not `pyplot` was imported."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def unit(
    layer: Any, number: int = 0, inputs: Array | None = None, before: Any = None, title: str | None = None
) -> Figure:
    """Draw the function of one unit of a layer of KAFs, counted from 0.

    `inputs` [n, units] are drawn as a histogram, and `before` is the layer at another time, whose function is dashed. Raises
    ValueError for a unit that the layer does not have.

    >>> from kaf.layers import KAF
    >>> len(unit(KAF.init(0, 4), 3).axes)
    1
    """
    total = _units(layer)
    if not 0 <= number < total:
        raise ValueError(f"plot.unit: there is no unit {number}; the layer has {total}.")
    drawn = Figure(figsize=(5.2, 3.6), layout="constrained")
    ax = drawn.subplots()
    x, after, former = _curves(layer, before)
    _draw_unit(
        ax,
        x,
        after[:, number],
        _grid(layer),
        _column(inputs, number, total),
        None if before is None else former[:, number],
    )
    ax.set_title(f"unit {number + 1} of {total}" if title is None else title, fontsize=12)
    ax.set_xlabel("input" if inputs is None else "input; grey: how often it occurs", fontsize=11)
    ax.set_ylabel("output", fontsize=11)
    if before is not None:
        ax.legend(frameon=False, fontsize=10)
    return drawn


def layer(layer: Any, inputs: Array | None = None, before: Any = None, title: str | None = None) -> Figure:
    """Draw the functions of a layer of KAFs, one panel for each unit, at most the first 24.

    All panels have one scale, so that the units can be compared. `inputs` and `before` are as in `unit`.

    >>> from kaf.layers import KAF
    >>> figure = layer(KAF.init(0, 4), inputs=numpy.random.normal(size=(100, 4)), before=KAF.init(1, 4))
    >>> len(figure.axes)
    4
    """
    total = _units(layer)
    units = min(total, MOST_PANELS)
    rows = -(-units // MOST_COLUMNS)
    columns = -(-units // rows)  # so that all rows have about equally many panels
    width, height = max(1.9 * columns + 0.8, 6.5), (1.6 if rows > 1 else 2.4) * rows + 1.3
    drawn = Figure(figsize=(width, height), layout="constrained")
    axes = drawn.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    x, after, former = _curves(layer, before)
    for number, ax in enumerate(axes):
        if number >= units:
            ax.set_axis_off()
            continue
        before_now = None if before is None else former[:, number]
        _draw_unit(ax, x, after[:, number], _grid(layer), _column(inputs, number, total), before_now)
        ax.set_title(f"{number + 1}", fontsize=10, pad=2, loc="left", color=QUIET)
    # If the last row is not full, the lowest panels of the other columns need tick labels too.
    for ax in axes[max(units - columns, 0) : units]:
        ax.tick_params(labelbottom=True)
    title = "The functions of the units" if title is None else title
    drawn.suptitle(title + (f" (the first {units} of {total} units)" if units < total else ""), fontsize=13)
    drawn.supxlabel("input of the unit" + ("; grey: how often it occurs" if inputs is not None else ""), fontsize=12)
    drawn.supylabel("output" + ("; dashed: before" if before is not None else ""), fontsize=12)
    return drawn


def kan(
    net: Any,
    x: Array | None = None,
    before: Any = None,
    names: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a KAN as a diagram: its units, and on every edge the function of the edge. Inputs are at the bottom.

    With samples x [n, n_in], functions are drawn where the samples are, over histograms, and the strength of an edge's lines is
    the spread of its output, without samples over the whole grid. At most the 16 strongest edges of a layer are drawn; pruned
    edges are not. `before` is the network at another time, whose functions are dashed. `names` and `outputs` are the names of
    inputs and outputs. Raises ValueError for a network with layer norms, and for a `before` of other sizes.

    >>> from kaf.layers import KAN
    >>> len(kan(KAN.init(0, [2, 3, 1])).axes)  # one for the lines, and one for each edge
    10
    """
    layers = list(net.layers)
    sizes = lambda net: [tuple(each.alpha.shape[:2]) for each in net.layers]
    if before is not None and sizes(before) != sizes(net):
        raise ValueError(f"plot.kan: before must have the layers of the network, {sizes(net)}; it has {sizes(before)}.")
    shown = []
    inside = None if x is None else numpy.asarray(x, numpy.float64)
    for each in layers:
        shown.append((_strongest(each, inside), inside))
        inside = None if inside is None else numpy.asarray(each(inside.astype(numpy.float32)), numpy.float64)
    most = max(len(edges) for edges, _ in shown)
    some = any(len(edges) < numpy.sum(_there(each)) for each, (edges, _) in zip(layers, shown, strict=True))
    notes = (title, some and f"the {MOST_EDGES} strongest edges of a layer", before is not None and "dashed: before")
    heading = "; ".join(filter(None, notes))
    drawn = Figure(figsize=(max(5.0, 1.05 * most + 1.0), 2.3 * len(layers) + 1.0))
    back = drawn.add_axes((0, 0, 1, 1))
    back.set(xlim=(0, 1), ylim=(0, 1))
    back.set_axis_off()
    low, high = 0.09, 0.87 if heading else 0.93
    heights = numpy.linspace(low, high, len(layers) + 1)
    for number, (edges, samples) in enumerate(shown):
        former = None if before is None else before.layers[number]
        _draw_edges(drawn, back, layers[number], former, edges, samples, heights[number], heights[number + 1])
    for number, height in enumerate(heights):
        units = layers[0].alpha.shape[0] if number == 0 else layers[number - 1].alpha.shape[1]
        given = names if number == 0 else outputs if number == len(layers) else None
        letter = "x" if number == 0 else "y" if number == len(layers) else ""
        labels = given or [f"{letter}{i + 1}" if letter and units > 1 else letter for i in range(units)]
        for place, label in zip(_places(units), labels, strict=True):
            back.plot(place, height, "o", color="black", markersize=5, zorder=3)
            below = number == 0
            back.annotate(
                label, (place, height), xytext=(0, -8 if below else 8), textcoords="offset points", ha="center",
                va="top" if below else "bottom", fontsize=11,
            )  # fmt: skip
    drawn.suptitle(heading, fontsize=12)
    return drawn


# -- Parts -------------------------------------------------------------------------------------------------------------


def _units(layer: Any) -> int:
    alpha = layer.kaf.alpha if hasattr(layer, "kaf") else layer.alpha
    if len(alpha.shape) != 2:
        raise ValueError(
            f"plot: a layer of functions of one number is needed, alpha [units, k]; its alpha has shape {alpha.shape}."
        )
    return alpha.shape[0]


def _grid(layer: Any) -> Grid:
    return layer.kaf.grid if hasattr(layer, "kaf") else layer.grid


def _curves(layer: Any, before: Any) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray | None]:
    """Points x [n], and the outputs [n, units] there of the layer and of `before`."""
    grid = _grid(layer)
    x = numpy.linspace(grid.low - 2 * grid.sigma, grid.high + 2 * grid.sigma, 300, dtype=numpy.float32)
    values = lambda layer: numpy.asarray(layer(numpy.repeat(x[:, None], _units(layer), 1)))
    return x, values(layer), None if before is None else values(before)


def _column(inputs: Array | None, number: int, total: int) -> numpy.ndarray | None:
    if inputs is None:
        return None
    inputs = numpy.asarray(inputs)
    if inputs.ndim != 2 or inputs.shape[1] != total:
        raise ValueError(f"plot: inputs must be [n, {total}], a column for each unit; they have shape {inputs.shape}.")
    return inputs[:, number]


def _draw_unit(ax: Any, x, y, grid: Grid, inputs: numpy.ndarray | None, before: numpy.ndarray | None) -> None:
    if inputs is not None:
        _draw_histogram(ax, inputs, x[0], x[-1])
    ax.axhline(0, color=QUIET, linewidth=0.5)
    if before is not None:
        ax.plot(x, before, "--", color=SECOND, linewidth=1.2, label="before")
    ax.plot(x, y, color=CURVE, linewidth=1.6, label="after")
    ax.set_xlim(x[0], x[-1])
    ax.set_xticks([grid.low, grid.middle, grid.high])
    ax.xaxis.set_major_formatter("{x:.3g}")
    ax.tick_params(labelsize=10, length=2, pad=2)
    ax.margins(y=0.15)
    for side in ax.spines.values():
        side.set_linewidth(0.5)


def _draw_histogram(ax: Any, inputs: numpy.ndarray, low: float, high: float, bins: int = 40) -> None:
    counts, edges = numpy.histogram(inputs, bins=bins, range=(low, high))
    # Heights are fractions of the panel's height. A second axis for each histogram would double the time of drawing.
    heights = counts / (1.15 * max(counts.max(), 1))
    ax.stairs(heights, edges, fill=True, color=SHADE, transform=ax.get_xaxis_transform())


def _places(count: int) -> numpy.ndarray:
    return (numpy.arange(count) + 0.5) / count


def _plain(layer: Any) -> Any:
    """The layer of an Equinox or Flax module; a plain layer is returned as it is."""
    return layer.to_layer() if hasattr(layer, "to_layer") else layer


def _strongest(layer: Any, x: numpy.ndarray | None) -> list[tuple[int, int, float]]:
    """The edges (input, output, strength in 0 to 1) that are drawn, ordered by input."""
    n_in, n_out = layer.alpha.shape[:2]
    if x is None:
        x = numpy.stack([numpy.linspace(grid.low, grid.high, 200) for grid in _plain(layer).grids], 1)
    scores = _plain(layer).scores(x)
    there = _there(layer)
    edges = [(i, o) for i in range(n_in) for o in range(n_out) if there[i, o]]
    kept = sorted(sorted(edges, key=lambda edge: -scores[edge])[:MOST_EDGES])
    largest = max((scores[edge] for edge in kept), default=0.0) or 1.0
    return [(i, o, float(scores[i, o] / largest)) for i, o in kept]


def _there(layer: Any) -> numpy.ndarray:
    return numpy.ones(layer.alpha.shape[:2], bool) if layer.mask is None else numpy.asarray(layer.mask)


def _draw_edges(drawn: Figure, back: Any, layer: Any, former: Any, edges, samples, low: float, high: float) -> None:
    n_in, n_out = layer.alpha.shape[:2]
    starts, ends = _places(n_in), _places(n_out)
    width, height = 0.86 / max(len(edges), 5), 0.42 * (high - low)
    middle = low + 0.52 * (high - low)
    for place, (i, o, strength) in zip(_places(len(edges)), edges, strict=True):
        style = {"color": CURVE, "linewidth": 1.4, "alpha": 0.15 + 0.85 * strength, "zorder": 1}
        back.plot([starts[i], place], [low, middle - height / 2], **style)
        back.plot([place, ends[o]], [middle + height / 2, high], **style)
        ax = drawn.add_axes((place - width / 2, middle - height / 2, width, height), zorder=2)
        _draw_edge(ax, layer.edge(i, o), None if former is None else former.edge(i, o), samples, i)


def _draw_edge(ax: Any, edge: Any, former: Any, samples: numpy.ndarray | None, i: int) -> None:
    low, high = edge.grid.low, edge.grid.high
    if samples is not None and samples[:, i].min() < samples[:, i].max():
        low, high = samples[:, i].min(), samples[:, i].max()
        _draw_histogram(ax, samples[:, i], low, high, 20)
    x = numpy.linspace(low, high, 200, dtype=numpy.float32)
    if former is not None:
        ax.plot(x, numpy.asarray(former(x)), "--", color=SECOND, linewidth=1.0)
    ax.plot(x, numpy.asarray(edge(x)), color="black", linewidth=1.3)
    ax.set_xlim(low, high)
    ax.set(xticks=[], yticks=[])
    ax.margins(y=0.12)
    for side in ax.spines.values():
        side.set(linewidth=0.6, color=QUIET)
