"""`kaf.pallas`: the GPU kernels. A door to `kaf/functional/pallas.py`."""

from .functional.pallas import backward, forward

__all__ = ["backward", "forward"]
