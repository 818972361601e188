"""Arrays of other libraries, without a copy of their numbers (`jax.dlpack`). It is defined in `numpy/creation.py`."""

from .foundation.doors import at_the_door
from .numpy.creation import from_external as from_dlpack
from .numpy.creation import is_supported_dtype

__all__ = ["from_dlpack", "is_supported_dtype"]

at_the_door(globals())
