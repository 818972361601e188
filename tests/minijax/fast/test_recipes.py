"""The fast path of `grad` computes to the last bit what the slow one does: over the table of operations, and over programs
that only partly have recipes."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from modes import loss, mode
from op_table import OPS, arrays

import minijax as mj
import minijax.lax
import minijax.numpy as jnp
from minijax.core.primitive import Primitive
from minijax.fast import recipes
from minijax.primitives.basis import registry

SMOOTH = [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(OPS) if op.smooth]


def by_rules(function, *args):
    """The function's result without recipes."""
    with mode(fast=False):
        return function(*args)


def by_recipes(function, *args):
    """The function's result when every operation has a recipe."""
    recipes.recipes().clear()
    for _ in range(4):  # An inner `jit` is traced the first time, and not the second time.
        function(*args)
    made = len(recipes.recipes())
    result = function(*args)
    assert len(recipes.recipes()) == made
    return result


def assert_same_bits(found, expected):
    for a, b in zip(mj.tree.leaves(found), mj.tree.leaves(expected), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def assert_same_jaxpr(found, expected):
    """The same text, and the same places in the user's program."""
    assert str(found) == str(expected)
    for a, b in zip(found.eqns, expected.eqns, strict=True):
        assert str(a.source_info) == str(b.source_info) and a.origin.is_result == b.origin.is_result


@pytest.mark.parametrize("op", SMOOTH)
@pytest.mark.one_in(96)
def test_every_operation(op):
    for dtype in [d for d in op.dtypes if np.dtype(d).kind in "fc"]:
        args = arrays(op, dtype, np.random.default_rng(3))
        f, smooth = loss(op, args)
        gradient = mj.value_and_grad(f, argnums=tuple(range(len(smooth))))
        assert_same_bits(by_recipes(gradient, *smooth), by_rules(gradient, *smooth))
        traced = mj.make_jaxpr(gradient)
        assert_same_jaxpr(by_recipes(traced, *smooth), by_rules(traced, *smooth))


def test_most_operations_have_recipes():
    """Recipes are used: otherwise the tests above would compare the slow path with itself."""
    recipes.recipes().clear()
    for op in [p.values[0] for p in SMOOTH]:
        f, smooth = loss(op, arrays(op, op.dtypes[0], np.random.default_rng(3)))
        for _ in range(2):
            mj.grad(f, argnums=tuple(range(len(smooth))))(*smooth)
    with_recipe = {key[0].name for key, found in recipes.recipes().items() if type(found) is recipes.Recipe}
    assert {"sin", "mul", "add", "dot_general", "reduce_sum", "transpose", "gather", "select_n", "pow"} <= with_recipe
    assert len(with_recipe) > 60


def network(lib):
    def f(parameters, x):
        for w, b in parameters:
            x = lib.tanh(x @ w + b)
        return lib.sum(x * x)

    return f


def parameters(layers: int, dtype="float32"):
    rng = np.random.default_rng(0)
    return [
        (jnp.asarray(rng.normal(size=(4, 4)), dtype), jnp.asarray(rng.normal(size=4), dtype)) for _ in range(layers)
    ]


def scanned(parameters, x):
    """Operations with recipes and some without: `scan`, a custom derivative, another `grad`, `vmap`, `jit`."""
    stacked = mj.tree.map(lambda *xs: jnp.stack(xs), *parameters)
    y, _ = mj.lax.scan(lambda x, layer: (mj.nn.relu(x @ layer[0] + layer[1]), None), x, stacked)
    inner = mj.grad(lambda z: jnp.sum(jnp.sin(z) * x * z))(y)
    mapped = mj.vmap(mj.grad(lambda row: jnp.sum(row**3)))(y)
    return jnp.sum(inner * mapped) + mj.jit(lambda z: jnp.max(jnp.where(z > 0, z, -z)))(y)


PROGRAMS = [pytest.param(network(jnp), id="network"), pytest.param(scanned, id="scanned")]


@pytest.mark.parametrize("f", PROGRAMS)
@pytest.mark.one_in(7)
def test_programs(f):
    x = jnp.linspace(-1, 1, 12).reshape(3, 4)
    for gradient in (mj.value_and_grad(f), mj.grad(f, argnums=(0, 1)), mj.jit(mj.grad(f)), mj.grad(mj.jit(f))):
        found = by_recipes(gradient, parameters(3), x)
        mj.clear_caches()
        assert_same_bits(found, by_rules(gradient, parameters(3), x))
    traced = mj.make_jaxpr(mj.grad(f))
    assert_same_jaxpr(by_recipes(traced, parameters(3), x), by_rules(traced, parameters(3), x))


def test_auxiliary_data_and_constant_results():
    def f(x, i):
        y = jnp.sin(x) * 2
        return jnp.sum(jnp.floor(y) + x[i]), (y, jnp.argmax(y), "text")

    x = jnp.linspace(-1, 1, 4)
    for gradient in (mj.grad(f, has_aux=True), mj.value_and_grad(f, argnums=(0, 1), has_aux=True, allow_int=True)):
        found = by_recipes(gradient, x, 2)
        expected = by_rules(gradient, x, 2)
        assert str(found) == str(expected)


def test_weak_types_and_python_numbers():
    def f(x, y):
        return (x**2 * 3 + 1.5 / x) * jnp.sum(y) + jnp.float32(2) * x

    for x in (2.0, jnp.float32(2), np.float16(2)):
        gradient = mj.value_and_grad(f, argnums=(0, 1))
        assert_same_bits(by_recipes(gradient, x, jnp.ones(3)), by_rules(gradient, x, jnp.ones(3)))
        traced = mj.make_jaxpr(gradient)
        assert_same_jaxpr(by_recipes(traced, x, jnp.ones(3)), by_rules(traced, x, jnp.ones(3)))


def test_arrays_of_many_types_one_after_another():
    gradient = mj.grad(lambda x, y: jnp.sum(jnp.sin(x * y)) * 1.0)
    for shapes in (((2, 3), (3,)), ((3,), (2, 3)), ((1, 3), (2, 1)), ((0, 3), (3,)), ((), (2,)), ((3,), (2, 3))):
        for dtype in ("float32", "float16"):
            args = [jnp.asarray(np.cos(np.arange(np.prod(s))).reshape(s).astype(dtype)) for s in shapes]
            assert_same_bits(by_recipes(gradient, *args), by_rules(gradient, *args))
    with mj.enable_x64():
        assert gradient(jnp.ones(3), jnp.ones(3)).dtype == "float64"
    assert gradient(jnp.ones(3), jnp.ones(3)).dtype == "float32"


def test_a_users_rules_may_look_at_values():
    """A user's primitive gets no recipe: only the package's own rules are known to read nothing but types."""
    p = Primitive("sign_of_its_own")
    p.def_impl(lambda x: x)
    p.def_abstract_eval(lambda x: x)
    p.jvp = lambda primals, tangents: (p.bind(*primals), tangents[0] * (1.0 if primals[0] > 0 else -1.0))
    gradients = [float(mj.grad(lambda x: p.bind(x) * 2)(x)) for x in (1.0, -1.0, 1.0, -1.0, 3.0)]
    assert gradients == [2, -2, 2, -2, 2]


@pytest.mark.parametrize("rule", ["jvp", "transpose", "impl"])
def test_another_rule_makes_other_recipes(rule, monkeypatch):
    gradient = mj.grad(lambda x: jnp.sum(x * x * 3))
    x = jnp.arange(3.0)
    right = np.asarray(by_recipes(gradient, x))
    mul = registry["mul"]
    wrong = {
        "jvp": lambda primals, tangents: (mul.bind(*primals), mul.bind(tangents[0], primals[1])),
        "transpose": lambda ct, x, y: (
            [mul.bind(ct, y), None] if hasattr(x, "aval") and not hasattr(x, "dtype") else [None, ct]
        ),
        "impl": lambda x, y: np.multiply(x, y) + np.float32(1),
    }[rule]
    with monkeypatch.context() as m:
        m.setattr(mul, rule, wrong)
        assert (np.asarray(gradient(x)) != right).any()
        assert (np.asarray(gradient(x)) != right).any()
    np.testing.assert_array_equal(np.asarray(gradient(x)), right)


def test_parameters_that_cannot_be_hashed():
    gradient = mj.grad(lambda x: jnp.sum(registry["transpose"].bind(x * x, permutation=[1, 0])))
    for _ in range(3):
        np.testing.assert_array_equal(np.asarray(gradient(jnp.arange(3.0).reshape(1, 3))), [[0, 2, 4]])


def test_errors_are_those_of_the_rules():
    """The error is raised every time that the operation runs, with the line of the operation."""

    def f(x):
        return mj.lax.zeta(x, 2.0)

    texts = []
    for _ in range(3):
        with pytest.raises(NotImplementedError, match="derivative of the zeta function") as error:
            mj.grad(f)(2.0)
        texts.append(str(error.value) + str(getattr(error.value, "__notes__", "")))
    assert len(set(texts)) == 1 and "test_recipes.py" in texts[0]


def test_the_way_back_lets_go_of_what_it_has_used():
    """The walk back releases residuals: otherwise all residuals of a long program would live until its end."""
    alive = []

    @mj.custom_vjp
    def watch(x):
        return x

    kept: list = []

    def backward(_, ct):
        gc.collect()
        alive.append(sum(ref() is not None for ref in kept))
        return (ct,)

    watch.defvjp(lambda x: (x, None), backward)

    def f(x):
        for _ in range(4):
            x = jnp.sin(watch(x))
        return jnp.sum(x)

    cos = registry["cos"].impl
    with pytest.MonkeyPatch.context() as m:

        def remembered(x):
            y = np.ndarray.__new__(Watched, x.shape, x.dtype)
            y[...] = cos(x)
            kept.append(weakref.ref(y))
            return y

        m.setattr(registry["cos"], "impl", remembered)
        # What a user assigns is kept apart from the memory of arrays, by copies: this one is to give the arrays themselves.
        m.setitem(vars(registry["cos"]), "impl", remembered)
        gradient = mj.grad(f)
        gradient(jnp.ones(3)), gradient(jnp.ones(3))
        del alive[:], kept[:]
        gradient(jnp.ones(3))
    assert alive == [3, 2, 1, 0]


class Watched(np.ndarray):
    """NumPy's own arrays take no weak references."""


def test_no_tracer_is_kept():
    gradient = mj.grad(lambda x: jnp.sum(jnp.sin(x @ x) * 2))
    with mj.checking_leaks():
        recipes.recipes().clear()
        results = [np.asarray(gradient(jnp.eye(2))).tolist() for _ in range(3)]
    assert results[0] == results[1] == results[2]


def test_the_table_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(recipes, "MAXIMUM", 20)
    for n in range(1, 12):
        for _ in range(2):
            mj.grad(lambda x: jnp.sum(jnp.sin(x) * x))(jnp.ones(n))
    assert 0 < len(recipes.recipes()) <= 20


def test_parameters_that_are_equal_are_not_the_same():
    x, outside = jnp.arange(3.0), jnp.array([5])
    values = (0.0, 0.0, 0.0, -0.0, -0.0, 0, 0, 0, 0.0, False, -0.0)

    def signed(x, fill):
        y = jnp.take(x, outside, mode="fill", fill_value=fill)
        return jnp.copysign(1.0, y).sum() + y.sum()

    assert [float(mj.value_and_grad(signed)(x, fill)[0]) for fill in values] == [np.copysign(1, v) for v in values]
