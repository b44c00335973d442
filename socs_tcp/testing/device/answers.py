"""Special answers of a device's script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...core.checks import check_seconds
from ...core.framing import Text, to_bytes


class Block(bytes):
    """A reply that has its own end: what it ends with is never taken for a terminator."""


def block(data: Text, *, digits: int | None = None) -> Block:
    """`data` as a block of IEEE 488.2: ``#``, a digit, the length, and the bytes.

    Parameters
    ----------
    data : bytes or str
        Any bytes.
    digits : int, optional
        How many digits the length has, 1 to 9. Default: as few as it needs. 0: a block of
        indefinite length (``#0``), which ends only with the terminator of the reply.

    Returns
    -------
    Block
        Use it as an answer. The terminator of the reply follows it.

    Raises
    ------
    ValueError
        If the length does not fit into `digits`.
    """
    data = to_bytes(data)
    if digits == 0:
        return Block(b"#0" + data)
    length = str(len(data)).zfill(digits or 0)
    if len(length) > (digits or 9):
        raise ValueError(f"{len(data)} bytes cannot be announced in {digits or 9} digits")
    return Block(b"#%d%s%s" % (len(length), length.encode(), data))


@dataclass(frozen=True)
class Deaf:
    """An answer, after which the device hears nothing for a while."""

    seconds: float
    answer: Any = None


def deaf(seconds: float, answer: Any = None) -> Deaf:
    """`answer`; after it, everything that is sent to the device within `seconds` is lost.

    For example, an instrument that writes to its memory: ``{"SAVE": deaf(2.0)}``.

    Parameters
    ----------
    seconds : float
        Counted from the arrival of the command.
    answer : Answer, optional
        Any answer of a script. Default: no answer.
    """
    check_seconds("seconds", seconds)
    return Deaf(seconds, answer)
