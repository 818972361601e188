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
HEADS = np.ones((1, 2, 3, 4), np.float32)  # [examples, places, heads, size]
ONE = np.float32(1)
N = np.ones((2, 3), np.int32)


def of(jax, name: str):
    """A module of the library, such as `scipy.signal`."""
    return importlib.import_module(f"{jax.__name__}.{name}")


def key(jax):
    return jax.random.key(0)


def unravelled(jax, vector):
    return of(jax, "flatten_util").ravel_pytree({"a": X, "b": X[0]})[1](vector)


def linear(jax, fun_transpose):
    linear_call = of(jax, "custom_derivatives").linear_call
    return jax.grad(lambda x: linear_call(lambda r, x: x, fun_transpose, (), x))(1.0)


def attention(jax, **options):
    q = np.ones((2, 4, 3, 5), np.float32)
    return of(jax, "nn").dot_product_attention(q, q, q, **options)


def summed(lax, **options):
    sizes = {"window_dimensions": (2, 2), "window_strides": (1, 1), "padding": "VALID"}
    return lax.reduce_window(X, 0.0, lax.add, **{**sizes, **options})


LIBRARY = {
    "reduce_window, a padding too few": (lambda jax, jnp, lax: summed(lax, padding=[(0, 0)]), ("paddings",)),
    "reduce_window, no padding": (lambda jax, jnp, lax: summed(lax, padding=None), ("padding",)),
    "reduce_window, a number as padding": (lambda jax, jnp, lax: summed(lax, padding=3), ("padding",)),
    "reduce_window, a user's, padding": (
        lambda jax, jnp, lax: lax.reduce_window(X, 0.0, lambda a, b: a + 2 * b, (2, 2), (1, 1), [(0, 0)]),
        ("paddings",),
    ),
    "isdtype, kind": (lambda jax, jnp, lax: jnp.isdtype("float32", "foo"), ("foo", "real floating")),
    "isdtype, no kind": (lambda jax, jnp, lax: jnp.isdtype("float32", 3), ("kind=3",)),
    "tri, an array as offset": (lambda jax, jnp, lax: jnp.tri(3, k=jnp.ones(2)), ("integer",)),
    "unravel, size": (lambda jax, jnp, lax: unravelled(jax, jnp.ones(4)), ("unravel", "9")),
    "unravel, a number": (lambda jax, jnp, lax: unravelled(jax, 1.0), ("unravel", "9")),
    "attention, mask": (lambda jax, jnp, lax: attention(jax, mask=np.ones((2, 3, 4, 7), bool)), ("mask", "7")),
    "reshape of NumPy's array": (lambda jax, jnp, lax: jnp.reshape(np.ones(3), (2, 2)), ("reshape", "2")),
    "reshape of NumPy's array, -1": (lambda jax, jnp, lax: jnp.reshape(np.ones(3), (2, -1)), ("reshape", "2")),
    "reshape of NumPy's array, twice -1": (lambda jax, jnp, lax: jnp.reshape(np.ones(3), (-1, -1)), ("unknown",)),
    "packbits, axis": (lambda jax, jnp, lax: jnp.packbits(np.ones((2, 8), bool), axis=2), ("axis 2",)),
    "packbits, axis 1.5": (lambda jax, jnp, lax: jnp.packbits(np.ones((2, 8), bool), axis=1.5), ("1.5",)),
    "packbits, axis of a number": (lambda jax, jnp, lax: jnp.packbits(np.uint8(1), axis=0), ("axis 0",)),
    "unpackbits, axis": (lambda jax, jnp, lax: jnp.unpackbits(np.ones((2, 8), np.uint8), axis=-3), ("axis -3",)),
    "fwd_and_bwd, an argument twice": (
        lambda jax, jnp, lax: jax.fwd_and_bwd(lambda x, y: x * y, (0, -2))[0](1.0, 2.0),
        ("argnums", "twice"),
    ),
    "fwd_and_bwd, a name": (lambda jax, jnp, lax: jax.fwd_and_bwd(lambda x, y: x * y, "a"), ("'str'",)),
    "linear_call, shape of cotangents": (
        lambda jax, jnp, lax: linear(jax, lambda r, ct: np.ones(3, np.float32)),
        ("float32[]", "float32[3]"),
    ),
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
    "reduce, a batch of initial values": (
        lambda jax, jnp, lax: jax.vmap(lambda i: lax.reduce(X, i, lambda a, b: a * b + a, (0,)))(X[0]),
        ("reduce", "initial values"),
    ),
    "reduce, derivative by the initial value": (
        lambda jax, jnp, lax: jax.grad(lambda i: lax.reduce(X, i, lambda a, b: a * b + a, (0,)).sum())(1.0),
        ("initial values",),
    ),
    "reduce, a function of a traced value": (
        lambda jax, jnp, lax: jax.jit(lambda y: lax.reduce(X, ONE, lambda a, b: a * b + y, (0,)))(1.0),
        ("reduce", "traced"),
    ),
    "reduce_window, derivative by the initial value": (
        lambda jax, jnp, lax: jax.grad(
            lambda i: lax.reduce_window(X, i, lambda a, b: a * b + a, (1, 2), (1, 1), "VALID").sum()
        )(1.0),
        ("reduce_window", "init_value"),
    ),
    "max pooling with dilation, its gradient": (
        lambda jax, jnp, lax: jax.grad(
            lambda x: lax.reduce_window(x, -np.inf, lax.max, (1, 2), (1, 1), "VALID", window_dilation=(1, 2)).sum()
        )(X),
        ("window", "dilation"),
    ),
    "select_and_gather_add, shapes": (
        lambda jax, jnp, lax: lax.select_and_gather_add_p.bind(X, X[:1], select_prim=lax.ge_p, **windows()),
        ("select_and_gather_add", "(2, 3)", "(1, 3)"),
    ),
    "attention, five axes": (
        lambda jax, jnp, lax: jax.nn.dot_product_attention(HEADS[None], HEADS, HEADS),
        ("query", "4", "5"),
    ),
    "attention, mask of five axes": (
        lambda jax, jnp, lax: jax.nn.dot_product_attention(HEADS, HEADS, HEADS, mask=HEADS[None] > 0),
        ("mask", "4", "5"),
    ),
    "eigh, derivative of a part": (
        lambda jax, jnp, lax: jax.jvp(lambda x: lax.linalg.eigh(x, subset_by_index=(0, 2))[1], (SQUARE,), (SQUARE,)),
        ("partial",),
    ),
    "lu_solve of scipy, trans": (
        lambda jax, jnp, lax: of(jax, "scipy.linalg").lu_solve((SQUARE, np.arange(3, dtype=np.int32)), X[0], trans=3),
        ("trans", "3"),
    ),
    "householder_product, axes of a batch": (
        lambda jax, jnp, lax: lax.linalg.householder_product(SQUARE[None], X[0]),
        ("householder_product", "batch"),
    ),
    "csd, detrend": (
        lambda jax, jnp, lax: of(jax, "scipy.signal").csd(X[0], X[0], nperseg=2, detrend=3),
        ("detrend", "3"),
    ),
    "gaussian_kde, complex points": (
        lambda jax, jnp, lax: of(jax, "scipy.stats").gaussian_kde(np.float32([1, 2, 4])).evaluate(np.complex64([1j])),
        ("gaussian_kde", "complex"),
    ),
    "subtract.accumulate, all axes": (
        lambda jax, jnp, lax: jnp.subtract.accumulate(X, axis=None),
        ("accumulate", "axes"),
    ),
}


