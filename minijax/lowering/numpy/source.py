"""Jaxpr -> a Python program over NumPy as a person writes it: one line for an equation, `for` and `while` for loops.

The text needs only NumPy to run. Most operations become an expression (`expressions.py`). The other operations call their
primitive's implementation, and the program includes the implementation's source (`bundle.py`). An object without source, such as a
user's callback, is passed to the program by name.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import ChainMap, Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache, partial
from math import prod
from types import CodeType
from typing import Any
from weakref import finalize, ref

import numpy as np

from ...core.array import to_array
from ...core.checks import bare
from ...core.jaxpr import (
    Atom,
    ClosedJaxpr,
    DropVar,
    Jaxpr,
    JaxprEqn,
    Literal,
    Var,
    called_jaxpr,
    dce_jaxpr,
    jaxprs_in_params,
)
from ...foundation.dtypes import is_narrow, key_fry
from ...foundation.letters import variables
from ...foundation.source_info import PACKAGE_DIRECTORY, SourceInfo
from ...primitives.reduce_windows import NAMES, all_inside, rows_of_axes, rows_of_windows
from ...transforms.vmap import Axis, batch_jaxpr
from .. import routes
from ..batched_loops import with_one_condition
from ..origins import numbered, often_called, user_names
from ..rewriting import pure
from .bundle import Bundle, Given, parameters
from .expressions import EXPRESSIONS, VIEWS, tuple_text
from .statements import LARGE, Buffer, Call, Line, Renderer, Type, invariant

# A loop or a branch within so many blocks goes into a function of its own. Python refuses a function with more than 20 nested
# loops, or with more than 100 levels of indentation.
DEEPEST = 12
# With more branches, each begins with `if`: to Python's compiler, each `elif` is nested in the one before.
MOST_ELIFS = 100


class Program:
    """The text of a NumPy program, and the objects that the text needs.

    externals: {name: an object without source, which the text refers to}. buffers: {name of a function that returns large arrays:
    the function that makes it}. name: of the program's function. single: whether that function returns its one result, and not a
    tuple of results.
    """

    def __init__(self, text: str, externals: dict[str, Any], buffers: dict[str, Callable], name: str, single: bool):
        self.text = text
        self.externals = externals
        self.buffers = buffers
        self.name = name
        self.single = single
        self._function: Callable[[], Callable | None] = lambda: None

    @cached_property
    def code(self) -> CodeType:
        return compile(self.text, f"{PACKAGE_DIRECTORY}<the program of {self.name}>", "exec")

    def function(self) -> Callable:
        """The program as a function of NumPy arrays that returns a sequence of them.

        While somebody holds the function, each call returns the same one. So equal layers of a network, which are one program,
        share one function and its buffers. The buffers are freed together with the function.
        """
        function = self._function()
        if function is None:
            function = self._made()
            self._function = ref(function)
        return function

    def _made(self) -> Callable:
        # Debuggers and tracebacks ask the loader for the program's lines.
        namespace = {**self.externals, "__name__": self.name, "__loader__": _Loader(self.text)}
        namespace.update({name: make() for name, make in self.buffers.items()})
        exec(self.code, namespace)
        # The functions refer to the namespace. Were they there for good, the garbage collector alone would free them.
        function = namespace.pop(self.name)
        finalize(function, namespace.clear).atexit = False
        return (lambda *args: (function(*args),)) if self.single else function


class _Loader:
    def __init__(self, text: str):
        self.text = text

    def get_source(self, name: str) -> str:
        return self.text


def numpy_program(
    closed_jaxpr: ClosedJaxpr, name: str = "program", arg_names: Sequence[str] | None = None, alone: bool = True
) -> Program:
    """The program of a closed jaxpr: its function takes the jaxpr's arguments and returns the result, or a tuple of results.

    alone: whether the text includes the source of every function that it calls. A program that runs here gets these functions, and
    buffers for large arrays, as objects, so that no source is parsed.
    """
    bundle = Bundle() if alone else Given()
    name = bundle.reserve(_identifier(name))
    writer = _Writer(bundle, often_called(closed_jaxpr), commented=alone)
    definition = writer.define(name, closed_jaxpr, arg_names)
    text = "\n\n\n".join(part for part in [bundle.text(), definition] if part) + "\n"
    return Program(text, bundle.externals, bundle.buffers, name, len(closed_jaxpr.jaxpr.outvars) == 1)


@lru_cache(1000)
def _identifier(name: str) -> str:
    """The name as Python reads it: Python normalises names, so `ﬁ` is `fi`. A letter that no name may have becomes `_`."""
    letters = [c if f"a{c}".isidentifier() else "_" for c in unicodedata.normalize("NFKC", name)]
    name = re.sub("_+", "_", "".join(letters)).strip("_") or "f"
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"f_{name}"


# ---------------------------------------------------------------------------------------------------------------------
# The writer


class _Writer:
    """Writes one function of a program.

    shared: {id of a jaxpr that several equations call: how many}. commented: whether to show the user's lines and names.
    """

    def __init__(self, bundle: Bundle, shared: dict[int, int], commented: bool, calls: int = 1):
        self.bundle = bundle
        self.commented = commented
        self.shared = shared
        # How many calls of the function are in the program.
        self.calls = calls
        self.functions: dict[int, str] = {}
        self.names: dict[Var, str] = {}
        # {variable of an array: the number that the array is full of}
        self.filled: dict[Var, Literal] = {}
        # {variable of an array of one element: the scalar that it was made from}
        self.single: dict[Var, Atom] = {}
        self.taken: set[str] = set()
        # Names in the user's program. A value that has no name there gets none of them.
        self.users: set[str] = set()
        # Large arrays by name: the arrays that this function makes, and the arguments.
        self.large: dict[str, Type] = {}
        self.given: dict[str, Type] = {}
        self.lines: list[Line] = []
        # In how many blocks the next line stands.
        self.depth = 0
        self.origin: tuple[str, int] | None = None
        self.places: dict[int, tuple[str, int]] = {}
        self.letters = variables()

    # -- Functions -------------------------------------------------------------------------------------------------------

    def define(self, name: str, closed_jaxpr: ClosedJaxpr, arg_names: Sequence[str] | None = None) -> str:
        jaxpr = closed_jaxpr.jaxpr
        arg_names = arg_names or [None] * len(jaxpr.invars)
        args = [self.new_name(v, wanted) for v, wanted in zip(jaxpr.invars, arg_names, strict=True)]
        # The caller owns the arguments' memory: no line may write over an argument.
        self.given.update(self.large)
        self.large.clear()
        self.bind(jaxpr.constvars, [self.constant(c) for c in closed_jaxpr.consts])
        if isinstance(self.bundle, Given):
            self.scalars(jaxpr)
        results = self.body(jaxpr, [True] * len(jaxpr.outvars))
        given = isinstance(self.bundle, Given)
        renderer = Renderer(
            self.large, (lambda: self.bundle.reserve("buffer")) if given and routes.kept_buffer else None
        )
        body = renderer.text(self.lines, set(results).__contains__)
        for buffer in renderer.buffers:
            self.bundle.buffers[buffer.name] = self.kept(buffer)
        body.append(f"    return {results[0] if len(results) == 1 else '(' + ', '.join(results) + ')'}")
        return "\n".join([f"def {name}({', '.join(args)}):", *body])

    def scalars(self, jaxpr: Jaxpr):
        """Write `b = a[()]` for each argument that other scalars, or loops, are computed from. An argument of shape () is an array,
        and arithmetic on arrays takes ten times as long as on NumPy's scalars."""
        numbers = [v for v in jaxpr.invars if not v.aval.shape and getattr(v.aval.dtype, "kind", "V") in "biuf"]
        if not numbers:
            return
        reading = [e for e in jaxpr.eqns if jaxprs_in_params(e.params) or not all(v.aval.shape for v in e.outvars)]
        read = {v for eqn in reading for v in eqn.invars if type(v) is Var}
        for v in numbers:
            if v in read:
                name = self.names[v]
                self.names[v] = self.fresh()
                self.line(f"{self.names[v]} = {name}[()]", [self.names[v]], [name], pure=True)

    def function(self, closed_jaxpr: ClosedJaxpr, name: str) -> str:
        """The name of the function for a jaxpr that several equations call; the first call writes the function."""
        found = self.functions.get(id(closed_jaxpr))
        if found is None:
            found = self.functions[id(closed_jaxpr)] = self.bundle.reserve(_identifier(name))
            self.write_function(found, closed_jaxpr, self.shared[id(closed_jaxpr)])
        return found

    def write_function(self, name: str, closed_jaxpr: ClosedJaxpr, calls: int):
        inner = _Writer(self.bundle, self.shared, self.commented, calls)
        inner.functions = self.functions
        self.bundle.definitions.append(inner.define(name, closed_jaxpr))

    def apart(self, eqn: JaxprEqn):
        """Write an equation as a call of a function that does nothing else: the equation's blocks then begin a new count."""
        args = list(dict.fromkeys(v for v in eqn.invars if type(v) is not Literal))
        outs = [v for v in eqn.outvars if type(v) is not DropVar]
        name = self.bundle.reserve(f"inner_{eqn.primitive.name}")
        self.write_function(name, ClosedJaxpr(Jaxpr([], args, outs, [eqn], eqn.effects), []), 1)
        texts = [self.text(v) for v in args]
        targets = [self.new_name(v) for v in outs]
        left = f"{', '.join(targets)} = " if targets else ""
        self.line(f"{left}{name}({', '.join(texts)})", targets, _names_of(texts))

    # -- Names -----------------------------------------------------------------------------------------------------------

    def new_name(self, v: Var, wanted: str | None = None) -> str:
        name = self.fresh(_identifier(wanted)) if wanted else self.fresh()
        self.names[v] = name
        if v.aval.size * getattr(v.aval.dtype, "itemsize", 8) >= LARGE:
            self.large[name] = Type(v.aval.shape, v.aval.dtype)
        return name

    def kept(self, buffer: Buffer) -> Callable:
        """A function that makes the buffer: the program calls it once, when the program itself is made."""
        shape, dtype = buffer.type
        return partial(routes.kept_buffer, shape, getattr(dtype, "storage", dtype), buffer.arrays, self.calls)

    def fresh(self, wanted: str | None = None) -> str:
        """An unused name in this function and in the module: `wanted`, or the next of a, b, ..., aa, ab, ..."""
        taken, has, users = self.taken, self.bundle.has, () if wanted else self.users
        for name in numbered(wanted) if wanted else self.letters:
            if not (name in taken or name in users or has(name) or keyword.iskeyword(name)):
                break
        self.taken.add(name)
        self.bundle.locals.add(name)
        return name

    def bind(self, variables: Sequence[Var], texts: Sequence[str]):
        self.names.update(zip(variables, texts, strict=True))

    # -- Values ----------------------------------------------------------------------------------------------------------

    def text(self, atom: Atom) -> str:
        """Text for a value. A number has its dtype in the text: `np.float32(2.0)`."""
        return self.constant(atom.val) if type(atom) is Literal else self.names[atom]

    def constant(self, value) -> str:
        array = to_array(value)._value
        if array.ndim == 0 and array.dtype.kind in "biufc":
            return self.bundle.expression(array[()])
        return self.bundle.expression(array, "constant")

    def soft(self, atom: Atom) -> str:
        """Text for an operand beside an array of the same dtype. A number is a Python number, `2.0`: NumPy then uses the array's
        dtype."""
        if type(atom) is Literal:
            array = to_array(atom.val)._value
            if array.ndim == 0 and array.dtype.kind in "biuf":
                return self.bundle.expression(array.item())
        return self.text(atom)

    def operands(self, eqn: JaxprEqn) -> list[str]:
        """The texts of operands of one dtype. Numbers are Python numbers if at least one operand is an array."""
        if all(type(v) is Literal for v in eqn.invars):
            return [self.text(v) for v in eqn.invars]
        atoms, shape, single = eqn.invars, eqn.outvars[0].aval.shape, self.single
        if single and any(v.aval.shape == shape and v not in single for v in atoms if type(v) is Var):
            # To spread an array of one element takes NumPy longer than to spread its scalar.
            atoms = [v if type(v) is Literal else single.get(v, v) for v in atoms]
        if shape and isinstance(self.bundle, Given):
            # Beside a small array, NumPy takes as long to find the dtype of a Python number as to add the number. An array of
            # shape () has its dtype.
            return [self.bundle.given(to_array(v.val)._value) if type(v) is Literal else self.text(v) for v in atoms]
        return [self.soft(v) for v in atoms]

    def dtype(self, dtype) -> str:
        if dtype == key_fry:
            return self.bundle.expression(key_fry.storage)
        name = getattr(np, dtype.name, None)
        return f"np.{dtype.name}" if name is not None and dtype.name != "bool" else self.bundle.expression(dtype)

    # -- Equations -------------------------------------------------------------------------------------------------------

    def line(self, text: str, writes: Sequence[str], reads: Sequence[str], blocks=(), view=False, pure=False):
        self.lines.append(Line(text, tuple(writes), tuple(reads), tuple(blocks), self.origin, None, view, pure))

    def call(self, target: str, call: Call, reads: Sequence[str]):
        """Write the line `target = call`."""
        # A call without a function makes an array whose elements the next lines set: `np.empty`. It must stay before these lines.
        self.lines.append(Line("", (target,), tuple(reads), (), self.origin, call, pure=bool(call.function)))

    def temporary(self, call: Call, eqn: JaxprEqn) -> str:
        """Write a line for an intermediate array of the same type as the equation's result; return the array's name."""
        name = self.new_name(Var(eqn.outvars[0].aval))
        self.call(name, call, call.operands())
        return name

    def reads(self, eqn: JaxprEqn) -> list[str]:
        return [self.names[v] for v in eqn.invars if type(v) is not Literal]

    def body(self, jaxpr: Jaxpr, used: Sequence[bool]) -> list[str]:
        """Write the equations that the `used` results need; return the texts of these results."""
        if not all(used):
            jaxpr, _ = dce_jaxpr(jaxpr, used, instantiate=True)
        wanted = user_names(jaxpr.eqns) if self.commented else {}
        self.users.update(wanted.values())
        for i, eqn in enumerate(jaxpr.eqns):
            self.equation(eqn, wanted.get(i))
        return [self.text(v) for v in jaxpr.outvars]

    def block(self, write: Callable[[], None]) -> list[Line]:
        """The lines that `write` writes, as a list: they are not added to the function."""
        before, self.lines = self.lines, []
        self.depth += 1
        write()
        self.depth -= 1
        lines, self.lines = self.lines, before
        return lines

    def steps(self, lines: list[Line], varying: Sequence[str]) -> list[Line]:
        """The lines of a loop's body that must stay in the loop. Lines that compute the same in every step are written now, before
        the loop."""
        before, within = invariant(lines, varying, ChainMap(self.large, self.given))
        self.lines += before
        return within

    def equation(self, eqn: JaxprEqn, wanted: str | None = None):
        if self.commented:
            # By id: to compare code objects takes long, and the equations of one expression share one `SourceInfo`.
            place = None if eqn.origin is None else eqn.origin.place
            self.origin = None if place is None else self.places.get(id(place)) or self.file_and_line(place)
        name = eqn.primitive.name
        rule = EXPRESSIONS.get(name)
        if rule is None and self.call_or_loop(eqn):
            return
        text = rule(self, eqn) if rule is not None else None
        if text is None:
            text = self.implementation(eqn)
        if type(text) is Call:
            self.call(self.new_name(eqn.outvars[0], wanted), text, text.operands() or self.reads(eqn))
            return
        if not eqn.primitive.multiple_results and text.isidentifier():
            self.names[eqn.outvars[0]] = text
            return
        reads = self.reads(eqn)
        targets = [self.fresh() if type(v) is DropVar else self.new_name(v, wanted) for v in eqn.outvars]
        if not eqn.primitive.multiple_results:
            self.line(f"{targets[0]} = {text}", targets, reads, view=name in VIEWS, pure=pure(eqn))
        else:
            left = f"{', '.join(targets)}{',' if len(targets) == 1 else ''} = " if targets else ""
            self.line(left + text, targets, reads, pure=pure(eqn))

    def call_or_loop(self, eqn: JaxprEqn) -> bool:
        """Write an equation that carries jaxprs; return whether it is one."""
        called = called_jaxpr(eqn)
        if called is not None:
            _inline(self, eqn, called)
        elif eqn.primitive.name in LOOPS:
            (LOOPS[eqn.primitive.name] if self.depth < DEEPEST else _Writer.apart)(self, eqn)
        else:
            return False
        return True

    def file_and_line(self, place: SourceInfo) -> tuple[str, int]:
        """The file and the line of a place. They are looked up once for each place, because Python searches the code from its
        beginning."""
        found = self.places[id(place)] = place.file_name, place.line
        return found

    def implementation(self, eqn: JaxprEqn) -> str:
        """The text of a call of the primitive's implementation."""
        impl, args = bare(eqn.primitive.impl), ", ".join(self.text(v) for v in eqn.invars)
        if hasattr(impl, "ordinary") and not any(is_narrow(v.aval.dtype) for v in [*eqn.invars, *eqn.outvars]):
            impl = impl.ordinary
        params = _wanted(impl, eqn.params)
        if eqn.primitive.effects is not None or jaxprs_in_params(params):
            # The parameters contain an object without source, such as a callback or a jaxpr.
            name = self.bundle.reserve(_identifier(eqn.primitive.name))
            self.bundle.externals[name] = partial(impl, **eqn.params)
            return f"{name}({args})"
        if self.commented and hasattr(impl, "users"):
            # The text shows a user's own function, without what keeps it apart from the memory of arrays.
            impl = impl.users
            params = _wanted(impl, eqn.params)
        function = self.bundle.function(impl, _identifier(eqn.primitive.name))
        named = [f"{k}={self.bundle.expression(v, k)}" for k, v in params.items()]
        return f"{function}({', '.join([*([args] if args else []), *named])})"


