"""`vmap(f, (0, None), (0, None))`: a result that all examples share leaves the map as it is, whatever kind of call computes it.

JAX says which programs are refused; the function without a call says what the values and the derivatives are. (JAX's own
derivatives are no oracle: see `test_the_cotangent_of_a_shared_result_counts_once`.)
"""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
from tests.fuzz.texts import flat

X, Y = np.array([1.0, 2.0, 4.0], np.float32), np.float32(0.5)


def of(lib):
    return lambda x, y: (x * y, lib.numpy.sin(y))


def custom_jvp(lib):
    f = lib.custom_jvp(of(lib))
    f.defjvp(lambda p, t: lib.jvp(of(lib), p, t))
    return f


def custom_jvp_of_each(lib):
    f = lib.custom_jvp(lambda x, y: (x + 0 * y, lib.numpy.sin(y)))
    f.defjvps(
        lambda t, out, x, y: (t, lib.numpy.zeros_like(y)),
        lambda t, out, x, y: (lib.numpy.zeros_like(x), lib.numpy.cos(y) * t),
    )
    return lambda x, y: f(x * y, y)


def custom_jvp_mapped(lib):
    """Its rule says that the second result depends on x too: JAX refuses the derivative, not the function."""
    f = lib.custom_jvp(of(lib))
    f.defjvp(lambda p, t: (of(lib)(*p), (t[0] * p[1] + p[0] * t[1], lib.numpy.cos(p[1]) * t[1] + 0 * t[0])))
    return f


def custom_vjp(lib, symbolic_zeros=False):
    def forward(x, y):
        x, y = (x.value, y.value) if symbolic_zeros else (x, y)
        return of(lib)(x, y), (x, y)

    def backward(residuals, cotangents):
        x, y = residuals
        to_first, to_second = [0.0 if isinstance(ct, lib.custom_derivatives.SymbolicZero) else ct for ct in cotangents]
        return to_first * y, to_first * x + lib.numpy.cos(y) * to_second

    f = lib.custom_vjp(of(lib))
    f.defvjp(forward, backward, symbolic_zeros=symbolic_zeros)
    return f


def custom_vmap(lib):
    f = lib.custom_batching.custom_vmap(of(lib))
    f.def_vmap(lambda n, mapped, x, y: (of(lib)(x, y), (mapped[0] or mapped[1], mapped[1])))
    return f


def linear_solve(lib, depends: bool):
    """x / 2 = u and y / sin(y) = v, or with y / 2 + u for y."""
    second = (lambda u, v, y: v * y / lib.numpy.sin(y) + u) if depends else (lambda u, v, y: v * y / lib.numpy.sin(y))

    def f(x, y):
        def solve(matvec, b):
            u = b[0] / 2
            return u, (b[1] - u if depends else b[1]) * lib.numpy.sin(y) / y

        return lib.lax.custom_linear_solve(lambda x: (2 * x[0], second(*x, y)), (2 * x * y, y), solve)

    return f


def loop(lib, body, *state, steps=2):
    return lib.lax.scan(lambda c, _: (body(*c), None), state, None, length=steps)[0]


