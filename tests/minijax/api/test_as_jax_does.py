"""Calls at the edge of what is accepted: the value, dtype and weak type are JAX's, or the class of the error is."""

from __future__ import annotations

import copy
import enum
import functools
import inspect
import io
import itertools

import jax
import jax.custom_derivatives
import jax.dlpack
import jax.numpy
import jax.profiler
import numpy as np
import pytest

import minijax
import minijax.custom_derivatives
import minijax.dlpack
import minijax.numpy
import minijax.profiler

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def plain(x):
    """The results as values that `==` compares."""
    if isinstance(x, (tuple, list)):
        return type(x)(map(plain, x))
    if hasattr(x, "dtype"):
        return (np.asarray(x).tolist(), str(x.dtype), getattr(x, "weak_type", None))
    return x


def outcome(function, lib):
    try:
        return plain(function(lib))
    except Exception as error:
        return type(error).__name__


def symz(lib):
    seen = []
    f = lib.custom_vjp(lambda x, y: x * y)

    def fwd(x, y):
        seen.append((x.perturbed, y.perturbed))
        return (x.value * y.value, (x.value, y.value))

    def bwd(r, ct):
        seen.append(type(ct) is lib.custom_derivatives.SymbolicZero)
        return (ct * r[1], ct * r[0])

    f.defvjp(fwd, bwd, symbolic_zeros=True)
    return (f, seen)


@case
def sz_const(lib):
    f, seen = symz(lib)
    g = lib.grad(lambda x: f(x, 3.0))(2.0)
    return (seen, g)


@case
def sz_vmap(lib):
    seen = []
    f = lib.custom_vjp(lambda x: (x, x * 2))

    def fwd(x):
        return ((x.value, x.value * 2), None)

    def bwd(r, ct):
        seen.append([type(c) is lib.custom_derivatives.SymbolicZero for c in ct])
        return (lib.numpy.asarray(1.0),)

    f.defvjp(fwd, bwd, symbolic_zeros=True)
    g = lib.vmap(lib.grad(lambda x: f(x)[0]))(lib.numpy.ones(3))
    return (seen, g)


@case
def sz_outer_vmap(lib):
    seen = []
    f = lib.custom_vjp(lambda x, y: (x * y, x * 2))

    def fwd(x, y):
        seen.append((x.perturbed, y.perturbed))
        return ((x.value * y.value, x.value * 2), None)

    def bwd(r, ct):
        seen.append([type(c) is lib.custom_derivatives.SymbolicZero for c in ct])
        return (lib.numpy.asarray(1.0), lib.numpy.asarray(1.0))

    f.defvjp(fwd, bwd, symbolic_zeros=True)
    g = lib.grad(lambda x: lib.vmap(lambda x: f(x, 2.0)[0])(x).sum())(lib.numpy.ones(3))
    return (seen, g)


@case
def cj_close_vmap(lib):

    def h(x):
        f = lib.custom_jvp(lambda y: y * x)
        f.defjvp(lambda p, t: (f(*p), t[0] * x))
        return f(x) + lib.grad(f)(2.0)

    return lib.vmap(h)(lib.numpy.arange(3.0))


@case
def cv_close_vmap(lib):

    def h(x):
        f = lib.custom_vjp(lambda y: y * x)
        f.defvjp(lambda y: (y * x, None), lambda r, ct: (ct * x,))
        return f(x) + lib.grad(f)(2.0)

    return lib.vmap(h)(lib.numpy.arange(3.0))


@case
def cj_nondiff(lib):

    @functools.partial(lib.custom_jvp, nondiff_argnums=(0,))
    def f(a, y):
        return y * a

    f.defjvp(lambda a, p, t: (f(a, *p), t[0] * a))
    return lib.vmap(lambda x: lib.grad(lambda y: f(x, y))(2.0))(lib.numpy.arange(3.0))


@case
def cv_nondiff(lib):

    @functools.partial(lib.custom_vjp, nondiff_argnums=(0,))
    def f(a, y):
        return y * a

    f.defvjp(lambda a, y: (y * a, None), lambda a, r, ct: (ct * a,))
    return lib.vmap(lambda x: lib.grad(lambda y: f(x, y))(2.0))(lib.numpy.arange(3.0))


@case
def argnums_twice(lib):
    return lib.grad(lambda x, y: x * y, argnums=(0, 0))(1.0, 2.0)


