"""What a jitted function runs as: its jaxpr, through passes, written as a NumPy program; `compile_jaxpr` is the way in."""

from . import device_arrays  # noqa: F401  (it gives arrays their methods)
