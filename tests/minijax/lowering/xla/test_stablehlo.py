"""Jaxprs as StableHLO text: XLA runs the text, and its results equal those of the primitives' NumPy implementations."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from functools import partial

import jax
import numpy as np
import numpy_table
import pytest
from lowered_programs import PROGRAMS as LOWERED_PROGRAMS
from op_table import OPS, arrays
from thinned import LONG, chosen

import minijax as mj
import minijax.lax
import minijax.numpy as jnp
from minijax.core.jaxpr import ClosedJaxpr, eval_jaxpr
from minijax.core.primitive import CallPrimitive
from minijax.extend.core import Primitive
from minijax.lowering.xla import client as xla
from minijax.lowering.xla import stablehlo
from minijax.lowering.xla.stablehlo import RULES, WITHOUT_RULE, module_text
from minijax.lowering.xla.text import physical_array
from minijax.primitives.basis import registry


def run(closed_jaxpr: ClosedJaxpr, args) -> list[np.ndarray]:
    """The results, as they are stored on the device."""
    outs = xla.program(closed_jaxpr, "case")(args)
    return [physical_array(x) if isinstance(x, np.ndarray) else np.asarray(x._buffer) for x in outs]


def evaluate(closed_jaxpr: ClosedJaxpr, args) -> list[np.ndarray]:
    """The results of the NumPy implementations, applied equation by equation, in the form in which a device stores them."""
    outs = eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)
    return [physical_array(x if isinstance(x, np.ndarray) else x._value) for x in outs]


def assert_close(found: np.ndarray, expected: np.ndarray, ulp: float, label: str):
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), label
    if expected.dtype.kind in "biu":
        np.testing.assert_array_equal(found, expected, err_msg=label)
        return
    eps = float(mj.numpy.finfo(expected.dtype).eps)
    if expected.dtype.kind != "c":
        found, expected = found.astype(np.float64), expected.astype(np.float64)
    finite = np.abs(expected[np.isfinite(expected)])
    scale = min(1.0, float(finite.max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=ulp * eps, atol=ulp * eps * scale, err_msg=label)


def check(cases, ulp: float = 32):
    """Compile the programs (label, function, *arguments) together, and compare the results with NumPy's."""
    jaxprs, flat, slices = [], [], []
    for _, function, *args in cases:
        leaves = list(map(jnp.asarray, mj.tree.leaves(args)))
        jaxprs.append(mj.make_jaxpr(function)(*args))
        slices.append(slice(len(flat), len(flat) + len(leaves)))
        flat += leaves

    def together(*xs):
        return [eval_jaxpr(c.jaxpr, c.consts, *xs[part]) for c, part in zip(jaxprs, slices)]

    found = iter(run(mj.make_jaxpr(together)(*flat), flat))
    for (label, *_), closed_jaxpr, part in zip(cases, jaxprs, slices):
        for expected in evaluate(closed_jaxpr, flat[part]):
            assert_close(next(found), expected, ulp, label)


# ---------------------------------------------------------------------------------------------------------------------
# Every operation


def cases_of(op):
    """The operation at all its dtypes and, where it is smooth, the gradient of a sum of its results with different weights."""
    function = partial(op.function, minijax.lax)
    for dtype in op.dtypes:
        args = arrays(op, dtype, np.random.default_rng(7))
        yield f"{op} {dtype}", function, *args
        if op.smooth and dtype == "float32":
            yield f"gradient of {op}", mj.grad(partial(weighed, function), op.smooth), *args


def weighed(function, *args):
    out = function(*args)
    return (jnp.abs(out) * jnp.cos(jnp.arange(out.size, dtype="float32").reshape(out.shape))).sum()


CASES = [case for op in OPS for case in cases_of(op) if chosen(case[0], 10)]


@pytest.mark.parametrize("part", range(4))
def test_every_operation(part):
    check(CASES[part::4])


def test_every_primitive_has_a_rule_or_a_reason():
    known = {*RULES, *WITHOUT_RULE, *[name for name, p in registry.items() if isinstance(p, CallPrimitive)]}
    assert sorted(registry.keys() - known) == []
    assert sorted(known - registry.keys()) == []
    assert not RULES.keys() & WITHOUT_RULE.keys()


