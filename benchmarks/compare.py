"""minijax, JAX, HIPS autograd, MyGrad, PyTorch and NumPy by hand side by side: one process, interleaved.

    python benchmarks/compare.py [--seconds 5] [--only NAME ...] [--base CONTESTANT] [--out DIRECTORY]

Every contestant's results are compared with JAX's before anything is timed. Then come rounds: each times every contestant
once, in an order of its own. A ratio is that of the medians, and its spread the quartiles of the ratios within single
rounds: what a noisy machine adds is added to both. Ctrl-C ends the measuring; what has been measured is printed and written
all the same. A run of all comparisons writes `compare.md` and `compare.svg` to benchmarks/results, one of some with --out.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import report
from measure import in_fresh_process, interleaved, sampler
from programs import PROGRAMS, Program, Unavailable, flat, load
from result import Result

# Of the largest number of an array: XLA's tanh and exp are not NumPy's, and fifty layers deep they differ by 2e-5.
TOLERANCE = 1e-4

Samplers = dict[str, Callable[[], float]]


@dataclass(frozen=True)
class Comparison:
    """`contestants`: name -> a function that makes ready and returns what takes one sample, or raises Unavailable."""

    name: str
    what: str
    contestants: dict[str, Callable[[], Callable[[], float]]]
    base: str  # whose ratio is 1
    unit: str = "s"
    rounds: int = 5  # at least


# ---------------------------------------------------------------------------------------------------------------------
# Comparisons


class Disagreement(Unavailable):
    """Results that are not JAX's."""


class Failure(Unavailable):
    """An error of a library in a program that it should run: it costs this contestant its place, and no other."""


