"""What the exit code tells a script."""

from __future__ import annotations

#: Listed in the help of each command that uses them.
GOOD, FAILED, USAGE, NO_CONNECTION, NO_REPLY = 0, 1, 2, 3, 4
#: As a shell has it for SIGINT, SIGPIPE and SIGTERM.
INTERRUPTED, BROKEN_PIPE, TERMINATED = 128 + 2, 128 + 13, 128 + 15

EXIT_CODES = """\
exit codes: 0 success; 1 another failure of the device; 2 a mistake in the command line;
3 no connection; 4 no reply in time.
"""


class UsageError(ValueError):
    """The command line has a mistake; the main program says which."""


def exit_code(error: BaseException) -> int:
    """What a script learns of an error."""
    from ..core.errors import ConnectFailed, ReplyTimedOut

    if isinstance(error, ConnectFailed):
        return NO_CONNECTION
    return NO_REPLY if isinstance(error, ReplyTimedOut) else FAILED
