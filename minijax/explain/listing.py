"""A jaxpr as lines of text, each with the number of its equation: the text of `print(jaxpr)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.jaxpr import ClosedJaxpr, DropVar, JaxprEqn, Literal, Var
from ..core.printing import Doc, Printer, Settings, Text, layout, letters
from .model import Line
from .provenance import every_equation


class _Numbering(Printer):
    """A printer that notes each equation's number in the margin of the equation's first line."""

    def __init__(self, jaxpr, numbers: Mapping[int, int], given: Mapping[Var, str]):
        super().__init__(jaxpr, Settings())
        self.numbers = numbers
        if given:
            taken = {*given.values(), *self.shared.values()}
            self.names.default_factory = (name for name in letters() if name not in taken).__next__
            self.names.update(given)

    def eqn(self, eqn: JaxprEqn) -> Doc:
        # The mark is of no width.
        return [Text("", note=str(self.numbers[id(eqn)])), super().eqn(eqn)]


@dataclass
class Listing:
    """lines: of the text. names: of the variables. eqns: the equations, with the number of inner jaxprs around each."""

    lines: list[Line]
    names: dict[Var, str]
    eqns: list[tuple[JaxprEqn, int]]

    def atom(self, atom) -> str:
        if type(atom) is Literal:
            return str(getattr(atom.val, "number", atom.val))
        return "_" if type(atom) is DropVar else self.names.get(atom, "_")


def listing(closed_jaxpr: ClosedJaxpr, first: int = 0, given: Mapping[Var, str] | None = None) -> Listing:
    """The text of a jaxpr, whose equations are numbered from `first`. given: names that variables have already."""
    eqns = list(every_equation(closed_jaxpr))
    numbers = {id(eqn): first + i for i, (eqn, _) in enumerate(eqns)}
    printer = _Numbering(closed_jaxpr.jaxpr, numbers, given or {})
    text = layout(printer.whole(closed_jaxpr.jaxpr), annotation_prefix="\0")
    lines: list[Line] = []
    # (indentation, number) of the equations that the next line may belong to.
    open_: list[tuple[int, int]] = []
    for row in text.split("\n"):
        row, _, note = row.partition("\0")
        row = row.rstrip()
        indent = len(row) - len(row.lstrip())
        while open_ and (indent < open_[-1][0] or (note and indent <= open_[-1][0])):
            open_.pop()
        if note:
            open_.append((indent, int(note)))
        lines.append(Line(row, open_[-1][1] if open_ else None))
    return Listing(lines, dict(printer.names), eqns)
