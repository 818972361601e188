"""The user's names for the values that operations work on, while a program runs.

A value has a name where a variable of a running function of the user's holds it. Later, on the way back, that function has
returned. So each operation notes the names of its operands: of arrays, and of variables of jaxprs while these are written.
"""

from __future__ import annotations

import linecache
from collections import deque
from collections.abc import Sequence
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import ref

import numpy as np

from ..core.array import ArrayImpl
from ..core.jaxpr import Literal, Var, eval_jaxpr
from ..core.primitive import Primitive
from ..core.staging import JaxprTracer
from ..core.traces import Tracer
from ..foundation.source_info import PACKAGE_DIRECTORY, Origin, SourceInfo
from ..transforms.jvp import JVPTracer
from ..transforms.transpose import accumulate, backward_pass, transpose_eqn
from ..transforms.vmap import BatchTracer

_ACCUMULATE, _TRANSPOSE = accumulate.__code__, transpose_eqn.__code__
# {code of a function that runs equations one by one: the name of its {variable: value}}
_ENVIRONMENTS = {eval_jaxpr.__code__: "env", backward_pass.__code__: "values", _TRANSPOSE: "values", _ACCUMULATE: "sum"}
# {id of a code: (the code, "user", "" or what it does here)}. By id, since Python hashes a code by all that is in it, and every
# operation asks for all frames up to the user's.
_kinds: dict[int, tuple[CodeType, str]] = {}
_MOST_CODES = 10_000

_NO_CONTAINERS = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, type, str, bytes, int, float, complex)
# Names within longer lists, and within containers in containers in containers, are not looked for: that would take long.
_LONGEST, _DEEPEST = 256, 4
_MOST_VARIABLES = 100_000


def base(x: Any) -> np.ndarray | Var | None:
    """What stays the same object from one trace to the next: the NumPy array of a value, or the variable of a jaxpr."""
    if type(x) is ArrayImpl:
        return x._value
    while isinstance(x, Tracer):
        if type(x) is JaxprTracer:
            return None if type(x.variable) is Literal else x.variable
        x = x.primal if isinstance(x, JVPTracer) else x.val if isinstance(x, BatchTracer) else None
    if type(x) is ArrayImpl:
        return x._value
    return x if type(x) in (np.ndarray, Var) else None


def _kind(code: CodeType) -> str:
    found = _kinds.get(id(code))
    if found is None:
        if len(_kinds) > _MOST_CODES:
            _kinds.clear()
        of_user = not code.co_filename.startswith((PACKAGE_DIRECTORY, "<frozen "))
        found = _kinds[id(code)] = code, "user" if of_user else _ENVIRONMENTS.get(code, "")
    return found[1]


def is_of_user(frame: FrameType) -> bool:
    return _kind(frame.f_code) == "user"


def nearest(frame: FrameType | None) -> tuple[FrameType | None, FrameType | None]:
    """(the nearest frame that runs equations one by one, or else of the user's; the nearest that transposes an equation or adds
    cotangents), from this one outwards, up to the user's."""
    environment = transposing = None
    while frame is not None:
        code = frame.f_code
        known = _kinds.get(id(code))
        kind = _kind(code) if known is None else known[1]
        if kind:
            if kind == "user" or kind == "values" or kind == "env":
                environment = environment or frame
            if kind == "user":
                break
            if transposing is None and (code is _ACCUMULATE or code is _TRANSPOSE):
                transposing = frame
                if environment:
                    break
        frame = frame.f_back
    return environment, transposing


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The nearest frame of the user's, from this one outwards."""
    while frame is not None and not is_of_user(frame):
        frame = frame.f_back
    return frame


_expressions: dict[tuple[int, int], tuple[SourceInfo, str]] = {}


def expression(place: SourceInfo) -> str:
    """The user's expression, or the line where Python has no columns or the expression takes several lines."""
    # The place is kept, so that the id of its code stays its own.
    found = _expressions.get((id(place.code), place.offset))
    if found is None:
        found = _expressions[id(place.code), place.offset] = place, _expression(place)
    return found[1]


def _expression(place: SourceInfo) -> str:
    line = linecache.getline(place.file_name, place.line)
    first, last, start, end = place._position()
    if start is None or first != last:
        return line.strip()
    # Python counts columns in bytes of UTF-8.
    return line.encode()[start:end].decode(errors="replace").strip()


