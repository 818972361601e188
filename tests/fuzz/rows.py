"""What programs are made of, as tables: a new function, primitive, helper or transformation is a row here.

A row of `EXPRESSIONS` is text with slots in braces. A slot is a kind, then the number of axes if it matters: `{f2}` is a
floating-point matrix. Kinds of arrays: a number `a`, floating-point `f`, integer `i`, boolean `b`, complex `c`, and `n` for
an array or a Python number. Other slots are in `SLOTS`. JAX says whether a filled row is a program, so no row says which
shapes and dtypes fit together.
"""

from __future__ import annotations

from tests.helpers import numpy_table as table


def rows(text: str) -> list[str]:
    return table.rows(text)


UNARY = [f"jnp.{name}({{a}})" for name in table.UNARY]
BINARY = [f"jnp.{name}({{n}}, {{n}})" for name in (*table.BINARY, *table.INTEGER_BINARY)]
REDUCTIONS = [f"jnp.{name}({{a}}{rest})" for name in table.REDUCTIONS for rest in ("", ", axis={axis}")]

ELEMENTWISE = rows("""
    {n} + {n}
    {n} - {n}
    {n} * {n}
    {n} / {n}
    {n} // {n}
    {n} % {n}
    {f} ** {small}
    {f} ** {f}
    {i} & {i}
    {i} << {small}
    -{a}
    abs({a})
    {a} > {n}
    {a} == {n}
    ~{b}
    {b} & {b}
    jnp.where({b}, {n}, {n})
    jnp.where({a} > {n}, {n}, {n})
    jnp.select([{b}, {b}], [{a}, {n}], {number})
    jnp.clip({a}, {n}, {n})
    jnp.nan_to_num({f}, nan={number})
    {a}.astype({dtype})
    jnp.floor({f})
    lax.stop_gradient({a})
    lax.integer_pow({a}, {small})
    lax.square({a})
    lax.rsqrt({f})
    lax.logistic({f})
    lax.erf({f})
    lax.erf_inv({f})
    lax.lgamma({f})
    lax.digamma({f})
    lax.tan({f})
    lax.is_finite({f})
    lax.select({b}, {a}, {a})
    lax.clamp({number}, {f}, {number})
    lax.max({a}, {a})
    lax.rem({a}, {a})
    lax.div({a}, {a})
    lax.pow({f}, {n})
    lax.atan2({f}, {f})
    lax.nextafter({f}, {f})
    lax.complex({f}, {f})
    lax.shift_right_logical({i}, {i})
    lax.population_count({i})
    lax.convert_element_type({a}, {dtype})
    lax.bitcast_convert_type({i}, "int32")
    jax.nn.relu({f})
    jax.nn.gelu({f})
    jax.nn.silu({f})
    jax.nn.softplus({f})
    jax.nn.elu({f})
    jax.nn.log_sigmoid({f})
    jax.nn.soft_sign({f})
    jax.scipy.special.xlogy({f}, {f})
    jax.scipy.special.logit({f})
    jax.scipy.special.entr({f})
    jnp.vectorize(lambda p, q: p * q + 1)({a}, {a})
""")

SHAPES = rows("""
    jnp.reshape({a}, {shape})
    jnp.ravel({a})
    jnp.transpose({a})
    jnp.swapaxes({a}, {axis}, {axis})
    jnp.moveaxis({a}, {axis}, {axis})
    jnp.expand_dims({a}, {axis})
    jnp.squeeze({a})
    jnp.broadcast_to({a}, {shape})
    jnp.concatenate([{a1}, {a1}])
    jnp.concatenate([{a2}, {a2}], axis={axis})
    jnp.stack([{a}, {a}], axis={axis})
    jnp.hstack([{a}, {a}])
    jnp.split({a}, {small}, axis={axis})[0]
    jnp.flip({a}, {axis})
    jnp.roll({a}, {small}, {axis})
    jnp.roll({a}, {i0})
    jnp.tile({a}, {small})
    jnp.repeat({a}, {small}, axis={axis})
    jnp.pad({a}, {small})
    jnp.pad({a1}, ({small}, {small}), mode={pad})
    jnp.tril({a2}, {small})
    jnp.triu({a2})
    jnp.diag({a})
    jnp.trace({a2})
    jnp.diagonal({a2}, {small})
    jnp.array([{a0}, {n0}, {number}])
    jnp.full_like({a}, {number})
    jnp.zeros_like({a})
    jnp.ones({shape}, {dtype})
    jnp.arange({small})
    jnp.linspace({n0}, {n0}, 3)
    jnp.atleast_2d({a})
    jnp.meshgrid({a1}, {a1})[1]
    lax.rev({a2}, (1,))
    lax.pad({a1}, {a0}, [({small}, {small}, 1)])
    lax.broadcast_in_dim({a1}, (2, 3), (1,))
    lax.squeeze({a}, ({axis},))
    lax.expand_dims({a}, (0,))
    lax.iota({dtype}, 3)
    lax.reshape({a}, {shape})
    lax.slice({a1}, (0,), (2,), (1,))
    lax.concatenate([{a1}, {a1}], 0)
""")

