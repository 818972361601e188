"""`kaf experiment symbols`: formulas are found again from points, by KANs."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from kaf.cli.backends import computing_on
from kaf.cli.files import replacing, require_writable
from kaf.cli.report import Report, as_markdown
from kaf.experiments import symbols

TEXT = "symbols.md"


def run(arguments):
    """Look for every formula, print what is found, and return 0."""
    require_writable(arguments.out, [TEXT])
    most = 5 if arguments.seeds is None else arguments.seeds
    options = {} if arguments.epochs is None else {"steps": arguments.epochs}
    report, rows = Report(arguments.quiet), []
    with computing_on(arguments.backend, arguments.compiler) as backend, threadpool_limits(1, user_api="blas"):
        report.line(f"symbols: at most {most} seeds from {arguments.seed}; on {backend.name}")
        for name in symbols.FORMULAS:
            best = min(symbols.attempts(name, most, arguments.seed, **options), key=lambda attempt: attempt.left)
            verdict = "found" if best.found else "NOT FOUND"
            report.line(f"{verdict:<9}  {name}, by seed {best.seed}; of the variance {best.left:.1e} is left")
            report.line(f"           {best.formula.text[0]}")
            rows.append((name, verdict, best.formula.text[0], f"{best.left:.1e}"))
    with replacing(Path(arguments.out) / TEXT) as file:
        table = as_markdown(("formula", "", "as the network has it", "variance left"), rows)
        file.write(f"# kaf experiment symbols\n\n{table}\n".encode())
    report.line(f"wrote {Path(arguments.out) / TEXT}")
    return 0
