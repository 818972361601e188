"""`kaf.equinox.KAF`: the layer as an Equinox module. A door to `kaf/layers/equinox.py`."""

from .layers.equinox import KAF, redraw

__all__ = ["KAF", "redraw"]
