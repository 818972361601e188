"""The site: `python -m tests.site` makes HTML of notes/ and of the docstrings in build/site, by Sphinx with MyST.

The pages stay as they are. A copy of them gets a table of contents, a page for each public module made from its docstrings, and
the page of each `explain` where a page of the course speaks of it. A link that leads nowhere is an error.
"""

from __future__ import annotations

import argparse
import doctest
import inspect
import re
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from minijax.explain.explanation import Explanation
from tests.helpers import note_pages
from tests.helpers.note_pages import NOTES

CONFIGURATION = """\
project = "minijax"
extensions = ["myst_parser"]
root_doc = "index"
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "body_max_width": "900px"}
html_extra_path = ["extra"]
html_show_sphinx = False
"""

MODULES = [
    "minijax",
    "minijax.numpy",
    "minijax.numpy.linalg",
    "minijax.numpy.fft",
    "minijax.lax",
    "minijax.lax.linalg",
    "minijax.nn",
    "minijax.nn.initializers",
    "minijax.random",
    "minijax.tree",
    "minijax.tree_util",
    "minijax.scipy.special",
    "minijax.scipy.linalg",
    "minijax.testing",
    "minijax.test_util",
    "kaf",
]


def contents(source: Path) -> str:
    """The text of the first page: a table of contents."""
    guides = sorted(f"guides/{path.stem}" for path in (source / "guides").glob("*.md"))
    parts = {
        "The course": [path.stem for path in sorted(source.glob("[0-9][0-9]-*.md"))],
        "Guides": [*guides, "glossary", "compatibility", "accuracy", "accuracy-float64"],
        "Reference": [f"reference/{name}" for name in MODULES],
    }
    trees = [
        f"```{{toctree}}\n:caption: {name}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```"
        for name, pages in parts.items()
    ]
    return "# minijax\n\nJAX's core over NumPy, in code one person can read.\n\n" + "\n\n".join(trees) + "\n"


# ---------------------------------------------------------------------------------------------------------------------
# Explanations within pages


def embed(page: Path, extra: Path):
    """Run the page, and put the page of each explanation that it makes below what the block that makes it prints."""
    text, seen, places = page.read_text(), {}, []
    starts = {block.start: block for block in note_pages.blocks(text)}
    for block, _, names in note_pages.steps(page, "minijax"):
        for value in names.values():
            if isinstance(value, Explanation) and id(value) not in seen:
                seen[id(value)] = value
                name = f"explain/{page.stem}-{len(seen)}.html"
                (extra / "explain").mkdir(parents=True, exist_ok=True)
                value.save(extra / name)
                end = block.end + len("```\n")
                output = re.match(r"\n```text[^\n]*\n", text[end:])
                places.append(
                    (
                        starts[end + output.end()].end + len("```\n") if output else end,
                        name,
                    )
                )
    for place, name in reversed(places):
        frame = f'<iframe src="{name}" title="the program at every stage" width="100%" height="640"></iframe>'
        link = f'<p><a href="{name}">This explanation on a page of its own</a></p>'
        text = f"{text[:place]}\n{frame}\n{link}\n\n{text[place:]}"
    page.write_text(text)


# ---------------------------------------------------------------------------------------------------------------------
# Docstrings


def _blocks(text: str) -> str:
    """A docstring in Markdown: examples become blocks, and nothing in a sentence is markup but `code`."""
    found: list[str] = []
    for part in doctest.DocTestParser().parse(text):
        if isinstance(part, str):
            found += [_sentence(p) for p in re.split(r"\n\s*\n", part) if p.strip()]
        else:
            lines = f">>> {part.source}".rstrip("\n").replace("\n", "\n... ")
            if found and found[-1].endswith("\n```") and found[-1].startswith("```pycon"):
                lines, before = (
                    f"{lines}\n{part.want}",
                    found.pop()[: -len("```")],
                )
                found.append(f"{before}{lines.rstrip()}\n```")
            else:
                found.append(f"```pycon\n{lines}\n{part.want}".rstrip() + "\n```")
    return "\n\n".join(found)


def _sentence(text: str) -> str:
    if text.lstrip("\n").startswith("    ") or "\n    " in text:
        return f"```text\n{text.strip()}\n```"
    parts = re.split(r"(`[^`]+`)", text.strip())
    return "".join(part if part.startswith("`") else re.sub(r"([*_<>\[\]#|$\\])", r"\\\1", part) for part in parts)


def _signature(function) -> str:
    try:
        text = str(inspect.signature(function))
    except (TypeError, ValueError):  # Python knows none, as of a class of C's.
        return ""
    # Annotations are strings, and types print as no code.
    return re.sub(
        r"<class '([\w.]+)'>",
        r"\1",
        re.sub(r"(: |-> )'([^']+)'", r"\1\2", text),
    )


def reference(name: str) -> str:
    """The page of a module: each public function with its signature and its docstring."""
    module = import_module(name)
    found = [f"# {name}", _blocks(inspect.getdoc(module) or "")]
    public = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
    for key in sorted(public):
        value = getattr(module, key)
        is_ours = (getattr(value, "__module__", None) or "").startswith(("minijax", "kaf"))
        if is_ours and (inspect.isroutine(value) or inspect.isclass(value)):
            text = _blocks(inspect.getdoc(value) or "")
            found += [f"## {key}", f"```python\n{key}{_signature(value)}\n```", text]
    return "\n\n".join(found) + "\n"


# ---------------------------------------------------------------------------------------------------------------------
# The command


def prepare(source: Path):
    """Write what Sphinx reads into an empty folder."""
    for path in NOTES.rglob("*.md"):
        target = source / path.relative_to(NOTES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    extra = source / "extra"
    extra.mkdir()
    for page in (source / path.name for path in note_pages.pages()):
        embed(page, extra)
    (source / "reference").mkdir()
    for name in MODULES:
        (source / "reference" / f"{name}.md").write_text(reference(name))
    (source / "index.md").write_text(contents(source))
    (source / "conf.py").write_text(CONFIGURATION)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the site: pip install -e '.[site]' has what it needs.")
    parser.add_argument(
        "--out",
        default=str(NOTES.parent / "build" / "site"),
        help="the folder of the site (build/site)",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        build = import_module("sphinx.cmd.build").main
        status = build(["-q", "-W", "--keep-going", "-b", "html", folder, options.out])
    print(f"{'wrote' if status == 0 else 'failed:'} {Path(options.out) / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
