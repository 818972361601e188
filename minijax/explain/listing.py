"""A jaxpr as lines of text, each with the number of its equation: the text of `print(jaxpr)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.jaxpr import ClosedJaxpr, DropVar, JaxprEqn, Literal, Var
from ..core.printing import Doc, Printer, Settings, Text, layout
from ..foundation.letters import letters
from ..lowering.rewriting import every_equation
from .model import Line


class _Numbering(Printer):
    """A printer that numbers equations in the order in which it meets them, and notes each number in the margin of the equation's
    first line. The jaxpr of several equations comes before the others, with a name."""

    def __init__(self, jaxpr, first: int, given: Mapping[Var, str], apart: bool):
        super().__init__(jaxpr, Settings())
        self.first = first
        # A line bears one note: where there are two, lines break.
        self.notes = 2 if apart else 1
        # {id of an equation: the equation}, in the order of the numbers.
        self.met: dict[int, JaxprEqn] = {}
        self.numbers: dict[int, int] = {}
        if given:
            taken = {*given.values(), *self.shared.values()}
            self.names.default_factory = (name for name in letters() if name not in taken).__next__
            self.names.update(given)

    def eqn(self, eqn: JaxprEqn) -> Doc:
        number = self.numbers.setdefault(id(eqn), self.first + len(self.met))
        self.met[id(eqn)] = eqn
        # The mark is of no width.
        return [[Text("", note=str(number))] * self.notes, super().eqn(eqn)]


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


def listing(
    closed_jaxpr: ClosedJaxpr, first: int = 0, given: Mapping[Var, str] | None = None, apart: bool = False
) -> Listing:
    """The text of a jaxpr, whose equations are numbered from `first`. given: names that variables have already. apart: break the
    line of a jaxpr that would fit on one."""
    printer = _Numbering(closed_jaxpr.jaxpr, first, given or {}, apart)
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
    depths = {id(eqn): (eqn, depth) for eqn, depth in every_equation(closed_jaxpr)}
    # Behind those that are printed: equations of jaxprs that the printer does not show.
    order = [*printer.met, *(key for key in depths if key not in printer.met)]
    return Listing(lines, dict(printer.names), [depths[key] for key in order])
