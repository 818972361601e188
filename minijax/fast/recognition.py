"""A call of a jitted function that is like the last one is recognised by a function written for that tree of arguments.

To flatten the arguments of a call, hash their types and look these up takes 9 us for two arguments with five arrays: longer than
many jitted programs run. To check that the arguments are like the last ones takes 1.5 us, if the code knows what to expect:

>>> import minijax.numpy as jnp
>>> from minijax.tree_util import tree_structure
>>> print(_Text().recognizer(tree_structure(((0, {'b': 0}), {})), [True, False]))
def recognize(args, kwargs):
    try:
        if type(args) is not tuple:
            return None
        a, b = args
        if type(b) is not dict or len(b) != 1:
            return None
        c = b['b']
        if type(kwargs) is not dict or len(kwargs) != 0:
            return None
    except (KeyError, ValueError):
        return None
    if type(a) is float or type(a) is int:
        a = to_array(a)
    if (type(a) is not ArrayImpl or a._aval is not aval_0) and not is_like(a, aval_0):
        return None
    if (type(c) is not ArrayImpl or c._aval is not aval_1) and not is_like(c, aval_1):
        return None
    return [a, c]
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..api.jit import JitFunction
from ..core import shortcuts
from ..core.array import ArrayImpl, eval_trace, to_array
from ..core.avals import ShapedArray
from ..core.traces import current_trace
from ..foundation.config import generation, jit_disabled, watching
from ..foundation.letters import variables
from ..foundation.pytrees import PyTreeDef, tree_unflatten


class Recognition(NamedTuple):
    """How a jitted function knows a call like its latest one, and answers it."""

    generation: int  # Of the configuration that the program was compiled under
    recognize: Callable
    run: Callable
    build: Callable


# Calls whose trees have more nodes than this, or are deeper, are looked up each time. To compile the function takes as long as 150
# calls save, but 28 s and 3.5 GB for 100,000 leaves. Python refuses an expression of 200 parentheses within each other.
MOST_NODES = 2000
DEEPEST = 50

# The memo of a program after its first call. Most programs of tests, and of setting up, run once.
_MET = "met once"


def call(self: JitFunction, *args, **kwargs):
    """`JitFunction.__call__`: at once, if the arguments have the types of the last call's and the configuration is unchanged."""
    latest = self._latest
    if latest is not None and current_trace() is eval_trace and generation() == latest.generation:
        flat = latest.recognize(args, kwargs)
        if flat is not None:
            return latest.build(latest.run(flat))
    if jit_disabled():
        return self.__wrapped__(*args, **kwargs)
    found, flat, program = self._find(args, kwargs)
    outs = program(self._name, self._compiler, flat, self._inline)
    if current_trace() is eval_trace and generation() is not None and not found.statics and not watching():
        self._latest = _recognition(self, program, found.in_tree)
    return tree_unflatten(program.out_tree, outs)


def _recognition(f: JitFunction, program, in_tree) -> Recognition | None:
    if program.memo is None or not program.closes_over_arrays:
        program.memo = _MET
        return None
    if not (_is_small(in_tree) and _is_small(program.out_tree)):
        return None
    now, known = generation(), program.memo
    if known is _MET:
        avals = program.jaxpr.in_avals[len(program.consts) :]
        functions = recognizer(in_tree, avals), program.compiled(f._name, f._compiler), builder(program.out_tree)
        known = Recognition(now, *functions)
    elif known.generation != now:
        known = known._replace(generation=now, run=program.compiled(f._name, f._compiler))
    program.memo = known
    return known


def _is_small(definition: PyTreeDef) -> bool:
    """Whether a function can be written for the tree."""
    level, nodes = [definition], 0
    for _ in range(DEEPEST):
        nodes += len(level)
        if not level or nodes > MOST_NODES:
            break
        level = [child for node in level for child in node.child_defs]
    return not level


def clear_cache(self: JitFunction):
    """`JitFunction.clear_cache`, which forgets the latest call too."""
    self._latest = None
    shortcuts.plain("api.jit:JitFunction.clear_cache")(self)


ROUTES = {"api.jit:JitFunction.__call__": call, "api.jit:JitFunction.clear_cache": clear_cache}


def recognizer(in_tree: PyTreeDef, avals: Sequence[ShapedArray]) -> Callable[[tuple, dict], list[ArrayImpl] | None]:
    """The function (args, kwargs) -> leaves, if they are arrays of these types in that tree, else None."""
    text = _Text()
    text.names.update({"ArrayImpl": ArrayImpl, "is_like": _is_like, "to_array": to_array})
    text.names.update({f"aval_{i}": aval for i, aval in enumerate(avals)})
    return text.defined(text.recognizer(in_tree, [aval.weak_type and not aval.shape for aval in avals]))


