"""Damaged, edited and hostile files: one line says what is wrong, nothing is unpickled or unpacked, and every file stays."""

import io
import itertools
import json
import time
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from kaf_cli import csv_text, fails, first_version, listing, replaced

import kaf
from kaf.cli import data, model_file, predict
from kaf.cli.errors import CommandError

UNPICKLED = []


class Planted:
    """An object that leaves a trace if anything unpickles it."""

    def __reduce__(self):
        return UNPICKLED.append, ("unpickled",)


def npy(array):
    """The bytes of an .npy file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
    return file.getvalue()


def write_archive(path, members):
    """An .npz file whose members are arrays, or any bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content if isinstance(content, bytes) else npy(content))


def about(**changes):
    return json.dumps({**json.loads(first_version()["about"]), **changes})


OBJECTS = np.array([Planted(), Planted()], object)
CLAIMS_MUCH = npy(np.zeros(3)).replace(b"(3,)", b"(3" + b"0" * 12 + b",)").replace(b" " * 12 + b"\n", b"\n")
GOOD_X, GOOD_Y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2

# -- Models ------------------------------------------------------------------------------------------------------------

APART = "m.npz is damaged: its parts do not fit together; train it again"
BAD_MODELS = {
    "a member that is no array": (
        {"alpha": b"hello"},
        "m.npz is damaged: its array 'alpha' cannot be read; train it again",
    ),
    "an empty member": ({"mean": b""}, "m.npz is damaged: its array 'mean' cannot be read; train it again"),
    "Python objects": ({"mean": OBJECTS}, "m.npz is damaged: its array 'mean' cannot be read; train it again"),
    "more bytes": (
        {"mean": npy(np.zeros(3)) + b"x"},
        "m.npz is damaged: its array 'mean' cannot be read; train it again",
    ),
    "a header that claims much": (
        {"mean": CLAIMS_MUCH},
        "m.npz is damaged: its array 'mean' cannot be read; train it again",
    ),
    "an array missing": ({"alpha": None}, "m.npz is damaged: it has no array 'alpha'; train it again"),
    "no text": ({"about": None}, "m.npz is damaged: it has no array 'about'; train it again"),
    "no version": ({"version": None}, "m.npz is damaged: it has no array 'version'; train it again"),
    "no format": ({"format": None}, "m.npz is not a model file of kaf train; give the model.npz that kaf train wrote"),
    "many versions": ({"version": np.arange(90)}, APART),
    "a version of text": ({"version": "one"}, APART),
    "a long name of the format": (
        {"format": "x" * 10**6},
        "m.npz is damaged: its array 'format' has 4000128 bytes, which is too many; train it again",
    ),
    "a weight without axes": ({"hidden_weight": np.float32(1)}, APART),
    "a mean without axes": ({"mean": np.float64(1)}, APART),
    "a weight that is no number": ({"hidden_weight": np.full((3, 4), np.nan, np.float32)}, APART),
    "layers that do not fit": ({"output_weight": np.zeros((5, 3), np.float32)}, APART),
    "a scale of zero": ({"scale": np.zeros(3)}, APART),
    "a list": ({"about": "[]"}, APART),
    "nested": ({"about": "[" * 10**5}, APART),
    "a number of classes": ({"about": about(classes=3)}, APART),
    "no grid": ({"about": about(grid=None)}, APART),
    "a grid of words": ({"about": about(grid={"size": 6, "boundary": "wide"})}, APART),
    "layers of numbers": ({"version": 2, "about": about(layers=[1])}, APART),
    "layers of lists": ({"version": 2, "about": about(layers=[[]])}, APART),
    "few names": ({"about": about(feature_names=["a"])}, APART),
}


@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_model(name, capsys, here):
    changes, message = BAD_MODELS[name]
    write_archive("m.npz", {k: v for k, v in {**first_version(), **changes}.items() if v is not None})
    np.savez("t.npz", x=GOOD_X)
    before, start = (here / "m.npz").read_bytes(), time.perf_counter()
    fails(capsys, ["predict", "m.npz", "t.npz", "--out", "p.csv"], message)
    assert time.perf_counter() - start < 1.0
    assert UNPICKLED == [] and listing(here) == ["m.npz", "t.npz"] and (here / "m.npz").read_bytes() == before


def test_a_network_of_another_class(capsys, here):
    write_archive("m.npz", first_version())
    trained = model_file.load("m.npz")
    model_file.save("m.npz", replace(trained, model=kaf.KAN.init(0, [3, 4, 2])))
    np.savez("t.npz", x=GOOD_X)
    fails(capsys, ["predict", "m.npz", "t.npz", "--out", "p.csv"], APART)


