"""`jax.scipy.sparse`, of which there is `linalg`: linear systems whose matrix need only be a function.

>>> from minijax.scipy import sparse
>>> sparse.linalg.cg(lambda x: 2 * x, 4.0)[0]
Array(2., dtype=float32)
"""

from . import linalg

__all__ = ["linalg"]
