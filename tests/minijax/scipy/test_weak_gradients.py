"""Gradients of functions of `nn`, `scipy.special` and `scipy.stats` by weak arrays: their dtypes and weak types are JAX's."""

from __future__ import annotations

import warnings

import jax
import jax.scipy.special
import jax.scipy.stats
import numpy as np
import pytest

import minijax as mj
import minijax.nn
import minijax.scipy.special
import minijax.scipy.stats
from tests.minijax.scipy import test_special, test_stats

ACTIVATIONS = (
    "celu elu gelu glu hard_sigmoid hard_silu hard_tanh identity leaky_relu log1mexp log_sigmoid log_softmax logmeanexp logsumexp"
    " mish relu relu6 selu sigmoid silu soft_sign softmax softplus sparse_plus sparse_sigmoid squareplus standardize tanh"
)


def cases() -> dict:
    """{name: (the function of a library and arguments, the arguments as numbers, which of them have derivatives)}"""
    table = {}
    for name in ACTIVATIONS.split():
        table[f"nn.{name}"] = (lambda lib, x, name=name: getattr(lib.nn, name)(x), [0.7], [0])
    for name, (call, args, smooth, most) in test_special.CALLS.items():
        if most and name != "polygamma":
            values = [float(x.ravel()[3]) for x in args]
            table[f"special.{name}"] = (lambda lib, *a, call=call: call(lib.scipy.special, *a), values, smooth)
    for distribution, name in test_stats.FUNCTIONS:
        if (distribution, name) not in test_stats.FAIL_IN_JAX:
            values = [float(np.ravel(a)[min(5, np.size(a) - 1)]) for a in test_stats.arguments(distribution, name)]
            call = lambda lib, *a, d=distribution, f=name: getattr(getattr(lib.scipy.stats, d), f)(*a)
            table[f"stats.{distribution}.{name}"] = call, values, test_stats.differentiable(distribution, name, values)
    return table


CASES = cases()
# {why they differ: the functions, and for how many axes}
EXPLAINED = {
    # Eager gradients of both are strong, by `gelu` as by `nbinom`; `standardize` is jitted in JAX, and weak.
    "the sum of a weak and a strong cotangent: JAX's traced sum has the type of its first operand, and ours is strong": (
        "nn.gelu nn.sparse_plus nn.standardize stats.nbinom.logpmf stats.nbinom.pmf"
    ),
}


def test_every_activation_is_there():
    public = {f for f in mj.nn.__all__ if callable(getattr(mj.nn, f))}
    aliases = {"hard_swish", "swish"}
    others = {
        "one_hot",
        "dot_product_attention",
        "scaled_dot_general",
        "scaled_matmul",
        "get_scaled_dot_general_config",
    }
    assert public - aliases - others == set(ACTIVATIONS.split())


def kinds(name, shape):
    """(which gradient, which arguments are weak): (dtype, weak type) of the gradient, in both libraries."""
    call, values, smooth = CASES[name]
    every = []
    for lib in (mj, jax):
        total = lambda *args, lib=lib: sum(lib.numpy.sum(x.real) for x in lib.tree.leaves(call(lib, *args)))
        found = {}
        for weak in {(True,) * len(values), (True, *[False] * (len(values) - 1))}:
            numbers = [v if w else np.float32(v) for v, w in zip(values, weak)]
            args = [lib.numpy.broadcast_to(lib.numpy.asarray(v), shape) for v in numbers]
            for i in smooth:
                out = lib.eval_shape(lib.grad(total, i), *args)
                found[i, weak] = str(out.dtype), out.weak_type
        every.append(found)
    return every


WITH_AXES = ("nn.glu", "nn.log_softmax", "nn.softmax", "nn.standardize", "special.log_softmax of rows")
OF_SHAPES = [(name, shape) for name in CASES for shape in ((), (2, 4)) if shape or name not in WITH_AXES]


@pytest.mark.parametrize(("name", "shape"), OF_SHAPES)
@pytest.mark.one_in(144)
def test_gradients_by_weak_arrays(name, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, theirs = kinds(name, shape)
    if shape and name in " ".join(EXPLAINED.values()).split():
        assert mine != theirs
    else:
        assert mine == theirs


@pytest.mark.parametrize(
    "name", ["nn.gelu", "special.dawsn", "stats.norm.logpdf", "stats.cauchy.ppf", "stats.nbinom.logpmf"]
)
@pytest.mark.one_in(2)
def test_eager_gradients(name):
    call, values, smooth = CASES[name]
    for i in smooth:
        kinds = []
        for lib in (mj, jax):
            args = [lib.numpy.broadcast_to(lib.numpy.asarray(v), (3,)) for v in values]
            out = lib.grad(lambda *a, lib=lib: call(lib, *a).sum(), i)(*args)
            kinds.append((str(out.dtype), out.weak_type))
        assert kinds[0] == kinds[1], i
