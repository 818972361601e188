"""`python -m minijax`: what one can ask of the package from a terminal."""

import sys

from .course.command import main as course
from .explain.command import main

if __name__ == "__main__":
    sys.exit(course(sys.argv[2:]) if sys.argv[1:2] == ["course"] else main())
