"""Pytrees: nested containers whose leaves are arrays (JAX: `jax.tree_util`).

Flattening takes a tree apart into a list of leaves and a `PyTreeDef`, which remembers the containers. Values of types that
are not registered are leaves. None is a container without children. `pytree_nodes.py` registers the types.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from .pytree_nodes import (
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    KeyEntry,
    KeyPath,
    NodeType,
    SequenceKey,
    is_tree_node,
    keystr,
    namedtuple_type,
    node_registry,
    node_type,
    register_pytree_node,
    register_pytree_node_class,
    register_pytree_with_keys,
    register_pytree_with_keys_class,
    register_static,
)

# ---------------------------------------------------------------------------------------------------------------------
# Tree definitions


class PyTreeDef:
    """The containers of a tree. Two definitions are equal if their containers have the same types and static data.

    >>> tree_structure({'a': 1, 'b': (2, None)})
    PyTreeDef({'a': *, 'b': (*, None)})
    """

    __slots__ = ("node", "data", "child_defs", "num_leaves", "_hash")

    def __init__(self, node: NodeType | None, data: Hashable, child_defs: tuple[PyTreeDef, ...]):
        self.node = node
        self.data = data
        self.child_defs = child_defs
        self.num_leaves = 1 if node is None else sum([c.num_leaves for c in child_defs])
        # The hash, computed once, when it is needed: a treedef is the key of jit's cache and is hashed at every call.
        self._hash = None

    @property
    def num_nodes(self) -> int:
        return 1 + sum(c.num_nodes for c in self.child_defs)

    def children(self) -> list[PyTreeDef]:
        return list(self.child_defs)

    def node_data(self):
        """(type, static data), or None for a leaf."""
        return None if self.node is None else (_python_type(self), self.data)

    def unflatten(self, leaves: Iterable) -> Any:
        """The tree with the given leaves."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            many = "Too many" if len(leaves) > self.num_leaves else "Too few"
            raise ValueError(
                f"{many} leaves for PyTreeDef; expected {self.num_leaves}, got {len(leaves)}. PyTreeDef is {self}."
            )
        return self._build(iter(leaves))

    def _build(self, leaves) -> Any:
        if self.node is None:
            return next(leaves)
        return self.node.unflatten(self.data, [c._build(leaves) for c in self.child_defs])

    def flatten_up_to(self, tree: Any) -> list:
        """The subtrees of `tree` at this definition's leaves. Raises ValueError unless `tree` begins with this structure."""
        out: list = []
        self._flatten_up_to(tree, out, ())
        return out

    def _flatten_up_to(self, tree, out: list, path: tuple):
        if self.node is None:
            out.append(tree)
            return
        node = node_type(tree)
        if node is not self.node:
            raise ValueError(f"Expected {_describe(self)}, got {tree!r}{_at(path)}.")
        children, data = node.flatten(tree)
        children = list(children)
        if node.type is dict and data != self.data:
            raise ValueError(
                f"Dict key mismatch; expected keys: {list(self.data)}; present keys: {list(data)}{_at(path)}."
            )
        if len(children) != len(self.child_defs):
            name = _python_type(self).__name__
            raise ValueError(
                f"{name} arity mismatch: {len(children)} != {len(self.child_defs)}; {name}: {tree!r}{_at(path)}."
            )
        if data != self.data:
            raise ValueError(f"Mismatch custom node data: {self.data} != {data}; value: {tree!r}{_at(path)}.")
        for key, definition, child in zip(node.children_keys(tree, len(children)), self.child_defs, children):
            definition._flatten_up_to(child, out, (*path, key))

    def compose(self, inner: PyTreeDef) -> PyTreeDef:
        """This definition with every leaf replaced by `inner`."""
        if self.node is None:
            return inner
        return PyTreeDef(self.node, self.data, tuple([c.compose(inner) for c in self.child_defs]))

    def walk(self, f_node: Callable, f_leaf: Callable | None, leaves: Iterable):
        """The tree folded: `f_leaf(leaf)` for leaves, `f_node(folded children, data)` for containers."""
        leaves = iter(leaves)
        if self.node is None:
            leaf = next(leaves)
            return leaf if f_leaf is None else f_leaf(leaf)
        return f_node(tuple([c.walk(f_node, f_leaf, leaves) for c in self.child_defs]), self.data)

    def __eq__(self, other) -> bool:
        if self is other:
            return True
        if not isinstance(other, PyTreeDef):
            return NotImplemented
        return (
            self.node is other.node
            and len(self.child_defs) == len(other.child_defs)
            and self.data == other.data
            and self.child_defs == other.child_defs
        )

    def __hash__(self) -> int:
        if self._hash is None:
            try:
                data = hash(self.data)
            except TypeError:
                # Static data such as a list: trees that differ in it alone are told apart by `==`.
                data = 0
            self._hash = hash((id(self.node), data, self.child_defs))
        return self._hash

    def __reduce__(self):
        return _rebuild, (self.unflatten([_Placeholder()] * self.num_leaves),)

    def __repr__(self) -> str:
        return f"PyTreeDef({_describe(self)})"


