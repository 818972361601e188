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
OVERFLOW = lambda dtype: float(np.log(float(np.finfo(dtype).max)))  # noqa: E731

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


def unary(name, truth, domain=REAL, *, call=None, by=(0,), special=AT, count=40, slopes=None, without=(), finite=False, **more):
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
    unary("jnp.sin", mp.sin, **BIG_ANGLES),
    unary("jnp.cos", mp.cos, **BIG_ANGLES),
    unary("jnp.tan", mp.tan, **BIG_ANGLES),
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
    unary("jnp.sinc", lambda x: mp.sin(mp.pi * x) / (mp.pi * x) if x else mpf(1), **BIG_ANGLES),
    unary("jnp.i0", lambda x: t.bessel_i(0, x), without=("huge",)),
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
    several("jnp.logaddexp", t.logaddexp, {k: v for k, v in PLANE.items() if k != "far apart"} | {"near 0": ((-0.8, -0.6), (-0.8, -0.6)), "large": ((-80.0, 80.0), (-80.0, 80.0))}),
    several(
        "jnp.logaddexp2",
        lambda x, y: t.logaddexp(x * mp.log(2), y * mp.log(2)) / mp.log(2),
        {"middle": PLANE["middle"], "near 0": ((-1.1, -0.9), (-1.1, -0.9)), "large": ((-80.0, 80.0), (-80.0, 80.0))},
    ),
]  # fmt: skip

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
    several("nn.glu", lambda x, y: x * t.expit(y), {k: PLANE[k] for k in ("small", "middle")}, call=_stacked("nn.glu", 0)),
    several("nn.softmax", lambda *x: mp.exp(_soft(*x)), TRIPLES, count=64, call=_stacked("nn.softmax", 0)),
    several("nn.log_softmax", _soft, TRIPLES, count=64, call=_stacked("nn.log_softmax", 0)),
    several("nn.logsumexp", _logsumexp, TRIPLES, count=64, call=_stacked("nn.logsumexp")),
    several("nn.logmeanexp", lambda *x: _logsumexp(*x) - mp.log(3), TRIPLES, count=64, call=_stacked("nn.logmeanexp")),
]  # fmt: skip

# ---------------------------------------------------------------------------------------------------------------------
# scipy.special

GAMMAS = {
    "small a": ((1e-6, 0.5), (1e-6, 5.0)),
    "middle": ((0.5, 10.0), (0.1, 20.0)),
    "large": ((10.0, 300.0), (10.0, 300.0)),
    "left tail": ((2.0, 30.0), (1e-4, 1.0)),
    "right tail": ((0.5, 30.0), (30.0, 90.0)),
    "large a": ((1e4, 1.0002e4), (9.9e3, 1.02e4)),
}
BETAS = {
    "small": ((1e-3, 0.5), (1e-3, 0.5), (0.01, 0.99)),
    "middle": ((0.5, 10.0), (0.5, 10.0), (0.01, 0.99)),
    "large": ((10.0, 200.0), (10.0, 200.0), (0.1, 0.9)),
    "left tail": ((0.5, 6.0), (0.5, 30.0), (1e-6, 1e-3)),
    "right tail": ((0.5, 30.0), (0.5, 6.0), ("below 1", 1e-6, 1e-3)),
}
PAIRS = {
    "small": ((1e-6, 0.1), (1e-6, 0.1)),
    "middle": ((0.1, 10.0), (0.1, 10.0)),
    "large": ((10.0, 300.0), (10.0, 300.0)),
    "far apart": ((1e-3, 1.0), (1e2, 1e4)),
    "near 1": ((0.95, 1.05), (0.95, 1.05)),
}
COMPLEX_PLANE = {
    "around 0": ((-1.0, 1.0), (-1.0, 1.0)),
    "right": ((1.0, 8.0), (-8.0, 8.0)),
    "left": ((-6.0, -1.0), (-5.0, 5.0)),
}


def _complex(name: str, truth: Callable, intervals=COMPLEX_PLANE):
    """A function of complex numbers; the error is that of the complex number, in units of its absolute value."""
    return several(
        f"{name} of complex numbers",
        lambda x, y: truth(mp.mpc(x, y)),
        intervals,
        call=lambda lib, x, y: _path(name)(lib, lib.lax.complex(x, y)),
        by=(),
        special=(),
    )


