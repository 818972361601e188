"""The command of a benchmark that is one table: it measures the comparisons one after the other, prints the table, and writes the
page that has it where `--out` says. Ctrl-C ends the measuring; what has been measured is printed and written all the same."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import report
from compare import Comparison, Disagreement, Failure, measure
from result import Result

Lines = Callable[[Sequence[Result]], list[str]]


def page(
    title: str, name: str, heading: str, results: Sequence[Result], said: str, lines: Sequence[str], complete: bool
) -> str:
    parts = [
        f"# {title}",
        f"Written by `python benchmarks/{name}.py`." + ("" if complete else " It was interrupted."),
        heading.replace("\n", "  \n"),
        said,
        report.markdown(*report.summary(results)),
        "\n".join(f"- {line}" for line in lines),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def run(
    name: str, doc: str, comparisons: Mapping[str, Comparison], title: str, said: str, lines: Lines = lambda _: []
) -> int:
    """The command `python benchmarks/{name}.py`; its exit status. `lines` says more of the results, below the table."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each comparison, at least")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=comparisons, help=", ".join(comparisons))
    parser.add_argument("--out", type=Path, help=f"the directory where {name}.md is written")
    options = parser.parse_args()
    heading = report.heading()
    print(heading, flush=True)
    results: list[Result] = []
    interrupted = False
    chosen = options.only or list(comparisons)
    with report.progress(len(chosen)) as show:
        for i, each in enumerate(chosen):
            tell = lambda text, i=i, each=each: show.tell(i, each, text)
            result, interrupted = measure(comparisons[each], options.seconds, tell)
            if result.rounds:
                results.append(result.relative_to(None))
            if interrupted:
                break
    if not results:
        return 130
    more = [f"{r.comparison.name}, {note}" for r in results for note in report.notes(r)] + lines(results)
    print(report.plain(*report.summary(results)), *more, sep="\n", flush=True)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / f"{name}.md"
        path.write_text(page(title, name, heading, results, said, more, complete=not interrupted))
        print(f"written: {path}")
    wrong = [e for result in results for e in result.absent.values() if isinstance(e, (Disagreement, Failure))]
    return 130 if interrupted else 1 if wrong else 0
