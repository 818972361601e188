"""Optimizers by optax's convention: `init(params)` makes a state, `update(grads, state, params)` makes updates and a state.

On JAX an optimizer of optax can be used instead of these. The schedules have optax's names too. A schedule is a function of
the number of steps made so far, and can be passed as `learning_rate`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..backend import Array, get_backend, get_tree_backend
from ..layers.plain import path_keys
from .losses import has_alpha


class Optimizer(NamedTuple):
    """A pair of functions that take pytrees of arrays."""

    init: Callable[[Any], Any]
    update: Callable[..., tuple[Any, Any]]


# A learning rate: a number, or a function of the number of steps made so far (an int32 scalar; a tracer in a jitted step).
Rate = float | Callable[[Array], Any]


class AdamState(NamedTuple):
    """The number of steps made so far, the running means of the gradients and of their squares, and of how many gradients.

    `seen` is smaller than `count` after the model has changed (see `carry_over`).
    """

    count: Array
    mu: Any
    nu: Any
    seen: Array


class SGDState(NamedTuple):
    """The number of steps made so far, and the running sum of the gradients (() without momentum)."""

    count: Array
    trace: Any


# -- Optimizers --------------------------------------------------------------------------------------------------------


def adam(
    learning_rate: Rate = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float | Callable[[Any], Any] = 0.0,
) -> Optimizer:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), as `optax.adam`; with `weight_decay`, as `optax.adamw`.

    `weight_decay` is one number for all parameters, or a function that takes the parameters and returns a tree of numbers
    (see `decay_apart`). `update` raises ValueError if there is a weight decay and it does not get the parameters.

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
        return AdamState(backend.np.zeros((), "int32"), zeros, zeros, backend.np.zeros((), "int32"))

    def update(grads, state, params=None):
        if weight_decay and params is None:
            raise ValueError("adam: update needs the parameters to decay them: update(grads, state, params).")
        backend = get_tree_backend(grads)
        xp, tree_map = backend.np, backend.tree_util.tree_map
        seen = state.seen + 1
        mu = tree_map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, grads)
        nu = tree_map(lambda v, g: b2 * v + (1 - b2) * g**2, state.nu, grads)
        # Both running means start at 0, and division by c1 = 1 - b1^seen and c2 = 1 - b2^seen corrects them. The divisions
        # are moved into the scalars:
        # lr mu/c1 / (sqrt(nu/c2) + eps) = (lr sqrt(c2)/c1) mu / (sqrt(nu) + eps sqrt(c2)).
        root = xp.sqrt(1 - b2**seen)
        rate_now = _rate(learning_rate, state.count)
        rate, floor = -rate_now * root / (1 - b1**seen), eps * root
        updates = tree_map(lambda m, v: (rate * m / (xp.sqrt(v) + floor)).astype(m.dtype), mu, nu)
        if weight_decay:
            decays = weight_decay(params) if callable(weight_decay) else tree_map(lambda p: weight_decay, params)
            updates = tree_map(lambda u, p, d: (u - rate_now * d * p).astype(u.dtype), updates, params, decays)
        return updates, AdamState(state.count + 1, mu, nu, seen)

    return Optimizer(init, update)


def sgd(learning_rate: Rate = 1e-2, momentum: float = 0.0) -> Optimizer:
    """Gradient descent, as `optax.sgd`.

    >>> import numpy as np
    >>> optimizer = sgd(0.5)
    >>> updates, _ = optimizer.update(np.float32([2.0]), optimizer.init(np.float32([1.0])))
    >>> print(np.asarray(apply_updates(np.float32([1.0]), updates)))
    [0.]
    """

    def init(params):
        backend = get_tree_backend(params)
        trace = backend.tree_util.tree_map(backend.np.zeros_like, params) if momentum else ()
        return SGDState(backend.np.zeros((), "int32"), trace)

    def update(grads, state, params=None):
        tree_map = get_tree_backend(grads).tree_util.tree_map
        trace = ()
        if momentum:
            grads = trace = tree_map(lambda t, g: momentum * t + g, state.trace, grads)
        rate = _rate(learning_rate, state.count)
        return tree_map(lambda g: (-rate * g).astype(g.dtype), grads), SGDState(state.count + 1, trace)

    return Optimizer(init, update)


def _rate(learning_rate: Rate, count: Array):
    return learning_rate(count) if callable(learning_rate) else learning_rate


def clip_by_global_norm(max_norm: float) -> Optimizer:
    """Scales all gradients by one factor so that their norm is at most `max_norm`, as `optax.clip_by_global_norm`.

    To be used in `chain`.

    >>> import numpy as np
    >>> updates, _ = clip_by_global_norm(1.0).update(np.float32([3.0, 4.0]), ())
    >>> print(np.asarray(updates))
    [0.6 0.8]
    """

    def update(grads, state, params=None):
        backend = get_tree_backend(grads)
        xp, tree_map = backend.np, backend.tree_util.tree_map
        squares = [(xp.asarray(g) ** 2).sum() for g in backend.tree_util.tree_leaves(grads)]
        norm = xp.sqrt(sum(squares))
        # The division comes first, because the product of a large gradient and max_norm could overflow. With norm 0 `where`
        # does not choose the division.
        return tree_map(lambda g: xp.where(norm < max_norm, g, (g / norm) * max_norm).astype(g.dtype), grads), state

    return Optimizer(lambda params: (), update)


def chain(*optimizers: Optimizer) -> Optimizer:
    """An optimizer that passes the gradients through all `optimizers` in turn, as `optax.chain`.

    Each gets the updates of the one before. The state is the tuple of their states.

    >>> import numpy as np
    >>> optimizer = chain(clip_by_global_norm(1.0), sgd(0.5))
    >>> updates, _ = optimizer.update(np.float32([3.0, 4.0]), optimizer.init(np.float32([0.0, 0.0])))
    >>> print(np.asarray(updates))
    [-0.3 -0.4]
    """

    def init(params):
        return tuple(optimizer.init(params) for optimizer in optimizers)

    def update(grads, state, params=None):
        states = []
        for optimizer, own in zip(optimizers, state, strict=True):
            grads, own = optimizer.update(grads, own, params)
            states.append(own)
        return grads, tuple(states)

    return Optimizer(init, update)


def decay_apart(alpha: float = 0.0, weights: float = 0.0, biases: float = 0.0) -> Callable[[Any], Any]:
    """A weight decay for `adam` that depends on the role of an array.

    `alpha` is for the coefficients of KAFs, `weights` for other arrays with two or more axes, and `biases` for all others.
    Returns a function that takes a model and returns a tree of these numbers.

    >>> from kaf.layers import KAFNet
    >>> decays = decay_apart(alpha=0.1, weights=0.01)(KAFNet.init(0, [2, 3, 1]))
    >>> [(layer.weight, layer.bias) if hasattr(layer, "weight") else layer.alpha for layer in decays.layers]
    [(0.01, 0.0), 0.1, (0.01, 0.0)]
    """

    def of(params):
        tree_util = get_tree_backend(params).tree_util

        def of_node(node):
            # In a Flax module alpha is a node that holds the array, so the leaf is not `node.alpha` itself.
            own = {id(leaf) for leaf in tree_util.tree_leaves(node.alpha)} if has_alpha(node) else ()
            role = lambda leaf: alpha if id(leaf) in own else weights if leaf.ndim > 1 else biases
            return tree_util.tree_map(role, node)

        return tree_util.tree_map(of_node, params, is_leaf=has_alpha)

    return of


def apply_updates(params: Any, updates: Any) -> Any:
    """params + updates, leaf by leaf. The leaves keep their dtypes.

    >>> import numpy as np
    >>> print(apply_updates([np.float32([1.0])], [np.float32([0.5])])[0])
    [1.5]
    """
    backend = get_tree_backend((params, updates))
    return backend.tree_util.tree_map(lambda p, u: backend.np.asarray(p + u, p.dtype), params, updates)


# -- A model that changes in the middle of training --------------------------------------------------------------------


def carry_over(
    state: Any, fresh: Any, params: Any, gradients: Sequence[Any], b1: float = 0.9, b2: float = 0.999
) -> Any:
    """The optimizer's state for going on after the model has become `params`, by `update_grid`, `refine` or `prune`.

    On another grid, old means of the gradients by alpha belong to other functions, and starting anew takes large steps in all
    directions. So the moments of every alpha, and of every array of another shape, are rebuilt from `gradients`: a list of the
    gradients by the new parameters, on a few batches. All else is carried over, the number of steps too.

    Adam's memory begins anew all the same: all moments count as those of one step. With the weight of a thousand steps they could
    not follow the gradients, which change quickly after such a change; at a small learning rate, training then took twice as long
    as after a reset, and at a large one its steps stayed too large.

    `state` is the state so far, and `fresh` is `optimizer.init(params)`; the optimizer is one of this module or of optax. Moments
    are the fields `mu` and `nu` of a state that has a `count`, as Adam's; b1 and b2 must be the optimizer's. Other arrays that
    have the shape of a changed parameter, such as a sum of gradients, start anew. `params` are what `optimizer.init` gets: of an
    Equinox module its arrays alone. Of Flax, `state` and `fresh` are the `opt_state` of the old `nnx.Optimizer` and of a new one,
    which gets the result, and `params` are `nnx.state(model, nnx.Param)`. Raises ValueError for other gradients.

    >>> import numpy as np
    >>> optimizer, old, new = adam(), {"alpha": np.ones(3)}, {"alpha": np.ones(5)}
    >>> state = optimizer.update(old, optimizer.init(old))[1]
    >>> state = carry_over(state, optimizer.init(new), new, [{"alpha": np.full(5, 2.0)}])
    >>> print(np.asarray(state.mu["alpha"]).round(4), state.count)
    [0.2 0.2 0.2 0.2 0.2] 1
    """
    tree_util = get_tree_backend(params).tree_util
    by_path = lambda tree: {path_keys(path): leaf for path, leaf in tree_util.tree_flatten_with_path(tree)[0]}
    new, old = by_path(params), by_path(state)
    gradients = [by_path(gradient) for gradient in gradients]
    if not gradients or any(each.keys() != new.keys() for each in gradients):
        raise ValueError("carry_over: gradients must be a list, of one or more gradients by the new parameters.")
    # How many gradients the moments have seen, by the path of their state. optax's Adam counts them alone; ours counts steps too.
    seen = {path[:-1]: leaf for path, leaf in old.items() if path and path[-1] == "count"}
    seen |= {path[:-1]: leaf for path, leaf in old.items() if path and path[-1] == "seen"}
    with_moments = {path[:i] for path in old for i, key in enumerate(path) if key == "mu" and path[:i] in seen}
    counts = {(*path, "seen" if (*path, "seen") in old else "count") for path in with_moments}

    def carried(path, leaf):
        path, xp = path_keys(path), get_backend(leaf).np
        # The tree of the moments is the tree of the parameters, somewhere in the state.
        start = next((i for i in range(len(path)) if path[i:] in new), None)
        before = old.get(path)
        home, kind = (path[: start - 1], path[start - 1]) if start else (None, None)
        is_moment = home in with_moments and kind in ("mu", "nu")
        stays = before is not None and before.shape == leaf.shape and (start is None or "alpha" not in path[start:])
        if path in counts:
            return xp.minimum(xp.asarray(before), 1).astype(leaf.dtype)
        if not is_moment:
            return before if stays else leaf
        beta = b1 if kind == "mu" else b2
        if stays:
            # After n steps a mean that began at 0 has the share 1 - beta^n of what it goes to; after one step 1 - beta.
            steps = xp.asarray(seen[home], leaf.dtype)
            return (before * xp.where(steps > 0, (1 - beta) / (1 - beta ** xp.maximum(steps, 1)), 1)).astype(leaf.dtype)
        found = [xp.asarray(each[path[start:]]) ** (1 if kind == "mu" else 2) for each in gradients]
        share = xp.where(xp.asarray(seen[home]) > 0, 1 - beta, 0)
        return (sum(found) / len(found) * share).astype(leaf.dtype)

    leaves, treedef = tree_util.tree_flatten_with_path(fresh)
    return tree_util.tree_unflatten(treedef, [carried(*each) for each in leaves])


# -- Schedules ---------------------------------------------------------------------------------------------------------


def cosine_decay_schedule(init_value: float, decay_steps: int, alpha: float = 0.0) -> Callable[[Array], Array]:
    """A schedule from `init_value` down to `alpha * init_value` in `decay_steps` along half a cosine, as optax's.

    >>> schedule = cosine_decay_schedule(0.1, 100)
    >>> [round(float(schedule(step)), 4) for step in (0, 50, 100, 200)]
    [0.1, 0.05, 0.0, 0.0]
    """
    _check_steps("cosine_decay_schedule", decay_steps=decay_steps)

    def schedule(count):
        xp = get_backend(count).np
        share = xp.minimum(count, decay_steps) / decay_steps
        return init_value * ((1 - alpha) * 0.5 * (1 + xp.cos(math.pi * share)) + alpha)

    return schedule


def warmup_cosine_decay_schedule(
    init_value: float, peak_value: float, warmup_steps: int, decay_steps: int, end_value: float = 0.0
) -> Callable[[Array], Array]:
    """A schedule from `init_value` to `peak_value` along a line, then down to `end_value` along half a cosine, as optax's.

    The line takes `warmup_steps`; line and cosine together take `decay_steps`. Raises ValueError if `decay_steps` is not
    larger than `warmup_steps`.

    >>> schedule = warmup_cosine_decay_schedule(0.0, 0.1, 10, 100)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 55, 100)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """
    _check_steps("warmup_cosine_decay_schedule", warmup_steps=warmup_steps, decay_steps=decay_steps)
    if not decay_steps > warmup_steps:
        raise ValueError(
            "warmup_cosine_decay_schedule: decay_steps includes the steps of the warm-up, and must be larger; "
            f"got decay_steps {decay_steps} and warmup_steps {warmup_steps}."
        )
    cosine = cosine_decay_schedule(
        peak_value, decay_steps - warmup_steps, end_value / peak_value if peak_value else 0.0
    )

    def schedule(count):
        xp = get_backend(count).np
        share = xp.minimum(count, warmup_steps) / warmup_steps
        rising = init_value + (peak_value - init_value) * share
        return xp.where(xp.asarray(count) < warmup_steps, rising, cosine(xp.maximum(count - warmup_steps, 0)))

    return schedule


def exponential_decay(
    init_value: float, transition_steps: int, decay_rate: float, staircase: bool = False
) -> Callable[[Array], Array]:
    """The schedule `init_value * decay_rate ** (step / transition_steps)`, as optax's. `staircase` rounds the exponent down.

    >>> schedule = exponential_decay(0.1, 10, 0.5, staircase=True)
    >>> [round(float(schedule(step)), 4) for step in (0, 9, 10, 25)]
    [0.1, 0.1, 0.05, 0.025]
    """
    _check_steps("exponential_decay", transition_steps=transition_steps)

    def schedule(count):
        xp = get_backend(count).np
        exponent = xp.asarray(count) / transition_steps
        return init_value * xp.power(decay_rate, xp.floor(exponent) if staircase else exponent)

    return schedule


def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int, float]
) -> Callable[[Array], Array]:
    """A schedule that starts at `init_value` and is multiplied by a scale at each boundary, as optax's.

    `boundaries_and_scales` maps a number of steps to the scale.

    >>> schedule = piecewise_constant_schedule(0.1, {100: 0.1})
    >>> [round(float(schedule(step)), 4) for step in (0, 99, 100)]
    [0.1, 0.1, 0.01]
    """

    def schedule(count):
        xp = get_backend(count).np
        value = xp.asarray(init_value, "float32")
        for boundary, scale in sorted(boundaries_and_scales.items()):
            value = xp.where(xp.asarray(count) < boundary, value, value * scale)
        return value

    return schedule


def _check_steps(function: str, **steps: int) -> None:
    for name, value in steps.items():
        if not value > 0:
            raise ValueError(f"{function}: {name} must be positive; it is {value}.")
