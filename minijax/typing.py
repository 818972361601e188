"""Names of types for annotations (`jax.typing`). They are defined in `core/types.py`.

>>> from minijax.typing import ArrayLike
>>> import numpy as np
>>> isinstance(np.ones(3), ArrayLike), isinstance([1.0], ArrayLike)
(True, False)
"""

from .core.types import ArrayLike, DTypeLike

__all__ = ["ArrayLike", "DTypeLike"]
