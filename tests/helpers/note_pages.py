"""The pages of the course: their blocks of Python, and what each prints.

A block that begins with ```python is run in order with the others of its page, in one namespace; a block ```text after it is what
it prints. A word after these restricts a block: `minijax` is run, or compared, with minijax only, `jax` with JAX only; `tiny` is a
part of minijax/course/tiny.py. `python tests/helpers/note_pages.py PAGE.md` writes what the blocks print into the page.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NOTES = Path(__file__).parents[2] / "notes"
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """words: what stands behind the three quotes. start, end: where the text is in the page."""

    words: list[str]
    text: str
    start: int
    end: int


def pages() -> list[Path]:
    return sorted(path for path in NOTES.glob("[0-9][0-9]-*.md") if path.name[:2] != "00")


def blocks(text: str) -> list[Block]:
    return [Block(m[1].split(), m[2], m.start(2), m.end(2)) for m in BLOCK.finditer(text)]


def for_library(code: str, library: str) -> str:
    """The code, with JAX in the place of minijax but for what is the course's own."""
    if library == "minijax":
        return code
    code = code.replace("import minijax as jax", "import jax")
    return re.sub(r"\bminijax\.(?!course)", "jax.", re.sub(r"\bfrom minijax import", "from jax import", code))


def steps(path: Path, library: str) -> Iterator[tuple[Block, str, dict]]:
    """(block, what it printed, the names after it) of each block of Python of a page that is run with that library."""
    namespace: dict = {"__name__": "page"}
    text = path.read_text()
    linecache.cache.pop(path.name, None)
    for block in blocks(text):
        if block.words[:1] == ["python"] and block.words[1:2] in ([], ["tiny"], [library]):
            out = io.StringIO()
            # Errors, and minijax's own traces of the user's source, name the line of the page.
            code = "\n" * text.count("\n", 0, block.start) + for_library(block.text, library)
            previous = linecache.cache.get(path.name, (0, None, [], ""))[2]
            lines = _merged(previous, code.splitlines(True))
            linecache.cache[path.name] = (len(code), None, lines, path.name)
            with contextlib.redirect_stdout(out):
                exec(compile(code, path.name, "exec"), namespace)
            yield block, out.getvalue(), namespace


def run(path: Path, library: str) -> list[tuple[Block, str, str]]:
    """(block of text, what it says, what the block of Python before it printed) of a page, with that library."""
    printed = {block.start: out for block, out, _ in steps(path, library)}
    found, before = [], ""
    for block in blocks(path.read_text()):
        if block.words[:1] == ["python"]:
            before = printed.get(block.start, "")
        elif block.words[:1] == ["text"] and block.words[1:2] in ([], [library]):
            found.append((block, block.text, before))
    return found


def _merged(before: list[str], lines: list[str]) -> list[str]:
    longest = max(len(before), len(lines))
    before, lines = before + ["\n"] * (longest - len(before)), lines + ["\n"] * (longest - len(lines))
    return [new if new.strip() else old for old, new in zip(before, lines)]


def write(path: Path):
    text = path.read_text()
    for block, _, printed in reversed(run(path, "minijax")):
        text = text[: block.start] + printed + text[block.end :]
    path.write_text(text)


if __name__ == "__main__":
    for word in sys.argv[1:]:
        write(Path(word))
