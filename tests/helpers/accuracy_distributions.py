"""The rows of `accuracy_table.py` for `jax.scipy.stats` and for the transforms of `jax.random`."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
from mpmath import mp, mpf

from . import accuracy_truth as t
from .accuracy_table import FEW, TINY, UNIT, Function, _path, scaled, whole

ONE, ZERO = [1.0], [0.0]


def _standard(function: Callable, number: int, per_scale: bool = False) -> Callable:
    """The function of z = (x - loc) / scale and the parameters, as a function of x, the parameters, loc and scale."""

    def moved(x, *others):
        parameters, (loc, scale) = others[:number], others[number:]
        if not scale > 0:
            raise ValueError
        return function((x - loc) / scale, *parameters) - (mp.log(scale) if per_scale else 0)

    return moved


def _quantile(function: Callable, number: int) -> Callable:
    def moved(q, *others):
        parameters, (loc, scale) = others[:number], others[number:]
        if not 0 < q < 1:
            raise ValueError
        return loc + scale * function(q, *parameters)

    return moved


def _composed(outer: Callable, inner: Callable) -> Callable:
    return lambda *args: outer(inner(*args))


def continuous(
    name: str, places: dict, *, logpdf, moved, cdf=None, sf=None, ppf=None, number=0, fixed=(), located=True, count=12
):
    """The functions of a continuous distribution of `number` parameters that JAX has.

    places: {interval: (range of z, range of each parameter)}. moved: that of an interval with a loc and a scale. fixed: parameters
    by which there is no derivative of the distribution function.
    """
    sf = sf or (cdf and (lambda *args: 1 - cdf(*args)))
    true = {"logpdf": logpdf, "pdf": None, "cdf": cdf, "sf": sf, "logcdf": None, "logsf": None, "ppf": ppf, "isf": None}
    module, rows = getattr(jax.scipy.stats, name), []
    for function in true:
        if not hasattr(module, function):
            continue
        of_pdf = function.endswith("pdf")
        if function in ("ppf", "isf"):
            inner = ppf if function == "ppf" else (lambda q, *p: ppf(1 - q, *p))
            parameters = next(iter(places.values()))[1:]
            intervals = {k: (bounds, *parameters, ZERO, ONE) for k, bounds in UNIT.items() if k != "subnormal"}
            intervals["moved"] = (UNIT["lower"], *parameters, *moved[-2:])
            truth = _quantile(inner, number)
        else:
            inner = logpdf if of_pdf else sf if "sf" in function else cdf
            intervals = {k: (*bounds, ZERO, ONE) for k, bounds in places.items()} | {"moved": moved}
            truth = _standard(inner, number, of_pdf) if located else inner
            if function in ("pdf", "logcdf", "logsf"):
                truth = _composed(mp.exp if of_pdf else mp.log, truth)
        if not located:
            intervals = places
        by = [i for i in range(number + 1) if of_pdf or i not in fixed] + ([number + 2] if located else [])
        path = f"st.{name}.{function}"
        rows.append(
            Function(path, _path(path), truth, intervals, tuple(by), FEW if number == 0 else (), {}, count, True)
        )
    return rows


def discrete(name: str, intervals: dict, *, logpmf, by, cdf=None):
    """The functions of a distribution on the integers; without loc."""
    rows = []
    for function, truth in {"logpmf": logpmf, "pmf": _composed(mp.exp, logpmf), "cdf": cdf}.items():
        if truth is not None:
            path = f"st.{name}.{function}"
            rows.append(
                Function(
                    path,
                    _path(path),
                    truth,
                    intervals,
                    () if function == "cdf" and name == "bernoulli" else by,
                    (),
                    {},
                    12,
                )
            )
    return rows


LOG_2PI = lambda: mp.log(2 * mp.pi)
MOVED = ((-6.0, 6.0), (-3.0, 3.0), (0.3, 5.0))
MOVED_RIGHT = (4.0, 20.0), (-3.0, 3.0), (0.3, 5.0)
WHOLE_LINE = {
    "left": ((-12.0, -2.0),),
    "around 0": ((-2.0, 2.0),),
    "right": ((2.0, 12.0),),
    "small": (("both", 1e-8, 0.1),),
}
HALF_LINE = {"small": ((1e-8, 0.1),), "middle": ((0.1, 5.0),), "tail": ((5.0, 60.0),)}


def _of_half(places: dict, *parameters) -> dict:
    return {name: (*bounds, *parameters) for name, bounds in places.items()}


def _gamma_logpdf(x, a):
    return (a - 1) * mp.log(x) - x - t.gammaln(a)


def _beta_logpdf(x, a, b):
    return (a - 1) * mp.log(x) + (b - 1) * t.log1m(x) - t.betaln(a, b)


def _t_logpdf(x, df):
    half = (df + 1) / 2
    return t.gammaln(half) - t.gammaln(df / 2) - mp.log(mp.pi * df) / 2 - half * mp.log1p(x * x / df)


def _mass(a, b):
    """The probability that the standard normal distribution gives to [a, b]."""
    return t.ndtr(-a) - t.ndtr(-b) if a > 0 else t.ndtr(b) - t.ndtr(a)


def _truncated(function):
    def inside(x, a, b):
        if not a < x < b:
            raise ValueError
        return function(x, a, b)

    return inside


def _gennorm_cdf(x, beta):
    part = t.gammainc(1 / beta, abs(x) ** beta)
    return (1 + part) / 2 if x > 0 else (1 - part) / 2


def _logistic_logpdf(x):
    return -abs(x) - 2 * mp.log1p(mp.exp(-abs(x)))


BETA_PLACES = {
    "middle": ((0.05, 0.95), (0.5, 10.0), (0.5, 10.0)),
    "left": ((1e-6, 0.05), (0.5, 10.0), (0.5, 10.0)),
    "right": (("below 1", 1e-6, 0.05), (0.5, 10.0), (0.5, 10.0)),
    "large": ((0.2, 0.8), (10.0, 200.0), (10.0, 200.0)),
}
GUMBEL_LEFT = {"left": ((-60.0, -2.0),), "around 0": ((-2.0, 1.0),), "right": ((1.0, 4.0),)}
TRUNCATED = {
    "middle": ((-1.0, 1.0), (-3.0, -1.0), (1.0, 3.0)),
    "right tail": ((4.0, 5.0), (3.0, 4.0), (5.0, 8.0)),
    "left tail": ((-5.0, -4.0), (-8.0, -5.0), (-4.0, -3.0)),
    "far": ((12.0, 13.0), (10.0, 12.0), (13.0, 20.0)),
}

CONTINUOUS = [
    *continuous(
        "beta",
        BETA_PLACES,
        logpdf=_beta_logpdf,
        cdf=lambda x, a, b: t.betainc(a, b, x),
        sf=lambda x, a, b: t.betainc(b, a, 1 - x),
        moved=((1.0, 1.5), (0.5, 10.0), (0.5, 10.0), (0.2, 0.9), (2.0, 4.0)),
        number=2,
        fixed=(1, 2),
    ),
    *continuous(
        "cauchy",
        WHOLE_LINE | {"far": (("both", 1e2, 1e15),)},
        logpdf=lambda x: -mp.log(mp.pi) - mp.log1p(x * x),
        cdf=lambda x: mp.atan2(1, -x) / mp.pi,
        sf=lambda x: mp.atan2(1, x) / mp.pi,
        ppf=lambda q: -mp.cot(mp.pi * q),
        moved=MOVED,
    ),
    *continuous(
        "chi2",
        _of_half(HALF_LINE, (0.5, 20.0)),
        logpdf=lambda x, k: _gamma_logpdf(x / 2, k / 2) - mp.log(2),
        cdf=lambda x, k: t.gammainc(k / 2, x / 2),
        sf=lambda x, k: t.gammaincc(k / 2, x / 2),
        moved=(MOVED_RIGHT[0], (0.5, 20.0), *MOVED_RIGHT[1:]),
        number=1,
    ),
    *continuous(
        "expon",
        HALF_LINE,
        logpdf=lambda x: -x,
        cdf=lambda x: -mp.expm1(-x),
        sf=lambda x: mp.exp(-x),
        ppf=lambda q: -t.log1m(q),
        count=40,
        moved=MOVED_RIGHT,
    ),
    *continuous(
        "gamma",
        _of_half(HALF_LINE, (0.5, 20.0)),
        logpdf=_gamma_logpdf,
        cdf=lambda x, a: t.gammainc(a, x),
        sf=lambda x, a: t.gammaincc(a, x),
        moved=(MOVED_RIGHT[0], (0.5, 20.0), *MOVED_RIGHT[1:]),
        number=1,
    ),
    *continuous(
        "gennorm",
        {
            "middle": (("both", 0.1, 3.0), (0.5, 4.0)),
            "small": (("both", 1e-6, 0.1), (0.5, 4.0)),
            "tail": (("both", 3.0, 6.0), (0.5, 2.0)),
        },
        logpdf=lambda x, b: mp.log(b / 2) - t.gammaln(1 / b) - abs(x) ** b,
        cdf=_gennorm_cdf,
        count=40,
        moved=(),
        number=1,
        located=False,
    ),
    *continuous(
        "gumbel_l",
        GUMBEL_LEFT,
        logpdf=lambda x: x - mp.exp(x),
        cdf=lambda x: -mp.expm1(-mp.exp(x)),
        sf=lambda x: mp.exp(-mp.exp(x)),
        ppf=lambda q: mp.log(-t.log1m(q)),
        moved=MOVED,
    ),
    *continuous(
        "gumbel_r",
        {k: ((-v[0][1], -v[0][0]),) for k, v in GUMBEL_LEFT.items()},
        logpdf=lambda x: -x - mp.exp(-x),
        cdf=lambda x: mp.exp(-mp.exp(-x)),
        sf=lambda x: -mp.expm1(-mp.exp(-x)),
        ppf=lambda q: -mp.log(-mp.log(q)),
        moved=MOVED,
    ),
    *continuous(
        "laplace",
        WHOLE_LINE,
        logpdf=lambda x: -abs(x) - mp.log(2),
        cdf=lambda x: mp.exp(x) / 2 if x < 0 else 1 - mp.exp(-x) / 2,
        moved=MOVED,
    ),
    *continuous(
        "logistic",
        WHOLE_LINE,
        logpdf=_logistic_logpdf,
        cdf=t.expit,
        sf=lambda x: t.expit(-x),
        ppf=lambda q: mp.log(q) - t.log1m(q),
        count=40,
        moved=MOVED,
    ),
    *continuous(
        "norm",
        WHOLE_LINE,
        logpdf=lambda x: -x * x / 2 - LOG_2PI() / 2,
        cdf=t.ndtr,
        sf=lambda x: t.ndtr(-x),
        ppf=t.ndtri,
        moved=MOVED,
    ),
    *continuous(
        "pareto",
        {
            "at 1": (("above 1", 1e-6, 0.1), (0.5, 10.0)),
            "middle": ((1.1, 10.0), (0.5, 10.0)),
            "tail": ((10.0, 1e4), (0.5, 3.0)),
        },
        logpdf=lambda x, b: mp.log(b) - (b + 1) * mp.log(x),
        cdf=lambda x, b: -mp.expm1(-b * mp.log(x)),
        sf=lambda x, b: mp.power(x, -b),
        ppf=lambda q, b: mp.power(1 - q, -1 / b),
        count=40,
        moved=((10.0, 20.0), (0.5, 10.0), (-3.0, 3.0), (0.3, 5.0)),
        number=1,
    ),
    *continuous(
        "t",
        _of_half(WHOLE_LINE, (0.5, 50.0)) | {"far": (("both", 1e2, 1e15), (0.5, 50.0))},
        logpdf=_t_logpdf,
        moved=(MOVED[0], (0.5, 50.0), *MOVED[1:]),
        number=1,
    ),
    *continuous(
        "truncnorm",
        TRUNCATED,
        logpdf=_truncated(lambda x, a, b: -x * x / 2 - LOG_2PI() / 2 - mp.log(_mass(a, b))),
        cdf=_truncated(lambda x, a, b: _mass(a, x) / _mass(a, b)),
        sf=_truncated(lambda x, a, b: _mass(x, b) / _mass(a, b)),
        moved=((-0.5, 0.5), (-9.0, -5.0), (5.0, 9.0), (-1.0, 1.0), (0.5, 2.0)),
        number=2,
    ),
    *continuous(
        "uniform",
        {"inside": ((0.01, 0.99),)},
        logpdf=lambda x: mpf(0),
        cdf=lambda x: x,
        ppf=lambda q: q,
        moved=((0.0, 1.0), (-3.0, -1.0), (4.0, 9.0)),
    ),
    *continuous(
        "vonmises",
        {
            "middle": ((-3.0, 3.0), (0.1, 5.0)),
            "narrow": ((-0.5, 0.5), (5.0, 500.0)),
            "flat": ((-3.0, 3.0), (1e-6, 0.1)),
        },
        logpdf=t.von_mises,
        count=40,
        moved=(),
        number=1,
        located=False,
    ),
    *continuous(
        "wrapcauchy",
        {"middle": ((0.1, 6.2), (0.1, 0.9)), "narrow": ((1e-3, 0.5), (0.9, 0.999)), "flat": ((0.1, 6.2), (1e-6, 0.1))},
        logpdf=lambda x, c: t.log1m(c * c) - LOG_2PI() - mp.log(1 + c * c - 2 * c * mp.cos(x)),
        count=40,
        moved=(),
        number=1,
        located=False,
    ),
]


def _log_comb(n, k):
    return t.gammaln(n + 1) - t.gammaln(k + 1) - t.gammaln(n - k + 1)


def _poisson_cdf(k, mu):
    return t.gammaincc(k + 1, mu)


DISCRETE = [
    *discrete(
        "bernoulli",
        {"middle": (whole((0, 1)), (0.01, 0.99)), "small": (whole((0, 1)), (1e-8, 0.01))},
        logpmf=lambda k, p: mp.log(p) if k == 1 else t.log1m(p),
        cdf=lambda k, p: mpf(1) if k == 1 else 1 - p,
        by=(1,),
    ),
    *discrete(
        "betabinom",
        {
            "middle": (whole((0, 5)), whole((6, 12)), (0.5, 10.0), (0.5, 10.0)),
            "large": (whole((5, 50)), whole((60, 100)), (1.0, 50.0), (1.0, 50.0)),
        },
        logpmf=lambda k, n, a, b: _log_comb(n, k) + t.betaln(k + a, n - k + b) - t.betaln(a, b),
        by=(2, 3),
    ),
    *discrete(
        "binom",
        {
            "middle": (whole((0, 5)), whole((6, 12)), (0.01, 0.99)),
            "large": (whole((5, 50)), whole((60, 100)), (0.01, 0.99)),
            "small": (whole((0, 5)), whole((6, 12)), (1e-6, 0.01)),
        },
        logpmf=lambda k, n, p: _log_comb(n, k) + t.xlogy(k, p) + t.xlog1py(n - k, -p),
        by=(2,),
    ),
    *discrete(
        "geom",
        {"middle": (whole((1, 20)), (0.01, 0.99)), "small": (whole((1, 20)), (1e-6, 0.01))},
        logpmf=lambda k, p: (k - 1) * t.log1m(p) + mp.log(p),
        by=(1,),
    ),
    *discrete(
        "nbinom",
        {"middle": (whole((0, 12)), (0.5, 10.0), (0.01, 0.99)), "large": (whole((12, 100)), (10.0, 100.0), (0.1, 0.9))},
        logpmf=lambda k, n, p: t.gammaln(k + n) - t.gammaln(n) - t.gammaln(k + 1) + n * mp.log(p) + t.xlog1py(k, -p),
        by=(1, 2),
    ),
    *discrete(
        "poisson",
        {
            "middle": (whole((0, 12)), (0.1, 10.0)),
            "large": (whole((50, 200)), (50.0, 200.0)),
            "small": (whole((0, 5)), (1e-6, 0.1)),
        },
        logpmf=lambda k, mu: t.xlogy(k, mu) - mu - t.gammaln(k + 1),
        cdf=_poisson_cdf,
        by=(1,),
    ),
    Function(
        "st.bernoulli.ppf",
        _path("st.bernoulli.ppf"),
        lambda q, p: mpf(q > 1 - p),
        {"middle": ((0.01, 0.99), (0.01, 0.99))},
        (),
        (),
        {},
        12,
    ),
    Function(
        "st.poisson.entropy",
        _path("st.poisson.entropy"),
        t.poisson_entropy,
        {"small": ((1e-3, 1.0),), "middle": ((1.0, 90.0),), "large": ((110.0, 1e3),)},
        (0,),
        (),
        {},
        8,
    ),
]


def _normal_vectors(function: str) -> Callable:
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])

    def call(lib, x, y):
        points = lib.numpy.stack([x, y], -1)
        return _path(f"st.multivariate_normal.{function}")(
            lib, points, np.zeros(2, x.dtype), covariance.astype(x.dtype)
        )

    return call


def _normal_pair(x, y):
    return -(x * x - x * y + 2 * y * y) / mpf(7) * 2 - LOG_2PI() - mp.log(mpf(7) / 4) / 2


def _dirichlet(function: str) -> Callable:
    def call(lib, x, a, b):
        point = lib.numpy.stack([x, 1 - x])
        alphas = lib.numpy.stack([a, b], -1)
        return lib.vmap(lambda p, a: _path(f"st.dirichlet.{function}")(lib, p, a), in_axes=(1, 0))(point, alphas)

    return call


def _multinomial(function: str) -> Callable:
    def call(lib, k, p):
        counts = lib.numpy.stack([k, 9 - k], -1).astype("int32")
        chances = lib.numpy.stack([p, 1 - p], -1)
        return lib.vmap(lambda k, p: _path(f"st.multinomial.{function}")(lib, k, 9, p))(counts, chances)

    return call


def _log_binomial_of_9(k, p):
    return _log_comb(mpf(9), k) + t.xlogy(k, p) + t.xlog1py(9 - k, -p)


VECTORS = [
    *[
        Function(
            f"st.multivariate_normal.{f}",
            _normal_vectors(f),
            truth,
            {"middle": ((-3.0, 3.0),) * 2, "tails": (("both", 3.0, 9.0),) * 2},
            (0, 1),
            (),
            {},
            40,
        )
        for f, truth in (("logpdf", _normal_pair), ("pdf", _composed(mp.exp, _normal_pair)))
    ],
    # 1 - x is exact from 1/2 on.
    *[
        Function(
            f"st.dirichlet.{f}",
            _dirichlet(f),
            truth,
            {"middle": ((0.5, 0.95), (0.5, 10.0), (0.5, 10.0)), "large": ((0.5, 0.7), (10.0, 100.0), (10.0, 100.0))},
            (1, 2),
            (),
            {},
            12,
        )
        for f, truth in (("logpdf", _beta_logpdf), ("pdf", _composed(mp.exp, _beta_logpdf)))
    ],
    *[
        Function(
            f"st.multinomial.{f}", _multinomial(f), truth, {"middle": (whole((0, 9)), (0.5, 0.95))}, (), (), {}, 12
        )
        for f, truth in (("logpmf", _log_binomial_of_9), ("pmf", _composed(mp.exp, _log_binomial_of_9)))
    ],
]


# ---------------------------------------------------------------------------------------------------------------------
# random: the transform of uniform numbers, which are the same in both libraries. What is drawn from the same key is the argument.


def _of_uniform(name: str, truth: Callable, *parameters, low=0.0, high=1.0) -> Function:
    def draw(dtype, count):
        ends = [bound(dtype) if callable(bound) else bound for bound in (low, high)]
        ends = [np.asarray(end, dtype) for end in ends]
        return [np.asarray(jax.random.uniform(jax.random.key(7), (count,), dtype, *ends))]

    def call(lib, u):
        return getattr(lib.random, name)(lib.random.key(7), *parameters, shape=u.shape, dtype=u.dtype)

    return Function(f"random.{name}", call, truth, {"drawn": ()}, (), (), {}, 320, True, draw)


def _after_minus_1(dtype):
    return np.nextafter(np.array(-1, dtype), np.array(0, dtype))


NEGATIVE_EPS = scaled("epsneg")
RANDOM = [
    _of_uniform("normal", lambda u: mp.sqrt(2) * t.erfinv(u), low=_after_minus_1),
    _of_uniform("lognormal", lambda u: mp.exp(mp.sqrt(2) * t.erfinv(u)), low=_after_minus_1),
    _of_uniform("exponential", lambda u: -t.log1m(u)),
    _of_uniform("gumbel", lambda u: -mp.log(-mp.log(u)), low=TINY),
    _of_uniform("laplace", lambda u: t.sign(u) * t.log1m(abs(u)), low=lambda d: -1 + NEGATIVE_EPS(d)),
    _of_uniform("logistic", lambda u: mp.log(u) - t.log1m(u), low=TINY),
    _of_uniform("cauchy", lambda u: mp.tan(mp.pi * (u - mpf(1) / 2)), low=scaled("eps")),
    _of_uniform("pareto", lambda u: mp.power(1 - u, mpf(-1) / 3), 3.0),
    _of_uniform("rayleigh", lambda u: 2 * mp.sqrt(-2 * mp.log(u)), 2.0),
    _of_uniform("weibull_min", lambda u: mp.power(-t.log1m(u), mpf(2) / 3) * 2, 2.0, 1.5),
    _of_uniform("triangular", lambda u: mp.sqrt(u) / 2 if u < 0.25 else 1 - mp.sqrt((1 - u) * 3) / 2, 0.0, 0.25, 1.0),
]

DISTRIBUTIONS = [*CONTINUOUS, *DISCRETE, *VECTORS, *RANDOM]
