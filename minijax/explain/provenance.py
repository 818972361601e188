"""Which equations an equation comes from.

The house's origins name the user's expression and the rules, but several equations of one expression share an origin. Before a
program is transformed, `mark` gives each of its equations a mark: an origin of its own among the parents of the equation's origin.
Rules hand the parents on, so `nearest` finds the marks in what the rules write.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, jaxprs_in_params
from ..foundation.source_info import PACKAGE_DIRECTORY, Origin, SourceInfo
from ..lowering import passes
from ..lowering.lowered import find
from ..lowering.rewriting import every_equation
from .model import Place, Ref, Rule


def carriers(closed_jaxpr: ClosedJaxpr) -> dict[int, list[JaxprEqn]]:
    """{id of an equation in an inner jaxpr: the equations that carry that jaxpr}, the outer equations first."""
    found: dict[int, list[JaxprEqn]] = {}
    for eqn, _ in every_equation(closed_jaxpr):
        for inner in jaxprs_in_params(eqn.params):
            for one in inner.eqns:
                found.setdefault(id(one), []).append(eqn)
    return found


def removed_within(jaxpr: Jaxpr | ClosedJaxpr) -> dict[int, str]:
    """{id of a variable of an inner jaxpr: the pass that removes its equation}."""
    found: dict[int, str] = {}
    for eqn, _ in every_equation(jaxpr):
        for inner in jaxprs_in_params(eqn.params):
            if isinstance(inner, ClosedJaxpr):
                left = {id(v) for e in inner.eqns for v in e.outvars}
                for name, after in passes.stages(inner):
                    now = {id(v) for e in after.eqns for v in e.outvars}
                    found.update(dict.fromkeys(left - now, name))
                    left &= now
    return found


class Marks:
    """The marks of all stages: {id of a mark: the equation that has it}."""

    def __init__(self):
        self.found: dict[int, Ref] = {}
        # Python reuses the ids of dead objects.
        self.kept: list[Any] = []

    def mark(
        self, closed_jaxpr: ClosedJaxpr, stage: int, first: int, eqns: Sequence[JaxprEqn]
    ) -> tuple[ClosedJaxpr, list[JaxprEqn]]:
        """The same program, whose equations have marks; and these equations. eqns: all, in the order of their numbers, which count
        from `first`."""
        marking = _Marking(self, stage, {id(eqn): first + i for i, eqn in enumerate(eqns)})
        marked = marking.value(closed_jaxpr)
        self.kept.append((closed_jaxpr, marked))
        return marked, [marking.done[id(eqn)] for eqn in eqns]

    def of(self, eqn: JaxprEqn, ref: Ref) -> Origin:
        origin = Origin(None) if eqn.origin is None else eqn.origin
        mark = Origin(origin.place)
        self.kept.append((origin, mark))
        self.found[id(mark)] = ref
        return origin._replace(parents=(*origin.parents, mark))

    def own(self, origin: Origin | None) -> Ref | None:
        """The equation of an earlier stage that has this origin itself: a rule wrote nothing in between."""
        refs = [] if origin is None else [self.found[id(p)] for p in origin.parents if id(p) in self.found]
        return refs[-1] if refs else None

    def nearest(self, origin: Origin | None) -> tuple[Ref, ...]:
        """The equations of earlier stages that an origin comes from, the nearest on each way."""
        if origin is None:
            return ()
        refs: dict[Ref, None] = {}
        waiting, seen = [origin], set()
        while waiting:
            origin = waiting.pop()
            if id(origin) in seen:
                continue
            seen.add(id(origin))
            own = self.own(origin)
            if own is not None:
                refs[own] = None
            else:
                waiting += reversed(origin.parents)
        return tuple(refs)


class _Marking:
    """Copies a program, with a mark on each equation. What occurs several times, as the jaxpr of two calls, is copied once."""

    def __init__(self, marks: Marks, stage: int, numbers: dict[int, int]):
        self.marks, self.stage, self.numbers = marks, stage, numbers
        self.done: dict[int, Any] = {}

    def value(self, value: Any) -> Any:
        if type(value) in (tuple, list):
            return type(value)(map(self.value, value))
        if not isinstance(value, (Jaxpr, ClosedJaxpr)):
            return value
        if id(value) not in self.done:
            if isinstance(value, ClosedJaxpr):
                self.done[id(value)] = value.replace(jaxpr=self.value(value.jaxpr))
            else:
                self.done[id(value)] = value.replace(eqns=list(map(self.eqn, value.eqns)), effects=value.effects)
        return self.done[id(value)]

    def eqn(self, eqn: JaxprEqn) -> JaxprEqn:
        if id(eqn) not in self.done:
            params = eqn.params
            if jaxprs_in_params(params):
                params = {k: self.value(v) for k, v in params.items()}
            origin = self.marks.of(eqn, (self.stage, self.numbers[id(eqn)]))
            self.done[id(eqn)] = eqn.replace(params=params, origin=origin)
        return self.done[id(eqn)]


# ---------------------------------------------------------------------------------------------------------------------
# Expressions


@cache
def _place(code: CodeType, offset: int) -> Place:
    info = SourceInfo(code, offset)
    line, end_line, column, end_column = info._position()
    line = info.line if line is None else line
    end_line = line if end_line is None else end_line
    texts = [linecache.getline(code.co_filename, n).rstrip("\n") for n in range(line, end_line + 1)]
    if column is None or end_column is None:
        return Place(code.co_filename, line, 0, line, len(texts[0]), code.co_qualname, texts[0].strip())
    # Python counts columns in bytes of UTF-8.
    column = len(texts[0].encode()[:column].decode(errors="ignore"))
    end_column = len(texts[-1].encode()[:end_column].decode(errors="ignore"))
    cut = [*texts[:-1], texts[-1][:end_column]]
    cut[0] = cut[0][column:]
    return Place(code.co_filename, line, column, end_line, end_column, code.co_qualname, "\n".join(cut))


def place_of(origin: Origin | None) -> Place | None:
    return None if origin is None or origin.place is None else _place(*origin.place)


def code_lines(code: CodeType) -> range:
    """The lines of a function's source."""
    lines = [line for *_, line in code.co_lines() if line]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            lines += [constant.co_firstlineno, *code_lines(constant)]
    return range(min([code.co_firstlineno, *lines]), max([code.co_firstlineno, *lines]) + 1)