@functools.cache
def expressions() -> list[tuple]:
    """The expressions of the table that can be traced, as functions of their variables."""
    cases = []
    for expression in [e for table in numpy_table.TABLES.values() for e in table if chosen(e, 16)]:
        code = compile(expression, "<expression>", "eval")
        # Not those in code.co_names, which lacks the names in a comprehension.
        words = set(re.findall(r"\w+", expression))
        used = {name: x for name, x in numpy_table.VARIABLES.items() if name in words}

        def function(*args, code=code, used=used):
            return mj.tree.leaves(eval(code, {"jnp": jnp, "np": np, **dict(zip(used, args))}))

        try:
            mj.make_jaxpr(function)(*used.values())
        except (TypeError, ValueError, IndexError, NotImplementedError):
            # Expressions that raise an error, or that need the values of arrays.
            continue
        cases.append((expression, function, *used.values()))
    assert len(cases) > (1600 if LONG else 60)
    return cases


@pytest.mark.parametrize("part", range(8))
def test_numpy_functions(part):
    check(expressions()[part::8])


# ---------------------------------------------------------------------------------------------------------------------
# Special values and dtypes

# No number here is subnormal, because XLA's CPU code treats subnormal numbers as 0.
FLOATS = np.float32(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 1.5, np.inf, -np.inf, np.nan, 3e38, -3e38, 1e10, 300.0, -130.0, 255.5]
)
UNARY = (
    "neg sign floor ceil is_finite exp exp2 expm1 log log1p sin cos tan asin acos atan sinh cosh asinh acosh atanh tanh logistic"
    " erf erfc erf_inv lgamma sqrt rsqrt cbrt abs square round"
).split()
BINARY = "add sub mul div rem max min pow atan2 nextafter eq ne lt le gt ge".split()
INTEGER = (
    "add sub mul div rem max min eq lt ge bitwise_and bitwise_or bitwise_xor shift_left shift_right_logical"
).split()


def pairs(x: np.ndarray) -> list[np.ndarray]:
    return [a.ravel() for a in np.meshgrid(x, x)]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_special_floats(dtype):
    x, (a, b) = jnp.asarray(FLOATS).astype(dtype), [jnp.asarray(v).astype(dtype) for v in pairs(FLOATS)]
    check(
        [(name, getattr(minijax.lax, name), x) for name in UNARY]
        # At 0 the result is NaN or infinite: that depends on the version of XLA.
        + [("digamma", minijax.lax.digamma, x[2:])]
        + [(name, getattr(minijax.lax, name), a, b) for name in BINARY]
        + [(f"to {new}", partial(minijax.lax.convert_element_type, new_dtype=new), x) for new in DTYPES]
    )


DTYPES = "bool int8 uint8 int16 uint16 int32 uint32 float16 bfloat16 float32 complex64".split()


def test_special_integers():
    cases = []
    for dtype in [d for d in DTYPES if "int" in d]:
        info = np.iinfo(dtype)
        x = np.array(
            [0, 1, 2, 3, 7, 8, 31, 32, info.max, info.min, info.max - 1] + [-1, -2, -7] * (info.min < 0), dtype
        )
        a, b = pairs(x)
        cases += [(f"{name} {dtype}", getattr(minijax.lax, name), a, b) for name in INTEGER]
        cases += [
            (f"{name} {dtype}", getattr(minijax.lax, name), x)
            for name in "neg sign bitwise_not population_count".split()
        ]
        cases += [(f"{dtype} to {new}", partial(minijax.lax.convert_element_type, new_dtype=new), x) for new in DTYPES]
        cases.append((f"shift_right_arithmetic {dtype}", minijax.lax.shift_right_arithmetic, a, b))
        cases.append(
            (f"integer_pow {dtype}", lambda x: (minijax.lax.integer_pow(x, 5), minijax.lax.integer_pow(x, 0)), x)
        )
    check(cases)


def test_complex_numbers():
    rng = np.random.default_rng(0)
    z = (rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))).astype(np.complex64)
    y = z[::-1].copy()
    y[0] = z[0]
    y[1, 0] = z[1, 0].real - 5j
    names = "neg sign exp log sin cos tan sqrt rsqrt tanh abs square real imag conj asin acos atan sinh cosh".split()
    names += "asinh acosh atanh log1p expm1 logistic".split()
    special = np.array([1 + 2j, 1 + 1j, complex(-0.0, 1), -1j, 3, np.inf, complex(np.nan, 0)], np.complex64)
    check(
        [(name, getattr(minijax.lax, name), z) for name in names]
        + [(name, getattr(minijax.lax, name), z, y) for name in "add sub mul div pow eq ne max min".split()]
        + [(name, getattr(jnp, name), z, y) for name in "less less_equal greater greater_equal".split()]
        + [("max of NaN", lambda x: (minijax.lax.max(x, x[::-1]), minijax.lax.min(x, x[::-1])), special)]
        + [
            (
                "reduced",
                lambda x: (x.sum(), x.prod(0), jnp.cumsum(x, 1), jnp.cumprod(x, 0), x @ x.T, jnp.sort(x, 0)),
                z,
            ),
            ("powers", lambda x: (minijax.lax.integer_pow(x, 3), minijax.lax.integer_pow(x, -2)), z),
            ("sort", jnp.sort, special),
        ]
    )


