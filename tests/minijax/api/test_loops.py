"""scan, cond, switch, while_loop, fori_loop, map, associative_scan: as JAX's. Under and over the other transformations they
are compared with JAX in test_nestings.py; here are the laws."""

from __future__ import annotations

import functools

import jax
import jax.numpy
import laws
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
from minijax.core.jaxpr import jaxprs_in_params

X = np.array([0.3, 0.7, 1.1], np.float32)


def looped(lib):
    """A while loop whose number of steps differs from example to example."""

    def f(x):
        return lib.lax.while_loop(lambda c: c[1].sum() < 20, lambda c: (c[0] + 1, c[1] * (1 + x)), (0, x))[1]

    return f


# ---------------------------------------------------------------------------------------------------------------------
# Small programs


def plain(x):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(jax.tree.map(np.asarray, x))]


WEIGHTS = np.linspace(-1, 1, 60, dtype=np.float32).reshape(5, 12)
PROGRAMS = {
    "scan without xs": lambda lib: lib.lax.scan(lambda c, _: (c * 2, c), 1.0, None, length=4),
    "scan of nothing": lambda lib: lib.lax.scan(lambda c, a: (c + a, a * 2), 0.0, lib.numpy.zeros((0,))),
    "scan, weak carry": lambda lib: lib.lax.scan(lambda c, a: (c + a, c), 0, lib.numpy.arange(3.0)),
    "scan of keys": lambda lib: lib.lax.scan(
        lambda k, _: (lib.random.split(k)[0], lib.random.uniform(k)), lib.random.key(0), None, length=3
    )[1],
    "scan of integers": lambda lib: lib.lax.scan(lambda c, a: (c + a, c * a), 0, lib.numpy.arange(5)),
    "scan, unroll": lambda lib: lib.lax.scan(lambda c, a: (c + a, c), 0.0, lib.numpy.arange(3.0), unroll=2),
    "scan with empty ys": lambda lib: lib.lax.scan(lambda c, a: (c + a, None), 0.0, lib.numpy.arange(3.0)),
    "scan over dtypes": lambda lib: lib.lax.scan(
        lambda c, a: (c + a[0], (a[1], a[0].astype("float16"))), 0.0, (lib.numpy.arange(3.0), lib.numpy.arange(3) > 1)
    ),
    "cond, numbers": lambda lib: [lib.lax.cond(p, lambda: 1.0, lambda: 2.0) for p in (True, False, 1, 0, 2.5)],
    "cond, None as the operand": lambda lib: lib.lax.cond(True, lambda _: 1.0, lambda _: 2.0, operand=None),
    "switch, None as the operand": lambda lib: lib.lax.switch(1, [lambda _: 1.0, lambda _: 2.0], operand=None),
    "cond, operand": lambda lib: lib.lax.cond(True, lambda x: x["a"], lambda x: x["b"], operand={"a": 1.0, "b": 2.0}),
    "cond, weak and not": lambda lib: lib.lax.cond(True, lambda x: 1.0, lambda x: x, lib.numpy.float32(2)),
    "switch, out of range": lambda lib: [
        lib.lax.switch(i, [lambda: 0, lambda: 1, lambda: 2]) for i in (-5, 0, 1, 2, 7)
    ],
    "switch of one": lambda lib: lib.lax.switch(3, [lambda x: x * 2], 1.0),
    "while, no steps": lambda lib: lib.lax.while_loop(lambda c: c < 0, lambda c: c * 2, 1.5),
    "while, weak": lambda lib: lib.lax.while_loop(lambda c: c < 3, lambda c: c + lib.numpy.float32(1), 0),
    "fori, downwards": lambda lib: lib.lax.fori_loop(3, 0, lambda i, c: c + 1, 7.0),
    "fori, traced": lambda lib: lib.jit(lambda n: lib.lax.fori_loop(0, n, lambda i, c: c * 2 + i, 1))(4),
    "fori, float bounds": lambda lib: lib.lax.fori_loop(0.5, 2.5, lambda i, c: c + i, 0.0),
    "fori, float bounds, traced": lambda lib: lib.jit(lambda n: lib.lax.fori_loop(0.5, n, lambda i, c: c + i, 0.0))(3.5),
    "fori, bounds that are bools": lambda lib: lib.lax.fori_loop(False, True, lambda i, c: c + i, 5),
    "fori, mixed": lambda lib: lib.lax.fori_loop(lib.numpy.int8(0), 3, lambda i, c: c + i, 1),
    "map, batches": lambda lib: [
        lib.lax.map(lambda a: a * 2, lib.numpy.arange(7.0), batch_size=n) for n in (1, 3, 7, 10)
    ],
    "map of a tree": lambda lib: lib.lax.map(lambda a: {"s": a[0] + a[1]}, (lib.numpy.arange(3.0), lib.numpy.ones(3))),
    "associative_scan, reverse": lambda lib: [
        lib.lax.associative_scan(lib.numpy.maximum, lib.numpy.asarray(X), reverse=r) for r in (True, False)
    ],
    "associative_scan, sizes": lambda lib: [
        lib.lax.associative_scan(lib.numpy.add, lib.numpy.arange(n)) for n in (1, 2, 3, 4, 7, 8)
    ],
    "associative_scan, axis": lambda lib: lib.lax.associative_scan(
        lib.numpy.matmul, lib.numpy.ones((2, 5, 2, 2)) * lib.numpy.arange(5.0)[:, None, None], axis=1
    ),
    "associative_scan, booleans": lambda lib: lib.lax.associative_scan(
        lib.numpy.logical_or, lib.numpy.array([False, True, False, False])
    ),
    "vmap of cond, predicate not mapped": lambda lib: lib.vmap(
        lambda p, x: lib.lax.cond(p, lambda u: u * 2, lambda u: u, x), (None, 0)
    )(True, lib.numpy.asarray(X)),
    "linearize of while": lambda lib: lib.linearize(looped(lib), lib.numpy.asarray(X))[1](lib.numpy.ones(3)),
    "an LSTM": lambda lib: lib.grad(lambda w: lstm(lib, w))(lib.numpy.asarray(WEIGHTS)),
}  # fmt: skip


