"""A tracer where a function of `jnp` needs a known axis, size or count: refused with JAX's class of error."""

from __future__ import annotations

import inspect
import warnings

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

STATIC = "axis axis1 axis2 axes source destination size num k n m ndim indices_or_sections".split()
X = np.ones((2, 2), np.float32)


def cases() -> list[tuple[str, str]]:
    """(function, parameter)"""
    found = []
    for name, f in vars(jax.numpy).items():
        if name[0] != "_" and inspect.isfunction(getattr(mj.numpy, name, None)) and not isinstance(f, type):
            parameters = inspect.signature(f).parameters
            found += [(name, p) for p in parameters if p in STATIC]
    return sorted(found)


def error(lib, name: str, parameter: str, dtype) -> str:
    def call(tracer):
        required = [p for p in inspect.signature(getattr(jax.numpy, name)).parameters.values() if p.default is p.empty]
        required = [p for p in required if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name != parameter]
        given = [1 if p.name in STATIC else lib.numpy.asarray(X) for p in required if p.kind is not p.KEYWORD_ONLY]
        first = list(inspect.signature(getattr(jax.numpy, name)).parameters)[0]
        return getattr(lib.numpy, name)(
            *([tracer, *given] if first == parameter else given), **({} if first == parameter else {parameter: tracer})
        )

    try:
        lib.jit(call)(np.ones((), dtype))
    except Exception as error:
        return type(error).__name__
    return "none"


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_a_tracer_that_must_be_known(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {case: error(jax, *case, dtype) for case in cases()}
        # JAX's jit refuses tracers for arguments that it must hash: by a ValueError, an accident.
        wanted = {case: name for case, name in theirs.items() if name == "ConcretizationTypeError"}
        assert len(wanted) > 40
        assert {case: error(mj, *case, dtype) for case in wanted} == wanted


@pytest.mark.parametrize("call", ["indices([n])", "indices((2, n))", "zeros([n])", "broadcast_to(1.0, (n,))"])
def test_a_tracer_as_a_size(call):
    classes = []
    for lib in (jax, mj):
        with pytest.raises(TypeError) as refused:
            lib.jit(lambda n, lib=lib: eval(f"jnp.{call}", {"jnp": lib.numpy, "n": n}))(2)
        classes.append(refused.type.__name__)
    assert classes[0] == classes[1]
