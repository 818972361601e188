"""The transformations as users call them: arguments, pytrees, options, caches. JAX is the oracle."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict, namedtuple

import jax
import jax.ad_checkpoint
import jax.extend
import jax.flatten_util
import jax.numpy
import jax.test_util
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

Point = namedtuple("Point", "x y")
LIBRARIES = pytest.mark.parametrize("lib", [mj, jax], ids=["minijax", "jax"])


def plain(tree, lib):
    """A pytree's structure as text and its leaves as NumPy arrays with their weak types."""
    leaves, treedef = lib.tree.flatten(tree)
    return str(treedef), [(np.asarray(x), getattr(x, "weak_type", None)) for x in leaves]


def assert_same(program, rtol=1e-5):
    (mine_tree, mine), (their_tree, theirs) = plain(program(mj), mj), plain(program(jax), jax)
    assert mine_tree == their_tree
    for (a, wa), (b, wb) in zip(mine, theirs, strict=True):
        assert (a.shape, a.dtype, wa) == (b.shape, b.dtype, wb)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)


X = np.array([0.5, -1.0, 2.0], np.float32)
A = np.arange(6, dtype=np.float32).reshape(2, 3) / 5


def polynomial(lib):
    return lambda x, y=2.0, z=3.0: x * x * y + lib.numpy.sin(y) * z


def tree_loss(lib):
    jnp = lib.numpy
    return lambda p: jnp.sum(p["w"] @ p["x"]) + jnp.sum(p["b"][0] * p["b"][1]) + p["point"].x * p["point"].y


def params(lib):
    jnp = lib.numpy
    return {
        "w": jnp.asarray(A),
        "x": jnp.asarray(X),
        "b": [jnp.asarray(X), (jnp.asarray(2.0))],
        "point": Point(1.5, 2.5),
    }


