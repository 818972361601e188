"""minijax with its fast path and without."""

from __future__ import annotations

from contextlib import contextmanager

import minijax


@contextmanager
def mode(fast: bool):
    """Inside, the fast path is on, or off: for the whole process, so that the tests of one worker never run side by side."""
    before = minijax.config.minijax_fast
    minijax.config.update("minijax_fast", fast)
    try:
        yield
    finally:
        minijax.config.update("minijax_fast", before)