ORDER = np.float32([3, -0.0, 0.0, np.nan, -np.inf, np.inf, -1, 0.0, -0.0, np.nan, 2])


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8", "uint32", "bool"])
def test_order_and_products(dtype):
    x = jnp.asarray(ORDER if dtype[0] in "fb" and dtype != "bool" else np.nan_to_num(ORDER, posinf=7, neginf=9)).astype(
        dtype
    )
    lax = minijax.lax
    index = partial(lax.argmax, axis=0, index_dtype=np.int32)
    check(
        [
            ("sort", lambda x: (lax.sort(x), lax.sort((x, jnp.arange(11))), lax.sort((x[::-1], x), num_keys=2)), x),
            ("top_k", lambda x: (lax.top_k(x, 5), lax.top_k(x.reshape(1, 11).T, 11, axis=0), lax.top_k(x, 0)), x),
            ("argmax", lambda x: (index(x), lax.argmin(x, 0, np.int32), x.max(), x.min()), x),
            ("dot", lambda x: (lax.dot(x, x), jnp.outer(x, x), lax.dot(x, x, preferred_element_type=np.float32)), x),
        ]
    )


def test_running_reductions_of_special_values():
    lax = minijax.lax
    check(
        [
            (
                "cummax",
                lambda x: (
                    lax.cummax(x),
                    lax.cummin(x, reverse=True),
                    lax.cumlogsumexp(x),
                    lax.cumlogsumexp(x, reverse=True),
                ),
                ORDER,
            ),
            (
                "integers",
                lambda x: (lax.cummax(x, 1), lax.cummin(x, 0), lax.cumprod(x, 1)),
                np.int8([[1, -3], [7, 100]]),
            ),
        ]
    )


def test_products_of_several_dtypes():
    dot, x = minijax.lax.dot, np.float32([1, 2, 3])
    check(
        [
            ("mixed", lambda x: dot(x, x.astype("bfloat16"), preferred_element_type=np.float32), x),
            ("narrowed", lambda x: dot(x, x, preferred_element_type=np.float16), x),
            (
                "widened",
                lambda x: dot(x.astype("bfloat16"), x.astype("bfloat16"), preferred_element_type=np.float32),
                x,
            ),
            ("exact", lambda x: dot(x, x, precision=("highest", "default")), x),
            ("other names", lambda x: (dot(x, x, precision="float32"), dot(x, x, precision="high")), x),
        ]
    )


@pytest.mark.parametrize("mode", ["fill", "clip", "promise_in_bounds"])
def test_out_of_bounds(mode):
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    cases = []
    for dtype in ("int32", "int8", "uint8", "uint32"):
        i = np.array([0, 4, 2] if mode == "promise_in_bounds" else [0, 4, 5, 100, 2, 127], dtype)
        i[3:5] -= 5 if dtype.startswith("int") else 0
        cases += [
            (f"gather {dtype}", lambda x, i: (x.at[i].get(mode=mode), x.at[i, i].get(mode=mode)), x, i),
            (f"set {dtype}", lambda x, i: (x.at[i].set(3.0, mode=mode), x.at[:, i].mul(3.0, mode=mode)), x, i),
            (f"add {dtype}", lambda x, i: (x.at[i].add(3.0, mode=mode), x.at[i, i].min(0.0, mode=mode)), x, i),
            (f"max {dtype}", lambda x, i: x.at[i].max(0.0, mode=mode), x, i),
        ]
    check(cases)
    if mode == "fill":
        windows = lambda x, i: (
            minijax.lax.dynamic_slice(x, (i, i), (2, 2)),
            minijax.lax.dynamic_slice(x, (i, np.int32(3)), (2, 2)),
            minijax.lax.dynamic_update_slice(x, x[:2, :2], (i, i)),
        )
        check([("windows", windows, x, i) for i in (np.int8(100), np.uint8(200), np.int32(-9))])