def lstm(lib, w):
    """Backpropagation through a scan of five steps over a batch of two."""
    jnp = lib.numpy

    def cell(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(jnp.concatenate([h, x], -1) @ w, 4, axis=-1)
        c = lib.nn.sigmoid(f + 1) * c + lib.nn.sigmoid(i) * jnp.tanh(g)
        h = lib.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    xs = jnp.sin(jnp.arange(20.0)).reshape(5, 2, 2)
    zeros = jnp.zeros((2, 3))
    return lib.lax.scan(cell, (zeros, zeros), xs)[1].sum()


# Those whose carries and counters are Python numbers: of 64 bits where these are enabled.
WIDE = "scan without xs|scan, weak carry|scan of integers|cond, numbers|while, weak|fori, traced|fori, mixed".split("|")


@pytest.mark.parametrize(("name", "x64"), [(n, False) for n in PROGRAMS] + [(n, True) for n in WIDE])
@pytest.mark.one_in(8)
def test_program_equals_jax(name, x64):
    with mj.enable_x64(x64), jax.enable_x64(x64):
        for a, b in zip(plain(PROGRAMS[name](mj)), plain(PROGRAMS[name](jax)), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# Laws. Each kind of argument is batched and differentiated alone: consts, carries, xs, predicates, bounds.

lax, jnp = mj.lax, mj.numpy


def loop_of_two_carries(w, c, xs):
    """The next a is computed from b, and the next b from b and x alone: if b is batched or has a tangent, a has one too."""

    def body(carry, x):
        a, b = carry
        return (a * 0.5, jnp.sin(b) * x + a.sum() * w), (b * x, x)

    return lax.scan(body, (c, w), xs)


LAWFUL = {
    "scan": (lambda w, c, xs: lax.scan(lambda c, x: (jnp.sin(c) * x + w, c * x), c, xs), ((3,), (3,), (4, 3))),
    "scan, reverse": (lambda w, c, xs: lax.scan(lambda c, x: (c * w, c + x), c, xs, reverse=True), ((), (), (4,))),
    "scan, two carries": (loop_of_two_carries, ((3,), (2,), (2, 3))),
    "scan, a counter": (
        lambda w, xs: lax.scan(lambda c, x: ((c[0] + 1, c[1] * w), x * w * c[0]), (0, w), xs), ((3,), (3, 3)),
    ),
    "scan of nothing": (lambda c, xs: lax.scan(lambda c, x: (jnp.sin(c) * x, c), c, xs), ((2,), (0, 2))),
    "cond": (lambda p, w, x: lax.cond(p > 0, lambda u: jnp.sin(u) * w, lambda u: u * u, x), ((), (3,), (3,))),
    "cond, a constant branch": (
        lambda p, x: lax.cond(p > 0, lambda u: {"a": u * u, "b": jnp.ones_like(u)}, lambda u: {"a": 2 + 0 * u, "b": u}, x),
        ((), (3,)),
    ),
    "switch": (
        lambda p, w, x: lax.switch((1.5 * p + 1.5).astype(int), [jnp.sin, lambda u: u * w, lambda u: w * w], x),
        ((), (2,), (2,)),
    ),
    "fori_loop": (lambda w, x: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * w + i, x), ((3,), (3,))),
    "map": (lambda w, xs: lax.map(lambda x: jnp.sin(x * w), xs), ((2,), (3, 2))),
    "associative_scan": (
        lambda a, b: lax.associative_scan(lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1]), (a, b)), ((5,), (5,)),
    ),
    "a loop within a branch within a loop": (
        lambda p, c, xs: lax.scan(
            lambda c, x: (lax.cond(x > p, lambda: lax.fori_loop(0, 2, lambda i, v: v * x, c), lambda: jnp.sin(c)), c), c, xs
        ),
        ((), (2,), (3,)),
    ),
}  # fmt: skip
FORWARD_ONLY = {
    "while_loop": (
        lambda n, w, x: lax.while_loop(lambda c: c[0] < 3 * n, lambda c: (c[0] + 1, jnp.sin(c[1]) * w), (0.0 * n, x)),
        ((), (2,), (2,)),
    ),
    "while_loop, as long as it takes": (
        lambda w, x: lax.while_loop(lambda c: (c * c).sum() < 9, lambda c: c * (2 + w), x), ((2,), (2,)),
    ),
    "fori_loop, bounds": (
        lambda n, w, x: lax.fori_loop(0, (4 * n * n).astype(int), lambda i, c: jnp.sin(c) * w + i, x), ((), (2,), (2,)),
    ),
}  # fmt: skip
LAWS = [(name, *law) for name in LAWFUL for law in laws.FORWARD + laws.REVERSE]
LAWS += [(name, *law) for name in FORWARD_ONLY for law in laws.FORWARD]


