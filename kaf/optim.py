"""Optimizers by optax's convention: `init(params)` makes a state, `update(grads, state, params)` updates and a state.

An optimizer of optax can take the place of one of these, on JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .backend import Array, get_tree_backend


class Optimizer(NamedTuple):
    """A pair of functions; both take pytrees of arrays."""

    init: Callable[[Any], Any]
    update: Callable[..., tuple[Any, Any]]


class AdamState(NamedTuple):
    """Steps made so far, and the running means of the gradients and of their squares."""

    count: Array
    mu: Any
    nu: Any


def adam(
    learning_rate: float = 1e-3, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.0
) -> Optimizer:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), as `optax.adam`; with `weight_decay`, as `optax.adamw`.

    Raises ValueError when there is a weight decay and `update` is not given the parameters.

    >>> import numpy as np
    >>> optimizer = adam(0.1)
    >>> params = {"w": np.float32([1.0, -2.0])}
    >>> updates, state = optimizer.update({"w": np.float32([3.0, -4.0])}, optimizer.init(params))
    >>> print(np.round(np.asarray(apply_updates(params, updates)["w"]), 4))
    [ 0.9 -1.9]
    """

    def init(params):
        backend = get_tree_backend(params)
        zeros = backend.tree_util.tree_map(backend.np.zeros_like, params)
        return AdamState(backend.np.zeros((), "int32"), zeros, zeros)

    def update(grads, state, params=None):
        if weight_decay and params is None:
            raise ValueError("adam: update needs the parameters to decay them: update(grads, state, params).")
        backend = get_tree_backend(grads)
        xp, tree_map = backend.np, backend.tree_util.tree_map
        count = state.count + 1
        mu = tree_map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, grads)
        nu = tree_map(lambda v, g: b2 * v + (1 - b2) * g**2, state.nu, grads)
        # Both running means start at 0, and 1 - b^count makes up for it. The divisions are folded into the scalars:
        # lr mu/c1 / (sqrt(nu/c2) + eps) = (lr sqrt(c2)/c1) mu / (sqrt(nu) + eps sqrt(c2)).
        root = xp.sqrt(1 - b2**count)
        rate, floor = -learning_rate * root / (1 - b1**count), eps * root
        updates = tree_map(lambda m, v: (rate * m / (xp.sqrt(v) + floor)).astype(m.dtype), mu, nu)
        if weight_decay:
            updates = tree_map(lambda u, p: u - learning_rate * weight_decay * p, updates, params)
        return updates, AdamState(count, mu, nu)

    return Optimizer(init, update)


def sgd(learning_rate: float = 1e-2, momentum: float = 0.0) -> Optimizer:
    """Gradient descent, as `optax.sgd`; with `momentum` the state is the running sum of the gradients, else ().

    >>> import numpy as np
    >>> optimizer = sgd(0.5)
    >>> updates, _ = optimizer.update(np.float32([2.0]), optimizer.init(np.float32([1.0])))
    >>> print(np.asarray(apply_updates(np.float32([1.0]), updates)))
    [0.]
    """

    def init(params):
        backend = get_tree_backend(params)
        return backend.tree_util.tree_map(backend.np.zeros_like, params) if momentum else ()

    def update(grads, state, params=None):
        tree_map = get_tree_backend(grads).tree_util.tree_map
        if momentum:
            grads = state = tree_map(lambda t, g: momentum * t + g, state, grads)
        return tree_map(lambda g: -learning_rate * g, grads), state

    return Optimizer(init, update)


def apply_updates(params: Any, updates: Any) -> Any:
    """params + updates, leaf by leaf; the leaves keep their dtypes.

    >>> import numpy as np
    >>> print(apply_updates([np.float32([1.0])], [np.float32([0.5])])[0])
    [1.5]
    """
    backend = get_tree_backend((params, updates))
    return backend.tree_util.tree_map(lambda p, u: backend.np.asarray(p + u, p.dtype), params, updates)
