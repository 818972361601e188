"""What a change costs: minijax of this tree by minijax of another commit, benchmark by benchmark.

    python benchmarks/pairs.py COMMIT [--pairs 5] [--only NAME ...]

The programs of `compare.py`, eager and under jit on both compilers, what `jit` does before it runs, and the time to import. A pair
is a process of each tree, one after the other; a process takes the least of many samples, since all that a busy machine does is to
add. A row has the median of the pairs' ratios, below 1 where this tree is the faster one, and the least and the largest of them.
Ctrl-C ends the measuring; the pairs that are complete are shown.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

from compare import COMPARISONS
from measure import sampler
from programs import PROGRAMS
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
SECONDS = 0.7  # for each row, in each process


def rows(only: Sequence[str] | None = None) -> Iterator[tuple[str, Callable[[], Callable[[], float]]]]:
    """(name, a function that makes ready and returns what takes one sample) of all that is minijax's."""
    for name, comparison in COMPARISONS.items():
        if comparison.unit != "s" or only and name not in only:
            continue
        for contestant, prepare in comparison.contestants.items():
            if contestant.split(",")[0] == "minijax":
                # `compare.py` asks JAX for the right numbers first, which takes a while, and no time here.
                program = lambda name=name, contestant=contestant: sampler(PROGRAMS[name].prepare(contestant))
                yield f"{name}: {contestant}", program if name in PROGRAMS else prepare


def least(sample: Callable[[], float]) -> float:
    end, found = time.perf_counter() + SECONDS, math.inf
    while time.perf_counter() < end:
        found = min(found, sample())
    return found


def in_tree(tree: Path, only: Sequence[str] | None) -> dict[str, float]:
    """The seconds of each row, of the minijax and kaf in that folder, by the benchmarks of this one."""
    command = [sys.executable, __file__, "--this-process", *(["--only", *only] if only else [])]
    env = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    if not Path(found.pop("minijax")).is_relative_to(tree):
        raise RuntimeError(f"the process that should measure {tree} imported another minijax")
    return found


def unpacked(commit: str, folder: Path) -> Path:
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    tarfile.open(fileobj=BytesIO(archive)).extractall(folder, filter="data")
    return folder


def table(pairs: list[tuple[dict, dict]], commit: str) -> Table:
    result = Table(title=f"time of this tree by that of {commit}, {len(pairs)} pairs")
    for column in ("row", "ratio", "least", "largest", "here"):
        result.add_column(column, justify="left" if column == "row" else "right")
    medians = []
    for row in pairs[0][0]:
        if row in pairs[0][1]:
            ratios = [here[row] / there[row] for here, there in pairs]
            medians.append(statistics.median(ratios))
            seconds = statistics.median(here[row] for here, _ in pairs)
            result.add_row(
                row, *[f"{x:.2f}" for x in (medians[-1], min(ratios), max(ratios))], f"{1e6 * seconds:,.0f} us"
            )
    result.add_section()
    result.add_row("geometric mean", f"{statistics.geometric_mean(medians):.3f}")
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", nargs="?", metavar="COMMIT", help="the commit to compare with")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=COMPARISONS, help=", ".join(COMPARISONS))
    parser.add_argument("--this-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.this_process:
        import minijax

        found = {name: least(prepare()) for name, prepare in rows(options.only)}
        print(json.dumps({"minijax": minijax.__file__, **found}))
        return 0
    if options.commit is None or options.pairs < 1:
        parser.error("name a commit to compare with, and one pair at least")
    console, pairs = Console(), []
    with tempfile.TemporaryDirectory() as folder:
        there = unpacked(options.commit, Path(folder))
        try:
            for i in range(options.pairs):
                with console.status(f"pair {i + 1} of {options.pairs}"):
                    # Each goes first every other time.
                    trees = (ROOT, there) if i % 2 else (there, ROOT)
                    found = {tree: in_tree(tree, options.only) for tree in trees}
                pairs.append((found[ROOT], found[there]))
        except KeyboardInterrupt:
            console.print(f"interrupted after {len(pairs)} pairs")
    if pairs:
        console.print(table(pairs, options.commit))
    return 0 if len(pairs) == options.pairs else 130


if __name__ == "__main__":
    sys.exit(main())
