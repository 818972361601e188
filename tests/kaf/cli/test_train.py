"""`kaf train` and `kaf predict` on small tables: the files that they write and read, interruptions, and resumed training."""

import csv
import io
import os
import re

import numpy as np
import pytest
from kaf_cli import first_version

from kaf import KAF, Grid, KAFNet, Linear, ridge_alpha, save
from kaf.cli import model_file
from kaf.cli import train as cli_train
from kaf.cli.data import Scaler
from kaf.cli.main import main
from kaf.cli.report import Report, figure
from kaf.train import loop as train
from kaf.train import seeds

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).round(3)
SIGN = np.where(X[:, 0] + X[:, 1] > 0, "pos", "neg")
TARGETS = {
    "two classes": SIGN,
    "three classes": np.digitize(X[:, 0], (-0.5, 0.5)),
    "numbers": (100 + 10 * X[:, 0]).round(2),
}
WRITTEN = ["activations.png", "losses.png", "model.npz", "report.md"]
FAST = ["--units", "3", "--epochs", "3", "--batch-size", "16", "--centers", "8"]


def write_table(name, kind):
    """The table as CSV or npz, and the arguments that train on it."""
    y = TARGETS[kind]
    if name.endswith(".npz"):
        np.savez(name, x=X, y=y)
    else:
        with open(name, "w", newline="") as file:
            csv.writer(file).writerows(
                [("a", "b", "c", "y"), *([*row, label] for row, label in zip(X, y, strict=True))]
            )
    return ["train", "--data", name, *(["--task", "regression"] if kind == "numbers" else []), *FAST]


def succeeds(capsys, argv):
    status = main(argv)
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    return out


def results(out):
    """The rows of the table, without their seconds."""
    lines = out.partition("Results")[2].splitlines()
    return [re.split(r"\s{2,}", line.strip())[:6] for line in lines if re.match(r" (KAF|ReLU|tanh|ELU|GELU)", line)]


@pytest.mark.parametrize("name", ["t.csv", "t.npz"])
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.one_in(12)
def test_train_and_predict(name, kind, capsys, here):
    out = succeeds(capsys, write_table(name, kind))
    assert re.match(rf"{re.escape(name)}: 4[78] rows to train, 1[23] to test, 3 features", out)
    assert sorted(os.listdir("kaf-out")) == WRITTEN
    assert [row[0] for row in results(out)] == ["KAF", "ReLU, equal width", "ReLU, equal params"]
    assert main(["predict", "kaf-out/model.npz", name]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.reader(io.StringIO(out)))
    assert len(rows) == 61
    # The target is there, so the predictions are scored; what is printed to stdout stays a table.
    right = np.mean([row[0] == str(label) for row, label in zip(rows[1:], TARGETS[kind], strict=True)])
    score = f"accuracy {100 * right:.2f}%"
    if kind == "numbers":
        error = np.mean((np.array([float(row[0]) for row in rows[1:]]) - TARGETS[kind]) ** 2)
        score = f"R2 {1 - error / TARGETS[kind].var():.4f}"
    assert err == f"kaf: {score} on the 60 rows of {name}\n"
    assert succeeds(capsys, ["predict", "kaf-out/model.npz", name, "--quiet"]) == out
    if kind == "numbers":
        assert rows[0] == ["prediction"]
        # After three epochs predictions are near the mean, in the units of the target.
        assert 80 < np.mean([float(row[0]) for row in rows[1:]]) < 120
    else:
        assert rows[0] == ["class", "probability"]
        assert {row[0] for row in rows[1:]} <= set(map(str, TARGETS[kind]))
        assert all(1 / 3 <= float(row[1]) <= 1 for row in rows[1:])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.one_in(3)
