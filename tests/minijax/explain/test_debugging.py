"""`python -m minijax debug`: a real process with commands on its standard input stops at the right line, in a table of places."""

from __future__ import annotations

import gc
import re
import subprocess
import sys

import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from minijax.core.array import EvalTrace, eval_trace
from minijax.explain import names
from minijax.explain.command import main
from minijax.explain.debugging import watched
from minijax.foundation.config import config

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
    r"^(?P<head>.*):\n(?:  .*\n)+> .*script\.py\((?P<line>\d+)\)\S+\n-> (?P<source>.*)\n.*'locals', (?P<locals>\[.*\])",
    re.M,
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


# Functions of one number made of functions of one number: each is tried within each other.
AROUND = """
import itertools, sys
import jax
import jax.numpy as jnp
from jax import lax

def f(x):
    y = jnp.arccosh(x)  # here
    return y

def back(x):
    y = jnp.sqrt(x)  # and here, on the way back
    return y * 0.0

def with_jvp(f):
    @jax.custom_jvp
    def g(x):
        return f(x)
    g.defjvp(lambda primals, tangents: jax.jvp(f, primals, tangents))
    return g

def with_vjp(f):
    @jax.custom_vjp
    def g(x):
        return f(x)
    g.defvjp(lambda x: jax.vjp(f, x), lambda pull, ct: pull(ct))
    return g

AROUND = {
    "jit": jax.jit,
    "vmap": lambda f: lambda x: jax.vmap(f)(jnp.stack([x, x]))[0],
    "grad": jax.grad,
    "value of grad": lambda f: lambda x: jax.value_and_grad(f)(x)[0],
    "jvp": lambda f: lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),))[1],
    "linearize": lambda f: lambda x: jax.linearize(f, x)[0],
    "checkpoint": jax.checkpoint,
    "scan": lambda f: lambda x: lax.scan(lambda c, _: (f(c), None), x, None, 1)[0],
    "map": lambda f: lambda x: lax.map(f, jnp.stack([x, x]))[1],
    "while": lambda f: lambda x: lax.while_loop(lambda c: c[0] < 1, lambda c: (c[0] + 1, f(c[1])), (0, x))[1],
    "cond": lambda f: lambda x: lax.cond(x < 9, f, jnp.sin, x),
    "switch": lambda f: lambda x: lax.switch(lax.convert_element_type(x < 9, jnp.int32), [jnp.sin, f], x),
    "custom_jvp": with_jvp,
    "custom_vjp": with_vjp,
    "pmap": lambda f: lambda x: jax.pmap(f)(x[None])[0],
}
DERIVATIVES = {"grad", "value of grad", "jvp", "linearize"}
for start, x, kinds, rest in ((f, 0.5, AROUND, []), (back, 0.0, [n for n in AROUND if n not in DERIVATIVES], ["grad"])):
    pairs, triples = (itertools.product(kinds, repeat=n) for n in (2, 3))
    for names in [*zip(kinds), *pairs, *itertools.islice(triples, 0, None, 37)]:
        g = start
        for name in reversed([*rest, *names]):
            g = AROUND[name](g)
        print("==", start.__name__, " of ".join(names))
        try:
            g(jnp.float32(x))
        except Exception as error:
            print("refused:", type(error).__name__, str(error).split(".")[0])
print("== end")
"""


@pytest.mark.long
def test_within_each_other(tmp_path):
    lines = {"f": "y = jnp.arccosh(x)  # here", "back": "y = jnp.sqrt(x)  # and here, on the way back"}
    out, _ = debug(tmp_path, AROUND, ["--nan"], "p 'locals', sorted(locals())\nc\n" * 9999)
    parts = dict(part.split("\n", 1) for part in out.split("== ")[1:])
    assert parts.pop("end") == "" and len(parts) > 400
    wrong, refused = [], []
    for name, text in parts.items():
        function = name.partition(" ")[0]
        stop = STOP.search(text)
        if stop is None and "refused: " in text:
            # There is no forward mode of a custom_vjp, and no map over devices within another.
            refused.append(name)
            wrong += [] if "custom_vjp" in name or name.count("pmap") > 1 else [f"{name}: {text[-300:]}"]
        elif (
            stop is None
            or stop["source"] != lines[function]
            or ("'x'" if function == "f" else "'ct'") not in stop["locals"]
            or ("on the way back" in stop["head"]) != (function == "back")
        ):
            wrong.append(f"{name}: {text[:500]}")
    assert not wrong, "\n".join([f"{len(wrong)} of {len(parts)}", *wrong[:9]])
    assert len(refused) < 30


