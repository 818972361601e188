"""`kaf.parallel`: training on several devices and machines. A door to `kaf/train/parallel.py`."""

from .train.parallel import ParallelError, data_mesh, join

__all__ = ["ParallelError", "data_mesh", "join"]
