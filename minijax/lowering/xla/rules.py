"""Rules for operations on whole arrays: elementwise ones, shapes, reductions, contractions.

A rule is a function (writer, type of the result, *operands, **parameters) -> the result. The rule of a primitive with
several results gets a list of types and returns a list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...core.avals import ShapedArray
from ...primitives.accuracy import AccuracyMode, check_accuracy
from ...primitives.dot_algorithms import parts
from ...primitives.precision import Algorithm
from ...primitives.ragged import dense
from ...primitives.reductions import complex_running_logsumexp
from .text import BOOL, INT32, Value, boolean, i64_array, i64_table, ints, tensor

Rule = Callable[..., Value | Sequence[Value]]


# ---------------------------------------------------------------------------------------------------------------------
# Elementwise operations


def elementwise(name: str) -> Rule:
    return lambda w, out, *operands, **params: w.elementwise(name, out, *operands)


def accurate(name: str) -> Rule:
    """The rule of an elementwise function that takes `accuracy`."""
    return lambda w, out, x, *, accuracy=None: w.elementwise(name, out, x, attributes=_accuracy(accuracy))


def _accuracy(accuracy) -> str:
    check_accuracy(accuracy)
    if accuracy is None:
        return ""
    mode, bounds = "TOLERANCE", ""
    if isinstance(accuracy, AccuracyMode):
        mode = accuracy.name
    else:
        bounds = f"atol = {accuracy.atol!r}, rtol = {accuracy.rtol!r}, ulps = {accuracy.ulps}, "
    return f"{{result_accuracy = #stablehlo.result_accuracy<{bounds}mode = #stablehlo.result_accuracy_mode<{mode}>>}} "


def chlo(name: str) -> Rule:
    """The rule for an operation of the CHLO dialect, which the compiler makes of others; its types are written differently."""

    def rule(w, out, *operands, **params):
        operands = [w.broadcast(x, out.shape) for x in operands]
        types = ", ".join(x.type for x in operands)
        return w.assign(out, f"chlo.{name} {w.names(operands)} : {types} -> ")

    return rule


def retyped(name: str) -> Rule:
    """The rule for an elementwise operation whose result has another dtype."""
    return lambda w, out, x: w.op(name, out, x)


def same(w, out, x, **params):
    return x


def division(name: str) -> Rule:
    """The rule of a division or a remainder: of integers, n / 0 is -1 and n % 0 is n, as in JAX.

    XLA itself divides constants when it compiles, also those that it finds, such as the 0 of `5 // (x * 0)`. An integer division by
    zero then ends the process by a signal. So the program divides by 1 in place of 0.
    """

    def rule(w, out, x, y):
        if out.dtype.kind not in "iu" or (y.constant is not None and y.constant.all()):
            return w.elementwise(name, out, x, y)
        x, y = w.broadcast(x, out.shape), w.broadcast(y, out.shape)
        by_zero = w.compare("EQ", y, w.full(y.aval, 0))
        quotient = w.elementwise(name, out, x, w.select(by_zero, w.full(y.aval, 1), y))
        minus_one = w.full(out, -1 if out.dtype.kind == "i" else np.iinfo(out.dtype).max)
        return w.select(by_zero, minus_one if name == "divide" else x, quotient)

    return rule


def _integer_pow(w, out, x, *, y):
    if y < 0:
        return w.elementwise("divide", out, w.full(out, 1), _integer_pow(w, out, x, y=-y))
    # Square repeatedly, in the order of minijax's own implementation, so that the rounding is the same.
    result, factor = None, x
    while y:
        if y & 1:
            result = factor if result is None else w.elementwise("multiply", out, result, factor)
        y >>= 1
        if y:
            factor = w.elementwise("multiply", out, factor, factor)
    return w.full(out, 1) if result is None else result


def _pow(w, out, x, y):
    return w.elementwise("power", out, x, w.convert(y, out.dtype))


def _sign(w, out, x):
    if out.dtype.kind != "u":
        return w.elementwise("sign", out, x)
    return w.select(w.compare("EQ", x, w.full(out, 0)), w.full(out, 0), w.full(out, 1))


def _round(w, out, x, *, rounding_method):
    return w.elementwise(("round_nearest_afz", "round_nearest_even")[int(rounding_method)], out, x)


def _conj(w, out, x, *, input_dtype):
    if x.dtype.kind != "c":
        return w.elementwise("complex", out, x, w.full(x.aval, 0))
    part = real_part(out)
    minus = w.elementwise("negate", part, w.op("imag", part, x))
    return w.elementwise("complex", out, w.op("real", part, x), minus)


def real_part(aval: ShapedArray) -> ShapedArray:
    """The type of the real part of a complex array."""
    return ShapedArray(aval.shape, np.zeros((), aval.dtype).real.dtype)


def _exp2(w, out, x, *, accuracy=None):
    if out.dtype.kind == "c":
        return accurate("exponential")(
            w, out, w.elementwise("multiply", out, x, w.full(out, np.log(2))), accuracy=accuracy
        )
    # A power has no accuracy in StableHLO.
    return w.elementwise("power", out, w.full(out, 2), x)


def _circular(name: str) -> Rule:
    """The sine or cosine of a + bi: (sin a cosh b, cos a sinh b), or (cos a cosh b, -sin a sinh b).

    XLA's own is NaN where the hyperbolic functions of b are infinite. Where a is 0, the product with sin a is 0, by infinity too.
    """

    def rule(w, out, x, *, accuracy=None):
        if out.dtype.kind != "c":
            return accurate(name)(w, out, x, accuracy=accuracy)
        part = real_part(out)

        def of(name, *operands):
            return w.elementwise(name, part, *operands)

        a, b = w.op("real", part, x), w.op("imag", part, x)
        two, zero = w.full(part, 2), w.full(part, 0)
        up, down = of("exponential_minus_one", b), of("exponential_minus_one", of("negate", b))
        hyperbolic_sine = of("divide", of("subtract", up, down), two)
        hyperbolic_cosine = of("divide", of("add", of("add", up, down), two), two)
        sine, cosine, none = of("sine", a), of("cosine", a), w.compare("EQ", a, zero)
        if name == "sine":
            real, imag = of("multiply", sine, hyperbolic_cosine), of("multiply", cosine, hyperbolic_sine)
            real = w.select(none, zero, real)
        else:
            real = of("multiply", cosine, hyperbolic_cosine)
            imag = w.select(none, zero, of("multiply", of("negate", sine), hyperbolic_sine))
        return w.elementwise("complex", out, real, imag)

    return rule


def comparison(direction: str, floats: str = "FLOAT") -> Rule:
    def rule(w, out, x, y):
        x, y = w.broadcast(x, out.shape), w.broadcast(y, out.shape)
        if x.dtype.kind == "c" and direction not in ("EQ", "NE"):
            return _compare_complex(w, direction, x, y)
        return w.compare(direction, x, y, floats)

    return rule


def _total_order(direction: str) -> Rule:
    return lambda w, out, x, y: w.compare(direction, w.broadcast(x, out.shape), w.broadcast(y, out.shape), "TOTALORDER")


def _compare_complex(w, direction: str, x, y):
    """The comparison of complex numbers: by their real parts, and if these are equal, by their imaginary parts."""
    part, out = real_part(x.aval), ShapedArray(x.shape, BOOL)
    real_x, real_y, imag_x, imag_y = (w.op(name, part, v) for name in ("real", "imag") for v in (x, y))
    tied = w.elementwise("and", out, w.compare("EQ", real_x, real_y), w.compare(direction, imag_x, imag_y))
    return w.elementwise("or", out, w.compare(f"{direction[0]}T", real_x, real_y), tied)


def extremum(name: str) -> Rule:
    def rule(w, out, x, y):
        if out.dtype.kind != "c":
            return w.elementwise(name, out, x, y)
        x, y = w.broadcast(x, out.shape), w.broadcast(y, out.shape)
        return w.select(_compare_complex(w, "GT" if name == "maximum" else "LT", x, y), x, y)

    return rule


def combined(w, name: str, x, y):
    """An operation of `REDUCERS` on two values of one type. StableHLO has no maximum of complex numbers."""
    return EXTREMA[name](w, x.aval, x, y) if name in EXTREMA else w.elementwise(name, x.aval, x, y)


EXTREMA = {name: extremum(name) for name in ("maximum", "minimum")}


def _select(w, out, which, *cases):
    if len(cases) == 1:
        return cases[0]
    if which.dtype == BOOL:
        return w.select(which, cases[1], cases[0])
    result = cases[-1]
    for i in reversed(range(len(cases) - 1)):
        result = w.select(w.compare("LE", which, w.full(which.aval, i)), cases[i], result)
    return result


def _convert(w, out, x, *, new_dtype, **params):
    return w.convert(x, new_dtype)


def _bitcast(w, out, x, *, new_dtype):
    if BOOL in (x.dtype, new_dtype) and x.dtype.itemsize == new_dtype.itemsize == 1:
        return w.convert(x, new_dtype)
    return w.op("bitcast_convert", out, x)


ELEMENTWISE: dict[str, Rule] = {
    "add": elementwise("add"),
    "add_any": elementwise("add"),
    "sub": elementwise("subtract"),
    "mul": elementwise("multiply"),
    "div": division("divide"),
    "rem": division("remainder"),
    "neg": elementwise("negate"),
    "max": EXTREMA["maximum"],
    "min": EXTREMA["minimum"],
    "abs": lambda w, out, x: w.elementwise("abs", out, x) if x.aval == out else w.op("abs", out, x),
    "sign": _sign,
    "floor": elementwise("floor"),
    "ceil": elementwise("ceil"),
    "round": _round,
    **{f"{name}_to": _total_order(name.upper()) for name in ("eq", "le", "lt")},
    "is_finite": retyped("is_finite"),
    "nextafter": chlo("next_after"),
    "square": lambda w, out, x: chlo("square")(w, out, x) if out.dtype.kind == "c" else _integer_pow(w, out, x, y=2),
    "sqrt": accurate("sqrt"),
    "rsqrt": accurate("rsqrt"),
    "cbrt": accurate("cbrt"),
    "pow": _pow,
    "integer_pow": _integer_pow,
    "exp": accurate("exponential"),
    "exp2": _exp2,
    "expm1": accurate("exponential_minus_one"),
    "log": accurate("log"),
    "log1p": accurate("log_plus_one"),
    "logistic": accurate("logistic"),
    "sin": _circular("sine"),
    "cos": _circular("cosine"),
    "tan": accurate("tan"),
    "tanh": accurate("tanh"),
    "atan2": elementwise("atan2"),
    **{name: chlo(name) for name in "asin acos atan sinh cosh asinh acosh atanh".split()},
    **{name: chlo(name) for name in "erf erfc erf_inv".split()},
    "real": retyped("real"),
    "imag": retyped("imag"),
    "complex": elementwise("complex"),
    "conj": _conj,
    **{name: comparison(name.upper()) for name in "eq ne lt le gt ge".split()},
    **{f"{name}_to": comparison(name.upper(), "TOTALORDER") for name in "eq lt le".split()},
    **{name: elementwise(name) for name in "not and or xor".split()},
    **{name: elementwise(name) for name in "shift_left shift_right_logical shift_right_arithmetic".split()},
    "population_count": elementwise("popcnt"),
    "select_n": _select,
    "clamp": lambda w, out, low, x, high: w.op("clamp", out, low, x, high),
    "convert_element_type": _convert,
    "bitcast_convert_type": _bitcast,
    "copy": same,
    "stop_gradient": same,
    "name": same,
}


# ---------------------------------------------------------------------------------------------------------------------
# Shapes


def _broadcast(w, out, x, *, broadcast_dimensions, **params):
    if x.constant is not None and not x.constant.ndim:
        return Value(out, None, x.constant)
    return w.op("broadcast_in_dim", out, x, attributes=f"dims = {ints(broadcast_dimensions)}")


def transpose(w, out, x, *, permutation):
    return w.op("transpose", out, x, attributes=f"dims = {ints(permutation)}")


def slice_of(w, out, x, *, start_indices, limit_indices, strides=None):
    strides = strides or (1,) * len(x.shape)
    parts = [
        f"{a}:{b}" + (f":{step}" if step != 1 else "") for a, b, step in zip(start_indices, limit_indices, strides)
    ]
    return w.assign(out, f"stablehlo.slice {w.name(x)} {ints(parts)} : ({x.type}) -> ")


def part_along(w, x, axis: int, start: int, size: int):
    """`size` elements along an axis."""
    starts, limits = [0] * len(x.shape), list(x.shape)
    starts[axis], limits[axis] = start, start + size
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    return slice_of(w, x.aval.update(shape=shape), x, start_indices=starts, limit_indices=limits)


def _pad(w, out, x, filler, *, padding_config):
    low, high, interior = zip(*padding_config) if padding_config else ((), (), ())
    return w.op(
        "pad", out, x, filler, attributes=f"low = {ints(low)}, high = {ints(high)}, interior = {ints(interior)}"
    )


def _rev(w, out, x, *, dimensions):
    return w.assign(out, f"stablehlo.reverse {w.name(x)}, dims = {ints(dimensions)} : ")


def _iota(w, out, *, dimension, **params):
    return w.assign(out, f"stablehlo.iota dim = {dimension} : ")


def concatenate(w, out, *xs, dimension):
    return w.op("concatenate", out, *xs, attributes=f"dim = {dimension}")


def _split(w, outs, x, *, sizes, axis):
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [part_along(w, x, axis, start, size) for start, size in zip(starts, sizes)]


def _stack(w, out, *xs, axis):
    row = out.update(shape=(*out.shape[:axis], 1, *out.shape[axis + 1 :]))
    return concatenate(w, out, *[w.reshape(x, row.shape) for x in xs], dimension=axis)


def _unstack(w, outs, x, *, axis):
    return [w.reshape(part_along(w, x, axis, i, 1), out.shape) for i, out in enumerate(outs)]


def _reshape(w, out, x, *, dimensions, **params):
    if dimensions is not None:
        x = transpose(w, x.aval.update(shape=tuple(x.shape[i] for i in dimensions)), x, permutation=dimensions)
    return w.reshape(x, out.shape)


def _tile(w, out, x, *, reps):
    apart = out.update(shape=tuple(n for pair in zip(reps, x.shape) for n in pair))
    repeated = w.op("broadcast_in_dim", apart, x, attributes=f"dims = {ints(range(1, 2 * len(x.shape), 2))}")
    return w.reshape(repeated, out.shape)


SHAPES: dict[str, Rule] = {
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "squeeze": lambda w, out, x, **params: w.reshape(x, out.shape),
    "transpose": transpose,
    "slice": slice_of,
    "pad": _pad,
    "rev": _rev,
    "iota": _iota,
    "concatenate": concatenate,
    "split": _split,
    "stack": _stack,
    "unstack": _unstack,
    "tile": _tile,
}


# ---------------------------------------------------------------------------------------------------------------------
# Reductions


def least(dtype):
    """The identity of max."""
    return False if dtype.kind == "b" else np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def greatest(dtype):
    """The identity of min."""
    return True if dtype.kind == "b" else np.iinfo(dtype).max if dtype.kind in "iu" else np.inf


# {reduction: (its operation on two elements, dtype -> its identity)}.
REDUCERS: dict[str, tuple[str, Callable]] = {
    "sum": ("add", lambda dtype: 0),
    "prod": ("multiply", lambda dtype: 1),
    "max": ("maximum", least),
    "min": ("minimum", greatest),
    "and": ("and", lambda dtype: True if dtype.kind == "b" else np.array(-1).astype(dtype)),
    "or": ("or", lambda dtype: 0),
    "xor": ("xor", lambda dtype: 0),
}


def _reduction(kind: str) -> Rule:
    name, identity = REDUCERS[kind]

    def rule(w, out, x, *, axes, **params):
        if not axes:
            return x
        start = w.full(ShapedArray((), x.dtype), identity(x.dtype))
        if name in EXTREMA and x.dtype.kind == "c":
            region = w.region([start.aval, start.aval], lambda x, y: [combined(w, name, x, y)])
            return w.generic("reduce", [out], [x, start], f"dimensions = {i64_array(axes)}", [region])[0]
        header = f"stablehlo.reduce({w.name(x)} init: {w.name(start)}) applies stablehlo.{name}"
        return w.assign(out, f"{header} across dimensions = {ints(axes)} : ({x.type}, {start.type}) -> ")

    return rule


def _arg_reduction(direction: str, start: Callable) -> Rule:
    """The rule of argmax or argmin: reduce pairs (value, index) to the first with the extreme value, or the first NaN."""

    def better(w, x, y, i, j):
        truth = ShapedArray((), BOOL)
        wins = w.elementwise("or", truth, w.compare(direction, x, y), w.compare("NE", x, x))
        tied = w.elementwise("and", truth, w.compare("EQ", x, y), w.compare("LT", i, j))
        return [w.select(wins, x, y), w.select(w.elementwise("or", truth, wins, tied), i, j)]

    def rule(w, out, x, *, axes, index_dtype):
        places = _iota(w, ShapedArray(x.shape, index_dtype), dimension=axes[0])
        starts = [w.full(ShapedArray((), x.dtype), start(x.dtype)), w.full(ShapedArray((), index_dtype), 0)]
        outs = [ShapedArray(out.shape, x.dtype), out]
        attributes = f"dimensions = {i64_array(axes)}"
        scalars = [v.aval for v in starts]

        def reducer(x, i, y, j):
            return better(w, x, y, i, j)

        regions = [w.region([*scalars, *scalars], reducer)]
        return w.generic("reduce", outs, [x, places, *starts], attributes, regions)[1]

    return rule


def _running(kind: str) -> Rule:
    name, identity = REDUCERS[kind]
    return running(lambda w, x, y: combined(w, name, x, y), identity)


def running(combine: Callable, identity: Callable) -> Rule:
    """The rule of a running reduction: each element is the reduction of a window that ends there; identities fill the part of
    the window before the array."""

    def rule(w, out, x, *, axis, reverse):
        if not x.aval.size:
            return x
        size, rank = x.shape[axis], out.ndim
        ones, padding = [1] * rank, [[0, 0] for _ in range(rank)]
        padding[axis] = [0, size - 1] if reverse else [size - 1, 0]
        window = [size if i == axis else 1 for i in range(rank)]
        attributes = (
            f"base_dilations = {i64_array(ones)}, padding = {i64_table(padding)}, window_dilations = {i64_array(ones)},"
            f" window_dimensions = {i64_array(window)}, window_strides = {i64_array(ones)}"
        )
        scalar = ShapedArray((), x.dtype)
        region = w.region([scalar, scalar], lambda x, y: [combine(w, x, y)])
        return w.generic("reduce_window", [out], [x, w.full(scalar, identity(x.dtype))], attributes, [region])[0]

    return rule


def _log_add_exp(w, x, y):
    """log(exp(x) + exp(y)). For two equal infinities, whose difference is NaN, it is that infinity."""
    high, low = w.elementwise("maximum", x.aval, x, y), w.elementwise("minimum", x.aval, x, y)
    ratio = w.elementwise("exponential", x.aval, w.elementwise("subtract", x.aval, low, high))
    result = w.elementwise("add", x.aval, high, w.elementwise("log_plus_one", x.aval, ratio))
    doubled = w.elementwise("add", x.aval, high, w.full(x.aval, math.log(2)))
    return w.select(w.compare("EQ", x, y), doubled, result)


def _running_logsumexp(w, out, x, *, axis, reverse):
    if x.aval.dtype.kind == "c":
        return w.trace(lambda x: [complex_running_logsumexp(x, axis, reverse)], [x])[0]
    return running(_log_add_exp, least)(w, out, x, axis=axis, reverse=reverse)


REDUCTIONS: dict[str, Rule] = {
    **{f"reduce_{kind}": _reduction(kind) for kind in REDUCERS},
    "argmax": _arg_reduction("GT", least),
    "argmin": _arg_reduction("LT", greatest),
    **{f"cum{kind}": _running(kind) for kind in ("sum", "prod", "max", "min")},
    "cumlogsumexp": _running_logsumexp,
}


# ---------------------------------------------------------------------------------------------------------------------
# Contractions


def precision_names(precision) -> list[str]:
    """The precisions of the two operands, `["DEFAULT", "HIGH"]`: some machines have faster products that are less exact."""
    return [p.name for p in precision] if type(precision) is tuple else ["DEFAULT", "DEFAULT"]


def _holds(*dtypes):
    """The dtype that holds numbers of all the dtypes. NumPy knows none for bfloat16 and another dtype: for float32 it does."""
    if len({*dtypes}) == 1:
        return dtypes[0]
    return np.result_type(*[np.dtype(np.float32) if d.char == "E" else d for d in dtypes])


def _dot(w, out, x, y, *, dimension_numbers, precision, preferred_element_type, **params):
    (x_contract, y_contract), (x_batch, y_batch) = dimension_numbers
    by_algorithm, result = isinstance(precision, Algorithm), out.dtype
    if by_algorithm:
        platform = w.module.platform
        x_dtype, y_dtype, dtype = precision.computing_dtypes(x.dtype, y.dtype, out.dtype, platform)
        x, y, out = w.convert(x, x_dtype), w.convert(y, y_dtype), out.update(dtype=dtype)
    if x.dtype != y.dtype or _holds(x.dtype, out.dtype) != out.dtype:
        # Compute in the dtype that holds all three, as NumPy does.
        common = _holds(x.dtype, y.dtype, out.dtype)
        x, y = w.convert(x, common), w.convert(y, common)
    accumulated = out.update(dtype=INT32) if out.dtype == BOOL else out.update(dtype=_holds(x.dtype, out.dtype))
    if x.dtype == BOOL:
        x, y = w.convert(x, accumulated.dtype), w.convert(y, accumulated.dtype)
    batching = f"batching_dims = {ints(x_batch)} x {ints(y_batch)}, " if x_batch else ""
    contracting = f"contracting_dims = {ints(x_contract)} x {ints(y_contract)}"
    attributes = f"{batching}{contracting}, precision = {ints(precision_names(precision))}"
    if by_algorithm and platform != "cpu":
        # A CPU computes in the dtypes of the operands, and refuses some products of vectors that name an algorithm.
        attributes += _algorithm(precision, x.dtype, y.dtype)
    return w.convert(w.op("dot_general", accumulated, x, y, attributes=attributes), result)


def _algorithm(algorithm, x, y) -> str:
    found = parts(algorithm, x, y)
    if not found:
        return ""
    *dtypes, of_x, of_y, products, imprecise = found
    of = [d if d == "tf32" else tensor(ShapedArray((), d)).removeprefix("tensor<").removesuffix(">") for d in dtypes]
    return (
        f", algorithm = <lhs_precision_type = {of[0]}, rhs_precision_type = {of[1]}, accumulation_type = {of[2]},"
        f" lhs_component_count = {of_x}, rhs_component_count = {of_y}, num_primitive_operations = {products},"
        f" allow_imprecise_accumulation = {boolean(imprecise)}>"
    )


def _ragged_dot(w, out, *operands, **params):
    return w.trace(lambda *xs: [dense(*xs, **params)], operands)[0]


CONTRACTIONS: dict[str, Rule] = {"dot_general": _dot, "ragged_dot_general": _ragged_dot}