def _wanted(impl: Callable, params: dict) -> dict:
    """The parameters that an implementation names, but those that have its default."""
    defaults = parameters(impl)
    return {k: v for k, v in params.items() if k in defaults and v is not defaults[k]}


# ---------------------------------------------------------------------------------------------------------------------
# Equations that carry jaxprs: each rule takes the writer and an equation, and writes lines


def _names_of(texts: Iterable[str]) -> list[str]:
    return [t for t in texts if t.isidentifier()]


def _inline(w: _Writer, eqn: JaxprEqn, closed_jaxpr: ClosedJaxpr):
    """Write the lines of the jaxpr that the equation calls; if several equations call the jaxpr, a call of a function."""
    args = [w.text(v) for v in eqn.invars]
    if id(closed_jaxpr) in w.shared and len(closed_jaxpr.jaxpr.eqns) > 3 and eqn.outvars:
        function = w.function(closed_jaxpr, eqn.params.get("name") or eqn.primitive.name)
        targets = [w.fresh() if type(v) is DropVar else w.new_name(v) for v in eqn.outvars]
        w.line(f"{', '.join(targets)} = {function}({', '.join(args)})", targets, _names_of(args))
        return
    used = [type(v) is not DropVar for v in eqn.outvars]
    w.bind([v for v, use in zip(eqn.outvars, used) if use], _run(w, closed_jaxpr, args, used))


