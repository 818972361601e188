"""Data for the commands: reading CSV and .npz files with errors that name the place, splitting, and standardising."""

import csv
import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from kaf.cli.errors import CommandError
from kaf.cli.files import reason
from kaf.train.files import UNREADABLE, ArrayError, open_arrays, quoted, shown

LEAST_ROWS = 10
TEST_SHARE = 0.2
_MOST_NUMBERED_CLASSES = 10
_WRITE = "write it with numpy.savez(file, x=, y=)"


@dataclass(frozen=True)
class Table:
    """A CSV file as text: the cells of its rows, the `names` in its header (None without one), and the line number of each
    row."""

    path: str
    names: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]

    @property
    def width(self):
        """The number of columns."""
        return len(self.rows[0])

    def column(self, j):
        """How messages call column `j`: by its name, or without a header by its number, counted from 1."""
        return f"column {quoted(self.names[j])}" if self.names else f"column {j + 1}"


@dataclass(frozen=True)
class Dataset:
    """Examples to learn from.

    x                       float64 [n, features]
    y                       int64 [n], indices into `classes`; or, if there are no classes, float64 [n], numbers to predict
    feature_names, target   the names from the header; None without one
    inferred                why the target was taken for numbers, if the user did not say it, as text to append; else ""
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    feature_names: tuple[str, ...] | None
    target: str | None
    inferred: str = ""

    @property
    def task(self):
        """classification or regression."""
        return "classification" if self.classes else "regression"


# -- Files -------------------------------------------------------------------------------------------------------------


def read_table(path):
    """The Table in the CSV file at `path`. The first row is a header if none of its cells is a number.

    Raises CommandError if the file cannot be read, is empty, or has rows of different lengths.
    """
    rows, lines = _read_rows(path)
    if not rows:
        raise CommandError(f"{path} is empty: a CSV file of numbers is needed")
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            raise CommandError(f"{path}, line {line}: {_n(len(row), 'cell')} where line {lines[0]} has {width}")
    names = None
    if not any(is_number(cell) for cell in rows[0]):
        names, rows, lines = tuple(rows[0]), rows[1:], lines[1:]
        _check_names(path, names)
    if not rows:
        raise CommandError(f"{path} has no rows below its header")
    return Table(path, names, rows, lines)


def _read_rows(path):
    rows, lines = [], []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                if any(cell.strip() for cell in row):
                    rows.append([cell.strip() for cell in row])
                    lines.append(reader.line_num)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not a CSV file: it is not UTF-8 text") from error
    except csv.Error as error:
        raise CommandError(f"{path} is not a CSV file: line {reader.line_num}: {error}") from error
    return rows, lines


def _check_names(path, names):
    seen = set()
    for j, name in enumerate(names):
        if not name:
            raise CommandError(f"{path}: column {j + 1} has no name in the header; name it")
        if name in seen:
            raise CommandError(f"{path}: two columns are named {quoted(name)}; rename one")
        seen.add(name)
    separator = next((s for s in ";\t|" if s in names[0]), None)
    if len(names) == 1 and separator:
        raise CommandError(f"{path} has only one column, with {separator!r} in it: separate the cells by commas")


def is_number(cell):
    """Whether the text is a number, finite or not. float accepts 1_000, but in a table this is a name or a mistake.

    >>> is_number("-1e3"), is_number("1_000")
    (True, False)
    """
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def numbers(table, columns, remedy="every column but the class must be numeric"):
    """The cells of `columns`, float64 [rows, columns].

    Raises CommandError that names the first cell that is not a finite number. `remedy` is what the message advises if the cell
    is not a number.
    """
    x = np.empty((len(table.rows), len(columns)))
    for i, row in enumerate(table.rows):
        for k, j in enumerate(columns):
            x[i, k] = float(row[j]) if is_number(row[j]) else math.nan
            if not math.isfinite(x[i, k]):
                raise _bad_cell(table, i, j, remedy)
    return x


def _bad_cell(table, i, j, remedy=""):
    cell = table.rows[i][j]
    where = f"{table.path}, line {table.lines[i]}, {table.column(j)}"
    if not cell:
        return CommandError(f"{where}: the cell is empty; fill it in or remove the row")
    if is_number(cell):
        return CommandError(f"{where}: {quoted(cell)} is not finite; replace it or remove the row")
    if i == 0 and table.names is None:
        remedy += ", and a header must hold no number"
    return CommandError(f"{where}: {quoted(cell)} is not a number; {remedy}")


def read_dataset(path, target=None, task=None):
    """The Dataset in a file. A file .npz holds arrays; any other file is read as CSV.

    `target` is the column with the classes or the numbers to predict: its name, or without a header its number, counted from 1;
    by default the last column. For an .npz file it is the name of an array, by default y. `task` is "classification" or
    "regression"; by default it is regression if the target holds many different numbers (see `_inferred`). Raises
    CommandError if the file cannot be read, or is not fit to learn from.
    """
    return (_read_npz if is_npz(path) else _read_csv)(path, target, task)


def is_npz(path):
    """Whether a file is read as arrays, which its name decides.

    >>> is_npz("a.npz"), is_npz("a.csv")
    (True, False)
    """
    return str(path).lower().endswith(".npz")


def _read_csv(path, target, task):
    table = read_table(path)
    j = table.width - 1 if target is None else _find_target(table, target)
    if table.width < 2:
        raise CommandError(f"{path} has only one column: features and a class column are needed")
    features = [k for k in range(table.width) if k != j]
    labels = [row[j] for row in table.rows]
    if "" in labels:
        raise _bad_cell(table, labels.index(""), j)
    _check_rows(path, len(labels))
    # This comes before the check of the classes. If a header was read as a row, the message should be about its cells, and not
    # about a class that has one row only.
    x = numbers(table, features)
    inferred = _inferred(table.column(j), labels) if task is None else ""
    if task == "regression" or inferred:
        classes, y = (), numbers(table, [j], "the column to predict must be numeric")[:, 0]
        _check_varies(path, table.column(j), y)
    else:
        classes, y = _classes(labels)
        _check_classes(path, table.column(j), classes, y, "name the class column by --target")
    names = tuple(table.names[k] for k in features) if table.names else None
    return Dataset(str(path), x, y, classes, names, table.names[j] if table.names else None, inferred)


def _inferred(what, labels):
    """Why the labels are numbers to predict and not classes, as text; "" if they are classes.

    They are numbers if more than ten differ, and if one of them is not whole or fewer than ten rows have each.

    >>> _inferred("y", [str(i / 4) for i in range(11)])
    ' (y holds 11 different numbers; --task classification takes them for classes)'
    >>> _inferred("y", ["0", "0.5", "1"] * 100)
    ''
    """
    found = set(labels)
    values = [float(label) for label in found if is_number(label)]
    if len(found) <= _MOST_NUMBERED_CLASSES or len(values) < len(found) or not all(map(math.isfinite, values)):
        return ""
    if all(map(float.is_integer, values)) and len(labels) >= 10 * len(found):
        return ""
    return f" ({what} holds {len(found)} different numbers; --task classification takes them for classes)"


def _check_rows(path, rows):
    if rows < LEAST_ROWS:
        raise CommandError(f"{path} has {_n(rows, 'row')}: at least {LEAST_ROWS} are needed to train and to test")


def _check_varies(path, what, y):
    if y.min() == y.max():
        raise CommandError(f"{path}: {what} is {y[0]:g} in every row; there is nothing to predict")


def _find_target(table, target):
    if table.names is None:
        if not target.isascii() or not target.isdecimal() or not 1 <= Decimal(target) <= table.width:
            raise CommandError(
                f"--target {shown(target)}: {table.path} has no header; give a column's number, 1 to {table.width}"
            )
        return int(target) - 1
    if target not in table.names:
        raise CommandError(f"--target {shown(target)}: no such column in {table.path}; it has {listing(table.names)}")
    return table.names.index(target)


def _classes(labels):
    found = set(labels)
    # int() refuses more than 4,300 digits, and Decimal takes any number of them. Labels as 7 and 07 are one number, so the text
    # decides between them.
    as_numbers = all(_is_integer(label) for label in found)
    classes = sorted(found, key=lambda label: (Decimal(label), label)) if as_numbers else sorted(found)
    number = {label: i for i, label in enumerate(classes)}
    return tuple(classes), np.array([number[label] for label in labels])


def _is_integer(label):
    return label.isascii() and label.removeprefix("-").isdecimal()


def _check_classes(path, what, classes, y, remedy):
    if len(classes) == 1:
        raise CommandError(
            f"{path}: {what} holds one class only, {quoted(classes[0])}; two are needed (--target names another column)"
        )
    counts = np.bincount(y)
    if counts.min() < 2:
        numeric = all(is_number(label) for label in classes) and len(classes) > 10
        raise CommandError(
            f"{path}: class {quoted(classes[counts.argmin()])} of {what} has one row, and needs two, "
            f"to train and to test; remove it, or {'predict numbers by --task regression' if numeric else remedy}"
        )


# -- Arrays ------------------------------------------------------------------------------------------------------------


def read_npz_features(path, needed=None, needed_by=None):
    """The array x of an .npz file, float64 [rows, features], and the cells of its array y as text; None if it has none.

    Raises CommandError for a file without an array x, and for another number of features than the model `needed_by` needs. An
    array of another shape is not read.
    """

    def check(x, y=None):
        _check_features(path, x)
        if needed is not None and x.shape[1] != needed:
            raise CommandError(f"{path}: x has {x.shape[1]} columns, but {needed_by} needs {needed} features")
        return ["x"] if y is None or y.shape != x.shape[:1] else ["x", "y"]

    arrays = _arrays(path, ["x"], ["y"], check)
    x, y = _finite(path, "x", arrays["x"]), arrays.get("y")
    if y is None:
        return x, None
    if y.dtype.kind == "f" and (y == np.rint(y)).all():
        y = y.astype(np.int64)  # as the names of classes are made, see `_labels`
    return x, [str(label) for label in y.tolist()]


def _read_npz(path, target, task):
    name = target or "y"

    def check(**peeked):
        x, y = peeked["x"], peeked[name]
        _check_features(path, x)
        if y.shape != x.shape[:1]:
            raise CommandError(
                f"{path}: {name} has shape {y.shape}, but must have shape ({x.shape[0]},), one entry for each row of x"
            )
        return ["x", name]

    arrays = _arrays(path, ["x", name], (), check)
    x, y = _finite(path, "x", arrays["x"]), arrays[name]
    _check_rows(path, len(x))
    inferred = _inferred(name, list(map(str, y.tolist()))) if task is None and y.dtype.kind in "biuf" else ""
    if task == "regression" or inferred:
        classes, y = (), _finite(path, name, y)
        _check_varies(path, name, y)
    else:
        classes, y = _classes(_labels(path, name, y))
        _check_classes(path, name, classes, y, "give other labels")
    return Dataset(str(path), x, y, classes, None, None, inferred)


def _check_features(path, x):
    if len(x.shape) != 2 or not x.shape[1]:
        raise CommandError(f"{path}: x has shape {x.shape}, but must be [rows, features]")


def _arrays(path, wanted, optional, check):
    """The arrays by name. `check` gets them before they are read, with their shapes, and returns the names of those to read."""
    try:
        with open_arrays(path) as arrays:
            for name in wanted:
                if name not in arrays:
                    raise CommandError(
                        f"{path} has no array {quoted(name)}; its arrays are {listing(sorted(arrays.names))}; "
                        "it needs x [rows, features] and y [rows]"
                    )
            peeked = {name: arrays.peek(name) for name in (*wanted, *optional) if name in arrays}
            return {name: peeked[name].read() for name in check(**peeked)}
    except OSError as error:
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
    except ArrayError as error:
        raise CommandError(f"{path} is damaged: {error}; {_WRITE}") from error
    except UNREADABLE as error:
        raise CommandError(f"{path} is damaged, or no .npz file of arrays; {_WRITE}") from error


def _finite(path, name, array):
    if array.dtype.kind not in "biuf":
        raise CommandError(f"{path}: {name} must hold real numbers; its dtype is {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise CommandError(
            f"{path}: {name}[{', '.join(map(str, where))}] is {array[where]}; replace it or remove the row"
        )
    return array


def _labels(path, name, y):
    if y.dtype.kind == "f":
        whole = _finite(path, name, y)
        if not (whole == np.rint(whole)).all():
            raise CommandError(
                f"{path}: {name} holds {whole[whole != np.rint(whole)][0]:g}, which cannot be a class; "
                "give integers or text, or predict numbers by --task regression"
            )
        y = whole.astype(np.int64)
    if y.dtype.kind not in "biuU":
        raise CommandError(f"{path}: {name} must hold classes, integers or text; its dtype is {y.dtype}")
    return [str(label) for label in y.tolist()]


def listing(names, most=8):
    """A list of names for a message, at most `most` of them.

    >>> listing("abc"), listing("abcd", most=2)
    ('a, b, c', 'a, b, ... (4)')
    """
    return ", ".join(map(shown, names[:most])) + (f", ... ({len(names)})" if len(names) > most else "")


def _n(count, noun):
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# -- Split and scale ---------------------------------------------------------------------------------------------------


def split(y, seed):
    """Row numbers (train, test). The test gets a fifth of each class, and at least one row of it.

    >>> [len(part) for part in split(np.array([0] * 10 + [1] * 5), seed=0)]
    [12, 3]
    """
    generator = np.random.default_rng(seed)
    train, test = [], []
    for label in np.unique(y):
        rows = generator.permutation(np.flatnonzero(y == label))
        held_out = max(1, round(TEST_SHARE * len(rows)))
        test.append(rows[:held_out])
        train.append(rows[held_out:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test))


def split_rows(rows, seed):
    """Row numbers (train, test) for data without classes. The test gets a fifth of the rows.

    >>> [len(part) for part in split_rows(15, seed=0)]
    [12, 3]
    """
    order = np.random.default_rng(seed).permutation(rows)
    held_out = max(1, round(TEST_SHARE * rows))
    return np.sort(order[held_out:]), np.sort(order[:held_out])


@dataclass(frozen=True)
class Scaler:
    """The mean and the standard deviation of each feature, float64 [features]. Calling it standardises features."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, x, where):
        """The Scaler of x [n, features]. The scale of a constant feature is 1.

        If the numbers overflow, CommandError is raised; its message begins with `where`.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scale = x.mean(0), x.std(0)
        if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
            raise CommandError(f"{where}: numbers too large to standardise; scale them down")
        # By rounding, a constant column can have a standard deviation of about its last bit. It must not be scaled up to 1.
        constant = scale <= 1e-12 * np.abs(mean)
        # The mean of a constant column can differ from its number by rounding: by 1e134 if the number is 1e150.
        return cls(np.where(constant, x[0], mean), np.where(constant, 1.0, scale))

    def __call__(self, x):
        """The standardised features, float32 [n, features]. A value that is too large for float32 becomes its largest number."""
        limit = np.finfo(np.float32).max
        with np.errstate(over="ignore"):
            return np.clip((x - self.mean) / self.scale, -limit, limit).astype(np.float32)
