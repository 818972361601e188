"""custom_jvp, custom_vjp, custom_gradient, closure_convert: as JAX's, under and over every other transformation."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.custom_derivatives
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

X = np.array([0.3, 0.7, 1.1], np.float32)


# Functions with rules that are wrong by a factor, so that a result shows which of them was used.
def by_jvp(lib):
    jnp = lib.numpy

    @lib.custom_jvp
    def f(x):
        return jnp.sin(x) * x

    @f.defjvp
    def f_jvp(primals, tangents):
        (x,), (t,) = primals, tangents
        return f(x), 10 * t * jnp.cos(x)

    return f


def by_jvps(lib):
    jnp = lib.numpy

    @lib.custom_jvp
    def f(x, y):
        return {"a": jnp.sin(x) * y, "b": x}

    f.defjvps(None, lambda t, ans, x, y: {"a": 3 * t * ans["b"], "b": t * y})
    return lambda x: f(x, 2 * x)["a"] + f(x, x)["b"]


def by_vjp(lib):
    jnp = lib.numpy

    @lib.custom_vjp
    def f(x, y):
        return jnp.sin(x) * y["w"], x

    def fwd(x, y):
        return f(x, y), {"cos": jnp.cos(x), "y": y}

    def bwd(residuals, cts):
        ct, ct_x = cts
        return 7 * ct * residuals["cos"] * residuals["y"]["w"] + ct_x, {"w": None, "v": ct * 5}

    f.defvjp(fwd, bwd)

    def g(x):
        a, b = f(x, {"w": x, "v": x})
        return a * b

    return g


def by_nondiff_jvp(lib):
    @partial(lib.custom_jvp, nondiff_argnums=(0, 2))
    def app(f, x, n):
        return f(x) * n

    @app.defjvp
    def app_jvp(f, n, primals, tangents):
        (x,), (t,) = primals, tangents
        return app(f, x, n), 3 * t * n

    return lambda x: app(lib.numpy.sin, x, 4)


def by_nondiff_vjp(lib):
    @partial(lib.custom_vjp, nondiff_argnums=(1,))
    def app(x, f):
        return f(x) * x

    app.defvjp(lambda x, f: (app(x, f), x), lambda f, x, ct: (ct * f(x) * 3,))
    return lambda x: app(x, lib.numpy.cos)


def by_gradient(lib):
    @lib.custom_gradient
    def f(x):
        y = lib.numpy.sin(x)
        return y * x, lambda ct: ct * y * 9

    return f


def clipped(lib):
    @lib.custom_vjp
    def clip(lo, hi, x):
        return x

    clip.defvjp(lambda lo, hi, x: (x, (lo, hi)), lambda r, ct: (None, None, lib.numpy.clip(ct, *r)))
    return lambda x: 5 * clip(-1.0, 1.0, x) ** 2


FUNCTIONS = {f.__name__: f for f in (by_jvp, by_jvps, by_vjp, by_nondiff_jvp, by_nondiff_vjp, by_gradient, clipped)}
FORWARD = {"by_jvp", "by_jvps", "by_nondiff_jvp"}


def total(lib, f):
    return lambda x: (f(x) * lib.numpy.cos(lib.numpy.arange(f(x).size, dtype="float32")).reshape(f(x).shape)).sum()


TRANSFORMATIONS = {
    "jit": lambda lib, f: lib.jit(f),
    "grad": lambda lib, f: lib.grad(total(lib, f)),
    "vmap": lambda lib, f: lambda x: lib.vmap(f, in_axes=0, out_axes=-1)(lib.numpy.stack([x, 2 * x], 0)),
    "jvp": lambda lib, f: lambda x: lib.jvp(f, (x,), (lib.numpy.sin(x),))[1],
    "jacrev": lambda lib, f: lib.jacrev(f),
}
NESTINGS = [n for length in (0, 1, 2, 3) for n in itertools.product(TRANSFORMATIONS, repeat=length)]


def nested(lib, nesting, f):
    for name in reversed(nesting):
        f = TRANSFORMATIONS[name](lib, f)
    return f


@pytest.mark.parametrize("nesting", NESTINGS, ids=lambda n: "-".join(n) or "none")
def test_nestings(nesting):
    names = [n for n in FUNCTIONS if "jvp" not in nesting or n in FORWARD]

    def run(lib):
        return lambda x: {n: nested(lib, nesting, FUNCTIONS[n](lib))(x) for n in names}

    mine, theirs = run(mj)(mj.numpy.asarray(X)), jax.jit(run(jax))(X)
    for name in names:
        a, b = mine[name], theirs[name]
        assert (a.shape, a.dtype) == (b.shape, b.dtype), name
        scale = max(1.0, float(np.abs(b).max()))
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-5 * scale, err_msg=name)


def plain(x):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(jax.tree.map(np.asarray, x))]


def branching(lib, decorate):
    @decorate
    def f(x):
        return x if x > 0 else -x

    return f


def defined(f, *rules):
    (f.defjvp if len(rules) == 1 else f.defvjp)(*rules)
    return f


def with_symbolic_zeros(lib):
    seen = []

    @lib.custom_jvp
    def f(x, y):
        return x * y

    def rule(primals, tangents):
        seen.append([type(t) is lib.custom_derivatives.SymbolicZero for t in tangents])
        return f(*primals), tangents[0] * 2

    f.defjvp(rule, symbolic_zeros=True)
    return lib.grad(f)(2.0, 3.0), np.array(seen)


def linear_inside(lib):
    """A custom function within a rule's linear part is transposed by what it computes."""

    @lib.custom_jvp
    def double(x):
        return 2 * x

    double.defjvp(lambda p, t: (double(*p), double(*t)))

    @lib.custom_jvp
    def f(x):
        return x * x

    f.defjvp(lambda p, t: (f(*p), double(t[0]) * p[0]))
    return lib.grad(f)(3.0), lib.jit(lib.grad(f))(3.0)