def _run(w: _Writer, closed_jaxpr: ClosedJaxpr, args: Sequence[str], used: Sequence[bool] | None = None) -> list[str]:
    """Write the lines of a jaxpr for the given arguments; return the texts of its results, or of the `used` results.

    The same jaxpr may be written several times: its variables then have the names of the last time.
    """
    jaxpr = closed_jaxpr.jaxpr
    w.bind(jaxpr.invars, args)
    w.bind(jaxpr.constvars, [w.constant(c) for c in closed_jaxpr.consts])
    return w.body(jaxpr, [True] * len(jaxpr.outvars) if used is None else used)


def _assign(w: _Writer, targets: Sequence[str], texts: Sequence[str]):
    """Write `a, b = c, d`, without the pairs of equal names."""
    pairs = [(a, b) for a, b in zip(targets, texts) if a != b]
    if pairs:
        left, right = (", ".join(part) for part in zip(*pairs))
        w.line(f"{left} = {right}", [a for a, _ in pairs], _names_of(b for _, b in pairs))


def _put_rows(w: _Writer, index: str, ys: Sequence[str], outs: Sequence[str]):
    """Write `ys[i] = row` for the last of `outs`. If nothing else reads a large row, its call writes into `ys[i]` directly."""
    mentioned = Counter(name for line in w.lines for name in line.mentions())
    mentioned.update(outs)
    made = {line.writes[0]: i for i, line in enumerate(w.lines) if line.call is not None and line.writes}
    for y, row in zip(ys, outs[len(outs) - len(ys) :]):
        target, line = f"{y}[{index}]", w.lines[made[row]] if row in made and row in w.large else None
        # Two mentions: the line that makes the row, and `outs`. So nothing else reads it.
        if line is not None and line.call.takes_out() and mentioned[row] == 2:
            w.lines[made[row]] = line._replace(writes=(), reads=(*line.reads, y), pure=False, target=target)
        else:
            w.line(f"{target} = {row}", [], [y, *_names_of([row])])


