"""What JAX keeps under `jax.experimental`: each module is imported by its name."""

from ..api.callbacks import io_callback

__all__ = ["io_callback"]
