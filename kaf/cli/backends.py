"""Which library computes, where a wrong or missing one is the user's error."""

from kaf.backend import get_backend
from kaf.backend import use_backend as switch
from kaf.cli.errors import CommandError


def choose_backend(name):
    """Switch to the backend called `name`, for None to the environment's or the default one; returns it.

    Raises CommandError for an unknown name (in the environment variable) and where the library is not installed.
    """
    try:
        return get_backend() if name is None else switch(name).backend
    except (ValueError, ImportError) as error:
        raise CommandError(str(error).rstrip(".")) from error
