"""Layers: the KAF with its parameters, its relatives, and the same layer for Equinox and Flax (imported on demand)."""

from .kan import BASES, KAN, Edge, KANLayer
from .plain import (
    ACTIVATIONS,
    FIXED_FIELDS,
    INITS,
    KAF,
    TRAINED_FIELDS,
    Fixed,
    KAFNet,
    Layer,
    Linear,
    apply,
    array_leaves,
    carried_over,
    fields_of,
    initial_alpha,
    num_parameters,
)
from .variants import KAF2D, ComplexKAF, GatedKAF, MultiKAF

__all__ = [
    "ACTIVATIONS",
    "BASES",
    "FIXED_FIELDS",
    "INITS",
    "KAF",
    "KAF2D",
    "KAN",
    "TRAINED_FIELDS",
    "ComplexKAF",
    "Edge",
    "Fixed",
    "GatedKAF",
    "KAFNet",
    "KANLayer",
    "Layer",
    "Linear",
    "MultiKAF",
    "apply",
    "array_leaves",
    "carried_over",
    "fields_of",
    "initial_alpha",
    "num_parameters",
]
