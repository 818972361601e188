"""Which lines of minijax and kaf that raise an error does the suite run?

    python -m tests.raises                        runs the suite, and lists the lines that it has not run
    python -m tests.raises tests/minijax/api      runs a part of it, and adds to what earlier parts have run
    python -m tests.raises --again                forgets the earlier parts first
    python -m tests.raises --report               lists, and runs nothing

The command fails if a line was not run and is not in REASONS, or if a reason is given for no line that was not run. A line counts
if it ran in the test's own process: the modules are compiled with a note before each `raise` that gives an error. A bare `raise`
passes an error on, and does not count.
"""

from __future__ import annotations

import ast
import atexit
import builtins
import os
import subprocess
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOG = ROOT / ".pytest_cache" / "raises.txt"
PACKAGES = ("minijax", "kaf")

# {"file:function": why the suite does not run the lines of this function that raise, or some of them}
REASONS: dict[str, str] = {}


class _Notes(ast.NodeTransformer):
    """Writes `_note_of_raise("file:line")` before each `raise` of an error."""

    def __init__(self, name: str):
        self.name = name

    def visit_Raise(self, node: ast.Raise):
        if node.exc is None:
            return node
        note = ast.parse(f"_note_of_raise({f'{self.name}:{node.lineno}'!r})").body[0]
        for part in ast.walk(note):
            ast.copy_location(part, node)
        return [note, node]


class _Loader(SourceFileLoader):
    def path_stats(self, path):
        raise OSError("no compiled file")  # Else Python would take one without notes, or keep this one.

    def source_to_code(self, data, path, *, _optimize=-1):
        tree = ast.parse(data, path)
        tree = _Notes(str(Path(path).relative_to(ROOT))).visit(tree)
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)


class _Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] not in PACKAGES:
            return None
        spec = super().find_spec(name, path or [str(ROOT)], target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def take_notes():
    """Note every line that raises in this process, and write them to the log at its end."""
    seen: set[str] = set()
    builtins._note_of_raise = seen.add
    sys.meta_path.insert(0, _Finder)

    @atexit.register
    def write():
        LOG.parent.mkdir(exist_ok=True)
        with LOG.open("a") as log:
            log.write("".join(f"{place}\n" for place in sorted(seen)))


def raises() -> dict[str, str]:
    """{"file:line": "file:function"} of every line that raises an error."""
    found = {}

    def visit(node, name: str, scope: str):
        for child in ast.iter_child_nodes(node):
            inner = scope
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                inner = f"{scope}.{child.name}" if scope else child.name
            elif isinstance(child, ast.Raise) and child.exc is not None:
                found[f"{name}:{child.lineno}"] = f"{name}:{scope}"
            visit(child, name, inner)

    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            visit(ast.parse(path.read_text()), str(path.relative_to(ROOT)), "")
    return found


def report() -> bool:
    """Print the lines that were not run; whether there are none without a reason, and no reason too many."""
    run = set(LOG.read_text().split()) if LOG.exists() else set()
    lines = raises()
    left = {place: function for place, function in lines.items() if place not in run}
    unknown = {place: function for place, function in left.items() if function not in REASONS}
    idle = [function for function in REASONS if function not in left.values()]
    for place, function in unknown.items():
        line = int(place.rpartition(":")[2])
        text = (ROOT / place.rpartition(":")[0]).read_text().splitlines()[line - 1].strip()
        print(f"{place} ({function.rpartition(':')[2]}): {text}")
    for function in idle:
        print(f"A reason without need: {function}")
    print(
        f"{len(lines)} lines raise an error: {len(lines) - len(left)} were run, {len(left) - len(unknown)} have a reason,"
        f" {len(unknown)} have none."
    )
    return not unknown and not idle


def main(arguments: list[str]) -> int:
    if "--again" in arguments:
        LOG.unlink(missing_ok=True)
    if "--report" not in arguments:
        tests = [a for a in arguments if a != "--again"]

        subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "tests.raises", *tests], cwd=ROOT)
    return 0 if report() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
elif "pytest" in sys.modules and os.environ.get("MINIJAX_NO_NOTES") != "1":
    take_notes()
