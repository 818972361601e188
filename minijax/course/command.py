"""The command `python -m minijax course`: list, start, check, solution."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from pathlib import Path

from .pages import PAGES

# A check is stopped after as many seconds: an exercise is done in less than one.
SECONDS = 60
FOLDER = "minijax-course"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m minijax course",
        description="The exercises of the course. Its pages are notes/01-value-and-tracer.md and the following. Without a command,"
        " list the pages.",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in (
        ("start", "write the exercises of a page as a file for your work"),
        ("check", "check your work, on fresh random inputs"),
        ("solution", "print the exercises, solved"),
    ):
        one = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        one.add_argument("page", type=int, choices=PAGES, metavar="PAGE", help="the number of the page, 1 to 15")
        if name != "solution":
            one.add_argument("--dir", default=FOLDER, metavar="FOLDER", help=f"the folder of your work ({FOLDER})")
        if name == "check":
            one.add_argument("--seed", type=int, help="repeat a check with the inputs that it had")
            one.add_argument("--seconds", type=float, default=SECONDS, help=f"stop after as many ({SECONDS})")
    return top


def _list() -> int:
    print("The course: a question on each page, in notes/.\n")
    for page in PAGES.values():
        begun = "begun" if (Path(FOLDER) / page.file).exists() else ""
        print(f"{page.number:3}  {page.name.replace('_', ' '):26}{page.question:32}{begun}".rstrip())
    print("\npython -m minijax course start 1 writes the exercises of page 1 as a file.")
    return 0


def _start(number: int, folder: str) -> int:
    page, path = PAGES[number], Path(folder) / PAGES[number].file
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Mode x refuses a file that is there: nobody's work is written over.
        with path.open("x") as file:
            file.write(page.template())
    except FileExistsError:
        print(f"{path} is there already, and stays as it is.", file=sys.stderr)
        return 2
    print(f"wrote {path}\nWork on it, then: python -m minijax course check {number}")
    return 0


def _check(number: int, folder: str, seed: int | None, seconds: float) -> int:
    path = Path(folder) / PAGES[number].file
    if not path.is_file():
        print(f"There is no {path}: python -m minijax course start {number} writes it.", file=sys.stderr)
        return 2
    seed = random.randrange(10**6) if seed is None else seed
    print(f"{path}, with the inputs of --seed {seed}", flush=True)
    command = [sys.executable, "-m", f"{__package__}.examine", str(number), str(path), str(seed)]
    # The process finds the package that runs now, wherever the reader stands.
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        status = subprocess.run(command, timeout=seconds, env={**os.environ, "PYTHONPATH": paths}).returncode
    except subprocess.TimeoutExpired:
        print(f"\nYour code did not end within {seconds:g} seconds: is there a loop that never stops?")
        return 1
    if status == 0 and number + 1 in PAGES:
        after = PAGES[number + 1]
        print(f"\nThe next page: {number + 1}. {after.question} {after.notes}")
    return status


def main(words: list[str]) -> int:
    """Run the command; return the exit status."""
    options = parser().parse_args(words)
    if options.command == "start":
        return _start(options.page, options.dir)
    if options.command == "check":
        return _check(options.page, options.dir, options.seed, options.seconds)
    if options.command == "solution":
        print(PAGES[options.page].solution(), end="")
        return 0
    return _list()
