"""Expressions in `jnp` that have the same value in minijax and in JAX, by kind; and the arrays that they use.

`value(expression, jnp)` is the expression's value in one of the two libraries.
"""

from __future__ import annotations

import numpy as np


def variables() -> dict[str, np.ndarray]:
    """The arrays in the expressions. A lower-case name: small finite numbers; a capital: with NaN, infinities, -0.0."""
    rng = np.random.default_rng(3)
    return {
        "x": rng.uniform(-2, 2, (3, 4)).astype("float32"),
        "y": rng.uniform(0.1, 2, (3, 4)).astype("float32"),
        "v": rng.uniform(-1, 1, 4).astype("float32"),
        "u": np.float32([0.5, -0.25, 0.75]),
        "w": rng.uniform(-1, 1, (3, 1)).astype("float32"),
        "s": np.float32(1.5),
        "z": (rng.uniform(-1, 1, (3, 4)) + 1j * rng.uniform(-1, 1, (3, 4))).astype("complex64"),
        "i": rng.integers(-5, 6, (3, 4)).astype("int32"),
        "j": np.int32([3, 1, 3, 0, 5, 1]),
        "k": rng.integers(-100, 100, 4).astype("int8"),
        "n": rng.integers(0, 9, 4).astype("uint8"),
        "b": rng.integers(0, 2, (3, 4)).astype(bool),
        "m": np.bool_([True, False, True, True]),
        "h": rng.uniform(-2, 2, (3, 4)).astype("float16"),
        "t": rng.uniform(-1, 1, (2, 3, 4)).astype("float32"),
        "p": np.float32([0.0, 1.0, 2.5, 4.0]),
        "X": np.float32([0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 1e-30, 3e38, 2.5]),
        "Y": np.float32([np.nan, 0.0, np.inf, 2.0, np.inf, 1.0, 1.0, -1.0, 3e38, -2.5]),
        "N": np.float32([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]]),
        "e0": np.zeros((0, 3), "float32"),
        "e1": np.zeros(0, "int32"),
    }


VARIABLES = variables()


def value(expression: str, jnp, variables=None):
    scope = variables or {name: jnp.asarray(x) for name, x in VARIABLES.items()}
    return eval(expression, {"jnp": jnp, "np": np, **scope})


def rows(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip() and not line.strip().startswith("#")]


UNARY = (
    "exp exp2 expm1 log log1p log2 log10 sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh sqrt cbrt"
    " negative positive sign square reciprocal floor ceil trunc rint round absolute abs fabs deg2rad rad2deg radians degrees"
    " signbit isnan isinf isfinite isposinf isneginf nan_to_num real imag conj angle logical_not sinc iscomplex isreal"
).split()
COMPLEX_UNARY = (
    "exp expm1 log log1p log2 log10 sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh sqrt negative"
    " sign square reciprocal absolute real imag conj angle isnan isinf isfinite rint round nan_to_num"
).split()
BINARY = (
    "add subtract multiply true_divide floor_divide remainder fmod power float_power maximum minimum fmax fmin arctan2 hypot"
    " logaddexp logaddexp2 copysign heaviside nextafter equal not_equal less less_equal greater greater_equal logical_and"
    " logical_or logical_xor"
).split()
INTEGER_BINARY = "bitwise_and bitwise_or bitwise_xor left_shift right_shift".split()
REDUCTIONS = (
    "sum prod max min mean var std any all ptp argmax argmin median nansum nanprod nanmax nanmin nanmean nanvar nanstd"
    " nanmedian count_nonzero average cumsum cumprod nancumsum nancumprod nanargmax nanargmin"
).split()

ELEMENTWISE = [
    *(f"jnp.unravel_index(jnp.arange(14, dtype='{d}'), (3, 4))" for d in ("int8", "uint8", "int16", "uint16", "int32", "uint32")),
    *(f"jnp.{name}({arg})" for name in UNARY for arg in ("x", "y", "X", "s", "i", "b", "2", "0.5")),
    *(f"jnp.{name}({arg})" for name in COMPLEX_UNARY for arg in ("z", "0.5 + 0.25j")),
    *(f"jnp.{name}({pair})" for name in BINARY for pair in ("x, y", "X, Y", "v, w", "y, 2.0", "0.5, y", "i, 3", "b, x")),
    *(f"jnp.{name}({a}, {b})" for name in INTEGER_BINARY for a, b in (("i", "j[:4]"), ("i", "3"), ("n", "n"), ("k", "2"))),
    *rows("""
        jnp.bitwise_not(i)
        jnp.bitwise_and(b, m)
        jnp.invert(m)
        jnp.bitwise_count(i)
        jnp.divmod(x, y)
        jnp.divmod(i, 3)
        jnp.modf(x)
        jnp.ldexp(x, 3)
        jnp.ldexp(1.0, i)
        jnp.power(x, 2)
        jnp.power(x, -2)
        jnp.power(i, 3)
        jnp.power(x, i)
        jnp.power(i, jnp.abs(i))
        jnp.power(y, x)
        jnp.power(2, y)
        jnp.power(s, jnp.int32(3))
        jnp.power(i[0], x)
        jnp.clip(x, -1, 1)
        jnp.clip(x, None, 0.5)
        jnp.clip(i, 0)
        jnp.clip(x, v, 1.5)
        jnp.round(x, 1)
        jnp.round(h, 2)
        jnp.round(z, 1)
        jnp.where(b, x, 0.0)
        jnp.where(b, x, 1)
        jnp.where(x > 0, 1.0, 0.0)
        jnp.where(m, x, w)
        jnp.where(i, x, y)
        jnp.where(True, x, 0)
        jnp.unravel_index(n, (3, 4))
        jnp.unravel_index(k, 5)
        jnp.repeat(s, 2, axis=0)
        jnp.repeat(3, 2, axis=-1)
        jnp.where(b, i, x)
        jnp.where(e0 > 0, e0, 1.0)
        jnp.nan_to_num(X, nan=1.0, posinf=2.0, neginf=3.0)
        jnp.isclose(X, Y)
        jnp.isclose(X, X, equal_nan=True)
        jnp.isclose(x, x + 1e-6)
        jnp.isclose(i, i)
        jnp.select([x > 1, x > 0], [x, 2 * x], 7.0)
        jnp.logaddexp(e0, e0)
        jnp.add(e0, 1)
        jnp.less(z, z.T[0, 0])
        jnp.logaddexp(z, 2 * z)
        jnp.logaddexp(z, x)
        jnp.logaddexp2(z, 2 * z)
        jnp.logaddexp2(z, 1j)
    """),
]  # fmt: skip

