"""The table of functions that `python -m tests.accuracy` measures: how each is called, its true value, and its intervals.

A row is written once for both libraries: `call(lib, *arrays)` with `minijax` or `jax`. `truth` takes mpmath's numbers and raises
where there is no value. An interval gives one range for each argument: (low, high), from which numbers are drawn (evenly spread
in their logarithm if high is 100 times low, or more), a list of numbers, or `whole(low, high)`, integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from mpmath import mp, mpf

from . import accuracy_truth as t


@dataclass(frozen=True)
class Function:
    """One row. `by`: the arguments to differentiate by. `special`: the values that are tried in all arguments, beside JAX."""

    name: str
    call: Callable
    truth: Callable
    intervals: dict[str, tuple]
    by: tuple[int, ...]
    special: tuple = ()
    # Derivatives that have a formula: {argument: the derivative}.
    slopes: dict[int, Callable] = field(default_factory=dict)
    count: int = 24
    # Whether `truth` has no limits for infinite arguments.
    finite: bool = False
    # {dtype: the arguments}, of functions of random numbers.
    draws: Callable | None = None

    def __str__(self) -> str:
        return self.name


class whole(tuple):
    """The integers of a range."""

    __slots__ = ()


def scaled(name: str):
    """A bound that is another number in each dtype."""
    return lambda dtype: float(getattr(np.finfo(dtype), name))


LEAST, TINY, MOST, EPS = scaled("smallest_subnormal"), scaled("tiny"), scaled("max"), scaled("eps")
OVERFLOW = lambda dtype: float(np.log(float(np.finfo(dtype).max)))

# ---------------------------------------------------------------------------------------------------------------------
# Domains of one argument: {name of the interval: range}

POSITIVE = {
    "subnormal": (LEAST, TINY),
    "tiny": (TINY, 1e-8),
    "small": (1e-8, 0.1),
    "middle": (0.1, 10.0),
    "large": (10.0, 80.0),
    "huge": (1e3, MOST),
}
REAL = {name: ("both", *bounds) for name, bounds in POSITIVE.items()}
UNIT = {
    "subnormal": (LEAST, TINY),
    "tiny": (TINY, 1e-4),
    "lower": (1e-4, 0.4),
    "middle": (0.4, 0.6),
    "upper": (0.6, 0.999),
    "at 1": ("below 1", EPS, 1e-3),
}
CENTRED = {name: ("both", *bounds) for name, bounds in UNIT.items() if name != "at 1"}
CENTRED["at 1 and -1"] = ("both", "below 1", EPS, 1e-3)
FROM_1 = {"at 1": ("above 1", EPS, 1e-3), "middle": (1.001, 10.0), "large": (10.0, 1e6), "huge": (1e6, MOST)}
NORMAL_TAILS = {"left": (-12.0, -2.0), "middle": (-2.0, 2.0), "right": (2.0, 12.0)}

AT = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, LEAST, MOST)
FEW = (0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan)


def _single(domain: dict, **more) -> dict:
    return {name: (bounds,) for name, bounds in {**domain, **more}.items()}


def _path(name: str) -> Callable:
    """The function of that name: np for `jax.numpy`, sp for `jax.scipy.special`, st for `jax.scipy.stats`."""
    first, *others = name.split(".")
    steps = {"jnp": ["numpy"], "sp": ["scipy", "special"], "st": ["scipy", "stats"]}.get(first, [first]) + others

    def call(lib, *args, **options):
        found = lib
        for step in steps:
            found = getattr(found, step)
        return found(*args, **options)

    return call


def unary(
    name, truth, domain=REAL, *, call=None, by=(0,), special=AT, count=40, slopes=None, without=(), finite=False, **more
):
    domain = {k: v for k, v in domain.items() if k not in without}
    return Function(name, call or _path(name), truth, _single(domain, **more), by, special, slopes or {}, count, finite)


def several(name, truth, intervals, *, call=None, by=None, special=FEW, count=24, slopes=None, finite=False):
    number = len(next(iter(intervals.values())))
    by = tuple(range(number)) if by is None else by
    return Function(name, call or _path(name), truth, intervals, by, special, slopes or {}, count, finite)


# ---------------------------------------------------------------------------------------------------------------------
# jax.numpy and lax

BIG_ANGLES = {"large angles": ("both", 80.0, 1e5)}
PLANE = {
    "small": (("both", 1e-8, 0.1), ("both", 1e-8, 0.1)),
    "middle": ((-5.0, 5.0), (-5.0, 5.0)),
    "far apart": (("both", 1e-6, 1e6), ("both", 1e-6, 1e6)),
    "subnormal": (("both", LEAST, TINY), ("both", LEAST, TINY)),
    "huge": (("both", 1e10, MOST), ("both", 1e10, MOST)),
}


def _cbrt(x):
    return t.sign(x) * mp.cbrt(abs(x))


def _power(x, y):
    if x < 0 and y != mp.floor(y):
        raise ValueError
    return mp.power(x, y)


def _inside(low, high, function):
    """The function on its domain alone: mpmath would give complex numbers outside."""

    def real(x):
        if not low <= x <= high:
            raise ValueError
        return function(x)

    return real


def _arctan2(y, x):
    return mp.atan2(y, x)


def _sinc(x):
    return mp.sinpi(x) / (mp.pi * x) if x else mpf(1)


EXPONENTS = {"small results": (lambda d: -OVERFLOW(d), -10.0), "large results": (10.0, OVERFLOW)}
NOT_LARGE = ("large", "huge")

ELEMENTWISE = [
    unary("jnp.exp", mp.exp, without=NOT_LARGE, **EXPONENTS),
    unary("jnp.exp2", lambda x: mp.power(2, x), without=NOT_LARGE, **EXPONENTS),
    unary("jnp.expm1", mp.expm1, without=NOT_LARGE, **EXPONENTS),
    unary("jnp.log", mp.log, POSITIVE, around_1=(0.9, 1.1)),
    unary("jnp.log2", lambda x: mp.log(x) / mp.log(2), POSITIVE, around_1=(0.9, 1.1)),
    unary("jnp.log10", lambda x: mp.log(x) / mp.log(10), POSITIVE, around_1=(0.9, 1.1)),
    unary("jnp.log1p", _inside(-1, mp.inf, mp.log1p), {**POSITIVE, "below 0": (-0.99, -1e-8)}),
    unary("jnp.sin", mp.sin, slopes={0: mp.cos}, **BIG_ANGLES),
    unary("jnp.cos", mp.cos, slopes={0: lambda x: -mp.sin(x)}, **BIG_ANGLES),
    unary("jnp.tan", mp.tan, slopes={0: lambda x: 1 / mp.cos(x) ** 2}, **BIG_ANGLES),
    unary("jnp.arcsin", _inside(-1, 1, mp.asin), CENTRED),
    unary("jnp.arccos", _inside(-1, 1, mp.acos), CENTRED),
    unary("jnp.arctan", mp.atan),
    unary("jnp.sinh", mp.sinh, without=NOT_LARGE, **EXPONENTS),
    unary("jnp.cosh", mp.cosh, without=NOT_LARGE, **EXPONENTS),
    unary("jnp.tanh", mp.tanh),
    unary("jnp.arcsinh", mp.asinh),
    unary("jnp.arccosh", _inside(1, mp.inf, mp.acosh), FROM_1),
    unary("jnp.arctanh", _inside(-1, 1, mp.atanh), CENTRED),
    unary("jnp.sqrt", mp.sqrt, POSITIVE),
    unary("lax.rsqrt", lambda x: 1 / mp.sqrt(x), POSITIVE),
    unary("jnp.cbrt", _cbrt),
    unary("jnp.square", lambda x: x * x),
    unary("jnp.reciprocal", lambda x: 1 / x),
    unary("lax.integer_pow", lambda x: x**7, without=NOT_LARGE, call=lambda lib, x: lib.lax.integer_pow(x, 7)),
    unary("jnp.sinc", _sinc, slopes={0: lambda x: (mp.cospi(x) - _sinc(x)) / x}, **BIG_ANGLES),
    unary("jnp.i0", lambda x: t.bessel_i(0, x), special=FEW, without=("huge",)),
    unary("jnp.deg2rad", lambda x: x * mp.pi / 180),
    unary("jnp.rad2deg", lambda x: x * 180 / mp.pi),
    unary("lax.logistic", t.expit),
    unary("lax.lgamma", t.gammaln, POSITIVE, around_1_and_2=(0.9, 2.2), negative=(-9.9, -0.1), far_left=(-200.3, -9.9)),
    unary("lax.digamma", mp.digamma, POSITIVE, at_the_zero=(1.45, 1.475), negative=(-9.9, -0.1), finite=True),
    unary("lax.bessel_i0e", lambda x: t.scaled_bessel_i(0, x)),
    unary("lax.bessel_i1e", lambda x: t.scaled_bessel_i(1, x)),
    unary("lax.erf", mp.erf),
    unary("lax.erfc", t.erfc),
    unary("lax.erf_inv", t.erfinv, CENTRED, finite=True),
    several(
        "jnp.power",
        _power,
        {
            "middle": ((0.1, 10.0), (-5.0, 5.0)),
            "near 1": ((0.999, 1.001), ("both", 1.0, 1e4)),
            "large exponents": ((0.1, 10.0), (-37.0, 37.0)),
            "tiny bases": ((TINY, 1e-10), (-1.0, 1.0)),
            "whole exponents": (("both", 0.1, 10.0), whole((-9, 9))),
        },
    ),
    several("jnp.divide", lambda x, y: x / y, PLANE),
    several("jnp.remainder", lambda x, y: x - y * mp.floor(x / y), {"middle": PLANE["middle"]}, by=(0,)),
    several("jnp.hypot", lambda x, y: mp.hypot(x, y), PLANE),
    several("jnp.arctan2", _arctan2, PLANE),
    several(
        "jnp.logaddexp",
        t.logaddexp,
        {k: v for k, v in PLANE.items() if k != "far apart"}
        | {"near 0": ((-0.8, -0.6), (-0.8, -0.6)), "large": ((-80.0, 80.0), (-80.0, 80.0))},
    ),
    several(
        "jnp.logaddexp2",
        lambda x, y: t.logaddexp(x * mp.log(2), y * mp.log(2)) / mp.log(2),
        {"middle": PLANE["middle"], "near 0": ((-1.1, -0.9), (-1.1, -0.9)), "large": ((-80.0, 80.0), (-80.0, 80.0))},
    ),
]

# ---------------------------------------------------------------------------------------------------------------------
# nn


def _gelu(x):
    return x * t.ndtr(x)


def _gelu_tanh(x):
    return x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)))


def _soft(x, *others):
    """x less the logarithm of the sum of the exponentials."""
    top = max(x, *others)
    return x - top - mp.log(mp.fsum(mp.exp(y - top) for y in (x, *others)))


def _logsumexp(*xs):
    return max(xs) + mp.log(mp.fsum(mp.exp(x - max(xs)) for x in xs))


def _stacked(path: str, part=None, **options) -> Callable:
    """The function of the arguments as one array, along a new first axis; its part of that index, if it has an axis."""
    call = _path(path)

    def stacked(lib, *xs):
        out = call(lib, lib.numpy.stack(lib.numpy.broadcast_arrays(*xs)), axis=0, **options)
        return out if part is None else out[part]

    return stacked


TRIPLES = {
    "small": (("both", 1e-8, 0.1),) * 3,
    "middle": ((-5.0, 5.0),) * 3,
    "large": ((-80.0, 80.0),) * 3,
    "near 0": ((-1.15, -1.05),) * 3,
}
SELU_A, SELU_S = mpf("1.6732632423543772848170429916717"), mpf("1.0507009873554804934193349852946")
NN = [
    unary("nn.gelu", _gelu_tanh),
    unary("nn.gelu exact", _gelu, call=lambda lib, x: lib.nn.gelu(x, approximate=False)),
    unary("nn.softplus", t.log1pexp),
    unary("nn.log_sigmoid", lambda x: -t.log1pexp(-x)),
    unary("nn.sigmoid", t.expit),
    unary("nn.silu", lambda x: x * t.expit(x)),
    unary("nn.mish", lambda x: x * mp.tanh(t.log1pexp(x))),
    unary("nn.elu", lambda x: x if x > 0 else mp.expm1(x)),
    unary("nn.celu", lambda x: x if x > 0 else mp.expm1(x)),
    unary("nn.selu", lambda x: SELU_S * (x if x > 0 else SELU_A * mp.expm1(x))),
    unary("nn.soft_sign", lambda x: x / (1 + abs(x))),
    unary("nn.squareplus", lambda x: (x + mp.sqrt(x * x + 4)) / 2),
    unary("nn.sparse_plus", lambda x: mpf(0) if x <= -1 else x if x >= 1 else (x + 1) ** 2 / 4),
    unary("nn.hard_sigmoid", lambda x: min(max((x + 3) / 6, mpf(0)), mpf(1))),
    unary("nn.hard_silu", lambda x: x * min(max((x + 3) / 6, mpf(0)), mpf(1))),
    unary("nn.log1mexp", _inside(0, mp.inf, lambda x: mp.log(-mp.expm1(-x))), POSITIVE),
    several(
        "nn.glu", lambda x, y: x * t.expit(y), {k: PLANE[k] for k in ("small", "middle")}, call=_stacked("nn.glu", 0)
    ),
    several("nn.softmax", lambda *x: mp.exp(_soft(*x)), TRIPLES, count=64, call=_stacked("nn.softmax", 0)),
    several("nn.log_softmax", _soft, TRIPLES, count=64, call=_stacked("nn.log_softmax", 0)),
    several("nn.logsumexp", _logsumexp, TRIPLES, count=64, call=_stacked("nn.logsumexp")),
    several("nn.logmeanexp", lambda *x: _logsumexp(*x) - mp.log(3), TRIPLES, count=64, call=_stacked("nn.logmeanexp")),
]
