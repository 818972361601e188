"""`python -m minijax`: what one can ask of the package from a terminal."""

import os
import sys

from .course.command import main as course
from .explain.command import main


def run(words: list[str]) -> int:
    """Run the command; return the exit status."""
    try:
        status = course(words[1:]) if words[:1] == ["course"] else main(words)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # `| head` closed the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
