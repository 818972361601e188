"""Where equations come from, for libraries that hide their own frames (`jax.extend.source_info_util`)."""

from ..foundation.doors import at_the_door
from ..foundation.source_info import summarize


def register_exclusion(path: str) -> None:
    """JAX hides the frames of such a file in tracebacks. minijax hides its own frames only, so there is nothing to note.

    >>> register_exclusion("library.py")
    """


__all__ = ["register_exclusion", "summarize"]

at_the_door(globals())
