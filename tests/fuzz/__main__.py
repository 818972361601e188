"""`python -m tests.fuzz`: random programs in minijax and in JAX.

    --minutes N         run the seeds that the log does not have, for N minutes
    --seeds A:B         run these seeds; those in the log are not run again
    --seed S            show the program of one seed, and what disagrees
    --replay FILE       the same for a program in a file
    --log FILE          which seeds were run and what disagreed (fuzz.log)
    --report            what the log says

Each disagreement that is not explained in `explained.py` is shrunk, logged and shown. The exit status is 1 if there is one.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path

from tests import conftest  # noqa: F401  XLA's flags, before JAX is there.

import jax  # isort: skip

import minijax
from tests.fuzz import check, explained, programs, shrink
from tests.fuzz.log import Log

# Seeds between two lines of the log; programs between two times that caches are emptied.
CHUNK, CACHED = 10, 400


def shrunk(source: str, found: check.Disagreement, seconds: float) -> tuple[str, check.Disagreement]:
    """A shorter program and how it disagrees: in the same way, and explained if one that is explained was met."""
    latest = {source: found}

    def still(text: str) -> bool:
        alike = [d for d in check.disagreements(text, (found.mode,)) if d.kind == found.kind]
        if alike:
            latest[text] = alike[0]
        return bool(alike)

    text = shrink.shrink(source, still, lambda text: explained.explanation(text, latest[text]) is not None, seconds)
    return text, latest[text]


def explain(source: str, seconds: float) -> list[dict]:
    """An entry of the log for each disagreement of a program: of several of one kind, for the first."""
    entries, seen = [], set()
    for found in check.disagreements(source):
        if found.kind[1:] in seen:
            continue
        seen.add(found.kind[1:])
        # Texts differ more often than values, and matter less.
        text, found = shrunk(source, found, seconds / 4 if found.what in explained.TEXT else seconds)
        reason = explained.explanation(text, found)
        entries.append(
            {
                "mode": found.mode,
                "what": found.what,
                "detail": found.detail,
                "explained": reason and reason.name,
                "source": text,
            }
        )
    return entries


def show(source: str) -> int:
    """Print a program and what disagrees."""
    print(source)
    found = check.disagreements(source)
    for d in found:
        reason = explained.explanation(source, d)
        print(f"{d}\n  explained: {reason.reason}\n" if reason else f"{d}\n")
    print(f"{len(found)} modes disagree")
    return int(any(explained.explanation(source, d) is None for d in found))


def run_seeds(log: Log, seeds, end: float, shrinking: float) -> int:
    """Run seeds until the time `end`. Returns how many disagreements are not explained."""
    start, count, unexplained, first, last = time.monotonic(), 0, 0, None, None

    def done():
        if first is not None:
            log.write(seeds=[first, last + 1])

    try:
        for seed in seeds:
            if time.monotonic() > end:
                break
            if last is not None and (seed != last + 1 or seed % CHUNK == 0):
                done()
                first = None
            log.now.write_text(str(seed))
            for entry in explain(programs.source(seed), shrinking):
                log.write(seed=seed, **entry)
                if not entry["explained"]:
                    unexplained += 1
                    print(
                        f"\rseed {seed}: {entry['mode']}: {entry['what']}: {entry['detail']}\n{entry['source']}",
                        flush=True,
                    )
            first, last = seed if first is None else first, seed
            count += 1
            if count % CACHED == 0:
                jax.clear_caches()
                minijax.clear_caches()
                gc.collect()
            rate = count / (time.monotonic() - start)
            if sys.stderr.isatty() or count % 100 == 0:
                print(
                    f"\rseed {seed}, {count} programs, {rate:.1f} a second, {unexplained} unexplained ",
                    end="",
                    file=sys.stderr,
                )
    finally:
        done()
        log.now.unlink(missing_ok=True)
    print(file=sys.stderr)
    return unexplained


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seeds")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--replay")
    parser.add_argument("--log", default="fuzz.log")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--shrink", type=float, default=20.0, help="seconds for each disagreement")
    options = parser.parse_args()
    if options.seed is not None:
        return show(programs.source(options.seed))
    if options.replay:
        return show(Path(options.replay).read_text())
    log = Log(options.log)
    if options.report:
        print(log.report())
        return 0
    if log.now.exists():
        killer = int(log.now.read_text())
        log.write(seeds=[killer, killer + 1])
        log.write(seed=killer, mode="process", what="ended", detail="", explained=None, source=programs.source(killer))
    first, _, end = (options.seeds or "0:").partition(":")
    seeds = log.missing(int(first), int(end) if end else None)
    stop = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    try:
        unexplained = run_seeds(log, seeds, stop, options.shrink)
    except KeyboardInterrupt:
        unexplained = 0
        print("\nstopped: the same command goes on from here", file=sys.stderr)
    print(log.report())
    return int(unexplained > 0)


sys.exit(main())
