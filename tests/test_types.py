"""mypy and pyright accept a user's program that is annotated strictly, and refuse mistakes; every public function is annotated."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typed_program

import kaf
import minijax
from minijax import flatten_util, nn, ops, random, test_util, tree_util, typing
from minijax.nn import initializers
from minijax.scipy import special
from tests import stubs

ROOT = Path(__file__).parent.parent
PROGRAMS = [ROOT / "examples", Path(typed_program.__file__)]

# {a line that is wrong: the kind of error that mypy reports there}
MISTAKES = {
    "jnp.sinn(x)": "attr-defined",
    "jax.gradd(sum)": "attr-defined",
    "kaf.KAFF": "attr-defined",
    "jax.random.normall(key)": "attr-defined",
    "jax.nn.reluu(x)": "attr-defined",
    "x.summ()": "attr-defined",
    "x.sum(0).foo": "attr-defined",
    "x.at[0].sett(1)": "attr-defined",
    "jax.jit(jnp.sin)(x).foo": "attr-defined",
    "jax.lax.sin(x).foo": "attr-defined",
    "jax.vmap(jnp.dot)(x, x).foo": "attr-defined",
    "jnp.sin('a')": "arg-type",
    "jnp.sum([1, 2])": "arg-type",
    "jnp.sum(x, axis='0')": "arg-type",
    "jnp.add(x, None)": "arg-type",
    "jnp.zeros('a')": "arg-type",
    "jax.lax.add(x, [1])": "arg-type",
    "jax.nn.softmax(x, axis='last')": "arg-type",
    "x.sum(axis='0')": "arg-type",
    "x.at[0].set('a')": "arg-type",
    "jax.grad(3)": "arg-type",
    "kaf.Grid('a')": "arg-type",
    "number: int = jnp.sum(x)": "assignment",
    "new: str = jax.jit(jnp.sin)(x)": "assignment",
    "x[0] = 1.0": "index",
    "x['a']": "index",
    "x + 'a'": "operator",
    "x - 'a'": "operator",
    "jax.random.normal()": "call-arg",
    "jnp.sin(x, x)": "call-arg",
    "jnp.sum(x, axes=0)": "call-arg",
    "jax.lax.while_loop(lambda c: c.sum() > 0, lambda c: 'a', x)": "arg-type",
}
PRELUDE = "import kaf\nimport minijax as jax\nimport minijax.numpy as jnp\nx, key = jnp.ones(3), jax.random.key(0)\n"


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("types") / "mistakes.py"
    path.write_text(PRELUDE + "\n".join(MISTAKES) + "\n")
    return path


@pytest.mark.parametrize("name", stubs.STUBS)
def test_stubs_are_current(name):
    assert (stubs.PACKAGE / name).read_text() == stubs.STUBS[name](), "run `python -m tests.stubs`"


def public_functions():
    for module in (
        minijax,
        minijax.numpy,
        minijax.lax,
        nn,
        initializers,
        random,
        special,
        tree_util,
        flatten_util,
        ops,
        test_util,
        kaf,
        kaf.optim,
        kaf.losses,
    ):
        for name in getattr(module, "__all__", [name for name in dir(module) if not name.startswith("_")]):
            value = getattr(module, name)
            if inspect.isfunction(value) and value.__module__.startswith(("minijax", "kaf")):
                yield f"{module.__name__}.{name}", value


def test_every_public_function_is_annotated():
    functions = dict(public_functions())
    assert len(functions) > 500
    lacking = []
    for name, function in functions.items():
        signature = inspect.signature(function)
        types = [p.annotation for p in signature.parameters.values()] + [signature.return_annotation]
        lacking += [name] * (inspect.Parameter.empty in types)
    assert lacking == []


def test_the_door():
    assert typing.__all__ == ["ArrayLike", "DTypeLike"]
    assert isinstance(minijax.numpy.ones(3), typing.ArrayLike) and not isinstance([1.0], typing.ArrayLike)
    assert [t for t in typing.DTypeLike.__args__ if inspect.isclass(t) and isinstance(minijax.numpy.float32, t)]


def test_the_typed_program_runs(capsys):
    typed_program.main()
    assert capsys.readouterr().out


CONFIG = f"""
[mypy]
strict = True
mypy_path = {ROOT}
cache_dir = {ROOT}/.mypy_cache
# What minijax's own functions do inside is not checked: a user's program sees their signatures.
[mypy-minijax.*,kaf.*]
ignore_errors = True
[mypy-minijax.numpy,minijax.lax,minijax.core.traces,minijax.core.types,minijax.typing]
ignore_errors = False
[mypy-minijax.core.traces,minijax.core.types]
disallow_untyped_defs = False
disallow_incomplete_defs = False
disallow_any_generics = False
[mypy-jaxtyping.*,sklearn.*]
ignore_missing_imports = True
"""


def test_mypy(mistakes):
    """One run for the programs, the stubs and the mistakes: most of its time goes into reading NumPy's stubs."""
    config = mistakes.parent / "mypy.ini"
    config.write_text(CONFIG)
    command = [sys.executable, "-m", "mypy", "--config-file", config, "--no-error-summary", *PROGRAMS, mistakes]
    output = subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout
    found = re.findall(rf"^.*{mistakes.name}:(\d+): error: .*\[([\w-]+)\]$", output, re.M)
    elsewhere = [line for line in output.splitlines() if mistakes.name not in line]
    assert elsewhere == []
    lines = mistakes.read_text().splitlines()
    got = {}
    for line, code in found:
        got.setdefault(lines[int(line) - 1], code)
    assert got == MISTAKES


def test_pyright(mistakes):
    config = mistakes.parent / "pyrightconfig.json"
    programs = [str(p) for p in (*PROGRAMS, mistakes)]
    settings = {"extraPaths": [str(ROOT)], "typeCheckingMode": "standard", "reportMissingImports": "none"}
    config.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--project", config, "--outputjson", *programs]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout)
    errors = [(Path(e["file"]), e["range"]["start"]["line"], e["message"]) for e in found["generalDiagnostics"]]
    assert found["summary"]["filesAnalyzed"] > len(PROGRAMS)
    assert [e for e in errors if e[0] != mistakes] == []
    first = len(PRELUDE.splitlines())
    assert sorted({line for _, line, _ in errors}) == list(range(first, first + len(MISTAKES)))
