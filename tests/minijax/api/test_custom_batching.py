"""custom_vmap, sequential_vmap: the rule runs where JAX runs it, inside and outside of other transformations."""

from __future__ import annotations

import itertools

import jax
import jax.custom_batching
import jax.numpy
import numpy as np
import pytest
from jax_oracle import assert_same_error, assert_same_leaves

import minijax as mj
import minijax.numpy

X = np.array([0.3, 0.7, 1.1], np.float32)
B = np.stack([X, 2 * X])


# Functions with wrong rules, so that a result shows whether the rule ran. `seen` records the rule's arguments.
def product(lib, seen):
    """The rule of x sin y is x cos y."""
    jnp = lib.numpy

    @lib.custom_batching.custom_vmap
    def f(x, y):
        return jnp.sin(y) * x

    @f.def_vmap
    def rule(axis_size, in_batched, x, y):
        seen.append((axis_size, in_batched, np.shape(x), np.shape(y)))
        return jnp.cos(y) * x, any(in_batched)

    return f


def tree(lib, seen):
    """Pytrees in and out; one result is never batched."""
    jnp = lib.numpy

    @lib.custom_batching.custom_vmap
    def f(x, p):
        return {"a": x * p["w"], "b": (p["v"][0],)}

    @f.def_vmap
    def rule(axis_size, in_batched, x, p):
        seen.append((axis_size, in_batched))
        batched = in_batched[0] or in_batched[1]["w"]
        return {"a": 10 * x * p["w"], "b": (jnp.ones(3) * axis_size,)}, {"a": batched, "b": (False,)}

    def g(x, y):
        out = f(x, {"w": y, "v": [x]})
        return out["a"] + out["b"][0]

    return g


def sequential(lib, seen):
    @lib.custom_batching.sequential_vmap
    def f(x, y):
        seen.append(x.shape)
        return lib.numpy.sin(x) * y, x.sum()

    return lambda x, y: f(x, y)[0] + f(y, x)[1]


FUNCTIONS = {f.__name__: f for f in (product, tree, sequential)}
TRANSFORMATIONS = {
    "jit": lambda lib, f: lib.jit(f),
    "vmap": lambda lib, f: (
        lambda x, y: lib.vmap(f, (0, 1), 1)(lib.numpy.stack([x, 2 * x]), lib.numpy.stack([y, -y], 1))
    ),
    "vmap of x": lambda lib, f: lambda x, y: lib.vmap(f, (0, None))(lib.numpy.stack([x, 2 * x]), y),
    "vmap of y": lambda lib, f: lambda x, y: lib.vmap(f, (None, 0))(x, lib.numpy.stack([y, 2 * y, 3 * y])),
    "jvp": lambda lib, f: lambda x, y: lib.jvp(f, (x, y), (lib.numpy.sin(x), y))[1],
}
NESTINGS = [n for length in (0, 1, 2) for n in itertools.product(TRANSFORMATIONS, repeat=length)]
NESTINGS += [n for n in itertools.product(("jvp", "vmap"), repeat=3)]


def nested(lib, nesting, f):
    for name in reversed(nesting):
        f = TRANSFORMATIONS[name](lib, f)
    return f


def mixed(nesting) -> bool:
    """Whether a jvp is mapped over one argument only: JAX's rule returns arrays of the wrong shape there."""
    return any(a.startswith("vmap of") and "jvp" in nesting[i:] for i, a in enumerate(nesting))


@pytest.mark.parametrize("nesting", [n for n in NESTINGS if not mixed(n)], ids=lambda n: "-".join(n) or "none")
@pytest.mark.one_in(20)
def test_nestings(nesting):
    mine, theirs = {}, {}

    def run(lib, told):
        return lambda x: {
            n: nested(lib, nesting, f(lib, told.setdefault(n, [])))(x, x + 1) for n, f in FUNCTIONS.items()
        }

    ours, jaxs = run(mj, mine)(mj.numpy.asarray(X)), jax.jit(run(jax, theirs))(X)
    for name in FUNCTIONS:
        a, b = ours[name], jaxs[name]
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type), name
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6, err_msg=name)
    assert mine["product"] == theirs["product"]
    assert mine["tree"] == theirs["tree"]
    assert bool(mine["sequential"]) and set(mine["sequential"]) == {(3,)}