@pytest.mark.parametrize(("name", "law", "dtype"), LAWS)
@pytest.mark.one_in(32)
def test_law(name, law, dtype):
    laws.check(law, dtype, *{**LAWFUL, **FORWARD_ONLY}[name])


# ---------------------------------------------------------------------------------------------------------------------
# Which residuals are saved, which equations run


def scan_eqns(closed):
    return [e for e in closed.eqns if e.primitive.name == "scan"]


def test_only_the_residuals_that_are_needed_are_stacked():
    """d(c * w + x)/dc = w: a residual that is equal in all steps is kept once, and a slice of xs is not kept."""

    def f(c, w, xs):
        return mj.lax.scan(lambda c, x: (c * jnp.sin(w) * x, None), c, xs)[0]

    forward, backward = scan_eqns(mj.make_jaxpr(mj.grad(f))(1.0, 2.0, X))
    # The scan returns the carry and no residual.
    assert [v.aval.shape for v in forward.outvars] == [()]
    assert backward.params["reverse"] is True
    # A residual that is a carry is stacked.
    forward, _ = scan_eqns(mj.make_jaxpr(mj.grad(lambda c: mj.lax.scan(lambda c, x: (c * c, None), c, X)[0]))(1.0))
    assert [v.aval.shape for v in forward.outvars] == [(), (3,)]


def test_no_derivative_of_what_is_not_differentiated():
    """A counter in the carry has no tangent: the loop of the tangents carries one number."""
    closed = mj.make_jaxpr(mj.grad(lambda x: mj.lax.fori_loop(0, 3, lambda i, c: c * x, 1.0)))(2.0)
    backward = scan_eqns(closed)[-1]
    assert all(v.aval.dtype == np.float32 for v in backward.outvars)


def test_one_branch_is_run():
    ran = []

    def noting(name):
        p = mj.core.Primitive(name)
        p.def_abstract_eval(lambda x: x)
        p.def_impl(lambda x: ran.append(name) or x)
        return p.bind

    f = mj.jit(lambda p, x: mj.lax.cond(p, noting("yes"), noting("no"), x))
    f(True, 1.0), f(False, 1.0), f(True, 1.0)
    assert ran == ["yes", "no", "yes"]


