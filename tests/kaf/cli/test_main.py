"""`kaf` on the command line: help, every error of the user as one line, and what runs on NumPy alone."""

import re
import subprocess
import sys

import pytest
from kaf_cli import fails, listing

import minijax
from kaf import backend as kaf_backend
from kaf.cli import files
from kaf.cli.main import main
from minijax.lowering.xla import client as xla

COMMANDS = ("train", "predict", "experiment", "fit", "jaxpr", "check")

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
    text = capsys.readouterr().out.partition("examples:")[2].replace("\\\n", "")
    examples = re.findall(r"^  kaf (.*)$", text, re.M)
    assert examples
    assert {make_parser().parse_args(example.split()).command for example in examples} == {command}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_in_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    out = capsys.readouterr().out
    assert out.count("\n") > 10 and [line for line in out.splitlines() if len(line) > 80] == []


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
        "--target is for files; the bundled data sets have their own targets and tasks",
    ),
    (
        ["train", "--data", "moons", "--task", "regression"],
        "--task is for files; the bundled data sets have their own targets and tasks",
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
    (
        ["train", "--compare", "none,relu"],
        "argument --compare: 'none' cannot be combined with other names; see kaf train --help",
    ),
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
        ["train", "--data", "moons", "--epochs", "9", "--patience", "5"],
        "--patience needs a validation loss: give --validation, for example --validation 0.2",
    ),
    (
        ["train", "--data", "moons", "--schedule", "cosine"],
        "--schedule cosine needs to know the last step: give --epochs",
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
    message = str(minijax.foundation.errors.xla_missing(xla.KNOWN)).rstrip(".")
    fails(capsys, argv, message)
    assert listing(here) == [] and minijax.config.minijax_compiler == "numpy"


def test_jax_has_one_compiler(capsys, here):
    message = "--compiler is for the backend minijax; jax has only XLA"
    fails(capsys, ["train", "--backend", "jax", "--compiler", "xla"], message)


def test_xla_trains_to_the_same(capsys, here):
    argv = ["train", "--data", "moons", "--units", "3", "--epochs", "2", "--compare", "none"]
    losses = []
    for compiler in ("numpy", "xla"):
        assert main([*argv, "--compiler", compiler, "--out", compiler]) == 0
        losses.append(re.findall(r"loss (\S+)", capsys.readouterr().out))
    assert losses[0] == losses[1] and losses[0]
    assert minijax.config.minijax_compiler == "numpy"