def right(lib):
    """With a right rule that relies on its in_batched argument, the order of jvp and vmap does not matter."""

    def fun(x, y):
        return lib.numpy.sin(x) * y

    f = lib.custom_batching.custom_vmap(fun)
    f.def_vmap(
        lambda n, in_batched, x, y: (lib.vmap(fun, [0 if flag else None for flag in in_batched])(x, y), any(in_batched))
    )
    return f


PARTS = {
    "x and its tangent": ((0, None), (0, None)),
    "y and its tangent": ((None, 0), (None, 0)),
    "x": ((0, None), (None, None)),
    "its tangent": ((None, None), (0, None)),
    "all but a tangent": ((0, 0), (None, 0)),
    "x, and the tangent of y": ((0, None), (None, 0)),
}


@pytest.mark.parametrize("only_x", [False, True])
@pytest.mark.parametrize("moving", PARTS)
def test_a_jvp_mapped_in_part(moving, only_x):
    """If only a primal or only a tangent is batched, JAX maps over the rule, and returns results for all pairs of examples."""
    examples = np.float32([[1, 2, 3, 4], [4, 5, 6, 7], [1, -1, 2, 2], [3, 1, 2, 5]])[..., None] * np.float32([1, 2])
    dims = PARTS[moving]
    args = [rows if d == 0 else rows[0] for rows, d in zip(examples, (*dims[0], *dims[1]))]

    def pushed(f):
        def of_x(x, y, t, u):
            return mj.jvp(lambda x: f(x, y), (x,), (t,))

        return of_x if only_x else lambda x, y, t, u: mj.jvp(f, (x, y), (t, u))

    mine = mj.vmap(pushed(right(mj)), (*dims[0], *dims[1]))(*args)
    plain = mj.vmap(pushed(lambda x, y: mj.numpy.sin(x) * y), (*dims[0], *dims[1]))(*args)
    for a, b in zip(mine, plain, strict=True):
        assert a.shape == b.shape == (4, 2)
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_jacobians():
    """A batch of tangents only: the rule does not run, because the primals are the same for all examples."""
    expected = np.diag(np.sin(X) + X * np.cos(X))
    asked = []
    by_rule = mj.custom_batching.custom_vmap(lambda x: mj.numpy.sin(x) * x)
    by_rule.def_vmap(lambda n, in_batched, x: (asked.append(n), True))
    for f in (by_rule, mj.custom_batching.sequential_vmap(lambda x: mj.numpy.sin(x) * x)):
        np.testing.assert_allclose(mj.jacfwd(f)(X), expected, rtol=1e-6)
        np.testing.assert_allclose(mj.jit(mj.jacfwd(f))(X), expected, rtol=1e-6)
    assert asked == []
    np.testing.assert_allclose(mj.vmap(mj.jacfwd(right(mj)), (0, None))(X, 2.0), 2 * np.cos(X), rtol=1e-6)
    np.testing.assert_allclose(mj.jacfwd(mj.vmap(right(mj)))(X, X), np.diag(np.cos(X) * X), rtol=1e-6)


def custom(lib, rule, fun=lambda x, y: x + y):
    f = lib.custom_batching.custom_vmap(fun)
    if rule is not None:
        f.def_vmap(rule)
    return f


def with_vjp(lib):
    jnp = lib.numpy

    @lib.custom_vjp
    @lib.custom_batching.custom_vmap
    def f(x, y):
        return jnp.sin(x) * y

    f.def_vmap(lambda n, in_batched, x, y: (jnp.cos(x) * y, True))
    f.defvjp(lambda x, y: (f(x, y), (x, y)), lambda r, ct: (3 * ct * r[1], 5 * ct * r[0]))
    return f


def with_jvp_inside(lib):
    @lib.custom_batching.custom_vmap
    @lib.custom_jvp
    def f(x):
        return x * x

    f.def_vmap(lambda n, in_batched, x: (7 * x, True))
    f.defjvp(lambda p, t: (f.fun(*p), 3 * t[0]))
    return f


