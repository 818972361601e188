"""`kaf export`: write a trained network as an ONNX model, as a C function or as a NumPy function."""

import os
from pathlib import Path

from kaf import export
from kaf.cli import model_file
from kaf.cli.errors import CommandError
from kaf.cli.files import replacing
from kaf.export.steps import FromComplex, Probabilities, Rescale, Standardise, steps_of

SUFFIXES = {"onnx": ".onnx", "c": ".c", "numpy": ".py"}


def run(arguments):
    """Write the file and return 0."""
    language = getattr(arguments, "as")
    path = Path(arguments.out or Path(arguments.model).with_suffix(SUFFIXES[language]).name)
    if path.is_dir():
        raise CommandError(f"--out {path} is a directory; give a file")
    if path.exists() and os.path.exists(arguments.model) and os.path.samefile(path, arguments.model):
        raise CommandError(f"--out {path} is the model; give another name")
    trained = model_file.load(arguments.model, alone=True)
    try:
        steps, inputs, outputs = steps_of(trained.model)
        classes = trained.classes
        if trained.scaler is not None:
            last = Probabilities(len(classes)) if classes else _rescale(trained.target_scaler)
            steps = [Standardise(trained.scaler.mean, trained.scaler.scale), *steps, last]
        outputs = len(classes) or outputs
        made = export.written(steps, inputs, outputs, language=language, name=arguments.name, classes=classes)
    except export.ExportError as error:
        raise CommandError(f"{arguments.model}: {str(error).rstrip('.')}") from error
    except ImportError as error:
        raise CommandError(
            "--as onnx needs the package onnx, which is not installed: pip install 'minijax[onnx]'"
        ) from error
    with replacing(path) as file:
        file.write(made.SerializeToString() if language == "onnx" else made.encode())
    if not arguments.quiet:
        print(_summary(path, trained, inputs, outputs, "complex " if isinstance(steps[0], FromComplex) else ""))
    return 0


def _rescale(scaler):
    return Rescale(float(scaler.mean[0]), float(scaler.scale[0]))


def _summary(path, trained, inputs, outputs, kind):
    if trained.scaler is None:
        return f"wrote {path}: {inputs} {kind}inputs, {outputs} {kind}outputs"
    what = f"the probabilities of {outputs} classes" if trained.classes else "the predicted number"
    return f"wrote {path}: {inputs} features, not standardised, to {what}"
