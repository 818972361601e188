"""Reductions over segments (`jax.ops`). They are defined in `numpy/segments.py`.

>>> from minijax import ops
>>> import minijax.numpy as jnp
>>> ops.segment_sum(jnp.ones(3), jnp.array([0, 1, 1]), num_segments=2)
Array([1., 2.], dtype=float32)
"""

from .numpy.segments import segment_max, segment_min, segment_prod, segment_sum

__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]
