"""`Explanation`: all that is known of a program, and how people look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike

from .html import fallback, page
from .model import Badge, Equation, Ref, Residual, Rule, SourceFile, Stage, Timeline, Version
from .text import text


@dataclass(repr=False)
class Explanation:
    """A program at every stage. See `minijax.explain`."""

    name: str
    arguments: tuple[str, ...]
    command: str
    sources: list[SourceFile] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    badges: list[Badge] = field(default_factory=list)
    timeline: Timeline | None = None
    versions: list[Version] = field(default_factory=list)

    def stage(self, name: str) -> Stage:
        """The stage of that name. Raises KeyError if there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(f"no stage is called {name!r}: the stages are {', '.join(s.name for s in self.stages)}")

    def equation(self, ref: Ref) -> Equation:
        return self.stages[ref[0]].equations[ref[1]]

    @property
    def residuals(self) -> list[Residual]:
        return [] if self.timeline is None else self.timeline.residuals

    def text(self, color: bool = False, width: int = 80) -> str:
        """All stages as text for a terminal."""
        return text(self, color, width)

    def html(self) -> str:
        """The page: one file that asks for nothing else."""
        return page(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the page to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.html())

    def _repr_html_(self) -> str:
        return fallback(self)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__
