"""The stages of a jitted function: `Traced` (a jaxpr), `Lowered` (a program as text), `Compiled` (a program to run)
(`jax.stages`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr
from ..core.traces import Tracer
from ..foundation.pytrees import keystr, tree_flatten, tree_flatten_with_path, tree_unflatten
from ..lowering.run import chosen, memory, text
from .arguments import as_operand
from .make_jaxpr import struct_of

if TYPE_CHECKING:
    from .jit import _Program


@dataclass(frozen=True, slots=True)
class ArgInfo:
    """The type of an argument, and whether the call may take its memory (`jax.stages.ArgInfo`)."""

    _aval: ShapedArray
    donated: bool

    shape = property(lambda self: self._aval.shape)
    dtype = property(lambda self: self._aval.dtype)


# Options of a compiler, by name.
CompilerOptions = dict[str, str | bool]


@runtime_checkable
class Wrapped(Protocol):
    """What `jit` returns: a function that can also be traced and lowered ahead of its calls (`jax.stages.Wrapped`)."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def trace(self, *args: Any, **kwargs: Any) -> Traced: ...

    def lower(self, *args: Any, **kwargs: Any) -> Lowered: ...


class _Stage:
    """The base of all stages: it has the types of the arguments and of the results."""

    def __init__(self, program: _Program, fun_name: str, in_tree, arg_names: list[str], compiler: str | None):
        self._program = program
        self.fun_name = fun_name
        self.in_tree = in_tree
        self._arg_names = arg_names
        self._compiler = compiler

    out_tree = property(lambda self: self._program.out_tree)

    @property
    def jaxpr(self) -> ClosedJaxpr:
        """The jaxpr, with the arrays that the function closed over as its constants."""
        jaxpr, n = self._program.jaxpr.jaxpr, len(self._program.consts)
        return ClosedJaxpr(jaxpr.replace(constvars=jaxpr.invars[:n], invars=jaxpr.invars[n:]), self._program.consts)

    @property
    def in_avals(self) -> Any:
        """(the avals of the positional arguments, the avals of the keyword arguments)."""
        return tree_unflatten(self.in_tree, self._flat_in_avals)

    @property
    def args_info(self) -> Any:
        """(an `ArgInfo` for each positional argument, an `ArgInfo` for each keyword argument)."""
        n, donated = len(self._program.consts), self._program.donated
        return tree_unflatten(self.in_tree, [ArgInfo(a, n + i in donated) for i, a in enumerate(self._flat_in_avals)])

    @property
    def out_info(self) -> Any:
        """A `ShapeDtypeStruct` for each result."""
        return tree_unflatten(self.out_tree, [struct_of(a) for a in self._program.jaxpr.out_avals])

    @property
    def _flat_in_avals(self) -> list[ShapedArray]:
        return self._program.jaxpr.in_avals[len(self._program.consts) :]


class Traced(_Stage):
    """A function traced for certain types of arguments (`jax.stages.Traced`)."""

    def lower(self, compiler: str | None = None) -> Lowered:
        compiler = chosen(self._compiler if compiler is None else compiler)
        return Lowered(self._program, self.fun_name, self.in_tree, self._arg_names, compiler)


