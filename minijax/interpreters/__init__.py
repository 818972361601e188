"""The rules of primitives, by transformation, for those who bring primitives of their own (`jax.interpreters`)."""

from . import ad, batching, mlir, partial_eval, xla

__all__ = ["ad", "batching", "mlir", "partial_eval", "xla"]
