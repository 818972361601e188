"""The KAF layer as an Equinox module, for networks written with Equinox. Computes with JAX."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from ..backend import Array, named_backend
from ..functional.grid import Grid
from ..functional.init import RANDOM_SCALE, random_alpha
from . import plain

try:
    import equinox as eqx
except ModuleNotFoundError as e:
    raise ImportError("kaf.equinox needs Equinox, which is not installed: pip install 'minijax[jax]'") from e


class KAF(eqx.Module):
    """A kernel activation function: alpha [k] for scalars, or [units, k]. It has the fields of `kaf.KAF`.

    The activation of an `eqx.nn.MLP` must be a scalar function, `KAF.init(key)`. The MLP copies alpha for every unit of every
    hidden layer, so `mlp.activation.alpha` is [depth, width, k], and trains each copy on its own. All copies start as the same
    function; `redraw` gives each a random one of its own.

    >>> import jax
    >>> mlp = eqx.nn.MLP(2, 1, 8, 3, activation=KAF.init(jax.random.key(0)), key=jax.random.key(1))
    >>> mlp.activation.alpha.shape
    (3, 8, 20)
    """

    alpha: Array
    grid: Grid = eqx.field(static=True, default=Grid())
    log_sigma: Array | None = None
    centers: Array | None = None
    linear: Array | None = None
    kernel: str | Callable = eqx.field(static=True, default="gauss")
    axis: int | None = eqx.field(static=True, default=None)
    method: str = eqx.field(static=True, default="auto")

    has_alpha = True

    @classmethod
    def init(
        cls,
        key: Array,
        units: int | tuple[int, ...] = (),
        grid: Grid | None = None,
        init: str | Callable = "random",
        **options: Any,
    ) -> KAF:
        """As `kaf.KAF.init`, with the same numbers from the same key. Without `units` it is a scalar function."""
        return cls.from_layer(plain.KAF.init(key, units, grid, init, **options))

    @classmethod
    def from_layer(cls, layer: plain.KAF) -> KAF:
        """The Equinox module of a plain layer."""
        return cls(**plain.fields_of(plain.carried_over(layer, named_backend("jax"))))

    def to_layer(self) -> plain.KAF:
        """The plain layer of this module."""
        return plain.KAF(**plain.fields_of(self))

    def __call__(self, x: Array, *, key: Array | None = None) -> Array:
        """x [..., units] -> [..., units], or elementwise if alpha is [k]. `key` is ignored; Equinox may pass one."""
        return plain.apply(self, x)


def redraw(model: Any, key: Array, scale: float = RANDOM_SCALE) -> Any:
    """The model with normal random coefficients of its own for every unit of every `KAF` in it.

    For an `eqx.nn.MLP(activation=KAF.init(key))`, whose units all start as copies of one random function. `scale` is the
    standard deviation of the coefficients. The shapes stay.

    >>> import jax
    >>> mlp = eqx.nn.MLP(2, 1, 8, 3, activation=KAF.init(jax.random.key(0)), key=jax.random.key(1))
    >>> mlp = redraw(mlp, jax.random.key(2))
    >>> bool((mlp.activation.alpha[0, 0] == mlp.activation.alpha[0, 1]).any())
    False
    """
    jax = named_backend("jax")
    is_kaf = lambda node: isinstance(node, KAF)
    number = itertools.count()

    def drawn(node):
        if not is_kaf(node):
            return node
        own = jax.random.fold_in(key, next(number))
        return eqx.tree_at(lambda k: k.alpha, node, random_alpha(own, node.alpha.shape, scale, node.alpha.dtype))

    return jax.tree_util.tree_map(drawn, model, is_leaf=is_kaf)
