"""Objects that stand for an array by `__jax_array__`, such as the variables of flax.nnx, also while the array is traced."""

from __future__ import annotations

import jax
import jax.tree_util
import numpy as np
import pytest

import minijax as mj
import minijax.tree_util


class Variable:
    def __init__(self, value):
        self.value = value

    def __jax_array__(self):
        return self.value


for lib in (jax, mj):
    lib.tree_util.register_pytree_node(Variable, lambda v: ((v.value,), None), lambda _, xs: Variable(*xs))

X = np.float32([[2, 1], [1, 3]])
CALLS = {
    "sin": lambda jnp, v: jnp.sin(v),
    "sum of two": lambda jnp, v: jnp.add(X, v),
    "operator": lambda jnp, v: jnp.asarray(X) @ v,
    "dot": lambda jnp, v: jnp.dot(X, v),
    "matmul": lambda jnp, v: jnp.matmul(v, X),
    "einsum": lambda jnp, v: jnp.einsum("ij,jk", v, X),
    "tensordot": lambda jnp, v: jnp.tensordot(v, X),
    "sum": lambda jnp, v: jnp.sum(v),
    "var": lambda jnp, v: jnp.var(v),
    "stack": lambda jnp, v: jnp.stack([v, X]),
    "concatenate": lambda jnp, v: jnp.concatenate([v, X]),
    "where": lambda jnp, v: jnp.where(X > 1, v, 0.0),
    "power": lambda jnp, v: jnp.power(v, 2),
    "asarray": lambda jnp, v: jnp.asarray(v),
    "reshape": lambda jnp, v: jnp.reshape(v, (4,)),
    "transpose": lambda jnp, v: jnp.transpose(v),
    "take": lambda jnp, v: jnp.take(v, np.array([0, 1]), axis=0),
    "clip": lambda jnp, v: jnp.clip(v, 0, 1),
    "sort": lambda jnp, v: jnp.sort(v),
    "cumsum": lambda jnp, v: jnp.cumsum(v, 0),
    "pad": lambda jnp, v: jnp.pad(v, 1),
    "split": lambda jnp, v: jnp.split(v, 2),
    "solve": lambda jnp, v: jnp.linalg.solve(v, X),
    "update": lambda jnp, v: jnp.asarray(X).at[:].add(v),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.one_in(6)
def test_object_that_stands_for_a_traced_array(name):
    def found(lib):
        f = lambda x: lib.tree.leaves(CALLS[name](lib.numpy, Variable(x)))
        leaves = [f(lib.numpy.asarray(X)), lib.jit(f)(X), lib.vmap(f)(np.stack([X, X])), lib.jvp(f, (X,), (X,))]
        return lib.tree.leaves(leaves)

    for mine, theirs in zip(found(mj), found(jax), strict=True):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=1e-5, atol=1e-5)
