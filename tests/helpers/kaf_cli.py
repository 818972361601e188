"""Helpers for the tests of the command line: a table of data, and a check of the output when `kaf` fails."""

import json

import numpy as np

from kaf.cli.main import main

ROWS = [(i * 0.5, -i, "yes" if i % 2 else "no") for i in range(20)]


def csv_text(rows=ROWS, header="a,b,label"):
    lines = [header] if header else []
    return "\n".join(lines + [",".join(map(str, row)) for row in rows]) + "\n"


def replaced(i, j, cell):
    """ROWS with a different cell in row i, column j."""
    return [tuple(cell if (i, j) == (m, n) else old for n, old in enumerate(row)) for m, row in enumerate(ROWS)]


def listing(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def fails(capsys, argv, message):
    """`kaf argv` prints one line on stderr, which contains `message`, and exits with status 2."""
    status = main(argv)
    out, err = capsys.readouterr()
    assert err == f"kaf: error: {message}\n"
    assert out == ""
    assert status == 2


def first_version(**changes):
    """A model.npz in the format of the first version."""
    rng = np.random.default_rng(1)
    about = {
        "grid": {"size": 6, "boundary": 2.0, "rule": "code"},
        "classes": ["a", "b", "c"],
        "feature_names": None,
        "target": None,
    }
    shapes = {
        "hidden_weight": (3, 4),
        "hidden_bias": (4,),
        "alpha": (4, 6),
        "output_weight": (4, 3),
        "output_bias": (3,),
    }
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    fields = {"format": "kaf-classifier", "version": 1, "about": json.dumps(about), **arrays}
    return {**fields, "mean": np.zeros(3), "scale": np.full(3, 2.0), **changes}
