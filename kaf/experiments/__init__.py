"""Claims about kernel activation functions, each with the experiment that puts it to the test. Needs scikit-learn."""

try:
    import sklearn  # noqa: F401
except ModuleNotFoundError as e:
    # With `name`, so that the command `kaf experiment` knows which package is missing.
    raise ModuleNotFoundError(
        "kaf.experiments needs scikit-learn, which is not installed: pip install 'minijax[kaf]'", name=e.name
    ) from e

from ..train.compare import EQUAL_PARAMETERS, EQUAL_WIDTH
from .claims import Claim
from .data import Split
from .experiment import Experiment, Network, Outcome, networks, run, sizes_of
from .table import EXPERIMENTS

__all__ = [
    "EQUAL_PARAMETERS",
    "EQUAL_WIDTH",
    "EXPERIMENTS",
    "Claim",
    "Experiment",
    "Network",
    "Outcome",
    "Split",
    "networks",
    "run",
    "sizes_of",
]
