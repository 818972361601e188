"""model.npz: a model file (see `kaf/train/saving.py`) with all that prediction needs beside the network."""

import math
from dataclasses import dataclass

import numpy as np

from kaf.cli.data import Scaler
from kaf.cli.errors import CommandError
from kaf.cli.files import reason, replacing
from kaf.layers.plain import KAF, Fixed, KAFNet, Linear
from kaf.train.files import DamagedFile, ForeignFile, OtherVersion
from kaf.train.saving import FORMAT, OtherModel, content, reading

_BATCH = 1024


@dataclass(frozen=True)
class Trained:
    """A network, the scaler of its inputs, and either the names of the classes or the scaler of the numbers to predict.

    A file of `kaf.save` has a network alone; the scaler is then None.
    """

    model: KAFNet
    scaler: Scaler | None
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


# -- Writing and reading -----------------------------------------------------------------------------------------------


def save(path, trained):
    """Write a Trained, as a model file that `kaf.load` reads too. The former file stays until the new one is complete."""
    about, arrays = content(
        trained.model, {"classes": trained.classes, "feature_names": trained.feature_names, "target": trained.target}
    )
    arrays |= {"mean": trained.scaler.mean, "scale": trained.scaler.scale}
    if trained.target_scaler is not None:
        arrays |= {"target_mean": trained.target_scaler.mean, "target_scale": trained.target_scaler.scale}
    with replacing(path) as file:
        FORMAT.write(file, about, arrays)


def load(path, alone=False):
    """The Trained in the file `path`; if `alone` allows it, also of a network alone, without a scaler.

    Raises CommandError if the file is missing, damaged, of another kind, or too new.
    """
    try:
        with reading(path) as file:
            if file.about["beside"] is not None:
                return _trained(file)
            if alone:
                return Trained(file.model(), None)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
    except OtherModel as error:
        raise CommandError(
            f"{path} holds no network of kaf's own; give a model.npz that kaf train or kaf.save wrote"
        ) from error
    except ForeignFile as error:
        raise CommandError(f"{error} train; give the model.npz that kaf train wrote") from error
    except OtherVersion as error:
        raise CommandError(f"{error}; use the kaf that wrote it, or train again") from error
    except DamagedFile as error:
        raise CommandError(f"{error}; train it again") from error
    raise CommandError(
        f"{path} holds a network alone, without the means and scales of its features; give the model.npz that kaf train wrote"
    )


def _trained(file):
    about = file.about["beside"]
    classes, names = tuple(map(str, about["classes"])), about["feature_names"]
    model = file.model()
    if not isinstance(model, KAFNet) or not all(isinstance(layer, (Linear, KAF, Fixed)) for layer in model.layers):
        raise ValueError("a network of KAFs is needed")
    features = width = model.layers[0].weight.shape[0]
    for layer in model.layers:
        width = _width(layer, width)
    if width != (len(classes) if len(classes) > 2 else 1):
        raise ValueError("an output for each class is needed")
    if names is not None and len(names) != features:
        raise ValueError("a name for each feature is needed")
    return Trained(
        model=model,
        scaler=_scaler(file, "mean", "scale", features),
        classes=classes,
        feature_names=None if names is None else tuple(map(str, names)),
        target=None if about["target"] is None else str(about["target"]),
        target_scaler=None if classes else _scaler(file, "target_mean", "target_scale", 1),
    )


def _width(layer, width):
    """How many outputs a layer has for `width` inputs. Raises ValueError if they do not fit, or a number is not finite."""
    arrays = [value for value in vars(layer).values() if isinstance(value, np.ndarray)]
    if not all(array.dtype.kind == "f" and np.isfinite(array).all() for array in arrays):
        raise ValueError("the numbers of a network are finite floats")
    if isinstance(layer, Fixed):
        return width
    n_in, n_out = layer.weight.shape if isinstance(layer, Linear) else (*layer.alpha.shape[:-1], width)
    if n_in != width:
        raise ValueError("a layer has other inputs than the one before has outputs")
    return n_out


def _scaler(file, mean, scale, width):
    found = Scaler(file.array(mean, (width,), "float64"), file.array(scale, (width,), "float64"))
    if not (np.isfinite(found.mean).all() and np.isfinite(found.scale).all() and (found.scale > 0).all()):
        raise ValueError(f"{mean} is not finite, or {scale} is not positive")
    return found