OPERATORS = rows("""
    x + y
    x + 1
    1.5 - x
    x - v
    x * w
    x / 3
    1 / y
    i / 2
    x // y
    i // 3
    7 // i.at[i == 0].set(1)
    x % 0.75
    i % 3
    x ** 2
    x ** 3
    y ** 0.5
    y ** y
    2 ** x
    2 ** n
    x ** 0
    i ** 2
    -x
    +x
    abs(x)
    ~i
    ~b
    i & 3
    i | j[:4]
    i ^ 1
    1 & i
    b & m
    b ^ True
    i << 2
    i >> 1
    n >> 1
    2 << n
    x > 0
    x >= y
    0 < x
    x == x
    i != 3
    b == False
    x @ x.T
    v @ v
    x @ v
    v @ x.T
    t @ t.swapaxes(1, 2)
    np.float32(2) * x
    np.float64(2) * x
    np.ones(4) + x
    x + np.ones(4, 'int32')
    x * True
    divmod(x, y)
    divmod(7.5, y)
    round(x)
    round(x, 1)
    x[0]
    x[:, None] + v
    x[-1, ::2]
    len(x)
    list(i)
    1.5 in p
    b + b
    b * b
    k + 300
    x + 2j
    i + 2.5
    h + 1
    h * x
    h @ h.T
""")

METHODS = rows("""
    x.sum()
    x.sum(0)
    x.mean(axis=1, keepdims=True)
    x.var()
    x.std(0, ddof=1)
    x.max(1)
    x.min()
    x.prod(0)
    b.any(1)
    b.all(0)
    x.ptp()
    x.argmax()
    x.argmax(1)
    x.argmin(0, keepdims=True)
    x.cumsum(1)
    x.cumprod(0)
    x.reshape(4, 3)
    x.reshape(-1)
    x.reshape((2, -1))
    x.reshape(4, 3, order='F')
    x.ravel()
    x.flatten()
    t.transpose()
    t.transpose(1, 0, 2)
    t.transpose((2, 0, 1))
    t.T
    t.mT
    w.squeeze()
    w.squeeze(1)
    t.swapaxes(0, 2)
    x.astype(int)
    x.astype('float16')
    z.astype(bool)
    x.copy()
    x.clip(-1, 1)
    z.conj()
    x.real
    z.imag
    x.dot(v)
    x.round(1)
    x.sort()
    x.sort(0, descending=True)
    x.argsort()
    x.take(jnp.array([0, 5]))
    x.repeat(2, 0)
    x.diagonal()
    x.trace()
    m.nonzero()
    x.view('int32')
    x.view('uint8')
    i.view('int16')
    x.nbytes
    x.itemsize
    x.size
    x.searchsorted if False else p.searchsorted(1.5)
    x.item(3)
    x.tolist()
    v.compress(m)
""")

REDUCED = [
    *(f"jnp.{name}({arg})" for name in REDUCTIONS for arg in ("x", "i", "b", "h", "s", "2.5", "3")),
    *(f"jnp.{name}({arg}, axis={axis})" for name in REDUCTIONS for arg, axis in (("x", 0), ("x", -1), ("i", 1), ("t", 1))),
    *(f"jnp.{name}({arg}, axis={axis}, keepdims=True)" for name in REDUCTIONS[:20] if not name.startswith("cum")
      for arg, axis in (("x", 0), ("t", -1))),
    *(f"jnp.{name}(t, axis=(0, 2))" for name in REDUCTIONS[:20] if "arg" not in name),
    *(f"jnp.{name}(N{axis})" for name in REDUCTIONS if name.startswith("nan") and "arg" not in name for axis in ("", ", axis=1")),
    *(f"jnp.{name}(X)" for name in REDUCTIONS if name not in ("prod", "cumprod", "nancumprod")),
    *rows("""
        jnp.sum(e0)
        jnp.sum(e0, axis=0)
        jnp.median(e0, axis=1)
        jnp.nanmedian(e0, axis=1)
        jnp.quantile(e0, jnp.array([0.3, 0.5]), axis=1)
        jnp.prod(e0, axis=0)
        jnp.mean(e0, axis=0)
        jnp.max(e0, initial=2.0)
        jnp.any(e0)
        jnp.all(e0, axis=1)
        jnp.cumsum(e1)
        jnp.sum(x, where=b)
        jnp.sum(x, axis=1, where=m)
        jnp.mean(x, where=b)
        jnp.mean(x, axis=0, where=b, keepdims=True)
        jnp.max(x, where=b, initial=-10)
        jnp.var(x, where=b)
        jnp.any(b, where=m)
        jnp.sum(x, initial=10)
        jnp.prod(x, initial=2.0, axis=0)
        jnp.min(i, initial=-100)
        jnp.sum(i, dtype='float32')
        jnp.sum(x, dtype=int)
        jnp.mean(i, dtype='float16')
        jnp.sum(k)
        jnp.sum(n)
        jnp.sum(k, promote_integers=False)
        jnp.sum(b, axis=1)
        jnp.cumsum(b)
        jnp.cumsum(k)
        jnp.cumsum(x, axis=1, dtype='float16')
        jnp.cumsum(2.5, axis=0)
        jnp.nancumprod(np.inf, axis=-1)
        jnp.cumprod(jnp.array(3), axis=0)
        jnp.ix_(jnp.zeros(0), jnp.arange(3.0))
        jnp.select(x > jnp.zeros((2, 1, 1)), jnp.stack([x, y]))
        jnp.cov(jnp.zeros((0, 2), 'float16'))
        jnp.bincount(jnp.zeros(0, int))
        jnp.cov(jnp.ones((1, 3)), rowvar=False)
        jnp.pad(jnp.zeros((0, 2)), 1, mode='mean')
        jnp.var(x, ddof=1)
        jnp.var(i)
        jnp.var(z)
        jnp.std(z, axis=0)
        jnp.var(x, correction=2)
        jnp.average(x, weights=y)
        jnp.average(x, axis=1, weights=v)
        jnp.average(x, axis=0, returned=True)
        jnp.quantile(x, 0.3)
        jnp.quantile(x, jnp.array([0.1, 0.5, 0.9]), axis=1)
        jnp.quantile(x, 0.3, axis=0, keepdims=True)
        jnp.quantile(x, 0.3, method='lower')
        jnp.quantile(x, 0.3, method='higher')
        jnp.quantile(x, 0.3, method='nearest')
        jnp.quantile(x, 0.3, method='midpoint')
        jnp.quantile(t, 0.25, axis=(0, 2))
        jnp.quantile(i, 0.5, axis=1)
        jnp.percentile(x, 30.0)
        jnp.nanquantile(N, 0.5, axis=1)
        jnp.nanpercentile(N, 25, axis=0)
        jnp.cumulative_sum(v)
        jnp.cumulative_sum(v, include_initial=True)
        jnp.cumulative_sum(k)
        jnp.cumulative_prod(x, axis=1)
        jnp.sum(x, axis=())
        jnp.sum(x, axis=[0, 1])
    """),
]  # fmt: skip

