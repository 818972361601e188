"""Every verb takes any callable that JAX takes: objects with odd names, partial functions, methods."""

from __future__ import annotations

import functools

import jax
import jax.experimental.checkify
import jax.experimental.jet
import numpy as np
import pytest

import minijax
import minijax.custom_batching
import minijax.experimental.checkify
import minijax.experimental.jet


class Unnamed:
    """As the parts of a network of Equinox: names that are there, and None."""

    __name__ = None

    def __getattr__(self, name):
        if name in ("__qualname__", "__type_params__"):
            return None
        raise AttributeError(name)

    def __call__(self, x):
        return x * 2.0

    def method(self, x):
        return x * 2.0


class Plain:
    def __call__(self, x):
        return x * 2.0


class Numbered(Plain):
    def __init__(self):
        self.__name__, self.__doc__ = 3, 4


CALLABLES = {
    "an object whose name is None": Unnamed(),
    "an object without a name": Plain(),
    "an object whose name and docstring are numbers": Numbered(),
    "its method": Unnamed().method,
    "a partial function": functools.partial(lambda y, x: x * y, 2.0),
    "a partial of an object": functools.partial(Unnamed()),
}


def with_jvp(lib, f):
    g = lib.custom_jvp(f)
    g.defjvp(lambda primals, tangents: (f(*primals), f(*tangents)))
    return lib.grad(g)(1.0)


def with_vjp(lib, f):
    g = lib.custom_vjp(f)
    g.defvjp(lambda x: (f(x), None), lambda _, ct: (f(ct),))
    return lib.grad(g)(1.0)


def with_map(lib, f):
    g = lib.custom_batching.custom_vmap(f)
    g.def_vmap(lambda size, batched, x: (f(x), True))
    return lib.vmap(g)(np.ones(2, "f4"))


ONES = np.ones(2, "f4")
VERBS = {
    "vmap": lambda lib, f: lib.vmap(f)(ONES),
    "pmap": lambda lib, f: lib.pmap(f)(ONES[:1]),
    **{
        name: lambda lib, f, name=name: getattr(lib, name)(f)(1.0)
        for name in "jit grad value_and_grad jacfwd jacrev hessian checkpoint".split()
    },
    "make_jaxpr": lambda lib, f: lib.make_jaxpr(f)(1.0).out_avals[0].shape,
    "eval_shape": lambda lib, f: lib.eval_shape(f, 1.0).shape,
    "jvp": lambda lib, f: lib.jvp(f, (1.0,), (1.0,)),
    "vjp": lambda lib, f: lib.vjp(f, 1.0)[1](1.0),
    "linearize": lambda lib, f: lib.linearize(f, 1.0)[1](1.0),
    "linear_transpose": lambda lib, f: lib.linear_transpose(f, 1.0)(1.0),
    "custom_jvp": with_jvp,
    "custom_vjp": with_vjp,
    "custom_vmap": with_map,
    "closure_convert": lambda lib, f: lib.closure_convert(f, 1.0)[0](1.0),
    "named_call": lambda lib, f: lib.named_call(f)(1.0),
    "vectorize": lambda lib, f: lib.numpy.vectorize(f)(ONES),
    "checkify": lambda lib, f: lib.experimental.checkify.checkify(f)(1.0)[1],
    "jet": lambda lib, f: lib.experimental.jet.jet(f, (1.0,), ([1.0],)),
    "pure_callback": lambda lib, f: lib.pure_callback(f, lib.ShapeDtypeStruct((2,), "float32"), ONES),
    "map": lambda lib, f: lib.lax.map(f, ONES),
    "scan": lambda lib, f: lib.lax.scan(lambda c, x: (f(c), f(x)), 1.0, ONES),
    "cond": lambda lib, f: lib.lax.cond(True, f, f, 1.0),
    "while_loop": lambda lib, f: lib.lax.while_loop(lambda x: x < 4.0, f, 1.0),
    "fori_loop": lambda lib, f: lib.lax.fori_loop(0, 2, lambda i, x: f(x), 1.0),
}


def outcome(lib, verb, f):
    try:
        return [np.asarray(leaf).tolist() for leaf in lib.tree.leaves(VERBS[verb](lib, f))]
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.one_in(42)
def test_any_callable(verb):
    for name, f in CALLABLES.items():
        ours, theirs = outcome(minijax, verb, f), outcome(jax, verb, f)
        # JAX refuses a callable without a name in some of these; to take it is no fault.
        assert ours == theirs or (
            theirs in (TypeError, AttributeError) and ours == outcome(minijax, verb, CALLABLES["its method"])
        ), name