def check_equal(got, want):
    for i, (a, b) in enumerate(zip(flat(got), flat(want), strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            raise Disagreement(f"its result {i} has shape {a.shape}, JAX's {b.shape}")
        error, scale = float(np.abs(a - b).max(initial=0)), float(np.abs(b).max(initial=0))
        if not error <= TOLERANCE * scale:
            raise Disagreement(f"its result {i} differs from JAX's by {error:.1e}, the largest there is {scale:.1e}")


def of_program(program: Program) -> Comparison:
    @functools.cache
    def expected():
        try:
            return program.prepare("jax, jit")()
        except Unavailable:
            return None

    def contestant(name: str) -> Callable[[], float]:
        run = program.prepare(name)
        if (want := expected()) is not None:
            check_equal(run(), want)
        return sampler(run)

    rows = {name: functools.partial(contestant, name) for name in program.contestants()}
    return Comparison(program.name, program.what, rows, base="jax, jit")


STAGES = {
    "trace": ("trace",),
    "to lowered": ("trace", "lower"),
    # Of minijax what is lowered is a text, written when it is asked for.
    "to text": ("trace", "lower", "as_text"),
    "to compiled": ("trace", "lower", "compile"),
}


def of_stages(program: Program) -> Comparison:
    """What `jit` does before it runs anything, each time with a function that neither library has seen."""

    def contestant(library: str, stages: tuple[str, ...]) -> Callable[[], float]:
        module = load(library)
        arguments = [module.numpy.asarray(array) for array in program.arrays()]
        first, *others = stages

        # minijax shares what is compiled among programs that are one, JAX does not: without this it would only look it up.
        # Cleared, JAX would trace its own functions again too, which a running process has done.
        forget = module.clear_caches if library == "minijax" else lambda: None

        def run():
            stage = getattr(module.jit(program.function(library)), first)(*arguments)
            for name in others:
                stage = getattr(stage, name)()

        def sample() -> float:
            forget()
            start = time.perf_counter()
            run()
            return time.perf_counter() - start

        sample()
        return sample

    rows = {
        f"{library}, {name}": functools.partial(contestant, library, stages)
        for name, stages in STAGES.items()
        for library in ("minijax", "jax")
    }
    return Comparison(
        f"stages-{program.name}", f"tracing, lowering, compiling: {program.what}", rows, base="jax, to lowered"
    )


def of_imports() -> Comparison:
    code = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"

    def contestant(module: str) -> Callable[[], float]:
        load(module)
        sample = functools.partial(in_fresh_process, code.format(module))
        sample()  # writes the compiled files
        return sample

    modules = ["minijax.numpy", "jax.numpy", "autograd.numpy", "mygrad", "torch", "numpy"]
    rows = {name.partition(".")[0]: functools.partial(contestant, name) for name in modules}
    return Comparison("import", "time to import, in a fresh process", rows, base="jax", rounds=9)


def of_memory(program: Program, small: Program) -> Comparison:
    """Above what a process has once it has run a small program of the same kind."""
    code = (
        "from measure import peak_rss; from programs import PROGRAMS\n"
        "PROGRAMS[{small!r}].prepare({name!r})(); before = peak_rss()\n"
        "PROGRAMS[{large!r}].prepare({name!r})(); print(peak_rss() - before)"
    )

    def contestant(name: str) -> Callable[[], float]:
        small.prepare(name)
        return functools.partial(in_fresh_process, code.format(small=small.name, large=program.name, name=name))

    rows = {name: functools.partial(contestant, name) for name in program.contestants()}
    what = f"peak memory: {program.what}, in a fresh process"
    return Comparison(f"memory-{program.name}", what, rows, base="jax, jit", unit="B", rounds=1)


COMPARISONS: dict[str, Comparison] = {
    comparison.name: comparison
    for comparison in [
        *map(of_program, PROGRAMS.values()),
        *(of_stages(PROGRAMS[f"tanh-{layers}"]) for layers in (5, 50, 200)),
        of_memory(PROGRAMS["kaf-4096x256"], PROGRAMS["kaf-1x8"]),
        of_imports(),
    ]
}

# ---------------------------------------------------------------------------------------------------------------------
# Running them


def ready(comparison: Comparison, tell: Callable[[str], None]) -> tuple[Samplers, dict[str, Unavailable]]:
    """What takes samples, and why others do not."""
    samplers, absent = {}, {}
    for name, prepare in comparison.contestants.items():
        tell(f"{name}: first call")
        try:
            samplers[name] = prepare()
        except Unavailable as reason:
            absent[name] = reason
        except Exception as error:
            absent[name] = Failure(f"FAILED, {type(error).__name__}: {str(error).partition(chr(10))[0]}")
    return samplers, absent


def measure(comparison: Comparison, seconds: float, tell: Callable[[str], None]) -> tuple[Result, bool]:
    """What was measured, and whether it was interrupted. A round that was not finished does not count."""
    rounds, absent = [], {}
    try:
        samplers, absent = ready(comparison, tell)
        for samples in interleaved(samplers, seconds, comparison.rounds):
            rounds.append(samples)
            tell(f"round {len(rounds)}")
    except KeyboardInterrupt:
        return Result(comparison, rounds, absent), True
    return Result(comparison, rounds, absent), False


def measure_all(chosen: list[Comparison], seconds: float, base: str | None) -> tuple[list[Result], bool]:
    results, interrupted = [], False
    with report.progress(len(chosen)) as show:
        for i, comparison in enumerate(chosen):
            result, interrupted = measure(
                comparison, seconds, lambda text, i=i, c=comparison: show.tell(i, c.name, text)
            )
            if result.rounds:
                results.append(result.relative_to(base))
                show.print_result(results[-1])
            if interrupted:
                break
    return results, interrupted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each comparison, at least")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=COMPARISONS, help=", ".join(COMPARISONS))
    parser.add_argument("--base", help="whose ratio is 1, where it takes part: 'jax, jit', 'autograd', ...")
    parser.add_argument("--out", type=Path, help="where the table and the figure are written")
    options = parser.parse_args()
    everything = Path(__file__).parent / "results" if options.only is None else None
    out = options.out or everything

    heading = report.heading()
    print(heading, flush=True)
    chosen = [COMPARISONS[name] for name in options.only or COMPARISONS]
    results, interrupted = measure_all(chosen, options.seconds, options.base)
    if out is not None and results:
        report.write(out, heading, results, complete=not interrupted)
    wrong = [
        reason for result in results for reason in result.absent.values() if isinstance(reason, (Disagreement, Failure))
    ]
    return 130 if interrupted else 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