CREATION = rows("""
    jnp.zeros(3)
    jnp.zeros((2, 0))
    jnp.ones((2, 3), dtype=int)
    jnp.empty(2)
    jnp.full((2, 2), 7)
    jnp.full(3, 2.5, dtype='int32')
    jnp.full((2, 4), v)
    jnp.full((), 1.5)
    jnp.zeros_like(i)
    jnp.ones_like(3.5)
    jnp.ones_like(x, dtype=bool)
    jnp.full_like(x, 2)
    jnp.full_like(i, 2.7)
    jnp.full_like(x, v)
    jnp.zeros_like(x, shape=(2,))
    jnp.array(3)
    jnp.array(3.5)
    jnp.array(True)
    jnp.array(2j)
    jnp.array([1, 2.5])
    jnp.array([[1, 2], [3, 4]])
    jnp.array([True, 2])
    jnp.array([])
    jnp.array([[], []])
    jnp.array([s, 1.0, 2])
    jnp.array([v, v + 1])
    jnp.array([[s, 2], [3, s]])
    jnp.array(x, dtype=int)
    jnp.array(3, dtype='float32')
    jnp.array(v, ndmin=3)
    jnp.array(np.float64(2))
    jnp.array(np.arange(3))
    jnp.asarray((1, 2))
    jnp.asarray(3.5, dtype='float16')
    jnp.asarray(range(3))
    jnp.float32(2)
    jnp.int8([1, 2])
    jnp.bool_(3)
    jnp.complex64(1)
    jnp.arange(5)
    jnp.arange(5.0)
    jnp.arange(4.5)
    jnp.arange(2, 7)
    jnp.arange(2, 7, 2)
    jnp.arange(7, 2, -2)
    jnp.arange(0, 1, 0.25)
    jnp.arange(1, 2, 0.1)
    jnp.arange(3, dtype='float32')
    jnp.arange(0)
    jnp.arange(5, 2)
    jnp.linspace(0, 1, 5)
    jnp.linspace(-1, 1)
    jnp.linspace(0, 1, 4, endpoint=False)
    jnp.linspace(0, 10, 5, dtype=int)
    jnp.linspace(0, 1, 1)
    jnp.linspace(0, 1, 0)
    jnp.linspace(0, 1, 3, retstep=True)
    jnp.linspace(v, 2 * v, 3)
    jnp.linspace(v, 2 * v, 3, axis=1)
    jnp.linspace(v, 1, 3, axis=-1)
    jnp.logspace(0, 2, 3)
    jnp.logspace(0, 2, 3, base=2)
    jnp.geomspace(1, 100, 3)
    jnp.eye(3)
    jnp.eye(2, 4, k=1)
    jnp.eye(3, k=-1, dtype=int)
    jnp.identity(2)
    jnp.tri(3)
    jnp.tri(2, 4, 1)
    jnp.tril(x)
    jnp.tril(t, 1)
    jnp.triu(x, -1)
    jnp.triu(i)
    jnp.meshgrid(v, p)
    jnp.meshgrid(v, u, indexing='ij')
    jnp.meshgrid(v, u, sparse=True)
    jnp.indices((2, 3))
    jnp.indices((2, 3), sparse=True)
    jnp.ix_(jnp.arange(2), jnp.arange(3))
    jnp.fromfunction(lambda a, c: a * 10 + c, (2, 3))
    jnp.copy(x)
    jnp.astype(x, int)
    jnp.frombuffer(b'abcd', dtype='uint8')
""")

