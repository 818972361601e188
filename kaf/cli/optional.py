"""Import modules that need more than NumPy. If a package is missing, the user gets one line."""

import importlib

from kaf.cli.errors import CommandError

PACKAGES = ("rich", "matplotlib", "sklearn", "threadpoolctl")


def load(module, needed_by):
    """Import and return `module`. If it needs a package that is not installed, raise CommandError.

    The message names the package, the command that needs it (`needed_by`), and how to install it.

    >>> load("json", "kaf train").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in PACKAGES:
            raise
        raise CommandError(
            f"{needed_by} needs the package {package}, which is not installed: pip install 'minijax[kaf]'"
        ) from error
