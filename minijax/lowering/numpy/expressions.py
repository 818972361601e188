"""The expressions of a NumPy program: the table `EXPRESSIONS` has a rule for each primitive that has an expression.

A rule takes the program's writer and an equation. It returns the text of an expression, whose result may share memory with an
operand; or a `Call`, an expression that makes a new array; or None if the program must call the primitive's implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING

from ...core.jaxpr import Atom, JaxprEqn, Literal, Var
from ...primitives import complex_functions, complex_numbers
from .. import routes
from .bundle import Given
from .statements import LARGE, Call

if TYPE_CHECKING:
    from .source import _Writer

# Primitives whose expression makes a view of the operand.
VIEWS = {"reshape", "transpose", "squeeze", "slice", "dynamic_slice", "broadcast_in_dim", "bitcast_convert_type"}
# An array of more elements is taken apart, or put together from scalars, by NumPy's functions: the text would be long.
FEW = 8


def _kind(atom: Atom) -> str:
    """NumPy's letter for the kind of dtype; "V" for dtypes that NumPy does not have, such as those of random keys."""
    return getattr(atom.aval.dtype, "kind", "V")


def _infix(operator: str, function: str, kinds: str = "biufc") -> Callable:
    def rule(w: _Writer, eqn: JaxprEqn):
        if _kind(eqn.invars[0]) not in kinds:
            return None
        a, b = w.operands(eqn)
        return Call(f"{a} {operator} {b}", f"np.{function}", (a, b), True, True)

    return rule


def _shifted(operator: str, function: str, kinds: str) -> Callable:
    """A shift by a number that is less than the width. C does not define other shifts."""

    def rule(w: _Writer, eqn: JaxprEqn):
        x, amount = eqn.invars
        if type(x) is Literal or type(amount) is not Literal or amount.aval.shape or _kind(x) not in kinds:
            return None
        inside = 0 <= int(amount.val) < 8 * x.aval.dtype.itemsize
        return _infix(operator, function)(w, eqn) if inside else None

    return rule


def _applied(function: str, *args: str) -> Call:
    return Call(f"np.{function}({', '.join(args)})", f"np.{function}", args, True, True)


def _ufunc(function: str) -> Callable:
    return lambda w, eqn: _applied(function, *w.operands(eqn))


def _maximum(w: _Writer, eqn: JaxprEqn):
    """A number comes second, as in `complex_numbers.maximum`."""
    operands, (x, y) = w.operands(eqn), eqn.invars
    number_first = type(x) is Literal or not x.aval.shape and y.aval.shape
    return _applied("maximum", *(operands[::-1] if number_first else operands))


def _or_complex(rule: Callable, function: Callable) -> Callable:
    """The rule, for an operation that a function of minijax computes of complex numbers."""

    def either(w: _Writer, eqn: JaxprEqn):
        if _kind(eqn.invars[0]) != "c":
            return rule(w, eqn)
        args, name = w.operands(eqn), w.bundle.function(function, eqn.primitive.name)
        # The function may read its operands after it has written the result: it must not write over them.
        return Call(f"{name}({', '.join(args)})", name, args, whole=True)

    return either


def _negative(x: str) -> Call:
    return Call(f"-{x}", "np.negative", (x,), True, True)


def _times(x: str, y: str) -> Call:
    return Call(f"{x} * {y}", "np.multiply", (x, y), True, True)


def _integer_pow(w: _Writer, eqn: JaxprEqn):
    x, y = w.text(eqn.invars[0]), eqn.params["y"]
    if y == 3:
        return _times(x, w.temporary(_times(x, x), eqn))
    if y == -1:
        return None if _kind(eqn.invars[0]) == "c" else _applied("reciprocal", x)
    return {1: x, 2: _times(x, x)}.get(y)


def _rsqrt(w: _Writer, eqn: JaxprEqn):
    return _applied("reciprocal", w.temporary(_applied("sqrt", w.text(eqn.invars[0])), eqn))