REDUCED = rows("""
    jnp.sum({a}, axis={axis}, keepdims={bool}, where={b}, initial={number})
    jnp.sum({a}, axis={axis}, dtype={dtype})
    jnp.prod({a}, where={b})
    jnp.max({a}, axis={axis}, where={b}, initial={number})
    jnp.min({a}, initial={number}, where={b})
    jnp.mean({a}, axis={axis}, where={b})
    jnp.var({a}, axis={axis}, ddof={small})
    jnp.any({b}, axis={axis})
    jnp.all({a})
    jax.nn.softmax({f}, axis={axis})
    jax.nn.log_softmax({f}, axis={axis}, where={b})
    jax.nn.logsumexp({f}, axis={axis}, keepdims={bool})
    jax.nn.standardize({f})
    jax.nn.one_hot({i}, 3)
    jnp.sort({a}, axis={axis})
    jnp.argsort({a})
    jnp.quantile({f}, {number}, axis={axis})
    jnp.average({f}, axis={axis}, weights={f})
    jnp.searchsorted(jnp.sort({f1}), {f})
    jnp.diff({a}, axis={axis})
    jnp.cov({f2})
    jnp.interp({f}, jnp.sort({f1}), {f1})
    jnp.bincount({i1}, length=4)
    jnp.polyval({a1}, {a})
    lax.cumsum({a}, {axis}, reverse={bool})
    lax.cumprod({a}, {axis})
    lax.cummax({a}, {axis})
    lax.cumlogsumexp({f}, {axis})
    lax.sort({a})
    lax.top_k({a}, {small})[0]
    lax.argmax({a}, {axis}, "int32")
    lax.reduce_sum({a}, (0,))
    lax.reduce_max({a}, (0,))
    lax.associative_scan(jnp.add, {a})
""")

INDEXED = rows("""
    {a}[{index}]
    {a}[{index}, {index}]
    {a}[{i}]
    {a}[{b}]
    {a}.at[{index}].set({n})
    {a}.at[{index}].{update}({n})
    {a}.at[{index}].{update}({n}, mode={mode})
    {a}.at[{i}].{update}({n}, mode={mode}, unique_indices=False)
    {a}.at[{index}, {index}].{update}({n})
    {a}.at[{index}].get(mode={mode}, fill_value={number})
    {a}.at[{i}].get(mode={mode})
    {a}.at[{index}].apply(jnp.sin)
    jnp.take({a}, {i}, axis={axis})
    jnp.take({a}, {i}, mode={mode})
    jnp.take_along_axis({a}, {i}, axis={axis})
    jnp.put_along_axis({a}, {i}, {a}, axis={axis}, inplace=False)
    jnp.choose({i}, [{a}, {a}], mode="clip")
    lax.dynamic_slice({a1}, ({i0},), (1,))
    lax.dynamic_slice_in_dim({a}, {i0}, 1)
    lax.dynamic_update_slice({a1}, {a1}, ({i0},))
    lax.dynamic_index_in_dim({a}, {i0}, keepdims={bool})
    lax.dynamic_update_index_in_dim({a}, {a}, {i0}, 0)
""")

DOTS = rows("""
    {a} @ {a}
    {a2} @ {a2}.T
    jnp.dot({a}, {a})
    jnp.matmul({a}, {a2}.T)
    jnp.vdot({a}, {a})
    jnp.inner({a}, {a})
    jnp.outer({a}, {a})
    jnp.tensordot({a}, {a}, {small})
    jnp.kron({a1}, {a1})
    jnp.cross({f1}, {f1})
    jnp.vecdot({a}, {a})
    jnp.einsum("ij,kj->ik", {a2}, {a2})
    jnp.einsum("i,j->ij", {a1}, {a1})
    jnp.einsum("ij,ij->j", {a2}, {a2})
    jnp.einsum("ij,j,i->", {a2}, {a1}, {a1})
    jnp.einsum("...j,j->...", {a}, {a1})
    jnp.einsum("ii->i", {a2} @ {a2}.T)
    jnp.convolve({f1}, {f1}, mode="same")
    lax.dot({a2}, {a1})
    lax.dot_general({a2}, {a2}, (((1,), (1,)), ((), ())))
    lax.dot_general({a2}, {a2}, (((1,), (1,)), ((0,), (0,))), preferred_element_type="float32")
    lax.batch_matmul({a2}[None], {a2}.T[None])
""")

