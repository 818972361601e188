"""Claims about kernel activation functions, each with the experiment that puts it to the test. Needs scikit-learn."""

from .experiment import (
    EQUAL_PARAMETERS,
    EQUAL_WIDTH,
    EXPERIMENTS,
    Claim,
    Experiment,
    Network,
    Outcome,
    Split,
    networks,
    run,
    sizes_of,
)

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
