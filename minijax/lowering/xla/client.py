"""Jaxpr -> a program that XLA runs, on whatever device jaxlib has: `stablehlo.py` writes the text, jaxlib compiles it.

This is the only file that imports JAX's libraries. It uses only their public names and imports them when it compiles the first
program: otherwise minijax needs NumPy alone. None of JAX's rules take part. To JAX, a program of ours is one primitive
(`_whole_program`), so that JAX's fast machinery runs it.

Arrays stay on the device between programs. A result is an `ArrayImpl` with a buffer, which XLA may still be computing; its NumPy
value is fetched when a program reads it. An argument from NumPy gets its buffer once.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from weakref import WeakValueDictionary

import numpy as np

from ...core.array import ArrayImpl, to_array
from ...core.avals import ShapedArray
from ...core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from ...core.staging import closed, weak_cache
from ...foundation import errors
from ...foundation.dtypes import float0, key_fry
from ...foundation.meshes import Mesh
from ...foundation.sharding import PartitionSpec, whole_aval
from .stablehlo import module_text
from .text import physical, physical_array

# The oldest version of JAX that the tests have run with, and the first version that they have not run with.
OLDEST, UNTRIED = (0, 10), (0, 13)
KNOWN = "jax>=0.10,<0.13"


@cache
def _xla() -> SimpleNamespace:
    """The names of JAX's libraries that this file uses."""
    try:
        jax = import_module("jax")
        backend = import_module("jax.extend.backend")
        core, mlir = import_module("jax.extend.core"), import_module("jax.interpreters.mlir")
        ir, func = import_module("jax.extend.mlir.ir"), import_module("jax.extend.mlir.dialects.func")
    except ImportError as e:
        raise errors.xla_missing(KNOWN) from e
    version = tuple(int(n) for n in re.findall(r"\d+", jax.__version__)[:2])
    if version < OLDEST:
        raise errors.xla_version(jax.__version__, "older", KNOWN)
    if version >= UNTRIED:
        warnings.warn(str(errors.xla_version(jax.__version__, "newer", KNOWN)), stacklevel=2)
    return SimpleNamespace(
        client=backend.get_backend(),
        Primitive=core.Primitive,
        ShapeDtypeStruct=jax.ShapeDtypeStruct,
        ShapedArray=jax.core.ShapedArray,
        mlir=mlir,
        ir=ir,
        func=func,
        jit=jax.jit,
        default_device=jax.default_device,
        compile_options=backend.get_compile_options,
        devices=jax.devices(),
        device_put=jax.device_put,
        enable_x64=jax.enable_x64,
        eigvalsh=jax.numpy.linalg.eigvalsh,
        buffer_type=type(jax.device_put(np.float32(0))),
        assemble=jax.make_array_from_single_device_arrays,
        Mesh=jax.sharding.Mesh,
        NamedSharding=jax.sharding.NamedSharding,
        PartitionSpec=jax.sharding.PartitionSpec,
    )


def _platform() -> str:
    return _xla().devices[0].platform


def devices() -> list:
    """jaxlib's devices."""
    return _xla().devices


# ---------------------------------------------------------------------------------------------------------------------
# Arrays


class Sharded:
    """An array in pieces, one on each of several devices, as the buffer of an `ArrayImpl`."""

    __slots__ = ("array", "mesh", "spec")

    def __init__(self, array, mesh: Mesh, spec: PartitionSpec):
        self.array, self.mesh, self.spec = array, mesh, spec

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)

    def __getattr__(self, name: str):
        return getattr(self.array, name)


def _result(buffer, aval: ShapedArray):
    return np.zeros(aval.shape, float0) if aval.dtype == float0 else ArrayImpl.on_device(buffer, aval)


def _put(value, place):
    """The array on a device, or cut into pieces for several. With x64 enabled, as JAX would else cut 64 bits to 32."""
    with _xla().enable_x64(True):
        return _xla().device_put(value, place)


def _buffer(x: ArrayImpl):
    """The array on the first device. The array keeps the buffer, so that a model's parameter is sent there once."""
    buffer = x._buffer
    if type(buffer) is not _xla().buffer_type:
        x._buffer = buffer = _put(physical_array(x._value) if buffer is None else buffer.array, _xla().devices[0])
    return buffer


# ---------------------------------------------------------------------------------------------------------------------
# Programs

Run = Callable[[Sequence[ArrayImpl]], list[ArrayImpl]]


