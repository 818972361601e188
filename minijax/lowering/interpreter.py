"""Jaxpr -> a Python function of NumPy arrays that runs its equations one by one, without tracers, avals or wrapping.

What can be known before the first run is worked out once: dead code is gone, every variable has a slot in a list, and each
equation knows which slots nobody reads after it.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from ..array import ArrayImpl, float_fault, to_array
from ..config import debugging_floats
from ..jaxpr import ClosedJaxpr, Jaxpr, Literal, dce_jaxpr, eval_jaxpr, last_used

_compiled: WeakKeyDictionary[ClosedJaxpr, Callable] = WeakKeyDictionary()


def compile_jaxpr(closed_jaxpr: ClosedJaxpr) -> Callable:
    """The function of NumPy arrays, returning a list of them, that a closed jaxpr stands for; made once for each jaxpr."""
    function = _compiled.get(closed_jaxpr)
    if function is None:
        function = _compiled[closed_jaxpr] = _compile(closed_jaxpr)
    return _looked_through(function, closed_jaxpr) if debugging_floats() else function


def _looked_through(function: Callable, closed_jaxpr: ClosedJaxpr) -> Callable:
    """For `debug_nans`: where a result has a NaN, run the jaxpr again, an equation at a time, which raises at the first."""

    def run(*args):
        outs = function(*args)
        if any(float_fault(x) for x in outs):
            eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *map(ArrayImpl, args))
        return outs

    return run


def program_text(closed_jaxpr: ClosedJaxpr) -> str:
    """The program that is run, as text: the jaxpr without its dead code."""
    return str(_live(closed_jaxpr))


def _live(closed_jaxpr: ClosedJaxpr) -> Jaxpr:
    return dce_jaxpr(closed_jaxpr.jaxpr, [True] * len(closed_jaxpr.jaxpr.outvars), instantiate=True)[0]


def _compile(closed_jaxpr: ClosedJaxpr) -> Callable:
    jaxpr = _live(closed_jaxpr)
    slots: dict = {}
    initial: list = []

    def slot(atom) -> int:
        if type(atom) is Literal:
            initial.append(to_array(atom.val)._value)
            return len(initial) - 1
        if atom not in slots:
            slots[atom] = len(initial)
            initial.append(None)
        return slots[atom]

    for v, c in zip(jaxpr.constvars, closed_jaxpr.consts):
        initial[slot(v)] = to_array(c)._value
    in_slots = [slot(v) for v in jaxpr.invars]
    last = last_used(jaxpr)
    program = []
    for eqn in jaxpr.eqns:
        sources = tuple(slot(v) for v in eqn.invars)
        targets = tuple(slot(v) for v in eqn.outvars)
        dead = {slots[v] for v in eqn.invars if type(v) is not Literal and last[v] is eqn}
        dead.update(slots[v] for v in eqn.outvars if v not in last)
        single = None if eqn.primitive.multiple_results else targets[0]
        program.append((eqn.primitive.impl, sources, eqn.params, single, targets, tuple(dead)))
    out_slots = [slot(v) for v in jaxpr.outvars]

    def run(*args):
        env = initial.copy()
        for i, x in zip(in_slots, args):
            env[i] = x
        for impl, sources, params, single, targets, dead in program:
            out = impl(*[env[i] for i in sources], **params)
            if single is not None:
                env[single] = out
            else:
                for i, x in zip(targets, out):
                    env[i] = x
            for i in dead:
                env[i] = None
        return [env[i] for i in out_slots]

    return run
