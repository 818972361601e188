"""What those need who extend the package: jaxprs to interpret, primitives to add (`jax.extend`)."""

from . import backend, core, linear_util, source_info_util

__all__ = ["backend", "core", "linear_util", "source_info_util"]
