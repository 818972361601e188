"""The state of an optimizer after the model has changed: what is rebuilt, what is kept, and that training goes on from it."""

import jax
import numpy as np
import optax
import pytest

import kaf
from kaf import KAN, optim

X = np.random.default_rng(0).uniform(-1, 1, (500, 2)).astype(np.float32)
Y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def loss(net, x=X, y=Y):
    return kaf.losses.mean_squared_error(net(x), y)


def trained(backend, optimizer, net, state, steps):
    """`steps` steps on batches of 100."""

    @backend.jit
    def step(net, state, x, y):
        updates, state = optimizer.update(backend.grad(loss)(net, x, y), state, net)
        return optim.apply_updates(net, updates), state

    generator = np.random.default_rng(0)
    for _ in range(steps):
        batch = generator.choice(500, 100, replace=False)
        net, state = step(net, state, X[batch], Y[batch])
    return net, state


CHANGES = {
    "update_grid": lambda net: net.update_grid(X),
    "refine": lambda net: net.refine(16),
    "prune": lambda net: net.prune(X, 0.05),
}


def batches(backend, net):
    return [backend.grad(loss)(net, X[i : i + 100], Y[i : i + 100]) for i in range(0, 500, 100)]


@pytest.mark.parametrize("change", CHANGES)
def test_the_loss_fifty_steps_later_is_no_higher_than_after_a_reset(change):
    with kaf.use_backend("jax") as backend:
        optimizer = optim.adam(0.01)
        net = KAN.init(0, [2, 6, 1])
        net, state = trained(backend, optimizer, net, optimizer.init(net), 300)
        new = CHANGES[change](net)
        gradients = batches(backend, new)
        after = [optim.carry_over(state, optimizer.init(new), new, gradients), optimizer.init(new)]
        carried, reset = (float(loss(trained(backend, optimizer, new, each, 50)[0])) for each in after)
        assert carried <= reset
        # And it has learned from the change on, so the step sizes are not too small.
        assert carried < float(loss(new))


OPTIMIZERS = {
    "ours": lambda: optim.chain(optim.clip_by_global_norm(1.0), optim.adam(0.02)),
    "optax's": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(0.02), optax.trace(0.9)),
}


@pytest.mark.parametrize("library", OPTIMIZERS)
def test_what_is_carried_over(library):
    optimizer = OPTIMIZERS[library]()
    with kaf.use_backend("jax") as backend:
        net = KAN.init(0, [2, 6, 1])
        net, state = trained(backend, optimizer, net, optimizer.init(net), 30)
        new = net.refine(12).update_grid(X)
        gradients = batches(backend, new)
        found = optim.carry_over(state, optimizer.init(new), new, gradients)
        before, after = state[1], found[1]
        if library == "optax's":
            before, after = before[0], after[0]
            assert not np.asarray(found[2].trace.layers[0].alpha).any()
            same(found[2].trace.layers[0].base, state[2].trace.layers[0].base)
        assert int(after.count) == 30 and jax.tree.structure(after.mu) == jax.tree.structure(new)
        for i in range(2):
            mu, nu = after.mu.layers[i], after.nu.layers[i]
            same(mu.base, before.mu.layers[i].base)
            same(nu.bias, before.nu.layers[i].bias)
            alphas = np.stack([np.asarray(gradient.layers[i].alpha, np.float64) for gradient in gradients])
            np.testing.assert_allclose(mu.alpha, alphas.mean(0) * (1 - 0.9**30), rtol=1e-4, atol=1e-8)
            np.testing.assert_allclose(nu.alpha, (alphas**2).mean(0) * (1 - 0.999**30), rtol=1e-4, atol=1e-10)


def same(found, expected):
    assert np.asarray(expected).any()
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_moments_of_one_shape_belong_to_another_grid(backend):
    """update_grid keeps the shape of alpha, and its old moments would fit; they are rebuilt all the same."""
    optimizer, net = optim.adam(0.02), KAN.init(0, [2, 3, 1])
    net, state = trained(backend, optimizer, net, optimizer.init(net), 3)
    zero = backend.tree_util.tree_map(np.zeros_like, net.update_grid(X))
    new = net.update_grid(X)
    found = optim.carry_over(state, optimizer.init(new), new, [zero])
    assert not np.asarray(found.mu.layers[0].alpha).any() and np.asarray(found.mu.layers[0].base).any()


def test_gradients_must_be_there_and_of_the_new_parameters(backend):
    optimizer, net = optim.adam(), KAN.init(0, [2, 3, 1])
    for gradients in ([], [{"alpha": 1.0}]):
        with pytest.raises(
            ValueError, match="carry_over: gradients must be a list, of one or more gradients by the new"
        ):
            optim.carry_over(optimizer.init(net), optimizer.init(net), net, gradients)
