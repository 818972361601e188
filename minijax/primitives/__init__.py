"""First-order primitives, a row each. `registry` holds them all; the files are families of rows.

Their rules need only other operations; primitives whose rules need the transformations are in `calls/`.
"""
