"""Page 8: when does it trace again?"""

import minijax as jax

# Exercise 1: eight calls.
#
# `g = jax.jit(f, static_argnames="n")` of a function f(x, n=2). The calls are
# made one after the other. In which of them does f run? Write True or False in
# the place of None.
#: begin
traced = [
    ("g(jnp.ones(3))", True),
    ("g(jnp.zeros(3))", False),
    ("g(np.ones(3, np.float32))", False),
    ("g(jnp.ones(3), n=3)", True),
    ("g(jnp.arange(3))", True),
    ("g(1.0)", True),
    ("g(jnp.float32(1.0))", True),
    ("g(2.5)", False),
]
#: instead
# traced = [
#     ("g(jnp.ones(3))", None),
#     ("g(jnp.zeros(3))", None),
#     ("g(np.ones(3, np.float32))", None),
#     ("g(jnp.ones(3), n=3)", None),
#     ("g(jnp.arange(3))", None),
#     ("g(1.0)", None),
#     ("g(jnp.float32(1.0))", None),
#     ("g(2.5)", None),
# ]
#: end

# Exercise 2: a key.
#
# `key(args)` of a tuple of trees returns a hashable value. Two calls have the
# same key if, and only if, jit may run the same program for both: the same
# tree, and for each leaf the same shape and dtype. jax.tree.flatten(args)
# returns (leaves, structure), the structure is hashable, and jax.typeof(leaf)
# has .shape and .dtype, also for a Python number.


def key(args):
    #: begin
    leaves, structure = jax.tree.flatten(args)
    types = [jax.typeof(leaf) for leaf in leaves]
    return structure, tuple((t.shape, str(t.dtype)) for t in types)
    #: end
