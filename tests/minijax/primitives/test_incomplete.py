"""Incomplete gamma and beta functions, zeta and polygamma: SciPy's in float64 as oracle, and JAX's error beside ours."""

from __future__ import annotations

import jax
import mpmath
import numpy as np
import pytest
import scipy.special

import minijax as mj

PARAMETERS = np.float32([1e-3, 0.1, 0.7, 1, 1.5, 3, 12, 60, 700, 9000, 2.5e5])
RATIOS = np.float32([1e-3, 0.2, 0.9, 0.999, 1, 1.01, 1.3, 4, 30])
OF_GAMMA = {"igamma": scipy.special.gammainc, "igammac": scipy.special.gammaincc}


def relative_error(x, exact):
    """Of results that are normal float32 numbers: for smaller ones neither library has digits."""
    x, exact = np.asarray(x, np.float64), np.asarray(exact, np.float64)
    normal = np.abs(exact) > 1e-37
    return np.max(np.abs(x - exact)[normal] / np.abs(exact)[normal])


def assert_as_accurate(mine, theirs, exact, limit: float = 2.0**-23):
    """At most twice JAX's worst error, or two units in the last place."""
    assert relative_error(mine, exact) <= max(2 * relative_error(theirs, exact), limit)


@pytest.mark.parametrize("a", PARAMETERS)
@pytest.mark.parametrize("name", OF_GAMMA)
@pytest.mark.one_in(12)
def test_incomplete_gamma(name, a):
    x = (a * RATIOS).astype(np.float32)
    mine = getattr(mj.lax, name)(np.full_like(x, a), x)
    theirs = getattr(jax.lax, name)(np.full_like(x, a), x)
    exact = OF_GAMMA[name](np.float64(a), x.astype(np.float64))
    assert_as_accurate(mine, theirs, exact)


@pytest.mark.parametrize("a", PARAMETERS[1:])
@pytest.mark.one_in(6)
def test_derivatives_by_the_parameter_of_gamma(a):
    """Central differences of SciPy's function, which has 13 digits, are the oracle; and the samples' by the chain rule."""
    x, a = (a * RATIOS[2:7]).astype(np.float32).astype(np.float64), float(a)
    h = 1e-3 * min(a, np.sqrt(a))
    steps = [scipy.special.gammainc(a + k * h, x) for k in (2, 1, -1, -2)]
    exact = (-steps[0] + 8 * steps[1] - 8 * steps[2] + steps[3]) / (12 * h)
    density = np.exp((a - 1) * np.log(x) - x - scipy.special.gammaln(a))
    args = np.full_like(x, a, "float32"), x.astype("float32")
    np.testing.assert_allclose(mj.lax.igamma_grad_a(*args), exact, rtol=2e-4, atol=1e-9)
    wide = density > 1e-7 * density.max()
    np.testing.assert_allclose(
        np.asarray(mj.lax.random_gamma_grad(*args))[wide], -exact[wide] / density[wide], rtol=2e-3
    )
    for slope, function in ((1, mj.lax.igamma), (-1, mj.lax.igammac)):
        tangent = mj.jvp(lambda a, f=function: f(a, args[1]), (args[0],), (np.ones_like(args[0]),))[1]
        np.testing.assert_array_equal(tangent, slope * np.asarray(mj.lax.igamma_grad_a(*args)))


@pytest.mark.parametrize(
    "a, x", [(1.5, 2.0), (0.1, 0.01), (0.1, 2.0), (30.0, 25.0), (300.0, 330.0), (5000.0, 5100.0), (0.01, 1e-5)]
)
@pytest.mark.parametrize("compiler", [None, "xla"])
@pytest.mark.one_in(8)
def test_second_derivatives_of_samples_of_gamma(a, x, compiler):
    """Of dx/da for a number x drawn by the distribution function P, beside mpmath's differences of 40 digits."""
    a, x = np.float32(a), np.float32(x)
    with mpmath.workdps(40):

        def slope(a, x):
            by_a = mpmath.diff(lambda a: mpmath.gammainc(a, 0, x, regularized=True), a)
            return -by_a * mpmath.gamma(a) * mpmath.exp(x) / x ** (a - 1)

        exact = [mpmath.diff(slope, (mpmath.mpf(float(a)), mpmath.mpf(float(x))), n) for n in ((1, 0), (0, 1))]
    by_both = mj.jit(mj.jacfwd(mj.lax.random_gamma_grad, (0, 1)), compiler=compiler)
    np.testing.assert_allclose(by_both(a, x), np.array(exact, float), rtol=2 * np.finfo("float32").eps)


