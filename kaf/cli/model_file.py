"""model.npz: a trained model with everything that prediction needs, as arrays and one JSON text. Nothing is unpickled."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from kaf.cli.data import Scaler
from kaf.cli.errors import CommandError
from kaf.cli.files import reason, replacing
from kaf.functional.grid import Grid
from kaf.layers.plain import KAF, KAFNet, Linear
from kaf.train.files import DamagedFile, ForeignFile, Format, OtherVersion

FORMAT = Format("kaf-classifier", "model file of kaf train", versions=(1, 2))
_BATCH = 1024


@dataclass(frozen=True)
class Trained:
    """A network, the scaler of its inputs, and either the names of the classes or the scaler of the numbers to predict."""

    model: KAFNet
    scaler: Scaler
    classes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] | None = None
    target: str | None = None
    target_scaler: Scaler | None = None

    def outputs(self, x):
        """The outputs of the network, float64 [n, outputs], for raw features [n, features]. The chosen backend computes."""
        x = self.scaler(np.asarray(x, np.float64))
        # In batches, because a KAF layer may need memory for rows * units * centres numbers.
        batches = [np.asarray(self.model(x[i : i + _BATCH]), np.float64) for i in range(0, len(x), _BATCH)]
        return np.concatenate(batches)

    def probabilities(self, x):
        """The probabilities of the classes, float64 [n, classes], for raw features [n, features]."""
        return _softmax(self.outputs(x))

    def predictions(self, x):
        """The predicted numbers, float64 [n], for raw features [n, features]."""
        return (self.outputs(x) * self.target_scaler.scale + self.target_scaler.mean)[:, 0]

    def assess(self, x, y):
        """(score, loss) on raw features x and targets y.

        For classes y, int [n], the accuracy, and the mean of -log(probability of the right class). For numbers y, float [n], R2,
        and the mean squared error in the target's own units.
        """
        if not self.classes:
            error, variance = np.mean((self.predictions(x) - y) ** 2), np.var(y)
            # If all targets are equal, R2 is 0/0.
            return float(1 - error / variance) if variance else math.nan, float(error)
        probabilities = self.probabilities(x)
        right = np.maximum(probabilities[np.arange(len(y)), y], np.finfo(np.float64).tiny)
        return float(np.mean(probabilities.argmax(1) == y)), float(-np.log(right).mean())


def _softmax(logits):
    if logits.shape[1] == 1:  # A single logit is that of the second of two classes; the first has the logit 0.
        logits = np.hstack([np.zeros_like(logits), logits])
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


# -- Writing -----------------------------------------------------------------------------------------------------------


def save(path, trained):
    """Write a Trained whose layers are Linear and KAF with nothing but alpha and a grid.

    The former file stays until the new one is complete. Raises ValueError for other layers.
    """
    layers = trained.model.layers
    for layer in layers:
        # The file cannot hold other fields of a KAF, such as another kernel or trained centres. They must not be lost silently.
        if not isinstance(layer, Linear) and vars(layer) != vars(KAF(layer.alpha, layer.grid)):
            raise ValueError(f"model files can hold only alpha and the grid of a KAF; this layer has more: {layer}")
    about = {
        "layers": [{"grid": asdict(layer.grid)} if isinstance(layer, KAF) else None for layer in layers],
        "classes": trained.classes,
        "feature_names": trained.feature_names,
        "target": trained.target,
    }
    arrays = {"mean": trained.scaler.mean, "scale": trained.scaler.scale}
    if trained.target_scaler is not None:
        arrays |= {"target_mean": trained.target_scaler.mean, "target_scale": trained.target_scaler.scale}
    for i, layer in enumerate(layers):
        names = ("alpha",) if isinstance(layer, KAF) else ("weight", "bias")
        arrays |= {f"layer{i}_{name}": getattr(layer, name) for name in names}
    with replacing(path) as file:
        FORMAT.write(file, about, arrays)


# -- Reading -----------------------------------------------------------------------------------------------------------


def load(path):
    """The Trained in the file `path`. Raises CommandError if the file is missing, damaged, of another kind, or too new."""
    try:
        with FORMAT.reading(path) as (version, about, fields):
            return _trained(*(_from_first_version(fields, about) if version == 1 else (fields, about)))
    except OSError as error:
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
    except ForeignFile as error:
        raise CommandError(f"{error}; give the model.npz that kaf train wrote") from error
    except OtherVersion as error:
        raise CommandError(f"{error}; use the kaf that wrote it, or train again") from error
    except DamagedFile as error:
        raise CommandError(f"{error}; train it again") from error


def _from_first_version(fields, about):
    """(fields, about) of a file of version 1, as version 2 has them. Version 1 had one hidden layer, and only classes."""
    names = {
        "layer0_weight": "hidden_weight",
        "layer0_bias": "hidden_bias",
        "layer1_alpha": "alpha",
        "layer2_weight": "output_weight",
        "layer2_bias": "output_bias",
    }
    return (
        {new: fields[names.get(new, new)] for new in ("mean", "scale", *names)},
        {**about, "layers": [None, {"grid": about["grid"]}, None]},
    )


def _trained(fields, about):
    classes, names = tuple(map(str, about["classes"])), about["feature_names"]
    (features,) = fields["mean"].shape
    layers, width = [], features
    for i, layer in enumerate(about["layers"]):
        layers.append(_linear(fields, i, width) if layer is None else _kaf(fields, i, width, Grid(**layer["grid"])))
        width = layers[-1].bias.shape[0] if layer is None else width
    if width != (len(classes) if len(classes) > 2 else 1):
        raise ValueError("an output for each class is needed")
    if names is not None and len(names) != features:
        raise ValueError("a name for each feature is needed")
    return Trained(
        model=KAFNet(tuple(layers)),
        scaler=_scaler(fields, "mean", "scale", features),
        classes=classes,
        feature_names=None if names is None else tuple(map(str, names)),
        target=None if about["target"] is None else str(about["target"]),
        target_scaler=None if classes else _scaler(fields, "target_mean", "target_scale", 1),
    )


def _scaler(fields, mean, scale, width):
    found = Scaler(_floats(fields, mean, width), _floats(fields, scale, width))
    if not (found.scale > 0).all():
        raise ValueError(f"{scale} is not positive")
    return found


def _linear(fields, i, width):
    units = fields[f"layer{i}_weight"].shape[1]
    return Linear(_floats(fields, f"layer{i}_weight", width, units), _floats(fields, f"layer{i}_bias", units))


def _kaf(fields, i, width, grid):
    return KAF(_floats(fields, f"layer{i}_alpha", width, grid.size), grid)


def _floats(fields, name, *shape):
    array = fields[name]
    if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite floats of shape {shape}")
    return array
