"""The figure of `compare.py`: a line for each comparison, a mark for each contestant, ratios on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter
from result import Result, quantity

# Colours that are told apart without seeing red and green (Okabe and Ito), and a shape for each, for print.
COLORS = {
    "minijax": "#0072B2",
    "jax": "#D55E00",
    "autograd": "#009E73",
    "mygrad": "#CC79A7",
    "torch": "#E69F00",
    "numpy": "#000000",
}
MARKERS = {"minijax": "o", "jax": "s", "autograd": "^", "mygrad": "v", "torch": "P", "numpy": "X"}
HOLLOW = ("", "naive", "trace")  # and what does more work before it runs is filled
HALF = {"to lowered": "left", "to text": "bottom"}


def style(name: str) -> dict:
    library, _, mode = name.partition(", ")
    color = COLORS[library]
    marker = "D" if mode == "jit on XLA" else MARKERS[library]
    fill = {"markerfacecolor": "white"} if mode in HOLLOW else {"fillstyle": HALF.get(mode, "full")}
    return {"color": color, "marker": marker, "markeredgecolor": color, "markersize": 7, "linestyle": "", **fill}


def panel(axes: Axes, results: Sequence[Result], title: str, legend: dict[str, Line2D]):
    for row, result in enumerate(results):
        axes.axhline(row, color="0.94", linewidth=10, zorder=0)
        for name in result.names():
            ratio, low, high = result.ratio(name)
            look = style(name)
            axes.plot([low, high], [row, row], color=look["color"], linewidth=1.5, zorder=1)
            (legend[name],) = axes.plot([ratio], [row], **look, zorder=2)
    axes.axvline(1, color="0.5", linewidth=0.8, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow(results) else (1,)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(results)), [line_label(result) for result in results], fontsize=8)
    axes.set_ylim(len(results) - 0.4, -0.6)
    axes.set_title(title, fontsize=9, loc="left")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)


def narrow(results: Sequence[Result]) -> bool:
    """Whether an axis that has all ratios has few powers of ten."""
    ratios = [ratio for result in results for name in result.names() for ratio in result.ratio(name)]
    return max(ratios) < 200 * min(ratios)


def line_label(result: Result) -> str:
    base = quantity(result.median(result.base), result.comparison.unit).replace("us", "µs")
    return f"{result.comparison.name}   {base}"


def groups(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    """By what is measured, with a title that says what 1 is."""
    kinds: dict[str, list[Result]] = {}
    for result in results:
        kind = result.comparison.name.partition("-")[0]
        what = {"stages": "Until there is a program: time", "memory": "Peak memory", "import": "Import: time"}
        title = f"{what.get(kind, 'Time')} by that of '{result.base}', which stands beside the name"
        kinds.setdefault(title, []).append(result)
    return list(kinds.items())


def write(path: Path, results: Sequence[Result]):
    panels, legend = groups(results), {}
    heights = [len(members) + 0.3 for _, members in panels]
    inches = 0.3 * sum(heights) + 0.6 * len(panels) + 1.2
    figure, axes = pyplot.subplots(
        len(panels), figsize=(9, inches), height_ratios=heights, squeeze=False, layout="constrained"
    )
    for ax, (title, members) in zip(axes[:, 0], panels, strict=True):
        panel(ax, members, title, legend)
    figure.legend(legend.values(), legend, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    save(path, figure)


def save(path: Path, figure: Figure):
    # The same results give the same file.
    with pyplot.rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, facecolor="white", dpi=120)
    pyplot.close(figure)