MANIPULATION = rows("""
    jnp.reshape(x, (4, 3))
    jnp.reshape(x, -1)
    jnp.reshape(x, (2, -1), order='F')
    jnp.reshape(e0, (0, 5))
    jnp.ravel(x)
    jnp.ravel(x, order='F')
    jnp.transpose(x)
    jnp.transpose(t, (1, 2, 0))
    jnp.permute_dims(t, (2, 1, 0))
    jnp.matrix_transpose(t)
    jnp.swapaxes(t, 0, -1)
    jnp.moveaxis(t, 0, -1)
    jnp.moveaxis(t, (0, 1), (2, 0))
    jnp.rollaxis(t, 2)
    jnp.expand_dims(x, 0)
    jnp.expand_dims(v, (0, 2))
    jnp.squeeze(w)
    jnp.squeeze(w, 1)
    jnp.atleast_1d(s)
    jnp.atleast_2d(v)
    jnp.atleast_3d(v)
    jnp.atleast_3d(x)
    jnp.atleast_1d(s, v)
    jnp.flip(x)
    jnp.flip(x, 1)
    jnp.fliplr(x)
    jnp.flipud(x)
    jnp.rot90(x)
    jnp.rot90(x, 2)
    jnp.rot90(t, 3, axes=(1, 2))
    jnp.broadcast_to(v, (3, 4))
    jnp.broadcast_to(w, (2, 3, 4))
    jnp.broadcast_to(2.0, (2,))
    jnp.broadcast_arrays(v, w)
    jnp.broadcast_shapes((5, 1), (4,))
    jnp.concatenate([x, y])
    jnp.concatenate([x, w], axis=1)
    jnp.concatenate([x, i], axis=None)
    jnp.concatenate(t)
    jnp.concatenate([e0, e0])
    jnp.concatenate([k, n])
    jnp.concatenate([v, 2 * v], dtype=int)
    jnp.concat([x, y], axis=1)
    jnp.stack([v, v])
    jnp.stack([x, i], axis=-1)
    jnp.stack([s, 2.0])
    jnp.vstack([v, x])
    jnp.hstack([v, u])
    jnp.hstack([x, w])
    jnp.dstack([v, v])
    jnp.column_stack([u, x])
    jnp.block([[x, w], [y, w]])
    jnp.append(v, u)
    jnp.append(x, y, axis=0)
    jnp.unstack(x)
    jnp.unstack(x, axis=1)
    jnp.split(x, 3)
    jnp.split(x, 2, axis=1)
    jnp.split(v, [1, 3])
    jnp.array_split(v, 3)
    jnp.vsplit(x, 3)
    jnp.hsplit(x, 2)
    jnp.dsplit(t, 2)
    jnp.tile(v, 2)
    jnp.tile(x, (2, 1))
    jnp.tile(v, (2, 2))
    jnp.repeat(v, 2)
    jnp.repeat(x, 3, axis=1)
    jnp.repeat(x, jnp.array([1, 0, 2]), axis=0)
    jnp.repeat(v, jnp.array([1, 2, 0, 1]), total_repeat_length=6)
    jnp.roll(v, 1)
    jnp.roll(x, -1, axis=1)
    jnp.roll(x, 2)
    jnp.roll(x, (1, 2), axis=(0, 1))
    jnp.roll(e0, 1, axis=1)
    jnp.resize(v, (2, 3))
    jnp.pad(x, 1)
    jnp.pad(v, (1, 2), constant_values=7)
    jnp.pad(x, ((1, 0), (0, 2)), constant_values=((1, 2), (3, 4)))
    jnp.pad(v, 2, mode='edge')
    jnp.pad(v, 6, mode='wrap')
    jnp.pad(x, 2, mode='reflect')
    jnp.pad(v, (7, 2), mode='reflect')
    jnp.pad(v, (2, 5), mode='symmetric')
    jnp.pad(v, (2, 3), mode='reflect', reflect_type='odd')
    jnp.pad(v, (2, 3), mode='symmetric', reflect_type='odd')
    jnp.pad(v, 2, mode='linear_ramp', end_values=(1, 2))
    jnp.pad(x, 1, mode='maximum')
    jnp.pad(x, 1, mode='mean', stat_length=2)
    jnp.pad(x, 1, mode='median')
    jnp.pad(i, 1, mode='mean')
    jnp.pad(v, 1, mode='empty').shape
    jnp.choose(jnp.array([0, 1, 0, 1]), [v, p])
    jnp.choose(jnp.array([0, 3, 0, 1]), [v, p], mode='wrap')
    jnp.choose(jnp.array([0, 1, 0, 1]), [2.0, 1.5])
    jnp.compress(m, x, axis=1)
    jnp.extract(x > 0, x)
    jnp.nonzero(i)
    jnp.nonzero(m, size=5, fill_value=-1)
    jnp.nonzero(m, size=2)
    jnp.nonzero(e0)
    jnp.where(i > 0)
    jnp.where(m, size=4, fill_value=9)
    jnp.flatnonzero(i)
    jnp.argwhere(b)
    jnp.argwhere(m, size=4)
    jnp.diagonal(x)
    jnp.diagonal(x, 1)
    jnp.diagonal(t, -1, 0, 2)
    jnp.diag(v)
    jnp.diag(v, -1)
    jnp.diag(x, 1)
    jnp.diagflat(w, 1)
    jnp.trace(x)
    jnp.trace(t, 1, 1, 2)
    jnp.trace(b)
    jnp.diag_indices(3)
    jnp.triu_indices(3, 1)
    jnp.tril_indices(3, 0, 4)
    jnp.triu_indices_from(x)
    jnp.fill_diagonal(x, 7.0, inplace=False)
    jnp.unravel_index(jnp.array([0, 5, 11]), (3, 4))
    jnp.ravel_multi_index((jnp.array([0, 2]), jnp.array([1, 3])), (3, 4))
    jnp.ravel_multi_index((jnp.array([0, 5]), jnp.array([1, 9])), (3, 4), mode='clip')
    jnp.sort(x)
    jnp.sort(X)
    jnp.sort(x, axis=0)
    jnp.sort(x, axis=None)
    jnp.sort(x, descending=True)
    jnp.sort(z)
    jnp.argsort(x)
    jnp.argsort(j)
    jnp.argsort(j, descending=True)
    jnp.argsort(x, axis=0)
    jnp.lexsort((j, j[::-1]))
    jnp.searchsorted(p, 2.0)
    jnp.searchsorted(p, x)
    jnp.searchsorted(p, p, side='right')
    jnp.searchsorted(p, X)
    jnp.searchsorted(p, x, method='compare_all')
    jnp.digitize(x, p)
    jnp.digitize(x, p[::-1], right=True)
    jnp.take(x, jnp.array([0, 2]), axis=0)
    jnp.take(x, 3)
    jnp.take_along_axis(x, jnp.argsort(x, axis=1), axis=1)
    jnp.take_along_axis(x, -jnp.argsort(x, axis=1), axis=1, wrap_negative_indices=False, mode="clip")
    jnp.take_along_axis(x, -jnp.argsort(x, axis=1), axis=1, wrap_negative_indices=True, mode="promise_in_bounds")
""")

