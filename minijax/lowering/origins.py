"""What the text of a program shows of the user's own: the lines and the names; and which functions it calls often."""

from __future__ import annotations

import linecache
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, jaxprs_in_params


def line_text(file: str, number: int) -> str:
    """`file.py:12  the code there`"""
    code = linecache.getline(file, number).strip()
    place = f"{os.path.basename(file)}:{number}"
    return f"{place}  {code}" if code else place


def user_names(eqns: Sequence[JaxprEqn]) -> dict[int, str]:
    """{number of an equation: the name that the user's program gives its result}.

    One operation of the user makes several equations, next to each other; the last has the result. Of an operation that is
    differentiated some equations are elsewhere, and which has the result is not known.
    """
    runs: list[tuple[Any, int]] = []
    for i, eqn in enumerate(eqns):
        if runs and runs[-1][0] == eqn.source_info:
            runs.pop()
        runs.append((eqn.source_info, i))
    count = Counter(where for where, _ in runs)
    found = {i: where.target for where, i in runs if where is not None and count[where] == 1}
    return {i: name for i, name in found.items() if name is not None and not eqns[i].primitive.multiple_results}


def often_called(closed_jaxpr: ClosedJaxpr) -> dict[int, int]:
    """{id of a jaxpr that is called more than once: how often}. Those of some length become functions."""
    count: Counter[int] = Counter()

    def visit(jaxpr: Jaxpr):
        for eqn in jaxpr.eqns:
            for inner in jaxprs_in_params(eqn.params):
                count[id(inner)] += 1
                if count[id(inner)] == 1:
                    visit(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)

    visit(closed_jaxpr.jaxpr)
    return {i: n for i, n in count.items() if n > 1}