def _broadcast(w: _Writer, eqn: JaxprEqn):
    x, shape = eqn.invars[0], eqn.params["shape"]
    placed = [1] * len(shape)
    for i, d in zip(eqn.params["broadcast_dimensions"], x.aval.shape):
        placed[i] = d
    if type(x) is Literal:
        w.filled[eqn.outvars[0]] = x
    text = w.text(x)
    if tuple(placed) == shape:
        return _reshaped(w, eqn, shape)
    if tuple(placed[len(shape) - x.aval.ndim :]) != x.aval.shape:
        text = f"{text}.reshape({_shape(placed)})"
    return f"np.broadcast_to({text}, {tuple_text(shape)})"


def _shape(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape)) if len(shape) else "()"


def tuple_text(xs: Sequence[int]) -> str:
    return f"({xs[0]},)" if len(xs) == 1 else f"({', '.join(map(str, xs))})"


def _reshape(w: _Writer, eqn: JaxprEqn):
    if eqn.params["dimensions"] is not None:  # A pass makes two equations of it; here it was not run.
        return None
    return _reshaped(w, eqn, eqn.params["new_sizes"])


def _reshaped(w: _Writer, eqn: JaxprEqn, shape: Sequence[int]) -> str:
    x = eqn.invars[0]
    if not x.aval.shape:
        w.single[eqn.outvars[0]] = x
    elif not len(shape) and _kind(x) != "V":
        # NumPy's scalar, and not an array of shape (): arithmetic on it takes a tenth of the time.
        return f"{w.text(x)}[{', '.join('0' * x.aval.ndim)}]"
    return f"{w.text(x)}.reshape({_shape(shape)})"


def _transpose(w: _Writer, eqn: JaxprEqn):
    permutation = eqn.params["permutation"]
    x = w.text(eqn.invars[0])
    return f"{x}.T" if permutation == (1, 0) else f"{x}.transpose({_shape(permutation)})"


def _squeeze(w: _Writer, eqn: JaxprEqn):
    dims = eqn.params["dimensions"]
    return _reshaped(w, eqn, [d for i, d in enumerate(eqn.invars[0].aval.shape) if i not in dims])


def _slice(w: _Writer, eqn: JaxprEqn):
    aval, p = eqn.invars[0].aval, eqn.params
    parts = []
    for size, start, stop, step in zip(
        aval.shape, p["start_indices"], p["limit_indices"], p["strides"] or (1,) * aval.ndim
    ):
        part = f"{start or ''}:{stop if stop != size else ''}"
        parts.append(part if step == 1 else f"{part}:{step}")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return f"{w.text(eqn.invars[0])}[{', '.join(parts)}]" if parts else w.text(eqn.invars[0])


def _dynamic_slice(w: _Writer, eqn: JaxprEqn):
    x, *starts = eqn.invars
    parts = []
    for start, size, n in zip(starts, x.aval.shape, eqn.params["slice_sizes"]):
        if n == size:
            parts.append(":")
            continue
        if type(start) is Literal:
            begin = min(max(int(start.val), 0), size - n)
            parts.append(f"{begin}:{begin + n}")
            continue
        begin, text = w.fresh(), w.text(start)
        reads = [text] if text.isidentifier() else []
        w.line(f"{begin} = min(max(int({text}), 0), {size - n})", [begin], reads, pure=True)
        parts.append(f"{begin}:{begin} + {n}")
    return f"{w.text(x)}[{', '.join(parts)}]" if parts else w.text(x)


def _axes(eqn: JaxprEqn) -> str:
    axes, ndim = eqn.params["axes"], eqn.invars[0].aval.ndim
    return "" if len(axes) == ndim else str(axes[0]) if len(axes) == 1 else tuple_text(axes)