CONTRACTIONS = rows("""
    jnp.dot(v, v)
    jnp.dot(x, v)
    jnp.dot(x, y.T)
    jnp.dot(x, 2.0)
    jnp.dot(2, 3)
    jnp.dot(t, y.T)
    jnp.dot(i, v)
    jnp.dot(k, n)
    jnp.dot(h, h.T)
    jnp.dot(x, v, preferred_element_type='float16')
    jnp.vdot(x, y)
    jnp.vdot(z, z)
    jnp.inner(x, y)
    jnp.inner(x, 2.0)
    jnp.outer(v, u)
    jnp.outer(x, 2.0)
    jnp.matmul(x, y.T)
    jnp.matmul(t, y.T)
    jnp.matmul(t, t.mT)
    jnp.matmul(t[:1], t.mT)
    jnp.matmul(t[:, None], t.mT)
    jnp.matmul(t[:1], t[:1].mT)
    jnp.matmul(v, t.mT)
    jnp.matmul(t, v)
    jnp.matmul(i, x.T)
    jnp.matmul(b, b.T)
    jnp.matmul(e0, e0.T)
    jnp.matmul(e0.T, e0)
    jnp.tensordot(x, y.T, 1)
    jnp.tensordot(t, x, 2)
    jnp.tensordot(t, x, axes=([1, 2], [0, 1]))
    jnp.tensordot(t, x, axes=(-1, -1))
    jnp.tensordot(v, u, 0)
    jnp.vecdot(x, y)
    jnp.vecdot(z, z)
    jnp.vecdot(x, v)
    jnp.matvec(t, v)
    jnp.vecmat(u, x)
    jnp.kron(v, u)
    jnp.kron(x, w)
    jnp.cross(u, u[::-1])
    jnp.cross(x.T, y.T)
    jnp.cross(u[:2], u[1:])
    jnp.cross(x, y, axis=0)
    jnp.vander(u)
    jnp.vander(u, 2, increasing=True)
    jnp.einsum('ij,kj->ik', x, y)
    jnp.einsum('ij,jk', x, y.T)
    jnp.einsum('ij->ji', x)
    jnp.einsum(x, (1, 0))
    jnp.einsum(x, (5, 3), y, (7, 3))
    jnp.einsum(x, [3, ...])
    jnp.einsum(x, [1, 0], [0, 1])
    jnp.einsum('ij->', x)
    jnp.einsum('ij->j', x)
    jnp.einsum('ii', x[:, :3])
    jnp.einsum('ii->i', x[:, :3])
    jnp.einsum('i,j->ij', v, u)
    jnp.einsum('i,i', v, v)
    jnp.einsum('ij,ij->ij', x, y)
    jnp.einsum('bij,bkj->bik', t, t)
    jnp.einsum('bij,kj->kbi', t, x)
    jnp.einsum('...j,j->...', t, v)
    jnp.einsum('...ij,...kj->...ik', t, x)
    jnp.einsum('ij,jk,kl->il', x, y.T, x)
    jnp.einsum('ij,kj,lj->ikl', x, y, x)
    jnp.einsum('i,ij,j->', u, x, v)
    jnp.einsum(x, [0, 1], y, [2, 1], [0, 2])
    jnp.einsum('ij,j->i', i, v)
    jnp.einsum('ij,k->i', x, u)
    jnp.einsum('iij,j->i', t[:, :2], v)
    jnp.einsum('ij,jk', x, y.T, preferred_element_type='float16')
    jnp.convolve(v, u)
    jnp.convolve(u, v, mode='same')
    jnp.convolve(v, u, mode='valid')
    jnp.convolve(j, j)
    jnp.correlate(v, u, mode='full')
    jnp.correlate(u, v, mode='full')
    jnp.quantile(x, 0.3, method="inverted_cdf")
    jnp.quantile(x, np.float32([0, 0.25, 0.5, 1]), axis=1, method="inverted_cdf")
    jnp.quantile(x, np.float32([0, 0.3, 0.9, 1]), axis=1, weights=y, method="inverted_cdf", keepdims=True)
    jnp.quantile(x, 0.4, axis=1, weights=y[0], method="inverted_cdf")
    jnp.quantile(t, np.float32([0.1, 0.4]), axis=(0, 2), weights=abs(t[:, 0]), method="inverted_cdf")
    jnp.quantile(x, 0.4, weights=x, method="inverted_cdf")
    jnp.percentile(i, 40, axis=0, weights=u**2, method="inverted_cdf")
    jnp.nanquantile(N, np.float32([0, 0.4, 1]), axis=1, weights=np.float32([1, 2, 3]), method="inverted_cdf")
    jnp.quantile(N, 0.4, axis=0, weights=np.float32([1, 2]), method="inverted_cdf")
    jnp.nanpercentile(N, 70, weights=abs(x[:2, :3]), method="inverted_cdf", keepdims=True)
    jnp.quantile(v, 0.5, weights=jnp.zeros(4), method="inverted_cdf")
jnp.cov(x, fweights=np.array([1, 2, 3, 1]))
jnp.cov(x, fweights=jnp.array([1, -2, 3, 1]), ddof=2)
jnp.cov(x, aweights=np.float32([0.5, 1, 2, 0.1]))
jnp.cov(i, aweights=y[0], bias=True)
jnp.cov(x, y, aweights=y[0], fweights=jnp.array([1, 2, 3, 1]))
jnp.cov(z, rowvar=False, aweights=np.float32([0.5, 1, 2]), fweights=np.array([3, 1, 2]))
jnp.cov(v, aweights=abs(v), dtype="float16")
    jnp.cov(x)
    jnp.cov(x, rowvar=False, ddof=0)
    jnp.cov(v, p)
    jnp.corrcoef(x)
""")

