"""Page 7: where do containers stop?"""

import minijax.numpy as jnp
from minijax.tree_util import register_pytree_node_class

# Exercise 1: register a class.
#
# A layer of KAFs. alpha and bias are learned. The bounds of the grid of
# centres, a tuple of two numbers, are fixed: no gradient may change them.
# Write both methods: tree_flatten returns (children, aux_data), and
# tree_unflatten takes them the other way round.


@register_pytree_node_class
class Layer:
    def __init__(self, alpha, bias, bounds):
        self.alpha, self.bias, self.bounds = alpha, bias, bounds

    def __call__(self, x):
        centers = jnp.linspace(*self.bounds, self.alpha.shape[0])
        return jnp.sum(self.alpha * jnp.exp(-((x - centers) ** 2))) + self.bias

    def tree_flatten(self):
        #: begin
        return (self.alpha, self.bias), self.bounds
        #: end

    @classmethod
    def tree_unflatten(cls, aux_data, children):
        #: begin
        return cls(*children, aux_data)
        #: end


# Exercise 2: flatten.
#
# `flatten(tree)` returns the leaves of a nest of dicts, lists and tuples as a
# list, and `rebuild(tree, leaves)` returns a tree like `tree` with these
# leaves. Dicts go by sorted keys. None is a tree without leaves: there is
# nothing to compute with.


def flatten(tree):
    #: begin
    if tree is None:
        return []
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in flatten(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [leaf for item in tree for leaf in flatten(item)]
    return [tree]
    #: end


def rebuild(tree, leaves):
    leaves = iter(leaves)

    def build(tree):
        #: begin
        if tree is None:
            return None
        if isinstance(tree, dict):
            return {key: build(tree[key]) for key in sorted(tree)}
        if isinstance(tree, (list, tuple)):
            return type(tree)(build(item) for item in tree)
        return next(leaves)
        #: end

    return build(tree)
