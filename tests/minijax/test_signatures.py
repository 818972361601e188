"""A public function, class or method takes the arguments that JAX's takes, by place and by name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from inspect import Parameter

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy
from tests.compatibility import MODULES

# {parameter: why it is not taken}
PARAMETERS = {
    **dict.fromkeys(
        ("out_sharding", "sharding", "to", "manual_axis_type", "abstract_device"), "it places results on devices"
    ),
    "is_ref": "arrays are immutable",
    **dict.fromkeys(("concrete", "host_id"), "deprecated in JAX"),
    "lowering_platforms": "`compiler` chooses",
}
UFUNCS = (
    "add bitwise_and bitwise_or bitwise_xor logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum multiply"
    " negative subtract"
).split()
# {name: what of JAX's it does not take}, with the reason.
NOT_TAKEN = {
    # A ufunc of JAX's raises NotImplementedError for any `out` or `where` but None. Here the ufuncs are plain functions of arrays.
    **{f"numpy.{name}": {"out", "where", "*"} for name in UFUNCS},
    "numpy.array": {
        "*"
    },  # deprecated in JAX: the arguments after the dtype by their place, which it takes by name here
    "numpy.can_cast": {"casting"},  # NumPy's function, which takes it
    "numpy.set_printoptions": {"*", "**"},  # NumPy's function
    "lax.mul": {"out_dtype"},
    "lax.random_gamma_grad": {"*"},
    "vmap": {"sum_match"},
}
# Contexts that JAX can enter again with the value that they had.
AGAIN = {
    "default_device",
    "default_matmul_precision",
    "legacy_prng_key",
    "numpy_dtype_promotion",
    "numpy_rank_promotion",
}
# Classes that only the library makes.
MADE_WITHIN = ("stages.", "interpreters.")


def not_taken(ours: Callable, theirs: Callable) -> set[str]:
    """The parameters of JAX's function that ours has not by that name, or not at that place; "*" and "**" for any number."""
    own = list(inspect.signature(ours).parameters.values())
    kinds = {p.kind for p in own}
    named = {p.name for p in own if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)}
    places = [p.name for p in own if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    lacking, place, names = set(), 0, set()
    for p in inspect.signature(theirs).parameters.values():
        names.add(p.name)
        if p.name.startswith("_") or p.name in PARAMETERS:
            continue
        if p.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            lacking |= {"*" if p.kind == Parameter.VAR_POSITIONAL else "**"} if p.kind not in kinds else set()
            continue
        if p.kind != Parameter.POSITIONAL_ONLY and p.name not in named and Parameter.VAR_KEYWORD not in kinds:
            lacking.add(p.name)
        if p.kind != Parameter.KEYWORD_ONLY:
            if place >= len(places) and Parameter.VAR_POSITIONAL not in kinds:
                lacking.add(p.name)
            elif place < len(places) and p.kind == Parameter.POSITIONAL_OR_KEYWORD and places[place] != p.name:
                lacking.add(p.name)
            place += 1
    return lacking


def pairs() -> Iterator[tuple[str, Callable, Callable]]:
    """(name, ours, theirs) of all public functions, classes, methods of classes, and methods of arrays."""
    for module in MODULES:
        theirs = importlib.import_module(f"jax.{module}".rstrip("."))
        ours = importlib.import_module(f"minijax.{module}".rstrip("."))
        for name in sorted(n for n in vars(theirs) if not n.startswith("_")):
            a, b = getattr(ours, name, None), getattr(theirs, name)
            if a is None or not callable(b) or name in ("Array", "ndarray"):
                continue
            path = f"{module}.{name}".lstrip(".")
            if not (inspect.isclass(b) and module.startswith(tuple(m.rstrip(".") for m in MADE_WITHIN))):
                yield path, a, b
            if inspect.isclass(b) and not module.startswith("interpreters"):
                for member in sorted(n for n in vars(b) if not n.startswith("_") and callable(getattr(b, n))):
                    if hasattr(a, member):
                        yield f"{path}.{member}", getattr(a, member), getattr(b, member)
    a, b = (lib.numpy.ones((2, 2)) for lib in (minijax, jax))
    for kind, x, y in (("Array", a, b), ("Array.at", a.at[0], b.at[0]), ("ufunc", minijax.numpy.add, jax.numpy.add)):
        for member in sorted(n for n in dir(x) if not n.startswith("_") and n != "flat"):
            if callable(getattr(x, member, None)) and callable(getattr(y, member, None)):
                yield f"{kind}.{member}", getattr(x, member), getattr(y, member)


PAIRS = {name: (ours, theirs) for name, ours, theirs in pairs()}


def test_what_jax_takes():
    compared, differ = 0, {}
    for name, (ours, theirs) in PAIRS.items():
        try:
            lacking = not_taken(ours, theirs)
        except (TypeError, ValueError):  # Python does not know the signature.
            continue
        # From 3.13 on it says (*args, **kwargs) of a class that is written in C++.
        if inspect.isclass(theirs) and lacking == {"*", "**"} and not inspect.isfunction(theirs.__init__):
            continue
        compared += 1
        if lacking != NOT_TAKEN.get(name, set()):
            differ[name] = lacking
    assert compared > 1100
    assert not differ, differ


def test_a_signature_that_lacks_something_is_seen():
    assert not_taken(lambda x: x, lambda x, y=1: x) == {"y"}
    assert not_taken(lambda y, x: x, lambda x, y: x) == {"x", "y"}
    assert not_taken(lambda a, /: a, lambda x: x) == {"x"}
    assert not_taken(lambda x: x, lambda *x, **y: x) == {"*", "**"}
    assert not_taken(lambda x, *, y=1: x, lambda x, y=1: x) == {"y"}
    assert not not_taken(lambda x, y=1, *, z=2: x, lambda x, y=1, **_: x) - {"**"}


@pytest.mark.parametrize(
    "call",
    [
        "lib.lax.igamma(a=2.0, x=1.0)",
        "lib.lax.zeta(2.0, q=1.0)",
        "lib.lax.polygamma(m=1.0, x=1.0)",
        "lib.lax.nextafter(x1=1.0, x2=2.0)",
        "lib.numpy.fmax(x1=1.0, x2=2.0)",
        "lib.numpy.ones(2).astype(dtype='int32', copy=True)",
        "lib.numpy.issubdtype(arg1='int8', arg2=np.integer)",
        "lib.grad(lambda x: x * x, 0, False, False, False, ())(2.0)",
        "lib.grad(lambda x: x, reduce_axes=('i',))(2.0)",
        "lib.vjp(lambda x: x, 2.0, reduce_axes=('i',))",
        "lib.jit(lambda x: x, compiler_options=None)(2.0)",
        "lib.custom_jvp(lambda x, n: x**n, nondiff_argnames=['n']).nondiff_argnums",
        "lib.custom_vjp(lambda x, n: x**n, nondiff_argnames='n').nondiff_argnums",
        "lib.custom_jvp(lambda x, n: x**n, (0,), ('n',)).nondiff_argnums",
        "lib.numpy.cov(np.ones((2, 3), 'f4'), None, True, False, None, None, None, 'float32')",
    ],
)
@pytest.mark.one_in(2)
def test_a_call_by_those_names(call):
    def outcome(lib):
        try:
            found = eval(call, {"lib": lib, "np": np})
            return np.asarray(found).ravel().tolist() if hasattr(found, "dtype") else found
        except Exception as error:
            return type(error)

    ours, theirs = outcome(minijax), outcome(jax)
    assert ours == (pytest.approx(theirs, rel=1e-5, nan_ok=True) if isinstance(theirs, (float, list)) else theirs)
