"""Control flow that can be traced: `cond`, `switch`, `while_loop`, `fori_loop`, `scan`, `map`, `associative_scan` (`jax.lax`).

The functions here flatten pytrees; the primitives in `calls/` take flat arrays. (JAX: `_src/lax/control_flow/`.)
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..calls.cond import cond_p
from ..calls.scan import scan_p
from ..calls.while_loop import while_p
from ..core.array import number
from ..core.avals import ShapedArray, typematch
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Literal, Var
from ..core.staging import closed, convert_constvars, trace_to_jaxpr
from ..core.traces import Array, Tracer, get_aval
from ..core.types import ArrayLike
from ..foundation.config import jit_disabled
from ..foundation.dtypes import issubdtype
from ..foundation.errors import ConcretizationTypeError
from ..foundation.pytrees import (
    PyTreeDef,
    keystr,
    tree_flatten,
    tree_flatten_with_path,
    tree_map,
    tree_structure,
    tree_unflatten,
    treedef_tuple,
)
from ..foundation.tracebacks import hide_our_frames
from ..foundation.wrapping import name_of
from ..primitives.basis import const, expand_dims, reshape, shape_of
from ..primitives.elementwise import add_p, clamp_p, convert_element_type, lt_p, ne_p
from ..primitives.joining import concatenate
from ..primitives.shapes import index_in_dim, slice_in_dim
from ..primitives.sizes import static_int
from .arguments import as_operand, as_output
from .vmap import vmap

# The types of a loop's carry, and of what it stacks.
Carry = TypeVar("Carry")
Y = TypeVar("Y")


def as_operands(tree, what: str) -> tuple[list, Any]:
    try:
        leaves, treedef = tree_flatten(tree)
        return [as_operand(x, what) for x in leaves], treedef
    except Exception as error:
        hide_our_frames(error)
        raise


def _trace(fun: Callable, in_tree, in_avals: Sequence[ShapedArray]) -> tuple[Jaxpr, list, Any]:
    """(the jaxpr of `fun(*arguments)`, the values that `fun` closes over, the tree of its results)."""
    try:
        trees = []

        def flat(*args):
            leaves, tree = tree_flatten(fun(*tree_unflatten(in_tree, args)))
            trees[:] = [tree]
            return [as_output(x, fun) for x in leaves]

        jaxpr, consts = trace_to_jaxpr(flat, in_avals)
        return jaxpr, consts, trees[0]
    except Exception as error:
        hide_our_frames(error)
        raise


def _closed(jaxpr: Jaxpr) -> ClosedJaxpr:
    """The jaxpr with its constants as its first arguments."""
    return closed(convert_constvars(jaxpr))


def _forwarded(jaxpr: Jaxpr) -> list[int | None]:
    """For each result: the position of the argument that it returns unchanged, or None if it is computed."""
    positions = {v: i for i, v in enumerate(jaxpr.invars)}
    return [None if type(v) is Literal else positions.get(v) for v in jaxpr.outvars]


def _split_by(flags: Sequence[bool], xs: Sequence) -> tuple[list, list]:
    """(the items whose flag is false, the items whose flag is true)."""
    return [x for x, f in zip(xs, flags, strict=True) if not f], [x for x, f in zip(xs, flags) if f]


def _merged(flags: Sequence[bool], unmarked: Sequence, marked: Sequence) -> list:
    unmarked, marked = iter(unmarked), iter(marked)
    return [next(marked) if f else next(unmarked) for f in flags]


def _place(fun: Callable) -> str:
    """The function's name, and its file and line if it is written in Python: most bodies are lambdas, which have no name."""
    code = getattr(fun, "__code__", None)
    return name_of(fun) + ("" if code is None else f" at {code.co_filename}:{code.co_firstlineno}")


# ---------------------------------------------------------------------------------------------------------------------
# Checks of the types of carries and of branches


