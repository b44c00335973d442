"""The telnet side of a simulated device: it uses all kinds of negotiation.

Written apart from what the package's clients use: a mistake there must not be made here, too.
"""

from __future__ import annotations

import re

#: What a serial server says first: WILL and DO suppress-go-ahead, WILL echo, DO binary,
#: WILL binary, DO com-port-option (RFC 2217).
GREETING = (b"\xff\xfb\x03" b"\xff\xfd\x03" b"\xff\xfb\x01" b"\xff\xfd\x00" b"\xff\xfb\x00"
            b"\xff\xfd\x2c")
#: IAC IAC; a subnegotiation; WILL, WONT, DO, DONT with an option; any other command.
_SEQUENCE = re.compile(rb"\xff(?:\xff|\xfa.*?\xff\xf0|[\xfb-\xfe].|[\xf0-\xf9])", re.DOTALL)
#: Bytes of a sequence without an end that are kept.
LONGEST = 4096


def escape(data: bytes) -> bytes:
    """`data` as it goes on the wire: each byte 255 twice."""
    return data.replace(b"\xff", b"\xff\xff")


class TelnetEar:
    """Takes one client's commands of telnet out of what it sends."""

    def __init__(self) -> None:
        self._rest = b""

    def hear(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """What is meant for the device, and the client's commands of telnet."""
        data, self._rest = self._rest + data, b""
        commands: list[bytes] = []
        meant, start = b"", 0
        while (at := data.find(b"\xff", start)) >= 0:
            meant += data[start:at]
            found = _SEQUENCE.match(data, at)
            if found is None:
                self._rest = data[at:at + LONGEST]
                return meant, commands
            if found[0] == b"\xff\xff":
                meant += b"\xff"
            else:
                commands.append(found[0])
            start = found.end()
        return meant + data[start:], commands
