"""A program that brings primitives of its own, written for JAX with `jax.interpreters`: minijax runs it unchanged."""

from __future__ import annotations

import runpy

import numpy as np
import pytest

import minijax
from minijax import lax
from minijax.core.checks import RuleError
from minijax.extend.core import Primitive
from minijax.interpreters import ad, batching, mlir

PROGRAM = """
from functools import partial

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir, xla


def operation(name, fun, abstract_eval, impl=None, many=False, static=()):
    p = Primitive(name)
    p.multiple_results = many
    p.def_impl(impl or jax.jit(fun, static_argnames=static))
    p.def_abstract_eval(abstract_eval)
    mlir.register_lowering(p, mlir.lower_fun(fun, multiple_results=many))
    return p


# As JAX's page on primitives has it: every rule is written out.
mul_add = operation("mul_add", lambda x, y, z: x * y + z, lambda x, y, z: ShapedArray(x.shape, x.dtype))


def mul_add_jvp(primals, tangents):
    x, y, z = primals
    xt, yt, zt = map(ad.instantiate_zeros, tangents)
    return mul_add.bind(x, y, z), mul_add.bind(xt, y, mul_add.bind(x, yt, zt))


def mul_add_transpose(ct, x, y, z):
    if not ad.is_undefined_primal(x):
        return None, ct if type(ct) is ad.Zero else mul_add.bind(x, ct, jnp.zeros_like(ct)), ct
    return ct if type(ct) is ad.Zero else mul_add.bind(ct, y, jnp.zeros_like(ct)), None, ct


def mul_add_batch(args, dims):
    size = next(a.shape[d] for a, d in zip(args, dims) if d is not None)
    return mul_add.bind(*[batching.bdim_at_front(a, d, size) for a, d in zip(args, dims)]), 0


ad.primitive_jvps[mul_add] = mul_add_jvp
ad.primitive_transposes[mul_add] = mul_add_transpose
batching.primitive_batchers[mul_add] = mul_add_batch

# An elementwise one, by the short forms; its implementation is compiled from its lowering.
swish = operation("swish", lambda x, *, beta: x / (1 + jnp.exp(-beta * x)), lambda x, *, beta: ShapedArray(x.shape, x.dtype), 1)
swish.def_impl(partial(xla.apply_primitive, swish))
ad.defjvp2(swish, lambda g, ans, x, *, beta: g * (beta * ans + (1 - beta * ans) / (1 + jnp.exp(-beta * x))))
batching.defvectorized(swish)

# A linear one of several results, with a parameter; and its transpose.
parts = operation(
    "parts", lambda x, *, at: [x[:at], x[at:]],
    lambda x, *, at: [ShapedArray((at,), x.dtype), ShapedArray((x.shape[0] - at,), x.dtype)], many=True, static=("at",),
)
ad.deflinear2(parts, lambda cts, x, *, at: [jnp.concatenate(list(map(ad.instantiate_zeros, cts)))])


def parts_batch(axis, args, dims, *, at):
    (x,), (d,) = args, dims
    if d is None:  # JAX asks a fancy rule also where nothing is mapped.
        return parts.bind(x, at=at), [None, None]
    assert x.shape[d] == axis.size
    x = jnp.moveaxis(x, d, -1)
    return [x[:at], x[at:]], [1, 1]


batching.fancy_primitive_batchers[parts] = parts_batch

# A bilinear one, of broadcasting arguments.
outer = operation("outer", lambda x, y: x[:, None] * y[None, :], lambda x, y: ShapedArray((x.shape[0], y.shape[0]), x.dtype))
ad.defbilinear(outer, lambda ct, x, y: ct @ y, lambda ct, x, y: x @ ct)


def outer_batch(args, dims):
    x, y = (a if d is None else jnp.moveaxis(a, d, 0) for a, d in zip(args, dims))
    return x[..., :, None] * y[..., None, :], 0


batching.primitive_batchers[outer] = outer_batch

# An implementation that uses what only arrays of JAX have.
first_doubled = operation(
    "first_doubled", lambda x: x.at[0].multiply(2), lambda x: x, impl=lambda x: x.at[0].multiply(2)
)
ad.deflinear(first_doubled, lambda ct: [first_doubled.bind(ct)])
batching.primitive_batchers[first_doubled] = lambda args, dims: (
    jnp.moveaxis(args[0], dims[0], -1).at[0].multiply(2), args[0].ndim - 1,
)


def f(x, y):
    a, b = parts.bind(mul_add.bind(x, y, swish.bind(y, beta=1.5)), at=2)
    return jnp.sum(jnp.sin(outer.bind(a, first_doubled.bind(b))), 1)


x, y = jnp.linspace(-1.0, 1.0, 5), jnp.linspace(0.5, 2.0, 5)
xs, ys = jnp.stack([x, 2 * x, x - 1]), jnp.stack([y, y + 1, y * 2], 1)
loss = lambda x, y: jnp.sum(f(x, y) ** 2)
programs = {
    "eager": (f, (x, y)),
    "jvp": (lambda x, y: jax.jvp(f, (x, y), (y, x)), (x, y)),
    "grad": (jax.grad(loss, (0, 1)), (x, y)),
    "vmap": (jax.vmap(f, (0, 1)), (xs, ys)),
    "vmap of one": (jax.vmap(f, (None, 1)), (x, ys)),
    "gradients of a batch": (jax.vmap(jax.grad(loss, (0, 1)), (0, 1)), (xs, ys)),
    "gradient of a batch": (jax.grad(lambda x, ys: jnp.sum(jax.vmap(loss, (None, 1))(x, ys)), (0, 1)), (x, ys)),
    "hessian": (jax.hessian(loss), (x, y)),
    "scan": (lambda x, ys: jax.lax.scan(lambda c, y: (c + f(x, y)[0], f(x, y)), 0.0, ys.T), (x, ys)),
    "checkpoint": (jax.grad(jax.checkpoint(loss)), (x, y)),
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    path = tmp_path_factory.mktemp("users") / "program.py"
    path.write_text(PROGRAM)
    with minijax.as_jax():
        ours = runpy.run_path(str(path))
    theirs = runpy.run_path(str(path))
    assert ours["jax"].__name__ == "jax" and ours["jnp"].__name__ == "minijax.numpy" != theirs["jnp"].__name__
    return ours, theirs


NAMES = [
    "eager",
    "jvp",
    "grad",
    "vmap",
    "vmap of one",
    "gradients of a batch",
    "gradient of a batch",
    "hessian",
    "scan",
    "checkpoint",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("compiler", [None, "numpy", "xla"])
@pytest.mark.one_in(32)
def test_the_program_runs_as_on_jax(programs, name, compiler):
    ours, theirs = programs
    assert list(ours["programs"]) == NAMES
    f, args = ours["programs"][name]
    found = f(*args) if compiler is None else minijax.jit(f, compiler=compiler)(*args)
    g, args = theirs["programs"][name]
    leaves, expected = minijax.tree.leaves(found), theirs["jax"].tree.leaves(g(*args))
    assert len(leaves) == len(expected) > 0
    for a, b in zip(leaves, expected, strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_a_program_has_the_lowering_in_place_of_the_primitive(programs):
    ours, _ = programs
    f, args = ours["programs"]["eager"]
    text = minijax.jit(f, compiler="numpy").lower(*args).as_text()
    assert "np.exp" in text and "np.sin" in text and "swish(" not in text and "mul_add(" not in text
    assert [eqn.primitive.name for eqn in minijax.make_jaxpr(f)(*args).eqns][:2] == ["swish", "mul_add"]


# -- The tables --------------------------------------------------------------------------------------------------------


def test_a_table_is_a_view_of_the_rows():
    p = Primitive("viewed")
    tables = {
        "jvp": ad.primitive_jvps,
        "transpose": ad.primitive_transposes,
        "batch": batching.fancy_primitive_batchers,
    }
    for kind, table in tables.items():
        assert p not in table and table.get(p) is None
        with pytest.raises(KeyError):
            table[p]
        with pytest.raises(KeyError):
            del table[p]
        rule = lambda *args, **params: None
        table[p] = rule
        assert table[p] is rule and getattr(p, kind).__wrapped__ is rule and p in table and p in list(table)
        del table[p]
        assert p not in table and p not in list(table)
        setattr(p, kind, rule)
        assert table[p] is rule
        assert table[lax.sin_p if kind != "transpose" else lax.neg_p] is not None and len(table) > 50


def test_a_batch_rule_comes_back_as_it_was_given():
    p, rule = Primitive("given"), lambda args, dims: (args, dims)
    batching.primitive_batchers[p] = rule
    assert batching.primitive_batchers[p] is rule
    assert p.batch is not rule
    x = minijax.numpy.ones((2, 3))
    out, dim = batching.primitive_batchers[lax.sin_p]((x,), (1,))
    assert out.shape == (2, 3) and dim == 1


# -- Faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiler", ["numpy", "xla"])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("many", [False, True])
def test_a_lowering_says_itself_whether_it_returns_a_list(many, listed, compiler):
    """`multiple_results` of `lower_fun` is of the function, whatever the primitive's is."""
    p = Primitive("thrice")
    p.multiple_results = many
    p.def_abstract_eval(lambda x: [x] if many else x)
    mlir.register_lowering(p, mlir.lower_fun(lambda x: [3 * x] if listed else 3 * x, multiple_results=listed))
    found = minijax.jit(p.bind, compiler=compiler)(2.0)
    assert isinstance(found, list) == many and float(found[0] if many else found) == 6.0