def test_no_elements():
    lax = minijax.lax
    check(
        [
            ("arithmetic", lambda z: (z + 1, z.sum(0), z.T @ z, z @ z.T, z.max(1), z.reshape(3, 0), z[:, 1]), EMPTY),
            ("order", lambda z: (jnp.sort(z), jnp.cumsum(z, 0), lax.cummax(z, 0), lax.top_k(z, 2), z.argmax(1)), EMPTY),
            (
                "joined",
                lambda z: (jnp.concatenate([z, z]), jnp.stack([z, z]), jnp.tile(z, (2, 2)), jnp.pad(z, 1)),
                EMPTY,
            ),
            (
                "places",
                lambda z: (z.at[:, 0].add(1.0), z[jnp.zeros(0, int)], lax.dynamic_slice(z, (0, 1), (0, 2))),
                EMPTY,
            ),
            (
                "filled",
                lambda z: (jnp.take(z, jnp.array([0, 1]), axis=1, mode="fill"), jnp.zeros((2, 0))[jnp.array([0])]),
                EMPTY,
            ),
            ("loops", lambda z: (lax.scan(lambda c, x: (c + x.sum(), x), 0.0, z), mj.vmap(jnp.sin)(z)), EMPTY),
            (
                "random",
                lambda k: (mj.random.normal(k, (0, 3)), mj.random.gamma(k, 2.0, (0,)), mj.random.split(k, 0)),
                KEY,
            ),
        ]
    )


EMPTY = np.zeros((0, 3), np.float32)
KEY = mj.random.key(3)
KEYS = mj.random.split(KEY, 3)


def test_constants_are_exact():
    """Literals keep every bit, for every dtype and in each notation."""
    rng = np.random.default_rng(0)
    arrays = [
        np.float32([np.nan, -0.0, np.inf, -np.inf, 1e-45, 0.1, 1e-7, 1e22, 3.4028235e38, 16777217]),
        np.float16([0.1, np.inf, -0.0, 6e-8, 65504]),
        np.asarray(jnp.array([0.1, -np.inf, 1e38, -0.0, 1e-40]).astype("bfloat16")),
        np.array([complex(np.nan, 1), 1 - 2j, complex(0, -np.inf), complex(-0.0, 1e-9)], np.complex64),
        np.uint32([0, 2**32 - 1]),
        np.int8([-128, 127]),
        np.array([True, False]),
        np.float32(-0.0),
        np.full((2, 3), np.nan, np.float32),
        rng.integers(0, 2**32, (5, 40), np.uint32).view(np.float32),
        rng.integers(-128, 128, 200).astype(np.int8),
        rng.random((100, 2)) < 0.5,
        rng.random(80).astype(np.float16),
        (rng.random(70) + 1j).astype(np.complex64),
        np.zeros((0, 3), np.float32),
        rng.random((9, 1, 9)).transpose(2, 0, 1).astype(np.float32),
    ]
    closed_jaxpr = mj.make_jaxpr(lambda: [jnp.asarray(x) for x in arrays])()
    for found, expected in zip(run(closed_jaxpr, []), arrays, strict=True):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_tangents_of_integers():
    """Arrays of dtype float0 hold no data: they are stored as bools."""
    check([("vjp", lambda x: mj.vjp(lambda i, x: x * i, 3, x)[1](x), np.float32(2))])


def test_64_bits():
    mj.config.update("jax_enable_x64", True)
    try:
        x, i, lax = np.random.default_rng(0).normal(size=(3, 4)), jnp.arange(2), minijax.lax
        check(
            [
                (
                    "arithmetic",
                    lambda x: (x + 1, x @ x.T, jnp.sin(x), x.sum(), x.astype(complex) * 2j, x.argmax(), -x.astype(int)),
                    x,
                ),
                ("constants", lambda x: (x + np.array([0.1, np.nan, 1e300, -0.0]), jnp.arange(100.0) * 3), x),
                ("special", lambda x: (lax.lgamma(jnp.abs(x)), lax.erf_inv(x / 9), lax.digamma(x), jnp.sort(x)), x),
                ("loops", lambda x: lax.scan(lambda c, y: (c + y, c), x[0], x), x),
                ("indices", lambda x, i: (x.at[i].add(1.0), lax.dynamic_slice(x, (i[1], jnp.int32(0)), (1, 2))), x, i),
                ("random", lambda s: (mj.random.bits(mj.random.key(s), (3,), "uint64"), mj.random.key(s)), 2**40 + 3),
                ("numbers", lambda k: (mj.random.uniform(k, (4,)), mj.random.normal(k, (4,))), KEY),
            ],
            # XLA's float64 functions differ from NumPy's in the last places.
            ulp=1024,
        )
    finally:
        mj.config.update("jax_enable_x64", False)


# ---------------------------------------------------------------------------------------------------------------------
# Programs: control flow, random numbers


def test_programs():
    check([(name, *program) for name, program in LOWERED_PROGRAMS.items() if name != "inf and nan"])


def newton(x):
    return mj.lax.custom_root(lambda y: y * y - x, x, lambda f, y: _iterate(f, y), lambda g, y: y / g(1.0))


