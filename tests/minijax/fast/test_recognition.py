"""A jitted function recognises a call like the latest one: the results equal those of a call that it looks up."""

from __future__ import annotations

import ast
import builtins
from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import minijax as jax
import minijax.numpy as jnp
from minijax.fast.recognition import _Text, builder, recognizer
from minijax.foundation.dataclass_nodes import register_dataclass
from minijax.foundation.pytrees import tree_flatten, tree_leaves, tree_map, tree_structure

Pair = namedtuple("Pair", "a b")


@register_dataclass
@dataclass
class Layer:
    weight: object
    bias: object


@jax.tree_util.register_pytree_node_class
class Scaled:
    def __init__(self, x, by):
        self.x, self.by = x, by

    def tree_flatten(self):
        return (self.x,), self.by

    @classmethod
    def tree_unflatten(cls, by, children):
        return cls(*children, by)


def f32(*shape):
    return jnp.zeros(shape, jnp.float32)


# Arguments, each with similar arguments that must not be recognised as the same.
CALLS = {
    "array": ((f32(3),), {}, [((f32(4),), {}), ((jnp.zeros(3, jnp.int32),), {}), ((), {}), ((f32(3), f32(3)), {})]),
    "weak": ((jnp.asarray(1.0),), {}, [((jnp.float32(1.0),), {}), ((1,), {}), ((True,), {}), ((1j,), {})]),
    "weak integer": ((jnp.asarray(1),), {}, [((1.0,), {}), ((jnp.int32(1),), {}), ((True,), {})]),
    "number": ((f32(),), {}, [((1.0,), {}), ((np.float32(1),), {}), ((np.zeros(()),), {})]),
    "tuple": (
        ((f32(1), f32(2)),),
        {},
        [(([f32(1), f32(2)],), {}), (((f32(1), f32(2), f32(1)),), {}), ((f32(1), f32(2)), {})],
    ),
    "dict": (({"a": f32(1), "b": f32(2)},), {}, [(({"a": f32(1), "c": f32(2)},), {}), (({"a": f32(1)},), {})]),
    "keys": (({(1, 2): f32(1), (2, 3): f32(2)},), {}, [(({(1, 2): f32(1), (2, 4): f32(2)},), {})]),
    "ordered": (
        (OrderedDict(b=f32(1), a=f32(1)),),
        {},
        [((OrderedDict(a=f32(1), b=f32(1)),), {}), (({"a": f32(1), "b": f32(1)},), {})],
    ),
    "keywords": ((f32(1),), {"y": f32(2)}, [((f32(1),), {"z": f32(2)}), ((f32(1), f32(2)), {}), ((f32(1),), {})]),
    "none": ((f32(1), None), {}, [((f32(1), f32(1)), {}), ((f32(1), ()), {})]),
    "empty": (((), [], {}, f32(1)), {}, [(([], [], {}, f32(1)), {}), (((), [], {"a": f32(1)}, f32(1)), {})]),
    "namedtuple": ((Pair(f32(1), f32(2)),), {}, [(((f32(1), f32(2)),), {}), ((Pair(f32(2), f32(1)),), {})]),
    "dataclass": ((Layer(f32(1), f32(2)),), {}, [((Pair(f32(1), f32(2)),), {}), ((Layer(f32(1), None),), {})]),
    "static data": ((Scaled(f32(1), 2),), {}, [((Scaled(f32(1), 3),), {}), ((Scaled(f32(2), 2),), {})]),
    "deep": (
        ({"a": [(f32(1), {"b": None})]}, [Pair(f32(2), [f32(3)])]),
        {},
        [(({"a": [(f32(1), {"b": ()})]}, [Pair(f32(2), [f32(3)])]), {})],
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_recognized(call):
    args, kwargs, others = CALLS[call]
    leaves, in_tree = tree_flatten((args, kwargs))
    recognize = recognizer(in_tree, [x.aval for x in leaves])
    for _ in range(2):
        found = recognize(args, kwargs)
        assert len(found) == len(leaves) and all(a is b for a, b in zip(found, leaves))
    fresh = tree_map(lambda x: x + 0 if x.weak_type else jnp.array(np.asarray(x)), (args, kwargs))
    assert len(recognize(*fresh)) == len(leaves)
    for other in others:
        assert recognize(*other) is None


@pytest.mark.parametrize("call", CALLS)
def test_built(call):
    tree = CALLS[call][:2]
    leaves, treedef = tree_flatten(tree)
    built = builder(treedef)(leaves)
    assert tree_structure(built) == treedef
    assert all(a is b for a, b in zip(tree_leaves(built), leaves))


@pytest.mark.parametrize("name", CALLS)
def test_the_third_call_is_the_first(name):
    """Different calls between recognised calls are answered as usual."""
    args, kwargs, others = CALLS[name]

    @jax.jit
    def f(*args, **kwargs):
        return tree_map(lambda x: x + 1, (args, kwargs))

    def checked(args, kwargs):
        found = f(*args, **kwargs)
        expected = tree_map(lambda x: jnp.asarray(x) + 1, (args, kwargs))
        assert tree_structure(found) == tree_structure(expected)
        for a, b in zip(tree_leaves(found), tree_leaves(expected)):
            assert (a.aval, np.asarray(a).tolist()) == (b.aval, np.asarray(b).tolist())

    known = args, kwargs
    for call in [known, known, known, *[c for other in others for c in (other, known)]]:
        checked(*call)


def test_what_a_program_depends_on_besides_its_arguments():
    ran = []

    @jax.jit
    def f(x):
        ran.append(isinstance(x, jax.core.Tracer))
        return x * 2.5

    x = jnp.float32(1)
    for _ in range(3):
        f(x)
    assert ran == [True]
    with jax.disable_jit():
        f(x)
    jax.config.update("jax_disable_jit", True)
    f(x)
    jax.config.update("jax_disable_jit", False)
    assert ran == [True, False, False]
    with jax.enable_x64():
        assert f(jnp.float64(1)).dtype == np.float64
    assert ran == [True, False, False, True]
    jax.grad(f)(x), jax.vmap(f)(f32(3)), jax.make_jaxpr(f)(x)
    with jax.debug_nans(), pytest.raises(FloatingPointError, match="mul"):
        f(jnp.float32(np.nan))
    assert np.isnan(f(jnp.float32(np.nan)))
    f.clear_cache()
    f(x)
    assert ran == [True, False, False, True, True]


def test_static_arguments_are_looked_up():
    f = jax.jit(lambda x, n: x * n, static_argnums=1)
    x = f32(2) + 1
    assert [float(f(x, n)[0]) for n in (2, 2, 2, 3, 3, 3, 2)] == [2, 2, 2, 3, 3, 3, 2]


def test_python_numbers():
    f = jax.jit(lambda x, rate, n: x * rate + n)
    x = f32(2) + 1
    for rate, n in [(0.5, 1), (0.5, 1), (0.25, 2), (0.125, 3), (1, 1), (0.5, 1.5), (0.5, True), (0.5, 1)]:
        y = f(x, rate, n)
        assert (y.tolist(), y.dtype, y.weak_type) == ([rate + n] * 2, np.float32, False)
    g = jax.jit(lambda x: x)
    for number in (1.0, 1.0, 2.0, np.inf, 1.0):
        assert (float(g(number)), g(number).weak_type) == (number, True)
    with pytest.raises(OverflowError):
        h = jax.jit(lambda n: n + 1)
        h(1), h(2), h(3), h(2**40)


def test_values_and_not_the_call_are_looked_at_anew():
    f = jax.jit(lambda tree: tree["a"] * 2)
    tree = {"a": f32(2)}
    for i in range(4):
        tree["a"] = f32(2) + i
        assert f(tree).tolist() == [2 * i, 2 * i]


# ---------------------------------------------------------------------------------------------------------------------
# Size: the names of variables go on and on, and Python's syntax has limits


def nested(depth, leaf, inside=lambda x: (x,)):
    for _ in range(depth):
        leaf = inside(leaf)
    return leaf


TREES = {
    "wide": [0] * 9_000,
    "wide and nested": [([0], {"a": 0, "b": (0, [0])}) for _ in range(1_100)],
    "none": [None] * 9_000,
}


@pytest.mark.parametrize("name", TREES)
@pytest.mark.one_in(4)
def test_no_variable_hides_what_the_function_uses(name):
    """At 7,545 leaves one of them was called `len`."""
    text = _Text()
    source = text.recognizer(tree_structure(((TREES[name],), {})), [False] * 9_000)
    nodes = list(ast.walk(ast.parse(source)))
    assigned = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    called = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert len(assigned) > 8_900
    assert not assigned & (set(dir(builtins)) | called | set(text.names) | {"args", "kwargs"})


LARGE_CALLS = {
    **{f"{n} leaves": [f32()] * n for n in (1_000, 1_990, 2_000, 8_000, 20_000)},
    **{f"tuples of depth {n}": nested(n, f32()) for n in (40, 50, 90, 101, 199, 201)},
    "lists of depth 201": nested(201, f32(), lambda x: [x]),
    "dictionaries of depth 201": nested(201, f32(), lambda x: {"a": x}),
    "dataclasses of depth 201": nested(201, f32(), lambda x: Layer(x, None)),
    "many empty tuples": [f32(), *[()] * 8_000],
}


@pytest.mark.parametrize("name", LARGE_CALLS)
@pytest.mark.one_in(10)
def test_large_and_deep_calls(name):
    tree = LARGE_CALLS[name]
    f = jax.jit(lambda tree: (tree, tree_leaves(tree)[-1] + 1))
    for _ in range(4):
        back, more = f(tree)
        assert more == 1
        assert tree_structure(back) == tree_structure(tree)


@pytest.mark.long
def test_of_a_hundred_thousand_leaves_nothing_is_written():
    leaves = [f32()] * 100_000
    f = jax.jit(lambda leaves: leaves[0] + 1)
    for _ in range(3):
        assert f(leaves) == 1
    assert getattr(f, "_latest", None) is None
