"""Scripts that say `import jax`, by the command and in processes of their own: the processes that they start get minijax, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minijax
from minijax.alias.children import CHILD, _flags
from minijax.explain.command import main
from minijax.foundation.jax_versions import NEWEST

ROOT = Path(minijax.__file__).parent.parent


def run(*words, cwd, env=None) -> tuple[int, str, str]:
    env = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "JAX_PLATFORMS": "cpu"} | (env or {})
    result = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, cwd=cwd, env=env)
    return result.returncode, result.stdout, result.stderr


SCRIPT = """
import sys
import jax
from jax import grad
from other import loss
import atexit, multiprocessing, subprocess

def say(x):
    import jax as mine
    return repr(mine), float(grad(loss)(x)), mine is jax

def late():
    import jax.numpy
    print("at exit", jax.numpy.__name__)

if __name__ == "__main__":
    atexit.register(late)
    print(sys.argv[1:], jax, say(2.0))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print("spawned", pool.map(say, [2.0]))
    print("another", subprocess.run([sys.executable, "-c", "import jax; print(jax)"], capture_output=True, text=True).stdout)
    print("xla", jax.jit(loss, compiler="xla")(2.0), type(sys.modules["jax"].numpy.sin).__module__)
    if "fail" in sys.argv:
        raise ValueError("the script's own error")
    sys.exit(3)
"""
OTHER = "import jax.numpy as jnp\n\ndef loss(x):\n    return jnp.square(x)\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "other.py").write_text(OTHER)
    return tmp_path


def test_the_command_runs_a_script_and_what_it_starts(folder):
    status, out, err = run("-m", "minijax", "run", "script.py", "a", "--", "-b", cwd=folder)
    said = "(\"<module 'jax' (minijax)>\", 4.0, True)"
    assert out.splitlines() == [
        f"['a', '--', '-b'] <module 'jax' (minijax)> {said}",
        f"spawned [{said}]",
        "another <module 'jax' (minijax)>",
        "",
        "xla 4.0 " + "jaxlib._jax",
        "at exit minijax.numpy",
    ], err
    assert status == 3 and err == ""


def test_the_traceback_of_a_script_begins_in_it(folder):
    (folder / "failing.py").write_text("import jax\n\ndef f():\n    raise ValueError('its own error')\n\nf()\n")
    status, _, err = run("-m", "minijax", "run", "failing.py", cwd=folder)
    assert status == 1 and err.startswith('Traceback (most recent call last):\n  File "failing.py", line 6')
    assert "minijax" not in err and err.endswith("ValueError: its own error\n")


@pytest.mark.long
def test_the_command_explains_a_script_that_imports_jax(folder, capsys):
    (folder / "explained.py").write_text("import jax\nfrom other import loss\nprint(jax.grad(loss)(2.0))\n")
    assert main(["explain", f"{folder}/explained.py:loss"]) == 0
    out = capsys.readouterr().out
    # JAX itself compares, in a process of its own.
    assert (
        "loss(x: f32[])" in out and "ok values = JAX's: at most 0.0e+00 from those of JAX" in out and "ok jaxpr" in out
    )
    assert main(["run", "nowhere.py"]) == 2
    assert capsys.readouterr().err == "minijax run: there is no file nowhere.py\n"
    assert main(["run", f"{folder}/other.py"]) == 2
    assert capsys.readouterr().err.startswith("minijax run: jax is imported already, so that names of real JAX")


def test_a_python_without_jax(tmp_path):
    """NumPy and minijax alone: jaxlib is a module with a version, and XLA is one clear error."""
    for package in (Path(np.__file__).parent, *Path(np.__file__).parent.parent.glob("numpy.libs"), ROOT / "minijax"):
        (tmp_path / package.name).symlink_to(package)
    program = (
        "import minijax\nminijax.install_as_jax()\nminijax.install_as_jax()\nimport jax, jaxlib, jaxlib.version, sys\n"
        "print(jax, jax.__version__, jaxlib.__version__ == jaxlib.version.__version__ == jax.__version__, 'jax' in sys.modules)\n"
        "try:\n    jax.jit(lambda x: x + 1, compiler='xla')(1.0)\nexcept ImportError as e:\n    print(str(e)[:33])\n"
        "try:\n    import jaxlib.xla_client\nexcept ImportError as e:\n    print(e)\n"
        "import subprocess\nsubprocess.run([sys.executable, '-s', '-c', 'import jax; print(jax)'])\n"
    )
    env = {"PYTHONPATH": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    # Without site-packages (-S) there is what stands in this folder.
    words = [sys.executable, "-S", "-c", program]
    result = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=env)
    lines = result.stdout.splitlines()
    assert lines == [
        f"<module 'jax' (minijax)> {NEWEST} True False",
        'compiler="xla" needs jaxlib, and ',
        "No module named 'jaxlib'",
        "<module 'jax' (minijax)>",
    ], result.stderr


def test_a_context_reaches_processes_and_ends(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('the sitecustomize of this folder')\n")
    program = [sys.executable, "-c", "import jax; print(jax.__name__, 'minijax' in repr(jax))"]
    before = dict(os.environ)
    with minijax.as_jax():
        env = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{tmp_path}"}
        inside = subprocess.run(program, capture_output=True, text=True, env=env).stdout.splitlines()
        with minijax.as_jax():
            pass
        assert os.environ[CHILD] == str(ROOT)
    assert inside == ["the sitecustomize of this folder", "jax True"]
    assert dict(os.environ) == before


REFUSED = {
    "-I": (["-I", "-c", "pass"], {}, "its option -I keeps it from reading"),
    "real JAX is meant": (["-I", "-c", "pass"], None, None),
    "-sE": (["-sE", "-c", "pass"], {}, "its option -E"),
    "its own environment": (["-c", "pass"], {"env": {}}, "its environment lacks the parent's MINIJAX_AS_JAX"),
    "its own path": (["-c", "pass"], {"env": {CHILD: "x", "PYTHONPATH": "/"}}, "its environment lacks"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.one_in(3)
def test_a_process_that_cannot_inherit_is_refused(name):
    words, options, text = REFUSED[name]
    with minijax.as_jax():
        if text is None:
            subprocess.run([sys.executable, *words], check=True, env={**os.environ, CHILD: ""})
        else:
            with pytest.raises(RuntimeError, match=text):
                subprocess.run([sys.executable, *words], **options)
            with pytest.raises(RuntimeError, match=text):
                subprocess.Popen(["python3", *words], **options)
            with pytest.raises(RuntimeError, match=text):
                os.posix_spawn(sys.executable, [sys.executable, *words], options.get("env", os.environ))
        # Other programs are none of ours.
        subprocess.run(["true"], env={}, check=True)
        subprocess.run("true", shell=True, check=True)
    # Outside of the context real JAX is what is meant.
    subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)


def test_the_options_of_python():
    assert _flags(["-Bs", "-X", "dev", "-E", "-c", "-I"]) == {"B", "s", "E"}
    assert _flags(["-Xdev", "-WError", "script.py", "-E"]) == set() and _flags(["--", "-I"]) == set()


def test_a_process_that_cannot_import_minijax_ends_with_one_error(tmp_path):
    child = Path(minijax.__file__).parent / "alias" / "child"
    (tmp_path / "minijax.py").write_text("raise ImportError('broken')")
    status, out, err = run("-c", "print('ran')", cwd=tmp_path, env={"PYTHONPATH": str(child), CHILD: str(tmp_path)})
    assert status == 1 and out == ""
    assert err.strip().endswith("cannot import minijax as jax: ImportError('broken')"), err


STARTER = """
import jax, multiprocessing, os, subprocess, sys

