"""Questions with a number and a checksum, and who judges the answers.

Each question holds a number that no other has. The device returns it with a checksum of its
own, so that whatever a client hands over can be judged: the answer to this question, the
answer to another (which must never happen), or damaged (which no framing can prevent where
a device sends garbage in front of its answer).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from socs_tcp import LengthFramer, LineFramer
from socs_tcp.core.framing import Framer

#: The client's limit for one frame: an endless line is found out soon.
MAX_LENGTH = 4096

_RECORD = re.compile(rb"r([0-9a-f]{8})([0-9a-f]{8})")
_QUESTION = re.compile(rb"q([0-9a-f]{8})([0-9a-f]{8})")
_COMMAND = re.compile(rb"c([0-9a-f]{8})([0-9a-f]{8})")
#: Of the answers to commands that have none: no question has such a number.
UNDECLARED = 0xA0000000
IDENTITY = b"storm device"


class Verdict(Enum):
    """What an answer is."""

    RIGHT = "right"
    #: With garbage in front of it, which no framing can tell from the answer; or, where
    #: garbage looks like a frame without content, empty.
    DAMAGED = "damaged"
    #: Not even that: a piece of an answer.
    FRAGMENT = "fragment"
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


def command(number: int) -> bytes:
    """What is only sent."""
    return _record(b"c", number)


def looks_right(reply: bytes) -> bool:
    """For ``match``: what any answer looks like, to whichever question."""
    return _RECORD.search(reply) is not None


def judge(number: int, reply: bytes) -> Verdict:
    """Is `reply` the answer to this question?"""
    if reply == answer(number):
        return Verdict.RIGHT
    for match in _RECORD.finditer(reply):
        other = int(match[1], 16)
        if other != number and match[0] == answer(other):
            return Verdict.WRONG
    if not reply or reply.endswith(answer(number)):
        return Verdict.DAMAGED
    return Verdict.FRAGMENT


def safe_to_repeat(number: int) -> bool:
    """May the device get this question twice?"""
    return number % 3 == 0


@dataclass(frozen=True)
class Dialect:
    """How questions and answers are packed."""

    name: str
    framer: Callable[[], Framer]
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]
    #: What the device says between two answers in one piece.
    glue: bytes


def _two_bytes(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload


DIALECTS = {
    "line": Dialect("line", lambda: LineFramer(max_length=MAX_LENGTH), bytes, bytes,
                    b"\r\n"),
    "length": Dialect(
        "length", lambda: LengthFramer(2, lambda header: int.from_bytes(header, "big"),
                                       max_length=MAX_LENGTH),
        _two_bytes, lambda frame: frame[2:], b""),
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
    echoes : {'', 'before', 'after'}
        Send, in front of every seventh answer or glued to its end, the one to an earlier
        question once more.
    most : int
        The highest number whose repetitions are counted.
    answers_command : callable
        Called with the number of each command that is only sent.
    """

    def __init__(self, dialect: Dialect, echoes: str = "", most: int = 0,
                 answers_command: Callable[[int], object] = lambda number: None) -> None:
        self._dialect = dialect
        self._echoes = echoes
        self._answers_command = answers_command
        self._last = 0
        # Written by the thread of the device, read when it has ended.
        self.mangled: list[bytes] = []      # commands that no client can have meant
        self.repeated: list[int] = []       # asked more often than is safe
        # of a fixed size, so as not to look like a leak
        self._seen = bytearray(most + 1)

    def __call__(self, command: bytes) -> bytes | tuple[bytes, ...] | None:
        text = self._dialect.unpack(command)
        if text == b"ID?":
            return self._dialect.pack(IDENTITY)
        sent = _COMMAND.fullmatch(text)
        if sent is not None:
            self._answers_command(int(sent[1], 16))
            return None
        match = _QUESTION.fullmatch(text)
        number = int(match[1], 16) if match else -1
        if number < 0 or text != question(number):
            self.mangled.append(command[:60])
            return None
        if number < len(self._seen):
            self._seen[number] += 1
            if self._seen[number] > 1 + safe_to_repeat(number):
                self.repeated.append(number)
        last, self._last = self._last, number
        right, echo = (self._dialect.pack(answer(n)) for n in (number, last))
        if number % 7 or not self._echoes:
            return right
        return (echo, right) if self._echoes == "before" else right + self._dialect.glue + echo
