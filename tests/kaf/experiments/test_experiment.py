"""`kaf experiment`: small runs; the claims themselves take minutes."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from kaf import KAFNet, experiments, num_parameters
from kaf.cli.arguments import EXPERIMENTS as NAMES
from kaf.cli.main import main
from kaf.experiments import EXPERIMENTS, Claim, Network, claims
from kaf.train.compare import parameters_of


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.one_in(8)
def test_every_experiment(name):
    """Its data, its networks, one epoch of a KAF, and claims that can be seen and not seen."""
    experiment = EXPERIMENTS[name]
    split = experiment.data(1)
    other = experiment.data(2)
    assert split.x.shape == other.x.shape and not np.array_equal(split.x, other.x)
    assert {split.x.dtype, split.x_test.dtype} == {np.dtype(np.float32)} and np.isfinite(split.x).all()
    assert np.abs(split.x.mean(0)).max() < 0.1
    networks = experiments.networks(experiment)
    kaf = networks[0]
    outcome = experiments.run(experiment, kaf, range(2), epochs=1)
    assert outcome.scores.shape == (2,) and outcome.epoch_losses.shape == (2, 1)
    assert np.isfinite(outcome.scores).all() and (outcome.scores <= 1).all()
    model = KAFNet.init(0, [split.x.shape[1], kaf.units, experiments.sizes_of(experiment)[1]])
    assert outcome.parameters == num_parameters(model)
    equal = [n for n in networks if n.equal == experiments.EQUAL_PARAMETERS]
    sizes = [[model.layers[0].weight.shape[0], n.units, model.layers[2].bias.shape[0]] for n in equal]
    # A unit more or less is a unit's worth of parameters.
    assert all(abs(parameters_of(size) - outcome.parameters) <= (size[0] + 1 + size[2]) / 2 for size in sizes)
    scores = {n.label: np.array([0.8, 0.9]) for n in networks}
    for claim in experiment.claims:
        raised = [claim.seen({**scores, label: np.array([a, a])})[0] for label in scores for a in (0.0, 1.0)]
        assert set(raised) == {True, False}, claim.text


def test_the_best_of_several_starts():
    experiment = EXPERIMENTS["moons"]
    (one, several) = (
        experiments.run(experiment, Network("KAF", "kaf", units=2, starts=starts), range(4), epochs=2)
        for starts in (1, 3)
    )
    assert several.scores.shape == (4,) and several.models.layers[0].weight.shape == (4, 2, 2)
    assert (several.epoch_losses[:, -1] <= one.epoch_losses[:, -1] + 1e-5).all()
    assert (several.epoch_losses[:, -1] < one.epoch_losses[:, -1] - 1e-3).any()


# -- The command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


FIGURES = ["moons-activations.png", "moons-losses.png", "moons-regions.png", "moons-scores.png"]
ARGV = ["experiment", "moons", "--seeds", "3", "--epochs", "2"]


def test_names_are_those_of_the_command():
    assert tuple(EXPERIMENTS) == NAMES


def test_experiment(capsys, here):
    assert main(ARGV) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = [re.split(r"\s{2,}", line.strip()) for line in out.partition("Results")[2].splitlines()]
    rows = {row[0]: row[1:] for row in rows if len(row) == 6}
    assert rows["network"] == ["units", "params", "accuracy", "quartiles", "worst"]
    assert len(rows) == 10 and rows["KAF"][:2] == ["3", "73"] and rows["GELU, equal params"][:2] == ["18", "73"]
    assert re.search(
        r"^(seen    |NOT SEEN)  At equal parameters ReLU is level with KAF, within 1 point\n          KAF 0\.",
        out,
        re.M,
    )
    assert sorted(os.listdir("kaf-out")) == sorted([*FIGURES, "moons.md"])
    text = (here / "kaf-out" / "moons.md").read_text()
    assert "| GELU, equal params | 18 | 73 |" in text and "| claim | seen | medians |" in text


@pytest.mark.long
def test_an_experiment_goes_on_after_the_last_network_finished(capsys, here, monkeypatch):
    assert main([*ARGV, "--out", "whole"]) == 0
    trained, run = [], experiments.run

    def interrupted(experiment, network, *rest):
        trained.append(network.label)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return run(experiment, network, *rest)

    monkeypatch.setattr(experiments, "run", interrupted)
    capsys.readouterr()
    assert main(ARGV) == 130
    assert capsys.readouterr().err == (
        "kaf: interrupted after 2 networks: the same command continues from there (kaf-out/checkpoints)\n"
    )
    assert main([*ARGV, "--seed", "1"]) == 2
    assert capsys.readouterr().err == (
        "kaf: error: kaf-out/checkpoints/experiment-moons-0.npz belongs to another training: seeds was [0, 3] and is [1, 4]. "
        "Give the same settings, or remove the file to start anew, or give --restart\n"
    )
    assert main(ARGV) == 0
    assert "continuing the interrupted run in kaf-out/checkpoints" in capsys.readouterr().out
    labels = [network.label for network in experiments.networks(EXPERIMENTS["moons"])]
    assert trained == labels[:3] + labels[2:]  # The third was interrupted.
    assert (here / "kaf-out" / "moons.md").read_text() == (here / "whole" / "moons.md").read_text()
    assert sorted(os.listdir("kaf-out")) == sorted([*FIGURES, "moons.md"])


def test_claims_say_by_what():
    claim = Claim("text", claims.fails("KAF", 0.9))
    one, none = np.array([0.5, 0.95]), np.array([0.91, 0.95])
    assert claim.seen({"KAF": one}) == (True, "1 of 2 seeds")
    assert claim.seen({"KAF": none}) == (False, "0 of 2 seeds")
    claim = Claim("text", claims.fails_less("best", "KAF", 0.9))
    assert claim.seen({"KAF": one, "best": none}) == (True, "0 of 2 seeds; KAF 1")
    assert claim.seen({"KAF": one, "best": one}) == (False, "1 of 2 seeds; KAF 1")


@pytest.mark.parametrize(
    "argv, message",
    [
        (
            ["experiment", "iris"],
            "argument NAME: there is no experiment 'iris'; choose one of moons, ridge, breast_cancer, digits, diabetes, kan, "
            "symbols, tables; see kaf experiment --help",
        ),
        (
            ["experiment", "moons", "--seeds", "0"],
            "argument --seeds: '0' is not a whole number from 1 to 1000; see kaf experiment --help",
        ),
    ],
)
def test_bad_arguments(argv, message, capsys, here):
    assert main(argv) == 2
    assert capsys.readouterr() == ("", f"kaf: error: {message}\n")


# -- Packages that are not installed -----------------------------------------------------------------------------------


def test_the_command_names_a_package_that_is_not_installed():
    program = "import sys; sys.modules['sklearn'] = None; from kaf.cli.main import main; main(['experiment', 'moons'])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stderr.startswith("kaf: error: kaf experiment needs the package ") and run.stderr.count("\n") == 1
