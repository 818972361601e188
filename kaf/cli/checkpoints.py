"""The checkpoints of a command, in a directory below its output: there from its first work to its end, or its next start."""

from pathlib import Path

NAME = "checkpoints"


class Checkpoints:
    """Names of files, remembered to be removed together: what else is in the directory stays."""

    def __init__(self, out, restart, pattern):
        """`pattern` is what the command's own files are called. With `restart` those that are there are removed."""
        self.directory, self._pattern = Path(out) / NAME, pattern
        if restart:
            self.forget()

    def __bool__(self):
        """Whether there is anything to go on with."""
        return any(self.directory.glob(self._pattern))

    def path(self, name):
        return self.directory / name

    def forget(self):
        """Remove them all, with what a killed process left half-written."""
        for pattern in (self._pattern, f".{self._pattern}.*.tmp"):
            for path in list(self.directory.glob(pattern)):
                path.unlink(missing_ok=True)
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()