class Names:
    """What is known of the values of a running program: their names, and the expressions that made them."""

    def __init__(self) -> None:
        # {id of an array or variable: {id of the code of the function that has the name: name}}; and these codes, which stay.
        self._names: dict[int, dict[int, str]] = {}
        self._codes: dict[int, CodeType] = {}
        # The last function whose values were looked at: (its code, where it was, its values, {id of a base: (name, base)}). Several
        # operations come from one place.
        self._seen: tuple[CodeType | None, int, list, dict[int, tuple[str, np.ndarray | Var]]] = None, 0, [], {}
        # {id: (the primitive, the origin of the operation that made it)}, {id: of what it is the cotangent}
        self._made_by: dict[int, tuple[Primitive, Origin]] = {}
        self._cotangents: dict[int, str] = {}
        # What keeps an id its own: a variable itself, or a weak reference to an array, so that no array lives longer for this.
        self._kept: dict[int, Any] = {}
        # Ids of the variables, the oldest first. Nothing says when a variable is gone, so only the newest have names.
        self._variables: deque[int] = deque()

    def name(self, x: Any, code: CodeType | None) -> str | None:
        """The name of a value in a function of the user's; else its name in another one."""
        found = self._names.get(id(base(x)), {})
        return found.get(id(code)) or next(reversed(found.values()), None)

    def made_by(self, x: Any) -> tuple[Primitive, Origin] | None:
        """The operation that made a value: its primitive and its origin, which has a place."""
        return self._made_by.get(id(base(x)))

    def cotangent_of(self, x: Any) -> str | None:
        """What a cotangent is the cotangent of; None for another value."""
        return self._cotangents.get(id(base(x)))

    def around(self, frame: FrameType | None, code: CodeType) -> dict[str, Any]:
        """{name: value} of what a function of the user's calls by a name, and the nearest jaxpr that is run still has."""
        while frame is not None and not is_of_user(frame):
            if _kind(frame.f_code) in ("env", "values"):
                found = {}
                for v, value in frame.f_locals[_kind(frame.f_code)].items():
                    for x in (v, value):
                        name = self._names.get(id(base(x)), {}).get(id(code))
                        if name is not None and name.isidentifier() and type(value) is ArrayImpl:
                            found[name] = value
                return found
            frame = frame.f_back
        return {}

    def note_operands(self, args: Sequence, frame: FrameType | None) -> None:
        """Note what the running function of the user's, or the jaxpr that is run in that frame, calls the operands."""
        wanted = [id(found) for x in args if (found := base(x)) is not None]
        if not wanted or frame is None:
            return
        code = frame.f_code
        if _kind(code) != "user":
            self._note_variables(frame, wanted)
            return
        nameless = [key for key in wanted if id(code) not in self._names.get(key, ())]
        table = self._values(frame) if nameless else {}
        for key in nameless:
            if key in table:
                name, found = table[key]
                self._keep(found)
                self._codes[id(code)] = code
                self._names.setdefault(key, {})[id(code)] = name

    def _values(self, frame: FrameType) -> dict[int, tuple[str, np.ndarray | Var]]:
        """{id of a base: (name, base)} of what a function of the user's sees."""
        values = list(frame.f_locals.values())
        code, place, before, table = self._seen
        ids = list(map(id, values))
        if code is not frame.f_code or place != frame.f_lasti or ids != list(map(id, before)):
            table = {}
            for name, value in variables(frame).items():
                _collect(name, value, 0, table)
            self._seen = frame.f_code, frame.f_lasti, values, table
        return table

    def _note_variables(self, frame: FrameType, wanted: Sequence[int]) -> None:
        found = frame.f_locals
        values, eqn = found[_kind(frame.f_code)], found.get("eqn")
        for v in () if eqn is None else eqn.invars:
            value = None if type(v) is Literal else values.get(v)
            if id(base(value)) in wanted:
                self.same(v, value)

    def same(self, x: Any, y: Any) -> None:
        """y is x in another trace, and so has the names of x."""
        found = base(y)
        key, other = id(base(x)), id(found)
        tables = (self._made_by, self._cotangents)
        if found is None or key == other or not (key in self._names or any(key in table for table in tables)):
            return
        self._keep(found)
        if key in self._names:
            self._names.setdefault(other, {}).update(self._names[key])
        for table in tables:
            if key in table:
                table.setdefault(other, table[key])

    def note_result(self, x: Any, made_by: tuple[Primitive, Origin]) -> None:
        found = base(x)
        if found is not None:
            self._keep(found)
            self._made_by[id(found)] = made_by

    def note_cotangent(self, x: Any, of: str) -> None:
        found = base(x)
        if found is not None and id(found) not in self._cotangents:
            self._keep(found)
            self._cotangents[id(found)] = of

    def _keep(self, found: np.ndarray | Var) -> None:
        key = id(found)
        if key not in self._kept:
            if type(found) is np.ndarray:
                self._kept[key] = ref(found, lambda _: self._forget(key))
                return
            self._kept[key] = found
            self._variables.append(key)
            if len(self._variables) > _MOST_VARIABLES:
                self._forget(self._variables.popleft())

    def _forget(self, key: int) -> None:
        for known in (self._names, self._made_by, self._cotangents, self._kept):
            known.pop(key, None)


def variables(frame: FrameType) -> dict[str, Any]:
    """The variables that a function of the user's sees: its own, and those of its module that it reads."""
    names, code = frame.f_locals, frame.f_code
    if names is not frame.f_globals:
        around = frame.f_globals
        names = {n: around[n] for n in code.co_names if n in around} | names
    return {n: x for n, x in names.items() if n[:2] != "__"}


def _collect(name: str, value: Any, depth: int, table: dict[int, tuple[str, np.ndarray | Var]]) -> None:
    """Add {id of a base: (name, base)} of the arrays in a value: `x`, `params['w']`, `self.w`."""
    found = base(value)
    if found is not None:
        table.setdefault(id(found), (name, found))
        return
    if value is None or depth >= _DEEPEST or isinstance(value, _NO_CONTAINERS):
        return
    if isinstance(value, (dict, list, tuple, set)) and len(value) > _LONGEST:
        return
    if isinstance(value, dict):
        inner = [(f"{name}[{key!r}]", item) for key, item in value.items()]
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        inner = [(f"{name}.{field}", item) for field, item in zip(value._fields, value)]
    elif isinstance(value, (list, tuple)):
        inner = [(f"{name}[{i}]", item) for i, item in enumerate(value)]
    else:
        inner = [(f"{name}.{key}", item) for key, item in getattr(value, "__dict__", {}).items()]
    for path, item in inner:
        _collect(path, item, depth + 1, table)
