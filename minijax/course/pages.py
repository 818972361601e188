"""The pages of the course, and the text of their exercises."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Page(NamedTuple):
    """number, name: notes/03-jvp.md has 3 and "jvp". question: what the page asks."""

    number: int
    name: str
    question: str

    @property
    def file(self) -> str:
        """The name of the file of exercises."""
        return f"{self.number:02}_{self.name}.py"

    @property
    def notes(self) -> str:
        """Where the page is."""
        return f"notes/{self.number:02}-{self.name.replace('_', '-')}.md"

    @property
    def checks(self) -> str:
        """The module of checkers."""
        return f"{__package__}.checks.{self.name}"

    def solution(self) -> str:
        """The exercises solved, without the marks of the template."""
        return _parts((Path(__file__).parent / "work" / self.file).read_text())[1]

    def template(self) -> str:
        """The exercises as the reader gets them."""
        return _parts((Path(__file__).parent / "work" / self.file).read_text())[0]


def _parts(text: str) -> tuple[str, str]:
    """(template, solution) of a file of exercises.

    `#: begin` and `#: end` enclose a solution. Lines after `#: instead` are comments: the template has them as code. Without them
    it has a line that raises NotImplementedError.
    """
    template: list[str] = []
    solution: list[str] = []
    instead, part = None, "both"
    for line in text.splitlines(keepends=True):
        mark = line.strip()
        indent = line[: len(line) - len(line.lstrip())]
        if mark == "#: begin":
            part, instead = "solution", None
        elif mark == "#: instead":
            part, instead = "instead", []
        elif mark == "#: end":
            template += [f"{indent}raise NotImplementedError  # Your work.\n"] if instead is None else instead
            part = "both"
        elif part == "instead":
            instead.append(line.replace("# ", "", 1))
        else:
            solution.append(line)
            if part == "both":
                template.append(line)
    return "".join(template), "".join(solution)


_PAGES = (
    ("value_and_tracer", "Who calls my function?"),
    ("primitives", "What is an operation?"),
    ("jvp", "How does a tangent travel?"),
    ("jaxprs", "How is code written down?"),
    ("linearize_and_transpose", "Why no second table of rules?"),
    ("vmap", "Where did the axis go?"),
    ("pytrees", "Where do containers stop?"),
    ("jit", "When does it trace again?"),
    ("control_flow", "Why not `if`?"),
    ("custom_derivatives", "When is autodiff wrong?"),
    ("checkpoint", "What is remembered?"),
    ("random", "Why keys?"),
    ("axes_and_devices", "How do copies talk?"),
    ("xla_and_the_whole", "Who runs it?"),
    ("why_it_is_fast", "Why is it fast?"),
)
PAGES = {number: Page(number, name, question) for number, (name, question) in enumerate(_PAGES, 1)}
