"""Loading the modules which need more than NumPy, with one clear line where such a package is missing."""

import importlib

from kaf.cli.errors import CommandError

PACKAGES = ("rich", "matplotlib", "sklearn", "threadpoolctl")


def load(module, needed_by):
    """Import `module`; a missing optional package raises CommandError naming the package, who asked and the remedy.

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