def _sum(w: _Writer, eqn: JaxprEqn):
    x, axes = eqn.invars[0], eqn.params["axes"]
    if type(x) is Literal:
        return None
    if all([x.aval.shape[a] == 1 for a in axes]):
        # The sum of one number is that number: of -0.0 NumPy's is 0.0.
        return _reshaped(w, eqn, eqn.outvars[0].aval.shape)
    if _kind(x) not in "fc":
        return None
    return _reduction(w, eqn, "sum", "np.add.reduce")


def _reduction(w: _Writer, eqn: JaxprEqn, method: str, function: str) -> Call:
    x, axes = w.text(eqn.invars[0]), _axes(eqn)
    args = x, axes or "None"
    # The method is a function of Python that calls the ufunc.
    text = f"{function}({', '.join(args)})" if isinstance(w.bundle, Given) else f"{x}.{method}({axes})"
    return Call(text, function, args)


def _extremum(method: str, function: str) -> Callable:
    def rule(w: _Writer, eqn: JaxprEqn):
        aval, axes = eqn.invars[0].aval, eqn.params["axes"]
        if not axes or any(aval.shape[i] == 0 for i in axes) or aval.dtype.kind not in "iuf":
            return None
        return _reduction(w, eqn, method, function)

    return rule


def _dot(w: _Writer, eqn: JaxprEqn):
    x, y = (v.aval for v in eqn.invars)
    (x_contract, y_contract), (x_batch, y_batch) = eqn.params["dimension_numbers"]
    preferred = eqn.params["preferred_element_type"]
    if (
        x.dtype != y.dtype
        or preferred not in (None, x.dtype)
        or x.dtype.char not in "fdFD"
        or 0 in (*x.shape, *y.shape)
    ):
        return None
    a, b = (w.text(v) for v in eqn.invars)
    if not x_batch and not x_contract and x.ndim == y.ndim == 1:
        return Call(f"np.outer({a}, {b})", "np.outer", (a, b))
    one_product = prod(x.shape[i] for i in x_contract) == 1
    if not x_batch and len(x_contract) == 1 and x.ndim <= 2 and y.ndim <= 2 and not one_product:
        # `a @ b` sums over the last axis of a and the first axis of b. If the sum is over another axis, transpose the matrix.
        a, b = f"{a}{'.T' if x_contract == (0,) and x.ndim == 2 else ''}", f"{b}{'.T' if y_contract == (1,) else ''}"
        return Call(f"{a} @ {b}", "np.matmul", (a, b))
    # Otherwise make a stack of matrices: one for each index of the batch axes.
    x_kept = [i for i in range(x.ndim) if i not in (*x_contract, *x_batch)]
    y_kept = [i for i in range(y.ndim) if i not in (*y_contract, *y_batch)]
    left = _grouped(a, x.shape, x_batch, x_kept, x_contract)
    right = _grouped(b, y.shape, y_batch, y_contract, y_kept)
    # np.matmul would add a product to 0.0, which turns -0.0 into 0.0.
    operator, function = ("*", "np.multiply") if one_product else ("@", "np.matmul")
    if len(x_kept) == len(y_kept) == 1:
        return Call(f"{left} {operator} {right}", function, (left, right))
    then = f".reshape({_shape(eqn.outvars[0].aval.shape)})"
    shape = (*[x.shape[i] for i in x_batch], prod(x.shape[i] for i in x_kept), prod(y.shape[i] for i in y_kept))
    return Call(f"({left} {operator} {right}){then}", function, (left, right), then=then, shape=shape)


def _grouped(text: str, shape: Sequence[int], batch: Sequence[int], *groups: Sequence[int]) -> str:
    """The array with its batch axes first, and then one axis for each group of axes."""
    order = [*batch, *[i for group in groups for i in group]]
    if order != list(range(len(shape))):
        text = f"{text}.transpose({_shape(order)})"
    if all(len(group) == 1 for group in groups):
        return text
    return f"{text}.reshape({_shape([*[shape[i] for i in batch], *[prod(shape[i] for i in g) for g in groups]])})"


