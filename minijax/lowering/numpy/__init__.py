"""A jaxpr as a readable NumPy program."""
