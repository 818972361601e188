"""Rules for special functions and transforms."""

from __future__ import annotations

import numpy as np

from ...primitives import bessel, beta, exponentials, hypergeometric, incomplete, integrals, normal, truncated_normal  # noqa: F401  (they fill ALGORITHMS, which is read below)
from ...primitives.algorithms import ALGORITHMS, WITH_SCALARS, operations
from ...primitives.jets import Jet
from ...primitives.reductions import reduce_or
from .rules import Rule, chlo
from .text import Value, ints


def _fft(w, out, x, *, fft_type, fft_lengths):
    return w.op("fft", out, x, attributes=f"type = {fft_type.name}, length = {ints(fft_lengths)}")


# ---------------------------------------------------------------------------------------------------------------------
# Special functions by the algorithms of `primitives/algorithms.py`


def _in_one_shape(w, *values: Value) -> list[Value]:
    shape = np.broadcast_shapes(*[x.shape for x in values])
    return [w.broadcast(x, shape) for x in values]


class _Number:
    """A value with operators that write StableHLO: what those algorithms compute with in place of a NumPy array."""

    def __init__(self, w, value: Value):
        self.w, self.value = w, value

    def _with(self, other) -> list[Value]:
        value = other.value if isinstance(other, _Number) else self.w.full(self.value.aval, other)
        return _in_one_shape(self.w, self.value, value)

    def _op(self, name: str, *operands: Value) -> _Number:
        return _Number(self.w, self.w.elementwise(name, operands[0].aval, *operands))

    def __neg__(self):
        return self._op("negate", self.value)

    def __invert__(self):
        return self._op("not", self.value)


def _operator(name: str, swapped: bool = False):
    # A jet on the other side has the rule of the operation.
    return lambda x, y: NotImplemented if type(y) is Jet else x._op(name, *x._with(y)[:: -1 if swapped else 1])


def _comparison(direction: str):
    return lambda x, y: _Number(x.w, x.w.compare(direction, *x._with(y)))