def _at(path: tuple) -> str:
    return f" at key path {keystr(path)}" if path else ""


class _Placeholder:
    """The leaf of an example tree: a treedef is pickled as a tree with these leaves."""

    __slots__ = ()


def _rebuild(tree):
    return tree_structure(tree)


def _python_type(definition: PyTreeDef) -> type:
    return definition.data if definition.node is namedtuple_type else definition.node.type


def _describe(definition: PyTreeDef) -> str:
    if definition.node is None:
        return "*"
    inner = [_describe(c) for c in definition.child_defs]
    kind, data = definition.node.type, definition.data
    if definition.node is namedtuple_type:
        return f"CustomNode(namedtuple[{data.__name__}], [{', '.join(inner)}])"
    if kind is tuple:
        return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"
    if kind is list:
        return f"[{', '.join(inner)}]"
    if kind is dict:
        return "{" + ", ".join(f"{k!r}: {c}" for k, c in zip(data, inner)) + "}"
    if kind is type(None):
        return "None"
    return f"CustomNode({kind.__name__}[{data}], [{', '.join(inner)}])"


_LEAF = PyTreeDef(None, None, ())
_NONE = PyTreeDef(node_registry[type(None)], None, ())
_EMPTY_DICT = PyTreeDef(node_registry[dict], (), ())


# ---------------------------------------------------------------------------------------------------------------------
# Functions


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], PyTreeDef]:
    """(leaves, treedef).

    >>> tree_flatten({'a': 1, 'b': [2, 3]})
    ([1, 2, 3], PyTreeDef({'a': *, 'b': [*, *]}))
    """
    leaves: list = []
    return leaves, _flatten(tree, leaves, is_leaf)


def _flatten(tree, leaves: list, is_leaf) -> PyTreeDef:
    if is_leaf is not None and is_leaf(tree):
        leaves.append(tree)
        return _LEAF
    node = node_registry.get(type(tree)) or node_type(tree)
    if node is None:
        leaves.append(tree)
        return _LEAF
    children, data = node.flatten(tree)
    if not children:
        # One definition for all empty dicts: every call flattens an empty dict of keyword arguments.
        if node is _NONE.node:
            return _NONE
        if data == () and node is _EMPTY_DICT.node:
            return _EMPTY_DICT
    return PyTreeDef(node, data, tuple([_flatten(c, leaves, is_leaf) for c in children]))


