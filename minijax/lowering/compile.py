"""Jaxpr -> a Python function of NumPy arrays that runs it: the program that `numpy_source.py` writes.

Jaxprs that are the same program, such as those of two `jit`s of one function, share what is written and compiled, and while
one of them lives the memory that it keeps between calls.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from weakref import WeakKeyDictionary

import numpy as np

from ..core.array import ArrayImpl, float_fault, to_array
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..foundation.config import debugging_floats
from .keys import NoKey, jaxpr_key
from .numpy.source import Program, numpy_program
from .passes import optimized

_compiled: WeakKeyDictionary[ClosedJaxpr, Callable] = WeakKeyDictionary()


def compile_jaxpr(closed_jaxpr: ClosedJaxpr) -> Callable:
    """The function of NumPy arrays, returning a list of them, that a closed jaxpr stands for; made once for each jaxpr."""
    function = _compiled.get(closed_jaxpr)
    if function is None:
        function = _compiled[closed_jaxpr] = _compile(closed_jaxpr)
    return _looked_through(function, closed_jaxpr) if debugging_floats() else function


def _looked_through(function: Callable, closed_jaxpr: ClosedJaxpr) -> Callable:
    def run(*args):
        outs = function(*args)
        raise_at_fault(outs, closed_jaxpr, [ArrayImpl(x) for x in args])
        return outs

    return run


def raise_at_fault(outs: Sequence[np.ndarray], closed_jaxpr: ClosedJaxpr, args: Sequence[ArrayImpl]):
    """For `debug_nans`: where a result has a NaN, run the jaxpr again, an equation at a time, which raises at the first."""
    if any(float_fault(x) for x in outs):
        eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)


def program_text(closed_jaxpr: ClosedJaxpr, name: str, arg_names: Sequence[str]) -> str:
    """The program that is run, as text that runs alone."""
    return numpy_program(optimized(closed_jaxpr), name, arg_names).text


def _compile(closed_jaxpr: ClosedJaxpr) -> Callable:
    jaxpr, consts = closed_jaxpr.jaxpr, closed_jaxpr.consts
    if consts:
        # Programs that differ in their constants alone are one, of which these are arguments.
        jaxpr = jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars])
        closed_jaxpr = ClosedJaxpr(jaxpr, [])
    try:
        program = _shared(_Key(closed_jaxpr))
    except NoKey:
        program = _written(closed_jaxpr)
    function = program.function()
    return partial(function, *[to_array(c)._value for c in consts]) if consts else function


def _written(closed_jaxpr: ClosedJaxpr) -> Program:
    return numpy_program(optimized(closed_jaxpr), alone=False)


class _Key:
    """What a program is looked up by, and at first the jaxpr to write it from."""

    __slots__ = ("key", "hash", "closed_jaxpr")

    def __init__(self, closed_jaxpr: ClosedJaxpr):
        self.key: Hashable = jaxpr_key(closed_jaxpr.jaxpr)
        self.hash = hash(self.key)
        self.closed_jaxpr: ClosedJaxpr | None = closed_jaxpr

    def __hash__(self):
        return self.hash

    def __eq__(self, other):
        return self.key == other.key


@lru_cache(maxsize=256)
def _shared(key: _Key) -> Program:
    # The key is kept, the jaxpr is not: what is kept for it goes when it does.
    closed_jaxpr, key.closed_jaxpr = key.closed_jaxpr, None
    return _written(closed_jaxpr)


def clear_programs():
    """Forget every program that has been compiled, and what memory it keeps."""
    _compiled.clear()
    _shared.cache_clear()
