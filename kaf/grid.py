"""`kaf.grid.Grid`: a door to `kaf/functional/grid.py`. Pickled layers of older versions name the class by this path."""

from .functional.grid import Grid

__all__ = ["Grid"]
