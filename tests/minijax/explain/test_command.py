"""`python -m minijax explain` and `rules`: the arguments of a call, and one clear line for what cannot be."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from minijax.explain.capture import loaded, run_to_call
from minijax.explain.command import main

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
import minijax as jax
import minijax.numpy as jnp

def loss(w, x, power=2, *, scale=1.0):
    return jnp.sum(jnp.tanh(x @ w) ** power) * scale

def outer(a):
    def inner(b):
        return jnp.sin(b) * a
    return inner(a)

class Net:
    def __init__(self, w):
        self.w = w

    def __call__(self, x):
        return jnp.tanh(self.w * x).sum()

def printing(x, *rest, **named):
    print("never printed by explain", file=sys.stderr)
    return x

@jax.jit
def jitted(x):
    return jnp.cos(x).sum()

def unused(x):
    return x * 2.0

def of_text(x, mode):
    return jnp.sin(x) if mode == "sin" else x

if __name__ == "__main__":
    w = jnp.ones((3, 4)) * 0.5
    for i in range(3):
        w = w - 0.1 * jax.grad(loss)(w, jnp.ones((2, 3)) * (i + 1), scale=2.0)
    outer(jnp.float32(3.0))
    Net(jnp.arange(3.0))(jnp.ones(3))
    jitted(jnp.ones(5))
    of_text(1.0, "sin")
    jax.vmap(lambda x: printing(x, 1, key=2))(jnp.ones(3))
    raise ValueError("the script's own error\\nwith a second line")
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return str(path)


def test_a_script_runs_up_to_the_call(script):
    function, args, kwargs = run_to_call(script, "loss")
    assert function.__name__ == "loss" and kwargs == {"scale": 2.0} and args[2] == 2
    # The call is grad's: the tracer's value is taken.
    assert args[0].shape == (3, 4) and float(args[0][0, 0]) == 0.5 and float(args[1][0, 0]) == 1.0
    _, args, _ = run_to_call(script, "loss", call=3)
    assert float(args[1][0, 0]) == 3.0


def test_inner_functions_methods_and_types_of_tracers(script):
    function, args, _ = run_to_call(script, "outer.inner")
    assert float(function(*args)) == pytest.approx(3 * 0.14112, rel=1e-4)
    function, args, _ = run_to_call(script, "Net.__call__")
    assert type(args[0]).__name__ == "Net" and args[1].shape == (3,)
    function, args, kwargs = run_to_call(script, "printing")
    assert args[0].str_short() == "float32[]" and args[1:] == (1,) and kwargs == {"key": 2}


TEXTS = {
    "loss": ("loss(w: f32[3,4], x: f32[2,3], power: i32[], scale: f32[])", "ok gradient = finite differences"),
    "outer.inner": ("inner(b: f32[])", "ok gradient = finite differences"),
    "Net.__call__": ("__call__(x: f32[3])", "ok gradient = finite differences"),
    "jitted": ("jitted(x: f32[5])", "ok gradient = finite differences"),
    "of_text": ("of_text(x: f32[])", "ok gradient = finite differences"),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.one_in(7)
def test_explain_prints_text(script, capsys, name):
    assert main(["explain", f"{script}:{name}", "--no-jax"]) == 0
    out = capsys.readouterr().out
    assert all(words in out for words in TEXTS[name]), out[:500]
    # The command may be longer.
    assert max(len(row) for row in out.split("\n") if not row.startswith("python -m")) <= 80


def test_the_command_is_shown_and_makes_the_same_again(script, tmp_path, capsys):
    page = tmp_path / "page.html"
    words = [
        "explain",
        f"{script}:loss",
        "--grad",
        "--args",
        "f32[3,4], jnp.ones((2, 3)), 2",
        "--no-jax",
        "--out",
        str(page),
    ]
    assert main(words) == 0
    first = page.read_text()
    assert "python -m minijax explain" in first and "--args &#x27;f32[3,4], jnp.ones((2, 3)), 2&#x27;" in first
    assert main(words) == 0
    assert page.read_text() == first
    assert capsys.readouterr().out.startswith(f"wrote {page} (")


OPTIONS = {
    "--vmap": (["jitted", "--args", "f32[7,5]", "--vmap", "0"], "f32[7,5]"),
    "--jit": (["jitted", "--args", "f32[5]", "--jit"], "jit["),
    "--argnums": (["loss", "--args", "f32[3,4], f32[2,3]", "--argnums", "1"], "a:f32[3,4] b:f32[2,3] c:f32[2,3]. let"),
    "types in containers": (["unused", "--args", "(f32[2], [bf16[3]])[0]"], "x: f32[2]"),
    "a name of the file's": (["unused", "--args", "jnp.float32(4)"], "x: f32[]"),
    "--color": (["unused", "--args", "f32[]", "--color", "always"], "\033[36m"),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.one_in(3)
def test_options(script, capsys, name):
    words, expected = OPTIONS[name]
    assert main(["explain", f"{script}:{words[0]}", *words[1:], "--no-jax"]) == 0
    assert expected in capsys.readouterr().out


def test_arguments_of_the_script_and_functions_that_it_imports(tmp_path, capsys):
    (tmp_path / "other_of_test.py").write_text(
        "import minijax.numpy as jnp\n\ndef loss(x):\n    return jnp.sin(x).sum()\n"
    )
    (tmp_path / "main.py").write_text("import sys\nfrom other_of_test import loss\nloss(float(sys.argv[1]))\n")
    assert main(["explain", f"{tmp_path}/main.py:loss", "--no-jax", "--", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "loss(x: f32[])" in out and "0.4794" not in out.split("stage")[0]
    assert main(["explain", f"{tmp_path}/main.py:loss", "--", "half"]) == 2
    assert "could not convert string to float: 'half'" in capsys.readouterr().err


PLACES = {
    "a script": ("script.py", ""),
    "a package's module": ("package_of_test/script.py", "from . import neighbour_of_test"),
    "a package's __main__": ("package_of_test/__main__.py", "import tabnanny; from . import neighbour_of_test"),
    "a module of an inner package": ("package_of_test/inner/script.py", "from ..inner import neighbour_of_test"),
}


@pytest.fixture
def placed(tmp_path, request, monkeypatch):
    """A file that imports its neighbours, the standard library's tabnanny among them if it is in a package."""
    place, imports = PLACES[request.param]
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in list(path.relative_to(tmp_path).parents)[:-1]:
        (tmp_path / folder / "__init__.py").touch()
    (path.parent / "neighbour_of_test.py").write_text("factor = 2.0\n")
    (path.parent / "tabnanny.py").write_text("raise ImportError('this is not the standard library')\n")
    path.write_text(
        f"import sys\n{imports}\nimport neighbour_of_test\n"
        "def twice(x):\n    return x * neighbour_of_test.factor\n"
        "if __name__ == '__main__':\n    print(twice(1.0), sys.argv[1:])\n"
    )
    yield path
    for name in list(sys.modules):
        if name.split(".")[0] in ("package_of_test", "neighbour_of_test", "tabnanny"):
            del sys.modules[name]


