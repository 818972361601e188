"""checkpoint: the same numbers, less kept; policies; what print_saved_residuals prints. JAX is the oracle. Under and over the
other transformations it is compared with JAX in test_nestings.py; here are the laws."""

from __future__ import annotations

import re
import tracemalloc

import jax
import jax.ad_checkpoint
import jax.numpy
import laws
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

X = np.array([0.3, 0.7, 1.1], np.float32)


def name(lib, x, label):
    return lib.ad_checkpoint.checkpoint_name(x, label)


def layers(lib, policy=None):
    jnp = lib.numpy

    def block(x, w):
        h = name(lib, jnp.sin(w * x), "h")
        return jnp.cos(name(lib, jnp.outer(h, x) @ h, "product")) * h

    f = lib.checkpoint(block, policy=policy)
    return lambda x: f(f(x, x[1]), x[0])


POLICIES = {
    "none": lambda p: None,
    "everything": lambda p: p.everything_saveable,
    "nothing": lambda p: p.nothing_saveable,
    "dots": lambda p: p.dots_saveable,
    "checkpoint_dots": lambda p: p.checkpoint_dots,
    "dots without batch": lambda p: p.dots_with_no_batch_dims_saveable,
    "names": lambda p: p.save_only_these_names("h"),
    "other names": lambda p: p.save_any_names_but_these("h"),
    "all but names": lambda p: p.save_anything_except_these_names("h"),
    "both": lambda p: p.save_from_both_policies(p.dots_saveable, p.save_only_these_names("h")),
}


def total(lib, f):
    return lambda x: (f(x) * lib.numpy.arange(f(x).size, dtype="float32").reshape(f(x).shape)).sum()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.one_in(2)
def test_policies(policy, capsys):
    """The gradient is JAX's; and the kept values have the same types as JAX's, and there are as many of each type."""

    def kept(lib):
        f = layers(lib, POLICIES[policy](lib.checkpoint_policies))
        gradient = np.asarray(lib.grad(total(lib, f))(lib.numpy.asarray(X)))
        lib.ad_checkpoint.print_saved_residuals(f, X)
        printed = capsys.readouterr().out.splitlines()
        return gradient, sorted(re.sub(r" from .*\.py:.*", "", line) for line in printed)

    (mine, my_kept), (theirs, their_kept) = kept(mj), kept(jax)
    np.testing.assert_allclose(mine, theirs, rtol=1e-4)
    if policy in ("names", "other names", "both"):
        named = [line for line in their_kept if "named" in line]
        assert [line for line in my_kept if "named" in line] == named
    assert len(my_kept) <= len(their_kept)


jnp = mj.numpy
LAWFUL = {
    "layers": (layers(mj), ((3,),)),
    "of two arguments": (mj.checkpoint(lambda w, x: {"a": jnp.sin(w @ x), "b": x * x}), ((2, 3), (3,))),
    "in a loop": (
        lambda w, xs: mj.lax.scan(mj.checkpoint(lambda c, x: (jnp.sin(c) * x, jnp.cos(c * w))), w, xs), ((3,), (2, 3)),
    ),
    "around a branch": (
        mj.checkpoint(lambda p, x: mj.lax.cond(p > 0, lambda u: jnp.sin(u) * u, lambda u: u * p, jnp.exp(x))), ((), (2,)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("law", "dtype"), laws.FORWARD + laws.REVERSE)
@pytest.mark.parametrize("name", LAWFUL)
@pytest.mark.one_in(12)
def test_law(name, law, dtype):
    laws.check(law, dtype, *LAWFUL[name])


def test_printed_residuals(capsys):
    def f(x, y):
        return mj.numpy.sin(x["a"]) * y

    mj.ad_checkpoint.print_saved_residuals(f, {"a": 1.0}, 2.0)
    line = f.__code__.co_firstlineno + 1
    assert capsys.readouterr().out.splitlines() == [
        "f32[] from the argument y",
        f"f32[] output of sin from {__file__}:{line}:15 (f)",
        f"f32[] output of cos from {__file__}:{line}:15 (f)",
    ]


def test_text_of_jaxprs():
    def f(lib):
        return lib.checkpoint(lambda x: lib.lax.sin(lib.lax.sin(x)))

    for program, x in ((f, 1.0), (lambda lib: lib.grad(f(lib)), 1.0), (lambda lib: lib.vmap(f(lib)), X)):
        assert str(mj.make_jaxpr(program(mj))(x)) == str(jax.make_jaxpr(program(jax))(x))


@pytest.mark.parametrize("answer", ["Saveable", "Recompute"])
def test_answers_of_policies(answer, capsys):
    def kept(lib):
        lib.ad_checkpoint.print_saved_residuals(
            layers(lib, lambda prim, *args, **params: getattr(lib.ad_checkpoint, answer)), X
        )
        return len(capsys.readouterr().out.splitlines())

    assert kept(mj) == len(kept_by(answer == "Saveable", capsys))


def kept_by(saves, capsys):
    mj.ad_checkpoint.print_saved_residuals(layers(mj, lambda prim, *args, **params: saves), X)
    return capsys.readouterr().out.splitlines()


def test_an_answer_that_is_none():
    with pytest.raises(TypeError, match="must return a bool, Saveable or Recompute, got 'yes'"):
        mj.grad(mj.checkpoint(mj.numpy.sin, policy=lambda prim, *args, **params: "yes"))(1.0)


def test_options():
    f = mj.checkpoint(lambda x, n, *, flag: x * n if flag else x, static_argnums=1, static_argnames="flag")
    assert float(mj.grad(lambda x: f(x, 3, flag=True))(2.0)) == 3
    assert mj.remat is mj.checkpoint
    with pytest.raises(TypeError, match="expected a callable"):
        mj.checkpoint(3)


def peak(f, *args) -> int:
    """The first call measures the memory: later calls use memory that was kept."""
    tracemalloc.start()
    f(*args)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_less_memory():
    """Sixteen layers, each of which keeps several arrays, and with checkpoint one array."""
    x = jnp.ones(100_000)

    def layer(x):
        return jnp.sin(jnp.exp(-x) * x) + jnp.tanh(x)

    def network(layer):
        def f(x):
            for _ in range(16):
                x = layer(x)
            return x.sum()

        return mj.jit(mj.grad(f))

    plain, saving = network(layer), network(mj.checkpoint(layer))
    assert peak(saving, x) < 0.5 * peak(plain, x)
    np.testing.assert_allclose(np.asarray(plain(x)), np.asarray(saving(x)), rtol=1e-5)