def test_bodies_are_traced_once():
    traced = []
    f = mj.jit(lambda x: mj.lax.scan(lambda c, a: (traced.append(None) or c * a, None), x, X)[0])
    for _ in range(3):
        f(np.float32(1)), mj.grad(f)(np.float32(2))
    assert len(traced) == 1


def test_branches_share_what_they_close_over():
    closed = mj.make_jaxpr(lambda x, y: mj.lax.cond(x > 0, lambda: x * y, lambda: y - x))(1.0, 2.0)
    (eqn,) = [e for e in closed.eqns if e.primitive.name == "cond"]
    assert len(eqn.invars) == 3
    assert all(len(b.jaxpr.invars) == 2 for b in jaxprs_in_params(eqn.params))


# ---------------------------------------------------------------------------------------------------------------------
# Errors


class Method:
    def step(self, state, x):
        return X, x


ERRORS = {
    "scan, dtype": (
        lambda lib: lib.lax.scan(lambda c, a: ({"u": c["u"].astype("int32")}, a), {"u": lib.numpy.float32(0)}, X),
        "the input carry component c['u'] has type float32[] but the corresponding output carry component has type int32[], so"
        " the dtypes do not match",
    ),
    "scan, shape": (
        lambda lib: lib.lax.scan(lambda c, a: ((c[0], lib.numpy.stack([c[1], c[1]])), a), 2 * (lib.numpy.float32(0),), X),
        "the input carry component c[1] has type float32[] but the corresponding output carry component has type float32[2],"
        " so the shapes do not match",
    ),
    "scan, both": (
        lambda lib: lib.lax.scan(lambda c, a: (lib.numpy.ones(2, int), a), lib.numpy.float32(0), X),
        "type float32[] but the corresponding output carry component has type int32[2], so the dtypes do not match, and the"
        " shapes do not match",
    ),
    "scan, tree": (
        lambda lib: lib.lax.scan(lambda c, a: ({"u": (c["u"], c["u"])}, a), {"u": 0.0}, X),
        "the input carry component c['u'] is an array but the corresponding component of the carry output is a tuple of"
        " structure PyTreeDef((*, *))",
    ),
    "scan, None": (
        lambda lib: lib.lax.scan(lambda c, a: ([c[0], None], a), [0.0, 1.0], X),
        "the input carry component c[1] is an array but the corresponding component of the carry output is None",
    ),
    "scan, keys": (lambda lib: lib.lax.scan(lambda c, a: ({"v": a}, a), {"u": 0.0}, X), "PyTreeDef({'u': *})"),
    "scan, where": (lambda lib: lib.lax.scan(lambda c, a: (X, a), 0.0, X), f"Revise <lambda> at {__file__}:"),
    "while, dtype": (
        lambda lib: lib.lax.while_loop(lambda c: True, lambda state: [s > 0 for s in state], [lib.numpy.float32(0)]),
        "while_loop body function carry input and carry output must have equal types, but they differ: the input carry"
        " component state[0] has type float32[] but the corresponding output carry component has type bool[]",
    ),
    "while, tree": (
        lambda lib: lib.lax.while_loop(lambda c: True, lambda c: (c, c), 1.0),
        "while_loop body function carry input and carry output must have the same pytree structure, but they differ: the input"
        " carry component c is an array",
    ),
    "fori, dtype": (
        lambda lib: lib.lax.fori_loop(0, 3, lambda i, c: {"u": c["u"] > 0}, {"u": lib.numpy.float32(0)}),
        "the input carry component c['u'] has type float32[] but the corresponding output carry component has type bool[]",
    ),
    "fori, dtype, dynamic": (
        lambda lib: lib.jit(lambda n: lib.lax.fori_loop(0, n, lambda i, c: c > 0, lib.numpy.float32(0)))(3),
        "fori_loop body function carry input and carry output must have equal types, but they differ: the input carry"
        " component c has type float32[] but the corresponding output carry component has type bool[]",
    ),
    "fori, shape": (
        lambda lib: lib.lax.fori_loop(0, 3, lambda i, c: X, lib.numpy.float32(0)),
        "has type float32[] but the corresponding output carry component has type float32[3], so the shapes do not match",
    ),
    "fori, tree": (
        lambda lib: lib.lax.fori_loop(0, 3, lambda i, c: (c, c), 0.0),
        "fori_loop body function carry input and carry output must have the same pytree structure, but they differ: the input"
        " carry component c is an array but the corresponding component of the carry output is a tuple",
    ),
    "a method's carry": (lambda lib: lib.lax.scan(Method().step, 0.0, X), "the input carry component state has type"),
    "no pair": (lambda lib: lib.lax.scan(lambda c, a: c, 0.0, X), "scan body output must be a pair"),
    "lengths": (lambda lib: lib.lax.scan(lambda c, a: (c, a), 0.0, (X, X[:2])), "different leading axis sizes"),
    "length": (lambda lib: lib.lax.scan(lambda c, a: (c, a), 0.0, X, length=2), "disagrees with leading axis sizes [3]"),
    "no length": (lambda lib: lib.lax.scan(lambda c, a: (c, a), 0.0), "no values to scan over"),
    "no axis": (lambda lib: lib.lax.scan(lambda c, a: (c, a), 0.0, 1.0), "no leading axis to scan over"),
    "scan of a number": (lambda lib: lib.lax.scan(3, 0.0, X), "f argument should be a callable"),
    "while, predicate": (lambda lib: lib.lax.while_loop(lambda c: 1.0, lambda c: c, 1.0), "must return a boolean scalar"),
    "while, predicate's tree": (lambda lib: lib.lax.while_loop(lambda c: (True,), lambda c: c, 1.0), "boolean scalar"),
    "while, reverse": (
        lambda lib: lib.grad(lambda x: lib.lax.while_loop(lambda c: c < 3, lambda c: c * x, x))(2.0),
        "Reverse-mode differentiation does not work for lax.while_loop or lax.fori_loop with dynamic start/stop values. Try"
        " using lax.scan",
    ),
    "fori, reverse": (
        lambda lib: lib.jit(lib.grad(lambda x, n: lib.lax.fori_loop(0, n, lambda i, c: c * x, x)))(2.0, 3),
        "using fori_loop with static start/stop",
    ),
    "fori, bounds of two dtypes": (lambda lib: lib.lax.fori_loop(0.5, 3, lambda i, c: c, 0), "must have equal types"),
    "fori, unsigned bound": (lambda lib: lib.lax.fori_loop(0, np.uint8(3), lambda i, c: c, 0), "must have equal types"),
    "fori, complex bounds": (lambda lib: lib.lax.fori_loop(0j, 3j, lambda i, c: c, 0), "does not accept dtype complex64"),
    "fori, vectors of bounds": (lambda lib: lib.lax.fori_loop(X, X, lambda i, c: c, 0), "scalar"),
    "cond, shapes": (
        lambda lib: lib.lax.cond(True, lambda x: {"a": x, "b": x}, lambda x: {"a": x, "b": X}, 1.0),
        "the output of true_fun at path ['b'] has type float32[] but the corresponding output of false_fun has type float32[3],"
        f" so the shapes do not match. true_fun is <lambda> at {__file__}:",
    ),
    "cond, dtypes": (
        lambda lib: lib.lax.cond(True, lambda x: 1, lambda x: x, lib.numpy.float16(2)),
        "cond branches must have equal output types but they differ: the output of true_fun has type int32[] but the"
        " corresponding output of false_fun has type float16[], so the dtypes do not match",
    ),
    "cond, trees": (
        lambda lib: lib.lax.cond(True, lambda: 1.0, lambda: (1.0, 2.0)),
        "cond branch outputs must have the same pytree structure, but they differ: true_fun output is an array but false_fun"
        " output is a tuple of structure PyTreeDef((*, *))",
    ),
    "switch, types": (
        lambda lib: lib.lax.switch(1, [lambda x: x, lambda x: x, lambda x: X], 1.0),
        "the output of branch 0 has type float32[] but the corresponding output of branch 2 has type float32[3]",
    ),
    "switch, trees": (
        lambda lib: lib.lax.switch(1, [lambda x: [x], lambda x: [(x,)]], 1.0),
        "branch 0 output[0] is an array but branch 1 output[0] is a tuple of structure PyTreeDef((*,))",
    ),
    "cond, predicate": (lambda lib: lib.lax.cond(X > 0, lambda: 1, lambda: 2), "Pred must be a scalar"),
    "cond, no function": (lambda lib: lib.lax.cond(True, 1, 2), "should be callable"),
    "switch, empty": (lambda lib: lib.lax.switch(0, []), "Empty branch sequence"),
    "switch, index": (lambda lib: lib.lax.switch(0.5, [lambda: 1, lambda: 2]), "Index"),
    "if on a carry": (lambda lib: lib.lax.scan(lambda c, a: (c if a > 0 else -c, None), 0.0, X), "Attempted boolean"),
    "associative_scan, sizes": (
        lambda lib: lib.lax.associative_scan(lambda a, b: a, (X, X[:2])),
        "must have the same first dimension",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.one_in(2)
def test_error(name):
    program, words = ERRORS[name]
    with pytest.raises((TypeError, ValueError)) as theirs:
        program(jax)
    with pytest.raises((TypeError, ValueError)) as mine:
        program(mj)
    assert type(mine.value).__name__ == type(theirs.value).__name__
    assert words in str(mine.value)


# ---------------------------------------------------------------------------------------------------------------------
# A predicate or an index for each example

BY_EXAMPLE = {
    "sqrt": lambda lib, a: lib.lax.cond(a > 0, lambda a: lib.numpy.sqrt(a), lambda a: 0.0 * a, a),
    "two operands": lambda lib, a: lib.lax.cond(a > 0, lambda a, b: (b / a, b), lambda a, b: (0.0 * a, b), a, a)[0],
    "log": lambda lib, a: lib.lax.switch((a > 0).astype(int), [lambda a: a * 2.0, lambda a: lib.numpy.log(a) * a], a),
    "three branches": lambda lib, a: lib.lax.switch(
        lib.numpy.sign(a).astype(int) + 1, [lambda a: lib.numpy.log(-a), lambda a: a, lambda a: lib.numpy.log(a)], a
    ),
    "number": lambda lib, a: lib.lax.cond(a > 0, lambda: 1.0, lambda: 2.0) * a,
    "nested": lambda lib, a: lib.lax.cond(
        a > 0, lambda a: lib.lax.cond(a > 1, lambda a: lib.numpy.sqrt(a - 1), lambda a: a, a), lambda a: a / 2, a
    ),
    "integers": lambda lib, a: lib.lax.cond(a > 0, lambda i: i + 1, lambda i: i, (a > 2).astype(int)) * a,
    "closed over": lambda lib, a: lib.lax.cond(a > 0, lambda: lib.numpy.sqrt(a), lambda: a * 3.0),
}
BY_EXAMPLE_TRANSFORMED = {
    "vmap": lambda lib, f: lib.vmap(f),
    "grad of vmap": lambda lib, f: lib.grad(lambda x: lib.numpy.sum(lib.vmap(f)(x))),
    "vmap of grad": lambda lib, f: lib.vmap(lib.grad(f)),
    "jvp of vmap": lambda lib, f: lambda x: lib.jvp(lib.vmap(f), (x,), (x,))[1],
    "jit of grad of vmap": lambda lib, f: lib.jit(lib.grad(lambda x: lib.numpy.sum(lib.vmap(f)(x)))),
    "hessian of vmap": lambda lib, f: lib.hessian(lambda x: lib.numpy.sum(lib.vmap(f)(x))),
}


@pytest.mark.parametrize("transformation", BY_EXAMPLE_TRANSFORMED)
@pytest.mark.parametrize("name", BY_EXAMPLE)
@pytest.mark.one_in(20)
def test_a_branch_for_each_example(name, transformation):
    """No derivative comes from a branch that was not taken, whatever it would be there."""
    outs = []
    for lib in (mj, jax):
        x = lib.numpy.asarray(np.float32([0.0, 1.0, 4.0, -1.0]))
        outs.append(BY_EXAMPLE_TRANSFORMED[transformation](lib, functools.partial(BY_EXAMPLE[name], lib))(x))
    ours, theirs = outs
    assert (ours.dtype, ours.weak_type) == (theirs.dtype, theirs.weak_type)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("name", BY_EXAMPLE)
def test_text_of_a_branch_for_each_example(name):
    texts = []
    for lib in (mj, jax):
        function = lib.vmap(functools.partial(BY_EXAMPLE[name], lib))
        texts.append(str(lib.make_jaxpr(function)(lib.numpy.ones(3))))
    assert texts[0] == texts[1]
