"""Examines a reader's file: `python -m minijax.course.examine PAGE FILE SEED`, which `course check` starts as a process."""

from __future__ import annotations

import linecache
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .checking import Work, Wrong, exercises
from .pages import PAGES, Page


class Finding(NamedTuple):
    """What was found of one exercise. text: "" if it is right."""

    title: str
    text: str


def _place(error: BaseException, file: str) -> str:
    """The line of the reader's file where an error arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if not lines or lines[-1] is None:
        return ""
    return f" at line {lines[-1]}, `{linecache.getline(file, lines[-1]).partition('  #')[0].strip()}`"


def _words(error: BaseException, file: str) -> str:
    if isinstance(error, SyntaxError):
        return f"Python cannot read the file: {error.msg}, at line {error.lineno}."
    first, place = str(error).split("\n")[0], _place(error, file)
    text = f"{type(error).__name__}{f': {first}' if first else ''}"
    if not place:
        return f"What your code returned is not of the form that the exercise asks for ({text})."
    return f"Your code raised {text}{place}."


def examine(page: Page, source: str, file: str, seed: int, only: int | None = None) -> list[Finding]:
    """The findings of a page's exercises (of one, by its position) in a file of that text. The seed gives the random inputs."""
    checkers = exercises(import_module(page.checks))
    names: dict = {"__name__": "reader", "__file__": file}
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    try:
        exec(compile(source, file, "exec"), names)
    except Exception as error:
        return [Finding("the file", _words(error, file))]
    found = []
    for checker in checkers if only is None else [checkers[only]]:
        try:
            checker(Work(names), np.random.default_rng(seed))
            text = ""
        except Wrong as error:
            text = str(error)
        except NotImplementedError as error:
            text = _words(error, file) if str(error) else f"Not written yet{_place(error, file)}."
        except Exception as error:
            text = _words(error, file)
        found.append(Finding(checker.exercise, text))
    return found


def main(words: list[str]) -> int:
    page, path, seed = PAGES[int(words[0])], Path(words[1]), int(words[2])
    found = examine(page, path.read_text(), str(path), seed)
    for i, finding in enumerate(found, 1):
        print(f"\n{i}. {finding.title}  --  {'not yet' if finding.text else 'right'}")
        if finding.text:
            print(wrapped(finding.text))
    return int(any(finding.text for finding in found))


def wrapped(text: str, width: int = 76) -> str:
    """The text in lines for a terminal, indented."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width - 3:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join(f"   {line}" for line in [*lines, line])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