def tree_unflatten(treedef: PyTreeDef, leaves: Iterable[Any]) -> Any:
    """The tree of a treedef with the given leaves.

    >>> leaves, treedef = tree_flatten({'a': 1, 'b': [2, 3]})
    >>> tree_unflatten(treedef, [10, 20, 30])
    {'a': 10, 'b': [20, 30]}
    """
    return treedef.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves of a tree, in order. is_leaf: what is a leaf besides the values that are no containers.

    >>> tree_leaves({'b': [1, None, 2], 'a': 3})
    [3, 1, 2]
    >>> tree_leaves([(1, 2), (3, 4)], is_leaf=lambda x: isinstance(x, tuple))
    [(1, 2), (3, 4)]
    """
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> PyTreeDef:
    """The treedef of a tree: its containers, without the leaves.

    >>> tree_structure([1, {'a': 2}]) == tree_structure([3, {'a': 4}])
    True
    """
    return tree_flatten(tree, is_leaf)[1]


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """The first tree with each leaf replaced by `f` of it and of the matching leaves of the other trees.

    >>> tree_map(lambda x, y: x + y, {'a': 1}, {'a': 10})
    {'a': 11}
    """
    leaves, treedef = tree_flatten(tree, is_leaf)
    others = [treedef.flatten_up_to(r) for r in rest]
    return treedef.unflatten([f(*xs) for xs in zip(leaves, *others)])


_NO_INITIAL = object()


def tree_reduce(
    function: Callable[..., Any],
    tree: Any,
    initializer: Any = _NO_INITIAL,
    is_leaf: Callable[[Any], bool] | None = None,
) -> Any:
    """The leaves of a tree folded by a function of two arguments, from `initializer` if there is one.

    Raises TypeError for a tree without leaves, and no initializer.

    >>> tree_reduce(lambda total, x: total + x, {'a': 1, 'b': (2, 3)})
    6
    >>> tree_reduce(lambda total, x: total + x, [], 0)
    0
    """
    leaves = tree_leaves(tree, is_leaf)
    if initializer is _NO_INITIAL:
        return functools.reduce(function, leaves)
    return functools.reduce(function, leaves, initializer)


def _combined(operation: Callable[[Any, Any], Any], leaves: list) -> Any:
    half = len(leaves) // 2
    return operation(_combined(operation, leaves[:half]), _combined(operation, leaves[half:])) if half else leaves[0]


def tree_reduce_associative(
    operation: Callable[[Any, Any], Any],
    tree: Any,
    *,
    identity: Any = _NO_INITIAL,
    is_leaf: Callable[[Any], bool] | None = None,
) -> Any:
    """The leaves combined by an associative operation, half with half: the depth is the logarithm of their number.

    identity: the result for a tree without leaves; without it such a tree raises TypeError.

    >>> tree_reduce_associative(lambda a, b: f"({a}{b})", ["a", ("b", "c"), "d"])
    '((ab)(cd))'
    """
    leaves = tree_leaves(tree, is_leaf)
    if not leaves and identity is _NO_INITIAL:
        raise TypeError("Must specify identity for parallel reduction of empty sequence: the tree has no leaves.")
    return _combined(operation, leaves) if leaves else identity


def tree_all(tree: Any, *, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether all leaves of a tree are true.

    >>> tree_all({'a': True, 'b': [1, 2]}), tree_all([True, 0])
    (True, False)
    """
    return all(tree_leaves(tree, is_leaf))