def _select(w: _Writer, eqn: JaxprEqn):
    which, *cases = eqn.invars
    if which.aval.dtype != bool or len(cases) != 2:
        return None
    aval = eqn.outvars[0].aval
    if (
        not which.aval.shape
        and all(v.aval.shape == aval.shape for v in cases)
        and aval.size * aval.dtype.itemsize < LARGE
    ):
        on_false, on_true = map(w.text, cases)
        return f"{on_true} if {w.text(which)} else {on_false}"
    # An array that is full of a number can be replaced by the number. But one of two such arrays must stay: it has the shape.
    full = [None if type(v) is Literal else w.filled.get(v) for v in cases]
    if None not in full:
        full[0] = None
    on_false, on_true = [w.text(v) if number is None else w.text(number) for v, number in zip(cases, full)]
    args = w.text(which), on_true, on_false
    given = isinstance(w.bundle, Given) and routes.select_into is not None
    function = w.bundle.function(routes.select_into, "select") if given else "np.where"
    return Call(f"np.where({', '.join(args)})", function, args, whole=True)


def _clamp(w: _Writer, eqn: JaxprEqn):
    low, x, high = eqn.invars
    if type(x) is Literal:
        return None
    large = (
        routes.clamp is not None
        and isinstance(w.bundle, Given)
        and _kind(x) == "f"
        and x.aval.size * x.aval.dtype.itemsize >= LARGE
    )
    if large and low.aval.shape == high.aval.shape == ():
        function, args = w.bundle.function(routes.clamp, "clamp"), (w.soft(low), w.text(x), w.soft(high))
        return Call(f"{function}({', '.join(args)})", function, args, True, True)
    return _applied("minimum", w.temporary(_applied("maximum", w.soft(low), w.text(x)), eqn), w.soft(high))


def _convert(w: _Writer, eqn: JaxprEqn):
    old, new = _kind(eqn.invars[0]), eqn.params["new_dtype"]
    x = w.text(eqn.invars[0])
    if eqn.invars[0].aval.dtype == new:
        return x
    if old not in "biuf" or new.kind not in "biufc" or (old == "f" and new.kind in "iu"):
        return None
    if old == "b" and not eqn.invars[0].aval.shape:
        return f"{w.dtype(new)}({x})"
    return f"{x}.astype({w.dtype(new)})"


def _iota(w: _Writer, eqn: JaxprEqn):
    p = eqn.params
    if len(p["shape"]) != 1 or p["dtype"].kind not in "iuf" or p["dtype"].char == "e":
        return None
    return f"np.arange({p['shape'][0]}, dtype={w.dtype(p['dtype'])})"


def _split(w: _Writer, eqn: JaxprEqn) -> str:
    x, before, start, parts = w.text(eqn.invars[0]), ":, " * eqn.params["axis"], 0, []
    for size in eqn.params["sizes"]:
        parts.append(f"{x}[{before}{start}:{start + size}]")
        start += size
    return ", ".join(parts) if len(parts) != 1 else f"({parts[0]},)"


def _unstack(w: _Writer, eqn: JaxprEqn):
    count, before = len(eqn.outvars), ":, " * eqn.params["axis"]
    if not 0 < count <= FEW:
        return None
    x = w.text(eqn.invars[0])
    parts = [f"{x}[{before}{i}]" for i in range(count)]
    return ", ".join(parts) if count > 1 else f"({parts[0]},)"


def _bitcast(w: _Writer, eqn: JaxprEqn):
    old, new = eqn.invars[0].aval.dtype, eqn.params["new_dtype"]
    if _kind(eqn.invars[0]) not in "iuf" or new.kind not in "iuf" or old.itemsize != new.itemsize:
        return None
    return f"{w.text(eqn.invars[0])}.view({w.dtype(new)})"


