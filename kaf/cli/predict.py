"""`kaf predict`: predict a class and its probability, or a number, for every row of a CSV or .npz file."""

import csv
import io
import math
import os
import sys

import numpy as np

from kaf.cli import model_file
from kaf.cli.backends import computing_on
from kaf.cli.data import is_npz, is_number, listing, numbers, read_npz_features, read_table
from kaf.cli.errors import CommandError
from kaf.cli.files import replacing


def run(arguments):
    """Write the predictions and return 0."""
    if arguments.out is not None:
        _check_out(arguments)
    trained = model_file.load(arguments.model)
    x, targets = _features(arguments.data, trained, arguments.model)
    with computing_on(arguments.backend, arguments.compiler):
        header, rows = _columns(trained, x)
    rows = list(rows)
    text = as_csv(header, rows)
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        with replacing(arguments.out) as file:
            file.write(text.encode())
    if targets is not None and not arguments.quiet:
        # Not to stdout, which holds the table.
        print(f"kaf: {_score(trained, rows, targets)} of {arguments.data}", file=sys.stderr)
    return 0


def _score(trained, rows, targets):
    """The score of the predictions on the rows whose target is known, as text."""
    known = [i for i, cell in enumerate(targets) if (cell if trained.classes else is_number(cell))]
    if trained.classes:
        share = np.mean([rows[i][0] == targets[i] for i in known]) if known else math.nan
        name, score = "accuracy", f"{100 * share:.2f}%"
    else:
        wanted, found = (np.array([float(column[i]) for i in known]) for column in (targets, [row[0] for row in rows]))
        variance = wanted.var() if known else 0.0
        name, score = "R2", f"{1 - np.mean((found - wanted) ** 2) / variance:.4f}" if variance else "nan"
    some = f"{len(known)} of {len(targets)}" if len(known) < len(targets) else f"{len(known)}"
    return f"{name} {score} on the {some} rows"


def _check_out(arguments):
    for source in (arguments.model, arguments.data):
        if os.path.exists(arguments.out) and os.path.exists(source) and os.path.samefile(arguments.out, source):
            raise CommandError(f"--out {arguments.out} is a file that is read; give another name")
    if os.path.isdir(arguments.out):
        raise CommandError(f"--out {arguments.out} is a directory; give a file")


def _features(path, trained, model):
    if not is_npz(path):
        table = read_table(path)
        x = numbers(table, find_features(table, trained, model))
        if table.names is None or trained.target not in table.names:
            return x, None
        j = table.names.index(trained.target)
        return x, [row[j] for row in table.rows]
    return read_npz_features(path, len(trained.scaler.mean), model)


def find_features(table, trained, model):
    """The indices of the columns that the model needs, in its order. They are found by name if both have names, else by place.

    With names, the target column of the training data may be there too. Raises CommandError for a missing or unknown column.
    """
    wanted = trained.feature_names
    if wanted is None or table.names is None:
        features = len(trained.scaler.mean)
        if table.width != features:
            raise CommandError(f"{table.path} has {table.width} columns, but {model} needs {features} features")
        return list(range(features))
    places = {name: j for j, name in enumerate(table.names)}
    missing = [name for name in wanted if name not in places]
    if missing:
        raise CommandError(f"{table.path} lacks columns that {model} needs: {listing(missing)}")
    known = {*wanted, trained.target}
    unknown = [name for name in table.names if name not in known]
    if unknown:
        raise CommandError(f"{table.path} has columns that {model} does not know: {listing(unknown)}; remove them")
    return [places[name] for name in wanted]


def _columns(trained, x):
    if not trained.classes:
        return ("prediction",), ((f"{number:.9g}",) for number in trained.predictions(x))
    probabilities = trained.probabilities(x)
    best = probabilities.argmax(1)
    rows = zip(best, probabilities, strict=True)
    return ("class", "probability"), ((trained.classes[j], f"{row[j]:.6f}") for j, row in rows)


def as_csv(header, rows):
    r"""The CSV text of a header and rows.

    >>> as_csv(("class", "probability"), [("yes", "0.9")])
    'class,probability\nyes,0.9\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
