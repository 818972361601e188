"""The checkpoints of a command, in a directory below its output directory.

They are written while the command runs and removed when it ends. If it is interrupted, they stay for its next start.
"""

from pathlib import Path

NAME = "checkpoints"


class Checkpoints:
    """The checkpoint files of one command, which are removed together. Other files in the directory stay."""

    def __init__(self, out, restart, pattern):
        """`pattern` matches the names of the command's own files. With `restart` existing ones are removed."""
        self.directory, self._pattern = Path(out) / NAME, pattern
        if restart:
            self.forget()

    def __bool__(self):
        """Whether there are checkpoints to continue from."""
        return any(self.directory.glob(self._pattern))

    def path(self, name):
        """The path of the checkpoint with this file name."""
        return self.directory / name

    def forget(self):
        """Remove all checkpoints, and the unfinished files that a killed process left behind."""
        for pattern in (self._pattern, f".{self._pattern}.*.tmp"):
            for path in list(self.directory.glob(pattern)):
                path.unlink(missing_ok=True)
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()