def converted(lib):
    @partial(lib.custom_vjp, nondiff_argnums=(0,))
    def apply(f, x, *consts):
        return f(x, *consts)

    apply.defvjp(
        lambda f, x, *consts: (f(x, *consts), (x, consts)),
        lambda f, r, ct: lib.vjp(f, r[0], *r[1])[1](ct),
    )

    def program(x, y):
        f, consts = lib.closure_convert(lambda v: lib.numpy.sin(v) * y, x)
        return apply(f, x, *consts)

    return lib.grad(program, (0, 1))(1.0, 2.0), lib.jit(lib.grad(program, (0, 1)))(1.0, 2.0)


PROGRAMS = {
    "concrete values in the function": lambda lib: branching(
        lib, lambda f: defined(lib.custom_jvp(f), lambda p, t: (p[0], t[0]))
    )(lib.numpy.float32(-2)),
    "concrete values in a jvp rule": lambda lib: lib.grad(
        defined(lib.custom_jvp(lambda x: x), lambda p, t: (p[0], t[0] * (3 if p[0] > 0 else 5)))
    )(2.0),
    "concrete values in a vjp rule": lambda lib: lib.grad(
        defined(lib.custom_vjp(lambda x: x), lambda x: (x, x), lambda x, ct: (ct * (3 if x > 0 else 5),))
    )(2.0),
    "keywords and defaults": lambda lib: lib.grad(
        defined(lib.custom_jvp(lambda x, y=3.0: x * y), lambda p, t: (p[0], t[0] * p[1] * 2))
    )(2.0),
    "keywords": lambda lib: defined(lib.custom_vjp(lambda x, y: x - y), lambda x, y: (x, ()), lambda r, ct: (ct, ct))(
        y=lib.numpy.float32(1), x=lib.numpy.float32(5)
    ),
    "integers": lambda lib: lib.grad(
        defined(lib.custom_vjp(lambda x, n: x * n), lambda x, n: (x * n, n), lambda n, ct: (ct * n, None))
    )(2.0, 3),
    "integers, jvp": lambda lib: lib.grad(
        defined(lib.custom_jvp(lambda x, n: x * n), lambda p, t: (p[0], t[0] * p[1]))
    )(2.0, 3),
    "no residuals": lambda lib: lib.grad(
        defined(lib.custom_vjp(lambda x: x * x), lambda x: (x * x, None), lambda r, ct: (ct * 4,))
    )(2.0),
    "symbolic zeros": with_symbolic_zeros,
    "linear inside": linear_inside,
    "closure_convert": converted,
    "vjp of a shared argument": lambda lib: lib.grad(
        lambda y: lib.vmap(by_vjp_of_two(lib), (0, None))(lib.numpy.asarray(X), y).sum()
    )(2.0),
    "jacobian": lambda lib: lib.jacrev(by_vjp(lib))(lib.numpy.asarray(X)),
    "hessian": lambda lib: lib.hessian(lambda x: by_jvp(lib)(x).sum())(lib.numpy.asarray(X)),
    "under value_and_grad with aux": lambda lib: lib.value_and_grad(lambda x: (by_jvp(lib)(x), x), has_aux=True)(
        lib.numpy.float32(2)
    ),
}


