"""What `compare.py` shows: progress and tables on the terminal, a page of Markdown, a figure.

Rich and matplotlib do it where they are installed; without them the tables are plain text and there is no figure.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from result import Result, number, quantity

LIBRARIES = ("minijax", "jax", "jaxlib", "numpy", "autograd", "mygrad", "torch")

# ---------------------------------------------------------------------------------------------------------------------
# Tables


def table(result: Result) -> tuple[list[str], list[list[str]]]:
    unit = result.comparison.unit
    header = ["contestant", "median", "quartiles", f"of {result.base}", "quartiles of rounds"]
    rows = []
    for name in result.names():
        low, high = np.quantile(result.samples(name), [0.25, 0.75])
        ratio, *spread = result.ratio(name)
        quartiles = f"{quantity(low, unit)} .. {quantity(high, unit)}"
        rows.append(
            [name, quantity(result.median(name), unit), quartiles, number(ratio), " .. ".join(map(number, spread))]
        )
    return header, rows


def rounds_of(result: Result) -> str:
    return "1 round" if len(result.rounds) == 1 else f"{len(result.rounds)} rounds"


def notes(result: Result) -> list[str]:
    return [f"{name}: {reason}" for name, reason in result.absent.items()]


def summary(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """One row a comparison, one column a contestant: ratios, and the base's median."""
    columns = list(dict.fromkeys(name for result in results for name in result.names()))
    rows = []
    for result in results:
        ratios = {name: number(result.ratio(name)[0]) for name in result.names()}
        unit = result.comparison.unit
        rows.append(
            [
                result.comparison.name,
                *(ratios.get(name, "") for name in columns),
                quantity(result.median(result.base), unit),
            ]
        )
    return ["", *columns, "1 is"], rows


# ---------------------------------------------------------------------------------------------------------------------
# Heading


def processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def revision() -> str:
    """Of this checkout, with a plus sign if files differ from it; empty outside of one."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return f" ({done.stdout.strip()})" if done.returncode == 0 else ""


def versions() -> str:
    found = [name for name in LIBRARIES if importlib.util.find_spec(name)]
    missing = [name for name in LIBRARIES if name not in found]
    text = ", ".join(
        f"{name} {importlib.metadata.version(name)}{revision() if name == 'minijax' else ''}" for name in found
    )
    return text + (f"; not installed: {', '.join(missing)}" if missing else "")


def load(average: float, cores: int) -> str:
    """How busy the machine was before. Libraries that use all cores wait for each other's threads, and others' programs."""
    quiet = average <= cores / 4
    advice = (
        "" if quiet else ": OTHERS WERE RUNNING, so these figures are not to be quoted; run it again on a quiet machine"
    )
    return f"Load average at the start {average:.1f} on {cores} cores{advice}"


def heading() -> str:
    flags = os.environ.get("XLA_FLAGS")
    lines = [
        f"{datetime.date.today():%d %B %Y}, {processor()}, {os.cpu_count()} cores, {platform.system()}",
        f"Python {platform.python_version()}, {versions()}",
    ]
    if hasattr(os, "getloadavg"):
        lines.append(load(os.getloadavg()[0], os.cpu_count() or 1))
    return "\n".join(lines + ([f"XLA_FLAGS={flags}"] if flags else []))


# ---------------------------------------------------------------------------------------------------------------------
# Terminal


def plain(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in (header, *rows)]
    return "\n".join(line.rstrip() for line in lines)


class PlainTerminal:
    def tell(self, done: int, name: str, text: str):
        """Nothing: a line for every round would bury the tables."""

    def print_result(self, result: Result):
        print(f"\n{result.comparison.name}: {result.comparison.what}, {rounds_of(result)}")
        print(plain(*table(result)), *(f"  {note}" for note in notes(result)), sep="\n", flush=True)


class RichTerminal(PlainTerminal):
    def __init__(self, progress, task):
        self.progress, self.task = progress, task

    def tell(self, done: int, name: str, text: str):
        self.progress.update(self.task, completed=done, description=f"{name}: {text}")

    def print_result(self, result: Result):
        from rich.table import Table

        header, rows = table(result)
        title = f"{result.comparison.name}: {result.comparison.what}, {rounds_of(result)}"
        shown = Table(title=title, title_justify="left", caption="\n".join(notes(result)), caption_justify="left")
        for i, name in enumerate(header):
            shown.add_column(name, justify="right" if i else "left", no_wrap=True)
        for row in rows:
            shown.add_row(*row, style="bold" if row[0].startswith("minijax") else "")
        self.progress.console.print(shown)


@contextlib.contextmanager
def progress(total: int) -> Iterator[PlainTerminal]:
    if not sys.stdout.isatty() or importlib.util.find_spec("rich") is None:
        yield PlainTerminal()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, transient=True) as bar:
        yield RichTerminal(bar, bar.add_task("", total=total))


# ---------------------------------------------------------------------------------------------------------------------
# Files


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(title: str, results: Sequence[Result], complete: bool) -> str:
    command = "python benchmarks/compare.py"
    parts = [
        "# minijax beside JAX, autograd, MyGrad, PyTorch and NumPy",
        f"Written by `{command}`." + ("" if complete else " It was interrupted."),
        title.replace("\n", "  \n"),
        "![ratios](compare.svg)",
        "Ratios of medians; the last column is what a ratio of 1 stands for.",
        markdown(*summary(results)),
    ]
    for result in results:
        name, what = result.comparison.name, result.comparison.what
        parts += [f"## {name}", f"{what[0].upper()}{what[1:]}. {rounds_of(result)}.", markdown(*table(result))]
        parts += ["\n".join(f"- {note}" for note in notes(result))] if result.absent else []
    return "\n\n".join(parts) + "\n"


def write(directory: Path, title: str, results: Sequence[Result], complete: bool):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "compare.md").write_text(page(title, results, complete))
    print(f"\nwritten: {directory / 'compare.md'}", end="")
    if importlib.util.find_spec("matplotlib") is None:
        print("; there is no figure without matplotlib")
        return
    import figure

    figure.write(directory / "compare.svg", results)
    print(f", {directory / 'compare.svg'}")
