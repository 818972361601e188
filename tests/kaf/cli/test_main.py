"""`kaf` on the command line: help, every error of the user as one line, and what runs on NumPy alone."""

import re
import subprocess
import sys

import numpy as np
import pytest

import minijax
from kaf import backend as kaf_backend
from kaf.cli import data, files
from kaf.cli.main import main
from minijax.lowering import xla

COMMANDS = ("train", "predict", "experiment", "fit", "jaxpr", "check")

ROWS = [(i * 0.5, -i, "yes" if i % 2 else "no") for i in range(20)]


def csv_text(rows=ROWS, header="a,b,label"):
    lines = [header] if header else []
    return "\n".join(lines + [",".join(map(str, row)) for row in rows]) + "\n"


def replaced(i, j, cell):
    """ROWS with another cell in row i, column j."""
    return [tuple(cell if (i, j) == (m, n) else old for n, old in enumerate(row)) for m, row in enumerate(ROWS)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty directory to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listing(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def fails(capsys, argv, message):
    """`kaf argv` says `message` in its one line on stderr, and exits with 2."""
    status = main(argv)
    out, err = capsys.readouterr()
    assert err == f"kaf: error: {message}\n"
    assert out == ""
    assert status == 2


# -- Help --------------------------------------------------------------------------------------------------------------


def test_module_prints_help():
    run = subprocess.run([sys.executable, "-m", "kaf", "--help"], capture_output=True, text=True)
    assert run.returncode == 0 and run.stderr == ""
    assert all(re.search(rf"^    {command}\s", run.stdout, re.M) for command in COMMANDS)
    assert "examples:" in run.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_that_parse(command, capsys):
    from kaf.cli.arguments import make_parser

    with pytest.raises(SystemExit) as exit:
        main([command, "--help"])
    assert exit.value.code == 0
    examples = re.findall(r"^  kaf (.*)$", capsys.readouterr().out.partition("examples:")[2], re.M)
    assert examples
    assert {make_parser().parse_args(example.split()).command for example in examples} == {command}


def test_numpy_is_enough_for_help_and_jaxpr():
    blocked = ("rich", "matplotlib", "sklearn", "jax", "jaxlib", "scipy", "equinox")
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked})); from kaf.cli.main import main; "
        "sys.exit(main(['jaxpr']) or main(['jaxpr', '--grad', '--vmap']))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.count("{ lambda ") == 2


# -- Arguments ---------------------------------------------------------------------------------------------------------

BAD_ARGUMENTS = [
    ([], "the following arguments are required: COMMAND; see kaf --help"),
    (
        ["train", "--backend", "torch"],
        "argument --backend: there is no backend 'torch'; choose one of minijax, jax; see kaf train --help",
    ),
    (
        ["train", "--compiler", "llvm"],
        "argument --compiler: there is no compiler 'llvm'; choose one of numpy, xla; see kaf train --help",
    ),
    (["train", "--units", "0"], "argument --units: '0' is not a whole number from 1 to 100000; see kaf train --help"),
    (
        ["train", "--units", "3.5"],
        "argument --units: '3.5' is not a whole number from 1 to 100000; see kaf train --help",
    ),
    (
        ["train", "--epochs", "-1"],
        "argument --epochs: '-1' is not a whole number from 1 to 1000000; see kaf train --help",
    ),
    (["train", "--lr", "nan"], "argument --lr: 'nan' is not a number from 1e-09 to 1e+09; see kaf train --help"),
    (["train", "--lr", "fast"], "argument --lr: 'fast' is not a number from 1e-09 to 1e+09; see kaf train --help"),
    (
        ["fit", "relu", "--centers", "1"],
        "argument --centers: '1' is not a whole number from 2 to 1000; see kaf fit --help",
    ),
    (
        ["fit", "elu", "--boundary", "0"],
        "argument --boundary: '0' is not a number from 0.001 to 1000; see kaf fit --help",
    ),
    (["fit", "elu", "--eps", "0"], "argument --eps: '0' is not a number from 1e-12 to 1000; see kaf fit --help"),
    (
        ["fit", "elu", "--rule", "mine"],
        "argument --rule: there is no rule 'mine'; choose one of paper, code; see kaf fit --help",
    ),
    (
        ["fit", "rleu"],
        "argument FUNCTION: there is no function 'rleu'; choose one of relu, leaky_relu, elu, tanh, sigmoid, softplus, "
        "gelu, silu, identity; see kaf fit --help",
    ),
    (["jaxpr", "--hess"], "unrecognized arguments: --hess; see kaf --help"),
    (["predict", "model.npz"], "the following arguments are required: FILE; see kaf predict --help"),
    (
        ["train", "--data", "digit"],
        "--data digit: there is no such data set and no such file; choose digits, breast_cancer, moons, diabetes, or a CSV "
        "or .npz file",
    ),
    (
        ["train", "--data", "moons", "--target", "x"],
        "--target is for files; the bundled data sets know their targets",
    ),
    (
        ["train", "--data", "moons", "--task", "regression"],
        "--task is for files; the bundled data sets know their targets",
    ),
    (
        ["train", "--units", "8,x"],
        "argument --units: 'x' is not a whole number from 1 to 100000; see kaf train --help",
    ),
    (
        ["train", "--compare", "relu,swish"],
        "argument --compare: there is no activation 'swish'; choose one of relu, tanh, elu, gelu, all, none; "
        "see kaf train --help",
    ),
    (["train", "--compare", "none,relu"], "argument --compare: 'none' stands alone; see kaf train --help"),
    (
        ["train", "--schedule", "linear"],
        "argument --schedule: there is no schedule 'linear'; choose one of constant, cosine, warmup_cosine; "
        "see kaf train --help",
    ),
    (
        ["train", "--init", "step"],
        "argument --init: there is no function to start as 'step'; choose one of random, relu, leaky_relu, elu, tanh, "
        "sigmoid, softplus, gelu, silu, identity; see kaf train --help",
    ),
    (
        ["train", "--validation", "1"],
        "argument --validation: '1' is not a number from 0.01 to 0.9; see kaf train --help",
    ),
    (
        ["train", "--alpha-decay", "-1"],
        "argument --alpha-decay: '-1' is not a number from 0 to 1e+06; see kaf train --help",
    ),
    (
        ["train", "--data", "moons", "--patience", "5"],
        "--patience looks at the validation loss: give --validation 0.2, say",
    ),
]


@pytest.mark.parametrize("argv, message", BAD_ARGUMENTS, ids=lambda case: "-".join(case) if type(case) is list else "")
def test_bad_arguments(argv, message, capsys, here):
    fails(capsys, argv, message)
    assert listing(here) == []


def test_unknown_command(capsys):
    assert main(["trian"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert re.match(r"kaf: error: argument COMMAND: invalid choice: '?trian'? \(choose from .*\); see kaf --help", err)


def test_unknown_backend_in_the_environment(capsys, monkeypatch, here):
    monkeypatch.setenv("KAF_BACKEND", "torch")
    message = "the environment variable KAF_BACKEND: there is no backend 'torch'; choose one of 'minijax', 'jax'"
    for argv in (["jaxpr"], ["train", "--data", "moons"]):
        fails(capsys, argv, message)
    assert listing(here) == []


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


def test_numbers_taken_for_classes(capsys, here):
    (here / "t.csv").write_text(csv_text(NUMBERS))
    message = (
        "t.csv: class '0.0' of column 'label' has one row, and needs two, to train and to test; remove it, or predict "
        "numbers by --task regression"
    )
    fails(capsys, ["train", "--data", "t.csv"], message)


GOOD_X, GOOD_Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
BAD_CELL = np.where(np.arange(40).reshape(20, 2) == 7, np.nan, GOOD_X)

BAD_ARRAYS = {
    "no x": ({"a": GOOD_X, "y": GOOD_Y}, "has no array 'x'; it has a, y; x [rows, features] and y [rows] are needed"),
    "no y": ({"x": GOOD_X}, "has no array 'y'; it has x; x [rows, features] and y [rows] are needed"),
    "flat x": ({"x": GOOD_X[:, 0], "y": GOOD_Y}, "x has shape (20,), and must be [rows, features]"),
    "no features": ({"x": GOOD_X[:, :0], "y": GOOD_Y}, "x has shape (20, 0), and must be [rows, features]"),
    "short y": (
        {"x": GOOD_X, "y": GOOD_Y[:3]},
        "y has shape (3,), and must be (20,), one for each row of x",
    ),
    "wide y": (
        {"x": GOOD_X, "y": GOOD_Y[:, None]},
        "y has shape (20, 1), and must be (20,), one for each row of x",
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
        "y holds 0.5, which is no class; give integers or text, or predict numbers by --task regression",
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
        message = "t.npz is damaged, or no .npz file of arrays; write it by numpy.savez(file, x=, y=)"
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
    # Constant columns are not blown up, not even 0.1, whose mean is off by a bit.
    np.testing.assert_allclose(scaled[:, 1:], 0, atol=1e-6)
    assert np.isfinite(scaler(np.full((1, 3), 1e300))).all()


# -- The output directory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [["train", "--data", "moons"], ["fit", "relu"]], ids=["train", "fit"])
def test_unwritable_directory_is_told_before_any_work(argv, capsys, here, monkeypatch):
    (here / "file").write_text("mine")
    for out in ("file", "file/below"):
        message = f"--out {out}: {here / 'file'} is a file, not a directory; give another directory"
        fails(capsys, [*argv, "--out", out], message)

    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
    fails(capsys, [*argv, "--out", "new"], "--out new: cannot write there: permission denied; give another directory")
    assert listing(here) == ["file"] and (here / "file").read_text() == "mine"


def test_directory_in_the_place_of_a_file(capsys, here):
    (here / "out" / "model.npz").mkdir(parents=True)
    message = "--out out: out/model.npz is a directory; move it or give another --out"
    fails(capsys, ["train", "--data", "moons", "--out", "out"], message)


# -- Missing packages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv, package, needed_by",
    [
        (["train"], "rich", "kaf train"),
        (["train"], "matplotlib", "kaf train"),
        (["train", "--data", "digits"], "sklearn", "--data digits"),
        (["fit", "relu"], "matplotlib", "kaf fit"),
        (["check"], "rich", "kaf check"),
    ],
    ids=lambda case: case if isinstance(case, str) else " ".join(case),
)
def test_missing_package(argv, package, needed_by, capsys, here, monkeypatch):
    for module in [name for name in sys.modules if name.startswith("kaf.cli.") and name != "kaf.cli.errors"]:
        monkeypatch.delitem(sys.modules, module)
    for module in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    fails(capsys, argv, f"{needed_by} needs the package {package}, which is not installed: pip install 'minijax[kaf]'")
    assert listing(here) == []


def test_missing_jax(capsys, monkeypatch):
    monkeypatch.delitem(kaf_backend._loaded, "jax", raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)
    message = "kaf's backend 'jax' needs JAX, which is not installed: pip install 'minijax[jax]'"
    fails(capsys, ["check"], message)
    fails(capsys, ["jaxpr", "--backend", "jax"], message)


def test_missing_jaxlib(capsys, here, monkeypatch):
    xla._xla.cache_clear()
    monkeypatch.setitem(sys.modules, "jax", None)
    argv = ["train", "--data", "moons", "--compiler", "xla", "--backend", "minijax"]
    message = str(minijax.errors.xla_missing(xla.KNOWN)).rstrip(".")
    fails(capsys, argv, message)
    assert listing(here) == [] and minijax.config.minijax_compiler == "numpy"


def test_jax_has_one_compiler(capsys, here):
    message = "--compiler is for the backend minijax; jax has XLA alone"
    fails(capsys, ["train", "--backend", "jax", "--compiler", "xla"], message)


def test_xla_trains_to_the_same(capsys, here):
    argv = ["train", "--data", "moons", "--units", "3", "--epochs", "2", "--compare", "none"]
    losses = []
    for compiler in ("numpy", "xla"):
        assert main([*argv, "--compiler", compiler, "--out", compiler]) == 0
        losses.append(re.findall(r"loss (\S+)", capsys.readouterr().out))
    assert losses[0] == losses[1] and losses[0]
    assert minijax.config.minijax_compiler == "numpy"


# -- Files that are whole ----------------------------------------------------------------------------------------------


def test_replacing_keeps_the_old_file_until_the_new_one_is_whole(here, monkeypatch):
    path = here / "f"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as file:
        file.write(b"half")
        assert 1 / 0
    assert (listing(here), path.read_text()) == (["f"], "old")

    def refuse(source, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(files.CommandError) as error:
        patched.setattr(files.files.os, "replace", refuse)
        with files.replacing(path) as file:
            file.write(b"whole")
    assert str(error.value) == f"cannot write {path}: no space left on device; nothing was changed"
    assert (listing(here), path.read_text()) == (["f"], "old")
    with files.replacing(path) as file:
        file.write(b"whole")
        assert path.read_text() == "old"
    assert (listing(here), path.read_text()) == (["f"], "whole")


def test_files_get_the_permissions_of_any_new_file(here):
    with files.replacing(here / "f") as file:
        file.write(b"x")
    (here / "g").write_text("x")
    assert (here / "f").stat().st_mode == (here / "g").stat().st_mode
