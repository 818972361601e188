"""Output files. If the system refuses to write one, the user gets one line."""

import contextlib
import tempfile
from pathlib import Path

from kaf.cli.errors import CommandError
from kaf.train import files


@contextlib.contextmanager
def replacing(path):
    """Yield a binary handle; its content replaces the file `path` only if the block ends without an exception.

    As `kaf.train.files.replacing`, but raises CommandError if the system refuses.
    """
    try:
        with files.replacing(path) as handle:
            yield handle
    except OSError as error:
        raise CommandError(f"cannot write {path}: {reason(error)}; nothing was changed") from error


def require_writable(directory, names):
    """Raise CommandError unless each of `names` can be written in `directory`. Leaves nothing behind.

    To be called before hours of training, not after. If the directory does not exist yet, its nearest existing ancestor is
    tried. A real file is written there, because permission bits say nothing about read-only file systems.
    """
    directory = Path(directory)
    ancestor = next(parent for parent in (directory.absolute(), *directory.absolute().parents) if parent.exists())
    if not ancestor.is_dir():
        raise CommandError(f"--out {directory}: {ancestor} is a file, not a directory; give another directory")
    try:
        tempfile.TemporaryFile(dir=ancestor).close()
    except OSError as error:
        raise CommandError(f"--out {directory}: cannot write there: {reason(error)}; give another directory") from error
    for name in names:
        if (directory / name).is_dir():
            raise CommandError(f"--out {directory}: {directory / name} is a directory; move it or give another --out")


def reason(error):
    """The message of an OSError, without its number and path.

    >>> reason(PermissionError(13, "Permission denied", "x"))
    'permission denied'
    """
    return (error.strerror or str(error) or type(error).__name__).lower()
