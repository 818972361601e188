"""`jax.nn.dot_product_attention`: values, residuals and gradients as JAX's, for each argument."""

from __future__ import annotations

import tracemalloc

import jax
import numpy as np
import pytest

import minijax as mj
import minijax.nn.attention as ours

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


QUERY, KEY, VALUE = normal(2, 5, 4, 3), normal(2, 7, 2, 3), normal(2, 7, 2, 3)
OPTIONS = {
    "none": {},
    "scale": {"scale": 0.3},
    "causal": {"is_causal": True},
    "bias": {"bias": normal(2, 4, 5, 7)},
    "one bias": {"bias": normal(1, 1, 5, 7)},
    "bias of three axes": {"bias": normal(4, 5, 7)},
    "mask": {"mask": normal(2, 1, 5, 7) > 0},
    "mask of all": {"mask": np.zeros((1, 1, 5, 7), bool)},
    "lengths": {"query_seq_lengths": np.int32([3, 5]), "key_value_seq_lengths": np.int32([7, 2])},
    "window": {"local_window_size": 1, "implementation": "xla"},
    "window to the left": {"local_window_size": (2, 0), "is_causal": True},
    "window to the right": {"local_window_size": (0, 1)},
    "window of all": {"local_window_size": (9, 9)},
    "window and lengths": {
        "local_window_size": 1, "query_seq_lengths": np.int32([3, 5]), "key_value_seq_lengths": np.int32([7, 2]),
    },
    "window, no key counts": {
        "local_window_size": (1, 0), "mask": np.zeros((1, 1, 1, 7), bool), "bias": normal(2, 4, 1, 7), "return_residual": True,
    },
    "window, bias of minus infinity": {
        "local_window_size": (1, 0), "bias": np.full((1, 4, 5, 1), -np.inf, np.float32), "return_residual": True,
    },
    "window, all": {
        "local_window_size": (1, 1), "mask": normal(2, 4, 5, 7) > 0, "bias": normal(1, 4, 5, 7), "return_residual": True,
    },
    "all": {"mask": normal(2, 4, 5, 7) > 0, "bias": normal(1, 4, 5, 7), "is_causal": True, "return_residual": True},
}  # fmt: skip


def values_and_slopes(options):
    def both(lib):
        def attention(*args):
            return lib.tree.leaves(lib.nn.dot_product_attention(*args, **options))

        slopes = lib.grad(lambda *args: (attention(*args)[0] ** 2).sum(), (0, 1, 2))
        return lambda *args: [*attention(*args), *slopes(*args)]

    return both


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.one_in(10)
def test_attention(name):
    both = values_and_slopes(OPTIONS[name])
    args = (QUERY, KEY, VALUE)
    mine, theirs = both(mj)(*args), jax.jit(both(jax))(*args)
    for a, b in zip(mine, theirs, strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-5, atol=2e-6)
    for a, b in zip(mine, mj.jit(both(mj))(*args), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-6, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# Long sequences


@pytest.mark.one_in(100)
@pytest.mark.parametrize("on", ["eager", "jit", "vmap", "xla"])
@pytest.mark.parametrize("name", OPTIONS)
def test_blocks_are_the_whole(name, on, monkeypatch):
    """Blocks of two queries, of five: values, residuals and gradients are those of all queries at once."""
    both = values_and_slopes(OPTIONS[name])(mj)
    args = (QUERY, KEY, VALUE)
    whole = both(*args)
    monkeypatch.setattr(ours, "PAIRS_AT_ONCE", 0)
    monkeypatch.setattr(ours, "BLOCK", 2)
    if on == "vmap":
        twice = mj.vmap(both)(*(np.stack([x, x]) for x in args))
        found = [x[1] for x in twice]
    else:
        found = {"eager": both, "jit": mj.jit(both), "xla": mj.jit(both, compiler="xla")}[on](*args)
    for a, b in zip(whole, found, strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=5e-6, atol=2e-6)


@pytest.mark.parametrize("options", [{"is_causal": True}, {"local_window_size": (30, 2)}], ids=str)
@pytest.mark.one_in(5)
def test_beyond_the_border(options):
    """600 queries see 500 keys: the last queries see no key in the window."""
    both = values_and_slopes(options | {"return_residual": True})
    args = normal(1, 600, 2, 3), normal(1, 500, 1, 3), normal(1, 500, 1, 3)
    assert "scan" in str(mj.make_jaxpr(both(mj))(*args))
    for a, b in zip(both(mj)(*args), jax.jit(both(jax))(*args), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-5, atol=5e-6)


@pytest.mark.parametrize(("on", "options"), [("jit", {"is_causal": True}), ("eager", {"local_window_size": (30, 0)})])
@pytest.mark.one_in(2)
def test_memory_is_linear(on, options):
    """Twice the length takes twice the memory, for the value and the gradient; the logits of all pairs would take four times."""

    def peak(f, length):
        x = np.ones((length, 1, 2), np.float32)
        # The first call is measured: a program keeps its large buffers for the next.
        tracemalloc.start()
        f(x)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    value = lambda x: mj.nn.dot_product_attention(x, x, x, **options).sum()
    for f in (value, mj.grad(value)):
        f = f if on == "eager" else mj.jit(f)
        short, long = peak(f, 1024), peak(f, 2048)
        assert long < 2.2 * short and long < 2 * 2048**2, "the logits of all pairs take 4 * 2048^2 bytes"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_dtypes(dtype):
    run = lambda lib: lib.nn.dot_product_attention(
        *[lib.numpy.asarray(x[0]).astype(dtype) for x in (QUERY, KEY, VALUE)]
    )
    mine, theirs = run(mj), run(jax)
    assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(np.asarray(mine, np.float32), np.asarray(theirs, np.float32), atol=2e-2)


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((QUERY, KEY, VALUE[:, :5]), {}, "value shape should be"),
        ((QUERY, KEY, VALUE.astype("float16")), {}, "value dtype should be float32"),
        ((QUERY[..., :2], KEY, VALUE), {}, "query shape should be"),
        ((QUERY[:, :, :3], KEY, VALUE), {}, "must be a multiple"),
        ((QUERY, KEY, VALUE), {"mask": normal(2, 1, 5, 7)}, "mask dtype should be bool"),
        ((QUERY, KEY, VALUE), {"query_seq_lengths": np.int32([1])}, "query_seq_lengths shape should be"),
        ((QUERY, KEY, VALUE), {"implementation": "gpu"}, "Unsupported implementation option: gpu"),
    ],
)
def test_bad_arguments(args, options, words):
    for lib in (mj, jax):
        with pytest.raises(ValueError, match=words):
            lib.nn.dot_product_attention(*args, **options)