PROGRAMS = {
    "grad": lambda lib: lib.grad(polynomial(lib))(1.0),
    "grad, argnums": lambda lib: lib.grad(polynomial(lib), argnums=1)(1.0, 2.0),
    "grad, several argnums": lambda lib: lib.grad(polynomial(lib), argnums=(0, 2))(1.0, 2.0, 3.0),
    "grad, a range of argnums": lambda lib: lib.grad(polynomial(lib), argnums=range(2))(1.0, 2.0, 3.0),
    "grad, negative argnums": lambda lib: lib.grad(polynomial(lib), argnums=-1)(1.0, 2.0, 3.0),
    "grad, keyword": lambda lib: lib.grad(polynomial(lib))(1.0, y=5.0),
    "grad of a tree": lambda lib: lib.grad(tree_loss(lib))(params(lib)),
    "grad, has_aux": lambda lib: lib.grad(lambda x: (x * x, {"aux": x + 1, "n": 3, "s": None}), has_aux=True)(2.0),
    "value_and_grad": lambda lib: lib.value_and_grad(tree_loss(lib))(params(lib)),
    "value_and_grad, has_aux": lambda lib: lib.value_and_grad(lambda x: (x * x, [x]), has_aux=True)(
        lib.numpy.asarray(2.0)
    ),
    "grad of a constant": lambda lib: lib.grad(lambda x: 3.0)(2.0),
    "grad of none of it": lambda lib: lib.grad(lambda x: x["a"] * 2)({"a": 1.0, "b": 2.0, "c": None}),
    "grad, allow_int": lambda lib: lib.grad(lambda x, y: x * y, argnums=1, allow_int=False)(3, 2.0),
    "grad, holomorphic": lambda lib: lib.grad(lambda z: z * z * (1 + 2j), holomorphic=True)(1 + 1j),
    "grad of a complex modulus": lambda lib: lib.grad(lambda z: lib.numpy.abs(z) ** 2)(lib.numpy.complex64(1 + 2j)),
    "grad with if": lambda lib: lib.grad(lambda x: x**2 if x > 0 else -x)(3.0),
    "grad of NumPy": lambda lib: lib.grad(lambda x: (x * X).sum())(X),
    "grad, float16": lambda lib: lib.grad(lambda x: lib.numpy.sum(x * x))(X.astype(np.float16)),
    "stop_gradient": lambda lib: lib.grad(lambda x: x * lib.lax.stop_gradient(x))(3.0),
    "vjp": lambda lib: lib.vjp(lambda x, y: (x * y, {"s": lib.numpy.sin(x)}), 2.0, X)[1]((X, {"s": 1.0})),
    "vjp, has_aux": lambda lib: lib.vjp(lambda x: (x * 2, x + 1), 2.0, has_aux=True)[0::2],
    "jvp": lambda lib: lib.jvp(lambda p: {"out": p[0] * p[1]}, ((2.0, X),), ((1.0, X),)),
    "jvp, has_aux": lambda lib: lib.jvp(lambda x: (x * 2, x + 1), (2.0,), (1.0,), has_aux=True),
    "jvp at integers": lambda lib: lib.jvp(lambda x, n: x**2 * n, (2.0, 3), (1.0, np.zeros((), lib.float0)))[1],
    "linearize": lambda lib: lib.linearize(lambda x: (lib.numpy.sin(x), x[0]), X)[1](X),
    "jacfwd": lambda lib: lib.jacfwd(lambda x: {"a": x * x, "b": x.sum()})(lib.numpy.asarray(X)),
    "jacrev": lambda lib: lib.jacrev(lambda x, y: (x * y, x.sum()), argnums=(0, 1))(lib.numpy.asarray(X), 2.0),
    "jacobian": lambda lib: lib.jacobian(lambda x: lib.numpy.outer(x, x))(lib.numpy.asarray(X)),
    "jacfwd, has_aux": lambda lib: lib.jacfwd(lambda x: (x * x, x), has_aux=True)(lib.numpy.asarray(X)),
    "jacrev, has_aux": lambda lib: lib.jacrev(lambda x: (x * x, x), has_aux=True)(lib.numpy.asarray(X)),
    "hessian": lambda lib: lib.hessian(lambda p: p["a"] @ p["a"] * p["b"])({"a": lib.numpy.asarray(X), "b": 2.0}),
    "vmap": lambda lib: lib.vmap(lambda x, y: x + y)(lib.numpy.asarray(A), lib.numpy.asarray([1.0, 2.0])),
    "vmap, in_axes": lambda lib: lib.vmap(lambda x, y: x @ y, in_axes=(1, None))(lib.numpy.asarray(A), A[:, 0]),
    "vmap, negative axes": lambda lib: lib.vmap(lambda x: x.sum() + x, in_axes=-1, out_axes=-1)(lib.numpy.asarray(A)),
    "vmap, prefix": lambda lib: lib.vmap(lambda p: p["a"] * p["b"][0], in_axes=({"a": 0, "b": None},))(
        {"a": lib.numpy.asarray(X), "b": (2.0, 3.0)}
    ),
    "vmap, out_axes": lambda lib: lib.vmap(lambda x: (x, x.sum(), lib.numpy.ones(2)), out_axes=(1, 0, None))(
        lib.numpy.asarray(A)
    ),
    "vmap, axis_size": lambda lib: lib.vmap(lambda: lib.numpy.ones(2), axis_size=3)(),
    "vmap, keywords": lambda lib: lib.vmap(lambda x, *, y: x * y)(lib.numpy.asarray(X), y=lib.numpy.asarray(X)),
    "vmap of nothing": lambda lib: lib.vmap(lambda x: x * 2)(lib.numpy.zeros((0, 3))),
    "vmap of vmap": lambda lib: lib.vmap(lib.vmap(lambda x, y: x * y, (0, None)), (None, 0))(X, lib.numpy.asarray(X)),
    "per-example gradients": lambda lib: lib.vmap(lib.grad(lambda w, x: (w * x).sum() ** 2), (None, 0))(X, A),
    "jit": lambda lib: lib.jit(tree_loss(lib))(params(lib)),
    "jit, keywords": lambda lib: lib.jit(polynomial(lib))(1.0, z=X),
    "jit, static_argnums": lambda lib: lib.jit(lambda x, n: [x] * n, static_argnums=1)(1.0, 3),
    "jit, static_argnames": lambda lib: lib.jit(lambda x, flag: x if flag else -x, static_argnames="flag")(
        1.0, flag=False
    ),
    "jit of jit": lambda lib: lib.jit(lambda x: lib.jit(lib.numpy.sin)(x) + lib.jit(lambda y: y * x)(2.0))(1.0),
    "jit closes over a tracer": lambda lib: lib.grad(lambda x: lib.jit(lambda y: x * y)(2.0))(3.0),
    "jit under vmap closes over a tracer": lambda lib: lib.vmap(lambda x: lib.jit(lambda y: x * y)(2.0))(X),
    "jit with None": lambda lib: lib.jit(lambda x, y: (x, y))(1.0, None),
    "jit of a constant": lambda lib: lib.jit(lambda: lib.numpy.arange(3))(),
    "jit to a Python number": lambda lib: lib.jit(lambda x: (x, 3, True, 2.5))(1.0),
    "jit as a decorator": lambda lib: lib.jit(static_argnums=0)(lambda n, x: x * n)(2, 3.0),
    "partial": lambda lib: lib.jit(lib.tree_util.Partial(lambda x, y: x * y, 2.0))(3.0),
    "Partial as an argument": lambda lib: lib.jit(lambda f, x: f(x))(lib.tree_util.Partial(lib.numpy.power, 2.0), 3.0),
    "functools.partial": lambda lib: lib.grad(functools.partial(lambda a, x: a * x**2, 3.0))(2.0),
    "OrderedDict": lambda lib: lib.grad(lambda d: d["b"] * d["a"])(OrderedDict(b=1.0, a=2.0)),
    "a method": lambda lib: Model(lib).call(2.0),
    "nested aux": lambda lib: lib.grad(lambda x: lib.grad(lambda y: (x * y**2, y), has_aux=True)(x)[0])(3.0),
    "perturbation confusion": lambda lib: lib.grad(lambda x: x * lib.grad(lambda y: x + y)(1.0))(1.0),
    "eval_shape": lambda lib: [
        np.zeros(s.shape, s.dtype) for s in lib.tree.leaves(lib.eval_shape(lambda x: (x @ x.T, x > 0), A))
    ],
}


class Model:
    def __init__(self, lib):
        self.scale = 3.0
        self.call = lib.jit(self.apply)

    def apply(self, x):
        return x * self.scale


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(20)
def test_program_equals_jax(name):
    assert_same(PROGRAMS[name])


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives: complex numbers, integers, auxiliary data, trees


