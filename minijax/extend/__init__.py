"""What those need who extend the package: jaxprs to interpret, primitives to add (`jax.extend`)."""

from . import core

__all__ = ["core"]
