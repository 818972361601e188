"""The table of shortcuts, and minijax without them."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minijax.core import shortcuts

ROOT = Path(__file__).parents[3]
SOURCES = [p for p in sorted((ROOT / "minijax").rglob("*.py"))]


@pytest.mark.parametrize("place", shortcuts.PLACES)
def test_every_place_is_there(place):
    owner, name = shortcuts._find(place)
    assert name in vars(owner)


def test_a_place_that_is_not_in_the_table_is_refused():
    with pytest.raises(KeyError, match="core.array:to_array"):
        shortcuts.install("core.array:to_array", None)


def test_the_table_is_short():
    assert len((ROOT / "minijax" / "core" / "shortcuts.py").read_text().splitlines()) <= 60


def calls(path: Path) -> set[str]:
    return {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)}


def test_only_fast_installs_shortcuts():
    installing = {p.relative_to(ROOT).parts[1] for p in SOURCES if "shortcuts.install" in calls(p)}
    assert installing == {"fast"}


def test_no_operation_reads_the_option():
    """To read an option costs 85 ns of the 2.7 us of an addition. `trace_steps` and `debug` switch the shortcuts off, and no
    operation."""
    reading = [p for p in SOURCES if "minijax_fast" in p.read_text() and p.parent.name != "fast"]
    assert {p.name for p in reading} == {"shortcuts.py", "steps.py", "debugging.py", "config.py"}
    assert "minijax_fast" not in ast.unparse(ast.parse((ROOT / "minijax/core/shortcuts.py").read_text()).body[1:])


# The suite's representative part: what runs in plain mode with every run of the tests.
REPRESENTATIVE = [
    *(f"core/test_{name}.py" for name in ("array", "checks", "jaxpr", "leaks", "printing")),
    "api/test_derivatives.py",
    "api/test_jit.py",
]


def test_minijax_is_whole_without_the_folder_fast(tmp_path):
    shutil.copytree(ROOT / "minijax", tmp_path / "minijax", ignore=shutil.ignore_patterns("fast", "__pycache__"))
    (tmp_path / "benchmarks").mkdir()
    tests = [f"tests/minijax/{name}" for name in REPRESENTATIVE]
    for name in ["pyproject.toml", "tests/conftest.py", "tests/helpers", *tests]:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # Compiled files would name the files that they were copied from.
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(source, target)
    # A short run tries one test in three there.
    (tmp_path / "conftest.py").write_text(
        "from thinned import chosen\n\n\ndef pytest_collection_modifyitems(items):\n"
        "    items[:] = [test for test in items if chosen(test.name, 3) and 'test_leaks_are_found' not in test.name]\n"
        "    assert len(items) > 200\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    program = "import minijax, minijax.lowering.routes as s; print(minijax.__file__, s.kept_buffer)"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert shown.stdout.split() == [str(tmp_path / "minijax" / "__init__.py"), "None"], shown.stderr
