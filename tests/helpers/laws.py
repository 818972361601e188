"""What holds for every function of arrays, whatever it computes: its derivatives are those that differences show, reverse
mode is the adjoint of forward mode, vmap is a stack of slices, jit changes nothing. No other library is asked.

A law takes a function of arrays, returning any tree of arrays, and the arrays.
"""

from __future__ import annotations

import itertools

import numpy as np

import minijax as mj


def arrays(shapes, dtype, salt: float = 0.2) -> list[np.ndarray]:
    """Arrays of positive and negative numbers; no two arrays are equal."""
    sizes = [int(np.prod(s)) for s in shapes]
    starts = np.cumsum([0, *sizes])
    return [np.cos(1.7 * np.arange(a, a + n) + salt).reshape(s).astype(dtype) for a, n, s in zip(starts, sizes, shapes)]


def leaves(x) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in mj.tree.leaves(x)]


def flat(function):
    """`function`, changed to return a list of its floating-point results."""
    return lambda *args: [y for y in mj.tree.leaves(function(*args)) if y.dtype.kind == "f"]


def jvp(function, args, tangents):
    return mj.jvp(flat(function), tuple(map(mj.numpy.asarray, args)), tuple(map(mj.numpy.asarray, tangents)))[1]


def directional_derivatives_are_differences(function, args):
    """Derivatives of first and of second order agree with differences."""
    tangents = [np.sin(2 * x) + 0.5 for x in args]
    h = 1e-5
    for f in (flat(function), lambda *xs: jvp(function, xs, tangents)):
        ahead, behind = (leaves(f(*[mj.numpy.asarray(x + s * t) for x, t in zip(args, tangents)])) for s in (h, -h))
        for found, a, b in zip(leaves(jvp(f, args, tangents)), ahead, behind, strict=True):
            np.testing.assert_allclose(found, (a - b) / (2 * h), rtol=1e-6, atol=1e-6)


def reverse_mode_is_the_adjoint(function, args):
    """<J v, w> = <v, J^T w>"""
    tangents = [np.sin(2 * x) + 0.5 for x in args]
    moved = leaves(jvp(function, args, tangents))
    weights = arrays([y.shape for y in moved], moved[0].dtype, salt=0.5)
    _, pull_back = mj.vjp(flat(function), *map(mj.numpy.asarray, args))
    cotangents = leaves(pull_back([mj.numpy.asarray(w) for w in weights]))
    left = sum(np.sum(a * b) for a, b in zip(moved, weights, strict=True))
    right = sum(np.sum(a * b) for a, b in zip(tangents, cotangents, strict=True))
    np.testing.assert_allclose(left, right, rtol=1e-10)


def linearize_is_jvp(function, args):
    tangents = [np.sin(2 * x) + 0.5 for x in args]
    _, linear = mj.linearize(flat(function), *map(mj.numpy.asarray, args))
    assert_equal(linear(*map(mj.numpy.asarray, tangents)), jvp(function, args, tangents))


def assert_equal(found, expected, what: str = ""):
    """Up to rounding."""
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), what
        eps = np.finfo(a.dtype).eps if a.dtype.kind == "f" else 0
        np.testing.assert_allclose(a, b, rtol=32 * eps, atol=32 * eps, err_msg=what)


def vmap_is_a_stack_of_slices(function, args):
    """vmap agrees with a loop, for every choice of batched arguments and with the batch axis first or last in each of them."""
    size = 3
    choices = [dict.fromkeys((None, 0, np.ndim(x))) for x in args]
    for in_axes in itertools.product(*choices):
        if not any(d is not None for d in in_axes):
            continue
        shapes = [x.shape if d is None else (*x.shape[:d], size, *x.shape[d:]) for x, d in zip(args, in_axes)]
        values = arrays(shapes, args[0].dtype)
        mapped = mj.vmap(function, in_axes)(*map(mj.numpy.asarray, values))
        slices = [
            function(*[mj.numpy.asarray(x if d is None else np.take(x, i, d)) for x, d in zip(values, in_axes)])
            for i in range(size)
        ]
        stacked = [np.stack(parts) for parts in zip(*map(leaves, slices), strict=True)]
        assert_equal(mapped, stacked, f"in_axes={in_axes}")


def vmap_of_gradients_is_a_stack_of_slices(function, args):
    def gradient(*xs):
        weighted = lambda *xs: sum([(y * mj.numpy.cos(y)).sum() for y in flat(function)(*xs)])
        return mj.grad(weighted, tuple(range(len(xs))))(*xs)

    vmap_is_a_stack_of_slices(gradient, args)


def jit_changes_nothing(function, args):
    args = [mj.numpy.asarray(x) for x in args]
    plain, jitted = function(*args), mj.jit(function)(*args)
    assert mj.tree.structure(plain) == mj.tree.structure(jitted)
    for a, b in zip(mj.tree.leaves(plain), mj.tree.leaves(jitted)):
        assert a.weak_type == b.weak_type
        assert_equal(a, b)


# (law, the dtypes in which it is tried): derivatives are compared with differences in 64 bits only.
FORWARD = [
    (directional_derivatives_are_differences, "float64"),
    (linearize_is_jvp, "float32"),
    (linearize_is_jvp, "float64"),
    (vmap_is_a_stack_of_slices, "float32"),
    (vmap_is_a_stack_of_slices, "float64"),
    (jit_changes_nothing, "float32"),
    (jit_changes_nothing, "float64"),
]
REVERSE = [(reverse_mode_is_the_adjoint, "float64"), (vmap_of_gradients_is_a_stack_of_slices, "float32")]


def check(law, dtype: str, function, shapes):
    with mj.enable_x64(dtype == "float64"):
        law(function, arrays(shapes, dtype))
