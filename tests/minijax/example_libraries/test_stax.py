"""The layers of `stax` have the parameters, shapes and outputs of JAX's, for the same key."""

from __future__ import annotations

import inspect

import jax
import jax.example_libraries.stax
import jax.numpy
import jax.random
import numpy as np
import pytest

import minijax
import minijax.example_libraries.stax
import minijax.numpy
import minijax.random

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 6, 5, 3)).astype("float32")
SERIES = RNG.normal(size=(2, 7, 3)).astype("float32")
CHANNELS_FIRST = RNG.normal(size=(2, 3, 6, 5)).astype("float32")
VECTORS = RNG.normal(size=(4, 3)).astype("float32")

LAYERS = {
    "Dense": (lambda s: s.Dense(4), VECTORS),
    "Conv": (lambda s: s.Conv(4, (3, 2), (2, 1), "SAME"), IMAGES),
    "GeneralConv": (lambda s: s.GeneralConv(("NCHW", "OIHW", "NCHW"), 2, (2, 2)), CHANNELS_FIRST),
    "Conv1DTranspose": (lambda s: s.Conv1DTranspose(2, (3,), (2,), "SAME"), SERIES),
    "ConvTranspose": (lambda s: s.ConvTranspose(2, (3, 3), (2, 3), "VALID"), IMAGES),
    "GeneralConvTranspose": (lambda s: s.GeneralConvTranspose(("NHC", "HIO", "NHC"), 2, (2,)), SERIES),
    "BatchNorm": (lambda s: s.BatchNorm(), IMAGES),
    "BatchNorm, one axis": (lambda s: s.BatchNorm(0, center=False), VECTORS),
    "BatchNorm, no scale": (lambda s: s.BatchNorm((0,), scale=False), VECTORS),
    "BatchNorm, neither": (lambda s: s.BatchNorm(scale=False, center=False), IMAGES),
    **{
        name: (lambda s, name=name: getattr(s, name), VECTORS)
        for name in "Tanh Relu Exp LogSoftmax Softmax Softplus Sigmoid Elu LeakyRelu Selu Gelu Identity".split()
    },
    "elementwise": (lambda s: s.elementwise(lambda x, by: x * by, by=2.0), VECTORS),
    "MaxPool": (lambda s: s.MaxPool((2, 2), (2, 2)), IMAGES),
    "SumPool": (lambda s: s.SumPool((2, 2), padding="SAME"), IMAGES),
    "AvgPool": (lambda s: s.AvgPool((2, 3), (2, 1), padding="SAME"), IMAGES),
    "AvgPool, channels first": (lambda s: s.AvgPool((2, 2), padding="SAME", spec="NCHW"), CHANNELS_FIRST),
    "Flatten": (lambda s: s.Flatten, IMAGES),
    "FanOut, parallel, FanInConcat": (
        lambda s: s.serial(s.FanOut(2), s.parallel(s.Dense(2), s.Tanh), s.FanInConcat()),
        VECTORS,
    ),
    "FanInSum": (lambda s: s.serial(s.FanOut(3), s.FanInSum), VECTORS),
    "Dropout": (lambda s: s.serial(s.Dense(2), s.Dropout(0.5)), VECTORS),
    "Dropout, at rest": (lambda s: s.Dropout(0.5, mode="test"), VECTORS),
    "shape_dependent": (lambda s: s.shape_dependent(lambda shape: s.Dense(shape[-1])), VECTORS),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.one_in(24)
def test_layers(name):
    make, x = LAYERS[name]

    def run(lib):
        init_fun, apply_fun = make(lib.example_libraries.stax)
        shape, params = init_fun(lib.random.PRNGKey(3), x.shape)
        return shape, params, lib.jit(apply_fun)(params, lib.numpy.asarray(x), rng=lib.random.PRNGKey(4))

    mine, theirs = run(minijax), run(jax)
    assert tuple(mine[0]) == tuple(theirs[0])
    assert str(minijax.tree.structure(mine[1])) == str(jax.tree.structure(theirs[1]))
    for a, b in zip(minijax.tree.leaves(mine[1:]), jax.tree.leaves(theirs[1:]), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_every_public_name_is_there():
    own = [n for n in vars(jax.example_libraries.stax) if not n.startswith("_")]
    missing = [n for n in own if not hasattr(minijax.example_libraries.stax, n)]
    assert missing == ["functools"]
    tested = " ".join([*LAYERS, *map(lambda f: inspect.getsource(f[0]), LAYERS.values())])
    layers = [n for n in own if n[0].isupper() or n in ("serial", "parallel", "shape_dependent")]
    assert [n for n in layers if n not in tested] == []


def test_a_network_of_convolutions_learns():
    stax, optimizers = minijax.example_libraries.stax, minijax.example_libraries.optimizers
    init_fun, apply_fun = stax.serial(
        stax.Conv(8, (3, 3)), stax.Relu, stax.MaxPool((2, 2)), stax.Flatten, stax.Dense(1)
    )
    x = minijax.numpy.asarray(RNG.normal(size=(32, 6, 6, 1)).astype("float32"))
    y = x.max((1, 2))
    opt = optimizers.adam(0.01)
    loss = lambda params: ((apply_fun(params, x) - y) ** 2).mean()
    state = opt.init_fn(init_fun(minijax.random.key(0), (-1, 6, 6, 1))[1])
    step = minijax.jit(lambda i, s: opt.update_fn(i, minijax.grad(loss)(opt.params_fn(s)), s))
    before = loss(opt.params_fn(state))
    for i in range(60):
        state = step(i, state)
    assert loss(opt.params_fn(state)) < before / 4


def test_dropout_asks_for_a_key():
    for lib in (minijax, jax):
        with pytest.raises(ValueError, match="PRNG key"):
            lib.example_libraries.stax.Dropout(0.5)[1]((), VECTORS)
