"""An error in a user's function shows the user's frames, and at most four of the package's, under every transformation."""

from __future__ import annotations

import traceback

import pytest

import minijax
import minijax.lax
import minijax.numpy as jnp
from minijax.foundation.source_info import PACKAGE_DIRECTORY


def wrong(x):
    return jnp.dot(jnp.ones(3) * x, jnp.ones(4))


def raises(x):
    raise KeyError("of the user's")


lax = minijax.lax
CALLS = {
    "jit": lambda f, x: minijax.jit(f)(x),
    "grad": lambda f, x: minijax.grad(f)(x),
    "value_and_grad": lambda f, x: minijax.value_and_grad(f)(x),
    "vjp": lambda f, x: minijax.vjp(f, x),
    "jvp": lambda f, x: minijax.jvp(f, (x,), (x,)),
    "linearize": lambda f, x: minijax.linearize(f, x),
    "vmap": lambda f, x: minijax.vmap(f)(jnp.ones(2) * x),
    "jacfwd": lambda f, x: minijax.jacfwd(f)(x),
    "hessian": lambda f, x: minijax.hessian(f)(x),
    "make_jaxpr": lambda f, x: minijax.make_jaxpr(f)(x),
    "eval_shape": lambda f, x: minijax.eval_shape(f, x),
    "lower": lambda f, x: minijax.jit(f).lower(x),
    "checkpoint": lambda f, x: minijax.grad(minijax.checkpoint(f))(x),
    "scan": lambda f, x: lax.scan(lambda c, _: (f(c), None), x, None, length=2),
    "fori_loop": lambda f, x: lax.fori_loop(0, 2, lambda i, c: f(c), x),
    "while_loop": lambda f, x: lax.while_loop(lambda c: c < 3, f, x),
    "cond": lambda f, x: lax.cond(x > 0, f, lambda x: x, x),
    "jit of grad": lambda f, x: minijax.jit(minijax.grad(f))(x),
    "jit of vmap of grad": lambda f, x: minijax.jit(minijax.vmap(minijax.grad(f)))(jnp.ones(2) * x),
    "jit of scan of grad": lambda f, x: minijax.jit(
        lambda x: lax.scan(lambda c, _: (minijax.grad(f)(c), None), x, None, length=2)
    )(x),
}


def frames(call, function) -> tuple[list[str], list[str]]:
    """(names of the functions of the package, names of the user's) in the traceback of the error."""
    with pytest.raises((TypeError, KeyError)) as caught:
        call(function, 1.0)
    found = traceback.extract_tb(caught.value.__traceback__)
    ours = [f.name for f in found if f.filename.startswith(PACKAGE_DIRECTORY)]
    return ours, [f.name for f in found if not f.filename.startswith(PACKAGE_DIRECTORY)]


@pytest.mark.parametrize("function", [wrong, raises])
@pytest.mark.parametrize("name", CALLS)
def test_the_users_frames(name, function):
    ours, users = frames(CALLS[name], function)
    assert len(ours) <= 4 and users[-1] == function.__name__


@pytest.mark.parametrize("name", CALLS)
def test_the_whole_traceback_on_request(name):
    minijax.config.update("jax_traceback_filtering", "off")
    try:
        ours, users = frames(CALLS[name], wrong)
    finally:
        minijax.config.update("jax_traceback_filtering", "auto")
    assert len(ours) > 8 and users[-1] == "wrong"


def test_the_error_that_an_error_came_from():
    def chained(x):
        try:
            wrong(x)
        except TypeError as error:
            raise KeyError("then") from error

    with pytest.raises(KeyError) as caught:
        minijax.jit(minijax.grad(chained))(1.0)
    cause = traceback.extract_tb(caught.value.__cause__.__traceback__)
    assert [f.name for f in cause] == ["chained", "wrong"]
