"""Rules for special functions and transforms."""

from __future__ import annotations

import numpy as np

from ...primitives.bessel import BORDER, FAR_0, NEAR_0
from .rules import Rule, chlo
from .text import Value, ints


def _clenshaw(w, coefficients, x: Value) -> Value:
    """As `primitives.bessel.clenshaw`. Terms that no float32 sum would notice are left out."""
    aval = x.aval
    if aval.dtype.itemsize == 4:
        coefficients = [c for c in coefficients if abs(c) > 1e-9]
    double = w.elementwise("add", aval, x, x)
    behind = value = w.full(aval, 0)
    for c in coefficients[:0:-1]:
        product = w.elementwise("subtract", aval, w.elementwise("multiply", aval, double, value), behind)
        value, behind = w.elementwise("add", aval, product, w.full(aval, c)), value
    product = w.elementwise("subtract", aval, w.elementwise("multiply", aval, x, value), behind)
    return w.elementwise("add", aval, product, w.full(aval, coefficients[0]))


def _bessel_i0e(w, out, x):
    if out.dtype.itemsize < 4:
        wide = out.update(dtype=np.dtype("float32"))
        return w.convert(_bessel_i0e(w, wide, w.convert(x, wide.dtype)), out.dtype)
    x, border = w.elementwise("abs", out, x), w.full(out, BORDER)
    near, far = w.elementwise("minimum", out, x, border), w.elementwise("maximum", out, x, border)
    near = w.elementwise("subtract", out, w.elementwise("divide", out, near, w.full(out, 4)), w.full(out, 1))
    inverse = w.elementwise("subtract", out, w.elementwise("divide", out, w.full(out, 16), far), w.full(out, 1))
    beyond = w.elementwise("divide", out, _clenshaw(w, FAR_0, inverse), w.elementwise("sqrt", out, far))
    return w.select(w.compare("LE", x, border), _clenshaw(w, NEAR_0, near), beyond)


def _fft(w, out, x, *, fft_type, fft_lengths):
    return w.op("fft", out, x, attributes=f"type = {fft_type.name}, length = {ints(fft_lengths)}")


SPECIAL: dict[str, Rule] = {"bessel_i0e": _bessel_i0e, "bessel_i1e": chlo("bessel_i1e"), "fft": _fft}
