"""`kaf.sklearn`: estimators of scikit-learn. A door to `kaf/train/estimators.py`."""

from .train.estimators import KAFClassifier, KAFRegressor

__all__ = ["KAFClassifier", "KAFRegressor"]
