"""What `kaf` understands: the parser, and the checks that one argument alone can fail."""

import argparse
import math

from kaf.backend import CHOICES
from kaf.cli.errors import CommandError
from kaf.init import FUNCTIONS

RULES = ("paper", "code")
DEFAULT_OUT = "kaf-out"


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise CommandError(f"{message}; see {self.prog} --help")


def make_parser():
    """The parser of the whole command line; `command` in its result names the command.

    >>> make_parser().parse_args(["train", "--units", "8"]).units
    8
    """
    parser = _Parser(
        prog="kaf",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Kernel activation functions: activations that every unit of a network learns for itself.",
        epilog="examples:\n"
        "  kaf train                               train on the digits, compare with ReLU, write ./kaf-out\n"
        "  kaf predict kaf-out/model.npz new.csv   classes and probabilities, as CSV\n"
        "  kaf fit elu                             how well a KAF can start as an ELU\n"
        "  kaf jaxpr --grad                        what a KAF computes, equation by equation\n"
        "  kaf check                               minijax against JAX\n",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_add_train, _add_predict, _add_fit, _add_jaxpr, _add_check):
        add(commands)
    return parser


def _add_train(commands):
    parser = _add(
        commands,
        "train",
        "train a classifier with KAFs, and the same with ReLU",
        "Train a network of one hidden layer of KAFs, and ReLU networks of equal width and of equal parameter count.\n"
        "Writes model.npz and activations.png to the output directory.",
        ["kaf train", "kaf train --data moons --units 3", "kaf train --data iris.csv --target species --epochs 100"],
    )
    parser.add_argument(
        "--data",
        default="digits",
        metavar="NAME|FILE.csv",
        help="digits, breast_cancer, moons, or a CSV file of numbers and a class column (default: digits)",
    )
    parser.add_argument(
        "--target",
        metavar="NAME",
        help="the class column of the CSV file, its number if there is no header (default: last)",
    )
    _add_backend(parser)
    parser.add_argument(
        "--units", type=_count(1, 100_000), default=48, metavar="N", help="KAFs in the hidden layer (default: 48)"
    )
    _add_grid(parser)
    parser.add_argument("--epochs", type=_count(1), default=40, metavar="N", help="passes over the data (default: 40)")
    parser.add_argument("--batch-size", type=_count(1), default=64, metavar="N", help="examples per step (default: 64)")
    parser.add_argument(
        "--lr", type=_number(1e-9, 1e9), default=5e-3, metavar="RATE", help="Adam's learning rate (default: 0.005)"
    )
    parser.add_argument(
        "--seed",
        type=_count(0, 2**32 - 1),
        default=0,
        metavar="N",
        help="of the split, the weights, the order (default: 0)",
    )
    _add_out(parser)


def _add_predict(commands):
    parser = _add(
        commands,
        "predict",
        "classify the rows of a CSV file",
        "Predict a class, and its probability, for every row of a CSV file.\n"
        "Where it has a header, the columns are found by name.",
        ["kaf predict kaf-out/model.npz new.csv", "kaf predict kaf-out/model.npz new.csv --out classes.csv"],
    )
    parser.add_argument("model", metavar="MODEL.npz", help="a model that kaf train wrote")
    parser.add_argument("data", metavar="FILE.csv", help="the features, one row for each example")
    parser.add_argument("--out", metavar="FILE", help="write there (default: standard output)")
    _add_backend(parser)


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
        help="width of the kernels: paper (gamma = 1/6d^2) or code (gamma = 1/8d^2) (default: paper)",
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
    parser.add_argument("--grad", action="store_true", help="of its gradient, by x and by the coefficients")
    parser.add_argument("--vmap", action="store_true", help="of the function over a batch of 8 values of x")
    _add_backend(parser)
    _add_grid(parser)


def _add_check(commands):
    parser = _add(
        commands,
        "check",
        "compare minijax with JAX",
        "Send one KAF through value, grad, jvp, vmap, hessian and jit on both backends and compare the results.\n"
        "Exit status 1 if any difference is larger than the precision of the numbers explains.",
        ["kaf check", "kaf check --centers 50"],
    )
    _add_grid(parser)
    parser.add_argument(
        "--seed", type=_count(0, 2**32 - 1), default=0, metavar="N", help="of the coefficients (default: 0)"
    )


def _add(commands, name, summary, description, examples):
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog="examples:\n" + "".join(f"  {example}\n" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_backend(parser):
    parser.add_argument(
        "--backend",
        type=_one_of("backend", CHOICES),
        metavar="{" + ",".join(CHOICES) + "}",
        help="what computes (default: $KAF_BACKEND, else minijax)",
    )


def _add_grid(parser):
    parser.add_argument(
        "--centers", type=_count(2, 1000), default=20, metavar="D", help="kernels of each KAF (default: 20)"
    )
    parser.add_argument(
        "--boundary",
        type=_number(1e-3, 1e3),
        default=3.0,
        metavar="B",
        help="the kernels stand from -B to B (default: 3)",
    )


def _add_out(parser):
    parser.add_argument(
        "--out", default=DEFAULT_OUT, metavar="DIR", help=f"output directory (default: ./{DEFAULT_OUT})"
    )


def _count(least, most=10**6):
    def parse(text):
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def _number(least, most):
    def parse(text):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:  # NaN neither.
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:g} to {most:g}")
        return number

    return parse


def _one_of(kind, names):
    def parse(text):
        if text not in names:
            raise argparse.ArgumentTypeError(f"there is no {kind} {text!r}; choose one of {', '.join(names)}")
        return text

    return parse
