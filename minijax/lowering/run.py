"""Running a jaxpr compiled: which compiler, and arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..core.array import ArrayImpl, wrap_result
from ..core.jaxpr import ClosedJaxpr
from ..foundation import errors
from ..foundation.config import config, debugging_floats
from . import xla
from .compile import compile_jaxpr, program_text, raise_at_fault

# Of arrays, none of them a tracer.
Run = Callable[[Sequence[ArrayImpl]], list[ArrayImpl]]


def _numpy_program(closed_jaxpr: ClosedJaxpr, name: str, donated: tuple[int, ...]) -> Run:
    function, out_avals = compile_jaxpr(closed_jaxpr), closed_jaxpr.out_avals

    # IEEE arithmetic without comment, as in JAX: 1/0 is inf. NumPy would warn. (Half the time of `with` for each call.)
    @np.errstate(all="ignore")
    def run(args):
        outs = function(*[x._value for x in args])
        return [wrap_result(x, aval) for x, aval in zip(outs, out_avals)]

    return run


COMPILERS: dict[str, Callable[[ClosedJaxpr, str, tuple[int, ...]], Run]] = {
    "numpy": _numpy_program,
    "xla": lambda *args: xla.client.program(*args),
}


def chosen(compiler: str | None) -> str:
    """The name of the compiler: the one asked for, or the configured one. Raises ValueError for what is none."""
    name = config.minijax_compiler if compiler is None else compiler
    if name not in COMPILERS:
        raise errors.unknown_compiler(name, list(COMPILERS))
    return name


def text(
    closed_jaxpr: ClosedJaxpr, name: str, arg_names: Sequence[str], compiler: str, donated: tuple[int, ...]
) -> str:
    """The program that is run, for people to read."""
    if compiler == "xla":
        return xla.stablehlo.module_text(closed_jaxpr, name, arg_names, donated=donated)
    return program_text(closed_jaxpr, name, arg_names)


def compiled(closed_jaxpr: ClosedJaxpr, name: str, compiler: str | None = None, donated: tuple[int, ...] = ()) -> Run:
    """What runs a closed jaxpr on arrays. donated: the arguments that the caller gives away."""
    run = COMPILERS[chosen(compiler)](closed_jaxpr, name, donated)
    if not debugging_floats():
        return run

    def looked_through(args):
        outs = run(args)
        raise_at_fault([np.asarray(x) for x in outs], closed_jaxpr, args)
        return outs

    return looked_through
