"""Pytrees against JAX's: flattening, structure as text, key paths, registration, errors."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

Point = namedtuple("Point", "x y")


class Pair:
    """A container of the user's, registered with both libraries below."""

    def __init__(self, first, second, note="n"):
        self.first, self.second, self.note = first, second, note

    def __eq__(self, other):
        return type(other) is Pair and vars(self) == vars(other)


@dataclasses.dataclass
class Layer:
    w: object
    b: object
    name: str = "layer"


class Vector:
    def __init__(self, values):
        self.values = values

    def tree_flatten(self):
        return tuple(self.values), len(self.values)

    @classmethod
    def tree_unflatten(cls, n, values):
        assert len(values) == n
        return cls(list(values))


class WithKeys(Vector):
    def tree_flatten_with_keys(self):
        return [(lib_keys().SequenceKey(i), v) for i, v in enumerate(self.values)], len(self.values)


_current = [mj]


def lib_keys():
    return _current[0].tree_util


for _lib in (mj, jax):
    _lib.tree_util.register_pytree_node(Pair, lambda p: ((p.first, p.second), p.note), lambda n, c: Pair(*c, n))
    _lib.tree_util.register_dataclass(Layer, data_fields=["w", "b"], meta_fields=["name"])
    _lib.tree_util.register_pytree_node_class(Vector)
    _lib.tree_util.register_pytree_with_keys_class(WithKeys)

TREES = {
    "leaf": 1,
    "None": None,
    "tuple": (1, (2, ()), [3]),
    "dict": {"b": 1, "a": {"z": 2, "y": None}},
    "int keys": {3: 1, 1: 2},
    "OrderedDict": OrderedDict(b=1, a=2),
    "defaultdict": defaultdict(list, {"b": 1, "a": 2}),
    "namedtuple": Point(1, [2, Point(3, None)]),
    "deque": deque([1, 2]),
    "Pair": Pair(1, {"a": 2}),
    "dataclass": Layer([1, 2], None, "first"),
    "class": [Vector([1, 2]), Vector([])],
    "with keys": WithKeys([1, (2, 3)]),
    "string leaf": ["a", ("b",)],
}


@pytest.fixture(params=TREES)
def tree(request):
    return TREES[request.param]


def text(treedef) -> str:
    return str(treedef)


def test_flatten_and_unflatten(tree):
    mine, my_def = mj.tree.flatten(tree)
    theirs, their_def = jax.tree.flatten(tree)
    assert mine == theirs
    assert text(my_def) == text(their_def)
    assert (my_def.num_leaves, my_def.num_nodes) == (their_def.num_leaves, their_def.num_nodes)
    rebuilt = mj.tree.unflatten(my_def, mine)
    assert mj.tree.leaves(rebuilt) == mine and mj.tree.structure(rebuilt) == my_def
    assert type(rebuilt) is type(tree)
    assert hash(my_def) == hash(mj.tree.structure(rebuilt))


def test_map(tree):
    doubled = mj.tree.map(lambda x: [x] * 2, tree)
    assert mj.tree.leaves(doubled) == jax.tree.leaves(jax.tree.map(lambda x: [x] * 2, tree))
    assert mj.tree.leaves(mj.tree.map(lambda a, b: (a, b), tree, tree), is_leaf=lambda x: type(x) is tuple) is not None


def test_paths(tree):
    _current[0] = mj
    mine = [(mj.tree_util.keystr(k), v) for k, v in mj.tree.leaves_with_path(tree)]
    _current[0] = jax
    theirs = [(jax.tree_util.keystr(k), v) for k, v in jax.tree.leaves_with_path(tree)]
    _current[0] = mj
    assert mine == theirs


@pytest.mark.parametrize("simple", [False, True])
def test_keystr_options(simple):
    tree = {"a": [1, Point(2, 3)], 4: Layer(5, 6)}
    options = {"simple": simple, "separator": "/"}
    mine = [mj.tree_util.keystr(k, **options) for k, _ in mj.tree.leaves_with_path({"a": tree["a"], "b": tree[4]})]
    theirs = [jax.tree_util.keystr(k, **options) for k, _ in jax.tree.leaves_with_path({"a": tree["a"], "b": tree[4]})]
    assert mine == theirs