@cache
def _whole_program():
    """A primitive of JAX's whose lowering is the text of a whole program (`jax.extend`, and JAX's tutorial on primitives).

    jaxlib by itself takes 1.7 us to hand back each result of a program, as long as a small program runs. A program that
    `jax.jit` has compiled hands results back at once.
    """
    xla = _xla()
    primitive = xla.Primitive("minijax_program")
    primitive.multiple_results = True

    @primitive.def_abstract_eval
    def out_avals(*_, text, outs):
        return [xla.ShapedArray(aval.shape, aval.dtype) for aval in outs]

    def lower(ctx, *operands, text, outs):
        ours, theirs = xla.ir.Module.parse(text), ctx.module_context
        types = xla.ir.SymbolTable(ours.operation)["main"].type.results
        name = xla.mlir.merge_mlir_modules(theirs.module, "program", ours, dst_symtab=theirs.symbol_table)
        return xla.func.CallOp(types, xla.ir.FlatSymbolRefAttr.get(name), operands).results

    xla.mlir.register_lowering(primitive, lower)
    return primitive


@cache
def _find_lapack():
    """Let jaxlib look up the functions of LAPACK, of which programs call some by name: it does so when JAX lowers its first
    factorization. Without that look-up, a call of one ends the process."""
    xla = _xla()
    xla.jit(xla.eigvalsh).lower(xla.ShapeDtypeStruct((1, 1), np.float32))


class _Executable:
    """A compiled text, called with arrays on the first device. Programs with the same text share it."""

    __slots__ = ("execute", "__weakref__")

    def __init__(self, text: str, donated: tuple[int, ...], closed_jaxpr: ClosedJaxpr):
        xla, outs = _xla(), tuple(map(physical, closed_jaxpr.out_avals))
        if "stablehlo.custom_call" in text:
            _find_lapack()

        def minijax(*args):
            return _whole_program().bind(*args, text=text, outs=outs)

        ins = [xla.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in map(physical, closed_jaxpr.in_avals)]
        with xla.enable_x64(True), xla.default_device(xla.devices[0]):
            self.execute = xla.jit(minijax, donate_argnums=donated).lower(*ins).compile()


class _Replicated:
    """A text compiled for a replica on each of several devices."""

    __slots__ = ("execute", "__weakref__")

    def __init__(self, text: str, device_ids: tuple[int, ...]):
        xla = _xla()
        if "stablehlo.custom_call" in text:
            _find_lapack()
        options = xla.compile_options(
            num_replicas=len(device_ids), num_partitions=1, device_assignment=np.array(device_ids)[:, None]
        )
        compiled = xla.client.compile_and_load(text, [xla.devices[i] for i in device_ids], options)
        self.execute = compiled.execute_sharded


_executables: WeakValueDictionary[tuple, _Executable | _Replicated] = WeakValueDictionary()


def _shared(kind: type, text: str, numbers: tuple[int, ...], *rest) -> _Executable | _Replicated:
    """kind(text, numbers, *rest), made once for each text and numbers; `rest` follows from the text."""
    # The key leaves out the program's name, in the first line, and the user's lines, in comments: the result depends on neither.
    key = kind, re.sub(r"^\s*//.*\n", "", text.partition("\n")[2], flags=re.MULTILINE), numbers
    found = _executables.get(key)
    if found is None:
        found = _executables[key] = kind(text, numbers, *rest)
    return found


@weak_cache
def memory(closed_jaxpr: ClosedJaxpr, name: str, donated: tuple[int, ...]):
    """XLA's record of the memory of the program; None for a program on several devices."""
    executable = getattr(program(closed_jaxpr, name, donated), "executable", None)
    return None if executable is None else executable.execute.memory_analysis()


def program(closed_jaxpr: ClosedJaxpr, name: str, donated: tuple[int, ...] = ()) -> Run:
    """A function from arrays to a list of arrays that runs a closed jaxpr; it is made once for each jaxpr.

    donated: the arguments that the program may overwrite; the caller loses them.
    """
    if any(map(_sharded, closed_jaxpr.jaxpr.eqns)):
        return _in_parts(closed_jaxpr, name)
    executable = _shared(
        _Executable, module_text(closed_jaxpr, name, donated=donated, platform=_platform()), donated, closed_jaxpr
    )
    execute, of_one_device, out_avals = executable.execute, {_xla().buffer_type}, closed_jaxpr.out_avals
    wrap = _result if any(aval.dtype == float0 for aval in out_avals) else ArrayImpl.on_device

    def run(args):
        buffers = [x._buffer for x in args]
        if not of_one_device.issuperset(map(type, buffers)):
            buffers = [_buffer(x) for x in args]
        for i in donated:
            args[i].forget_value()
        return list(map(wrap, execute(*buffers), out_avals))

    run.executable = executable
    return run


