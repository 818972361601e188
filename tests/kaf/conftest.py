"""`backend` runs a test on both libraries; and a test that leaves a backend chosen has failed."""

import pytest

from kaf import backend as kaf_backend
from kaf import use_backend
from kaf.functional import activation


@pytest.fixture(params=kaf_backend.CHOICES)
def backend(request):
    with use_backend(request.param) as backend:
        yield backend


@pytest.fixture(autouse=True)
def warned_already(monkeypatch):
    """The warning that the fast path is lost is given once in a program; the test of it asks for it again."""
    monkeypatch.setattr(activation, "_warned", [""])


@pytest.fixture(autouse=True)
def no_choice_is_left(monkeypatch):
    monkeypatch.delenv(kaf_backend.ENVIRONMENT_VARIABLE, raising=False)
    assert kaf_backend._chosen.get() is None
    yield
    assert kaf_backend._chosen.get() is None, "the test left a backend chosen: use `with use_backend(...)`"
