"""`check_same`: what is the same passes, and each kind of difference is found, on the way where it is."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax
from minijax.explain.capture import BadInput
from minijax.testing import check_same

WAYS = ["value", "jit", "grad", "jvp", "vmap", "jaxpr"]
X = np.linspace(-1.0, 1.0, 3)
ALIKE = {
    "elementwise": (lambda jax: lambda x: jax.numpy.sin(x) * x, (X,), WAYS),
    "a weak number": (lambda jax: lambda x: x * 2, (1.5,), WAYS),
    "NumPy's numbers": (lambda jax: lambda x, y: x * 2 + y, (np.float64(1.5), np.float32(1)), WAYS),
    "trees": (lambda jax: lambda p, n: {"y": p["w"] @ p["b"], "n": n + 1}, ({"w": np.ones((2, 3)), "b": X}, 3), WAYS),
    "integers": (lambda jax: lambda n: n * 2, (np.arange(3),), ["value", "jit", "vmap", "jaxpr"]),
    "a loop": (
        lambda jax: lambda x: jax.lax.scan(lambda c, y: (c * y, c), 1.0, x),
        (X.astype(np.float32),),
        WAYS,
    ),
    "both raise": (lambda jax: lambda x: jax.numpy.reshape(x, (2, 2)), (X,), WAYS),
    "NaN": (lambda jax: lambda x: jax.numpy.log(x), (X,), WAYS),
}  # fmt: skip


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.one_in(12)
def test_what_is_the_same_passes(name):
    f, args, ways = ALIKE[name]
    assert [(d.way, d.text) for d in check_same(f, *args).findings] == [(way, "") for way in ways]


def ours(lib) -> bool:
    return lib is not jax


DIFFERENT = {
    "a value": (
        lambda lib: lambda x: x * (2.001 if ours(lib) else 2),
        "value: result 0 is off by 0.0005 of the largest",
    ),
    "a dtype": (
        lambda lib: lambda x: x.astype("int32" if ours(lib) else "int16"),
        "value: result 0 is int32[3] on minijax, int16[3] on JAX",
    ),
    "a shape": (
        lambda lib: lambda x: x[None] if ours(lib) else x,
        "value: result 0 is float32[1, 3] on minijax, float32[3] on JAX",
    ),
    "a weak type": (
        lambda lib: lambda x: lib.numpy.asarray(2.0) if ours(lib) else lib.numpy.float32(2),
        "value: result 0 is float32[] weak on minijax, float32[] on JAX",
    ),
    "a tree": (
        lambda lib: lambda x: [x] if ours(lib) else (x,),
        "value: minijax returns PyTreeDef([*]), JAX PyTreeDef((*,))",
    ),
    "an error": (
        lambda lib: lambda x: x + 1 if not ours(lib) else 1 / 0,
        "value: minijax raises ZeroDivisionError: division by zero, JAX returns",
    ),
    "the text alone": (
        lambda lib: lambda x: x + x if ours(lib) else 2 * x,
        "jaxpr: minijax has `f32[3] = add a0 a0`, JAX `f32[3] = mul 2.0:f32[] a0`",
    ),
    "a gradient alone": (
        lambda lib: lambda x: lib.lax.stop_gradient(x) * x if ours(lib) else x * x,
        "grad: result 0 is off by 0.5 of the largest",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
@pytest.mark.one_in(2)
def test_each_kind_of_difference_is_found(name):
    f, text = DIFFERENT[name]
    with pytest.raises(AssertionError) as caught:
        check_same(f, X)
    assert text in str(caught.value).splitlines(), caught.value


def test_a_file_is_loaded_once_for_each_library(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "helper_of_same.py").write_text("from jax.numpy import tanh\nfrom jax import config")
    file = tmp_path / "program.py"
    file.write_text(
        "import numpy\ntable = numpy.ones(3)\nfrom helper_of_same import tanh\nimport jax.numpy as jnp\n\n"
        "def loss(w, x):\n    import jax\n"
        "    return jax.numpy.sum(tanh(x @ w) ** 2)\n\nclass Net:\n    @staticmethod\n    def call(x):\n        return jnp.sin(x)\n"
    )
    assert len(check_same(f"{file}:loss", X, np.ones((2, 3))).findings) == 6
    check_same(f"{file}:Net.call", X)
    (tmp_path / "differs.py").write_text(
        "import jax\n\ndef f(x):\n    return x * 2 if 'minijax' in repr(jax) else x * 3\n"
    )
    with pytest.raises(AssertionError, match="value: result 0 is off by 0.33 of the largest"):
        check_same(f"{tmp_path}/differs.py:f", X)


def test_bad_input(tmp_path):
    (tmp_path / "ours.py").write_text("import minijax.numpy as jnp\n\ndef f(x):\n    return x\n")
    (tmp_path / "number.py").write_text("import jax\n\nf = 3\n")
    with pytest.raises(BadInput, match="number.py has no function f"):
        check_same(f"{tmp_path}/number.py:f", 1.0)
    with pytest.raises(BadInput, match="ours.py does not say `import jax`"):
        check_same(f"{tmp_path}/ours.py:f", 1.0)
    with pytest.raises(BadInput, match="there is no file nowhere.py"):
        check_same("nowhere.py:f", 1.0)
    with minijax.as_jax(), pytest.raises(RuntimeError, match="outside of minijax.as_jax"):
        check_same(lambda jax: lambda x: x, 1.0)
