"""The user's lines and names that the text of a program shows, and the jaxprs that become functions of the program."""

from __future__ import annotations

import itertools
import linecache
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, jaxprs_in_params


def line_text(file: str, number: int) -> str:
    """A comment with a line of the user's source: `file.py:12  y = jnp.sin(x)`."""
    code = linecache.getline(file, number).strip()
    place = f"{os.path.basename(file)}:{number}"
    return f"{place}  {code}" if code else place


def numbered(name: str) -> Iterator[str]:
    """name, name_2, name_3, ...: the caller takes the first name that is unused."""
    yield name
    yield from (f"{name}_{n}" for n in itertools.count(2))


def user_names(eqns: Sequence[JaxprEqn]) -> dict[int, str]:
    """{number of an equation: the name that the user's program gives its result}.

    If one expression of the user wrote several equations, the last one holds the expression's result, and gets the name. Equations
    of the expression's derivative may stand between them. If the expression ran more than once, no equation gets the name, because
    the name would belong to several values.
    """
    runs: list[tuple[Any, int]] = []
    for i, eqn in enumerate(eqns):
        if eqn.origin is None or eqn.origin.is_result:
            place = eqn.source_info
            # Compare code objects by id: to compare them by value takes long.
            key = None if place is None else (id(place.code), place.offset)
            if runs and runs[-1][0] == key:
                runs.pop()
            runs.append((key, i))
    count = Counter(key for key, _ in runs)
    alone = [i for key, i in runs if count[key] == 1 and key is not None and not eqns[i].primitive.multiple_results]
    found = {i: eqns[i].source_info.target for i in alone}
    return {i: name for i, name in found.items() if name is not None}


def often_called(closed_jaxpr: ClosedJaxpr) -> dict[int, int]:
    """{id of a jaxpr that several equations carry: how many}. The longer ones become functions of the program."""
    count: Counter[int] = Counter()
    _count_calls(closed_jaxpr.jaxpr, count)
    return {i: n for i, n in count.items() if n > 1}


def _count_calls(jaxpr: Jaxpr, count: Counter[int]):
    for eqn in jaxpr.eqns:
        for inner in jaxprs_in_params(eqn.params) if eqn.params else ():
            count[id(inner)] += 1
            if count[id(inner)] == 1:
                _count_calls(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner, count)
