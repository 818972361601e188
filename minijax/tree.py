"""The pytree functions under short names (`jax.tree`).

>>> from minijax import tree
>>> tree.map(lambda x: x + 1, {'a': 1, 'b': (2, 3)})
{'a': 2, 'b': (3, 4)}
"""

from .foundation import pytrees as tree_util
from .foundation.dataclass_nodes import static as static

all = tree_util.tree_all
broadcast = tree_util.tree_broadcast
flatten = tree_util.tree_flatten
flatten_with_path = tree_util.tree_flatten_with_path
leaves = tree_util.tree_leaves
leaves_with_path = tree_util.tree_leaves_with_path
map = tree_util.tree_map
map_with_path = tree_util.tree_map_with_path
reduce = tree_util.tree_reduce
reduce_associative = tree_util.tree_reduce_associative
structure = tree_util.tree_structure
transpose = tree_util.tree_transpose
unflatten = tree_util.tree_unflatten

__all__ = [name for name in dir() if not name.startswith("_") and name != "tree_util"]
