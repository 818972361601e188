"""custom_jvp, custom_vjp, custom_gradient, closure_convert: as JAX's. Under and over the other transformations they are
compared with JAX in test_nestings.py; here are the laws."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.custom_derivatives
import jax.numpy
import laws
import numpy as np
import pytest
from jax_oracle import assert_same_error

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


def clipped(lib):
    return defined(
        lib.custom_vjp(lambda lo, hi, x: x),
        lambda lo, hi, x: (x, (lo, hi)),
        lambda bounds, ct: (None, None, lib.numpy.clip(ct, *bounds)),
    )


def plain(x):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(jax.tree.map(np.asarray, x))]


def test_primal_tree_values():
    def f(lib):
        values = lib.custom_derivatives.custom_vjp_primal_tree_values
        g = lib.custom_vjp(lambda x: x["a"] * 2)
        g.defvjp(lambda x: (values(x)["a"] * 2, None), lambda _, ct: ({"a": 5 * ct},), symbolic_zeros=True)
        return lib.grad(g)({"a": 3.0})["a"]

    assert float(f(mj)) == float(f(jax)) == 5
    assert_same_error(lambda lib: lib.custom_derivatives.custom_vjp_primal_tree_values([1.0]), "leaf", (TypeError,))


def test_primitives_are_at_the_door():
    for lib in (mj, jax):
        door = lib.custom_derivatives
        f = lib.custom_jvp(lambda x: x)
        f.defjvp(lambda p, t: (p[0], t[0]))
        assert lib.make_jaxpr(f)(1.0).eqns[0].primitive is door.custom_jvp_call_p
        g = lib.custom_vjp(lambda x: x)
        g.defvjp(lambda x: (x, None), lambda _, ct: (ct,))
        assert lib.make_jaxpr(g)(1.0).eqns[0].primitive is door.custom_vjp_call_p


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
    """To transpose a custom function in the linear part of a rule, its own jaxpr is transposed."""

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
    "the rule's own derivative": lambda lib: lib.jacrev(lib.jacrev(by_vjp(lib)))(lib.numpy.asarray(X)),
    "no cotangent": lambda lib: lib.grad(lambda lo, x: 5 * clipped(lib)(lo, 1.0, x) ** 2, (0, 1))(-1.0, 2.0),
    "jacobian": lambda lib: lib.jacrev(by_vjp(lib))(lib.numpy.asarray(X)),
    "hessian": lambda lib: lib.hessian(lambda x: by_jvp(lib)(x).sum())(lib.numpy.asarray(X)),
    "under value_and_grad with aux": lambda lib: lib.value_and_grad(lambda x: (by_jvp(lib)(x), x), has_aux=True)(
        lib.numpy.float32(2)
    ),
}


def closing_over(lib, kind, y):
    """A function of x with a rule of its own, and with the array y and a named axis in its closure."""
    f, scaled = lambda x: lib.lax.psum(x * y, "i"), lambda t: 7 * lib.lax.psum(t * y, "i")
    if kind == "jvp":
        return defined(lib.custom_jvp(f), lambda p, t: (f(*p), scaled(*t)))
    return defined(lib.custom_vjp(f), lambda x: (f(x), None), lambda r, ct: (scaled(ct),))


# What stands around a map, or between the map and the function, that closes over the map's example.
OUTSIDE = {
    "nothing": lambda lib, f: f,
    "jit": lambda lib, f: lib.jit(f),
    "grad": lambda lib, f: lambda x: lib.grad(lambda x: f(x).sum())(x),
    "value": lambda lib, f: lambda x: lib.vjp(f, x)[0],
    "checkpoint": lambda lib, f: lib.checkpoint(f),
    "vmap": lambda lib, f: lib.vmap(f, axis_size=2, in_axes=None),
}
# Not around the map: a derivative there calls the rule after the map. See AFTER_THE_MAP.
NOT_AROUND = ("grad", "value")
outsides = [o for o in OUTSIDE if o not in NOT_AROUND]
for kind, outer, inner, batched in itertools.product(("jvp", "vjp"), outsides, OUTSIDE, (False, True)):
    PROGRAMS[f"{kind} rule closing over a map's example: {outer}, vmap of {inner}, batched argument: {batched}"] = (
        lambda lib, kind=kind, outer=outer, inner=inner, batched=batched: OUTSIDE[outer](
            lib,
            lambda x: lib.vmap(
                lambda x, y: OUTSIDE[inner](lib, closing_over(lib, kind, y))(x),
                (0 if batched else None, 0),
                axis_name="i",
            )(lib.numpy.stack([x, x]) if batched else x, lib.numpy.asarray(X[:2])),
        )(lib.numpy.float32(2))
    )


# (lib, example b, argument c) -> what a function with a rule of its own returns for c; it, or its rule, closes over b.
CLOSING = {
    "jvp: both": lambda lib, b, c: defined(lib.custom_jvp(lambda u: u * b), lambda p, t: (p[0] * b, t[0] * b))(c),
    "jvp: jvp of the function": lambda lib, b, c: defined(
        lib.custom_jvp(lambda u: u * b), lambda p, t: lib.jvp(lambda u: u * b, p, t)
    )(c),
    "jvp: the rule": lambda lib, b, c: defined(lib.custom_jvp(lambda u: u * 2), lambda p, t: (p[0] * 2, t[0] * b))(c),
    "jvp: the function": lambda lib, b, c: defined(lib.custom_jvp(lambda u: u * b), lambda p, t: (p[0], t[0] * 3))(c),
    "jvp: a jit in the rule": lambda lib, b, c: defined(
        lib.custom_jvp(lambda u: u), lambda p, t: (p[0], t[0] * lib.jit(lambda q: q * 2)(b))
    )(c),
    "vjp: fwd": lambda lib, b, c: defined(
        lib.custom_vjp(lambda u: u * b), lambda u: (u * b, u * b), lambda r, ct: (ct * r,)
    )(c),
    "vjp: bwd": lambda lib, b, c: defined(lib.custom_vjp(lambda u: u), lambda u: (u, None), lambda r, ct: (ct * b,))(c),
    "vjp: a cond in bwd": lambda lib, b, c: defined(
        lib.custom_vjp(lambda u: u),
        lambda u: (u, None),
        lambda r, ct: (lib.lax.cond(b > 1, lambda: ct * b, lambda: ct),),
    )(c),
}
# The map passes a call by that has no mapped argument, and so the rule does not run under it. JAX's does.
RULE_ALONE = ("jvp: the rule", "jvp: a jit in the rule")
# (lib, f, bs, cs): derivatives by cs around the map over both, or one.
AFTER_THE_MAP = {
    "vmap": lambda lib, f, bs, cs: lib.vmap(f)(bs, cs),
    "grad of vmap": lambda lib, f, bs, cs: lib.grad(lambda cs: lib.vmap(f)(bs, cs).sum())(cs),
    "vjp of vmap": lambda lib, f, bs, cs: lib.vjp(lambda cs: lib.vmap(f)(bs, cs), cs)[1](cs),
    "jvp of vmap": lambda lib, f, bs, cs: lib.jvp(lambda cs: lib.vmap(f)(bs, cs), (cs,), (cs,)),
    "vmap of grad": lambda lib, f, bs, cs: lib.vmap(lib.grad(f, 1))(bs, cs),
    "jit of grad of vmap": lambda lib, f, bs, cs: lib.jit(lib.grad(lambda cs: lib.vmap(f)(bs, cs).sum()))(cs),
    "grad of jit of vmap": lambda lib, f, bs, cs: lib.grad(lambda cs: lib.jit(lib.vmap(f))(bs, cs).sum())(cs),
    "Hessian of vmap": lambda lib, f, bs, cs: lib.jacrev(lib.grad(lambda cs: lib.vmap(f)(bs, cs).sum()))(cs),
    "grad by the example": lambda lib, f, bs, cs: lib.grad(lambda bs: lib.vmap(f)(bs, cs).sum())(bs),
    "one example": lambda lib, f, bs, cs: lib.grad(lambda cs: lib.vmap(f, (None, 0))(bs[1], cs).sum())(cs),
    "one argument": lambda lib, f, bs, cs: lib.grad(lambda c: lib.vmap(f, (0, None))(bs, c).sum())(cs[1]),
}


@pytest.mark.parametrize("around", AFTER_THE_MAP)
@pytest.mark.parametrize("name", CLOSING)
@pytest.mark.one_in(32)
def test_a_rule_that_closes_over_an_example_after_the_map(name, around):
    found = []
    for lib in (mj, jax):
        bs, cs = lib.numpy.arange(3.0), lib.numpy.ones(3)
        try:
            results = AFTER_THE_MAP[around](lib, lambda b, c, lib=lib: CLOSING[name](lib, b, c), bs, cs)
            found.append([np.asarray(x).tolist() for x in lib.tree.leaves(results)])
        except (lib.errors.UnexpectedTracerError, TypeError) as error:
            found.append(type(error).__name__)
    if around == "one argument" and name in RULE_ALONE:
        assert (found[0], type(found[1])) == ("UnexpectedTracerError", list)
    else:
        assert found[0] == found[1]


def by_vjp_of_two(lib):
    return defined(
        lib.custom_vjp(lambda x, y: x * y), lambda x, y: (x * y, (x, y)), lambda r, ct: (ct * r[1], ct * r[0] * 2)
    )


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(12)
def test_program_equals_jax(name):
    for a, b in zip(plain(PROGRAMS[name](mj)), plain(PROGRAMS[name](jax)), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5)


# ---------------------------------------------------------------------------------------------------------------------
# Laws, for functions whose rules are right

jnp = mj.numpy


def product_jvp(x, y):
    f = mj.custom_jvp(lambda x, y: {"p": jnp.sin(x) * y, "q": y * y})
    return defined(
        f, lambda p, t: (f(*p), {"p": jnp.cos(p[0]) * t[0] * p[1] + jnp.sin(p[0]) * t[1], "q": 2 * p[1] * t[1]})
    )(x, y)


def product_jvps(x, y):
    f = mj.custom_jvp(lambda x, y: jnp.sin(x) * y)
    f.defjvps(lambda t, out, x, y: jnp.cos(x) * t * y, lambda t, out, x, y: jnp.sin(x) * t)
    return f(x, y)


def product_vjp(x, y):
    return defined(
        mj.custom_vjp(lambda x, y: jnp.sin(x) * y),
        lambda x, y: (jnp.sin(x) * y, (jnp.sin(x), jnp.cos(x), y)),
        lambda r, ct: (ct * r[1] * r[2], ct * r[0]),
    )(x, y)


def looped_jvp(x, ys):
    return mj.lax.scan(lambda c, y: (product_jvps(c, y), mj.lax.cond(y[0] > 0, product_jvps, jnp.add, c, y)), x, ys)


LAWFUL = {
    "custom_jvp": (product_jvp, ((3,), (3,))),
    "defjvps": (product_jvps, ((3,), (3,))),
    "custom_jvp in a loop": (looped_jvp, ((2,), (3, 2))),
}


@pytest.mark.parametrize(("law", "dtype"), laws.FORWARD + laws.REVERSE)
@pytest.mark.parametrize("name", LAWFUL)
@pytest.mark.one_in(6)
def test_law(name, law, dtype):
    laws.check(law, dtype, *LAWFUL[name])


@pytest.mark.parametrize("law", [laws.vmap_is_a_stack_of_slices, laws.vmap_of_gradients_is_a_stack_of_slices])
def test_law_of_custom_vjp(law):
    laws.check(law, "float32", product_vjp, ((3,), (3,)))


def test_vjp_of_custom_vjp_is_the_adjoint():
    """Of the derivative of the same function without a rule: this one has no forward mode."""
    x, y, ct = (jnp.asarray(a) for a in laws.arrays(((3,), (3,), (3,)), "float32"))
    found = mj.vjp(product_vjp, x, y)[1](ct)
    laws.assert_equal(found, mj.vjp(lambda x, y: jnp.sin(x) * y, x, y)[1](ct))


def test_laws_fail_where_a_rule_is_wrong():
    with pytest.raises(AssertionError):
        laws.check(laws.directional_derivatives_are_differences, "float64", by_jvp(mj), ((3,),))
    one_sided = defined(
        mj.custom_jvp(lambda x: x.sum()), lambda p, t: (p[0].sum(), t[0].sum() + mj.lax.stop_gradient(1.0))
    )
    with pytest.raises(AssertionError):
        laws.check(laws.reverse_mode_is_the_adjoint, "float64", one_sided, ((3,),))
    calls = []
    for law in (laws.vmap_is_a_stack_of_slices, laws.jit_changes_nothing):
        with pytest.raises(AssertionError):
            laws.check(law, "float32", lambda x: calls.append(x) or x * len(calls), ((3,),))


# ---------------------------------------------------------------------------------------------------------------------
# Errors


def vjp_with(lib, fwd, bwd):
    return lib.grad(defined(lib.custom_vjp(lambda x, y: x * y), fwd, bwd))(1.0, 2.0)


def jitted(lib, *rules):
    """The function is traced first and differentiated afterwards, so it has run before its rule runs."""
    f = defined((lib.custom_jvp if len(rules) == 1 else lib.custom_vjp)(lambda x: 2 * x), *rules)
    return lib.grad(lib.jit(lambda x: lib.numpy.sum(f(x))))(lib.numpy.float32(1))


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
    "shape of a jvp's primal": (
        lambda lib: jitted(lib, lambda p, t: (p[0] * lib.numpy.ones(3), t[0] * lib.numpy.ones(3))),
        "(equal to the output of the decorated function <lambda>), but the function's output has shapes and dtypes float32[],"
        " the rule's float32[3]",
    ),
    "dtype of a jvp's primal": (
        lambda lib: jitted(lib, lambda p, t: (p[0].astype("float16"), t[0].astype("float16"))), "the rule's float16[]",
    ),
    "tree of a jvp's primal": (
        lambda lib: jitted(lib, lambda p, t: ((p[0],), (t[0],))), "container structure PyTreeDef(*), the rule's PyTreeDef((*,))",
    ),
    "shape of fwd's primal": (
        lambda lib: jitted(lib, lambda x: (x * lib.numpy.ones(3), ()), lambda r, ct: (ct.sum(),)), "the rule's float32[3]",
    ),
    "tree of fwd's primal": (
        lambda lib: jitted(lib, lambda x: ([x], ()), lambda r, ct: ct), "PyTreeDef(*), the rule's PyTreeDef([*])",
    ),
    "dtype of a tangent": (
        lambda lib: jvp_with(lib, lambda p, t: (p[0], t[0].astype("int32"))),
        "Expected float32[] (tangent type of float32[]) but got int32[]",
    ),
    "residuals": (
        lambda lib: vjp_with(lib, lambda x, y: (x, "text"), lambda r, ct: (ct, ct)), "'str'>, which is not a valid JAX type",
    ),
    "defjvps with nondiff": (
        lambda lib: lib.custom_jvp(lambda x, y: x, nondiff_argnums=(1,)).defjvps(lambda g, ans, x: g),
        "Can't use ``defjvps`` with ``nondiff_argnums``",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_error(name):
    program, words = ERRORS[name]
    assert_same_error(program, words, (TypeError, AttributeError, ValueError))


def test_closed_over_values_being_differentiated_raise():
    """JAX raises an error for these too; without an error, their derivative would be 0."""

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


def by_rule_in(lib, around):
    """The rule of x sin x calls `around` on a function that computes the value and its tangent."""
    f = lib.custom_jvp(lambda x: lib.numpy.sin(x) * x)
    f.defjvp(lambda p, t: around(lambda p, t: lib.jvp(lambda x: lib.numpy.sin(x) * x, p, (3 * t[0],)))(p, t))
    return f


AROUND = {
    "nothing": lambda lib: lambda rule: rule,
    "jit": lambda lib: lib.jit,
    "jit of jit": lambda lib: lambda rule: lib.jit(lambda p, t: lib.jit(rule)(p, t)),
    "jit inside": lambda lib: lambda rule: lambda p, t: lib.jvp(lib.jit(lambda x: lib.numpy.sin(x) * x), p, t),
    "cond": lambda lib: lambda rule: lambda p, t: lib.lax.cond(p[0] > 1, rule, lambda p, t: (p[0], 5 * t[0]), p, t),
    "scan": lambda lib: (
        lambda rule: lambda p, t: lib.lax.scan(lambda c, _: (rule(c[:1], c[1:]), c), (*p, *t), None, 3)[0]
    ),
    "jvp of a cond": lambda lib: (
        lambda rule: lambda p, t: lib.jvp(lambda x: lib.lax.cond(x > 1, lib.numpy.sin, lambda x: x * x, x), p, t)
    ),
    "jvp of a scan": lambda lib: (
        lambda rule: (
            lambda p, t: lib.jvp(
                lambda x: lib.lax.scan(lambda c, v: (lib.numpy.tanh(c * v), c), x, lib.numpy.asarray(X))[1].sum(), p, t
            )
        )
    ),
    "jvp of a fori_loop": lambda lib: (
        lambda rule: lambda p, t: lib.jvp(lambda x: lib.lax.fori_loop(0, 3, lambda i, c: c * x + i, x), p, t)
    ),
    "jit of known values alone": lambda lib: lambda rule: lib.jit(lambda p, t: (rule(p, t)[0], t[0])),
}


@pytest.mark.parametrize("name", AROUND)
@pytest.mark.one_in(6)
def test_a_rule_that_computes_value_and_tangent_in_one(name):
    """In reverse mode the value is known and the tangent is not: an equation that computes both must be split in two."""

    def run(lib):
        f = by_rule_in(lib, AROUND[name](lib))
        loss = lambda x: lib.numpy.cos(f(x))
        jitted = lib.jit(lib.value_and_grad(loss))
        return lib.value_and_grad(f)(2.0), jitted(2.0), lib.grad(lib.grad(loss))(2.0), lib.vmap(lib.grad(loss))(X)

    for a, b in zip(plain(run(mj)), plain(jax.jit(lambda: run(jax))()), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5)
    closed = mj.make_jaxpr(mj.value_and_grad(by_rule_in(mj, AROUND[name](mj))))(2.0)
    mj.core.jaxpr.check_jaxpr(closed)


def test_a_rule_that_computes_value_and_tangent_in_one_while_loop_says_so():
    """The alternative is a tracer for the value, which could not be transposed."""
    f = by_rule_in(
        mj, lambda rule: lambda p, t: mj.lax.while_loop(lambda c: c[0] < 1, lambda c: (2 * c[0], c[1]), (*p, *t))
    )
    assert float(mj.jvp(f, (2.0,), (1.0,))[0]) == 2
    with pytest.raises(NotImplementedError, match="computes its value and its tangent in one while_loop"):
        mj.value_and_grad(f)(2.0)


def test_linear_transpose_of_a_custom_function():
    f = defined(mj.custom_jvp(lambda x: 2 * x), lambda p, t: (2 * p[0], 5 * t[0]))
    assert [float(x) for x in mj.linear_transpose(f, 1.0)(3.0)] == [6]
    pushed = mj.linear_transpose(lambda x, t: mj.jvp(f, (x,), (t,)), 1.0, 1.0)
    assert [float(x) for x in pushed((3.0, 7.0))] == [6, 35]


def test_method_and_docs():
    class Net:
        @partial(mj.custom_jvp, nondiff_argnums=(0,))
        def act(self, x):
            """Doc."""
            return x

        act.defjvp(lambda self, p, t: (p[0], t[0] * 6))

    assert float(mj.grad(Net().act)(1.0)) == 6
    assert Net.act.__doc__ == "Doc."


# ---------------------------------------------------------------------------------------------------------------------
# A backward function whose cotangents are zero: that of the function after it returned None. It may return what is no cotangent,
# as Flax's training in 8 bits does, whose "gradients" are the new scales. JAX runs it, unless nobody reads the results.


def _returns_five_more(lib, ran):
    def backward(x, cotangents):
        ran.append(1)
        return (x + 5.0,)

    f = lib.custom_vjp(lambda x: (x * 2, x * 3))
    f.defvjp(lambda x: ((x * 2, x * 3), x), backward)
    return f


def _returns_none(lib):
    f = lib.custom_vjp(lambda x: x * 1.0)
    f.defvjp(lambda x: (x * 1.0, None), lambda _, g: (None,))
    return f


# (lib, the function with a backward function of its own, the one that returns None) -> a function of one number
ZERO_COTANGENTS = {
    "read": lambda lib, q, d: lambda x: q(x)[0],
    "not read": lambda lib, q, d: lambda x: (q(x)[0], x)[1],
    "stopped": lambda lib, q, d: lambda x: lib.lax.stop_gradient(q(x)[0]) + x,
    "zero": lambda lib, q, d: lambda x: d(q(x)[0]) + x,
    "zero times a number": lambda lib, q, d: lambda x: lib.numpy.sin(d(lib.numpy.cos(q(x)[1]))) + x,
    "zero within jit": lambda lib, q, d: lambda x: lib.jit(lambda x: d(q(x)[0]))(x) + x,
    "zero into jit": lambda lib, q, d: lambda x: d(lib.jit(lambda x: q(x)[0])(x)) + x,
    "zero into one of two results": lambda lib, q, d: (
        lambda x: (lambda y: d(y[0]) + y[1])(lib.jit(lambda x: (q(x)[0], x * 3))(x))
    ),
    "one of two results not read": lambda lib, q, d: lambda x: lib.jit(lambda x: (q(x)[0], x * 3))(x)[1],
    "scan": lambda lib, q, d: lambda x: lib.lax.scan(lambda c, _: (d(q(c)[0]), None), x, None, length=2)[0] + x,
    "scan of two": lambda lib, q, d: (
        lambda x: (lambda y: d(y[0]) + y[1])(
            lib.lax.scan(lambda c, _: ((q(c[0])[0], c[1] * 3), None), (x, x), None, length=2)[0]
        )
    ),
    "cond": lambda lib, q, d: lambda x: lib.lax.cond(x > 0, lambda x: d(q(x)[0]), lambda x: x, x) + x,
    "checkpoint": lambda lib, q, d: lambda x: lib.checkpoint(lambda x: d(q(x)[0]))(x) + x,
}


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("name", ZERO_COTANGENTS)
@pytest.mark.one_in(14)
def test_a_backward_function_runs_with_zeros(name, jitted):
    results = []
    for lib in (mj, jax):
        ran = []
        f = lib.grad(ZERO_COTANGENTS[name](lib, _returns_five_more(lib, ran), _returns_none(lib)))
        results.append((float((lib.jit(f) if jitted else f)(lib.numpy.float32(1.0))), bool(ran)))
    assert results[0] == results[1]


def _derivative_beside_none(lib, cotangents):
    f = lib.custom_vjp(lambda pair: pair)
    f.defvjp(lambda pair: (pair, None), lambda _, g: (cotangents,))
    return float(lib.grad(lambda x: f((None, x))[1])(2.0))


@pytest.mark.parametrize("cotangents", [(None, 3.0), (1.0, 3.0), (None, None), None])
def test_none_among_the_arguments(cotangents):
    """Equinox has None in a tree where the array is in another tree."""
    assert _derivative_beside_none(mj, cotangents) == _derivative_beside_none(jax, cotangents)


def _with_numbers_among_the_residuals(lib, seen):
    def backward(residuals, g):
        seen.append(residuals)
        return (g * residuals["n"],)

    f = lib.custom_vjp(lambda x: x * 2)
    f.defvjp(lambda x: (x * 2, {"flag": True, "n": 3, "x": x, "none": None}), backward)
    return lib.grad(lambda x: lib.lax.scan(lambda c, _: (f(c), None), x, None, length=2)[0])


@pytest.mark.parametrize("jitted", [False, True])
def test_pythons_numbers_among_the_residuals_stay_numbers(jitted):
    for lib in (mj, jax):
        seen = []
        gradient = _with_numbers_among_the_residuals(lib, seen)
        assert float((lib.jit(gradient) if jitted else gradient)(1.0)) == 9
        assert all(r["flag"] is True and isinstance(r["n"], int) for r in seen)


def _returning(lib, kind, f):
    g = getattr(lib, f"custom_{kind}")(f)
    if kind == "jvp":
        g.defjvp(lambda primals, tangents: (f(*primals), tangents[0]))
    else:
        g.defvjp(lambda *args: (f(*args), args), lambda args, ct: (ct,))
    return g


# Programs of a and b that call a function of an argument, which closes over the other one.
CLOSING_OVER = {
    "checkpoint": lambda lib, of: lambda a, b: lib.checkpoint(lambda u: of(lambda v: b)(a))(b),
    "scan": lambda lib, of: lambda a, b: lib.lax.scan(lambda c, _: (of(lambda v: b * v)(a) + c, None), a, None, 2),
    "cond": lambda lib, of: (
        lambda a, b: lib.lax.cond(a > 0, lambda: of(lambda v: b)(a), lambda: of(lambda v: a * v)(b))
    ),
    "jit": lambda lib, of: lambda a, b: lib.jit(lambda: of(lambda v: b * v)(a))(),
}


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
@pytest.mark.parametrize("name", CLOSING_OVER)
def test_an_argument_stands_before_what_the_function_closes_over(name, kind):
    def text(lib):
        return str(lib.make_jaxpr(CLOSING_OVER[name](lib, partial(_returning, lib, kind)))(1.0, 2.0))

    assert text(mj) == text(jax)


COTANGENTS = {
    "the tree": lambda g: {"a": g, "b": (g,), "c": None},
    "a leaf for a container": lambda g: {"a": g, "b": g, "c": None},
    "a leaf for all": lambda g: g,
    "none": lambda g: {"a": None, "b": None, "c": None},
    "an array where the argument has None": lambda g: {"a": g, "b": (g,), "c": g},
    "a container for a leaf": lambda g: {"a": (g,), "b": (g,), "c": None},
    "a list for a tuple": lambda g: {"a": g, "b": [g], "c": None},
    "two for one": lambda g: {"a": g, "b": (g, g), "c": None},
    "a key too few": lambda g: {"a": g, "b": (g,)},
}


@pytest.mark.parametrize("name", COTANGENTS)
def test_trees_of_cotangents(name):
    def found(lib):
        f = lib.custom_vjp(lambda d: d["a"] * 2 + d["b"][0] * 3)
        f.defvjp(lambda d: (f(d), None), lambda _, g: (COTANGENTS[name](g),))
        try:
            return lib.tree.map(float, lib.grad(f)({"a": 1.0, "b": (2.0,), "c": None}))
        except TypeError:
            return TypeError

    assert found(mj) == found(jax)
