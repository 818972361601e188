"""What a jitted function runs as: its jaxpr, compiled. `interpreter` is the compiler that every primitive has."""