WORDS = [sys.executable, "-c", "import jax; print('started', 'minijax' in repr(jax))"]

def by_multiprocessing(method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        print("started", *pool.map(eval, ["'minijax' in repr(__import__('jax'))"]))

def say():
    import jax
    print("started", "minijax" in repr(jax), flush=True)

def by_fork():
    child = multiprocessing.get_context("fork").Process(target=say)
    child.start()
    child.join()

STARTS = {
    "spawn": lambda: by_multiprocessing("spawn"),
    "fork": by_fork,
    "forkserver": lambda: by_multiprocessing("forkserver"),
    "subprocess": lambda: print(subprocess.run(WORDS, capture_output=True, text=True).stdout, end=""),
    "posix_spawn": lambda: os.waitpid(os.posix_spawn(WORDS[0], WORDS, os.environ), 0),
    "posix_spawn, an environment of its own": lambda: os.waitpid(os.posix_spawn(WORDS[0], WORDS, {}), 0),
    "execv": lambda: os.execv(WORDS[0], WORDS),
    "execve": lambda: os.execve(WORDS[0], WORDS, {"PATH": "/"}),
    "spawnv": lambda: os.spawnv(os.P_WAIT, WORDS[0], WORDS),
    "spawnve": lambda: os.spawnve(os.P_WAIT, WORDS[0], WORDS, {}),
    "execlp": lambda: os.execlp(os.path.basename(WORDS[0]), *WORDS),
}
"""
STARTED = """
import os, sys
sys.path.insert(0, os.getcwd())
import minijax

def each(when):
    for name, start in starter.STARTS.items():
        print("==", when, name, flush=True)
        # In a process of its own, since no `exec` returns.
        child = os.fork()
        if not child:
            try:
                start()
            except RuntimeError as error:
                print("refused:", error)
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)

