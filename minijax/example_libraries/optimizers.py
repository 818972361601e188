"""Optimizers as triples of functions (`jax.example_libraries.optimizers`).

`init_fn(params)` gives the state, `update_fn(step, gradients, state)` the next state, `params_fn(state)` the parameters in it. An
optimizer is written for one array; `optimizer` makes it one for pytrees. A step size is a number or a schedule, a function of the
step's number.

>>> import minijax as jax
>>> init_fn, update_fn, params_fn = sgd(0.25)
>>> state = init_fn({"w": jax.numpy.ones(2)})
>>> gradients = jax.grad(lambda p: (p["w"] ** 2).sum())(params_fn(state))
>>> params_fn(update_fn(0, gradients, state))
{'w': Array([0.5, 0.5], dtype=float32)}
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from functools import reduce, wraps
from typing import Any, NamedTuple

from .. import numpy as jnp
from ..foundation.pytrees import register_pytree_node, tree_flatten, tree_leaves, tree_map, tree_unflatten

Array = Any
Params = Any
State = Any
Updates = Any
Step = int
Schedule = Callable[[Step], Any]

# packed_state: a list of leaves for each parameter; tree_def: the parameters' tree; subtree_defs: the tree of each one's state.
OptimizerState = namedtuple("OptimizerState", ["packed_state", "tree_def", "subtree_defs"])
register_pytree_node(
    OptimizerState,
    lambda state: ((state.packed_state,), (state.tree_def, state.subtree_defs)),
    lambda trees, children: OptimizerState(children[0], *trees),
)

InitFn = Callable[[Params], OptimizerState]
UpdateFn = Callable[[Step, Updates, OptimizerState], OptimizerState]
ParamsFn = Callable[[OptimizerState], Params]


class Optimizer(NamedTuple):
    """The three functions of an optimizer (`jax.example_libraries.optimizers.Optimizer`)."""

    init_fn: InitFn
    update_fn: UpdateFn
    params_fn: ParamsFn


def _packed(tree_def, states: Sequence) -> OptimizerState:
    flat = [tree_flatten(state) for state in states]
    return OptimizerState(tuple(leaves for leaves, _ in flat), tree_def, tuple(subtree for _, subtree in flat))


def _states(state: OptimizerState) -> list:
    return [
        tree_unflatten(subtree, leaves) for leaves, subtree in zip(state.packed_state, state.subtree_defs, strict=True)
    ]


def optimizer(opt_maker: Callable) -> Callable[..., Optimizer]:
    """Make an optimizer of one array into one of pytrees (`jax.example_libraries.optimizers.optimizer`).

    opt_maker: a function that returns (init, update, get_params) for arrays. Raises TypeError, at the update, for gradients
    of another tree than the parameters', and for an update that changes the tree of a state.

    >>> @optimizer
    ... def halving():
    ...     return lambda x: x, lambda i, g, x: x / 2, lambda x: x
    >>> opt = halving()
    >>> opt.params_fn(opt.update_fn(0, [0.0], opt.init_fn([1.0])))
    [0.5]
    """

    @wraps(opt_maker)
    def of_trees(*args, **kwargs) -> Optimizer:
        init, update, get_params = opt_maker(*args, **kwargs)

        @wraps(init)
        def init_fn(params: Params) -> OptimizerState:
            leaves, tree_def = tree_flatten(params)
            return _packed(tree_def, [init(x) for x in leaves])

        @wraps(update)
        def update_fn(i: Step, gradients: Updates, state: OptimizerState) -> OptimizerState:
            leaves, tree_def = tree_flatten(gradients)
            if tree_def != state.tree_def:
                raise TypeError(
                    "optimizer update function was passed a gradient tree that did not match the parameter tree structure with"
                    f" which it was initialized: parameter tree {state.tree_def} and grad tree {tree_def}."
                )
            states = [update(i, g, x) for g, x in zip(leaves, _states(state), strict=True)]
            new = _packed(tree_def, states)
            for before, after in zip(state.subtree_defs, new.subtree_defs):
                if before != after:
                    raise TypeError(
                        "optimizer update function produced an output structure that did not match its input structure:"
                        f" input {before} and output {after}."
                    )
            return new

        @wraps(get_params)
        def params_fn(state: OptimizerState) -> Params:
            return tree_unflatten(state.tree_def, [get_params(x) for x in _states(state)])

        return Optimizer(init_fn, update_fn, params_fn)

    return of_trees


# ---------------------------------------------------------------------------------------------------------------------
# Optimizers. The state of one that remembers is (parameters, memory, ...), where each memory begins as zeros.


def _remembering(memories: int, update: Callable) -> tuple[Callable, Callable, Callable]:
    def init(x):
        return (x, *[jnp.zeros_like(x) for _ in range(memories)])

    return init, update, lambda state: state[0]


@optimizer
def sgd(step_size):
    """Gradient descent (`jax.example_libraries.optimizers.sgd`).

    >>> opt = sgd(0.5)
    >>> opt.params_fn(opt.update_fn(0, 1.0, opt.init_fn(2.0)))
    1.5
    """
    size = make_schedule(step_size)
    return lambda x: x, lambda i, g, x: x - size(i) * g, lambda x: x


@optimizer
def momentum(step_size, mass: float):
    """Gradient descent with a velocity, `mass` of which stays at each step (`jax.example_libraries.optimizers.momentum`).

    >>> opt = momentum(0.5, mass=0.9)
    >>> opt.params_fn(opt.update_fn(0, 1.0, opt.init_fn(2.0)))
    Array(1.5, dtype=float32, weak_type=True)
    """
    size = make_schedule(step_size)

    def update(i, g, state):
        x, velocity = state
        velocity = mass * velocity + g
        return x - size(i) * velocity, velocity

    return _remembering(1, update)


@optimizer
def nesterov(step_size, mass: float):
    """Nesterov's accelerated gradient: as `momentum`, with the gradient's step on top of the velocity's
    (`jax.example_libraries.optimizers.nesterov`).

    >>> opt = nesterov(0.5, mass=0.5)
    >>> opt.params_fn(opt.update_fn(0, 1.0, opt.init_fn(2.0)))
    Array(1.25, dtype=float32, weak_type=True)
    """
    size = make_schedule(step_size)

    def update(i, g, state):
        x, velocity = state
        velocity = mass * velocity + g
        return x - size(i) * (mass * velocity + g), velocity

    return _remembering(1, update)


@optimizer
def adagrad(step_size, momentum=0.9):
    """Adagrad: steps divided by the root of all squared gradients so far (J. Duchi, E. Hazan, Y. Singer, JMLR 12, 2011;
    `jax.example_libraries.optimizers.adagrad`).

    >>> opt = adagrad(0.5, momentum=0.0)
    >>> opt.params_fn(opt.update_fn(0, 3.0, opt.init_fn(2.0)))
    Array(1.5, dtype=float32, weak_type=True)
    """
    size = make_schedule(step_size)

    def update(i, g, state):
        x, squares, mean = state
        squares = squares + jnp.square(g)
        mean = (1 - momentum) * (g * _inverse_root(squares)) + momentum * mean
        return x - size(i) * mean, squares, mean

    return _remembering(2, update)


def _inverse_root(x):
    return jnp.where(x > 0, 1.0 / jnp.sqrt(x), 0.0)


@optimizer
def rmsprop(step_size, gamma=0.9, eps=1e-8):
    """RMSProp: steps divided by the root of a running mean of squared gradients (T. Tieleman, G. Hinton, 2012;
    `jax.example_libraries.optimizers.rmsprop`).

    >>> opt = rmsprop(0.5, gamma=0.0)
    >>> opt.params_fn(opt.update_fn(0, 3.0, opt.init_fn(2.0)))
    Array(1.5, dtype=float32, weak_type=True)
    """
    size = make_schedule(step_size)

    def update(i, g, state):
        x, squares = state
        squares = squares * gamma + jnp.square(g) * (1.0 - gamma)
        return x - size(i) * g / jnp.sqrt(squares + eps), squares

    return _remembering(1, update)


@optimizer
def rmsprop_momentum(step_size, gamma=0.9, eps=1e-8, momentum=0.9):
    """`rmsprop` with a velocity (`jax.example_libraries.optimizers.rmsprop_momentum`).

    >>> opt = rmsprop_momentum(0.5, gamma=0.0)
    >>> opt.params_fn(opt.update_fn(0, 3.0, opt.init_fn(2.0)))
    Array(1.5, dtype=float32, weak_type=True)
    """
    size = make_schedule(step_size)

    def update(i, g, state):
        x, squares, velocity = state
        squares = squares * gamma + jnp.square(g) * (1.0 - gamma)
        velocity = momentum * velocity + size(i) * g / jnp.sqrt(squares + eps)
        return x - velocity, squares, velocity

    return _remembering(2, update)


@optimizer
def adam(step_size, b1=0.9, b2=0.999, eps=1e-8):
    """Adam: a running mean of gradients, divided by the root of one of their squares; both are divided by what their weights
    sum up to so far (D. P. Kingma, J. Ba, 2014; `jax.example_libraries.optimizers.adam`).

    >>> opt = adam(0.5)
    >>> opt.params_fn(opt.update_fn(0, 3.0, opt.init_fn(2.0))).round(4)
    Array(1.5, dtype=float32)
    """
    size = make_schedule(step_size)

    def update(i, g, state):
        x, mean, squares = state
        mean = (1 - b1) * g + b1 * mean
        squares = (1 - b2) * jnp.square(g) + b2 * squares
        unbiased = mean / (1 - jnp.asarray(b1, mean.dtype) ** (i + 1))
        scale = squares / (1 - jnp.asarray(b2, mean.dtype) ** (i + 1))
        return x - size(i) * unbiased / (jnp.sqrt(scale) + eps), mean, squares

    return _remembering(2, update)


@optimizer
def adamax(step_size, b1=0.9, b2=0.999, eps=1e-8):
    """AdaMax: Adam with the greatest absolute gradient, which fades, in the place of the root of squares (the same paper;
    `jax.example_libraries.optimizers.adamax`).

    >>> opt = adamax(0.5)
    >>> opt.params_fn(opt.update_fn(0, 3.0, opt.init_fn(2.0))).round(6)
    Array(1.5, dtype=float32)
    """
    size = make_schedule(step_size)

    def update(i, g, state):
        x, mean, greatest = state
        mean = (1 - b1) * g + b1 * mean
        greatest = jnp.maximum(b2 * greatest, jnp.abs(g))
        return x - (size(i) / (1 - jnp.asarray(b1, mean.dtype) ** (i + 1))) * mean / (greatest + eps), mean, greatest

    return _remembering(2, update)


@optimizer
def sm3(step_size, momentum=0.9):
    """SM3: Adagrad that remembers one number for each index of each axis, not one for each element (R. Anil, V. Gupta, T. Koren,
    Y. Singer, 2019; `jax.example_libraries.optimizers.sm3`).

    >>> opt = sm3(0.5, momentum=0.0)
    >>> opt.params_fn(opt.update_fn(0, jnp.ones(1) * 3, opt.init_fn(jnp.ones(1) * 2)))
    Array([1.5], dtype=float32)
    """
    size = make_schedule(step_size)

    def init(x):
        shape, x = x.shape, jnp.atleast_1d(x)
        return x, jnp.zeros_like(x), [jnp.zeros(n, x.dtype) for n in x.shape], shape

    def update(i, g, state):
        x, mean, bounds, shape = state
        axes = range(x.ndim)
        along = [b.reshape([-1 if a == axis else 1 for a in range(g.ndim)]) for axis, b in enumerate(bounds)]
        squares = reduce(jnp.minimum, along) + jnp.square(g)
        mean = (1.0 - momentum) * (g * _inverse_root(squares)) + momentum * mean
        bounds = [squares.max([a for a in axes if a != axis]) for axis in axes]
        return x - size(i) * mean, mean, bounds, shape

    return init, update, lambda state: state[0].reshape(state[-1])


# ---------------------------------------------------------------------------------------------------------------------
# Schedules


def constant(step_size) -> Schedule:
    """The same step size at each step (`jax.example_libraries.optimizers.constant`).

    >>> constant(0.5)(3)
    0.5
    """
    return lambda i: step_size


def exponential_decay(step_size, decay_steps, decay_rate) -> Schedule:
    """The step size times `decay_rate` for every `decay_steps` (`jax.example_libraries.optimizers.exponential_decay`).

    >>> exponential_decay(1.0, 10, 0.5)(20)
    0.25
    """
    return lambda i: step_size * decay_rate ** (i / decay_steps)


def inverse_time_decay(step_size, decay_steps, decay_rate, staircase=False) -> Schedule:
    """The step size divided by 1 + rate i / steps (`jax.example_libraries.optimizers.inverse_time_decay`). staircase: i / steps
    is rounded down.

    >>> inverse_time_decay(1.0, 10, 1.0)(10)
    0.5
    """
    if staircase:
        return lambda i: step_size / (1 + decay_rate * jnp.floor(i / decay_steps))
    return lambda i: step_size / (1 + decay_rate * i / decay_steps)


def polynomial_decay(step_size, decay_steps, final_step_size, power=1.0) -> Schedule:
    """From the first step size to the final one, along a power (`jax.example_libraries.optimizers.polynomial_decay`).

    >>> polynomial_decay(1.0, 10, 0.5)(5)
    Array(0.75, dtype=float32, weak_type=True)
    """

    def schedule(i):
        left = (1 - jnp.minimum(i, decay_steps) / decay_steps) ** power
        return left * (step_size - final_step_size) + final_step_size

    return schedule


def piecewise_constant(boundaries: Any, values: Any) -> Schedule:
    """`values[k]` after k boundaries have been passed (`jax.example_libraries.optimizers.piecewise_constant`). Raises ValueError
    unless there is one value more than boundaries.

    >>> piecewise_constant([10], [1.0, 0.5])(11)
    Array(0.5, dtype=float32)
    """
    boundaries, values = jnp.array(boundaries), jnp.array(values)
    if not boundaries.ndim == values.ndim == 1:
        raise ValueError("boundaries and values must be sequences")
    if boundaries.shape[0] != values.shape[0] - 1:
        raise ValueError("boundaries length must be one shorter than values length")
    return lambda i: values[jnp.sum(i > boundaries)]


def make_schedule(scalar_or_schedule: Any) -> Schedule:
    """The schedule itself, or a constant one (`jax.example_libraries.optimizers.make_schedule`). Raises TypeError for an array.

    >>> make_schedule(0.1)(0), make_schedule(lambda i: i)(3)
    (0.1, 3)
    """
    if callable(scalar_or_schedule):
        return scalar_or_schedule
    if jnp.ndim(scalar_or_schedule) != 0:
        raise TypeError(f"A step size is a number or a function of the step, not {type(scalar_or_schedule)}.")
    return constant(scalar_or_schedule)


# ---------------------------------------------------------------------------------------------------------------------
# Gradients and states


def l2_norm(tree: Any) -> Array:
    """The Euclidean norm of all leaves together (`jax.example_libraries.optimizers.l2_norm`).

    >>> l2_norm([jnp.float32(3), jnp.float32(4)])
    Array(5., dtype=float32)
    """
    return jnp.sqrt(sum(jnp.vdot(x, x) for x in tree_leaves(tree)))


def clip_grads(grad_tree: Any, max_norm: Any) -> Any:
    """The gradients, shortened to the norm `max_norm` if theirs is greater (`jax.example_libraries.optimizers.clip_grads`).

    >>> clip_grads([jnp.float32(3), jnp.float32(4)], 2.5)
    [Array(1.5, dtype=float32), Array(2., dtype=float32)]
    """
    norm = l2_norm(grad_tree)
    return tree_map(lambda g: jnp.where(norm < max_norm, g, g * (max_norm / norm)), grad_tree)


class JoinPoint:
    """The border between the tree of parameters and the tree of one parameter's state: a leaf of the first
    (`jax.example_libraries.optimizers.JoinPoint`).

    >>> list(JoinPoint((1, 2)))
    [(1, 2)]
    """

    def __init__(self, subtree: Any):
        self.subtree = subtree

    def __iter__(self) -> Iterator[Any]:
        yield self.subtree


def unpack_optimizer_state(opt_state: OptimizerState) -> Any:
    """The state as the parameters' tree with a `JoinPoint` in the place of each parameter, for saving
    (`jax.example_libraries.optimizers.unpack_optimizer_state`).

    >>> unpack_optimizer_state(sgd(0.1).init_fn({"w": 1.0}))["w"].subtree
    1.0
    """
    return tree_unflatten(opt_state.tree_def, [JoinPoint(state) for state in _states(opt_state)])


def pack_optimizer_state(marked_pytree: Any) -> OptimizerState:
    """The state that `unpack_optimizer_state` gave that tree (`jax.example_libraries.optimizers.pack_optimizer_state`).

    >>> opt = sgd(0.1)
    >>> state = opt.init_fn({"w": 1.0})
    >>> pack_optimizer_state(unpack_optimizer_state(state)) == state
    True
    """
    points, tree_def = tree_flatten(marked_pytree)
    if not all(isinstance(point, JoinPoint) for point in points):
        raise AssertionError("pack_optimizer_state takes a tree whose leaves are JoinPoints.")
    return _packed(tree_def, [point.subtree for point in points])
