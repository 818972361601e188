"""`kaf.plot`: figures of one unit, of a layer, and of a KAN. A door to `kaf/layers/plot.py`."""

from .layers.plot import Figure, kan, layer, unit

__all__ = ["Figure", "kan", "layer", "unit"]
