"""The pages of the course say what their programs print, with minijax and with JAX; links lead somewhere."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import note_pages as notes
import pytest
from core_files import code_lines

from minijax.course.pages import PAGES
from tests.test_house import FOREIGN

ROOT = notes.NOTES.parent
LIBRARIES = ("minijax", "jax")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("path", notes.pages(), ids=lambda path: path.stem)
@pytest.mark.one_in(54)
def test_a_page_says_what_its_programs_print(path, library):
    found = notes.run(path, library)
    assert found
    for _, said, printed in found:
        assert printed == said


WITHOUT_JAX = """
import sys
sys.path[:0] = {paths!r}
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {foreign!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Nothing())
import note_pages
for path in note_pages.pages():
    for _, said, printed in note_pages.run(path, "minijax"):
        assert said == printed, (path, said, printed)
print("all")
"""


def test_a_reader_without_jax_loses_nothing_else():
    """All blocks but those of JAX, with NumPy alone."""
    program = WITHOUT_JAX.format(paths=[str(ROOT), str(ROOT / "tests" / "helpers")], foreign=FOREIGN)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "all"


def test_a_block_that_says_something_else_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n```text\n2\n```\n```python jax\nprint(3)\n```\n```text jax\n3\n```\n")
    assert [(said, printed) for _, said, printed in notes.run(page, "minijax")] == [("2\n", "1\n")]
    assert [(said, printed) for _, said, printed in notes.run(page, "jax")] == [("2\n", "1\n"), ("3\n", "3\n")]


def test_the_pages_are_those_of_the_command():
    assert [f"notes/{path.name}" for path in notes.pages()] == [page.notes for page in PAGES.values()]
    following = [*[path.name for path in notes.pages()[1:]], "00-how-to-read-this.md"]
    for path, page, after in zip(notes.pages(), PAGES.values(), following, strict=True):
        text = path.read_text()
        assert f"]({after})" in text.rpartition("Next: ")[2], path
        assert text.startswith(f"# {page.number}. {page.question}\n"), path
        assert f"python -m minijax course start {page.number}\n" in text, path


@pytest.mark.parametrize("path", notes.pages(), ids=lambda path: path.stem)
def test_blocks_fit_a_terminal_and_a_screen(path):
    """80 columns; a program of 60 lines, and so for what a page adds to the tiny library."""
    found = notes.blocks(path.read_text())
    assert [line for block in found for line in block.text.splitlines() if len(line) > 80] == []
    programs = [(block.words, len(code_lines(block.text))) for block in found if block.words[:1] == ["python"]]
    assert max(lines for _, lines in programs) <= 60
    assert sum(lines for words, lines in programs if "tiny" in words) <= 60


def test_the_pages_build_the_tiny_library():
    built = [block.text for path in notes.pages() for block in notes.blocks(path.read_text()) if "tiny" in block.words]
    tiny = (ROOT / "minijax" / "course" / "tiny.py").read_text()
    assert ast.dump(ast.parse("\n".join(built))) == ast.dump(ast.parse(tiny.split('"""', 2)[2]))


def test_links_lead_somewhere():
    for path in [ROOT / "README.md", *notes.NOTES.rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#\s]+\.(?:md|svg|py))(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.relative_to(ROOT)} links to {link}"


def test_files_that_the_pages_name_are_there():
    package = ROOT / "minijax"
    for path in notes.pages():
        for name in re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", path.read_text()):
            assert name.startswith("jax/") or (package / name).exists() or (ROOT / name).exists(), (
                f"{path.name} names {name}"
            )
