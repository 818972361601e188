"""A jaxpr as StableHLO (`stablehlo.py` and its rules), and XLA to run it (`client.py`, the only file that talks to XLA)."""

from ...foundation.doors import on_demand

# Imported when a program asks for them: they are a tenth of the package, and only programs on XLA need them.
__getattr__ = on_demand(globals(), ("stablehlo", "client"), {})