ANALYSIS = rows("""
    jnp.allclose(x, x)
    jnp.allclose(x, y)
    jnp.array_equal(x, x)
    jnp.array_equal(x, v)
    jnp.array_equal(X, X, equal_nan=True)
    jnp.array_equiv(v, v[None])
    jnp.bincount(j)
    jnp.bincount(j, length=3)
    jnp.bincount(j, minlength=9)
    jnp.bincount(j, weights=jnp.arange(6.0))
    jnp.histogram(x, bins=4)
    jnp.histogram(x, bins=p)
    jnp.histogram(x, bins=3, range=(-1, 1), density=True)
    jnp.histogram_bin_edges(x, 4)
    jnp.unique(j)
    jnp.unique(j, return_index=True, return_inverse=True, return_counts=True)
    jnp.unique(i, return_inverse=True)
    jnp.unique(N)
    jnp.unique(N, equal_nan=False)
    jnp.unique(jnp.array([[2, 1], [1, 3], [2, 1]]), axis=0)
    jnp.unique(jnp.array([[2, 1, 2], [1, 3, 1]]), axis=1, return_counts=True)
    jnp.unique(j, size=6, fill_value=-1)
    jnp.unique(j, size=2)
    jnp.unique(j, size=5)
    jnp.unique(e1)
    jnp.unique_counts(j)
    jnp.unique_values(j)
    jnp.isin(i, j)
    jnp.isin(i, j, invert=True)
    jnp.union1d(j, i)
    jnp.intersect1d(j, i)
    jnp.setdiff1d(j, i)
    jnp.setxor1d(j, i)
    jnp.intersect1d(j, v, return_indices=True)
    jnp.intersect1d(j, i, return_indices=True, size=5)
    jnp.intersect1d(j, i, size=5, fill_value=9)
    jnp.setdiff1d(j, v, assume_unique=True)
    jnp.setdiff1d(j, i, size=4, fill_value=-1)
    jnp.setdiff1d(j, i, size=4)
    jnp.setxor1d(j, i, size=6)
    jnp.setxor1d(j, v, size=2, fill_value=9)
    jnp.diff(v)
    jnp.diff(x, n=2, axis=0)
    jnp.diff(v, prepend=0, append=v)
    jnp.diff(m)
    jnp.ediff1d(x)
    jnp.ediff1d(v, to_end=1.0, to_begin=u)
    jnp.gradient(v)
    jnp.gradient(x)
    jnp.gradient(x, 2.0, axis=1)
    jnp.gradient(v, p)
    jnp.trapezoid(x)
    jnp.trapezoid(v, p)
    jnp.trapezoid(x, dx=0.5, axis=0)
    jnp.interp(x, p, v)
    jnp.interp(1.5, p, v)
    jnp.interp(x, p, v, left=-1.0, right=2.0)
    jnp.interp(x, p, v, left='extrapolate', right='extrapolate')
    jnp.interp(x, p, v, period=3.0)
    jnp.unwrap(10 * v)
    jnp.polyval(u, x)
    jnp.polyval(j, 2)
    jnp.polyadd(u, v)
    jnp.polysub(v, u)
    jnp.polymul(v, u)
    jnp.polyder(v)
    jnp.polyder(v, 2)
    jnp.polyint(v)
    jnp.polyint(v, 2, jnp.array([1.0, 2.0]))
    jnp.apply_along_axis(lambda r: r.sum(), 1, x)
    jnp.apply_along_axis(lambda r: r[:2], 0, t)
    jnp.apply_over_axes(jnp.sum, t, (0, 2))
    jnp.vectorize(lambda a, c: a + 2 * c)(x, v)
    jnp.vectorize(lambda a: a.sum(), signature='(n)->()')(t)
    jnp.vectorize(lambda a, c: a @ c, signature='(n,m),(m)->(n)')(t, v)
    jnp.vectorize(lambda a, c: (a + c, a), signature='(n),()->(n),(n)')(t, w)
""")

ATTRIBUTES = rows("""
    jnp.shape(x)
    jnp.ndim(3.5)
    jnp.size(x)
    jnp.size(x, 1)
    jnp.isscalar(3)
    jnp.isscalar(s)
    jnp.isscalar(v)
    jnp.iscomplexobj(z)
    jnp.iscomplexobj(2.0)
    jnp.isrealobj(z)
    jnp.result_type(x, i)
    jnp.result_type(i, 2.0)
    jnp.result_type(k, n)
    jnp.result_type('int8', 'float16')
    jnp.promote_types('int32', 'float16')
    jnp.promote_types('uint32', 'int32')
    jnp.issubdtype(jnp.float32, jnp.floating)
    jnp.issubdtype(x.dtype, jnp.integer)
    jnp.isdtype(x.dtype, 'real floating')
    jnp.isdtype(i.dtype, ('bool', 'integral'))
    jnp.finfo(jnp.float32).eps
    jnp.iinfo(jnp.int8).max
    jnp.dtype('float32')
    jnp.float32 == np.float32
    jnp.float32 == jnp.dtype('float32')
    np.dtype(jnp.int8)
    jnp.pi
    jnp.inf
    jnp.newaxis
    isinstance(x, jnp.ndarray)
""")

