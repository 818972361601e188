"""Compiles a jaxpr with the chosen compiler, and runs it: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from ..core.array import ArrayImpl, wrap_result
from ..core.jaxpr import ClosedJaxpr
from ..foundation import errors
from ..foundation.config import check_execution, config, watching
from ..foundation.float_errors import SILENT, float_errors
from . import xla
from .compile import compile_jaxpr, program_text, raise_at_fault

# The arguments are arrays: none of them is a tracer.
Run = Callable[[Sequence[ArrayImpl]], list[ArrayImpl]]


def _numpy_program(closed_jaxpr: ClosedJaxpr, name: str, donated: tuple[int, ...]) -> Run:
    function, out_avals = compile_jaxpr(closed_jaxpr), closed_jaxpr.out_avals

    def run(args):
        before = float_errors.get()
        try:
            float_errors.set(SILENT)
            outs = function(*[x._value for x in args])
            float_errors.set(before)
        except BaseException:
            float_errors.set(before)
            raise
        return [wrap_result(x, aval) for x, aval in zip(outs, out_avals)]

    return run


COMPILERS: dict[str, Callable[[ClosedJaxpr, str, tuple[int, ...]], Run]] = {
    "numpy": _numpy_program,
    "xla": lambda *args: xla.client.program(*args),
}


def chosen(compiler: str | None) -> str:
    """The name of the compiler: `compiler`, or the configured one for None. Raises ValueError for an unknown name."""
    name = config.minijax_compiler if compiler is None else compiler
    if name not in COMPILERS:
        raise errors.unknown_compiler(name, list(COMPILERS))
    return name


def text(
    closed_jaxpr: ClosedJaxpr, name: str, arg_names: Sequence[str], compiler: str, donated: tuple[int, ...]
) -> str:
    """The program as text, for people to read."""
    if compiler == "xla":
        return xla.stablehlo.module_text(closed_jaxpr, name, arg_names, donated=donated)
    return program_text(closed_jaxpr, name, arg_names)


def memory(closed_jaxpr: ClosedJaxpr, name: str, compiler: str, donated: tuple[int, ...]) -> Any:
    """The memory of the compiled program: XLA's own record, or `costs.CompiledMemoryStats`. None for several devices."""
    if compiler == "xla":
        return xla.client.memory(closed_jaxpr, name, donated)
    costs, passes = (import_module(f"minijax.lowering.{name}") for name in ("costs", "passes"))
    return costs.memory_of(passes.optimized(closed_jaxpr))


def compiled(closed_jaxpr: ClosedJaxpr, name: str, compiler: str | None = None, donated: tuple[int, ...] = ()) -> Run:
    """A function that runs a closed jaxpr on arrays. donated: the numbers of the arguments that the program may overwrite."""
    run = COMPILERS[chosen(compiler)](closed_jaxpr, name, donated)
    if not watching():
        return run

    def looked_through(args):
        check_execution(name)
        outs = run(args)
        raise_at_fault([x._value for x in outs], closed_jaxpr, args)
        return outs

    return looked_through