# ---------------------------------------------------------------------------------------------------------------------
# Programs of several devices


def _sharded(eqn: JaxprEqn) -> bool:
    return eqn.primitive.name == "shard_map"


def _in_parts(closed_jaxpr: ClosedJaxpr, name: str) -> Run:
    """A program with equations of `pmap`: each of these equations runs on its devices, the others on the first device."""
    jaxpr = closed_jaxpr.jaxpr
    parts: list[list[JaxprEqn]] = []
    for eqn in jaxpr.eqns:
        if not parts or _sharded(eqn) or _sharded(parts[-1][0]):
            parts.append([])
        parts[-1].append(eqn)
    needed = {v for v in jaxpr.outvars if type(v) is Var}
    steps = []
    for eqns in reversed(parts):
        made = [v for eqn in eqns for v in eqn.outvars if v in needed]
        needed.update(v for eqn in eqns for v in eqn.invars if type(v) is Var)
        steps.append((eqns, made))
    runs = [_part(eqns, made, name) for eqns, made in reversed(steps)]

    consts = [to_array(c) for c in closed_jaxpr.consts]

    def run(args):
        values = dict(zip([*jaxpr.invars, *jaxpr.constvars], [*args, *consts]))

        def read(v):
            return to_array(v.val) if type(v) is Literal else values[v]

        for invars, outvars, part in runs:
            values.update(zip(outvars, part([read(v) for v in invars])))
        return [read(v) for v in jaxpr.outvars]

    return run


def _part(eqns: list[JaxprEqn], made: list[Var], name: str) -> tuple[list[Var], list[Var], Run]:
    """(variables read, variables made, function to run) of some of a jaxpr's equations."""
    if _sharded(eqns[0]):
        (eqn,) = eqns
        p = eqn.params
        return eqn.invars, eqn.outvars, sharded_program(p["jaxpr"], p["mesh"], p["in_specs"], p["out_specs"], name)
    inner = {v for eqn in eqns for v in eqn.outvars}
    invars = list(dict.fromkeys(v for eqn in eqns for v in eqn.invars if type(v) is Var and v not in inner))
    return invars, made, program(closed(Jaxpr([], invars, made, eqns)), name)


@weak_cache
def sharded_program(jaxpr: ClosedJaxpr, mesh: Mesh, in_specs: tuple, out_specs: tuple, name: str) -> Run:
    """A function of whole arrays that the devices of a mesh run together: each runs a replica of the program on its pieces."""
    xla = _xla()
    device_ids = tuple(device.id for device in mesh.devices.flat)
    if max(device_ids) >= len(xla.devices):
        raise errors.xla_devices(max(device_ids) + 1, len(xla.devices))
    axis = mesh.axis_name
    executable = _shared(
        _Replicated, module_text(jaxpr, name, replicas=mesh.size, axis_name=axis, platform=_platform()), device_ids
    )
    places = xla.Mesh(np.array([xla.devices[i] for i in device_ids]), ("replica",))

    def sharding(spec: PartitionSpec):
        return xla.NamedSharding(places, xla.PartitionSpec(*[None if entry is None else "replica" for entry in spec]))

    def pieces(x: ArrayImpl, spec: PartitionSpec):
        buffer = x._buffer
        if type(buffer) is Sharded:
            return buffer.array if buffer.spec == spec and buffer.mesh == mesh else _put(buffer.array, sharding(spec))
        return _put(physical_array(x._value) if buffer is None else buffer, sharding(spec))

    out_avals = [whole_aval(aval, spec, mesh) for aval, spec in zip(jaxpr.out_avals, out_specs)]

    def run(args):
        outs = executable.execute([pieces(x, spec) for x, spec in zip(args, in_specs, strict=True)])
        wholes = []
        for parts, aval, spec in zip(outs.disassemble_into_single_device_arrays(), out_avals, out_specs):
            # In the buffer, the two words of a random key are a last axis.
            shape = (*aval.shape, 2) if aval.dtype == key_fry else aval.shape
            whole = xla.assemble(shape, sharding(spec), parts)
            wholes.append(ArrayImpl.on_device(Sharded(whole, mesh, spec), aval))
        return wholes

    return run
