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


_LONGEST, _KEPT = 60, 40


def quoted(text):
    """A text from a file or the command line, in quotes, as messages show it: on one line, and a long text shortened.

    >>> print(quoted("a"), quoted("a\\nb"), quoted("7" * 5000))
    'a' 'a\\nb' '7777777777777777777777777777777777777777...' (5000 characters)
    """
    return repr(text) if len(text) <= _LONGEST else f"{text[:_KEPT] + '...'!r} ({len(text)} characters)"


def shown(text):
    """As `quoted`, but without quotes.

    >>> print(shown("a b"), shown("a\\nb"))
    a b a\\nb
    """
    one_line = text if text.isprintable() else repr(text)[1:-1]
    return one_line if len(text) <= _LONGEST else f"{shown(text[:_KEPT])}... ({len(text)} characters)"