@pytest.mark.parametrize("a", [1e-3, 0.3, 1, 2.5, 40, 3000])
def test_incomplete_beta(a):
    for b in (2e-3, 0.5, 1, 7, 1000):
        mean = a / (a + b)
        x = np.clip(mean * np.float32([0.05, 0.5, 0.9, 1, 1.05]), 1e-6, 1 - 1e-6).astype(np.float32)
        args = [np.full_like(x, a), np.full_like(x, b), x]
        exact = scipy.special.betainc(*[v.astype(np.float64) for v in args])
        assert_as_accurate(mj.lax.betainc(*args), jax.lax.betainc(*args), exact)
    with pytest.raises(ValueError, match="Betainc gradient with respect to a and b not supported"):
        mj.grad(mj.lax.betainc)(2.0, 3.0, 0.5)


def test_zeta_and_polygamma():
    x, q = map(np.ravel, np.meshgrid(np.float32([1.01, 1.5, 2, 3, 7.25, 30]), np.float32([0.01, 0.4, 1, 2.5, 20, 1e4])))
    exact = scipy.special.zeta(x.astype(np.float64), q.astype(np.float64))
    assert_as_accurate(mj.lax.zeta(x, q), jax.lax.zeta(x, q), exact)
    m = np.floor(x)
    exact = scipy.special.polygamma(m.astype(int), q.astype(np.float64))
    assert_as_accurate(mj.lax.polygamma(m, q), jax.lax.polygamma(m, q), exact)
    with pytest.raises(ValueError, match="polygamma gradient with respect to m is not supported"):
        mj.grad(mj.lax.polygamma)(2.0, 3.0)


EDGES = np.float32([0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -2.5, 1.5])


@pytest.mark.parametrize(
    "name", ["zeta", "polygamma", "igamma", "igammac", "igamma_grad_a", "random_gamma_grad", "betainc"]
)
@pytest.mark.one_in(5)
def test_edges(name):
    """JAX's values where it has one. Its NaN is a limit here where SciPy has one, or where the function is flat."""
    count = 3 if name == "betainc" else 2
    args = [v.ravel() for v in np.meshgrid(*[EDGES] * count)]
    mine, theirs = np.asarray(getattr(mj.lax, name)(*args)), np.asarray(getattr(jax.lax, name)(*args))
    differ = ~np.isclose(mine, theirs, rtol=1e-5, atol=0, equal_nan=True)
    # Both parameters infinite: JAX has 1 or 0 for P, SciPy and we have NaN.
    at = [tuple(float(v[i]) for v in args) for i in np.flatnonzero(differ) if not (args[0][i] == args[1][i] == np.inf)]
    assert all(np.isnan(theirs[differ][i]) or args[0][j] == np.inf for i, j in enumerate(np.flatnonzero(differ))), at
    assert all(np.isinf(point[:2]).any() or 0 in point for point in at), at
    if name in OF_GAMMA:
        exact = OF_GAMMA[name](*[v.astype(np.float64) for v in args])
        np.testing.assert_allclose(mine[differ], exact[differ])


@pytest.mark.parametrize("name", ["igamma", "igammac", "igamma_grad_a", "random_gamma_grad", "betainc"])
@pytest.mark.one_in(2)
def test_one_algorithm_for_numpy_and_xla(name):
    args = [np.float32(v) for v in ([3, 1, 2, 12, 150], [0.5, 2, 3, 12, 150], [0.1, 0.5, 0.9, 0, 1])]
    args = args[: 3 if name == "betainc" else 2]
    function = getattr(mj.lax, name)
    np.testing.assert_allclose(mj.jit(function, compiler="xla")(*args), function(*args), rtol=2e-6)
    np.testing.assert_array_equal(mj.jit(function)(*args), function(*args))
