"""Taylor mode is compared with repeated jvp for every primitive, and with `jax.experimental.jet` where JAX has the rules."""

from __future__ import annotations

import functools
import math
import re

import hypothesis
import hypothesis.strategies as st
import jax
import jax.experimental.jet
import jax.numpy
import numpy as np
import pytest
import scipy.special
from op_table import FACTORIZATIONS, OPS, Op, arrays
from thinned import LONG, part

import minijax as mj
import minijax.lax
import minijax.numpy
from kaf.functional import kaf
from minijax.calls import registry
from minijax.core.primitive import Primitive
from minijax.experimental import jet as jet_module
from minijax.experimental.jet import jet, jet_rules

# Nested jvps take twice as long for each order.
ORDER = 5 if LONG else 4
X = np.array([0.5, -1.0, 2.0], np.float32)
CENTERS = np.linspace(-2, 2, 4, dtype=np.float32)
A = np.linspace(-1, 1, 9, dtype=np.float32).reshape(3, 3)
COEFFICIENTS, METHODS = A[:, [0, 1, 2, 0]], {mj: "auto", jax: "naive"}


@pytest.fixture
def x64():
    with mj.enable_x64(True):
        yield


# ---------------------------------------------------------------------------------------------------------------------
# Against repeated jvp


def curve(x, terms, t):
    return functools.reduce(lambda a, b: a + b, [v * (t**k / math.factorial(k)) for k, v in enumerate(terms, 1)], x)


def derivatives(function, order: int) -> list:
    """function(t) and its derivatives at t = 0, by jvps of jvps."""
    out = [function(0.0)]
    for _ in range(order):
        function = functools.partial(lambda f, t: mj.jvp(f, (t,), (1.0,))[1], function)
        out.append(function(0.0))
    return out


def assert_equals_derivatives(function, args, series, order=ORDER, rtol=1e-9):
    """jet's terms are the derivatives of function(x(t)) at 0."""
    moving = [i for i, terms in enumerate(series) if any(np.any(t) for t in terms)]

    def along(t):
        return function(*[curve(x, series[i], t) if i in moving else x for i, x in enumerate(args)])

    out, terms = jet(function, args, series)
    assert len(terms) == order
    for k, (got, want) in enumerate(zip([out, *terms], derivatives(along, order), strict=True)):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol, err_msg=f"order {k}")


# JAX's jet has no rules for factorizations, either.
WITH_RULE = [op for op in OPS if op.smooth and op.name not in FACTORIZATIONS]
SMOOTH = [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(WITH_RULE)]


def operands(op: Op, dtype: str) -> tuple[list, list]:
    """The arguments of an operation, and full series for those that are numbers."""
    rng = np.random.default_rng(11)
    args = [mj.numpy.asarray(x) for x in arrays(op, dtype, rng)]
    series = [
        [mj.numpy.asarray(0.3 * rng.standard_normal(x.shape), x.dtype) if i in op.smooth else 0 for _ in range(ORDER)]
        for i, x in enumerate(args)
    ]
    return args, series


@pytest.mark.parametrize("op", SMOOTH)
@pytest.mark.one_in(72)
def test_terms_are_the_derivatives_along_a_curve(op, x64):
    function = functools.partial(op.function, minijax.lax)
    rtol = 2e-3 if op.name == "convert_element_type" else 1e-9
    for dtype in ("float64", "complex128"):
        if {"float64": "float32", "complex128": "complex64"}[dtype] in op.dtypes:
            args, series = operands(op, dtype)
            assert_equals_derivatives(function, args, series, rtol=rtol)
            # Only one argument changes, along a line: all other terms are symbolic zeros.
            for i in op.smooth:
                line = [[s[0], *[0] * (ORDER - 1)] if i == n else [0] * ORDER for n, s in enumerate(series)]
                assert_equals_derivatives(function, args, line, rtol=rtol)


@hypothesis.given(
    op=st.sampled_from([op for op in WITH_RULE if "float32" in op.dtypes and op.name != "convert_element_type"]),
    mask=st.lists(st.booleans(), min_size=3 * ORDER, max_size=3 * ORDER),
)
def test_any_term_may_be_zero(op, mask):
    with mj.enable_x64(True):
        args, series = operands(op, "float64")
        mask = iter(mask)
        series = [[t if i in op.smooth and next(mask) else 0 for t in terms] for i, terms in enumerate(series)]
        assert_equals_derivatives(functools.partial(op.function, minijax.lax), args, series)


