"""`jax.scipy.cluster`: the module `vq`."""

from . import vq

__all__ = ["vq"]
