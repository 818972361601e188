"""Processes that a program starts under the alias import minijax as jax, too; where that cannot be, starting one is an error.

A variable of the environment and `child/sitecustomize.py`, which each Python runs at its start, reach all that inherit the
environment: `multiprocessing`, joblib, `subprocess`. A Python that `subprocess` starts with `-I`, `-E` or `-S`, or with an
environment of its own, would compute with real JAX, and nobody would know: `Popen` refuses it.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

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
    start = subprocess.Popen.__init__
    signature = inspect.signature(start)

    @wraps(start)
    def checked(*args: Any, **kwargs: Any) -> None:
        try:
            arguments = signature.bind(*args, **kwargs).arguments
        except TypeError:
            pass  # Popen has the better error.
        else:
            _check(arguments)
        start(*args, **kwargs)

    subprocess.Popen.__init__ = checked

    def end() -> None:
        subprocess.Popen.__init__ = start
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    return end


def _check(arguments: dict[str, Any]) -> None:
    """Raise RuntimeError for a Python that would not run `child/sitecustomize.py`."""
    words = arguments["args"]
    words = [words] if isinstance(words, (str, bytes, os.PathLike)) else list(words)
    if not words or arguments.get("shell"):
        return
    words = [os.fsdecode(word) for word in words]
    program = os.fsdecode(arguments.get("executable") or words[0])
    if program != sys.executable and not os.path.basename(program).startswith("python"):
        return
    given = arguments.get("env")
    environment = {os.fsdecode(k): os.fsdecode(v) for k, v in (os.environ if given is None else given).items()}
    if environment.get(CHILD) == "":
        return
    flags = _flags(words[1:]).intersection("IES")
    if flags:
        why = f"its option -{min(flags)} keeps it from reading the environment"
    elif CHILD not in environment or _FOLDER not in environment.get("PYTHONPATH", "").split(os.pathsep):
        why = f"its environment lacks the parent's {CHILD}, or the parent's folders in PYTHONPATH"
    else:
        return
    raise RuntimeError(
        f"Under minijax.as_jax() a process that is started imports minijax as jax, and {program} would import real JAX: {why}."
        f' Start it without that, or, if real JAX is meant, with {CHILD}="" in its environment.'
    )


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