@case
def argnums_twice_neg(lib):
    return lib.grad(lambda x, y: x * y, argnums=(0, -2))(1.0, 2.0)


@case
def fori_mixed(lib):
    return lib.lax.fori_loop(np.int8(0), np.int16(3), lambda i, c: c + i, 0)


@case
def fori_mixed_jnp(lib):
    return lib.lax.fori_loop(lib.numpy.int8(0), lib.numpy.int16(3), lambda i, c: c + i, 0)


@case
def lt_complex(lib):
    return lib.lax.lt(1j, 2j)


@case
def psum_weak(lib):
    def total(y):
        return lib.vmap(lambda x: lib.lax.psum(y, "i") * x, axis_name="i")(lib.numpy.ones(3))

    def alone(y):
        return lib.vmap(lambda x: lib.lax.psum(y, "i"), axis_name="i")(lib.numpy.ones(3))

    return [lib.jit(f)(2.0).weak_type for f in (total, alone)], alone(2.0).weak_type


@case
def pmax_complex(lib):
    return lib.vmap(lambda x: lib.lax.pmax(x, "i"), axis_name="i")(lib.numpy.array([1 + 2j, 3 - 1j, 3 + 1j]))


@case
def traced_once(lib):
    n = []

    def f(x):
        n.append(1)
        return x * 2

    lib.jit(f)(1.0)
    lib.jit(f)(2.0)
    a = len(n)
    lib.jit(f)(lib.numpy.asarray(1.0))
    return (a, len(n))


@case
def traced_once_opts(lib):
    n = []

    def f(x, y=1):
        n.append(1)
        return x * 2

    lib.jit(f, static_argnums=1)(1.0, 2)
    lib.jit(f, static_argnums=1)(2.0, 2)
    lib.jit(f, static_argnums=1)(2.0, 3)
    lib.jit(f)(1.0)
    return len(n)


@case
def cond_weak(lib):
    x = lib.numpy.float32(2.0)
    traced = lib.make_jaxpr(lambda p, x: lib.lax.cond(p, lambda x: 1.0, lambda x: x, x))(True, x)
    first = lib.lax.cond(True, lambda x: 1.0, lambda x: x, x)
    second = lib.lax.cond(True, lambda x: x, lambda x: 1.0, x)
    return [v.aval.weak_type for v in traced.jaxpr.outvars], first.weak_type, second.weak_type


@case
def cond_order(lib):

    def f(p, a, b, c):
        return lib.lax.cond(p, lambda: a * b, lambda: c * 2 + b)

    return str(lib.make_jaxpr(f)(True, 1.0, 2.0, 3.0))


@case
def cond_order2(lib):

    def f(p, a, b, c, d):
        return lib.lax.cond(p, lambda x: c * x, lambda x: d * b * x, a)

    return str(lib.make_jaxpr(f)(True, 1.0, 2.0, 3.0, 4.0))


@case
def switch_order(lib):

    def f(i, a, b, c):
        return lib.lax.switch(i, [lambda: b, lambda: a, lambda: c * a])

    return str(lib.make_jaxpr(f)(1, 1.0, 2.0, 3.0))


@case
def scan_list(lib):
    return lib.lax.scan(lambda c, x: [c + x, c], 0.0, lib.numpy.arange(3.0))


@case
def static_list(lib):

    class N:
        def __init__(s, x, l):
            s.x = x
            s.l = l

    lib.tree_util.register_pytree_node(N, lambda n: ((n.x,), n.l), lambda aux, ch: N(ch[0], aux))
    return lib.jit(lambda n: n.x * 2)(N(1.0, [1, 2]))


@case
def string_in_axes(lib):
    return lib.vmap(lambda x, s: x * 2, in_axes=(0, None))(lib.numpy.arange(3.0), "abc")


@case
def checking_node(lib):

    class N:
        def __init__(s, x):
            if not hasattr(x, "shape"):
                raise ValueError("no array")
            s.x = x

    lib.tree_util.register_pytree_node(N, lambda n: ((n.x,), None), lambda aux, ch: N(ch[0]))
    return lib.vmap(lambda n: N(n.x * 2))(N(lib.numpy.arange(3.0))).x


@case
def device_get_jit(lib):
    return lib.jit(lambda x: lib.device_get(x) + 1 if False else lib.device_get(lib.numpy.ones(2)).sum() + x)(1.0)


