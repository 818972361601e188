"""Rules for convolutions and for reductions of windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...core.avals import ShapedArray
from ...core.jaxpr import ClosedJaxpr
from .rules import REDUCERS, Rule, combined, greatest, least, precision_names, real_part, slice_of
from .text import BOOL, INT32, i64_array, i64_table, ints


def _axes(spec: Sequence[int], letters: str) -> str:
    """`[b, f, 0, 1]`: the part that each axis plays."""
    parts: list = [""] * len(spec)
    for i, axis in enumerate(spec):
        parts[axis] = letters[i] if i < 2 else str(i - 2)
    return ints(parts)


def pairs(rows: Sequence[Sequence[int]]) -> str:
    return i64_table(rows) if rows else "dense<> : tensor<0x2xi64>"


def _convolution(
    w,
    out,
    x,
    kernel,
    *,
    window_strides,
    padding,
    lhs_dilation,
    rhs_dilation,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    precision,
    preferred_element_type,
    out_sharding,
):
    numbers = dimension_numbers
    axes = f"{_axes(numbers[0], 'bf')}x{_axes(numbers[1], 'oi')}->{_axes(numbers[2], 'bf')}"
    chosen = ints([f"#stablehlo<precision {name}>" for name in precision_names(precision)])
    reversal = ", ".join(["false"] * len(window_strides))
    attributes = (
        f"batch_group_count = {batch_group_count} : i64, dimension_numbers = #stablehlo.conv<{axes}>,"
        f" feature_group_count = {feature_group_count} : i64, lhs_dilation = {i64_array(lhs_dilation)},"
        f" padding = {pairs(padding)}, precision_config = {chosen}, rhs_dilation = {i64_array(rhs_dilation)},"
        f" window_reversal = array<i1{': ' if reversal else ''}{reversal}>, window_strides = {i64_array(window_strides)}"
    )

    def convolve(aval, x, kernel):
        return w.generic("convolution", [aval], [x, kernel], attributes)[0]

    if out.dtype.kind == "c":
        return _of_complex(w, out, x, kernel, convolve)
    dtype = INT32 if out.dtype == BOOL else out.dtype
    found = convolve(out.update(dtype=dtype), w.convert(x, dtype), w.convert(kernel, dtype))
    return w.convert(found, out.dtype)


def _of_complex(w, out, x, y, convolve):
    """A convolution of complex numbers by three real ones: XLA's CPU code has none for complex numbers (C. F. Gauss)."""
    x, y, part = w.convert(x, out.dtype), w.convert(y, out.dtype), real_part(out)
    (xr, xi), (yr, yi) = ([w.op(name, real_part(v.aval), v) for name in ("real", "imag")] for v in (x, y))
    first = convolve(part, w.elementwise("add", xr.aval, xr, xi), yr)
    second = convolve(part, xr, w.elementwise("subtract", yr.aval, yi, yr))
    third = convolve(part, xi, w.elementwise("add", yr.aval, yr, yi))
    real, imag = w.elementwise("subtract", part, first, third), w.elementwise("add", part, first, second)
    return w.elementwise("complex", out, real, imag)


def _window_attributes(window_dimensions, window_strides, padding, base_dilation=None, window_dilation=None) -> str:
    sizes = {
        "base_dilations": base_dilation,
        "window_dilations": window_dilation,
        "window_dimensions": window_dimensions,
        "window_strides": window_strides,
    }
    texts = [f"{name} = {i64_array(value)}" for name, value in sizes.items() if value is not None]
    return ", ".join([f"padding = {pairs(padding)}", *texts])


def _reduce_window(w, outs, operands, inits, combine, params):
    """The operation for a function of two lists of values, of which the second has the elements."""
    scalars = [x.aval for x in inits]
    n = len(inits)
    region = w.region([*scalars, *scalars], lambda *xs: combine(xs[:n], xs[n:]))
    return w.generic("reduce_window", outs, [*operands, *inits], _window_attributes(**params), [region])


def _monoid(kind: str) -> Rule:
    name, identity = REDUCERS[kind]

    def rule(w, out, x, **params):
        if not out.ndim:
            # There is one window, of one element.
            return x
        start = w.full(ShapedArray((), x.dtype), identity(x.dtype))
        combine = lambda xs, ys: [combined(w, name, xs[0], ys[0])]
        return _reduce_window(w, [out], [x], [start], combine, params)[0]

    return rule


def _direction(select_prim) -> tuple[str, Callable]:
    return ("GE", least) if select_prim.name == "ge" else ("LE", greatest)


def _gather(w, out, tangents, operand, *, select_prim, **params):
    direction, identity = _direction(select_prim)
    if not out.ndim:
        return tangents
    inits = [
        w.full(ShapedArray((), operand.dtype), identity(operand.dtype)),
        w.full(ShapedArray((), tangents.dtype), 0),
    ]

    def combine(xs, ys):
        which = w.compare(direction, xs[0], ys[0])
        return [w.select(which, x, y) for x, y in zip(xs, ys)]

    keys = out.update(dtype=operand.dtype)
    return _reduce_window(w, [keys, out], [operand, tangents], inits, combine, params)[1]


def _scatter(w, out, source, operand, *, select_prim, window_dimensions, window_strides, padding):
    direction, identity = _direction(select_prim)
    if not out.ndim:
        return source
    # XLA's CPU code pads with zeros, which could win: pad with the identity first.
    shape = tuple(n + low + high for n, (low, high) in zip(operand.shape, padding))
    scalar = ShapedArray((), operand.dtype)
    low, high = zip(*padding)
    zeros = ints([0] * len(padding))
    wide = w.op(
        "pad",
        operand.aval.update(shape=shape),
        operand,
        w.full(scalar, identity(operand.dtype)),
        attributes=f"low = {ints(low)}, high = {ints(high)}, interior = {zeros}",
    )
    attributes = _window_attributes(window_dimensions, window_strides, [(0, 0)] * len(padding))
    select = w.region([scalar, scalar], lambda x, y: [w.compare(direction, x, y)])
    total = w.region([scalar, scalar], lambda x, y: [w.elementwise("add", x.aval, x, y)])
    found = w.generic(
        "select_and_scatter",
        [out.update(shape=shape)],
        [wide, source, w.full(scalar, 0)],
        attributes,
        [select, total],
    )[0]
    limits = [a + n for a, n in zip(low, out.shape)]
    return slice_of(w, out, found, start_indices=low, limit_indices=limits)


def _reduce(w, outs, *args, computation, dimensions, jaxpr):
    scalars = [x.aval for x in args[len(outs) :]]
    region = w.region([*scalars, *scalars], lambda *xs: w.body(jaxpr, xs))
    return w.generic("reduce", outs, args, f"dimensions = {i64_array(dimensions)}", [region])


def _general_windows(w, outs, *args, jaxpr, consts, **params):
    n = len(outs)
    combine = lambda xs, ys: w.body(ClosedJaxpr(jaxpr, consts), [*xs, *ys])
    if not outs[0].ndim:
        return combine(args[n:], args[:n])
    return _reduce_window(w, outs, args[:n], args[n:], combine, params)


WINDOWS: dict[str, Rule] = {
    "conv_general_dilated": _convolution,
    **{f"reduce_window_{kind}": _monoid(kind) for kind in ("sum", "max", "min")},
    "select_and_gather_add": _gather,
    "select_and_scatter_add": _scatter,
    "reduce": _reduce,
    "reduce_window": _general_windows,
}