# Calls that JAX accepts, or refuses as late as when XLA compiles: (the call, the class, words of the message).
OURS = {
    "reduce, operands of two shapes": (
        lambda jax, jnp, lax: lax.reduce((X, X[:1]), (ONE, ONE), lambda a, b: a, (0,)),
        TypeError,
        r"one shape.*\(1, 3\)",
    ),
    "convolution, a stride of 0": (
        lambda jax, jnp, lax: lax.conv_general_dilated(IMAGES, KERNEL, (0,), "VALID"),
        TypeError,
        r"positive.*\(0,\)",
    ),
    "fftn, more sizes than axes": (lambda jax, jnp, lax: jnp.fft.fftn(ONE, (3, 5)), ValueError, r"2 axes.*\(\)"),
    "ihfft of nothing": (lambda jax, jnp, lax: jnp.fft.ihfft(X[0, :0]), ValueError, "none"),
    "check_error of a number": (
        lambda jax, jnp, lax: of(jax, "experimental.checkify").check_error(3),
        TypeError,
        "Error.*int",
    ),
    "a check within a linear solve": (
        lambda jax, jnp, lax: of(jax, "experimental.checkify").checkify(lambda b: checked_solve(jax, b))(X[0]),
        NotImplementedError,
        "within custom_linear_solve",
    ),
    "mapped_aval, another size": (
        lambda jax, jnp, lax: of(jax, "extend.core").mapped_aval(3, 0, jax.typeof(X)),
        ValueError,
        "not the size 3",
    ),
    "a store that holds a value": (lambda jax, jnp, lax: stored(jax, False), Exception, "Store occupied"),
    "a store that holds another value": (
        lambda jax, jnp, lax: stored(jax, True),
        Exception,
        "Stores occupied with 7 and 8",
    ),
    "neither store": (
        lambda jax, jnp, lax: of(jax, "extend.linear_util").merge_linear_aux(*[lambda: empty(jax)] * 2),
        Exception,
        "neither store",
    ),
    "a transformation that yields twice": (lambda jax, jnp, lax: yields_twice(jax), RuntimeError, "yields twice"),
    "a private name with underscores": (
        lambda jax, jnp, lax: of(jax, "alias.private").Private("jax._src.core").__nothing__,
        AttributeError,
        "__nothing__",
    ),
    "repeat of a scalar": (
        lambda jax, jnp, lax: jnp.repeat(1.0, np.array([1, 2]), axis=0),
        ValueError,
        r"scalar.*\(2,\)",
    ),
    "convolution's primitive, dimensions": (
        lambda jax, jnp, lax: lax.conv_general_dilated_p.bind(IMAGES, KERNEL[0], **convolution()),
        ValueError,
        r"same number of dimensions.*\(2, 3\)",
    ),
    "conv_transpose, padding": (
        lambda jax, jnp, lax: lax.conv_transpose_shape_tuple((3, 2, 8), (2, 2, 3), (1,), "FULL", ("NCH", "OIH", "NCH")),
        ValueError,
        "padding mode: FULL",
    ),
    "geqp3, fixed columns": (
        lambda jax, jnp, lax: of(jax, "primitives.orthogonal").geqp3(SQUARE, np.ones(3, np.int32)),
        NotImplementedError,
        "jpvt must be 0",
    ),
    "lu_solve, trans": (
        lambda jax, jnp, lax: of(jax, "scipy.linalg").lu_solve((SQUARE, np.arange(3, dtype=np.int32)), SQUARE, trans=3),
        ValueError,
        "'trans'.*3",
    ),
    "attention, five axes": (
        lambda jax, jnp, lax: of(jax, "nn").dot_product_attention(HEADS[None], HEADS[None], HEADS[None]),
        ValueError,
        "ndim",
    ),
    "qdwh, dynamic_shape": (
        lambda jax, jnp, lax: lax.linalg.qdwh(SQUARE, dynamic_shape=(2, 2)),
        NotImplementedError,
        "dynamic_shape",
    ),
    "expn, derivative by the order": (
        lambda jax, jnp, lax: jax.grad(lambda n: of(jax, "scipy.special").expn(n, 1.0))(2.0),
        ValueError,
        "with respect to n",
    ),
    "owens_t, complex": (lambda jax, jnp, lax: of(jax, "scipy.special").owens_t(1j, 1.0), TypeError, "real numbers"),
    "eigh_p, not square": (
        lambda jax, jnp, lax: lax.linalg.eigh_p.bind(
            X, lower=True, algorithm=None, sort_eigenvalues=True, subset_by_index=None
        ),
        ValueError,
        r"eigendecomposition.*\(2, 3\)",
    ),
    "select_and_gather_add_p, integers": (
        lambda jax, jnp, lax: lax.select_and_gather_add_p.bind(N, N, select_prim=lax.ge_p, **windows()),
        TypeError,
        "int32",
    ),
    "select_and_gather_add_p, not linear": (
        lambda jax, jnp, lax: jax.linear_transpose(
            lambda x: lax.select_and_gather_add_p.bind(X, x, select_prim=lax.ge_p, **windows()), X
        )(X[:, :2]),
        NotImplementedError,
        "first argument",
    ),
    "select_and_scatter_add_p, not linear": (
        lambda jax, jnp, lax: jax.linear_transpose(
            lambda x: lax.select_and_scatter_add_p.bind(X[:, :2], x, select_prim=lax.ge_p, **windows(3)), X
        )(X),
        NotImplementedError,
        "first argument",
    ),
    "select_and_scatter_add_p, shapes": (
        lambda jax, jnp, lax: lax.select_and_scatter_add_p.bind(X, X, select_prim=lax.ge_p, **windows(3)),
        TypeError,
        r"source.*\(2, 2\).*\(2, 3\)",
    ),
}


