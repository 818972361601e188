"""custom_root and custom_linear_solve agree with JAX's, inside and outside of every other transformation, with any solver."""

from __future__ import annotations

import functools
import itertools

import jax
import jax.numpy
import numpy as np
import pytest
from jax_oracle import assert_same_error, assert_same_leaves
from jaxpr_text import lines
from thinned import LONG

import minijax as mj
import minijax.numpy

X = np.array([0.3, 0.7, 1.1], np.float32)
A = np.array([[4, 1, 0], [-1, 3, 0.5], [0.5, 0, 5]], np.float32)


def eliminated(lib, matrix, b):
    """The solution by Gauss-Jordan elimination, without pivots."""
    jnp = lib.numpy
    work = jnp.concatenate([matrix, b[:, None]], 1)
    for i, unit in enumerate(np.eye(b.shape[0], dtype=np.float32)):
        row = work[i] / work[i, i]
        work = work - (work[:, i] - unit)[:, None] * row
    return work[:, -1]


def dense(lib):
    """A solver that computes the matrix, column by column, from matvec of the unit vectors."""
    return lambda matvec, b: eliminated(lib, lib.vmap(matvec, out_axes=1)(np.eye(b.shape[0], dtype=np.float32)), b)


def iterated(lib):
    """A solver that stops when it has the solution; it has no reverse mode."""

    def solve(matvec, b):
        def step(state):
            n, x = state
            return n + 1, x + 0.2 * (b - matvec(x))

        return lib.lax.while_loop(lambda s: (s[0] < 60) & (abs(b - matvec(s[1])).max() > 1e-7), step, (0, 0 * b))

    return solve


def by_elimination(lib):
    jnp = lib.numpy

    def f(x):
        matrix = jnp.diag(2 + x) + jnp.outer(jnp.sin(x), jnp.cos(2 * x)) / 3
        return lib.lax.custom_linear_solve(lambda u: matrix @ u, jnp.cos(x), dense(lib), dense(lib))

    return f


def by_iteration(lib):
    jnp = lib.numpy

    def f(x):
        matrix = jnp.diag(2 + x) + jnp.outer(x, x) / 3
        solve = iterated(lib)
        return lib.lax.custom_linear_solve(
            lambda u: matrix @ u, jnp.cos(x), lambda m, b: solve(m, b)[1], symmetric=True
        )

    return f