def _scan(w: _Writer, eqn: JaxprEqn):
    origin = w.origin
    p = eqn.params
    num_consts, num_carry, length = p["num_consts"], p["num_carry"], p["length"]
    args = [w.text(v) for v in eqn.invars]
    consts, init, xs = args[:num_consts], args[num_consts : num_consts + num_carry], args[num_consts + num_carry :]
    carry = [w.new_name(v) if type(v) is not DropVar else w.fresh() for v in eqn.outvars[:num_carry]]
    _assign(w, carry, init)
    ys = []
    for v in eqn.outvars[num_carry:]:
        ys.append(None if type(v) is DropVar else w.new_name(v))
        if ys[-1] is not None:
            w.call(ys[-1], Call(f"np.empty({tuple_text(v.aval.shape)}, {w.dtype(v.aval.dtype)})", "", ()), [])
    index = w.fresh("i")
    body = p["jaxpr"]
    # Equations of the body that only unread results need are not written.
    used = [True] * num_carry + [y is not None for y in ys]

    def write():
        slices = [w.fresh() for _ in xs]
        for name, x, aval in zip(slices, xs, body.in_avals[num_consts + num_carry :]):
            w.line(f"{name} = {x}[{index}]" if aval.dtype != key_fry else f"{name} = {x}[{index}, ...]", [name], [x])
        outs = _run(w, body, [*consts, *carry, *slices], used)
        _put_rows(w, index, [y for y in ys if y is not None], outs)
        _assign(w, carry, outs[:num_carry])

    lines = w.steps(w.block(write), [index, *carry])
    steps = f"reversed(range({length}))" if p["reverse"] else f"range({length})"
    reads = [*_names_of(consts), *_names_of(xs), *carry]
    w.origin = origin
    w.line("", carry, reads, [(f"for {index} in {steps}:", lines)])


