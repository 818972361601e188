"""Jaxpr -> a Python function of NumPy arrays that runs it: the program that `numpy_source.py` writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import numpy as np

from ..array import ArrayImpl, float_fault
from ..config import debugging_floats
from ..jaxpr import ClosedJaxpr, eval_jaxpr
from .numpy_source import numpy_program
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
    return numpy_program(optimized(closed_jaxpr), alone=False).function()