def with_aux(lib):
    """The auxiliary data is a count and a float, which have no derivative."""

    def f(x):
        def solve(matvec, b):
            n, u = iterated(lib)(matvec, b)
            return u, {"steps": n // 100, "twice": 2 * u}

        u, aux = lib.lax.custom_linear_solve(
            lambda u: (1 + x) * u, lib.numpy.sin(x), solve, symmetric=True, has_aux=True
        )
        return u * 3 + aux["twice"] + aux["steps"]

    return f


def of_a_pytree(lib):
    def f(x):
        a = 2 + x

        def matvec(u):
            return {"u": a * u["u"] + u["v"], "v": 3 * u["v"]}

        def solve(matvec, b):
            return {"u": (b["u"] - b["v"] / 3) / a, "v": b["v"] / 3}

        def transpose_solve(vecmat, b):
            u = b["u"] / a
            return {"u": u, "v": (b["v"] - u.sum()) / 3}

        u = lib.lax.custom_linear_solve(matvec, {"u": x * x, "v": x[0]}, solve, transpose_solve)
        return u["u"] * u["v"]

    return f


def with_a_loop_in_matvec(lib):
    def f(x):
        def matvec(u):
            return lib.lax.fori_loop(0, 2, lambda i, c: c * (1 + x) + i * u, u)

        factor = (1 + x) ** 2 + 1
        return lib.lax.custom_linear_solve(matvec, x, lambda m, b: b / factor, lambda m, b: b / factor)

    return f


def rooted(lib):
    """A cubic equation for each element, by Newton's method."""
    jnp = lib.numpy

    def f(x):
        def solve(g, u):
            return lib.lax.while_loop(
                lambda s: s[0] < 12, lambda s: (s[0] + 1, s[1] - g(s[1]) / (3 * s[1] * s[1] + x)), (0, u)
            )[1]

        return lib.lax.custom_root(
            lambda u: u**3 + x * u - 2, jnp.ones(x.shape), solve, lambda g, y: y / g(jnp.ones(y.shape))
        )

    return f


def rooted_system(lib):
    """Unknowns in a pytree, and a tangent solver which is a linear solve itself."""
    jnp = lib.numpy

    def f(x):
        def equations(p):
            return [A @ p[0] + p[0] ** 3 / 10 + p[1] - x, 4 * p[1] - p[0][0] * x[1]]

        def solve(g, p):
            def step(i, p):
                r = g(p)
                return [p[0] - r[0] / 5, p[1] - r[1] / 4]

            return lib.lax.fori_loop(0, 40, step, p), p[1] + 3

        def flat_solve(g, y):
            pack = lambda p: jnp.concatenate([p[0], p[1][None]])
            unpack = lambda v: [v[:3], v[3]]
            solve = dense(lib)
            v = lib.lax.custom_linear_solve(lambda v: pack(g(unpack(v))), pack(y), solve, solve)
            return unpack(v)

        (u, v), aux = lib.lax.custom_root(equations, [x, x[0]], solve, flat_solve, has_aux=True)
        return u * v + aux

    return f


def rooted_with_a_loop(lib):
    """A loop with a counter solves the system of the tangents, and reverse mode transposes it; the equation has a scan."""

    def f(x):
        def equation(u):
            return lib.lax.scan(lambda c, a: (c * a + u, None), u, lib.numpy.stack([x, 1 + x]))[0] - 1

        def tangent_solve(g, y):
            return lib.lax.fori_loop(0, 30, lambda i, u: u + 0.2 * (y - g(u)) * (i + 1) / (i + 1), y)

        return lib.lax.custom_root(equation, x, lambda g, u: 1 / (1 + (x + 1) * (x + 1)), tangent_solve)

    return f


FUNCTIONS = {
    f.__name__: f
    for f in (by_elimination, by_iteration, with_aux, of_a_pytree, with_a_loop_in_matvec, rooted, rooted_system,
              rooted_with_a_loop)
}  # fmt: skip


def total(lib, f):
    return lambda x: (f(x) * lib.numpy.cos(lib.numpy.arange(f(x).size, dtype="float32")).reshape(f(x).shape)).sum()


TRANSFORMATIONS = {
    "jit": lambda lib, f: lib.jit(f),
    "grad": lambda lib, f: lib.grad(total(lib, f)),
    "vmap": lambda lib, f: lambda x: lib.vmap(f, in_axes=0, out_axes=-1)(lib.numpy.stack([x, 2 * x], 0)),
    "jvp": lambda lib, f: lambda x: lib.jvp(f, (x,), (lib.numpy.sin(x),))[1],
    "jacrev": lambda lib, f: lib.jacrev(f),
}
NESTINGS = [n for length in (0, 1, 2) for n in itertools.product(TRANSFORMATIONS, repeat=length)]


def without_jit(nesting) -> tuple[str, ...]:
    return tuple(name for name in nesting if name != "jit")


def nested(lib, nesting, f):
    for name in reversed(nesting):
        f = TRANSFORMATIONS[name](lib, f)
    return f


def some_functions(nesting) -> dict:
    """Of a nesting of two, half of the functions; of another nesting the other half."""
    step = 2 if len(without_jit(nesting)) == 2 and not LONG else 1
    start = sum(map(list(TRANSFORMATIONS).index, nesting))
    return dict(list(FUNCTIONS.items())[start % step :: step])


def all_functions(lib, nesting):
    return lambda x: {n: nested(lib, nesting, f(lib))(x) for n, f in some_functions(nesting).items()}


@functools.lru_cache
def jax_results(nesting):
    return jax.jit(all_functions(jax, nesting))(X)


# Nestings that differ in jits alone have one oracle, and are neighbours.
@pytest.mark.parametrize("nesting", sorted(NESTINGS, key=without_jit), ids=lambda n: "-".join(n) or "none")
@pytest.mark.one_in(50)
def test_nestings(nesting):
    mine, theirs = all_functions(mj, nesting)(mj.numpy.asarray(X)), jax_results(without_jit(nesting))
    for name, a in mine.items():
        b = theirs[name]
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type), name
        scale = max(1.0, float(np.abs(b).max()))
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-5 * scale, err_msg=name)


