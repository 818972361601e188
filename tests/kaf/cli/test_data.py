"""Tables: what is read from CSV and .npz files, how it is split and scaled, and every reason to refuse a file."""

import numpy as np
import pytest
from kaf_cli import ROWS, csv_text, fails, listing, replaced

from kaf.cli import data

# -- CSV files ---------------------------------------------------------------------------------------------------------

BAD_TABLES = {
    "empty": ("", "t.csv is empty: a CSV file of numbers is needed"),
    "blank": ("\n\n , ,\n", "t.csv is empty: a CSV file of numbers is needed"),
    "header only": ("a,b,label\n", "t.csv has no rows below its header"),
    "a word": (
        csv_text(replaced(3, 1, "many")),
        "t.csv, line 5, column 'b': 'many' is not a number; every column but the class must be numeric",
    ),
    "a word without header": (
        csv_text(replaced(3, 1, "many"), header=""),
        "t.csv, line 4, column 2: 'many' is not a number; every column but the class must be numeric",
    ),
    "a header with a number": (
        csv_text(header="a,2,label"),
        "t.csv, line 1, column 1: 'a' is not a number; every column but the class must be numeric, and a header must "
        "hold no number",
    ),
    "an underscore": (
        csv_text(replaced(0, 0, "1_000")),
        "t.csv, line 2, column 'a': '1_000' is not a number; every column but the class must be numeric",
    ),
    "NaN": (
        csv_text(replaced(19, 0, "nan")),
        "t.csv, line 21, column 'a': 'nan' is not finite; replace it or remove the row",
    ),
    "infinity": (
        csv_text(replaced(0, 1, "-inf")),
        "t.csv, line 2, column 'b': '-inf' is not finite; replace it or remove the row",
    ),
    "no cell": (
        csv_text(replaced(1, 0, "")),
        "t.csv, line 3, column 'a': the cell is empty; fill it in or remove the row",
    ),
    "no label": (
        csv_text(replaced(1, 2, " ")),
        "t.csv, line 3, column 'label': the cell is empty; fill it in or remove the row",
    ),
    "ragged": (csv_text().replace("0.5,-1,yes", "0.5,yes"), "t.csv, line 3: 2 cells where line 1 has 3"),
    "one class": (
        csv_text([(*row[:2], "yes") for row in ROWS]),
        "t.csv: column 'label' holds one class only, 'yes'; two are needed (--target names another column)",
    ),
    "a class of one row": (
        csv_text(replaced(0, 2, "maybe")),
        "t.csv: class 'maybe' of column 'label' has one row, and needs two, to train and to test; remove it, or name the "
        "class column by --target",
    ),
    "few rows": (csv_text(ROWS[:9]), "t.csv has 9 rows: at least 10 are needed to train and to test"),
    "one row": (csv_text(ROWS[:1]), "t.csv has 1 row: at least 10 are needed to train and to test"),
    "one column": ("a\n" + "1\n" * 20, "t.csv has only one column: features and a class column are needed"),
    "semicolons": (
        csv_text().replace(",", ";"),
        "t.csv has only one column, with ';' in it: separate the cells by commas",
    ),
    "twice a name": (csv_text(header="a,a,label"), "t.csv: two columns are named 'a'; rename one"),
    "no name": (csv_text(header="a,,label"), "t.csv: column 2 has no name in the header; name it"),
    "huge": (csv_text(replaced(0, 0, "1e300")), "t.csv: numbers too large to standardise; scale them down"),
    "an open quote": (csv_text() + '"1,2,yes\n', "t.csv is not a CSV file: line 22: unexpected end of data"),
}


NUMBERS = [(i * 0.5, -i, i * 0.25) for i in range(20)]

BAD_REGRESSIONS = {
    "a word": (
        csv_text(),
        "t.csv, line 2, column 'label': 'no' is not a number; the column to predict must be numeric",
    ),
    "NaN": (
        csv_text([*NUMBERS, (1, 2, "nan")]),
        "t.csv, line 22, column 'label': 'nan' is not finite; replace it or remove the row",
    ),
    "constant": (
        csv_text([(*row[:2], 3.5) for row in NUMBERS]),
        "t.csv: column 'label' is 3.5 in every row; there is nothing to predict",
    ),
    "huge": (
        csv_text([(*row[:2], 1e300 * (-1) ** i) for i, row in enumerate(NUMBERS)]),
        "t.csv: numbers too large to standardise; scale them down",
    ),
}


@pytest.mark.parametrize("name", BAD_REGRESSIONS)
def test_bad_regression(name, capsys, here):
    text, message = BAD_REGRESSIONS[name]
    (here / "t.csv").write_text(text)
    fails(capsys, ["train", "--data", "t.csv", "--task", "regression"], message)
    assert listing(here) == ["t.csv"]