for _symbol, _name in (("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("truediv", "divide")):
    setattr(_Number, f"__{_symbol}__", _operator(_name))
    setattr(_Number, f"__r{_symbol}__", _operator(_name, swapped=True))
for _symbol in ("and", "or"):
    setattr(_Number, f"__{_symbol}__", _operator(_symbol))
for _symbol in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(_Number, f"__{_symbol}__", _comparison(_symbol.upper()))


class _Operations:
    """The operations that the algorithms call by name."""

    def __init__(self, w, dtype):
        self.w, self.eps = w, operations(dtype).eps

    def full(self, x: _Number, number: float) -> _Number:
        return _Number(self.w, self.w.full(x.value.aval, number))

    def where(self, which: _Number, x: _Number, y: _Number) -> _Number:
        return _Number(self.w, self.w.select(*_in_one_shape(self.w, which.value, x.value, y.value)))

    def branch(self, which: _Number, then, otherwise, *numbers: _Number) -> _Number:
        """As `_branch` there. XLA computes both."""
        return self.where(which, then(*numbers), otherwise(*numbers))

    def log1p(self, x: _Number) -> _Number:
        """XLA's own function has an error of 50 units in the last place in float64, but for small numbers."""
        small = (x < 0.3) & (x > -0.3)
        near = self.where(small, x, self.full(x, 0.0))
        own = _Number(self.w, self.w.elementwise("log_plus_one", x.value.aval, near.value))
        return self.where(small, own, self.log(1.0 + x))

    def loop(self, going, step, given, state) -> list[_Number]:
        """As `_loop` there: elements that are done keep their values."""

        def numbers(values):
            return [_Number(self.w, x) for x in values]

        def unfinished(*values):
            active = going(*given, *numbers(values)).value
            active = self.w.reshape(active, (active.aval.size,))
            return self.w.trace(lambda x: [reduce_or(x, (0,))], [active])

        def stepped(*values):
            old = numbers(values)
            active = going(*given, *old)
            return [self.where(active, new, before).value for new, before in zip(step(*given, *old), old)]

        return numbers(self.w.while_loop([x.value for x in state], unfinished, stepped))


def _function(name: str, write):
    return lambda self, x: _Number(self.w, write(self.w, x.value.aval, x.value))


for _name, _write in {
    **{name: lambda w, out, x, op=op: w.elementwise(op, out, x)
       for name, op in {"exp": "exponential", "expm1": "exponential_minus_one", "log": "log",
                         "sqrt": "sqrt", "sin": "sine", "cos": "cosine", "floor": "floor"}.items()},
    **{name: chlo(name) for name in ("erfc", "lgamma", "digamma")},
}.items():  # fmt: skip
    setattr(_Operations, _name, _function(_name, _write))


def _algorithm(name: str) -> Rule:
    def rule(w, out, *operands):
        wide = np.dtype("float64")
        if name not in WITH_SCALARS:
            operands = [w.broadcast(x, out.shape) for x in operands]
        numbers = [_Number(w, w.convert(x, wide)) for x in operands]
        return w.convert(w.broadcast(ALGORITHMS[name](_Operations(w, out.dtype), *numbers).value, out.shape), out.dtype)

    return rule


def _wide(name: str) -> Rule:
    """XLA's function of float64: that of float32 has an error of hundreds of units in the last place near the function's zeros."""
    rule = chlo(name)

    def in_float64(w, out, *operands):
        wide = np.dtype("float64")
        return w.convert(rule(w, out.update(dtype=wide), *[w.convert(x, wide) for x in operands]), out.dtype)

    return in_float64


def _mulhi(w, out, x, y):
    """The upper half of a product, by integers of twice the size; the largest ones by their halves."""
    x, y = w.broadcast(x, out.shape), w.broadcast(y, out.shape)
    bits, signed = 8 * out.dtype.itemsize, out.dtype.kind == "i"
    if bits < 64:
        wide = np.dtype(f"{out.dtype.kind}{2 * out.dtype.itemsize}")
        aval = out.update(dtype=wide)
        product = w.elementwise("multiply", aval, w.convert(x, wide), w.convert(y, wide))
        shift = "shift_right_arithmetic" if signed else "shift_right_logical"
        return w.convert(w.elementwise(shift, aval, product, w.full(aval, bits)), out.dtype)
    aval = out.update(dtype=np.dtype("uint64"))
    of = lambda name, a, b: w.elementwise(name, aval, a, b)
    low, half = w.full(aval, 0xFFFFFFFF), w.full(aval, 32)
    upper = lambda a: of("shift_right_logical", a, half)
    a, b = w.convert(x, aval.dtype), w.convert(y, aval.dtype)
    a_low, b_low = of("and", a, low), of("and", b, low)
    cross, other = of("multiply", a_low, upper(b)), of("multiply", upper(a), b_low)
    carry = of("add", of("add", of("and", cross, low), of("and", other, low)), upper(of("multiply", a_low, b_low)))
    high = of("add", of("multiply", upper(a), upper(b)), of("add", upper(cross), of("add", upper(other), upper(carry))))
    high = w.convert(high, out.dtype)
    if not signed:
        return high
    zero = w.full(out, 0)
    for sign, factor in ((x, y), (y, x)):
        high = w.elementwise("subtract", out, high, w.select(w.compare("LT", sign, zero), factor, zero))
    return high


def _reduce_precision(w, out, x, *, exponent_bits, mantissa_bits):
    header = f"stablehlo.reduce_precision {w.name(x)}, format = e{exponent_bits}m{mantissa_bits} : "
    return w.assign(out, header)


def _barrier(w, outs, *xs):
    return w.generic("optimization_barrier", outs, xs) if xs else []


SPECIAL: dict[str, Rule] = {
    "clz": lambda w, out, x: w.elementwise("count_leading_zeros", out, x),
    "mulhi": _mulhi,
    "reduce_precision": _reduce_precision,
    "optimization_barrier": _barrier,
    **{name: _algorithm(name) for name in ALGORITHMS},
    # XLA has these itself.
    **{name: _wide(name) for name in ("lgamma", "digamma", "polygamma", "zeta")},
    "fft": _fft,
}