def test_line_gives_the_derivatives_along_it(x64):
    def f(x):
        return mj.numpy.tanh(A @ mj.numpy.sin(x)) * x

    x, v = mj.numpy.asarray(X, "float64"), mj.numpy.asarray([1.0, -0.5, 0.25])
    _, terms = jet(f, (x,), ((v, *[0] * 5),))
    np.testing.assert_allclose(terms, derivatives(lambda t: f(x + t * v), 6)[1:], rtol=1e-9)


def test_unscaled_coefficients(x64):
    """exp(3 t) has the coefficients 3^k / k!, and the derivatives 3^k."""
    scaled = jet(mj.numpy.exp, (0.0,), ((3.0, 0, 0, 0),))[1]
    unscaled = jet(mj.numpy.exp, (0.0,), ((3.0, 0, 0, 0),), factorial_scaled=False)[1]
    np.testing.assert_allclose(scaled, [3.0**k for k in range(1, 5)], rtol=1e-14)
    np.testing.assert_allclose(unscaled, [3.0**k / math.factorial(k) for k in range(1, 5)], rtol=1e-14)


def test_gamma_functions(x64):
    x = np.array([-2.3, -0.4, 0.1, 0.5, 0.9, 3.0, 7.5, 40.0])
    _, terms = jet(mj.lax.digamma, (x,), ((1.0, 0, 0, 0, 0),))
    for n in range(1, 6):
        # scipy's polygamma is for positive numbers; below it psi_n(x) = psi_n(x + 3) - (-1)^n n! sum (x + i)^(-n-1).
        up = sum((x + i) ** (-n - 1.0) for i in range(3)) * (-1) ** n * math.factorial(n)
        np.testing.assert_allclose(terms[n - 1], scipy.special.polygamma(n, x + 3) - up, rtol=2e-10)
    _, slopes = jet(mj.lax.lgamma, (x,), ((1.0, 0, 0, 0, 0),))
    np.testing.assert_allclose(slopes[1:], terms[:-1], rtol=1e-12)
    np.testing.assert_allclose(slopes[0], scipy.special.digamma(x), rtol=1e-10)


# ---------------------------------------------------------------------------------------------------------------------
# Against JAX


def mlp(lib, x):
    h = lib.numpy.tanh(A @ x + 0.1)
    return lib.nn.softmax(A.T @ lib.nn.gelu(h)) + lib.nn.sigmoid(h)


UNARY = "sin cos tan sinh cosh tanh exp log log1p expm1 sqrt rsqrt square logistic asinh atanh erf erfc erf_inv abs neg"
JAX_LACKS = {"tan"}
CASES = {
    **{n: functools.partial(lambda n, lib, x: getattr(lib.lax, n)(0.4 + 0.1 * x), n) for n in UNARY.split()},
    "acosh": lambda lib, x: lib.lax.acosh(2 + 0.1 * x),
    "x * x": lambda lib, x: x * x,
    "x ** 5": lambda lib, x: x**5,
    "x ** -2": lambda lib, x: x**-2,
    "x ** 2.5": lambda lib, x: lib.numpy.abs(x) ** 2.5,
    "x ** x": lambda lib, x: lib.numpy.power(x * x, x),
    "1 / x": lambda lib, x: (1 + x) / (x * x + 1) + 2 / x,
    "rem": lambda lib, x: lib.lax.rem(lib.numpy.abs(x), np.float32(0.7)),
    "atan2": lambda lib, x: lib.numpy.arctan2(x, 3.0),
    "max": lambda lib, x: lib.numpy.maximum(x, x**3) + lib.numpy.minimum(x, 0.7 * X),
    "max, tied": lambda lib, x: (
        lib.numpy.maximum(2 * x, x * 2 * x / X) + lib.numpy.minimum(x, lib.numpy.exp(0 * x) * X)
    ),
    "abs at 0": lambda lib, x: lib.numpy.abs(x - X),
    "clamp": lambda lib, x: lib.lax.clamp(X - 1, x, np.float32([0.5, -1.0, 1.5])),
    "where": lambda lib, x: lib.numpy.where(x > 0, x * x, lib.numpy.sin(x)),
    "sign, floor": lambda lib, x: lib.numpy.sign(x) * x + lib.numpy.floor(x) * x,
    "comparison": lambda lib, x: x > 0,
    "to integers": lambda lib, x: x.astype(np.int32),
    "stop_gradient": lambda lib, x: lib.lax.stop_gradient(x) * x,
    "reductions": lambda lib, x: lib.numpy.sum(x * x) + lib.numpy.max(x) * lib.numpy.min(x) + lib.numpy.mean(x),
    "reduce_max, tied": lambda lib, x: lib.numpy.max(x / X) * x,
    "cumulative": lambda lib, x: lib.numpy.cumsum(x) * lib.numpy.cumprod(x) + lib.lax.cummax(x),
    "logsumexp": lambda lib, x: lib.nn.logsumexp(x),
    "matmul": lambda lib, x: (A @ x) @ (x @ A),
    "shapes": lambda lib, x: lib.numpy.pad(lib.numpy.stack([x, x * x])[::-1, 1:].T.reshape(4), 1)[None].squeeze(0),
    "concatenate": lambda lib, x: lib.numpy.concatenate([x, lib.numpy.sin(x), np.ones(2, np.float32)]),
    "gather": lambda lib, x: (x * x)[np.array([2, 0])],
    "scatter-add": lambda lib, x: (x * x).at[np.array([2, 0])].add(lib.numpy.sin(x[:2])),
    "dynamic_slice": lambda lib, x: lib.lax.dynamic_slice(x * x, (1,), (2,)),
    "jit": lambda lib, x: lib.jit(lambda y: lib.numpy.sin(y) * y)(x) * x,
    "complex": lambda lib, x: lib.numpy.exp(1j * x * x).real,
    "mlp": mlp,
    # JAX's jet has no rule for checkpoint, which the other methods use.
    "kaf": lambda lib, x: kaf(x, lib.numpy.asarray(COEFFICIENTS), CENTERS, 0.8, method=METHODS[lib]),
    "a tree": lambda lib, x: {"s": lib.numpy.sin(x), "rest": (x * x, [x])},
}
COMPARED = part((n for n in CASES if n not in JAX_LACKS), 4)
TERMS = [np.linspace(1, -1, 3, dtype=np.float32), X[::-1].copy(), np.float32([0.1, 0.2, -0.3])]


