"""The command line of kaf: `kaf train`, `predict`, `fit`, `jaxpr`, `check`. Starts at `kaf.cli.main`."""