@case
def device_get_tracer(lib):
    return lib.jit(lambda x: lib.device_get(x))(1.0)


@case
def cond_five(lib):
    return lib.lax.cond(True, 2.0, lambda x: x * 2, 3.0, lambda x: x)


@case
def bwd_f16(lib):
    f = lib.custom_vjp(lambda x: x * 2)
    f.defvjp(lambda x: (x * 2, None), lambda r, ct: (ct.astype(lib.numpy.float16) * 2,))
    return lib.grad(f)(lib.numpy.float32(1.0))


@case
def bwd_wrong_shape(lib):
    f = lib.custom_vjp(lambda x: x * 2)
    f.defvjp(lambda x: (x * 2, None), lambda r, ct: (lib.numpy.ones(3),))
    return lib.grad(f)(lib.numpy.float32(1.0))


@case
def intenum(lib):

    class E(enum.IntEnum):
        A = 2

    return (lib.numpy.ones(3) * E.A, lib.numpy.asarray(E.A), lib.jit(lambda x: x * 2)(E.A))


@case
def int_subclass(lib):

    class Whole(int):
        pass

    return (lib.numpy.ones(3) * Whole(3), lib.jit(lambda x: x * 2)(Whole(3)), lib.grad(lambda x: x * Whole(2))(1.0))


@case
def deepcopy_tracer(lib):
    return (lib.jit(lambda x: copy.deepcopy(x) * 2)(1.0), lib.grad(lambda x: copy.deepcopy({"a": x})["a"] * 2)(1.0))


@case
def deepcopy_relu(lib):
    return (copy.deepcopy(lib.nn.relu)(-1.0), copy.deepcopy(lib.jit(lambda x: x))(2.0))


@case
def size_list(lib):
    return (lib.numpy.size([1, 2]), lib.numpy.ndim([1, 2]), lib.numpy.shape([1, 2]))


@case
def str_number(lib):
    return lib.numpy.float32("3")


