"""Of a table of slow cases a short run tries a part."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from thinned import LONG, chosen

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(LONG, reason="a long run tries all")
@pytest.mark.parametrize("n", [2, 3, 5])
def test_one_in_n_is_chosen(n):
    part = [case for case in range(3000) if chosen(f"case {case}", n)]
    assert 0.9 * 3000 < n * len(part) < 1.1 * 3000
    # Not every n-th: what stands beside each other in a table is often of one kind.
    assert len({case % n for case in part}) == n


@pytest.mark.long
def test_a_marked_test_runs_one_in_n_of_its_cases(tmp_path):
    test = tmp_path / "test_marked.py"
    test.write_text(
        "import pytest\n@pytest.mark.one_in(2)\n@pytest.mark.parametrize('i', range(40))\ndef test_case(i): pass\n"
        "@pytest.mark.parametrize('i', range(3))\ndef test_other(i): pass\n"
        "@pytest.mark.long\ndef test_slow(): pass\n"
    )

    def collected(profile: str) -> list[str]:
        options = ["--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "tests.conftest"]
        command = [
            sys.executable,
            "-m",
            "pytest",
            *options,
            f"--rootdir={ROOT}",
            "-c",
            str(ROOT / "pyproject.toml"),
            str(test),
        ]
        result = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"HYPOTHESIS_PROFILE": profile}
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return [line for line in result.stdout.splitlines() if "::" in line]

    short, long = collected("ci"), collected("long")
    assert len(long) == 44 and any("test_slow" in line for line in long)
    assert 10 < len(short) < 33
    assert short == [line for line in long if line in short]
    assert not any("test_slow" in line for line in short)
    assert sum("test_other" in line for line in short) == 3
