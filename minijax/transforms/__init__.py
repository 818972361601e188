"""The machines: jvp, linearize, transpose, vmap. Each is one short file, and works on flat lists of arrays."""
