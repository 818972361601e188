"""The pass for XLA that computes with an array where it lies, instead of transposing it, computing and transposing back.

vmap puts the axis of the examples first, as JAX's does; products have it elsewhere. So the Hessian of a network holds

    c = transpose(a); d = add c b; e = transpose(d)        which becomes        b' = transpose(b); e = add a b'

XLA computes the same numbers either way. But it takes its slower matrix product where an operand is a transpose: the Hessian of 48
weights took 5% longer. NumPy's transposes are views: its programs stay as they are.
"""

from __future__ import annotations

from ...core.jaxpr import Atom, Jaxpr, JaxprEqn, Literal, Var, without_dead
from ...primitives.basis import transpose_p
from ..rewriting import maker, rewritten

Order = tuple[int, ...]


def turned(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr without transposes there and back around elementwise operations. No result changes."""
    if sum([eqn.primitive is transpose_p for eqn in jaxpr.eqns]) < 2:
        return jaxpr
    orders = _orders(jaxpr)
    # {variable: the variable of its transpose by orders[variable]}
    transposes: dict[Var, Atom] = {}

    def rewrite(eqn: JaxprEqn, makers):
        out = eqn.outvars[0] if len(eqn.outvars) == 1 else None
        if eqn.primitive is transpose_p:
            return transposes.get(eqn.invars[0])
        order = orders.get(out)
        if order is None or not _is_pointwise(eqn):
            return None
        found = [_transpose(v, order, transposes, makers) if v.aval.shape else None for v in eqn.invars]
        if all(x is None for x in found):
            return None
        before, operands = [], []
        for v, x in zip(eqn.invars, found):
            if x is None and v.aval.shape:
                x = _var(v, order)
                before.append(JaxprEqn([v], [x], transpose_p, {"permutation": order}, origin=eqn.origin))
            operands.append(v if x is None else x)
        transposes[out] = _var(out, order)
        # The equation itself, which nothing reads any more, binds `out`.
        return [*before, eqn.replace(invars=operands, outvars=[transposes[out]]), eqn]

    changed = rewritten(jaxpr, rewrite)
    return jaxpr if changed is jaxpr else without_dead(changed)


def _orders(jaxpr: Jaxpr) -> dict[Var, Order | None]:
    """{variable: the order of axes in which all equations read it, through elementwise operations too; None if they differ}."""
    orders: dict[Var, Order | None] = {v: None for v in jaxpr.outvars if type(v) is not Literal}
    for eqn in reversed(jaxpr.eqns):
        order = None
        if eqn.primitive is transpose_p:
            order = eqn.params["permutation"]
        elif _is_pointwise(eqn):
            order = orders.get(eqn.outvars[0])
        for v in eqn.invars:
            if type(v) is not Literal:
                here = order if v.aval.shape else None
                orders[v] = here if orders.get(v, here) == here else None
    return orders


def _is_pointwise(eqn: JaxprEqn) -> bool:
    """Whether the equation computes each number of its result from the numbers at the same place of its operands, and scalars."""
    if not eqn.primitive.elementwise or len(eqn.outvars) != 1:
        return False
    shape = eqn.outvars[0].aval.shape
    return all([v.aval.shape == shape or v.aval.shape == () for v in eqn.invars])


def _transpose(atom: Atom, order: Order, transposes: dict[Var, Atom], makers) -> Atom | None:
    """The variable that already holds the transpose of an operand, or None."""
    before = maker(atom, makers, "transpose")
    if before is not None and all(before.params["permutation"][k] == i for i, k in enumerate(order)):
        return before.invars[0]
    return None if type(atom) is Literal else transposes.get(atom)


def _var(atom: Atom, order: Order) -> Var:
    return Var(atom.aval.update(shape=tuple([atom.aval.shape[i] for i in order])))
