"""`kaf.nnx.KAF`: the layer as a Flax NNX module. A door to `kaf/layers/nnx.py`."""

from .layers.nnx import KAF

__all__ = ["KAF"]
