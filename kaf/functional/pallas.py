"""The method of `gridded.py` as two GPU kernels, written with Pallas (Triton). Computes with JAX.

In the forward kernel each program reads one tile of x, evaluates the sum in registers and writes the result, so the memory
traffic is that of tanh. In the backward kernel each program walks down a stripe of rows, one tile after the other. It writes
the gradient of x for each tile, adds up the moments of the stripe, and writes the moments at the end of the stripe. XLA then
adds up the moments of all stripes.

Without a GPU the kernels are interpreted. That is slow, and meant for tests.
"""

from __future__ import annotations

import functools

from ..backend import Array
from .gridded import Layout, block_exponentials, block_sums, coefficients_of

try:
    import jax
    import jax.numpy as jnp
    from jax import lax
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton
except ModuleNotFoundError as e:
    raise ImportError("kaf.pallas needs JAX, which is not installed: pip install 'minijax[jax]'") from e

# A tile of x: 2048 values, 16 for each of the 128 threads of 4 warps.
TILE_ROWS, TILE_UNITS = 32, 64
# The largest number of stripes: enough for all multiprocessors, and few enough to add up their moments.
MAX_STRIPES = 64


# -- The kernels ---------------------------------------------------------------------------------------------------------


def forward(layout: Layout, x: Array, alpha: Array, sigma: Array) -> Array:
    """The weighted sum, float32 [n, units]."""
    problem = _Tiled(layout, x, alpha, sigma)
    call = pl.pallas_call(
        functools.partial(_forward_kernel, layout),
        grid=(problem.tiles_down, problem.tiles_across),
        in_specs=[problem.tile, *problem.across(lambda i, j: j)],
        out_specs=problem.tile,
        out_shape=jax.ShapeDtypeStruct(problem.x.shape, jnp.float32),
        **_options("kaf_forward"),
    )
    return problem.cut(call(problem.x, problem.coefficients[0], problem.sigma))


