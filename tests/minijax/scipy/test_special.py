"""Every function of `jax.scipy.special`: values, first and second derivatives, dtypes, weak types and shapes as JAX's, in every
mode. SciPy in float64 says who is nearer where the two differ."""

from __future__ import annotations

import itertools

import jax
import jax.scipy.special
import mpmath
import numpy as np
import pytest
import scipy.special

import minijax as mj
import minijax.scipy.special

WIDE = np.float32([-30, -6, -2.5, -1, -0.3, -1e-3, 1e-3, 0.3, 1, 2.5, 6, 30])
POSITIVE = np.float32([1e-3, 0.02, 0.3, 1, 1.5, 2.5, 6, 30])
UNIT = np.float32([1e-6, 1e-3, 0.02, 0.3, 0.5, 0.7, 0.98, 0.999])
OTHER = np.float32([3, 0.5, 1.5, 2, 7, 0.2, 1, 4])
COUNTS = np.float32([0, 1, 2, 3, 5, 8, 13, 2])

# name: (call, arguments, which of them can be differentiated, how often)
CALLS = {
    "bernoulli": (lambda s: s.bernoulli(12), (), (), 0),
    "beta": (lambda s, a, b: s.beta(a, b), (POSITIVE, OTHER), (0, 1), 2),
    "betainc": (lambda s, a, b, x: s.betainc(a, b, x), (OTHER, OTHER[::-1], UNIT), (2,), 2),
    "betaln": (lambda s, a, b: s.betaln(a, b), (POSITIVE, OTHER), (0, 1), 2),
    "boxcox": (lambda s, x, p: s.boxcox(x, p), (POSITIVE, OTHER - 1.25), (0, 1), 2),
    "boxcox1p": (lambda s, x, p: s.boxcox1p(x, p), (POSITIVE, OTHER - 1.25), (0, 1), 2),
    "comb": (lambda s, n, k: s.comb(n, k), (COUNTS + 3, OTHER // 1), (0, 1), 1),
    "comb with repetition": (lambda s, n, k: s.comb(n, k, repetition=True), (COUNTS, OTHER // 1), (), 0),
    "dawsn": (lambda s, x: s.dawsn(x), (WIDE,), (0,), 2),
    "digamma": (lambda s, x: s.digamma(x), (POSITIVE,), (0,), 2),
    "entr": (lambda s, x: s.entr(x), (POSITIVE,), (0,), 2),
    "erf": (lambda s, x: s.erf(x), (WIDE,), (0,), 2),
    "erfc": (lambda s, x: s.erfc(x), (WIDE[1:-1],), (0,), 2),
    "erfcx": (lambda s, x: s.erfcx(x), (WIDE[1:],), (0,), 2),
    "erfinv": (lambda s, x: s.erfinv(x), (UNIT,), (0,), 2),
    "exp1": (lambda s, x: s.exp1(x), (POSITIVE,), (0,), 1),  # JAX fails at its second derivative.
    "expi": (lambda s, x: s.expi(x), (WIDE,), (0,), 2),
    "expit": (lambda s, x: s.expit(x), (WIDE,), (0,), 2),
    "expn": (lambda s, n, x: s.expn(n, x), (np.roll(COUNTS, -1), POSITIVE), (1,), 1),
    "factorial": (lambda s, x: s.factorial(x), (COUNTS,), (0,), 1),
    "fresnel": (lambda s, x: s.fresnel(x), (1.1 * WIDE[1:-1],), (0,), 2),
    "gamma": (lambda s, x: s.gamma(x), (POSITIVE,), (0,), 2),
    "gamma below 0": (lambda s, x: s.gamma(x), (-OTHER - 0.3,), (0,), 1),
    "gammainc": (lambda s, a, x: s.gammainc(a, x), (OTHER, POSITIVE), (0, 1), 1),
    "gammaincc": (lambda s, a, x: s.gammaincc(a, x), (OTHER, POSITIVE[:-1].repeat(2)[:8]), (0, 1), 1),
    "gammaln": (lambda s, x: s.gammaln(x), (OTHER,), (0,), 2),
    "gammasgn": (lambda s, x: s.gammasgn(x), (np.float32([-2, -1.5, -0.5, -0.0, 0, 3, np.nan, -7.2]),), (0,), 1),
    "hyp1f1": (lambda s, a, b, x: s.hyp1f1(a, b, x), (POSITIVE, OTHER, POSITIVE[::-1]), (0, 1, 2), 1),
    "hyp1f1 by x": (lambda s, x: s.hyp1f1(2.5, 1.5, x), (POSITIVE,), (0,), 2),
    "hyp1f1 of whole numbers": (
        lambda s, a, b, x: s.hyp1f1(a, b, x),
        (np.float32([0, 0, -2, 3, 2, -1]), np.float32([0, 2, 1.5, 0, 2, 3]), np.float32([1, 2, 3, 1, -1, 0])),
        (),
        0,
    ),
    "hyp2f1": (lambda s, a, b, c, x: s.hyp2f1(a, b, c, x), (POSITIVE, OTHER, OTHER[::-1], UNIT / 2), (0, 1, 2, 3), 1),
    "hyp2f1 by x": (lambda s, x: s.hyp2f1(2.5, 1.5, 3.25, x), (UNIT / 2,), (0,), 2),
    "hyp2f1 of whole numbers": (
        lambda s, a, b, c, x: s.hyp2f1(a, b, c, x),
        tuple(
            np.float32([[0, 1, -2, 3, 2, 1], [1, -3, 0.5, 2, 2, 2], [2, 2, 1.5, 3, 1, 1], [0.5, 0.3, 0.9, 1.5, 1, 1.5]])
        ),
        (),
        0,
    ),
    "i0": (lambda s, x: s.i0(x), (WIDE,), (0,), 2),
    "i0e": (lambda s, x: s.i0e(x), (WIDE,), (0,), 2),
    "i1": (lambda s, x: s.i1(x), (WIDE,), (0,), 2),
    "i1e": (lambda s, x: s.i1e(x), (WIDE,), (0,), 2),
    "kl_div": (lambda s, p, q: s.kl_div(p, q), (UNIT, OTHER), (0, 1), 2),
    "log_ndtr": (lambda s, x: s.log_ndtr(x), (WIDE,), (0,), 2),
    "log_softmax": (lambda s, x: s.log_softmax(x), (WIDE,), (0,), 2),
    "log_softmax of rows": (lambda s, x: s.log_softmax(x, axis=1), (WIDE.reshape(3, 4),), (0,), 1),
    "loggamma": (lambda s, x: s.loggamma(x), (OTHER,), (0,), 2),
    "logit": (lambda s, x: s.logit(x), (UNIT,), (0,), 2),
    "logsumexp": (lambda s, x: s.logsumexp(x), (WIDE,), (0,), 2),
    "multigammaln": (lambda s, a: s.multigammaln(a, 3), (OTHER + 1,), (0,), 2),
    "ndtr": (lambda s, x: s.ndtr(x), (WIDE[1:],), (0,), 2),
    "ndtri": (lambda s, p: s.ndtri(p), (UNIT,), (0,), 2),
    "poch": (lambda s, z, m: s.poch(z, m), (OTHER, POSITIVE[:-1].repeat(2)[:8]), (0, 1), 1),
    "polygamma": (lambda s, x: s.polygamma(np.int32([0, 1, 2, 3, 1, 2, 3, 4]), x), (OTHER,), (0,), 2),
    "rel_entr": (lambda s, p, q: s.rel_entr(p, q), (UNIT, OTHER), (0, 1), 2),
    "sici": (lambda s, x: s.sici(x), (POSITIVE,), (0,), 2),
    "softmax": (lambda s, x: s.softmax(x), (WIDE / 8,), (0,), 2),
    "spence": (lambda s, x: s.spence(x), (1.1 * POSITIVE,), (0,), 1),
    "wofz": (lambda s, x: s.wofz(x), (WIDE[1:-1],), (0,), 1),
    "xlog1py": (lambda s, x, y: s.xlog1py(x, y), (POSITIVE, OTHER), (0, 1), 2),
    "xlogy": (lambda s, x, y: s.xlogy(x, y), (POSITIVE, OTHER), (0, 1), 2),
    "zeta": (lambda s, x, q: s.zeta(x, q), (OTHER + 1, POSITIVE), (), 0),
}


def test_every_function_is_called():
    public = {n for n in mj.scipy.special.__all__}
    # Those three have tests of their own, against SciPy.
    assert {name.split()[0] for name in CALLS} | {"bessel_jn", "owens_t", "sph_harm_y"} == public


def outputs(lib, name, order):
    """The function of one direction: its value, or a derivative of the sum of what it returns, by each argument."""
    call, args, smooth, _ = CALLS[name]

    def value(*args):
        return call(lib.scipy.special, *args)

    def derivative(*args):
        def total(t):
            moved = [a + t * (1 + i) if i in smooth else a for i, a in enumerate(args)]
            return value(*moved)

        f = total
        for _ in range(order):
            f = (lambda g: lambda t: lib.jvp(g, (t,), (1.0,))[1])(f)
        return f(0.0)

    return (derivative if order else value), args


def assert_near(mine, theirs, exact=None):
    for i, (a, b) in enumerate(zip(mj.tree.leaves(mine), jax.tree.leaves(theirs), strict=True)):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        wide = np.complex128 if a.dtype.kind == "c" else np.float64
        a, b = np.asarray(a, wide), np.asarray(b, wide)
        differ = ~np.isclose(a, b, rtol=3e-6, atol=1e-7, equal_nan=True)
        if exact is not None and differ.any():
            truth = np.asarray(exact[i] if isinstance(exact, tuple) else exact, wide)
            # Twice as near as JAX, then: the difference is JAX's rounding.
            with np.errstate(invalid="ignore"):
                differ &= ~(np.abs(a - truth) <= np.maximum(np.abs(b - truth), 2.0**-22 * np.abs(truth)))
        np.testing.assert_array_equal(a[differ], b[differ])


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.one_in(20)
def test_values(name):
    function, args = outputs(mj, name, 0)
    theirs = jax.jit(outputs(jax, name, 0)[0])(*args)
    scipy_name = name.split()[0]
    exact = None
    if name in vars(scipy.special) and name not in ("polygamma", "bernoulli", "multigammaln"):
        exact = getattr(scipy.special, scipy_name)(*[a.astype(np.float64) for a in args])
    mine = function(*args)
    assert_near(mine, theirs, exact)
    compiled = mj.jit(function)(*args)
    for a, b in zip(mj.tree.leaves(compiled), mj.tree.leaves(mine), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(mj.tree.leaves(mj.jit(function, compiler="xla")(*args)), mj.tree.leaves(mine), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
    if args:
        mapped = (
            mj.vmap(function)(*args)
            if name.split()[0] not in ("log_softmax", "softmax", "logsumexp", "polygamma")
            else mine
        )
        for a, b in zip(mj.tree.leaves(mapped), mj.tree.leaves(mine), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


PLANE = np.array([x + 1j * y for x in (-4.5, -1, -0.2, 0.3, 1, 6) for y in (-3, -0.1, 0.0, 0.4, 5)])


@pytest.mark.parametrize("name", ["gamma", "loggamma", "erfcx", "wofz"])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.one_in(5)
def test_complex_numbers(name, dtype):
    with mj.enable_x64(True), jax.enable_x64(True):
        mine = getattr(mj.scipy.special, name)(PLANE.astype(dtype))
        exact, theirs = (getattr(lib.special, name)(PLANE.astype(dtype)) for lib in (scipy, jax.scipy))
        assert (mine.dtype, mine.weak_type) == (theirs.dtype, theirs.weak_type)
        # At the poles SciPy has an infinity, JAX and we NaN.
        at = np.isfinite(np.asarray(theirs))
        np.testing.assert_array_equal(np.isfinite(np.asarray(mine)), at)
        np.testing.assert_allclose(
            np.asarray(mine)[at],
            exact[at],
            rtol={"complex64": 2e-5, "complex128": 1e-12}[dtype],
            atol=8 * np.finfo(dtype).eps,
        )


@pytest.mark.parametrize(("name", "order"), [(n, k) for n, (*_, most) in CALLS.items() for k in range(1, most + 1)])
@pytest.mark.one_in(20)
def test_derivatives(name, order):
    function, args = outputs(mj, name, order)
    with mj.enable_x64(True), jax.enable_x64(True):
        args = [a.astype(np.float64) for a in args]
        mine, theirs = function(*args), jax.jit(outputs(jax, name, order)[0])(*args)
        for a, b in zip(mj.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: s.factorial(3, exact=True), NotImplementedError, "factorial with exact=True"),
        (lambda s: s.hyp2f1(1j, 1.0, 1.0, 0.5), TypeError, "does not accept dtype complex64"),
        (lambda s: s.gammaln(1j), TypeError, "lgamma does not accept dtype complex64"),
        (lambda s: s.digamma(1j), TypeError, "digamma does not accept dtype complex64"),
        (lambda s: s.fresnel(1j), NotImplementedError, "Support for complex-valued inputs"),
        (lambda s: s.zeta(2.0), NotImplementedError, "Riemann zeta function not implemented"),
        (lambda s: s.polygamma(1.5, 2.0), ValueError, "must be of integer type"),
        (lambda s: s.bernoulli(-1), ValueError, "n must be a non-negative integer"),
        (lambda s: s.ndtr(1), TypeError, "is not supported"),
        (lambda s: s.ndtri(np.float16(0.5)), TypeError, "is not supported"),
        (lambda s: s.log_ndtr(np.int32(1)), TypeError, "is not supported"),
        (lambda s: s.log_ndtr(1.0, 31), ValueError, "series_order must be <= 30"),
        (lambda s: s.log_ndtr(1.0, -1), ValueError, "series_order must be non-negative"),
        (lambda s: s.log_ndtr(1.0, 1.0), TypeError, "series_order must be a Python integer"),
        *[
            (lambda s, n=n, k=k: getattr(s, n)(*[1j] * k), ValueError, "does not support complex")
            for n, k in {"beta": 2, "betainc": 3, "dawsn": 1, "entr": 1, "expi": 1, "exp1": 1, "expn": 2, "gammasgn": 1,
                         "kl_div": 2, "rel_entr": 2, "poch": 2, "hyp1f1": 3}.items()
        ],
    ],
)  # fmt: skip
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call(mj.scipy.special)
    with pytest.raises(error):
        call(jax.scipy.special)


EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, 0.5, 2.5, -1.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "count"), [("gammainc", 2), ("gammaincc", 2), ("betainc", 3), ("zeta", 2), ("polygamma", 2)]
)
@pytest.mark.one_in(16)
def test_infinite_arguments(name, count, dtype):
    """Every combination of zeros, infinities, NaN and numbers. Where JAX has NaN, a limit may stand here: P(0, x) is 1, and
    P(inf, x) is 0 for a finite x."""
    with mj.enable_x64(dtype == "float64"), jax.enable_x64(dtype == "float64"):
        columns = [[0, 1, 2, 3], EDGES] if name == "polygamma" else [EDGES] * count
        args = [np.array(c, dtype) for c in zip(*itertools.product(*columns))]
        args[0] = args[0].astype("int32" if name == "polygamma" else dtype)
        call = lambda lib: getattr(lib.scipy.special, name)
        theirs = np.asarray(jax.jit(call(jax))(*args))
        limits = (args[0] == 0) & (args[1] > 0) | (args[0] == np.inf) & (0 < args[1]) & (args[1] < np.inf)
        for mine in (call(mj)(*args), mj.jit(call(mj), compiler="xla")(*args)):
            differ = np.flatnonzero(~np.isclose(mine, theirs, rtol=1e-5, atol=1e-7, equal_nan=True))
            assert name.startswith("gammainc") or not differ.size
            assert np.isnan(theirs[differ]).all() and limits[differ].all(), [(a[differ], mine) for a in args]


@pytest.mark.parametrize("name, count", [("gammainc", 2), ("gammaincc", 2), ("betainc", 3)])
@pytest.mark.one_in(3)
def test_shares_of_tiny_and_huge_arguments(name, count):
    """A share of a whole is from 0 to 1, or NaN. JAX has -1e11 for betainc(1e7, 1e7, 0.5), and 3522 for gammainc(1e7, 1e7)."""
    sizes = np.float32([1e-30, 1e-20, 1e-7, 0.5, 1, 2, 1e7, 1e20, 1e30])
    within = np.float32([1e-30, 1e-20, 1e-7, 0.5, 1 - 1e-7, 1])
    args = [np.ravel(a) for a in np.meshgrid(*[sizes] * 2, *[within] * (count - 2))]
    function = getattr(mj.scipy.special, name)
    for found in (function(*args), mj.jit(function, compiler="xla")(*args)):
        found = np.asarray(found)
        assert not ((found < 0) | (found > 1 + 1e-6)).any()
        assert np.isnan(found).mean() < 0.01
    assert function(*[np.float32(1e7)] * 2, *[np.float32(0.5)] * (count - 2)) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.one_in(2)
def test_hypergeometric_functions(dtype):
    """Over negative arguments, and near 1, where JAX's sums lose all digits: against mpmath."""
    rng = np.random.default_rng(0)
    a, b, c = rng.uniform(0.1, 6, (3, 40)).astype(dtype)
    x = np.concatenate([rng.uniform(-20, 80, 20), rng.uniform(-5, 0.5, 20)]).astype(dtype)
    z = np.concatenate([rng.uniform(-5, 1, 20), 1 - 10 ** rng.uniform(-2, -1, 20)]).astype(dtype)
    with mj.enable_x64(dtype == "float64"):
        found = mj.scipy.special.hyp1f1(a, b, x), mj.scipy.special.hyp2f1(a, b, c, z)
        compiled = mj.jit(mj.scipy.special.hyp2f1, compiler="xla")(a, b, c, z)
    wide = [v.astype("float64") for v in (a, b, c, x, z)]
    exact = [
        np.array([float(function(*args)) for args in np.transpose(columns)])
        for function, columns in ((mpmath.hyp1f1, [*wide[:2], wide[3]]), (mpmath.hyp2f1, [*wide[:3], wide[4]]))
    ]
    for mine, truth in zip((*found, compiled), (*exact, exact[1])):
        np.testing.assert_allclose(mine, truth.astype(dtype), rtol={"float32": 2e-7, "float64": 1e-11}[dtype])


# {(a, b, c, x): the derivatives by a, b and c}, by mpmath; NaN where F is infinite, or a ends the sum.
FROM_ONE_ON = {
    (0.28, 1.0, 3.0, 1.0): (0.676041103299, 0.230804009247, -0.094645754462),
    (-2.0, 1.5, 0.5, 1.0): (0.0, 1.333333333333, -1.333333333333),
    (4.0, -7.5, 2.0, 1.0): (-0.000877553819, 0.0, 0.000877553819),
    (1.5, -20.25, 0.75, 1.0): (0.016866096637, -0.000219452451, -0.005004040692),
    (-3.0, 0.4, -2.6, 1.0): (np.nan, 4.407051282051, 2.026319033533),
    (-2.0, 1.5, 0.5, 3.0): (np.nan, 36.0, -84.0),
    (1.5, -2.0, 0.5, 3.0): (36.0, np.nan, -84.0),
    (0.5, 0.5, 1.0, 1.0): (np.nan, np.nan, np.nan),
    (0.28, 4.0, 3.0, 2.0): (np.nan, np.nan, np.nan),
}


def test_derivatives_of_hyp2f1_by_parameters_from_one_on():
    args = np.array(list(FROM_ONE_ON)).T
    with mj.enable_x64(True):
        hyp2f1 = lambda *args: mj.scipy.special.hyp2f1(*args).sum()
        found = mj.grad(hyp2f1, (0, 1, 2))(*args)
        second = mj.hessian(lambda v: mj.scipy.special.hyp2f1(*v, 1.0))(np.array([0.5, 0.25, 2.0]))
    np.testing.assert_allclose(np.transpose(found), list(FROM_ONE_ON.values()), rtol=1e-8, atol=1e-12)
    truth = [
        [0.3696764, 1.47192874, -0.31818278],
        [1.47192874, 0.73311616, -0.52895394],
        [-0.31818278, -0.52895394, 0.16827715],
    ]
    np.testing.assert_allclose(second, truth, rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("hyp1f1", (1.3, 2.2, 0.7)),
        ("hyp1f1", (0.8, 1.7, -3.0)),
        ("hyp2f1", (0.5, 1.5, 2.5, 0.3)),
        ("hyp2f1", (1.2, 2.1, 1.6, 0.8)),
    ],
)
@pytest.mark.one_in(7)
def test_second_derivatives_of_hypergeometric_functions(name, args):
    """By the parameters and by x, against mpmath."""
    n = len(args)
    orders = [tuple((k == i) + (k == j) for k in range(n)) for i in range(n) for j in range(n)]
    truth = [float(mpmath.diff(getattr(mpmath, name), args, order)) for order in orders]
    x = np.float32(args)
    function = lambda lib: lambda x: getattr(lib.scipy.special, name)(*x)
    found = mj.hessian(function(mj))(x)
    np.testing.assert_allclose(np.ravel(found), truth, rtol=2e-6)
    np.testing.assert_allclose(np.ravel(mj.jit(mj.hessian(function(mj)))(x)), truth, rtol=2e-6)
    with pytest.raises(NotImplementedError, match=f"{name} has no third derivative"):
        mj.jacfwd(mj.hessian(function(mj)))(x)


def test_second_derivatives_of_hypergeometric_functions_on_xla():
    second = lambda lib: lib.jacfwd(lib.grad(lib.scipy.special.hyp1f1))
    args = 1.3, 2.2, 0.7
    found = mj.jit(second(mj), compiler="xla")(*args)
    np.testing.assert_allclose(found, second(mj)(*args), rtol=1e-6)
    np.testing.assert_allclose(found, second(jax)(*args), rtol=5e-6)


def _slope_of_gammaincc(a, x):
    return mpmath.diff(lambda a: mpmath.gammainc(a, x, regularized=True), a)


def _slope_of_i1e(x):
    return mpmath.diff(lambda x: mpmath.exp(-x) * mpmath.besseli(1, x), x)


# {name: (function, the true one, arguments, how many units of 2^-52 of the value may be wrong)}: zeros, integers and small numbers,
# where the terms of a formula cancel, or a sum may end too early.
EXACT = {
    "gammaln beside 1": (lambda s: s.gammaln, mpmath.loggamma, [(1 + 2.0**-k,) for k in range(3, 20, 4)], 4),
    "gammaln beside 2": (lambda s: s.gammaln, mpmath.loggamma, [(2 - 2.0**-k,) for k in range(3, 20, 4)], 4),
    "digamma beside -n - 1/2": (lambda s: s.digamma, mpmath.digamma, [(-4.668001147926638,), (-8.501,)], 5),
    "erf": (lambda s: s.erf, mpmath.erf, [(0.3,), (1e-7,), (1.9743838471167792e-07,)], 1),
    "Ci beside its zeros": (lambda s: lambda x: s.sici(x)[1], mpmath.ci, [(0.6165,), (3.384,), (6.5127,), (43.9913,)], 8),
    "dawsn": (lambda s: s.dawsn, lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x), [(0.9,), (2.3,)], 3),
    "hyp1f1": (lambda s: s.hyp1f1, mpmath.hyp1f1, [(1.9366578722684262, 3.6721393024071665, -0.03756511860484034)], 1),
    "gammaincc by a": (lambda s: mj.grad(s.gammaincc), _slope_of_gammaincc, [(10.0, 19.999999999999996), (2.5, 3.0)], 32),
    "i1e, derivative": (lambda s: mj.grad(s.i1e), _slope_of_i1e, [(1e-6,), (3e-8,)], 2),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_digits_where_terms_cancel(name):
    function, truth, points, units = EXACT[name]
    with mj.enable_x64(True), mpmath.workdps(40):
        for args in points:
            exact = truth(*map(mpmath.mpf, args))
            found = float(function(mj.scipy.special)(*args))
            assert abs((found - exact) / exact) <= units * 2.0**-52, (args, float((found - exact) / exact * 2**52))


def test_the_power_0_of_box_and_cox():
    """log(x)^2 / 2; JAX's derivative is 0, that of its choice of the logarithm."""
    for function, inside in ((mj.scipy.special.boxcox, np.log(3.0)), (mj.scipy.special.boxcox1p, np.log(4.0))):
        slope = mj.grad(function, 1)
        np.testing.assert_allclose(slope(3.0, 0.0), inside**2 / 2, rtol=3e-7)
        np.testing.assert_allclose(mj.grad(slope, 1)(3.0, 0.0), inside**3 / 3, rtol=1e-6)


INF = np.inf
ENDS = np.float32([-INF, -1, -0.0, 0, 0.5, 1, 2, INF])
# {function: (whether at an end minijax has a value or a derivative by the first or the second argument that JAX has not, which)}
# JAX has NaN there, or 0: its derivative of a constant or of an integer.
BETTER = {
    "betaln": {1: [(a, b) for a in (0.5, 1, 2) for b in (-1, 0, INF)], 2: [(b, a) for a in (0.5, 1, 2) for b in (-1, 0, INF)]},
    "boxcox": {1: [(x, p) for x in (-0.0, 0.5, 2, INF) for p in (-INF, 0, INF)], 2: [(x, 0.0) for x in ENDS]},
    "boxcox1p": {1: [(x, p) for x in (-1, 0.5, 1, 2, INF) for p in (-INF, 0, INF)], 2: [(x, 0.0) for x in ENDS]},
    "exp1": {0: [(INF,)], 1: [(-1,), (INF,)]},  # The derivative is written as that of Ei.
    "expi": {0: [(-INF,), (-0.0,), (INF,)]},
    "gammainc": {0: [(0, 0.5), (INF, 1), (INF, 2), (INF, INF)], 1: [(a, INF) for a in (0.5, 1, 2, INF)]},
    "gammaincc": {0: [(INF, 1), (INF, 2), (INF, INF)], 1: [(a, INF) for a in (0.5, 1, 2, INF)]},
    "ndtri": {1: [(-0.0,), (1,)]},
    "rel_entr": {0: [(INF, 1), (INF, 2)]},
    "spence": {0: [(INF,)], 1: [(-INF,), (-1,), (-0.0,), (1,), (2,)]},
}  # fmt: skip
AT_ENDS = sorted(
    {n for n, (*_, most) in CALLS.items() if most and " " not in n and "hyp" not in n} - {"expn", "polygamma", "wofz"}
)


@pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning")
@pytest.mark.parametrize("name", [name for name in AT_ENDS if len(CALLS[name][1]) > 1])
@pytest.mark.one_in(12)
def test_an_argument_without_a_tangent_adds_nothing(name):
    """An infinite slope by it, times the zero that stands for its tangent, would be NaN, as JAX has it for `xlogy`."""
    call, args, smooth, _ = CALLS[name]
    points = [ENDS if i in smooth else a.flat[1:2] for i, a in enumerate(args)]
    points = [p.astype(a.dtype) for p, a in zip(np.array(list(itertools.product(*points))).T, args)]
    for i in smooth:

        def alone(x, i=i):
            return call(mj.scipy.special, *[x if j == i else p for j, p in enumerate(points)])

        _, forward = mj.jvp(alone, (points[i],), (np.ones_like(points[i]),))
        (backward,) = mj.vjp(alone, points[i])[1](np.ones_like(forward))
        lost = np.isnan(forward) & ~np.isnan(backward)
        if lost.any():
            theirs = lambda x, i=i: call(jax.scipy.special, *[x if j == i else p for j, p in enumerate(points)])
            lost &= ~np.isnan(jax.jvp(theirs, (points[i],), (np.ones_like(points[i]),))[1])
        assert not lost.any(), (i, [p[lost] for p in points])


@pytest.mark.parametrize("name", AT_ENDS)
@pytest.mark.one_in(12)
def test_values_and_derivatives_at_the_ends(name):
    call, args, smooth, _ = CALLS[name]
    points = [ENDS if i in smooth else a.flat[1:2] for i, a in enumerate(args)]
    points = [p.astype(a.dtype) for p, a in zip(np.array(list(itertools.product(*points))).T, args)]
    better = {k: {tuple(map(float, p)) for p in at} for k, at in BETTER.get(name, {}).items()}
    for k, of in enumerate((None, *smooth)):

        def values(lib, of=of):
            f = lambda *xs: lib.tree.leaves(call(lib.scipy.special, *xs))
            return lib.jit(lib.vmap(f if of is None else lib.jacrev(f, of)))(*points)

        for mine, theirs in zip(values(mj), values(jax), strict=True):
            same = np.isclose(mine, np.asarray(theirs), rtol=1e-4, atol=1e-6, equal_nan=True)
            other = {tuple(map(float, p)) for p, near in zip(zip(*points), same) if not near.all()}
            assert other <= better.get(k, set()), k


def test_expn_of_negative_orders():
    """JAX has NaN up to 1; the derivative of E_0 is -E_{-1}."""
    n, x = np.repeat(np.arange(-6, 1), 5), np.tile([0.01, 0.5, 1, 3, 40], 7)
    truth = [float(mpmath.expint(int(order), point)) for order, point in zip(n, x)]
    with mj.enable_x64(True):
        for way in (mj.jit, lambda f: mj.jit(f, compiler="xla")):
            np.testing.assert_allclose(way(mj.scipy.special.expn)(n, x), truth, rtol=1e-14)
        slope = mj.vmap(mj.grad(mj.scipy.special.expn, 1))(n + 1.0, x)
        np.testing.assert_allclose(slope, -np.array(truth), rtol=1e-14)


def test_ends_of_domains():
    special = mj.scipy.special
    np.testing.assert_allclose(mj.grad(special.poch, 1)(2.5, 0.0), scipy.special.digamma(2.5), rtol=1e-6)
    x = np.float32([-np.inf, -10, -1, 2, np.nan])
    np.testing.assert_allclose(special.sici(x)[1], jax.scipy.special.sici(x)[1], rtol=1e-6)
    assert np.isnan(special.hyp1f1(1.0, 2.0, np.nan)) and np.isnan(special.hyp2f1(1.0, 2.0, 3.0, np.nan))
    assert np.isnan(special.hyp2f1(1.0, np.nan, 3.0, 0.5))
    for way in (lambda f: f, mj.jit, lambda f: mj.jit(f, compiler="xla")):
        # JAX's is NaN.
        np.testing.assert_array_equal(way(special.expi)(np.float32([0.0, -0.0])), scipy.special.expi([0.0, -0.0]))


SIZES = np.float32([-17, -2, -1e-3, 0, 1e-3, 0.5, 1, 5, 20, 30])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bessel_jn(dtype):
    """JAX's gives NaN for |z| below 3 in float32: its recurrence overflows."""
    with mj.enable_x64(dtype == "float64"):
        z = SIZES.astype(dtype)
        found = mj.scipy.special.bessel_jn(z, v=5)
        assert (found.dtype, found.shape) == (dtype, (6, 10))
        expected = np.stack([scipy.special.jv(k, z.astype(np.float64)) for k in range(6)])
        np.testing.assert_allclose(found, expected, rtol=0, atol={"float32": 4e-7, "float64": 1e-9}[dtype])
        slope = mj.vmap(mj.grad(lambda z: mj.scipy.special.bessel_jn(z, v=2)[2]))(z)
        np.testing.assert_allclose(slope, scipy.special.jvp(2, z.astype(np.float64)), rtol=0, atol=1e-6)
    theirs = np.asarray(jax.scipy.special.bessel_jn(np.float32([5, 20, 30]), v=5))
    np.testing.assert_allclose(mj.scipy.special.bessel_jn(np.float32([5, 20, 30]), v=5), theirs, rtol=0, atol=1e-6)


def degrees_and_orders():
    pairs = [(n, m) for n in range(8) for m in range(-n, n + 1)]
    n, m = np.array(pairs).T
    return n, m, np.linspace(0, np.pi, len(n)), np.linspace(0, 6, len(n))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_spherical_harmonics(dtype):
    n, m, theta, phi = degrees_and_orders()
    with mj.enable_x64(dtype == "float64"):
        angles = theta.astype(dtype), phi.astype(dtype)
        found = mj.jit(mj.scipy.special.sph_harm_y, static_argnames="n_max")(n, m, *angles, n_max=7)
        expected = scipy.special.sph_harm_y(n, m, *[a.astype(np.float64) for a in angles])
        np.testing.assert_allclose(found, expected, rtol=0, atol={"float32": 1e-6, "float64": 1e-14}[dtype])


def test_spherical_harmonics_as_in_jax():
    n, m, theta, phi = degrees_and_orders()
    some = slice(5, 30)

    def programs(lib):
        def total(theta, phi):
            found = lib.scipy.special.sph_harm_y(n[some], m[some], theta, phi)
            return abs(found).sum() + found.imag.sum()

        args = [lib.numpy.asarray(a[some].astype(np.float32)) for a in (theta, phi)]
        clipped = lib.scipy.special.sph_harm_y(np.array([9, 1]), np.array([1, 0]), args[0][:2], args[1][:2], n_max=4)
        return lib.grad(total, (0, 1))(*args), clipped

    for mine, theirs in zip(mj.tree.leaves(programs(mj)), jax.tree.leaves(programs(jax)), strict=True):
        assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.one_in(2)
def test_owens_t(dtype):
    h = np.linspace(-5, 5, 41).astype(dtype)[:, None]
    a = np.array([-30, -5, -1, -0.5, 0, 0.1, 0.9, 1, 1.1, 3, 100, np.inf, -np.inf], dtype)
    with mj.enable_x64(dtype == "float64"), jax.enable_x64(dtype == "float64"):
        found = mj.scipy.special.owens_t(h, a)
        expected = scipy.special.owens_t(h.astype(np.float64), a.astype(np.float64))
        np.testing.assert_allclose(found, expected, rtol={"float32": 3e-6, "float64": 1e-12}[dtype], atol=0)
        assert found.dtype == dtype and np.isnan(mj.scipy.special.owens_t(np.nan, 1.0))
        for order in (1, 2):

            def derivative(lib, order=order):
                function = lib.scipy.special.owens_t
                for argnum in range(order):
                    function = lib.grad(function, argnum)
                return lib.vmap(function)

            x, y = h[3:-3, 0], np.linspace(-2, 3, 35).astype(dtype)
            np.testing.assert_allclose(derivative(mj)(x, y), derivative(jax)(x, y), rtol=1e-4, atol=1e-7)


def test_bad_arguments_of_the_sums():
    for s in (mj.scipy.special, jax.scipy.special):
        with pytest.raises(TypeError):
            s.bessel_jn(1.0, v=1.5)
        with pytest.raises(TypeError):
            s.bessel_jn(1j, v=1)
        with pytest.raises(TypeError):
            s.sph_harm_y(3, 1, 0.3, 0.4)
        with pytest.raises(NotImplementedError, match="diff_n"):
            s.sph_harm_y(np.array([3]), np.array([1]), np.array([0.3]), 0.4, diff_n=1)