FUNCTIONS = {
    "is_leaf": lambda lib: lib.tree.leaves([(1, 2), [3]], is_leaf=lambda x: isinstance(x, tuple)),
    "reduce": lambda lib: lib.tree.reduce(lambda a, b: a + b, {"a": 1, "b": (2, 3)}, 10),
    "all": lambda lib: [lib.tree.all([True, {"a": True}]), lib.tree.all([True, {"a": False}]), lib.tree.all([])],
    "transpose": lambda lib: lib.tree.transpose(
        lib.tree.structure([0, 0]), lib.tree.structure({"a": 0, "b": 0}), [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    ),
    "transpose, inner unknown": lambda lib: lib.tree.transpose(lib.tree.structure([0, 0]), None, [(1, 2), (3, 4)]),
    "broadcast": lambda lib: lib.tree.broadcast({"a": 1, "b": 2}, {"a": [0, 0], "b": (0, {"c": 0})}),
    "map_with_path": lambda lib: lib.tree.map_with_path(lambda k, x: (lib.tree_util.keystr(k), x), {"a": [1, 2]}),
    "treedef_tuple": lambda lib: str(lib.tree_util.treedef_tuple([lib.tree.structure(1), lib.tree.structure((1, 2))])),
    "treedef_children": lambda lib: [str(c) for c in lib.tree_util.treedef_children(lib.tree.structure([1, (2, 3)]))],
    "treedef_is_leaf": lambda lib: [lib.tree_util.treedef_is_leaf(lib.tree.structure(t)) for t in (1, (), [1])],
    "all_leaves": lambda lib: [lib.tree_util.all_leaves([1, 2]), lib.tree_util.all_leaves([1, (2,)])],
    "Partial": lambda lib: lib.tree.leaves(lib.tree_util.Partial(max, 1, key=2)),
    "compare": lambda lib: lib.tree.structure([1, 2]) == lib.tree.structure([3, 4]) != lib.tree.structure((3, 4)),
    "reduce_associative": lambda lib: [
        lib.tree.reduce_associative(lambda a, b: f"({a}{b})", list("abcdefghijk")[:n], identity="none")
        for n in range(12)
    ],
    "flatten_one_level": lambda lib: [
        (list(children), data)
        for children, data in map(lib.tree_util.flatten_one_level, [{"b": [1], "a": (2, None)}, None, [1], Point(1, 2)])
    ],
    "flatten_one_level_with_keys": lambda lib: [
        ([(str(key), child) for key, child in children], data)
        for children, data in map(
            lib.tree_util.flatten_one_level_with_keys, [{"b": [1], "a": (2, None)}, None, [1, (2,)]]
        )
    ],
    "is_tree_node": lambda lib: [
        lib.tree_util.is_tree_node(kind)
        for kind in (int, list, dict, Point, type(None), Pair, Layer, str, tuple, object)
    ],
    "default_registry": lambda lib: (
        lib.tree_util.default_registry.flatten({"a": [1, 2]})[0],
        lib.tree_util.default_registry.is_node(list),
        lib.tree_util.default_registry.flatten_one_level(3),
        lib.tree_util.default_registry.flatten_one_level_with_keys(3),
    ),
    "static": lambda lib: (
        dict((found := lib.tree.static(default="add", metadata={"own": 1})).metadata),
        found.default,
    ),
    "map with a deeper second": lambda lib: lib.tree.map(lambda a, b: (a, b), [1, 2], [(3, 4), {"a": 5}]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_equals_jax(name):
    assert FUNCTIONS[name](mj) == FUNCTIONS[name](jax)


ERRORS = {
    "keys": (lambda lib: lib.tree.map(max, {"a": 1}, {"b": 1}), ["'a'", "'b'"]),
    "arity": (lambda lib: lib.tree.map(max, (1, 2), (1, 2, 3)), ["2", "3"]),
    "types": (lambda lib: lib.tree.map(max, [1, 2], (1, 2)), ["[*, *]", "(1, 2)"]),
    "None": (lambda lib: lib.tree.map(max, {"a": None}, {"a": 1}), ["None"]),
    "leaves": (lambda lib: lib.tree.unflatten(lib.tree.structure([1, 2]), [1]), ["2", "1"]),
    "twice": (lambda lib: lib.tree_util.register_pytree_node(Pair, lambda p: (), Pair), ["Pair"]),
    "one level of a leaf": (lambda lib: lib.tree_util.flatten_one_level(3), ["int"]),
    "one level of a leaf, with keys": (lambda lib: lib.tree_util.flatten_one_level_with_keys("a"), ["str"]),
    "nothing to reduce": (lambda lib: lib.tree.reduce_associative(max, []), ["identity"]),
    "unsortable keys": (lambda lib: lib.tree.leaves({1: 1, "a": 2}), ["comparable"]),
    "fields": (
        lambda lib: lib.tree_util.register_dataclass(
            dataclasses.make_dataclass("Short", ["a", "b"]), data_fields=["a"], meta_fields=[]
        ),
        ["b"],
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_is_jaxs_kind_and_names_what_differs(name):
    program, words = ERRORS[name]
    with pytest.raises((ValueError, TypeError)) as theirs:
        program(jax)
    with pytest.raises(type(theirs.value)) as mine:
        program(mj)
    assert [w for w in words if w not in str(mine.value)] == []


def test_containers_cross_the_transformations():
    layer = Layer(np.float32([1.0, 2.0]), Pair(np.float32(3.0), None), "mine")
    gradient = mj.grad(lambda p: (p.w * p.b.first).sum())(layer)
    assert type(gradient) is Layer and gradient.name == "mine" and type(gradient.b) is Pair
    np.testing.assert_allclose(np.asarray(gradient.w), [3.0, 3.0])
    traced = []
    f = mj.jit(lambda p: traced.append(p.name) or p)
    f(layer), f(dataclasses.replace(layer)), f(dataclasses.replace(layer, name="yours"))
    assert traced == ["mine", "yours"]


# TensorFlow Probability's distributions check their parameters when they are made.
def _with_strict_constructor(lib, name):
    class Strict:
        def __init__(self, x):
            if not hasattr(x, "dtype"):
                raise TypeError(f"no array: {x!r}")
            self.x = x

    lib.tree_util.register_pytree_node(Strict, lambda s: ((s.x,), None), lambda _, children: Strict(*children))
    one, lax = Strict(lib.numpy.ones(2)), lib.lax
    programs = {
        "jit": lambda: lib.jit(lambda s: Strict(s.x + 1))(one),
        "jit with donation": lambda: lib.jit(lambda s, t: Strict(s.x + t.x), donate_argnums=0)(Strict(one.x + 0), one),
        "scan": lambda: lax.scan(lambda c, x: (Strict(c.x + x.x), c), one, Strict(lib.numpy.ones((1, 2))))[0],
        "while_loop": lambda: lax.while_loop(lambda s: s.x[0] < 2, lambda s: Strict(s.x + 1), one),
        "cond": lambda: lax.cond(True, lambda s: Strict(s.x + 1), lambda s: s, one),
        "switch": lambda: lax.switch(1, [lambda s: s, lambda s: Strict(s.x + 1)], one),
        "vmap": lambda: Strict(lib.vmap(lambda s: s)(one).x + 1),
        "grad": lambda: lib.grad(lambda s: (s.x * 2).sum())(one),
    }
    return programs[name]().x.tolist()


@pytest.mark.parametrize("name", ["jit", "jit with donation", "scan", "while_loop", "cond", "switch", "vmap", "grad"])
def test_a_constructor_that_takes_arrays_alone(name):
    assert _with_strict_constructor(mj, name) == _with_strict_constructor(jax, name) == [2, 2]


@pytest.mark.filterwarnings("ignore:.*requires ndarray or scalar arguments")
@pytest.mark.parametrize("name", ["shape", "ndim", "size"])
def test_shapes_of_what_is_no_array(name):
    for x in (None, "text", 3, 2.5, [1, 2], object()):
        assert getattr(mj.numpy, name)(x) == getattr(jax.numpy, name)(x)
    with pytest.warns(DeprecationWarning, match=f"^{name} requires ndarray or scalar arguments, got"):
        getattr(mj.numpy, name)(None)


def test_leaves_by_path():
    tree = {"a": [1, (2, 3)], "b": {"c": (4,), "d": None}, "e": ()}

    def found(lib, is_leaf):
        name = lib.tree_util.keystr
        pairs, treedef = lib.tree.flatten_with_path(tree, is_leaf, True)
        mapped = lib.tree.map_with_path(lambda path, x: name(path), tree, is_leaf=is_leaf, is_leaf_takes_path=True)
        same = [(name(p), x) for p, x in lib.tree.leaves_with_path(tree, is_leaf, is_leaf_takes_path=True)]
        return [(name(p), x) for p, x in pairs], str(treedef), mapped, same

    for is_leaf in (None, lambda path, x: len(path) == 1, lambda path, x: len(path) == 2 and x is not None):
        assert found(mj, is_leaf) == found(jax, is_leaf)
