"""The output on the terminal, drawn by rich: lines, tables, and the progress of a training."""

import contextlib

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_LINES = 10


class Report:
    """Writes to the stdout of the time when it is made. The progress is a bar on a terminal, and plain lines elsewhere."""

    def __init__(self, quiet=False):
        """With `quiet` nothing is written: the user asks for it, or another process reports."""
        self.console = Console(highlight=False, emoji=False, quiet=quiet)

    def line(self, text=""):
        """Write the text without markup. It is not wrapped, so that paths and jaxprs can be copied."""
        self.console.print(Text(text), soft_wrap=True)

    def heading(self, text):
        """Write an empty line and the text in bold."""
        self.console.print()
        self.console.print(Text(text, style="bold"), soft_wrap=True)

    def table(self, columns, rows):
        """Write a table. `columns` are the headings; the first column is left-aligned. `rows` are tuples of texts."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, column in enumerate(columns):
            table.add_column(Text(column), justify="left" if i == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
        self.console.print(table)

    @contextlib.contextmanager
    def progress(self, label, epochs):
        """Yield a function callback(epoch, loss) that shows the progress; epochs count from 0, and the validation loss may be a
        third argument."""
        if not self.console.is_terminal:
            yield self._plain_callback(label, epochs)
            return
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), "{task.fields[losses]}")
        columns = tuple(TextColumn(c) if isinstance(c, str) else c for c in columns)
        with Progress(*columns, TimeRemainingColumn(), console=self.console) as progress:
            task = progress.add_task(label, total=epochs, losses="loss      -")
            yield lambda epoch, *losses: progress.update(task, completed=epoch + 1, losses=_losses(losses))

    def _plain_callback(self, label, epochs):
        every = -(-epochs // _LINES)

        def callback(epoch, *losses):
            if (epoch + 1) % every == 0 or epoch + 1 == epochs:
                self.line(f"{label}  epoch {epoch + 1:>{len(str(epochs))}}/{epochs}  {_losses(losses)}")

        return callback


def _losses(losses):
    return "  ".join(f"{name} {figure(loss)}" for name, loss in zip(("loss", "validation"), losses, strict=False))


def figure(number):
    """A number that may have any size, as text of three figures: with four, the table of results is wider than 80 columns.

    >>> figure(0.25), figure(0.00001234), figure(123456.7)
    ('0.250', '1.23e-05', '1.23e+05')
    """
    return f"{number:#.3g}"


def as_markdown(columns, rows):
    """A table in Markdown, from the arguments of `Report.table`.

    >>> print(as_markdown(("network", "test %"), [("KAF", "97.21")]))
    | network | test % |
    | :--- | ---: |
    | KAF | 97.21 |
    """
    alignment = [":---"] + ["---:"] * (len(columns) - 1)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (columns, alignment, *rows))


def verdict(good):
    """The text ok in green, or FAIL in red."""
    return Text("ok", style="green") if good else Text("FAIL", style="bold red")