SQUARE = lambda n, in_batched, x: (x * x * n, in_batched[0])
PROGRAMS = {
    "custom_vjp outside": lambda lib: lib.vmap(with_vjp(lib))(lib.numpy.asarray(X), lib.numpy.asarray(X + 1)),
    "custom_vjp outside, gradient": lambda lib: lib.grad(with_vjp(lib), (0, 1))(X[0], X[1]),
    "custom_vjp outside, gradients": lambda lib: lib.vmap(lib.grad(with_vjp(lib), (0, 1)))(
        lib.numpy.asarray(X), lib.numpy.asarray(X + 1)
    ),
    "custom_jvp inside": lambda lib: (lib.vmap(with_jvp_inside(lib))(X), lib.jvp(with_jvp_inside(lib), (2.0,), (1.0,))),
    "keywords and defaults": lambda lib: lib.vmap(
        lambda x: custom(lib, lambda n, b, x, y, z: (x - y * z, True), lambda x, y, z=4: x * y * z)(y=2.0, x=x)
    )(X),
    "not mapped": lambda lib: lib.vmap(lambda x: custom(lib, lambda n, b, x, y: (x * y, True))(1.0, 2.0) * x)(X),
    "out_axes None": lambda lib: lib.vmap(custom(lib, lambda n, b, x, y: (x.sum(), False)), out_axes=None)(X, X),
    "negative axes": lambda lib: lib.vmap(custom(lib, lambda n, b, x, y: (x * y, True)), (-1, -2), -1)(B, B.T),
    "another dtype": lambda lib: lib.vmap(custom(lib, lambda n, b, x, y: ((x * y).astype("int32"), True)))(X, X),
    "a Python number": lambda lib: lib.vmap(custom(lib, lambda n, b, x, y: (n, False)))(X, X),
    "numbers for flags": lambda lib: lib.vmap(custom(lib, lambda n, b, x, y: (x, 1)))(X, X),
    "nothing in the batch": lambda lib: lib.vmap(custom(lib, SQUARE, lambda x: x))(lib.numpy.zeros((0, 2))),
    "not finite": lambda lib: lib.vmap(custom(lib, SQUARE, lambda x: x))(
        lib.numpy.asarray([np.nan, np.inf, -np.inf, -0.0])
    ),
    "in a scan": lambda lib: lib.vmap(
        lambda x: lib.lax.scan(lambda c, a: (custom(lib, SQUARE, lambda x: x + 1)(c), a), x, None, length=2)[0]
    )(X),
    "closes over a constant": lambda lib: lib.vmap(custom(lib, lambda n, b, x: (x, True), lambda x: x * B))(X),
    "closes over a value being differentiated": lambda lib: lib.jvp(
        lambda z: custom(lib, SQUARE, lambda x: x * z)(3.0), (2.0,), (1.0,)
    ),
    "integers are not moved": lambda lib: lib.jvp(
        lambda x: lib.vmap(custom(lib, lambda n, b, x, y: (x * y * 2, True)), (0, None))(x, 3), (X,), (X,)
    ),
    "sequential, a tree in part": lambda lib: lib.vmap(
        lib.custom_batching.sequential_vmap(lambda p, y: {"s": p["a"].sum() * y, "n": p["b"]}),
        ({"a": 0, "b": None}, None),
    )({"a": B, "b": 3}, 2.0),
    "sequential, of a batch of batches": lambda lib: lib.vmap(
        lib.vmap(lib.custom_batching.sequential_vmap(lambda x, y: x * y), (0, None)), (None, 0)
    )(X, X),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(4)
def test_program_equals_jax(name):
    assert_same_leaves(PROGRAMS[name](mj), jax.jit(lambda: PROGRAMS[name](jax))())


JAXPRS = {
    "call": lambda lib: lambda x: custom(lib, SQUARE, lambda x, y: (x * B + y, y))(x, X),
    "vmap of it": lambda lib: lambda x: lib.vmap(custom(lib, SQUARE, lambda x: x))(x),
    "sequential": lambda lib: (
        lambda x: lib.vmap(lib.custom_batching.sequential_vmap(lambda x, y: (x.sum(), y * 2)), (0, None))(B, x)
    ),
}


@pytest.mark.parametrize("name", JAXPRS)
def test_jaxpr_is_printed_as_jax_prints_it(name):
    mine, theirs = (lib.make_jaxpr(JAXPRS[name](lib))(X) for lib in (mj, jax))
    mj.core.jaxpr.check_jaxpr(mine)
    assert str(mine) == str(theirs)


def test_jaxpr_of_a_jvp():
    f = custom(mj, SQUARE, lambda x: mj.numpy.sin(x))
    jaxpr = mj.make_jaxpr(lambda x: mj.jvp(f, (x,), (x,)))(X)
    mj.core.jaxpr.check_jaxpr(jaxpr)
    (eqn,) = jaxpr.eqns
    assert (eqn.primitive.name, len(eqn.invars), len(eqn.outvars)) == ("custom_vmap_call", 2, 2)
    assert [e.primitive.name for e in eqn.params["call"].eqns] == ["sin", "cos", "mul"]


def closing_over(lib):
    return lambda z: custom(lib, SQUARE, lambda x: x * z)(3.0)


def mapped(lib, rule):
    return lib.vmap(custom(lib, rule))(X, X)


ERRORS = {
    "no rule": (
        lambda lib: custom(lib, None)(1.0, 2.0),
        "No batching rule defined for custom_vmap function <lambda> using def_vmap.",
    ),
    "a missing argument": (
        lambda lib: custom(lib, SQUARE)(1.0),
        "The input arguments to the custom_vmap-decorated function <lambda> could not be resolved to positional-only"
        " arguments. Binding failed with the error:\nmissing a required argument: 'y'",
    ),
    "a keyword-only argument": (
        lambda lib: custom(lib, SQUARE, lambda x, *, y: x)(1.0, y=2.0),
        "could not be resolved",
    ),
    "no array": (lambda lib: custom(lib, SQUARE)(1.0, "a"), "'a'"),
    "no pair": (lambda lib: mapped(lib, lambda n, b, x, y: x * y), "must return a pair"),
    "tree of the flags": (
        lambda lib: mapped(lib, lambda n, b, x, y: (x * y, (True,))),
        "structure of output value and output batching specification returned by custom vmap rule (<lambda>) do not"
        " match.\nOutput values: PyTreeDef(*)\nBatching spec: PyTreeDef((*,))",
    ),
    "None for a flag": (lambda lib: mapped(lib, lambda n, b, x, y: (x * y, None)), "Batching spec: PyTreeDef(None)"),
    "tree of the result": (
        lambda lib: mapped(lib, lambda n, b, x, y: ([x * y], [True])),
        "structure of output returned by custom vmap rule (<lambda>) does not match that of original custom-vmapped"
        " function.\nOriginal output: PyTreeDef(*)\nRule output: PyTreeDef([*])",
    ),
    "a result that is no array": (lambda lib: mapped(lib, lambda n, b, x, y: ("a", True)), "'a'"),
    "reverse mode": (
        lambda lib: lib.grad(custom(lib, SQUARE))(1.0, 2.0),
        "custom_vmap functions do not support reverse-mode differentiation",
    ),
    "linearize": (
        lambda lib: lib.linearize(custom(lib, SQUARE), 1.0, 2.0),
        "Wrap the custom_vmap function in a custom_vjp",
    ),
    "transposition": (
        lambda lib: lib.linear_transpose(lambda x: custom(lib, SQUARE)(x, 2.0), 1.0)(1.0),
        "wrap the custom_vmap function in a custom_vjp",
    ),
    "no attribute": (lambda lib: custom(lib, SQUARE).rule, "no attribute 'rule'"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(name):
    program, words = ERRORS[name]
    assert_same_error(program, words, (TypeError, ValueError, AttributeError, NotImplementedError))


def test_errors_where_jax_has_no_words():
    """JAX raises an AssertionError or an IndexError, or returns a result whose size is not the batch's."""
    with pytest.raises(
        mj.errors.UnexpectedTracerError, match="custom_vmap function with respect to a closed-over value"
    ):
        mj.vmap(closing_over(mj))(X)
    for result, shape in ((lambda x: x.sum(), r"\(\)"), (lambda x: x[:2], r"\(2,\)")):
        with pytest.raises(
            ValueError, match=rf"rule \(<lambda>\) returned an array of shape {shape} as batched.*size 3"
        ):
            mapped(mj, lambda n, b, x, y, result=result: (result(x), True))


def test_names_and_docs():
    @mj.custom_batching.custom_vmap
    def f(x):
        """Doc."""
        return x

    rule = f.def_vmap(SQUARE)
    assert (f.__name__, f.__doc__, f.vmap_rule, rule) == ("f", "Doc.", SQUARE, SQUARE)
    assert [n for n in mj.custom_batching.__all__ if not hasattr(jax.custom_batching, n)] == []
