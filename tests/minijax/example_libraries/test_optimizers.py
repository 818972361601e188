"""The optimizers and schedules take the steps that JAX's take."""

from __future__ import annotations

import inspect

import jax
import jax.example_libraries.optimizers
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.example_libraries.optimizers
import minijax.numpy

OPTIMIZERS = {
    "sgd": (0.1,),
    "momentum": (0.1, 0.9),
    "nesterov": (0.1, 0.9),
    "adagrad": (0.1,),
    "rmsprop": (0.1,),
    "rmsprop_momentum": (0.1,),
    "adam": (0.1,),
    "adamax": (0.1,),
    "sm3": (0.1,),
}
SCHEDULES = {
    "constant": (0.5,),
    "exponential_decay": (0.5, 3, 0.9),
    "inverse_time_decay": (0.5, 3, 0.9),
    "inverse_time_decay, in stairs": (0.5, 3, 0.9, True),
    "polynomial_decay": (0.5, 3, 0.1, 2.0),
    "piecewise_constant": ([1, 3], [1.0, 0.5, 0.25]),
}


def both(function):
    return function(minijax, minijax.example_libraries.optimizers), function(jax, jax.example_libraries.optimizers)


def assert_equal(mine, theirs):
    assert str(minijax.tree.structure(mine)) == str(jax.tree.structure(theirs))
    for a, b in zip(minijax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_every_public_name_is_there():
    mine, theirs = both(lambda lib, library: library)
    for name, value in vars(theirs).items():
        if getattr(value, "__module__", None) == theirs.__name__:
            assert (
                inspect.signature(getattr(mine, name)).parameters.keys() == inspect.signature(value).parameters.keys()
            )
    tested = {name.split(",")[0] for name in (*OPTIMIZERS, *SCHEDULES)}
    others = {"optimizer", "make_schedule", "l2_norm", "clip_grads", "pack_optimizer_state", "unpack_optimizer_state"}
    assert tested | others == {
        n for n, v in vars(theirs).items() if inspect.isfunction(v) and v.__module__ == theirs.__name__
    }


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.one_in(12)
def test_steps(name):
    """Three steps, the last two under jit with a step number and a schedule."""

    def run(lib, library):
        opt = getattr(library, name)(library.inverse_time_decay(0.1, 2, 0.5), *OPTIMIZERS[name][1:])
        jnp = lib.numpy
        params = {"w": jnp.asarray(np.float32([[1.0, -2.0], [0.5, 3.0]])), "b": [jnp.float32(0.25)]}
        loss = lambda p: (p["w"] ** 2).sum() * p["b"][0] + p["b"][0] ** 2
        state = opt.init_fn(params)

        def step(i, state):
            return opt.update_fn(i, lib.grad(loss)(opt.params_fn(state)), state)

        compiled = step if name == "sm3" else lib.jit(step)
        for i in range(3):
            state = (step if i == 0 else compiled)(i, state)
        again = library.pack_optimizer_state(library.unpack_optimizer_state(state))
        assert lib.tree.structure(again) == lib.tree.structure(state)
        return opt.params_fn(again)

    assert_equal(*both(run))


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    def run(lib, library):
        schedule = getattr(library, name.split(",")[0])(*SCHEDULES[name])
        return [lib.numpy.asarray(schedule(i)) for i in (0, 1, 2, 5)]

    assert_equal(*both(run))


def test_norms():
    tree = [np.float32([3.0, 0.0]), np.float32(4.0)]

    def run(lib, library):
        x = lib.tree.map(lib.numpy.asarray, tree)
        return library.l2_norm(x), library.clip_grads(x, 2.0), library.clip_grads(x, 9.0)

    assert_equal(*both(run))


def of_another_tree(library):
    opt = library.sgd(0.1)
    return opt.update_fn(0, [1.0], opt.init_fn((1.0,)))


def that_changes_its_tree(library):
    opt = library.optimizer(lambda: (lambda x: x, lambda i, g, x: (x, x), lambda x: x))()
    return opt.update_fn(0, 1.0, opt.init_fn(1.0))


@pytest.mark.parametrize(
    "mistake",
    [
        of_another_tree,
        that_changes_its_tree,
        lambda library: library.make_schedule(np.ones(2)),
        lambda library: library.piecewise_constant([1.0], [1.0]),
        lambda library: library.piecewise_constant(1.0, [1.0]),
        lambda library: library.pack_optimizer_state([1.0]),
    ],
)
def test_mistakes(mistake):
    errors = []
    for library in both(lambda lib, library: library):
        with pytest.raises((TypeError, ValueError, AssertionError)) as caught:
            mistake(library)
        errors.append(caught.type)
    assert errors[0] is errors[1]