PIECES = rows("""
    jnp.mgrid[:3]
    jnp.mgrid[0:1:3j]
    jnp.mgrid[:2, 1:3]
    jnp.mgrid[:2, 0.5:2:0.5]
    jnp.mgrid[:2, 0:1:3j]
    jnp.mgrid[()]
    jnp.ogrid[:3]
    jnp.ogrid[:2, 1:3]
    jnp.ogrid[:2, 0:1:3j, 1:2]
    jnp.r_[v, u]
    jnp.r_[1:3, 7, [5, 6]]
    jnp.r_[0:1:3j, 2.0]
    jnp.r_['r', 1, 2]
    jnp.r_['c', 1, 2]
    jnp.r_['-1', x, w]
    jnp.r_['0,2', u, u]
    jnp.r_['0,2,0', u, u]
    jnp.r_['1,2,0', u, u]
    jnp.r_['0,3,1', u, u]
    jnp.r_['text', 1]
    jnp.r_[1, 'r']
    jnp.c_[u, u]
    jnp.c_[x, w]
    jnp.c_[1:4, u]
    jnp.c_['r', u, 2]
    jnp.c_['0,2', u, u]
    jnp.delete(v, 1)
    jnp.delete(v, -1)
    jnp.delete(x, 1, axis=1)
    jnp.delete(x, 5)
    jnp.delete(x, 5, axis=0)
    jnp.delete(v, slice(1, None, 2))
    jnp.delete(x, slice(None, None, -2), axis=1)
    jnp.delete(v, np.array([0, 2]))
    jnp.delete(v, np.array([0, 2]), assume_unique_indices=True)
    jnp.delete(x, jnp.array([-1, 0]), axis=1, assume_unique_indices=True)
    jnp.delete(v, np.array([True, False, True, False]))
    jnp.delete(v, np.array([True, False]))
    jnp.delete(v, np.array([0.0]))
    jnp.insert(v, 1, 7)
    jnp.insert(v, -1, 7.5)
    jnp.insert(x, 1, 7.5, axis=1)
    jnp.insert(x, 1, u, axis=1)
    jnp.insert(x, 5, u)
    jnp.insert(v, jnp.array([1, 3]), jnp.array([8.0, 9.0]))
    jnp.insert(v, jnp.array([3, 1, 1]), 8)
    jnp.insert(v, slice(None, None, 2), 8)
    jnp.insert(x, jnp.array([0, 2]), 1.0, axis=0)
    jnp.insert(i, 2, 1.9)
    jnp.insert(v, jnp.array([[1]]), 2)
    jnp.insert(v, jnp.array([1.0]), 2)
    jnp.insert(v, np.array([]), 2)
    jnp.trim_zeros(j * (j == 5))
    jnp.trim_zeros(j * (j == 5), 'f')
    jnp.trim_zeros(j * (j == 5), trim='B')
    jnp.trim_zeros(j * (j == 9))
    jnp.trim_zeros(i * (i == 3))
    jnp.trim_zeros(i * (i > 3), axis=1)
    jnp.piecewise(v, [v < 0, v > 0.5], [lambda a: -a, 5, lambda a: a ** 2])
    jnp.piecewise(v, [v < 0], [lambda a, k: k * a], k=3)
    jnp.piecewise(i, [i < 0, i < 3], [-1, 2.7])
    jnp.piecewise(s, [True], [lambda a: a + 1])
    jnp.piecewise(v, jnp.array([True, False]), [1, 2])
    jnp.piecewise(v, [v < 0], [1, 2, 3])
    jnp.mask_indices(3, jnp.triu)
    jnp.mask_indices(3, jnp.tril, -1)
    jnp.mask_indices(3, jnp.triu, size=4)
    jnp.packbits(b)
    jnp.packbits(i, axis=1)
    jnp.packbits(i, axis=0, bitorder='little')
    jnp.packbits(x)
    jnp.packbits(b, bitorder='middle')
    jnp.unpackbits(n)
    jnp.unpackbits(n, count=12)
    jnp.unpackbits(n, count=40)
    jnp.unpackbits(n, count=-3)
    jnp.unpackbits(n[:, None], axis=1, bitorder='little')
    jnp.unpackbits(i)
    jnp.frexp(x)
    jnp.frexp(X)
    jnp.frexp(h)
    jnp.frexp(i)
    jnp.frexp(2.5)
    jnp.frexp(z)
    jnp.spacing(x)
    jnp.spacing(h)
    jnp.spacing(i)
    jnp.spacing(jnp.float32(-1.0))
    jnp.spacing(z)
    jnp.gcd(i, 6)
    jnp.gcd(i, i.T[0])
    jnp.gcd(n, k)
    jnp.gcd(x, 2)
    jnp.lcm(i, 6)
    jnp.lcm(n, n[::-1])
    jnp.lcm(x, 2)
    jnp.histogram2d(v, p)
    jnp.histogram2d(v, p, bins=[3, 2], range=[(-1, 1), None])
    jnp.histogram2d(v, p, bins=p, density=True)
    jnp.histogram2d(v, p, bins=[p, 2], weights=v)
    jnp.histogramdd(t.reshape(8, 3), bins=3)
    jnp.histogramdd(t.reshape(8, 3), bins=[2, 3, 2], density=True)
    jnp.histogramdd(t.reshape(8, 3), bins=[2, 3])
    jnp.histogramdd(t.reshape(8, 3), bins=2, range=[(0, 1)])
    jnp.histogramdd(x, bins=2, weights=v)
    jnp.histogramdd(i, bins=2, weights=u)
    jnp.poly(u)
    jnp.poly(i[0])
    jnp.poly(z[0])
    jnp.poly(v[:0])
    jnp.poly(t)
    jnp.poly(x[:, :3])
    jnp.polyfit(p, v, 1)
    jnp.polyfit(p, x.T, 2)
    jnp.polyfit(p, v, 2, w=y[0])
    jnp.polyfit(p, x.T, 1, w=y[0], rcond=1e-3)
    jnp.polyfit(p, v, 1, full=True)
    jnp.polyfit(p, v, 1, cov=True)
    jnp.polyfit(p, x.T, 1, cov='unscaled')
    jnp.polyfit(p, v, 3, cov=True)
    jnp.polyfit(p, v, -1)
    jnp.polyfit(x, v, 1)
    jnp.polyfit(p, t, 1)
    jnp.polyfit(p, u, 1)
    jnp.polyfit(p, v, 1, w=u)
    jnp.polyfit(p, v, 1, w=x)
    jnp.polyfit(v[:0], v[:0], 1)
    jnp.sort(jnp.roots(np.float32([1, -6, 11, -6])))
    jnp.roots(np.float32([0, 0, 2, -4]))
    jnp.roots(np.float32([2, -4, 0, 0]))
    jnp.roots(np.float32([0, 2, -4]), strip_zeros=False)
    jnp.roots(np.float32([0, 0]), strip_zeros=False)
    jnp.roots(np.float32([5]))
    jnp.roots(np.array([1, 2]))
    jnp.roots(x)
    jnp.polydiv(v, u[:2])
    jnp.polydiv(u[:2], v)
    jnp.polydiv(j, jnp.array([2, 1]))
    jnp.polydiv(np.float32([1, 3, 2]), np.float32([1, 1]), trim_leading_zeros=True)
    jnp.polymul(np.array([0, 1, 2]), np.array([0, 3]), trim_leading_zeros=True)
    jnp.bartlett(5)
    jnp.blackman(6)
    jnp.hamming(5)
    jnp.hanning(6)
    jnp.kaiser(5, 2.0)
    jnp.kaiser(6, s)
    [f(n) for f in (jnp.bartlett, jnp.blackman, jnp.hamming, jnp.hanning) for n in (0, 1, 2)]
    jnp.kaiser(1, 2.0)
    jnp.i0(x)
    jnp.i0(i)
    jnp.i0(jnp.float32([0, 8, 9, 60]))
    jnp.i0(z)
    jnp.fromstring('1 2', sep=' ')
    jnp.iterable(x)
    jnp.index_exp[1:2, ::3]
""")

