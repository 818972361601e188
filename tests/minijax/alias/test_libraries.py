"""Libraries of JAX's users compute under the alias what they compute on JAX: optax, Flax (linen and nnx), Equinox, diffrax, lineax,
optimistix, blackjax and numpyro.

`python -m tests.libraries` runs the tests of the libraries themselves.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("library_programs.py")
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def answers():
    """For each library of the two, {name: (numbers, types)}. XLA takes a second to compile a training."""
    found = []
    for words in ([], ["-m", "minijax", "run"]):
        words = [sys.executable, "-W", "ignore", *words, str(PROGRAM)]
        found.append(json.loads(subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout))
    return found


@pytest.mark.long
def test_trainings_and_functions_are_jaxs(answers):
    theirs, ours = answers
    assert list(theirs) == list(ours) and len(ours) >= 10
    for name, (numbers, types) in theirs.items():
        np.testing.assert_allclose(ours[name][0], numbers, rtol=1e-4, atol=1e-5, err_msg=name)
        assert ours[name][1] == types, name
