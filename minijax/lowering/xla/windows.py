"""Rules for convolutions and for reductions of windows."""

from __future__ import annotations

from collections.abc import Sequence

from .rules import Rule, precision_names, real_part
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


WINDOWS: dict[str, Rule] = {"conv_general_dilated": _convolution}