@pytest.mark.filterwarnings("ignore:.*of array.*list:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.one_in(12)
def test_as_jax_does(name):
    assert outcome(CASES[name], minijax) == outcome(CASES[name], jax)


def test_names_of_parts_change_nothing():
    def run(lib):
        @lib.jit
        @lib.named_scope("layer")
        def layer(x):
            with lib.named_scope("product"):
                x = x * 2
            return lib.named_call(lib.numpy.sin, name="wave")(x)

        return layer(1.0), lib.make_jaxpr(layer)(1.0).jaxpr.eqns[0].primitive.name, lib.grad(layer)(1.0)

    (a, name, slope), (b, their_name, their_slope) = run(minijax), run(jax)
    assert name == their_name
    np.testing.assert_allclose([float(a), float(slope)], [float(b), float(their_slope)], rtol=1e-6)
    for lib in (minijax, jax):
        with pytest.raises(TypeError, match="must be a string"):
            lib.named_scope(3)


# ---------------------------------------------------------------------------------------------------------------------
# Calls of the library, each found by a program in the manner of JAX's own tests

XS = np.arange(6, dtype=np.float32).reshape(2, 3)


def filled(vector, widths, axis, options):
    vector = vector.at[: widths[0]].set(options.get("padder", 10))
    return vector.at[vector.shape[0] - widths[1] :].set(options.get("padder", 10) + axis)


def over_names(lib, name, axes, **options):
    return lib.vmap(lambda row: getattr(lib.numpy, name)(row, axis=axes, **options), axis_name="a")(
        lib.numpy.asarray(XS)
    )


def struct(lib):
    return lib.ShapeDtypeStruct((3,), np.float32)


def dropped(lib, key, x):
    """A branch whose residuals have a key among them."""
    noisy = lib.checkpoint(lambda x, key: lib.numpy.sin(x) * lib.random.normal(key, ()))
    return lib.lax.cond(x > 0, lambda x: noisy(x, lib.random.fold_in(key, 3)), lambda x: x * 2.0, x)


def counted(lib):
    """A custom_jvp function with an integer among its results."""
    f = lib.custom_jvp(lambda x, n: (lib.numpy.sin(x) * n, n + 1))
    f.defjvp(lambda primals, tangents: (f(*primals), (tangents[0] * lib.numpy.cos(primals[0]), tangents[1])))
    return f


def in_a_branch(lib, x):
    def branch(x):
        y, n = lib.vmap(counted(lib))(x, lib.numpy.arange(3))
        return y * n

    return lib.lax.cond(x.sum() > 0, branch, lambda x: x, x).sum()


X3 = np.float32([1.0, -0.5, 2.0])


def loaded(lib, array):
    """What `load` finds where NumPy's `save` wrote an array."""
    file = io.BytesIO()
    np.save(file, array)
    file.seek(0)
    return lib.numpy.load(file)


def annotated(lib):
    @functools.partial(lib.profiler.annotate_function, name="squares")
    def square(x):
        with lib.profiler.TraceAnnotation("inner", size=1):
            return lib.numpy.square(x)

    return square


CALLS = {
    "what no example maps": lambda lib: [
        (type(x).__name__ if not isinstance(x, lib.Array) else "Array", np.asarray(x).tolist())
        for x in lib.vmap(
            lambda x: (x * 1, 8.0, np.ones(2, "f4"), True, lib.numpy.ones(2)), out_axes=(0, None, None, None, None)
        )(np.arange(2.0, dtype="f4"))
    ],
    "device_get of what is no array": lambda lib: lib.device_get([1, 2.5, "a", None, np.float32(3.0), lib.numpy.ones(2)]),
    "device_get of a key": lambda lib: lib.random.key_data(lib.device_get(lib.random.key(3))),
    "axes out of order": lambda lib: lib.vmap(lambda x: lib.lax.broadcast_in_dim(x, (4, 3, 2), (2, 0)))(np.ones((3, 2, 4), "f4")),
    "axes of a product as numbers": lambda lib: lib.lax.dot_general(
        np.ones((2, 3), "f4"), np.ones((2, 3), "f4"), ((np.int32(1), 1), (0, (0,)))
    ),
    "axes twice": lambda lib: lib.lax.broadcast_in_dim(np.ones((2, 2)), (2, 2), (0, 0)),
    "a struct like an array": lambda lib: [
        (s.shape, str(s.dtype), bool(s.weak_type))
        for s in map(lib.ShapeDtypeStruct.like, (2.0, np.ones(2, "f4"), lib.numpy.ones(3), lib.ShapeDtypeStruct((2,), "int8")))
    ],
    "byteswap": lambda lib: [
        lib.numpy.array([1, 2], dtype).byteswap().view("uint8") for dtype in ("int16", "int32", "float32", "uint8", "bfloat16")
    ],
    "byteswap of complex numbers": lambda lib: lib.numpy.array([1 + 2j], "complex64").byteswap(),
    "load": lambda lib: [loaded(lib, a) for a in (np.ones(2, "f4"), lib.numpy.ones(2, "bfloat16"), np.array(["a"]))],
    "dlpack": lambda lib: lib.dlpack.from_dlpack(np.ones(2, "f4")),
    "annotations": lambda lib: [annotated(lib)(2.0), lib.profiler.StepTraceAnnotation("step", step_num=1).__enter__() is None],
    "svd_p without an algorithm": lambda lib: lib.lax.linalg.svd_p.bind(
        np.diag(np.float32([1.0, 2.0])), full_matrices=False, compute_uv=False, subset_by_index=None
    ),
    "pad by a function": lambda lib: lib.numpy.pad(lib.numpy.asarray(XS), ((1, 2), (0, 1)), filled, padder=7),
    "pad by a function, jit": lambda lib: lib.jit(lambda x: lib.numpy.pad(x, 1, filled))(XS),
    "promote_types": lambda lib: [
        str(lib.numpy.promote_types(*pair))
        for pair in (("float64", "int8"), (float, int), ("int64", "uint8"), ("int8", "uint32"), (complex, "float16"), (bool, int))
    ],
    "promote_types of arrays": lambda lib: [
        str(lib.numpy.promote_types(a, b)) for a, b in itertools.product((lib.numpy.array([1]), "float16", "int8"), repeat=2)
    ],
    "isdtype of arrays": lambda lib: [
        lib.numpy.isdtype(a, b)
        for a, b in itertools.product((lib.numpy.array(1), lib.numpy.array([1.0]), "float32"), repeat=2)
    ],
    "finfo of an array": lambda lib: float(lib.numpy.finfo(lib.numpy.array(1.0)).eps),
    **{
        f"{name}, a mean of shape {shape}": lambda lib, name=name, shape=shape: getattr(lib.numpy, name)(
            lib.numpy.ones((2, 3)), mean=lib.numpy.ones(shape)
        )
        for name in ("var", "nanstd")
        for shape in ((), (3,), (1, 3), (1, 2, 3), (2, 2))
    },
    "logical_and.reduce, int8": lambda lib: lib.numpy.logical_and.reduce(XS, dtype="int8"),
    "logical_or.reduce, uint8": lambda lib: lib.numpy.logical_or.reduce(XS > 3, dtype="uint8", keepdims=True),
    "logical_or.reduce, float": lambda lib: lib.numpy.logical_or.reduce(XS, dtype="float32"),
    "take, float places": lambda lib: lib.numpy.take(XS, 1.0),
    "isin, method": lambda lib: lib.numpy.isin(XS, XS, method="other"),
    "isin, method, nothing to find": lambda lib: lib.numpy.isin(XS, np.float32([]), method="other"),
    "size, axis": lambda lib: lib.numpy.size(XS, 5),
    "size, axes": lambda lib: lib.numpy.size(XS, (0, -1)),
    "size, an axis twice": lambda lib: lib.numpy.size(XS, (0, 0)),
    "einsum_path": lambda lib: lib.numpy.einsum_path("ij,jk,kl->il", XS, XS.T, XS, optimize="greedy")[0],
    "select_n, out of range": lambda lib: lib.lax.select_n(np.int32([5, -1]), *np.float32([[1, 2], [3, 4], [5, 6]])),
    "convert_element_type, None": lambda lib: lib.lax.convert_element_type(XS, None),
    "concatenate, one array": lambda lib: lib.lax.concatenate([XS], 1).weak_type,
    "concatenate, one array, axis": lambda lib: lib.lax.concatenate([XS], 2),
    "squeeze, no axis": lambda lib: lib.lax.squeeze(XS, ()).weak_type,
    "expand_dims, no axis": lambda lib: lib.lax.expand_dims(XS, ()).weak_type,
    "reduce_sum, no axis": lambda lib: lib.lax.reduce_sum(XS, ()).weak_type,
    "permutation, traced": lambda lib: lib.jit(lib.random.permutation)(lib.random.key(0), 4),
    "choice, traced": lambda lib: lib.jit(lib.random.choice)(lib.random.key(0), 4),
    "poisson, float": lambda lib: lib.random.poisson(lib.random.key(0), 1.0, dtype=np.float32),
    "poisson, bool": lambda lib: lib.random.poisson(lib.random.key(0), 1.0, dtype=bool),
    "key of None": lambda lib: lib.random.key(None),
    **{
        f"key, {name}": lambda lib, f=f: f(lib.random.key(0))
        for name, f in {
            "+ 1": lambda k: k + 1,
            "1 +": lambda k: np.float32(1) + k,
            "== 1": lambda k: k == 1,
            "* key": lambda k: k * k,
            "bool": bool,
        }.items()
    },
    **{
        f"carry that changes its dtype, {name}": f
        for name, f in {
            "while": lambda lib: lib.lax.while_loop(lambda c: c < 3, lambda c: c + 1.0, 0),
            "while, two": lambda lib: lib.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2.0), (0, 1)),
            "while, a constant": lambda lib: lib.lax.while_loop(lambda c: c < 3, lambda c: 5.0, 0),
            "scan": lambda lib: lib.lax.scan(lambda c, _: (c * 1.5, c), 1, None, length=2),
            "scan, a constant": lambda lib: lib.lax.scan(lambda c, _: (5.0, c), 1, None, length=2),
            "fori_loop": lambda lib: lib.lax.fori_loop(0, 3, lambda i, c: c + 1j, 0.0),
            "fori_loop, traced": lambda lib: lib.jit(lambda n: lib.lax.fori_loop(0, n, lambda i, c: c + 1j, 0.0))(3),
        }.items()
    },
    "eval_shape of a struct": lambda lib: str(lib.eval_shape(lambda: struct(lib))),
    "eval_shape of a struct and an array": lambda lib: str(lib.eval_shape(lambda x: {"a": x, "b": [struct(lib), x * 2]}, 1.0)),
    "zero_from_primal of a tree": lambda lib: lib.custom_derivatives.zero_from_primal({"a": 1.0, "b": (X3, None)})["b"][0],
    "zero_from_primal of a tree, symbolic": lambda lib: [
        x.aval.shape for x in lib.custom_derivatives.zero_from_primal((1.0, X3), symbolic_zeros=True)
    ],
    "a key among a branch's residuals": lambda lib: lib.grad(lambda x: dropped(lib, lib.random.key(0), x))(1.0),
    "a key among a branch's residuals, the other": lambda lib: lib.grad(lambda x: dropped(lib, lib.random.key(0), x))(-1.0),
    "keys among a mapped branch's residuals": lambda lib: lib.grad(
        lambda x: lib.vmap(lambda x: dropped(lib, lib.random.key(0), x))(x).sum()
    )(X3)[0],
    "integers of a custom_jvp in a branch": lambda lib: lib.grad(lambda x: in_a_branch(lib, x))(X3)[1],
    "integers of a custom_jvp in a branch, jit": lambda lib: lib.jit(lib.grad(lambda x: in_a_branch(lib, x)))(X3)[1],
    "convert a key": lambda lib: lib.lax.convert_element_type(lib.random.key(0), int),
    "convert to a key": lambda lib: lib.lax.convert_element_type(1, lib.random.key(0).dtype),
    "array of a key": lambda lib: lib.numpy.asarray(lib.random.key(0), int),
    **{
        f"{name} over {axes}": lambda lib, name=name, axes=axes: over_names(lib, name, axes)
        for name in ("sum", "max", "min", "mean", "var", "std", "nansum", "ptp", "count_nonzero", "prod", "any")
        for axes in ("a", ("a", 0))
    },
    "sum over an axis that is not there": lambda lib: lib.numpy.sum(XS, axis="a"),
    "sum over names, kept": lambda lib: over_names(lib, "sum", (0, "a"), keepdims=True),
    "softmax over names": lambda lib: lib.vmap(lambda x: lib.nn.softmax(x, axis="a"), axis_name="a")(lib.numpy.asarray(XS)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.one_in(80)
def test_calls(name):
    mine, theirs = outcome(CALLS[name], minijax), outcome(CALLS[name], jax)
    if type(theirs) is tuple and len(theirs) == 3 and type(theirs[1]) is str:
        assert mine[1:] == theirs[1:]
        np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-6)
    else:
        assert mine == theirs