with minijax.as_jax():
    import starter
    each("within")
each("after")
"""
# {how: (what a start within the context says, what one by a function kept from inside says after it)}
EITHER = {
    "spawn": ("started True", "started True"),
    "fork": ("started True", "started True"),
    "forkserver": ("started True", "started True"),
    "subprocess": ("started True", "that context has ended"),
    "posix_spawn": ("started True", "that context has ended"),
    "posix_spawn, an environment of its own": ("its environment lacks the parent's", "that context has ended"),
    "execv": ("started True", "that context has ended"),
    "execve": ("its environment lacks the parent's", "that context has ended"),
    "spawnv": ("started True", "that context has ended"),
    "spawnve": ("its environment lacks the parent's", "that context has ended"),
    "execlp": ("started True", "that context has ended"),
}


@pytest.mark.long
def test_no_process_gets_real_jax_in_silence(tmp_path):
    (tmp_path / "starter.py").write_text(STARTER)
    _, out, err = run("-c", STARTED, cwd=tmp_path)
    said = dict(part.split("\n", 1) for part in out.split("== ")[1:])
    expected = {
        f"{when} {name}": texts[i] for i, when in enumerate(("within", "after")) for name, texts in EITHER.items()
    }
    assert list(said) == list(expected), err
    # `os.spawnv` says it on the standard error.
    wrong = {
        name: said[name] for name, text in expected.items() if text not in (said[name] or err) or "False" in said[name]
    }
    assert not wrong, err
    assert err.count("would import real JAX") == 3 and "Traceback" not in err


@pytest.mark.long
def test_a_server_of_processes_has_one_library(tmp_path):
    (tmp_path / "starter.py").write_text(STARTER)
    program = """
import multiprocessing, os, sys
sys.path.insert(0, os.getcwd())
import minijax, starter
starter.by_multiprocessing("forkserver")
with minijax.as_jax():
    import starter as on_minijax
    on_minijax.by_multiprocessing("spawn")
    try:
        on_minijax.by_multiprocessing("forkserver")
    except RuntimeError as error:
        print(error)
"""
    _, out, err = run("-c", program, cwd=tmp_path)
    assert out.splitlines()[:2] == ["started False", "started True"], err
    assert (
        "is to import minijax as jax, and the server of multiprocessing's forkserver, which was started before" in out
    )


POOLS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
import minijax

def library(_=0):
    import jax
    return "minijax" in repr(jax)

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    executor = lambda: ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1)
    with minijax.as_jax():
        pass  # From here on it is known who makes a pool.
    outside = executor()
    print([outside.submit(library).result()])
    with minijax.as_jax():
        pool, inside = spawn.Pool(1, maxtasksperchild=1), executor()
        print(pool.map(library, [0]), [inside.submit(library).result()], [outside.submit(library).result()])
    # The worker that waits was started within; the others are not.
    print(*[pool.map(library, [0])[0] for _ in range(3)])
    print(*[inside.submit(library).result() for _ in range(3)])
    print(outside.submit(library).result())
    pool.close()
    inside.shutdown()
    outside.shutdown()
"""


AT_ONCE = """
import multiprocessing, os, threading, time
import minijax
from minijax.alias import children

with minijax.as_jax():
    pass
seen, other = {}, threading.Event()

class Child:
    _target, _args, _start_method = None, (), "spawn"

def starter(wanted, wait):
    def start(child):
        if wait:
            other.wait(0.5)
        else:
            other.set()
        seen[wanted] = bool(os.environ.get(children.CHILD))
    child = Child()
    children._pools[child] = wanted
    return lambda: children._started(start)(child)

with minijax.as_jax():
    threads = [threading.Thread(target=starter(False, True)), threading.Thread(target=starter(True, False))]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
print(seen[False], seen[True])
"""


def test_threads_that_start_processes_at_once(tmp_path):
    """A worker that is to have real JAX starts while another is to have minijax."""
    _, out, err = run("-c", AT_ONCE, cwd=tmp_path)
    assert out.splitlines() == ["False True"], err


@pytest.mark.long
def test_a_pool_keeps_its_library(tmp_path):
    """Workers that a pool starts after the context import what its first ones import; so do those of a pool from outside."""
    (tmp_path / "pools.py").write_text(POOLS)
    _, out, err = run("pools.py", cwd=tmp_path)
    assert out.splitlines() == ["[False]", "[True] [True] [False]", "True True True", "True True True", "False"], err
