"""Bad calls of `jax.scipy`, `jax.nn`, linear algebra, convolutions and reductions: rows of `tests/minijax/test_bad_calls.py`.

{what is wrong: (the call, a function of (jax, jax.numpy, jax.lax); words of the message)}
"""

from __future__ import annotations

import importlib

import numpy as np

X = np.ones((2, 3), np.float32)
SQUARE = np.eye(3, dtype=np.float32)
IMAGES = np.ones((3, 2, 8), np.float32)  # [examples, channels, size]
KERNEL = np.ones((2, 2, 3), np.float32)


def of(jax, name: str):
    """A module of the library, such as `scipy.signal`."""
    return importlib.import_module(f"{jax.__name__}.{name}")


def key(jax):
    return jax.random.key(0)


LIBRARY = {
    "switch, operand twice": (
        lambda jax, jnp, lax: lax.switch(0, [jnp.sin, jnp.cos], 1.0, operand=2.0),
        ("lax.switch", "operand"),
    ),
    "platform_dependent, default": (
        lambda jax, jnp, lax: lax.platform_dependent(1.0, default=3),
        ("platform_dependent", "'default'"),
    ),
    "reduce, nothing": (lambda jax, jnp, lax: lax.reduce((), (), lambda x, y: x, (0,)), ("at least one operand",)),
    "orthogonal, one axis": (
        lambda jax, jnp, lax: of(jax, "nn.initializers").orthogonal()(key(jax), (3,)),
        ("orthogonal", "2D"),
    ),
    "delta_orthogonal, two axes": (
        lambda jax, jnp, lax: of(jax, "nn.initializers").delta_orthogonal()(key(jax), (3, 3)),
        ("orthogonal", "3D"),
    ),
    "delta_orthogonal, sizes": (
        lambda jax, jnp, lax: of(jax, "nn.initializers").delta_orthogonal()(key(jax), (3, 4, 3)),
        ("fan_in", "fan_out"),
    ),
    "lstsq, axes of b": (lambda jax, jnp, lax: jnp.linalg.lstsq(SQUARE, np.ones((3, 1, 1), np.float32)), ("3-dim",)),
    "tensorsolve, sizes": (
        lambda jax, jnp, lax: jnp.linalg.tensorsolve(np.ones((2, 3), np.float32), np.ones(2, np.float32)),
        ("prod", "(2, 3)"),
    ),
    "convolution, batch groups": (
        lambda jax, jnp, lax: lax.conv_general_dilated(IMAGES, KERNEL, (1,), "VALID", batch_group_count=2),
        ("batch_group_count", "2", "3"),
    ),
    "convolution, dtypes": (
        lambda jax, jnp, lax: lax.conv_general_dilated(IMAGES, KERNEL.astype(np.float16), (1,), "VALID"),
        ("float32", "float16"),
    ),
    "conv_transpose, padding": (
        lambda jax, jnp, lax: lax.conv_transpose(IMAGES, KERNEL, (1,), "UP", dimension_numbers=("NCH", "IOH", "NCH")),
        ("padding", "UP"),
    ),
    "eigh, shape": (lambda jax, jnp, lax: lax.linalg.eigh(X), ("(2, 3)",)),
    "lu_solve, trans": (
        lambda jax, jnp, lax: of(jax, "scipy.linalg").lu_solve(
            of(jax, "scipy.linalg").lu_factor(SQUARE), SQUARE[0], trans=3
        ),
        ("3",),
    ),
    "triangular_solve, dtypes": (
        lambda jax, jnp, lax: lax.linalg.triangular_solve(SQUARE, SQUARE.astype(np.complex64)),
        ("float32", "complex64"),
    ),
    "fft, kind": (lambda jax, jnp, lax: lax.fft(SQUARE, "FFFT", (3,)), ("FFFT",)),
    "minimize, args": (
        lambda jax, jnp, lax: of(jax, "scipy.optimize").minimize(jnp.sum, X[0], args=[1], method="BFGS"),
        ("args", "[1]"),
    ),
    "minimize, method": (
        lambda jax, jnp, lax: of(jax, "scipy.optimize").minimize(jnp.sum, X[0], method="downhill"),
        ("downhill",),
    ),
    "stft, padding": (
        lambda jax, jnp, lax: of(jax, "scipy.signal").stft(X[0], nperseg=3, boundary="odd", noverlap=9),
        ("noverlap",),
    ),
    "istft, nperseg": (
        lambda jax, jnp, lax: of(jax, "scipy.signal").istft(np.ones((3, 4), np.complex64), nperseg=-1),
        ("nperseg",),
    ),
    "istft, window": (
        lambda jax, jnp, lax: of(jax, "scipy.signal").istft(np.ones((3, 4), np.complex64), window=SQUARE),
        ("window",),
    ),
    "gaussian_kde, complex": (
        lambda jax, jnp, lax: of(jax, "scipy.stats").gaussian_kde(np.ones(3, np.complex64)),
        ("gaussian_kde", "complex"),
    ),
}
