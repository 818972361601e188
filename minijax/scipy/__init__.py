"""`jax.scipy`, of which minijax has the module `special`."""

from . import special

__all__ = ["special"]
