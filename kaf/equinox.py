"""`kaf.equinox`: the KAF, the layer of a KAN and the KAN as Equinox modules. A door to `kaf/layers/equinox.py`."""

from .layers.equinox import KAF, KAN, KANLayer, redraw

__all__ = ["KAF", "KAN", "KANLayer", "redraw"]