@pytest.fixture(scope="module")
def jaxs_answers():
    """All cases in one jitted program, because JAX spends most of the time on compiling."""

    def run(x, terms):
        return {
            n: jax.experimental.jet.jet(lambda y, f=f: f(jax, y), (x,), (terms,))
            for n, f in CASES.items()
            if n in COMPARED
        }

    return jax.jit(run)(X, TERMS)


def assert_same(mine, theirs, rtol=3e-5):
    mine, my_tree = mj.tree.flatten(mine)
    theirs, their_tree = jax.tree.flatten(theirs)
    assert str(my_tree) == str(their_tree)
    for a, b in zip(mine, theirs, strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * max(1.0, float(np.abs(b).max(initial=0))))


@pytest.mark.parametrize("name", COMPARED)
def test_equals_jax(name, jaxs_answers):
    assert_same(jet(functools.partial(CASES[name], mj), (X,), (TERMS,)), jaxs_answers[name])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.one_in(40)
def test_jit_and_vmap_of_jet(name):
    def run(x, *terms):
        return jet(functools.partial(CASES[name], mj), (x,), (terms,))

    expected = run(X, *TERMS)
    for other in (
        mj.jit(run)(X, *TERMS),
        mj.tree.map(
            lambda y: y[1], mj.vmap(run, (0, 0, None, None))(np.stack([X, X]), np.stack(2 * TERMS[:1]), *TERMS[1:])
        ),
    ):
        assert mj.tree.structure(other) == mj.tree.structure(expected)
        for a, b in zip(mj.tree.leaves(other), mj.tree.leaves(expected)):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    mj.core.jaxpr.check_jaxpr(mj.make_jaxpr(run)(X, *TERMS))


# ---------------------------------------------------------------------------------------------------------------------
# With the other transformations


def f(x):
    return mj.numpy.sin(x) * mj.numpy.exp(0.5 * x)


def third(x):
    """The third derivative of f."""
    return jet(f, (x,), ((1.0, 0, 0),))[1][2]


def along(function, x, v, order: int) -> list:
    return derivatives(lambda t: function(x + t * v), order)


def close(a, b, rtol=1e-9):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


def test_grad_of_jet_and_jet_of_grad(x64):
    fourth = along(f, 0.3, 1.0, 4)[4]
    for derivative in (mj.grad(third), mj.jacfwd(third), mj.jacrev(third), mj.grad(mj.jit(third))):
        close(derivative(0.3), fourth)
    for slope in (mj.grad(f), mj.jacfwd(f), mj.jacrev(f), mj.grad(mj.jit(f)), lambda x: mj.linearize(f, x)[1](1.0)):
        close(jet(slope, (0.3,), ((1.0, 0, 0),))[1][2], fourth)


