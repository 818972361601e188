"""The memory of a program while it runs: at each step, of the residuals, and of other versions of the program beside it."""

from __future__ import annotations

from collections.abc import Callable

from ..core.jaxpr import ClosedJaxpr, Literal, Var
from ..lowering.costs import Cost, cost_of_jaxpr, live_bytes, nbytes, peak
from .explanation import Explanation
from .listing import listing
from .model import Equation, Residual, Timeline, Version


def timeline(made: Explanation, place: int, closed_jaxpr: ClosedJaxpr, arguments: int) -> Timeline:
    """The run of a stage's program, a step for each equation that stands in no other.

    arguments: how many arguments of the program are the user's; the others are cotangents.
    """
    equations = [e for e in made.stages[place].equations if e.depth == 0]
    live = live_bytes(closed_jaxpr)
    bad = next((i for i, e in enumerate(equations) if not e.finite), None)
    top = live.index(max(live)) if live else 0
    found = Timeline(place, live, peak(closed_jaxpr), top, [e.number for e in equations], bad=bad)
    transposed = next((i for i, s in enumerate(made.stages) if s.name == "transposed"), None)
    if made.stages[place].name == "gradient":
        back = [i for i, e in enumerate(equations) if e.same is not None and e.same[0] == transposed]
        found.backward = back[0] if back else len(equations)
        _residuals(found, closed_jaxpr, equations, arguments)
    return found


def _residuals(found: Timeline, closed_jaxpr: ClosedJaxpr, equations: list[Equation], arguments: int):
    """Add what the forward pass has and the backward pass reads."""
    step_of = {v: i for i, eqn in enumerate(closed_jaxpr.eqns) for v in eqn.outvars}
    cotangents = set(closed_jaxpr.jaxpr.invars[arguments:])
    used: dict[Var, int] = {}
    for i, eqn in enumerate(closed_jaxpr.eqns):
        for v in eqn.invars if i >= found.backward else ():
            if type(v) is not Literal and step_of.get(v, -1) < found.backward and v not in cotangents:
                used[v] = i
    names = listing(closed_jaxpr)
    for v, last in used.items():
        step, size = step_of.get(v, -1), nbytes(v.aval)
        equation = equations[step] if step >= 0 else None
        if equation is not None:
            equation.residual += size
        number = None if equation is None else equation.number
        found.residuals.append(Residual(names.atom(v), v.aval.str_short(short_dtypes=True), size, number, step, last))
    found.residuals.sort(key=lambda r: (r.made, r.name))


def version(name: str, make: Callable[[], ClosedJaxpr]) -> Version:
    """What a program costs; the error in its place if it cannot be made."""
    try:
        program = make()
    except Exception as error:
        return Version(name, 0, Cost(), 0, error=f"{type(error).__name__}: {error}".splitlines()[0])
    return Version(name, len(program.eqns), cost_of_jaxpr(program), peak(program), tuple(live_bytes(program)))
