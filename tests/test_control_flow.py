"""scan, cond, switch, while_loop, fori_loop, map, associative_scan: as JAX's, under and over every other transformation."""

from __future__ import annotations

import itertools

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
from minijax.jaxpr import jaxprs_in_params

X = np.array([0.3, 0.7, 1.1], np.float32)


def scanned(lib):
    """A carry, a closed-over array, xs and ys; the sine of the closed-over array is the same in every step."""
    jnp = lib.numpy

    def f(x):
        return lib.lax.scan(lambda c, a: (jnp.sin(c) * a + jnp.sin(x), c * a), x, jnp.cos(x))[1].sum(0)

    return f


def scanned_pytree(lib):
    def f(x):
        def body(carry, a):
            return {"n": carry["n"] + 1, "v": carry["v"] * a["w"] + carry["n"]}, (carry["v"], a["w"] * x)

        carry, ys = lib.lax.scan(body, {"n": 0, "v": x}, {"w": lib.numpy.stack([x, 2 * x])}, reverse=True)
        return carry["v"] + ys[0][0] * ys[1][1]

    return f


def branched(lib):
    jnp = lib.numpy
    return lambda x: lib.lax.cond(x.sum() > 2.5, lambda u: jnp.sin(u) * x, lambda u: jnp.exp(u) * u, x * 2)


def switched(lib):
    jnp = lib.numpy
    branches = [jnp.sin, lambda u: u * u, lambda u: jnp.cos(u) * u[0]]
    return lambda x: lib.lax.switch((x[0] * 4).astype("int32"), branches, x)


def looped(lib):
    """As many steps as it takes: another number for each example of a batch."""

    def f(x):
        return lib.lax.while_loop(lambda c: c[1].sum() < 20, lambda c: (c[0] + 1, c[1] * (1 + x)), (0, x))[1]

    return f


def counted(lib):
    return lambda x: lib.lax.fori_loop(1, 4, lambda i, c: c * x + i, lib.numpy.sin(x))


def mapped(lib):
    return lambda x: lib.lax.map(lambda a: lib.numpy.sin(a) * x[1], x)


def associated(lib):
    jnp = lib.numpy

    def combine(a, b):
        return a[0] * b[0], b[0] * a[1] + b[1]

    return lambda x: lib.lax.associative_scan(combine, (jnp.sin(x), x))[1]


def nested_loops(lib):
    def f(x):
        def body(c, a):
            inner = lib.lax.cond(a > 0.5, lambda u: lib.lax.fori_loop(0, 2, lambda i, v: v * u, c), lambda u: c + u, a)
            return inner, inner

        return lib.lax.scan(body, x[0], x)[1]

    return f


FUNCTIONS = {
    f.__name__: f
    for f in (scanned, scanned_pytree, branched, switched, looped, counted, mapped, associated, nested_loops)
}
# What has no reverse mode.
FORWARD_ONLY = {"looped"}


def total(lib, f):
    def scalar(x):
        y = f(x)
        return (y * lib.numpy.cos(lib.numpy.arange(y.size, dtype="float32")).reshape(y.shape)).sum()

    return scalar


TRANSFORMATIONS = {
    "jit": lambda lib, f: lib.jit(f),
    "grad": lambda lib, f: lib.grad(total(lib, f)),
    "vmap": lambda lib, f: lambda x: lib.vmap(f, in_axes=0, out_axes=-1)(lib.numpy.stack([x, 2 * x], 0)).sum(-1),
    "jvp": lambda lib, f: lambda x: lib.jvp(f, (x,), (lib.numpy.sin(x),))[1],
    "linearize": lambda lib, f: lambda x: lib.linearize(f, x)[1](lib.numpy.cos(x)),
    "jacrev": lambda lib, f: lambda x: lib.jacrev(f)(x).sum(-1),
}
# All of one and two; of three those that differ in kind: for each function JAX compiles several loops a nesting.
THREE = (
    "grad-grad-vmap grad-vmap-grad vmap-grad-grad jit-vmap-grad grad-jit-vmap vmap-jit-grad jvp-grad-vmap grad-jvp-jit"
)
NESTINGS = [n for length in (0, 1, 2) for n in itertools.product(TRANSFORMATIONS, repeat=length)]
NESTINGS += [tuple(n.split("-")) for n in THREE.split()]


def nested(lib, nesting, f):
    for name in reversed(nesting):
        f = TRANSFORMATIONS[name](lib, f)
    return f