def test_derivatives_of_a_gradient_along_a_line(x64):
    def g(x):
        return mj.numpy.sum(mj.numpy.tanh(A @ x) ** 2)

    x, v = mj.numpy.asarray(X, float), mj.numpy.asarray([1.0, 2.0, -1.0])
    first, _, third = jet(mj.grad(g), (x,), ((v, 0, 0),))[1]
    close(first, mj.hessian(g)(x) @ v)
    close(third, mj.grad(lambda y: jet(g, (y,), ((v, 0, 0),))[1][2])(x))


def test_jets_nest(x64):
    fifth = along(f, 0.3, 1.0, 5)[5]
    close(jet(third, (0.3,), ((1.0, 0),))[1][1], fifth)
    close(jet(mj.jit(third), (0.3,), ((1.0, 0),))[1][1], fifth)


def x_times_the_slope_of_x_plus_y():
    """The value and the derivative of x * d/dy (x + y), which is x: in the inner jet x is a constant."""
    out, (slope,) = jet(lambda x: x * jet(lambda y: x + y, (1.0,), ((1.0,),))[1][0], (2.0,), ((1.0,),))
    return float(out), float(slope)


def test_nested_curves_are_not_confused():
    assert x_times_the_slope_of_x_plus_y() == (2.0, 1.0)


def test_jet_of_vmap(x64):
    def g(x):
        return mj.numpy.sum(x * mj.numpy.sin(x)), mj.lax.psum(x**3, "i")

    rng = np.random.default_rng(3)
    x, v = rng.standard_normal((2, 4, 3))
    _, (rows, summed) = jet(mj.vmap(g, axis_name="i"), (x,), ((v, 0, 0),))
    close(rows, along(lambda x: mj.numpy.sum(x * mj.numpy.sin(x), 1), x, v, 3)[1:])
    close([s[0] for s in summed], along(lambda x: mj.numpy.sum(x**3, 0), x, v, 3)[1:])
    # In the other order, vmap outside of jet, the axis is named outside of the jet.
    _, (inner_rows, inner_summed) = mj.vmap(lambda x, v: jet(g, (x,), ((v, 0, 0),)), axis_name="i")(x, v)
    close(inner_rows, rows)
    close(inner_summed, summed)


LOOPS = {
    "scan": lambda x: mj.lax.scan(lambda c, a: (mj.numpy.sin(c) * a + x, c * c), x, mj.numpy.stack([x, x * x, 2.0]))[1],
    "scan, reverse": lambda x: mj.lax.scan(lambda c, a: (c * a, c + a), 2.0, mj.numpy.stack([x, x * x]), reverse=True),
    "scan, a carry that moves late": lambda x: mj.lax.scan(
        lambda c, _: ((c[1], x * c[1] + 1.0), c), (0.0, 1.0), None, 4
    ),
    "fori_loop": lambda x: mj.lax.fori_loop(0, 3, lambda i, c: mj.numpy.cos(c) * x + i, x),
    "while_loop": lambda x: mj.lax.while_loop(lambda c: c[0] < 3.0, lambda c: (c[0] + 1.0, c[1] * x), (0.0, x))[1],
    "while_loop, moving": lambda x: mj.lax.while_loop(lambda c: c < 3.0, lambda c: c * c * (2 + x), 1.0 * x),
    "cond": lambda x: mj.lax.cond(x > 0, lambda y: (y * y, y), lambda y: (y, mj.numpy.sin(y)), x * x),
    "cond, other branch": lambda x: mj.lax.cond(x < 0, lambda y: (3.0, y), lambda y: (2.0, mj.numpy.sin(y)), x),
    "switch": lambda x: mj.lax.switch(1, [mj.numpy.cos, mj.numpy.exp, mj.numpy.sin], x * x),
    "associative_scan": lambda x: mj.lax.associative_scan(mj.lax.mul, mj.numpy.stack([x, x + 1, x * x])),
    "checkpoint": lambda x: mj.checkpoint(lambda y: mj.numpy.sin(y) * y)(x * x),
    "jit": lambda x: mj.jit(lambda y, z: (mj.numpy.sin(y) * z, z))(x * x, 2.0),
    "grad of scan": mj.grad(lambda x: mj.lax.scan(lambda c, a: (mj.numpy.sin(c) * a, c), x, 1.0 + A[0])[0]),
}


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.one_in(24)
def test_programs_within(name, x64):
    """Loops, branches and calls: jet transforms their jaxpr and binds the same primitive again (JAX lacks most of these rules)."""
    program = LOOPS[name]
    out, terms = jet(lambda x: mj.tree.leaves(program(x)), (0.7,), ((1.0, 0, 0, 0),))
    for i, (y, series) in enumerate(zip(out, terms, strict=True)):
        expected = along(lambda x, i=i: mj.tree.leaves(program(x))[i], 0.7, 1.0, 4)
        assert [t.dtype for t in series] == [y.dtype] * 4
        close([y, *series], expected)

    def run(x):
        return jet(program, (x,), ((1.0, 0, 0, 0),))

    jitted, mapped = mj.jit(run)(0.7), mj.vmap(run)(np.array([0.5, 0.7]))
    for a, b, c in zip(*map(mj.tree.leaves, (run(0.7), jitted, mapped)), strict=True):
        close(a, b)
        close(a, c[1])
    closed = mj.make_jaxpr(run)(0.7)
    mj.core.jaxpr.check_jaxpr(closed)
    before = [e.primitive.name for e in mj.make_jaxpr(program)(0.7).eqns if mj.core.jaxpr.jaxprs_in_params(e.params)]
    after = [e.primitive.name for e in closed.eqns if mj.core.jaxpr.jaxprs_in_params(e.params)]
    assert after == before


