"""`python -m kaf`: the same as the console script `kaf`."""

import sys

from kaf.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
