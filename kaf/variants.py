"""`kaf.variants`: a door to `kaf/layers/variants.py`. Pickled layers of older versions name their classes by this path."""

from .layers.variants import KAF2D, ComplexKAF, GatedKAF, KANLayer, MultiKAF

__all__ = ["KAF2D", "ComplexKAF", "GatedKAF", "KANLayer", "MultiKAF"]
