"""`python -m minijax debug`: runs a script, and stops in pdb where the first NaN, infinity or condition on values arises.

The script runs in the plain mode with jit disabled, once. Every operation ends in `EvalTrace.process_primitive`, on arrays: there
this file looks at the result. What is compiled all the same, such as a checkpointed function, is run one equation at a time.
The place of an operation is that of its origin. If a frame of the user's is there, the debugger stops in it; else, on the way back
for instance, in a frame that is made for it.
"""

from __future__ import annotations

import ast
import builtins
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import CodeType, FrameType
from typing import Any
from weakref import ref

import numpy as np

from ..core import array
from ..core.array import ArrayImpl, EvalTrace, eval_trace, to_array, wrap_result
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr, jaxprs_in_params
from ..core.primitive import Primitive
from ..core.staging import JaxprBuilder
from ..core.traces import Array, Trace, run_under
from ..foundation.config import Config, config
from ..foundation.dtypes import float0, key_fry
from ..foundation.source_info import Origin, SourceInfo, context, current_origin
from ..lowering import compile as lowering
from ..lowering import run as lowering_run
from ..lowering.origins import numbered
from .capture import BadInput
from .debugger import Debugger, Left, in_frame_of
from .names import Names, base, expression, nearest, user_frame
from .running import summary

TESTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"NaN": np.isnan, "infinity": np.isinf}


LAYOUTS = ("broadcast_in_dim", "reshape", "squeeze", "transpose")


