"""The figures: what is drawn in them. That they are beautiful, a person has to see."""

import numpy as np
import pytest
from kaf_cli import csv_text

from kaf import KAF, KAFNet, ridge_alpha
from kaf.cli import experiment, figures
from kaf.cli.main import main
from kaf.experiments import EXPERIMENTS, Outcome, networks


@pytest.mark.parametrize("units, panels", [(1, 1), (7, 7), (24, 24), (48, 24)])
@pytest.mark.one_in(7)
def test_activations_can_be_compared_and_read(units, panels, here):
    alpha = np.linspace(0.1, 3, units)[:, None] * ridge_alpha("tanh").alpha
    inputs = np.random.default_rng(0).normal(size=(100, units))
    figure = figures.draw_activations("a.png", inputs, KAF(alpha.astype(np.float32)), "title")
    drawn = [ax for ax in figure.axes if ax.axison]
    assert len(drawn) == panels
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in drawn}) == 1
    assert all(len(ax.patches) == 1 for ax in drawn)  # the histogram
    sizes = [text.get_fontsize() for ax in drawn for text in (*ax.get_xticklabels(), *ax.get_yticklabels())]
    assert min(sizes) >= 10
    assert all(ax.get_position().width * figure.get_figwidth() > 1.2 for ax in drawn)
    named = f"(the first {panels} of {units} units)" in figure.get_suptitle()
    assert named == (panels < units)


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.one_in(2)
def test_every_network_of_an_experiment_has_a_curve_of_its_own(name, here, monkeypatch):
    made, draw = {}, figures.draw_losses
    monkeypatch.setattr(experiment, "draw_losses", lambda *arguments: made.update(figure=draw(*arguments)))
    for other in ("draw_scores", "draw_activations"):
        monkeypatch.setattr(experiment, other, lambda *_: None)
    its, curve = EXPERIMENTS[name], np.linspace(2, 1, 5)[None].repeat(3, 0)
    monkeypatch.setattr(experiment, "_model", lambda *_: KAFNet((lambda x: x, None, None)))
    outcomes = [Outcome(network, 1, np.arange(3.0), curve, None) for network in networks(its)]
    experiment._draw({"losses": "l.png", "activations": "", "scores": ""}, its, range(3), outcomes)
    labels = {text.get_text() for ax in made["figure"].axes for text in ax.get_legend().get_texts()}
    assert labels == {outcome.network.name for outcome in outcomes}
    for ax in made["figure"].axes:
        colors = [line.get_color() for line in ax.lines]
        assert len(set(colors)) == len(colors)


def test_losses_are_those_of_the_data_alone(here, monkeypatch, capsys):
    """The weight of the l2 term, which only KAF has, must not move the first point of its curve."""
    from kaf.cli import train

    (here / "t.csv").write_text(csv_text())
    first = []
    monkeypatch.setattr(train, "draw_losses", lambda path, title, panels: first.append(panels))
    for weight in ("0", "100"):
        argv = [
            "train",
            "--data",
            "t.csv",
            "--units",
            "3",
            "--epochs",
            "1",
            "--batch-size",
            "100",
            "--l2-alpha",
            weight,
        ]
        assert main([*argv, "--compare", "none", "--quiet"]) == 0
    curves = [panels["at equal width"]["KAF"][0][0] for panels in first]
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-6)


@pytest.mark.parametrize(
    "epochs", [pytest.param((), id="searched", marks=pytest.mark.long), pytest.param(("--epochs", "1"), id="given")]
)
def test_the_losses_say_of_which_training_the_validation_is(epochs, here, monkeypatch):
    """Without --epochs a network is trained on held-out rows first, and then on all rows, of which none are left to validate."""
    from kaf.cli import train

    (here / "t.csv").write_text(csv_text())
    titles = []
    monkeypatch.setattr(train, "draw_losses", lambda path, title, panels: titles.append(title))
    assert main(["train", "--data", "t.csv", "--units", "2", "--quiet", *epochs]) == 0
    after = "" if epochs else "\nvalidation: of five networks, each on another fifth of the rows"
    assert titles == [f"Losses on t.csv{after}"]