UFUNCS = [
    *(
        f"jnp.{f}.reduce({a})"
        for f in ("add", "multiply", "maximum", "logaddexp")
        for a in ("x", "x, axis=1", "x, None", "x, 1, keepdims=True")
    ),
    *(
        f"jnp.{f}.{m}(i)"
        for f in ("bitwise_and", "bitwise_or", "bitwise_xor", "logical_and", "logical_or", "logical_xor")
        for m in ("reduce", "accumulate")
    ),
    *(f"jnp.{f}.accumulate(x, {a})" for f in ("add", "multiply", "subtract", "minimum") for a in ("0", "axis=1")),
    *(
        f"jnp.{f}.at(v, jnp.array([1, 1, 3]), u, inplace=False)"
        for f in ("add", "multiply", "subtract", "maximum", "logaddexp")
    ),
    *(f"jnp.{f}.reduceat(x, jnp.array([0, 2, 1]), {a})" for f in ("add", "minimum") for a in ("0", "axis=1")),
    *(f"jnp.{f}.outer(u, x)" for f in ("add", "maximum", "logical_or")),
    *rows("""
    jnp.add.reduce(x, where=b)
    jnp.add.reduce(x, axis=(0, 1))
    jnp.add.reduce(b)
    jnp.add.reduce(e0)
    jnp.maximum.reduce(x, where=b)
    jnp.maximum.reduce(x, where=b, initial=-1.0)
    jnp.maximum.reduce(e0)
    jnp.minimum.reduce(x, dtype='float16')
    jnp.subtract.reduce(x)
    jnp.subtract.reduce(e0)
    jnp.subtract.reduce(x, initial=2.0, axis=1)
    jnp.add.reduce(x, where=i)
    jnp.add.at(b, (0, 1), True, inplace=False)
    jnp.negative.at(v, jnp.array([1, 2]), inplace=False)
    jnp.negative.reduce(v)
    jnp.negative.outer(v, v)
    jnp.add.accumulate(x, axis=(0, 1))
    jnp.subtract.accumulate(e0)
    jnp.bitwise_and.reduce(i, axis=(0, 1))
    jnp.bitwise_or.reduce(i, 1, keepdims=True, where=b)
    jnp.bitwise_xor.reduce(k, initial=5)
    jnp.logical_xor.reduce(m, where=m)
    [f.reduce(b, initial=n, axis=a) for f in (jnp.logical_and, jnp.logical_or, jnp.logical_xor) for n in (0, 2) for a in (0, None)]
    jnp.add.reduceat(s, jnp.array([0]))
    jnp.add.reduceat(v, jnp.array([[0]]))
    jnp.add.reduceat(x, jnp.array([0]), axis=None)
    (jnp.add.nin, jnp.add.nout, jnp.add.identity, jnp.negative.nargs)
    [isinstance(f, jnp.ufunc) for f in (jnp.add, jnp.logaddexp2, jnp.sin, jnp.sum)]
    jnp.frompyfunc(lambda a, c: a + 2 * c, 2, 1)(x, v)
    jnp.frompyfunc(lambda a, c: a + 2 * c, 2, 1).reduce(x, axis=1)
    jnp.frompyfunc(lambda a, c: a + 2 * c, 2, 1).accumulate(i)
    jnp.frompyfunc(lambda a, c: a * c, 2, 1, identity=1).reduce(e0)
    jnp.frompyfunc(lambda a, c: a * c, 2, 1).reduce(e0)
    jnp.frompyfunc(lambda a, c: a * c, 2, 1, identity=1).reduce(x, where=b)
    jnp.frompyfunc(lambda a: (a, -a), 1, 2)(x)
    jnp.frompyfunc(lambda a: (a, -a), 1, 2).reduce(x)
    jnp.frompyfunc(lambda a, c: (a, c), 2, 2).outer(x, x)
    jnp.frompyfunc(lambda a: a + 1, 1, 1).at(v, jnp.array([0, 0, 2]), inplace=False)
    jnp.frompyfunc(lambda a: a + 1, 1, 1)([1.0])
"""),
]

FFT = [
    *(
        f"jnp.fft.{f}({a})"
        for f in ("fft", "ifft", "hfft", "ihfft", "rfft", "irfft", "fftn", "fft2")
        for a in ("x", "z", "i", "v", "e0")
    ),
    *(
        f"jnp.fft.{f}(t, {a})"
        for f in ("fft", "ifft", "rfft", "irfft")
        for a in ("3", "5, axis=0", "axis=1", "norm='ortho'")
    ),
    *(f"jnp.fft.{f}(t{a})" for f in ("fftn", "ifftn", "rfftn", "irfftn") for a in (", (3, 5)", ", axes=(0, 2)", "")),
    *(
        f"jnp.fft.{f}(x, norm={n})"
        for f in ("fft2", "ifft2", "rfft2", "irfft2", "hfft")
        for n in ("'forward'", "'backward'")
    ),
    *rows("""
    jnp.fft.fftn(t[None, None])
    jnp.fft.irfftn(t[None, None, None], s=(2, 1, 2, 3, 4))
    jnp.fft.ifftn(t[None, None])
    jnp.fft.rfftn(t[None, None])
    jnp.fft.fft(x, 0)
    jnp.fft.fft(x, norm='none')
    jnp.fft.fft(x, axis=(0, 1))
    jnp.fft.fft(x, axis=None)
    jnp.fft.hfft(x, axis=[0])
    jnp.fft.ihfft(x, axis=[0])
    jnp.fft.fft(x, axis=2)
    jnp.fft.fftn(x, axes=(0, 0))
    jnp.fft.fftn(x, s=(2,), axes=(0, 1))
    jnp.fft.fft2(x, axes=(0,))
    jnp.fft.fft([1.0, 2.0])
    jnp.fft.hfft(z, 5)
    jnp.fft.ihfft(x, 3, axis=0)
    jnp.fft.fft(2.5 * x.astype('float16'))
    jnp.fft.rfft(x.astype('float16'))
    jnp.fft.fftfreq(5)
    jnp.fft.fftfreq(4, 0.5)
    jnp.fft.fftfreq(4, dtype='float16')
    jnp.fft.fftfreq(4, dtype='complex64')
    jnp.fft.fftfreq(4, s)
    jnp.fft.fftfreq([4])
    jnp.fft.fftfreq(4, [1])
    jnp.fft.rfftfreq(5)
    jnp.fft.rfftfreq(4, 0.5)
    jnp.fft.rfftfreq((4,))
    jnp.fft.fftshift(x)
    jnp.fft.fftshift(x, 1)
    jnp.fft.fftshift(t, (0, 2))
    jnp.fft.ifftshift(v)
    jnp.fft.ifftshift(t, (0, -1))
    jnp.fft.fft(s)
    jnp.fft.rfft2(s)
    jnp.fft.fftn(s)
"""),
]

TABLES = {
    "elementwise": ELEMENTWISE,
    "operators": OPERATORS,
    "methods": METHODS,
    "reductions": REDUCED,
    "creation": CREATION,
    "manipulation": MANIPULATION,
    "contractions": CONTRACTIONS,
    "analysis": ANALYSIS,
    "attributes": ATTRIBUTES,
    "pieces": PIECES,
    "fft": FFT,
    "ufuncs": UFUNCS,
}
