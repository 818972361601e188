"""`kaf experiment kan`: what is compared, that it is fair, and the output of the command."""

import dataclasses

import numpy as np
import pytest

import kaf
from kaf.cli import kan_experiment
from kaf.cli.main import main
from kaf.experiments import kans
from kaf.layers import num_parameters


def test_the_formulas():
    x = np.array([[0.5, 0.5, 0.0, 1.0], [0.1, -0.2, 0.3, 0.4]])
    np.testing.assert_allclose(kans.first_formula(x[:1, :2]), np.exp(1 + 0.25))
    a, b = np.sin(np.pi * 0.05), np.sin(np.pi * 0.25)
    np.testing.assert_allclose(kans.second_formula(x), [np.exp((1 + 0) / 2), np.exp((a + b) / 2)])


@pytest.mark.parametrize("name", kans.TASKS)
def test_examples_do_not_overlap(name):
    task = kans.TASKS[name]
    examples, other = task.data(0), task.data(1)
    parts = [examples.split.x, examples.x_choice, examples.split.x_test]
    rows = [{row.tobytes() for row in part} for part in parts]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]
    assert not np.array_equal(examples.split.x, other.split.x)
    if task.is_regression:
        assert [part.shape for part in parts] == [(1000, task.sizes[0])] * 3 and all(
            np.abs(part).max() <= 1 for part in parts
        )
        assert task.epochs == 1000 and task.batch_size == 1000  # so 1,000 steps
    else:
        assert abs(task.epochs * kaf.steps_per_epoch(len(parts[0]), task.batch_size) - 1000) < 20


@pytest.mark.parametrize("name", kans.TASKS)
def test_networks_have_as_many_parameters(name):
    found = {label: num_parameters(make(0)) for label, (_, make) in kans.networks(kans.TASKS[name]).items()}
    assert len(found) == 5
    assert max(found.values()) < 1.06 * min(found.values()), found


@pytest.mark.long
def test_the_learning_rate_is_chosen_on_the_validation_examples(backend):
    task = dataclasses.replace(kans.TASKS["first"], epochs=3)
    calls = []
    result = kans.run(task, "ReLU", [0, 1], lambda epoch, loss: calls.append(epoch), rates=(1e-6, 0.05))
    assert result.rate == 0.05 and result.scores.shape == (2,) and calls == list(range(6))
    alone = kans.run(task, "ReLU", [0, 1], rates=(0.05,))
    np.testing.assert_allclose(result.scores, alone.scores, rtol=1e-4)
    example = task.data(1).split
    second = backend.tree_util.tree_map(lambda leaf: leaf[1], result.models)
    error = np.sqrt(((np.asarray(second(example.x_test))[:, 0] - example.y_test) ** 2).mean())
    np.testing.assert_allclose(result.scores[1], error, rtol=1e-4)


@pytest.mark.long
def test_the_command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kans, "TASKS", {name: kans.TASKS[name] for name in ("first", "digits")})
    monkeypatch.setattr(kans, "RATES", (0.01,))
    monkeypatch.setattr(
        kan_experiment.kans, "networks", lambda task: {"KAN": real(task)["KAN"], "ReLU": real(task)["ReLU"]}
    )
    assert main(["experiment", "kan", "--seeds", "2", "--epochs", "1"]) == 0
    out, err = capsys.readouterr()
    assert (
        err == ""
        and "NOT SEEN: the KAN has an error of at most 0.0106" in out
        and "test %" in out
        and "test RMSE" in out
    )
    assert max(map(len, out.splitlines())) <= 80
    assert sorted(path.name for path in tmp_path.glob("kaf-out/*")) == ["kan-edges.png", "kan.md"]
    text = (tmp_path / "kaf-out/kan.md").read_text()
    assert "| KAN | 2-8-8-1 | 809 |" in text and "![kan-edges.png](kan-edges.png)" in text


real = kans.networks
