"""Under the version of JAX that minijax follows, no test is expected to fail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jax_changes import BEFORE, SINCE, changes

FILES = {path.name: path.read_text() for path in Path(__file__).parent.rglob("test_*.py")}


def test_nothing_is_excused_under_the_version_that_minijax_follows():
    assert changes("0.10.2") == []
    assert len(changes("0.10.1")) == 1
    assert len(changes("0.10.0")) == len(BEFORE)
    assert len(changes("0.12.0.1")) == len(SINCE) > len(changes("0.11.2")) > 0


@pytest.mark.parametrize("row", SINCE + BEFORE, ids=range(len(SINCE + BEFORE)))
@pytest.mark.one_in(2)
def test_every_row_names_tests_that_exist(row):
    _, pattern, reason = row
    words = re.findall(r"[a-z_]{8,}", pattern)
    assert words and any(words[0] in text for text in [*FILES, *FILES.values()])
    assert reason
