"""Processes that a program starts under the alias import minijax as jax, too; where that cannot be, starting one is an error.

A variable of the environment and `child/sitecustomize.py`, which each Python runs at its start, reach all that inherit the
environment: `multiprocessing`, joblib, `subprocess`, `os.posix_spawn`. What was imported under the alias keeps minijax when the
context has ended, and may start processes then. For `multiprocessing` the variable is set while such a process starts. A Python
that would compute with real JAX, and nobody would know, is refused: one with `-I`, `-E` or `-S`, or with an environment of its
own.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from multiprocessing import forkserver, process, queues
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

# Set to the folder that has minijax; or to "" by those who want real JAX in a process that they start.
CHILD = "MINIJAX_AS_JAX"
_FOLDER = str(Path(__file__).with_name("child"))


def child_environment() -> dict[str, str]:
    """What the environment of a process must have."""
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != _FOLDER]
    return {CHILD: str(Path(__file__).parent.parent.parent), "PYTHONPATH": os.pathsep.join([_FOLDER, *others])}


def put_into_environment() -> Callable[[], None]:
    """From now on processes inherit the alias. Returns the function that ends this."""
    added = child_environment()
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)

    def end() -> None:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    return end


# ---------------------------------------------------------------------------------------------------------------------
# Who starts a process


def watch(alias_is_wanted: Callable[[], bool]) -> None:
    """From now on the start of a process asks whether what starts it gets minijax. Python has no way to end that."""
    if _asked:
        return
    _asked.append(alias_is_wanted)
    sys.addaudithook(_audit)
    process.BaseProcess.start = _started(process.BaseProcess.start)
    for kind in (queues.Queue, queues.SimpleQueue):
        kind.__init__ = _made(kind.__init__)  # type: ignore[method-assign]


# The function given to `watch`.
_asked: list[Callable[[], bool]] = []


# {event of Python's: where its arguments have the program, the words of the command and the environment}
_STARTS = {"subprocess.Popen": (0, 1, 3), "os.exec": (0, 1, 2), "os.posix_spawn": (0, 1, 2)}


def _audit(event: str, args: tuple) -> None:
    # Python calls this for everything from `open` to `import`.
    if event not in _STARTS:
        return
    program, words, environment = (args[i] for i in _STARTS[event])
    words = [os.fsdecode(word) for word in ([words] if isinstance(words, (str, bytes, os.PathLike)) else words)]
    why = _why_not(os.fsdecode(program), words, os.environ if environment is None else environment)
    if why is not None and _asked[0]():
        text = (
            f"Under minijax.as_jax() a process that is started imports minijax as jax, and {os.fsdecode(program)} would import"
            f' real JAX: {why}. Start it without that, or, if real JAX is meant, with {CHILD}="" in its environment.'
        )
        if sys._getframe(1).f_code.co_name == "_spawnvef":
            # `os.spawnv` calls this in a process of its own, which ends without a word.
            print(text, file=sys.stderr, flush=True)
        raise RuntimeError(text)


def _why_not(program: str, words: Sequence[str], given: Mapping) -> str | None:
    """Why a Python would not run `child/sitecustomize.py`; None if it would, and for other programs."""
    if program != sys.executable and not os.path.basename(program).startswith("python"):
        return None
    environment = {os.fsdecode(k): os.fsdecode(v) for k, v in given.items()}
    if environment.get(CHILD) == "":
        return None
    flags = _flags(list(words[1:])).intersection("IES")
    if flags:
        return f"its option -{min(flags)} keeps it from reading the environment"
    if CHILD not in environment or _FOLDER not in environment.get("PYTHONPATH", "").split(os.pathsep):
        if CHILD not in os.environ:
            return "what starts it was imported under minijax.as_jax(), and that context has ended"
        return f"its environment lacks the parent's {CHILD}, or the parent's folders in PYTHONPATH"
    return None


def _flags(words: list[str]) -> set[str]:
    """The letters of the options of Python itself, which stand before the script, -c or -m."""
    letters: set[str] = set()
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word[:2] in ("-", "--", "-c", "-m"):
            break
        if word in ("-W", "-X"):
            next(rest, None)
        elif word[:2] not in ("-W", "-X"):
            letters.update(word[1:])
    return letters


# ---------------------------------------------------------------------------------------------------------------------
# multiprocessing

# {id of a process that forks others on demand: whether it imports minijax as jax}
_servers: dict[int, bool] = {}
# {a queue: whether it was made by what gets minijax}. The workers of a pool have its queue of tasks, and get what its maker got:
# `Pool(1, maxtasksperchild=1)` starts one after each task, from a thread of its own, also when the context has ended.
_pools: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
_starting = threading.RLock()
_LIBRARIES_WITH_POOLS = ("multiprocessing", "concurrent", "loky", "joblib")


def _made(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def made(queue: Any, *args: Any, **kwargs: Any) -> None:
        init(queue, *args, **kwargs)
        _pools[queue] = _asked[0]()

    return made


def _of_a_pool(child: Any) -> Any:
    """The queue that the workers of a pool have in common; another object for another process."""
    library = str(getattr(child._target, "__module__", None)).partition(".")[0]
    found = child._args[0] if library in _LIBRARIES_WITH_POOLS and child._args else None
    return found if isinstance(found, (queues.Queue, queues.SimpleQueue)) else child


def _started(start: Callable[[Any], None]) -> Callable[[Any], None]:
    @wraps(start)
    def started(child: Any) -> None:
        wanted, queue = _asked[0](), _of_a_pool(child)
        # A queue from before the first context is not known.
        wanted = _pools.get(queue, wanted)
        server = forkserver._forkserver
        forked = (child._start_method or multiprocessing.get_start_method()) == "forkserver"
        before = server._forkserver_pid
        if forked and before is not None and _servers.get(before, False) != wanted:
            library, other = ("minijax", "real JAX") if wanted else ("real JAX", "minijax")
            raise RuntimeError(
                f"This process is to import {library} as jax, and the server of multiprocessing's forkserver, which was started"
                f' before, imports {other}. Use the start method "spawn".'
            )
        # One at a time: the environment is the whole process's, and pools start workers from threads of their own.
        with _starting, _in_environment(wanted):
            start(child)
        if forked and server._forkserver_pid != before:
            _servers[server._forkserver_pid] = wanted

    return started


@contextmanager
def _in_environment(wanted: bool):
    """The alias in the environment, for what was imported under it and starts a process later; and for what is to have real JAX
    and starts a process within the context, none."""
    before = os.environ.get(CHILD)
    end = put_into_environment() if wanted and before is None else None
    if before and not wanted:
        os.environ[CHILD] = ""
    try:
        yield
    finally:
        if end is not None:
            end()
        elif before and not wanted:
            os.environ[CHILD] = before