# ---------------------------------------------------------------------------------------------------------------------
# Rules


def _functions_in(value: Any) -> Iterator[FunctionType]:
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _functions_in(item)


def _source(function: Callable) -> str:
    try:
        return inspect.cleandoc("\n" + inspect.getsource(function))
    except (OSError, TypeError):
        return ""


def _functions_around(function: Callable) -> Iterator[FunctionType]:
    """The functions among what a function closes over."""
    for cell in getattr(function, "__closure__", None) or ():
        try:
            # `lambda: primitive` only hands the primitive on.
            yield from (inner for inner in _functions_in(cell.cell_contents) if inner.__code__.co_argcount)
        except ValueError:  # A cell that is not filled yet.
            continue


def source_of(function: Callable) -> str:
    """The source of a rule. A rule that a helper made from other functions is followed by their source: the helper's text alone
    does not say which derivative it is."""
    found: dict[str, None] = {}
    waiting, seen = [inspect.unwrap(function)], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            found[_source(one)] = None
            waiting += _functions_around(one)
    return "\n\n".join(filter(None, found))


def short_file(file: str | None) -> str | None:
    """The path of a file of this package from the package on, as `minijax/primitives/basis.py`; another file as it is."""
    if file is None or not file.startswith(PACKAGE_DIRECTORY):
        return file
    return "minijax/" + file[len(PACKAGE_DIRECTORY) :].replace("\\", "/")


SUM = Rule(
    "add_any",
    "sum",
    "minijax/transforms/transpose.py",
    None,
    "A variable that several equations read gets several cotangents. Their sum is its cotangent.",
)


class Rules:
    """The rules that wrote equations, each once."""

    def __init__(self):
        self.rules: list[Rule] = []
        self.numbers: dict[Any, int] = {}

    def number(self, origin: Origin | None) -> int | None:
        if origin is None or origin.primitive is None:
            return None
        primitive, kind = origin.primitive, origin.kind
        if primitive.name == "add_any" and kind == "transpose":
            return self._numbered("sum", SUM)
        key = (id(primitive), kind)
        if key not in self.numbers:
            function = find(primitive, "numpy") if kind == "lowering" else getattr(primitive, kind, None)
            code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
            if code is None:
                self._numbered(key, Rule(primitive.name, kind, None, None, ""))
            else:
                file, line = short_file(code.co_filename), code.co_firstlineno
                self._numbered(key, Rule(primitive.name, kind, file, line, source_of(function)))
        return self.numbers[key]

    def _numbered(self, key, rule: Rule) -> int:
        if key not in self.numbers:
            self.numbers[key] = len(self.rules)
            self.rules.append(rule)
        return self.numbers[key]