# {kind: the function of (x, y), each of which has two results; JAX says whether the second may be shared}
KINDS = {
    "custom_jvp": custom_jvp,
    "defjvps": custom_jvp_of_each,
    "custom_jvp whose rule maps": custom_jvp_mapped,
    "custom_vjp": custom_vjp,
    "custom_vjp, symbolic zeros": lambda lib: custom_vjp(lib, True),
    "custom_vmap": custom_vmap,
    "jit": lambda lib: lib.jit(of(lib)),
    "checkpoint": lambda lib: lib.checkpoint(of(lib)),
    "cond": lambda lib: lambda x, y: lib.lax.cond(y > 0, of(lib), lambda x, y: (y, y), x, y),
    "cond, one branch maps": lambda lib: lambda x, y: lib.lax.cond(y > 0, of(lib), lambda x, y: (x, x), x, y),
    "cond on what is mapped": lambda lib: lambda x, y: lib.lax.cond(x > 0, of(lib), of(lib), x, y),
    "scan": lambda lib: lambda x, y: loop(lib, lambda x, y: (x * 1, lib.numpy.sin(y)), x * y, y, steps=1),
    "scan, mapped later": lambda lib: lambda x, y: loop(lib, lambda a, b, c: (a, c, a), x, y, y)[:2],
    "scan, what each step returns": lambda lib: (
        lambda x, y: lib.lax.scan(lambda c, _: (c, lib.numpy.sin(y)), x * y, None, length=1)
    ),
    "fori_loop": lambda lib: lambda x, y: lib.lax.fori_loop(0, 1, lambda i, c: (c[0], lib.numpy.sin(c[1])), (x * y, y)),
    "while_loop": lambda lib: (
        lambda x, y: lib.lax.while_loop(lambda c: c[1] > 3, lambda c: (c[0], c[1] - 1), of(lib)(x, y))
    ),
    "while_loop on what is mapped": lambda lib: (
        lambda x, y: lib.lax.while_loop(lambda c: c[0] > 3, lambda c: (c[0] - 1, c[1]), of(lib)(x, y))
    ),
    "custom_linear_solve": lambda lib: linear_solve(lib, False),
    "custom_linear_solve, mapped by matvec": lambda lib: linear_solve(lib, True),
    "vmap": lambda lib: lib.vmap(of(lib), None, None, axis_size=2),
    "vmap of custom_vjp": lambda lib: lib.vmap(custom_vjp(lib), None, None, axis_size=2),
    "jit of custom_jvp": lambda lib: lib.jit(custom_jvp(lib)),
    "checkpoint of custom_vjp": lambda lib: lib.checkpoint(custom_vjp(lib)),
    "cond of custom_jvp": lambda lib: lambda x, y: lib.lax.cond(y > 0, custom_jvp(lib), of(lib), x, y),
    "scan of custom_jvp": lambda lib: lambda x, y: loop(lib, lambda x, y: custom_jvp(lib)(x, y), x, y, steps=1),
}
NO_REVERSE = ("while_loop", "custom_jvp whose rule maps", "custom_vmap", "custom_linear_solve")
OTHERS = ("scan, mapped later", "scan, what each step returns")  # other functions


def shared(lib, f):
    return lib.vmap(f, (0, None), (0, None))


def refusal(lib, f, *args) -> str:
    try:
        lib.make_jaxpr(f)(*args)
    except Exception as error:
        return type(error).__name__
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_jax_says_what_is_refused(kind):
    refused = [refusal(lib, shared(lib, KINDS[kind](lib)), X, Y) for lib in (jax, mj)]
    assert refused[0] == refused[1]
    if not refused[0]:
        texts = [
            str(flat(lib, lib.make_jaxpr(shared(lib, KINDS[kind](lib)))(X, Y).jaxpr, live=True)) for lib in (jax, mj)
        ]
        assert texts[0] == texts[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.one_in(3)
def test_the_values_and_the_derivatives(kind):
    f = KINDS[kind](mj)
    if refusal(mj, shared(mj, f), X, Y):
        return
    each, same = mj.vmap(f, (0, None))(X, Y)
    results = shared(mj, f)(X, Y)
    np.testing.assert_array_equal(results[0], each)
    np.testing.assert_array_equal(results[1], same[0])
    plain = shared(mj, of(mj))
    if kind not in OTHERS and not kind.startswith(NO_REVERSE):
        for made in (shared(mj, f), mj.jit(shared(mj, f)), shared(mj, mj.jit(f))):
            assert_close(mj.vjp(made, X, Y)[1]((X, Y)), mj.vjp(plain, X, Y)[1]((X, Y)))
    if kind not in OTHERS and "custom_v" not in kind and "rule maps" not in kind:
        assert_close(mj.jvp(shared(mj, f), (X, Y), (X, Y)), mj.jvp(plain, (X, Y), (X, Y)))


def assert_close(mine, right):
    for a, b in zip(mj.tree.leaves(mine), mj.tree.leaves(right), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("derivative", ["jvp", "vjp"])
@pytest.mark.parametrize("lib", [jax, mj], ids=["jax", "minijax"])
def test_a_rule_that_maps_a_shared_result_is_refused(lib, derivative):
    f = shared(lib, custom_jvp_mapped(lib))
    with pytest.raises(ValueError, match="out_axes"):
        lib.jvp(f, (X, Y), (X, Y)) if derivative == "jvp" else lib.vjp(f, X, Y)


def test_the_cotangent_of_a_shared_result_counts_once():
    """The second result is sin(y) for all three examples: its derivative is cos(y), which JAX has three times."""
    pulls = [lib.vjp(shared(lib, custom_vjp(lib)), X, Y)[1] for lib in (mj, jax)]
    to_y = [float(pull((np.zeros_like(X), np.float32(1)))[1]) for pull in pulls]
    np.testing.assert_allclose(to_y, [np.cos(Y), 3 * np.cos(Y)], rtol=1e-6)
