"""The modules that JAX keeps under `jax.experimental`. A program imports each by its name."""

from ..api.callbacks import io_callback

__all__ = ["io_callback"]
