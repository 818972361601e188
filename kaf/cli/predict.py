"""`kaf predict`: the class of every row of a CSV file, with its probability."""

import csv
import io
import os
import sys

from kaf.cli import model_file
from kaf.cli.backends import computing_on
from kaf.cli.data import listing, numbers, read_table
from kaf.cli.errors import CommandError
from kaf.cli.files import replacing


def run(arguments):
    """Write the predictions and return 0."""
    if arguments.out is not None:
        _check_out(arguments)
    classifier = model_file.load(arguments.model)
    table = read_table(arguments.data)
    x = numbers(table, find_features(table, classifier, arguments.model))
    with computing_on(arguments.backend):
        text = as_csv(classifier.classes, classifier.probabilities(x))
    if arguments.out is None:
        sys.stdout.write(text)
        return 0
    with replacing(arguments.out) as file:
        file.write(text.encode())
    return 0


def _check_out(arguments):
    for source in (arguments.model, arguments.data):
        if os.path.exists(arguments.out) and os.path.exists(source) and os.path.samefile(arguments.out, source):
            raise CommandError(f"--out {arguments.out} is the file to be read; give another name")
    if os.path.isdir(arguments.out):
        raise CommandError(f"--out {arguments.out} is a directory; give a file")


def find_features(table, classifier, model):
    """The numbers of the columns that the model wants, in its order: by name if both have names, else by place.

    The class column of the training data may be there. Raises CommandError for a column missing or not known.
    """
    wanted = classifier.feature_names
    if wanted is None or table.names is None:
        features = len(classifier.scaler.mean)
        if table.width != features:
            raise CommandError(f"{table.path} has {table.width} columns, and {model} wants {features} features")
        return list(range(features))
    missing = [name for name in wanted if name not in table.names]
    if missing:
        raise CommandError(f"{table.path} lacks columns that {model} wants: {listing(missing)}")
    unknown = [name for name in table.names if name not in wanted and name != classifier.target]
    if unknown:
        raise CommandError(f"{table.path} has columns that {model} does not know: {listing(unknown)}; remove them")
    return [table.names.index(name) for name in wanted]


def as_csv(classes, probabilities):
    """A header, and a line for each row: the most probable class and its probability."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("class", "probability"))
    best = probabilities.argmax(1)
    writer.writerows((classes[j], f"{row[j]:.6f}") for j, row in zip(best, probabilities, strict=True))
    return text.getvalue()
