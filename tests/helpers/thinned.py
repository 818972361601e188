"""A short run of the suite tries a part of each long table: a hash of the case's name decides, so it is the same part in each run.
With HYPOTHESIS_PROFILE=long a run tries every case."""

from __future__ import annotations

import os
from collections.abc import Iterable
from zlib import crc32

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def chosen(case: str, n: int) -> bool:
    """Whether a run tries this case, one in n of its table."""
    return LONG or crc32(case.encode()) % n == 0


def part(cases: Iterable, n: int) -> list:
    """One in n of the rows of a table, for a test that goes through the table itself."""
    return [case for case in cases if chosen(str(case), n)]
