"""The site: what Sphinx reads. Whether a link leads nowhere, Sphinx says: .ci/run makes the site."""

from __future__ import annotations

import re

from minijax import tree
from tests import site
from tests.helpers.note_pages import NOTES


def test_the_contents_name_every_page():
    text = site.contents(NOTES)
    for path in NOTES.rglob("*.md"):
        assert f"\n{path.relative_to(NOTES).with_suffix('')}\n" in text, path


def test_an_explanation_stands_below_what_its_block_prints(tmp_path):
    page = tmp_path / "01-page.md"
    block = "```python\nimport minijax as jax\n\nmade = jax.explain(lambda x: x * x)(2.0)\nprint(1)\n```\n"
    page.write_text(f"{block}\n```text\n1\n```\n\nAfter.\n")
    site.embed(page, tmp_path / "extra")
    assert re.fullmatch(
        r"1\n```\n\n<iframe src=\"explain/01-page-1.html\".*?</p>\n\n\nAfter.\n",
        page.read_text().partition("text\n")[2],
        re.DOTALL,
    )
    assert "mul a a" in (tmp_path / "extra" / "explain" / "01-page-1.html").read_text()


def test_a_page_of_reference_has_every_function():
    text = site.reference("minijax.tree")
    assert [name for name in tree.__all__ if f"\n## {name}\n" not in text] == []
    assert "leaves(" in text and "```pycon\n>>> " in text


def test_nothing_in_a_sentence_is_markup_but_code():
    assert site._blocks("Of `*args`, and *others*.\n\n>>> 1 + 1\n2\n\nMore.") == (
        "Of `*args`, and \\*others\\*.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nMore."
    )
