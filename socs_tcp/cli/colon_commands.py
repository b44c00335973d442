"""What can be typed in the console beside what is sent to the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exits import UsageError

if TYPE_CHECKING:
    from ..core.link import Link

HELP = r"""  *IDN?        a command: it is sent, its reply is shown; escapes are understood: \x05
  :send TEXT   send without waiting for a reply
  :hex         also show replies in hexadecimal; enter it again to stop
  :link        show the state of the connection
  :save FILE   write the conversation to a new file, from its beginning and from now on
  :help        show this text
  :quit        end the console (also: Ctrl-D)
"""


def command_of(line: str) -> tuple[str, str]:
    """What a line asks for, and with what: ``("send", "volt 1")``; ``("", line)`` for a query.

    Raises
    ------
    UsageError
        If there is no such thing.
    """
    if not line.startswith(":"):
        return ("listen", "") if not line.strip() else ("", line)
    name, _, rest = line[1:].partition(" ")
    takes = {"send": True, "save": True, "hex": False, "link": False, "help": False,
             "quit": False}
    if name not in takes:
        raise UsageError(f":{name} is not known here; there are "
                         + ", ".join(f":{known}" for known in takes))
    if takes[name] and not rest.strip():
        raise UsageError(f":{name} needs {'TEXT' if name == 'send' else 'FILE'}")
    return name, rest


def misdirected(line: str) -> str:
    """What to say where a line looks as if it were for the console; empty where it does not."""
    word = line.strip().lower()
    meant = {"quit": ":quit", "exit": ":quit", "\\q": ":quit", "help": ":help"}.get(word)
    return "" if meant is None else f"{word!r} goes to the device; here it is {meant}"


def link_line(link: Link) -> str:
    """What is known of a connection."""
    rtt = "none yet" if link.last_rtt is None else f"{link.last_rtt * 1000:.2f} ms"
    return (f"{link.name} is {link.state.value}: {link.reason}; {link.exchanges} exchanges, "
            f"{link.losses} losses, {link.timeouts} timeouts, last round trip {rtt}")