def test_a_lowering_of_another_type_than_the_primitive():
    p = Primitive("wrong")
    p.def_abstract_eval(lambda x: x)
    mlir.register_lowering(p, mlir.lower_fun(lambda x: x.sum(), multiple_results=False))
    for compiler in ("numpy", "xla"):
        with pytest.raises(RuleError, match=r"lowering of primitive 'wrong' returned f32\[\], where .* f32\[2\]"):
            minijax.jit(p.bind, compiler=compiler)(np.ones(2, np.float32))


def test_a_lowering_that_writes_mlir():
    p = Primitive("p")
    p.def_abstract_eval(lambda x: x)
    mlir.register_lowering(p, lambda ctx, x: [x])
    for compiler in ("numpy", "xla"):
        with pytest.raises(TypeError, match="register mlir.lower_fun"):
            minijax.jit(p.bind, compiler=compiler)(1.0)
    with pytest.raises(NotImplementedError, match="unknown platform abacus"):
        mlir.register_lowering(Primitive("p"), mlir.lower_fun(lambda x: x), platform="abacus")


def test_a_lowering_for_a_platform():
    p = Primitive("placed")
    p.def_abstract_eval(lambda x: x)
    mlir.register_lowering(p, mlir.lower_fun(lambda x: 2 * x, multiple_results=False))
    mlir.register_lowering(p, mlir.lower_fun(lambda x: 3 * x, multiple_results=False), platform="tpu")
    assert minijax.jit(p.bind)(2.0) == 4
    mlir.register_lowering(p, mlir.lower_fun(lambda x: 5 * x, multiple_results=False), platform="cpu")
    assert minijax.jit(lambda x: p.bind(x))(2.0) == 10


