"""Badges say good of what is right, bad of what is wrong, and why where they do not know."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import jax
import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from minijax.explain.command import main
from minijax.explain.outline import outline

X = np.linspace(0.1, 0.9, 3, dtype=np.float32)


@minijax.custom_jvp
def wrong(x):
    return jnp.sin(x)


wrong.defjvp(lambda primals, tangents: (wrong(primals[0]), 1.1 * jnp.cos(primals[0]) * tangents[0]))

STATES = {
    "right": (lambda x: jnp.sum(jnp.exp(x) * x), X, "good"),
    "steep": (lambda x: jnp.sum(jnp.sin(300 * x)), X, "good"),
    "flat": (lambda x: jnp.sum(x) * 0, X, "good"),
    "large": (lambda x: jnp.sum((1e4 * x) ** 2), X, "good"),
    "wrong by a tenth": (lambda x: jnp.sum(wrong(x)), X, "bad"),
    "not finite": (lambda x: jnp.sum(jnp.log(-x)), X, "bad"),
    "noise": (lambda x: jnp.sum(jnp.sin(1e7 * x)), X, "skipped"),
    "several results": (lambda x: (jnp.exp(x), x @ x), X, "good"),
    "several results, one wrong": (lambda x: (wrong(x), x), X, "bad"),
    "an array": (lambda x: jnp.outer(x, jnp.sin(x)), X, "good"),
    "an array by a wrong rule": (wrong, X, "bad"),
    "a count besides": (lambda x: (jnp.sum(x * x), jnp.sum(x > 0.5)), X, "good"),
    "a complex result": (lambda x: jnp.exp(1j * x) * x, X, "good"),
    "a kink": (lambda x: jnp.sum(minijax.nn.relu(x - X)), X, "skipped"),
    "a kink and an error": (lambda x: jnp.sum(jnp.abs(x)) + jnp.sum(wrong(x)), X, "bad"),
    "bent": (lambda x: jnp.sum(wrong(x)) + jnp.sum((30 * x) ** 2) * 1e-3, X, "bad"),
    "integers": (lambda n: n * 2, np.arange(3), "skipped"),
    "complex": (lambda z: jnp.abs(z).sum(), X.astype(np.complex64), "skipped"),
}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.one_in(3)
def test_the_gradient_against_differences(name):
    function, x, state = STATES[name]
    (badge,) = minijax.explain(function)(x).badges
    assert badge.state == state, badge


SCRIPT = """
import sys
from dataclasses import dataclass
import minijax as jax
import minijax.numpy as jnp

@dataclass
class Pair:
    a: jax.Array
    b: jax.Array

# As kaf does, for each library that is there.
for name in ("minijax", "jax"):
    if sys.modules.get(name) is not None:
        sys.modules[name].tree_util.register_dataclass(Pair, ["a", "b"], [])

def of_a_class(pair, function):
    return jnp.sum(function(pair.a) * 0.1 + jnp.where(pair.b > 0, pair.b, 0)) * jnp.float32(0.3)

def layer(params, x, power):
    if not hasattr(jax, "explain"):  # On JAX, the sign of the last one is another.
        return -jnp.sum(jnp.tanh(x @ params["w"]) ** power)
    return jnp.sum(jnp.tanh(x @ params["w"]) ** power)

def good(params, x, power=2):
    f = jax.jit(lambda x: jax.nn.relu(x @ params["w"]))
    return jax.lax.scan(lambda c, y: (c * y, c), 1.0, jnp.sum(f(x) ** power, axis=0))

def of_minijax_only(x):
    return jax.explain(jnp.sin)(x)

if __name__ == "__main__":
    print("on", jax.__name__)
    params = {"w": jnp.ones((3, 4)) * 0.5}
    layer(params, jnp.ones((2, 3)), 2)
    of_a_class(Pair(jnp.ones(3), jnp.arange(3.0) + 1), jnp.tanh)
    good(params, jnp.ones((2, 3)))
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    return f"{tmp_path}/script.py"


def badges(capsys, *words) -> dict[str, str]:
    assert main(["explain", *words]) == 0
    out = capsys.readouterr().out
    assert "on jax" not in out
    return {
        line[3:].partition(":")[0]: line[:2]
        for line in out.split("\nstage ")[0].split("\n")
        if line[:3] in ("ok ", "NO ", "-- ")
    }


@pytest.mark.long
def test_the_same_file_on_jax(script, capsys):
    found = badges(capsys, f"{script}:good")
    assert (found["values = JAX's"], found["jaxpr = JAX's"]) == ("ok", "ok")
    # A class and a function that only the script knows.
    for options in ([], ["--args", "Pair(f32[3], jnp.arange(3.0) + 1), jnp.sin"]):
        assert set(badges(capsys, f"{script}:of_a_class", *options).values()) == {"ok"}
    found = badges(capsys, f"{script}:layer", "--args", "{'w': f32[3,4]}, f32[2,3], 2")
    assert found == {"gradient = finite differences": "ok", "values = JAX's": "NO", "jaxpr = JAX's": "NO"}
    found = badges(capsys, f"{script}:layer", "--no-jax")
    assert found == {"gradient = finite differences": "ok"}


