"""What ends a command early, told to the user in one line."""


class InputError(ValueError):
    """Input that PBRS cannot work with.

    The message is one line that says what came, what was expected and what to do. The command line prints it and exits
    with status 2.
    """


class Interrupted(Exception):  # noqa: N818 -- not an error: the user asked for it
    """The user stopped a command with ^C; the message says what is kept and how to go on."""