def condition(text: str) -> Callable[[np.ndarray], bool]:
    """Whether some element of a result `x`, a NumPy array, is what the user looks for. Raises BadInput for what is no expression
    of `x`, and `Left` for an expression that fails, so that no `except Exception` of the script's hides the error."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        raise BadInput(f"--when: {text!r} is no expression: write one such as 'abs(x) > 100'") from None
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {"x", "np", *dir(builtins), *[n.id for n in names if isinstance(n.ctx, ast.Store)]}
    for name in names:
        if name.id not in bound:
            raise BadInput(f"--when: {text!r} reads {name.id}: it can read x, a result as a NumPy array, and np, NumPy")
    code = compile(tree, "<--when>", "eval")

    def holds(value: np.ndarray) -> bool:
        try:
            return bool(np.any(eval(code, {"np": np, "x": value})))
        except Exception as error:
            kind = f"{value.dtype.name}[{','.join(map(str, value.shape))}]"
            raise Left(BadInput(f"--when: {text!r} for x of type {kind}: {type(error).__name__}: {error}")) from error

    return holds


def _is_float(value: np.ndarray) -> bool:
    return value.dtype.kind in "fc" or value.dtype.char == "E"  # bfloat16


class Watch:
    """Looks at each operation; `stops` counts how often it stopped the program."""

    def __init__(self, kinds: Sequence[str], when: str | None):
        self.kinds = kinds
        self.when = when
        self.holds = None if when is None else condition(when)
        self.debugger = Debugger()
        self.names = Names()
        self.operations = self.stops = 0
        # {id of a NumPy array that has a NaN or an infinity, and that an operation made or read before: a weak reference}
        self.known: dict[int, ref] = {}
        # Lines at which a NaN or infinity of the program's data was shown.
        self.shown: set[tuple[int, int]] = set()
        self.prompting: int | None = None
        self.lock = threading.Lock()

    def report(self, script: str) -> None:
        """Say on the standard error what was looked at."""
        times = {0: "nothing to stop for", 1: "stopped once"}.get(self.stops, f"stopped {self.stops} times")
        print(f"minijax debug: {script}: {self.operations:,} operations, {times}", file=sys.stderr)

    # -- what is looked at -------------------------------------------------------------------------------------------------

    def around_evaluation(self, plain: Callable) -> Callable:
        def process_primitive(trace: Trace, primitive: Primitive, args: Sequence, params: dict) -> Any:
            if self.prompting == threading.get_ident():
                return plain(trace, primitive, args, params)
            self.operations += 1
            self.note_operands(args)
            origin = current_origin()
            self.look_at_data(primitive, origin, args)
            out = plain(trace, primitive, args, params)
            self.look_at_results(primitive, origin, args, out if primitive.multiple_results else [out], params)
            return out

        return process_primitive

    def around_writing(self, plain: Callable) -> Callable:
        """While a jaxpr is written the user's function runs, and its names are there."""

        def write(
            trace: JaxprBuilder, primitive: Primitive, args: Sequence, params: dict, origin: Origin | None
        ) -> Any:
            self.note_operands(args)
            out = plain(trace, primitive, args, params, origin)
            for x in out if primitive.multiple_results else [out]:
                self.note_result(x, primitive, origin, args)
            return out

        return write

    def around_constants(self, plain: Callable) -> Callable:
        def atom(trace: JaxprBuilder, x: Any) -> Any:
            found = plain(trace, x)
            if base(x) is not base(found):
                self.names.same(x, found)
            return found

        return atom

    def interpreted(self, closed_jaxpr: ClosedJaxpr) -> Callable:
        """In place of a compiled program: the jaxpr runs one equation at a time."""

        def run(*args: np.ndarray) -> list[np.ndarray]:
            for x in args:
                self.know(x)
            arrays = [wrap_result(x, aval) for x, aval in zip(args, closed_jaxpr.in_avals, strict=True)]
            return [to_array(x)._value for x in eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *arrays)]

        return run

    def note_operands(self, args: Sequence) -> None:
        if not args:
            return
        environment, transposing = nearest(sys._getframe(2))
        self.names.note_operands(args, environment)
        for ct, of in () if transposing is None else cotangents(transposing.f_locals):
            self.names.note_cotangent(ct, of)

    def note_result(self, x: Any, primitive: Primitive, origin: Origin | None, args: Sequence) -> None:
        if (
            origin is not None
            and origin.kind == "batch"
            and primitive.name in LAYOUTS
            and primitive is not origin.primitive
        ):
            # A batch rule moves an axis before it computes: the value is what it was.
            self.names.same(args[0], x)
        elif origin is not None and origin.place is not None:
            self.names.note_result(x, (primitive, origin))

    # -- what arises -------------------------------------------------------------------------------------------------------

    def know(self, value: np.ndarray) -> bool:
        """Whether an array has a NaN or an infinity; if so, it is known from now on."""
        key = id(value)
        if key in self.known:
            return True
        if not _is_float(value) or np.isfinite(value).all():
            return False
        self.known[key] = ref(value, lambda _: self.known.pop(key, None))
        return True

    def look_at_data(self, primitive: Primitive, origin: Origin | None, args: Sequence) -> None:
        """A NaN or infinity that no operation made is in the program's data. A number that the program writes, as the -inf of
        `jnp.where(mask, x, -jnp.inf)`, is an infinity on purpose."""
        for x in args:
            if type(x) is ArrayImpl and self.names.made_by(x) is not None:
                continue  # It was looked at when it was made.
            value = x._value if type(x) is ArrayImpl else np.asarray(x)
            written = not isinstance(x, Array | np.ndarray) or hasattr(x, "number")
            if id(value) in self.known or not self.know(value):
                continue
            for kind in self.kinds:
                place = None if origin is None or origin.place is None else origin.place
                key = (id(place.code), place.offset) if place is not None else (0, 0)
                if TESTS[kind](value).any() and not (written and kind == "infinity") and key not in self.shown:
                    self.shown.add(key)
                    self.stop(kind, primitive, origin, args, x, came_in=True)
                    break

    def look_at_results(
        self, primitive: Primitive, origin: Origin | None, args: Sequence, results: Sequence, params: dict
    ) -> None:
        # Every equation of a jaxpr that an operation carries was looked at when it ran.
        carried = bool(params) and bool(jaxprs_in_params(params))
        for x in results:
            if type(x) is not ArrayImpl:
                continue
            self.note_result(x, primitive, origin, args)
            value = x._value
            # One look at what is finite, which nearly every result is.
            known = self.know(value)
            kinds = [] if carried or not known else [k for k in self.kinds if self.arises(TESTS[k], value, args)]
            if self.holds is not None and not carried and x.dtype not in (float0, key_fry) and self.holds(value):
                kinds.append(str(self.when))
            if kinds:
                self.stop(kinds[0], primitive, origin, args, x)

    @staticmethod
    def arises(test: Callable, value: np.ndarray, args: Sequence) -> bool:
        """Whether the result has what no operand has."""
        if not _is_float(value) or not test(value).any():
            return False
        operands = [x._value if isinstance(x, ArrayImpl) else np.asarray(x) for x in args]
        return not any(_is_float(x) and test(x).any() for x in operands)

    # -- where it arises ---------------------------------------------------------------------------------------------------

    def stop(
        self, kind: str, primitive: Primitive, origin: Origin | None, args: Sequence, found: Any, came_in: bool = False
    ) -> None:
        self.stops += 1
        here = sys._getframe(1)
        place = None if origin is None else origin.place
        frame = running_frame(place, here)
        code = place.code if place is not None else None
        named = self.named_operands(args, code)
        text = self.told(kind, primitive, origin, named, found, came_in)
        with self.lock:
            self.prompting, around = threading.get_ident(), context.origin
            context.origin = None
            try:
                if frame is not None or place is None:
                    frame = frame or user_frame(here) or here
                    run_under(trace_of(frame, here), self.debugger.stop, frame, text)
                else:
                    operands = self.names.around(here, place.code) | {name: x for name, _, x in named}
                    in_frame_of(
                        place, operands, lambda made: run_under(eval_trace, self.debugger.stop, made, text, True)
                    )
            finally:
                self.prompting, context.origin = None, around

    def named_operands(self, args: Sequence, code: CodeType | None) -> list[tuple[str, str, ArrayImpl]]:
        """(name, what it is, value) of each operand: the user's name, as a name of Python's; else `ct`, or `operand`."""
        found: list[tuple[str, str, ArrayImpl]] = []
        for i, x in enumerate(args):
            if base(x) is not None and any(base(x) is base(before) for before in args[:i]):
                continue
            path, of = self.names.name(x, code), self.names.cotangent_of(x)
            if of is not None:
                wanted, words = "ct", of
            elif path is not None:
                wanted = "".join(c if c.isalnum() or c == "_" else " " for c in path)
                wanted = "_".join(wanted.split())
                words = "" if path == wanted else path
            else:
                wanted, words = "operand", made_by_words(self.names.made_by(x))
            name = next(n for n in numbered(wanted) if n not in [n for n, _, _ in found])
            found.append((name, words, to_array(x)))
        return found

    @staticmethod
    def told(
        kind: str,
        primitive: Primitive,
        origin: Origin | None,
        named: Sequence[tuple[str, str, ArrayImpl]],
        found: Any,
        came_in: bool,
    ) -> str:
        value = np.asarray(to_array(found)._value)
        if came_in:
            head = f"{kind} in an operand of {primitive.name}; no operation made it: it is in the program's data"
        elif kind in TESTS:
            count = f", {int(TESTS[kind](value).sum())} of its {value.size} elements" if value.size > 1 else ""
            head = f"{kind} in the result of {primitive.name}{count}"
        else:
            head = f"{kind} for the result of {primitive.name}"
        way = ["on the way back"] if origin is not None and is_of_the_way_back(origin) else []
        rule = None if origin is None else rule_of(origin, primitive)
        way += [] if rule is None else [f"in the {rule.kind} rule of {rule.primitive}"]
        head += f" ({', '.join(way)})" if way else ""
        rows = [(name, x, words) for name, words, x in named]
        if not came_in:
            rows.append(("result", to_array(found), ""))
        width = max([len(name) for name, _, _ in rows], default=0)
        types = [x.aval.str_short(short_dtypes=True) for _, x, _ in rows]
        wide = max(map(len, types), default=0)
        lines = [
            f"  {name:{width}}  {type_:{wide}}  {summary(x)[0]}{f'   {words}' if words else ''}"
            for (name, x, words), type_ in zip(rows, types)
        ]
        return "\n".join([f"{head}:", *lines])


