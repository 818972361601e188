"""The types whose instances are nodes of pytrees, and the key paths that lead to their children."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, TypeVar

# ---------------------------------------------------------------------------------------------------------------------
# Key paths


class SequenceKey(NamedTuple):
    """An item of a list or tuple in a key path; `idx` is its position.

    >>> str(SequenceKey(2))
    '[2]'
    """

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"


class DictKey(NamedTuple):
    """An item of a dict in a key path; `key` is its key.

    >>> str(DictKey('w'))
    "['w']"
    """

    key: Hashable

    def __str__(self) -> str:
        return f"[{self.key!r}]"


class GetAttrKey(NamedTuple):
    """An attribute in a key path; `name` is its name.

    >>> str(GetAttrKey('w'))
    '.w'
    """

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


class FlattenedIndexKey(NamedTuple):
    """A child of a container without names, in a key path; `key` is its position.

    >>> str(FlattenedIndexKey(2))
    '[<flat index 2>]'
    """

    key: int

    def __str__(self) -> str:
        return f"[<flat index {self.key}>]"


# One key of a path, and a path: types for annotations.
KeyEntry = TypeVar("KeyEntry", bound=Hashable)
KeyPath = tuple[KeyEntry, ...]


def keystr(keys: Sequence[Any], *, simple: bool = False, separator: str = "") -> str:
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
    """The functions that take values of one class apart and put them together.

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


node_registry: dict[type, NodeType] = {}


def _builtin(type_, flatten, unflatten, keys):
    node_registry[type_] = NodeType(type_, flatten, unflatten, keys)


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

namedtuple_type = NodeType(
    tuple,
    lambda x: (x, type(x)),
    lambda cls, children: cls(*children),
    lambda x: [GetAttrKey(name) for name in x._fields],
)


def node_type(x: Any) -> NodeType | None:
    """The node type of a value; None for a leaf."""
    node = node_registry.get(type(x))
    if node is None and isinstance(x, tuple) and hasattr(x, "_fields"):
        return namedtuple_type
    return node


def is_tree_node(typ: type) -> bool:
    """Whether the instances of a class are containers: the class is registered, or is a namedtuple.

    >>> is_tree_node(dict), is_tree_node(float)
    (True, False)
    """
    return typ in node_registry or (issubclass(typ, tuple) and hasattr(typ, "_fields"))


def register(nodetype: type, node: NodeType):
    if nodetype in node_registry:
        raise ValueError(f"Duplicate custom PyTreeDef type registration for {nodetype}.")
    node_registry[nodetype] = node


def register_pytree_node(
    nodetype: type[Any],
    flatten_func: Callable[..., Any],
    unflatten_func: Callable[..., Any],
    flatten_with_keys_func: Callable[..., Any] | None = None,
) -> None:
    """Make a class a container, by `flatten_func(x) -> (children, static data)` and `unflatten_func(data, children) -> x`.

    >>> from minijax import tree
    >>> class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    >>> register_pytree_node(Pair, lambda p: ((p.a, p.b), None), lambda _, children: Pair(*children))
    >>> tree.leaves(Pair(1, [2, 3]))
    [1, 2, 3]
    """
    keys = None
    if flatten_with_keys_func is not None:
        keys = lambda x: [key for key, _ in flatten_with_keys_func(x)[0]]
    register(nodetype, NodeType(nodetype, flatten_func, unflatten_func, keys))


def register_pytree_node_class(cls: type[Any]) -> type[Any]:
    """Class decorator: make the class a container, by its methods `tree_flatten` and `tree_unflatten` (`jax.tree_util`).

    >>> from minijax import tree
    >>> @register_pytree_node_class
    ... class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    ...     def tree_flatten(self):
    ...         return (self.a, self.b), None
    ...     @classmethod
    ...     def tree_unflatten(cls, _, children):
    ...         return cls(*children)
    >>> tree.map(lambda x: 2 * x, Pair(1, 2)).b
    4
    """
    register_pytree_node(cls, lambda x: x.tree_flatten(), cls.tree_unflatten)
    return cls


def register_pytree_with_keys(
    nodetype: type[Any],
    flatten_with_keys: Callable[..., Any],
    unflatten_func: Callable[..., Any],
    flatten_func: Callable[..., Any] | None = None,
) -> None:
    """As `register_pytree_node`; `flatten_with_keys(x)` returns ((key, child) pairs, data).

    >>> from minijax import tree
    >>> class Box:
    ...     def __init__(self, x):
    ...         self.x = x
    >>> register_pytree_with_keys(Box, lambda b: ([(GetAttrKey('x'), b.x)], None), lambda _, children: Box(*children))
    >>> [keystr(path) for path, _ in tree.leaves_with_path([Box(1)])]
    ['[0].x']
    """

    def flatten(x):
        pairs, data = flatten_with_keys(x)
        return [child for _, child in pairs], data

    register_pytree_node(nodetype, flatten_func or flatten, unflatten_func, flatten_with_keys)


def register_pytree_with_keys_class(cls: type[Any]) -> type[Any]:
    """Class decorator: make the class a container, by its methods `tree_flatten_with_keys` and `tree_unflatten`.

    >>> from minijax import tree
    >>> @register_pytree_with_keys_class
    ... class Box:
    ...     def __init__(self, x):
    ...         self.x = x
    ...     def tree_flatten_with_keys(self):
    ...         return [(GetAttrKey('x'), self.x)], None
    ...     @classmethod
    ...     def tree_unflatten(cls, _, children):
    ...         return cls(*children)
    >>> [keystr(path) for path, _ in tree.leaves_with_path([Box(1)])]
    ['[0].x']
    """
    flatten = getattr(cls, "tree_flatten", None)
    register_pytree_with_keys(
        cls,
        lambda x: x.tree_flatten_with_keys(),
        cls.tree_unflatten,
        None if flatten is None else (lambda x: x.tree_flatten()),
    )
    return cls


def register_static(cls: type[Any]) -> type[Any]:
    """Class decorator: make instances containers without children, compared as static data; they must be hashable.

    >>> from minijax import tree
    >>> @register_static
    ... class Mode(str):
    ...     pass
    >>> tree.leaves({'x': 1, 'mode': Mode('train')})
    [1]
    """
    register_pytree_node(cls, lambda x: ((), x), lambda data, _: data)
    return cls
