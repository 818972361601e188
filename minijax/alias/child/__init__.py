"""A folder on the PYTHONPATH of processes that are started under the alias. Python runs its `sitecustomize.py` at the start."""
