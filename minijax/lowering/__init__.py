"""A jaxpr becomes a program that runs: `compile_jaxpr` applies the passes and writes a NumPy program.

`lowering/xla/` writes StableHLO for XLA instead.
"""

from . import device_arrays  # noqa: F401  (the import adds methods to arrays)
