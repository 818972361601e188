"""Small libraries that show how programs are built (`jax.example_libraries`): `optimizers` and `stax`.

>>> from minijax.example_libraries import optimizers
>>> optimizers.constant(0.1)(7)
0.1
"""
