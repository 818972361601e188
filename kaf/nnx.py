"""`kaf.nnx`: the KAF, the layer of a KAN and the KAN as Flax NNX modules. A door to `kaf/layers/nnx.py`."""

from .layers.nnx import KAF, KAN, KANLayer

__all__ = ["KAF", "KAN", "KANLayer"]