def _while(w: _Writer, eqn: JaxprEqn):
    origin = w.origin
    args, p = with_one_condition([w.text(v) for v in eqn.invars], **eqn.params)
    cond_consts, rest = args[: p["cond_nconsts"]], args[p["cond_nconsts"] :]
    body_consts, init = rest[: p["body_nconsts"]], rest[p["body_nconsts"] :]
    carry = [w.new_name(v) if type(v) is not DropVar else w.fresh() for v in eqn.outvars]
    _assign(w, carry, init)
    tested: list[str] = []
    condition = w.block(lambda: tested.extend(_run(w, p["cond_jaxpr"], [*cond_consts, *carry])))
    condition = w.steps(condition, carry)
    body = w.block(lambda: _assign(w, carry, _run(w, p["body_jaxpr"], [*body_consts, *carry])))
    body = w.steps(body, carry)
    reads = [*_names_of([*cond_consts, *body_consts]), *carry]
    (test,) = tested
    w.origin = origin
    if len(condition) == 1 and condition[0].call is not None and condition[0].writes == (test,):
        w.line("", carry, reads, [(f"while {condition[0].call.text}:", body)])
        return
    stop = Line(f"if not {test}:", (), tuple(_names_of([test])))
    leave = Line("    break", (), ())
    w.line("", carry, reads, [("while True:", [*condition, stop, leave, *body])])


