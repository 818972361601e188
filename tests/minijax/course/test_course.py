"""The exercises: no template is right, each solution is, and typical wrong answers get messages of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from minijax.course import command
from minijax.course.checking import exercises
from minijax.course.examine import examine
from minijax.course.pages import PAGES
from tests.minijax.course.wrong_answers import WRONG

ROOT = str(Path(command.__file__).parents[2])
EXERCISES = [(number, i) for number, page in PAGES.items() for i in range(len(exercises(import_module(page.checks))))]


def text(number: int, i: int, source: str, seed: int = 7) -> str:
    """What is said of an exercise's answer."""
    (found,) = examine(PAGES[number], source, f"{number}.py", seed, i)
    return found.text


def test_every_page_has_exercises_and_wrong_answers():
    assert {number for number, _ in EXERCISES} == PAGES.keys()
    assert {number: len(answers) for number, answers in WRONG.items()} == {
        number: len([1 for n, _ in EXERCISES if n == number]) for number in PAGES
    }


@pytest.mark.parametrize("number", PAGES)
def test_a_template_is_not_begun(number):
    """It is refused, and not by a message about its code."""
    found = examine(PAGES[number], PAGES[number].template(), "template.py", 1)
    assert found and all(finding.text for finding in found)
    assert not [finding for finding in found if "raised" in finding.text]
    text = PAGES[number].template() + PAGES[number].solution()
    assert "#:" not in text and max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("number", PAGES)
@pytest.mark.one_in(2)
def test_a_solution_is_right(number):
    for seed in range(3):
        assert {finding.text for finding in examine(PAGES[number], PAGES[number].solution(), "s.py", seed)} == {""}


@pytest.mark.parametrize("number", PAGES)
def test_answers_of_another_form_are_refused(number):
    """Nothing, a number, two numbers, a list: each exercise says something, and no checker fails."""
    for answer in ("return None", "return 0.0", "return 1.0, 2.0", "return [1.0]"):
        source = PAGES[number].template().replace("raise NotImplementedError  # Your work.", answer)
        assert all(finding.text for finding in examine(PAGES[number], source, "work.py", 1))


@pytest.mark.parametrize("number, i", EXERCISES)
@pytest.mark.one_in(3)
def test_wrong_answers_get_messages_of_their_own(number, i):
    solution, messages = PAGES[number].solution(), []
    for right, answer, words in WRONG[number][i]:
        assert solution.count(right) == 1, right
        said = text(number, i, solution.replace(right, answer))
        assert words in said, said
        messages.append(words)
    assert len(set(messages)) == 3


def test_the_command_in_a_folder_of_the_readers(tmp_path, monkeypatch, capfd):
    """list, start, check, a second start, work that never ends, work that is done."""
    monkeypatch.chdir(tmp_path)

    def course(*words: str) -> tuple[int, str]:
        code, (out, error) = command.main(list(words)), capfd.readouterr()
        assert max(map(len, out.splitlines()), default=0) <= 80
        return code, out + error

    assert "Who calls my function?" in course()[1]
    assert course("check", "1")[0] == 2
    assert course("start", "1")[0] == 0
    path = tmp_path / "minijax-course" / "01_value_and_tracer.py"
    assert path.read_text() == PAGES[1].template()
    code, said = course("check", "1")
    assert code == 1 and said.count("Not written yet") == 2
    path.write_text("import time\ntime.sleep(60)\n")
    code, said = course("check", "1", "--seconds", "1")
    assert code == 1 and "a loop that never stops" in said
    code, said = course("start", "1")
    assert code == 2 and "stays as it is" in said and "time.sleep" in path.read_text()
    path.write_text(course("solution", "1")[1])
    code, said = course("check", "1")
    assert code == 0 and said.count("--  right") == 2 and PAGES[2].notes in said
    course("start", "2", "--dir", "elsewhere")
    assert (tmp_path / "elsewhere" / PAGES[2].file).read_text() == PAGES[2].template()


def process(folder: Path, *words: str) -> str:
    """What a process prints that runs in that folder."""
    environment = {**os.environ, "PYTHONPATH": ROOT}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, check=True, capture_output=True, text=True, env=environment
    ).stdout


def test_python_m_minijax_course(tmp_path):
    """From any folder."""
    process(tmp_path, "-m", "minijax", "course", "start", "1")
    assert (tmp_path / "minijax-course" / "01_value_and_tracer.py").exists()


@pytest.mark.parametrize("words", ["course", "course solution 14", "rules"])
@pytest.mark.one_in(3)
def test_head_may_close_the_pipe(words):
    command = f"{sys.executable} -m minijax {words} | head -n 1"
    found = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "") and found.stdout.count("\n") == 1


def test_a_check_does_not_import_the_solution(tmp_path):
    program = """
import sys
from minijax.course.examine import examine
from minijax.course.pages import PAGES
for page in PAGES.values():
    examine(page, page.template(), "template.py", 0)
print([name for name in sys.modules if name.startswith("minijax.course.work")])
"""
    assert process(tmp_path, "-c", program).splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "source, words",
    [
        ("def f(:", "Python cannot read the file: invalid syntax, at line 1."),
        ("x = 1\ny = 1 / 0", "ZeroDivisionError: division by zero at line 2, `y = 1 / 0`."),
        ("", "Your file has no count"),
        ("def count(f, *args):\n    return 1 + ''", "at line 2, `return 1 + ''`."),
    ],
)
def test_what_is_wrong_with_a_file_is_said(source, words):
    assert words in examine(PAGES[1], source, "work.py", 0)[0].text
