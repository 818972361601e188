"""Which library computes, where a wrong or missing one is the user's error."""

import contextlib

from kaf.backend import get_backend, use_backend
from kaf.cli.errors import CommandError


@contextlib.contextmanager
def computing_on(name):
    """Switch to the backend called `name`, for None to the environment's or the default one; yields it.

    Raises CommandError for an unknown name (in the environment variable) and where the library is not installed.

    >>> with computing_on("minijax") as backend:
    ...     backend.name
    'minijax'
    """
    try:
        choice = contextlib.nullcontext(get_backend()) if name is None else use_backend(name)
    except (ValueError, ImportError) as error:
        raise CommandError(str(error).rstrip(".")) from error
    with choice as backend:
        yield backend
