"""`diff`: what two jaxprs compute differently, whatever their variables are called."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ..core.array import to_array
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal
from .listing import listing

COLORS = {"-": "31", "+": "32"}


@dataclass(frozen=True)
class Difference:
    """What `diff` returns. lines: (sign, text); the sign "-" is for lines of the first jaxpr alone, "+" for lines of the second
    alone, " " for lines of both, as the second has them. same: whether both compute the same."""

    lines: tuple[tuple[str, str], ...]
    same: bool

    def text(self, color: bool = False) -> str:
        rows = []
        for sign, line in self.lines:
            row = f"{sign} {line}"
            rows.append(f"\033[{COLORS[sign]}m{row}\033[0m" if color and sign in COLORS else row)
        return "\n".join(rows)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__


class _Keys:
    """Keys of equations: equal for the equations of two jaxprs that compute the same from the arguments."""

    def __init__(self):
        self.known: dict[Hashable, int] = {}

    def number(self, key: Hashable) -> int:
        return self.known.setdefault(key, len(self.known))

    def of(self, closed_jaxpr: ClosedJaxpr) -> tuple[dict[int, int], tuple]:
        """({id of an equation: its key}, the key of the results)."""
        jaxpr = closed_jaxpr.jaxpr
        values: dict[Any, Hashable] = {v: ("argument", i, str(v.aval)) for i, v in enumerate(jaxpr.invars)}
        for v, constant in zip(jaxpr.constvars, closed_jaxpr.consts):
            array = to_array(constant)._value
            values[v] = ("constant", str(v.aval), array.tobytes() if hasattr(array, "tobytes") else id(constant))
        found = {}
        for eqn in jaxpr.eqns:
            found[id(eqn)] = key = self.equation(eqn, values)
            values.update({v: (key, i) for i, v in enumerate(eqn.outvars)})
        return found, tuple(self.atom(v, values) for v in jaxpr.outvars)

    def equation(self, eqn: JaxprEqn, values: dict) -> int:
        params = tuple((name, self.param(value)) for name, value in sorted(eqn.params.items()))
        return self.number((eqn.primitive.name, params, tuple(self.atom(v, values) for v in eqn.invars)))

    def atom(self, atom, values: dict) -> Hashable:
        if type(atom) is Literal:
            return "number", str(atom.aval), str(getattr(atom.val, "number", atom.val))
        return values[atom]

    def param(self, value: Any) -> Hashable:
        if isinstance(value, (tuple, list)):
            return tuple(map(self.param, value))
        if isinstance(value, Jaxpr):
            value = ClosedJaxpr(value, [None] * len(value.constvars)) if value.constvars else ClosedJaxpr(value, [])
        if isinstance(value, ClosedJaxpr):
            found, results = self.of(value)
            return tuple(found.values()), results
        return type(value).__name__, str(value)


def _blocks(closed_jaxpr: ClosedJaxpr, keys: _Keys) -> list[tuple[Hashable, list[str]]]:
    """(key, lines): the head, with the jaxprs that are defined before the program; each equation, with the lines of its inner
    jaxprs; the results."""
    found, results = keys.of(closed_jaxpr)
    listed = listing(closed_jaxpr, apart=True)
    outer = {id(eqn) for eqn in closed_jaxpr.eqns}
    head: list[str] = []
    blocks: list[tuple[Hashable, list[str]]] = []
    current = None
    for line in listed.lines:
        eqn = None if line.equation is None else listed.eqns[line.equation][0]
        if eqn is not None and id(eqn) in outer:
            if eqn is not current:
                blocks.append((found[id(eqn)], []))
            current = eqn
        if current is None:
            head.append(line.text)
        elif eqn is None:
            blocks.append((("results", results), [line.text]))
        else:
            blocks[-1][1].append(line.text)
    # The definitions by their text: the equations that use them say whether they compute the same.
    key = ("head", tuple(str(aval) for aval in closed_jaxpr.in_avals), tuple(head[:-1]))
    return [(key, head), *blocks]


def _closed(jaxpr: Any) -> ClosedJaxpr:
    if isinstance(jaxpr, ClosedJaxpr):
        return jaxpr
    if isinstance(jaxpr, Jaxpr) and not jaxpr.constvars:
        return ClosedJaxpr(jaxpr, [])
    raise TypeError(
        f"diff compares two jaxprs, and got a {type(jaxpr).__name__}: make one by minijax.make_jaxpr(f)(*args)"
    )


def diff(first: Any, second: Any) -> Difference:
    """See `minijax.diff`."""
    first, second = _closed(first), _closed(second)
    keys = _Keys()
    a_blocks, b_blocks = _blocks(first, keys), _blocks(second, keys)
    lines: list[tuple[str, str]] = []
    match = SequenceMatcher(None, [key for key, _ in a_blocks], [key for key, _ in b_blocks], autojunk=False)
    for tag, i, j, k, l in match.get_opcodes():
        if tag == "equal":
            lines += [(" ", row) for _, rows in b_blocks[k:l] for row in rows]
        else:
            lines += [("-", row) for _, rows in a_blocks[i:j] for row in rows]
            lines += [("+", row) for _, rows in b_blocks[k:l] for row in rows]
    (a, a_results), (b, b_results) = keys.of(first), keys.of(second)
    same = list(a.values()) == list(b.values()) and a_results == b_results
    return Difference(tuple(lines), same and list(map(str, first.in_avals)) == list(map(str, second.in_avals)))
