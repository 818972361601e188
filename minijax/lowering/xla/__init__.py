"""A jaxpr as StableHLO (`stablehlo.py` and its rules), and XLA to run it (`client.py`, the only file that talks to XLA)."""

from importlib import import_module


def __getattr__(name: str):
    # Imported when a program asks for them: they are a tenth of the package, and only programs on XLA need them.
    if name in ("stablehlo", "client"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