class _Body(NamedTuple):
    """The user's body of a loop. Error texts use it to name a part of the carry in the user's words, such as `c['u']`."""

    loop: str
    fun: Callable
    # Position of the carry argument, and how deep it is nested in the carry of the loop that runs the body.
    position: int = 0
    depth: int = 0

    def component(self, path: tuple) -> str:
        return f"{_parameter(self.fun, self.position)}{keystr(path[self.depth :])}"


def _parameter(fun: Callable, position: int) -> str:
    try:
        names = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):  # A function written in C may have no signature.
        names = []
    return names[position] if position < len(names) else "carry"


def _check_carry(body: _Body, in_tree, in_avals, out_tree, out_avals):
    """Raise TypeError unless the carry has the same type before and after a step. Weak types may differ."""
    same = f"{body.loop} function carry input and carry output must have"
    revise = f"Revise {_place(body.fun)} so that its carry output has the same"
    if in_tree != out_tree:
        path, a, b = _first_difference(in_tree, out_tree)
        raise TypeError(
            f"{same} the same pytree structure, but they differ: the input carry component {body.component(path)} is {a} but"
            f" the corresponding component of the carry output is {b}. {revise} pytree structure as its carry input."
        )
    paths, _ = tree_flatten_with_path(tree_unflatten(in_tree, in_avals))
    differences = [
        f"the input carry component {body.component(path)} has type {a.str_short()} but the corresponding output carry"
        f" component has type {b.str_short()}, so {_mismatch(a, b)}"
        for (path, a), b in zip(paths, out_avals)
        if not typematch(a, b)
    ]
    if differences:
        raise TypeError(
            f"{same} equal types, but they differ: {'; '.join(differences)}. {revise} types as its carry input (x.astype"
            " changes a dtype)."
        )


def _mismatch(a: ShapedArray, b: ShapedArray) -> str:
    differ = [what for what in ("dtype", "shape") if getattr(a, what) != getattr(b, what)]
    return ", and ".join(f"the {what}s do not match" for what in differ)


def _first_difference(a: PyTreeDef, b: PyTreeDef, path: tuple = ()) -> tuple[tuple, str, str]:
    """(key path, a text for each tree): the first place where the containers of two trees differ."""
    if a.node_data() != b.node_data() or len(a.children()) != len(b.children()):
        return path, _kind(a), _kind(b)
    example = tree_unflatten(a, range(a.num_leaves))
    keys = [key for key, _ in tree_flatten_with_path(example, is_leaf=lambda x: x is not example)[0]]
    found = [(key, x, y) for key, x, y in zip(keys, a.children(), b.children()) if x != y]
    key, x, y = found[0]
    return _first_difference(x, y, (*path, *key))


def _kind(tree: PyTreeDef) -> str:
    if tree_structure(None) == tree:
        return "None"
    return "an array" if tree.node_data() is None else f"a {tree.node_data()[0].__name__} of structure {tree}"


def _check_branches(op: str, branches: Sequence[tuple[str, Callable]], traced: Sequence[tuple]):
    """Raise TypeError unless all branches return the same containers of arrays of the same types."""
    (name, fun), (jaxpr, _, tree) = branches[0], traced[0]
    for (other_name, other_fun), (other_jaxpr, _, other_tree) in zip(branches[1:], traced[1:], strict=True):
        which = f"{name} is {_place(fun)}, {other_name} is {_place(other_fun)}."
        revise = f"Revise {name} and/or {other_name} so that"
        if tree != other_tree:
            path, a, b = _first_difference(tree, other_tree)
            raise TypeError(
                f"{op} branch outputs must have the same pytree structure, but they differ: {name} output{keystr(path)} is {a}"
                f" but {other_name} output{keystr(path)} is {b}. {which} {revise} they have the same pytree structure."
            )
        paths, _ = tree_flatten_with_path(tree_unflatten(tree, [v.aval for v in jaxpr.outvars]))
        differences = [
            f"the output of {name}{f' at path {keystr(path)}' if path else ''} has type {a.str_short()} but the corresponding"
            f" output of {other_name} has type {v.aval.str_short()}, so {_mismatch(a, v.aval)}"
            for (path, a), v in zip(paths, other_jaxpr.outvars)
            if not typematch(a, v.aval)
        ]
        if differences:
            raise TypeError(
                f"{op} branches must have equal output types but they differ: {'; '.join(differences)}. {which} {revise} all"
                " output types match."
            )