# ---------------------------------------------------------------------------------------------------------------------
# What one sees, and what one can do there

NETWORK = """
import jax
import jax.numpy as jnp

class Layer:
    def __init__(self, w):
        self.w = w

def loss(params, layer, x):
    hidden = x * layer.w
    y = jnp.sqrt(hidden)
    z = y * params["scale"]
    return jnp.sum(z * z)

def main():
    print("begins")
    jax.debug.print("printed {}", 1)
    params = {"scale": jnp.float32(1e30)}
    x = jnp.array([1.0, 4.0])
    print(jax.jit(jax.grad(loss, 2), static_argnums=1)(params, Layer(2.0 * jnp.ones(2)), x))
    print("ends")

main()
"""


def test_a_frame_that_runs(tmp_path):
    """Where the user's function runs, pdb stops in its frame. An expression at the prompt is computed as in that function."""
    commands = "w\np x + 1\np jnp.max(y)\nvalues\nup\nc\nq\n"
    out, err = debug(tmp_path, NETWORK, ["--inf"], commands)
    first, second = out.split("infinity in the result of mul, 2 of its 2 elements:")[1:][0], out.count("printed 1")
    assert second == 1 and out.startswith("begins\nprinted 1\ninfinity in the result of mul")
    stack = re.findall(r"script\.py\((\d+)\)(\S+)\(\)", first.split("(minijax) ")[1])
    assert stack == [("23", "<module>"), ("20", "main"), ("13", "loss")]
    assert "runpy" not in out and "minijax/" not in out
    assert "(minijax) GradTracer(primal=[2. 5.], " in out and "(minijax) GradTracer(primal=2.828427, " in out
    # `values` shows the text again.
    assert out.count("  z       f32[2]  ") == 2 and "  result  f32[2]  [inf, inf]" in out


def test_operands_have_the_users_names_on_the_way_back(tmp_path):
    """scale * ct is too large; the frame of `loss` has returned."""
    text = (
        NETWORK.replace("z * z", "1e20 * z")
        .replace("1e30", "1e19")
        .replace("sqrt", "sin")
        .replace("[1.0, 4.0]", "[0.0, 0.0]")
    )
    out, _ = debug(tmp_path, text, ["--inf"], "p ct, params_scale\np Layer, jnp.max(ct)\nw\nl\nn\nc\n")
    assert "in the transpose rule of mul" in out
    assert "  params_scale  f32[]   1.e+19   params['scale']\n" in out and "the cotangent of z" in out
    assert "(minijax) (Array([1.e+20, 1.e+20], dtype=float32), Array(1.e+19, dtype=float32))" in out
    assert "(<class '__main__.Layer'>, Array(1.e+20, dtype=float32))" in out
    assert "script.py(20)main()\n" in out and '-> z = y * params["scale"]' in out
    # The next line of the user's that runs is in `main`.
    assert re.search(r"script\.py\(21\)main\(\)\n-> print\(.ends.\)", out) and out.endswith("(minijax) ends\n")