def all_leaves(iterable: Iterable[Any], is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether none of the elements is a container.

    >>> all_leaves([1, 'a']), all_leaves([1, (2, 3)])
    (True, False)
    """
    return all(node_type(x) is None or (is_leaf is not None and is_leaf(x)) for x in iterable)


def treedef_tuple(treedefs: Iterable[PyTreeDef]) -> PyTreeDef:
    """The treedef of a tuple, from those of its elements.

    >>> treedef_tuple([tree_structure(0), tree_structure([0, 0])])
    PyTreeDef((*, [*, *]))
    """
    return PyTreeDef(node_registry[tuple], None, tuple(treedefs))


def treedef_children(treedef: PyTreeDef) -> list[PyTreeDef]:
    """The treedefs of the children of the outermost container.

    >>> treedef_children(tree_structure({'a': 0, 'b': [0, 0]}))
    [PyTreeDef(*), PyTreeDef([*, *])]
    """
    return treedef.children()


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
    """Whether a treedef is that of a single leaf.

    >>> treedef_is_leaf(tree_structure(0)), treedef_is_leaf(tree_structure([0]))
    (True, False)
    """
    return treedef.num_nodes == 1


def tree_transpose(outer_treedef: PyTreeDef, inner_treedef: PyTreeDef | None, pytree_to_transpose: Any) -> Any:
    """A tree of trees turned inside out.

    >>> tree_transpose(tree_structure([0, 0]), tree_structure({'a': 0}), [{'a': 1}, {'a': 2}])
    {'a': [1, 2]}
    """
    leaves, treedef = tree_flatten(pytree_to_transpose)
    if inner_treedef is None:
        inner_treedef = tree_structure(outer_treedef.flatten_up_to(pytree_to_transpose)[0])
    expected = outer_treedef.compose(inner_treedef)
    if treedef != expected:
        raise TypeError(f"Mismatch\n{treedef}\n != \n{expected}")
    inner, outer = inner_treedef.num_leaves, outer_treedef.num_leaves
    subtrees = [outer_treedef.unflatten([leaves[o * inner + i] for o in range(outer)]) for i in range(inner)]
    return inner_treedef.unflatten(subtrees)


def broadcast_prefix(prefix_tree: Any, full_tree: Any, is_leaf=None) -> list:
    """For each leaf of `full_tree`, the leaf of `prefix_tree` that stands above it."""
    result: list = []
    prefix_leaves, prefix_def = tree_flatten(prefix_tree, is_leaf)
    for leaf, subtree in zip(prefix_leaves, prefix_def.flatten_up_to(full_tree)):
        result.extend([leaf] * tree_structure(subtree).num_leaves)
    return result


def tree_broadcast(prefix_tree: Any, full_tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """`prefix_tree` with its leaves repeated to the structure of `full_tree`.

    >>> tree_broadcast({'w': 1, 'b': 2}, {'w': [0, 0], 'b': 0})
    {'b': 2, 'w': [1, 1]}
    """
    return tree_unflatten(tree_structure(full_tree), broadcast_prefix(prefix_tree, full_tree, is_leaf))


def flatten_axes(name: str, treedef: PyTreeDef, axis_tree: Any) -> list:
    """The axis (an int, or None) of each leaf of `treedef`, from a prefix tree whose leaves are axes.

    None in the prefix tree means "no axis" for all leaves below it.
    """
    try:
        return _leaf_axes(axis_tree, treedef)
    except ValueError as error:
        raise ValueError(
            f"{name} specification must be a tree prefix of the corresponding value, got specification {axis_tree!r} for value"
            f" tree {treedef}."
        ) from error


def _leaf_axes(prefix, full: PyTreeDef) -> list:
    # The tree is not put together: a node's constructor may refuse what is no array.
    if prefix is None or node_type(prefix) is None:
        return [prefix] * full.num_leaves
    children, definition = _one_level(prefix)
    if definition.node_data() != full.node_data():
        raise ValueError(f"a node of type {type(prefix)} stands for {full}")
    pairs = zip(children, full.children(), strict=True)
    return [axis for child, subtree in pairs for axis in _leaf_axes(child, subtree)]


def flatten_one_level(tree: Any) -> tuple[Iterable[Any], Hashable]:
    """(the children of a container, its static data). Raises ValueError for a leaf.

    >>> flatten_one_level({"a": [1, 2], "b": {"c": 3}})
    ([[1, 2], {'c': 3}], ('a', 'b'))
    """
    return _node_of(tree).flatten(tree)


def flatten_one_level_with_keys(tree: Any) -> tuple[Iterable[tuple[Any, Any]], Hashable]:
    """((key, child) for each child of a container, its static data). Raises ValueError for a leaf.

    >>> flatten_one_level_with_keys([1, (2, 3)])
    ([(SequenceKey(idx=0), 1), (SequenceKey(idx=1), (2, 3))], None)
    """
    node = _node_of(tree)
    children, data = node.flatten(tree)
    children = list(children)
    return list(zip(node.children_keys(tree, len(children)), children, strict=True)), data


def _node_of(tree: Any) -> NodeType:
    node = node_type(tree)
    if node is None:
        raise ValueError(f"can't tree-flatten type: {type(tree)}")
    return node


class PyTreeRegistry:
    """The registered types, for libraries that ask the registry instead of the functions (`tree_util.default_registry`)."""

    flatten = staticmethod(tree_flatten)
    flatten_one_level = staticmethod(lambda tree: flatten_one_level(tree) if node_type(tree) else None)
    flatten_one_level_with_keys = staticmethod(
        lambda tree: flatten_one_level_with_keys(tree) if node_type(tree) else None
    )
    is_node = staticmethod(is_tree_node)
    register_node = staticmethod(register_pytree_node)


def _one_level(tree: Any) -> tuple[list, PyTreeDef]:
    children, data = node_type(tree).flatten(tree)
    children = list(children)
    return children, PyTreeDef(node_type(tree), data, (_LEAF,) * len(children))


# Key paths of trees


def tree_flatten_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[tuple[Any, ...], Any]], PyTreeDef]:
    """([(key path, leaf), ...], treedef). is_leaf_takes_path: call `is_leaf(path, value)` instead of `is_leaf(value)`.

    >>> pairs, treedef = tree_flatten_with_path({'a': 1, 'b': [2, 3]})
    >>> [(keystr(path), leaf) for path, leaf in pairs]
    [("['a']", 1), ("['b'][0]", 2), ("['b'][1]", 3)]
    """
    pairs: list = []
    asked = is_leaf if is_leaf is None or is_leaf_takes_path else lambda _, x: is_leaf(x)
    return pairs, _flatten_with_path(tree, (), pairs, asked)


def _flatten_with_path(tree, path: tuple, pairs: list, is_leaf) -> PyTreeDef:
    if is_leaf is not None and is_leaf(path, tree):
        pairs.append((path, tree))
        return _LEAF
    node = node_type(tree)
    if node is None:
        pairs.append((path, tree))
        return _LEAF
    children, data = node.flatten(tree)
    children = list(children)
    named = zip(node.children_keys(tree, len(children)), children, strict=True)
    return PyTreeDef(node, data, tuple([_flatten_with_path(x, (*path, key), pairs, is_leaf) for key, x in named]))


def tree_leaves_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> list[tuple[tuple[Any, ...], Any]]:
    """[(key path, leaf), ...] of a tree.

    >>> [keystr(path) for path, _ in tree_leaves_with_path({'a': 1, 'b': [2, 3]})]
    ["['a']", "['b'][0]", "['b'][1]"]
    """
    return tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def tree_map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """As `tree_map`; `f` gets the key path first.

    >>> tree_map_with_path(lambda path, x: f'{keystr(path)} is {x}', {'a': 1, 'b': [2]})
    {'a': "['a'] is 1", 'b': ["['b'][0] is 2"]}
    """
    pairs, treedef = tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    others = [treedef.flatten_up_to(r) for r in rest]
    return treedef.unflatten([f(path, leaf, *xs) for (path, leaf), *xs in zip(pairs, *others)])


class Partial(functools.partial):
    """`functools.partial` as a container: the function is static, the arguments are children.

    >>> tree_leaves(Partial(max, 1, key=None))
    [1]
    """

    def __new__(cls, func, *args, **kwargs):
        # functools.partial would merge a partial of a partial, but the inner one is static: a function hides it.
        if isinstance(func, functools.partial) and not isinstance(func, Partial):
            original = func

            def func(*args, **kwargs):
                return original(*args, **kwargs)

        return super().__new__(cls, func, *args, **kwargs)


register_pytree_with_keys(
    Partial,
    lambda p: (((GetAttrKey("args"), p.args), (GetAttrKey("keywords"), p.keywords)), p.func),
    lambda func, children: Partial(func, *children[0], **children[1]),
)

default_registry = PyTreeRegistry()

__all__ = [
    "DictKey",
    "FlattenedIndexKey",
    "GetAttrKey",
    "KeyEntry",
    "KeyPath",
    "Partial",
    "PyTreeDef",
    "SequenceKey",
    "all_leaves",
    "default_registry",
    "flatten_one_level",
    "flatten_one_level_with_keys",
    "is_tree_node",
    "keystr",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_pytree_with_keys",
    "register_pytree_with_keys_class",
    "register_static",
    "tree_all",
    "tree_broadcast",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_with_path",
    "tree_reduce",
    "tree_reduce_associative",
    "tree_structure",
    "tree_transpose",
    "tree_unflatten",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
]
