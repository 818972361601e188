"""`python -m minijax debug`: a real process with commands on its standard input stops at the right line, in a table of places."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

# What arises going forward from x = 0.5, and what on the way back from x = 0: {kind: (options, forward, back, factor)}
KINDS = {
    "NaN": (["--nan"], "jnp.arccosh(x)", "jnp.sqrt(x)", "0.0"),
    "infinity": (["--inf"], "x**-200", "x * 1e30", "1e30"),
    "condition": (["--when", "x > 40"], "100.0 * x", "x * 10.0", "10.0"),
}

# {where: a program; the line with `# here` is where it must stop}. FORWARD, BACK and FACTOR are those of a kind.
FORWARD = {
    "plain": "def f(x):\n    y = FORWARD  # here\n    return y\nf(x)",
    "module": "z = FORWARD  # here",
    "jit": "@jax.jit\ndef f(x):\n    y = FORWARD  # here\n    return y\nf(x)",
    "scan": """
def f(c, x):
    y = FORWARD  # here
    return c + y, y
jax.lax.scan(f, 0.0, jnp.array([3.0, 0.5])) if KIND != "condition" else jax.lax.scan(f, 0.0, jnp.array([0.1, 0.5]))""",
    "while": """
def f(i, x):
    y = FORWARD  # here
    return i + 1, y
jax.lax.while_loop(lambda c: c[0] < 1, lambda c: f(*c), (0, x))""",
    "fori": "def f(i, x):\n    y = FORWARD  # here\n    return y\njax.jit(lambda n, x: jax.lax.fori_loop(0, n, f, x))(1, x)",
    "cond": "def f(x):\n    y = FORWARD  # here\n    return y\njax.lax.cond(x > 0, f, jnp.sin, x)",
    "switch": "def f(x):\n    y = FORWARD  # here\n    return y\njax.lax.switch(1, [jnp.sin, f], x)",
    "vmap": "def f(x):\n    y = FORWARD  # here\n    return y\njax.vmap(f)(jnp.array([0.1, 0.5]))",
    "vmap of cond": """
def f(x):
    y = FORWARD  # here
    return y
jax.vmap(lambda x: jax.lax.cond(x > 0, f, jnp.sin, x))(jnp.array([0.1, 0.5]))""",
    "vmap of while": """
def f(i, x):
    y = FORWARD  # here
    return i + 1, y
jax.vmap(lambda x: jax.lax.while_loop(lambda c: c[0] * x < 0.5, lambda c: f(*c), (0, x)))(jnp.array([0.5, 0.5]) + x - x)""",
    "grad": "def f(x):\n    y = FORWARD  # here\n    return y\njax.grad(f)(x)",
    "jvp": "def f(x):\n    y = FORWARD  # here\n    return y\njax.jvp(f, (x,), (1.0,))",
    "grad of vmap of jit": """
@jax.jit
def f(x):
    y = FORWARD  # here
    return y
jax.grad(lambda v: jax.vmap(f)(v).sum())(jnp.array([0.1, 0.5]))""",
    "jacfwd of jacrev": "def f(x):\n    y = FORWARD  # here\n    return y\njax.jacfwd(jax.jacrev(f))(x)",
    "custom_jvp": """
@jax.custom_jvp
def f(x):
    y = FORWARD  # here
    return y
f.defjvp(lambda primals, tangents: (f(*primals), tangents[0]))
jax.grad(f)(x)""",
    "rule of custom_jvp": """
@jax.custom_jvp
def f(x):
    return x
@f.defjvp
def rule(primals, tangents):
    (x,) = primals
    y = FORWARD  # here
    return x, y * tangents[0]
jax.grad(f)(x)""",
    "custom_vjp": """
@jax.custom_vjp
def f(x):
    y = FORWARD  # here
    return y
f.defvjp(lambda x: (f(x), None), lambda residuals, ct: (ct,))
jax.grad(f)(x)""",
    "forward of custom_vjp": """
@jax.custom_vjp
def f(x):
    return x
def forward(x):
    y = FORWARD  # here
    return y, None
f.defvjp(forward, lambda residuals, ct: (ct,))
jax.grad(f)(x)""",
    "backward of custom_vjp": """
@jax.custom_vjp
def f(x):
    return x
def backward(x, ct):
    y = FORWARD  # here
    return (y * ct,)
f.defvjp(lambda x: (x, x), backward)
jax.grad(f)(x)""",
    "checkpoint": "@jax.checkpoint\ndef f(x):\n    y = FORWARD  # here\n    return y\nf(x)",
    "checkpoint under grad": "@jax.checkpoint\ndef f(x):\n    y = FORWARD  # here\n    return y\njax.grad(f)(x)",
    "linear solve": """
def f(x):
    y = FORWARD  # here
    return y
solve = lambda matvec, b: f(b)
jax.lax.custom_linear_solve(lambda v: v, x, solve, solve)""",
    "callback": """
def f(x):
    y = FORWARD  # here
    return y
jax.pure_callback(lambda x: np.asarray(f(x), np.float32), jax.ShapeDtypeStruct((), jnp.float32), x)""",
    "method, keyword, comprehension": """
