"""The one exception which a command raises for input it cannot use: it is printed as one line, never as a traceback."""


class CommandError(Exception):
    """What is wrong, where, and what to do, in one line; `kaf.cli.main.main` prints it and exits with `status`.

    >>> CommandError("no such file").status
    2
    """

    status = 2


class Interrupted(CommandError):
    """Ctrl-C stopped the command; the message says what was kept (exit status 130, as a shell reports SIGINT)."""

    status = 130