def _wofz(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def _complex_gammaln(z):
    return mp.loggamma(z)


def _component(name: str, i: int) -> Callable:
    return lambda lib, x: _path(name)(lib, x)[i]


def _box_cox(logarithm, power):
    return mp.expm1(power * logarithm) / power if power else logarithm


def _rel_entr(p, q):
    return p * (mp.log(p) - mp.log(q))


def _harmonic(lib, theta, phi):
    n, m = np.array([5]), np.array([2])
    return lib.scipy.special.sph_harm_y(n, m, theta, phi, n_max=5).real


def _true_harmonic(theta, phi):
    return mp.spherharm(5, 2, theta, phi).real


ANGLES = {"middle": ((0.3, 2.8), (0.1, 0.7)), "at the pole": ((1e-6, 1e-2), (0.1, 0.7))}


def _one_by_one(name: str) -> Callable:
    """The function of each number alone: JAX's loop of an array may never end, where a number is done before another."""
    return lambda lib, *xs: lib.lax.map(lambda x: _path(name)(lib, *x), xs)


def _bernoulli(lib, n):
    return lib.numpy.asarray(lib.scipy.special.bernoulli(40))[n.astype(int)]


SPECIAL = [
    several("sp.bernoulli", lambda n: mp.bernoulli(int(n)), {"to 40": (whole((0, 40)),)}, call=_bernoulli, by=(), special=()),
    unary("sp.bessel_jn", lambda x: mp.besselj(3, x), {"small": ("both", 1e-8, 0.1), "middle": ("both", 0.1, 10.0), "large": ("both", 10.0, 35.0)}, count=64, call=lambda lib, x: lib.scipy.special.bessel_jn(x, v=3)[3], special=(0.0, np.nan), finite=True),
    several("sp.beta", t.beta, PAIRS | {"negative": ((-4.9, -0.1), (0.1, 3.0))}, finite=True),
    several("sp.betainc", t.betainc, BETAS, by=(2,), count=20, special=(0.0, 1.0, 0.5, -1.0, np.inf, np.nan), finite=True),
    several("sp.betaln", t.betaln, PAIRS),
    several("sp.boxcox", lambda x, p: _box_cox(mp.log(x), p), {"middle": ((0.1, 10.0), (-3.0, 3.0)), "near 1": ((0.99, 1.01), (-3.0, 3.0)), "small powers": ((0.1, 10.0), ("both", 1e-8, 1e-2))}),
    several("sp.boxcox1p", lambda x, p: _box_cox(mp.log1p(x), p), {"middle": ((-0.9, 10.0), (-3.0, 3.0)), "small": (("both", 1e-8, 1e-2), (-3.0, 3.0)), "small powers": ((0.1, 10.0), ("both", 1e-8, 1e-2))}),
    several("sp.comb", lambda n, k: mp.exp(t.gammaln(n + 1) - t.gammaln(k + 1) - t.gammaln(n - k + 1)), {"small": (whole((6, 20)), whole((0, 6))), "large": (whole((40, 100)), whole((2, 30))), "real": ((5.0, 20.0), (0.1, 5.0))}, finite=True),
    unary("sp.dawsn", t.dawsn),
    unary("sp.digamma", mp.digamma, POSITIVE, at_the_zero=(1.45, 1.475), negative=(-9.9, -0.1), finite=True),
    unary("sp.entr", _inside(0, mp.inf, lambda x: -x * mp.log(x)), POSITIVE, around_1=(0.9, 1.1)),
    unary("sp.erf", mp.erf),
    unary("sp.erfc", t.erfc),
    unary("sp.erfcx", t.erfcx, {k: v for k, v in REAL.items() if k not in NOT_LARGE} | {"large": (10.0, 80.0), "huge": (1e3, MOST), "left": (-9.0, -1.0)}),
    unary("sp.erfinv", t.erfinv, CENTRED, finite=True),
    unary("sp.exp1", t.exp1, POSITIVE, call=_one_by_one("sp.exp1"), special=FEW, without=("huge",), finite=True, below_0=(-80.0, -0.1)),
    unary("sp.expi", lambda x: mp.ei(x), call=_one_by_one("sp.expi"), finite=True, special=(0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, LEAST), without=("huge",), at_the_zero=(0.36, 0.385)),
    unary("sp.expit", t.expit),
    several("sp.expn", t.expn, {"small": (whole((2, 6)), (1e-6, 0.1)), "middle": (whole((2, 12)), (0.1, 10.0)), "large": (whole((2, 40)), (10.0, 80.0)), "large order": (whole((100, 5000)), (0.1, 10.0))}, by=(1,), special=(), finite=True),
    unary("sp.factorial", lambda n: t.gamma(n + 1), {"middle": (0.0, 12.0), "whole": whole((0, 30)), "large": (12.0, 34.0)}),
    unary("sp.fresnel", lambda x: t.fresnel(mp.fresnels, x), call=_component("sp.fresnel", 0), slopes={0: lambda x: mp.sinpi(x * x / 2)}, without=("large",), beyond=("both", 10.0, 300.0)),
    unary("sp.fresnel C", lambda x: t.fresnel(mp.fresnelc, x), call=_component("sp.fresnel", 1), slopes={0: lambda x: mp.cospi(x * x / 2)}, without=("large",), beyond=("both", 10.0, 300.0)),
    unary("sp.gamma", t.gamma, {"tiny": (1e-37, 1e-8), "small": (1e-8, 0.1), "middle": (0.1, 10.0), "large": (10.0, 34.0), "negative": (-9.9, -0.1), "far left": (-33.9, -10.1), "at -3": (-3.001, -2.999)}),
    _complex("sp.gamma", mp.gamma, {"around 0": ((-1.0, 1.0), (-1.0, 1.0)), "right": ((1.0, 8.0), (-8.0, 8.0)), "left": ((-6.0, -1.0), (0.1, 5.0))}),
    several("sp.gammainc", t.gammainc, GAMMAS, count=10, special=(0.0, 1.0, 2.5, -1.0, np.inf, np.nan), finite=True),
    several("sp.gammaincc", t.gammaincc, GAMMAS, count=10, special=(0.0, 1.0, 2.5, -1.0, np.inf, np.nan), finite=True),
    several("lax.igamma_grad_a", t.igamma_grad_a, GAMMAS, count=10, by=(), special=(0.0, 1.0, 2.5, -1.0, np.inf, np.nan), finite=True),
    several("lax.random_gamma_grad", t.random_gamma_grad, {k: v for k, v in GAMMAS.items() if "tail" not in k}, count=10, by=(), special=(0.0, 1.0, 2.5, -1.0, np.inf, np.nan), finite=True),
    unary("sp.gammaln", t.gammaln, POSITIVE, around_1_and_2=(0.9, 2.2), negative=(-9.9, -0.1)),
    unary("sp.gammasgn", t.sign_of_gamma, {"middle": (-20.0, 20.0)}, by=()),
    several("sp.hyp1f1", mp.hyp1f1, {"small": ((0.1, 5.0), (0.5, 5.0), ("both", 1e-6, 0.1)), "middle": ((0.1, 5.0), (0.5, 5.0), (-5.0, 5.0)), "left": ((0.1, 3.0), (3.0, 8.0), (-60.0, -5.0)), "right": ((0.1, 5.0), (0.5, 5.0), (5.0, 60.0))}, count=12, special=(0.0, 1.0, -1.0, np.nan), finite=True),
    several("sp.hyp2f1", mp.hyp2f1, {"small": ((0.1, 5.0), (0.1, 5.0), (0.5, 5.0), ("both", 1e-6, 0.1)), "middle": ((0.1, 5.0), (0.1, 5.0), (0.5, 5.0), (-0.9, 0.8)), "left": ((0.1, 3.0), (0.1, 3.0), (0.5, 5.0), (-20.0, -1.0)), "at 1": ((0.1, 2.0), (0.1, 2.0), (0.5, 6.0), (0.8, 0.99))}, count=12, special=(0.0, 1.0, np.nan), finite=True),
    unary("sp.i0", lambda x: t.bessel_i(0, x), without=("huge",)),
    unary("sp.i0e", lambda x: t.scaled_bessel_i(0, x)),
    unary("sp.i1", lambda x: t.bessel_i(1, x), without=("huge",)),
    unary("sp.i1e", lambda x: t.scaled_bessel_i(1, x)),
    several("sp.kl_div", lambda p, q: _rel_entr(p, q) - p + q, PAIRS),
    unary("sp.log_ndtr", t.log_ndtr),
    several("sp.log_softmax", _soft, TRIPLES, count=64, call=_stacked("sp.log_softmax", 0)),
    unary("sp.loggamma", _inside(0, mp.inf, t.gammaln), POSITIVE, around_1_and_2=(0.9, 2.2)),
    _complex("sp.loggamma", _complex_gammaln),
    unary("sp.logit", _inside(0, 1, lambda x: mp.log(x) - t.log1m(x)), UNIT),
    several("sp.logsumexp", _logsumexp, TRIPLES, count=64, call=_stacked("sp.logsumexp")),
    unary("sp.multigammaln", _inside(1.0001, mp.inf, lambda a: 3 * mp.log(mp.pi) / 2 + sum(t.gammaln(a - mpf(j) / 2) for j in range(3))), {"middle": (1.1, 10.0), "large": (10.0, 1e4), "at 1": (1.001, 1.1)}, call=lambda lib, a: lib.scipy.special.multigammaln(a, 3)),
    unary("sp.ndtr", t.ndtr),
    unary("sp.ndtri", t.ndtri, UNIT, finite=True),
    several("sp.owens_t", t.owens_t, {"small": (("both", 1e-6, 0.1), ("both", 1e-6, 0.1)), "middle": ((-3.0, 3.0), (-3.0, 3.0)), "tails": ((3.0, 8.0), (0.1, 5.0)), "large a": ((-2.0, 2.0), (5.0, 100.0))}, count=12, slopes={0: lambda h, a: -mp.exp(-h * h / 2) * mp.erf(a * h / mp.sqrt(2)) / (2 * mp.sqrt(2 * mp.pi)), 1: lambda h, a: mp.exp(-h * h * (1 + a * a) / 2) / (1 + a * a) / (2 * mp.pi)}, finite=True),
    several("sp.poch", lambda z, m: t.gamma(z + m) / t.gamma(z), {"small": ((0.1, 3.0), (1e-3, 0.5)), "middle": ((0.1, 6.0), (0.5, 6.0)), "large": ((10.0, 20.0), (0.5, 12.0)), "negative": ((-4.9, -0.1), (0.5, 3.0))}, finite=True),
    several("sp.polygamma", t.polygamma, {"small": (whole((0, 4)), (1e-6, 0.1)), "middle": (whole((0, 6)), (0.1, 10.0)), "large": (whole((0, 4)), (10.0, 1e4)), "high orders": (whole((10, 20)), (1.0, 20.0)), "negative": (whole((0, 3)), (-4.9, -0.1))}, call=lambda lib, n, x: lib.lax.polygamma(n, x), by=(1,), special=(0.0, 1.0, 2.0, -1.0, np.inf, np.nan), finite=True),
    several("sp.rel_entr", _rel_entr, PAIRS),
    unary("sp.sici", mp.si, call=_component("sp.sici", 0), without=("huge",)),
    unary("sp.sici Ci", _inside(1e-320, mp.inf, mp.ci), POSITIVE, call=_component("sp.sici", 1), without=("huge",), at_the_zero=(0.6, 0.63)),
    several("sp.softmax", lambda *x: mp.exp(_soft(*x)), TRIPLES, count=64, call=_stacked("sp.softmax", 0)),
    unary("sp.spence", t.spence, POSITIVE, around_1=(0.9, 1.1), finite=True),
    several("sp.sph_harm_y", _true_harmonic, ANGLES, call=_harmonic, special=()),
    _complex("sp.wofz", _wofz),
    _complex("sp.erfcx", lambda z: mp.exp(z * z) * mp.erfc(z)),
    several("sp.xlog1py", t.xlog1py, {"small": PAIRS["small"], "middle": ((-5.0, 5.0), (-0.9, 10.0))}),
    several("sp.xlogy", t.xlogy, {"small": PAIRS["small"], "middle": ((-5.0, 5.0), (0.1, 10.0)), "near 1": ((-5.0, 5.0), (0.9, 1.1))}),
    several("sp.zeta", t.zeta, {"middle": ((1.5, 10.0), (0.1, 10.0)), "at the pole": ((1.0001, 1.1), (0.1, 10.0)), "large": ((10.0, 40.0), (0.5, 5.0)), "large q": ((1.1, 5.0), (100.0, 1e6))}, by=(), special=(0.0, 1.0, 2.0, -1.0, -1.5, np.inf, np.nan), finite=True),
]  # fmt: skip
