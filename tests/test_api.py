"""The transformations as users call them: arguments, pytrees, options, caches; JAX is the oracle."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict, namedtuple

import jax
import jax.ad_checkpoint
import jax.extend
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
from minijax.tree_util import Partial

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
def test_program_equals_jax(name):
    assert_same(PROGRAMS[name])


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


def test_vjp_function_is_a_pytree_and_can_be_called_twice():
    _, pull_back = mj.vjp(lambda x: x * x, 3.0)
    assert isinstance(pull_back, Partial)
    assert float(pull_back(1.0)[0]) == float(pull_back(1.0)[0]) == 6
    assert float(mj.jit(lambda ct: pull_back(ct)[0])(2.0)) == 12


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
    """Every public name is JAX's, but for the modules that JAX keeps under jax._src, and the version."""
    ours = {"jaxpr", "pretty_print", "array", "api", "staging", "source_info", "primitives", "transforms", "calls"}
    assert [n for n in mj.__all__ if n not in ours and not hasattr(jax, n)] == []
    for module in ("lax", "numpy", "nn", "random", "tree", "tree_util"):
        mine, theirs = getattr(mj, module), getattr(jax, module)
        assert [n for n in mine.__all__ if not hasattr(theirs, n)] == [], module
        assert [n for n in mine.__all__ if not hasattr(mine, n)] == [], module