# Only where an axis named "i" is being mapped over.
COLLECTIVES = rows("""
    lax.psum({a}, "i")
    lax.pmean({a}, "i")
    lax.pmax({a}, "i")
    lax.pmin({a}, "i")
    lax.psum(1, "i") * {a}
    lax.axis_index("i") * {a}
    lax.all_gather({a}, "i")
    lax.all_gather({a1}, "i", tiled=True)
    lax.ppermute({a}, "i", [(0, 1), (1, 0)])
    lax.psum_scatter(jnp.stack([{a}, {a}]), "i")
    lax.all_to_all(jnp.stack([{a}, {a}]), "i", 0, 0)
    lax.axis_size("i") + {a}
""")

# {group: (how often, rows)}
EXPRESSIONS = {
    "elementwise": (6, ELEMENTWISE),
    "unary": (3, UNARY),
    "binary": (3, BINARY),
    "reductions": (2, REDUCTIONS),
    "reduced": (2, REDUCED),
    "shapes": (3, SHAPES),
    "indexed": (4, INDEXED),
    "dots": (3, DOTS),
}

SLOTS = {
    "axis": ["0", "0", "-1", "-1", "1", "None", "2", "(0, 1)"],
    "small": ["0", "1", "2", "2", "3", "-1"],
    "number": ["0.5", "2", "-1.5", "0", "1", "-0.0", "nan", "inf", "3", "True"],
    "bool": ["True", "False"],
    "dtype": [f'"{d}"' for d in "float32 float16 bfloat16 int32 int8 uint8 bool complex64 float64 uint32".split()],
    "shape": ["(3,)", "(2, 3)", "()", "(1, 3)", "(6,)", "(3, 2)", "(0,)", "(2, 1)", "-1", "(3, -1)"],
    "pad": [f'"{m}"' for m in "edge wrap reflect symmetric linear_ramp maximum mean constant".split()],
    "mode": [f'"{m}"' for m in "clip drop fill wrap promise_in_bounds".split()] + ["None"],
    "update": "set add subtract multiply divide min max power".split(),
    "index": [
        "0", "-1", "1", "2", "5", "-4", ":", "1:", ":-1", "::2", "::-1", "2:0", "...", "None", "0, ...", "..., -1",
        "jnp.array([0, 2])", "jnp.array([2, -1, 7])", "np.array([[0], [1]])", "jnp.array([], int)", "np.array([True, False, True])",
        "jnp.array([1, 0], 'int8')", "slice(None, 2)", "()",
    ],
}  # fmt: skip

# ---------------------------------------------------------------------------------------------------------------------
# Calls by signature: {name of a parameter: texts of arguments}. A parameter that is not here takes an array, or something
# like its default.