def _cond(w: _Writer, eqn: JaxprEqn):
    origin = w.origin
    index, *operands = [w.text(v) for v in eqn.invars]
    branches = eqn.params["branches"]
    targets = [w.new_name(v) if type(v) is not DropVar else w.fresh() for v in eqn.outvars]
    blocks = []
    for i, branch in enumerate(branches):
        lines = w.block(lambda branch=branch: _assign(w, targets, _run(w, branch, operands)))
        test = f"{index} <= 0" if i == 0 else f"{index} == {i}"
        if len(branches) <= MOST_ELIFS:
            header = "else:" if i == len(branches) - 1 and i else f"{'el' if i else ''}if {test}:"
        else:
            header = f"if {index} >= {i}:" if i == len(branches) - 1 else f"if {test}:"
        blocks.append((header, lines))
    w.origin = origin
    w.line("", targets, _names_of([index, *operands]), blocks)


def _linear_solve(w: _Writer, eqn: JaxprEqn):
    """Write the solver's jaxpr, for the values that it closes over and the right-hand side."""
    lengths, solve = eqn.params["const_lengths"], eqn.params["jaxprs"].solve
    before = lengths.matvec + lengths.vecmat
    args = [w.text(v) for v in eqn.invars]
    args = [*args[before : before + lengths.solve], *args[sum(lengths) :]]
    used = [type(v) is not DropVar for v in eqn.outvars]
    w.bind([v for v, use in zip(eqn.outvars, used) if use], _run(w, solve, args, used))