def _promote_weak(carry: list, out_avals) -> tuple[list, bool]:
    """(the carry, whether it changed): a weak number takes the dtype that it has after a step, and is weak no longer, as in JAX.

    scan(lambda c, x: (c + x, None), 0, floats): the carry begins as an int, and is a float after the first step.
    """
    promoted, changed = [], False
    for x, aval in zip(carry, out_avals):
        own = get_aval(x)
        if own.weak_type and own.dtype != aval.dtype and own.shape == aval.shape:
            x, changed = convert_element_type(x, aval.dtype), True
        promoted.append(x)
    return promoted, changed


# ---------------------------------------------------------------------------------------------------------------------
# scan


def scan(
    f: Callable[[Carry, Any], tuple[Carry, Y]],
    init: Carry,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    _split_transpose: bool = False,
) -> tuple[Carry, Y]:
    """(last carry, stacked ys) of a loop over the leading axis of `xs` (`lax.scan`).

    f(carry, x) returns (next carry, y). init, xs and ys are pytrees. length: the number of steps, needed if xs is None.
    reverse: go from the last slice to the first. unroll and _split_transpose are accepted and ignored. Raises TypeError if the
    type of the carry changes in a step.

    >>> import minijax.numpy as jnp
    >>> scan(lambda c, x: (c + x, c), 0.0, jnp.arange(3.0))
    (Array(3., dtype=float32), Array([0., 0., 1.], dtype=float32, weak_type=True))
    """
    if not callable(f):
        raise TypeError("lax.scan: f argument should be a callable.")
    return _scan(_Body("scan body", f), f, init, xs, length, reverse, unroll)


def _scan(user: _Body, f: Callable, init, xs, length: int | None, reverse: bool, unroll: int | bool):
    carry, carry_tree = as_operands(init, "scan's init")
    flat_xs, xs_tree = as_operands(xs, "scan's xs")
    length = _scan_length(flat_xs, length)
    unroll = max(length, 1) if unroll is True else 1 if unroll is False else operator.index(unroll)
    if unroll < 0:
        raise ValueError(f"lax.scan: `unroll` must be a `bool` or a non-negative `int`, got {unroll}.")
    if jit_disabled() and length:
        steps = reversed(range(length)) if reverse else range(length)
        return _scan_in_python(f, tree_unflatten(carry_tree, carry), flat_xs, xs_tree, steps)
    x_avals = [get_aval(x).update(shape=shape_of(x)[1:]) for x in flat_xs]
    in_tree = treedef_tuple((carry_tree, xs_tree))
    for _ in range(2):
        carry_avals = [get_aval(x) for x in carry]
        jaxpr, consts, out_tree = _trace(f, in_tree, [*carry_avals, *x_avals])
        out_carry_tree, ys_tree = _pair(f, out_tree)
        out_avals = [v.aval for v in jaxpr.outvars]
        n = out_carry_tree.num_leaves
        carry, changed = _promote_weak(carry, out_avals[:n]) if n == len(carry) else (carry, False)
        if not changed:
            break
    _check_carry(user, carry_tree, carry_avals, out_carry_tree, out_avals[:n])
    # A carry that never changes becomes a const of the loop. A y that is a slice of the xs needs no loop: xs is the result.
    forwarded = _forwarded(jaxpr)
    unchanged = [position == i for i, position in enumerate(forwarded[:n])]
    copies = [position is not None and position >= n for position in forwarded[n:]]
    (changing, fixed), (changing_vars, fixed_vars) = _split_by(unchanged, carry), _split_by(unchanged, jaxpr.invars[:n])
    body = jaxpr.replace(
        constvars=[],
        invars=[*fixed_vars, *jaxpr.constvars, *changing_vars, *jaxpr.invars[n:]],
        outvars=[*_split_by(unchanged, jaxpr.outvars[:n])[0], *_split_by(copies, jaxpr.outvars[n:])[0]],
    )
    outs = scan_p.bind(
        *fixed,
        *consts,
        *changing,
        *flat_xs,
        jaxpr=closed(body),
        length=length,
        reverse=bool(reverse),
        num_consts=len(fixed) + len(consts),
        num_carry=len(changing),
        unroll=unroll,
    )
    last = _merged(unchanged, outs[: len(changing)], fixed)
    copied = [flat_xs[position - n] for position, copy in zip(forwarded[n:], copies) if copy]
    # A body that returns a list [carry, y] gets a list.
    return tree_unflatten(out_tree, [*last, *_merged(copies, outs[len(changing) :], copied)])


