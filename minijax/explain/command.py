"""The commands: `python -m minijax explain FILE.py:function`, `run SCRIPT.py`, `debug SCRIPT.py` and `rules`."""

from __future__ import annotations

import argparse
import ast
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..alias import as_jax, install_as_jax
from . import rules
from .capture import (
    BadInput,
    arguments,
    check_is_file,
    defined_in,
    functions_in,
    loaded,
    run_to_call,
    split_target,
    with_types,
)
from .compare import jax_badges
from .debugger import Left
from .debugging import TESTS, watched
from .stages import explainer
from .watching import run_file


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m minijax", description="Look into programs of minijax.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser(
        "explain",
        help="show a function at every stage",
        description="Show a function at every stage, from its source to what runs. The script runs up to the first call of the"
        " function, whose arguments are taken; or --args gives them. What stands after -- are arguments of the script's own.",
        usage="python -m minijax explain FILE.py:FUNCTION [OPTIONS] [-- ARGUMENTS OF THE SCRIPT]",
    )
    one.add_argument("target", metavar="FILE.py:FUNCTION", help="for a method, FILE.py:Class.method")
    one.add_argument("--grad", action="store_true", help="the last program is that of value and gradient")
    one.add_argument("--vmap", metavar="AXES", help="the last program is mapped: in_axes, such as 0 or '(None, 0)'")
    one.add_argument("--jit", action="store_true", help="explain the jitted function")
    one.add_argument("--argnums", metavar="N", help="the arguments to differentiate; by default the first that is real")
    one.add_argument("--args", metavar="ARGS", help="expressions, or types filled with random numbers: 'f32[8,3], 2.0'")
    one.add_argument("--call", type=int, default=1, metavar="N", help="take the arguments of the N-th call")
    one.add_argument("--out", metavar="PAGE.html", help="write a page instead of printing")
    one.add_argument("--no-jax", action="store_true", help="do not compare with the installed JAX, which takes seconds")
    one.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours in the terminal")
    script = commands.add_parser(
        "run",
        help="run a script; its `import jax` imports minijax",
        description="Run a script of JAX's on minijax: its `import jax` imports minijax, as do the modules that it imports, and the"
        " processes that it starts.",
        usage="python -m minijax run SCRIPT.py [ARGUMENTS OF THE SCRIPT]",
    )
    script.add_argument("script", metavar="SCRIPT.py")
    debug = commands.add_parser(
        "debug",
        help="stop in pdb where the first NaN or infinity arises",
        description="Run a script once, with jit disabled, and stop in pdb at its line where the first NaN or infinity arises, or"
        " a result for which --when holds: in the frame that runs there, or, on the way back, in one whose locals are the"
        " operands. What stands after -- are arguments of the script's own.",
        usage="python -m minijax debug FILE.py [OPTIONS] [-- ARGUMENTS OF THE SCRIPT]",
    )
    debug.add_argument("script", metavar="FILE.py")
    debug.add_argument("--nan", action="append_const", dest="kinds", const="NaN", help="stop for NaNs")
    debug.add_argument("--inf", action="append_const", dest="kinds", const="infinity", help="stop for infinities")
    debug.add_argument(
        "--when", metavar="EXPR", help="stop for a result x with EXPR, such as 'abs(x) > 100'; np is NumPy"
    )
    rows = commands.add_parser("rules", help="print the rules of primitives, with their source")
    rows.add_argument("kind", nargs="?", metavar="|".join(rules.KINDS))
    rows.add_argument("primitive", nargs="?", metavar="PRIMITIVE")
    # `__main__.py` answers it: the course stands on the whole package.
    commands.add_parser("course", help="the exercises of the course in notes/")
    return top


def _literal(text: str | None, what: str) -> Any:
    if text is None:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise BadInput(f"{what}: {text!r} is no number, None or tuple of these") from None


def _explain(options: argparse.Namespace, words: Sequence[str]) -> int:
    vmap, argnums = _literal(options.vmap, "--vmap"), _literal(options.argnums, "--argnums")
    file, name = split_target(options.target)
    if options.args is None:
        function, args, kwargs = run_to_call(file, name, options.call, options.script_args)
    else:
        function, scope = loaded(file, name, options.script_args)
        args, kwargs = arguments(options.args, scope), {}
    command = shlex.join(["python", "-m", "minijax", *words])
    job = {"file": file, "name": name, "argv": options.script_args}
    if options.args is None:
        job |= {"call": options.call, "defined_in": defined_in(file, name)}
    else:
        source, types = with_types(options.args, scope)
        job["written"] = source, [(x.shape, x.dtype.name) for x in types]
    try:
        made = explainer(
            function,
            argnums=argnums,
            grad=True if options.grad else None,
            vmap=vmap,
            jit=options.jit,
            command=command,
            compare=None if options.no_jax else partial(jax_badges, job=job),
        )(*args, **kwargs)
    except Exception as error:
        text = str(error).split("\n\n")[0].replace("\n", " ")
        raise BadInput(f"{name} cannot be explained: {type(error).__name__}: {text}") from error
    if options.out is None:
        color = sys.stdout.isatty() if options.color == "auto" else options.color == "always"
        print(made.text(color=color))
    else:
        made.save(options.out)
        print(f"wrote {options.out} ({os.path.getsize(options.out) / 1000:.0f} kB): open it in a browser")
    return 0


def _run(script: str, arguments: Sequence[str]) -> int:
    check_is_file(script)
    try:
        install_as_jax()
    except RuntimeError as error:
        raise BadInput(str(error)) from error
    try:
        run_file(script, arguments)
    except Exception as error:
        # The user's traceback begins in the script.
        frames = error.__traceback__
        while frames is not None and os.path.abspath(frames.tb_frame.f_code.co_filename) != os.path.abspath(script):
            frames = frames.tb_next
        traceback.print_exception(error.with_traceback(frames or error.__traceback__))
        return 1
    return 0


def _debug(script: str, kinds: Sequence[str] | None, when: str | None, arguments: Sequence[str]) -> int:
    check_is_file(script)
    functions_in(script)  # Raises BadInput for a file that is no Python.
    # The default is both, or the condition alone.
    kinds = kinds if kinds is not None else () if when is not None else tuple(TESTS)
    with watched(kinds, when) as watch:
        try:
            status = _run(script, arguments)
        except Left as left:
            # An error of --when is its argument.
            if left.args:
                raise left.args[0] from None
            return 0
        except SystemExit:
            watch.report(script)
            raise
        watch.report(script)
        return status


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    words = sys.argv[1:] if words is None else list(words)
    if words[:1] == ["run"]:
        own = 2
    else:
        own = words.index("--") if "--" in words else len(words)
    options = parser().parse_args(words[:own])
    options.script_args = words[own + 1 :]
    try:
        if options.command == "run":
            return _run(options.script, words[own:])
        if options.command == "debug":
            return _debug(options.script, options.kinds, options.when, options.script_args)
        if options.command == "rules":
            print(rules.text(options.kind, options.primitive))
            return 0
        # A script that says `import jax` is explained as it is.
        with as_jax():
            return _explain(options, words)
    except (BadInput, rules.Unknown) as error:
        print(f"minijax {options.command}: {error.args[0]}", file=sys.stderr)
        return 2
