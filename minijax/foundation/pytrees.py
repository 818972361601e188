"""Pytrees: nested containers whose leaves are arrays (JAX: `jax.tree_util`).

A tree is taken apart into a flat list of leaves and a `PyTreeDef`, which remembers the containers. None is a container
without children. What is of no registered type is a leaf.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

# ---------------------------------------------------------------------------------------------------------------------
# Key paths


class SequenceKey(NamedTuple):
    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"


class DictKey(NamedTuple):
    key: Hashable

    def __str__(self) -> str:
        return f"[{self.key!r}]"


class GetAttrKey(NamedTuple):
    name: str

    def __str__(self) -> str:
        return f".{self.name}"


class FlattenedIndexKey(NamedTuple):
    key: int

    def __str__(self) -> str:
        return f"[<flat index {self.key}>]"


def keystr(keys: Sequence, *, simple: bool = False, separator: str = "") -> str:
    """A key path as text.

    >>> keystr((DictKey('a'), SequenceKey(1)))
    "['a'][1]"
    >>> keystr((DictKey('a'), SequenceKey(1)), simple=True, separator='/')
    'a/1'
    """
    return separator.join([str(key[0]) if simple and isinstance(key, tuple) else str(key) for key in keys])


# ---------------------------------------------------------------------------------------------------------------------
# Node types


class NodeType:
    """How the values of one class are taken apart and put together.

    flatten: value -> (children, static data); unflatten: (data, children) -> value; keys: value -> the children's keys.
    """

    __slots__ = ("type", "flatten", "unflatten", "keys")

    def __init__(self, type_, flatten, unflatten, keys=None):
        self.type = type_
        self.flatten = flatten
        self.unflatten = unflatten
        self.keys = keys

    def children_keys(self, value, count: int):
        return [FlattenedIndexKey(i) for i in range(count)] if self.keys is None else list(self.keys(value))


def _sorted_keys(d: dict) -> list:
    try:
        return sorted(d)
    except TypeError:
        raise ValueError(
            f"Comparator raised exception while sorting pytree dictionary keys: {list(d)} are not comparable."
        ) from None


def _sequence_keys(value):
    return [SequenceKey(i) for i in range(len(value))]


def _dict_keys(value):
    return [DictKey(k) for k in _sorted_keys(value)]


def _flatten_dict(d):
    keys = _sorted_keys(d)
    return [d[k] for k in keys], tuple(keys)


_registry: dict[type, NodeType] = {}


def _builtin(type_, flatten, unflatten, keys):
    _registry[type_] = NodeType(type_, flatten, unflatten, keys)


_builtin(tuple, lambda x: (x, None), lambda _, children: tuple(children), _sequence_keys)
_builtin(list, lambda x: (x, None), lambda _, children: list(children), _sequence_keys)
_builtin(dict, _flatten_dict, lambda keys, children: dict(zip(keys, children)), _dict_keys)
_builtin(type(None), lambda x: ((), None), lambda _, children: None, lambda x: ())
_builtin(
    OrderedDict,
    lambda x: (list(x.values()), tuple(x)),
    lambda keys, children: OrderedDict(zip(keys, children)),
    lambda x: [DictKey(k) for k in x],
)
_builtin(
    defaultdict,
    lambda x: (_flatten_dict(x)[0], (x.default_factory, _flatten_dict(x)[1])),
    lambda data, children: defaultdict(data[0], zip(data[1], children)),
    _dict_keys,
)

_namedtuple_type = NodeType(
    tuple,
    lambda x: (x, type(x)),
    lambda cls, children: cls(*children),
    lambda x: [GetAttrKey(name) for name in x._fields],
)


def _node_type(x: Any) -> NodeType | None:
    """The node type of a value; None for a leaf."""
    node = _registry.get(type(x))
    if node is None and isinstance(x, tuple) and hasattr(x, "_fields"):
        return _namedtuple_type
    return node


def _register(nodetype: type, node: NodeType):
    if nodetype in _registry:
        raise ValueError(f"Duplicate custom PyTreeDef type registration for {nodetype}.")
    _registry[nodetype] = node


def register_pytree_node(nodetype: type, flatten_func: Callable, unflatten_func: Callable, flatten_with_keys_func=None):
    """Make a class a container: `flatten_func(x) -> (children, static data)`, `unflatten_func(data, children) -> x`."""
    keys = None
    if flatten_with_keys_func is not None:
        keys = lambda x: [key for key, _ in flatten_with_keys_func(x)[0]]
    _register(nodetype, NodeType(nodetype, flatten_func, unflatten_func, keys))


def register_pytree_node_class(cls: type) -> type:
    """Class decorator: `tree_flatten` and the class method `tree_unflatten` say how (`jax.tree_util`)."""
    register_pytree_node(cls, lambda x: x.tree_flatten(), cls.tree_unflatten)
    return cls


def register_pytree_with_keys(
    nodetype: type, flatten_with_keys: Callable, unflatten_func: Callable, flatten_func: Callable | None = None
):
    """As `register_pytree_node`; `flatten_with_keys(x)` returns ((key, child) pairs, data)."""

    def flatten(x):
        pairs, data = flatten_with_keys(x)
        return [child for _, child in pairs], data

    register_pytree_node(nodetype, flatten_func or flatten, unflatten_func, flatten_with_keys)


def register_pytree_with_keys_class(cls: type) -> type:
    """Class decorator: `tree_flatten_with_keys` and the class method `tree_unflatten` say how."""
    flatten = getattr(cls, "tree_flatten", None)
    register_pytree_with_keys(
        cls,
        lambda x: x.tree_flatten_with_keys(),
        cls.tree_unflatten,
        None if flatten is None else (lambda x: x.tree_flatten()),
    )
    return cls


def register_dataclass(
    nodetype: type,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> type:
    """Make a dataclass a container: `data_fields` are children, `meta_fields` static.

    Without them, fields with `dataclasses.field(metadata=dict(static=True))` are static and the others children.

    >>> @register_dataclass
    ... @dataclasses.dataclass
    ... class Point:
    ...     x: float
    ...     name: str = dataclasses.field(metadata=dict(static=True))
    >>> tree_leaves(Point(1.0, 'p'))
    [1.0]
    """
    if (data_fields is None) != (meta_fields is None):
        raise TypeError(
            "register_dataclass: data_fields and meta_fields must both be specified when either is specified."
        )
    if data_fields is None:
        if not dataclasses.is_dataclass(nodetype):
            raise TypeError(
                "register_dataclass: data_fields and meta_fields are required when nodetype is not a dataclass."
                f" Got {nodetype=}."
            )
        fields = [f for f in dataclasses.fields(nodetype) if f.init]
        data_fields = [f.name for f in fields if not f.metadata.get("static", False)]
        meta_fields = [f.name for f in fields if f.metadata.get("static", False)]
    elif dataclasses.is_dataclass(nodetype):
        init = {f.name for f in dataclasses.fields(nodetype) if f.init}
        given = {*data_fields, *meta_fields, *drop_fields}
        if missing := init - given:
            raise ValueError(
                f"data_fields and meta_fields must include all dataclass fields with ``init=True``: {sorted(missing)} missing."
            )
        if unexpected := {*data_fields, *meta_fields} - init:
            raise ValueError(
                f"data_fields and meta_fields must only name dataclass fields with ``init=True``: {sorted(unexpected)} unexpected."
            )
    data_fields, meta_fields = tuple(data_fields), tuple(meta_fields)

    def flatten(x):
        return [getattr(x, name) for name in data_fields], tuple([getattr(x, name) for name in meta_fields])

    def unflatten(meta, children):
        return nodetype(**dict(zip(meta_fields, meta)), **dict(zip(data_fields, children)))

    _register(nodetype, NodeType(nodetype, flatten, unflatten, lambda x: [GetAttrKey(name) for name in data_fields]))
    return nodetype


def register_static(cls: type) -> type:
    """Class decorator: values are containers without children, compared as static data; the class must be hashable."""
    register_pytree_node(cls, lambda x: ((), x), lambda data, _: data)
    return cls


# ---------------------------------------------------------------------------------------------------------------------
# Tree definitions


class PyTreeDef:
    """The containers of a tree. Two are equal when their trees have the same containers with the same static data.

    >>> tree_structure({'a': 1, 'b': (2, None)})
    PyTreeDef({'a': *, 'b': (*, None)})
    """

    __slots__ = ("node", "data", "child_defs", "num_leaves", "_hash")

    def __init__(self, node: NodeType | None, data: Hashable, child_defs: tuple[PyTreeDef, ...]):
        self.node = node
        self.data = data
        self.child_defs = child_defs
        self.num_leaves = 1 if node is None else sum([c.num_leaves for c in child_defs])
        # Made once, on demand: a treedef is the key of jit's cache and is hashed at every call.
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
        """The tree with these leaves."""
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
        """The subtrees of `tree` at this definition's leaves; ValueError where `tree` does not begin so."""
        out: list = []
        self._flatten_up_to(tree, out, ())
        return out

    def _flatten_up_to(self, tree, out: list, path: tuple):
        if self.node is None:
            out.append(tree)
            return
        node = _node_type(tree)
        if node is not self.node:
            raise ValueError(f"Expected {_describe(self)}, got {tree!r}{_at(path)}.")
        children, data = node.flatten(tree)
        children = list(children)
        if len(children) != len(self.child_defs):
            name = _python_type(self).__name__
            raise ValueError(
                f"{name} arity mismatch: {len(children)} != {len(self.child_defs)}; {name}: {tree!r}{_at(path)}."
            )
        if data != self.data:
            what = "Dict key mismatch" if node.type is dict else "Mismatch custom node data"
            given = list(data) if node.type is dict else data
            expected = list(self.data) if node.type is dict else self.data
            raise ValueError(f"{what}; expected {expected}, got {given}{_at(path)}.")
        for key, definition, child in zip(node.children_keys(tree, len(children)), self.child_defs, children):
            definition._flatten_up_to(child, out, (*path, key))

    def compose(self, inner: PyTreeDef) -> PyTreeDef:
        """This definition with `inner` in the place of every leaf."""
        if self.node is None:
            return inner
        return PyTreeDef(self.node, self.data, tuple([c.compose(inner) for c in self.child_defs]))

    def walk(self, f_node: Callable, f_leaf: Callable | None, leaves: Iterable):
        """Fold the tree: `f_leaf(leaf)` for leaves, `f_node(folded children, data)` for containers."""

        def fold(definition, leaves):
            if definition.node is None:
                leaf = next(leaves)
                return leaf if f_leaf is None else f_leaf(leaf)
            return f_node(tuple([fold(c, leaves) for c in definition.child_defs]), definition.data)

        return fold(self, iter(leaves))

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
            self._hash = hash((id(self.node), self.data, self.child_defs))
        return self._hash

    def __reduce__(self):
        return _rebuild, (self.unflatten([_Placeholder()] * self.num_leaves),)

    def __repr__(self) -> str:
        return f"PyTreeDef({_describe(self)})"


