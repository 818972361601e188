"""The log of long runs: which seeds were run and what disagreed, a line of JSON each, so that a run goes on where one ended."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path


class Log:
    """`path` grows a line at a time. Beside it, `path` + ".now" holds the seed that is being run: if it is still there when
    the next run starts, that seed ended the process."""

    def __init__(self, path: str):
        self.path = Path(path)
        self.now = Path(path + ".now")
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        # The last line may have been cut by a kill.
        self.entries = [json.loads(line) for line in lines if line.endswith("}")]

    def write(self, **entry):
        self.entries.append(entry)
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def ranges(self) -> list[list[int]]:
        """The ranges of seeds [first, last + 1] that were run, joined."""
        out: list[list[int]] = []
        for first, end in sorted(e["seeds"] for e in self.entries if "seeds" in e):
            if out and first <= out[-1][1]:
                out[-1][1] = max(end, out[-1][1])
            else:
                out.append([first, end])
        return out

    def missing(self, first: int, end: int | None):
        """The seeds of first:end that were not run."""
        done, seed = self.ranges(), first
        while end is None or seed < end:
            inside = next((r for r in done if r[0] <= seed < r[1]), None)
            if inside:
                seed = inside[1]
                continue
            yield seed
            seed += 1

    def found(self) -> list[dict]:
        return [e for e in self.entries if "what" in e]

    def report(self) -> str:
        ran = ", ".join(f"{a}:{b}" for a, b in self.ranges())
        counts = Counter((e["explained"] or "OPEN " + e["mode"] + " " + e["what"]) for e in self.found())
        total = sum(b - a for a, b in self.ranges())
        return "\n".join([f"{total} programs ({ran})", *(f"{n:6} {name}" for name, n in counts.most_common())])