def backward(layout: Layout, x: Array, alpha: Array, sigma: Array, g: Array) -> tuple[Array, Array]:
    """The gradients of sum(g * weighted sum) by x and by alpha, float32 [n, units] and [k, units]."""
    problem = _Tiled(layout, x, alpha, sigma, order=1)
    tiles = -(-problem.tiles_down // MAX_STRIPES)
    stripes = -(-problem.tiles_down // tiles)
    stripe = pl.BlockSpec((tiles * TILE_ROWS, TILE_UNITS), lambda i, j: (i, j))
    x, g = (problem.padded(a, stripes * tiles * TILE_ROWS) for a in (x, g))
    c = problem.coefficients
    call = pl.pallas_call(
        functools.partial(_backward_kernel, layout, tiles),
        grid=(stripes, problem.tiles_across),
        in_specs=[stripe, stripe, problem.across_of(c[0]), *problem.across(lambda i, j: j)],
        out_specs=[stripe, pl.BlockSpec((1, c[0].shape[0], TILE_UNITS), lambda i, j: (i, 0, j))],
        out_shape=[
            jax.ShapeDtypeStruct(x.shape, jnp.float32),
            jax.ShapeDtypeStruct((stripes, *c[0].shape), jnp.float32),
        ],
        **_options("kaf_backward"),
    )
    dx, moments = call(x, g, c[0], c[1], problem.sigma)
    moments = moments.sum(0)[: layout.num_blocks * layout.block, : alpha.shape[1]]
    # d alpha_j is q^(j^2) times the moment. `coefficients_of` gives q^(j^2) if all alpha are 1.
    q = coefficients_of(jnp, layout, 0, jnp.ones_like(alpha, jnp.float32), sigma.astype(jnp.float32))[0]
    return problem.cut(dx), (moments * q.reshape(moments.shape))[: layout.size]


class _Tiled:
    """x, and the coefficients and sigma of its units, all padded to whole tiles."""

    def __init__(self, layout: Layout, x: Array, alpha: Array, sigma: Array, order: int = 0):
        self.shape = x.shape
        self.tiles_down, self.tiles_across = -(-x.shape[0] // TILE_ROWS), -(-x.shape[1] // TILE_UNITS)
        alpha, sigma = alpha.astype(jnp.float32), sigma.astype(jnp.float32)
        powers = coefficients_of(jnp, layout, order, alpha, sigma)
        self.coefficients = [self._across(c.reshape(-1, x.shape[1])) for c in powers]
        self.sigma = self._across(jnp.broadcast_to(sigma, (1, x.shape[1])), 1.0)
        self.x = self.padded(x, self.tiles_down * TILE_ROWS)
        self.tile = pl.BlockSpec((TILE_ROWS, TILE_UNITS), lambda i, j: (i, j))

    def padded(self, x: Array, rows: int) -> Array:
        pad = ((0, rows - x.shape[0]), (0, self.tiles_across * TILE_UNITS - x.shape[1]))
        return jnp.pad(x, pad) if any(map(any, pad)) else x

    def _across(self, a: Array, value: float = 0.0) -> Array:
        # Triton needs blocks whose size is a power of two.
        rows = pl.next_power_of_2(a.shape[0])
        pad = ((0, rows - a.shape[0]), (0, self.tiles_across * TILE_UNITS - a.shape[1]))
        return jnp.pad(a, pad, constant_values=value)

    def across_of(self, a: Array) -> pl.BlockSpec:
        return pl.BlockSpec((a.shape[0], TILE_UNITS), lambda i, j: (0, j))

    def across(self, index) -> list[pl.BlockSpec]:
        return [self.across_of(self.coefficients[0]), self.across_of(self.sigma)]

    def cut(self, out: Array) -> Array:
        return out[: self.shape[0], : self.shape[1]]


def _options(name: str) -> dict:
    return {
        "name": name,
        "interpret": jax.default_backend() != "gpu",
        "compiler_params": triton.CompilerParams(num_warps=4),
    }


def _rows_of(c_ref, layout: Layout, block: int) -> list:
    """The coefficients of a block of centres, one array [1, tile units] for each centre."""
    return [c_ref[pl.ds(block * layout.block + j, 1), :] for j in range(layout.block)]


def _forward_kernel(layout: Layout, x_ref, c_ref, sigma_ref, out_ref):
    x, sigma = x_ref[...].astype(jnp.float32), sigma_ref[...]
    out = jnp.zeros_like(x)
    for b, anchor in enumerate(layout.anchors):
        out += block_sums(jnp, layout, [0], x, sigma, anchor, [[_rows_of(c_ref, layout, b)]])[0]
    out_ref[...] = out


def _backward_kernel(layout: Layout, tiles: int, x_ref, g_ref, c_ref, cj_ref, sigma_ref, dx_ref, moments_ref):
    sigma = sigma_ref[...]

    def tile(i, moments):
        rows = pl.ds(i * TILE_ROWS, TILE_ROWS)
        x, g = x_ref[rows, :].astype(jnp.float32), g_ref[rows, :].astype(jnp.float32)
        slope, added = jnp.zeros_like(x), []
        for b, anchor in enumerate(layout.anchors):
            powers = [_rows_of(c_ref, layout, b), _rows_of(cj_ref, layout, b)]
            slope += block_sums(jnp, layout, [1], x, sigma, anchor, [powers])[0]
            added += _moments(layout, x, g, sigma, anchor)
        dx_ref[rows, :] = -g * slope / sigma
        return tuple(total + m for total, m in zip(moments, added, strict=True))

    zero = jnp.zeros((TILE_UNITS,), jnp.float32)
    moments = lax.fori_loop(0, tiles, tile, (zero,) * (layout.num_blocks * layout.block))
    for i, total in enumerate(moments):
        moments_ref[0, i, :] = total


def _moments(layout: Layout, x, g, sigma, anchor) -> list:
    """For each j of a block: the moment, the sum of g exp(-t^2 / 2) z^j over the rows of the tile."""
    _, E, z, inverse = block_exponentials(jnp, layout, x, sigma, anchor)
    weight = g * E
    below, w = [], weight
    for _ in range(layout.below):
        w = w * inverse
        below.append(w.sum(0))
    above, w = [weight.sum(0)], weight
    for _ in range(layout.block - layout.below - 1):
        w = w * z
        above.append(w.sum(0))
    return below[::-1] + above
