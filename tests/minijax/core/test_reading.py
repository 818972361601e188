"""The core is what one person reads in an afternoon: its length, its functions, and the page that leads through it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
from core_files import BUDGET, CORE, PACKAGE, code_lines, lengths, table

PAGE = PACKAGE.parent / "notes" / "00-how-to-read-this.md"


def test_the_core_keeps_its_budget():
    total = sum(lengths().values())
    assert total <= BUDGET, f"the core has {total} lines of code: move out what a reader of the core need not know"


def test_every_file_of_the_core_is_counted():
    rooms = {f"{room}/{p.name}" for room in ("core", "transforms") for p in (PACKAGE / room).glob("*.py")}
    assert rooms - {"transforms/__init__.py"} <= set(CORE)


@pytest.mark.parametrize("name", CORE)
@pytest.mark.one_in(2)
def test_no_function_is_long(name):
    text = (PACKAGE / name).read_text()
    lines = code_lines(text)
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    long = {f.name: n for f in functions if (n := len(lines & set(range(f.lineno, f.end_lineno + 1)))) > 60}
    assert not long


def test_process_primitive_of_jvp_fits_in_twenty_lines():
    text = (PACKAGE / "transforms/jvp.py").read_text()
    (f,) = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == "process_primitive"]
    assert len(code_lines(text) & set(range(f.lineno, f.end_lineno + 1))) <= 20


def test_code_lines_are_counted():
    text = '"""Doc.\n\nMore."""\n\n# Comment.\nx = 1  # Behind.\n\n\ndef f():\n    """Doc."""\n    return (\n        x\n    )\n'
    assert code_lines(text) == {6, 9, 11, 12, 13}


def test_the_page_shows_the_files():
    assert table() in PAGE.read_text(), (
        "notes/00-how-to-read-this.md: run python tests/helpers/core_files.py for its table"
    )


WALK = """
import sys, minijax as jax, minijax.numpy as jnp
from pathlib import Path
jax.config.update("minijax_fast", False)
package, entered = str(Path(jax.__file__).parent), []

def spy(frame, event, arg):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(package):
        step = f"{code.co_filename[len(package) + 1 :]} {code.co_qualname.rpartition('<locals>.')[2]}"
        if step not in entered:
            entered.append(step)

sys.setprofile(spy)
jax.grad(lambda x: jnp.sin(x) * x)(2.0)
sys.setprofile(None)
print("\\n".join(entered))
"""


def test_the_walk_enters_the_functions_that_the_page_names():
    """In the page's order, each when it is first entered."""
    shown = subprocess.run([sys.executable, "-c", WALK], capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    entered = shown.stdout.splitlines()
    steps = PAGE.read_text().partition("the files open in this order")[2].partition("`tests/")[0]
    named = [" ".join(pair) for pair in re.findall(r"`([a-z_/]+\.py)`,\s+`([A-Za-z_.]+)`", steps)]
    assert len(named) == 16
    assert [step for step in entered if step in named] == named
    # The machines' files are all named: no third file does the work.
    rooms = {step.split()[0] for step in entered if step.startswith(("transforms/", "core/staging", "calls/"))}
    assert rooms == {step.split()[0] for step in named if step.startswith(("transforms/", "core/staging", "calls/"))}