def _scan_in_python(f: Callable, carry, flat_xs: list, xs_tree, steps) -> tuple:
    """The scan as a Python loop, for `disable_jit`: the body gets values, so a debugger can stop in it."""
    ys = {}
    for i in steps:
        x = tree_unflatten(xs_tree, [index_in_dim(x, i, keepdims=False) for x in flat_xs])
        carry, ys[i] = f(carry, x)
    columns = [ys[i] for i in sorted(ys)]
    return carry, tree_map(lambda *rows: concatenate([expand_dims(as_output(y, f), (0,)) for y in rows], 0), *columns)


def _is_known(x) -> bool:
    return not isinstance(x, Tracer) or x.to_concrete_value() is not None


def _pair(f, out_tree) -> tuple:
    """(the tree of the carry, the tree of y) that the body `f` returns."""
    children = out_tree.children()
    if len(children) != 2:
        raise TypeError(f"scan body output must be a pair, got {out_tree} from {name_of(f)}: return (carry, y).")
    return tuple(children)


def _scan_length(xs: list, length: int | None) -> int:
    for x in xs:
        if not shape_of(x):
            raise ValueError(f"scan got value with no leading axis to scan over: {get_aval(x).str_short()}.")
    lengths = [shape_of(x)[0] for x in xs]
    if length is not None:
        length = static_int(length, "scan's length")
        if any(n != length for n in lengths):
            raise ValueError(
                f"scan got `length` argument of {length} which disagrees with leading axis sizes {lengths}."
            )
        return length
    if len(set(lengths)) > 1:
        raise ValueError(
            f"scan got values with different leading axis sizes: {', '.join(get_aval(x).str_short() for x in xs)}."
        )
    if not lengths:
        raise ValueError("scan got no values to scan over and `length` not provided.")
    return lengths[0]