def test_jit_stays_one_equation_and_is_traced_once():
    traced = []

    @mj.jit
    def g(x):
        traced.append(None)
        return mj.numpy.sin(x)

    (eqn,) = mj.make_jaxpr(lambda x, t: jet(g, (x,), ((t, 0),)))(1.0, 1.0).eqns[:1]
    assert (eqn.primitive.name, eqn.params["name"]) == ("jit", "g")
    for _ in range(3):
        jet(g, (1.0,), ((1.0, 0),))
    assert len(traced) == 1


def custom_jvp():
    """The user's rule is not the derivative of sin: the result shows that the rule was used."""
    g = mj.custom_jvp(lambda x: (mj.numpy.sin(x), x > 0))
    g.defjvp(lambda primals, tangents: (g(*primals), (3 * tangents[0] * primals[0], np.zeros((), mj.float0))))
    return lambda x: g(x * x)[0]


def root(a):
    """Bisection has no derivative: only the rule of custom_root gives the derivative of the root."""

    def bisect(f, guess):
        def step(_, bounds):
            middle = (bounds[0] + bounds[1]) / 2
            low = f(middle) < 0
            return mj.numpy.where(low, middle, bounds[0]), mj.numpy.where(low, bounds[1], middle)

        return mj.lax.fori_loop(0, 60, step, (0.0 * guess, 4.0 + 0.0 * guess))[0]

    return mj.lax.custom_root(lambda x: x**3 - a, 1.0, bisect, lambda f, y: y / f(1.0))


def solution(x):
    """A(x) y = b(x), by Cramer's rule."""
    matrix = mj.numpy.stack([mj.numpy.stack([2 + x, x * x]), mj.numpy.stack([mj.numpy.sin(x), 3.0])])

    def solve(matvec, b):
        (p, q), (r, s) = mj.jacfwd(matvec)(b)
        return mj.numpy.stack([s * b[0] - q * b[1], p * b[1] - r * b[0]]) / (p * s - q * r)

    b = mj.numpy.stack([x**3, mj.numpy.exp(x)])
    return mj.lax.custom_linear_solve(lambda y: matrix @ y, b, solve)


RULES_OF_USERS = {
    "custom_jvp": (custom_jvp(), 0.7),
    "custom_jvp, jit": (mj.jit(custom_jvp()), 0.7),
    "softplus at 0": (mj.nn.softplus, 0.0),
    "relu at 0": (mj.nn.relu, 0.0),
    "logaddexp, tied": (lambda x: mj.numpy.logaddexp(2 * x, 1 + x), 1.0),
    "custom_root": (root, 2.0),
    "custom_linear_solve": (solution, 0.3),
}


@pytest.mark.parametrize("name", RULES_OF_USERS)
@pytest.mark.one_in(3)
def test_rules_of_users_are_asked(name, x64):
    """JAX's jet would not ask them (its release 0.10 fails at any custom_jvp), and softplus' slope at 0 would be 0."""
    function, x = RULES_OF_USERS[name]
    out, terms = jet(function, (x,), ((1.0, 0, 0, 0),))
    close([out, *terms], along(function, x, 1.0, 4))