def by_vjp_of_two(lib):
    return defined(
        lib.custom_vjp(lambda x, y: x * y), lambda x, y: (x * y, (x, y)), lambda r, ct: (ct * r[1], ct * r[0] * 2)
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_equals_jax(name):
    for a, b in zip(plain(PROGRAMS[name](mj)), plain(PROGRAMS[name](jax)), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5)


def vjp_with(lib, fwd, bwd):
    return lib.grad(defined(lib.custom_vjp(lambda x, y: x * y), fwd, bwd))(1.0, 2.0)


def jvp_with(lib, rule):
    return lib.grad(defined(lib.custom_jvp(lambda x: x * 2), rule))(1.0)


ERRORS = {
    "no jvp rule": (lambda lib: lib.custom_jvp(lambda x: x)(1.0), "No JVP defined for custom_jvp function <lambda>"),
    "no vjp rule": (lambda lib: lib.custom_vjp(lambda x: x)(1.0), "No VJP defined for custom_vjp function <lambda>"),
    "jvp of custom_vjp": (lambda lib: lib.jvp(by_vjp(lib), (X,), (X,)), "can't apply forward-mode"),
    "no pair from jvp": (lambda lib: jvp_with(lib, lambda p, t: p[0]), "must produce a pair"),
    "trees of a jvp": (lambda lib: jvp_with(lib, lambda p, t: (p[0], (t[0], t[0]))), "equal container (pytree) structures"),
    "shape of a tangent": (
        lambda lib: jvp_with(lib, lambda p, t: (p[0], lib.numpy.ones(3))),
        "corresponding shapes and dtypes. Expected float32[]",
    ),
    "no pair from fwd": (lambda lib: vjp_with(lib, lambda x, y: x, lambda r, ct: (ct, ct)), "must produce a pair"),
    "count of cotangents": (lambda lib: vjp_with(lib, lambda x, y: (x, ()), lambda r, ct: (ct,)), "cotangent for each of the 2"),
    "no tuple": (lambda lib: vjp_with(lib, lambda x, y: (x, ()), lambda r, ct: ct), "must produce a tuple"),
    "tree of a cotangent": (lambda lib: vjp_with(lib, lambda x, y: (x, ()), lambda r, ct: ((ct, ct), ct)), "argument 0 has"),
    "shape of a cotangent": (
        lambda lib: vjp_with(lib, lambda x, y: (x, ()), lambda r, ct: (lib.numpy.ones(3), ct)),
        "argument 0: the cotangent must have the shape and dtype of the argument, float32[], but got float32[3]",
    ),
    "defjvps with nondiff": (
        lambda lib: lib.custom_jvp(lambda x, y: x, nondiff_argnums=(1,)).defjvps(lambda g, ans, x: g),
        "Can't use ``defjvps`` with ``nondiff_argnums``",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_error(name):
    program, words = ERRORS[name]
    with pytest.raises((TypeError, AttributeError, ValueError)) as theirs:
        program(jax)
    with pytest.raises(type(theirs.value)) as mine:
        program(mj)
    assert words in str(mine.value)


def test_closed_over_values_being_differentiated_raise():
    """JAX raises for these too; silently they would have derivative 0."""

    def of(decorate):
        return lambda z: decorate(lambda x: x * z)(1.0)

    rules = {
        mj.custom_jvp: (lambda p, t: (p[0], t[0]),),
        mj.custom_vjp: (lambda x: (x, ()), lambda r, ct: (ct,)),
    }
    for kind, rule in rules.items():
        f = of(lambda g, kind=kind, rule=rule: defined(kind(g), *rule))
        assert float(f(2.0)) == 2
        with pytest.raises(mj.errors.UnexpectedTracerError, match="closed-over value"):
            mj.grad(mj.jit(f))(2.0)


def test_jaxprs_are_well_typed():
    for f in FUNCTIONS.values():
        closed = mj.make_jaxpr(mj.grad(lambda x, f=f: mj.jit(f(mj))(x).sum()))(X)
        mj.jaxpr.check_jaxpr(closed)


def test_method_and_docs():
    class Net:
        @partial(mj.custom_jvp, nondiff_argnums=(0,))
        def act(self, x):
            """Doc."""
            return x

        act.defjvp(lambda self, p, t: (p[0], t[0] * 6))

    assert float(mj.grad(Net().act)(1.0)) == 6
    assert Net.act.__doc__ == "Doc."
