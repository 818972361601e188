"""linear_call: value, transposes, batches and text as JAX's, and what JAX has not."""

from __future__ import annotations

import jax
import jax.custom_derivatives
import jax.numpy
import laws
import numpy as np
import pytest
from jax_oracle import assert_same_error, assert_same_leaves

import minijax as mj
import minijax.numpy

X = np.array([0.3, 0.7, 1.1], np.float32)


def call(lib, closed_over=2.0):
    """x + x w / r, whose transpose is wrong by a factor of 7, so that a result shows that it was used."""

    def fun(r, x):
        return {"y": x["a"] * closed_over / r[0]}

    def fun_transpose(r, ct):
        return {"a": 7 * ct["y"] * closed_over / r[0]}

    def f(x, r):
        return x + lib.custom_derivatives.linear_call(fun, fun_transpose, [r], {"a": x})["y"]

    return f


PROGRAMS = {
    "call": lambda lib: call(lib)(X, X),
    "numbers": lambda lib: call(lib)(2.0, 3.0),
    "jit": lambda lib: lib.jit(call(lib))(X, X),
    "jvp": lambda lib: lib.jvp(lambda x: call(lib)(x, X), (X,), (2 * X,)),
    "grad": lambda lib: lib.grad(call(lib))(2.0, 3.0),
    "grad of jit": lambda lib: lib.grad(lib.jit(call(lib)))(2.0, 3.0),
    "jit of grad": lambda lib: lib.jit(lib.grad(call(lib)))(2.0, 3.0),
    "transpose of the transpose": lambda lib: lib.linear_transpose(
        lambda ct: lib.linear_transpose(lambda x: call(lib)(x, 3.0), 1.0)(ct)[0], 1.0
    )(2.0),
    "hessian": lambda lib: lib.grad(lib.grad(lambda x: call(lib)(x, 3.0) ** 2))(2.0),
    "closed over": lambda lib: lib.jit(lambda c: lib.grad(call(lib, c))(2.0, 3.0))(5.0),
    "no residuals": lambda lib: lib.grad(lambda x: lib.custom_derivatives.linear_call(lambda _, x: x, lambda _, t: 7.0, (), x))(
        1.0
    ),
    "text": lambda lib: str(lib.make_jaxpr(lib.grad(call(lib)))(2.0, 3.0)).partition("transpose_thunk")[0],
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(2)
def test_as_in_jax(name):
    mine, theirs = PROGRAMS[name](mj), PROGRAMS[name](jax)
    if isinstance(mine, str):
        assert mine == theirs
    else:
        assert_same_leaves(mine, theirs)


# JAX has no batch rule.
@pytest.mark.parametrize("law", [laws.vmap_is_a_stack_of_slices, laws.jit_changes_nothing])
def test_laws(law):
    law(call(mj), [X, X + 1])
    law(lambda x, r: mj.vjp(lambda x: call(mj)(x, r), x)[1](x)[0], [X, X + 1])


def test_a_shared_argument_gets_the_sum():
    found = mj.grad(lambda x: mj.vmap(call(mj), (None, 0))(x, X).sum())(2.0)
    np.testing.assert_allclose(found, np.sum(1 + 14 / X), rtol=1e-6)


def test_xla():
    np.testing.assert_allclose(mj.jit(mj.grad(call(mj)), compiler="xla")(2.0, 3.0), 1 + 14 / 3, rtol=1e-6)


def test_errors():
    def wrong(lib):
        return lib.grad(lambda x: lib.custom_derivatives.linear_call(lambda r, x: x, lambda r, t: (t,), (), x))(1.0)

    assert_same_error(wrong, "transpose output pytree structure must match that of linear inputs", (TypeError,))
    with pytest.raises(NotImplementedError, match="no derivative with respect to its residuals"):
        mj.grad(call(mj), 1)(2.0, 3.0)
    with pytest.raises(NotImplementedError, match="no transpose for its residuals"):
        mj.linear_transpose(lambda r: call(mj)(1.0, r), 1.0)(1.0)
