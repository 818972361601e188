"""Every function of every distribution of `jax.scipy.stats`: values, dtypes, weak types, shapes and derivatives as JAX's."""

from __future__ import annotations

import inspect
import warnings

import jax
import jax.scipy.stats
import numpy as np
import pytest
import scipy.stats

import minijax as mj
import minijax.scipy.stats
from tests.fuzz.texts import flat

X = np.float32([-30, -2, -0.5, 0, 0.1, 0.4, 1, 2.5, 6, 30, np.nan])
K = np.float32([-1, 0, 1, 2, 3, 4, 7, 30, 1.5, 5, np.nan])
UNIT = np.float32([-0.5, 0, 1e-6, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 1, 1.5])
SHAPES = np.float32([0.5, 1, 2, 3.5, 0.7, 9, 1.5, 2.5, 4, 6, 2])
# name: (x, parameters of shape, loc and scale)
ARGUMENTS = {
    "bernoulli": (K, [UNIT], 1),
    "beta": (UNIT, [SHAPES, SHAPES[::-1]], 2),
    "betabinom": (K, [SHAPES // 1 + 3, SHAPES, SHAPES[::-1]], 1),
    "binom": (K, [SHAPES // 1 + 3, UNIT], 1),
    "cauchy": (X, [], 2),
    "chi2": (X, [SHAPES], 2),
    "expon": (X, [], 2),
    "gamma": (X, [SHAPES], 2),
    "gennorm": (X, [SHAPES], 0),
    "geom": (K, [UNIT], 1),
    "gumbel_l": (X, [], 2),
    "gumbel_r": (X, [], 2),
    "laplace": (X, [], 2),
    "logistic": (X, [], 2),
    "nbinom": (K, [SHAPES, UNIT], 1),
    "norm": (X, [], 2),
    "pareto": (X, [SHAPES], 2),
    "poisson": (K, [SHAPES], 1),
    "t": (X, [SHAPES], 2),
    "truncnorm": (X, [SHAPES - 3, SHAPES + 1], 2),
    "uniform": (X, [], 2),
    "vonmises": (X, [SHAPES], 0),
    "wrapcauchy": (X, [UNIT], 0),
}
FUNCTIONS = [(d, f) for d in ARGUMENTS for f in getattr(mj.scipy.stats, d).__all__ if (d, f) != ("poisson", "entropy")]


def arguments(distribution: str, function: str) -> list:
    x, shapes, places = ARGUMENTS[distribution]
    x = UNIT if function in ("ppf", "isf") else x
    if distribution == "bernoulli" and function in ("cdf", "ppf"):
        places = 0
    return [x, *shapes, *[np.float32(0.25), np.float32(1.5)][:places]]


def in_both(distribution: str, function: str):
    return [getattr(getattr(lib.scipy.stats, distribution), function) for lib in (mj, jax)]


def test_every_distribution_and_function_is_there():
    others = {"dirichlet", "multinomial", "multivariate_normal"}
    for name, module in vars(jax.scipy.stats).items():
        if inspect.ismodule(module) and name[0] != "_" and name not in others:
            public = {f for f in dir(module) if f[0] != "_" and callable(getattr(module, f))}
            assert {f for d, f in FUNCTIONS if d == name} | ({"entropy"} & public) == public, name


def close(mine, theirs, rtol=2e-5, atol=2e-6):
    assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=rtol, atol=atol)


# {why the equations are not JAX's: the functions}
OTHER_EQUATIONS = {
    "special functions that are primitives here, or other algorithms": (
        "norm.cdf norm.isf norm.logcdf norm.logsf norm.ppf norm.sf beta.logpdf beta.pdf"
        " t.logpdf t.pdf betabinom.logpmf betabinom.pmf truncnorm.cdf truncnorm.logcdf truncnorm.logpdf truncnorm.logsf"
        " truncnorm.pdf truncnorm.sf"
    ),
    "primitives of one rounding: by their formulas, NumPy would lose digits that XLA keeps": (
        "expon.cdf expon.logcdf logistic.cdf logistic.logpdf logistic.pdf logistic.sf pareto.logpdf pareto.pdf gumbel_l.cdf"
        " gumbel_l.logpdf gumbel_l.pdf gumbel_l.sf gumbel_r.cdf gumbel_r.logpdf gumbel_r.logsf gumbel_r.pdf gumbel_r.sf"
    ),
    "JAX's derivative is NaN where a function has one": ("laplace.cdf gamma.logsf gamma.sf gumbel_l.ppf gumbel_r.ppf"),
}


@pytest.mark.parametrize(("distribution", "function"), FUNCTIONS)
@pytest.mark.one_in(30)
def test_the_equations_are_those_of_jax(distribution, function):
    explained = " ".join(OTHER_EQUATIONS.values()).split()
    args = arguments(distribution, function)
    ours, theirs = (
        str(flat(lib, lib.make_jaxpr(f)(*args).jaxpr, live=False))
        for lib, f in zip((mj, jax), in_both(distribution, function))
    )
    assert (ours != theirs) == (f"{distribution}.{function}" in explained), f"{ours}\n{theirs}"


@pytest.mark.parametrize(("distribution", "function"), FUNCTIONS)
@pytest.mark.one_in(16)
def test_values(distribution, function):
    mine, theirs = in_both(distribution, function)
    args = arguments(distribution, function)
    expected = np.array(jax.jit(theirs)(*args))
    # Where JAX's choice of cases gives NaN a 0 or a 1, it may stay NaN here.
    expected[np.isnan(args[0]) & np.isnan(mine(*args))] = np.nan
    if (distribution, function) == ("norm", "isf"):
        # JAX rounds 1 - q; for a small q that is another number.
        expected = scipy.stats.norm.isf(*[np.asarray(a, np.float64) for a in args]).astype(np.float32)
    close(mine(*args), expected)
    close(mj.jit(mine)(*args), expected)
    close(mj.vmap(mine, in_axes=[0 if a.ndim else None for a in args])(*args), expected)


# Kinks and edges are left out: 0 of |x| and of x^a, the ends of a support.
INSIDE = {
    "beta": np.s_[3:8],
    "geom": np.s_[2:7],
    "pareto": np.s_[7:10],
    "wrapcauchy": np.s_[3:8],
    "betabinom": np.s_[1:4],
}
DISCRETE = ("bernoulli", "binom", "nbinom", "betabinom", "poisson", "geom")
# JAX's program multiplies an integer with a float tangent, and fails.
FAIL_IN_JAX = [(d, f) for d in ("gumbel_l", "gumbel_r") for f in ("logpdf", "pdf", "ppf")]


def differentiable(distribution: str, function: str, args: list) -> list[int]:
    """The arguments that JAX differentiates by: the incomplete beta function by x alone."""
    if distribution == "beta" and function not in ("logpdf", "pdf"):
        return [0, 3, 4]
    return list(range(len(args)))


@pytest.mark.parametrize(("distribution", "function"), FUNCTIONS)
@pytest.mark.one_in(100)
def test_derivatives(distribution, function):
    """By every argument, in 64 bits, at places within the support."""
    mine, theirs = in_both(distribution, function)
    at = INSIDE.get(distribution, np.s_[4:8])
    with mj.enable_x64(True), jax.enable_x64(True):
        args = [np.asarray(a[at] if a.ndim else a, np.float64) for a in arguments(distribution, function)]
        args[0] = args[0] + (0 if distribution in DISCRETE else 0.013)

        def every(lib, f, xs):
            """The derivatives by each argument alone: the others are constants, not arguments with tangents of 0."""
            at = [(lambda x, i=i: f(*xs[:i], x, *xs[i + 1 :]), xs[i]) for i in smooth]
            return [lib.jvp(g, (x,), (lib.numpy.ones_like(x),))[1] for g, x in at]

        smooth = differentiable(distribution, function, args)
        if (distribution, function) in FAIL_IN_JAX:
            with pytest.raises(TypeError):
                every(jax, theirs, args)
            step = 1e-6
            for i, slope in zip(smooth, every(mj, mine, args)):
                up, down = ([a + sign * step * (j == i) for j, a in enumerate(args)] for sign in (1, -1))
                close(slope, (np.asarray(mine(*up)) - np.asarray(mine(*down))) / (2 * step), rtol=1e-7, atol=1e-8)
            return
        expected = jax.jit(lambda *xs: every(jax, theirs, xs))(*args)
        for a, b in zip(every(mj, mine, args), expected, strict=True):
            if (distribution, function) == ("expon", "logcdf"):
                # Below loc JAX has 0 times an infinity.
                b = np.where(np.asarray(args[0] < args[1]), 0, b)
            # JAX's log beta has seven digits: differences of digamma are the derivative to the last digit.
            close(a, b, rtol=1e-5 if distribution == "betabinom" else 1e-6, atol=1e-9)


@pytest.mark.parametrize(("distribution", "function"), FUNCTIONS)
@pytest.mark.one_in(32)
def test_types(distribution, function):
    """Python numbers, integers, narrow and wide floats, and shapes that broadcast."""
    mine, theirs = in_both(distribution, function)
    count = len(arguments(distribution, function))
    numbers = [0.5, *[2.0] * (count - 1)]
    kinds = [
        numbers,
        [1, *numbers[1:]],
        [np.int32([1, 2]), *numbers[1:]],
        [np.float16([0.5]), *numbers[1:]],
        [np.float64([0.5]), *numbers[1:]],
        [np.full((2, 3), 0.5, "float32"), np.full((3,), 2, "float32"), *numbers[2:]][:count],
    ]
    for x64 in (False, True):
        with mj.enable_x64(x64), jax.enable_x64(x64), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for args in kinds:
                outcomes = []
                for lib, f in ((mj, mine), (jax, theirs)):
                    try:
                        x = lib.eval_shape(f, *args)
                        outcomes.append((x.shape, str(x.dtype)))
                    except TypeError as error:
                        outcomes.append(type(error))
                assert outcomes[0] == outcomes[1], args


def test_sums_over_axes():
    for call in (
        lambda s: s.dirichlet.logpdf(np.float32([0.2, 0.3, 0.5]), np.float32([1.5, 2, 3])),
        lambda s: s.dirichlet.logpdf(np.float32([[0.2, 0.4], [0.3, 0.9]]), np.float32([1.5, 2, 3])),
        lambda s: s.dirichlet.pdf(np.float32([0.2, 0.3]), np.float32([1.5, 2, 3])),
        lambda s: s.multinomial.logpmf(np.int32([1, 2, 0]), 3, np.float32([0.2, 0.3, 0.5])),
        lambda s: s.multinomial.pmf(np.int32([1, 2, 0]), 4, np.float32([0.2, 0.3, 0.5])),
        lambda s: s.poisson.entropy(np.float32([0, 0.5, 3, 40, 99, 300, 1e4])),
        lambda s: s.poisson.entropy(2.0, np.zeros(3, np.float32)),
    ):
        close(call(mj.scipy.stats), jax.jit(lambda call=call: call(jax.scipy.stats))())


COVARIANCE = np.float32([[2, 0.3, 0], [0.3, 1, -0.2], [0, -0.2, 0.5]])
POINTS = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "args",
    [
        (np.float32(0.5), np.float32(1), np.float32(2)),
        (POINTS[0], POINTS[1], np.float32(2)),
        (POINTS[0], POINTS[1], COVARIANCE),
        (POINTS, POINTS[1], COVARIANCE),
        (POINTS, POINTS[::-1], COVARIANCE),
        (POINTS[:, None], POINTS[::-1], np.stack([COVARIANCE, 2 * COVARIANCE, COVARIANCE, COVARIANCE])),
    ],
    ids="scalar one-variance vector many-vectors many-means many-covariances".split(),
)
@pytest.mark.one_in(4)
def test_normal_vectors(args):
    mine, theirs = (lib.scipy.stats.multivariate_normal for lib in (mj, jax))
    close(mine.logpdf(*args), jax.jit(theirs.logpdf)(*args))
    close(mine.pdf(*args), jax.jit(theirs.pdf)(*args))
    slopes = [lib.grad(lambda *xs, f=m.logpdf: f(*xs).sum(), (0, 1, 2)) for lib, m in ((mj, mine), (jax, theirs))]
    for a, b in zip(slopes[0](*args), jax.jit(slopes[1])(*args), strict=True):
        close(a, b, rtol=2e-4, atol=2e-5)


def test_densities_of_data():
    data, places = POINTS.T, np.random.default_rng(2).normal(size=(3, 5)).astype(np.float32)
    for points, at, options in (
        (data, places, {}),
        (data, places, {"bw_method": "silverman", "weights": np.float32([1, 2, 3, 4])}),
        (np.float32([0, 1, 2, 5]), np.float32([0.5, 4]), {"bw_method": 0.3}),
        (np.float32([0, 1, 2, 5]), np.float32([0.5, 4]), {"bw_method": lambda kde: kde.n / 10}),
    ):

        def results(lib, points=points, at=at, options=options):
            kde = lib.scipy.stats.gaussian_kde(points, **options)
            d = kde.d
            out = [kde(at), kde.logpdf(at), kde.integrate_gaussian(np.zeros(d), np.eye(d)), kde.integrate_kde(kde)]
            out += [kde.resample(lib.random.key(1), (4,)), kde.covariance, kde.inv_cov, kde.neff]
            return [*out, *([kde.integrate_box_1d(0.0, 2.0)] if d == 1 else []), *lib.tree.leaves(kde)]

        for a, b in zip(results(mj), jax.jit(lambda: results(jax))(), strict=True):
            close(a, b, rtol=5e-4, atol=1e-4)


RANKED = {
    "numbers": np.float32([3, 1, 2, 3, 1, 1, 7]),
    "integers": np.int32([[3, 1, 2], [1, 1, 2], [3, 1, 0]]),
    "nan": np.float32([3, np.nan, 1]),
    "one": np.float32([4]),
    "empty": np.zeros((0,), np.float32),
    "cube": np.arange(24).reshape(2, 3, 4) % 5,
}


@pytest.mark.parametrize("name", RANKED)
@pytest.mark.one_in(6)
def test_ranks(name):
    x = RANKED[name]
    for axis in (None, 0, -1)[: 2 if x.ndim < 2 else 3]:
        for method in (
            ("average", "min", "max", "dense", "ordinal") if name == "numbers" and axis == 0 else ("average",)
        ):
            if axis is None or name != "empty":
                close(mj.scipy.stats.rankdata(x, method, axis=axis), jax.scipy.stats.rankdata(x, method, axis=axis))
        for keepdims in (False, True):
            for mine, theirs in zip(
                mj.scipy.stats.mode(x, axis, keepdims=keepdims),
                jax.scipy.stats.mode(x, axis, keepdims=keepdims),
                strict=True,
            ):
                close(mine, theirs)
            if name != "empty":
                for policy in ("propagate", "omit"):
                    options = {"nan_policy": policy, "keepdims": keepdims}
                    close(mj.scipy.stats.sem(x, axis, **options), jax.scipy.stats.sem(x, axis, **options))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.multivariate_normal.logpdf(X[:2], X[:2], X[:2]), ValueError),
        (lambda s: s.multivariate_normal.logpdf(X[:2], X[:2], X[0], True), NotImplementedError),
        (lambda s: s.gaussian_kde(X[:1]), ValueError),
        (lambda s: s.gaussian_kde(X[:4], "wide"), ValueError),
        (lambda s: s.gaussian_kde(X[:4], weights=X[:3]), ValueError),
        (lambda s: s.gaussian_kde(X[:4], weights=X[:4].reshape(2, 2)), ValueError),
        (lambda s: s.gaussian_kde(1j * X[:4]), NotImplementedError),
        (lambda s: s.gaussian_kde(POINTS)(X[:2]), ValueError),
        (lambda s: s.gaussian_kde(POINTS).integrate_box_1d(0, 1), ValueError),
        (lambda s: s.gaussian_kde(X[:4]).integrate_box_1d(X[:2], 1), ValueError),
        (lambda s: s.gaussian_kde(X[:4]).integrate_gaussian(X[:2], 1), ValueError),
        (lambda s: s.gaussian_kde(X[:4]).integrate_gaussian(0, np.eye(2)), ValueError),
        (lambda s: s.gaussian_kde(X[:4]).integrate_kde(s.gaussian_kde(POINTS)), ValueError),
        (lambda s: s.gaussian_kde(X[:4]).integrate_box(0, 1), NotImplementedError),
        (lambda s: s.gaussian_kde(X[:4]).set_bandwidth(1), NotImplementedError),
        (lambda s: s.rankdata(X, "middle"), ValueError),
        (lambda s: s.rankdata(X, nan_policy="omit"), NotImplementedError),
        (lambda s: s.mode(X, nan_policy="raise"), NotImplementedError),
        (lambda s: s.mode(X, nan_policy="keep"), ValueError),
        (lambda s: s.sem(X, nan_policy="raise"), ValueError),
        (lambda s: s.dirichlet.logpdf(X[:2], np.ones((2, 2), np.float32)), ValueError),
        (lambda s: s.dirichlet.logpdf(X[:2], np.ones(5, np.float32)), ValueError),
        (lambda s: s.multinomial.logpmf(X[:2], 3, np.ones(2, np.float32)), ValueError),
    ],
)
@pytest.mark.one_in(24)
def test_bad_arguments(call, error):
    for lib in (mj, jax):
        with pytest.raises(error):
            call(lib.scipy.stats)