def windows(names: int = 5) -> dict:
    """The parameters of windows of two columns of X."""
    values = {"window_dimensions": (1, 2), "window_strides": (1, 1), "padding": ((0, 0), (0, 0))}
    return values | ({"base_dilation": (1, 1), "window_dilation": (1, 1)} if names == 5 else {})


def convolution() -> dict:
    """The parameters of a convolution along one axis."""
    names = "window_strides padding lhs_dilation rhs_dilation dimension_numbers precision preferred_element_type out_sharding"
    values = dict.fromkeys(names.split())
    return {**values, "window_strides": (1,), "padding": ((0, 0),), "feature_group_count": 1, "batch_group_count": 1}


def checked_solve(jax, b):
    def product(x):
        of(jax, "experimental.checkify").check((x > 0).all(), "no")
        return 2 * x

    return jax.lax.custom_linear_solve(product, b, lambda product, b: b / 2, symmetric=True)


def empty(jax):
    raise of(jax, "extend.linear_util").StoreException


def stored(jax, use_eq_store: bool):
    linear_util = of(jax, "extend.linear_util")
    values = iter((7, 8))
    fun, _ = linear_util.transformation_with_aux2(
        lambda f, store: store.store(next(values)), linear_util.wrap_init(int), use_eq_store=use_eq_store
    )
    fun.call_wrapped()
    fun.call_wrapped()


def yields_twice(jax):
    linear_util = of(jax, "extend.linear_util")

    @linear_util.transformation
    def twice(*args):
        result = yield args, {}
        yield result
        yield result

    twice(linear_util.wrap_init(int)).call_wrapped(1)
