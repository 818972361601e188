"""A pytree of arrays as one vector (`jax.flatten_util`). It is defined in `numpy/flat_trees.py`.

>>> from minijax.flatten_util import ravel_pytree
>>> ravel_pytree((1.0, [2.0]))[0]
Array([1., 2.], dtype=float32, weak_type=True)
"""

from .numpy.flat_trees import ravel_pytree

__all__ = ["ravel_pytree"]
