"""What an explanation consists of. Nothing here computes: tests and other tools read these classes without a browser."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..lowering.costs import Cost


@dataclass(frozen=True)
class Place:
    """An expression of the user's: lines from 1; columns from 0, in letters; the end is behind the last letter."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Rule:
    """A rule that wrote equations, and its source."""

    primitive: str
    kind: str  # "jvp", "transpose", "batch", "sum" for a sum of cotangents, or another call-like primitive's rule
    file: str | None
    line: int | None
    source: str


# (position of a stage in `Explanation.stages`, number of an equation in it)
Ref = tuple[int, int]


@dataclass
class Equation:
    """An equation of a stage.

    number: its position in the stage. depth: in how many inner jaxprs it stands. names, types: of its results. operands: the names
    and literals that it reads. place: the user's expression. call: where that is in another file than the explained function, the
    expression of the function's file that called it. parents: the equations of earlier stages that it comes from, the
    nearest ones. users: the equations of the jaxpr stage that it comes from. same: the equation of an earlier stage that this
    one is; None if a rule wrote this one. rule: the rule that wrote it, as a position in `Explanation.rules`; None for the user's
    operation. role: "primal", "tangent", "cotangent" or "batch". cost: of all its runs once. residual: bytes that the backward
    pass keeps of its results, or 0. value: a sample value of its results. finite: False where a NaN or an infinity
    arises, that is, a result has one and no operand has. removed: (position of the stage that no longer has the
    equation, why), or None.
    """

    number: int
    depth: int
    primitive: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    operands: tuple[str, ...]
    text: str
    place: Place | None
    role: str
    rule: int | None = None
    parents: tuple[Ref, ...] = ()
    users: tuple[int, ...] = ()
    same: Ref | None = None
    cost: Cost = Cost()
    residual: int = 0
    value: str = ""
    finite: bool = True
    removed: tuple[int, str] | None = None
    call: Place | None = None


@dataclass(frozen=True)
class Line:
    """A line of a stage's text. equation: the number of the equation that the line belongs to, or None. place: for programs of
    text only, (file, line) of the user's source that it comes from."""

    text: str
    equation: int | None = None
    place: tuple[str, int] | None = None


@dataclass
class Stage:
    """The program at one stage.

    name: a key, such as "jaxpr". title: for people. kind: "source", "jaxpr" or "program". change: a sentence of what changed since
    the stage before. branch: whether no later stage is made from this one. same_as: the position of the stage that has the same
    text, or None. error: why the stage cannot be, or None; then there are no lines. count: equations, those of inner jaxprs too.
    bytes: of all results of equations. cost: of one run.
    """

    name: str
    title: str
    kind: str
    change: str = ""
    lines: list[Line] = field(default_factory=list)
    equations: list[Equation] = field(default_factory=list)
    cost: Cost = Cost()
    bytes: int = 0
    branch: bool = False
    same_as: int | None = None
    error: str | None = None

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def count(self) -> int:
        return len(self.equations)


@dataclass(frozen=True)
class Residual:
    """A value that the forward pass computes and the backward pass reads. equation: the one that computes it, of the gradient
    stage, or None for an argument or constant. made, used: the first step that has it, and the last step that reads it."""

    name: str
    type: str
    bytes: int
    equation: int | None
    made: int
    used: int


@dataclass
class Timeline:
    """The run of a program, a step for each equation. live: bytes in memory after each step's allocation. peak: the largest, with
    the step where it is. bad: the first step where a NaN or an infinity arises, or None. backward: the first step of the
    backward pass, or None. equations: the stage's equation of each step."""

    stage: int
    live: list[int]
    peak: int
    peak_step: int
    equations: list[int]
    residuals: list[Residual] = field(default_factory=list)
    backward: int | None = None
    bad: int | None = None


@dataclass(frozen=True)
class Badge:
    """The result of a comparison. state: "good", "bad" or "skipped"."""

    name: str
    state: str
    text: str


@dataclass(frozen=True)
class SourceFile:
    """Lines of a file of the user's: (number, text)."""

    file: str
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Version:
    """Another version of the program beside the explained one: what it costs."""

    name: str
    equations: int
    cost: Cost
    peak: int
    live: tuple[int, ...] = ()
    error: str | None = None
