"""A copy of the project in which faults are planted, and pytest on it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutate.faults import Fault

# A fault that survived faces every case of so many files of tests. The module's own files come first.
FIRST = 4


class Copy:
    """A copy of the files that git does not ignore. The tests run in it and import from it; the project itself is never touched."""

    def __init__(self, root: Path):
        self.folder = Path(tempfile.mkdtemp(prefix="minijax-mutate-"))
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        for name in listed.stdout.splitlines():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, self.folder / name)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            # What JAX compiles is the same for every fault: it is kept on the disk.
            "JAX_COMPILATION_CACHE_DIR": str(Path(tempfile.gettempdir()) / "minijax-mutate-jax"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES": "none",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def pytest(self, tests: list[str], seconds: float, every_case: bool = False) -> tuple[str, str]:
        """("passed" | "failed" | "no end", the first test that failed). every_case: not only those that the suite tries."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "0",
            "-x",
            "-q",
            "--no-header",
            "--tb=no",
            "-p",
            "no:cacheprovider",
            # Of every case, with few examples of hypothesis.
            *["--hypothesis-profile=ci"] * every_case,
        ]
        environment = {**self.environment, "HYPOTHESIS_PROFILE": "long"} if every_case else self.environment
        run = subprocess.Popen(
            [*command, *tests],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            out, _ = run.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return "no end", ""
        finally:
            if run.poll() is None:
                os.killpg(run.pid, 9)
                run.wait()
        if run.returncode == 0:
            return "passed", ""
        if run.returncode == 5 or "file or directory not found" in out:
            raise RuntimeError(f"There is no test in {' '.join(tests)}:\n{out[-500:]}")
        first = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", out, re.MULTILINE)
        # Without a test's name: with the fault in it the package cannot be imported, or the process died.
        return "failed", first[1] if first else f"status {run.returncode}: {out[-300:]}"

    def test(self, fault: Fault, tests: list[str], seconds: float) -> tuple[str, str]:
        """The same, with a fault in its file. The suite tries a part of many tables, so a fault that survives it faces every case
        of the first tests."""
        path = self.folder / fault.path
        right = path.read_text()
        path.write_text(fault.planted(right))
        try:
            found = self.pytest(tests, seconds)
            every = self.pytest(tests[:FIRST], seconds, every_case=True) if found[0] == "passed" else found
            return found if every[0] == "no end" else every
        finally:
            path.write_text(right)

    def remove(self):
        shutil.rmtree(self.folder)
