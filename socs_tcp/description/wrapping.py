"""What stands around a message, and how its bytes are escaped (byte stuffing). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import BadReply, shown


@dataclass(frozen=True)
class Wrapping:
    """What begins each message, and the bytes that cannot stand in one as they are.

    Parameters
    ----------
    start : bytes
        What each message and each reply begins with.
    escape : int or None
        The byte that announces an escaped one.
    codes : dict
        What follows the escape, for each byte that is escaped.
    repeats : bool
        May a reply begin with `start` several times, or without it? (It is what ends them, too.)
    """

    start: bytes = b""
    escape: int | None = None
    codes: dict[int, int] = field(default_factory=dict)
    repeats: bool = False

    def wrap(self, data: bytes) -> bytes:
        """`data` as it is sent, but for the terminator."""
        if self.escape is None:
            return self.start + data
        return self.start + b"".join(
            bytes((self.escape, self.codes[byte])) if byte in self.codes else bytes((byte,))
            for byte in data)

    def unwrap(self, frame: bytes) -> bytes:
        """What `frame` says, the inverse of `wrap`.

        Raises
        ------
        BadReply
            If it does not begin as it must, or has an escape that means nothing.
        """
        if self.repeats:
            while self.start and frame.startswith(self.start):
                frame = frame.removeprefix(self.start)
        elif frame.startswith(self.start):
            frame = frame.removeprefix(self.start)
        else:
            raise BadReply(f"it does not begin with {shown(self.start)}")
        if self.escape is None:
            return frame
        meant = {code: byte for byte, code in self.codes.items()}

        def one(match: re.Match[bytes]) -> bytes:
            if match[1] and match[1][0] in meant:
                return bytes((meant[match[1][0]],))
            raise BadReply(f"the escape {shown(match[0])} has no meaning")
        return re.sub(re.escape(bytes((self.escape,))) + b"(?s:(.?))", one, frame)
