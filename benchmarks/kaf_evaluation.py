"""Time and peak memory of a KAF, of its formula and of tanh; and the time of a training step of a KAF and a ReLU network.

    python benchmarks/kaf_evaluation.py [--rows 4096] [--units 256] [--centers 20] [--repeats 15] [--backends jax minijax]
    python benchmarks/kaf_evaluation.py --out benchmarks/results    # draws two figures, too
    python benchmarks/kaf_evaluation.py --idioms                    # vmap, traced centres, Equinox, ...: see kaf_idioms.py

It measures the value, and the value with the gradients by x and alpha, on JAX and minijax, all under jit. The methods of
`kaf.kaf` take turns, so that a busy machine slows all of them. The first run of each, which compiles, is not counted. A time is
the median of the repeats, followed by the fastest and the slowest. `naive` is the formula as written. Before anything is
measured, the values and gradients of all methods are compared with those of the formula.

Memory is the peak above the arguments, with the results, in arrays of x's size. On JAX the compiled program reports it. On
minijax it is what NumPy allocates (by tracemalloc), in two numbers: for the first call of a fresh program, which was compiled
before, and for later calls. A program of minijax keeps its large arrays from one call to the next if nothing else refers to
them, so a later call allocates little. The first number is what the process needs.

A training step is that of `kaf.train`: mini-batch, loss, gradients, Adam. The networks have layers of 256, 256 and 10 units,
with equal width and not equal parameters for all activations. They have as many inputs as images of 8 x 8 and of 28 x 28 pixels.
The more inputs there are, the larger is the part of the time that all activations share.

Ctrl-C ends the measurement. What was measured until then is printed and drawn.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import kaf_figure
import measure
import numpy as np
from rich.console import Console
from rich.table import Table

from kaf import Grid, use_backend
from kaf.backend import Backend
from kaf.functional import kaf
from kaf.layers import KAFNet
from kaf.losses import cross_entropy
from kaf.optim import adam
from kaf.train import make_step

METHODS = ("tanh", "gridded", "loop", "naive")
WHAT = ("value", "value and gradients")
CENTERS = (5, 10, 20, 50, 100)
ACTIVATIONS = ("relu", "tanh", "kaf")
INPUTS = (64, 784)
BATCHES = (64, 256, 1024)
LAYERS = (256, 256, 10)
MAX_DIFFERENCE = 1e-5
# Fewer repeats than for a table, because with many centres the formula takes long.
FIGURE_REPEATS = 9


class Case(NamedTuple):
    """The number of inputs and the batch size of a training step."""

    inputs: int
    batch: int

    def __str__(self) -> str:
        return f"{self.inputs} inputs, batch {self.batch}"


class Memory(NamedTuple):
    """Peaks in arrays of x's size, for the first call and for later calls. `later` is None if both are equal."""

    first: float
    later: float | None = None

    def __str__(self) -> str:
        return f"{self.first:.2f}" if self.later is None else f"{self.first:.2f}, then {self.later:.2f}"


def functions(backend: Backend, method: str, grid: Grid) -> dict[str, Callable]:
    """The two jitted functions of (x, alpha, g) that are timed: the value, and the value with the gradients by x and alpha."""

    def value(x, alpha, g):
        return backend.np.tanh(x) if method == "tanh" else kaf(x, alpha, grid, method=method)

    def loss(x, alpha, g):
        return (value(x, alpha, g) * g).sum()

    argnums = 0 if method == "tanh" else (0, 1)
    return dict(zip(WHAT, (backend.jit(value), backend.jit(backend.value_and_grad(loss, argnums))), strict=True))


def largest_difference(backend: Backend, found, expected) -> float:
    """The largest absolute difference, divided by the largest expected value, over all results."""
    pairs = zip(*(map(np.asarray, backend.tree_util.tree_leaves(tree)) for tree in (found, expected)), strict=True)
    # Scalars are left out: the loss is a sum of numbers of both signs, and its relative difference says little.
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs if b.ndim)