@pytest.mark.parametrize("placed", PLACES, indirect=True)
def test_a_file_runs_where_it_stands(placed):
    """`python -m kaf` imports scikit-learn, beside whose name stands kaf/sklearn.py: a package's folder hides no library."""
    before = sys.argv, sys.path[:]
    function, args, _ = run_to_call(str(placed), "twice")
    assert function(*args) == 2.0
    assert loaded(str(placed), "twice")[0](3.0) == 6.0
    assert (sys.argv, sys.path) == before


@pytest.mark.parametrize("placed", ["a package's __main__"], indirect=True)
@pytest.mark.parametrize("command", ["run", "debug"])
def test_a_package_runs(placed, command):
    words = ["a"] if command == "run" else ["--", "a"]
    done = subprocess.run(
        [sys.executable, "-m", "minijax", command, str(placed), *words], capture_output=True, text=True
    )
    assert done.stdout == "2.0 ['a']\n", done.stderr


def readme_commands() -> list[str]:
    """The commands of the README that name no file of the reader's."""
    lines = [line.split("   #")[0].strip() for line in (ROOT / "README.md").read_text().splitlines()]
    found = [line for line in lines if line.startswith("python -m minijax ") and "SCRIPT" not in line]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("line", readme_commands())
@pytest.mark.one_in(10)
def test_the_commands_of_the_readme(tmp_path, line):
    """From a clone, one command explains the gradient of a KAF network, and says what each residual costs."""
    words = shlex.split(line)[1:]
    if "explain" in words:
        # What the script writes, `kaf train` for one, stays out of the clone.
        words[3:4] = [str(ROOT / words[3]), "--no-jax"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    if "--out" in words:
        assert (tmp_path / "page.html").stat().st_size < 300_000
    if "objective" in line:
        kept = [row.split() for row in done.stdout.splitlines() if row.startswith("  kept ")]
        assert kept and all(unit in ("B", "kB", "MB") for _, _, _, unit, *_ in kept)


BAD = {
    "no function named": ("{script}", [], "names no function: write FILE.py:function"),
    "no such file": ("nowhere.py:f", [], "there is no file nowhere.py"),
    "no such function": ("{script}:lost", ["--args", "1.0"], "has no function lost: it has loss, outer, outer.inner, "),
    "no such function in a run": ("{script}:lost", [], "failed before it called lost: ValueError: the script's own error"),
    "never called": ("{script}:unused", [], "failed before it called unused: ValueError: the script's own error"),
    "too many calls": ("{quiet}:f", ["--call", "3"], "calls f once only: --call 3 is too many"),
    "never called, quietly": ("{quiet}:g", [], "ran to its end and never called g: give its arguments by --args"),
    "no such function, quietly": ("{quiet}:h", [], "calls no function h: it defines f, g"),
    "a bad type": ("{script}:unused", ["--args", "f33[2]"], "--args: f33[2] is no type: a type is f32[8,3]"),
    "a bad expression": ("{script}:unused", ["--args", "1 +"], "--args: '1 +' is no list of expressions and types"),
    "a name that is not": ("{script}:unused", ["--args", "lost"], "--args: NameError: name 'lost' is not defined"),
    "bad axes": ("{script}:unused", ["--args", "1.0", "--vmap", "x"], "--vmap: 'x' is no number, None or tuple of these"),
    "axes that do not fit": ("{script}:unused", ["--args", "1.0", "--vmap", "0"], "unused cannot be explained: ValueError"),
    "too few arguments": ("{script}:loss", ["--args", "1.0"], "loss cannot be explained: TypeError"),
    "a file that ends itself": ("{ends}:f", ["--args", "1.0"], "ends.py failed: SystemExit: 3"),
    "a file that is no Python": ("{broken}:f", [], "broken.py is no Python: SyntaxError"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.one_in(8)
def test_bad_input_is_one_clear_line(script, tmp_path, capsys, name):
    quiet, broken, ends = (tmp_path / f"{name}.py" for name in ("quiet", "broken", "ends"))
    ends.write_text("raise SystemExit(3)\ndef f(x):\n    return x\n")
    quiet.write_text("def f(x):\n    return x\ndef g(x):\n    return x\nf(1.0)\n")
    broken.write_text("def f(:\n")
    target, words, expected = BAD[name]
    assert main(["explain", target.format(script=script, quiet=quiet, broken=broken, ends=ends), *words]) == 2
    captured = capsys.readouterr()
    # What the script itself printed stays above.
    last = captured.err.removeprefix("never printed by explain\n")
    assert captured.out == "" and last.startswith("minijax explain: ") and last.count("\n") == 1
    assert expected in last


def test_rules(capsys):
    assert main(["rules"]) == 0
    table = capsys.readouterr().out
    assert "sin                     yes        -          yes        yes        yes" in table
    assert main(["rules", "jvp", "sin"]) == 0
    assert "# sin: jvp, minijax/primitives/" in (out := capsys.readouterr().out) and "cos" in out
    assert main(["rules", "transpose"]) == 0
    assert "# sin: no transpose rule" in (out := capsys.readouterr().out) and "# dot_general: transpose" in out
    assert main(["rules", "mul"]) == 0
    assert capsys.readouterr().out.count("# mul: ") == 5
    for bad in (["rules", "backwards"], ["rules", "jvp", "lost"]):
        assert main(bad) == 2
        assert capsys.readouterr().err.startswith("minijax rules: no ")


def test_as_a_module(script):
    """The command itself, in a process of its own, from another folder."""
    words = [sys.executable, "-m", "minijax", "explain", f"{script}:jitted", "--no-jax"]
    result = subprocess.run(words, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("jitted(x: f32[5])\npython -m minijax explain ")
    assert "never printed by explain" not in result.stderr
