"""Jaxpr -> a Python function of NumPy arrays that computes its results: the program that `numpy/source.py` writes.

Two jaxprs may be the same program, for example those of two `jit`s of one function. Such jaxprs share the program's text and its
compiled code. While one of them lives, they also share the large arrays that the program keeps between calls.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from ..core.array import ArrayImpl, float_fault, to_array
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..foundation.config import check_execution, watching
from .keys import NoKey, jaxpr_key

if TYPE_CHECKING:
    from .numpy.source import Program

_compiled: WeakKeyDictionary[ClosedJaxpr, Callable] = WeakKeyDictionary()


def compile_jaxpr(closed_jaxpr: ClosedJaxpr) -> Callable:
    """A closed jaxpr as a function of NumPy arrays that returns a sequence of them. It is made once for each jaxpr."""
    function = _compiled.get(closed_jaxpr)
    if function is None:
        function = _compiled[closed_jaxpr] = _compile(closed_jaxpr)
    return _looked_through(function, closed_jaxpr) if watching() else function


def _looked_through(function: Callable, closed_jaxpr: ClosedJaxpr) -> Callable:
    def run(*args):
        check_execution("a program")
        outs = function(*args)
        raise_at_fault(outs, closed_jaxpr, [ArrayImpl(x) for x in args])
        return outs

    return run


def raise_at_fault(outs: Sequence[np.ndarray], closed_jaxpr: ClosedJaxpr, args: Sequence[ArrayImpl]):
    """For `debug_nans`: if a result has a NaN, run the jaxpr again, one equation at a time. The first equation whose result has a
    NaN raises an error."""
    if any(float_fault(x) for x in outs):
        eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)


def program_text(closed_jaxpr: ClosedJaxpr, name: str, arg_names: Sequence[str]) -> str:
    """The program as text that needs only NumPy, for people to read."""
    return _written(closed_jaxpr, name, arg_names).text


def _compile(closed_jaxpr: ClosedJaxpr) -> Callable:
    jaxpr, consts = closed_jaxpr.jaxpr, closed_jaxpr.consts
    if consts:
        # Make the constants arguments: two programs that differ only in their constants are then one program.
        jaxpr = jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars])
        closed_jaxpr = ClosedJaxpr(jaxpr, [])
    try:
        program = _shared(_Key(closed_jaxpr))
    except NoKey:
        program = _written(closed_jaxpr, alone=False)
    function = program.function()
    return partial(function, *[to_array(c)._value for c in consts]) if consts else function


def _written(closed_jaxpr: ClosedJaxpr, *args, **kwargs) -> Program:
    # The passes and the writer are a tenth of the package. They are imported for the first program that is compiled.
    passes, source = (import_module(f"minijax.lowering.{name}") for name in ("passes", "numpy.source"))
    return source.numpy_program(passes.optimized(closed_jaxpr), *args, **kwargs)


class _Key:
    """The key of a program in the cache. For the first lookup it also holds the jaxpr that the program is written from."""

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
    # The cache keeps the key, but must not keep the jaxpr: other caches hold data for a jaxpr for as long as it lives.
    closed_jaxpr, key.closed_jaxpr = key.closed_jaxpr, None
    return _written(closed_jaxpr, alone=False)


def clear_programs():
    """Forget every compiled program, and free the arrays that the programs keep."""
    _compiled.clear()
    _shared.cache_clear()