def _fold(w: _Writer, eqn: JaxprEqn):
    """A reduction by a user's function: of the rows of a matrix, one after another, each with all columns at once."""
    origin, p, n = w.origin, eqn.params, len(eqn.outvars)
    operands, inits = [w.text(v) for v in eqn.invars[:n]], [w.text(v) for v in eqn.invars[n:]]
    shape = eqn.outvars[0].aval.shape
    of_windows = eqn.primitive.name == "reduce_window"
    reducer = ClosedJaxpr(p["jaxpr"], p["consts"]) if of_windows else p["jaxpr"]
    size = prod(shape)
    step = batch_jaxpr(reducer, Axis(None, size), (0,) * len(reducer.in_avals), True)[0]
    outs = [w.new_name(v) if type(v) is not DropVar else w.fresh() for v in eqn.outvars]
    rows, carry, index = [w.fresh() for _ in outs], [w.fresh() for _ in outs], w.fresh("i")
    arrange = w.bundle.function(rows_of_windows if of_windows else rows_of_axes, "rows")
    for row, x, total, init, v in zip(rows, operands, carry, inits, eqn.invars):
        extra = [init, *[w.bundle.expression(p[name]) for name in NAMES]] if of_windows else [str(p["dimensions"])]
        w.line(f"{row} = {arrange}({', '.join([x, *extra])})", [row], _names_of([x, init]))
        w.line(f"{total} = np.full({size}, {init}, {w.dtype(v.aval.dtype)})", [total], _names_of([init]))

    inside = None
    if of_windows and not all_inside(**{name: p[name] for name in NAMES}):
        inside, ones = w.fresh("inside"), f"np.ones({tuple_text(eqn.invars[0].aval.shape)}, np.bool_)"
        w.line(f"{inside} = {arrange}({ones}, False, {', '.join(extra[1:])})", [inside], [])

    def write():
        slices = [w.fresh() for _ in rows]
        for name, row in zip(slices, rows):
            w.line(f"{name} = {row}[{index}]", [name], [row])
        after = _run(w, step, [*carry, *slices])
        if inside is not None:
            chosen = [w.fresh() for _ in after]
            for name, new, old in zip(chosen, after, carry):
                w.line(f"{name} = np.where({inside}[{index}], {new}, {old})", [name], [inside, *_names_of([new, old])])
            after = chosen
        _assign(w, carry, after)

    lines = w.steps(w.block(write), [index, *carry])
    w.origin = origin
    w.line(
        "", carry, [*rows, *carry, *([inside] if inside else [])], [(f"for {index} in range(len({rows[0]})):", lines)]
    )
    for out, total in zip(outs, carry):
        w.line(f"{out} = {total}.reshape({tuple_text(shape) if shape else '()'})", [out], [total])


# Primitives that carry jaxprs and do more than call one of them with their operands.
LOOPS: dict[str, Callable] = {"scan": _scan, "while": _while, "cond": _cond, "custom_linear_solve": _linear_solve}
LOOPS |= {"reduce": _fold, "reduce_window": _fold}
# A sink has no results, and a program drops what computes its operand.
LOOPS["dce_sink"] = lambda w, eqn: None