class Lowered(_Stage):
    """A traced function as a program of the compiler (`jax.stages.Lowered`)."""

    def as_text(self, dialect: str | None = None, *, debug_info: bool = False) -> str:
        """The program's text: Python source that needs only NumPy, or StableHLO if the compiler is "xla".

        dialect: None, or "stablehlo" of a program for XLA, else ValueError. debug_info is accepted and ignored.
        """
        if dialect is not None and (dialect, self._compiler) != ("stablehlo", "xla"):
            raise ValueError(f"Invalid dialect: {dialect}. A program of the compiler {self._compiler!r} has one text.")
        names = [*[f"closed_over_{i}" for i in range(len(self._program.consts))], *self._arg_names]
        return text(self._program.jaxpr, self.fun_name, names, self._compiler, self._program.donated)

    def cost_analysis(self) -> dict[str, float]:
        """What a run costs, counted as XLA counts it before it optimises: "flops", "transcendentals", "bytes accessed". A loop
        counts each of its steps, where XLA counts one.

        >>> import minijax
        >>> minijax.jit(lambda x: x @ x).lower(minijax.numpy.ones((3, 3))).cost_analysis()
        {'flops': 54.0, 'transcendentals': 0.0, 'bytes accessed': 108.0}
        """
        cost = import_module("minijax.lowering.costs").cost_of_jaxpr(self._program.jaxpr)
        return {
            "flops": float(cost.flops),
            "transcendentals": float(cost.transcendentals),
            "bytes accessed": float(cost.bytes),
        }

    def compile(self, compiler_options: None = None, *, device_assignment: None = None) -> Compiled:
        """The compiled program. Raises NotImplementedError for compiler_options, which are XLA's, and for a device_assignment."""
        if device_assignment is not None:
            raise NotImplementedError("compile() takes no device_assignment: a program runs on one device.")
        if compiler_options:
            raise NotImplementedError("minijax's compilers have no options: compile() takes no compiler_options.")
        self._program.compiled(self.fun_name, self._compiler)
        return Compiled(self._program, self.fun_name, self.in_tree, self._arg_names, self._compiler)


class Compiled(_Stage):
    """A program that can be called (`jax.stages.Compiled`). It takes arguments of its own types only, and never traces."""

    as_text = Lowered.as_text
    cost_analysis = Lowered.cost_analysis

    def memory_analysis(self) -> Any:
        """The memory of the program in bytes: `argument_size_in_bytes`, `output_size_in_bytes`, `temp_size_in_bytes` and others. A
        program of the compiler "xla" has XLA's own record; for a NumPy program the sizes of its values are counted. Arrays that the
        function closes over count as arguments. None for a program on several devices.

        >>> import minijax
        >>> memory = minijax.jit(lambda x: (x @ x.T).sum()).lower(minijax.numpy.ones((8, 2))).compile().memory_analysis()
        >>> memory.argument_size_in_bytes, memory.output_size_in_bytes
        (64, 4)
        """
        jaxpr, donated = self._program.jaxpr, self._program.donated
        return memory(jaxpr, self.fun_name, self._compiler, tuple(donated))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, in_tree = tree_flatten((args, kwargs))
        if in_tree != self.in_tree:
            raise TypeError(
                "Function compiled with input pytree does not match the input pytree it was called with: compiled for"
                f" (args, kwargs) of structure {self.in_tree}, called with {in_tree}."
            )
        flat = [as_operand(x, f"Argument of the compiled function {self.fun_name}:") for x in leaves]
        if any(isinstance(x, Tracer) for x in flat):
            raise TypeError(
                "Cannot apply JAX transformations to a function lowered and compiled for a particular signature."
                f" Transform the jitted function {self.fun_name} instead."
            )
        expected = self._flat_in_avals
        if any((x.shape, x.dtype) != (a.shape, a.dtype) for x, a in zip(flat, expected)):
            paths = [path for path, _ in tree_flatten_with_path((args, kwargs))[0]]
            mismatches = [
                f"Argument {_argument_name(path)} compiled with {a.str_short()} and called with {x.aval.str_short()}"
                for path, x, a in zip(paths, flat, expected)
                if (x.shape, x.dtype) != (a.shape, a.dtype)
            ]
            raise TypeError(
                "Argument types differ from the types for which this computation was compiled. The mismatches are:\n"
                + "\n".join(mismatches)
            )
        return tree_unflatten(self.out_tree, self._program(self.fun_name, self._compiler, flat))


def _argument_name(path) -> str:
    return f"{'args' if path[0].idx == 0 else 'kwargs'}{keystr(path[1:])}"


__all__ = ["ArgInfo", "Compiled", "CompilerOptions", "Lowered", "Traced", "Wrapped"]
