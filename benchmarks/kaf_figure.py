"""The figures of `kaf_evaluation.py`."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from figure import save
from matplotlib import pyplot
from matplotlib.ticker import NullFormatter, NullLocator

# Colours that people with red-green blindness can distinguish (Okabe and Ito), and a marker for each, for print.
STYLES = {
    "naive": ("#D55E00", "s"),
    "loop": ("#E69F00", "^"),
    "gridded": ("#0072B2", "o"),
    "kaf": ("#0072B2", "o"),
    "tanh": ("#000000", "v"),
    "relu": ("#009E73", "D"),
}


def centers(path: Path, times: dict[str, dict[str, dict[int, float]]]) -> None:
    """Draw milliseconds by method and number of centres, one panel for each library."""
    figure, axes = pyplot.subplots(1, len(times), figsize=(9, 3.6), sharey=True, squeeze=False, layout="constrained")
    for ax, (library, of_method) in zip(axes[0], times.items(), strict=True):
        for method, ms in of_method.items():
            color, marker = STYLES[method]
            ax.plot(list(ms), list(ms.values()), color=color, marker=marker, markersize=5, linewidth=1.3, label=method)
            # The name stands beside the last point, so that the reader need not look it up in a legend.
            ax.annotate(method, (max(ms), ms[max(ms)]), (6, -3), textcoords="offset points", color=color, fontsize=8)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xticks(list(ms), [str(size) for size in ms], fontsize=8)
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlim(min(ms) * 0.85, max(ms) * 2)
        ax.set_xlabel("centres", fontsize=8)
        ax.set_title(f"{library}: value and gradients", fontsize=9, loc="left")
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(axis="y", labelsize=8)
    axes[0, 0].set_ylabel("ms", fontsize=8)
    save(path, figure)


def training(path: Path, times: dict[str, dict[Any, dict[str, list[float]]]]) -> None:
    """Draw the time of a training step divided by that of ReLU, by case and activation, one panel for each library."""
    size = (9, 0.7 + 2.2 * len(times))
    figure, axes = pyplot.subplots(len(times), 1, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for ax, (library, taken) in zip(axes[:, 0], times.items(), strict=True):
        for case, of_activation in enumerate(taken.values()):
            relu = statistics.median(of_activation["relu"])
            names = [name for name in of_activation if name != "relu"]
            for i, name in enumerate(names):
                color, _ = STYLES[name]
                x, ratio = case + (i - (len(names) - 1) / 2) * 0.3, statistics.median(of_activation[name]) / relu
                ax.bar(x, ratio, 0.27, color=color, label=name if not case else None)
                ax.annotate(f"{ratio:.2f}", (x, ratio), (0, 2), textcoords="offset points", ha="center", fontsize=7)
        labels = [f"{case}\nReLU: {statistics.median(t['relu']):.2g} ms" for case, t in taken.items()]
        ax.axhline(1, color="0.4", linewidth=0.8, zorder=3)
        ax.set_xticks(range(len(taken)), labels, fontsize=8)
        ax.set_title(f"{library}: a training step's time by ReLU's", fontsize=9, loc="left")
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(axis="y", labelsize=8)
        ax.yaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].legend(fontsize=8, frameon=False)
    save(path, figure)
