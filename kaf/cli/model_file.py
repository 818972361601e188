"""model.npz: a trained classifier with all that prediction needs, as arrays and one JSON text; nothing is unpickled."""

import json
import tokenize
import zipfile
import zlib
from dataclasses import asdict, dataclass

import numpy as np

from kaf.cli.data import Scaler
from kaf.cli.errors import CommandError
from kaf.cli.files import reason, replacing
from kaf.grid import Grid
from kaf.layers import KAF, KAFNet, Linear

FORMAT = "kaf-classifier"
VERSION = 1
_BATCH = 1024

# What NumPy and zipfile raise for files cut short or of another kind.
_UNREADABLE = (
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    MemoryError,
    OverflowError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Classifier:
    """A network of one hidden layer, the scaler of its inputs and the names of its classes and features."""

    model: KAFNet
    scaler: Scaler
    classes: tuple[str, ...]
    feature_names: tuple[str, ...] | None = None
    target: str | None = None

    def probabilities(self, x):
        """Raw features [n, features] -> float64 [n, classes], by the chosen backend."""
        x = self.scaler(np.asarray(x, np.float64))
        # In batches: a KAF layer holds rows * units * centres numbers at a time.
        logits = [np.asarray(self.model(x[i : i + _BATCH]), np.float64) for i in range(0, len(x), _BATCH)]
        return _softmax(np.concatenate(logits))

    def assess(self, x, y):
        """(accuracy, mean of -log probability of the right class) for the classes y, int [n]."""
        probabilities = self.probabilities(x)
        right = np.maximum(probabilities[np.arange(len(y)), y], np.finfo(np.float64).tiny)
        return float(np.mean(probabilities.argmax(1) == y)), float(-np.log(right).mean())


def _softmax(logits):
    if logits.shape[1] == 1:  # Of two classes: the logit of the second against 0.
        logits = np.hstack([np.zeros_like(logits), logits])
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


# -- Writing -----------------------------------------------------------------------------------------------------------


def save(path, classifier):
    """Write the Classifier, of one hidden KAF layer, to `path`: the former file stays until the new one is whole."""
    hidden, activation, output = classifier.model.layers
    about = {
        "grid": asdict(activation.grid),
        "classes": classifier.classes,
        "feature_names": classifier.feature_names,
        "target": classifier.target,
    }
    arrays = {
        "hidden_weight": hidden.weight,
        "hidden_bias": hidden.bias,
        "alpha": activation.alpha,
        "output_weight": output.weight,
        "output_bias": output.bias,
        "mean": classifier.scaler.mean,
        "scale": classifier.scaler.scale,
    }
    with replacing(path) as file:
        np.savez(
            file,
            format=np.array(FORMAT),
            version=np.array(VERSION),
            about=np.array(json.dumps(about)),
            **{name: np.asarray(array) for name, array in arrays.items()},
        )


# -- Reading -----------------------------------------------------------------------------------------------------------


def load(path):
    """The Classifier in the file `path`. Raises CommandError for one that is missing, damaged, foreign or too new."""
    try:
        fields = _fields(path)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
    except _UNREADABLE as error:
        raise CommandError(f"{path} is damaged, or no model file of kaf train; train it again") from error
    if str(fields.get("format")) != FORMAT:
        raise CommandError(f"{path} is not a model file: kaf train writes those")
    if not np.array_equal(fields.get("version"), VERSION):
        raise CommandError(
            f"{path} has version {fields.get('version')} of the format, and this kaf reads version {VERSION}; "
            "use the kaf that wrote it, or train again"
        )
    try:
        return _classifier(fields)
    except _UNREADABLE as error:
        raise CommandError(f"{path} is damaged: its parts do not fit together; train it again") from error


def _fields(path):
    with open(path, "rb") as file:
        # np.load takes what is no archive for a pickle or a single array; neither is of interest.
        if not zipfile.is_zipfile(file):
            raise ValueError("not an archive")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


def _classifier(fields):
    about = json.loads(str(fields["about"]))
    grid = Grid(**about["grid"])
    classes = tuple(map(str, about["classes"]))
    names = about["feature_names"]
    features, units = fields["hidden_weight"].shape
    outputs = 1 if len(classes) == 2 else len(classes)
    shapes = {
        "hidden_weight": (features, units),
        "hidden_bias": (units,),
        "alpha": (units, grid.size),
        "output_weight": (units, outputs),
        "output_bias": (outputs,),
        "mean": (features,),
        "scale": (features,),
    }
    for name, shape in shapes.items():
        if fields[name].shape != shape or fields[name].dtype.kind != "f" or not np.isfinite(fields[name]).all():
            raise ValueError(f"{name} is not finite floats of shape {shape}")
    if names is not None and len(names) != features:
        raise ValueError("a name for each feature is needed")
    hidden = Linear(fields["hidden_weight"], fields["hidden_bias"])
    output = Linear(fields["output_weight"], fields["output_bias"])
    return Classifier(
        model=KAFNet((hidden, KAF(fields["alpha"], grid), output)),
        scaler=Scaler(fields["mean"], fields["scale"]),
        classes=classes,
        feature_names=None if names is None else tuple(map(str, names)),
        target=about["target"],
    )
