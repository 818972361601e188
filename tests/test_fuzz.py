"""Random programs, a few of them: `python -m tests.fuzz` runs as many as there is time for. And the fuzzer itself: it is the same
for the same seed, sees planted faults, shrinks them, and goes on where it stopped."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from thinned import part

import minijax
from minijax.primitives.basis import registry
from tests.fuzz import check, explained, programs, rows, shrink
from tests.fuzz.log import Log

SEEDS = range(9_000, 9_020)
ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.one_in(4)
def test_programs_agree(seed):
    source = programs.source(seed)
    unlike = [d for d in check.disagreements(source) if d.what not in explained.TEXT]
    assert [str(d) for d in unlike if explained.explanation(source, d) is None] == [], source


def test_a_seed_is_one_program():
    assert [programs.source(s) for s in SEEDS] == [programs.source(s) for s in SEEDS]


@pytest.mark.long
def test_programs_are_of_every_kind():
    """Each of these stands in some program: what the generator is for."""
    text = "".join(map(programs.source, range(150)))
    for written in (
        "lax.cond(", "lax.switch(", "lax.scan(", "lax.while_loop(", "lax.fori_loop(", "with_jvp(", "with_vjp(",
        "jax.checkpoint(",
        'axis_name="i"', "lax.psum(", ".at[", "einsum", "dot_general", "where=", "initial=", "bfloat16", "float16",
        "int8", "complex64",
        "x64 = True", "zeros((0,", "nan", "inf", "-0.0", '["p"]', *(f"{name}(" for name in rows.TRANSFORMATIONS),
    ):  # fmt: skip
        assert written in text, written


def test_every_row_of_the_tables_is_a_program():
    """A row that JAX always refuses is misspelt. Enough fillings of it are tried for one to fit."""
    for _, expressions in [*rows.EXPRESSIONS.values(), (0, rows.COLLECTIVES)]:
        for row in part(expressions, 3):
            assert any(accepted(row, seed) for seed in range(300)), row


def accepted(row: str, seed: int) -> bool:
    generator = programs.Generator(seed)
    scope = programs.Scope({}, axis=2)
    try:
        generator.one_array(generator.fill(row, scope, 0), scope)
    except programs.Refused:
        return False
    return True


SINE = """\
import minijax as jax
import minijax.numpy as jnp

x64 = False


def vmap(f, by):
    return jax.vmap(f)


def function(a, b):
    x1 = jnp.sin(a["p"]) + b
    x2 = jnp.exp(b)
    return x1, {"r": x2 * 2}, jnp.sin(b)


program = vmap(function, (0, 1))


def arguments():
    return [{"p": jnp.array([[0.5, 1.5]], "float32")}, jnp.array([[0.25, -1.0]], "float32")]
"""
FAULTS = {
    "value": lambda sin: {"impl": lambda x: np.sin(x) * np.float32(1.0001)},
    "weak": lambda sin: {"abstract_eval": lambda x: x.update(weak_type=True)},
    "refused": lambda sin: {"impl": lambda x: 1 // 0},
}


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.one_in(2)
def test_a_planted_fault_is_seen_and_shrunk(monkeypatch, what):
    assert check.disagreements(SINE) == []
    sin = registry["sin"]
    before = minijax.config.minijax_fast
    minijax.config.update("minijax_fast", False)
    try:
        for name, rule in FAULTS[what](sin).items():
            monkeypatch.setattr(sin, name, rule)
        assert [d.what for d in check.disagreements(SINE, ("eager",))] == [what]
        still = lambda text: any(d.what == what for d in check.disagreements(text, ("eager",)))
        short = shrink.shrink(SINE, still, lambda text: False, 20)
    finally:
        minijax.config.update("minijax_fast", before)
    assert "exp" not in short and "vmap" not in short and "jnp.sin(" in short
    assert len(ast.parse(short).body) <= 5
    assert len(short) < len(SINE) / 2


LOOP = """\
from minijax import lax

def program(a):
    return lax.while_loop(lambda c1: (c1[0] < 2) & True, lambda c1: (c1[0] + 1, c1[1] * a), (0, a))[1]

def arguments():
    return [2.0]
"""


def test_no_loop_is_shrunk_to_one_without_an_end():
    """Every text that is tried keeps the count of the loop's steps: `lambda c1: True` would run for ever."""
    tried = []
    short = shrink.shrink(LOOP, lambda text: tried.append(text) or "while_loop(" in text, lambda text: False, 20)
    loops = [text for text in tried if "while_loop(" in text]
    assert "c1[0] < 0," in short and len(loops) > 3
    assert all("c1[0] < " in text and "c1[0] + 1" in text for text in loops)


def test_values_agree_to_rounding_and_no_further():
    x = np.float32([1.0, 1000.0, np.inf, np.nan, 0.0])
    eps = np.finfo(np.float32).eps
    assert check.same_values(x * (1 + np.float32(4 * eps)), x)
    assert not check.same_values(x * (1 + np.float32(64 * eps)), x)
    assert not check.same_values(np.float32([1.0, 1000.0, np.inf, 0.0, 0.0]), x)
    assert not check.same_signs(np.float32([1.0, 1.0, 1.0, 1.0, -0.0]), x)


CANCELS = """\
import minijax as jax
import minijax.numpy as jnp

x64 = False


def program(a):
    return (jnp.sum(a) - 12345.625) * {factor}


def arguments():
    return [jnp.array([12345.0, 0.7, 0.3, 1e-3], "float32")]
"""


def test_programs_that_magnify_rounding_are_compared_with_64_bits():
    conditioning = check.Conditioning(CANCELS.format(factor=1.0))
    right = np.float32(12345.0 + 0.7 + 0.3 + 1e-3 - 12345.625)
    off = np.float32(right + 2**-10)
    assert conditioning.explains(0, np.asarray(off), np.asarray(right))
    assert not conditioning.explains(0, np.asarray(np.float32(2 * right)), np.asarray(right))


def test_a_run_goes_on_where_it_stopped(tmp_path):
    path = str(tmp_path / "fuzz.log")
    log = Log(path)
    log.write(seeds=[0, 10])
    log.write(seeds=[20, 30])
    log.write(seed=23, mode="eager", what="value", detail="", explained=None, source="")
    with open(path, "a") as file:
        file.write('{"seeds": [30, 4')  # a kill
    again = Log(path)
    assert again.ranges() == [[0, 10], [20, 30]]
    assert list(again.missing(5, 32)) == [*range(10, 20), 30, 31]
    assert again.report().splitlines() == ["20 programs (0:10, 20:30)", "     1 OPEN eager value"]


def test_each_explanation_has_a_reason():
    assert len({e.name for e in explained.EXPLAINED}) == len(explained.EXPLAINED)
    assert all(len(e.reason) > 20 for e in explained.EXPLAINED)


@pytest.mark.parametrize("command", ["tests.fuzz --seeds 0:2 --log {log}", "tests.fuzz --report --log {log}"])
@pytest.mark.one_in(7)
def test_the_command(command, tmp_path):
    """The command runs in a process of its own, without the import paths that pytest sets."""
    words = command.format(log=tmp_path / "fuzz.log").split()
    ran = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