def map(f: Callable[[Any], Y], xs: Any, *, batch_size: int | None = None) -> Y:
    """The stacked results of f on each slice along the leading axis of `xs` (`lax.map`).

    The slices are computed one after the other; with batch_size, `vmap` computes `batch_size` slices at a time.

    >>> import minijax.numpy as jnp
    >>> map(lambda x: x * x, jnp.arange(3))
    Array([0, 1, 4], dtype=int32)
    """
    if batch_size is None:
        return scan(lambda _, x: ((), f(x)), (), xs)[1]
    flat, tree = as_operands(xs, "map's xs")
    length = _scan_length(flat, None)
    whole = length // batch_size * batch_size
    chunks = [reshape(slice_in_dim(x, 0, whole), (-(-whole // batch_size), batch_size, *shape_of(x)[1:])) for x in flat]
    mapped = vmap(f)
    ys = scan(lambda _, x: ((), mapped(x)), (), tree_unflatten(tree, chunks))[1] if whole else None
    ys = tree_map(lambda y: reshape(y, (whole, *shape_of(y)[2:])), ys)
    if whole == length:
        return ys
    rest = mapped(tree_unflatten(tree, [slice_in_dim(x, whole, length) for x in flat]))
    return rest if not whole else tree_map(lambda a, b: concatenate([a, b], 0), ys, rest)


# ---------------------------------------------------------------------------------------------------------------------
# while_loop, fori_loop


def while_loop(cond_fun: Callable[[Carry], ArrayLike], body_fun: Callable[[Carry], Carry], init_val: Carry) -> Carry:
    """The last `val` of `while cond_fun(val): val = body_fun(val)` (`lax.while_loop`).

    It has no reverse mode; `scan`, and `fori_loop` with known bounds, have one.

    >>> while_loop(lambda x: x < 100, lambda x: x * 2, 1)
    Array(128, dtype=int32, weak_type=True)
    """
    if not (callable(body_fun) and callable(cond_fun)):
        raise TypeError("lax.while_loop: body_fun and cond_fun arguments should be callable.")
    return _while_loop(_Body("while_loop body", body_fun), cond_fun, body_fun, init_val)


def _while_loop(user: _Body, cond_fun: Callable, body_fun: Callable, init_val):
    if jit_disabled():
        try:
            val = init_val
            while cond_fun(val):
                val = body_fun(val)
            return val
        except ConcretizationTypeError:
            pass  # The condition depends on a tracer of `vmap`: trace the loop as usual.
    carry, tree = as_operands(init_val, "while_loop's init_val")
    in_tree = treedef_tuple((tree,))
    for _ in range(2):
        avals = [get_aval(x) for x in carry]
        body, body_consts, out_tree = _trace(body_fun, in_tree, avals)
        out_avals = [v.aval for v in body.outvars]
        carry, changed = _promote_weak(carry, out_avals) if len(out_avals) == len(carry) else (carry, False)
        if not changed:
            break
    _check_carry(user, tree, avals, out_tree, out_avals)
    cond, cond_consts, cond_tree = _trace(cond_fun, in_tree, avals)
    if cond_tree != tree_structure(0):
        raise TypeError(f"cond_fun must return a boolean scalar, but got pytree {cond_tree}.")
    pred = cond.outvars[0].aval
    if pred.shape or pred.dtype != bool:
        raise TypeError(f"cond_fun must return a boolean scalar, but got output type(s) [{pred!r}].")
    # A carry that never changes, and that the condition does not read, becomes a const of the body.
    read = {v for v in [*cond.outvars, *[v for eqn in cond.eqns for v in eqn.invars]] if type(v) is not Literal}
    unchanged = [position == i and v not in read for i, (position, v) in enumerate(zip(_forwarded(body), cond.invars))]
    (changing, fixed), (changing_vars, fixed_vars) = _split_by(unchanged, carry), _split_by(unchanged, body.invars)
    body = body.replace(
        constvars=[],
        invars=[*fixed_vars, *body.constvars, *changing_vars],
        outvars=_split_by(unchanged, body.outvars)[0],
    )
    outs = while_p.bind(
        *cond_consts,
        *fixed,
        *body_consts,
        *changing,
        cond_jaxpr=_closed(cond.replace(invars=_split_by(unchanged, cond.invars)[0])),
        body_jaxpr=closed(body),
        cond_nconsts=len(cond_consts),
        body_nconsts=len(fixed) + len(body_consts),
    )
    return tree_unflatten(tree, _merged(unchanged, outs, fixed))


def fori_loop(
    lower: ArrayLike,
    upper: ArrayLike,
    body_fun: Callable[[Any, Carry], Carry],
    init_val: Carry,
    *,
    unroll: int | bool | None = None,
) -> Carry:
    """The last `val` of `for i in range(lower, upper): val = body_fun(i, val)` (`lax.fori_loop`).

    With known bounds the loop is a scan, and has a reverse mode. With traced bounds it is a while_loop, and has none.

    >>> fori_loop(0, 4, lambda i, x: x + i, 0.0)
    Array(6., dtype=float32, weak_type=True)
    """
    if not callable(body_fun):
        raise TypeError(f"lax.fori_loop: body_fun argument should be callable, got {body_fun!r}.")
    a, b = (as_operand(bound, "fori_loop's bound") for bound in (lower, upper))
    for bound in (a, b):
        if shape_of(bound):
            raise TypeError(
                f"lower and upper arguments to fori_loop must be scalars, got {get_aval(bound).str_short()}."
            )
    if a.dtype != b.dtype and issubdtype(a.dtype, np.signedinteger) and issubdtype(b.dtype, np.signedinteger):
        # A bound that is a Python number takes the dtype of the other bound.
        b = convert_element_type(b, a.dtype) if b.weak_type else b
        a = convert_element_type(a, b.dtype) if a.weak_type else a
    if a.dtype != b.dtype:
        raise TypeError(f"lower and upper arguments to fori_loop must have equal types, got {a.dtype} and {b.dtype}.")
    user = _Body("fori_loop body", body_fun, position=1, depth=1)
    # As in JAX, a known bound may be any real number: the loop counts from its integer part.
    if _is_known(a) and _is_known(b) and a.dtype.kind != "c":

        def step(carry, _):
            i, x = carry
            return (add_p.bind(i, const(i, 1)), body_fun(i, x)), None

        length = max(int(b) - int(a), 0)
        # As in JAX, the counter begins as a Python number: its type is weak, so in i * x it takes the dtype of x.
        return _scan(user, step, (int(a), init_val), None, length, False, 1 if unroll is None else unroll)[0][1]
    if unroll is not None:
        raise ValueError(f"Can only use `unroll` ({unroll}) in `fori_loop` if the loop bounds are statically known.")
    return _while_loop(
        user,
        lambda c: lt_p.bind(c[0], c[1]),
        lambda c: (add_p.bind(c[0], const(c[0], 1)), c[1], body_fun(c[0], c[2])),
        (a, b, init_val),
    )[2]


# ---------------------------------------------------------------------------------------------------------------------
# cond, switch

# What `operand` is where no operand is given by that name; None is one.
_NONE = object()


def cond(
    pred: ArrayLike,
    true_fun: Callable[..., Any],
    false_fun: Callable[..., Any],
    *operands: Any,
    operand: Any = _NONE,
    linear: Any = None,
) -> Any:
    """`true_fun(*operands) if pred else false_fun(*operands)` (`lax.cond`).

    Only one of the functions runs, except if `vmap` maps the predicate: then both run, and the results are selected.

    >>> cond(True, lambda x: x + 1, lambda x: x - 1, 2.0)
    Array(3., dtype=float32, weak_type=True)
    """
    old = len(operands) == 2 and callable(false_fun) and callable(operands[1]) and not callable(true_fun)
    if old and operand is _NONE:
        # The older form: cond(pred, true_operand, true_fun, false_operand, false_fun).
        true, false = false_fun, operands[1]
        return cond(pred, lambda x, y: true(x), lambda x, y: false(y), true_fun, operands[0])
    if not (callable(true_fun) and callable(false_fun)):
        raise TypeError("lax.cond: true_fun and false_fun arguments should be callable.")
    if operand is not _NONE:
        if operands:
            raise TypeError(
                "lax.cond: if 'operand' keyword is passed then no positional operands can be passed to lax.cond."
            )
        operands = (operand,)
    if not isinstance(pred, Array) and (pred is None or np.ndim(pred) != 0):
        raise TypeError(f"lax.cond: Pred must be a scalar, got {pred} of type {type(pred)}.")
    is_array, pred = isinstance(pred, Array), as_operand(pred, "Pred")
    if shape_of(pred):
        raise TypeError(
            f"lax.cond: Pred must be a scalar, got an array of shape {pred.shape}: for choosing by element use jnp.where."
        )
    if pred.dtype != bool:
        if pred.dtype.kind not in "iuf":
            raise TypeError(f"lax.cond: Pred type must be either boolean or number, got {pred.dtype}.")
        # What is no array is known: no equation.
        pred = ne_p.bind(pred, const(pred, 0)) if is_array else number(np.asarray(bool(pred)))
    if jit_disabled() and _is_known(pred):
        return (true_fun if pred else false_fun)(*operands)
    index = convert_element_type(pred, np.dtype("int32"))
    return _choose("cond", index, (true_fun, false_fun), operands, ("true_fun", "false_fun"))


def switch(index: ArrayLike, branches: Sequence[Callable[..., Any]], *operands: Any, operand: Any = _NONE) -> Any:
    """`branches[index](*operands)` (`lax.switch`). An index out of range becomes the nearest index in range.

    operand: the only operand, in programs that name it.

    >>> switch(1, [lambda x: x, lambda x: -x], 2.0)
    Array(-2., dtype=float32, weak_type=True)
    """
    if operand is not _NONE:
        if operands:
            raise TypeError("if 'operand' keyword is passed then no positional operands can be passed to lax.switch.")
        operands = (operand,)
    branches = tuple(branches)
    if not branches:
        raise ValueError("Empty branch sequence")
    if not all(callable(b) for b in branches):
        raise TypeError("lax.switch: branches argument should be a sequence of callables.")
    index = as_operand(index, "Index")
    if shape_of(index) or not issubdtype(index.dtype, np.integer):
        raise TypeError(f"Index must be an integer scalar, got {get_aval(index).str_short()}.")
    if len(branches) == 1:
        return branches[0](*operands)
    index = convert_element_type(index, np.dtype("int32"))
    index = clamp_p.bind(np.int32(0), index, np.int32(len(branches) - 1))
    if jit_disabled() and _is_known(index):
        return branches[int(index)](*operands)
    return _choose("switch", index, branches, operands, [f"branch {i}" for i in range(len(branches))])


def _choose(op: str, index, functions, operands, names):
    flat, in_tree = as_operands(operands, "operand")
    avals = [get_aval(x) for x in flat]
    # A function that is given for several branches is traced once, as in JAX.
    by_function = {i: _trace(f, in_tree, avals) for i, f in {id(f): f for f in functions}.items()}
    traced = [by_function[id(f)] for f in functions]
    _check_branches(op, list(zip(names, functions)), traced)
    tree = traced[0][2]
    consts, branches = _with_common_consts(traced)
    if op == "cond":
        # `cond` traces the true function first; False is index 0.
        branches = branches[::-1]
    args = [*consts, *flat]
    # If every branch returns the same argument as a result, the cond need not return it.
    positions = [p[0] if len({*p}) == 1 else None for p in zip(*[_forwarded(b) for b in branches])]
    forwarded = [p is not None for p in positions]
    branches = tuple(closed(b.replace(outvars=_split_by(forwarded, b.outvars)[0])) for b in branches)
    outs = cond_p.bind(index, *args, branches=branches)
    return tree_unflatten(tree, _merged(forwarded, outs, [args[p] for p in positions if p is not None]))


def _with_common_consts(traced) -> tuple[list, list[Jaxpr]]:
    """(the values that the branches close over, each once; the branches as jaxprs whose first arguments are these values)."""
    consts: list = []
    for _, own, _ in traced:
        consts += [c for c in own if not any(c is known for known in consts)]
    branches = []
    for jaxpr, own, _ in traced:
        variables = dict(zip([id(c) for c in own], jaxpr.constvars))
        first = [variables[id(c)] if id(c) in variables else Var(get_aval(c)) for c in consts]
        branches.append(jaxpr.replace(constvars=[], invars=[*first, *jaxpr.invars]))
    return consts, branches


__all__ = ["cond", "fori_loop", "map", "scan", "switch", "while_loop"]