def test_the_loss_of_a_regression_has_figures(scale, capsys, here):
    rows = [(*row, 100 + scale * row[0]) for row in X]
    with open("t.csv", "w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "c", "y"), *rows])
    out = succeeds(capsys, ["train", "--data", "t.csv", *FAST])
    assert "numbers to predict (column 'y' holds 60 different numbers; --task classification takes" in out
    report = (here / "kaf-out" / "report.md").read_text()
    assert "numbers to predict (column 'y' holds 60 different numbers" in report
    for text in [row[5] for row in results(out)] + re.findall(r"\| ([^|]+) \| [^|]+ \|$", report, re.M)[2:]:
        assert len(re.sub(r"e.*|\D", "", text.strip()).lstrip("0")) >= 3 and float(text) > 0, text


def test_the_table_of_the_digits_fits_in_80_columns(capsys, monkeypatch):
    """Its cells are on one line each: the names of networks are the longest that there are."""
    monkeypatch.setenv("COLUMNS", "80")
    columns = ("network", "units", "params", "train %", "test %", "loss", "seconds")
    row = ("ReLU, equal params", "61", "4585", "100.00", "96.10", figure(0.000112), "10.2")
    Report().table(columns, [row])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["ReLU,", "equal", "params", *row[1:]] in lines


def test_quiet(capsys, here):
    assert succeeds(capsys, [*write_table("t.csv", "two classes"), "--quiet"]) == ""
    assert sorted(os.listdir("kaf-out")) == WRITTEN
    assert succeeds(capsys, ["fit", "tanh", "--quiet"]) == ""


def test_rows_without_a_target_are_predicted_and_not_scored(capsys, here):
    succeeds(capsys, write_table("t.csv", "two classes"))
    lines = (here / "t.csv").read_text().splitlines()
    lines[1] = lines[1].rpartition(",")[0] + ","
    (here / "t.csv").write_text("\n".join(lines))
    assert main(["predict", "kaf-out/model.npz", "t.csv"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 61 and re.fullmatch(r"kaf: accuracy .*% on the 59 of 60 rows of t.csv\n", err)


@pytest.mark.parametrize("kind, epochs", [("three classes", "3"), ("numbers", None)])
@pytest.mark.one_in(2)
def test_seeds_at_once_are_trained_as_one_by_one(kind, epochs, capsys, here):
    argv = write_table("t.csv", kind)
    argv = [*argv, "--seeds", "2", "--compare", "none", "--lr", "0.05"]
    if epochs is None:
        argv = [*argv[: argv.index("--epochs")], *argv[argv.index("--epochs") + 2 :], "--patience", "1"]
    out = {}
    for way, options in {"at once": [], "one by one": ["--one-by-one"]}.items():
        out[way] = succeeds(capsys, [*argv, *options, "--out", way])
    # Sums in another order round differently, which may change the class of one of twelve rows.
    for row, other in zip(results(out["at once"]), results(out["one by one"]), strict=True):
        assert row[:3] == other[:3] and all(
            abs(float(a) - float(b)) < 9 for a, b in zip(row[3:5], other[3:5], strict=True)
        )
    assert "KAF, 2 seeds" in out["at once"] and "KAF, seed 1" in out["one by one"]
    models = [model_file.load(f"{way}/model.npz").model for way in out]
    for layer, other in zip(*[model.layers for model in models], strict=True):
        for name, array in vars(layer).items():
            if isinstance(array, np.ndarray):
                np.testing.assert_allclose(array, getattr(other, name), rtol=0, atol=2e-3)
    assert sorted(os.listdir("at once")) == WRITTEN


@pytest.mark.long
def test_seeds_at_once_are_interrupted_and_gone_on_with(capsys, here, monkeypatch):
    argv = [*write_table("t.csv", "two classes"), "--seeds", "2", "--compare", "none"]
    argv = [*argv[: argv.index("--epochs")], *argv[argv.index("--epochs") + 2 :], "--patience", "1", "--lr", "0.05"]
    whole = succeeds(capsys, [*argv, "--out", "whole"])
    count, run_epoch = [], seeds._Training._run_epoch

    def interrupt(self):
        count.append(1)
        if len(count) in (3, 12):  # in the search, and later
            raise KeyboardInterrupt
        run_epoch(self)

    monkeypatch.setattr(seeds._Training, "_run_epoch", interrupt)
    stops = 0
    while main(argv) == 130:
        stops += 1
        err = capsys.readouterr().err
        assert re.fullmatch(
            r"kaf: interrupted after \d+ of \d+ epochs of KAF, 2 seeds: the same command continues from there \(.*\)\n",
            err,
        )
    assert stops == 2 and sorted(os.listdir("kaf-out")) == WRITTEN
    assert results(capsys.readouterr().out) == results(whole)


def test_five_networks_find_the_number_of_epochs_and_each_row_is_held_out_once(here, monkeypatch):
    """Their mean loss ends them together; no row of validation is trained on."""
    argv = [*write_table("t.csv", "numbers"), "--compare", "none", "--quiet"]
    argv = [*argv[: argv.index("--epochs")], *argv[argv.index("--epochs") + 2 :], "--patience", "2"]
    found, fit_seeds = [], cli_train.fit_seeds

    def spied(models, x, y, **options):
        result = fit_seeds(models, x, y, **options)
        found.append((x, options["validation"][0], result))
        return result

    monkeypatch.setattr(cli_train, "fit_seeds", spied)
    assert main(argv) == 0
    ((x, held, result),) = found
    rows = lambda array: {row.tobytes() for row in array}
    assert x.shape == (5, 39, 3) and held.shape == (5, 9, 3)
    assert all(not rows(a) & rows(b) for a, b in zip(x, held, strict=True))
    assert len(rows(held.reshape(-1, 3))) == 45 and len({frozenset(rows(each)) for each in held}) == 5
    assert len(set(result.ends.tolist())) == 1 and len(set(result.best_epochs.tolist())) == 1
    np.testing.assert_array_equal(result.validation_losses, result.validation_losses[:1].repeat(5, 0))


def test_a_tenth_of_many_rows_finds_the_number_of_epochs(here, monkeypatch):
    argv = [*write_table("t.csv", "numbers"), "--compare", "none", "--quiet"]
    argv = [*argv[: argv.index("--epochs")], *argv[argv.index("--epochs") + 2 :], "--patience", "1", "--lr", "0.05"]
    found, fit = [], cli_train.fit
    monkeypatch.setattr(
        cli_train, "fit", lambda *args, **options: found.append(options["validation"]) or fit(*args, **options)
    )
    monkeypatch.setattr(cli_train, "MOST_ROWS", 59)
    assert main(argv) == 0 and found == [0.1, None]


def test_without_epochs_the_network_is_trained_on_all_rows_for_as_many_as_are_best(capsys, here):
    argv = write_table("t.csv", "two classes")
    argv = [
        *argv[: argv.index("--epochs")],
        "--batch-size",
        "48",
        "--centers",
        "8",
        "--compare",
        "none",
        "--lr",
        "0.05",
    ]
    out = succeeds(capsys, [*argv, "--patience", "5"])
    best = int(re.search(r"KAF +(\d+) epochs are best; now on all rows", out)[1])
    assert 1 < best < 1000 and sorted(os.listdir("kaf-out")) == WRITTEN
    found = model_file.load("kaf-out/model.npz").model
    succeeds(capsys, [*argv, "--epochs", str(best)])
    for layer, again in zip(found.layers, model_file.load("kaf-out/model.npz").model.layers, strict=True):
        for name, array in vars(layer).items():
            np.testing.assert_array_equal(array, getattr(again, name))


def test_several_layers_seeds_baselines_and_the_rest(capsys, here):
    argv = [*write_table("t.csv", "two classes"), "--units", "4,2", "--seeds", "2", "--compare", "tanh,gelu"]
    argv += ["--schedule", "warmup_cosine", "--alpha-decay", "0.1", "--weight-decay", "0.01", "--validation", "0.2"]
    out = succeeds(capsys, [*argv, "--patience", "1", "--seed", "7"])
    assert sorted(os.listdir("kaf-out")) == sorted([*WRITTEN, "activations-2.png"])
    rows = results(out)
    assert [row[:2] for row in rows] == [
        ["KAF", "4,2"],
        ["tanh, equal width", "4,2"],
        ["GELU, equal width", "4,2"],
        ["tanh, equal params", "8,4"],
        ["GELU, equal params", "8,4"],
    ]
    # 16 + 10 + 3 and 8 coefficients for each of 6 units; 32 + 36 + 5.
    assert [row[2] for row in rows] == ["77", "29", "29", "73", "73"]
    assert all(re.fullmatch(r"\d+\.\d\d-\d+\.\d\d", row[5]) for row in rows)
    assert "KAF, 2 seeds" in out and "validation" in out
    model = model_file.load("kaf-out/model.npz").model
    assert [type(layer).__name__ for layer in model.layers] == ["Linear", "KAF", "Linear", "KAF", "Linear"]
    report = (here / "kaf-out" / "report.md").read_text()
    assert "| GELU, equal params | 8,4 | 73 |" in report and "![activations-2](activations-2.png)" in report
    assert report.splitlines()[2].startswith("Command: `kaf train --data t.csv --units 3")


def test_targets_all_alike_have_no_r2(here):
    net = KAFNet.init(0, [3, 2, 1])
    scaler = Scaler(np.zeros(3), np.ones(3))
    trained = model_file.Trained(net, scaler, target_scaler=Scaler(np.zeros(1), np.ones(1)))
    score, error = trained.assess(X, np.full(60, 2.0))
    assert np.isnan(score) and error > 0


def test_what_a_kaf_starts_as(capsys, here):
    argv = [*write_table("t.csv", "numbers"), "--compare", "none", "--centers", "20", "--lr", "1e-9"]
    succeeds(capsys, [*argv, "--init", "tanh"])
    alpha = np.asarray(model_file.load("kaf-out/model.npz").model.layers[1].alpha)
    np.testing.assert_allclose(alpha, np.broadcast_to(ridge_alpha("tanh").alpha, alpha.shape), atol=1e-5)


def test_no_baselines(capsys, here):
    out = succeeds(capsys, [*write_table("t.csv", "numbers"), "--compare", "none"])
    assert [row[0] for row in results(out)] == ["KAF"]


# -- Interrupted -------------------------------------------------------------------------------------------------------


def interrupted(monkeypatch, capsys, argv, steps):
    """`kaf argv`, stopped by Ctrl-C after so many steps; its message."""
    made = 0

    def interrupt(self):
        nonlocal made
        made += 1
        if made == steps:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(train._Training, "_write_if_due", interrupt)
        assert main(argv) == 130
    return capsys.readouterr().err


def test_interrupted_and_gone_on_with(capsys, here, monkeypatch):
    argv = write_table("t.csv", "two classes")
    expected = results(succeeds(capsys, [*argv, "--out", "whole"]))
    said = [interrupted(monkeypatch, capsys, argv, steps) for steps in (4, 6, 3)]
    # A network has 9 steps, 3 an epoch: 4; 5 and 1 of the next; 3 more of that.
    assert said == [
        f"kaf: interrupted after {epochs} of 3 epochs of {label}: the same command continues from there "
        f"(kaf-out/checkpoints/{file})\n"
        for epochs, label, file in [
            (1, "KAF", "train-kaf-0.npz"),
            (0, "ReLU, equal width", "train-relu-equal-width-0.npz"),
            (1, "ReLU, equal width", "train-relu-equal-width-0.npz"),
        ]
    ]
    assert sorted(os.listdir("kaf-out")) == ["activations.png", "checkpoints", "model.npz"]
    out = succeeds(capsys, argv)
    assert "continuing the interrupted run in kaf-out/checkpoints" in out
    assert results(out)[0][:5] == expected[0][:5] and [row[:5] for row in results(out)] == [row[:5] for row in expected]
    assert sorted(os.listdir("kaf-out")) == WRITTEN
    models = [np.load(f"{where}/model.npz") for where in ("whole", "kaf-out")]
    for name in models[0].files:
        assert models[0][name].tobytes() == models[1][name].tobytes()


def test_an_interrupted_run_with_other_settings(capsys, here, monkeypatch):
    argv = write_table("t.csv", "two classes")
    interrupted(monkeypatch, capsys, argv, 4)
    (here / "kaf-out" / "checkpoints" / "mine").write_text("kept")
    assert main([*argv, "--lr", "0.1", "--units", "5"]) == 2
    assert capsys.readouterr().err == (
        "kaf: error: kaf-out/checkpoints/train-kaf-0.npz belongs to another training: units was [3] and is [5], lr was "
        "0.005 and is 0.1. Give the same settings, or remove the file to start anew, or give --restart\n"
    )
    succeeds(capsys, [*argv, "--lr", "0.1", "--restart"])
    assert os.listdir("kaf-out/checkpoints") == ["mine"]


def test_a_loss_that_is_no_number(capsys, here):
    assert main([*write_table("t.csv", "numbers"), "--lr", "1e9", "--epochs", "50"]) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(
        r"kaf: error: [a-zA-Z, ]+: the loss became (nan|inf) in epoch \d+; choose a smaller --lr than 1e\+09, and --restart\n",
        err,
    )


# -- Model files -------------------------------------------------------------------------------------------------------


def test_the_first_version_of_the_format_is_read(here):
    fields = first_version()
    np.savez("m.npz", **fields)
    found = model_file.load("m.npz").probabilities(X)
    hidden = KAF(fields["alpha"], Grid(6, 2.0, "code"))(
        (X / 2).astype(np.float32) @ fields["hidden_weight"] + fields["hidden_bias"]
    )
    logits = np.asarray(hidden, np.float64) @ fields["output_weight"] + fields["output_bias"]
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


DAMAGED = "m.npz is damaged: its parts do not fit together; train it again"
BAD_MODELS = {
    "missing": (None, "cannot read m.npz: no such file or directory"),
    "of another kind": ({"x": X}, "m.npz is not a model file of kaf train; give the model.npz that kaf train wrote"),
    "too new": (
        first_version(version=9),
        "m.npz has version 9 of the format, and this kaf reads versions 1, 2 and 3; use the kaf that wrote it, or train again",
    ),
    "NaN": (first_version(mean=np.full(3, np.nan)), DAMAGED),
    "other shapes": (first_version(alpha=np.zeros((4, 7), np.float32)), DAMAGED),
    "a layer missing": (first_version(version=2), DAMAGED),
    "no JSON": (first_version(about="{"), DAMAGED),
}


@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_models(name, capsys, here):
    fields, message = BAD_MODELS[name]
    if fields is not None:
        np.savez("m.npz", **fields)
    write_table("t.csv", "numbers")
    assert main(["predict", "m.npz", "t.csv"]) == 2
    assert capsys.readouterr() == ("", f"kaf: error: {message}\n")


def test_predict_wants_as_many_features(capsys, here):
    np.savez("m.npz", **first_version())
    np.savez("t.npz", x=X[:, :2])
    assert main(["predict", "m.npz", "t.npz"]) == 2
    assert capsys.readouterr().err == "kaf: error: t.npz: x has 2 columns, but m.npz needs 3 features\n"


def test_model_files_hold_every_field_of_a_kaf(here):
    kaf = KAF.init(0, 2, Grid(5), kernel="softplus", trainable=("sigma", "centers"), residual=True)
    net = KAFNet((Linear.init(0, 3, 2), kaf, Linear.init(1, 2, 1)))
    model_file.save("m.npz", model_file.Trained(net, Scaler(np.zeros(3), np.ones(3)), ("a", "b")))
    found = model_file.load("m.npz").model
    np.testing.assert_array_equal(np.asarray(found(X)), np.asarray(net(X)))


def test_a_network_alone_predicts_nothing(capsys, here):
    save("m.npz", KAFNet.init(0, [3, 2, 1]))
    np.savez("t.npz", x=X)
    assert main(["predict", "m.npz", "t.npz"]) == 2
    assert capsys.readouterr().err == (
        "kaf: error: m.npz holds a network alone, without the means and scales of its features; give the model.npz that kaf "
        "train wrote\n"
    )


def test_a_disk_that_is_full_for_a_while(capsys, here, monkeypatch):
    """The first checkpoint is written and the last cannot be: kaf warns, and writes all other files."""
    argv, replace, made = [*write_table("t.csv", "two classes"), "--compare", "none"], os.replace, []

    def refuse(source, target):
        if str(target).endswith("train-kaf-0.npz"):
            made.append(target)
            if len(made) == 2:
                raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    assert main(argv) == 0
    out, err = capsys.readouterr()
    assert err == (
        "kaf: warning: kaf-out/checkpoints/train-kaf-0.npz could not be written (No space left on device); the training "
        "continues, and the former checkpoint stays\n"
    )
    assert len(results(out)) == 1 and sorted(os.listdir("kaf-out")) == WRITTEN
    made.insert(0, "")
    made[1:] = []
    assert main([*argv, "--out", "other"]) == 2
    assert capsys.readouterr().err == (
        "kaf: error: cannot keep other/checkpoints/train-kaf-0.npz: no space left on device\n"
    )
