"""`jax.scipy.spatial`: the module `transform`."""

from . import transform

__all__ = ["transform"]