# ---------------------------------------------------------------------------------------------------------------------
# Single programs


def solved(lib, matrix, b, **options):
    solve = dense(lib)
    return lib.lax.custom_linear_solve(lambda u: matrix @ u, b, solve, solve, **options)


def divided(lib, a, b, **options):
    """The equation a x = b with a solver for 10 x = b: the result shows which function was called."""
    return lib.lax.custom_linear_solve(lambda u: a * u, b, lambda matvec, b: b / 10, **options)


def square_root(lib, a, guess=1.0):
    """The solver returns 3 a, and the tangent solver is wrong by a factor of 5: both factors appear in the results."""
    return lib.lax.custom_root(lambda u: u * u - a, guess, lambda f, u: 3 * a, lambda g, y: 5 * y / g(1.0))


def inside_a_scan(lib):
    def body(b, a):
        u = solved(lib, lib.numpy.asarray(A) * a, b)
        return u, u * a

    return lambda x: lib.lax.scan(body, x, lib.numpy.asarray(X + 1))[1].sum()


B2 = np.stack([X, 2 * X])
A2 = np.stack([A, A + np.eye(3, dtype=np.float32)])
PROGRAMS = {
    "batch of b": lambda lib: lib.vmap(lambda b: solved(lib, A, b))(B2),
    "batch of matrices": lambda lib: lib.vmap(lambda a: solved(lib, a, X))(A2),
    "batch of both": lambda lib: lib.vmap(lambda a, b: solved(lib, a, b), (2, 1), 1)(np.moveaxis(A2, 0, 2), B2.T),
    "batch of batches": lambda lib: lib.vmap(lambda a: lib.vmap(lambda b: solved(lib, a, b))(B2))(A2),
    "gradients of a batch of matrices": lambda lib: lib.vmap(lib.grad(lambda a, b: solved(lib, a, b).sum()), (0, None))(
        A2, X
    ),
    "matrix and b": lambda lib: lib.grad(lambda a, b: (solved(lib, a, b) ** 2).sum(), (0, 1))(A, X),
    "hessian": lambda lib: lib.hessian(lambda b: (solved(lib, A * b, b) ** 3).sum())(X),
    "jacfwd": lambda lib: lib.jacfwd(lambda b: solved(lib, A * b, b))(X),
    "a scan of solves": lambda lib: lib.value_and_grad(inside_a_scan(lib))(X),
    "a solve in a solver": lambda lib: lib.grad(
        lambda x: lib.lax.custom_linear_solve(
            lambda u: 2 * u, x, lambda mv, b: divided(lib, 2.0, b), lambda mv, b: divided(lib, 4.0, b)
        ).sum()
    )(X),
    "which solver is asked": lambda lib: lib.grad(
        lambda a, b: lib.lax.custom_linear_solve(lambda u: a * u, b, lambda m, b: b / 10, lambda m, b: b / 7), (0, 1)
    )(2.0, 3.0),
    "symmetric": lambda lib: lib.grad(lambda a, b: divided(lib, a, b, symmetric=True), (0, 1))(2.0, 3.0),
    "symmetric, with its own transpose": lambda lib: lib.grad(
        lambda b: divided(lib, 2.0, b, symmetric=True, transpose_solve=lambda m, b: m(b) / 7)
    )(3.0),
    "forward mode needs no transpose": lambda lib: lib.jvp(lambda a, b: divided(lib, a, b), (2.0, 3.0), (1.0, 1.0)),
    "aux does not move": lambda lib: lib.jvp(
        lambda b: lib.lax.custom_linear_solve(
            lambda u: 2 * u, b, lambda m, b: (b / 2, {"twice": b, "n": 3}), symmetric=True, has_aux=True
        ),
        (3.0,),
        (1.0,),
    )[1][0],
    "aux of a batch": lambda lib: lib.vmap(
        lambda b: lib.lax.custom_linear_solve(lambda u: u, b, lambda m, b: (b, (b.sum(), 3)), has_aux=True)
    )(B2),
    "b a weak number": lambda lib: divided(lib, 2.0, 3.0),
    "no elements": lambda lib: lib.grad(lambda b: divided(lib, 2.0, b, symmetric=True).sum())(np.zeros((0, 2), np.float32)),
    "not finite": lambda lib: divided(lib, 2.0, np.array([np.nan, np.inf, -0.0], np.float32)),
    "linear_transpose": lambda lib: lib.linear_transpose(lambda b: solved(lib, A, b), X)(X),
    "complex": lambda lib: lib.jvp(lambda b: divided(lib, 2j, b), (np.complex64(3),), (np.complex64(1j),)),
    "root": lambda lib: square_root(lib, 4.0),
    "derivative of a root": lambda lib: lib.value_and_grad(lambda a: square_root(lib, a))(4.0),
    "forward": lambda lib: lib.jvp(lambda a: square_root(lib, a), (4.0,), (1.0,)),
    "second derivative": lambda lib: lib.grad(lib.grad(lambda a: square_root(lib, a)))(4.0),
    "the guess does not move": lambda lib: lib.grad(lambda g: square_root(lib, 4.0, g))(1.0),
    "solver's closure does not move": lambda lib: lib.grad(
        lambda c: lib.lax.custom_root(lambda u: u - 2, 1.0, lambda f, u: c, lambda g, y: y)
    )(3.0),
    "integers in the closure": lambda lib: lib.grad(
        lambda a: lib.lax.custom_root(
            lambda u: u - a * np.arange(1, 4), X, lambda f, u: a * np.arange(1, 4), lambda g, y: y
        ).sum()
    )(3.0),
    "batch of roots": lambda lib: lib.vmap(lib.grad(lambda a: square_root(lib, a)))(lib.numpy.asarray(X)),
    "jit closes over the equation": lambda lib: lib.grad(lib.jit(lambda a: square_root(lib, lib.numpy.sin(a))))(4.0),
    "aux of a root": lambda lib: lib.jvp(
        lambda a: lib.lax.custom_root(lambda u: u - a, 1.0, lambda f, u: (a, {"x": 2 * a}), lambda g, y: y, has_aux=True),
        (2.0,),
        (1.0,),
    )[0],
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(4)
def test_program_equals_jax(name):
    assert_same_leaves(PROGRAMS[name](mj), jax.jit(lambda: PROGRAMS[name](jax))(), atol=1e-6)


def test_where_jax_raises():
    """JAX 0.10 fails on the symbolic zeros of these, and on a root's integer auxiliary data."""
    solve = mj.lax.custom_linear_solve
    of_solver = mj.grad(lambda c: solve(lambda u: 2 * u, 3.0, lambda m, b: b / c, lambda m, b: b / c))
    assert float(of_solver(2.0)) == 0

    def of_one_leaf(u):
        return solve(lambda p: (2 * p[0] + p[1], p[1]), (u, 1.0), lambda m, p: p, lambda m, p: m((p[0], 3 * p[1])))[0]

    assert float(mj.grad(of_one_leaf)(2.0)) == 2
    of_both = lambda u: sum(solve(lambda p: (2 * p[0] + p[1], p[1]), (u, 1.0), lambda m, p: (p[0], 3 * p[1])))
    assert [float(x) for x in mj.jvp(of_both, (2.0,), (1.0,))] == [5, 1]
    with_count = lambda a: mj.lax.custom_root(lambda u: u - a, 1.0, lambda f, u: (a, 3), lambda g, y: y, has_aux=True)
    (root, count), (moved, still) = mj.jvp(with_count, (2.0,), (5.0,))
    assert (float(root), int(count), float(moved), still.dtype) == (2, 3, 5, mj.float0)


# ---------------------------------------------------------------------------------------------------------------------
# Jaxprs


JAXPRS = {
    "transpose_solve": lambda lib: (
        lambda a, b: lib.lax.custom_linear_solve(lambda u: a @ u, b, lambda m, b: m(b) * 2, lambda m, b: m(b) * 3)
    ),
    "no transpose_solve": lambda lib: (
        lambda a, b: lib.lax.custom_linear_solve(lambda u: a @ u, b, lambda m, b: m(b) * 2)
    ),
    "symmetric": lambda lib: (
        lambda a, b: lib.lax.custom_linear_solve(
            lambda u: a @ u, b, lambda m, b: (m(b) * 2, b[0]), symmetric=True, has_aux=True
        )
    ),
    "root": lambda lib: (
        lambda a, b: lib.lax.custom_root(lambda u: a @ u - b, b, lambda f, u: f(u) * 2, lambda g, y: g(y))
    ),
}


@pytest.mark.parametrize("name", JAXPRS)
def test_jaxpr_is_printed_as_jax_prints_it(name):
    mine, theirs = (lib.make_jaxpr(JAXPRS[name](lib))(A, X) for lib in (mj, jax))
    mj.core.jaxpr.check_jaxpr(mine)
    assert str(mine) == str(theirs)


@pytest.mark.parametrize("name", ["transpose_solve", "symmetric", "root"])
def test_gradients_have_no_more_equations_than_jaxs(name):
    def gradient(lib):
        def loss(a, b):
            return sum(x.sum() for x in lib.tree.leaves(JAXPRS[name](lib)(a, b)))

        return lib.make_jaxpr(lib.grad(loss, (0, 1)))(A, X)

    mine, theirs = gradient(mj), gradient(jax)
    mj.core.jaxpr.check_jaxpr(mine)
    assert len(lines(mine)) <= len(lines(theirs))
    solves = [sum("custom_linear_solve" in line for line in lines(jaxpr)) for jaxpr in (mine, theirs)]
    assert solves[0] == solves[1] == (0 if name == "root" else 2)


def test_batch_is_one_solve():
    jaxpr = mj.make_jaxpr(mj.vmap(lambda b: divided(mj, 2.0, b, symmetric=True)))(B2)
    assert [eqn.primitive.name for eqn in jaxpr.eqns] == ["custom_linear_solve"]
    assert jaxpr.out_avals[0].shape == (2, 3)


def test_the_solver_is_not_differentiated():
    """If the solver were differentiated, its derivative rule would raise an error."""

    @mj.custom_jvp
    def solve(b):
        return b / 2

    def refuse(primals, tangents):
        raise AssertionError("the solver was differentiated")

    solve.defjvp(refuse)
    gradient = mj.grad(lambda b: mj.lax.custom_linear_solve(lambda u: 2 * u, b, lambda m, b: solve(b), symmetric=True))
    assert float(gradient(3.0)) == 0.5
    root = mj.grad(lambda a: mj.lax.custom_root(lambda u: 2 * u - a, 1.0, lambda f, u: solve(a), lambda g, y: y / 2))
    assert float(root(3.0)) == 0.5


# ---------------------------------------------------------------------------------------------------------------------
# Errors


def linear(lib, matvec=lambda u: 2 * u, solve=lambda m, b: b / 2, b=X, **options):
    return lib.lax.custom_linear_solve(matvec, b, solve, **options)


def root(lib, f=lambda u: u - 2, solve=lambda f, u: u, tangent_solve=lambda g, y: y, **options):
    return lib.lax.custom_root(f, 1.0, solve, tangent_solve, **options)


ERRORS = {
    "tree of matvec": (
        lambda lib: linear(lib, matvec=lambda u: (u,)),
        "matvec() output pytree structure must match b, got PyTreeDef((*,)) and",
    ),
    "shape of matvec": (
        lambda lib: linear(lib, matvec=lambda u: u[:1]),
        "matvec() output shapes must match b, got [(1,)] and [(3,)]",
    ),
    "tree of solve": (lambda lib: linear(lib, solve=lambda m, b: [b]), "solve() output pytree structure must match b"),
    "shape of solve": (
        lambda lib: linear(lib, solve=lambda m, b: b[0]),
        "solve() output shapes must match b, got [()] and [(3,)]",
    ),
    "tree of transpose_solve": (
        lambda lib: linear(lib, transpose_solve=lambda m, b: [b]),
        "transpose_solve() output pytree structure must match b",
    ),
    "shape of transpose_solve": (
        lambda lib: linear(lib, transpose_solve=lambda m, b: b[:1]),
        "transpose_solve() output shapes must match b",
    ),
    "three with has_aux": (
        lambda lib: linear(lib, solve=lambda m, b: (b, 1, 2), has_aux=True),
        "a pytree tuple with auxiliary output was expected because has_aux was set to True",
    ),
    "no aux with has_aux": (
        lambda lib: linear(lib, has_aux=True),
        "solve() produced a pytree with structure PyTreeDef(*)",
    ),
    "aux without has_aux": (lambda lib: linear(lib, solve=lambda m, b: (b, 1)), "solve() output"),
    "no array": (lambda lib: linear(lib, b="b"), "'b'"),
    "no transpose_solve": (
        lambda lib: lib.grad(lambda b: linear(lib, b=b).sum())(X),
        "transpose_solve required for backwards mode automatic differentiation of custom_linear_solve",
    ),
    "matvec is not linear": (
        lambda lib: linear(lib, matvec=lambda u: lib.numpy.sin(u), transpose_solve=lambda m, b: m(b)),
        "sin",
    ),
    "tree of f": (
        lambda lib: root(lib, f=lambda u: (u,)),
        "f() output pytree structure must match initial_guess, got PyTreeDef((*,)) and PyTreeDef(*).",
    ),
    "tree of root": (
        lambda lib: root(lib, solve=lambda f, u: [u]),
        "solve() output pytree structure must match initial_guess",
    ),
    "tree of tangent_solve": (
        lambda lib: root(lib, tangent_solve=lambda g, y: [y]),
        "tangent_solve() output pytree structure must match x",
    ),
    "three with has_aux, root": (
        lambda lib: root(lib, solve=lambda f, u: (u, 1, 2), has_aux=True),
        "solve() produced a pytree with structure PyTreeDef((*, *, *))",
    ),
    "shape of tangent_solve": (
        lambda lib: lib.grad(lambda a: root(lib, f=lambda u: u - a, tangent_solve=lambda g, y: y * lib.numpy.ones(2)))(
            1.0
        ),
        "expected float32[], got float32[2]",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(name):
    program, words = ERRORS[name]
    assert_same_error(program, words, (TypeError, ValueError, NotImplementedError))


def test_a_product_of_unknowns_in_matvec_raises():
    with pytest.raises(TypeError, match="A function that must be linear is not") as error:
        linear(mj, matvec=lambda u: u * u, transpose_solve=lambda m, b: m(b))
    assert "test_solves.py" in error.value.__notes__[0]


def test_solver_of_another_dtype_raises_where_b_must_be_its_right_hand_side():
    """With an integer b the solution is real, and so is the right-hand side for the tangents: the solver was traced for an
    integer one."""
    b = np.arange(3)
    assert divided(mj, 2.0, b).dtype == np.float32
    assert mj.make_jaxpr(lambda: divided(mj, 2.0, b))().out_avals[0].dtype == np.float32
    with pytest.raises(TypeError, match="its solver takes int32.*Make b an array of floats"):
        mj.jvp(lambda a: divided(mj, a, b), (2.0,), (1.0,))
