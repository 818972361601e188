"""What a short run of the suite tries of a long table: a part that looks drawn by chance, and is the same in each run. All of it is
tried with HYPOTHESIS_PROFILE=long."""

from __future__ import annotations

import os
from zlib import crc32

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def chosen(case: str, n: int) -> bool:
    """Whether a run tries this case, one in n of its table."""
    return LONG or crc32(case.encode()) % n == 0