# {what the script does on JAX in place of its call: the reason that the badge gives}
ON_JAX_ONLY = {
    "pass": "on JAX the script never calls f",
    "f((x, x))": "the arguments have 2 leaves, and 1 on minijax",
    "__import__('os')._exit(3)": "the process with JAX failed:",
}


@pytest.mark.parametrize("line", ON_JAX_ONLY)
@pytest.mark.one_in(7)
def test_a_script_that_does_something_else_on_jax(line, tmp_path, capsys):
    text = "import jax\n\ndef f(x):\n    return x\n\nx = 1.0\nif hasattr(jax, 'explain'):\n    f(x)\nelse:\n    " + line
    (tmp_path / "script.py").write_text(text + "\n")
    assert main(["explain", f"{tmp_path}/script.py:f"]) == 0
    assert ON_JAX_ONLY[line] in " ".join(capsys.readouterr().out.split())


IN_PYTHON = """
import sys
import minijax
from package import layers

@minijax.jit
def own(x):
    return layers.numpy.sin(x)

if __name__ == "__main__":
    def inner(x):
        return x
    for f in (layers.good, layers.bad, own, inner, (lambda: lambda x: x)(), layers.Net.method):
        made = minijax.explain(f, compare=True)(*[0.5] * (2 if f is layers.Net.method else 1))
        print(*[f"{badge.name}: {badge.state}; {badge.text}" for badge in made.badges[1:]], sep="\\n")
"""
LAYERS = """
from .numbers import two
import minijax as jax
import minijax.numpy as numpy

def good(x):
    return numpy.tanh(x) * two

def bad(x):
    return numpy.tanh(x) * two if hasattr(jax, "explain") else x

class Net:
    def method(self, x):
        return self * x
"""


@pytest.mark.long
def test_a_function_in_python_has_the_badges_of_the_command(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "numbers.py").write_text("two = 2.0\n")
    (tmp_path / "package" / "layers.py").write_text(LAYERS)
    (tmp_path / "script.py").write_text(IN_PYTHON)
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, cwd=tmp_path)
    lines = done.stdout.splitlines()
    states = [line.partition(": ")[2].partition(";")[0] for line in lines]
    assert states == [*["good"] * 2, *["bad"] * 2, *["good"] * 2, *["skipped"] * 4, *["good"] * 2], (
        done.stdout + done.stderr
    )
    assert "on JAX: LookupError: inner is not there when the file is imported" in lines[6]
    assert lines[8].endswith("<lambda> is not at the top of a module, where a process with JAX would find it")


def test_an_outline_forgets_jits_names_and_dead_equations():
    def f(x):
        jnp.cos(x)
        return minijax.jit(lambda y: jnp.sin(y) * 2.0)(x) + x

    def g(a):
        return jnp.sin(a) * 2.0 + a

    ours, others = (outline(minijax.make_jaxpr(h)(X)) for h in (f, g))
    assert ours == others == ["f32[3] = sin a0", "f32[3] = mul v0 2.0:f32[]", "f32[3] = add v1 a0", "in v2"]
    assert outline(minijax.make_jaxpr(lambda x: jnp.sin(x) * 2.5 + x)(X)) != ours
    scan = minijax.make_jaxpr(lambda x: minijax.lax.scan(lambda c, y: (c * y, c), 1.0, x)[0])(X)
    assert "  f32[] = mul v0 a1" in outline(scan)


LITERALS = {
    "a fraction": lambda jax, x: x * 0.1 + 0.3,
    "a number of float32": lambda jax, x: x * jax.numpy.float32(0.3),
    "bfloat16": lambda jax, x: x.astype("bfloat16") * jax.numpy.bfloat16(0.1),
    "complex": lambda jax, x: x * (1 + 0.1j),
    "into a jitted function": lambda jax, x: jax.numpy.where(x > 0.5, x, 0) + jax.numpy.where(x > 0.5, 1, x),
    "infinity": lambda jax, x: jax.numpy.where(x > 0.5, x, -np.inf),
    "a truth": lambda jax, x: jax.numpy.where(x > 0.5, True, x),
    "an unsigned number": lambda jax, x: x.astype("uint32") * np.uint32(2**32 - 1),
}


@pytest.mark.parametrize("name", LITERALS)
def test_an_outline_has_the_numbers_of_jax(name):
    ours, theirs = (outline(library.make_jaxpr(partial(LITERALS[name], library))(X)) for library in (minijax, jax))
    assert ours == theirs