def test_one_goes_on_line_by_line(tmp_path):
    text = """import jax.numpy as jnp
def f(x):
    y = jnp.log(x)
    z = y + 1
    return g(z)
def g(z):
    return 2 * z
print(f(0.0))
print()
"""
    out, err = debug(tmp_path, text, commands="n\nn\ns\np z\nr\nb 9\nc\nc\n")
    lines = re.findall(r"script\.py\((\d+)\)(\S+)\(\)(.*)", out)
    assert lines == [
        ("3", "f", ""),
        ("4", "f", ""),
        ("5", "f", ""),
        ("6", "g", ""),
        ("7", "g", "->Array(-inf, d...eak_type=True)"),
        ("9", "<module>", ""),
    ], out
    assert "-inf\n> " in out and "stopped once" in err


# {what: (a program, how often it stops)}
STOPS = {
    "nothing": ("jnp.sin(1.0)", 0),
    "an infinity on purpose": ("jnp.where(jnp.arange(3) > 1, -jnp.inf, 1.0).min()", 0),
    "a masked softmax": ("jax.nn.softmax(jnp.ones(3), where=jnp.arange(3) > 1)", 0),
    "a NaN that goes on": ("y = jnp.log(-1.0)\nz = jnp.sin(y) + y\njnp.exp(z)", 1),
    "through a call, too": ("y = jnp.log(-1.0)\njax.checkpoint(lambda y: jnp.sin(y) * 2)(y * jnp.ones(3))", 1),
    "once for each that arises": ("for i in range(3):\n    jnp.log(-1.0)", 3),
    "a NaN in the data, for each line": ("x = np.array([1.0, np.nan])\ny = jnp.sin(x)\njnp.cos(y) + jnp.sin(x)", 2),
    "a NaN that is written": ("jnp.where(jnp.arange(3) > 1, jnp.nan, 1.0).sum()", 1),
    "within trace_steps": ("with jax.trace_steps():\n    jnp.sin(1.0)\njnp.log(-1.0)", 1),
    "with jit after all": ("with jax.disable_jit(False):\n    jax.jit(lambda x: jnp.log(x))(-1.0)", 1),
    "compiled by hand": ("jax.jit(lambda x: jnp.log(x)).lower(1.0).compile()(-1.0)", 1),
    "compiled by hand, by XLA": ("jax.jit(lambda x: jnp.log(x)).lower(1.0, compiler='xla').compile()(-1.0)", 1),
    "in a thread": ("t = threading.Thread(target=jnp.log, args=(-1.0,))\nt.start()\nt.join()", 1),
    "bfloat16, keys, integers": ("jax.random.key(0)\njnp.ones(3, jnp.bfloat16) + jnp.arange(3)", 0),
    "infinite bfloat16": ("jnp.ones(3, jnp.bfloat16) / jnp.arange(3).astype(jnp.bfloat16)", 1),
    "under debug_nans": ("with jax.debug_nans():\n    jnp.log(-1.0)\n    jax.checkpoint(jnp.log)(-1.0)", 2),
    "the script sets debug_nans": ("jax.config.update('jax_debug_nans', True)\njnp.log(-1.0)", 1),
    "the script ends itself": ("jnp.log(-1.0)\nraise SystemExit(0)", 1),
}


def test_it_stops_where_something_arises_and_nowhere_else(tmp_path):
    text = "import threading\nimport minijax as jax\nimport minijax.numpy as jnp\nimport numpy as np\n"
    text += "".join(f"print({f'== {name}'!r})\n{program}\n" for name, (program, _) in STOPS.items())
    out, err = debug(tmp_path, text, commands="c\n" * 99)
    found = {name: rest.count("-> ") for name, rest in (part.split("\n", 1) for part in out.split("== ")[1:])}
    assert found == {name: count for name, (_, count) in STOPS.items()}, out
    assert f", stopped {sum(found.values())} times\n" in err and err.count("\n") == 1


def test_nothing_to_stop_for(tmp_path):
    _, err = debug(tmp_path, "import jax.numpy as jnp\njnp.sin(1.0)\n")
    assert err == f"minijax debug: {tmp_path}/script.py: 1 operations, nothing to stop for\n"


