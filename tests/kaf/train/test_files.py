"""Texts from files, as error messages quote them."""

from __future__ import annotations

import pytest

from kaf.train.files import quoted, shown


@pytest.mark.parametrize("show", [quoted, shown])
def test_a_long_text_is_shortened(show):
    whole, shortened = show("7" * 60), show("7" * 61)
    assert whole.strip("'") == "7" * 60
    assert shortened.endswith("(61 characters)") and shortened.count("7") == 40
