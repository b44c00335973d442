"""Questions with a number and a checksum, and who judges the answers.

Each question holds a number that no other has. The device returns it with a checksum of its
own, so that whatever a client hands over can be judged: the answer to this question, the
answer to another (which must never happen), or damaged (which no framing can prevent where
a device sends garbage in front of its answer).
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from socs_tcp import LengthFramer, LineFramer
from socs_tcp.framing import Framer

#: The client's limit for one frame: an endless line is found out soon.
MAX_LENGTH = 4096

_RECORD = re.compile(rb"r([0-9a-f]{8})([0-9a-f]{8})")
_QUESTION = re.compile(rb"q([0-9a-f]{8})([0-9a-f]{8})")
IDENTITY = b"storm device"


class Verdict(Enum):
    """What an answer is."""

    RIGHT = "right"
    DAMAGED = "damaged"
    #: The answer to another question.
    WRONG = "wrong"


def _record(letter: bytes, number: int) -> bytes:
    text = letter + b"%08x" % number
    return text + b"%08x" % zlib.crc32(text)


def question(number: int) -> bytes:
    """What is asked."""
    return _record(b"q", number)


def answer(number: int) -> bytes:
    """What must be answered."""
    return _record(b"r", number)


def judge(number: int, reply: bytes) -> Verdict:
    """Is `reply` the answer to this question?"""
    if reply == answer(number):
        return Verdict.RIGHT
    for match in _RECORD.finditer(reply):
        other = int(match[1], 16)
        if other != number and match[0] == answer(other):
            return Verdict.WRONG
    return Verdict.DAMAGED


@dataclass(frozen=True)
class Dialect:
    """How questions and answers are packed."""

    name: str
    framer: Callable[[], Framer]
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]


def _two_bytes(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload


DIALECTS = {
    "line": Dialect("line", lambda: LineFramer(max_length=MAX_LENGTH), bytes, bytes),
    "length": Dialect(
        "length", lambda: LengthFramer(2, lambda header: int.from_bytes(header, "big"),
                                       max_length=MAX_LENGTH),
        _two_bytes, lambda frame: frame[2:]),
}


def matches(dialect: Dialect) -> Callable[[bytes, bytes], bool]:
    """For ``late_replies``: does the reply carry the number of the command?"""
    def same_number(command: bytes, reply: bytes) -> bool:
        asked, told = _QUESTION.search(command), _RECORD.search(dialect.unpack(reply))
        return asked is not None and told is not None and asked[1] == told[1]
    return same_number


class Device:
    """What answers; a handler for `ScriptedDevice`, called in the thread of the device.

    Parameters
    ----------
    dialect : Dialect
    echoes : bool
        Send, in front of every seventh answer, the one to an earlier question once more.
    """

    def __init__(self, dialect: Dialect, echoes: bool = False) -> None:
        self._dialect = dialect
        self._echoes = echoes
        self._last = 0
        self._lock = threading.Lock()       # guards mangled
        self.mangled: list[bytes] = []      # commands that no client can have meant

    def __call__(self, command: bytes) -> bytes | tuple[bytes, ...] | None:
        text = self._dialect.unpack(command)
        if text == b"ID?":
            return self._dialect.pack(IDENTITY)
        match = _QUESTION.fullmatch(text)
        number = int(match[1], 16) if match else -1
        if number < 0 or text != question(number):
            with self._lock:
                self.mangled.append(command[:60])
            return None
        last, self._last = self._last, number
        right = self._dialect.pack(answer(number))
        if self._echoes and number % 7 == 0:
            return self._dialect.pack(answer(last)), right
        return right