Z = np.array([1 + 2j, -0.5 + 1j, 2 - 1j], np.complex64)
N = np.arange(3)
TREE = {"a": X, "b": [np.float32(2)]}


def of_tree(lib):
    return lambda p: {"o": p["a"] * p["b"][0], "s": (p["a"].sum(), p["b"][0] ** 2)}


def pulled(lib, ct):
    """The cotangents of a function from integers and complex numbers to both."""
    return lib.vjp(lambda z, n, x: {"a": lib.numpy.conj(z) * z**2 * x, "n": n * 2}, Z[0], 3, 2.0)[1](ct)


COMPLEX = {
    "grad, holomorphic": lambda lib: lib.grad(lambda z: lib.numpy.sin(z) * z, holomorphic=True)(Z[0]),
    "value_and_grad, holomorphic": lambda lib: lib.value_and_grad(lambda z: lib.numpy.exp(z) * z, holomorphic=True)(
        Z[0]
    ),
    "jacfwd, holomorphic": lambda lib: lib.jacfwd(lambda z: z * z[::-1], holomorphic=True)(lib.numpy.asarray(Z)),
    "jacrev, holomorphic": lambda lib: lib.jacrev(lambda z: z * z[::-1] * 1j, holomorphic=True)(lib.numpy.asarray(Z)),
    "hessian, holomorphic": lambda lib: lib.hessian(lambda z: (z**3).sum(), holomorphic=True)(lib.numpy.asarray(Z)),
    "a real function of a complex number": lambda lib: lib.grad(lambda z: (z * lib.numpy.conj(z)).real)(Z[0]),
    "the imaginary part": lambda lib: lib.grad(lambda z: z.imag**2)(Z[0]),
    "the modulus at 0": lambda lib: lib.grad(lambda z: lib.numpy.abs(z).sum())(np.array([0, 1j], np.complex64)),
    "the angle": lambda lib: lib.grad(lambda z: lib.numpy.angle(z))(Z[0]),
    "jacrev to reals": lambda lib: lib.jacrev(lambda z: z.real * 2)(lib.numpy.asarray(Z)),
    "jacfwd from reals": lambda lib: lib.jacfwd(lambda x: x * (1 + 1j))(lib.numpy.asarray(X)),
    "through complex numbers": lambda lib: lib.grad(lambda x: lib.numpy.abs(x * (1 + 2j)))(3.0),
    "hessian through complex numbers": lambda lib: lib.hessian(lambda x: (lib.numpy.abs(x * (1 + 2j)) ** 2).sum())(X),
    "vjp of what is not holomorphic": lambda lib: lib.vjp(lambda z: lib.numpy.conj(z) * z**2, Z[0])[1](Z[1]),
    "jvp of what is not holomorphic": lambda lib: lib.jvp(lambda z: lib.numpy.conj(z) * z**2, (Z[0],), (Z[1],)),
    "vjp from reals": lambda lib: lib.vjp(lambda x: lib.lax.complex(x, x * x), 2.0)[1](Z[0]),
    "linearize": lambda lib: lib.linearize(lib.numpy.exp, Z[0])[1](Z[1]),
    "not a number": lambda lib: lib.grad(lambda z: (z * lib.numpy.conj(z)).real)(np.complex64(complex("nan+infj"))),
}
INTEGERS = {
    "grad by an integer": lambda lib: lib.grad(lambda x, n: x * n, (0, 1), allow_int=True)(3.0, 2),
    "grad by integers": lambda lib: lib.grad(lambda n: n.sum() * 1.0, allow_int=True)(N),
    "grad by a boolean": lambda lib: lib.grad(lambda b: b * 1.0, allow_int=True)(True),
    "value_and_grad of a tree": lambda lib: lib.value_and_grad(lambda p: p["a"] * p["b"], allow_int=True)(
        {"a": 2.0, "b": 3}
    ),
    "jacrev by integers": lambda lib: lib.jacrev(lambda n: n * 1.0, allow_int=True)(lib.numpy.asarray(N)),
    "jacrev by an int8": lambda lib: lib.jacrev(lambda n: n * 1.0, allow_int=True)(N.astype(np.int8)),
    "jacrev of a tree": lambda lib: lib.jacrev(lambda p: p["a"] * p["b"], allow_int=True)({"a": X, "b": N}),
    "jacfwd of integers": lambda lib: lib.jacfwd(lambda x: (x.astype(lib.numpy.int8), x * 2))(X),
    "vmap of grad": lambda lib: lib.vmap(lib.grad(lambda x, n: x * n, (0, 1), allow_int=True))(X, N),
    "jit of grad": lambda lib: lib.jit(lib.grad(lambda x, n: x * n, (0, 1), allow_int=True))(2.0, 3),
    "vjp": lambda lib: pulled(lib, {"a": Z[1], "n": np.zeros((), lib.float0)}),
    "vjp, any cotangent of an integer": lambda lib: pulled(lib, {"a": Z[1], "n": 7}),
    "jvp": lambda lib: lib.jvp(lambda x, n: (x * n, n), (2.0, N), (1.0, np.zeros(3, lib.float0))),
    "linearize": lambda lib: lib.linearize(lambda x, n: (x * n, n), 2.0, N)[1](1.0, np.zeros(3, lib.float0)),
}
AUX = {
    "jvp": lambda lib: lib.jvp(lambda x: (x * x, [x, X, None]), (lib.numpy.asarray(2.0),), (1.0,), has_aux=True),
    "vjp": lambda lib: lib.vjp(lambda x: (x * x, [x, 2 * x]), lib.numpy.asarray(2.0), has_aux=True)[0::2],
    "vjp, pulled": lambda lib: lib.vjp(lambda x: (x * x, lib.numpy.sin(x)), 2.0, has_aux=True)[1](1.0),
    "linearize": lambda lib: lib.linearize(lambda x: (x * x, {"a": x + 1}), 2.0, has_aux=True)[0::2],
    "linearize, pushed": lambda lib: lib.linearize(lambda x: (x * x, lib.numpy.sin(x)), 2.0, has_aux=True)[1](3.0),
    "jacfwd": lambda lib: lib.jacfwd(lambda x: (x * x, {"a": x * 1}), has_aux=True)(X),
    "jacrev": lambda lib: lib.jacrev(lambda x: (x * x, {"a": x * 1}), has_aux=True)(X),
    "hessian": lambda lib: lib.hessian(lambda x: ((x**3).sum(), x * 1), has_aux=True)(X),
    "value_and_grad": lambda lib: lib.value_and_grad(lambda x: (x * x, (x, {})), has_aux=True)(lib.numpy.asarray(2.0)),
    "a list": lambda lib: lib.grad(lambda x: [x * x, 2 * x], has_aux=True)(3.0),
    "differentiated": lambda lib: lib.grad(lambda x: lib.linearize(lambda y: (x * y, x), 2.0, has_aux=True)[2] ** 2)(
        3.0
    ),
    "of a jvp, differentiated": lambda lib: lib.grad(
        lambda x: lib.jvp(lambda y: (x * y, y), (x,), (x,), has_aux=True)[2]
    )(3.0),
}
TREES = {
    f"{name}{how}": lambda lib, name=name, program=program: program(lib, getattr(lib, name))
    for name in ("jacfwd", "jacrev", "jacobian")
    for how, program in {
        "": lambda lib, jac: jac(of_tree(lib))(TREE),
        ", argnums": lambda lib, jac: jac(lambda p, q: (p["a"] * q,), (0, 1))(TREE, 3.0),
        ", negative argnums": lambda lib, jac: jac(lambda p, q: p["a"] * q, -2)(TREE, 3.0),
        " of no elements": lambda lib, jac: jac(lambda x: x * 2)(np.zeros((0,), np.float32)),
        " of float16": lambda lib, jac: jac(lambda x: x * 2)(np.float16(2)),
        " to float16": lambda lib, jac: jac(lambda x: (x.astype(np.float16), x * 1))(X),
        " of None": lambda lib, jac: jac(lambda p: {"a": None, "b": p["a"] * 2})({"a": X, "b": None}),
        ", keywords": lambda lib, jac: jac(lambda x, *, k: x * k)(X, k=3.0),
    }.items()
}  # fmt: skip
TREES |= {
    "hessian": lambda lib: lib.hessian(lambda p: (p["a"] ** 2).sum() * p["b"][0] ** 2)(TREE),
    "hessian, argnums": lambda lib: lib.hessian(lambda p, q: (p["a"] ** 2).sum() * q * p["b"][0], (0, 1))(TREE, 3.0),
}
AS_PYTREES = {
    "vjp out of jit": lambda lib: lib.jit(lambda x: lib.vjp(lambda y: lib.numpy.sin(y) * y, x))(2.0)[1](1.0),
    "vjp into jit": lambda lib: lib.jit(lambda f: f(2.0))(lib.vjp(lambda y: lib.numpy.sin(y) * y, 2.0)[1]),
    "vjp out of and into vmap": lambda lib: lib.vmap(lambda f, ct: f(ct))(
        lib.vmap(lambda x: lib.vjp(lambda y: lib.numpy.sin(y) * y, x)[1])(lib.numpy.asarray(X)), X
    ),
    "vjp into cond": lambda lib: lib.lax.cond(
        True, lambda f: f(2.0), lambda f: f(3.0), lib.vjp(lambda y: y * y, 2.0)[1]
    ),
    "linearize out of jit": lambda lib: lib.jit(lambda x: lib.linearize(lambda y: lib.numpy.sin(y) * y, x))(2.0)[1](
        1.0
    ),
    "linearize into jit": lambda lib: lib.jit(lambda f: f(2.0))(lib.linearize(lambda y: lib.numpy.sin(y) * y, 2.0)[1]),
    "linear_transpose out of jit": lambda lib: lib.jit(lambda x: lib.linear_transpose(lambda y: y * x, x))(2.0)(1.0),
    "vjp's residuals, differentiated": lambda lib: lib.grad(lambda x: lib.vjp(lambda y: x * y * y, 2.0)[1](x)[0])(3.0),
}
DERIVATIVES = {
    f"{kind}: {name}": program
    for kind, table in {
        "complex": COMPLEX, "integers": INTEGERS, "aux": AUX, "trees": TREES, "pytrees": AS_PYTREES
    }.items()
    for name, program in table.items()
}  # fmt: skip


