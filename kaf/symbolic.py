"""`kaf.symbolic`: the formula of a KAN. A door to `kaf/train/symbolic.py`."""

from .train.symbolic import LIBRARY, Formula, Pruned, Suggestion, pruning_costs, suggest_symbolic, symbolic_formula

__all__ = ["LIBRARY", "Formula", "Pruned", "Suggestion", "pruning_costs", "suggest_symbolic", "symbolic_formula"]
