"""A short run of the suite tries a part of each long table: a hash of the case's name decides, so it is the same part in each run.
With HYPOTHESIS_PROFILE=long a run tries every case."""

from __future__ import annotations

import os
from zlib import crc32

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def chosen(case: str, n: int) -> bool:
    """Whether a run tries this case, one in n of its table."""
    return LONG or crc32(case.encode()) % n == 0