PARAMETERS = {
    "axis": SLOTS["axis"],
    "axes": ["None", "(0, 1)", "(1, 0)", "0", "1"],
    "dimension": ["0", "1", "-1"],
    "dimensions": ["(0,)", "(1,)", "(0, 1)", "()"],
    "axis1": ["0", "-1", "1"],
    "axis2": ["1", "-1", "0"],
    "dtype": SLOTS["dtype"] + ["int", "float", "None"],
    "new_dtype": SLOTS["dtype"],
    "index_dtype": ['"int32"', '"uint8"', '"int16"'],
    "shape": SLOTS["shape"],
    "new_sizes": SLOTS["shape"],
    "newshape": SLOTS["shape"],
    "sizes": ["(2,)", "(2, 3)"],
    "where": ["{b}", "None"],
    "condition": ["{b}"],
    "pred": ["{b0}", "{b}"],
    "which": ["{b}", "{i}"],
    "initial": SLOTS["number"],
    "arrays": ["[{a}, {a}]", "[{a}]", "({n}, {a})"],
    "arys": ["[{a}, {a}]"],
    "tup": ["[{a}, {a}]"],
    "seq": ["[{a}, {a}]"],
    "operands": ["[{a}, {a}]"],
    "choices": ["[{a}, {a}]"],
    "condlist": ["[{b}, {b}]"],
    "choicelist": ["[{n}, {n}]"],
    "indices": ["{i}", "{i1}"],
    "indices_or_sections": ["2", "3", "[1, 2]", "{small}"],
    "start_indices": ["({i0},)", "[{small}]", "({small}, {small})"],
    "limit_indices": ["(2,)", "(2, 2)"],
    "slice_sizes": ["(1,)", "(2, 1)"],
    "strides": ["None", "(2,)", "(1, 1)"],
    "padding_config": ["[(1, 1, 0)]", "[({small}, {small}, 1)]", "[(0, 1, 0), (1, -1, 0)]"],
    "pad_width": ["1", "(1, 2)", "((1, 0), (0, 1))"],
    "dimension_numbers": ["(((1,), (0,)), ((), ()))", "(((0,), (0,)), ((), ()))"],
    "broadcast_dimensions": ["(0,)", "(1,)", "(0, 1)"],
    "permutation": ["(1, 0)", "(0,)", "(0, 1)"],
    "repeats": ["2", "{small}", "np.array([1, 0, 2])"],
    "reps": ["2", "(2, 1)", "{small}"],
    "k": ["0", "1", "-1", "2"],
    "n": ["0", "1", "2", "3"],
    "num": ["3", "0", "1"],
    "N": ["3", "0"],
    "size": ["None", "2", "4"],
    "shift": ["1", "-2", "{i0}", "(1, 2)"],
    "decimals": ["0", "1", "2"],
    "q": ["0.5", "{f1}", "0.25"],
    "num_classes": ["3"],
    "key": ["jax.random.key(3)"],
    "minval": ["-1", "0.5", "{f}"],
    "maxval": ["4", "2.5"],
    "p": ["{f1}", "0.5", "None"],
    "kth": ["1", "0"],
    "order": ['"C"', '"F"'],
    "mode": SLOTS["mode"] + ['"same"', '"valid"', '"full"'],
    "method": ['"lower"', '"linear"', '"nearest"', '"scan"', '"sort"'],
    "side": ['"left"', '"right"'],
    "indexing": ['"xy"', '"ij"'],
    "num_keys": ["1", "2"],
    "y": ["{n}", "{small}"],
    "fill_value": SLOTS["number"],
    "fun": ["jnp.sin", "(lambda p: p * 2)"],
    "func": ["(lambda p, *q: jnp.sum(p))", "jnp.sum"],
    "func1d": ["jnp.sum", "(lambda p: p[:1])"],
    "pyfunc": ["(lambda p: p * 2)"],
    "function": ["(lambda *p: p[0] * 2)"],
    "fn": ["jnp.add", "jnp.maximum"],
    "shapes": ["(2, 1)", "(3,)"],
    "object": ["{a}", "[1, 2.5]", "[[{n0}, {n0}]]", "{number}"],
    "bins": ["3", "jnp.array([0.0, 1.0, 2.0])"],
    "subscripts": ['"ij->j"', '"ij,ij"', '"ii"', '"i->"'],
}
# Arguments that no parameter expects.
BAD = [
    '"text"',
    "None",
    "object()",
    "[1, [2]]",
    "7",
    "-9",
    "1.5",
    "(0, 0)",
    "{a}",
    "jnp.float32",
    "1j",
    "{}",
    "[{a}]",
    "'float12'",
]
# Names that are not functions of arrays: they read files, print, set options, make functions, or need what this file has not.
NOT_CALLED = set(
    """load save savez fromfile fromstring frombuffer from_dlpack printoptions get_printoptions set_printoptions array_repr
    array_str array2string einsum_path GatherDimensionNumbers GatherScatterMode RoundingMethod ScatterDimensionNumbers
    scan cond switch while_loop fori_loop custom_root custom_linear_solve map gather scatter scatter_add scatter_sub scatter_mul
    scatter_min scatter_max all_gather all_to_all axis_index axis_size psum pmax pmin pmean ppermute pshuffle pswapaxes
    pbroadcast psum_scatter finfo iinfo dtype ndarray generic number integer inexact floating complexfloating signedinteger
    unsignedinteger character object_ flexible apply_along_axis apply_over_axes PRNGKeyArray save_npz empty empty_like
    cumulative_logsumexp vectorize fromfunction""".split()
)

# ---------------------------------------------------------------------------------------------------------------------
# Functions that a program's text brings along if it names them.

