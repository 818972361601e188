"""The rows of `accuracy_table.py` for `jax.scipy.special`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mpmath import mp, mpf

from . import accuracy_truth as t
from .accuracy_table import (
    CENTRED,
    FEW,
    LEAST,
    MOST,
    NOT_LARGE,
    POSITIVE,
    REAL,
    TRIPLES,
    UNIT,
    _inside,
    _logsumexp,
    _path,
    _soft,
    _stacked,
    several,
    unary,
    whole,
)

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
    several(
        "sp.bernoulli", lambda n: mp.bernoulli(int(n)), {"to 40": (whole((0, 40)),)}, call=_bernoulli, by=(), special=()
    ),
    unary(
        "sp.bessel_jn",
        lambda x: mp.besselj(3, x),
        {"small": ("both", 1e-8, 0.1), "middle": ("both", 0.1, 10.0), "large": ("both", 10.0, 35.0)},
        count=64,
        call=lambda lib, x: lib.scipy.special.bessel_jn(x, v=3)[3],
        special=(0.0, np.nan),
        finite=True,
    ),
    several("sp.beta", t.beta, PAIRS | {"negative": ((-4.9, -0.1), (0.1, 3.0))}, finite=True),
    several(
        "sp.betainc", t.betainc, BETAS, by=(2,), count=20, special=(0.0, 1.0, 0.5, -1.0, np.inf, np.nan), finite=True
    ),
    several("sp.betaln", t.betaln, PAIRS),
    several(
        "sp.boxcox",
        lambda x, p: _box_cox(mp.log(x), p),
        {
            "middle": ((0.1, 10.0), (-3.0, 3.0)),
            "near 1": ((0.99, 1.01), (-3.0, 3.0)),
            "small powers": ((0.1, 10.0), ("both", 1e-8, 1e-2)),
        },
    ),
    several(
        "sp.boxcox1p",
        lambda x, p: _box_cox(mp.log1p(x), p),
        {
            "middle": ((-0.9, 10.0), (-3.0, 3.0)),
            "small": (("both", 1e-8, 1e-2), (-3.0, 3.0)),
            "small powers": ((0.1, 10.0), ("both", 1e-8, 1e-2)),
        },
    ),
    several(
        "sp.comb",
        lambda n, k: mp.exp(t.gammaln(n + 1) - t.gammaln(k + 1) - t.gammaln(n - k + 1)),
        {
            "small": (whole((6, 20)), whole((0, 6))),
            "large": (whole((40, 100)), whole((2, 30))),
            "real": ((5.0, 20.0), (0.1, 5.0)),
        },
        finite=True,
    ),
    unary("sp.dawsn", t.dawsn),
    unary("sp.digamma", mp.digamma, POSITIVE, at_the_zero=(1.45, 1.475), negative=(-9.9, -0.1), finite=True),
    unary("sp.entr", _inside(0, mp.inf, lambda x: -x * mp.log(x)), POSITIVE, around_1=(0.9, 1.1)),
    unary("sp.erf", mp.erf),
    unary("sp.erfc", t.erfc),
    unary(
        "sp.erfcx",
        t.erfcx,
        {k: v for k, v in REAL.items() if k not in NOT_LARGE}
        | {"large": (10.0, 80.0), "huge": (1e3, MOST), "left": (-9.0, -1.0)},
    ),
    unary("sp.erfinv", t.erfinv, CENTRED, finite=True),
    unary(
        "sp.exp1",
        t.exp1,
        POSITIVE,
        call=_one_by_one("sp.exp1"),
        special=FEW,
        without=("huge",),
        finite=True,
        below_0=(-80.0, -0.1),
    ),
    unary(
        "sp.expi",
        lambda x: mp.ei(x),
        call=_one_by_one("sp.expi"),
        finite=True,
        special=(0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, LEAST),
        without=("huge",),
        at_the_zero=(0.36, 0.385),
    ),
    unary("sp.expit", t.expit),
    several(
        "sp.expn",
        t.expn,
        {
            "small": (whole((2, 6)), (1e-6, 0.1)),
            "middle": (whole((2, 12)), (0.1, 10.0)),
            "large": (whole((2, 40)), (10.0, 80.0)),
            "large order": (whole((100, 5000)), (0.1, 10.0)),
        },
        by=(1,),
        special=(),
        finite=True,
    ),
    unary(
        "sp.factorial",
        lambda n: t.gamma(n + 1),
        {"middle": (0.0, 12.0), "whole": whole((0, 30)), "large": (12.0, 34.0)},
    ),
    unary(
        "sp.fresnel",
        lambda x: t.fresnel(mp.fresnels, x),
        call=_component("sp.fresnel", 0),
        slopes={0: lambda x: mp.sinpi(x * x / 2)},
        without=("large",),
        beyond=("both", 10.0, 300.0),
    ),
    unary(
        "sp.fresnel C",
        lambda x: t.fresnel(mp.fresnelc, x),
        call=_component("sp.fresnel", 1),
        slopes={0: lambda x: mp.cospi(x * x / 2)},
        without=("large",),
        beyond=("both", 10.0, 300.0),
    ),
    unary(
        "sp.gamma",
        t.gamma,
        {
            "tiny": (1e-37, 1e-8),
            "small": (1e-8, 0.1),
            "middle": (0.1, 10.0),
            "large": (10.0, 34.0),
            "negative": (-9.9, -0.1),
            "far left": (-33.9, -10.1),
            "at -3": (-3.001, -2.999),
        },
    ),
    _complex(
        "sp.gamma",
        mp.gamma,
        {
            "around 0": ((-1.0, 1.0), (-1.0, 1.0)),
            "right": ((1.0, 8.0), (-8.0, 8.0)),
            "left": ((-6.0, -1.0), (0.1, 5.0)),
        },
    ),
    several("sp.gammainc", t.gammainc, GAMMAS, count=10, special=(0.0, 1.0, 2.5, -1.0, np.inf, np.nan), finite=True),
    several("sp.gammaincc", t.gammaincc, GAMMAS, count=10, special=(0.0, 1.0, 2.5, -1.0, np.inf, np.nan), finite=True),
    several(
        "lax.igamma_grad_a",
        t.igamma_grad_a,
        GAMMAS,
        count=10,
        by=(),
        special=(0.0, 1.0, 2.5, -1.0, np.inf, np.nan),
        finite=True,
    ),
    several(
        "lax.random_gamma_grad",
        t.random_gamma_grad,
        {k: v for k, v in GAMMAS.items() if "tail" not in k},
        count=10,
        by=(),
        special=(0.0, 1.0, 2.5, -1.0, np.inf, np.nan),
        finite=True,
    ),
    unary("sp.gammaln", t.gammaln, POSITIVE, around_1_and_2=(0.9, 2.2), negative=(-9.9, -0.1)),
    unary("sp.gammasgn", t.sign_of_gamma, {"middle": (-20.0, 20.0)}, by=()),
    several(
        "sp.hyp1f1",
        mp.hyp1f1,
        {
            "small": ((0.1, 5.0), (0.5, 5.0), ("both", 1e-6, 0.1)),
            "middle": ((0.1, 5.0), (0.5, 5.0), (-5.0, 5.0)),
            "left": ((0.1, 3.0), (3.0, 8.0), (-60.0, -5.0)),
            "right": ((0.1, 5.0), (0.5, 5.0), (5.0, 60.0)),
        },
        count=12,
        special=(0.0, 1.0, -1.0),
        finite=True,
    ),
    several(
        "sp.hyp2f1",
        mp.hyp2f1,
        {
            "small": ((0.1, 5.0), (0.1, 5.0), (0.5, 5.0), ("both", 1e-6, 0.1)),
            "middle": ((0.1, 5.0), (0.1, 5.0), (0.5, 5.0), (-0.9, 0.8)),
            "left": ((0.1, 3.0), (0.1, 3.0), (0.5, 5.0), (-20.0, -1.0)),
            "at 1": ((0.1, 2.0), (0.1, 2.0), (0.5, 6.0), (0.8, 0.99)),
        },
        count=12,
        special=(0.0, 1.0),
        finite=True,
    ),
    unary("sp.i0", lambda x: t.bessel_i(0, x), special=FEW, without=("huge",)),
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
    unary(
        "sp.multigammaln",
        _inside(1.0001, mp.inf, lambda a: 3 * mp.log(mp.pi) / 2 + sum(t.gammaln(a - mpf(j) / 2) for j in range(3))),
        {"middle": (1.1, 10.0), "large": (10.0, 1e4), "at 1": (1.001, 1.1)},
        call=lambda lib, a: lib.scipy.special.multigammaln(a, 3),
    ),
    unary("sp.ndtr", t.ndtr),
    unary("sp.ndtri", t.ndtri, UNIT, finite=True),
    several(
        "sp.owens_t",
        t.owens_t,
        {
            "small": (("both", 1e-6, 0.1), ("both", 1e-6, 0.1)),
            "middle": ((-3.0, 3.0), (-3.0, 3.0)),
            "tails": ((3.0, 8.0), (0.1, 5.0)),
            "large a": ((-2.0, 2.0), (5.0, 100.0)),
        },
        count=12,
        slopes={
            0: lambda h, a: -mp.exp(-h * h / 2) * mp.erf(a * h / mp.sqrt(2)) / (2 * mp.sqrt(2 * mp.pi)),
            1: lambda h, a: mp.exp(-h * h * (1 + a * a) / 2) / (1 + a * a) / (2 * mp.pi),
        },
        finite=True,
    ),
    several(
        "sp.poch",
        lambda z, m: t.gamma(z + m) / t.gamma(z),
        {
            "small": ((0.1, 3.0), (1e-3, 0.5)),
            "middle": ((0.1, 6.0), (0.5, 6.0)),
            "large": ((10.0, 20.0), (0.5, 12.0)),
            "negative": ((-4.9, -0.1), (0.5, 3.0)),
        },
        finite=True,
    ),
    several(
        "sp.polygamma",
        t.polygamma,
        {
            "small": (whole((0, 4)), (1e-6, 0.1)),
            "middle": (whole((0, 6)), (0.1, 10.0)),
            "large": (whole((0, 4)), (10.0, 1e4)),
            "high orders": (whole((10, 20)), (1.0, 20.0)),
            "negative": (whole((0, 3)), (-4.9, -0.1)),
        },
        call=lambda lib, n, x: lib.lax.polygamma(n, x),
        by=(1,),
        special=(0.0, 1.0, 2.0, -1.0, np.inf, np.nan),
        finite=True,
    ),
    several("sp.rel_entr", _rel_entr, PAIRS),
    unary("sp.sici", mp.si, call=_component("sp.sici", 0), without=("huge",)),
    unary(
        "sp.sici Ci",
        _inside(1e-320, mp.inf, mp.ci),
        POSITIVE,
        call=_component("sp.sici", 1),
        without=("huge",),
        at_the_zero=(0.6, 0.63),
    ),
    several("sp.softmax", lambda *x: mp.exp(_soft(*x)), TRIPLES, count=64, call=_stacked("sp.softmax", 0)),
    unary("sp.spence", t.spence, POSITIVE, around_1=(0.9, 1.1), finite=True),
    several("sp.sph_harm_y", _true_harmonic, ANGLES, call=_harmonic, special=()),
    _complex("sp.wofz", _wofz),
    _complex("sp.erfcx", lambda z: mp.exp(z * z) * mp.erfc(z)),
    several("sp.xlog1py", t.xlog1py, {"small": PAIRS["small"], "middle": ((-5.0, 5.0), (-0.9, 10.0))}),
    several(
        "sp.xlogy",
        t.xlogy,
        {"small": PAIRS["small"], "middle": ((-5.0, 5.0), (0.1, 10.0)), "near 1": ((-5.0, 5.0), (0.9, 1.1))},
    ),
    several(
        "sp.zeta",
        t.zeta,
        {
            "middle": ((1.5, 10.0), (0.1, 10.0)),
            "at the pole": ((1.0001, 1.1), (0.1, 10.0)),
            "large": ((10.0, 40.0), (0.5, 5.0)),
            "large q": ((1.1, 5.0), (100.0, 1e6)),
        },
        by=(),
        special=(0.0, 1.0, 2.0, -1.0, -1.5, np.inf, np.nan),
        finite=True,
    ),
]
