"""The parser of the command line, and the checks of single arguments."""

import argparse
import itertools
import math
import textwrap
from decimal import Decimal

from kaf.backend import CHOICES, COMPILERS
from kaf.cli.errors import CommandError
from kaf.functional.init import FUNCTIONS
from kaf.train.files import quoted

EXPERIMENTS = ("moons", "ridge", "breast_cancer", "digits", "diabetes")
KAN_EXPERIMENT, SYMBOLS_EXPERIMENT, TABLES_EXPERIMENT = "kan", "symbols", "tables"
BUNDLED = ("digits", "breast_cancer", "moons", "diabetes")
BASELINES = ("relu", "tanh", "elu", "gelu")
RULES = ("paper", "code")
SCHEDULES = ("constant", "cosine", "warmup_cosine")
TASKS = ("classification", "regression")
LANGUAGES = ("onnx", "c", "numpy")
DEFAULT_OUT = "kaf-out"


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Fills the paragraphs of a description to the width of the terminal, and leaves lines of examples as they are."""

    def _fill_text(self, text, width, indent):
        fill = lambda lines: [textwrap.fill(" ".join(lines), width, initial_indent=indent, subsequent_indent=indent)]
        groups = itertools.groupby(text.splitlines(), lambda line: line.startswith("  ") or line.endswith(":"))
        return "\n".join(line for is_example, lines in groups for line in (lines if is_example else fill(lines)))


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise CommandError(f"{message}; see {self.prog} --help")


def make_parser():
    """The parser of the whole command line. In its result, `command` is the name of the command.

    >>> make_parser().parse_args(["train", "--units", "8,4"]).units
    (8, 4)
    """
    parser = _Parser(
        prog="kaf",
        formatter_class=_Formatter,
        description="Kernel activation functions: activation functions that are trained, one for each unit of a network.",
        epilog="examples:\n"
        "  kaf train                      train on the digits, compare with ReLU\n"
        "  kaf predict model.npz new.csv  predict classes or numbers, as CSV\n"
        "  kaf export model.npz --as c    write the network as a C function\n"
        "  kaf experiment moons           test claims about KAFs\n"
        "  kaf fit elu                    show how well a KAF fits an ELU\n"
        "  kaf jaxpr --grad               print what a KAF computes\n"
        "  kaf check                      compare minijax with JAX\n",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_add_train, _add_predict, _add_export, _add_experiment, _add_fit, _add_jaxpr, _add_check):
        add(commands)
    return parser


def _add_train(commands):
    parser = _add(
        commands,
        "train",
        "train a network of KAFs, and compare it with ReLU",
        "Train a network of KAFs. Compare it with networks of ReLU, or of the activations of --compare, of equal width and of\n"
        "equal parameter count. Writes model.npz, activations.png, losses.png and report.md to the output directory. If it is\n"
        "stopped by Ctrl-C or killed, the same command continues the training.",
        [
            "kaf train",
            "kaf train --data moons --units 3 --compare all --seeds 5",
            "kaf train --data iris.csv --target species --epochs 100",
            "kaf train --data diabetes --l2-alpha 0.1 --validation 0.2 --patience 10",
            "kaf train --backend jax --devices 8",
            "kaf train --backend jax --coordinator host:1234 \\\n      --num-processes 2 --process-id 0",
        ],
    )
    _add_data(parser)
    _add_backend(parser)
    _add_compiler(parser)
    _add_devices(parser)
    parser.add_argument(
        "--units",
        type=_counts(1, 100_000),
        default=(48,),
        metavar="N[,N...]",
        help="how many KAFs the hidden layer has, or each of several hidden layers (default: 48)",
    )
    _add_grid(parser)
    _add_training(parser)
    parser.add_argument(
        "--compare",
        type=_some_of("activation", BASELINES),
        default=("relu",),
        metavar="NAMES",
        help=f"fixed activations to compare with: {','.join(BASELINES)}, all or none (default: relu)",
    )
    parser.add_argument(
        "--seed",
        type=_count(0, 2**32 - 1),
        default=0,
        metavar="N",
        help="seed of the split, the initial weights and the order of the examples (default: 0)",
    )
    parser.add_argument(
        "--seeds",
        type=_count(1, 1000),
        default=1,
        metavar="N",
        help="train every network from N seeds, from --seed upwards, all at once, and report medians and ranges (default: 1)",
    )
    parser.add_argument(
        "--one-by-one", action="store_true", help="train the seeds one after the other, which needs less memory"
    )
    parser.add_argument(
        "--restart", action="store_true", help="remove the checkpoints of an interrupted run in the output directory"
    )
    _add_out(parser)


def _add_devices(parser):
    add = parser.add_argument
    add(
        "--devices",
        type=_count(1, 100_000),
        metavar="N",
        help="share every batch among N devices, counted over all processes; needs the backend jax (default: 1)",
    )
    add(
        "--coordinator",
        metavar="HOST:PORT",
        help="train in several processes, which get the same command except for --process-id: the address at which the first "
        "one listens; auto: JAX gets it from Slurm, MPI, Kubernetes or JAX_COORDINATOR_ADDRESS",
    )
    add("--num-processes", type=_count(1, 100_000), metavar="N", help="how many processes there are")
    add("--process-id", type=_count(0, 100_000), metavar="I", help="the number of this process, counted from 0")


def _add_data(parser):
    parser.add_argument(
        "--data",
        default="digits",
        metavar="NAME|FILE",
        help=f"{', '.join(BUNDLED)}; a CSV file of numbers and a target column; or an .npz file of arrays x [rows, features] "
        "and y [rows] (default: digits)",
    )
    parser.add_argument(
        "--target",
        metavar="NAME",
        help="the name of the target column of the CSV file, or its number if there is no header (default: the last column); "
        "the target array of the .npz file (default: y)",
    )
    parser.add_argument(
        "--task",
        type=_one_of("task", TASKS),
        metavar="{" + ",".join(TASKS) + "}",
        help="whether the target of a file holds classes or numbers (default: numbers if more than ten differ, and one is not "
        "whole or fewer than ten rows have each; else classes)",
    )


def _add_training(parser):
    add = parser.add_argument
    inits = ("random", *FUNCTIONS)
    add(
        "--init",
        type=_one_of("function to start as", inits),
        default="tanh",
        metavar="NAME",
        help=f"the function that every KAF starts as: {', '.join(inits)} (default: tanh)",
    )
    add(
        "--epochs",
        type=_count(1),
        metavar="N",
        help="passes over the data (default: as many as lower the mean loss of five networks, each on another fifth of the rows, "
        "which it is not trained on, see --patience, 1000 at most; the network is then trained anew on all rows for so many)",
    )
    add("--batch-size", type=_count(1), default=64, metavar="N", help="examples per step (default: 64)")
    add("--lr", type=_number(1e-9, 1e9), default=5e-3, metavar="RATE", help="Adam's learning rate (default: 0.005)")
    add(
        "--schedule",
        type=_one_of("schedule", SCHEDULES),
        default="constant",
        metavar="NAME",
        help="schedule of the learning rate: constant, cosine (down to 0), warmup_cosine (up in a tenth of the steps, then down "
        "to 0) (default: constant)",
    )
    decay = _number(0, 1e6)
    add(
        "--l2-alpha",
        type=decay,
        default=1e-4,
        metavar="W",
        help="weight of the sum of alpha^2 in the loss (default: 1e-4)",
    )
    add("--alpha-decay", type=decay, default=0.0, metavar="W", help="AdamW's decay of alpha (default: 0)")
    add("--weight-decay", type=decay, default=0.0, metavar="W", help="AdamW's decay of the weights (default: 0)")
    add(
        "--validation",
        type=_number(0.01, 0.9),
        metavar="SHARE",
        help="hold out this share of the training rows and report their loss; without --epochs it finds their number, in place "
        "of the five parts (default with --devices: 0.1; else none)",
    )
    add(
        "--patience",
        type=_count(1),
        metavar="N",
        help="stop when N epochs in a row did not lower the validation loss, and keep the best epoch's model (default: 20, or "
        "as many more as 400 steps take; none with --epochs)",
    )


def _add_predict(commands):
    parser = _add(
        commands,
        "predict",
        "predict the rows of a CSV file",
        "Predict a class and its probability, or a number, for every row of a CSV file, or of the array x of an .npz file.\n"
        "If the CSV file has a header, the columns are found by name. If the target column, or the array y, is there too,\n"
        "the score is printed to the standard error.",
        ["kaf predict kaf-out/model.npz new.csv", "kaf predict kaf-out/model.npz new.csv --out classes.csv"],
    )
    parser.add_argument("model", metavar="MODEL.npz", help="a model that kaf train wrote")
    parser.add_argument("data", metavar="FILE", help="the features, one row for each example: .csv or .npz")
    parser.add_argument("--out", metavar="FILE", help="the file to write (default: standard output)")
    _add_quiet(parser)
    _add_backend(parser)
    _add_compiler(parser)


def _add_export(commands):
    parser = _add(
        commands,
        "export",
        "write a network as ONNX, C or NumPy",
        "Write a trained network as a program that needs no kaf: an ONNX model, one file of C99 with a function of one example,\n"
        "or a Python file that imports NumPy alone. It takes features as they are in the table, and gives the probabilities of\n"
        "the classes, or the number; of a network alone (kaf.save) it takes and gives what the network does.",
        ["kaf export kaf-out/model.npz --as onnx", "kaf export kaf-out/model.npz --as c --name digits --out digits.c"],
    )
    parser.add_argument("model", metavar="MODEL.npz", help="a model that kaf train or kaf.save wrote")
    parser.add_argument(
        "--as",
        type=_one_of("language", LANGUAGES),
        required=True,
        metavar="{" + ",".join(LANGUAGES) + "}",
        help="what to write; onnx needs the package onnx",
    )
    parser.add_argument(
        "--name", default="predict", metavar="NAME", help="what the function is called (default: predict)"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="the file to write (default: the model's name with .onnx, .c or .py, here)"
    )
    _add_quiet(parser)


def _add_experiment(commands):
    parser = _add(
        commands,
        "experiment",
        "test claims about KAFs",
        "Train networks of KAFs and of fixed activations, of equal width and of equal parameter count, from several seeds. Print\n"
        "medians, quartiles and failures, and for each claim about KAFs whether it was seen. Writes figures and NAME.md to the\n"
        "output directory. If it is stopped, the same command continues after the last finished network, except for\n"
        "kan, which compares KANs with networks of equal parameter count, the learning rate of each chosen on validation\n"
        "examples, symbols, which finds three formulas again from points, and tables, which compares kaf train without\n"
        "options with gradient boosting and a tuned ReLU network on five tables.",
        ["kaf experiment moons", "kaf experiment ridge --seeds 50 --backend jax"],
    )
    names = (*EXPERIMENTS, KAN_EXPERIMENT, SYMBOLS_EXPERIMENT, TABLES_EXPERIMENT)
    parser.add_argument("name", type=_one_of("experiment", names), metavar="NAME", help=", ".join(names))
    _add_backend(parser)
    _add_compiler(parser)
    add = parser.add_argument
    add(
        "--seeds",
        type=_count(1, 1000),
        metavar="N",
        help="how many seeds (default: 10; ridge: 20; kan and tables: 3; symbols: 5 at most)",
    )
    add("--seed", type=_count(0, 2**31), default=0, metavar="N", help="the first seed (default: 0)")
    add("--epochs", type=_count(1), metavar="N", help="passes over the data (default: the experiment's own)")
    add("--restart", action="store_true", help="remove the checkpoints of an interrupted run in the output directory")
    _add_out(parser)


def _add_fit(commands):
    parser = _add(
        commands,
        "fit",
        "fit a KAF to a known function",
        "Fit a KAF to a known activation function by ridge regression, as networks are initialised.\n"
        "Writes fit_FUNCTION.png to the output directory.",
        ["kaf fit relu", "kaf fit elu --rule code --eps 1e-6"],
    )
    parser.add_argument("function", type=_one_of("function", FUNCTIONS), metavar="FUNCTION", help=", ".join(FUNCTIONS))
    _add_grid(parser)
    parser.add_argument(
        "--rule",
        type=_one_of("rule", RULES),
        default="paper",
        metavar="RULE",
        help="bandwidth of the kernels: paper (gamma = 1/6d^2) or code (gamma = 1/8d^2), d the distance of the centres (default: "
        "paper)",
    )
    parser.add_argument(
        "--eps", type=_number(1e-12, 1e3), default=1e-4, metavar="EPS", help="strength of the ridge (default: 1e-4)"
    )
    _add_out(parser)


def _add_jaxpr(commands):
    parser = _add(
        commands,
        "jaxpr",
        "print what a KAF computes",
        "Print the jaxpr of one KAF: a function of x and of its coefficients.",
        ["kaf jaxpr", "kaf jaxpr --grad --vmap", "kaf jaxpr --grad --backend jax"],
    )
    parser.add_argument("--grad", action="store_true", help="print the gradient, by x and by the coefficients")
    parser.add_argument("--vmap", action="store_true", help="print the function over a batch of 8 values of x")
    _add_backend(parser)
    _add_grid(parser)


def _add_check(commands):
    parser = _add(
        commands,
        "check",
        "compare minijax with JAX",
        "Apply value, grad, jvp, vmap, hessian and jit to one KAF on both backends, and compare the results.\n"
        "The exit status is 1 if a difference is larger than rounding errors explain.",
        ["kaf check", "kaf check --centers 50"],
    )
    _add_grid(parser)
    parser.add_argument(
        "--seed", type=_count(0, 2**32 - 1), default=0, metavar="N", help="seed of the coefficients (default: 0)"
    )


def _add(commands, name, summary, description, examples):
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog="examples:\n" + "".join(f"  {example}\n" for example in examples),
        formatter_class=_Formatter,
    )


def _add_choice(parser, name, choices, summary):
    parser.add_argument(f"--{name}", type=_one_of(name, choices), metavar="{" + ",".join(choices) + "}", help=summary)


def _add_backend(parser):
    _add_choice(parser, "backend", CHOICES, "the library that computes (default: $KAF_BACKEND, else minijax)")


def _add_compiler(parser):
    summary = "the compiler of minijax's programs; xla needs jaxlib (default: $MINIJAX_COMPILER, else numpy)"
    _add_choice(parser, "compiler", COMPILERS, summary)


def _add_grid(parser):
    parser.add_argument(
        "--centers", type=_count(2, 1000), default=20, metavar="D", help="how many kernels each KAF has (default: 20)"
    )
    parser.add_argument(
        "--boundary",
        type=_number(1e-3, 1e3),
        default=3.0,
        metavar="B",
        help="the centres of the kernels go from -B to B (default: 3)",
    )


def _add_quiet(parser):
    parser.add_argument(
        "--quiet", action="store_true", help="print errors and warnings alone, beside what was asked for"
    )


def _add_out(parser):
    _add_quiet(parser)
    parser.add_argument(
        "--out", default=DEFAULT_OUT, metavar="DIR", help=f"output directory (default: ./{DEFAULT_OUT})"
    )


def _count(least, most=10**6):
    def parse(text):
        if not text.isascii() or not text.isdecimal() or not least <= Decimal(text) <= most:
            raise argparse.ArgumentTypeError(f"{quoted(text)} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def _counts(least, most):
    count = _count(least, most)

    def parse(text):
        return tuple(count(part) for part in text.split(","))

    return parse


def _some_of(kind, names):
    one = _one_of(kind, (*names, "all", "none"))

    def parse(text):
        found = [one(part) for part in text.split(",")]
        if "none" in found and len(found) > 1:
            raise argparse.ArgumentTypeError("'none' cannot be combined with other names")
        return tuple(name for name in names if name in found or "all" in found)

    return parse


def _number(least, most):
    def parse(text):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:  # also true for NaN
            raise argparse.ArgumentTypeError(f"{quoted(text)} is not a number from {least:g} to {most:g}")
        return number

    return parse


def _one_of(kind, names):
    def parse(text):
        if text not in names:
            raise argparse.ArgumentTypeError(f"there is no {kind} {quoted(text)}; choose one of {', '.join(names)}")
        return text

    return parse
