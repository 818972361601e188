"""The fixture `both`: a user's tests run once with each library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import minijax

TESTS = """
def test_gradient(both):
    jnp = both.numpy
    assert both.grad(jnp.logaddexp)(0.0, 0.0) == 0.5

def test_of_one_library(both):
    assert both.__name__ == "minijax"
"""


def test_a_users_tests_run_with_each_library(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["minijax.explain.both"]\n')
    (tmp_path / "test_mine.py").write_text(TESTS)
    env = {**os.environ, "PYTHONPATH": str(Path(minijax.__file__).parent.parent)}
    words = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)]
    result = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=env)
    said = [
        line.split("::")[1].split("]")[0] + "] " + line.split()[1]
        for line in result.stdout.splitlines()
        if "%]" in line
    ]
    assert said == [
        "test_gradient[minijax] PASSED",
        "test_gradient[jax] PASSED",
        "test_of_one_library[minijax] PASSED",
        "test_of_one_library[jax] FAILED",
    ], result.stdout + result.stderr
