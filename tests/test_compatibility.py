"""notes/compatibility.md says what the code says, and names that are left out say why."""

from __future__ import annotations

import importlib

import jax
import pytest

from minijax.foundation.left_out import LEFT_OUT
from tests import compatibility


@pytest.mark.skipif(not jax.__version__.startswith("0.10.2"), reason="the page is of the names of JAX 0.10.2")
def test_the_page_is_current():
    assert compatibility.PAGE.read_text() == compatibility.page(), "run python -m tests.compatibility"


def test_names_in_part_are_there():
    for name in compatibility.PARTLY:
        module, _, function = name.rpartition(".")
        assert hasattr(importlib.import_module(f"mini{module}"), function), name


@pytest.mark.parametrize("module", LEFT_OUT)
def test_names_that_are_left_out_say_why(module):
    ours, theirs = importlib.import_module(module), importlib.import_module(module.removeprefix("mini"))
    for name, reason in LEFT_OUT[module].items():
        assert hasattr(theirs, name), f"JAX has no {name} any more"
        with pytest.raises(AttributeError, match="has no") as error:
            getattr(ours, name)
        assert reason in str(error.value)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        ours.nonsense  # noqa: B018