def _iterate(f, y):
    return mj.lax.fori_loop(0, 8, lambda i, y: y - f(y) / (2 * y), y)


def solved(b):
    matrix = jnp.array([[2.0, 1.0], [1.0, 3.0]])
    solve = lambda matvec, b: jnp.array([[3.0, -1.0], [-1.0, 2.0]]) @ b / 5
    return mj.lax.custom_linear_solve(lambda x: matrix @ x, b, solve, symmetric=True)


@mj.custom_vjp
def clipped(x):
    return x


clipped.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -1, 1),))

X = jnp.asarray(np.float32([0.5, 1.5, -2.0]))


def test_control_flow():
    lax = mj.lax
    nested = lambda xs: lax.scan(lambda c, x: (lax.scan(lambda d, y: (d * y, d), c, xs)[0] + x, c), 1.0, xs)
    check(
        [
            ("no carry", lambda xs: lax.scan(lambda c, x: (None, 2 * x), None, xs), X),
            ("nothing scanned", lambda x: lax.scan(lambda c, _: (c + x, None), x, None, length=3), X),
            ("reverse", lambda xs: lax.scan(lambda c, x: (c + x, (c, x)), 0.0, xs, reverse=True), X),
            ("nested", nested, X),
            ("gradient of nested", mj.grad(lambda xs: nested(xs)[1].sum() * nested(xs)[0]), X),
            ("hessian of a scan", mj.hessian(lambda xs: lax.scan(lambda c, x: (jnp.sin(c * x), c), 1.0, xs)[0]), X),
            ("vmap of scan", mj.vmap(lambda a: lax.scan(lambda c, x: (c * x + a, c), a, X)), X),
            ("while in while", lambda n: lax.while_loop(lambda s: s[0] < n, _count, (0, 0)), 4),
            ("while without values", lambda x: (lax.while_loop(lambda c: False, lambda c: c, ()), x), X),
            ("vmap of while", mj.vmap(lambda x: lax.while_loop(lambda c: c < 9, lambda c: c * 2 + 1, x)), jnp.abs(X)),
            ("jvp of while", lambda x: mj.jvp(lambda x: lax.fori_loop(0, 3, lambda i, c: c * x, x), (x,), (x,)), X),
            ("cond in scan", lambda xs: lax.scan(lambda c, x: (lax.cond(x > 0, jnp.sin, jnp.cos, c), c), 1.0, xs), X),
            ("gradient of cond", mj.grad(lambda x: lax.cond(x[0] > 0, lambda x: (x * x).sum(), lambda x: x[1], x)), X),
            ("one branch", lambda x: lax.switch(3, [jnp.sin], x), X),
            ("branch without results", lambda x: lax.cond(x[0] > 0, lambda: (), lambda: ()), X),
            ("implicit function", lambda x: (newton(x), mj.grad(newton)(x)), 3.0),
            ("linear solve", lambda b: (solved(b), mj.grad(lambda b: solved(b)[0])(b)), jnp.array([1.0, -2.0])),
            ("custom_vjp", mj.grad(lambda x: (5 * clipped(x)).sum()), X),
            ("checkpoint", mj.grad(mj.checkpoint(lambda x: jnp.prod(jnp.sin(x)))), X),
            ("pmap as one program", mj.pmap(lambda x: (lax.psum(x, "i"), lax.axis_index("i")), axis_name="i"), X),
            ("identity", lambda x: (x, x, 3.0), X),
        ]
    )


def _count(state):
    i, n = state
    return i + 1, mj.lax.while_loop(lambda n: n % 3 != 0, lambda n: n + 1, n + i)


