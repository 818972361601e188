"""An explanation as text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from .model import Equation, Line, Stage
from .words import bytes_text, short_number

if TYPE_CHECKING:
    from .explanation import Explanation

# {what: the terminal's code}. The user's own equations have the terminal's colour; what rules wrote has another.
CODES = {"title": "1", "tangent": "36", "cotangent": "35", "batch": "33", "note": "2", "good": "32", "bad": "31"}


class _Page:
    def __init__(self, color: bool, width: int):
        self.color, self.width, self.rows = color, width, []

    def ink(self, text: str, style: str | None) -> str:
        return f"\033[{CODES[style]}m{text}\033[0m" if self.color and style in CODES and text else text

    def row(self, text: str = "", style: str | None = None, note: str = ""):
        """A line, and a note at its end if there is room. What is too long goes on in a line that is indented more."""
        free = self.width - len(text) - 2
        if note and free >= 12:
            note = note if len(note) <= free else note[: free - 1] + "…"
            self.rows.append(self.ink(text, style) + "  " + self.ink(note.rjust(free), "note"))
        else:
            self.rows += [self.ink(row, style).rstrip() for row in folded(text, self.width)]


def folded(text: str, width: int) -> list[str]:
    """The text in lines of at most that width."""
    if len(text) <= width:
        return [text]
    indent = min(len(text) - len(text.lstrip()) + 4, width // 2)
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * indent,
        expand_tabs=False,
        replace_whitespace=False,
        break_on_hyphens=False,
    )


def text(made: Explanation, color: bool = False, width: int = 80) -> str:
    """The command, the badges, the table of stages, and the text of each stage that differs from those before."""
    page = _Page(color, width)
    for row in textwrap.wrap(f"{made.name}({', '.join(made.arguments)})", width, subsequent_indent="    "):
        page.row(row, "title")
    # One line, to be copied.
    page.rows.append(page.ink(made.command, "note"))
    for badge in made.badges:
        sign = {"good": "ok ", "bad": "NO ", "skipped": "-- "}[badge.state]
        for row in textwrap.wrap(f"{sign}{badge.name}: {badge.text}", width, subsequent_indent="   "):
            page.row(row, badge.state)
    page.row()
    _table(page, made)
    for stage in made.stages:
        if stage.same_as is None:
            _stage(page, stage)
    _memory(page, made)
    return "\n".join(page.rows)


def _table(page: _Page, made: Explanation):
    page.row(f"{'stage':<13}{'equations':>9}{'FLOPs':>8}{'exp etc.':>9}{'bytes':>9}  what changed", "note")
    for stage in made.stages:
        numbers = " " * 35
        if stage.kind == "jaxpr" and stage.error is None:
            cost = stage.cost
            numbers = (
                f"{stage.count:>9}{short_number(cost.flops):>8}{short_number(cost.transcendentals):>9}"
                f"{bytes_text(stage.bytes):>9}"
            )
        # The column of the stages is too narrow for the names of passes.
        told = (
            f"{stage.title.removeprefix('After ')}: {stage.change}" if stage.name.startswith("pass") else stage.change
        )
        changes = textwrap.wrap(told, page.width - 50) or [""]
        page.row(f"{stage.name:<13}{numbers}  {changes[0]}", "bad" if stage.error else None)
        for row in changes[1:]:
            page.row(" " * 50 + row)


def _stage(page: _Page, stage: Stage):
    page.row()
    page.row(f"── {stage.title} ".ljust(page.width, "─"), "title")
    for row in textwrap.wrap(stage.error or "", page.width):
        page.row(row, "bad")
    before = None
    for line in stage.lines:
        equation = None if line.equation is None else stage.equations[line.equation]
        first = equation is not None and equation is not before
        page.row(line.text, equation.role if equation else _style(line), _note(equation) if first else "")
        before = equation


def _style(line: Line) -> str | None:
    return "note" if line.text.strip().startswith(("#", "//")) else None


def _note(equation: Equation | None) -> str:
    """The text at the end of an equation's line: the user's expression, and why the equation matters."""
    if equation is None or equation.place is None:
        return ""
    words = " ".join(equation.place.text.split())
    if equation.removed is not None:
        return f"{words} (goes: {equation.removed[1].split(' (')[0]})"
    return f"{words} (kept, {bytes_text(equation.residual)})" if equation.residual else words


def _memory(page: _Page, made: Explanation):
    line = made.timeline
    if line is None or not line.live:
        return
    page.row()
    page.row("── Memory ".ljust(page.width, "─"), "title")
    equation = made.stages[line.stage].equations[line.equations[line.peak_step]]
    page.row(
        f"most at once: {bytes_text(line.peak)}, at step {line.peak_step + 1} of {len(line.live)}: {equation.text}"[
            : page.width
        ]
    )
    if line.bad is not None:
        bad = made.stages[line.stage].equations[line.equations[line.bad]]
        page.row(f"the first NaN or infinity: step {line.bad + 1}: {bad.text}"[: page.width], "bad")
    for residual in line.residuals:
        source = "" if residual.equation is None else made.stages[line.stage].equations[residual.equation].place
        note = getattr(source, "text", "an argument")
        page.row(f"  kept {residual.name}:{residual.type}  {bytes_text(residual.bytes)}", None, " ".join(note.split()))
    page.row(f"{'version':<20}{'equations':>10}{'FLOPs':>9}{'peak':>10}", "note")
    for version in made.versions:
        if version.error is not None:
            page.row(f"{version.name:<20}{version.error}"[: page.width], "bad")
        else:
            numbers = f"{version.equations:>10}{short_number(version.cost.flops):>9}{bytes_text(version.peak):>10}"
            page.row(f"{version.name:<20}{numbers}")
