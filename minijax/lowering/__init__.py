"""What a jitted function runs as: its jaxpr, through passes, written as a NumPy program; `compile_jaxpr` is the way in."""

from importlib import import_module


def __getattr__(name: str):
    # Only those who ask for XLA need what writes StableHLO: a tenth of the package.
    if name in ("stablehlo", "xla"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
