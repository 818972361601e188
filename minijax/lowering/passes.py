"""Passes: functions from a jaxpr to a jaxpr that computes the same results with less work, before it becomes a program.

No pass changes a bit of any result, except `contractions`: it changes how sums are rounded. `stages(closed_jaxpr)` shows the jaxpr
after each pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np

from ..core.array import ArrayImpl, to_array
from ..core.avals import ShapedArray
from ..core.jaxpr import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxprs_in_params, without_dead
from ..foundation.dtypes import is_narrow, wide_dtype
from ..foundation.float_errors import SILENT, with_float_errors
from ..foundation.narrow import wide_params, widens, word_steps
from ..primitives.basis import broadcast_in_dim_p, reshape_p, transpose_p
from ..primitives.elementwise import add_p, and_p, convert_element_type_p, neg_p, shift_left_p, sub_p, xor_p
from .batched_loops import one_condition
from .contraction import contractions
from .lowered import with_lowerings
from .one_window import gather_of_one_window, scatter_to_one_window
from .rewriting import Rewrite, maker, pure, rewritten

# ---------------------------------------------------------------------------------------------------------------------
# Products by an algorithm, or of two dtypes


def _cast(eqn: JaxprEqn, x: Atom, out: Var) -> JaxprEqn:
    params = {"new_dtype": out.aval.dtype, "weak_type": out.aval.weak_type, "sharding": None}
    return eqn.replace(primitive=convert_element_type_p, invars=[x], outvars=[out], params=params)


def _by_plain_product(eqn: JaxprEqn, makers=None):
    algorithm = eqn.params["precision"]
    (out,), avals = eqn.outvars, [v.aval for v in eqn.invars]
    if algorithm is None or type(algorithm) is tuple:
        if avals[0].dtype == avals[1].dtype or eqn.params["preferred_element_type"] is not None:
            return None
        return [eqn.replace(params={**eqn.params, "preferred_element_type": out.aval.dtype})]
    *dtypes, computed = algorithm.computing_dtypes(avals[0].dtype, avals[1].dtype, out.aval.dtype)
    # A ragged product has a third operand, the sizes of the groups.
    operands = [Var(ShapedArray(aval.shape, dtype)) for aval, dtype in zip(avals, dtypes)]
    product = Var(ShapedArray(out.aval.shape, computed))
    params = {**eqn.params, "precision": None, "preferred_element_type": computed}
    return [
        *map(_cast, [eqn, eqn], eqn.invars, operands),
        eqn.replace(invars=[*operands, *eqn.invars[2:]], outvars=[product], params=params),
        _cast(eqn, product, out),
    ]


def plain_products(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with a product of casts in place of each product by a `lax.DotAlgorithmPreset`, and with the result's dtype in each
    product of two dtypes. Raises ValueError for an algorithm that a CPU does not have."""
    names = ("dot_general", "ragged_dot_general")
    # A walk over all equations takes ten times as long, and nearly all programs need none.
    if not any([_by_plain_product(eqn) for eqn in jaxpr.eqns if eqn.primitive.name in names]):
        return jaxpr
    return rewritten(jaxpr, _by_plain_product, names)


# ---------------------------------------------------------------------------------------------------------------------
# Numbers of 2, 4 and 8 bits


# The characters of NumPy's own dtypes; those of ml_dtypes have others.
_OF_NUMPY = set("?bBhHiIlLqQefdgFDGV")


_ON_BYTES = {"shift_left": shift_left_p, "add": add_p, "and": and_p, "xor": xor_p, "sub": sub_p}


def _widened(eqn: JaxprEqn, makers):
    if not widens(eqn.primitive, [v.aval.dtype for v in (*eqn.invars, *eqn.outvars)]):
        return None
    before, after, operands, results = [], [], [], []
    for v in eqn.invars:
        wide = Var(v.aval.update(dtype=wide_dtype(v.aval.dtype)))
        operands.append(wide if is_narrow(v.aval.dtype) else v)
        before += [_cast(eqn, v, wide)] if is_narrow(v.aval.dtype) else []
    for step, number in word_steps(eqn.primitive.name, [v.aval.dtype for v in eqn.invars]):
        of, operands[0] = operands[0], Var(operands[0].aval)
        literal = Literal(operands[0].aval.dtype.type(number), ShapedArray((), operands[0].aval.dtype))
        before.append(eqn.replace(primitive=_ON_BYTES[step], invars=[of, literal], outvars=[operands[0]], params={}))
    for v in eqn.outvars:
        wide = Var(v.aval.update(dtype=wide_dtype(v.aval.dtype)))
        results.append(wide if is_narrow(v.aval.dtype) else v)
        after += [_cast(eqn, wide, v)] if is_narrow(v.aval.dtype) else []
    return [*before, eqn.replace(invars=operands, outvars=results, params=wide_params(eqn.params)), *after]