# dm-haiku finds by such an attribute, on a jitted function, the function that it transformed; chex reads the signature.
KEEPING = "jit grad value_and_grad vmap pmap checkpoint jacfwd jacrev hessian make_jaxpr named_call custom_jvp custom_vjp".split()


@pytest.mark.parametrize("name", KEEPING)
def test_a_transformed_function_has_the_attributes_of_the_function(name):
    for lib in (minijax, jax):
        for function in (lambda x, y=1: x, functools.partial(lambda x, y=1: x)):
            if isinstance(function, functools.partial) and name == "named_call":
                continue
            function.mark = "mine"
            transformed = getattr(lib, name)(function)
            assert transformed.mark == "mine" and (transformed.__wrapped__ is function or name == "hessian")


def test_the_signature_of_a_jitted_function_and_jit_within_jit():
    for lib in (minijax, jax):
        f = lib.jit(lambda x, y=1: x + y)
        assert str(inspect.signature(f, follow_wrapped=False)) == "(x, y=1)"
        assert [float(f(1.0)) for _ in range(3)] == [2, 2, 2]
        assert [float(lib.jit(f)(1.0, y)) for y in (1, 2, 2)] == [2, 3, 3]
        assert not hasattr(f, "nothing")


@pytest.mark.filterwarnings("ignore:backend and device argument on jit is deprecated")
def test_where_jit_places_results():
    for lib in (minijax, jax):
        mesh = lib.make_mesh((1,), ("x",), (lib.sharding.AxisType.Auto,))
        sharding = lib.NamedSharding(mesh, lib.P("x"))
        first, second = lib.jit(lambda x: (x, x + 1), out_shardings=(sharding, None))(lib.numpy.ones(2))
        assert first.sharding == sharding and float(second.sum()) == 4
        assert lib.jit(lambda x: x, device=lib.devices()[0])(1.0).committed
        assert float(lib.jit(lambda x: x, in_shardings=sharding)(lib.numpy.ones(2)).sum()) == 2
        with pytest.raises(RuntimeError, match="Unknown backend"):
            lib.jit(lambda x: x, backend="abacus")(1.0)
