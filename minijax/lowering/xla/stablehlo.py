"""Jaxpr -> StableHLO, the language that XLA compiles for CPUs, GPUs and TPUs, as text; nothing of JAX is needed to write it.

The rules in the files beside this one write an equation as a line or a few. This file has the writer that they use, and the
rules of operations that carry jaxprs. These jaxprs become regions: the loop of a `scan` is a `stablehlo.while`.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Sequence

import numpy as np

from ...core.array import to_array
from ...core.avals import ShapedArray
from ...core.jaxpr import Atom, ClosedJaxpr, JaxprEqn, Literal, Var, called_jaxpr, without_dead
from ...core.staging import trace_to_closed_jaxpr
from ...foundation import errors, source_info
from ...foundation.dtypes import key_fry, wide_dtype
from ...foundation.narrow import wide_params, widens, word_steps
from ...foundation.pytrees import tree_unflatten
from ...transforms.vmap import Axis, with_named_axes
from ..batched_loops import with_one_condition
from ..lowered import lowered
from ..origins import line_text, numbered, often_called, user_names
from .collectives import COLLECTIVES
from .indexing import INDEXING, dynamic_slice, dynamic_update_slice
from .linalg import LINALG
from .random import RANDOM, are_equal, on_words
from .rules import CONTRACTIONS, ELEMENTWISE, REDUCTIONS, SHAPES, Rule
from .special import SPECIAL
from .text import (
    BOOL,
    INT32,
    Value,
    attribute,
    dense,
    functional,
    is_packed,
    physical,
    physical_array,
    quoted,
    tensor,
)
from .turned import turned
from .windows import WINDOWS


def module_text(
    closed_jaxpr: ClosedJaxpr,
    name: str,
    arg_names: Sequence[str] | None = None,
    *,
    donated: Sequence[int] = (),
    replicas: int = 1,
    axis_name=None,
    platform: str = "cpu",
) -> str:
    """The text of a module whose function `main` takes the arguments of a closed jaxpr and returns its results.

    donated: the arguments to whose memory results may be written. replicas: the number of devices that run the program at once;
    collectives along `axis_name` are among these devices. platform: jaxlib's name of the devices' kind; on "cpu" a program
    may call LAPACK. Raises NotImplementedError for a program that calls back into
    Python. (JAX: `jit(f).lower(...).as_text()`.)

    >>> import minijax as jax
    >>> text = module_text(jax.make_jaxpr(lambda x: x + 1)(2.0), "successor", ["x"])
    >>> print("\\n".join(line for line in text.splitlines() if "//" not in line))
    module @jit_successor attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
      func.func public @main(%x: tensor<f32>) -> tensor<f32> {
        %c = stablehlo.constant dense<1.0> : tensor<f32>
        %0 = stablehlo.add %x, %c : tensor<f32>
        return %0 : tensor<f32>
      }
    }
    """
    module = _Module(often_called(closed_jaxpr), replicas, axis_name, platform)
    main = module.define("main", "public", closed_jaxpr, arg_names, _aliases(closed_jaxpr, donated))
    counts = f"mhlo.num_partitions = 1 : i32, mhlo.num_replicas = {replicas} : i32"
    lines = [f"  {line}" for definition in [main, *module.definitions] for line in definition]
    return "\n".join([f"module @{_identifier(f'jit_{name}')} attributes {{{counts}}} {{", *lines, "}", ""])


def _aliases(closed_jaxpr: ClosedJaxpr, donated: Sequence[int]) -> dict[int, str]:
    """The attributes of donated arguments: each names the result that takes the argument's memory, if one has its type."""
    found: dict[int, str] = {}
    free = dict(enumerate(map(physical, closed_jaxpr.out_avals))) if donated else {}
    for i in donated:
        aval = physical(closed_jaxpr.in_avals[i])
        result = next((k for k, out in free.items() if (out.shape, out.dtype) == (aval.shape, aval.dtype)), None)
        found[i] = "jax.buffer_donor = true" if result is None else f"tf.aliasing_output = {result} : i32"
        free.pop(result, None)
    return found


