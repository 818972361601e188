"""The table of operations that the laws of `minijax/primitives/test_rows.py` run over: one row for each primitive, or several.

A row is a function of (lax, *arrays), written once and called with `minijax.lax` and `jax.lax`, with the shapes of its
arrays as functions of a base shape, the dtypes that it takes and the domain its derivatives are smooth in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

FLOATS = ("float32", "float16")
COMPLEX = ("complex64",)
INTS = ("int32", "int8", "uint8")
BOOLS = ("bool",)


@dataclass(frozen=True)
class Op:
    """One row. `shapes`: one for each array. `smooth`: which arrays can be differentiated. `domain`: where values lie."""

    name: str
    function: Callable
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...] = ("float32",)
    domain: tuple[float, float] = (-2.0, 2.0)
    smooth: tuple[int, ...] = ()
    # {position: dtype} of the arrays whose dtype is fixed: predicates, indices, keys.
    fixed: dict[int, str] = field(default_factory=dict)
    # Where two float32 implementations may differ by more than rounding of the last operation: units in the last place.
    ulp: float = 4

    def __str__(self) -> str:
        return self.name


S = (3, 4)


def unary(name, f=None, dtypes=FLOATS, domain=(-2.0, 2.0), smooth=True, ulp=4):
    f = f or (lambda lax, x: getattr(lax, name)(x))
    return Op(name, f, (S,), dtypes, domain, (0,) if smooth else (), ulp=ulp)


def binary(name, f=None, dtypes=FLOATS, domain=(-2.0, 2.0), smooth=(0, 1), ulp=4):
    f = f or (lambda lax, x, y: getattr(lax, name)(x, y))
    return [
        Op(name, f, shapes, dtypes, domain, smooth, ulp=ulp)
        for shapes in ((S, S), (S, ()), ((), S), ((1, 4), S), (S, (3, 1)))
    ]


NUM = FLOATS + COMPLEX + INTS
INEXACT = FLOATS + COMPLEX
ANY = NUM + BOOLS

OPS: list[Op] = [
    unary("neg", dtypes=NUM),
    unary("sign", dtypes=FLOATS + INTS, smooth=False),
    unary("floor", smooth=False),
    unary("ceil", smooth=False),
    unary("round", lambda lax, x: lax.round(x), smooth=False),
    unary("round", lambda lax, x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN), smooth=False),
    unary("is_finite", smooth=False),
    unary("exp", dtypes=INEXACT),
    unary("exp2"),
    unary("expm1"),
    unary("log", dtypes=INEXACT, domain=(0.3, 3.0)),
    unary("log1p", domain=(-0.5, 3.0)),
    unary("sin", dtypes=INEXACT),
    unary("cos", dtypes=INEXACT),
    unary("tan", domain=(-1.2, 1.2), ulp=8),
    unary("asin", domain=(-0.9, 0.9), ulp=8),
    unary("acos", domain=(-0.9, 0.9), ulp=8),
    unary("atan", ulp=8),
    unary("sinh", ulp=8),
    unary("cosh", ulp=8),
    unary("asinh", ulp=16),
    unary("acosh", domain=(1.2, 3.0), ulp=16),
    unary("atanh", domain=(-0.8, 0.8), ulp=16),
    unary("tanh", dtypes=INEXACT, ulp=16),
    unary("logistic", ulp=8),
    unary("erf", ulp=8),
    unary("erfc", ulp=16),
    unary("erf_inv", domain=(-0.9, 0.9), ulp=16),
    unary("bessel_i0e", ulp=16),
    unary("bessel_i1e", ulp=16),
    unary("sqrt", dtypes=INEXACT, domain=(0.2, 3.0)),
    unary("rsqrt", domain=(0.2, 3.0), ulp=8),
    unary("cbrt", domain=(0.2, 3.0), ulp=8),
    unary("square", dtypes=NUM),
    unary("integer_pow", lambda lax, x: lax.integer_pow(x, 3), dtypes=NUM),
    unary("integer_pow", lambda lax, x: lax.integer_pow(x, -2), domain=(0.5, 2.0), ulp=8),
    unary("integer_pow", lambda lax, x: lax.integer_pow(x, 0)),
    unary("abs", dtypes=FLOATS + COMPLEX + ("int32",), domain=(0.2, 2.0)),
    unary("real", dtypes=COMPLEX),
    unary("imag", dtypes=COMPLEX),
    unary("conj", dtypes=("float32",) + COMPLEX),
    unary("not", lambda lax, x: lax.bitwise_not(x), dtypes=INTS + BOOLS, smooth=False),
    unary("clz", dtypes=INTS, domain=(-100, 100), smooth=False),
    *binary("mulhi", dtypes=INTS, domain=(-100, 100), smooth=()),
    unary("reduce_precision", lambda lax, x: lax.reduce_precision(x, 11, 52), ("float32",)),
    unary("reduce_precision", lambda lax, x: lax.reduce_precision(x, 4, 3), FLOATS, smooth=False),
    unary("optimization_barrier", lambda lax, x: lax.optimization_barrier((x, 2 * x))[1], ANY[:-1]),
    unary("population_count", dtypes=INTS, smooth=False),
    unary("convert_element_type", lambda lax, x: lax.convert_element_type(x, np.float16), dtypes=ANY[:2] + INTS),
    unary("convert_element_type", lambda lax, x: lax.convert_element_type(x, np.int32), smooth=False),
    unary("bitcast_convert_type", lambda lax, x: lax.bitcast_convert_type(x, np.int32), ("float32",), smooth=False),
    unary("stop_gradient", lambda lax, x: lax.stop_gradient(x), smooth=False),
    *[
        op
        for name in ("eq_to", "le_to", "lt_to")
        for op in binary(
            name,
            lambda lax, x, y, name=name: getattr(lax, f"{name}_p").bind(x, y),
            dtypes=FLOATS + INTS + BOOLS,
            smooth=(),
        )
    ],
    *binary("add", dtypes=NUM),
    *binary("sub", dtypes=NUM),
    *binary("mul", dtypes=NUM),
    *binary("div", dtypes=FLOATS + COMPLEX + INTS, domain=(0.5, 3.0), ulp=8),
    *binary("rem", dtypes=FLOATS + ("int32",), domain=(0.5, 3.0), smooth=(0,)),
    *binary("max", dtypes=FLOATS + INTS + BOOLS),
    *binary("min", dtypes=FLOATS + INTS + BOOLS),
    *binary("pow", domain=(0.5, 2.0), ulp=16),
    *binary("atan2", domain=(0.2, 2.0), ulp=8),
    *binary("nextafter", smooth=()),
    *binary("zeta", domain=(1.5, 4.0), smooth=(), ulp=32),
    *binary("polygamma", lambda lax, m, x: lax.polygamma(lax.round(m), x), domain=(0.6, 3.0), smooth=(1,), ulp=64),
    *binary("igamma", domain=(0.5, 3.0), smooth=(1,), ulp=32),
    *binary("igammac", domain=(0.5, 3.0), smooth=(1,), ulp=32),
    *binary("igamma_grad_a", domain=(0.5, 3.0), smooth=(), ulp=128),
    *binary("random_gamma_grad", domain=(0.5, 3.0), smooth=(), ulp=128),
    Op(
        "regularized_incomplete_beta",
        lambda lax, a, b, x: lax.betainc(*lax.stop_gradient((a, b)), x),
        (S, S, S),
        FLOATS,
        (0.2, 0.8),
        (2,),
        ulp=64,
    ),
    Op(
        "regularized_incomplete_beta",
        lambda lax, a, b, x: lax.betainc(*lax.stop_gradient((a, b)), x),
        (S, (), S),
        FLOATS,
        (0.2, 0.8),
        (2,),
        ulp=64,
    ),
    *binary("complex", dtypes=("float32",)),
    *[op for n in ("eq", "ne") for op in binary(n, dtypes=ANY, smooth=())],
    *[op for n in ("lt", "le", "gt", "ge") for op in binary(n, dtypes=FLOATS + INTS, smooth=())],
    *[
        op
        for n in ("eq_to", "lt_to", "le_to")
        for op in binary(n, lambda lax, x, y, n=n: getattr(lax, f"{n}_p").bind(x, y), FLOATS + INTS, smooth=())
    ],
    *[
        op
        for n in ("and", "or", "xor")
        for op in binary(n, lambda lax, x, y, n=n: getattr(lax, "bitwise_" + n)(x, y), INTS + BOOLS, smooth=())
    ],
    *[
        op
        for n in ("shift_left", "shift_right_logical", "shift_right_arithmetic")
        for op in binary(n, dtypes=("int32", "uint8"), domain=(0, 255), smooth=())
    ],
    Op("pow", lambda lax, x, y: lax.pow(x, y), (S, S), domain=(0.5, 3.0), smooth=(0,), fixed={1: "int32"}, ulp=16),
    Op("select_n", lambda lax, p, x, y: lax.select_n(p, x, y), (S, S, S), ANY, smooth=(1, 2), fixed={0: "bool"}),
    Op("select_n", lambda lax, p, x, y: lax.select_n(p, x, y), ((), S, S), ANY, smooth=(1, 2), fixed={0: "bool"}),
    *[
        Op(
            "select_n",
            lambda lax, i, x, y, z: lax.select_n(i, x, y, z),
            (shape, S, S, S),
            fixed={0: dtype},
        )
        for shape, dtype in ((S, "int8"), ((), "uint8"), (S, "int32"))
    ],
    Op("clamp", lambda lax, lo, x, hi: lax.clamp(lo - 1, x, hi + 1), ((), S, ()), FLOATS, (-0.4, 0.4), (1,)),
    Op("clamp", lambda lax, lo, x, hi: lax.clamp(lo - 2, x, hi + 2), (S, S, S), FLOATS, (-2.0, 2.0), (0, 1, 2)),
    # Shapes
    unary("broadcast_in_dim", lambda lax, x: lax.broadcast_in_dim(x, (2, 3, 5, 4), (1, 3)), ANY),
    Op("broadcast_in_dim", lambda lax, x: lax.broadcast_in_dim(x, (3, 4), (0, 1)), ((3, 1),), ANY, smooth=(0,)),
    unary("reshape", lambda lax, x: lax.reshape(x, (2, 6)), ANY),
    Op("reshape", lambda lax, x: lax.reshape(x, (6, 4), (2, 0, 1)), ((2, 3, 4),), ANY, smooth=(0,)),
    unary("transpose", lambda lax, x: lax.transpose(x, (1, 0)), ANY),
    Op("squeeze", lambda lax, x: lax.squeeze(x, (1,)), ((3, 1, 4),), ANY, smooth=(0,)),
    unary("slice", lambda lax, x: lax.slice(x, (1, 0), (3, 4), (1, 2)), ANY),
    unary("pad", lambda lax, x: lax.pad(x, x[0, 0], ((1, 2, 0), (0, -1, 1))), FLOATS),
    unary("rev", lambda lax, x: lax.rev(x, (1,)), ANY),
    Op("concatenate", lambda lax, x, y: lax.concatenate([x, y], 1), (S, (3, 2)), ANY, smooth=(0, 1)),
    Op("stack", lambda lax, x, y: lax.stack([x, y], 1), (S, S), ANY, smooth=(0, 1)),
    unary("unstack", lambda lax, x: lax.unstack(x, 1)[2], ANY),
    unary("split", lambda lax, x: lax.split(x, (1, 3), 1)[1], ANY),
    unary("tile", lambda lax, x: lax.tile(x, (2, 3)), ANY),
    unary("dynamic_slice", lambda lax, x: lax.dynamic_slice(x, (1, 2), (2, 2)), ANY),
    Op(
        "dynamic_slice",
        lambda lax, x, i: lax.dynamic_slice(x, (i, 1), (2, 2)),
        (S, ()),
        domain=(0, 3),
        smooth=(0,),
        fixed={1: "int32"},
    ),
    Op(
        "dynamic_update_slice",
        lambda lax, x, u, i: lax.dynamic_update_slice(x, u, (i, 1)),
        (S, (2, 2), ()),
        domain=(0, 3),
        smooth=(0, 1),
        fixed={2: "int32"},
    ),
    Op("gather", lambda lax, x, i: x[i], (S, (2,)), domain=(0, 2), smooth=(0,), fixed={1: "int32"}),
    Op(
        "gather",
        lambda lax, x, i, j: x[i, j],
        (S, (5,), (5,)),
        domain=(0, 2),
        smooth=(0,),
        fixed={1: "int32", 2: "int32"},
    ),
    Op("scatter", lambda lax, x, i: x.at[i].set(1.0), (S, ()), domain=(0, 2), smooth=(0,), fixed={1: "int32"}),
    Op(
        "scatter-add",
        lambda lax, x, u, i: x.at[i].add(u),
        (S, (2, 4), (2,)),
        domain=(0, 2),
        smooth=(0, 1),
        fixed={2: "int32"},
    ),
    Op(
        "scatter-sub",
        lambda lax, x, u, i: x.at[i].subtract(u),
        (S, (2, 4), (2,)),
        domain=(0, 2),
        smooth=(0, 1),
        fixed={2: "int32"},
    ),
    Op(
        "scatter-mul",
        lambda lax, x, u, i: x.at[i].multiply(u),
        (S, (4,), ()),
        domain=(0, 2),
        smooth=(0, 1),
        fixed={2: "int32"},
    ),
    Op(
        "scatter-min",
        lambda lax, x, u, i: x.at[i].min(u),
        (S, (4,), ()),
        domain=(0, 2),
        smooth=(0, 1),
        fixed={2: "int32"},
    ),
    Op(
        "scatter-max",
        lambda lax, x, u, i: x.at[i].max(u),
        (S, (4,), ()),
        domain=(0, 2),
        smooth=(0, 1),
        fixed={2: "int32"},
    ),
    # Reductions
    unary("reduce_sum", lambda lax, x: lax.reduce_sum(x, (0,)), FLOATS[:1] + COMPLEX + INTS),
    unary("reduce_sum", lambda lax, x: lax.reduce_sum(x, (0, 1)), FLOATS[:1]),
    unary("reduce_max", lambda lax, x: lax.reduce_max(x, (1,)), FLOATS + INTS),
    unary("reduce_min", lambda lax, x: lax.reduce_min(x, (0, 1)), FLOATS + INTS),
    unary("reduce_prod", lambda lax, x: lax.reduce_prod(x, (1,)), ("float32", "int32"), ulp=8),
    unary("reduce_and", lambda lax, x: lax.reduce_and(x, (1,)), BOOLS + ("int32",), smooth=False),
    unary("reduce_or", lambda lax, x: lax.reduce_or(x, (0,)), BOOLS + ("int32",), smooth=False),
    unary("reduce_xor", lambda lax, x: lax.reduce_xor(x, (0,)), BOOLS + ("int32",), smooth=False),
    unary("argmax", lambda lax, x: lax.argmax(x, 1, np.int32), FLOATS + INTS, smooth=False),
    unary("argmin", lambda lax, x: lax.argmin(x, 0, np.int32), FLOATS + INTS, smooth=False),
    unary("cumsum", lambda lax, x: lax.cumsum(x, 1), ("float32", "int32"), ulp=8),
    unary("cumsum", lambda lax, x: lax.cumsum(x, 0, reverse=True), ("float32", "int32"), ulp=8),
    unary("cumprod", lambda lax, x: lax.cumprod(x, 1), ("float32", "int32"), ulp=8),
    unary("cummax", lambda lax, x: lax.cummax(x, 1), ("float32", "int32")),
    unary("reduce_max", lambda lax, x: lax.reduce_max(x, (1,)), COMPLEX, smooth=False),
    unary("reduce_min", lambda lax, x: lax.reduce_min(x, (0, 1)), COMPLEX, smooth=False),
    unary("cummax", lambda lax, x: lax.cummax(x, 1), COMPLEX, smooth=False),
    *binary("max", dtypes=COMPLEX, smooth=())[:2],
    Op("scatter-max", lambda lax, x, u, i: x.at[i].max(u), (S, (4,), ()), COMPLEX, fixed={2: "int32"}),
    unary("cummin", lambda lax, x: lax.cummin(x, 0), ("float32", "int32")),
    unary("cumlogsumexp", lambda lax, x: lax.cumlogsumexp(x, 1), ("float32", *COMPLEX), ulp=16),
    # Fourier transforms
    unary("fft", lambda lax, x: lax.fft(x, "fft", (4,)), dtypes=COMPLEX, ulp=16),
    unary("fft", lambda lax, x: lax.fft(x, lax.FftType.IFFT, (3, 4)), dtypes=COMPLEX, ulp=16),
    unary("fft", lambda lax, x: lax.fft(x, "rfft", (3, 4)), dtypes=("float32",), ulp=16),
    Op("fft", lambda lax, x: lax.fft(x, "irfft", (3, 5)), ((3, 3),), COMPLEX, smooth=(0,), ulp=16),
    # Convolutions
    Op(
        "conv_general_dilated",
        lambda lax, x, w: lax.conv(x, w, (1,), "SAME"),
        ((2, 3, 4), (4, 3, 2)),
        FLOATS + COMPLEX + ("int32",),
        smooth=(0, 1),
        ulp=16,
    ),
    Op(
        "conv_general_dilated",
        lambda lax, x, w: lax.conv_general_dilated(
            x, w, (2, 1), [(1, 0), (2, -1)], None, (1, 2), ("NHWC", "HWIO", "NHWC")
        ),
        ((2, 4, 5, 2), (3, 2, 2, 3)),
        smooth=(0, 1),
        ulp=16,
    ),
    Op(
        "conv_general_dilated",
        lambda lax, x, w: lax.conv_general_dilated(x, w, (1,), [(1, 2)], (2,), feature_group_count=2),
        ((2, 4, 3), (4, 2, 3)),
        smooth=(0, 1),
        ulp=16,
    ),
    Op(
        "conv_general_dilated",
        lambda lax, x, w: lax.conv_general_dilated(x, w, (2,), "VALID", batch_group_count=2),
        ((4, 2, 5), (4, 2, 3)),
        smooth=(0, 1),
        ulp=16,
    ),
    # Windows
    unary(
        "reduce_window_sum",
        lambda lax, x: lax.reduce_window(x, 0, lax.add, (2, 3), (1, 2), "SAME"),
        dtypes=("float32", "int32", "complex64"),
        ulp=8,
    ),
    unary(
        "reduce_window_sum",
        lambda lax, x: lax.reduce_window(x, 0.0, lax.add, (2, 2), (2, 1), [(1, 0), (0, 2)], (2, 1), (1, 2)),
        dtypes=("float32",),
        ulp=8,
    ),
    unary(
        "reduce_window_max",
        lambda lax, x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 2), "SAME"),
        dtypes=("float32",),
    ),
    unary(
        "reduce_window_min",
        lambda lax, x: lax.reduce_window(x, np.inf, lax.min, (2, 2), None, [(1, 1), (0, 0)], (1, 2)),
        dtypes=("float32",),
    ),
    unary(
        "select_and_gather_add",
        lambda lax, x: lax.select_and_gather_add_p.bind(
            x,
            lax.stop_gradient(x),
            select_prim=lax.ge_p,
            window_dimensions=(2, 2),
            window_strides=(1, 1),
            padding=((0, 0), (1, 1)),
            base_dilation=(1, 1),
            window_dilation=(1, 1),
        ),
        dtypes=("float32",),
    ),
    Op(
        "select_and_scatter_add",
        lambda lax, s, x: lax.select_and_scatter_add_p.bind(
            s,
            lax.stop_gradient(x),
            select_prim=lax.le_p,
            window_dimensions=(2, 2),
            window_strides=(1, 2),
            padding=((0, 0), (0, 0)),
        ),
        ((2, 2), S),
        smooth=(0,),
    ),
    # Contractions and sorting
    Op("dot_general", lambda lax, x, y: lax.dot(x, y), (S, (4, 2)), smooth=(0, 1), ulp=16),
    Op(
        "dot_general",
        lambda lax, x, y: lax.dot_general(x, y, (((1,), (2,)), ((0,), (1,)))),
        ((3, 4, 2), (5, 3, 4)),
        smooth=(0, 1),
        ulp=16,
    ),
    unary("sort", lambda lax, x: lax.sort(x, dimension=1), FLOATS + INTS),
    Op("sort", lambda lax, x, y: lax.sort((x, y), dimension=0, num_keys=1)[1], (S, S), smooth=(1,)),
    unary("top_k", lambda lax, x: lax.top_k(x, 2)[0]),
]

# ---------------------------------------------------------------------------------------------------------------------
# Linear algebra: of matrices that are far from singular, whose eigenvalues differ


SQUARE = (3, 3)
# The dtypes of LAPACK.
FIELDS = ("float32", *COMPLEX)
SHIFT = np.diag(np.float32([4, 6, 9]))


def on_matrix(name, f, dtypes=("float32",), shape=SQUARE, smooth=True, ulp=16.0):
    """A row of a factorization, of a matrix with a shifted diagonal if it is square. f(linalg, matrix) -> an array."""

    def function(lax, x):
        return f(lax.linalg, x + SHIFT.astype(x.dtype) if x.shape[-2:] == SQUARE else x)

    return Op(name, function, (shape,), dtypes, (-1.0, 1.0), (0,) if smooth else (), ulp=ulp)


def definite(x):
    """A Hermitian matrix."""
    return (x + x.mT.conj()) / 2


FIRST = len(OPS)
OPS += [
    *[
        Op(
            "triangular_solve",
            lambda lax, a, b, flags=flags: lax.linalg.triangular_solve(a + SHIFT.astype(a.dtype), b, **flags),
            (SQUARE, (3, 2) if flags["left_side"] else (2, 3)),
            FIELDS,
            (-1.0, 1.0),
            (0, 1),
            ulp=16,
        )
        for flags in (
            {"left_side": True, "lower": True},
            {"left_side": False, "lower": False, "transpose_a": True, "conjugate_a": True},
            {"left_side": True, "lower": False, "unit_diagonal": True},
        )
    ],
    Op(
        "tridiagonal_solve",
        lambda lax, dl, d, du, b: lax.linalg.tridiagonal_solve(dl, d + 4, du, b),
        ((3,), (3,), (3,), (3, 2)),
        domain=(-1.0, 1.0),
        smooth=(0, 1, 2, 3),
        ulp=16,
    ),
    on_matrix("cholesky", lambda linalg, x: linalg.cholesky(x), FIELDS),
    on_matrix("lu", lambda linalg, x: linalg.lu(x)[0], FIELDS),
    on_matrix("lu", lambda linalg, x: linalg.lu(x)[0], shape=(2, 3)),
    on_matrix("lu_pivots_to_permutation", lambda linalg, x: linalg.lu(x)[2], shape=(3, 2), smooth=False),
    on_matrix("qr", lambda linalg, x: linalg.qr(x)[0], FIELDS),
    on_matrix("qr", lambda linalg, x: linalg.qr(x)[0], shape=(3, 2), ulp=32),
    on_matrix("qr", lambda linalg, x: linalg.qr(x, full_matrices=False, pivoting=True)[1], shape=(3, 2), ulp=32),
    on_matrix("eigh", lambda linalg, x: linalg.eigh(definite(x))[0], FIELDS, ulp=32),
    on_matrix("eigh", lambda linalg, x: linalg.eigh(definite(x), lower=False, symmetrize_input=False)[1]),
    on_matrix("eig", lambda linalg, x: linalg.eig(x)[0], smooth=False),
    on_matrix("svd", lambda linalg, x: linalg.svd(x, full_matrices=False)[0], shape=(3, 2), ulp=32),
    on_matrix("svd", lambda linalg, x: linalg.svd(x, compute_uv=False), FIELDS),
    on_matrix("schur", lambda linalg, x: linalg.schur(x)[0], smooth=False, ulp=64),
    on_matrix("hessenberg", lambda linalg, x: linalg.hessenberg(x)[0], FIELDS, smooth=False),
    on_matrix("tridiagonal", lambda linalg, x: linalg.tridiagonal(x)[0], smooth=False),
    on_matrix("householder_product", lambda linalg, x: linalg.householder_product(x, x[..., 0]), smooth=False, ulp=64),
    on_matrix("ormqr", lambda linalg, x: linalg.ormqr(x, x[..., 0], x), smooth=False, ulp=64),
    on_matrix("symmetric_product", lambda linalg, x: linalg.symmetric_product(x, x, alpha=2.0, beta=3.0), smooth=False),
]
FACTORIZATIONS = {op.name for op in OPS[FIRST:]}


def arrays(op: Op, dtype: str, rng: np.random.Generator, shapes=None) -> list[np.ndarray]:
    """Random arrays for a row; those of the floating dtypes have no two equal elements, so that no derivative is at a tie."""
    out = []
    for i, shape in enumerate(op.shapes if shapes is None else shapes):
        kind = np.dtype(op.fixed.get(i, dtype))
        low, high = op.domain
        if kind.kind == "b":
            x = rng.random(shape) < 0.5
        elif kind.kind in "iu":
            x = rng.integers(max(int(np.ceil(low)), 0) if kind.kind == "u" else int(np.ceil(low)), int(high) + 1, shape)
        elif kind.kind == "c":
            x = rng.uniform(low, high, shape) + 1j * rng.uniform(low, high, shape)
        else:
            x = rng.uniform(low, high, shape)
        out.append(np.asarray(x).astype(kind))
    return out
