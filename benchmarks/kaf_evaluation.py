"""A KAF beside its formula and beside tanh: time and peak memory, of the value and of value and gradients, on JAX and minijax.

    python benchmarks/kaf_evaluation.py [--rows 4096] [--units 256] [--centers 20] [--repeats 15] [--backends jax minijax]

The methods of `kaf.kaf` take turns, so that a busy machine slows all of them; the first run of each, which compiles, is not
counted. Times are the median of the repeats and, behind it, the fastest and the slowest. `naive` is the formula as it
stands, under jit like all the others. Memory is the peak above the arguments, results included, in arrays of x's size: on
JAX what the compiled program says it takes, on minijax what NumPy asks for (tracemalloc). Before anything is measured, the
values and gradients are compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from kaf import Grid, use_backend
from kaf.backend import Backend
from kaf.functional import kaf

METHODS = ("tanh", "gridded", "loop", "naive")
MAX_DIFFERENCE = 1e-5


def functions(backend: Backend, method: str, grid: Grid) -> dict[str, Callable]:
    """The two jitted functions that are timed, of (x, alpha, g): the value, and that with the gradients by x and alpha."""

    def value(x, alpha, g):
        return backend.np.tanh(x) if method == "tanh" else kaf(x, alpha, grid, method=method)

    def loss(x, alpha, g):
        return (value(x, alpha, g) * g).sum()

    argnums = 0 if method == "tanh" else (0, 1)
    return {"value": backend.jit(value), "value and gradients": backend.jit(backend.value_and_grad(loss, argnums))}


def largest_difference(backend: Backend, found, expected) -> float:
    """Of the largest expected value, over all results."""
    pairs = zip(*(map(np.asarray, backend.tree_util.tree_leaves(tree)) for tree in (found, expected)), strict=True)
    # The loss is a sum of numbers of both signs, and says less than the arrays.
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs if b.ndim)


def peak_in_arrays(backend: Backend, function: Callable, arguments: Sequence) -> float:
    """The peak of what the function holds, in arrays of x's size: of its first run, before it keeps anything."""
    compiled = function.lower(*arguments).compile()
    if backend.name == "jax":
        memory = compiled.memory_analysis()
        return (memory.temp_size_in_bytes + memory.output_size_in_bytes) / arguments[0].nbytes
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = compiled(*arguments)
        peak = tracemalloc.get_traced_memory()[1] - before
        del result
    finally:
        tracemalloc.stop()
    return peak / arguments[0].nbytes


def timed(backend: Backend, runs: dict[str, Callable], arguments: Sequence, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each run; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            backend.block_until_ready(run(*arguments))
            times[name].append((time.perf_counter() - start) * 1e3)
    return times


def table_of(backend: Backend, arguments: Sequence, grid: Grid, repeats: int, what: str) -> Table:
    """The methods' times and memory for one of the two functions."""
    arguments = [backend.np.asarray(a) for a in arguments]
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
            f"{peak_in_arrays(backend, functions(backend, method, grid)[what], arguments):.2f}",
            difference if difference == "" else f"{difference:.1e}",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--centers", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--backends", nargs="+", choices=("jax", "minijax"), default=("jax", "minijax"))
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=(options.rows, options.units)).astype(np.float32) for _ in range(2))
    alpha = rng.normal(0, np.sqrt(0.3), (options.units, options.centers)).astype(np.float32)
    console = Console(width=120)
    console.print(
        f"x [{options.rows}, {options.units}] float32, {options.centers} centres, median of {options.repeats}"
    )
    for name in options.backends:
        with use_backend(name) as backend:
            for what in ("value", "value and gradients"):
                console.print(table_of(backend, (x, alpha, g), Grid(options.centers), options.repeats, what))


if __name__ == "__main__":
    main()