@pytest.mark.parametrize("nesting", NESTINGS, ids=lambda n: "-".join(n) or "none")
def test_nestings(nesting):
    reverse = "grad" in nesting or "jacrev" in nesting
    names = [n for n in FUNCTIONS if not (reverse and n in FORWARD_ONLY)]

    def run(lib):
        return lambda x: {n: nested(lib, nesting, FUNCTIONS[n](lib))(x) for n in names}

    mine, theirs = run(mj)(mj.numpy.asarray(X)), jax.jit(run(jax))(X)
    for name in names:
        a, b = mine[name], theirs[name]
        assert (a.shape, a.dtype) == (b.shape, b.dtype), name
        scale = max(1.0, float(np.abs(b).max()))
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-5 * scale, err_msg=name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jaxprs_are_well_typed(name):
    f = FUNCTIONS[name](mj)
    mj.jaxpr.check_jaxpr(mj.make_jaxpr(f)(X))
    mj.jaxpr.check_jaxpr(mj.make_jaxpr(lambda x: mj.jvp(f, (x,), (x,)))(X))
    mj.jaxpr.check_jaxpr(mj.make_jaxpr(mj.vmap(f))(X[None]))
    if name not in FORWARD_ONLY:
        mj.jaxpr.check_jaxpr(mj.make_jaxpr(mj.grad(total(mj, f)))(X))


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


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_equals_jax(name):
    for a, b in zip(plain(PROGRAMS[name](mj)), plain(PROGRAMS[name](jax)), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# What is saved, what is run


def scan_eqns(closed):
    return [e for e in closed.eqns if e.primitive.name == "scan"]


def test_only_the_residuals_that_are_needed_are_stacked():
    """d(c * w + x)/dc = w: what does not change from step to step is kept once, slices of xs not at all."""
    jnp = mj.numpy

    def f(c, w, xs):
        return mj.lax.scan(lambda c, x: (c * jnp.sin(w) * x, None), c, xs)[0]

    forward, backward = scan_eqns(mj.make_jaxpr(mj.grad(f))(1.0, 2.0, X))
    # The carry, and no residual at all.
    assert [v.aval.shape for v in forward.outvars] == [()]
    assert backward.params["reverse"] is True
    # Where the residual is the carry's, it is stacked.
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

ERRORS = {
    "dtype of a carry": (
        lambda lib: lib.lax.scan(lambda c, a: ({"u": c["u"].astype("int32")}, a), {"u": lib.numpy.float32(0)}, X),
        "carry['u'] has type float32[] but the corresponding output carry component has type int32[]",
    ),
    "shape of a carry": (
        lambda lib: lib.lax.scan(lambda c, a: (lib.numpy.stack([c, c]), a), lib.numpy.float32(0), X),
        "so the shapes do not match",
    ),
    "tree of a carry": (lambda lib: lib.lax.scan(lambda c, a: ((c, c), a), 0.0, X), "must have the same pytree structure"),
    "no pair": (lambda lib: lib.lax.scan(lambda c, a: c, 0.0, X), "scan body output must be a pair"),
    "lengths": (lambda lib: lib.lax.scan(lambda c, a: (c, a), 0.0, (X, X[:2])), "different leading axis sizes"),
    "length": (lambda lib: lib.lax.scan(lambda c, a: (c, a), 0.0, X, length=2), "disagrees with leading axis sizes [3]"),
    "no length": (lambda lib: lib.lax.scan(lambda c, a: (c, a), 0.0), "no values to scan over"),
    "no axis": (lambda lib: lib.lax.scan(lambda c, a: (c, a), 0.0, 1.0), "no leading axis to scan over"),
    "scan of a number": (lambda lib: lib.lax.scan(3, 0.0, X), "f argument should be a callable"),
    "while, carry": (lambda lib: lib.lax.while_loop(lambda c: True, lambda c: (c, c), 1.0), "while_loop body"),
    "while, predicate": (lambda lib: lib.lax.while_loop(lambda c: 1.0, lambda c: c, 1.0), "must return a boolean scalar"),
    "while, predicate's tree": (lambda lib: lib.lax.while_loop(lambda c: (True,), lambda c: c, 1.0), "boolean scalar"),
    "while, reverse": (
        lambda lib: lib.grad(lambda x: lib.lax.while_loop(lambda c: c < 3, lambda c: c * x, x))(2.0),
        "Reverse-mode differentiation does not work for lax.while_loop",
    ),
    "fori, reverse": (
        lambda lib: lib.jit(lib.grad(lambda x, n: lib.lax.fori_loop(0, n, lambda i, c: c * x, x)))(2.0, 3),
        "using fori_loop with static start/stop",
    ),
    "fori, bounds": (lambda lib: lib.lax.fori_loop(0.5, 3, lambda i, c: c, 0), "must be integer"),
    "cond, types": (lambda lib: lib.lax.cond(True, lambda: 1.0, lambda: X), "must have identical types"),
    "cond, dtypes": (lambda lib: lib.lax.cond(True, lambda x: 1, lambda x: x, lib.numpy.float16(2)), "identical types"),
    "cond, trees": (lambda lib: lib.lax.cond(True, lambda: 1.0, lambda: (1.0, 2.0)), "must have same type structure"),
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
def test_error(name):
    program, words = ERRORS[name]
    with pytest.raises((TypeError, ValueError)) as theirs:
        program(jax)
    with pytest.raises((TypeError, ValueError)) as mine:
        program(mj)
    assert type(mine.value).__name__ == type(theirs.value).__name__
    assert words in str(mine.value)
