"""`precision=` of products: algorithms and their names, on every compiler, against JAX's."""

from __future__ import annotations

import re
from functools import partial

import jax
import jax.lax
import jax.numpy
import ml_dtypes
import numpy as np
import pytest

import minijax as mj
import minijax.lax
import minijax.numpy
from minijax.lowering.compile import program_text
from minijax.lowering.xla.stablehlo import module_text

PRESETS = [p.name for p in jax.lax.DotAlgorithmPreset]
A = (np.arange(6).reshape(2, 3) + 0.0007).astype("float32")
B = (np.arange(12).reshape(3, 4) * 1.0003).astype("float32")
DTYPES = ["float32", "float16", ml_dtypes.bfloat16, "complex64", "int32", "bool"]


def outcome(run):
    try:
        return run()
    except (ValueError, NotImplementedError) as error:
        return type(error)


def product(lib, name, a, b, wrap=lambda f: f):
    f = wrap(lambda x, y: lib.lax.dot(x, y, precision=name))
    out = f(lib.numpy.asarray(a), lib.numpy.asarray(b))
    return out.dtype, np.asarray(out).astype("complex64")


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.one_in(16)
def test_values(name):
    """A CPU computes by some algorithms, in the dtypes of the algorithm, and refuses the others."""
    for dtype in DTYPES:
        args = name, A.astype(dtype), B.astype(dtype)
        theirs = outcome(partial(product, jax, *args))
        for wrap in (lambda f: f, mj.jit, lambda f: mj.jit(f, compiler="xla")):
            mine = outcome(partial(product, mj, *args, wrap))
            if isinstance(theirs, type):
                assert mine is theirs, dtype
            else:
                assert mine[0] == theirs[0]
                np.testing.assert_allclose(mine[1], theirs[1], rtol=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_jaxprs_and_attributes(name):
    def shown(lib):
        preset = lib.lax.DotAlgorithmPreset[name]

        def f(x, y):
            return lib.lax.dot(x, y, precision=preset)

        def grad(x, y):
            return lib.grad(lambda x, y: f(x, y).sum(), (0, 1))(x, y)

        types = preset.supported_lhs_types, preset.supported_rhs_types, preset.accumulation_type, repr(preset)
        results = [preset.supported_output_types(x, y) for x in DTYPES[:3] for y in DTYPES[:2]]
        return types, results, *(str(lib.make_jaxpr(g)(A, B)) for g in (f, grad))

    assert shown(mj) == shown(jax)


@pytest.mark.parametrize("name", ["F32_F32_F32", "TF32_TF32_F32", "DEFAULT", "F3"])
def test_the_default_of_products(name):
    def shown(lib):
        with lib.default_matmul_precision(name):
            return str(lib.make_jaxpr(lambda x: lib.numpy.matmul(x, x))(A[:, :2]))

    assert outcome(lambda: shown(mj)) == outcome(lambda: shown(jax))


MISTAKES = {
    "an algorithm of one's own": lambda lib: lib.lax.DotAlgorithm("float32", "float32", "float32"),
    "an unknown name": lambda lib: "F",
    "a pair of algorithms": lambda lib: (lib.lax.DotAlgorithmPreset.F32_F32_F32,) * 2,
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    for lib in (jax, mj):
        with pytest.raises(ValueError):
            lib.lax.dot(A, B, precision=MISTAKES[name](lib))
    with pytest.raises(ValueError, match="not supported by dot_general on CPU"):
        mj.jit(lambda x, y: mj.lax.dot(x, y, precision="TF32_TF32_F32"))(A, B)


@pytest.mark.parametrize("precision", [None, "highest", "F16_F16_F16"])
def test_the_text_of_a_program_needs_numpy_alone(precision):
    """Of products that are no single expression: of two dtypes, of groups."""
    numbers = mj.lax.RaggedDotDimensionNumbers((([1], [1]), ([], [])), [0], [0])
    programs = {
        "dot": (lambda x, y: mj.lax.dot(x, y, precision=precision), (A, B.astype("float16"))),
        "ragged": (
            lambda x, y, s: mj.lax.ragged_dot_general(x, y, s, numbers, precision),
            (A, np.stack([B, -B]), np.int32([1, 1])),
        ),
    }
    for name, (f, args) in programs.items():
        namespace: dict = {}
        exec(program_text(mj.make_jaxpr(f)(*args), name, ["x", "y", "s"][: len(args)]), namespace)
        np.testing.assert_allclose(namespace[name](*args), f(*args), rtol=1e-3)


@pytest.mark.parametrize("name", [n for n in PRESETS if n != "DEFAULT" and "F8" not in n])
def test_a_program_for_a_gpu_names_the_algorithm_as_jaxs(name):
    dtypes = ("float64", "float64") if "F64" in name else ("float32", "float32")

    def algorithm(text: str) -> str:
        return re.search(r"algorithm = <[^>]*>", text)[0]

    with mj.enable_x64("F64" in name), jax.enable_x64("F64" in name):
        a, b = A.astype(dtypes[0]), B.astype(dtypes[1])
        f = lambda lib: lambda x, y: lib.lax.dot(x, y, precision=lib.lax.DotAlgorithmPreset[name])
        mine = module_text(mj.make_jaxpr(f(mj))(a, b), "f", platform="cuda")
        theirs = jax.jit(f(jax)).trace(a, b).lower(lowering_platforms=("cuda",)).as_text()
    assert algorithm(mine) == algorithm(theirs)