def widened(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr that computes with numbers of 2, 4 and 8 bits in a wider dtype, and rounds each result."""
    results = [v for eqn in jaxpr.eqns for v in eqn.outvars]
    # To ask each dtype for its name would take a tenth of the time of a program.
    chars = {v.aval.dtype.char for v in [*jaxpr.invars, *jaxpr.constvars, *results]}
    return jaxpr if chars <= _OF_NUMPY else rewritten(jaxpr, _widened)


# ---------------------------------------------------------------------------------------------------------------------
# Dead code


def dead_code(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr without the equations that no result needs."""
    return without_dead(jaxpr)


# ---------------------------------------------------------------------------------------------------------------------
# Constants


def _folded(eqn: JaxprEqn, makers):
    if not eqn.invars or type(eqn.invars[0]) is not Literal or not all(type(v) is Literal for v in eqn.invars):
        return None
    if eqn.primitive.multiple_results:
        return None
    aval = eqn.outvars[0].aval
    if aval.shape or getattr(aval.dtype, "kind", "V") not in "biufc" or not pure(eqn):
        return None
    numbers = [to_array(v.val)._value for v in eqn.invars]
    value = np.asarray(with_float_errors(SILENT, partial(eqn.primitive.impl, **eqn.params), *numbers))
    return Literal(ArrayImpl(value, aval.weak_type), aval)


def fold_constants(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with a literal for each scalar that depends only on literals."""
    return rewritten(jaxpr, _folded)


# ---------------------------------------------------------------------------------------------------------------------
# Identities that hold for every number, including -0.0, inf and NaN. `x + 0 = x` does not hold for floats: -0.0 + 0 is 0.0.


def _number(atom: Atom, makers) -> float | None:
    """The number, if an operand is a number or an array that is full of one number; else None."""
    while type(atom) is Var and atom in makers and makers[atom].primitive.name in ("broadcast_in_dim", "reshape"):
        atom = makers[atom].invars[0]
    if type(atom) is not Literal:
        return None
    value = to_array(atom.val)._value
    return value.item() if value.ndim == 0 and value.dtype.kind in "iuf" else None


def _other(eqn: JaxprEqn, makers, number: float, commutes: bool) -> Atom | None:
    """The operand beside `number`, if the other operand is that number and this one has the result's shape; else None."""
    x, y = eqn.invars
    shape = eqn.outvars[0].aval.shape
    if _number(y, makers) == number and x.aval.shape == shape:
        return x
    return y if commutes and _number(x, makers) == number and y.aval.shape == shape else None


def _times(eqn: JaxprEqn, makers):
    if (x := _other(eqn, makers, 1, True)) is not None:
        return x
    x = _other(eqn, makers, -1, True)
    return None if x is None or type(x) is Literal else [eqn.replace(primitive=neg_p, invars=[x], params={})]


def _plus(eqn: JaxprEqn, makers):
    """Of integers, which have no -0.0: `jnp.eye(3)` adds 0 to the numbers of its rows."""
    return _other(eqn, makers, 0, True) if getattr(eqn.outvars[0].aval.dtype, "kind", "V") in "iu" else None


def _minus(eqn: JaxprEqn, makers):
    zero = _number(eqn.invars[1], makers)
    # Not for -0.0: x - -0.0 is x + 0.0, which turns -0.0 into 0.0.
    return None if zero is None or np.signbit(zero) else _other(eqn, makers, 0, False)


def _at_least(least: float):
    """For `max` with the least number, or `min` with the largest: the other operand, NaN too."""
    return lambda eqn, makers: _other(eqn, makers, least, True)


def _unequal(eqn: JaxprEqn, makers):
    """`x != False` is x."""
    x, y = eqn.invars
    same = x.aval.dtype == bool and type(y) is Literal and y.aval.shape == () and not to_array(y.val)._value
    return x if same else None


def _negated(eqn: JaxprEqn, makers):
    inner = maker(eqn.invars[0], makers, "neg")
    return None if inner is None else inner.invars[0]


def _reshaped(eqn: JaxprEqn, x: Atom, makers):
    """The equation as a reshape of x. If x is a reshape of y itself, as a reshape of y."""
    aval = eqn.outvars[0].aval
    while (before := maker(x, makers, "reshape")) is not None:
        x = before.invars[0]
    if x.aval.shape == aval.shape:
        return x
    params = {"new_sizes": aval.shape, "dimensions": None, "sharding": None}
    return [eqn.replace(primitive=reshape_p, invars=[x], params=params)]


def _reshape(eqn: JaxprEqn, makers):
    order = eqn.params["dimensions"]
    if order is None:
        return _reshaped(eqn, eqn.invars[0], makers)
    # As two equations: no later pass, and no code that is written, knows of the order.
    x = eqn.invars[0]
    turned = Var(x.aval.update(shape=tuple(x.aval.shape[i] for i in order)))
    transposition = eqn.replace(primitive=transpose_p, outvars=[turned], params={"permutation": order})
    return [transposition, eqn.replace(invars=[turned], params={**eqn.params, "dimensions": None})]


def _broadcast(eqn: JaxprEqn, makers):
    x = eqn.invars[0]
    return _reshaped(eqn, x, makers) if x.aval.shape and x.aval.size == eqn.outvars[0].aval.size else None


def _transposed(eqn: JaxprEqn, makers):
    x, permutation = eqn.invars[0], eqn.params["permutation"]
    before = maker(x, makers, "transpose")
    if before is not None:
        x = before.invars[0]
        permutation = tuple(before.params["permutation"][i] for i in permutation)
    if permutation == tuple(range(len(permutation))):
        return x
    return None if before is None else [eqn.replace(invars=[x], params={"permutation": permutation})]


def _converted(eqn: JaxprEqn, makers):
    return eqn.invars[0] if eqn.invars[0].aval.dtype == eqn.params["new_dtype"] else None


def _counted(eqn: JaxprEqn, makers):
    """An `iota` of several axes is a broadcast of one of one axis. NumPy then makes the array only where it has to:
    `jnp.eye(3)` compares a row with a column."""
    (out,), shape, dimension = eqn.outvars, eqn.params["shape"], eqn.params["dimension"]
    if len(shape) == 1:
        return None
    row = Var(out.aval.update(shape=(shape[dimension],)))
    params = {"shape": shape, "broadcast_dimensions": (dimension,), "sharding": None}
    return [
        eqn.replace(outvars=[row], params={**eqn.params, "shape": row.aval.shape, "dimension": 0}),
        eqn.replace(primitive=broadcast_in_dim_p, invars=[row], params=params),
    ]


def _split(eqn: JaxprEqn, makers):
    return eqn.invars[0] if len(eqn.outvars) == 1 else None


def _summed(eqn: JaxprEqn, makers):
    """A sum over axes of size 1 is a reshape, but only if the operand is a sum itself, which is never -0.0. NumPy's sum of one
    -0.0 is 0.0."""
    x = eqn.invars[0]
    while (before := maker(x, makers, "reshape")) is not None:
        x = before.invars[0]
    return None if maker(x, makers, "reduce_sum") is None else _reduced(eqn, makers)


def _reduced(eqn: JaxprEqn, makers):
    """A reduction over axes of size 1 is a reshape."""
    x = eqn.invars[0]
    alone = eqn.params["axes"] and all(x.aval.shape[i] == 1 for i in eqn.params["axes"])
    return _reshaped(eqn, x, makers) if alone and x.aval.dtype == eqn.outvars[0].aval.dtype else None


def _selected(eqn: JaxprEqn, makers):
    which, *cases = eqn.invars
    same = all(c is cases[0] for c in cases)
    return cases[0] if same and type(cases[0]) is Var and cases[0].aval.shape == eqn.outvars[0].aval.shape else None


def _same(eqn: JaxprEqn, makers):
    return eqn.invars[0]


IDENTITIES: dict[str, Rewrite] = {
    # `add_any` is `add` that requires equal types.
    "add_any": lambda eqn, makers: [eqn.replace(primitive=add_p)],
    "add": _plus,
    "mul": _times,
    "div": lambda eqn, makers: _other(eqn, makers, 1, False),
    "sub": _minus,
    "max": _at_least(-np.inf),
    "min": _at_least(np.inf),
    "ne": _unequal,
    "neg": _negated,
    "integer_pow": lambda eqn, makers: eqn.invars[0] if eqn.params["y"] == 1 else None,
    "reshape": _reshape,
    "squeeze": lambda eqn, makers: _reshaped(eqn, eqn.invars[0], makers),
    "broadcast_in_dim": _broadcast,
    "transpose": _transposed,
    "convert_element_type": _converted,
    "reduce_sum": _summed,
    "reduce_prod": _reduced,
    "reduce_max": _reduced,
    "reduce_min": _reduced,
    "select_n": _selected,
    "stop_gradient": _same,
    "name": _same,
    "copy": _same,
    "split": _split,
    "iota": _counted,
    "gather": gather_of_one_window,
    "scatter": scatter_to_one_window,
}


def identities(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr without operations that return their operand, such as `x * 1`, and without transposes of transposes and reshapes
    of reshapes."""

    return rewritten(jaxpr, lambda eqn, makers: IDENTITIES[eqn.primitive.name](eqn, makers), IDENTITIES)


# ---------------------------------------------------------------------------------------------------------------------
# Common subexpressions


def _number_key(literal: Literal):
    value = to_array(literal.val)._value
    return value.dtype, value.shape, value.tobytes()


def _params_key(params: dict) -> tuple | None:
    """A key that is equal for parameters that are the same; None if Python's `==` cannot tell whether they are the same."""
    values = [params[k] for k in sorted(params)]
    types = [*map(type, values)]  # Because 1 == True.
    if float in types or np.float64 in types:  # Because 0.0 == -0.0.
        return None
    key = (*values, *types)
    try:
        hash(key)
    except TypeError:
        return None
    return key


def common_subexpressions(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with one equation for equal equations: same primitive, operands and parameters."""
    # {(primitive, operands): the first such equation}. Parameters are compared only if there is a second one: that takes long.
    firsts: dict[tuple, JaxprEqn] = {}
    by_params: dict[tuple, dict[tuple | None, JaxprEqn]] = {}

    def rewrite(eqn: JaxprEqn, makers):
        primitive = eqn.primitive
        if primitive.multiple_results or primitive.effects or primitive.named_axes or eqn.effects:
            return None
        key = (primitive, *[id(v) if type(v) is not Literal else _number_key(v) for v in eqn.invars])
        first = firsts.setdefault(key, eqn)
        if first is eqn or (params := _params_key(eqn.params)) is None:
            return None
        if key not in by_params:
            by_params[key] = {_params_key(first.params): first}
        same = by_params[key].setdefault(params, eqn)
        return None if same is eqn else same.outvars[0]

    return rewritten(jaxpr, rewrite)


def shared_reshapes(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with one equation for equal reshapes. `contractions` reshapes its operands, and so writes some reshapes twice.
    It writes no other equation twice: this pass looks at reshapes only."""
    seen: dict[tuple, Var] = {}

    def rewrite(eqn: JaxprEqn, makers):
        found = _reshape(eqn, makers)
        if type(found) is not list or type(found[0].invars[0]) is Literal:
            return found
        first = seen.setdefault((found[0].invars[0], eqn.outvars[0].aval.shape), eqn.outvars[0])
        return found if first is eqn.outvars[0] else first

    return rewritten(jaxpr, rewrite, ("reshape",))


# ---------------------------------------------------------------------------------------------------------------------
# Broadcasts


def _spread(atom: Atom, makers) -> JaxprEqn | None:
    return maker(atom, makers, "broadcast_in_dim")


def _unspread(eqn: JaxprEqn, makers):
    """Remove broadcasts of operands: elementwise operations of NumPy broadcast their operands themselves."""
    # Asked for each operand of each equation: calls of `_spread` would take three times as long.
    for v in eqn.invars:
        if type(v) is not Literal and v in makers and makers[v].primitive is broadcast_in_dim_p:
            break
    else:
        return None
    shape = eqn.outvars[0].aval.shape
    if not eqn.primitive.elementwise:
        return _spread_at_once(eqn, _spread(eqn.invars[0], makers))
    if len(eqn.invars) == 1:
        return _afterwards(eqn, _spread(eqn.invars[0], makers))
    operands, before = list(eqn.invars), []
    for i, v in enumerate(eqn.invars):
        spread = _spread(v, makers)
        if spread is None or v.aval.shape != shape:
            continue
        x = spread.invars[0]
        placed = [1] * len(shape)
        for d, size in zip(spread.params["broadcast_dimensions"], x.aval.shape):
            placed[d] = size
        small = tuple(placed) if x.aval.shape else ()
        shapes = [small if j == i else w.aval.shape for j, w in enumerate(operands)]
        if np.broadcast_shapes(*shapes) != shape:
            continue
        if small != x.aval.shape:
            column = Var(ShapedArray(small, x.aval.dtype, x.aval.weak_type))
            params = {"new_sizes": small, "dimensions": None, "sharding": None}
            before.append(JaxprEqn([x], [column], reshape_p, params, origin=spread.origin))
            x = column
        operands[i] = x
    return [*before, eqn.replace(invars=operands)] if any(a is not b for a, b in zip(operands, eqn.invars)) else None


def _afterwards(eqn: JaxprEqn, spread: JaxprEqn):
    """f(broadcast(x)) becomes broadcast(f(x)): f then computes fewer elements."""
    x, out = spread.invars[0], eqn.outvars[0].aval
    small = Var(ShapedArray(x.aval.shape, out.dtype, out.weak_type))
    first = eqn.replace(invars=[x], outvars=[small])
    number = _folded(first, {})
    then = eqn.replace(primitive=broadcast_in_dim_p, invars=[small if number is None else number], params=spread.params)
    return [first, then] if number is None else [then]


def _spread_at_once(eqn: JaxprEqn, spread: JaxprEqn | None):
    """A broadcast of a broadcast becomes one broadcast. So does a reshape of an array that is full of one number."""
    name, shape = eqn.primitive.name, eqn.outvars[0].aval.shape
    if spread is None or name not in ("broadcast_in_dim", "reshape", "squeeze"):
        return None
    x = spread.invars[0]
    if name == "broadcast_in_dim":
        outer = eqn.params["broadcast_dimensions"]
        dimensions = tuple(outer[i] for i in spread.params["broadcast_dimensions"])
    elif x.aval.shape:
        return None
    else:
        dimensions = ()
    params = {"shape": shape, "broadcast_dimensions": dimensions, "sharding": None}
    return [eqn.replace(primitive=broadcast_in_dim_p, invars=[x], params=params)]


def fuse_broadcasts(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr without broadcasts whose result is only an operand of elementwise operations."""
    return rewritten(jaxpr, _unspread)


# ---------------------------------------------------------------------------------------------------------------------
# All passes, in order

PASSES: list[Callable[[Jaxpr], Jaxpr]] = [
    dead_code,
    fold_constants,
    identities,
    fuse_broadcasts,
    common_subexpressions,
    contractions,
    shared_reshapes,
    dead_code,
]


def stages(closed_jaxpr: ClosedJaxpr) -> Iterator[tuple[str, ClosedJaxpr]]:
    """(name of a pass, the jaxpr after it) for each pass in order. First come, where they change something: `lowerings`, which
    stand for users' primitives; `one_condition`; `plain_products`; `widened`; `inner_programs`, which takes the jaxprs within
    equations through all passes."""
    consts = closed_jaxpr.consts
    jaxpr = with_lowerings(closed_jaxpr.jaxpr, "numpy")
    if jaxpr is not closed_jaxpr.jaxpr:
        yield "lowerings", ClosedJaxpr(jaxpr, consts)
    for function in (one_condition, plain_products, widened):
        before, jaxpr = jaxpr, function(jaxpr)
        if jaxpr is not before:
            yield function.__name__, ClosedJaxpr(jaxpr, consts)
    if any([jaxprs_in_params(eqn.params) for eqn in jaxpr.eqns if eqn.params]):
        jaxpr = _with_inner(jaxpr, optimized)
        yield "inner_programs", ClosedJaxpr(jaxpr, consts)
    for function in PASSES:
        jaxpr = function(jaxpr)
        yield function.__name__, ClosedJaxpr(jaxpr, consts)


_optimized: WeakKeyDictionary[ClosedJaxpr, ClosedJaxpr] = WeakKeyDictionary()


def optimized(closed_jaxpr: ClosedJaxpr) -> ClosedJaxpr:
    """The jaxpr after all passes. It is remembered for as long as `closed_jaxpr` lives."""
    found = _optimized.get(closed_jaxpr)
    if found is None:
        *_, (_, found) = stages(closed_jaxpr)
        _optimized[closed_jaxpr] = found
    return found


def _with_inner(jaxpr: Jaxpr, function: Callable) -> Jaxpr:
    def inner(eqn: JaxprEqn) -> JaxprEqn:
        if not eqn.params or not jaxprs_in_params(eqn.params):
            return eqn
        return eqn.replace(params={k: _within(v, function) for k, v in eqn.params.items()})

    return jaxpr.replace(eqns=list(map(inner, jaxpr.eqns)))


def _within(value, function: Callable):
    if isinstance(value, ClosedJaxpr):
        return function(value)
    if isinstance(value, (tuple, list)) and any(isinstance(v, ClosedJaxpr) for v in value):
        items = [_within(v, function) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value