def test_truncated_model(capsys, here):
    np.savez("m.npz", **first_version())
    np.savez("t.npz", x=GOOD_X)
    whole = (here / "m.npz").read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        (here / "m.npz").write_bytes(whole[:size])
        fails(
            capsys,
            ["predict", "m.npz", "t.npz"],
            "m.npz is damaged, or no model file of kaf; train it again",
        )


# -- Arrays ------------------------------------------------------------------------------------------------------------

REMEDY = "write it with numpy.savez(file, x=, y=)"
BAD_ARRAYS = {
    "x is no array": ({"x": b"hello", "y": GOOD_Y}, "its array 'x' cannot be read"),
    "y is no array": ({"x": GOOD_X, "y": b""}, "its array 'y' cannot be read"),
    "x holds Python objects": ({"x": OBJECTS, "y": GOOD_Y}, "its array 'x' cannot be read"),
    "y holds Python objects": ({"x": GOOD_X, "y": OBJECTS}, "its array 'y' cannot be read"),
    "x claims much": ({"x": CLAIMS_MUCH, "y": GOOD_Y}, "its array 'x' cannot be read"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays(name, capsys, here):
    members, message = BAD_ARRAYS[name]
    write_archive("t.npz", members)
    fails(capsys, ["train", "--data", "t.npz"], f"t.npz is damaged: {message}; {REMEDY}")
    assert UNPICKLED == [] and listing(here) == ["t.npz"]


@pytest.mark.parametrize(
    "read, members",
    [
        (model_file.load, first_version()),
        (data.read_dataset, {"x": GOOD_X, "y": GOOD_Y}),
        (data.read_npz_features, {"x": GOOD_X}),
    ],
    ids=["model", "data", "features"],
)
@pytest.mark.one_in(7)
def test_a_member_that_nobody_asks_for_is_not_unpacked(read, members, here):
    write_archive("a.npz", {**members, "bomb": np.zeros(2**25), "notes": b"hello", "objects": OBJECTS})
    assert (here / "a.npz").stat().st_size < 2**19
    read("a.npz")  # The first call imports modules.
    tracemalloc.start()
    try:
        read("a.npz")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**22 and UNPICKLED == []


BOMBS = {
    "x of other columns": ({"x": np.zeros((1, 2**25))}, "t.npz: x has 33554432 columns, but m.npz needs 3 features"),
    "x of more axes": (
        {"x": np.zeros((3, 2**23, 1))},
        "t.npz: x has shape (3, 8388608, 1), but must be [rows, features]",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.one_in(2)
def test_an_array_that_is_asked_for_is_not_unpacked_if_its_shape_is_wrong(name, capsys, here):
    members, message = BOMBS[name]
    np.savez("m.npz", **first_version())
    write_archive("t.npz", members)
    fails(
        capsys,
        ["predict", "m.npz", "m.npz"],
        "m.npz has no array 'x'; its arrays are about, alpha, format, "
        "hidden_bias, hidden_weight, mean, output_bias, output_weight, ... (10); it needs x [rows, features] and y [rows]",
    )
    tracemalloc.start()
    try:
        fails(capsys, ["predict", "m.npz", "t.npz"], message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**22


# -- CSV files ---------------------------------------------------------------------------------------------------------

LONG, DIGITS = "x" * 5000, "7" * 5000
SHORT, SHORT_DIGITS = "'" + "x" * 40 + "...' (5000 characters)", "'" + "7" * 40 + "...' (5000 characters)"
BAD_TABLES = {
    "a long cell": (
        csv_text(replaced(3, 1, LONG)),
        [],
        f"t.csv, line 5, column 'b': {SHORT} is not a number; every column but the class must be numeric",
    ),
    "a cell of digits": (
        csv_text(replaced(3, 1, DIGITS)),
        [],
        f"t.csv, line 5, column 'b': {SHORT_DIGITS} is not finite; replace it or remove the row",
    ),
    "a label of digits": (
        csv_text(replaced(3, 2, DIGITS)),
        [],
        f"t.csv: class {SHORT_DIGITS} of column 'label' has one row, and needs two, to train and to test; remove it, or "
        "name the class column by --target",
    ),
    "only labels of digits": (
        csv_text([(i, DIGITS) for i in range(20)], "a,b"),
        [],
        f"t.csv: column 'b' holds one class only, {SHORT_DIGITS}; two are needed (--target names another column)",
    ),
    "a target of digits": (
        csv_text(header=""),
        ["--target", DIGITS],
        f"--target {SHORT_DIGITS[1:].replace(chr(39), '')}: t.csv has no header; give a column's number, 1 to 3",
    ),
    "a long name": (
        csv_text(replaced(0, 0, "many"), header=f"{LONG},b,label"),
        [],
        f"t.csv, line 2, column {SHORT}: 'many' is not a number; every column but the class must be numeric",
    ),
    "long names to choose from": (
        csv_text(header=f"{LONG},b,label"),
        ["--target", "c"],
        f"--target c: no such column in t.csv; it has {SHORT.replace(chr(39), '')}, b, label",
    ),
    "names of several lines": (
        csv_text(header='"a\nc",b,label'),
        ["--target", "c"],
        "--target c: no such column in t.csv; it has a\\nc, b, label",
    ),
    "twice a long name": (
        csv_text(header=f"{LONG},{LONG},label"),
        [],
        f"t.csv: two columns are named {SHORT}; rename one",
    ),
    "a line below a cell of several lines": (
        csv_text([(1, 2, '"a\nb"'), ("many", 2, "c")] * 6),
        [],
        "t.csv, line 4, column 'a': 'many' is not a number; every column but the class must be numeric",
    ),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_table(name, capsys, here):
    text, options, message = BAD_TABLES[name]
    (here / "t.csv").write_text(text)
    start = time.perf_counter()
    fails(capsys, ["train", "--data", "t.csv", *options], message)
    assert time.perf_counter() - start < 1.0
    assert listing(here) == ["t.csv"] and (here / "t.csv").read_text() == text


def test_an_option_of_many_digits(capsys):
    with pytest.raises(CommandError) as error:
        from kaf.cli.arguments import make_parser

        make_parser().parse_args(["fit", "--centers", DIGITS])
    assert len(str(error.value)) < 300 and SHORT_DIGITS in str(error.value)


def test_labels_of_many_digits_are_classes_in_the_order_of_numbers(here):
    labels = ["-" + DIGITS, "-3", "07", "7", DIGITS, DIGITS + "0"]
    rows = [(i, label) for i, label in enumerate(labels[::-1] * 2)]
    (here / "t.csv").write_text(csv_text(rows, "a,label"))
    assert data.read_dataset("t.csv").classes == tuple(labels)


def test_line_ends_within_quotes_stay(here):
    cells = ["a\r\nb", "a\nb", "a\rb"]
    rows = b"".join(b'%d,"%s"\r\n' % (i, cell.encode()) for i, cell in enumerate(cells * 4))
    (here / "t.csv").write_bytes(b'n,"the\r\nlabel"\r\n' + rows)
    dataset = data.read_dataset("t.csv")
    assert set(dataset.classes) == set(cells) and dataset.target == "the\r\nlabel"
    assert [dataset.classes[i] for i in dataset.y] == cells * 4


@pytest.mark.parametrize("value", [0.0, 7.0, -0.1, 1e-300, 1e150])
def test_a_constant_column_becomes_zeros(value):
    x = np.column_stack([np.full(30, value), np.arange(30.0)])
    scaler = data.Scaler.of(x, "t.csv")
    assert scaler.scale[0] == 1.0 and (scaler(x)[:, 0] == 0).all()
    # A column that varies around 0, however little, is no constant column.
    little = (x[:, 1:] - 14.5) * 1e-100
    np.testing.assert_allclose(data.Scaler.of(little, "t.csv")(little).std(0), 1.0, rtol=1e-5)


def test_names_are_checked_in_linear_time():
    seconds = []
    for count in (10_000, 40_000):
        names = tuple(f"n{i}" for i in range(count))
        table = data.Table("t.csv", names[::-1], [["1"] * count], [2])
        trained = model_file.Trained(None, data.Scaler(np.zeros(count), np.ones(count)), (), names)
        start = time.perf_counter()
        data._check_names("t.csv", names)
        assert predict.find_features(table, trained, "m.npz") == list(range(count))[::-1]
        seconds.append(time.perf_counter() - start)
    assert seconds[1] < 0.5


def test_the_first_repeated_name_is_found():
    for names in itertools.permutations(["a", "b", "b", "c"]):
        with pytest.raises(CommandError, match="t.csv: two columns are named 'b'; rename one"):
            data._check_names("t.csv", names)
