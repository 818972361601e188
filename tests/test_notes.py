"""The pages of the course say what their programs print, with minijax and with JAX; links lead somewhere."""

from __future__ import annotations

import ast
import re

import note_pages as notes
import pytest
from core_files import code_lines

from minijax.course.pages import PAGES

ROOT = notes.NOTES.parent
LIBRARIES = ("minijax", "jax")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("path", notes.pages(), ids=lambda path: path.stem)
def test_a_page_says_what_its_programs_print(path, library):
    found = notes.run(path, library)
    assert found
    for _, said, printed in found:
        assert printed == said


def test_a_block_that_says_something_else_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n```text\n2\n```\n```python jax\nprint(3)\n```\n```text jax\n3\n```\n")
    assert [(said, printed) for _, said, printed in notes.run(page, "minijax")] == [("2\n", "1\n")]
    assert [(said, printed) for _, said, printed in notes.run(page, "jax")] == [("2\n", "1\n"), ("3\n", "3\n")]


def test_the_pages_are_those_of_the_command():
    assert [path.stem for path in notes.pages()] == [
        f"{page.number:02}-{page.name.replace('_', '-')}" for page in PAGES.values()
    ]
    for path, page in zip(notes.pages(), PAGES.values()):
        text = path.read_text()
        assert text.startswith(f"# {page.number}. {page.question}\n"), path
        assert f"python -m minijax course start {page.number}\n" in text, path


@pytest.mark.parametrize("path", notes.pages(), ids=lambda path: path.stem)
def test_blocks_fit_a_terminal_and_a_screen(path):
    for block in notes.blocks(path.read_text()):
        assert [line for line in block.text.splitlines() if len(line) > 80] == []
        if block.words[:1] == ["python"]:
            assert len(code_lines(block.text)) <= 60, block.text


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