def test_random_keys_and_bits():
    """Random bits are always equal, and operations on arrays also work on arrays of keys."""
    lax, random = mj.lax, mj.random
    check(
        [
            ("keys", lambda k: (random.split(k, 3), random.fold_in(k, 7), random.key_data(k), random.clone(k)), KEY),
            ("seeds", lambda s: (random.key(s), random.key(s.astype("int8")), random.PRNGKey(s)), jnp.int32(-5)),
            ("bits", lambda k: [random.bits(k, (2, 3), d) for d in ("uint8", "uint16", "uint32")], KEY),
            ("of several keys", mj.vmap(lambda k: random.bits(k, (3,))), KEYS),
            (
                "integers",
                lambda k: (random.randint(k, (4,), 0, 100), random.permutation(k, 50), random.bernoulli(k)),
                KEY,
            ),
            ("uniform", lambda k: [random.uniform(k, (5,), d) for d in ("float16", "bfloat16", "float32")], KEY),
            (
                "moved",
                lambda k: (k[1], k[::-1], k.reshape(3, 1).T, jnp.tile(k, 2), jnp.broadcast_to(k, (2, 3)).T),
                KEYS,
            ),
            ("joined", lambda k: (jnp.concatenate([k, k]), jnp.stack([k, k], 1), jnp.split(k, 3)), KEYS),
            ("chosen", lambda k: (jnp.where(jnp.array([True, False, True]), k, k[0]), k[jnp.array([2, 0, 9])]), KEYS),
            ("placed", lambda k: (k.at[1].set(k[0]), lax.dynamic_slice(k, (jnp.int32(2),), (2,))), KEYS),
            ("compared", lambda k: (k == k[1], k != k[::-1]), KEYS),
            ("sorted along", lambda k: lax.sort((jnp.array([3, 1, 2]), k, jnp.arange(3.0))), KEYS),
            ("carried", lambda k: lax.scan(lambda c, x: (random.split(c)[0], random.bits(x)), k[0], k), KEYS),
            ("stacked", lambda k: lax.scan(lambda c, x: (c + 1, random.split(x)), 0, k), KEYS),
            ("branches", lambda k: lax.cond(k[0] == k[1], lambda k: k[0], lambda k: k[1], k), KEYS),
            ("constant", lambda: KEYS[1:]),
        ]
    )


def test_random_numbers():
    random = mj.random
    check(
        [
            ("normal", lambda k: [random.normal(k, (50,), d) for d in ("float32", "float16", "bfloat16")], KEY),
            (
                "others",
                lambda k: (random.gumbel(k, (9,)), random.truncated_normal(k, -1, 1, (9,)), random.laplace(k, (9,))),
                KEY,
            ),
            ("gamma", lambda k: random.gamma(k, jnp.linspace(0.1, 5, 60)), KEY),
            ("loggamma", mj.vmap(lambda k: random.loggamma(k, jnp.array([0.01, 2.0]))), KEYS),
        ],
        ulp=128,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Several devices


def collectives(x):
    lax = mj.lax
    key = mj.random.key(lax.axis_index("i"))
    return (
        [lax.psum(x, "i"), lax.pmax(x, "i"), lax.pmin(x, "i"), lax.pmean(x, "i"), lax.psum(x.astype(int), "i")],
        [lax.psum(x, "i", axis_index_groups=[[0, 2], [1, 3]]), lax.psum(1, "i"), lax.axis_index("i")],
        [lax.all_gather(x, "i"), lax.all_gather(x, "i", axis=1), lax.all_gather(x, "i", tiled=True)],
        [
            lax.all_gather(x > 0, "i"),
            lax.all_gather(x, "i", axis_index_groups=[[3, 1], [0, 2]]),
            lax.all_gather(key, "i"),
        ],
        [lax.psum_scatter(x, "i"), lax.psum_scatter(x, "i", scatter_dimension=1, tiled=True)],
        [lax.all_to_all(x, "i", 0, 1), lax.all_to_all(x, "i", 1, 0, tiled=True)],
        lax.all_to_all(mj.random.split(key, 4), "i", 0, 0),
        [lax.ppermute(x, "i", [(0, 1), (1, 2)]), lax.ppermute(x, "i", []), lax.pbroadcast(x, "i", 1)],
        mj.grad(lambda x: (lax.psum(x**2, "i") * lax.axis_index("i")).sum())(x),
    )


def test_collectives():
    """Four replicas compute the same results as a batch of four examples."""
    x = np.random.default_rng(0).normal(size=(4, 4, 8)).astype(np.float32)
    x[1, 0, 0] = -0.0
    one = jnp.asarray(x[0])
    text = module_text(mj.make_jaxpr(collectives, axis_env=[("i", 4)])(one), "f", replicas=4, axis_name="i")
    execute = xla._Replicated(text, tuple(range(4))).execute
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:4]), ("replica",))
    rows = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("replica")))
    outs = execute([rows.reshape(16, 8)]).disassemble_into_single_device_arrays()
    expected = mj.vmap(collectives, axis_name="i")(jnp.asarray(x))
    for found, y in zip(outs, mj.tree.leaves(expected), strict=True):
        found = np.stack([np.asarray(part) for part in found])
        assert_close(found, physical_array(y._value), 32, "collective")
    found = np.stack([np.asarray(part) for part in outs[-2]])
    np.testing.assert_array_equal(np.signbit(found), np.signbit(np.broadcast_to(x[1], x.shape)))


