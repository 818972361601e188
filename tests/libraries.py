"""`python -m tests.libraries optax` runs a library's own tests on minijax and on JAX, and counts what passes.

It takes the files `*_test.py` of the installed package, or the files and folders given after the name:
`python -m tests.libraries flax flax-0.12.8/tests/linen`. `--only minijax` leaves JAX out, which compiles for minutes.
It prints the counts, the tests that pass on JAX alone, and how often each error occurs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUN = {
    "minijax": "import sys, minijax; minijax.install_as_jax(); import pytest; sys.exit(pytest.main(sys.argv[1:]))",
    "jax": "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))",
}


def files_of(library: str, given: list[str]) -> list[str]:
    """The test files: of the installed package, or of what is given."""
    if not given:
        spec = find_spec(library)
        if spec is None or not spec.submodule_search_locations:
            sys.exit(f"{library} is not installed, or is no package.")
        given = list(spec.submodule_search_locations)
    found = []
    for path in map(Path, given):
        found += sorted(path.rglob("*_test.py")) if path.is_dir() else [path]
    return [str(path) for path in found]


def outcomes(on: str, files: list[str]) -> dict[str, tuple[str, str]]:
    """{test: (what became of it, the end of its error)}. A file that cannot be imported is one test."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = [
            "-q",
            "--tb=line",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            f"--junitxml={report}",
        ]
        words = [sys.executable, "-W", "ignore", "-c", RUN[on], *options, *files]
        subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        cases = list(ET.parse(report).getroot().iter("testcase"))
    found = {}
    for case in cases:
        what = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        text = "" if what is None else (what.get("message") or "").strip().split("\n")[0]
        found[f"{case.get('classname')}::{case.get('name')}"] = ("passed" if what is None else what.tag, text)
    return found


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.libraries", description=__doc__.partition("\n")[0])
    parser.add_argument("library")
    parser.add_argument("paths", nargs="*", help="test files or folders, if the package has none")
    parser.add_argument("--only", choices=list(RUN), help="run on one of the two")
    arguments = parser.parse_args(words)
    files = files_of(arguments.library, arguments.paths)
    results = {on: outcomes(on, files) for on in RUN if arguments.only in (None, on)}
    for on, found in results.items():
        counts = Counter(what for what, _ in found.values())
        print(f"{on}: " + ", ".join(f"{counts[what]} {what}" for what in ("passed", "failure", "error", "skipped")))
    ours = results.get("minijax", {})
    theirs = results.get("jax", {name: ("passed", "") for name in ours})
    lost = {
        name: text
        for name, (what, text) in ours.items()
        if what in ("failure", "error") and theirs.get(name, ("passed",))[0] == "passed"
    }
    print(f"{len(lost)} tests fail on minijax" + (" alone" if len(results) == 2 else ""))
    for text, count in Counter(lost.values()).most_common():
        print(f"{count:5}  {text[:150]}")
    for name in lost:
        print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
