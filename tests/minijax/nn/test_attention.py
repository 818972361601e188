"""`jax.nn.dot_product_attention`: values, residuals and gradients as JAX's, for each argument."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax as mj

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
    "all": {"mask": normal(2, 4, 5, 7) > 0, "bias": normal(1, 4, 5, 7), "is_causal": True, "return_residual": True},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_attention(name):
    options = OPTIONS[name]

    def both(lib):
        def attention(*args):
            return lib.tree.leaves(lib.nn.dot_product_attention(*args, **options))

        slopes = lib.grad(lambda *args: (attention(*args)[0] ** 2).sum(), (0, 1, 2))
        return lambda *args: [*attention(*args), *slopes(*args)]

    args = (QUERY, KEY, VALUE)
    mine, theirs = both(mj)(*args), jax.jit(both(jax))(*args)
    for a, b in zip(mine, theirs, strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-5, atol=2e-6)
    for a, b in zip(mine, mj.jit(both(mj))(*args), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-6, atol=1e-6)


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