HELPERS = {
    "total": """
def total(tree):
    out = 0.0
    for y in jax.tree.leaves(tree):
        if jnp.issubdtype(jnp.result_type(y), jnp.inexact):
            y = jnp.real(y)
            out += jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))
    return out
""",
    "floats": """
def floats(tree):
    return [y for y in jax.tree.leaves(tree) if jnp.issubdtype(jnp.result_type(y), jnp.floating)]
""",
    "of_some": """
def of_some(f, by, args):
    def g(*some):
        full = list(args)
        for i, x in zip(by, some):
            full[i] = x
        return f(*full)

    return g, tuple(args[i] for i in by)
""",
    "with_jvp": """
def with_jvp(f, scale):
    g = jax.custom_jvp(f)
    g.defjvp(lambda p, t: (lambda y, dy: (y, jax.tree.map(lambda d: d * scale, dy)))(*jax.jvp(f, p, t)))
    return g
""",
    "with_vjp": """
def with_vjp(f, scale):
    g = jax.custom_vjp(f)
    g.defvjp(lambda *p: (f(*p), p), lambda p, ct: jax.tree.map(lambda d: d * scale, jax.vjp(f, *p)[1](ct)))
    return g
""",
    "doubled": """
def doubled(x):
    return jnp.stack([x, jnp.logical_not(x).astype(jnp.result_type(x))])
""",
    "cotangent": """
def cotangent(y):
    inexact = jnp.issubdtype(jnp.result_type(y), jnp.inexact)
    return jnp.asarray(y) if inexact else np.zeros(jnp.shape(y), jax.dtypes.float0)
""",
    "grad": """
def grad(f, by):
    def g(*args):
        h, some = of_some(f, by, args)
        return jax.grad(lambda *xs: total(h(*xs)), tuple(range(len(by))))(*some)

    return g
""",
    "value_and_grad": """
def value_and_grad(f, by):
    def g(*args):
        h, some = of_some(f, by, args)
        return jax.value_and_grad(lambda *xs: (total(h(*xs)), xs), has_aux=True)(*some)

    return g
""",
    "jvp": """
def jvp(f, by):
    def g(*args):
        h, some = of_some(f, by, args)
        return jax.jvp(h, some, jax.tree.map(jnp.cos, some))

    return g
""",
    "vjp": """
def vjp(f, by):
    def g(*args):
        h, some = of_some(f, by, args)
        y, pull = jax.vjp(h, *some)
        return pull(jax.tree.map(cotangent, y))

    return g
""",
    "linearize": """
def linearize(f, by):
    def g(*args):
        h, some = of_some(f, by, args)
        y, linear = jax.linearize(h, *some)
        return y, linear(*jax.tree.map(jnp.cos, some))

    return g
""",
    "hessian": """
def hessian(f, by):
    def g(*args):
        h, some = of_some(f, by[:1], args)
        return jax.hessian(lambda x: total(h(x)))(*some)

    return g
""",
    "jacfwd": """
def jacfwd(f, by):
    def g(*args):
        h, some = of_some(f, by[:1], args)
        return jax.jacfwd(lambda x: floats(h(x)))(*some)

    return g
""",
    "jacrev": """
def jacrev(f, by):
    def g(*args):
        h, some = of_some(f, by[:1], args)
        return jax.jacrev(lambda x: floats(h(x)))(*some)

    return g
""",
    "vmap": """
def vmap(f, by):
    def g(*args):
        axes = tuple(0 if i in by else None for i in range(len(args)))
        args = [jax.tree.map(doubled, x) if i in by else x for i, x in enumerate(args)]
        return jax.vmap(f, axes)(*args)

    return g
""",
    "checkpoint": """
def checkpoint(f, by):
    return jax.checkpoint(f)
""",
    "jit": """
def jit(f, by):
    return jax.jit(f)
""",
}

# {transformation: how often}: helpers of (f, positions of the arguments that it works on). `BY_ANY` take any array.
TRANSFORMATIONS = {
    "grad": 4, "value_and_grad": 1, "jvp": 4, "vjp": 3, "linearize": 2, "hessian": 1, "jacfwd": 1, "jacrev": 1, "vmap": 5,
    "checkpoint": 2, "jit": 3,
}  # fmt: skip
BY_ANY = ("vmap", "checkpoint", "jit")
REVERSE = ("grad", "value_and_grad", "vjp", "linearize", "hessian", "jacrev", "linear_transpose")
