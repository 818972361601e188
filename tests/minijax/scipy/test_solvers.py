"""`scipy.optimize`, `sparse.linalg`, `integrate`, `ndimage` and `experimental.ode` against JAX's."""

from __future__ import annotations

import jax
import jax.experimental.ode
import jax.numpy
import jax.scipy.integrate
import jax.scipy.ndimage
import jax.scipy.optimize
import jax.scipy.sparse.linalg
import numpy as np
import pytest

import minijax
import minijax.experimental.ode
import minijax.numpy

RNG = np.random.default_rng(0)


def assert_close(mine, theirs, rtol=1e-4, atol=1e-5):
    for a, b in zip(minijax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol * max(1.0, float(np.abs(np.asarray(b)).max(initial=0))))


def refused(f, *errors) -> str:
    with pytest.raises(errors) as caught:
        f()
    return caught.type.__name__


# ---------------------------------------------------------------------------------------------------------------------
# sparse.linalg

ROOT = RNG.normal(size=(5, 5)).astype("float32")
SYMMETRIC, GENERAL = ROOT @ ROOT.T + np.eye(5, dtype="float32"), ROOT + 4 * np.eye(5, dtype="float32")
B = RNG.normal(size=5).astype("float32")
COMPLEX = GENERAL + 1j * ROOT.T


@pytest.mark.parametrize("name", ["cg", "bicgstab", "gmres"])
@pytest.mark.one_in(5)
def test_systems(name):
    """Matrices, functions, trees, a preconditioner, a start; derivatives; a batch."""
    A = SYMMETRIC if name == "cg" else GENERAL

    def run(lib):
        jnp, solve = lib.numpy, getattr(lib.scipy.sparse.linalg, name)
        matrix, b = jnp.asarray(A), jnp.asarray(B)
        f = lambda A, b: solve(A, b, tol=1e-6)[0]
        tree = solve(lambda x: {"a": matrix @ x["a"], "b": 2 * x["b"]}, {"a": b, "b": jnp.ones((2, 1))}, tol=1e-6)[0]
        return [
            f(matrix, b),
            solve(lambda x: matrix @ x, b, b, tol=1e-6, M=jnp.diag(1 / jnp.diag(matrix)))[0],
            tree,
            lib.jit(lib.grad(lambda A, b: (f(lambda x: A @ x, b) ** 2).sum(), (0, 1)))(matrix, b),
            lib.vmap(lambda b: f(matrix, b))(jnp.stack([b, 2 * b + 1])),
        ]

    mine, theirs = run(minijax), run(jax)
    assert_close(mine, theirs, 1e-3, 1e-4)
    np.testing.assert_allclose(A @ mine[0], B, atol=1e-4)


@pytest.mark.parametrize("name", ["bicgstab", "gmres"])
def test_complex_systems(name):
    x, info = getattr(minijax.scipy.sparse.linalg, name)(COMPLEX.astype("complex64"), B.astype("complex64"), tol=1e-6)
    np.testing.assert_allclose(COMPLEX @ np.asarray(x), B, atol=1e-4)
    assert info is None or info == 0


def test_gmres_restarts_and_stops():
    solve = minijax.scipy.sparse.linalg.gmres
    exact = np.linalg.solve(GENERAL, B)
    np.testing.assert_allclose(solve(GENERAL, B, restart=2, solve_method="incremental", tol=1e-6)[0], exact, atol=1e-4)
    assert np.abs(solve(GENERAL, B, restart=1, maxiter=1)[0] - exact).max() > 1e-2
    # A basis of fewer vectors than unknowns: the matrix has two eigenvalues.
    two = np.diag(np.float32([1, 1, 1, 3, 3]))
    np.testing.assert_allclose(solve(two, B)[0], B / np.diag(two), rtol=1e-4)


SYSTEM_MISTAKES = {
    "not square": lambda s: s.cg(ROOT[:3], B),
    "no operator": lambda s: s.cg(3.0, B),
    "another tree": lambda s: s.cg(SYMMETRIC, B, [B]),
    "another shape": lambda s: s.bicgstab(SYMMETRIC, B, B[:2]),
    "another method": lambda s: s.gmres(SYMMETRIC, B, solve_method="some"),
}


