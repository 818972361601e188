"""The command `kaf`: it reads the arguments, runs a command, and prints every error of the user as one line.

The module of a command is imported only when the command runs, so that `kaf --help` and `kaf jaxpr` need only NumPy.
"""

import os
import sys
import warnings

from kaf.cli.arguments import make_parser
from kaf.cli.errors import CommandError
from kaf.cli.optional import load
from kaf.train.checkpoint import CheckpointWarning

MODULES = {
    "train": "kaf.cli.train",
    "predict": "kaf.cli.predict",
    "export": "kaf.cli.export",
    "experiment": "kaf.cli.experiment",
    "fit": "kaf.cli.fit",
    "jaxpr": "kaf.cli.jaxpr",
    "check": "kaf.cli.check",
}


def main(argv=None):
    """Run the command line `argv` (default: sys.argv[1:]) and return the exit status.

    0 is success, 1 a failed `kaf check`, 2 an error of the user (one line on stderr), and 130 Ctrl-C.
    """
    try:
        argv = sys.argv[1:] if argv is None else argv
        arguments = make_parser().parse_args(argv)
        arguments.argv = argv
        command = load(MODULES[arguments.command], f"kaf {arguments.command}")
        with warnings.catch_warnings():
            warnings.simplefilter("always", CheckpointWarning)
            warnings.showwarning = lambda message, *_: print(f"kaf: warning: {message}", file=sys.stderr)
            status = command.run(arguments)
        sys.stdout.flush()
        return status
    except CommandError as error:
        print(f"kaf: error: {error}" if error.status == 2 else f"kaf: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("kaf: interrupted; no file was left half-written", file=sys.stderr)
        return 130
    except MemoryError:
        print("kaf: error: not enough memory; choose fewer units, fewer centres or smaller batches", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of the pipe, for example `| head`, has closed it. Python flushes stdout once more at exit, which would fail
        # again, so stdout now goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
