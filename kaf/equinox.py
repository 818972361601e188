"""`kaf.equinox.KAF`: the layer as an Equinox module. A door to `kaf/layers/equinox.py`."""

from .layers.equinox import KAF

__all__ = ["KAF"]