def peak_in_arrays(backend: Backend, function: Callable, arguments: Sequence) -> Memory:
    """The peak memory of the function, in arrays of x's size. The function must not have run yet."""
    unit = arguments[0].nbytes
    if backend.name == "jax":
        memory = function.lower(*arguments).compile().memory_analysis()
        return Memory((memory.temp_size_in_bytes + memory.output_size_in_bytes) / unit)
    compiled = function.lower(*arguments).compile()
    first, _ = measure.first_call_bytes(lambda: compiled(*arguments))
    return Memory(first / unit, measure.peak_bytes(lambda: compiled(*arguments)) / unit)


def memory_of(backend: Backend, method: str, grid: Grid, what: str, arguments: Sequence) -> Memory:
    # Functions of the same text share one program, which keeps its arrays. Only a fresh program has none.
    if backend.name == "minijax":
        gc.collect()
        backend.library.clear_caches()
    return peak_in_arrays(backend, functions(backend, method, grid)[what], arguments)


def timed(backend: Backend, runs: dict[str, Callable], arguments: Sequence, repeats: int) -> dict[str, list[float]]:
    """The milliseconds of each repeat, by name. The runs take turns."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            backend.block_until_ready(run(*arguments))
            times[name].append((time.perf_counter() - start) * 1e3)
    return times


def table_of(backend: Backend, arguments: Sequence, grid: Grid, repeats: int, what: str) -> Table:
    """The table of times and memory of all methods, for one of the two functions."""
    arguments = [backend.np.asarray(a) for a in arguments]
    memory = {method: memory_of(backend, method, grid, what, arguments) for method in METHODS}
    runs = {method: functions(backend, method, grid)[what] for method in METHODS}
    results = {method: backend.block_until_ready(run(*arguments)) for method, run in runs.items()}
    table = Table(title=f"{backend.name}: {what}")
    for column in ("method", "ms (fastest, slowest)", "naive / this", "this / tanh", "peak, arrays of x", "difference"):
        table.add_column(column, justify="left" if column == "method" else "right")
    times = timed(backend, runs, arguments, repeats)
    median = {method: statistics.median(ms) for method, ms in times.items()}
    for method, ms in times.items():
        difference = "" if method == "tanh" else largest_difference(backend, results[method], results["naive"])
        if difference and difference > MAX_DIFFERENCE:
            raise SystemExit(f"{backend.name}, {what}: {method} is off from the formula by {difference:.1e}")
        table.add_row(
            method,
            f"{median[method]:.2f} ({min(ms):.2f}, {max(ms):.2f})",
            "" if method == "tanh" else f"{median['naive'] / median[method]:.1f}",
            f"{median[method] / median['tanh']:.1f}",
            str(memory[method]),
            difference if difference == "" else f"{difference:.1e}",
        )
    return table


# -- Training ------------------------------------------------------------------------------------------------------------


def training(backend: Backend, activation: str, case: Case) -> Callable[[], object]:
    """A function that makes one training step after the other, and returns the loss."""
    rng = np.random.default_rng(0)
    x = backend.np.asarray(rng.normal(size=(case.batch, case.inputs)).astype(np.float32))
    labels = backend.np.asarray(rng.integers(0, LAYERS[-1], case.batch).astype(np.int32))
    optimizer = adam(5e-3)
    step = backend.jit(make_step(backend, lambda net: net, cross_entropy, optimizer, l2_weight=1e-4))
    network = KAFNet.init(0, [case.inputs, *LAYERS], activation)
    state = [network, optimizer.init(network)]

    def run():
        *state[:], loss = step(*state, x, labels)
        return backend.block_until_ready((state[0], loss))[1]

    return run


def steps(backend: Backend, case: Case, repeats: int) -> dict[str, list[float]]:
    """The milliseconds of a training step, by activation."""
    runs = {activation: training(backend, activation, case) for activation in ACTIVATIONS}
    # Two steps first, because only the second step gets arrays that are all results of a step.
    timed(backend, runs, (), 2)
    return timed(backend, runs, (), repeats)


def training_table(backend: Backend, taken: dict[Case, dict[str, list[float]]]) -> Table:
    """The table of the steps in `taken`, by case and activation."""
    table = Table(title=f"{backend.name}: a training step, layers of {', '.join(map(str, LAYERS))} units, Adam")
    for column in ("inputs", "batch", "activation", "ms (fastest, slowest)", "this / relu"):
        table.add_column(column, justify="left" if column == "activation" else "right")
    for case, times in taken.items():
        relu = statistics.median(times["relu"])
        for activation, ms in times.items():
            median = statistics.median(ms)
            spread = f"{median:.2f} ({min(ms):.2f}, {max(ms):.2f})"
            table.add_row(str(case.inputs), str(case.batch), activation, spread, f"{median / relu:.2f}")
    return table


# -- By the number of centres ----------------------------------------------------------------------------------------------


def times_by_centers(backend: Backend, x, g, medians: dict[str, dict[int, float]]) -> None:
    """Put the median milliseconds of value and gradients into `medians`, by method and number of centres."""
    rng = np.random.default_rng(1)
    for size in CENTERS:
        alpha = rng.normal(0, np.sqrt(0.3), (x.shape[1], size)).astype(np.float32)
        arguments = [backend.np.asarray(a) for a in (x, alpha, g)]
        runs = {method: functions(backend, method, Grid(size))[WHAT[1]] for method in METHODS}
        timed(backend, runs, arguments, 1)
        for method, ms in timed(backend, runs, arguments, FIGURE_REPEATS).items():
            medians[method][size] = statistics.median(ms)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--centers", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--inputs", type=int, nargs="+", default=INPUTS)
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--backends", nargs="+", choices=("jax", "minijax"), default=("jax", "minijax"))
    parser.add_argument("--out", type=Path, help="a directory, for kaf_centers.svg and kaf_training.svg")
    parser.add_argument(
        "--idioms", action="store_true", help="measure the usual ways of calling a KAF, and nothing else"
    )
    parser.add_argument(
        "--border", action="store_true", help="up to which size the formula is quicker, and nothing else"
    )
    parser.add_argument("--sweep", action="store_true", help="measure batches of 1 to 512 rows, and nothing else")
    options = parser.parse_args(arguments)
    if options.idioms or options.border or options.sweep:
        idioms = importlib.import_module("kaf_idioms")
        of = idioms.table if options.idioms else idioms.border if options.border else idioms.sweep
        return idioms.show(Console(width=120), options.backends, options.repeats, of)
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=(options.rows, options.units)).astype(np.float32) for _ in range(2))
    alpha = rng.normal(0, np.sqrt(0.3), (options.units, options.centers)).astype(np.float32)
    console = Console(width=120)
    console.print(
        f"x [{options.rows}, {options.units}] float32, {options.centers} centres, median of {options.repeats}"
    )
    # These hold what was measured when Ctrl-C is pressed.
    by_centers: dict[str, dict] = {}
    by_case: dict[str, dict] = {}
    try:
        for name in options.backends:
            with use_backend(name) as backend:
                for what in WHAT:
                    console.print(table_of(backend, (x, alpha, g), Grid(options.centers), options.repeats, what))
        for name in options.backends:
            with use_backend(name) as backend:
                taken = by_case[name] = {}
                try:
                    for case in itertools.starmap(Case, itertools.product(options.inputs, options.batches)):
                        taken[case] = steps(backend, case, 3 * options.repeats)
                finally:
                    console.print(training_table(backend, taken))
        for name in options.backends if options.out else ():
            with use_backend(name) as backend:
                # At most 1024 rows, because the formula holds 100 arrays of this size.
                rows = min(len(x), 1024)
                medians = by_centers[name] = {method: {} for method in METHODS}
                times_by_centers(backend, x[:rows], g[:rows], medians)
    except KeyboardInterrupt:
        console.print("Interrupted: what follows shows only what was measured until now.")
    if options.out:
        write_figures(options.out, by_centers, by_case, console)


def write_figures(out: Path, by_centers: dict, by_case: dict, console: Console) -> None:
    """Write kaf_centers.svg and kaf_training.svg. A figure without data is not written."""
    out.mkdir(parents=True, exist_ok=True)
    measured = {name: medians for name, medians in by_centers.items() if medians[METHODS[0]]}
    if measured:
        kaf_figure.centers(out / "kaf_centers.svg", measured)
        console.print(f"wrote {out / 'kaf_centers.svg'}")
    complete = {name: taken for name, taken in by_case.items() if taken}
    if complete:
        kaf_figure.training(out / "kaf_training.svg", complete)
        console.print(f"wrote {out / 'kaf_training.svg'}")


if __name__ == "__main__":
    main()