def _at(path: tuple) -> str:
    return f" at key path {keystr(path)}" if path else ""


class _Placeholder:
    """The leaf of a treedef's example tree, by which it is pickled."""

    __slots__ = ()


def _rebuild(tree):
    return tree_structure(tree)


def _python_type(definition: PyTreeDef) -> type:
    return definition.data if definition.node is _namedtuple_type else definition.node.type


def _describe(definition: PyTreeDef) -> str:
    if definition.node is None:
        return "*"
    inner = [_describe(c) for c in definition.child_defs]
    kind, data = definition.node.type, definition.data
    if definition.node is _namedtuple_type:
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
_NONE = PyTreeDef(_registry[type(None)], None, ())
_EMPTY_DICT = PyTreeDef(_registry[dict], (), ())


# ---------------------------------------------------------------------------------------------------------------------
# Functions


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, PyTreeDef]:
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
    node = _registry.get(type(tree)) or _node_type(tree)
    if node is None:
        leaves.append(tree)
        return _LEAF
    children, data = node.flatten(tree)
    if not children:
        # Every call flattens an empty dict of keyword arguments.
        if node is _NONE.node:
            return _NONE
        if data == () and node is _EMPTY_DICT.node:
            return _EMPTY_DICT
    return PyTreeDef(node, data, tuple([_flatten(c, leaves, is_leaf) for c in children]))


