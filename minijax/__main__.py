"""`python -m minijax`: what one can ask of the package from a terminal."""

import sys

from .explain.command import main

if __name__ == "__main__":
    sys.exit(main())