def test_a_lowering_for_numpy_alone():
    """Such a lowering may call a primitive that has an implementation and a type, and no rules."""
    inner, p = Primitive("inner"), Primitive("outer")
    for each in (inner, p):
        each.def_abstract_eval(lambda x: x)
    inner.def_impl(lambda x: 7 * x)
    mlir.register_lowering(p, mlir.lower_fun(lambda x: 3 * x, multiple_results=False), platform="cpu")
    mlir.register_lowering(p, mlir.lower_fun(inner.bind, multiple_results=False), platform="numpy")
    found = {compiler: float(minijax.jit(p.bind, compiler=compiler)(2.0)) for compiler in ("numpy", "xla")}
    assert found == {"numpy": 14.0, "xla": 6.0}


def test_parameters_that_have_no_hash():
    p = Primitive("listed")
    p.def_abstract_eval(lambda x, *, factors: x)
    mlir.register_lowering(p, mlir.lower_fun(lambda x, *, factors: x * factors[0], multiple_results=False))
    assert minijax.jit(lambda x: p.bind(x, factors=[4.0]))(2.0) == 8


def test_a_missing_transpose_rule():
    with pytest.raises(NotImplementedError, match="Transpose rule"):
        ad.get_primitive_transpose(Primitive("p"))


def test_a_type_that_a_library_registers_is_an_array():
    """TensorFlow Probability does this with its variables."""

    class Variable:
        def __array__(self, dtype=None, copy=None):
            return np.float32([1, 2])

    with pytest.raises(TypeError, match="is not a valid JAX type"):
        minijax.lax.sin(Variable())
    handlers = minijax.interpreters.xla.canonicalize_dtype_handlers
    handlers[Variable] = handlers[np.ndarray]
    try:
        assert minijax.jit(minijax.lax.add)(Variable(), 1.0).tolist() == [2, 3]
        assert minijax.lax.add(Variable(), np.float32([1, 1])).tolist() == [2, 3]
    finally:
        del handlers[Variable]


def test_a_lowering_is_not_called():
    lowering = mlir.lower_fun(lambda x: x, multiple_results=False)
    with pytest.raises(TypeError, match="a lowering is traced, and not called"):
        lowering(None, 1.0)
