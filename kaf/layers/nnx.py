"""The KAF layer as a Flax NNX module, for networks written with Flax. Computes with JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backend import Array, named_backend
from ..functional.grid import Grid
from . import plain

try:
    from flax import nnx
except ModuleNotFoundError as e:
    raise ImportError("kaf.nnx needs Flax, which is not installed: pip install flax") from e


class KAF(nnx.Module):
    """A kernel activation function for each of `units`.

    `alpha` [units, k] is an `nnx.Param`. Each of `log_sigma`, `centers` and `linear` is an `nnx.Param` if it is trained, else
    None (see `kaf.KAF`). `rngs.params()` gives the key, and the same key gives the same numbers as in `kaf.KAF.init`.
    `options` are the other options of `kaf.KAF.init`.

    >>> layer = KAF(4, rngs=nnx.Rngs(0))
    >>> layer.alpha.shape, layer([[0.0, 0.5, 1.0, 1.5]]).shape
    ((4, 20), (1, 4))
    """

    has_alpha = True

    def __init__(
        self,
        units: int | tuple[int, ...],
        grid: Grid | None = None,
        init: str | Callable = "random",
        *,
        rngs: nnx.Rngs,
        **options: Any,
    ):
        self._set(plain.KAF.init(rngs.params(), units, grid, init, **options))

    @classmethod
    def from_layer(cls, layer: plain.KAF) -> KAF:
        """The NNX module of a plain layer."""
        # NNX wants modules to be made by calling their class. A field that is None in that call cannot become an nnx.Param
        # later, so the call must already make every field that is a parameter of `layer`.
        trained = [
            field.removeprefix("log_") for field in ("log_sigma", "centers") if getattr(layer, field) is not None
        ]
        module = cls(0, layer.grid, rngs=nnx.Rngs(0), trainable=trained, residual=layer.linear is not None)
        module._set(layer)
        return module

    def to_layer(self) -> plain.KAF:
        """The plain layer of this module."""
        fields = plain.fields_of(self)
        return plain.KAF(**{name: x[...] if isinstance(x, nnx.Param) else x for name, x in fields.items()})

    def _set(self, layer: plain.KAF) -> None:
        for name, value in plain.fields_of(plain.carried_over(layer, named_backend("jax"))).items():
            trained = name in plain.TRAINED_FIELDS and value is not None
            setattr(self, name, nnx.Param(value) if trained else value)

    def __call__(self, x: Array) -> Array:
        """x [..., units] -> [..., units]; with `axis`, the units are that axis of x."""
        return self.to_layer()(x)