def _concatenate(w: _Writer, eqn: JaxprEqn):
    scalars = [w.single.get(v) for v in eqn.invars if type(v) is Var]
    flat = eqn.outvars[0].aval.ndim == 1
    if flat and None not in scalars and len(scalars) == len(eqn.invars) <= FEW and _kind(eqn.invars[0]) in "biufc":
        numbers = tuple(map(w.soft, scalars))
        dtype = w.dtype(eqn.outvars[0].aval.dtype)
        return Call(f"np.array([{', '.join(numbers)}], {dtype})", "np.array", numbers, whole=True)
    args = f"[{', '.join(w.text(v) for v in eqn.invars)}]", str(eqn.params["dimension"])
    return Call(f"np.concatenate({', '.join(args)})", "np.concatenate", args)


def _rem(w: _Writer, eqn: JaxprEqn):
    y = eqn.invars[1]
    # C does not define the remainder of an integer by zero.
    safe = _kind(y) == "f" or (_kind(y) in "iu" and type(y) is Literal and not y.aval.shape and int(y.val) != 0)
    return _applied("fmod", *w.operands(eqn)) if safe else None


def _same(w: _Writer, eqn: JaxprEqn):
    return w.text(eqn.invars[0])


EXPRESSIONS: dict[str, Callable] = {
    "add": _infix("+", "add", "iufc"),
    "add_any": _infix("+", "add", "iufc"),
    "sub": _infix("-", "subtract", "iufc"),
    "mul": _infix("*", "multiply", "iufc"),
    "div": _or_complex(_infix("/", "divide", "f"), complex_numbers.divide),
    "and": _infix("&", "bitwise_and", "biu"),
    "or": _infix("|", "bitwise_or", "biu"),
    "xor": _infix("^", "bitwise_xor", "biu"),
    "shift_left": _shifted("<<", "left_shift", "iu"),
    "shift_right_logical": _shifted(">>", "right_shift", "u"),
    "shift_right_arithmetic": _shifted(">>", "right_shift", "i"),
    "lt": _infix("<", "less", "biuf"),
    "le": _infix("<=", "less_equal", "biuf"),
    "gt": _infix(">", "greater", "biuf"),
    "ge": _infix(">=", "greater_equal", "biuf"),
    "eq": _infix("==", "equal", "biufc"),
    "ne": _infix("!=", "not_equal", "biufc"),
    "neg": lambda w, eqn: _negative(w.text(eqn.invars[0])) if type(eqn.invars[0]) is Var else None,
    "rem": _rem,
    "max": _or_complex(_maximum, complex_numbers.maximum),
    "min": _or_complex(_ufunc("minimum"), complex_numbers.minimum),
    "integer_pow": _integer_pow,
    "square": lambda w, eqn: _times(w.text(eqn.invars[0]), w.text(eqn.invars[0])),
    "rsqrt": _or_complex(_rsqrt, complex_functions.rsqrt),
    "abs": _ufunc("abs"),
    **{
        name: _or_complex(_ufunc(name), getattr(complex_functions, name))
        for name in "sqrt exp expm1 log log1p sin cos tan sinh cosh tanh".split()
    },
    **{
        f"a{name}": _or_complex(_ufunc(f"arc{name}"), getattr(complex_functions, f"a{name}"))
        for name in "sin cos tan sinh cosh tanh".split()
    },
    **{name: _ufunc(name) for name in "floor ceil nextafter".split()},
    "exp2": lambda w, eqn: _ufunc("exp2")(w, eqn) if _kind(eqn.invars[0]) != "c" else None,
    "atan2": _ufunc("arctan2"),
    "is_finite": _ufunc("isfinite"),
    "select_n": _select,
    "clamp": _clamp,
    "convert_element_type": _convert,
    "stop_gradient": _same,
    "name": _same,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "transpose": _transpose,
    "squeeze": _squeeze,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "split": _split,
    "unstack": _unstack,
    "bitcast_convert_type": _bitcast,
    "reduce_sum": _sum,
    "reduce_max": _extremum("max", "np.maximum.reduce"),
    "reduce_min": _extremum("min", "np.minimum.reduce"),
    "dot_general": _dot,
    "iota": _iota,
    "concatenate": _concatenate,
}
