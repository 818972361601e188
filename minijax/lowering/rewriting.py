"""Tools for passes: `every_equation` walks over a jaxpr, `rewritten` replaces equations on the way; `maker` finds the equation that
made an operand."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from ..core.jaxpr import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxprs_in_params
from ..foundation.source_info import Origin

# The step of a pass for one equation. Arguments: the equation, and {variable: the equation that made it}. Result: an atom that is
# equal to the equation's result; or a list of equations that replace it, the last of which binds its variables; or None for no
# change.
Rewrite = Callable[[JaxprEqn, dict[Var, JaxprEqn]], Atom | list[JaxprEqn] | None]


def every_equation(jaxpr: Jaxpr | ClosedJaxpr) -> Iterator[tuple[JaxprEqn, int]]:
    """Each equation, once, with the number of inner jaxprs that it stands in; an equation comes before those within it."""
    return _every(jaxpr, 0, set())


def _every(jaxpr: Jaxpr | ClosedJaxpr, depth: int, seen: set[int]) -> Iterator[tuple[JaxprEqn, int]]:
    for eqn in jaxpr.eqns:
        if id(eqn) not in seen:
            seen.add(id(eqn))
            yield eqn, depth
            for inner in jaxprs_in_params(eqn.params):
                yield from _every(inner, depth + 1, seen)


def rewritten(jaxpr: Jaxpr, rewrite: Rewrite, names: Container[str] | None = None) -> Jaxpr:
    """The jaxpr after a pass; the same object if nothing changes. names: of the primitives that the pass may rewrite; None: all."""
    if names is not None and not any([eqn.primitive.name in names for eqn in jaxpr.eqns]):
        return jaxpr
    replaced: dict[Var, Atom] = {}
    makers: dict[Var, JaxprEqn] = {}
    eqns: list[JaxprEqn] = []
    # {id of an equation that also replaces other equations: its origin merged with theirs}
    origins: dict[int, Origin] = {}
    # {variable that a literal replaces: the origin of the equation that computed it}
    folded: dict[Var, Origin | None] = {}
    changed = False

    def read(atom: Atom) -> Atom:
        return atom if type(atom) is Literal else replaced.get(atom, atom)

    for eqn in jaxpr.eqns:
        # Asked for each operand in each pass: a comprehension would take twice the time of this loop.
        for v in eqn.invars if replaced else ():
            if type(v) is not Literal and v in replaced:
                eqn = with_operands(eqn, [read(v) for v in eqn.invars], folded)
                break
        found = rewrite(eqn, makers) if names is None or eqn.primitive.name in names else None
        if found is None:
            eqns.append(eqn)
            for v in eqn.outvars:
                makers[v] = eqn
        elif type(found) is list:
            changed = True
            for new in found:
                makers.update(dict.fromkeys(new.outvars, new))
            eqns += found
        else:
            replaced[eqn.outvars[0]] = found
            if type(found) is Literal:
                folded[eqn.outvars[0]] = eqn.origin
            stands_in = None if type(found) is Literal else makers.get(found)
            if stands_in is not None and stands_in.origin is not None:
                origins[id(stands_in)] = origins.get(id(stands_in), stands_in.origin).merged(eqn.origin)
    if not (changed or replaced):
        return jaxpr
    if origins:
        eqns = [eqn.replace(origin=origins[id(eqn)]) if id(eqn) in origins else eqn for eqn in eqns]
    return jaxpr.replace(eqns=eqns, outvars=[read(v) for v in jaxpr.outvars], effects=jaxpr.effects)


def with_operands(eqn: JaxprEqn, invars: list[Atom], folded: dict[Var, Origin | None]) -> JaxprEqn:
    """The equation with other operands. It comes also from the equations whose results are literals now."""
    origin = eqn.origin
    for v in eqn.invars if folded and origin is not None else ():
        if type(v) is not Literal and v in folded:
            origin = origin.merged(folded[v])
    return JaxprEqn(invars, eqn.outvars, eqn.primitive, eqn.params, eqn.effects, origin)


def pure(eqn: JaxprEqn) -> bool:
    """Whether the results of an equation depend only on its operands and parameters: no effects, named axes or inner jaxprs."""
    primitive, params = eqn.primitive, eqn.params
    return primitive.effects is None and primitive.named_axes is None and not (params and jaxprs_in_params(params))


def maker(atom: Atom, makers: dict[Var, JaxprEqn], name: str) -> JaxprEqn | None:
    """The equation that made an operand, if its primitive is called `name`; else None."""
    eqn = None if type(atom) is Literal else makers.get(atom)
    return eqn if eqn is not None and eqn.primitive.name == name else None