def test_collectives_of_no_device():
    closed_jaxpr = mj.make_jaxpr(lambda x: mj.lax.psum(x, "i"), axis_env=[("i", 4)])(X)
    with pytest.raises(NameError, match="unbound axis name: i"):
        module_text(closed_jaxpr, "f")
    with pytest.raises(NameError, match="unbound axis name: i"):
        module_text(closed_jaxpr, "f", replicas=4, axis_name="j")


# ---------------------------------------------------------------------------------------------------------------------
# The text


def text_of(function, *args, **options) -> list[str]:
    return module_text(mj.make_jaxpr(function)(*args), "f", **options).splitlines()


def code_of(function, *args) -> str:
    """The text without comments."""
    return "\n".join(line for line in text_of(function, *args) if not line.lstrip().startswith("//"))


def test_names_and_lines_are_the_users():
    def model(w, x):
        hidden = jnp.tanh(x @ w)
        return hidden * 2.0

    first = model.__code__.co_firstlineno
    assert text_of(model, np.ones((3, 2), np.float32), X, arg_names=["params['w']", "x"]) == [
        "module @jit_f attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {",
        "  func.func public @main(%params__w__: tensor<3x2xf32>, %x: tensor<3xf32>) -> tensor<2xf32> {",
        f"    // test_stablehlo.py:{first + 1}  hidden = jnp.tanh(x @ w)",
        "    %0 = stablehlo.dot_general %x, %params__w__, contracting_dims = [0] x [0], precision = [DEFAULT, DEFAULT] :"
        " (tensor<3xf32>, tensor<3x2xf32>) -> tensor<2xf32>",
        "    %hidden = stablehlo.tanh %0 : tensor<2xf32>",
        f"    // test_stablehlo.py:{first + 2}  return hidden * 2.0",
        "    %c = stablehlo.constant dense<2.0> : tensor<2xf32>",
        "    %1 = stablehlo.multiply %hidden, %c : tensor<2xf32>",
        "    return %1 : tensor<2xf32>",
        "  }",
        "}",
    ]


def test_what_returns_its_operand_leaves_its_name():
    """The user gave a name to a result that has no line of its own: the line of its operand keeps the first name."""
    returning = {
        "stop_gradient": mj.lax.stop_gradient,
        "checkpoint_name": lambda x: mj.ad_checkpoint.checkpoint_name(x, "name"),
        "a reshape to the same shape": lambda x: mj.lax.reshape_p.bind(
            x, new_sizes=(3,), dimensions=None, sharding=None
        ),
        "real of real numbers": jnp.real,
        "a psum over nothing": lambda x: mj.lax.reduce_sum_p.bind(x, axes=(), out_sharding=None),
        "copy": lambda x: mj.lax.copy_p.bind(x),
    }

    def operand(x):
        return jnp.sin(x) * x

    def program(f):
        def named(x):
            first = operand(x)
            second = f(first)
            return first, second, second + first

        return named

    for name, f in returning.items():
        got, expected = mj.jit(program(f), compiler="xla")(X), program(f)(X)
        assert all(np.allclose(a, b) for a, b in zip(got, expected, strict=True)), name


@mj.jit
def several(x):
    return jnp.sin(x) * x + jnp.cos(x) / 3 - x


def test_what_is_called_twice_is_a_function():
    text = code_of(lambda x: several(several(x)) + several(2 * x), X)
    assert text.count("func.func private @several(") == 1
    assert text.count(" = func.call @several(") == 3
    assert "several" not in code_of(lambda x: several(2 * x), X)


def test_hashes_are_written_once():
    text = code_of(lambda k: [mj.random.bits(mj.random.fold_in(k, i), (3,)) for i in range(4)], KEY)
    assert text.count("func.func private @threefry2x32") == 2
    assert text.count("func.call @threefry2x32") == 8


def test_dead_code_is_not_written():
    assert "cosine" not in code_of(lambda x: [jnp.sin(x), jnp.cos(x)][0], X)


def test_donated_arguments_are_written_over():
    def signature(*donated):
        lines = text_of(lambda x, y, n: (y.sum(), x + 1, n), X, X, KEYS, donated=donated)
        return re.findall(r"%arg(\d): tensor<[^>]*> \{([^}]*)\}", lines[1])

    assert signature() == []
    aliased = "tf.aliasing_output = {} : i32".format
    assert signature(0) == [("0", aliased(1))]
    assert signature(1, 2) == [("1", aliased(1)), ("2", aliased(2))]
    assert signature(0, 1) == [("0", aliased(1)), ("1", "jax.buffer_donor = true")]


