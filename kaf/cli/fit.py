"""`kaf fit`: fit a KAF to a known function, and show how well it fits."""

from pathlib import Path

from kaf.cli.figures import draw_fit
from kaf.cli.files import require_writable
from kaf.cli.report import Report
from kaf.functional.grid import Grid
from kaf.functional.init import FUNCTIONS, ridge_alpha


def run(arguments):
    """Write fit_FUNCTION.png, print the residuals, and return 0."""
    name = f"fit_{arguments.function}.png"
    require_writable(arguments.out, [name])
    grid = Grid(arguments.centers, arguments.boundary, arguments.rule)
    found = ridge_alpha(arguments.function, grid, arguments.eps)
    path = Path(arguments.out) / name
    draw_fit(path, arguments.function, FUNCTIONS[arguments.function], found.alpha, grid)
    report = Report(arguments.quiet)
    report.line(
        f"{arguments.function} by a KAF: {grid.size} centres on [{-grid.boundary:g}, {grid.boundary:g}], "
        f"gamma = {grid.gamma:.6g} (rule {grid.rule}), eps = {arguments.eps:g}"
    )
    rows = [
        ("largest residual", f"{found.residual_max:.3e}"),
        ("root mean square residual", f"{found.residual_rms:.3e}"),
        ("largest |alpha|", f"{found.max_abs_alpha:.4g}"),
    ]
    report.table(("between the outermost centres", "value"), rows)
    report.line(f"wrote {path}")
    return 0