def assert_same_compiled(program):
    mine, theirs = program(mj), jax.jit(lambda: program(jax))()
    assert str(mj.tree.structure(mine)) == str(jax.tree.structure(theirs))
    for a, b in zip(mj.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert (np.shape(a), np.asarray(a).dtype) == (b.shape, b.dtype)
        assert bool(getattr(a, "weak_type", False)) == bool(getattr(b, "weak_type", False))
        if a.dtype == mj.float0:
            assert isinstance(a, np.ndarray)
        else:
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", DERIVATIVES)
@pytest.mark.one_in(12)
def test_derivative_equals_jax(name):
    assert_same_compiled(DERIVATIVES[name])


def test_aux_that_is_no_array():
    for lib in (mj, jax):
        assert lib.jvp(lambda x: (x, "s"), (2.0,), (1.0,), has_aux=True)[2] == "s"
        assert lib.vjp(lambda x: (x, {"n": 3}), 2.0, has_aux=True)[2] == {"n": 3}
        assert lib.linearize(lambda x: (x, ("s", None)), 2.0, has_aux=True)[2] == ("s", None)


def test_aux_costs_no_derivative():
    """The linear program has no operations of the auxiliary data."""
    _, f_jvp, _ = mj.linearize(lambda x: (x * 3.0, mj.numpy.sin(x)), 1.0, has_aux=True)
    assert str(f_jvp) == "{ lambda ; a:f32[]. let b:f32[] = mul a 3.0:f32[] in (b,) }"


def test_jacobians_of_booleans_are_false():
    """JAX 0.10 raises an error for these programs."""
    assert mj.jacfwd(lambda x: x > 0)(X).tolist() == [[False] * 3] * 3
    assert mj.jacrev(lambda b: b * 1.0, allow_int=True)(np.array([True])).tolist() == [[False]]


# ---------------------------------------------------------------------------------------------------------------------
# linear_transpose


def transposed(lib, f, x, ct):
    return lib.linear_transpose(f, x)(ct)


S = jax.ShapeDtypeStruct((3,), np.float32)
TRANSPOSES = {
    "a sum": lambda lib: transposed(lib, lambda x: x.sum() * 2, X, 1.0),
    "trees": lambda lib: lib.linear_transpose(
        lambda x, p: {"a": 3 * x + p["u"], "b": (p["u"],)}, 2.0, {"u": 1.0, "v": X}
    )({"a": 1.0, "b": (5.0,)}),
    "affine": lambda lib: transposed(lib, lambda x: x + 1, X, X),
    "constant": lambda lib: transposed(lib, lambda x: lib.numpy.ones(2), X, X[:2]),
    "identity": lambda lib: transposed(lib, lambda x: (x, x), X, (X, 2 * X)),
    "weak by weak": lambda lib: transposed(lib, lambda x: 3 * x, 2.0, 1.0),
    "strong by weak": lambda lib: transposed(lib, lambda x: 3 * x, np.float32(2), 1.0),
    "weak by strong": lambda lib: transposed(lib, lambda x: 3 * x, 2.0, np.float32(1)),
    "integers": lambda lib: transposed(lib, lambda n: 3 * n, N, N),
    "complex": lambda lib: transposed(lib, lambda z: z * 1j, Z, Z),
    "complex to real": lambda lib: transposed(lib, lambda z: z.real, Z, X),
    "another dtype": lambda lib: transposed(lib, lambda x: x.astype(np.float16), X, X.astype(np.float16)),
    "no elements": lambda lib: transposed(
        lib, lambda x: x * 2, np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    ),
    "not finite": lambda lib: transposed(lib, lambda x: x * np.inf, X, np.array([0.0, -0.0, np.nan], np.float32)),
    "a type": lambda lib: transposed(lib, lambda x: x * 2, lib.ShapeDtypeStruct((3,), np.float32), X),
    "a type of somebody else's": lambda lib: transposed(lib, lambda x: x * 2, S, X),
    "jit": lambda lib: transposed(lib, lib.jit(lambda x: lib.numpy.cumsum(x) * 2), X, X),
    "scan": lambda lib: transposed(lib, lambda x: lib.lax.scan(lambda c, y: (c + y, 2 * c), 0.0, x), X, (1.0, X)),
    "a loop with a counter": lambda lib: transposed(
        lib, lambda x: lib.lax.fori_loop(1, 4, lambda i, c: (c[1] * i, c[0] + x), (x, 2 * x)), X, (X, 1 + X)
    ),
    "two counters, reversed": lambda lib: transposed(
        lib,
        lambda x: lib.lax.scan(
            lambda c, y: ((c[0] * 2, c[1] + c[0] * y[0] * x, c[2] + 1), c[1] * c[2] * y[1]),
            (1.0, x, 0),
            (X, 1 + X),
            reverse=True,
        )[1],
        X,
        np.stack([X] * 3),
    ),
    "cond": lambda lib: transposed(lib, lambda x: lib.lax.cond(X[0] > 0, lambda u: u * 2, lambda u: u, x), X, X),
    "under jit": lambda lib: lib.jit(lambda y, ct: transposed(lib, lambda x: x * y, X, ct))(X, X),
    "under grad": lambda lib: lib.grad(lambda y: transposed(lib, lambda x: x * y, X, X)[0].sum())(X),
    "under vmap": lambda lib: lib.vmap(lambda y: transposed(lib, lambda x: x * y, 1.0, 2.0)[0])(lib.numpy.asarray(X)),
    "of a transpose": lambda lib: lib.linear_transpose(lib.linear_transpose(lib.numpy.cumsum, X), X)((X,)),
}


def test_linear_transpose_computes_what_is_known():
    for lib in (mj, jax):
        assert float(transposed(lib, lambda x, lib=lib: x if lib.numpy.asarray(X)[2] > 1 else 2 * x, 3.0, 1.0)[0]) == 1


@pytest.mark.parametrize("name", TRANSPOSES)
@pytest.mark.one_in(2)
def test_linear_transpose_equals_jax(name):
    assert_same_compiled(TRANSPOSES[name])


# ---------------------------------------------------------------------------------------------------------------------
# Errors


def pull_back(lib):
    return lib.vjp(lambda x, y: {"a": x * y, "b": x + 1.0}, 2.0, X)[1]


ERRORS = {
    "holomorphic of reals": (
        lambda lib: lib.grad(lambda z: z * 2, holomorphic=True)(2.0),
        "grad with holomorphic=True requires inputs with complex dtype, but got float32.",
    ),
    "holomorphic to reals": (
        lambda lib: lib.grad(lambda z: z.real, holomorphic=True)(Z[0]),
        "grad with holomorphic=True requires outputs with complex dtype, but got float32.",
    ),
    "complex output": (lambda lib: lib.grad(lambda z: z * 2)(Z[0]), "grad requires real-valued outputs"),
    "jacfwd of complex": (lambda lib: lib.jacfwd(lambda z: z * 2)(Z), "jacfwd requires real-valued inputs"),
    "jacrev of complex": (lambda lib: lib.jacrev(lambda z: z * 2)(Z), "jacrev requires real-valued outputs"),
    "jacfwd, holomorphic to reals": (
        lambda lib: lib.jacfwd(lambda z: z.real, holomorphic=True)(Z),
        "jacfwd with holomorphic=True requires outputs with complex dtype",
    ),
    "jacrev, holomorphic to reals": (
        lambda lib: lib.jacrev(lambda z: z.real, holomorphic=True)(Z),
        "jacrev with holomorphic=True requires outputs with complex dtype",
    ),
    "jacfwd, holomorphic of reals": (
        lambda lib: lib.jacfwd(lambda z: z, holomorphic=True)(X),
        "jacfwd with holomorphic=True requires inputs with complex dtype",
    ),
    "jacrev, holomorphic of reals": (
        lambda lib: lib.jacrev(lambda z: z, holomorphic=True)(X),
        "jacrev with holomorphic=True requires inputs with complex dtype",
    ),
    "grad by an integer": (lambda lib: lib.grad(lambda x: x * 1.0)(3), "grad requires real- or complex-valued inputs"),
    "grad of an integer": (
        lambda lib: lib.grad(lambda x: x.astype(int))(np.float32(2)),
        "grad requires real-valued outputs",
    ),
    "jacrev by an integer": (
        lambda lib: lib.jacrev(lambda x: x * 1.0)(3),
        "jacrev requires real- or complex-valued inputs",
    ),
    "jacfwd by an integer": (lambda lib: lib.jacfwd(lambda x: x * 1.0)(3), "jacfwd requires real-valued inputs"),
    "jacrev of an integer": (lambda lib: lib.jacrev(lambda x: x.astype(int))(X), "jacrev requires real-valued outputs"),
    "jvp, tangent of an integer": (lambda lib: lib.jvp(lambda n: n * 2, (3,), (1,)), "tangent dtype must be float0"),
    "aux, no pair: jvp": (lambda lib: lib.jvp(lambda x: x * x, (2.0,), (1.0,), has_aux=True), "two-element tuple"),
    "aux, no pair: vjp": (lambda lib: lib.vjp(lambda x: x * x, 2.0, has_aux=True), "two-element tuple"),
    "aux, no pair: linearize": (lambda lib: lib.linearize(lambda x: (x, x, x), 2.0, has_aux=True), "two-element tuple"),
    "aux, no pair: grad": (lambda lib: lib.grad(lambda x: [x], has_aux=True)(2.0), "two-element tuple"),
    "argnums of grad": (
        lambda lib: lib.grad(lambda x: x, 5)(2.0),
        "differentiating with respect to argnums=5 requires at least 6 positional arguments",
    ),
    "argnums of jacfwd": (lambda lib: lib.jacfwd(lambda x: x, 5)(2.0), "argnums=5"),
    "argnums of jacrev": (lambda lib: lib.jacrev(lambda x: x, (0, -2))(2.0), "argnums=(0, -2)"),
    "cotangents: none": (lambda lib: pull_back(lib)(), "missing 1 required positional argument: 'out_ct'"),
    "cotangents: two": (lambda lib: pull_back(lib)(X, 1.0), "applied to <lambda> was called with 2 arguments"),
    "cotangents: keyword": (lambda lib: pull_back(lib)(cotangent=1.0), "unexpected keyword argument 'cotangent'"),
    "cotangents: tree": (lambda lib: pull_back(lib)({"a": X}), "unexpected tree structure of argument to vjp function"),
    "cotangents: None": (lambda lib: pull_back(lib)({"a": X, "b": None}), "got PyTreeDef({'a': *, 'b': None})"),
    "cotangents: shape": (
        lambda lib: pull_back(lib)({"a": X[:2], "b": 1.0}),
        "got float32[2], but expected float32[3]",
    ),
    "cotangents: dtype": (lambda lib: pull_back(lib)({"a": X, "b": 1}), "got int32[], but expected float32[]"),
    "cotangents: complex": (lambda lib: pull_back(lib)({"a": X, "b": 1j}), "got complex64[], but expected float32[]"),
    "cotangents: no array": (lambda lib: pull_back(lib)({"a": "a", "b": 1.0}), "'a'"),
    "cotangents: shape for an integer": (lambda lib: lib.vjp(lambda n: n * 2, N)[1](1), "expected float0[3]"),
    "tangents: tree": (lambda lib: lib.linearize(lambda x, y: x * y, 2.0, X)[1](1.0), "tree structure of the tangents"),
    "tangents: shape": (
        lambda lib: lib.linearize(lambda x: x, X)[1](X[:2]),
        "got tangent type float32[2] for primal type float32[3]",
    ),
    "tangents: dtype": (lambda lib: lib.linearize(lambda x: x, X)[1](N), "got tangent type int32[3]"),
    "transpose: cotangent's shape": (
        lambda lib: transposed(lib, lambda x: x.sum(), X, X),
        "cotangent type does not match function output",
    ),
    "transpose: cotangent's dtype": (lambda lib: transposed(lib, lambda x: x.sum(), X, 1), "got ['int32[]']"),
    "transpose: cotangent's tree": (
        lambda lib: transposed(lib, lambda x: x.sum(), X, (1.0,)),
        "cotangent tree does not match function output, expected PyTreeDef(*) but got PyTreeDef((*,))",
    ),
    "transpose: integers to floats": (
        lambda lib: transposed(lib, lambda n: n * 3.0, N, X),
        "and integer -> integer functions, but got ['int32'] -> ['float32']",
    ),
    "transpose: floats to integers": (
        lambda lib: transposed(lib, lambda x: x.astype(int), X, N),
        "['float32'] -> ['int32']",
    ),
    "transpose: booleans": (lambda lib: transposed(lib, lambda b: b, N > 0, N > 0), "['bool'] -> ['bool']"),
    "transpose: reduce_axes": (lambda lib: lib.linear_transpose(lambda x: x, X, reduce_axes=("i",)), "reduce_axes"),
    "transpose: no function": (lambda lib: lib.linear_transpose(3, X), "callable"),
    "transpose: no array": (lambda lib: lib.linear_transpose(lambda x: x, "a"), "'a'"),
    "transpose: an unknown condition": (lambda lib: lib.linear_transpose(lambda x: x if x > 2 else -x, 2.0), "bool"),
    "transpose: sin": (lambda lib: transposed(lib, lib.numpy.sin, X, X), "Primitive 'sin' has no transpose rule"),
    "transpose: a power": (
        lambda lib: transposed(lib, lambda x: x**2, X, X),
        "Primitive 'integer_pow' has no transpose rule",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.one_in(6)
def test_error(name):
    program, words = ERRORS[name]
    with pytest.raises(Exception) as theirs:
        program(jax)
    with pytest.raises((TypeError, ValueError, NotImplementedError)) as mine:
        program(mj)
    assert type(mine.value).__name__ in [c.__name__ for c in type(theirs.value).__mro__]
    assert words in str(mine.value)


@pytest.mark.parametrize(
    "f",
    [lambda x: x * x, lambda x: x @ x, lambda x: x / x, lambda x: 2 / x, lambda x: mj.numpy.where(x > 0, x, 2 * x)],
    ids=["x * x", "x @ x", "x / x", "2 / x", "where"],
)
def test_what_is_not_linear_says_so(f):
    """Errors where JAX raises an AssertionError without a text."""
    out = mj.eval_shape(f, X)
    with pytest.raises(TypeError, match="A function that must be linear is not.*linear_transpose") as error:
        transposed(mj, f, X, np.ones(out.shape, out.dtype))
    assert "test_derivatives.py" in error.value.__notes__[0]


# ---------------------------------------------------------------------------------------------------------------------
# jit traces once for each type


@LIBRARIES
def test_jit_traces_once_per_type(lib):
    traced = []

    @lib.jit
    def f(x, scale=1.0):
        traced.append(None)
        return lib.tree.map(lambda v: v * scale, x)

    def count(*args, **kwargs):
        before = len(traced)
        f(*args, **kwargs)
        return len(traced) - before

    asarray = lib.numpy.asarray
    calls = [
        (asarray(X),),
        (asarray(X + 1),),  # another value
        (X,),  # a NumPy array of that type
        (asarray(X[:2]),),  # another shape
        (asarray(X.astype(np.int32)),),  # another dtype
        (2.0,),  # weak
        (3.0,),
        (np.float32(2.0),),  # not weak
        ([asarray(X)],),  # another tree
        ((asarray(X),),),
    ]
    assert [count(*c) for c in calls] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1]
    assert [count(2.0, scale=2.0), count(2.0, scale=3.0)] == [1, 0]


@LIBRARIES
def test_jit_traces_once_per_static_argument(lib):
    traced = []
    f = lib.jit(lambda x, n: traced.append(n) or x * n, static_argnums=1)
    for n in (2, 2, 3, 2.0, True, 1):
        f(1.0, n)
    assert len(traced) == 5
    g = lib.jit(lambda x, *, mode: traced.append(mode) or x, static_argnames=("mode",))
    for mode in ("a", "b", "a"):
        g(1.0, mode=mode)
    assert len(traced) == 7


def test_jit_caches_under_other_transformations():
    traced = []
    f = mj.jit(lambda x: traced.append(None) or mj.numpy.sin(x) * x)
    one = np.float32(1)
    for _ in range(3):
        mj.grad(f)(one)
        mj.vmap(f)(mj.numpy.asarray(X))
        mj.grad(mj.grad(f))(one)
        mj.jvp(f, (one,), (one,))
    assert len(traced) == 1
    assert f._cache_size() == 1
    f.clear_cache()
    f(one)
    assert len(traced) == 2


def test_jit_runs_with_side_effects_once():
    seen = []
    f = mj.jit(lambda x: seen.append("traced") or x + 1)
    assert [float(f(float(i))) for i in range(3)] == [1, 2, 3]
    assert seen == ["traced"]


def test_x64_is_part_of_the_key():
    f = mj.jit(lambda x: x * 2)
    assert f(1.5).dtype == np.float32
    with mj.enable_x64(True):
        assert f(1.5).dtype == np.float64
    assert f(1.5).dtype == np.float32


def test_wrapped_functions_keep_their_names_and_docs():
    def f(x):
        """Twice."""
        return 2 * x

    for g in (mj.jit(f), mj.grad(f), mj.vmap(f), mj.value_and_grad(f)):
        assert g.__name__ in ("f", "grad_f", "value_and_grad_f", "vmap_f")
        assert "Twice." in g.__doc__
        assert g.__wrapped__ is f


def test_vjp_function_can_be_called_twice():
    _, pull_back = mj.vjp(lambda x: x * x, 3.0)
    assert float(pull_back(1.0)[0]) == float(pull_back(1.0)[0]) == 6
    assert float(mj.jit(lambda ct: pull_back(ct)[0])(2.0)) == 12
    assert repr(pull_back).startswith("VJP(jaxpr={ lambda ; a:f32[]. let")
    assert (str(pull_back.in_tree), str(pull_back.out_tree)) == ("PyTreeDef((*,))", "PyTreeDef(*)")


def test_linear_function_prints_its_jaxpr():
    _, f_jvp = mj.linearize(lambda x: x * 3.0, 1.0)
    assert str(f_jvp) == "{ lambda ; a:f32[]. let b:f32[] = mul a 3.0:f32[] in (b,) }"
    with pytest.raises(TypeError, match="tree structure of the tangents"):
        f_jvp(1.0, 2.0)


def test_shape_dtype_struct_is_jaxs():
    mine, theirs = mj.ShapeDtypeStruct((2, 3), np.float32), jax.ShapeDtypeStruct((2, 3), np.float32)
    assert repr(mine) == repr(theirs)
    assert mine == mj.ShapeDtypeStruct((2, 3), "float32") and hash(mine) == hash(mj.ShapeDtypeStruct((2, 3), "float32"))
    assert mj.eval_shape(lambda x: x @ x.T, mine).shape == (2, 2)
    assert str(mj.make_jaxpr(lambda x: x * 2)(mine)) == str(jax.make_jaxpr(lambda x: x * 2)(theirs))


def test_make_jaxpr_options():
    closed, shape = mj.make_jaxpr(lambda x, n: (x * n, {"a": x}), static_argnums=1, return_shape=True)(X, 3)
    assert [v.aval.shape for v in closed.jaxpr.invars] == [(3,)]
    assert shape[0].shape == shape[1]["a"].shape == (3,)


def test_threads_do_not_see_each_others_traces():
    results = {}

    def work(name, n):
        results[name] = [float(mj.grad(lambda x: mj.numpy.sin(x) * n)(0.0)) for _ in range(50)]

    threads = [threading.Thread(target=work, args=(i, i)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {i: [float(i)] * 50 for i in range(4)}


def test_device_functions():
    tree = mj.device_put({"a": X, "b": 1.0})
    assert isinstance(tree["a"], mj.Array)
    back = mj.device_get(tree)
    assert type(back["a"]) is np.ndarray
    assert mj.block_until_ready(tree) is tree


def test_public_names_exist_in_jax():
    """Every public name exists in JAX, except what explain/ has and the modules that JAX keeps under jax._src."""
    ours = {
        "as_jax",
        "install_as_jax",
        "testing",
        "cost",
        "diff",
        "explain",
        "trace_steps",
        "jaxpr",
        "pretty_print",
        "array",
        "api",
        "staging",
        "source_info",
        "primitives",
        "transforms",
        "calls",
    }
    assert [n for n in mj.__all__ if n not in ours and not hasattr(jax, n)] == []
    for module in ("lax", "numpy", "nn", "random", "tree", "tree_util"):
        mine, theirs = getattr(mj, module), getattr(jax, module)
        assert [n for n in mine.__all__ if not hasattr(theirs, n)] == [], module
        assert [n for n in mine.__all__ if not hasattr(mine, n)] == [], module


def test_a_linearized_function_computes_what_its_results_need():
    """The derivative of a custom_vjp cannot be computed forwards, and here nobody asks for it."""
    for lib in (minijax, jax):
        g = lib.custom_vjp(lambda x: x)
        g.defvjp(lambda x: (x, None), lambda _, ct: (ct,))

        def function(x, g=g):
            g(x)
            return 2.0 * x

        y, linear = lib.linearize(function, 3.0)
        assert (float(y), float(linear(1.0))) == (6.0, 2.0)
    _, linear = minijax.linearize(lambda x: (minijax.numpy.sin(x), 2.0 * x)[1], 3.0)
    assert "cos" not in str(linear)
    assert [eqn.primitive.name for eqn in linear.jaxpr.eqns] == ["mul"]
