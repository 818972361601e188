"""An error in a user's function shows the user's frames, and at most four of the package's, under every transformation."""

from __future__ import annotations

import traceback
import warnings

import pytest

import minijax
import minijax.lax
import minijax.nn
import minijax.numpy as jnp
import minijax.random
import minijax.scipy.special
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


# ---------------------------------------------------------------------------------------------------------------------
# Eager calls

A3, A4, A34 = jnp.ones(3), jnp.ones(4), jnp.ones((3, 4))
BAD_ARGUMENTS = [
    (object(),), ("text",), (A3, A4), (A3, "text"), (A34, A3), (A3, A4, A34), (A34, A34, A34), (A3, 7), (A34, (7, 7)),
    (A3, [1, 2]), (), (A3,) * 6, (None,), (A3, None), (A3, 1.5), ([1, [2]],), (jnp.ones((2, 2, 2)), A3), (A34, 0, 99),
    (A34, A34), (-1,), (A3 > 0, A4), ({},),
]  # fmt: skip
MODULES = {m.__name__: m for m in (jnp, lax, minijax.nn, minijax.random, minijax.scipy.special)}


def too_many_frames(function, bad_arguments) -> tuple[int, list]:
    """(the number of calls that raise an error, the calls whose error shows more than four of the package's frames)."""
    errors, found = 0, []
    for args in bad_arguments:
        try:
            with warnings.catch_warnings(action="ignore"):
                function(*args)
        except Exception as error:
            errors += 1
            shown = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(PACKAGE_DIRECTORY)]
            if len(shown) > 4:
                found.append((args, error, [f.name for f in shown]))
    return errors, found


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.one_in(3)
def test_errors_of_eager_calls(module):
    errors = 0
    for name in MODULES[module].__all__:
        function = getattr(MODULES[module], name)
        if callable(function) and not isinstance(function, type) and name not in OF_NUMPY:
            raised, found = too_many_frames(function, BAD_ARGUMENTS)
            errors += raised
            assert not found, name
    assert errors > 100


@pytest.mark.parametrize("x", [A3, A34, jnp.int32([1, 2])], ids=["vector", "matrix", "integers"])
def test_errors_of_methods_and_operators(x):
    names = [name for name in dir(x) if callable(getattr(type(x), name)) and name not in OF_EVERY_OBJECT]
    errors = 0
    for name in names:
        raised, found = too_many_frames(getattr(x, name), BAD_ARGUMENTS)
        errors += raised
        assert not found, name
    updates = [getattr(x.at[0], name) for name in ("set", "add", "mul", "min", "apply", "get")]
    calls = [lambda i: x[i], lambda i: x.at[i].set(1), *updates]
    for call in calls:
        raised, found = too_many_frames(
            call, [(A3,), ("text",), ((0, 0, 0),), (object(),), (None, 0), ([[1], 2],), (1.5,)]
        )
        errors += raised
        assert not found
    assert errors > 500


# These are NumPy's own functions.
OF_NUMPY = {"get_printoptions", "printoptions", "set_printoptions", "save", "savez", "load"}
# And `forget_value`, for donated arguments.
OF_EVERY_OBJECT = {*dir(object), "__copy__", "__deepcopy__", "forget_value"} - {
    "__eq__",
    "__ne__",
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
}
