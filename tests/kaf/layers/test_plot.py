"""The figures of what was learned: what is drawn in them. That they can be read, a person has to see."""

import jax
import numpy as np
import pytest
from flax import nnx

import kaf
from kaf import KAF, KAN, GatedKAF, Grid, KANLayer, plot

X = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32)


def lines(ax):
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


def test_a_unit(backend):
    layer, before = KAF.init(0, 4, Grid.over(0.0, 4.0, 9)), KAF.init(1, 4, Grid.over(0.0, 4.0, 9))
    figure = plot.unit(layer, 2, inputs=2 + np.repeat(X, 2, 1), before=before)
    (ax,) = figure.axes
    dashed, solid = lines(ax)
    for line, drawn in ((dashed, before), (solid, layer)):
        x = np.asarray(line.get_xdata())
        np.testing.assert_allclose(line.get_ydata(), np.asarray(drawn(np.repeat(x[:, None], 4, 1)))[:, 2], atol=1e-6)
    assert x[0] < 0 < 4 < x[-1] and list(ax.get_xticks()) == [0, 2, 4] and len(ax.patches) == 1
    assert figure._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("home", ["plain", "gated", "Equinox", "Flax"])
@pytest.mark.one_in(2)
def test_a_layer_of_each_home(home):
    key = jax.random.key(0)
    layer = {
        "plain": lambda: KAF.init(key, 5),
        "gated": lambda: GatedKAF.init(key, 5),
        "Equinox": lambda: kaf.equinox.KAF.init(key, 5),
        "Flax": lambda: kaf.nnx.KAF(5, rngs=nnx.Rngs(0)),
    }[home]()
    axes = plot.layer(layer, before=layer).axes
    assert len(axes) == 5 and all(len(lines(ax)) == 2 and not ax.patches for ax in axes)


@pytest.mark.parametrize("home", ["plain", "Equinox", "Flax"])
@pytest.mark.one_in(3)
def test_a_kan(home, tmp_path):
    key = jax.random.key(0)
    net = {
        "plain": lambda: KAN.init(key, [2, 3, 1]),
        "Equinox": lambda: kaf.equinox.KAN([2, 3, 1], key=key),
        "Flax": lambda: kaf.nnx.KAN([2, 3, 1], rngs=nnx.Rngs(key)),
    }[home]()
    figure = plot.kan(net, X, before=net, names=["width", "height"], outputs=["area"], title="title")
    diagram, *edges = figure.axes
    assert len(edges) == 9 and all(len(ax.patches) == 1 and len(ax.lines) == 2 for ax in edges)
    assert [text.get_text() for text in diagram.texts] == ["width", "height", "", "", "", "area"]
    assert len([line for line in diagram.lines if len(line.get_xdata()) == 2]) == 18
    assert figure.get_suptitle() == "title; dashed: before"
    solid = edges[4].lines[1]
    np.testing.assert_allclose(solid.get_ydata(), np.asarray(net.edge(0, 1, 1)(solid.get_xdata())), atol=1e-6)
    figure.savefig(tmp_path / "kan.png")
    boxes = [ax.get_position() for ax in edges]
    assert all(0 <= box.x0 and box.x1 <= 1 and 0 < box.y0 and box.y1 < 1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_pruned_and_weak_edges():
    net = KAN.init(0, [2, 3, 1])
    pruned = net.prune(X, 0.5)
    edges = sum(np.sum(layer.mask) for layer in pruned.layers)
    assert len(plot.kan(pruned, X).axes) == 1 + edges < 10
    figure = plot.kan(KAN.init(0, [10, 10]))
    assert len(figure.axes) == 1 + 16 and figure.get_suptitle() == "the 16 strongest edges of a layer"
    strengths = [line.get_alpha() for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert max(strengths) == 1.0 and min(strengths) >= 0.15


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: plot.unit(KAF.init(0, 3), 3), "plot.unit: there is no unit 3; the layer has 3."),
        (
            lambda: plot.layer(KANLayer.init(0, 3, 2)),
            "plot: a layer of functions of one number is needed, alpha [units, k]; its alpha has shape (3, 2, 8).",
        ),
        (
            lambda: plot.layer(KAF.init(0, 3), X),
            "plot: inputs must be [n, 3], a column for each unit; they have shape (200, 2).",
        ),
        (
            lambda: plot.kan(KAN.init(0, [2, 3, 1]), before=KAN.init(0, [2, 4, 1])),
            "plot.kan: before must have the layers of the network, [(2, 3), (3, 1)]; it has [(2, 4), (4, 1)].",
        ),
    ],
)
def test_what_cannot_be_drawn(call, message):
    with pytest.raises(ValueError) as e:
        call()
    assert str(e.value) == message
