"""The exceptions that a command raises for the user's errors. They are printed as one line, never as a traceback."""


class CommandError(Exception):
    """An error of the user. The message says in one line what is wrong, where, and what to do.

    `kaf.cli.main.main` prints the message and exits with `status`.

    >>> CommandError("no such file").status
    2
    """

    status = 2


class Interrupted(CommandError):
    """Ctrl-C stopped the command. The message says what was kept. The exit status 130 is what a shell reports for SIGINT."""

    status = 130