def test_custom_vjp_is_differentiated_itself(x64):
    g = mj.custom_vjp(mj.numpy.cos)
    g.defvjp(lambda x: (g(x), None), lambda _, ct: (3 * ct,))
    for function in (g, mj.jit(g)):
        close(jet(function, (0.7,), ((1.0, 0, 0),))[1], along(mj.numpy.cos, 0.7, 1.0, 3)[1:])


# ---------------------------------------------------------------------------------------------------------------------
# Arguments and results


def test_python_decides_on_values():
    """The function may branch on the primal's value, as under jvp."""
    out, terms = jet(lambda x: x * x if x > 1 else x, (3.0,), ((1.0, 0),))
    assert [float(out), *map(float, terms)] == [9.0, 6.0, 2.0]


def test_trees_in_and_out():
    def g(p, y):
        return {"a": p["w"] * y, "n": None}, [p["b"][0] ** 2]

    p = {"w": 2.0, "b": (3.0,)}
    out, series = jet(g, (p, 5.0), (({"w": 1.0, "b": (1.0,)}, {"w": 0, "b": (0,)}), (1.0, 0)))
    assert mj.tree.map(float, out) == ({"a": 10.0, "n": None}, [9.0])
    assert mj.tree.map(float, series) == ({"a": [7.0, 2.0], "n": None}, [[6.0, 2.0]])


ARGUMENTS = {
    "scalars": lambda jet, np: jet(lambda x: x * x, (3.0,), ((1.0, 0.5),)),
    "two arguments": lambda jet, np: jet(lambda x, y: np.sin(x) * y, (3.0, X), ((1.0, 0.5), (X, X))),
    "lists": lambda jet, np: jet(lambda x: x * x, [3.0], [[1.0, 0.5]]),
    "integer terms": lambda jet, np: jet(np.sin, (np.float32(0.5),), ((1, 0),)),
    "an integer": lambda jet, np: jet(np.sin, (1,), ((1.0, 0.0),)),
    "order 0": lambda jet, np: jet(np.sin, (1.0,), ((),)),
    "order 1": lambda jet, np: jet(np.sin, (1.0,), ((1.0,),)),
    "numbers for arrays": lambda jet, np: jet(lambda x: np.sin(x) * x, (X,), ((1.0, 0.0),)),
    "empty": lambda jet, np: jet(lambda x: np.sin(x) * x, (X[:0],), ((X[:0], X[:0]),)),
    "a boolean result": lambda jet, np: jet(lambda x: x > 0, (1.0,), ((1.0, 0.0),)),
    "a boolean result, unscaled": lambda jet, np: jet(lambda x: x > 0, (1.0,), ((1.0, 0.0),), factorial_scaled=False),
    "unscaled": lambda jet, np: jet(lambda x: np.exp(x) * x, (X,), ((X, X, X),), factorial_scaled=False),
    "a constant result": lambda jet, np: jet(lambda x: np.ones(2), (1.0,), ((1.0, 0.0),)),
    "no result": lambda jet, np: jet(lambda x: None, (1.0,), ((1.0, 0.0),)),
    "float16": lambda jet, np: jet(lambda x: np.sin(x) * x, (np.float16(0.5),), ((np.float16(1), np.float16(0)),)),
    "complex": lambda jet, np: jet(
        lambda x: np.exp(x * x), (np.complex64(1 + 2j),), ((np.complex64(1j), np.complex64(2)),)
    ),
    "NaN": lambda jet, np: jet(lambda x: np.sin(x) * x, (np.asarray([np.nan, 1.0]),), ((X[:2], X[:2]),)),
    "infinity": lambda jet, np: jet(np.tanh, (np.asarray([np.inf, -np.inf]),), ((X[:2], X[:2]),)),
}


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.one_in(5)
def test_arguments_as_in_jax(name):
    mine = ARGUMENTS[name](jet, minijax.numpy)
    theirs = ARGUMENTS[name](jax.experimental.jet.jet, jax.numpy)
    assert_same(mine, theirs, 2e-3 if name == "float16" else 1e-5)


def test_an_integer_that_stays_is_an_index():
    out, terms = jet(lambda x, i: x[i] * x, (X, 2), ((X, 0), (0, 0)))
    close([out, *terms], [2 * X, 4 * X, 4 * X], 1e-6)


