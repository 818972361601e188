"""`debug.breakpoint` beside JAX's: the same commands show the same text."""

from __future__ import annotations

import io

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy


def plain(j, x, stops):
    y = x * 2
    j.debug.breakpoint(**stops)
    return y


def nested(j, x, stops):
    w = x + 1

    @j.jit
    def inner(y):
        z = {"twice": y * 2, "text": "words"}
        j.debug.breakpoint(**stops)
        return z["twice"]

    return inner(w)


PROGRAMS = {
    "eager": plain,
    "jit": lambda j, x, stops: j.jit(lambda x: plain(j, x, stops))(x),
    "nested": nested,
    "vmap": lambda j, x, stops: j.vmap(lambda x: plain(j, x, stops))(np.float32([x, 7])),
    "jit of grad": lambda j, x, stops: j.jit(j.grad(lambda x: plain(j, x, stops)))(x),
    "scan": lambda j, x, stops: j.lax.scan(lambda c, _: (plain(j, c, stops), None), x, None, length=2),
    "cond": lambda j, x, stops: j.lax.cond(x > 0, lambda x: plain(j, x, stops), lambda x: x, x),
    "ordered": lambda j, x, stops: j.jit(lambda x: plain(j, x, {**stops, "ordered": True}))(x),
}


def transcript(j, program, commands: str) -> str:
    stdin, stdout = io.StringIO(commands.replace(";", "\n") + "\n"), io.StringIO()
    program(j, np.float32(3), {"stdin": stdin, "stdout": stdout, "backend": "cli", "num_frames": 2})
    j.effects_barrier()
    return stdout.getvalue()


COMMANDS = [
    *["c", "p x;c", "p x, y;c", "pp [y, x];continue", "x;;p y;cont", "p nothing;p 1 +;c", "l;c", "list;u;d;d;u;u;l;c"],
    *["bt;w;where;c", "u;p y;up;down;p y;c"],
]


@pytest.mark.parametrize("commands", COMMANDS)
@pytest.mark.one_in(4)
def test_commands(commands):
    program = PROGRAMS["nested"] if "u" in commands else PROGRAMS["jit"]
    assert transcript(minijax, program, commands) == transcript(jax, program, commands)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(5)
def test_transformations(name):
    commands = "p z, w, x;c" if name == "nested" else "p x, y;c;p x, y;c"
    assert transcript(minijax, PROGRAMS[name], commands) == transcript(jax, PROGRAMS[name], commands)


@pytest.mark.parametrize("commands", ["q", "quit", "exit", ""])
def test_leaving_is_a_system_exit(commands):
    with pytest.raises(SystemExit):
        transcript(minijax, plain, commands)


def test_help_names_the_commands():
    text = transcript(minijax, plain, "help;help p;c")
    assert all(
        f" {name} " in f" {text} ".replace("\n", " ") for name in ("bt", "continue", "list", "pp", "quit", "where")
    )
    assert "Print the value of the expression" in text


def test_frames_of_the_library_are_hidden_unless_they_are_asked_for():
    def run(**options):
        stdout = io.StringIO()
        minijax.jit(lambda x: minijax.debug.breakpoint(stdin=io.StringIO("bt\nc\n"), stdout=stdout, **options))(1.0)
        return stdout.getvalue()

    def ours(text):
        return [line for line in text.splitlines() if line.startswith("  File") and "jit.py" in line]

    assert not ours(run())
    assert ours(run(filter_frames=False))
    assert run(num_frames=1).count("File") == 1