def builder(out_tree: PyTreeDef) -> Callable[[list], Any]:
    """The function leaves -> tree."""
    text = _Text()
    return text.defined(f"def build(leaves):\n    return {text.tree(out_tree, iter(range(out_tree.num_leaves)))}")


def _is_like(x: Any, aval: ShapedArray) -> bool:
    """Whether x is an array of that type. If so, x gets this very aval, and the next check compares identities."""
    if type(x) is not ArrayImpl or x.aval != aval:
        return False
    x._aval = aval
    return True


# Names that the functions use, and that none of their variables may have.
_RESERVED = {*dir(builtins), "args", "kwargs", "leaves"}


class _Text:
    """Writes a function; `names` are what it refers to."""

    def __init__(self):
        self.names: dict[str, Any] = {}
        self.lines: list[str] = []
        self.leaves: list[str] = []
        self.letters = (name for name in variables() if name not in _RESERVED)

    def defined(self, text: str) -> Callable:
        exec(text, self.names)
        # Left among the names, to which it refers, the function would be freed by the garbage collector alone.
        return self.names.pop(text[len("def ") : text.index("(")])

    def name(self, value: Any) -> str:
        name = f"static_{len(self.names)}"
        self.names[name] = value
        return name

    def recognizer(self, in_tree: PyTreeDef, numbers: Sequence[bool]) -> str:
        """`numbers`: for each leaf, whether it may be a Python number."""
        for definition, name in zip(in_tree.child_defs, ("args", "kwargs"), strict=True):
            self.node(definition, name)
        body = ["try:", *[f"    {line}" for line in self.lines], "except (KeyError, ValueError):", "    return None"]
        for i, (x, number) in enumerate(zip(self.leaves, numbers)):
            if number:
                body += [f"if type({x}) is float or type({x}) is int:", f"    {x} = to_array({x})"]
            known = f"(type({x}) is not ArrayImpl or {x}._aval is not aval_{i})"
            body += [f"if {known} and not is_like({x}, aval_{i}):", "    return None"]
        body.append(f"return [{', '.join(self.leaves)}]")
        return "\n    ".join(["def recognize(args, kwargs):", *body])

    def node(self, definition: PyTreeDef, x: str):
        """Write lines that check that `x` is such a container, and that take it apart."""
        if definition.node_data() is None:
            self.leaves.append(x)
            return
        kind, data = definition.node_data()
        children = [next(self.letters) for _ in definition.child_defs]
        parts = f"{', '.join(children)}," if len(children) == 1 else ", ".join(children)
        if kind is dict:
            self.lines += [f"if type({x}) is not dict or len({x}) != {len(data)}:", "    return None"]
            keys = [repr(k) if type(k) in (str, int) else self.name(k) for k in data]
            self.lines += [f"{child} = {x}[{key}]" for child, key in zip(children, keys)]
        elif kind is type(None):
            self.lines += [f"if {x} is not None:", "    return None"]
        else:
            type_text = kind.__name__ if kind in (tuple, list) else self.name(kind)
            self.lines += [f"if type({x}) is not {type_text}:", "    return None"]
            if not issubclass(kind, tuple) and kind is not list:
                static = f"{x}_data"
                self.lines += [f"{x}, {static} = {self.name(definition.node.flatten)}({x})"]
                self.lines += [f"if {static} != {self.name(data)}:", "    return None"]
            self.lines.append(f"{parts} = {x}" if children else f"() = {x}")
        for child, name in zip(definition.child_defs, children):
            self.node(child, name)

    def tree(self, definition: PyTreeDef, leaves) -> str:
        """An expression for the tree."""
        if definition.node_data() is None:
            return f"leaves[{next(leaves)}]"
        kind, data = definition.node_data()
        children = [self.tree(child, leaves) for child in definition.child_defs]
        if kind is tuple:
            return f"({', '.join(children)}{',' if len(children) == 1 else ''})"
        if kind is dict:
            keys = [repr(k) if type(k) in (str, int) else self.name(k) for k in data]
            return f"{{{', '.join(f'{k}: {child}' for k, child in zip(keys, children))}}}"
        listed = f"[{', '.join(children)}]"
        return (
            listed
            if kind is list
            else f"{self.name(definition.node.unflatten)}({self.name(definition.data)}, {listed})"
        )