def rule_of(origin: Origin, primitive: Primitive) -> Origin | None:
    """The origin whose rule wrote an equation, for the user's operation at its place; None if the equation is that operation. A
    batch rule does the operation for a batch; the jvp rule of sqrt computes sqrt, and what its derivative needs."""
    while origin.parents and (origin.kind == "batch" or (origin.kind, origin.primitive) == ("jvp", primitive)):
        origin = origin.parents[0]
    # A line of a rule that the user wrote is a line of the user's.
    own = origin.primitive is None or not (origin.parents and origin.same_place(origin.parents[0]))
    return None if own else origin


def made_by_words(made: tuple[Primitive, Origin] | None) -> str:
    if made is None:
        return ""
    primitive, origin = made
    rule, text = rule_of(origin, primitive), expression(origin.place)
    return text if rule is None else f"{primitive.name}, by the {rule.kind} rule at {text}"


def is_of_the_way_back(origin: Origin) -> bool:
    return origin.role == "cotangent" or any(map(is_of_the_way_back, origin.parents[:1]))


def cotangents(found: dict[str, Any]) -> list[tuple[Any, str]]:
    """(cotangent, what it is) of those that are transposed, or added: of the locals of `accumulate` or `transpose_eqn`."""
    if "before" in found:
        return [(x, "a part of a cotangent, from one of its readers") for x in (found["before"], found["ct"])]
    ct, place = found.get("ct"), found["eqn"].source_info
    of = "a value" if place is None else place.target or expression(place)
    return [(x, f"the cotangent of {of}") for x in (ct if isinstance(ct, list) else [ct])]


