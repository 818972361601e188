"""Primitives that carry jaxprs. Their rules transform the jaxpr they carry, and so stand above the transformations."""
