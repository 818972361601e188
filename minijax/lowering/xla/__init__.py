"""A jaxpr as StableHLO (`stablehlo.py` and its rules), and XLA to run it (`client.py`, the one file that talks to XLA)."""

from importlib import import_module


def __getattr__(name: str):
    # A tenth of the package, which only those need who ask for XLA: imported when asked for.
    if name in ("stablehlo", "client"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