def test_where_jax_gives_nan(x64):
    """Powers of 0 and of negative numbers: JAX's jet takes the logarithm, so that its x ** 2.0 is NaN there."""
    terms = ((1.0, 0, 0),)
    for function in (lambda x: x**2, lambda x: x**2.0, lambda x: mj.numpy.power(x, 2), lambda x: x * x):
        for x in (0.0, -2.0):
            assert [float(t) for t in jet(function, (x,), terms)[1]] == [2 * x, 2.0, 0.0]
    assert [float(t) for t in jet(mj.numpy.prod, (np.zeros(2),), ((np.ones(2), 0, 0),))[1]] == [0.0, 2.0, 0.0]
    assert [float(t) for t in jet(mj.numpy.sqrt, (0.0,), ((1.0,),))[1]] == [np.inf]


def test_accurate_where_the_value_is_small_or_saturated():
    """The primal is the primitive's own, not a composition's; 1 - tanh^2 is not computed by cancellation; a binomial
    coefficient may be larger than an integer."""
    assert float(jet(mj.numpy.expm1, (1e-10,), ((1.0,),))[0]) == np.float32(1e-10)
    _, (slope,) = jet(mj.numpy.tanh, (8.0,), ((1.0,),))
    np.testing.assert_allclose(slope, 1 / np.cosh(8.0) ** 2, rtol=0.3)
    *_, last = jet(lambda x: x**1000, (1.0,), ((1.0, 0, 0, 0, 0, 0),))[1]
    np.testing.assert_allclose(last, math.perm(1000, 6), rtol=1e-5)


# ---------------------------------------------------------------------------------------------------------------------
# Errors


ERRORS = [
    (
        lambda jet: jet(lambda x, y: x + y, (1.0, 2.0), ((1.0,), (1.0, 2.0))),
        ValueError,
        "jet terms have inconsistent lengths",
    ),
    (lambda jet: jet(lambda: 1.0, (), ()), ValueError, "jet terms have inconsistent lengths for different arguments"),
    (lambda jet: jet(lambda x: x, (1.0,), (({"a": 1.0},),)), ValueError, "term 0 for argument 0 is not an array"),
    (
        lambda jet: jet(lambda x: x, (1.0, 2.0), ((0, 1), (1.0, (2.0,)))),
        ValueError,
        "term 1 for argument 1 is not an array",
    ),
]
OWN_ERRORS = [
    (
        lambda: jet(lambda x, y: x, (1.0, 2.0), ((1.0,),)),
        ValueError,
        "jet got 2 primal values and 1 series: give a series",
    ),
    (
        lambda: jet(lambda x: x, (X,), ((X[:2],),)),
        ValueError,
        r"term 0 for argument 0 has shape \(2,\), the primal value \(3,\)",
    ),
    (
        lambda: jet(lambda x: x, (1.0,), ((1j,),)),
        TypeError,
        "term 0 for argument 0 is complex64, the primal value float32",
    ),
    (
        lambda: jet(lambda x: x, ("a",), ((1.0,),)),
        TypeError,
        "primal value ''a'' of type <class 'str'> is not a valid JAX type",
    ),
    (lambda: jet(lambda x: x, ((1.0, 2.0),), ((1.0,),)), ValueError, "term 0 for argument 0 has tree structure"),
    (lambda: jet(lambda x: "a", (1.0,), ((1.0,),)), TypeError, "which is not a valid JAX type"),
]


@pytest.mark.parametrize("call, error, text", ERRORS)
def test_errors_are_jaxs(call, error, text):
    for library in (jet, jax.experimental.jet.jet):
        with pytest.raises(error, match=text):
            call(library)


@pytest.mark.parametrize("call, error, text", OWN_ERRORS)
def test_own_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_tracer_that_escapes_is_found():
    escaped = []
    jet(lambda x: escaped.append(x) or x, (1.0,), ((1.0,),))
    assert repr(escaped[0]) == "JetTracer<~float32[]>"
    with pytest.raises(mj.errors.UnexpectedTracerError, match="escape the scope of jet"):
        mj.numpy.sin(escaped[0])


# ---------------------------------------------------------------------------------------------------------------------
# The table


def primitive(name: str, **rules) -> Primitive:
    """A user's primitive: twice the sine."""
    p = Primitive(name)
    p.def_impl(lambda x, y=None: 2 * np.sin(x))
    p.def_abstract_eval(lambda x, y=None: x)
    for kind, rule in rules.items():
        setattr(p, kind, rule)
    return p


