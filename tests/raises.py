"""Which lines of minijax and kaf that raise an error does the suite run?

    python -m tests.raises                        runs the suite, and lists the lines that it has not run
    python -m tests.raises tests/minijax/api      runs a part of it, and adds to what earlier parts have run
    python -m tests.raises --again                forgets the earlier parts first
    python -m tests.raises --report               lists, and runs nothing

Short runs try a part of the longer tables: after the whole suite, run the parts that have lines left with HYPOTHESIS_PROFILE=long.

The command fails if a line was not run and is not in REASONS, or if a reason is given for no line that was not run. A line counts
if it ran in the test's own process: the modules are compiled with a note before each `raise` that gives an error. A bare `raise`
passes an error on, and does not count.
"""

from __future__ import annotations

import ast
import atexit
import builtins
import subprocess
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOG = ROOT / ".pytest_cache" / "raises.txt"
PACKAGES = ("minijax", "kaf")

# {"file:function#1": why the suite does not run the first line of this function that raises}
REASONS: dict[str, str] = {
    "minijax/foundation/dtypes.py:_of_ml_dtypes#1": "ml_dtypes is there wherever JAX is",
    "minijax/scipy/spectra.py:_named_window#1": "SciPy is there wherever JAX is",
    "minijax/alias/child/sitecustomize.py:install#1": "test_children.py looks at it in another process",
    "minijax/alias/children.py:_started.started#1": "test_children.py looks at it in another process",
    "minijax/explain/command.py:_debug#1": "test_debugging.py looks at it in another process",
    "minijax/explain/debugger.py:Debugger.stop#1": "test_debugging.py types `q` in another process",
    "minijax/explain/debugger.py:Debugger.trace_dispatch#1": "test_debugging.py types `q` in another process",
    "minijax/explain/debugger.py:_Operands.__missing__#1": "test_debugging.py types a name in another process",
    "minijax/explain/debugging.py:condition.holds#1": "test_debugging.py looks at it in another process",
    "minijax/explain/on_jax.py:called#1": "test_badges.py looks at it: the file is for processes with JAX",
    "minijax/explain/on_jax.py:called#2": "test_badges.py looks at it: the file is for processes with JAX",
    "minijax/explain/on_jax.py:main#1": "test_badges.py looks at it: the file is for processes with JAX",
    "minijax/explain/laws.py:_compare#1": "in the tests all rules are checked, and a rule that is checked raises before",
    "minijax/explain/laws.py:_types#1": "in the tests all rules are checked, and a rule that is checked raises before",
    "minijax/explain/laws.py:_types#2": "in the tests all rules are checked, and a rule that is checked raises before",
    "kaf/cli/experiment.py:_outcomes#3": "a full disk",
    "kaf/cli/train.py:Trainer._training#1": "it needs processes that train with different arguments",
    "kaf/export/onnx_graph.py:the module#1": "test_export.py looks at it without onnx, in another process",
    "kaf/functional/pallas.py:the module#1": "the tests need JAX",
    "kaf/experiments/__init__.py:the module#1": "test_backend.py looks at it without scikit-learn, in another process",
    "kaf/layers/equinox.py:the module#1": "test_backend.py looks at it without Equinox, in another process",
    "kaf/layers/nnx.py:the module#1": "test_backend.py looks at it without Flax, in another process",
    "kaf/layers/plot.py:the module#1": "test_backend.py looks at it without matplotlib, in another process",
    "kaf/train/estimators.py:the module#1": "test_backend.py looks at it without scikit-learn, in another process",
    "kaf/train/parallel.py:data_mesh#2": "it needs processes with different numbers of devices",
    "kaf/train/parallel.py:Sharded.agree#1": "test_parallel.py looks at it in other processes",
}


class _Raises(ast.NodeTransformer):
    """Finds the lines of a file that raise an error: `lines` is {"file:function#1": line}, for the first one of a function, and so
    on, since such a name outlives changes of the lines above. Writes `_note_of_raise("file:function#1")` before each of them."""

    def __init__(self, name: str):
        self.name = name
        self.scope: list[str] = []
        self.lines: dict[str, int] = {}

    def visit_FunctionDef(self, node):
        self.scope.append(node.name)
        self.generic_visit(node)
        self.scope.pop()
        return node

    visit_ClassDef = visit_FunctionDef

    def visit_Raise(self, node: ast.Raise):
        if node.exc is None:
            return node
        function = f"{self.name}:{'.'.join(self.scope) or 'the module'}"
        place = next(p for n in count(1) if (p := f"{function}#{n}") not in self.lines)
        self.lines[place] = node.lineno
        note = ast.parse(f"_note_of_raise({place!r})").body[0]
        for part in ast.walk(note):
            ast.copy_location(part, node)
        return [note, node]


class _Loader(SourceFileLoader):
    def path_stats(self, path):
        raise OSError("no compiled file")  # Else Python would take one without notes, or keep this one.

    def source_to_code(self, data, path, *, _optimize=-1):
        tree = _Raises(str(Path(path).relative_to(ROOT))).visit(ast.parse(data, path))
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


def raises() -> dict[str, int]:
    """{"file:function#1": line} of every line that raises an error."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            notes = _Raises(str(path.relative_to(ROOT)))
            notes.visit(ast.parse(path.read_text()))
            found |= notes.lines
    return found


def report() -> bool:
    """Print the lines that were not run; whether there are none without a reason, and no reason too many."""
    run = set(LOG.read_text().splitlines()) if LOG.exists() else set()
    lines = raises()
    left = {place: line for place, line in lines.items() if place not in run}
    unknown = {place: line for place, line in left.items() if place not in REASONS}
    idle = [place for place in REASONS if place not in left]
    for place, line in unknown.items():
        name, _, function = place.partition(":")
        print(f"{name}:{line} ({function}): {(ROOT / name).read_text().splitlines()[line - 1].strip()}")
    for place in idle:
        print(f"A reason without need: {place}")
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
elif "pytest" in sys.modules:
    take_notes()
