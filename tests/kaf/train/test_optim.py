"""Optimizers, against optax's: the same parameters after several steps."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import kaf
from kaf import optim

OPTIMIZERS = {
    "adam": (lambda: optim.adam(1e-2), lambda: optax.adam(1e-2)),
    "adam_other": (
        lambda: optim.adam(0.3, b1=0.5, b2=0.9, eps=1e-3),
        lambda: optax.adam(0.3, b1=0.5, b2=0.9, eps=1e-3),
    ),
    "adamw": (
        lambda: optim.adam(1e-2, weight_decay=0.1),
        lambda: optax.adamw(1e-2, weight_decay=0.1),
    ),
    "sgd": (lambda: optim.sgd(0.1), lambda: optax.sgd(0.1)),
    "momentum": (lambda: optim.sgd(0.1, 0.9), lambda: optax.sgd(0.1, momentum=0.9)),
}
STEPS = 8


def problem():
    rng = np.random.default_rng(0)
    parameters = {"w": rng.normal(size=(3, 4)), "b": [rng.normal(size=()), np.zeros(0)]}
    gradients = [
        {"w": rng.normal(size=(3, 4)) * 10.0 ** rng.integers(-6, 3), "b": [rng.normal(size=()), np.zeros(0)]}
        for _ in range(STEPS)
    ]
    gradients[2] = jax.tree.map(np.zeros_like, parameters)
    return jax.tree.map(np.float32, (parameters, gradients))


def run(init, update, apply_updates, asarray, parameters, gradients):
    state = init(parameters)
    history = []
    for gradient in gradients:
        updates, state = update(jax.tree.map(asarray, gradient), state, parameters)
        parameters = apply_updates(parameters, updates)
        history.append(jax.tree.map(np.asarray, parameters))
    return history


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.one_in(10)
def test_same_as_optax(backend, name, jitted):
    ours, theirs = (make() for make in OPTIMIZERS[name])
    parameters, gradients = problem()
    expected = run(theirs.init, theirs.update, optax.apply_updates, jnp.asarray, parameters, gradients)
    update = backend.jit(ours.update) if jitted else ours.update
    asarray = backend.np.asarray
    found = run(ours.init, update, optim.apply_updates, asarray, jax.tree.map(asarray, parameters), gradients)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        # 1 - b2^t is known to EPS / (1 - b2) at the first step: 6e-5 of an update; updates are of 1e-2 and of 0.3.
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_first_step_of_adam_is_the_learning_rate(backend):
    optimizer = optim.adam(0.25)
    gradient = backend.np.asarray([1e-3, -1e3, 0.0])
    updates, state = optimizer.update(gradient, optimizer.init(gradient))
    np.testing.assert_allclose(np.asarray(updates), [-0.25, 0.25, 0.0], rtol=1e-4)
    assert (int(state.count), state.count.dtype) == (1, np.int32)
    assert updates.dtype == np.float32


def test_dtypes_are_kept(backend):
    for optimizer in (optim.adam(), optim.sgd(momentum=0.5)):
        parameters = {"half": backend.np.ones(3, "float16"), "single": backend.np.ones(3)}
        updates, state = optimizer.update(parameters, optimizer.init(parameters), parameters)
        moved = optim.apply_updates(parameters, updates)
        for tree in (updates, moved):
            assert (tree["half"].dtype, tree["single"].dtype) == (np.float16, np.float32)


def test_optax_can_take_the_place_of_ours():
    optimizer = optim.adam(0.1)
    parameters = {"w": jnp.ones(3)}
    chained = optax.chain(optax.clip(1.0), optax.GradientTransformation(*optimizer))
    updates, _ = chained.update({"w": 5 * jnp.ones(3)}, chained.init(parameters), parameters)
    np.testing.assert_allclose(updates["w"], -0.1 * np.ones(3), rtol=1e-4)


def test_weight_decay_needs_the_parameters(backend):
    optimizer = optim.adam(weight_decay=0.1)
    gradient = backend.np.ones(3)
    with pytest.raises(ValueError) as e:
        optimizer.update(gradient, optimizer.init(gradient))
    assert str(e.value) == "adam: update needs the parameters to decay them: update(grads, state, params)."


# -- Schedules, clipping, decay by role --------------------------------------------------------------------------------

SCHEDULES = {
    "cosine": (
        lambda: optim.cosine_decay_schedule(0.3, 10, 0.1),
        lambda: optax.cosine_decay_schedule(0.3, 10, 0.1),
    ),
    "warmup": (
        lambda: optim.warmup_cosine_decay_schedule(0.01, 0.3, 4, 12, 0.02),
        lambda: optax.warmup_cosine_decay_schedule(0.01, 0.3, 4, 12, 0.02),
    ),
    "exponential": (lambda: optim.exponential_decay(0.3, 4, 0.5), lambda: optax.exponential_decay(0.3, 4, 0.5)),
    "staircase": (
        lambda: optim.exponential_decay(0.3, 4, 0.5, staircase=True),
        lambda: optax.exponential_decay(0.3, 4, 0.5, staircase=True),
    ),
    "piecewise": (
        lambda: optim.piecewise_constant_schedule(0.3, {8: 0.1, 3: 0.5}),
        lambda: optax.piecewise_constant_schedule(0.3, {8: 0.1, 3: 0.5}),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.one_in(6)
def test_schedules_are_optax_s(backend, name):
    ours, theirs = (make() for make in SCHEDULES[name])
    steps = np.arange(15, dtype=np.int32)
    found = backend.vmap(ours)(backend.np.asarray(steps))
    assert (found.shape, found.dtype) == ((15,), np.float32)
    # The cosine is 1 + cos: near the end its value is the rounding of 1.
    np.testing.assert_allclose(np.asarray(found), [float(theirs(step)) for step in steps], rtol=1e-5, atol=1e-7)


SCHEDULED = {
    "adam": (optim.adam, optax.adam),
    "adamw": (
        lambda rate: optim.adam(rate, weight_decay=0.1),
        lambda rate: optax.adamw(rate, weight_decay=0.1),
    ),
    "sgd": (optim.sgd, optax.sgd),
    "momentum": (lambda rate: optim.sgd(rate, 0.9), lambda rate: optax.sgd(rate, 0.9)),
    "clipped": (
        lambda rate: optim.chain(optim.clip_by_global_norm(0.5), optim.adam(rate)),
        lambda rate: optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate)),
    ),
}


@pytest.mark.parametrize("name", SCHEDULED)
@pytest.mark.one_in(6)
def test_scheduled_and_clipped_as_optax_does(backend, name):
    ours, theirs = SCHEDULED[name]
    parameters, gradients = problem()
    optimizer = theirs(optax.cosine_decay_schedule(0.1, STEPS))
    expected = run(optimizer.init, optimizer.update, optax.apply_updates, jnp.asarray, parameters, gradients)
    optimizer = ours(optim.cosine_decay_schedule(0.1, STEPS))
    asarray = backend.np.asarray
    parameters = jax.tree.map(asarray, parameters)
    found = run(optimizer.init, backend.jit(optimizer.update), optim.apply_updates, asarray, parameters, gradients)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def test_decay_apart_is_optax_s_mask(backend):
    net = kaf.KAFNet.init(0, [3, 4, 5, 1])
    zeros = backend.tree_util.tree_map(backend.np.zeros_like, net)
    decayed = {}
    for role in ("alpha", "weights", "biases"):
        optimizer = optim.adam(0.5, weight_decay=optim.decay_apart(**{role: 0.1}))
        updates, _ = optimizer.update(zeros, optimizer.init(net), net)
        decayed[role] = optim.apply_updates(net, updates)
    for i, layer in enumerate(net.layers):
        roles = {"alpha": "alpha"} if isinstance(layer, kaf.KAF) else {"weight": "weights", "bias": "biases"}
        for field, own in roles.items():
            for role, tree in decayed.items():
                before, after = (np.asarray(getattr(each, field)) for each in (layer, tree.layers[i]))
                np.testing.assert_allclose(after, before * (0.95 if role == own else 1.0), rtol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: optim.cosine_decay_schedule(0.1, 0),
            "cosine_decay_schedule: decay_steps must be positive; it is 0.",
        ),
        (
            lambda: optim.exponential_decay(0.1, -1, 0.5),
            "exponential_decay: transition_steps must be positive; it is -1.",
        ),
        (
            lambda: optim.warmup_cosine_decay_schedule(0.0, 0.1, 10, 10),
            "warmup_cosine_decay_schedule: decay_steps includes the steps of the warm-up, and must be larger; "
            "got decay_steps 10 and warmup_steps 10.",
        ),
    ],
)
def test_schedules_of_no_steps(make, message):
    with pytest.raises(ValueError) as e:
        make()
    assert str(e.value) == message