def test_quit_is_stopped_by_no_except(tmp_path):
    text = "import jax.numpy as jnp\ntry:\n    jnp.log(-1.0)\nexcept Exception:\n    pass\nprint('ne' + 'ver')\n"
    for commands in ("", "n\nq\n"):
        out, err = debug(tmp_path, text, commands=commands)
        assert "never" not in out and err == "" and out.count("NaN in the result of log") == 1


def test_a_name_that_is_not_there(tmp_path):
    text = "import jax\nimport jax.numpy as jnp\njax.jit(lambda x: jnp.log(x) + 1)(-1.0)\n"
    out, _ = debug(tmp_path, text, commands="p nowhere\nq\n")
    assert "NameError: name 'nowhere' is not defined" in out


def test_an_error_of_the_scripts_is_shown_as_run_shows_it(tmp_path):
    _, err = debug(tmp_path, "import jax.numpy as jnp\njnp.ones((2, 3)) @ jnp.ones(2)\n", status=1)
    assert err.startswith("Traceback") and 'script.py", line 2' in err and "minijax debug: " in err


BAD = {
    "no such file": (["nowhere.py"], "there is no file nowhere.py"),
    "a folder": (["."], "there is no file ."),
    "a file that is no Python": (["{broken}"], "broken.py is no Python: SyntaxError"),
    "no expression": (["{script}", "--when", "x >"], "--when: 'x >' is no expression: write one such as 'abs(x) > 100'"),
    "another name": (["{script}", "--when", "y > 1"], "--when: 'y > 1' reads y: it can read x, a result as a NumPy array"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line(tmp_path, capsys, name):
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "script.py").write_text("print()\n")
    words, expected = BAD[name]
    words = [word.format(broken=tmp_path / "broken.py", script=tmp_path / "script.py") for word in words]
    assert main(["debug", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("minijax debug: ") and captured.err.count("\n") == 1
    assert expected in captured.err


def test_a_condition_that_fails_is_one_clear_line(tmp_path):
    text = "import jax.numpy as jnp\ntry:\n    jnp.ones(3) + 1\nexcept Exception:\n    pass\n"
    out, err = debug(tmp_path, text, ["--when", "x[7] > 1"], status=2)
    assert out == "" and err.startswith("minijax debug: --when: 'x[7] > 1' for x of type float32[3]: IndexError: ")


def test_arguments_of_the_script(tmp_path):
    text = "import sys\nimport jax.numpy as jnp\nprint(sys.argv[1:])\njnp.log(float(sys.argv[1]))\n"
    out, _ = debug(tmp_path, text, ["--", "-1", "--nan"], "c\n")
    assert out.startswith("['-1', '--nan']\nNaN in the result of log")


def test_what_is_remembered_is_bounded_and_the_process_is_as_before(monkeypatch):
    monkeypatch.setattr(names, "_MOST_VARIABLES", 40)
    before = EvalTrace.process_primitive, config.minijax_fast, config.jax_disable_jit, eval_trace.records
    with watched(("NaN",), None) as watch:
        gradient = minijax.grad(lambda x: jnp.sum(jnp.sin(x) * x))
        for _ in range(20):
            gradient(jnp.ones(3))
        gc.collect()
        assert watch.stops == 0 and watch.operations > 100 and len(watch.names._kept) < 60
        assert not [kept for kept in watch.names._kept.values() if isinstance(kept, np.ndarray)]
    assert (EvalTrace.process_primitive, config.minijax_fast, config.jax_disable_jit, eval_trace.records) == before


def test_the_users_variables_are_looked_at_once_for_each_place(monkeypatch):
    """Else a training loop in a function of many variables takes a hundred times as long as without the debugger."""
    calls = []
    plain = names.variables
    monkeypatch.setattr(names, "variables", lambda frame: calls.append(frame.f_lasti) or plain(frame))

    def f(x):
        y = jnp.logaddexp(x, 2.0 * x)
        return y * x

    with watched(("NaN",), None) as watch:
        for _ in range(3):
            f(jnp.ones(3))
    assert watch.operations > 3 * 10
    # The places of f are three, and there is the loop's own.
    assert len(calls) <= 3 * 4, calls