@pytest.mark.parametrize("name", SYSTEM_MISTAKES)
def test_systems_that_are_refused(name):
    kinds = [
        refused(lambda lib=lib: SYSTEM_MISTAKES[name](lib.scipy.sparse.linalg), TypeError, ValueError)
        for lib in (minijax, jax)
    ]
    assert kinds[0] == kinds[1]


# ---------------------------------------------------------------------------------------------------------------------
# optimize


def rosenbrock(jnp, x):
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def himmelblau(jnp, x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def sphere(jnp, z):
    return jnp.real(jnp.dot(jnp.conj(z - 5j), z - 5j)) + jnp.sum(jnp.real(z) ** 4)


SHORT = {"method": "l-bfgs-experimental-do-not-rely-on-this"}
FUNCTIONS = {
    "rosenbrock": (rosenbrock, [0.0, 0.0], {}),
    "himmelblau": (himmelblau, [1.0, 1.0], {"gtol": 1e-3, "norm": 2}),
    "a bowl": (lambda jnp, x: jnp.sum((x - 1) ** 2), [0.0, 3.0, 1.0], {"norm": 1}),
    "few steps": (rosenbrock, [-1.0, 2.0], {"maxiter": 3}),
    "no minimum": (lambda jnp, x: jnp.sum(x), [1.0], {"maxiter": 3, "line_search_maxiter": 4}),
    "flat": (lambda jnp, x: jnp.sum(x * 0), [1.0], {"norm": -np.inf}),
    "rosenbrock, short memory": (rosenbrock, [0.0, 0.0], {"maxcor": 3, "gtol": 1e-7, **SHORT}),
    "complex, short memory": (sphere, [1 + 2j, -3j], {"gtol": 1e-6, **SHORT}),
    "few steps, short memory": (rosenbrock, [-1.0, 2.0], {"maxiter": 3, **SHORT}),
    "few gradients, short memory": (rosenbrock, [-1.0, 2.0], {"maxgrad": 5, "maxfun": 9, "norm": 2, **SHORT}),
    "no minimum, short memory": (lambda jnp, x: jnp.sum(x), [1.0], {"maxls": 4, **SHORT}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.one_in(28)
def test_minimize(name):
    """In float64 the two take the same steps, with as many evaluations."""
    f, start, options = FUNCTIONS[name]
    options = {**options}
    method = options.pop("method", "BFGS")

    def run(lib):
        with lib.enable_x64(True):
            f_ = lib.jit(
                lambda x: lib.scipy.optimize.minimize(lambda x: f(lib.numpy, x), x, method=method, options=options)
            )
            found = f_(lib.numpy.asarray(np.asarray(start) * 1.0))
            return [np.asarray(0 if x is None else x) for x in found]

    mine, theirs = run(minijax), run(jax)
    for field, a, b in zip(jax.scipy.optimize.OptimizeResults._fields, mine, theirs, strict=True):
        assert a.dtype == b.dtype, field
        if a.dtype.kind in "fc":
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=field)
        else:
            np.testing.assert_array_equal(a, b, err_msg=field)


def test_minimize_in_float32_and_its_mistakes():
    minimize = minijax.scipy.optimize.minimize
    f = lambda x, a: himmelblau(minijax.numpy, x - a)
    found = minimize(f, minijax.numpy.zeros(2), (1.0,), method="bfgs", options={"gtol": 1e-3})
    assert found.success and found.x.dtype == np.float32
    np.testing.assert_allclose(himmelblau(np, np.asarray(found.x) - 1), 0, atol=1e-4)
    for function in (minimize, jax.scipy.optimize.minimize):
        with pytest.raises(TypeError):
            function(f, np.zeros(2), 1.0, method="BFGS")
        with pytest.raises(ValueError):
            function(f, np.zeros(2), method="some")


# ---------------------------------------------------------------------------------------------------------------------
# integrate, ndimage


def test_trapezoid():
    for args in ((ROOT,), (ROOT, B), (ROOT, None, 0.5, 0)):
        assert_close(
            *[lib.scipy.integrate.trapezoid(*map(lib.numpy.asarray, args[:1]), *args[1:]) for lib in (minijax, jax)]
        )


IMAGE = RNG.normal(size=(4, 5)).astype("float32")
PLACES = [RNG.uniform(-2, 6, (3, 2)).astype("float32") for _ in range(2)]


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.one_in(4)
def test_map_coordinates(mode):
    def run(lib):
        places, image = [lib.numpy.asarray(p) for p in PLACES], lib.numpy.asarray(IMAGE)
        f = lambda x, *p: lib.scipy.ndimage.map_coordinates(x, p, order=1, mode=mode, cval=2.0)
        whole = (10 * image).astype("int32")
        return [
            f(image, *places),
            lib.scipy.ndimage.map_coordinates(image, places, 0, mode),
            lib.scipy.ndimage.map_coordinates(whole, places, 1, mode, cval=-3),
            lib.grad(lambda *args: (f(*args) ** 2).sum(), (0, 1))(image, *places),
        ]

    assert_close(run(minijax), run(jax))


@pytest.mark.parametrize(
    "mistake",
    [
        lambda f: f(IMAGE, PLACES[:1], order=1),
        lambda f: f(IMAGE, PLACES, order=2),
        lambda f: f(IMAGE, PLACES, order=1, mode="grid-wrap"),
    ],
)
def test_map_coordinates_refuses(mistake):
    kinds = [
        refused(lambda lib=lib: mistake(lib.scipy.ndimage.map_coordinates), ValueError, NotImplementedError)
        for lib in (minijax, jax)
    ]
    assert kinds[0] == kinds[1]


# ---------------------------------------------------------------------------------------------------------------------
# odeint


def pendulum(lib):
    jnp = lib.numpy
    f = lambda y, t, length: {"angle": y["speed"], "speed": -jnp.sin(y["angle"]) / length - 0.1 * t * y["speed"]}
    y0 = {"angle": jnp.float32(1.0), "speed": jnp.float32(0.0)}
    solve = lambda y0, t, length: lib.experimental.ode.odeint(f, y0, t, length, rtol=1e-5, atol=1e-6)
    return solve, (y0, jnp.linspace(0.0, 2.0, 4), jnp.float32(0.7))


def test_odeint():
    """The solution of a pytree, and the gradient by the start, the times and a parameter."""

    def run(lib):
        solve, args = pendulum(lib)
        return solve(*args), lib.grad(lambda *args: (solve(*args)["angle"] ** 2).sum(), (0, 1, 2))(*args)

    mine, theirs = run(minijax), run(jax)
    assert_close(mine, theirs, 1e-3, 1e-4)


def test_odeint_in_float64():
    with minijax.enable_x64(True):
        times = minijax.numpy.linspace(0.0, 3.0, 5)
        solve = lambda y, t: minijax.experimental.ode.odeint(lambda y, t: 1j * y, y, t)
        y = solve(minijax.numpy.complex128(1), times)
        np.testing.assert_allclose(y, np.exp(1j * np.linspace(0, 3, 5)), atol=1e-7)
        decay = lambda k: minijax.experimental.ode.odeint(lambda y, t, k: -k * y, 2.0, times, k)[-1]
        np.testing.assert_allclose(minijax.grad(decay)(0.5), -6 * np.exp(-1.5), rtol=1e-6)
        # The closure over a traced value, a longest step, and few steps.
        closed = lambda k: minijax.experimental.ode.odeint(lambda y, t: -k * y, 2.0, times, hmax=0.1)[-1]
        np.testing.assert_allclose(minijax.grad(closed)(0.5), -6 * np.exp(-1.5), rtol=1e-6)
        cut = minijax.experimental.ode.odeint(lambda y, t: -y, 1.0, times, mxstep=1)
        assert not np.allclose(cut, np.exp(-np.linspace(0, 3, 5)), atol=1e-3)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda lib, ode: ode.odeint(lambda y, t, a: y, 1.0, lib.numpy.linspace(0.0, 1.0, 2), "text"),
        lambda lib, ode: ode.odeint(lambda y, t: y, 1.0, lib.numpy.arange(3)),
    ],
)
def test_odeint_refuses(mistake):
    kinds = [refused(lambda lib=lib: mistake(lib, lib.experimental.ode), TypeError) for lib in (minijax, jax)]
    assert kinds[0] == kinds[1]
