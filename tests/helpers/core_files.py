"""The core of minijax, file by file in reading order, and how long each file is.

`python tests/helpers/core_files.py` prints the table of notes/00-how-to-read-this.md.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "minijax"

# {file: what it is for}, in the order in which a new reader opens them.
CORE = {
    "core/avals.py": "shapes and dtypes: what is known of an array while tracing; symbolic zeros",
    "core/traces.py": "traces, tracers, the current trace: where every operation is decided",
    "core/types.py": "the names of types in signatures",
    "core/primitive.py": "a primitive and its rules",
    "core/array.py": "a NumPy array that nobody writes to, and the trace that computes",
    "primitives/basis.py": "`row`, which defines a primitive, and the six that the machines need",
    "primitives/families.py": "`elementwise`, which gives a primitive all its rules at once",
    "primitives/arithmetic.py": "rows: arithmetic, comparison, choice, conversion",
    "core/jaxpr.py": "programs as data: variables, equations, how to run, check and prune them",
    "core/staging.py": "a Python function becomes a jaxpr",
    "transforms/jvp.py": "forward mode",
    "transforms/linearize.py": "reverse mode, first half: values now, the tangents' program written down",
    "transforms/transpose.py": "reverse mode, second half: that program backwards; `vjp_flat`",
    "transforms/vmap.py": "a whole batch in one run",
    "calls/jit.py": "`jit` as a primitive that carries a jaxpr",
    "calls/cond.py": "a choice between jaxprs",
    "calls/scan.py": "a loop with a known number of steps",
    "calls/while_loop.py": "a loop that goes on while a condition holds",
    "calls/partial_eval.py": "what is known of a loop's or a branch's results is computed now",
    "calls/custom_derivatives.py": "functions with derivative rules of their own",
    "core/checks.py": "what a rule returns is checked",
    "core/printing.py": "a jaxpr as text",
    "core/shortcuts.py": "the places where `fast/` may put shorter routes",
    "core/__init__.py": "the door of `jax.core`",
}
BUDGET = 3400


def code_lines(text: str) -> set[int]:
    """The numbers of the lines of code: no blank lines, comments or docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            docstring = node.body[0]
            lines.difference_update(range(docstring.lineno, docstring.end_lineno + 1))
    return lines - {len(text.splitlines()) + 1}


def lengths() -> dict[str, int]:
    return {name: len(code_lines((PACKAGE / name).read_text())) for name in CORE}


def table() -> str:
    rows = [f"| {i} | `{name}` | {CORE[name]} | {n} |" for i, (name, n) in enumerate(lengths().items(), 1)]
    head = ["| | file | what it is for | lines of code |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows, f"| | | together | {sum(lengths().values()):,} |"])


if __name__ == "__main__":
    print(table())
