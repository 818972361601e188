"""Errors show the user's program: a transformation that an error leaves takes this package's frames out of its traceback.

`config.update("jax_traceback_filtering", "off")`, or JAX_TRACEBACK_FILTERING=off in the environment, shows the whole traceback.
"""

from __future__ import annotations

from types import TracebackType

from .config import config
from .source_info import PACKAGE_DIRECTORY


def hide_our_frames(error: BaseException | None):
    """Remove the frames of this package from the traceback of an error, and from those of the errors that it came from.

    Called where an error leaves a `with` block, so it costs nothing if there is none. Functions that the error passes on its way
    to the user still add their frames: at most four.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen and config.jax_traceback_filtering != "off":
        seen.add(id(error))
        error.__traceback__ = _of_others(error.__traceback__)
        error = error.__cause__ or error.__context__


def _of_others(traceback: TracebackType | None) -> TracebackType | None:
    entries = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(PACKAGE_DIRECTORY):
            entries.append(traceback)
        traceback = traceback.tb_next
    found = None
    for entry in reversed(entries):
        found = TracebackType(found, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return found
