"""`python -m tests.mutate`: plants faults of one token and asks whether the tests of their module see them.

    --sample N          of the faults of all files, N drawn by the seed (400)
    --seed S            the seed (1)
    --minutes M         stop after M minutes; the same command goes on from there
    --only TEXT         of the sample, those whose file's path has TEXT in it
    --again             run those again that survived: after tests were added
    --log FILE          what was run (mutate.log)
    --report            what the log says
    --list              the sample, and what each would be tested by first

A fault is caught when a test fails, when the tests do not end in the time of `--seconds`, or when the process dies. At the end
the tests that caught something are run without a fault: one that fails then has caught nothing.
The exit status is 1 if a fault survived that is not in `equivalent.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from pathlib import Path

from tests.mutate.chosen_tests import chosen, files
from tests.mutate.equivalent import EQUIVALENT
from tests.mutate.faults import Fault, faults
from tests.mutate.running import Copy

ROOT = Path(__file__).parents[2]


def sample(seed: int, count: int) -> list[Fault]:
    """The faults whose names the seed puts first. Where a line changes, its faults alone leave the sample."""
    draw = lambda fault: hashlib.sha256(f"{seed} {fault.identity}".encode()).digest()
    return sorted(faults(ROOT, files(ROOT)), key=draw)[:count]


def read(path: Path) -> dict[str, dict]:
    """The last line of the log on each fault. The last of all may have been cut by a kill."""
    lines = path.read_text().splitlines() if path.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return {entry["fault"]: entry for entry in entries}


def report(chosen_faults: list[Fault], log: dict[str, dict]) -> list[Fault]:
    """Print what the log says of the faults; return those that survived."""
    ran = [f for f in chosen_faults if f.identity in log]
    outcome = {f: "equivalent" if f.key in EQUIVALENT else log[f.identity]["outcome"] for f in ran}
    survived = [f for f in ran if outcome[f] == "passed"]
    for fault in survived:
        print(f"survived  {fault.name}\n          {fault.text.strip()}")
    counts = Counter(outcome.values())
    real = len(ran) - counts["equivalent"]
    print(
        f"{len(ran)} of {len(chosen_faults)} faults: {counts['equivalent']} equivalent, {len(survived)} survived, "
        f"{real - len(survived)} of {real} caught ({100 * (real - len(survived)) / max(real, 1):.1f} %)"
    )
    return survived


def run(todo: list[Fault], log: Path, end: float, seconds: float):
    """Run the tests on each fault until the time `end`, a line of the log for each."""
    copy, caught = Copy(ROOT), set()
    try:
        if (failed := copy.pytest(["minijax/__init__.py", "kaf/__init__.py"], seconds)) != ("passed", ""):
            raise RuntimeError(f"pytest fails in a copy of the project without a fault: {failed[1]}")
        for i, fault in enumerate(todo):
            if time.monotonic() > end:
                break
            start = time.monotonic()
            outcome, test = copy.test(fault, chosen(ROOT, fault.path), seconds)
            entry = {
                "fault": fault.identity,
                "place": fault.name,
                "outcome": outcome,
                "test": test,
                "seconds": round(time.monotonic() - start, 1),
            }
            with log.open("a") as file:
                file.write(json.dumps(entry) + "\n")
            print(f"{i + 1}/{len(todo)} {entry['seconds']:6.1f} s  {outcome:7} {fault.name}  {test}", flush=True)
            if "::" in test and "[" not in test:
                caught.add(test)
        if caught and (failed := copy.pytest(sorted(caught), 10 * seconds, every_case=True)) != ("passed", ""):
            raise RuntimeError(f"{failed[1]} fails without a fault, so it has caught nothing. Mend it first.")
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on from here", file=sys.stderr)
    finally:
        copy.remove()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--seconds", type=float, default=900, help="for the tests of one fault")
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--log", type=Path, default=Path("mutate.log"))
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    asked = [f for f in sample(options.seed, options.sample) if options.only in f.path]
    if options.list:
        for fault in asked:
            print(f"{fault.name}\n    {fault.text.strip()}\n    {' '.join(chosen(ROOT, fault.path)[:3])} ...")
        return 0
    if not options.report:
        log = read(options.log)
        real = [f for f in asked if f.key not in EQUIVALENT]
        again = [f for f in real if f.identity in log and log[f.identity]["outcome"] == "passed"]
        todo = again if options.again else [f for f in real if f.identity not in log]
        run(todo, options.log, time.monotonic() + 60 * options.minutes, options.seconds)
    return int(bool(report(asked, read(options.log))))


if __name__ == "__main__":
    sys.exit(main())