def tree_unflatten(treedef: PyTreeDef, leaves: Iterable) -> Any:
    """The tree of a treedef with these leaves."""
    return treedef.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list:
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> PyTreeDef:
    return tree_flatten(tree, is_leaf)[1]


def tree_map(f: Callable, tree: Any, *rest: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Apply `f` to the leaves of one tree, or to the matching leaves of several; the first gives the structure.

    >>> tree_map(lambda x, y: x + y, {'a': 1}, {'a': 10})
    {'a': 11}
    """
    leaves, treedef = tree_flatten(tree, is_leaf)
    others = [treedef.flatten_up_to(r) for r in rest]
    return treedef.unflatten([f(*xs) for xs in zip(leaves, *others)])


_NO_INITIAL = object()


def tree_reduce(function: Callable, tree: Any, initializer: Any = _NO_INITIAL, is_leaf=None) -> Any:
    leaves = tree_leaves(tree, is_leaf)
    if initializer is _NO_INITIAL:
        return functools.reduce(function, leaves)
    return functools.reduce(function, leaves, initializer)


def tree_all(tree: Any, *, is_leaf=None) -> bool:
    return all(tree_leaves(tree, is_leaf))


def all_leaves(iterable: Iterable, is_leaf=None) -> bool:
    """Whether none of the elements is a container."""
    return all(_node_type(x) is None or (is_leaf is not None and is_leaf(x)) for x in iterable)


def treedef_tuple(treedefs: Iterable[PyTreeDef]) -> PyTreeDef:
    return PyTreeDef(_registry[tuple], None, tuple(treedefs))


def treedef_children(treedef: PyTreeDef) -> list[PyTreeDef]:
    return treedef.children()


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
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
    """The leaf of `prefix_tree` that stands above each leaf of `full_tree`."""
    result: list = []
    prefix_leaves, prefix_def = tree_flatten(prefix_tree, is_leaf)
    for leaf, subtree in zip(prefix_leaves, prefix_def.flatten_up_to(full_tree)):
        result.extend([leaf] * tree_structure(subtree).num_leaves)
    return result


def tree_broadcast(prefix_tree: Any, full_tree: Any, is_leaf=None) -> Any:
    """`prefix_tree` with its leaves repeated to the structure of `full_tree`."""
    return tree_unflatten(tree_structure(full_tree), broadcast_prefix(prefix_tree, full_tree, is_leaf))


def flatten_axes(name: str, treedef: PyTreeDef, axis_tree: Any) -> list:
    """The axis (an int, or None) of each leaf of `treedef`, from a prefix of it with axes for leaves.

    None in the prefix means "no axis" for all leaves below it.
    """
    marker = object()
    dummy = treedef.unflatten([marker] * treedef.num_leaves)
    axes: list = []

    def collect(prefix, full):
        if prefix is None or _node_type(prefix) is None:
            axes.extend([prefix] * tree_structure(full).num_leaves)
            return
        children, definition = _one_level(prefix)
        for child, subtree in zip(children, definition.flatten_up_to(full), strict=True):
            collect(child, subtree)

    try:
        collect(axis_tree, dummy)
    except ValueError as error:
        raise ValueError(
            f"{name} specification must be a tree prefix of the corresponding value, got specification {axis_tree!r} for value"
            f" tree {treedef}."
        ) from error
    return axes


def _one_level(tree: Any) -> tuple[list, PyTreeDef]:
    children, data = _node_type(tree).flatten(tree)
    children = list(children)
    return children, PyTreeDef(_node_type(tree), data, (_LEAF,) * len(children))


# -- Key paths of trees


def tree_flatten_with_path(tree: Any, is_leaf=None) -> tuple[list[tuple[tuple, Any]], PyTreeDef]:
    """([(key path, leaf), ...], treedef)."""
    pairs: list = []
    _flatten_with_path(tree, (), pairs, is_leaf)
    return pairs, tree_structure(tree, is_leaf)


def _flatten_with_path(tree, path: tuple, pairs: list, is_leaf):
    node = _node_type(tree)
    if node is None or (is_leaf is not None and is_leaf(tree)):
        pairs.append((path, tree))
        return
    children = list(node.flatten(tree)[0])
    for key, child in zip(node.children_keys(tree, len(children)), children, strict=True):
        _flatten_with_path(child, (*path, key), pairs, is_leaf)


def tree_leaves_with_path(tree: Any, is_leaf=None) -> list[tuple[tuple, Any]]:
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_map_with_path(f: Callable, tree: Any, *rest: Any, is_leaf=None) -> Any:
    """As `tree_map`; `f` gets the key path first."""
    pairs, treedef = tree_flatten_with_path(tree, is_leaf)
    others = [treedef.flatten_up_to(r) for r in rest]
    return treedef.unflatten([f(path, leaf, *xs) for (path, leaf), *xs in zip(pairs, *others)])


class Partial(functools.partial):
    """`functools.partial` as a container: the function is static, the arguments are children.

    >>> tree_leaves(Partial(max, 1, key=None))
    [1]
    """

    def __new__(cls, func, *args, **kwargs):
        # functools.partial merges a partial of a partial; kept apart here, since the inner one is static.
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


__all__ = [
    "DictKey",
    "FlattenedIndexKey",
    "GetAttrKey",
    "Partial",
    "PyTreeDef",
    "SequenceKey",
    "all_leaves",
    "keystr",
    "register_dataclass",
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
    "tree_structure",
    "tree_transpose",
    "tree_unflatten",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
]