def _identifier(name: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    return f"_{name}" if name[0].isdigit() else name


def _unused(wanted: str, taken: set[str]) -> str:
    """The wanted name, or the first one with a number behind it that is not taken; it is then marked as taken."""
    name = next(n for n in numbered(wanted) if n not in taken)
    taken.add(name)
    return name


class _Module:
    """The state that the functions of a module share: the functions written so far, and their names."""

    def __init__(self, shared: dict[int, int], replicas: int, axis_name, platform: str):
        self.shared, self.replicas, self.axis_name, self.platform = shared, replicas, axis_name, platform
        self.definitions: list[list[str]] = []
        self.functions: dict = {}
        self.names: set[str] = {"main"}

    def define(self, name, visibility, closed_jaxpr: ClosedJaxpr, arg_names=None, attributes=None, commented=True):
        """The lines of a function."""
        w = Writer(self, commented)
        arg_names = arg_names or [f"arg{i}" for i in range(len(closed_jaxpr.in_avals))]
        args = [
            Value(physical(aval), w.fresh(wanted))
            for aval, wanted in zip(closed_jaxpr.in_avals, arg_names, strict=True)
        ]
        results = w.body(closed_jaxpr, args)
        returned = w.names(results)
        attributes = attributes or {}
        typed = [
            f"{x.name}: {x.type}" + (f" {{{attributes[i]}}}" if i in attributes else "") for i, x in enumerate(args)
        ]
        types = [x.type for x in results]
        outs = "" if not types else f" -> {types[0] if len(types) == 1 else '(' + ', '.join(types) + ')'}"
        return [
            f"func.func {visibility} @{name}({', '.join(typed)}){outs} {{",
            *[f"  {line}" for line in w.lines],
            f"  return {returned} : {', '.join(types)}" if types else "  return",
            "}",
        ]

    def function(self, key, name: str, make: Callable[[], ClosedJaxpr], commented: bool) -> str:
        """The name of the private function known by `key`, which is written when it is first needed."""
        if key not in self.functions:
            name = _unused(_identifier(name), self.names)
            # Keep the jaxpr alive: its id may be the key, and Python reuses the ids of dead objects.
            self.functions[key] = name, (closed_jaxpr := make())
            self.definitions.append(self.define(name, "private", closed_jaxpr, commented=commented))
        return self.functions[key][0]


class Writer:
    """The writer of one function. Rules call its methods with values; the methods write lines and return values."""

    def __init__(self, module: _Module, commented: bool):
        self.module = module
        self.commented = commented
        self.lines: list[str] = []
        self.taken: set[str] = set()
        self.count = 0
        # {constant: its name}, of the constants written in this region and in the regions around it.
        self.constants: ChainMap = ChainMap()
        self.origin = self.last_origin = None

    # -- Names -----------------------------------------------------------------------------------------------------------

    def fresh(self, wanted: str | None = None) -> str:
        """A name that is new in the function: made of `wanted`, or the next number."""
        if wanted is None:
            self.count += 1
            return f"%{self.count - 1}"
        return f"%{_unused(_identifier(wanted), self.taken)}"

    def name(self, x: Value) -> str:
        """The name of a value. A constant that has not been written yet is written now."""
        if x.name is not None:
            return x.name
        array = x.constant
        key = (array.tobytes(), array.shape, x.shape, x.dtype)
        name = self.constants.get(key)
        if name is None:
            name = self.constants[key] = self.fresh("c")
            self.line(f"{name} = stablehlo.constant {dense(array)} : {x.type}")
        return name

    def names(self, values: Sequence[Value]) -> str:
        return ", ".join(map(self.name, values))

    # -- Lines -----------------------------------------------------------------------------------------------------------

    def line(self, text: str):
        if self.origin != self.last_origin:
            self.last_origin = self.origin
            if self.origin is not None:
                self.lines.append(f"// {line_text(*self.origin)}")
        self.lines.append(text)

    def assign(self, out: ShapedArray, text: str) -> Value:
        """The value of the line `%0 = text type`, with the result's type at the end."""
        name = self.fresh()
        self.line(f"{name} = {text}{tensor(out)}")
        return Value(out, name)

    def op(self, name: str, out: ShapedArray, *operands: Value, attributes: str = "") -> Value:
        """The value of `%0 = stablehlo.name %1, attributes : (type) -> type`."""
        names = self.names(operands)
        rest = f", {attributes}" if attributes else ""
        types = ", ".join(x.type for x in operands)
        return self.assign(out, f"stablehlo.{name} {names}{rest} : ({types}) -> ")

    def elementwise(self, name: str, out: ShapedArray, *operands: Value, attributes: str = "") -> Value:
        """The value of `%2 = stablehlo.name %0, %1 : type`, with the operands broadcast to the result's shape."""
        names = self.names([self.broadcast(x, out.shape) for x in operands])
        return self.assign(out, f"stablehlo.{name} {names} {attributes}: ")

    def generic(
        self, name: str, outs: Sequence[ShapedArray], operands: Sequence[Value], attributes: str = "", regions=()
    ) -> list[Value]:
        """The values of `%0:2 = "stablehlo.name"(%1) <{attributes}> ({ region }) : (type) -> (type, type)`."""
        properties = f" <{{{attributes}}}>" if attributes else ""
        header = f'"stablehlo.{name}"({self.names(operands)}){properties}'
        return self.results(outs, header, regions, functional(operands, outs))

    def results(
        self, outs: Sequence[ShapedArray], header: str, regions: Sequence[list[str]], types: str
    ) -> list[Value]:
        """The values of the operation with this `header` and these regions."""
        name = self.fresh()
        several = f"{name}:{len(outs)} = " if len(outs) > 1 else f"{name} = " if outs else ""
        if not regions:
            self.line(f"{several}{header} : {types}")
        for i, region in enumerate(regions):
            self.line(f"{several}{header} ({{" if i == 0 else "}, {")
            self.lines += [f"  {line}" for line in region]
        if regions:
            self.lines.append(f"}}) : {types}")
        return [Value(out, f"{name}#{i}" if len(outs) > 1 else name) for i, out in enumerate(outs)]

    def region(self, avals: Sequence[ShapedArray], write: Callable) -> list[str]:
        """The lines of a region with arguments of the given types, which returns the values of `write(*arguments)`."""
        arguments = [Value(aval, self.fresh()) for aval in avals]
        lines = self.block(write, arguments)
        return [f"^bb0({', '.join(f'{x.name}: {x.type}' for x in arguments)}):", *lines] if arguments else lines

    def block(self, write: Callable, arguments: Sequence[Value]) -> list[str]:
        """The lines of a region without the line of its arguments, for an operation that declares them itself."""
        lines, origins = self.lines, (self.origin, self.last_origin)
        self.lines, self.constants = [], self.constants.new_child()
        results = write(*arguments)
        names = self.names(results)
        self.line(f"stablehlo.return {names} : {', '.join(x.type for x in results)}" if results else "stablehlo.return")
        lines, self.lines = self.lines, lines
        self.constants = self.constants.parents
        self.origin, self.last_origin = origins
        return lines

    # -- Small operations ------------------------------------------------------------------------------------------------

    def full(self, aval: ShapedArray, number) -> Value:
        """An array of one number."""
        return Value(aval, None, np.asarray(number, aval.dtype))

    def constant(self, value) -> Value:
        array = physical_array(to_array(value)._value)
        return Value(ShapedArray(array.shape, array.dtype), None, array)

    def broadcast(self, x: Value, shape: tuple[int, ...]) -> Value:
        """x repeated to a shape along its axes of size 1; a scalar is repeated along all axes."""
        if x.shape == shape:
            return x
        return SHAPES["broadcast_in_dim"](self, x.aval.update(shape=shape), x, broadcast_dimensions=range(len(x.shape)))

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        return x if x.shape == shape else self.op("reshape", x.aval.update(shape=tuple(shape)), x)

    def compare(self, direction: str, x: Value, y: Value, floats: str = "FLOAT") -> Value:
        """The mask of a comparison. floats: the order of floating-point numbers; in `TOTALORDER`, -0.0 comes before 0.0 and NaN
        has a place, too."""
        kind = {"b": "UNSIGNED", "u": "UNSIGNED", "i": "SIGNED"}.get(x.dtype.kind, floats)
        header = f"stablehlo.compare {direction}, {self.names([x, y])}, {kind}"
        return self.assign(ShapedArray(x.shape, BOOL), f"{header} : ({x.type}, {y.type}) -> ")

    def select(self, which: Value, on_true: Value, on_false: Value) -> Value:
        header = f"stablehlo.select {self.names([which, on_true, on_false])} : {which.type}, "
        return self.assign(on_true.aval, header)

    def convert(self, x: Value, dtype: np.dtype) -> Value:
        """x in another dtype. A number other than 0 becomes True; a complex number becomes its real part."""
        if x.dtype == dtype:
            return x
        if dtype == BOOL:
            return self.compare("NE", x, self.full(x.aval, 0))
        if x.dtype.kind == "c" and dtype.kind != "c":
            return self.convert(self.op("real", x.aval.update(dtype=np.zeros((), x.dtype).real.dtype), x), dtype)
        return self.op("convert", x.aval.update(dtype=dtype), x)

    # -- Jaxprs ----------------------------------------------------------------------------------------------------------

    def body(self, closed_jaxpr: ClosedJaxpr, args: Sequence[Value]) -> list[Value]:
        """The results of a jaxpr, whose equations are written here."""
        jaxpr = turned(without_dead(closed_jaxpr.jaxpr))
        env: dict[Var, Value] = dict(zip(jaxpr.invars, args, strict=True))
        env.update(zip(jaxpr.constvars, map(self.constant, closed_jaxpr.consts)))

        def read(atom: Atom) -> Value:
            return self.constant(atom.val) if type(atom) is Literal else env[atom]

        wanted = user_names(jaxpr.eqns) if self.commented else {}
        for i, eqn in enumerate(jaxpr.eqns):
            before = len(self.lines)
            results = self.equation(eqn, [read(v) for v in eqn.invars])
            # An equation without a line of its own returns its operand, as `stop_gradient` does. The operand keeps its name.
            if i in wanted and len(self.lines) > before:
                results = [self._renamed(results[0], wanted[i])]
            env.update(zip(eqn.outvars, results, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _renamed(self, result: Value, wanted: str) -> Value:
        """The result under the name that the user gave it, if the last line made it; else the result as it is."""
        if result.name != f"%{self.count - 1}" or not self.lines[-1].startswith(f"{result.name} = "):
            return result
        self.count -= 1
        name = self.fresh(wanted)
        self.lines[-1] = self.lines[-1].replace(result.name, name, 1)
        return Value(result.aval, name)

    @source_info.interpreter
    def equation(self, eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
        around = source_info.context.origin
        try:
            source_info.context.origin = eqn.origin
            results = self._equation(eqn, operands)
            source_info.context.origin = around
            return results
        except BaseException:
            source_info.context.origin = around
            raise

    def _equation(self, eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
        primitive, where = eqn.primitive, eqn.source_info
        if self.commented and where is not None:
            self.origin = (where.file_name, where.line)
        eqn = lowered(eqn, self.module.platform)
        called = called_jaxpr(eqn)
        if called is not None and primitive.name not in RULES:
            return self.run(called, operands, eqn.params.get("name") or primitive.name)
        rule = RULES.get(primitive.name)
        if rule is None:
            if primitive.name == "custom_lin":
                # The implementation raises TypeError: a custom_vjp has no forward mode.
                primitive.impl(*operands, **eqn.params)
            reason = WITHOUT_RULE.get(primitive.name)
            raise errors.no_stablehlo(primitive.name, reason, source_info.summarize(where))
        if primitive.name in COLLECTIVES and {*primitive.named_axes(eqn.params)} != {self.module.axis_name}:
            # The implementation raises NameError, since there are no devices along such an axis.
            primitive.impl(*operands, **eqn.params)
        if primitive.name not in OF_KEYS and any(v.aval.dtype == key_fry for v in eqn.invars):
            return (are_equal if primitive.name in ("eq", "ne") else on_words)(self, eqn, operands)
        outs, params = [physical(v.aval) for v in eqn.outvars], eqn.params
        narrow = widens(primitive, [v.aval.dtype for v in (*eqn.invars, *eqn.outvars)])
        if narrow:
            operands = [self.convert(x, wide_dtype(x.dtype)) for x in operands]
            for step, number in word_steps(primitive.name, [v.aval.dtype for v in eqn.invars]):
                operands[0] = RULES[step](self, operands[0].aval, operands[0], self.full(operands[0].aval, number))
            outs, params = [out.update(dtype=wide_dtype(out.dtype)) for out in outs], wide_params(params)
        if primitive.multiple_results:
            results = rule(self, outs, *operands, **params)
        else:
            results = [rule(self, outs[0], *operands, **params)]
        if narrow:
            results = [self.convert(x, v.aval.dtype) for x, v in zip(results, eqn.outvars)]
        return [self.convert(x, wide_dtype(x.dtype)) if is_packed(x.dtype) else x for x in results]

    def run(self, closed_jaxpr: ClosedJaxpr, operands: Sequence[Value], name: str) -> list[Value]:
        """The results of a jaxpr, written in place; or by a call of a function, if a longer jaxpr runs several times."""
        if id(closed_jaxpr) in self.module.shared and len(closed_jaxpr.eqns) > 3:
            return self.call(id(closed_jaxpr), name, lambda: closed_jaxpr, operands, commented=self.commented)
        return self.body(closed_jaxpr, operands)

    def call(self, key, name: str, make: Callable, operands: Sequence[Value], commented: bool) -> list[Value]:
        """The results of a call of the private function known by `key`."""
        function = self.module.function(key, name, make, commented)
        outs = [physical(aval) for aval in self.module.functions[key][1].out_avals]
        types = functional(operands, outs)
        return self.results(outs, f"func.call @{function}({self.names(operands)})", (), types)

    def trace(self, function: Callable, operands: Sequence[Value]) -> list[Value]:
        """The results of a function of minijax's operations, which is traced and written in place."""
        name = self.module.axis_name
        axes = [] if name is None else [Axis(name, self.module.replicas)]
        avals = [x.aval for x in operands]
        return self.body(with_named_axes(axes, trace_to_closed_jaxpr, function, avals), operands)

    # -- Loops -----------------------------------------------------------------------------------------------------------

    def while_loop(self, init: Sequence[Value], condition: Callable, step: Callable) -> list[Value]:
        """The final values of a loop. `condition` and `step` get the carried values and write the test and the next values."""
        if not init:
            init = [self.full(ShapedArray((), BOOL), False)]
            return self.while_loop(init, lambda _: condition(), lambda x: [*step(), x])[1:]
        carry = [Value(x.aval, self.fresh()) for x in init]
        pairs = ", ".join(f"{x.name} = {self.name(first)}" for x, first in zip(carry, init))
        tested = self.block(condition, carry)
        stepped = self.block(step, carry)
        name = self.fresh()
        several = f":{len(init)}" if len(init) > 1 else ""
        self.line(f"{name}{several} = stablehlo.while({pairs}) : {', '.join(x.type for x in init)}")
        self.lines += ["cond {", *[f"  {x}" for x in tested], "} do {", *[f"  {x}" for x in stepped], "}"]
        return [Value(x.aval, f"{name}#{i}" if several else name) for i, x in enumerate(init)]


# ---------------------------------------------------------------------------------------------------------------------
# Operations that carry jaxprs


def _scan(w: Writer, outs, *operands, jaxpr: ClosedJaxpr, length, reverse, num_consts, num_carry, **params):
    consts, init, xs = operands[:num_consts], operands[num_consts:][:num_carry], operands[num_consts + num_carry :]
    ys = [w.full(out, 0) for out in outs[num_carry:]]
    if length == 0:
        return [*init, *ys]
    scalar = ShapedArray((), INT32)

    def condition(i, *carried):
        return [w.compare("LT", i, w.full(scalar, length))]

    def step(i, *carried):
        carry, ys = carried[:num_carry], carried[num_carry:]
        place = w.elementwise("subtract", scalar, w.full(scalar, length - 1), i) if reverse else i
        results = w.body(jaxpr, [*consts, *carry, *[_row(w, x, place) for x in xs]])
        ys = [_with_row(w, y, place, row) for y, row in zip(ys, results[num_carry:])]
        return [w.elementwise("add", scalar, i, w.full(scalar, 1)), *results[:num_carry], *ys]

    return w.while_loop([w.full(scalar, 0), *init, *ys], condition, step)[1:]


def _row(w: Writer, x: Value, place: Value) -> Value:
    """x[place]"""
    row = x.aval.update(shape=(1, *x.shape[1:]))
    return w.reshape(dynamic_slice(w, row, x, *_starts(w, x, place), slice_sizes=row.shape), x.shape[1:])


def _with_row(w: Writer, x: Value, place: Value, row: Value) -> Value:
    """x with another x[place]."""
    return dynamic_update_slice(w, x.aval, x, w.reshape(row, (1, *row.shape)), *_starts(w, x, place))


def _starts(w: Writer, x: Value, place: Value) -> list[Value]:
    return [place, *[w.full(place.aval, 0)] * (len(x.shape) - 1)]


def _while(w: Writer, outs, *operands, **params):
    operands, params = with_one_condition(operands, **params)
    cond_jaxpr, body_jaxpr, cond_nconsts = params["cond_jaxpr"], params["body_jaxpr"], params["cond_nconsts"]
    n = cond_nconsts + params["body_nconsts"]
    cond_consts, body_consts, init = operands[:cond_nconsts], operands[cond_nconsts:n], operands[n:]
    return w.while_loop(
        init,
        lambda *carry: w.body(cond_jaxpr, [*cond_consts, *carry]),
        lambda *carry: w.body(body_jaxpr, [*body_consts, *carry]),
    )


def _cond(w: Writer, outs, index, *operands, branches):
    if len(branches) == 1:
        return w.body(branches[0], operands)
    # Raise an index below 0 to 0, as `cond` does: StableHLO would take any index out of bounds for the last.
    index = w.convert(index, INT32)
    index = w.elementwise("maximum", index.aval, index, w.full(index.aval, 0))
    regions = [w.region((), lambda branch=branch: w.body(branch, operands)) for branch in branches]
    return w.generic("case", outs, [index], "", regions)


def _linear_solve(w: Writer, outs, *operands, const_lengths, jaxprs):
    start = const_lengths.matvec + const_lengths.vecmat
    own = operands[start : start + const_lengths.solve]
    return w.body(jaxprs.solve, [*own, *operands[sum(const_lengths) :]])


def _composite(w: Writer, outs, *operands, name, attributes, version, jaxpr):
    function = w.module.function(id(jaxpr), name, lambda: jaxpr, w.commented)
    given = [(key, tree_unflatten(tree, leaves)) for key, leaves, tree in attributes]
    said = ", ".join(f"{key} = {attribute(value)}" for key, value in given if value is not None)
    settings = f"composite_attributes = {{{said}}}, decomposition = @{function}, version = {version} : i32"
    header = f"stablehlo.composite {quoted(name)} {w.names(operands)} {{{settings}}}"
    return w.results(outs, header, (), functional(operands, outs))


CALLS: dict[str, Rule] = {
    "composite": _composite,
    "dce_sink": lambda w, outs, x, **params: [],
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "custom_linear_solve": _linear_solve,
}

RULES: dict[str, Rule] = {
    **ELEMENTWISE,
    **SHAPES,
    **REDUCTIONS,
    **CONTRACTIONS,
    **INDEXING,
    **RANDOM,
    **LINALG,
    **COLLECTIVES,
    **CALLS,
    **SPECIAL,
    **WINDOWS,
}

# The operations whose rules take keys.
OF_KEYS = {*RANDOM, *CALLS, "copy", "stop_gradient", "name"}

# {operation without a rule: the reason, for the error}.
PYTHON = "it calls back into Python"
WITHOUT_RULE: dict[str, str] = {
    **dict.fromkeys(("debug_print", "debug_callback", "pure_callback", "io_callback"), PYTHON),
    "custom_lin": "nobody can compute the derivative of a custom_vjp forwards",
}