def test_a_missing_rule_names_the_primitive_and_the_line():
    p = primitive("twice_the_sine")
    assert float(jet(lambda x: p.bind(2.0 * mj.lax.stop_gradient(x)), (0.0,), ((1.0,),))[0]) == 0
    for function in (lambda x: p.bind(x), mj.jit(lambda x: p.bind(x))):
        with pytest.raises(NotImplementedError) as raised:
            jet(function, (1.0,), ((1.0,),))
        assert "Primitive 'twice_the_sine' has no jet rule: give it one, jet_rules[twice_the_sine_p] = rule" in str(
            raised.value
        )
        assert re.search(r"It was needed at .*test_jet.py:\d+:\d+ \(<lambda>\)", str(raised.value))


def test_a_user_gives_a_rule(monkeypatch):
    p = primitive("twice_the_sine")

    def rule(primals, series):
        sine, terms = jet_rules[mj.lax.sin_p](primals, series)
        return 2 * sine, [jet_module.scaled(2, t) for t in terms]

    monkeypatch.setitem(jet_rules, p, rule)
    _, terms = jet(p.bind, (0.0,), ((1.0, 0, 0),))
    assert [float(t) for t in terms] == [2.0, 0.0, -2.0]


def test_what_a_row_proves():
    """A primitive with a transpose rule for its only argument is linear, one with an integer result is constant. A primitive of
    two arguments needs a rule."""
    triple = primitive("triple", impl=lambda x: 3 * x, transpose=lambda ct, x: [triple.bind(ct)])
    triple.jvp = lambda primals, tangents: (triple.bind(*primals), triple.bind(*tangents))
    assert [float(t) for t in jet(lambda x: triple.bind(x * x), (1.0,), ((1.0, 0),))[1]] == [6.0, 6.0]
    count = primitive(
        "count", impl=lambda x: x.astype(np.int32), abstract_eval=lambda x: x.update(dtype=np.dtype("int32"))
    )
    assert [float(t) for t in jet(count.bind, (1.0,), ((1.0, 0),))[1]] == [0.0, 0.0]
    pair = primitive("pair", transpose=lambda ct, x, y: [ct, None])
    with pytest.raises(NotImplementedError, match="'pair' has no jet rule"):
        jet(lambda x: pair.bind(x, 2.0), (1.0,), ((1.0,),))


WITHOUT = {
    "nextafter": lambda x: mj.lax.nextafter(x, 1.0),
    "random_gamma": lambda x: mj.random.gamma(mj.random.key(0), x),
    "pure_callback": lambda x: mj.pure_callback(np.sin, mj.ShapeDtypeStruct((), np.float32), x),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_rule(name):
    WITHOUT[name](1.5)
    with pytest.raises(NotImplementedError, match=f"'{name}' has no jet rule"):
        jet(WITHOUT[name], (1.5,), ((1.0,),))


def test_rules_are_of_primitives_that_there_are():
    # Once it is imported, kaf has rules for primitives of its own.
    assert {p.name for p in jet_rules if not p.name.startswith("kaf_")} <= set(registry)
    # A primitive needs no rule if its result is not a real number, or if it is linear in its only argument.
    for name in "eq lt argmax convert_element_type reshape transpose reduce_sum cumsum neg real random_bits".split():
        assert registry[name] not in jet_rules


def test_public_names_are_jaxs():
    assert [n for n in jet_module.__all__ if not hasattr(jax.experimental.jet, n)] == []


# ---------------------------------------------------------------------------------------------------------------------
# The tests can fail


@pytest.mark.parametrize("name, order", [("sin", 1), ("tanh", 2), ("mul", 3), ("sort", 4)])
def test_a_wrong_rule_fails(name, order, monkeypatch, x64):
    op = next(op for op in OPS if op.name == name)
    right = jet_rules[registry[name]]

    def wrong(primals, series, **params):
        out, terms = right(primals, series, **params)
        spoiled = terms[0] if name == "sort" else terms
        spoiled[order - 1] = spoiled[order - 1] * 1.001
        return out, terms

    monkeypatch.setitem(jet_rules, registry[name], wrong)
    args, series = operands(op, "float64")
    with pytest.raises(AssertionError, match=f"order {order}"):
        assert_equals_derivatives(functools.partial(op.function, minijax.lax), args, series)


def test_a_trace_that_confuses_curves_fails(monkeypatch):
    """A planted error: a trace that takes every tracer for its own."""

    def split(self, x):
        return (x.primal, x.terms) if type(x) is jet_module.JetTracer else (x, None)

    monkeypatch.setattr(jet_module.JetTrace, "split", split)
    assert x_times_the_slope_of_x_plus_y() != (2.0, 1.0)