INFERRED = {
    "real numbers": ([i * 0.25 for i in range(20)], 20),
    "whole numbers, few rows of each": ([i // 2 for i in range(40)], 20),
    "negative and large": ([(-1) ** i * 10.0**i for i in range(11)], 11),
    "whole numbers, many rows of each": ([i % 11 for i in range(110)], None),
    "ten real numbers": ([i % 10 / 4 for i in range(20)], None),
    "words among numbers": (["a", *(i % 20 * 0.25 for i in range(60)), "a"], None),
    "digits without a value": (["9" * 5000, *(i % 20 * 0.25 for i in range(60)), "9" * 5000], None),
}


@pytest.mark.parametrize("name", INFERRED)
def test_many_different_numbers_are_predicted_and_not_taken_for_classes(name, here):
    y, different = INFERRED[name]
    (here / "t.csv").write_text(csv_text([(i, -i, label) for i, label in enumerate(y)]))
    found = data.read_dataset("t.csv")
    text = f" (column 'label' holds {different} different numbers; --task classification takes them for classes)"
    assert (found.task, found.inferred) == (("regression", text) if different else ("classification", ""))
    if different:
        np.savez("t.npz", x=np.ones((len(y), 2)), y=np.array(y))
        assert data.read_dataset("t.npz").inferred == text.replace("column 'label'", "y")


def test_classes_of_one_row_by_request(capsys, here):
    (here / "t.csv").write_text(csv_text(NUMBERS))
    message = (
        "t.csv: class '0.0' of column 'label' has one row, and needs two, to train and to test; remove it, or predict "
        "numbers by --task regression"
    )
    fails(capsys, ["train", "--data", "t.csv", "--task", "classification"], message)


GOOD_X, GOOD_Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
BAD_CELL = np.where(np.arange(40).reshape(20, 2) == 7, np.nan, GOOD_X)

BAD_ARRAYS = {
    "no x": (
        {"a": GOOD_X, "y": GOOD_Y},
        "has no array 'x'; its arrays are a, y; it needs x [rows, features] and y [rows]",
    ),
    "no y": ({"x": GOOD_X}, "has no array 'y'; its arrays are x; it needs x [rows, features] and y [rows]"),
    "flat x": ({"x": GOOD_X[:, 0], "y": GOOD_Y}, "x has shape (20,), but must be [rows, features]"),
    "no features": ({"x": GOOD_X[:, :0], "y": GOOD_Y}, "x has shape (20, 0), but must be [rows, features]"),
    "short y": (
        {"x": GOOD_X, "y": GOOD_Y[:3]},
        "y has shape (3,), but must have shape (20,), one entry for each row of x",
    ),
    "wide y": (
        {"x": GOOD_X, "y": GOOD_Y[:, None]},
        "y has shape (20, 1), but must have shape (20,), one entry for each row of x",
    ),
    "few rows": (
        {"x": GOOD_X[:3], "y": GOOD_Y[:3]},
        "has 3 rows: at least 10 are needed to train and to test",
    ),
    "complex x": ({"x": 1j * GOOD_X, "y": GOOD_Y}, "x must hold real numbers; its dtype is complex128"),
    "text x": ({"x": GOOD_X.astype(str), "y": GOOD_Y}, "x must hold real numbers; its dtype is <U32"),
    "NaN in x": ({"x": BAD_CELL, "y": GOOD_Y}, "x[3, 1] is nan; replace it or remove the row"),
    "NaN in y": ({"x": GOOD_X, "y": BAD_CELL[:, 1]}, "y[3] is nan; replace it or remove the row"),
    "half a class": (
        {"x": GOOD_X, "y": GOOD_Y / 2},
        "y holds 0.5, which cannot be a class; give integers or text, or predict numbers by --task regression",
    ),
    "one class": (
        {"x": GOOD_X, "y": 0 * GOOD_Y},
        "y holds one class only, '0'; two are needed (--target names another column)",
    ),
    "dates": (
        {"x": GOOD_X, "y": GOOD_Y.astype("M8[D]")},
        "y must hold classes, integers or text; its dtype is datetime64[D]",
    ),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays(name, capsys, here):
    arrays, message = BAD_ARRAYS[name]
    np.savez("t.npz", **arrays)
    separator = " " if message.startswith("has ") else ": "
    fails(capsys, ["train", "--data", "t.npz"], f"t.npz{separator}{message}")
    assert listing(here) == ["t.npz"]


def test_arrays_that_cannot_be_read(capsys, here):
    fails(capsys, ["train", "--data", "t.npz"], "cannot read t.npz: no such file or directory")
    np.savez("t.npz", x=GOOD_X, y=GOOD_Y)
    whole = (here / "t.npz").read_bytes()
    for bad in (b"", b"x,y\n1,2\n", whole[: len(whole) // 2]):
        (here / "t.npz").write_bytes(bad)
        message = "t.npz is damaged, or no .npz file of arrays; write it with numpy.savez(file, x=, y=)"
        fails(capsys, ["train", "--data", "t.npz"], message)


@pytest.mark.parametrize(
    "y, task, classes, expected",
    [
        (GOOD_Y + 3, "classification", ("3", "4"), GOOD_Y),
        (np.where(GOOD_Y, "yes", "no"), "classification", ("no", "yes"), GOOD_Y),
        (10.0 * (1 - GOOD_Y), "classification", ("0", "10"), 1 - GOOD_Y),
        (GOOD_Y.astype(bool), "classification", ("False", "True"), GOOD_Y),
        (GOOD_Y / 2, "regression", (), GOOD_Y / 2),
        (GOOD_Y.astype(np.float16), "regression", (), GOOD_Y),
    ],
)
def test_arrays(y, task, classes, expected, here):
    np.savez("t.npz", x=GOOD_X.astype(np.float32), labels=y)
    dataset = data.read_dataset("t.npz", "labels", task)
    assert (dataset.classes, dataset.task) == (classes, task)
    assert dataset.x.dtype == np.float64 and np.array_equal(dataset.x, GOOD_X)
    np.testing.assert_array_equal(dataset.y, expected)


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_table(name, capsys, here):
    text, message = BAD_TABLES[name]
    (here / "t.csv").write_text(text)
    fails(capsys, ["train", "--data", "t.csv"], message)
    assert listing(here) == ["t.csv"]


def test_file_that_is_no_text(capsys, here):
    (here / "t.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
    fails(capsys, ["train", "--data", "t.csv"], "t.csv is not a CSV file: it is not UTF-8 text")


def test_missing_file_and_directory(capsys, here):
    fails(capsys, ["train", "--data", "none.csv"], "cannot read none.csv: no such file or directory")
    (here / "d.csv").mkdir()
    fails(capsys, ["train", "--data", "d.csv"], "cannot read d.csv: is a directory")


@pytest.mark.parametrize(
    "header, target, message",
    [
        ("a,b,label", "lable", "--target lable: no such column in t.csv; it has a, b, label"),
        ("", "label", "--target label: t.csv has no header; give a column's number, 1 to 3"),
        ("", "4", "--target 4: t.csv has no header; give a column's number, 1 to 3"),
        ("", "0", "--target 0: t.csv has no header; give a column's number, 1 to 3"),
    ],
)
def test_unknown_target(header, target, message, capsys, here):
    (here / "t.csv").write_text(csv_text(header=header))
    fails(capsys, ["train", "--data", "t.csv", "--target", target], message)


@pytest.mark.parametrize(
    "header, target, names, target_name",
    [
        ("a,b,label", None, ("a", "b"), "label"),
        ("label,a,b", "label", ("a", "b"), "label"),
        ("", None, None, None),
        ("", "1", None, None),
    ],
)
def test_target_is_found(header, target, names, target_name, here):
    first = target is not None
    rows = [(row[2], *row[:2]) if first else row for row in ROWS]
    (here / "t.csv").write_text(csv_text(rows, header))
    dataset = data.read_dataset("t.csv", target)
    np.testing.assert_array_equal(dataset.x, [row[:2] for row in ROWS])
    assert [dataset.classes[i] for i in dataset.y] == [row[2] for row in ROWS]
    assert (dataset.classes, dataset.feature_names, dataset.target) == (("no", "yes"), names, target_name)


def test_byte_order_mark_crlf_quotes_and_blank_lines(here):
    (here / "t.csv").write_bytes(b'\xef\xbb\xbfa,b,"the, label"\r\n' + b'1, 2 ,"x ""y"""\r\n\r\n3,4e0,z\r\n' * 6)
    dataset = data.read_dataset("t.csv")
    assert (dataset.feature_names, dataset.target) == (("a", "b"), "the, label")
    assert dataset.classes == ('x "y"', "z")
    np.testing.assert_array_equal(dataset.x, [[1, 2], [3, 4]] * 6)


@pytest.mark.parametrize(
    "labels, classes",
    [(["10", "9", "-1"], ("-1", "9", "10")), (["10", "9", "b"], ("10", "9", "b")), (["1.0", "0.5"], ("0.5", "1.0"))],
)
def test_classes_are_sorted_as_numbers_only_if_all_are_integers(labels, classes, here):
    (here / "t.csv").write_text(csv_text([(i, label) for i, label in enumerate(labels * 6)], "x,label"))
    dataset = data.read_dataset("t.csv")
    assert dataset.classes == classes
    assert [dataset.classes[i] for i in dataset.y] == labels * 6


# -- Split and scale ---------------------------------------------------------------------------------------------------


def test_split_keeps_every_class_on_both_sides_and_follows_the_seed():
    y = np.array([0] * 50 + [1] * 2 + [2] * 10)
    train, test = data.split(y, seed=3)
    assert sorted([*train, *test]) == list(range(62))
    assert np.bincount(y[test]).tolist() == [10, 1, 2]
    again, other = data.split(y, seed=3), data.split(y, seed=4)
    assert np.array_equal(again[1], test) and not np.array_equal(other[1], test)


def test_scaler():
    x = np.array([[1.0, 7.0, 0.1], [3.0, 7.0, 0.1], [5.0, 7.0, 0.1]])
    scaler = data.Scaler.of(x, "t.csv")
    scaled = scaler(x)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled[:, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5)], rtol=1e-6)
    # Scaling leaves constant columns small: even the column of 0.1, whose mean differs from 0.1 in the last bit.
    np.testing.assert_allclose(scaled[:, 1:], 0, atol=1e-6)
    assert np.isfinite(scaler(np.full((1, 3), 1e300))).all()