class Net:
    def __init__(self, x):
        self.x = x
    def __call__(self, *, scale):
        x = self.x
        return [FORWARD for _ in range(1)]  # here
Net(x)(scale=2.0)""",
}  # fmt: skip

TWICE = "def f(x):\n    y = BACK  # here\n    z = y * FACTOR\n    return z\n"
BACK = {
    "grad": TWICE + "jax.grad(f)(x)",
    "grad of jit": "@jax.jit\n" + TWICE + "jax.jit(jax.grad(f))(x)",
    "vjp, called later": TWICE + "_, pull = jax.vjp(f, x)\npull(jnp.ones(()))",
    "linearize, transposed": TWICE + "_, pull = jax.vjp(jax.vmap(f), jnp.stack([x, x]))\npull(jnp.ones(2))",
    "vmap of grad": TWICE + "jax.vmap(jax.grad(f))(jnp.stack([x, x]))",
    "grad of scan": TWICE + "jax.grad(lambda x: jax.lax.scan(lambda c, _: (f(c), None), x, None, 1)[0])(x)",
    "grad of fori": TWICE + "jax.grad(lambda x: jax.lax.fori_loop(0, 1, lambda i, c: f(c), x))(x)",
    "grad of cond": TWICE + "jax.grad(lambda x: jax.lax.cond(x < 1, f, jnp.sin, x))(x)",
    "grad of vmap of cond": TWICE
    + "jax.grad(lambda v: jax.vmap(lambda x: jax.lax.cond(x < 1, f, jnp.sin, x))(v).sum())(jnp.stack([x, x]))",
    "checkpoint": "@jax.checkpoint\n" + TWICE + "jax.grad(f)(x)",
    "custom_jvp": """
@jax.custom_jvp
def g(x):
    return x
@g.defjvp
def rule(primals, tangents):
    (x,), (y,) = primals, tangents
    z = y * FACTOR
    return x, z
def f(x):
    y = BACK  # here
    return g(y)
jax.grad(f)(x)""",
    "in a loop of the user's": """
def f(x):
    for scale in (1.0,):
        y = BACK  # here
        x = y * FACTOR
    return x
jax.grad(f)(x)""",
}

HEAD = """import numpy as np
import jax
import jax.numpy as jnp
KIND = {kind!r}
"""


def programs(kind: str) -> tuple[str, dict[str, tuple[int, bool]]]:
    """(a script of all programs, {where: (the line it must stop at, whether on the way back)})"""
    _, forward, back, factor = KINDS[kind]
    text, lines = HEAD.format(kind=kind), {}
    for way, start, table in (("forward", "0.5", FORWARD), ("back", "0.0", BACK)):
        for where, program in table.items():
            text += f"print({f'== {way}: {where}'!r})\nx = jnp.float32({start})\n"
            program = program.replace("FORWARD", forward).replace("BACK", back).replace("FACTOR", factor).strip() + "\n"
            [here] = [i for i, line in enumerate(program.splitlines()) if "# here" in line]
            lines[f"{way}: {where}"] = text.count("\n") + here + 1, way == "back"
            text += program
    return text + "print('== end')\n", lines


def debug(tmp_path, text: str, options=(), commands: str = "", status: int = 0) -> tuple[str, str]:
    """(standard output, standard error) of the command on a script of that text."""
    script = tmp_path / "script.py"
    script.write_text(text)
    words = [sys.executable, "-m", "minijax", "debug", str(script), *options]
    result = subprocess.run(words, input=commands, capture_output=True, text=True)
    assert result.returncode == status, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout, result.stderr


STOP = re.compile(
    r"^(?P<head>.*):\n(?:  .*\n)+> .*script\.py\((?P<line>\d+)\)\S+\n-> (?P<source>.*)\n.*'locals', (?P<locals>\[.*\])", re.M
)


@pytest.mark.parametrize("kind", KINDS)
def test_it_stops_at_the_line(tmp_path, kind):
    text, lines = programs(kind)
    commands = "p 'locals', sorted(locals())\nc\n" * 400
    out, err = debug(tmp_path, text, KINDS[kind][0], commands)
    parts = dict(part.split("\n", 1) for part in out.split("== ")[1:])
    assert parts.pop("end") == "" and list(parts) == list(lines)
    wrong = []
    for where, (line, back) in lines.items():
        stop = STOP.search(parts[where])
        head = "" if stop is None else stop["head"].removeprefix("(minijax) ")
        what = "x > 40 for the result of" if kind == "condition" else f"{kind} in the result of"
        right = (
            head.startswith(what)
            and (int(stop["line"]), "# here" in stop["source"]) == (line, True)
            # The name of an operand, in the frame that runs or in the one that is made.
            and ("'ct'" if back else "'x'") in stop["locals"]
            and ("on the way back" in head or not back)
        )
        wrong += [] if right else [f"{where}, line {line}:\n{parts[where][:600]}"]
    assert not wrong, "\n".join(wrong)
    assert f"stopped {out.count('-> ')} times" in err