def running_frame(place: SourceInfo | None, frame: FrameType | None) -> FrameType | None:
    """The frame of the user's that is at that place now."""
    while place is not None and frame is not None:
        if frame.f_code is place.code and frame.f_lasti == place.offset:
            return frame
        frame = frame.f_back
    return None


def trace_of(user: FrameType, frame: FrameType | None) -> Trace:
    """The trace that was current in a frame of the user's: the one that got the operation first."""
    found: Trace = eval_trace
    while frame is not None and frame is not user:
        first = frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_argcount else None
        if isinstance(first, Trace) and frame.f_code.co_name == "process_primitive":
            found = first
        frame = frame.f_back
    return found


# ---------------------------------------------------------------------------------------------------------------------
# The run


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _without_fast(update: Callable) -> Callable:
    """The routes of fast/ go past what looks at the operations, and a script may set that option, as `trace_steps` does."""

    def update_others(self: Config, name: str, value: Any) -> None:
        if name != "minijax_fast":
            update(self, name, value)

    return update_others


@contextmanager
def watched(kinds: Sequence[str], when: str | None) -> Iterator[Watch]:
    """A context in whose programs every operation is looked at."""
    watch = Watch(kinds, when)
    options = {"minijax_fast": False, "jax_disable_jit": True}
    before = {name: getattr(config, name) for name in options}
    lowering.clear_programs()
    with ExitStack() as stack:
        for name, value in options.items():
            config.update(name, value)
            stack.callback(config.update, name, before[name])
        stack.callback(lowering.clear_programs)
        # Nobody can look into a program of XLA's.
        compilers = lowering_run.COMPILERS
        stack.callback(compilers.update, dict(compilers))
        compilers.update(dict.fromkeys(compilers, compilers["numpy"]))
        # Every trace keeps the origins of what it does.
        records, eval_trace.records = eval_trace.records, True
        stack.callback(setattr, eval_trace, "records", records)
        for owner, name, value in (
            (EvalTrace, "process_primitive", watch.around_evaluation(EvalTrace.process_primitive)),
            (JaxprBuilder, "write", watch.around_writing(JaxprBuilder.write)),
            (JaxprBuilder, "atom", watch.around_constants(JaxprBuilder.atom)),
            (lowering, "_compile", watch.interpreted),
            (Config, "update", _without_fast(Config.update)),
            # Under `debug_nans` the script would raise an error before the debugger sees the result.
            *[(module, "watching", lambda: False) for module in (array, lowering, lowering_run)],
        ):
            stack.enter_context(_replaced(owner, name, value))
        yield watch
