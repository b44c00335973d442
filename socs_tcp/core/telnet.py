"""Telnet negotiation, taken out of what a device sends. Pure.

A telnet server puts commands among its bytes: IAC (255) and a command, IAC with an option to
agree on, or a whole subnegotiation (RFC 854, RFC 855). They are no part of any reply. We agree
to nothing.
"""

from __future__ import annotations

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240

#: What we answer to an offer or a request.
REFUSALS = {DO: WONT, WILL: DONT}

#: Bytes of one subnegotiation that are read; a device that sends more is cut off there.
LONGEST = 1024


def escape(data: bytes) -> bytes:
    """`data` as it is sent over telnet: each byte 255 twice."""
    return data.replace(b"\xff", b"\xff\xff")


class TelnetFilter:
    """Takes negotiation out of the bytes of one connection, wherever they are cut in pieces."""

    __slots__ = ("_pending", "_refused")

    def __init__(self) -> None:
        self._pending = b""     # the beginning of a sequence whose end has not come
        self._refused: set[tuple[int, int]] = set()

    def strip(self, data: bytes) -> tuple[bytes, bytes]:
        """What the device said, and what is to be answered to its negotiation.

        Each option is refused once on a connection, so that two sides that refuse each other's
        refusals do not talk for ever.
        """
        if not self._pending and IAC not in data:
            return data, b""
        data, self._pending = self._pending + data, b""
        said, answer = bytearray(), bytearray()
        start = 0
        while (at := data.find(IAC, start)) >= 0:
            said += data[start:at]
            start = self._after(data, at, said, answer)
            if start < 0:
                self._pending = data[at:][:LONGEST]
                return bytes(said), bytes(answer)
        return bytes(said + data[start:]), bytes(answer)

    def _after(self, data: bytes, at: int, said: bytearray, answer: bytearray) -> int:
        """Where the sequence that begins at `at` ends; -1 if that has not come yet."""
        command = data[at + 1:at + 2]
        if not command:
            return -1
        if command[0] == IAC:
            said.append(IAC)
            return at + 2
        if command[0] == SB:
            return self._after_subnegotiation(data, at)
        if command[0] < WILL:
            return at + 2
        option = data[at + 2:at + 3]
        if not option:
            return -1
        refusal = REFUSALS.get(command[0])
        if refusal is not None and (refusal, option[0]) not in self._refused:
            self._refused.add((refusal, option[0]))
            answer += bytes((IAC, refusal, option[0]))
        return at + 3

    def _after_subnegotiation(self, data: bytes, at: int) -> int:
        end = data.find(bytes((IAC, SE)), at + 2)
        if end >= 0:
            return end + 2
        return len(data) if len(data) - at >= LONGEST else -1
