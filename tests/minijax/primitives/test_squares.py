"""The derivatives of arcsin, arccos and arccosh have JAX's equations, with 1 - x^2 rounded once, and equal bits everywhere."""

from __future__ import annotations

import numpy as np
import pytest

import minijax as mj
import minijax.numpy as jnp

EDGES = [0.0, 1.0, np.inf, np.nan]


def places(dtype: str) -> np.ndarray:
    """Numbers of every size, many of them next to 1, of both signs."""
    info, part = np.finfo(dtype), np.linspace(0, 1, 300)
    sizes = np.exp(np.log(float(info.tiny)) + part * (np.log(float(info.max)) - np.log(float(info.tiny))))
    ends = [float(x) for x in (info.tiny, info.max, info.smallest_subnormal)]
    x = np.concatenate([part, 1 - info.eps ** part[1:], 1 + info.eps ** part[1:], sizes, ends, EDGES]).astype(dtype)
    return np.concatenate([x, -x])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["arcsin", "arccos", "arccosh"])
def test_slopes_next_to_1(name, dtype):
    with mj.enable_x64(dtype == "float64"):
        x = jnp.asarray(places(dtype))
        slope = mj.vmap(mj.grad(getattr(jnp, name)))
        ways = [
            mj.grad(lambda x: getattr(jnp, name)(x).sum()),
            mj.jit(slope),
            lambda x: mj.jvp(getattr(jnp, name), (x,), (jnp.ones_like(x),))[1],
            mj.jit(lambda x: mj.lax.scan(lambda c, x: (c, mj.grad(getattr(jnp, name))(x)), 0, x)[1]),
        ]
        found = np.asarray(slope(x))
        for way in ways:
            np.testing.assert_array_equal(way(x), found)
    size = np.abs(np.asarray(x, np.longdouble))
    size, found = (a[size < np.sqrt(float(np.finfo(dtype).max))] for a in (size, found))
    with np.errstate(all="ignore"):
        square = (size - 1) * (size + 1) if name == "arccosh" else (1 - size) * (1 + size)
        true = (-1 if name == "arccos" else 1) / np.sqrt(square)
    np.testing.assert_allclose(found, true.astype(dtype), rtol=2 * np.finfo(dtype).eps)