def test_the_text_needs_numpy_alone():
    program = """
import sys
sys.modules.update(jax=None, jaxlib=None, ml_dtypes=None)
import minijax as mj
from minijax.lowering.xla.stablehlo import module_text
print(module_text(mj.make_jaxpr(lambda k: mj.random.normal(k, (3,)))(mj.random.key(0)), "f"))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "chlo.erf_inv" in result.stdout


def test_odd_names():
    lines = text_of(lambda x, y: x + y, 1.0, 2.0, arg_names=["1é-x", "1é-x"])
    assert "%_1__x: tensor<f32>, %_1__x_2: tensor<f32>" in lines[1]
    closed_jaxpr = mj.make_jaxpr(lambda x: x)(1.0)
    assert module_text(closed_jaxpr, "<lambda>").startswith("module @jit__lambda_ ")


# ---------------------------------------------------------------------------------------------------------------------
# What cannot be written


def with_print(x):
    mj.debug.print("{}", x)
    return x


def with_callback(x):
    return mj.pure_callback(np.sin, mj.ShapeDtypeStruct((3,), np.float32), x)


@pytest.mark.parametrize("function", [with_print, with_callback])
def test_python_cannot_be_called(function):
    line = f"{function.__code__.co_firstlineno + 1}:{4 if function is with_print else 11}"
    primitive = {with_print: "debug_print", with_callback: "pure_callback"}[function]
    with pytest.raises(NotImplementedError) as error:
        text_of(lambda x: mj.lax.fori_loop(0, 2, lambda i, x: function(x), x), X)
    assert str(error.value) == (
        f"Primitive '{primitive}', at {__file__}:{line} ({function.__name__}), cannot be written as StableHLO: it calls back"
        ' into Python. Run the function with jit(compiler="numpy"), or leave the operation out of what XLA compiles.'
    )


def test_primitives_of_users(monkeypatch):
    """A user's primitive has no StableHLO rule until the user gives it one."""
    twice_p = Primitive("twice")
    twice_p.def_impl(lambda x: 2 * x)
    twice_p.def_abstract_eval(lambda x: x)
    with pytest.raises(
        NotImplementedError, match=r"Primitive 'twice', at .*: there is no rule for it, which .*\.RULES would take"
    ):
        text_of(lambda x: twice_p.bind(x), X)
    monkeypatch.setitem(RULES, "twice", lambda w, out, x: w.elementwise("add", out, x, x))
    check([("twice", lambda x: twice_p.bind(x), X)])


@pytest.mark.parametrize(
    "name, fault",
    [
        ("sin", RULES["cos"]),
        ("lt", RULES["le"]),
        ("cumsum", RULES["cumprod"]),
        ("gather", lambda *args, mode, rule=RULES["gather"], **params: rule(*args, mode=None, **params)),
        ("random_split", lambda w, out, k, *, shape: w.full(out, 1)),
    ],
)
def test_a_planted_fault_is_seen(monkeypatch, name, fault):
    monkeypatch.setitem(stablehlo.RULES, name, fault)
    lax = mj.lax
    cases = {
        "sin": (jnp.sin, X),
        "lt": (lax.lt, X, X),
        "cumsum": (jnp.cumsum, X),
        "gather": (lambda x: x.at[jnp.array([5])].get(mode="fill"), X),
        "random_split": (lambda k: mj.random.bits(mj.random.split(k)[0]), KEY),
    }
    with pytest.raises(AssertionError):
        check([(name, *cases[name])])


MIXED = ("float32", "float16", "bfloat16", "int32", "int8", "uint8", "bool", "complex64")


@pytest.mark.parametrize("x", MIXED)
@pytest.mark.parametrize("y", MIXED)
@pytest.mark.one_in(4)
def test_dots_of_two_dtypes(x, y):
    """Both libraries refuse, or the results and their dtypes agree on both compilers."""
    numbers = np.array([1, 0, 1]), np.array([1, 1, 1])

    def run(lib, jit):
        try:
            out = jit(lambda x, y: lib.lax.dot(x, y))(*[lib.numpy.asarray(v, d) for v, d in zip(numbers, (x, y))])
        except TypeError:
            return "refused"
        return str(out.dtype), complex(np.asarray(out, "complex64"))

    assert run(mj, mj.jit) == run(mj, partial(mj.jit, compiler="xla")) == run(jax, jax.jit)


def test_rules_do_not_depend_on_the_order_of_imports():
    """The rules are read before `scipy.special` brings its rows: a new interpreter has rules for these too."""
    program = (
        "from minijax.lowering.xla.stablehlo import RULES\n"
        "import minijax.scipy.special\n"
        "from minijax.primitives.algorithms import ALGORITHMS\n"
        "print(sorted(ALGORITHMS.keys() - RULES.keys()), len(ALGORITHMS) > 15)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[] True"
